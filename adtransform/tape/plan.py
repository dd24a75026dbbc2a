"""Plans: how each value that the backward sweep needs gets there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from adtransform.build import Builder, type_of
from adtransform.ir import Atom, For, If, Let, Region, Stmt, Try, Var, While
from adtransform.lattice import Array, List, Scalar, Type, kind_of
from adtransform.ops import LIKE, elementwise
from adtransform.rewrite import Rewriter, asks_what, flags_of, operands, regions
from adtransform.tape.kept import Kept

# Where a value is bound: the tag of each enclosing statement and which of its regions, from the outside in.
Path = tuple[tuple[object, int], ...]

_CHEAP = frozenset("slice tuple shape ndim size zeros trips builtins.len operator.neg numpy.transpose assign".split())
_ARITHMETIC = frozenset("operator.add operator.sub operator.mul operator.neg".split())
_DEPTH = 4
_KEYS = ("slice", "tuple")  # made of what is saved, if need be: code that reads a key has it before its eyes


class Plan:
    """Decides for each value the backward sweep needs how it gets there."""

    def __init__(self, forward: Sequence[Stmt], backward: Sequence[Stmt], trips: dict[object, Var]) -> None:
        self.trips = trips
        self.forward = forward
        self.kept: Kept | None = None
        self.path: dict[Var, Path] = {}
        self.order: dict[Var, int] = {}
        self.lets: dict[Var, Let] = {}
        self.index: dict[Var, For] = {}
        self.loops: dict[object, int] = {}  # tag -> which of its regions is the body
        self.index_of: dict[object, Var] = {}
        self.attempts: set[object] = set()  # the tags of what may fail
        self.asked = flags_of(Region((), tuple(forward), ()), asks_what)
        self._bind(forward, ())
        self.read = read = set(read_in(backward))
        self.like = read - set(read_in(backward, values=True))  # only asked for its shape and kind
        self.counted = {tag for tag in trips if trips[tag] in read}
        for tag in self.counted:
            self.path[trips[tag]] = self.tags[tag]
            self.order[trips[tag]] = self.order_of_tag[tag]
        self.saved: dict[Path, list[Var]] = {}
        self.again: dict[Path, list[Var]] = {}
        self.decided: dict[Var, str] = {}
        needed = {v for v in read if self.path.get(v)}
        for v in sorted(needed, key=self.order.__getitem__):
            self.decide(v)
        self.inside: dict[Path, list[Path]] = {}  # for each region, those in it in which values are saved
        for path in self.saved:
            for n in range(len(path) + 1):
                self.inside.setdefault(path[:n], []).append(path)

    def _bind(self, body: Sequence[Stmt], path: Path) -> None:
        self.tags: dict[object, Path]
        if not path:
            self.tags, self.order_of_tag = {}, {}
        for stmt in body:
            for t in stmt.targets:
                self.path[t] = path
                self.order[t] = len(self.order)
                if isinstance(stmt, Let):
                    self.lets[t] = stmt
            if isinstance(stmt, Try):
                self.attempts.add(stmt.tag)
            if isinstance(stmt, (If, Try, For, While)):
                self.tags[stmt.tag] = path
                self.order_of_tag[stmt.tag] = len(self.order)
                if isinstance(stmt, (For, While)):
                    self.loops[stmt.tag] = 0 if isinstance(stmt, For) else 1
                # The body of a `Try` is mirrored by the side where it did not fail.
                for i, region in enumerate(regions(stmt), int(isinstance(stmt, Try))):
                    inner = (*path, (stmt.tag, i))
                    for p in region.params:
                        self.path[p] = inner
                        self.order[p] = len(self.order)
                    if isinstance(stmt, For):
                        self.index[region.params[0]] = stmt
                        self.index_of[stmt.tag] = region.params[0]
                    self._bind(region.body, inner)

    def decide(self, v: Var) -> None:
        """How `v` reaches the backward sweep: recomputed where that is cheap, else saved."""
        if v in self.decided or not self.path.get(v):
            return
        if v in self.index:
            self.decided[v] = "index"
            stmt = self.index[v]
            if stmt.tag in self.counted:
                for a in (stmt.start, stmt.step):
                    self.need(a)
            return
        if (v in self.lets and self.lets[v].op in _KEYS) or self.cheap(v, _DEPTH) or self.stays(v):
            self.decided[v] = "again"
            for a in operands(self.lets[v]):
                self.need(a)
            self.again.setdefault(self.path[v], []).append(v)
        else:
            self.decided[v] = "saved"
            self.saved.setdefault(self.path[v], []).append(v)

    def stays(self, v: Var) -> bool:
        """Whether an array that is there at the end holds a value of a loop: then it is read from that."""
        if not self.is_taped(self.path[v]) or any(tag in self.attempts for tag, _ in self.path[v]):
            return False
        if self.kept is None:
            self.kept = Kept(self.forward, self.path, self.lets)
        let = self.kept.read_late(v, self.read)
        if let is None or not all(self.at_hand(a, _DEPTH) for a in let.args[1:]):
            return False
        self.lets[v] = let
        return True

    def need(self, a: Atom) -> None:
        """An operand of something recomputed."""
        if isinstance(a, Var):
            self.decide(a)

    def cheap(self, v: Var, depth: int) -> bool:
        """Whether recomputing costs no more than saving and loading, all it reads being at hand."""
        let = self.lets.get(v)
        if let is None or len(let.targets) != 1 or depth == 0:
            return False
        scalar = isinstance(v.type, Scalar)
        integer = scalar and kind_of(v.type) in ("int", "bool") and let.op.startswith("operator.")
        view = let.op in ("index", "item_in") and (not isinstance(type_of(let.args[0]), List) or self.is_outside(let.args[0]))
        added = let.op in _ARITHMETIC or (let.op == "builtins.sum" and len(let.args) > 1)
        if not (let.op in _CHEAP or (added and scalar) or integer or view):
            if not self.is_taped(self.path[v]):
                return False
            return self.is_step(v, let) or self.invariant(v, depth)
        return all(self.at_hand(a, depth - 1) for a in operands(let))

    def is_outside(self, a: Atom) -> bool:
        """Whether a value was bound outside every region."""
        return isinstance(a, Var) and not self.path.get(a)

    def is_step(self, v: Var, let: Let) -> bool:
        """Whether an array is one step from what is at hand, and so not worth its memory.

        The other operand is a number, or only the shape is asked.
        """
        if not isinstance(v.type, Array) or let.op not in (*_ARITHMETIC, "operator.truediv"):
            return False
        arrays = [a for a in operands(let) if not isinstance(type_of(a), Scalar)]
        known = all(a in self.decided or not self.path.get(a) or self.is_part(a) for a in arrays if isinstance(a, Var))
        return known and (v in self.like or len(arrays) == 1) and all(self.at_hand(a, 1) for a in operands(let))

    def is_part(self, v: Var) -> bool:
        """Whether a value is a part of another one."""
        return v in self.lets and self.lets[v].op in ("index", "item_in")

    def invariant(self, v: Var, depth: int) -> bool:
        """Whether a number is computed from values of before the loops; by Python's operators, from indices of loops too."""
        let = self.lets.get(v)
        if let is None or depth == 0 or not isinstance(v.type, Scalar) or not elementwise(let.op):
            return False
        given = self.index if let.op.startswith("operator.") else ()
        return all(
            not self.path.get(a) or a in given or self.invariant(a, depth - 1) for a in operands(let) if isinstance(a, Var)
        )

    def at_hand(self, a: Atom, depth: int) -> bool:
        """Whether an operand is there anyway, or cheap itself."""
        if not isinstance(a, Var) or not self.path.get(a):
            return True
        return a in self.decided or a in self.index or self.cheap(a, depth)

    def is_taped(self, path: Path) -> bool:
        """Whether a region may run more than once."""
        return any(tag in self.loops for tag, _ in path)

    def base(self, path: Path) -> Path:
        """The innermost region around that is kept like a function: the body of what may fail, or all."""
        return next((path[:n] for n in range(len(path), 0, -1) if path[n - 1][0] in self.attempts), ())

    def loops_from(self, base: Path, path: Path) -> bool:
        """Whether a region may run more than once in each run of the region `base`, what may fail in it left aside."""
        for tag, _ in path[len(base) :]:
            if tag in self.attempts:
                return False
            if tag in self.loops:
                return True
        return False

    def kept_type(self, v: Var, base: Path) -> Type:
        """The type of what holds the values of `v` of one run of the region `base`."""
        path = self.path[v]
        made: Type = v.type
        while True:
            inner = self.base(path)
            if len(inner) < len(base):
                inner = base
            made = List(made) if self.loops_from(inner, path) else made
            if inner == base:
                return made
            path = inner[:-1]

    def below(self, path: Path) -> list[Var]:
        """The saved values bound in a region or deeper."""
        return [v for p in self.inside.get(path, ()) for v in self.saved[p]]


