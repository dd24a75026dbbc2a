"""Walking and rebuilding functions: the one place that knows how regions nest."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from operator import is_
from typing import Any

from adtransform.build import Builder
from adtransform.ir import UNDEFINED, Atom, Const, For, Function, If, Let, Region, Stmt, Try, Var, While
from adtransform.ops import CALLS

_DEPTH = 100_000


@contextmanager
def deep_recursion() -> Iterator[None]:
    """Room for expressions and regions nested as deeply as the user nests them, or lets early returns follow one another."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _DEPTH))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def regions(stmt: Stmt) -> tuple[Region, ...]:
    """The regions a statement holds, in the order they are written."""
    match stmt:
        case Let():
            return ()
        case If():
            return (stmt.then, stmt.orelse)
        case Try() | For():
            return (stmt.body,)
        case While():
            return (stmt.cond, stmt.body)


def is_straight(region: Region) -> bool:
    """Whether there are no regions in a region."""
    return all(isinstance(s, Let) for s in region.body)


def operands(stmt: Stmt) -> tuple[Atom, ...]:
    """What a statement itself reads, its regions left out."""
    if isinstance(stmt, Let):
        return (*stmt.args, *[v for _, v in stmt.kwargs]) if stmt.kwargs else stmt.args
    match stmt:
        case If():
            return (stmt.cond,)
        case Try():
            return ()
        case For():
            return (*stmt.inits, stmt.start, stmt.stop, stmt.step)
        case While():
            return stmt.inits


def statements(region: Region) -> list[Stmt]:
    """Every statement of a region and of the regions inside, in order."""
    found: list[Stmt] = []
    for stmt in region.body:
        found.append(stmt)
        if not isinstance(stmt, Let):
            for inner in regions(stmt):
                found += statements(inner)
    return found


def loaded(let: Let | None) -> str:
    """The parameter whose value a statement loads; empty for any other statement."""
    name = let.args[0] if let is not None and let.op == "load" else None
    return str(name.value) if isinstance(name, Const) else ""


def turn(body: Sequence[Stmt]) -> int:
    """Where the backward sweep begins, at its mark; behind the last statement where there is none."""
    return next((i for i, s in enumerate(body) if isinstance(s, Let) and s.op == "backward"), len(body))


def used(region: Region) -> list[Var]:
    """Every variable read anywhere in a region, with repetitions."""
    found: list[Var] = []
    for stmt in region.body:
        found += [a for a in operands(stmt) if isinstance(a, Var)]
        if not isinstance(stmt, Let):
            for inner in regions(stmt):
                found += used(inner)
    found += [a for a in region.results if isinstance(a, Var)]
    return found


def defined(region: Region) -> list[Var]:
    """Every variable bound anywhere in a region, its parameters included."""
    found = list(region.params)
    for stmt in region.body:
        found += stmt.targets
        if not isinstance(stmt, Let):
            for inner in regions(stmt):
                found += defined(inner)
    return found


def free(region: Region) -> list[Var]:
    """The variables a region reads and does not bind, each once, in order of first use."""
    bound = set(defined(region))
    return [v for v in dict.fromkeys(used(region)) if v not in bound]


def definitions(region: Region) -> dict[Var, Let]:
    """The statement that binds each variable, for the variables bound by a `Let`."""
    return {t: stmt for stmt in statements(region) if isinstance(stmt, Let) for t in stmt.targets}


