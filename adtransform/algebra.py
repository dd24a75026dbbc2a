"""Sums of terms, just enough to collect like terms: `(x + a) + (x + b)` is `2 * x + a + b`.

A sum is a mapping from monomials to coefficients in order of first appearance; a monomial is a tuple of factors, each a piece
of text with an exponent.  Products of sums are not expanded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from adtransform.syntax import Py, Word, operation

Number = int | float | Fraction
Monomial = tuple[tuple[Py, int], ...]
Sum = Mapping[Monomial, Number]

ZERO: Sum = {}
ONE: Sum = {(): 1}


def number(value: Any) -> Sum | None:
    """A constant as a sum; None for what is not a finite real number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    exact = int(value) if value == int(value) else value
    return {(): exact} if exact else ZERO


def symbol(e: Py) -> Sum:
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


def write(a: Sum) -> Py:
    """The sum as Python text, coefficients first."""
    out: Py = Word("0")
    for i, (monomial, coefficient) in enumerate(a.items()):
        if i == 0:
            out = _term(monomial, coefficient)
        else:
            out = operation("operator.sub" if coefficient < 0 else "operator.add", out, _term(monomial, _abs(coefficient)))
    return out


def _abs(value: Number) -> Number:
    return -value if value < 0 else value


def _term(monomial: Monomial, coefficient: Number) -> Py:
    top: int | float = coefficient.numerator if isinstance(coefficient, Fraction) else coefficient
    bottom = coefficient.denominator if isinstance(coefficient, Fraction) else 1
    upper = [_power(e, n) for e, n in monomial if n > 0]
    lower = [_power(e, -n) for e, n in monomial if n < 0]
    if abs(top) != 1 or not upper:
        upper.insert(0, Word(_digits(abs(top))))
    if bottom != 1:
        lower.insert(0, Word(str(bottom)))
    if top < 0:
        # The sign belongs to the first factor: `-x * a`.
        upper[0] = operation("operator.neg", upper[0])
    out = _product(upper)
    return operation("operator.truediv", out, _product(lower)) if lower else out


def _product(factors: list[Py]) -> Py:
    out = factors[0]
    for factor in factors[1:]:
        out = operation("operator.mul", out, factor)
    return out


def _power(e: Py, exponent: int) -> Py:
    return e if exponent == 1 else operation("operator.pow", e, Word(str(exponent)))


def _digits(value: int | float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
