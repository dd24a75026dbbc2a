"""Elements left out, put between others, repeated, spread over grids: the share of each goes to where it came from."""

# The defs below are read as text: their names are those of NumPy and of the IR.
# ruff: noqa: F821
# mypy: allow-untyped-defs, disable-error-code="name-defined, call-overload"

from __future__ import annotations

from collections.abc import Mapping

from adtransform.ir import Atom, Const
from adtransform.lattice import rank_of
from adtransform.rules.table import OPERANDS, rule, transpose

_PLACES = "reshape(arange(size(a)), shape(a))"
# These move elements and do nothing else: what they do to the places says where each came from.
for _pattern, _call in (
    ("delete({0}, k, axis=None)", "delete({0}, k, axis=axis)"),
    ("compress(k, {0}, axis=None)", "compress(k, {0}, axis=axis)"),
    ("extract(k, {0})", "extract(k, {0})"),
    ("choose(k, {0}, mode='raise')", "choose(k, {0}, mode=mode)"),
    ("resize({0}, k)", "resize({0}, k)"),
):
    rule(_pattern.format("u"), _call.format("du"))
    transpose(_pattern.format("a"), f"scatter(bar, {_call.format(_PLACES)}, a)")

rule("rot90(u, k=1, axes=(0, 1))", "rot90(du, k=k, axes=axes)")
rule("diagflat(u, k=0)", "diagflat(du, k=k)")
rule("atleast_3d(u)", "atleast_3d(du)")
rule("asfortranarray(u)", "du")
rule("real_if_close(u, tol=100)", "cast(du, y)")
rule("insert(u, k, v, axis=None)", "insert(du, k, dv, axis=axis)")

# -- grids --------------------------------------------------------------------------------------------------------------

for _count in range(2, len(OPERANDS) + 1):
    _wide, _names = "abcde"[:_count], OPERANDS[:_count]
    rule(
        f"{', '.join(_wide)} = broadcast_arrays({', '.join(_names)})",
        ", ".join(f"broadcast_to(d{n}, shape({a}))" for n, a in zip(_names, _wide, strict=True)),
    )
rule(
    "a, b = meshgrid(u, v, indexing='xy', sparse=False)",
    "broadcast_to(du if indexing == 'xy' else expand_dims(du, 1), shape(a)),"
    " broadcast_to(expand_dims(dv, 1) if indexing == 'xy' else dv, shape(b))",
)
rule(
    "a, b, c = meshgrid(u, v, w, indexing='xy', sparse=False)",
    "broadcast_to(expand_dims(du, 1) if indexing == 'xy' else expand_dims(du, (1, 2)), shape(a)),"
    " broadcast_to(expand_dims(dv, (1, 2)) if indexing == 'xy' else expand_dims(dv, 1), shape(b)),"
    " broadcast_to(dw, shape(c))",
)


@rule("linspace(u, v, num=50, endpoint=True)")
def linspace(y, u, v, du, dv, num, endpoint):
    """A weighted mean of the ends; the weights have the shape of the result for array ends too."""
    t = linspace(zeros_like(u + v), ones_like(u + v), num=num, endpoint=endpoint)
    return (1 - t) * du + t * dv


@rule("linspace(u, v, num=50, endpoint=True, axis=0)")
def linspace_along(y, u, v, du, dv, num, endpoint, axis):
    """The same along an axis."""
    t = linspace(zeros_like(u + v), ones_like(u + v), num=num, endpoint=endpoint, axis=axis)
    return (1 - t) * expand(expand_dims(expand(du, u + v), axis), t) + t * expand(expand_dims(expand(dv, u + v), axis), t)


@rule("y, s = linspace(u, v, num=50, endpoint=True, retstep=True)")
def linspace_and_step(y, s, u, v, du, dv, num, endpoint, retstep):
    """Also the distance between two of its points."""
    t = linspace(zeros_like(u + v), ones_like(u + v), num=num, endpoint=endpoint)
    return (1 - t) * expand(du, y) + t * expand(dv, y), (dv - du) / (num - endpoint)


_EXPONENT = """def logspace(y, u, v):
    t = linspace(zeros_like(u + v), ones_like(u + v), num=num, endpoint=endpoint)
    return y * {0}
"""
rule(
    "logspace(u, v, num=50, endpoint=True)",
    _EXPONENT.format("(2.302585092994046 * ((1 - t) * du + t * dv))"),
)
rule(
    "logspace(u, v, num=50, endpoint=True, base=w)",
    _EXPONENT.format("(log(w) * ((1 - t) * du + t * dv) + ((1 - t) * u + t * v) / w * expand(dw, y))"),
)
rule("geomspace(u, v, num=50, endpoint=True)", _EXPONENT.format("((1 - t) / u * du + t / v * dv)"))

# -- transposes ---------------------------------------------------------------------------------------------------------

transpose("rot90(a, k=1, axes=(0, 1))", "rot90(bar, k=-k, axes=axes)")
transpose("diagflat(a, k=0)", "reshape(diag(bar, k=k), shape(a))")
transpose("atleast_3d(a)", "reshape(bar, shape(a))")


def _puts_a_number(given: Mapping[str, Atom]) -> bool:
    """Whether it is one number that is put between others."""
    return isinstance(given["l"], Const) or rank_of(given["l"].type) == 0


# Places are counted from 1, so that a 0 is an element of the other operand.
_BACK = "scatter(where({0} > 0, bar, 0), maximum({0} - 1, 0), a)"
_PUT = "insert(reshape(arange(size(a)) + 1, shape(a)), k, {0}, axis=axis)"
transpose("insert(a, k, l, axis=None)", _BACK.format(_PUT.format("0")), when=_puts_a_number)
transpose("insert(a, k, l, axis=None)", _BACK.format(_PUT.format("reshape(0 * arange(size(l)), shape(l))")))
transpose(
    "insert(l, k, a, axis=None)",
    _BACK.format("insert(reshape(0 * arange(size(l)), shape(l)), k, reshape(arange(size(a)) + 1, shape(a)), axis=axis)"),
)
