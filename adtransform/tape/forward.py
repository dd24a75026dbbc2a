"""The forward sweep with its saves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adtransform.build import Builder, type_of
from adtransform.ir import UNDEFINED, Atom, Const, For, If, Let, Region, Stmt, Try, Var, While
from adtransform.lattice import INT, List
from adtransform.rewrite import asks_what
from adtransform.tape.plan import Path, Plan, alike, stem


class Forward:
    """Adds the saves to the forward sweep; `kept` is where each saved value (or its tape) is at the end."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.kept: dict[Var, Atom] = {}

    def top(self, body: Sequence[Stmt]) -> list[Stmt]:
        """The whole sweep."""
        b = Builder()
        self.body(body, (), b)
        return b.body

    def body(self, body: Sequence[Stmt], path: Path, b: Builder) -> None:
        """Rebuild the statements of a region, each followed by the saves of what it binds."""
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
        """Keep a value that has just been bound."""
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
                self.kept[v] = b.let("list", hint=f"{stem(v)}_{many}", type=made)

    def branch(self, stmt: If | Try, path: Path, b: Builder) -> None:
        """Rebuild a branch, with what its sides keep among its targets."""
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
        return [alike(before[v]) if v in before else self.kept_as(v, self.plan.base(path)) for v in saved]

    def kept_as(self, v: Var, base: Path) -> Var:
        """A variable for the values of `v` of one run of a region."""
        made = self.plan.kept_type(v, base)
        return Var(v.type, v.hint, v.of, v.wrt) if made == v.type else Var(made, f"{stem(v)}_tape")

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
            tapes = [alike(before[v]) for v in saved]
            failed = Region((), (), tuple(before[v] for v in saved))
            b.add(If(tuple(tapes), stmt.targets[0], failed, Region((), tuple(inner.body), tuple(pushed))))
            self.kept.update(zip(saved, tapes, strict=True))

    def loop(self, stmt: For | While, path: Path, b: Builder) -> None:
        """Rebuild a loop, which carries the tapes of what its body saves."""
        which = 0 if isinstance(stmt, For) else 1
        inside = (*path, (stmt.tag, which))
        saved = self.plan.below(inside)
        self.open(saved, path, b)
        before = dict(self.kept)
        params = [alike(before[v]) for v in saved]
        inits = [before[v] for v in saved]
        self.kept.update(zip(saved, params, strict=True))
        inner = Builder()
        extra, targets = list(params), [alike(p) for p in params]
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
            cond = replace(stmt.cond, params=(*stmt.cond.params, *(alike(p) for p in extra)))
            b.add(replace(stmt, targets=all_targets, inits=all_inits, cond=cond, body=body))
        else:
            b.add(replace(stmt, targets=all_targets, inits=all_inits, body=body))
