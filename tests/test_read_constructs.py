"""Reading, then interpreting: the same results, bit for bit, as calling the function."""

from __future__ import annotations

import contextlib
import copy
import io
import inspect
import linecache
from typing import Any

import numpy as np
import pytest

from adtransform.interpret import interpret
from adtransform.lattice import of_value
from adtransform.read import read
from adtransform.source import from_function, from_text
from adtransform.verify import verify
from tests.read_cases import CASES, Case

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
        for c in CASES
        for i in range(len(c.args))
        for mode in c.modes.split()
        for live in (False, True)
    ],
)
def test_reading_keeps_the_value(case: Case, index: int, mode: str, live: bool) -> None:
    namespace = compiled(case.text)
    function = namespace["f"]
    args = arguments(case, index, namespace)
    names = list(inspect.signature(function).parameters)
    types = {n: of_value(a, n) for n, a in zip(names, args)} if mode == "typed" else {}
    if live:
        target = from_function(function)
        f = read(target.source, target.name, types, namespace=target.namespace, captured=target.captured)
    else:
        f = read(from_text(case.text), "f", types)
    verify(f)
    given = dict(zip(names, copy.deepcopy(args)))
    got = outcome(lambda: interpret(f, given))
    wanted = outcome(lambda: function(*copy.deepcopy(args)))
    assert got[1] == wanted[1]
    assert same(got[0], wanted[0]), f"{got[0]!r} != {wanted[0]!r}"
    assert all(map(same, given.values(), args)), "the arguments were changed"
