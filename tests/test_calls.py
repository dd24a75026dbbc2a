"""Functions read by themselves: recursion and long helpers, in both modes and at second order, against differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import adtransform as ad
from adtransform import modes, pipeline
from adtransform.emit import load
from adtransform.errors import DifferentiationError
from adtransform.interpret import interpret
from adtransform.lattice import FLOAT, INT, UNKNOWN, Array, Dim, of_value
from adtransform.read import separate
from adtransform.source import from_text
from adtransform.verify import verify


def power(x: Any, n: Any) -> Any:
    if n == 0:
        return 1.0
    return x * power(x, n - 1)


def fibonacci(x: Any, n: Any) -> Any:
    return x if n < 2 else fibonacci(x, n - 1) * 0.5 + np.sin(fibonacci(x, n - 2))


def even(x: Any, n: Any) -> Any:
    if n == 0:
        return x
    return odd(np.sin(x) * 1.3, n - 1)


def odd(x: Any, n: Any) -> Any:
    if n == 0:
        return x * x
    return even(np.cos(x) + x, n - 1)


def halves(xs: Any) -> Any:
    """Views of views of an array."""
    if len(xs) == 1:
        return np.exp(xs[0])
    middle = len(xs) // 2
    return halves(xs[:middle]) * np.cos(halves(xs[middle:]))


def smooth(u: Any, i: Any) -> None:
    """Writes what it is given, again and again."""
    if i == len(u):
        return
    u[i] = np.sin(u[i]) + u[i - 1] * u[i]
    smooth(u, i + 1)


def in_place(x: Any) -> Any:
    u = x.copy()
    smooth(u, 1)
    return np.sum(u * u)


def in_place_in_a_view(x: Any) -> Any:
    u = x * 2.0
    smooth(u[1:4], 1)
    return np.sum(u * u * u)


def closure(x: Any, a: Any) -> Any:
    def go(y: Any, n: int) -> Any:
        if n == 0:
            return y
        return go(y * a + x, n - 1)

    return np.sum(go(x, 3) ** 2)


def handed_over(x: Any) -> Any:
    def apply(f: Callable[[Any], Any], y: Any, n: int) -> Any:
        return y if n == 0 else apply(f, f(y), n - 1)

    return np.sum(apply(lambda v: np.sin(v) + v, x, 4) * apply(np.tanh, x, 2))


def nested(t: Any) -> Any:
    """The structure is known while reading: a function for each."""
    if isinstance(t, (tuple, list)):
        return sum(nested(s) for s in t)
    return t * t * t


def adaptive(k: Any, a: Any, b: Any, depth: Any) -> Any:
    m = 0.5 * (a + b)
    whole = (b - a) / 6 * (np.exp(-k * a * a) + 4 * np.exp(-k * m * m) + np.exp(-k * b * b))
    p, q = 0.5 * (a + m), 0.5 * (m + b)
    left = (m - a) / 6 * (np.exp(-k * a * a) + 4 * np.exp(-k * p * p) + np.exp(-k * m * m))
    right = (b - m) / 6 * (np.exp(-k * m * m) + 4 * np.exp(-k * q * q) + np.exp(-k * b * b))
    if depth == 0 or abs(left + right - whole) < 1e-5:
        return left + right
    return adaptive(k, a, m, depth - 1) + adaptive(k, m, b, depth - 1)


def laplace(a: Any) -> Any:
    """A determinant by its minors: the loop calls the function that holds it."""
    n = a.shape[0]
    if n == 1:
        return a[0, 0]
    total = 0.0
    for j in range(n):
        minor = np.concatenate([a[1:, :j], a[1:, j + 1 :]], axis=1)
        total += (-1.0) ** j * a[0, j] * laplace(minor)
    return total


def trail(x: Any, n: Any, out: Any) -> Any:
    """A list of the caller's that grows."""
    if n == 0:
        return x
    out.append(x)
    return trail(np.sin(x) + 1.0, n - 1, out)


def recorded(x: Any, n: Any) -> Any:
    out: list[Any] = []
    y = trail(x, n, out)
    return y + sum(v * v for v in out)


