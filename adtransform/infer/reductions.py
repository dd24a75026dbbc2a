"""Reductions, cumulative operations and the orderings along an axis."""

from __future__ import annotations

import functools
import warnings

import numpy as np

from adtransform.infer.extents import along, array, as_array, axes, integers, shift
from adtransform.infer.row import Args, Kwargs, Named, Row, Types
from adtransform.ir import Const
from adtransform.lattice import UNKNOWN, Array, Extent, Type, kind_of, of_value
from adtransform.lattice import result_dtype as result_dtype_of
from adtransform.ops import resolve


@functools.cache
def result_dtype(op: str, dtype: str | None) -> str | None:
    """The dtype that the NumPy function `op` gives on an array of this dtype."""
    if dtype is None:
        found: set[str] = set()
        for each in ("bool", "int64", "float32", "float64", "complex128"):
            made = result_dtype(op, each)
            if made is not None:
                found.add(made)
            if len(found) > 1:
                return None
        return found.pop() if found else None
    function = resolve(op)
    assert function is not None
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = function(np.ones(2, dtype))
        except (TypeError, ValueError):
            return None
    result = result[0] if isinstance(result, tuple) else result
    t = of_value(np.asarray(result))
    return t.dtype if isinstance(t, Array) else None


def reduced(dims: tuple[Extent, ...] | None, named: Named, kwargs: Kwargs) -> tuple[Extent, ...] | None:
    """What a reduction leaves of some axes; None where it is not known."""
    keep = kwargs.get("keepdims", Const(False))
    if not isinstance(keep, Const):
        return None
    axis = kwargs.get("axis", Const(None))
    if isinstance(axis, Const) and axis.value is None:
        if not keep.value:
            return ()
        return None if dims is None else (1,) * len(dims)
    given = integers(named.get("axis"), axis)
    if given is None or dims is None:
        return None
    gone = axes(given, len(dims))
    if gone is None:
        return None
    return tuple(1 if i in gone else e for i, e in enumerate(dims) if keep.value or i not in gone)


def _reduction(op: str) -> Row:
    def row(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
        a = as_array(types[0])
        dims = reduced(a.dims, named, kwargs)
        dtype = None if {"dtype", "out", "initial", "where", "weights"} & set(kwargs) else result_dtype(op, a.dtype)
        if "out" in kwargs or (dims is None and "axis" in kwargs and a.dims is None and not _leaves_axes(kwargs)):
            return UNKNOWN
        if dims is None and not _leaves_axes(kwargs):
            return UNKNOWN
        return array(dtype, dims)

    return row


def _leaves_axes(kwargs: Kwargs) -> bool:
    """Whether the result is an array for sure, although its rank is not known."""
    keep = kwargs.get("keepdims", Const(False))
    return isinstance(keep, Const) and bool(keep.value)


def _cumulative(op: str) -> Row:
    def row(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
        a = as_array(types[0])
        if {"dtype", "out"} & set(kwargs):
            return UNKNOWN
        return Array(result_dtype(op, a.dtype), along(a, named, kwargs))

    return row


def _ordering(op: str) -> Row:
    """`sort`, `argsort`: the shape of the operand, or flat where `axis=None`."""

    def row(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
        a = as_array(types[0])
        return Array(result_dtype(op, a.dtype), along(a, named, kwargs, Const(-1)))

    return row


def _diff(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a = as_array(types[0])
    order, axis = kwargs.get("n", Const(1)), kwargs.get("axis", Const(-1))
    if {"prepend", "append"} & set(kwargs) or a.dims is None or not isinstance(order, Const) or not isinstance(axis, Const):
        return Array(result_dtype("numpy.diff", a.dtype), None)
    along = axes((axis.value,), len(a.dims))
    if along is None:
        return UNKNOWN
    dims = tuple(shift(e, -order.value) if i == along[0] else e for i, e in enumerate(a.dims))
    return Array(result_dtype("numpy.diff", a.dtype), dims)


def _trapezoid(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a = as_array(types[0])
    if a.dims is None or a.dtype is None or set(kwargs) - {"x", "dx"} or not a.dims:
        return UNKNOWN
    dtypes = (Array(a.dtype), *named.values())
    return array(result_dtype_of(dtypes)[1] if kind_of(a) == "float" else None, a.dims[:-1])


def _logaddexp(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a = as_array(types[0])
    if "axis" in kwargs or a.dims is None:
        return _reduction("numpy.logaddexp.reduce")(types, named, args, kwargs) if "axis" in kwargs else UNKNOWN
    whole = kwargs.get("keepdims", Const(False)) == Const(True)
    dims = (1,) * whole + a.dims[1:] if set(kwargs) <= {"keepdims"} else None
    return UNKNOWN if dims is None else array(result_dtype("numpy.logaddexp.reduce", a.dtype), dims)


def _count_nonzero(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    return of_value(np.count_nonzero(np.ones(1))) if not kwargs else UNKNOWN


def _norm(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a = as_array(types[0])
    dims = reduced(a.dims, named, kwargs)
    if dims is None and not _leaves_axes(kwargs):
        return UNKNOWN
    dtype = result_dtype("numpy.linalg.norm", a.dtype)
    return array(dtype if kind_of(Array(dtype)) == "float" else None, dims)


_REDUCTIONS = [
    "sum",
    "mean",
    "prod",
    "var",
    "std",
    "max",
    "min",
    "amax",
    "amin",
    "any",
    "all",
    "argmax",
    "argmin",
    "nansum",
    "nanmean",
    "nanprod",
    "nanvar",
    "nanstd",
    "nanmax",
    "nanmin",
    "nanargmax",
    "nanargmin",
    "ptp",
    "median",
    "nanmedian",
    "average",
]

ROWS: dict[str, Row] = {
    **{f"numpy.{name}": _reduction(f"numpy.{name}") for name in _REDUCTIONS},
    **{f"numpy.{name}": _cumulative(f"numpy.{name}") for name in ["cumsum", "cumprod", "nancumsum", "nancumprod"]},
    **{f"numpy.{name}": _ordering(f"numpy.{name}") for name in ("sort", "argsort")},
    "numpy.diff": _diff,
    "numpy.trapezoid": _trapezoid,
    "numpy.logaddexp.reduce": _logaddexp,
    "numpy.count_nonzero": _count_nonzero,
    "numpy.linalg.norm": _norm,
    "numpy.linalg.vector_norm": _norm,
}
