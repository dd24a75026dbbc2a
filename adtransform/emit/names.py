"""The variables of the printed program: which values share one, and what it is called.

Values share a variable where one becomes the other (a carried value and its next, the versions of an array written in
place) and they are never needed at the same time; what is needed at the same time gets `y` and `y_1`.
"""

from __future__ import annotations

import bisect
import keyword
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from adtransform.ir import Const, Param, Var, is_temporary, numbered
from adtransform.lattice import Array
from adtransform.place.liveness import Range, Ranges, merged, ranges
from adtransform.place.program import Bind, Copy, Exit, Loop, Node, Program, label, type_of, walk


@dataclass(slots=True, eq=False)
class _Class:
    """Values in one variable."""

    spans: list[Range]
    members: list[Var]
    label: str = ""
    parameter: str = ""
    written: bool = False  # an array that is written in place
    name: str = field(default="")


def names(program: Program, *, listing: bool, reserved: Iterable[str]) -> dict[Var, str]:
    """The variable of every value; names not of the user's making avoid the `reserved` ones."""
    found = ranges(program.nodes)
    classes = _Classes(found, listing)
    nodes = walk(program.nodes)
    if not listing:
        classes.parameters(nodes)
    classes.join(nodes, found)
    if not listing:
        classes.hold_indices(found)
    return _Namer(program.function.params, nodes, classes, listing, frozenset(reserved)).run()


class _Classes:
    def __init__(self, found: Ranges, listing: bool) -> None:
        self.listing = listing
        self.turn = math.inf  # when the backward sweep begins
        self.of = {v: _Class(spans, [v], self.key(v)) for v, spans in found.of.items()}

    def key(self, v: Var) -> str:
        """Values with different keys are never put into one variable."""
        if not self.listing:
            return label(v)
        return v.hint if v.of is None else f"d{self.key(v.of)}_{v.wrt}"

    def parameters(self, nodes: list[Node]) -> None:
        for node in nodes:
            if isinstance(node, Bind) and node.tree.op == "load":
                name = node.tree.args[0]
                assert isinstance(name, Const)
                mine = self.of[node.targets[0]]
                mine.label = mine.parameter = str(name.value)

    def join(self, nodes: list[Node], found: Ranges) -> None:
        self.turn = next((found.at[n] for n in nodes if isinstance(n, Bind) and n.tree.op == "backward"), math.inf)
        for node in nodes:
            if isinstance(node, Loop):
                for q, p in node.exits:
                    self.merge(q, p, force=True)
        for node in nodes:
            if isinstance(node, Bind) and node.inplace:
                written = self.is_array(node)
                self.merge(node.targets[0], node.tree.args[0], force=written)
                if written and node.targets[0] in self.of:
                    self.of[node.targets[0]].written = True
        pairs = [pair for node in nodes if isinstance(node, Copy) for pair in node.pairs]
        # What is of one name first: `if c: best = t` needs no `else: t = best`.
        for target, source in sorted(pairs, key=lambda pair: not self.is_named_so(*pair)):
            self.merge(target, source, force=self.are_one(target, source))
        for node in nodes:
            if isinstance(node, Bind) and node.tree.op in ("assign", "copy", "copy_of"):
                self.merge(node.targets[0], node.tree.args[0])

    def hold_indices(self, found: Ranges) -> None:
        """An index that the user gave no name keeps its variable for all of its loop: no loop inside it has the same."""
        for loop, trip in found.trips.items():
            held = self.of.get(loop.index) if loop.index is not None else None
            if held is not None and all(is_temporary(v) for v in held.members):
                held.spans = merged([*held.spans, trip])

    def turns(self, x: _Class, y: _Class) -> bool:
        """Whether one is a value of the forward sweep and the other an adjoint, which would be read there under its name."""
        if self.listing or self.turn == math.inf:
            return False
        adjoint = [any(v.of is not None for v in c.members) for c in (x, y)]
        early = [c.spans[0][0] < self.turn for c in (x, y)]
        return adjoint[0] != adjoint[1] and early[adjoint.index(False)]

    def is_array(self, node: Bind) -> bool:
        return not self.listing and isinstance(type_of(node.tree.args[0]), Array)

    def are_one(self, a: Var, b: object) -> bool:
        """Whether two names are of one array that is written in place: a helper's name for it, and its caller's."""
        if not isinstance(b, Var) or a not in self.of or b not in self.of:
            return False
        x, y = self.of[a], self.of[b]
        return x.written and y.written and not self.turns(x, y)

    def is_named_so(self, a: Var, b: object) -> bool:
        """Whether the user calls two values the same."""
        return isinstance(b, Var) and self.key(a) == self.key(b) != ""

    def merge(self, a: Var, b: object, force: bool = False) -> None:
        if not isinstance(b, Var) or a not in self.of or b not in self.of:
            return
        x, y = self.of[a], self.of[b]
        if x is y:
            return
        if not force and (x.label != y.label and x.label and y.label) or (x.parameter and y.parameter):
            return
        if overlap(x.spans, y.spans) or (not force and self.turns(x, y)):
            return
        if x.label and y.label and x.label != y.label:
            # The name it had first, which is the caller's.
            x, y = sorted((x, y), key=lambda c: c.spans[0])
        elif len(x.members) < len(y.members):
            x, y = y, x
        x.written |= y.written
        x.spans = both(x.spans, y.spans)
        x.members += y.members
        x.label = x.label or y.label
        x.parameter = x.parameter or y.parameter
        for v in y.members:
            self.of[v] = x


