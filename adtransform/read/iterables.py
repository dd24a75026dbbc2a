"""What can be looped over: as many items as are known while reading, or a length and an item at an index."""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Callable, Sequence

import numpy as np

from adtransform.ir import Atom, Const, Var
from adtransform.lattice import BOOL, INT, Array, Scalar, Tuple, kind_of
from adtransform.ops import ENDLESS
from adtransform.read.core import UNROLL
from adtransform.read.enums import key_ref, member
from adtransform.read.frames import FALSE, TRUE
from adtransform.read.loops import Loops
from adtransform.read.refs import (
    ClassRef,
    DictRef,
    Entries,
    Items,
    Lazy,
    ListRef,
    Part,
    RangeRef,
    RecordsRef,
    Ref,
    Step,
    TupleRef,
    View,
    present,
)


class Iterables(Loops):
    """What is known of an iterable."""

    def known_items(self, ref: Ref, limit: int = 10**9) -> list[Ref] | None:
        """The items of an iterable, where it is known how many there are without running anything."""
        ref = present(ref)
        match ref:
            case TupleRef(items):
                return list(items)
            case ClassRef(members=members) if members is not None:
                return [*map(member, members)]
            case ListRef(storage):
                content = self.content(storage)
                return list(content.refs) if isinstance(content, Items) else None
            case DictRef(storage):
                content = self.content(storage)
                return [key_ref(k) for k in content.refs] if isinstance(content, Entries) else None
            case RangeRef(Const(a), Const(b), Const(c)) if c != 0 and len(range(a, b, c)) <= min(limit, UNROLL):
                return [Const(i) for i in range(a, b, c)]
            case Const(value) if isinstance(value, (tuple, str)):
                return [Const(v) for v in value]
            case Lazy("rest", (source,), Const(at)):
                inner = self.known_items(source, limit)
                return None if inner is None else inner[at:]
            case Lazy("every", (source, Const(turn), Const(step))):
                inner = self.known_items(source, limit)
                return None if inner is None else inner[turn : len(inner) - len(inner) % step : step]
            case Lazy("zip", parts):
                columns = [self.known_items(p, limit) for p in parts]
                shortest = min((len(c) for c in columns if c is not None), default=0)
                for place, part in enumerate(parts):
                    if isinstance(part, Lazy) and part.kind in ("cycle", "repeat"):
                        again = [part.parts[0]] if part.kind == "repeat" else self.known_items(part.parts[0], limit)
                        columns[place] = [again[n % len(again)] for n in range(shortest)] if again else None
                    if isinstance(part, RangeRef) and part.stop == ENDLESS and isinstance(part.start, Const):
                        first, step = part.start.value, part.step.value  # type: ignore[union-attr]
                        columns[place] = [Const(first + n * step) for n in range(shortest)]
                if ref.start == TRUE and len({len(c) for c in columns if c is not None}) > 1:
                    return None
                if any(c is not None for c in columns) and all(c is not None for c in columns):
                    rows = zip(*(c for c in columns if c is not None), strict=False)
                    return [TupleRef(row) for row in rows]
                return None
            case Lazy("enumerate", parts, Const(start)):
                inner = self.known_items(parts[0], limit)
                return None if inner is None else [TupleRef((Const(start + i), r)) for i, r in enumerate(inner)]
            case Lazy("reversed", parts):
                inner = self.known_items(parts[0], limit)
                return None if inner is None else inner[::-1]
            case Lazy("keys" | "values" | "items" as kind, (_, DictRef(storage))):
                content = self.content(storage)
                if not isinstance(content, Entries):
                    return None
                if kind == "keys":
                    return [key_ref(k) for k in content.refs]
                return [r if kind == "values" else TupleRef((key_ref(k), r)) for k, r in content.refs.items()]
            case Lazy("ndindex", parts):
                sizes = [self.static(p) if isinstance(p, (Var, Const)) else None for p in parts]
                if None in sizes or math.prod(s.value for s in sizes if s is not None) > min(limit, UNROLL):
                    return None
                return [TupleRef(tuple(map(Const, k))) for k in np.ndindex(*(s.value for s in sizes if s is not None))]
            case Var() | View():
                a = self.value(ref)
                t = self.type_of(a)
                if isinstance(t, Tuple):
                    return [self.part(ref, i) for i in range(len(t.items))]
        return None

    def part(self, ref: Ref, i: int) -> Ref:
        """Item `i` of a value of tuple type."""
        if isinstance(ref, View):
            return self.through(ref, Step("index", (Const(i),)))
        return self.make(self.let("index", self.value(ref), Const(i)))

    def known_length(self, ref: Ref) -> int | None:
        """How many items there are, where that is known."""
        ref = present(ref)
        match ref:
            case TupleRef(items):
                return len(items)
            case ClassRef(members=members) if members is not None:
                return len(members)
            case ListRef(storage) | DictRef(storage):
                content = self.content(storage)
                return len(content.refs) if isinstance(content, (Items, Entries)) else None
            case RangeRef(Const(a), Const(b), Const(c)) if c != 0:
                return len(range(a, b, c))
            case Const(value) if isinstance(value, (tuple, str)):
                return len(value)
            case Lazy("set", parts):
                return len(parts)
            case Lazy("keys" | "values" | "items", (_, DictRef() as owner)):
                return self.known_length(owner)
        if isinstance(ref, (Var, View)):
            t = self.type_of(self.value(ref))
            if isinstance(t, Tuple):
                return len(t.items)
        return None

    def unpacked(self, ref: Ref, node: ast.AST) -> list[Ref]:
        """The items of something whose length is known."""
        ref = self.there(ref, node, "Value after * must be an iterable, not NoneType")
        ref = self.iterator(ref, node)
        items = self.known_items(ref)
        if items is None and isinstance(ref, (Lazy, RangeRef)):
            listed = self.as_list(ref, node)
            items = self.known_items(listed)
        if items is None and isinstance(ref, (Var, View)):
            t = self.type_of(self.value(ref, node))
            if isinstance(t, Array) and t.dims and isinstance(t.dims[0], int):
                return [self.indexed(ref, Const(i), node) for i in range(t.dims[0])]
        if items is None:
            self.refuse(node, "`*` of something of unknown length", "write the items one by one")
        return items

    def index_name(self, target: ast.expr, ref: Ref) -> str:
        """What a loop's index is called: the target itself, or what counts in it; empty where it has no name."""
        match target, ref:
            case ast.Name(id=name), RangeRef() | Lazy("reversed", (RangeRef(step=Const(1)),)):
                return name
            case ast.Tuple([ast.Name(id=name), *_]), Lazy("enumerate", _, Const(0)):
                return name
        return ""

    def check_strict(self, ref: Ref, left: Sequence[Atom], node: ast.AST) -> None:
        """Behind a loop over `zip(..., strict=True)` that was not `left`: raise where one of them has more items."""
        if isinstance(ref, Lazy) and ref.kind != "zip":
            for part in ref.parts:
                self.check_strict(part, left, node)
        if not isinstance(ref, Lazy) or ref.kind != "zip" or ref.start != TRUE or TRUE in left:
            return
        if self.attempts:
            self.refuse(node, "`zip` with strict=True in a `try`", "compare the lengths before: if len(a) != len(b)")
        sizes = [self.length(a, node) for a in ref.parts]
        for place, size in enumerate(sizes[1:], 2):
            if isinstance(size, Const) and size == sizes[0]:
                continue
            others = "argument 1" if place == 2 else f"arguments 1-{place - 1}"
            for op, differs in (("operator.lt", "shorter"), ("operator.gt", "longer")):
                text = f"zip() argument {place} is {differs} than {others}"
                cond = self.let(op, size, sizes[0])
                for flag in (f for f in left if f != FALSE):
                    cond = self.let("operator.and_", cond, self.let("operator.not_", flag), type=BOOL)
                self.raise_where(cond, ValueError, text)

    def length(self, ref: Ref, node: ast.AST) -> Atom:
        """The number of items as an operand."""
        ref = present(ref)
        known = self.known_length(ref)
        if known is not None:
            return Const(known)
        match ref:
            case RecordsRef():
                return self.records_length(ref, node)
            case _ if self.is_endless(ref):
                self.refuse(node, "a loop without an end where its length matters", "loop over a range")
            case RangeRef(Const(0), stop, Const(1)):
                return self.not_negative(stop)
            case RangeRef(start, stop, Const(1)):
                return self.not_negative(self.let("operator.sub", stop, start))
            case RangeRef(start, stop, step):
                # len(range(a, b, c)) == max(0, -((a - b) // c)) for either sign of c
                gap = self.let("operator.floordiv", self.let("operator.sub", start, stop), step)
                return self.not_negative(self.let("operator.neg", gap))
            case Lazy("zip", parts):
                first = [p for p in parts if not isinstance(p, Lazy) or p.kind != "every" or p.parts[1] == Const(0)]
                ends = [p for p in first if not self.is_endless(p)]
                sizes = [self.length(p, node) for p in ends or parts]
                same = all(self.same_size(sizes[0], s) for s in sizes[1:])
                return sizes[0] if same else self.let("builtins.min", *sizes, type=INT)
            case Lazy("pairwise", (_, tail)):
                return self.length(tail, node)
            case Lazy("rest", (source,), at):
                return self.not_negative(self.let("operator.sub", self.length(source, node), at))
            case Lazy("every", (source, _, Const() as step)):
                return self.let("operator.floordiv", self.length(source, node), step, type=INT)
            case Lazy("enumerate" | "reversed" | "values" | "items", parts):
                self.same_keys(ref, node)
                return self.length(parts[0], node)
            case Lazy("ndindex", parts):
                return self.product([self.value(p, node) for p in parts])
            case Lazy("product", parts):
                return self.product([self.length(p, node) for p in parts])
        a = self.value(ref, node)
        if isinstance(a, Const):
            self.refuse(node, "a loop over a number", "loop over a range")
        return self.let("builtins.len", a)

    def is_endless(self, ref: Ref) -> bool:
        """Whether something gives ever more items."""
        match ref:
            case RangeRef(stop=stop):
                return stop == ENDLESS
            case Lazy("cycle" | "repeat"):
                return True
            case Lazy("enumerate" | "rest" | "every", parts):
                return self.is_endless(parts[0])
            case Lazy("zip", parts):
                return all(map(self.is_endless, parts))
        return False

    def same_keys(self, ref: Lazy, node: ast.AST) -> None:
        """Refuse a view of a dict that has got keys since, which are not known."""
        if ref.kind in ("values", "items") and isinstance(owner := ref.parts[1], DictRef) and self.table(owner) is not None:
            if isinstance(ref.parts[0], TupleRef):
                self.refuse(node, "what a dict holds, asked for before it had other keys", "ask where it is used: d.values()")

    def same_size(self, a: Atom, b: Atom) -> bool:
        """Whether two lengths are known to be equal."""
        x, y = self.type_of(a), self.type_of(b)
        return a == b or (x == y and type(x) is not Scalar and kind_of(x) == "int")

    def not_negative(self, a: Atom) -> Atom:
        """`max(0, a)`, which a length is anyway."""
        known = self.static(a)
        if known is not None:
            return Const(max(0, known.value))
        let = self.definitions.get(a) if isinstance(a, Var) else None
        if let is not None and let.op in ("builtins.len", "size", "ndim"):
            return a
        if let is not None and let.op == "index" and isinstance(inner := let.args[0], Var):
            source = self.definitions.get(inner)
            if source is not None and source.op == "shape":
                return a
        return self.let("builtins.max", Const(0), a, type=INT)

    def item(self, ref: Ref, i: Atom, node: ast.AST) -> Ref:
        """The item at an index."""
        self.at(node)
        match ref:
            case RecordsRef(storage) if isinstance(part := self.heap.get(storage), Part):
                return self.item_of_part(part, i)
            case RangeRef(first, _, step):
                scaled = i if step == Const(1) else self.let("operator.mul", i, step)
                return scaled if first == Const(0) else self.let("operator.add", first, scaled)
            case Lazy("rest", (source,), at):
                return self.item(source, self.let("operator.add", i, at, type=INT), node)
            case Lazy("every", (source, Const() as turn, Const() as step)):
                first = self.let("operator.mul", i, step, type=INT)
                place = first if turn == Const(0) else self.let("operator.add", first, turn, type=INT)
                return self.item(source, place, node)
            case Lazy("cycle", (source,)):
                return self.item(source, self.let("operator.mod", i, self.length(source, node), type=INT), node)
            case Lazy("repeat", (same,)):
                return same
            case Lazy("zip" | "pairwise", parts):
                return TupleRef(tuple(self.item(p, i, node) for p in parts))
            case Lazy("enumerate", parts, start):
                count: Ref = i if start == Const(0) else self.let("operator.add", i, start)
                return TupleRef((count, self.item(parts[0], i, node)))
            case Lazy("reversed", parts):
                last = self.let("operator.sub", self.let("operator.sub", self.length(parts[0], node), Const(1)), i)
                return self.item(parts[0], last, node)
            case Lazy("values" | "items" as kind, (keys, DictRef() as owner)):
                key = self.item(keys, i, node)
                if self.table(owner) is None:
                    held = self.known_items(Lazy("values", ref.parts)) or []
                    value = self.indexed(self.fresh_list(tuple(held)), i, node)
                    return value if kind == "values" else TupleRef((key, value))
                found = self.held_item(owner, self.value(key, node))
                return found if kind == "values" else TupleRef((key, found))
            case Lazy("ndindex", parts):
                return TupleRef(tuple(self.place_in(i, [self.value(p, node) for p in parts])))
            case Lazy("product", parts):
                places = self.place_in(i, [self.length(p, node) for p in parts])
                return TupleRef(tuple(self.item(p, at, node) for p, at in zip(parts, places, strict=True)))
            case TupleRef(items):
                return self.indexed(self.fresh_list(items), i, node)
        return self.indexed(ref, i, node)

    def place_in(self, i: Atom, shape: list[Atom]) -> list[Atom]:
        """The place along each axis of the item at a flat place."""
        found: list[Atom] = []
        for size in reversed(shape[1:]):
            found.append(self.let("operator.mod", i, size, type=INT))
            i = self.let("operator.floordiv", i, size, type=INT)
        return [i, *reversed(found)]

    def product(self, sizes: list[Atom]) -> Atom:
        """The product of lengths."""
        one: Atom = Const(1)
        return functools.reduce(self.times, sizes, one)

    def times(self, a: Atom, b: Atom) -> Atom:
        """`a * b` of lengths."""
        if isinstance(a, Const) and isinstance(b, Const):
            return Const(a.value * b.value)
        return b if a == Const(1) else self.let("operator.mul", a, b, type=INT)

    def shape_of(self, ref: Ref, node: ast.AST) -> tuple[Ref, ...] | None:
        """The extents of an array where its rank is known."""
        a = self.value(ref, node)
        rank = self.rank(a)
        if rank is None:
            return None
        shape = self.let("shape", a)
        return tuple(self.let("index", shape, Const(k)) for k in range(rank))

    def flattened(self, ref: Ref, node: ast.AST) -> Ref:
        """The numbers of an array one after the other."""
        return self.through(ref, Step("flat"), node)

    def fresh_list(self, items: tuple[Ref, ...]) -> ListRef:
        """A list of known items."""
        return self.new_list(items)

    # What other parts provide.

    def generated(self, ref: Ref, each: Callable[[Ref], None], node: ast.AST) -> Atom:
        """Run over a generator expression in place of making a list of it."""
        raise NotImplementedError

    def unpack_target(self, target: ast.expr, ref: Ref) -> None:
        """Bind the target of a loop."""
        raise NotImplementedError
