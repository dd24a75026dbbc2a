"""Items: a loop over what something holds goes through that, as its user wrote it, and not through its indices.

for t8 in range(len(measured)): m = measured[t8]        becomes        for m in measured
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from adtransform.ir import Const, Var, is_temporary
from adtransform.lattice import Array, Dict, List
from adtransform.place.program import Bind, Loop, Node, Operand, Tree, blocks, times_read, variables, walk, writes


def items(nodes: list[Node]) -> None:
    """Replace the loops over indices that only take items, and leave out the lengths that nothing asks for any more."""
    every = walk(nodes)
    loops = [node for node in every if isinstance(node, Loop) and node.bounds]
    if not loops:
        return
    made = {node.targets[0]: node.tree for node in every if isinstance(node, Bind) and len(node.targets) == 1}
    before = [(loop, loop.bounds) for loop in loops]
    bounds = {v for loop, was in before if _through(loop, made) for a in was for v in _behind(a, made)}
    uses = _uses(nodes)
    while idle := {v for v in bounds if not uses[v]}:
        _without(nodes, idle)
        bounds -= idle
        uses = _uses(nodes)


def _uses(nodes: list[Node]) -> Counter[Var]:
    every = walk(nodes)
    found = times_read(every)
    found.update(v for node in every if isinstance(node, Loop) for v in (*variables(node.cond), *node.phis))
    return found


def _without(nodes: list[Node], idle: set[Var]) -> None:
    nodes[:] = [node for node in nodes if not (isinstance(node, Bind) and idle.issuperset(node.targets) and node.targets)]
    for node in nodes:
        for block in blocks(node):
            _without(block, idle)


def _through(loop: Loop, made: dict[Var, Tree]) -> bool:
    """Make a loop one through items; whether it was done."""
    assert loop.index is not None
    start, stop, step = loop.bounds
    ahead = (start, step) == (Const(0), Const(1))
    size = stop if ahead else _one_more(start, made) if (stop, step) == (Const(-1), Const(-1)) else None
    if size is None:
        return False
    inside = {*loop.phis, *(v for node in walk(loop.body) for v in writes(node))}
    taken = [node for node in loop.body if _takes(node, loop, inside)]
    held = [node.tree.args[0] for node in taken if isinstance(node, Bind)]
    counted = _uses(loop.body)[loop.index] > len(taken)
    if not taken or not _is_length(size, held, made) or (counted and is_temporary(loop.index)):
        return False
    if not ahead and (counted or len(taken) > 1):
        return False
    loop.items = tuple((node.targets[0], a) for node, a in zip(taken, held, strict=True) if isinstance(node, Bind))
    loop.body[:] = [node for node in loop.body if node not in taken]
    loop.index, loop.ahead = loop.index if counted else None, ahead
    loop.bounds = ()
    return True


def _takes(node: Node, loop: Loop, inside: set[Var]) -> bool:
    """Whether a statement takes the item of this trip, for the head of the loop, out of what was there before."""
    if not isinstance(node, Bind) or node.tree.op != "index" or len(node.targets) != 1 or is_temporary(node.targets[0]):
        return False
    held, key = node.tree.args
    if isinstance(held, Var) and isinstance(held.type, Dict):
        return False
    whole = isinstance(held, Var) and held not in inside and isinstance(held.type, (Array, List))
    return whole and key is loop.index and _line(node) is not None and _line(node) == _line(loop)


def _line(node: Bind | Loop) -> tuple[str, int] | None:
    return None if node.origin is None else (node.origin.file, node.origin.line)


def _is_length(size: Operand, held: list[Operand], made: dict[Var, Tree]) -> bool:
    """Whether a loop of so many trips goes through all of what it takes items from."""
    lengths = _least(size, made)
    return bool(lengths) and all(any(_as_long(a, b) for b in lengths) for a in held) and all(b in held for b in lengths)


def _least(size: Operand, made: dict[Var, Tree]) -> list[Operand]:
    """The operands of which a number is the least length; none where it is something else, or may be."""
    tree = made.get(size) if isinstance(size, Var) else size
    if isinstance(tree, Tree) and tree.op == "builtins.len":
        return [tree.args[0]]
    if not isinstance(tree, Tree) or tree.op != "builtins.min":
        return []
    parts = [_least(a, made) for a in tree.args]
    return [a for part in parts for a in part] if all(parts) else []


def _as_long(a: Operand, b: Operand) -> bool:
    if isinstance(a, Var) and isinstance(b, Var) and isinstance(a.type, Array) and isinstance(b.type, Array):
        return a is b or bool(a.type.dims and b.type.dims and a.type.dims[0] == b.type.dims[0])
    return a is b


def _one_more(last: Operand, made: dict[Var, Tree]) -> Operand | None:
    """The number of trips of a loop that begins at its last index."""
    tree = made.get(last) if isinstance(last, Var) else last
    if isinstance(tree, Tree) and tree.op == "operator.sub" and tree.args[1] == Const(1):
        return tree.args[0]
    return None


def _behind(a: Operand, made: dict[Var, Tree]) -> Iterator[Var]:
    """The variables that a bound was computed from."""
    for v in variables(a):
        tree = made.get(v)
        if tree is not None and tree.op in ("builtins.len", "builtins.min", "operator.sub"):
            yield v
            for inner in tree.args:
                yield from _behind(inner, made)
