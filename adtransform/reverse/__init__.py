"""Reverse mode: a backward sweep that sends the adjoint of every active value to what it was computed from.

    t2 = t0 * t1; yield t2
becomes
    t2 = t0 * t1; dt0 = zeros(t0); dt1 = zeros(t1); dt2 = 1; dt1 += dt2 * t0; dt0 += dt2 * t1; yield t2, dt0, dt1

The invariant that makes it right: after each step, the total differential of the result is the sum of (adjoint times
differential) over the values that are not processed yet.

Here the backward sweep still reads values inside the forward sweep's regions; `tape` makes them reach it.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np

from adtransform.activity import LINEAR, active, selected
from adtransform.build import Builder, type_of
from adtransform.calls import Variants, is_active
from adtransform.infer.structural import adjoint as adjoint_type
from adtransform.ir import UNDEFINED, Atom, Const, For, Function, If, Let, Region, Stmt, Try, Var, While, numbered, worked
from adtransform.lattice import INT, UNKNOWN, Array, Dict, List, Saved, Tuple, dims_of, is_scalar
from adtransform.linear import pull, zero
from adtransform.ops import CALLS
from adtransform.record import record
from adtransform.reverse.branches import Branches
from adtransform.reverse.shares import Contribute, is_list, joined, structural
from adtransform.rewrite import Rewriter, defined, definitions, flags_of, free, name_of, operands, raises


@record
class Sweeps:
    """Both sweeps over one function: `forward` computes `values`, `backward` (with parameters `seeds`) the `shares` of `wrt`.

    `trips`: for each loop left early, by its tag, the variable that stands for how often its body was entered.
    """

    function: Function
    forward: tuple[Stmt, ...]
    backward: tuple[Stmt, ...]
    values: tuple[Atom, ...]
    shares: tuple[Atom, ...]
    seeds: dict[str, Atom]
    trips: dict[object, Var]
    wrt: tuple[str, ...]


def sweep(
    f: Function, wrt: Sequence[str], *, seed: float | None = None, exact: bool = False, variants: Variants | None = None
) -> Sweeps:
    """The two sweeps of a function with respect to some parameters.

    `seed`: the adjoint of the result, a constant; None makes it a parameter for each active result (`dy`), which may be
    narrower than the result unless it is `exact`.
    `variants`: what is differentiated of the functions called, by name; a call of `g` becomes one of `g_ahead` in the forward
    sweep, and one of `g_back` in the backward sweep.
    """
    return _Reverse(_tagged(_loaded(f, wrt)), wrt, seed, exact, variants or {}).run()


class _Reverse(Branches):
    def __init__(self, f: Function, wrt: Sequence[str], seed: float | None, exact: bool, variants: Variants) -> None:
        self.wrt, self.seed, self.exact, self.variants = tuple(wrt), seed, exact, variants
        self.active = active(f, wrt)
        self.strong = selected(f, self.active)
        self.f = _Ahead(self.active, self.variants).function(f)
        self.ahead = {variant.ahead: variant for variant in self.variants.values()}
        self.definitions = definitions(f.body)
        self.passed = flags_of(f.body, raises)
        self.adjoint = ChainMap()
        self.order = {v: i for i, v in enumerate(defined(self.f.body))}
        self.trips: dict[object, Var] = {}
        self.empty = set()
        self.branches = {}
        self.busy = set()
        self.taken = {}

    def run(self) -> Sweeps:
        b = Builder()
        results = [r for r in dict.fromkeys(self.f.results) if isinstance(r, Var) and r in self.active]
        self.zeros([v for v in _bound(self.f.body) if v not in results], b)
        seeds: dict[str, Atom] = {}
        taken = {p.name for p in self.f.params}
        for r in results:
            if self.seed is not None:
                wide = isinstance(r.type, Array)  # one without axes too: it can be written
                self.adjoint[r] = b.let("numpy.ones_like", r, of=r) if wide else b.let("assign", self.one(r), of=r)
            else:
                name = f"d{r.hint or 'y'}"
                while name in taken:
                    name += "_"
                taken.add(name)
                seeds[name] = r
                exact = self.exact or is_scalar(r.type) or isinstance(r.type, (List, Tuple))
                given = b.let("load", name, of=r, type=adjoint_type(r.type) if exact else UNKNOWN)
                whole = adjoint_type(r.type) if dims_of(r.type) and getattr(r.type, "dtype", None) == "float64" else None
                self.adjoint[r] = given if exact else b.let("expand", given, r, of=r, type=whole)
        self.statements(self.f.body.body, b)
        b.origin = None
        shares = tuple(self.shares(b))
        return Sweeps(self.f, self.f.body.body, tuple(b.body), self.f.results, shares, seeds, self.trips, self.wrt)

    def shares(self, b: Builder) -> list[Atom]:
        loads = {
            s.args[0].value: s.targets[0]
            for s in self.f.body.body
            if isinstance(s, Let) and s.op == "load" and isinstance(s.args[0], Const)
        }
        out: list[Atom] = []
        for name in self.wrt:
            load = loads[name]
            found = self.adjoint.get(load)
            out.append(b.let("zeros", load, of=load, type=adjoint_type(load.type)) if found is None else found)
        return out

    def zeros(self, variables: Sequence[Var], b: Builder) -> None:
        """Start the adjoints of the active ones at zero."""
        for v in variables:
            if v in self.active:
                if isinstance(v.type, Dict):
                    none = b.let("table", Const(()), of=v, type=adjoint_type(v.type))
                else:
                    none = b.let("zeros", v, of=v, type=adjoint_type(v.type))
                self.adjoint[v] = none
                self.empty.add(none)

    def statements(self, body: Sequence[Stmt], b: Builder) -> None:
        for stmt in reversed(body):
            b.origin = stmt.origin
            match stmt:
                case Let():
                    if any(t in self.active for t in stmt.targets) and not self.in_branch(stmt, b):
                        self.let(stmt, b)
                case If() | Try():
                    self.branch(stmt, b)
                case For() | While():
                    self.loop(stmt, b)

    def let(self, stmt: Let, b: Builder) -> None:
        add = Contribute(self, b)
        bars = [self.adjoint.get(t) for t in stmt.targets]
        wanted: set[Atom] = {a for a in operands(stmt) if a in self.active}
        if stmt.op == "operator.add" and is_list(stmt.targets[0]):
            joined(stmt, bars[0], wanted, add, b)
            return
        if stmt.op in CALLS:
            self.call(stmt, wanted, add, b)
            return
        if stmt.op not in LINEAR:
            if stmt.op not in ("load", "zeros"):
                unused = {t for t, bar in zip(stmt.targets, bars, strict=True) if self.may_be_idle(bar)}
                pull(stmt, bars, wanted, add, b, self.strong | unused if unused else self.strong)
            return
        structural(stmt, bars, wanted, add, self.definitions, b)

    def one(self, result: Var) -> Any:
        """The adjoint of a scalar result: a Python number, but where it meets narrower ones a scalar of the result's dtype."""
        dtype = getattr(result.type, "dtype", None)
        if dtype != "float64" or not any(getattr(v.type, "dtype", None) in ("float16", "float32") for v in self.definitions):
            return self.seed
        return np.float64(self.seed)

    def call(self, stmt: Let, wanted: set[Atom], add: Contribute, b: Builder) -> None:
        """The shares of a call's operands, from the other half of the derivative."""
        variant, saved = self.ahead[name_of(stmt)], stmt.targets[-1]
        bars = [self.bar([stmt.targets[i] for i in group], b) for group in variant.groups]
        operands = [stmt.args[1 + i] for i in variant.places]
        shares = [Var(adjoint_type(type_of(a)), "", a if isinstance(a, Var) else None) for a in operands]
        b.add(Let(tuple(shares), "call", (Const(variant.back), saved, *bars), origin=stmt.origin))
        for operand, share in zip(operands, shares, strict=True):
            if operand in wanted:
                add(operand, share)

    def bar(self, targets: Sequence[Var], b: Builder) -> Atom:
        """The adjoint of a value that a call yields, at each of its results."""
        found = [self.adjoint[t] for t in targets if t in self.adjoint]
        if not found:
            return zero(targets[0], b)
        return reduce(lambda p, q: b.let("operator.add", p, q), found)

    def branch(self, stmt: If | Try, b: Builder) -> None:
        outer = self.adjoint
        sides: list[tuple[Builder, ChainMap[Var, Atom]]] = []
        # What failed has no share.
        cond, then, orelse = (
            (self.failed(stmt.cond), stmt.then, stmt.orelse)
            if isinstance(stmt, If)
            else (self.failed(stmt.targets[0]), Region((), (), (UNDEFINED,) * len(stmt.targets)), stmt.body)
        )
        for region in (then, orelse):
            inner = Builder(stmt.origin)
            self.adjoint = outer.new_child()
            self.zeros(_bound(region), inner)
            add = Contribute(self, inner)
            for target, result in zip(stmt.targets, region.results, strict=True):
                if target in self.active:
                    add.whole(result, outer[target])
            self.statements(region.body, inner)
            sides.append((inner, self.adjoint))
        self.adjoint = outer
        written = {v for _, found in sides for v, bar in found.maps[0].items() if bar is not outer.get(v, bar)}
        changed = sorted(written, key=self.order.__getitem__)
        if not changed:
            return
        targets = tuple(Var(type_of(outer[v]), "", v) for v in changed)
        then, orelse = (Region((), tuple(s.body), tuple(found[v] for v in changed)) for s, found in sides)
        outer.update(zip(changed, targets, strict=True))
        b.add(If(targets, cond, then, orelse, stmt.origin, mirror=stmt.tag))
        self.note(b)

    def failed(self, cond: Atom) -> Atom:
        """A condition; the backward sweep is not reached where something has failed and its handler raises."""
        return Const(False) if cond in self.passed else cond

    def loop(self, stmt: For | While, b: Builder) -> None:
        params = stmt.body.params[1:] if isinstance(stmt, For) else stmt.body.params
        moving = [i for i, p in enumerate(params) if p in self.active]
        captured = [v for v in free(stmt.body) if v in self.active]
        if not moving and not captured:
            return
        outer = self.adjoint
        # The adjoints of the carried values, then those of what the body reads from outside.
        states = [Var(adjoint_type(params[i].type), "", params[i]) for i in moving]
        sums = [Var(type_of(outer[v]), "", v) for v in captured]
        inits = [outer[stmt.targets[i]] for i in moving] + [outer[v] for v in captured]
        self.taken.update((state, self.taken.get(init, init)) for state, init in zip(states, inits, strict=False))
        inner = Builder(stmt.origin)
        self.adjoint = ChainMap(dict(zip(captured, sums, strict=True)))
        self.zeros(_bound(stmt.body), inner)
        add = Contribute(self, inner)
        for i, state in zip(moving, states, strict=True):
            add(stmt.body.results[1 + i], state)
        self.statements(stmt.body.body, inner)
        nexts = [self.adjoint[params[i]] for i in moving] + [self.adjoint[v] for v in captured]
        self.adjoint = outer
        targets = [Var(s.type, "", s.of) for s in (*states, *sums)]
        start, stop, step = self.backwards(stmt, b)
        body = Region(
            (Var(INT, stmt.body.params[0].hint if isinstance(stmt, For) else "k"), *states, *sums),
            tuple(inner.body),
            (Const(False), *nexts),
        )
        b.origin = stmt.origin
        b.add(For(tuple(targets), tuple(inits), start, stop, step, body, stmt.origin, mirror=stmt.tag))
        outer.update(zip(captured, targets[len(moving) :], strict=True))
        add = Contribute(self, b)
        for i, target in zip(moving, targets, strict=False):
            add(stmt.inits[i], target)

    def backwards(self, stmt: For | While, b: Builder) -> tuple[Atom, Atom, Atom]:
        """The range of the backward loop: the forward one's reversed, or a count-down of the trips really made."""
        if isinstance(stmt, While) or stmt.body.results[0] != Const(False):
            count = self.trips[stmt.tag] = Var(INT, self.counter(stmt))
            return _less(count, 1, b), Const(-1), Const(-1)
        if stmt.step == Const(1):
            return _less(stmt.stop, 1, b), _less(stmt.start, 1, b), Const(-1)
        if stmt.step == Const(-1):
            return _less(stmt.stop, -1, b), _less(stmt.start, -1, b), Const(1)
        count = b.let("trips", stmt.start, stmt.stop, stmt.step, type=INT)
        last = b.let("operator.add", stmt.start, b.let("operator.mul", _less(count, 1, b), stmt.step))
        return last, b.let("operator.sub", stmt.start, stmt.step), b.let("operator.neg", stmt.step)

    def counter(self, stmt: For | While) -> str:
        """What the trips of a loop are counted in: `trips_i` for a loop over `i`."""
        index = stmt.body.params[0].hint if isinstance(stmt, For) else ""
        name = f"trips_{index}" if index.strip("_") and not numbered(index) else "trips"
        taken = {count.hint for count in self.trips.values()}
        return next(wanted for n in range(len(taken) + 1) if (wanted := f"{name}_{n}" if n else name) not in taken)


