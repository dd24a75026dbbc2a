"""The elementwise functions of NumPy and of `math`."""

# The defs below are read as text: their names are those of NumPy and of the IR.
# ruff: noqa: F821
# mypy: allow-untyped-defs, disable-error-code="name-defined, call-overload"

from __future__ import annotations

from adtransform.lattice import kind_of
from adtransform.rules.table import alias, constant, rule, transpose

# -- trigonometric and hyperbolic --------------------------------------------------------------------------------------

rule("sin(u)", "cos(u) * du", on="numpy math")
rule("cos(u)", "-sin(u) * du", on="numpy math")
rule("tan(u)", "(1 + y * y) * du", on="numpy math")
rule("sinh(u)", "cosh(u) * du", on="numpy math")
rule("cosh(u)", "sinh(u) * du", on="numpy math")
rule("tanh(u)", "(1 - y * y) * du", on="numpy math")
rule("arcsin(u)", "du / sqrt((1 - u) * (1 + u))", singular=True)
rule("arccos(u)", "-du / sqrt((1 - u) * (1 + u))", singular=True)
rule("arctan(u)", "du / (1 + u * u)")
rule("arcsinh(u)", "du / sqrt(1 + u * u)")
rule("arccosh(u)", "du / (sqrt(u - 1) * sqrt(u + 1))", singular=True)
rule("arctanh(u)", "du / ((1 - u) * (1 + u))", singular=True)
rule("arctan2(u, v)", "(v * du - u * dv) / where((u == 0) & (v == 0), inf, u * u + v * v)")
rule("hypot(u, v)", "(u * du + v * dv) / where(y == 0, inf, y)", on="numpy math")

alias("numpy.asin math.asin", "numpy.arcsin")
alias("numpy.acos math.acos", "numpy.arccos")
alias("numpy.atan math.atan", "numpy.arctan")
alias("numpy.asinh math.asinh", "numpy.arcsinh")
alias("numpy.acosh math.acosh", "numpy.arccosh")
alias("numpy.atanh math.atanh", "numpy.arctanh")
alias("numpy.atan2 math.atan2", "numpy.arctan2")

# -- exponentials, logarithms, powers -----------------------------------------------------------------------------------

rule("exp(u)", "y * du", on="numpy math")
rule("exp2(u)", "0.6931471805599453 * y * du", on="numpy math")
rule("expm1(u)", "exp(u) * du", on="numpy math")
rule("log(u)", "du / u", on="numpy math", singular="numpy")
rule("log2(u)", "du / (0.6931471805599453 * u)", on="numpy math", singular="numpy")
rule("log10(u)", "du / (2.302585092994046 * u)", on="numpy math", singular="numpy")
rule("log1p(u)", "du / (1 + u)", on="numpy math", singular="numpy")
rule("log(u, v)", "(du / u - y / v * dv) / log(v)", on="math")
rule("logaddexp(u, v)", "exp(u - y) * du + exp(v - y) * dv")
rule(
    "reduce(u, axis=0, keepdims=False)",
    "sum(exp(u - spread(y, u, axis=axis, keepdims=keepdims)) * du, axis=axis, keepdims=keepdims)",
    on="numpy.logaddexp",
)
rule("logaddexp2(u, v)", "exp2(u - y) * du + exp2(v - y) * dv")
rule("sqrt(u)", "du / (2 * y)", on="numpy math", singular=True)
rule("cbrt(u)", "du / (3 * y * y)", on="numpy math", singular=True)
rule("square(u)", "2 * u * du")
rule("reciprocal(u)", "-y * y * du", singular=True)
rule("ldexp(u, k)", "ldexp(du, k)", on="numpy math")
transpose("ldexp(a, k)", "ldexp(bar, k)", on="numpy math")


@rule("m, e = frexp(u)", on="numpy math")
def frexp(m, e, u, du):
    """The exponent is a step."""
    return ldexp(du, -e), 0.0


@rule("f, i = modf(u)", on="numpy math")
def modf(f, i, u, du):
    """The integral part is a step."""
    return du, 0.0


# -- absolute values, extremes, remainders ------------------------------------------------------------------------------

