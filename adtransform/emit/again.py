"""A view is not taken again while its variable still is that view.

row = u[i]; u[i, 0] = 1.0; row = u[i]; s = sum(row)        becomes        row = u[i]; u[i, 0] = 1.0; s = sum(row)

Writes in place leave a view what it is, so this follows what is assigned to the names of the printed program, and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from adtransform.ir import Const, Var
from adtransform.lattice import Array, kind_of, rank_of
from adtransform.optimise.fill import is_basic
from adtransform.place.program import (
    Attempt,
    Bind,
    Branch,
    Copy,
    Exit,
    Loop,
    Node,
    Operand,
    Program,
    Tree,
    blocks,
    type_of,
    walk,
)
from adtransform.place.program import writes as targets_of
from adtransform.record import record


@record
class _View:
    """The expression of a view in names, and the names in it."""

    text: object
    names: frozenset[str]


_Known = dict[str, _View]  # the view that each variable surely is


def drop_again(program: Program, names: Mapping[Var, str]) -> None:
    """Leave out the statements that give a variable the view that it is anyway."""
    found = {node: view for node in walk(program.nodes) if isinstance(node, Bind) and (view := _view(node, names))}
    several = Counter((names[node.targets[0]], view) for node, view in found.items())
    if max(several.values(), default=0) < 2:
        return
    walker = _Walker(names, found)
    walker.block(program.nodes, {})
    if walker.again:
        _without(program.nodes, walker.again)


def _view(node: Bind, names: Mapping[Var, str]) -> _View | None:
    """What a statement makes a variable, if that surely is a view."""
    tree = node.tree
    if node.inplace or len(node.targets) != 1 or node.targets[0] not in names or not _is_view(tree):
        return None
    read = frozenset(names.get(v, "") for v in tree.variables)
    return None if "" in read or names[node.targets[0]] in read else _View(_text(tree, names), read)


def _is_view(a: Operand) -> bool:
    if isinstance(a, Var):
        return isinstance(a.type, Array)
    if not isinstance(a, Tree) or a.op != "index" or not isinstance(a.type, Array) or not rank_of(a.type):
        return False
    whole, key = a.args
    return bool(rank_of(type_of(whole))) and _is_view(whole) and is_basic(type_of(key)) and _is_number(key)


def _is_number(key: Operand) -> bool:
    """Whether a key is made of whole numbers only, which nobody can change."""
    if isinstance(key, Tree):
        return (key.op in ("slice", "tuple") or key.op.startswith("operator.")) and all(map(_is_number, key.args))
    return isinstance(key, Const) or kind_of(type_of(key)) == "int"


def _text(a: Operand, names: Mapping[Var, str]) -> object:
    if isinstance(a, Var):
        return names[a]
    return (a.op, *(_text(x, names) for x in a.args)) if isinstance(a, Tree) else a


def _meet(states: Iterable[_Known | None]) -> _Known | None:
    """What is known wherever one may come from; None where that is nowhere."""
    reached = [state for state in states if state is not None]
    if not reached:
        return None
    return {name: view for name, view in reached[0].items() if all(s.get(name) == view for s in reached)}


class _Walker:
    def __init__(self, names: Mapping[Var, str], views: Mapping[Bind, _View]) -> None:
        self.names, self.views = names, views
        self.again: set[Bind] = set()
        self.breaks: list[list[_Known]] = []
        self.nexts: list[list[_Known]] = []

    def block(self, nodes: list[Node], known: _Known | None) -> _Known | None:
        """What is known behind statements; None where nothing comes behind them."""
        for node in nodes:
            if known is None:
                return None
            match node:
                case Bind():
                    self.bind(node, known)
                case Copy():
                    self.assign((t for t, s in node.pairs if not self.same(t, s)), known)
                case Branch():
                    known = _meet([self.block(inner, dict(known)) for inner in blocks(node)])
                case Attempt():
                    changed = [t for inner in blocks(node) for n in walk(inner) for t in targets_of(n)]
                    self.assign(changed, known)
                    for inner in blocks(node):
                        self.block(inner, dict(known))
                    self.assign(changed, known)
                case Loop():
                    known = self.loop(node, known)
                case Exit(kind=kind):
                    if kind != "return":
                        (self.breaks if kind == "break" else self.nexts)[-1].append(known)
                    return None
        return known

    def same(self, a: Var, b: Operand) -> bool:
        return isinstance(b, Var) and self.names.get(a) == self.names.get(b)

    def assign(self, targets: Iterable[Var], known: _Known) -> None:
        """Forget what is no longer so when variables are assigned."""
        gone = {self.names.get(t, "") for t in targets}
        for name in [name for name, view in known.items() if name in gone or not gone.isdisjoint(view.names)]:
            del known[name]

    def bind(self, node: Bind, known: _Known) -> None:
        view = self.views.get(node)
        if view is not None and known.get(self.names[node.targets[0]]) == view:
            self.again.add(node)
            return
        self.again.discard(node)
        written = node.inplace and self.same(node.targets[0], node.tree.args[0])
        self.assign(node.targets[written:], known)
        if view is not None:
            known[self.names[node.targets[0]]] = view

    def loop(self, node: Loop, known: _Known) -> _Known | None:
        while True:  # until what holds before the first trip holds before each
            self.breaks.append([])
            self.nexts.append([])
            head = dict(known)
            self.assign(targets_of(node), head)
            left = self.block(node.header, head)
            end = self.block(node.body, None if left is None else dict(left))
            ends, nexts = self.breaks.pop(), self.nexts.pop()
            before = _meet([known, end, *nexts])
            if before == known:
                break
            known = before or {}
        after = _meet([left if node.ends else None, *ends])
        if after is not None:
            self.assign((q for q, p in node.exits if not self.same(q, p)), after)
        return after


def _without(nodes: list[Node], dropped: set[Bind]) -> None:
    nodes[:] = [node for node in nodes if node not in dropped]
    for node in nodes:
        for block in blocks(node):
            _without(block, dropped)
