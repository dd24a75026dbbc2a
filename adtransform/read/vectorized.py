"""`np.vectorize`: a function of numbers, called for each number of arrays of one shape.

NumPy gives the result the dtype of what the function returns first: that has to be a float whatever it is called with.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from adtransform.ir import Atom, Const, For, If, Let, Stmt, While
from adtransform.lattice import Scalar, kind_of, same_shape
from adtransform.read.objects import Objects
from adtransform.read.refs import External, Lazy, PartialRef, Ref, TupleRef

# Their result is one of their operands, or has its kind.
_GIVEN_BACK = frozenset("assign builtins.max builtins.min builtins.abs operator.neg operator.pos".split())


def vectorized(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    """`np.vectorize(f)`: a function that is not called yet."""
    if len(args) != 1 or kwargs:
        self.refuse(node, "`np.vectorize` with options", "use a loop, or functions of arrays")
    return PartialRef(External("numpy.vectorize()"), tuple(args))


def mapped(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    """`np.vectorize(f)(x)`: the function of each number, as Python's own."""
    function, *given = args
    values = [self.array_like(a, node) for a in given]
    ranks = [self.rank(a) for a in values]
    kinds = [kind_of(self.type_of(a)) for a in values]
    arrays = [a for a, r in zip(values, ranks, strict=True) if r]
    same = all(same_shape(self.type_of(arrays[0]), self.type_of(a)) for a in arrays[1:])
    if None in ranks or None in kinds or not arrays or not same or kwargs:
        what = "`np.vectorize` of what is not known to be an array, or are several of one shape"
        self.refuse(node, what, "annotate the arrays, or use a loop")
    flats = iter([self.flattened(self.make(a), node) for a in arrays])
    parts = [next(flats) if r else None for r in ranks]

    def each(row: Ref) -> Ref:
        items = iter(row.items if isinstance(row, TupleRef) else ())
        atoms = [self.value(v if p is None else next(items), node) for v, p in zip(values, parts, strict=True)]
        own = [self.let(f"builtins.{k}", a, type=Scalar(k)) for k, a in zip(kinds, atoms, strict=True) if k is not None]
        found = self.value(self.apply(function, list(own), {}, node), node)
        dtype = getattr(self.type_of(found), "dtype", None)
        if not surely_float(found, self.builder.body) or dtype not in (None, "float64"):
            self.refuse(node, "`np.vectorize` of a function that may return something else than a float", "write 0.0 for 0")
        return found

    made = self.collected(Lazy("zip", tuple(p for p in parts if p is not None)), each, node)
    return self.library_call("numpy.reshape", [self.make(self.array_of(made, node)), self.let("shape", arrays[0])], {}, node)


def surely_float(a: Atom, body: Sequence[Stmt]) -> bool:
    """Whether a number is a float on every path, where its type says as much of one that may be whole."""
    if isinstance(a, Const):
        return isinstance(a.value, float)
    if not isinstance(a.type, Scalar) or a.type.kind != "float":
        return False
    for stmt in reversed(body):
        if a not in stmt.targets:
            continue
        if isinstance(stmt, If):
            i = stmt.targets.index(a)
            return all(surely_float(r.results[i], [*body, *r.body]) for r in (stmt.then, stmt.orelse))
        if isinstance(stmt, (For, While)):
            i = stmt.targets.index(a)
            return surely_float(stmt.inits[i], body) and surely_float(stmt.body.results[i + 1], [*body, *stmt.body.body])
        if not isinstance(stmt, Let):
            return False
        parts = [surely_float(x, body) for x in stmt.args]
        return all(parts) if stmt.op in _GIVEN_BACK else any(parts) if stmt.op.startswith("operator.") else True
    return False
