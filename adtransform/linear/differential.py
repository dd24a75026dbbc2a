"""One differential where it is used, whichever way it is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adtransform.build import Builder, type_of
from adtransform.errors import refuse
from adtransform.infer.structural import tangent as tangent_type
from adtransform.ir import UNDEFINED, Atom, Const, Let, Var
from adtransform.lattice import Dict, List, Scalar, is_differentiable
from adtransform.rules.equations import Branching, Equation, differential
from adtransform.rules.table import RULES, Rule, find


def zero(like: Atom, b: Builder) -> Atom:
    """A zero tangent of a value's shape; of a value that this path never bound there is none."""
    if like == UNDEFINED:
        return UNDEFINED
    if isinstance(type_of(like), Scalar) or like == Const(None):
        return Const(0.0)
    return b.let("zeros", like, type=tangent_type(type_of(like)))


def empty(like: Atom, b: Builder) -> Atom:
    """A zero adjoint: of a dict the one that has no keys yet."""
    if isinstance(type_of(like), Dict):
        return b.let("table", Const(()), type=tangent_type(type_of(like)))
    return zero(like, b)


def nothing(like: Atom, b: Builder) -> Atom:
    """The same for any value; None for one that has no derivative."""
    return zero(like, b) if is_differentiable(type_of(like)) else Const(None)


def row_of(let: Let) -> tuple[Rule, dict[str, Atom]]:
    """The rule of an operation, and what its names stand for.  Raises `DifferentiationError` where there is none."""
    if let.op == "operator.mul" and isinstance(let.targets[0].type, List):
        refuse(let.origin, "a list repeated by `*`", "build it with a comprehension: [q for _ in range(n) for q in items]")
    found = find(let)
    if found is None:
        name = let.op.removeprefix("numpy.linalg.").removeprefix("numpy.").removeprefix("builtins.")
        extra = f" with {', '.join(k for k, _ in let.kwargs)}" if let.kwargs else ""
        if any(row.when is not None and row.pattern.bind(let) is not None for row in RULES.get(let.op, ())):
            refuse(let.origin, f"`{name}`{extra} of arrays of these ranks", "annotate the arrays whose rank is not known")
        refuse(
            let.origin,
            f"`{name}`{extra}",
            f'give it a rule("{name}(u)", "... * du"), or move it out of what depends on the differentiated arguments',
        )
    return found


def equation_of(let: Let, rule: Rule, operands: tuple[str, ...], names: Mapping[str, Atom]) -> Equation:
    """The differential of a statement.  Raises `DifferentiationError` where it depends on an argument that is computed."""
    try:
        return differential(rule, operands, names)
    except Branching:
        computed = ", ".join(f"`{k}`" for k, v in let.kwargs if isinstance(v, Var)) or "a computed argument"
        name = let.op.removeprefix("numpy.")
        refuse(let.origin, f"`{name}` with {computed} known only when it runs", "write the argument as a constant")


class Inlined:
    """One differential where it is used; what does not depend on a differential is computed when it is first needed."""

    def __init__(self, equation: Equation, names: Mapping[str, Atom], b: Builder) -> None:
        self.names, self.b = names, b
        self.loads = equation.loads
        self.lets = equation.lets
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
                made = self.made(stmt, args, kwargs)
                self.values.update(zip(stmt.targets, made, strict=True))
        return self.values[a]

    def made(self, stmt: Let, args: Sequence[Atom | None], kwargs: Mapping[str, Atom | None]) -> tuple[Var, ...]:
        """An operation of the differential on what its operands are here; among numbers one is chosen as Python does."""
        numbers = stmt.op == "numpy.where" and all(a is not None and isinstance(type_of(a), Scalar) for a in args)
        return self.b.apply("ifexp" if numbers else stmt.op, args, kwargs, count=len(stmt.targets))
