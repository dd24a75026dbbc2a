"""Direct: an element of a row that is taken out, written and put back is written where it is.

    r = index(a, i); r1 = update(r, k, v); a1 = update(a, i, r1)    becomes    a1 = update(a, (i, k), v)

What `v` reads of the row, if nothing else reads it, it reads of the array; who reads `r1` later reads `index(a1, i)`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from adtransform.build import Builder, type_of
from adtransform.ir import Atom, Function, Let, Region, Var, is_temporary
from adtransform.lattice import Array, Tuple, is_int
from adtransform.optimise.fill import is_basic
from adtransform.rewrite import Rewriter, definitions, operands, regions, statements, used


def direct(f: Function) -> Function:
    """The function with the elements of rows written in the arrays themselves."""
    writes = {s.targets[0]: s for s in statements(f.body) if isinstance(s, Let) and s.op == "update"}
    if not any(s.args[2] in writes for s in writes.values()):
        return f
    return _Direct(f.body).function(f)


class _Direct(Rewriter):
    def __init__(self, body: Region) -> None:
        super().__init__()
        self.uses = Counter(used(body))
        self.lets = definitions(body)
        self.behind = set(_put_back(body))
        self.order = {v: n for n, v in enumerate(self.lets)}
        self.rows: dict[Var, Var] = {}  # those written in the array itself, and what they are when written
        for let in self.lets.values():
            found = self.write(let)
            if found is not None:
                self.rows[found[0].targets[0]] = found[1].targets[0]

    def source(self, a: Atom, op: str) -> Let | None:
        """The statement that computed an operand, if it is this operation."""
        let = self.lets.get(a) if isinstance(a, Var) else None
        return let if let is not None and let.op == op else None

    def write(self, let: Let) -> tuple[Let, Let] | None:
        """What took the row out that `let` puts back, and what wrote it meanwhile."""
        if let.op != "update" or not isinstance(type_of(let.args[0]), Array) or not is_int(type_of(let.args[1])):
            return None
        written = self.source(let.args[2], "update")
        if written is None or self.parts(written.args[1]) is None:
            return None
        if self.uses[written.targets[0]] != 1 and let.targets[0] not in self.behind:
            return None
        taken = self.source(written.args[0], "index")
        whole = taken is not None and taken.args == let.args[:2]
        return (taken, written) if taken is not None and whole else None

    def parts(self, key: Atom) -> tuple[Atom, ...] | None:
        """The parts of a key of integers and slices."""
        if not is_basic(type_of(key)):
            return None
        if not isinstance(type_of(key), Tuple):
            return (key,)
        made = self.source(key, "tuple")
        return made.args if made is not None else None

    def let(self, stmt: Let, b: Builder) -> None:
        b.origin = stmt.origin
        if stmt.targets and stmt.targets[0] in self.rows:
            stmt = self.named(stmt)
        found = self.write(stmt)
        row = stmt.args[0] if stmt.op == "index" else None
        if found is not None:
            b.origin = found[1].origin
            array, place = self.atoms(stmt.args[:2])
            self.at(stmt, "update", (array, place), found[1].args[1], (self.atom(found[1].args[2]),), b)
            row = found[1].targets[0]
            if self.uses[row] != 1:
                b.origin = found[0].origin
                self.env[row] = again = Var(row.type, row.hint, row.of, row.wrt)
                b.add(Let((again,), "index", (stmt.targets[0], place), (), found[0].origin))
        elif isinstance(row, Var) and row in self.rows and self.is_only(stmt, row):
            self.at(stmt, "index", self.atoms(self.lets[row].args), stmt.args[1], (), b)
        else:
            super().let(stmt, b)

    def named(self, taken: Let) -> Let:
        """The row with the name that it had when written."""
        row, name = taken.targets[0], self.rows[taken.targets[0]]
        if not is_temporary(row) or is_temporary(name) or (row.of is None) != (name.of is None):
            return taken
        self.env[row] = made = Var(row.type, name.hint, name.of, name.wrt)
        return replace(taken, targets=(made,))

    def is_only(self, stmt: Let, row: Var) -> bool:
        """Whether a row is read by this statement and then written, and nothing else."""
        early = self.order[stmt.targets[0]] < self.order[self.rows[row]]
        return early and self.uses[row] == 2 and self.parts(stmt.args[1]) is not None

    def at(self, stmt: Let, op: str, base: tuple[Atom, ...], key: Atom, rest: tuple[Atom, ...], b: Builder) -> None:
        """`array[place, key]` as the place that a statement writes or reads."""
        array, place = base
        joined = b.let("tuple", place, *self.atoms(self.parts(key) or ()))
        b.add(Let(stmt.targets, op, (array, joined, *rest), (), b.origin))


def _put_back(region: Region) -> Iterator[Var]:
    """What puts a value back into an array before anything else of the block reads the value."""
    unread: set[Atom] = set()
    for stmt in region.body:
        if isinstance(stmt, Let):
            if stmt.op == "update" and stmt.args[2] in unread:
                yield stmt.targets[0]
            unread.difference_update(operands(stmt))
            unread.update(stmt.targets)
        else:
            unread.clear()
            for inner in regions(stmt):
                yield from _put_back(inner)
