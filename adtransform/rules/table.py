"""The rule language: one differential per function, both modes.

    rule("u * v", "u * dv + v * du")                       a differential, as the textbook prints it
    rule("sin(u)", "cos(u) * du", on="numpy math")         one row for two modules
    transpose("sum(a, axis=None, keepdims=False)", "spread(bar, a, axis=axis, keepdims=keepdims)")

A row is text until it is used; then the front end that reads user code reads it (`equations`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from adtransform.build import type_of
from adtransform.ir import Atom, Const, Let
from adtransform.live import Text
from adtransform.record import record

_OPERATORS: dict[type, str] = {
    ast.Add: "operator.add",
    ast.Sub: "operator.sub",
    ast.Mult: "operator.mul",
    ast.Div: "operator.truediv",
    ast.FloorDiv: "operator.floordiv",
    ast.Mod: "operator.mod",
    ast.Pow: "operator.pow",
    ast.MatMult: "operator.matmul",
    ast.USub: "operator.neg",
    ast.UAdd: "operator.pos",
}


REQUIRED = Const(...)
OPERANDS = ("u", "v", "w", "q", "p")  # the names of what is differentiated


@record
class Pattern:
    """The left side of a row: `w, V = eigh(u, UPLO='L')`.

    `operands`: names by position (`*us` alone for a variable number); `keywords`: keyword -> operand name, or the default
    (a `Const`; `...`: it must be given) under the keyword's own name; `results`: names of the results.
    """

    name: str
    operands: tuple[str, ...]
    keywords: Mapping[str, str | Const]
    results: tuple[str, ...]

    @property
    def variadic(self) -> bool:
        """Whether it takes any number of operands."""
        return self.operands[-1:] != () and self.operands[-1][0] == "*"

    def bind(self, let: Let) -> dict[str, Atom] | None:
        """What each name of the row stands for in this statement; None where the row does not cover the call."""
        names: dict[str, Atom] = {}
        if not self.keywords and not let.kwargs and not self.variadic:
            if len(self.operands) != len(let.args) or len(self.results) != len(let.targets):
                return None
            names.update(zip(self.operands, let.args, strict=True))
            names.update(zip(self.results, let.targets, strict=True))
            return names
        if self.variadic:
            lead = [n for n in self.operands if not n.startswith("*")]
            if len(let.args) < len(lead):
                return None
            stem = self.operands[-1][1:]
            names |= zip(lead, let.args, strict=False)
            names |= {f"{stem}{i}": a for i, a in enumerate(let.args[len(lead) :])}
        elif len(self.operands) != len(let.args):
            return None
        else:
            names |= zip(self.operands, let.args, strict=True)
        given = dict(let.kwargs)
        for keyword, meaning in self.keywords.items():
            if meaning == REQUIRED and keyword not in given:
                return None
            if isinstance(meaning, Const):
                names[keyword] = given.pop(keyword, meaning)
            elif keyword in given:
                names[meaning] = given.pop(keyword)
            else:
                names[meaning] = Const(None)
        if given or len(self.results) != len(let.targets):
            return None
        return names | dict(zip(self.results, let.targets, strict=True))


@record
class Rule:
    """One row: `pattern` has the differential `written` (an expression, or a `def` in the input language).

    `when`: the row covers calls whose differentiable operands have types for which this is true; otherwise the next is tried.
    `raises`: the function raises where a partial would be infinite.
    """

    op: str
    pattern: Pattern
    written: str | Text
    module: str
    singular: bool | Callable[..., bool] = False
    constant: bool = False
    namespace: Mapping[str, Any] = field(default_factory=dict)
    when: Callable[..., bool] | None = None
    raises: bool = False
    counted: dict[int, tuple[str, ...]] = field(default_factory=dict)  # its operands, once asked for
    equations: dict[tuple[tuple[str, ...], ...], Any] = field(default_factory=dict)  # and its differential

    @property
    def text(self) -> str:
        """The differential as text."""
        return self.written if isinstance(self.written, str) else self.written.plain

    def is_singular(self, names: Mapping[str, Atom], count: int) -> bool:
        """Whether a partial of this call may be infinite where the value is fine."""
        if isinstance(self.singular, bool):
            return self.singular
        return self.singular(*(names[n] for n in self.operands(count)))

    def operands(self, count: int) -> tuple[str, ...]:
        """The names of the differentiable operands (of which there are `count` positional ones in this call)."""
        found = self.counted.get(count)
        if found is None:
            found = self.counted[count] = self._operands(count)
        return found

    def _operands(self, count: int) -> tuple[str, ...]:
        names = [*self.pattern.operands, *(m for m in self.pattern.keywords.values() if isinstance(m, str))]
        lead = sum(not n.startswith("*") for n in self.pattern.operands)
        out: list[str] = []
        for name in names:
            if name.startswith("*"):
                out += [f"{name[1:]}{i}" for i in range(count - lead)]
            elif name in OPERANDS:
                out.append(name)
        return tuple(out)


@record
class Transpose:
    """One row: the share of the operand `a` of a linear operation.

    `rank`: the row is for an `a` of so many axes; `when`: for such arguments, by name.
    """

    op: str
    pattern: Pattern
    text: str
    operand: str
    rank: int | None = None
    when: Callable[[Mapping[str, Atom]], bool] | None = None


RULES: dict[str, list[Rule]] = {}
TRANSPOSES: dict[str, list[Transpose]] = {}


def _pattern(text: str) -> Pattern:
    results: tuple[str, ...] = ("y",)
    node = ast.parse(text.strip()).body[0]
    if isinstance(node, ast.Assign):
        target = node.targets[0]
        results = tuple(_name(e) for e in (target.elts if isinstance(target, ast.Tuple) else [target]))
    expression = node.value if isinstance(node, (ast.Assign, ast.Expr)) else None
    match expression:
        case ast.BinOp(left=ast.Name(u), op=op, right=ast.Name(v)):
            return Pattern(_OPERATORS[type(op)], (u, v), {}, results)
        case ast.UnaryOp(op=op, operand=ast.Name(u)):
            return Pattern(_OPERATORS[type(op)], (u,), {}, results)
        case ast.Call(func=func, args=args, keywords=keywords):
            named: dict[str, str | Const] = {}
            for k in keywords:
                named[str(k.arg)] = k.value.id if isinstance(k.value, ast.Name) else Const(ast.literal_eval(k.value))
            return Pattern(_name(func), tuple(_name(a) for a in args), named, results)
    raise ValueError(f"not a pattern: {text!r}")


def _name(node: ast.expr) -> str:
    """A name as it is written: `u`, `*us`, `linalg.solve`.  (`ast.unparse` is too slow for hundreds of rows.)"""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Starred(value=value):
            return f"*{_name(value)}"
        case ast.Attribute(value=value, attr=name):
            return f"{_name(value)}.{name}"
    return ast.unparse(node)


def _qualified(name: str, on: str) -> list[tuple[str, str]]:
    """`(operation, module)` of a pattern's name: as written when it has a dot, otherwise in each module of `on`."""
    if "." in name or not on:
        return [(name, name.rpartition(".")[0])]
    return [(f"{module}.{name}", module) for module in on.split()]


