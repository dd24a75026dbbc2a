"""Sums: what is fitted again anyway is not fitted on its way.

    d1 = fit(d, s + t); u = fit(d1, t)          becomes     u = fit(d, t)
    for ...: with d: d1 = fit(d, s1); u = fit(d1, t); yield fit(d1, s)      becomes     for ...: with d: u = fit(d, t); yield d

An adjoint that is added to others has to be as narrow as what it belongs to.  One that only goes through loops, branches and
signs until it is fitted to something narrower may be wider: the adjoint of a running sum goes through its loop as it is, and no
sum is saved for its shape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from adtransform.ir import Atom, For, Function, If, Let, Region, Stmt, Var
from adtransform.optimise.widths import follows
from adtransform.rewrite import Rewriter, definitions, operands, regions, statements, turn


def sums(f: Function) -> Function:
    """The function without the fits in its backward sweep of which the results are all fitted again."""
    cut = turn(f.body.body)
    back = statements(Region((), f.body.body[cut:], ()))
    fits = [s for s in back if isinstance(s, Let) and s.op == "fit"]
    if not fits:
        return f
    loose = _loose(f, back)
    inside = {t for s in back if isinstance(s, For) for inner in statements(s.body) for t in inner.targets}
    again = Counter(s.args[0] for s in fits)
    lets = definitions(f.body)
    needless: dict[Var, Atom] = {}
    for fit in fits:
        (target,), (part, like) = fit.targets, fit.args
        made = lets.get(like) if isinstance(like, Var) else None
        # What is real of something complex needs the real part of its share.
        if target in loose and (target in inside or again[target] == 1) and (made is None or follows(made)):
            needless[target] = part
    return Rewriter(needless).function(f) if needless else f


def _loose(f: Function, back: list[Stmt]) -> set[Var]:
    """The values that may be wider than what they belong to: whoever reads them fits them, or hands them on to such a value."""
    fixed: set[Atom] = set(f.body.results)
    handed: dict[Atom, list[Var]] = {}  # to what a value is handed on
    for stmt in back:
        for a, targets in _readers(stmt):
            if targets is None:
                fixed.add(a)
            elif targets:
                handed.setdefault(a, []).extend(targets)
    sources: dict[Atom, list[Atom]] = {}
    for a, found in handed.items():
        for t in found:
            sources.setdefault(t, []).append(a)
    todo = list(fixed)
    while todo:
        for a in sources.get(todo.pop(), ()):
            if a not in fixed:
                fixed.add(a)
                todo.append(a)
    every = {t for s in back for t in (*s.targets, *(p for r in regions(s) for p in r.params))}
    return every - fixed


def _readers(stmt: Stmt) -> Iterator[tuple[Atom, tuple[Var, ...] | None]]:
    """What a statement reads, with the values that it hands it on to: none where it fits it, None where it computes with it."""
    match stmt:
        case Let(targets=targets, op="operator.neg", args=(part,)):
            yield part, targets
        case Let(op="fit", args=(part, like)):
            yield part, ()
            yield like, None
        case If():
            yield stmt.cond, None
            for region in (stmt.then, stmt.orelse):
                yield from ((a, (t,)) for a, t in zip(region.results, stmt.targets, strict=True))
        case For():
            yield from ((a, None) for a in (stmt.start, stmt.stop, stmt.step, stmt.body.results[0]))
            for values in (stmt.inits, stmt.body.results[1:]):
                yield from ((a, (p, t)) for a, p, t in zip(values, stmt.body.params[1:], stmt.targets, strict=True))
        case _:
            yield from ((a, None) for a in operands(stmt))
            yield from ((a, None) for r in regions(stmt) for a in r.results)
