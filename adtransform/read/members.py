"""What a class has under a name, from its text: the last statement of its body that binds the name says so."""

from __future__ import annotations

import ast
import copy
import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adtransform.errors import Refusal
from adtransform.ir import Const
from adtransform.read.bindings import binds, within
from adtransform.read.frames import Frame, Module, mangled
from adtransform.read.names import Names
from adtransform.read.refs import ClassRef, External, FunctionRef, PartialRef, Ref
from adtransform.record import record
from adtransform.source import Definition, descend


@record
class Member:
    """What a class has under a name.

    How it is bound to an object: `plain`, `static`, `class`, `property`, `cached` (a property computed once) or `value`.
    """

    kind: str
    ref: Ref
    owner: ClassRef
    setter: Ref | None = None


class Members(Names):
    """Looking at the text of classes."""

    owners: dict[int, ClassRef]  # of the functions that are methods
    bodies: dict[ast.ClassDef, dict[str, list[ast.stmt]]]

    def bound_in(self, owner: ClassRef) -> dict[str, list[ast.stmt]]:
        """The statements in the text of a class that bind each of its attributes."""
        assert owner.node is not None
        if owner.node not in self.bodies:
            found = self.bodies[owner.node] = {}
            for stmt in within(owner.node.body):
                for name in binds(stmt):
                    found.setdefault(mangled(name, owner.name), []).append(stmt)
        return self.bodies[owner.node]

    def text_member(self, owner: ClassRef, name: str, node: ast.AST, before: ast.stmt | None = None) -> Member | None:
        """What a class has under a name, known from its text; `before`: where that statement is executed."""
        assert owner.node is not None
        stmts = self.bound_in(owner).get(name, [])
        if before is not None:
            stmts = [s for s in stmts if (s.lineno, s.col_offset) < (before.lineno, before.col_offset)]
        if not stmts:
            return None
        last = stmts[-1]
        if last not in owner.node.body:
            what = f"`.{name}`, which branches in the class `{owner.name}` define"
            self.refuse(node, what, "define it once, and branch inside of it")
        match last:
            case ast.FunctionDef():
                return self._text_method([s for s in stmts if isinstance(s, ast.FunctionDef)], owner, node)
            case ast.ClassDef():
                return Member("value", self.text_class(last, owner.module, owner.frame), owner)
            case ast.Import() | ast.ImportFrom():
                return self._valued(self.from_text(name, [last], owner.module, node), owner)
            case ast.Delete():
                return None
            case ast.Assign(targets=targets, value=value) if any(isinstance(t, ast.Name) for t in targets):
                named = (t.id for t in targets if isinstance(t, ast.Name))
                if name in (mangled(n, owner.name) for n in named):
                    return self._assigned(owner, name, value, last, node)
            case ast.Assign(targets=[ast.Tuple(elts=goals)], value=ast.Tuple(elts=values)) if len(goals) == len(values):
                for goal, value in zip(goals, values, strict=True):
                    if isinstance(goal, ast.Name) and name == mangled(goal.id, owner.name):
                        return self._assigned(owner, name, value, last, node)
            case ast.AnnAssign(value=ast.expr() as value):
                default: ast.expr | None = value
                if isinstance(value, ast.Call) and self.is_field_call(value, owner):  # leaves its default in the class
                    default = next((k.value for k in value.keywords if k.arg == "default"), None)
                return self._assigned(owner, name, default, last, node) if default is not None else None
        self.refuse(node, f"`.{name}`, as the class `{owner.name}` binds it", f"assign it on a line of its own: {name} = ...")

    def _assigned(self, owner: ClassRef, name: str, value: ast.expr, stmt: ast.stmt, node: ast.AST) -> Member:
        """What an assignment in a class makes of a name."""
        match value:
            case ast.Name(id=other) if found := self.text_member(owner, mangled(other, owner.name), node, stmt):
                return found  # `__rmul__ = __mul__`
            case ast.Name() | ast.Attribute() if owner.frame is not None or self.literal(value, owner.module, 0) is None:
                return self._valued(self.in_class(value, owner), owner)
            case ast.Lambda():
                return self._valued(self.function_in(value, owner), owner)
            case ast.Call(func=ast.Name(id="property" | "staticmethod" | "classmethod" as kind), args=args, keywords=[]) if (
                args
            ):
                parts = [self._assigned(owner, name, a, stmt, node).ref for a in args]
                return Member(kind.removesuffix("method"), parts[0], owner, parts[1] if len(parts) > 1 else None)
        if owner.frame is not None:
            return Member("value", self.in_class(value, owner), owner)
        known = self.literal(self._spelled_out(value, owner, stmt, node), owner.module, 0)
        return Member("value", known if known is not None else self.capture(name, None, node, bound=False), owner)

    def _spelled_out(self, value: ast.expr, owner: ClassRef, stmt: ast.stmt, node: ast.AST) -> ast.expr:
        """An expression in a class with the numbers that the class names in it."""
        names = {n.id for n in descend(value) if isinstance(n, ast.Name)}
        held = {n: m.ref for n in names if (m := self.text_member(owner, mangled(n, owner.name), node, stmt))}
        if not held:
            return value
        known = {n: ref.value if isinstance(ref, Const) else ... for n, ref in held.items()}  # `...` is no literal's part
        spelled = _Constants(known).visit(copy.deepcopy(value))
        assert isinstance(spelled, ast.expr)
        return spelled

    def _valued(self, ref: Ref, owner: ClassRef) -> Member:
        """Something assigned in a class: a function is a method."""
        return Member("plain" if isinstance(ref, FunctionRef) else "value", self.owned(ref, owner), owner)

    def owned(self, ref: Ref, owner: ClassRef) -> Ref:
        """A function as a method of a class."""
        if isinstance(ref, PartialRef):  # what decorates it keeps it
            return PartialRef(ref.function, tuple(self.owned(a, owner) for a in ref.args), ref.kwargs)
        if not isinstance(ref, FunctionRef):
            return ref
        self.owners[id(ref.node)] = owner
        return replace(ref, name=f"{owner.name}.{ref.name}")

    def _text_method(self, functions: list[ast.FunctionDef], owner: ClassRef, node: ast.AST) -> Member:
        """The last of some functions of a name, or the property that the last of them belong to."""
        kind, setter = "plain", None
        for function in reversed(functions):
            method = self.owned(self.function_in(function, owner), owner)
            parts = []
            for decorator in function.decorator_list:
                match decorator:
                    case ast.Name(id="staticmethod" | "classmethod" | "property" as name):
                        kind = name.removesuffix("method")
                    case ast.Name(id="cached_property") | ast.Attribute(attr="cached_property"):
                        kind = "cached"
                    case ast.Attribute(value=ast.Name(id=name), attr="setter" | "getter" | "deleter" as part):
                        if name != function.name:
                            self.refuse(node, f"`.{function.name}`, a property made of `{name}`", "give both the same name")
                        parts.append(part)
            if not parts or "getter" in parts:
                return Member("property" if parts or setter is not None else kind, method, owner, setter)
            if "setter" in parts and setter is None:
                setter = method
        self.refuse(node, f"`.{functions[-1].name}`, of which the class has no getter", "define the property first")

    def has(self, cls: ClassRef, name: str) -> bool:
        """Whether a class, or one above it, defines a name itself; what a dataclass generates does not count."""
        for owner in cls.order:
            if owner.live is not None:
                value = vars(owner.live).get(name)
                if value is not None and not generated(getattr(value, "__func__", value)):
                    return True
            elif owner.node is not None and (stmts := self.bound_in(owner).get(name)):
                return not isinstance(stmts[-1], ast.Delete) and not _is_none(getattr(stmts[-1], "value", None))
        return False

    def plain_name(self, node: ast.expr, module: Module, frame: Frame | None) -> Ref | None:
        """What a name stands for where a class is defined, with dots or subscripted; None for anything else, and if refused."""
        if isinstance(node, ast.Subscript):  # Generic[T]
            node = node.value
        if not isinstance(node, (ast.Name, ast.Attribute)):
            return None
        try:
            return self.in_module(node, module, frame)
        except Refusal:
            return None

    def is_field_call(self, value: ast.expr, owner: ClassRef) -> bool:
        """Whether an expression is `field(...)` of the module `dataclasses`."""
        if not isinstance(value, ast.Call):
            return False
        found = self.plain_name(value.func, owner.module, owner.frame)
        return isinstance(found, External) and found.op == "dataclasses.field"

    # What other parts provide.

    def in_class(self, node: ast.expr, owner: ClassRef) -> Ref:
        """An expression in the text of a class."""
        raise NotImplementedError

    def function_in(self, node: Definition, owner: ClassRef) -> Ref:
        """A function in the text of a class as its decorators leave it."""
        raise NotImplementedError


def _is_none(value: object) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


class _Constants(ast.NodeTransformer):
    """Literals in the place of some names."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        self.known = known

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.copy_location(ast.Constant(self.known[node.id]), node) if node.id in self.known else node


def generated(function: Any) -> bool:
    """Whether a method was made by `dataclass` or `namedtuple`."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return str(getattr(function, "__module__", "")) == "collections" or (
        code is not None and code.co_filename.startswith(("<string>", "<namedtuple"))
    )
