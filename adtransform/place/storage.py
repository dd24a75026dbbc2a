"""Which values may share memory: for each variable the buffers it may be and, for lists, the buffers it may hold.

A buffer is named by the statement that allocates it.  Inside of a loop the buffer allocated in this trip and those of
earlier trips are told apart: what a loop carries to its next trip is an earlier one.
"""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass, field

from adtransform.ir import Const, Var
from adtransform.lattice import Array, List, Saved, Scalar, Static, Tuple, Type, Unknown, dims_of
from adtransform.ops import DEEP, VIEWS
from adtransform.place.program import (
    Bind,
    Copy,
    Exit,
    Loop,
    Node,
    Operand,
    Tree,
    blocks,
    reads,
    times_read,
    type_of,
    variables,
    walk,
)
from adtransform.place.rotate import Rotations, rotations

Buffers = frozenset[int]
_NONE: Buffers = frozenset()

# What NumPy gives as a view without it being in `ops.VIEWS`, and the functions of Python that hand back an operand.
_MAYBE_VIEWS = VIEWS | frozenset(
    "numpy.split numpy.array_split numpy.hsplit numpy.vsplit numpy.dsplit numpy.unstack numpy.broadcast_arrays "
    "numpy.atleast_3d numpy.real_if_close numpy.require numpy.astype piece copy_of ifexp builtins.max builtins.min "
    "builtins.list builtins.tuple builtins.sorted builtins.reversed builtins.next builtins.iter builtins.zip "
    "builtins.getattr".split()
)
# Their results may be read-only or hold one number many times: nothing to write into, nothing to hand out.
_FROZEN = frozenset(
    "numpy.broadcast_to spread expand numpy.diagonal numpy.diag numpy.linalg.diagonal numpy.broadcast_arrays undiag".split()
)
# May be a view of any of their operands.
_ANY = frozenset("numpy.einsum numpy.ix_ numpy.trim_zeros numpy.meshgrid numpy.block".split())
# The IR's own operations and the helpers that always allocate.
_FRESH = frozenset(
    "zeros strong scatter delay recur matmul_left matmul_right cross_share cofactors "
    "moved_cofactors inverse shape ndim size trips accumulate plus "
    "untimes".split()
)
_MODULES = frozenset("numpy math cmath operator builtins scipy".split())
_SELF = frozenset("update push accumulate_at drop exchange put_in grow_in push_in".split())
PUTS = {"update": 2, "push": 1, "put_in": 1, "push_in": 1}  # which operand a list holds afterwards
# Lists of which no two items are one: made of new items, or of those of such a list.
_APART = frozenset("zeros plus copy_items".split())
# What has a case of its own below.
_OWN = _SELF | frozenset(
    "load call perform pack unpack pop claim list table lookup copy copy_of copy_items index item_in pop_in".split()
)


