"""Versions: what is only asked for its shape and kind is asked as it was last, and what has them already is not fitted again.

x1 = update(x0, k, v); ...; d1 = fit(s, x0); d2 = fit(d1, x1)        becomes        d1 = fit(s, x1); d2 = d1

A write changes neither shape nor dtype, so that of an array that is written in a loop no version, and no part of one, is
saved for these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from adtransform.build import Builder, type_of
from adtransform.ir import Atom, Const, For, Function, If, Let, Region, Stmt, Try, Var, While
from adtransform.lattice import Array, List, Tuple, Unknown
from adtransform.ops import LIKE
from adtransform.optimise.fill import is_basic
from adtransform.rewrite import Rewriter, definitions, is_straight, regions, statements, turn

_WRITES = frozenset(["update", "accumulate_at"])
# What may have the kind and shape of something it is made of.
_PASSED = _WRITES | {"fit", "zeros", "assign", *(f"operator.{name}" for name in ("neg", "add", "sub", "mul", "truediv"))}
_ANY = Var(hint="any")  # of what no statement was seen to make yet
_NONE = Var(hint="none")


def versions(f: Function) -> Function:
    """The function with the last version of each array in the place of those that are only asked for their shape."""
    asked = (s for s in statements(f.body) if isinstance(s, Let) and s.op == "fit")
    cut = turn(f.body.body)
    if cut == len(f.body.body) or not any(isinstance(type_of(s.args[1]), (Unknown, Array)) for s in asked):
        return f
    last = _lasts(f, cut)
    if not is_straight(f.body) or any(v is not newest for v, newest in last.items()):
        f = _Last(last, definitions(f.body)).function(f)
    return _Fitted(_Shapes(f).found).function(f)


def _carried(stmt: Stmt) -> Iterator[tuple[Var, tuple[Atom, ...]]]:
    """The parameters of a loop, and the values that meet in each."""
    if isinstance(stmt, (For, While)):
        params = stmt.body.params[isinstance(stmt, For) :]
        for p, init, last in zip(params, stmt.inits, stmt.body.results[1:], strict=True):
            yield p, (init, last)
        if isinstance(stmt, While):
            yield from zip(stmt.cond.params, ((p,) for p in params), strict=True)


def _left(stmt: Stmt) -> Iterator[tuple[Var, tuple[Atom, ...]]]:
    """What a branch or a loop leaves behind, and the values that meet in each."""
    if isinstance(stmt, If):
        yield from zip(stmt.targets, zip(stmt.then.results, stmt.orelse.results, strict=True), strict=True)
    elif isinstance(stmt, (For, While)):
        params = stmt.body.params[isinstance(stmt, For) :]
        yield from zip(stmt.targets, ((p,) for p in params), strict=True)


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
            met = [*_carried(stmt), *_left(stmt)]
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
        if (
            part is None
            or part.op != "index"
            or not isinstance(a.type, (Unknown, Array))
            or not is_basic(type_of(part.args[1]))
        ):
            return a
        whole, key = part.args
        return b.let("index", self.last[whole], key, type=a.type) if isinstance(whole, Var) and whole in self.last else a


class _Shapes:
    """Of each value that has the kind and shape of an adjoint the first version of what it is the adjoint of, as `found`."""

    def __init__(self, f: Function) -> None:
        self.found: dict[Var, Var] = {}
        self.region(f.body)

    def of(self, a: Atom) -> Var:
        return self.found.get(a, _ANY) if isinstance(a, Var) else _NONE

    def meet(self, pairs: Iterable[tuple[Var, tuple[Atom, ...]]]) -> bool:
        """Note what is known where values meet; whether it is something else than before."""
        news = {v: kind for v, values in pairs if self.of(v) is not (kind := _same(map(self.of, values)))}
        self.found.update(news)
        return bool(news)

    def region(self, region: Region) -> None:
        for stmt in region.body:
            if not isinstance(stmt, Let):
                self.meet(_carried(stmt))
                self.inside(stmt)
                while self.meet(_carried(stmt)):  # a trip may show that less holds for the next one
                    self.inside(stmt)
                self.meet(_left(stmt))
            if isinstance(stmt, Let) and stmt.op not in _PASSED:
                self.found.update(dict.fromkeys(stmt.targets, _NONE))
            elif isinstance(stmt, (Let, Try)):
                self.found.update((t, _made(stmt, self.of)) for t in stmt.targets)

    def inside(self, stmt: Stmt) -> None:
        for inner in regions(stmt):
            self.region(inner)


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