def both(a: list[Range], b: list[Range]) -> list[Range]:
    """The ranges of two sorted lists that have no time in common, as one: the longer list, into which the others are put."""
    if len(a) < len(b):
        a, b = b, a
    if len(b) * 8 > len(a):
        return merged([*a, *b])
    for start, end in b:
        i = bisect.bisect_left(a, (start, end))
        if i < len(a) and a[i][0] == end + 1:
            end = a.pop(i)[1]
        if i > 0 and a[i - 1][1] == start - 1:
            i -= 1
            start = a.pop(i)[0]
        a.insert(i, (start, end))
    return a


def overlap(a: list[Range], b: list[Range]) -> bool:
    """Whether two sorted lists of ranges have a time in common."""
    if len(a) > len(b):
        a, b = b, a
    for start, end in a:
        i = bisect.bisect_right(b, (end, float("inf")))
        if i > 0 and b[i - 1][1] >= start:
            return True
    return False


class _Held:
    """When each of many names is taken for longest; of every 64 together, and of every 64 of these, when all of them are."""

    SIZES = 1, 64, 64 * 64

    def __init__(self) -> None:
        self.levels: tuple[list[Range], ...] = [], [], []

    def free(self, time: int, k: int) -> int:
        """The first name from the `k`th on that is not held at a time."""
        count = len(self.levels[0])
        while k < count:
            for size, spans in zip(reversed(self.SIZES), reversed(self.levels), strict=True):
                start, end = spans[k // size]
                if start <= time <= end:
                    k = min((k // size + 1) * size, count)
                    break
            else:
                return k
        return k

    def put(self, k: int, span: Range) -> None:
        """Note when a name is held."""
        spans, *_ = self.levels
        first = min(k, len(spans))
        spans += [(0, -1)] * (k + 1 - len(spans))
        spans[k] = span
        for below, above in pairwise(self.levels):
            first, k = first // 64, k // 64
            for block in range(first, k + 1):
                starts, ends = zip(*below[block * 64 : (block + 1) * 64], strict=True)
                above[block : block + 1] = [(max(starts), min(ends))]


def _common(nodes: list[Node], classes: _Classes) -> dict[_Class, tuple[str, ...]]:
    """What a person calls values that the user gave no name: the indices of loops, and a result that grows in one."""
    found: dict[_Class, tuple[str, ...]] = {}
    for node in nodes:
        if isinstance(node, Loop) and node.index in classes.of:
            found[classes.of[node.index]] = ("i", "j", "k", "m", "n")
        if isinstance(node, Exit) and node.values and isinstance(v := node.values[0], Var) and v.of is None:
            if v in classes.of and len(classes.of[v].members) > 1:
                found.setdefault(classes.of[v], ("y", "result"))
    return {c: names for c, names in found.items() if all(is_temporary(v) for v in c.members)}


def _saved(nodes: list[Node], classes: _Classes) -> dict[_Class, _Class]:
    """For what is taken from a tape what was put there, whose name it has."""
    put: dict[_Class, _Class] = {}
    found: dict[_Class, _Class] = {}
    for node in nodes:
        if isinstance(node, Bind) and node.tree.op in ("push", "pop"):
            tape = classes.of.get(node.targets[0])
            value = node.tree.args[1] if node.tree.op == "push" else node.targets[1]
            held = classes.of.get(value) if isinstance(value, Var) else None
            if tape is not None and held is not None:
                if node.tree.op == "push":
                    put[tape] = held
                elif tape in put and put[tape].label == held.label:
                    found[held] = put[tape]
    return found


class _Namer:
    def __init__(
        self, params: Iterable[Param], nodes: list[Node], classes: _Classes, listing: bool, reserved: frozenset[str]
    ) -> None:
        self.classes = classes
        self.listing = listing
        self.reserved = reserved
        self.taken: dict[str, list[Range]] = {}
        self.busy: set[_Class] = set()
        self.held: dict[str, _Held] = {}  # for `y`: when `y_1`, `y_2`, ... are taken for longest
        self.common = {} if listing else _common(nodes, classes)
        self.saved = {} if listing else _saved(nodes, classes)
        assigned = [node.targets[0].hint for node in nodes if isinstance(node, Bind) and node.tree.op == "assign"]
        self.user = {*map(label, classes.of), *assigned} - {""}
        self.next = 1 + max((int(v.hint[1:]) for v in classes.of if numbered(v.hint)), default=-1)
        if not listing:
            self.taken = {p.name: [(-1, 10**9)] for p in params}

    def run(self) -> dict[Var, str]:
        classes = list(dict.fromkeys(self.classes.of.values()))
        for c in classes:
            if c.parameter:
                c.name = c.parameter
                self.taken[c.name] = c.spans[:]
        # The user's own names first: what is generated gives way to them.
        rest = sorted((c for c in classes if not c.name), key=lambda c: (not self.is_users(c), c.spans[0][0]))
        for c in rest:
            self.name(c)
        return {v: c.name for v, c in self.classes.of.items()}

    def is_users(self, c: _Class) -> bool:
        return any(v.of is None and not is_temporary(v) for v in c.members)

    def name(self, c: _Class) -> str:
        if c.name:
            return c.name
        base, mine = self.wish(c)
        usual = [n for n in self.common.get(c, ()) if not (n in self.user or n in self.reserved) and self.is_free(n, c)]
        if usual and (not base or numbered(base)):
            self.take(c, usual[0])
        elif base:
            # A second variable of one name: `y_1`.
            candidates = [base] if mine or base not in self.reserved else []
            if (before := self.saved.get(c)) is not None and before.name:
                candidates.insert(0, before.name)
            self.settle(c, candidates, base)
        else:
            self.number(c)
        return c.name

    def settle(self, c: _Class, candidates: list[str], base: str) -> None:
        for name in candidates:
            if self.is_free(name, c):
                self.take(c, name)
                return
        if numbered(base):
            self.number(c)
            return
        # Of one name there may be thousands, most of them needed for long: these are passed over quickly.
        start, held = c.spans[0][0], self.held.setdefault(base, _Held())
        k = held.free(start, 0)
        while f"{base}_{k + 1}" in self.reserved or not self.is_free(f"{base}_{k + 1}", c):
            k = held.free(start, k + 1)
        self.take(c, f"{base}_{k + 1}")
        held.put(k, max(self.taken[c.name], key=lambda span: span[1] - span[0]))

    def number(self, c: _Class) -> None:
        while f"t{self.next}" in self.reserved or not self.is_free(f"t{self.next}", c):
            self.next += 1
        self.take(c, f"t{self.next}")
        self.next += 1

    def is_free(self, name: str, c: _Class) -> bool:
        return not keyword.iskeyword(name) and not overlap(self.taken.get(name, []), c.spans)

    def take(self, c: _Class, name: str) -> None:
        c.name = name
        self.taken[name] = both(self.taken.get(name, []), c.spans[:])

    def wish(self, c: _Class) -> tuple[str, bool]:
        """The name wished for, and whether it is the user's own."""
        members = c.members
        if len(members) > 1:
            members = sorted(members, key=lambda v: (is_temporary(v), v.of is not None))
        first = members[0]
        if not is_temporary(first) and first.of is None:
            return first.hint, True
        for v in members:
            if v.of is not None:
                return self.differential(v, c), False
        for v in c.members:
            if v.hint:
                return v.hint, v.hint in self.user
        return "", False

    def differential(self, v: Var, c: _Class) -> str:
        assert v.of is not None
        suffix = f"_d{v.wrt}" if v.wrt else ""
        owner = self.classes.of.get(v.of)
        if owner is None or owner in self.busy:
            inner = v.of.hint or label(v.of)
            if v.of.of is not None:
                inner = self.differential(v.of, c)
            return f"d{inner or 't'}{suffix}"
        self.busy.add(c)
        inner = self.name(owner)
        self.busy.discard(c)
        return f"d{inner}{suffix}"
