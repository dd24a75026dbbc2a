"""The type lattice: what is known of a value while transforming.

A type answers the questions the passes ask: is it a Python scalar or an array, of which dtype, of which rank, and along
which axes can it have been broadcast?  `Unknown` means "a number or an array of numbers, we do not know which".
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import Any, cast

import numpy as np

from adtransform.record import record


@record
class Dim:
    """A named extent, `I`.  `many` says that it is known not to be 1, and of `I + 2` `base` that `I` is."""

    name: str
    many: bool = False
    base: bool = False


Extent = int | Dim


class Type:
    """Base of all types."""

    __slots__ = ()


@record
class Unknown(Type):
    """Any number or array: `?`; `maybe`: or `None`, that too."""

    maybe: bool = field(default=False, kw_only=True)


@record
class Scalar(Type):
    """`float`, `int`, `bool`, `complex` (Python's own), or with a dtype a NumPy scalar: `float64()`.

    The dtype `?` means: Python's or NumPy's, it depends on the path taken.  `maybe`: or `None`, that too.
    """

    kind: str
    dtype: str | None = None
    maybe: bool = field(default=False, kw_only=True)


@record
class Array(Type):
    """`float64[I, 3]`.  `dtype` None: not known; `dims` None: the rank is not known."""

    dtype: str | None = None
    dims: tuple[Extent, ...] | None = None


@record
class Tuple(Type):
    """`(float, float64[I])`: a tuple whose items are known one by one."""

    items: tuple[Type, ...]


@record
class List(Type):
    """`[float]`: a list that grows at run time, all items of one type.  Tapes are lists."""

    item: Type


@record
class Parts(List):
    """`[float, [float]]`: a list that does not grow and whose items are known one by one: the adjoint of a tuple."""

    items: tuple[Type, ...] = ()


@record
class Dict(List):
    """`{int: float}`: a dict whose keys are only known when it runs, all items of one type."""

    key: Type


@record
class Saved(Type):
    """`saved of f`: what `f_back` needs of a call of `f_ahead`; where `f` calls itself it holds another such value."""

    of: str


@record
class Static(Type):
    """Not a number: `None`, a string, an ellipsis, a slice (`slice`, or `slice:` for the whole axis), a dtype, a function."""

    what: str


UNKNOWN = Unknown()
BOOL = Scalar("bool")
INT = Scalar("int")
FLOAT = Scalar("float")
COMPLEX = Scalar("complex")
NONE = Static("None")
ELLIPSIS = Static("...")
SLICE = Static("slice")
WHOLE = Static("slice:")
TEXT = Static("str")
SHAPE = Static("shape")  # a tuple of ints, of which it is not known how many
UNDEFINED = Static("undefined")

_KINDS = {"b": "bool", "i": "int", "u": "int", "f": "float", "c": "complex"}
_ORDER = {"bool": 0, "int": 1, "float": 2, "complex": 3}


@functools.cache
def dtype_name(dtype: np.dtype[Any]) -> str:
    """`float64`: NumPy works it out anew each time."""
    return dtype.name


_PLAIN: dict[type, Type] = {
    type(None): NONE,
    type(...): ELLIPSIS,
    bool: BOOL,
    int: INT,
    float: FLOAT,
    complex: COMPLEX,
    str: TEXT,
}


def of_value(value: Any, name: str = "") -> Type:
    """The type of a real argument; an array's axes are known to be 1 or not 1, and no two axes are taken to be equal."""
    plain = _PLAIN.get(type(value))
    if plain is not None:
        return plain
    if isinstance(value, np.generic):
        kind = _KINDS.get(value.dtype.kind)
        return Scalar(kind, dtype_name(value.dtype)) if kind else Static(type(value).__name__)
    if isinstance(value, int):
        return INT
    if isinstance(value, float):
        return FLOAT
    if isinstance(value, complex):
        return COMPLEX
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in _KINDS:
            return Static(f"array of {value.dtype}")
        return Array(
            dtype_name(value.dtype), tuple(1 if n == 1 else Dim(f"{name}.{i}", True) for i, n in enumerate(value.shape))
        )
    if isinstance(value, tuple):
        return Tuple(tuple(of_value(v, f"{name}.{i}") for i, v in enumerate(value)))
    if isinstance(value, slice):
        return WHOLE if value == slice(None) else SLICE
    if isinstance(value, str):
        return TEXT
    return Static(type(value).__name__)


def kind_of(t: Type) -> str | None:
    """`bool`, `int`, `float` or `complex` where it is known."""
    if isinstance(t, Scalar):
        return t.kind
    if isinstance(t, Array) and t.dtype is not None:
        return _kind_of(t.dtype)
    return None


@functools.cache
def _kind_of(dtype: str) -> str | None:
    return _KINDS.get(np.dtype(dtype).kind)


def is_number(t: Type) -> bool:
    """Whether it takes part in arithmetic."""
    return isinstance(t, (Unknown, Scalar, Array))


def is_int(t: Type) -> bool:
    """Whether it is an int, which as an index takes one place of an axis."""
    return isinstance(t, Scalar) and t.kind == "int" and not t.maybe


def is_differentiable(t: Type) -> bool:
    """Whether values of this type can carry a derivative: floats, and what may be one."""
    if isinstance(t, Tuple):
        return any(is_differentiable(item) for item in t.items)
    if isinstance(t, Parts):
        return any(map(is_differentiable, t.items))
    if isinstance(t, List):
        return is_differentiable(t.item)
    if isinstance(t, Saved):
        return True
    return is_number(t) and kind_of(t) not in ("bool", "int")


def is_scalar(t: Type) -> bool:
    """Known to have no axes: a Python or NumPy scalar, or a 0-d array."""
    return isinstance(t, Scalar) or (isinstance(t, Array) and t.dims == ())


def is_bare(t: Type) -> bool:
    """Known to be an array without axes, which can be written where a number cannot."""
    return isinstance(t, Array) and t.dims == ()


def is_numpy(t: Type) -> bool:
    """Known to follow NumPy's arithmetic (`1 / 0` is inf and a warning), unlike a Python float."""
    return isinstance(t, Array) or (isinstance(t, Scalar) and t.dtype not in (None, "?"))


def dims_of(t: Type) -> tuple[Extent, ...] | None:
    """The extents where the rank is known."""
    if isinstance(t, Scalar):
        return ()
    return t.dims if isinstance(t, Array) else None


def rank_of(t: Type) -> int | None:
    """The number of axes where it is known."""
    dims = dims_of(t)
    return None if dims is None else len(dims)


def same_shape(a: Type, b: Type) -> bool:
    """Known to have equal shapes."""
    x, y = dims_of(a), dims_of(b)
    return x is not None and x == y


def same_kind(a: Type, b: Type) -> bool:
    """Known to have the same dtype class, so that no cast is needed to go from one to the other."""
    if isinstance(a, Scalar) and isinstance(b, Scalar):
        return a.kind == b.kind and a.dtype == b.dtype != "?"
    if isinstance(a, Array) and isinstance(b, Array):
        return a.dtype is not None and a.dtype == b.dtype
    return False


_counter = iter(range(10**12))


def fresh_dim() -> Dim:
    """An extent of which nothing is known (`x[:k]`, a mask)."""
    return Dim(f"?{next(_counter)}")


def is_many(e: Extent) -> bool:
    """Known not to be 1."""
    return e != 1 if isinstance(e, int) else e.many


def broadcast_extent(a: Extent, b: Extent) -> Extent:
    """The extent of two broadcast axes; two axes known not to be 1 are equal, or the user's program fails."""
    if a == b or b == 1:
        return a
    if a == 1:
        return b
    if is_many(a):
        return a
    if is_many(b):
        return b
    return fresh_dim()


def broadcast_dims(shapes: Iterable[tuple[Extent, ...] | None]) -> tuple[Extent, ...] | None:
    """The extents of a broadcast result, where all ranks are known."""
    out: tuple[Extent, ...] = ()
    for dims in shapes:
        if dims is None:
            return None
        if not dims or dims == out:
            continue
        if not out:
            out = dims
            continue
        width = max(len(out), len(dims))
        left = (1,) * (width - len(out)) + out
        right = (1,) * (width - len(dims)) + dims
        out = tuple(broadcast_extent(a, b) for a, b in zip(left, right, strict=True))
    return out


def result_dtype(types: Sequence[Type]) -> tuple[str | None, str | None]:
    """`(kind, dtype)` of arithmetic over these operands by NumPy's promotion, in which a Python scalar is weak.

    The dtype is None for Python's own arithmetic, `?` where it is not known which; the kind is None where it is not known.
    """
    kinds = [kind_of(t) for t in types]
    strong: list[np.dtype[Any]] = []
    weak: list[Any] = []
    for t in types:
        if isinstance(t, Scalar) and t.dtype is None:
            weak.append({"bool": True, "int": 1, "float": 1.0, "complex": 1j}[t.kind])
        elif isinstance(t, (Scalar, Array)) and t.dtype == "?":
            return max((k or "float" for k in kinds), key=_ORDER.__getitem__) if all(kinds) else None, "?"
        elif isinstance(t, (Scalar, Array)) and t.dtype is not None:
            strong.append(np.dtype(t.dtype))
        else:
            return None, "?"
    if not strong:
        return max((type(w).__name__ for w in weak), key=_ORDER.__getitem__), None
    # NumPy's own promotion of Python scalars (they are weak): ask it with values, never by rule of thumb.
    dtype = np.result_type(*strong, *weak)
    return _KINDS[dtype.kind], dtype_name(dtype)


def join(a: Type, b: Type) -> Type:
    """The least type that holds for both; it is the type of a value only after `meet`, `carried` or `item_of`."""
    if a == b or b == UNDEFINED:
        return a
    if a == UNDEFINED:
        return b
    if isinstance(a, Scalar) and isinstance(b, Scalar):
        kind = max(a.kind, b.kind, key=_ORDER.__getitem__)
        maybe = a.maybe or b.maybe
        if (a.kind, a.dtype) == (b.kind, b.dtype):
            return Scalar(kind, a.dtype, maybe=maybe)
        weak = a.dtype is None and b.dtype is None and "bool" not in (a.kind, b.kind)
        return Scalar(kind, None if weak else "?", maybe=maybe)
    if isinstance(a, Array) and isinstance(b, Array):
        dims: tuple[Extent, ...] | None = None
        if a.dims is not None and b.dims is not None and len(a.dims) == len(b.dims):
            dims = tuple(x if x == y else Dim(_VARIES, is_many(x) and is_many(y)) for x, y in zip(a.dims, b.dims, strict=True))
        return Array(a.dtype if a.dtype == b.dtype else None, dims)
    if isinstance(a, Tuple) and isinstance(b, Tuple) and len(a.items) == len(b.items):
        return Tuple(tuple(join(x, y) for x, y in zip(a.items, b.items, strict=True)))
    if isinstance(a, Parts) and isinstance(b, Parts) and len(a.items) == len(b.items):
        return parts(map(join, a.items, b.items))
    if isinstance(a, Dict) and isinstance(b, Dict):
        return Dict(join(a.item, b.item), join(a.key, b.key))
    if isinstance(a, List) and isinstance(b, List) and not isinstance(a, Dict) and not isinstance(b, Dict):
        return List(join(a.item, b.item))
    for one, other in ((a, b), (b, a)):
        if one == SHAPE and is_shape(other):
            return SHAPE
    if is_number(a) and is_number(b):
        return Unknown(maybe=getattr(a, "maybe", False) or getattr(b, "maybe", False))
    for one, other in ((a, b), (b, a)):
        if one == NONE and isinstance(other, Scalar):
            return Scalar(other.kind, other.dtype, maybe=True)
        if one == NONE and is_number(other):
            return Unknown(maybe=True)
    return Static("mixed")


def is_shape(t: Type) -> bool:
    """Whether values are tuples of ints."""
    return t == SHAPE or (isinstance(t, Tuple) and all(isinstance(i, Scalar) and i.kind in ("int", "bool") for i in t.items))


_VARIES = "~*"  # the extent of an axis that differs from item to item, or from path to path


def meet(*types: Type) -> Type:
    """The type of a value that is one of several: an extent in which they differ is that of no other value."""
    return _one_item(functools.reduce(join, types))


def carried(so_far: Type, before: Type, new: Type, name: str) -> Type:
    """The type of a value that a loop carries: of what it was before the loop, and of what a trip makes of it.

    An extent that changes, or that means another length in the next trip, gets a name of its own: no other value is known
    to have it.  The items of a list may differ in such extents, so nothing is known of them.
    """
    return _owned(join(so_far, new), before, new, name)


def _owned(t: Type, before: Type, new: Type, name: str) -> Type:
    if isinstance(t, Array) and t.dims is not None:
        dims: list[Extent] = []
        for i, e in enumerate(t.dims):
            first, last = _axis(before, i, len(t.dims)), _axis(new, i, len(t.dims))
            stays = e == last and (e == first or first is None and not _is_passing(e))
            dims.append(e if stays or isinstance(e, int) else Dim(f"~{name}.{i}", e.many))
        return Array(t.dtype, tuple(dims))
    if isinstance(t, Tuple):
        parts = [x.items if isinstance(x, Tuple) and len(x.items) == len(t.items) else None for x in (before, new)]
        firsts, lasts = (p or (UNDEFINED,) * len(t.items) for p in parts)
        found = zip(t.items, firsts, lasts, strict=True)
        return Tuple(tuple(_owned(x, first, last, f"{name}.{i}") for i, (x, first, last) in enumerate(found)))
    if isinstance(t, List):
        return t if t == before else holding(t, _any_item(t.item))
    if isinstance(t, Scalar) and t != before and _is_passing(getattr(t, "extent", 0)):
        return Scalar(t.kind, t.dtype, maybe=t.maybe)  # an index is an extent in its own trip only
    return t


def _axis(t: Type, i: int, rank: int) -> Extent | None:
    return t.dims[i] if isinstance(t, Array) and t.dims is not None and len(t.dims) == rank else None


def is_lasting(e: Extent) -> bool:
    """Whether all values of this extent are equally long, in which trip of a loop they may be bound."""
    return not (isinstance(e, Dim) and "~" in e.name)


def _is_passing(e: Extent) -> bool:
    """Whether an extent is that of one trip of a loop (`#`), of one path (`~`), or one of which nothing is known (`?`)."""
    return isinstance(e, Dim) and any(mark in e.name for mark in "#~?")


def _any_item(t: Type) -> Type:
    if isinstance(t, Array) and t.dims is not None:
        return Array(t.dtype, tuple(Dim(_VARIES, is_many(e)) if _is_passing(e) else e for e in t.dims))
    if isinstance(t, Tuple):
        return Tuple(tuple(map(_any_item, t.items)))
    if isinstance(t, Parts):
        return parts(map(_any_item, t.items))
    return holding(t, _any_item(t.item)) if isinstance(t, List) else t


def holding(t: List, item: Type) -> List:
    """The type of a list or a dict with other items."""
    return Dict(item, t.key) if isinstance(t, Dict) else List(item)


def parts(items: Iterable[Type]) -> Parts:
    """The type of a list of these items."""
    known, start = tuple(items), cast(Type, UNDEFINED)
    return Parts(functools.reduce(join, known, start), known)


def nested(t: Type, depth: int) -> Type:
    """What so many keys lead to in lists of lists."""
    for _ in range(depth):
        t = t.item if isinstance(t, List) else UNKNOWN
    return t


def item_of(t: List) -> Type:
    """The type of one item of a list: an extent that differs from item to item is not that of another one."""
    return _one_item(t.item)


def _one_item(t: Type) -> Type:
    if isinstance(t, Array) and t.dims is not None:
        return Array(t.dtype, tuple(map(told_apart, t.dims)))
    return Tuple(tuple(map(_one_item, t.items))) if isinstance(t, Tuple) else t


def told_apart(e: Extent) -> Extent:
    """The extent of one value, a name of its own where that of another item or on another path is another one."""
    return Dim(fresh_dim().name, e.many) if isinstance(e, Dim) and e.name == _VARIES else e


def show(t: Type) -> str:
    """A type as the documentation writes it: `float64[I, 3]`."""
    match t:
        case Unknown():
            return "?|None" if t.maybe else "?"
        case Scalar(kind, dtype, maybe=True):
            return f"{show(Scalar(kind, dtype))}|None"
        case Scalar(kind, None):
            return kind
        case Scalar(kind, dtype):
            return f"{kind}|numpy" if dtype == "?" else f"{dtype}()"
        case Array(dtype, dims):
            inner = "..." if dims is None else ", ".join(e.name.strip("()") if isinstance(e, Dim) else str(e) for e in dims)
            return f"{dtype or '?'}[{inner}]"
        case Tuple(items):
            return "(" + ", ".join(show(i) for i in items) + ("," if len(items) == 1 else "") + ")"
        case Parts(_, items):
            return f"[{', '.join(map(show, items))}]"
        case Dict(item, key):
            return f"{{{show(key)}: {show(item)}}}"
        case List(item):
            return f"[{show(item)}]"
        case Saved(of):
            return f"saved of {of}"
        case Static(what):
            return what
    raise TypeError(t)
