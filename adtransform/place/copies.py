"""What happens in place, and the copies that make it right.

    u1 = update(u0, k, v)       writes into the buffer of u0: no other live value may share it, and it must be ours
    row = index(u0, i)          a view that is read after such a write is copied where it is made
    tape1 = push(tape0, u0)     an array that is written later is copied when it is saved
    return y, x                 results share memory with nothing

Writes that cannot be avoided (`update`, `push`, `pop`, `accumulate_at`) get the copies they need; those that are a
choice (`accumulate`, the user's `+=`) are made in place only where that needs no copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from itertools import islice

from adtransform.ir import UNDEFINED, Const, Var
from adtransform.lattice import Array, List, Saved, is_scalar, rank_of, same_kind, same_shape
from adtransform.ops import BINARY, CALLS, VIEWS
from adtransform.place.liveness import Ranges, ranges
from adtransform.place.program import (
    Bind,
    Copy,
    Exit,
    Loop,
    Node,
    Operand,
    Program,
    Tree,
    adds_up,
    blocks,
    label,
    type_of,
    walk,
)
from adtransform.place.storage import Buffers, Storage, is_immutable, storage
from adtransform.record import record

_MUST = frozenset("update push pop accumulate_at".split())
_VIEWS = VIEWS - {"assign"}
_PUTS = {"push": 1, "update": 2}
_FEW = 12  # copies before loops that are worth a second look, versions of an array that are worth a first
_AUGMENTED = re.compile(r"([\w.]+(?:\[.*?\])*)\s*(\*\*|//|<<|>>|[-+*/%@&|^])=(?!=)")
_TURNED = frozenset(
    f"numpy.{name}"
    for name in "transpose swapaxes moveaxis rollaxis matrix_transpose permute_dims rot90 linalg.matrix_transpose".split()
)


def settle(program: Program, *, results: bool = True) -> tuple[Storage, Ranges]:
    """Mark what happens in place and insert the copies it needs; storage and ranges of the program as it is then.

    `results`: whether it returns anything, which then has to share memory with nothing.
    """
    for node in walk(program.nodes):
        if isinstance(node, Bind):
            node.inplace = node.tree.op in _MUST or _may_be_inplace(node)
    done: set[object] = set()
    before_loops: list[_Before] = []
    found = _drop_dead(program)
    _give_up(program, found)
    while True:
        memory = storage(program.nodes)
        conflicts = _conflicts(program.nodes, found, memory, results)
        if not conflicts:
            return _spared(program, memory, found, before_loops, results)
        mender = _Mender(program, memory, frozenset(done))
        done |= mender.mend(conflicts)
        before_loops += mender.before_loops
        found = ranges(program.nodes)


@record(eq=False)
class _Before:
    """A copy before a loop: what `entry` carries into it is the `copy` instead of the `source`."""

    block: list[Node]
    entry: Copy
    source: Operand
    copy: Bind


def _spared(
    program: Program, memory: Storage, found: Ranges, before_loops: list[_Before], results: bool
) -> tuple[Storage, Ranges]:
    """Leave out the copies before loops that other remedies have made needless: all at once, or else one by one."""
    needed = _needed(program, memory, found, before_loops)
    doubtful = [made for made in before_loops if made not in needed]
    for some in (doubtful, *([made] for made in reversed(doubtful[-_FEW:]))):
        if not some:
            break
        pairs = {made.entry: made.entry.pairs for made in some}
        blocks = {id(made.block): (made.block, list(made.block)) for made in some}
        sources: dict[Operand, Operand] = {made.copy.targets[0]: made.source for made in some}
        for entry in pairs:
            entry.pairs = [(t, sources.get(s, s)) for t, s in entry.pairs]
        copies = {made.copy for made in some}
        for block, nodes in blocks.values():
            block[:] = [node for node in nodes if node not in copies]
        without = storage(program.nodes), ranges(program.nodes)
        if not _conflicts(program.nodes, without[1], without[0], results):
            memory, found = without
            if some is doubtful:
                break
        else:
            for entry, old in pairs.items():
                entry.pairs = old
            for block, nodes in blocks.values():
                block[:] = nodes
    return memory, found


def _needed(program: Program, memory: Storage, found: Ranges, before_loops: list[_Before]) -> set[_Before]:
    """The copies before loops of which the source is surely needed, or is the caller's, where they are written."""
    writers: dict[int, list[Bind]] = {}
    for node in walk(program.nodes):
        if isinstance(node, Bind) and node.inplace:
            for s in memory.of(node.tree.args[0]):
                writers.setdefault(s, []).append(node)
    needed = set()
    for made in before_loops:
        v, nodes = made.source, [node for s in memory.of(made.copy.targets[0]) for node in writers.get(s, ())]
        if (source := memory.of(v)) and isinstance(v, Var):
            held = any(found.holds(v, found.at[node] + 1) for node in nodes if v not in node.targets)
            if held or (nodes and source & memory.foreign):
                needed.add(made)
    return needed


