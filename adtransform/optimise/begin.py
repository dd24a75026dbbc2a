"""Begin: an adjoint that gets shares at some places, and in the end one as large as itself, begins with that one.

d0 = zeros(u); d1 = update(d0, k, s); d2 = d1 + w        becomes        d2 = accumulate_at(w, k, s)
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from adtransform.build import type_of
from adtransform.ir import Atom, Const, Function, Let, Region, Stmt, Var
from adtransform.lattice import Array, same_kind, same_shape
from adtransform.rewrite import Rewriter, operands, statements, turn, used

_ZEROS = frozenset(("zeros", "numpy.zeros"))
_FOLLOWED = 256  # shares of one adjoint


def begin(f: Function) -> Function:
    """The function with the adjoints of its backward sweep begun with what is added to all of them."""
    cut = turn(f.body.body)
    back = Region((), f.body.body[cut:], f.results)
    if not any(isinstance(s, Let) and s.op in _ZEROS for s in statements(back)):
        return f
    made = _Begin(Counter(used(f.body))).region(back)
    return replace(f, body=replace(f.body, body=(*f.body.body[:cut], *made.body), results=made.results))


class _Begin(Rewriter):
    def __init__(self, uses: Counter[Var]) -> None:
        super().__init__()
        self.uses = uses

    def region(self, region: Region) -> Region:
        made = super().region(region)
        return replace(made, body=_Block(made.body, self.uses).begun())


class _Block:
    """The statements of a region."""

    def __init__(self, body: tuple[Stmt, ...], uses: Counter[Var]) -> None:
        self.body: list[Stmt | None] = list(body)
        self.at: dict[Atom, int] = {t: i for i, s in enumerate(body) for t in s.targets}
        self.uses = uses
        self.before: dict[int, Stmt] = {}  # what is moved to before a statement

    def begun(self) -> tuple[Stmt, ...]:
        """The statements, with the adjoints begun with what is added last."""
        for end, stmt in enumerate(self.body):
            if isinstance(stmt, Let) and stmt.op == "operator.add" and not stmt.targets[0].hint:
                for whole, acc in (stmt.args, stmt.args[::-1]):
                    chain = self.chain(acc) if _is_alike(whole, stmt.targets[0]) else []
                    if chain and self.is_early(whole, chain[1]):
                        self.begin(whole, chain, end)
                        break
        pairs = ((self.before.get(i), s) for i, s in enumerate(self.body))
        return tuple(s for pair in pairs for s in pair if s is not None)

    def made(self, a: Atom) -> Let | None:
        """The operation that binds a value here."""
        stmt = self.body[self.at[a]] if a in self.at else None
        return stmt if isinstance(stmt, Let) else None

    def chain(self, acc: Atom) -> list[int]:
        """Where a zero and all shares are that make an adjoint nobody reads meanwhile; empty if shares are taken out again."""
        found: list[int] = []
        while isinstance(acc, Var) and self.uses[acc] == 1 and len(found) < _FOLLOWED:
            let = self.made(acc)
            if let is None:
                break
            found.append(self.at[acc])
            if let.op in _ZEROS:
                return found[::-1] if len(found) > 1 else []
            emptied = let.op == "update" and (isinstance(let.args[2], Const) or self.is_zero(let.args[2]))
            if emptied or let.op not in ("update", "accumulate_at"):
                break
            acc = let.args[0]
        return []

    def is_zero(self, a: Atom) -> bool:
        """Whether it is what empties an element."""
        let = self.made(a)
        return let is not None and let.op in _ZEROS

    def is_early(self, whole: Atom, start: int) -> bool:
        """Whether a value is there where an adjoint gets its first share, or is a part of what is there."""
        if self.at.get(whole, -1) < start:
            return True
        view = self.made(whole)
        return view is not None and view.op == "index" and all(self.at.get(a, -1) < start for a in operands(view))

    def begin(self, whole: Atom, chain: list[int], end: int) -> None:
        """Add the shares to the whole one."""
        zero, *shares = chain
        self.body[zero] = None
        if (view := self.made(whole)) is not None and self.at[whole] > shares[0]:
            first = self.body[shares[0]]
            assert isinstance(first, Let)
            self.before[shares[0]], self.body[self.at[whole]] = replace(view, origin=first.origin), None
            self.at[whole] = shares[0]
        stmt = self.body[end]
        assert isinstance(stmt, Let)
        for i in shares:
            share = self.body[i]
            assert isinstance(share, Let)
            targets = stmt.targets if i == shares[-1] else share.targets
            self.body[i] = replace(share, op="accumulate_at", args=(whole, *share.args[1:]), targets=targets)
            whole = share.targets[0]
        self.body[end] = None
        self.at[stmt.targets[0]] = shares[-1]


def _is_alike(a: Atom, b: Atom) -> bool:
    """Whether two arrays are known to have one shape and dtype."""
    return isinstance(type_of(a), Array) and same_shape(type_of(a), type_of(b)) and same_kind(type_of(a), type_of(b))
