"""Rows become functions: the front end that reads user code reads them, once, when they are first used."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping, Set
from dataclasses import field, replace
from typing import Any

import numpy as np

from adtransform.ir import Atom, Const, Function, Let, Stmt, Var
from adtransform.ops import STRUCTURAL
from adtransform.read import read
from adtransform.record import record
from adtransform.rewrite import definitions
from adtransform.rules.table import TRANSPOSES, Rule, Transpose, find
from adtransform.source import from_text

_INTRINSICS = {name: name for name in STRUCTURAL - {"load", "assign", "slice", "tuple", "list"}}
_NUMPY_ARITHMETIC = {"operator.truediv": "numpy.divide", "operator.pow": "numpy.power"}
_COMMON = (
    *(f"operator.{name}" for name in ("add", "sub", "mul", "truediv", "pow", "neg")),
    *(f"numpy.{name}" for name in ("sum", "mean", "abs", "exp", "log", "sqrt", "sin", "cos", "tanh", "maximum")),
)
_MOST_KEPT = 4096
_cache: dict[tuple[object, ...], Equation] = {}
_NAME = re.compile(r"[^\W\d]\w*")
PLACE = "i"  # in the share of one of any number of operands, which of them it is


class Branching(ValueError):
    """A row asks for an argument that is not known before the program runs."""


@record
class Equation:
    """A row as a straight-line function.

    `loads`: the names it reads; `linear`: for each of its variables that depends on a differential, on which ones; `lets`: the
    statement that binds each; `own`: what else its text may name; `uses`: which depend on some of the differentials and how
    often those are used, once asked for.
    """

    function: Function
    loads: Mapping[Var, str]
    linear: Mapping[Var, frozenset[str]]
    lets: Mapping[Var, Let]
    own: Mapping[str, Any]
    uses: dict[frozenset[str], tuple[Set[Var], Mapping[Var, int]]] = field(default_factory=dict)


def differential(rule: Rule, operands: tuple[str, ...], meanings: Mapping[str, Atom]) -> Equation:
    """The differential of an operation with these differentiable operands; static arguments are read as what they mean."""
    names = (*meanings, *[f"d{n}" for n in operands])
    static = _static(meanings, names, operands)
    # A name stands for what it is: only the constants are looked into.
    found = None if static else rule.equations.get((operands, names))
    if found is not None:
        return found  # type: ignore[no-any-return]
    text = rule.text
    for stem in (n[1:] for n in rule.pattern.operands if n.startswith("*")):
        each = _each(stem, meanings)
        text = _spliced(text, f"d{stem}", [f"d{n}" for n in each])
        text = _spliced(text, stem, each)
    made = _equation(
        text,
        names,
        rule.module,
        rule.namespace,
        not (rule.op.startswith("operator.") or rule.raises),  # what raises itself may divide as Python does
        {f"d{n}" for n in operands},
        static,
    )
    if not static:
        rule.equations[operands, names] = made
    return made


def share(row: Transpose, meanings: Mapping[str, Atom]) -> Equation:
    """The share of an operand of a linear operation; what the row does not name is nothing to it, of many operands as well."""
    text = row.text
    for stem in (n[1:] for n in row.pattern.operands if f"*{n[1:]}" in text and n.startswith("*")):
        text = _spliced(text, stem, _each(stem, meanings))
    names = tuple(n for n in dict.fromkeys(("bar", *_NAME.findall(text))) if n == "bar" or n in meanings)
    static = _static({n: meanings[n] for n in names[1:]}, names, (PLACE,))
    return _equation(text, names, row.op.rpartition(".")[0], {}, True, {"bar"}, static)


def _each(stem: str, meanings: Mapping[str, Atom]) -> list[str]:
    """The names that a starred name of a pattern stands for: `us` for u0, u1, ..."""
    return [n for n in meanings if re.fullmatch(rf"{stem}\d+", n)]


def _static(meanings: Mapping[str, Atom], names: tuple[str, ...], operands: tuple[str, ...]) -> dict[str, Any]:
    """The arguments that are constants and have no derivative: `axis`, `keepdims`, subscripts."""
    return {n: a.value for n, a in meanings.items() if isinstance(a, Const) and n in names and n not in operands}


def _spliced(text: str, stem: str, names: list[str]) -> str:
    """`[*us]` item by item; the sum of such items is written with `+`."""
    text = re.sub(rf"\bsum\(\[\*{stem}\]\)", f"({' + '.join(names)})", text)
    return re.sub(rf"\*{stem}\b", ", ".join(names), text)


def _equation(
    text: str,
    names: tuple[str, ...],
    module: str,
    own: Mapping[str, Any],
    numpy_arithmetic: bool,
    sources: set[str],
    static: Mapping[str, Any],
) -> Equation:
    names = tuple(n for n in dict.fromkeys(names) if n not in static)
    key = (text, module, numpy_arithmetic, *names, repr(sorted(static.items())), id(own) if own else 0)
    if key in _cache:
        return _cache[key]
    name = "equation"
    head = f"def {name}({', '.join(names)}):"
    if text.startswith("def "):
        text = head + text[text.index("\n") :]
    else:
        text = f"{head}\n    return {text}\n"
    names_here = _names(module)
    namespace = {**names_here, **own, **static} if own or static else names_here
    f = read(from_text(text, "<rule>"), name, {}, namespace=namespace, intrinsics=_INTRINSICS)
    body = tuple(_renamed(s) for s in f.body.body) if numpy_arithmetic else f.body.body
    body = _used(body, f.results)
    f = replace(f, body=replace(f.body, body=body))
    loads: dict[Var, str] = {}
    linear: dict[Var, frozenset[str]] = {}
    for stmt in body:
        if not isinstance(stmt, Let):
            raise Branching(f"a row must be straight-line: {text}")
        if stmt.op == "load" and isinstance(stmt.args[0], Const):
            loads[stmt.targets[0]] = param = str(stmt.args[0].value)
            if param in sources:
                linear[stmt.targets[0]] = frozenset({param})
            continue
        depends = frozenset().union(*(linear.get(a, frozenset()) for a in _reads(stmt)))
        if depends and stmt.op not in ("shape", "ndim", "size", "zeros"):
            linear.update(dict.fromkeys(stmt.targets, depends))
    if len(_cache) >= _MOST_KEPT:
        _cache.clear()
    _cache[key] = Equation(f, loads, linear, definitions(f.body), own)
    return _cache[key]


def _used(body: tuple[Stmt, ...], results: tuple[Atom, ...]) -> tuple[Stmt, ...]:
    """The statements of which the results are made: what a row computes for other arguments than these is left out."""
    used, kept = set(results), []
    for stmt in reversed(body):
        if not isinstance(stmt, Let) or used.intersection(stmt.targets):
            kept.append(stmt)
            used.update(_reads(stmt) if isinstance(stmt, Let) else ())
    return tuple(reversed(kept))


@functools.cache
def _names(module: str) -> dict[str, Any]:
    """What the names in a row stand for."""
    own = vars(math) if module == "math" else vars(np.fft) if module == "numpy.fft" else {}
    return {**vars(np.linalg), **vars(np), **own}


def _reads(stmt: Let) -> list[Var]:
    return [a for a in (*stmt.args, *(v for _, v in stmt.kwargs)) if isinstance(a, Var)]


def _renamed(stmt: Stmt) -> Stmt:
    if isinstance(stmt, Let) and stmt.op in _NUMPY_ARITHMETIC:
        return replace(stmt, op=_NUMPY_ARITHMETIC[stmt.op])
    return stmt


def prepare() -> None:
    """Read the rows that nearly every derivative needs, so that the first one does not wait for them."""
    for op in _COMMON:
        for count in (1, 2):
            found = find(Let((Var(),), op, tuple(Var() for _ in range(count))))
            if found is not None:
                differential(found[0], found[0].operands(count), found[1])
    for op in ("numpy.sum", "numpy.mean"):
        share(TRANSPOSES[op][0], {"a": Var(), "axis": Const(None), "keepdims": Const(False), "y": Var()})


prepare()
