"""Forward mode: a differential is inlined."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from adtransform.activity import LINEAR
from adtransform.build import Builder, type_of
from adtransform.infer.structural import tangent as tangent_type
from adtransform.ir import Atom, Const, Let, Var
from adtransform.lattice import List, is_number, is_scalar, same_shape
from adtransform.linear.differential import Inlined, equation_of, nothing, row_of, zero
from adtransform.ops import elementwise
from adtransform.rules.equations import Equation


def push(let: Let, tangents: Mapping[Atom, Atom], b: Builder, *, exact: bool = True) -> list[Atom | None]:
    """The tangents of a statement's targets, from those of its operands (None, and absent: zero).

    `exact`: widen a tangent that may be narrower than its value.
    """
    if let.op in LINEAR:
        return _push_structural(let, tangents, b)
    if let.op == "operator.add" and isinstance(let.targets[0].type, List):
        return [b.let("operator.add", *(tangents.get(a) or zero(a, b) for a in let.args))]
    rule, names = row_of(let)
    if rule.constant:
        return [None] * len(let.targets)
    equation = equation_of(let, rule, tuple(n for n in rule.operands(len(let.args)) if n in names), names)
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


class _Push(Inlined):
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
            made = self.made(stmt, full[: len(stmt.args)], kwargs)
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
    if let.op == "update" and args[1] == Const(...) and tangents.get(args[0]) is tangents.get(args[2]):
        return [tangents[args[0]]]  # `x[...] = x + 1.0`
    if let.op == "table":
        positions = positions[1:]
    written = let.op in ("update", "accumulate_at") and not _is_list(let)
    for i in positions:
        args[i] = tangents.get(let.args[i]) or (Const(0.0) if i == 2 and written else zero(let.args[i], b))
    return list(b.apply(let.op, args, count=len(let.targets)))


def _is_list(let: Let) -> bool:
    return isinstance(type_of(let.args[0]), List)
