"""The promises of the whole: names are never captured, branches not taken stay silent, gradients keep kind and dtype."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adtransform as ad


def where_log(x: Any) -> Any:
    return np.sum(np.where(x > 0, np.log(x), 0.0))


def where_sqrt(x: Any) -> Any:
    return np.sum(np.where(x > 0, np.sqrt(x), 0.0))


def where_divide(x: Any) -> Any:
    return np.sum(np.where(x != 0, 1.0 / x, 0.0))


def where_power(x: Any) -> Any:
    return np.sum(np.where(x > 0, x**0.5, 0.0))


def where_norm(x: Any) -> Any:
    return np.sum(np.where(x > 0, x / np.sqrt(x * x), 0.0))


def mask_log(x: Any) -> Any:
    return np.sum(np.log(x)[x > 0])


SAFE: dict[Callable[..., Any], tuple[Callable[..., Any], Callable[..., Any]]] = {
    where_log: (lambda x: 1 / x, lambda x: -1 / x**2),
    where_sqrt: (lambda x: 0.5 * x**-0.5, lambda x: -0.25 * x**-1.5),
    where_divide: (lambda x: -1 / x**2, lambda x: 2 / x**3),
    where_power: (lambda x: 0.5 * x**-0.5, lambda x: -0.25 * x**-1.5),
    where_norm: (lambda x: 0 * x, lambda x: 0 * x),
    mask_log: (lambda x: 1 / x, lambda x: -1 / x**2),
}


@pytest.mark.parametrize("f", SAFE, ids=lambda f: f.__name__)
def test_the_branch_not_taken_adds_nothing(f: Callable[..., Any]) -> None:
    """At 0 the value is not chosen, so its infinite slope must not come through: in first and second order."""
    x = np.array([2.0, 0.0, 0.5])
    taken = x > 0
    first, second = SAFE[f]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gradient, hessian = ad.grad(f)(x), ad.hessian(f)(x)
        expected = np.where(taken, first(x), 0.0)
        expected_second = np.diag(np.where(taken, second(x), 0.0))
    np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(hessian, expected_second, rtol=1e-12, atol=1e-15)


def hostile(dx: Any, t0: Any, load: Any) -> Any:
    np = dx * t0
    dt2 = np * load
    math = dt2 + dx
    out = math * math
    fit = out + t0 * dx
    d = fit * 0.5
    return d * load


def friendly(a: Any, b: Any, c: Any) -> Any:
    p = a * b
    q = p * c
    r = q + a
    s = r * r
    t = s + b * a
    u = t * 0.5
    return u * c


def test_user_names_are_never_captured() -> None:
    """A user's `np`, `dx`, `t0`, `load`, `fit` change nothing, with arrays that broadcast and with numbers."""
    rng = np.random.default_rng(0)
    for args in ((1.5, 0.7, -0.3), (rng.normal(size=(3, 1)), rng.normal(size=4), 0.5)):
        for order in ((0,), (0, 1, 2)):
            (y, pull), (z, push) = ad.vjp(hostile, *args, wrt=order), ad.vjp(friendly, *args, wrt=order)
            np.testing.assert_array_equal(y, z)
            seed = np.ones_like(y)
            for a, b in zip(pull(seed), push(seed), strict=True):
                np.testing.assert_array_equal(a, b)


def scalar(x: Any) -> Any:
    return math.sqrt(x)


def test_square_root_at_zero_is_infinite_without_an_exception() -> None:
    with np.errstate(divide="ignore"):
        assert ad.grad(scalar)(0.0) == math.inf


def kinds(x: Any) -> Any:
    return np.sum(x * x) * 0.5


@pytest.mark.parametrize("x", [1.5, np.float64(1.5), np.float32(1.5), np.array(1.5), np.ones(3, np.float32), np.empty((0, 2))])
def test_a_gradient_has_the_kind_of_its_argument(x: Any) -> None:
    found = ad.grad(kinds)(x)
    assert type(found) is type(x)
    assert np.shape(found) == np.shape(x)
    if not isinstance(x, float) or isinstance(x, np.generic):
        assert found.dtype == x.dtype
    np.testing.assert_array_equal(found, x)


def stencil(u: Any, k: Any) -> Any:
    v = u.copy()
    v[1:-1] += k[1:-1] * (v[2:] - 2.0 * v[1:-1] + v[:-2])
    return np.sum(v * v)


def test_code_made_for_equal_lengths_is_used_for_them_only() -> None:
    """`k[1:-1]` has as many elements as `u[1:-1]` in one call, and one that is repeated in the next."""
    rng = np.random.default_rng(3)
    gradient = ad.grad(stencil, wrt=(0, 1))
    for sizes in ((6, 6), (6, 3), (3, 3), (3, 3), (6, 6), (8, 3)):
        u, k = (rng.normal(size=n) for n in sizes)
        du, dk = gradient(u, k)
        assert (du.shape, dk.shape) == (u.shape, k.shape)
        for x, dx, at in ((u, du, lambda z, k=k: stencil(z, k)), (k, dk, lambda z, u=u: stencil(u, z))):
            steps = 1e-6 * np.eye(x.size)
            expected = [(at(x + e) - at(x - e)) / 2e-6 for e in steps]
            np.testing.assert_allclose(dx, expected, rtol=1e-7, atol=1e-8)