@dataclass(slots=True)
class Storage:
    """`own`: the buffers a value may be; `held`: those it may hold or give out; `foreign`: not ours to write or hand out.

    `doubled`: the lists that may hold one buffer twice, known only where something is written that a list holds, or where
    one is returned; `doublers`: the statements that put a buffer into such a list again.  `joined`: what is carried into a
    loop, in several variables that take one another's places there, and is not known to be several buffers; `turns`: for
    the buffer of such a variable those that it is in other trips.
    """

    own: dict[Var, Buffers] = field(default_factory=dict)
    held: dict[Var, Buffers] = field(default_factory=dict)
    foreign: set[int] = field(default_factory=set)
    doubled: set[int] = field(default_factory=set)
    doublers: dict[Bind, None] = field(default_factory=dict)
    joined: list[tuple[Copy, Var]] = field(default_factory=list)
    turns: dict[int, Buffers] = field(default_factory=dict)

    def reach(self, a: Operand) -> Buffers:
        """All buffers that can be read through an operand."""
        if isinstance(a, Var):
            own, held = self.own.get(a, _NONE), self.held.get(a, _NONE)
            return own | held if own and held and own is not held else own or held
        out = _NONE
        for v in variables(a):
            for found in (self.own.get(v), self.held.get(v)):
                if found and found is not out:
                    out = out | found if out else found
        return out

    def of(self, a: Operand) -> Buffers:
        """The buffers an operand itself may be."""
        return self.own.get(a, _NONE) if isinstance(a, Var) else self.reach(a)

    def kept(self, a: Operand) -> Buffers:
        """What may be reached later by a list into which an operand is put: also what that is in other trips."""
        found = self.reach(a)
        return found.union(*(self.turns[s] for s in found if s in self.turns))

    def written(self, tree: Tree) -> Buffers:
        """The buffers that a statement in place writes: of its first operand, or of what that holds."""
        value = tree.args[0]
        return self.held.get(value, _NONE) if tree.op in DEEP and isinstance(value, Var) else self.of(value)

    def is_doubled(self, a: Operand) -> bool:
        """Whether a list, or one in it, may hold one buffer twice: what is written at one place changes at another."""
        return not self.doubled.isdisjoint(self.reach(a))


def storage(nodes: list[Node], *, rotating: bool = True) -> Storage:
    """The buffers of every variable of a program; `rotating`: whether to look for arrays that take one another's places."""
    every = walk(nodes)
    solver = _Solver(rotations(every) if rotating else {})
    solver.block(nodes, ())
    if solver.roles:
        solver.link()
    if _returns_lists(every) or any(isinstance(node, Bind) and node.tree.op in DEEP for node in every):
        solver.double(every)
    return solver.out


def is_immutable(t: Type) -> bool:
    """Known to be a value that cannot be written."""
    if isinstance(t, Scalar):
        return True
    if isinstance(t, Tuple):
        return all(map(is_immutable, t.items))
    return isinstance(t, Static) and t.what != "mixed" and not t.what.startswith("array")


@functools.cache
def _is_known(op: str) -> bool:
    """Whether it is known with which of its operands the result of an operation may share memory."""
    known = op in _MAYBE_VIEWS or op in _FRESH or op in _FROZEN or (op.partition(".")[0] in _MODULES and op not in _ANY)
    return known and not op.startswith(("numpy.lib.", "numpy.ndarray."))


def _returns_lists(nodes: list[Node]) -> bool:
    """Whether lists are returned that hold what may be written."""
    values = [v for node in nodes if isinstance(node, Exit) and node.kind == "return" for v in node.values]
    return any(isinstance(t := type_of(v), List) and _holds_written(t) for v in values)


def _holds_written(t: Type) -> bool:
    """Whether what a list holds may be written."""
    return not isinstance(t, List) or not is_immutable(t.item)


def _moves(binds: list[Bind], uses: Counter[Var]) -> set[Bind]:
    """The statements that put an item back where it was, `l[i] = l[i]`, or exchange two: `l[i], l[j] = l[j], l[i]`."""
    made: dict[Operand, Bind] = {node.targets[0]: node for node in binds if node.targets}

    def is_taken(a: Operand, whole: Operand, key: Operand) -> bool:
        node = made.get(a)
        while node is not None and node.inplace:  # what was written meanwhile is the same buffer
            node = made.get(node.tree.args[0])
        return node is not None and node.tree.op == "index" and node.tree.args == (whole, key)

    found: set[Bind] = set()
    for node in binds:
        if node.tree.op == "update":
            before, key, value = node.tree.args
            first = made.get(before)
            if is_taken(value, before, key):
                found.add(node)
            elif first is not None and first.tree.op == "update" and uses[first.targets[0]] == 1:
                whole, i, a = first.tree.args
                if is_taken(a, whole, key) and is_taken(value, whole, i):
                    found |= {first, node}
    return found


