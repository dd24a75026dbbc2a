"""Making arrays: of shapes, of numbers, of other arrays."""

from __future__ import annotations

import numpy as np

from adtransform.infer.extents import Count, array, as_array, integer, lengths
from adtransform.infer.row import Args, Kwargs, Named, Row, Types
from adtransform.ir import Const
from adtransform.lattice import (
    UNKNOWN,
    Array,
    Extent,
    Scalar,
    Type,
    broadcast_dims,
    fresh_dim,
    kind_of,
    result_dtype,
)

Dims = tuple[Extent, ...]


def _wanted(kwargs: Kwargs, default: str | None) -> str | None:
    """The dtype asked for; None where it is not known."""
    if "dtype" not in kwargs:
        return default
    given = kwargs["dtype"]
    if not isinstance(given, Const):
        return None
    if given.value is None:
        return default
    try:
        return str(np.dtype(given.value))
    except TypeError:
        return None


def _filled(dtype: str) -> Row:
    """`zeros(shape)`"""

    def row(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
        return Array(_wanted(kwargs, dtype), lengths(types[0], args[0]))

    return row


def _full(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    return Array(_wanted(kwargs, as_array(types[1]).dtype), lengths(types[0], args[0]))


def _filled_like(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a = as_array(types[0])
    dims = lengths(named["shape"], kwargs["shape"]) if "shape" in kwargs else a.dims
    return Array(_wanted(kwargs, a.dtype), dims)


def _eye(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    rows = lengths(types[0], args[0])
    columns = lengths(named["M"], kwargs["M"]) if "M" in kwargs else rows
    dims = rows + columns if rows is not None and columns is not None else (fresh_dim(), fresh_dim())
    return Array(_wanted(kwargs, "float64"), dims)


def _arange(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    dtype = result_dtype([as_array(t) for t in (*types, *(named[k] for k in ("stop", "step") if k in named))])[1]
    extent: Extent = fresh_dim()
    if len(types) == 1 and set(kwargs) <= {"dtype"}:
        known = integer(types[0], args[0])
        extent = max(0, known) if known is not None else types[0].extent if isinstance(types[0], Count) else extent
    return Array(_wanted(kwargs, None if dtype == "?" else dtype), (extent,))


def _linspace(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    if "retstep" in kwargs or "axis" in kwargs:
        return UNKNOWN
    number = lengths(named["num"], kwargs["num"]) if "num" in kwargs else (50,)
    inner = broadcast_dims(as_array(t).dims for t in types)
    kinds = {kind_of(t) for t in types}
    dims = None if inner is None or number is None else number + inner
    wide = kinds <= {"bool", "int", "float"} and not any(
        as_array(t).dtype in ("float32", "float16", "longdouble", None) for t in types
    )
    return Array(_wanted(kwargs, "float64" if wide else None), dims)


def _literal(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """`array(a, b)`: the operands are the items of the literal list; a single run-time list is the sequence itself."""
    if set(kwargs) - {"dtype"}:
        return Array(_wanted(kwargs, None), None)
    if len(types) == 1:
        return _copy(types, named, args, kwargs)
    if not types:
        return Array(_wanted(kwargs, "float64"), (0,))
    inner = broadcast_dims(as_array(t).dims for t in types)
    return Array(_wanted(kwargs, common(types)), None if inner is None else (len(types), *inner))


def common(types: Types) -> str | None:
    """The dtype of a literal or a joint array."""
    # In a literal Python numbers are not weak: np.array([x32, 0.5]) is float64.
    found = result_dtype([as_array(t) for t in types])[1]
    return None if found == "?" else found


def _copy(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a = as_array(types[0])
    return Array(_wanted(kwargs, a.dtype), a.dims)


def _astype(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a = as_array(types[0])
    dtype = _wanted({"dtype": args[1]}, None) if len(args) > 1 else _wanted(kwargs, None)
    whole = dtype is not None and np.dtype(dtype).kind in "biu"  # whatever it is made of, no derivative goes through
    return Array(dtype, a.dims) if isinstance(types[0], Array) or whole else UNKNOWN


def _float64(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """`np.float64(a)`: a NumPy scalar of a number, an array of an array."""
    dims = as_array(types[0]).dims
    return UNKNOWN if dims is None else Array("float64", dims) if dims else Scalar("float", "float64")


def _searchsorted(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    dims = as_array(types[1]).dims
    return UNKNOWN if dims is None else array("int64", dims)


def _interp(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    dims = as_array(types[0]).dims
    return UNKNOWN if dims is None or as_array(types[2]).dtype is None else array("float64", dims)


def _item(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    t = as_array(types[0])
    kind = {"b": "bool", "i": "int", "u": "int", "f": "float", "c": "complex"}.get(np.dtype(t.dtype).kind) if t.dtype else None
    return Scalar(kind) if kind else Scalar("complex", "?")


ROWS: dict[str, Row] = {
    **dict.fromkeys(("numpy.zeros", "numpy.ones", "numpy.empty"), _filled("float64")),
    **dict.fromkeys(["numpy.zeros_like", "numpy.ones_like", "numpy.empty_like", "numpy.full_like"], _filled_like),
    **dict.fromkeys(["numpy.copy", "numpy.ascontiguousarray", "numpy.asfortranarray"], _copy),
    **{f"numpy.{n}": _filled("float64") for n in ("hanning", "hamming", "blackman", "bartlett")},
    "numpy.full": _full,
    "numpy.eye": _eye,
    "numpy.identity": _eye,
    "numpy.arange": _arange,
    "numpy.linspace": _linspace,
    **dict.fromkeys(["numpy.array", "numpy.asarray", "numpy.asanyarray"], _literal),
    "numpy.astype": _astype,
    "numpy.float64": _float64,
    "numpy.searchsorted": _searchsorted,
    "numpy.digitize": lambda types, named, args, kwargs: _searchsorted(types[::-1], named, args, kwargs),
    "numpy.interp": _interp,
    "numpy.bincount": lambda types, named, args, kwargs: array("float64" if "weights" in kwargs else "int64", (fresh_dim(),)),
    "numpy.ndarray.item": _item,
}
