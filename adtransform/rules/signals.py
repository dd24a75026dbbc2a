"""What is sampled: convolutions, finite differences, integrals, interpolation between samples, polynomials."""

# The defs below are read as text: their names are those of NumPy and of the IR.
# ruff: noqa: F821
# mypy: allow-untyped-defs, disable-error-code="name-defined, call-overload"

from __future__ import annotations

from collections.abc import Callable, Mapping

from adtransform.ir import Atom, Const
from adtransform.lattice import rank_of
from adtransform.rules.table import rule, transpose

# -- convolutions -----------------------------------------------------------------------------------------------------------

rule("convolve(u, v, mode='full')", "convolve(u, dv, mode=mode) + convolve(du, v, mode=mode)")
rule("correlate(u, v, mode='valid')", "correlate(u, dv, mode=mode) + correlate(du, v, mode=mode)")


def _mode(*names: str) -> Callable[[Mapping[str, Atom]], bool]:
    return lambda given: isinstance(mode := given["mode"], Const) and mode.value in names


# What `full` has on both sides, and the other modes leave away, is put around first.
_SHORT = "minimum(size(a), size(k))"
for _given, _bar in (
    ("full", "bar"),
    ("valid", f"pad(bar, {_SHORT} - 1)"),
    ("same", f"pad(bar, (({_SHORT} - 1) // 2, {_SHORT} // 2))"),
):
    transpose("convolve(a, k, mode='full')", f"convolve({_bar}, flip(k), mode='valid')", when=_mode(_given))
    transpose("convolve(k, a, mode='full')", f"convolve({_bar}, flip(k), mode='valid')", when=_mode(_given))
# The second operand of `correlate` is conjugated; where it is the longer one, `same` is cut the other way round.
_LEFT = f"(({_SHORT} - (size(a) >= size(k))) // 2, ({_SHORT} - (size(a) < size(k))) // 2)"
_RIGHT = f"(({_SHORT} - (size(k) >= size(a))) // 2, ({_SHORT} - (size(k) < size(a))) // 2)"
for _given, _left, _right in (
    ("full", "bar", "bar"),
    ("valid", f"pad(bar, {_SHORT} - 1)", f"pad(bar, {_SHORT} - 1)"),
    ("same", f"pad(bar, {_LEFT})", f"pad(bar, {_RIGHT})"),
):
    transpose("correlate(a, k, mode='valid')", f"convolve({_left}, conj(k), mode='valid')", when=_mode(_given))
    transpose("correlate(k, a, mode='valid')", f"conj(convolve(flip({_right}), k, mode='valid'))", when=_mode(_given))

# -- differences ------------------------------------------------------------------------------------------------------------

# Said in slices where that can be, so that the adjoint is `du[1:] += ...; du[:-1] -= ...`.
rule("diff(u, axis=-1)", "du[1:] - du[:-1]", when=lambda u: rank_of(u) == 1)
rule(
    "diff(u, axis=-1)",
    "du[..., 1:] - du[..., :-1] if axis == -1 else du[1:] - du[:-1] if axis == 0"
    " else du[:, 1:] - du[:, :-1] if axis == 1 else diff(du, axis=axis)",
)
transpose(
    "diff(a, axis=-1)",
    "scatter(bar, take(reshape(arange(size(a)), shape(a)), arange(shape(a)[axis])[1:], axis=axis), a)"
    " - scatter(bar, take(reshape(arange(size(a)), shape(a)), arange(shape(a)[axis])[:-1], axis=axis), a)",
)
rule("ediff1d(u)", "ravel(du)[1:] - ravel(du)[:-1]")
_BETWEEN = "pad(ravel(du)[1:] - ravel(du)[:-1], ({}, {}))"
_BEGIN, _END = "pad(cast(ravel(dv), y), (0, size(y) - size(v)))", "pad(cast(ravel({0}), y), (size(y) - size({1}), 0))"
rule("ediff1d(u, to_begin=v)", f"{_BETWEEN.format('size(v)', 0)} + {_BEGIN}")
rule("ediff1d(u, to_end=v)", f"{_BETWEEN.format(0, 'size(v)')} + {_END.format('dv', 'v')}")
rule("ediff1d(u, to_begin=v, to_end=w)", f"{_BETWEEN.format('size(v)', 'size(w)')} + {_BEGIN} + {_END.format('dw', 'w')}")

