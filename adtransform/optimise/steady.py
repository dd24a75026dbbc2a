"""Steady: a carried value that every trip but a last one leaves at its initial constant is that constant inside the loop.

    r = for ... with p = False: ... q, s = if c: yield True, True  else: yield False, False  ... yield q, s
becomes
    r = for ... with p = False: ... q, s = if c: yield True, True  else: yield False, p      ... yield q, s

The flag of an early `return` is set where the return is, and nowhere else.
"""

from __future__ import annotations

from dataclasses import replace

from adtransform.build import Builder
from adtransform.ir import Atom, Const, For, Function, If, Region, Stmt, Var, While
from adtransform.rewrite import Rewriter, used


def steady(f: Function) -> Function:
    """The function with such values passed on instead of set again."""
    return _Steady().function(f)


class _Steady(Rewriter):
    def loop(self, stmt: For | While, b: Builder) -> None:
        lead = 1 if isinstance(stmt, For) else 0
        reads = set(used(Region((), stmt.body.body, ())))
        if isinstance(stmt, While):
            reads |= {p for p, c in zip(stmt.body.params, stmt.cond.params, strict=True) if c in set(used(stmt.cond))}
        for i, init in enumerate(stmt.inits):
            param = stmt.body.params[lead + i]
            if isinstance(init, Const) and param not in reads:
                body = _passed(stmt.body, stmt.body.results[0], stmt.body.results[1 + i], init, param)
                if body is not None:
                    results = list(stmt.body.results)
                    results[1 + i] = body[1]
                    stmt = replace(stmt, body=replace(stmt.body, body=body[0], results=tuple(results)))
        super().loop(stmt, b)


def _passed(region: Region, stop: Atom, result: Atom, value: Const, param: Var) -> tuple[tuple[Stmt, ...], Atom] | None:
    """The region's statements and the result, `param` for `value` wherever the loop goes on; None: some trip changes it."""
    if stop == Const(True):
        return region.body, result
    if result in (value, param):
        return region.body, param
    last = region.body[-1] if region.body else None
    if not isinstance(last, If) or result not in last.targets or stop not in last.targets:
        return None
    at, k = last.targets.index(stop), last.targets.index(result)
    made: list[Region] = []
    for side in (last.then, last.orelse):
        inner = _passed(side, side.results[at], side.results[k], value, param)
        if inner is None:
            return None
        made.append(replace(side, body=inner[0], results=(*side.results, inner[1])))
    # A target of its own: the old one may be what says whether to stop.
    target = replace(last.targets[k])
    return (*region.body[:-1], replace(last, targets=(*last.targets, target), then=made[0], orelse=made[1])), target
