"""Functions of NumPy that write at places that they are given: `np.copyto`, `np.put`, `np.add.at`, `np.put_along_axis`."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from adtransform.ir import Atom, Const
from adtransform.lattice import BOOL, INT, kind_of, same_shape
from adtransform.read.frames import Module
from adtransform.read.refs import Ref, Step, TupleRef, View
from adtransform.source import from_text

if TYPE_CHECKING:
    from adtransform.read.library import Library

# How `np.multiply.at` and its kin are written for one place.
_SYMBOLS = {
    "multiply": ("*", "mul"),
    "divide": ("/", "truediv"),
    "power": ("**", "pow"),
    "floor_divide": ("//", "floordiv"),
    "remainder": ("%", "mod"),
}
_CHOOSING = ("maximum", "minimum", "fmax", "fmin", "arctan2", "hypot", "logaddexp")

Handler = Callable[["Library", str, list[Ref], dict[str, Ref], ast.AST], Ref | None]


def _target(
    self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], names: str, node: ast.AST
) -> tuple[View, list[Ref]]:
    """What a call writes into, and its other arguments in the order of `names`."""
    given = dict(zip(names.split(), args, strict=False)) | kwargs
    target, *rest = (given.get(n, Const(None)) for n in names.split())
    if not isinstance(target, View):
        self.refuse(node, f"`{op.replace('numpy', 'np')}` into something that is not an array", "pass an array")
    return target, rest


def _copyto(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    given = dict(zip(("dst", "src", "casting", "where"), args, strict=False)) | kwargs
    target, new = given["dst"], given["src"]
    if not isinstance(target, View):
        self.refuse(node, "`np.copyto` into something that is not an array", "pass an array")
    mask = given.get("where")
    a: Atom
    if mask is not None:
        before = self.value(target, node)
        a = self.let("numpy.where", self.value(mask, node), self.array_like(new, node), before)
    else:
        a = self.array_like(new, node)
    self.at(node)
    hint = self.name_of(target)
    self.store(target, self.let("update", self.value(target, node), Const(...), a, hint=hint), node, hint)
    return Const(None)


def _accumulate_at(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """`np.add.at(x, key, v)`: repeated indices add up."""
    target, key, share = args
    if not isinstance(target, View):
        self.refuse(node, f"`{op}` of something that is not an array", "pass an array")
    value: Atom = self.array_like(share, node)
    at = self.key_of(key, node)
    if op not in ("numpy.add.at", "numpy.subtract.at"):
        _one_by_one(self, op.split(".")[1], target, key if isinstance(key, TupleRef) else at, value, node)
        return Const(None)
    if self.in_each(target, lambda side: _accumulate_at(self, op, [side, at, value], kwargs, node), node):
        return Const(None)
    self.at(node)
    if op == "numpy.subtract.at":
        value = self.let("operator.neg", value)
    hint = self.name_of(target)
    new = self.let("accumulate_at", self.value(target, node), at, value, hint=hint)
    self.store(target, new, node, hint)
    return Const(None)


def _one_by_one(self: Library, name: str, target: View, key: Ref, value: Atom, node: ast.AST) -> None:
    """`np.multiply.at(x, key, v)`: at once where no place is named twice, and otherwise in a loop over the places."""
    whole = self.key_of(key, node)
    part = self.let("index", self.value(target, node), whole)
    if self.is_distinct(whole):
        op = f"operator.{_SYMBOLS[name][1]}" if name in _SYMBOLS else f"numpy.{name}"
        new = self.let(op, part, value)
        self.assign_array_item(target, whole, new, node, self.name_of(target))
        return
    keys = [self.key_of(k, node) for k in (key.items if isinstance(key, TupleRef) else (key,))]
    ranks = [self.rank(k) for k in keys]
    if not all(kind_of(self.type_of(k)) == "int" for k in keys) or not set(ranks) <= {0, 1}:
        self.refuse(node, f"`np.{name}.at` at places that may repeat, by this index", "write a loop: x[k] *= v")
    if not same_shape(self.type_of(value), self.type_of(part)):
        value = self.let("numpy.broadcast_to", value, self.let("shape", part))
    module = _loop(name, tuple(rank == 1 for rank in ranks))
    self.apply(self.function(module.functions["each"], module, None), [target, value, *keys], {}, node)


@functools.cache
def _loop(name: str, arrays: tuple[bool, ...]) -> Module:
    """The loop over places: some parts of the index are arrays."""
    key = ", ".join(f"k{n}[i]" if array else f"k{n}" for n, array in enumerate(arrays))
    step = f"x[{key}] {_SYMBOLS[name][0]}= v[i]" if name in _SYMBOLS else f"x[{key}] = np.{name}(x[{key}], v[i])"
    head = ", ".join(f"k{n}" for n in range(len(arrays)))
    text = f"import numpy as np\n\ndef each(x, v, {head}):\n    for i in range(len(v)):\n        {step}\n"
    return Module(from_text(text, "<places>"))


def _put(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """`np.put(x, places, v)` writes `x.flat[places]`, repeating or leaving out values where their number differs."""
    target, (places, new, mode) = _target(self, op, args, kwargs, "a ind v mode", node)
    if mode != Const(None) and mode != Const("raise"):
        self.refuse(node, "`np.put` in this mode", "take the places modulo the size")
    flat = self.through(target, Step("flat"), node)
    value, key = self.array_like(new, node), self.key_of(places, node)
    self.at(node)
    if self.rank(value) != 0 and not same_shape(self.type_of(value), self.type_of(key)):
        count = self.let("numpy.arange", self.let("numpy.size", key))
        chosen = self.let("operator.mod", count, self.let("numpy.size", value))
        value = self.let("index", self.let("numpy.ravel", value), self.let("numpy.reshape", chosen, self.let("shape", key)))
    self.assign_array_item(flat, key, value, node)
    return Const(None)


def _place(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """`np.place(x, mask, v)` writes `x[mask]`, repeating or leaving out values where their number differs."""
    target, (mask, new) = _target(self, op, args, kwargs, "arr mask vals", node)
    key, value = self.key_of(mask, node), self.array_like(new, node)
    self.at(node)
    if kind_of(self.type_of(key)) != "bool" or self.rank(key) in (None, 0) or self.rank(key) != self.rank(self.value(target)):
        self.refuse(node, "`np.place` by what is not known to be a mask", "annotate the arrays, or write x[mask] = v")
    if self.rank(value) != 0:
        count = self.let("numpy.arange", self.let("numpy.count_nonzero", key, type=INT))
        chosen = self.let("operator.mod", count, self.let("numpy.size", value))
        value = self.let("index", self.let("numpy.ravel", value), chosen)
    self.assign_array_item(target, key, value, node, self.name_of(target))
    return Const(None)


def _put_along_axis(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """`np.put_along_axis(x, k, v, axis)` writes `x[i, k]`, for an axis 1 and the rows i."""
    target, (places, new, along) = _target(self, op, args, kwargs, "arr indices values axis", node)
    at, value, axis = self.key_of(places, node), self.array_like(new, node), self.static(self.value(along, node))
    whole = self.value(target, node)
    rank = self.rank(whole)
    self.at(node)
    if axis is None or axis.value is None or rank is None or self.rank(at) != rank or not -rank <= axis.value < rank:
        self.refuse(node, "`np.put_along_axis` of arrays whose rank or axis is not known", "annotate the arrays")
    keys: list[Atom] = []
    for n in range(rank):
        if n == axis.value % rank:
            keys.append(at)
        else:
            count = self.let("numpy.arange", self.let("index", self.let("shape", whole), Const(n)))
            lies = tuple(-1 if k == n else 1 for k in range(rank))
            keys.append(self.let("numpy.reshape", count, Const(lies)) if n < rank - 1 else count)
    key = self.let("tuple", *keys) if rank > 1 else at
    self.assign_array_item(target, key, value, node, self.name_of(target))
    return Const(None)


def _putmask(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """`np.putmask(x, mask, v)`, for an array v of the shape of x or a number."""
    target, (mask, new) = _target(self, op, args, kwargs, "a mask values", node)
    before, value = self.value(target, node), self.array_like(new, node)
    self.at(node)
    if not (self.rank(value) == 0 or same_shape(self.type_of(value), self.type_of(before))):
        self.refuse(node, "`np.putmask` with values of another shape", "write x[mask] = v, or use np.where")
    self.overwrite(target, self.let("numpy.where", self.value(mask, node), value, before), node)
    return Const(None)


def _fill_diagonal(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """`np.fill_diagonal(x, v)` writes `x[i, i]`."""
    target, (new, wrap) = _target(self, op, args, kwargs, "a val wrap", node)
    before = self.value(target, node)
    value = self.array_like(new, node)
    if self.rank(before) not in (None, 2) or self.rank(value) not in (0, 1) or wrap not in (Const(None), Const(False)):
        help = "annotate the arrays; or write x[i, i] = v with i = np.arange(n)"
        self.refuse(node, "`np.fill_diagonal` of an array not known to be a matrix", help)
    self.at(node)
    if self.rank(before) is None:
        other = self.let("operator.ne", self.let("ndim", before), Const(2), type=BOOL)
        self.raise_where(other, ValueError, "a matrix is meant: annotate the array whose diagonal is filled")
    shape = self.let("shape", before)
    size = self.let("builtins.min", self.let("index", shape, Const(0)), self.let("index", shape, Const(1)), type=INT)
    i = self.let("numpy.arange", size)
    if self.rank(value) == 1:
        value = self.let("index", value, self.let("slice", Const(None), size, Const(None)))
    self.assign_array_item(target, self.let("tuple", i, i), value, node, self.name_of(target))
    return Const(None)


PLACING: dict[str, Handler] = {
    **{f"numpy.{name}.at": _accumulate_at for name in ("add", "subtract", *_SYMBOLS, *_CHOOSING)},
    "numpy.copyto": _copyto,
    "numpy.put": _put,
    "numpy.place": _place,
    "numpy.putmask": _putmask,
    "numpy.put_along_axis": _put_along_axis,
    "numpy.fill_diagonal": _fill_diagonal,
}