class Rewriter:
    """Rebuilds a function statement by statement; `env` maps variables to what replaces them.

    A pass overrides `let` (or the others) and calls `emit` for what it keeps.
    """

    def __init__(self, env: Mapping[Var, Atom] | None = None) -> None:
        self.env: dict[Var, Atom] = dict(env or {})

    def atom(self, a: Atom) -> Atom:
        """What stands for an operand now."""
        while isinstance(a, Var) and a in self.env:
            a = self.env[a]
        return a

    def atoms(self, many: Iterable[Atom]) -> tuple[Atom, ...]:
        """The same for several operands."""
        return tuple([self.atom(a) for a in many])

    def renewed(self, stmt: Let) -> Let:
        """The statement with its operands replaced; the very same one when nothing changed."""
        env = self.env
        if not env:
            return stmt
        for a in operands(stmt) if stmt.kwargs else stmt.args:
            if isinstance(a, Var) and a in env:
                kwargs = tuple([(k, self.atom(v)) for k, v in stmt.kwargs]) if stmt.kwargs else ()
                return Let(stmt.targets, stmt.op, self.atoms(stmt.args), kwargs, stmt.origin)
        return stmt

    def function(self, f: Function) -> Function:
        """Rebuild a function; the very same one when nothing changed."""
        body = self.region(f.body)
        return f if body is f.body else replace(f, body=body)

    def region(self, region: Region) -> Region:
        """Rebuild a region; the very same one when nothing changed."""
        b = Builder()
        let, other, env, body = self.let, self.stmt, self.env, b.body
        plain, alone = type(self).stmt is Rewriter.stmt, type(self).let is Rewriter.let
        for stmt in region.body:
            if not plain or not isinstance(stmt, Let):
                other(stmt, b)
            elif alone:
                body.append(self.renewed(stmt) if env else stmt)
            else:
                let(stmt, b)
        results = self.atoms(region.results) if env else region.results
        if len(body) == len(region.body) and all(map(is_, body, region.body)) and all(map(is_, results, region.results)):
            return region
        return Region(region.params, tuple(body), results)

    def stmt(self, stmt: Stmt, b: Builder) -> None:
        """Rebuild a statement into `b`."""
        match stmt:
            case Let():
                self.let(stmt, b)
            case If():
                self.branch(stmt, b)
            case Try():
                self.attempt(stmt, b)
            case For() | While():
                self.loop(stmt, b)

    def let(self, stmt: Let, b: Builder) -> None:
        """Rebuild an operation."""
        b.body.append(self.renewed(stmt))

    def branch(self, stmt: If, b: Builder) -> None:
        """Rebuild a conditional."""
        cond = self.atom(stmt.cond)
        b.add(replace(stmt, cond=cond, then=self.region(stmt.then), orelse=self.region(stmt.orelse)))

    def attempt(self, stmt: Try, b: Builder) -> None:
        """Rebuild a statement that may fail."""
        b.add(replace(stmt, body=self.region(stmt.body)))

    def loop(self, stmt: For | While, b: Builder) -> None:
        """Rebuild a loop."""
        inits = self.atoms(stmt.inits)
        if isinstance(stmt, For):
            start, stop, step = self.atoms((stmt.start, stmt.stop, stmt.step))
            b.add(replace(stmt, inits=inits, start=start, stop=stop, step=step, body=self.region(stmt.body)))
        else:
            b.add(replace(stmt, inits=inits, cond=self.region(stmt.cond), body=self.region(stmt.body)))


class Without(Rewriter):
    """Leaves out operations; `gone` says what stands in the place of what each binds."""

    def __init__(self, gone: Mapping[Var, Atom]) -> None:
        super().__init__()
        self.gone = gone

    def let(self, stmt: Let, b: Builder) -> None:
        """Leave out an operation, or rebuild it."""
        if stmt.targets and stmt.targets[0] in self.gone:
            self.env.update({t: self.atom(self.gone[t]) for t in stmt.targets})
            return
        super().let(stmt, b)


class Renamer(Rewriter):
    """Calls what belongs to some values after others: `names` says after which."""

    def __init__(self, names: Mapping[Var, Var], env: Mapping[Var, Atom]) -> None:
        super().__init__(env)
        self.names = names

    def called(self, many: Iterable[Var]) -> tuple[Var, ...]:
        """The variables, those that belong to a renamed value under their new names."""
        made = {v: Var(v.type, v.hint, self.names[v.of], v.wrt) for v in many if v.of is not None and v.of in self.names}
        self.env.update(made)
        return tuple(made.get(v, v) for v in many)

    def region(self, region: Region) -> Region:
        """Rebuild a region."""
        return super().region(replace(region, params=self.called(region.params)))

    def stmt(self, stmt: Stmt, b: Builder) -> None:
        """Rebuild a statement into `b`."""
        super().stmt(replace(stmt, targets=self.called(stmt.targets)), b)


