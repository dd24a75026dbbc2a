"""Every rule through the engine: both modes against each other, second order, shapes and dtypes, types known and unknown.

A new rule needs no new test, only sample calls in `domains`; that its differential is right is `test_rules_numeric`'s matter.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from domains import CASES, Case, call

from adtransform import emit, modes
from adtransform.activity import differentiable_operands
from adtransform.build import Builder
from adtransform.errors import DifferentiationError
from adtransform.interpret import interpret
from adtransform.ir import Const, Function, Leaf, Let, Param, Var
from adtransform.lattice import UNKNOWN, of_value
from adtransform.rules.equations import differential
from adtransform.rules.table import RULES
from adtransform.verify import verify

EVERY = [pytest.param(op, case, id=f"{op}-{i}") for op, cases in CASES.items() for i, case in enumerate(cases)]
TYPED = pytest.mark.parametrize("typed", [True, False], ids=["typed", "untyped"])


def moves(value: Any) -> bool:
    """Whether a sample operand may be differentiated."""
    return isinstance(value, float) or (isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind == "f")


def build(op: str, case: Case, typed: bool) -> tuple[Function, dict[str, Any], tuple[str, ...]]:
    """The call as a function of its float operands; also its arguments and the differentiable parameters."""
    b = Builder()
    given: dict[str, Any] = {}

    def operand(name: str, value: Any) -> Var | Const:
        if name == "ord" or not (moves(value) or isinstance(value, np.ndarray)):
            return Const(value)
        given[name] = value
        return b.let("load", name, hint=name, type=of_value(value, name) if typed or not moves(value) else UNKNOWN)

    args = [operand(f"p{i}", a) for i, a in enumerate(case.args)]
    kwargs = {k: operand(k, v) for k, v in case.kwargs.items()}
    with quiet():
        result = call(op, case.args, case.kwargs)
    count = len(result) if isinstance(result, tuple) else 1
    targets = b.apply(op, args, kwargs, count=count, hints=[f"y{i}" for i in range(count)])
    let = b.body[-1]
    assert isinstance(let, Let)
    tree = tuple(Leaf(i) for i in range(count)) if isinstance(result, tuple) else Leaf(0)
    f = Function(
        "f", tuple(Param(n, of_value(v, n) if typed else UNKNOWN) for n, v in given.items()), b.region((), targets), tree
    )
    loads = {s.targets[0]: str(s.args[0].value) for s in b.body if isinstance(s, Let) and s.op == "load"}  # type: ignore[union-attr]
    wrt = tuple(dict.fromkeys(loads[a] for a in differentiable_operands(let) if a in loads and moves(given[loads[a]])))
    return f, given, wrt


@contextmanager
def quiet() -> Iterator[None]:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def perform(f: Function, arguments: dict[str, Any]) -> Any:
    """The emitted code's result; the interpreter must say the same."""
    verify(f)
    code = emit.load(emit.module((f,)))[f.name]
    with quiet():
        found = code(**{p.name: arguments[p.name] for p in f.params if p.name in arguments})
        same(found, interpret(f, {p.name: arguments[p.name] for p in f.params if p.name in arguments}))
    return found


def same(a: Any, b: Any) -> None:
    if isinstance(a, tuple):
        for x, y in zip(a, b, strict=True):
            same(x, y)
    else:
        np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), rtol=1e-12, atol=1e-14)


def leaves(x: Any) -> list[Any]:
    return [y for item in x for y in leaves(item)] if isinstance(x, tuple) else [x]


def random(like: Any, seed: int) -> Any:
    """A random tangent or adjoint of a value's kind, shape and dtype."""
    values = np.random.default_rng(seed).standard_normal(np.shape(like))
    return values.astype(like.dtype) if isinstance(like, np.ndarray) else type(like)(values) if moves(like) else float(values)


def inner(xs: list[Any], ys: list[Any]) -> tuple[float, float]:
    """The inner product and the size of what was added up."""
    products = [np.asarray(x, float) * np.asarray(y, float) for x, y in zip(xs, ys, strict=True)]
    return sum(float(p.sum()) for p in products), sum(float(np.abs(p).sum()) for p in products)


def tolerance(values: dict[str, Any]) -> float:
    single = any(getattr(v, "dtype", None) == np.float32 for v in values.values())
    return 2e-4 if single else 1e-11


def is_complex(op: str, case: Case) -> bool:
    """Whether a sample call has complex results."""
    with quiet():
        return any(np.iscomplexobj(y) for y in leaves(call(op, case.args, case.kwargs)))


