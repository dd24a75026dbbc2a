"""What other source transformers get silently wrong: each case in both modes and at second order, against differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adtransform as ad


def overwritten_after_read(x: Any) -> Any:
    y = x.copy()
    a = y[0] * y[1]
    y[0] = np.sin(y[2])
    return a * y[0]


def repeated_index(x: Any) -> Any:
    return np.sum(x[np.array([0, 0, 2, 0])] ** 2)


def repeated_index_added(x: Any) -> Any:
    y = np.zeros(3)
    np.add.at(y, np.array([0, 1, 0, 2]), x)
    return np.sum(y**3)


def mask_write(x: Any) -> Any:
    y = x * 2.0
    y[y > 1.0] = x[0] * x[1]
    return np.sum(y * y)


def view_write(x: Any) -> Any:
    y = x * 1.0
    row = y[1:3]
    row *= x[0]
    return np.sum(y**2)


def alias(x: Any) -> Any:
    y = np.sin(x)
    z = y
    z *= 2.0
    return np.sum(y * z)


def out_argument(x: Any) -> Any:
    y = np.empty(4)
    np.multiply(x, x, out=y)
    np.sin(y, out=y)
    return np.sum(y)


def stack_of_pairs(x: Any) -> Any:
    """A list of tuples that grows: numbers with a depth, and tuples in tuples."""
    todo = [((x[0], x[1]), 0)]
    total = 0.0
    while todo:
        (a, b), depth = todo.pop()
        total += a * np.sin(b)
        if depth < 2:
            todo.append(((a * x[2], b + a), depth + 1))
            todo.append(((np.cos(b), a * a), depth + 1))
    return total


def points_in_tuples(x: Any) -> Any:
    points = []
    for v in x:
        points.append((np.array([v, v * v]), v, "name"))
    total = np.sum(np.array([p[1] for p in points]) ** 2)
    for i in range(len(points)):
        for j in range(i):
            total += np.sum((points[i][0] - points[j][0]) ** 2) * points[j][1]
    return total


def scale(a: Any, k: Any) -> None:
    a *= k


def mutating_callee(x: Any) -> Any:
    y = x * 1.0
    scale(y, x[3])
    return np.sum(y)


def broadcast_divide(x: Any) -> Any:
    return np.sum(x / x[:2, None] + x[1] / x)


def broadcast_power(x: Any) -> Any:
    return np.sum(x ** x[:2, None] + x[1] ** x)


def inside_with(x: Any) -> Any:
    with np.errstate(all="ignore"):
        y = x * x
        z = np.exp(y)
    return np.sum(z)


def passed_twice(x: Any) -> Any:
    def mix(a: Any, b: Any) -> Any:
        a[0] = b[1] * 3.0
        return a * b

    y = x * 1.0
    return np.sum(mix(y, y))


def swapped(x: Any) -> Any:
    y = x * x
    y[0], y[3] = y[3], y[0]
    for i in range(3):
        y[i + 1] += y[i] * np.cos(y[i + 1])
    return y[3]


def grown_list(x: Any) -> Any:
    seen = []
    y = x * 1.0
    while len(seen) < 3:
        y = y * np.cos(y)
        seen.append(np.sum(y))
        if seen[-1] > 50.0:
            break
    return seen[0] * seen[-1]


CASES = [
    overwritten_after_read,
    repeated_index,
    repeated_index_added,
    mask_write,
    view_write,
    alias,
    out_argument,
    mutating_callee,
    broadcast_divide,
    broadcast_power,
    inside_with,
    passed_twice,
    swapped,
    grown_list,
    stack_of_pairs,
    points_in_tuples,
]


def slopes(f: Callable[[Any], Any], x: Any, h: float) -> Any:
    """Differences along each element, of fourth order."""
    columns = []
    for i in range(x.size):
        e = np.zeros_like(x)
        e[i] = h
        columns.append((8 * (f(x + e) - f(x - e)) - (f(x + 2 * e) - f(x - 2 * e))) / (12 * h))
    return np.array(columns)


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_right_in_every_mode(f: Callable[[Any], Any]) -> None:
    x = np.array([0.7, 1.3, 0.4, 0.9])
    before = x.copy()
    value, gradient = ad.value_and_grad(f)(x)
    assert value == f(x.copy())
    expected = slopes(f, x, 1e-3)
    np.testing.assert_allclose(gradient, expected, rtol=1e-8, atol=1e-9)
    p = np.array([0.3, -1.0, 0.5, 2.0])
    _, tangent = ad.jvp(f, (x,), (p,))
    np.testing.assert_allclose(tangent, gradient @ p, rtol=1e-12)
    _, pull = ad.vjp(f, x)
    np.testing.assert_array_equal(pull(1.0), pull(1.0))
    np.testing.assert_allclose(pull(1.0), gradient, rtol=1e-14)
    hessian = ad.hessian(f)(x)
    np.testing.assert_allclose(hessian, slopes(ad.grad(f), x, 1e-3), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(ad.jacobian(ad.grad(f))(x), hessian, rtol=1e-9, atol=1e-11)
    np.testing.assert_array_equal(x, before)


def touch(v: Any) -> Any:
    v[0] = v[0] * 1.5
    return v[1]


def test_a_saved_test_outlives_the_loop_it_guards() -> None:
    """The outcome of the outer `and` is needed again by the backward sweep, after a loop with an `and` of its own."""

    def f(x: Any, a: Any) -> Any:
        y = x * a
        if y[0] >= 1.0 and a < 0.3:
            y = y * 2.0
        else:
            k = 0
            while k < 4 and touch(y) < 1.5:
                if a > 0.7:
                    break
                k += 1
        return np.sum(y * x)

    for a in (0.2, 0.5, 0.9):
        for x in (np.array([0.5, 0.6, 0.7]), np.array([9.0, 3.3, 0.7])):
            _, (dx, da) = ad.value_and_grad(f, wrt=(0, 1))(x, a)
            np.testing.assert_allclose(dx, slopes(lambda z, a=a: f(z, a), x, 1e-3), rtol=1e-9)
            _, pull = ad.vjp(f, x, a)
            for share, again in zip(pull(1.0), (dx, da), strict=True):
                np.testing.assert_allclose(share, again, rtol=1e-13)


def test_a_return_that_leaves_an_array_unbound() -> None:
    """The early return leaves `x` of the next trip unbound: its zero adjoint must not take its shape from there."""

    def f(x: Any, a: Any) -> Any:
        for _ in range(3):
            x = x + x * a
            if a > 0.7:
                return a * a
            x = np.stack([x[1], x[0] * a, x[::-1][0], x[1]])
        return np.tanh(x.mean())

    x = np.array([0.5, 0.6, 0.7, 0.8])
    for a in (0.3, 0.9):
        for _, (dx, da) in (ad.value_and_grad(f, wrt=(0, 1))(x, a), (None, ad.vjp(f, x, a)[1](1.0))):
            np.testing.assert_allclose(dx, slopes(lambda z, a=a: f(z, a), x, 1e-3), rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(da, slopes(lambda z: f(x, z[0]), np.array([a]), 1e-3)[0], rtol=1e-9)


def items_of_two_kinds(x: Any) -> Any:
    out: list[Any] = []
    for i in range(len(x)):
        if i % 2:
            out.append((x[i],))
        else:
            out.append((x[i], 2.0 * x[i]))
    return sum(p[0] for p in out)


def test_items_of_two_kinds_are_refused() -> None:
    """No derivative is known of what is taken out of such a list: it must not be a silent zero."""
    with pytest.raises(ad.DifferentiationError, match="a list whose items differ in kind"):
        ad.grad(items_of_two_kinds)(np.array([0.5, 1.5, 2.5]))


C = np.array([1 + 2j, 0.3 - 1j, -0.5 + 0.1j, 0.2j])


def modulus(x: Any) -> Any:
    """The sign of a complex number turns with it."""
    return np.sum(np.abs(x * C + x[0]) ** 3)


def modulus_of_a_number(x: Any) -> Any:
    s = 0.0
    for v in x:
        s += abs(v * (1 + 2j) + x[0] * 1j)
    return s


def direction(x: Any) -> Any:
    return np.sum(np.sign(x * C + x[0]).imag * x)


def complex_slogdet(x: Any) -> Any:
    z = x * C + x[0]
    sign, log = np.linalg.slogdet(np.array([[z[0], z[1]], [1j * z[2], z[0] + 2 * z[3]]]))
    return sign.imag * 2 + log + sign.real**2


def complex_parts(x: Any) -> Any:
    z = x * C + x[0]
    return np.sum(C.real * np.imag(C * z.imag * z) + np.real(C * z.real * z) * z.imag)


@pytest.mark.parametrize("f", [modulus, modulus_of_a_number, direction, complex_slogdet, complex_parts])
def test_real_functions_of_complex_numbers(f: Callable[[Any], Any]) -> None:
    test_right_in_every_mode(f)


def sum_of_numbers(x: float, y: float) -> Any:
    return sum([x, 1e16, y, -1e16]) + sum((x, 0.1, 0.2, y), 0.3)


def sum_of_a_list(l: list[float], a: float) -> Any:
    return sum(l) + sum(l, a)


def sum_over_a_list(l: list[float], a: float) -> Any:
    return sum(v * a for v in l) + sum(sum(w * v for w in l) for v in l) * a


CANCELLING = [1e16, 1.0, -1e16, 0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    ("f", "args"), [(sum_of_numbers, (0.3, 0.7)), (sum_of_a_list, (CANCELLING, 0.1)), (sum_over_a_list, (CANCELLING, 0.1))]
)
def test_sums_of_python_floats_lose_what_python_loses(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    # From 3.12 on `sum` keeps what `+` rounds away.
    assert ad.value_and_grad(f)(*args)[0] == f(*args)
    assert ad.jvp(f, args, args)[0] == f(*args)