def exported(stmt: Try) -> Try:
    """The statement with all that its body binds itself among its targets, for use behind it."""
    if isinstance(only := stmt.body.body[0] if len(stmt.body.body) == 1 else None, Try):
        stmt = replace(stmt, body=replace(stmt.body, body=(exported(only),)))
    bound = [t for s in stmt.body.body for t in s.targets]
    inner: dict[Var, Atom] = {v: Var(v.type, v.hint, v.of, v.wrt) for v in bound}
    made = Rewriter(inner).region(stmt.body)
    body = tuple(replace(s, targets=tuple(inner[t] for t in s.targets)) for s in made.body)  # type: ignore[misc]
    return replace(stmt, targets=(*stmt.targets, *bound), body=Region((), body, (*made.results, *inner.values())))


def layers(stmt: Try) -> list[Try]:
    """A statement that may fail in several ways: one for each, from the outside in."""
    found = [stmt]
    while len(found[-1].body.body) == 1 and isinstance(inner := found[-1].body.body[0], Try):
        found.append(inner)
    return found


def flags_of(region: Region, test: Callable[[Let], bool]) -> set[Atom]:
    """The flags of each `Try` with a handler right behind that ends in a statement with some property."""
    found: set[Atom] = set()
    last: Try | None = None
    for stmt in region.body:
        if isinstance(stmt, If) and last is not None and stmt.cond in last.targets:
            todo = [stmt]
            while todo:
                handler = todo.pop()
                end = handler.then.body[-1] if handler.then.body else None
                if isinstance(end, Let) and test(end):
                    found.add(handler.cond)
                todo += [s for s in handler.orelse.body[:1] if isinstance(s, If) and s.cond in last.targets]
        else:
            last = stmt if isinstance(stmt, Try) else None
    for stmt in region.body:
        for layer in layers(stmt) if isinstance(stmt, Try) else ():
            handed = zip(layer.targets[1:], layer.body.results[1:], strict=True)
            found.update(r for t, r in handed if t in found)
        for inner in regions(stmt):
            found |= flags_of(inner, test)
    return found


MOVING = frozenset("zeros fit assign copy_of push pop unpack".split())  # the operations of which `moves` says something


def moves(op: str, args: Sequence[Any], targets: Sequence[Var]) -> Iterator[tuple[object, object]]:
    """Where a value goes on that may be unbound: `None`, in the adjoints the number 0; `(l,)` is what a list holds."""
    match op:
        case "zeros" | "fit" | "assign" | "copy_of":
            yield args[-1], targets[0]
            yield (args[-1],), (targets[0],)
        case "push":
            yield args[1], (targets[0],)
            yield (args[0],), (targets[0],)
        case "pop":
            yield (args[0],), (targets[0],)
            yield (args[0],), targets[1]
        case "unpack":  # of what another function has saved: where some of it may be unbound
            yield from ((("unbound", i), t) for i, t in enumerate(targets))
            yield from ((("holes", i), (t,)) for i, t in enumerate(targets))


def told(op: str, kwargs: Iterable[tuple[str, object]]) -> list[tuple[object, object]]:
    """Which of the values that another function has saved may be unbound, and which are lists that may hold such.

    As `moves` has them: `("unbound", i)`, `("holes", i)`.
    """
    pairs = kwargs if op == "unpack" else ()
    return [(k, i) for k, places in pairs if isinstance(places, Const) for i in places.value]


