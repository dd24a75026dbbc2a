"""Indexing: `x[i]`, `x[1:-1, None]`, `x[mask]`, and what slices and tuples of keys are."""

from __future__ import annotations

from collections.abc import Mapping

from adtransform.infer.extents import Count, Cut, array, as_array, count, cut, integer
from adtransform.infer.row import Args, Kwargs, Named, Row, Types
from adtransform.ir import Atom, Const, Let, Var
from adtransform.lattice import (
    ELLIPSIS,
    INT,
    NONE,
    SHAPE,
    SLICE,
    UNKNOWN,
    WHOLE,
    Array,
    Dict,
    Extent,
    List,
    Parts,
    Scalar,
    Static,
    Tuple,
    Type,
    broadcast_dims,
    fresh_dim,
    item_of,
    kind_of,
    rank_of,
)


def _index(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """`a[key]`"""
    a, key = types
    match a:
        case Tuple(items):
            k = integer(key, args[1])
            return items[k] if k is not None and -len(items) <= k < len(items) else UNKNOWN
        case Parts(_, items) if (k := integer(key, args[1])) is not None and -len(items) <= k < len(items):
            return items[k]
        case Dict():
            return item_of(a)
        case List(item):
            return List(item) if isinstance(key, Cut) or key in (SLICE, WHOLE) else item_of(a)
        case Array(dtype, dims):
            keys = key.items if isinstance(key, Tuple) else (key,)
            return _unranked(dtype, keys) if dims is None else _taken(dtype, dims, keys)
        case Static() if a == SHAPE:
            return INT if isinstance(key, Scalar) else SHAPE if isinstance(key, Cut) or key in (SLICE, WHOLE) else UNKNOWN
    return UNKNOWN


def _item_in(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """`l[i][k]`"""
    found = types[0]
    for t, a in zip(types[1:], args[1:], strict=True):
        taken = _index((found, t), named, (args[0], a), kwargs)
        assert isinstance(taken, Type)
        found = taken
    return found


def _is_slice(k: Type) -> bool:
    return isinstance(k, Cut) or k in (SLICE, WHOLE)


def _consumes(k: Type) -> int | None:
    """How many axes a key stands for; None where that is not known."""
    if k in (NONE, ELLIPSIS):
        return 0
    if _is_slice(k):
        return 1
    if isinstance(k, Scalar):
        return None if k.kind == "bool" or k.maybe else 1
    if isinstance(k, (Array, List)):
        found = as_array(k)
        if kind_of(found) == "bool":
            return None if not found.dims else len(found.dims)
        return 1 if kind_of(found) == "int" and found.dims is not None else None
    return None


def _unranked(dtype: str | None, keys: tuple[Type, ...]) -> Type:
    """What is taken from an array of unknown rank: an array if any key leaves an axis."""
    leaves = any(k in (NONE, ELLIPSIS) or _is_slice(k) or (isinstance(k, (Array, List)) and as_array(k).dims) for k in keys)
    return Array(dtype, None) if leaves else UNKNOWN


def _taken(dtype: str | None, dims: tuple[Extent, ...], keys: tuple[Type, ...]) -> Type:
    used = [_consumes(k) for k in keys]
    if None in used or keys.count(ELLIPSIS) > 1:
        return _unranked(dtype, keys)
    rest = len(dims) - sum(n for n in used if n is not None)
    if rest < 0:
        return UNKNOWN
    # An explicit `...` makes a 0-d array where all other keys are ints.
    scalar = ELLIPSIS not in keys
    at = keys.index(ELLIPSIS) if ELLIPSIS in keys else len(keys)
    keys = (*keys[:at], *(WHOLE,) * rest, *keys[at + 1 :])
    fancy = any(isinstance(k, (Array, List)) for k in keys)

    out: list[Extent] = []
    shapes: list[tuple[Extent, ...]] = []
    places: list[int] = []
    start = axis = 0
    for position, k in enumerate(keys):
        if k == NONE:
            out.append(1)
        elif _is_slice(k):
            out.append(_sliced(dims[axis], k))
            axis += 1
        elif fancy:
            start = start if places else len(out)
            places.append(position)
            shapes.append(_fancy(k))
            axis += _consumes(k) or 0
        else:
            axis += 1
    if not fancy:
        return array(dtype, tuple(out)) if scalar else Array(dtype, tuple(out))
    # Index arrays that are not next to each other put their axes in front.
    start = start if places[-1] - places[0] == len(places) - 1 else 0
    together = broadcast_dims(shapes) or ()
    found = (*out[:start], *together, *out[start:])
    return array(dtype, found) if scalar else Array(dtype, found)


def _fancy(k: Type) -> tuple[Extent, ...]:
    """The shape that an index array contributes; an int among index arrays is one."""
    if isinstance(k, Scalar):
        return ()
    found = as_array(k)
    return (fresh_dim(),) if kind_of(found) == "bool" else found.dims or ()


def _sliced(extent: Extent, k: Type) -> Extent:
    if k == WHOLE:
        return extent
    return cut(extent, k) if isinstance(k, Cut) else fresh_dim()


def _bound(t: Type, a: Atom) -> Extent | None:
    """A bound of a slice; raises `LookupError` where it is not known."""
    if t == NONE:
        return None
    known = integer(t, a)
    if known is None:
        if not isinstance(t, Count):
            raise LookupError
        return t.extent
    return known


def _slice(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """`slice(start, stop, step)`"""
    try:
        bounds = tuple(_bound(t, a) for t, a in zip(types, args, strict=True))
    except LookupError:
        return SLICE
    if bounds == (None, None, None):
        return WHOLE
    start, stop, step = (*bounds, None, None)[:3]
    return Cut("slice", start, stop, step) if step is None or isinstance(step, int) else SLICE


def _tuple(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """`(a, b)`: constant ints are kept, they may be axes or extents."""
    return Tuple(
        tuple(count(a.value) if isinstance(a, Const) and type(a.value) is int else t for t, a in zip(types, args, strict=True))
    )


def _last(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """`last(x, key)`: a bool for each place of `x[key]`."""
    dims = types[0].dims if isinstance(types[0], Array) else None
    return _index((Array("bool", dims), types[1]), named, args, kwargs)


def _nonzero(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """For each axis of the operand the places along it; for a single one the tuple that holds them."""
    rank = rank_of(types[0])
    found = Array("int64", (fresh_dim(),))
    return UNKNOWN if not rank else Tuple((found,)) if rank == 1 else (found,) * rank


# Indices that are all different, whatever they are made of.
_DISTINCT = frozenset(
    "slice numpy.arange numpy.argsort numpy.flatnonzero numpy.nonzero numpy.triu_indices numpy.tril_indices "
    "numpy.diag_indices".split()
)


def may_repeat(key: Atom, lets: Mapping[Var, Let]) -> bool:
    """Whether a key may name an element twice, so that only the last write to it stays; `lets`: what binds each variable."""
    if isinstance(key, Const):
        return isinstance(key.value, (list, tuple))
    let = lets.get(key)
    if let is not None and let.op in _DISTINCT:
        # Each row of what is sorted along an axis has all places of its own.
        return let.op == "numpy.argsort" and rank_of(key.type) != 1
    if let is not None and let.op == "tuple":
        return any(may_repeat(a, lets) for a in let.args)
    if let is not None and let.op in ("list", "numpy.array", "numpy.asarray"):
        known = [a.value for a in let.args if isinstance(a, Const) and type(a.value) is int]
        if len(known) == len(let.args) == len(set(known)) and len({i < 0 for i in known}) == 1:
            return False
    t = key.type
    if isinstance(t, Scalar):
        return kind_of(t) not in ("int", "bool")
    if isinstance(t, Array):
        return kind_of(t) != "bool"
    return not (t in (NONE, ELLIPSIS) or _is_slice(t) or isinstance(t, Static) and t.what.startswith("slice"))


ROWS: dict[str, Row] = {
    "index": _index,
    "item_in": _item_in,
    "slice": _slice,
    "tuple": _tuple,
    "builtins.slice": _slice,
    "last": _last,
    "numpy.nonzero": _nonzero,
}
