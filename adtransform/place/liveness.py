"""When each variable holds a value that is still needed.

Statements are numbered in the order they are printed: a statement at time t reads at t and writes at t + 1.  The ranges of
a variable are closed intervals of times; a branch where it is not needed is a hole.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field

from adtransform.ir import Var
from adtransform.place.program import Attempt, Bind, Branch, Copy, Exit, Loop, Node, blocks, reads, variables, writes

Range = tuple[int, int]
_Live = dict[Var, int]  # variable -> the last time known so far at which it is needed


@dataclass(slots=True)
class Ranges:
    """The ranges of every variable, the time of every statement, and the copies into variables that nobody reads."""

    of: dict[Var, list[Range]] = field(default_factory=dict)
    at: dict[Node, int] = field(default_factory=dict)
    dead: list[tuple[Copy, Var]] = field(default_factory=list)
    trips: dict[Loop, Range] = field(default_factory=dict)  # the times of each loop's body
    end: int = 0

    def holds(self, v: Var, time: int) -> bool:
        """Whether a variable is needed at a time."""
        spans = self.of.get(v, ())
        i = bisect.bisect_right(spans, (time, self.end + 1))
        return i > 0 and spans[i - 1][1] >= time


def ranges(nodes: list[Node]) -> Ranges:
    """The ranges of the variables of a program."""
    walker = _Walker()
    walker.number(nodes)
    walker.found.end = walker.clock
    walker.block(nodes, {})
    # In the order of the program: sets have none, and names are given out in the order of this table.
    found, of = walker.found, walker.found.of
    order = dict.fromkeys(walker.listed)
    found.of = {v: merged(spans) if len(spans) > 1 else spans for v in order if (spans := of.get(v))}
    return found


def merged(found: list[Range]) -> list[Range]:
    """Sorted ranges, with neighbours that touch made one."""
    out: list[Range] = []
    for start, end in sorted(found):
        if out and start <= out[-1][1] + 1:
            if end > out[-1][1]:
                out[-1] = (out[-1][0], end)
        else:
            out.append((start, end))
    return out


@dataclass(slots=True)
class _Inside:
    """What happens in the blocks of a statement."""

    uses: set[Var] = field(default_factory=set)
    defs: set[Var] = field(default_factory=set)
    leaves: bool = False


class _Walker:
    def __init__(self) -> None:
        self.found = Ranges()
        self.clock = 0
        self.listed: list[Var] = []
        self.inside: dict[Node, _Inside] = {}
        self.spans: dict[Node, list[Range]] = {}
        self.breaks: list[set[Var]] = []
        self.nexts: list[set[Var]] = []

    def number(self, nodes: list[Node], total: _Inside | None = None) -> None:
        """Give every statement its time; `total`: what happens in the block, for the statement that it stands in."""
        at, listed = self.found.at, self.listed
        for node in nodes:
            at[node] = self.clock
            self.clock += 2
            if total is None and isinstance(node, Bind):
                listed += node.targets
                listed += node.tree.variables
                continue
            written, read = writes(node), reads(node)
            listed += written
            listed += read
            if total is not None:
                total.uses.update(read)
                total.defs.update(written)
            if isinstance(node, (Branch, Attempt, Loop)):
                inner = self.blocks(node, written)
                if total is not None:
                    total.uses |= inner.uses
                    total.defs |= inner.defs
                    total.leaves |= inner.leaves
            elif isinstance(node, Exit) and total is not None:
                total.leaves = True

    def blocks(self, node: Branch | Attempt | Loop, written: tuple[Var, ...]) -> _Inside:
        """The same inside of a statement."""
        inner = self.inside[node] = _Inside()
        if isinstance(node, Loop):
            tested, held = variables(node.cond), [v for pair in node.exits for v in pair]
            self.listed += (*node.phis, *tested, *held)
            inner.uses.update(tested)
            inner.defs.update((*(q for q, _ in node.exits), *written))
        self.spans[node] = []
        for block in blocks(node):
            start = self.clock - 1
            self.number(block, inner)
            self.clock += 2
            self.spans[node].append((start, self.clock - 2))
        if isinstance(node, Loop):
            self.found.trips[node] = self.spans[node][-1]
        return inner

    def add(self, v: Var, start: int, end: int) -> None:
        span = (start, max(start, end))
        if v in self.found.of:
            self.found.of[v].append(span)
        else:
            self.found.of[v] = [span]

    def define(self, vs: Iterable[Var], time: int, live: _Live) -> None:
        of = self.found.of
        for v in vs:
            span = (time, max(time, live.pop(v, time)))
            if v in of:
                of[v].append(span)
            else:
                of[v] = [span]

    def use(self, vs: Iterable[Var], time: int, live: _Live) -> None:
        for v in vs:
            live.setdefault(v, time)

    def block(self, nodes: list[Node], live: _Live) -> None:
        times = self.found.at
        for node in reversed(nodes):
            at = times[node]
            match node:
                case Bind():
                    tree = node.tree
                    if tree.op in ("raise", "reraise"):
                        live.clear()  # nothing behind it is reached
                    self.define(node.targets, at + 1, live)
                    if node.inplace and tree.op != "accumulate":
                        # The written variable may have to take over the old one before the other operands are read.
                        first, *rest = tree.args
                        self.use([v for a in rest for v in variables(a) if v is not first], at + 1, live)
                    for v in tree.variables:
                        if v not in live:
                            live[v] = at
                case Copy():
                    targets = writes(node)
                    self.found.dead += [(node, t) for t in targets if t not in live]
                    self.define(targets, at + 1, live)
                    self.use(reads(node), at, live)
                case Branch():
                    self.branch(node, at, live)
                case Attempt():
                    self.attempt(node, at, live)
                case Loop():
                    self.loop(node, at, live)
                case Exit(kind=kind):
                    live.clear()
                    if kind != "return":
                        live.update(dict.fromkeys((self.breaks if kind == "break" else self.nexts)[-1], at))
                    self.use(reads(node), at, live)

    def set_aside(self, node: Branch | Attempt | Loop, after: int, live: _Live) -> list[Var]:
        """Close the ranges behind a statement of what it may change; with exits inside that is everything."""
        inside = self.inside[node]
        names = list(live) if inside.leaves else [v for v in (*inside.uses, *inside.defs) if v in live]
        for v in names:
            if v in live:
                self.add(v, after, live.pop(v))
        return names

    def branch(self, node: Branch, at: int, live: _Live) -> None:
        outside = self.set_aside(node, self.spans[node][1][1] + 1, live)
        exposed: dict[Var, int] = {}
        for block, (start, end) in zip(reversed(blocks(node)), reversed(self.spans[node]), strict=True):
            inner = dict.fromkeys(outside, end)
            self.block(block, inner)
            for v, last in inner.items():
                self.add(v, start, last)
                exposed[v] = at
        live.update(exposed)
        self.use(variables(node.cond), at, live)

    def attempt(self, node: Attempt, at: int, live: _Live) -> None:
        """What a handler needs is needed all through the body."""
        outside = self.set_aside(node, self.spans[node][-1][1] + 1, live)
        handlers: dict[Var, None] = {}
        behind: dict[Var, None] = {}
        for block, (start, end) in zip(blocks(node)[1:], self.spans[node][1:], strict=True):
            inner = dict.fromkeys(outside, end)
            self.block(block, inner)
            for v, last in inner.items():
                self.add(v, start, last)
            (behind if block is node.orelse else handlers).update(dict.fromkeys(inner))
        start, end = self.spans[node][0]
        inner = dict.fromkeys((*handlers, *behind), end)
        self.block(node.body, inner)
        for v in handlers:
            inner[v] = end
        for v, last in inner.items():
            self.add(v, start, last)
        live.update(dict.fromkeys(inner, at))

    def loop(self, node: Loop, at: int, live: _Live) -> None:
        (head, head_end), (start, end) = self.spans[node]
        outside = self.set_aside(node, end + 1, live)
        inside = self.inside[node]
        holder = dict(node.exits)
        # What is needed after a loop that only a `break` leaves is needed in all of it, unless the loop itself makes it.
        around = {holder.get(v, v) for v in outside} if node.ends else {v for v in outside if v not in inside.defs}
        around |= (inside.uses - inside.defs) | (inside.uses & set(node.phis))
        self.breaks.append(set(outside))
        self.nexts.append(around)
        inner = dict.fromkeys(around, end)
        self.block(node.body, inner)
        self.breaks.pop()
        self.nexts.pop()
        self.define(writes(node), start, inner)
        self.use(variables(node.cond), head_end, inner)
        for v in around:
            inner.setdefault(v, head_end)
        self.block(node.header, inner)
        for v in around:
            self.add(v, head, inner.pop(v, head))
        live.update(dict.fromkeys(around, at))
        live.update(dict.fromkeys(inner, at))
        self.use(reads(node), at, live)
