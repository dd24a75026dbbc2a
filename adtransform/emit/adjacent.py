"""Adjacent: two shares that are added to a number one after the other are added at once, where that takes no wider line.

d -= s; d += s * t        becomes        d += s * t - s
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import replace

from adtransform.emit.width import width
from adtransform.ir import Var, is_temporary
from adtransform.lattice import Scalar
from adtransform.ops import BINARY, effect_free
from adtransform.place.program import Bind, Node, Operand, Tree, blocks, label, times_read, variables, walk

_SUMS = frozenset(("operator.add", "operator.sub"))


def join(nodes: list[Node], room: int) -> None:
    """Join the shares that are added to adjoints; `room`: the columns that there are for a line."""
    every = walk(nodes)
    if growing := {node for node in every if isinstance(node, Bind) and _grows(node)}:
        _block(nodes, room, times_read(every), growing)


def _block(nodes: list[Node], room: int, uses: Counter[Var], growing: Set[Node]) -> None:
    made: dict[Var, Tree] = {}  # what is computed for one statement
    last: Bind | None = None  # the last share, if nothing but that was done since
    gone: set[Node] = set()
    for node in nodes:
        for inner in blocks(node):
            _block(inner, room - 4, uses, growing)
        if isinstance(node, Bind) and node in growing:
            if last is not None and uses[old := last.targets[0]] == 1 and node.tree.args[0] is old and _together(last, node):
                grown = _grows(last)
                both = _both(last.tree, node.tree) if grown else replace(node.tree, args=(last.tree, node.tree.args[1]))
                if _wide(both.args[1] if grown else both, made) + width(node.targets[0]) + len(" += ") <= room:
                    node.tree = both
                    gone.add(last)
            last = node
        elif isinstance(node, Bind) and _begins(node):
            last = node
        elif isinstance(node, Bind) and _passes(node, uses):
            made[node.targets[0]] = node.tree
        else:
            last = None
    if gone:
        nodes[:] = [node for node in nodes if node not in gone]


def _grows(node: Bind) -> bool:
    """Whether a number gets a share, which is an adjoint or a tangent."""
    if node.tree.op not in _SUMS or len(node.targets) != 1 or node.inplace:
        return False
    target, old = node.targets[0], node.tree.args[0]
    one = isinstance(old, Var) and old.of is not None and label(old) == label(target) != ""
    return one and target.of is not None and isinstance(target.type, Scalar)


def _begins(node: Bind) -> bool:
    """Whether an adjoint with a name, a number, is computed by arithmetic."""
    if node.tree.op not in BINARY or len(node.targets) != 1 or node.inplace:
        return False
    (target,) = node.targets
    return target.of is not None and isinstance(target.type, Scalar) and label(target) != ""


def _together(a: Bind, b: Bind) -> bool:
    """Whether two shares come from one statement of the user's."""
    return a.origin is None or b.origin is None or (a.origin.file, a.origin.line) == (b.origin.file, b.origin.line)


def _passes(node: Bind, uses: Counter[Var]) -> bool:
    """Whether a statement only computes something for the next ones."""
    if len(node.targets) != 1 or node.inplace or uses[node.targets[0]] != 1:
        return False
    return is_temporary(node.targets[0]) and effect_free(node.tree.op)


def _both(first: Tree, second: Tree) -> Tree:
    """The sum of a number and two shares."""
    old, a = first.args
    b = second.args[1]
    less = "operator.sub"
    if first.op == second.op:
        op, pair = first.op, Tree("operator.add", (a, b), (), second.type)
    else:
        op, pair = "operator.add", Tree(less, (b, a) if first.op == less else (a, b), (), second.type)
    return Tree(op, (old, pair), (), second.type, second.origin)


def _wide(a: Operand, made: Mapping[Var, Tree]) -> int:
    """How wide an operand will be when all that is computed for it alone is put in, about."""
    return width(a) + sum(_wide(made[v], made) + 2 - width(v) for v in variables(a) if v in made)
