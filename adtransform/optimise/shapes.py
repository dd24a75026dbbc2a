"""Shapes: a zero takes its shape from something that is at hand, so that no value is saved for its shape alone.

row = index(u, i); ...; drow = zeros(row)    becomes, in the backward sweep,    drow = numpy.zeros(index(shape(u), 1))
"""

from __future__ import annotations

from adtransform.build import Builder, type_of
from adtransform.ir import UNDEFINED, Atom, Const, Function, Let, Region, Stmt, Var
from adtransform.lattice import Array, Dim, is_lasting, kind_of
from adtransform.rewrite import Rewriter, operands, regions


def shapes(f: Function) -> Function:
    """The function with the zeros of values bound in regions made of the shapes of values bound outside of them."""
    return _Shapes().function(f)


class _Shapes(Rewriter):
    def __init__(self) -> None:
        super().__init__()
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
        saved = isinstance(stmt, Let) and stmt.op == "unpack"  # by a sweep that may have left some of it unbound
        if saved or _may_be_undefined(stmt) or any(a in self.loose for a in operands(stmt)):
            self.loose.update(stmt.targets)
        for t in stmt.targets:
            if t not in self.loose:
                self.bound(t)

    def bound(self, v: Var) -> None:
        """A value that is at hand from here on."""
        self.top.add(v)
        if isinstance(v.type, Array) and v.type.dims is not None:
            if all(map(is_lasting, v.type.dims)):
                self.whole.setdefault((v.type.dims, v.type.dtype), v)
            for axis, extent in enumerate(v.type.dims):
                if isinstance(extent, Dim) and is_lasting(extent):
                    self.axes.setdefault(extent, (v, axis))

    def let(self, stmt: Let, b: Builder) -> None:
        if stmt.op == "zeros" and isinstance(stmt.args[0], Var) and stmt.args[0] not in self.top:
            made = self.zeros(stmt, b)
            if made is not None:
                self.env[stmt.targets[0]] = made
                return
        super().let(stmt, b)

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


def _may_be_undefined(stmt: Stmt) -> bool:
    """Whether some path through a statement leaves a variable unbound."""
    return any(UNDEFINED in r.results or any(_may_be_undefined(s) for s in r.body) for r in regions(stmt))
