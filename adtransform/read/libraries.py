"""Libraries whose functions are known by name, and the objects in them."""

from __future__ import annotations

import ast
import importlib
import types
from typing import Any

import numpy as np

# Modules whose functions are known by name: importing them executes none of the user's code.
LIBRARIES = frozenset(
    "numpy math cmath operator builtins scipy functools itertools warnings statistics random time copy dataclasses "
    "logging contextlib enum heapq _heapq bisect".split()
)


def is_library(op: str) -> bool:
    """Whether an operation belongs to a module that may be imported to look at it."""
    return op.partition(".")[0] in LIBRARIES


def live(op: str) -> Any:
    """The object of a library that a dotted name stands for; None where there is none."""
    parts = op.split(".")
    if parts[0] not in LIBRARIES:
        return None
    found: Any = None
    try:
        found = importlib.import_module(parts[0])
        for i, part in enumerate(parts[1:], 2):
            if not hasattr(found, part):
                importlib.import_module(".".join(parts[:i]))
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return None
    return found


def exported(module: str) -> list[str]:
    """What `from module import *` binds, of a module of a library."""
    found = live(module)
    return list(getattr(found, "__all__", None) or (n for n in vars(found) if n[:1] != "_")) if found is not None else []


def module_of(value: Any) -> str:
    """The module that a library's object is imported from."""
    module = str(getattr(value, "__module__", None) or "")
    return {"_operator": "operator", "_bisect": "bisect", "_heapq": "heapq"}.get(module, module)


def op_name(value: Any, fallback: str) -> str:
    """The one name of a library's object: `numpy.absolute` for `np.abs`."""
    name = getattr(value, "__name__", "")
    module = module_of(value)
    if isinstance(value, np.ufunc) or module == "numpy":
        module = "numpy" if getattr(np, name, None) is value else fallback.rpartition(".")[0]
    if isinstance(value, types.ModuleType):
        return value.__name__
    full = f"{module}.{name}" if module and name else fallback
    return full if full.partition(".")[0] in LIBRARIES and live(full) is value else fallback


def is_there(stmt: ast.stmt) -> bool:
    """Whether a statement imports from libraries, and all that it imports exists."""
    match stmt:
        case ast.Import(names=aliases):
            return all(live(alias.name) is not None for alias in aliases)
        case ast.ImportFrom(module=str(source), names=aliases, level=0):
            return all(live(f"{source}.{alias.name}") is not None for alias in aliases)
    return False
