"""Gradients of scalar functions, and the products with derivatives that all the rest is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from adtransform import lattice, modes
from adtransform.api.calls import Wrt
from adtransform.api.core import Recipe, Run, Sweeps, Transform, Values, codes
from adtransform.api.dependence import warn_of_independence
from adtransform.api.programs import Like, Program, Shape, keep, nested, program_of, runner, tangent_of, whole
from adtransform.api.trees import STAR, Nest, Star, Tree, flatten, leaves_like
from adtransform.build import type_of
from adtransform.ir import Leaf
from adtransform.lattice import Type


class Grad(Transform):
    """Gradient of a scalar function; with option `value` also its value, with `has_aux` also what else it returns."""

    @property
    def value(self) -> bool:
        """Whether the value is returned too."""
        return bool(self.options[0])

    @property
    def has_aux(self) -> bool:
        """Whether the function returns `(out, aux)`."""
        return bool(self.options[1])

    @property
    def recipe(self) -> Recipe | None:
        """How it was made."""
        return None if self.has_aux else ("value_and_grad" if self.value else "grad", self.callee.fun, self.chosen)

    def specialise(self, shape: Shape) -> Run:
        """Fused code where the output is known to be scalar; otherwise the two sweeps, with a look at it in between."""
        inner = program_of(self.callee, shape)
        labels, nest = shape.labels(self.places), shape.nester(self.places, self.single)
        first = _output(inner, self.callee.name, self.has_aux)
        chosen = {a.name: a.leaves for a in (shape.arguments[place] for place in self.places)}
        warn_of_independence(inner.function, inner.leaves()[0], chosen, self.callee.name)
        if isinstance(inner.out, Star) and _is_float(type_of(first)):
            (code,) = codes(inner.function, "reverse", labels)
            run = runner(inner.function, code, shape)
            value = self.value

            def fused(values: Values) -> Any:
                (y,), shares = run(shape.flat(values))
                gradient = nest(shares)
                return (y, gradient) if value else gradient

            return fused
        sweep = Sweeps(inner, labels)
        name, value, has_aux = self.callee.name, self.value, self.has_aux

        def split(values: Values) -> Any:
            leaves, saved = sweep.ahead(values)
            if np.size(leaves[0]) != 1 or np.iscomplexobj(leaves[0]):
                raise _wrong_output(name, leaves[0])
            likes = [Like.of(leaf) for leaf in leaves]
            gradient = nest(sweep.back(saved, likes, [likes[0].filled(1.0)]))
            out = nested(inner.out, leaves)
            if value:
                return out, gradient
            return (gradient, out[1]) if has_aux else gradient

        return split

    def program(self, shape: Shape) -> Program:
        """Reverse mode on the IR."""
        inner = program_of(self.callee, shape)
        if self.has_aux:
            raise TypeError(f"a gradient of `{self.callee.name}` with has_aux cannot be transformed again")
        _output(inner, self.callee.name, False)
        labels, tree = shape.labels(self.places), shape.tree(self.places, self.single)
        derived = modes.reverse(modes.as_scalar(inner.function), labels, scalar=True)
        if not self.value:
            return Program(keep(derived, 1), shape, tree, inner.seeds)
        out = Nest(tuple, (0, 1), (inner.out, tree))
        return Program(replace(derived, tree=tuple(Leaf(i) for i in range(len(derived.results)))), shape, out, inner.seeds)


def _output(inner: Program, name: str, has_aux: bool) -> Any:
    """The one result to differentiate.  Raises `TypeError` where the function returns something else than a scalar."""
    if inner.seeds:
        raise TypeError(f"`grad` needs a scalar output, but `{name}` returns derivatives: use `jacobian(...)`")
    out = inner.out
    if has_aux:
        if not (isinstance(out, Nest) and out.kind is tuple and len(out.children) == 2):
            raise TypeError(f"with has_aux `{name}` must return a pair (output, auxiliary)")
        out = out.children[0]
    if not isinstance(out, Star):
        hint = "" if has_aux else "; use `has_aux=True` for an output with something besides"
        raise TypeError(
            f"`grad` needs a scalar output, but `{name}` returns {len(inner.leaves())} values: use `jacobian`{hint}"
        )
    result = inner.leaves()[0]
    if not lattice.is_number(type_of(result)):
        raise TypeError(f"`grad` needs a scalar output, but `{name}` returns {lattice.show(type_of(result))}")
    return result


def _is_float(t: Type) -> bool:
    return lattice.is_scalar(t) and lattice.kind_of(t) == "float"


def _wrong_output(name: str, y: Any) -> TypeError:
    if np.iscomplexobj(y):
        return TypeError(modes.complex_output(name))
    return TypeError(f"`grad` needs a scalar output, but `{name}` returned shape {np.shape(y)}: use `jacobian({name})`")


class Pull(Transform):
    """`fun` and the function that takes an adjoint of its output back to its arguments."""

    def specialise(self, shape: Shape) -> Run:
        """Both sweeps; the result of a call is `(out, vjp_fn)`, with `has_aux` also what else the function returns."""
        inner = whole(program_of(self.callee, shape), "vjp")
        sweep = Sweeps(inner, shape.labels(self.places))
        nest = shape.nester(self.places, self.single)
        (has_aux,) = self.options
        parts = inner.out.children if isinstance(inner.out, Nest) else ()
        if has_aux and len(parts) != 2:
            raise TypeError(f"with has_aux `{self.callee.name}` must return a pair (output, auxiliary)")
        out_tree = parts[0] if has_aux else inner.out

        def run(values: Values) -> Any:
            leaves, saved = sweep.ahead(values)
            pullback = Pullback(self, shape, saved, [Like.of(leaf) for leaf in leaves], out_tree, sweep, nest)
            out = nested(inner.out, leaves)
            return (out[0], pullback, out[1]) if has_aux else (out, pullback)

        return run


class Pullback:
    """`vjp_fn(bar)`: the shares of the arguments for an adjoint `bar` of the output; may be called any number of times."""

    def __init__(
        self,
        source: Pull,
        shape: Shape,
        saved: Any,
        likes: Sequence[Like],
        out: Tree,
        sweep: Sweeps,
        nest: Callable[[Sequence[Any]], Any],
    ) -> None:
        self._state = source, shape, saved, likes, out
        self._sweep, self._nest = sweep, nest

    def __call__(self, bar: Any) -> Any:
        """The shares for one adjoint, nested like the output and of its shapes."""
        _, _, saved, likes, out = self._state
        bars = leaves_like(bar, out, "the adjoint of the output")
        given = [like.convert(b, "the adjoint of the output") for b, like in zip(bars, likes, strict=False)]
        return self._nest(self._sweep.back(saved, likes, given))

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, self._state


def _restored(source: Pull, shape: Shape, saved: Any, likes: Sequence[Like], out: Tree) -> Pullback:
    sweep = Sweeps(program_of(source.callee, shape), shape.labels(source.places))
    return Pullback(source, shape, saved, likes, out, sweep, shape.nester(source.places, source.single))


class Push(Transform):
    """`fun` and the tangent of its output for tangents of its arguments: called with both, flat."""

    def specialise(self, shape: Shape) -> Run:
        """Forward mode; called with the arguments' values followed by the tangents' leaves."""
        inner = whole(program_of(self.callee, shape), "jvp")
        (code,) = codes(inner.function, "forward", shape.labels(self.places))
        run = runner(inner.function, code, shape)

        def push(values: Values) -> Any:
            primals, tangents = values[: len(shape.arguments)], values[len(shape.arguments) :]
            out, tangent = run(shape.flat(primals), tangents)
            return nested(inner.out, out), nested(inner.out, tangent)

        return push


class Hvp(Transform):
    """The Hessian of a scalar function times a vector: `h(x, p, *args)`, `p` behind the last argument differentiated."""

    def __init__(self, fun: Callable[..., Any], wrt: Wrt) -> None:
        super().__init__(fun, wrt)
        self._grad = Grad(fun, wrt, False, False)

    @property
    def recipe(self) -> Recipe | None:
        """How it was made."""
        return "hvp", self.callee.fun, self.chosen

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The product at a point: the function's arguments, with the vector behind the last one differentiated."""
        place = max(self.places) + 1
        if len(args) <= place:
            names = self.callee.names[:place]
            raise TypeError(f"pass {', '.join(names)} and behind them the vector to multiply, all by position")
        values = self.prepare(self.callee.bind((*args[:place], *args[place + 1 :]), kwargs))
        vectors = (args[place],) if self.single else args[place]
        return self.specialised(values)((*values, *tangents_like(self, values, vectors)))

    def specialise(self, shape: Shape) -> Run:
        """Forward mode over the gradient."""
        labels = shape.labels(self.places)
        gradient = self._grad.program(shape)
        tangent = tangent_of(gradient, labels, STAR)
        (code,) = codes(gradient.function, "forward", labels)
        run = runner(gradient.function, code, shape)

        def multiply(values: Values) -> Any:
            primals, tangents = values[: len(shape.arguments)], values[len(shape.arguments) :]
            return nested(tangent.out, run(shape.flat(primals), tangents)[1])

        return multiply


def tangents_like(transform: Transform, values: Values, tangents: Any) -> list[Any]:
    """The leaves of tangents for the chosen arguments, in those arguments' kinds, dtypes and shapes.

    Raises `TypeError` where their number or structure differs, `ValueError` where a shape does.
    """
    names = [transform.callee.names[i] for i in transform.places]
    if not isinstance(tangents, (tuple, list)) or len(tangents) != len(names):
        raise TypeError(f"pass a tuple of {len(names)} tangent{'s' * (len(names) != 1)}, for {', '.join(names)}")
    out = []
    for name, place, tangent in zip(names, transform.places, tangents, strict=True):
        leaves, tree = flatten(values[place])
        given = leaves_like(tangent, tree, f"the tangent of `{name}`")
        out += [Like.of(v).convert(t, f"the tangent of `{name}`") for v, t in zip(leaves, given, strict=True)]
    return out
