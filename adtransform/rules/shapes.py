"""Making arrays of others, changing shapes, picking elements: all linear, so the differential is the function itself."""

from __future__ import annotations

from collections.abc import Mapping

from adtransform.build import type_of
from adtransform.ir import Atom, Const
from adtransform.lattice import Scalar
from adtransform.rules.table import alias, rule, transpose

rule("reshape(u, k)", "reshape(du, k)")
rule("ravel(u)", "ravel(du)")
rule("transpose(u, axes=None)", "transpose(du, axes=axes)")
rule("matrix_transpose(u)", "swapaxes(du, -1, -2)", on="numpy numpy.linalg")
rule("swapaxes(u, i, j)", "swapaxes(du, i, j)")
rule("moveaxis(u, i, j)", "moveaxis(du, i, j)")
rule("expand_dims(u, k)", "expand_dims(du, k)")
rule("squeeze(u, axis=None)", "squeeze(du, axis=axis)")
rule("broadcast_to(u, k)", "broadcast_to(du, k)")
rule("copy(u)", "copy(du)")
rule("ascontiguousarray(u)", "ascontiguousarray(du)")
rule("atleast_1d(u)", "atleast_1d(du)")
rule("atleast_2d(u)", "atleast_2d(du)")
rule("astype(u, k)", "cast(du, y)")
rule("float64(u)", "cast(du, y)")
rule("copy.copy(u)", "du")
rule("copy.deepcopy(u)", "du")

# One operand is the sequence itself: a list that grew at run time, or an array.
rule("array(u)", "asarray(du)")
rule("array(u, dtype=None)", "cast(asarray(du), y)")
rule("array(*us)", "array([*dus])")
rule("array(*us, dtype=None)", "cast(array([*dus]), y)")
rule("concatenate(u, axis=0)", "concatenate(du, axis=axis)")
rule("stack(u, axis=0)", "stack(du, axis=axis)")
rule("concatenate(*us, axis=0)", "concatenate([*dus], axis=axis)")
rule("stack(*us, axis=0)", "stack([*dus], axis=axis)")
rule("hstack(*us)", "hstack([*dus])")
rule("vstack(*us)", "vstack([*dus])")
rule("column_stack(*us)", "column_stack([*dus])")
rule("dstack(*us)", "dstack([*dus])")
rule("append(u, v, axis=None)", "append(du, dv, axis=axis)")

rule("flip(u, axis=None)", "flip(du, axis=axis)")
rule("fliplr(u)", "flip(du, axis=1)")
rule("flipud(u)", "flip(du, axis=0)")
rule("roll(u, k, axis=None)", "roll(du, k, axis=axis)")
rule("repeat(u, k, axis=None)", "repeat(du, k, axis=axis)")
rule("tile(u, k)", "tile(du, k)")
rule("pad(u, k, mode='constant')", "pad(du, k, mode=mode)")
# What is put around an array is constant, or one of the values for its sides.
rule(
    "pad(u, k, mode='constant', constant_values=v)",
    "pad(du, k, mode=mode)"
    " + where(pad(zeros_like(u), k, constant_values=1) == 1, take(dv, pad("
    "reshape(0 * arange(size(u)), shape(u)), k, constant_values=reshape(arange(size(v)), shape(v)))), 0)",
)
rule(
    "sliding_window_view(u, k, axis=None)",
    "lib.stride_tricks.sliding_window_view(du, k, axis=axis)",
    on="numpy.lib.stride_tricks",
)
rule("take(u, k, axis=None, mode='raise')", "take(du, k, axis=axis, mode=mode)")
rule("take_along_axis(u, k, axis=-1)", "take_along_axis(du, k, axis=axis)")
rule("tril(u, k=0)", "tril(du, k=k)")
rule("triu(u, k=0)", "triu(du, k=k)")
rule("diag(u, k=0)", "diag(du, k=k)")
rule("diagonal(u, offset=0, axis1=0, axis2=1)", "diagonal(du, offset=offset, axis1=axis1, axis2=axis2)")
rule("diagonal(u, offset=0)", "diagonal(du, offset=offset, axis1=-2, axis2=-1)", on="numpy.linalg")
rule("full(k, u)", "full(k, du)")
rule("full_like(k, u)", "full(shape(k), du)")
rule("arange(k)", "0.0")
rule("arange(u, stop=k)", "full(shape(y), du)")
rule("arange(u, stop=k, step=v)", "full(shape(y), du) + arange(size(y)) * dv")

alias("numpy.permute_dims", "numpy.transpose")
alias("numpy.asarray numpy.asanyarray", "numpy.array")

# -- transposes ---------------------------------------------------------------------------------------------------------

transpose("reshape(a, k)", "reshape(bar, shape(a))")
transpose("ravel(a)", "reshape(bar, shape(a))")
transpose("transpose(a)", "transpose(bar)")
transpose("transpose(a, axes=k)", "transpose(bar, axes=argsort(remainder(k, ndim(bar))))")
transpose("swapaxes(a, i, j)", "swapaxes(bar, i, j)")
transpose("moveaxis(a, i, j)", "moveaxis(bar, j, i)")
transpose("expand_dims(a, k)", "reshape(bar, shape(a))")
transpose("squeeze(a, axis=None)", "reshape(bar, shape(a))")
transpose("broadcast_to(a, k)", "fit(bar, a)")
transpose("atleast_1d(a)", "reshape(bar, shape(a))")
transpose("ascontiguousarray(a)", "reshape(bar, shape(a))")
transpose("atleast_2d(a)", "reshape(bar, shape(a))")

