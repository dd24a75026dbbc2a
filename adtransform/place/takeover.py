"""An adjoint that grows in the memory of a value of the forward sweep, which nobody reads any more, has a name of its own.

dw1 = accumulate_at(z, k, s)        becomes        dw0 = z; dw1 = accumulate_at(dw0, k, s)
"""

from __future__ import annotations

from adtransform.ir import Var
from adtransform.place.program import Bind, Copy, Loop, Node, Program, Tree, walk, writes
from adtransform.place.storage import Storage


def name_taken_over(program: Program, memory: Storage) -> None:
    """Bind what is taken over to a name of the adjoint's."""
    turn = next((i for i, node in enumerate(program.nodes) if isinstance(node, Bind) and node.tree.op == "backward"), None)
    if turn is None:
        return
    early: set[Var] = set()
    nodes: list[Node] = []
    for i, node in enumerate(program.nodes):
        if i > turn and isinstance(node, Bind) and node.inplace:
            target, value = node.targets[0], node.tree.args[0]
            if target.of is not None and isinstance(value, Var) and value.of is None:
                if not early:
                    for each in walk(program.nodes[:turn]):
                        early.update((*writes(each), *(q for q, _ in each.exits)) if isinstance(each, Loop) else writes(each))
                if value in early:
                    own = Var(value.type, target.hint, target.of, target.wrt)
                    memory.own[own] = memory.of(value)
                    nodes.append(Copy([(own, value)]))
                    tree = node.tree
                    node.tree = Tree(tree.op, (own, *tree.args[1:]), tree.kwargs, tree.type, tree.origin)
        nodes.append(node)
    program.nodes[:] = nodes
