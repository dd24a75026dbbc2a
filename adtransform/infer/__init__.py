"""What type an operation's result has.

    infer("operator.mul", (float64[I], float), ...)  ->  (float64[I],)

An operation without a row has results of which nothing is known: never wrong, only less specialised.
Dtypes are never worked out by rule of thumb: NumPy is asked, with tiny samples, once per combination of operand types.
"""

from __future__ import annotations

from collections.abc import Mapping

from adtransform.infer import (
    arrays,
    draws,
    elementwise,
    fourier,
    indexing,
    joining,
    linear,
    reductions,
    shapes,
    signals,
    structural,
)
from adtransform.infer.extents import Count, Cut
from adtransform.infer.row import Row
from adtransform.infer.tried import TRIED, tried
from adtransform.ir import Atom
from adtransform.lattice import UNDEFINED, UNKNOWN, Type

__all__ = ["ROWS", "WITH_ROW", "Count", "Cut", "Row", "infer"]

ROWS: dict[str, Row] = {
    **elementwise.ROWS,
    **reductions.ROWS,
    **linear.ROWS,
    **fourier.ROWS,
    **signals.ROWS,
    **arrays.ROWS,
    **draws.ROWS,
    **joining.ROWS,
    **shapes.ROWS,
    **indexing.ROWS,
    **structural.ROWS,
}

ROWS |= {op: tried(op, ROWS.get(op)) for op in TRIED}

WITH_ROW = frozenset(ROWS)  # others get one of which nothing is known when they are first met


def infer(
    op: str, types: tuple[Type, ...], named: Mapping[str, Type], args: tuple[Atom, ...], kwargs: Mapping[str, Atom], count: int
) -> tuple[Type, ...]:
    """The types of the `count` results of `op`, from the types of the operands and, where static, their values."""
    row = ROWS.get(op)
    if row is None:
        row = ROWS[op] = elementwise.row(op)
    found = row(types, named, args, kwargs)
    results = found if isinstance(found, tuple) else (found,)
    if UNDEFINED in types:  # a loop's first reading: what is not bound before it says nothing yet
        results = tuple([UNDEFINED if t == UNKNOWN else t for t in results])
    return results if len(results) == count else (UNKNOWN,) * count