class _Ahead(Rewriter):
    """Calls of `g` that a derivative passes through, as calls of `g_ahead`, which yields besides what `g_back` needs."""

    def __init__(self, found: set[Var], variants: Variants) -> None:
        super().__init__()
        self.found, self.variants = found, variants

    def let(self, stmt: Let, b: Builder) -> None:
        if stmt.op in CALLS and is_active(stmt, self.found):
            variant = self.variants[name_of(stmt)]
            saved = Var(Saved(variant.name), f"{variant.name}_saved")
            stmt = replace(stmt, targets=(*stmt.targets, saved), args=(Const(variant.ahead), *stmt.args[1:]))
        super().let(stmt, b)


def _less(a: Atom, k: int, b: Builder) -> Atom:
    op, step = ("operator.sub", k) if k > 0 else ("operator.add", -k)
    if isinstance(a, Const):
        return worked(a.value - k, op, (a, Const(step)))
    return b.let(op, a, step)


def _bound(region: Region) -> list[Var]:
    """What a region binds itself, in order."""
    return [*region.params, *(t for stmt in region.body for t in stmt.targets)]


def _loaded(f: Function, wrt: Sequence[str]) -> Function:
    """The function with a load of every parameter differentiated, also of one it does not use."""
    present = {s.args[0] for s in f.body.body if isinstance(s, Let) and s.op == "load"}
    missing = [p for p in f.params if p.name in wrt and Const(p.name) not in present]
    loads = tuple(Let((Var(p.type, p.name),), "load", (Const(p.name),)) for p in missing)
    return replace(f, body=replace(f.body, body=(*f.body.body, *loads)))


def _tagged(f: Function) -> Function:
    """The function with a fresh tag on every statement that has regions."""

    def region(r: Region) -> Region:
        return replace(r, body=tuple(stmt(s) for s in r.body))

    def stmt(s: Stmt) -> Stmt:
        match s:
            case If():
                return replace(s, then=region(s.then), orelse=region(s.orelse), tag=object(), mirror=None)
            case For():
                return replace(s, body=region(s.body), tag=object(), mirror=None)
            case Try():
                return replace(s, body=region(s.body), tag=object())
            case While():
                return replace(s, cond=region(s.cond), body=region(s.body), tag=object())
        return s

    return replace(f, body=region(f.body))
