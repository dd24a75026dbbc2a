"""Spent: what is written into an adjoint and never read again is not written.

dt = index(dw0, i); dw1 = update(dw0, i, 0.0)    in a loop through i after which nobody asks for dw: the second line goes

A value is followed through all that may read it.  Elements are told apart by their indices: constants that differ, and the
index of a loop in another trip.
"""

from __future__ import annotations

from collections.abc import Sequence

from adtransform.build import type_of
from adtransform.ir import Atom, Const, For, Function, If, Let, Stmt, Var
from adtransform.lattice import Array, is_int
from adtransform.optimise.uses import Uses
from adtransform.rewrite import Without, operands, statements

_ASKED = frozenset(("shape", "ndim", "size", "zeros"))  # what reads no element

_FOLLOWED = _ASKED | {"index", "accumulate_at", "update"}  # through which a value is followed

_FAR = 24  # values, to which one is followed

Later = frozenset[Var]  # the indices of the loops around that have gone on since


def spent(f: Function) -> Function:
    """The function without the writes into adjoints that nobody reads."""
    every = statements(f.body)
    doubtful = [s for s in every if isinstance(s, Let) and s.op == "update" and _is_derived(s.targets[0])]
    # Most are computed with.
    read = set[Atom]().union(*[operands(s) for s in every if isinstance(s, Let) and s.op not in _FOLLOWED])
    doubtful = [s for s in doubtful if s.targets[0] not in read]
    if not doubtful:
        return f
    flow = _Flow(every, Uses(f.body))
    gone: dict[Var, Atom] = {s.targets[0]: s.args[0] for s in doubtful if flow.is_unread(s)}
    return Without(gone).function(f) if gone else f


def _is_derived(v: Var) -> bool:
    return not v.hint and isinstance(v.type, Array)


class _Flow:
    """Where values go."""

    def __init__(self, every: Sequence[Stmt], uses: Uses) -> None:
        self.uses = uses
        # The indices of loops that are never negative.
        self.counted = {s.body.params[0] for s in every if isinstance(s, For) and _counts(s)}

    def is_unread(self, stmt: Let) -> bool:
        """Whether nothing reads what a statement writes."""
        key = self.parts(stmt.args[1])
        todo: list[tuple[Var, Later]] = [(stmt.targets[0], frozenset())]
        seen = set(todo)
        for v, later in todo:  # which grows
            onward = self.onward(v, later, key)
            if onward is None or len(todo) > _FAR:
                return False
            for found in onward:
                if found not in seen:
                    seen.add(found)
                    todo.append(found)
        return True

    def onward(self, v: Var, later: Later, key: Sequence[Atom]) -> list[tuple[Var, Later]] | None:
        """The values that are the array afterwards; None where something may read what is written at `key`."""
        found: list[tuple[Var, Later]] = []
        for stmt in self.uses.read.get(v, ()):
            match stmt:
                case Let(op=op) if op in _ASKED:
                    pass
                case Let(op="index", args=(_, at)) if at is not v and self.apart(key, at, later):
                    pass
                case Let(op="accumulate_at", args=(_, at, share)) if v not in (at, share) and self.apart(key, at, later):
                    found.append((stmt.targets[0], later))
                case Let(op="update", args=(_, at, value)) if v not in (at, value):
                    found.append((stmt.targets[0], later))
                case For(inits=inits) if v not in (stmt.start, stmt.stop, stmt.step):
                    for init, param, target in zip(inits, stmt.body.params[1:], stmt.targets, strict=True):
                        if init is v:
                            found += [(param, later), (target, later)]
                case _:
                    return None
        for owner, i in self.uses.yielded.get(v, ()):
            if isinstance(owner, If):
                found.append((owner.targets[i], later))
            elif isinstance(owner, For) and i:
                index = owner.body.params[0]
                found += [(owner.body.params[i], later | {index}), (owner.targets[i - 1], later - {index})]
            else:
                return None
        return found

    def parts(self, key: Atom) -> Sequence[Atom]:
        """The indices of a key, axis by axis."""
        let = self.uses.lets.get(key) if isinstance(key, Var) else None
        return let.args if let is not None and let.op == "tuple" else (key,)

    def apart(self, key: Sequence[Atom], other: Atom, later: Later) -> bool:
        """Whether two keys surely address no element in common."""
        for a, b in zip(key, self.parts(other), strict=False):
            if not (is_int(type_of(a)) and is_int(type_of(b))):
                return False
            if a is b:
                if a in later and a in self.counted:
                    return True
            elif isinstance(a, Const) and isinstance(b, Const) and a != b and (a.value < 0) == (b.value < 0):
                return True
        return False


def _counts(loop: For) -> bool:
    """Whether the index of a loop is never negative: -1 and `n - 1` are one element."""
    start, stop, step = (a.value if isinstance(a, Const) else None for a in (loop.start, loop.stop, loop.step))
    if step is None:
        return False
    return start is not None and start >= 0 if step > 0 else stop is not None and stop >= -1
