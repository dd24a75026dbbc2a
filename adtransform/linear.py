"""Linear operations, pushed forward and pulled back.

A differential is a linear function of the operands' tangents.  Forward mode inlines it (`push`); reverse mode runs it
backwards (`pull`), each linear operation replaced by its transpose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Protocol

import numpy as np

from adtransform.activity import LINEAR
from adtransform.build import Builder, type_of
from adtransform.errors import refuse
from adtransform.infer.structural import tangent as tangent_type
from adtransform.ir import UNDEFINED, Atom, Const, Let, Var
from adtransform.lattice import List, Scalar, is_differentiable, is_number, is_scalar, rank_of, same_shape
from adtransform.ops import resolve
from adtransform.rules.equations import Equation, differential, share
from adtransform.rules.table import TRANSPOSES, Rule, Transpose, find


class Contribute(Protocol):
    """Takes the shares of operands."""

    def __call__(self, operand: Atom, share: Atom) -> None:
        """`d_operand += share`."""

    def at(self, operand: Atom, key: Atom, share: Atom) -> None:
        """`d_operand[key] += share`."""


def zero(like: Atom, b: Builder) -> Atom:
    """A zero tangent of a value's shape; of a value that this path never bound there is none."""
    if like == UNDEFINED:
        return UNDEFINED
    if isinstance(type_of(like), Scalar) or like == Const(None):
        return Const(0.0)
    return b.let("zeros", like, type=tangent_type(type_of(like)))


def nothing(like: Atom, b: Builder) -> Atom:
    """The same for any value; None for one that has no derivative."""
    return zero(like, b) if is_differentiable(type_of(like)) else Const(None)


def elementwise(op: str) -> bool:
    """Whether an operation works element by element and broadcasts its operands."""
    if op.startswith("operator."):
        return op != "operator.matmul"
    if op in ("numpy.where", "numpy.clip", "numpy.sinc", "numpy.nan_to_num", "strong", "cast", "numpy.real", "numpy.imag"):
        return True
    target = resolve(op)
    return op.startswith("math.") or (isinstance(target, np.ufunc) and target.signature is None)


def _row(let: Let) -> tuple[Rule, dict[str, Atom]]:
    if let.op == "operator.mul" and isinstance(let.targets[0].type, List):
        refuse(let.origin, "a list repeated by `*`", "build it with a comprehension: [q for _ in range(n) for q in items]")
    found = find(let)
    if found is None:
        name = let.op.removeprefix("numpy.linalg.").removeprefix("numpy.").removeprefix("builtins.")
        extra = f" with {', '.join(k for k, _ in let.kwargs)}" if let.kwargs else ""
        refuse(
            let.origin,
            f"`{name}`{extra}",
            f'give it a rule("{name}(u)", "... * du"), or move it out of what depends on the differentiated arguments',
        )
    return found


# -- forward ------------------------------------------------------------------------------------------------------------


def push(let: Let, tangents: Mapping[Atom, Atom], b: Builder, *, exact: bool = True) -> list[Atom | None]:
    """The tangents of a statement's targets, from those of its operands (None, and absent: zero).

    `exact`: widen a tangent that may be narrower than its value.
    """
    if let.op in LINEAR:
        return _push_structural(let, tangents, b)
    if let.op == "operator.add" and isinstance(let.targets[0].type, List):
        return [b.let("operator.add", *(tangents.get(a) or zero(a, b) for a in let.args))]
    rule, names = _row(let)
    if rule.constant:
        return [None] * len(let.targets)
    equation = differential(rule, tuple(n for n in rule.operands(len(let.args)) if n in names), names)
    inlined = _Push(equation, names, tangents, b)
    out: list[Atom | None] = []
    for target, result in zip(let.targets, equation.function.results, strict=True):
        # A constant of the row is a zero, and so is what no differential reaches.
        tangent = inlined.tangent(result) if isinstance(result, Var) and result in equation.linear else None
        if tangent is not None and exact and elementwise(let.op) and isinstance(result, Var):
            tangent = _widened(target, tangent, inlined.mentions[result], names, b)
        out.append(tangent)
    return out


def _widened(target: Var, tangent: Atom, seen: frozenset[str], names: Mapping[str, Atom], b: Builder) -> Atom:
    """The tangent in its value's shape, where an operand that gave the value its shape does not occur in it."""
    if is_scalar(target.type) or same_shape(type_of(tangent), target.type) or "y" in seen:
        return tangent
    shaping = (k for k, a in names.items() if is_number(type_of(a)) and not is_scalar(type_of(a)))
    if all(k in seen or k == "y" for k in shaping):
        return tangent
    return b.let("expand", tangent, target)


