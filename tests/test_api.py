"""The Python interface: arguments, kinds, structure, composition, refusals."""

from __future__ import annotations

import contextlib
import functools
import inspect
import math
import pickle
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from conftest import load_module

import adtransform
from adtransform import (
    DifferentiationError,
    check_grads,
    differentiate,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    rule,
    support,
    value_and_grad,
    vjp,
)
from adtransform.rules.table import RULES


def product(x, a, b):
    y = (x + a) * (x + b)
    return y


def square_sum(x):
    return np.sum(x * x)


def powers(x, k):
    return np.stack([x[0] ** 2 * k, x[1] * x[0], np.sin(x[1])])


def with_options(x, *, scale=2.0, shift=0.0):
    return np.sum(scale * x + shift)


# --- choosing the arguments


def test_wrt_forms() -> None:
    assert grad(product)(2.0, 3.0, 5.0) == 12.0
    assert grad(product, 1)(2.0, 3.0, 5.0) == 7.0
    assert grad(product, -1)(2.0, 3.0, 5.0) == 5.0
    assert grad(product, "a")(2.0, 3.0, 5.0) == 7.0
    assert grad(product, ("b", 0))(2.0, 3.0, 5.0) == (5.0, 12.0)
    assert grad(product, (2,))(2.0, 3.0, 5.0) == (5.0,)


