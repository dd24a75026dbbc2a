"""Sorting, filtering, and what `itertools`, `collections` and `operator` make of containers."""

from __future__ import annotations

import ast
import builtins
import itertools
from collections.abc import Callable
from typing import Any, NoReturn

from adtransform.ir import Atom, Const, Var
from adtransform.lattice import BOOL, INT, Array, List, Scalar, Tuple, kind_of, rank_of
from adtransform.ops import ENDLESS
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
    RangeRef,
    RecordsRef,
    Ref,
    Storage,
    TupleRef,
    View,
    itemized,
)
from adtransform.read.scope import free_names
from adtransform.read.tables import COUNTER
from adtransform.read.vectorized import mapped, vectorized

Args = list[Ref]
Kwargs = dict[str, Ref]
Handler = Callable[[Objects, Args, Kwargs, ast.AST], Ref | None]

_BY_ITEMS = "a comparison of tuples or lists of computed numbers", "compare numbers: key=lambda p: p[0]"
_COUNTED = "write the loops, or use a list of known length"


def keys_of(self: Objects, items: list[Ref], key: Ref | None, node: ast.AST) -> list[Ref]:
    """What items are compared by."""
    if key is None or key == Const(None):
        return items
    found: list[Ref] = []
    for place, item in enumerate(items):
        with self.trip(place):  # what one call makes is not what another one makes
            found.append(self.apply(key, [item], {}, node))
    return found


def constants(refs: list[Ref]) -> list[Any] | None:
    """The values of items that are all constants, tuples of them included."""
    found: list[Any] = []
    for ref in refs:
        inner = constants(list(ref.items)) if isinstance(ref, TupleRef) else None
        if isinstance(ref, Const):
            found.append(ref.value)
        elif inner is not None:
            found.append(tuple(inner))
        else:
            return None
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
        return self.new_list(tuple(items[i] for i in sorted(range(len(items)), key=known.__getitem__, reverse=descending)))
    if any(isinstance(item, (TupleRef, ListRef)) for item in items or ()) and key is None:
        self.refuse(node, *_BY_ITEMS)
    listed = source if items is not None or isinstance(source, ListRef) else self.as_list(source, node)
    name = self.hide(listed)
    keyed: Ref = self.new_list(tuple(keys))
    if items is None:
        keyed = self.collected(listed, lambda item: keys_of(self, [item], key, node)[0], node)
    by = self.array_like(numbered(self, keyed, node), node)
    if descending:
        by = self.let("operator.neg", by)
    order = self.operation("numpy.argsort", (by,), {"kind": Const("stable")})
    if items is not None and all(isinstance(item, (ObjectRef, DictRef)) for item in items):
        places = [self.let("index", order, Const(i), type=INT) for i in range(len(items))]
        listed = self.unhide(name)
        return self.new_list(tuple(self.item(listed, place, node) for place in places))
    order_of = self.make(order)
    if isinstance(listed, RecordsRef):
        self.unhide(name)
        return self.in_order(listed, order_of, node)

    def chosen(i: Ref) -> Ref:
        place = self.value(i, node)
        if key is None:  # numbers, as they are compared
            return self.let("index", self.value(self.frame.env[name], node), place)
        return self.item(self.frame.env[name], place, node)

    found = self.collected(order_of, chosen, node)
    self.unhide(name)
    return found


def numbered(self: Objects, keyed: Ref, node: ast.AST) -> Ref:
    """The keys of items, which have to be numbers: lists and tuples are compared item by item."""
    content = self.content(keyed.storage) if isinstance(keyed, ListRef) else None
    item = self.item_of(content) if isinstance(content, (Var, Const)) else None
    several = isinstance(content, Items) and any(isinstance(r, (TupleRef, ListRef)) for r in content.refs)
    if several or isinstance(item, (Tuple, List)):
        self.refuse(node, *_BY_ITEMS)
    return keyed


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
            keyed = self.collected(self.frame.env[kept], lambda item: keys_of(self, [item], key, node)[0], node)
        at = self.let(f"numpy.arg{name}", self.array_like(numbered(self, keyed, node), node))
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


