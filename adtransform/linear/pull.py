"""Reverse mode: a differential is run backwards, each linear operation replaced by its transpose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from typing import Protocol

from adtransform.activity import LINEAR
from adtransform.build import Builder, atom, type_of
from adtransform.errors import refuse
from adtransform.infer.structural import tangent as tangent_type
from adtransform.ir import Atom, Const, Let, Var
from adtransform.lattice import rank_of
from adtransform.linear.differential import Inlined, equation_of, row_of
from adtransform.ops import elementwise
from adtransform.rewrite import operands as operands_of
from adtransform.rules.equations import PLACE, Equation, share
from adtransform.rules.table import TRANSPOSES, Transpose, find


class Contribute(Protocol):
    """Takes the shares of operands."""

    def __call__(self, operand: Atom, share: Atom) -> None:
        """`d_operand += share`."""

    def at(self, operand: Atom, key: Atom, share: Atom) -> None:
        """`d_operand[key] += share`."""


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
    rule, names = row_of(let)
    if rule.constant:
        return
    operands = tuple(n for n in rule.operands(len(let.args)) if n in names)
    equation = equation_of(let, rule, operands, names)
    active = frozenset([f"d{n}" for n in operands if names[n] in wanted])
    keep_zero = rule.is_singular(names, len(let.args)) and any(t in strong for t in let.targets)
    _Pull(equation, names, active, keep_zero, contribute, b).run(bars)


def _uses(equation: Equation, active: frozenset[str]) -> tuple[Set[Var], Mapping[Var, int]]:
    """The variables of a differential that depend on some of its tangents, and how often each is used."""
    known = equation.uses.get(active)
    if known is None:
        linear = {v for v, sources in equation.linear.items() if not sources.isdisjoint(active)}
        read: list[Atom] = [*equation.function.results]
        for stmt in dict.fromkeys(equation.lets.values()):
            if any(t in linear for t in stmt.targets):
                read += operands_of(stmt)
        known = equation.uses[active] = linear, Counter([a for a in read if isinstance(a, Var) and a in linear])
    return known


class _Pull(Inlined):
    """One differential being transposed."""

    def __init__(
        self,
        equation: Equation,
        names: Mapping[str, Atom],
        active: frozenset[str],
        keep_zero: bool,
        contribute: Contribute,
        b: Builder,
    ) -> None:
        super().__init__(equation, names, b)
        self.keep_zero, self.contribute = keep_zero, contribute
        self.results = equation.function.results
        self.differentials = equation.linear.keys()
        self.linear, uses = _uses(equation, active)
        self.pending = dict(uses)
        self.shapes: dict[Var, Atom] = {}
        self.partial: dict[Var, Atom] = {}

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
                made = self.made(stmt, args, kwargs)
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
                    self.send_to(args[i], self.made(stmt, [cond, *map(atom, branches)], {})[0])
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
        bound = ((row, row.pattern.bind(stmt)) for row in TRANSPOSES.get(stmt.op, ()))
        rows = [(row, names) for row, names in bound if names is not None]
        for position, a in enumerate(operands):
            if a not in self.linear:
                continue
            row, names = self.row(stmt, rows, a, position)
            equation = share(row, names)
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
                    env.update(zip(let.targets, self.made(let, args, kwargs), strict=True))
            (result,) = equation.function.results
            self.send_to(a, env[result] if isinstance(result, Var) else result)

    def rank(self, a: Atom) -> int | None:
        """How many axes an operand of the whole has; None where that is not known."""
        return rank_of(type_of(self.names[self.loads[a][1:]])) if isinstance(a, Var) and a in self.loads else None

    def given(self, a: Atom) -> Atom:
        """What the whole is given for an operand, or for what it is the differential of."""
        name = self.loads.get(a, "") if isinstance(a, Var) else ""
        return self.names.get(name, self.names.get(name[1:], a))

    def row(
        self, stmt: Let, rows: Sequence[tuple[Transpose, dict[str, Atom]]], a: Atom, position: int
    ) -> tuple[Transpose, dict[str, Atom]]:
        """The one of some rows that transposes `stmt` for the operand `a` at `position`, and what its names mean."""
        for row, names in rows:
            if row.rank is not None and row.rank != self.rank(a):
                continue
            if row.when is not None and not row.when({n: self.given(x) for n, x in names.items()}):
                continue
            if row.operand.startswith("*"):
                lead = len(row.pattern.operands) - 1
                if position >= lead:
                    names[PLACE] = Const(position - lead)
                    return row, names
            elif row.pattern.operands[position : position + 1] == (row.operand,) or names.get(row.operand) is a:
                return row, names
        refuse(
            self.b.origin,
            f"`{stmt.op}`: it has no transpose",
            "this is a gap in the tables: give the function a rule of your own",
        )
