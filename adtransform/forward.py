"""Forward mode: every active value is followed by its tangent.

t2 = t0 * t1; yield t2    becomes    t2 = t0 * t1; dt2 = t0 * dt1 + t1 * dt0; yield t2, dt2
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

from adtransform.activity import active
from adtransform.build import Builder, free_name, type_of
from adtransform.calls import Variants, is_active
from adtransform.errors import refuse
from adtransform.infer.structural import tangent as tangent_type
from adtransform.ir import UNDEFINED, Atom, Const, For, Function, If, Leaf, Let, Param, Region, Stmt, Try, Var, While
from adtransform.lattice import Scalar, is_bare
from adtransform.linear import push, zero
from adtransform.ops import CALLS, effect_free
from adtransform.rewrite import again, exported, flags_of, layers, name_of, raises_again, regions, statements


def forward(f: Function, wrt: Sequence[str], *, partials: bool = False, variants: Variants | None = None) -> Function:
    """The function that also computes tangents: parameters `dx` per name in `wrt`, results `(y, dy)`.

    `partials`: instead one partial per parameter, seeded with 1 (`dt2_da`), for scalars; every tangent is named.
    `variants`: what is differentiated of the functions called, by name; a call of `g` becomes one of `g_forward`.
    """
    return _Forward(f, wrt, partials, variants or {}).run()


class _Forward:
    def __init__(self, f: Function, wrt: Sequence[str], partials: bool, variants: Variants) -> None:
        self.f, self.wrt, self.partials, self.variants = f, wrt, partials, variants
        self.active = active(f, wrt)
        self.passed = flags_of(f.body, raises_again)
        taken = {p.name for p in f.params} | {v.hint for v in _variables(f)}
        self.inputs = {} if partials else {name: free_name(f"d{name}", taken) for name in wrt}
        # One map of tangents for each direction; a value that is absent has tangent zero.
        self.tangents: list[dict[Atom, Atom]] = [{} for _ in (wrt if partials else [""])]
        self.labels = list(wrt) if partials else [""]

    def run(self) -> Function:
        b = Builder()
        self.statements(self.f.body.body, b)
        results: list[Atom] = list(self.f.results)
        for tangents in self.tangents:
            results += [tangents.get(r) or zero(r, b) for r in self.f.results]
        count = len(self.f.results)
        trees = [_shifted(self.f.tree, count * k) for k in range(len(self.tangents) + 1)]
        kinds = {p.name: p for p in self.f.params}
        given = [Param(self.inputs[n], tangent_type(kinds[n].type), annotation=kinds[n].annotation) for n in self.inputs]
        return replace(
            self.f,
            name=f"{self.f.name}_forward",
            params=_with(self.f.params, given),
            body=Region((), tuple(b.body), tuple(results)),
            tree=tuple(trees),
        )

    def statements(self, body: Sequence[Stmt], b: Builder) -> None:
        for stmt in body:
            b.origin = stmt.origin
            match stmt:
                case Let():
                    self.let(stmt, b)
                case If():
                    self.branch(stmt, b)
                case Try():
                    self.attempt(stmt, b)
                case For() | While():
                    self.loop(stmt, b)

    def let(self, stmt: Let, b: Builder) -> None:
        if stmt.op in CALLS and is_active(stmt, self.active):
            self.call(stmt, b)
            return
        if stmt.op == "update":
            # What is computed from what the array holds now stands before it is overwritten.
            self.tangent(stmt, b)
            b.add(stmt)
            return
        b.add(stmt)
        if stmt.op != "load":
            self.tangent(stmt, b)
        elif any(t in self.active for t in stmt.targets):
            self.seed(stmt, b)

    @functools.cached_property
    def writes_bare(self) -> bool:
        """Whether an array without axes is written: its tangent is one too, and no number."""
        lets = (s for s in statements(self.f.body) if isinstance(s, Let))
        return not self.partials and any(s.op == "update" and is_bare(type_of(s.args[0])) for s in lets)

    def tangent(self, stmt: Let, b: Builder) -> None:
        """The tangents of what an operation binds."""
        if not any(t in self.active for t in stmt.targets):
            return
        for tangents, label in zip(self.tangents, self.labels, strict=True):
            start = len(b.body)
            made = push(stmt, tangents, b, exact=not self.partials)
            for target, tangent in zip(stmt.targets, made, strict=True):
                if tangent is not None and target in self.active:
                    if not self.partials and isinstance(tangent_type(target.type), Scalar) and is_bare(type_of(tangent)):
                        tangent = b.let("operator.pos", tangent)  # a number, whoever else holds the array
                    elif is_bare(target.type) and isinstance(type_of(tangent), Scalar) and self.writes_bare:
                        tangent = b.let("numpy.array", tangent)
                    tangents[target] = self.named(target, label, tangent, b, start)

    def call(self, stmt: Let, b: Builder) -> None:
        """A call of the derivative: the values come with the first direction's tangents."""
        variant = self.variants[name_of(stmt)]
        for k, (tangents, label) in enumerate(zip(self.tangents, self.labels, strict=True)):
            given = [tangents.get(stmt.args[1 + i]) or self.zero(stmt.args[1 + i], b) for i in variant.places]
            values = stmt.targets if k == 0 else tuple(Var(t.type) for t in stmt.targets)
            made = tuple(Var(tangent_type(t.type), "", t, label) for t in stmt.targets)
            unbound = ((key, p.value) for key, p in stmt.kwargs if isinstance(p, Const))
            told = tuple((key, Const((*places, *(len(values) + i for i in places)))) for key, places in unbound)
            args = (Const(variant.forward), *stmt.args[1:], *given)
            b.add(replace(stmt, targets=(*values, *made), args=args, kwargs=told))
            tangents.update((t, m) for t, m in zip(stmt.targets, made, strict=True) if t in self.active)

    def seed(self, stmt: Let, b: Builder) -> None:
        target, name = stmt.targets[0], stmt.args[0]
        assert isinstance(name, Const)
        for tangents, label in zip(self.tangents, self.labels, strict=True):
            if self.partials and label == name.value:
                b.let("assign", 1, of=target, wrt=label)
                tangents[target] = Const(1)
            elif not self.partials:
                tangents[target] = b.let("load", self.inputs[str(name.value)], of=target, type=tangent_type(target.type))

    def named(self, target: Var, label: str, tangent: Atom, b: Builder, start: int) -> Atom:
        """The tangent under its name; with partials constants and copies are passed on as they are."""
        if self.partials:
            tangent = _folded(tangent, b, start)
        last = b.body[-1] if b.body else None
        if isinstance(last, Let) and last.targets == (tangent,) and last.targets[0].of is None:
            var = replace_var(last.targets[0], target, label)
            b.body[-1] = replace(last, targets=(var,))
            return var
        if not self.partials:
            return tangent
        b.let("assign", tangent, of=target, wrt=label, type=type_of(tangent))
        return tangent

    def branch(self, stmt: If, b: Builder) -> None:
        outer = self.tangents
        sides: list[tuple[Builder, list[dict[Atom, Atom]]]] = []
        for region in (stmt.then, stmt.orelse):
            inner = Builder(stmt.origin)
            self.tangents = [dict(t) for t in outer]
            self.statements(region.body, inner)
            sides.append((inner, self.tangents))
        self.tangents = outer
        targets = list(stmt.targets)
        yields: list[list[Atom]] = [list(stmt.then.results), list(stmt.orelse.results)]
        for k, (tangents, label) in enumerate(zip(outer, self.labels, strict=True)):
            for i, target in enumerate(stmt.targets):
                sources = (stmt.then.results[i], stmt.orelse.results[i])
                if target not in self.active or not any(s in side[1][k] for s, side in zip(sources, sides, strict=True)):
                    continue
                tangents[target] = var = Var(tangent_type(target.type), "", target, label)
                targets.append(var)
                for results, source, (inner, found) in zip(yields, sources, sides, strict=True):
                    results.append(found[k].get(source) or self.zero(source, inner))
        then, orelse = (Region((), tuple(s[0].body), tuple(r)) for s, r in zip(sides, yields, strict=True))
        b.add(replace(stmt, targets=tuple(targets), then=then, orelse=orelse))

    def attempt(self, stmt: Try, b: Builder) -> None:
        """The tangents are computed behind the statement, where what they raise is not caught."""
        if not any(t in self.active for t in stmt.targets):
            b.add(stmt)
            return
        many = layers(stmt)
        flags, body = [each.targets[0] for each in many], many[-1].body
        outer = self.tangents
        self.tangents = [dict(t) for t in outer]
        inner = Builder(stmt.origin)
        if stmt.targets[0] in self.passed:
            self.within(stmt, outer, b)
            return
        if all(isinstance(s, Let) and s.op not in CALLS for s in body.body):
            made = exported(stmt)
            for let in body.body:
                assert isinstance(let, Let)
                self.tangent(let, inner)
            for layer in reversed(many[1:]):
                self.handed_on(layer)
            results: Sequence[Atom] = stmt.body.results
        else:
            made = stmt
            if any(isinstance(s, Let) and s.targets and not effect_free(s.op) for s in statements(stmt.body)):
                what = "a `try` with loops or branches that draws numbers or calls foreign code, in forward mode"
                refuse(stmt.origin, what, "draw and call before the `try`")
            body, names = again(body)
            self.active |= {v for old, v in names.items() if old in self.active and isinstance(v, Var)}
            self.statements(body.body, inner)
            results = [names.get(r, r) if isinstance(r, Var) else r for r in (_innermost(r, many) for r in stmt.body.results)]
        b.add(made)
        targets, yields = self.yielded(stmt.targets, results, outer, inner)
        region = Region((), tuple(inner.body), tuple(yields))
        for flag in reversed(flags):
            outs = tuple(Var(t.type, t.hint, t.of, t.wrt) for t in targets) if flag is not flags[0] else tuple(targets)
            choice = If(outs, flag, Region((), (), (UNDEFINED,) * len(targets)), region, stmt.origin)
            region = Region((), (choice,), outs)
        b.add(region.body[0])

    def within(self, stmt: Try, outer: list[dict[Atom, Atom]], b: Builder) -> None:
        """The same where whatever is raised is raised again: then the tangents may be computed inside."""
        inner = Builder(stmt.origin)
        self.statements(stmt.body.body, inner)
        targets, yields = self.yielded(stmt.targets, stmt.body.results, outer, inner)
        b.add(
            replace(
                stmt,
                targets=(*stmt.targets, *targets),
                body=Region((), tuple(inner.body), (*stmt.body.results, *yields)),
            )
        )

    def handed_on(self, stmt: Try) -> None:
        """The tangents of what a statement yields are those of the results of its body."""
        for tangents in self.tangents:
            for target, result in zip(stmt.targets, stmt.body.results, strict=True):
                if target in self.active and isinstance(result, Var) and result in tangents:
                    tangents[target] = tangents[result]

    def yielded(
        self, targets: Sequence[Var], results: Sequence[Atom], outer: list[dict[Atom, Atom]], inner: Builder
    ) -> tuple[list[Var], list[Atom]]:
        """New tangents for what a region hands out, and what it yields for them; `outer` are those behind it."""
        found, self.tangents = self.tangents, outer
        made: list[Var] = []
        yields: list[Atom] = []
        for tangents, mine, label in zip(outer, found, self.labels, strict=True):
            for target, result in zip(targets, results, strict=True):
                if target in self.active:
                    tangents[target] = var = Var(tangent_type(target.type), "", target, label)
                    made.append(var)
                    yields.append(mine.get(result) or self.zero(result, inner))
        return made, yields

    def zero(self, like: Atom, b: Builder) -> Atom:
        return Const(0) if self.partials else zero(like, b)

    def loop(self, stmt: For | While, b: Builder) -> None:
        lead = 1 if isinstance(stmt, For) else 0
        params = stmt.body.params[lead:]
        moving = [i for i, p in enumerate(params) if p in self.active or stmt.targets[i] in self.active]
        outer = self.tangents
        self.tangents = [dict(t) for t in outer]
        inits, targets, new_params, nexts = list(stmt.inits), list(stmt.targets), list(params), []
        for k, (tangents, label) in enumerate(zip(self.tangents, self.labels, strict=True)):
            for i in moving:
                inits.append(outer[k].get(stmt.inits[i]) or self.zero(stmt.inits[i], b))
                tangents[params[i]] = param = Var(tangent_type(params[i].type), "", params[i], label)
                new_params.append(param)
                outer[k][stmt.targets[i]] = target = Var(tangent_type(stmt.targets[i].type), "", stmt.targets[i], label)
                targets.append(target)
        inner = Builder(stmt.origin)
        self.statements(stmt.body.body, inner)
        for tangents in self.tangents:
            nexts += [tangents.get(r) or self.zero(r, inner) for r in (stmt.body.results[1 + i] for i in moving)]
        self.tangents = outer
        body = Region((*stmt.body.params[:lead], *new_params), tuple(inner.body), (*stmt.body.results, *nexts))
        if isinstance(stmt, While):
            extra = tuple(Var(p.type, p.hint, p.of, p.wrt) for p in new_params[len(params) :])
            cond = replace(stmt.cond, params=(*stmt.cond.params, *extra))
            b.add(replace(stmt, targets=tuple(targets), inits=tuple(inits), cond=cond, body=body))
        else:
            b.add(replace(stmt, targets=tuple(targets), inits=tuple(inits), body=body))


