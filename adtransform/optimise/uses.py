"""Where values go: which statements read each, and which regions yield it."""

from __future__ import annotations

from adtransform.ir import Atom, Let, Region, Stmt, Var
from adtransform.rewrite import operands, regions


class Uses:
    """The uses of all values of a function.

    `read`: the statements that read a value; `yielded`: the statements whose regions yield it (None: the function), and at
    which place; `lets`: the operation that binds it.
    """

    def __init__(self, body: Region) -> None:
        self.lets: dict[Var, Let] = {}
        self.read: dict[Atom, list[Stmt]] = {}
        self.yielded: dict[Atom, list[tuple[Stmt | None, int]]] = {}
        self.visit(body, None)

    def visit(self, region: Region, owner: Stmt | None) -> None:
        """Note the uses in a region of a statement."""
        for i, a in enumerate(region.results):
            self.yielded.setdefault(a, []).append((owner, i))
        for stmt in region.body:
            for a in operands(stmt):
                self.read.setdefault(a, []).append(stmt)
            if isinstance(stmt, Let):
                for t in stmt.targets:
                    self.lets[t] = stmt
                continue
            for inner in regions(stmt):
                self.visit(inner, stmt)
