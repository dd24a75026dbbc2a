"""Random programs of arrays and numbers of which no type is known: what is emitted for them is right for every shape.

Numbers come from reductions and are factors and terms of arrays again, in loops, branches and helpers.  Every share has to be
summed over the axes its operand was broadcast along, wherever it is summed.  `ADTRANSFORM_RANDOM` says how many.
"""

from __future__ import annotations

import os
import random
from typing import Any

import numpy as np
import pytest

from adtransform import pipeline
from adtransform.read import read
from adtransform.source import from_text

COUNT = 2 * int(os.environ.get("ADTRANSFORM_RANDOM", "200"))
CHUNK = 20
REDUCED = ["np.sum({})", "np.mean({})", "({}).sum()", "np.max({})", "np.sum(np.sin({}))"]
NUMBERS = [
    "(1 - {c})",
    "-{c}",
    "({c} - {d})",
    "{c} * {d}",
    "0.5 * {c}",
    "{c} / (2 + {d} ** 2)",
    "np.tanh({c})",
    "{r}",
    "({r} - {c})",
]
ARRAYS = [
    *["{c} * {u}", "({u} + {c})", "({c} - {u})", "{u} * {v}", "({u} - {v})", "-{u}", "np.sin({u})", "{u} / (2 + {c} ** 2)"],
    *["np.where({u} > 0.3, {u}, {c} * {v})", "np.maximum({u}, {c})", "({u})[::-1]", "np.tanh({u} * {c}) * {d}", "({u} - {r})"],
]
SHAPES: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((4,), (4,)),
    ((2, 3), (3,)),
    ((3,), (2, 3)),
    ((2, 1), (1, 3)),
    ((1,), (3,)),
]
SHAPES += [((), (3,)), ((2, 3), ())]


class Maker:
    """One program from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.numbers, self.arrays = ["a"], ["u", "v"]

    def number(self, depth: int = 2) -> str:
        if depth == 0 or self.random.random() < 0.2:
            return self.random.choice(self.numbers)
        form = self.random.choice(NUMBERS)
        whole = self.random.choice(REDUCED).format(self.array(depth - 1))
        return form.format(c=self.number(depth - 1), d=self.number(depth - 1), r=whole)

    def array(self, depth: int = 2) -> str:
        if depth == 0 or self.random.random() < 0.2:
            return self.random.choice(self.arrays)
        whole = self.random.choice(REDUCED).format(self.array(0))
        form = self.random.choice(ARRAYS)
        return form.format(
            u=self.array(depth - 1), v=self.array(depth - 1), c=self.number(depth - 1), d=self.number(depth - 1), r=whole
        )

    def bound(self, indent: str) -> list[str]:
        """A statement that binds a name."""
        kind, r = self.random.random(), self.random
        if kind < 0.35:
            return [f"{indent}{r.choice(self.numbers)} = np.tanh({self.number()})"]
        if kind < 0.45:
            return [f"{indent}{r.choice(self.numbers[1:] or ['a'])} {r.choice(['+=', '-='])} 0.1 * {self.number(1)}"]
        if kind < 0.55 and indent == "    ":
            name = r.choice("pq")
            made = [f"{indent}{name} = {self.number()}"]
            self.numbers.append(name)
            return made
        if kind < 0.65:
            return [
                f"{indent}if {self.number(0)} > 0.2:",
                *self.bound(indent + "    "),
                f"{indent}else:",
                *self.bound(indent + "    "),
            ]
        return [f"{indent}{r.choice(self.arrays)} = np.tanh({self.array()})"]

    def text(self) -> str:
        r = self.random
        lines = ["import numpy as np", "def f(u, v, a):"]
        for _ in range(r.choice([0, 1, 2])):
            lines += self.bound("    ")
        if r.random() < 0.8:
            lines += [r.choice(["    for i in range(3):", "    for i in range(int(2 + a)):"])]
            for _ in range(r.choice([1, 2, 3])):
                lines += self.bound("        ")
        lines += [f"    return {self.number()} + np.sum({self.array()})"]
        return "\n".join(lines) + "\n"


def moved(args: list[Any], along: list[Any], h: float) -> list[Any]:
    return [x + h * d for x, d in zip(args, along, strict=True)]


@pytest.mark.parametrize("start", range(0, COUNT, CHUNK))
def test_shares_are_as_wide_as_what_they_belong_to(start: int) -> None:
    checked = 0
    for seed in range(start, start + CHUNK):
        text = Maker(seed).text()
        f = read(from_text(text), "f", {})
        gradient = pipeline.compile(f, "reverse", ("u", "v", "a")).functions["f_reverse"]
        namespace: dict[str, Any] = {}
        exec(text, namespace)
        for shapes in SHAPES:
            rng = np.random.default_rng(seed)
            args = [rng.uniform(0.1, 0.9, s) if s else rng.uniform(0.1, 0.9) for s in (*shapes, ())]
            along = [rng.normal(size=s) if s else rng.normal() for s in (*shapes, ())]
            with np.errstate(all="ignore"):
                try:
                    slopes = [
                        (namespace["f"](*moved(args, along, h)) - namespace["f"](*moved(args, along, -h))) / (2 * h)
                        for h in (1e-5, 2e-6)
                    ]
                except (ValueError, TypeError, IndexError, AttributeError):
                    continue  # the shapes do not go together
            if not np.isfinite(slopes).all() or abs(slopes[0] - slopes[1]) > 1e-6 * (1 + abs(slopes[0])):
                continue  # a kink
            value, shares = gradient(*args)
            assert value == namespace["f"](*args), text
            for share, x in zip(shares, args, strict=True):
                assert np.shape(share) == np.shape(x), f"{shapes}\n{text}"
            slope = sum(float(np.sum(share * d)) for share, d in zip(shares, along, strict=True))
            assert abs(slope - slopes[0]) <= 1e-5 * (1 + abs(slopes[0])), f"{shapes}: {slope} for {slopes[0]}\n{text}"
            checked += 1
    assert checked > CHUNK
