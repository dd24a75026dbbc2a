"""Branches: what has a share in one branch only is reversed inside of it."""

from __future__ import annotations

from dataclasses import replace

from adtransform.build import Builder, type_of
from adtransform.ir import Atom, If, Let, Region, Var
from adtransform.lattice import List
from adtransform.linear import singular
from adtransform.reverse.shares import Adjoints
from adtransform.rewrite import operands


class Branches(Adjoints):
    """Knows which adjoints are made by branches, and where they are zero."""

    branches: dict[Atom, tuple[Builder, int]]  # what makes the adjoints that branches make: where it stands
    busy: set[Atom | None]  # those of them that are zero on no path

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
        self.adjoint = outer.new_child()
        if last:
            b.body.pop()
            results = dict(zip(guard.targets, zip(guard.then.results, guard.orelse.results, strict=True), strict=True))
            inner.body = list((guard.then if taken else guard.orelse).body)
            for v in (*stmt.targets, *operands(stmt)):
                if isinstance(v, Var) and isinstance(bar := outer.get(v), Var) and bar in results:
                    self.adjoint[v] = results[bar][not taken]
        before = self.adjoint
        self.adjoint = before.new_child()
        self.let(stmt, inner)
        changed = {v: bar for v, bar in self.adjoint.maps[0].items() if bar is not before[v]}
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
        if not self.branches or stmt.op in ("load", "zeros"):
            return None
        bars = [bar for t in stmt.targets if (bar := self.adjoint.get(t)) is not None and bar not in self.empty]
        found = [self.branches[bar] for bar in bars if bar in self.branches]
        if not found or any(isinstance(type_of(a), List) for a in (*stmt.targets, *stmt.args)):
            return None
        if len(found) < len(bars) or any(one[1] != found[0][1] or one[0] is not found[0][0] for one in found):
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
        """Whether an adjoint is made of branches alone and zero where they are not taken.

        What is not stays so: shares are added to what is there, and make nothing zero.
        """
        if bar in self.empty or not (bar in self.taken or bar in self.branches):
            return False
        todo, seen = [bar], set[Atom | None]()
        while todo:
            bar = todo.pop()
            if bar in self.taken:
                bar = self.taken[bar]
            if bar in self.empty:
                return True
            if bar in self.branches and bar not in seen and bar not in self.busy:
                sides = self.sides(bar)[1:]
                if not self.empty.isdisjoint(sides):
                    return True
                todo += sides
                seen.add(bar)
        self.busy |= seen
        return False

    # What the sweep provides.

    def let(self, stmt: Let, b: Builder) -> None:
        """Reverse an operation."""
        raise NotImplementedError
