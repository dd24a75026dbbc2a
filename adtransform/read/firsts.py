"""What asks only for the first things that a generator expression gives, as a loop that is left at once.

y = next((v for v in xs if v > 0), 0.0)      ->      y = 0.0
                                                     for found in (v for v in xs if v > 0):
                                                         y = found
                                                         break

if any(far(v) for v in xs):                  ->      found = False
    ...                                              for found_now in (far(v) for v in xs):
                                                         if found_now:
                                                             found = True
                                                             break
                                                     if found:
                                                         ...

What `next` runs over is asked for before a default that calls something.  `any` and `all` are read like that where something is
called for the items, or bound.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Container, Sequence

from adtransform.read.endings import at

_CALLS = (ast.Call, ast.NamedExpr, ast.Await)


class First(ast.For):
    """A loop that stands for a statement."""


def asks_first(stmt: ast.stmt) -> ast.Call | None:
    """The call of `next`, `any` or `all` that a statement binds to a name, returns, or tests."""
    match stmt:
        case ast.If(test=ast.UnaryOp(op=ast.Not(), operand=ast.Call() as value)) | ast.If(test=ast.Call() as value):
            return value if _asks_whether(value) else None
        case ast.Assign(targets=[ast.Name()], value=ast.Call() as value) | ast.Return(value=ast.Call() as value):
            match value:
                case ast.Call(func=ast.Name(id="next"), args=[ast.GeneratorExp(generators=[clause, *_]), *rest], keywords=[]):
                    return value if not rest or not rest[1:] and (_plain(rest) or _plain([clause.iter])) else None
            return value if _asks_whether(value) else None
    return None


def _asks_whether(call: ast.Call) -> bool:
    match call:
        case ast.Call(func=ast.Name(id="any" | "all"), args=[ast.GeneratorExp(elt=value, generators=[clause])], keywords=[]):
            return not _plain([value, *clause.ifs])
    return False


def _plain(parts: Sequence[ast.expr]) -> bool:
    """Whether expressions do nothing that others might see."""
    return not any(isinstance(n, _CALLS) for part in parts for n in ast.walk(part))


def called(call: ast.Call) -> str:
    """The function that is called."""
    assert isinstance(call.func, ast.Name)
    return call.func.id


def names_for(call: ast.Call, taken: Container[str]) -> tuple[str, str]:
    """Two names that nothing else has."""
    other = "over" if called(call) == "next" else "now"
    names = itertools.chain(("found",), (f"found_{i}" for i in itertools.count(2)))
    return next((n, f"{n}_{other}") for n in names if n not in taken and f"{n}_{other}" not in taken)


def first(stmt: ast.stmt, call: ast.Call, item: str, other: str) -> list[ast.stmt]:
    """The statements for one that asks for the first; `item`, `other`: names that nothing else has."""
    made = _first(stmt, call, item, other) if called(call) == "next" else _whether(stmt, call, item, other)
    return [at(stmt, s) for s in made]


def _bind(name: str, value: ast.expr) -> ast.stmt:
    return ast.Assign([ast.Name(name, ast.Store())], value)


def _first(stmt: ast.stmt, call: ast.Call, item: str, over: str) -> list[ast.stmt]:
    source, *default = call.args
    assert isinstance(source, ast.GeneratorExp)
    made: list[ast.stmt] = []
    if not _plain(default):
        clause, *others = source.generators
        made.append(_bind(over, clause.iter))
        clause = ast.comprehension(clause.target, ast.Name(over, ast.Load()), clause.ifs, clause.is_async)
        source = ast.GeneratorExp(source.elt, [clause, *others])
    read = {n.id for n in ast.walk(call) if isinstance(n, ast.Name)}
    goal = stmt.targets[0].id if isinstance(stmt, ast.Assign) and isinstance(stmt.targets[0], ast.Name) else item
    name = item if goal in read else goal
    made += [_bind(name, default[0])] if default else []
    keep = [] if name == item else [_bind(name, ast.Name(item, ast.Load()))]
    missing: list[ast.stmt] = [] if default else [ast.Raise(ast.Name("StopIteration", ast.Load()))]
    made.append(First(ast.Name(item, ast.Store()), source, [*keep, ast.Break()], missing))
    if isinstance(stmt, ast.Return):
        made.append(ast.Return(ast.Name(item, ast.Load())))
    elif name == item:
        made.append(_bind(goal, ast.Name(item, ast.Load())))
    return made


def _whether(stmt: ast.stmt, call: ast.Call, found: str, now: str) -> list[ast.stmt]:
    stops = called(call) == "any"
    item: ast.expr = ast.Name(now, ast.Load())
    left = ast.If(item if stops else ast.UnaryOp(ast.Not(), item), [_bind(found, ast.Constant(stops)), ast.Break()], [])
    made = [_bind(found, ast.Constant(not stops)), First(ast.Name(now, ast.Store()), call.args[0], [left], [])]
    value = ast.copy_location(ast.Name(found, ast.Load()), call)
    match stmt:
        case ast.If(test=test, body=body, orelse=orelse):
            asked = value if test is call else ast.copy_location(ast.UnaryOp(ast.Not(), value), test)
            return [*made, ast.If(asked, body, orelse)]
        case ast.Assign(targets=goals):
            return [*made, ast.Assign(goals, value)]
    return [*made, ast.Return(value)]
