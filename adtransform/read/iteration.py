"""What can be looped over: as many items as are known while reading, or a length and an item at an index."""

from __future__ import annotations

import ast
import functools
import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np

from adtransform.ir import Atom, Const, Region, Var
from adtransform.lattice import BOOL, INT, Array, List, Scalar, Tuple, kind_of
from adtransform.ops import ENDLESS
from adtransform.read.core import UNROLL, Live
from adtransform.read.flow import is_as_long
from adtransform.read.frames import EXIT, FALSE, STOP, TRUE
from adtransform.read.loops import BROKE, Loops
from adtransform.read.refs import (
    Conflict,
    DictRef,
    Entries,
    Items,
    Lazy,
    ListRef,
    Method,
    RangeRef,
    Ref,
    Step,
    Storage,
    TupleRef,
    View,
    present,
)

_BACK = "a list that changes while a loop runs over it from its end", "loop over its indices: for i in reversed(range(n))"
_CHANGED = "a list whose length changes while something runs over it", "write a `while` loop with an index"

# How a counted loop is read: its bounds, and the body for an index; gives the flag whether it was left early.
Counted = Callable[[tuple[Atom, Atom, Atom], Callable[[Var | None], None]], Atom]


class Iteration(Loops):
    """Looping over things."""

    # What is known of an iterable.

    def known_items(self, ref: Ref, limit: int = 10**9) -> list[Ref] | None:
        """The items of an iterable, where it is known how many there are without running anything."""
        ref = present(ref)
        match ref:
            case TupleRef(items):
                return list(items)
            case ListRef(storage):
                content = self.content(storage)
                return list(content.refs) if isinstance(content, Items) else None
            case DictRef(storage):
                content = self.content(storage)
                return [Const(k) for k in content.refs] if isinstance(content, Entries) else None
            case RangeRef(Const(a), Const(b), Const(c)) if c != 0 and len(range(a, b, c)) <= min(limit, UNROLL):
                return [Const(i) for i in range(a, b, c)]
            case Const(value) if isinstance(value, (tuple, str)):
                return [Const(v) for v in value]
            case Lazy("zip", parts):
                columns = [self.known_items(p, limit) for p in parts]
                shortest = min((len(c) for c in columns if c is not None), default=0)
                for place, part in enumerate(parts):
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
                    return [Const(k) for k in content.refs]
                return [r if kind == "values" else TupleRef((Const(k), r)) for k, r in content.refs.items()]
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
            case RangeRef(stop=stop) if stop == ENDLESS:
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
                ends = [p for p in parts if not (isinstance(p, RangeRef) and p.stop == ENDLESS)]
                sizes = [self.length(p, node) for p in ends or parts]
                same = all(self.same_size(sizes[0], s) for s in sizes[1:])
                return sizes[0] if same else self.let("builtins.min", *sizes, type=INT)
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
            case RangeRef(first, _, step):
                scaled = i if step == Const(1) else self.let("operator.mul", i, step)
                return scaled if first == Const(0) else self.let("operator.add", first, scaled)
            case Lazy("zip", parts):
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

    # Running over it.

    def iterate(self, ref: Ref, each: Callable[[Ref], None], loop: Counted, node: ast.AST, key: ast.AST | None = None) -> Atom:
        """Run over an iterable: item by item where they are known, as a counted loop otherwise; gives whether it was left.

        `key`: what stands for the loop where that is not `node`.
        """
        ref = self.iterator(ref, node)
        items = self.known_items(ref) if self.must_unroll(ref) or id(key or node) in self.unrolled_loops else None
        if items is not None and id(node) not in self.live_loops:
            return self.unrolled(ref, items, each, node)
        match ref:
            case RangeRef(first, stop, step):
                return loop((first, stop, step), lambda i: each(self.index_ref(i)))
            case Lazy("reversed", (RangeRef(start, end, Const(1)),)):
                self.at(node)
                last, low = self.less_one(end), self.less_one(start)
                return loop((last, low, Const(-1)), lambda i: each(self.index_ref(i)))
            case Lazy("reversed", (inner,)):
                self.at(node)
                inner = self.materialised(inner, node)
                last = self.less_one(self.length(inner, node))
                name = self.hide(inner)
                try:
                    if id(node) in self.live_loops:
                        self.refuse(node, *_BACK)
                    return loop((last, Const(-1), Const(-1)), lambda i: self.steadily(inner, i, each, node))
                finally:
                    self.frame.env.pop(name, None)
            case Lazy("generator"):
                return self.generated(ref, each, node)
        if isinstance(ref, Method) and ref.name == "flat":
            ref = self.flattened(ref.owner, node)
        ref = self.materialised(ref, node)
        self.at(node)
        name = self.hide(ref)
        try:
            if id(node) in self.live_loops:
                return self.while_there(name, each, node)
            count = self.length(ref, node)
            return loop((Const(0), count, Const(1)), lambda i: self.steadily(ref, i, each, node))
        finally:
            self.frame.env.pop(name, None)

    def steadily(self, ref: Ref, i: Var | None, each: Callable[[Ref], None], node: ast.AST) -> None:
        """One trip of a loop over something whose length is known before; where a list may not keep it, read otherwise."""
        before = [(s, inside, self.content(s)) for s, inside in self.lists_in(ref)]
        each(self.item(ref, self.index_ref(i), node))
        made: Region | None = None
        for storage, inside, content in before:
            now = self.heap.get(storage)
            if now is not content and self.frame.flag(STOP) != TRUE and now is not None:
                made = made or Region((), tuple(self.builder.body), ())
                if not is_as_long(now, content, made, inside=inside):
                    raise Live(node)

    def lists_in(self, ref: Ref) -> list[tuple[Storage, bool]]:
        """The lists that something to run over is made of, and whether it is a list in that list."""
        match ref:
            case ListRef(storage):
                return [(storage, False)]
            case View(storage) if isinstance(self.type_of(self.value(ref)), List):
                return [(storage, True)]
            case Lazy("zip" | "enumerate" | "reversed" | "product", parts):
                return [s for p in parts for s in self.lists_in(p)]
        return []

    def while_there(self, name: str, each: Callable[[Ref], None], node: ast.AST) -> Atom:
        """Run over something kept under a hidden name as long as there is another item, as Python does."""
        ref = self.frame.env[name]
        if not isinstance(node, ast.For) or goes_back(ref):
            self.refuse(node, *(_BACK if goes_back(ref) else _CHANGED))
        place = self.hide(Const(0))

        def there() -> Atom:
            self.at(node)
            return self.let("operator.lt", self.value(self.frame.env[place]), self.length(self.frame.env[name], node))

        def trip(_: Var | None) -> None:
            self.at(node)
            i = self.value(self.frame.env[place])
            item = self.item(self.frame.env[name], i, node)
            self.frame.env[place] = self.let("operator.add", i, Const(1), type=INT)
            each(item)

        try:
            return self.asking(node, there, trip)
        finally:
            self.frame.env.pop(place, None)

    def asking(self, node: ast.For, there: Callable[[], Atom], trip: Callable[[Var | None], None]) -> Atom:
        """A `for` that asks before each trip whether there is another one."""
        raise NotImplementedError

    def must_unroll(self, ref: Ref) -> bool:
        """Whether what is iterated has items of different kinds, so that no counted loop can run over it."""
        match ref:
            case Lazy("zip" | "enumerate" | "reversed" | "keys" | "values" | "items", parts):
                return any(self.must_unroll(p) for p in parts)
            case TupleRef() | DictRef():
                return True
            case ListRef(storage):
                return isinstance(self.content(storage), Items)
            case Const():
                return True
            case Var() | View():
                return isinstance(self.type_of(self.value(ref)), Tuple)
        return False

    def index_ref(self, i: Var | None) -> Var:
        """The loop's index."""
        assert i is not None
        return i

    def less_one(self, a: Atom) -> Atom:
        """`a - 1`"""
        known = self.static(a)
        return Const(known.value - 1) if known is not None else self.let("operator.sub", a, Const(1))

    def materialised(self, ref: Ref, node: ast.AST) -> Ref:
        """An iterable that can be indexed: a generator becomes a list."""
        match ref:
            case Lazy("generator"):
                return self.as_list(ref, node)
            case Lazy(kind, parts, start):
                return Lazy(kind, tuple(self.materialised(p, node) for p in parts), start)
            case Conflict():
                self.unusable(ref, node)
        return ref

    def unrolled(self, ref: Ref, items: list[Ref], each: Callable[[Ref], None], node: ast.AST, done: int = 0) -> Atom:
        """One item after the other, as they are when it comes to them; what a `break` leaves out runs under its flag."""
        if done >= len(items):
            return FALSE
        outer = {f: self.frame.env.get(f, FALSE) for f in (EXIT, STOP, BROKE)}
        env = self.frame.env
        env[EXIT], env[STOP], env[BROKE] = FALSE, FALSE, FALSE
        self.trips = (*self.trips, len(items) - done)
        with self.holding(self.coming(ref, items[done + 1 :]), "%hrest"):
            each(items[done])
        self.trips = self.trips[:-1]
        env = self.frame.env
        stop = self.frame.flag(STOP)
        env[EXIT] = FALSE  # a `continue` ends here
        if stop == FALSE:
            broke = self.unrolled(ref, self.next_items(ref, items, done + 1, node), each, node, done + 1)
        elif isinstance(stop, Const):
            broke = self.frame.flag(BROKE)
        else:

            def rest() -> None:
                self.frame.env[BROKE] = FALSE
                now = self.next_items(ref, items, done + 1, node)
                self.frame.env[BROKE] = self.unrolled(ref, now, each, node, done + 1)

            self.guarded(stop, rest)
            broke = self.frame.flag(BROKE)
        env = self.frame.env
        returned = self.frame.flag("%returned")
        env[BROKE] = outer[BROKE]
        env[EXIT], env[STOP] = (returned, returned) if returned != FALSE else (outer[EXIT], outer[STOP])
        return broke

    def coming(self, ref: Ref, items: list[Ref]) -> list[Ref]:
        """What nobody but the loop holds of the items to come: what is put into a list that has a name is looked up there."""
        parts, lists = [ref], list[ListRef | DictRef]()
        for part in parts:  # which grows
            if isinstance(part, Lazy):
                parts += part.parts
            elif isinstance(part, (ListRef, DictRef)):
                lists.append(part)
            elif isinstance(part, TupleRef):
                return items
        return [] if all(self.reached(part.storage) for part in lists) else items

    def next_items(self, ref: Ref, items: list[Ref], done: int, node: ast.AST) -> list[Ref]:
        """What a loop goes on with after some items: a list may hold others by now, and more or fewer."""
        now = self.known_items(ref)
        if now is None or (len(now) > len(items) and done >= UNROLL):
            raise Live(node)
        if len(now) != len(items) and not self.lists_in(ref):
            self.refuse(node, "a dict that grows or shrinks while a loop runs over it", "loop over a list of its keys")
        if len(now) != len(items) and goes_back(ref):
            self.refuse(node, *_BACK)
        return now

    def guarded(self, flag: Var, rest: Callable[[], None]) -> None:
        """Read on where a block has not been left."""
        raise NotImplementedError

    def hide(self, ref: Ref) -> str:
        """Keep a reference under a name no program has."""
        name = next(f"%h{i}" for i in itertools.count() if f"%h{i}" not in self.frame.env)
        self.frame.env[name] = ref
        return name

    def hidden(self, name: str) -> ListRef:
        """The list kept under a hidden name."""
        ref = self.frame.env[name]
        assert isinstance(ref, ListRef)
        return ref

    def unhide(self, name: str) -> Ref:
        """What was kept, and forget the name."""
        return self.frame.env.pop(name)

    # What other parts provide.

    def iterator(self, ref: Ref, node: ast.AST) -> Ref:
        """What is run over: for an object what its `__iter__` gives."""
        raise NotImplementedError

    def generated(self, ref: Ref, each: Callable[[Ref], None], node: ast.AST) -> Atom:
        """Run over a generator expression in place of making a list of it."""
        raise NotImplementedError

    def unpack_target(self, target: ast.expr, ref: Ref) -> None:
        """Bind the target of a loop."""
        raise NotImplementedError


def goes_back(ref: Ref) -> bool:
    """Whether something to run over is taken from its end, or a part of it is."""
    return isinstance(ref, Lazy) and (ref.kind == "reversed" or any(map(goes_back, ref.parts)))
