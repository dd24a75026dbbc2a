"""Reading, then interpreting: the same results, bit for bit, as calling the function."""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
import linecache
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from adtransform.interpret import interpret
from adtransform.lattice import of_value
from adtransform.read import read
from adtransform.source import from_function, from_text
from adtransform.verify import verify

HEADER = """import math
import operator
from functools import partial, reduce
import numpy as np

SCALE = 2.5
TAU = 2 * np.pi
X3 = np.array([0.5, -1.25, 2.0])
M23 = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]])

"""


class Case(NamedTuple):
    name: str
    text: str
    args: tuple[str, ...]  # expressions, each one tuple of arguments
    modes: tuple[str, ...]


def cases() -> list[Case]:
    """The cases of `read_constructs.txt`."""
    found = []
    for part in re.split(r"^---- ", (Path(__file__).parent / "read_constructs.txt").read_text(), flags=re.MULTILINE)[1:]:
        head, *lines = part.rstrip().splitlines()
        args = tuple(line[2:] for line in lines if line.startswith("> "))
        text = "\n".join(line for line in lines if not line.startswith("> "))
        typed = head.endswith(" (typed)")
        modes = ("typed",) if typed else ("typed", "unknown")
        found.append(Case(head.removesuffix(" (typed)"), HEADER + text + "\n", args, modes))
    return found


_counter = iter(range(10**9))


def compiled(text: str) -> dict[str, Any]:
    """The module of a text, known to linecache like a cell of a notebook."""
    file = f"<read-{next(_counter)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    namespace: dict[str, Any] = {"__name__": "cases"}
    exec(compile(text, file, "exec"), namespace)
    return namespace


def outcome(call: Any) -> tuple[Any, str]:
    """What a call gives, or the exception it raises, and what it prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            result = call()
        except (ValueError, AssertionError) as error:
            result = (type(error), error.args)
    return result, printed.getvalue()


def same(a: Any, b: Any) -> bool:
    """Equal in structure, type, dtype, shape and every bit."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, (tuple, list)):
        return isinstance(b, (tuple, list)) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, float) and isinstance(b, float):
        return type(a) is type(b) and np.float64(a).tobytes() == np.float64(b).tobytes()
    return type(a) is type(b) and bool(a == b)


def arguments(case: Case, index: int, namespace: dict[str, Any]) -> tuple[Any, ...]:
    value = eval(f"({case.args[index]})", dict(namespace))
    return value if isinstance(value, tuple) else (value,)


@pytest.mark.parametrize(
    ("case", "index", "mode", "live"),
    [
        pytest.param(c, i, mode, live, id=f"{c.name}-{i}-{mode}-{'live' if live else 'text'}")
        for c in cases()
        for i in range(len(c.args))
        for mode in c.modes
        for live in (False, True)
    ],
)
def test_reading_keeps_the_value(case: Case, index: int, mode: str, live: bool) -> None:
    namespace = compiled(case.text)
    function = namespace["f"]
    args = arguments(case, index, namespace)
    names = list(inspect.signature(function).parameters)[: len(args)]
    types = {n: of_value(a, n) for n, a in zip(names, args, strict=True)} if mode == "typed" else {}
    if live:
        target = from_function(function)
        f = read(target.source, target.name, types, namespace=target.namespace, captured=target.captured)
    else:
        f = read(from_text(case.text), "f", types)
    verify(f)
    given = dict(zip(names, copy.deepcopy(args), strict=True))
    got = outcome(lambda: interpret(f, given))
    wanted = outcome(lambda: function(*copy.deepcopy(args)))
    assert got[1] == wanted[1]
    assert same(got[0], wanted[0]), f"{got[0]!r} != {wanted[0]!r}"
    assert all(map(same, given.values(), args)), "the arguments were changed"