def _innermost(result: Atom, many: Sequence[Try]) -> Atom:
    """What the innermost of nested statements yields for a result of the outermost one."""
    for layer in many[1:]:
        if isinstance(result, Var) and result in layer.targets:
            result = layer.body.results[layer.targets.index(result)]
    return result


def replace_var(var: Var, of: Var, wrt: str) -> Var:
    """The same value under the name of a tangent or adjoint."""
    return Var(var.type, "", of, wrt)


def _variables(f: Function) -> list[Var]:
    found: list[Var] = []
    pending = [f.body]
    while pending:
        region = pending.pop()
        found += region.params
        for stmt in region.body:
            found += stmt.targets
            pending += regions(stmt)
    return found


def _with(params: tuple[Param, ...], given: list[Param]) -> tuple[Param, ...]:
    """The parameters with more put in before the keyword-only ones, defaults dropped where they would come first."""
    plain = [p for p in params if not p.kind.startswith(("KEYWORD", "VAR"))]
    rest = [p for p in params if p.kind.startswith(("KEYWORD", "VAR"))]
    return (*(replace(p, default=None) for p in plain), *given, *rest)


def _shifted(tree: object, offset: int) -> object:
    match tree:
        case Leaf(index):
            return Leaf(index + offset)
        case tuple():
            return tuple(_shifted(t, offset) for t in tree)
        case list():
            return [_shifted(t, offset) for t in tree]
        case dict():
            return {k: _shifted(t, offset) for k, t in tree.items()}
    return tree