def follow(edges: Iterable[tuple[object, object]], starts: Iterable[object]) -> set[object]:
    """What is reached along some edges."""
    onward: dict[object, list[object]] = {}
    for source, target in edges:
        onward.setdefault(source, []).append(target)
    found: set[object] = set()
    todo = list(starts)
    while todo:
        for one in onward.get(todo.pop(), ()):
            if one not in found:
                found.add(one)
                todo.append(one)
    return found


def unbound_results(op: str, kwargs: Iterable[tuple[str, object]]) -> tuple[int, ...]:
    """Which results of a call are not there where it gives None."""
    told = dict(kwargs).get("unbound") if op in CALLS else None
    return told.value if isinstance(told, Const) else ()


def unbound(body: Region) -> set[object]:
    """The variables that some path through a region leaves unbound; `(l,)` for a list that may hold such values."""

    def edges() -> Iterator[tuple[object, object]]:
        for stmt in statements(body):
            met: list[tuple[Atom, Var]] = []
            match stmt:
                case Let():
                    yield from moves(stmt.op, stmt.args, stmt.targets)
                    met = [(UNDEFINED, stmt.targets[i]) for i in unbound_results(stmt.op, stmt.kwargs)]
                case If():
                    met = [p for r in (stmt.then, stmt.orelse) for p in zip(r.results, stmt.targets, strict=True)]
                case Try():
                    met = list(zip(stmt.body.results[1:], stmt.targets[1:], strict=True))
                    met += [(UNDEFINED, t) for t in stmt.targets[1:]]
                case For() | While():
                    params = stmt.body.params[isinstance(stmt, For) :]
                    met = [*zip(stmt.inits, params, strict=True), *zip(stmt.body.results[1:], params, strict=True)]
                    met += zip(params, stmt.targets, strict=True)
            for source, target in met:
                yield source, target
                yield (source,), (target,)

    starts = [start for s in statements(body) if isinstance(s, Let) for start in told(s.op, s.kwargs)]
    return follow(edges(), [UNDEFINED, *starts])


def raises(stmt: Let) -> bool:
    """Whether nothing comes after a statement."""
    return stmt.op in ("raise", "reraise")


def raises_again(stmt: Let) -> bool:
    """Whether a statement raises just what was caught."""
    return stmt.op == "reraise"


def asks_what(stmt: Let) -> bool:
    """Whether a statement needs the exception that was caught, and so has to stay in its handler."""
    return stmt.op == "reraise" or (stmt.op == "raise" and any(isinstance(a, Var) for _, a in stmt.kwargs))


def again(region: Region) -> tuple[Region, dict[Var, Atom]]:
    """A second copy of a region, without effects, and what stands in it for each value.

    It is for where nothing has left the region; what a `try` in it catches is raised again.
    """
    copier = _Fresh()
    return copier.region(region), copier.env


class _Fresh(Rewriter):
    caught = 0  # how many `try` in the region are around

    def attempt(self, stmt: Try, b: Builder) -> None:
        self.caught += 1
        super().attempt(stmt, b)
        self.caught -= 1

    def fresh(self, many: Iterable[Var]) -> tuple[Var, ...]:
        made = {v: Var(v.type, v.hint, v.of, v.wrt) for v in many}
        self.env.update(made)
        return tuple(made.values())

    def region(self, region: Region) -> Region:
        params = self.fresh(region.params)
        return replace(super().region(region), params=params)

    def stmt(self, stmt: Stmt, b: Builder) -> None:
        if isinstance(stmt, Let) and not stmt.targets and not (self.caught and stmt.op in ("raise", "reraise", "assert")):
            return
        super().stmt(stmt, b)
        b.body[-1] = replace(b.body[-1], targets=self.fresh(stmt.targets))


def name_of(let: Let) -> str:
    """The name of the function that a statement calls."""
    assert isinstance(let.args[0], Const)
    return str(let.args[0].value)


def calls(region: Region) -> Iterator[Let]:
    """The calls in a region and in those inside of it."""
    return (s for s in statements(region) if isinstance(s, Let) and s.op in CALLS)
