"""Rotations: arrays that a loop carries and that take one another's places from trip to trip.

for ...: v[k] = f(u); u, v = v, u        has two buffers, which are never one if they are two when it begins
"""

from __future__ import annotations

from collections.abc import Mapping

from adtransform.ir import Var
from adtransform.lattice import Array, Unknown
from adtransform.place.program import Bind, Copy, Loop, Node, Operand
from adtransform.record import record

Rotations = Mapping[Loop, tuple[Var, ...]]


@record
class _Buffer:
    """A buffer that a loop carries: that of one of the variables `of`.  `key`: what the loop `within` calls it."""

    key: Var
    within: Loop
    of: frozenset[Var]


def rotations(every: list[Node]) -> Rotations:
    """The carried variables of each loop that have one another's buffers in the next trip."""
    loops = [node for node in every if isinstance(node, Loop) and sum(map(_is_array, node.phis)) > 1]
    return _Finder(every).all(loops) if loops else {}


def _is_array(v: Var) -> bool:
    return isinstance(v.type, (Array, Unknown))


class _Finder:
    def __init__(self, every: list[Node]) -> None:
        self.ends: dict[Loop, list[dict[Var, Operand]]] = {}  # what each variable is on the ways to the next trip
        self.begins: dict[Var, Operand] = {}  # what a carried variable is in the first one
        self.bound: dict[Var, Operand] = {}  # what has the buffer of a variable that is bound by an operation
        self.made: dict[Var, list[Node]] = {}
        self.sources: dict[tuple[Node, Var], Operand] = {}
        self.known: dict[tuple[Var, Loop], _Buffer | None] = {}
        self.found: dict[Loop, tuple[Var, ...]] = {}
        self.carried = {p: node for node in every if isinstance(node, Loop) for p in node.phis}
        for node in every:
            pairs: list[tuple[Var, Operand]] = []
            if isinstance(node, Copy):
                if node.back is not None:
                    self.ends.setdefault(node.back, []).append(dict(node.pairs))
                else:
                    pairs = node.pairs
            elif isinstance(node, Loop):
                pairs = [*node.exits]
            elif isinstance(node, Bind):
                kept = node.inplace or node.tree.op == "assign"
                self.bound.update((t, node.tree.args[0] if kept and i == 0 else node.tree) for i, t in enumerate(node.targets))
            for t, s in pairs:
                if t in self.carried:
                    self.begins[t] = s
                else:
                    self.made.setdefault(t, []).append(node)
                    self.sources[node, t] = s

    def all(self, loops: list[Loop]) -> Rotations:
        """The rotations of the loops."""
        for loop in reversed(loops):  # the inner ones first
            if found := self.rotation(loop):
                self.found[loop] = found
        return self.found

    def rotation(self, loop: Loop) -> tuple[Var, ...]:
        """The variables that have one another's buffers in the next trip, on whatever way to it."""
        phis = [p for p in loop.phis if _is_array(p)]
        ways = [{p: self.buffer(end.get(p, p), loop) for p in phis} for end in self.ends.get(loop, ())]
        group = {p for p in phis if any((b := way[p]) is None or b.key is not p for way in ways)}
        while group:
            kept = [p for p in group if all((b := way[p]) is not None and b.of <= group for way in ways)]
            next_ones = {q for way in ways for p in kept if (b := way[p]) is not None for q in b.of}
            if group == next_ones.intersection(kept):
                break
            group = next_ones.intersection(kept)
        if not all(_are_apart([b for p in group if (b := way[p]) is not None]) for way in ways):
            return ()
        return tuple(p for p in phis if p in group)

    def buffer(self, a: Operand, loop: Loop) -> _Buffer | None:
        """The buffer of a value, if it is one that the loop carries around."""
        while isinstance(a, Var) and (bind := self.bound.get(a)) is not None:
            a = bind
        if not isinstance(a, Var):
            return None
        if self.carried.get(a) is loop:
            return _Buffer(a, loop, frozenset((a,)))
        if (a, loop) not in self.known:
            buffers = [self.behind(node, a, loop) for node in self.made.get(a, ())]
            self.known[a, loop] = buffers[0] if buffers and all(b == buffers[0] for b in buffers) else None
        return self.known[a, loop]

    def behind(self, node: Node, target: Var, loop: Loop) -> _Buffer | None:
        """The same of what a statement binds."""
        source = self.sources[node, target]
        if not isinstance(node, Loop) or not isinstance(source, Var):
            return self.buffer(source, loop)
        begins = [self.buffer(self.begins[p], loop) for p in self.found.get(node, ()) if p in self.begins]
        if source in self.found.get(node, ()):
            known = [b for b in begins if b is not None]
            if len(known) < len(self.found[node]) or not _are_apart(known):
                return None
            return _Buffer(source, node, frozenset[Var]().union(*(b.of for b in known)))
        stays = all((b := self.buffer(end.get(source, source), node)) and b.key is source for end in self.ends.get(node, ()))
        return self.buffer(self.begins[source], loop) if stays and source in self.begins else None


def _are_apart(buffers: list[_Buffer]) -> bool:
    """Whether no two of them are one."""
    for i, a in enumerate(buffers):
        for b in buffers[:i]:
            if a.key is b.key or (a.within is not b.within and not a.of.isdisjoint(b.of)):
                return False
    return True
