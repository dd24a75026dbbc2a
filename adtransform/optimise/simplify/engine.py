"""How equations are applied: statement by statement, to derivative code and to the IR's own operations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from adtransform.build import Builder, type_of
from adtransform.infer import infer
from adtransform.ir import Atom, Const, If, Let, Region, Try, Var, worked
from adtransform.lattice import List, Scalar, Type, dims_of, is_bare, is_scalar, kind_of, same_shape
from adtransform.ops import elementwise, resolve
from adtransform.rewrite import Rewriter, operands

_FOLDABLE = frozenset(
    "operator.add operator.sub operator.mul operator.neg operator.lt operator.le operator.eq operator.ne operator.gt "
    "operator.ge operator.truediv numpy.divide operator.floordiv numpy.equal numpy.not_equal numpy.negative".split()
)
_FITTED = frozenset("fit zeros accumulate accumulate_at update".split())
_SAFE_NUMBERS = (bool, int, float)


class Simplifier(Rewriter):
    """Applies the row of each operation; a row returns what its target is, or None to leave it."""

    def __init__(self) -> None:
        super().__init__()
        self.lets: dict[Var, Let] = {}
        self.repeated: set[Var] = set()  # what is `expand(c, like)`, or a part of that
        self.sums: set[Atom] = set()  # what is known to be a sum of fitted shares
        self.loose: set[Atom] = set()  # and what is not
        self.divisors: dict[Atom, None] = {}  # the numbers by which Python has divided here, which it does by no 0
        self.rows: Mapping[str, Row] = ROWS

    def region(self, region: Region) -> Region:
        """Rebuild a region; it may not be run, and what is divided by in it may be 0 behind it."""
        before = len(self.divisors)
        made = super().region(region)
        while len(self.divisors) > before:
            self.divisors.popitem()
        return made

    def let(self, stmt: Let, b: Builder) -> None:
        """Narrow the operands, fold constants, then ask the table."""
        given, stmt = stmt, self.renewed(stmt)
        if stmt is not given:
            stmt = self.retyped(stmt, given)
        if len(stmt.targets) == 1 and ("." not in stmt.op or is_derived(stmt)) and stmt.op != "load":
            b.origin = stmt.origin
            start = len(b.body)
            wide = bool(self.repeated) and not self.repeated.isdisjoint([a for a in stmt.args if isinstance(a, Var)])
            if wide:
                stmt = self.narrowed(stmt)
            result = self.folded(stmt)
            if result is None and wide:
                result = self.widened(stmt, b)
            if result is None and (row := self.rows.get(stmt.op)) is not None:
                result = row(self, stmt, b)
            if result is not None:
                self.settle(stmt, result, b, start)
                return
        b.body.append(stmt)
        self.note(stmt)

    def note(self, let: Let) -> None:
        """Remember what a statement binds."""
        for t in let.targets:
            self.lets[t] = let
        if let.op == "operator.truediv" and all(map(_is_python, let.args)):
            self.divide(let.args[1])
        if let.op == "expand" or (let.op == "index" and let.args[0] in self.repeated):
            self.repeated.update(let.targets)

    def divide(self, by: Atom) -> None:
        """Remember that a number is not 0; nor are the factors of one, or what one is the root of."""
        todo = [by]
        for a in todo:  # which grows
            if isinstance(a, Var) and a not in self.divisors and _is_python(a):
                self.divisors[a] = None
                let = self.lets.get(a)
                todo += let.args if let is not None and let.op in ("operator.mul", "math.sqrt") else ()

    def settle(self, stmt: Let, result: Atom, b: Builder, start: int) -> None:
        """Put `result` in place of the statement's target; what was built for it takes the target's name."""
        target = stmt.targets[0]
        if isinstance(target.type, Scalar) and is_bare(type_of(result)):
            result = b.let("operator.pos", result)  # a number, which nobody else can write
        body = b.body
        if len(body) > start:
            for made in body[start:]:
                if isinstance(made, Let):
                    self.note(made)
            last = body[-1]
            if isinstance(last, Let) and last.targets == (result,):
                var = result
                assert isinstance(var, Var)
                named = Var(var.type, target.hint, target.of, target.wrt)
                body[-1] = last = Let((named,), last.op, last.args, last.kwargs, last.origin)
                self.note(last)
                result = named
        self.env[target] = result

    def retyped(self, stmt: Let, given: Let) -> Let:
        """A statement of a derivative with the kind of number that it computes of what its operands are now.

        Of a NumPy scalar of which Python's has become in the meantime none would know that it raises where 0 divides it.
        """
        old = stmt.targets[0] if len(stmt.targets) == 1 and is_derived(stmt) and elementwise(stmt.op) else None
        if old is None or not isinstance(old.type, Scalar) or stmt.kwargs:
            return stmt
        types = tuple(map(type_of, stmt.args))
        if types == tuple(map(type_of, given.args)):
            return stmt
        (found,) = infer(stmt.op, types, {}, stmt.args, {}, 1)
        if found == old.type or not isinstance(found, Scalar):
            return stmt
        new = self.env[old] = Var(found, old.hint, old.of, old.wrt)
        return replace(stmt, targets=(new,))

    def narrowed(self, stmt: Let) -> Let:
        """An elementwise operation on `expand(c, like)` and something of that shape needs only `c`."""
        if not elementwise(stmt.op) or stmt.op == "cast":
            return stmt
        args = list(stmt.args)
        for i, a in enumerate(args):
            others = [o for k, o in enumerate(args) if k != i]
            wide, number = self.source(a, "expand"), self.number(a)
            if wide is not None and any(self.shaped(o, wide.args[1]) for o in others):
                args[i] = wide.args[0]
            elif number is not None and any(covers(type_of(o), type_of(a)) for o in others):
                args[i] = number
        return replace(stmt, args=tuple(args)) if args != list(stmt.args) else stmt

    def number(self, a: Atom) -> Atom | None:
        """The number that all elements of an array are, where it was made by repeating one."""
        while (part := self.source(a, "index")) is not None:
            a = part.args[0]
        wide = self.source(a, "expand")
        return wide.args[0] if wide is not None and is_scalar(type_of(wide.args[0])) else None

    def widened(self, stmt: Let, b: Builder) -> Atom | None:
        """An elementwise operation on `expand(c, like)` and numbers is one on `c`, expanded."""
        if not elementwise(stmt.op) or stmt.op == "cast" or stmt.kwargs:
            return None
        wide = {a: found for a in stmt.args if (found := self.source(a, "expand")) is not None}
        numbers = [wide[a].args[0] if a in wide else a for a in stmt.args]
        if len(wide) != 1 or not all(is_scalar(type_of(a)) for a in numbers):
            return None
        (found,) = wide.values()
        made = replace(stmt, args=tuple(numbers), targets=(b.let(stmt.op, *numbers),))
        row = self.rows.get(stmt.op)
        simpler = self.folded(made) if row is None else self.folded(made) or row(self, made, b)
        return b.let("expand", simpler if simpler is not None else made.targets[0], found.args[1])

    def shaped(self, a: Atom, like: Atom) -> bool:
        """Whether an operand is known to have the shape of `like`."""
        if a == like or same_shape(type_of(a), type_of(like)):
            return True
        let = self.lets.get(like) if isinstance(like, Var) else None
        return let is not None and elementwise(let.op) and all(o == a or is_scalar(type_of(o)) for o in operands(let))

    def folded(self, stmt: Let) -> Atom | None:
        """The value of an operation on constants."""
        if stmt.op not in _FOLDABLE or stmt.kwargs:
            return None
        values: list[Any] = []
        for a in stmt.args:
            if isinstance(a, Var):
                return None
            values.append(a.value)
        if not all(type(v) in _SAFE_NUMBERS for v in values):
            return None
        function = resolve(stmt.op)
        assert function is not None
        try:
            with np.errstate(all="raise"):
                found = function(*values)
        except (ArithmeticError, ValueError):
            return None
        found = found.item() if isinstance(found, np.generic) else found
        return worked(found, stmt.op, stmt.args) if type(found) is not float or math.isfinite(found) else None

    def attempt(self, stmt: Try, b: Builder) -> None:
        """What may fail stays as it is written."""
        b.add(replace(stmt, body=Rewriter(self.env).region(stmt.body)))

    def branch(self, stmt: If, b: Builder) -> None:
        """A branch whose condition is known is the side taken."""
        cond = self.atom(stmt.cond)
        if isinstance(cond, Const) and type(cond.value) is bool and stmt.tag is None and stmt.mirror is None:
            chosen = stmt.then if cond.value else stmt.orelse
            for inner in chosen.body:
                self.stmt(inner, b)
            self.env.update(zip(stmt.targets, self.atoms(chosen.results), strict=True))
            return
        super().branch(stmt, b)

    def fitted(self, x: Atom, like: Atom) -> bool:
        """Whether a value is a sum of shares that were all fitted to `like`."""
        seen: set[Atom] = set()
        todo = [x]
        while todo:
            a = todo.pop()
            let = self.lets.get(a) if isinstance(a, Var) else None
            if a in self.sums or a in seen or (let is not None and let.op in _FITTED):
                continue
            if let is None or let.op not in ("operator.add", "operator.sub") or a in self.loose:
                self.loose.add(x)
                return False
            seen.add(a)
            todo += let.args
        self.sums |= seen
        return True

    def op(self, a: Atom) -> str:
        """The operation that computed an operand, if one is known."""
        let = self.lets.get(a) if isinstance(a, Var) else None
        return let.op if let is not None else ""

    def source(self, a: Atom, op: str) -> Let | None:
        """The statement that computed an operand, if it is this operation."""
        let = self.lets.get(a) if isinstance(a, Var) else None
        return let if let is not None and let.op == op else None


def _is_python(a: Atom) -> bool:
    """Whether it is known to be a number of Python's."""
    t = type_of(a)
    return isinstance(t, Scalar) and t.dtype is None


