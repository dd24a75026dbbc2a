"""Simplify: equations that shorten derivative code, and what types make of the structural operations.

    t1 = fit(s, x); t2 = 1.0 * t1    becomes, for floats,    t2 = s

The user's own lines are left alone: they keep their bits.  `0 * a` is not simplified either; zeros are structural.
"""

from __future__ import annotations

from dataclasses import replace

from adtransform.build import Builder
from adtransform.ir import Function, Let
from adtransform.optimise.simplify import arithmetic
from adtransform.optimise.simplify.engine import ROWS, Simplifier
from adtransform.optimise.simplify.shapes import reduced_to

__all__ = ["arithmetic", "lower", "simplify"]


def simplify(f: Function) -> Function:
    """The function with its derivative lines simplified."""
    return Simplifier().function(f)


def lower(f: Function) -> Function:
    """The function with only what types and constants settle: a listing keeps its zeros, its names and its sums."""
    return Lower().function(f)


class Lower(Simplifier):
    def __init__(self) -> None:
        super().__init__()
        kept = ("assign", "accumulate", "accumulate_at", "zeros", "operator.add", "operator.sub")
        self.rows = {op: row for op, row in ROWS.items() if op not in kept}

    def let(self, stmt: Let, b: Builder) -> None:
        if stmt.op == "accumulate":
            acc, part, like = self.atoms(stmt.args)
            b.origin = stmt.origin
            start = len(b.body)
            reduced = reduced_to(self, part, like, b)
            for made in b.body[start:]:
                if isinstance(made, Let):
                    self.note(made)
            stmt = replace(stmt, args=(acc, part if reduced is None else reduced, like))
        super().let(stmt, b)
