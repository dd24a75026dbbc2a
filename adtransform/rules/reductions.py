"""Reductions, cumulative operations, orderings.  `y` is brought back to the shape of `u` by `spread`."""

# The defs below are read as text: their names are those of NumPy and of the IR.
# ruff: noqa: F821
# mypy: allow-untyped-defs, disable-error-code="name-defined, call-overload"

from __future__ import annotations

from adtransform.rules.table import alias, rule, transpose

rule("sum(u, axis=None, keepdims=False)", "sum(du, axis=axis, keepdims=keepdims)")
rule("mean(u, axis=None, keepdims=False)", "mean(du, axis=axis, keepdims=keepdims)")
# With a start, of chosen elements, or in a dtype of its own.
rule(
    "sum(u, axis=None, keepdims=False, dtype=None, initial=v)",
    "cast(sum(du, axis=axis, keepdims=keepdims) + expand(dv, y), y)",
)
rule("mean(u, axis=None, keepdims=False, dtype=None)", "cast(mean(du, axis=axis, keepdims=keepdims), y)")
rule(
    "sum(u, axis=None, keepdims=False, dtype=None, initial=v, where=k)",
    "cast(sum(where(k, du, 0), axis=axis, keepdims=keepdims) + expand(dv, y), y)",
)
rule(
    "mean(u, axis=None, keepdims=False, dtype=None, where=k)",
    "cast(sum(where(k, du, 0), axis=axis, keepdims=keepdims)"
    " / sum(broadcast_to(k, shape(u)), axis=axis, keepdims=keepdims), y)",
)
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


@rule("max(u, axis=None, keepdims=False, initial=v, where=True)")
@rule("min(u, axis=None, keepdims=False, initial=v, where=True)")
def extreme_of_some(y, u, v, du, dv, axis, keepdims, where):
    """The same over the chosen elements and the start."""
    hit = cast((u == spread(y, u, axis=axis, keepdims=keepdims)) & where, u)
    start = cast(y == v, y)
    moved = sum(hit * du, axis=axis, keepdims=keepdims) + start * expand(dv, y)
    return moved / (sum(hit, axis=axis, keepdims=keepdims) + start)


@rule("nanvar(u, axis=None, ddof=0, keepdims=False)")
def nanvar(y, u, du, axis, ddof, keepdims):
    """The variance of those that are numbers."""
    d = where(isnan(u), 0, u - nanmean(u, axis=axis, keepdims=True))
    count = sum(~isnan(u), axis=axis, keepdims=keepdims)
    return 2 * real(sum(conj(d) * du, axis=axis, keepdims=keepdims)) / cast(count - ddof, y)


@rule("nanstd(u, axis=None, ddof=0, keepdims=False)")
def nanstd(y, u, du, axis, ddof, keepdims):
    """The root of the variance."""
    d = where(isnan(u), 0, u - nanmean(u, axis=axis, keepdims=True))
    count = sum(~isnan(u), axis=axis, keepdims=keepdims)
    return real(sum(conj(d) * du, axis=axis, keepdims=keepdims)) / (cast(count - ddof, y) * where(y == 0, inf, y))


@rule("nanprod(u, axis=None, keepdims=False)")
def nanprod(y, u, du, axis, keepdims):
    """The product of those that are numbers."""
    a = lanes(where(isnan(u), 1, u), axis=axis)
    before = delay(cumprod(a, axis=-1), 1, axis=-1)
    behind = flip(delay(cumprod(flip(a, axis=-1), axis=-1), 1, axis=-1), axis=-1)
    places = lanes(reshape(arange(size(u)), shape(u)), axis=axis)
    others = scatter(before * behind, places, u)
    return sum(others * where(isnan(u), 0, du), axis=axis, keepdims=keepdims)


alias("numpy.amax", "numpy.max")
alias("numpy.amin", "numpy.min")

rule("bincount(k, weights=u, minlength=0)", "bincount(k, weights=du, minlength=minlength)")
rule("cumsum(u, axis=None)", "cumsum(du, axis=axis)")
rule("cumsum(u, axis=None, dtype=None)", "cast(cumsum(du, axis=axis), y)")
# y[k] = u[k] * y[k - 1], so dy[k] = u[k] * dy[k - 1] + y[k - 1] * du[k]: right where there are zeros.
rule("cumprod(u, axis=None)", "recur(u, reshape(delay(y, 1, axis=axis), shape(u)) * du, axis=axis)")
rule("nancumsum(u, axis=None)", "cumsum(where(isnan(u), 0, du), axis=axis)")
rule(
    "nancumprod(u, axis=None)",
    "recur(where(isnan(u), 1, u), reshape(delay(y, 1, axis=axis), shape(u)) * where(isnan(u), 0, du), axis=axis)",
)
rule("cumulative_sum(u, axis=None)", "cumsum(du, axis=axis)")
rule("cumulative_prod(u, axis=None)", "recur(u, reshape(delay(y, 1, axis=axis), shape(u)) * du, axis=axis)")
rule(
    "accumulate(u, axis=0)",
    "recur(exp(delay(y, -inf, axis=axis) - y), exp(u - y) * du, axis=axis)",
    on="numpy.logaddexp",
)

# -- transposes ---------------------------------------------------------------------------------------------------------

transpose("sum(a, axis=None, keepdims=False)", "spread(bar, a, axis=axis, keepdims=keepdims)")
transpose("mean(a, axis=None, keepdims=False)", "spread(bar * size(bar) / size(a), a, axis=axis, keepdims=keepdims)")
transpose("bincount(k, weights=a, minlength=0)", "take(bar, k)")
transpose("cumsum(a, axis=None)", "reshape(flip(cumsum(flip(bar, axis=axis), axis=axis), axis=axis), shape(a))")