def covers(a: Type, b: Type) -> bool:
    """Whether an array of type `b` is known not to change the shape of one of type `a` that it meets."""
    x, y = dims_of(a), dims_of(b)
    if x is None or y is None or len(y) > len(x):
        return False
    return all(n == m or m == 1 for n, m in zip(x[len(x) - len(y) :], y, strict=True))


Row = Callable[[Simplifier, Let, Builder], Atom | None]
ROWS: dict[str, Row] = {}


def row(*ops: str) -> Callable[[Row], Row]:
    """Register a row for some operations."""

    def register(function: Row) -> Row:
        ROWS.update(dict.fromkeys(ops, function))
        return function

    return register


def is_number_list(t: Type) -> bool:
    """Whether it is a list of real numbers."""
    item = t.item if isinstance(t, List) else None
    return isinstance(item, Scalar) and item.kind == "float" and not item.maybe


def is_derived(stmt: Let) -> bool:
    """Whether a statement belongs to a derivative and not to the user."""
    return not stmt.targets[0].hint


def is_number(a: Atom, value: float) -> bool:
    """Whether an operand is this constant."""
    return isinstance(a, Const) and type(a.value) in (int, float) and a.value == value


def is_floating(a: Atom) -> bool:
    """Whether an operand is known to be a float, so that a factor 1.0 changes nothing."""
    return kind_of(type_of(a)) in ("float", "complex")
