"""What may raise an exception, and what has changed by then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adtransform.ir import Atom, Const, For, If, Let, Stmt, While
from adtransform.lattice import Scalar
from adtransform.ops import COMPARE
from adtransform.read.refs import Content, Storage
from adtransform.record import record
from adtransform.rewrite import regions

_SAFE = frozenset(
    "load assign list tuple slice push shape ndim copy copy_of operator.is_ operator.is_not operator.not_".split()
)
_SAFE_ON_NUMBERS = frozenset(("operator.add", "operator.sub", "operator.mul", "operator.neg", "operator.pos", *COMPARE))


@record
class Catch:
    """An `except` around: its classes, the hidden name of the flag that says that it was taken, and the names live in it."""

    classes: tuple[Const, ...]
    flag: str
    live: int


@dataclass(slots=True)
class Watch:
    """A part that may raise, being read: `early` are the storages whose content had changed where it may."""

    before: Mapping[Storage, Content]
    early: set[Storage] = field(default_factory=set)

    def see(self, stmt: Stmt, now: Mapping[Storage, Content]) -> None:
        """Note what has changed before a statement."""
        if may_raise(stmt):
            self.early.update(s for s, content in now.items() if content is not self.before.get(s))


def may_raise(stmt: Stmt) -> bool:
    """Whether a statement may raise an exception, as far as is known."""
    match stmt:
        case Let():
            return not (stmt.op in _SAFE or (stmt.op in _SAFE_ON_NUMBERS and all(map(_is_number, stmt.args))))
        case If() | For() | While():
            tests = [stmt.cond] if isinstance(stmt, If) else stmt.cond.results if isinstance(stmt, While) else ()
            parts = (s for region in regions(stmt) for s in region.body)
            return not all(map(_is_number, tests)) or any(map(may_raise, parts))
    return True


def _is_number(a: Atom) -> bool:
    """Whether an operand is a number that has a truth, and of which sums and products always exist."""
    if isinstance(a, Const):
        return type(a.value) in (float, bool, int)
    return isinstance(a.type, Scalar) and a.type.kind in ("float", "bool", "int")
