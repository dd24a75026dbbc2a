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
from adtransform.ir import Atom, Const
from adtransform.lattice import UNDEFINED, UNKNOWN, Array, Scalar, Type, Unknown, dims_of

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


# Which of the operations that constants are operands of ask for no value of theirs, if the operands are numbers and arrays.
_TYPES_ALONE = frozenset(
    [
        *(f"operator.{name}" for name in "add sub mul truediv floordiv mod neg pos lt le eq ne gt ge".split()),
        *("index", "update", "accumulate_at"),
    ]
)
_MOST_NOTED = 4096
_noted: dict[tuple[str, tuple[Type, ...]], tuple[Type, ...]] = {}  # what was inferred from nothing else


def infer(
    op: str, types: tuple[Type, ...], named: Mapping[str, Type], args: tuple[Atom, ...], kwargs: Mapping[str, Atom], count: int
) -> tuple[Type, ...]:
    """The types of the `count` results of `op`, from the types of the operands and, where static, their values."""
    if kwargs or count != 1 or (op not in _TYPES_ALONE and Const in map(type, args)):
        return _inferred(op, types, named, args, kwargs, count)
    key = op, types
    found = _noted.get(key)
    if found is None:
        found = _inferred(op, types, named, args, kwargs, count)
        if _is_lasting(types, found):
            if len(_noted) == _MOST_NOTED:
                _noted.clear()
            _noted[key] = found
    return found


def _is_lasting(types: tuple[Type, ...], found: tuple[Type, ...]) -> bool:
    """Whether the same would be inferred again: of numbers and arrays, without an extent that is a new one each time."""
    if not all(type(t) in (Scalar, Array, Unknown) for t in (*types, *found)):
        return False
    extents = {e for t in types for e in dims_of(t) or ()}
    return all(isinstance(e, int) or e in extents for t in found for e in dims_of(t) or ())


def _inferred(
    op: str, types: tuple[Type, ...], named: Mapping[str, Type], args: tuple[Atom, ...], kwargs: Mapping[str, Atom], count: int
) -> tuple[Type, ...]:
    row = ROWS.get(op)
    if row is None:
        row = ROWS[op] = elementwise.row(op)
    found = row(types, named, args, kwargs)
    results = found if isinstance(found, tuple) else (found,)
    if UNDEFINED in types:  # a loop's first reading: what is not bound before it says nothing yet
        results = tuple([UNDEFINED if t == UNKNOWN else t for t in results])
    return results if len(results) == count else (UNKNOWN,) * count
