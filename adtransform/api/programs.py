"""From a callable and the kinds of its arguments to a function of the IR, so that transformations compose there.

A `Shape` says what is known of the arguments of a call; a `Program` is the function for it.  A user's function is read;
a transformation's program is derived from the program of what it transforms, never from its emitted text.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from adtransform import modes, pipeline
from adtransform.api.calls import Callee, innermost, is_of_library
from adtransform.api.trees import STAR, Many, Nest, Star, Tree, flatten, leaves_like, repeated, spell, unflatten
from adtransform.build import free_name
from adtransform.calls import active_results
from adtransform.ir import Function, Leaf, Record, leaf_places
from adtransform.lattice import Array, Dim, Scalar, Type, of_value
from adtransform.live import from_function
from adtransform.read import WRAPPER
from adtransform.read.instances import is_plain_instance
from adtransform.read.objects import Remake
from adtransform.record import record
from adtransform.source import from_text


@record
class Argument:
    """A parameter: how its value is nested, and the names and types of the leaves."""

    name: str
    tree: Tree
    leaves: tuple[str, ...]
    types: tuple[Type, ...]


@record
class Shape:
    """What is known of the arguments of a call; `plain` when none of them is nested."""

    arguments: tuple[Argument, ...]
    plain: bool

    @staticmethod
    def of(names: Sequence[str], values: Sequence[Any], *, alike: bool = False) -> Shape:
        """The shape of a call's values.

        `alike`: axes of the array arguments that are equally long share a name, for code that is called again only where the
        same axes are (`extents_key`).
        """
        taken = set(names)
        arguments = []
        extents: dict[int, Dim] = {}
        again = repeated(values)
        for name, value in zip(names, values, strict=True):
            leaves, tree = flatten(value, again)
            labels = (name,) if tree == STAR else tuple(free_name(f"{name}_{i}", taken) for i in range(len(leaves)))
            types = tuple(of_value(leaf, label) for leaf, label in zip(leaves, labels, strict=True))
            if alike and type(value) is np.ndarray and isinstance(types[0], Array) and types[0].dims is not None:
                dims = (
                    d if isinstance(d, int) else extents.setdefault(n, d)
                    for n, d in zip(value.shape, types[0].dims, strict=True)
                )
                types = (Array(types[0].dtype, tuple(dims)),)
            arguments.append(Argument(name, tree, labels, types))
        return Shape(tuple(arguments), all(a.tree == STAR for a in arguments))

    def flat(self, values: Sequence[Any]) -> list[Any]:
        """The leaves of all arguments."""
        if self.plain:
            return list(values)
        return self.chosen(values, range(len(values)))

    def nest(self, leaves: Sequence[Any]) -> tuple[Any, ...]:
        """The inverse of `flat`."""
        rest = iter(leaves)
        return tuple(unflatten(a.tree, [next(rest) for _ in a.leaves]) for a in self.arguments)

    def chosen(self, values: Sequence[Any], places: Sequence[int]) -> list[Any]:
        """The leaves of some arguments."""
        picked = [(self.arguments[i], values[i]) for i in places]
        return [x for a, v in picked for x in leaves_like(v, a.tree, f"`{a.name}`")]

    def labels(self, places: Sequence[int]) -> tuple[str, ...]:
        """The names of the leaves of some arguments."""
        return tuple(label for place in places for label in self.arguments[place].leaves)

    def nester(self, places: Sequence[int], single: bool) -> Callable[[Sequence[Any]], Any]:
        """What turns flat values for some arguments into a result: nested like these, and what has no axes of their kinds."""
        tree = self.tree(places, single)
        types = [t for place in places for t in self.arguments[place].types]
        kinds: dict[int, Callable[[Any], Any]] = {}
        for i, t in enumerate(types):
            if isinstance(t, Array) and t.dims == ():
                kinds[i] = np.asarray
            elif isinstance(t, Scalar) and t.dtype not in (None, "?") and t.kind == "float":
                kinds[i] = np.dtype(t.dtype).type
        if not kinds:
            return lambda leaves: nested(tree, leaves)

        def nest(leaves: Sequence[Any]) -> Any:
            return nested(tree, [kinds[i](x) if i in kinds else x for i, x in enumerate(leaves)])

        return nest

    def tree(self, places: Sequence[int], single: bool) -> Tree:
        """How values for some arguments are nested: a tuple of them, or bare for a single one."""
        trees = tuple(self.arguments[place].tree for place in places)
        return trees[0] if single else Nest(tuple, tuple(range(len(trees))), trees)


@record
class Seed:
    """Parameters of a program that take a tangent: `names[i]` is that of the argument leaf `labels[i]`, nested as `tree`."""

    names: tuple[str, ...]
    labels: tuple[str, ...]
    tree: Tree


@record
class Program:
    """A function over the flat arguments, how its results are nested, and the tangents it takes besides."""

    function: Function
    shape: Shape
    out: Tree
    seeds: tuple[Seed, ...] = ()

    def active_results(self, labels: Sequence[str]) -> tuple[tuple[int, ...], ...]:
        """For each adjoint that reverse mode takes, in order, the positions of the results it belongs to."""
        return active_results(modes.primal(self.function), labels)

    def leaves(self) -> list[Any]:
        """The results in the order of `out`."""
        return [self.function.results[i] for i in leaf_places(self.function.tree)]


@runtime_checkable
class Transformation(Protocol):
    """A callable made by the API."""

    callee: Callee

    def program(self, shape: Shape) -> Program:
        """The function it stands for, for arguments of this shape."""


def program_of(callee: Callee, shape: Shape) -> Program:
    """The function behind a callable for arguments of this shape.  Raises `DifferentiationError` where it cannot be read."""
    if isinstance(callee.fun, Transformation):
        return callee.fun.program(shape)
    function = read_callable(callee, shape)
    return Program(flat_results(function), shape, tree_of(function.tree))


def read_callable(callee: Callee, shape: Shape) -> Function:
    """A user's function for arguments of this shape, nested arguments taken apart."""
    kinds = {label: t for a in shape.arguments for label, t in zip(a.leaves, a.types, strict=True)}
    bare = not isinstance(callee.fun, types.MethodType) and not is_plain_instance(callee.fun)
    wraps = isinstance(callee.fun, types.FunctionType) and hasattr(callee.fun, "__wrapped__")  # and shows its signature
    wraps = wraps or isinstance(callee.fun, functools.partial) or is_of_library(callee.fun)
    if bare and shape.plain and not callee.variadic and not wraps:
        target = from_function(callee.fun)
        return pipeline.load_target(target, kinds)
    if not is_of_library(callee.fun):
        from_function(innermost(callee.fun) if bare else getattr(callee.fun, "__func__", type(callee.fun).__call__))
    namespace = {"original": callee.fun}

    def bound(value: Any) -> str:
        kind = value.kind if isinstance(value, Remake) else value
        title = getattr(kind, "__name__", type(kind).__name__)
        name = f"{title if title.isidentifier() else 'value'}_{len(namespace)}"
        namespace[name] = value
        return name

    calls = []
    for argument, parameter in zip(shape.arguments, callee.signature.parameters.values(), strict=True):
        value = spell(argument.tree, argument.leaves, bound)
        prefix = {"KEYWORD_ONLY": f"{argument.name}=", "VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}
        calls.append(prefix.get(parameter.kind.name, "") + value)
    head = ", ".join(label for a in shape.arguments for label in a.leaves)
    title = callee.name if callee.name.isidentifier() else "function"
    text = f"def {title}({head}):\n    return original({', '.join(calls)})\n"
    return pipeline.load_function(from_text(text, WRAPPER), title, kinds, namespace)


def flat_results(f: Function) -> Function:
    """The same function with its results as one flat tuple, in the order of its tree."""
    order = leaf_places(f.tree)
    results = tuple(f.results[i] for i in order)
    return replace(f, body=replace(f.body, results=results), tree=tuple(Leaf(i) for i in range(len(results))))


def tree_of(tree: Any) -> Tree:
    """The nesting of an IR function's results."""
    match tree:
        case Record(many=True):
            return Many(tree_of(Record.of(tree, tree.names, tree.title, tree.kind)))
        case Record(kind=type() as kind):
            keys = tuple(range(len(tree))) if issubclass(kind, tuple) else tree.names
            return Nest(kind, keys, tuple(tree_of(t) for t in tree))
        case tuple() | list():
            return Nest(list if isinstance(tree, list) else tuple, tuple(range(len(tree))), tuple(tree_of(t) for t in tree))
        case dict():
            return Nest(dict, tuple(tree), tuple(tree_of(t) for t in tree.values()))
    return STAR


def whole(inner: Program, how: str) -> Program:
    """A program that is not one column of a Jacobian."""
    if inner.seeds:
        raise TypeError(f"`{how}` of a Jacobian is not supported: use `jacfwd` of it, or a function that multiplies it out")
    return inner


def tangent_of(p: Program, labels: tuple[str, ...], tree: Tree) -> Program:
    """The program that yields only the tangents of `p`'s results; it takes a seed more."""
    (derived,) = pipeline.derivative(p.function, "forward", labels)
    before = {q.name for q in p.function.params}
    names = tuple(q.name for q in derived.params if q.name not in before)
    return Program(keep(derived, 1), p.shape, p.out, (*p.seeds, Seed(names, labels, tree)))


def keep(f: Function, item: int) -> Function:
    """Only one item of a function's result tuple, flat; what it alone needs is left to be pruned."""
    return flat_results(replace(f, tree=f.tree[item]))


def runner(function: Function, compiled: Callable[..., Any], shape: Shape) -> Callable[..., Any]:
    """A way to call compiled code: `run(values, extra)`, with flat values of the arguments and of what comes behind them.

    Keyword-only parameters are passed by keyword.
    """
    labels = [label for a in shape.arguments for label in a.leaves]
    keyword = [p.name for p in function.params if p.kind == "KEYWORD_ONLY" and p.name in labels]
    if not keyword:
        return lambda values, extra=(): compiled(*values, *extra)
    places = {name: labels.index(name) for name in keyword}
    plain = [i for i, label in enumerate(labels) if label not in places]

    def run(values: Sequence[Any], extra: Sequence[Any] = ()) -> Any:
        return compiled(*[values[i] for i in plain], *extra, **{name: values[i] for name, i in places.items()})

    return run


@record
class Like:
    """Kind, dtype and shape of a value: what its tangents and adjoints must be.  `items`: those of a list's items."""

    array: bool
    dtype: np.dtype[Any] | None
    shape: tuple[int, ...]
    items: tuple[Like, ...] | None = None

    @staticmethod
    def of(value: Any) -> Like:
        """The template of a number or array; what is neither has one that takes no values."""
        if isinstance(value, (list, tuple)):
            return Like(False, np.dtype(object), (), tuple(map(Like.of, value)))
        if isinstance(value, np.ndarray):
            return Like(True, value.dtype, value.shape)
        if isinstance(value, np.generic):
            return Like(False, value.dtype, ())
        if isinstance(value, (int, float, complex)):
            return Like(False, None, ())
        return Like(False, np.dtype(object), ())

    @property
    def is_float(self) -> bool:
        """Whether it can carry a derivative."""
        return self.dtype is None or self.dtype.kind == "f"

    def convert(self, value: Any, what: str) -> Any:
        """A value in this kind and dtype.  Raises `ValueError` naming `what` where its shape differs."""
        if self.items is not None:
            if not isinstance(value, (list, tuple)) or len(value) != len(self.items):
                raise ValueError(f"{what} has to be a list of {len(self.items)}")
            return [like.convert(v, what) for like, v in zip(self.items, value, strict=True)]
        if np.shape(value) != self.shape:
            raise ValueError(f"{what} has shape {np.shape(value)}, expected {self.shape}")
        if np.iscomplexobj(value):
            raise TypeError(f"{what} is complex: complex values are not supported")
        if self.array:
            return np.array(value, dtype=self.dtype)
        return float(value) if self.dtype is None else self.dtype.type(value)

    def filled(self, number: float) -> Any:
        """This kind of value with the same number everywhere."""
        if self.items is not None:
            return [like.filled(number) for like in self.items]
        return self.convert(np.full(self.shape, number), "")

    def basis(self) -> list[Any]:
        """One value for each element: 1 there and 0 elsewhere."""
        if not self.array:
            return [self.filled(1.0)]
        size = int(np.prod(self.shape))
        return [np.eye(1, size, k, dtype=self.dtype).reshape(self.shape) for k in range(size)]


def nested(tree: Tree, leaves: Sequence[Any]) -> Any:
    """Flat results as the tree says."""
    return leaves[0] if isinstance(tree, Star) else unflatten(tree, leaves)
