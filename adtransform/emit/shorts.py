"""What is as short as a name: `F.T` and `i - 1` may as well be written wherever they are read."""

from __future__ import annotations

from collections import Counter

from adtransform.ir import Const, Var
from adtransform.lattice import kind_of
from adtransform.place.program import Attempt, Bind, Branch, Loop, Node, Tree, reads

_NEAR = 60  # statements


def shorts(nodes: list[Node], uses: Counter[Var]) -> set[Var]:
    """The variables that are bound so, and read in these statements only, none of them behind the next block."""
    found: set[Var] = set()
    for i, node in enumerate(nodes):
        if not isinstance(node, Bind) or len(node.targets) != 1 or not _is_short(node.tree):
            continue
        v, left = node.targets[0], uses[node.targets[0]]
        for later in nodes[i + 1 : i + _NEAR]:
            left -= sum(a is v for a in reads(later))
            if isinstance(later, (Branch, Attempt, Loop)):
                break
        if left == 0:
            found.add(v)
    return found


def _is_short(tree: Tree) -> bool:
    if not tree.args or not isinstance(tree.args[0], Var) or tree.kwargs:
        return False
    if tree.op in ("operator.add", "operator.sub"):
        return isinstance(by := tree.args[1], Const) and type(by.value) is int and kind_of(tree.type) == "int"
    return tree.op == "numpy.transpose" and len(tree.args) == 1
