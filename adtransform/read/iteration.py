"""Running over things: item by item where they are known, as a counted loop otherwise."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable

from adtransform.ir import Atom, Const, Region, Var
from adtransform.lattice import INT, List, Tuple
from adtransform.read.core import UNROLL, Live
from adtransform.read.flow import is_as_long
from adtransform.read.frames import BROKE, EXIT, FALSE, STOP, TRUE
from adtransform.read.iterables import Iterables
from adtransform.read.refs import (
    Conflict,
    DictRef,
    Items,
    Lazy,
    ListRef,
    Method,
    Part,
    RangeRef,
    RecordsRef,
    Ref,
    Storage,
    TupleRef,
    View,
)

_BACK = "a list that changes while a loop runs over it from its end", "loop over its indices: for i in reversed(range(n))"
_CHANGED = "a list whose length changes while something runs over it", "write a `while` loop with an index"

# How a counted loop is read: its bounds, and the body for an index; gives the flag whether it was left early.
Counted = Callable[[tuple[Atom, Atom, Atom], Callable[[Var | None], None]], Atom]


class Iteration(Iterables):
    """Looping over things."""

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
                    return loop((last, Const(-1), Const(-1)), lambda i: self.steadily(self.frame.env[name], i, each, node))
                finally:
                    self.frame.env.pop(name, None)
            case Lazy("generator"):
                return self.generated(ref, each, node)
            case RecordsRef(storage) if isinstance(part := self.heap.get(storage), Part) and id(node) not in self.live_loops:
                return loop((part.start, part.stop, Const(1)), lambda i: self.steadily(part.records, i, each, node))
        if isinstance(ref, Method) and ref.name == "flat":
            ref = self.flattened(ref.owner, node)
        ref = self.materialised(ref, node)
        self.at(node)
        name = self.hide(ref)
        try:
            if id(node) in self.live_loops:
                return self.while_there(name, each, node)
            count = self.length(ref, node)
            return loop((Const(0), count, Const(1)), lambda i: self.steadily(self.frame.env[name], i, each, node))
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
            case RecordsRef(storage):
                part = self.heap.get(storage)
                return [s for c in self.columns_of(part.records if isinstance(part, Part) else ref) for s in self.lists_in(c)]
            case View(storage) if isinstance(self.type_of(self.value(ref)), List):
                return [(storage, True)]
            case Lazy("zip" | "pairwise" | "enumerate" | "reversed" | "product" | "rest", parts):
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

    def asking(
        self, node: ast.For, there: Callable[[], Atom], trip: Callable[[Var | None], None], *, told: bool = False
    ) -> Atom:
        """A `for` that asks before each trip whether there is another one; `told`: whether it was left matters."""
        raise NotImplementedError

    def must_unroll(self, ref: Ref) -> bool:
        """Whether what is iterated has items of different kinds, so that no counted loop can run over it."""
        match ref:
            case Lazy("zip" | "enumerate" | "reversed" | "keys" | "values" | "items" | "rest" | "cycle", parts):
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
        with self.trip(len(items) - done):
            coming, alone = self.coming(ref, items[done + 1 :])
            with self.holding(coming, "%hrest"), self.holding(self.seen_elsewhere([ref]), "%hrest"):
                each(items[done])

        def following() -> list[Ref]:
            return [*items[: done + 1], *coming] if alone else self.next_items(ref, items, done + 1, node)

        env = self.frame.env
        stop = self.frame.flag(STOP)
        env[EXIT] = FALSE  # a `continue` ends here
        if stop == FALSE:
            broke = self.unrolled(ref, following(), each, node, done + 1)
        elif isinstance(stop, Const):
            broke = self.frame.flag(BROKE)
        else:

            def rest() -> None:
                self.frame.env[BROKE] = FALSE
                self.frame.env[BROKE] = self.unrolled(ref, following(), each, node, done + 1)

            self.guarded(stop, rest)
            broke = self.frame.flag(BROKE)
        env = self.frame.env
        returned = self.frame.flag("%returned")
        env[BROKE] = outer[BROKE]
        env[EXIT], env[STOP] = (returned, returned) if returned != FALSE else (outer[EXIT], outer[STOP])
        return broke

    def seen_elsewhere(self, refs: list[Ref]) -> list[Ref]:
        """What leads to containers that may be others too: a write to those is seen by whoever runs over it."""
        if not self.related:
            return []
        return [r for r in refs if any(self.is_container(s) and self.partners(s) for s in self.storages(r))]

    def coming(self, ref: Ref, items: list[Ref]) -> tuple[list[Ref], bool]:
        """What the loop holds of the items to come, and whether nobody else can put others in their places.

        What is put into a list that has a name is looked up there.
        """
        parts, named, whole = [ref], False, False
        for part in parts:  # which grows
            if isinstance(part, Lazy):
                parts += part.parts
            elif isinstance(part, (ListRef, DictRef)) and self.reached(part.storage):
                named = True
            elif isinstance(part, (TupleRef, ListRef, DictRef)):
                whole = True
            elif isinstance(part, View):
                whole = whole or isinstance(self.type_of(self.value(part)), Tuple)
        return items if whole else [], whole and not named

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
        if not isinstance(ref, ListRef):
            self.refuse(None, "a list of records of unknown length here", "write a loop over it")
        return ref

    def unhide(self, name: str) -> Ref:
        """What was kept, and forget the name."""
        return self.frame.env.pop(name)


def goes_back(ref: Ref) -> bool:
    """Whether something to run over is taken from its end, or a part of it is."""
    return isinstance(ref, Lazy) and (ref.kind == "reversed" or any(map(goes_back, ref.parts)))