def _drop_dead(program: Program) -> Ranges:
    """Leave out the copies into variables that nobody reads; the ranges of what is left."""
    found = ranges(program.nodes)
    while found.dead:
        for copy, target in found.dead:
            copy.pairs = [(t, s) for t, s in copy.pairs if t is not target]
        found = ranges(program.nodes)
    return found


def _give_up(program: Program, found: Ranges) -> None:
    """Do without the writes in place that are a choice where the very value that would be written is needed afterwards."""
    for node in walk(program.nodes):
        if isinstance(node, Bind) and node.inplace and node.tree.op not in _MUST:
            value, time = node.tree.args[0], found.at[node] + 1
            if isinstance(value, Var) and value not in node.targets and found.holds(value, time):
                node.inplace = False


def augmented(tree: Tree) -> str:
    """What the user's `a op= b` writes (`a`, `a[k]`), if that may be where an operation comes from."""
    if tree.op not in BINARY or tree.origin is None:
        return ""
    symbol = BINARY[tree.op][0]
    if f"{symbol}=" not in tree.origin.text:
        return ""
    found = _AUGMENTED.match(tree.origin.text)
    return found[1] if found and found[2] == symbol else ""


def _may_be_inplace(node: Bind) -> bool:
    tree = node.tree
    if len(node.targets) != 1 or not tree.args or not isinstance(tree.args[0], Var) or is_scalar(tree.type):
        return False
    if tree.op == "accumulate":
        return True
    of, before = node.targets[0].of, tree.args[0].of
    one = of is before or (of is not None and before is not None and label(of) == label(before) != "")
    if of is not None and one and tree.op in ("operator.add", "operator.sub"):
        # An adjoint that grows by what surely has its shape and dtype.
        return same_shape(tree.type, tree.args[0].type) and same_kind(tree.type, tree.args[0].type)
    # The user's own: what is derived from it may be the product of the same operand with something larger.
    own = label(node.targets[0]) == label(tree.args[0]) == augmented(tree) != ""
    return own and not isinstance(tree.args[0].type, List)


@record
class _Conflict:
    """A statement needs `value` for itself; `others` are live values that share memory with it, none where it is the caller."""

    node: Bind | Exit
    value: Operand
    shared: Buffers
    others: tuple[Var, ...] = ()
    position: int = 0


def _conflicts(nodes: list[Node], found: Ranges, memory: Storage, results: bool) -> list[_Conflict]:
    """Everything that is not right yet, in one sweep over the program from its end."""
    checks: list[tuple[int, Bind]] = []
    out: list[_Conflict] = []
    views: set[Var] = set()
    for node in walk(nodes):
        if isinstance(node, Bind):
            if node.inplace:
                if memory.of(node.tree.args[0]):
                    checks.append((found.at[node] + 1, node))
            elif node.tree.op in _VIEWS:
                views.update(node.targets)
        elif results and isinstance(node, Exit) and node.kind == "return":
            out += _shared_results(node, memory)
    if not checks:
        return out
    watched = frozenset().union(*(memory.of(node.tree.args[0]) for _, node in checks))
    events: list[tuple[int, int, Var | Bind]] = [(-time, 1, node) for time, node in checks]
    reach: dict[Var, Buffers] = {}
    for v, spans in found.of.items():
        if mine := memory.reach(v) & watched:
            reach[v] = mine
            for start, end in spans:
                events.append((-end, 0, v))
                events.append((-start, 2, v))
    events.sort(key=lambda e: e[:2])
    alive = _Alive(reach)
    for _, what, item in events:
        if isinstance(item, Bind):
            out += _taken(item, memory, alive)
            continue
        table = alive.new if item in views or memory.held.get(item) else alive.known
        for s in reach[item]:
            if what == 0:
                table.setdefault(s, {})[item] = None
            else:
                alive.new.get(s, {}).pop(item, None)
                alive.known.get(s, {}).pop(item, None)
    return out


