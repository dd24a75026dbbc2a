"""What a live object is while reading: a constant, a function to read, or a value that is captured."""

from __future__ import annotations

import ast
import collections
import contextlib
import enum
import functools
import inspect
import logging
import types
import typing
from typing import Any

import numpy as np

from adtransform.errors import TargetError
from adtransform.ir import Const, Param
from adtransform.lattice import Array, of_value
from adtransform.live import from_function
from adtransform.read.detached import Detached
from adtransform.read.enums import member
from adtransform.read.frames import Module
from adtransform.read.libraries import is_library, live, module_of, op_name
from adtransform.read.refs import (
    Conflict,
    DerivedRef,
    DictRef,
    Entries,
    External,
    FunctionRef,
    Items,
    ListRef,
    PartialRef,
    Ref,
    Storage,
    TupleRef,
    View,
)
from adtransform.source import Definition

_MANAGING = contextlib.contextmanager(lambda: iter(())).__code__  # of functions under `contextmanager`
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...))


class Outside(Detached):
    """Taking in live objects."""

    def library(self, op: str) -> Ref:
        """Something of a library: a constant, or a function or module under its one name; looked up once in a reading."""
        found = self.looked_up.get(op)
        if found is None:
            value = live(op)
            if (is_plain(value) and value is not None) or op == "numpy.newaxis":
                found = Const(value)
            else:
                found = External(op_name(value, op) if value is not None else op, value)
            self.looked_up[op] = found
        return found

    def wrap(self, value: Any, name: str, node: ast.AST, *, captured: bool = False) -> Ref:
        """What a live object is while reading."""
        if isinstance(value, types.ModuleType):
            return External(value.__name__, value)
        if isinstance(value, enum.Enum):
            return member(value)
        if isinstance(value, logging.Logger):
            return self.let("logging.getLogger", value.name)
        if _differentiates(value):
            return self.derived(value, name, node)
        if isinstance(value, functools.partial):
            first = tuple(self.wrap(v, f"{name}_{i}", node, captured=captured) for i, v in enumerate(value.args))
            given = {k: self.wrap(v, k, node, captured=captured) for k, v in value.keywords.items()}
            return PartialRef(self.wrap(value.func, name, node), first, given)
        if isinstance(value, np.vectorize):
            if value.otypes or value.excluded or value.signature:
                return Conflict(f"`{name}`, an `np.vectorize` with options", "use a loop, or functions of arrays")
            return PartialRef(External("numpy.vectorize()"), (self.wrap(value.pyfunc, name, node),))
        if isinstance(value, types.FunctionType) and value.__code__ is _MANAGING:
            return PartialRef(External("contextlib.contextmanager()"), (self.wrap(value.__wrapped__, name, node),))  # type: ignore[attr-defined]
        if value is typing.NamedTuple or value is collections.namedtuple:
            return External(f"{value.__module__}.{value.__name__}", value)
        if isinstance(value, types.FunctionType) and not is_library(str(value.__module__)):
            return self.live_function(value, name, node)
        own = self.of_class(value, name, node)
        if own is not None:
            return own
        if callable(value) and not isinstance(value, type) and is_library(module_of(value) or "numpy"):
            return External(op_name(value, f"builtins.{name}"), value)
        if isinstance(value, type):
            module = getattr(value, "__module__", "")
            return External(f"{module}.{value.__qualname__}", value)
        wrapped = getattr(value, "__wrapped__", None)
        if callable(value) and isinstance(wrapped, types.FunctionType):
            return self.live_function(wrapped, name, node)
        if isinstance(value, types.MethodType):
            return Conflict(f"`{name}`, a method of an object outside", "pass what it needs as arguments to a plain function")
        if callable(value):
            return External(f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', name)}", value)
        if is_plain(value) and not (captured and isinstance(value, (int, float, complex)) and not isinstance(value, bool)):
            return Const(value)
        if isinstance(value, (np.dtype, slice)):
            return Const(value)
        if isinstance(value, (np.ndarray, np.generic, int, float, complex)):
            return self.capture(name, value, node)
        if isinstance(value, tuple):
            return TupleRef(tuple(self.wrap(v, f"{name}_{i}", node, captured=captured) for i, v in enumerate(value)))
        if isinstance(value, (list, dict)):
            storage = Storage(name, frozen=f"a write to `{name}`, which is not local")
            if isinstance(value, list):
                self.heap[storage] = Items(
                    tuple(self.wrap(v, f"{name}_{i}", node, captured=captured) for i, v in enumerate(value))
                )
                return ListRef(storage)
            self.heap[storage] = Entries({k: self.wrap(v, f"{name}_{k}", node, captured=captured) for k, v in value.items()})
            return DictRef(storage)
        return External(f"{type(value).__module__}.{type(value).__qualname__}", value)

    def derived(self, value: Any, name: str, node: ast.AST) -> Ref:
        """What makes a derivative, or one that is made already."""
        if isinstance(value, types.FunctionType):
            return External(f"adtransform.{value.__name__}", value)
        recipe = getattr(value, "recipe", None)
        if recipe is None:
            return Conflict(f"`{name}`, part of a derivative made outside", "call `grad`, `vjp` and the like inside")
        how, fun, wrt = recipe
        single = not isinstance(wrt, tuple)
        return DerivedRef(how, self.wrap(fun, name, node), (wrt,) if single else wrt, single)

    def live_function(self, value: types.FunctionType, name: str, node: ast.AST) -> Ref:
        """A live Python function, read from its source."""
        if value.__code__.co_flags & (inspect.CO_ASYNC_GENERATOR | inspect.CO_COROUTINE):
            return Conflict(f"`{name}`, a coroutine", "make it a plain function")
        try:
            target = from_function(value)
            definition: Definition = target.source.find(target.name, generators=True)
        except TargetError:
            return External(f"{value.__module__}.{value.__qualname__}", value)
        context = next((v for v in target.captured.values() if isinstance(v, np.errstate)), None)
        if context is not None and hasattr(value, "__wrapped__"):  # under `@np.errstate(...)`
            self.ignored |= _ignored(context)
            return self.wrap(value.__wrapped__, name, node)
        key = str(value.__module__)
        module = self.modules.get(key)
        if module is None or module.source.file != target.source.file:
            module = self.modules[key] = Module(target.source, target.namespace)
        defaults = (value.__defaults__ or (), value.__kwdefaults__ or {})
        ref = self.function(definition, module, None)
        positional = value.__code__.co_varnames[value.__code__.co_argcount - len(defaults[0]) : value.__code__.co_argcount]
        return FunctionRef(
            ref.node,
            module,
            None,
            ref.name,
            tuple(self.shared(p, self.wrap(v, f"{name}_default", node)) for p, v in zip(positional, defaults[0], strict=True)),
            {k: self.shared(k, self.wrap(v, k, node)) for k, v in defaults[1].items()},
            target.captured,
        )

    def shared(self, name: str, default: Ref) -> Ref:
        """The default of a parameter, which all calls share: none may write it."""
        for storage in self.storages(default):
            storage.frozen = f"a write to the default of `{name}`, which all calls share"
        return default

    def capture(self, name: str, value: Any, node: ast.AST, *, bound: bool = True) -> Ref:
        """A value from outside that becomes a keyword-only parameter."""
        unique, n = name, 2
        while (
            unique in self.params
            and not (unique in self.bindings and self.bindings[unique] is value)
            and not (not bound and self.params[unique].kind == "CAPTURED")
        ):
            unique, n = f"{name}_{n}", n + 1
        if unique not in self.params:
            t = self.types.get(unique) or (_captured_type(value, unique) if bound else self.param_type(unique))
            self.params[unique] = Param(unique, t, "CAPTURED")
            if bound:
                self.bindings[unique] = value
        storage = self.captured_storages.setdefault(
            unique, Storage(name, param=unique, frozen=f"a write to `{name}`, which is not local")
        )
        return View(storage)

    captured_storages: dict[str, Storage]

    # What other parts provide.

    def of_class(self, value: Any, name: str, node: ast.AST) -> Ref | None:
        """A live class of the user's, an object of one, or a method of such an object; None for anything else."""
        raise NotImplementedError


def is_plain(value: Any) -> bool:
    """Whether a value can be written down as a literal."""
    return isinstance(value, _PLAIN) or (isinstance(value, tuple) and all(map(is_plain, value)))


def _differentiates(value: Any) -> bool:
    """Whether it is a derivative made by this package, or makes one."""
    made = value if isinstance(value, (types.FunctionType, type)) else type(value)
    return callable(value) and str(made.__module__).startswith("adtransform.api") and not hasattr(value, "__wrapped__")


def _ignored(context: np.errstate) -> set[str]:
    """What NumPy does not report inside of a context."""
    with np.errstate(all="warn"):
        return {name for name, how in context(np.geterr)().items() if how == "ignore"}


def _captured_type(value: Any, name: str) -> Any:
    t = of_value(value, name)
    return Array(t.dtype, t.dims) if isinstance(t, Array) else t
