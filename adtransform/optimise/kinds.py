"""The gradient of a Python float is a Python float: settle the kinds of the shares.

    t8 = t4 * 0.5; yield y, t8    becomes, where t4 is a NumPy scalar,    t8 = t4 * 0.5; t9 = float(t8); yield y, t9

While shares are added up, a scalar may turn from Python's into NumPy's without its declared type saying so.  Here the kinds
are inferred once more, through branches and around loops, and the results that are not of the wanted kind are converted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from adtransform.build import Builder, type_of
from adtransform.infer import infer
from adtransform.ir import Atom, For, Function, If, Let, Region, Try, Var, While
from adtransform.lattice import FLOAT, Scalar, Type, join

Kinds = dict[Var, Type]


def settle(f: Function, first: int, wanted: Sequence[Type]) -> Function:
    """The function with its results from `first` on made Python floats where such is `wanted`."""
    kinds: Kinds = {}
    _region(f.body, kinds)
    b = Builder()
    for stmt in f.body.body:
        b.add(stmt)
    results = list(f.results)
    for i, want in enumerate(wanted, first):
        result = results[i]
        if want == FLOAT and _kind(result, kinds) != FLOAT:
            of = result.of if isinstance(result, Var) else None
            results[i] = b.let("builtins.float", result, of=of)
    return replace(f, body=Region((), tuple(b.body), tuple(results)))


def _kind(a: Atom, kinds: Kinds) -> Type:
    return kinds.get(a, a.type) if isinstance(a, Var) else type_of(a)


def _region(region: Region, kinds: Kinds) -> None:
    for stmt in region.body:
        match stmt:
            case Let():
                _let(stmt, kinds)
            case If():
                _region(stmt.then, kinds)
                _region(stmt.orelse, kinds)
                _meet(stmt.targets, (stmt.then.results, stmt.orelse.results), kinds)
            case Try():
                _region(stmt.body, kinds)
                _meet(stmt.targets, (stmt.body.results,), kinds)
            case For() | While():
                params = stmt.body.params[1:] if isinstance(stmt, For) else stmt.body.params
                _meet(params, (stmt.inits,), kinds)
                while True:
                    before = [_kind(p, kinds) for p in params]
                    _region(stmt.body, kinds)
                    _meet(params, (params, stmt.body.results[1:]), kinds)
                    if before == [_kind(p, kinds) for p in params]:
                        break
                _meet(stmt.targets, (params,), kinds)


def _let(let: Let, kinds: Kinds) -> None:
    if len(let.targets) != 1 or not isinstance(let.targets[0].type, Scalar) or let.op == "load":
        return
    types = tuple(_kind(a, kinds) for a in let.args)
    named = {k: _kind(v, kinds) for k, v in let.kwargs}
    (found,) = infer(let.op, types, named, let.args, dict(let.kwargs), 1)
    _set(let.targets[0], found, kinds)


def _meet(targets: Sequence[Var], sources: Iterable[Sequence[Atom]], kinds: Kinds) -> None:
    for target, *values in zip(targets, *sources, strict=True):
        found = _kind(values[0], kinds)
        for value in values[1:]:
            found = join(found, _kind(value, kinds))
        _set(target, found, kinds)


def _set(target: Var, found: Type, kinds: Kinds) -> None:
    if isinstance(target.type, Scalar) and isinstance(found, Scalar):
        kinds[target] = found
