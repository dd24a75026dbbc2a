"""What every transformation is: a callable that is specialised to the kinds of its arguments at the first call."""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from adtransform import pipeline
from adtransform.api.calls import Callee, Wrt, checked, extents_key, kind_key, promoted
from adtransform.api.programs import Like, Program, Shape, runner
from adtransform.api.surroundings import Entry, surroundings, unchanged
from adtransform.api.trees import callables, repeated
from adtransform.interpret import OPERATIONS
from adtransform.ir import Function
from adtransform.read.instances import is_plain_instance

Values = tuple[Any, ...]
Recipe = tuple[str, Callable[..., Any], Wrt]
Run = Callable[[Values], Any]

# Specialisations by the user's function, then by transformation and kinds; they vanish with the function.
_SPECIALISED: weakref.WeakKeyDictionary[Any, dict[Hashable, Any]] = weakref.WeakKeyDictionary()
_LOCK = threading.RLock()


class Transform:
    """A callable derived from `fun`: same parameters, specialised at the first call for each combination of kinds."""

    def __init__(self, fun: Callable[..., Any], wrt: Wrt, *options: Hashable) -> None:
        self.callee = Callee(fun)
        self.places, self.single = self.callee.resolve(wrt)
        self.options = options
        inner = fun if isinstance(fun, Transform) else None
        # Every parameter that some transformation in the chain differentiates is made a float.
        self.floats: tuple[int, ...] = tuple(sorted({*self.places, *(inner.floats if inner else ())}))
        self.root: Any = inner.root if inner else fun
        self.token: tuple[Hashable, ...] = (*(inner.token if inner else ()), (type(self), self.places, self.single, options))
        self.__name__ = self.callee.name
        self.__doc__ = getattr(fun, "__doc__", None)
        self.__signature__ = self.callee.signature
        self._cache = _cache_of(self.root)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.callee.fun, self.wrt, self.options)

    @property
    def wrt(self) -> Wrt:
        """The names of the parameters differentiated, a bare one where a single one was asked for."""
        names = tuple(self.callee.names[i] for i in self.places)
        return names[0] if self.single else names

    @property
    def chosen(self) -> Wrt:
        """The places of the parameters differentiated, a bare one where a single one was asked for."""
        return self.places[0] if self.single else self.places

    @property
    def recipe(self) -> Recipe | None:
        """How it was made, for a function that calls it and is differentiated itself; None where that is not supported."""
        return None

    def __repr__(self) -> str:
        wrt = ", ".join(self.callee.names[i] for i in self.places)
        return f"<{type(self).__name__.lower()} of {self.callee.name} with respect to {wrt}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The result for these arguments, which are the transformed function's own."""
        values = self.prepare(self.callee.bind(args, kwargs))
        return self.specialised(values)(values)

    def prepare(self, values: Values) -> Values:
        """The values, integer scalars made floats where they are differentiated.

        Raises `TypeError` for what has no derivative.
        """
        names = self.callee.names
        found = tuple([promoted(v, names[i]) if i in self.floats else checked(v, names[i]) for i, v in enumerate(values)])
        again = repeated(values)
        if again and again != repeated(found):
            raise TypeError("an object that stands in several places of the arguments holds ints: make them floats")
        return found

    def specialised(self, values: Values) -> Run:
        """The code for values of these kinds, made at the first call and again when what the function captures has changed."""
        again = repeated(values)
        key = (self.token, extents_key(values), *[kind_key(v, again) for v in values])
        found: tuple[Run, tuple[Entry, ...]] | None = self._cache.get(key)
        if found is None or not unchanged(found[1]):
            with _LOCK:
                found = self._cache.get(key)
                if found is None or not unchanged(found[1]):
                    found = self._cache[key] = self._fresh(values)
        return found[0]

    @pipeline.unhindered()
    def _fresh(self, values: Values) -> tuple[Run, tuple[Entry, ...]]:
        shape = Shape.of(self.callee.names, values, alike=True)
        around = surroundings(self.root, *{id(c): c for a in shape.arguments for c in callables(a.tree)}.values())
        return self.specialise(shape), around

    def specialise(self, shape: Shape) -> Run:
        """Make the code for arguments of this shape."""
        raise NotImplementedError

    def program(self, shape: Shape) -> Program:
        """The function of the IR that this callable stands for."""
        raise NotImplementedError


def _rebuilt(cls: Callable[..., Transform], fun: Callable[..., Any], wrt: Wrt, options: tuple[Hashable, ...]) -> Transform:
    return cls(fun, wrt, *options)


def forget() -> None:
    """Drop every specialisation: what a new rule may change."""
    with _LOCK:
        for cache in _SPECIALISED.values():
            cache.clear()


def _cache_of(root: Any) -> dict[Hashable, Any]:
    if is_plain_instance(root):  # equal objects may hold different things
        return {}
    try:
        return _SPECIALISED.setdefault(root, {})
    except TypeError:  # no weak reference, or not hashable
        return {}


def codes(function: Function, mode: str, labels: Sequence[str]) -> tuple[Callable[..., Any], ...]:
    """The compiled functions of a mode: one for `forward` and `reverse`, `(ahead, back)` for `pair`."""
    return tuple(pipeline.compile(function, mode, tuple(labels)).functions.values())


class Sweeps:
    """The two sweeps of a program, compiled.  Results and adjoints are flat, in the order of the program's leaves."""

    def __init__(self, program: Program, labels: Sequence[str]) -> None:
        ahead, self._back = codes(program.function, "pair", labels)
        self._active = program.active_results(labels)
        self._run = runner(program.function, ahead, program.shape)
        self._shape = program.shape

    def ahead(self, values: Values) -> tuple[Any, Any]:
        """The results, and what the backward sweep needs."""
        leaves, saved = self._run(self._shape.flat(values))
        return leaves, saved

    def back(self, saved: Any, likes: Sequence[Like], bars: Sequence[Any]) -> Any:
        """The shares of the arguments, for adjoints of the first results; those of the others are zero."""
        return self._back(saved, *[self._seed(group, likes, bars) for group in self._active])

    def _seed(self, group: Sequence[int], likes: Sequence[Like], bars: Sequence[Any]) -> Any:
        given = [bars[i] for i in group if i < len(bars)]
        return functools.reduce(OPERATIONS["plus"], given) if given else likes[group[0]].filled(0.0)
