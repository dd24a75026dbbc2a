"""Reverse mode: a backward sweep that sends the adjoint of every active value to what it was computed from.

    t2 = t0 * t1; yield t2
becomes
    t2 = t0 * t1; dt0 = zeros(t0); dt1 = zeros(t1); dt2 = 1; dt1 += dt2 * t0; dt0 += dt2 * t1; yield t2, dt0, dt1

The invariant that makes it right: after each step, the total differential of the result is the sum of (adjoint times
differential) over the values that are not processed yet.

Here the backward sweep still reads values inside the forward sweep's regions; `tape` makes them reach it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

from adtransform.activity import LINEAR, active, selected
from adtransform.build import Builder, type_of
from adtransform.calls import Variants, is_active, name_of
from adtransform.infer.indexing import may_repeat
from adtransform.infer.structural import adjoint as adjoint_type
from adtransform.ir import UNDEFINED, Atom, Const, For, Function, If, Let, Region, Stmt, Try, Var, While, numbered
from adtransform.lattice import INT, UNKNOWN, Array, List, Saved, Tuple, dims_of, is_scalar
from adtransform.linear import nothing, pull, singular, zero
from adtransform.ops import CALLS
from adtransform.record import record
from adtransform.rewrite import Rewriter, definitions, flags_of, free, raises


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


class _Reverse:
    def __init__(self, f: Function, wrt: Sequence[str], seed: float | None, exact: bool, variants: Variants) -> None:
        self.wrt, self.seed, self.exact, self.variants = tuple(wrt), seed, exact, variants
        self.active = active(f, wrt)
        self.strong = selected(f)
        self.f = _Ahead(self.active).function(f)
        self.definitions = definitions(f.body)
        self.passed = flags_of(f.body, raises)
        self.adjoint: dict[Var, Atom] = {}
        self.trips: dict[object, Var] = {}
        self.empty: set[Atom] = set()
        self.branches: dict[Atom, tuple[Builder, int]] = {}  # what makes the adjoints that branches make: where it stands

    def run(self) -> Sweeps:
        b = Builder()
        results = [r for r in dict.fromkeys(self.f.results) if isinstance(r, Var) and r in self.active]
        self.zeros([v for v in _bound(self.f.body) if v not in results], b)
        seeds: dict[str, Atom] = {}
        taken = {p.name for p in self.f.params}
        for r in results:
            if self.seed is not None:
                wide = isinstance(r.type, Array)  # one without axes too: it can be written
                self.adjoint[r] = b.let("numpy.ones_like", r, of=r) if wide else b.let("assign", self.seed, of=r)
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
                self.adjoint[v] = empty = b.let("zeros", v, of=v, type=adjoint_type(v.type))
                self.empty.add(empty)

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
        add = _Contribute(self, b)
        bars = [self.adjoint.get(t) for t in stmt.targets]
        args, bar = stmt.args, bars[0]
        wanted: set[Atom] = {a for a in (*args, *(v for _, v in stmt.kwargs)) if a in self.active}
        if stmt.op == "operator.add" and _is_list(stmt.targets[0]):
            assert bar is not None
            middle = b.let("builtins.len", args[0], type=INT)
            for a, key in zip(args, (b.let("slice", None, middle, None), b.let("slice", middle, None, None)), strict=True):
                if a in wanted:
                    add(a, b.let("index", bar, key, type=type_of(bar)))
            return
        if stmt.op in CALLS:
            self.call(stmt, wanted, add, b)
            return
        if stmt.op not in LINEAR:
            if stmt.op not in ("load", "zeros"):
                unused = {
                    t for t, bar in zip(stmt.targets, bars, strict=True) if bar in self.branches and self.may_be_idle(bar)
                }
                pull(stmt, bars, wanted, add, b, self.strong | unused if unused else self.strong)
            return
        if stmt.op == "pop":
            rest, item = (bars[i] or zero(t, b) for i, t in enumerate(stmt.targets))
            add(args[0], b.let("push", rest, item, type=adjoint_type(type_of(args[0]))))
            return
        if stmt.op == "unpack":
            items = [found or nothing(t, b) for found, t in zip(bars, stmt.targets, strict=True)]
            add(args[0], b.let("pack", *items, type=type_of(args[0])))
            return
        assert bar is not None
        match stmt.op:
            case "assign":
                add(args[0], bar)
            case "index":
                if args[0] in wanted:
                    add.at(args[0], args[1], bar)
            case "update" if dims_of(type_of(args[0])) == () and args[1] == Const(...):
                # All of an array without axes is written; its adjoint may be a number, which has no items.
                if args[2] in wanted:
                    add(args[2], bar)
            case "update":
                if args[2] in wanted:
                    share = b.let("index", bar, args[1])
                    if not _is_list(args[0]) and may_repeat(args[1], self.definitions):
                        share = b.let("numpy.where", b.let("last", bar, args[1]), share, 0.0)
                    add(args[2], share)
                if args[0] in wanted:
                    hole = _hole(args, b) if _is_list(args[0]) else Const(0.0)
                    add(args[0], b.let("update", bar, args[1], hole))
            case "push":
                rest, item = b.apply("pop", (bar,), count=2)
                if args[1] in wanted:
                    add(args[1], item)
                if args[0] in wanted:
                    add(args[0], rest)
            case "extend":
                count = b.let("builtins.len", args[0])
                add(args[0], b.let("index", bar, b.let("slice", None, count, None)))
                add(args[1], b.let("index", bar, b.let("slice", count, None, None)))
            case "times":
                add(args[0], b.let("untimes", bar, args[0], args[1]))
            case "untimes":
                add(args[0], b.let("times", bar, args[2]))
            case "plus":
                add(args[0], bar)
                add(args[1], bar)
            case "list" | "tuple":
                for i, a in enumerate(args):
                    if a in wanted:
                        add(a, b.let("index", bar, i))
            case "pack":
                types = tuple(adjoint_type(type_of(a)) for a in args)
                parts = b.apply("unpack", (bar,), count=len(args), types=types)
                for a, part in zip(args, parts, strict=True):
                    if a in wanted:
                        add(a, part)
            case "accumulate":
                if args[0] in wanted:
                    add(args[0], bar)
                if args[1] in wanted:
                    add(args[1], b.let("expand", bar, args[1]))
            case "accumulate_at":
                if args[0] in wanted:
                    add(args[0], bar)
                if args[2] in wanted:
                    add(args[2], b.let("index", bar, args[1]))

    def in_branch(self, stmt: Let, b: Builder) -> bool:
        """Reverse a statement inside of the branch that alone has a share for its results; False where there is none.

        `r = sqrt(s)` before `if r > 0: y = x / r`: where the branch is not taken nothing is computed, so that an infinite
        partial does no harm.
        """
        found = self.only_branch(stmt, b)
        if found is None:
            return False
        place, taken = found
        guard = b.body[place]
        assert isinstance(guard, If)
        last = place == len(b.body) - 1
        # Right behind the branch it becomes a part of it, otherwise a branch of its own.
        results: dict[Var, tuple[Atom, Atom]] = {}
        inner, outer = Builder(stmt.origin), self.adjoint
        self.adjoint = dict(outer)
        if last:
            b.body.pop()
            results = dict(zip(guard.targets, zip(guard.then.results, guard.orelse.results, strict=True), strict=True))
            inner.body = list((guard.then if taken else guard.orelse).body)
            for v, bar in outer.items():
                if isinstance(bar, Var) and bar in results:
                    self.adjoint[v] = results[bar][not taken]
        before = dict(self.adjoint)
        self.let(stmt, inner)
        changed = {v: bar for v, bar in self.adjoint.items() if bar is not before[v]}
        self.adjoint = outer
        for v, bar in changed.items():
            old = outer[v]
            if last and isinstance(old, Var) and old in results:
                target, other = old, results[old][taken]
            else:
                target, other = Var(type_of(old), "", v), old
            outer[v] = target
            results[target] = (bar, other) if taken else (other, bar)
        idle = (guard.orelse if taken else guard.then) if last else Region((), (), ())
        bodies = (tuple(inner.body), idle.body) if taken else (idle.body, tuple(inner.body))
        then, orelse = (Region((), body, tuple(pair[i] for pair in results.values())) for i, body in enumerate(bodies))
        if last:
            b.add(replace(guard, targets=tuple(results), then=then, orelse=orelse))
        else:
            b.add(If(tuple(results), guard.cond, then, orelse, stmt.origin))
        self.note(b)
        return True

    def note(self, b: Builder) -> None:
        """Remember the branch just added as what makes its targets."""
        branch = b.body[-1]
        assert isinstance(branch, If)
        self.branches.update((t, (b, len(b.body) - 1)) for t in branch.targets)

    def only_branch(self, stmt: Let, b: Builder) -> tuple[int, bool] | None:
        """The place in `b` of the branch, and which side of it, that alone has shares for a statement's results."""
        if stmt.op in ("load", "zeros") or any(isinstance(type_of(a), List) for a in (*stmt.targets, *stmt.args)):
            return None
        bars = [bar for t in stmt.targets if (bar := self.adjoint.get(t)) is not None and bar not in self.empty]
        found = [self.branches[bar] for bar in bars if bar in self.branches]
        if not found or len(found) < len(bars) or any(one[1] != found[0][1] or one[0] is not found[0][0] for one in found):
            return None
        made, place = found[0]
        if made is not b or not (place == len(b.body) - 1 or singular(stmt)):
            return None
        guard = b.body[place]
        assert isinstance(guard, If)
        for taken in (True, False):
            if all(self.idle(bar, guard.cond, not taken) for bar in bars):
                return place, taken
        return None

    def idle(self, bar: Atom, cond: Atom, taken: bool) -> bool:
        """Whether an adjoint is zero where the branches of `cond` take this side."""
        while bar in self.branches:
            sides = self.sides(bar)
            if sides[0] is not cond:
                return False
            bar = sides[1] if taken else sides[2]
        return bar in self.empty

    def sides(self, bar: Atom) -> tuple[Atom, Atom, Atom]:
        """The test of the branch that makes an adjoint, and what it is on each side."""
        made, place = self.branches[bar]
        branch = made.body[place]
        assert isinstance(branch, If) and isinstance(bar, Var)
        i = branch.targets.index(bar)
        return branch.cond, branch.then.results[i], branch.orelse.results[i]

    def may_be_idle(self, bar: Atom | None) -> bool:
        """Whether an adjoint is made of branches alone and zero where they are not taken."""
        todo, seen = [bar], set[Atom | None]()
        while todo:
            bar = todo.pop()
            if bar in self.empty:
                return True
            if bar in self.branches and bar not in seen:
                todo += self.sides(bar)[1:]
            seen.add(bar)
        return False

    def call(self, stmt: Let, wanted: set[Atom], add: _Contribute, b: Builder) -> None:
        """The shares of a call's operands, from the other half of the derivative."""
        name = name_of(stmt).removesuffix("_ahead")
        variant, saved = self.variants[name], stmt.targets[-1]
        bars = [self.bar([stmt.targets[i] for i in group], b) for group in variant.groups]
        operands = [stmt.args[1 + i] for i in variant.places]
        shares = [Var(adjoint_type(type_of(a)), "", a if isinstance(a, Var) else None) for a in operands]
        b.add(Let(tuple(shares), "call", (Const(f"{name}_back"), saved, *bars), origin=stmt.origin))
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
        sides: list[tuple[Builder, dict[Var, Atom]]] = []
        # What failed has no share.
        cond, then, orelse = (
            (self.failed(stmt.cond), stmt.then, stmt.orelse)
            if isinstance(stmt, If)
            else (self.failed(stmt.targets[0]), Region((), (), (UNDEFINED,) * len(stmt.targets)), stmt.body)
        )
        for region in (then, orelse):
            inner = Builder(stmt.origin)
            self.adjoint = dict(outer)
            self.zeros(_bound(region), inner)
            add = _Contribute(self, inner)
            for target, result in zip(stmt.targets, region.results, strict=True):
                if target in self.active:
                    add.whole(result, outer[target])
            self.statements(region.body, inner)
            sides.append((inner, self.adjoint))
        self.adjoint = outer
        changed = [v for v in outer if any(found[v] is not outer[v] for _, found in sides)]
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
        inner = Builder(stmt.origin)
        self.adjoint = dict(zip(captured, sums, strict=True))
        self.zeros(_bound(stmt.body), inner)
        add = _Contribute(self, inner)
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
        add = _Contribute(self, b)
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

    def __init__(self, found: set[Var]) -> None:
        super().__init__()
        self.found = found

    def let(self, stmt: Let, b: Builder) -> None:
        if stmt.op in CALLS and is_active(stmt, self.found):
            name = name_of(stmt)
            saved = Var(Saved(name), f"{name}_saved")
            stmt = replace(stmt, targets=(*stmt.targets, saved), args=(Const(f"{name}_ahead"), *stmt.args[1:]))
        super().let(stmt, b)


