"""Calls of libraries: arguments in canonical form, sequences spliced, several results, results that are views."""

from __future__ import annotations

import ast
import functools
from collections.abc import Mapping, Sequence

import numpy as np

from adtransform import ops
from adtransform.infer import WITH_ROW
from adtransform.ir import Atom, Const, Var
from adtransform.lattice import UNKNOWN, Array, Scalar, Type, kind_of
from adtransform.read.enums import members_in
from adtransform.read.expressions import Expressions
from adtransform.read.libraries import is_library
from adtransform.read.refs import DictRef, External, Items, Lazy, ListRef, Method, RangeRef, Ref, Step, TupleRef, View
from adtransform.read.specials import SPECIAL

_OF_NUMBERS = ("numpy.squeeze", "numpy.transpose", "numpy.reshape")
_LISTED = frozenset({("numpy.delete", 1)})  # an empty list is not what an empty array would be
_OF_SEQUENCES = ("random.", "statistics.", "bisect.", "math.dist", "math.fsum", "math.sumprod")
# What may give a view of what it is given, which is not followed.
_SHOWING = frozenset(
    "numpy.require numpy.atleast_3d numpy.lib.stride_tricks.as_strided builtins.memoryview numpy.asfortranarray "
    "numpy.asarray_chkfinite numpy.real_if_close numpy.trim_zeros".split()
)
# The functions of `operator` that write into what they are given.
_WRITING = frozenset(
    "setitem delitem iadd isub imul itruediv ifloordiv imod ipow imatmul iand ior ixor ilshift irshift iconcat".split()
)
_SEVERAL_VIEWS = frozenset(f"numpy.{n}" for n in "atleast_1d atleast_2d atleast_3d broadcast_arrays unstack".split())
_OF_UFUNCS = {
    "accumulate": ("array", "axis", "dtype", "out"),
    "reduce": ("array", "axis", "dtype", "out"),
    "reduceat": ("array", "indices", "axis", "dtype", "out"),
}
_DISPLAYS = frozenset(("numpy.array", "numpy.asarray", "numpy.asanyarray"))

# Defaults of what is spliced, whose signature says nothing.
_UNSAID_AXIS: Mapping[str, Atom] = {"axis": Const(0)}
_UNSAID_ARRAY: Mapping[str, Atom] = {"copy": Const(True), "order": Const("K"), "subok": Const(False), "ndmin": Const(0)}

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


@functools.cache
def parameter_names(op: str) -> tuple[str, ...]:
    """The parameter names of a library's function, as far as Python knows them."""
    spec = ops.signature(op) if is_library(op) else None
    return tuple(spec.parameters) if spec is not None else _HELPERS.get(op, ())


@functools.cache
def positional_names(op: str) -> tuple[str, ...]:
    """The names of the parameters of a library's function that may be given by position."""
    spec = ops.signature(op) if is_library(op) else None
    parameters = spec.parameters.items() if spec is not None else ()
    return tuple(n for n, p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD))


def _gives(op: str) -> str:
    return f"a write to what `{op.replace('numpy', 'np')}` gives"


_CLASSES: dict[str, type] = {"numpy.ndarray": View, "builtins.list": ListRef, "builtins.dict": DictRef}
_HANDING_BACK = frozenset(["fit", "cast"])  # the helpers that may give their operand itself


