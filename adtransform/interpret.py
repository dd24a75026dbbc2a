"""Run a function of the IR as it stands: what every pass must preserve.

Every value is immutable here: `update`, `push`, `pop` and `accumulate_at` make copies, so views and aliases cannot matter.
The user's effects (`print`, `raise`) are performed.
"""

from __future__ import annotations

import copy
import functools
import importlib
import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from adtransform.ir import UNDEFINED, Atom, Const, For, Function, If, Leaf, Let, Record, Region, Try, Var, While, leaf_places
from adtransform.ops import CALLS, SPLICED, resolve

Env = dict[Var, Any]


def interpret(f: Function, arguments: Mapping[str, Any]) -> Any:
    """The value of `f` for arguments by name, nested as `f.tree` says.

    Raises `TypeError` for a missing argument, `UnboundLocalError` where the program reads a variable never bound, and
    whatever the operations raise.
    """
    values = {p.name: p.default.value for p in f.params if p.default is not None} | f.bindings | dict(arguments)
    missing = [p.name for p in f.params if p.name not in values]
    if missing or len(values) > len(f.params):
        raise TypeError(f"{f.name}() takes {', '.join(p.name for p in f.params)}; got {', '.join(values)}")
    run = _Run(values, f)
    run.block(f.body)
    return nest(f.tree, [run.value(r) for r in f.results])


def nest(tree: Any, values: Any) -> Any:
    """Flat results as the tree says."""
    match tree:
        case Leaf(index):
            return values[index]
        case Record(many=True):
            order = leaf_places(tree)
            item: Any = dict(zip(tree.names, tree, strict=True)) if tree.kind is dict else tuple(tree)
            rows = zip(*(values[i] for i in order), strict=True)
            return [nest(item, dict(zip(order, row, strict=True))) for row in rows]
        case tuple():
            return tuple(nest(t, values) for t in tree)
        case list():
            return [nest(t, values) for t in tree]
        case dict():
            return {k: nest(t, values) for k, t in tree.items()}
    return tree


class _Run:
    def __init__(self, arguments: Mapping[str, Any], f: Function) -> None:
        self.arguments = arguments
        self.extra = f.extra
        self.callees = f.callees
        self.env: Env = {}
        self.errors: dict[Atom, BaseException] = {}  # what each `Try` has caught last, by its flag

    def value(self, a: Atom) -> Any:
        return a.value if isinstance(a, Const) else self.env[a]

    def enter(self, region: Region, inputs: list[Any]) -> list[Any]:
        self.env.update(zip(region.params, inputs, strict=True))
        self.block(region)
        return [self.value(r) for r in region.results]

    def block(self, region: Region) -> None:
        for stmt in region.body:
            match stmt:
                case Let():
                    results = self.let(stmt)
                case If():
                    results = self.enter(stmt.then if self.value(stmt.cond) else stmt.orelse, [])
                case Try():
                    results = self.attempt(stmt)
                case For():
                    results = self.loop(stmt)
                case While():
                    results = self.repeat(stmt)
            self.env.update(zip(stmt.targets, results, strict=True))

    def let(self, let: Let) -> list[Any]:
        args = [self.value(a) for a in let.args]
        kwargs = {k: self.value(a) for k, a in let.kwargs}
        if let.op in ("raise", "reraise"):
            self.fail(let, args)
        if let.op == "load":
            return [self.arguments[args[0]]]
        if let.op not in ("assign", "pack", "list") and any(a is UNDEFINED.value for a in args):
            raise UnboundLocalError(f"{let.op} reads a variable that this path never bound")
        if let.op in CALLS:
            return self.call(*args)
        result = self.operation(let.op)(*args, **kwargs)
        if len(let.targets) == 1 and let.op != "unpack":
            return [result]
        return list(result) if let.targets else []

    def fail(self, let: Let, args: list[Any]) -> NoReturn:
        if let.op == "reraise":
            raise self.errors[let.args[0]]
        cause = dict(let.kwargs).get("cause")
        if cause is None:
            raise args[0](*args[1:])
        raise args[0](*args[1:]) from (self.errors[cause] if isinstance(cause, Var) else None)

    def call(self, name: str, *args: Any) -> list[Any]:
        callee = self.callees[name]
        flat = tuple(Leaf(i) for i in range(len(callee.results)))
        arguments = {p.name: a for p, a in zip(callee.params, args, strict=True)}
        return list(interpret(replace(callee, callees=self.callees, tree=flat), arguments))

    def operation(self, op: str) -> Callable[..., Any]:
        if op in self.extra:
            return self.extra[op]
        if op in OPERATIONS:
            return OPERATIONS[op]
        found = resolve(op) if "." in op else getattr(importlib.import_module("adtransform.runtime"), op, None)
        if found is None:
            raise NotImplementedError(f"no operation {op}")
        if op in SPLICED:
            return lambda *args, **kwargs: found(_sequence(args), **kwargs)
        return found

    def attempt(self, stmt: Try) -> list[Any]:
        try:
            results = self.enter(stmt.body, [])
            self.errors.update(
                (t, self.errors[r]) for t, r in zip(stmt.targets, stmt.body.results, strict=True) if r in self.errors
            )
            return results
        except tuple(c.value for c in stmt.caught) as error:
            self.errors[stmt.targets[0]] = error
            return [True, *(UNDEFINED.value for _ in stmt.targets[1:])]

    def loop(self, stmt: For) -> list[Any]:
        carried = [self.value(a) for a in stmt.inits]
        for i in range(*(operator.index(self.value(a)) for a in (stmt.start, stmt.stop, stmt.step))):
            stop, *carried = self.enter(stmt.body, [i, *carried])
            if stop:
                break
        return carried

    def repeat(self, stmt: While) -> list[Any]:
        carried = [self.value(a) for a in stmt.inits]
        while self.enter(stmt.cond, carried)[0]:
            stop, *carried = self.enter(stmt.body, carried)
            if stop:
                break
        return carried


