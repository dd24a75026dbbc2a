"""Activity: which values depend on the chosen parameters *and* reach a result.  Only these get a differential.

t1 = load('a'); t2 = floor(t1); t3 = t1 * t1; yield t3        wrt a: t1, t3
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from adtransform.errors import refuse
from adtransform.ir import Atom, For, Function, If, Let, Origin, Region, Try, Var, While
from adtransform.lattice import Array, List, Parts, Static, Type, is_differentiable
from adtransform.ops import CALLS
from adtransform.rewrite import loaded
from adtransform.rules.table import RULES, find

# The linear operands of the IR's own operations, by position (`...`: all of them).
LINEAR: dict[str, tuple[int, ...] | None] = {
    "assign": (0,),
    "index": (0,),
    "update": (0, 2),
    "exchange": (0,),
    "item_in": (0,),
    "put_in": (0, 1),
    "grow_in": (0, 1),
    "push_in": (0, 1),
    "pop_in": (0,),
    "push": (0, 1),
    "pop": (0,),
    "table": None,
    "lookup": (0, 2),
    "claim": (0, 2),
    "drop": (0,),
    "list": None,
    "tuple": None,
    "extend": (0, 1),
    "times": (0,),
    "untimes": (0,),
    "plus": (0, 1),
    "accumulate": (0, 1),
    "accumulate_at": (0, 2),
    "pack": None,
    "unpack": (0,),
}
_ONE_KIND = "give all items one kind: only numbers, or arrays of one rank, or tuples of one form"
_NONE = frozenset("load zeros shape ndim size slice trips".split())


def differentiable_operands(let: Let) -> list[Atom]:
    """The operands through which a derivative passes; all of them where no row says so."""
    if let.op in LINEAR:
        positions = LINEAR[let.op]
        return list(let.args) if positions is None else [let.args[i] for i in positions]
    if let.op in CALLS:
        return list(let.args[1:])
    if let.op in _NONE:
        return []
    found = find(let)
    if found is None:
        # An operation of the tables, called in a way they do not cover, is refused by whoever meets it.
        return [*let.args, *(v for _, v in let.kwargs)]
    rule, names = found
    return [] if rule.constant else [names[n] for n in rule.operands(len(let.args)) if n in names]


def active(f: Function, wrt: Iterable[str]) -> set[Var]:
    """The active values of a function with respect to some of its parameters."""
    walk = _Walk(dict.fromkeys(wrt, 1))
    walk.forwards(f.body)
    for r in f.results:
        if isinstance(r, Var) and r in walk.blurred and not f.internal:
            refuse(walk.blurred[r], "a result that is a list whose items differ in kind", _ONE_KIND)
    walk.useful = {r for r in f.results if isinstance(r, Var) and r in walk.varied}
    walk.backwards(f.body)
    return walk.varied.keys() & walk.useful


def dependence(f: Function, wrt: Sequence[str]) -> dict[Var, int]:
    """On which of some parameters each value depends: the bit `1 << i` is the i-th."""
    walk = _Walk({name: 1 << i for i, name in enumerate(wrt)})
    walk.forwards(f.body)
    return walk.varied


def carried(stmt: For | While) -> Iterator[tuple[Var, Var, Atom, Atom]]:
    """What a loop carries, one by one: its parameter, its value after the loop, the first one and the next trip's."""
    params = stmt.body.params[1:] if isinstance(stmt, For) else stmt.body.params
    return zip(params, stmt.targets, stmt.inits, stmt.body.results[1:], strict=True)


def settle(size: Callable[[], int], step: Callable[[], None], within: bool) -> None:
    """Repeat a step of a loop until nothing grows any more.

    `within`: the loop is part of another one that is being repeated; once a round will do then.  (To settle each loop in
    every round of the loops around it would take a time that doubles with every level.)
    """
    before = -1
    while before != size():
        before = size()
        step()
        if within:
            return


def _is_blurred(t: Type) -> bool:
    """Whether values of a type may be numbers or lists."""
    if isinstance(t, Parts):
        return False
    return _is_blurred(t.item) if isinstance(t, List) else t == Static("mixed")


