"""Fill: the adjoint of an element that is overwritten is emptied and filled again; one write does both.

    d1 = update(d0, k, 0.0); d2 = accumulate_at(d1, k, s)    becomes    d2 = update(d0, k, s)
    s = index(d0, k); (the same)                             becomes    d2 = d0
    s = where(last(d0, k), index(d0, k), 0.0); (the same)    becomes    d2 = d0

Other shares may be added in between: sums commute.  The second form is `x[k] += v`, whose adjoint leaves `dx` alone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from adtransform.build import Builder, type_of
from adtransform.ir import Atom, Const, Function, Let, Region, Stmt, Var
from adtransform.lattice import ELLIPSIS, NONE, WHOLE, List, Scalar, Static, Tuple, Type, dims_of, is_scalar, kind_of, nested
from adtransform.ops import DEEP
from adtransform.rewrite import Rewriter, statements, used

_FOLLOWED = 256  # shares added to one adjoint


def fill(f: Function) -> Function:
    """The function with its emptied and refilled elements written once."""
    lets = [s for s in statements(f.body) if isinstance(s, Let)]
    zeros = {t for s in lets if s.op in _ZEROS for t in s.targets}
    if not any(s.op in _PUT.values() and (_part(s) == Const(0.0) or _part(s) in zeros) for s in lets):
        return f
    return _Fill(Counter(used(f.body))).function(f)


def is_basic(key: Type) -> bool:
    """Whether a key is of integers and slices only, so that no element is met twice."""
    if isinstance(key, Tuple):
        return all(is_basic(item) for item in key.items)
    if isinstance(key, Scalar):
        return kind_of(key) == "int"
    return key in (WHOLE, NONE, ELLIPSIS) or (isinstance(key, Static) and key.what.startswith("slice"))


# What adds to an item, what writes that item, and what takes it.
_GROW = ("accumulate_at", "grow_in")
_PUT = {"accumulate_at": "update", "grow_in": "put_in"}
_TAKE = {"accumulate_at": "index", "grow_in": "item_in"}
_ZEROS = ("zeros", "numpy.zeros")


def _keys(let: Let) -> tuple[Atom, ...]:
    """Where something is written or added."""
    return let.args[2:] if let.op in DEEP else let.args[1:2]


def _part(let: Let) -> Atom:
    """What is written or added there."""
    return let.args[1] if let.op in DEEP else let.args[2]


def _is_known(let: Let) -> bool:
    """Whether it is an array that is added to, or a number or an array of a list."""
    around, part = nested(type_of(let.args[0]), len(_keys(let)) - 1), type_of(_part(let))
    if not isinstance(around, List):
        return True
    alike = around.item == part and bool(dims_of(part)) and let.op not in DEEP
    return type(around) is List and (alike or (is_scalar(around.item) and is_scalar(part)))


class _Fill(Rewriter):
    def __init__(self, uses: Counter[Var]) -> None:
        super().__init__()
        self.uses = uses

    def region(self, region: Region) -> Region:
        made = super().region(region)
        at = {t: i for i, s in enumerate(made.body) for t in s.targets}
        body: list[Stmt | None] = list(made.body)
        moved: dict[int, list[Let]] = {}
        env: dict[Var, Atom] = {}
        ends = [s for s in made.body if isinstance(s, Let) and s.op in _GROW and _is_known(s)]
        for end, whole in sorted(((s, self.whole(s, body, at)) for s in ends), key=lambda pair: pair[1] is None):
            if whole is None and not all(is_basic(type_of(key)) for key in _keys(end)):
                continue
            chain = self.chain(end, body, at, env)
            if chain is None:
                continue
            base, first = chain
            part = _part(end)
            if whole is not None:
                if whole.args != (base.args[0], *_keys(base)):
                    continue
                env[base.targets[0]] = base.args[0]
                body[at[base.targets[0]]] = None
            elif not isinstance(part, Var) or part not in at or at[part] < first:
                body[at[base.targets[0]]] = None
                moved.setdefault(first, []).append(
                    replace(base, args=tuple(part if a is _part(base) else a for a in base.args))
                )
            else:
                continue
            env[end.targets[0]] = end.args[0]
            body[at[end.targets[0]]] = None
        if not env:
            return made
        out = Builder()
        for i, stmt in enumerate(body):
            for write in moved.get(i, ()):
                out.add(write)
            if stmt is not None:
                out.add(stmt)
        self.env.update(env)
        return Rewriter(env).region(replace(made, body=tuple(out.body)))

    def whole(self, end: Let, body: list[Stmt | None], at: dict[Var, int]) -> Let | None:
        """What took the element of an adjoint that `end` adds back as it was.

        Of places named twice only the last write stays, and gets the share; in all they get back what was there.
        """

        def made(a: Atom) -> Let | None:
            stmt = body[at[a]] if isinstance(a, Var) and a in at else None
            return stmt if isinstance(stmt, Let) else None

        source = made(_part(end))
        while source is not None and source.op == "fit":  # what is written has the shape of the element
            source = made(source.args[0])
        if source is not None and source.op == "numpy.where" and source.args[2:] == (Const(0.0),):
            test = made(source.args[0])
            source = made(source.args[1]) if test is not None and test.op == "last" and test.args[1:] == _keys(end) else None
        return source if source is not None and source.op == _TAKE[end.op] and source.args[1:] == _keys(end) else None

    def is_zero(self, a: Atom, body: list[Stmt | None], at: dict[Var, int]) -> bool:
        """Whether it is what empties an element."""
        source = body[at[a]] if isinstance(a, Var) and a in at else None
        return a == Const(0.0) or (isinstance(source, Let) and source.op in _ZEROS)

    def chain(self, end: Let, body: list[Stmt | None], at: dict[Var, int], env: dict[Var, Atom]) -> tuple[Let, int] | None:
        """The write that emptied what `end` fills, and the position of the first share added after it."""
        keys, acc = _keys(end), end.args[0]
        first = at[end.targets[0]]
        for _ in range(_FOLLOWED):
            if not (isinstance(acc, Var) and acc in at and self.uses[acc] == 1):
                break
            if acc in env:
                acc = env[acc]
                continue
            let = body[at[acc]]
            if not isinstance(let, Let) or not let.args:
                return None
            if let.op == _PUT[end.op] and _keys(let) == keys and self.is_zero(_part(let), body, at):
                return let, first
            if let.op not in _GROW:
                return None
            first, acc = at[acc], let.args[0]
        return None
