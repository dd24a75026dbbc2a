"""Late: a zero stands right before the first statement that reads it.

dt1 = zeros(t1); dt4 = dt5 * t3; dt1 += dt4        becomes        dt4 = dt5 * t3; dt1 = zeros(t1); dt1 += dt4
"""

from __future__ import annotations

from dataclasses import replace

from adtransform.ir import Function, Let, Region, Stmt, Var
from adtransform.rewrite import Rewriter, operands, regions, used

_ZEROS = frozenset(["zeros", "numpy.zeros"])


def late(f: Function) -> Function:
    """The function with its zeros where they are needed first."""
    return _Late().function(f)


class _Late(Rewriter):
    def region(self, region: Region) -> Region:
        made = super().region(region)
        waiting: dict[Var, Let] = {}
        body: list[Stmt] = []
        for stmt in made.body:
            if isinstance(stmt, Let) and stmt.op in _ZEROS and len(stmt.targets) == 1 and not stmt.targets[0].hint:
                waiting[stmt.targets[0]] = stmt
                continue
            if waiting:
                reads = {a for a in operands(stmt) if isinstance(a, Var)}
                reads.update(v for r in regions(stmt) for v in used(r))
                for v, zero in reversed(waiting.items()):
                    if v in reads:
                        reads.update(a for a in operands(zero) if isinstance(a, Var))
                # What belongs to the forward sweep stays in it.
                over = isinstance(stmt, Let) and stmt.op == "backward"
                body += [waiting.pop(v) for v in list(waiting) if over or v in reads]
            body.append(stmt)
        return replace(made, body=(*body, *waiting.values()))
