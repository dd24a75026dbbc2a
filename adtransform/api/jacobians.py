"""Jacobians, and the higher derivatives that are Jacobians of derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adtransform import lattice
from adtransform.api.core import Recipe, Run, Sweeps, Transform, Values, codes
from adtransform.api.gradients import Grad
from adtransform.api.programs import Like, Program, Seed, Shape, nested, program_of, runner, tangent_of
from adtransform.api.trees import Star, Tree, map_leaves
from adtransform.build import type_of


class Jacobian(Transform):
    """All partial derivatives: forward by columns (option `forward`) or in reverse by rows."""

    @property
    def forward(self) -> bool:
        """Whether the columns are computed in forward mode."""
        return bool(self.options[0])

    @property
    def recipe(self) -> Recipe | None:
        """How it was made."""
        return "jacfwd" if self.forward else "jacrev", self.callee.fun, self.chosen

    def specialise(self, shape: Shape) -> Run:
        """A sweep over the elements of the argument, or of the output; derivatives of derivatives go by columns."""
        inner = program_of(self.callee, shape)
        if self.forward or inner.seeds:
            return _by_columns(inner, shape, shape.labels(self.places), shape.tree(self.places, self.single))
        return self._by_rows(inner, shape)

    def program(self, shape: Shape) -> Program:
        """One column: forward mode on the IR; the gradient where the output is known to be scalar."""
        inner = program_of(self.callee, shape)
        if (
            not self.forward
            and not inner.seeds
            and isinstance(inner.out, Star)
            and lattice.is_scalar(type_of(inner.leaves()[0]))
        ):
            return Grad(self.callee.fun, self.wrt, False, False).program(shape)
        return tangent_of(inner, shape.labels(self.places), shape.tree(self.places, self.single))

    def _by_rows(self, inner: Program, shape: Shape) -> Run:
        sweep = Sweeps(inner, shape.labels(self.places))
        tree, name = shape.tree(self.places, self.single), self.callee.name

        def run(values: Values) -> Any:
            leaves, saved = sweep.ahead(values)
            likes = [_float_output(leaf, name) for leaf in leaves]
            arguments = [Like.of(v) for v in shape.chosen(values, self.places)]
            jacobians = []
            for place, like in enumerate(likes):
                bars = [other.filled(0.0) for other in likes]
                rows = []
                for unit in like.basis():
                    bars[place] = unit
                    rows.append(sweep.back(saved, likes, bars))
                blocks = [[row[i] for row in rows] for i in range(len(arguments))]
                if like.array:
                    blocks = [
                        _stacked(block, 0, like.shape, of.filled(0.0)) for block, of in zip(blocks, arguments, strict=True)
                    ]
                else:
                    blocks = [block[0] for block in blocks]
                jacobians.append(nested(tree, blocks))
            return nested(inner.out, jacobians)

        return run


def _float_output(leaf: Any, name: str) -> Like:
    like = Like.of(leaf)
    if not like.is_float or isinstance(leaf, (int, complex)):
        kind = np.asarray(leaf).dtype if like.array else type(leaf).__name__
        raise TypeError(f"`{name}` returns {kind}: a Jacobian needs floats")
    return like


def _by_columns(inner: Program, shape: Shape, labels: tuple[str, ...], tree: Tree) -> Run:
    """Run the tangent of a program for every combination of unit tangents and join the results."""
    (code,) = codes(inner.function, "forward", labels)
    run = runner(inner.function, code, shape)
    seeds = (*inner.seeds, Seed((), labels, tree))
    every = [label for a in shape.arguments for label in a.leaves]
    needed = {label for seed in seeds for label in seed.labels}

    def evaluate(values: Values) -> Any:
        flat = shape.flat(values)
        likes = {label: Like.of(v) for label, v in zip(every, flat, strict=True) if label in needed}
        zeros = [[likes[label].filled(0.0) for label in seed.labels] for seed in seeds]

        def sweep(depth: int, tangents: list[list[Any]]) -> list[Any]:
            """For each result its derivatives by the seeds from `depth` on, nested and with their axes behind the result's."""
            if depth == len(seeds):
                return list(run(flat, [t for group in tangents for t in group])[1])
            blocks = []
            for place, label in enumerate(seeds[depth].labels):
                over = likes[label]
                units = over.basis()
                columns = []
                for unit in units or [zeros[depth][place]]:
                    group = [*zeros[depth][:place], unit, *zeros[depth][place + 1 :]]
                    columns.append(sweep(depth + 1, [*tangents[:depth], group, *tangents[depth + 1 :]]))
                blocks.append(
                    [
                        _joined(parts, rank, over, bool(units))
                        for parts, rank in zip(zip(*columns, strict=True), ranks, strict=True)
                    ]
                )
            return [nested(seeds[depth].tree, block) for block in zip(*blocks, strict=True)]

        ranks = [np.ndim(y) for y in run(flat, [t for group in zeros for t in group])[0]]
        return nested(inner.out, sweep(0, zeros))

    return evaluate


def _joined(columns: Sequence[Any], axis: int, over: Like, given: bool) -> Any:
    """Derivatives for each element of `over`, themselves nested, joined leaf by leaf along new axes at `axis`."""
    if not over.array:
        return columns[0]
    return map_leaves(lambda *parts: _stacked(parts if given else (), axis, over.shape, parts[0]), *columns)


def _stacked(parts: Sequence[Any], axis: int, over: tuple[int, ...], each: Any) -> Any:
    """Parts shaped like `each`, one for each element of an array, joined along new axes in the array's shape."""
    inner = np.shape(each)
    shape = (*inner[:axis], *over, *inner[axis:])
    if not parts:
        return np.zeros(shape, np.asarray(each).dtype)
    return np.stack([np.asarray(p) for p in parts], axis).reshape(shape)
