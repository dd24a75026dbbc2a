"""Which of the statements that bind a name holds, and what it binds it to, as far as their form tells."""

from __future__ import annotations

import ast

from adtransform.read.frames import Module
from adtransform.read.libraries import is_there
from adtransform.source import descend

IMPORTS = (ast.Import, ast.ImportFrom)


def tried_import(stmts: list[ast.stmt], module: Module) -> ast.stmt | None:
    """The import that a `try` begins with, where it is known to succeed and all that is bound later is in its handlers."""
    for block in (s for s in module.source.tree.body if isinstance(s, ast.Try)):
        if all(map(is_there, block.body)) and (found := [s for s in stmts if s in block.body]):
            behind = stmts[stmts.index(found[-1]) + 1 :]
            handled = {s for handler in block.handlers for s in descend(handler)}
            return found[-1] if handled.issuperset(behind) else None
    return None


def defines(stmt: ast.stmt, name: str) -> bool:
    """Whether a statement binds a name to a function, a class or a module, as far as its form tells."""
    match stmt:
        case ast.FunctionDef(name=defined) | ast.ClassDef(name=defined):
            return defined == name
        case ast.Assign(value=value) | ast.AnnAssign(value=value):
            return isinstance(value, ast.Lambda)
    return isinstance(stmt, IMPORTS)


def binds(stmt: ast.stmt) -> set[str]:
    """The names that a statement binds itself, those in blocks of it left out."""
    match stmt:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return {(a.asname or a.name).split(".")[0] for a in aliases}
        case ast.Assign() | ast.AugAssign() | ast.AnnAssign() | ast.For():
            return {n.id for n in descend(stmt) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return set()
