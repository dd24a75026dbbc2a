"""Comments for listings: what each line computes, in the user's variables.

    t5 = t2 * t4     # (x + a) * (x + b)
    dt5_da = t4      # t2 * dt4_da + t4 * dt2_da = x + b
    dt4 += dt5 * t2  # x + a
    dt0 += dt2       # 2 * x + a + b (dy/dx)

A comment that would be long, that would only repeat its line, or that would depend on the path taken, is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from adtransform import algebra
from adtransform.algebra import Sum
from adtransform.build import type_of
from adtransform.ir import Atom, Const, Function, Let, Region, Stmt, Var
from adtransform.lattice import dims_of
from adtransform.listing import names
from adtransform.ops import EXTERNAL, STRUCTURAL
from adtransform.rewrite import definitions, regions, statements
from adtransform.rules.textbook import differential
from adtransform.text import Expr, call, constant, is_operator, items, name, operation, slices, subscript

LIMIT = 60
EXPLAIN_LIMIT = 90

_SPELT = frozenset({"load", "index", "slice", "tuple", "shape", "ndim", "size"})
_ARITHMETIC = {
    "operator.add": "+",
    "numpy.add": "+",
    "operator.sub": "-",
    "numpy.subtract": "-",
    "operator.mul": "*",
    "numpy.multiply": "*",
    "strong": "*",
    "operator.truediv": "/",
    "numpy.divide": "/",
    "operator.neg": "neg",
    "numpy.negative": "neg",
    "operator.pow": "**",
    "numpy.power": "**",
}

Texts = Callable[[Atom], Expr | None]
Sums = Callable[[Atom], Sum | None]


def annotate(f: Function, name_of: Mapping[Var, str] | None = None) -> dict[Let, str]:
    """The comment of each line that gets one; `name_of`: how the listing names its values."""
    comments = _Comments(f, names(f) if name_of is None else name_of)
    comments.region(f.body)
    comments.marks()
    return comments.out


class _Comments:
    """Goes through the lines in order; knows each value as text (as it was written) and as a sum (terms collected)."""

    def __init__(self, f: Function, name_of: Mapping[Var, str]) -> None:
        self.f = f
        self.name_of = name_of
        self.definition = definitions(f.body)
        self.texts: dict[Var, Expr | None] = {}
        self.sums: dict[Var, Sum | None] = {}
        self.backward: set[Var] = set()
        self.out: dict[Let, str] = {}
        self.users = {v for s in statements(f.body) for v in _user_variables(s)}
        counts = Counter([*(v.hint for v in self.users), *(p.name for p in f.params)])
        self.ambiguous = {hint for hint, n in counts.items() if n > 1}

    def region(self, region: Region) -> None:
        for var in region.params:
            self.variable(var)
        for stmt in region.body:
            if isinstance(stmt, Let):
                self.let(stmt)
            else:
                for inner in regions(stmt):
                    self.region(inner)
                for var in stmt.targets:
                    self.variable(var)

    def variable(self, var: Var) -> None:
        """A value that depends on the path taken is only a name."""
        self.backward |= {var} if var.of is not None and not var.wrt else set()
        shown = var.of is None and bool(var.hint)
        self.texts[var] = name(var.hint) if shown else None
        self.sums[var] = algebra.symbol(name(var.hint)) if shown and var.hint not in self.ambiguous else None

    def text(self, a: Atom) -> Expr | None:
        return constant(a.value) if isinstance(a, Const) else self.texts.get(a)

    def sum(self, a: Atom) -> Sum | None:
        if isinstance(a, Const):
            return constant_sum(a)
        return self.sums.get(a)

    def let(self, let: Let) -> None:
        if len(let.targets) != 1:
            for var in let.targets:
                self.variable(var)
            return
        (target,) = let.targets
        if target.of is not None and not target.wrt:
            self.adjoint(let, target)
        elif target.of is not None:
            self.partial(let, target)
        else:
            self.primal(let, target)

    def primal(self, let: Let, target: Var) -> None:
        if let.op == "load" and isinstance(let.args[0], Const):
            param = name(str(let.args[0].value))
            self.texts[target] = param
            self.sums[target] = None if param.text in self.ambiguous else algebra.symbol(param)
            self.out[let] = param.text
            return
        if any(a in self.backward for a in _operands(let)):
            self.backward.add(target)
            self.texts[target], self.sums[target] = None, short(evaluate(let, self.sum))
            return
        if let.op in ("assign", "update", "push") and target.hint:
            self.variable(target)
            if let.op == "assign":
                self.rename(let.args[0], target)
            return
        e = spell(let, self.text)
        self.texts[target] = e = e if e is not None and len(e.text) <= LIMIT else None
        found = evaluate(let, self.sum)
        self.sums[target] = short(found) if found is not None or e is None or not self.sure(let) else algebra.symbol(e)
        own = spell(let, self.own)
        if e is not None and let.op not in ("slice", "tuple") and (own is None or own.text != e.text):
            self.out[let] = e.text

    def rename(self, a: Atom, target: Var) -> None:
        """From `w = t9` on, `t9` is `w`; but where `w` is several values, `w` is `t9`."""
        if self.sums[target] is None:
            self.sums[target] = self.sum(a)
        elif isinstance(a, Var) and a not in self.users and a in self.definition and self.definition[a].op != "load":
            self.sums[a] = self.sums[target]

    def sure(self, let: Let) -> bool:
        """Whether the text of an operation means one value wherever it is read."""
        return all(self.sum(a) is not None for a in _operands(let))

    def own(self, a: Atom) -> Expr:
        return constant(a.value) if isinstance(a, Const) else name(self.name_of.get(a, a.hint))

    def adjoint(self, let: Let, target: Var) -> None:
        self.backward.add(target)
        if let.op == "load":
            self.sums[target] = algebra.symbol(name(self.name_of[target]))
            return
        self.sums[target] = found = short(evaluate(let, self.sum))
        if let.op == "accumulate" and found is not None:
            self.out[let] = algebra.write(found).text

    def partial(self, let: Let, target: Var) -> None:
        """`dt5_da = t4` is `t2 * dt4_da + t4 * dt2_da`, and in the user's variables `x + b`."""
        self.sums[target] = found = short(evaluate(let, self.sum))
        self.texts[target] = written = None if found is None else algebra.write(found)
        source = self.definition.get(target.of) if target.of is not None else None
        if found is None or written is None or algebra.value_of(found) is not None or source is None or source.op == "assign":
            return
        textbook = differential(source, lambda v: self.name_of[v], target.wrt)
        if textbook is not None and len(textbook.text) <= LIMIT:
            self.out[let] = f"{textbook.text} = {written.text}"

    def marks(self) -> None:
        """`(dy/da)` on the last contribution to the adjoint of a parameter."""
        seeds = [s for s in self.f.body.body if _is_seed(s)]
        if len(seeds) != 1 or not isinstance(seeds[0], Let) or seeds[0].targets[0].of is None:
            return
        result = self.name_of.get(seeds[0].targets[0].of, "y")
        last = {t.of: s for s in self.f.body.body for t in s.targets if t.of and not (isinstance(s, Let) and s.op == "cast")}
        for var, stmt in last.items():
            source = self.definition.get(var)
            if isinstance(stmt, Let) and stmt.op.startswith("accumulate") and source is not None and source.op == "load":
                mark = f"(d{result}/d{self.out[source]})"
                self.out[stmt] = f"{self.out[stmt]} {mark}" if stmt in self.out else mark


