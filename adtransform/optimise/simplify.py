"""Simplify: equations that shorten derivative code, and what types make of the structural operations.

    t1 = fit(s, x); t2 = 1.0 * t1    becomes, for floats,    t2 = s

The user's own lines are left alone: they keep their bits.  `0 * a` is not simplified either; zeros are structural.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from adtransform.build import Builder, type_of
from adtransform.infer.structural import tangent as tangent_type
from adtransform.ir import Atom, Const, Function, If, Let, Var
from adtransform.lattice import (
    NONE,
    WHOLE,
    Array,
    Extent,
    List,
    Scalar,
    Tuple,
    Type,
    dims_of,
    is_many,
    is_numpy,
    is_scalar,
    kind_of,
    rank_of,
    same_kind,
    same_shape,
)
from adtransform.linear import elementwise
from adtransform.ops import resolve
from adtransform.optimise.fill import is_basic
from adtransform.rewrite import Rewriter

_FOLDABLE = frozenset(
    "operator.add operator.sub operator.mul operator.neg operator.lt operator.le operator.eq operator.ne operator.gt "
    "operator.ge operator.truediv numpy.divide operator.floordiv numpy.equal numpy.not_equal".split()
)
_SAFE_NUMBERS = (bool, int, float)


def simplify(f: Function) -> Function:
    """The function with its derivative lines simplified."""
    return _Simplify().function(f)


def lower(f: Function) -> Function:
    """The function with only what types and constants settle: a listing keeps its zeros, its names and its sums."""
    return _Lower().function(f)


class _Simplify(Rewriter):
    def __init__(self) -> None:
        super().__init__()
        self.lets: dict[Var, Let] = {}
        self.rows = ROWS

    def let(self, stmt: Let, b: Builder) -> None:
        stmt = self.renewed(stmt)
        row = self.rows.get(stmt.op)
        if len(stmt.targets) == 1 and stmt.op != "load":
            structural = "." not in stmt.op
            if structural or _derived(stmt):
                b.origin = stmt.origin
                start = len(b.body)
                stmt = self.narrowed(stmt)
                result = self.folded(stmt)
                if result is None and row is not None:
                    result = row(self, stmt, b)
                if result is not None:
                    self.settle(stmt, result, b, start)
                    return
        b.add(stmt)
        self.lets.update(dict.fromkeys(stmt.targets, stmt))

    def settle(self, stmt: Let, result: Atom, b: Builder, start: int) -> None:
        """Put `result` in place of the statement's target; what was built for it takes the target's name."""
        target = stmt.targets[0]
        for made in b.body[start:]:
            if isinstance(made, Let):
                self.lets[made.targets[0]] = made
        last = b.body[-1] if len(b.body) > start else None
        if isinstance(last, Let) and last.targets == (result,):
            var = result
            assert isinstance(var, Var)
            named = Var(var.type, target.hint, target.of, target.wrt)
            b.body[-1] = made = replace(last, targets=(named,))
            self.lets[named] = made
            result = named
        self.env[target] = result

    def narrowed(self, stmt: Let) -> Let:
        """An elementwise operation on `expand(c, like)` and something of that shape needs only `c`."""
        if not elementwise(stmt.op) or stmt.op == "cast" or not any(self.source(a, "expand") for a in stmt.args):
            return stmt
        args = list(stmt.args)
        for i, a in enumerate(args):
            wide = self.source(a, "expand")
            if wide is not None and any(self.shaped(o, wide.args[1]) for k, o in enumerate(args) if k != i):
                args[i] = wide.args[0]
        return replace(stmt, args=tuple(args))

    def shaped(self, a: Atom, like: Atom) -> bool:
        """Whether an operand is known to have the shape of `like`."""
        if a == like or same_shape(type_of(a), type_of(like)):
            return True
        let = self.lets.get(like) if isinstance(like, Var) else None
        return let is not None and elementwise(let.op) and all(o == a or is_scalar(type_of(o)) for o in let.args)

    def folded(self, stmt: Let) -> Atom | None:
        """The value of an operation on constants."""
        if stmt.op not in _FOLDABLE or stmt.kwargs:
            return None
        values = [a.value for a in stmt.args if isinstance(a, Const)]
        if len(values) != len(stmt.args) or not all(type(v) in _SAFE_NUMBERS for v in values):
            return None
        function = resolve(stmt.op)
        assert function is not None
        try:
            with np.errstate(all="raise"):
                found = function(*values)
        except (ArithmeticError, ValueError):
            return None
        found = found.item() if isinstance(found, np.generic) else found
        return Const(found) if type(found) is not float or math.isfinite(found) else None

    def branch(self, stmt: If, b: Builder) -> None:
        cond = self.atom(stmt.cond)
        if isinstance(cond, Const) and type(cond.value) is bool and stmt.tag is None and stmt.mirror is None:
            chosen = stmt.then if cond.value else stmt.orelse
            for inner in chosen.body:
                self.stmt(inner, b)
            self.env.update(zip(stmt.targets, self.atoms(chosen.results), strict=True))
            return
        super().branch(stmt, b)

    def fitted(self, x: Atom, like: Atom) -> bool:
        """Whether a value is a sum of shares that were all fitted to `like`."""
        let = self.lets.get(x) if isinstance(x, Var) else None
        if let is None:
            return False
        if let.op in ("fit", "zeros", "accumulate", "accumulate_at", "update"):
            return True
        return let.op in ("operator.add", "operator.sub") and all(self.fitted(a, like) for a in let.args)

    def source(self, a: Atom, op: str) -> Let | None:
        """The statement that computed an operand, if it is this operation."""
        let = self.lets.get(a) if isinstance(a, Var) else None
        return let if let is not None and let.op == op else None


class _Lower(_Simplify):
    def __init__(self) -> None:
        super().__init__()
        kept = ("assign", "accumulate", "accumulate_at", "zeros", "operator.add", "operator.sub")
        self.rows = {op: row for op, row in ROWS.items() if op not in kept}

    def let(self, stmt: Let, b: Builder) -> None:
        if stmt.op == "accumulate":
            acc, part, like = self.atoms(stmt.args)
            b.origin = stmt.origin
            start = len(b.body)
            reduced = _reduced(self, part, like, b)
            self.lets.update((t, made) for made in b.body[start:] if isinstance(made, Let) for t in made.targets)
            stmt = replace(stmt, args=(acc, part if reduced is None else reduced, like))
        super().let(stmt, b)


Row = Callable[[_Simplify, Let, Builder], Atom | None]
ROWS: dict[str, Row] = {}


def _row(*ops: str) -> Callable[[Row], Row]:
    def register(function: Row) -> Row:
        ROWS.update(dict.fromkeys(ops, function))
        return function

    return register


def _derived(stmt: Let) -> bool:
    """Whether a statement belongs to a derivative and not to the user."""
    return not stmt.targets[0].hint


def _is(a: Atom, value: float) -> bool:
    return isinstance(a, Const) and type(a.value) in (int, float) and a.value == value


def _floating(a: Atom) -> bool:
    return kind_of(type_of(a)) in ("float", "complex")


# -- arithmetic ---------------------------------------------------------------------------------------------------------


@_row("operator.mul", "numpy.multiply")
def _mul(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    x, y = let.args
    for one, other in ((x, y), (y, x)):
        if _is(one, 1) and (_floating(other) or isinstance(one, Const) and type(one.value) is int):
            return other
        if _is(one, -1) and _floating(other):
            return b.let("operator.neg", other)
    for ratio, other in ((x, y), (y, x)):
        # (1.0 / n) * a reads a / n, and an array divided by 0 is no exception.
        parts = s.source(ratio, "numpy.divide") or s.source(ratio, "operator.truediv")
        if parts is not None and not parts.targets[0].hint and _is(parts.args[0], 1) and isinstance(type_of(other), Array):
            return b.let("operator.truediv", other, parts.args[1])
    for left, right, flip in ((x, y, False), (y, x, True)):
        negated = s.source(left, "operator.neg")
        if negated is not None:
            inner = negated.args[0]
            return b.let("operator.neg", b.let(let.op, *((right, inner) if flip else (inner, right))))
    return None


@_row("operator.truediv", "numpy.divide")
def _div(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    x, y = let.args
    if _is(y, 1) and _floating(x):
        return x
    negated = s.source(x, "operator.neg")
    if negated is not None:
        return b.let("operator.neg", b.let(let.op, negated.args[0], y))
    if let.op == "numpy.divide" and isinstance(y, Const) and type(y.value) in (int, float) and y.value != 0:
        return b.let("operator.truediv", x, y)
    return None


@_row("numpy.power", "operator.pow")
def _pow(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    x, y = let.args
    if _is(y, 1) and isinstance(y, Const):
        return x if type(y.value) is int or _floating(x) else None
    if let.op == "numpy.power" and isinstance(y, Const) and type(y.value) is int and y.value >= 2:
        return b.let("operator.pow", x, y)
    return None


@_row("operator.neg")
def _neg(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    negated = s.source(let.args[0], "operator.neg")
    return negated.args[0] if negated is not None else None


@_row("operator.add")
def _add(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    x, y = let.args
    if x == y and isinstance(x, Var):
        return b.let("operator.mul", 2.0, x)
    if _is(x, 0) and _floating(y):
        return y
    if _is(y, 0) and _floating(x):
        return x
    if (negated := s.source(y, "operator.neg")) is not None and not negated.targets[0].hint:
        return b.let("operator.sub", x, negated.args[0])
    return None


@_row("operator.sub")
def _sub(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    x, y = let.args
    if _is(y, 0) and _floating(x):
        return x
    # (n - 1) + 1 and (n + 1) - 1 of index arithmetic
    inner = s.source(x, "operator.add")
    if inner is not None and isinstance(y, Const) and inner.args[1] == y and kind_of(type_of(inner.args[0])) == "int":
        return inner.args[0]
    return None


@_row("numpy.where")
def _where(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    if len(let.args) != 3:
        return None
    cond, x, y = let.args
    if isinstance(cond, Const) and type(cond.value) is bool:
        return x if cond.value else y
    return x if x == y and isinstance(x, Const) else None


@_row("strong")
def _strong(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    bar, partial = let.args
    if isinstance(bar, Const) and bar.value != 0 or isinstance(partial, Const):
        return b.let("operator.mul", bar, partial)
    return None


# -- shapes -------------------------------------------------------------------------------------------------------------


@_row("assign")
def _assign(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    # A user's name for a value, and a tangent's, stay in the listing; `code` lets the value take the name (see `naming`).
    return let.args[0] if not let.targets[0].hint else None


@_row("accumulate")
def _accumulate(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    acc, part, like = let.args
    lowered = _reduced(s, part, like, b) or b.let("fit", part, like, type=tangent_type(type_of(like)))
    if s.source(acc, "zeros") is not None or _is(acc, 0):
        return lowered
    if s.source(part, "zeros") is not None:
        return acc
    # A scalar's kind is what the sum gives (a Python float and a NumPy one make a NumPy one); the last cast settles it.
    kind = None if is_scalar(let.targets[0].type) else let.targets[0].type
    if (negated := s.source(lowered, "operator.neg")) is not None:
        return b.let("operator.sub", acc, negated.args[0], type=kind)
    return b.let("operator.add", acc, lowered, type=kind)


@_row("fit")
def _fit(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    part, like = let.args
    return _reduced(s, part, like, b)


def _reduced(s: _Simplify, part: Atom, like: Atom, b: Builder) -> Atom | None:
    """A share reduced to the shape of `like` without the helper, where the types say how."""
    have, want = type_of(part), tangent_type(type_of(like))
    inner = s.source(part, "fit")
    if inner is not None and inner.args[1] == like:
        return part
    if is_scalar(want) and is_scalar(have):
        return part if _compatible(have, want) else None
    if is_scalar(want) and isinstance(have, Array) and kind_of(want) == kind_of(have) == "float" and _dtype(have) == "float64":
        return b.let("numpy.sum", part)
    to, from_ = dims_of(want), dims_of(have)
    if to is None or from_ is None or len(from_) < len(to) or not _compatible(have, want):
        return None
    lead = len(from_) - len(to)
    along: list[int] = []
    for axis, (e, g) in enumerate(zip(to, from_[lead:], strict=True)):
        if e == g or is_many(e):
            continue
        if e != 1:
            return None
        along.append(lead + axis)
    result = part
    if along:
        result = b.let("numpy.sum", result, axis=_axes(along), keepdims=True)
    if lead:
        result = b.let("numpy.sum", result, axis=_axes(range(lead))) if to else b.let("numpy.sum", result)
    return result


def _axes(axes: Iterable[int]) -> int | tuple[int, ...]:
    found = tuple(axes)
    return found[0] if len(found) == 1 else found


def _compatible(have: Type, want: Type) -> bool:
    """Whether a share needs no cast: the same dtype, or floats of which one is not known (the result is cast in the end)."""
    if "?" in (found := (_dtype(have), _dtype(want))) or (
        None in found and isinstance(have, Array) and isinstance(want, Array)
    ):
        return kind_of(have) in ("float", None) and kind_of(want) in ("float", None)
    if is_scalar(have) and is_scalar(want):
        wide = {None, "float64", "?"}
        return kind_of(have) == kind_of(want) == "float" and (same_kind(have, want) or {_dtype(have), _dtype(want)} <= wide)
    if _dtype(have) is None and isinstance(have, Scalar):
        return kind_of(have) == "float"
    return _dtype(have) is not None and _dtype(have) == _dtype(want) and _dtype(have) != "?"


def _dtype(t: Type) -> str | None:
    return t.dtype if isinstance(t, (Array, Scalar)) else None


@_row("expand")
def _expand(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    x, like = let.args
    if is_scalar(type_of(like)) and is_scalar(type_of(x)) or same_shape(type_of(x), type_of(like)):
        return x
    again = s.source(x, "expand")
    return b.let("expand", again.args[0], like) if again is not None else None


@_row("cast")
def _cast(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    x, like = let.args
    have, want = type_of(x), tangent_type(type_of(like))
    if same_kind(have, want):
        return x
    if want == Scalar("float") and is_scalar(have):
        return b.let("builtins.float", x)
    if not isinstance(want, (Array, Scalar)) and s.fitted(x, like):
        return x
    return None


@_row("zeros")
def _zeros(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    return Const(0.0) if isinstance(type_of(let.args[0]), Scalar) else None


@_row("size", "shape")
def _extent(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    if let.op == "size" and is_scalar(type_of(let.args[0])):
        return Const(1)
    source = s.lets.get(let.args[0]) if isinstance(let.args[0], Var) else None
    if source is None or not elementwise(source.op) or let.targets[0].hint:
        return None
    same = [a for a in source.args if isinstance(a, Var) and s.shaped(a, let.args[0])]
    return b.let(let.op, same[0]) if same else None


@_row("spread")
def _spread(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    bar, like = let.args
    given = dict(let.kwargs)
    axis, keep = given.get("axis", Const(None)), given.get("keepdims", Const(False))
    rank = rank_of(type_of(like))
    if not isinstance(axis, Const) or not isinstance(keep, Const):
        return None
    if is_scalar(type_of(like)):
        return bar
    if axis.value is None and (keep.value or is_scalar(type_of(bar))):
        return b.let("expand", bar, like)
    if rank is None or axis.value is None:
        return None
    if keep.value:
        return b.let("expand", bar, like)
    axes = {a % rank for a in (axis.value if isinstance(axis.value, tuple) else (axis.value,))}
    if axes == set(range(len(axes))):
        return b.let("expand", bar, like)
    whole = b.let("slice", None, None, None) if len(axes) < rank else None
    key = [None if i in axes else whole for i in range(max(axes) + 1)]
    return b.let("expand", b.let("index", bar, b.let("tuple", *key)), like)


@_row("matmul_left")
def _matmul_left(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    bar, right, left = let.args
    match rank_of(type_of(left)), rank_of(type_of(right)):
        case 2, 2:
            return b.let("operator.matmul", bar, b.let("numpy.transpose", right))
        case 2, 1:
            return b.let("numpy.outer", bar, right)
        case 1, 2:
            return b.let("operator.matmul", right, bar)
        case 1, 1:
            return b.let("operator.mul", bar, right)
    return None


@_row("matmul_right")
def _matmul_right(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    bar, left, right = let.args
    match rank_of(type_of(left)), rank_of(type_of(right)):
        case (2, 2) | (2, 1):
            return b.let("operator.matmul", b.let("numpy.transpose", left), bar)
        case 1, 2:
            return b.let("numpy.outer", left, bar)
        case 1, 1:
            return b.let("operator.mul", bar, left)
    return None


@_row("accumulate_at")
def _accumulate_at(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    acc, key, part = let.args
    empty = s.source(acc, "zeros")
    if empty is None or isinstance(type_of(acc), List):
        return None
    whole = _unfolded(s, key, part, empty.args[0], b)
    if whole is not None:
        return whole
    if is_basic(type_of(key)):
        return b.let("update", acc, key, part, type=acc.type if isinstance(acc, Var) else None)
    return None


def _unfolded(s: _Simplify, key: Atom, part: Atom, like: Atom, b: Builder) -> Atom | None:
    """For a key of whole axes and new axes only (`b[:, None]`): the share with the new axes taken away again."""
    t = type_of(key)
    kinds = t.items if isinstance(t, Tuple) else (t,)
    rank, width = rank_of(type_of(like)), rank_of(type_of(part))
    if not all(k in (WHOLE, NONE) for k in kinds) or rank is None or width != rank + kinds.count(NONE):
        return None
    if not _compatible(type_of(part), tangent_type(type_of(like))):
        return None
    if kinds.count(NONE) == 0:
        return part
    new = [i for i, k in enumerate(kinds) if k == NONE]
    summed = s.source(part, "numpy.sum")
    if summed is not None and dict(summed.kwargs) == {"axis": Const(_axes(new)), "keepdims": Const(True)}:
        return b.let("numpy.sum", summed.args[0], axis=_axes(new))
    whole = b.let("slice", None, None, None)
    last = max(new) + 1
    return b.let("index", part, b.let("tuple", *(0 if i in new else whole for i in range(last))))


@_row("dot_left")
def _dot_left(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    return _matmul_left(s, let, b) if all(rank_of(type_of(a)) in (1, 2) for a in let.args[1:]) else None


@_row("dot_right")
def _dot_right(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    return _matmul_right(s, let, b) if all(rank_of(type_of(a)) in (1, 2) for a in let.args[1:]) else None


@_row("numpy.conjugate", "numpy.real")
def _real_part(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    """Of a real number, itself (of a Python float `np.conjugate` makes a NumPy scalar)."""
    t = type_of(let.args[0])
    return let.args[0] if kind_of(t) == "float" and (isinstance(t, Array) or is_numpy(t)) and not let.kwargs else None


@_row("swap")
def _swap(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    if not all(isinstance(a, Const) for a in let.args):
        return None
    return Const(importlib.import_module("adtransform.runtime").swap(*(a.value for a in let.args if isinstance(a, Const))))


@_row("contract")
def _contract(s: _Simplify, let: Let, b: Builder) -> Atom | None:
    """An `einsum`, where each label of the output occurs once in it and in the operands, and nothing was broadcast."""
    subscripts, like, *operands = let.args
    if not isinstance(subscripts, Const):
        return None
    terms, _, out = subscripts.value.partition("->")
    if len(set(out)) < len(out) or not set(out) <= set(terms):
        return None
    extents: dict[str, set[Extent]] = {}
    for labels, a in zip((*terms.split(","), out), (*operands, like), strict=True):
        dims = dims_of(type_of(a))
        if dims is None or len(dims) != len(labels):
            return None
        for label, extent in zip(labels, dims, strict=True):
            extents.setdefault(label, set()).add(extent)
    if not all(len(e) == 1 or all(map(is_many, e)) for e in extents.values()):
        return None
    return b.let("fit", b.let("numpy.einsum", subscripts, *operands), like)
