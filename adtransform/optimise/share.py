"""Share: an operation that was already performed on the same operands is not performed again.

t1 = sin(x); t2 = sin(x); yield t1 * t2    becomes    t1 = sin(x); yield t1 * t1
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from adtransform.build import Builder
from adtransform.ir import Atom, Const, For, Function, If, Let, Region, Stmt, Var, While
from adtransform.lattice import Saved, is_scalar
from adtransform.ops import effect_free
from adtransform.rewrite import Rewriter, is_straight, used

# What makes an array of its own, which may be written later: two of them are two.
_NEVER = frozenset("load list table zeros assign pop claim pop_in".split()) | {
    f"numpy.{name}{like}" for name in ("zeros", "empty", "ones", "full") for like in ("", "_like")
}


def share(f: Function) -> Function:
    """The function with common subexpressions shared, where the first is in sight of the second."""
    return _Share().function(f)


class _Share(Rewriter):
    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[object, tuple[Var, ...]] = {}
        self.depth = 0
        self.before: list[tuple[object, tuple[Var, ...] | None]] = []  # what entries of `seen` were, to leave a region

    def note(self, key: object, found: tuple[Var, ...]) -> None:
        """This operation was performed in this region."""
        if self.depth > 1:  # which is left again
            self.before.append((key, self.seen.get(key)))
        self.seen[key] = found

    def let(self, stmt: Let, b: Builder) -> None:
        stmt = self.renewed(stmt)
        b.body.append(stmt)
        if stmt.op in _NEVER or not effect_free(stmt.op):
            return
        for t in stmt.targets:
            if isinstance(t.type, Saved):
                return  # which is for one later sweep: there is no sum of the adjoints of what several have needed
        if stmt.op in ("update", "put_in"):
            # What was just written is read back as it is.
            taken, at = ("index", 2) if stmt.op == "update" else ("item_in", 1)
            value = stmt.args[at]
            if isinstance(value, Var) and is_scalar(value.type):
                self.note((taken, (stmt.targets[0], *stmt.args[1:at], *stmt.args[at + 1 :]), (), 0), (value,))
        # What is as short as a name is shared among the statements of a block only.
        key: object = (stmt.op, stmt.args, stmt.kwargs, self.depth if stmt.op == "numpy.transpose" else 0)
        found = self.seen.get(key)
        if found is None or (stmt.op in ("index", "item_in") and found[0].type != stmt.targets[0].type):
            self.note(key, stmt.targets)
        else:
            b.body.pop()
            self.env.update(zip(stmt.targets, found, strict=True))

    def region(self, region: Region) -> Region:
        mark = len(self.before)
        self.depth += 1
        made = super().region(region)
        self.depth -= 1
        while len(self.before) > mark:
            key, found = self.before.pop()
            if found is None:
                del self.seen[key]
            else:
                self.seen[key] = found
        return made


def invariants(f: Function) -> Function:
    """Loop-carried values that never change, and results equal on both branches, replaced by what they are."""
    return f if is_straight(f.body) else _Invariants().function(f)


class _Invariants(Rewriter):
    def branch(self, stmt: If, b: Builder) -> None:
        start = len(b.body)
        super().branch(stmt, b)
        made = b.body[start]
        assert isinstance(made, If)
        inner = {v for r in (made.then, made.orelse) for s in r.body for v in s.targets}
        keep: list[int] = []
        for i, (t, p, q) in enumerate(zip(made.targets, made.then.results, made.orelse.results, strict=True)):
            if p == q and p not in inner:
                self.env[t] = p
            else:
                keep.append(i)
        if len(keep) < len(made.targets):
            then, orelse = (replace(r, results=tuple(r.results[i] for i in keep)) for r in (made.then, made.orelse))
            b.body[start] = replace(made, targets=tuple(made.targets[i] for i in keep), then=then, orelse=orelse)

    def loop(self, stmt: For | While, b: Builder) -> None:
        lead = 1 if isinstance(stmt, For) else 0
        params = stmt.body.params[lead:]
        same = {i: i for i, p in enumerate(params) if stmt.body.results[1 + i] in (p, stmt.inits[i])} | _twins(stmt, params)
        if not same:
            super().loop(stmt, b)
            return
        for i, first in same.items():
            known = first == i
            self.env[params[i]] = stmt.inits[i] if known else params[first]
            self.env[stmt.targets[i]] = stmt.inits[i] if known else stmt.targets[first]
            if isinstance(stmt, While):
                self.env[stmt.cond.params[i]] = stmt.inits[i] if known else stmt.cond.params[first]
        keep = [i for i in range(len(params)) if i not in same]
        ends = stmt.body.results[1:]
        twins = {ends[i]: ends[first] for i, first in same.items() if i != first}
        self.env.update((end, kept) for end, kept in twins.items() if isinstance(end, Var))
        body = Region(
            (*stmt.body.params[:lead], *(params[i] for i in keep)),
            _counted_once(stmt.body, twins) if twins else stmt.body.body,
            (stmt.body.results[0], *(stmt.body.results[1 + i] for i in keep)),
        )
        targets, inits = tuple(stmt.targets[i] for i in keep), tuple(stmt.inits[i] for i in keep)
        if isinstance(stmt, While):
            cond = replace(stmt.cond, params=tuple(stmt.cond.params[i] for i in keep))
            super().loop(replace(stmt, targets=targets, inits=inits, cond=cond, body=body), b)
        else:
            super().loop(replace(stmt, targets=targets, inits=inits, body=body), b)


def _twins(stmt: For | While, params: tuple[Var, ...]) -> dict[int, int]:
    """The carried values that count what an earlier one counts, from the same start and by the same step.

    Only where that one may as well be counted on where the later one is.
    """
    body, ends = stmt.body.body, stmt.body.results[1:]
    steps = {s.targets[0]: at for at, s in enumerate(body) if isinstance(s, Let) and s.op == "operator.add"}
    found: dict[int, int] = {}
    firsts: dict[tuple[Atom, Atom], int] = {}
    for i, (p, init, end) in enumerate(zip(params, stmt.inits, ends, strict=True)):
        step = body[steps[end]] if isinstance(end, Var) and end in steps else None
        if not isinstance(step, Let) or step.args[0] is not p or not isinstance(init, Const):
            continue
        by = step.args[1]
        if not isinstance(by, Const) or not type(init.value) is int is type(by.value):
            continue
        first = firsts.setdefault((init, by), i)
        if first != i and params[first] not in used(Region((), body[steps[end] : steps[ends[first]]], ())):  # type: ignore[index]
            found[i] = first
    return found


def _counted_once(body: Region, twins: Mapping[Atom, Atom]) -> tuple[Stmt, ...]:
    """The statements of a loop, with what counts the same as something else counted at the first of the places."""
    steps: dict[Atom, Stmt] = {s.targets[0]: s for s in body.body if isinstance(s, Let) and s.op == "operator.add"}
    out: list[Stmt] = []
    done: set[Atom] = set()
    for s in body.body:
        end = s.targets[0] if s.targets else None
        if end is None or steps.get(end) is not s or not (end in twins or end in twins.values()):
            out.append(s)
        elif (kept := twins.get(end, end)) not in done:
            done.add(kept)
            out.append(steps[kept])
    return tuple(out)
