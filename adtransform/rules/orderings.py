"""What is found by putting elements in order: medians, quantiles, running extremes.  Equal elements: as `argsort` puts them."""

# The defs below are read as text: their names are those of NumPy and of the IR.
# ruff: noqa: F821
# mypy: allow-untyped-defs, disable-error-code="name-defined, call-overload"

from __future__ import annotations

from adtransform.lattice import rank_of
from adtransform.rules.table import rule

rule("sort(u, axis=-1, kind=None, stable=None)", "take_along_axis(du, argsort(u, axis=axis), axis=axis)")


@rule("partition(u, k, axis=-1, kind='introselect')")
def partition(y, u, du, k, axis):
    """Elements that have the same rank before and after."""
    before = argsort(u, axis=axis, kind="stable")
    after = argsort(argsort(y, axis=axis, kind="stable"), axis=axis)
    return take_along_axis(du, take_along_axis(before, after, axis=axis), axis=axis)


rule("unique(u)", "ravel(du)[unique(u, return_index=True)[1]]")
# Of the other results, which are numbers of places, none depends on `u`.
for _i in range(3):
    _others = ", ".join("kij"[: _i + 1])
    rule(
        f"y, {_others} = unique(u, return_index=False, return_inverse=False, return_counts=False)",
        f"ravel(du)[unique(u, return_index=True)[1]], {', '.join(['0.0'] * (_i + 1))}",
    )


