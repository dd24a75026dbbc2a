"""Reductions, cumulative operations, orderings.  `y` is brought back to the shape of `u` by `spread`."""

from __future__ import annotations

from adtransform.rules.table import alias, rule, transpose

rule("sum(u, axis=None, keepdims=False)", "sum(du, axis=axis, keepdims=keepdims)")
rule("mean(u, axis=None, keepdims=False)", "mean(du, axis=axis, keepdims=keepdims)")
rule("nansum(u, axis=None, keepdims=False)", "sum(where(isnan(u), 0, du), axis=axis, keepdims=keepdims)")
rule(
    "nanmean(u, axis=None, keepdims=False)",
    "sum(where(isnan(u), 0, du), axis=axis, keepdims=keepdims) / sum(~isnan(u), axis=axis, keepdims=keepdims)",
)
rule(
    "var(u, axis=None, ddof=0, keepdims=False)",
    "2 * real(sum(conj(u - mean(u, axis=axis, keepdims=True)) * du, axis=axis, keepdims=keepdims)) / (size(u) / size(y) - ddof)",
)
rule(
    "std(u, axis=None, ddof=0, keepdims=False)",
    "real(sum(conj(u - mean(u, axis=axis, keepdims=True)) * du, axis=axis, keepdims=keepdims))"
    " / ((size(u) / size(y) - ddof) * where(y == 0, 1, y))",
)


@rule("prod(u, axis=None, keepdims=False)")
def prod(y, u, du, axis, keepdims):  # type: ignore[no-untyped-def]
    """Each element times the product of the others: of those before it and those behind it, so that zeros do no harm."""
    a = lanes(u, axis=axis)  # noqa: F821
    before = delay(cumprod(a, axis=-1), 1, axis=-1)  # noqa: F821
    behind = flip(delay(cumprod(flip(a, axis=-1), axis=-1), 1, axis=-1), axis=-1)  # noqa: F821
    places = lanes(reshape(arange(size(u)), shape(u)), axis=axis)  # noqa: F821
    others = scatter(before * behind, places, u)  # noqa: F821
    return sum(others * du, axis=axis, keepdims=keepdims)


@rule("max(u, axis=None, keepdims=False)")
@rule("min(u, axis=None, keepdims=False)")
@rule("nanmax(u, axis=None, keepdims=False)")
@rule("nanmin(u, axis=None, keepdims=False)")
def extreme(y, u, du, axis, keepdims):  # type: ignore[no-untyped-def]
    """The mean over the elements that attain the extreme."""
    hit = cast(u == spread(y, u, axis=axis, keepdims=keepdims), u)  # noqa: F821
    return sum(hit * du, axis=axis, keepdims=keepdims) / sum(hit, axis=axis, keepdims=keepdims)


alias("numpy.amax", "numpy.max")
alias("numpy.amin", "numpy.min")

rule("cumsum(u, axis=None)", "cumsum(du, axis=axis)")
# y[k] = u[k] * y[k - 1], so dy[k] = u[k] * dy[k - 1] + y[k - 1] * du[k]: right where there are zeros.
rule("cumprod(u, axis=None)", "recur(u, reshape(delay(y, 1, axis=axis), shape(u)) * du, axis=axis)")
rule("diff(u, axis=-1)", "diff(du, axis=axis)")
rule("sort(u, axis=-1, kind=None, stable=None)", "take_along_axis(du, argsort(u, axis=axis), axis=axis)")

# -- transposes ---------------------------------------------------------------------------------------------------------

transpose("sum(a, axis=None, keepdims=False)", "spread(bar, a, axis=axis, keepdims=keepdims)")
transpose("mean(a, axis=None, keepdims=False)", "spread(bar / (size(a) / size(bar)), a, axis=axis, keepdims=keepdims)")
transpose("cumsum(a, axis=None)", "reshape(flip(cumsum(flip(bar, axis=axis), axis=axis), axis=axis), shape(a))")
transpose(
    "diff(a, axis=-1)",
    "scatter(bar, take(reshape(arange(size(a)), shape(a)), arange(shape(a)[axis])[1:], axis=axis), a)"
    " - scatter(bar, take(reshape(arange(size(a)), shape(a)), arange(shape(a)[axis])[:-1], axis=axis), a)",
)
