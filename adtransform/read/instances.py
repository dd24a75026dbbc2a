"""Objects of plain classes: what they hold, looked at without running anything of theirs."""

from __future__ import annotations

import builtins
import enum
import functools
import sys
from typing import Any

from adtransform.read.libraries import is_library

if sys.version_info >= (3, 14):
    import annotationlib

_HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a `class` statement
_PLAIN_NEW: Any = object.__new__
_ABSENT = object()


def is_own_class(cls: type) -> bool:
    """Whether a class is made by a `class` statement outside of the libraries, and is no exception or enumeration."""
    root = str(cls.__module__).partition(".")[0]
    if root == "builtins":  # also of classes made by `exec` where no module is named
        if vars(builtins).get(cls.__name__) is cls:
            return False
    elif (root in sys.stdlib_module_names and root != "__main__") or root == "adtransform" or is_library(root):
        return False
    return bool(cls.__flags__ & _HEAP) and not issubclass(cls, (BaseException, enum.Enum))


def is_plain_class(cls: type) -> bool:
    """Whether the instances of a user's class are their attributes and nothing else: no array, no number, no tuple."""
    return is_own_class(cls) and getattr(cls, "__new__", None) is _PLAIN_NEW


def is_plain_instance(value: Any) -> bool:
    """Whether a value is an object of a plain class."""
    return not isinstance(value, type) and is_plain_class(type(value))


def attributes(value: Any) -> dict[str, Any]:
    """The attributes that an object itself has, those in slots before the others."""
    slots: dict[str, Any] = {}
    for base in reversed(type(value).__mro__):
        names = vars(base).get("__slots__", ())
        for name in (names,) if isinstance(names, str) else tuple(names):
            member = vars(base).get(name)
            found = _ABSENT if member is None else _read(member, value)
            if found is not _ABSENT:
                slots[name] = found
    return {**slots, **getattr(value, "__dict__", {})}


def _read(member: Any, value: Any) -> Any:
    try:
        return member.__get__(value, type(value))
    except AttributeError:  # not set yet
        return _ABSENT


@functools.lru_cache(256)
def annotated(cls: type) -> dict[str, str]:
    """How a class and those above it annotate attributes, in words."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if sys.version_info >= (3, 14):
            own = annotationlib.get_annotations(base, format=annotationlib.Format.STRING)
        else:
            own = vars(base).get("__annotations__", {})
        found |= {name: kind if isinstance(kind, str) else getattr(kind, "__name__", "") for name, kind in own.items()}
    return found
