"""Whether time and memory of a gradient grow with the number of steps, and with nothing else.

    python tests/benchmarks/linear.py

Four loops of n steps: the time of the function and of its gradient, and the most memory each needs at once, at three sizes.
Per step both should stay what they are: the last column is the gradient's time for one step, against that at the first size.
"""

from __future__ import annotations

import math
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import adtransform as ad

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 3


def elements(x: Any) -> Any:
    """In-place writes of elements, each read by the next."""
    y = x.copy()
    for i in range(1, len(y)):
        y[i] = y[i] * 0.5 + math.sin(y[i - 1])
    return np.sum(y * y)


def rows(x: Any) -> Any:
    """Writes through a view of a row."""
    y = x.copy()
    for i in range(1, y.shape[0]):
        row = y[i]
        row[1:] += 0.5 * np.sin(y[i - 1, 1:])
        row[0] *= 0.9
    return np.sum(y * y)


def appended(x: Any) -> Any:
    """A list that grows, read back from its end."""
    kept = []
    s = 0.0
    for i in range(len(x)):
        s = 0.9 * s + x[i] * x[i]
        kept.append(s)
        if i > 1:
            s += 0.01 * kept[-2]
    return s * sum(kept)


def recurrence(x: float, n: int) -> float:
    """A scalar that a loop carries."""
    for _ in range(n):
        x = 0.5 * x + 0.1 * math.sin(x)
    return x


def depth(x: float, n: int) -> float:
    """Recursion."""
    if n == 0:
        return x
    return 0.9 * depth(math.sin(x), n - 1) + 0.1 * x


def cases() -> list[tuple[str, Callable[..., Any], tuple[int, ...], Callable[[int], tuple[Any, ...]]]]:
    """Name, function, sizes, arguments of a size."""
    rng = np.random.default_rng(0)
    return [
        ("element writes", elements, SIZES, lambda n: (rng.normal(size=n),)),
        ("row writes through a view", rows, SIZES, lambda n: (rng.normal(size=(n, 8)),)),
        ("a list appended to", appended, SIZES, lambda n: (rng.normal(size=n) * 0.1,)),
        ("scalar recurrence", recurrence, SIZES, lambda n: (0.5, n)),
        ("recursion", depth, (100, 300, 900), lambda n: (0.5, n)),
    ]


def seconds(work: Callable[[], Any]) -> float:
    """The best of some rounds."""
    best = math.inf
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def megabytes(work: Callable[[], Any]) -> float:
    """The most memory held at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def main() -> None:
    """Measure and print."""
    heads = f"{'function':>12s}{'gradient':>12s}"
    print(f"{'':28s}{'n':>8s}{heads}{'ratio':>7s}{heads}{'per step':>10s}")
    for name, f, sizes, arguments in cases():
        first = 0.0
        for n in sizes:
            args = arguments(n)
            gradient = ad.grad(f)
            try:
                gradient(*args)
            except ad.DifferentiationError as refused:
                print(f"{name:28s}{n:8d}   {str(refused).splitlines()[0]}")
                break
            plain, both = seconds(partial(f, *args)), seconds(partial(gradient, *args))
            held, kept = megabytes(partial(f, *args)), megabytes(partial(gradient, *args))
            first = first or both / n
            print(
                f"{name:28s}{n:8d}{1e3 * plain:9.2f} ms{1e3 * both:9.2f} ms{both / plain:7.2f}{held:9.2f} MB{kept:9.2f} MB"
                f"{both / n / first:10.2f}"
            )


if __name__ == "__main__":
    main()
