"""The copies that end conflicts, as few and as far out of loops as can be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice

from adtransform.ir import UNDEFINED, Const, Var
from adtransform.lattice import Array, List, Saved, Tuple, is_bare, rank_of
from adtransform.ops import CALLS, DEEP, VIEWS, elementwise
from adtransform.place.conflicts import TAKEN, Conflict
from adtransform.place.program import Bind, Copy, Exit, Loop, Node, Operand, Program, Tree, blocks, type_of, walk
from adtransform.place.storage import PUTS, Buffers, Storage
from adtransform.record import record
from adtransform.rewrite import MOVING, follow, moves, told, unbound_results

MUST = frozenset(
    "update push pop accumulate_at claim drop exchange put_in grow_in push_in pop_in".split()
)  # writes that cannot be avoided
# What writes something in a list, and what writes the same by itself.
_ALONE = {"put_in": "update", "grow_in": "accumulate_at", "push_in": "push", "pop_in": "pop"}
# What may lie in memory in another order than C's: what is turned, its copies, and what the caller gives.
_ORDERED = frozenset(("numpy.copy", "load", "numpy.linalg.matrix_transpose")) | frozenset(
    f"numpy.{name}"
    for name in "transpose swapaxes moveaxis rollaxis matrix_transpose permute_dims rot90 flip flipud fliplr".split()
)


@record(eq=False)
class Before:
    """A copy before a loop: what `entry` carries into it is the `copy` instead of the `source`."""

    block: list[Node]
    entry: Copy
    source: Operand
    copy: Bind


def _may_be_unbound(every: list[Node]) -> set[Var]:
    """The variables that some path leaves unbound, and adjoints of such, which are the number 0 then."""
    telling = [n for n in every if isinstance(n, Bind) and n.targets and (n.tree.op in MOVING or n.tree.op in CALLS)]

    def edges() -> Iterator[tuple[object, object]]:
        for node in every:
            if isinstance(node, (Copy, Loop)):
                for t, s in node.pairs if isinstance(node, Copy) else node.exits:
                    yield s, t
                    yield (s,), (t,)
        for bind in telling:
            yield from moves(bind.tree.op, bind.tree.args, bind.targets)
            for i in unbound_results(bind.tree.op, bind.tree.kwargs):
                yield UNDEFINED, bind.targets[i]

    starts = [start for bind in telling for start in told(bind.tree.op, bind.tree.kwargs)]
    return {v for v in follow(edges(), [UNDEFINED, *starts]) if isinstance(v, Var)}


def _moves(node: Node) -> list[tuple[Operand, Var]]:
    """Which values get the buffers of which."""
    if isinstance(node, Copy):
        return [(s, t) for t, s in node.pairs]
    if isinstance(node, Loop):
        return [(p, q) for q, p in node.exits]
    if isinstance(node, Bind) and node.targets and node.tree.args and (node.inplace or node.tree.op in VIEWS):
        return [(node.tree.args[0], t) for t in node.targets]
    return []


def _is_deep(node: Bind | Exit) -> bool:
    """Whether a statement writes something in a list."""
    return isinstance(node, Bind) and node.tree.op in DEEP


class Mender:
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
        self.before_loops: list[Before] = []
        self.results: list[Var] = []  # the copies of what is returned, if nothing else was needed
        self.moves: dict[tuple[Node, Var], Operand] = {}  # what a copy, or a loop at its end, puts into a variable
        self.carriers: dict[Var, Loop] = {}
        self.kept: set[Bind | Exit] = set()  # the writes of what each trip keeps
        self.firsts: set[Bind | Exit] = set()  # the writes of what is the caller's
        self.mended: set[Bind | Exit] = set()  # the writes that will be of something new
        self.tried: dict[tuple[Var, Buffers], bool] = {}
        self.entered: dict[tuple[Loop, Buffers], tuple[int, Copy, Var, bool]] = {}  # where a buffer comes into a loop
        self.seen: dict[tuple[Var, Loop], dict[Operand, bool]] = {}
        self.onward: dict[Operand, list[tuple[Node, Var]]] = {}
        every = walk(program.nodes)
        self.loose = _may_be_unbound(every)
        self.internal = program.function.internal
        self.indexed: set[Operand] = set()  # what is surely written as an array
        # Whether some list may hold a value that was unbound.
        pushes = [n.tree for n in every if isinstance(n, Bind) and n.tree.op in ("push", "push_in")]
        self.holes = any(tree.args[1] in self.loose for tree in pushes)
        self._visit(program.nodes, (), sure=True)

    def _visit(self, nodes: list[Node], loops: tuple[Loop, ...], *, sure: bool) -> None:
        """Note where the statements are; `sure`: they are no branch's, so that what they write is an array."""
        for node in nodes:
            self.lists[node] = nodes
            self.loops[node] = loops
            if isinstance(node, Bind):
                for t in node.targets:
                    self.made.setdefault(t, []).append(node)
                if sure and node.tree.op in ("update", "accumulate_at"):
                    self.indexed.update((node.targets[0], node.tree.args[0]))
            elif isinstance(node, Copy):
                for t, s in node.pairs:
                    self.made.setdefault(t, []).append(node)
                    self.moves[node, t] = s
            elif isinstance(node, Loop):
                self.carriers.update(dict.fromkeys(node.phis, node))
                for q, p in node.exits:
                    self.moves[node, q] = p
                    self.made.setdefault(q, []).append(node)
                self._visit(node.header, (*loops, node), sure=False)
                self._visit(node.body, (*loops, node), sure=sure)
            else:
                for block in blocks(node):
                    self._visit(block, loops, sure=False)

    def mend(self, conflicts: list[Conflict]) -> set[object]:
        """Insert the copies for all conflicts of a round, and say where."""
        writes = [c for c in conflicts if isinstance(c.node, Bind)]
        self.firsts = {c.node for c in writes if not c.others and not c.position}
        self.mended = self.firsts | {c.node for c in writes if not c.position and not _is_deep(c.node)}
        self.kept = {c.node for c in writes if self.is_kept(c)}
        helped = False
        for group in self.together(writes):
            # One kind of remedy a round: a cheap one may end the other conflicts of the group as well.
            for remedy in (self.cheaply, self.once, self.here):
                found = [remedy(c) for c in group]
                if any(found):
                    helped = True
                    break
        if not helped:
            for c in conflicts:
                if isinstance(c.node, Exit):
                    self.result(c.node, c.position)
            if any(isinstance(type_of(c.value), Saved) for c in conflicts):
                self.results = []  # what is passed on was copied as well
            if not self.before:
                raise RuntimeError("results share memory in a way that no copy ends")
        return self.insert()

    def separate(self, entries: Iterable[tuple[Copy, Var]]) -> set[object]:
        """Copy what is carried into a loop in these variables, before it."""
        for node, target in entries:
            self.enter(node, target, lambda source: Tree(self.how(source), (source,), (), type_of(source)))
        return self.insert()

    def insert(self) -> set[object]:
        """Put the copies where they belong, and say where that is."""
        for block in {id(self.lists[node]): self.lists[node] for node in {**self.before, **self.after}}.values():
            nodes: list[Node] = []
            for node in block:
                if node in self.before:
                    nodes += self.before[node]
                nodes.append(node)
                if node in self.after:
                    nodes += self.after[node]
            block[:] = nodes
        return self.copied

    def together(self, writes: list[Conflict]) -> Iterable[list[Conflict]]:
        """The conflicts in groups that have no memory in common: what ends one of a group cannot end one of another."""
        root: dict[int, int] = {}

        def find(s: int) -> int:
            while (up := root.setdefault(s, s)) != s:
                root[s] = s = root[up]
            return s

        first: list[int] = []
        joined: set[Buffers] = set()
        for c in writes:
            every = [found for v in (c.value, *c.others) if (found := self.memory.reach(v))]
            a = next(iter(every[0]))
            first.append(a)
            for found in every:
                # Those of one value are joined once.
                for s in (next(iter(found)),) if found in joined else found:
                    root[find(s)] = find(a)
                joined.add(found)
        groups: dict[int, list[Conflict]] = {}
        for c, s in zip(writes, first, strict=True):
            groups.setdefault(find(s), []).append(c)
        return groups.values()

    def cheaply(self, c: Conflict) -> bool:
        """Copy a view or a saved value, or do without the write."""
        assert isinstance(c.node, Bind)
        if c.position or c.node.tree.op not in MUST:
            return False
        if not c.others and self.memory.is_doubled(c.value):
            return self.put_apart(c.value)
        helped = [self.at_source(other, c.shared) for other in c.others]
        return (not all(helped) and self.of_view(c)) or any(helped)

    def once(self, c: Conflict) -> bool:
        """Copy before a loop, or else the caller's own."""
        return not c.position and c.node not in self.kept and (self.at_init(c) or self.of_view(c))

    def is_kept(self, c: Conflict) -> bool:
        """Whether a write that is a choice is of what each trip of its loop puts into a list."""
        assert isinstance(c.node, Bind)
        if c.node.tree.op in MUST:
            return False
        around, held = set(self.loops[c.node]), self.memory.held
        kept = [o for o in c.others if held.get(o, frozenset()) & c.shared]
        return any(not around.isdisjoint(self.loops[node]) for o in kept for node in self.made.get(o, ()))

    def here(self, c: Conflict) -> bool:
        """Copy right before the write, or do without a write in place."""
        assert isinstance(c.node, Bind)
        made = self.made.get(v, []) if isinstance(v := c.value, Var) and v not in c.others else []
        if not c.position and not self.mended.isdisjoint(made):
            # What is written is what the statement before it copies: that may be enough, if only older values are needed.
            if (c.node, "later") not in self.done or (c.node in self.firsts and not self.firsts.isdisjoint(made)):
                self.copied.add((c.node, "later"))
                return False
        if not c.position and c.node.tree.op not in MUST:
            c.node.inplace = False
        elif not c.position and c.node.tree.op in DEEP and self.is_costly(c):
            self.apart(c.node)
        else:
            self.operand(c.node, c.position)
        return True

    def is_costly(self, c: Conflict) -> bool:
        """Whether copying a list and all that it holds is too much for a write into something that it holds."""
        return bool(c.others or self.loops[c.node] or self.internal or (c.node, 0) in self.done)

    def apart(self, node: Bind) -> None:
        """Write a part of what a list holds into a copy of that, and put the copy into the list."""
        self.copied.add((node, "apart"))
        tree = node.tree
        value, keys = (None, tree.args[1:]) if tree.op == "pop_in" else (tree.args[1], tree.args[2:])
        at: tuple[Operand, ...] = ()
        if tree.op in ("put_in", "grow_in"):
            *keys, last = keys  # type: ignore[assignment]
            at = (last,)
        rows: list[Operand] = [tree.args[0]]
        steps: list[Node] = []
        for key in keys:
            t = type_of(rows[-1])
            assert isinstance(t, List)
            rows.append(Var(t.item))
            steps.append(Bind((rows[-1],), Tree("index", (rows[-2], key), (), t.item), node.origin))  # type: ignore[arg-type]
        fresh = Var(type_of(rows[-1]))
        args = (rows[-1], *at) if value is None else (rows[-1], *at, value)
        steps.append(Bind((fresh, *node.targets[1:]), Tree(_ALONE[tree.op], args, (), fresh.type), node.origin, inplace=True))
        for row, key in zip(rows[-2:0:-1], keys[:0:-1], strict=True):
            value, fresh = fresh, Var(type_of(row))
            steps.append(Bind((fresh,), Tree("update", (row, key, value), (), fresh.type), node.origin, inplace=True))
        self.before.setdefault(node, []).extend(steps)
        node.targets = node.targets[:1]
        node.tree = Tree("update", (tree.args[0], keys[0], fresh), (), tree.type, tree.origin)

    def how(self, a: Operand, sure: bool = False) -> str:
        """How a value is copied: what may be a number or unbound has no `copy`; what is transposed has to stay so.

        The layout decides the order in which numbers are added up, and with it the last bits.
        """
        if not sure and (a in self.loose or not (isinstance(type_of(a), (Array, List)) or a in self.indexed)):
            return "copy_of"
        if isinstance(a, Var) and a.of is not None and is_bare(type_of(a)):
            return "copy_of"  # the tangent of an array without axes may be a number
        flat = isinstance(type_of(a), List) or rank_of(type_of(a)) in (0, 1)
        return "numpy.copy" if isinstance(a, Var) and not flat and self.is_ordered(a) else "copy"

    def is_ordered(self, a: Var) -> bool:
        """Whether what a value is computed from, element by element, may lie in memory in another order than C's."""
        seen, todo = {a}, [a]
        for value in todo:  # which grows
            for node, _, _ in islice(self.chain(value), 20):
                if not isinstance(node, Bind):
                    continue
                if node.tree.op in _ORDERED or (node.tree.op == "index" and self.picks(node.tree)):
                    return True
                for operand in node.tree.args if elementwise(node.tree.op) and len(todo) < 20 else ():
                    if isinstance(operand, Var) and operand not in seen and rank_of(type_of(operand)) not in (0, 1):
                        seen.add(operand)
                        todo.append(operand)
        return False

    def picks(self, tree: Tree) -> bool:
        """Whether a key holds arrays or lists of indices: what it gives lies as NumPy likes."""
        parts: list[Operand] = list(tree.args[1:])
        for part in parts:  # which grows
            if isinstance(part, Tree):
                parts += part.args
            elif isinstance(type_of(part), (Array, List)) and rank_of(type_of(part)) != 0:
                return True
        return False

    def result(self, node: Exit, i: int) -> None:
        """Copy a result before it is returned."""
        value = node.values[i]
        if isinstance(type_of(value), Saved):
            self.passed()
            return
        fresh = Var(type_of(value))
        deep = isinstance(fresh.type, List) and isinstance(value, Var) and self.memory.held.get(value)
        made = self.items_of(value) if deep else Tree(self.how(value), (value,), self.unsure(value), fresh.type)
        self.before.setdefault(node, []).append(Bind((fresh,), made))
        node.values = (*node.values[:i], fresh, *node.values[i + 1 :])
        self.results.append(fresh)

    def items_of(self, a: Operand) -> Tree:
        """A copy of a list and of what it holds."""
        unsure = (*self.unsure(a, deep=True), *((("holes", Const(True)),) if self.holes else ()))
        return Tree("copy_items", (a,), unsure, type_of(a))

    def unsure(self, a: Operand, deep: bool = False) -> tuple[tuple[str, Operand], ...]:
        """What the copy of a value item by item has to know: that some path may leave the value unbound, which is None."""
        return (("loose", Const(True)),) if a in self.loose and (deep or isinstance(type_of(a), Tuple)) else ()

    def passed(self) -> None:
        """Copy what is the caller's own before it is passed on: a call may keep it."""
        for node in self.lists:
            if isinstance(node, Bind) and node.tree.op in CALLS:
                for i, a in enumerate(node.tree.args):
                    if self.memory.reach(a) & self.memory.foreign:
                        self.operand(
                            node, i, bool(isinstance(a, Var) and self.memory.held.get(a, frozenset()) & self.memory.foreign)
                        )

    def operand(self, node: Bind, i: int, deep: bool = False) -> None:
        """Copy an operand right before the statement; `deep`: with what it holds."""
        if (node, i) in self.copied:
            return
        self.copied.add((node, i))
        value = node.tree.args[i]
        named = node.targets[0] if i == 0 else Var(type_of(value))
        fresh = Var(type_of(value), named.hint, named.of, named.wrt)
        tree = node.tree
        args = (*tree.args[:i], fresh, *tree.args[i + 1 :])
        deep = (deep and isinstance(fresh.type, List)) or (i == 0 and tree.op in DEEP)
        made = self.items_of(value) if deep else Tree(self.how(value, i == 0), (value,), self.unsure(value), fresh.type)
        self.before.setdefault(node, []).append(Bind((fresh,), replace(made, origin=tree.origin), node.origin))
        node.tree = Tree(tree.op, args, tree.kwargs, tree.type, tree.origin)

    def at_source(self, other: Var, shared: Buffers) -> bool:
        """Copy the value that stays alive where it was made a view or put into a list."""
        if (other, shared) not in self.tried:
            self.tried[other, shared] = self.copy_view(other) or self.copy_put(other, shared)
        return self.tried[other, shared]

    def put_apart(self, a: Operand) -> bool:
        """Copy what is put into a list that holds it already, where that is put."""
        mine = self.memory.reach(a)
        found = False
        for node in self.memory.doublers:
            i = PUTS[node.tree.op]
            if (node, i) not in self.done and not mine.isdisjoint(self.memory.reach(node.targets[0])):
                self.operand(node, i)
                found = True
        return found

    def copy_put(self, other: Var, shared: Buffers) -> bool:
        """Copy a value where it is put into a list."""
        if not self.memory.held.get(other, frozenset()) & shared:
            return False
        found = False
        for node, _, _ in self.chain(other):
            if isinstance(node, Bind) and node.tree.op in PUTS:
                i = PUTS[node.tree.op]
                if (node, i) in self.done or not isinstance(value := node.tree.args[i], Var) or isinstance(value.type, Saved):
                    continue
                if self.memory.kept(value) & shared:
                    self.operand(node, i)
                    found = True
        return found

    def copy_view(self, v: Var) -> bool:
        """Copy a view where it is made."""
        makers = self.made.get(v, [])
        if len(makers) != 1 or not isinstance(makers[0], Bind):
            return False
        maker = makers[0]
        if maker.tree.op not in TAKEN or len(maker.targets) != 1:
            return False
        if maker not in self.copied:
            self.copied.add(maker)
            raw = Var(v.type)
            maker.targets = (raw,)
            item = maker.tree.op == "index" and not isinstance(type_of(maker.tree.args[0]), (List, Tuple))
            copy = Bind((v,), Tree(self.how(v, item), (raw,), (), v.type, maker.tree.origin), maker.origin)
            self.after.setdefault(maker, []).append(copy)
        return True

    def of_view(self, c: Conflict) -> bool:
        """Copy the written value itself where it was made a view, when its root stays alive."""
        return isinstance(c.value, Var) and self.copy_view(c.value)

    def at_init(self, c: Conflict) -> bool:
        """Copy a carried value once before the outermost loop that carries it."""
        around = set(self.loops[c.node])
        if not isinstance(c.value, Var) or not around:
            return False
        outermost = self.loops[c.node][0]
        best: tuple[int, Copy, Var, bool] | None = self.entered.get((outermost, c.shared))
        if best is not None and (viewed := self.seen_from(best[2], outermost).get(c.value)) is not None:
            return self.copy_entry(c, *best[1:3], viewed)
        best = None
        deep = isinstance(c.node, Bind) and c.node.tree.op in DEEP
        reach = self.memory.reach if deep else self.memory.of
        for node, held, viewed in self.chain(c.value, outermost):
            if not isinstance(node, Copy) or node.back is not None or (node, held) in self.done:
                continue
            depth, source = len(self.loops[node]), self.moves[node, held]
            if (
                self.carriers.get(held) in around
                and isinstance(source, Var)
                and ((node, held) in self.copied or reach(source) & c.shared)
                and (best is None or depth < best[0])
            ):
                best = (depth, node, held, viewed)
        if best is None:
            return False
        if best[0] == len(self.loops[outermost]):
            self.entered[outermost, c.shared] = best
        return self.copy_entry(c, *best[1:])

    def copy_entry(self, c: Conflict, node: Copy, target: Var, viewed: bool) -> bool:
        """Copy what is carried into a loop, before it."""
        sure = isinstance(c.node, Bind) and c.node.tree.op in MUST and not viewed
        deep = isinstance(c.node, Bind) and c.node.tree.op in DEEP

        def copied(a: Operand) -> Tree:
            written = sure and a not in self.loose and not getattr(type_of(a), "maybe", False)  # where it is None nothing is
            return self.items_of(a) if deep else Tree(self.how(a, written), (a,), (), type_of(a))

        self.enter(node, target, copied)
        return True

    def enter(self, node: Copy, target: Var, copied: Callable[[Operand], Tree]) -> None:
        """Carry a copy into a loop."""
        if (node, target) in self.copied:
            return
        self.copied.add((node, target))
        source = self.moves[node, target]
        fresh = Var(type_of(source), target.hint, target.of, target.wrt)
        copy = Bind((fresh,), copied(source))
        self.before.setdefault(node, []).append(copy)
        self.before_loops.append(Before(self.lists[node], node, source, copy))
        node.pairs = [(t, fresh if t is target else s) for t, s in node.pairs]
        self.moves[node, target] = fresh

    def seen_from(self, v: Var, within: Loop) -> dict[Operand, bool]:
        """What has the buffer of a value in a loop, or is a view of it: whether a view was taken on the way."""
        if (v, within) not in self.seen:
            if not self.onward:
                for node in self.lists:
                    for source, target in _moves(node):
                        self.onward.setdefault(source, []).append((node, target))
            found: dict[Operand, bool] = {v: False}
            todo = [v]
            while todo:
                current = todo.pop()
                for node, target in self.onward.get(current, ()):
                    if target not in found and within in self.loops[node]:
                        found[target] = found[current] or (isinstance(node, Bind) and node.tree.op in TAKEN)
                        todo.append(target)
            self.seen[v, within] = found
        return self.seen[v, within]

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
                taken = viewed or (isinstance(node, Bind) and node.tree.op in TAKEN)
                for s in sources:
                    if isinstance(s, Var) and s not in seen:
                        seen.add(s)
                        todo.append((s, taken))
