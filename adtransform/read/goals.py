"""What a statement of the user's calls an expression in it: `name = [...]`, `self.name = [...]`, `d = {"name": [...]}`."""

from __future__ import annotations

import ast
from keyword import iskeyword


def bound_to(statement: ast.stmt | None, node: ast.AST) -> str:
    """The name, attribute, key or keyword that a statement binds to an expression."""
    match statement:
        case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=value) if value is node:
            match target:
                case ast.Name(id=name) | ast.Attribute(attr=name):
                    return name
                case ast.Subscript(slice=ast.Constant(value=str(name))) if _is_name(name):
                    return name
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value) | ast.Return(value=ast.expr() as value):
            return _inside(value, node)
    return ""


def _inside(value: ast.expr, node: ast.AST) -> str:
    """The key, or the keyword, that leads to an expression inside of dicts and calls."""
    pairs: list[tuple[object, ast.expr]] = []
    match value:
        case ast.Dict(keys=keys, values=values):
            pairs = [(k.value if isinstance(k, ast.Constant) else None, v) for k, v in zip(keys, values, strict=True)]
        case ast.Call(keywords=keywords):
            pairs = [(k.arg, k.value) for k in keywords]
    for key, inner in pairs:
        if inner is node:
            return key if isinstance(key, str) and _is_name(key) else ""
    return next((found for _, inner in pairs if (found := _inside(inner, node))), "")


def _is_name(word: str) -> bool:
    return word.isidentifier() and not iskeyword(word)
