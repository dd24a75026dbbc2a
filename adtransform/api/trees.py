"""Nested values: how an argument or a result is made of numbers and arrays.

    flatten({"w": w, "b": (b, 2.0)})  ->  [w, b, 2.0], {"w": *, "b": (*, *)}

Tuples (named ones too), lists, dicts and the objects of plain classes (dataclasses too) are nests; everything else is a leaf,
but for functions, classes and the members of enumerations, which belong to the structure.
What an object holds beside numbers and arrays (text, flags, and ints that its class annotates as `int`) belongs to the
structure as well.
"""

from __future__ import annotations

import enum
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from adtransform.read.instances import annotated, attributes, is_plain_instance
from adtransform.read.objects import Remake
from adtransform.record import record


@record
class Star:
    """The place of a leaf."""


@record(eq=False)
class Fixed:
    """Something that is no number: part of the structure."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fixed) and type(self.value) is type(other.value) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


@record
class Nest:
    """A container: its class, the keys or field names of its children in order (indices for sequences), and the children.

    `again`: it is an object that stands in several places.
    """

    kind: type
    keys: tuple[Any, ...]
    children: tuple[Tree, ...]
    again: bool = False


@record
class Many:
    """A list of unknown length of things nested alike.  A leaf of `item` stands for the list of what is there in each."""

    item: Tree


Tree = Star | Fixed | Nest | Many
STAR = Star()
_FIXED = (str, bytes, bool, type(None), type(...), type, enum.Enum, range, slice, np.dtype)


def children(value: Any, held: bool = False) -> tuple[tuple[Any, ...], tuple[Any, ...]] | None:
    """Keys and children of a container, None for a leaf.  `held`: in an object, where a child may be `Fixed`."""
    if is_structural(value):
        return (), ()
    if isinstance(value, (tuple, list)):
        parts = tuple(value)
        return tuple(range(len(value))), tuple(map(_fixed, parts)) if held else parts
    if isinstance(value, dict):
        parts = tuple(value.values())
        return tuple(value), tuple(map(_fixed, parts)) if held else parts
    if is_plain_instance(value):
        found = attributes(value)
        cls: type = type(value)
        ints = {name for name, text in annotated(cls).items() if text == "int"}
        return tuple(found), tuple(Fixed(v) if n in ints and type(v) is int else _fixed(v) for n, v in found.items())
    return None


def is_structural(value: Any) -> bool:
    """Whether a value belongs to the structure wherever it stands: a member of an enumeration, a function, a class."""
    return isinstance(value, enum.Enum) or (callable(value) and not is_plain_instance(value))


def _fixed(value: Any) -> Any:
    return Fixed(value) if isinstance(value, _FIXED) or is_structural(value) else value


def is_leaf(value: Any) -> bool:
    """Whether a value is no container."""
    return children(value) is None


def repeated(values: Iterable[Any]) -> frozenset[int]:
    """The identities of the objects that stand in several places of some values."""
    todo = [v for v in values if type(v) is not np.ndarray and type(v) is not float]
    if not todo:
        return frozenset()
    seen: set[int] = set()
    found: set[int] = set()
    while todo:
        value = todo.pop()
        parts = children(value)
        if is_plain_instance(value):
            if id(value) in seen:
                found.add(id(value))
                continue
            seen.add(id(value))
        todo.extend(parts[1] if parts else ())
    return frozenset(found)


def flatten(value: Any, again: frozenset[int] = frozenset()) -> tuple[list[Any], Tree]:
    """The leaves in order, and how they are nested.  Raises `TypeError` for an object that holds itself.

    `again`: the identities of objects that stand elsewhere too.
    """
    leaves: list[Any] = []
    return leaves, _flatten(value, False, leaves, again, ())


def _flatten(value: Any, held: bool, leaves: list[Any], again: frozenset[int], around: tuple[int, ...]) -> Tree:
    if isinstance(value, Fixed):
        return value
    if is_structural(value):
        return Fixed(value)
    found = children(value, held)
    if found is None:
        leaves.append(value)
        return STAR
    if id(value) in around:
        raise TypeError(f"a {type(value).__name__} that holds itself cannot be an argument: pass its parts")
    held = held or is_plain_instance(value)
    around = (*around, id(value))
    parts = tuple(_flatten(child, held, leaves, again, around) for child in found[1])
    return Nest(type(value), found[0], parts, id(value) in again)


def callables(tree: Tree) -> Iterator[Any]:
    """The classes of the containers and objects in a tree, and the functions that it holds."""
    if isinstance(tree, Many):
        yield from callables(tree.item)
    if isinstance(tree, Nest):
        yield tree.kind
        for child in tree.children:
            yield from callables(child)
    elif isinstance(tree, Fixed) and callable(tree.value):
        yield tree.value


def count(tree: Tree) -> int:
    """The number of leaves."""
    if isinstance(tree, Many):
        return count(tree.item)
    return sum(count(child) for child in tree.children) if isinstance(tree, Nest) else int(isinstance(tree, Star))


def unflatten(tree: Tree, leaves: Sequence[Any]) -> Any:
    """The inverse of `flatten`."""
    return _build(tree, iter(leaves))


def _build(tree: Tree, leaves: Iterator[Any]) -> Any:
    if isinstance(tree, Star):
        return next(leaves)
    if isinstance(tree, Fixed):
        return tree.value
    if isinstance(tree, Many):
        columns = [next(leaves) for _ in range(count(tree))]
        return [unflatten(tree.item, row) for row in zip(*columns, strict=True)]
    parts = [_build(child, leaves) for child in tree.children]
    if issubclass(tree.kind, tuple):
        return tree.kind(*parts) if hasattr(tree.kind, "_fields") else tuple(parts)
    if issubclass(tree.kind, list):
        return parts
    pairs = dict(zip(tree.keys, parts, strict=True))
    if issubclass(tree.kind, dict):
        return OrderedDict(pairs) if tree.kind is OrderedDict else pairs
    made = object.__new__(tree.kind)
    for name, part in pairs.items():
        object.__setattr__(made, name, part)
    return made


def map_leaves(function: Callable[..., Any], value: Any, *others: Any) -> Any:
    """`function` of corresponding leaves, nested like `value`.  Raises `TypeError` where the structures differ."""
    leaves, tree = flatten(value)
    rest = [leaves_like(other, tree, "a value") for other in others]
    return unflatten(tree, [function(*group) for group in zip(leaves, *rest, strict=True)])


def leaves_like(value: Any, tree: Tree, what: str) -> list[Any]:
    """The leaves of a value that must be nested as `tree`.  Raises `TypeError` naming `what` where it is not."""
    if isinstance(tree, Star):
        return [value]
    if isinstance(tree, Fixed):
        return []
    if isinstance(tree, Many):
        if not isinstance(value, list):
            raise TypeError(f"{what} must be nested like {describe(tree)}, got {type(value).__name__}")
        rows = [leaves_like(v, tree.item, what) for v in value]
        return [[row[i] for row in rows] for i in range(count(tree))]
    found = children(value)
    if found is None or not isinstance(value, _family(tree.kind)) or set(found[0]) != set(tree.keys):
        raise TypeError(f"{what} must be nested like {describe(tree)}, got {type(value).__name__}")
    parts = dict(zip(*found, strict=True))
    return [leaf for k, child in zip(tree.keys, tree.children, strict=True) for leaf in leaves_like(parts[k], child, what)]


def _family(kind: type) -> type:
    return next((base for base in (tuple, list, dict) if issubclass(kind, base)), kind)


def describe(tree: Tree) -> str:
    """`{'w': *, 'b': (*, *)}`"""
    if isinstance(tree, Star):
        return "*"
    if isinstance(tree, Fixed):
        return repr(tree.value)
    if isinstance(tree, Many):
        return f"[{describe(tree.item)}, ...]"
    inner = [describe(child) for child in tree.children]
    if issubclass(tree.kind, tuple):
        return f"({', '.join(inner)}{',' if len(inner) == 1 else ''})"
    if issubclass(tree.kind, list):
        return f"[{', '.join(inner)}]"
    pairs = ", ".join(f"{k!r}: {text}" for k, text in zip(tree.keys, inner, strict=True))
    return f"{{{pairs}}}" if issubclass(tree.kind, dict) else f"{tree.kind.__name__}({pairs})"


def spell(tree: Tree, names: Sequence[str], bound: Callable[[Any], str]) -> str:
    """The expression that builds the nested value from variables: `{'w': w, 'b': (b0, b1)}`.

    `bound` gives a name to what has no literal: a class, a function.
    """
    return _spell(tree, iter(names), bound)


def _spell(tree: Tree, names: Iterator[str], bound: Callable[[Any], str]) -> str:
    if isinstance(tree, Star):
        return next(names)
    if isinstance(tree, Fixed):
        plain = isinstance(tree.value, (str, bytes, bool, int, type(None))) and not isinstance(tree.value, enum.Enum)
        return repr(tree.value) if plain else bound(tree.value)
    assert isinstance(tree, Nest)
    inner = [_spell(child, names, bound) for child in tree.children]
    if tree.kind is tuple:
        return f"({', '.join(inner)}{',' if len(inner) == 1 else ''})"
    if tree.kind is list:
        return f"[{', '.join(inner)}]"
    if issubclass(tree.kind, dict):
        if tree.kind not in (dict, OrderedDict):
            raise TypeError(f"a {tree.kind.__name__} cannot be an argument: pass dict(d)")
        shown = "{" + ", ".join(f"{k!r}: {text}" for k, text in zip(tree.keys, inner, strict=True)) + "}"
        return shown if tree.kind is dict else f"{bound(tree.kind)}({shown})"
    if issubclass(tree.kind, tuple):
        return f"{bound(tree.kind)}({', '.join(inner)})"
    return f"{bound(Remake(tree.kind, tree.again))}({', '.join(f'{k}={t}' for k, t in zip(tree.keys, inner, strict=True))})"
