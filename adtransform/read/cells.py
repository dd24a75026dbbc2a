"""Variables that a nested function binds by `nonlocal`: the attributes of an object of the call around.

    def f(x):                        def f(x):
        s = x                            cell.s = x
        def add(v):              ->      def add(v):
            nonlocal s
            s = s + v                        cell.s = cell.s + v

Objects are there in every state of the reader, on every path and in every trip of a loop; the names of a call around are not.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable
from typing import Any

from adtransform.read.scope import assigned, inside, local_names, own_nodes, parameters, targets
from adtransform.source import Definition, forget

CELL = "%h.cell"  # the hidden name of the object, with the line of its function


def with_cells(node: Definition) -> tuple[Definition, str, frozenset[str]]:
    """A function with such variables as attributes, the name of their object, and theirs.  The same one each time."""
    noted: tuple[Definition, str, frozenset[str]] | None = node.__dict__.get("_cells")
    if noted is None:
        names = _shared(node) if isinstance(node, ast.FunctionDef) else frozenset[str]()
        cell = f"{CELL}.{getattr(node, 'lineno', 0)}"
        made = _Celled(names, cell).whole(copy.deepcopy(node)) if names else node
        noted = node.__dict__["_cells"] = (made, cell, names)
    return noted


def _shared(node: ast.FunctionDef) -> frozenset[str]:
    """The names of a function that functions inside of it bind, if it binds them by assignments alone."""
    found: set[str] = set()
    todo = [n for n in own_nodes(node) if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    while todo:
        inner = todo.pop()
        every = list(inside(inner.body))
        found |= {n for s in every if isinstance(s, ast.Nonlocal) for n in s.names} & assigned(inner.body)
        todo += [n for n in every if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    return frozenset((found & local_names(node)) - _otherwise(node)) if found else frozenset()


def _otherwise(node: ast.FunctionDef) -> set[str]:
    """The names bound by something that cannot bind an attribute."""
    found: set[str] = set()
    for n in ast.walk(node):
        match n:
            case ast.NamedExpr(target=goal):
                found |= set(targets(goal))
            case ast.FunctionDef(name=str(name)) | ast.ClassDef(name=str(name)) | ast.MatchAs(name=str(name)):
                found.add(name)
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)) | ast.ExceptHandler(name=str(name)):
                found.add(name)
            case ast.alias():
                found.add((n.asname or n.name).split(".")[0])
            case ast.Delete(targets=goals):
                found |= {t.id for t in goals if isinstance(t, ast.Name)}
    return found


class _Celled(ast.NodeTransformer):
    def __init__(self, names: Iterable[str], cell: str) -> None:
        self.names, self.cell = frozenset(names), cell

    def whole(self, node: Any) -> Any:
        """The function itself: what its own body and the functions inside of it do with the names."""
        node.body = [self.visit(s) for s in node.body]
        forget(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id not in self.names:
            return node
        owner = ast.copy_location(ast.Name(self.cell, ast.Load()), node)
        return ast.copy_location(ast.Attribute(owner, node.id, node.ctx), node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.args = self.visit(node.args)
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        inner = _Celled(self.names - local_names(node), self.cell)
        node.body = [inner.visit(s) for s in node.body]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        own = assigned(node.body)  # which its functions do not see
        plain = _Celled(self.names - own, self.cell)
        node.body = [(self if isinstance(s, ast.FunctionDef) else plain).visit(s) for s in node.body]
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        node.args = self.visit(node.args)
        node.body = _Celled(self.names - {a.arg for a in parameters(node)}, self.cell).visit(node.body)
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:
        left = [n for n in node.names if n not in self.names]
        return ast.copy_location(ast.Nonlocal(left) if left else ast.Pass(), node)

    def visit(self, node: ast.AST) -> Any:
        """Replace the names in a node; a comprehension has some of its own."""
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            own = {n for clause in node.generators for n in targets(clause.target)}
            return _Celled(self.names - own, self.cell).generic_visit(node)
        return super().visit(node)
