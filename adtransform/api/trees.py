"""Nested values: how an argument or a result is made of numbers and arrays.

    flatten({"w": w, "b": (b, 2.0)})  ->  [w, b, 2.0], {"w": *, "b": (*, *)}

Tuples (named ones too), lists, dicts and dataclass instances are nests; everything else is a leaf.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Star:
    """The place of a leaf."""


@dataclass(frozen=True, slots=True)
class Nest:
    """A container: its class, the keys or field names of its children in order (indices for sequences), and the children."""

    kind: type
    keys: tuple[Any, ...]
    children: tuple[Tree, ...]


Tree = Star | Nest
STAR = Star()


def children(value: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]] | None:
    """Keys and children of a container, None for a leaf."""
    if isinstance(value, (tuple, list)):
        return tuple(range(len(value))), tuple(value)
    if isinstance(value, dict):
        return tuple(value), tuple(value.values())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = tuple(f.name for f in dataclasses.fields(value) if f.init)
        return names, tuple(getattr(value, n) for n in names)
    return None


def is_leaf(value: Any) -> bool:
    """Whether a value is no container."""
    return children(value) is None


def flatten(value: Any) -> tuple[list[Any], Tree]:
    """The leaves in order, and how they are nested."""
    found = children(value)
    if found is None:
        return [value], STAR
    leaves: list[Any] = []
    parts = []
    for child in found[1]:
        more, tree = flatten(child)
        leaves += more
        parts.append(tree)
    return leaves, Nest(type(value), found[0], tuple(parts))


def count(tree: Tree) -> int:
    """The number of leaves."""
    return 1 if isinstance(tree, Star) else sum(count(child) for child in tree.children)


def unflatten(tree: Tree, leaves: Sequence[Any]) -> Any:
    """The inverse of `flatten`."""
    return _build(tree, iter(leaves))


def _build(tree: Tree, leaves: Iterator[Any]) -> Any:
    if isinstance(tree, Star):
        return next(leaves)
    parts = [_build(child, leaves) for child in tree.children]
    if issubclass(tree.kind, tuple):
        return tree.kind(*parts) if hasattr(tree.kind, "_fields") else tuple(parts)
    if issubclass(tree.kind, list):
        return parts
    pairs = dict(zip(tree.keys, parts, strict=True))
    return pairs if issubclass(tree.kind, dict) else tree.kind(**pairs)


def map_leaves(function: Callable[..., Any], value: Any, *others: Any) -> Any:
    """`function` of corresponding leaves, nested like `value`.  Raises `TypeError` where the structures differ."""
    leaves, tree = flatten(value)
    rest = [leaves_like(other, tree, "a value") for other in others]
    return unflatten(tree, [function(*group) for group in zip(leaves, *rest, strict=True)])


def leaves_like(value: Any, tree: Tree, what: str) -> list[Any]:
    """The leaves of a value that must be nested as `tree`.  Raises `TypeError` naming `what` where it is not."""
    if isinstance(tree, Star):
        return [value]
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
    inner = [describe(child) for child in tree.children]
    if issubclass(tree.kind, tuple):
        return f"({', '.join(inner)}{',' if len(inner) == 1 else ''})"
    if issubclass(tree.kind, list):
        return f"[{', '.join(inner)}]"
    pairs = ", ".join(f"{k!r}: {text}" for k, text in zip(tree.keys, inner, strict=True))
    return f"{{{pairs}}}" if issubclass(tree.kind, dict) else f"{tree.kind.__name__}({pairs})"


def spell(tree: Tree, names: Sequence[str], constructor: Callable[[type], str]) -> str:
    """The expression that builds the nested value from variables: `{'w': w, 'b': (b0, b1)}`."""
    return _spell(tree, iter(names), constructor)


def _spell(tree: Tree, names: Iterator[str], constructor: Callable[[type], str]) -> str:
    if isinstance(tree, Star):
        return next(names)
    inner = [_spell(child, names, constructor) for child in tree.children]
    if tree.kind is tuple:
        return f"({', '.join(inner)}{',' if len(inner) == 1 else ''})"
    if tree.kind is list:
        return f"[{', '.join(inner)}]"
    if tree.kind is dict:
        return "{" + ", ".join(f"{k!r}: {text}" for k, text in zip(tree.keys, inner, strict=True)) + "}"
    if issubclass(tree.kind, tuple):
        return f"{constructor(tree.kind)}({', '.join(inner)})"
    return f"{constructor(tree.kind)}({', '.join(f'{k}={t}' for k, t in zip(tree.keys, inner, strict=True))})"
