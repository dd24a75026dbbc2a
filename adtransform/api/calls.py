"""Calls of a user's function: its parameters, the ones differentiated, and the kinds of the arguments."""

from __future__ import annotations

import enum
import functools
import inspect
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from adtransform.api.trees import STAR, Fixed, children, flatten, is_structural, unflatten
from adtransform.read.instances import is_plain_instance
from adtransform.read.libraries import is_library

Wrt = int | str | tuple[int | str, ...]
_SETTINGS = (str, bytes, type(None))  # in a list or dict that is differentiated they belong to the structure
_NAMED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def innermost(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The function of which a `functools.partial` fixes arguments."""
    while isinstance(fun, functools.partial):
        fun = fun.func
    return fun


def is_of_library(fun: Callable[..., Any]) -> bool:
    """Whether it is a function of NumPy or of another library that is not read but has rules."""
    module = "numpy" if isinstance(fun, np.ufunc) else getattr(fun, "__module__", None) or ""
    return not isinstance(fun, (type, types.MethodType)) and is_library(module)


class Callee:
    """A function with its signature.  Raises `TypeError` for what is no function or has no signature."""

    def __init__(self, fun: Callable[..., Any]) -> None:
        if not callable(fun):
            raise TypeError(f"expected a function, got {fun!r}")
        if hasattr(fun, "__func__") and hasattr(fun, "__self__"):
            fun = types.MethodType(fun.__func__, fun.__self__)
        self.fun = fun
        self.name = getattr(innermost(fun), "__name__", type(fun).__name__)
        try:
            self.signature = inspect.signature(fun)
        except (TypeError, ValueError):
            raise TypeError(f"`{self.name}` has no signature: wrap the call in a function of your own") from None
        if is_of_library(fun):  # its options are what a function of the user's own would give it
            required = [p for p in self.signature.parameters.values() if p.default is p.empty]
            self.signature = self.signature.replace(parameters=required)
        self.names = tuple(self.signature.parameters)
        kinds = [p.kind for p in self.signature.parameters.values()]
        self.variadic = inspect.Parameter.VAR_POSITIONAL in kinds or inspect.Parameter.VAR_KEYWORD in kinds
        self._simple = all(p.kind in _NAMED for p in self.signature.parameters.values())

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
        """One value for each parameter, in their order, defaults filled in.  Raises `TypeError` as the call itself would."""
        if self._simple and not kwargs and len(args) == len(self.names):
            return args
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.name}(): {error}") from None
        bound.apply_defaults()
        return tuple(bound.arguments.values())

    def call(self, values: tuple[Any, ...]) -> Any:
        """The function itself, of values in the order of the parameters."""
        if self._simple:
            return self.fun(*values)
        bound = inspect.BoundArguments(self.signature, dict(zip(self.names, values, strict=True)))
        return self.fun(*bound.args, **bound.kwargs)

    def resolve(self, wrt: Wrt) -> tuple[tuple[int, ...], bool]:
        """Positions of the chosen parameters, and whether a single one was asked for.

        Raises `TypeError` for what is no index, name or tuple of these, `ValueError` for a parameter not there, or twice.
        """
        if isinstance(wrt, (tuple, list)):
            places = tuple(self._place(w) for w in wrt)
            if not places:
                raise ValueError("`wrt` is empty: name at least one parameter")
            if len(set(places)) < len(places):
                raise ValueError(f"`wrt` names a parameter twice: {wrt!r}")
            return places, False
        return (self._place(wrt),), True

    def _place(self, wrt: int | str) -> int:
        if isinstance(wrt, str):
            if wrt in self.names:
                return self.names.index(wrt)
            raise ValueError(f"`{self.name}` has no parameter {wrt!r}; it has {self._listed()}")
        if isinstance(wrt, bool) or not isinstance(wrt, (int, np.integer)):
            raise TypeError(f"`wrt` must be an index, a name, or a tuple of these, not {wrt!r}")
        if self.variadic and wrt >= len(self.names):
            wrt = len(self.names) - 1
        if not -len(self.names) <= wrt < len(self.names):
            raise ValueError(f"`{self.name}` has no parameter {wrt}; it has {self._listed()}")
        place = int(wrt) % len(self.names)
        if list(self.signature.parameters.values())[place].kind is inspect.Parameter.VAR_POSITIONAL:
            raise ValueError(
                f"argument {wrt} of `{self.name}` is one of several: choose all of them by `wrt={self.names[place]!r}`"
            )
        return place

    def _listed(self) -> str:
        return ", ".join(f"{i}: {name}" for i, name in enumerate(self.names)) or "none"


def promoted(value: Any, name: str) -> Any:
    """An argument to differentiate, its integer scalars made floats.

    Raises `TypeError` for what has no derivative: integer, complex and object arrays, complex numbers, text, None.
    """
    if type(value) is float or (type(value) is np.ndarray and value.dtype.kind == "f"):
        return value
    if isinstance(value, enum.Enum):
        raise TypeError(f"cannot differentiate with respect to `{name}`: it is a member of {type(value).__name__}")
    if is_structural(value):
        raise TypeError(f"cannot differentiate with respect to `{name}`: it is a function")
    leaves, tree = flatten(value)
    made = [Fixed(leaf) if tree != STAR and isinstance(leaf, _SETTINGS) else _promoted(leaf, name) for leaf in leaves]
    # The same object where nothing changes: it may stand in another argument too.
    return value if all(a is b for a, b in zip(leaves, made, strict=True)) else unflatten(tree, made)


def _promoted(leaf: Any, name: str) -> Any:
    if isinstance(leaf, np.ndarray):
        _plain(leaf, name)
        if leaf.dtype.kind in "biu":
            raise TypeError(f"`{name}` is an array of {leaf.dtype}, which has no derivative: pass `{name}.astype(float)`")
        if leaf.dtype.kind == "f":
            return leaf
    elif isinstance(leaf, np.generic):
        if leaf.dtype.kind in "biu":
            return np.float64(leaf)
        if leaf.dtype.kind == "f":
            return leaf
    elif isinstance(leaf, (int, float)):
        return float(leaf)
    kind = f"array of {leaf.dtype}" if isinstance(leaf, np.ndarray) else type(leaf).__name__
    if isinstance(leaf, (complex, np.complexfloating)) or "complex" in kind:
        raise TypeError(f"`{name}` is complex ({kind}): complex arguments are not supported; pass real and imaginary parts")
    raise TypeError(f"cannot differentiate with respect to `{name}`: it is of type {kind}")


def _plain(array: np.ndarray[Any, Any], name: str) -> None:
    if type(array) is not np.ndarray:
        kind = type(array).__name__
        raise TypeError(f"`{name}` is a {kind}, whose operators are not an array's: pass `np.asarray({name})`")


def checked(value: Any, name: str) -> Any:
    """An argument that is not differentiated.  Raises `TypeError` for subclasses of ndarray, which have rules of their own."""
    if isinstance(value, np.ndarray):
        _plain(value, name)
    return value


def kind_key(value: Any, again: frozenset[int] = frozenset(), held: bool = False) -> Any:
    """What a specialisation depends on, hashable: kind, dtype, rank and which axes are 1; the structure of containers.

    `again`: the identities of objects that stand in several places.
    """
    cls = type(value)
    if cls is float or cls is int:
        return cls
    if cls is np.ndarray:
        return value.dtype, tuple([n == 1 for n in value.shape])
    if isinstance(value, np.generic):
        return value.dtype
    if cls is Fixed:
        return value
    if is_structural(value):
        return Fixed(value)
    found = children(value, held)
    if found is None:
        return cls
    held = held or is_plain_instance(value)
    return cls, id(value) in again, found[0], tuple([kind_key(child, again, held) for child in found[1]])


def extents_key(values: Iterable[Any]) -> tuple[int, ...]:
    """Which axes of the array arguments are equally long: for each axis the first one of its length."""
    extents = [n for value in values if type(value) is np.ndarray for n in value.shape]
    return tuple([extents.index(n) for n in extents])


def has_float(value: Any) -> bool:
    """Whether every number in it is a float (and there is one): what `wrt=None` chooses."""
    leaves, tree = flatten(value)
    numbers = [leaf for leaf in leaves if tree == STAR or not isinstance(leaf, _SETTINGS)]
    return bool(numbers) and all(map(_is_float, numbers))


def _is_float(leaf: Any) -> bool:
    if isinstance(leaf, (np.ndarray, np.generic)):
        return bool(leaf.dtype.kind == "f")
    return isinstance(leaf, float)