def _folded(tangent: Atom, b: Builder, start: int) -> Atom:
    """Constants folded out of the operations appended since `start`: a factor 1, a sum of constants."""
    known: dict[Atom, Atom] = {}
    kept: list[Stmt] = []
    for stmt in b.body[start:]:
        if not (isinstance(stmt, Let) and not stmt.targets[0].of and not stmt.targets[0].hint):
            kept.append(stmt)
            continue
        args = tuple(known.get(a, a) for a in stmt.args)
        result = _constant_result(stmt.op, args)
        if result is not None:
            known[stmt.targets[0]] = result
        else:
            kept.append(replace(stmt, args=args) if args != stmt.args else stmt)
    b.body[start:] = kept
    return known.get(tangent, tangent)


def _constant_result(op: str, args: tuple[Atom, ...]) -> Atom | None:
    numbers = [a.value if isinstance(a, Const) else None for a in args]
    match op, numbers:
        case "operator.mul", [1, _]:
            return args[1]
        case "operator.mul" | "operator.truediv" | "numpy.divide", [_, 1]:
            return args[0]
        case "operator.add", [int(p), int(q)]:
            return Const(p + q)
        case "operator.neg", [int(p)]:
            return Const(-p)
        case "operator.mul", [int(p), int(q)]:
            return Const(p * q)
    return None
