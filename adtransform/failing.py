"""What may raise an exception, as far as is known, and which functions somebody watches for it."""

from __future__ import annotations

from adtransform.ir import Atom, Const, For, Function, If, Let, Region, Stmt, Try, While
from adtransform.lattice import Scalar
from adtransform.ops import COMPARE
from adtransform.rewrite import calls, name_of, regions, statements

_SAFE = frozenset(
    "load assign list tuple slice push shape ndim copy copy_of operator.is_ operator.is_not operator.not_".split()
)
_SAFE_ON_NUMBERS = frozenset(("operator.add", "operator.sub", "operator.mul", "operator.neg", "operator.pos", *COMPARE))


def may_raise(stmt: Stmt) -> bool:
    """Whether a statement may raise an exception, as far as is known."""
    match stmt:
        case Let():
            return not (stmt.op in _SAFE or (stmt.op in _SAFE_ON_NUMBERS and all(map(_is_number, stmt.args))))
        case If() | For() | While():
            return asks(stmt) or any(may_raise(s) for region in regions(stmt) for s in region.body)
    return True


def asks(stmt: If | For | While) -> bool:
    """Whether a statement asks for the truth of what may have none."""
    tests = [stmt.cond] if isinstance(stmt, If) else stmt.cond.results if isinstance(stmt, While) else ()
    return not all(map(_is_number, tests))


def _is_number(a: Atom) -> bool:
    """Whether an operand is a number that has a truth, and of which sums and products always exist."""
    if isinstance(a, Const):
        return type(a.value) in (float, bool, int)
    return isinstance(a.type, Scalar) and a.type.kind in ("float", "bool", "int")


def watched(f: Function) -> set[str]:
    """The functions that are called in a `try`, by `f` or what it calls: what they raise is seen."""
    within = [stmt.body for g in (f, *f.callees.values()) for stmt in statements(g.body) if isinstance(stmt, Try)]
    found: set[str] = set()
    todo: list[Region] = within
    while todo:
        new = {name_of(let) for let in calls(todo.pop())} - found
        found |= new
        todo += [f.callees[name].body for name in new]
    return found
