"""Exception classes of the user's own: an emitted file defines some of the same names, which stand for them.

class Diverged(ValueError): pass      raise Diverged(...), except Diverged
"""

from __future__ import annotations

import builtins
import sys
import weakref
from typing import Any

_MODULE = "<own>"
_PLAIN = frozenset(
    "__module__ __doc__ __weakref__ __dict__ __qualname__ __firstlineno__ __static_attributes__ __annotations__".split()
)
_known: weakref.WeakKeyDictionary[type, type] = weakref.WeakKeyDictionary()


def stand_in(name: str, base: type, of: type | None = None) -> type:
    """A class that stands for one of the user's; `of`: that class, where it is there."""
    return type(name, (base,), {"__module__": _MODULE, "of": of})


def is_own(value: Any) -> bool:
    """Whether it is a class that stands for one of the user's."""
    return isinstance(value, type) and value.__module__ == _MODULE


def standing_for(cls: type) -> type | None:
    """What stands for a live exception class: itself where a file can import it; None where it does more than its base."""
    importable: bool = getattr(sys.modules.get(cls.__module__), cls.__qualname__, None) is cls
    if importable:
        return cls
    found = _known.get(cls)
    if found is None:
        base = standing_for(cls.__bases__[0]) if len(cls.__bases__) == 1 and _PLAIN.issuperset(vars(cls)) else None
        if base is None or not (is_own(base) or base.__module__ == "builtins"):
            return None
        found = _known[cls] = stand_in(cls.__name__, base, cls)
    return found


def lineage(cls: type) -> list[type]:
    """The classes that stand for the user's above a class and itself, the highest first."""
    return [c for c in reversed(cls.__mro__) if is_own(c)]


def is_builtin(cls: type) -> bool:
    """Whether Python has a class under its name."""
    return getattr(builtins, cls.__name__, None) is cls
