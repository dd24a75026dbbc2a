"""Random programs over tables: lists of lists and of arrays, given or made, whose rows are written, moved, copied and shared.

Emitted code writes inner lists where they are, so no two rows may be one list that are two in the program, and nobody's row
may be written that is still read.  What may be shared in a way that is not followed is refused.  `ADTRANSFORM_RANDOM` many.
"""

from __future__ import annotations

import copy
import os
import random
from typing import Any

import numpy as np
import pytest

from adtransform import pipeline
from adtransform.errors import DifferentiationError
from adtransform.lattice import FLOAT, List
from adtransform.read import read
from adtransform.source import from_text

COUNT = int(os.environ.get("ADTRANSFORM_RANDOM", "200"))
CHUNK = 20
TABLE = List(List(FLOAT))
TYPES = {"A": TABLE, "x": List(FLOAT), "b": FLOAT}
MADE = [
    "    B = [[v * b, b, v] for v in x]",
    "    B = [r[:] for r in A]",
    "    B = [[0.0] * 3 for _ in range(3)]",
    "    B = [A[2][:], [b, x[0], x[1]], A[0].copy()]",
    "    B = [np.array(r) * b for r in A]",
    "    B = []\n    for i in range(3):\n        B.append([x[i], b, b * x[i]])",
]
VALUES = [
    "{s}",
    "{t} * {s}",
    "{t} + {s}",
    "math.sin({t})",
    "{t} * b",
    "b",
    "0.5 * {t} - {s}",
]
CHANGES = [
    "{p} = {v}",
    "{p} += {v}",
    "{p} *= {v}",
    "{p} -= 0.3 * {v}",
    "s = s * 0.5 + {v}",
    "{M}[{i}], {M}[{j}] = {M}[{j}], {M}[{i}]",
    "{M}[{i}] = {M}[{j}].copy()",
    "{M}[{i}] = {M}[{j}] * 1",
    "{M}[{i}][{j}], {M}[{i}][{k}] = {M}[{i}][{k}], {M}[{i}][{j}]",
    "row = {M}[{i}]; s += row[{k}] * {v}",
    "row = {M}[{i}]; row[{k}] = {v}",
    "old = {M}[{i}].copy(); {p} = {v}; s += old[{k}]",
]


class Maker:
    """One program from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.indices: list[str] = []

    def index(self) -> str:
        r = self.random
        own = [*self.indices, *(f"({i} + 1) % 3" for i in self.indices), *(f"{i} - 1" for i in self.indices)]
        return r.choice(own) if own and r.random() < 0.7 else r.choice(["0", "1", "2", "-1"])

    def place(self) -> str:
        return f"{self.random.choice('AB')}[{self.index()}][{self.index()}]"

    def value(self) -> str:
        return self.random.choice(VALUES).format(s=self.place(), t=self.random.choice([self.place(), "s", "x[1]"]))

    def change(self) -> str:
        m = self.random.choice("AB")
        parts = {"p": self.place(), "v": self.value(), "M": m}
        weights = [4, 3, 3, 3, 2, 2, 1, 0.3, 1, 1, 1, 1]
        form = self.random.choices(CHANGES, weights)[0]
        return form.format(**parts, i=self.index(), j=self.index(), k=self.index())

    def block(self, indent: str, depth: int) -> list[str]:
        r, lines = self.random, []
        for _ in range(r.choice([1, 2, 2, 3])):
            kind = r.random()
            if kind < 0.3 and depth < 3:
                name = "ijk"[len(self.indices)]
                head = r.choice(["range(3)", "range(1, 3)", "range(2, -1, -1)", "range(len(x))"])
                self.indices.append(name)
                lines += [f"{indent}for {name} in {head}:", *self.block(indent + "    ", depth + 1)]
                self.indices.pop()
            elif kind < 0.4 and depth < 3:
                lines += [f"{indent}if {self.place()} > 0.4:", *self.block(indent + "    ", depth + 1)]
            else:
                lines.append(indent + self.change())
        return lines

    def text(self) -> str:
        lines = ["import math", "import numpy as np", "def f(A, x, b):", self.random.choice(MADE), "    s = b"]
        lines += self.block("    ", 0)
        total = "sum(sum(r) * (i + 1) for i, r in enumerate({}))"
        return "\n".join([*lines, f"    return s + {total.format('A')} + 0.7 * {total.format('B')}"]) + "\n"


def given(seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [rng.uniform(0.2, 0.9, (3, 3)).tolist(), rng.uniform(0.2, 0.9, 3).tolist(), float(rng.uniform(0.3, 0.8))]


def moved(args: list[Any], along: list[Any], h: float) -> list[Any]:
    made = [np.asarray(x) + h * np.asarray(d) for x, d in zip(args, along, strict=True)]
    return [made[0].tolist(), made[1].tolist(), float(made[2])]


@pytest.mark.parametrize("start", range(0, COUNT, CHUNK))
def test_tables_are_written_where_they_are(start: int) -> None:
    checked = 0
    for seed in range(start, start + CHUNK):
        text = Maker(seed).text()
        namespace: dict[str, Any] = {}
        exec(text, namespace)
        plain, args, along = namespace["f"], given(seed), given(seed + 1000)
        try:
            f = read(from_text(text), "f", TYPES)
            reverse = pipeline.compile(f, "reverse", tuple(TYPES)).functions["f_reverse"]
            forward = pipeline.compile(f, "forward", tuple(TYPES)).functions["f_forward"]
        except DifferentiationError:
            continue
        before = copy.deepcopy(args)
        value, shares = reverse(*args)
        value_, tangent = forward(*args, *along)
        assert args == before, text
        assert value == value_ == plain(*copy.deepcopy(args)), text
        slope = sum(float(np.sum(np.asarray(s) * np.asarray(d))) for s, d in zip(shares, along, strict=True))
        assert slope == pytest.approx(float(tangent), rel=1e-10, abs=1e-10), text
        slopes = [(plain(*moved(args, along, h)) - plain(*moved(args, along, -h))) / (2 * h) for h in (1e-5, 2e-6)]
        if abs(slopes[0] - slopes[1]) < 1e-6 * (1 + abs(slopes[0])):
            assert slope == pytest.approx(slopes[0], rel=1e-5, abs=1e-5), text
            checked += 1
    assert checked > CHUNK // 4
