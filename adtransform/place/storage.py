"""Which values may share memory: for each variable the buffers it may be and, for lists, the buffers it may hold.

A buffer is named by the statement that allocates it.  Inside of a loop the buffer allocated in this trip and those of
earlier trips are told apart: what a loop carries to its next trip is an earlier one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from adtransform.ir import Const, Var
from adtransform.lattice import Array, List, Saved, Scalar, Static, Tuple, Type, Unknown, dims_of
from adtransform.ops import VIEWS
from adtransform.place.program import Bind, Copy, Loop, Node, Operand, Tree, blocks, reads, variables

Buffers = frozenset[int]
_NONE: Buffers = frozenset()

# What NumPy gives as a view without it being in `ops.VIEWS`, and the functions of Python that hand back an operand.
_MAYBE_VIEWS = VIEWS | frozenset(
    "numpy.split numpy.array_split numpy.hsplit numpy.vsplit numpy.dsplit numpy.unstack numpy.broadcast_arrays "
    "numpy.atleast_3d numpy.real_if_close numpy.require numpy.astype piece copy_of builtins.max builtins.min builtins.list "
    "builtins.tuple builtins.sorted builtins.reversed builtins.next builtins.iter builtins.zip builtins.getattr".split()
)
# Their results may be read-only or hold one number many times: nothing to write into, nothing to hand out.
_FROZEN = frozenset(
    "numpy.broadcast_to spread expand numpy.diagonal numpy.diag numpy.linalg.diagonal numpy.broadcast_arrays undiag".split()
)
# May be a view of any of their operands.
_ANY = frozenset("numpy.einsum numpy.ix_ numpy.trim_zeros numpy.meshgrid numpy.block".split())
# The IR's own operations and the helpers that always allocate.
_FRESH = frozenset(
    "zeros strong scatter delay recur matmul_left matmul_right shape ndim size trips accumulate plus untimes".split()
)
_MODULES = frozenset("numpy math cmath operator builtins scipy".split())
_SELF = frozenset("update push accumulate_at drop".split())
# What has a case of its own below.
_OWN = _SELF | frozenset("load call perform pack unpack pop claim list table lookup copy copy_of copy_items index".split())


@dataclass(slots=True)
class Storage:
    """`own`: the buffers a value may be; `held`: those it may hold or give out; `foreign`: not ours to write or hand out."""

    own: dict[Var, Buffers] = field(default_factory=dict)
    held: dict[Var, Buffers] = field(default_factory=dict)
    foreign: set[int] = field(default_factory=set)

    def reach(self, a: Operand) -> Buffers:
        """All buffers that can be read through an operand."""
        out = _NONE
        for v in variables(a):
            for found in (self.own.get(v), self.held.get(v)):
                if found and found is not out:
                    out = out | found if out else found
        return out

    def of(self, a: Operand) -> Buffers:
        """The buffers an operand itself may be."""
        return self.own.get(a, _NONE) if isinstance(a, Var) else self.reach(a)


def storage(nodes: list[Node]) -> Storage:
    """The buffers of every variable of a program."""
    solver = _Solver()
    solver.block(nodes, ())
    return solver.out


def is_immutable(t: Type) -> bool:
    """Known to be a value that cannot be written."""
    if isinstance(t, Tuple):
        return all(is_immutable(i) for i in t.items)
    return isinstance(t, Scalar) or (isinstance(t, Static) and t.what != "mixed" and not t.what.startswith("array"))


class _Solver:
    def __init__(self) -> None:
        self.out = Storage()
        self.sites: dict[tuple[object, int, str], int] = {}
        self.loops: dict[int, tuple[Loop, ...]] = {}
        self.aged: dict[int, int] = {}
        # What in a loop reads a variable and has been looked at: it is looked at again when more is known of that.
        self.users: dict[Var, list[Node]] = {}
        self.around: dict[Node, tuple[Loop, ...]] = {}
        self.todo: set[Node] = set()

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
        out = set()
        for s in found:
            if back in self.loops[s] and s not in self.aged:
                self.aged[s] = len(self.loops)
                self.loops[self.aged[s]] = self.loops[s]
                self.aged[self.aged[s]] = self.aged[s]
                if s in self.out.foreign:
                    self.out.foreign.add(self.aged[s])
            out.add(self.aged[s] if back in self.loops[s] else s)
        return frozenset(out)

    def give(self, v: Var, own: Buffers, held: Buffers = _NONE) -> None:
        if not (own or held) or is_immutable(v.type):
            return
        if isinstance(v.type, (Array, Unknown)):
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
            if isinstance(node, Loop):
                self.block(node.header, (*loops, node))
                self.block(node.body, (*loops, node))
            else:
                for inner in blocks(node):
                    self.block(inner, loops)
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
                    if node.back is not None:
                        own, held = self.older(own, node.back), self.older(held, node.back)
                    self.give(target, own, held)
            case Loop():
                for q, p in node.exits:
                    self.give(q, self.out.of(p), self._held(p))

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
            case "pop" | "claim":
                given = held.union(*map(out.reach, tree.args[2:]))
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
                value = tree.args[2] if op == "update" else tree.args[1] if op != "drop" else Const(None)
                self.give(node.targets[0], own, held | out.reach(value) if op in ("push", "update") else held)
            case "index":
                if isinstance(getattr(first, "type", None), List):
                    own = _NONE if not isinstance(tree.args[1], Tree) else own
                self.give(node.targets[0], own | held, held)

    def other(self, node: Bind, own: Buffers, held: Buffers, loops: tuple[Loop, ...]) -> None:
        op = node.tree.op
        known = op in _MAYBE_VIEWS or op in _FRESH or op in _FROZEN or (op.partition(".")[0] in _MODULES and op not in _ANY)
        known = known and not op.startswith(("numpy.lib.", "numpy.ndarray."))
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
