"""Where names live: the module's text, the scopes of its functions, and the frames of the calls being read."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adtransform.build import Builder
from adtransform.errors import TargetError
from adtransform.ir import Const, Var
from adtransform.read.bindings import EVERYTHING, binds, within
from adtransform.read.cells import with_cells
from adtransform.read.libraries import exported, is_library
from adtransform.read.refs import Pair, Ref
from adtransform.read.scope import Liveness, body_of, bound_once, local_names, own_nodes, parameters, targets
from adtransform.read.written import Written
from adtransform.source import Definition, Source, children, descend, from_path


class Module:
    """A module's names as its text defines them: imports, functions, and what is assigned once."""

    def __init__(self, source: Source, live: Mapping[str, Any] | None = None, opened: frozenset[Path] = frozenset()) -> None:
        self.source = source
        self.live = live
        self.opened = opened | {source.path} if source.path else opened  # this file, and those that led to it
        self.name = str(live.get("__name__", source.module)) if live is not None else source.module

    def may_change(self, name: str, value: ast.expr) -> bool:
        """Whether what a name of the module is bound to, a display, may be written by something in the module."""
        return self.is_opaque or Written(self.source.tree).whole(name, value)

    def calls_itself(self, node: ast.AST) -> bool:
        """Whether a function of the module calls itself, perhaps by way of others."""
        found: set[str] = set()
        todo = [node]
        while todo:
            names = {n.id for n in descend(todo.pop()) if isinstance(n, ast.Name)} - found
            found |= names
            todo += [self.functions[n] for n in names if n in self.functions]
        return any(self.functions.get(n) is node for n in found)

    @functools.cached_property
    def functions(self) -> dict[str, ast.FunctionDef]:
        """The functions at module level."""
        return {n.name: n for n in self.source.tree.body if isinstance(n, ast.FunctionDef)}

    @functools.cached_property
    def statements(self) -> dict[str, list[ast.stmt]]:
        """The statements at module level that bind each name."""
        found: dict[str, list[ast.stmt]] = {}
        for stmt in within(self.source.tree.body):
            names = binds(stmt)
            for name in self.exported(stmt) if isinstance(stmt, ast.ImportFrom) and EVERYTHING in names else names:
                found.setdefault(name, []).append(stmt)
        told = "global" in self.source.text
        for function in descend(self.source.tree) if told else ():  # what functions bind is bound once more
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                nodes = list(descend(function))
                stored = {n.id for n in nodes if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
                for name in {n for g in nodes if isinstance(g, ast.Global) for n in g.names} & stored:
                    found.setdefault(name, []).append(function)
        return found

    def exported(self, stmt: ast.ImportFrom) -> Iterable[str]:
        """What `from module import *` binds."""
        source = stmt.module or ""
        path = None if stmt.level == 0 and is_library(source) else self.imported(stmt.level or 1, source)
        if path is None:
            return exported(source)
        other = None if path in self.opened else self.open(path, source or path.stem)
        if other is None:
            return ()
        listed = other.statements.get("__all__", [])
        if len(listed) == 1 and isinstance(listed[0], ast.Assign) and isinstance(listed[0].value, (ast.List, ast.Tuple)):
            return [n.value for n in listed[0].value.elts if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        return [n for n in other.statements if n[:1] != "_"]

    @functools.cached_property
    def is_opaque(self) -> bool:
        """Whether something in the text may bind names of the module that it does not say."""
        called = (n for n in ast.walk(self.source.tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name))
        names = {n.func.id for n in called if isinstance(n.func, ast.Name) and not (n.func.id == "vars" and n.args)}
        return not names.isdisjoint(("globals", "vars", "exec", "eval"))

    @functools.cached_property
    def around(self) -> dict[int, str]:
        """The names of the classes in whose text functions stand, by the functions' identities."""
        found: dict[int, str] = {}
        todo: list[tuple[ast.AST, str]] = [(self.source.tree, "")]
        while todo:
            node, name = todo.pop()
            if isinstance(node, ast.ClassDef):
                name = node.name
            elif name and isinstance(node, (ast.FunctionDef, ast.Lambda)):
                found[id(node)] = name
            todo.extend((child, name) for child in ast.iter_child_nodes(node))
        return found

    def functions_around(self, node: Definition) -> tuple[ast.FunctionDef, ...]:
        """The functions in whose text a function stands, the outermost first."""
        return (self._around_lambdas if isinstance(node, ast.Lambda) else self._around_functions).get(id(node), ())

    @functools.cached_property
    def _around_functions(self) -> dict[int, tuple[ast.FunctionDef, ...]]:
        return _functions_around(self.source.tree, (ast.stmt, ast.ExceptHandler, ast.match_case))

    @functools.cached_property
    def _around_lambdas(self) -> dict[int, tuple[ast.FunctionDef, ...]]:
        return _functions_around(self.source.tree, (ast.AST,))

    def imported(self, level: int, module: str) -> Path | None:
        """The file of an imported module that lies beside this one; nothing is executed to find it."""
        if self.source.path is None:
            return None
        base = self.source.path.parent
        for _ in range(level - 1):
            base = base.parent
        place = base.joinpath(*module.split(".")) if module else base
        for candidate in (place.with_suffix(".py"), place / "__init__.py"):
            if candidate.is_file():
                return candidate
        return None

    def open(self, path: Path, name: str) -> Module | None:
        """Another module of the user's, from its file."""
        try:
            return Module(from_path(path, module=name), opened=self.opened)
        except TargetError:
            return None


def _functions_around(tree: ast.Module, visited: tuple[type[ast.AST], ...]) -> dict[int, tuple[ast.FunctionDef, ...]]:
    """The functions around each function or lambda, by its identity; `visited`: the nodes to look into."""
    found: dict[int, tuple[ast.FunctionDef, ...]] = {}
    todo: list[tuple[ast.AST, tuple[ast.FunctionDef, ...]]] = [(tree, ())]
    while todo:
        node, around = todo.pop()
        if around and isinstance(node, (ast.FunctionDef, ast.Lambda)):
            found[id(node)] = around
        if isinstance(node, ast.FunctionDef):
            around = (*around, node)
        todo.extend([(child, around) for child in children(node) if isinstance(child, visited)])
    return found


def mangled(name: str, cls: str) -> str:
    """An attribute's name as the text of a class spells it: `__x` is the class's own."""
    private = name.startswith("__") and not name.endswith("__") and cls.strip("_")
    return f"_{cls.lstrip('_')}{name}" if private else name


class Scope:
    """What is known of a function before reading it."""

    def __init__(self, node: Definition) -> None:
        self.node = node
        self.text, self.cell, self.cells = with_cells(node)
        self.locals = local_names(self.text) - self.cells
        self.body = body_of(self.text)
        self._comments: dict[int, str] | None = None

    @functools.cached_property
    def liveness(self) -> Liveness:
        """After which statements each name is still read."""
        return Liveness(self.node, self.text, self.locals, self.body)

    def comments(self, source: Source) -> dict[int, str]:
        """The comments in and right before the function, by line."""
        if self._comments is None:
            first = getattr(self.node, "lineno", 1)
            self._comments = source.comments(first, getattr(self.node, "end_lineno", first))
        return self._comments

    @functools.cached_property
    def constants(self) -> frozenset[str]:
        """The names that are bound once, outside of all loops."""
        return bound_once(own_nodes(self.text)) - {a.arg for a in parameters(self.node)}

    @functools.cached_property
    def used_as_array(self) -> frozenset[str]:
        """Names that are subscripted, measured or asked for an array's attributes somewhere in the function."""
        found = set()
        for node in descend(self.node):
            if type(node) is ast.Name or type(node) is ast.Constant:
                continue
            match node:
                case ast.Subscript(value=ast.Name(id=name)):
                    found.add(name)
                case ast.Attribute(
                    value=ast.Name(id=name), attr="T" | "shape" | "ndim" | "size" | "sum" | "dot" | "mean" | "copy"
                ):
                    found.add(name)
                case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=name)]):
                    found.add(name)
                case ast.BinOp(op=ast.MatMult(), left=left, right=right):
                    found.update(n.id for n in (left, right) if isinstance(n, ast.Name))
                case ast.For(iter=ast.Name(id=name)):
                    found.add(name)
        return frozenset(found)