class _Inlined:
    """One differential where it is used; what does not depend on a differential is computed when it is first needed."""

    def __init__(self, equation: Equation, names: Mapping[str, Atom], b: Builder) -> None:
        self.names, self.b = names, b
        self.loads = equation.loads
        self.lets = {t: s for s in equation.function.body.body if isinstance(s, Let) for t in s.targets}
        self.values: dict[Var, Atom] = {}

    def value(self, a: Atom) -> Atom:
        """An operand that does not depend on a differential."""
        if not isinstance(a, Var):
            return a
        if a in self.loads:
            return self.names[self.loads[a]]
        if a not in self.values:
            stmt = self.lets[a]
            if stmt.op == "assign":
                self.values[a] = self.value(stmt.args[0])
            else:
                args = [self.value(x) for x in stmt.args]
                kwargs = {k: self.value(v) for k, v in stmt.kwargs}
                made = self.b.apply(stmt.op, args, kwargs, count=len(stmt.targets))
                self.values.update(zip(stmt.targets, made, strict=True))
        return self.values[a]


class _Push(_Inlined):
    """One differential being computed; the tangent None is a zero."""

    def __init__(self, equation: Equation, names: Mapping[str, Atom], given: Mapping[Atom, Atom], b: Builder) -> None:
        super().__init__(equation, names, b)
        self.linear = equation.linear
        self.tangents: dict[Var, Atom | None] = {}
        # Which names of the row occur in a value, zero terms left out: they give it its shape.
        self.mentions: dict[Var, frozenset[str]] = {}
        for var, name in equation.loads.items():
            self.mentions[var] = frozenset({name[1:] if var in self.linear else name})
            if var in self.linear:
                self.tangents[var] = given.get(names[name[1:]])
        for stmt in equation.function.body.body:
            if isinstance(stmt, Let) and stmt.op != "load":
                self.step(stmt)

    def tangent(self, a: Atom) -> Atom | None:
        """The tangent of a linear value, the value of another."""
        return self.tangents[a] if isinstance(a, Var) and a in self.linear else self.value(a)

    def step(self, stmt: Let) -> None:
        """Compute one statement if it is linear and not zero."""
        operands = (*stmt.args, *(v for _, v in stmt.kwargs))
        linear = [isinstance(a, Var) and a in self.linear for a in operands]
        zeros = [is_linear and self.tangent(a) is None for a, is_linear in zip(operands, linear, strict=True)]
        seen = [self.mentions[a] for a, z in zip(operands, zeros, strict=True) if isinstance(a, Var) and not z]
        self.mentions.update(dict.fromkeys(stmt.targets, frozenset(chain.from_iterable(seen))))
        target = stmt.targets[0]
        if target not in self.linear:
            return
        if all(z for z, is_linear in zip(zeros, linear, strict=True) if is_linear) or any(zeros) and stmt.op in _BILINEAR:
            self.tangents.update(dict.fromkeys(stmt.targets))
            self.mentions.update(dict.fromkeys(stmt.targets, frozenset()))
            return
        values = [self.tangent(a) for a in operands]
        if stmt.op == "assign":
            self.tangents[target] = values[0]
        elif any(zeros) and stmt.op == "operator.add":
            self.tangents[target] = values[0] if zeros[1] else values[1]
        elif any(zeros) and stmt.op == "operator.sub":
            self.tangents[target] = values[0] if zeros[1] else self.b.let("operator.neg", values[1])
        else:
            full = [self.zero(stmt, a) if z else v for a, v, z in zip(operands, values, zeros, strict=True)]
            kwargs = dict(zip((k for k, _ in stmt.kwargs), full[len(stmt.args) :], strict=True))
            made = self.b.apply(stmt.op, full[: len(stmt.args)], kwargs, count=len(stmt.targets))
            self.tangents.update(zip(stmt.targets, made, strict=True))

    def zero(self, stmt: Let, operand: Atom) -> Atom:
        """A zero that must be written out (`where(c, du, 0.0)`, `concatenate(du, zeros)`)."""
        if isinstance(operand, Var) and operand in self.loads and not elementwise(stmt.op):
            return zero(self.names[self.loads[operand][1:]], self.b)
        return Const(0.0)


_BILINEAR = frozenset("operator.mul operator.matmul operator.truediv numpy.divide numpy.dot numpy.multiply strong".split())


