"""What code made without types takes for granted: right where it holds, an error where it does not."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import adtransform as ad
from adtransform.errors import DifferentiationError
from adtransform.pipeline import compile, load_function
from adtransform.source import from_text

X = np.array([1.6, 2.5, 0.7])
M = np.array([[1.6, 2.5, 0.7], [0.3, 0.2, 0.1], [3.0, 1.0, 2.0]])
K = np.array([1, 2, 3])


def run(text: str, *args: Any) -> tuple[Any, tuple[Any, ...]]:
    """The value and the gradient by all arguments that code made without types gives."""
    f = load_function(from_text(text), "f", {})
    reverse = compile(f, "reverse", [p.name for p in f.params]).functions["f_reverse"]
    value, shares = reverse(*args)
    return value, shares


SUMS = """def f(x):
    s = 0.0
    best = 0.0
    for i in range(3):
        s += x[i]
        if i == 1:
            best = s
    return np.sum(best * s)"""
APPENDED = """def f(x):
    s = x[0] * 1.0
    out = []
    i = 0
    while i < 3:
        s += x[i]
        out.append(s)
        i += 1
    return np.sum(out[0] * out[2])"""
HELD = """def f(x):
    s = 0.0
    prev = (s,)
    for i in range(3):
        s += x[i]
        if i == 1:
            prev = (s,)
    return np.sum(prev[0] * s)"""
SWAPPED = """def f(x, y):
    u, v = x, y
    for i in range(2):
        u += v
        u, v = v, u
    return np.sum(x * y)"""
TWICE = "def f(x, y):\n  x += y\n  return np.sum(x * y)"
CARRIED = "def f(x, y):\n  s = x\n  for i in range(2):\n    s += y\n  return np.sum(s * y)"
ASARRAY = "def f(x, a):\n  y = np.asarray(x)\n  y += a\n  return np.sum(x * y)"
AS_FLOATS = "def f(x, a):\n  y = np.asarray(x, dtype=float)\n  y += a\n  return np.sum(x * y)"
RESHAPED = "def f(x):\n  y = np.reshape(x, (3,))\n  y[0] = 3.0\n  return np.sum(y * x)"
WRITTEN = "def f(x, k):\n  k[0] = x[0] * 1.5\n  return k[0] * x[1] + k[2]"
LIKE = "def f(x, k):\n  y = np.zeros_like(k)\n  for i in range(3):\n    y[i] = x[i] * 1.5\n  return np.sum(y * x) + k[0]"
LISTED = "def f(x, a):\n  y = np.sin(x)\n  w = y\n  y += a\n  return np.sum(w * y)"
FULL = "def f(x, a):\n  y = np.full_like(x, a)\n  return np.sum(y * x)"
AS_DTYPE = "def f(x, a):\n  y = np.array([a, a * 2]).astype(x.dtype)\n  return np.sum(y * x[0])"
SLICED = "def f(x):\n  s = 0.0\n  for u, v in zip(x, x[1:]):\n    s += u * v\n  return s"
PLACED = "def f(x, i):\n  y = x.copy()\n  z = y[i]\n  z += 1\n  return np.sum(y * y) * z"
ITEM = "def f(x, y):\n  l = [x, y]\n  l[0] *= 2.0\n  return np.sum(l[0] * l[1])"
ITEMS = "def f(x, y):\n  l = [x, y]\n  for i in range(2):\n    l[i] *= 1.5\n  return np.sum(l[0] * l[1])"
ENTRY = "def f(x, y):\n  d = {'a': x}\n  d['a'] += 1.0\n  return np.sum(d['a'] * y)"
THROUGH = """def f(x, y, a):
    s = 0.0
    if a > 0:
        s = x[1:]
    s[-1] *= 3.0
    return np.sum(s * y[1:]) * a"""
ROWS = "def f(x):\n  return x[0][0] * x[1][1] - x[0][1] * x[1][0]"
PAIRS = "def f(x):\n  s = 0.0\n  for a, b in x:\n    s += a * b\n  return s"
LARGEST = "def f(x):\n  return max(x) * x[1]"
FILLED = "def f(x, a):\n  y = np.ones(3, int) * a\n  y[0] = x[1]\n  return np.sum(y * x)"


@pytest.mark.parametrize(
    ("text", "args", "wrong", "why"),
    [
        (SUMS, (X,), (M,), "`s` is updated while `best` is read"),
        (APPENDED, (X,), (M,), "`s` is updated while `out` is read"),
        (HELD, (X,), (M,), "`s` is updated while `prev` is read"),
        (SWAPPED, (1.5, 2.0), (X, X + 1), "`u` is updated while `x` is read"),
        (TWICE, (X, X + 1), (X, X), "`x` is written, so `y` must not share memory with it"),
        (CARRIED, (X, X + 1), (X, X), "`x` is written, so `y` must not share memory with it"),
        (ASARRAY, (X, 2.0), (1.5, 2.0), r"`np.asarray\(x\)` is written, or read after a write"),
        (AS_FLOATS, (X, 2.0), (np.float32(X), 2.0), r"`np.asarray\(x\)` is written, or read after a write"),
        (RESHAPED, (X,), (M.T[0].tolist(),), "a reshape of `x` is written, or read after a write"),
        (WRITTEN, (X, X + 1), (X, K), "`k` must hold floats: fractions are written"),
        (LIKE, (X, X + 1), (X, K), "`k` must hold floats: fractions are written"),
        (LISTED, (1.5, 2.0), ([1.5, 2.5], 2.0), "`y` is updated while `w` is read"),
        (FULL, (X, 1.5), (K, 1.5), "`x` must hold floats: fractions are written"),
        (AS_DTYPE, (X, 1.5), (K, 1.5), "`x` must hold floats: fractions are written"),
        (SLICED, (X,), (X.tolist(),), "a part of `x` is taken: annotate it where it is a list"),
        (SLICED, (X,), (tuple(X),), "a part of `x` is taken: annotate it where it is a list"),
        (ROWS, (M,), (M.tolist(),), "a row of `x` is taken: annotate it where it is a list"),
        (LARGEST, (X,), (X.tolist(),), "the whole of `x` is taken: annotate it where it is a list"),
        (PAIRS, (M[:, :2],), (((1.0, 2.0), (3.0, 4.0)),), "a row of `x` is taken: annotate it where it is a list"),
        (PLACED, (X, 1), (X, slice(0, 1)), "`i` is taken as the index of an element or a row"),
        (ITEM, (X, X + 1), (X, X), "`x` is written, so `y` must not share memory with it"),
        (ITEMS, (X, X + 1), (X, X), "is written, so `.` must not share memory with it"),
        (ENTRY, (X, X + 1), (X, X), "`x` is written, so `y` must not share memory with it"),
        (THROUGH, (X, X + 1, 2.0), (X, X, 2.0), "`x` is written, so `y` must not share memory with it"),
        (FILLED, (X, 2.0), (X, 2), "`a` must hold floats: fractions are written"),
    ],
)
def test_checked(text: str, args: tuple[Any, ...], wrong: tuple[Any, ...], why: str) -> None:
    text = f"import numpy as np\n{text}\n"
    value, shares = run(text, *copy.deepcopy(args))
    known, wanted = ad.value_and_grad(source=text, wrt=tuple(i for i, a in enumerate(args) if not isinstance(a, int)))(*args)
    assert np.array_equal(value, known)
    for got, want in zip(shares, wanted, strict=False):  # that of an index, the last one, is not asked for
        assert np.allclose(got, want, rtol=1e-12)
    # Passed twice is one array, not two equal ones.
    one: dict[int, Any] = {}
    with pytest.raises(ValueError, match=why):
        run(text, *(one.setdefault(id(a), copy.deepcopy(a)) for a in wrong))


@pytest.mark.parametrize("kind", [list, tuple])
@pytest.mark.parametrize(
    "text",
    [
        "def f(x):\n  s = 0.0\n  for k, v in enumerate(x):\n    s += v * v * k\n  return s * x[-1]",
        "def f(x):\n  return sum(x) * x[0]",
        "def f(x):\n  s = 1.0\n  for u, v in zip(x, reversed(x)):\n    s = s * u + v\n  return s",
    ],
)
def test_a_list_of_numbers_has_a_list_as_its_gradient(text: str, kind: type) -> None:
    _, (share,) = run(f"import numpy as np\n{text}\n", kind(X.tolist()))
    assert type(share) is kind and all(type(v) is float for v in share)
    assert np.allclose(share, ad.grad(source=f"import numpy as np\n{text}\n")(X.tolist()), rtol=1e-12)


def test_objects_outside_are_refused_where_only_their_text_is_known() -> None:
    text = "class T:\n  def __getitem__(self, t):\n    return 2.0 * t * t\nTAB = [T(), T()]\ndef f(x):\n  return TAB[1][x]\n"
    with pytest.raises(DifferentiationError, match="`TAB`, an object outside"):
        run(text, 1.5)


@pytest.mark.parametrize(
    "written",
    [
        "D['b'] = 2.0",
        "D['a'].append(1.0)",
        "D.update(b=1.0)",
        "E = D\nE['b'] = 2.0",
        "def g(d): d['a'] = [5.0]\ng(D)",
        "def g(): return D",
        "def g(k): D['a'][k] += 1.0",
        "def g(): del D['a']",
    ],
)
def test_a_dict_outside_that_its_text_may_write_is_refused(written: str) -> None:
    text = f"D = {{'a': [1.0]}}\n{written}\ndef f(x):\n  return D['a'][0] * x\n"
    with pytest.raises(DifferentiationError, match="`D`, an object outside"):
        run(text, 1.5)


def test_fractions_in_an_array_of_integers_are_refused() -> None:
    with pytest.raises(DifferentiationError, match="into an array of integers"):
        run("import numpy as np\ndef f(x, a):\n  y = np.where(x > 0, 1, 2)\n  y[0] = a\n  return np.sum(y) * a\n", X, 2.0)


@pytest.mark.parametrize(
    ("text", "args"),
    [
        # What begins as a number becomes an array, which a tape must not see written.
        ("p = 1.0\n  for i in range(3):\n    p *= x\n  return np.sum(p)", (X,)),
        ("p = 0.0\n  for i in range(3):\n    p *= x\n    p += np.sin(x)\n  return np.sum(p)", (X,)),
        ("p = 1.0\n  n = 3\n  while n > 0:\n    p *= x\n    p -= np.sin(p)\n    n -= 1\n  return np.sum(p)", (X,)),
        ("a = 0.0\n  b = x\n  for i in range(3):\n    a += b * 0.5\n    a, b = b, a\n  return np.sum(a + b)", (X,)),
        # A slice is a view, whatever the rank; a loop that updates its rows is over a matrix.
        ("z = x[1:3]\n  z += x[0]\n  return z[0] * x[1]", (X,)),
        ("for r in x:\n    r *= 1.5\n  return np.sum(x * x)", (M,)),
        # An item of a list is of the kind of the others, at whatever index.
        (
            "l = sorted([(v, i) for i, v in enumerate(x)], key=lambda t: -t[0])\n  s = 0.0\n"
            "  for v, i in l:\n    s = s * 0.5 + v * i\n  return s",
            (X,),
        ),
    ],
)
def test_right_without_types(text: str, args: tuple[Any, ...]) -> None:
    text = f"import numpy as np\ndef f(x):\n  {text}\n"
    value, (share,) = run(text, *copy.deepcopy(args))
    known, wanted = ad.value_and_grad(source=text)(*args)
    assert np.array_equal(value, known)
    assert np.allclose(share, wanted, rtol=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "y = k.copy()\n  y[0], y[1] = y[1], y[0]\n  return np.sum(y * x)",
        "y = np.zeros_like(k)\n  y[0] = 2.0\n  return np.sum(y * x)",
        "y = k / 2\n  y[0] = x[1]\n  return np.sum(y * x)",
        "y = np.sin(k)\n  y[0] = x[1]\n  return np.sum(y * x)",
        "y = np.arange(len(x))\n  y[0], y[1] = y[1], y[0]\n  return np.sum(x[y] * x) + k[0]",
    ],
)
def test_nothing_is_assumed_of_whole_numbers(text: str) -> None:
    text = f"import numpy as np\ndef f(x, k):\n  {text}\n"
    value, shares = run(text, X, K)
    known, wanted = ad.value_and_grad(source=text)(X, K)
    assert np.array_equal(value, known)
    assert np.allclose(shares[0], wanted)


@pytest.mark.parametrize(
    "body",
    [
        "return max(x) ** 2",
        "return np.sum(np.sin(x))",
        "return sum(x + x)",
        "w = x * 2\n  return w[0]",
        "w = 2 * x\n  return w[-1]",
        "w = x + [1.0]\n  return w[-1] * w[0]",
        "w = [1.0] + x\n  return w[-1] * w[0]",
        "x[0:2] = [1.0]\n  return np.sum(x)",
    ],
)
@pytest.mark.parametrize("numbers", [[0.3, 0.5], [0.8]])
def test_a_list_that_is_taken_for_an_array_is_told(body: str, numbers: list[float]) -> None:
    with pytest.raises((TypeError, ValueError), match="annotate"):
        run(f"import numpy as np\ndef f(x):\n  {body}\n", numbers)


@pytest.mark.parametrize(
    "expression",
    [
        "np.array([a, 2 * a])[0] * x",
        "np.stack([a, a])[1] * x",
        "np.full(3, a)[1] * x",
        "np.cumsum(np.array([a, a]))[1] * x",
        "np.maximum(a, np.arange(3))[0] * x",
        "np.broadcast_to(a, (3,))[1] * x",
        "np.array([[a, 1], [2, a]])[1][1] * x",
    ],
)
@pytest.mark.parametrize("a", [1, np.int64(1), 1.0, np.float32(1)])
def test_the_share_of_a_whole_number_is_not_cut(expression: str, a: Any) -> None:
    text = f"import numpy as np\ndef f(x, a):\n  return np.sum({expression})\n"
    _, shares = run(text, X, a)
    _, wanted = run(text, X, 1.0)
    assert np.allclose(shares[0], wanted[0]) and np.allclose(shares[1], wanted[1], rtol=1e-6)


@pytest.mark.parametrize(
    "around",
    [
        "def g(p, x): return p['a'] * x\nprint(g(D, 1.0))",
        "def g(x, p=D): return p['a'] * x",
        "def g(D): D['a'] = 2.0",
        "def g():\n  D = {}\n  D['a'] = 2.0",
        "E = {**D, 'b': 2.0}",
        "E = D.copy()\nE['a'] = 3.0",
        "def g(**p): return p\ng(**D)",
        "import json\nprint(json.dumps(D), len(D))",
    ],
)
def test_a_dict_outside_that_its_text_only_reads_is_read(around: str) -> None:
    value, (share,) = run(f"D = {{'a': 1.5}}\n{around}\ndef f(x):\n  return D['a'] * x * x\n", 2.0)
    assert (value, share) == (6.0, 6.0)