def explain(f: Function, name_of: Mapping[Var, str] | None = None) -> dict[Let, str]:
    """For each backward line of straight-line code the invariant that holds when its operation has been processed.

    `dy = t2 * dt0 + t2 * dt3 + t4 * dt2`: the differential of the result by those of the values not processed yet.
    Ends where a share is not a multiple of an adjoint (a matrix product, a sum over an axis).
    """
    if any(regions(stmt) for stmt in f.body.body):
        return {}
    named = names(f) if name_of is None else name_of
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
            total = algebra.add(total, algebra.multiply(coefficient, algebra.symbol(name(f"d{named[var]}"))))
        text = f"{result} = {algebra.write(total).text}"
        if len(text) <= EXPLAIN_LIMIT:
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
    symbols: dict[Expr, Var] = {}
    group = _Group()
    seeded = False

    def lookup(a: Atom) -> Sum | None:
        return constant_sum(a) if isinstance(a, Const) else sums.get(a)

    for let in f.body.body:
        assert isinstance(let, Let)
        for target in let.targets:
            if target.of is None:
                whole = evaluate(let, lookup) if seeded else algebra.symbol(name(named[target]))
                spelt = spell(let, lambda a: None if (s := lookup(a)) is None else algebra.write(s)) if seeded else None
                sums[target] = whole if whole is not None or spelt is None else algebra.symbol(spelt)
                continue
            symbol = name(f"d{named[target.of]}")
            symbols[symbol] = target.of
            sums[target] = algebra.symbol(symbol)
            if _is_seed(let):
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


