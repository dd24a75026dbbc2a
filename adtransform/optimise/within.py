"""Within: an item of a list in a list, or of an array in a list, is read and written where it is.

    r = index(l, i); v = index(r, k)                                    becomes    v = item_in(l, i, k)
    r = index(l, i); r1 = update(r, k, v); l1 = update(l, i, r1)        becomes    l1 = put_in(l, v, i, k)
    r = index(l, i); r1 = push(r, v); l1 = update(l, i, r1)             becomes    l1 = push_in(l, v, i)
    l1 = update(l, i, index(l, j)); l2 = update(l1, j, index(l, i))     becomes    l2 = exchange(l, i, j)

What the user gave a name stays: `row = l[i]; row[k]`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from adtransform.build import Builder, type_of
from adtransform.ir import Atom, For, Function, Let, Region, Var, While, is_temporary
from adtransform.lattice import Array, List, Type, is_int, rank_of
from adtransform.optimise.fill import is_basic
from adtransform.rewrite import Rewriter, definitions, used

_WRITES = frozenset("update put_in grow_in accumulate_at push pop push_in pop_in exchange".split())

Place = tuple[Var, tuple[Atom, ...]]  # a list, and the keys that lead to something in it


def within(f: Function) -> Function:
    """The function with such items taken and put in one step."""
    return _Within(Counter(used(f.body)), definitions(f.body)).function(f)


def is_plain(t: Type) -> bool:
    """Whether it is that of a list, and not of a dict or of an adjoint of a tuple."""
    return type(t) is List


class _Within(Rewriter):
    def __init__(self, uses: Counter[Var], lets: Mapping[Var, Let]) -> None:
        super().__init__()
        self.uses, self.lets = uses, lets
        self.named: dict[Place, Var] = {}  # what the user calls an item
        self.rows: dict[Atom, Place] = {}  # where in a list something is that was taken out in this region
        # What is to be done to an item of the list to get it: the operation, what it puts there, and where.
        self.writes: dict[Atom, tuple[str, tuple[Atom, ...], Place]] = {}
        self.backs: dict[Atom, Let] = {}  # what puts something into a list, in this region
        self.done: set[Let] = set()  # those of them that are done already
        self.stale: set[Atom] = set()  # lists of which there is a newer version

    def region(self, region: Region) -> Region:
        outer = self.rows, self.writes, self.named, self.backs
        self.rows, self.writes, self.named = {}, {}, dict(self.named)
        self.backs = {s.args[2]: s for s in region.body if isinstance(s, Let) and s.op == "update"}
        made = super().region(region)
        self.rows, self.writes, self.named, self.backs = outer
        return made

    def loop(self, stmt: For | While, b: Builder) -> None:
        super().loop(stmt, b)
        self.stale.update(stmt.inits)

    def let(self, stmt: Let, b: Builder) -> None:
        if stmt in self.done:
            return
        made: Let | None = stmt
        match stmt.op:
            case "index":
                made = self.taken(stmt)
            case "update":
                made = self.put(stmt)
            case "push":
                self.changed(stmt, "push_in", stmt.args[1:], ())
            case "pop":
                made = self.popped(stmt)
        if made is None:
            return
        super().let(made, b)
        if made.op in _WRITES:
            self.stale.add(made.args[0])

    def taken(self, stmt: Let) -> Let | None:
        """The statement as one that takes an item out of the outermost list, where it can be; None for what has a name."""
        held, key = stmt.args
        place = self.rows.get(held)
        if place is not None and place[0] not in self.stale and _fits(type_of(held), key):
            whole, keys = place[0], (*place[1], key)
            stmt = replace(stmt, op="item_in", args=(whole, *keys))
        elif isinstance(held, Var) and is_plain(held.type) and _fits(held.type, key):
            whole, keys = held, (key,)
        else:
            return stmt
        target = stmt.targets[0]
        if isinstance(type_of(held), Array):
            return stmt
        if not is_temporary(target):
            self.named[whole, keys] = target
        elif (known := self.named.get((whole, keys))) is not None and known.type == target.type:
            self.env[target] = known
            return None
        else:
            self.rows[target] = whole, keys
        return stmt

    def put(self, stmt: Let) -> Let:
        """The statement as one that puts an item into the outermost list, where it can be."""
        held, key, new = stmt.args
        target = stmt.targets[0]
        if (places := self.exchanged(held, key, new)) is not None:
            return replace(stmt, op="exchange", args=places)
        found, place = self.writes.get(new), self.rows.get(held)
        if found is not None:
            op, value, (whole, keys) = found
            if held is whole and keys[:1] == (key,):
                return replace(stmt, op=op, args=(whole, *value, *keys))
            if place is not None and place[0] is whole and (*place[1], key) == keys[: len(place[1]) + 1]:
                if self.uses[target] == 1:
                    self.writes[target] = found
                return stmt
        if _fits(type_of(held), key):
            self.changed(stmt, "put_in", (new,), (key,))
        return stmt

    def exchanged(self, held: Atom, key: Atom, new: Atom) -> tuple[Atom, Atom, Atom] | None:
        """Of what `update(held, key, new)` exchanges two items, and which; None where it does something else."""
        first = self.lets.get(held) if isinstance(held, Var) and self.uses[held] == 1 else None
        if first is None or first.op != "update":
            return None
        whole, other, value = first.args
        one = isinstance(type_of(whole), Array) and rank_of(type_of(whole)) == 1
        if not (one or is_plain(type_of(whole))) or not all(is_int(type_of(k)) for k in (key, other)):
            return None
        both = self.is_item(value, whole, key) and self.is_item(new, whole, other)
        return (whole, other, key) if both else None

    def is_item(self, a: Atom, whole: Atom, key: Atom) -> bool:
        """Whether a value is the item of a list at a key."""
        made = self.lets.get(a) if isinstance(a, Var) else None
        return made is not None and made.op == "index" and made.args[0] is whole and self.is_same(made.args[1], key)

    def is_same(self, a: Atom, b: Atom) -> bool:
        """Whether two keys are one, or computed alike: `j + 1`."""
        if a == b:
            return True
        one, other = (self.lets.get(k) if isinstance(k, Var) else None for k in (a, b))
        if one is None or other is None or one.op != other.op or not one.op.startswith("operator.") or one.kwargs:
            return False
        return len(one.args) == len(other.args) and all(map(self.is_same, one.args, other.args))

    def popped(self, stmt: Let) -> Let:
        """The statement as one that pops of the list in the outermost list, if what is left is put back there."""
        rest, item = stmt.targets
        place, back = self.rows.get(stmt.args[0]), self.backs.get(rest)
        if place is None or back is None or self.uses[rest] != 1 or back.args[:2] != (place[0], *place[1]):
            return stmt
        self.done.add(back)
        return replace(stmt, targets=(back.targets[0], item), op="pop_in", args=back.args[:2])

    def changed(self, stmt: Let, op: str, value: tuple[Atom, ...], key: tuple[Atom, ...]) -> None:
        """Note what a statement does to something that was taken out of a list, if it is only put back."""
        place = self.rows.get(stmt.args[0])
        if place is not None and self.uses[stmt.targets[0]] == 1 and is_plain(type_of(place[0])):
            self.writes[stmt.targets[0]] = op, value, (place[0], (*place[1], *key))


def _fits(held: Type, key: Atom) -> bool:
    """Whether a key takes one item of a list, or a part of an array without naming an element twice."""
    return is_basic(type_of(key)) if isinstance(held, Array) else is_plain(held) and is_int(type_of(key))
