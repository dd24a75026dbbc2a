"""Operators, comparisons and conditions."""

from __future__ import annotations

import ast
import enum
import operator
from collections.abc import Callable

import numpy as np

from adtransform.ir import Atom, Const, Var, worked
from adtransform.lattice import BOOL, NONE, Array, List, Scalar, Static, Unknown
from adtransform.read.core import Unreached
from adtransform.read.enums import live_member, members_in
from adtransform.read.frames import DEAD, FALSE, TRUE
from adtransform.read.goals import bound_to
from adtransform.read.names import is_plain
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
    Storage,
    TupleRef,
    View,
    itemized,
)
from adtransform.read.storages import mutable
from adtransform.read.texts import is_told

_SAME = frozenset(("operator.is_", "operator.is_not", "operator.eq", "operator.ne"))
BINARY: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "truediv",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.MatMult: "matmul",
    ast.BitOr: "or_",
    ast.BitXor: "xor",
    ast.BitAnd: "and_",
    ast.LShift: "lshift",
    ast.RShift: "rshift",
}
UNARY: dict[type[ast.unaryop], str] = {ast.USub: "neg", ast.UAdd: "pos", ast.Invert: "invert", ast.Not: "not_"}
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
_FOLDED = (bool, int, str, type(None))


class Operators(Putting):
    """Reading operators."""

    def at(self, node: ast.AST) -> None:
        """Say where the next operations come from."""
        self.place = self.origin(node)

    def chain(self, node: ast.BinOp) -> Ref:
        """A chain of binary operators, without recursion along its left side."""
        spine: list[ast.BinOp] = []
        left: ast.expr = node
        while isinstance(left, ast.BinOp):
            spine.append(left)
            left = left.left
        ref = self.expression(left)
        for step in reversed(spine):
            ref, right = self.in_turn(ref, step.right)
            ref = self.binary(BINARY[type(step.op)], ref, right, step)
        return ref

    def in_turn(self, left: Ref, node: ast.expr) -> tuple[Ref, Ref]:
        """A left operand, as it is when the right one is evaluated, and that one."""
        held = [left]
        with self.holding(held):
            right = self.expression(node)
        return held[0], right

    def binary(self, op: str, left: Ref, right: Ref, node: ast.AST) -> Ref:
        """One binary operator: on containers while reading, on values as an operation."""
        self.at(node)
        maybe = op != "mul"  # what a list is multiplied with may be a number; nothing else is done with a list and a number
        if op == "add":
            for one, other in ((left, right), (right, left)):
                if isinstance(one, (ListRef, TupleRef)) and isinstance(other, View):
                    self.assume_no_list(self.value(other, node))
        if op == "mod" and isinstance(left, Const) and isinstance(left.value, str) and is_told(self, right):
            if "%(" not in left.value:
                parts = right.items if isinstance(right, TupleRef) and not right.names else (right,)
                right = self.let("tuple", *(self.shown(part, node) for part in parts))
        left, right = self.beside(left, right, node, maybe), self.beside(right, left, node, maybe)
        joined = self.combined(op, left, right, node) or self.operated(op, left, right, node)
        joined = joined or self.containers(op, left, right, node)
        if joined is not None:
            return joined
        a, b = self.value(left, node), self.value(right, node)
        x, y = a, b
        if isinstance(x, Const) and isinstance(y, Const) and isinstance(x.value, _FOLDED) and isinstance(y.value, _FOLDED):
            folded = self.fold(op, x, y)
            if folded is not None:
                return folded
        result = self.let(f"operator.{op}", a, b)
        return self.make(result, solid=self.is_solid(left) and self.is_solid(right))

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

    def fold(self, op: str, a: Const, b: Const) -> Const | None:
        """Integers and strings are computed while reading; floats stay as they are written."""
        if op == "pow" and not (isinstance(b.value, int) and 0 <= b.value < 64):
            return None
        try:
            value = getattr(operator, op)(a.value, b.value)
        except (TypeError, ValueError, ArithmeticError):
            return None
        if not isinstance(value, _FOLDED) or (isinstance(value, str) and len(value) >= 1000):
            return None
        return worked(value, f"operator.{op}", (a, b))

    def is_solid(self, ref: Ref) -> bool:
        """Known to be a C-contiguous array, or a number."""
        if isinstance(ref, View):
            return not ref.path and ref.storage.solid
        return isinstance(ref, (Const, Var))

    def containers(self, op: str, left: Ref, right: Ref, node: ast.AST) -> Ref | None:
        """`+` and `*` of tuples and lists, `|` of dicts, with the kind of the first one."""
        made = self.put_together(op, left, right, node)
        first = left if isinstance(left, (ListRef, DictRef)) else right
        if not isinstance(made, (ListRef, DictRef)) or not isinstance(first, (ListRef, DictRef)):
            return made
        self.alike(made, first.storage)
        if isinstance(made, ListRef) and first.storage.limit is not None:
            self.keep_last(made, first.storage.limit, node)
        return made

    def put_together(self, op: str, left: Ref, right: Ref, node: ast.AST) -> Ref | None:
        """The same as a list or dict without more."""
        if op == "or_" and isinstance(left, DictRef) and isinstance(right, DictRef):
            return self.new_dict({**self.entries(left, node), **self.entries(right, node)})
        if op in ("add", "mul"):
            left, right = self.as_tuple(itemized(left)), self.as_tuple(itemized(right))
        if op == "add" and isinstance(left, TupleRef) and isinstance(right, TupleRef):
            return TupleRef(left.items + right.items)
        if op == "add" and isinstance(left, ListRef) and isinstance(right, ListRef):
            a, b = self.content(left.storage), self.content(right.storage)
            if isinstance(a, Items) and isinstance(b, Items):
                return self.new_list(a.refs + b.refs)
            new = self.let("extend", self.listed(left.storage), self.listed(right.storage))
            return self.make_list(new, (left.storage, right.storage))
        if op == "add" and (inner := self.rows(left, right)):
            new = self.let("extend", *(self.value(ref) for ref in (left, right)))
            return self.make_list(new, inner)
        if op == "mul" and isinstance(right, (ListRef, TupleRef)) and not isinstance(left, (ListRef, TupleRef)):
            left, right = right, left
        if op == "mul" and isinstance(left, (ListRef, TupleRef)):
            count = self.static(self.value(right, node))
            if isinstance(left, TupleRef):
                if count is not None and isinstance(count.value, int):
                    return TupleRef(left.items * count.value)
                self.refuse(node, "a tuple of unknown length", "use an array or a list")
            content = self.content(left.storage)
            single = isinstance(content, Items) and len(content.refs) == 1  # as in [0.0] * n
            if isinstance(self.type_of(a := self.value(right, node)), Unknown) and not single:
                self.settle_factor(a, node)
            if count is not None and isinstance(count.value, int) and count.value <= 64 and isinstance(content, Items):
                return self.new_list(content.refs * count.value)
            old = self.listed(left.storage)
            new = self.let("times", old, self.value(right, node), type=self.type_of(old))
            return self.make_list(new, (left.storage,), itself=True)
        return None

    def rows(self, left: Ref, right: Ref) -> tuple[Storage, ...]:
        """The storages of two lists of which one at least is in another list; none where they are something else."""
        found: list[Storage] = []
        for ref in (left, right):
            if not isinstance(ref, ListRef) and not (isinstance(ref, View) and isinstance(self.type_of(self.value(ref)), List)):
                return ()
            found.append(ref.storage)
        return tuple(found)

    def settle_factor(self, a: Atom, node: ast.AST) -> None:
        """Assume that what a list is multiplied with is a number, or an array where it is used as one."""
        param = self.root(a)
        if not param:
            help = "annotate the parameters, or write np.array(...)"
            self.refuse(node, "a list multiplied with what may be a number or an array", help)
        if param in self.frame.scope.used_as_array:
            self.take(param, "array", f"isinstance({param}, np.ndarray)", f"`{param}` is multiplied with a list")
        else:
            self.take(param, "number", f"np.isscalar({param})", f"a list is repeated `{param}` times")

    def make_list(self, new: Atom, sources: tuple[Storage, ...], *, itself: bool = False) -> ListRef:
        """A new run-time list that holds what other lists hold."""
        ref = self.make(new)
        assert isinstance(ref, ListRef)
        if isinstance(new, Var) and isinstance(new.type, List) and not isinstance(new.type.item, Scalar):
            if itself or len(set(sources)) < len(sources) or frozenset(sources) in self.related:
                self.doubled(ref.storage)
            elif any(map(self.is_doubled, sources)):
                self.doubled(ref.storage, lists=any(self.is_doubled(s, lists=True) for s in sources))
        for source in sources:
            item = new.type.item if isinstance(new, Var) and isinstance(new.type, List) else None
            if item is not None and not isinstance(item, Scalar):
                both = not set(self.deeper({ref.storage})).isdisjoint(self.deeper({source}))
                if both or frozenset((ref.storage, source)) in self.related:
                    self.doubled(ref.storage)  # another source holds some of its items
                if itself and mutable(item):
                    ref.storage.frozen = "a write to an item of a list made by `*`"
                self.relate(ref.storage, source)
                self.holds_as(ref.storage, source)
                content = self.content(source)
                for inner in content.refs if isinstance(content, Items) else ():
                    self.hold(ref.storage, inner)
        return ref

    def unary(self, op: type[ast.unaryop], operand: Ref, node: ast.AST) -> Ref:
        """`-x`, `+x`, `~x`, `not x`"""
        self.at(node)
        if op is ast.Not:
            cond = self.truth(operand, node)
            if isinstance(cond, Const):
                return Const(not cond.value)
            return self.let("operator.not_", cond)
        if isinstance(operand, (ObjectRef, TupleRef)):
            found = self.unary_of(f"__{UNARY[op]}__", operand, node)
            if found is not None:
                return found
        if members_in(operand) and (found := self.of_one_member(UNARY[op], operand, node)) is not None:
            return found
        a = self.value(operand, node)
        known = a
        if isinstance(known, Const) and isinstance(known.value, (int, float, complex)) and op is not ast.Invert:
            value = -known.value if op is ast.USub else +known.value
            return worked(value, f"operator.{UNARY[op]}", (known,))
        if isinstance(known, Const) and isinstance(known.value, int):
            return Const(~known.value)
        return self.make(self.let(f"operator.{UNARY[op]}", a), solid=self.is_solid(operand))

    # Conditions.

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
                return asked if op == "builtins.contains" else self.unary(ast.Not, asked, node)
            found = self.contains(left, right, node)
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

    def contains(self, item: Ref, container: Ref, node: ast.AST) -> bool | None:
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

    def goal(self, node: ast.AST | None) -> str:
        """The name, attribute or key that the statement being read binds to an expression."""
        return bound_to(self.frame.statement, node) if node is not None else ""

    def new_set(self, items: list[Ref] | None, node: ast.AST) -> Ref:
        """A set of constants: good for `in` and `len`."""
        values: dict[object, Ref] = {}
        for item in items or ():
            key = item.value if isinstance(item, Const) else live_member(item)
            if key is None and item != Const(None):
                items = None
            values[key] = item
        if items is None:
            self.refuse(node, "a set of computed items", "use a list, or np.unique")
        return Lazy("set", tuple(values.values()))

    def new_dict(self, entries: dict[object, Ref]) -> DictRef:
        """A dict of known items."""
        storage = Storage("dict")
        self.heap[storage] = Entries(entries)
        return DictRef(storage)

    def new_list(self, items: tuple[Ref, ...], node: ast.AST | None = None) -> ListRef:
        """A list of known items; `node`: the expression that makes it, after whose name it is called."""
        storage = Storage(self.goal(node) or "items", depth=len(self.heads))
        self.heap[storage] = Items(items)
        self.fresh.add(storage)
        return ListRef(storage)

    # What other parts provide.

    def shown(self, ref: Ref, node: ast.AST, *, put: bool = False) -> Atom:
        """Something as an operand of `print` or a format, or `put` into a list."""
        raise NotImplementedError

    def extended_by(self, storage: Storage, other: Ref, node: ast.AST) -> None:
        """Refuse to extend a list by what reads it, one by one: each item would see those before it."""
        raise NotImplementedError

    def operated(self, op: str, left: Ref, right: Ref, node: ast.AST) -> Ref | None:
        """A binary operator between objects."""
        raise NotImplementedError

    def unary_of(self, name: str, ref: Ref, node: ast.AST) -> Ref | None:
        """What the special method of an object gives."""
        raise NotImplementedError

    def iterator(self, ref: Ref, node: ast.AST) -> Ref:
        """What is run over: for an object what its `__iter__` gives."""
        raise NotImplementedError

    def object_truth(self, ref: ObjectRef, node: ast.AST) -> Atom:
        """An object as a condition."""
        raise NotImplementedError