# The mean of the slopes on both sides; at the ends the only one, or the slope of a parabola.
_GRADIENT = """def gradient(y, u, du):
    d = {d}
    ds = d[{at}1:] - d[{at}:-1]
    first = ds[{at}:1] if edge_order == 1 else ds[{at}:1] + (ds[{at}:1] - ds[{at}1:2]) / 2
    last = ds[{at}-1:] if edge_order == 1 else ds[{at}-1:] + (ds[{at}-1:] - ds[{at}-2:-1]) / 2
    slope = {slope}
    return {result}
"""
_OF_VECTOR = {"d": "du", "at": "", "slope": "concatenate([first, (ds[1:] + ds[:-1]) / 2, last])"}
_ALONG = {
    "d": "moveaxis(du, axis, -1)",
    "at": "..., ",
    "slope": "moveaxis(concatenate([first, (ds[..., 1:] + ds[..., :-1]) / 2, last], axis=-1), -1, axis)",
}
_PER_STEP = "(slope - y * expand(dv, y)) / v"
rule("gradient(u, axis=None, edge_order=1)", _GRADIENT.format(**_OF_VECTOR, result="slope"), when=lambda u: rank_of(u) == 1)
rule("gradient(u, axis=..., edge_order=1)", _GRADIENT.format(**_ALONG, result="slope"))
rule(
    "gradient(u, v, axis=None, edge_order=1)",
    _GRADIENT.format(**_OF_VECTOR, result=_PER_STEP),
    when=lambda u, v: rank_of(u) == 1 and rank_of(v) == 0,
)
rule(
    "gradient(u, v, axis=..., edge_order=1)",
    _GRADIENT.format(**_ALONG, result=_PER_STEP),
    when=lambda u, v: rank_of(v) == 0,
)


@rule("gradient(u, v, axis=None, edge_order=1)", when=lambda u, v: rank_of(v) == 1)
def gradient_at_places(y, u, v, du, dv, axis, edge_order):
    """The mean of the slopes s on both sides, each weighted with the length h of the other; a parabola at the ends."""
    a, da = (u, du) if axis is None else (moveaxis(u, axis, -1), moveaxis(du, axis, -1))
    h = v[1:] - v[:-1]
    dh = expand(dv[1:] - dv[:-1], a[..., 1:])
    s = (a[..., 1:] - a[..., :-1]) / h
    ds = (da[..., 1:] - da[..., :-1] - s * dh) / h
    both = h[1:] + h[:-1]
    dboth = dh[..., 1:] + dh[..., :-1]
    mean_slope = (h[:-1] * s[..., 1:] + h[1:] * s[..., :-1]) / both
    bend = h[:-1] * ds[..., 1:] + h[1:] * ds[..., :-1] + s[..., 1:] * dh[..., :-1] + s[..., :-1] * dh[..., 1:]
    inner = (bend - mean_slope * dboth) / both
    # At an end 2 s - m: twice the slope there less the mean slope behind it.
    first = ds[..., :1] if edge_order == 1 else 2 * ds[..., :1] - inner[..., :1]
    last = ds[..., -1:] if edge_order == 1 else 2 * ds[..., -1:] - inner[..., -1:]
    d = concatenate([first, inner, last], axis=-1)
    return d if axis is None else moveaxis(d, -1, axis)


# -- integrals --------------------------------------------------------------------------------------------------------------