class _Contribute:
    """Adds shares to adjoints."""

    def __init__(self, sweep: _Reverse, b: Builder) -> None:
        self.sweep, self.b = sweep, b

    def __call__(self, operand: Atom, share: Atom) -> None:
        """`d_operand += share`."""
        if isinstance(operand, Var) and operand in self.sweep.active:
            old = self.sweep.adjoint[operand]
            if isinstance(operand.type, Saved):
                self.sweep.adjoint[operand] = share  # it is passed on once
                return
            if isinstance(operand.type, (List, Tuple)):
                if not isinstance(type_of(share), (List, Tuple)):
                    share = self.b.let("items", share, operand, type=adjoint_type(operand.type))
                # The share of a list is a list as long: the first one is taken over.
                known = old in self.sweep.empty
                self.sweep.adjoint[operand] = share if known else self.b.let("plus", old, share, of=operand)
                return
            self.sweep.adjoint[operand] = self.b.let(
                "accumulate", old, share, operand, of=operand, type=adjoint_type(operand.type)
            )

    def whole(self, operand: Atom, share: Atom) -> None:
        """`d_operand += share` for the adjoint of the very same value under another name: there is nothing to fit."""
        if not isinstance(operand, Var) or operand not in self.sweep.active:
            return
        old = self.sweep.adjoint[operand]
        if old not in self.sweep.empty or isinstance(operand.type, List):
            self(operand, share)
        else:
            self.sweep.adjoint[operand] = self.b.let("assign", share, of=operand, type=adjoint_type(operand.type))

    def at(self, operand: Atom, key: Atom, share: Atom) -> None:
        """`d_operand[key] += share`."""
        if isinstance(operand, Var) and operand in self.sweep.active:
            old = self.sweep.adjoint[operand]
            if isinstance(type_of(share), (List, Tuple)):
                grown = self.b.let("plus", self.b.let("index", old, key), share)
                self.sweep.adjoint[operand] = self.b.let("update", old, key, grown, of=operand, type=type_of(old))
                return
            self.sweep.adjoint[operand] = self.b.let(
                "accumulate_at", old, key, share, of=operand, type=adjoint_type(operand.type)
            )


def _less(a: Atom, k: int, b: Builder) -> Atom:
    if isinstance(a, Const):
        return Const(a.value - k)
    return b.let("operator.sub", a, k) if k > 0 else b.let("operator.add", a, -k)


def _hole(args: tuple[Atom, ...], b: Builder) -> Atom:
    """The zero that an item of a list has as adjoint before `update(list, key, item)`: in the shape of what was there."""
    items, key, new = args
    t, u = type_of(items), type_of(new)
    same = isinstance(t, List) and is_scalar(t.item) and is_scalar(u)
    if same or (isinstance(t, List) and t.item == u and isinstance(u, Array) and dims_of(u) is not None):
        return zero(new, b) if isinstance(new, Var) else Const(0.0)
    return zero(b.let("index", items, key), b)


def _is_list(a: Atom) -> bool:
    return isinstance(type_of(a), List)


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