transpose("copy(a)", "bar")
transpose("array(a)", "items(bar, a)")
transpose("asarray(a)", "items(bar, a)")
transpose("concatenate(a, axis=0)", "pieces(bar, axis, a)")
transpose("stack(a, axis=0)", "items(moveaxis(bar, axis, 0), a)")
transpose("array(*a)", "bar[i]")
transpose("concatenate(*a, axis=0)", "piece(bar, i, axis, *a)")
transpose("stack(*a, axis=0)", "take(bar, i, axis=axis)")
transpose("hstack(*a)", "piece(bar, i, sign(ndim(bar) - 1), *a)")
transpose("vstack(*a)", "piece(bar, i, 0, *a)")
transpose("column_stack(*a)", "piece(bar, i, 1, *a)")
transpose("dstack(*a)", "piece(bar, i, 2, *a)")
transpose("append(a, k, axis=None)", "piece(bar, 0, axis, a, k)")
transpose("append(k, a, axis=None)", "piece(bar, 1, axis, k, a)")

transpose("flip(a, axis=None)", "flip(bar, axis=axis)")
transpose("roll(a, k, axis=None)", "roll(bar, negative(k), axis=axis)")
transpose("repeat(a, k, axis=None)", "scatter(bar, repeat(reshape(arange(size(a)), shape(a)), k, axis=axis), a)")
transpose("tile(a, k)", "scatter(bar, tile(reshape(arange(size(a)), shape(a)), k), a)")


def _is_fixed(names: Mapping[str, Atom]) -> bool:
    """Whether as many zeros are put around on all sides, and how many is known."""
    k = names["k"]
    return _is_even(names) and isinstance(k, Const) and k.value > 0


def _is_even(names: Mapping[str, Atom]) -> bool:
    """Whether as many zeros are put around on all sides."""
    t = type_of(names["k"])
    return _is_filled(names) and isinstance(t, Scalar) and t.kind == "int"


def _is_filled(names: Mapping[str, Atom]) -> bool:
    """Whether it is a number that is put around."""
    return names["mode"] == Const("constant")


transpose("pad(a, k, mode='constant')", "bar[k:-k]", rank=1, when=_is_fixed)
transpose("pad(a, k, mode='constant')", "bar[k:-k, k:-k]", rank=2, when=_is_fixed)
transpose("pad(a, k, mode='constant')", "bar[k:k + shape(a)[0]]", rank=1, when=_is_even)
transpose("pad(a, k, mode='constant')", "bar[k:k + shape(a)[0], k:k + shape(a)[1]]", rank=2, when=_is_even)
# What is put around counts where it repeats an element, and not where it is zero.
_COUNTED = "bar * pad(ones_like(a), k)"
_PLACES = "pad(reshape(arange(size(a)), shape(a)), k, mode=mode)"
transpose("pad(a, k, mode='constant')", f"scatter({_COUNTED}, pad(arange(size(a)), k), a)", rank=1, when=_is_filled)
transpose("pad(a, k, mode='constant')", f"scatter({_COUNTED}, {_PLACES}, a)", when=_is_filled)
transpose("pad(a, k, mode='constant')", "scatter(bar, pad(arange(size(a)), k, mode=mode), a)", rank=1)
transpose("pad(a, k, mode='constant')", f"scatter(bar, {_PLACES}, a)")
transpose(
    "sliding_window_view(a, k, axis=None)",
    "scatter(bar, lib.stride_tricks.sliding_window_view(reshape(arange(size(a)), shape(a)), k, axis=axis), a)",
    on="numpy.lib.stride_tricks",
)
transpose(
    "take(a, k, axis=None, mode='raise')",
    "scatter(bar, take(reshape(arange(size(a)), shape(a)), k, axis=axis, mode=mode), a)",
)
transpose(
    "take_along_axis(a, k, axis=-1)",
    "scatter(bar, take_along_axis(reshape(arange(size(a)), shape(a)), k, axis=axis), a)",
)
transpose("tril(a, k=0)", "fit(tril(bar, k=k), a)")
transpose("triu(a, k=0)", "fit(triu(bar, k=k), a)")
transpose("diag(a, k=0)", "undiag(bar, a, k=k)")
transpose(
    "diagonal(a, offset=0, axis1=0, axis2=1)",
    "scatter(bar, diagonal(reshape(arange(size(a)), shape(a)), offset=offset, axis1=axis1, axis2=axis2), a)",
)
transpose("full(k, a)", "fit(bar, a)")
transpose("real(a)", "real(bar)")
transpose("imag(a)", "-1j * real(bar)")
transpose("conj(a)", "conj(bar)")
transpose("conjugate(a)", "conj(bar)")
