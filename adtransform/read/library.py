"""Calls of libraries: arguments in canonical form, sequences spliced, several results, results that are views."""

from __future__ import annotations

import ast
import functools
import itertools
from collections.abc import Callable, Sequence

import numpy as np

from adtransform import ops
from adtransform.ir import Atom, Const, Var
from adtransform.lattice import INT, UNKNOWN, Array, Type, kind_of, same_shape
from adtransform.read.expressions import Expressions
from adtransform.read.names import is_library
from adtransform.read.refs import DictRef, External, Items, Lazy, ListRef, RangeRef, Ref, Step, TupleRef, View

SPLICED = frozenset(
    f"numpy.{name}"
    for name in ["array", "asarray", "concatenate", "stack", "hstack", "vstack", "column_stack", "dstack", "asanyarray"]
)
_OF_SEQUENCES = ("random.", "statistics.")
_DISPLAYS = frozenset(("numpy.array", "numpy.asarray", "numpy.asanyarray"))

# Arguments that are shapes, axes and the like: a list for them is a tuple, not an array.
_TUPLES = frozenset(
    "shape newshape axis axes pad_width size source destination reps shift dims indices_or_sections repeats k s "
    "window_shape".split()
)

# The helpers that take a key, which may be a tuple of index arrays.
_HELPERS = {"last": ("x", "key")}

# Arrays that are C-contiguous because they have just been made so.
_SOLID = frozenset(
    f"numpy.{n}"
    for n in [
        "zeros",
        "ones",
        "full",
        "empty",
        "arange",
        "linspace",
        "array",
        "eye",
        "identity",
        "concatenate",
        "stack",
        "outer",
        "arange",
    ]
)

_RESULTS: dict[str, int] = {
    **dict.fromkeys("numpy.linalg.eigh numpy.linalg.eig numpy.linalg.slogdet numpy.modf numpy.frexp numpy.divmod".split(), 2),
    **dict.fromkeys("numpy.linalg.qr builtins.divmod math.modf math.frexp numpy.histogram scipy.linalg.eigh".split(), 2),
    **dict.fromkeys("scipy.linalg.lu_factor scipy.linalg.cho_factor scipy.linalg.qr scipy.linalg.eig".split(), 2),
    **dict.fromkeys("numpy.linalg.svd scipy.linalg.svd scipy.linalg.lu".split(), 3),
    "numpy.linalg.lstsq": 4,
}
_FIELDS: dict[str, tuple[str, ...]] = {
    "numpy.linalg.svd": ("U", "S", "Vh"),
    "numpy.linalg.eigh": ("eigenvalues", "eigenvectors"),
    "numpy.linalg.eig": ("eigenvalues", "eigenvectors"),
    "numpy.linalg.qr": ("Q", "R"),
    "numpy.linalg.slogdet": ("sign", "logabsdet"),
}
_WRITING_AT = {"numpy.add.at": "add", "numpy.subtract.at": "sub", "numpy.multiply.at": "mul", "numpy.divide.at": "truediv"}


@functools.cache
def parameter_names(op: str) -> tuple[str, ...]:
    """The parameter names of a library's function, as far as Python knows them."""
    spec = ops.signature(op) if is_library(op) else None
    return tuple(spec.parameters) if spec is not None else _HELPERS.get(op, ())


