"""Joining arrays: `concatenate`, `stack` and their family."""

from __future__ import annotations

from adtransform.infer.arrays import common
from adtransform.infer.extents import as_array, axes, product, total
from adtransform.infer.row import Args, Kwargs, Named, Row, Types
from adtransform.ir import Const
from adtransform.lattice import (
    Array,
    Dim,
    Extent,
    List,
    Type,
    fresh_dim,
    item_of,
)

Dims = tuple[Extent, ...]


def _concatenate(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    items = tuple(as_array(t) for t in types)
    if len(types) == 1:
        # A run-time list, or an array of which the rows are joined: lengths are not known.
        inner = _row_of(types[0])
        place = _place(kwargs, len(inner.dims or ()))
        if inner.dims is None or place is None:
            return Array(inner.dtype, None)
        return Array(inner.dtype, tuple(fresh_dim() if i == place else e for i, e in enumerate(inner.dims)))
    dtype = common(items)
    if set(kwargs) - {"axis"}:
        return Array(None, None)
    axis = kwargs.get("axis", Const(0))
    if any(i.dims is None for i in items) or not isinstance(axis, Const):
        return Array(dtype, None)
    shapes = [i.dims for i in items if i.dims is not None]
    if axis.value is None:
        return Array(dtype, (total(tuple(product(s) for s in shapes)),))
    return Array(dtype, _joined(shapes, axis.value))


def _row_of(t: Type) -> Array:
    """An item of a sequence."""
    if isinstance(t, List):
        return as_array(item_of(t))
    a = as_array(t)
    return Array(a.dtype, a.dims[1:] if a.dims else None)


def _place(kwargs: Kwargs, rank: int) -> int | None:
    """The axis asked for (by default the first), counted from the front."""
    axis = kwargs.get("axis", Const(0))
    found = axes((axis.value,), rank) if isinstance(axis, Const) and isinstance(axis.value, int) else None
    return None if found is None or set(kwargs) - {"axis"} else found[0]


def _joined(shapes: list[Dims], axis: int) -> Dims | None:
    """The extents of shapes joined along an axis; on the others they are equal, so the best known one is taken."""
    rank = len(shapes[0])
    place = axes((axis,), rank)
    if place is None or any(len(s) != rank for s in shapes):
        return None
    return tuple(
        total(tuple(s[i] for s in shapes)) if i == place[0] else _best(tuple(s[i] for s in shapes)) for i in range(rank)
    )


def _best(extents: tuple[Extent, ...]) -> Extent:
    """The most telling of extents that are equal."""
    return min(extents, key=lambda e: (isinstance(e, Dim), isinstance(e, Dim) and e.name.startswith(("?", "~"))))


def _stack(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    if len(types) == 1:
        inner = _row_of(types[0])
        whole = as_array(types[0]).dims
        number: Extent = whole[0] if whole else fresh_dim()
    else:
        items = tuple(as_array(t) for t in types)
        shapes = [i.dims for i in items if i.dims is not None]
        same = len(shapes) == len(items) and len({len(s) for s in shapes}) == 1
        inner = Array(common(items), tuple(map(_best, zip(*shapes, strict=True))) if same else None)
        number = len(types)
    place = None if inner.dims is None else _place(kwargs, len(inner.dims) + 1)
    if inner.dims is None or place is None:
        return Array(None if set(kwargs) - {"axis"} else inner.dtype, None)
    return Array(inner.dtype, (*inner.dims[:place], number, *inner.dims[place:]))


def _stacked(axis: int, least: int) -> Row:
    """`hstack`, `vstack`, ...: operands of fewer than `least` axes get some, then they are joined along `axis`."""

    def row(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
        items = [as_array(t) for t in types]
        if len(types) == 1 or kwargs or any(i.dims is None for i in items):
            return Array(None, None)
        shapes = [s for i in items if (s := i.dims) is not None]
        if axis == 1 and least == 1:
            shapes = [s or (1,) for s in shapes]
            return Array(common(tuple(items)), _joined(shapes, 0 if len(shapes[0]) == 1 else 1))
        if axis == 1:
            shapes = [((*s, 1) if len(s) == 1 else s) if s else (1, 1) for s in shapes]
        elif axis == 2:
            shapes = [((1,) * (2 - len(s)) + s + (1,) if len(s) < 3 else s) for s in shapes]
        else:
            shapes = [(1,) * (2 - len(s)) + s for s in shapes]
        return Array(common(tuple(items)), _joined(shapes, axis))

    return row


def _append(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    if "axis" in kwargs:
        return _concatenate(types, named, args, kwargs)
    return _concatenate(types, named, args, {"axis": Const(None)})


ROWS: dict[str, Row] = {
    **dict.fromkeys(["numpy.concatenate", "numpy.concat"], _concatenate),
    "numpy.vstack": _stacked(0, 2),
    "numpy.column_stack": _stacked(1, 2),
    "numpy.dstack": _stacked(2, 3),
    "numpy.hstack": _stacked(1, 1),
    "numpy.stack": _stack,
    "numpy.append": _append,
}
