"""Attributes that are asked for by name: `hasattr`, `getattr` and `setattr`, also of what may be a number or an array."""

from __future__ import annotations

import ast
import builtins
import collections
import functools
import types
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from adtransform.ir import Atom, Const
from adtransform.lattice import BOOL, Array, Scalar, Type
from adtransform.read.refs import DictRef, External, FunctionRef, ListRef, MaybeRef, ObjectRef, PartialRef, Ref, TupleRef
from adtransform.read.tables import COUNTER

if TYPE_CHECKING:
    from adtransform.read.objects import Objects

Handler = Callable[["Objects", list[Ref], dict[str, Ref], ast.AST], Ref | None]


def class_of(ref: Ref) -> type | None:
    """The class of a container, a function or a constant."""
    match ref:
        case TupleRef():
            return tuple
        case ListRef(storage):
            return collections.deque if storage.queue else list
        case DictRef(storage) if storage.factory is not None:
            return collections.Counter if storage.factory == External(COUNTER) else collections.defaultdict
        case DictRef():
            return dict
        case FunctionRef():
            return types.FunctionType
        case PartialRef():
            return functools.partial
        case Const(value):
            return type(value)
        case External(_, live) if live is not None:
            return type(live)
    return None


def class_of_number(t: Type) -> type | None:
    """The class of a number or an array, where it is known."""
    if isinstance(t, Array):
        return None if t.dims == () else np.ndarray
    if not isinstance(t, Scalar) or t.dtype == "?" or t.maybe:
        return None
    return getattr(builtins, t.kind) if t.dtype is None else np.dtype(t.dtype).type


def name_of(kind: type) -> str:
    """A class as Python names it in messages."""
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _there(self: Objects, owner: Ref, name: str, node: ast.AST) -> Atom:
    """Whether something has an attribute of a name."""
    if isinstance(owner, MaybeRef):
        one, other = _there(self, owner.ref, name, node), Const(hasattr(None, name))
        if one == other:
            return one
        return self.value(self.choose(owner.there, lambda: one, lambda: other, node), node)
    if isinstance(owner, ObjectRef) or (isinstance(owner, TupleRef) and owner.names):
        return Const(self.has_attribute(owner, name, node))
    a = Const(None) if (kind := class_of(owner)) is not None else self.value(owner, node)
    kind = kind or class_of_number(self.type_of(a))
    return Const(hasattr(kind, name)) if kind is not None else self.let("builtins.hasattr", a, name, type=BOOL)


def by_name(name: str) -> Handler:
    """`getattr`, `hasattr` or `setattr`"""

    def handler(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
        owner, key, *rest = args
        record = isinstance(owner, (ObjectRef, TupleRef))
        if not isinstance(key, Const) or not (record or name != "setattr"):
            self.refuse(node, f"`{name}`", "write the attribute" if name != "setattr" else "assign to the attribute")
        if name == "setattr":
            self.set_attribute(owner, key.value, rest[0], node)
            return Const(None)
        if name == "getattr" and not rest:
            return self.attribute(owner, key.value, node)
        there = _there(self, owner, key.value, node)
        if name == "hasattr":
            return there
        return self.choose(there, lambda: self.attribute(owner, key.value, node), lambda: rest[0], node)

    return handler
