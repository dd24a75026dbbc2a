"""Gather: what is asked of a `try` right behind it becomes its clauses."""

from __future__ import annotations

from dataclasses import replace

from adtransform.ir import Const, Var
from adtransform.place.program import Attempt, Bind, Branch, Copy, Node, Operand, blocks, completes, negated, reads, walk


def flattened(node: Attempt) -> Attempt:
    """Nested ones as one with several clauses: what the inner one catches is not for the outer one."""
    inner, rest = node.body[0] if node.body else None, node.body[1:]
    if not isinstance(inner, Attempt) or not all(isinstance(n, Copy) for n in rest):
        return node
    moved = [pair for n in rest if isinstance(n, Copy) for pair in n.pairs]
    for path in (*(clause.handler for clause in inner.clauses), inner.orelse):
        done = path if path is not inner.orelse else [*inner.body, *path]
        pairs = [pair for n in done if isinstance(n, Copy) for pair in n.pairs]
        known = {t: s for t, s in pairs if path is not inner.orelse or isinstance(s, Const)}
        path.append(Copy([(t, known.get(s, s) if isinstance(s, Var) else s) for t, s in moved]))
    return Attempt(inner.body, [*inner.clauses, *node.clauses], inner.orelse, node.origin)


def gather(nodes: list[Node]) -> None:
    """Put what is asked of a `try` right behind it into its clauses."""
    for i, node in enumerate(nodes):  # which gets shorter
        if isinstance(node, Attempt):
            paths = [*(clause.handler for clause in node.clauses), node.orelse]
            facts = [*(_facts(clause.handler) for clause in node.clauses), _facts([*node.body, *node.orelse])]
            while i + 1 < len(nodes):
                found = [_known(nodes[i + 1], each) if completes(path) else [] for path, each in zip(paths, facts, strict=True)]
                every = [n for part in found for n in part]
                unclear = nodes[i + 1] in every or len(set(every)) < len(every)
                if unclear or isinstance(nodes[i + 1], Copy) or sum(map(completes, paths)) < 2:
                    break
                for path, part in zip(paths, found, strict=True):
                    path += part
                del nodes[i + 1]
            for path in paths:
                if path and isinstance(end := path[-1], Bind) and end.tree.op in ("raise", "reraise"):
                    _strip(path)
        for block in blocks(node):
            gather(block)


def _strip(path: list[Node]) -> None:
    """Drop what a path that raises binds and does not read."""
    read = {v for n in walk(path) for v in reads(n)}
    path[:] = [n for n in path if not isinstance(n, Copy) or any(t in read for t, _ in n.pairs)]


def _facts(path: list[Node]) -> dict[Operand, bool]:
    """The flags that a clause of a `try` sets."""
    pairs = [pair for n in path if isinstance(n, Copy) for pair in n.pairs]
    return {t: bool(s.value) for t, s in pairs if isinstance(s, Const) and isinstance(s.value, bool)}


def _known(node: Node, facts: dict[Operand, bool]) -> list[Node]:
    """What a statement comes to where some flags are known."""
    while isinstance(node, Branch):
        for cond, outcome in ((node.cond, True), (negated(node.cond), False)):
            if cond in facts:
                found: list[Node] = []
                for each in node.then if facts[cond] == outcome else node.orelse:
                    if completes(found):
                        found += _known(each, facts)
                return found
        break
    if isinstance(node, Copy):
        return [Copy(list(node.pairs), node.back)]  # may be done on several paths
    if isinstance(node, Bind) and node.tree.op == "push":  # which saves what this path says
        args = tuple(Const(facts[a]) if a in facts else a for a in node.tree.args)
        return [replace(node, tree=replace(node.tree, args=args))]
    return [node]
