"""A `for` over a call of a generator function as the body of that function, with the body of the loop where it yields.

def halves(v):
    while True:                          while True:
        yield v                              w = v
        v = 0.5 * v           ->             if w < tol:
                                                 break
for w in halves(x):                          v = 0.5 * v
    if w < tol:
        break
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping
from typing import Any

from adtransform.read.endings import at
from adtransform.read.scope import breaks, inside, local_names
from adtransform.source import descend, forget

_LOOPS = (ast.For, ast.While)
_BINDING = (ast.alias, ast.MatchAs, ast.MatchStar, ast.MatchMapping, ast.ExceptHandler)
_KEPT = (ast.FunctionDef, ast.Lambda, ast.ClassDef, ast.Try, ast.With, ast.Nonlocal, ast.Global, ast.AsyncFunctionDef)
_CHANGING = frozenset("append appendleft clear extend insert pop popleft remove reverse sort update fill".split())


def asks_for_it(stmt: ast.For, generator: ast.FunctionDef) -> bool:
    """Whether it can be told when the body of a generator runs: the loop is left early, or it writes or never ends."""
    left = breaks(stmt.body) or any(isinstance(n, ast.Return) for n in inside(stmt.body))
    return left or any(_writes(n) or _is_endless(n) for n in inside(generator.body))


def _is_endless(node: ast.AST) -> bool:
    return isinstance(node, ast.While) and isinstance(node.test, ast.Constant)


def _writes(node: ast.AST) -> bool:
    match node:
        case ast.Subscript(ctx=ast.Store()) | ast.Attribute(ctx=ast.Store()):
            return True
        case ast.Call(func=ast.Attribute(attr=attr)):
            return attr in _CHANGING
    return False


def inlined(
    stmt: ast.For, generator: ast.FunctionDef, taken: set[str], *, counted: bool
) -> tuple[list[ast.stmt], dict[str, str]] | None:
    """The statements, and what the names of the generator are called in them; None where it has no such form.

    `taken`: the names of the function that the loop is in; `counted`: it is over `enumerate` of the generator.
    """
    every = list(descend(generator))[1:]
    yields = [s for s in every if isinstance(s, ast.Expr) and isinstance(s.value, (ast.Yield, ast.YieldFrom))]
    if len(yields) != sum(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in every) or not yields:
        return None  # one that is sent something
    if counted and any(isinstance(n, ast.YieldFrom) for n in every):
        return None
    if any(isinstance(n, (*_BINDING, *_KEPT)) for n in every) or generator.decorator_list:
        return None
    body = copy.deepcopy(generator.body)
    if not _fits(body, stmt):
        return None
    names = {name: _free(name, taken) for name in sorted(local_names(generator))}
    count = names["%count"] = _free("count", taken) if counted else ""
    made = _Inlined(stmt, count).statements([Renamed(names).visit(s) for s in body])
    if counted:
        made.insert(0, at(stmt.iter, ast.Assign([ast.Name(count, ast.Store())], ast.Constant(0))))
    for made_anew in made:
        forget(made_anew)
    return made, names


def _fits(body: list[ast.stmt], stmt: ast.For) -> bool:
    """Whether the exits of a loop can be those of the loop in a generator that yields; what follows goes into its `else`."""
    jumps = list(_jumps(stmt.body))
    ends = any(isinstance(n, ast.Return) for s in body for n in ast.walk(s))
    if not jumps and not ends and not stmt.orelse:
        return True
    places = [i for i, s in enumerate(body) if _yields(s)]
    loop = body[places[0]]
    if len(places) != 1 or not isinstance(loop, _LOOPS) or loop.orelse:
        return False
    inner = [n for n in ast.walk(loop) if isinstance(n, _LOOPS) and n is not loop]
    if any(map(_yields, inner)):
        return False
    if any(isinstance(n, ast.YieldFrom) for n in ast.walk(loop)):
        return False
    if any(isinstance(n, ast.Continue) for n in jumps) and not _is_last(loop.body):
        return False
    rest = [*body[places[0] + 1 :], *stmt.orelse]
    own = breaks(loop.body) or ends
    if rest and own:
        return False
    if ends:
        outside = [n for s in body if s is not loop for n in ast.walk(s)]
        if any(isinstance(n, ast.Return) for n in (*outside, *(m for n in inner for m in ast.walk(n)))):
            return False
        loop.body = [_Ended().visit(s) for s in loop.body]
    loop.orelse = rest
    del body[places[0] + 1 :]
    return True


def _yields(node: ast.AST) -> bool:
    return any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in ast.walk(node))


def _jumps(stmts: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The `break` and `continue` in the body of a loop that belong to it."""
    for stmt in stmts:
        if isinstance(stmt, (ast.Break, ast.Continue)):
            yield stmt
        elif isinstance(stmt, _LOOPS):
            yield from _jumps(stmt.orelse)
        elif not isinstance(stmt, (ast.FunctionDef, ast.ClassDef)):
            for part in ast.iter_child_nodes(stmt):
                if isinstance(part, ast.stmt):
                    yield from _jumps([part])
                elif isinstance(part, (ast.ExceptHandler, ast.match_case)):
                    yield from _jumps(part.body)


def _is_last(stmts: list[ast.stmt]) -> bool:
    """Whether what yields among some statements is the last that they do."""
    if any(map(_yields, stmts[:-1])):
        return False
    last = stmts[-1]
    if isinstance(last, ast.If):
        return all(_is_last(branch) for branch in (last.body, last.orelse) if branch)
    return isinstance(last, ast.Expr) or not _yields(last)


def _free(wish: str, taken: set[str]) -> str:
    """A name that is not taken, which it then is."""
    name, n = wish, 2
    while name in taken:
        name, n = f"{wish}_{n}", n + 1
    taken.add(name)
    return name


class Renamed(ast.NodeTransformer):
    """The same with other names."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """A name."""
        return ast.copy_location(ast.Name(self.names.get(node.id, node.id), node.ctx), node)


class _Ended(ast.NodeTransformer):
    """The end of a generator in its only loop that yields."""

    def visit_Return(self, node: ast.Return) -> ast.stmt:
        return ast.copy_location(ast.Break(), node)


class _Inlined(ast.NodeTransformer):
    """The body of a loop in the place of what yields; where that is more than one statement each has one of its own."""

    def __init__(self, stmt: ast.For, count: str) -> None:
        self.stmt = stmt
        self.count = count
        self.given = False

    def statements(self, stmts: list[ast.stmt]) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for s in stmts:
            found = self.visit(s)
            made += found if isinstance(found, list) else [found]
        return made

    def body(self) -> list[ast.stmt]:
        if not self.given:
            self.given = True
            return list(self.stmt.body)
        return copy.deepcopy(self.stmt.body)

    def visit_Expr(self, node: ast.Expr) -> Any:
        if isinstance(node.value, ast.Yield):
            value = node.value.value or ast.Constant(None)
            again: list[ast.stmt] = []
            if self.count:
                value = ast.Tuple([ast.Name(self.count, ast.Load()), value], ast.Load())
                again = [at(node, ast.AugAssign(ast.Name(self.count, ast.Store()), ast.Add(), ast.Constant(1)))]
            return [at(node, ast.Assign([copy.deepcopy(self.stmt.target)], value)), *again, *self.body()]
        if isinstance(node.value, ast.YieldFrom):
            return at(node, ast.For(copy.deepcopy(self.stmt.target), node.value.value, self.body(), []))
        return node