class _Solver:
    def __init__(self, rotations: Rotations) -> None:
        self.out = Storage()
        self.sites: dict[tuple[object, int, str], int] = {}
        self.loops: dict[int, tuple[Loop, ...]] = {}
        self.aged: dict[tuple[int, int], int] = {}  # a buffer of an earlier trip of the n-th loop around its statement
        self.fresh: dict[int, tuple[int, int]] = {}  # of which buffer of this trip it is an older one, and n
        # What in a loop reads a variable and has been looked at: it is looked at again when more is known of that.
        self.users: dict[Var, list[Node]] = {}
        self.around: dict[Node, tuple[Loop, ...]] = {}
        self.todo: set[Node] = set()
        # The buffer of each variable that takes the place of another one, as the trip begins; and what enters the loop in it.
        self.roles: dict[Var, Buffers] = {
            p: self.site(loop, i, "role", ()) for loop, ps in rotations.items() for i, p in enumerate(ps)
        }
        self.turns = {loop: _NONE.union(*(self.roles[p] for p in ps)) for loop, ps in rotations.items()}
        self.turned: dict[Loop, list[Buffers]] = {}  # those of a loop and of the loops in it
        self.entries: dict[Var, tuple[Copy, Operand]] = {}

    def site(self, node: object, i: int, what: str, loops: tuple[Loop, ...]) -> Buffers:
        key = (node, i, what)
        if key not in self.sites:
            self.sites[key] = len(self.loops)
            self.loops[self.sites[key]] = loops
        return frozenset((self.sites[key],))

    def older(self, found: Buffers, back: Loop) -> Buffers:
        """The buffers as the next trip of the loop sees them."""
        if not found:
            return found
        out: set[int] = set()
        for turn in self.turned.get(back, ()):
            if not found.isdisjoint(turn):
                out.update(turn)
        for s in found:
            loops = self.loops[s]
            if back not in loops:
                out.add(s)
                continue
            fresh, known = self.fresh.get(s, (s, len(loops)))
            key = fresh, min(known, loops.index(back))
            if key not in self.aged:
                self.aged[key] = len(self.loops)
                self.loops[self.aged[key]], self.fresh[self.aged[key]] = loops, key
                if s in self.out.foreign:
                    self.out.foreign.add(self.aged[key])
            out.add(self.aged[key])
        return frozenset(out)

    def give(self, v: Var, own: Buffers, held: Buffers = _NONE) -> None:
        if not (own or held) or is_immutable(v.type):
            return
        if isinstance(v.type, (Array, Unknown)) or (isinstance(v.type, List) and not _holds_written(v.type)):
            held = _NONE
        for table, new in ((self.out.own, own), (self.out.held, held)):
            if not new:
                continue
            old = table.get(v)
            if old is None:
                table[v] = new
            elif new is not old and not new <= old:
                table[v] = old | new
            else:
                continue
            if self.users:
                self.todo.update(self.users.get(v, ()))

    def block(self, nodes: list[Node], loops: tuple[Loop, ...]) -> None:
        for node in nodes:
            if isinstance(node, Bind):
                self.bind(node, loops)
            else:
                around = (*loops, node) if isinstance(node, Loop) else loops
                if isinstance(node, Loop) and node in self.turns:
                    for outer in around:
                        self.turned.setdefault(outer, []).append(self.turns[node])
                for inner in blocks(node):
                    self.block(inner, around)
                self.step(node, loops)
            if loops:
                self.note(node, loops)
            elif isinstance(node, Loop):
                # What one trip finds may hold for the next one.
                while self.todo:
                    for again, around in self.around.items():
                        if again in self.todo:
                            self.todo.discard(again)
                            self.step(again, around)
                self.users, self.around = {}, {}

    def note(self, node: Node, loops: tuple[Loop, ...]) -> None:
        """In a loop what is read may turn out to be more."""
        self.around[node] = loops
        for v in [p for _, p in node.exits] if isinstance(node, Loop) else reads(node):
            self.users.setdefault(v, []).append(node)

    def step(self, node: Node, loops: tuple[Loop, ...]) -> None:
        match node:
            case Bind():
                self.bind(node, loops)
            case Copy():
                for target, source in node.pairs:
                    own, held = self.out.of(source), self._held(source)
                    if target in self.roles:
                        own = self.roles[target]
                        if node.back is None:
                            self.entries[target] = node, source
                    elif node.back is not None:
                        own, held = self.older(own, node.back), self.older(held, node.back)
                    self.give(target, own, held)
            case Loop():
                for q, p in node.exits:
                    self.give(q, self.out.of(p), self._held(p))

    def link(self) -> None:
        """Note which other buffers may be those of variables that take one another's places: one more for each such two."""
        near: dict[int, set[int]] = {}
        every = [(loop, [(p, *self.entries[p]) for p in loop.phis if p in self.entries]) for loop in self.turns]
        known = -1
        while known < sum(map(len, near.values())):
            known = sum(map(len, near.values()))
            for loop, entries in every:
                mine = {s for _, _, source in entries for s in self.out.of(source)}
                for s in mine.union(*(near.get(s, set()) - self.turns[loop] for s in mine)):
                    near.setdefault(s, set()).update(self.turns[loop])
                    for r in self.turns[loop]:
                        near.setdefault(r, set()).add(s)
        for _, entries in every:
            before: set[int] = set()  # what may be that of those before
            for p, node, source in entries:
                own = self.out.of(source)
                if not before.isdisjoint(own):
                    self.out.joined.append((node, p))
                before |= own.union(*(near.get(s, ()) for s in own))
        both = {s: _NONE.union(*(self.site(min(s, r), max(s, r), "both", ()) for r in near[s])) for s in near}
        for turn in self.turns.values():
            self.out.turns.update(dict.fromkeys(turn, turn.union(*(both.get(r, _NONE) for r in turn))))
        self.out.foreign |= {b for s in self.out.foreign for b in both.get(s, ())}
        for table in (self.out.own, self.out.held):
            for v, found in table.items():
                if not both.keys().isdisjoint(found):
                    table[v] = found.union(*(both[s] for s in found if s in both))

    def _held(self, a: Operand) -> Buffers:
        return self.out.held.get(a, _NONE) if isinstance(a, Var) else _NONE

    def bind(self, node: Bind, loops: tuple[Loop, ...]) -> None:
        if not node.targets or (len(node.targets) == 1 and is_immutable(node.targets[0].type)):
            return
        tree, out = node.tree, self.out
        first: Operand = tree.args[0] if tree.args else Const(None)
        own, held = out.of(first), self._held(first)
        if tree.op not in _OWN and not node.inplace:
            self.other(node, own, held, loops)
            return
        match tree.op:
            case "load":
                mine, inner = self.site(node, 0, "own", loops), self.site(node, 0, "held", loops)
                out.foreign |= mine | inner
                self.give(node.targets[0], mine, inner)
            case "call" | "perform":
                # A result may be an operand, a part of one, or share memory with the other results.
                every = self._all(tree) | self.site(node, 0, "own", loops)
                for target in node.targets:
                    # What a call keeps is a tuple: nobody writes that itself, only what it holds.
                    self.give(target, _NONE if isinstance(target.type, Saved) else every, every)
            case "pack":
                self.give(node.targets[0], _NONE, self._all(tree))
            case "unpack":
                every = own | held
                for target in node.targets:
                    self.give(target, every, every)
            case "pop" | "claim" | "pop_in":
                given = held.union(*map(out.reach, tree.args[2:])) if tree.op == "claim" else held
                self.give(node.targets[0], own, held)
                self.give(node.targets[1], given, given)
            case "lookup":
                self.give(node.targets[0], held | out.reach(tree.args[2]))
            case "list" | "table":
                self.give(node.targets[0], self.site(node, 0, "own", loops), self._all(tree))
            case "copy" | "copy_of":
                deep = isinstance(node.targets[0].type, Tuple)
                self.give(
                    node.targets[0], self.site(node, 0, "own", loops), self.site(node, 0, "held", loops) if deep else held
                )
            case "copy_items":
                self.give(node.targets[0], self.site(node, 0, "own", loops), self.site(node, 0, "held", loops))
            case op if node.inplace or op in _SELF:
                if op not in _SELF and not dims_of(tree.type) and not isinstance(tree.type, List):
                    own = own | self.site(node, 0, "own", loops)  # of a number it makes something new
                more = out.reach(tree.args[PUTS[op]]) if op in PUTS else _NONE
                self.give(node.targets[0], own, held | more)
            case "item_in":
                self.give(node.targets[0], held, held)
            case "index" if isinstance(type_of(first), List) and isinstance(type_of(tree.args[1]), Static):
                self.give(node.targets[0], self.site(node, 0, "own", loops), held)  # a slice, which is a list of its own
            case "index":
                if isinstance(type_of(first), List):
                    own = _NONE if not isinstance(tree.args[1], Tree) else own
                self.give(node.targets[0], own | held, held)

    def double(self, nodes: list[Node]) -> None:
        """Find the lists that may hold one buffer twice."""
        found, out = self.out.doubled, self.out
        binds = [node for node in nodes if isinstance(node, Bind)]
        moves = _moves(binds, times_read(nodes))
        while True:
            before = len(found)
            for node in binds:
                for target in node.targets:
                    held = out.held.get(target, _NONE)
                    if held and _holds_written(target.type) and self.doubles(node, moves):
                        found |= out.own.get(target, _NONE) or held
            fresh = {self.fresh.get(s, (s, 0))[0] for s in found}
            found |= {older for (s, _), older in self.aged.items() if s in fresh}
            if len(found) == before:
                return

    def doubles(self, node: Bind, moves: set[Bind]) -> bool:
        """Whether what a statement makes may hold a buffer twice, where none of its operands does."""
        tree, out = node.tree, self.out
        if tree.op in PUTS:
            inner = out.reach(tree.args[PUTS[tree.op]])
            again = node not in moves and not inner.isdisjoint(self._held(tree.args[0]))
            if again:
                out.doublers[node] = None
            return again
        if tree.op == "list":
            seen: set[int] = set()
            for a in tree.args:
                if not seen.isdisjoint(more := out.reach(a)):
                    return True
                seen |= more
            return False
        if tree.op in ("copy", "copy_of"):
            return out.is_doubled(tree.args[0])
        kept = node.inplace or tree.op in _APART or tree.op in ("load", "index", "item_in", "assign")
        return not kept

    def other(self, node: Bind, own: Buffers, held: Buffers, loops: tuple[Loop, ...]) -> None:
        op = node.tree.op
        known = _is_known(op) or (op == "items" and isinstance(t := node.targets[0].type, List) and is_immutable(t.item))
        for i, target in enumerate(node.targets):
            fresh = self.site(node, i, "own", loops)
            if op in _FROZEN:
                self.out.foreign |= fresh
                self.give(target, own | held | fresh)
            elif op == "assign":
                self.give(target, own, held)
            elif not known or op.startswith("builtins.") and op in _MAYBE_VIEWS:
                every = self._all(node.tree)
                self.give(target, every | fresh, every)
            elif op in _MAYBE_VIEWS:
                # Of a number, which has no buffer, it makes an array.
                self.give(target, own | held or fresh, held)
            else:
                # A list that an operation of the IR makes (zeros of a list) holds buffers of its own.
                inner = self.site(node, i, "held", loops) if isinstance(target.type, List) else _NONE
                self.give(target, fresh, inner)

    def _all(self, tree: Tree) -> Buffers:
        out = _NONE
        for a in (*tree.args, *(v for _, v in tree.kwargs)):
            out |= self.out.reach(a)
        return out
