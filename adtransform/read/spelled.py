"""Functions of NumPy that call functions, or join nested lists: read as what they are spelled out."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from adtransform.ir import Const
from adtransform.lattice import Array, Scalar, Type, same_shape
from adtransform.read.refs import External, FunctionRef, ListRef, ObjectRef, PartialRef, Ref, Step, TupleRef, View

if TYPE_CHECKING:
    from adtransform.read.objects import Objects

Handler = Callable[["Objects", list[Ref], dict[str, Ref], ast.AST], Ref | None]


def _given(args: list[Ref], kwargs: dict[str, Ref], names: str) -> dict[str, Ref]:
    return dict(zip(names.split(), args, strict=False)) | kwargs


def _listed(self: Objects, ref: Ref, what: str, node: ast.AST) -> list[Ref]:
    items = self.known_items(ref)
    if items is None:
        self.refuse(node, f"{what} of unknown length", "write the list where it is used, or use np.where")
    return items


def _select(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """`np.select([c, d], [x, y], z)` is `np.where(c, x, np.where(d, y, z))`."""
    given = _given(args, kwargs, "condlist choicelist default")
    conditions = _listed(self, given["condlist"], "`np.select` with a list", node)
    choices = _listed(self, given["choicelist"], "`np.select` with a list", node)
    if len(conditions) != len(choices) or not conditions:
        self.refuse(node, "`np.select` with lists of different lengths", "give one choice for each condition")
    result = given.get("default", Const(0))
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        result = self.library_call("numpy.where", [condition, choice, result], {}, node)
    return result


def _choose(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """`np.choose(k, [x, y])` of arrays that may have different shapes: of one array of what they are broadcast to."""
    given = _given(args, kwargs, "a choices out mode")
    choices = self.known_items(given["choices"]) if "choices" in given else None
    if not choices or len(choices) == 1:
        return None
    types = [self.type_of(self.array_like(c, node)) for c in choices]
    if all(isinstance(t, Scalar) for t in types) or all(same_shape(types[0], t) for t in types[1:]):
        return None
    if any(isinstance(t, Scalar) for t in types) and any(_is_narrow(t) for t in types):
        self.refuse(node, "`np.choose` of numbers and an array of another dtype than float64", "write np.where")
    wide = self.library_call("numpy.broadcast_arrays", choices, {}, node)
    given["choices"] = self.library_call("numpy.array", [wide], {}, node)
    return self.library_call("numpy.choose", [given.pop("a"), given.pop("choices")], given, node)


def _piecewise(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """`np.piecewise(x, [c, d], [f, g, h])` makes zeros like x, and writes f of `x[c]` there, g of `x[d]`, h of the rest."""
    x, where, functions, *more = args
    rank = self.rank(self.value(x, node)) if isinstance(x, View) else 0
    if not isinstance(x, View) or rank == 0:
        self.refuse(node, "`np.piecewise` of a number", "write a conditional")
    conditions = [where] if isinstance(where, View) else _listed(self, where, "`np.piecewise` with a list", node)
    pieces = _listed(self, functions, "`np.piecewise` with a list", node)
    if len(pieces) == len(conditions) + 1:
        some = conditions[0]
        for condition in conditions[1:]:
            some = self.library_call("numpy.logical_or", [some, condition], {}, node)
        conditions = [*conditions, self.library_call("numpy.logical_not", [some], {}, node)]
    if len(pieces) != len(conditions):
        self.refuse(node, "this `np.piecewise`", "give one function for each condition, or one more")
    made = self.library_call("numpy.zeros_like", [x], {}, node)
    for condition, piece in zip(conditions, pieces, strict=True):
        key = self.key_of(condition, node)
        if isinstance(piece, (FunctionRef, PartialRef, External, ObjectRef)):
            piece = self.apply(piece, [self.indexed(x, key, node), *more], dict(kwargs), node)
        self.at(node)
        self.assign_array_item(made, key, self.array_like(piece, node), node)
    return made


def _along(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """`np.apply_along_axis(f, axis, x)` of a matrix stacks what f gives for each row, or for each column."""
    function, where, x, *more = args
    axis = self.static(self.value(where, node))
    rank = self.rank(self.value(x, node)) if isinstance(x, View) else None
    if not isinstance(x, View) or rank != 2 or axis is None or axis.value not in (-2, -1, 0, 1):
        help = "annotate the array where it is a matrix, or use a loop"
        self.refuse(node, "`np.apply_along_axis` of what is not known to be a matrix", help)
    columns = axis.value in (0, -2)
    rows = self.through(x, Step("numpy.transpose"), node) if columns else x
    made = self.collected(rows, lambda row: self.apply(function, [row, *more], dict(kwargs), node), node)
    return self.library_call("numpy.stack", [made], {"axis": Const(-1)} if columns else {}, node)


def _depth(self: Objects, ref: Ref) -> int:
    """How many lists are within one another."""
    if not isinstance(ref, ListRef):
        return 0
    return 1 + max((_depth(self, item) for item in self.known_items(ref) or ()), default=0)


def _block(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """`np.block([[a, b], [c, d]])`: the rows side by side along the last axis, then one below the other."""
    depth = _depth(self, args[0]) if len(args) == 1 else 0
    if depth not in (1, 2):
        self.refuse(node, "this `np.block`", "give it a list, or a list of lists, of arrays")
    ranks: list[int | None] = []

    def part(ref: Ref, level: int) -> Ref:
        if isinstance(ref, ListRef) and level < depth:
            inner = [part(item, level + 1) for item in _listed(self, ref, "`np.block` of a list", node)]
            return self.library_call("numpy.concatenate", [TupleRef(tuple(inner))], {"axis": Const(level - depth)}, node)
        if level != depth or isinstance(ref, (ListRef, TupleRef)):
            self.refuse(node, "`np.block` of lists of different depths", "nest all of the same depth")
        rank = self.rank(self.value(ref, node))
        ranks.append(rank if rank is None else max(rank, depth))
        return ref if rank is not None and rank >= depth else self.library_call(f"numpy.atleast_{depth}d", [ref], {}, node)

    made = part(args[0], 0)
    if len(set(ranks) - {None}) > 1:
        self.refuse(node, "`np.block` of arrays of different ranks", "reshape them to the same rank")
    return made


def _outer(self: Objects, op: str, args: list[Ref], node: ast.AST) -> Ref:
    """`np.add.outer(x, y)` is `np.add(x[..., None], y)`, for a y of one axis."""
    x, y = args
    left, right = (self.array_like(a, node) for a in args)
    more = self.rank(right)
    if more is None:
        if param := self.root(right):
            self.take(param, "rank 1", f"np.ndim({param}) == 1", f"`{param}` is taken as a vector")
        self.refuse(node, f"`{op.replace('numpy', 'np')}.outer` of an array of unknown rank", "annotate the array")
    if more and self.rank(left) != 0:
        axes = tuple(range(-more, 0))
        x = self.library_call("numpy.expand_dims", [self.make(left), Const(axes[0] if more == 1 else axes)], {}, node)
    return self.library_call(op, [x, y], {}, node)


def outer(self: Objects, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """A call of `outer` of one of NumPy's elementwise functions; None for anything else."""
    owner, _, name = op.rpartition(".")
    known = name == "outer" and owner.startswith("numpy.") and isinstance(getattr(np, owner[6:], None), np.ufunc)
    return _outer(self, owner, args, node) if known and len(args) == 2 and not kwargs else None