def rule(
    pattern: str,
    differential: str | None = None,
    *,
    on: str = "numpy",
    singular: bool | str | Callable[..., bool] = False,
    namespace: Mapping[str, Any] | None = None,
    structural: bool = False,
    when: Callable[..., bool] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the differential of a function, for both modes.

    `pattern`: the call, `u v w q p` the differentiable operands, `*us` any number of them, `y` the result (or `w, V = ...`).
    `differential`: an expression linear in `du dv dw dus`; omitted, the call decorates a `def` that computes it.
    `when`: the types of the operands that the row is for, `lambda u, v: rank_of(u) == 2`.
    `singular`: a partial may be infinite where the value is fine; shares that are zero then stay zero.  It may depend on the
    operands, `lambda u, v: not isinstance(v, Const)`, or hold for the functions of a module only (those of `math` raise there).
    """
    shape = _pattern(pattern)

    def register(written: str | Text) -> None:
        for op, module in [(shape.name, "")] if structural else _qualified(shape.name, on):
            steep = module in singular.split() if isinstance(singular, str) else singular
            raises = isinstance(singular, str) and not steep
            row = Rule(op, shape, written, module, steep, namespace=dict(namespace or {}), when=when, raises=raises)
            rows = RULES.setdefault(op, [])
            rows[:] = [r for r in rows if r.pattern != shape or r.when is not when] + [row]

    def decorate(body: Callable[..., Any]) -> Callable[..., Any]:
        register(Text(body))
        return body

    if differential is not None:
        register(differential)
    return decorate


def alias(names: str, op: str, **changes: Any) -> None:
    """Other names of an operation that has rows: `alias("numpy.multiply", "operator.mul")`; `changes`: what differs in them."""
    for name in names.split():
        RULES[name] = [replace(row, op=name, counted={}, equations={}, **changes) for row in RULES[op]]


def constant(names: str, *, when: Callable[..., bool] | None = None) -> None:
    """Operations whose results carry no derivative: comparisons, `argmax`, `floor`, shapes.  `when`: for these types only."""
    for name in names.split():
        RULES[name] = [Rule(name, Pattern(name, (), {}, ("y",)), "", "", constant=True, when=when)]


def transpose(
    pattern: str,
    share: str,
    *,
    on: str = "numpy",
    structural: bool = False,
    rank: int | None = None,
    when: Callable[[Mapping[str, Atom]], bool] | None = None,
) -> None:
    """Register the adjoint of a linear operation for its operand `a`; `bar` is the adjoint of the result.

    `rank`: for an operand of so many axes only, `when`: for such arguments; the first row that covers a call is taken.
    On the right side `a` stands only for something of its shape, `i` for the position of `*a`'s operand.
    """
    shape = _pattern(pattern)
    operand = next(n for n in (*shape.operands, *shape.keywords.values()) if n in ("a", "*a"))
    for op, _ in [(shape.name, "")] if structural else _qualified(shape.name, on):
        TRANSPOSES.setdefault(op, []).append(Transpose(op, shape, share, str(operand), rank, when))


def find(let: Let, rows: Sequence[Rule] | None = None) -> tuple[Rule, dict[str, Atom]] | None:
    """The row that covers this statement, and what its names stand for."""
    for row in RULES.get(let.op, ()) if rows is None else rows:
        if row.constant:
            if row.when is None or row.when(*map(type_of, let.args)):
                return row, {}
            continue
        names = row.pattern.bind(let)
        if names is None:
            continue
        if row.when is None or row.when(*(type_of(names[n]) for n in row.operands(len(let.args)))):
            return row, names
    return None


def known(op: str) -> bool:
    """Whether an operation has a row."""
    return op in RULES
