"""Sums: the adjoint of a running sum goes through the backward loop as it is.

    for ...: with d: d1 = fit(d, s1); u = fit(d1, t); yield fit(d1, s)      becomes     for ...: with d: u = fit(d, t); yield d

A sum may get wider from trip to trip, and its adjoint narrower from trip to trip back; but all that is made of it is fitted.
"""

from __future__ import annotations

from collections.abc import Iterator

from adtransform.ir import Atom, For, Function, Let, Region, Var
from adtransform.rewrite import Rewriter, operands, regions, statements, turn


def sums(f: Function) -> Function:
    """The function with the adjoints of running sums left as they are by the loops of the backward sweep."""
    cut = turn(f.body.body)
    loops = [s for s in statements(Region((), f.body.body[cut:], ())) if isinstance(s, For)]
    kept = {v: d for loop in loops for v, d in _kept(loop)}
    return Rewriter(kept).function(f) if kept else f


def _kept(loop: For) -> Iterator[tuple[Var, Var]]:
    """The fitted adjoints of running sums in a loop, each with what it is made of."""
    body = loop.body
    parts: dict[Atom, list[Var]] = {}  # what is fitted, and to what
    others: set[Atom] = set()
    for stmt in statements(body):
        fit = isinstance(stmt, Let) and stmt.op == "fit"
        if fit:
            parts.setdefault(stmt.args[0], []).append(stmt.targets[0])  # type: ignore[union-attr]
        others.update(operands(stmt)[fit:])
        for inner in regions(stmt):
            others.update(inner.results)
    for d, last in zip(body.params[1:], body.results[1:], strict=True):
        if d.of is None or d in others or body.results.count(last) > 1:
            continue
        # The sum is fitted as it comes in, to what it was after the trip, and as it goes out, to what it was before.
        narrow = [v for v in parts.get(d, ()) if v not in others and v in parts and (v is last or v not in body.results)]
        ends = {v for a in (d, *narrow) for v in parts.get(a, ())}
        if last in ends and isinstance(last, Var) and last not in others:
            yield last, d
            yield from ((v, d) for v in narrow if v is not last)
