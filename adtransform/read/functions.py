"""Calls: user functions are read where they are called, builtins are done while reading where they can be."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path

from adtransform.errors import Refusal, TargetError
from adtransform.ir import Const, Var
from adtransform.ops import BINARY, COMPARE, STRUCTURAL
from adtransform.read.blending import VARIABLES
from adtransform.read.core import Unreached
from adtransform.read.derived import DERIVATIVES, OFFERED, Derived
from adtransform.read.enums import members_in
from adtransform.read.frames import DEAD, EXIT, RETURNED, TRUE, VALUE, Frame, Module
from adtransform.read.natives import BUILTINS
from adtransform.read.objects import Remake
from adtransform.read.proving import NOT_ITERABLE
from adtransform.read.refs import (
    ClassRef,
    Conflict,
    DerivedRef,
    EitherRef,
    Entries,
    External,
    FunctionRef,
    ListRef,
    MaybeRef,
    Method,
    ObjectRef,
    PartialRef,
    PullRef,
    Ref,
    Storage,
    TupleRef,
    View,
)
from adtransform.read.scope import free_names, parameters, targets, title
from adtransform.read.separate import Recursive, is_large
from adtransform.read.spelled import JOINING, joined, outer
from adtransform.read.spreading import spread_over
from adtransform.source import Definition, from_path

_NESTED = 8  # a method may call itself of so many other objects

_RENAMED = re.compile(r"(?<=id=')(\w*[^\W_])_+(?=')")

# The file that hands nested arguments over to the user's function.
WRAPPER = "<arguments>"

# The methods that change the list, deque, dict or iterator they belong to.
CHANGING = frozenset(
    "append appendleft clear extend extendleft insert pop popitem popleft remove reverse rotate setdefault sort update".split()
)

_COPY = "copy_of"

# What runs over its arguments.
_RUNNING_OVER = frozenset(
    "sum min max any all list tuple set dict sorted zip enumerate reversed map filter extend extendleft "
    "functools.reduce".split()
)


@functools.cache
def runtime() -> dict[str, str]:
    """The helpers that emitted files contain and that are operations: what they do, by name."""
    path = Path(__file__).parents[1] / "runtime.py"
    if not path.exists():
        return {}
    source = from_path(path)
    known = STRUCTURAL | {_COPY}
    return {n.name: _essence(n) for n in source.tree.body if isinstance(n, ast.FunctionDef) and n.name in known}


def _essence(node: ast.FunctionDef) -> str:
    """What a function does: its text without what printing it may change.

    That is annotations, the docstring, and an underscore behind what is called as something else in the file.
    """
    args = node.args
    names = [ast.arg(a.arg) for a in args.args], [ast.arg(a.arg) for a in args.kwonlyargs]
    plain = ast.arguments(
        [], names[0], args.vararg and ast.arg(args.vararg.arg), names[1], args.kw_defaults, None, args.defaults
    )
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return _RENAMED.sub(r"\1", ast.dump(plain) + "".join(map(ast.dump, body)))


class Functions(Derived):
    """Calling things."""

    def call(self, node: ast.Call) -> Ref:
        """A call: the function first, then its arguments, in the order they are written."""
        if isinstance(node.func, ast.Name) and self.is_intrinsic(node.func.id):
            function: Ref = External(self.intrinsics[node.func.id])
        else:
            function = self.expression(node.func)
        args: list[Ref] = []
        kwargs: dict[str, Ref] = {}
        called = [function]
        with self.holding(called), self.holding(args):
            columns = self.arguments(node, function, args, kwargs)
        if columns is not None:
            return columns
        own = called[0]
        with self.frame.during(node) if _is_changing(own) else nullcontext():
            return self.apply(own, args, kwargs, node)

    def arguments(self, node: ast.Call, function: Ref, args: list[Ref], kwargs: dict[str, Ref]) -> Ref | None:
        """Read the arguments of a call; of `zip(*rows)` what it gives."""
        if isinstance(function, Method) and function.name == "reshape" and any(isinstance(a, ast.Starred) for a in node.args):
            args.append(self.tuple_display(node.args, node))
            return None
        for arg in node.args:
            if isinstance(arg, ast.Starred):
                ref = self.expression(arg.value)
                columns = self.columns(ref, arg) if isinstance(function, External) and function.op == "builtins.zip" else None
                if columns is not None and len(node.args) == 1:
                    return columns
                items = None if self.known_items(ref) is not None else spread_over(self, function, node, arg, ref)
                args.extend(self.unpacked(ref, arg) if items is None else items)
            else:
                args.append(self.expression(arg))
        names: list[str] = []
        values: list[Ref] = []
        with self.holding(values):
            for keyword in node.keywords:
                if keyword.arg is not None:
                    names.append(keyword.arg)
                    values.append(self.expression(keyword.value))
                    continue
                spread = self.spread_dict(keyword.value, "arguments")
                names += map(str, spread)
                values += spread.values()
        kwargs.update(zip(names, values, strict=True))
        name = function.op if isinstance(function, External) else function.name if isinstance(function, Method) else ""
        if name.removeprefix("builtins.") in _RUNNING_OVER or name.startswith("itertools."):
            args[:] = [self.there(ref, node, NOT_ITERABLE) for ref in args]
        return None

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
            case EitherRef():
                return self.in_either(function, lambda one: self.apply(one, list(args), dict(kwargs), node), node)
            case DerivedRef():
                return self.derivative(function, args, kwargs, node)
            case PullRef():
                return self.pulled(function, args, node)
            case Method(FunctionRef() as owner, name) if name in OFFERED:
                return self.apply(self.offered(owner, name, node), args, kwargs, node)
            case Method(owner, name):
                return self.method(owner, name, args, kwargs, node)
            case ClassRef():
                return self.construct(function, args, kwargs, node)
            case MaybeRef():
                return self.apply(self.there(function, node, "'NoneType' object is not callable"), args, kwargs, node)
            case ObjectRef(kind=kind):
                called = self.special(function, "__call__", node)
                if called is None:
                    self.refuse(node, f"a call of an object of `{kind.name}`", "give its class `__call__`")
                return self.apply(called, [function, *args], kwargs, node)
            case External(live=Remake(cls, again)):
                frozen = f"a write to an object of `{cls.__name__}` that the arguments hold twice" if again else ""
                return self.new_object(self.live_class(cls), kwargs, frozen)
            case External() if members_in(function):
                return self.apply(self.of_member(function, "__call__", node), args, kwargs, node)
            case External(op) if op in DERIVATIVES:
                return DERIVATIVES[op](self, args, kwargs, node)
            case External(op):
                builtin = BUILTINS.get(op)
                if builtin is not None:
                    found = builtin(self, args, kwargs, node)
                    if found is not None:
                        return found
                    self.at(node)
                if op.endswith(".outer") and (found := outer(self, op, args, kwargs, node)) is not None:
                    return found
                if op.startswith("operator."):
                    return self.operator_call(op, args, kwargs, node)
                return self.library_call(op, args, kwargs, node)
            case Conflict():
                self.unusable(function, node)
            case View(Storage(label=name, param=param), ()) if param and param not in self.bindings:
                what = f"a call of `{name}`, which is not known to be a function"
                self.refuse(node, what, "define it by `def`, or give the function itself instead of its text")
        self.refuse(node, "a call of something that is not a function", "call a function by its name")

    def operator_call(self, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """`operator.add(a, b)` is `a + b`."""
        name = op.removeprefix("operator.")
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
        self.closures = True
        named = {a.arg: d for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if d is not None}
        given = self.elements([*node.args.defaults, *named.values()])
        count = len(node.args.defaults)
        defaults, keyword = tuple(given[:count]), dict(zip(named, given[count:], strict=True))
        free = free_names(node) if frame.clauses else set()
        within = tuple(c for c in frame.clauses if not free.isdisjoint(targets(c.target)))
        return FunctionRef(node, module, frame, name, defaults, keyword, within=within)

    def definition(self, node: ast.FunctionDef, module: Module) -> Ref:
        """A function of the module as its decorators leave it."""
        plain = self.function(node, module, None)
        return self.decorated(plain, lambda d: self.in_module(d, module)) if decorators(node) else plain

    def op_of(self, function: FunctionRef) -> str:
        """The name under which a function may have a rule."""
        name = function.name
        return f"{function.module.name or '__main__'}.{name}"

    def enter_function(self, function: FunctionRef, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """Read a user's function where it is called, or leave the call where it has a rule."""
        definition = function.node
        op = self.op_of(function)
        if function.frame is None and self.known(op):
            return self.library_call(op, args, kwargs, node)
        if isinstance(definition, ast.FunctionDef):
            helper = definition.name.rstrip("_")
            if function.frame is None and helper in runtime() and runtime()[helper] == _essence(definition):
                return self.library_call(helper, args, kwargs, node) if helper != _COPY else self.copy_of(args[0], node)
            self.check_definition(definition, function)
        for clause in function.within:
            if function.frame is not None and clause not in function.frame.clauses:
                seen = min(free_names(definition) & set(targets(clause.target)))
                what = f"a call of a function that sees `{seen}` as the comprehension around it has left it"
                self.refuse(node, what, f"bind it where the function is made: lambda x, {seen}={seen}: ...")
        bound = self.bind_arguments(function, args, kwargs, node)
        with self.frame.during(node):
            return self.call_function(function, bound, args, node)

    def copy_of(self, ref: Ref, node: ast.AST) -> Ref:
        """What the helper of that name gives: an array or a list of its own, a number as it is."""
        if isinstance(ref, ListRef):
            return self.as_list(ref, node)
        return self.make(self.let("assign", self.value(ref, node))) if isinstance(ref, View) else ref

    def call_function(self, function: FunctionRef, bound: Mapping[str, Ref], args: list[Ref], node: ast.AST) -> Ref:
        """A user's function by itself, or read in a frame of its own."""
        definition = function.node
        if id(definition) in self.registry.alone or (is_large(definition) and self.frame.module.source.file != WRAPPER):
            ref = self.separate(function, bound, node)
            if ref is not None:
                return ref
        around = [f for f in self.callers() if f.scope.node is definition]
        if len(around) > _NESTED or not all(self.another(args, f) for f in around):
            raise Recursive(definition)
        inner = Frame(self.scope(definition), function.module, function.frame, function.captured, function.name)
        inner.env.update(bound)
        return self.run(inner, node)

    def callers(self) -> Iterator[Frame]:
        """The calls being read, the innermost first."""
        frame: Frame | None = self.frame
        while frame is not None:
            yield frame
            frame = frame.caller

    def check_definition(self, definition: ast.FunctionDef, function: FunctionRef) -> None:
        """Refuse functions that are not plain."""
        try:
            function.module.source.check(definition)
        except TargetError as error:
            raise Refusal(error.messages[0]) from None

    def decorated(self, function: FunctionRef, read: Callable[[ast.expr], Ref]) -> Ref:
        """A function under its decorators, which are called as Python does; those that change nothing are left out."""
        found: Ref = function
        for decorator in reversed(decorators(function.node)):
            called = read(decorator.func) if isinstance(decorator, ast.Call) else None
            if isinstance(decorator, ast.Call) and isinstance(called, External) and called.op == "numpy.errstate":
                self.hush(decorator)
            else:
                found = self.apply(read(decorator), [found], {}, decorator)
        return found

    def hush(self, node: ast.Call) -> None:
        """Note what `np.errstate(...)` ignores.  The derivative ignores it everywhere: it repeats what may be reported."""
        for given in node.keywords:
            how = given.value.value if isinstance(given.value, ast.Constant) else None
            if how in ("raise", "call"):
                self.refuse(node, f"`np.errstate` that reports by way of `{how}`", "test before what may go wrong")
            if how == "ignore" and given.arg is not None:
                self.ignored |= {"divide", "invalid", "over", "under"} if given.arg == "all" else {given.arg}

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
                bound[key] = known if known is not None else self.default_of(key, default, function)
        for p, default_or_none in zip(a.kwonlyargs, a.kw_defaults, strict=True):
            if p.arg not in bound and default_or_none is not None:
                known = function.keyword_defaults.get(p.arg)
                bound[p.arg] = known if known is not None else self.default_of(p.arg, default_or_none, function)

    def default_of(self, name: str, default: ast.expr, function: FunctionRef) -> Ref:
        """A default known from its text."""
        return self.shared(name, self.in_module(default, function.module))

    def subscript(self, owner: Ref, key: ast.expr, node: ast.AST) -> Ref:
        """`owner[key]`"""
        if isinstance(owner, External) and owner.op in JOINING:
            return joined(self, owner.op, key, node)
        return super().subscript(owner, key, node)

    def in_module(self, node: ast.expr, module: Module, frame: Frame | None = None) -> Ref:
        """An expression at module level, or in a call."""
        around, self.frame = self.frame, frame or self.nowhere(module)
        try:
            return self.expression(node)
        finally:
            self.frame = around

    def whole_body(self) -> None:
        """Read the body of the function whose frame this is; what functions inside of it bind too is in an object."""
        env, scope = self.frame.env, self.frame.scope
        if scope.cells:
            storage = Storage(VARIABLES)
            held = {name: env.pop(name) for name in sorted(scope.cells) if name in env}
            self.heap[storage] = Entries(held, attributes=True)
            env[scope.cell] = ObjectRef(storage, self.variables)
        self.block(scope.body)

    @functools.cached_property
    def variables(self) -> ClassRef:
        """The class of such objects."""
        node = ast.ClassDef(VARIABLES, [], [], [ast.Pass()], [])
        return ClassRef(VARIABLES, self.module, node)

    def run(self, inner: Frame, node: ast.AST) -> Ref:
        """Read the body of a function in a frame of its own, and give what it returns."""
        outer = self.frame
        text, comment, place = self.statement_text, self.statement_comment, self.place
        inner.caller, inner.call = outer, node
        inner.via = (outer.via or text) if len(inner.scope.body) == 1 else ""
        self.frame = inner
        try:
            self.called_body(node)
            if DEAD in inner.env:
                raise Unreached
            return self.returned()
        finally:
            self.frame, inner.region = outer, self.builder
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


def _is_changing(ref: Ref) -> bool:
    """Whether it is a method that changes what it belongs to, or one of two such."""
    if isinstance(ref, EitherRef):
        return _is_changing(ref.then)
    return isinstance(ref, Method) and ref.name in CHANGING


def decorators(node: Definition) -> list[ast.expr]:
    """The decorators of a function that may change what it does."""
    every = node.decorator_list if isinstance(node, ast.FunctionDef) else ()
    return [decorator for decorator in every if title(decorator) not in TRANSPARENT]


_TRANSPARENT = (
    "wraps cache lru_cache staticmethod classmethod property setter cached_property abstractmethod override final "
    "differentiate njit jit profile typechecked checkpoint"
)
TRANSPARENT = frozenset(_TRANSPARENT.split())
