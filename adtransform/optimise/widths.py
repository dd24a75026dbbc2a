"""Widths: of which values a value was broadcast, so that a share that is as wide as its operand already is not fitted.

    t = x * y; z = exp(t)           t and z are as wide as x and y together
    dt = fit(dz * z, t)             becomes     dt = dz * z

The width of a value is the set of those it was made of element by element: sets that are equal mean equal shapes, whatever
the shapes are.  Its kind, a second set, is that of the values it takes its dtype from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from adtransform.build import type_of
from adtransform.ir import Atom, Const, For, Function, If, Let, Region, Stmt, Try, Var, While
from adtransform.lattice import (
    Array,
    Extent,
    List,
    Scalar,
    Tuple,
    Type,
    dims_of,
    is_int,
    is_scalar,
    kind_of,
    rank_of,
    same_kind,
)
from adtransform.ops import COMPARE, elementwise
from adtransform.optimise.fill import is_basic
from adtransform.record import record
from adtransform.rewrite import loaded, regions

Roots = frozenset[object]
_NONE: Roots = frozenset()
_MANY = 6  # roots of one value

# Real where all operands are, and of their dtype: a share may as well lose its imaginary part, or be rounded, later.
_CLOSED = frozenset(
    "operator.add operator.sub operator.mul operator.truediv operator.neg operator.pos operator.pow numpy.add numpy.subtract "
    "numpy.multiply numpy.divide numpy.true_divide numpy.negative numpy.positive numpy.power numpy.square numpy.sqrt "
    "numpy.reciprocal numpy.sin numpy.cos numpy.tan numpy.sinh numpy.cosh numpy.tanh numpy.arcsin numpy.arccos numpy.arctan "
    "numpy.arcsinh numpy.arccosh numpy.arctanh numpy.exp numpy.exp2 numpy.expm1 numpy.log numpy.log2 numpy.log10 numpy.log1p "
    "numpy.cbrt numpy.hypot numpy.arctan2 numpy.maximum numpy.minimum numpy.fmax numpy.fmin numpy.logaddexp "
    "numpy.logaddexp2".split()
)
# The same, but what they make is of another shape.
_REDUCING = frozenset(
    "numpy.sum numpy.mean numpy.max numpy.min numpy.prod numpy.dot operator.matmul numpy.matmul numpy.vdot numpy.inner".split()
)
_AS_IS = frozenset(
    "assign copy copy_of numpy.copy update accumulate_at numpy.conjugate numpy.ascontiguousarray numpy.asfortranarray".split()
)


@record
class Extents:
    """What an array of known extents was broadcast of."""

    dims: tuple[Extent, ...]


@record
class Width:
    """`shape`: of what a value was broadcast; `kind`: where its dtype comes from."""

    shape: Roots = _NONE
    kind: Roots = _NONE


NUMBER = Width()


def follows(let: Let) -> bool:
    """Whether the share of a result is passed on to operands that are fitted themselves, by real factors if they are real."""
    return (let.op in _CLOSED and not let.kwargs) or (let.op in _REDUCING and "dtype" not in dict(let.kwargs))


class Widths:
    """The width of each value of a function, as `of`."""

    def __init__(self, f: Function) -> None:
        self.found: dict[Var, Width] = {}
        self.keys: dict[Atom, object] = {}  # of slices and tuples: how much of an array they take
        # What is known in a region: of arrays of the first shape, which the second was written into, only the first counts.
        self.written: dict[Region, set[tuple[Roots, Roots]]] = {}
        self.home: dict[Atom, Region] = {}
        self.around: dict[Region, Region] = {}
        self.inner: Region
        self.lets: dict[Atom, Let] = {}
        self.region(f.body)

    def is_wide(self, a: Atom, like: Atom) -> bool:
        """Whether an operand is surely of the shape of another one, wherever that one is."""
        x, y = self.of(a).shape, self.of(like).shape
        region = self.home.get(like)
        while x != y and region is not None:
            for into, value in self.written.get(region, ()):
                x, y = (shape - (value - into) if into <= shape else shape for shape in (x, y))
            region = self.around.get(region)
        return x == y

    def is_needless(self, fit: Let) -> bool:
        """Whether a fit gives what it is given, but for a cast that may as well come later."""
        part, like = fit.args
        if not isinstance(part, Var) or not isinstance(like, Var) or not self.is_wide(part, like):
            return False
        if _is_sure(part.type) and _is_sure(like.type) and not same_kind(part.type, like.type):
            return False  # types say that nothing is cast later
        made = self.lets.get(like)
        if made is None:  # where values meet each gets its share again
            return not any(
                isinstance(root, Extents) or (isinstance(root, Var) and loaded(self.lets.get(root)))
                for root in self.of(like).shape
            )
        if made.op == "index" and (is_array(made.args[0]) or not isinstance(type_of(made.args[1]), Scalar)):
            # It is added to a part of an array, which takes nothing complex if it is real: parameters are taken to be.
            return all(map(self.is_real, self.of(part).kind - self.of(like).kind))
        return follows(made) or made.op in _AS_IS

    def is_real(self, root: object) -> bool:
        """Whether something is known to be real, or is a parameter."""
        return isinstance(root, Var) and (bool(loaded(self.lets.get(root))) or kind_of(root.type) in ("float", "int", "bool"))

    def is_sum(self, fit: Let) -> bool:
        """Whether a fit adds up all there is: its operand is a number, and passes its share on."""
        part, like = fit.args
        made = self.lets.get(like)
        if _is_sure(type_of(part)) and _is_sure(type_of(like)) and kind_of(type_of(part)) != kind_of(type_of(like)):
            return False
        return made is not None and follows(made) and is_scalar(type_of(like)) and self.of(part).shape != _NONE

    def of(self, a: Atom) -> Width:
        """The width of an operand."""
        if isinstance(a, Var):
            return self.found.get(a) or _alone(a)
        if a.value is None or type(a.value) in (int, float, bool):
            return NUMBER
        return _alone(id(a.value))

    def region(self, region: Region) -> None:
        """Find those of a region."""
        self.written.pop(region, None)  # what was taken for granted in a trip before
        for stmt in region.body:
            self.inner = region
            if isinstance(stmt, Let):
                self.let(stmt)
                continue
            pairs = list(_carried(stmt))
            self.found.update((p, self.of(init)) for p, init, _ in pairs)
            self.inside(stmt)
            # A trip may show that less holds for the next one.
            while changed := [p for p, _, last in pairs if not _is_alone(p, self.found[p]) and self.found[p] != self.of(last)]:
                self.found.update((p, _alone(p)) for p in changed)
                self.inside(stmt)
            for target, values in _left(stmt):
                widths = {self.of(a) for a in values}
                inside = any(_is_alone(a, self.of(a)) for a in values)  # another one in every trip
                self.found[target] = _alone(target) if inside or len(widths) > 1 else widths.pop()

    def inside(self, stmt: Stmt) -> None:
        """Find those of the regions of a statement."""
        if isinstance(stmt, While):
            self.found.update((q, self.found[p]) for p, q in zip(stmt.cond.params, stmt.body.params, strict=True))
        outer = self.inner
        for inner in regions(stmt):
            self.around[inner] = outer
            self.region(inner)
        self.inner = outer

    def let(self, let: Let) -> None:
        """Note the widths of what an operation makes."""
        if len(let.targets) == 1:
            (target,) = let.targets
            self.found[target] = _told(target, self.made(let, target))
            self.home[target] = self.inner
            self.lets[target] = let
            if let.op == "slice":
                self.keys[target] = _extent(*let.args)
            elif let.op == "tuple":
                self.keys[target] = tuple(map(self.taken, let.args))
            elif let.op == "update" and (part := self.part(*let.args[:2])) is not None:
                value = self.of(let.args[2]).shape
                if part.shape < value:
                    self.written.setdefault(self.inner, set()).add((part.shape, value))

    def made(self, let: Let, target: Var) -> Width:
        """The width of the only result of an operation."""
        op, args = let.op, let.args
        if op == "fit" and self.is_needless(let):
            return self.of(args[0])
        if op == "fit" and self.is_sum(let):
            return Width(_NONE, self.of(args[0]).kind)
        if is_scalar(target.type):
            return Width(_NONE, self.kind(let, target))
        if isinstance(target.type, (List, Tuple)) or (args and isinstance(type_of(args[0]), (List, Tuple))):
            return _alone(target)
        if op in _CLOSED and not let.kwargs:
            wide = [width for a in args if (width := self.of(a)) is not NUMBER]
            if wide and all(width is wide[0] for width in wide):
                return wide[0]  # the very same set: most are compared with it later
        if op in ("fit", "zeros", "cast", "expand"):
            x, like = self.of(args[0]), self.of(args[-1])
            return Width((x if op == "cast" else like).shape, (x if op == "expand" else like).kind)
        if op in _AS_IS:
            return self.of(args[0])
        if op == "index":
            return self.part(*args) or _alone(target)
        shape: Roots = frozenset((target,))
        if (elementwise(op) or op == "strong") and (len(args) == 3 or op != "numpy.where") and not let.kwargs:
            found = _NONE.union(*[self.of(a).shape for a in args])
            shape = found if len(found) <= _MANY else shape
        return Width(shape, self.kind(let, target))

    def kind(self, let: Let, target: Var) -> Roots:
        """Where the dtype of a result comes from."""
        if let.op in COMPARE or (
            isinstance(target.type, Scalar) and kind_of(target.type) != "complex" and not target.type.dtype
        ):
            return _NONE
        if follows(let) or let.op == "strong":
            kind = _NONE.union(*[self.of(a).kind for a in let.args])
            if len(kind) <= _MANY:
                return kind
        return frozenset((target,))

    def part(self, whole: Atom, key: Atom) -> Width | None:
        """A part of an array: all rows have the same shape, and so have `x[1:]` and `x[:-1]`."""
        t = type_of(key)
        # The items of a list may be of many shapes.
        if not is_basic(t) or (isinstance(t, Scalar) and not is_array(whole)):
            return None
        width = self.of(whole)
        keys = t.items if isinstance(t, Tuple) else (t,)
        if rank_of(type_of(whole)) == len(keys) and all(map(is_int, keys)):
            return Width(_NONE, width.kind)
        return Width(frozenset(((self.taken(key), width.shape),)), width.kind)

    def taken(self, key: Atom) -> object:
        """What a key takes of an array, as far as the shape is concerned."""
        if key in self.keys:
            return self.keys[key]
        return "item" if is_int(type_of(key)) else key


def _is_sure(t: Type) -> bool:
    """Whether the dtype of something is known, or that it is a number of Python's."""
    return kind_of(t) is not None and not (isinstance(t, Scalar) and t.dtype == "?")