def _is_narrow(t: Type) -> bool:
    """Whether it is an array that keeps its dtype where a number stands beside it, which an array of that number changes."""
    return isinstance(t, Array) and t.dtype not in (None, "float64", "int64")


JOINING = ("numpy.r_", "numpy.c_")


def joined(self: Objects, op: str, key: ast.expr, node: ast.AST) -> Ref:
    """`np.r_[0, x, 1:5]` and `np.c_[x, y]`: arrays and numbers one behind the other, or as columns."""
    parts = [_part(self, e, op, node) for e in (key.elts if isinstance(key, ast.Tuple) else [key])]
    types = [self.type_of(self.value(p, node)) for p in parts]
    if op == "numpy.c_":
        if not all(isinstance(t, Scalar) or (isinstance(t, Array) and t.dims is not None and len(t.dims) <= 2) for t in types):
            self.refuse(node, "`np.c_` of arrays that are not known to have one or two axes", "write np.column_stack([...])")
        return self.library_call("numpy.column_stack", [TupleRef(tuple(parts))], {}, node)
    if any(map(_is_narrow, types)):
        if any(isinstance(t, Scalar) and t.dtype is None for t in types):
            self.refuse(node, "`np.r_` of numbers and an array of another dtype than float64", "write np.concatenate([...])")
    flat = [
        TupleRef((p,))
        if isinstance(t, Scalar)
        else p
        if isinstance(t, Array) and t.dims
        else self.library_call("numpy.atleast_1d", [p], {}, node)
        for p, t in zip(parts, types, strict=True)
    ]
    return self.library_call("numpy.concatenate", [TupleRef(tuple(flat))], {}, node)


def _part(self: Objects, e: ast.expr, op: str, node: ast.AST) -> Ref:
    if isinstance(e, ast.Slice):
        start, stop, step = (
            Const(d) if x is None else self.expression(x) for x, d in ((e.lower, 0), (e.upper, None), (e.step, 1))
        )
        number = step.value if isinstance(step, Const) else 1
        if stop == Const(None):
            self.refuse(node, f"`np.{op[6:]}` with an open slice", "give its end")
        if isinstance(number, complex):
            return self.library_call("numpy.linspace", [start, stop, Const(int(abs(number)))], {}, node)
        return self.library_call("numpy.arange", [start, stop, step], {}, node)
    ref = self.expression(e)
    if isinstance(ref, Const) and isinstance(ref.value, str):
        self.refuse(node, f"`np.{op[6:]}` with directions", "write np.concatenate([...], axis=...)")
    if isinstance(ref, (ListRef, TupleRef)):
        return self.make(self.array_like(ref, node))
    return ref


SPELLED: dict[str, Handler] = {
    "numpy.select": _select,
    "numpy.choose": _choose,
    "numpy.piecewise": _piecewise,
    "numpy.apply_along_axis": _along,
    "numpy.block": _block,
}
