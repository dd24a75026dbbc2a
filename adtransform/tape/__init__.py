"""The tape: what the backward sweep needs of the forward sweep, brought to where it is used.

It is the uses in the backward regions of definitions in the forward regions.  In this order a value is still alive in a local
(it was bound outside every region), recomputed (an index, a view, a few scalar operations on values that are at hand), still in
an array at the end of the loops around, kept in a variable (its region runs at most once), or saved: one list per value,
appended where the value is bound, and popped at the start of the backward region that mirrors it.

Nothing is put on a list in what may fail: there the values of one trip are kept like those of a function, in variables and
lists of their own, which are saved behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

from adtransform.ir import Stmt, Var
from adtransform.tape.backward import Backward
from adtransform.tape.forward import Forward
from adtransform.tape.plan import Again, Plan


def tape(forward: Sequence[Stmt], backward: Sequence[Stmt], trips: dict[object, Var]) -> tuple[list[Stmt], list[Stmt]]:
    """Both sweeps again, the backward one reading only what reaches it."""
    plan = Plan(forward, backward, trips)
    again = Again(plan).body(backward)
    if again != tuple(backward):
        backward, plan = again, Plan(forward, again, trips)
    first = Forward(plan)
    sweep = first.top(forward)
    return sweep, Backward(plan, first).top(backward)