@pytest.mark.parametrize(
    ("wrt", "error", "said"),
    [
        (3, ValueError, "no parameter 3"),
        (-4, ValueError, "no parameter -4"),
        ("q", ValueError, "no parameter 'q'; it has 0: x"),
        ((), ValueError, "empty"),
        ((0, "x"), ValueError, "twice"),
        (1.0, TypeError, "index, a name"),
        (None, TypeError, "index, a name"),
        (True, TypeError, "index, a name"),
    ],
)
def test_wrong_wrt(wrt: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        grad(product, wrt)


def test_keyword_arguments() -> None:
    assert grad(product, "a")(2.0, b=5.0, a=3.0) == 7.0
    assert grad(product)(x=2.0, b=5.0, a=3.0) == 12.0
    np.testing.assert_array_equal(grad(with_options)(np.ones(2), scale=3.0), [3.0, 3.0])
    np.testing.assert_array_equal(grad(with_options)(np.ones(2)), [2.0, 2.0])
    assert grad(with_options, "scale")(np.ones(2), scale=3.0) == 2.0
    assert grad(with_options, "shift")(np.ones(2)) == 2.0


def test_variadic_functions() -> None:
    def f(*args):
        return args[0] * args[1]

    def g(x, **options):
        return x * options["scale"]

    assert grad(f, "args")(2.0, 3.0) == (3.0, 2.0)
    assert vjp(f, 2.0, 3.0)[1](1.0) == (3.0, 2.0)
    assert grad(g)(2.0, scale=3.0) == 3.0
    assert grad(g, "options")(2.0, scale=3.0) == {"scale": 2.0}
    with pytest.raises(ValueError, match="'args'"):
        grad(f, 1)
    assert grad(Doubler().run)(1.0) == 2.0


class Doubler:
    def run(self, x):
        return 2.0 * x


def test_names_of_the_users() -> None:
    """Names that the tool uses itself change nothing."""

    def f(dx, t0, dt2, np, load, out, fit):
        t1 = dx * t0
        dy = t1 + dt2
        y = dy * load
        saved = y + out
        cast = saved * fit
        for trips in range(2):
            cast = cast + dx * trips
        math = cast * np
        zeros = [math, t1]
        return zeros[0] * zeros[1]

    def plain(a, b, c, d, e, g, h):
        return (((a * b + c) * e + g) * h + a) * d * (a * b)

    point = (1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7)
    every = tuple(range(7))
    np.testing.assert_allclose(grad(f, every)(*point), grad(plain, every)(*point), rtol=1e-14)
    np.testing.assert_allclose(hessian(f, every)(*point), hessian(plain, every)(*point), rtol=1e-12)
    check_grads(f, point, order=2)


def test_wrong_calls() -> None:
    with pytest.raises(TypeError, match="product"):
        grad(product)(1.0)
    with pytest.raises(TypeError, match="function"):
        grad(3)  # type: ignore[arg-type]


def test_signature_is_the_functions() -> None:
    assert inspect.signature(grad(product)) == inspect.signature(product)
    assert grad(product).__name__ == "product"


# --- kinds of arguments and results


def test_scalars() -> None:
    for made in (2.0, 2, True):
        result = grad(product)(made, 3.0, 5.0)
        assert type(result) is float
    assert type(grad(product)(np.float64(2.0), 3.0, 5.0)) is np.float64
    assert type(grad(product)(np.float32(2.0), 3.0, 5.0)) is np.float32
    assert type(grad(product, "a")(np.float32(2.0), 3.0, 5.0)) is float
    zero_d = grad(product)(np.array(2.0), 3.0, 5.0)
    assert isinstance(zero_d, np.ndarray) and zero_d.shape == ()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_arrays_keep_dtype_and_shape(dtype: type) -> None:
    for shape in ((3,), (2, 3), (1,), (1, 3), (0,), ()):
        x = np.ones(shape, dtype)
        result = grad(square_sum)(x)
        assert result.dtype == dtype and result.shape == shape
        np.testing.assert_array_equal(result, 2 * x)


def test_no_derivative_by_integers() -> None:
    with pytest.raises(TypeError, match=r"x\.astype\(float\)"):
        grad(square_sum)(np.arange(3))
    with pytest.raises(TypeError, match=r"x\.astype\(float\)"):
        grad(square_sum)(np.array([True]))


def test_no_derivative_by_other_things() -> None:
    for bad in ("text", None, 1j, np.ones(2, complex), np.array(["a"]), np.array([None])):
        with pytest.raises(TypeError, match="`x`"):
            grad(square_sum)(bad)
    with pytest.raises(TypeError, match="asarray"):
        grad(square_sum)(np.ma.masked_array([1.0, 2.0], [True, False]))


def test_output_must_be_scalar() -> None:
    with pytest.raises(TypeError, match=r"\(3,\).*jacobian"):
        grad(lambda x: x * 2.0)(np.ones(3))
    with pytest.raises(TypeError, match="jacobian"):
        grad(lambda x: (x, x))(1.0)
    for shape in ((1,), (1, 1)):
        result = grad(lambda x: 3.0 * x)(np.ones(shape))
        assert result.shape == shape and result == 3.0
        second = grad(lambda x: np.sum(grad_like(x)))(np.ones(shape))
        assert second.shape == shape


def grad_like(x):
    return x * x


def test_caller_keeps_its_arrays() -> None:
    def overwrite(x):
        x *= 2.0
        x[0] = 0.0
        return np.sum(x * x)

    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(grad(overwrite)(x), [0.0, 16.0, 24.0])
    np.testing.assert_array_equal(x, [1.0, 2.0, 3.0])
    _, back = vjp(overwrite, x)
    for _ in range(2):
        np.testing.assert_array_equal(back(1.0), [0.0, 16.0, 24.0])
    np.testing.assert_array_equal(x, [1.0, 2.0, 3.0])


def test_results_share_no_memory() -> None:
    x, y = np.ones(3), np.ones(3)
    _, back = vjp(lambda x, y: x + y, x, y)
    bar = np.ones(3)
    dx, dy = back(bar)
    dx += 1.0
    np.testing.assert_array_equal(dy, np.ones(3))
    np.testing.assert_array_equal(bar, np.ones(3))
    np.testing.assert_array_equal(back(bar)[0], np.ones(3))


# --- structure


class Pair(NamedTuple):
    w: Any
    b: Any


@dataclass
class Model:
    w: Any
    b: Any


def linear(p, x):
    return np.sum(x @ p["w"] + p["b"])


def linear_sequence(p, x):
    w, b = p
    return np.sum(x @ w + b)


def linear_attributes(p, x):
    return np.sum(x @ p.w + p.b)


W, B, X = np.ones((2, 3)), np.ones(3), np.arange(8.0).reshape(4, 2)
DW, DB = X.sum(axis=0)[:, None] * np.ones((2, 3)), 4.0 * np.ones(3)


@pytest.mark.parametrize(
    ("fun", "p"),
    [
        (linear, {"w": W, "b": B}),
        (linear_sequence, (W, B)),
        (linear_sequence, [W, B]),
        (linear_sequence, Pair(W, B)),
        (linear_attributes, Pair(W, B)),
        (linear_attributes, Model(W, B)),
    ],
    ids=["dict", "tuple", "list", "named tuple", "named tuple by name", "dataclass"],
)
def test_structures(fun: Any, p: Any) -> None:
    result = grad(fun)(p, X)
    assert type(result) is type(p)
    w, b = result.values() if isinstance(p, dict) else (result.w, result.b) if hasattr(p, "w") else result
    np.testing.assert_array_equal(w, DW)
    np.testing.assert_array_equal(b, DB)
    check_grads(fun, (p, X), order=2)


def test_nested_structure_with_scalars() -> None:
    def f(p):
        return p["a"] * p["more"][0] + np.sum(p["more"][1]) ** 2

    result = grad(f)({"a": 2, "more": (3.0, np.ones(2, np.float32))})
    assert result["a"] == 3.0 and type(result["a"]) is float
    assert result["more"][0] == 2.0
    assert result["more"][1].dtype == np.float32
    with pytest.raises(TypeError, match="astype"):
        grad(f)({"a": 2.0, "more": (3.0, np.arange(2))})


def test_structured_outputs() -> None:
    def f(x):
        return {"double": 2.0 * x, "parts": (x[0] * x[1], np.sum(x))}

    x = np.array([3.0, 4.0])
    out, back = vjp(f, x)
    assert set(out) == {"double", "parts"}
    np.testing.assert_array_equal(back({"double": np.ones(2), "parts": (1.0, 10.0)}), [16.0, 15.0])
    with pytest.raises(TypeError, match="nested like"):
        back((1.0, 2.0))
    for mode in (jacrev, jacfwd):
        found = mode(f)(x)
        np.testing.assert_array_equal(found["double"], 2.0 * np.eye(2))
        np.testing.assert_array_equal(found["parts"][0], [4.0, 3.0])
        np.testing.assert_array_equal(found["parts"][1], [1.0, 1.0])
    _, tangent = jvp(f, (x,), (np.array([1.0, 0.0]),))
    assert tangent["parts"] == (4.0, 1.0)


# --- the transformations


def test_value_and_grad() -> None:
    assert value_and_grad(product)(2.0, 3.0, 5.0) == (35.0, 12.0)
    assert value_and_grad(product, ("a", "b"))(2.0, 3.0, 5.0) == (35.0, (7.0, 5.0))


def test_has_aux() -> None:
    def f(x):
        y = x * x
        return np.sum(y), {"squares": y, "name": "f"}

    x = np.array([1.0, 2.0])
    gradient, aux = grad(f, has_aux=True)(x)
    np.testing.assert_array_equal(gradient, 2 * x)
    np.testing.assert_array_equal(aux["squares"], x * x)
    (value, aux), gradient = value_and_grad(f, has_aux=True)(x)
    assert value == 5.0
    np.testing.assert_array_equal(gradient, 2 * x)
    out, back, aux = vjp(f, x, has_aux=True)
    assert out == 5.0
    np.testing.assert_array_equal(back(2.0), 4 * x)
    with pytest.raises(TypeError, match="has_aux"):
        grad(square_sum, has_aux=True)(x)


def test_vjp() -> None:
    x = np.array([1.0, 2.0])
    out, back = vjp(powers, x, 3.0)
    assert out.shape == (3,)
    bar = np.array([1.0, -1.0, 0.5])
    first = back(bar)
    np.testing.assert_allclose(first[0], [6.0 - 2.0, -1.0 + 0.5 * np.cos(2.0)])
    assert first[1] == 1.0
    again = back(bar)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(back(2 * bar)[0], 2 * first[0])
    with pytest.raises(ValueError, match=r"\(2,\), expected \(3,\)"):
        back(np.ones(2))
    _, bare = vjp(powers, x, 3.0, wrt=1)
    assert bare(bar) == 1.0
    _, alone = vjp(powers, x, 3)
    np.testing.assert_array_equal(alone(bar), first[0])


def scale(x, a):
    x *= a
    x[0] += x[1]


def relax(x, b):
    for i in range(1, len(x)):
        x[i] += x[i - 1] * b[i]
    b[:] = x * 2.0


def test_what_a_function_leaves_in_its_parameters_is_its_output() -> None:
    x, b, bar = np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.6, 0.7]), np.array([1.0, -1.0, 0.5])
    out, back = vjp(scale, x, 2.0)
    np.testing.assert_array_equal(out, [6.0, 4.0, 6.0])
    np.testing.assert_array_equal(x, [1.0, 2.0, 3.0])
    dx, da = back(bar)
    np.testing.assert_array_equal(dx, [2.0, 0.0, 1.0])
    assert da == bar @ [3.0, 2.0, 3.0]
    out, tangent = jvp(scale, (x, 2.0), (np.ones(3), 1.0))
    np.testing.assert_array_equal(tangent, [7.0, 4.0, 5.0])
    both, back = vjp(relax, x, b)
    _, tangents = jvp(relax, (x, b), (bar, b))
    shares = back((bar, x))
    assert bar @ shares[0] + b @ shares[1] == pytest.approx(bar @ tangents[0] + x @ tangents[1], rel=1e-12)
    np.testing.assert_array_equal(both[1], 2.0 * both[0])
    np.testing.assert_array_equal(jacobian(scale)(x, 2.0), [[2.0, 2.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]])


