"""The comment of each line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from adtransform import algebra
from adtransform.algebra import Sum
from adtransform.annotate.values import constant_sum, evaluate, is_seed, spell
from adtransform.ir import Atom, Const, Function, Let, Region, Stmt, Var
from adtransform.listing import names
from adtransform.rewrite import definitions, operands, regions, statements
from adtransform.rules.textbook import differential
from adtransform.syntax import Py, Word, constant, flat

LIMIT = 60


def annotate(f: Function) -> dict[Let, str]:
    """The comment of each line that gets one."""
    comments = _Comments(f, names(f))
    comments.region(f.body)
    comments.marks()
    return comments.out


class _Comments:
    """Goes through the lines in order; knows each value as text (as it was written) and as a sum (terms collected)."""

    def __init__(self, f: Function, name_of: Mapping[Var, str]) -> None:
        self.f = f
        self.name_of = name_of
        self.definition = definitions(f.body)
        self.texts: dict[Var, Py | None] = {}
        self.sums: dict[Var, Sum | None] = {}
        self.backward: set[Var] = set()
        self.derived = False
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
        self.texts[var] = Word(var.hint) if shown else None
        self.sums[var] = algebra.symbol(Word(var.hint)) if shown and var.hint not in self.ambiguous else None

    def text(self, a: Atom) -> Py | None:
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
        self.derived = self.derived or target.of is not None
        if target.of is not None and not target.wrt:
            self.adjoint(let, target)
        elif target.of is not None:
            self.partial(let, target)
        else:
            self.primal(let, target)

    def primal(self, let: Let, target: Var) -> None:
        if let.op == "load" and isinstance(let.args[0], Const):
            param = Word(str(let.args[0].value))
            self.texts[target] = param
            self.sums[target] = None if param.text in self.ambiguous else algebra.symbol(param)
            self.out[let] = param.text
            return
        if any(a in self.backward for a in operands(let)):
            self.backward.add(target)
            self.texts[target], self.sums[target] = None, self.share(let)
            return
        if let.op in ("assign", "update", "push") and target.hint:
            self.variable(target)
            if let.op == "assign":
                self.rename(let.args[0], target)
            return
        e = spell(let, self.text)
        self.texts[target] = e = e if e is not None and len(flat(e)) <= LIMIT else None
        found = evaluate(let, self.sum, derived=self.derived)
        self.sums[target] = short(found) if found is not None or e is None or not self.sure(let) else algebra.symbol(e)
        own = spell(let, self.own)
        if e is not None and let.op not in ("slice", "tuple") and (own is None or flat(own) != flat(e)):
            self.out[let] = flat(e)

    def rename(self, a: Atom, target: Var) -> None:
        """From `w = t9` on, `t9` is `w`; but where `w` is several values, `w` is `t9`."""
        if self.sums[target] is None:
            self.sums[target] = self.sum(a)
        elif isinstance(a, Var) and a not in self.users and a in self.definition and self.definition[a].op != "load":
            self.sums[a] = self.sums[target]

    def sure(self, let: Let) -> bool:
        """Whether the text of an operation means one value wherever it is read."""
        return all(self.sum(a) is not None for a in operands(let))

    def own(self, a: Atom) -> Py:
        return constant(a.value) if isinstance(a, Const) else Word(self.name_of.get(a, a.hint))

    def adjoint(self, let: Let, target: Var) -> None:
        self.backward.add(target)
        if let.op == "load":
            self.sums[target] = algebra.symbol(Word(self.name_of[target]))
            return
        self.sums[target] = found = short(evaluate(let, self.sum, derived=True))
        if let.op == "accumulate" and found is not None:
            self.out[let] = flat(algebra.write(found))

    def share(self, let: Let) -> Sum | None:
        """A step on the way to an adjoint."""
        found = evaluate(let, self.sum, derived=True)
        if found is None and let.op in ("numpy.where", "ifexp"):
            spelt = spell(let, lambda a: None if (s := self.sum(a)) is None else algebra.write(s))
            found = None if spelt is None else algebra.symbol(spelt)
        return short(found)

    def partial(self, let: Let, target: Var) -> None:
        """`dt5_da = t4` is `t2 * dt4_da + t4 * dt2_da`, and in the user's variables `x + b`."""
        found = evaluate(let, self.sum, derived=True)
        spelt = spell(let, self.text)
        if found is None and spelt is not None and self.sure(let):
            found = algebra.symbol(spelt)
        self.sums[target] = found = short(found)
        self.texts[target] = written = None if found is None else algebra.write(found)
        source = self.definition.get(target.of) if target.of is not None else None
        if found is None or written is None or algebra.value_of(found) is not None or source is None or source.op == "assign":
            return
        textbook = differential(source, lambda v: self.name_of[v], target.wrt)
        if textbook is not None and len(flat(textbook)) <= LIMIT:
            self.out[let] = f"{flat(textbook)} = {flat(written)}"

    def marks(self) -> None:
        """`(dy/da)` on the last contribution to the adjoint of a parameter."""
        seeds = [s for s in self.f.body.body if is_seed(s)]
        if len(seeds) != 1 or not isinstance(seeds[0], Let) or seeds[0].targets[0].of is None:
            return
        result = self.name_of.get(seeds[0].targets[0].of, "y")
        last = {t.of: s for s in self.f.body.body for t in s.targets if t.of and not (isinstance(s, Let) and s.op == "cast")}
        for var, stmt in last.items():
            source = self.definition.get(var)
            if isinstance(stmt, Let) and stmt.op.startswith("accumulate") and source is not None and source.op == "load":
                mark = f"(d{result}/d{self.out[source]})"
                self.out[stmt] = f"{self.out[stmt]} {mark}" if stmt in self.out else mark


def short(s: Sum | None) -> Sum | None:
    """The sum, where it is short enough to be read."""
    return s if s is not None and len(flat(algebra.write(s))) <= LIMIT else None


def _user_variables(stmt: Stmt) -> list[Var]:
    """What a statement gives one of the user's names."""
    if isinstance(stmt, Let):
        found = list(stmt.targets) if stmt.op in ("assign", "update", "push") or len(stmt.targets) > 1 else []
    else:
        found = [*stmt.targets, *(p for r in regions(stmt) for p in r.params)]
    return [v for v in found if v.of is None and v.hint]
