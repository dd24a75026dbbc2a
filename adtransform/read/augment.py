"""Augmented assignment: a number is rebound, an array is written, and where it is not known which, something is assumed."""

from __future__ import annotations

import ast
from collections.abc import Callable

from adtransform.ir import Const, Let, Var
from adtransform.lattice import Array, List, Scalar, Unknown
from adtransform.ops import elementwise
from adtransform.read.assuming import CHOICES, FILLED, NUMBERS, RANK_KEEPING, ndim
from adtransform.read.control import Control
from adtransform.read.core import Asked
from adtransform.read.frames import Frame
from adtransform.read.heap import BESIDE, LOOP, Place
from adtransform.read.operators import BINARY
from adtransform.read.proving import NOT_ITERABLE
from adtransform.read.refs import (
    DictRef,
    EitherRef,
    Entries,
    Items,
    ListRef,
    Method,
    ObjectRef,
    RecordsRef,
    Ref,
    Row,
    Step,
    Storage,
    View,
)
from adtransform.rewrite import loaded, operands

_KEY = "%key"
_PLACE = "%place"

_ARRAYS = ("array", "deep", "rank")  # what is assumed of a parameter that has axes


def _shown(name: str) -> str:
    """What shares the memory of something, in a message."""
    if name == LOOP or name.startswith("%h"):
        return "what a loop runs over"
    if name == "%operand":
        return "an operand beside it"
    if name == BESIDE:
        return "what is in hand beside it"
    return name if " " in name else f"`{name.lstrip('%')}`"


