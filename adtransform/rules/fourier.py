"""Fourier transforms: linear, and symmetric where both sides are complex; a share is not conjugated here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from adtransform.ir import Atom, Const
from adtransform.lattice import Type, rank_of
from adtransform.rules.table import rule, transpose


def _have(rank: int) -> Callable[[Type], bool]:
    """Whether an operand has so many axes."""
    return lambda u: rank_of(u) == rank


def _few(u: Type) -> bool:
    """Whether an operand is known to have at most three axes."""
    return rank_of(u) in (1, 2, 3)


# What `norm` divides on the way back, it divides here on the way there.
_TURNED = "'ortho' if norm == 'ortho' else 'backward' if norm == 'forward' else 'forward'"

for _name in ("fft", "ifft", "rfft", "irfft"):
    rule(f"{_name}(u, n=None, axis=-1, norm=None)", f"{_name}(du, n=n, axis=axis, norm=norm)", on="numpy.fft")
rule("hfft(u, n=None, axis=-1, norm=None)", f"irfft(conj(du), n=n, axis=axis, norm={_TURNED})", on="numpy.fft")
rule("ihfft(u, n=None, axis=-1, norm=None)", f"conj(rfft(du, n=n, axis=axis, norm={_TURNED}))", on="numpy.fft")
for _name in ("fftn", "ifftn"):
    rule(f"{_name}(u, axes=None, norm=None)", f"{_name}(du, axes=axes, norm=norm)", on="numpy.fft")
for _name in ("fft2", "ifft2"):
    rule(f"{_name}(u, axes=(-2, -1), norm=None)", f"{_name[:-1]}n(du, axes=axes, norm=norm)", on="numpy.fft")
# Those of real arrays over several axes are, by definition, one for the last and complex ones for the others.
_LAST = "rfft(du, axis={0}[-1], norm=norm)"
_REAL = f"fftn({_LAST}, axes={{0}}[:-1], norm=norm) if len({{0}}) > 1 else {_LAST}"
rule("rfft2(u, axes=(-2, -1), norm=None)", _REAL.format("axes"), on="numpy.fft")
rule("rfftn(u, axes=..., norm=None)", _REAL.format("axes"), on="numpy.fft")
for _n in (1, 2, 3):
    rule("rfftn(u, norm=None)", _REAL.format(tuple(range(_n))), on="numpy.fft", when=_have(_n))
rule(
    "irfft2(u, s=(None, None), axes=(-2, -1), norm=None)",
    "irfft(ifft(du, n=s[0], axis=axes[0], norm=norm), n=s[1], axis=axes[1], norm=norm)",
    on="numpy.fft",
)
# Cut, or with zeros behind, along each axis by itself.
for _name in ("fft", "ifft"):
    _last = f"{_name}(du, n=s[-1], axis={{0}}[-1], norm=norm)"
    _two = f"{_name}({_last}, n=s[-2], axis={{0}}[-2], norm=norm)"
    _all = f"{_two} if len(s) == 2 else {_last} if len(s) == 1 else {_name}({_two}, n=s[-3], axis={{0}}[-3], norm=norm)"
    rule(f"{_name}2(u, s=..., axes=(-2, -1), norm=None)", _two.format("axes"), on="numpy.fft")
    rule(f"{_name}n(u, s=..., axes=..., norm=None)", _all.format("axes"), on="numpy.fft", when=_few)
_last = "rfft(du, n=s[-1], axis={0}[-1], norm=norm)"
_two = f"fft({_last}, n=s[-2], axis={{0}}[-2], norm=norm)"
rule("rfft2(u, s=..., axes=(-2, -1), norm=None)", _two.format("axes"), on="numpy.fft")
_all = f"{_two} if len(s) == 2 else {_last} if len(s) == 1 else fft({_two}, n=s[-3], axis={{0}}[-3], norm=norm)"
rule("rfftn(u, s=..., axes=..., norm=None)", _all.format("axes"), on="numpy.fft", when=_few)
rule("fftshift(u, axes=None)", "fftshift(du, axes=axes)", on="numpy.fft")
rule("ifftshift(u, axes=None)", "ifftshift(du, axes=axes)", on="numpy.fft")
rule("fftfreq(k, d=v)", "-y / v * dv", on="numpy.fft")
rule("rfftfreq(k, d=v)", "-y / v * dv", on="numpy.fft")

# -- transposes ---------------------------------------------------------------------------------------------------------

transpose("fftshift(a, axes=None)", "ifftshift(bar, axes=axes)", on="numpy.fft")
transpose("ifftshift(a, axes=None)", "fftshift(bar, axes=axes)", on="numpy.fft")
for _name in ("fftn", "ifftn"):
    transpose(f"{_name}(a, axes=None, norm=None)", f"{_name}(bar, axes=axes, norm=norm)", on="numpy.fft")


def _is_whole(names: Mapping[str, Atom]) -> bool:
    """Whether neither is an operand cut, nor are there zeros behind it."""
    return names["n"] == Const(None)


# Of the share of so many coefficients the first, zero for the others of the operand.
_CUT = (
    "scatter(take({0}, arange(minimum({1}, shape(a)[axis])), axis=axis),"
    " take(reshape(arange(size(a)), shape(a)), arange(minimum({1}, shape(a)[axis])), axis=axis), a)"
)
for _name in ("fft", "ifft"):
    _share = f"{_name}(bar, axis=axis, norm=norm)"
    transpose(f"{_name}(a, n=None, axis=-1, norm=None)", _share, on="numpy.fft", when=_is_whole)
    transpose(f"{_name}(a, n=None, axis=-1, norm=None)", _CUT.format(_share, "n"), on="numpy.fft")
transpose(
    "rfft(a, n=None, axis=-1, norm=None)",
    "real(fft(bar, n=shape(a)[axis], axis=axis, norm=norm))",
    on="numpy.fft",
    when=_is_whole,
)
transpose(
    "rfft(a, n=None, axis=-1, norm=None)",
    _CUT.format("real(fft(bar, n=n, axis=axis, norm=norm))", "n"),
    on="numpy.fft",
)
# Each coefficient stands for its conjugate as well, except the first, and the last of an even number.
_HALF = "(shape(bar)[axis] // 2 + 1)"
_TWICE = f"where((arange({_HALF}) == 0) | (2 * arange({_HALF}) == shape(bar)[axis]), 1, 2)"
_back = f"{_TWICE} * conj(moveaxis(rfft(bar, axis=axis, norm={_TURNED}), axis, -1))"
transpose("irfft(a, n=None, axis=-1, norm=None)", f"moveaxis({_back}, -1, axis)", on="numpy.fft", when=_is_whole)
transpose(
    "irfft(a, n=None, axis=-1, norm=None)",
    _CUT.format(f"moveaxis({_back}, -1, axis)", _HALF),
    on="numpy.fft",
)
