"""Kept: what the elements of an array are that is written in loops, and that none of them writes again.

for k in range(n): t = x[k]; x[k + 1] = f(t)        in the backward sweep reads x[k], and no t is saved

A value that is read at `key`, or written there, is what the array holds there at the end, if no later write meets it.  Two
accesses are told apart axis by axis: by indices that are loop indices plus constants, and by what the ranges of those say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from adtransform.build import type_of
from adtransform.ir import Atom, Const, For, If, Let, Region, Stmt, Var
from adtransform.lattice import Array, List, Scalar, Type, dims_of, is_int
from adtransform.ops import DEEP
from adtransform.record import record
from adtransform.rewrite import operands, regions

Path = tuple[tuple[object, int], ...]
Affine = tuple[Var | None, int]  # a loop's index, or what no loop changes, and what is added to it
Part = tuple[Affine | None, Affine | None] | Affine  # from and to, or one index

_WRITES = {"update": "index", "put_in": "item_in"}
_SPOILS = frozenset("update push pop accumulate_at claim drop exchange put_in grow_in push_in pop_in extend".split())
_DEPTH = 3


@record
class _Access:
    """Where an array is read or written, and when."""

    parts: Sequence[Part | None]
    path: Path
    order: int


class Kept:
    """The arrays that loops of the forward sweep write."""

    def __init__(self, forward: Sequence[Stmt], path: Mapping[Var, Path], lets: Mapping[Var, Let]) -> None:
        self.path, self.lets = path, lets
        self.order: dict[Var, int] = {}  # when each is bound: by what holds others, behind these
        self.loops: dict[object, For] = {}
        self.index: dict[Var, For] = {}
        self.written: dict[Atom, Let] = {}
        self.spoiled: set[Atom] = set()  # what is written, carried or handed on, later than where it is bound
        self.found: dict[tuple[For, int], tuple[set[Var], list[Let]]] = {}
        self._look(forward)

    def _look(self, body: Sequence[Stmt]) -> None:
        for stmt in body:
            if isinstance(stmt, For):
                self.loops[stmt.tag] = stmt
                self.index[stmt.body.params[0]] = stmt
            if not isinstance(stmt, Let):
                self.spoiled.update(getattr(stmt, "inits", ()))
            elif stmt.op in _SPOILS:
                self.spoiled.add(stmt.args[0])
                if stmt.op in _WRITES:
                    self.written[stmt.args[1 if stmt.op in DEEP else 2]] = stmt
            for region in regions(stmt):
                self.order.update((p, len(self.order)) for p in region.params)
                self._look(region.body)
                self.spoiled.update(region.results)
            for t in stmt.targets:
                self.order[t] = len(self.order)

    def read_late(self, v: Var, at_hand: set[Var]) -> Let | None:
        """How a value can be read from an array as it is in the end; `at_hand`: what is needed of the regions anyway."""
        let, write = self.lets.get(v), self.written.get(v)
        if let is not None and let.op in ("index", "item_in") and isinstance(let.args[0], Var):
            return self.late(v, let.args[0], let.args[1:], let.op, at_hand)
        if write is None or self.path[write.targets[0]] != self.path[v]:
            return None
        keys = _keys(write)
        if self.item(write.targets[0].type, keys) != v.type:
            return None
        return self.late(v, write.targets[0], keys, _WRITES[write.op], at_hand)

    def item(self, t: Type, keys: Sequence[Atom]) -> Type | None:
        """The type of what is at a place, of arrays of known dtypes and of lists."""
        if not isinstance(t, Array):
            for _ in keys:
                if not isinstance(t, List):
                    return None
                t = t.item
            return t
        parts, dims = self.parts(keys, "index"), dims_of(t)
        if t.dtype is None or dims is None or parts is None or not all(p is not None and _is_index(p) for p in parts):
            return None
        left = dims[len(parts) :]
        return Array(t.dtype, left) if left else Scalar("float", t.dtype) if t.dtype.startswith("float") else None

    def late(self, v: Var, version: Var, keys: Sequence[Atom], op: str, at_hand: set[Var]) -> Let | None:
        """The same place of the last version of an array."""
        parts = self.parts(keys, op)
        if parts is None or version not in self.order:
            return None
        access = _Access(parts, self.path[version], self.order[version])  # from when on it holds the value
        for tag, _ in access.path:
            loop = self.loops.get(tag)
            for i, last in enumerate(loop.targets if loop is not None else ()):
                known = isinstance(last.type, (Array, List)) and last not in self.spoiled
                if loop is not None and known and (not self.path[last] or last in at_hand):
                    versions, writes = self.versions(loop, i)
                    if version in versions and self.is_final(access, writes, loop):
                        return Let((v,), op, (last, *keys))
        return None

    def versions(self, loop: For, i: int) -> tuple[set[Var], list[Let]]:
        """The versions of a carried array in a loop, and the writes that make one of the other; none if there are others."""
        if (loop, i) not in self.found:
            first = loop.body.params[i + 1]
            found, writes = {first}, list[Let]()
            last = self.follow(loop.body, first, found, writes)
            self.found[loop, i] = (found, writes) if last is loop.body.results[i + 1] else (set(), [])
        return self.found[loop, i]

    def follow(self, region: Region, now: Var, found: set[Var], writes: list[Let]) -> Var | None:
        """The version at the end of a region, if all that is done to it is written there; the others go to `found`."""
        for stmt in region.body:
            new: Var | None = now
            if isinstance(stmt, Let):
                if stmt.op in _WRITES and stmt.args[0] is now:
                    new = stmt.targets[0]
                    writes.append(stmt)
            elif isinstance(stmt, If):
                ends = [self.follow(r, now, found, writes) for r in (stmt.then, stmt.orelse)]
                if ends != [now, now]:
                    both = zip(stmt.targets, stmt.then.results, stmt.orelse.results, strict=True)
                    new = next((t for t, a, b in both if a is ends[0] and b is ends[1]), None)
            elif isinstance(stmt, For):
                if now in stmt.inits:
                    k = stmt.inits.index(now)
                    p = stmt.body.params[k + 1]
                    found.add(p)
                    end = self.follow(stmt.body, p, found, writes)
                    new = stmt.targets[k] if end is not None and end is stmt.body.results[k + 1] else None
            elif now in operands(stmt) or any(now in _read(r) for r in regions(stmt)):
                return None
            if new is None:
                return None
            found.add(new)
            now = new
        return now

    def is_final(self, access: _Access, writes: list[Let], loop: For) -> bool:
        """Whether no later write meets what is accessed."""
        for write in writes:
            target = write.targets[0]
            parts = self.parts(_keys(write), _WRITES[write.op])
            if parts is None:
                return False
            other = _Access(parts, self.path[target], self.order[target])
            common = [self.loops[tag].body.params[0] for tag, _ in _shared(access.path, other.path) if tag in self.loops]
            common = common[common.index(loop.body.params[0]) :]
            levels: list[int | None] = [*range(len(common))]
            if other.order > access.order:
                levels.append(None)
            if not all(self.apart(access, other, common, level) for level in levels):
                return False
        return True

    def apart(self, a: _Access, b: _Access, common: list[Var], level: int | None) -> bool:
        """Whether a write `b` does not meet an access `a`, when the loop `level` of the common ones has gone on since."""
        for p, q in zip(a.parts, b.parts, strict=False):
            if p is None or q is None or not (self.is_counted(p) and self.is_counted(q)):
                continue
            (low, high), (start, stop) = _ends(p), _ends(q)
            # Ends are exclusive: all of one lies before the other.
            if start is not None and high is not None and self.between(start, high, common, level)[0] >= 0:
                return True
            if stop is not None and low is not None and self.between(stop, low, common, level)[1] <= 0:
                return True
        return False

    def between(self, w: Affine, r: Affine, common: list[Var], level: int | None, depth: int = _DEPTH) -> tuple[float, float]:
        """The least and the most that an expression of the later time may be more than one of the earlier."""
        (x, m), (y, n) = w, r
        if x is y:
            d = m - n
            if x is None or x not in self.index:
                return d, d
            if x in common:
                at = common.index(x)
                if level is None or at < level:
                    return d, d
                if at == level and (step := self.step(x)):
                    return (d + 1, math.inf) if step > 0 else (-math.inf, d - 1)
        low, high = -math.inf, math.inf
        if depth:
            for bound, is_low in self.bounds(x):
                found = self.between((bound[0], bound[1] + m), r, common, level, depth - 1)
                low, high = (max(low, found[0]), high) if is_low else (low, min(high, found[1]))
            for bound, is_low in self.bounds(y):
                found = self.between(w, (bound[0], bound[1] + n), common, level, depth - 1)
                low, high = (low, min(high, found[1])) if is_low else (max(low, found[0]), high)
        return low, high

    def bounds(self, v: Var | None) -> Iterator[tuple[Affine, bool]]:
        """The least and the greatest that a loop's index is."""
        loop = self.index.get(v) if v is not None else None
        if loop is None or not self.step(v):
            return
        start, stop = self.affine(loop.start), self.affine(loop.stop)
        ahead = self.step(v) > 0
        if start is not None:
            yield start, ahead
        if stop is not None:
            yield (stop[0], stop[1] - 1 if ahead else stop[1] + 1), not ahead

    def step(self, v: Var | None) -> int:
        """By how much a loop's index grows; 0 where that is not known."""
        step = self.index[v].step if v is not None else None
        return step.value if isinstance(step, Const) and type(step.value) is int else 0

    def is_counted(self, part: Part) -> bool:
        """Whether the indices are counted from the begin, none from the end."""
        return all(end is None or self.least(end) >= 0 for end in (part if not _is_index(part) else (part,)))  # type: ignore[arg-type]

    def least(self, a: Affine, depth: int = _DEPTH) -> float:
        """What an index is at least."""
        v, more = a
        if v is None:
            return more
        if v in self.index:
            lows = [self.least(bound, depth - 1) for bound, is_low in self.bounds(v) if is_low] if depth else []
            return max(lows, default=-math.inf) + more
        let = self.lets.get(v)
        part = let is not None and let.op == "index" and isinstance(let.args[0], Var) and self.lets.get(let.args[0])
        counted = let is not None and (let.op in ("builtins.len", "size") or (isinstance(part, Let) and part.op == "shape"))
        return more if counted else -math.inf

    def parts(self, keys: Sequence[Atom], op: str) -> list[Part | None] | None:
        """The parts of a key, axis by axis; None where it is not told which belongs to which."""
        let = self.lets.get(keys[0]) if isinstance(keys[0], Var) and op == "index" else None
        found: list[Part | None] = []
        for a in let.args if let is not None and let.op == "tuple" else keys:
            made = self.lets.get(a) if isinstance(a, Var) else None
            if made is not None and made.op == "slice" and op == "index":
                ends = [self.affine(e) for e in made.args[:2]]
                known = all(e is not None or a == Const(None) for e, a in zip(ends, made.args, strict=False))
                plain = known and made.args[2] in (Const(None), Const(1))
                found.append((ends[0] or (None, 0), ends[1]) if plain else None)
            elif is_int(type_of(a)):
                found.append(self.affine(a))
            else:
                return None
        return found

    def affine(self, a: Atom, depth: int = _DEPTH) -> Affine | None:
        """A whole number as a variable that does not change between, or the index of a loop, and what is added."""
        if isinstance(a, Const):
            return (None, a.value) if type(a.value) is int else None
        let = self.lets.get(a)
        if a not in self.index and let is not None and let.op in ("operator.add", "operator.sub") and depth:
            x, y = let.args
            if isinstance(x, Const) and let.op == "operator.add":
                x, y = y, x
            base = self.affine(x, depth - 1) if isinstance(y, Const) and type(y.value) is int else None
            if base is not None and isinstance(y, Const):
                return base[0], base[1] + (y.value if let.op == "operator.add" else -y.value)
        return (a, 0) if a in self.index or not self.path.get(a) else None


def _keys(write: Let) -> tuple[Atom, ...]:
    """Where something is written."""
    return write.args[2:] if write.op in DEEP else write.args[1:2]


def _read(region: Region) -> Iterator[Atom]:
    for stmt in region.body:
        yield from operands(stmt)
        for inner in regions(stmt):
            yield from _read(inner)
    yield from region.results


def _shared(a: Path, b: Path) -> Path:
    """What two paths begin with."""
    n = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return a[:n]


def _is_index(part: Part) -> bool:
    return part[1] is not None and not isinstance(part[1], tuple)


def _ends(part: Part) -> tuple[Affine | None, Affine | None]:
    """The first index of a part, and the first behind it."""
    if _is_index(part):
        v, n = part
        return part, (v, n + 1)  # type: ignore[return-value, operator]
    return part  # type: ignore[return-value]
