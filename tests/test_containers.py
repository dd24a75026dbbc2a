"""Lists of lists, of arrays, of tuples and of objects: made, held by others too, changed, and read, in all combinations.

What Python has in two places at once the reader follows, or refuses: here a program is put together of one line of each
kind, and compared with Python and with differences.  `ADTRANSFORM_RANDOM=2000 pytest tests/test_containers.py` tries more.
"""

from __future__ import annotations

import copy
import os
import random
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from test_language import HEADER, compiled, same

import adtransform as ad
from adtransform.errors import DifferentiationError
from adtransform.pipeline import compile, load_function
from adtransform.source import from_text

COUNT = int(os.environ.get("ADTRANSFORM_RANDOM", "200"))
CHUNK = 20


class Kind(NamedTuple):
    """The lines a program is put together of: T is made, U or q hold it or parts of it, something is changed, and read."""

    made: list[str]
    held: list[str]
    changed: list[str]
    read: list[str]


HELD = [
    "U = T",
    "q = T[1]; U = T",
    "q = T[n]; U = T",
    "q = T[-1]; U = T",
    "U = T[:]",
    "U = T.copy()",
    "U = list(T)",
    "U = T[::-1]",
    "U = T[1:]",
    "U = [r for r in T]",
    "U = [r for k, r in enumerate(T) if k != 1]",
    "U = [r for r, v in zip(T, x)]",
    "U = T + [T[0]]",
    "U = [T[1], T[0]]",
    "d = {'u': T[1], 'v': T[0]}; U = [d['u'], d['v']]",
    "t = (T[0], T[1]); U = T",
    "T[0], T[1] = T[1], T[0]; U = T",
    "T[0], T[n] = T[n], T[0]; U = T",
    "q = T[0] if b > 0.5 else T[1]; U = T",
    "q = T.pop(); U = T",
    "q = T.pop(0); U = T",
    "U = []\n  for r in T: U.append(r)",
    "U = []\n  for k in range(2): U.append(T[k]); U.append(T[n])",
    "d = [(r, 1.0) for r in T]; U = [p[0] for p in d]",
]
ROWS = Kind(
    [
        "T = [[b, x[0]], [b, x[1]], [x[2], b]]",
        "T = [[b, x[0]], [b], [x[2], b, 1.0]]",
        "T = [[v, b * v] for v in x]",
        "T = [[b * k, x[k]] for k in range(n + 2)]",
        "T = [list(r) for r in M]",
        "T = []\n  for v in x: T.append([v, b])",
        "p = [b, x[0]]; r = [x[1], b]; T = [p, r, [b, b]]",
        "T = [[0.0] * 2 for _ in range(3)]",
        "T = [list(c) for c in zip(x, x * b)]",
        "o = C([[v, b] for v in x])\n  T = o.rows",
        "T = deque([[b, x[0]], [b, x[1]], [x[2], b]])",
    ],
    [*HELD, "U = [r[:] for r in T]", "U = [list(r) for r in T]", "q = [b, 2.0]; T.append(q); U = T"],
    [
        "U[0][0] = 5 * b",
        "U[n][0] = 5 * b",
        "U[n][0] += x[2]",
        "U[1][-1] *= b",
        "U[0].append(x[3])",
        "U[n].append(x[3])",
        "U[1] += [b]",
        "U[n].extend([b, b])",
        "for r in U: r[0] *= 2",
        "for r in U: r.append(b)",
        "for k in range(2): U[k][0] += x[k]",
        "U[0] = [b, b * b]",
        "U[n] = [b, b * b]",
        "for k in range(2): U[k] = [v * b for v in U[k]]",
        "U[0][0], U[1][0] = U[1][0], U[0][0]",
        "U[n][:] = [b, x[3], b]",
        "for r, s in zip(U, U[1:]): r[0] += s[0]",
        "change(U, n, b)",
        "if x[0] > 0.5: U[n].append(b)",
        "if x[0] > 1.5: U[0] = [b, b]\n  else: U[1][0] = b * 3",
        "T[n][0] = 5 * b",
        "T[n].append(b)",
        "for r in U:\n    if r[0] > 0.9: break\n    r[0] += b",
        "del U[0]",
    ],
    [
        "sum(k * j * v for k, r in enumerate(T, 1) for j, v in enumerate(r, 1))",
        "sum(k * sum(r) for k, r in enumerate(U, 1))",
        "sum(q) * 2.0",
        "T[n][0] * 2 + U[0][-1]",
    ],
)
ARRAYS = Kind(
    [
        "T = [x * 1, x * b, x + b]",
        "T = [x * v for v in x]",
        "T = [x + k * b for k in range(n + 2)]",
        "T = [r * b for r in M]",
        "T = [r for r in M * b]",
        "T = []\n  for v in x: T.append(v * x)",
        "p = x * 1; r = x * b; T = [p, r, x * 3]",
        "o = C([x * 1, x * b, x + b])\n  T = o.rows",
    ],
    [*HELD, "U = [r.copy() for r in T]", "q = T[n][1:]; U = T", "T[0] = T[n]; U = T", "q = np.stack(T)[0]; U = T"],
    [
        "U[0][0] = 5 * b",
        "U[n][0] = 5 * b",
        "U[n][0] += x[2]",
        "U[1] *= b",
        "U[n] += b",
        "for r in U: r[0] *= 2",
        "for r in U: r += b",
        "for k in range(2): U[k] += x[k]",
        "U[0] = x * b",
        "U[n] = x * b",
        "for k in range(2): U[k] = U[k] * b",
        "U[n][1:] = b",
        "change(U, n, b)",
        "if x[0] > 0.5: U[n] *= b",
        "T[n] *= b",
        "for k in range(1, 2): U[k] += U[k - 1] * b",
        "for r, s in zip(U, U[1:]): r += s * b",
        "del U[0]",
    ],
    [
        "sum(k * r[0] + r[1] for k, r in enumerate(T, 1))",
        "sum(k * r[0] for k, r in enumerate(U, 1))",
        "np.sum(q) * 2.0",
        "T[n][0] * 2 + U[0][-1]",
    ],
)
PAIRS = Kind(
    [
        "T = [([b, x[0]], b), ([x[1], b], x[2]), ([b, b], 2.0)]",
        "T = [([v, b], v * b) for v in x]",
        "T = []\n  for v in x: T.append(([v, b], v))",
        "T = [(x * k, b * k) for k in range(1, 4)]",
        "T = [([v], v * b) for v in x]",
        "T = [Pair([v, b], v * b) for v in x]",
    ],
    [*HELD, "q = T[n][0]; U = T", "U = [(p, w) for p, w in T]", "T[0] = (T[1][0], b); U = T", "T[n] = (T[n][0], b); U = T"],
    [
        "U[0][0][0] = 5 * b",
        "U[n][0][0] = 5 * b",
        "U[n][0][0] += b",
        "U[0] = (U[0][0], b * 3)",
        "U[n] = (U[0][0], U[0][1] * b)",
        "for p, w in U: p[0] *= w",
        "for k, (p, w) in enumerate(U): U[k] = (p, w + k * b)",
        "if b > 5: U[0] = (U[1][0], b)",
        "T[n] = (T[0][0], b)",
        "U.reverse()",
        "U.insert(1, (U[1][0], x[3]))",
        "U[0], U[1] = U[1], U[0]",
        "del U[0]",
    ],
    [
        "sum(k * np.sum(p) * w for k, (p, w) in enumerate(T, 1))",
        "sum(k * np.sum(p) * w for k, (p, w) in enumerate(U, 1))",
        "np.sum(T[n][0]) * T[n][1] + U[0][1]",
        "np.sum(T[1][0]) + 2 * np.sum(U[0][0])",
    ],
)
RECORDS = Kind(
    [
        "T = [Rec(b, x[0]), Rec(x[1], b), Rec(b, 2.0)]",
        "T = [Rec(v, b) for v in x]",
        "T = [Rec(b * k, x[k]) for k in range(n + 2)]",
        "T = []\n  for v in x: T.append(Rec(v, b * v))",
        "T = [Rec(k=v, w=c) for v, c in zip(x, M[0])]",
        "p = Rec(b, x[0]); T = [p, Rec(x[1], b), Rec(b, b)]",
    ],
    [*HELD, "q = max(T, key=lambda r: r.w); U = T", "U = sorted(T, key=lambda r: r.k)", "q = T[n]; T[n] = Rec(b, b); U = T"],
    [
        "U[0].k = 5 * b",
        "U[n].k += x[2]",
        "q.k *= b",
        "for r in U: r.k *= 2",
        "for k, r in enumerate(U): r.w += k * b",
        "for r, s in zip(U, U[1:]): r.k += s.w",
        "U[0] = Rec(b, b * b)",
        "U[n] = Rec(U[0].k, b)",
        "U[0], U[1] = U[1], U[0]",
        "U[0].k, U[1].w = U[1].w, U[0].k",
        "U.append(Rec(b, b))",
        "U.reverse()",
        "del U[0]",
        "T[n].w *= b",
        "if x[0] > 0.5: U[n].k *= b",
        "if x[0] > 1.5: U[0] = Rec(b, b)\n  else: U[1].k = b * 3",
        "for r in U:\n    if r.k > 0.9: break\n    r.k += b",
        "grow(U[n], b)",
        "U[0].k += b; T[0].k *= x[1]",
    ],
    [
        "sum(k * r.k * r.w for k, r in enumerate(T, 1))",
        "sum(k * r.k + r.w for k, r in enumerate(U, 1))",
        "q.k * 2.0 + q.w",
        "T[n].k * 2 + U[0].w",
    ],
)
KINDS = {"rows": ROWS, "arrays": ARRAYS, "pairs": PAIRS, "records": RECORDS}
HEAD = """
class C:
  def __init__(self, rows): self.rows = rows
class Pair(NamedTuple):
  q: list
  w: float
class Rec:
  def __init__(self, k, w): self.k = k; self.w = w
def change(t, i, v): t[i][0] += v
def grow(r, v): r.k += v
def f(x, M, b, n):
"""
ARGS = np.array([0.7, 1.3, -0.4, 2.1]), np.array([[1.1, 0.2, -0.3], [0.4, 1.5, 0.65], [-0.7, 0.8, 1.9]]), 0.73, 1
FLOATS = 0, 1, 2


