"""Unpack: a shape that is taken apart at once is taken apart as its user did.

t = shape(u); rows = index(t, 0); columns = index(t, 1)        becomes        rows, columns = shape(u)
"""

from __future__ import annotations

from collections import Counter

from adtransform.ir import Const, Var, is_temporary
from adtransform.lattice import Tuple
from adtransform.place.program import Bind, Node, blocks, times_read, walk


def unpack(nodes: list[Node]) -> None:
    """Replace shapes that are only asked for all their extents, in order, right behind."""
    every = walk(nodes)
    if any(isinstance(node, Bind) and node.tree.op == "shape" for node in every):
        _block(nodes, times_read(every))


def _block(nodes: list[Node], uses: Counter[Var]) -> None:
    for i, node in enumerate(nodes):  # which gets shorter
        for inner in blocks(node):
            _block(inner, uses)
        if isinstance(node, Bind) and node.tree.op == "shape" and isinstance(node.targets[0].type, Tuple):
            whole, count = node.targets[0], len(node.targets[0].type.items)
            parts = nodes[i + 1 : i + 1 + count]
            if count > 1 and is_temporary(whole) and uses[whole] == count == len(parts):
                names = [t for k, part in enumerate(parts) for t in _part(part, whole, k)]
                if len(names) == count:
                    node.targets, node.origin = tuple(names), parts[0].origin or node.origin  # type: ignore[union-attr]
                    del nodes[i + 1 : i + 1 + count]


def _part(node: Node, whole: Var, k: int) -> tuple[Var, ...]:
    """What is called after the extent of an axis there."""
    if isinstance(node, Bind) and node.tree.op == "index" and node.tree.args == (whole, Const(k)):
        return tuple(t for t in node.targets if not is_temporary(t))
    return ()