@record
class _Alive:
    """The values that are needed at a time, by the buffers they reach.

    `new`: those that may be copied where they are made, until a write has met them; `known`: all others.
    """

    reach: dict[Var, Buffers]
    new: dict[int, dict[Var, None]] = field(default_factory=dict)
    known: dict[int, dict[Var, None]] = field(default_factory=dict)

    def met(self, s: int) -> tuple[Var, ...]:
        """Those that a write to a buffer meets: of the known ones, which may be many versions of one array, a few."""
        new, known = self.new.pop(s, {}), self.known.setdefault(s, {})
        found = (*new, *islice(known, _FEW))
        known.update(new)
        return found


def _taken(node: Bind, memory: Storage, alive: _Alive) -> Iterator[_Conflict]:
    """Who else reads the buffer that a statement writes."""
    value = node.tree.args[0]
    own = memory.of(value)
    if own & memory.foreign:
        yield _Conflict(node, value, own & memory.foreign)
        return
    others: dict[Buffers, dict[Var, None]] = {}
    for s in sorted(own):
        for v in alive.met(s):
            if v not in node.targets:
                others.setdefault(own & alive.reach[v], {})[v] = None
    for shared, many in others.items():
        yield _Conflict(node, value, shared, tuple(many))
    if node.tree.op == "accumulate_at" and not adds_up(node.tree.args[1]) and memory.reach(node.tree.args[2]) & own:
        yield _Conflict(node, node.tree.args[2], own, (), 2)


def _shared_results(node: Exit, memory: Storage) -> Iterator[_Conflict]:
    taken = frozenset(memory.foreign)
    # What a later sweep needs cannot be copied, and nobody writes it: it comes first, so that others are.
    for i, value in sorted(enumerate(node.values), key=lambda item: not isinstance(type_of(item[1]), Saved)):
        mine = memory.reach(value)
        against = memory.foreign if isinstance(type_of(value), Saved) else taken
        if mine & against and not is_immutable(type_of(value)):
            yield _Conflict(node, value, mine & against, (), i)
        else:
            taken |= mine


def _may_be_unbound(nodes: list[Node]) -> set[Var]:
    """The variables that some path leaves unbound."""
    moves: dict[Operand, list[Var]] = {}
    for node in walk(nodes):
        if isinstance(node, Copy):
            for t, s in node.pairs:
                moves.setdefault(s, []).append(t)
        elif isinstance(node, Loop):
            for q, p in node.exits:
                moves.setdefault(p, []).append(q)
    found: set[Var] = set()
    todo: list[Operand] = [UNDEFINED]
    while todo:
        for t in moves.get(todo.pop(), ()):
            if t not in found:
                found.add(t)
                todo.append(t)
    return found