def twice(x, b):
    rows = [v * b for v in x]
    return rows, (rows, b)


def test_vjp_adds_up_what_a_result_holds_twice() -> None:
    _, pull = vjp(twice, np.array([1.0, 2.0]), 3.0)
    x, b = pull(([1.0, 1.0], ([0.0, 2.0], 5.0)))
    np.testing.assert_allclose(x, [3.0, 9.0])
    assert b == 1.0 + 2.0 * 3.0 + 5.0


def test_jvp() -> None:
    x, v = np.array([1.0, 2.0]), np.array([1.0, 1.0])
    out, tangent = jvp(powers, (x, 3.0), (v, 1.0))
    np.testing.assert_allclose(tangent, [7.0, 3.0, np.cos(2.0)])
    assert out.dtype == tangent.dtype and out.shape == tangent.shape
    out, tangent = jvp(powers, (x, 3.0), (1.0,), wrt=1)
    np.testing.assert_allclose(tangent, [1.0, 0.0, 0.0])
    with pytest.raises(TypeError, match="tuple of 2 tangents"):
        jvp(powers, (x, 3.0), (v,))
    with pytest.raises(ValueError, match="tangent of `x`"):
        jvp(powers, (x, 3.0), (np.ones(3), 1.0))


def test_jacobians() -> None:
    x = np.array([1.0, 2.0])
    wanted = [[6.0, 0.0], [2.0, 1.0], [0.0, np.cos(2.0)]]
    for mode in (jacobian, jacrev, jacfwd):
        np.testing.assert_allclose(mode(powers)(x, 3.0), wanted)
        by_x, by_k = mode(powers, (0, 1))(x, 3.0)
        np.testing.assert_allclose(by_x, wanted)
        np.testing.assert_allclose(by_k, [1.0, 0.0, 0.0])
        assert mode(lambda A: A @ A)(np.eye(2)).shape == (2, 2, 2, 2)
        assert mode(lambda A: A * 1.0)(np.ones((0, 2))).shape == (0, 2, 0, 2)
        assert type(mode(lambda x: x * x)(3.0)) is float
        single = mode(powers)(x.astype(np.float32), 3.0)
        assert single.dtype == np.float32


