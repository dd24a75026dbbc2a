"""Both modes on the IR itself: regions of every kind, against differences; no reader and no emitter in between."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adtransform import modes
from adtransform.interpret import interpret
from adtransform.ir import Function
from adtransform.listing import parse
from adtransform.verify import verify

PROGRAMS: dict[str, tuple[str, dict[str, Any]]] = {
    "straight": (
        """
def f(x: float, a: float, b: float):
    t0 = load('x')
    t1 = load('a')
    t2 = operator.add(t0, t1)
    t3 = load('b')
    t4 = operator.add(t0, t3)
    t5 = operator.mul(t2, t4)
    y = assign(t5)
    yield y
""",
        {"x": 1.5, "a": 2.0, "b": 3.0},
    ),
    "for with an index and two carried values": (
        """
def f(x: float, a: float):
    t0 = load('x')
    t1 = load('a')
    y2, s2 = for i in range(0, 5, 1) with y = t0, s = 0.0:
        t3 = numpy.sin(y)
        t4 = operator.mul(t3, t1)
        t5 = operator.mul(t4, i)
        s1 = operator.add(s, t5)
        yield False, t4, s1
    t6 = operator.mul(y2, s2)
    yield t6
""",
        {"x": 1.5, "a": 2.0},
    ),
    "for with a negative step": (
        """
def f(x: float, n: int):
    t0 = load('x')
    n1 = load('n')
    y2 = for i in range(n1, 0, -2) with y = t0:
        t3 = numpy.sin(y)
        t4 = operator.mul(t3, i)
        yield False, t4
    yield y2
""",
        {"x": 1.5, "n": 7},
    ),
    "for left early": (
        """
def f(x: float, a: float):
    t0 = load('x')
    t1 = load('a')
    y2, s2 = for i in range(3, 60, 2) with y = t0, s = 0.0:
        t3 = numpy.exp(y)
        t4 = operator.mul(t3, t1)
        c = operator.gt(t4, 3.0)
        p, q, r = if c:
            t7 = operator.mul(t4, y)
            yield True, t7, s
        else:
            t5 = operator.mul(t4, i)
            s1 = operator.add(t5, y)
            yield False, t4, s1
        yield p, q, r
    t6 = operator.mul(y2, s2)
    yield t6
""",
        {"x": 0.3, "a": 0.8},
    ),
    "loops and a branch inside each other": (
        """
def f(x: float, a: float, n: int):
    t0 = load('x')
    t1 = load('a')
    tn = load('n')
    y2 = for i in range(0, tn, 1) with y = t0:
        c = operator.gt(y, 0.5)
        z = if c:
            w2 = for j in range(0, i, 1) with w = y:
                t3 = numpy.sin(w)
                t4 = operator.mul(t3, t1)
                yield False, t4
            yield w2
        else:
            t7 = numpy.exp(y)
            t8 = operator.mul(t7, t7)
            yield t8
        t9 = operator.mul(z, y)
        yield False, t9
    t6 = operator.mul(y2, t0)
    yield t6
""",
        {"x": 0.7, "a": 1.3, "n": 4},
    ),
    "while": (
        """
def f(x: float, a: float):
    t0 = load('x')
    t1 = load('a')
    y2 = while with y = t0:
        c = operator.lt(y, 10.0)
        yield c
    do with yy:
        z = numpy.exp(yy)
        w = operator.mul(z, t1)
        yield False, w
    t6 = operator.mul(y2, y2)
    yield t6
""",
        {"x": 0.3, "a": 1.1},
    ),
    "branch outside every loop": (
        """
def f(x: float, a: float):
    t0 = load('x')
    t1 = load('a')
    c = operator.gt(t0, 0.5)
    z = if c:
        t2 = numpy.sin(t0)
        t3 = operator.mul(t2, t1)
        yield t3
    else:
        yield t1
    t4 = operator.mul(z, z)
    yield t4
""",
        {"x": 0.7, "a": 1.3},
    ),
    "writes into an array": (
        """
def f(x: float64[I], a: float):
    t0 = load('x')
    t1 = load('a')
    n = builtins.len(t0)
    y2 = for i in range(1, n, 1) with y = t0:
        j = operator.sub(i, 1)
        u = index(y, j)
        v = index(y, i)
        t3 = numpy.sin(u)
        t4 = operator.mul(t3, v)
        t5 = operator.mul(t4, t1)
        y1 = update(y, i, t5)
        yield False, y1
    t6 = operator.mul(y2, y2)
    t7 = numpy.sum(t6)
    yield t7
