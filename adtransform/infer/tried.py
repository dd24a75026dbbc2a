"""Functions whose results have a kind and a rank that only the kinds and ranks of the operands say: NumPy is asked."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np

from adtransform.infer.elementwise import result_types
from adtransform.infer.row import Args, Kwargs, Named, Row, Types
from adtransform.ir import Atom, Const
from adtransform.lattice import UNKNOWN, Array, Dim, List, Scalar, Type, fresh_dim
from adtransform.ops import SPLICED, resolve

_SIDE = 3  # how long each axis of unknown length is
_PYTHON = {"bool": True, "int": 1, "float": 1.5, "complex": 1.5 + 0j}


def _shape(t: Type) -> tuple[int, ...] | None:
    dims = t.dims if isinstance(t, Array) else None
    return None if dims is None else tuple(_SIDE if isinstance(e, Dim) else e for e in dims)


def _key(t: Type, a: Atom | None) -> tuple[Any, ...] | None:
    """What is enough to know to make a sample."""
    if isinstance(a, Const) and not isinstance(a.value, np.ndarray):
        return ("given", repr(a.value), a)
    if isinstance(t, Scalar) and t.dtype != "?" and not t.maybe:
        return ("number", t.kind, t.dtype)
    if isinstance(t, Array) and t.dtype is not None and (shape := _shape(t)) is not None:
        return ("array", t.dtype, shape)
    if isinstance(t, List) and isinstance(t.item, Scalar) and t.item.dtype is None:
        return ("list", t.item.kind)
    return None


def _sample(key: tuple[Any, ...]) -> Any:
    match key:
        case ("given", _, Const(value)):
            return value
        case ("number", kind, dtype):
            return _PYTHON[kind] if dtype is None else np.dtype(dtype).type(_PYTHON[kind])
        case ("list", kind):
            return [_PYTHON[kind]] * _SIDE
    _, dtype, shape = key
    ramp = np.arange(1.0, np.prod(shape) + 1).reshape(shape) ** 1.5
    return ramp.astype(dtype) if np.dtype(dtype).kind in "fc" else np.zeros(shape, dtype)


@functools.cache
def _outcome(op: str, keys: tuple[Any, ...], named: tuple[tuple[str, Any], ...]) -> Types | None:
    function = resolve(op)
    operands = [_sample(key) for key in keys]
    if function is None:
        return None
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return result_types(function, [operands] if op in SPLICED else operands, {k: _sample(key) for k, key in named})


def tried(op: str, otherwise: Row | None = None) -> Row:
    """The row of such a function; `otherwise`: what says more of it where not everything is known."""

    def row(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
        first = otherwise(types, named, args, kwargs) if otherwise is not None else UNKNOWN
        known = first if isinstance(first, tuple) else (first,)
        if all(map(_is_settled, known)):
            return first
        keys = tuple(_key(t, a) for t, a in zip(types, args, strict=True))
        more = tuple((k, _key(named[k], a)) for k, a in kwargs.items())
        if None in keys or None in (key for _, key in more):
            return first
        found = _outcome(op, keys, more)
        return first if found is None else tuple(map(_open, found))

    return row


def _is_settled(t: Type) -> bool:
    """Whether kind, dtype and rank are known."""
    return isinstance(t, Scalar) and t.dtype != "?" or isinstance(t, Array) and t.dims is not None and t.dtype is not None


def _open(t: Type) -> Type:
    """A type with axes of any length."""
    if isinstance(t, Array) and t.dims:
        return Array(t.dtype, tuple(fresh_dim() for _ in t.dims))
    return t if isinstance(t, (Scalar, Array)) else UNKNOWN


TRIED = (
    *(
        f"numpy.{name}"
        for name in (
            "average kron cov corrcoef ediff1d polyder polyint polyfit insert resize choose rot90 diagflat atleast_3d "
            "asfortranarray broadcast_arrays meshgrid logspace geomspace linspace histogram unique vecdot matvec vecmat "
            "gradient convolve correlate vander polyval quantile percentile nanquantile nanpercentile trapezoid "
            "cumulative_sum cumulative_prod take"
        ).split()
    ),
    *(
        f"numpy.linalg.{name}"
        for name in (
            "multi_dot matmul outer cross tensordot trace vecdot vector_norm matrix_norm norm cond lstsq matrix_power qr"
        ).split()
    ),
    *(f"numpy.fft.{name}" for name in "rfft2 rfftn irfft2 fftfreq rfftfreq".split()),
    "math.sumprod",
    *(f"statistics.{n}" for n in "mean fmean variance pvariance stdev pstdev median geometric_mean harmonic_mean".split()),
)