def program(kind: str, seed: int) -> str:
    """A module whose `f` is put together of a line of each kind."""
    chosen = random.Random(f"{kind} {seed}")
    made, held, changed, read = map(chosen.choice, KINDS[kind])
    return f"{HEADER}{HEAD}  {made}\n  {held}\n  {changed}\n  return {read}\n"


def slopes(f: Callable[..., Any], step: float = 1e-5) -> list[Any]:
    """The gradient by differences."""
    found = []
    for i in FLOATS:
        grad = np.zeros(np.shape(ARGS[i]))
        for k in np.ndindex(grad.shape):
            moved: list[list[Any]] = [list(copy.deepcopy(ARGS)) for _ in range(2)]
            for args, way in zip(moved, (step, -step), strict=True):
                if grad.ndim:
                    args[i][k] += way
                else:
                    args[i] += way
            high, low = (f(*args) for args in moved)
            grad[k] = (high - low) / (2 * step)
        found.append(grad)
    return found


def close(a: Any, b: Any) -> bool:
    return all(np.allclose(x, y, rtol=1e-5, atol=1e-6) for x, y in zip(a, b, strict=True))


def typed(text: str, f: Callable[..., Any], value: Any, wanted: list[Any]) -> str:
    """What the interface makes of it: nothing wrong, or refused."""
    try:
        got, pull = ad.vjp(f, *copy.deepcopy(ARGS), wrt=FLOATS)
        ones = tuple(np.ones(np.shape(ARGS[i])) if np.ndim(ARGS[i]) else 1.0 for i in FLOATS)
        ahead, tangent = ad.jvp(f, copy.deepcopy(ARGS), ones, wrt=FLOATS)
    except DifferentiationError as refused:
        assert all(m.line and m.help for m in refused.messages), f"refused without a place\n{text}"
        return "refused"
    assert same(got, value), f"{got!r} is not {value!r}\n{text}"
    assert same(ahead, value), f"{ahead!r} is not {value!r}\n{text}"
    assert close(pull(1.0), wanted), f"{pull(1.0)} is not {wanted}\n{text}"
    assert close([tangent], [sum(map(np.sum, wanted))]), f"{tangent} is not the sum of {wanted}\n{text}"
    return "fine"