def quartic(x):
    return np.sum(x**4) + x[0] * x[1]


def test_hessian_and_hvp() -> None:
    x = np.array([1.0, 2.0])
    wanted = np.array([[12.0, 1.0], [1.0, 48.0]])
    for made in (
        hessian(quartic),
        jacfwd(grad(quartic)),
        jacrev(grad(quartic)),
        jacfwd(jacrev(quartic)),
        jacfwd(jacfwd(quartic)),
    ):
        np.testing.assert_allclose(made(x), wanted)
    p = np.array([1.0, -1.0])
    np.testing.assert_allclose(hvp(quartic)(x, p), wanted @ p)

    def scaled(k, x):
        return k * quartic(x)

    np.testing.assert_allclose(hvp(scaled, "x")(2.0, x, p), 2.0 * wanted @ p)
    blocks = hessian(scaled, (0, 1))(2.0, x)
    np.testing.assert_allclose(blocks[0][1], grad(quartic)(x))
    np.testing.assert_allclose(blocks[1][0], grad(quartic)(x))
    np.testing.assert_allclose(blocks[1][1], 2.0 * wanted)
    assert blocks[0][0] == 0.0


def test_third_order() -> None:
    def f(x):
        return x**4

    assert grad(grad(grad(f)))(2.0) == pytest.approx(48.0)
    assert jacfwd(hessian(quartic))(np.array([1.0, 2.0])).shape == (2, 2, 2)
    np.testing.assert_allclose(jacfwd(hessian(quartic))(np.array([1.0, 2.0]))[1, 1, 1], 48.0)
    vector = jacfwd(jacrev(lambda x: x**3))(np.array([1.0, 2.0]))
    assert vector.shape == (2, 2, 2)
    np.testing.assert_allclose(vector[1, 1, 1], 12.0)
    assert grad(grad(f))(3) == pytest.approx(108.0)


