"""Functions of NumPy that are read as writes, or as several operations: `np.copyto`, `np.add.at`, `np.split`, `np.pad`."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

from adtransform.ir import Atom, Const, Var
from adtransform.lattice import BOOL, INT, same_shape
from adtransform.read.refs import ListRef, Ref, Step, TupleRef, View

if TYPE_CHECKING:
    from adtransform.read.library import Library

_WRITING_AT = {"numpy.add.at": "add", "numpy.subtract.at": "sub", "numpy.multiply.at": "mul", "numpy.divide.at": "truediv"}

Handler = Callable[["Library", str, list[Ref], dict[str, Ref], ast.AST], Ref | None]


def _accumulate_at(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """`np.add.at(x, key, v)`: repeated indices add up."""
    target, key, share = args
    if not isinstance(target, View):
        self.refuse(node, f"`{op}` of something that is not an array", "pass an array")
    value: Atom = self.array_like(share, node)
    at = self.key_of(key, node)
    if op not in ("numpy.add.at", "numpy.subtract.at"):
        if not self.is_distinct(at):
            self.refuse(node, f"`{op.replace('numpy', 'np')}` at places that may repeat", "write a loop: x[k] *= v")
        part = self.let(f"operator.{_WRITING_AT[op]}", self.let("index", self.value(target, node), at), value)
        self.assign_array_item(target, at, part, node, self.name_of(target))
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


def _shape_of(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    if len(args) != 1 or kwargs:
        return None
    a = self.array_like(args[0], node)
    self.at(node)
    var = self.let(op.rpartition(".")[2], a)
    if op == "numpy.ndim" and self.rank(a) is not None:
        self.constants[var] = Const(self.rank(a))
    return var


def _target(
    self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], names: str, node: ast.AST
) -> tuple[View, list[Ref]]:
    """What a call writes into, and its other arguments in the order of `names`."""
    given = dict(zip(names.split(), args, strict=False)) | kwargs
    target, *rest = (given.get(n, Const(None)) for n in names.split())
    if not isinstance(target, View):
        self.refuse(node, f"`{op.replace('numpy', 'np')}` into something that is not an array", "pass an array")
    return target, rest


def _split(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """`np.split(x, 3)`, `np.split(x, [2, 5])` and their kin: slices of the array, which are views."""
    given = dict(zip(("ary", "indices_or_sections", "axis"), args, strict=False)) | kwargs
    source = given["ary"]
    where = self.static(self.argument(given["indices_or_sections"], "indices_or_sections", node))
    along = given.get("axis", Const({"numpy.hsplit": 1, "numpy.dsplit": 2}.get(op, 0)))
    axis = self.static(self.value(along, node))
    if where is None or axis is None:
        self.refuse(node, "a split at computed places", "slice the array: x[:k], x[k:]")
    whole = source if isinstance(source, View) else self.make(self.array_like(source, node))
    a, place = self.value(whole, node), axis.value
    if op == "numpy.hsplit" and self.rank(a) in (None, 1):
        if self.rank(a) is None:
            self.refuse(node, "`np.hsplit` of an array of unknown rank", "write np.split(x, n, axis=1)")
        place = 0
    self.at(node)
    size = self.let("index", self.let("shape", a), Const(place))
    before: tuple[Atom, ...] = (Const(...),) if place < 0 else (self.let("slice", *[Const(None)] * 3),) * place
    behind = (self.let("slice", *[Const(None)] * 3),) * (-1 - place)

    def part(start: Atom, stop: Atom) -> Ref:
        cut = self.let("slice", start, stop, Const(None))
        key = self.let("tuple", *before, cut, *behind) if before else cut
        return self.indexed(whole, key, node)

    bounds: list[Atom] = [Const(None)]
    if isinstance(where.value, int):
        count = where.value
        each = self.let("operator.floordiv", size, Const(count), type=INT)
        left = self.let("operator.mod", size, Const(count), type=INT)
        if op != "numpy.array_split":
            unequal = self.let("operator.ne", left, Const(0))
            self.raise_where(unequal, ValueError, "array split does not result in an equal division")
        for n in range(1, count):
            end = each if n == 1 else self.let("operator.mul", Const(n), each, type=INT)
            if op == "numpy.array_split":
                end = self.let("operator.add", end, self.let("builtins.min", left, Const(n), type=INT), type=INT)
            bounds.append(end)
    else:
        bounds += [Const(n) for n in where.value]
    bounds.append(Const(None))
    return self.new_list(tuple(part(i, k) for i, k in itertools.pairwise(bounds)))


def _where(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """`np.where(c)` is `np.nonzero(c)`."""
    return self.library_call("numpy.nonzero", args, kwargs, node) if len(args) == 1 and not kwargs else None


def _in_place(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """`np.nan_to_num(x, copy=False)` writes x."""
    if (kwargs.get("copy") or (args[1] if len(args) > 1 else Const(True))) != Const(True):
        self.refuse(node, "`np.nan_to_num` in place", "write x[...] = np.nan_to_num(x)")
    return None


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


def _reduced(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """`np.add.reduce(x)` is `np.sum(x, axis=0)`."""
    if len(args) == 1 and "axis" not in kwargs:
        kwargs["axis"] = Const(0)
    return self.library_call(_REDUCED[op], args, kwargs, node)


def _pad(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """Only what zeros or elements are put around is linear in the elements one by one."""
    mode = kwargs.get("mode") or (args[2] if len(args) > 2 else Const("constant"))
    known = self.static(self.value(mode, node)) if isinstance(mode, (Var, Const)) else None
    if known is None or known.value not in ("constant", "edge", "reflect", "symmetric", "wrap"):
        self.refuse(node, "`np.pad` with this mode", 'use "constant", "edge", "reflect", "symmetric" or "wrap"')
    return None


def _diff(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """`np.diff(x, n, prepend=a, append=b)` is the difference, n times, of the three put together."""
    before, after = kwargs.pop("prepend", None), kwargs.pop("append", None)
    n = self.static(self.value(kwargs.get("n", args[1] if len(args) > 1 else Const(1)), node))
    axis = self.static(self.value(kwargs.get("axis", args[2] if len(args) > 2 else Const(-1)), node))
    whole = args[0]
    if before is not None or after is not None:
        if axis is None:
            self.refuse(node, "`np.diff` with `prepend` or `append` along a computed axis", "write axis=0, or another constant")
        whole = _put_together(self, before, args[0], after, axis.value, node)
    if n is not None and isinstance(n.value, int) and n.value > 1:
        along = {"axis": kwargs["axis"]} if "axis" in kwargs else {}
        for _ in range(n.value):
            whole = self.library_call(op, [whole, Const(1), *args[2:]], along.copy(), node)
        return whole
    return None if whole is args[0] else self.library_call(op, [whole, *args[1:]], kwargs, node)


def _gradient(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """`np.gradient` along several axes is a tuple of that along each."""
    axes = self.static(self.argument(kwargs.get("axis", Const(None)), "axis", node))
    f = args[0] if isinstance(args[0], View) else self.make(self.array_like(args[0], node))
    rank = self.rank(self.value(f, node))
    if axes is None or (axes.value is None and rank is None):
        count = max(1, len(args) - 1)
        if param := axes and self.root(self.value(f, node)):
            self.take(param, f"rank {count}", f"np.ndim({param}) == {count}", f"`np.gradient` of `{param}` has {count} axes")
        self.refuse(node, "`np.gradient` of an array of unknown rank", "annotate the array, or write axis=0")
    if isinstance(axes.value, int) or (axes.value is None and rank == 1):
        return None
    along = range(rank or 0) if axes.value is None else axes.value
    steps = args[1:] * len(along) if len(args) == 2 else args[1:] or [Const(1.0)] * len(along)
    if len(steps) != len(along):
        self.refuse(node, "this `np.gradient`", "give one spacing, or one for each axis")
    more = {k: v for k, v in kwargs.items() if k != "axis"}
    parts = [
        self.library_call(op, [f, step] if len(args) > 1 else [f], {**more, "axis": Const(axis)}, node)
        for axis, step in zip(along, steps, strict=True)
    ]
    return parts[0] if len(parts) == 1 else TupleRef(tuple(parts))


def _einsum(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """`np.einsum(x, [0, 1], y, [1, 2], [0, 2])` is `np.einsum("ab,bc->ac", x, y)`."""
    if len(args) < 2 or isinstance(args[0], Const) or not isinstance(args[1], (TupleRef, ListRef)):
        return None
    terms: list[str] = []
    for ref in args[1::2] + args[2 * (len(args) // 2) :]:
        axes = [self.static(i) if isinstance(i, (Var, Const)) else None for i in self.known_items(ref) or (Const(None),)]
        if not all(a is not None and isinstance(a.value, int) and 0 <= a.value < 26 for a in axes):
            self.refuse(node, "this `np.einsum`", 'write the subscripts as a text: np.einsum("ij,jk->ik", a, b)')
        terms.append("".join(chr(ord("a") + a.value) for a in axes if a is not None))
    operands = args[: 2 * (len(args) // 2) : 2]
    text = ",".join(terms[: len(operands)]) + "".join(f"->{t}" for t in terms[len(operands) :])
    return self.library_call(op, [Const(text), *operands], kwargs, node)


def _put_together(self: Library, before: Ref | None, middle: Ref, after: Ref | None, axis: int, node: ast.AST) -> Ref:
    """What is between two others along an axis; numbers are repeated across it."""
    a = self.array_like(middle, node)
    whole = self.rank(a)
    parts: list[Ref] = []
    for part in (before, middle, after):
        rank = None if part is None else self.rank(self.array_like(part, node))
        if part is not None and (whole == 0 or rank is None and part is not middle or rank not in (None, 0, whole)):
            help = "annotate the arrays; or write np.diff(np.concatenate(...))"
            self.refuse(node, "`np.diff` with `prepend` or `append` of what is not known to be a number or an array", help)
        if part is not None and rank == 0:
            part = TupleRef((part,)) if whole == 1 else self.make(_across(self, part, a, axis, node))
        if part is not None:
            parts.append(part)
    along: dict[str, Ref] = {} if whole == 1 else {"axis": Const(axis)}
    return self.library_call("numpy.concatenate", [TupleRef(tuple(parts))], along, node)


def _across(self: Library, number: Ref, a: Atom, axis: int, node: ast.AST) -> Atom:
    """A number repeated in the shape of an array that has one element along an axis."""
    self.at(node)
    shape = self.let("shape", a)
    left = self.let("index", shape, self.let("slice", Const(None), Const(axis), Const(None)))
    parts = self.let("operator.add", left, Const((1,)))
    if axis != -1:
        right = self.let("index", shape, self.let("slice", Const(axis + 1), Const(None), Const(None)))
        parts = self.let("operator.add", parts, right)
    return self.value(self.library_call("numpy.broadcast_to", [number, parts], {}, node), node)


def _inner(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """`np.inner` of a number is a product."""
    numbers = [self.rank(self.array_like(a, node)) == 0 for a in args]
    return self.library_call("numpy.multiply", args, kwargs, node) if any(numbers) else None


def _unwritten(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    self.refuse(node, f"`{op.replace('numpy', 'np')}`", "write x[key] = v")


def _insort(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    self.refuse(node, f"`{op}`", "write xs.insert(bisect.bisect(xs, v), v)")


_REDUCED = {
    "numpy.add.reduce": "numpy.sum",
    "numpy.multiply.reduce": "numpy.prod",
    "numpy.maximum.reduce": "numpy.max",
    "numpy.minimum.reduce": "numpy.min",
    "numpy.add.accumulate": "numpy.cumsum",
    "numpy.multiply.accumulate": "numpy.cumprod",
}
SPECIAL: dict[str, Handler] = {
    **dict.fromkeys(_WRITING_AT, _accumulate_at),
    "numpy.copyto": _copyto,
    "numpy.shape": _shape_of,
    "numpy.ndim": _shape_of,
    "numpy.size": _shape_of,
    **dict.fromkeys(_REDUCED, _reduced),
    **{f"numpy.{n}": _split for n in ("split", "array_split", "hsplit", "vsplit", "dsplit")},
    "numpy.where": _where,
    "numpy.nan_to_num": _in_place,
    "numpy.inner": _inner,
    "numpy.put": _put,
    "numpy.pad": _pad,
    "numpy.diff": _diff,
    "numpy.gradient": _gradient,
    "numpy.einsum": _einsum,
    "numpy.row_stack": lambda self, op, *given: self.library_call("numpy.vstack", *given),
    "numpy.putmask": _putmask,
    "numpy.fill_diagonal": _fill_diagonal,
    "bisect.insort_left": _insort,
    "bisect.insort_right": _insort,
    **dict.fromkeys("numpy.place numpy.put_along_axis numpy.random.shuffle random.shuffle".split(), _unwritten),
}