def _push_structural(let: Let, tangents: Mapping[Atom, Atom], b: Builder) -> list[Atom | None]:
    positions = LINEAR[let.op] if LINEAR[let.op] is not None else tuple(range(len(let.args)))
    assert positions is not None
    if not any(let.args[i] in tangents for i in positions):
        return [None] * len(let.targets)
    if let.op == "assign":
        return [tangents[let.args[0]]]
    if let.op == "accumulate":
        acc, part, like = let.args
        dacc, dpart = tangents.get(acc), tangents.get(part)
        if dpart is None:
            return [dacc]
        return [b.let("fit", dpart, like) if dacc is None else b.let("accumulate", dacc, dpart, like)]
    if let.op == "unpack":
        types = tuple(tangent_type(t.type) for t in let.targets)
        return list(b.apply("unpack", (tangents[let.args[0]],), count=len(let.targets), types=types))
    if let.op == "pack":
        parts = [tangents.get(a) or nothing(a, b) for a in let.args]
        return list(b.apply("pack", parts, types=(let.targets[0].type,)))
    args = list(let.args)
    for i in positions:
        args[i] = tangents.get(let.args[i]) or (Const(0.0) if i == 2 and not _is_list(let) else zero(let.args[i], b))
    return list(b.apply(let.op, args, count=len(let.targets)))


def _is_list(let: Let) -> bool:
    return isinstance(type_of(let.args[0]), List)


# -- reverse ------------------------------------------------------------------------------------------------------------


def singular(let: Let) -> bool:
    """Whether a partial of a statement may be infinite where its value is finite."""
    found = None if let.op in LINEAR else find(let)
    return found is not None and found[0].is_singular(found[1], len(let.args))


def pull(
    let: Let, bars: Sequence[Atom | None], wanted: set[Atom], contribute: Contribute, b: Builder, strong: set[Var]
) -> None:
    """Run a statement's differential backwards.

    `bars`: the adjoints of its targets; `contribute(operand, share)` is called for each share of a wanted operand, in the
    order of the differential's terms; `strong`: the values whose zero shares must stay zero.
    """
    rule, names = _row(let)
    if rule.constant:
        return
    operands = tuple(n for n in rule.operands(len(let.args)) if n in names)
    equation = differential(rule, operands, names)
    active = {f"d{n}" for n in operands if names[n] in wanted}
    keep_zero = rule.is_singular(names, len(let.args)) and any(t in strong for t in let.targets)
    _Pull(equation, names, active, keep_zero, contribute, b).run(bars)


