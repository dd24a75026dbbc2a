"""Hoist: an array that a loop computes anew in every trip from values of outside is computed before it.

    for ...: t1 = a * k; v1 = v0 + t1 * v0        becomes        t1 = a * k; for ...: v1 = v0 + t1 * v0

Of the user's lines only those that the backward sweep reads as well, which then need not be saved.  A loop may make no trip
at all, so only what cannot raise is moved.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from adtransform.build import Builder, type_of
from adtransform.ir import UNDEFINED, Const, For, Function, Let, Region, Stmt, Var, While
from adtransform.lattice import ELLIPSIS, NONE, Array, Scalar, Tuple, Type, is_numpy, is_scalar, kind_of, rank_of, same_shape
from adtransform.ops import elementwise
from adtransform.optimise.fill import is_basic
from adtransform.optimise.share import share
from adtransform.rewrite import Rewriter, defined, is_straight, operands, turn, used

_ARITHMETIC = frozenset("operator.add operator.sub operator.mul operator.neg".split())
_ASKS = frozenset("slice tuple shape ndim size numpy.transpose".split())


def hoist(f: Function) -> Function:
    """The function with the invariant arrays of its loops before them."""
    body = f.body.body
    if is_straight(f.body):
        return f
    cut = turn(body)
    back = Region((), body[cut:], f.results)
    return _Hoist({*used(back), *defined(back)}).function(f)


def lift(f: Function) -> Function:
    """The function with the numbers that its backward sweep computes in every trip of a loop before the loop.

    The user's own lines stay as they are; these are none, so they come from no line.
    """
    body = f.body.body
    cut = turn(body)
    if cut == len(body):
        return f
    lifter = _Lift({t for s in body[:cut] for t in s.targets})
    made = lifter.region(Region((), body[cut:], f.results))
    if not lifter.some:
        return f
    return share(replace(f, body=replace(f.body, body=(*body[:cut], *made.body), results=made.results)))


class _Hoist(Rewriter):
    def __init__(self, worth: set[Var]) -> None:
        super().__init__()
        self.worth = worth
        self.scope: list[set[Var]] = []

    def is_worth(self, target: Var, let: Let) -> bool:
        """Whether a statement is worth moving for itself."""
        return isinstance(target.type, Array) and elementwise(let.op) and target in self.worth

    def moved(self, let: Let) -> Let:
        """The statement where it is moved to."""
        return let

    def region(self, region: Region) -> Region:
        self.scope.append(set(region.params))
        try:
            return super().region(region)
        finally:
            self.scope.pop()

    def stmt(self, stmt: Stmt, b: Builder) -> None:
        super().stmt(stmt, b)
        self.scope[-1].update(stmt.targets)

    def loop(self, stmt: For | While, b: Builder) -> None:
        super().loop(stmt, b)
        made = b.body.pop()
        assert isinstance(made, (For, While))
        moved = self.invariant(made.body)
        if not moved:
            b.add(made)
            return
        for let in moved:
            b.add(self.moved(let))
            self.scope[-1].update(let.targets)
        kept = tuple(s for s in made.body.body if s not in moved)
        b.add(replace(made, body=replace(made.body, body=kept)))

    def invariant(self, body: Region) -> dict[Let, None]:
        """The statements that make arrays worth moving, and what these read."""
        found: dict[Var, Let] = {}
        for stmt in body.body:
            if isinstance(stmt, Let) and all(a in found or self.in_sight(a) for a in _reads(stmt)) and cannot_raise(stmt):
                found[stmt.targets[0]] = stmt
        needed: set[Var] = set()
        for target, let in reversed(found.items()):
            if target in needed or self.is_worth(target, let):
                needed.update((target, *_reads(let)))
        return {let: None for target, let in found.items() if target in needed}

    def in_sight(self, v: Var) -> bool:
        """Whether a value is bound before the loop."""
        return any(v in bound for bound in self.scope)


class _Lift(_Hoist):
    def __init__(self, outside: set[Var]) -> None:
        super().__init__(set())
        self.scope.append(outside)

        self.uses: Counter[Var] = Counter()
        self.some = False

    def invariant(self, body: Region) -> dict[Let, None]:
        self.uses = Counter(used(body))
        return super().invariant(body)

    def is_worth(self, target: Var, let: Let) -> bool:
        """A number, but for a part of one expression that is as short as a name: `-a`, `2 * a`."""
        short = let.op in _ARITHMETIC and (len(let.args) == 1 or any(isinstance(a, Const) for a in let.args))
        return isinstance(target.type, Scalar) and elementwise(let.op) and (self.uses[target] > 1 or not short)

    def moved(self, let: Let) -> Let:
        self.some = True
        return replace(let, origin=None)


def _reads(let: Let) -> list[Var]:
    return [a for a in operands(let) if isinstance(a, Var)]


def cannot_raise(let: Let) -> bool:
    """Whether an operation only computes something new from its operands, and raises for no values of these types."""
    reads = operands(let)
    if UNDEFINED in reads or len(let.targets) != 1:
        return False
    types = [type_of(a) for a in reads]
    if let.op in _ASKS:
        return let.op in ("slice", "tuple") or all(rank_of(t) is not None for t in types)
    if let.op == "index":
        rank, taken = rank_of(types[0]), _slices(types[1])
        return isinstance(types[0], Array) and rank is not None and taken is not None and taken <= rank
    if not elementwise(let.op) or not all(isinstance(t, (Scalar, Array)) for t in types):
        return False
    if kind_of(let.targets[0].type) == "int":
        return let.op in _ARITHMETIC and all(is_scalar(t) for t in types)
    wide = [t for t in types if not is_scalar(t)]
    if kind_of(let.targets[0].type) != "float" or not all(same_shape(t, wide[0]) for t in wide):
        return False
    if let.op in _ARITHMETIC:
        return True
    if let.op == "operator.truediv" and isinstance(divisor := reads[1], Const):
        return bool(divisor.value != 0)
    # NumPy warns where Python raises.
    return let.op.startswith("numpy.") or (let.op.startswith("operator.") and any(is_numpy(t) for t in types))


def _slices(key: Type) -> int | None:
    """How many axes a key of slices takes; None for another kind of key."""
    parts = key.items if isinstance(key, Tuple) else (key,)
    if not is_basic(key) or any(isinstance(k, Scalar) for k in parts):
        return None
    return sum(k not in (NONE, ELLIPSIS) for k in parts)