# --- specialisation


def test_each_kind_has_its_own_code() -> None:
    f = grad(product, ("x", "a"))
    assert f(2.0, 3.0, 5.0) == (12.0, 7.0)
    x = np.ones((2, 3))
    column = np.ones((2, 1))
    dx, da = grad(lambda x, a: np.sum((x + a) * x), (0, 1))(x, column)
    assert dx.shape == (2, 3) and da.shape == (2, 1)
    g = grad(lambda x, a: np.sum(x * a), 1)
    np.testing.assert_array_equal(g(np.ones(3), np.ones(3)), np.ones(3))
    np.testing.assert_array_equal(g(np.ones(3), np.ones(1)), [3.0])
    assert g(np.ones(3), 1.0) == 3.0


def test_specialised_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    original = adtransform.pipeline.compile
    monkeypatch.setattr(adtransform.pipeline, "compile", lambda *a: calls.append(a) or original(*a))

    def f(x):
        return np.sum(x * x * x)

    for n in (2, 3, 4):
        grad(f)(np.ones(n))
    assert len(calls) == 1
    grad(f)(np.ones(1))
    assert len(calls) == 2


def test_threads() -> None:
    def f(x):
        return np.sum(np.sin(x) * x)

    derivative = grad(f)
    results: list[Any] = [None] * 8

    def work(i: int) -> None:
        results[i] = derivative(np.full(3, float(i)))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for i, result in enumerate(results):
        np.testing.assert_allclose(result, np.sin(i) + i * np.cos(i) * np.ones(3))


def test_captured_values_are_current() -> None:
    scale = 2.0

    def f(x):
        return scale * x * x

    derivative = grad(f)
    assert derivative(1.0) == 4.0
    scale = 5.0
    assert derivative(1.0) == 10.0


SETTINGS = {"scale": 2.0, "more": [1.0, {"power": 2}]}


def test_captured_containers_are_current() -> None:
    """A container that is changed in place is another surrounding than before."""

    def f(x):
        return SETTINGS["scale"] * x ** SETTINGS["more"][1]["power"]

    derivative = grad(f)
    try:
        assert derivative(3.0) == 12.0
        SETTINGS["scale"] = 5.0
        assert derivative(3.0) == 30.0
        SETTINGS["more"][1]["power"] = 3
        assert derivative(3.0) == 135.0
    finally:
        SETTINGS["scale"], SETTINGS["more"][1]["power"] = 2.0, 2


def test_pickle() -> None:
    for made in (grad(product, ("a", "b")), value_and_grad(product), jacfwd(square_sum), hessian(square_sum), hvp(square_sum)):
        again = pickle.loads(pickle.dumps(made))
        assert repr(again) == repr(made)
    assert pickle.loads(pickle.dumps(grad(product)))(2.0, 3.0, 5.0) == 12.0
    _, back = vjp(product, 2.0, 3.0, 5.0)
    assert pickle.loads(pickle.dumps(back))(1.0) == (12.0, 7.0, 5.0)
    assert pickle.loads(pickle.dumps(decorated)) is decorated
    assert pickle.loads(pickle.dumps(decorated.grad))(3.0) == 6.0


# --- warnings and refusals


def test_independent_output_warns() -> None:
    def f(x, k):
        n = np.floor(x)
        return n * k

    with pytest.warns(UserWarning, match=r"does not depend on `x`.*test_api\.py:\d+: n = np\.floor\(x\)"):
        assert grad(f)(2.5, 3.0) == 0.0

    def unused(x, y):
        return y * y

    with pytest.warns(UserWarning, match="`x` is never used"):
        assert grad(unused)(1.0, 2.0) == 0.0


def test_no_warning_where_it_depends() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        grad(product, ("x", "a", "b"))(2.0, 3.0, 5.0)


def test_refusals_are_located() -> None:
    def f(x):
        try:
            y = x * x
        except* ValueError:
            y = x
        return y

    with pytest.raises(DifferentiationError, match=r"test_api\.py:\d+:9: cannot differentiate `try`"):
        grad(f)(1.0)
    for odd in (divmod, Model, np.frexp):
        with pytest.raises((DifferentiationError, TypeError)):
            grad(odd)(1.0)


