"""Ask the newest version of an array for its shape, so that the older ones need not be kept.

u1 = update(u0, k, v); n = shape(u0)        becomes        u1 = update(u0, k, v); n = shape(u1)
"""

from __future__ import annotations

from adtransform.ir import Var
from adtransform.lattice import List
from adtransform.ops import LIKE
from adtransform.place.liveness import Ranges, ranges
from adtransform.place.program import Attempt, Bind, Branch, Copy, Loop, Node, Operand, Program, Tree, blocks, walk

_KEEP = frozenset("update exchange accumulate_at copy numpy.copy".split())


def current(program: Program, found: Ranges | None = None) -> None:
    """Replace what is only asked for its shape by its newest version; `found`: the ranges of the program, if they are known."""
    every = walk(program.nodes)
    asking = [node for node in every if isinstance(node, Loop) or (isinstance(node, Bind) and node.tree.op in LIKE)]
    asked = {a.args[LIKE[a.op]] for node in asking for a in _asking(node) if LIKE[a.op] < len(a.args)}
    if asked:
        _Updater(program.nodes, every, asked, found).block(program.nodes)


def _asking(node: Bind | Loop) -> list[Tree]:
    """The operations of a statement that ask for the shape of something."""
    found = [node.tree] if isinstance(node, Bind) else [a for a in node.bounds if isinstance(a, Tree)]
    return [tree for tree in found if tree.op in LIKE]


class _Updater:
    def __init__(self, nodes: list[Node], every: list[Node], asked: set[Operand], found: Ranges | None) -> None:
        self.nodes, self.found = nodes, found
        self.now = nodes[0]
        self.root: dict[Var, Var] = {}
        for node in every:
            for a, b in _edges(node):
                if isinstance(b, Var):
                    self.root[self.find(a)] = self.find(b)
        wanted = {self.find(a) for a in asked if isinstance(a, Var)}
        versions = {v for v in self.root if self.find(v) in wanted} | wanted
        self.single_assigned: set[Var] = set()
        starts: dict[Var, set[Var]] = {}
        for node in every:
            if isinstance(node, Bind):
                for t in node.targets:
                    if t in versions:
                        self.single_assigned.add(t)
                        if node.tree.op not in _KEEP:
                            starts.setdefault(self.find(t), set()).add(t)
            elif isinstance(node, Copy):
                # A constant or an unbound variable: not one array in several versions.
                for t, s in node.pairs:
                    if t in versions and not isinstance(s, Var):
                        starts.setdefault(self.find(t), set()).update((t, Var()))
        # The versions of what somebody asks, where they are those of one array.
        self.versions = {v for v in versions if len(starts.get(self.find(v), ())) == 1}
        self.newest: dict[Var, Var] = {}
        self.before: list[tuple[Var, Var | None]] = []  # what was the newest until then, to leave a block

    def find(self, v: Var) -> Var:
        root = self.root
        while (up := root.get(v, v)) is not v:
            root[v] = root.get(up, up)
            v = up
        return v

    def note(self, v: Var) -> None:
        if v in self.versions and not isinstance(v.type, List):
            self.put(self.find(v), v)

    def block(self, nodes: list[Node]) -> None:
        for node in nodes:
            self.now = node
            match node:
                case Bind():
                    if node.tree.op in LIKE:
                        node.tree = self.tree(node.tree)
                    for t in node.targets:
                        self.note(t)
                case Copy():
                    for t, _ in node.pairs:
                        self.note(t)
                case Branch():
                    first, *others = [self.inside(inner) for inner in blocks(node)]
                    for root, v in first.items():
                        # What both branches assign is there afterwards.
                        if all(made.get(root) is v for made in others):
                            self.put(root, v)
                case Attempt():
                    for inner in blocks(node):
                        self.inside(inner)
                case Loop():
                    node.bounds = tuple(self.operand(a) for a in node.bounds)
                    self.inside(node.header, node.body, phis=node.phis)
                    for q, _ in node.exits:
                        self.note(q)

    def inside(self, *inner: list[Node], phis: tuple[Var, ...] = ()) -> dict[Var, Var]:
        """Follow blocks that may not be run; what is the newest at their end, which is forgotten behind them."""
        mark = len(self.before)
        for p in phis:
            if p in self.versions:
                self.put(self.find(p), p)
        for nodes in inner:
            self.block(nodes)
        made: dict[Var, Var] = {}
        while len(self.before) > mark:
            root, old = self.before.pop()
            made.setdefault(root, self.newest.pop(root))
            if old is not None:
                self.newest[root] = old
        return made

    def put(self, root: Var, v: Var) -> None:
        self.before.append((root, self.newest.get(root)))
        self.newest[root] = v

    def operand(self, a: Operand) -> Operand:
        return self.tree(a) if isinstance(a, Tree) else a

    def tree(self, t: Tree) -> Tree:
        i = LIKE.get(t.op)
        if i is None or i >= len(t.args):
            return t
        a = t.args[i]
        if not isinstance(a, Var) or a not in self.versions:
            return t
        newest = self.newest.get(self.find(a), a)
        if newest is a or not self.holds(newest):
            return t
        return Tree(t.op, (*t.args[:i], newest, *t.args[i + 1 :]), t.kwargs, t.type, t.origin)

    def holds(self, v: Var) -> bool:
        """Whether a variable has its value now: one that is copied to may have none when nobody reads it any more."""
        if v in self.single_assigned:
            return True
        if self.found is None:
            self.found = ranges(self.nodes)
        return self.found.holds(v, self.found.at[self.now])


def _edges(node: Node) -> list[tuple[Var, Operand]]:
    """Which values have the shape and dtype of which."""
    match node:
        case Bind(tree=tree) if tree.op in _KEEP:
            return [(node.targets[0], tree.args[0])]
        case Copy():
            return list(node.pairs)
        case Loop():
            return list(node.exits)
    return []
