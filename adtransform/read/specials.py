"""Functions of NumPy that are read as several operations: `np.split`, `np.pad`, `np.gradient`."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

from adtransform.ir import Atom, Const, Var
from adtransform.lattice import INT
from adtransform.read.placing import PLACING
from adtransform.read.refs import ListRef, Ref, TupleRef, View

if TYPE_CHECKING:
    from adtransform.read.library import Library

Handler = Callable[["Library", str, list[Ref], dict[str, Ref], ast.AST], Ref | None]


def _shape_of(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    if len(args) != 1 or kwargs:
        return None
    a = self.array_like(args[0], node)
    self.at(node)
    var = self.let(op.rpartition(".")[2], a)
    if op == "numpy.ndim" and self.rank(a) is not None:
        self.constants[var] = Const(self.rank(a))
    return var


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
    **PLACING,
    "numpy.shape": _shape_of,
    "numpy.ndim": _shape_of,
    "numpy.size": _shape_of,
    **dict.fromkeys(_REDUCED, _reduced),
    **{f"numpy.{n}": _split for n in ("split", "array_split", "hsplit", "vsplit", "dsplit")},
    "numpy.where": _where,
    "numpy.nan_to_num": _in_place,
    "numpy.inner": _inner,
    "numpy.pad": _pad,
    "numpy.diff": _diff,
    "numpy.gradient": _gradient,
    "numpy.einsum": _einsum,
    "numpy.row_stack": lambda self, op, *given: self.library_call("numpy.vstack", *given),
    "bisect.insort_left": _insort,
    "bisect.insort_right": _insort,
    **dict.fromkeys("numpy.random.shuffle random.shuffle".split(), _unwritten),
}
