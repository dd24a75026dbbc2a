"""Versions: what is only asked for its shape and kind is asked as it was last, and what has them already is not fitted again.

x1 = update(x0, k, v); ...; d1 = fit(s, x0); d2 = fit(d1, x1)        becomes        d1 = fit(s, x1); d2 = d1

A write changes neither shape nor dtype, so that of an array that is written in a loop no version, and no part of one, is
saved for these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from adtransform.build import Builder, type_of
from adtransform.ir import Atom, Const, For, Function, If, Let, Stmt, Try, Var, While
from adtransform.lattice import List, Tuple, Unknown
from adtransform.ops import LIKE
from adtransform.optimise.fill import is_basic
from adtransform.rewrite import Rewriter, definitions, statements

_WRITES = frozenset(["update", "accumulate_at"])
_ANY = Var(hint="any")  # of what no statement was seen to make yet
_NONE = Var(hint="none")


def versions(f: Function) -> Function:
    """The function with the last version of each array in the place of those that are only asked for their shape."""
    asked = (s for s in statements(f.body) if isinstance(s, Let) and s.op == "fit")
    cut = next((i for i, s in enumerate(f.body.body) if isinstance(s, Let) and s.op == "backward"), None)
    if cut is None or not any(isinstance(type_of(s.args[1]), Unknown) for s in asked):
        return f
    f = _Last(_lasts(f, cut), definitions(f.body)).function(f)
    return _Fitted(_shapes(f)).function(f)


def _meetings(stmt: Stmt) -> Iterator[tuple[Var, tuple[Atom, ...]]]:
    """The variables in which values of several paths meet, and these values."""
    match stmt:
        case If():
            yield from zip(stmt.targets, zip(stmt.then.results, stmt.orelse.results, strict=True), strict=True)
        case For() | While():
            params = stmt.body.params[isinstance(stmt, For) :]
            for p, init, last, t in zip(params, stmt.inits, stmt.body.results[1:], stmt.targets, strict=True):
                yield p, (init, last)
                yield t, (p,)
            if isinstance(stmt, While):
                yield from zip(stmt.cond.params, ((p,) for p in params), strict=True)


def _lasts(f: Function, cut: int) -> dict[Var, Var]:
    """The last version, bound outside of every region of the forward sweep, of each array that is made there and written."""
    root: dict[Var, Var] = {}

    def find(v: Var) -> Var:
        while (up := root.get(v, v)) is not v:
            root[v] = root.get(up, up)
            v = up
        return v

    starts: list[Var] = []
    several: list[Var] = []
    for stmt in statements(f.body):
        if isinstance(stmt, Let) and stmt.op in _WRITES and not isinstance(stmt.targets[0].type, List):
            met: list[tuple[Var, tuple[Atom, ...]]] = [(stmt.targets[0], (stmt.args[0],))]
        elif isinstance(stmt, (Let, Try)):
            starts += stmt.targets
            continue
        else:
            met = list(_meetings(stmt))
        for v, values in met:
            for a in values:
                if isinstance(a, Var):
                    root[find(v)] = find(a)
                else:
                    several.append(v)
    found: dict[Var, list[Var]] = {}
    for v in starts:
        found.setdefault(find(v), []).append(v)
    mixed = {find(v) for v in several}
    outside = dict.fromkeys(t for s in f.body.body[:cut] for t in s.targets)
    last = {find(t): t for t in outside}
    single = {r: last[r] for r, vs in found.items() if len(vs) == 1 and r not in mixed and vs[0] in outside}
    return {v: single[r] for v in (*root, *outside) if (r := find(v)) in single}


class _Last(Rewriter):
    def __init__(self, last: dict[Var, Var], made: dict[Var, Let]) -> None:
        super().__init__()
        self.last, self.made = last, made
        self.back = False

    def let(self, stmt: Let, b: Builder) -> None:
        self.back = self.back or stmt.op == "backward"
        made = self.renewed(stmt)
        at = LIKE.get(made.op) if self.back else None
        if at is not None and at < len(made.args):
            b.origin = made.origin
            made = replace(made, args=(*made.args[:at], self.newest(made.args[at], b), *made.args[at + 1 :]))
        b.add(made)

    def newest(self, a: Atom, b: Builder) -> Atom:
        """The last version of an array, or the same part of it."""
        if not isinstance(a, Var) or a in self.last:
            return self.last[a] if isinstance(a, Var) else a
        part = self.made.get(a)
        if part is None or part.op != "index" or not isinstance(a.type, Unknown) or not is_basic(type_of(part.args[1])):
            return a
        whole, key = part.args
        return b.let("index", self.last[whole], key, type=a.type) if isinstance(whole, Var) and whole in self.last else a


def _shapes(f: Function) -> dict[Var, Var]:
    """The values that have the kind and shape of an adjoint, each with the first version of what it is the adjoint of."""
    found: dict[Var, Var] = {}

    def of(a: Atom) -> Var:
        return found.get(a, _ANY) if isinstance(a, Var) else _NONE

    every = list(statements(f.body))
    changed = True
    while changed:
        changed = False
        for stmt in every:
            if isinstance(stmt, (Let, Try)):
                made = [(t, _made(stmt, of)) for t in stmt.targets]
            else:
                made = [(v, _same(map(of, values))) for v, values in _meetings(stmt)]
            for v, kind in made:
                if found.get(v, _ANY) is not kind:
                    found[v] = kind
                    changed = True
    return {v: kind for v, kind in found.items() if kind not in (_ANY, _NONE)}


def _made(stmt: Let | Try, of: Callable[[Atom], Var]) -> Var:
    """Of what the result of a statement has the kind and shape."""
    if not isinstance(stmt, Let) or len(stmt.targets) != 1:
        return _NONE
    args = stmt.args
    match stmt.op:
        case "fit" | "zeros":
            like = args[-1]
            return like if isinstance(like, Var) and not isinstance(like.type, (List, Tuple)) else _NONE
        case "update" | "accumulate_at" | "assign" | "operator.neg":
            return of(args[0])
        case "operator.add" | "operator.sub":
            return _same(map(of, args))
        case "operator.mul" | "operator.truediv" if isinstance(args[-1], Const) and isinstance(args[-1].value, (int, float)):
            return of(args[0])
        case "operator.mul" if isinstance(args[0], Const) and isinstance(args[0].value, (int, float)):
            return of(args[1])
    return _NONE


def _same(kinds: Iterable[Var]) -> Var:
    """What holds for all of several values."""
    found = set(kinds) - {_ANY}
    return found.pop() if len(found) == 1 else _NONE if found else _ANY


class _Fitted(Rewriter):
    def __init__(self, shapes: dict[Var, Var]) -> None:
        super().__init__()
        self.shapes = shapes

    def let(self, stmt: Let, b: Builder) -> None:
        if stmt.op == "fit" and isinstance(part := stmt.args[0], Var) and self.shapes.get(part) is stmt.args[1]:
            self.env[stmt.targets[0]] = self.atom(part)
            return
        super().let(stmt, b)