def _linear(share: Sum | None, symbols: Mapping[Expr, Var]) -> tuple[Var | None, Sum]:
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


def evaluate(let: Let, sums: Sums) -> Sum | None:
    """The value of an arithmetic operation as a sum; None where it is not one."""
    args = [sums(a) for a in let.args]
    kind = _ARITHMETIC.get(let.op, let.op)
    match kind, args:
        case "zeros", _:
            return algebra.ZERO
        case "assign" | "expand" | "cast", [a, *_]:
            return a
        case "fit", [a, *_]:
            return a if _fits(let.args[0], let.args[1]) else None
        case "accumulate", [a, b, _] if a is not None and b is not None:
            return algebra.add(a, b) if _fits(let.args[1], let.args[2]) else None
        case "spread", [a, *_] if a is not None:
            return a if algebra.value_of(a) is not None else None
        case "+", [a, b] if a is not None and b is not None:
            return algebra.add(a, b)
        case "-", [a, b] if a is not None and b is not None:
            return algebra.add(a, b, -1)
        case "*", [a, b] if a is not None and b is not None:
            return algebra.multiply(a, b)
        case "/", [a, b] if a is not None and b is not None:
            return algebra.divide(a, b)
        case "neg", [a] if a is not None:
            return algebra.scale(a, -1)
        case "**", [a, b] if a is not None and b is not None:
            exponent = algebra.value_of(b)
            return algebra.power(a, exponent) if isinstance(exponent, int) and abs(exponent) < 10 else None
    return None


def spell(let: Let, texts: Texts) -> Expr | None:
    """An operation as it is written in Python; None where an operand has no text, or the operation no spelling."""
    args = [texts(a) for a in let.args]
    kwargs = {k: texts(a) for k, a in let.kwargs}
    given = [a for a in args if a is not None]
    named = {k: a for k, a in kwargs.items() if a is not None}
    if len(given) < len(args) or len(named) < len(kwargs) or let.op in EXTERNAL or let.op in STRUCTURAL - _SPELT:
        return None
    if is_operator(let.op):
        return operation(let.op, *given)
    match let.op:
        case "index":
            return subscript(given[0], given[1])
        case "slice":
            return slices(*given)
        case "tuple":
            return items(given)
        case "shape" | "ndim" | "size":
            return name(f"{given[0].within(20)}.{let.op}")
    return call(function_name(let.op), given, named)


def function_name(op: str) -> str:
    """How an operation is usually called: `np.sin`, `abs`."""
    return op.removeprefix("builtins.") if op.startswith("builtins.") else op.replace("numpy.", "np.", 1)


def constant_sum(a: Const) -> Sum | None:
    """A constant as a sum; text where it is not a number."""
    found = algebra.number(a.value)
    return found if found is not None else algebra.symbol(constant(a.value))


def short(s: Sum | None) -> Sum | None:
    """The sum, where it is short enough to be read."""
    return s if s is not None and len(algebra.write(s).text) <= LIMIT else None


def _fits(share: Atom, like: Atom) -> bool:
    """Whether a share has the shape it is wanted in, as far as is known."""
    a, b = dims_of(type_of(share)), dims_of(type_of(like))
    return a is None or b is None or a == b


def _is_seed(stmt: Stmt) -> bool:
    return (
        isinstance(stmt, Let) and stmt.op in ("assign", "load") and stmt.targets[0].of is not None and not stmt.targets[0].wrt
    )


def _operands(let: Let) -> list[Atom]:
    return [*let.args, *(v for _, v in let.kwargs)]


def _user_variables(stmt: Stmt) -> list[Var]:
    """What a statement gives one of the user's names."""
    if isinstance(stmt, Let):
        found = list(stmt.targets) if stmt.op in ("assign", "update", "push") or len(stmt.targets) > 1 else []
    else:
        found = [*stmt.targets, *(p for r in regions(stmt) for p in r.params)]
    return [v for v in found if v.of is None and v.hint]
