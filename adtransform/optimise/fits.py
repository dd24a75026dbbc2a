"""Fits: a share that is as wide as its operand already is not fitted to it, and shapes are asked of what is read anyway.

    dt = fit(dz * z, t)             becomes     dt = dz * z             where t and z are equally wide
    expand(dy, t) * z               becomes     dy * z
    fit(s, t), with t = sin(u)      becomes     fit(s, u)               where only u is read for its value

So that code of which no type is known saves next to nothing for its shape alone.
"""

from __future__ import annotations

from dataclasses import replace

from adtransform.build import Builder, type_of
from adtransform.ir import Atom, Function, Let, Region, Stmt, Var
from adtransform.lattice import Array, Unknown
from adtransform.ops import LIKE, elementwise
from adtransform.optimise.widths import Widths, follows
from adtransform.rewrite import Rewriter, loaded, operands, regions, statements, turn

_ASKED = frozenset("fit zeros expand accumulate shape ndim size".split())  # whose `like` may be another of the same width


def fits(f: Function) -> Function:
    """The function without the fits that change nothing but the dtype of a share on its way."""
    cut = turn(f.body.body)
    back = statements(Region((), f.body.body[cut:], ()))
    if not any(isinstance(s, Let) and s.op == "fit" and isinstance(type_of(s.args[1]), (Unknown, Array)) for s in back):
        return f
    widths = Widths(f)
    f = _Fitted(widths, back).function(f)
    return _Likes(widths, f, cut).function(f)


class _Fitted(Rewriter):
    def __init__(self, widths: Widths, back: list[Stmt]) -> None:
        super().__init__()
        self.widths, self.lets = widths, widths.lets
        self.needless: dict[Atom, Let] = {
            s.targets[0]: s for s in back if isinstance(s, Let) and s.op == "fit" and widths.is_needless(s)
        }
        # A share without a name is called as the fitted one would have been.
        self.called: dict[Var, Var] = {}
        for fit in self.needless.values():
            part, (target,) = fit.args[0], fit.targets
            if isinstance(part, Var) and part.of is None and not part.hint and part not in self.called and part in self.lets:
                self.called[part] = Var(part.type, target.hint, target.of, target.wrt)
        for part, name in self.called.items():
            widths.found[name] = widths.of(part)
            self.lets[name] = self.lets[part]
        self.back = False

    def let(self, stmt: Let, b: Builder) -> None:
        self.back = self.back or stmt.op == "backward"
        if stmt.targets and stmt.targets[0] in self.needless:
            self.env[stmt.targets[0]] = self.atom(stmt.args[0])
            return
        if self.back and stmt.op == "fit" and self.widths.is_sum(stmt):
            stmt = replace(stmt, op="numpy.sum", args=stmt.args[:1])
        if self.back and elementwise(stmt.op) and stmt.op != "cast":
            stmt = self.narrowed(stmt)
        made = self.renewed(stmt)
        if made.targets and (name := self.called.get(made.targets[0])) is not None:
            self.env[made.targets[0]] = name
            made = replace(made, targets=(name,))
        b.add(made)

    def narrowed(self, stmt: Let) -> Let:
        """An operation on something repeated and something of that width needs no repetition."""
        for i, a in enumerate(stmt.args):
            while a in self.needless:
                a = self.needless[a].args[0]
            wide = self.lets.get(a) if isinstance(a, Var) else None
            if wide is not None and wide.op == "expand":
                shape = self.widths.of(wide.args[1]).shape
                if any(k != i and self.widths.of(o).shape == shape for k, o in enumerate(stmt.args)):
                    return replace(stmt, args=(*stmt.args[:i], wide.args[0], *stmt.args[i + 1 :]))
        return stmt


class _Likes(Rewriter):
    """What is asked for its shape and kind is asked of another value of the same width, where only that is read."""

    def __init__(self, widths: Widths, f: Function, cut: int) -> None:
        super().__init__()
        self.widths, self.lets = widths, widths.lets
        self.reads: set[Atom] = set()
        self.near: dict[Atom, Atom] = {}  # of each value that was asked for
        for stmt in statements(Region((), f.body.body[cut:], ())):
            at = LIKE.get(stmt.op) if isinstance(stmt, Let) else None
            self.reads.update(a for i, a in enumerate(operands(stmt)) if i != at)
            for inner in regions(stmt):
                self.reads.update(inner.results)
        self.back = False

    def let(self, stmt: Let, b: Builder) -> None:
        self.back = self.back or stmt.op == "backward"
        made = self.renewed(stmt)
        if self.back and made.op in _ASKED:
            at = LIKE[made.op]
            made = replace(made, args=(*made.args[:at], self.nearest(made.args[at]), *made.args[at + 1 :]))
        b.add(made)

    def nearest(self, a: Atom) -> Atom:
        """Of what a value was made of, and is as wide, the first that is read; or else the one that all others come from."""
        width = self.widths.of(a)
        passed: list[Atom] = []
        while isinstance(a, Var) and a not in self.reads and a not in self.near:
            let = self.lets.get(a)
            if let is None or loaded(let) or not follows(let):
                break
            before = next((o for o in let.args if isinstance(o, Var) and self.widths.of(o) == width), None)
            if before is None:
                break
            passed.append(a)
            a = before
        found = self.near.get(a, a)
        self.near.update(dict.fromkeys(passed, found))
        return found
