"""Sums: what is fitted again anyway is not fitted on its way.

    d1 = fit(d, s + t); u = fit(d1, t)          becomes     u = fit(d, t)
    for ...: with d: d1 = fit(d, s1); u = fit(d1, t); yield fit(d1, s)      becomes     for ...: with d: u = fit(d, t); yield d

An adjoint that is added to others has to be as narrow as what it belongs to.  One that only goes through loops, branches and
signs until it is fitted to something narrower may be wider: the adjoint of a running sum goes through its loop as it is, and no
sum is saved for its shape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from adtransform.build import type_of
from adtransform.ir import Atom, For, Function, If, Let, Region, Stmt, Var
from adtransform.lattice import Type, Unknown
from adtransform.optimise.widths import follows
from adtransform.rewrite import Rewriter, definitions, operands, regions, statements, turn

_HANDED = frozenset(["fit", "operator.neg"])  # what does not compute with what it reads


def sums(f: Function) -> Function:
    """The function without the fits in its backward sweep of which the results are all fitted again."""
    cut = turn(f.body.body)
    back = statements(Region((), f.body.body[cut:], ()))
    fits = [s for s in back if isinstance(s, Let) and s.op == "fit"]
    # Most are computed with.
    read = set(f.body.results).union(*[operands(s) for s in back if isinstance(s, Let) and s.op not in _HANDED])
    if all(s.targets[0] in read for s in fits):
        return f
    handed = _handed(back)
    loose = _loose(f, back, handed)
    inside = {t for s in back if isinstance(s, For) for inner in statements(s.body) for t in inner.targets}
    again = Counter(s.args[0] for s in fits)
    lets = definitions(f.body)
    needless: dict[Var, Atom] = {}
    for fit in fits:
        (target,), (part, like) = fit.targets, fit.args
        if isinstance(part, Var):
            part = needless.get(part, part)
        made = lets.get(like) if isinstance(like, Var) else None
        # What is real of something complex needs the real part of its share.
        passed = target in loose and (target in inside or again[target] == 1) and (made is None or follows(made))
        if passed and _may_be(type_of(part), target, handed):
            needless[target] = part
    return Rewriter(needless).function(f) if needless else f


def _handed(back: list[Stmt]) -> dict[Atom, list[Var]]:
    """To what each value is handed on."""
    handed: dict[Atom, list[Var]] = {}
    for stmt in back:
        for a, targets in _readers(stmt):
            if targets:
                handed.setdefault(a, []).extend(targets)
    return handed


def _may_be(wider: Type, target: Var, handed: Mapping[Atom, list[Var]]) -> bool:
    """Whether all that a value is handed on to may be of another type than was inferred for it."""
    todo = list(handed.get(target, ()))
    seen = set(todo)
    while todo:
        v = todo.pop()
        if not isinstance(v.type, Unknown) and v.type != wider:
            return False
        more = [t for t in handed.get(v, ()) if t not in seen]
        seen.update(more)
        todo += more
    return True


def _loose(f: Function, back: list[Stmt], handed: Mapping[Atom, list[Var]]) -> set[Var]:
    """The values that may be wider than what they belong to: whoever reads them fits them, or hands them on to such a value."""
    fixed: set[Atom] = set(f.body.results)
    for stmt in back:
        fixed.update(a for a, targets in _readers(stmt) if targets is None)
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
