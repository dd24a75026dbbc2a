"""Arrays where all of a value is written that may be a number: arithmetic on arrays without axes gives numbers.

s = a - b; s[...] = c        becomes        s = np.asarray(a - b); s[...] = c
"""

from __future__ import annotations

from adtransform.ir import Const, Var
from adtransform.lattice import Array, dims_of
from adtransform.ops import elementwise
from adtransform.place.program import Bind, Copy, Loop, Node, Operand, Tree, type_of, walk

_COPIES = frozenset(["copy", "copy_of"])
_AS_GIVEN = frozenset("accumulate index fit cast strong expand spread".split())  # what they give may be a number


def solid(nodes: list[Node]) -> None:
    """Make arrays of the numbers that would be written in place, where they come from."""
    todo = [n.tree.args[0] for n in walk(nodes) if isinstance(n, Bind) and n.inplace and _is_whole(n.tree)]
    if not todo:
        return
    makers: dict[Operand, list[Node]] = {}
    for node in walk(nodes):
        made = node.targets if isinstance(node, Bind) else [t for t, _ in _moves(node)]
        for t in made:
            makers.setdefault(t, []).append(node)
    seen = set(todo)
    while todo:
        v = todo.pop()
        for node in makers.get(v, ()):
            if isinstance(node, Bind):
                sources = [node.tree.args[0]] if node.inplace or node.tree.op == "assign" else []
                if not sources and len(node.targets) == 1:
                    node.tree = _array(node.tree)
            else:
                if isinstance(node, Copy):
                    node.pairs = [(t, _operand(s) if t is v else s) for t, s in node.pairs]
                sources = [s for t, s in _moves(node) if t is v]
            for s in sources:
                if isinstance(s, Var) and s not in seen:
                    seen.add(s)
                    todo.append(s)


def _is_whole(tree: Tree) -> bool:
    return tree.op == "update" and tree.args[1] == Const(...) and not dims_of(type_of(tree.args[0]))


def _moves(node: Node) -> list[tuple[Var, Operand]]:
    """What a statement puts into variables as it is."""
    return node.pairs if isinstance(node, Copy) else list(node.exits) if isinstance(node, Loop) else []


def _operand(a: Operand) -> Operand:
    """What a variable gets that is written in place."""
    if isinstance(a, Const) and isinstance(a.value, (int, float, complex)):
        return Tree("numpy.array", (a,))
    return _array(a) if isinstance(a, Tree) else a


def _array(tree: Tree) -> Tree:
    """An expression as an array."""
    if tree.op in _COPIES and not dims_of(tree.type):
        return Tree("numpy.copy", tree.args, (), tree.type, tree.origin)
    may_be_number = elementwise(tree.op) or tree.op in _AS_GIVEN or not isinstance(tree.type, Array)
    return Tree("numpy.asarray", (tree,), (), tree.type, tree.origin) if may_be_number and not dims_of(tree.type) else tree
