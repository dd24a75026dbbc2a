"""Shapes: a zero takes its shape from something that is at hand, so that no value is saved for its shape alone.

row = index(u, i); ...; drow = zeros(row)    becomes, in the backward sweep,    drow = numpy.zeros(index(shape(u), 1))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adtransform.build import Builder, type_of
from adtransform.infer.extents import Count
from adtransform.ir import UNDEFINED, Atom, Const, Function, Let, Region, Stmt, Try, Var, is_temporary
from adtransform.lattice import Array, Dim, dims_of, is_lasting, kind_of
from adtransform.rewrite import Rewriter, defined, operands, regions, statements, turn


def shapes(f: Function) -> Function:
    """The function with the zeros of values bound in regions made of the shapes of values bound outside of them.

    Where the backward sweep asks for the size of a value that it does not read, it asks one of the same shape that it does;
    the extents of axes (`len(u)` in a loop) it takes of what is at hand.
    """
    cut = turn(f.body.body)
    made = _Shapes(f.body.body[:cut], f.body.body[cut:])
    return made.function(f) if made.asked else f


class _Shapes(Rewriter):
    def __init__(self, forward: Sequence[Stmt], backward: Sequence[Stmt]) -> None:
        super().__init__()
        every = statements(Region((), tuple(backward), ()))
        ahead = statements(Region((), tuple(forward), ()))
        reads = (a for s in every if not (isinstance(s, Let) and s.op == "size") for a in operands(s))
        self.read = dict.fromkeys([a for a in reads if isinstance(a, Var)])  # by the backward sweep, but for sizes
        asking = any(isinstance(s, Let) and s.op in ("zeros", "size") for s in (*ahead, *every))
        self.asked = asking or any(map(_extent, self.read))  # whether there is anything to do
        self.ahead = set(defined(Region((), tuple(forward), ())))
        self.back = False
        self.sized: dict[object, Var] = {}  # by their extents, values that the backward sweep reads
        self.counts: dict[Dim, Var] = {}  # extents that are numbers
        self.called: dict[Var, str] = {}  # parameters
        self.depth = 0
        self.top: set[Var] = set()
        self.loose: set[Atom] = set()  # unbound on some path, and what is made of such values
        self.whole: dict[tuple[object, str | None], Var] = {}
        self.axes: dict[Dim, tuple[Var, int]] = {}

    def region(self, region: Region) -> Region:
        self.depth += 1
        try:
            return super().region(region)
        finally:
            self.depth -= 1

    def stmt(self, stmt: Stmt, b: Builder) -> None:
        super().stmt(stmt, b)
        if self.depth != 1:
            return
        # What fails binds nothing; and of what a sweep has saved it may have left some unbound.
        unsure = isinstance(stmt, Try) or (isinstance(stmt, Let) and stmt.op == "unpack") or _may_be_undefined(stmt)
        read = (*operands(stmt), *(a for r in regions(stmt) for a in r.results))
        if unsure or any(a in self.loose for a in read):
            self.loose.update(stmt.targets)
        for t in stmt.targets:
            if t not in self.loose:
                self.bound(t)

    def bound(self, v: Var) -> None:
        """A value that is at hand from here on."""
        self.top.add(v)
        if (number := _extent(v)) is not None:
            self.counts.setdefault(number, v)
        if isinstance(v.type, Array) and v.type.dims is not None:
            if all(map(is_lasting, v.type.dims)):
                if self.is_newer(v, self.whole.get((v.type.dims, v.type.dtype))):
                    self.whole[v.type.dims, v.type.dtype] = v
                if v in self.read:
                    self.sized.setdefault(v.type.dims, v)
            for axis, extent in enumerate(v.type.dims):
                if isinstance(extent, Dim) and is_lasting(extent) and self.is_newer(v, self.axes.get(extent, (None,))[0]):
                    self.axes[extent] = v, axis

    def is_newer(self, v: Var, known: Var | None) -> bool:
        """Whether a value is the first of its shape, or a later version of that: the variable is there anyway."""
        return known is None or self.name(known) == self.name(v) != ""

    def name(self, v: Var) -> str:
        """What the user calls a value."""
        return self.called.get(v) or ("" if v.of is not None or is_temporary(v) else v.hint)

    def let(self, stmt: Let, b: Builder) -> None:
        if stmt.op == "zeros" and isinstance(stmt.args[0], Var) and stmt.args[0] not in self.top:
            made = self.zeros(stmt, b)
            if made is not None:
                self.env[stmt.targets[0]] = made
                return
        if stmt.op == "load" and isinstance(stmt.args[0], Const):
            self.called[stmt.targets[0]] = str(stmt.args[0].value)
        if self.back and stmt.op == "size" and isinstance(stmt.args[0], Var) and stmt.args[0] not in self.read:
            dims = dims_of(stmt.args[0].type)
            stmt = replace(stmt, args=(self.sized.get(dims, stmt.args[0]),)) if dims is not None else stmt
        super().let(stmt, b)
        if stmt.op == "backward":
            self.back = True
            self.numbers(b)

    def numbers(self, b: Builder) -> None:
        """The extents that the backward sweep reads and the forward sweep has in its regions only."""
        b.origin = None
        for v in self.read:
            extent = _extent(v)
            if extent is None or v in self.top or v not in self.ahead:
                continue
            if extent not in self.counts and extent in self.axes:
                source, axis = self.axes[extent]
                self.counts[extent] = b.let("builtins.len", source) if axis == 0 else self.extent(extent, b)
            if extent in self.counts:
                self.env[v] = self.counts[extent]

    def zeros(self, stmt: Let, b: Builder) -> Atom | None:
        """The zero made of shapes at hand; None where they are not known."""
        t = type_of(stmt.args[0])
        if not isinstance(t, Array) or t.dims is None or t.dtype is None or kind_of(t) != "float":
            return None
        b.origin = stmt.origin
        same = self.whole.get((t.dims, t.dtype))
        target = stmt.targets[0]
        if same is not None:
            return b.let("zeros", same, of=target.of, type=target.type)
        if not all(isinstance(e, int) or e in self.axes for e in t.dims):
            return None
        extents = [Const(e) if isinstance(e, int) else self.extent(e, b) for e in t.dims]
        shape = extents[0] if len(extents) == 1 else b.let("tuple", *extents)
        dtype = {} if t.dtype == "float64" else {"dtype": t.dtype}
        return b.apply("numpy.zeros", (shape,), dtype, of=target.of, types=(target.type,))[0]

    def extent(self, e: Dim, b: Builder) -> Var:
        source, axis = self.axes[e]
        return b.let("index", b.let("shape", source), axis)


def _extent(v: Var) -> Dim | None:
    """The extent that a number is known to be, wherever it is computed; not the index of a loop."""
    extent = v.type.extent if isinstance(v.type, Count) else None
    return extent if isinstance(extent, Dim) and is_lasting(extent) and "#" not in extent.name else None


def _may_be_undefined(stmt: Stmt) -> bool:
    """Whether some path through a statement leaves a variable unbound."""
    return any(UNDEFINED in r.results or any(_may_be_undefined(s) for s in r.body) for r in regions(stmt))
