"""Convolutions, finite differences, quantiles, polynomials, and what else leaves a length that only the values know."""

from __future__ import annotations

from adtransform.infer.arrays import common
from adtransform.infer.extents import array, as_array, axes
from adtransform.infer.reductions import reduced
from adtransform.infer.row import Args, Kwargs, Named, Row, Types
from adtransform.ir import Const
from adtransform.lattice import UNKNOWN, Array, Extent, Scalar, Type, fresh_dim, kind_of


def _sure(dtype: str | None, dims: tuple[Extent, ...] | None) -> Type:
    """An array of a known dtype: what may be complex where the operands are not is better not known at all."""
    return UNKNOWN if dtype is None else Array(dtype, dims)


def _floating(t: Array) -> str | None:
    return t.dtype if kind_of(t) == "float" else None


def _convolved(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    return _sure(common(types), (fresh_dim(),))


def _added(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """Polynomials: as many coefficients as the longer one has."""
    lengths = {a.dims[0] if a.dims else fresh_dim() if a.dims is None else 1 for a in map(as_array, types)}
    known = [n for n in lengths if isinstance(n, int)]
    longest = max(known) if len(known) == len(lengths) else lengths.pop() if len(lengths) == 1 else fresh_dim()
    return _sure(common(types), (longest,))


def _same(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """Of the shape of the operand, and of its dtype where that is a float."""
    a = as_array(types[0])
    return UNKNOWN if {"out", "dtype"} & set(kwargs) or a.dims == () else _sure(_floating(a), a.dims)


def _gradient(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a, axis = as_array(types[0]), kwargs.get("axis", Const(None))
    single = a.dims is not None and len(a.dims) == 1 or (isinstance(axis, Const) and isinstance(axis.value, int))
    return _sure(_floating(a), a.dims) if single else UNKNOWN


def _quantile(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a, q = as_array(types[0]), types[1]
    dims = reduced(a.dims, named, kwargs)
    own = isinstance(q, Scalar) and q.dtype is None or as_array(q).dtype == a.dtype
    wide = as_array(q).dims
    if dims is None or wide is None or set(kwargs) - {"axis", "keepdims", "method"}:
        return UNKNOWN
    if "method" in kwargs and a.dtype not in ("float64", "float32"):
        return UNKNOWN  # some methods keep whole numbers
    return array(_floating(a) if own else None, wide + dims)


def _polyval(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    x = as_array(types[1])
    return _sure(common(types), x.dims) if x.dims else UNKNOWN


def _picked(place: int) -> Row:
    """Some of the elements of an operand, of which it is not known how many: along an axis, or of all in a row."""

    def row(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
        a, axis = as_array(types[place]), kwargs.get("axis", Const(None))
        if axis == Const(None):
            return Array(a.dtype, (fresh_dim(),))
        along = axes((axis.value,), len(a.dims)) if a.dims is not None and isinstance(axis, Const) else None
        if a.dims is None or along is None:
            return Array(a.dtype, None)
        return Array(a.dtype, tuple(fresh_dim() if i in along else e for i, e in enumerate(a.dims)))

    return row


def _unique(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    return Array(as_array(types[0]).dtype, (fresh_dim(),)) if not kwargs else UNKNOWN


def _cov(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    given = [as_array(t) for t in (*types, *(t for k, t in named.items() if k == "y"))]
    dtype = "float64" if all(a.dtype == "float64" for a in given) else None
    ranks = {None if a.dims is None else len(a.dims) for a in given}
    if None in ranks or (len(given) == 1 and ranks == {1}):
        return UNKNOWN  # an array without axes, or a number
    first = given[0].dims or ()
    side = first[0] if len(given) == 1 and "rowvar" not in kwargs else fresh_dim()
    return _sure(dtype, (side, side))


def _meshgrid(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    each = [as_array(t) for t in types]
    if set(kwargs) - {"indexing"} or any(a.dims is None or len(a.dims) != 1 for a in each):
        return tuple(Array(a.dtype, None) for a in each)
    dims = [a.dims[0] for a in each if a.dims]
    if kwargs.get("indexing", Const("xy")) == Const("xy") and len(dims) > 1:
        dims[:2] = dims[1::-1]
    return tuple(Array(a.dtype, tuple(dims)) for a in each)


ROWS: dict[str, Row] = {
    # A product of polynomials is without the leading zeros of these.
    **dict.fromkeys(("numpy.convolve", "numpy.correlate", "numpy.polymul"), _convolved),
    **dict.fromkeys(("numpy.polyadd", "numpy.polysub"), _added),
    **{f"numpy.{n}": _same for n in ("maximum.accumulate", "minimum.accumulate", "logaddexp.accumulate", "partition")},
    "numpy.gradient": _gradient,
    **{f"numpy.{n}": _quantile for n in ("quantile", "percentile", "nanquantile", "nanpercentile")},
    "numpy.polyval": _polyval,
    "numpy.delete": _picked(0),
    "numpy.compress": _picked(1),
    "numpy.extract": lambda types, named, args, kwargs: Array(as_array(types[1]).dtype, (fresh_dim(),)),
    "numpy.unique": _unique,
    "numpy.cov": _cov,
    "numpy.corrcoef": _cov,
    "numpy.meshgrid": _meshgrid,
    "numpy.linalg.matrix_power": _same,
}
