"""What a name refers to: Python's scoping, and nothing else, decides."""

from __future__ import annotations

import ast
import builtins
import enum
import operator
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adtransform.build import Builder
from adtransform.ir import Const, Region, Var, called
from adtransform.read.bindings import IMPORTS, binds, defines, tried_import, within
from adtransform.read.enums import live_member, member
from adtransform.read.frames import Frame, Module
from adtransform.read.libraries import is_library, live, op_name
from adtransform.read.outside import Outside, is_plain
from adtransform.read.refs import (
    ClassRef,
    Conflict,
    DictRef,
    Entries,
    External,
    Items,
    ListRef,
    ObjectRef,
    Ref,
    Storage,
    TupleRef,
    View,
)
from adtransform.read.scope import local_names, parameters
from adtransform.rewrite import statements
from adtransform.source import descend, in_branches


class Names(Outside):
    """Looking names up."""

    def lookup(self, name: str, node: ast.AST) -> Ref:
        """What a name stands for where it is read."""
        frame: Frame | None = self.frame
        assert frame is not None
        if name in frame.scope.locals:
            ref = frame.env.get(name)
            if ref is None:
                self.refuse(node, f"`{name}`, which is not bound here", "assign to it first")
            return ref
        if name in frame.env:  # the target of a comprehension
            return frame.env[name]
        while frame.parent is not None:
            frame = frame.parent
            if name in frame.env:
                return self.from_call(frame.env[name], frame, name, node)
            if name in frame.scope.locals:
                self.refuse(node, f"`{name}`, which is not bound here", "assign to it before the call")
        return self.outer(name, frame, node)

    def from_call(self, ref: Ref, frame: Frame, name: str, node: ast.AST) -> Ref:
        """What a call has held under a name; refused where the call was in a branch or a trip that is over."""
        region = frame.region
        if region is not None and region not in (self.top, *self.open_regions) and self.is_over(ref, region):
            what = f"`{name}` of a call of `{frame.name}` that was in a branch, or in a trip of a loop, that is over"
            self.refuse(node, what, "pass it as an argument, or keep it in an attribute of an object")
        return ref

    def is_over(self, ref: Ref, region: Builder) -> bool:
        """Whether a value was made in a region that is closed, and is nothing outside of it."""
        match ref:
            case TupleRef(items):
                return any(self.is_over(item, region) for item in items)
            case View(storage) | ListRef(storage) | DictRef(storage) | ObjectRef(storage):
                return storage not in self.heap and not storage.param and storage.outside is None
            case Var():
                made = any(ref in s.targets for s in statements(Region((), tuple(region.body), ())))
                return made and not any(ref in s.targets for b in (self.top, *self.open_regions) for s in b.body)
        return False

    def outer(self, name: str, frame: Frame, node: ast.AST) -> Ref:
        """A name that is bound outside of all functions being read."""
        if name in frame.captured:
            return self.wrap(frame.captured[name], name, node, captured=True)
        enclosing = self.enclosing(frame, name)
        if enclosing is not None:
            return self.from_text(name, enclosing, frame.module, node, captured=True)
        return self.global_name(name, frame.module, node)

    def global_name(self, name: str, module: Module, node: ast.AST) -> Ref:
        """A name at module level, or a builtin."""
        found: Ref | None = None
        if module.live is not None:
            if name in module.live:
                found = self.wrap(module.live[name], name, node)
        elif (bound := module.statements.get(name)) and not (isinstance(bound[-1], ast.Delete) and len(bound) > 1):
            found = self.from_text(name, bound, module, node)
        if found is not None:
            return self.titled(found, name)
        if hasattr(builtins, name):
            return self.library(f"builtins.{name}")
        self.refuse(node, f"`{name}`, which is not defined", "define it, or import it")

    def titled(self, ref: Ref, name: str, line: int = 0) -> Ref:
        """A number under the name that the module gives it, or a function in a line; the texts of rules give none."""
        return called(ref, name, line) if isinstance(ref, Const) and not self.intrinsics else ref

    def enclosing(self, frame: Frame, name: str) -> list[ast.stmt] | None:
        """The statements of an enclosing function's text that bind a name, for a function taken from text alone."""
        if frame.module.live is not None:
            return None
        for function in reversed(frame.module.functions_around(frame.scope.node)):
            if name in local_names(function):
                given: list[ast.stmt] = [function] if name in (a.arg for a in parameters(function)) else []
                bound = [s for s in within(function.body) if name in binds(s)]
                return [*given, *bound, *(g for g in _inside(function) if _rebinds(g, name))]
        return None

    # From text.

    def from_text(self, name: str, stmts: list[ast.stmt], module: Module, node: ast.AST, *, captured: bool = False) -> Ref:
        """What statements make of a name, without executing them."""
        stmt = stmts[-1] if stmts else None
        if len(stmts) > 1:
            stmt = self.bound_last(name, stmts, module, node, captured)
        if stmt is not None:
            match stmt:
                case ast.FunctionDef(name=defined) if defined == name:  # not one that binds the name as a global
                    return self.definition(stmt, module)
                case ast.Import(names=aliases):
                    for alias in aliases:
                        if (alias.asname or alias.name).split(".")[0] == name:
                            return self.imported(0, alias.name if alias.asname else name, None, module, node)
                case ast.ImportFrom(module=source, names=aliases, level=level):
                    for alias in aliases:
                        if (alias.asname or alias.name) in (name, "*"):
                            origin = name if alias.name == "*" else alias.name
                            return self.imported(level, source or "", origin, module, node)
                case ast.Assign(targets=[ast.Name()], value=ast.Lambda() as function):
                    return self.function(function, module, None)
                case ast.Assign(targets=[ast.Name()], value=ast.Call() as made) if self._makes(made.func, module):
                    if any(isinstance(n, ast.Name) and n.id == name for n in descend(made)):
                        return Conflict(f"`{name}`, which the module makes anew of itself", "give what it makes another name")
                    return self.in_module(made, module)
                case ast.Assign(targets=[ast.Name()], value=ast.Name(id=other)) if not captured and len(stmts) == 1:
                    bound = module.statements.get(other, [])
                    if len(bound) == 1 and defines(bound[0], other):
                        return self.from_text(other, bound, module, node)
                case (
                    ast.Assign(targets=[ast.Name()], value=value) | ast.AnnAssign(target=ast.Name(), value=ast.expr() as value)
                ):
                    if len(stmts) == 1 and not captured and not module.is_opaque:
                        found = self.literal(value, module, 0)
                        if found is not None:
                            return found
                        if (known := self.member_in_text(value, module)) is not None:
                            return known
                        shown = isinstance(value, (ast.List, ast.Tuple)) and self._makes_object(value, module)
                        if (shown or isinstance(value, ast.Dict)) and not module.may_change(name, value):
                            held = self.outside(value, name, module)
                            if held is not None:
                                return held
                        if isinstance(value, ast.Dict) or self._makes_object(value, module):
                            return Conflict(f"`{name}`, an object outside", "pass what it holds as arguments")
                case ast.ClassDef():
                    return self.text_class(stmt, module)
        return self.capture(name, None, node, bound=False)

    def bound_last(self, name: str, stmts: list[ast.stmt], module: Module, node: ast.AST, captured: bool) -> ast.stmt | None:
        """The last of several statements that bind a name; None where that does not matter, as none makes a function."""
        last = stmts[-1]
        makes = any(defines(s, name) for s in stmts)
        if makes and isinstance(last, (ast.FunctionDef, ast.AsyncFunctionDef)) and last.name != name:
            self.refuse(node, f"`{name}`, which `{last.name}` binds anew", "pass the function as an argument")
        if not captured and not in_branches(stmts, module.source.tree.body):
            return last
        tried = None if captured else tried_import(stmts, module.source.tree.body, module.imported)
        if tried is None and makes:
            where = "the function around" if captured else "the module"
            imports = any(isinstance(s, IMPORTS) for s in stmts)
            once = "import one of them, or give each its own name" if imports else "define it once, and branch inside of it"
            self.refuse(node, f"`{name}`, of which {where} defines several", once)
        return tried or (None if captured else last)

    def outside(self, node: ast.expr, name: str, module: Module) -> Ref | None:
        """What a display of literals and functions is, which nobody writes; None where it holds anything else."""
        found = self.literal(node, module, 0) or self.member_in_text(node, module)
        if found is not None:
            return found
        storage = Storage(name, frozen=f"a write to `{name}`, which is not local")
        match node:
            case ast.Dict(keys=keys, values=values):
                known = [self.key_in_text(k, module) for k in keys]
                held = [self.outside(v, name, module) for v in values]
                if None in known or None in held:
                    return None
                pairs = zip(known, held, strict=True)
                self.heap[storage] = Entries({k.value: v for k, v in pairs if k is not None and v is not None})
                return DictRef(storage)
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                items = tuple(item for p in parts if (item := self.outside(p, name, module)) is not None)
                if len(items) < len(parts):
                    return None
                if isinstance(node, ast.Tuple):
                    return TupleRef(items)
                self.heap[storage] = Items(items)
                return ListRef(storage)
            case ast.Lambda():
                return self.function(node, module, None)
            case ast.Name(id=other):
                stmts = module.statements.get(other, [])
                if len(stmts) == 1 and isinstance(stmts[0], ast.FunctionDef):
                    return self.definition(stmts[0], module)
        return None

    def member_in_text(self, node: ast.expr, module: Module) -> External | None:
        """The member of an enumeration that an expression names, or several flags."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            a, b = (live_member(self.member_in_text(side, module)) for side in (node.left, node.right))
            return member(a | b) if isinstance(a, enum.Flag) and isinstance(b, enum.Flag) and type(a) is type(b) else None
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            return None
        stmts = module.statements.get(node.value.id, [])
        if len(stmts) != 1 or not isinstance(stmts[0], (ast.ClassDef, *IMPORTS)):
            return None
        cls = self.in_module(node.value, module)
        return self.of_enumeration(cls, node.attr) if isinstance(cls, ClassRef) else None

    def key_in_text(self, node: ast.expr | None, module: Module) -> Const | None:
        """A key of a display that is known from the text."""
        known = self.literal(node, module, 0) or self.member_in_text(node, module) if node is not None else None
        return known if isinstance(known, Const) or known is None else Const(known.live)

    def _makes_object(self, node: ast.expr, module: Module, depth: int = 3) -> bool:
        """Whether an object of a class of the module's own is made, or is among what is named."""
        for name in (n.id for n in ast.walk(node) if isinstance(n, ast.Name)):
            for s in module.statements.get(name, ()):
                value = s.value if isinstance(s, (ast.Assign, ast.AnnAssign)) and depth else None
                if isinstance(s, ast.ClassDef) or (value is not None and self._makes_object(value, module, depth - 1)):
                    return True
        return False

    def _makes(self, node: ast.expr, module: Module) -> bool:
        """Whether what an expression calls makes a function, as those of this package do, or a logger."""
        name = node
        while isinstance(name, ast.Attribute):
            name = name.value
        if not isinstance(name, ast.Name) or not any(isinstance(s, IMPORTS) for s in module.statements.get(name.id, ())):
            return False
        found = self.in_module(node, module)
        made = ("functools.partial", "numpy.vectorize", "collections.namedtuple", "logging.getLogger")
        return isinstance(found, External) and (found.op.startswith("adtransform.") or found.op in made)

    def in_module(self, node: ast.expr, module: Module, frame: Frame | None = None) -> Ref:
        """An expression at module level, or in a call."""
        raise NotImplementedError

    def definition(self, node: ast.FunctionDef, module: Module) -> Ref:
        """A function of the module as its decorators leave it."""
        raise NotImplementedError

    def imported(self, level: int, source: str, name: str | None, module: Module, node: ast.AST) -> Ref:
        """An imported module, or something from one: another file of the user's, or a library."""
        dotted = source if name is None else f"{source}.{name}"
        if level == 0 and is_library(dotted):
            return self.library(dotted)
        for path, rest in self._files(level, source, name, module):
            if rest is None:
                return External(dotted or str(path), None)
            other = self.modules.get(str(path)) or module.open(path, source or path.stem)
            if other is not None:
                self.modules[str(path)] = other
                return self.global_name(rest, other, node)
        return External(dotted)

    def _files(self, level: int, source: str, name: str | None, module: Module) -> list[tuple[Path, str | None]]:
        found: list[tuple[Path, str | None]] = []
        path = module.imported(level or 1, source)
        if path is not None:
            found.append((path, name))
        return found

    def member(self, dotted: str, name: str, node: ast.AST) -> Ref:
        """`module.name` for a module of the user's known from its text."""
        path = self.module.imported(1, dotted)
        if path is None:
            return External(f"{dotted}.{name}")
        other = self.modules.get(str(path)) or self.module.open(path, dotted)
        if other is None:
            return External(f"{dotted}.{name}")
        self.modules[str(path)] = other
        return self.global_name(name, other, node)

    def literal(self, node: ast.expr, module: Module, depth: int) -> Const | External | None:
        """The value of an expression of literals, if that is what it is."""
        match node:
            case ast.Constant(value=value):
                return Const(value)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                found = self.literal(inner, module, depth)
                return (
                    Const(-found.value) if isinstance(found, Const) and isinstance(found.value, (int, float, complex)) else None
                )
            case ast.BinOp(op=op, left=left, right=right) if type(op) in _FOLD:
                a, b = self.literal(left, module, depth), self.literal(right, module, depth)
                if isinstance(a, Const) and isinstance(b, Const) and all(isinstance(c.value, (int, float)) for c in (a, b)):
                    try:
                        return Const(_FOLD[type(op)](a.value, b.value))
                    except ArithmeticError:
                        return None
            case ast.Tuple(elts=parts):
                items = [self.literal(p, module, depth) for p in parts]
                return (
                    Const(tuple(c.value for c in items if isinstance(c, Const)))
                    if all(isinstance(c, Const) for c in items)
                    else None
                )
            case ast.Name(id=name) if depth < 20:
                stmts = module.statements.get(name, [])
                if len(stmts) == 1 and isinstance(stmts[0], (ast.Assign, ast.AnnAssign)) and stmts[0].value is not None:
                    return self.literal(stmts[0].value, module, depth + 1)
            case ast.Attribute(value=ast.Name(id=name), attr=attr):
                stmts = module.statements.get(name, [])
                if len(stmts) == 1 and isinstance(stmts[0], ast.Import):
                    for alias in stmts[0].names:
                        if (alias.asname or alias.name) == name:
                            value = live(f"{alias.name}.{attr}")
                            if is_plain(value) and value is not None:
                                return Const(value)
                            if value is not None:
                                return External(op_name(value, f"{alias.name}.{attr}"), value)
        return None

    # From live objects.

    # What other parts provide.

    def text_class(self, node: ast.ClassDef, module: Module, frame: Frame | None = None) -> ClassRef:
        """A class known from its text."""
        raise NotImplementedError

    def of_enumeration(self, cls: ClassRef, name: object) -> External | None:
        """A member by its name."""
        raise NotImplementedError


def _inside(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    """The functions defined in a function."""
    return (n for n in descend(function) if isinstance(n, ast.FunctionDef) and n is not function)


def _rebinds(function: ast.FunctionDef, name: str) -> bool:
    """Whether a function binds a name of the functions around it."""
    return any(isinstance(s, ast.Nonlocal) and name in s.names for s in within(function.body))


_FOLD: dict[type[ast.operator], Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
