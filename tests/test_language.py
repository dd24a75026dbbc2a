"""Every row of `language.tsv`: read, differentiated in both modes, differentiated again, and printed for unknown types.

A row is a construct: its `source` (line ends written \\n, `HEADER` stands before it), the `arguments` of each call of `f`
(calls separated by "; ", those at a kink or a jump, where there is only a value, with a ~), and what is expected:

    ok          right in every way tested here
    typed       the same, but only where the types of the arguments are known: without, something would be assumed or refused
    2:5 text    refused, with this message at that line and column; several are separated by " | "
"""

from __future__ import annotations

import contextlib
import copy
import csv
import functools
import inspect
import io
import linecache
import logging
import sys
import types
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import adtransform as ad
from adtransform import pipeline
from adtransform.api.calls import Callee, has_float
from adtransform.api.core import Sweeps
from adtransform.api.programs import Like, Program, Shape, flat_results, runner, tree_of
from adtransform.api.trees import flatten, is_leaf, leaves_like, map_leaves
from adtransform.errors import DifferentiationError
from adtransform.interpret import interpret
from adtransform.ir import Function
from adtransform.lattice import of_value
from adtransform.live import from_function
from adtransform.read import read
from adtransform.source import from_text
from adtransform.verify import verify

HEADER = """import collections
import contextlib
import functools
import itertools
import logging
import math
import operator
import warnings
from collections import OrderedDict, defaultdict, deque, namedtuple
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import lru_cache, partial, reduce, wraps
from itertools import accumulate, chain, combinations, product
from typing import NamedTuple
import numpy as np

SCALE = 2.5
TAU = 2 * np.pi
X3 = np.array([0.5, -1.25, 2.0])
M23 = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]])
"""


