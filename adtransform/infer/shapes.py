"""Changing the shape of arrays, picking elements."""

from __future__ import annotations

from adtransform.infer.extents import array, as_array, axes, integer, integers, lengths, product, shift
from adtransform.infer.row import Args, Kwargs, Named, Row, Types
from adtransform.ir import Const
from adtransform.lattice import (
    UNKNOWN,
    Array,
    Dim,
    Extent,
    Type,
    broadcast_dims,
    fresh_dim,
)

Dims = tuple[Extent, ...]


def _operand(types: Types) -> tuple[str | None, Dims | None]:
    a = as_array(types[0])
    return a.dtype, a.dims


def _reshape(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    dtype, dims = _operand(types)
    wanted = lengths(types[1], args[1]) if len(types) > 1 else None
    if wanted is None:
        return Array(dtype, None)
    if -1 in wanted:
        rest = [e for e in wanted if e != -1]
        whole = None if dims is None else product(dims)
        extent: Extent = fresh_dim()
        if whole is not None and not rest:
            extent = whole
        elif isinstance(whole, int) and all(isinstance(e, int) for e in rest):
            count = product(tuple(rest))
            extent = whole // count if isinstance(count, int) and count > 0 else fresh_dim()
        wanted = tuple(extent if e == -1 else e for e in wanted)
    return Array(dtype, wanted)


def _ravel(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    dtype, dims = _operand(types)
    return Array(dtype, (fresh_dim(),) if dims is None else (product(dims),))


def _windows(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """`sliding_window_view(x, shape, axis=None)`: the windows' own axes come last."""
    dtype, dims = _operand(types)
    known = lengths(types[1], args[1]) if len(types) > 1 else None
    if dims is None or known is None:
        return Array(dtype, None)
    axis = integers(named["axis"], kwargs["axis"]) if "axis" in kwargs else tuple(range(len(dims)))
    places = None if axis is None or len(axis) != len(known) else axes(axis, len(dims))
    if places is None:
        return Array(dtype, None)
    return Array(dtype, (*(fresh_dim() if i in places else e for i, e in enumerate(dims)), *known))


def _transpose(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    dtype, dims = _operand(types)
    if dims is None:
        return Array(dtype, None)
    if "axes" not in kwargs:
        return Array(dtype, dims[::-1])
    order = integers(named["axes"], kwargs["axes"])
    places = None if order is None or len(order) != len(dims) else axes(order, len(dims))
    return Array(dtype, None if places is None else tuple(dims[i] for i in places))


def _matrix_transpose(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    dtype, dims = _operand(types)
    return Array(dtype, None if dims is None or len(dims) < 2 else (*dims[:-2], dims[-1], dims[-2]))


def _swapaxes(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    dtype, dims = _operand(types)
    pair = (integer(types[1], args[1]), integer(types[2], args[2]))
    places = None if dims is None or pair[0] is None or pair[1] is None else axes((pair[0], pair[1]), len(dims))
    if dims is None or places is None:
        return Array(dtype, None)
    out = list(dims)
    i, j = places
    out[i], out[j] = out[j], out[i]
    return Array(dtype, tuple(out))


def _moveaxis(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    dtype, dims = _operand(types)
    source, to = integers(types[1], args[1]), integers(types[2], args[2])
    if dims is None or source is None or to is None or not axes(source, len(dims)) or not axes(to, len(dims)):
        return Array(dtype, None)
    return Array(dtype, tuple(dims[i] for i in _moved(len(dims), source, to)))


def _moved(rank: int, source: tuple[int, ...], to: tuple[int, ...]) -> tuple[int, ...]:
    order = [n for n in range(rank) if n not in {s % rank for s in source}]
    for t, s in sorted(zip((t % rank for t in to), (s % rank for s in source), strict=True)):
        order.insert(t, s)
    return tuple(order)


def _expand_dims(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    dtype, dims = _operand(types)
    given = integers(types[1], args[1])
    places = None if dims is None or given is None else axes(given, len(dims) + len(given))
    if dims is None or places is None:
        return Array(dtype, None)
    rest = iter(dims)
    return Array(dtype, tuple(1 if i in places else next(rest) for i in range(len(dims) + len(places))))


def _squeeze(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    dtype, dims = _operand(types)
    if dims is None:
        return UNKNOWN
    if "axis" in kwargs:
        given = integers(named["axis"], kwargs["axis"])
        places = None if given is None else axes(given, len(dims))
        return Array(dtype, None if places is None else tuple(e for i, e in enumerate(dims) if i not in places))
    if any(isinstance(e, Dim) and not e.many for e in dims):
        return Array(dtype, None)
    return Array(dtype, tuple(e for e in dims if e != 1))


def _broadcast_to(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    return Array(as_array(types[0]).dtype, lengths(types[1], args[1]))


def _take_along(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    dtype, dims = _operand(types)
    index, axis = as_array(types[1]).dims, kwargs.get("axis", Const(-1))
    if dims is None or index is None or not isinstance(axis, Const):
        return Array(dtype, None)
    if axis.value is None:
        return Array(dtype, index)
    place = axes((axis.value,), len(dims))
    if place is None or len(index) != len(dims):
        return UNKNOWN
    # The other axes are broadcast.
    together = broadcast_dims([dims, index]) or ()
    return Array(dtype, tuple(index[i] if i == place[0] else e for i, e in enumerate(together)))


def _same(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    return Array(*_operand(types))


def _repeat(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    dtype, dims = _operand(types)
    axis = kwargs.get("axis", Const(None))
    if axis == Const(None):
        return Array(dtype, (fresh_dim(),))
    if dims is None or not isinstance(axis, Const):
        return Array(dtype, None)
    place = axes((axis.value,), len(dims))
    return UNKNOWN if place is None else Array(dtype, tuple(fresh_dim() if i == place[0] else e for i, e in enumerate(dims)))


def _pad(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    dtype, dims = _operand(types)
    width = args[1].value if len(args) > 1 and isinstance(args[1], Const) else None
    if dims is None:
        return Array(dtype, None)
    return Array(dtype, tuple(shift(e, 2 * width) if type(width) is int and width >= 0 else fresh_dim() for e in dims))


def _tile(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    dtype, dims = _operand(types)
    reps = integers(types[1], args[1])
    if dims is None or reps is None:
        return Array(dtype, None)
    rank = max(len(dims), len(reps))
    left = (1,) * (rank - len(dims)) + dims
    times = (1,) * (rank - len(reps)) + reps
    return Array(dtype, tuple(product((e, n)) for e, n in zip(left, times, strict=True)))


def _take(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    dtype, dims = _operand(types)
    index = as_array(types[1]).dims
    axis = kwargs.get("axis", Const(None))
    if set(kwargs) - {"axis"} or not isinstance(axis, Const) or index is None:
        return UNKNOWN
    if axis.value is None:
        return array(dtype, index)
    place = None if dims is None else axes((axis.value,), len(dims))
    if dims is None or place is None:
        return UNKNOWN
    return array(dtype, (*dims[: place[0]], *index, *dims[place[0] + 1 :]))


def _atleast(rank: int) -> Row:
    def row(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
        dtype, dims = _operand(types)
        if len(types) != 1 or dims is None:
            return Array(dtype, None) if len(types) == 1 else UNKNOWN
        return Array(dtype, (1,) * (rank - len(dims)) + dims)

    return row


ROWS: dict[str, Row] = {
    **dict.fromkeys(["numpy.flip", "numpy.fliplr", "numpy.flipud", "numpy.roll", "numpy.unwrap"], _same),
    **dict.fromkeys(["numpy.transpose", "numpy.permute_dims"], _transpose),
    **dict.fromkeys(["numpy.matrix_transpose", "numpy.linalg.matrix_transpose"], _matrix_transpose),
    "numpy.reshape": _reshape,
    "numpy.ravel": _ravel,
    "numpy.swapaxes": _swapaxes,
    "numpy.lib.stride_tricks.sliding_window_view": _windows,
    "numpy.moveaxis": _moveaxis,
    "numpy.expand_dims": _expand_dims,
    "numpy.squeeze": _squeeze,
    "numpy.broadcast_to": _broadcast_to,
    "numpy.repeat": _repeat,
    "numpy.tile": _tile,
    "numpy.pad": _pad,
    "numpy.take": _take,
    "numpy.take_along_axis": _take_along,
    "numpy.atleast_1d": _atleast(1),
    "numpy.atleast_2d": _atleast(2),
}
