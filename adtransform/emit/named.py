"""The numbers to which the source gives names: `dt = 0.01` is printed once, and `dt` where it is used."""

from __future__ import annotations

from collections.abc import Mapping

from adtransform.ir import Const, Function, Let, Named, Worked
from adtransform.rewrite import operands, regions, statements


def named(f: Function) -> dict[str, Const]:
    """The numbers in a function by their names, the first of each name."""
    found: dict[str, Const] = {}
    for stmt in statements(f.body):
        every = operands(stmt)
        if not isinstance(stmt, Let):
            every = (*every, *(a for region in regions(stmt) for a in region.results))
        for a in every:
            if isinstance(a, Const) and a.said is not None:
                _note(a, found)
    for a in f.results:
        if isinstance(a, Const):
            _note(a, found)
    return found


def _note(a: Const, found: dict[str, Const]) -> None:
    if isinstance(a.said, Named):
        found.setdefault(a.said.name, a)
    elif isinstance(a.said, Worked):
        for part in a.said.args:
            _note(part, found)


def is_local(a: Const) -> bool:
    """Whether it is a function that gives a number its name, and not the module."""
    return isinstance(a.said, Named) and a.said.line > 0


def bound(used: Mapping[str, Const], *, shared: bool) -> dict[str, Const]:
    """Those that are bound in the file, or in the function, in the order of the source."""
    found = [(a.said.line, name, a) for name, a in used.items() if isinstance(a.said, Named) and is_local(a) != shared]
    return {name: a for _, name, a in sorted(found, key=lambda item: item[0])}