def untyped(text: str, value: Any, wanted: list[Any]) -> str:
    """What code made without types makes of it: nothing wrong, refused, or not for such arguments."""
    try:
        made = compile(load_function(from_text(text), "f", {}), "reverse", ["x", "M", "b"]).functions["f_reverse"]
    except DifferentiationError:
        return "refused"
    try:
        got, shares = made(*copy.deepcopy(ARGS))
    except ValueError as assumed:
        if " is updated while " in str(assumed) or " is taken as " in str(assumed) or " are one array" in str(assumed):
            return "assumed otherwise"
        raise
    assert close([got], [value]), f"{got!r} is not {value!r}\n{text}"
    assert close(shares, wanted), f"{shares} is not {wanted}\n{text}"
    return "fine"


@pytest.mark.parametrize("start", range(0, COUNT, CHUNK))
@pytest.mark.parametrize("kind", KINDS)
def test_lists_that_others_hold_too(kind: str, start: int) -> None:
    verdicts: Counter[str] = Counter()
    for seed in range(start, start + CHUNK):
        text = program(kind, seed)
        f = compiled(text)["f"]
        try:
            value = f(*copy.deepcopy(ARGS))
        except Exception:
            continue  # q is not there, or the rows are too short
        wanted = slopes(f)
        verdicts[typed(text, f, value, wanted)] += 1
        verdicts[f"{untyped(text, value, wanted)} without types"] += 1
    assert verdicts["fine"] >= 2, f"hardly a test: {verdicts}"