@rule("median(u, axis=None, keepdims=False)", when=lambda u: rank_of(u) == 1)
def median_of_vector(y, u, du, axis, keepdims):
    """The mean of the one or two elements in the middle."""
    middle = argsort(u)[(size(u) - 1) // 2 : size(u) // 2 + 1]
    return mean(du[middle], keepdims=keepdims)


@rule("median(u, axis=None, keepdims=False)")
def median(y, u, du, axis, keepdims):
    """The same for each of the lanes along the axes."""
    order = argsort(lanes(u, axis=axis), axis=-1)
    middle = order[..., (shape(order)[-1] - 1) // 2 : shape(order)[-1] // 2 + 1]
    return reshape(mean(take_along_axis(lanes(du, axis=axis), middle, axis=-1), axis=-1), shape(y))


def _is_one(u: object, v: object) -> bool:
    """Whether it is one quantile of a vector."""
    return rank_of(u) == 1 and rank_of(v) == 0  # type: ignore[arg-type]


# A point between two elements in the order of their size.
_OF_VECTOR = """def quantile(y, u, v, du, dv, keepdims):
    order = argsort(u)
    p = v * (size(u) - 1){0}
    low = order[int(p)]
    high = order[minimum(int(p) + 1, size(u) - 1)]
    t = p - int(p)
    moved = (1 - t) * du[low] + t * du[high] + (u[high] - u[low]) * (size(u) - 1){0} * dv
    return reshape(moved, shape(y)) if keepdims else moved
"""
# The same for each of the lanes along the axes and for each of the quantiles; what is not a number comes last.
_OF_LANES = """def quantile(y, u, v, du, dv, axis):
    a = lanes(u, axis=axis)
    order = argsort(a, axis=-1)
    s = take_along_axis(a, order, axis=-1)
    ds = take_along_axis(lanes(du, axis=axis), order, axis=-1)
    last = sum(~isnan(a), axis=-1, keepdims=True) - 1
    p = last * ravel(v){0}
    low = asarray(p, dtype=int)
    high = minimum(low + 1, maximum(last, 0))
    t = cast(p - low, s)
    moved = (1 - t) * take_along_axis(ds, low, axis=-1) + t * take_along_axis(ds, high, axis=-1)
    turned = (take_along_axis(s, high, axis=-1) - take_along_axis(s, low, axis=-1)) * cast(last, s){0}
    return reshape(moveaxis(moved + turned * expand(cast(ravel(dv), turned), turned), -1, 0), shape(y))
"""
for _name, _part in (("quantile", ""), ("percentile", " / 100")):
    rule(f"{_name}(u, v, axis=None, keepdims=False)", _OF_VECTOR.format(_part), when=_is_one)
    rule(f"{_name}(u, v, axis=None, keepdims=False)", _OF_LANES.format(_part))
    rule(f"nan{_name}(u, v, axis=None, keepdims=False)", _OF_LANES.format(_part))


# By another method than `linear`: where a quantile stands among n elements is what it is of their places 0, 1, 2, ...
# Between two elements it moves as q does, n + c places for 1; those that pick elements do not move.
_MOVES = (
    "(n if method == 'hazen' or method == 'interpolated_inverted_cdf' else n + 1 if method == 'weibull'"
    " else n + 1 / 3 if method == 'median_unbiased' else n + 1 / 4)"
)
_STANDS = (
    "method == 'inverted_cdf' or method == 'averaged_inverted_cdf' or method == 'closest_observation'"
    " or method == 'lower' or method == 'higher' or method == 'midpoint' or method == 'nearest'"
)
_OF_VECTOR_BY_METHOD = """def quantile(y, u, v, du, dv, keepdims, method):
    order = argsort(u)
    n = size(u)
    p = {0}(arange(n), v, method=method)
    low = order[int(p)]
    high = order[minimum(int(p) + 1, n - 1)]
    t = p - int(p)
    moved = (1 - t) * du[low] + t * du[high]
    turned = 0 if {3} else where((p > 0) & (p < n - 1), (u[high] - u[low]) * {2}{1}, 0) * dv
    return reshape(moved + turned, shape(y)) if keepdims else moved + turned
"""
_OF_LANES_BY_METHOD = """def quantile(y, u, v, du, dv, axis, method):
    a = lanes(u, axis=axis)
    order = argsort(a, axis=-1)
    s = take_along_axis(a, order, axis=-1)
    ds = take_along_axis(lanes(du, axis=axis), order, axis=-1)
    n = shape(a)[-1]
    p = {0}(arange(n), ravel(v), method=method)
    low = asarray(p, dtype=int) + 0 * order[..., :1]
    high = minimum(low + 1, n - 1)
    t = cast(p - asarray(p, dtype=int), s)
    moved = (1 - t) * take_along_axis(ds, low, axis=-1) + t * take_along_axis(ds, high, axis=-1)
    gap = take_along_axis(s, high, axis=-1) - take_along_axis(s, low, axis=-1)
    slope = cast(where((p > 0) & (p < n - 1), gap * {2}{1}, 0), s)
    turned = 0 if {3} else slope * expand(cast(ravel(dv), slope), slope)
    return reshape(moveaxis(moved + turned, -1, 0), shape(y))
"""
for _name, _part in (("quantile", ""), ("percentile", " / 100")):
    _call, _how = f"{_name}(u, v, axis=None, keepdims=False, method=...)", (_name, _part, _MOVES, _STANDS)
    rule(_call, _OF_VECTOR_BY_METHOD.format(*_how), when=_is_one)
    rule(_call, _OF_LANES_BY_METHOD.format(*_how))


@rule("nanmedian(u, axis=None, keepdims=False)")
def nanmedian(y, u, du, axis, keepdims):
    """The mean of the one or two elements in the middle of those that are numbers."""
    a = lanes(u, axis=axis)
    order = argsort(a, axis=-1)
    count = sum(~isnan(a), axis=-1, keepdims=True)
    low = take_along_axis(order, maximum(count - 1, 0) // 2, axis=-1)
    high = take_along_axis(order, minimum(count // 2, maximum(count - 1, 0)), axis=-1)
    d = lanes(du, axis=axis)
    return reshape((take_along_axis(d, low, axis=-1) + take_along_axis(d, high, axis=-1)) / 2, shape(y))


@rule("ptp(u, axis=None, keepdims=False)")
def ptp(y, u, du, axis, keepdims):
    """The difference of the extremes, each the mean over the elements that attain it."""
    top = cast(u == max(u, axis=axis, keepdims=True), u)
    bottom = cast(u == min(u, axis=axis, keepdims=True), u)
    upper = sum(top * du, axis=axis, keepdims=keepdims) / sum(top, axis=axis, keepdims=keepdims)
    return upper - sum(bottom * du, axis=axis, keepdims=keepdims) / sum(bottom, axis=axis, keepdims=keepdims)


@rule("accumulate(u)", on="numpy.maximum numpy.minimum", when=lambda u: rank_of(u) == 1)
def running_extreme_of_vector(y, u, du):
    """The last element so far that attains the extreme."""
    return du[maximum.accumulate(where(u == y, arange(size(u)), 0))]


@rule("accumulate(u, axis=0)", on="numpy.maximum numpy.minimum")
def running_extreme(y, u, du, axis):
    """The same along an axis."""
    a = moveaxis(u, axis, -1)
    places = maximum.accumulate(where(a == moveaxis(y, axis, -1), arange(shape(a)[-1]), 0), axis=-1)
    return moveaxis(take_along_axis(moveaxis(du, axis, -1), places, axis=-1), -1, axis)