rule("trapezoid(u)", "sum(du[..., 1:] + du[..., :-1], axis=-1) / 2")
rule("trapezoid(u, dx=v)", "v * sum(du[..., 1:] + du[..., :-1], axis=-1) / 2 + trapezoid(u) * dv")
rule(
    "trapezoid(u, x=v)",
    "((du[..., 1:] + du[..., :-1]) @ diff(v) + (u[..., 1:] + u[..., :-1]) @ diff(dv)) / 2",
    when=lambda u, v: rank_of(v) == 1,
)
rule(
    "trapezoid(u, x=v)",
    "sum(diff(v) * (du[..., 1:] + du[..., :-1]) + (u[..., 1:] + u[..., :-1]) * diff(expand(dv, u)), axis=-1) / 2",
)
# Along another axis: the same of the array with that axis at its end.
_ENDS = "({0}[..., 1:] + {0}[..., :-1])"
_DU, _U = (_ENDS.format(f"moveaxis({name}, axis, -1)") for name in ("du", "u"))
rule("trapezoid(u, axis=-1)", f"sum({_DU}, axis=-1) / 2")
rule("trapezoid(u, dx=v, axis=-1)", f"v * sum({_DU}, axis=-1) / 2 + sum({_U}, axis=-1) / 2 * dv")
rule("trapezoid(u, x=v, axis=-1)", f"({_DU} @ diff(v) + {_U} @ diff(dv)) / 2", when=lambda u, v: rank_of(v) == 1)

# -- polynomials ------------------------------------------------------------------------------------------------------------

rule("polyval(u, v)", "polyval(du, v) + polyval(u[:-1] * cast(arange(size(u) - 1, 0, -1), u), v) * dv")
transpose("polyval(a, k)", "ravel(bar) @ vander(ravel(k), size(a))")
rule("polyder(u)", "du[:-1] * cast(arange(size(u) - 1, 0, -1), u)")
rule("polyint(u)", "append(du / arange(size(u), 0, -1), 0.0)")
# Each coefficient is multiplied by what it is for coefficients of 1.
rule("polyder(u, m=...)", "du[: maximum(size(u) - m, 0)] * polyder(ones_like(u), m=m)")
_INTEGRAL = "pad(du * polyint(ones_like(u), m=m)[: size(u)], (0, m))"
_BEGUN = "polyint(ones(1), m=m, k=ones(m))[1:]"
rule("polyint(u, m=...)", _INTEGRAL)
rule("polyint(u, m=1, k=v)", f"{_INTEGRAL} + pad(expand(ravel(dv), ones(m)) * {_BEGUN}, (size(u), 0))")
# The last coefficients belong to the same powers; leading zeros are left out of a product.
_LAST = "pad({0}, (size(y) - size({1}), 0))"
_TWO = _LAST.format("ravel(du)", "u"), _LAST.format("ravel(dv)", "v")
rule("polyadd(u, v)", " + ".join(_TWO))
rule("polysub(u, v)", " - ".join(_TWO))
rule(
    "polymul(u, v)",
    "(convolve(ravel(du), ravel(v)) + convolve(ravel(u), ravel(dv)))[size(u) + size(v) - 1 - size(y) :]",
)
rule("roots(u)", "-polyval(du, y) / polyval(u[:-1] * cast(arange(size(u) - 1, 0, -1), u), y)")


@rule("vander(u, N=None, increasing=False)")
def vander(y, u, du, N, increasing):
    """Each column is a power."""
    k = arange(shape(y)[1]) if increasing else arange(shape(y)[1])[::-1]
    return k * power(expand_dims(u, 1), maximum(k - 1, 0)) * expand(expand_dims(du, 1), y)


@rule("polyfit(u, v, k)")
def polyfit(y, u, v, du, dv, k):
    """Least squares: with V y = v as well as can be, dy = p (dv - dV y) + p p.T dV.T (v - V y), where p V = 1."""
    V = vander(u, k + 1)
    n = arange(k, -1, -1)
    dV = n * power(expand_dims(u, 1), maximum(n - 1, 0)) * expand(expand_dims(du, 1), V)
    p = pinv(V)
    return p @ (dv - dV @ y) + p @ (p.T @ (dV.T @ (v - V @ y)))
