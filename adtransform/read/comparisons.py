"""Comparisons: chains of them, `is`, and `in`."""

from __future__ import annotations

import ast
import enum
import operator

import numpy as np

from adtransform.ir import Const, Var
from adtransform.lattice import BOOL, NONE, Array, List, Scalar, Static, Unknown
from adtransform.read.conditions import Conditions
from adtransform.read.outside import is_plain
from adtransform.read.refs import (
    ClassRef,
    DictRef,
    Entries,
    External,
    Items,
    Lazy,
    ListRef,
    MaybeRef,
    ObjectRef,
    RangeRef,
    Ref,
    TupleRef,
    View,
)

_SAME = frozenset(("operator.is_", "operator.is_not", "operator.eq", "operator.ne"))
COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "operator.lt",
    ast.LtE: "operator.le",
    ast.Eq: "operator.eq",
    ast.NotEq: "operator.ne",
    ast.Gt: "operator.gt",
    ast.GtE: "operator.ge",
    ast.Is: "operator.is_",
    ast.IsNot: "operator.is_not",
    ast.In: "builtins.contains",
    ast.NotIn: "builtins.not_contains",
}


class Comparisons(Conditions):
    """Reading comparisons."""

    def in_turn(self, left: Ref, node: ast.expr) -> tuple[Ref, Ref]:
        """A left operand, as it is when the right one is evaluated, and that one."""
        held = [left]
        with self.holding(held):
            right = self.expression(node)
        return held[0], right

    def beside(self, ref: Ref, other: Ref, node: ast.AST, maybe: bool) -> Ref:
        """An operand: a list or tuple beside an array (`maybe`: or what may be one) is made one, as NumPy does."""
        if isinstance(other, (Var, View)) and isinstance(
            self.type_of(self.value(other, node)), (Array, Unknown) if maybe else Array
        ):
            if isinstance(ref, (ListRef, TupleRef)) or (
                isinstance(ref, View) and isinstance(self.type_of(self.value(ref)), List)
            ):
                return self.make(self.array_of(ref, node))
        return ref

    def compare(self, node: ast.Compare) -> Ref:
        """A comparison; a chain is evaluated from the left and stops at the first that is false."""
        left = self.expression(node.left)
        return self.comparison(left, list(zip(node.ops, node.comparators, strict=True)), node)

    def comparison(self, left: Ref, rest: list[tuple[ast.cmpop, ast.expr]], node: ast.Compare) -> Ref:
        """What is left of a chain."""
        op, right_node = rest[0]
        left, right = self.in_turn(left, right_node)
        first = self.compared(COMPARE[type(op)], left, right, node)
        if len(rest) == 1:
            return first
        cond = self.truth(first, node)
        return self.choose(cond, lambda: self.comparison(right, rest[1:], node), lambda: first, node)

    def compared(self, op: str, left: Ref, right: Ref, node: ast.AST) -> Ref:
        """One comparison."""
        self.sure(left, node)
        self.sure(right, node)
        self.at(node)
        if op.startswith("operator.") and not op.startswith("operator.is"):
            left, right = self.beside(left, right, node, True), self.beside(right, left, node, True)
        for one, other in ((left, right), (right, left)):
            if isinstance(one, MaybeRef) and op in _SAME:
                return self.compared_maybe(op, one, other, node)
        if (alike := self.compared_members(op, left, right, node)) is not None:
            return alike
        if op in ("operator.is_", "operator.is_not"):
            same = self.identical(left, right)
            if same is not None:
                return Const(same == (op == "operator.is_"))
        if op in ("builtins.contains", "builtins.not_contains"):
            right = self.there(right, node, "argument of type 'NoneType' is not iterable")
            held = self.known_items(right) if isinstance(left, ObjectRef) and isinstance(right, (TupleRef, ListRef)) else None
            if isinstance(right, ObjectRef) or held is not None:
                asked = self.asked_among(left, held, node) if held is not None else self.asked_within(left, right, node)
                return asked if op == "builtins.contains" else self.negated(asked, node)
            found = self.contains(left, right)
            if found is not None:
                return Const(found == (op == "builtins.contains"))
        if op.startswith("operator.") and not op.startswith("operator.is"):
            answered = self.operated(op[9:], left, right, node)
            if answered is not None:
                return answered
        if isinstance(left, External) and isinstance(right, External) and op in ("operator.eq", "operator.ne"):
            if isinstance(left.live, (enum.Enum, type)) and isinstance(right.live, (enum.Enum, type)):
                return Const((left.live == right.live) == (op == "operator.eq"))
        if isinstance(left, TupleRef) and isinstance(right, TupleRef) and op in ("operator.eq", "operator.ne"):
            a, b = self.value(left, node), self.value(right, node)
            if isinstance(a, Const) and isinstance(b, Const):
                return Const((a.value == b.value) == (op == "operator.eq"))
        if isinstance(right, DictRef) and op in ("builtins.contains", "builtins.not_contains"):
            return self.let(op, self.value(left, node), self.as_table(right, left, "`in` of a dict", node))
        if isinstance(right, RangeRef):
            right = self.let("builtins.range", right.start, right.stop, right.step)
        if isinstance(right, Lazy) and right.kind == "set":
            right = TupleRef(right.parts)
        a, b = self.value(left, node), self.value(right, node)
        x, y = self.static(a), self.static(b)
        if isinstance(a, Const) and isinstance(b, Const) and op in ("operator.eq", "operator.ne"):
            if isinstance(a.value, np.dtype) or isinstance(b.value, np.dtype):
                return Const(bool(getattr(operator, op[9:])(a.value, b.value)))
        if x is not None and y is not None and is_plain(x.value) and is_plain(y.value) and op.startswith("operator."):
            try:
                return Const(bool(getattr(operator, op[9:])(x.value, y.value)))
            except TypeError:
                pass
        return self.make(self.let(op, a, b))

    def compared_maybe(self, op: str, left: MaybeRef, right: Ref, node: ast.AST) -> Ref:
        """Whether what may be None is something, or is not."""
        differs = Const(op in ("operator.is_not", "operator.ne"))
        if right == Const(None):
            return left.there if differs.value else self.let("operator.not_", left.there)
        may_be_none = isinstance(right, (MaybeRef, Var, View))
        gone = (lambda: self.compared(op, right, Const(None), node)) if may_be_none else (lambda: differs)
        return self.choose(left.there, lambda: self.compared(op, left.ref, right, node), gone, node)

    def identical(self, left: Ref, right: Ref) -> bool | None:
        """`a is b` where it is known: with `None`, and between containers."""
        for a, b in ((left, right), (right, left)):
            if isinstance(b, Const) and b.value is None:
                if isinstance(a, (Const, Var, View)):
                    atom = self.value(a)
                    t = self.type_of(atom)
                    if isinstance(atom, Const) or t == NONE:
                        return t == NONE
                    unclear = isinstance(t, Unknown) or t == Static("mixed") or (isinstance(t, Scalar) and t.maybe)
                    return None if unclear else False
                return False
        if isinstance(left, (ListRef, DictRef, ObjectRef)) and isinstance(right, (ListRef, DictRef, ObjectRef)):
            # What stands for several containers, after a branch or in a loop, may be either of them.
            return None if frozenset((left.storage, right.storage)) in self.related else left.storage is right.storage
        if isinstance(left, ClassRef) and isinstance(right, ClassRef):
            return left is right
        if isinstance(left, View) and isinstance(right, View) and left.storage is right.storage:
            return True if not left.path and not right.path else None
        if isinstance(left, External) and isinstance(right, External):
            # Members of an enumeration are looked up under several names.
            return left.live is right.live if left.live is not None and right.live is not None else left.op == right.op
        return None

    def contains(self, item: Ref, container: Ref) -> bool | None:
        """`item in container` where it is known."""
        wanted = self.static(item) if isinstance(item, (Const, Var)) else self.constant_key(item)
        if isinstance(container, Lazy) and container.kind == "set":
            container = TupleRef(container.parts)
        if isinstance(container, Lazy) and container.kind == "keys":
            container = container.parts[1]
        if isinstance(container, Const) and isinstance(container.value, str) and wanted is not None:
            return wanted.value in container.value
        if isinstance(container, DictRef) and wanted is not None:
            content = self.content(container.storage)
            return wanted.value in content.refs if isinstance(content, Entries) else None
        if isinstance(item, External) and isinstance(container, TupleRef):
            classes = [i.live for i in container.items if isinstance(i, External) and isinstance(i.live, type)]
            if isinstance(item.live, type) and len(classes) == len(container.items):
                return item.live in classes
        if isinstance(container, (TupleRef, ListRef)) and wanted is not None:
            items: tuple[Ref, ...] | None = container.items if isinstance(container, TupleRef) else None
            if isinstance(container, ListRef):
                content = self.content(container.storage)
                items = content.refs if isinstance(content, Items) else None
            if items is not None and all(isinstance(i, Const) for i in items):
                return wanted.value in [i.value for i in items if isinstance(i, Const)]
        return None

    def asked_among(self, item: Ref, items: list[Ref], node: ast.AST) -> Ref:
        """Whether an object is one of several things, or equal to one: asked of one after the other, as Python does."""
        if not items:
            return Const(False)
        first, *rest = items
        same = Const(True) if self.identical(first, item) else self.compared("operator.eq", first, item, node)
        cond = self.truth(same, node)
        return self.choose(cond, lambda: Const(True), lambda: self.asked_among(item, rest, node), node)

    def asked_within(self, item: Ref, container: Ref, node: ast.AST) -> Ref:
        """`item in container` of an object: what its `__contains__` says, or whether it is among what is run over."""
        function = self.special(container, "__contains__", node)
        if function is None:
            return self.compared("builtins.contains", item, self.iterator(container, node), node)
        truth = self.truth(self.apply(function, [container, item], {}, node), node)
        return truth if isinstance(truth, Const) else self.let("builtins.bool", truth, type=BOOL)

    # What other parts provide.

    def operated(self, op: str, left: Ref, right: Ref, node: ast.AST) -> Ref | None:
        """A binary operator between objects."""
        raise NotImplementedError

    def iterator(self, ref: Ref, node: ast.AST) -> Ref:
        """What is run over: for an object what its `__iter__` gives."""
        raise NotImplementedError
