"""Records: data classes that nobody alters, made by the hundred thousand in every transformation.

`dataclass(frozen=True)` would refuse assignments when they happen; that makes a record three times as slow to make, and the
classes slow to load.  Here the type checker alone refuses them.  `dataclasses.replace` and `fields` work as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, TypeVar, cast, dataclass_transform, overload

_T = TypeVar("_T")


@overload
def record(cls: type[_T], /) -> type[_T]: ...
@overload
def record(*, eq: bool) -> Callable[[type[_T]], type[_T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[Any] | None = None, /, *, eq: bool = True) -> Any:
    """Make a class a record; with `eq=False` two are equal only where they are the same one."""
    if cls is None:
        return lambda cls: _record(cls, eq)
    return _record(cls, eq)


def _record(cls: type[Any], eq: bool) -> type[Any]:
    made: Any = dataclass(slots=True, eq=eq, unsafe_hash=eq, repr=False)(cls)
    if eq and fields(made) and "__eq__" not in cls.__dict__:
        made.__eq__ = _equality(made)
    if "__repr__" not in cls.__dict__:
        made.__repr__ = _shown
    return cast("type[Any]", made)


def _equality(cls: type[Any]) -> Callable[[Any, Any], bool]:
    """Equality of the same class and fields: what is generated compares all fields of a record with itself, too."""
    held = attrgetter(*(f.name for f in fields(cls)))

    def equal(self: Any, other: Any) -> bool:
        return self is other or (self.__class__ is other.__class__ and bool(held(self) == held(other)))

    return equal


def _shown(self: Any) -> str:
    return f"{type(self).__name__}({', '.join(f'{f.name}={getattr(self, f.name)!r}' for f in fields(self))})"
