"""Why the backward sweep is right: the total differential after each step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from adtransform import algebra
from adtransform.algebra import Sum
from adtransform.annotate.values import constant_sum, evaluate, is_seed, spell
from adtransform.ir import Atom, Const, Function, Let, Var
from adtransform.listing import names
from adtransform.rewrite import regions
from adtransform.syntax import Py, Word, flat

LIMIT = 90


def explain(f: Function) -> dict[Let, str]:
    """For each backward line of straight-line code the invariant that holds when its operation has been processed.

    `dy = t2 * dt0 + t2 * dt3 + t4 * dt2`: the differential of the result by those of the values not processed yet.
    Ends where a share is not a multiple of an adjoint (a matrix product, a sum over an axis).
    """
    if any(regions(stmt) for stmt in f.body.body):
        return {}
    named = names(f)
    out: dict[Let, str] = {}
    state: dict[Var, Sum] = {}
    result = ""
    for group in _groups(f, named):
        if group.seed is not None:
            state, result = {group.seed: algebra.ONE}, f"d{named[group.seed]}"
            continue
        if group.bar is None or not state:
            break
        state = _substituted(state, group)
        total = algebra.ZERO
        for var, coefficient in state.items():
            total = algebra.add(total, algebra.multiply(coefficient, algebra.symbol(Word(f"d{named[var]}"))))
        text = f"{result} = {flat(algebra.write(total))}"
        if len(text) <= LIMIT:
            out.update((let, text) for let, _, _ in group.shares)
    return out


class _Group:
    """The backward lines of one operation, whose adjoint is `bar`: each line with the operand and its partial."""

    def __init__(self, bar: Var | None = None, seed: Var | None = None) -> None:
        self.bar = bar
        self.seed = seed
        self.shares: list[tuple[Let, Var, Sum]] = []


def _groups(f: Function, named: Mapping[Var, str]) -> Iterator[_Group]:
    """The seed, then each operation in the order of the backward sweep; a group without `bar` is one that cannot be read."""
    sums: dict[Var, Sum | None] = {}
    symbols: dict[Py, Var] = {}
    group = _Group()
    seeded = False

    def lookup(a: Atom) -> Sum | None:
        return constant_sum(a) if isinstance(a, Const) else sums.get(a)

    for let in f.body.body:
        assert isinstance(let, Let)
        for target in let.targets:
            if target.of is None:
                whole = evaluate(let, lookup, derived=True) if seeded else algebra.symbol(Word(named[target]))
                spelt = spell(let, lambda a: None if (s := lookup(a)) is None else algebra.write(s)) if seeded else None
                sums[target] = whole if whole is not None or spelt is None else algebra.symbol(spelt)
                continue
            symbol = Word(f"d{named[target.of]}")
            symbols[symbol] = target.of
            sums[target] = algebra.symbol(symbol)
            if is_seed(let):
                seeded = True
                yield _Group(seed=target.of)
            elif let.op.startswith("accumulate"):
                bar, coefficient = _linear(lookup(let.args[1]) if let.op == "accumulate" else None, symbols)
                if bar is None or bar is not group.bar:
                    if group.shares:
                        yield group
                    group = _Group(bar)
                    if bar is None:
                        yield group
                        return
                group.shares.append((let, target.of, coefficient))
    if group.shares:
        yield group


def _linear(share: Sum | None, symbols: Mapping[Py, Var]) -> tuple[Var | None, Sum]:
    """A share as the adjoint in it and what that is multiplied by."""
    found: set[Var] = set()
    rest: dict[algebra.Monomial, algebra.Number] = {}
    for monomial, coefficient in (share or {}).items():
        bars = [symbols[e] for e, n in monomial if e in symbols and n == 1]
        if len(bars) != 1:
            return None, {}
        found.update(bars)
        rest[tuple((e, n) for e, n in monomial if symbols.get(e) is not bars[0])] = coefficient
    return (found.pop(), rest) if len(found) == 1 else (None, {})


def _substituted(state: dict[Var, Sum], group: _Group) -> dict[Var, Sum]:
    """The total differential with the processed operation's own put in."""
    out: dict[Var, Sum] = {}
    later = {v for _, v, _ in group.shares} & set(state)
    for var, coefficient in state.items():
        if var is not group.bar:
            out[var] = algebra.add(coefficient, out.get(var, algebra.ZERO))
            continue
        for _, operand, partial in group.shares:
            share = algebra.multiply(coefficient, partial)
            out[operand] = algebra.add(out.get(operand, algebra.ZERO), share)
    # A value that was there before keeps its terms in front.
    for var in later:
        before = state[var]
        ordered = {m: out[var][m] for m in before if m in out[var]}
        out[var] = {**ordered, **out[var]}
    return out
