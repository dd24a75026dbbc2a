"""`with` as `try` and `finally`: what a context does at its end stands in statements of its own.

    with scope(x) as y:          leave, fail, y = ...
        body             ->      try:
                                     body
                                 finally:
                                     leave()

`fail` is called instead where an exception leaves the body; where that gives true, the exception would be gone.
"""

from __future__ import annotations

import ast
import copy
from typing import Any

from adtransform.record import record


class Enter(ast.stmt):
    """Enters a context and binds what is called at its end to the names of an `Ending`."""

    _fields = ("item",)
    item: ast.withitem
    end: Ending


class Handled(ast.stmt):
    """Stands where a context is about to handle an exception of its block."""


@record
class Ending:
    """The block of a `with` and what is done at its end, by functions under hidden names; `failing`: where it is left so."""

    block: ast.Try
    failing: list[ast.stmt]
    leave: str
    fail: str
    held: str  # what they see of what is around


def ending(stmt: ast.With) -> Ending:
    """How the block of a `with` ends."""
    place = copy.copy(stmt)
    head = stmt.items[-1].optional_vars or stmt.items[-1].context_expr
    place.end_lineno, place.end_col_offset = head.end_lineno, head.end_col_offset
    leave, fail, held = (f"%h.{what}.{head.lineno}.{head.col_offset}" for what in ("leave", "fail", "held"))
    left, failed = (ast.Call(ast.Name(name, ast.Load()), [], []) for name in (leave, fail))
    block = at(place, ast.Try(stmt.body, [], [], [ast.Expr(left)]))
    return Ending(block, [at(place, ast.If(failed, [Handled()], []))], leave, fail, held)


def apart(stmt: ast.With) -> ast.With:
    """A `with` of several contexts as one of the first, with one of the others inside."""
    first, *others = stmt.items
    inner = at(stmt, ast.With(others, stmt.body))
    return at(stmt, ast.With([first], [inner]))  # type: ignore[no-any-return]


def at(place: ast.AST, node: Any) -> Any:
    """A node in the place of another one."""
    return ast.fix_missing_locations(ast.copy_location(node, place))