@TYPED
@pytest.mark.parametrize(("op", "case"), EVERY)
def test_the_modes_agree(op: str, case: Case, typed: bool) -> None:
    """<bar, J v> = <J.T bar, v>, and every share has its operand's shape and dtype."""
    f, given, wrt = build(op, case, typed)
    if not wrt or is_complex(op, case):
        pytest.skip("nothing to differentiate in real numbers")
    if op == "fit" and not typed and np.ndim(case.args[0]) < np.ndim(case.args[1]):
        pytest.skip("the ranks have to be known")
    try:
        forward, reverse = modes.forward(f, wrt), modes.reverse(f, wrt)
    except DifferentiationError as error:
        if typed or "of arrays of these ranks" not in str(error):
            raise
        pytest.skip("the ranks have to be known")
    tangents = {n: random(given[n], i) for i, n in enumerate(wrt)}
    value, dvalue = perform(forward, given | {f"d{n}": t for n, t in tangents.items()})
    for y, dy in zip(leaves(value), leaves(dvalue), strict=True):
        assert np.shape(dy) == np.shape(y)
    names = [p.name for p in reverse.params if p.name not in given]
    ys = [y for r, y in zip(f.results, leaves(value), strict=True) if f"d{_hint(r)}" in names or len(leaves(value)) == 1]
    bars = [1.0 if not names else random(y, 50 + i) for i, y in enumerate(ys)]
    again, shares = perform(reverse, given | dict(zip(names, bars, strict=False)))
    same(value, again)
    for n, share in zip(wrt, shares, strict=True):
        assert np.shape(share) == np.shape(given[n]), (n, share)
        if isinstance(given[n], (np.ndarray, np.generic)):
            assert share.dtype == given[n].dtype
        else:
            assert type(share) is float
    dys = [d for r, d in zip(f.results, leaves(dvalue), strict=True) if f"d{_hint(r)}" in names or len(leaves(value)) == 1]
    left, size = inner(bars, dys)
    right, _ = inner(list(shares), [tangents[n] for n in wrt])
    if np.isfinite(left) or np.isfinite(right):
        assert abs(left - right) <= tolerance(given) * max(1.0, size), (left, right)


def _hint(r: Any) -> str:
    return r.hint if isinstance(r, Var) else ""


@pytest.mark.parametrize(("op", "case"), EVERY)
def test_second_order(op: str, case: Case) -> None:
    """Forward over reverse is what differences of reverse say, and the transpose of reverse over reverse."""
    f, given, wrt = build(op, case, True)
    first = modes.reverse(f, wrt) if wrt else f
    names = [p.name for p in first.params if p.name not in given]
    if (
        not wrt
        or is_complex(op, case)
        or len(f.results) != 1
        or any(np.size(v) == 0 or getattr(v, "dtype", 0) == np.float32 for v in given.values())
    ):
        pytest.skip("no second order here")
    with quiet():
        y = interpret(f, given)
    given = given | {n: random(np.asarray(y, float) if np.ndim(y) else float(y), 7) for n in names}
    count = len(f.results)
    body = replace(first.body, results=first.results[count:])
    shares = replace(first, name="f_shares", body=body, tree=tuple(Leaf(i) for i in range(len(wrt))))
    over = modes.tangent(shares, wrt)
    tangents = {n: random(given[n], 20 + i) for i, n in enumerate(wrt)}
    extra = [p.name for p in over.params if p.name not in {q.name for q in shares.params}]
    found = leaves(perform(over, given | dict(zip(extra, tangents.values(), strict=True))))

    def at(h: float) -> list[Any]:
        moved = {
            n: given[n] + type(given[n] * 1.0)(h) * t if np.ndim(t) == 0 else given[n] + h * t for n, t in tangents.items()
        }
        with quiet():
            return [np.asarray(s, float) for s in leaves(interpret(shares, given | moved))]

    h = 1e-3
    steps = zip(at(2 * h), at(h), at(-h), at(-2 * h), strict=True)
    expected = [(8 * (b - c) - (a - d)) / (12 * h) for a, b, c, d in steps]
    if case.smooth:
        for x, e in zip(found, expected, strict=True):
            np.testing.assert_allclose(np.asarray(x, float), e, rtol=2e-5, atol=2e-6)
    twice = modes.reverse(shares, wrt)
    bars = [random(given[n], 90 + i) for i, n in enumerate(wrt)]
    seeds = [p.name for p in twice.params if p.name not in {q.name for q in shares.params}]
    if len(seeds) != len(bars):
        return
    _, back = perform(twice, given | dict(zip(seeds, bars, strict=True)))
    left, size = inner(bars, found)
    right, _ = inner(list(leaves(back)), list(tangents.values()))
    if np.isfinite(left):
        assert abs(left - right) <= 1e-9 * max(1.0, size), (left, right)


def test_a_row_shared_with_an_alias_keeps_its_own_arithmetic() -> None:
    """`u / v` of Python raises where NumPy's `divide` does not: what was read first must not decide for both."""
    u, v, y = Var(), Var(), Var()
    ops: dict[str, set[str]] = {}
    for op in ("numpy.divide", "operator.truediv"):
        row = RULES[op][0]
        found = differential(row, ("u", "v"), {"u": u, "v": v, "y": y})
        ops[op] = {s.op for s in found.function.body.body if isinstance(s, Let)}
    assert "numpy.divide" in ops["numpy.divide"] and "operator.truediv" not in ops["numpy.divide"]
    assert "operator.truediv" in ops["operator.truediv"] and "numpy.divide" not in ops["operator.truediv"]