def test_functions_without_their_source(tmp_path: Path) -> None:
    with pytest.raises(DifferentiationError, match="no source"):
        grad(eval("lambda x: x * x"))(1.0)
    place = tmp_path / "edited.py"
    place.write_text("def f(x):\n    return x * x\n")
    f = load_module(place, "edited").f
    place.write_text("def f(x):\n    return x * x * x\n")
    with pytest.raises(DifferentiationError, match="changed since import"):
        grad(f)(1.0)


def test_functions_whose_text_is_given() -> None:
    text = "import math\ndef inner(x):\n    return math.sin(x)\n\ndef f(x, k=2.0):\n    return inner(x) * k\n"
    namespace: dict[str, Any] = {}
    exec(text, namespace)
    with pytest.raises(DifferentiationError, match="give its text"):
        grad(namespace["f"])(0.3)
    with pytest.raises(DifferentiationError, match="the text is not that of `f`"):
        grad(namespace["f"], source=text.replace("* k", "+ k"))
    assert grad(namespace["f"], source=text)(0.3) == pytest.approx(2.0 * math.cos(0.3), rel=1e-15)
    assert hessian(namespace["f"])(0.3) == pytest.approx(-2.0 * math.sin(0.3), rel=1e-15)  # known from now on
    assert grad(source=text)(0.3, 3.0) == pytest.approx(3.0 * math.cos(0.3), rel=1e-15)
    assert value_and_grad(source="f = lambda x: x ** 3")(2.0) == (8.0, 12.0)
    assert grad(eval("lambda x: x * x"), source="lambda x: x * x")(3.0) == 6.0
    for wrong, kind in ({"source": "x = 1"}, DifferentiationError), ({"source": "def f(x:"}, SyntaxError), ({}, TypeError):
        with pytest.raises(kind):
            grad(**wrong)


def test_wrappers_are_not_looked_through() -> None:
    """A decorator of the user's may do anything: what it wraps is not what is called."""

    def doubled(fun):
        @functools.wraps(fun)
        def inner(x):
            return 2.0 * fun(x)

        return inner

    @doubled
    def f(x):
        return x * x

    with contextlib.suppress(DifferentiationError):
        assert grad(f)(3.0) == 12.0


# --- checks, support, decorator


def test_check_grads_finds_errors() -> None:
    check_grads(product, (2.0, 3.0, 5.0), order=2)
    check_grads(quartic, (np.array([1.0, 2.0]),), order=3)
    check_grads(quartic, (np.array([1.0, 2.0], np.float32),))

    def wrong(x):
        y = x * x
        return y + np.floor(1e6 * x)

    with pytest.raises(AssertionError, match=r"forward: .* first wrong at .*test_api\.py:\d+: return y"):
        check_grads(wrong, (2.0,), modes=("fwd",))
    with pytest.raises(ValueError, match="mode"):
        check_grads(product, (2.0, 3.0, 5.0), modes=("both",))


def test_the_first_wrong_line_behind_a_try() -> None:
    def ratio(x: float, a: float) -> float:
        try:
            r = a / x
        except ZeroDivisionError:
            r = 1.0
        return r * a

    with pytest.raises(AssertionError, match=r"forward: .* first wrong at .*: r = a / x"):
        check_grads(ratio, (0.0, 0.3))


def saturated(u, k):
    try:
        y = k * np.tanh(u)
    except* ValueError:
        y = u
    return y


def doubled_sum(u):
    try:
        return 2.0 * np.sum(u)
    finally:
        pass


@pytest.fixture
def own_rules() -> Iterator[None]:
    """The tables as they were, afterwards."""
    before = dict(RULES)
    yield
    RULES.clear()
    RULES.update(before)


def test_rule(own_rules: None) -> None:
    def f(x):
        return np.sum(saturated(x, 3.0) * x)

    x = np.array([0.3, -0.5])
    with pytest.raises(DifferentiationError, match="try"):
        grad(f)(x)
    rule("saturated(u, k)", "k * (1 - tanh(u) ** 2) * du")
    t = np.tanh(x)
    np.testing.assert_allclose(grad(f)(x), 3.0 * (1.0 - t * t) * x + 3.0 * t)
    check_grads(f, (x,), order=2)

    @rule("doubled_sum(u)")
    def _(u, du):
        return 2.0 * np.sum(du)

    np.testing.assert_allclose(grad(lambda x: doubled_sum(x * x))(x), 4.0 * x)
    assert support(saturated)
    for wrong, error in (("not a pattern", ValueError), ("unknown(u)", NameError)):
        with pytest.raises(error):
            rule(wrong, "du")


