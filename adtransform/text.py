"""Expressions as text, with brackets only where Python needs them.

>>> x, a = name("x"), name("a")
>>> operation("operator.mul", operation("operator.add", x, a), x).text
'(x + a) * x'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from adtransform.ops import BINARY, COMPARE, UNARY

# How tightly an expression binds, above and below the levels of `ops`.
COMPARISON, ARITHMETIC, UNARY_LEVEL, POWER, ATOM = 4, 5, 11, 12, 20

_SIMPLE = re.compile(r"-?[\w.]+(\*\*-?[\w.]+)*")


class Expr(NamedTuple):
    """A piece of Python and how tightly its outermost operator binds."""

    text: str
    level: int = ATOM

    def within(self, level: int) -> str:
        """The text for a place that needs at least this level."""
        return self.text if self.level >= level else f"({self.text})"


def name(text: str) -> Expr:
    """A name, or anything else that never needs brackets."""
    return Expr(text)


def constant(value: Any) -> Expr:
    """A constant by its `repr`; a negative number binds like the unary minus it is."""
    if value is ...:
        return Expr("...")
    text = repr(value)
    return Expr(text, UNARY_LEVEL if text.startswith("-") else ATOM)


def operation(op: str, *args: Expr) -> Expr:
    """An operator of `ops` applied to its operands.  Raises `KeyError` where `op` is not an operator."""
    if op in UNARY and len(args) == 1:
        symbol, level = UNARY[op]
        # The formatter brackets a negated power.
        return Expr(symbol + args[0].within(ATOM if args[0].level == POWER else level), level)
    left, right = args
    if op in COMPARE:
        # Comparisons chain: those inside of one need brackets.
        return Expr(f"{left.within(ARITHMETIC)} {COMPARE[op]} {right.within(ARITHMETIC)}", COMPARISON)
    symbol, level = BINARY[op]
    if level == POWER:
        # The formatter lets a power of simple operands stand without spaces.
        base, exponent = left.within(POWER + 1), right.within(UNARY_LEVEL)
        space = "" if _SIMPLE.fullmatch(base) and _SIMPLE.fullmatch(exponent) else " "
        return Expr(f"{base}{space}{symbol}{space}{exponent}", level)
    return Expr(f"{left.within(level)} {symbol} {right.within(level + 1)}", level)


def is_operator(op: str) -> bool:
    """Whether `operation` knows it."""
    return op in BINARY or op in COMPARE or op in UNARY


def call(function: str, args: Iterable[Expr], kwargs: Mapping[str, Expr] | None = None) -> Expr:
    """`function(a, b, k=c)`"""
    parts = [a.text for a in args] + [f"{k}={v.text}" for k, v in (kwargs or {}).items()]
    return Expr(f"{function}({', '.join(parts)})")


def subscript(x: Expr, key: Expr) -> Expr:
    """`x[key]`"""
    return Expr(f"{x.within(ATOM)}[{key.text}]")


def slices(start: Expr, stop: Expr, step: Expr) -> Expr:
    """`start:stop:step`, absent parts written as `None` left out; for use within `subscript` only."""
    first, second, third = ("" if e.text == "None" else e.text for e in (start, stop, step))
    return Expr(f"{first}:{second}" + (f":{third}" if third else ""))


def items(parts: Iterable[Expr]) -> Expr:
    """`a, b` as it is written inside of a subscript; a single item keeps its comma."""
    texts = [p.text for p in parts]
    return Expr(f"{texts[0]}," if len(texts) == 1 else ", ".join(texts) or "()")
