"""What happens in place, and the copies that make it right.

    u1 = update(u0, k, v)       writes into the buffer of u0: no other live value may share it, and it must be ours
    row = index(u0, i)          a view that is read after such a write is copied where it is made
    tape1 = push(tape0, u0)     an array that is written later is copied when it is saved
    return y, x                 results share memory with nothing

Writes that cannot be avoided (`update`, `push`, `pop`, ...) get the copies they need; those that are a
choice (`accumulate`, the user's `+=`) are made in place only where that needs no copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from adtransform.ir import Var
from adtransform.lattice import List, is_scalar, same_kind, same_shape
from adtransform.ops import BINARY
from adtransform.place.conflicts import conflicts
from adtransform.place.growth import augmented
from adtransform.place.liveness import Ranges, ranges
from adtransform.place.mender import MUST, Before, Mender
from adtransform.place.program import Bind, Operand, Program, label, walk
from adtransform.place.storage import Storage, storage

_FEW = 12  # copies before loops that are worth a second look


def settle(program: Program, *, results: bool = True) -> tuple[Storage, Ranges | None]:
    """Mark what happens in place and insert the copies it needs; storage and, if they are known, ranges as they are then.

    `results`: whether it returns anything, which then has to share memory with nothing.
    """
    for node in walk(program.nodes):
        if isinstance(node, Bind):
            node.inplace = node.tree.op in MUST or _may_be_inplace(node)
    done: set[object] = set()
    before_loops: list[Before] = []
    rotating = True
    found = _drop_dead(program)
    _give_up(program, found)
    while True:
        memory = storage(program.nodes, rotating=rotating)
        if memory.joined and done.issuperset(memory.joined):
            rotating = False  # what is copied in one trip may be what the trip before has left
            continue
        wrong = [] if memory.joined else conflicts(program.nodes, found, memory, results)
        if not wrong and not memory.joined:
            return _spared(program, memory, found, before_loops, results, rotating)
        mender = Mender(program, memory, frozenset(done))
        copied = mender.separate(memory.joined) if memory.joined else mender.mend(wrong)
        if copied and copied <= done:
            if not rotating:
                raise RuntimeError("values share memory in a way that no copy ends")
            rotating, done = False, set()  # as it was done without knowing which arrays take one another's places
        if mender.results and not before_loops:
            # Nobody sees the copies of results.
            memory.own.update({v: frozenset((-1 - i,)) for i, v in enumerate(mender.results)})
            return memory, None
        done |= copied
        before_loops += mender.before_loops
        found = ranges(program.nodes)


def _spared(
    program: Program, memory: Storage, found: Ranges, before_loops: list[Before], results: bool, rotating: bool
) -> tuple[Storage, Ranges]:
    """Leave out the copies before loops that other remedies have made needless: all at once, or else one by one."""
    needed = _needed(program, memory, found, before_loops)
    doubtful = [made for made in before_loops if made not in needed]
    for some in (doubtful, *([made] for made in reversed(doubtful[-_FEW:]))):
        if not some:
            break
        pairs = {made.entry: made.entry.pairs for made in before_loops}
        trees = {made.copy: made.copy.tree for made in before_loops}  # which may copy what another one has copied
        blocks = {id(made.block): (made.block, list(made.block)) for made in some}
        sources: dict[Operand, Operand] = {made.copy.targets[0]: made.source for made in some}
        for entry in pairs:
            entry.pairs = [(t, _behind(s, sources)) for t, s in entry.pairs]
        for copy, tree in trees.items():
            copy.tree = replace(tree, args=tuple(_behind(a, sources) for a in tree.args))
        copies = {made.copy for made in some}
        for block, nodes in blocks.values():
            block[:] = [node for node in nodes if node not in copies]
        without = storage(program.nodes, rotating=rotating), ranges(program.nodes)
        if not without[0].joined and not conflicts(program.nodes, without[1], without[0], results):
            memory, found = without
            if some is doubtful:
                break
        else:
            for entry, old in pairs.items():
                entry.pairs = old
            for copy, tree in trees.items():
                copy.tree = tree
            for block, nodes in blocks.values():
                block[:] = nodes
    return memory, found


def _behind(a: Operand, sources: Mapping[Operand, Operand]) -> Operand:
    """What a copy that is left out is of."""
    while a in sources:
        a = sources[a]
    return a


def _needed(program: Program, memory: Storage, found: Ranges, before_loops: list[Before]) -> set[Before]:
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
        if isinstance(node, Bind) and node.inplace and node.tree.op not in MUST:
            value, time = node.tree.args[0], found.at[node] + 1
            if isinstance(value, Var) and value not in node.targets and found.holds(value, time):
                node.inplace = False


def _may_be_inplace(node: Bind) -> bool:
    tree = node.tree
    if tree.op != "accumulate" and tree.op not in BINARY:
        return False
    if len(node.targets) != 1 or not isinstance(tree.args[0], Var) or is_scalar(tree.type):
        return False
    if tree.op == "accumulate":
        return True
    of, before = node.targets[0].of, tree.args[0].of
    one = of is before or (of is not None and before is not None and label(of) == label(before) != "")
    if of is not None and one and tree.op in ("operator.add", "operator.sub"):
        # An adjoint that grows by what surely has its shape and dtype.
        return same_shape(tree.type, tree.args[0].type) and same_kind(tree.type, tree.args[0].type)
    # The user's own: what is derived from it may be the product of the same operand with something larger.
    name = label(node.targets[0])
    return name != "" and name == label(tree.args[0]) == augmented(tree) and not isinstance(tree.args[0].type, List)
