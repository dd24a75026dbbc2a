"""Classes defined inside of functions: what a class statement evaluates is kept under hidden names of the call around.

    def f(x):                            def f(x):
        class P:                             %h.k = x[0]
            k = x[0]               ->        %h.b = 2.0
            def scaled(self, b=2.0):         class P: ...
                return self.k * b * x[1]

So it is there on every path and in every trip of a loop, as what the methods read of that call is.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from adtransform.ir import Const
from adtransform.read.bindings import binds
from adtransform.read.classes import Classes, NamedTupleClass
from adtransform.read.endings import at
from adtransform.read.frames import Frame
from adtransform.read.refs import ClassRef, Conflict, FunctionRef, Ref
from adtransform.read.scope import inside, title
from adtransform.source import Definition, descend

HIDDEN = "%h."


class Nested(Classes):
    """Reading such classes."""

    def class_here(self, stmt: ast.ClassDef) -> None:
        """A class statement in a function."""
        cls = self.text_class(stmt, self.frame.module, self.frame)
        cls = self.known_classes[id(stmt)] = self.based_anew(cls, stmt)
        if cls.members is None:
            self.class_body(cls, stmt, _in_loop(stmt, self.frame.scope.body))
        self.frame.env[stmt.name] = cls

    def based_anew(self, cls: ClassRef, stmt: ast.ClassDef) -> ClassRef:
        """The class where what it is derived from is the same as before."""
        bases = [ref for b in stmt.bases if isinstance(ref := self.plain_name(b, cls.module, cls.frame), ClassRef)]
        if any(base not in cls.above for base in bases):
            self.refuse(stmt, "a class that is derived from another one each time", "define one class for each")
        return cls

    def class_body(self, cls: ClassRef, node: ast.ClassDef, in_loop: bool) -> None:
        """Evaluate what the body of a class does."""
        known: dict[str, Ref] = {}
        bound: set[str] = set()
        for part in node.body:
            match part:
                case ast.Expr(value=ast.Constant()) | ast.Pass() | ast.Import() | ast.ImportFrom() | ast.AnnAssign(value=None):
                    continue
                case ast.ClassDef():
                    inner = self.known_classes[id(part)] = self.text_class(part, cls.module, cls.frame)
                    self.class_body(inner, part, in_loop)
                    continue
                case ast.FunctionDef() | ast.Assign(targets=[ast.Name(), *_]) | ast.AnnAssign(target=ast.Name()):
                    pass
                case _:
                    what = f"this statement ({type(part).__name__}) in a class defined in a function"
                    self.refuse(part, what, "do it before the class")
            for name, value in _evaluated(part, bound):
                local = {n.id for n in descend(value) if isinstance(n, ast.Name)} & self.frame.scope.locals
                if in_loop and local:
                    what = f"a class made in a loop, with `{min(local)}` in it as it is there"
                    self.refuse(value, what, "define it before the loop, and set what differs in `__init__`")
                found = self.with_names(known, value)
                self.frame.env[_hidden(name, value)] = found if isinstance(found, Const) else self.named(name, found, part)
                if not isinstance(part, ast.FunctionDef):
                    known.update(dict.fromkeys(binds(part), found))
            bound |= binds(part)

    def with_names(self, known: dict[str, Ref], node: ast.expr) -> Ref:
        """An expression in the body of a class, which sees what was bound there before."""
        env = self.frame.env
        hidden = {name: env.get(name) for name in known}
        env.update(known)
        try:
            return self.expression(node)
        finally:
            for name, ref in hidden.items():
                if ref is None:
                    self.frame.env.pop(name, None)
                else:
                    self.frame.env[name] = ref

    def named_tuple(self, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> ClassRef:
        """`namedtuple("P", "a b", defaults=[2.0])`, as the class that it makes."""
        spelled = [self.known_text(ref) for ref in args]
        defaults = self.known_items(kwargs.get("defaults", Const(None)))
        match spelled:
            case [str(name), names] if names is not None and set(kwargs) <= {"defaults"}:
                fields = tuple(names.replace(",", " ").split()) if isinstance(names, str) else names
            case _:
                self.refuse(node, "this `namedtuple`", 'name its fields: namedtuple("P", ["x", "y"])')
        stmt: ast.ClassDef | None = node.__dict__.get("_named")
        if stmt is None:
            annotation = ast.Constant(...)
            body: list[ast.stmt] = [ast.AnnAssign(ast.Name(f, ast.Store()), annotation, None, 1) for f in fields]
            stmt = node.__dict__["_named"] = at(node, NamedTupleClass(name, [], [], body, []))
            for i, part in enumerate(body[len(fields) - len(defaults or ()) :]):
                assert isinstance(part, ast.AnnAssign)
                part.value = ast.copy_location(ast.Constant(...), node)
                part.value.col_offset = -1 - i
        outside = not defaults and not hasattr(self.frame.scope.node, "lineno")  # at module level, and needs nothing of it
        cls = self.text_class(stmt, self.frame.module, None if outside else self.frame)
        self.known_classes[id(stmt)] = cls
        for part, ref in zip(stmt.body[::-1], (defaults or ())[::-1], strict=False):
            assert isinstance(part, ast.AnnAssign) and part.value is not None
            self.frame.env[_hidden("default", part.value)] = ref
        return cls

    def known_text(self, ref: Ref) -> str | tuple[str, ...] | None:
        """A string, or several in a list or a tuple; None for anything else."""
        if isinstance(ref, Const) and isinstance(ref.value, str):
            return ref.value
        items = [item.value if isinstance(item, Const) else None for item in self.known_items(ref) or ()]
        return tuple(map(str, items)) if items and all(isinstance(item, str) for item in items) else None

    def in_class(self, node: ast.expr, owner: ClassRef) -> Ref:
        """An expression in the text of a class."""
        if owner.frame is None:
            return self.in_module(node, owner.module)
        place = _hidden("", node).removeprefix(HIDDEN)
        found = next((ref for name, ref in owner.frame.env.items() if name.startswith(HIDDEN) and name.endswith(place)), None)
        if found is None:
            return self.in_module(node, owner.module, owner.frame)
        if isinstance(found, Conflict):
            self.unusable(found, node)
        return self.from_call(found, owner.frame, owner.name, node)

    def function_in(self, node: Definition, owner: ClassRef) -> Ref:
        """A function in the text of a class as its decorators leave it."""
        if owner.frame is not None:
            plain = self.closure(node, owner, owner.frame)
            return self.decorated(plain, lambda d: self.in_class(d, owner)) if isinstance(node, ast.FunctionDef) else plain
        if isinstance(node, ast.FunctionDef):
            return self.definition(node, owner.module)
        return self.function(node, owner.module, None)

    def closure(self, node: Definition, owner: ClassRef, frame: Frame) -> FunctionRef:
        """A function in the text of a class that a call defines, with the defaults that it had then."""
        self.closures = True
        name = node.name if isinstance(node, ast.FunctionDef) else "<lambda>"
        defaults = tuple(self.in_class(d, owner) for d in node.args.defaults)
        named = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        return FunctionRef(
            node, owner.module, frame, name, defaults, {a.arg: self.in_class(d, owner) for a, d in named if d is not None}
        )

    # What other parts provide.

    def known_items(self, ref: Ref) -> list[Ref] | None:
        """The items of something, where they are known."""
        raise NotImplementedError

    def decorated(self, function: FunctionRef, read: Callable[[ast.expr], Ref]) -> Ref:
        """A function under its decorators."""
        raise NotImplementedError

    def named(self, name: str, ref: Ref, node: ast.AST) -> Ref:
        """What a name is bound to."""
        raise NotImplementedError


def _hidden(name: str, node: ast.expr) -> str:
    """The hidden name of what is evaluated at a place in a class."""
    return f"{HIDDEN}{name}.{node.lineno}.{node.col_offset}"


def _in_loop(stmt: ast.stmt, body: list[ast.stmt]) -> bool:
    """Whether a statement stands in a loop of a function."""
    return any(stmt in descend(s) for s in inside(body) if isinstance(s, (ast.For, ast.While)))


def _evaluated(part: ast.stmt, bound: set[str]) -> Iterator[tuple[str, ast.expr]]:
    """What a statement of a class evaluates, in its order, each with a name; `bound`: what those before it have bound."""
    match part:
        case ast.FunctionDef():
            yield from _defaults(part)
        case (
            ast.Assign(targets=[ast.Name(id=name), *_], value=value)
            | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
        ):
            match value:
                case ast.Name(id=other) if other in bound:
                    pass  # a second name
                case ast.Lambda():
                    yield from _defaults(value)
                case ast.Call(func=ast.Name(id="property" | "staticmethod" | "classmethod"), args=args):
                    for given in args:
                        if isinstance(given, ast.Lambda):
                            yield from _defaults(given)
                        elif not (isinstance(given, ast.Name) and given.id in bound):
                            yield name, given
                case ast.Call(keywords=[_, *_] as options) if title(value) == "field":
                    yield from ((name, k.value) for k in options if k.arg in ("default", "default_factory"))
                case _:
                    yield name, value


def _defaults(node: Definition) -> Iterator[tuple[str, ast.expr]]:
    """The defaults of a function and the parameters that they are for."""
    a = node.args
    placed = [*a.posonlyargs, *a.args]
    yield from zip((p.arg for p in placed[len(placed) - len(a.defaults) :]), a.defaults, strict=True)
    yield from ((p.arg, d) for p, d in zip(a.kwonlyargs, a.kw_defaults, strict=True) if d is not None)
