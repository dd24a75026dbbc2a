"""Python's own arithmetic, and the NumPy functions that are the same."""

# The defs below are read as text: their names are those of NumPy and of the IR.
# ruff: noqa: F821
# mypy: allow-untyped-defs, disable-error-code="name-defined, call-overload"

from __future__ import annotations

from adtransform.build import type_of
from adtransform.ir import Atom, Const
from adtransform.lattice import Scalar
from adtransform.rules.table import alias, rule


def _may_be_zero(u: Atom, v: Atom) -> bool:
    """Whether a divisor may be 0."""
    return not isinstance(v, Const) or v.value == 0


def _may_be_steep(u: Atom, v: Atom) -> bool:
    """Whether a power may have an infinite slope."""
    return not (isinstance(v, Const) and isinstance(v.value, (int, float)) and v.value >= 1)


def _are_own(u: Atom, v: Atom) -> bool:
    """Whether both are Python's own numbers, of which a division by 0 raises."""
    return all(isinstance(t := type_of(a), Scalar) and t.dtype is None for a in (u, v))


def _may_be_divided_by_zero(u: Atom, v: Atom) -> bool:
    """Whether there may be a quotient by 0."""
    return _may_be_zero(u, v) and not _are_own(u, v)


def _may_rise_steeply(u: Atom, v: Atom) -> bool:
    """Whether a power may have an infinite slope where it has a value."""
    falls = isinstance(v, Const) and isinstance(v.value, (int, float)) and v.value < 0
    return _may_be_steep(u, v) and not (falls and _are_own(u, v))


rule("u + v", "du + dv")
rule("u - v", "du - dv")
rule("u * v", "u * dv + v * du")
rule("u / v", "(du - y * dv) / v", singular=_may_be_divided_by_zero)
rule("u % v", "du - u // v * dv")
rule("-u", "-du")
rule("+u", "du")

# x**0 has slope 0 everywhere, and 0**v does not depend on v: the exponent and the logarithm step aside there.
rule(
    "u ** v",
    "v * power(u, where(v == 0, 1, v - 1)) * du + y * log(where(u == 0, 1, u)) * dv",
    singular=_may_rise_steeply,
)

rule("abs(u)", "real(conj(sign(u)) * du)", on="builtins")
rule("float(u)", "cast(du, y)", on="builtins")
rule(
    "pow(u, v)",
    "v * power(u, where(v == 0, 1, v - 1)) * du + y * log(where(u == 0, 1, u)) * dv",
    on="builtins",
    singular=_may_rise_steeply,
)

# Ties are split evenly, as in numpy.maximum.
rule("max(u, v)", "where(u == v, (du + dv) / 2, where(u > v, du, dv))", on="builtins")
rule("min(u, v)", "where(u == v, (du + dv) / 2, where(u < v, du, dv))", on="builtins")


@rule("max(u)", on="builtins")
@rule("min(u)", on="builtins")
def extreme_of_items(y, u, du):
    """Of an array, or of a list whose length is known only when it runs: the mean over the items that attain the extreme.

    A matrix of one row is an array of one item, which is an array.
    """
    hit = where(asarray(u) == y, 1.0, 0.0)
    return sum(hit * asarray(du), axis=0) / sum(hit, axis=0)


@rule("max(u, v, w)", on="builtins")
@rule("min(u, v, w)", on="builtins")
def extreme_of_three(y, u, v, w, du, dv, dw):
    """Each operand that attains the extreme has an equal part in it."""
    p, q, r = where(u == y, 1.0, 0.0), where(v == y, 1.0, 0.0), where(w == y, 1.0, 0.0)
    return (p * du + q * dv + r * dw) / (p + q + r)


# Of more numbers, the mean over those that attain the extreme.
for _name in ("max", "min"):
    rule(
        f"{_name}(*us)",
        "sum(where(array([*us]) == y, array([*dus]), 0.0)) / sum(where(array([*us]) == y, 1.0, 0.0))",
        on="builtins",
    )


rule("sum(u)", "sum(asarray(du), axis=0)", on="builtins")
rule("sum(u, start=v)", "dv + sum(asarray(du), axis=0)", on="builtins")
rule("sum(*us)", "sum([*dus])", on="builtins")
rule("sum(*us, start=v)", "dv + sum([*dus])", on="builtins")


@rule("q, r = divmod(u, v)", on="builtins numpy")
def quotient_and_remainder(q, r, u, v, du, dv):
    """The quotient is a step."""
    return 0.0, du - q * dv


alias("numpy.add", "operator.add")
alias("numpy.subtract", "operator.sub")
alias("numpy.multiply", "operator.mul")
alias("numpy.divide numpy.true_divide", "operator.truediv", singular=_may_be_zero)
alias("numpy.mod numpy.remainder", "operator.mod")
alias("numpy.power numpy.pow numpy.float_power", "operator.pow", singular=_may_be_steep)
alias("math.pow", "operator.pow")
alias("numpy.negative", "operator.neg")
alias("numpy.positive", "operator.pos")
