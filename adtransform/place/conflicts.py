"""Conflicts: what is not right yet, in a program that writes in place.

A write needs a buffer that is ours and that no other live value shares; results need memory of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from itertools import islice
from operator import itemgetter

from adtransform.ir import Var
from adtransform.lattice import List, Saved, is_scalar, rank_of
from adtransform.ops import DEEP, LIKE, VIEWS
from adtransform.place.liveness import Ranges
from adtransform.place.program import Bind, Exit, Node, Operand, Tree, adds_up, reads, type_of, variables, walk
from adtransform.place.storage import Buffers, Storage, is_immutable
from adtransform.record import record

TAKEN = VIEWS - {"assign"}  # what makes a view that is another value
_KNOWN = 12  # the versions of one array that a write is said to meet
_MOST = 48  # and of all that it may be


@record
class Conflict:
    """A statement needs `value` for itself; `others` are live values that share memory with it, none where it is the caller."""

    node: Bind | Exit
    value: Operand
    shared: Buffers
    others: tuple[Var, ...] = ()
    position: int = 0


def conflicts(nodes: list[Node], found: Ranges, memory: Storage, results: bool) -> list[Conflict]:
    """Everything that is not right yet, in one sweep over the program from its end."""
    checks: list[tuple[int, Bind]] = []
    out: list[Conflict] = []
    views: set[Var] = set()
    made: dict[Operand, Tree] = {}
    every = walk(nodes)
    for node in every:
        if isinstance(node, Bind):
            if node.inplace:
                if own := memory.written(node.tree):
                    checks.append((found.at[node] + 1, node))
                    at = {"update": 2, "put_in": 1}.get(node.tree.op, 0)
                    if at and memory.reach(node.tree.args[at]) & own and _crosses(node, at, made):
                        out.append(Conflict(node, node.tree.args[at], own, (), at))
            elif node.tree.op in TAKEN:
                views.update(node.targets)
                made[node.targets[0]] = node.tree
            elif node.tree.op in ("slice", "tuple"):
                made[node.targets[0]] = node.tree
        elif results and isinstance(node, Exit) and node.kind == "return":
            out += _shared_results(node, memory)
    if not checks:
        return out
    asked = views - _read(every)
    watched = frozenset().union(*(memory.written(node.tree) for _, node in checks))
    events: list[tuple[int, int, Var | Bind]] = [(-time, 1, node) for time, node in checks]
    reach: dict[Var, Buffers] = {}
    for v, spans in found.of.items():
        if v not in asked and (mine := memory.reach(v)) and (mine := mine & watched):
            reach[v] = mine
            for start, end in spans:
                events.append((-end, 0, v))
                events.append((-start, 2, v))
    events.sort(key=itemgetter(0, 1))
    alive = _Alive(reach)
    for _, what, item in events:
        if isinstance(item, Bind):
            out += _taken(item, memory, alive)
            continue
        table = alive.new if item in views or memory.held.get(item) else alive.known
        for s in reach[item]:
            if what == 0:
                table.setdefault(s, {})[item] = None
            else:
                alive.new.get(s, {}).pop(item, None)
                alive.known.get(s, {}).pop(item, None)
    return out


def _read(every: list[Node]) -> set[Var]:
    """The variables that are read, and not only asked for their shape and kind, which no write changes."""
    found: set[Var] = set()
    for node in every:
        if not isinstance(node, Bind):
            found.update(reads(node))
        elif (like := LIKE.get(node.tree.op)) is None:
            found.update(node.tree.variables)
        else:
            found.update(v for i, a in enumerate(node.tree.args) if i != like for v in variables(a))
            found.update(v for _, a in node.tree.kwargs for v in variables(a))
    return found


@record
class _Alive:
    """The values that are needed at a time, by the buffers they reach.

    `new`: those that may be copied where they are made, until a write has met them; `known`: all others.
    """

    reach: dict[Var, Buffers]
    new: dict[int, dict[Var, None]] = field(default_factory=dict)
    known: dict[int, dict[Var, None]] = field(default_factory=dict)

    def met(self, own: Buffers) -> dict[Var, None]:
        """Those that a write to some buffers meets: of the known ones, which may be many versions of one array, a few."""
        found: dict[Var, None] = {}
        most = _MOST
        for s in sorted(own):
            new, known = self.new.pop(s, {}), self.known.setdefault(s, {})
            found.update(new)
            if most > 0:
                few = [v for v in islice(known, _KNOWN) if v not in found]
                found.update(dict.fromkeys(few))
                most -= len(few)
            known.update(new)
        return found

    def needs(self, v: Var) -> bool:
        """Whether a value is needed now."""
        return any(v in table.get(s, ()) for s in self.reach.get(v, ()) for table in (self.new, self.known))


def _crosses(node: Bind, at: int, made: Mapping[Operand, Tree]) -> bool:
    """Whether a tangent or an adjoint is written with a view of itself in another direction.

    NumPy writes over what it has yet to read there.  Where the user's own line does so its value is NumPy's.
    """
    value = node.tree.args[at]
    if node.targets[0].of is None or rank_of(type_of(value)) not in (1, None):
        return False
    if node.tree.op == "put_in":
        return True
    key = node.tree.args[1]
    view = made.get(value, value)
    if not isinstance(view, Tree) or view.op != "index":
        return True
    turned = isinstance(whole := made.get(view.args[0], view.args[0]), Tree) and whole.op in TAKEN
    return turned or _direction(view.args[1], made) != _direction(key, made)


def _direction(key: Operand, made: Mapping[Operand, Tree]) -> object:
    """Along which axes a key goes, and in which steps."""
    tree = made.get(key, key)
    if isinstance(tree, Tree) and tree.op == "tuple":
        return tuple(_direction(a, made) for a in tree.args)
    return tree.args[2] if isinstance(tree, Tree) and tree.op == "slice" else is_scalar(type_of(key))


def _taken(node: Bind, memory: Storage, alive: _Alive) -> Iterator[Conflict]:
    """Who else reads the buffer that a statement writes."""
    value = node.tree.args[0]
    own = memory.written(node.tree)
    if own & memory.foreign:
        yield Conflict(node, value, own & memory.foreign)
        return
    if node.tree.op in DEEP and memory.is_doubled(value):
        yield Conflict(node, value, own)
        return
    others: dict[Buffers, dict[Var, None]] = {}
    for v in alive.met(own):
        if v not in node.targets:
            others.setdefault(own & alive.reach[v], {})[v] = None
    if isinstance(value, Var) and value not in node.targets and alive.needs(value):
        others.setdefault(own & alive.reach[value], {})[value] = None
    for shared, many in others.items():
        yield Conflict(node, value, shared, tuple(many))
    if node.tree.op == "accumulate_at" and not adds_up(node.tree.args[1]) and memory.reach(node.tree.args[2]) & own:
        yield Conflict(node, node.tree.args[2], own, (), 2)


def _shared_results(node: Exit, memory: Storage) -> Iterator[Conflict]:
    taken = frozenset(memory.foreign)
    # What a later sweep needs cannot be copied, and nobody writes it: it comes first, so that others are.
    for i, value in sorted(enumerate(node.values), key=lambda item: not isinstance(type_of(item[1]), Saved)):
        mine = memory.reach(value)
        against = memory.foreign if isinstance(type_of(value), Saved) else taken
        twice = isinstance(type_of(value), List) and memory.is_doubled(value)
        if (mine & against or twice) and not is_immutable(type_of(value)):
            yield Conflict(node, value, mine & against, (), i)
        else:
            taken |= mine
