"""Calls: user functions are read where they are called, builtins are done while reading where they can be."""

from __future__ import annotations

import ast
import dataclasses
import builtins
import functools
from collections.abc import Callable
from pathlib import Path

from adtransform.ir import Atom, Const, Var
from adtransform.lattice import BOOL, UNKNOWN, Array, List, Scalar, Static, Tuple, Unknown
from adtransform.read.core import State
from adtransform.read.frames import EXIT, FALSE, RETURNED, TRUE, VALUE, Frame, Module
from adtransform.read.iteration import Iteration
from adtransform.read.refs import (
    Conflict,
    DictRef,
    Entries,
    External,
    FunctionRef,
    Items,
    Lazy,
    ListRef,
    Method,
    PartialRef,
    RangeRef,
    Ref,
    TupleRef,
    View,
)
from adtransform.read.scope import parameters
from adtransform.source import Definition, Source, from_path

_DEPTH = 200


@functools.cache
def runtime() -> dict[str, str]:
    """The helpers that emitted files contain: their source by name."""
    path = Path(__file__).parents[1] / "runtime.py"
    if not path.exists():
        return {}
    source = from_path(path)
    return {n.name: _plain(source, n) for n in source.tree.body if isinstance(n, ast.FunctionDef)}


def _plain(source: Source, node: ast.FunctionDef) -> str:
    return source.cut(node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or 0)


