"""Iterators under a name: an object that holds what is run over and the place of the next item.

It is there in every state of the reader, on every path and in every trip of a loop, as the objects of the user's are.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from adtransform.ir import Atom, Const, Var
from adtransform.lattice import INT, Array, Scalar, Unknown, rank_of
from adtransform.ops import ENDLESS
from adtransform.read.frames import RETURNED
from adtransform.read.objects import Objects
from adtransform.read.refs import (
    Conflict,
    DictRef,
    Entries,
    Lazy,
    ListRef,
    ObjectRef,
    RangeRef,
    RecordsRef,
    Ref,
    TupleRef,
    View,
    itemized,
)

_GONE = Conflict("an iterator that something else has run over", "keep what is needed in a list")
_WHOLE = "write a `for` loop, or make a list of it: list(...)"
STARTED = ("zip", "pairwise", "enumerate", "reversed")
_PLAIN = (*STARTED, "cycle", "repeat", "values", "items")  # not computed one by one


def made(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    """`iter(source)`"""
    # What `__iter__` returns is run over once; elsewhere an iterator may be, in parts.
    if self.frame.name.endswith(".__iter__"):
        return args[0]
    if len(args) > 1:
        self.refuse(node, "`iter` with a sentinel", "write a `while` loop")
    if is_iterator(self, args[0]):
        return args[0]
    source = itemized(self.iterator(args[0], node))
    if self.attempts:
        ask(self, source, node)
    if isinstance(source, DictRef):
        source = TupleRef(tuple(self.known_items(source) or ()))
    if isinstance(source, Lazy) and source.kind not in _PLAIN:
        self.refuse(node, "`iter` of what is computed one by one", _WHOLE)
    return started(self, source)


def ask(self: Objects, ref: Ref, node: ast.AST, op: str = "builtins.iter") -> None:
    """Have what cannot be run over raise here, and not where it is run over."""
    match ref:
        case Lazy(kind, parts):
            for part in parts:
                ask(self, part, node, "builtins.reversed" if kind == "reversed" else "builtins.iter")
        case Var() | View() | Const(float() | int()):
            a = self.value(ref, node)
            t = self.type_of(a)
            if isinstance(t, (Scalar, Unknown)) or rank_of(t) == 0 or t == Array():
                self.let(op, a)


def started(self: Objects, source: Ref) -> ObjectRef:
    """An iterator at its beginning."""
    return self.new_object(self.iterators, {"source": source, "at": Const(0)})


def is_iterator(self: Objects, ref: Ref) -> bool:
    """Whether it is such an object."""
    return isinstance(ref, ObjectRef) and ref.kind is self.iterators


def following(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    """`next(iterator)`, `next(iterator, default)`"""
    it, *default = args
    if isinstance(it, Lazy) and it.kind == "generator":
        self.refuse(node, "`next` of a generator within an expression", "bind what it gives to a name: v = next(...)")
    if isinstance(it, (Lazy, RangeRef)):
        it = made(self, [it], {}, node)
    if isinstance(it, (ListRef, RecordsRef)) and it.storage in self.streams:
        it = self.begun(it, node) or it
    if not isinstance(it, ObjectRef) or it.kind is not self.iterators:
        found = self.unary_of("__next__", it, node) if isinstance(it, ObjectRef) and not default else None
        return found or self.refuse(node, "`next` of what is no iterator made here", _WHOLE)
    held = self.attributes_of(it)
    source = held["source"]
    self.still_there(source, node)
    place = self.value(held["at"], node)
    later = after(self, place)

    def item() -> Ref:
        return item_at(self, source, place, node)

    there = is_before_end(self, source, place, node)
    grows = isinstance(source, ListRef) and self.reached(source.storage)  # but what has come to its end stays there
    if default and (grows or there == Const(False)):
        further = later
        later = self.value(self.choose(there, lambda: further, lambda: ENDLESS, node), node)
    if default:
        found = self.choose(there, item, lambda: default[0], node)
    elif there == Const(False):
        what = "`next` of an iterator that is at its end"
        self.lacks(StopIteration, ..., node, what, "give a default: next(it, 0.0)")
    else:
        if not isinstance(there, Const):
            self.raise_where(self.let("operator.not_", there), StopIteration, "")
        found = item()
    self.heap[it.storage] = Entries({**held, "at": later}, attributes=True)
    return found


def after(self: Objects, place: Atom) -> Atom:
    """The place behind another one."""
    return Const(place.value + 1) if isinstance(place, Const) else self.let("operator.add", place, Const(1), type=INT)


def item_at(self: Objects, source: Ref, place: Atom, node: ast.AST) -> Ref:
    """The item at a place where there is one."""
    items = self.known_items(source)
    return items[place.value] if items is not None and isinstance(place, Const) else self.item(source, place, node)


def is_read_on(self: Objects, it: ObjectRef) -> bool:
    """Whether it is an iterator that a loop over it, or something behind that, reads as well."""
    return is_iterator(self, it) and bool(self.reached(it.storage))


def run_on(self: Objects, it: ObjectRef, each: Callable[[Ref], None], node: ast.For) -> Atom:
    """Run over an iterator that has to be at its place whenever something else reads it; gives whether the loop was left."""
    name = self.hide(it)

    def held() -> tuple[ObjectRef, Mapping[str, Ref], Atom]:
        self.at(node)
        kept = self.frame.env[name]
        assert isinstance(kept, ObjectRef)
        found = self.attributes_of(kept)
        self.still_there(found["source"], node)
        return kept, found, self.value(found["at"], node)

    def there() -> Atom:
        _, found, place = held()
        return is_before_end(self, found["source"], place, node)

    def trip(_: Var | None) -> None:
        kept, found, place = held()
        item = item_at(self, found["source"], place, node)
        self.heap[kept.storage] = Entries({**found, "at": after(self, place)}, attributes=True)
        each(item)

    try:
        source = self.attributes_of(it)["source"]
        grows = isinstance(source, ListRef) and bool(self.reached(source.storage))
        broke = self.asking(node, there, trip, told=grows)
        if grows:  # what has come to its end stays there
            kept, found, place = held()
            left = self.choose(broke, lambda: Const(True), lambda: self.frame.flag(RETURNED), node)
            at = self.choose(self.value(left, node), lambda: place, lambda: ENDLESS, node)
            self.heap[kept.storage] = Entries({**found, "at": at}, attributes=True)
        return broke
    finally:
        self.frame.env.pop(name, None)


def is_before_end(self: Objects, source: Ref, place: Atom, node: ast.AST) -> Atom:
    """Whether there is an item at a place."""
    if self.is_endless(source):
        return Const(True)
    count = self.length(source, node)
    if isinstance(count, Const) and isinstance(place, Const):
        return Const(place.value < count.value)
    return self.let("operator.ne", count, place) if place == Const(0) else self.let("operator.lt", place, count)


def rest(self: Objects, it: ObjectRef, node: ast.AST) -> Ref:
    """What is left to run over, which is gone then."""
    held = self.attributes_of(it)
    at, source = held["at"], held["source"]
    place = self.value(at, node)
    self.still_there(source, node)
    self.heap[it.storage] = Entries({**held, "at": _GONE}, attributes=True)
    if place == Const(0):
        return source
    if isinstance(source, RangeRef):
        step = self.binary("mul", place, source.step, node)
        return RangeRef(self.value(self.binary("add", source.start, step, node)), source.stop, source.step)
    if isinstance(source, (TupleRef, ListRef, View, Lazy)):
        return Lazy("rest", (source,), place)
    return self.refuse(node, "the rest of this iterator", _WHOLE)


def taken_in_turn(self: Objects, args: list[Ref], node: ast.AST) -> list[Ref]:
    """The arguments of `zip`: of an iterator that is given k times, `zip(it, it)`, each is every k-th item of what is left."""
    found = list(args)
    for it in {id(a): a for a in args if is_iterator(self, a)}.values():
        assert isinstance(it, ObjectRef)
        places = [i for i, a in enumerate(args) if isinstance(a, ObjectRef) and a.storage is it.storage]
        if len(places) > 1 and found[places[0]] is args[places[0]]:
            left = self.iterator(it, node)
            for turn, i in enumerate(places):
                found[i] = Lazy("every", (left, Const(turn), Const(len(places))))
    return found


def endless_under_a_name(ref: Ref) -> bool:
    """Whether it is `itertools.count(...)` or the like, which goes on where it was left."""
    return (isinstance(ref, RangeRef) and ref.stop == ENDLESS) or (isinstance(ref, Lazy) and ref.kind in ("cycle", "repeat"))
