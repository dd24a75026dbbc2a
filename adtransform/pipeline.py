"""Tuples of passes: from a function of the IR to its derivatives.

    primal ── forward ──▶ f_forward(x, dx) -> (y, dy)
           ── reverse ──▶ f_reverse(x) -> (y, (dx,))         both sweeps in one function
                          f_ahead(x) -> (y, saved), f_back(saved, dy) -> (dx,)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce

from adtransform.build import Builder, type_of
from adtransform.forward import forward as push_forward
from adtransform.ir import Atom, Const, Function, Leaf, Let, Param, Region, Stmt, Var
from adtransform.lattice import Tuple, is_scalar, kind_of
from adtransform.optimise.fill import fill
from adtransform.optimise.prune import prune
from adtransform.optimise.share import invariants, share
from adtransform.optimise.simplify import simplify
from adtransform.optimise.tidy import tidy
from adtransform.reverse import Sweeps, sweep
from adtransform.rewrite import Rewriter, statements, used
from adtransform.tape import tape

Pass = Callable[[Function], Function]

def _unmarked(f: Function) -> Function:
    """A function without the mark between its sweeps: what is differentiated again is a primal."""
    return replace(f, body=replace(f.body, body=tuple(s for s in f.body.body if not (isinstance(s, Let) and s.op == "backward"))))


# The primal before differentiation, the joint sweeps before the tape is laid (what is not needed is not saved), and after.
PRIMAL: tuple[Pass, ...] = (_unmarked, tidy, prune)
JOINT: tuple[Pass, ...] = (simplify, invariants, share, simplify, fill, prune)
FINAL: tuple[Pass, ...] = (invariants, share, simplify, prune)


def run(passes: Sequence[Pass], f: Function) -> Function:
    """A function through some passes."""
    return reduce(lambda g, step: step(g), passes, f)


def primal(f: Function) -> Function:
    """A function as read, made ready to differentiate: names settled, dead statements gone."""
    return run(PRIMAL, f)


def forward(f: Function, wrt: Sequence[str]) -> Function:
    """`f_forward(x, dx) -> (y, dy)`."""
    made = run((simplify, invariants, share, simplify, prune), push_forward(primal(f), wrt))
    names = ", ".join(wrt)
    return replace(made, doc=f"Value of `{f.name}` and its tangent, for tangents of ({names}).")


def partials(f: Function, wrt: Sequence[str]) -> Function:
    """The forward listing: one partial for each parameter, for scalars."""
    return push_forward(f, wrt, partials=True)


def backward_listing(f: Function, wrt: Sequence[str]) -> Function:
    """The reverse listing: both sweeps straight after `reverse`, the adjoints zeroed in so many lines."""
    sweeps = sweep(f, wrt, seed=1)
    indexed = {s.targets[0].of for s in statements(Region((), sweeps.backward, ())) if isinstance(s, Let) and s.op == "accumulate_at"}
    zeroed = _Zeroed(indexed).region(Region((), sweeps.backward, ())).body
    first, second = tape(sweeps.forward, zeroed, sweeps.trips)
    return _joint(replace(sweeps, forward=tuple(first), backward=tuple(second)))


def reverse(f: Function, wrt: Sequence[str]) -> Function:
    """`f_reverse(x) -> (y, (dx,))`, with a last parameter `dy=1.0` where the result is not known to be a scalar."""
    f = primal(f)
    scalar = len(f.results) == 1 and is_scalar(type_of(f.results[0])) and kind_of(type_of(f.results[0])) == "float"
    made = run(FINAL, _taped(sweep(f, wrt, seed=1.0 if scalar else None)))
    names = ", ".join(wrt)
    return replace(made, doc=f"Value of `{f.name}` and its gradient with respect to ({names}).")


def gradient(f: Function, wrt: Sequence[str], *, single: bool) -> Function:
    """`f_gradient(x) -> dx` (or a tuple): what is differentiated again for second derivatives."""
    made = reverse(f, wrt)
    count = len(f.results)
    leaves = tuple(Leaf(i) for i in range(len(wrt)))
    body = replace(made.body, results=made.results[count:])
    return prune(replace(made, name=f"{f.name}_gradient", body=body, tree=leaves[0] if single else leaves))


def tangent(f: Function, wrt: Sequence[str]) -> Function:
    """`f_tangent(x, dx) -> dy`: the forward derivative alone."""
    made = forward(f, wrt)
    count = len(f.results)
    return prune(replace(made, name=f"{f.name}_tangent", body=replace(made.body, results=made.results[count:]), tree=f.tree))


def pair(f: Function, wrt: Sequence[str]) -> tuple[Function, Function]:
    """`f_ahead(x) -> (y, saved)` and `f_back(saved, dy) -> (dx,)`; `back` alters nothing, so it may be called again."""
    f = primal(f)
    joint = run(FINAL, _taped(sweep(f, wrt)))
    return _split(f, joint, wrt)


class _Zeroed(Rewriter):
    """`zeros(t)` as the plain 0 of the listing, but for those to which shares are added at an index."""

    def __init__(self, indexed: set[Var | None]) -> None:
        super().__init__()
        self.indexed = indexed

    def let(self, stmt: Let, b: Builder) -> None:
        plain = stmt.op == "zeros" and stmt.targets[0].of not in self.indexed
        super().let(replace(stmt, op="assign", args=(Const(0),)) if plain else stmt, b)


def _taped(sweeps: Sweeps) -> Function:
    """The joint sweeps, simplified before the tape is laid so that only what is needed is saved."""
    f = sweeps.function
    joint = run(JOINT, _joint(sweeps))
    cut = _cut(joint.body.body)
    first, second = tape(joint.body.body[:cut], joint.body.body[cut + 1 :], sweeps.trips)
    body = (*first, joint.body.body[cut], *second)
    return replace(joint, name=f"{f.name}_reverse", body=replace(joint.body, body=body))


def _joint(sweeps: Sweeps) -> Function:
    f = sweeps.function
    b = Builder()
    loads = {s.args[0]: s.targets[0] for s in (*sweeps.forward, *sweeps.backward) if isinstance(s, Let) and s.op == "load"}
    shares = [b.let("cast", s, loads[Const(n)], of=loads[Const(n)]) for n, s in zip(sweeps.wrt, sweeps.shares, strict=True)]
    count = len(sweeps.values)
    seeds = [Param(name, type_of(like), default=Const(1.0)) for name, like in sweeps.seeds.items()]
    plain = tuple(p for p in f.params if not p.kind.startswith(("KEYWORD", "VAR")))
    rest = tuple(p for p in f.params if p.kind.startswith(("KEYWORD", "VAR")))
    body = (*sweeps.forward, Let((), "backward"), *sweeps.backward, *b.body)
    return replace(
        f,
        name=f"{f.name}_reverse",
        params=(*plain, *seeds, *rest),
        body=Region((), body, (*sweeps.values, *shares)),
        tree=(f.tree, tuple(Leaf(count + i) for i in range(len(shares)))),
    )


def _cut(body: Sequence[Stmt]) -> int:
    return next(i for i, s in enumerate(body) if isinstance(s, Let) and s.op == "backward")


def _split(f: Function, joint: Function, wrt: Sequence[str]) -> tuple[Function, Function]:
    """The two halves of the joint sweeps."""
    cut = _cut(joint.body.body)
    first, second = joint.body.body[:cut], joint.body.body[cut + 1 :]
    count = len(f.results)
    values, shares = joint.results[:count], joint.results[count:]
    bound = {t for s in first for t in s.targets}
    saved = [v for v in dict.fromkeys(used(Region((), second, shares))) if v in bound]
    names = ", ".join(wrt)
    leaves = tuple(Leaf(count + i) for i in range(len(saved)))
    seeds = [p for p in joint.params if p not in f.params]
    ahead = replace(
        f,
        name=f"{f.name}_ahead",
        body=Region((), first, (*values, *saved)),
        tree=(f.tree, leaves),
        doc=f"Value of `{f.name}` and what `{f.name}_back` needs of it.",
    )
    keep = _free("saved", {v.hint for v in saved} | {p.name for p in seeds})
    types = Tuple(tuple(v.type for v in saved))
    source = Var(types, keep)
    opening = [Let((source,), "load", (Const(keep),))]
    fresh: dict[Var, Atom] = {v: Var(v.type, v.hint, v.of, v.wrt) for v in saved}
    if saved:
        opening.append(Let(tuple(v for v in fresh.values() if isinstance(v, Var)), "unpack", (source,)))
    rewriter = Rewriter(fresh)
    renamed = rewriter.region(Region((), second, shares))
    back = Function(
        f"{f.name}_back",
        (Param(keep, types), *seeds),
        replace(renamed, body=(*opening, *renamed.body)),
        tuple(Leaf(i) for i in range(len(shares))),
        f"Gradient of `{f.name}` with respect to ({names}), for the adjoint of its value.",
        f.origin,
    )
    return prune(ahead), prune(back)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
