"""The last step of reading: results flattened, temporaries numbered in the order they appear."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adtransform.ir import Atom, Const, For, If, Leaf, Let, Record, Region, Try, Var, While

_INLINE = frozenset(("slice", "tuple"))


def number(region: Region) -> None:
    """Give every temporary a name no variable of the user's has, `t0`, `t1`, ...; keys are printed in place and have none.

    The reader's own variables (`%h0`) are temporaries too.

    The values are new and nobody else's yet, which is why they can still be changed.
    """
    count = 0
    found = list(_defined(region))
    reserved = {var.hint for var, _ in found}
    for var, op in found:
        if (not var.hint or var.hint.startswith("%")) and op not in _INLINE:
            while f"t{count}" in reserved:
                count += 1
            object.__setattr__(var, "hint", f"t{count}")
            count += 1


def _defined(region: Region) -> Iterator[tuple[Var, str]]:
    todo: list[Iterator[tuple[Var, str] | Region]] = [_parts(region)]
    while todo:
        found = next(todo[-1], None)
        if found is None:
            todo.pop()
        elif isinstance(found, Region):
            todo.append(_parts(found))
        else:
            yield found


def _parts(region: Region) -> Iterator[tuple[Var, str] | Region]:
    for param in region.params:
        yield param, ""
    for stmt in region.body:
        match stmt:
            case Let():
                for target in stmt.targets:
                    yield target, stmt.op
            case If():
                yield from (stmt.then, stmt.orelse)
            case Try() | For():
                yield stmt.body
            case While():
                yield from (stmt.cond, stmt.body)
        if not isinstance(stmt, Let):
            for target in stmt.targets:
                yield target, ""


def leaves(tree: Any, found: list[Atom]) -> Any:
    """A tree of operands as a tree of positions; the operands are appended to `found`."""
    match tree:
        case Record():
            return tree.holding(leaves(t, found) for t in tree)
        case tuple():
            return tuple(leaves(t, found) for t in tree)
        case list():
            return [leaves(t, found) for t in tree]
        case dict():
            return {k: leaves(t, found) for k, t in tree.items()}
        case Var() | Const():
            found.append(tree)
            return Leaf(len(found) - 1)
    raise TypeError(tree)