def _filter(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
    test, source = args
    since = self.since()
    found = self.filtered(source, lambda item: item if test == Const(None) else self.apply(test, [item], {}, node), node)
    return self.passing(found, test, (source,), since, node)


def _combined(function: Callable[..., Any]) -> Handler:
    """A function of `itertools` that arranges items, done while reading."""

    def handler(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
        given: list[Any] = []
        for arg in args:
            number = self.static(arg) if not isinstance(arg, (TupleRef, ListRef, RangeRef, Lazy, View)) else None  # type: ignore[arg-type]
            items = self.known_items(arg)
            if items is None and (number is None or not isinstance(number.value, int)):
                return arranged(self, function, args, kwargs, node)
            given.append(items if items is not None else number.value)  # type: ignore[union-attr]
        named = {k: v.value for k, v in kwargs.items() if isinstance(v, Const)}
        return TupleRef(tuple(TupleRef(row) for row in function(*given, **named)))

    return handler


def arranged(self: Objects, function: Callable[..., Any], args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
    """The items of sources of unknown length in the arrangements of a function of `itertools`."""
    count = self.static(args[1]) if len(args) == 2 and isinstance(args[1], (Var, Const)) else None
    if function is itertools.product and not kwargs:
        return Lazy("product", tuple(kept(self, a, node) for a in args))
    if function is not itertools.combinations or count is None or not 1 <= count.value <= 3 or kwargs:
        self.refuse(node, f"`itertools.{function.__name__}` of unknown length", _COUNTED)
    given = args[0] if isinstance(args[0], (RangeRef, ListRef, RecordsRef, View)) else self.as_list(args[0], node)
    source, made = self.hide(given), self.hide(self.open_list(node))
    size = self.length(given, node)

    def later(chosen: tuple[Ref, ...], first: Atom) -> None:
        def each(i: Ref) -> None:
            at = self.value(i, node)
            now = (*chosen, self.item(self.frame.env[source], at, node))
            if len(now) == count.value:
                self.method(self.frame.env[made], "append", [TupleRef(now)], {}, node)
            else:
                later(now, self.let("operator.add", at, Const(1)))

        self.over(RangeRef(first, size, Const(1)), each, frozenset((made,)), node)

    later((), Const(0))
    self.unhide(source)
    return self.unhide(made)


def kept(self: Objects, source: Ref, node: ast.AST) -> Ref:
    """What is run over, with the items that it has now."""
    t = self.type_of(self.value(source, node)) if isinstance(source, View) else None
    if isinstance(source, RangeRef) or (isinstance(t, Array) and rank_of(t) not in (None, 1)):
        return source  # the rows of an array are seen as they are written
    if isinstance(t, Array) and rank_of(t) == 1:
        return self.copied(source, False, node)
    return self.as_list(source, node)


def _chain(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
    parts = [self.known_items(a) for a in args]
    if all(p is not None for p in parts):
        return TupleRef(tuple(item for p in parts for item in p or ()))
    made = self.new_list((), node)
    for arg in args:
        self.extend(made.storage, arg, node)
    return made


def _chain_of(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
    parts = self.known_items(args[0])
    if parts is None:
        self.refuse(node, "`chain.from_iterable` of unknown length", _COUNTED)
    return _chain(self, parts, {}, node)


def _accumulate(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
    step = args[1] if len(args) > 1 else kwargs.get("func")
    items, start = self.known_items(args[0]), kwargs.get("initial", Const(None))

    def total(last: Ref, item: Ref) -> Ref:
        return self.binary("add", last, item, node) if step in (None, Const(None)) else self.apply(step, [last, item], {}, node)

    if items is None:
        rest = self.as_list(args[0], node)
        head: Ref = self.new_list((start,))
        if start == Const(None):
            whole, none = self.hide(rest), Const(None)
            head = self.indexed(
                self.frame.env[whole], self.let("slice", none, Const(1), none), node
            )  # none where there are none
            rest = self.indexed(self.unhide(whole), self.let("slice", Const(1), none, none), node)
        made = self.hide(head)

        def each(item: Ref) -> None:
            last = self.indexed(self.hidden(made), Const(-1), node)
            self.list_method(self.hidden(made), "append", [total(last, item)], {}, node)

        self.over(rest, each, frozenset((made,)), node)
        return self.unhide(made)
    found = [] if start == Const(None) else [start]
    for item in items:
        found.append(total(found[-1], item) if found else item)
    return TupleRef(tuple(found))


def _pairwise(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
    items = self.known_items(args[0])
    if items is not None:
        return TupleRef(tuple(TupleRef(pair) for pair in itertools.pairwise(items)))
    source = args[0] if isinstance(args[0], (ListRef, RecordsRef, View)) else self.as_list(args[0], node)
    tail = self.let("slice", Const(1), Const(None), Const(None))
    return Lazy("zip", (source, self.indexed(source, tail, node)))


def _count(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
    """`itertools.count(start, step)`: a range that no loop gets to the end of."""
    given = dict(zip(("start", "step"), args, strict=False)) | kwargs
    start, step = (self.value(given.get(name, Const(default)), node) for name, default in (("start", 0), ("step", 1)))
    known = self.static(step)
    if known is None or not isinstance(known.value, int) or known.value < 1 or kind_of(self.type_of(start)) != "int":
        self.refuse(node, "`itertools.count` of something else than whole numbers, upwards", "count by hand: k += step")
    return RangeRef(self.static(start) or start, ENDLESS, known)


def _starmap(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
    function, source = args
    return self.collected(source, lambda item: self.apply(function, self.unpacked(item, node), {}, node), node)


def _islice(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
    source, *bounds = args
    if self.is_endless(source) and len(bounds) < 3:
        first, stop = (Const(0), *bounds)[-2:]
        places = RangeRef(self.value(Const(0) if first == Const(None) else first, node), self.value(stop, node), Const(1))
        return self.collected(places, lambda i: self.item(source, self.value(i, node), node), node)
    if not isinstance(source, (View, ListRef, TupleRef)):
        source = self.as_list(source, node)
    if len(bounds) == 1:
        bounds = [Const(None), *bounds]
    atoms = [self.value(b, node) for b in (*bounds, Const(None))][:3]
    return self.indexed(source, self.let("slice", *[self.static(a) or a for a in atoms]), node)


def _while(drop: bool) -> Handler:
    """`takewhile` and `dropwhile`: the items before the first that does not pass a test, or those from there on."""

    def handler(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
        test, source = args
        name = self.hide(Const(True))  # whether all have passed so far

        def chosen(item: Ref) -> Ref:
            before = self.truth(self.frame.env[name], node)
            passed = self.choose(
                before, lambda: self.truth(self.apply(test, [item], {}, node), node), lambda: Const(False), node
            )
            now = self.truth(passed, node)
            self.frame.env[name] = now if isinstance(now, Const) else self.let("builtins.bool", now, type=BOOL)
            return self.unary(ast.Not, self.frame.env[name], node) if drop else self.frame.env[name]

        found = self.filtered(source, chosen, node, frozenset((name,)))
        self.unhide(name)
        return found

    return handler


def _cycle(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
    source = itemized(args[0])
    changes = isinstance(source, View) or (isinstance(source, ListRef) and self.reached(source.storage))
    if changes or not isinstance(source, (TupleRef, ListRef, RangeRef)):
        self.refuse(node, "`itertools.cycle` of what may change meanwhile", "give it a tuple or a list of its own: list(xs)")
    return Lazy("cycle", (source,))


def _repeat(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
    same, *times = args
    if not times and "times" not in kwargs:
        return Lazy("repeat", (same,))
    count = self.value(times[0] if times else kwargs["times"], node)
    return self.collected(RangeRef(Const(0), self.static(count) or count, Const(1)), lambda _: same, node)


def _known(function: str, rows: Callable[..., Any]) -> Handler:
    """A function of `itertools` of which the items have to be known while reading."""

    def handler(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
        found = rows(self, args, kwargs)
        if found is None:
            self.refuse(node, f"`itertools.{function}` of unknown length", _COUNTED)
        return TupleRef(tuple(TupleRef(tuple(row)) for row in found))

    return handler


def _longest(self: Objects, args: Args, kwargs: Kwargs) -> Any:
    columns = [self.known_items(a) for a in args]
    fill = kwargs.get("fillvalue", Const(None))
    return None if None in columns else itertools.zip_longest(*(c for c in columns if c is not None), fillvalue=fill)


def _batches(self: Objects, args: Args, kwargs: Kwargs) -> Any:
    items, size = self.known_items(args[0]), self.static(args[1]) if isinstance(args[1], (Var, Const)) else None
    if items is None or size is None or kwargs:
        return None
    return [items[i : i + size.value] for i in range(0, len(items), size.value)]


def _getter(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
    return PartialRef(External("operator.itemgetter()"), tuple(args))


def _got(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
    *keys, owner = args
    found = [self.item_at(owner, key, node) for key in keys]
    return found[0] if len(found) == 1 else TupleRef(tuple(found))


def _ordered_dict(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref | None:
    return self.apply(External("builtins.dict"), args, kwargs, node)


def _default_dict(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref | None:
    made = self.apply(External("builtins.dict"), args[1:], kwargs, node)
    made.storage.factory = args[0] if args else None  # type: ignore[union-attr]
    return made


def _counter(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref | None:
    if args or kwargs:
        self.refuse(node, "a `Counter` of something", "start with an empty one, and count in a loop")
    made = self.new_dict({})
    made.storage.factory = External(COUNTER)
    return made


def _deque(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
    limit = args[1] if len(args) > 1 else kwargs.get("maxlen", Const(None))
    made = self.as_list(args[0], node) if args else self.open_list(node)
    assert isinstance(made, (ListRef, RecordsRef))
    made.storage.queue = True
    if isinstance(made, RecordsRef):
        if limit != Const(None):
            self.refuse(node, "a `deque` of limited length of records of unknown length", "take the last ones: rows[-n:]")
        return made
    if limit != Const(None):
        size = self.value(limit, node)
        made.storage.limit = self.static(size) or size
        if self.known_length(made) != 0:
            self.keep_last(made, made.storage.limit, node)
    return made


def _set(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
    items = self.known_items(args[0]) if args else []
    return self.new_set(items, node)


def _grid(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
    shape = self.known_items(args[0]) if len(args) == 1 else list(args)
    if shape is None and len(args) == 1 and isinstance(self.static(args[0]) if isinstance(args[0], Const) else None, Const):
        shape = list(args)
    if shape is None:
        self.refuse(node, "`np.ndindex` of an unknown rank", "write one loop for each axis")
    return Lazy("ndindex", tuple(shape))


def _numbered(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
    shape = self.shape_of(args[0], node)
    if shape is None:
        self.refuse(node, "`np.ndenumerate` of an unknown rank", "annotate the array, or write one loop for each axis")
    return Lazy("zip", (Lazy("ndindex", shape), self.flattened(args[0], node)))


def _each(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
    if len(args) > 1 or kwargs or not isinstance(args[0], View):
        self.refuse(node, "`np.nditer` with options", "loop over the indices")
    return self.flattened(args[0], node)


def numbers(self: Objects, owner: Ref, node: ast.AST) -> Ref:
    """`x.tolist()`: the numbers of an array as Python's own, in nested lists."""
    t = self.type_of(self.value(owner, node))
    if isinstance(t, Scalar) or (isinstance(t, Array) and t.dims == ()):
        return self.plain_number(owner, node)
    if not isinstance(t, Array) or t.dims is None or t.dtype is None:
        self.refuse(node, "`.tolist()` of an array of unknown rank", "annotate the array, or use it itself")
    return self.collected(owner, lambda item: numbers(self, item, node), node)


def _listed(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref:
    return numbers(self, args[0], node)


def _seen_by(self: Objects, function: Ref) -> list[Storage]:
    """The storages that a function leads to by the names around it, or holds."""
    found = list(self.storages(function))
    while isinstance(function, PartialRef):
        function = function.function
    if isinstance(function, FunctionRef) and function.frame is not None:
        env = function.frame.env
        found += [s for n in sorted(free_names(function.node)) if n in env for s in self.storages(env[n])]
    return found


def _one_by_one(handler: Handler, *, copies: bool = False) -> Handler:
    """What gives its items one by one, and once; with `copies` those that were there when it was called."""

    def run(self: Objects, args: Args, kwargs: Kwargs, node: ast.AST) -> Ref | None:
        given = [] if copies else [*args, *kwargs.values()]
        functions = [a for a in given if isinstance(a, (FunctionRef, PartialRef))]
        inside = {s for f in functions for s in _seen_by(self, f)}
        if not inside.isdisjoint(s for a in given if a not in functions for s in self.storages(a)):
            self.refuse(node, "a function that may change what it is called for one by one", "write the loop")
        since = self.since()
        found = handler(self, args, kwargs, node)
        if found is None or (isinstance(found, Lazy) and found.kind == "product"):
            return found
        listed = found if isinstance(found, ListRef) else self.as_list(found, node)
        return self.passing(listed, functions[0] if functions else Const(None), tuple(given), since, node)

    return run


TOOLS: dict[str, Handler] = {
    "builtins.sorted": _sorted,
    "builtins.filter": _filter,
    "builtins.set": _set,
    "builtins.frozenset": _set,
    **{
        f"itertools.{f.__name__}": _one_by_one(_combined(f), copies=True)
        for f in (itertools.product, itertools.combinations, itertools.permutations, itertools.combinations_with_replacement)
    },
    "itertools.chain": _one_by_one(_chain),
    "itertools.chain.from_iterable": _one_by_one(_chain_of),
    "itertools.accumulate": _one_by_one(_accumulate),
    "itertools.pairwise": _one_by_one(_pairwise),
    "itertools.count": _count,
    "itertools.starmap": _one_by_one(_starmap),
    "itertools.islice": _one_by_one(_islice),
    "itertools.takewhile": _one_by_one(_while(drop=False)),
    "itertools.dropwhile": _one_by_one(_while(drop=True)),
    "itertools.cycle": _cycle,
    "itertools.repeat": _repeat,
    "itertools.zip_longest": _one_by_one(_known("zip_longest", _longest)),
    "itertools.batched": _one_by_one(_known("batched", _batches)),
    "operator.itemgetter": _getter,
    "operator.itemgetter()": _got,
    "collections.OrderedDict": _ordered_dict,
    "collections.defaultdict": _default_dict,
    "collections.deque": _deque,
    COUNTER: _counter,
    "numpy.ndarray.tolist": _listed,
    "numpy.vectorize": vectorized,
    "numpy.vectorize()": mapped,
    "numpy.ndindex": _grid,
    "numpy.ndenumerate": _numbered,
    "numpy.nditer": _each,
}
