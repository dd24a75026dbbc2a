"""Arithmetic with extents: what `x[1:-1]`, `len(x) - 1` and `a.shape[0]` say about the length of an axis.

The name of a computed extent is a function of what it was computed from, so that equal names are equal lengths:
`I-2` is `max(0, I - 2)`, which is the length of `x[2:]`, of `x[:-2]` and of `x[1:-1]` alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from adtransform.ir import Atom, Const
from adtransform.lattice import Array, Dim, Extent, List, Scalar, Static, Tuple, Type, fresh_dim, is_int, kind_of
from adtransform.record import record


@record
class Count(Scalar):
    """A Python int known to be the extent of an axis (`len(x)`, `x.shape[0]`), or a constant in a tuple."""

    extent: Extent = 0


@record
class Cut(Static):
    """A slice of which the bounds are known: constants, or extents of an axis; None where absent."""

    start: Extent | None = None
    stop: Extent | None = None
    step: int | None = None


def count(extent: Extent) -> Count:
    """The type of an int that is this extent."""
    return Count("int", None, extent)


_AFFINE = re.compile(r"(.+?)([+-]\d+)?")


def shift(extent: Extent, by: int) -> Extent:
    """`max(0, extent + by)`; a fresh extent where the sum has no name (`I - 2 + 1` may be 0 or 1 for a short axis)."""
    if by == 0:
        return extent
    if isinstance(extent, int):
        return max(0, extent + by)
    match = _AFFINE.fullmatch(extent.name)
    if match is None or (extent.name.startswith(("?", "~")) and match[2] is None and by > 0):
        return Dim(f"{extent.name}{by:+d}", by > 1, extent.many)
    base, offset = match[1], int(match[2] or 0)
    if offset < 0 < by:
        return fresh_dim()
    total = offset + by
    many = extent.base if match[2] else extent.many
    return Dim(f"{base}{total:+d}", total > 1, many) if total else Dim(base, many)


_NAMED = re.compile(r"[A-Za-z_][\w.]*")
_MULTIPLE = re.compile(r"\((\d+)\*([A-Za-z_][\w.]*)\)")


def times(number: int, extent: Extent) -> Extent:
    """`number * extent`."""
    if isinstance(extent, int):
        return number * extent
    match = _MULTIPLE.fullmatch(extent.name)
    number, base = (number * int(match[1]), match[2]) if match else (number, extent.name)
    many = extent.base if match else extent.many
    return Dim(f"({number}*{base})", True, many) if number > 1 else Dim(base, many) if number else 0


def multiple(e: Extent | None) -> tuple[int, str]:
    """The factor and the extent that an extent is a multiple of; an axis of the user's is once itself, others are of `""`."""
    if not isinstance(e, Dim):
        return 0, ""
    match = _MULTIPLE.fullmatch(e.name)
    return (int(match[1]), match[2]) if match else (1, e.name if _NAMED.fullmatch(e.name) else "")


def cut(extent: Extent, by: Cut) -> Extent:
    """The length of `x[start:stop:step]` along an axis of this extent."""
    start, stop, step = by.start, by.stop, by.step
    whole, base = multiple(extent)
    if base and isinstance(extent, Dim) and step in (None, 1):
        # x[H : 2 * H] of an axis of 4 * H.
        (first, one), (last, other) = multiple(start), multiple(stop)
        last, other = (whole, base) if stop is None else (last, other)
        if (one == base or start in (None, 0)) and other == base and first <= last <= whole:
            return times(last - first, Dim(base, extent.base if whole > 1 else extent.many))
    if start == extent and isinstance(extent, Dim):
        return 0 if step is None else fresh_dim()
    stop = None if stop == extent and isinstance(extent, Dim) and step in (None, 1) else stop
    if isinstance(extent, int):
        if isinstance(start, Dim) or isinstance(stop, Dim):
            return fresh_dim()
        return len(range(*slice(start, stop, step).indices(extent)))
    if start is None and stop is None and step in (None, 1, -1):
        return extent
    if step in (None, 1) and not isinstance(start, Dim) and (start is None or start >= 0):
        first = start or 0
        if stop is None or (isinstance(stop, int) and stop < 0):
            return shift(extent, (stop or 0) - first)
        # x[: n - 1] of an axis of n: for n < 1 too (but x[: n - 3] of two elements has one).
        if first == 0 and stop in (shift(extent, -1), shift(extent, -2)):
            return stop
    bounds = ":".join("" if b is None else b.name if isinstance(b, Dim) else str(b) for b in (start, stop, step))
    return Dim(f"{extent.name}[{bounds}]")


def product(extents: tuple[Extent, ...]) -> Extent:
    """The number of elements of an array of these extents."""
    number = 1
    names: list[str] = []
    for e in extents:
        if isinstance(e, int):
            number *= e
        else:
            names.append(e.name)
    if not names or number == 0:
        return number
    if number == 1 and len(names) == 1:
        return next(e for e in extents if isinstance(e, Dim))
    return Dim("(" + "*".join(([str(number)] if number != 1 else []) + sorted(names)) + ")")


def total(extents: tuple[Extent, ...]) -> Extent:
    """The length of a concatenation along an axis of these extents."""
    number = sum(e for e in extents if isinstance(e, int))
    names = sorted(e.name for e in extents if isinstance(e, Dim))
    if not names:
        return number
    if len(names) == 1 and number == 0:
        return next(e for e in extents if isinstance(e, Dim))
    return Dim("(" + "+".join(names + ([str(number)] if number else [])) + ")")


