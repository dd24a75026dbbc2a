"""Values at kinks at second order: finite, and the same in every combination of modes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adtransform as ad


def normalised(x: Any) -> Any:
    r = np.sqrt(x @ x)
    if r > 0:
        return np.sum(x / r)
    return x[0] * 2.0


def unused_logarithm(x: Any) -> Any:
    y = np.log(x[0])
    z = 1.0 / x[1]
    if x[0] > 0:
        return y * z
    return x[0] * x[0] + 3.0 * x[1]


def used_in_two_branches(x: Any) -> Any:
    r = np.sqrt(1.0 - x[0] * x[0])
    y = x[1] * x[1]
    if x[0] < 1:
        y = y + r
    if x[1] > 10:
        y = y * r
    return y


def unused_in_a_try(x: Any) -> Any:
    try:
        t = x[0] / x[1]
        y = x[0] * 2
    except ZeroDivisionError:
        raise ValueError("0") from None
    return y * x[0] if x[1] == 0 else t * x[1]


def unused_behind_a_loop(x: Any) -> Any:
    t = x[0]
    for _ in range(3):
        t = t / x[1]
    return x[0] * x[0] if x[1] == 0 else t


# f, where, its gradient and its Hessian there.
Z2, I2 = np.zeros((2, 2)), np.eye(2)
KINKS: dict[str, tuple[Callable[[Any], Any], list[float], Any, Any]] = {
    "abs": (lambda x: np.sum(np.abs(x)), [0.0, 0.0], [0, 0], Z2),
    "maximum": (lambda x: np.maximum(x[0], x[1]), [0.5, 0.5], [0.5, 0.5], Z2),
    "minimum": (lambda x: np.minimum(x[0], x[1]) ** 2, [0.5, 0.5], [0.5, 0.5], 2 * np.full((2, 2), 0.25)),
    "max": (lambda x: np.max(x), [0.5, 0.5], [0.5, 0.5], Z2),
    "min": (lambda x: min(x[0], x[1]), [0.5, 0.5], [0.5, 0.5], Z2),
    "clip": (lambda x: np.sum(np.clip(x, 0.0, 1.0) ** 2), [0.0, 1.0], [0, 2], 2 * I2),
    "norm": (lambda x: np.linalg.norm(x), [0.0, 0.0], [0, 0], Z2),
    "hypot": (lambda x: np.hypot(x[0], x[1]), [0.0, 0.0], [0, 0], Z2),
    "arctan2": (lambda x: np.arctan2(x[0], x[1]), [0.0, 0.0], [0, 0], Z2),
    "sinc": (lambda x: np.sum(np.sinc(x)), [0.0, 0.0], [0, 0], -(np.pi**2) / 3 * I2),
    "square": (lambda x: np.sum(x**2), [0.0, 0.0], [0, 0], 2 * I2),
    "cube": (lambda x: np.sum(x**3.0), [0.0, 0.0], [0, 0], Z2),
    "first power": (lambda x: np.sum(x**1), [0.0, 0.0], [1, 1], Z2),
    "power of 0": (lambda x: np.sum(x**0), [0.0, 0.0], [0, 0], Z2),
    "where and log": (lambda x: np.sum(np.where(x > 0, np.log(x), 0.0)), [0.0, 1.0], [0, 1], np.diag([0.0, -1])),
    "where and sqrt": (lambda x: np.sum(np.where(x > 0, np.sqrt(x), x)), [0.0, 1.0], [1, 0.5], np.diag([0, -0.25])),
    "where and division": (lambda x: np.sum(np.where(x != 0, np.sin(x) / x, 1.0)), [0.0, 1.0], None, None),
    "where and power": (lambda x: np.sum(np.where(x > 0, x**0.5, 0.0)), [0.0, 1.0], [0, 0.5], np.diag([0, -0.25])),
    "mask": (lambda x: np.sum(np.log(x)[x > 0]), [0.0, 1.0], [0, 1], np.diag([0.0, -1])),
    "normalised": (normalised, [0.0, 0.0], [2, 0], Z2),
    "unused logarithm": (unused_logarithm, [0.0, 0.0], [0, 3], np.diag([2.0, 0])),
    "unused in a try": (unused_in_a_try, [1.5, 0.0], [6, 0], np.diag([4.0, 0])),
    "unused behind a loop": (unused_behind_a_loop, [1.5, 0.0], [3, 0], np.diag([2.0, 0])),
    "used in two branches": (used_in_two_branches, [1.0, 0.5], [0, 1], np.diag([0.0, 2])),
}


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value", "ignore:the output of")
@pytest.mark.parametrize("name", KINKS)
def test_kink(name: str) -> None:
    f, at, gradient, hessian = KINKS[name]
    x = np.array(at)
    if gradient is None:  # sin(x) / x at 0, where the branch that is taken is a constant
        s, c = np.sin(1.0), np.cos(1.0)
        gradient, hessian = [0, c - s], np.diag([0, s - 2 * c])
    found = ad.grad(f)(x)
    np.testing.assert_allclose(found, gradient, rtol=1e-14, atol=1e-15)
    direction = np.array([0.3, -1.7])
    if name not in ("normalised", "unused logarithm", "used in two branches"):
        np.testing.assert_allclose(ad.jvp(f, (x,), (direction,))[1], np.asarray(gradient) @ direction, rtol=1e-14, atol=1e-15)
    for second in (ad.hessian(f)(x), ad.jacobian(ad.grad(f))(x)):
        np.testing.assert_allclose(second, hessian, rtol=1e-13, atol=1e-14)
