"""`sum` and `math.prod`: what adds up, or multiplies, all items of something."""

from __future__ import annotations

import ast
from typing import Any

from adtransform.ir import Atom, Const, Let, Var
from adtransform.lattice import UNKNOWN, List, Scalar, Type, Unknown
from adtransform.read.objects import Objects
from adtransform.read.refs import ListRef, Ref, TupleRef, View

_THREE = 3  # of two numbers the sum is the same
_AGAIN = -3  # says in the place of a trip that it is read again


def total(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    """`sum`: an addition for each item, or Python's own where that gives something else."""
    start = kwargs.pop("start", None) or (args[1] if len(args) > 1 else Const(0))
    home, before, place = self.builder, self.save(), self.place
    mark, said = len(home.body), len(self.messages)
    items: list[Atom] = []  # added one after another
    types: list[Type] = []  # of what a loop or a branch adds

    def step(total: Ref, item: Ref) -> Ref:
        if self.builder is home and isinstance(item, (Var, Const, View)):
            items.append(self.value(item, node))
        else:
            types.append(self.type_of(self.value(item, node)) if isinstance(item, (Var, Const, View)) else UNKNOWN)
        return self.binary("add", total, item, node)

    if isinstance(args[0], ListRef) and self.known_items(args[0]) is None:
        whole = self.value(args[0], node)
        if isinstance(t := self.type_of(whole), List) and isinstance(t.item, Scalar) and t.item.kind == "float":
            return self.make(_summed(self, [whole], start, node))
    found = self.accumulated(args[0], start, step, node)
    if not types and len(items) >= _THREE and any(_is_summed(self.type_of(a)) for a in items):
        return self.make(_summed(self, items, start, node))
    types += map(self.type_of, items)
    if len(items) < len(types) and all(isinstance(t, Scalar) for t in types) and any(map(_is_summed, types)):
        # Read once more, into a list.
        home.body[mark:] = [s for s in home.body[mark:] if isinstance(s, Let) and s.op == "load"]
        del self.messages[said:]
        self.restore(before)
        self.place = place
        with self.trip(_AGAIN, id(node)):  # these loops carry something else
            listed = self.value(self.as_list(args[0], node), node)
        return self.make(_summed(self, [listed], start, node))
    return found


def _is_summed(t: Type) -> bool:
    """Whether something may be a Python float or complex: `sum` loses less of these, from Python 3.12 on, than `+` does."""
    return isinstance(t, Unknown) or (isinstance(t, Scalar) and t.dtype in (None, "?") and t.kind in ("float", "complex"))


def _summed(self: Objects, atoms: list[Atom], start: Ref, node: ast.AST) -> Var:
    self.at(node)
    kwargs: dict[str, Any] = {} if start == Const(0) else {"start": self.value(start, node)}
    return self.let("builtins.sum", *atoms, **kwargs)


def product(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    """`math.prod`"""
    start, source = kwargs.pop("start", Const(1)), args[0]
    items = self.known_items(source) if start == Const(1) else None
    if items and isinstance(first := items[0], Var) and isinstance(first.type, Scalar) and first.type.kind == "float":
        start, source = first, TupleRef(tuple(items[1:]))  # 1 * x is x
    return self.accumulated(source, start, lambda total, item: self.binary("mul", total, item, node), node)
