"""Which names statements bind, and which of the statements that bind a name holds, as far as their form tells."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Callable, Iterator, Sequence

from adtransform.read.libraries import is_there
from adtransform.read.scope import assigned
from adtransform.source import SCOPES, children, descend

IMPORTS = (ast.Import, ast.ImportFrom)
EVERYTHING = "*"
_PARTS = (ast.ExceptHandler, ast.match_case)
_FAILED = ("ImportError", "ModuleNotFoundError", "Exception", "BaseException")


def within(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a body and of the blocks in it, in the order of the text."""
    todo: list[ast.AST] = [*reversed(body)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, SCOPES):
            todo += reversed([c for c in children(node) if isinstance(c, (ast.stmt, *_PARTS))])


def binds(stmt: ast.stmt) -> set[str]:
    """The names that a statement binds itself or takes away, those in blocks of it left out; `*` for `import *`."""
    match stmt:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.AnnAssign(value=None):
            return set()
        case ast.Import() | ast.ImportFrom():
            return assigned([stmt])
    parts = [c for c in children(stmt) if isinstance(c, _PARTS)]
    inner = [c for part in (stmt, *parts) for c in children(part) if not isinstance(c, (ast.stmt, *_PARTS))]
    return assigned(inner) | {p.name for p in parts if isinstance(p, ast.ExceptHandler) and p.name}


def tried_import(stmts: list[ast.stmt], body: Sequence[ast.stmt], beside: Callable[[int, str], object]) -> ast.stmt | None:
    """The import that holds of those in a `try` and its handlers.

    That is the one that it begins with, where it is known to succeed and all that is bound later is in the handlers; or that of
    a module of a library in the place of one that is not installed.  `beside` finds files of the user's.
    """
    for block in (s for s in body if isinstance(s, ast.Try)):
        tried = [s for s in stmts if s in block.body]
        if not tried:
            continue
        behind = stmts[stmts.index(tried[-1]) + 1 :]
        if all(map(is_there, block.body)):
            handled = {s for handler in block.handlers for s in descend(handler)}
            return tried[-1] if handled.issuperset(behind) else None
        caught = next((h for h in block.handlers if _catches_import(h.type)), None)
        if is_missing(block.body[0], beside) and caught and behind and all(s in caught.body and is_there(s) for s in behind):
            return behind[-1]
    return None


def _catches_import(caught: ast.expr | None) -> bool:
    """Whether a handler of these exceptions surely catches a failed import."""
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(k is None or (isinstance(k, ast.Name) and k.id in _FAILED) for k in kinds)


def is_missing(stmt: ast.stmt, beside: Callable[[int, str], object]) -> bool:
    """Whether a statement imports a module that is not there, as far as can be told without importing any."""
    if not isinstance(stmt, ast.Import):
        return False
    name = stmt.names[0].name
    top = name.partition(".")[0]
    return beside(1, name) is None and beside(1, top) is None and importlib.util.find_spec(top) is None


def defines(stmt: ast.stmt, name: str) -> bool:
    """Whether a statement binds a name to a function, a class or a module, as far as its form tells."""
    match stmt:
        case ast.FunctionDef(name=defined) | ast.ClassDef(name=defined):
            return defined == name
        case ast.Assign(value=value) | ast.AnnAssign(value=value):
            return isinstance(value, ast.Lambda)
    return isinstance(stmt, IMPORTS)
