"""Paths: what a region yields on each way through it, and what comes at the end of one."""

from __future__ import annotations

from collections.abc import Iterator

from adtransform.ir import Atom, Const, If, Let, Region, Var
from adtransform.place.program import Loop, Operand, Tree
from adtransform.record import record

_TRUE = Const(True)


@record
class Fall:
    """At the end of the path the results become these variables, and what is printed next runs."""

    targets: tuple[Var, ...]


@record
class Return:
    """At the end of the path the function returns the results; `packs`: how many each packed one is made of, 0 for others."""

    packs: tuple[int, ...] = ()

    def values(self, flat: tuple[Operand, ...]) -> tuple[Operand, ...]:
        """The results, those that are packed as one."""
        rest = iter(flat)
        return tuple(Tree("pack", tuple(next(rest) for _ in range(n))) if n else next(rest) for n in self.packs)


@record
class Next:
    """At the end of the path the loop goes on or, where the first result is true, stops.

    `leave`: where the result `flag` is true as well, the function is left by way of that region.
    """

    loop: Loop
    flag: int | None = None
    leave: Leave | None = None
    explicit: bool = False


@record
class Jump:
    """At the end of the path the constant result `flag` says which region comes next.

    A region that is not in `sides` is printed after the statement, and the path falls through to it.
    """

    targets: tuple[Var, ...]
    flag: int
    sides: tuple[Leave | None, Leave | None]


@record
class Leave:
    """A region that leaves what is around: its results become `targets`, and what comes after it."""

    region: Region
    targets: tuple[Var, ...]
    after: Fall | Return | Next | Jump


After = Fall | Return | Next | Jump


def leaves(region: Region) -> Iterator[tuple[Atom, ...]]:
    """What a region yields on each of its paths."""
    last = region.body[-1] if region.body else None
    if isinstance(last, If) and any(r in last.targets for r in region.results):
        for side in (last.then, last.orelse):
            yield from leaves(Region((), side.body, through(last, side, region.results)))
    else:
        yield region.results


def yielded(stmt: If, i: int) -> list[Atom]:
    """The result `i` of an `if` on each of its paths."""
    return [leaf[i] for side in (stmt.then, stmt.orelse) for leaf in leaves(side)]


def leaving(results: tuple[Atom, ...], after: After) -> tuple[bool, bool]:
    """Whether a path with these results leaves the function, and whether it does so without further statements."""
    match after:
        case Return():
            return True, True
        case Jump(flag=flag, sides=sides) if isinstance(results[flag], Const):
            leave, values = sides[results[flag] == _TRUE], results
        case Next(flag=flag, leave=leave) if flag is not None and results[0] == results[flag] == _TRUE:
            values = results[1:]
        case _:
            return False, False
    if leave is None:
        return False, False
    held: dict[Atom, Atom] = dict(zip(leave.targets, values, strict=True))
    ends, plain = leaving(tuple(held.get(r, r) for r in leave.region.results), leave.after)
    return ends, plain and not leave.region.body


def through(stmt: If, side: Region, results: tuple[Atom, ...]) -> tuple[Atom, ...]:
    """The results of a block that ends in `stmt`, on the path through one side of it."""
    chosen: dict[Atom, Atom] = dict(zip(stmt.targets, side.results, strict=True))
    return tuple(chosen.get(r, r) for r in results)


def says_return(region: Region) -> bool:
    """Whether a region ends in what the user wrote as `return` or `raise`."""
    if not region.body:
        return False
    last = region.body[-1]
    if isinstance(last, If):
        return says_return(last.then) or says_return(last.orelse)
    text = "" if last.origin is None else last.origin.text.lstrip()
    return isinstance(last, Let) and (last.op in ("raise", "reraise") or text.startswith("return"))
