"""What is done with one of two objects, lists or dicts, where those are kept apart: with the one or the other.

Otherwise such a name stands for a third one that holds what the one or the other holds, which is all that is needed to read
it; a function in which something is written through such a name is read again with both kept apart.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TypeVar

from adtransform.ir import Atom, Const
from adtransform.read.augment import Augment
from adtransform.read.branches import void
from adtransform.read.functions import CHANGING
from adtransform.read.heap import Place
from adtransform.read.objects import Copies
from adtransform.read.proving import NO_WRITE
from adtransform.read.refs import Conflict, EitherRef, External, Held, Method, RecordsRef, Ref, View, present
from adtransform.read.scope import inside
from adtransform.read.values import is_plain_function

T = TypeVar("T")

_ADDED = "%added"
_WHOLE = "%whole"

# The methods that give what is looked at later.
_VIEWS = frozenset(("keys", "values", "items"))

# The methods and functions that take something as it is, and those that run over it later.
_KEEPING = frozenset("append appendleft insert setdefault get pop".split())
_LATER = frozenset(f"builtins.{n}" for n in ("zip", "enumerate", "reversed", "map", "filter", "iter"))


class Either(Augment):
    """Reading what is one of two objects, lists or dicts."""

    def one_of_two(self, ref: Ref) -> EitherRef | None:
        """One of two that are kept apart; None for anything else."""
        if not self.keeps_apart or not isinstance(ref, EitherRef):
            return None
        first: Ref = ref
        while isinstance(first, EitherRef):
            first = first.then
        return None if is_plain_function(first) else ref

    def known_side(self, ref: EitherRef) -> Ref | None:
        """The one of two that it is on the path being read; None where it may be either."""
        holds = self.holding_now(ref.cond)
        return None if holds is None else ref.then if holds else ref.orelse

    def in_either(self, ref: EitherRef, action: Callable[[Ref], Ref | None], node: ast.AST) -> Ref:
        """What is done with the one or the other, under the test that says which."""

        def side(one: Ref) -> Ref:
            return Const(None) if (found := action(one)) is None else found

        if (known := self.known_side(ref)) is not None:
            return side(known)
        return self.choose(ref.cond, *self.sides(ref, side), node)

    def sides(self, ref: EitherRef, action: Callable[[Ref], T]) -> tuple[Callable[[], T], Callable[[], T]]:
        """What is done with the one, and with the other: a loop read for both is two loops, each with what it carries."""

        def on(one: Ref, which: int) -> T:
            with self.trip(which):
                return action(one)

        return (lambda: on(ref.then, -1)), (lambda: on(ref.orelse, -2))

    def made_whole(self, ref: Ref) -> Ref:
        """One of two as a third one that holds what the one or the other holds, to be read only."""
        held = self.one_of_two(ref)
        if held is None:
            return ref
        if (known := self.known_side(held)) is not None:
            return self.made_whole(known)
        entry = self.save()

        def keep(one: Ref) -> None:
            whole = self.made_whole(one)  # which may go on in another environment
            self.frame.env[_WHOLE] = whole

        then, orelse = self.sides(held, keep)
        a = self.region(entry, self.supposing(held.cond, True, then))
        b = self.region(entry, self.supposing(held.cond, False, orelse))
        self.restore(entry)
        self.whole_of = a.state.env[_WHOLE], b.state.env[_WHOLE]
        self.meet(held.cond, a, b, entry, everything=True)
        self.whole_of = ()
        found = self.frame.env.pop(_WHOLE)
        if isinstance(found, Conflict):
            self.unusable(found, None)
        return found

    def value_of_either(self, ref: EitherRef, node: ast.AST | None) -> Atom:
        """One of two things as an operand."""
        if self.one_of_two(ref) is None or node is None:
            self.unusable(ref, node)
        return self.value(self.in_either(ref, lambda one: self.value(one, node), node), node)

    # Attributes and items.

    def attribute(self, owner: Ref, attr: str, node: ast.AST) -> Ref:
        """`x.attr`"""
        held = self.one_of_two(present(owner))
        if held is None:
            return super().attribute(owner, attr, node)
        self.there(owner, node, f"'NoneType' object has no attribute '{attr}'", AttributeError)
        if attr in _VIEWS:
            return super().attribute(self.made_whole(held), attr, node)
        return self.in_either(held, lambda one: self.attribute(one, attr, node), node)

    def set_attribute(self, owner: Ref, name: str, new: Ref, node: ast.AST) -> None:
        """`owner.name = new`"""
        held = self.one_of_two(present(owner))
        if held is None:
            return super().set_attribute(owner, name, new, node)
        self.there(owner, node, f"'NoneType' object has no attribute '{name}'", AttributeError)
        self.in_either(held, lambda one: self.set_attribute(one, name, new, node), node)
        return None

    def subscript(self, owner: Ref, key: ast.expr, node: ast.AST) -> Ref:
        """`owner[key]`"""
        held = self.one_of_two(present(owner))
        if held is None:
            return super().subscript(owner, key, node)
        self.there(owner, node)
        key = self.once(key)
        return self.in_either(held, lambda one: self.subscript(one, key, node), node)

    def assign_item(self, owner: Ref, key: ast.expr, new: Ref, node: ast.AST, hint: str = "") -> None:
        """`owner[key] = new`"""
        held = self.one_of_two(present(owner))
        if held is None:
            return super().assign_item(owner, key, new, node, hint)
        self.there(owner, node, NO_WRITE)
        key = self.once(key)
        self.in_either(held, lambda one: self.assign_item(one, key, new, node, hint), node)
        return None

    def delete(self, owner: Ref, key: ast.expr, node: ast.AST) -> None:
        """`del owner[key]`"""
        held = self.one_of_two(owner)
        if held is None:
            return super().delete(owner, key, node)
        key = self.once(key)
        self.in_either(held, lambda one: self.delete(one, key, node), node)
        return None

    # Updates.

    def augment_attribute(self, owner: Ref, goal: ast.Attribute, op: str, stmt: ast.AugAssign) -> None:
        """`owner.name += v`"""
        held = self.one_of_two(present(owner))
        if held is None:
            return super().augment_attribute(owner, goal, op, stmt)
        self.there(owner, goal, f"'NoneType' object has no attribute '{goal.attr}'", AttributeError)
        update = self.read_first(stmt)
        self.in_either(held, lambda one: self.augment_attribute(one, goal, op, update), stmt)
        return None

    def augment_item(self, base: Ref, key: ast.expr, op: str, stmt: ast.AugAssign) -> None:
        """`x[k] += v`"""
        held = self.one_of_two(present(base))
        if held is None:
            return super().augment_item(base, key, op, stmt)
        self.there(base, stmt)
        key, update = self.once(key), self.read_first(stmt)
        self.in_either(held, lambda one: self.augment_item(one, key, op, update), stmt)
        return None

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
        """`name += value`: whether the name was bound anew."""
        held = self.one_of_two(before)
        if held is None:
            return super().augment_name(name, before, op, value, stmt, rebind, place)
        self.in_either(held, lambda one: void(self.augment_name(name, one, op, value, stmt, rebind, place)), stmt)
        return True

    def read_first(self, stmt: ast.AugAssign) -> ast.AugAssign:
        """An update whose right side is read before, once, where it is arithmetic of numbers and arrays."""
        nodes = list(ast.walk(stmt.value))
        names = [self.frame.env.get(n.id) for n in nodes if isinstance(n, ast.Name)]
        plain = (ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.expr_context)
        if self.attempts or not all(isinstance(n, plain) for n in nodes) or not all(isinstance(r, (Atom, View)) for r in names):
            return stmt
        return ast.copy_location(ast.AugAssign(stmt.target, stmt.op, self.once(stmt.value, _ADDED)), stmt)

    # Calls.

    def apply(self, function: Ref, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """Call something with arguments that are read already."""
        if self.keeps_apart and isinstance(function, (External, Method)) and any(map(self.one_of_two, args)):
            later = isinstance(function, External) and (function.op in _LATER or function.op.startswith("itertools."))
            if later or (isinstance(function, Method) and function.name not in _KEEPING):
                args = [self.made_whole(a) for a in args]
            elif isinstance(function, External) and function.op != "functools.partial":
                put = 2 if function.op == "builtins.setattr" else len(args)  # what is put into an attribute stays what it is
                place, held = next(((i, h) for i, a in enumerate(args[:put]) if (h := self.one_of_two(a))), (0, None))
                if held is not None:
                    first, last = args[:place], args[place + 1 :]
                    return self.in_either(
                        held, lambda one: self.apply(function, [*first, one, *last], dict(kwargs), node), node
                    )
        return super().apply(function, args, kwargs, node)

    def copied(self, ref: Ref, deep: bool, node: ast.AST, seen: Copies | None = None) -> Ref:
        """`copy.copy(ref)`, or `copy.deepcopy(ref)`."""
        if deep and self.one_of_two(ref) is not None:
            self.refuse(node, "a deep copy of what holds one of several objects, lists or dicts", "copy its parts")
        return super().copied(ref, deep, node, seen)

    # Operators and conditions.

    def binary(self, op: str, left: Ref, right: Ref, node: ast.AST) -> Ref:
        """One binary operator."""
        if (held := self.one_of_two(left)) is not None:
            return self.in_either(held, lambda one: self.binary(op, one, right, node), node)
        if (held := self.one_of_two(right)) is not None:
            return self.in_either(held, lambda one: self.binary(op, left, one, node), node)
        return super().binary(op, left, right, node)

    def unary(self, op: type[ast.unaryop], operand: Ref, node: ast.AST) -> Ref:
        """`-x`, `+x`, `~x`, `not x`"""
        if (held := self.one_of_two(operand)) is not None:
            return self.in_either(held, lambda one: self.unary(op, one, node), node)
        return super().unary(op, operand, node)

    def truth(self, ref: Ref, node: ast.AST) -> Atom:
        """A condition."""
        if (held := self.one_of_two(ref)) is not None:
            return self.value(self.in_either(held, lambda one: self.truth(one, node), node), node)
        return super().truth(ref, node)

    def compared(self, op: str, left: Ref, right: Ref, node: ast.AST) -> Ref:
        """One comparison."""
        if right != Const(None) and (held := self.one_of_two(left)) is not None:
            return self.in_either(held, lambda one: self.compared(op, one, right, node), node)
        if left != Const(None) and (held := self.one_of_two(right)) is not None:
            return self.in_either(held, lambda one: self.compared(op, left, one, node), node)
        return super().compared(op, left, right, node)

    # Running over them.

    def for_loop(self, stmt: ast.For) -> None:
        """`for`: one loop for each, where the loop changes what it runs over."""
        env = self.frame.env
        for name in dict.fromkeys(n.id for n in ast.walk(stmt.iter) if isinstance(n, ast.Name)):
            held = self.one_of_two(env[name]) if name in env else None
            if held is not None and any(_changes(n, name) for n in inside(stmt.body)):

                def over(one: Ref, name: str = name) -> None:
                    self.frame.env[name] = one
                    self.for_loop(stmt)

                self.fork(held.cond, *self.sides(held, over), [], stmt)
                return None
        return super().for_loop(stmt)

    def repeated(self, stmt: ast.For, ref: Ref) -> None:
        """A `for` over what is known by now: over lists of different lengths that hold objects, one loop for each."""
        held = self.one_of_two(present(ref))
        if held is None or self.is_regular(held):
            return super().repeated(stmt, ref)
        self.fork(held.cond, *self.sides(held, lambda one: self.repeated(stmt, one)), [], stmt)
        return None

    def is_regular(self, held: EitherRef) -> bool:
        """Whether two lists are of one length as far as is known, or hold no objects, lists or dicts."""
        if isinstance(held.then, RecordsRef) or isinstance(held.orelse, RecordsRef):
            return False
        items = [self.known_items(r) for r in (held.then, held.orelse)]
        alike = len({None if i is None else len(i) for i in items}) < 2
        return alike or not any(isinstance(r, (Held, EitherRef)) for i in items for r in i or ())

    def iterator(self, ref: Ref, node: ast.AST) -> Ref:
        """What is run over."""
        return super().iterator(self.made_whole(present(ref)), node)

    def unpacked(self, ref: Ref, node: ast.AST) -> list[Ref]:
        """The items of something whose length is known."""
        return super().unpacked(self.made_whole(ref), node)


def _changes(node: ast.AST, name: str) -> bool:
    """Whether a node changes what a name is, or puts something into it."""
    match node:
        case ast.Subscript(value=ast.Name(id=found), ctx=ast.Store() | ast.Del()) | ast.AugAssign(target=ast.Name(id=found)):
            return found == name
        case ast.Call(func=ast.Attribute(value=ast.Name(id=found), attr=attr)):
            return found == name and attr in CHANGING
    return False