class Augment(Control):
    """Reading `x += v`."""

    def augment(self, stmt: ast.AugAssign) -> None:
        """`x += v`: a number is rebound, an array is written, a list is extended."""
        op = BINARY[type(stmt.op)]
        goal = stmt.target
        match goal:
            case ast.Name(id=name):
                read = ast.copy_location(ast.Name(name, ast.Load()), goal)
                before = self.expression(read)
                value, before = self.added([before], lambda: self.expression(read), stmt)
                self.place = self.origin(stmt)
                self.augment_name(name, before, op, value, stmt)
            case ast.Subscript(value=owner, slice=key):
                base = self.expression(owner)
                self.augment_item(base, key, op, stmt)
            case ast.Attribute(value=owner):
                self.augment_attribute(self.expression(owner), goal, op, stmt)

    def added(self, held: list[Ref], again: Callable[[], Ref], stmt: ast.AugAssign) -> tuple[Ref, ...]:
        """The right side, read after what is updated, as Python does, and what was held then, as it is now.

        Refused where it binds or writes what is updated itself, the first of `held`.
        """
        before = held[0]
        content = self.content(before.storage) if isinstance(before, View) else None
        with self.holding(held):
            value = self.expression(stmt.value)
        if held[0] is not before:
            before = held[0]
            content = self.content(before.storage) if isinstance(before, View) else None
        calls = any(isinstance(n, (ast.Call, ast.NamedExpr, ast.Attribute, ast.BinOp)) for n in ast.walk(stmt.value))
        if calls and isinstance(before, (View, ListRef)):
            now = again()
            t = self.type_of(self.value(before)) if isinstance(before, View) else None
            bound = not isinstance(now, (View, ListRef)) or now.storage is not before.storage
            written = isinstance(before, View) and before.path and self.content(before.storage) is not content
            if isinstance(t, Unknown) and bound and isinstance(before, View):
                bound = self.is_array(ast.unparse(stmt.target), before, stmt)
            if (bound and not isinstance(t, Scalar)) or written:
                what = "an update whose right side binds or writes what is updated"
                self.refuse(stmt, what, "give the right side a name first: v = ...")
        return value, *held

    def augment_attribute(self, owner: Ref, goal: ast.Attribute, op: str, stmt: ast.AugAssign) -> None:
        """`owner.name += v`"""
        owner = self.there(owner, goal, f"'NoneType' object has no attribute '{goal.attr}'", AttributeError)
        attr = self.spelled(goal.attr)
        if (kept := self.column_of(owner, attr)) is not None:
            self.augment_field(*kept, op, stmt)
            return
        before = self.attribute(owner, attr, goal)
        # Nothing of the user's is run to look again: no property.
        content = self.heap.get(owner.storage) if isinstance(owner, ObjectRef) else None
        held = isinstance(content, Entries) and attr in content.refs
        value, before = self.added([before], lambda: self.attribute(owner, attr, goal) if held else before, stmt)
        self.place = self.origin(stmt)
        if not isinstance(owner, ObjectRef):
            # Of a part of a complex array; refused, in its words, for anything else.
            self.set_attribute(owner, attr, self.binary(op, before, value, stmt) if isinstance(owner, View) else before, goal)
            return

        def rebind(ref: Ref) -> None:
            self.set_attribute(owner, attr, self.named(attr, ref, stmt), goal)

        bound = self.augment_name(attr, before, op, value, stmt, rebind, (owner.storage, attr))
        member = self.class_member(owner.kind.order, attr, goal)
        if not bound and member is not None and member.kind == "property":
            rebind(before)  # what was written in place is set as well

    def augment_field(self, column: ListRef, row: Row, op: str, stmt: ast.AugAssign) -> None:
        """The same of a field of an item of a list of records, which is an item of a list."""
        self.frame.env[_PLACE] = row.key
        self.augment_item(column, ast.copy_location(ast.Name(_PLACE, ast.Load()), stmt.target), op, stmt)
        self.frame.env.pop(_PLACE, None)
        self.may_write_row(row, stmt)

    def augment_name(
        self,
        name: str,
        before: Ref,
        op: str,
        value: Ref,
        stmt: ast.AugAssign,
        rebind: Callable[[Ref], None] | None = None,
        place: Place | None = None,
    ) -> bool:
        """`name += value`: whether the name was bound anew; `rebind` does it, `place` is an attribute instead of the name."""
        rebind = rebind or (lambda ref: self.bind(name, ref, stmt))
        if isinstance(before, ListRef) and op in ("add", "mul") and self.in_list(before.storage, op, value, stmt):
            return False
        if isinstance(before, RecordsRef) and op == "add":
            self.extend_records(before, value, stmt)
            return False
        if self.in_dict(before, op, value, stmt):
            return False
        if isinstance(before, ObjectRef):
            method = self.special(before, f"__i{op.rstrip('_')}__", stmt)
            if method is not None:
                rebind(self.apply(method, [before, value], {}, stmt))
                return True
        if not isinstance(before, View):
            rebind(self.binary(op, before, value, stmt))
            return True
        if self.inner_list(before, op, value, stmt):
            return False
        a = self.value(before, stmt)
        if isinstance(self.type_of(a), Unknown) and not self.is_array(name, before, stmt, place):
            written = before.storage.param in self.written
            self.may_be_passed_twice(before, stmt)
            self.may_be_outside(before, stmt)
            if op in ("add", "mul") and written:
                self.assume_no_list(a, "`{}` is updated as a whole")  # a list would have more items
            rebind(self.binary(op, before, value, stmt))
            return True
        self.has_axes(name, before, stmt, place)
        new = self.value(self.binary(op, before, value, stmt), stmt)
        self.place = self.origin(stmt)
        t, u = self.type_of(a), self.type_of(new)
        if t != u or not isinstance(t, Array) or self.loose(a):
            self.overwrite(before, new, stmt, name)
        else:
            named = self.let("assign", new, hint=name, type=u)
            self.store(before, named, stmt, name)
        return False

    def outermost(self) -> Frame:
        """The frame of the function that is read, whose parameters they are."""
        frame = self.frame
        while frame.caller is not None:
            frame = frame.caller
        return frame

    def item_of_many(self, item: View, stmt: ast.AugAssign) -> None:
        """An item at an index not known yet is bound anew, where nobody else reads what may be that array."""
        value = self.value(item)
        twice = "another item" if self.is_doubled(item.storage) else ""
        if (name := self.named_item(item) or self.other_list(item.storage) or twice) and isinstance(value, Var):
            self.asked.append(Asked(value, ast.unparse(stmt.target), _shown(name), self.origin(stmt)))
        for storage in self.partners(item.storage):
            name = self.reached(storage, beside=True)
            if name and not self.is_list(storage) and isinstance(self.type_of(self.value(View(storage))), (Array, Unknown)):
                what = f"an item updated in place, which may be {_shown(name)}"
                self.refuse(stmt, what, "put a copy into the list: l.append(x.copy())")
        self.may_be_passed_twice(item, stmt)

    def inner_list(self, item: View, op: str, value: Ref, stmt: ast.AugAssign) -> bool:
        """`+=` of a list in a list, which changes that list."""
        t = self.type_of(self.value(item))
        if not isinstance(t, List):
            return False
        a = self.value(value, stmt) if isinstance(value, (View, Var)) else None
        if op != "add" or (a is not None and not isinstance(self.type_of(a), List)):
            self.refuse(stmt, "this update of a list in a list", "bind a new one: rows[i] = rows[i] + more")
        self.list_item_method(item, t, "extend", [value], {}, stmt)
        return True

    def other_list(self, storage: Storage) -> str:
        """A name of another list that may hold what a list holds; empty where there is none."""
        return next((n for s in self.partners(storage) if self.is_list(s) and (n := self.reached(s))), "")

    def named_item(self, item: View) -> str:
        """What holds an item of a list as deep in it as this one, a name still to be read or none; empty where nothing does."""
        holders = [*self.unnamed]
        frame: Frame | None = self.frame
        while frame is not None:
            holders += [(n, [r]) for n, r in frame.env.items() if frame.is_live(n)]
            frame = frame.caller

        def holds(ref: Ref) -> bool:
            views = (r for r in self.holds(ref) if isinstance(r, View))
            return any(v.storage is item.storage and len(v.path) >= len(item.path) for v in views)

        return next((what for what, refs in holders if any(map(holds, refs))), "")

    def in_list(self, storage: Storage, op: str, value: Ref, stmt: ast.AugAssign) -> bool:
        """`l += more`, `l *= count` in the list itself; False for an array, to which the list is added."""
        if op == "add":
            a = self.value(value, stmt) if isinstance(value, (View, Var)) else None
            if a is not None and isinstance(self.type_of(a), Array):
                return False
            if a is not None and isinstance(self.type_of(a), Unknown):
                param = self.root(a)
                if not param:
                    self.refuse(stmt, "a list to which what may be an array is added", "write l.extend(v), or annotate")
                self.take(param, "list", f"isinstance({param}, (list, tuple))", f"a list is extended by `{param}`")
            self.extend(storage, self.there(value, stmt, NOT_ITERABLE), stmt)
            return True
        count, content = self.static(self.value(value, stmt)), self.content(storage)
        if count is None or not isinstance(count.value, int) or count.value > 64 or not isinstance(content, Items):
            self.refuse(stmt, "a list that is repeated in place, of unknown length or how often", "bind a new one: l = l * n")
        self.may_write(storage, stmt, structural=True)
        self.heap[storage] = Items(content.refs * count.value)
        if storage.limit is not None:
            self.keep_last(ListRef(storage), storage.limit, stmt)
        return True

    def in_dict(self, before: Ref, op: str, value: Ref, stmt: ast.AugAssign) -> bool:
        """`d |= other`: the dict itself is written, whoever else sees it; gives whether it is one."""
        if op != "or_" or not isinstance(before, DictRef):
            return False
        self.dict_method(before, "update", [value], {}, stmt)
        return True

    def once(self, key: ast.expr, name: str = _KEY) -> ast.expr:
        """A key that is read more than once and evaluated only here, before what may change what it reads."""
        if isinstance(key, ast.Slice) or not any(isinstance(n, ast.Name) for n in ast.walk(key)):
            return key
        self.frame.env[name] = self.expression(key)
        return ast.copy_location(ast.Name(name, ast.Load()), key)

    def set_again(self, base: Ref, key: ast.expr, item: Ref, stmt: ast.AugAssign) -> None:
        """What was written in place becomes the item, which only an object of the user's can tell, or part of a list."""
        if isinstance(base, ObjectRef) or (isinstance(base, ListRef) and isinstance(key, ast.Slice)):
            self.assign_item(base, key, item, stmt)

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

    def place_of(self, base: Ref, key: ast.expr) -> Place | None:
        """The item of a list or a dict at a key that is known."""
        known = self.constant_key(self.expression(key)) if isinstance(key, (ast.Constant, ast.UnaryOp, ast.Name)) else None
        if known is None or not isinstance(base, (ListRef, DictRef)):
            return None
        content = self.content(base.storage)
        at = known.value
        return base.storage, at % len(content.refs) if isinstance(content, Items) and content.refs else at

    def is_array(self, name: str, view: View, stmt: ast.AugAssign, place: Place | None = None) -> bool:
        """Whether an unknown value that is augmented is an array that others see: settled by an assumption if it matters."""
        others = self.aliases(view, place or name)
        if not others:
            return False
        shown = _shown(others[0])
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

    def has_axes(self, name: str, view: View, stmt: ast.AugAssign, place: Place | None = None) -> None:
        """Have what is written as an array, and seen by others, have axes: arithmetic without any makes a number."""
        a = self.value(view)
        op = self.made_by(a)
        made = op in CHOICES or not (op in NUMBERS or elementwise(op)) or self.is_made(a)
        if made or not self.may_be_bare(a) or not self.aliases(view, place or name):
            return
        found = self.axes(a)
        if found is None:
            shown = _shown(self.aliases(view, place or name)[0])
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

    def augment_item(self, base: Ref, key: ast.expr, op: str, stmt: ast.AugAssign) -> None:
        """`x[k] += v`"""
        base = self.there(base, stmt)
        if (
            isinstance(base, DictRef)
            and isinstance(key, ast.Constant)
            and (kept := self.column_of(base, key.value)) is not None
        ):
            self.augment_field(*kept, op, stmt)
            return
        if isinstance(base, Method) and base.name == "flat":
            base = self.through(base.owner, Step("flat"), stmt)
        if not isinstance(base, View):
            key = self.once(key)
            grown = self.grown_item(base, self.expression(key), stmt) if isinstance(base, DictRef) else None
            before = self.subscript(base, key, stmt) if grown is None else grown
            own = isinstance(base, ObjectRef) or (isinstance(base, ListRef) and isinstance(key, ast.Slice))
            value, before = self.added([before], lambda: before if own else self.subscript(base, key, stmt), stmt)
            if isinstance(before, EitherRef):
                what = "an update of an item that is one of several objects, lists or dicts"
                self.refuse(stmt, what, "give it a name first: v = d[k], then v += ...")
            if isinstance(before, View) and isinstance(self.type_of(self.value(before)), Array):
                if isinstance(base, (ListRef, DictRef)):
                    self.has_axes(ast.unparse(stmt.target), before, stmt, self.place_of(base, key))
                new = self.value(self.binary(op, before, value, stmt), stmt)
                self.overwrite(before, new, stmt)
                self.set_again(base, key, before, stmt)
                return
            if isinstance(before, View) and self.inner_list(before, op, value, stmt):
                self.set_again(base, key, before, stmt)
                return
            if isinstance(before, ListRef) and op in ("add", "mul") and self.in_list(before.storage, op, value, stmt):
                self.set_again(base, key, before, stmt)
                return
            if self.in_dict(before, op, value, stmt):
                self.set_again(base, key, before, stmt)
                return
            known = isinstance(base, (ListRef, DictRef)) and isinstance(self.content(base.storage), (Items, Entries))
            if known and isinstance(before, View) and isinstance(self.type_of(self.value(before)), Unknown):
                name = ast.unparse(stmt.target)
                if self.is_array(name, before, stmt, self.place_of(base, key)):
                    self.overwrite(before, self.value(self.binary(op, before, value, stmt), stmt), stmt)
                    return
                self.may_be_passed_twice(before, stmt)
                self.may_be_outside(before, stmt)
            elif isinstance(before, View) and isinstance(self.type_of(self.value(before)), Unknown):
                self.item_of_many(before, stmt)
            self.assign_item(base, key, self.binary(op, before, value, stmt), stmt)
            return
        base, at = self.at_key(base, key)
        before = self.indexed(base, at, stmt)
        value, before, base = self.added([before, base], lambda: before, stmt)
        if isinstance(before, View) and isinstance(self.type_of(self.value(base)), List):
            inner = self.type_of(self.value(before))
            if isinstance(inner, Array):
                self.overwrite(before, self.value(self.binary(op, before, value, stmt), stmt), stmt)
                return
            if isinstance(inner, Unknown):
                self.item_of_many(before, stmt)
        new_ref = self.binary(op, before, value, stmt)
        self.place = self.origin(stmt)
        hint = (
            stmt.target.value.id if isinstance(stmt.target, ast.Subscript) and isinstance(stmt.target.value, ast.Name) else ""
        )
        self.assign_array_item(base, at, new_ref, stmt, hint)
