"""Conditions: what is true of something, `and`, `or`, `not`, and the choice between two expressions."""

from __future__ import annotations

import ast
from collections.abc import Callable

from adtransform.ir import Atom, Const, Var
from adtransform.lattice import BOOL, NONE
from adtransform.read.core import Unreached
from adtransform.read.enums import members_in
from adtransform.read.frames import DEAD, FALSE, TRUE
from adtransform.read.putting import Putting
from adtransform.read.refs import (
    ClassRef,
    Conflict,
    DictRef,
    EitherRef,
    Entries,
    External,
    FunctionRef,
    Items,
    Lazy,
    ListRef,
    MaybeRef,
    Method,
    ObjectRef,
    PartialRef,
    RangeRef,
    Ref,
    TupleRef,
    View,
)


class Conditions(Putting):
    """Reading conditions."""

    def truth(self, ref: Ref, node: ast.AST) -> Atom:
        """A condition: a constant where it is known while reading."""
        self.sure(ref, node)
        match ref:
            case MaybeRef(there, inner):
                held = self.truth(inner, node)
                if isinstance(held, Const):
                    return there if held.value else held
                return self.value(self.choose(there, lambda: held, lambda: Const(False), node), node)
            case TupleRef(items):
                return Const(bool(items))
            case ListRef(storage) | DictRef(storage):
                content = self.content(storage)
                if isinstance(content, (Items, Entries)):
                    return Const(bool(content.refs))
                self.at(node)
                return self.let("operator.gt", self.let("builtins.len", content), Const(0))
            case External() | EitherRef() if members_in(ref):
                return self.truth_of_member(ref, node)
            case FunctionRef() | External() | PartialRef() | Method() | ClassRef():
                return Const(True)
            case ObjectRef():
                return self.object_truth(ref, node)
            case RangeRef() | Lazy():
                self.refuse(node, "the truth of an iterator", "test a length")
        a = self.value(ref, node)
        known = self.static(a)
        if known is not None:
            return Const(bool(known.value))
        return Const(False) if self.type_of(a) == NONE else a

    def negated(self, ref: Ref, node: ast.AST) -> Atom:
        """`not x`"""
        cond = self.truth(ref, node)
        return Const(not cond.value) if isinstance(cond, Const) else self.let("operator.not_", cond)

    def tested(self, node: ast.expr) -> Atom:
        """An expression as a condition."""
        return self.truth(self.operand(node, True), node)

    def operand(self, node: ast.expr, tested: bool) -> Ref:
        """An operand of `and` and `or`; `tested`: only whether it is true counts, so that a container is as good as a bool."""
        if not tested:
            return self.expression(node)
        if isinstance(node, ast.BoolOp):
            return self.boolean(isinstance(node.op, ast.And), node.values, 0, node, tested=True)
        ref = self.expression(node)
        held = isinstance(ref, (ListRef, DictRef, TupleRef, ObjectRef, MaybeRef)) or (
            isinstance(ref, Const) and ref.value is None
        )
        return self.truth(ref, node) if held else ref

    def boolean(self, conjunction: bool, values: list[ast.expr], position: int, node: ast.AST, *, tested: bool = False) -> Ref:
        """`a and b`, `a or b`: the right side is evaluated only where Python does."""
        first = self.operand(values[position], tested)
        if position == len(values) - 1:
            return first
        cond = self.truth(first, node)

        parts = [(cond, conjunction)]

        def rest() -> Ref:
            last = self.boolean(conjunction, values, position + 1, node, tested=tested)
            if isinstance(last, Var):
                parts.append((last, conjunction))
            return last

        found = self.choose(cond, *((rest, lambda: first) if conjunction else (lambda: first, rest)), node)
        if isinstance(found, Var):
            self.implies[found, conjunction] = parts
        return found

    def choose(self, cond: Atom, then: Callable[[], Ref], orelse: Callable[[], Ref], node: ast.AST) -> Ref:
        """One of two expressions, evaluated in a branch of its own."""
        if isinstance(cond, Const):
            return then() if cond.value else orelse()
        entry = self.save()
        place = self.origin(node)

        def run(part: Callable[[], Ref]) -> Callable[[], None]:
            def action() -> None:
                ref = part()
                if isinstance(ref, View):
                    self.read(ref)
                self.frame.env["%choice"] = ref

            return action

        a = self.region(entry, self.supposing(cond, True, run(then)))
        b = self.region(entry, self.supposing(cond, False, run(orelse)))
        self.restore(entry)
        self.place = place
        outcomes = [None if side.builder.body else side.state.env.get("%choice") for side in (a, b)]
        if outcomes == [TRUE, FALSE] and cond.type == BOOL:
            return cond
        self.meet(cond, a, b, entry, everything=True)
        if DEAD in self.frame.env:
            raise Unreached
        ref = self.frame.env.pop("%choice")
        if isinstance(ref, Conflict):
            self.refuse(node, "a choice between values of different kinds", "choose between numbers, or arrays, or tuples")
        return ref

    # What other parts provide.

    def object_truth(self, ref: ObjectRef, node: ast.AST) -> Atom:
        """An object as a condition."""
        raise NotImplementedError
