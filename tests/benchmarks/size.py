"""How the time of a transformation grows with the length of the function: CPU seconds of each part.

python tests/benchmarks/size.py [statements ...]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from test_size import (
    FLOAT,
    VECTOR,
    additions,
    appends,
    array_of,
    blocks,
    branches_in_loop,
    helpers,
    numbers,
    numbers_in_loop,
    one_loop,
    read,
    straight,
    sum_of,
    whiles,
    writes,
)

from adtransform import emit
from adtransform.modes import gradient
from adtransform.pipeline import derivative, unhindered

SIZES = 2_500, 5_000, 10_000
TYPED = {"x": VECTOR, "a": FLOAT}
SHAPES = {
    "straight": straight,
    "numbers": numbers,
    "numbers in loop": numbers_in_loop,
    "blocks": blocks,
    "one loop": one_loop,
    "ifs in loop": branches_in_loop,
    "whiles": whiles,
    "writes": writes,
    "appends": appends,
    "additions": additions,
    "helpers": helpers,
    "array of": array_of,
    "sum of": sum_of,
}


def measure(name: str, mode: str, typed: bool, n: int) -> str:
    """One line of the table."""
    start = time.process_time()
    spent = []

    def lap() -> None:
        spent.append(time.process_time() - start - sum(spent))

    f = read(SHAPES[name](n), TYPED if typed else {})
    lap()
    if mode == "second order":
        made = derivative(gradient(f, ["x", "a"], single=False), "forward", ["x", "a"])
    else:
        made = derivative(f, mode, ["x", "a"])
    lap()
    with unhindered():
        text = emit.module(made)
    emit.load(text)
    lap()
    parts = "  ".join(f"{s:6.2f}" for s in (*spent, sum(spent)))
    return f"{name:15s} {mode:12s} {'typed' if typed else 'untyped':8s} {n:6d}  {parts}  {text.count(chr(10)):7d}"


def main(sizes: tuple[int, ...]) -> None:
    """Print the table."""
    print("function        mode         types    length    read  derive    emit   total    lines")
    for name, mode, typed in (
        ("straight", "forward", True),
        ("straight", "reverse", True),
        ("straight", "pair", True),
        ("straight", "second order", True),
        ("straight", "reverse", False),
        *((name, "reverse", typed) for name in list(SHAPES)[1:] for typed in (True, False)),
    ):
        for n in sizes:
            print(measure(name, mode, typed, n), flush=True)


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or SIZES)
