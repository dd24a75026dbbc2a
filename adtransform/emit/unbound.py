"""Where a variable that a path leaves unbound has to be bound to `None`.

A path that never bound `y` prints nothing for it; mostly `y` is only read where the same test says that it is bound.  What
moves a value without using it (a copy, a list, a result) or only asks it for its shape (the adjoint of `y`) may come by
an unbound one, and then needs something to move.

A variable is unbound under conditions, each a set of facts `(test, outcome)`; what is read where the facts known
contradict every condition is bound.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeVar

from adtransform.ir import UNDEFINED, Const, Function, Leaf, Var
from adtransform.listing.writing import map_tree
from adtransform.ops import CALLS, LIKE
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
    reads,
    times_read,
    variables,
    walk,
)

_T = TypeVar("_T")
Condition = frozenset[tuple[Var, bool]]
# Inside of a block a layer of its own says what has changed: no conditions any more, or no fact (None).
_State = ChainMap[Var, frozenset[Condition]]
_Facts = ChainMap[Var, bool | None]
_End = tuple[dict[Var, frozenset[Condition]], dict[Var, bool | None]]  # the changes at the end of a path
_MOST = 8  # conditions of a variable, and facts of a condition, that are followed: with more it counts as unbound anywhere
_ALWAYS: frozenset[Condition] = frozenset([frozenset()])
_NEVER: frozenset[Condition] = frozenset()


def unbound(program: Program, names: Mapping[Var, str]) -> frozenset[Var]:
    """The variables that must be `None` where a path leaves them unbound."""
    nodes = walk(program.nodes)
    if not any(s == UNDEFINED for n in nodes if isinstance(n, Copy) for _, s in n.pairs):
        return frozenset()
    analysis = _Analysis(nodes, names, () if program.function.internal else _values(program.function))
    analysis.block(program.nodes, ChainMap(), ChainMap())
    sources: dict[Var, list[Var]] = {}
    for t, s in analysis.moves:
        sources.setdefault(t, []).append(s)
    todo = list(analysis.needed)
    while todo:
        for s in sources.get(todo.pop(), ()):
            if s not in analysis.needed:
                analysis.needed.add(s)
                todo.append(s)
    return frozenset(analysis.needed)


def _values(f: Function) -> list[int]:
    """The positions among the results of what the user's function returns."""
    first = f.tree[0] if isinstance(f.tree, tuple) and f.tree else f.tree
    found: list[int] = []
    map_tree(first, lambda leaf: found.append(leaf.index) if isinstance(leaf, Leaf) else None)
    return [i for i in found if getattr(f.body.results[i], "of", None) is None]