class Row(NamedTuple):
    part: str
    construct: str
    source: str
    arguments: str
    expect: str

    @property
    def text(self) -> str:
        """The module."""
        return HEADER + self.source.replace("\\n", "\n").replace("\\\n", "\\n") + "\n"

    @property
    def refused(self) -> bool:
        return self.expect not in ("ok", "typed")

    def calls(self, namespace: dict[str, Any]) -> list[tuple[Any, ...]]:
        """The arguments of each call."""
        return [self.call(text, namespace) for text in self.arguments.split("; ")]

    def smooth(self, namespace: dict[str, Any]) -> list[tuple[Any, ...]]:
        """The arguments of the calls that are not at a kink."""
        return [self.call(text, namespace) for text in self.arguments.split("; ") if not text.startswith("~")]

    def call(self, text: str, namespace: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(eval(f"[{text.removeprefix('~')}]", dict(namespace)))


@functools.cache
def rows() -> tuple[Row, ...]:
    with (Path(__file__).parent / "language.tsv").open(newline="") as file:
        head, *found = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    assert tuple(head) == Row._fields
    return tuple(Row(*line) for line in found)


def each(*, refused: bool) -> Any:
    """The rows as parameters of a test."""
    chosen = [r for r in rows() if r.refused == refused]
    return pytest.mark.parametrize("row", [pytest.param(r, id=f"{r.part}: {r.construct}") for r in chosen])


_counter = iter(range(10**9))


def compiled(text: str) -> dict[str, Any]:
    """The module of a text, known to linecache like a cell of a notebook."""
    file = f"<language-{next(_counter)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    namespace: dict[str, Any] = {"__name__": "rows"}
    sys.modules.setdefault("rows", types.ModuleType("rows"))  # where dataclasses look for their module
    exec(compile(text, file, "exec"), namespace)
    return namespace


class Outcome(NamedTuple):
    """What a call gives, or the exception it raises; what it prints and logs."""

    result: Any
    error: tuple[str, str]
    said: str


def outcome(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Outcome:
    said = io.StringIO()
    result, error = None, ("", "")
    handler = logging.StreamHandler(said)
    logging.getLogger().addHandler(handler)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            result = call(*args, **kwargs)
    except Exception as raised:
        if isinstance(raised, DifferentiationError):
            raise
        error = type(raised).__name__, str(raised)
    finally:
        logging.getLogger().removeHandler(handler)
    return Outcome(result, error, said.getvalue())


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


def assert_same(got: Outcome, wanted: Outcome) -> None:
    assert got.error == wanted.error
    assert got.said == wanted.said
    assert same(got.result, wanted.result), f"{got.result!r} != {wanted.result!r}"


def some(value: Any, random: np.random.Generator) -> Any:
    """A value nested like another, its floats random."""
    return map_leaves(lambda leaf: Like.of(leaf).convert(random.uniform(-1.0, 1.0, np.shape(leaf)), ""), value)


def inner(a: Any, b: Any) -> float:
    """The inner product of two nested values."""
    pairs = zip(flatten(a)[0], flatten(b)[0], strict=True)
    return float(sum(np.vdot(np.asarray(x, float), np.asarray(y, float)) for x, y in pairs if is_float(x)))


def tight(args: Any) -> float:
    """How far apart two inner products may lie."""
    return 1e-12 if all(np.asarray(leaf).dtype != np.float32 for leaf in flatten(args)[0]) else 1e-6


def is_float(value: Any) -> bool:
    return np.asarray(value).dtype.kind == "f"


def names_of(function: Callable[..., Any], count: int) -> list[str]:
    return list(inspect.signature(function).parameters)[:count]


@each(refused=False)
def test_reading_keeps_the_value(row: Row) -> None:
    namespace = compiled(row.text)
    function = namespace["f"]
    target = from_function(function)
    for args in row.calls(namespace):
        if not all(map(is_leaf, args)):
            continue  # nested arguments are taken apart by the interface
        names = names_of(function, len(args))
        wanted = outcome(function, *copy.deepcopy(args))
        for typed in (True, False) if row.expect == "ok" else (True,):
            types = {n: of_value(a, n) for n, a in zip(names, args, strict=True)} if typed else {}
            live = read(target.source, target.name, types, namespace=target.namespace, captured=target.captured)
            for f in (live, read(from_text(row.text), "f", types)):
                verify(f)
                given = dict(zip(names, copy.deepcopy(args), strict=True))
                assert_same(outcome(interpret, f, given), wanted)
                assert all(map(same, given.values(), args)), "the arguments were changed"


@each(refused=False)
def test_both_modes_and_second_order(row: Row) -> None:
    namespace = compiled(row.text)
    function = namespace["f"]
    for number, args in enumerate(row.smooth(namespace)):
        wrt = tuple(i for i, a in enumerate(args) if has_float(a))
        if not wrt:
            continue
        before = copy.deepcopy(args)
        wanted = outcome(function, *copy.deepcopy(args))
        ahead = outcome(ad.vjp, function, *args, wrt=wrt)
        assert ahead.error == wanted.error
        assert ahead.said == wanted.said
        random = np.random.default_rng(number)
        v = tuple(some(args[i], random) for i in wrt)
        forward = outcome(ad.jvp, function, args, v, wrt=wrt)
        assert forward.error == wanted.error
        assert forward.said == wanted.said
        if wanted.error[0]:
            continue
        value, pull = ahead.result
        assert same(value, wanted.result), f"{value!r} != {wanted.result!r}"
        assert same(forward.result[0], wanted.result)
        w = some(value, random)
        tangent = forward.result[1]
        shares = pull(w)
        assert same(pull(w), shares), "a second call differs"
        np.testing.assert_allclose(inner(tangent, w), inner(v, shares), rtol=tight(args), atol=tight(args))
        assert all(map(same, args, before)), "the arguments were changed"
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ad.check_grads(function, args, order=1 if number else 2)
        assert all(map(same, args, before)), "the arguments were changed"


@each(refused=False)
def test_printed_for_unknown_types(row: Row) -> None:
    namespace = compiled(row.text)
    function = namespace["f"]
    callee = Callee(function)
    args = callee.bind(row.calls(namespace)[0], {})
    wrt = [i for i, a in enumerate(args) if has_float(a)]
    if not wrt or not all(map(is_leaf, args)):
        return
    names = names_of(function, len(args))
    with contextlib.nullcontext() if row.expect == "ok" else contextlib.suppress(DifferentiationError):
        f = read(from_text(row.text), "f", {})
        compared(row, f, function, args, names, wrt)


def compared(row: Row, f: Function, function: Any, args: tuple[Any, ...], names: Sequence[str], wrt: list[int]) -> None:
    """What is emitted for unknown types; what is only known with types may be refused, or raise what has to be annotated."""
    callee = Callee(function)
    labels = tuple(names[i] for i in wrt)
    wanted = outcome(callee.call, copy.deepcopy(args))
    given = copy.deepcopy(args)
    random = np.random.default_rng(0)
    v = [some(args[i], random) for i in wrt]
    shape = Shape.of(names, args)
    push = runner(f, pipeline.compile(f, "forward", labels).functions["f_forward"], shape)
    forward = outcome(push, given, v)
    sweeps = Sweeps(Program(flat_results(f), shape, tree_of(f.tree)), labels)
    ahead = outcome(sweeps.ahead, given)
    typed = row.expect == "typed"
    if typed and (ahead.error[0] or forward.error[0]) and not wanted.error[0]:
        return
    assert ahead.error == forward.error == wanted.error
    assert ahead.said == forward.said == wanted.said
    assert all(map(same, given, args)), "the arguments were changed"
    if wanted.error[0]:
        return
    leaves, saved = ahead.result
    if typed:  # of the right value, if not of the right dtype and kind
        number = [np.asarray(a, float) for a in flatten((forward.result[0], leaves, wanted.result))[0]]
        assert all(map(np.allclose, number, number[len(number) // 3 :]))
    else:
        assert same(forward.result[0], wanted.result)
        assert same(leaves, tuple(leaves_like(wanted.result, tree_of(f.tree), "the result")))
    likes = [Like.of(leaf) for leaf in leaves]
    w = [some(leaf, random) for leaf in leaves]
    shares = sweeps.back(saved, likes, w)
    assert same(sweeps.back(saved, likes, w), shares), "a second call differs"
    np.testing.assert_allclose(inner(forward.result[1], w), inner(v, list(shares)), rtol=tight(args), atol=tight(args))


@each(refused=True)
def test_refused(row: Row) -> None:
    namespace = compiled(row.text)
    first = HEADER.count("\n")
    for args in row.calls(namespace):
        with pytest.raises(DifferentiationError) as caught:
            ad.vjp(namespace["f"], *args)
        found = caught.value.messages
        said = [f"{m.line - first}:{m.column} {m.text.removeprefix('cannot differentiate ')}" for m in found]
        assert " | ".join(said) == row.expect
        assert all(m.help and m.source_line and m.file.startswith("<language-") for m in found)
