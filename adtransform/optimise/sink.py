"""Sink: what is saved behind the test that leaves a loop is saved on each of its paths, so that they can end in exits.

stop = if c: ... yield True else: ... yield False; l1 = push(l0, v); yield stop, l1
becomes
stop, l1 = if c: ... l2 = push(l0, v); yield True, l2 else: ... l3 = push(l0, v); yield False, l3; yield stop, l1
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adtransform.build import Builder
from adtransform.ir import Atom, Const, For, Function, If, Let, Region, Stmt, Var, While
from adtransform.place.paths import yielded
from adtransform.rewrite import Rewriter, is_straight

_MOST = 4  # lines that are written instead of a flag


def sink(f: Function) -> Function:
    """The function with such saves in the branches."""
    return f if is_straight(f.body) else _Sink().function(f)


class _Sink(Rewriter):
    def loop(self, stmt: For | While, b: Builder) -> None:
        super().loop(replace(stmt, body=replace(stmt.body, body=_sunk(stmt.body))), b)


def _sunk(region: Region) -> tuple[Stmt, ...]:
    """The statements of a loop's body, with the saves at its end in the branches of the `if` before them."""
    body, stop = region.body, region.results[0]
    at = len(body)
    while at and isinstance(end := body[at - 1], Let) and end.op == "push":
        at -= 1
    test, saves = (body[at - 1] if at else None), [s for s in body[at:] if isinstance(s, Let)]
    if not saves or not isinstance(test, If) or stop not in test.targets:
        return body
    ends = yielded(test, test.targets.index(stop))
    if not all(isinstance(end, Const) for end in ends) or len(ends) * len(saves) > _MOST or len(set(ends)) == 1:
        return body
    return (*body[: at - 1], _extended(test, saves))


def _extended(test: If, saves: Sequence[Let]) -> If:
    """A test with statements at the end of its branches; it binds what they bound."""
    sides: list[Region] = []
    for side in (test.then, test.orelse):
        known: dict[Var, Atom] = dict(zip(test.targets, side.results, strict=True))
        made: list[Let] = []
        for save in saves:
            args = tuple(known.get(a, a) if isinstance(a, Var) else a for a in save.args)
            made.append(replace(save, targets=(replace(save.targets[0]),), args=args))
            known[save.targets[0]] = made[-1].targets[0]
        end = side.body[-1] if side.body else None
        body: tuple[Stmt, ...] = (*side.body, *made)
        if isinstance(end, If) and any(r in end.targets for r in side.results):
            body = (*side.body[:-1], _extended(end, made))
        sides.append(Region((), body, (*side.results, *(s.targets[0] for s in made))))
    return replace(test, targets=(*test.targets, *(s.targets[0] for s in saves)), then=sides[0], orelse=sides[1])
