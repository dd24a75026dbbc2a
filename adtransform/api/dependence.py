"""Why an output does not depend on an argument: said in a warning, with the lines where the argument goes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adtransform.activity import dependence
from adtransform.ir import Const, For, Function, If, Let, Origin, Region, Stmt, Var, While
from adtransform.rewrite import regions


def warn_of_independence(f: Function, result: Any, arguments: Mapping[str, Sequence[str]], name: str) -> None:
    """Warn for each argument, given with its leaves, on which the result does not depend as a differentiable function."""
    every = [label for labels in arguments.values() for label in labels]
    found = dependence(f, every).get(result, 0) if isinstance(result, Var) else 0
    for argument, labels in arguments.items():
        if any(found >> every.index(label) & 1 for label in labels):
            continue
        lines = list(dict.fromkeys(line for label in labels for line in _uses(f.body, label, set())))
        why = f"`{argument}` is never used" if not lines else "; ".join(["its uses have no derivative", *lines])
        warnings.warn(
            f"the output of `{name}` does not depend on `{argument}`, its gradient is zero: {why}", UserWarning, stacklevel=5
        )


def _uses(region: Region, label: str, tainted: set[Var]) -> Iterator[str]:
    """The statements that use the parameter, or a value computed from it, as `file:line: text`."""
    for stmt in region.body:
        if isinstance(stmt, Let) and stmt.op == "load":
            if stmt.args == (Const(label),):
                tainted.update(stmt.targets)
            continue
        if any(a in tainted for a in _operands(stmt)):
            tainted.update(stmt.targets)
            if stmt.origin is not None:
                yield _place(stmt.origin)
        for inner in regions(stmt):
            tainted.update(p for p, a in zip(_carried(stmt, inner), getattr(stmt, "inits", ()), strict=False) if a in tainted)
            yield from _uses(inner, label, tainted)
            if any(r in tainted for r in inner.results):
                tainted.update(stmt.targets)


def _operands(stmt: Stmt) -> tuple[Any, ...]:
    match stmt:
        case Let():
            return (*stmt.args, *(v for _, v in stmt.kwargs))
        case If():
            return (stmt.cond,)
        case For():
            return (stmt.start, stmt.stop, stmt.step)
    return ()


def _carried(stmt: Stmt, region: Region) -> tuple[Var, ...]:
    return region.params[1:] if isinstance(stmt, For) else region.params if isinstance(stmt, While) else ()


def _place(origin: Origin) -> str:
    return (
        f"{origin.file}:{origin.line}: {origin.text.strip().splitlines()[0]}" if origin.text else f"{origin.file}:{origin.line}"
    )