class _Walk:
    """`varied`: the values that depend on a parameter, and on which (bits); `useful`: those of them that reach a result."""

    def __init__(self, bits: Mapping[str, int]) -> None:
        self.bits = bits
        self.varied: dict[Var, int] = {}
        self.useful: set[Var] = set()
        # They depend on a parameter, but may be a number or a list: no derivative is known; and where they are made so.
        self.blurred: dict[Var, Origin | None] = {}
        self.known = 0  # how many facts there are in `varied`
        self.operands: dict[Let, list[Var]] = {}

    def through(self, let: Let) -> list[Var]:
        """The operands through which a derivative passes."""
        found = self.operands.get(let)
        if found is None:
            found = self.operands[let] = [a for a in differentiable_operands(let) if isinstance(a, Var)]
        return found

    def vary(self, targets: Iterable[Var], sources: Iterable[Atom], origin: Origin | None = None) -> None:
        """The targets depend on what the sources depend on."""
        bits, unclear = 0, False
        for a in sources:
            if isinstance(a, Var):
                bits |= self.varied.get(a, 0)
                unclear |= a in self.blurred
        if not bits and not unclear:
            return
        for t in targets:
            if _is_blurred(t.type):
                self.known += t not in self.blurred
                self.blurred.setdefault(t, origin or next((self.blurred[a] for a in sources if a in self.blurred), None))  # type: ignore[index]
            elif unclear and is_differentiable(t.type):
                refuse(origin, "what is taken out of a list whose items differ in kind", _ONE_KIND)
            old = self.varied.get(t, 0)
            if old | bits != old and is_differentiable(t.type):
                self.varied[t] = old | bits
                self.known += (old ^ (old | bits)).bit_count()

    def forwards(self, region: Region, within: bool = False) -> None:
        for stmt in region.body:
            match stmt:
                case Let(op="load"):
                    (target,), name = stmt.targets, loaded(stmt)
                    if name in self.bits and target not in self.varied:
                        self.varied[target] = self.bits[name]
                        self.known += 1
                case Let():
                    self.vary(stmt.targets, self.through(stmt), stmt.origin)
                case Try():
                    self.forwards(stmt.body, within)
                    for target, source in zip(stmt.targets, stmt.body.results, strict=True):
                        self.vary((target,), (source,))
                case If():
                    self.forwards(stmt.then, within)
                    self.forwards(stmt.orelse, within)
                    for target, *sources in zip(stmt.targets, stmt.then.results, stmt.orelse.results, strict=True):
                        self.vary((target,), sources)
                case For() | While() as loop:
                    settle(lambda: self.known, functools.partial(self._trip, loop), within)

    def _trip(self, loop: For | While) -> None:
        for param, target, *sources in carried(loop):
            self.vary((param, target), (param, *sources))
        self.forwards(loop.body, True)

    def mark(self, atoms: Iterable[Atom]) -> None:
        self.useful.update(a for a in atoms if isinstance(a, Var) and a in self.varied)

    def backwards(self, region: Region, within: bool = False) -> None:
        for stmt in reversed(region.body):
            match stmt:
                case Let():
                    if any(t in self.useful for t in stmt.targets):
                        self.mark(self.through(stmt))
                case Try():
                    self.mark(r for t, r in zip(stmt.targets, stmt.body.results, strict=True) if t in self.useful)
                    self.backwards(stmt.body, within)
                case If():
                    for target, *sources in zip(stmt.targets, stmt.then.results, stmt.orelse.results, strict=True):
                        if target in self.useful:
                            self.mark(sources)
                    self.backwards(stmt.then, within)
                    self.backwards(stmt.orelse, within)
                case For() | While() as loop:
                    settle(lambda: len(self.useful), functools.partial(self._trip_back, loop), within)

    def _trip_back(self, loop: For | While) -> None:
        for param, target, *sources in carried(loop):
            if target in self.useful or param in self.useful:
                self.mark((target, param, *sources))
        self.backwards(loop.body, True)


SELECTIONS = frozenset(
    "numpy.where numpy.maximum numpy.minimum numpy.fmax numpy.fmin numpy.clip numpy.max numpy.min numpy.amax numpy.amin "
    "numpy.nanmax numpy.nanmin numpy.sort numpy.select numpy.choose builtins.max builtins.min numpy.take numpy.nansum "
    "numpy.median numpy.quantile numpy.percentile numpy.nanmedian numpy.nanquantile numpy.nanpercentile numpy.partition "
    "numpy.maximum.accumulate numpy.minimum.accumulate numpy.ptp numpy.unique numpy.nanmean numpy.nanvar numpy.nanstd "
    "numpy.nanprod numpy.nancumsum numpy.nancumprod numpy.delete numpy.compress numpy.extract numpy.take_along_axis "
    "numpy.nan_to_num numpy.heaviside numpy.tril numpy.triu strong ifexp".split()
)


def selected(f: Function, active: Collection[Var]) -> set[Var]:
    """The values that may feed an active selection (`where`, a mask, an index): a zero share of theirs must stay zero.

    What a call does with its operands is not looked into, nor what is done with the results of a function that is called.
    """
    out: set[Var] = {r for r in f.results if isinstance(r, Var)} if f.internal else set()

    def trip(loop: For | While) -> None:
        for param, target, *sources in carried(loop):
            if target in out or param in out:
                out.update(a for a in (target, param, *sources) if isinstance(a, Var))
        walk(loop.body, True)

    def walk(region: Region, within: bool = False) -> None:
        for stmt in reversed(region.body):
            match stmt:
                case Let() if any(t in active for t in stmt.targets):
                    if stmt.op in SELECTIONS or stmt.op in CALLS or _picks(stmt) or any(t in out for t in stmt.targets):
                        out.update(a for a in (*stmt.args, *(v for _, v in stmt.kwargs)) if isinstance(a, Var))
                case Try():
                    pairs = zip(stmt.targets, stmt.body.results, strict=True)
                    out.update(r for t, r in pairs if t in out and isinstance(r, Var))
                    walk(stmt.body, within)
                case If():
                    for target, *sources in zip(stmt.targets, stmt.then.results, stmt.orelse.results, strict=True):
                        if target in out:
                            out.update(a for a in sources if isinstance(a, Var))
                    walk(stmt.then, within)
                    walk(stmt.orelse, within)
                case For() | While() as loop:
                    settle(lambda: len(out), functools.partial(trip, loop), within)

    walk(f.body)
    return out


def _picks(let: Let) -> bool:
    """Whether it is an index by a mask or by an integer array, or something done to elements that are chosen."""
    if let.op != "index":
        return any(k == "where" for k, _ in let.kwargs)
    return isinstance(let.args[1], Var) and isinstance(let.args[1].type, Array)


def refused(let: Let) -> bool:
    """Whether an operation has no row that covers this call."""
    return let.op not in LINEAR and let.op not in _NONE and (let.op not in RULES or find(let) is None)
