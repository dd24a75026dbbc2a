"""`tests/cases/*.test`: a program, the passes, and the listing after them.

    # zeros vanish, but only where their shape is known
    passes: reverse simplify
    wrt: x
    ---- program
    def f(x, a):
        ...
    ---- after
    def f(x, a):
        ...

The program is Python, or the IR's own text when it ends in `yield`.  A pass is a function of that name in
`adtransform.optimise`, or one of `forward`, `partials`, `reverse` (the listing), `ahead`, `back`; what comes out of each is
verified.  The option `types:` prints types.  `pytest --update-golden` rewrites the last part.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import adtransform.optimise
from adtransform import modes
from adtransform.forward import forward
from adtransform.ir import Function
from adtransform.listing import parse, show
from adtransform.read import read
from adtransform.rules.table import known
from adtransform.source import from_text
from adtransform.verify import verify

CASES = sorted((Path(__file__).parent / "cases").glob("*.test"))


@dataclass
class Case:
    head: str
    options: dict[str, str]
    program: str
    after: str

    def text(self, after: str) -> str:
        return f"{self.head}---- program\n{self.program}---- after\n{after}"


def load(path: Path) -> Case:
    head, rest = path.read_text(encoding="utf-8").split("---- program\n")
    program, after = rest.split("---- after\n")
    options = dict(line.split(": ", 1) for line in head.splitlines() if not line.startswith("#"))
    return Case(head, options, program, after)


def function(program: str) -> Function:
    if program.rstrip().rpartition("\n")[2].lstrip().startswith("yield"):
        return parse(program)
    return read(from_text(program), re.findall(r"^def (\w+)", program, re.MULTILINE)[-1], {}, namespace=None, known=known)


def optimisation(name: str) -> Callable[[Function], Function]:
    for module in pkgutil.iter_modules(adtransform.optimise.__path__):
        found = getattr(importlib.import_module(f"adtransform.optimise.{module.name}"), name, None)
        if found is not None:
            return found  # type: ignore[no-any-return]
    raise LookupError(f"no pass {name}")


def apply(name: str, f: Function, options: dict[str, str]) -> Function:
    wrt = tuple(options.get("wrt", "").split(","))
    if name in ("forward", "partials"):
        return forward(f, wrt, partials=name == "partials")
    if name == "reverse":
        return modes.backward_listing(f, wrt)
    if name in ("ahead", "back"):
        return modes.pair(f, wrt)[name == "back"]
    return optimisation(name)(f)


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_case(path: Path, golden: Callable[[Path, str], None]) -> None:
    case = load(path)
    f = function(case.program)
    verify(f)
    for name in case.options.get("passes", "").split():
        f = apply(name, f, case.options)
        verify(f)
    golden(path, case.text(show(f, types="types" in case.options)))