class _Mender:
    """Inserts the copies that end conflicts: one round, as few and as far out of loops as it can."""

    def __init__(self, program: Program, memory: Storage, done: frozenset[object]) -> None:
        self.memory = memory
        self.done = done  # what earlier rounds have copied, which did not help
        self.lists: dict[Node, list[Node]] = {}
        self.loops: dict[Node, tuple[Loop, ...]] = {}
        self.made: dict[Var, list[Node]] = {}
        self.before: dict[Node, list[Node]] = {}
        self.after: dict[Node, list[Node]] = {}
        self.copied: set[object] = set()
        self.before_loops: list[_Before] = []
        self.moves: dict[tuple[Node, Var], Operand] = {}  # what a copy, or a loop at its end, puts into a variable
        self.carriers: dict[Var, Loop] = {}
        self.tried: dict[tuple[Var, Buffers], bool] = {}
        self.loose = _may_be_unbound(program.nodes)
        self.indexed = {
            v
            for node in walk(program.nodes)
            if isinstance(node, Bind) and node.tree.op in ("update", "accumulate_at")
            for v in (node.targets[0], node.tree.args[0])
        }
        # Whether some list may hold a value that was unbound.
        binds = [n.tree for n in walk(program.nodes) if isinstance(n, Bind)]
        self.holes = any(t.op == "push" and t.args[1] in self.loose for t in binds)
        self._visit(program.nodes, ())

    def _visit(self, nodes: list[Node], loops: tuple[Loop, ...]) -> None:
        for node in nodes:
            self.lists[node] = nodes
            self.loops[node] = loops
            for t in node.targets if isinstance(node, Bind) else [t for t, _ in node.pairs] if isinstance(node, Copy) else ():
                self.made.setdefault(t, []).append(node)
            if isinstance(node, Copy):
                self.moves.update({(node, t): s for t, s in node.pairs})
            if isinstance(node, Loop):
                self.carriers.update(dict.fromkeys(node.phis, node))
                for q, p in node.exits:
                    self.moves[node, q] = p
                    self.made.setdefault(q, []).append(node)
            for block in blocks(node):
                self._visit(block, (*loops, node) if isinstance(node, Loop) else loops)

    def mend(self, conflicts: list[_Conflict]) -> set[object]:
        """Insert the copies for all conflicts of a round, and say where."""
        writes = [c for c in conflicts if isinstance(c.node, Bind)]
        # One kind of remedy a round: a cheap one may end the other conflicts as well.
        for remedy in (self.cheaply, self.once, self.here):
            helped = [remedy(c) for c in writes]
            if any(helped):
                break
        else:
            for c in conflicts:
                if isinstance(c.node, Exit):
                    self.result(c.node, c.position)
            if not self.before:
                raise RuntimeError("results share memory in a way that no copy ends")
        for block in {id(self.lists[node]): self.lists[node] for node in {**self.before, **self.after}}.values():
            block[:] = [n for node in block for n in (*self.before.get(node, ()), node, *self.after.get(node, ()))]
        return self.copied

    def cheaply(self, c: _Conflict) -> bool:
        """Copy a view or a saved value, or do without the write."""
        assert isinstance(c.node, Bind)
        if c.position or c.node.tree.op not in _MUST:
            return False
        helped = [self.at_source(other, c.shared) for other in c.others]
        return (not all(helped) and self.of_view(c)) or any(helped)

    def once(self, c: _Conflict) -> bool:
        """Copy before a loop, or else the caller's own."""
        return not c.position and (self.at_init(c) or self.of_view(c))

    def here(self, c: _Conflict) -> bool:
        """Copy right before the write, or do without a write in place."""
        assert isinstance(c.node, Bind)
        if not c.position and c.node.tree.op not in _MUST:
            c.node.inplace = False
        else:
            self.operand(c.node, c.position)
        return True

    def how(self, a: Operand, sure: bool = False) -> str:
        """How a value is copied: what may be a number or unbound has no `copy`; what is transposed has to stay so.

        The layout decides the order in which numbers are added up, and with it the last bits.
        """
        if not sure and (a in self.loose or not (isinstance(type_of(a), (Array, List)) or a in self.indexed)):
            return "copy_of"
        flat = rank_of(type_of(a)) in (0, 1)
        makers = [node for node, _, _ in islice(self.chain(a), 20)] if isinstance(a, Var) and not flat else []
        return "numpy.copy" if any(isinstance(m, Bind) and m.tree.op in (*_TURNED, "numpy.copy") for m in makers) else "copy"

    def result(self, node: Exit, i: int) -> None:
        value = node.values[i]
        if isinstance(type_of(value), Saved):
            self.passed()
            return
        fresh = Var(type_of(value))
        deep = isinstance(fresh.type, List) and isinstance(value, Var) and self.memory.held.get(value)
        how = self.how(value)
        unsure: tuple[tuple[str, Operand], ...] = ()
        if deep:
            how = "copy_items"
            facts = {"loose": value in self.loose, "holes": self.holes}
            unsure = tuple((name, Const(True)) for name, holds in facts.items() if holds)
        self.before.setdefault(node, []).append(Bind((fresh,), Tree(how, (value,), unsure, fresh.type)))
        node.values = (*node.values[:i], fresh, *node.values[i + 1 :])

    def passed(self) -> None:
        """Copy what is the caller's own before it is passed on: a call may keep it."""
        for node in self.lists:
            if isinstance(node, Bind) and node.tree.op in CALLS:
                for i, a in enumerate(node.tree.args):
                    if self.memory.reach(a) & self.memory.foreign:
                        self.operand(node, i)

    def operand(self, node: Bind, i: int) -> None:
        """Copy an operand right before the statement."""
        if (node, i) in self.copied:
            return
        self.copied.add((node, i))
        value = node.tree.args[i]
        named = node.targets[0] if i == 0 else Var(type_of(value))
        fresh = Var(type_of(value), named.hint, named.of, named.wrt)
        tree = node.tree
        args = (*tree.args[:i], fresh, *tree.args[i + 1 :])
        self.before.setdefault(node, []).append(
            Bind((fresh,), Tree(self.how(value, i == 0), (value,), (), fresh.type, tree.origin), node.origin)
        )
        node.tree = Tree(tree.op, args, tree.kwargs, tree.type, tree.origin)

    def at_source(self, other: Var, shared: Buffers) -> bool:
        """Copy the value that stays alive where it was made a view or put into a list."""
        if (other, shared) not in self.tried:
            self.tried[other, shared] = self.copy_view(other) or self.copy_put(other, shared)
        return self.tried[other, shared]

    def copy_put(self, other: Var, shared: Buffers) -> bool:
        """Copy a value where it is put into a list."""
        if not self.memory.held.get(other, frozenset()) & shared:
            return False
        found = False
        for node, _, _ in self.chain(other):
            if isinstance(node, Bind) and node.tree.op in _PUTS:
                i = _PUTS[node.tree.op]
                if (node, i) in self.done or not isinstance(value := node.tree.args[i], Var) or isinstance(value.type, Saved):
                    continue
                if self.memory.reach(node.tree.args[i]) & shared:
                    self.operand(node, i)
                    found = True
        return found

    def copy_view(self, v: Var) -> bool:
        """Copy a view where it is made."""
        makers = self.made.get(v, [])
        if len(makers) != 1 or not isinstance(makers[0], Bind):
            return False
        maker = makers[0]
        if maker.tree.op not in _VIEWS or len(maker.targets) != 1:
            return False
        if maker not in self.copied:
            self.copied.add(maker)
            raw = Var(v.type)
            maker.targets = (raw,)
            item = maker.tree.op == "index" and not isinstance(type_of(maker.tree.args[0]), List)
            copy = Bind((v,), Tree(self.how(v, item), (raw,), (), v.type, maker.tree.origin), maker.origin)
            self.after.setdefault(maker, []).append(copy)
        return True

    def of_view(self, c: _Conflict) -> bool:
        """Copy the written value itself where it was made a view, when its root stays alive."""
        return isinstance(c.value, Var) and self.copy_view(c.value)

    def at_init(self, c: _Conflict) -> bool:
        """Copy a carried value once before the outermost loop that carries it."""
        around = set(self.loops[c.node])
        if not isinstance(c.value, Var) or not around:
            return False
        best: tuple[int, Copy, Var, bool] | None = None
        for node, held, viewed in self.chain(c.value, self.loops[c.node][0]):
            if not isinstance(node, Copy) or node.back is not None or (node, held) in self.done:
                continue
            depth, source = len(self.loops[node]), self.moves[node, held]
            if (
                self.carriers.get(held) in around
                and isinstance(source, Var)
                and ((node, held) in self.copied or self.memory.of(source) & c.shared)
                and (best is None or depth < best[0])
            ):
                best = (depth, node, held, viewed)
        if best is None:
            return False
        _, node, target, viewed = best
        if (node, target) not in self.copied:
            self.copied.add((node, target))
            source = self.moves[node, target]
            fresh = Var(type_of(source), target.hint, target.of, target.wrt)
            sure = isinstance(c.node, Bind) and c.node.tree.op in _MUST and not viewed and source not in self.loose
            op = self.how(source, sure)
            copy = Bind((fresh,), Tree(op, (source,), (), fresh.type))
            self.before.setdefault(node, []).append(copy)
            self.before_loops.append(_Before(self.lists[node], node, source, copy))
            node.pairs = [(t, fresh if t is target else s) for t, s in node.pairs]
            self.moves[node, target] = fresh
        return True

    def chain(self, v: Var, within: Loop | None = None) -> Iterator[tuple[Node, Var, bool]]:
        """The statements a value's buffer came through, backwards, with what they bind and whether a view was taken since.

        `within`: nothing is followed to before this loop.
        """
        seen, todo = {v}, [(v, False)]
        while todo:
            current, viewed = todo.pop()
            for node in self.made.get(current, ()):
                yield node, current, viewed
                if within is not None and within not in self.loops[node]:
                    continue
                sources: list[Operand] = []
                if isinstance(node, (Copy, Loop)):
                    sources = [self.moves[node, current]]
                elif isinstance(node, Bind) and (node.inplace or node.tree.op in VIEWS):
                    sources = [node.tree.args[0]]
                taken = viewed or (isinstance(node, Bind) and node.tree.op in _VIEWS)
                for s in sources:
                    if isinstance(s, Var) and s not in seen:
                        seen.add(s)
                        todo.append((s, taken))
