"""Sorting, and the largest and the smallest of several: by numbers, or by tuples of such."""

from __future__ import annotations

import ast
import builtins
import functools
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from adtransform.ir import Atom, Const, Var
from adtransform.lattice import INT, Array, List, Tuple
from adtransform.read.frames import Module
from adtransform.read.objects import Objects
from adtransform.read.refs import (
    DictRef,
    External,
    FunctionRef,
    Items,
    Lazy,
    ListRef,
    ObjectRef,
    PartialRef,
    RecordsRef,
    Ref,
    Schema,
    TupleRef,
    View,
    constants,
    itemized,
)
from adtransform.read.scope import body_of, inside
from adtransform.source import from_path

Args = list[Ref]
Kwargs = dict[str, Ref]
Handler = Callable[[Objects, Args, Kwargs, ast.AST], Ref | None]

_BY_ITEMS = "a comparison of such tuples or lists of computed numbers", "give a key: key=lambda p: (p[0], p[1])"

_GETTERS = ("operator.itemgetter()", "operator.attrgetter()")


def keys_of(self: Objects, items: list[Ref], key: Ref | None, node: ast.AST) -> list[Ref]:
    """What items are compared by."""
    if key is None or key == Const(None):
        return items
    found: list[Ref] = []
    for place, item in enumerate(items):
        with self.trip(place):  # what one call makes is not what another one makes
            found.append(self.apply(key, [item], {}, node))
    return found


def is_true(ref: Ref | None) -> bool | None:
    """A flag among the arguments; None where it is computed."""
    return False if ref is None else bool(ref.value) if isinstance(ref, Const) else None


def ordered(self: Objects, source: Ref, kwargs: Kwargs, node: ast.AST) -> Ref:
    """The items of an iterable in order: a new list."""
    key, descending = kwargs.pop("key", None), is_true(kwargs.pop("reverse", None))
    if descending is None or kwargs:
        self.refuse(node, "a sort whose direction is computed", "write reverse=True or False")
    if isinstance(source, (ListRef, RecordsRef)) and key not in (None, Const(None)):
        source = self.as_list(source, node)  # the key may change the list
    items = self.known_items(source)
    keys = keys_of(self, items, key, node) if items is not None else []
    known = constants(keys) if items is not None else None
    if items is not None and known is not None:
        try:
            order_known = sorted(range(len(items)), key=known.__getitem__, reverse=descending)
        except TypeError as error:
            self.lacks(TypeError, str(error), node, "a sort of what cannot be compared", f"Python says: {error}")
        return self.new_list(tuple(items[i] for i in order_known))
    if items is not None:
        listed: Ref = self.new_list(tuple(items)) if isinstance(source, Lazy) else source
    else:
        listed = source if isinstance(source, ListRef) else self.as_list(source, node)
    name = self.hide(listed)
    columns = columns_of(self, keys, node) if items is not None else collected_columns(self, listed, key, node)
    order = order_of(self, columns, descending)
    if items is not None and all(isinstance(r, (ObjectRef, DictRef)) or isinstance(r, TupleRef) and r.names for r in items):
        places = [self.let("index", order, Const(i), type=INT) for i in range(len(items))]
        listed = self.unhide(name)
        return self.new_list(tuple(self.item(listed, place, node) for place in places))
    places_of = self.make(order)
    if isinstance(listed, RecordsRef):
        self.unhide(name)
        return self.in_order(listed, places_of, node)

    def chosen(i: Ref) -> Ref:
        place = self.value(i, node)
        if len(columns) == 1 and key is None:  # numbers, as they are compared
            return self.let("index", self.value(self.frame.env[name], node), place)
        return self.item(self.frame.env[name], place, node)

    found = self.collected(places_of, chosen, node)
    self.unhide(name)
    return found


def columns_of(self: Objects, keys: list[Ref], node: ast.AST) -> list[Atom]:
    """What known items are compared by, as arrays: one for the first items of tuples, one for the second, and so on."""
    rows = [itemized(key) for key in keys]
    tuples = [row.items for row in rows if isinstance(row, TupleRef)]
    columns = [*zip(*tuples, strict=False)] if tuples else [tuple(rows)]
    if (tuples and {len(items) for items in tuples} != {len(columns)}) or len(tuples) not in (0, len(rows)) or not columns:
        self.refuse(node, *_BY_ITEMS)
    return [as_numbers(self, self.new_list(column), node) for column in columns]


def collected_columns(self: Objects, listed: Ref, key: Ref | None, node: ast.AST) -> list[Atom]:
    """The same for items whose number is not known; a key that gives a tuple is asked once for each of its items."""
    count = tuple_length(self, listed, key)

    def column(place: int) -> Atom:
        def each(item: Ref) -> Ref:
            found = itemized(keys_of(self, [item], key, node)[0])
            if count == 0:
                return found
            return found.items[place] if isinstance(found, TupleRef) else self.indexed(found, Const(place), node)

        return as_numbers(self, self.collected(listed, each, node), node)

    since = self.since()
    columns = [column(0)]
    if count > 1 and self.has_changed(since):
        self.refuse(node, *_BY_ITEMS)
    return columns + [column(place) for place in range(1, count)]