class Library(Expressions):
    """Calling libraries."""

    def same_number(self, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
        """What changes the shape of one of NumPy's numbers to that of a number gives the number; None for anything else."""
        if kwargs or len(args) != 1 + (op == "numpy.reshape") or not isinstance(args[0], (View, Var)):
            return None
        a = self.value(args[0], node)
        t, shape = self.type_of(a), self.known_items(args[1]) if op == "numpy.reshape" else []
        return a if isinstance(t, Scalar) and t.dtype not in (None, "?") and shape == [] else None

    def library_call(self, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """A call of a function of a library, or of one that nothing is known of."""
        if op in _OF_NUMBERS and (found := self.same_number(op, args, kwargs, node)) is not None:
            return found
        handler = SPECIAL.get(op)
        if handler is not None:
            found = handler(self, op, args, kwargs, node)
            if found is not None:
                return found
        own = self.of_the_class(op, args, kwargs, node)
        if own is not None:
            return own
        self.check_in_place(op, node)
        self.out_by_position(op, args, kwargs, node)
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
        if op in ops.SPLICED:
            atoms: list[Atom] = self.spliced(op, args[0], node) if args else []
            atoms += [self.argument(a, "", node) for a in args[1:]]
        else:
            # Helpers that emitted code brings along have adjoints that are lists; and what takes any sequence gets what it is.
            helper = op in ops.STRUCTURAL or op.startswith(_OF_SEQUENCES)
            atoms = [
                self.value(ListRef(a.storage), node)
                if (helper or (op, i) in _LISTED) and isinstance(a, ListRef)
                else self.argument(a, names[i] if i < len(names) else "", node)
                for i, a in enumerate(args)
            ]
        named = {k: self.argument(v, k, node) for k, v in kwargs.items()}
        self.at(node)
        if is_library(op) and op not in ops.SPLICED:
            try:
                positional, keyword = ops.canonical(op, atoms, named)
            except TypeError as error:
                self.refuse(node, f"this call of `{op}`", f"Python says: {error}")
        elif op in ops.SPLICED and len(args) > 1:
            names = parameter_names(op) or ("a", "axis")
            extra = dict(zip(names[1:], atoms[-(len(args) - 1) :], strict=False))
            positional, keyword = tuple(atoms[: -(len(args) - 1)]), tuple(sorted({**extra, **named}.items()))
        else:
            positional, keyword = tuple(atoms), tuple(sorted(named.items()))
        if op in ops.SPLICED:
            unsaid = _UNSAID_ARRAY if op == "numpy.array" else _UNSAID_AXIS
            keyword = tuple((k, v) for k, v in keyword if k not in unsaid or v != unsaid[k])
        return self.result(op, args, positional, dict(keyword), node)

    def of_the_class(self, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
        """A method read from its class, `np.ndarray.fill(a, x)`, as one of the object; None for anything else."""
        owner, _, name = op.rpartition(".")
        kind = _CLASSES.get(owner)
        if kind is None or not args or name.startswith("__") or not isinstance(args[0], kind):
            return None
        return self.apply(Method(args[0], name), args[1:], kwargs, node)

    def check_in_place(self, op: str, node: ast.AST) -> None:
        """Refuse what writes into an argument in a way that is not followed."""
        owner, _, name = op.rpartition(".")
        if name == "at" and isinstance(ops.resolve(owner), np.ufunc):
            self.refuse(node, f"`{op.replace('numpy', 'np')}`, which writes into its argument", "write the loop")
        if owner == "operator" and name in _WRITING:
            self.refuse(node, f"`{op}`, which writes into its argument", "write the statement: a += x, a[i] = x")
        if owner in ("numpy.ndarray", "builtins.list", "builtins.dict") and name.startswith(("__set", "__del", "__i")):
            self.refuse(node, f"`{op}`, which writes into its argument", "write the statement: a[i] = x")

    def out_by_position(self, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> None:
        """Have an `out` that is given by its position be one given by keyword."""
        owner, _, name = op.rpartition(".")
        names = () if self.is_ufunc(op) else positional_names(op)
        if name in _OF_UFUNCS and isinstance(ops.resolve(owner), np.ufunc):
            names = _OF_UFUNCS[name]
        if self.is_ufunc(op) and len(args) > self.inputs(op) + 1:
            self.refuse(node, f"several arrays to write into for `{op.replace('numpy', 'np')}`", "assign its results")
        if "out" in names and len(args) > (first := names.index("out")):
            kwargs.update(zip(names[first:], args[first:], strict=False))
            del args[first:]

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
            if op in _SEVERAL_VIEWS:
                views = [a for a in args if isinstance(a, View)]
                return TupleRef(tuple(self.shown_again(self.make(v), views, _gives(op)) for v in found))
            return TupleRef(tuple(self.make(v) for v in found), fields if len(fields) == count else ())
        if op in ("numpy.asarray", "numpy.asanyarray") and len(args) == 1 and len(positional) == 1 and not keyword:
            if isinstance(self.type_of(positional[0]), Array):
                return args[0]
        copies = op in ("numpy.array", "numpy.copy") and len(positional) == 1 and not keyword
        if copies and isinstance(args[0] if args else None, View):
            made = self.let("numpy.copy", positional[0])
            self.arrays.add(made)
            return self.make(made)
        if op in ops.VIEWS and args and isinstance(args[0], View) and positional and not self.is_taken_over(op, args[0], node):
            return self.through(args[0], Step(op, positional[1:], tuple(sorted(keyword.items()))), node)
        type: Type | None = None
        if not is_library(op) and ops.STRUCTURAL.isdisjoint((op,)):
            type = UNKNOWN
        var = self.operation(op, positional, keyword, type=type)
        if op in _HANDING_BACK and isinstance(args[0], View) and not args[0].path and self.is_last(args[0].storage, node):
            return self.successor(args[0].storage, var)
        shown = self.may_show(op, args, positional, keyword)
        if isinstance(shown, View):
            return self.shown_again(self.make(var), [shown], _gives(op))
        if self.may_hand_on(op):
            return self.shown_again(self.make(var), [a for a in args if isinstance(a, View)], _gives(op))
        solid = op in _SOLID or (self.is_ufunc(op) and all(self.is_solid(a) for a in args))
        ref = self.make(var, solid=solid)
        if type is UNKNOWN and isinstance(ref, View):
            for arg in args:
                for storage in self.storages(arg):
                    self.relate(ref.storage, storage)
        return ref

    def is_taken_over(self, op: str, view: View, node: ast.AST) -> bool:
        """Whether a helper that may hand back its operand was given one that nobody else has, or reads again."""
        if op not in _HANDING_BACK or view.path:
            return False
        alone = view.storage in self.fresh and not any(view.storage in pair for pair in self.related)
        return alone or self.is_last(view.storage, node)

    def may_hand_on(self, op: str) -> bool:
        """Whether nothing is known of a library's function, so that what it gives may be what it is given."""
        known = op in WITH_ROW or op in ops.STRUCTURAL or ops.elementwise(op) or self.is_ufunc(op) or self.known(op)
        return is_library(op) and not known

    def may_show(self, op: str, args: list[Ref], positional: tuple[Atom, ...], keyword: Mapping[str, Atom]) -> Ref | None:
        """The operand of which the result is a view that cannot be written, or not followed if it is."""
        if op in _SHOWING or (op in ("numpy.astype", "numpy.array") and keyword.get("copy", Const(True)) != Const(True)):
            return args[0] if args else None
        if op == "numpy.einsum" and len(args) == 2 and isinstance(positional[0], Const):
            taken, arrow, given = str(positional[0].value).replace(" ", "").partition("->")
            kept = set(given) if arrow else {c for c in taken if taken.count(c) == 1}
            return args[1] if set(taken) == kept else None  # nothing is summed
        return args[0] if op == "numpy.diag" and args and self.rank(positional[0]) != 1 else None

    def shown_again(self, made: Ref, sources: Sequence[View], write: str) -> Ref:
        """A result that shares the memory of what it was made of."""
        if isinstance(made, View) and sources:
            made.storage.frozen = write
            for storage in (s for source in sources for s in self.storages(source)):
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
        if op == "numpy.linspace" and kwargs.get("retstep") == Const(True):
            return 2
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
        if isinstance(ref, External) and not members_in(ref):
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
