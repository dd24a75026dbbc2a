"""An `except` around what is being read, and what has changed where it may raise."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adtransform.build import Builder
from adtransform.failing import may_raise
from adtransform.ir import Const, Stmt, Var
from adtransform.read.refs import Content, Storage
from adtransform.record import record


@record
class Catch:
    """An `except` around: its classes, the hidden name of the flag that says that it was taken, and the names live in it.

    Or a `finally`, which what nobody catches passes: its statements, and the handlers around; the flag says that they were run.
    """

    classes: tuple[Const, ...]
    flag: str
    live: int
    last: Sequence[ast.stmt] = ()
    around: Sequence[Catch] = ()


@dataclass(slots=True)
class PartedCall:
    """A call read part by part, because of the handlers around it: `flags` say, once it is read, which of them are to be taken.

    `builder`, `mark`: where it is read, and behind how many statements; `bodies`: how many functions it has called.
    """

    call: ast.Call
    catches: Sequence[Catch]
    builder: Builder | None = None
    mark: int = 0
    bodies: int = 0
    flags: list[Const | Var] = field(default_factory=list)


@dataclass(slots=True)
class Watch:
    """A part that may raise, being read: `early` are the storages whose content had changed where it may."""

    before: Mapping[Storage, Content]
    early: set[Storage] = field(default_factory=set)

    def see(self, stmt: Stmt, now: Mapping[Storage, Content]) -> None:
        """Note what has changed before a statement."""
        if may_raise(stmt):
            self.early.update(s for s, content in now.items() if content is not self.before.get(s))