rule("absolute(u)", "real(conj(sign(u)) * du)")
# The sign of a real number is a step; that of a complex one, u / abs(u), turns with it.
constant("numpy.sign", when=lambda u, *_: kind_of(u) in ("bool", "int", "float"))
rule("sign(u)", "(du - y * y * conj(du)) / where(u == 0, inf, 2 * absolute(u))")
rule("fabs(u)", "sign(u) * du", on="numpy math")
rule("copysign(u, v)", "sign(u) * copysign(1.0, v) * du", on="numpy math")
rule("maximum(u, v)", "where(u == v, (du + dv) / 2, where(u > v, du, dv))")
rule("minimum(u, v)", "where(u == v, (du + dv) / 2, where(u < v, du, dv))")
rule("fmax(u, v)", "where(u == v, (du + dv) / 2, where((u > v) | isnan(v), du, dv))")
rule("fmin(u, v)", "where(u == v, (du + dv) / 2, where((u < v) | isnan(v), du, dv))")
rule("clip(u, a_min=v, a_max=w)", "where(y == u, du, where(y == v, dv, dw))")
rule("clip(u, min=v)", "where(y == u, du, dv)")
rule("clip(u, max=v)", "where(y == u, du, dv)")
rule("clip(u, min=v, max=w)", "where(y == u, du, where(y == v, dv, dw))")
rule("heaviside(u, v)", "where(u == 0, dv, 0)")
rule("fmod(u, v)", "du - rint((u - y) / v) * dv")
rule("remainder(u, v)", "du - rint((u - y) / v) * dv", on="math")
rule("nextafter(u, k)", "du", on="numpy math")
rule("where(c, u, v)", "where(c, du, dv)")
rule("nan_to_num(u, copy=True)", "where(isfinite(u), du, 0)")
rule(
    "nan_to_num(u, copy=True, nan=v, posinf=w, neginf=q)",
    "where(isfinite(u), du, where(isnan(u), dv, where(u > 0, dw, dq)))",
)

alias("numpy.abs", "numpy.absolute")
alias("math.fmod", "numpy.fmod")

# -- angles, complex parts, special functions ---------------------------------------------------------------------------

rule("deg2rad(u)", "0.017453292519943295 * du")
rule("rad2deg(u)", "57.29577951308232 * du")
rule("real(u)", "real(du)")
rule("imag(u)", "imag(du)")
rule("conjugate(u)", "conj(du)")
rule("complex(u)", "du + 0j", on="builtins")
rule("complex(u, v)", "du + 1j * dv", on="builtins")
rule("angle(u)", "imag(du / u)", singular=True)
rule("unwrap(u, discont=None, axis=-1, period=6.283185307179586)", "du")
rule("erf(u)", "1.1283791670955126 * exp(-u * u) * du", on="math")
rule("erfc(u)", "-1.1283791670955126 * exp(-u * u) * du", on="math")
rule("gamma(u)", "y * polygamma(0, u) * du", on="math")
rule("lgamma(u)", "polygamma(0, u) * du", on="math")
rule("fma(u, v, w)", "u * dv + v * du + dw", on="math")
rule("hypot(u)", "sign(u) * du", on="math")
rule("hypot(u, v, w)", "(u * du + v * dv + w * dw) / where(y == 0, inf, y)", on="math")
rule("hypot(*us)", "cast(sum(array([*us]) * array([*dus])), y) / where(y == 0, inf, y)", on="math")
rule("dist(u, v)", "cast(sum((asarray(u) - asarray(v)) * (asarray(du) - asarray(dv))), y) / where(y == 0, inf, y)", on="math")
rule("fsum(u)", "cast(sum(asarray(du)), y)", on="math")
rule("sumprod(u, v)", "cast(sum(asarray(u) * asarray(dv) + asarray(v) * asarray(du)), y)", on="math")

alias("numpy.radians math.radians", "numpy.deg2rad")
alias("numpy.degrees math.degrees", "numpy.rad2deg")
alias("numpy.conj", "numpy.conjugate")


@rule("sinc(u)")
def sinc(y, u, du):
    """cos(t)/t - sin(t)/t**2 cancels near t = 0: there the series of the spherical Bessel function -j1(t)."""
    t = 3.141592653589793 * u
    near = abs(t) < 0.3
    s = where(near, t, 0.0)
    r = where(near, 1.0, t)
    q = s * s
    series = -s / 3 * (1 - q / 10 * (1 - q / 28 * (1 - q / 54 * (1 - q / 88))))
    slope = where(near, series, cos(r) / r - sin(r) / (r * r))
    return 3.141592653589793 * slope * du


# A point of a segment moves with its ends; outside, the end values hold, or others.  At a knot: the segment to its right.
_INTERP = """def interp(y, u, v, w):
    i = clip(searchsorted(v, u, side="right") - 1, 0, size(v) - 2)
    step = take(v, i + 1) - take(v, i)
    t = clip((u - take(v, i)) / step, 0, 1)
    inside = (u >= v[0]) & (u <= v[-1])
    slope = where(inside, (take(w, i + 1) - take(w, i)) / step, 0)
    moved = du - (1 - t) * take(dv, i) - t * take(dv, i + 1)
    d = slope * moved + {0}
    return {1}
"""
_BETWEEN = "(1 - t) * take(dw, i) + t * take(dw, i + 1)"
for _given, _weights, _result in (
    ("", _BETWEEN, "d"),
    (", left=q", f"where(u < v[0], 0, {_BETWEEN})", "d + where(u < v[0], dq, 0)"),
    (", right=q", f"where(u > v[-1], 0, {_BETWEEN})", "d + where(u > v[-1], dq, 0)"),
    (", left=q, right=p", f"where(inside, {_BETWEEN}, 0)", "d + where(u < v[0], dq, 0) + where(u > v[-1], dp, 0)"),
):
    rule(f"interp(u, v, w{_given})", _INTERP.format(_weights, _result))
