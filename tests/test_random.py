"""Random programs through every mode: against Python, against each other, and against differences.

`ADTRANSFORM_RANDOM=2000 pytest tests/test_random.py` tries more of them; a program that fails is made smaller and printed.
"""

from __future__ import annotations

import copy
import importlib.util
import itertools
import os
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from programs import Generator, N, Stmt, smaller, source

import adtransform
from adtransform.errors import DifferentiationError
from adtransform.interpret import interpret
from adtransform.ir import Function
from adtransform.lattice import of_value
from adtransform.optimise.prune import prune
from adtransform.optimise.tidy import tidy
from adtransform.read import read
from adtransform.rules.table import known
from adtransform.source import from_function
from adtransform.verify import verify

COUNT = int(os.environ.get("ADTRANSFORM_RANDOM", "200"))
CHUNK = 20
_serial = itertools.count()


class NoTest(Exception):
    """The program is no test: Python itself fails, or its values are out of range."""


def module(text: str, folder: Path) -> ModuleType:
    """A fresh module from source, with a file for those who look for it."""
    name = f"random_program_{next(_serial)}"
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(made)
    except SyntaxError as e:
        raise NoTest from e  # a program made smaller may not be one any more
    return made


def arguments(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {"x": rng.uniform(0.2, 1.2, N), "a": float(rng.uniform(0.2, 1.2)), "m": rng.uniform(-0.6, 0.8, (N, N))}


def flat(value: Any) -> list[np.ndarray[Any, Any]]:
    return [np.asarray(v) for v in (value if isinstance(value, tuple) else (value,))]


def same(a: Any, b: Any) -> bool:
    """Bit for bit, dtype and shape included."""
    x, y = flat(a), flat(b)
    return len(x) == len(y) and all(
        u.dtype == v.dtype and u.shape == v.shape and u.tobytes() == v.tobytes() for u, v in zip(x, y, strict=True)
    )


def dot(a: Any, b: Any) -> float:
    return float(sum(np.sum(u * v) for u, v in zip(flat(a), flat(b), strict=True)))


def check(body: list[Stmt], seed: int, folder: Path) -> None:
    """Raise `AssertionError` where something disagrees, `NoTest` for no test, `DifferentiationError` where refused."""
    made = module(source(body), folder)
    given = arguments(seed)

    def python(values: dict[str, Any]) -> Any:
        return made.f(**copy.deepcopy(values))

    try:
        value = python(given)
    except Exception as error:
        raise NoTest(str(error)) from error
    if not all(v.dtype == float and np.isfinite(v).all() and np.abs(v).max(initial=0) < 1e4 for v in flat(value)):
        raise NoTest("out of range")
    primal(made.f, given, value)
    derivatives(made.f, python, given, value, seed)


def primal(f: Callable[..., Any], given: dict[str, Any], value: Any) -> None:
    """What is read is what Python runs, before and after the passes that keep every bit."""
    before = copy.deepcopy(given)
    function = function_of(f, given)
    for step in (lambda g: g, tidy, prune):
        function = step(function)
        verify(function)
        assert same(interpret(function, given), value), (
            f"after {getattr(step, '__name__', 'read')}, the interpreter says otherwise"
        )
    assert all(same(given[k], before[k]) for k in given), "the interpreter changed an argument"


def function_of(f: Callable[..., Any], given: dict[str, Any]) -> Function:
    """A live function read for these arguments."""
    target = from_function(f)
    types = {k: of_value(v, k) for k, v in given.items()}
    return read(target.source, target.name, types, namespace=target.namespace, captured=target.captured, known=known)


def derivatives(f: Callable[..., Any], python: Callable[..., Any], given: dict[str, Any], value: Any, seed: int) -> None:
    """Reverse is the transpose of forward, forward is what differences say, and nothing of the caller's is touched."""
    before = copy.deepcopy(given)
    rng = np.random.default_rng(seed + 1)
    direction = tuple(rng.normal(size=np.shape(v)) if np.shape(v) else float(rng.normal()) for v in given.values())
    out, back = adtransform.vjp(f, *given.values())
    assert same(out, value), "vjp computes another value"
    weights = tuple(rng.normal(size=v.shape) for v in flat(value))
    bar = tuple(w if w.shape else float(w) for w in weights) if isinstance(value, tuple) else weights[0]
    bar = float(bar) if isinstance(bar, np.ndarray) and not bar.shape else bar
    first = back(bar)
    kept = copy.deepcopy(first)
    second = back(bar)
    assert same(second, kept), "the second call of vjp_fn differs"
    assert same(first, kept), "the second call of vjp_fn changed what the first returned"
    out, tangent = adtransform.jvp(f, tuple(given.values()), direction)
    assert same(out, value), "jvp computes another value"
    assert all(same(given[k], before[k]) for k in given), "an argument was changed"
    forward, reverse = dot(weights, tangent), dot(first, direction)
    scale = sum(float(np.sum(np.abs(u) * np.abs(v))) for u, v in zip(flat(first), flat(direction), strict=True))
    assert abs(forward - reverse) <= 1e-12 * max(1.0, scale, abs(forward)), f"forward {forward}, reverse {reverse}"
    slopes = [difference(python, given, direction, weights, h) for h in (1e-6, 3e-7)]
    if abs(slopes[0] - slopes[1]) < 1e-5 * max(1.0, abs(slopes[0])):  # otherwise a kink or a branch is near
        assert abs(forward - slopes[0]) <= 1e-4 * max(1.0, abs(forward), scale), f"forward {forward}, differences {slopes}"


def difference(python: Callable[..., Any], given: dict[str, Any], direction: tuple[Any, ...], weights: Any, h: float) -> float:
    up, down = (python({k: v + s * d for (k, v), d in zip(given.items(), direction, strict=True)}) for s in (h, -h))
    return (dot(weights, up) - dot(weights, down)) / (2 * h)


def outcome(body: list[Stmt], seed: int, folder: Path) -> tuple[str, str]:
    """A verdict and its reason: `fine`, `invalid`, `refused` or `fails`."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check(body, seed, folder)
    except NoTest as error:
        return "invalid", str(error)
    except DifferentiationError as error:
        return "refused", str(error)
    except Exception as error:
        return "fails", f"{type(error).__name__}: {error}"
    return "fine", ""


def shrunk(body: list[Stmt], seed: int, folder: Path) -> list[Stmt]:
    """The smallest program that still fails, dropping a statement at a time."""
    progress = True
    while progress:
        progress = False
        for candidate in smaller(body):
            if outcome(candidate, seed, folder)[0] == "fails":
                body, progress = candidate, True
                break
    return body


@pytest.mark.parametrize("start", range(0, COUNT, CHUNK))
def test_random_programs(start: int, tmp_path: Path) -> None:
    verdicts: Counter[str] = Counter()
    for seed in range(start, start + CHUNK):
        body = Generator(seed).program()
        verdict, reason = outcome(body, seed, tmp_path)
        verdicts[verdict] += 1
        if verdict == "fails":
            small = shrunk(body, seed, tmp_path)
            reason = outcome(small, seed, tmp_path)[1]
            pytest.fail(f"seed {seed}: {reason}\n{source(small).partition('def f(')[1]}{source(small).partition('def f(')[2]}")
    assert verdicts["fine"] >= CHUNK // 3, f"hardly a test: {verdicts}"
