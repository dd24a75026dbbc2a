"""Together: two tests of one condition are one.

a = if c: yield p else: yield q; t = ...; b = if c: yield a + t else: yield 0
becomes
t = ...; a, b = if c: yield p, p + t else: yield q, 0

The user's own tests stay as they are.
"""

from __future__ import annotations

from dataclasses import replace

from adtransform.ir import Atom, Function, If, Let, Region, Stmt, Var
from adtransform.ops import EXTERNAL, effect_free
from adtransform.rewrite import Rewriter, operands, turn


def together(f: Function) -> Function:
    """The function with the tests of its backward sweep joined."""
    body = f.body.body
    cut = turn(body)
    if cut == len(body):
        return f
    made = _Together().region(Region((), body[cut:], f.results))
    return replace(f, body=replace(f.body, body=(*body[:cut], *made.body), results=made.results))


class _Together(Rewriter):
    def region(self, region: Region) -> Region:
        made = super().region(region)
        body: list[Stmt] = []
        last: dict[Atom, int] = {}  # where each condition was tested last
        for stmt in made.body:
            if not isinstance(stmt, If):
                if not (isinstance(stmt, Let) and movable(stmt)):
                    last.clear()
                body.append(stmt)
                continue
            at = last.get(stmt.cond)
            first = body[at] if at is not None else None
            if isinstance(first, If) and at is not None and independent(first, body[at + 1 :]) and flat(first, stmt):
                del body[at]
                stmt = joined(first, stmt)
            last = {stmt.cond: len(body)}
            body.append(stmt)
        return replace(made, body=tuple(body))


def movable(stmt: Let) -> bool:
    """Whether a statement may as well be done before a test."""
    return effect_free(stmt.op) and stmt.op not in EXTERNAL


def independent(first: If, between: list[Stmt]) -> bool:
    """Whether statements read nothing of what a test before them binds."""
    return not any(a in first.targets for stmt in between for a in operands(stmt))


def flat(first: If, second: If) -> bool:
    """Whether no `elif` becomes an `else` with an `if` in it."""
    sides = ((first.orelse.body, second.orelse.body), (first.then.body, second.then.body))
    return not any(one and two and any(len(side) == 1 and isinstance(side[0], If) for side in (one, two)) for one, two in sides)


def joined(first: If, second: If) -> If:
    """Both tests as one."""
    sides: list[Region] = []
    for one, two in ((first.then, second.then), (first.orelse, second.orelse)):
        known: dict[Var, Atom] = dict(zip(first.targets, one.results, strict=True))
        inner = Rewriter(known).region(two)
        sides.append(Region((), (*one.body, *inner.body), (*one.results, *inner.results)))
    return replace(first, targets=(*first.targets, *second.targets), then=sides[0], orelse=sides[1])
