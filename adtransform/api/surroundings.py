"""What a function takes from around it, so that a specialisation made for old values is not used for new ones."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from adtransform.read.names import is_library

Entry = tuple[Mapping[str, Any] | types.CellType, str, Any]
_MISSING = object()


def surroundings(fun: Callable[..., Any]) -> tuple[Entry, ...]:
    """The globals and closure cells that a function and the functions it calls read, with their values now."""
    return tuple(_entries(fun, set()))


def unchanged(entries: tuple[Entry, ...]) -> bool:
    """Whether all of them have the same values still (for arrays: are the same arrays)."""
    for place, name, value in entries:
        now = _content(place) if isinstance(place, types.CellType) else place.get(name, _MISSING)
        if now is not value and not _equal(now, value):
            return False
    return True


def _entries(fun: Any, seen: set[int]) -> Iterator[Entry]:
    while not isinstance(fun, types.FunctionType):
        fun = getattr(fun, "__func__", getattr(fun, "__wrapped__", None))
        if fun is None:
            return
    if id(fun.__code__) in seen or is_library(str(fun.__module__)):
        return
    seen.add(id(fun.__code__))
    found: list[Entry] = [(fun.__globals__, n, fun.__globals__[n]) for n in _names(fun.__code__) if n in fun.__globals__]
    cells = zip(fun.__code__.co_freevars, fun.__closure__ or (), strict=True)
    found += [(cell, name, _content(cell)) for name, cell in cells]
    for entry in found:
        value = entry[2]
        if not isinstance(value, (types.ModuleType, types.BuiltinFunctionType, np.ufunc, type)):
            yield entry
            yield from _entries(value, seen)


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _MISSING


def _equal(now: Any, value: Any) -> bool:
    return type(now) is type(value) and isinstance(value, (bool, int, float, complex, str)) and bool(now == value)
