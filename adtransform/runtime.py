"""What emitted code may contain: helpers printed into files verbatim, each with its own row in `rules/structural.py`."""

from __future__ import annotations

from typing import Any

import numpy as np


def cast(x: Any, like: Any) -> Any:
    """`x` in the dtype of `like`, and of its kind where `x` has no axes (a Python float, a NumPy scalar, an array)."""
    if isinstance(like, (list, tuple)) and isinstance(x, list):
        return type(like)(cast(a, b) for a, b in zip(x, like, strict=True))
    if not isinstance(like, (np.ndarray, np.generic)):
        if isinstance(x, np.ndarray) and x.ndim:
            return (
                x.astype(complex)
                if isinstance(like, complex)
                else np.real(x).astype(float)
            )
        return complex(x) if isinstance(like, complex) else float(np.real(x))
    dtype = like.dtype if like.dtype.kind in "fc" else np.dtype(float)
    part = np.asarray(x if dtype.kind == "c" else np.real(x)).astype(dtype, copy=False)
    return part if part.ndim or isinstance(like, np.ndarray) else part[()]


def fit(share: Any, like: Any) -> Any:
    """`share` summed over the axes along which `like` was broadcast, in the dtype and kind of `like`."""
    if isinstance(like, (list, tuple)):
        raise TypeError("arrays are meant: annotate lists, x: list[float]")
    shape = np.shape(like)
    if np.shape(share) != shape:
        extra = np.ndim(share) - len(shape)
        wide = [
            i
            for i, n in enumerate(np.shape(share))
            if i < extra or shape[i - extra] == 1 != n
        ]
        share = np.reshape(np.sum(share, axis=tuple(wide)), shape)
    return cast(share, like)


def expand(x: Any, like: Any) -> Any:
    """`x` repeated in the shape of `like`: a view that must not be written."""
    return np.broadcast_to(x, np.shape(like)) if np.ndim(like) else x


def zeros(like: Any) -> Any:
    """A zero of the shape and kind of `like`, of its dtype where that is a float."""
    if isinstance(like, (list, tuple)):
        return [zeros(item) for item in like]
    return cast(np.zeros(np.shape(like)), like)


def plus(a: Any, b: Any) -> Any:
    """The sum of two adjoints: of lists item by item."""
    if isinstance(a, (list, tuple)):
        return [plus(x, y) for x, y in zip(a, b, strict=True)]
    return a + b


def untimes(bar: Any, like: Any, count: int) -> Any:
    """The adjoint of `like * count` for a list: what belongs to each of its items."""
    total = zeros(like)
    for k in range(count):
        total = plus(total, bar[k * len(like) : (k + 1) * len(like)])
    return total


def strong(bar: Any, partial: Any) -> Any:
    """`bar * partial`, but 0 where `bar` is 0: what was not used has no share, even if the partial is infinite."""
    if np.ndim(bar) == 0 and np.ndim(partial) == 0:
        return bar * partial if bar != 0 else 0 * bar
    shape = np.broadcast_shapes(np.shape(bar), np.shape(partial))
    out = np.zeros(shape, np.result_type(bar, partial))
    return np.multiply(bar, partial, out=out, where=np.not_equal(bar, 0))


