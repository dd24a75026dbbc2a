"""What may raise an exception, as far as is known, and which functions somebody watches for it."""

from __future__ import annotations

from collections.abc import Callable

from adtransform.build import type_of
from adtransform.ir import Atom, Const, For, Function, If, Let, Region, Stmt, Try, Var, While
from adtransform.lattice import Array, Scalar, Static, Unknown, kind_of
from adtransform.ops import COMPARE, LOGGING, elementwise
from adtransform.rewrite import calls, name_of, regions, statements

_SAFE = LOGGING | frozenset(
    "load assign list tuple slice push shape ndim copy copy_of operator.is_ operator.is_not builtins.print "
    "logging.getLogger".split()
)
_AMONG = ("builtins.contains", "builtins.not_contains")  # a number holds nothing
_SAFE_ON_NUMBERS = frozenset(("operator.add", "operator.sub", "operator.mul", "operator.neg", "operator.pos", *COMPARE))


def may_raise(stmt: Stmt) -> bool:
    """Whether a statement may raise an exception, as far as is known."""
    match stmt:
        case Let():
            if stmt.op == "operator.not_":
                return not all(map(_has_truth, stmt.args))
            numeric = stmt.op in _SAFE_ON_NUMBERS and stmt.op not in _AMONG and all(map(_is_number, stmt.args))
            return not (stmt.op in _SAFE or numeric)
        case If() | For() | While():
            return asks(stmt) or any(may_raise(s) for region in regions(stmt) for s in region.body)
    return True


def may_fail(stmt: Stmt, index: Var | None = None) -> bool:
    """The same where what is not known to be something else is numbers, or arrays that fit.

    `index`: of the loop around over the items of something, all of which are there.
    """
    match stmt:
        case Let(op="index", args=[_, Var() as at]) if at is index:
            return False
        case Let(op="builtins.len", args=[of]):
            return _is_number(of)
        case Let(op=op, args=args):
            quiet = op in _SAFE_ON_NUMBERS or op == "operator.not_" or (op.startswith("numpy.") and elementwise(op))
            return not (op in _SAFE or (quiet and all(map(_may_be_number, args))))
        case If() | For() | While():
            own = stmt.body.params[0] if isinstance(stmt, For) and not stmt.body.params[0].hint else None
            return asks(stmt, _may_be_number) or any(may_fail(s, own or index) for region in regions(stmt) for s in region.body)
    return True


def _is_number(a: Atom) -> bool:
    """Whether an operand is a number that has a truth, and of which sums and products always exist."""
    if isinstance(a, Const):
        return type(a.value) in (float, bool, int)
    return isinstance(a.type, Scalar) and a.type.kind in ("float", "bool", "int") and not a.type.maybe


def _has_truth(a: Atom) -> bool:
    return isinstance(a, Const) or isinstance(a.type, (Scalar, Static))


def asks(stmt: If | For | While, suits: Callable[[Atom], bool] = _is_number) -> bool:
    """Whether a statement asks for the truth of what may have none, or for a range that may not be one."""
    if isinstance(stmt, For):
        ends = (stmt.start, stmt.stop)
        whole = not any(kind_of(type_of(a)) in ("float", "complex") for a in ends)
        return not (whole and all(map(suits, ends)) and isinstance(stmt.step, Const) and stmt.step.value != 0)
    return not all(map(suits, [stmt.cond] if isinstance(stmt, If) else stmt.cond.results))


def _may_be_number(a: Atom) -> bool:
    t = a.type if isinstance(a, Var) else None
    return _is_number(a) or isinstance(t, (Array, Unknown)) or (isinstance(t, Scalar) and t.kind == "complex" and not t.maybe)


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