""",
        {"x": np.array([0.3, 0.5, 0.7, 0.2]), "a": 1.7},
    ),
    "a list appended in one loop and read in another": (
        """
def f(x: float, a: float):
    t0 = load('x')
    t1 = load('a')
    l0 = list()
    y2, l2 = for i in range(0, 4, 1) with y = t0, l = l0:
        t3 = numpy.sin(y)
        t4 = operator.mul(t3, t1)
        l1 = push(l, t4)
        yield False, t4, l1
    s2 = for i in range(0, 4, 1) with s = 0.0:
        v = index(l2, i)
        vv = operator.mul(v, v)
        s1 = operator.add(s, vv)
        yield False, s1
    t6 = operator.mul(y2, s2)
    yield t6
""",
        {"x": 0.7, "a": 1.3},
    ),
}


def differences(f: Function, args: dict[str, Any], name: str, eps: float = 1e-6) -> Any:
    """Central differences of a scalar function."""
    x = np.asarray(args[name], float)
    out = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        high, low = x.copy(), x.copy()
        high[i] += eps
        low[i] -= eps
        ends = [interpret(f, {**args, name: e if x.ndim else float(e)}) for e in (high, low)]
        out[i] = (ends[0] - ends[1]) / (2 * eps)
    return out


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> tuple[Function, dict[str, Any], tuple[str, ...]]:
    text, args = PROGRAMS[request.param]
    f = parse(text)
    verify(f)
    return f, args, tuple(n for n, v in args.items() if not isinstance(v, int))


def test_reverse(program: tuple[Function, dict[str, Any], tuple[str, ...]]) -> None:
    f, args, wrt = program
    reverse = modes.reverse(f, wrt)
    verify(reverse)
    value, shares = interpret(reverse, args)
    assert value == interpret(f, args)
    for name, found in zip(wrt, shares, strict=True):
        assert np.shape(found) == np.shape(args[name])
        np.testing.assert_allclose(found, differences(f, args, name), rtol=2e-6, atol=1e-8)


def test_forward(program: tuple[Function, dict[str, Any], tuple[str, ...]]) -> None:
    f, args, wrt = program
    forward = modes.forward(f, wrt)
    verify(forward)
    value, tangent = interpret(forward, args | {f"d{n}": np.ones_like(args[n]) * 1.0 for n in wrt})
    assert value == interpret(f, args)
    np.testing.assert_allclose(tangent, sum(np.sum(differences(f, args, n)) for n in wrt), rtol=2e-6)


def test_the_pair_may_be_called_twice(program: tuple[Function, dict[str, Any], tuple[str, ...]]) -> None:
    f, args, wrt = program
    ahead, back = modes.pair(f, wrt)
    verify(ahead)
    verify(back)
    value, saved = interpret(ahead, args)
    assert value == interpret(f, args)
    seed = {p.name: 2.0 for p in back.params[1:]}
    once, twice = (interpret(back, {back.params[0].name: saved} | seed) for _ in range(2))
    _, shares = interpret(modes.reverse(f, wrt), args)
    for a, b, share in zip(once, twice, shares, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(a, 2 * np.asarray(share), rtol=1e-12)


def test_second_order(program: tuple[Function, dict[str, Any], tuple[str, ...]]) -> None:
    f, args, wrt = program
    name = wrt[-1]
    gradient = modes.gradient(f, (name,), single=True)
    expected = differences(gradient, args, name, 1e-5)
    for second in (modes.gradient(gradient, (name,), single=True), modes.tangent(gradient, (name,))):
        verify(second)
        found = interpret(second, args | {f"d{name}": 1.0 for p in second.params if p.name == f"d{name}"})
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_the_listing_is_executable(program: tuple[Function, dict[str, Any], tuple[str, ...]]) -> None:
    f, args, wrt = program
    if any(isinstance(v, np.ndarray) for v in args.values()):
        pytest.skip("in the listing a zero is 0")
    listing = modes.backward_listing(f, wrt)
    verify(listing)
    value, shares = interpret(listing, args)
    assert value == interpret(f, args)
    for name, found in zip(wrt, shares, strict=True):
        np.testing.assert_allclose(found, differences(f, args, name), rtol=2e-6, atol=1e-8)
