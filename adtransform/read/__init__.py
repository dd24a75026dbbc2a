"""The front end: a function's text becomes a `Function` of the IR.

An abstract interpreter over the syntax tree: names refer to values, views of storages, or things known while reading
(tuples, functions, modules); what is left to compute is appended to the region being built.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from adtransform.errors import DifferentiationError, Message, Refusal
from adtransform.ir import Assume, Const, For, Function, Let, Origin, Param, Region
from adtransform.lattice import TEXT, UNKNOWN, Array, Dim, List, Tuple, Type
from adtransform.read.annotations import annotation_type
from adtransform.read.core import Detach, Gathered, Live, Restart, Taken, Unroll
from adtransform.read.enums import members_in
from adtransform.read.finish import leaves, number
from adtransform.read.frames import EXIT, RETURNED, TRUE, VALUE, Frame, Module
from adtransform.read.functions import WRAPPER, decorators
from adtransform.read.refs import (
    External,
    FunctionRef,
    ListRef,
    Making,
    Pointer,
    Ref,
    Schema,
    Storage,
    TupleRef,
    View,
)
from adtransform.read.results import Results
from adtransform.read.scope import parameters
from adtransform.read.separate import Derive, Recursive, Registry
from adtransform.rewrite import deep_recursion, loaded, statements
from adtransform.source import Definition, Source

__all__ = ["WRAPPER", "read"]


def read(
    source: Source,
    name: str,
    types: Mapping[str, Type],
    *,
    namespace: Mapping[str, Any] | None = None,
    captured: Mapping[str, Any] | None = None,
    known: Callable[[str], bool] = lambda op: False,
    intrinsics: Mapping[str, str] | None = None,
    derive: Derive | None = None,
    decorated: bool = True,
) -> Function:
    """Read a function.  `types` are what the caller knows of its parameters; they win over annotations.

    `namespace`: the globals of a live function (None: names are resolved from the text alone, nothing is executed);
    `captured`: its closure's cells.  `known(op)`: whether a function of the user's has a rule and stays a call.
    `intrinsics`: names of functions that stand for structural operations.  `derive(function, how, wrt)`: its derivatives.
    `decorated`: the function as the decorators over it leave it.
    Raises `DifferentiationError` with everything that is refused.
    """
    node = source.find(name)
    module = Module(source, namespace)
    mixed: list[bool] = []

    def attempt(apart: bool) -> Function:
        taken: dict[str, list[Taken]] = {}
        loops: tuple[set[int], set[int], set[int]] = set(), set(), set()
        unrolled, detached, live = loops
        records: dict[Making, Schema | Pointer] = {}
        alone: dict[int, bool] = {}
        for _ in range(1000):
            reader = Reader(module, types, known, intrinsics or {}, taken, *loops, records, apart=apart)
            reader.registry = Registry(alone, derive=derive)
            try:
                return reader.whole(node, captured or {}, name, decorated=decorated)
            except DifferentiationError:
                mixed.append(reader.mixed)
                raise
            except Restart as restart:
                taken.setdefault(restart.taken.param, []).append(restart.taken)
            except Unroll as loop:
                unrolled.add(id(loop.node))
            except Detach as loop:
                detached.add(id(loop.node))
            except Live as loop:
                live.add(id(loop.node))
            except Gathered as gathered:
                mixed.append(reader.mixed)
                if all(records.get(made) == schema for made, schema in gathered.found.items()):
                    break  # which would go on for ever
                records.update(gathered.found)
            except Recursive as recursive:
                alone[id(recursive.node)] = recursive.grows
        endless = reader.refusal(node, "a function of which too much has to be assumed", "annotate its parameters")
        raise DifferentiationError([endless.message] if endless.message else [])

    with deep_recursion():
        try:
            return attempt(False)
        except DifferentiationError:
            if not any(mixed):
                raise
            with contextlib.suppress(DifferentiationError):
                return attempt(True)
            raise


class Reader(Results):
    """One reading of one function."""

    def whole(self, node: Definition, captured: Mapping[str, Any], name: str, *, decorated: bool) -> Function:
        """The function as IR."""
        self.kept = []
        self.captured_storages = {}
        self.known_classes, self.known_objects, self.owners, self.bodies = {}, {}, {}, {}
        self.statement_text = self.module.source.lines[node.lineno - 1].strip()
        self.frame = Frame(self.scope(node), self.module, None, captured, _name(node, name))
        self.result_name = self.free_result_name(node)
        self.place = self.origin(node)
        try:
            self.parameters(node)
            given = dict(self.frame.env)
            lists = {ref.storage: self.heap[ref.storage] for ref in given.values() if isinstance(ref, ListRef)}
            if decorated and not all(self._differentiates(d) for d in decorators(node)):
                self.guard_decorated(node)
            elif id(node) in self.registry.alone:
                self.itself(node, captured)
            else:
                self.whole_body()
            changed = {storage.param for storage, first in lists.items() if self.heap[storage] is not first}
            result = self._results(node, {name: ref for name, ref in given.items() if name in changed | {*self.written}})
            found: list[Any] = []
            tree = leaves(result, found)
            body = self.top.region((), tuple(found))
            assumptions = tuple(self._assumptions(body)) if not self.messages else ()
        except Refusal as refusal:
            self.messages += [refusal.message] if refusal.message and refusal.message not in self.messages else []
            raise DifferentiationError(self.told()) from None
        if self.messages:
            raise DifferentiationError(sorted(self.told(), key=lambda m: (m.file, m.line, m.column)))
        number(body)
        read = {loaded(stmt) for stmt in statements(body) if isinstance(stmt, Let)}
        return Function(
            self.frame.name,
            tuple(p for p in self._signature(node) if p.name in read or not p.captured),
            body,
            tree,
            ast.get_docstring(node) or "" if isinstance(node, ast.FunctionDef) else "",
            self._whole(node),
            assumptions,
            {name: value for name, value in self.bindings.items() if name in read},
            callees=self.registry.functions,
            ignored=tuple(sorted(self.ignored)),
        )

    def told(self) -> list[Message]:
        """What was refused, without what only follows from it."""
        return [m for m in self.messages if m not in self.vague] or self.messages

    def guard_decorated(self, node: Definition) -> None:
        """The function as its decorators leave it, called with the parameters."""
        assert isinstance(node, ast.FunctionDef)
        if node.args.vararg or node.args.kwarg:
            self.messages.append(self.refusal(node, "a decorated function of any number of arguments", "name them").message)  # type: ignore[arg-type]
            return
        outer, self.frame = self.frame, self.nowhere(self.module, node.name)
        self.frame.env.update(outer.env)
        only = [p.arg for p in node.args.kwonlyargs]
        args = [self.frame.env[p.arg] for p in parameters(node) if p.arg not in only]
        try:
            found = self.apply(self.definition(node, self.module), args, {n: self.frame.env[n] for n in only}, node)
        except Refusal as refusal:
            if refusal.message is not None:
                self.messages.append(refusal.message)
            return
        self.frame.env[VALUE] = found
        self.frame.env[EXIT] = self.frame.env[RETURNED] = TRUE

    def _differentiates(self, decorator: ast.expr) -> bool:
        """Whether a decorator makes a derivative of what is read here."""
        made = self.in_module(decorator.func if isinstance(decorator, ast.Call) else decorator, self.module)
        return isinstance(made, External) and made.op.startswith("adtransform.")

    def itself(self, node: Definition, captured: Mapping[str, Any]) -> None:
        """The body of a function that calls itself: a call of it."""
        env = self.frame.env
        function = FunctionRef(node, self.module, None, self.frame.name, captured=captured)

        def call() -> None:
            ref = self.separate(function, {p.arg: env[p.arg] for p in parameters(node)}, node)
            self.frame.env[VALUE] = ref if ref is not None else Const(None)

        self.guard(node if isinstance(node, ast.FunctionDef) else ast.Expr(node.body), call)

    def _whole(self, node: Definition) -> Origin:
        self.statement_text, self.statement_comment = self.module.source.lines[node.lineno - 1].strip(), ""
        return self.origin(node)

    # Parameters.

    def parameters(self, node: Definition) -> None:
        """Bind the parameters: each has a storage of its own, loaded at first use."""
        a = node.args
        positional = [*a.posonlyargs, *a.args]
        defaults: dict[str, ast.expr] = dict(
            zip([p.arg for p in positional[len(positional) - len(a.defaults) :]], a.defaults, strict=True)
        )
        defaults |= {p.arg: d for p, d in zip(a.kwonlyargs, a.kw_defaults, strict=True) if d is not None}
        known = self._defaults(node, defaults)
        resolved: dict[str, Type] = {}
        for p in parameters(node):
            kind = "POSITIONAL_OR_KEYWORD"
            if p in a.posonlyargs:
                kind = "POSITIONAL_ONLY"
            elif p in a.kwonlyargs:
                kind = "KEYWORD_ONLY"
            elif p is a.vararg:
                kind = "VAR_POSITIONAL"
            elif p is a.kwarg:
                kind = "VAR_KEYWORD"
            default = known.get(p.arg)
            resolved[p.arg] = t = self._type(p, default)
            annotation = ast.unparse(p.annotation) if p.annotation is not None else ""
            self.params[p.arg] = Param(p.arg, t, kind, default, annotation)
        self.types = {**self.types, **resolved}
        for p in parameters(node):
            self.frame.env[p.arg] = self._bound(p, a)

    def _defaults(self, node: Definition, defaults: Mapping[str, ast.expr]) -> dict[str, Const]:
        """The defaults of parameters, by name: none where one is computed and every argument is given, defaults included."""
        try:
            return {name: self._default(default) for name, default in defaults.items()}
        except Refusal:
            if self.module.live is None or not all(p.arg in self.types for p in parameters(node)):
                raise
            return {}

    def _default(self, node: ast.expr) -> Const:
        ref = self.in_module(node, self.module)
        if any(not isinstance(m.live, (int, float, str)) for m in members_in(ref)):
            help = "leave it to the derivative in Python, grad(f)(x), or pass the member from a function around"
            self.refuse(node, "a default that is a member of an enumeration", help)
        value = self.value(ref, node)
        if not isinstance(value, Const):
            self.refuse(node, "a default that is computed", "use a constant as default")
        return value

    def _type(self, p: ast.arg, default: Const | None) -> Type:
        given = self.types.get(p.arg)
        t = given if given is not None else annotation_type(p.annotation, self._dotted)
        if t == UNKNOWN and default is not None and isinstance(default.value, str):
            t = TEXT
        return self.assumed(p.arg, t, self.taken.get(p.arg, ()))

    def assumed(self, name: str, t: Type, taken: Sequence[Taken]) -> Type:
        """A parameter's type with what was assumed of it."""
        for one in taken:
            if (one.kind in ("array", "contiguous") or one.kind.startswith("deep ")) and t == UNKNOWN:
                t = Array()
            if one.kind.startswith("dtype ") and t in (UNKNOWN, Array()):
                t = Array(one.kind[6:])
            if one.kind.startswith("rank ") and not (isinstance(t, Array) and t.dims is not None):
                dims = tuple(Dim(f"{name}.{i}") for i in range(int(one.kind[5:])))
                t = Array(t.dtype if isinstance(t, Array) else None, dims)
        return t

    def _dotted(self, node: ast.expr) -> str:
        if isinstance(node, ast.Attribute):
            return f"{self._dotted(node.value)}.{node.attr}"
        if not isinstance(node, ast.Name):
            return ""
        try:
            ref = self.global_name(node.id, self.module, node)
        except Refusal:
            return node.id
        if isinstance(ref, External):
            return "numpy.ndarray" if ref.op.endswith(".ndarray") else ref.op
        return node.id

    def _bound(self, p: ast.arg, a: ast.arguments) -> Ref:
        t = self.types.get(p.arg, UNKNOWN)
        storage = Storage(p.arg, param=p.arg)
        if p is a.kwarg:
            # Not part of the input: whatever is passed is not used, or its use is refused.
            return self.new_dict({})
        if p is a.vararg and not isinstance(t, Tuple):
            self.refuse(p, f"`*{p.arg}` of unknown length", "give the function named parameters")
        if isinstance(t, List):
            self.heap[storage] = self.content(storage)  # who asks what is a list has to see it
            return ListRef(storage)
        return View(storage)

    def _signature(self, node: Definition) -> Iterator[Param]:
        own = {p.arg for p in parameters(node)}
        last = [p for p in self.params.values() if p.name in own and p.kind == "VAR_KEYWORD"]
        yield from (p for p in self.params.values() if p.name in own and p.kind != "VAR_KEYWORD")
        for p in self.params.values():
            if p.name not in own:
                yield Param(p.name, p.type, inspect.Parameter.KEYWORD_ONLY.name, p.default, p.annotation, captured=True)
        yield from last

    def _assumptions(self, body: Region) -> Iterator[Assume]:
        yield from self.assumed_numbers(body)
        counts = {a for s in statements(body) if isinstance(s, For) for a in (s.start, s.stop, s.step)}  # no arrays
        for name, origin in self.written.items():
            for other in (p for p in self.params if p in self.loaded and self.loaded[p] not in counts):
                t = self.param_type(other)
                if (
                    other != name
                    and (isinstance(t, Array) or t == UNKNOWN)
                    and t != Array(t.dtype if isinstance(t, Array) else None, ())
                ):
                    if other in self.written and other < name:
                        continue
                    yield Assume(
                        f"not np.shares_memory({name}, {other})",
                        f"`{name}` is written, so `{other}` must not share memory with it",
                        origin,
                    )

    # Results.

    def _results(self, node: Definition, written: Mapping[str, Ref]) -> Any:
        """The results, as a tree; of a function that returns nothing, what it leaves in the parameters that it has written."""
        try:
            ref = self.returned()
            if ref == Const(None) and written:
                ref = TupleRef(tuple(written.values())) if len(written) > 1 else next(iter(written.values()))
            return self.tree_of(ref, node)
        except Refusal as refusal:
            if refusal.message is not None and not self.messages:
                self.messages.append(refusal.message)
            if not self.messages:
                self.messages.append(self.refusal(node, "a function whose result was refused", "see above").message)  # type: ignore[arg-type]
            return ()


def _name(node: Definition, name: str) -> str:
    if isinstance(node, ast.FunctionDef):
        return node.name
    plain = name.partition("@")[0]
    return plain if plain.isidentifier() else "function"
