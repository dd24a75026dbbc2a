"""Sums of terms, just enough to collect like terms: `(x + a) + (x + b)` is `2 * x + a + b`.

A sum is a mapping from monomials to coefficients in order of first appearance; a monomial is a tuple of factors, each a piece
of text with an exponent.  Products of sums are not expanded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from adtransform.text import UNARY_LEVEL, Expr, operation

Number = int | float | Fraction
Monomial = tuple[tuple[Expr, int], ...]
Sum = Mapping[Monomial, Number]

ZERO: Sum = {}
ONE: Sum = {(): 1}


def number(value: Any) -> Sum | None:
    """A constant as a sum; None for what is not a finite real number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    exact = int(value) if value == int(value) else value
    return {(): exact} if exact else ZERO


def symbol(e: Expr) -> Sum:
    """A piece of text as a sum of one term."""
    return {((e, 1),): 1}


def value_of(s: Sum) -> Number | None:
    """The number that a sum is, if it is one."""
    return 0 if not s else s[()] if set(s) == {()} else None


def add(a: Sum, b: Sum, sign: int = 1) -> Sum:
    """`a + b`, or `a - b`"""
    out = dict(a)
    for monomial, coefficient in b.items():
        out[monomial] = out.get(monomial, 0) + sign * coefficient
    return {m: c for m, c in out.items() if c != 0}


def scale(a: Sum, factor: Number) -> Sum:
    """`factor * a`"""
    return {m: c * factor for m, c in a.items()} if factor else ZERO


def multiply(a: Sum, b: Sum) -> Sum:
    """`a * b`, not expanded"""
    for s, other in ((a, b), (b, a)):
        known = value_of(s)
        if known is not None:
            return scale(other, known)
    ((left, p),) = _single(a).items()
    ((right, q),) = _single(b).items()
    powers = dict(left)
    for e, exponent in right:
        powers[e] = powers.get(e, 0) + exponent
    return {tuple((e, n) for e, n in powers.items() if n): p * q}


def divide(a: Sum, b: Sum) -> Sum | None:
    """`a / b`; None for a division by zero"""
    inverse = power(b, -1)
    return None if inverse is None else multiply(a, inverse)


def power(a: Sum, exponent: int) -> Sum | None:
    """`a ** exponent`; None for a negative power of zero"""
    if exponent == 0:
        return ONE
    if not a:
        return None if exponent < 0 else ZERO
    ((factors, c),) = _single(a).items()
    base = Fraction(c) if isinstance(c, int) else c
    coefficient: Number = base**exponent
    if isinstance(coefficient, Fraction) and coefficient.denominator == 1:
        coefficient = int(coefficient)
    return {tuple((e, n * exponent) for e, n in factors): coefficient}


def _single(a: Sum) -> Sum:
    """The sum as one term: itself, or a bracket around it."""
    return a if len(a) == 1 else symbol(write(a))


def write(a: Sum) -> Expr:
    """The sum as Python text, coefficients first."""
    out = Expr("0")
    for i, (monomial, coefficient) in enumerate(a.items()):
        if i == 0:
            out = _term(monomial, coefficient)
        else:
            out = operation("operator.sub" if coefficient < 0 else "operator.add", out, _term(monomial, _abs(coefficient)))
    return out


def _abs(value: Number) -> Number:
    return -value if value < 0 else value


def _term(monomial: Monomial, coefficient: Number) -> Expr:
    top: int | float = coefficient.numerator if isinstance(coefficient, Fraction) else coefficient
    bottom = coefficient.denominator if isinstance(coefficient, Fraction) else 1
    upper = [_power(e, n) for e, n in monomial if n > 0]
    lower = [_power(e, -n) for e, n in monomial if n < 0]
    if abs(top) != 1 or not upper:
        upper.insert(0, Expr(_digits(abs(top))))
    if bottom != 1:
        lower.insert(0, Expr(str(bottom)))
    out = _product(upper)
    if top < 0:
        out = operation("operator.neg", out) if out.level >= UNARY_LEVEL else Expr(f"-{out.text}", out.level)
    return operation("operator.truediv", out, _product(lower)) if lower else out


def _product(factors: list[Expr]) -> Expr:
    out = factors[0]
    for factor in factors[1:]:
        out = operation("operator.mul", out, factor)
    return out


def _power(e: Expr, exponent: int) -> Expr:
    return e if exponent == 1 else operation("operator.pow", e, Expr(str(exponent)))


def _digits(value: int | float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