class _Analysis:
    def __init__(self, nodes: list[Node], names: Mapping[Var, str], values: Collection[int]) -> None:
        self.names = names
        self.values = values  # the positions of what the user returns: there an unbound one is an error, as in Python
        self.needed: set[Var] = set()
        self.moves = [(t, s) for n in nodes if isinstance(n, Copy) for t, s in n.pairs if isinstance(s, Var)]
        self.moves += [exit for n in nodes if isinstance(n, Loop) for exit in n.exits]
        self.tests = {test for n in nodes if isinstance(n, Branch) and (test := _test(n.cond)[0]) is not None}
        # What a copy alone reads needs to be followed no further than that.
        counts = times_read(nodes)
        counts.update(v for n in nodes if isinstance(n, Loop) for v in (*variables(n.cond), *n.phis, *(p for _, p in n.exits)))
        self.once = {v for v, count in counts.items() if count == 1} - self.tests
        self.breaks: list[tuple[int, int, list[_End]]] = []  # how many layers there are outside of a loop, and how it is left
        incoming: dict[Var, set[Operand]] = {}
        for n in nodes:
            if isinstance(n, Copy):
                for t, s in n.pairs:
                    incoming.setdefault(t, set()).add(s)
        # Flags that every trip of a loop leaves as they were.
        self.constant = {t: s for t, found in incoming.items() if len(found) == 1 and isinstance(s := next(iter(found)), Const)}

    def block(self, nodes: list[Node], state: _State, facts: _Facts) -> bool:
        """Follow statements, changing state and facts; whether their end is reached."""
        for node in nodes:
            match node:
                case Bind():
                    self.check(self.asked(node), state, facts)
                    if node.tree.op in ("raise", "reraise"):
                        return False
                    _forget(node.targets, state, facts)
                case Copy():
                    self.copy(node, state, facts)
                case Branch():
                    if not self.branch(node, state, facts):
                        return False
                case Attempt():
                    if not self.attempt(node, state, facts):
                        return False
                case Loop():
                    self.loop(node, state, facts)
                case Exit(kind=kind):
                    shown = [v for i, v in enumerate(node.values) if kind == "return" and i in self.values]
                    self.check((v for v in reads(node) if v not in shown), state, facts)
                    if kind == "break":
                        known, learnt, ends = self.breaks[-1]
                        ends.append((_changes(state, known), _changes(facts, learnt)))
                    return False
        return True

    def asked(self, node: Bind) -> Iterator[Var]:
        if node.tree.op in ("push", "list", "table", "assign", "copy_of", "copy_items", "pack", *CALLS):
            yield from reads(node)
        yield from _chosen(node.tree)
        yield from _shapes(node.tree)

    def check(self, found: Iterable[Var], state: _State, facts: _Facts) -> None:
        for v in found:
            if any(all(facts.get(c) in (None, outcome) for c, outcome in condition) for condition in state.get(v, ())):
                self.needed.add(v)

    def copy(self, node: Copy, state: _State, facts: _Facts) -> None:
        moved = [(t, s) for t, s in node.pairs if isinstance(s, Var) and self.names.get(s) != self.names.get(t)]
        self.check((s for _, s in moved), state, facts)
        new: dict[Var, frozenset[Condition]] = {}
        learnt: dict[Var, bool | None] = {}
        for t, s in node.pairs:
            if s == UNDEFINED:
                new[t] = _ALWAYS
            elif isinstance(s, Var) and s in state:
                new[t] = state[s]
            if isinstance(s, Const) and isinstance(s.value, bool):
                learnt[t] = s.value
            elif isinstance(s, Var) and s in facts:
                learnt[t] = facts[s]
        _forget((s for _, s in node.pairs if isinstance(s, Var) and s in self.once), state)
        tests = [(t, s) for t, s in node.pairs if t in self.tests or s in self.tests]
        _forget((t for t, _ in node.pairs), state, facts)
        state.update(new)
        facts.update(learnt)
        if tests:
            touched = {v for pair in tests for v in pair if isinstance(v, Var)}
            for v, conditions in state.items():
                if any(c in touched for condition in conditions for c, _ in condition):
                    state[v] = frozenset(_renamed(condition, tests) for condition in conditions)

    def branch(self, node: Branch, state: _State, facts: _Facts) -> bool:
        ends: list[_End] = []
        test, outcome = _test(node.cond)
        for block, value in ((node.then, outcome), (node.orelse, not outcome)):
            inner, known = state.new_child(), facts.new_child()
            if test is not None:
                if facts.get(test) not in (None, value):
                    continue
                known[test] = value
            if self.block(block, inner, known):
                ends.append((_changes(inner, len(state.maps)), _changes(known, len(facts.maps))))
        if ends:
            self.join(ends, state, facts)
        return bool(ends)

    def attempt(self, node: Attempt, state: _State, facts: _Facts) -> bool:
        ends: list[_End] = []
        for path in (*((clause.handler,) for clause in node.clauses), (node.body, node.orelse)):
            inner, known = state.new_child(), facts.new_child()
            if all(self.block(block, inner, known) for block in path):
                ends.append((_changes(inner, len(state.maps)), _changes(known, len(facts.maps))))
        if ends:
            self.join(ends, state, facts)
        return bool(ends)

    def join(self, ends: list[_End], state: _State, facts: _Facts) -> None:
        """What holds where several paths meet: unbound on one of them means unbound under that path's facts."""
        learnt = {c: [known.get(c, facts.get(c)) for _, known in ends] for _, known in ends for c in known}
        differing = {c: outcomes for c, outcomes in learnt.items() if any(o != outcomes[0] for o in outcomes)}
        own = [{(c, o) for c, outcomes in differing.items() if (o := outcomes[i]) is not None} for i in range(len(ends))]
        merged: dict[Var, frozenset[Condition]] = {}
        for v in {v for end, _ in ends for v in end}:
            found = [end.get(v, state.get(v, _NEVER)) for end, _ in ends]
            if all(conditions == found[0] for conditions in found):
                merged[v] = found[0]
                continue
            out = {condition | known for conditions, known in zip(found, own, strict=True) for condition in conditions}
            merged[v] = frozenset(out) if len(out) <= _MOST >= max(map(len, out), default=0) else _ALWAYS
        state.update(merged)
        facts.update({c: None if c in differing else outcomes[0] for c, outcomes in learnt.items()})

    def loop(self, node: Loop, state: _State, facts: _Facts) -> None:
        for again in (False, True):
            self.breaks.append((len(state.maps), len(facts.maps), []))
            inner, known = state.new_child(), facts.new_child(self.flags(node.phis))
            self.block(node.header, inner, known)
            after, then = dict(inner.maps[0]), dict(known.maps[0])
            self.block(node.body, inner, known)
            *_, breaks = self.breaks.pop()
            if not again:
                # What the next trip may find unbound; facts about one trip say nothing of the next.
                state.update({p: _ALWAYS for p in node.phis if inner.get(p)})
        for q, p in node.exits:
            after[q] = after.get(p, state.get(p, _NEVER))
            if (outcome := then.get(p, facts.get(p))) is not None:
                then[q] = outcome
        self.join([*([(after, then)] if node.ends else []), *breaks] or [(after, then)], state, facts)

    def flags(self, phis: Iterable[Var]) -> dict[Var, bool | None]:
        return {p: self.constant[p].value for p in phis if p in self.constant and isinstance(self.constant[p].value, bool)}


