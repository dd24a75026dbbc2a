"""Fourier transforms."""

from __future__ import annotations

from adtransform.infer.extents import as_array, axes
from adtransform.infer.reductions import result_dtype
from adtransform.infer.row import Args, Kwargs, Named, Row, Types
from adtransform.ir import Const
from adtransform.lattice import Array, Type, fresh_dim


def _along(op: str, keeps: bool) -> Row:
    """`keeps`: there are as many coefficients as elements."""

    def row(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
        a, dtype = as_array(types[0]), result_dtype(op, as_array(types[0]).dtype)
        n, axis = kwargs.get("n", Const(None)), kwargs.get("axis", Const(-1))
        gone = axes((axis.value,), len(a.dims)) if a.dims is not None and isinstance(axis, Const) else None
        if a.dims is None or gone is None or "out" in kwargs:
            return Array(dtype, None)
        same = keeps and n == Const(None)
        return Array(dtype, tuple(fresh_dim() if i in gone and not same else e for i, e in enumerate(a.dims)))

    return row


def _over_all(op: str, given: tuple[int, ...] | None) -> Row:
    """`given`: the axes, where none are said; None for as many of the last ones as there are extents."""

    def row(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
        a, dtype = as_array(types[0]), result_dtype(op, as_array(types[0]).dtype)
        if "s" not in kwargs and "out" not in kwargs:
            return Array(dtype, a.dims)
        along = kwargs.get("axes", Const(given))
        gone = axes(along.value, len(a.dims)) if a.dims is not None and isinstance(along, Const) and along.value else None
        if a.dims is None or gone is None or "out" in kwargs:
            return Array(dtype, None)
        return Array(dtype, tuple(fresh_dim() if i in gone else e for i, e in enumerate(a.dims)))

    return row


def _shifted(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    return as_array(types[0])


ROWS: dict[str, Row] = {
    **{f"numpy.fft.{n}": _along(f"numpy.fft.{n}", n in ("fft", "ifft")) for n in "fft ifft rfft irfft hfft ihfft".split()},
    **{f"numpy.fft.{n}": _over_all("numpy.fft.fft", (-2, -1)) for n in ("fft2", "ifft2")},
    **{f"numpy.fft.{n}": _over_all("numpy.fft.fft", None) for n in ("fftn", "ifftn")},
    **dict.fromkeys(("numpy.fft.fftshift", "numpy.fft.ifftshift"), _shifted),
}