def pair(x: Any, y: Any, n: Any) -> Any:
    """Several results, one of them the argument itself."""
    if n == 0:
        return x, y
    u, v = pair(x * y, y, n - 1)
    return u + v, v


def swapped(x: Any, y: Any) -> Any:
    u, v = pair(x, y, 3)
    return u * v


def transform(x: Any) -> Any:
    """A recursive transform over even and odd places, the way it is taught."""
    n = x.shape[0]
    if n == 1:
        return x
    a, b = transform(x[::2]), transform(x[1::2])
    w = np.cos(np.arange(n // 2))
    return np.concatenate([a + w * b, a - w * b])


def transformed(x: Any) -> Any:
    return np.sum(transform(x) ** 3)


def collatz(x: Any, n: Any) -> Any:
    """Calls itself in both branches, with other whole numbers."""
    if n <= 1:
        return x * x
    if n % 2 == 0:
        return collatz(x * 1.1, n // 2)
    return np.sin(x) * collatz(x + 0.1, 3 * n + 1)


def long_step(x: Any, v: Any, k: Any) -> Any:
    """Too long to be read where it is called."""
    a = -k * x
    b = a + 0.1 * v
    c = np.sin(b)
    d = c * x
    if x[0] > 0.0:
        e = d + v
        f = e * 0.5
    else:
        e = d - v
        f = e * 0.25
    for i in range(3):
        f = f + 0.1 * np.cos(e) * i
        e = e * 0.9
    g = np.tanh(f)
    h = g + a
    i = h * b
    j = i + c
    m = j * 0.1
    n = m + d * 0.01
    o = np.exp(-n * n)
    p = o * x
    q = p + f
    r = q * 0.5
    s = r + g
    t = s * 0.2
    u = x + 0.01 * t
    w = v + 0.01 * h
    u[0] = w[1] * u[1]
    return u, w


def simulation(x: Any, k: Any) -> Any:
    v = np.zeros_like(x)
    for _ in range(3):
        x, v = long_step(x, v, k)
    y, v = long_step(x * 0.5, v, 2.0)
    return np.sum(y * v) + np.sum(x)


def long_update(state: Any, dt: Any) -> None:
    """Too long to be read where it is called, and changes the dict that it is given."""
    x, v = state["x"], state["v"]
    a1 = -x + 0.1 * v
    a2 = a1 * 0.9
    a3 = a2 + 0.1 * x
    a4 = a3 * 1.01
    a5 = a4 + 0.01 * a1
    a6 = np.sin(a5)
    a7 = a6 + a2
    a8 = a7 * 0.5
    a9 = a8 + 0.1
    b1 = a9 * x
    b2 = b1 + v
    b3 = b2 * 0.3
    b4 = np.cos(b3)
    b5 = b4 * a1
    b6 = b5 + a9
    b7 = b6 * 0.2
    b8 = b7 + a7
    b9 = b8 * 0.7
    c1 = b9 + b4
    c2 = c1 * 0.1
    c3 = c2 + a5
    c4 = c3 * 0.4
    state["v"] = v + dt * c4
    state["x"] = x + dt * state["v"]
    state["path"].append(c1)


def with_state(x: Any, dt: Any) -> Any:
    state = {"x": x, "v": 0.5 * x, "path": []}
    long_update(state, dt)
    long_update(state, 2.0 * dt)
    return np.sum(state["x"] * state["v"]) + np.sum(state["path"][0] * state["path"][1])


@dataclass
class Node:
    """A branch of a tree."""

    value: Any
    children: list[Any]


def evaluate(node: Any, x: Any) -> Any:
    """A function for each form of tree."""
    total = node.value * x
    for child in node.children:
        total = total + np.sin(evaluate(child, x * 0.5)) * node.value
    return total


class Tally:
    """An object that a recursion changes."""

    def __init__(self, start: Any) -> None:
        self.total = start
        self.steps = 0

    def add(self, x: Any, n: Any) -> Any:
        self.total = self.total + x * x
        self.steps += 1
        return x if n == 0 else self.add(np.sin(x) + 0.5, n - 1)


def tallied(x: Any, n: Any) -> Any:
    tally = Tally(x * 0.1)
    last = tally.add(x, n)
    return tally.total * last + tally.steps


V = np.array([0.1, 0.25, 0.3, 0.4, 0.55])
CASES: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (power, (1.5, 4)),
    (power, (1.5, 0)),
    (power, (V, 3)),
    (fibonacci, (0.7, 6)),
    (fibonacci, (V, 5)),
    (even, (0.7, 5)),
    (odd, (V, 4)),
    (halves, (V,)),
    (in_place, (V,)),
    (in_place_in_a_view, (V,)),
    (closure, (V, 0.7)),
    (handed_over, (V,)),
    (nested, ((1.0, (2.0, 3.0), [4.0, (5.0,)]),)),
    (adaptive, (0.8, 0.0, 2.0, 8)),
    (laplace, (np.random.default_rng(0).normal(size=(4, 4)),)),
    (recorded, (0.4, 4)),
    (swapped, (0.4, 1.3)),
    (transformed, (np.linspace(0.1, 0.9, 8),)),
    (collatz, (0.3, 6)),
    (simulation, (V, 1.2)),
    (with_state, (V, 0.1)),
    (evaluate, (Node(1.5, [Node(0.3, []), Node(0.7, [Node(0.2, [])])]), 0.4)),
    (tallied, (0.4, 3)),
]
IDS = [f.__name__ + ("" if isinstance(args[0], float) else "-array") + str(len(args)) for f, args in CASES]


@pytest.mark.parametrize(("f", "args"), CASES, ids=IDS)
def test_derivatives(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    before = [np.copy(a) if isinstance(a, np.ndarray) else a for a in args]
    ad.check_grads(f, args, order=2)
    for a, b in zip(args, before, strict=True):
        assert np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b


@pytest.mark.parametrize(("f", "args"), CASES, ids=IDS)
def test_the_pair_may_be_called_again(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    value, back = ad.vjp(f, *args, wrt=0)
    bar = np.ones(np.shape(value))[()]
    leaves = ad.api.trees.flatten
    first, double, again = (leaves(back(k * bar))[0] for k in (1.0, 2.0, 1.0))
    for a, b, c in zip(first, double, again, strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_allclose(b, 2.0 * np.asarray(a), rtol=1e-14)


def test_value_is_the_functions_own_to_the_bit() -> None:
    for f, args in CASES:
        value = f(*args)
        if np.ndim(value) == 0:
            assert ad.value_and_grad(f)(*args)[0] == value
        else:
            np.testing.assert_array_equal(ad.vjp(f, *args, wrt=0)[0], value)


TEXT = """
import numpy as np
def power(x, n):
    if n == 0:
        return 1.0
    return x * power(x, n - 1)
def noisy(x, n):
    print("at", n)
    if n == 0:
        return x
    return np.sin(noisy(x, n - 1))
def total(u, i):
    if i == 0:
        return 0.0
    return u[i - 1] * u[i - 1] + total(u, i - 1)
def grown(u, i):
    if i == 0:
        u[0] *= 2.0
        return u
    u[i] = np.sin(u[i - 1]) * u[i]
    return grown(u, i - 1)
def scatter(n):
    return 1 if n == 0 else 2 * scatter(n - 1)
def shadowed(x, n):
    return np.prod(x) * scatter(n)
"""


def emitted(name: str, types: dict[str, Any], mode: str = "reverse", wrt: tuple[str, ...] = ("x",)) -> Any:
    f = pipeline.load_function(from_text(TEXT), name, types)
    return load(pipeline.text(f, mode, wrt)), pipeline.text(f, mode, wrt)


@pytest.mark.parametrize("types", [{"x": FLOAT, "n": INT}, {"x": UNKNOWN, "n": INT}, {}])
def test_emitted_alone(types: dict[str, Any]) -> None:
    functions, text = emitted("power", types)
    value, (share,) = functions["power_reverse"](1.5, 5)
    assert (value, share) == (pytest.approx(1.5**5), pytest.approx(5 * 1.5**4))
    assert "def power_ahead(" in text and "def power_back(" in text


def test_names_of_a_forward_derivative() -> None:
    functions, _ = emitted("power", {"x": FLOAT, "n": INT}, "forward")
    value, tangent = functions["power_forward"](1.5, 5, 1.0)
    assert (value, tangent) == (pytest.approx(1.5**5), pytest.approx(5 * 1.5**4))


def test_effects_are_performed_once_and_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    functions, _ = emitted("noisy", {"x": FLOAT, "n": INT})
    functions["noisy_reverse"](0.3, 3)
    assert capsys.readouterr().out == "at 3\nat 2\nat 1\nat 0\n"


def test_what_is_written_is_copied_for_the_caller() -> None:
    u = np.array([0.5, 1.5, 2.5])
    functions, _ = emitted("grown", {"u": Array("float64", (Dim("n", True),)), "i": INT}, wrt=("u",))
    value, (share,) = functions["grown_reverse"](u, 2, np.ones(3))
    np.testing.assert_array_equal(u, [0.5, 1.5, 2.5])
    assert not np.shares_memory(value, u) and not np.shares_memory(share, u)
    scope: dict[str, Any] = {}
    exec(TEXT, scope)
    np.testing.assert_array_equal(value, scope["grown"](u.copy(), 2))


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_a_function_named_like_a_helper_of_emitted_code(mode: str) -> None:
    functions, text = emitted("shadowed", {}, mode)
    assert "def scatter(" in text and "def scatter_(" in text
    _, tangent = functions[f"shadowed_{mode}"](np.array([1.5, 2.0]), 3, *([np.ones(2)] if mode == "forward" else []))
    np.testing.assert_allclose(tangent if mode == "forward" else tangent[0].sum(), 28.0, rtol=1e-14)


@pytest.mark.parametrize("mode", ["forward", "reverse", "pair"])
def test_every_function_is_well_formed(mode: str) -> None:
    f = pipeline.load_function(from_text(TEXT), "power", {"x": FLOAT, "n": INT})
    for made in pipeline.derivative(f, mode, ("x",)):
        for g in (made, *made.callees.values()):
            verify(g, made.callees)


def test_the_interpreter_agrees() -> None:
    f = pipeline.load_function(from_text(TEXT), "power", {"x": FLOAT, "n": INT})
    assert interpret(f, {"x": 1.5, "n": 5}) == 1.5**5
    (made,) = pipeline.derivative(f, "reverse", ("x",))
    value, (share,) = interpret(made, {"x": 1.5, "n": 5})
    assert (value, share) == (pytest.approx(1.5**5), pytest.approx(5 * 1.5**4))
    again = modes.gradient(f, ("x",), single=True)
    (twice,) = pipeline.derivative(again, "forward", ("x",))
    assert interpret(twice, {"x": 1.5, "n": 5, "dx": 1.0})[1] == pytest.approx(20 * 1.5**3)


def test_depth_is_linear() -> None:
    """What a gradient of a recursion keeps grows with its depth, and not faster."""
    import tracemalloc

    kept = []
    for n in (200, 400, 800):
        ad.grad(power)(1.01, n)
        tracemalloc.start()
        ad.grad(power)(1.01, n)
        kept.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert kept[2] - kept[1] < 3 * (kept[1] - kept[0])


def long_and_left_early(x: Any, n: Any) -> Any:
    """Too long to be read where it is called; its gradient keeps what two calls need."""
    total = 0.0
    if n > 3:
        return x * 2.0
    for i in range(n):
        u = x * (i + 1)
        v = np.sin(u)
        w = v * u
        total += np.sum(w)
        if total > 50.0:
            return x * total
        a = w + u
        b = a * 0.5
        c = b * v
        d = c + w
        e = d * 0.1
        total += np.sum(e)
    f = x * total
    g = f + x
    h = g * 0.5
    k = h + f
    m = k * 0.25
    p = m + h
    q = p * 0.125
    r = q + m
    return r


def summed(x: Any) -> Any:
    return np.sum(long_and_left_early(x, 2) * x)


def test_the_pair_of_a_gradient() -> None:
    value, back = ad.vjp(ad.grad(summed), V)
    bar = np.arange(5.0)
    np.testing.assert_allclose(back(bar), ad.hessian(summed)(V) @ bar, rtol=1e-12)
    np.testing.assert_allclose(value, ad.grad(summed)(V), rtol=1e-14)


def listed_late(x: Any, a: Any) -> Any:
    """Too long to be read where it is called; the list is made only where the loop was not left."""
    b = a * x
    c = np.sin(b)
    d = c + x
    e = d * 0.5
    g = e + b
    h = g * c
    k = h + d
    m = k * 0.3
    n = m + e
    p = n * 0.2
    q = p + g
    r = q * c
    s = r + k
    t = s * 0.1
    for v in x:
        if v > 0.4:
            return a, t * a
    u = t + m
    w = u * q
    y = w + n
    z = y * 0.7
    items = list(z)
    first = items[0] * items[1]
    last = items[-1] + first
    total = last * a
    return total, z * total


def left_or_not(x: Any, a: Any) -> Any:
    first, rest = listed_late(x, a)
    return first + np.sum(np.sin(rest))


@pytest.mark.parametrize("x", [V, 0.1 * V])
def test_a_list_that_a_path_has_not_made(x: Any) -> None:
    ad.check_grads(left_or_not, (x, 0.7), order=2)
    value, back = ad.vjp(ad.grad(left_or_not), x, 0.7, wrt=0)
    np.testing.assert_allclose(back(value), ad.hessian(left_or_not)(x, 0.7) @ value, rtol=1e-11)


def damped(a: Any, b: Any, n: Any) -> Any:
    return a * np.sin(b) if n == 0 else damped(a * 1.1, b * 0.9, n - 1) + a * b * b


def in_one_each(x: Any, y: Any, n: Any) -> Any:
    return damped(x, 1.0, n) * damped(2.0, y, n)


def test_one_function_differentiated_by_one_parameter_and_then_by_another() -> None:
    """The derivatives of the second time must not take the names of those of the first."""
    mixed = [ad.grad(ad.grad(in_one_each, i), 1 - i)(0.7, 0.4, 2) for i in (0, 1)]
    pushed = ad.jvp(ad.grad(in_one_each), (0.7, 0.4, 2), (0.0, 1.0), wrt=(0, 1))[1]
    np.testing.assert_allclose(mixed, pushed, rtol=1e-12)
    ad.check_grads(in_one_each, (0.7, 0.4, 2), order=2)


_SEEN = {
    "object": """
class B:
    def __init__(self, k):
        self.k = k

def write(a, b, c):
    t = a if c > 0 else b
    t.k = t.k * c

def f(x, c):
    p, q = B(x), B(x * x)
    write(p, q, c)
    return p.k * q.k
""",
    "list": """
def write(a, b, c):
    t = a if c > 0 else b
    t[0] = c

def f(x, c):
    p, q = [x, 2.0], [x, 3.0]
    write(p, q, c)
    return p[0] * q[0]
""",
    "array, later another one": """
def write(m, x):
    for _ in x:
        m[1] += m[0]
        m = x * 1.0
    return m

def f(x, c):
    y = x * c
    return np.sum(write(y, x) * y)
""",
}


@pytest.mark.parametrize("what", _SEEN)
def test_what_the_caller_would_not_see_is_refused(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write through a name that is one of two things, in a function read by itself."""
    monkeypatch.setattr(separate, "LARGE", 0)
    source = from_text("import numpy as np\n" + _SEEN[what])
    with pytest.raises(DifferentiationError, match=r"a write to .* may share"):
        pipeline.load_function(source, "f", {"x": of_value(np.ones(3), "x")} if "array" in what else {})


def test_an_update_that_the_caller_may_see_is_of_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without types; said, and checked where the function is called."""
    monkeypatch.setattr(separate, "LARGE", 0)
    source = from_text("def half(v):\n    v *= 0.5\n    return v\n\ndef f(x):\n    y = half(x)\n    return y * x\n")
    forward = pipeline.compile(pipeline.load_function(source, "f", {}), "forward", ["x"]).functions["f_forward"]
    assert forward(2.0, 1.0) == (2.0, 2.0)
    with pytest.raises(ValueError, match="`v` is updated while what the caller passes is read"):
        forward(np.ones(3), np.ones(3))
