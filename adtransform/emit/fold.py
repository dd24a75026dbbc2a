"""Fold single-use temporaries back into the expressions that use them.

    t2 = x + a; t4 = x + b; y = t2 * t4        becomes        y = (x + a) * (x + b)

A temporary moves within its block only, never past a write to what it reads, past an effect or past another statement
that takes the name of a variable it reads; and only while the line stays within the limit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import chain

from adtransform.emit.shorts import shorts
from adtransform.emit.width import width
from adtransform.ir import Const, Var, is_temporary
from adtransform.lattice import BOOL, List, Scalar, kind_of
from adtransform.ops import BINARY, effect_free
from adtransform.place.program import (
    COPIES,
    Attempt,
    Bind,
    Branch,
    Copy,
    Exit,
    Loop,
    Node,
    Operand,
    Program,
    Tree,
    label,
    times_read,
    type_of,
    variables,
    walk,
    writes,
)
from adtransform.place.storage import Buffers, Storage

LIMIT = 88
_TRUE, _FALSE = Const(True), Const(False)
_WRITES = frozenset(
    "update push accumulate_at drop exchange put_in grow_in push_in".split()
)  # statements that begin with what they write
_CONVERSIONS = frozenset(["builtins.float", "cast", "fit"])
_EXTENTS = frozenset("builtins.len shape size ndim".split())
_NEVER = frozenset("load pop unpack caught".split())


def fold(program: Program, memory: Storage, *, listing: bool = False, keep: Iterable[Var] = ()) -> dict[Node, list[Var]]:
    """Fold what can be folded, except for the variables in `keep`; a listing folds only what has no number.

    Returns for each statement what was folded into it, the widest first.
    """
    every = walk(program.nodes)
    for node in every:
        if isinstance(node, Branch):
            _short_circuit(node)
    folder = _Folder(every, memory, listing, frozenset(keep))
    program.nodes[:] = folder.block(program.nodes, 0 if listing else 1)
    return folder.eaten


def _short_circuit(node: Branch) -> None:
    """Where a branch yields the condition itself, that is a constant: `a and b` reads `b if a else False`."""
    if not isinstance(node.cond, Var) or node.cond.type != BOOL:
        return
    for block, value in ((node.then, _TRUE), (node.orelse, _FALSE)):
        if len(block) == 1 and isinstance(block[0], Copy):
            block[0].pairs = [(t, value if s is node.cond else s) for t, s in block[0].pairs]


class _Folder:
    def __init__(self, every: list[Node], memory: Storage, listing: bool, keep: frozenset[Var]) -> None:
        self.memory = memory
        self.listing = listing
        self.keep = keep
        binds = [node for node in every if isinstance(node, Bind)]
        loads = {node.targets[0]: node.tree.args[0] for node in binds if node.tree.op == "load"}
        self.loads = loads.keys()
        self.uses = times_read(every)
        self.uses.update(v for node in every if isinstance(node, Loop) for v in variables(node.cond))
        self.assigned = Counter(chain.from_iterable(map(writes, every)))
        self.labels = {} if listing else {v: str(name.value) for v, name in loads.items() if isinstance(name, Const)}
        self.named = Counter([self.label(v) or v for v in self.assigned])
        lists = [node.tree.args[0] for node in binds if node.inplace and isinstance(node.tree.type, List)]
        self.grown = frozenset(s for a in lists for s in memory.of(a))
        self.current: Node = Exit("return")
        self.eaten: dict[Node, list[Var]] = {}
        self.short: set[Var] = set()  # what may as well be written again and again
        self.trying = 0  # in how many bodies of a `try`
        self.pending: dict[Var, Bind] = {}
        self.moved: dict[Var, Tree] = {}
        # What each reads: variables, their labels, and the buffers whose contents it takes; and which of them read each.
        self.seen: dict[Var, set[Var | str | int]] = {}
        self.readers: dict[Var | str | int, list[Var]] = {}

    def block(self, nodes: list[Node], depth: int) -> list[Node]:
        outer = self.pending, self.readers
        self.pending, self.readers = {}, {}
        out: list[Node | None] = []
        places: dict[Bind, int] = {}
        self.short |= shorts(nodes, self.uses)
        for node in nodes:
            made = self.node(node, depth, places, out)
            if isinstance(made, Bind) and self.may_fold(made):
                self.remember(made)
                places[made] = len(out)
            elif self.trying and isinstance(made, Bind):
                self.pending.clear()  # what it raises is not for another handler than what was raised before
            out.append(made)
        self.pending, self.readers = outer
        return [node for node in out if node is not None]

    def node(self, node: Node, depth: int, places: dict[Bind, int], out: list[Node | None]) -> Node:
        room = LIMIT - 4 * depth
        self.current = node
        match node:
            case Bind():
                self.bind(node, room, places, out)
            case Branch():
                node.then = self.block(node.then, depth + 1)
                node.orelse = self.block(node.orelse, depth if self.is_elif(node.orelse) else depth + 1)
                choice = None if self.listing else self.choice(node, room)
                if choice is not None:
                    ends = (*node.then, *node.orelse)
                    self.eaten[choice] = [
                        v for end in ends for v in (*writes(end), *self.eaten.get(end, ())) if is_temporary(v)
                    ]
                    return self.node(choice, depth, places, out)
                self.current = node
                (node.cond,) = self.fill((node.cond,), room - 4, places, out)
                self.pass_by()
            case Attempt():
                self.pass_by()
                self.trying += 1
                node.body = self.block(node.body, depth + 1)
                self.trying -= 1
                for clause in node.clauses:
                    clause.handler = self.block(clause.handler, depth + 1)
                node.orelse = self.block(node.orelse, depth + 1)
            case Loop():
                node.bounds = self.fill(node.bounds, room - 16, places, out)
                held = self.fill(tuple(a for _, a in node.items), room - 16, places, out)
                node.items = tuple((item, a) for (item, _), a in zip(node.items, held, strict=True))
                self.pass_by()
                self.header(node, depth, room)
                node.body = self.block(node.body, depth + 1)
            case Exit():
                node.values = self.fill(node.values, room - 7 - 2 * len(node.values), places, out, returns=True)
            case Copy():
                return self.copy(node, room, places, out)
        return node

    def pass_by(self) -> None:
        """Behind statements that hold others only extents can be asked for as before, of what keeps its name and its length."""
        self.pending = {v: bind for v, bind in self.pending.items() if self.lasts(self.moved[v])}

    def lasts(self, tree: Tree) -> bool:
        """Whether it is the extent of something that is not bound anew, or grows."""
        v = tree.args[0] if tree.op in _EXTENTS else None
        if not isinstance(v, Var) or self.assigned[v] > 1 or self.named[self.label(v) or v] > 1:
            return False
        return not isinstance(v.type, List) or self.grown.isdisjoint(self.memory.of(v))

    def is_elif(self, nodes: list[Node]) -> bool:
        """Whether the statements of an `else` will be one `if`, which is printed as `elif` and no deeper."""
        kept = [node for node in nodes if not isinstance(node, Copy)]
        folded = all(isinstance(node, Bind) and self.may_fold(node) for node in kept[:-1])
        return folded and bool(kept) and isinstance(kept[-1], Branch)

    def header(self, node: Loop, depth: int, room: int) -> None:
        """The statements of a `while` condition, which has to become one expression to be printed as one."""
        outer = self.pending, self.readers
        self.pending, self.readers = {}, {}
        places: dict[Bind, int] = {}
        out: list[Node | None] = []
        for inner in node.header:
            made = self.node(inner, depth + 1, places, out)
            if isinstance(made, Bind) and self.may_fold(made, header=True):
                self.remember(made)
                places[made] = len(out)
            out.append(made)
        self.current = node
        (node.cond,) = self.fill((node.cond,), room - 7, places, out)
        node.header = [n for n in out if n is not None]
        self.pending, self.readers = outer

    def bind(self, node: Bind, room: int, places: dict[Bind, int], out: list[Node | None]) -> None:
        tree = node.tree
        if not self.pending.keys().isdisjoint(tree.variables):
            self.operands(node, room, places, out)
        if tree.op == "assign" and isinstance(value := node.tree.args[0], Tree):
            node.tree = value
        asking: list[tuple[Bind, Tree]] = []
        if tree.op in COPIES and node.let is None and isinstance(old := tree.args[0], Var) and not self.may_fold(node):
            asking = self.ask_copy(old, node.targets[0])
        if node.inplace:
            self.forget(self.memory.written(tree))
        if tree.op == "backward":
            self.pass_by()
        elif not effect_free(tree.op):
            self.pending.clear()
        self.forget_names(node.targets)
        for bind, moved in asking:
            self.remember(bind, moved)

    def operands(self, node: Bind, room: int, places: dict[Bind, int], out: list[Node | None]) -> None:
        """Put pending temporaries into the operands of a statement."""
        tree = node.tree
        fixed = 1 if node.inplace else 0
        args = tree.args[fixed:] + (tuple([v for _, v in tree.kwargs]) if tree.kwargs else ())
        room -= 0 if tree.op in _WRITES else sum([width(t) + 2 for t in node.targets]) + 1
        filled = self.fill(args, room + self.saved_by_growth(node), places, out, tree)
        if filled is not args:
            count = len(tree.args) - fixed
            kwargs = tuple([(k, v) for (k, _), v in zip(tree.kwargs, filled[count:], strict=True)])
            node.tree = Tree(tree.op, tree.args[:fixed] + filled[:count], kwargs, tree.type, tree.origin)

    def ask_copy(self, old: Var, new: Var) -> list[tuple[Bind, Tree]]:
        """The pending expressions that read a value, which may as well read its copy."""
        return [(self.pending.pop(v), _read(self.moved[v], old, new)) for v in self.taken((old,))]

    def saved_by_growth(self, node: Bind) -> int:
        """What `a[k] += v` is shorter than `a[k] = a[k] + v`, and `a += v` than `a = a + v`."""
        tree = node.tree
        if tree.op in BINARY and isinstance(first := tree.args[0], Var):
            target = node.targets[0]
            grows = node.inplace or (isinstance(first.type, Scalar) and self.label(first) == self.label(target) != "")
            return width(first) + 2 if grows else 0
        value = tree.args[2] if tree.op == "update" else tree.args[1] if tree.op == "put_in" else None
        if not isinstance(value, Var) or value not in self.pending:
            return 0
        old = self.moved[value].args[:1]
        if not old or not isinstance(old[0], Tree) or old[0].op not in ("index", "item_in"):
            return 0
        return width(old[0]) if old[0].args[0] is tree.args[0] else 0

    def copy(self, node: Copy, room: int, places: dict[Bind, int], out: list[Node | None]) -> Node:
        made: Node = node
        if len(node.pairs) == 1:
            target, source = node.pairs[0]
            origin = self.pending[source].origin if isinstance(source, Var) and source in self.pending else None
            (filled,) = self.fill((source,), room - width(target) - 3, places, out)
            if filled is not source and isinstance(filled, Tree):
                made = Bind((target,), filled, origin)
                self.eaten[made] = self.eaten.pop(node, [])
        asking = [found for t, s in node.pairs if isinstance(s, Var) for found in self.ask_copy(s, t)]
        self.forget_names(writes(node))
        for bind, tree in asking:
            self.remember(bind, tree)
        return made

    def choice(self, node: Branch, room: int) -> Bind | None:
        """`t = a if c else b`, where both branches only yield one value."""
        yes, no = _only(node.then), _only(node.orelse)
        if yes is None or no is None or yes[0] is not no[0]:
            return None
        target, a, b = *yes, no[1]
        if a is b:
            return Bind((target,), Tree("assign", (a,), (), target.type), node.origin)
        if label(target) and target.of is None and self.uses[target] > 1 and not (isinstance(a, Tree) or isinstance(b, Tree)):
            return None
        cond = node.cond
        plain = type_of(cond) == BOOL
        if b == _FALSE and (type_of(a) == BOOL or (plain and kind_of(type_of(a)) == "bool")):
            tree = Tree("and", (cond, a), (), target.type, node.origin)
        elif a == _TRUE and (type_of(b) == BOOL or (plain and kind_of(type_of(b)) == "bool")):
            tree = Tree("or", (cond, b), (), target.type, node.origin)
        else:
            tree = Tree("ifexp", (cond, a, b), (), target.type, node.origin)
        if width(tree) + width(target) + 3 > room:
            return None
        self.assigned[target] = 1
        return Bind((target,), tree, node.origin)

    def may_fold(self, node: Bind, header: bool = False) -> bool:
        if len(node.targets) != 1 or node.inplace:
            return False
        v = node.targets[0]
        if (self.uses[v] != 1 and v not in self.short) or self.assigned[v] != 1 or v in self.keep:
            return False
        if node.tree.op in _NEVER or not effect_free(node.tree.op):
            return False
        if self.listing and (v.hint or v.of is not None) and not header:
            return False
        if v.of in self.loads and not self.listing and node.tree.op not in _CONVERSIONS:
            return False  # the adjoint of a parameter has its name: it is what the reader looks for
        return is_temporary(v) or self.converts(node) or (node.origin is not None and node.origin.text.startswith("return "))

    def converts(self, node: Bind) -> bool:
        """Whether a statement only converts an adjoint that has its name already: `dx = float(dx)`."""
        source, made = node.tree.args[0] if node.tree.op in _CONVERSIONS else None, node.targets[0]
        if not isinstance(source, Var) or source.of is None or made.of is None:
            return False
        return self.label(source.of) == self.label(made.of)

    def remember(self, node: Bind, tree: Tree | None = None) -> None:
        """Note what may be folded; `tree` is what it reads as by now, if that differs from what it reads where it stands."""
        v, tree = node.targets[0], tree or node.tree
        keys: set[Var | str | int] = {*tree.variables, *self.contents(tree), *map(self.label, tree.variables)}
        keys.discard("")
        self.seen[v] = keys
        readers = self.readers
        for key in keys:
            if key in readers:
                readers[key].append(v)
            else:
                readers[key] = [v]
        self.pending[v] = node
        self.moved[v] = tree

    def taken(self, keys: Iterable[Var | str | int]) -> list[Var]:
        """The pending ones that read any of these, which pend no longer."""
        pending, readers, seen = self.pending, self.readers, self.seen
        found = [v for k in keys if k in readers for v in readers.pop(k) if v in pending and k in seen[v]]
        return list(dict.fromkeys(found)) if len(found) > 1 else found

    def contents(self, a: Operand) -> Buffers:
        """The buffers whose contents an expression reads; asking for the shape of an array reads none."""
        if not isinstance(a, Tree):
            return self.memory.reach(a)
        if a.op in ("shape", "ndim", "size") and not isinstance(type_of(a.args[0]), List):
            return frozenset()
        found: Buffers = frozenset()
        for x in (*a.args, *[x for _, x in a.kwargs]) if a.kwargs else a.args:
            if isinstance(x, Const):
                continue
            more = self.memory.reach(x) if isinstance(x, Var) else self.contents(x)
            if more:
                found = found | more if found else more
        return found

    def label(self, v: Var) -> str:
        """What the user calls it; a parameter by its name."""
        found = self.labels.get(v)
        if found is None:
            found = self.labels[v] = label(v)
        return found

    def forget(self, keys: Iterable[Var | str | int]) -> None:
        """What reads any of these stays where it is."""
        for v in self.taken(keys):
            del self.pending[v]

    def forget_names(self, targets: Iterable[Var]) -> None:
        """Values that read a variable which gets a new value now stay before it."""
        for t in targets:
            self.forget((t, self.label(t)))

    def fill(
        self,
        found: tuple[Operand, ...],
        room: int,
        places: dict[Bind, int],
        out: list[Node | None],
        whole: Tree | None = None,
        returns: bool = False,
    ) -> tuple[Operand, ...]:
        """The operands with pending temporaries put in, the widest left out until the line is short enough.

        `whole`: what they are the operands of, if that stands in the same line.
        """
        pending, moved = self.pending, self.moved
        times: dict[Var, int] = {}
        for a in found:
            for v in variables(a):
                if v in pending:
                    times[v] = times.get(v, 0) + 1
        if len(found) != 1 or not returns:
            # A returned expression that the user did not name keeps the name it got wherever it is not returned alone.
            for v in [v for v in times if not (is_temporary(v) or self.converts(pending[v]))]:
                del pending[v], times[v]
        if not times:
            return found
        plain = whole is not None and whole.op in _WRITES
        sizes = {v: n * (width(moved[v]) + (0 if plain and v in found else 2) - width(v)) for v, n in times.items()}
        total = (sum(map(width, found)) if whole is None else width(whole)) + sum(sizes.values())
        # Shares are converted where they are returned, even where that takes another line.
        widest = [v for v in sizes if not (returns and self.converts(pending[v]))]
        if len(widest) > 1:
            widest.sort(key=lambda v: -sizes[v])
        while total > room and widest:
            v = widest.pop(0)
            total -= sizes.pop(v)
            del pending[v]
        self.eaten.setdefault(self.current, []).extend(widest)
        for v in sizes:
            left = self.uses[v] = self.uses[v] - times[v]
            if left == 0 and (node := pending.pop(v)) in places:
                out[places[node]] = None
        values = {v: moved[v] for v in sizes}
        return tuple([_filled(a, values) for a in found])


def _read(t: Tree, old: Var, new: Var) -> Tree:
    """An expression that reads `new` instead of `old`."""

    def operand(a: Operand) -> Operand:
        return new if a is old else _read(a, old, new) if isinstance(a, Tree) else a

    return Tree(t.op, tuple(map(operand, t.args)), tuple((k, operand(v)) for k, v in t.kwargs), t.type, t.origin)


def _only(block: list[Node]) -> tuple[Var, Operand] | None:
    if len(block) != 1:
        return None
    node = block[0]
    if isinstance(node, Copy) and len(node.pairs) == 1:
        return node.pairs[0]
    if isinstance(node, Bind) and len(node.targets) == 1 and not node.inplace and node.let is None:
        return node.targets[0], node.tree
    return None


def _filled(a: Operand, values: dict[Var, Tree]) -> Operand:
    if isinstance(a, Var):
        return values.get(a, a)
    if isinstance(a, Tree) and not values.keys().isdisjoint(a.variables):
        args = tuple([_filled(x, values) for x in a.args])
        return Tree(a.op, args, tuple([(k, _filled(x, values)) for k, x in a.kwargs]) if a.kwargs else (), a.type, a.origin)
    return a