class _Pull(_Inlined):
    """One differential being transposed."""

    def __init__(
        self,
        equation: Equation,
        names: Mapping[str, Atom],
        active: set[str],
        keep_zero: bool,
        contribute: Contribute,
        b: Builder,
    ) -> None:
        super().__init__(equation, names, b)
        self.keep_zero, self.contribute = keep_zero, contribute
        self.results = equation.function.results
        self.differentials = set(equation.linear)
        self.linear = {v for v, sources in equation.linear.items() if sources & active}
        self.shapes: dict[Var, Atom] = {}
        self.partial: dict[Var, Atom] = {}
        self.pending: dict[Var, int] = {}
        for stmt in dict.fromkeys(self.lets.values()):
            if any(t in self.linear for t in stmt.targets):
                self.expect((*stmt.args, *(v for _, v in stmt.kwargs)))
        self.expect(self.results)

    def expect(self, atoms: Sequence[Atom]) -> None:
        """Each use of a linear variable will send a share."""
        for a in atoms:
            if isinstance(a, Var) and a in self.linear:
                self.pending[a] = self.pending.get(a, 0) + 1

    def run(self, bars: Sequence[Atom | None]) -> None:
        """Send the adjoints of the results down to the operands."""
        for result, bar in zip(self.results, bars, strict=True):
            if isinstance(result, Var) and result in self.linear:
                self.send(result, bar)

    def shape_like(self, a: Atom) -> Atom:
        """Something in the shape of a linear value: the operand whose differential it is an elementwise multiple of.

        Failing that, what the value would be if each differential were its operand, which has the same shape.
        """
        if not isinstance(a, Var) or a not in self.differentials:
            return self.value(a)
        if a in self.loads:
            return self.names[self.loads[a][1:]]
        if a not in self.shapes:
            stmt = self.lets[a]
            operands = (*stmt.args, *(v for _, v in stmt.kwargs))
            if elementwise(stmt.op) or stmt.op == "assign":
                self.shapes[a] = self.shape_like(next(x for x in operands if x in self.differentials))
            else:
                args = [self.shape_like(x) for x in stmt.args]
                kwargs = {k: self.shape_like(v) for k, v in stmt.kwargs}
                made = self.b.apply(stmt.op, args, kwargs, count=len(stmt.targets))
                self.shapes.update(zip(stmt.targets, made, strict=True))
        return self.shapes[a]

    def send(self, var: Var, bar: Atom | None) -> None:
        """Add to the adjoint of a linear variable; pass it on when all its uses have sent theirs."""
        self.pending[var] -= 1
        if bar is not None:
            old = self.partial.get(var)
            self.partial[var] = bar if old is None else self.b.let("operator.add", old, bar)
        if self.pending[var] > 0:
            return
        bar = self.partial.pop(var, None)
        if bar is None:
            # A result that nobody used: what it was made of must not wait for its share.
            stmt = self.lets.get(var)
            for a in () if stmt is None or var in self.loads else (*stmt.args, *(v for _, v in stmt.kwargs)):
                if isinstance(a, Var) and a in self.linear:
                    self.send(a, None)
        elif var in self.loads:
            self.contribute(self.names[self.loads[var][1:]], bar)
        else:
            self.transpose(self.lets[var], bar)

    def transpose(self, stmt: Let, bar: Atom) -> None:
        """Send the shares of one linear operation's operands."""
        b, args = self.b, stmt.args
        live = [i for i, a in enumerate(args) if a in self.linear]
        match stmt.op:
            case "assign" | "operator.pos":
                self.send_to(args[0], bar)
            case "operator.add":
                for i in live:
                    self.send_to(args[i], bar)
            case "operator.sub":
                for i in live:
                    self.send_to(args[i], bar if i == 0 else b.let("operator.neg", bar))
            case "operator.neg":
                self.send_to(args[0], b.let("operator.neg", bar))
            case "operator.mul" | "numpy.multiply":
                self.send_to(args[live[0]], self.scaled(bar, self.value(args[1 - live[0]])))
            case "operator.truediv" | "numpy.divide":
                k = self.value(args[1])
                if self.keep_zero:
                    self.send_to(args[0], b.let("strong", bar, b.let("numpy.divide", 1.0, k)))
                else:
                    self.send_to(args[0], b.let(stmt.op, bar, k))
            case "numpy.where":
                cond = self.value(args[0])
                for i in live:
                    branches = (bar, 0.0) if i == 1 else (0.0, bar)
                    self.send_to(args[i], b.let("numpy.where", cond, *branches))
            case "index":
                self.send_part(args[0], self.value(args[1]), bar)
            case _:
                self.by_table(stmt, bar)

    def scaled(self, bar: Atom, partial: Atom) -> Atom:
        """`bar * partial`."""
        if isinstance(partial, Const) and partial.value == 1:
            return bar
        return self.b.let("strong" if self.keep_zero else "operator.mul", bar, partial)

    def send_to(self, a: Atom, bar: Atom) -> None:
        assert isinstance(a, Var)
        self.send(a, bar)

    def send_part(self, a: Atom, key: Atom, bar: Atom) -> None:
        """Add to the adjoint of a linear variable at an index."""
        assert isinstance(a, Var)
        if a in self.loads:
            self.contribute.at(self.names[self.loads[a][1:]], key, bar)
            self.send(a, None)
            return
        like = self.shape_like(a)
        self.send(a, self.b.let("accumulate_at", self.b.let("zeros", like, type=tangent_type(type_of(like))), key, bar))

    def by_table(self, stmt: Let, bar: Atom) -> None:
        """Transpose by the rows of the table."""
        operands = [*stmt.args, *(v for _, v in stmt.kwargs)]
        for position, a in enumerate(operands):
            if a not in self.linear:
                continue
            row, names = self.row(stmt, a, position)
            equation = share(row, len(stmt.args), position, names)
            env: dict[Var, Atom] = {}
            for var, name in equation.loads.items():
                if name == "bar":
                    env[var] = bar
                else:
                    source = names[name]
                    env[var] = self.shape_like(source) if source in self.differentials else self.value(source)
            for let in equation.function.body.body:
                if isinstance(let, Let) and let.op == "assign":
                    env[let.targets[0]] = env[let.args[0]] if isinstance(let.args[0], Var) else let.args[0]
                elif isinstance(let, Let) and let.op != "load":
                    args = [env[x] if isinstance(x, Var) else x for x in let.args]
                    kwargs = {k: env[v] if isinstance(v, Var) else v for k, v in let.kwargs}
                    env.update(zip(let.targets, self.b.apply(let.op, args, kwargs, count=len(let.targets)), strict=True))
            (result,) = equation.function.results
            self.send_to(a, env[result] if isinstance(result, Var) else result)

    def rank(self, a: Atom) -> int | None:
        """How many axes an operand of the whole has; None where that is not known."""
        return rank_of(type_of(self.names[self.loads[a][1:]])) if isinstance(a, Var) and a in self.loads else None

    def row(self, stmt: Let, a: Atom, position: int) -> tuple[Transpose, dict[str, Atom]]:
        """The row that transposes `stmt` with respect to the operand `a` at `position`."""
        for row in TRANSPOSES.get(stmt.op, ()):
            names = row.pattern.bind(stmt)
            if names is None or (row.rank is not None and row.rank != self.rank(a)):
                continue
            if row.operand.startswith("*"):
                lead = len(row.pattern.operands) - 1
                if position >= lead:
                    return row, names
            elif row.pattern.operands[position : position + 1] == (row.operand,) or names.get(row.operand) is a:
                return row, names
        refuse(
            self.b.origin,
            f"`{stmt.op}`: it has no transpose",
            "this is a gap in the tables: give the function a rule of your own",
        )