def tuple_length(self: Objects, listed: Ref, key: Ref | None) -> int:
    """How many items the tuples have that a list of unknown length is compared by; 0 where it is by numbers."""
    if isinstance(key, FunctionRef):
        given = [s.value for s in inside(body_of(key.node)) if isinstance(s, ast.Return)]
        lengths = {len(v.elts) if isinstance(v, ast.Tuple) else 0 for v in given}
        starred = any(isinstance(part, ast.Starred) for v in given if isinstance(v, ast.Tuple) for part in v.elts)
        return 0 if starred or len(lengths) != 1 else lengths.pop()
    if isinstance(key, PartialRef) and isinstance(key.function, External) and key.function.op in _GETTERS:
        return len(key.args) if len(key.args) > 1 else 0
    if key not in (None, Const(None)):
        return 0
    if isinstance(listed, RecordsRef):
        return len(listed.schema.fields) if isinstance(listed.schema, Schema) and listed.schema.kind == "tuple" else 0
    t = self.type_of(self.value(listed))
    return len(t.item.items) if isinstance(t, List) and isinstance(t.item, Tuple) else 0


def as_numbers(self: Objects, keyed: Ref, node: ast.AST) -> Atom:
    """Keys as an array: they have to be numbers, or text."""
    content = self.content(keyed.storage) if isinstance(keyed, ListRef) else None
    item = self.item_of(content) if isinstance(content, (Var, Const)) else None
    several = isinstance(content, Items) and any(isinstance(r, (TupleRef, ListRef)) for r in content.refs)
    if several or isinstance(item, (Tuple, List)) or isinstance(keyed, RecordsRef):
        self.refuse(node, *_BY_ITEMS)
    return self.array_like(keyed, node)


def order_of(self: Objects, columns: list[Atom], descending: bool) -> Atom:
    """The places of items in their order, which are as they were where items are equal."""
    if descending:
        columns = [self.let("numpy.logical_not" if is_flags(self, a) else "operator.neg", a) for a in columns]
    if len(columns) == 1:
        return self.operation("numpy.argsort", (columns[0],), {"kind": Const("stable")})
    return self.let("numpy.lexsort", self.let("tuple", *reversed(columns)))


def is_flags(self: Objects, a: Atom) -> bool:
    """Whether an array is known to hold truth values."""
    t = self.type_of(a)
    return isinstance(t, Array) and t.dtype == "?"


def _sorted(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
    return ordered(self, args[0], kwargs, node)


def of_nothing(self: Objects, name: str, node: ast.AST) -> NoReturn:
    """`max(())`, which raises."""
    try:
        said = getattr(builtins, name)(())
    except ValueError as error:
        said = str(error)
    self.lacks(ValueError, said, node, f"`{name}` of nothing", "pass `default=`, or test first")


def best(self: Objects, name: str, args: Args, key: Ref | None, node: ast.AST) -> Ref:
    """`max(items, key=...)`: the first item with the largest key."""
    source = args[0] if len(args) == 1 else TupleRef(tuple(args))
    items, since = self.known_items(source), self.since()
    if items is None:
        kept = self.hide(source if isinstance(source, (ListRef, RecordsRef, View)) else self.as_list(source, node))
        with self.between(source, since, node):
            columns = collected_columns(self, self.frame.env[kept], key, node)
        if len(columns) == 1:
            at = self.let(f"numpy.arg{name}", columns[0])
        else:
            at = self.let("index", order_of(self, columns, name == "max"), Const(0), type=INT)
        return self.item(self.unhide(kept), at, node)
    if not items:
        of_nothing(self, name, node)
    with self.between(source, since, node):
        keys = keys_of(self, items, key, node)
    found, largest = items[0], keys[0]
    for item, by in zip(items[1:], keys[1:], strict=True):
        better = self.truth(self.compared("operator.gt" if name == "max" else "operator.lt", by, largest, node), node)
        pair = TupleRef((item, by)), TupleRef((found, largest))
        chosen = self.choose(better, lambda pair=pair: pair[0], lambda pair=pair: pair[1], node)  # type: ignore[misc]
        assert isinstance(chosen, TupleRef)
        found, largest = chosen.items
    return found


@functools.cache
def worded() -> Module:
    """The functions of libraries that are there in the words of the input language."""
    return Module(from_path(Path(__file__).with_name("worded.py"), module="worded"))


def _heap(name: str) -> Handler:
    """A function of `heapq`; a heap of tuples of unknown length is a list of records."""

    def handler(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
        heap = args[0]
        count = tuple_length(self, heap, None) if isinstance(heap, ListRef) else 0
        if count and isinstance(heap, ListRef) and any(made not in self.records for made in heap.storage.made):
            self.become(heap.storage, Schema("tuple", tuple((i, None) for i in range(count))))
        if not isinstance(heap, (ListRef, RecordsRef)):
            self.refuse(node, f"`heapq.{name}` of what is no list", "make a list of it: list(...)")
        return self.apply(self.in_module(ast.Name(name, ast.Load()), worded()), args, kwargs, node)

    return handler


def _several(largest: bool) -> Handler:
    """`heapq.nlargest` and `nsmallest`."""

    def handler(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
        count, source, *key = args
        options: Kwargs = {"key": key[0]} if key else dict(kwargs)
        found = ordered(self, source, {**options, "reverse": Const(largest)}, node)
        first = self.let("slice", Const(None), self.value(count, node), Const(None))
        return self.indexed(found, first, node)

    return handler


ORDERING: dict[str, Handler] = {
    "builtins.sorted": _sorted,
    "heapq.nlargest": _several(True),
    "heapq.nsmallest": _several(False),
    **{f"heapq.{n}": _heap(n) for n in ("heappush", "heappop", "heapify", "heapreplace", "heappushpop")},
}
