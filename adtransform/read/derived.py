"""Derivatives taken inside of what is read: `grad(energy)(x)`.

The function is read by itself and differentiated at once; what is called is its derivative, a function like any other.
"""

from __future__ import annotations

import ast
import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

from adtransform.build import type_of
from adtransform.ir import Atom, Const, Function, If, Let, Region, Var
from adtransform.lattice import Array, is_scalar
from adtransform.ops import effect_free
from adtransform.read.frames import Module
from adtransform.read.outline import Form, Given, Group, returned, settled
from adtransform.read.passing import made_of
from adtransform.read.points import VALUES, Places, Point, Points, indices, numbered
from adtransform.read.refs import (
    DerivedRef,
    DictRef,
    Entries,
    External,
    FunctionRef,
    Items,
    ListRef,
    ObjectRef,
    PartialRef,
    PullRef,
    Ref,
    TupleRef,
)
from adtransform.read.scope import title
from adtransform.rewrite import statements
from adtransform.source import from_text

Handler = Callable[["Derived", list[Ref], dict[str, Ref], ast.AST], Ref]

_JACOBIANS = """
import numpy as np


def by_columns(push, x, y):
    out = np.zeros((np.size(y), np.size(x)))
    for k in range(np.size(x)):
        unit = np.zeros(np.size(x))
        unit[k] = 1.0
        out[:, k] = np.ravel(push((np.reshape(unit, np.shape(x)),)))
    return np.reshape(out, np.shape(y) + np.shape(x))


def by_rows(pull, x, y):
    out = np.zeros((np.size(y), np.size(x)))
    for k in range(np.size(y)):
        unit = np.zeros(np.size(y))
        unit[k] = 1.0
        out[k] = np.ravel(pull(np.reshape(unit, np.shape(y))))
    return np.reshape(out, np.shape(y) + np.shape(x))
"""