_REPEATED = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

EXIT, STOP, RETURNED, VALUE, BROKE, DEAD = "%exit", "%stop", "%returned", "%value", "%broke", "%dead"
FLAGS = (EXIT, STOP, RETURNED, VALUE, BROKE, DEAD)  # how a path has ended
FALSE, TRUE = Const(False), Const(True)


class Frame:
    """A call being read: its names now, and where names go that are not local."""

    def __init__(self, scope: Scope, module: Module, parent: Frame | None, captured: Mapping[str, Any], name: str) -> None:
        self.scope = scope
        self.module = module
        self.parent = parent
        self.captured = captured
        self.name = name
        self.env: dict[str, Ref] = {EXIT: FALSE, STOP: FALSE, RETURNED: FALSE}
        self.live = 0  # the names read after the statement being read
        self.leaving = 0  # the names read where a `break` or `continue` goes
        self.leaving_outside = 0
        self.pending = 0  # the names read by the `finally` blocks around
        self.tells_break = False  # whether the loop being read has an `else`
        self.caller: Frame | None = None
        self.call: ast.AST | None = None
        self.via = ""  # the text of the statement around the call, where the function is a single statement
        self.comments = scope.comments(module.source)
        self.statement: ast.stmt | None = None  # what is being read
        self.exchange: tuple[ast.stmt | None, ast.stmt | None] = (
            None,
            None,
        )  # what exchanges items: the first and the last of it
        self.twice: set[Pair] = set()  # what was known then of containers that hold the same twice
        self.clauses: list[ast.comprehension] = []  # of the comprehensions being read
        self.region: Builder | None = None  # in which a call that is over was read
        self.key: object = self  # what tells it from other frames, also where another one stands for it

    def is_live(self, name: str) -> bool:
        """Whether a name may still be read after the statement being read."""
        return (
            bool(self.scope.liveness.bits.get(name, 0) & (self.live | self.leaving | self.pending))
            or name == VALUE
            or name.startswith("%h")
            or any(name in targets(clause.target) for clause in self.clauses)
        )

    @contextmanager
    def during(self, call: ast.AST) -> Iterator[None]:
        """While a call is performed: what the statement being read may still read is live."""
        live = self.live
        self.live |= self.read_around(call)
        try:
            yield
        finally:
            self.live = live

    def read_around(self, call: ast.AST) -> int:
        """The names that the statement being read may still read after a call in it: a mask."""
        stmt = self.statement
        if stmt is None:
            return self.scope.liveness.uses(call)
        nodes = [n for n in descend(stmt) if isinstance(n, ast.expr)]
        again = isinstance(stmt, ast.While) or any(isinstance(n, _REPEATED) for n in nodes)
        done = set() if again else set(descend(call))
        kept = stmt.target if isinstance(stmt, ast.AugAssign) else None
        left = (n for n in nodes if isinstance(n, ast.Name) and n not in done)
        return self.scope.liveness.mask(n.id for n in left if n is kept or not isinstance(n.ctx, ast.Store))

    def flag(self, name: str) -> Const | Var:
        """One of the flags that say how the block ended."""
        flag = self.env.get(name, FALSE)
        return flag if isinstance(flag, (Const, Var)) else FALSE
