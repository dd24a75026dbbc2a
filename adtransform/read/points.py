"""The functions that derivatives inside of what is read are taken of: read by themselves, for the arguments of one call."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from adtransform.build import type_of
from adtransform.ir import Atom, Const, Function, Leaf, Let, Var
from adtransform.lattice import List, is_number, is_scalar, kind_of
from adtransform.read.outline import Arguments, Form, Given, Group, Kind, Same
from adtransform.read.passing import Inseparable, Outlining
from adtransform.read.refs import (
    DerivedRef,
    DictRef,
    External,
    FunctionRef,
    Items,
    ListRef,
    ObjectRef,
    PartialRef,
    Ref,
    TupleRef,
    View,
)
from adtransform.read.scope import parameters
from adtransform.read.separate import Groups, Separate
from adtransform.record import record
from adtransform.rewrite import calls, name_of

Places = tuple[int | str, ...]
VALUES = (Var, Const, View)
_OUTSIDE = "differentiate the whole from outside"


@record
class Point:
    """A function read by itself, and what it is called with.

    `form`: what it returns, the values numbered; `function` returns just these.  `places`: the chosen parameters by name.
    """

    function: Function
    given: Arguments
    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    atoms: tuple[Atom, ...]
    passed: tuple[Atom, ...]
    form: Form
    chosen: tuple[tuple[str, ...], ...]

    def labels(self, chosen: Sequence[str]) -> tuple[str, ...]:
        """The parameters of the function that hold the values of some arguments."""
        return tuple(self.names[i] for name in chosen for i in indices(self.given.forms[name]))


class Points(Separate):
    """Reading functions to differentiate them."""

    def point(
        self, function: Ref, args: list[Ref], kwargs: dict[str, Ref], wrts: tuple[Places | None, ...], node: ast.AST
    ) -> Point:
        """The function for these arguments; `wrts`: what is to be chosen of them by those who ask, None for every float."""
        if not (isinstance(function, DerivedRef) and function.how in ("grad", "value_and_grad")):
            return self._read_at(function, args, kwargs, wrts, node)
        inner = self.point(function.function, args, kwargs, (*wrts, function.wrt), node)
        *outer, chosen = inner.chosen
        if not isinstance(inner.form, Given) or not is_number(type_of(inner.function.results[0])):
            what = f"`{function.how}` of `{inner.function.name}`, which does not return one number"
            self.refuse(node, what, "differentiate a function that returns one number")
        both = function.how == "value_and_grad"
        made, _ = self.derived_of(inner, "value_and_gradient" if both else "gradient", chosen, node)
        counter = itertools.count(int(both))
        trees = [numbered(inner.given.forms[name], counter) for name in chosen]
        form = trees[0] if function.single else Group(tuple(trees), TupleRef)
        return replace(inner, function=made, form=Group((Given(0), form), TupleRef) if both else form, chosen=tuple(outer))

    def _read_at(
        self, ref: Ref, args: list[Ref], kwargs: dict[str, Ref], wrts: tuple[Places | None, ...], node: ast.AST
    ) -> Point:
        function, first, named = self._plain(ref, len(args), node)
        bound = self.bind_arguments(function, [*first, *args], {**named, **kwargs}, node)
        names = [p.arg for p in parameters(function.node)][len(first) :]
        names = [n for n in names if n not in named]
        chosen = tuple(self._chosen(wrt, names, bound, node) for wrt in wrts)
        for name in {n for group in chosen for n in group}:
            bound[name] = self._floats(bound[name], name, node)
        outlining = Outlining(self, False, distinct=True)
        given = outlining.given
        try:
            for name, value in bound.items():
                given.forms[name] = outlining.form(value, name)
            outlining.close_over(function)
        except Inseparable as problem:
            self.refuse(node, f"a derivative of `{function.name}` with {problem}", _OUTSIDE)
        atoms = [self.value(value, node) for value in given.refs]
        opening = self.opened(function, given, atoms, node)
        outcome = opening.outcome
        if outcome is None or opening.unfinished or opening in self.registry.open:
            self.refuse(node, f"`{function.name}`, which differentiates itself", _OUTSIDE)
        self.check_overlap(outcome, given, node)
        around = {i for forms in given.around.values() for form in forms.values() for i in indices(form)}
        if around & outcome.writes.keys():
            self.refuse(node, f"a derivative of `{function.name}`, which writes an array around it", "pass it the array")
        if outcome.contents:
            self.refuse(node, f"a derivative of `{function.name}`, which changes a list, dict or object", _OUTSIDE)
        if not outcome.ended:
            self.refuse(node, f"a derivative of `{function.name}`, which never returns", "return a value on some path")
        whole = self.registry.functions[opening.name]
        values: list[Atom] = []
        whole, form = self._returned_alone(whole, outcome.form, opening.names, opening.kinds, values, node)
        tree = Leaf(0) if len(values) == 1 else tuple(map(Leaf, range(len(values))))
        return Point(
            replace(whole, body=replace(whole.body, results=tuple(values)), tree=tree),
            given,
            tuple(opening.names),
            tuple(opening.kinds),
            tuple(atoms),
            (*opening.passed(atoms), *self.captured_by(outcome, node)),
            form,
            chosen,
        )

    def _plain(self, ref: Ref, count: int, node: ast.AST) -> tuple[FunctionRef, list[Ref], dict[str, Ref]]:
        """What is called as a function with source, and the arguments that are given to it already."""
        match ref:
            case PartialRef(inner, first, named):
                function, before, known = self._plain(inner, count + len(first), node)
                return function, [*before, *first], {**known, **named}
            case ObjectRef():
                called = self.special(ref, "__call__", node)
                if called is not None:
                    return self._plain(PartialRef(called, (ref,)), count, node)
            case FunctionRef() if not (ref.frame is None and self.known(self.op_of(ref))):
                return ref, [], {}
        return self._adapter(ref, count, node), [], {}

    def _adapter(self, ref: Ref, count: int, node: ast.AST) -> FunctionRef:
        """A function of so many arguments that calls something without source."""
        name = ref.op.rpartition(".")[2] if isinstance(ref, External) else "function"
        title = name if name.isidentifier() else "function"
        outer = self.nowhere(self.frame.module)
        outer.env[title] = ref
        args = ", ".join(f"x{i}" for i in range(count))
        key = (id(node), count, title)
        if key not in self.registry.adapters:
            text = ast.parse(f"lambda {args}: {title}({args})", mode="eval").body
            assert isinstance(text, ast.Lambda)
            for part in ast.walk(text):
                ast.copy_location(part, node)
            self.registry.adapters[key] = text
        outer.key = self.registry.adapters[key]
        return FunctionRef(self.registry.adapters[key], self.frame.module, outer, title)

    def _chosen(self, wrt: Places | None, names: list[str], bound: dict[str, Ref], node: ast.AST) -> tuple[str, ...]:
        """The parameters that are meant; by default those whose arguments are floats."""
        if wrt is None:
            kinds = {n: kind_of(self.type_of(self.value(bound[n], node))) for n in names if isinstance(bound[n], VALUES)}
            found = tuple(n for n in names if n not in kinds or kinds[n] in ("float", None))
            return found or tuple(n for n in names if kinds.get(n) == "int")
        out = []
        for place in wrt:
            if place not in names and not (isinstance(place, int) and -len(names) <= place < len(names)):
                self.refuse(node, f"a derivative with respect to {place!r}", f"the function has {', '.join(names)}")
            out.append(names[place] if isinstance(place, int) else place)
        return tuple(out)

    def _floats(self, ref: Ref, name: str, node: ast.AST) -> Ref:
        """An argument that is differentiated: its whole numbers are floats, as those of the functions called from outside."""
        match ref:
            case Const(bool() | str() | None) | Const(complex()):
                pass
            case Const(int(n)):
                return Const(float(n))
            case Var() | View() | Const():
                a = self.value(ref, node)
                t = type_of(a)
                if kind_of(t) in ("float", None) or isinstance(t, List):
                    return ref
                if is_scalar(t) and kind_of(t) == "int":
                    return self.make(self.let("builtins.float", a))
            case TupleRef(items):
                return replace(ref, items=tuple(self._floats(i, name, node) for i in items))
            case ListRef(storage):
                content = self.content(storage)
                if not isinstance(content, Items):
                    return ref
                return self.new_list(tuple(self._floats(i, name, node) for i in content.refs))
            case DictRef(storage):
                return self.new_dict({k: self._floats(v, name, node) for k, v in self.entries(ref, node).items()})
            case ObjectRef():
                return ref
        self.refuse(node, f"a derivative with respect to `{name}`", "pass it floats, or arrays and containers of floats")

    def _returned_alone(
        self, f: Function, form: Form, names: Sequence[str], kinds: Sequence[Kind], values: list[Atom], node: ast.AST
    ) -> tuple[Function, Form]:
        """The form of what is returned, its values numbered and noted in `values`; arguments that are returned are loaded."""
        match form:
            case Given(index):
                values.append(f.results[index])
                return f, Given(len(values) - 1)
            case Same(index, False):
                kind = kinds[index]
                if isinstance(kind, Const):
                    values.append(kind)
                    return f, Given(len(values) - 1)
                loads = {s.args[0]: s.targets[0] for s in f.body.body if isinstance(s, Let) and s.op == "load"}
                found = loads.get(Const(names[index]))
                if found is None:
                    found = Var(kind, names[index])
                    load = Let((found,), "load", (Const(names[index]),))
                    f = replace(f, body=replace(f.body, body=(load, *f.body.body)))
                values.append(found)
                return f, Given(len(values) - 1)
            case Group(items):
                made = []
                for item in items:
                    f, one = self._returned_alone(f, item, names, kinds, values, node)
                    made.append(one)
                return f, replace(form, items=tuple(made), number=-1)
            case Same():
                self.refuse(node, "a derivative of a function that returns a list or dict it is given", _OUTSIDE)
        return f, form

    def position_of(self, wrt: int | str, function: Ref, count: int, node: ast.AST) -> int:
        """The position of a parameter."""
        while isinstance(function, DerivedRef):
            function = function.function
        plain, first, _ = self._plain(function, count, node)
        names = [p.arg for p in parameters(plain.node)][len(first) :]
        (name,) = self._chosen((wrt,), names, {}, node)
        return names.index(name)

    # Its derivatives.

    def derived_of(self, point: Point, how: str, chosen: Sequence[str], node: ast.AST) -> tuple[Function, Groups]:
        """A derivative, from now on among the functions that can be called, and the results to which its adjoints belong."""
        registry, f = self.registry, point.function
        labels = point.labels(chosen)
        key = (f.name, how, labels)
        known = registry.derived.get(key)
        if known is not None and known[0] is f.body.body:
            return known[1]
        for name in map(name_of, calls(f.body)):
            if name not in registry.functions:
                self.refuse(node, f"`{name}`, which differentiates itself", _OUTSIDE)
        assert registry.derive is not None
        made, groups = registry.derive(replace(f, callees=dict(registry.functions)), how, labels)
        for name, callee in made.callees.items():
            registry.functions.setdefault(name, callee)
            registry.names.setdefault(name, name)
        made = replace(made, name=registry.name((key, made.name), made.name), callees={})
        registry.functions[made.name] = made
        registry.derived[key] = f.body.body, (made, groups)
        return made, groups

    # What other parts provide.

    def bind_arguments(self, function: FunctionRef, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> dict[str, Ref]:
        """Arguments by parameter name, by Python's rules."""
        raise NotImplementedError

    def op_of(self, function: FunctionRef) -> str:
        """The name under which a function may have a rule."""
        raise NotImplementedError


def indices(form: Form) -> Iterator[int]:
    """The places of the values in a form, in order."""
    if isinstance(form, Given):
        yield form.index
    elif isinstance(form, Group):
        for item in form.items:
            yield from indices(item)


def numbered(form: Form, counter: Iterator[int]) -> Form:
    """A form with its values numbered afresh."""
    if isinstance(form, Group):
        return replace(form, items=tuple(numbered(item, counter) for item in form.items), number=-1)
    return Given(next(counter)) if isinstance(form, Given) else form
