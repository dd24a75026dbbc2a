"""The backward sweep with its loads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adtransform.build import Builder, type_of
from adtransform.ir import Atom, Const, For, If, Let, Region, Stmt, Var, Worked
from adtransform.lattice import INT
from adtransform.rewrite import Rewriter, operands
from adtransform.tape.forward import Forward
from adtransform.tape.plan import Path, Plan, alike, hint_of, read_in, stem


class Backward:
    """Adds the loads to the backward sweep."""

    def __init__(self, plan: Plan, forward: Forward) -> None:
        self.plan = plan
        self.tapes: dict[Var, Atom] = {}
        self.env: dict[Var, Atom] = {}
        for v, kept in forward.kept.items():
            (self.tapes if plan.is_taped(plan.path[v]) else self.env)[v] = kept

    def top(self, body: Sequence[Stmt]) -> list[Stmt]:
        """The whole sweep."""
        b = Builder()
        self.body(body, (), b)
        return b.body

    def atom(self, a: Atom) -> Atom:
        """What stands for an operand now."""
        return self.env.get(a, a) if isinstance(a, Var) else a

    def body(self, body: Sequence[Stmt], path: Path, b: Builder) -> None:
        """Rebuild the statements of a region, with what they need of its mirror loaded first."""
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
        todo = sorted(self.plan.again.get(path, ()), key=self.plan.order.__getitem__)
        for v in self.in_order(todo):
            let = self.plan.lets[v]
            value = Var(v.type, v.hint, v.of, v.wrt)
            args = tuple(self.atom(a) for a in let.args)
            b.add(replace(let, targets=(value,), args=args, kwargs=tuple((k, self.atom(a)) for k, a in let.kwargs)))
            self.env[v] = value

    def in_order(self, again: list[Var]) -> list[Var]:
        """What is recomputed, each behind what it reads: an element is read at a key that may come later than its value."""
        made: dict[Var, None] = {}
        mine = set(again)

        def add(v: Var) -> None:
            for a in operands(self.plan.lets[v]):
                if isinstance(a, Var) and a in mine and a not in made:
                    add(a)
            made.setdefault(v)

        for v in again:
            add(v)
        return list(made)

    def popped(self, v: Var, value: Var, b: Builder) -> tuple[Var, Var]:
        """The rest of the tape of `v`, and what was on top of it."""
        tape = self.tapes[v]
        rest = Var(type_of(tape), hint_of(tape))
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
                top = Var(v.type, v.hint, v.of, v.wrt) if made == v.type else Var(made, f"{stem(v)}_tape")
                rest[v], kept = self.popped(v, top, b)
            self.tapes.pop(v, None)
            holds = self.plan.is_taped(self.plan.path[v][len(path) :])
            (self.tapes if holds else self.env)[v] = kept
        return rest

    def branch(self, stmt: If, path: Path, b: Builder) -> None:
        """Rebuild a branch."""
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
        targets = [alike(before[v]) for v in taped]
        self.tapes = before | dict(zip(taped, targets, strict=True))
        b.add(
            replace(
                stmt, cond=self.atom(stmt.cond), targets=(*stmt.targets, *targets), then=made[0], orelse=made[1], mirror=None
            )
        )

    def loop(self, stmt: For, path: Path, b: Builder) -> None:
        """Rebuild a loop."""
        inits = [self.atom(a) for a in stmt.inits]
        start, stop, step = (self.atom(a) for a in (stmt.start, stmt.stop, stmt.step))
        mirror = stmt.mirror
        inside = (*path, (mirror, self.plan.loops[mirror])) if mirror is not None else path
        taped = [v for v in self.plan.below(inside) if self.plan.is_taped(self.plan.path[v])] if mirror is not None else []
        before = dict(self.tapes)
        params = [alike(before[v]) for v in taped]
        self.tapes.update(zip(taped, params, strict=True))
        inner = Builder()
        if mirror is not None:
            self.index(stmt, mirror, inner)
            self.enter(inside, inner)
        self.body(stmt.body.body, inside, inner)
        results = (*(self.atom(r) for r in stmt.body.results), *(self.tapes[v] for v in taped))
        targets = [alike(before[v]) for v in taped]
        self.tapes = before | dict(zip(taped, targets, strict=True))
        index = stmt.body.params[0]
        if (stop, step) == (Const(-1), Const(-1)) and not any(v is index for v in read_in(inner.body)):
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
        said = start.said
        return said.args[0] if isinstance(said, Worked) and _is_one_less(said.op, said.args) else Const(start.value + 1)
    made = next((s for s in reversed(b.body) if start in s.targets), None)
    if isinstance(made, Let) and _is_one_less(made.op, made.args):
        return made.args[0]
    return b.let("operator.add", start, 1, type=INT)


def _is_one_less(op: str, args: Sequence[Atom]) -> bool:
    return op == "operator.sub" and args[1] == Const(1)
