"""Derivatives taken inside of what is differentiated, in both modes and at second order, against differences."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adtransform as ad
from adtransform import grad, pipeline
from adtransform.emit import load
from adtransform.live import from_function
from adtransform.source import from_text

V = np.array([0.3, -0.8, 1.1])
M = np.array([[1.2, 0.3, -0.1], [0.3, 0.9, 0.2], [-0.1, 0.2, 1.5]])


def energy(q: Any, k: Any) -> Any:
    return 0.5 * k * np.sum(q**2) + np.sum(np.sin(q) * k)


force = grad(energy)
both = ad.value_and_grad(energy, wrt=(0, 1))
curvature = ad.hessian(energy)


def called_here(q: Any, k: Any) -> Any:
    return np.sum(grad(energy)(q, k) ** 2)


def made_outside(q: Any, k: Any) -> Any:
    return np.sum(force(q, k) ** 3)


def value_too(q: Any, k: Any) -> Any:
    e, (dq, dk) = both(q, k)
    return e * dk + np.sum(dq * q)


def by_name(q: Any, k: Any) -> Any:
    return grad(energy, wrt="k")(q, k) * np.sum(q)


def leapfrog(q: Any, p: Any, k: Any) -> Any:
    dt = 0.1
    for _ in range(4):
        p = p - 0.5 * dt * force(q, k)
        q = q + dt * p
        p = p - 0.5 * dt * force(q, k)
    return np.sum(q * p)


def closed_over(p: Any, x: Any) -> Any:
    """What the inner function closes over is active too."""

    def inner(z: Any) -> Any:
        return np.sum(np.exp(z * p)) * p

    return np.sum(grad(inner)(x) ** 2)


def not_confused(x: Any) -> Any:
    """The inner derivative is with respect to `z` alone, though `z` is `x`."""
    return np.sum(grad(lambda z: np.sum(z * z * x))(x) * x)


def confusing_scalars(x: Any) -> Any:
    return x * grad(lambda y: x + y)(x) + grad(lambda y: x * y * y)(x)


def same_twice(x: Any) -> Any:
    return grad(lambda a, b: a * a * b)(x, x)


def twice(x: Any) -> Any:
    return grad(grad(lambda t: np.sin(t) * t**3))(x)


def newton(x: Any, a: Any) -> Any:
    def f(t: Any) -> Any:
        return t**3 - a * t - 1.0

    for _ in range(5):
        x = x - f(x) / grad(f)(x)
    return x


def steepest(x: Any, m: Any) -> Any:
    """What is found by descending depends on the step and on the matrix."""

    def loss(y: Any) -> Any:
        return 0.5 * y @ m @ y + np.sum(np.cos(y))

    for _ in range(6):
        g = grad(loss)(x)
        if np.sum(g * g) < 1e-12:
            break
        x = x - 0.1 * g
    return np.sum(x)


def tangent(q: Any, v: Any) -> Any:
    y, dy = ad.jvp(lambda z: np.sin(z) * z[0], (q,), (v,))
    return np.sum(y * dy)


def tangent_of_two(q: Any, k: Any) -> Any:
    y, dy = ad.jvp(energy, (q, k), (q * 2.0, 1.0))
    return y * dy


def adjoint(q: Any, w: Any) -> Any:
    y, pull = ad.vjp(lambda z: np.sin(z) * z[0], q)
    return np.sum(pull(w) * y) + np.sum(pull(y))


def adjoint_of_a_pair(q: Any, k: Any) -> Any:
    (a, b), pull = ad.vjp(lambda z, c: (np.sin(z) * c, c * c), q, k)
    dz, dc = pull((a * 2.0, b))
    return np.sum(dz) * dc


def curved(q: Any, k: Any) -> Any:
    return np.sum(ad.hvp(energy)(q, q * k, k) ** 2)


def whole_hessian(q: Any, k: Any) -> Any:
    return np.sum(curvature(q, k) @ q) + ad.hessian(lambda c: c**3 * k)(k)


def jacobians(q: Any) -> Any:
    def f(z: Any) -> Any:
        return np.array([z[0] * z[1], np.sin(z[2])]) * z[1]

    return np.sum(ad.jacobian(f)(q) @ q) + np.sum(ad.jacfwd(f)(q) ** 2) + np.sum(ad.jacobian(lambda z: np.sum(z**3))(q))


def of_numpy(x: Any) -> Any:
    return grad(np.tanh)(x) * ad.value_and_grad(np.exp)(x * x)[1]


def of_partial(x: Any, y: Any) -> Any:
    return grad(functools.partial(lambda a, b, c: a * b**2 * c, x, c=y))(y)


class Spring:
    def __init__(self, k: Any) -> None:
        self.k = k

    def energy(self, q: Any) -> Any:
        return 0.5 * self.k * np.sum(q**2) + np.sum(q) ** 3

    def force(self, q: Any) -> Any:
        return -grad(self.energy)(q)


def of_method(q: Any, k: Any) -> Any:
    return np.sum(Spring(k).force(q) ** 2)


def nested(q: Any, k: Any) -> Any:
    def loss(p: Any) -> Any:
        return np.sum(np.tanh(p["w"] * q) * p["b"][0]) + p["b"][1] ** 2

    g = grad(loss)({"w": q * k, "b": [k, k * 2]})
    return np.sum(g["w"]) * g["b"][0] + g["b"][1]


def in_place(q: Any, k: Any) -> Any:
    def inner(z: Any) -> Any:
        z[0] *= z[1]
        for i in range(1, len(z)):
            z[i] += z[i - 1] * k
        return z[-1] ** 2

    g = grad(inner)(q)
    g[0] = 2.0 * g[0]
    return np.sum(g * q)


def power(x: Any, n: Any) -> Any:
    return x if n == 0 else x * np.sin(power(x, n - 1))


def of_recursion(x: Any, n: Any) -> Any:
    return grad(power)(x, n) * power(x, n) + grad(lambda t: power(t * x, n))(x)


def in_branches(x: Any, k: Any) -> Any:
    g = grad(energy) if k > 0 else grad(energy, 0)
    if k > 1.0:
        return np.sum(g(x, k))
    return g(x, 2.0)[0]


def passed_on(q: Any, k: Any) -> Any:
    def apply(f: Any, x: Any) -> Any:
        return f(x, k)

    return np.sum(apply(grad(energy), q) * apply(force, q))


def whole_numbers(x: Any) -> Any:
    return grad(lambda t, u: t**2 * u)(3, x) * x


@ad.differentiate
def decorated(x: Any) -> Any:
    return np.sum(np.sin(x) * x)


def of_decorated(x: Any) -> Any:
    return np.sum(decorated.grad(x) ** 2) + decorated.value_and_grad(x)[0]


def under_a_decorator(x: Any) -> Any:
    @grad
    def slope(t: Any) -> Any:
        return np.sum(np.cos(t) * x)

    return np.sum(slope(x))


def an_argument_itself(x: Any) -> Any:
    return grad(lambda t: t)(x) * x + ad.jvp(lambda t: (t, t * x), (x,), (x * 2,))[1][1]


def buffers(q: Any, k: Any) -> Any:
    """What two loops exchange, kept for the second sweep of a function of its own."""
    u = q.copy()
    v = np.zeros_like(q)
    for _ in range(3):
        for _ in range(3):
            v[1:-1] = u[1:-1] + k * u[:-2] * u[2:]
            u, v = v, u
        v[2] += u[1] * k
    return np.sum(u**2) + np.sum(u * v)


def of_buffers(q: Any, k: Any) -> Any:
    return ad.jvp(buffers, (q, k), (q * 2, 0.7))[1]


CASES: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    *((f, (V, 1.7)) for f in (called_here, made_outside, value_too, by_name, tangent_of_two, adjoint_of_a_pair, curved)),
    *((f, (V, 1.7)) for f in (whole_hessian, of_method, nested, in_place, of_buffers, in_branches, passed_on)),
    (in_branches, (V, -0.4)),
    (leapfrog, (V, V[::-1].copy(), 1.3)),
    (closed_over, (0.7, V)),
    *((f, (V,)) for f in (not_confused, jacobians, of_decorated, under_a_decorator)),
    *((f, (0.7,)) for f in (confusing_scalars, same_twice, twice, of_numpy, whole_numbers, an_argument_itself)),
    (newton, (1.4, 0.6)),
    (steepest, (V, M)),
    (tangent, (V, V**2)),
    (adjoint, (V, V**2)),
    (of_partial, (0.7, 1.2)),
    (of_recursion, (0.7, 3)),
]


@pytest.mark.parametrize(("f", "args"), CASES, ids=lambda v: v.__name__ if callable(v) else "")
def test_derivatives(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    before = [np.copy(a) for a in args]
    assert f(*args) == pytest.approx(pipeline_value(f, args), rel=1e-12)
    ad.check_grads(f, args, order=2)
    for a, b in zip(args, before, strict=True):
        np.testing.assert_array_equal(a, b)


def pipeline_value(f: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    return ad.value_and_grad(f)(*args)[0]


@pytest.mark.parametrize(("f", "args"), CASES, ids=lambda v: v.__name__ if callable(v) else "")
def test_emitted_alone(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """From the text alone, nothing known of the arguments: what is emitted needs NumPy and gives the same."""
    target = from_function(f)
    function = pipeline.load_function(target.source, f.__name__, {})
    wrt = [p.name for p in function.params if p.name != "n"]
    emitted = pipeline.text(function, "reverse", wrt)
    assert "adtransform" not in emitted
    value, shares = load(emitted)[f"{f.__name__}_reverse"](*args)
    places = tuple(i for i, p in enumerate(function.params) if p.name != "n")
    expected, gradients = ad.value_and_grad(f, places)(*args)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    for a, b in zip(shares, gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-14)


def printing(x: Any) -> Any:
    def inner(t: Any) -> Any:
        print("once", end=";")
        return t**3

    return grad(inner)(x) * x


def test_effects_are_performed_once(capsys: pytest.CaptureFixture[str]) -> None:
    ad.grad(printing)(2.0)
    assert capsys.readouterr().out == "once;"


def test_functions_of_libraries() -> None:
    assert ad.grad(np.tanh)(0.3) == pytest.approx(1 - np.tanh(0.3) ** 2, rel=1e-14)
    assert ad.grad(np.power, (0, 1))(2.0, 3.0) == pytest.approx((12.0, 8 * np.log(2.0)), rel=1e-14)
    np.testing.assert_allclose(ad.grad(np.linalg.norm)(np.array([3.0, 4.0])), [0.6, 0.8])
    with pytest.raises(TypeError, match="`frexp` returns 2 values"):
        ad.grad(np.frexp)(2.0)


REFUSED = {
    "`grad` of `f`, which does not return one number": "def f(x):\n  return x, x\ndef g(x):\n  return grad(f)(x)",
    "`grad` with `has_aux`": "def f(x):\n  return x, x\ndef g(x):\n  return grad(f, has_aux=True)(x)[0]",
    "a derivative with respect to 'b'": "def f(x):\n  return x\ndef g(x):\n  return grad(f, 'b')(x)",
    "a derivative with respect to 3": "def f(x):\n  return x\ndef g(x):\n  return grad(f, 3)(x)",
    "a derivative with respect to `x`": "def f(x, y):\n  return y\ndef g(x):\n  return grad(f)('a', x)",
    "this `grad`": "def f(x):\n  return x\ndef g(x):\n  return grad(f, wrt=int(x))(x)",
    "`f`, which differentiates itself": "def f(x):\n  return x if x < 1 else grad(f)(x - 1)\ndef g(x):\n  return f(x)",
    "which changes a list, dict or object": "def g(x):\n  a = []\n  def f(t):\n    a.append(t); return t\n  return grad(f)(x)",
    "which writes an array around it": "def g(x):\n  b = np.zeros(2)\n  def f(t):\n    b[0] = t; return t\n  return grad(f)(x)",
    "which may share memory": "def f(x, y):\n  x[0] = 1.0\n  return x @ y\ndef g(x: np.ndarray):\n  return grad(f)(x, x)[0]",
    "this `jvp` with 1 tangents": "def f(x, y):\n  return x * y\ndef g(x):\n  return jvp(f, (x, x), (x,))[1]",
    "of another shape than its value": "def f(x):\n  return x * 2\ndef g(x: float):\n  return jvp(f, (x,), (np.ones(3),))[1]",
    "that is not nested like its value": "def f(x):\n  return x[0] * x[1]\ndef g(x):\n  return jvp(f, ((x, x),), (x,))[1]",
    "a Jacobian of a list, tuple or dict": "def f(x):\n  return x, x\ndef g(x):\n  return jacobian(f)(x)",
    "a function used as a value": "def f(x):\n  return x * x\ndef g(x):\n  return grad(f) + x",
}


@pytest.mark.parametrize("said", REFUSED)
def test_refused(said: str) -> None:
    text = f"import numpy as np\nfrom adtransform import grad, jacobian, jvp\n{REFUSED[said]}\n"
    with pytest.raises(ad.DifferentiationError, match=said) as error:
        pipeline.load_function(from_text(text, "refused.py"), "g", {})
    assert error.value.messages[0].line > 2


def test_a_tangent_of_another_shape_is_noticed() -> None:
    def f(x: Any, v: Any) -> Any:
        return np.sum(ad.jvp(lambda z: z * z, (x,), (v,))[1])

    with pytest.raises(ValueError, match="of another shape than its value"):
        ad.grad(f)(V, np.ones(2))
