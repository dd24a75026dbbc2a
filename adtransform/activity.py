"""Activity: which values depend on the chosen parameters *and* reach a result.  Only these get a differential.

t1 = load('a'); t2 = floor(t1); t3 = t1 * t1; yield t3        wrt a: t1, t3
"""

from __future__ import annotations

from collections.abc import Iterable

from adtransform.ir import Atom, Const, For, Function, If, Let, Region, Var, While
from adtransform.lattice import Array, is_differentiable
from adtransform.rules.table import RULES, find

# The linear operands of the IR's own operations, by position (`...`: all of them).
LINEAR: dict[str, tuple[int, ...] | None] = {
    "assign": (0,),
    "index": (0,),
    "update": (0, 2),
    "push": (0, 1),
    "pop": (0,),
    "list": None,
    "accumulate": (0, 1),
    "accumulate_at": (0, 2),
}
_NONE = frozenset("load zeros shape ndim size slice tuple trips".split())


def differentiable_operands(let: Let) -> list[Atom]:
    """The operands through which a derivative passes; all of them where no row says so."""
    if let.op in LINEAR:
        positions = LINEAR[let.op]
        return list(let.args) if positions is None else [let.args[i] for i in positions]
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
    varied: set[Var] = set()
    _varied(f.body, frozenset(wrt), varied)
    useful: set[Var] = {r for r in f.results if isinstance(r, Var) and r in varied}
    _useful(f.body, varied, useful)
    return varied & useful


def _varied(region: Region, wrt: frozenset[str], varied: set[Var]) -> None:
    def depends(atoms: Iterable[Atom]) -> bool:
        return any(a in varied for a in atoms if isinstance(a, Var))

    for stmt in region.body:
        match stmt:
            case Let(targets=targets, op="load", args=(Const(name),)):
                varied.update(t for t in targets if name in wrt)
            case Let():
                if depends(differentiable_operands(stmt)):
                    varied.update(t for t in stmt.targets if is_differentiable(t.type))
            case If():
                _varied(stmt.then, wrt, varied)
                _varied(stmt.orelse, wrt, varied)
                for target, *sources in zip(stmt.targets, stmt.then.results, stmt.orelse.results, strict=True):
                    if depends(sources) and is_differentiable(target.type):
                        varied.add(target)
            case For() | While():
                carried = stmt.body.params[1:] if isinstance(stmt, For) else stmt.body.params
                while True:
                    before = len(varied)
                    nexts = stmt.body.results[1:]
                    for param, target, *sources in zip(carried, stmt.targets, stmt.inits, nexts, strict=True):
                        if depends((param, *sources)) and is_differentiable(param.type):
                            varied.update((param, target))
                    _varied(stmt.body, wrt, varied)
                    if len(varied) == before:
                        break


def _useful(region: Region, varied: set[Var], useful: set[Var]) -> None:
    def mark(atoms: Iterable[Atom]) -> None:
        useful.update(a for a in atoms if isinstance(a, Var) and a in varied)

    for stmt in reversed(region.body):
        match stmt:
            case Let():
                if any(t in useful for t in stmt.targets):
                    mark(differentiable_operands(stmt))
            case If():
                for target, *sources in zip(stmt.targets, stmt.then.results, stmt.orelse.results, strict=True):
                    if target in useful:
                        mark(sources)
                _useful(stmt.then, varied, useful)
                _useful(stmt.orelse, varied, useful)
            case For() | While():
                carried = stmt.body.params[1:] if isinstance(stmt, For) else stmt.body.params
                while True:
                    before = len(useful)
                    nexts = stmt.body.results[1:]
                    for param, target, *sources in zip(carried, stmt.targets, stmt.inits, nexts, strict=True):
                        if target in useful or param in useful:
                            mark((target, param, *sources))
                    _useful(stmt.body, varied, useful)
                    if len(useful) == before:
                        break


SELECTIONS = frozenset(
    "numpy.where numpy.maximum numpy.minimum numpy.fmax numpy.fmin numpy.clip numpy.max numpy.min numpy.amax numpy.amin "
    "numpy.nanmax numpy.nanmin numpy.sort numpy.select numpy.choose builtins.max builtins.min numpy.take numpy.nansum "
    "numpy.nan_to_num numpy.heaviside numpy.tril numpy.triu".split()
)


def selected(f: Function) -> set[Var]:
    """The values that may feed a selection (`where`, a mask, an index): a zero share of theirs must stay zero."""
    out: set[Var] = set()

    def walk(region: Region) -> None:
        for stmt in reversed(region.body):
            match stmt:
                case Let():
                    if stmt.op in SELECTIONS or _picks(stmt) or any(t in out for t in stmt.targets):
                        out.update(a for a in (*stmt.args, *(v for _, v in stmt.kwargs)) if isinstance(a, Var))
                case If():
                    for target, *sources in zip(stmt.targets, stmt.then.results, stmt.orelse.results, strict=True):
                        if target in out:
                            out.update(a for a in sources if isinstance(a, Var))
                    walk(stmt.then)
                    walk(stmt.orelse)
                case For() | While():
                    carried = stmt.body.params[1:] if isinstance(stmt, For) else stmt.body.params
                    while True:
                        before = len(out)
                        for param, target, *sources in zip(
                            carried, stmt.targets, stmt.inits, stmt.body.results[1:], strict=True
                        ):
                            if target in out or param in out:
                                out.update(a for a in (target, param, *sources) if isinstance(a, Var))
                        walk(stmt.body)
                        if len(out) == before:
                            break

    walk(f.body)
    return out


def _picks(let: Let) -> bool:
    """Whether it is an index by a mask or by an integer array."""
    return let.op == "index" and isinstance(let.args[1], Var) and isinstance(let.args[1].type, Array)


def refused(let: Let) -> bool:
    """Whether an operation has no row that covers this call."""
    return let.op not in LINEAR and let.op not in _NONE and (let.op not in RULES or find(let) is None)
