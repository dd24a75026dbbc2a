"""Prune: what no result needs is dropped; effects stay.

t1 = sin(x); t2 = cos(x); yield t2    becomes    t2 = cos(x); yield t2
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adtransform.failing import asks, may_raise
from adtransform.ir import For, Function, If, Let, Region, Stmt, Try, Var, While
from adtransform.lattice import BOOL
from adtransform.ops import effect_free
from adtransform.rewrite import operands, raises, statements


def prune(f: Function) -> Function:
    """The function without dead statements, branches, carried values."""
    cut = next((i for i, s in enumerate(f.body.body) if isinstance(s, Let) and s.op == "backward"), None)
    return replace(f, body=dropped(f.body, failing(f.body.body[:cut]) if f.watched else ()))


def dropped(body: Region, roots: Sequence[object]) -> Region:
    """A region without what neither its results nor `roots` need."""
    live = _Live()
    live.scan(body.body, None)
    live.mark(roots)
    live.mark(body.results)
    live.run()
    return Region(body.params, live.rebuild(body.body), body.results)


def failing(body: Sequence[Stmt]) -> list[object]:
    """What is needed so that some statements raise what they do."""
    found: list[object] = []
    for stmt in statements(Region((), tuple(body), ())):
        if isinstance(stmt, Let):
            found += stmt.targets if may_raise(stmt) else ()
        elif isinstance(stmt, Try) or asks(stmt):
            found.append(id(stmt))
    return found


class _Live:
    """A graph of needs: a key is a variable, or a statement with regions (needed when anything inside is)."""

    def __init__(self) -> None:
        self.needs: dict[object, Sequence[object]] = {}
        self.live: set[object] = set()
        self.pending: list[object] = []
        self.mirrored: dict[object, Stmt] = {}
        self.roots: list[object] = []

    def scan(self, body: Sequence[Stmt], parent: object) -> None:
        """Record what each value needs."""
        for i, stmt in enumerate(body):
            if isinstance(stmt, Let):
                if parent is not None and raises(stmt):  # what raises before it does so instead
                    self.roots += failing(body[:i])
                reads = operands(stmt) if parent is None else (*operands(stmt), parent)
                for t in stmt.targets:
                    self.needs[t] = reads
                if not effect_free(stmt.op):
                    self.roots += (*reads, *stmt.targets)
                continue
            key = id(stmt)
            needs: list[object] = []
            if stmt.tag is not None:
                self.mirrored[stmt.tag] = stmt
            if isinstance(stmt, If):
                needs += (stmt.cond, parent)
                for t, a, b in zip(stmt.targets, stmt.then.results, stmt.orelse.results, strict=True):
                    self.needs[t] = [a, b, key]
                self.scan(stmt.then.body, key)
                self.scan(stmt.orelse.body, key)
            elif isinstance(stmt, Try):
                needs += (parent, *failing(stmt.body.body))
                for t, a in zip(stmt.targets, stmt.body.results, strict=True):
                    self.needs[t] = [a, key]
                self.scan(stmt.body.body, key)
            else:
                needs += (stmt.body.results[0], parent)
                params = stmt.body.params
                if isinstance(stmt, For):
                    needs += (stmt.start, stmt.stop, stmt.step)
                    self.needs[params[0]] = [key]
                    params = params[1:]
                else:
                    needs += stmt.cond.results
                    for own, shared in zip(stmt.cond.params, params, strict=True):
                        self.needs[own] = [shared]
                    self.scan(stmt.cond.body, key)
                for t, p, a, b in zip(stmt.targets, params, stmt.inits, stmt.body.results[1:], strict=True):
                    self.needs[t] = [p, a, b, key]
                    self.needs[p] = [t, a, b, key]
                self.scan(stmt.body.body, key)
            if isinstance(stmt, (If, For)) and stmt.mirror is not None:
                needs.append(("mirror", stmt.mirror))
            self.needs[key] = needs

    def mark(self, roots: Sequence[object]) -> None:
        """These are needed."""
        self.pending += roots

    def run(self) -> None:
        """Spread need along the graph."""
        pending, live, needs = self.pending, self.live, self.needs
        pending += self.roots
        while pending:
            key = pending.pop()
            if not isinstance(key, (Var, int)):
                if not isinstance(key, tuple) or key[1] not in self.mirrored:
                    continue
                key = id(self.mirrored[key[1]])  # the forward statement that a backward one mirrors stays
            if key in live:
                continue
            live.add(key)
            if key in needs:
                pending += needs[key]

    def rebuild(self, body: Sequence[Stmt]) -> tuple[Stmt, ...]:
        """The statements that are needed, their dead results and carried values dropped."""
        out: list[Stmt] = []
        for stmt in body:
            if isinstance(stmt, Let):
                if not self.live.isdisjoint(stmt.targets) or not effect_free(stmt.op):
                    out.append(stmt)
            elif id(stmt) not in self.live:
                continue
            elif isinstance(stmt, If):
                keep = [i for i, t in enumerate(stmt.targets) if t in self.live]
                then, orelse = (
                    Region((), self.rebuild(r.body), tuple(r.results[i] for i in keep)) for r in (stmt.then, stmt.orelse)
                )
                if keep or then.body or orelse.body:
                    out.append(replace(stmt, targets=tuple(stmt.targets[i] for i in keep), then=then, orelse=orelse))
                elif asks(stmt):  # which a `try` around sees
                    out.append(Let((Var(BOOL),), "builtins.bool", (stmt.cond,), (), stmt.origin))
            elif isinstance(stmt, Try):
                keep = [i for i, t in enumerate(stmt.targets) if t in self.live or i == 0]
                kept = Region((), self.rebuild(stmt.body.body), tuple(stmt.body.results[i] for i in keep))
                out.append(replace(stmt, targets=tuple(stmt.targets[i] for i in keep), body=kept))
            else:
                out.append(self.loop(stmt))
        return tuple(out)

    def loop(self, stmt: For | While) -> For | While:
        """A loop with the carried values that are needed."""
        lead = 1 if isinstance(stmt, For) else 0
        params = stmt.body.params[lead:]
        keep = [i for i, p in enumerate(params) if p in self.live]
        body = Region(
            (*stmt.body.params[:lead], *(params[i] for i in keep)),
            self.rebuild(stmt.body.body),
            (stmt.body.results[0], *(stmt.body.results[1 + i] for i in keep)),
        )
        targets, inits = tuple(stmt.targets[i] for i in keep), tuple(stmt.inits[i] for i in keep)
        if isinstance(stmt, While):
            cond = Region(tuple(stmt.cond.params[i] for i in keep), self.rebuild(stmt.cond.body), stmt.cond.results)
            return replace(stmt, targets=targets, inits=inits, cond=cond, body=body)
        return replace(stmt, targets=targets, inits=inits, body=body)