def integer(t: Type, a: Atom | None) -> int | None:
    """The value of an int operand where it is known."""
    if isinstance(a, Const):
        return int(a.value) if isinstance(a.value, int) else None
    return t.extent if isinstance(t, Count) and isinstance(t.extent, int) else None


def integers(t: Type | None, a: Atom | None) -> tuple[int, ...] | None:
    """The values of an operand that is an int or a tuple of ints (an axis, a shape), where they are known."""
    if isinstance(a, Const) and isinstance(a.value, (tuple, list)):
        return tuple(a.value) if all(isinstance(n, int) for n in a.value) else None
    if isinstance(t, Tuple):
        known = tuple(integer(item, None) for item in t.items)
        return tuple(n for n in known if n is not None) if None not in known else None
    one = None if t is None else integer(t, a)
    return None if one is None else (one,)


def lengths(t: Type, a: Atom | None) -> tuple[Extent, ...] | None:
    """The extents that a shape operand (`3`, `n`, `(n, 3)`, `x.shape`) stands for; None where the rank is not known."""
    if isinstance(a, Const) and isinstance(a.value, (tuple, list)):
        return tuple(n if isinstance(n, int) else fresh_dim() for n in a.value)
    if isinstance(t, Tuple):
        return tuple(_length(item, None) for item in t.items)
    return (_length(t, a),) if isinstance(t, Scalar) else None


def _length(t: Type, a: Atom | None) -> Extent:
    known = integer(t, a)
    if known is not None:
        return known
    return t.extent if isinstance(t, Count) else fresh_dim()


def axes(given: tuple[int, ...], rank: int) -> tuple[int, ...] | None:
    """Axes counted from the front; None where one does not exist."""
    if any(not -rank <= n < rank for n in given):
        return None
    return tuple(n % rank for n in given)


NO_AXIS = Const(None)


def along(
    a: Array, named: Mapping[str, Type], kwargs: Mapping[str, Atom], default: Const = NO_AXIS
) -> tuple[Extent, ...] | None:
    """The shape of what is done along an axis: flat where that is None, not known where it may be."""
    axis = kwargs.get("axis", default)
    if axis == NO_AXIS:
        return (fresh_dim(),) if a.dims is None else (product(a.dims),)
    return a.dims if isinstance(axis, Const) or is_int(named["axis"]) else None


_PYTHON = {"bool": "bool", "int": "int64", "float": "float64", "complex": "complex128"}


def as_array(t: Type) -> Array:
    """The array that NumPy makes of an operand."""
    match t:
        case Array():
            return t
        case Scalar(kind, dtype):
            return Array(None if dtype == "?" else dtype or _PYTHON[kind], ())
        case List(item):
            inner = as_array(item)
            return Array(inner.dtype, None if inner.dims is None else (fresh_dim(), *inner.dims))
        case Tuple(items) if items:
            inner = as_array(items[0])
            same = all(as_array(i) == inner for i in items)
            return Array(inner.dtype, (len(items), *inner.dims)) if same and inner.dims is not None else Array()
        case _:
            return Array()


def number(kind: str | None, dtype: str | None) -> Scalar:
    """A NumPy scalar; where nothing is known of it, the scalar type that holds all the others."""
    return Scalar("complex", "?") if kind is None or dtype is None else Scalar(kind, dtype)


def array(dtype: str | None, dims: tuple[Extent, ...] | None) -> Type:
    """The result of a NumPy function that gives a scalar where no axis is left."""
    if dims != ():
        return Array(dtype, dims)
    return number(kind_of(Array(dtype)), dtype)


def apart(a: Type, b: Type) -> bool:
    """Whether two keys of these types surely address no element of an axis both; `False` where it is not known."""
    p, q = (t.items if isinstance(t, Tuple) else (t,) for t in (a, b))
    for one, two in zip(p, q, strict=False):
        if not all(_is_part(k) for k in (one, two)):
            return False
        if _before(one, two) or _before(two, one):
            return True
    return False


def _is_part(k: Type) -> bool:
    """Whether a part of a key is for one axis: an int or a slice."""
    return is_int(k) or (isinstance(k, Static) and k.what.startswith("slice"))


def _before(a: Type, b: Type) -> bool:
    """Whether what one part of a key takes of an axis surely ends where the other one begins, or before."""
    if any(isinstance(k, Cut) and k.step not in (None, 1) for k in (a, b)):
        return False
    stop: Extent | None = a.stop if isinstance(a, Cut) else shift(a.extent, 1) if isinstance(a, Count) else None
    start: Extent | None = (b.start or 0) if isinstance(b, Cut) else b.extent if isinstance(b, Count) else None
    if isinstance(a, Count) and isinstance(a.extent, int) and a.extent < 0:
        stop = a.extent + 1 or None  # `x[-1]` ends where the axis does
    if stop is None or start is None:
        return False
    if isinstance(stop, int) and isinstance(start, int):
        return (stop < 0) == (start < 0) and stop <= start
    (m, x), (n, y) = multiple(stop), multiple(start)
    return stop == start or (x == y != "" and m <= n)
