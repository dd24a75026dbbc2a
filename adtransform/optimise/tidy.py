"""Tidy: a value takes the name that the user gives it, and copies of names disappear.

t5 = t2 * t4; y = assign(t5); yield y    becomes    y = t2 * t4; yield y
"""

from __future__ import annotations

from dataclasses import replace

from adtransform.build import Builder
from adtransform.ir import Function, If, Let, Region, Stmt, Try, Var, numbered
from adtransform.rewrite import Rewriter


def tidy(f: Function) -> Function:
    """The function without `assign`."""
    pass_ = _Tidy()
    made = pass_.function(f)
    # A value may have been read between the statement that binds it and the one that names it.
    return Rewriter(pass_.env).function(made)


class _Tidy(Rewriter):
    def __init__(self) -> None:
        super().__init__()
        self.at: list[dict[Var, int]] = []

    def region(self, region: Region) -> Region:
        self.at.append({})
        try:
            return super().region(region)
        finally:
            self.at.pop()

    def stmt(self, stmt: Stmt, b: Builder) -> None:
        super().stmt(stmt, b)
        for t in b.body[-1].targets if b.body else ():
            self.at[-1][t] = len(b.body) - 1

    def let(self, stmt: Let, b: Builder) -> None:
        if stmt.op != "assign":
            super().let(stmt, b)
            return
        value, name = self.atom(stmt.args[0]), stmt.targets[0]
        self.env[name] = value
        place = self.at[-1].get(value) if isinstance(value, Var) else None
        if place is None or not isinstance(value, Var) or value.of or not (numbered(value.hint) or not value.hint):
            return
        made = b.body[place]
        if isinstance(made, (If, Try)) or (isinstance(made, Let) and made.op != "load"):
            self.named(value, name, place, b)

    def named(self, value: Var, name: Var, place: int, b: Builder) -> None:
        """Let the statement at `place` bind the user's name instead of a temporary."""
        made = b.body[place]
        del self.env[name]
        self.env[value] = name
        b.body[place] = replace(made, targets=tuple(name if t is value else t for t in made.targets))
        self.at[-1][name] = place
