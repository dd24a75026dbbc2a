"""The tape: what the backward sweep needs of the forward sweep, brought to where it is used.

It is the uses in the backward regions of definitions in the forward regions.  In this order a value is still alive in a local
(it was bound outside every region), recomputed (an index, a view, a few scalar operations on values that are at hand), kept
in a variable (its region runs at most once), or saved: one list per value, appended where the value is bound, and popped
at the start of the backward region that mirrors it.

Nothing is put on a list in what may fail: there the values of one trip are kept like those of a function, in variables and
lists of their own, which are saved behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from adtransform.build import Builder, type_of
from adtransform.ir import UNDEFINED, Atom, Const, For, If, Let, Region, Stmt, Try, Var, While
from adtransform.lattice import INT, List, Scalar, Type, kind_of
from adtransform.linear import elementwise
from adtransform.rewrite import Rewriter, asks_what, flags_of, operands, regions

# Where a value is bound: the tag of each enclosing statement and which of its regions, from the outside in.
Path = tuple[tuple[object, int], ...]

_CHEAP = frozenset("slice tuple shape ndim size zeros trips builtins.len operator.neg numpy.transpose assign".split())
_ARITHMETIC = frozenset("operator.add operator.sub operator.mul operator.neg".split())
_DEPTH = 4


def tape(forward: Sequence[Stmt], backward: Sequence[Stmt], trips: dict[object, Var]) -> tuple[list[Stmt], list[Stmt]]:
    """Both sweeps again, the backward one reading only what reaches it."""
    plan = _Plan(forward, backward, trips)
    again = _Again(plan).body(backward)
    if again != tuple(backward):
        backward, plan = again, _Plan(forward, again, trips)
    first = _Forward(plan)
    sweep = first.top(forward)
    return sweep, _Backward(plan, first).top(backward)


class _Plan:
    """Decides for each value the backward sweep needs how it gets there."""

    def __init__(self, forward: Sequence[Stmt], backward: Sequence[Stmt], trips: dict[object, Var]) -> None:
        self.trips = trips
        self.path: dict[Var, Path] = {}
        self.order: dict[Var, int] = {}
        self.lets: dict[Var, Let] = {}
        self.index: dict[Var, For] = {}
        self.loops: dict[object, int] = {}  # tag -> which of its regions is the body
        self.index_of: dict[object, Var] = {}
        self.attempts: set[object] = set()  # the tags of what may fail
        self.asked = flags_of(Region((), tuple(forward), ()), asks_what)
        self._bind(forward, ())
        self.counted = {tag for tag in trips if any(u is trips[tag] for u in _reads(backward))}
        for tag in self.counted:
            self.path[trips[tag]] = self.tags[tag]
            self.order[trips[tag]] = self.order_of_tag[tag]
        self.saved: dict[Path, list[Var]] = {}
        self.again: dict[Path, list[Var]] = {}
        self.decided: dict[Var, str] = {}
        needed = {v for v in _reads(backward) if self.path.get(v)}
        for v in sorted(needed, key=self.order.__getitem__):
            self.decide(v)

    def _bind(self, body: Sequence[Stmt], path: Path) -> None:
        self.tags: dict[object, Path]
        if not path:
            self.tags, self.order_of_tag = {}, {}
        for stmt in body:
            for t in stmt.targets:
                self.path[t] = path
                self.order[t] = len(self.order)
                if isinstance(stmt, Let):
                    self.lets[t] = stmt
            if isinstance(stmt, Try):
                self.attempts.add(stmt.tag)
            if isinstance(stmt, (If, Try, For, While)):
                self.tags[stmt.tag] = path
                self.order_of_tag[stmt.tag] = len(self.order)
                if isinstance(stmt, (For, While)):
                    self.loops[stmt.tag] = 0 if isinstance(stmt, For) else 1
                # The body of a `Try` is mirrored by the side where it did not fail.
                for i, region in enumerate(regions(stmt), int(isinstance(stmt, Try))):
                    inner = (*path, (stmt.tag, i))
                    for p in region.params:
                        self.path[p] = inner
                        self.order[p] = len(self.order)
                    if isinstance(stmt, For):
                        self.index[region.params[0]] = stmt
                        self.index_of[stmt.tag] = region.params[0]
                    self._bind(region.body, inner)

    def decide(self, v: Var) -> None:
        """How `v` reaches the backward sweep: recomputed where that is cheap, else saved."""
        if v in self.decided or not self.path.get(v):
            return
        if v in self.index:
            self.decided[v] = "index"
            stmt = self.index[v]
            if stmt.tag in self.counted:
                for a in (stmt.start, stmt.step):
                    self.need(a)
            return
        if self.cheap(v, _DEPTH):
            self.decided[v] = "again"
            for a in operands(self.lets[v]):
                self.need(a)
            self.again.setdefault(self.path[v], []).append(v)
        else:
            self.decided[v] = "saved"
            self.saved.setdefault(self.path[v], []).append(v)

    def need(self, a: Atom) -> None:
        """An operand of something recomputed."""
        if isinstance(a, Var):
            self.decide(a)

    def cheap(self, v: Var, depth: int) -> bool:
        """Whether recomputing costs no more than saving and loading, all it reads being at hand."""
        let = self.lets.get(v)
        if let is None or len(let.targets) != 1 or depth == 0:
            return False
        scalar = isinstance(v.type, Scalar)
        integer = scalar and kind_of(v.type) in ("int", "bool") and let.op.startswith("operator.")
        view = let.op == "index" and not isinstance(type_of(let.args[0]), List)
        if not (let.op in _CHEAP or (let.op in _ARITHMETIC and scalar) or integer or view):
            return self.is_taped(self.path[v]) and self.invariant(v, depth)
        return all(self.at_hand(a, depth - 1) for a in operands(let))

    def invariant(self, v: Var, depth: int) -> bool:
        """Whether a number is computed from values of before the loops."""
        let = self.lets.get(v)
        if let is None or depth == 0 or not isinstance(v.type, Scalar) or not elementwise(let.op):
            return False
        return all(not self.path.get(a) or self.invariant(a, depth - 1) for a in operands(let) if isinstance(a, Var))

    def at_hand(self, a: Atom, depth: int) -> bool:
        """Whether an operand is there anyway, or cheap itself."""
        if not isinstance(a, Var) or not self.path.get(a):
            return True
        return a in self.decided or a in self.index or self.cheap(a, depth)

    def is_taped(self, path: Path) -> bool:
        """Whether a region may run more than once."""
        return any(tag in self.loops for tag, _ in path)

    def base(self, path: Path) -> Path:
        """The innermost region around that is kept like a function: the body of what may fail, or all."""
        return next((path[:n] for n in range(len(path), 0, -1) if path[n - 1][0] in self.attempts), ())

    def loops_from(self, base: Path, path: Path) -> bool:
        """Whether a region may run more than once in each run of the region `base`, what may fail in it left aside."""
        for tag, _ in path[len(base) :]:
            if tag in self.attempts:
                return False
            if tag in self.loops:
                return True
        return False

    def kept_type(self, v: Var, base: Path) -> Type:
        """The type of what holds the values of `v` of one run of the region `base`."""
        path = self.path[v]
        made: Type = v.type
        while True:
            inner = self.base(path)
            if len(inner) < len(base):
                inner = base
            made = List(made) if self.loops_from(inner, path) else made
            if inner == base:
                return made
            path = inner[:-1]

    def below(self, path: Path) -> list[Var]:
        """The saved values bound in a region or deeper."""
        return [v for p, vs in self.saved.items() if p[: len(path)] == path for v in vs]


class _Again(Rewriter):
    """What the backward sweep has of the forward one anyway is not computed once more (`sin(x)` where that is saved)."""

    def __init__(self, plan: _Plan) -> None:
        super().__init__()
        self.path = plan.path
        self.made = {
            (let.op, let.args, let.kwargs): v for v, let in plan.lets.items() if v in plan.decided and elementwise(let.op)
        }

    def body(self, body: Sequence[Stmt]) -> tuple[Stmt, ...]:
        """The statements of the backward sweep again."""
        return self.region(Region((), tuple(body), ())).body

    def let(self, stmt: Let, b: Builder) -> None:
        stmt = self.renewed(stmt)
        found = self.made.get((stmt.op, stmt.args, stmt.kwargs))
        # It is at hand where one of its operands is that was bound in the same region.
        if found is not None and any(self.path.get(a) == self.path[found] for a in operands(stmt) if isinstance(a, Var)):
            self.env[stmt.targets[0]] = found
        else:
            b.add(stmt)


def _reads(body: Iterable[Stmt]) -> Iterable[Var]:
    for stmt in body:
        yield from (a for a in operands(stmt) if isinstance(a, Var))
        for region in regions(stmt):
            yield from _reads(region.body)
            yield from (a for a in region.results if isinstance(a, Var))


class _Forward:
    """Adds the saves to the forward sweep; `kept` is where each saved value (or its tape) is at the end."""

    def __init__(self, plan: _Plan) -> None:
        self.plan = plan
        self.kept: dict[Var, Atom] = {}

    def top(self, body: Sequence[Stmt]) -> list[Stmt]:
        b = Builder()
        self.body(body, (), b)
        return b.body

    def body(self, body: Sequence[Stmt], path: Path, b: Builder) -> None:
        mine = set(self.plan.saved.get(path, ())) if path else set()
        late: list[Var] = []
        for stmt in body:
            if isinstance(stmt, Let):
                b.add(stmt)
            elif isinstance(stmt, (If, Try)):
                self.branch(stmt, path, b)
            else:
                self.loop(stmt, path, b)
            trips = self.plan.trips.get(getattr(stmt, "tag", None))
            late += [t for t in (*stmt.targets, *([trips] if trips else [])) if t in mine]
            if self.awaits(stmt):
                continue  # such a handler has to stay right behind its `try`
            for t in late:
                self.save(t, path, b)
            late = []

    def awaits(self, stmt: Stmt) -> bool:
        """Whether a handler is still to come that asks for the exception."""
        flag = stmt.targets[0] if isinstance(stmt, Try) else stmt.cond if isinstance(stmt, If) else None
        end = stmt.then.body[-1] if isinstance(stmt, If) and stmt.then.body else None
        return flag in self.plan.asked and not (isinstance(end, Let) and asks_what(end))

    def save(self, v: Var, path: Path, b: Builder) -> None:
        taped = self.plan.loops_from(self.plan.base(path), path)
        self.kept[v] = b.let("push", self.kept[v], v, type=type_of(self.kept[v])) if taped else v

    def open(self, saved: Sequence[Var], path: Path, b: Builder) -> None:
        """Start the tapes of the values below an outermost statement."""
        if path != self.plan.base(path):
            return
        for v in saved:
            if self.plan.loops_from(path, self.plan.path[v]):
                made = self.plan.kept_type(v, path)
                assert isinstance(made, List)
                many = "tapes" if self.plan.base(self.plan.path[v]) != path and isinstance(made.item, List) else "tape"
                self.kept[v] = b.let("list", hint=f"{_stem(v)}_{many}", type=made)

    def branch(self, stmt: If | Try, path: Path, b: Builder) -> None:
        saved = [v for i in (0, 1) for v in self.plan.below((*path, (stmt.tag, i)))]
        self.open(saved, path, b)
        if isinstance(stmt, Try):
            self.attempt(stmt, saved, path, b)
            return
        before = dict(self.kept)
        made: list[Region] = []
        for i, region in enumerate((stmt.then, stmt.orelse)):
            self.kept = dict(before)
            inner = Builder()
            self.body(region.body, (*path, (stmt.tag, i)), inner)
            results = (*region.results, *(self.kept.get(v, UNDEFINED) for v in saved))
            made.append(Region((), tuple(inner.body), results))
        targets = self.targets(saved, before, path)
        self.kept = before | dict(zip(saved, targets, strict=True))
        b.add(replace(stmt, targets=(*stmt.targets, *targets), then=made[0], orelse=made[1]))

    def targets(self, saved: Sequence[Var], before: dict[Var, Atom], path: Path) -> list[Var]:
        """What holds the saved values behind a branch."""
        return [_named(before[v]) if v in before else self.kept_as(v, self.plan.base(path)) for v in saved]

    def kept_as(self, v: Var, base: Path) -> Var:
        """A variable for the values of `v` of one run of a region."""
        made = self.plan.kept_type(v, base)
        return Var(v.type, v.hint, v.of, v.wrt) if made == v.type else Var(made, f"{_stem(v)}_tape")

    def attempt(self, stmt: Try, saved: Sequence[Var], path: Path, b: Builder) -> None:
        """What a body saves goes to the tapes around it behind it; where it has failed they are what they were."""
        before = dict(self.kept)
        inside = (*path, (stmt.tag, 1))
        self.kept = {v: a for v, a in before.items() if v not in saved}
        body = Builder()
        self.body(stmt.body.body, inside, body)
        results = (*stmt.body.results, *(self.kept.get(v, UNDEFINED) for v in saved))
        targets = [self.kept_as(v, inside) for v in saved]
        b.add(replace(stmt, targets=(*stmt.targets, *targets), body=Region((), tuple(body.body), results)))
        self.kept = before | dict(zip(saved, targets, strict=True))
        if saved and self.plan.loops_from(self.plan.base(path), path):
            inner = Builder()
            pushed = [inner.let("push", before[v], t, type=type_of(before[v])) for v, t in zip(saved, targets, strict=True)]
            tapes = [_named(before[v]) for v in saved]
            failed = Region((), (), tuple(before[v] for v in saved))
            b.add(If(tuple(tapes), stmt.targets[0], failed, Region((), tuple(inner.body), tuple(pushed))))
            self.kept.update(zip(saved, tapes, strict=True))

    def loop(self, stmt: For | While, path: Path, b: Builder) -> None:
        which = 0 if isinstance(stmt, For) else 1
        inside = (*path, (stmt.tag, which))
        saved = self.plan.below(inside)
        self.open(saved, path, b)
        before = dict(self.kept)
        params = [_named(before[v]) for v in saved]
        inits = [before[v] for v in saved]
        self.kept.update(zip(saved, params, strict=True))
        inner = Builder()
        extra, targets = list(params), [_named(p) for p in params]
        nexts: list[Atom] = []
        if stmt.tag in self.plan.counted:
            name = self.plan.trips[stmt.tag].hint
            count = Var(INT, name)
            extra.append(count)
            inits.append(Const(0))
            targets.append(self.plan.trips[stmt.tag])
            nexts.append(inner.let("operator.add", count, 1, hint=name, type=INT))
        for p in stmt.body.params:
            if p in set(self.plan.saved.get(inside, ())):
                self.save(p, inside, inner)
        self.body(stmt.body.body, inside, inner)
        nexts = [*(self.kept[v] for v in saved), *nexts]
        body = Region((*stmt.body.params, *extra), tuple(inner.body), (*stmt.body.results, *nexts))
        self.kept = before | dict(zip(saved, targets, strict=False))
        all_targets, all_inits = (*stmt.targets, *targets), (*stmt.inits, *inits)
        if isinstance(stmt, While):
            cond = replace(stmt.cond, params=(*stmt.cond.params, *(_named(p) for p in extra)))
            b.add(replace(stmt, targets=all_targets, inits=all_inits, cond=cond, body=body))
        else:
            b.add(replace(stmt, targets=all_targets, inits=all_inits, body=body))


class _Backward:
    """Adds the loads to the backward sweep."""

    def __init__(self, plan: _Plan, forward: _Forward) -> None:
        self.plan = plan
        self.tapes: dict[Var, Atom] = {}
        self.env: dict[Var, Atom] = {}
        for v, kept in forward.kept.items():
            (self.tapes if plan.is_taped(plan.path[v]) else self.env)[v] = kept

    def top(self, body: Sequence[Stmt]) -> list[Stmt]:
        b = Builder()
        self.body(body, (), b)
        return b.body

    def atom(self, a: Atom) -> Atom:
        return self.env.get(a, a) if isinstance(a, Var) else a

    def body(self, body: Sequence[Stmt], path: Path, b: Builder) -> None:
        plain = Rewriter(self.env)
        plain.env = self.env
        for stmt in body:
            if isinstance(stmt, Let):
                plain.let(stmt, b)
            elif isinstance(stmt, If):
                self.branch(stmt, path, b)
            elif isinstance(stmt, For):
                self.loop(stmt, path, b)
            else:
                plain.stmt(stmt, b)

    def enter(self, path: Path, b: Builder) -> None:
        """At the start of a mirrored region: pop what was saved there, then recompute what is cheap."""
        if self.plan.loops_from(self.plan.base(path), path):
            for v in reversed(self.plan.saved.get(path, [])):
                self.tapes[v], self.env[v] = self.popped(v, Var(v.type, v.hint, v.of, v.wrt), b)
        for v in sorted(self.plan.again.get(path, ()), key=self.plan.order.__getitem__):
            let = self.plan.lets[v]
            value = Var(v.type, v.hint, v.of, v.wrt)
            args = tuple(self.atom(a) for a in let.args)
            b.add(replace(let, targets=(value,), args=args, kwargs=tuple((k, self.atom(a)) for k, a in let.kwargs)))
            self.env[v] = value

    def popped(self, v: Var, value: Var, b: Builder) -> tuple[Var, Var]:
        """The rest of the tape of `v`, and what was on top of it."""
        tape = self.tapes[v]
        rest = Var(type_of(tape), _hint(tape))
        b.add(Let((rest, value), "pop", (tape,)))
        return rest, value

    def resume(self, path: Path, b: Builder) -> dict[Var, Atom]:
        """At the start of the mirrored body of what may fail: what one run of it has kept.  The rest of the tapes around."""
        outside = path[:-1]
        rest: dict[Var, Atom] = {}
        popping = self.plan.loops_from(self.plan.base(outside), outside)
        for v in reversed(self.plan.below(path)):
            kept = self.tapes.get(v, v) if popping or v in self.tapes else self.env.get(v, v)
            if popping:
                made = self.plan.kept_type(v, path)
                top = Var(v.type, v.hint, v.of, v.wrt) if made == v.type else Var(made, f"{_stem(v)}_tape")
                rest[v], kept = self.popped(v, top, b)
            self.tapes.pop(v, None)
            holds = self.plan.is_taped(self.plan.path[v][len(path) :])
            (self.tapes if holds else self.env)[v] = kept
        return rest

    def branch(self, stmt: If, path: Path, b: Builder) -> None:
        mirrored = stmt.mirror is not None
        base = self.plan.base(path)
        taped = [
            v
            for i in (0, 1)
            for v in (self.plan.below((*path, (stmt.mirror, i))) if mirrored else ())
            if self.plan.loops_from(base, (*path, (stmt.mirror, i)) if stmt.mirror in self.plan.attempts else self.plan.path[v])
        ]
        before = dict(self.tapes)
        made: list[Region] = []
        for i, region in enumerate((stmt.then, stmt.orelse)):
            self.tapes = dict(before)
            inner = Builder()
            inside = (*path, (stmt.mirror, i)) if mirrored else path
            rest = self.resume(inside, inner) if i == 1 and stmt.mirror in self.plan.attempts else {}
            if mirrored:
                self.enter(inside, inner)
            self.body(region.body, inside, inner)
            results = (*(self.atom(r) for r in region.results), *(rest[v] if v in rest else self.tapes[v] for v in taped))
            made.append(Region((), tuple(inner.body), results))
        targets = [_named(before[v]) for v in taped]
        self.tapes = before | dict(zip(taped, targets, strict=True))
        b.add(
            replace(
                stmt, cond=self.atom(stmt.cond), targets=(*stmt.targets, *targets), then=made[0], orelse=made[1], mirror=None
            )
        )

    def loop(self, stmt: For, path: Path, b: Builder) -> None:
        inits = [self.atom(a) for a in stmt.inits]
        start, stop, step = (self.atom(a) for a in (stmt.start, stmt.stop, stmt.step))
        mirror = stmt.mirror
        inside = (*path, (mirror, self.plan.loops[mirror])) if mirror is not None else path
        taped = [v for v in self.plan.below(inside) if self.plan.is_taped(self.plan.path[v])] if mirror is not None else []
        before = dict(self.tapes)
        params = [_named(before[v]) for v in taped]
        self.tapes.update(zip(taped, params, strict=True))
        inner = Builder()
        if mirror is not None:
            self.index(stmt, mirror, inner)
            self.enter(inside, inner)
        self.body(stmt.body.body, inside, inner)
        results = (*(self.atom(r) for r in stmt.body.results), *(self.tapes[v] for v in taped))
        targets = [_named(before[v]) for v in taped]
        self.tapes = before | dict(zip(taped, targets, strict=True))
        index = stmt.body.params[0]
        if (stop, step) == (Const(-1), Const(-1)) and not any(v is index for v in _reads(inner.body)):
            # The body does not ask for the index: as many trips, from 0 on.
            start, stop, step, index = Const(0), _one_more(start, b), Const(1), Var(INT, "_")
        body = Region((index, *stmt.body.params[1:], *params), tuple(inner.body), results)
        b.add(
            replace(
                stmt,
                targets=(*stmt.targets, *targets),
                inits=(*inits, *(before[v] for v in taped)),
                start=start,
                stop=stop,
                step=step,
                body=body,
                mirror=None,
            )
        )

    def index(self, stmt: For, mirror: object, b: Builder) -> None:
        """The forward loop's index in terms of the backward loop's."""
        k, v = stmt.body.params[0], self.plan.index_of.get(mirror)
        if v is None or v not in self.plan.decided:
            return
        self.env[v] = k
        if mirror in self.plan.counted:
            loop = self.plan.index[v]
            start, step = self.atom(loop.start), self.atom(loop.step)
            scaled = k if step == Const(1) else b.let("operator.mul", step, k, type=INT)
            self.env[v] = scaled if start == Const(0) else b.let("operator.add", start, scaled, type=INT)


def _one_more(start: Atom, b: Builder) -> Atom:
    """The n of `n - 1`."""
    if isinstance(start, Const):
        return Const(start.value + 1)
    made = next((s for s in reversed(b.body) if start in s.targets), None)
    if isinstance(made, Let) and made.op == "operator.sub" and made.args[1] == Const(1):
        return made.args[0]
    return b.let("operator.add", start, 1, type=INT)


def _named(like: Atom) -> Var:
    return Var(type_of(like), _hint(like))


def _hint(a: Atom) -> str:
    return a.hint if isinstance(a, Var) else ""


def _stem(v: Var) -> str:
    """What a value is called, for naming its tape."""
    prefix = ""
    while v.of is not None:
        prefix, v = prefix + "d", v.of
    return f"{prefix}{v.hint or 't'}"
