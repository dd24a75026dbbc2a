"""Tuples of passes: from a function of the IR to its derivatives.

primal ── forward ──▶ f_forward(x, dx) -> (y, dy)
       ── reverse ──▶ f_reverse(x) -> (y, (dx,))         both sweeps in one function
                      f_ahead(x) -> (y, saved), f_back(saved, dy) -> (dx,)

A function that `f` calls separately has derivatives of its own: `g_forward`, or the pair `g_ahead` and `g_back`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from adtransform.build import Builder, free_name, type_of
from adtransform.calls import Variants, active_results, reached, variants
from adtransform.failing import watched
from adtransform.forward import forward as push_forward
from adtransform.infer.structural import tangent as tangent_type
from adtransform.ir import Assume, Atom, Const, Function, If, Leaf, Let, Param, Record, Region, Stmt, Var
from adtransform.lattice import (
    UNKNOWN,
    Array,
    List,
    Saved,
    Static,
    Tuple,
    Type,
    Unknown,
    is_scalar,
    kind_of,
    same_kind,
    same_shape,
)
from adtransform.optimise.begin import begin
from adtransform.optimise.collect import collect
from adtransform.optimise.direct import direct
from adtransform.optimise.fill import fill
from adtransform.optimise.fits import fits
from adtransform.optimise.hoist import hoist, lift
from adtransform.optimise.kinds import settle
from adtransform.optimise.late import late
from adtransform.optimise.prune import dropped, prune
from adtransform.optimise.shapes import shapes
from adtransform.optimise.share import invariants, share
from adtransform.optimise.simplify import lower, simplify
from adtransform.optimise.sink import sink
from adtransform.optimise.spent import spent
from adtransform.optimise.steady import steady
from adtransform.optimise.sums import sums
from adtransform.optimise.tidy import tidy
from adtransform.optimise.together import together
from adtransform.optimise.uniform import uniform
from adtransform.optimise.versions import versions
from adtransform.optimise.within import within
from adtransform.reverse import Sweeps, sweep
from adtransform.rewrite import Renamer, Rewriter, definitions, loaded, statements, turn, unbound, used
from adtransform.tape import tape
from adtransform.tape.plan import read_in

Pass = Callable[[Function], Function]


def _unmarked(f: Function) -> Function:
    """A function without the mark between its sweeps: what is differentiated again is a primal."""
    return replace(
        f, body=replace(f.body, body=tuple(s for s in f.body.body if not (isinstance(s, Let) and s.op == "backward")))
    )


# The primal before differentiation, the joint sweeps before the tape is laid (what is not needed is not saved), and after.
PRIMAL: tuple[Pass, ...] = (_unmarked, tidy, steady, prune, invariants, within, prune)
JOINT: tuple[Pass, ...] = (
    *(simplify, uniform, sums, fits, versions, invariants, share, simplify, prune),
    *(begin, fill, direct, prune, shapes, hoist, share),
)
FINAL: tuple[Pass, ...] = (spent, invariants, share, together, collect, simplify, prune, lift, late, sink)


def run(passes: Sequence[Pass], f: Function) -> Function:
    """A function through some passes; what one that drops or shares has left as it is now, it finds nothing in."""
    left: dict[Pass, Function] = {}
    for step in passes:
        if left.get(step) is not f:
            f = step(f)
        if step in (prune, share, invariants):
            left[step] = f
    return f


def primal(f: Function) -> Function:
    """A function as read, and those it calls, made ready to differentiate: names settled, dead statements gone."""
    seen = watched(f)
    callees = {name: run(PRIMAL, replace(g, watched=name in seen)) for name, g in f.callees.items()}
    return replace(run(PRIMAL, f), callees=callees)


def forward(f: Function, wrt: Sequence[str]) -> Function:
    """`f_forward(x, dx) -> (y, dy)`."""
    f = primal(f)
    found = variants(f, wrt)
    callees = dict(f.callees)
    for name, variant in found.items():
        callees[variant.forward] = _forward(replace(f.callees[name], name=variant.name), variant.wrt, found)
    return calling(_forward(f, wrt, found), callees)


def _forward(f: Function, wrt: Sequence[str], found: Variants) -> Function:
    made = run((simplify, invariants, share, simplify, direct, prune), push_forward(f, wrt, variants=found))
    tangents = f"tangents of {_named(wrt)}" if len(wrt) > 1 else f"a tangent of {_named(wrt)}"
    made = replace(made, doc=f"Value of `{f.name}` and its tangent, for {tangents}.{_records(f)}")
    return replace(made, tree=tuple(Leaf(i) for i in range(len(made.results)))) if f.internal else made


def calling(f: Function, callees: dict[str, Function]) -> Function:
    """The function with those of the callees that it reaches."""
    return replace(f, callees=reached(f, callees))


def _named(wrt: Sequence[str]) -> str:
    """The parameters as the docstrings list them."""
    return wrt[0] if len(wrt) == 1 else f"({', '.join(wrt)})"


def _records(f: Function) -> str:
    """What the emitted code, which has no class, returns in the place of objects."""
    found: dict[tuple[str, bool], Record] = {}
    todo = [f.tree]
    while todo:
        tree = todo.pop()
        if isinstance(tree, Record):
            found.setdefault((tree.title, tree.many), tree)
        if isinstance(tree, (tuple, list, dict)):
            todo.extend(reversed(list(tree.values() if isinstance(tree, dict) else tree)))
    return "".join(
        f" In the place of a list of `{t.title}`: the tuple of lists ({', '.join(map(str, t.names))})."
        if t.many
        else f" In the place of a `{t.title}`: the tuple ({', '.join(t.names)})."
        for t in found.values()
    )


def partials(f: Function, wrt: Sequence[str]) -> Function:
    """The forward listing: one partial for each parameter, for scalars."""
    return lower(push_forward(f, wrt, partials=True, variants=variants(f, wrt)))


def backward_listing(f: Function, wrt: Sequence[str]) -> Function:
    """The reverse listing: both sweeps straight after `reverse`, the adjoints zeroed in so many lines."""
    sweeps = sweep(f, wrt, seed=1, variants=variants(f, wrt))
    indexed = {
        s.targets[0].of for s in statements(Region((), sweeps.backward, ())) if isinstance(s, Let) and s.op == "accumulate_at"
    }
    visible = {t for s in (*sweeps.forward, *sweeps.backward) for t in s.targets}
    joint = lower(_joint(sweeps, cast=False))
    cut = turn(joint.body.body)
    zeroed = _Zeroed(indexed, visible).region(replace(joint.body, body=joint.body.body[cut + 1 :]))
    first, second = tape(joint.body.body[:cut], dropped(zeroed, ()).body, sweeps.trips)
    return replace(joint, body=replace(joint.body, body=(*first, *second)))


def reverse(f: Function, wrt: Sequence[str], *, scalar: bool = False) -> Function:
    """`f_reverse(x) -> (y, (dx,))`, with a last parameter `dy=1.0` where the result is not known to be a scalar.

    `scalar`: the result is one, whatever is known of its type.
    """
    f = primal(f)
    found = variants(f, wrt)
    result = type_of(f.results[0]) if len(f.results) == 1 else UNKNOWN
    scalar = scalar or (is_scalar(result) and kind_of(result) == "float")
    made = _settled(f, run(FINAL, _taped(sweep(f, wrt, seed=1.0 if scalar else None, variants=found))), wrt)
    made = replace(made, doc=f"Value of `{f.name}` and its gradient with respect to {_named(wrt)}.{_records(f)}")
    return calling(made, _halves(f, found))


def _halves(f: Function, found: Variants) -> dict[str, Function]:
    """The functions that `f` calls, and both halves of the derivatives of those that are differentiated."""
    callees = dict(f.callees)
    for name, variant in found.items():
        g = replace(f.callees[name], name=variant.name)
        joint = _exact(g, variant.wrt, found)
        callees.update((half.name, half) for half in _split(g, joint, variant.wrt))
    return callees


def pullback(f: Function, wrt: Sequence[str]) -> Function:
    """`f_reverse(x, dy) -> (y, (dx,))`: the adjoint of every active result is given."""
    f = primal(f)
    found = variants(f, wrt)
    made = _exact(f, wrt, found)
    return calling(replace(made, params=tuple(replace(p, default=None) for p in made.params)), _halves(f, found))


def as_scalar(f: Function) -> Function:
    """The same function with its only result reshaped to a scalar, which fails where its size is not 1 or it is complex."""
    (result,) = f.results
    if is_scalar(type_of(result)) and kind_of(type_of(result)) == "float":
        return f
    b = Builder()
    for stmt in f.body.body:
        b.add(stmt)
    if kind_of(type_of(result)) in (None, "complex"):
        wrong = Let((), "raise", (Const(TypeError), Const(complex_output(f.name))))
        b.add(If((), b.let("numpy.iscomplexobj", result), Region((), (wrong,), ()), Region((), (), ())))
    scalar = b.let("numpy.reshape", result, ())
    return replace(f, body=Region((), tuple(b.body), (scalar,)))


def complex_output(name: str) -> str:
    """What is said of a function that returns something complex."""
    return f"`{name}` returned a complex number: complex outputs are not supported; return a part of it"


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
    found = variants(f, wrt)
    joint = _exact(f, wrt, found)
    callees = _halves(f, found)
    ahead, back = _split(f, joint, wrt)
    return calling(ahead, callees), calling(back, callees)


def _exact(f: Function, wrt: Sequence[str], found: Variants) -> Function:
    """Both sweeps, for adjoints that have the shapes of the results."""
    return _settled(f, run(FINAL, _taped(sweep(f, wrt, exact=True, variants=found))), wrt)


def _settled(f: Function, joint: Function, wrt: Sequence[str]) -> Function:
    """The joint sweeps with each share of the kind of its parameter."""
    types = {p.name: tangent_type(p.type) for p in f.params}
    return _titled(settle(joint, len(f.results), [types[name] for name in wrt]), len(f.results), wrt)


def _titled(joint: Function, first: int, wrt: Sequence[str]) -> Function:
    """The joint sweeps with each share that a statement of its own computes called after its parameter."""
    loads = {s.args[0]: s.targets[0] for s in joint.body.body if isinstance(s, Let) and s.op == "load"}
    names: dict[Var, Var] = {}
    for name, found in zip(wrt, joint.results[first:], strict=True):
        if isinstance(found, Var) and not found.hint and found.of is None and Const(name) in loads:
            names.setdefault(found, Var(found.type, "", loads[Const(name)]))
    if not names:
        return joint
    body = tuple(
        replace(s, targets=tuple(names.get(t, t) for t in s.targets)) if any(t in names for t in s.targets) else s
        for s in joint.body.body
    )
    return replace(joint, body=Rewriter(names).region(replace(joint.body, body=body)))


class _Zeroed(Rewriter):
    """`zeros(t)` as the plain 0 of the listing, but for those to which shares are added at an index.

    There `dt += share` reads no `t`, so that no value is saved for its shape.
    """

    def __init__(self, indexed: set[Var | None], visible: set[Var]) -> None:
        super().__init__()
        self.indexed, self.visible = indexed, visible

    def let(self, stmt: Let, b: Builder) -> None:
        if stmt.op == "zeros" and stmt.targets[0].of not in self.indexed:
            stmt = replace(stmt, op="assign", args=(Const(0),))
        elif stmt.op == "accumulate" and stmt.args[2] not in self.visible:
            stmt = replace(stmt, op="operator.add", args=stmt.args[:2])
        super().let(stmt, b)


def _taped(sweeps: Sweeps) -> Function:
    """The joint sweeps, simplified before the tape is laid so that only what is needed is saved."""
    f = sweeps.function
    joint = run(JOINT, _joint(sweeps))
    cut = turn(joint.body.body)
    first, second = tape(joint.body.body[:cut], joint.body.body[cut + 1 :], sweeps.trips)
    body = (*first, joint.body.body[cut], *second)
    return replace(joint, name=f"{f.name}_reverse", body=replace(joint.body, body=body))


def _joint(sweeps: Sweeps, *, cast: bool = True) -> Function:
    f = sweeps.function
    b = Builder()
    loads = {s.args[0]: s.targets[0] for s in (*sweeps.forward, *sweeps.backward) if isinstance(s, Let) and s.op == "load"}
    shares: list[Atom] = list(sweeps.shares)
    if cast:
        likes = [loads[Const(name)] for name in sweeps.wrt]
        shares = [
            share if isinstance(like.type, (List, Saved)) else b.let("cast", share, like, of=like)
            for share, like in zip(shares, likes, strict=True)
        ]
    count = len(sweeps.values)
    seeds = [_seed(name, like) for name, like in sweeps.seeds.items()]
    if any(isinstance(type_of(like), List) for like in sweeps.seeds.values()):
        seeds = [replace(seed, default=None) for seed in seeds]  # no number is the adjoint of a list
    plain = tuple(p for p in f.params if not p.kind.startswith(("KEYWORD", "VAR")))
    rest = tuple(p for p in f.params if p.kind.startswith(("KEYWORD", "VAR")))
    body = (*sweeps.forward, Let((), "backward"), *sweeps.backward, *b.body)
    return replace(
        f,
        name=f"{f.name}_reverse",
        params=(*plain, *seeds, *rest),
        body=Region((), body, (*sweeps.values, *shares)),
        tree=(f.tree, tuple(Leaf(count + i) for i in range(len(shares)))),
        assumes=(*f.assumes, *_no_lists(sweeps)),
    )


def _no_lists(sweeps: Sweeps) -> Iterator[Assume]:
    """That parameters of unknown type are no lists, where shares are added that are lists then: those of a list would grow."""
    lets = definitions(Region((), sweeps.forward, ()))
    loads = {v: s for v, s in lets.items() if s.op == "load"}
    back = [s for s in statements(Region((), sweeps.backward, ())) if isinstance(s, Let)]
    grown = [s for s in back if s.op in ("accumulate", "accumulate_at")]
    listed = {t for s in back if s.op == "items" for t in s.targets}
    times = Counter(s.targets[0].of for s in grown)
    built = {s.targets[0].of for s in grown if s.op == "accumulate_at"}
    found: dict[Var, str] = {}
    for s in grown:
        v, share = s.targets[0].of, s.args[-2] if s.op == "accumulate" else s.args[-1]
        made = lets.get(v) if isinstance(v, Var) and s.op == "accumulate_at" else None
        if made is not None and made.op in ("operator.mul", "operator.add"):
            found.update(
                (a, "an item of a multiple")
                for a in made.args
                if isinstance(a, Var) and a in loads and isinstance(a.type, Unknown)
            )
        if v not in loads or not isinstance(v.type, Unknown):
            continue
        if s.op == "accumulate":
            if share in listed and times[v] > 1:
                found.setdefault(v, "the whole")
        elif isinstance(type_of(s.args[1]), Static):
            found.setdefault(v, "a part")
        elif isinstance(share, Var) and share.of in built - {v}:
            found.setdefault(v, "a row")
    for v, part in found.items():
        name = loaded(loads[v])
        why = f"{part} of `{name}` is taken: annotate it where it is a list"
        yield Assume(f"not isinstance({name}, (list, tuple))", why, loads[v].origin)


def _seed(name: str, result: Atom) -> Param:
    """The parameter for the adjoint of a result: 1.0 when it is not given."""
    t = tangent_type(type_of(result))
    return Param(name, t if is_scalar(t) or isinstance(t, (List, Saved)) else UNKNOWN, default=Const(1.0))


def _split(f: Function, joint: Function, wrt: Sequence[str]) -> tuple[Function, Function]:
    """The two halves of the joint sweeps."""
    cut = turn(joint.body.body)
    first, second = joint.body.body[:cut], joint.body.body[cut + 1 :]
    count = len(f.results)
    values, shares = joint.results[:count], joint.results[count:]
    # A key of constants is said again, not saved.
    read = set(used(Region((), second, shares)))
    keys: dict[Atom, Let] = {}
    for s in first:
        if isinstance(s, Let) and s.op in ("slice", "tuple") and all(isinstance(a, Const) or a in keys for a in s.args):
            keys[s.targets[0]] = s
    for v, s in reversed(keys.items()):
        if v in read:
            read.update(a for a in s.args if isinstance(a, Var))
    again = {v: s for v, s in keys.items() if v in read}
    second = (*again.values(), *second)
    loose = unbound(Region((), first, ()))
    bound = [t for s in first for t in s.targets if t in read and t not in again and t not in loose]
    asked = _asked_alike(bound, second, shares)
    saved = [t for s in first for t in s.targets if t in read and t not in again and t not in asked]
    seeds = [replace(p, default=None) for p in joint.params if p not in f.params]
    keep = free_name("saved", {v.hint for v in saved} | {p.name for p in seeds})
    types: Type = Saved(f.name) if f.internal else Tuple(tuple(v.type for v in saved))
    ahead = replace(
        f,
        name=f"{f.name}_ahead",
        body=Region((), first, (*values, *saved)),
        tree=(f.tree, tuple(Leaf(count + i) for i in range(len(saved)))),
        doc=f"Value of `{f.name}` and what `{f.name}_back` needs of it.{_records(f)}",
    )
    if f.internal:
        pack = Let((Var(types, keep),), "pack", tuple(saved))
        ahead = replace(
            ahead,
            body=Region((), (*first, pack), (*values, *pack.targets)),
            tree=tuple(Leaf(i) for i in range(count + 1)),
        )
    source = Var(types, keep)
    opening = [Let((source,), "load", (Const(keep),))]
    # Here nothing is loaded: what is saved of a parameter, or is its adjoint, is called after it all the same.
    loads = [s for s in first if isinstance(s, Let) and s.op == "load"]
    params = {v: Var(v.type, str(a.value)) for v, a in ((s.targets[0], s.args[0]) for s in loads) if isinstance(a, Const)}
    named = {v: Var(v.type, v.hint, v.of and params.get(v.of, v.of), v.wrt) for v in saved}
    fresh: dict[Var, Atom] = {v: params.get(v, new) for v, new in named.items()}
    if saved:
        told = {"unbound": tuple(i for i, v in enumerate(fresh) if v in loose)}
        told["holes"] = tuple(i for i, v in enumerate(fresh) if (v,) in loose)
        kwargs = tuple((k, Const(places)) for k, places in told.items() if places)
        opening.append(Let(tuple(v for v in fresh.values() if isinstance(v, Var)), "unpack", (source,), kwargs))
    fresh.update((v, fresh[like]) for v, like in asked.items())
    renamed = Renamer(params, fresh).region(Region((), second, shares))
    back = Function(
        f"{f.name}_back",
        (Param(keep, types), *seeds),
        replace(renamed, body=(*opening, Let((), "backward"), *renamed.body)),
        Leaf(0) if f.internal and len(shares) == 1 else tuple(Leaf(i) for i in range(len(shares))),
        f"Gradient of `{f.name}` with respect to {_named(wrt)}, for the adjoint of its value.",
        f.origin,
        internal=f.internal,
        ignored=f.ignored,
    )
    return prune(ahead), prune(back)


def _asked_alike(saved: Sequence[Var], second: Sequence[Stmt], shares: Sequence[Atom]) -> dict[Var, Var]:
    """For what is only asked for its shape and dtype what else is saved that has both; on every path all of it is bound."""
    values = {*read_in(second, values=True), *shares}
    found: dict[Var, Var] = {}
    kept: list[Var] = []
    for v in sorted((v for v in saved if isinstance(v.type, Array)), key=lambda v: v not in values):
        like = next((w for w in kept if same_shape(w.type, v.type) and same_kind(w.type, v.type)), None)
        if v not in values and like is not None:
            found[v] = like
        else:
            kept.append(v)
    return found


def derive(f: Function, how: str, wrt: Sequence[str]) -> tuple[Function, tuple[tuple[int, ...], ...]]:
    """A derivative that is called inside of what is read: `forward`, `gradient`, `value_and_gradient`, or `vjp`.

    With it, for each adjoint that a `vjp` takes, the positions of the results it belongs to.
    """
    if how == "forward":
        return forward(f, wrt), ()
    made = pullback(f, wrt) if how == "vjp" else reverse(as_scalar(f), wrt, scalar=True)
    doc = made.doc
    if how != "value_and_gradient":
        made = replace(made, body=replace(made.body, results=made.results[len(f.results) :]))
        doc = f"Gradient of `{f.name}` with respect to {_named(wrt)}{', for the adjoint of its value' * (how == 'vjp')}."
    tree = tuple(map(Leaf, range(len(made.results)))) if len(made.results) > 1 else Leaf(0)
    made = prune(replace(_unmarked(made), name=f"{f.name}_{how}", tree=tree, doc=doc))
    return made, active_results(primal(f), wrt) if how == "vjp" else ()