def test_support() -> None:
    assert support("numpy.sin") and support(np.sin) and support("np.sin") and support(math.sin)
    assert support("numpy.floor") and support(np.floor).constant
    assert "axis" in support(np.sum).keywords
    assert set(support(np.sin).modes) == {"forward", "reverse"}
    assert not support("numpy.no_such_function")
    assert support(product)

    def f(x):
        with np.errstate():
            return np.i0(x)

    found = support(f)
    assert not found
    assert "test_api.py:" in str(found)


def powered(x, a, b=2.0):
    return a * x**b


@pytest.mark.parametrize(
    ("f", "args", "slope"),
    [
        (functools.partial(powered, b=3.0), (1.5, 2.0), 13.5),
        (functools.partial(powered, 2.0), (1.5,), 4.0),  # a * 2**2
        (functools.partial(functools.partial(powered, a=1.0), b=4.0), (1.5,), 13.5),
        (functools.partial(lambda x, k: k * x, k=3.0), (1.5,), 3.0),
        (lambda x: cube_of(x, 2.0), (1.5,), 13.5),
    ],
)
def test_partial(f, args, slope):
    assert grad(f)(*args) == pytest.approx(slope, rel=1e-14)
    assert jvp(f, args, (1.0, *([0.0] * (len(args) - 1))))[1] == pytest.approx(slope, rel=1e-14)


cube_of = functools.partial(powered, b=3.0)


def test_what_a_partial_holds_and_what_a_module_has_are_watched():
    held = {"a": 2.0}
    slope = grad(functools.partial(lambda x, d: d["a"] * x, d=held))
    assert slope(1.0) == 2.0
    held["a"] = 9.0
    assert slope(1.0) == 9.0

    settings = types.ModuleType("settings")
    settings.FACTOR = 3.0
    slope = grad(lambda x: settings.FACTOR * x)
    assert slope(1.0) == 3.0
    settings.FACTOR = 4.0
    assert slope(1.0) == 4.0


def test_two_functions_under_one_decorator_are_watched():
    """The code of the wrapper is one and the same; what the wrapped functions read is not."""
    first, second = [2.0], [3.0]

    def plain(f):
        @functools.wraps(f)
        def inner(x):
            return f(x)

        return inner

    a, b = plain(lambda x: first[0] * x), plain(lambda x: second[0] * x)
    slope = grad(lambda x: a(x) + b(x))
    assert slope(1.0) == 5.0
    second[0] = 30.0
    assert slope(1.0) == 32.0


def test_a_closure_over_what_is_not_bound_yet():
    def f(x):
        return x * 2 if x < 1e9 else later

    with pytest.raises(DifferentiationError, match="`later`, which is not defined"):
        grad(lambda x: f(x))(1.0)
    later = 3.0
    assert grad(lambda x: f(x))(1.0) == 2.0


def cubed(x):
    return x**3


_, pull_of_cubed = vjp(cubed, 2.0)


def test_a_part_of_a_derivative_made_outside_is_refused_where_it_stands():
    with pytest.raises(
        DifferentiationError, match=r"test_api.py:\d+:\d+: .*`pull_of_cubed`, part of a derivative made outside"
    ):
        grad(lambda x: pull_of_cubed(x) * x)(2.0)


def sometimes_complex(x, turned):
    y = x * x
    if turned:
        y = y * 1j
    return y


@pytest.mark.parametrize("second", [hessian, lambda f: lambda x, turned: hvp(f)(x, 1.0, turned)])
def test_second_derivatives_of_complex_results(second):
    assert second(sometimes_complex)(3.0, False) == 2.0
    for f in (sometimes_complex, lambda x, turned: x * x * 1j):
        with pytest.raises(TypeError, match="returned a complex number"):
            second(f)(3.0, True)


def hushed_inside(x):
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.where(x > 0, np.log(x), 0.0)
    return np.sum(y**2)


@np.errstate(all="ignore")
def hushed(x):
    return np.sum(np.where(x > 0, np.log(x), 0.0) ** 2)


@pytest.mark.parametrize("f", [hushed_inside, hushed, lambda x: hushed(x) + 0.0])
def test_what_numpy_is_told_not_to_report(f):
    x = np.array([1.0, 2.0, -3.0, 0.0])
    want = [0.0, np.log(2.0), 0.0, 0.0]
    with np.errstate(all="raise"):
        np.testing.assert_allclose(grad(f)(x), want)
        np.testing.assert_allclose(vjp(f, x)[1](1.0), want)
        np.testing.assert_allclose(jvp(f, (x,), (x,))[1], 2 * np.log(2.0))
        assert np.isfinite(hessian(f)(x)).all()


