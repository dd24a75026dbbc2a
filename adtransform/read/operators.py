"""Operators on values and on containers, and the containers that displays make."""

from __future__ import annotations

import ast
import operator

from adtransform.ir import Atom, Const, Var, worked
from adtransform.lattice import Array, List, Scalar, Unknown
from adtransform.read.comparisons import Comparisons
from adtransform.read.enums import live_member, members_in
from adtransform.read.goals import bound_to
from adtransform.read.refs import DictRef, Entries, Items, Lazy, ListRef, ObjectRef, Ref, Storage, TupleRef, View, itemized
from adtransform.read.storages import mutable
from adtransform.read.texts import is_told

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
_FOLDED = (bool, int, str, type(None))


class Operators(Comparisons):
    """Reading operators."""

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

    def binary(self, op: str, left: Ref, right: Ref, node: ast.AST) -> Ref:
        """One binary operator: on containers while reading, on values as an operation."""
        self.at(node)
        a, b = self.plain(left), self.plain(right)
        if a is None or b is None:
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
        if isinstance(a, Const) and isinstance(b, Const) and isinstance(a.value, _FOLDED) and isinstance(b.value, _FOLDED):
            folded = self.fold(op, a, b)
            if folded is not None:
                return folded
        result = self.let(f"operator.{op}", a, b)
        return self.make(result, solid=self.is_solid(left) and self.is_solid(right))

    def plain(self, ref: Ref) -> Atom | None:
        """What can be nothing but a number or an array, as an operand; None where that has to be looked at."""
        if isinstance(ref, Const):
            return None if isinstance(ref.value, tuple) else ref
        a: Ref = ref
        if isinstance(ref, View) and ref.seen is not None and self.heap.get(ref.storage) is ref.base:
            a = ref.seen
        return a if isinstance(a, Var) and isinstance(a.type, (Array, Scalar, Unknown)) else None

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
            return self.negated(operand, node)
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

    def unary_of(self, name: str, ref: Ref, node: ast.AST) -> Ref | None:
        """What the special method of an object gives."""
        raise NotImplementedError
