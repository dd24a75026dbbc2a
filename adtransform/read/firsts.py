"""The first of what a generator expression gives, as a loop that is left at once.

y = next((v for v in xs if v > 0), 0.0)      ->      y = 0.0
                                                     for found in (v for v in xs if v > 0):
                                                         y = found
                                                         break

What the expression runs over is asked for before a default that calls something.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from adtransform.read.endings import at

_CALLS = (ast.Call, ast.NamedExpr, ast.Await)


class First(ast.For):
    """A loop that stands for a statement."""


def asks_first(stmt: ast.stmt) -> ast.Call | None:
    """The call of `next` that a statement binds to a name or returns."""
    match stmt:
        case ast.Assign(targets=[ast.Name()], value=value) | ast.Return(value=value) if isinstance(value, ast.Call):
            match value:
                case ast.Call(func=ast.Name(id="next"), args=[ast.GeneratorExp(), *rest], keywords=[]) if len(rest) < 2:
                    return value if _plain(rest) or _plain([value.args[0].generators[0].iter]) else None
    return None


def _plain(parts: Sequence[ast.expr]) -> bool:
    """Whether expressions do nothing that others might see."""
    return not any(isinstance(n, _CALLS) for part in parts for n in ast.walk(part))


def first(stmt: ast.stmt, call: ast.Call, item: str, over: str) -> list[ast.stmt]:
    """The statements for one that asks for the first; `item`, `over`: names that nothing else has."""
    source, *default = call.args
    assert isinstance(source, ast.GeneratorExp)
    made: list[ast.stmt] = []
    if not _plain(default):
        clause, *others = source.generators
        made.append(ast.Assign([ast.Name(over, ast.Store())], clause.iter))
        clause = ast.comprehension(clause.target, ast.Name(over, ast.Load()), clause.ifs, clause.is_async)
        source = ast.GeneratorExp(source.elt, [clause, *others])
    read = {n.id for n in ast.walk(call) if isinstance(n, ast.Name)}
    goal = stmt.targets[0].id if isinstance(stmt, ast.Assign) and isinstance(stmt.targets[0], ast.Name) else item
    name = item if goal in read else goal
    made += [ast.Assign([ast.Name(name, ast.Store())], default[0])] if default else []
    keep = [] if name == item else [ast.Assign([ast.Name(name, ast.Store())], ast.Name(item, ast.Load()))]
    missing: list[ast.stmt] = [] if default else [ast.Raise(ast.Name("StopIteration", ast.Load()))]
    made.append(First(ast.Name(item, ast.Store()), source, [*keep, ast.Break()], missing))
    if isinstance(stmt, ast.Return):
        made.append(ast.Return(ast.Name(item, ast.Load())))
    elif name == item:
        made.append(ast.Assign([ast.Name(goal, ast.Store())], ast.Name(item, ast.Load())))
    return [at(stmt, s) for s in made]
