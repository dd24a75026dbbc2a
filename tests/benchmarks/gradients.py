"""How long a gradient takes, against the plain function: medians of rounds in turn, on one thread.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python tests/benchmarks/gradients.py

One line a function and size: the time of the function, and of value and gradient together as a multiple of it.  The emitted
code is made once, before the clock starts.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import adtransform as ad

ROUNDS = 15


def logistic(w: Any, b: Any, x: Any, y: Any) -> Any:
    z = x @ w + b
    return np.mean(np.logaddexp(0.0, z) - y * z) + 1e-3 * np.sum(w * w)


def plate(u: Any, k: Any, steps: int) -> Any:
    v = u.copy()
    for _ in range(steps):
        around = v[2:, 1:-1] + v[:-2, 1:-1] + v[1:-1, 2:] + v[1:-1, :-2]
        v[1:-1, 1:-1] += 0.1 * k[1:-1, 1:-1] * (around - 4.0 * v[1:-1, 1:-1])
    return np.sum(v * v)


def recurrence(x: Any) -> Any:
    y = x.copy()
    for i in range(1, len(y)):
        y[i] = y[i] + 0.5 * np.sin(y[i - 1])
    return np.sum(y * y)


def pendulum(angle: float, speed: float, damping: float, steps: int) -> float:
    for _ in range(steps):
        speed = speed - 0.01 * (math.sin(angle) + damping * speed)
        angle = angle + 0.01 * speed
    return angle * angle


def cases() -> list[tuple[str, Callable[..., Any], tuple[int, ...], tuple[Any, ...]]]:
    """Name, function, what is differentiated, arguments."""
    rng = np.random.default_rng(0)
    found: list[tuple[str, Callable[..., Any], tuple[int, ...], tuple[Any, ...]]] = []
    for n in (100, 100_000):
        x, y = rng.normal(size=(n, 20)), (rng.random(n) < 0.5).astype(float)
        found.append((f"logistic regression {n} x 20", logistic, (0, 1), (rng.normal(size=20), 0.1, x, y)))
    for n, steps in ((16, 10), (256, 100)):
        found.append((f"heated plate {n} x {n}, {steps} steps", plate, (0, 1), (rng.random((n, n)), rng.random((n, n)), steps)))
    found += [(f"in-place recurrence, {n} writes", recurrence, (0,), (rng.normal(size=n),)) for n in (1_000, 10_000)]
    found += [(f"pendulum, {n} steps", pendulum, (0, 1, 2), (0.5, 0.1, 0.2, n)) for n in (1_000, 10_000)]
    return found


def main() -> None:
    """Measure and print."""
    for name, f, wrt, args in cases():
        gradient = ad.value_and_grad(f, wrt=wrt)
        gradient(*args)
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(ROUNDS):
            for call, spent in zip((f, gradient), times, strict=True):
                start = time.perf_counter()
                call(*args)
                spent.append(time.perf_counter() - start)
        plain, both = (statistics.median(spent) for spent in times)
        print(f"{name:40s} {1e3 * plain:9.3f} ms   value and gradient {both / plain:5.2f} x")


if __name__ == "__main__":
    main()