def spread(bar: Any, like: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """`bar`, a value for each sum of `like` over `axis`, repeated along it: a view in the shape of `like`."""
    if np.ndim(like) == 0:
        return bar
    if axis is not None and not keepdims:
        bar = np.expand_dims(bar, axis)
    return np.broadcast_to(bar, np.shape(like))


def scatter(bar: Any, places: Any, like: Any) -> Any:
    """A zero in the shape of `like` with `bar` added at flat `places`; repeated places add up."""
    out = np.zeros(np.shape(like), np.result_type(bar))
    np.add.at(out.reshape(-1), places, bar)
    return out


def last(x: Any, key: Any) -> Any:
    """For each place of `x[key]`, whether a write to `x[key]` stays there: of places named twice the last write does."""
    places = np.arange(np.size(x)).reshape(np.shape(x))[key]
    writes = np.arange(np.size(places)).reshape(np.shape(places))
    kept = np.zeros(np.size(x), int)
    kept[places] = writes
    return kept[places] == writes


def matmul_left(bar: Any, b: Any, a: Any) -> Any:
    """The share of `a` in `a @ b`, for operands of any rank."""
    if np.ndim(b) == 1:
        share = np.expand_dims(bar, -1) * b
    elif np.ndim(a) == 1:
        share = (b @ np.expand_dims(bar, -1))[..., 0]
    else:
        share = bar @ np.swapaxes(b, -1, -2)
    return fit(share, a)


def matmul_right(bar: Any, a: Any, b: Any) -> Any:
    """The share of `b` in `a @ b`, for operands of any rank."""
    if np.ndim(a) == 1:
        share = (
            a * bar
            if np.ndim(b) == 1
            else np.expand_dims(a, -1) * np.expand_dims(bar, -2)
        )
    elif np.ndim(b) == 1:
        share = (np.swapaxes(a, -1, -2) @ np.expand_dims(bar, -1))[..., 0]
    else:
        share = np.swapaxes(a, -1, -2) @ bar
    return fit(share, b)


def tensordot_left(bar: Any, b: Any, a: Any, axes: Any = 2) -> Any:
    """The share of `a` in `np.tensordot(a, b, axes)`."""
    m, n = np.ndim(a), np.ndim(b)
    first, second = (range(m - axes, m), range(axes)) if np.ndim(axes) == 0 else axes
    first, second = np.atleast_1d(first) % m, np.atleast_1d(second) % n
    free = [i for i in range(n) if i not in second]
    share = np.tensordot(bar, b, (range(np.ndim(bar) - len(free), np.ndim(bar)), free))
    order = [i for i in range(m) if i not in first] + [
        first[j] for j in np.argsort(second)
    ]
    return np.transpose(share, np.argsort(order))


def tensordot_right(bar: Any, a: Any, b: Any, axes: Any = 2) -> Any:
    """The share of `b` in `np.tensordot(a, b, axes)`."""
    m, n = np.ndim(a), np.ndim(b)
    first, second = (range(m - axes, m), range(axes)) if np.ndim(axes) == 0 else axes
    first, second = np.atleast_1d(first) % m, np.atleast_1d(second) % n
    free = [i for i in range(m) if i not in first]
    share = np.tensordot(a, bar, (free, range(len(free))))
    order = [second[j] for j in np.argsort(first)] + [
        i for i in range(n) if i not in second
    ]
    return np.transpose(share, np.argsort(order))


def cofactors(a: Any, det: Any) -> Any:
    """The cofactors of matrices with the determinants `det`: how fast those grow with each element."""
    if np.all(det):
        return det[..., None, None] * np.swapaxes(np.linalg.inv(a), -1, -2)
    u, s, v = np.linalg.svd(a)  # some have no inverse
    others = np.prod(np.where(np.eye(s.shape[-1]), 1, s[..., None, :]), axis=-1)
    turn = np.linalg.det(u) * np.linalg.det(v)
    return turn[..., None, None] * np.conj(u * others[..., None, :] @ v)


def moved_cofactors(da: Any, a: Any, det: Any) -> Any:
    """How fast the cofactors of matrices with the determinants `det` change where the matrices do by `da`."""
    if np.all(det):
        x = np.swapaxes(np.linalg.inv(a), -1, -2)
        y = det[..., None, None] * x
        total = np.sum(x * da, axis=(-2, -1), keepdims=True)
        return total * y - y @ np.swapaxes(da, -1, -2) @ x
    u, s, v = np.linalg.svd(a)  # some have no inverse
    e = np.conj(np.swapaxes(u, -1, -2)) @ da @ np.conj(np.swapaxes(v, -1, -2))
    one = np.eye(s.shape[-1])
    left_out = one[:, None] + one
    others = np.prod(np.where(left_out, 1, s[..., None, None, :]), axis=-1) * (1 - one)
    along = others @ np.diagonal(e, axis1=-2, axis2=-1)[..., None]
    turn = np.linalg.det(u) * np.linalg.det(v)
    moved = np.conj(u) @ (one * along - others * np.swapaxes(e, -1, -2)) @ np.conj(v)
    return turn[..., None, None] * moved


def inverse(a: Any) -> Any:
    """The inverses of matrices; infinite, as that of 0 is, of those that have none."""
    try:
        return np.linalg.inv(a)
    except np.linalg.LinAlgError:
        det = np.linalg.det(a)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.swapaxes(cofactors(a, det), -1, -2) / det[..., None, None]


def polygamma(order: int, x: Any) -> Any:
    """The derivative of that order of the digamma function (Abramowitz & Stegun, 6.3 and 6.4)."""
    if x < 0:
        turned = np.pi ** (order + 1) * cotangent(order, np.pi * (x - np.round(x)))
        return float((-1) ** order * polygamma(order, 1 - x) - turned)
    factorial, total = float(np.prod(np.arange(1.0, order + 1))), 0.0
    while x < 12 + order:
        total, x = total + factorial / x ** (order + 1), x + 1
    total += factorial / order / x**order if order else -np.log(x)
    total += factorial / x ** (order + 1) / 2
    term = factorial * (order + 1) / (2 * x ** (order + 2))
    for k, b in enumerate((1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)):
        total += term * b
        term *= (2 * k + 2 + order) * (2 * k + 3 + order) / (2 * k + 3) / (2 * k + 4)
        term /= x * x
    return float(total if order % 2 else -total)


def cotangent(order: int, x: Any) -> Any:
    """The derivative of that order of the cotangent, which is a polynomial in it."""
    powers = [0.0, 1.0]
    for _ in range(order):
        slopes = [k * c for k, c in enumerate(powers)][1:]
        powers = [-a - b for a, b in zip([*slopes, 0, 0], [0, 0, *slopes], strict=True)]
    return sum(c / np.tan(x) ** k for k, c in enumerate(powers))


def cross_share(bar: Any, b: Any, a: Any, axisa: Any = -1, axisb: Any = -1, axisc: Any = -1) -> Any:
    """The share of `a` in `np.cross(a, b, axisa, axisb, axisc)`, for vectors of two or three."""
    u, v = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    if u.shape[-1] == v.shape[-1] == 2:
        share = np.expand_dims(bar, -1) * np.stack((v[..., 1], -v[..., 0]), -1)
    else:
        share = np.cross(v, np.moveaxis(bar, axisc, -1))[..., : u.shape[-1]]
    return np.moveaxis(fit(share, u), -1, axisa)


def dot_left(bar: Any, b: Any, a: Any) -> Any:
    """The share of `a` in `np.dot(a, b)`, for operands of any rank."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return fit(bar * b, a)
    return tensordot_left(bar, b, a, (-1, -min(2, np.ndim(b))))


def dot_right(bar: Any, a: Any, b: Any) -> Any:
    """The share of `b` in `np.dot(a, b)`, for operands of any rank."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return fit(a * bar, b)
    return tensordot_right(bar, a, b, (-1, -min(2, np.ndim(b))))


def swap(subscripts: str, i: int) -> str:
    """The subscripts of the adjoint of an einsum for its operand `i`: `swap('ij,jk->ik', 0)` is `'ik,jk->ij'`."""
    terms, _, out = subscripts.replace(" ", "").partition("->")
    if "->" not in subscripts:
        out = "".join(sorted(c for c in set(terms) - {",", "."} if terms.count(c) == 1))
        out = "..." + out if "..." in terms else out
    operands = terms.split(",")
    out, operands[i] = operands[i], out
    return ",".join(operands) + "->" + out


def spelled(subscripts: str, *ranks: int) -> str:
    """Subscripts with labels instead of `...`, for operands and a result of so many axes."""
    terms = subscripts.replace("->", ",").split(",")
    axes = [rank - len(term.replace("...", "")) if "..." in term else 0 for term, rank in zip(terms, ranks, strict=True)]
    free = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" if c not in subscripts]
    labels = free[: max(axes)]
    named = [term.replace("...", "".join(labels[len(labels) - n :])) for term, n in zip(terms, axes, strict=True)]
    return ",".join(named[:-1]) + "->" + named[-1]


def contract(subscripts: str, like: Any, *operands: Any) -> Any:
    """`np.einsum` whose output, shaped as `like`, may have labels of its own (repeated) or twice (a diagonal)."""
    if "..." in subscripts:
        subscripts = spelled(subscripts, *map(np.ndim, (*operands, like)))
    terms, out = subscripts.split("->")
    wanted = "".join(dict.fromkeys(out))
    known = "".join(c for c in wanted if c in terms)
    share = np.einsum(f"{terms}->{known}", *operands)
    share = np.expand_dims(share, [i for i, c in enumerate(wanted) if c not in known])
    wide = np.zeros(np.shape(like), share.dtype)
    if len(wanted) == len(out):
        return fit(share + wide, like)
    np.einsum(f"{out}->{wanted}", wide)[...] = share
    return wide


def piece(bar: Any, i: int, axis: Any, *operands: Any) -> Any:
    """What of `bar` belongs to operand `i` of a concatenation along `axis` (None: of flattened operands)."""
    axis = axis or 0
    across = max(1, np.size(bar) // max(1, np.shape(bar)[axis]))
    ends = np.cumsum([np.size(operand) // across for operand in operands])
    return np.split(bar, ends, axis)[i].reshape(np.shape(operands[i]))


def items(bar: Any, like: Any) -> Any:
    """`bar` item by item where `like` is a list, each in the kind of its item; otherwise `bar` in the kind of `like`."""
    return (
        [items(b, item) for b, item in zip(bar, like, strict=True)]
        if isinstance(like, (list, tuple))
        else fit(bar, like)
    )


def pieces(bar: Any, axis: Any, like: Any) -> Any:
    """What of `bar` belongs to each item of the list `like` that was concatenated along `axis`."""
    return items([piece(bar, i, axis, *like) for i in range(len(like))], like)


def undiag(bar: Any, like: Any, k: int = 0) -> Any:
    """The adjoint of `np.diag(like, k)`: a diagonal for a vector, a matrix for a matrix."""
    if np.ndim(like) == 1:
        return np.diag(bar, k)
    return scatter(
        bar, np.diag(np.arange(np.size(like)).reshape(np.shape(like)), k), like
    )


def columns(x: Any, like: Any) -> Any:
    """`x` with an axis more at its end where the right side `like` of `np.linalg.solve` is a vector: one column."""
    return np.expand_dims(x, -1) if np.ndim(like) == 1 else x


def uncolumns(x: Any, like: Any) -> Any:
    """`x` without its last axis where the right side `like` of `np.linalg.solve` is a vector."""
    return x[..., 0] if np.ndim(like) == 1 else x


def lanes(x: Any, axis: Any = None) -> Any:
    """`x` with the axes `axis` (None: all) moved to the end and joined into one."""
    axes = (
        np.arange(np.ndim(x))
        if axis is None
        else np.atleast_1d(axis) % max(1, np.ndim(x))
    )
    moved = np.moveaxis(x, axes, range(-len(axes), 0)) if len(axes) else np.asarray(x)
    kept = np.shape(moved)[: np.ndim(moved) - len(axes)]
    return np.reshape(moved, (*kept, int(np.prod(np.shape(moved)[len(kept) :]))))


def delay(x: Any, first: Any, axis: Any = None) -> Any:
    """`x` one place later along `axis` (None: of the flattened array), beginning with `first`."""
    x, axis = (np.ravel(x), 0) if axis is None else (x, axis)
    out = np.roll(x, 1, axis)
    np.moveaxis(out, axis, 0)[:1] = first
    return out


def recur(factor: Any, term: Any, axis: Any = None) -> Any:
    """`y[k] = factor[k] * y[k - 1] + term[k]` along `axis` (None: of the flattened arrays), with 0 before the first."""
    factor, term = (
        (np.ravel(factor), np.ravel(term)) if axis is None else (factor, term)
    )
    out = np.array(term, np.result_type(factor, term))
    y, f = np.moveaxis(out, axis or 0, 0), np.moveaxis(factor, axis or 0, 0)
    for k in range(1, len(y)):
        y[k] += f[k] * y[k - 1]
    return out


def copy_of(x: Any) -> Any:
    """A copy of an array or a list; a number, which nobody can change, as it is."""
    return x.copy() if isinstance(x, (np.ndarray, list)) else x
