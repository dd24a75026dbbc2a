"""Whether a list or dict at module level may be written by something in the module's text, which is all that is looked at."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from adtransform.read.scope import parameters

# What gives parts of a list or dict, what asks for nothing but the whole, and the functions that take the parts, or neither.
_PARTS = frozenset("items values get copy".split())
_READING = frozenset("keys index count".split())
_TAKING = frozenset("list tuple dict sorted sum min max enumerate zip reversed any all set".split())
_ASKING = frozenset("len print str repr isinstance format bool".split())
_ELSEWHERE = frozenset("dumps dump deepcopy debug info warning error pprint".split())  # as attributes of modules and loggers
_DEEP = 4  # functions that hand something on to one another

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Written:
    """The uses of names in a module."""

    def __init__(self, tree: ast.AST) -> None:
        self.tree = tree
        self.parents: Mapping[int, ast.AST] = {
            id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)
        }

    def whole(self, name: str, value: ast.expr) -> bool:
        """Whether what a name of the module is bound to, a display, may be written."""
        return self.used(self.tree, name, _levels(value), 0)

    def used(self, within: ast.AST, name: str, levels: int, depth: int) -> bool:
        """Whether a use of a name may write what it is bound to in this scope."""
        return depth > _DEEP or any(
            self.writes(n, levels, depth)
            for n in ast.walk(within)
            if isinstance(n, ast.Name) and n.id == name and self.scope(n, name) is self.scope_of(within)
        )

    def scope_of(self, node: ast.AST) -> ast.AST:
        """A function or the module, as where a name is bound."""
        return node if isinstance(node, Function) else self.tree

    def scope(self, node: ast.AST, name: str) -> ast.AST:
        """The function, or the module, whose name is read or bound at a place."""
        around: ast.AST | None = self.parents.get(id(node))
        while around is not None:
            if isinstance(around, Function) and name in _bound_in(around):
                return around
            around = self.parents.get(id(around))
        return self.tree

    def writes(self, node: ast.expr, levels: int, depth: int) -> bool:
        """Whether something is written, or handed to what may write it, where it is read; it has so many `levels` of lists."""
        around = self.parents.get(id(node))
        match around:
            case ast.Subscript(value=value, ctx=ctx) if value is node:
                return not isinstance(ctx, ast.Load) or self.writes(around, levels - 1, depth)
            case ast.Attribute(attr=attr):
                return attr not in _READING and (attr not in _PARTS or levels > 1)
            case ast.AugAssign(target=target):
                return target is node
            case ast.Assign(targets=targets) | ast.Delete(targets=targets) if node in targets:
                return isinstance(around, ast.Delete)  # where it is bound nothing is written
            case ast.AnnAssign(target=target) if target is node:
                return False
            case ast.Assign(targets=[ast.Name(id=other) as target], value=value) if value is node:
                return levels > 0 and self.used(self.scope(target, other), other, levels, depth + 1)
            case ast.For() | ast.comprehension():
                return levels > 1
            case ast.BoolOp():
                return self.writes(around, levels, depth)
            case ast.If() | ast.While() | ast.Assert() | ast.Expr() | ast.YieldFrom() | ast.Match():
                return levels > 1
            case ast.IfExp(test=test) if test is node:
                return False
            case ast.keyword(arg=None) | ast.Dict():
                return levels > 1 or (isinstance(around, ast.Dict) and node in around.values and not _is_spread(around, node))
            case ast.Compare() | ast.BinOp() | ast.UnaryOp() | ast.FormattedValue():
                return False
            case ast.arguments():
                return levels > 0 and self.by_default(around, node, levels, depth)
            case ast.Call():
                return levels > 0 and around.func is not node and self.by_call(around, node, levels, depth)
        return levels > 0

    def by_call(self, call: ast.Call, given: ast.expr, levels: int, depth: int) -> bool:
        """Whether a call may write what it is given."""
        match call.func:
            case ast.Attribute(attr=attr):
                return attr not in _ELSEWHERE and not (attr == "copy" and levels == 1)
            case ast.Name(id=name):
                functions = [n for n in ast.walk(self.tree) if isinstance(n, ast.FunctionDef) and n.name == name]
                if len(functions) == 1 and given in call.args and not any(isinstance(a, ast.Starred) for a in call.args):
                    names = [p.arg for p in (*functions[0].args.posonlyargs, *functions[0].args.args)]
                    place = call.args.index(given)
                    return place >= len(names) or self.used(functions[0], names[place], levels, depth + 1)
                return bool(functions) or (name not in _ASKING and (name not in _TAKING or levels > 1))
        return True

    def by_default(self, args: ast.arguments, given: ast.expr, levels: int, depth: int) -> bool:
        """Whether a function may write a default value."""
        function = self.parents[id(args)]
        positional = [*args.posonlyargs, *args.args]
        pairs = [*zip(positional[len(positional) - len(args.defaults) :], args.defaults, strict=True)]
        pairs += [(p, d) for p, d in zip(args.kwonlyargs, args.kw_defaults, strict=True) if d is not None]
        return any(d is given and self.used(function, p.arg, levels, depth + 1) for p, d in pairs)


def _is_spread(node: ast.Dict, value: ast.expr) -> bool:
    """Whether a value stands behind `**` in a display."""
    return any(v is value and k is None for k, v in zip(node.keys, node.values, strict=True))


def _levels(node: ast.AST) -> int:
    """How deep lists and dicts are nested in a display."""
    inner = max(map(_levels, ast.iter_child_nodes(node)), default=0)
    return inner + isinstance(node, (ast.Dict, ast.List, ast.Set, ast.ListComp, ast.DictComp))


def _bound_in(function: Function) -> set[str]:
    """The names that are a function's own."""
    own = {p.arg for p in parameters(function)} if not isinstance(function, ast.AsyncFunctionDef) else set()
    if isinstance(function, ast.Lambda):
        return own
    inner = list(ast.walk(function))
    stored = {n.id for n in inner if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return (own | stored) - {n for g in inner if isinstance(g, (ast.Global, ast.Nonlocal)) for n in g.names}