class Derived(Points):
    """Reading derivatives."""

    def derivative(self, ref: DerivedRef, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """A call of `grad(f)`, `hvp(f)`, ..."""
        if ref.how == "hvp":
            return self._product(ref, args, node)
        if ref.how == "hessian":
            return self._jacobian(DerivedRef("jacfwd", replace(ref, how="grad"), ref.wrt, ref.single), args, kwargs, node)
        if ref.how in ("jacfwd", "jacrev"):
            return self._jacobian(ref, args, kwargs, node)
        point = self.point(ref, args, kwargs, (), node)
        made = self._call(point.function, point, point.passed, node)
        return self._nested(point.form, [self.make(v) for v in made], node)

    def push(self, function: Ref, args: list[Ref], tangents: Sequence[Ref], wrt: Places | None, node: ast.AST) -> TupleRef:
        """`jvp(f, args, tangents)`: the pair of what the function returns and its tangent."""
        point = self.point(function, args, {}, (wrt,), node)
        (chosen,) = point.chosen
        if len(tangents) != len(chosen):
            self.refuse(node, f"this `jvp` with {len(tangents)} tangents", f"give one for each of {', '.join(chosen)}")
        seeds: list[Atom] = []
        for name, tangent in zip(chosen, tangents, strict=True):
            form = point.given.forms[name]
            likes = [point.atoms[i] for i in indices(form)]
            seeds += [self._alike(v, x, node) for v, x in zip(self._leaves(form, tangent, node), likes, strict=True)]
        pushed, _ = self.derived_of(point, "forward", chosen, node)
        made = [self.make(v) for v in self._call(pushed, point, (*point.passed, *seeds), node)]
        half = len(made) // 2
        return TupleRef((self._nested(point.form, made[:half], node), self._nested(point.form, made[half:], node)))

    def pull(self, function: Ref, args: list[Ref], wrt: Places | None, node: ast.AST) -> TupleRef:
        """`vjp(f, *args)`: what the function returns, and what takes an adjoint of it to the shares of the arguments."""
        point = self.point(function, args, {}, (wrt,), node)
        values = self._call(point.function, point, point.passed, node)
        return TupleRef((self._nested(point.form, [self.make(v) for v in values], node), PullRef(point, values)))

    def pulled(self, ref: PullRef, args: list[Ref], node: ast.AST) -> Ref:
        """A call of the second of these.  It goes through both sweeps: what the first one would save may be read once only."""
        if len(args) != 1:
            self.refuse(node, "this call", "give it the adjoint of the output")
        point: Point = ref.point
        (chosen,) = point.chosen
        bars = [self._alike(b, y, node) for b, y in zip(self._leaves(point.form, args[0], node), ref.values, strict=True)]
        back, groups = self.derived_of(point, "vjp", chosen, node)
        seeds = [functools.reduce(lambda a, b: self.let("operator.add", a, b), [bars[i] for i in group]) for group in groups]
        made = [self.make(v) for v in self._call(back, point, (*point.passed, *seeds), node)]
        counter = itertools.count()
        forms = [numbered(point.given.forms[name], counter) for name in chosen]
        return self._nested(forms[0] if len(forms) == 1 else Group(tuple(forms), TupleRef), made, node)

    # Its derivatives.

    def _call(self, f: Function, point: Point, args: Sequence[Atom], node: ast.AST) -> tuple[Var, ...]:
        """Append a call."""
        types = returned(settled(map(type_of, f.results), point.kinds), point.kinds, map(type_of, point.atoms))
        self.place = self.origin(node)
        effects = any(isinstance(s, Let) and not effect_free(s.op) for s in statements(f.body))
        op = "perform" if effects else "call"
        return self.lets(op, (Const(f.name), *args), {}, len(types), types=tuple(types))

    def _product(self, ref: DerivedRef, args: list[Ref], node: ast.AST) -> Ref:
        """A call of `hvp(f)`: the vector stands behind the last argument that is differentiated."""
        place = max(self.position_of(w, ref.function, len(args) - 1, node) for w in ref.wrt) + 1
        if len(args) <= place:
            self.refuse(node, "this call of `hvp`", "pass the vector behind the last argument differentiated")
        vectors = [args[place]] if ref.single else self.unpacked(args[place], node)
        gradient = replace(ref, how="grad")
        return self.push(gradient, [*args[:place], *args[place + 1 :]], vectors, ref.wrt, node).items[1]

    def _jacobian(self, ref: DerivedRef, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """A call of `jacobian(f)`: by columns or by rows."""
        place = self.position_of(ref.wrt[0], ref.function, len(args), node)
        if not ref.single or kwargs or not place < len(args):
            self.refuse(node, "a Jacobian with respect to several arguments, or given by name", "take one for each argument")
        x = args[place]
        if ref.how == "jacrev":
            y, pull = self.pull(ref.function, args, ref.wrt, node).items
            each = pull
        else:
            y = self.apply(ref.function, args, {}, node)
            wrt = TupleRef(tuple(map(Const, ref.wrt)))
            each = PartialRef(External("adtransform.push"), (ref.function, TupleRef(tuple(args)), wrt))
        if not all(isinstance(one, VALUES) for one in (x, y)):
            self.refuse(node, "a Jacobian of a list, tuple or dict", "take one for each of the arrays")
        function = self.in_module(ast.Name("by_rows" if ref.how == "jacrev" else "by_columns", ast.Load()), _jacobians())
        return self.apply(function, [each, x, y], {}, node)

    def offered(self, function: FunctionRef, name: str, node: ast.AST) -> Ref:
        """A derivative that a function under `@differentiate` offers."""
        for decorator in function.node.decorator_list if isinstance(function.node, ast.FunctionDef) else ():
            if title(decorator) != "differentiate":
                continue
            given = {k.arg: self.in_module(k.value, function.module) for k in getattr(decorator, "keywords", ())}
            wrt = given.get("wrt", Const(0))
            maker = External(f"adtransform.{name}")
            if name in ("jvp", "vjp"):
                return PartialRef(maker, (function,), {"wrt": wrt})
            return self.apply(maker, [function, wrt], {}, decorator)
        self.refuse(node, f"`.{name}` of `{function.name}`", f"put it under `@differentiate`, or write {name}({function.name})")

    # Values and what holds them.

    def _leaves(self, form: Form, ref: Ref, node: ast.AST) -> list[Atom]:
        """The values of something that is nested like a form."""
        if isinstance(form, Given):
            return [self.value(ref, node)]
        parts: Sequence[Ref] | None = None
        if isinstance(form, Group):
            match ref:
                case TupleRef(items) if form.kind is TupleRef:
                    parts = items
                case ListRef(storage) if form.kind is ListRef:
                    content = self.content(storage)
                    parts = content.refs if isinstance(content, Items) else None
                case DictRef(storage) | ObjectRef(storage) if form.kind is type(ref):
                    content = self.content(storage)
                    if isinstance(content, Entries) and content.refs.keys() == set(form.keys):
                        parts = [content.refs[k] for k in form.keys]
        if parts is None or not isinstance(form, Group) or len(parts) != len(form.items):
            self.refuse(node, "a tangent or adjoint that is not nested like its value", "give it the structure of the value")
        return [leaf for one, part in zip(form.items, parts, strict=True) for leaf in self._leaves(one, part, node)]

    def _alike(self, given: Atom, value: Atom, node: ast.AST) -> Atom:
        """A tangent or an adjoint, which must have the shape of its value."""
        if isinstance(given, Const) and isinstance(given.value, int):
            given = Const(float(given.value))
        a, b = (t.dims if isinstance(t, Array) else () if is_scalar(t) else None for t in map(type_of, (given, value)))
        if a is not None and a == b:
            return given
        what = "a tangent or adjoint of another shape than its value"
        if a is not None and b is not None and len(a) != len(b):
            self.refuse(node, what, "give it the shape of the value")
        self.place = self.origin(node)
        differ = self.let("operator.ne", self.let("numpy.shape", given), self.let("numpy.shape", value))
        wrong = Let((), "raise", (Const(ValueError), Const(what)), origin=self.place)
        self.builder.add(If((), differ, Region((), (wrong,), ()), Region((), (), ()), origin=self.place))
        return given

    def _nested(self, form: Form, made: Sequence[Ref], node: ast.AST) -> Ref:
        """Values as a form says."""
        match form:
            case Given(index):
                return made[index]
            case Group(items):
                return made_of(self, form, tuple(self._nested(item, made, node) for item in items))
        self.refuse(node, "a derivative with respect to what holds other things than numbers", "pass the numbers by themselves")


OFFERED = frozenset("grad value_and_grad jacobian hessian hvp jvp vjp".split())


@functools.cache
def _jacobians() -> Module:
    return Module(from_text(_JACOBIANS, "<jacobian>"))


def _places(ref: Ref | None) -> tuple[Places, bool] | None:
    """What `wrt` names, and whether it is a bare one; None where it is not known while reading."""
    match ref:
        case None:
            return (0,), True
        case Const(int() | str() as place):
            return (place,), True
        case Const(tuple() as places):
            return places, False
        case TupleRef(items) if all(isinstance(i, Const) for i in items):
            return tuple(i.value for i in items if isinstance(i, Const)), False
    return None


def _transform(how: str) -> Handler:
    def handler(self: Derived, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        given = dict(zip(("fun", "wrt", "has_aux"), args, strict=False)) | kwargs
        places = _places(given.get("wrt"))
        if "fun" not in given or places is None or not given.keys() <= {"fun", "wrt", "has_aux"}:
            self.refuse(node, f"this `{how}`", "give it a function and constant places of arguments")
        if given.get("has_aux", Const(False)) != Const(False):
            self.refuse(node, f"`{how}` with `has_aux` inside of what is differentiated", "return the number alone")
        return DerivedRef(how, given["fun"], *places)

    return handler


def _jvp(self: Derived, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    given = dict(zip(("fun", "primals", "tangents"), args, strict=False)) | kwargs
    places = _places(given.pop("wrt")) if "wrt" in given and given["wrt"] != Const(None) else (None, False)
    given.pop("wrt", None)
    if given.keys() != {"fun", "primals", "tangents"} or places is None:
        self.refuse(node, "this `jvp`", "write jvp(f, (x,), (dx,))")
    primals, tangents = (self.unpacked(given[name], node) for name in ("primals", "tangents"))
    return self.push(given["fun"], primals, tangents, places[0], node)


def _vjp(self: Derived, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    wrt = kwargs.get("wrt", Const(None))
    places = _places(wrt) if wrt != Const(None) else (None, False)
    if not args or kwargs.keys() - {"wrt"} or places is None:
        self.refuse(node, "this `vjp`", "write vjp(f, x)")
    return self.pull(args[0], args[1:], places[0], node)


def _push(self: Derived, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    function, primals, wrt, tangents = args
    places = _places(wrt)
    assert places is not None
    return self.push(function, self.unpacked(primals, node), self.unpacked(tangents, node), places[0], node).items[1]


DERIVATIVES: dict[str, Handler] = {
    **{f"adtransform.{n}": _transform(n) for n in ("grad", "value_and_grad", "hvp", "jacfwd", "jacrev")},
    "adtransform.jacobian": _transform("jacrev"),
    "adtransform.hessian": _transform("hessian"),
    "adtransform.jvp": _jvp,
    "adtransform.vjp": _vjp,
    "adtransform.push": _push,
}
