"""Whether `x += v` writes an array that others see, or makes a new number: told, or settled by an assumption."""

from __future__ import annotations

import ast

from adtransform.ir import Const, Let, Var
from adtransform.lattice import Array, List, Scalar, Unknown
from adtransform.ops import elementwise
from adtransform.read.assuming import CHOICES, FILLED, NUMBERS, RANK_KEEPING, ndim
from adtransform.read.control import Control
from adtransform.read.core import Asked
from adtransform.read.frames import Frame
from adtransform.read.heap import BESIDE, LOOP, Place
from adtransform.read.refs import View
from adtransform.rewrite import loaded, operands

_ARRAYS = ("array", "deep", "rank")  # what is assumed of a parameter that has axes


class InPlace(Control):
    """Settling whether what is augmented is an array."""

    def outermost(self) -> Frame:
        """The frame of the function that is read, whose parameters they are."""
        frame = self.frame
        while frame.caller is not None:
            frame = frame.caller
        return frame

    def may_be_passed_twice(self, view: View, stmt: ast.AugAssign) -> None:
        """Note that what is bound anew, as nobody is seen to share it, would be written if it is an array."""
        for storage in (view.storage, *self.partners(view.storage)):
            if storage.param and not self.has_taken(storage.param, "number"):
                self.written.setdefault(storage.param, self.origin(stmt))

    def may_be_outside(self, view: View, stmt: ast.AugAssign) -> None:
        """Refuse to bind anew what would be written, if it is an array, where others than the function see it."""
        for storage in (view.storage, *self.partners(view.storage)):
            if storage.frozen:
                self.refuse(stmt, storage.frozen, "pass it as an argument, or work on a copy: w = W.copy()")

    def is_array(self, name: str, view: View, stmt: ast.AugAssign, place: Place | None = None) -> bool:
        """Whether an unknown value that is augmented is an array that others see: settled by an assumption if it matters."""
        others = self.aliases(view, place or name)
        if not others:
            return False
        shown = shown_as(others[0])
        if others[0] == name and place is None:
            shown = f"the caller's {shown}"
        choice = self.apart(view, always=True)
        if choice is not None:
            kinds = [self.type_of(self.value(side)) for side in choice.sides]
            found = [
                self.is_array(name, side, stmt, place) if isinstance(kind, Unknown) else not isinstance(kind, Scalar)
                for side, kind in zip(choice.sides, kinds, strict=True)
            ]
            if found[0] != found[1]:
                self.refuse(stmt, f"`{name}`, which may be a number or an array", "annotate the parameters, or copy")
            return found[0]
        content = self.content(view.storage)
        if self.is_picked(content):
            return True
        if self.made_by(content) in CHOICES:
            if content not in self.definitions:  # which a loop may have made a number of
                self.refuse(stmt, f"`{name}` updated in place, seen as {shown} too", "annotate the parameters, or copy")
            return True
        param = self.root(content) if isinstance(content, Var) and not isinstance(content.type, List) else ""
        used = self.frame.scope.used_as_array
        plain = [n for n in others if isinstance(self.frame.env.get(n), View)]  # and not what only holds it
        own = () if place is not None else (name,)  # an attribute may be called as something else is
        as_array = any(n in used for n in (*own, param, *plain)) or self.has_taken(param, "array")
        as_array = as_array or param in self.outermost().scope.used_as_array
        if not view.path and not as_array and isinstance(content, Var) and content not in self.definitions:
            self.asked.append(Asked(content, name, shown, self.origin(stmt)))
            return False
        if view.path and param:
            if all(s.sure for s in view.path):
                return True
            for step in view.path:
                if step.op == "index" and not step.sure:
                    self.assume_ints(step.args[0])
            self.certain(view, stmt)
            # A number that nobody reads any more would be updated for nothing.
            needless = place is None and not self.frame.is_live(name)
            if any(n in used for n in own) or needless or any(s.op != "index" for s in view.path):
                axes = max(1, sum(self.ints(s.args[0]) for s in view.path if s.op == "index"))
                self.take(param, f"deep {axes}", f"np.ndim({param}) > {axes}", f"`{name}` is taken as a view of `{param}`")
                return True
            count = self.ints(view.path[0].args[0]) if len(view.path) == 1 and view.path[0].op == "index" else 0
            if not count:
                self.refuse(stmt, f"`{name}`, which may be a number or a view", "annotate the parameters, or copy")
            why = f"`{name}` is taken as a number, not as a view of `{param}`"
            self.take(param, f"rank {count}", f"np.ndim({param}) == {count}", why)
            return False
        if not param and view.path and not any(n in used for n in own):
            return self.is_row(name, view, shown, stmt)
        if not param:
            sources = self.sources_of(content)
            if sources is None:
                self.has_axes(name, view, stmt, place)
                return True
            if not sources and (view.path or as_array):
                self.refuse(stmt, f"`{name}` updated in place, seen as {shown} too", "annotate the parameters, or copy")
            if not sources and isinstance(content, Var):
                self.asked.append(Asked(content, name, shown, self.origin(stmt)))
                return False
            for source in sources if as_array and len(sources) == 1 else [p for p in sources if p in used]:
                self.take(source, "array", f"isinstance({source}, np.ndarray)", f"`{name}` and {shown} are one array")
                return True
            if as_array:  # made of several parameters: no number, and which of them is the array is not known
                self.refuse(stmt, f"`{name}` updated in place, seen as {shown} too", "annotate the parameters, or copy")
            for source in sources:
                self.take(
                    source,
                    "number",
                    f"np.isscalar({source})",
                    f"`{name}` is updated while {shown} is read",
                )
            return False
        if as_array:
            self.take(param, "array", f"isinstance({param}, np.ndarray)", f"`{name}` and {shown} are one array")
            return True
        self.take(param, "number", f"np.isscalar({param})", f"`{name}` is updated while {shown} is read")
        return False

    def is_row(self, name: str, view: View, shown: str, stmt: ast.AugAssign) -> bool:
        """Whether an element of what was made here is an array: it is taken as a number, unless it surely is none."""
        step = view.path[0]
        count = self.ints(step.args[0]) if len(view.path) == 1 and step.op == "index" else 0
        found = self.axes(self.content(view.storage)) if count else None
        if not found:
            self.refuse(stmt, f"`{name}` updated in place, seen as {shown} too", "annotate the parameters, or copy")
        self.assume_ints(step.args[0])
        if (test := self.rank_test(found, count)) is None:
            return found.get("", 0) > count
        self.take(test[0], f"axes {test[1]}", test[1], f"`{name}` is taken as a number, not as a view")
        return False

    def has_axes(self, name: str, view: View, stmt: ast.AugAssign, place: Place | None) -> None:
        """Have what is written as an array, and seen by others, have axes: arithmetic without any makes a number."""
        a = self.value(view)
        op = self.made_by(a)
        made = op in CHOICES or not (op in NUMBERS or elementwise(op)) or self.is_made(a)
        if made or not self.may_be_bare(a) or not self.aliases(view, place or name):
            return
        found = self.axes(a)
        if found is None:
            shown = shown_as(self.aliases(view, place or name)[0])
            self.refuse(stmt, f"`{name}` updated in place, seen as {shown} too", "annotate the parameters, or copy")
        if found.pop("", 0) > 0 or not found:
            return
        terms = [ndim(p, more) for p, more in found.items()]
        (param, more), *rest = found.items()
        test = f"max({', '.join(terms)}) > 0" if rest else f"np.ndim({param}) > {-more}"
        self.take(param, f"axes {test}", test, f"`{name}` is taken as an array, not as a number")

    def made_by(self, a: object) -> str:
        """The operation that computes a value; empty where it is not known."""
        let = self.maker(a)
        return "" if let is None else let.op

    def maker(self, a: object) -> Let | None:
        """The statement that computes a value, behind what only names it."""
        let = self.first_let(a)
        while let is not None and let.op == "assign":
            let = self.first_let(let.args[0])
        return let

    def is_made(self, a: object) -> bool:
        """Whether a value is what `np.array` made, of a number too."""
        let = self.maker(a)
        return let is not None and not self.arrays.isdisjoint(let.targets)

    def is_picked(self, a: object) -> bool:
        """Whether a value is what a mask, or arrays of indices, pick: an array."""
        let = self.maker(a)
        return let is not None and let.op == "index" and self.form(let.args[1]) == "copy"

    def may_be_bare(self, a: object) -> bool:
        """Whether a value may have no axes: a number, or what NumPy makes of one."""
        if not isinstance(a, Var):
            return True
        if (rank := self.rank(a)) is not None:
            return rank == 0
        let = self.first_let(a)
        name = loaded(let)
        if isinstance(a.type, Unknown) or let is None or name:
            return isinstance(a.type, Unknown) and not any(t.kind.startswith(_ARRAYS) for t in self.taken.get(name, ()))
        if let.op in FILLED:
            made = self.definitions.get(let.args[0]) if isinstance(let.args[0], Var) else None
            return made is not None and (made.op == "index" or (made.op == "shape" and self.may_be_bare(made.args[0])))
        if let.op == "index":
            return let.args[1] == Const(Ellipsis) and self.may_be_bare(let.args[0])
        same = let.op in RANK_KEEPING or let.op in NUMBERS
        return (same or elementwise(let.op)) and all(map(self.may_be_bare, let.args[:1] if same else operands(let)))

    def sources_of(self, a: object) -> list[str] | None:
        """The parameters of unknown type that elementwise operations make a value of; None if something there is an array."""
        found: dict[str, None] = {}
        todo = [a]
        while todo:
            one = todo.pop()
            if not isinstance(one, Var):
                continue
            let = self.definitions.get(one)
            if let is None:
                return []
            if self.rank(one) != 0 and isinstance(self.type_of(one), Array):
                return None
            if name := loaded(let):
                if self.has_taken(name, "array"):
                    return None
                found[name] = None
            elif let.op == "assign" or elementwise(let.op) or let.op.startswith("math."):
                todo.extend(operands(let))
            elif not isinstance(one.type, Scalar):
                return []
        return [p for p in found if isinstance(self.param_type(p), Unknown)]


def shown_as(name: str) -> str:
    """What shares the memory of something, in a message."""
    if name == LOOP or name.startswith("%h"):
        return "what a loop runs over"
    if name == "%operand":
        return "an operand beside it"
    if name == BESIDE:
        return "what is in hand beside it"
    return name if " " in name else f"`{name.lstrip('%')}`"