class Functions(Iteration):
    """Calling things."""

    def call(self, node: ast.Call) -> Ref:
        """A call: the function first, then its arguments, in the order they are written."""
        if isinstance(node.func, ast.Name) and self.is_intrinsic(node.func.id):
            function: Ref = External(self.intrinsics[node.func.id])
        else:
            function = self.expression(node.func)
        args: list[Ref] = []
        kwargs: dict[str, Ref] = {}
        for arg in node.args:
            if isinstance(arg, ast.Starred):
                args.extend(self.unpacked(self.expression(arg.value), arg))
            else:
                args.append(self.expression(arg))
        for keyword in node.keywords:
            ref = self.expression(keyword.value)
            if keyword.arg is not None:
                kwargs[keyword.arg] = ref
                continue
            content = self.content(ref.storage) if isinstance(ref, DictRef) else None
            if not isinstance(content, Entries):
                self.refuse(keyword.value, "`**` of something that is not a dict of known keys", "write the arguments one by one")
            kwargs.update({str(k): v for k, v in content.refs.items()})
        return self.apply(function, args, kwargs, node)

    def is_intrinsic(self, name: str) -> bool:
        """Whether a name stands for a structural operation here."""
        return name in self.intrinsics and name not in self.frame.scope.locals and self.frame.parent is None

    def apply(self, function: Ref, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """Call something with arguments that are read already."""
        self.at(node)
        match function:
            case FunctionRef():
                return self.enter_function(function, args, kwargs, node)
            case PartialRef(inner, first, named):
                return self.apply(inner, [*first, *args], {**named, **kwargs}, node)
            case Method(owner, name):
                return self.method(owner, name, args, kwargs, node)
            case External(live=type() as cls) if names := _fields(cls):
                given = {**dict(zip(names, args, strict=False)), **kwargs}
                if len(args) > len(names) or set(given) != set(names):
                    self.refuse(node, f"a `{cls.__name__}` with other values than its fields", "give every field a value")
                return TupleRef(tuple(given[n] for n in names), names)
            case External(op):
                builtin = BUILTINS.get(op)
                if builtin is not None:
                    found = builtin(self, args, kwargs, node)
                    if found is not None:
                        return found
                    self.at(node)
                if op.startswith("operator."):
                    return self.operator_call(op, args, kwargs, node)
                return self.library_call(op, args, kwargs, node)
            case Conflict():
                self.unusable(function, node)
        self.refuse(node, "a call of something that is not a function", "call a function by its name")

    def operator_call(self, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """`operator.add(a, b)` is `a + b`."""
        name = op.removeprefix("operator.")
        from adtransform.ops import BINARY, COMPARE

        if op in BINARY and len(args) == 2:
            return self.binary(name, args[0], args[1], node)
        if op in COMPARE and len(args) == 2:
            return self.compared(op, args[0], args[1], node)
        if name == "getitem" and len(args) == 2:
            return self.indexed(args[0], self.key_of(args[1], node), node)
        return self.library_call(op, args, kwargs, node)

    # User functions.

    def function(self, node: Definition, module: Module, frame: Frame | None) -> FunctionRef:
        """A function as a value; its defaults are evaluated now, as Python does."""
        name = node.name if isinstance(node, ast.FunctionDef) else "<lambda>"
        if frame is None:
            return FunctionRef(node, module, None, name)
        defaults = tuple(self.expression(d) for d in node.args.defaults)
        keyword = {
            a.arg: self.expression(d) for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if d is not None
        }
        return FunctionRef(node, module, frame, name, defaults, keyword)

    def op_of(self, function: FunctionRef) -> str:
        """The name under which a function may have a rule."""
        name = function.name
        return f"{function.module.name}.{name}" if function.module.name else name

    def enter_function(self, function: FunctionRef, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """Read a user's function where it is called, or leave the call where it has a rule."""
        definition = function.node
        op = self.op_of(function)
        if function.frame is None and self.known(op):
            return self.library_call(op, args, kwargs, node)
        if isinstance(definition, ast.FunctionDef):
            if function.frame is None and runtime().get(definition.name) == _plain(function.module.source, definition):
                return self.library_call(definition.name, args, kwargs, node)
            self.check_definition(definition, function, node)
        depth, frame = 0, self.frame
        while True:
            depth += 1
            if frame.scope.node is definition:
                self.refuse(node, f"`{function.name}`, which calls itself", "write it as a loop")
            if frame.caller is None:
                break
            frame = frame.caller
        if depth > _DEPTH:
            self.refuse(node, "calls nested this deeply", "write it as a loop")
        bound = self.bind_arguments(function, args, kwargs, node)
        inner = Frame(self.scope(definition), function.module, function.frame, function.captured, function.name)
        inner.env.update(bound)
        return self.run(inner, node)

    def check_definition(self, definition: ast.FunctionDef, function: FunctionRef, node: ast.AST) -> None:
        """Refuse functions that are not plain, and decorators that may change what a function does."""
        from adtransform.errors import Refusal, TargetError

        try:
            function.module.source._plain(definition)
        except TargetError as error:
            raise Refusal(error.messages[0]) from None
        for decorator in definition.decorator_list:
            head = decorator.func if isinstance(decorator, ast.Call) else decorator
            name = head.attr if isinstance(head, ast.Attribute) else head.id if isinstance(head, ast.Name) else ""
            if name not in TRANSPARENT:
                self.refuse(node, f"`{function.name}`, which is decorated", f"give it a rule, or call it without `@{name}`")

    def bind_arguments(self, function: FunctionRef, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> dict[str, Ref]:
        """Arguments by parameter name, by Python's rules."""
        a = function.node.args
        name = function.name
        positional = [p.arg for p in (*a.posonlyargs, *a.args)]
        bound: dict[str, Ref] = dict(zip(positional, args, strict=False))
        rest = args[len(positional) :]
        if a.vararg is not None:
            bound[a.vararg.arg] = TupleRef(tuple(rest))
        elif rest:
            self.refuse(node, f"this call of `{name}`", f"it takes {len(positional)} arguments, not {len(args)}")
        only = {p.arg for p in a.posonlyargs}
        named = {*positional, *(p.arg for p in a.kwonlyargs)} - only
        extra: dict[object, Ref] = {}
        for key, value in kwargs.items():
            if key in named:
                if key in bound:
                    self.refuse(node, f"this call of `{name}`", f"`{key}` is given twice")
                bound[key] = value
            elif a.kwarg is not None:
                extra[key] = value
            else:
                self.refuse(node, f"this call of `{name}`", f"it has no parameter `{key}`")
        if a.kwarg is not None:
            bound[a.kwarg.arg] = self.new_dict(extra)
        self.bind_defaults(function, positional, bound)
        missing = [p.arg for p in parameters(function.node) if p.arg not in bound]
        if missing:
            self.refuse(node, f"this call of `{name}`", f"`{missing[0]}` is missing")
        return bound

    def bind_defaults(self, function: FunctionRef, positional: list[str], bound: dict[str, Ref]) -> None:
        """Defaults for what the call left out."""
        a = function.node.args
        for i, default in enumerate(reversed(a.defaults)):
            key = positional[-1 - i]
            if key not in bound:
                known = function.defaults[-1 - i] if function.defaults else None
                bound[key] = known if known is not None else self.in_module(default, function.module)
        for p, default_or_none in zip(a.kwonlyargs, a.kw_defaults, strict=True):
            if p.arg not in bound and default_or_none is not None:
                known = function.keyword_defaults.get(p.arg)
                bound[p.arg] = known if known is not None else self.in_module(default_or_none, function.module)

    def in_module(self, node: ast.expr, module: Module) -> Ref:
        """An expression at module level."""
        empty = ast.Lambda(ast.arguments([], [], None, [], [], None, []), node)
        outer, self.frame = self.frame, Frame(self.scope(empty), module, None, {}, "")
        self._kept.append(empty)
        try:
            return self.expression(node)
        finally:
            self.frame = outer

    _kept: list[ast.AST]

    def run(self, inner: Frame, node: ast.AST) -> Ref:
        """Read the body of a function in a frame of its own, and give what it returns."""
        outer = self.frame
        text, comment, live, place = self.statement_text, self.statement_comment, outer.live, self.place
        outer.live |= outer.scope.liveness.uses(node)
        inner.caller, inner.call = outer, node
        self.frame = inner
        try:
            self.block(inner.scope.body)
            return self.returned()
        finally:
            self.frame = outer
            outer.live = live
            self.statement_text, self.statement_comment, self.place = text, comment, place

    def returned(self) -> Ref:
        """The value of the frame being left; None where it falls off its end."""
        env = self.frame.env
        flag = self.frame.flag(EXIT)
        if VALUE not in env:
            return Const(None)
        if isinstance(flag, Var):
            entry = self.save()

            def nothing() -> None:
                self.frame.env[VALUE] = Const(None)
                self.frame.env[EXIT] = self.frame.env[RETURNED] = TRUE

            a = self.region(entry, self.exited)
            b = self.region(entry, nothing)
            self.restore(entry)
            self.meet(flag, a, b, entry)
        return self.frame.env[VALUE]

    def exited(self) -> None:
        """In a branch where the block has been left."""
        self.frame.env[EXIT] = TRUE


TRANSPARENT = frozenset("wraps cache lru_cache staticmethod differentiate njit jit vectorize profile typechecked checkpoint".split())


# Builtins.

Handler = Callable[[Functions, list[Ref], dict[str, Ref], ast.AST], Ref | None]


def _range(self: Functions, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    atoms = [self.static(a) or a for a in (self.value(r, node) for r in args)]
    if len(atoms) == 1:
        return RangeRef(Const(0), atoms[0], Const(1))
    return RangeRef(atoms[0], atoms[1], atoms[2] if len(atoms) > 2 else Const(1))


def _len(self: Functions, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    ref = args[0]
    size = self.known_length(ref)
    if size is not None:
        return Const(size)
    if isinstance(ref, RangeRef):
        return self.length(ref, node)
    a = self.value(ref, node)
    self.at(node)
    definition = self.definitions.get(a) if isinstance(a, Var) else None
    if definition is not None and definition.op == "shape":
        return self.let("ndim", definition.args[0])
    return self.let("builtins.len", a)


def _print(self: Functions, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    atoms = [self.shown(r, node) for r in args]
    named = {k: self.shown(v, node) for k, v in kwargs.items()}
    self.at(node)
    self.effect("builtins.print", *atoms, **named)
    return Const(None)


def _convert(name: str) -> Handler:
    def handler(self: Functions, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
        if not args:
            return Const(getattr(builtins, name)())
        a = self.value(args[0], node)
        known = self.static(a)
        if known is not None and isinstance(known.value, (bool, int, float, str)):
            try:
                return Const(getattr(builtins, name)(known.value))
            except (ValueError, OverflowError):
                return None
        if name == "bool":
            cond = self.truth(args[0], node)
            return cond if isinstance(cond, Const) else self.let("builtins.bool", cond, type=BOOL)
        return None

    return handler


def _extreme(name: str) -> Handler:
    def handler(self: Functions, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
        if "key" in kwargs:
            self.refuse(node, f"`{name}` with a key", "write the comparison as a loop")
        default = kwargs.pop("default", None)
        if len(args) == 1:
            items = self.known_items(args[0])
            if items is None:
                return self.extreme_of(name, args[0], default, node)
            if not items and default is not None:
                return default
            args[:] = items
        if len(args) == 1:
            return args[0]
        atoms = [self.value(r, node) for r in args]
        known = [self.static(a) for a in atoms]
        if all(k is not None and isinstance(k.value, int) for k in known):
            return Const(getattr(builtins, name)(*(k.value for k in known if k is not None)))
        self.at(node)
        return self.make(self.let(f"builtins.{name}", *atoms))

    return handler


def _sum(self: Functions, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    start = kwargs.pop("start", None) or (args[1] if len(args) > 1 else Const(0))
    return self.accumulated(args[0], start, lambda total, item: self.binary("add", total, item, node), node)


def _all(name: str) -> Handler:
    def handler(self: Functions, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        conjunction = name == "all"

        def step(total: Ref, item: Ref) -> Ref:
            cond = self.truth(total, node)
            test = self.truth(item, node)
            if isinstance(test, Var):
                test = self.let("builtins.bool", test, type=BOOL)
            if conjunction:
                return self.choose(cond, lambda: test, lambda: Const(False), node)
            return self.choose(cond, lambda: Const(True), lambda: test, node)

        return self.accumulated(args[0], Const(conjunction), step, node)

    return handler


def _list(self: Functions, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    return self.as_list(args[0], node) if args else self.new_list(())


def _tuple(self: Functions, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    if not args:
        return TupleRef(())
    if isinstance(args[0], Var) and self.type_of(args[0]) == Static("shape"):
        return args[0]
    items = self.known_items(args[0])
    if items is None:
        self.refuse(node, "a tuple of unknown length", "use a list or an array")
    return TupleRef(tuple(items))


def _dict(self: Functions, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    entries: dict[object, Ref] = {}
    for arg in args:
        if isinstance(arg, DictRef):
            content = self.content(arg.storage)
            entries.update(content.refs if isinstance(content, Entries) else {})
            continue
        for pair in self.known_items(arg) or ():
            parts = self.known_items(pair) or []
            known = self.static(self.value(parts[0], node)) if len(parts) == 2 else None
            if known is None:
                self.refuse(node, "a dict whose keys are computed", "use constant keys, or a list")
            entries[known.value] = parts[1]
    return self.new_dict({**entries, **kwargs})


def _lazy(kind: str) -> Handler:
    def handler(self: Functions, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        if kind == "enumerate":
            start = kwargs.get("start") or (args[1] if len(args) > 1 else Const(0))
            at = self.value(start, node)
            return Lazy(kind, (args[0],), self.static(at) or at)
        if kind == "zip":
            strict = kwargs.get("strict")
            if strict is not None and strict != Const(False):
                self.check_strict(args, node)
        return Lazy(kind, tuple(args))

    return handler


def _isinstance(self: Functions, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    ref, kinds = args
    wanted = kinds.items if isinstance(kinds, TupleRef) else (kinds,)
    classes = tuple(k.live for k in wanted if isinstance(k, External) and isinstance(k.live, type))
    if len(classes) != len(wanted):
        self.refuse(node, "this `isinstance`", "test against builtin classes and np.ndarray")
    import numpy as np

    sample: object = None
    match ref:
        case TupleRef():
            return Const(any(issubclass(tuple, c) for c in classes))
        case ListRef():
            return Const(any(issubclass(list, c) for c in classes))
        case DictRef():
            return Const(any(issubclass(dict, c) for c in classes))
        case FunctionRef() | PartialRef() | External():
            return Const(False)
    a = self.value(ref, node)
    t = self.type_of(a)
    if isinstance(a, Const):
        return Const(isinstance(a.value, classes))
    if isinstance(t, Scalar) and t.dtype != "?":
        sample = {"bool": True, "int": 1, "float": 1.0, "complex": 1j}[t.kind] if t.dtype is None else np.dtype(t.dtype).type(0)
        return Const(isinstance(sample, classes))
    if isinstance(t, Array) and t.dims != ():
        return Const(isinstance(np.zeros(1), classes))
    if isinstance(t, Tuple):
        return Const(isinstance((), classes))
    self.at(node)
    return self.let("builtins.isinstance", a, Const(classes if len(classes) > 1 else classes[0]), type=BOOL)


def _map(self: Functions, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    function, *parts = args
    source = parts[0] if len(parts) == 1 else Lazy("zip", tuple(parts))

    def each(item: Ref) -> Ref:
        inner = self.known_items(item) if len(parts) > 1 else [item]
        return self.apply(function, list(inner or ()), {}, node)

    return self.collected(source, each, node)


def _reduce(self: Functions, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    function, source = args[:2]
    start = args[2] if len(args) > 2 else None
    if start is None:
        items = self.known_items(source)
        if not items:
            self.refuse(node, "`reduce` of unknown length without a start", "pass the start as third argument")
        start, source = items[0], TupleRef(tuple(items[1:]))
    return self.accumulated(source, start, lambda total, item: self.apply(function, [total, item], {}, node), node)


def _partial(self: Functions, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    return PartialRef(args[0], tuple(args[1:]), kwargs)


def _abs(self: Functions, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    a = self.value(args[0], node)
    if isinstance(a, Const) and isinstance(a.value, (int, float)):
        return Const(abs(a.value))
    return self.make(self.let("builtins.abs", a))


def _pow(self: Functions, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    return self.binary("pow", args[0], args[1], node) if len(args) == 2 and not kwargs else None


def _slice(self: Functions, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    parts = [self.static(a) or a for a in (self.value(r, node) for r in args)]
    three = [Const(None), parts[0], Const(None)] if len(parts) == 1 else [*parts, *[Const(None)] * (3 - len(parts))]
    return self.let("slice", *three)


def _copy(self: Functions, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    match args[0]:
        case TupleRef(items):
            return TupleRef(tuple(self.apply(External("copy.deepcopy"), [i], {}, node) for i in items))
        case ListRef() | DictRef():
            self.refuse(node, "a copy of a container", "copy its items")
        case View():
            return self.method(args[0], "copy", [], {}, node)
    return args[0]


def _refused(name: str, help: str) -> Handler:
    def handler(self: Functions, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        self.refuse(node, f"`{name}`", help)

    return handler


def _superfluous(self: Functions, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    return args[0] if args else None


BUILTINS: dict[str, Handler] = {
    "builtins.range": _range,
    "builtins.len": _len,
    "builtins.print": _print,
    **{f"builtins.{n}": _convert(n) for n in ("float", "int", "bool", "str", "complex")},
    **{f"builtins.{n}": _extreme(n) for n in ("min", "max")},
    **{f"builtins.{n}": _all(n) for n in ("all", "any")},
    **{f"builtins.{n}": _lazy(n) for n in ("zip", "enumerate", "reversed")},
    "builtins.sum": _sum,
    "builtins.list": _list,
    "builtins.tuple": _tuple,
    "builtins.dict": _dict,
    "builtins.isinstance": _isinstance,
    "builtins.map": _map,
    "builtins.abs": _abs,
    "builtins.pow": _pow,
    "builtins.slice": _slice,
    "functools.partial": _partial,
    "functools.reduce": _reduce,
    "_functools.reduce": _reduce,
    "copy.copy": _copy,
    "copy.deepcopy": _copy,
    "builtins.sorted": _refused("sorted", "use np.sort of an array"),
    "builtins.filter": _refused("filter", "use a loop with `if`"),
    "builtins.setattr": _refused("setattr", "assign to names"),
    "builtins.getattr": _refused("getattr", "write the attribute"),
    "builtins.eval": _refused("eval", "write the expression"),
    "builtins.exec": _refused("exec", "write the statements"),
    "builtins.open": _refused("open", "read files outside of the function"),
    "builtins.input": _refused("input", "pass the value as an argument"),
    "builtins.set": _refused("set", "use a list or a dict"),
    "builtins.iter": _refused("iter", "use a `for` loop"),
    "builtins.next": _refused("next", "use a `for` loop"),
    "numpy.vectorize": _refused("np.vectorize", "use a loop, or functions of arrays"),
    "numpy.apply_along_axis": _refused("np.apply_along_axis", "use a loop"),
}

__all__ = ["BUILTINS", "UNKNOWN", "FALSE", "Atom", "Functions", "Items", "List", "State", "Unknown"]


def _fields(cls: type) -> tuple[str, ...]:
    """The fields of a named tuple or of a plain dataclass, in the order of its constructor; none for other classes."""
    if issubclass(cls, tuple):
        return tuple(getattr(cls, "_fields", ()))
    if dataclasses.is_dataclass(cls) and not hasattr(cls, "__post_init__"):
        return tuple(f.name for f in dataclasses.fields(cls) if f.init)
    return ()
