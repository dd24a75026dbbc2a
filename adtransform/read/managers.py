"""Functions under `contextmanager`, parted at their `yield`: what one does before, and two functions for the rest.

@contextmanager                 def scope(m, v):
def scope(m, v):                    old = m.v
    old = m.v                       m.v = v
    m.v = v                         def leave():
    try:                ->              m.v = old
        yield m                     def fail():
    finally:                            m.v = old
        m.v = old                   return m, leave, fail
"""

from __future__ import annotations

import ast
import copy

from adtransform.read.endings import Enter, Handled, at, ending
from adtransform.read.outline import unique
from adtransform.read.scope import assigned, inside, local_names
from adtransform.source import descend, forget


def parted(node: ast.FunctionDef) -> ast.FunctionDef | None:
    """A generator function that yields once, parted there.  The same one each time; None where it cannot be parted."""
    if "_parted" not in node.__dict__:
        node.__dict__["_parted"] = _parted(node)
    found: ast.FunctionDef | None = node.__dict__["_parted"]
    return found


def _parted(node: ast.FunctionDef) -> ast.FunctionDef | None:
    if sum(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in inside(node.body)) != 1:
        return None
    made = copy.deepcopy(node)
    forget(made)
    sides = _sides(made.body)
    if sides is None:
        return None
    before, value, *ends = sides
    taken = {n.id for n in descend(node) if isinstance(n, ast.Name)}
    names = [unique(name, taken) for name in ("leave", "fail")]
    same = [ast.dump(s) for s in ends[0]] == [ast.dump(s) for s in ends[1]]
    bound = (assigned(before) | {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}) & local_names(node)
    for name, end in zip(names, ends, strict=True):
        again = sorted(assigned(end) & bound)
        body: list[ast.stmt] = [*([ast.Nonlocal(again)] if again else []), *end] or [ast.Pass()]
        before.append(_function(name, body, node))
    called = [ast.Name(n, ast.Load()) for n in names]
    result = ast.Tuple([value or ast.Constant(None), called[0], ast.Constant(None) if same else called[1]], ast.Load())
    made.body = [*before, at(value or node, ast.Return(result))]
    made.decorator_list = []
    return made


_Sides = tuple[list[ast.stmt], ast.expr | None, list[ast.stmt], list[ast.stmt]]


def _sides(stmts: list[ast.stmt]) -> _Sides | None:
    """What stands before a `yield`, what it yields, what is done behind it, and what where an exception comes from there."""
    where = next(i for i, s in enumerate(stmts) if any(isinstance(n, ast.Yield) for n in inside([s])))
    head, rest = stmts[:where], stmts[where + 1 :]
    match stmts[where]:
        case ast.Expr(value=ast.Yield(value=value)):
            return head, value, rest, []
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=last) as stmt if any(
            isinstance(n, ast.Yield) for n in inside(body)
        ):
            sides = _sides(body)
            if sides is None or any(isinstance(n, ast.Return) for n in inside(last)):
                return None
            before, value, behind, failing = sides
            if before and handlers:
                return None
            if before:  # what it raises makes the `finally` run as well
                again = ast.ExceptHandler(None, None, [*copy.deepcopy(last), ast.Raise()])
                head.append(at(stmt, ast.Try(before, [again], [], [])))
            caught = [at(handlers[0], Handled())] if handlers else _lastly(failing, [], [], copy.deepcopy(last), stmt)
            return head, value, [*_lastly(behind, handlers, orelse, last, stmt), *rest], caught
        case ast.With(items=[item], body=[ast.Expr(value=ast.Yield(value=value))]) as stmt:
            end = ending(stmt)
            entered = at(end.block, Enter())
            entered.item, entered.end = item, end
            return [*head, entered], value, [*end.block.finalbody, *rest], end.failing
    return None


def _lastly(
    body: list[ast.stmt], handlers: list[ast.ExceptHandler], orelse: list[ast.stmt], last: list[ast.stmt], place: ast.AST
) -> list[ast.stmt]:
    """The statements of a `try` with this body."""
    if not body or not (handlers or last):
        return _lastly(orelse, [], [], last, place) if orelse and last else [*body, *orelse, *last]
    return [at(place, ast.Try(body, handlers, orelse, last))]


def _function(name: str, body: list[ast.stmt], place: ast.AST) -> ast.FunctionDef:
    (made,) = ast.parse(f"def {name}(): pass").body
    assert isinstance(made, ast.FunctionDef)
    made.body = body
    for n in (made, made.args):
        ast.copy_location(n, place)
    return ast.fix_missing_locations(made)
