"""The emitted code as a reviewer reads it: no line that a person would have struck out, nothing saved that is not read."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from adtransform import check_grads, pipeline
from adtransform.cli.targets import argument
from adtransform.source import from_text


def reversed_(source: str, *known: str, wrt: str) -> str:
    """The body of the emitted reverse function of `f`, docstring and checks of the arguments left out."""
    text = inspect.cleandoc(source)
    f = pipeline.load_function(from_text(f"import math\nimport numpy as np\n\n{text}\n"), "f", dict(map(argument, known)))
    lines = pipeline.text(f, "reverse", wrt.split(",")).split("def f_reverse")[1].splitlines()
    start = max(i for i, line in enumerate(lines) if line.endswith('"""') or line.startswith("        raise")) + 1
    return inspect.cleandoc("\n".join(lines[start:]))


def test_an_unused_index_is_not_counted_down() -> None:
    text = reversed_(
        """
        def f(x, n):
            for _ in range(n):
                x = x * x
            return x
        """,
        "x: float",
        wrt="x",
    )
    assert "for _ in range(n):" in text.split("dx = 1.0")[1]


def test_loops_that_count_down_are_run_upwards() -> None:
    text = reversed_(
        """
        def f(x):
            n = len(x)
            for i in reversed(range(n - 1)):
                x[i] += x[i + 1] * x[i + 1]
            return np.sum(x)
        """,
        "x[N]",
        wrt="x",
    )
    assert "for i in range(t2):" in text
    assert "trips" not in text and "len(range" not in text


def test_slices_of_equal_bounds_are_equally_long() -> None:
    """A triangular solve: no share is fitted, and nothing is saved but what the backward sweep multiplies with."""
    text = reversed_(
        """
        def f(L, x):
            for i in range(len(x)):
                x[i] = (x[i] - np.dot(L[i, :i], x[:i])) / L[i, i]
            return np.sum(x)
        """,
        "L[N,N]",
        "x[N]",
        wrt="L,x",
    )
    assert "fit(" not in text
    assert text.count("_tape = []") == 2
    assert "dx[:i] -= " in text and "dL[i, :i] -= " in text


def test_equal_shares_are_added_once() -> None:
    text = reversed_("def f(x): return x @ x", "x[N]", wrt="x")
    assert text.endswith("dx = 2.0 * x\nreturn y, (dx,)")


def test_the_outer_product_of_vectors_has_plain_adjoints() -> None:
    text = reversed_("def f(A, u, v): return np.sum(A * np.outer(u, v))", "A[N,M]", "u[N]", "v[M]", wrt="u,v")
    assert "reshape" not in text and "ravel" not in text
    assert "du = A @ v" in text and "dv = u @ A" in text


def test_two_arrays_made_alike_are_two() -> None:
    text = reversed_(
        """
        def f(x, n):
            total = 0.0
            for sign in (1.0, -1.0):
                y = np.full(n, x)
                for i in range(n):
                    y += sign * x
                total += np.sum(y)
            return total
        """,
        "x: float",
        "n: int",
        wrt="x",
    )
    assert [line for line in text.splitlines() if "np.full" in line and "#" not in line] == [
        "y = np.full(n, x)",
        "y_1 = np.full(n, x)",
    ]
    assert "copy()" not in text


def test_shares_are_called_after_their_parameters() -> None:
    text = reversed_("def f(A, x): return np.sum(A @ x)", "A[N,M]", "x[M]", wrt="A,x")
    assert text.endswith("return y, (dA, dx)")


def _ragged(x: Any, n: int) -> Any:
    """Slices of different trips are of different lengths, one of which broadcasts."""
    total = 0.0
    w = x[:1]
    for i in range(1, n):
        y = x[:i] * 2.0
        if i < 3:
            total = total + np.sum(w * y)
        w = y
    return total


def _kept(x: Any, n: int) -> Any:
    seen = []
    for i in range(n):
        seen.append(x[: i + 1] * 1.5)
    return np.sum(seen[0] * seen[2]) + np.sum(seen[0] * seen[1] * seen[1])


def _grown(x: Any, n: int) -> Any:
    p, q = x[:1] * 1.0, x[:1] * 2.0
    for i in range(n):
        if i == 1:
            p = x * 1.0
        if i == 5:
            q = x * 3.0
    return np.sum(p * q * q)


def _left_behind(x: Any, n: int) -> Any:
    """What an inner loop leaves is as long as its last trip made it."""
    total, last = 0.0, x[:1]
    for i in range(1, n):
        for j in range(1, i + 1):
            part = x[:j] * x[0]
        if i > 1:
            total = total + np.sum(last * part)
        last = x[:i] * x[1] if i > 1 else x[:1] * 1.0
    return total


@pytest.mark.parametrize("f", [_ragged, _kept, _grown, _left_behind])
def test_extents_of_different_trips_differ(f: Any) -> None:
    check_grads(f, (np.array([1.0, 2.0, 3.0]), 3), order=2)