def is_array(a: Atom) -> bool:
    """Whether an operand, or what it is the adjoint of, is known to be an array."""
    return isinstance(type_of(a), Array) or (isinstance(a, Var) and a.of is not None and isinstance(a.of.type, Array))


def _extent(*bounds: Atom) -> object:
    """How many items a slice takes: all but `n`, or else what it says."""
    if any(not isinstance(a, Const) or not isinstance(a.value, int | None) for a in bounds):
        return bounds
    start, stop, step = (a.value for a in bounds if isinstance(a, Const))
    if step not in (None, 1) or (start or 0) < 0 or (stop is not None and stop >= 0):
        return bounds
    return "all but", (start or 0) - (stop or 0)


def _alone(a: object) -> Width:
    own: Roots = frozenset((a,))
    return _told(a, Width(own, own)) if isinstance(a, Var) else Width(own, own)


def _told(a: Var, width: Width) -> Width:
    """The width of an array of which the type says the shape."""
    dims = dims_of(a.type) if isinstance(a.type, Array) else None
    if not dims or not all(isinstance(e, int) or e.name[0] not in "?~" for e in dims):
        return width
    return Width(frozenset((Extents(dims),)), width.kind)


def _is_alone(a: Atom, width: Width) -> bool:
    return width.shape == {a} or width.kind == {a}


def _carried(stmt: Stmt) -> Iterator[tuple[Var, Atom, Atom]]:
    """The parameters of a loop, each with what it is at first and what a trip makes of it."""
    if isinstance(stmt, (For, While)):
        first = stmt.body.params[1:] if isinstance(stmt, For) else stmt.cond.params
        yield from zip(first, stmt.inits, stmt.body.results[1:], strict=True)


def _left(stmt: Stmt) -> Iterable[tuple[Var, tuple[Atom, ...]]]:
    """What a statement with regions leaves behind, and the values that meet in each."""
    match stmt:
        case If():
            return zip(stmt.targets, zip(stmt.then.results, stmt.orelse.results, strict=True), strict=True)
        case For():
            return zip(stmt.targets, ((p,) for p in stmt.body.params[1:]), strict=True)
        case While():
            return zip(stmt.targets, ((p,) for p in stmt.cond.params), strict=True)
        case Try():
            return ((t, (t,)) for t in stmt.targets)
    return ()
