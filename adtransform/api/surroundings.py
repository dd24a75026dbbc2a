"""What a function takes from around it, so that a specialisation made for old values is not used for new ones."""

from __future__ import annotations

import functools
import itertools
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from adtransform.read.instances import attributes, is_own_class, is_plain_class, is_plain_instance
from adtransform.read.libraries import is_library

# Where a value is bound, under which name, and what is found there: itself, and what its containers and objects hold.
Entry = tuple[Mapping[str, Any] | types.CellType, str, tuple[Any, ...]]
_MISSING = object()


def surroundings(*called: Callable[..., Any]) -> tuple[Entry, ...]:
    """The globals and closure cells that functions, the functions they call and the methods of classes read."""
    seen: set[int] = set()
    entries = [entry for fun in called for entry in _entries(fun, seen)]
    for fun in called:
        if isinstance(fun, (types.MethodType, functools.partial)) or is_plain_instance(fun):
            entries.append(({"self": fun}, "self", tuple(_held(fun, set()))))
    return tuple(entries)


def unchanged(entries: tuple[Entry, ...]) -> bool:
    """Whether all of them have the same values still (for arrays: are the same arrays)."""
    for place, name, held in entries:
        now = _content(place) if isinstance(place, types.CellType) else place.get(name, _MISSING)
        pairs = itertools.zip_longest(_held(now, set()), held, fillvalue=_MISSING)
        if not all(a is b or _equal(a, b) for a, b in pairs):
            return False
    return True


def _entries(read: Any, seen: set[int]) -> Iterator[Entry]:
    cls = read if isinstance(read, type) else type(read)
    if is_own_class(cls) and id(cls) not in seen:
        seen.add(id(cls))
        for base in cls.__mro__[:-1]:
            for name, member in vars(base).items():
                if not (name.startswith("__") and name.endswith("__")):
                    yield vars(base), name, tuple(_held(member, set()))
    for fun in _functions(read):
        if id(fun) in seen or is_library(str(fun.__module__)):
            continue
        seen.add(id(fun))
        found: list[tuple[Any, str, Any]] = [
            (fun.__globals__, n, fun.__globals__[n]) for n in _names(fun.__code__) if n in fun.__globals__
        ]
        cells = zip(fun.__code__.co_freevars, fun.__closure__ or (), strict=True)
        found += [(cell, name, _content(cell)) for name, cell in cells]
        modules: set[int] = set()
        for place, name, value in found:  # which grows
            if isinstance(value, types.ModuleType) and not is_library(value.__name__) and id(value) not in modules:
                # What may be asked of a module of the user's: `settings.STEPS`.
                modules.add(id(value))
                found += [(vars(value), n, vars(value)[n]) for n in _names(fun.__code__) if n in vars(value)]
            if not isinstance(value, (types.ModuleType, types.BuiltinFunctionType, np.ufunc)):
                held = tuple(_held(value, set()))
                yield place, name, held
                for part in held:
                    yield from _entries(part, seen)


def _functions(value: Any) -> Iterator[types.FunctionType]:
    """The functions behind a callable, or those of a class or of an object's class."""
    if isinstance(value, types.FunctionType):
        yield value
    elif isinstance(value, types.MethodType):
        yield from _functions(value.__func__)
        yield from _functions(type(value.__self__))
    elif isinstance(value, functools.partial):
        for part in (value.func, *value.args, *value.keywords.values()):
            if callable(part):
                yield from _functions(part)
    elif callable(value) and (inner := getattr(value, "__wrapped__", None)) is not None:
        yield from _functions(inner)
    else:
        yield from _functions_of_class(value if isinstance(value, type) else type(value))


def _functions_of_class(cls: type) -> Iterator[types.FunctionType]:
    if not is_plain_class(cls):
        return
    for base in cls.__mro__[:-1]:
        for member in vars(base).values():
            inner = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            if isinstance(inner, types.FunctionType):
                yield inner


def _held(value: Any, seen: set[int]) -> Iterator[Any]:
    """A value, and everything that its containers and objects hold."""
    yield value
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _held(item, seen)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _held(item, seen)
    elif isinstance(value, types.MethodType):
        yield from _held(value.__self__, seen)
    elif isinstance(value, functools.partial):
        for part in (value.func, *value.args, *value.keywords.values()):
            yield from _held(part, seen)
    elif is_plain_instance(value):
        for name, item in attributes(value).items():
            yield name
            yield from _held(item, seen)


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
