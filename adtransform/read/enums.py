"""Members of enumerations: what is outside and known by itself; of a class known from its text, as Python would make it."""

from __future__ import annotations

import ast
import enum
import types
from collections.abc import Callable
from typing import Any

from adtransform.ir import Const
from adtransform.read.refs import EitherRef, External, Ref

NUMBER = ("__int__", "__float__", "__index__", "__abs__", "__round__")
TURNED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}
_BINARY = "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split()
SPECIAL = frozenset(
    [
        *("__eq__", "__ne__", "__bool__", "__len__", "__str__", "__format__", "__neg__", "__pos__", "__invert__", *NUMBER),
        *(f"__{name}__" for name in (*_BINARY, *(f"r{name}" for name in _BINARY), *TURNED)),
    ]
)
_MIXED: dict[str, type] = {"builtins.str": str, "builtins.int": int, "builtins.float": float}


def member(value: enum.Enum) -> External:
    """A member, under a name that no other one has."""
    cls = type(value)
    return External(f"{cls.__module__}.{cls.__qualname__}.{value.name or value.value!r}", value)


def live_member(ref: Ref | None) -> enum.Enum | None:
    """The member that a reference is; None for anything else."""
    return ref.live if isinstance(ref, External) and isinstance(ref.live, enum.Enum) else None


def key_ref(key: object) -> Ref:
    """A key of a dict as a value."""
    return member(key) if isinstance(key, enum.Enum) else Const(key)


def members_in(ref: Ref) -> list[External]:
    """The members that a reference may be; none where it may be something else."""
    if isinstance(ref, EitherRef):
        then, orelse = members_in(ref.then), members_in(ref.orelse)
        return then + orelse if then and orelse else []
    return [ref] if isinstance(ref, External) and isinstance(ref.live, enum.Enum) else []


def defines(cls: type, *names: str) -> bool:
    """Whether an enumeration, or a class of the user's above it, defines one of some special methods itself."""
    own = [base for base in cls.__mro__ if base.__module__ not in ("enum", "builtins")]
    found = [vars(base)[name] for base in own for name in names if name in vars(base)]
    return any(isinstance(f, types.FunctionType) and f.__module__ != "enum" for f in found)


def is_enumeration(op: str) -> bool:
    """Whether a dotted name is that of a class of the standard library from which enumerations are derived."""
    found = getattr(enum, op.removeprefix("enum."), None) if op.startswith("enum.") else None
    return isinstance(found, type) and issubclass(found, enum.Enum)


def from_text(
    node: ast.ClassDef, bases: list[str], module: str, literal: Callable[[ast.expr], object]
) -> type[enum.Enum] | None:
    """The enumeration that a class is in its text; None where some of it is more than literals.

    `bases`: what it is derived from, by their names; `literal`: the value of an expression of literals, or None.
    """
    *mixed, base = bases
    kind: Any = getattr(enum, base.removeprefix("enum."))
    mixin = [_MIXED[m] for m in mixed if m in _MIXED]
    if node.keywords or len(mixin) < len(mixed) or len(mixin) > 1:
        return None
    options: dict[str, Any] = {"module": module, "type": mixin[0] if mixin else None}
    items: dict[str, Any] = {}

    def made() -> type[enum.Enum]:
        found: type[enum.Enum] = kind(node.name, list(items.items()), **options)
        return found

    def value(part: ast.expr) -> Any:
        if isinstance(part, ast.Call) and ast.unparse(part) in ("auto()", "enum.auto()"):
            return enum.auto()
        if isinstance(part, ast.Name) and part.id in items:
            return made()[part.id].value
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.BitOr):
            return value(part.left) | value(part.right)
        found = literal(part)
        if found is None:
            raise TypeError
        return found

    try:
        for stmt in node.body:
            match stmt:
                case ast.Assign(targets=[ast.Name(id=name)], value=part) if not name.startswith("_"):
                    items[name] = value(part)
                case ast.FunctionDef(name="__new__" | "_generate_next_value_"):
                    return None
                case ast.FunctionDef() | ast.Expr(value=ast.Constant()) | ast.Pass() | ast.AnnAssign(value=None):
                    pass
                case _:
                    return None
        found = made()
        for stmt in node.body:  # that they are there matters, not what they do
            if isinstance(stmt, ast.FunctionDef) and stmt.name in SPECIAL:
                setattr(found, stmt.name, _special)
        return found
    except (TypeError, ValueError):
        return None


def _special(*_: object) -> Any:
    return NotImplemented
