"""Collect: shares of one statement that are added to the same element are added at once.

d1 = accumulate_at(d0, k, s); d2 = accumulate_at(d1, j, t); d3 = accumulate_at(d2, k, u)
becomes
d2 = accumulate_at(d0, j, t); v = s + u; d3 = accumulate_at(d2, k, v)
"""

from __future__ import annotations

from collections import Counter

from adtransform.build import Builder, type_of
from adtransform.ir import Atom, Function, Let, Region, Var
from adtransform.lattice import Array, is_scalar, kind_of, same_shape
from adtransform.rewrite import Rewriter, used

_FOLLOWED = 12  # shares


def collect(f: Function) -> Function:
    """The function with fewer writes to its adjoints."""
    return _Collect(Counter(used(f.body))).function(f)


class _Collect(Rewriter):
    def __init__(self, uses: Counter[Var]) -> None:
        super().__init__()
        self.uses = uses

    def region(self, region: Region) -> Region:
        made = super().region(region)
        writes: dict[Atom, Let] = {}
        dropped: dict[Var, Let] = {}  # the earlier of two, by what it gives
        sums: dict[Var, Let] = {}  # by what the later one gives, the earlier
        for stmt in made.body:
            if isinstance(stmt, Let) and stmt.op == "accumulate_at" and isinstance(type_of(stmt.args[0]), Array):
                writes[stmt.targets[0]] = stmt
                earlier = self.earlier(stmt, writes, dropped)
                if earlier is not None:
                    dropped[earlier.targets[0]] = earlier
                    sums[stmt.targets[0]] = earlier
        if not dropped:
            return made
        lets = {s.targets[0]: s for s in made.body if isinstance(s, Let) and len(s.targets) == 1}
        b = Builder()
        env = {v: let.args[0] for v, let in dropped.items()}
        terms: dict[Var, list[tuple[Atom, Let | None]]] = {}  # of a write: its shares, and what negated them
        again = Rewriter(env)
        for stmt in made.body:
            target = stmt.targets[0] if stmt.targets else None
            if isinstance(stmt, Let) and target is not None and (target in sums or target in dropped):
                mine = [(stmt.args[2], _negation(stmt.args[2], lets))]
                terms[target] = terms[sums[target].targets[0]] + mine if target in sums else mine
                if target in dropped:
                    continue
                b.origin = stmt.origin
                stmt = Let(stmt.targets, stmt.op, (*stmt.args[:2], _total(terms[target], b)), stmt.kwargs, stmt.origin)
            again.stmt(stmt, b)
        self.env.update(env)
        return Region(made.params, tuple(b.body), again.atoms(made.results))

    def earlier(self, let: Let, writes: dict[Atom, Let], dropped: dict[Var, Let]) -> Let | None:
        """A share that the same statement added at the same key, nothing having read the adjoint since."""
        acc = let.args[0]
        for _ in range(_FOLLOWED):
            before = writes.get(acc)
            if before is None or self.uses[before.targets[0]] != 1 or before.origin is None or let.origin is None:
                return None
            if before.origin.text != let.origin.text:
                return None
            if before.targets[0] not in dropped and before.args[1] == let.args[1] and _alike(before.args[2], let.args[2]):
                return before
            acc = before.args[0]
        return None


def _alike(a: Atom, b: Atom) -> bool:
    """Whether two shares may be added before they are added to the adjoint."""
    s, t = type_of(a), type_of(b)
    shaped = (is_scalar(s) and is_scalar(t)) or same_shape(s, t)
    return shaped and kind_of(s) == kind_of(t) == "float"


def _negation(a: Atom, lets: dict[Var, Let]) -> Let | None:
    """What negated a share."""
    let = lets.get(a) if isinstance(a, Var) else None
    return let if let is not None and let.op == "operator.neg" and not let.targets[0].hint else None


def _total(terms: list[tuple[Atom, Let | None]], b: Builder) -> Atom:
    """The sum of some shares, those that are subtracted last."""
    first, *rest = sorted(terms, key=lambda term: term[1] is not None)
    total = first[0]
    for share, negation in rest:
        total = b.let("operator.add", total, share) if negation is None else b.let("operator.sub", total, negation.args[0])
    return total
