"""Reductions, cumulative operations, orderings.  `y` is brought back to the shape of `u` by `spread`."""

# The defs below are read as text: their names are those of NumPy and of the IR.
# ruff: noqa: F821
# mypy: allow-untyped-defs, disable-error-code="name-defined, call-overload"

from __future__ import annotations

from adtransform.rules.table import alias, rule, transpose

rule("sum(u, axis=None, keepdims=False)", "sum(du, axis=axis, keepdims=keepdims)")
rule("mean(u, axis=None, keepdims=False)", "mean(du, axis=axis, keepdims=keepdims)")
rule("nansum(u, axis=None, keepdims=False)", "sum(where(isnan(u), 0, du), axis=axis, keepdims=keepdims)")
rule(
    "nanmean(u, axis=None, keepdims=False)",
    "sum(where(isnan(u), 0, du), axis=axis, keepdims=keepdims) / sum(cast(~isnan(u), u), axis=axis, keepdims=keepdims)",
)
rule(
    "var(u, axis=None, keepdims=False)",
    "2 * real(mean(conj(u - mean(u, axis=axis, keepdims=True)) * du, axis=axis, keepdims=keepdims))",
)
rule(
    "var(u, axis=None, ddof=0, keepdims=False)",
    "2 * real(sum(conj(u - mean(u, axis=axis, keepdims=True)) * du, axis=axis, keepdims=keepdims))"
    " / cast(size(u) / size(y) - ddof, y)",
)
rule(
    "std(u, axis=None, keepdims=False)",
    "real(mean(conj(u - mean(u, axis=axis, keepdims=True)) * du, axis=axis, keepdims=keepdims)) / where(y == 0, inf, y)",
)
rule(
    "std(u, axis=None, ddof=0, keepdims=False)",
    "real(sum(conj(u - mean(u, axis=axis, keepdims=True)) * du, axis=axis, keepdims=keepdims))"
    " / cast((size(u) / size(y) - ddof) * where(y == 0, inf, y), y)",
)


@rule("prod(u, axis=None, keepdims=False)")
def prod(y, u, du, axis, keepdims):
    """Each element times the product of the others: of those before it and those behind it, so that zeros do no harm."""
    a = lanes(u, axis=axis)
    before = delay(cumprod(a, axis=-1), 1, axis=-1)
    behind = flip(delay(cumprod(flip(a, axis=-1), axis=-1), 1, axis=-1), axis=-1)
    places = lanes(reshape(arange(size(u)), shape(u)), axis=axis)
    others = scatter(before * behind, places, u)
    return sum(others * du, axis=axis, keepdims=keepdims)


@rule("max(u, axis=None, keepdims=False)")
@rule("min(u, axis=None, keepdims=False)")
@rule("nanmax(u, axis=None, keepdims=False)")
@rule("nanmin(u, axis=None, keepdims=False)")
def extreme(y, u, du, axis, keepdims):
    """The mean over the elements that attain the extreme."""
    hit = cast(u == spread(y, u, axis=axis, keepdims=keepdims), u)
    return sum(hit * du, axis=axis, keepdims=keepdims) / sum(hit, axis=axis, keepdims=keepdims)


alias("numpy.amax", "numpy.max")
alias("numpy.amin", "numpy.min")

rule("bincount(k, weights=u, minlength=0)", "bincount(k, weights=du, minlength=minlength)")
rule("cumsum(u, axis=None)", "cumsum(du, axis=axis)")
# y[k] = u[k] * y[k - 1], so dy[k] = u[k] * dy[k - 1] + y[k - 1] * du[k]: right where there are zeros.
rule("cumprod(u, axis=None)", "recur(u, reshape(delay(y, 1, axis=axis), shape(u)) * du, axis=axis)")

# -- transposes ---------------------------------------------------------------------------------------------------------

transpose("sum(a, axis=None, keepdims=False)", "spread(bar, a, axis=axis, keepdims=keepdims)")
transpose("mean(a, axis=None, keepdims=False)", "spread(bar * size(bar) / size(a), a, axis=axis, keepdims=keepdims)")
transpose("bincount(k, weights=a, minlength=0)", "take(bar, k)")
transpose("cumsum(a, axis=None)", "reshape(flip(cumsum(flip(bar, axis=axis), axis=axis), axis=axis), shape(a))")