class Again(Rewriter):
    """What the backward sweep has of the forward one anyway is not computed once more (`sin(x)` where that is saved)."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.path = plan.path
        self.made = {
            (let.op, let.args, let.kwargs): v for v, let in plan.lets.items() if v in plan.decided and elementwise(let.op)
        }

    def body(self, body: Sequence[Stmt]) -> tuple[Stmt, ...]:
        """The statements of the backward sweep again."""
        return self.region(Region((), tuple(body), ())).body

    def let(self, stmt: Let, b: Builder) -> None:
        """Rebuild an operation, or take what there is."""
        stmt = self.renewed(stmt)
        found = self.made.get((stmt.op, stmt.args, stmt.kwargs))
        # It is at hand where one of its operands is that was bound in the same region.
        if found is not None and any(self.path.get(a) == self.path[found] for a in operands(stmt) if isinstance(a, Var)):
            self.env[stmt.targets[0]] = found
        else:
            b.add(stmt)


def read_in(body: Iterable[Stmt], *, values: bool = False) -> list[Var]:
    """What statements read, in their regions too; with `values` not what they only ask for its shape and kind."""
    found: list[Var] = []
    for stmt in body:
        at = LIKE.get(stmt.op) if values and isinstance(stmt, Let) else None
        found += [a for i, a in enumerate(operands(stmt)) if isinstance(a, Var) and i != at]
        if not isinstance(stmt, Let):
            for region in regions(stmt):
                found += read_in(region.body, values=values)
                found += [a for a in region.results if isinstance(a, Var)]
    return found


def alike(like: Atom) -> Var:
    """A variable of the type and name of another one."""
    return Var(type_of(like), hint_of(like))


def hint_of(a: Atom) -> str:
    """The name wished for."""
    return a.hint if isinstance(a, Var) else ""


def stem(v: Var) -> str:
    """What a value is called, for naming its tape."""
    prefix = ""
    while v.of is not None:
        prefix, v = prefix + "d", v.of
    return f"{prefix}{v.hint or 't'}"