@differentiate
def decorated(x):
    """The square."""
    return x * x


@differentiate(wrt=("a", "b"))
def decorated_with_options(x, a, b):
    return (x + a) * (x + b)


def test_decorator() -> None:
    assert decorated(3.0) == 9.0
    assert decorated.__doc__ == "The square." and decorated.__name__ == "decorated"
    assert inspect.signature(decorated) == inspect.signature(lambda x: x)
    assert decorated.grad(3.0) == 6.0
    assert decorated.value_and_grad(3.0) == (9.0, 6.0)
    assert decorated.hessian(3.0) == 2.0
    assert decorated.hvp(3.0, 2.0) == 4.0
    assert decorated.jacobian(3.0) == 6.0
    assert decorated.vjp(3.0)[1](1.0) == 6.0
    assert decorated.jvp((3.0,), (2.0,)) == (9.0, 12.0)
    assert grad(decorated)(3.0) == 6.0
    assert grad(decorated.grad)(3.0) == 2.0
    decorated.check(3.0, order=2)
    assert decorated_with_options.grad(2.0, 3.0, 5.0) == (7.0, 5.0)


def test_decorator_shows_its_code(tmp_path: Any) -> None:
    assert decorated.listing.startswith("t0 = load('x')")
    assert "def decorated_forward(x, dx)" in decorated.forward.source
    assert "def decorated_reverse(x" in decorated.reverse.source
    assert decorated.reverse.source in decorated.source
    decorated.save(tmp_path / "out.py")
    decorated.save(tmp_path / "out.py")
    assert "def decorated_reverse(x" in (tmp_path / "out.py").read_text()
    (tmp_path / "mine.py").write_text("mine\n")
    with pytest.raises(FileExistsError):
        decorated.save(tmp_path / "mine.py")
    assert decorated.specialise(3.0)(4.0)[1] == (8.0,)
    page = decorated._repr_html_()
    assert page.startswith("<table>") and "decorated_reverse" in page


def test_public_surface() -> None:
    names = """DifferentiationError __version__ check_grads differentiate grad hessian hvp jacfwd jacobian jacrev jvp rule
    support value_and_grad vjp"""
    assert adtransform.__all__ == names.split()


def test_defaults_are_not_moved() -> None:
    """A tolerance that becomes negative would let the loop run for ever."""

    def f(a: float, tolerance: float = 1e-9) -> float:
        x = a
        while abs(x * x - a) > tolerance:
            assert tolerance > 0
            x = 0.5 * (x + a / x)
        return x

    check_grads(f, (2.0,), order=2)


REGISTERED: list[Callable[..., Any]] = []


def registered(f):
    REGISTERED.append(f)
    return f


@registered
def kept_as_it_is(x):
    return x**3


def test_a_decorator_that_keeps_the_function_as_it_is_may_do_anything():
    assert grad(kept_as_it_is)(2.0) == 12.0
    assert grad(lambda x: kept_as_it_is(x) * x)(2.0) == 32.0
    assert len(REGISTERED) == 1


class Doubled:
    def __init__(self, f):
        functools.update_wrapper(self, f)
        self.f = f

    def __call__(self, x):
        return 2.0 * self.f(x)


@Doubled
def doubled_by_an_object(x):
    return x**3


def test_a_decorator_that_makes_an_object_is_not_looked_through():
    assert grad(lambda x: doubled_by_an_object(x))(2.0) == 24.0
    assert grad(doubled_by_an_object)(2.0) == 24.0


def carried(a, b):
    y = a
    for _ in range(3):
        y = y * b + a
    return y


@pytest.mark.parametrize("kind", [float, np.float64])
@pytest.mark.parametrize("other", [float, np.float64, np.float32])
def test_scalars_of_different_precision(kind, other):
    """Each gradient is of its argument's kind, and what is narrower elsewhere does not make it less exact."""
    a, b = kind(1.5), other(0.3)
    da, db = grad(carried, (0, 1))(a, b)
    assert type(da) is kind and type(db) is other
    if kind is np.float64:
        assert da == pytest.approx(1 + float(b) + float(b) ** 2 + float(b) ** 3, rel=1e-14)