def _forget(found: Iterable[Var], state: _State, facts: _Facts | None = None) -> None:
    """Variables that are bound anew, or not read any more."""
    for v in found:
        if v in state:
            state[v] = _NEVER
        if facts is not None and v in facts:
            facts[v] = None


def _changes(layers: ChainMap[Var, _T], outside: int) -> dict[Var, _T]:
    """What has changed since there were only the layers `outside`."""
    found: dict[Var, _T] = {}
    for layer in reversed(layers.maps[: len(layers.maps) - outside]):
        found.update(layer)
    return found


def _renamed(condition: Condition, pairs: list[tuple[Var, Operand]]) -> Condition:
    """The facts of a condition after a copy, which hold for the copies as well."""
    targets = {t for t, _ in pairs}
    kept = {(c, outcome) for c, outcome in condition if c not in targets}
    return frozenset(kept | {(t, outcome) for t, s in pairs for c, outcome in condition if c is s})


def _test(cond: Operand) -> tuple[Var | None, bool]:
    """The variable a condition tests, and for which outcome."""
    outcome = True
    while isinstance(cond, Tree) and cond.op == "operator.not_":
        cond, outcome = cond.args[0], not outcome
    return (cond, outcome) if isinstance(cond, Var) else (None, outcome)


def _chosen(a: Operand) -> Iterator[Var]:
    """What an expression takes one of: `y if c else z`."""
    if isinstance(a, Tree):
        if a.op == "ifexp":
            yield from (x for x in a.args[1:] if isinstance(x, Var))
        for x in (*a.args, *(x for _, x in a.kwargs)):
            yield from _chosen(x)


def _shapes(a: Operand) -> Iterator[Var]:
    """What an expression only asks for its shape and kind."""
    if isinstance(a, Tree):
        if a.op in LIKE and LIKE[a.op] < len(a.args):
            yield from variables(a.args[LIKE[a.op]])
        for x in (*a.args, *(x for _, x in a.kwargs)):
            yield from _shapes(x)
