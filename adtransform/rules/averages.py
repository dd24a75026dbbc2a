"""Weighted means, covariances, histograms, and the functions of the module `statistics`."""

# The defs below are read as text: their names are those of NumPy and of the IR.
# ruff: noqa: F821
# mypy: allow-untyped-defs, disable-error-code="name-defined, call-overload"

from __future__ import annotations

from adtransform.lattice import NONE, Type, is_scalar, rank_of
from adtransform.rules.table import rule

rule("average(u, axis=None, keepdims=False)", "mean(du, axis=axis, keepdims=keepdims)")

rule("average(u, weights=v)", "sum(v * du + (u - y) * dv) / sum(v)")


@rule("average(u, axis=None, weights=v, keepdims=False)", when=lambda u, v: rank_of(u) == rank_of(v) is not None)
def average(y, u, v, du, dv, axis, keepdims):
    """The sum of the weighted elements over the sum of the weights."""
    away = u - spread(y, u, axis=axis, keepdims=keepdims)
    return sum(v * du + away * dv, axis=axis, keepdims=keepdims) / sum(v, axis=axis, keepdims=keepdims)


@rule("average(u, axis=..., weights=v, keepdims=False)", when=lambda u, v: rank_of(v) == 1)
def average_along(y, u, v, du, dv, axis, keepdims):
    """The same with one weight for all that is in one place along an axis."""
    away = moveaxis(u - spread(y, u, axis=axis, keepdims=keepdims), axis, -1)
    moved = (moveaxis(du, axis, -1) @ v + away @ dv) / sum(v)
    return reshape(moved, shape(y)) if keepdims else moved


@rule("cov(u, bias=False, ddof=None, rowvar=True)", when=lambda u: rank_of(u) == 1)
def variance(y, u, du, bias, ddof, rowvar):
    """Of one variable the variance."""
    count = size(u) - ((0 if bias else 1) if ddof is None else ddof)
    return cast(2 * real(sum(conj(u - mean(u)) * du)), y) / count


# The variables, one in each row.
_ROWS = "{0} if rowvar else {0}.T"
_FORMS = (
    ("u", lambda u: rank_of(u) == 2, _ROWS),
    ("u, y=v", lambda u, v: rank_of(u) == rank_of(v) == 1, "stack([{0}, {1}])"),
    ("u, y=v", lambda u, v: rank_of(u) == rank_of(v) == 2, f"concatenate([{_ROWS}, {_ROWS.replace('0', '1')}])"),
)
_COV = """def cov(y, u, du):
    x, dx = {x}, {dx}
    d = x - mean(x, axis=1, keepdims=True)
    count = shape(x)[1] - ((0 if bias else 1) if ddof is None else ddof)
    return cast(dx @ conj(d.T) + d @ conj(dx.T), y) / count
"""
# With z the deviations of each variable over their length, y = z z.T; the mean of dx is nothing to dz z.T.
_CORRCOEF = """def corrcoef(y, u, du):
    x, dx = {x}, {dx}
    d = x - mean(x, axis=1, keepdims=True)
    long = sqrt(sum(real(conj(d) * d), axis=1, keepdims=True))
    z = d / long
    dz = (dx - z * expand(real(sum(conj(z) * dx, axis=1, keepdims=True)), z)) / long
    return cast(dz @ conj(z.T) + z @ conj(dz.T), y)
"""
for _given, _when, _x in _FORMS:
    _texts = {"x": _x.format("u", "v"), "dx": _x.format("du", "dv")}
    rule(f"cov({_given}, bias=False, ddof=None, rowvar=True)", _COV.format(**_texts), when=_when)
    rule(f"corrcoef({_given}, rowvar=True)", _CORRCOEF.format(**_texts), when=_when)


# How many are in a bin is a step.  Where its ends are is given, or follows from a range, else from the least and the largest.
_LINES = "(1 - linspace(0, 1, size(e))) * expand({0}, e) + linspace(0, 1, size(e)) * expand({1}, e)"
_WEIGHED = """def histogram(h, e, u):
    a, count = ravel(u), size(e) - 1
    i = where(a == e[-1], count - 1, searchsorted(e, a, side="right") - 1)
    share = where((i >= 0) & (i < count), ravel(dw), 0)
    return cast(bincount(clip(i, 0, count - 1), weights=share, minlength=count), h), cast({0}, e)
"""
_LEAST, _LARGEST = (f"sum(where(u == e[{i}], du, 0)) / sum(u == e[{i}])" for i in (0, -1))


def _is_even(u: Type, v: Type, *more: Type) -> bool:
    """Whether so many bins are laid between the least and the largest element."""
    return more[-1] == NONE and (v == NONE or is_scalar(v))


for _ends, _when in (
    ("dv", lambda u, v, *_: rank_of(v) == 1),
    (_LINES.format("dq[0]", "dq[1]"), lambda *types: rank_of(types[-1]) == 1),
    (_LINES.format(_LEAST, _LARGEST), _is_even),
):
    rule("h, e = histogram(u, bins=v, range=q)", f"0.0, cast({_ends}, e)", when=_when)
    rule("h, e = histogram(u, bins=v, weights=w, range=q)", _WEIGHED.format(_ends), when=_when)

# -- the module `statistics`: of a list or an array ---------------------------------------------------------------------

_ABOUT = "sum((asarray(u) - mean(asarray(u))) * asarray(du))"
for _name in ("mean", "fmean"):
    rule(f"{_name}(u)", "cast(mean(asarray(du)), y)", on="statistics")
rule("variance(u)", f"cast(2 * {_ABOUT} / (size(u) - 1), y)", on="statistics")
rule("pvariance(u)", f"cast(2 * {_ABOUT} / size(u), y)", on="statistics")
rule("stdev(u)", f"cast({_ABOUT} / ((size(u) - 1) * where(y == 0, inf, y)), y)", on="statistics")
rule("pstdev(u)", f"cast({_ABOUT} / (size(u) * where(y == 0, inf, y)), y)", on="statistics")
rule(
    "median(u)",
    "cast(mean(asarray(du)[argsort(asarray(u))[(size(u) - 1) // 2 : size(u) // 2 + 1]]), y)",
    on="statistics",
)
rule("geometric_mean(u)", "cast(y * mean(asarray(du) / asarray(u)), y)", on="statistics")
rule("harmonic_mean(u)", "cast(y * y * mean(asarray(du) / (asarray(u) * asarray(u))), y)", on="statistics")