def _sequence(args: tuple[Any, ...]) -> Any:
    return args[0] if len(args) == 1 else list(args)


def _update(a: Any, key: Any, v: Any) -> Any:
    made = a.copy(order="K") if isinstance(a, np.ndarray) else copy.copy(a)  # a write changes no memory layout
    made[key] = v
    return made


def _exchange(a: Any, i: Any, j: Any) -> Any:
    return _update(_update(a, i, a[j]), j, a[i])


def _item_in(a: Any, *keys: Any) -> Any:
    return functools.reduce(operator.getitem, keys, a)


def _put_in(a: Any, v: Any, key: Any, *keys: Any) -> Any:
    return _update(a, key, _put_in(a[key], v, *keys) if keys else v)


def _grow_in(acc: Any, share: Any, key: Any, *keys: Any) -> Any:
    return _update(acc, key, _grow_in(acc[key], share, *keys)) if keys else _accumulate_at(acc, key, share)


def _push_in(a: Any, v: Any, *keys: Any) -> Any:
    return _put_in(a, [*_item_in(a, *keys), v], *keys)


def _pop_in(a: Any, *keys: Any) -> Any:
    row = _item_in(a, *keys)
    return _put_in(a, row[:-1], *keys), row[-1]


def _accumulate(acc: Any, share: Any, like: Any) -> Any:
    return acc + _runtime("fit")(share, like)


def _accumulate_at(acc: Any, key: Any, share: Any) -> Any:
    copy = acc.copy()
    if isinstance(copy, np.ndarray):
        np.add.at(copy, key, share)
    elif isinstance(copy, dict):
        copy[key] = copy.get(key, 0.0) + share
    else:
        copy[key] = copy[key] + share
    return copy


def _drop(items: dict[Any, Any], key: Any) -> dict[Any, Any]:
    return {k: v for k, v in items.items() if k != key} if key in items else {}[key]


def _claim(items: dict[Any, Any], key: Any, default: Any) -> tuple[dict[Any, Any], Any]:
    return {k: v for k, v in items.items() if k != key}, items.get(key, default)


def _zeros(like: Any) -> Any:
    if isinstance(like, dict):
        return {key: _zeros(item) for key, item in like.items()}
    return _runtime("zeros")(like)


def _plus(a: Any, b: Any) -> Any:
    if isinstance(a, dict):
        return {key: a.get(key, 0.0) + b.get(key, 0.0) for key in [*a, *b]}
    return _runtime("plus")(a, b)


def _runtime(name: str) -> Callable[..., Any]:
    return getattr(importlib.import_module("adtransform.runtime"), name)  # type: ignore[no-any-return]


def _assert(test: Any, *message: Any) -> None:
    if not test:
        raise AssertionError(*message)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "assign": lambda a: a,
    "index": operator.getitem,
    "update": _update,
    "exchange": _exchange,
    "item_in": _item_in,
    "put_in": _put_in,
    "grow_in": _grow_in,
    "push_in": _push_in,
    "pop_in": _pop_in,
    "slice": slice,
    "tuple": lambda *items: items,
    "list": lambda *items: list(items),
    "table": lambda keys, *items: dict(zip(keys, items, strict=True)),
    "lookup": lambda items, key, default: items.get(key, default),
    "claim": _claim,
    "zeros": _zeros,
    "plus": _plus,
    "drop": _drop,
    "push": lambda items, v: [*items, v],
    "pop": lambda items: (items[:-1], items[-1]),
    "extend": lambda items, more: [*items, *more],
    "times": lambda items, count: items * count,
    "pack": lambda *items: items,
    "unpack": lambda items, **_: items,
    "ifexp": lambda cond, a, b: a if cond else b,
    "backward": lambda: None,
    "trips": lambda start, stop, step: len(range(start, stop, step)),
    "shape": np.shape,
    "ndim": np.ndim,
    "size": np.size,
    "accumulate": _accumulate,
    "accumulate_at": _accumulate_at,
    "builtins.contains": lambda item, container: item in container,
    "builtins.not_contains": lambda item, container: item not in container,
    "assert": _assert,
}