class Library(Expressions):
    """Calling libraries."""

    def library_call(self, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """A call of a function of a library, or of one that nothing is known of."""
        handler = _SPECIAL.get(op)
        if handler is not None:
            found = handler(self, op, args, kwargs, node)
            if found is not None:
                return found
        if "out" in kwargs and not (isinstance(kwargs["out"], Const) and kwargs["out"].value is None):
            return self.into(op, args, kwargs, node)
        kwargs.pop("out", None)
        if op.startswith("itertools."):
            self.refuse(node, f"`{op}`", "write the loop")
        if not is_library(op) and op not in ops.STRUCTURAL and not self.known(op):
            self.check_kept(op, (*args, *kwargs.values()), node)
        if self.is_ufunc(op) and len(args) > self.inputs(op):
            kwargs["out"] = args.pop()
            return self.into(op, args, kwargs, node)
        names = parameter_names(op)
        if op in SPLICED:
            atoms: list[Atom] = self.spliced(op, args[0], node) if args else []
            atoms += [self.argument(a, "", node) for a in args[1:]]
        else:
            # Helpers that emitted code brings along have adjoints that are lists; and what takes any sequence gets what it is.
            helper = op in ops.STRUCTURAL or op.startswith(_OF_SEQUENCES)
            atoms = [
                self.value(ListRef(a.storage), node)
                if helper and isinstance(a, ListRef)
                else self.argument(a, names[i] if i < len(names) else "", node)
                for i, a in enumerate(args)
            ]
        named = {k: self.argument(v, k, node) for k, v in kwargs.items()}
        self.at(node)
        if is_library(op) and op not in SPLICED:
            try:
                positional, keyword = ops.canonical(op, atoms, named)
            except TypeError as error:
                self.refuse(node, f"this call of `{op}`", f"Python says: {error}")
        elif op in SPLICED and len(args) > 1:
            names = parameter_names(op) or ("a", "axis")
            extra = dict(zip(names[1:], atoms[-(len(args) - 1) :], strict=False))
            positional, keyword = tuple(atoms[: -(len(args) - 1)]), tuple(sorted({**extra, **named}.items()))
        else:
            positional, keyword = tuple(atoms), tuple(sorted(named.items()))
        if op in SPLICED:
            keyword = tuple((k, v) for k, v in keyword if not (k == "axis" and v == Const(0)))
        return self.result(op, args, positional, dict(keyword), node)

    def check_kept(self, op: str, given: Sequence[Ref], node: ast.AST) -> None:
        """Refuse containers for a function that nothing is known of: what it does to them would be lost."""
        for kind, what in ((ListRef, "a list"), (DictRef, "a dict")):
            if any(isinstance(ref, kind) for ref in given):
                help = "pass an array or numbers, or write it out"
                self.refuse(node, f"`{op.lstrip('_')}` of {what}, which it may change", help)

    def is_ufunc(self, op: str) -> bool:
        """Whether an operation is one of NumPy's elementwise functions."""
        return op.startswith("numpy.") and isinstance(ops.resolve(op), np.ufunc)

    def inputs(self, op: str) -> int:
        """How many operands a ufunc has."""
        return int(getattr(ops.resolve(op), "nin", 2))

    def result(self, op: str, args: list[Ref], positional: tuple[Atom, ...], keyword: dict[str, Atom], node: ast.AST) -> Ref:
        """Append the operation, and say what its result is."""
        if op in ops.EXTERNAL:
            self.effect(op, *positional, **keyword)
            return Const(None)
        count = self.count(op, positional, keyword, node)
        if count != 1:
            found = self.lets(op, positional, keyword, count)
            fields = _FIELDS.get(op, ())
            return TupleRef(tuple(self.make(v) for v in found), fields if len(fields) == count else ())
        if op in ("numpy.asarray", "numpy.asanyarray") and len(args) == 1 and len(positional) == 1 and not keyword:
            if isinstance(self.type_of(positional[0]), Array):
                return args[0]
        if op == "numpy.array" and len(positional) == 1 and isinstance(args[0] if args else None, View) and not keyword:
            return self.make(self.let("numpy.copy", positional[0]))
        if op in ops.VIEWS and args and isinstance(args[0], View) and positional and not self.is_taken_over(op, args[0]):
            return self.through(args[0], Step(op, positional[1:], tuple(sorted(keyword.items()))), node)
        type: Type | None = None
        if not is_library(op) and ops.STRUCTURAL.isdisjoint((op,)):
            type = UNKNOWN
        var = self.operation(op, positional, keyword, type=type)
        shown = self.may_show(op, args, positional)
        if isinstance(shown, View):
            return self.shown_again(self.make(var), shown, f"a write to what `{op.replace('numpy', 'np')}` gives")
        solid = op in _SOLID or (self.is_ufunc(op) and all(self.is_solid(a) for a in args))
        ref = self.make(var, solid=solid)
        if type is UNKNOWN and isinstance(ref, View):
            for arg in args:
                for storage in self.storages(arg):
                    self.relate(ref.storage, storage)
        return ref

    def is_taken_over(self, op: str, view: View) -> bool:
        """Whether a helper that may hand back its operand was given one that nobody else has."""
        alone = view.storage in self.fresh and not view.path and not any(view.storage in pair for pair in self.related)
        return op in ("fit", "cast") and alone

    def may_show(self, op: str, args: list[Ref], positional: tuple[Atom, ...]) -> Ref | None:
        """The operand of which the result is a view that cannot be written, or not followed if it is."""
        if op == "numpy.einsum" and len(args) == 2 and isinstance(positional[0], Const):
            taken, arrow, given = str(positional[0].value).replace(" ", "").partition("->")
            kept = set(given) if arrow else {c for c in taken if taken.count(c) == 1}
            return args[1] if set(taken) == kept else None  # nothing is summed
        return args[0] if op == "numpy.diag" and args and self.rank(positional[0]) != 1 else None

    def shown_again(self, made: Ref, source: View, write: str) -> Ref:
        """A result that shares the memory of what it was made of."""
        if isinstance(made, View):
            made.storage.frozen = write
            for storage in self.storages(source):
                self.relate(made.storage, storage)
        return made

    def count(self, op: str, args: tuple[Atom, ...], kwargs: dict[str, Atom], node: ast.AST) -> int:
        """How many results an operation has."""
        flag = kwargs.get("compute_uv") or kwargs.get("mode")
        if op.endswith(".svd") and flag == Const(False):
            return 1
        if op.endswith(".qr") and "mode" in kwargs:
            mode = self.static(kwargs["mode"])
            if mode is None or mode.value not in ("reduced", "complete", "r", "economic", "full"):
                self.refuse(node, "`qr` in this mode", 'use mode="reduced"')
            return 1 if mode.value == "r" else 2
        if op in ("numpy.meshgrid", "numpy.broadcast_arrays", "numpy.atleast_1d", "numpy.atleast_2d"):
            return len(args)
        if op == "numpy.unique" and any(k.startswith("return_") for k in kwargs):
            return 1 + sum(k.startswith("return_") and v == Const(True) for k, v in kwargs.items())
        if op == "numpy.nonzero":
            return self.rank(args[0]) or 1
        return _RESULTS.get(op, 1)

    # Arguments.

    def argument(self, ref: Ref, name: str, node: ast.AST) -> Atom:
        """An argument of a library's function, or of a helper that emitted code brings along."""
        self.sure(ref, node)
        if name == "key":
            return self.key_of(ref, node)
        if name in _TUPLES and isinstance(ref, (TupleRef, ListRef)):
            items = ref.items if isinstance(ref, TupleRef) else None
            if isinstance(ref, ListRef):
                content = self.content(ref.storage)
                items = content.refs if isinstance(content, Items) else None
            if items is not None:
                atoms = [self.argument(i, name, node) for i in items]
                known = [self.static(a) for a in atoms]
                if all(k is not None for k in known):
                    return Const(tuple(k.value for k in known if k is not None))
                self.at(node)
                return self.let("tuple", *atoms)
        if isinstance(ref, (TupleRef, ListRef)):
            return self.array_like(ref, node)
        if isinstance(ref, External):
            if ref.live is not None:
                return Const(ref.live)
            self.refuse(node, f"`{ref.op}` as an argument", "pass a number or an array")
        if isinstance(ref, (RangeRef, Lazy)):
            return self.array_of(self.as_list(ref, node), node)
        a = self.value(ref, node)
        known_one = self.static(a)
        if known_one is not None and (name in _TUPLES or not isinstance(known_one.value, float)):
            return known_one
        return a

    def array_like(self, ref: Ref, node: ast.AST) -> Atom:
        """An operand where NumPy takes an array: a list or tuple is made one."""
        if isinstance(ref, (TupleRef, ListRef)):
            return self.array_of(ref, node)
        return self.value(ref, node)

    def array_of(self, ref: Ref, node: ast.AST) -> Atom:
        """The array of a list or tuple."""
        parts = self.spliced("numpy.array", ref, node)
        self.at(node)
        return self.let("numpy.array", *parts)

    def spliced(self, op: str, ref: Ref, node: ast.AST) -> list[Atom]:
        """The operands that a sequence argument stands for: one by one where they are known."""
        items: tuple[Ref, ...] | None = None
        if isinstance(ref, (Lazy, RangeRef)):
            ref = self.as_list(ref, node)
        if isinstance(ref, TupleRef):
            items = ref.items
        elif isinstance(ref, ListRef):
            content = self.content(ref.storage)
            items = content.refs if isinstance(content, Items) else None
            if items is None:
                assert isinstance(content, (Var, Const))
                return [content]
        if items is None:
            return [self.value(ref, node)]
        found: list[Atom] = []
        for item in items:
            if isinstance(item, (TupleRef, ListRef)):
                inner = self.spliced("numpy.array", item, node)
                self.at(node)
                found.append(self.let("numpy.array", *inner))
            else:
                found.append(self.value(item, node))
        if len(found) <= 1:
            # One operand alone would read as the sequence itself.
            self.at(node)
            return [self.let("list", *found)]
        return found

    # Writing calls.

    def into(self, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """`op(..., out=x)`: a write of the whole of x."""
        target = kwargs.pop("out")
        if isinstance(target, TupleRef) and len(target.items) == 1:
            target = target.items[0]
        if not isinstance(target, View):
            self.refuse(node, "`out=` of something that is not an array", "assign the result instead")
        mask = kwargs.pop("where", None)
        new = self.library_call(op, args, kwargs, node)
        a = self.value(new, node)
        self.at(node)
        if mask is not None and not (isinstance(mask, Const) and mask.value is True):
            a = self.let("numpy.where", self.value(mask, node), a, self.value(target, node))
        self.overwrite(target, a, node)
        return target

    def overwrite(self, target: View, new: Atom, node: ast.AST, hint: str = "") -> None:
        """`target[...] = new`: keeps the shape and dtype of what is written."""
        before = self.value(target, node)
        if self.type_of(before) != self.type_of(new) or not isinstance(self.type_of(new), Array) or self.loose(before):
            new = self.let("update", before, Const(...), new, hint=hint)
        self.store(target, new, node, hint or self.name_of(target))

    def loose(self, a: Atom) -> bool:
        """Whether the dtype or the shape of an operand is not known."""
        t = self.type_of(a)
        return not isinstance(t, Array) or t.dtype is None or t.dims is None

    def name_of(self, view: View) -> str:
        """A name that refers to just this view."""
        for name, ref in self.frame.env.items():
            if isinstance(ref, View) and ref.storage is view.storage and ref.path == view.path:
                return name
        return ""

    def is_distinct(self, key: Atom) -> bool:
        """Whether an index surely names no place twice."""
        let = self.definitions.get(key) if isinstance(key, Var) else None
        if let is not None and let.op == "tuple":
            return all(map(self.is_distinct, let.args))
        if let is not None and let.op == "numpy.array":
            known = [a.value for a in let.args if isinstance(a, Const)]
            return len(known) == len(let.args) == len(set(known)) and all(isinstance(k, int) and k >= 0 for k in known)
        return self.form(key) in ("basic", "int") or kind_of(self.type_of(key)) == "bool"

    def as_list(self, ref: Ref, node: ast.AST) -> Ref:
        """The list of what an iterable gives."""
        raise NotImplementedError


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
    target, new = args[0], args[1]
    if not isinstance(target, View):
        self.refuse(node, "`np.copyto` into something that is not an array", "pass an array")
    mask = kwargs.get("where")
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
    """`np.put(x, places, v)` writes `x.flat[places]`."""
    target, (places, new, mode) = _target(self, op, args, kwargs, "a ind v mode", node)
    if mode != Const(None) and mode != Const("raise"):
        self.refuse(node, "`np.put` in this mode", "take the places modulo the size")
    flat = self.through(target, Step("flat"), node)
    self.assign_array_item(flat, self.key_of(places, node), new, node)
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
    if self.rank(before) != 2 or self.rank(value) not in (0, 1) or wrap not in (Const(None), Const(False)):
        help = "annotate the arrays; or write x[i, i] = v with i = np.arange(n)"
        self.refuse(node, "`np.fill_diagonal` of an array not known to be a matrix", help)
    self.at(node)
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
    whole = args[0] if before is None and after is None else _put_together(self, before, args[0], after, node)
    if n is not None and isinstance(n.value, int) and n.value > 1:
        axis = {"axis": kwargs["axis"]} if "axis" in kwargs else {}
        for _ in range(n.value):
            whole = self.library_call(op, [whole, Const(1), *args[2:]], axis.copy(), node)
        return whole
    return None if whole is args[0] else self.library_call(op, [whole, *args[1:]], kwargs, node)


def _put_together(self: Library, before: Ref | None, middle: Ref, after: Ref | None, node: ast.AST) -> Ref:
    """What is between two others, all with one axis, or numbers."""
    parts: list[Ref] = []
    for part in (before, middle, after):
        rank = None if part is None else self.rank(self.array_like(part, node))
        if part is not None and (rank not in (0, 1) or (part is middle and rank == 0)):
            help = "annotate the arrays; or write np.diff(np.concatenate(...))"
            self.refuse(node, "`np.diff` with `prepend` or `append` of what is not known to have one axis", help)
        if part is not None:
            parts.append(part if rank == 1 else TupleRef((part,)))
    return self.library_call("numpy.concatenate", [TupleRef(tuple(parts))], {}, node)


def _unwritten(self: Library, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    self.refuse(node, f"`{op.replace('numpy', 'np')}`", "write x[key] = v")


_REDUCED = {
    "numpy.add.reduce": "numpy.sum",
    "numpy.multiply.reduce": "numpy.prod",
    "numpy.maximum.reduce": "numpy.max",
    "numpy.minimum.reduce": "numpy.min",
    "numpy.add.accumulate": "numpy.cumsum",
    "numpy.multiply.accumulate": "numpy.cumprod",
}
_SPECIAL: dict[str, Handler] = {
    **dict.fromkeys(_WRITING_AT, _accumulate_at),
    "numpy.copyto": _copyto,
    "numpy.shape": _shape_of,
    "numpy.ndim": _shape_of,
    "numpy.size": _shape_of,
    **dict.fromkeys(_REDUCED, _reduced),
    **{f"numpy.{n}": _split for n in ("split", "array_split", "hsplit", "vsplit", "dsplit")},
    "numpy.where": _where,
    "numpy.nan_to_num": _in_place,
    "numpy.put": _put,
    "numpy.pad": _pad,
    "numpy.diff": _diff,
    "numpy.putmask": _putmask,
    "numpy.fill_diagonal": _fill_diagonal,
    **dict.fromkeys("numpy.place numpy.put_along_axis numpy.random.shuffle random.shuffle".split(), _unwritten),
}
