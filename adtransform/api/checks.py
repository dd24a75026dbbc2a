"""Derivatives against differences: forward mode along a direction, reverse mode by an inner product.

At order two the derivatives are differentiated again, each in both modes, and checked in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from adtransform import pipeline
from adtransform.api.calls import Callee, Wrt, has_float
from adtransform.api.core import Transform, codes
from adtransform.api.programs import Like, Program, Shape, keep, program_of, runner, tree_of, whole
from adtransform.api.trees import flatten, leaves_like
from adtransform.build import type_of
from adtransform.errors import line_of
from adtransform.interpret import interpret
from adtransform.ir import Function, Leaf, Origin
from adtransform.lattice import List, Tuple, is_differentiable
from adtransform.record import record

Flat = list[Any]
MODES = {"fwd": "forward", "rev": "reverse"}


@record
class Tolerance:
    """How far a derivative may lie from the differences, and the step of those."""

    atol: float
    rtol: float
    eps: float

    def close(self, got: Any, wanted: Any) -> bool:
        """Whether two values agree, measured by the largest of the wanted."""
        got, wanted = np.asarray(got, float), np.asarray(wanted, float)
        scale = float(np.max(np.abs(wanted), initial=0.0))
        return bool(np.all(np.abs(got - wanted) <= self.atol + self.rtol * scale))


@record
class Verdict:
    """One comparison: what was compared, at which order, and what is wrong with it (empty: nothing)."""

    mode: str
    order: int
    wrong: str

    def __str__(self) -> str:
        """One line."""
        order = "" if self.order == 1 else f", order {self.order}"
        return f"{self.mode}{order}: {self.wrong or 'agrees with differences'}"


@record
class _Level:
    """A program at a point, ready to be compared: `evaluate` runs it, `names` are the parameters moved."""

    program: Program
    names: tuple[str, ...]
    values: Flat
    extra: Flat
    evaluate: Callable[[Flat], Flat]
    path: str = ""
    order: int = 1

    @property
    def labels(self) -> list[str]:
        return [label for a in self.program.shape.arguments for label in a.leaves]

    def moved(self, direction: Mapping[str, Any], step: float) -> Flat:
        """The values moved along a direction."""
        pairs = zip(self.labels, self.values, strict=True)
        return [v if name not in direction else Like.of(v).convert(v + step * direction[name], "") for name, v in pairs]


def check_grads(
    fun: Callable[..., Any],
    args: Sequence[Any],
    order: int = 1,
    modes: Sequence[str] = ("fwd", "rev"),
    *,
    atol: float | None = None,
    rtol: float | None = None,
    eps: float | None = None,
) -> None:
    """Compare the derivatives of `fun` at `args`, up to an order, with differences of `fun` itself.

    Every float argument takes part.  Raises `AssertionError` naming the mode, the order and the first line that is wrong.
    """
    unknown = [m for m in modes if m not in MODES]
    if unknown:
        raise ValueError(f"no mode {unknown[0]!r}: choose from 'fwd' and 'rev'")
    wrong = [v for v in verdicts(fun, tuple(args), order, modes, atol=atol, rtol=rtol, eps=eps) if v.wrong]
    if wrong:
        raise AssertionError("\n".join(str(v) for v in wrong))


def verdicts(
    fun: Callable[..., Any],
    args: tuple[Any, ...],
    order: int = 1,
    modes: Sequence[str] = ("fwd", "rev"),
    *,
    wrt: Wrt | None = None,
    atol: float | None = None,
    rtol: float | None = None,
    eps: float | None = None,
) -> Iterator[Verdict]:
    """Every comparison in turn."""
    callee = Callee(fun)
    values = callee.bind(args, {})
    if wrt is None:
        # A default is a setting, often a tolerance: moved by a difference it may be a different program.
        given = zip(callee.names[: len(args)], values, strict=False)
        wrt = tuple(name for name, v in given if has_float(v))
        if not wrt:
            raise TypeError(f"no argument of `{callee.name}` is a float: pass a float, or an array `.astype(float)`")
    transform = Transform(fun, wrt)
    values = transform.prepare(values)
    shape = Shape.of(callee.names, values)
    names = shape.labels(transform.places)
    flat = shape.flat(values)
    chosen = [v for label, v in zip(_labels(shape), flat, strict=True) if label in names]
    narrow = any(np.asarray(v).dtype.itemsize < 8 for v in chosen)
    tolerance = Tolerance(
        (5e-3 if narrow else 1e-7) if atol is None else atol,
        (5e-3 if narrow else 1e-6) if rtol is None else rtol,
        (1e-2 if narrow else 1e-4) if eps is None else eps,
    )

    program = whole(program_of(callee, shape), "check_grads")
    grown = any(isinstance(type_of(r), List) for r in program.function.results)  # then a list is one leaf

    def evaluate(leaves: Flat) -> Flat:
        copies = [v.copy() if isinstance(v, np.ndarray) else v for v in leaves]
        found = callee.call(shape.nest(copies))
        return leaves_like(found, program.out, "the result") if grown else flatten(found)[0]

    yield from _verdicts(_Level(program, names, flat, [], evaluate), order, modes, tolerance)


def _labels(shape: Shape) -> list[str]:
    return [label for a in shape.arguments for label in a.leaves]


def _verdicts(level: _Level, order: int, modes: Sequence[str], tolerance: Tolerance) -> Iterator[Verdict]:
    for mode in modes:
        following, wrong = _compared(level, mode, tolerance)
        path = f"{MODES[mode]}{level.path}"
        line = _first_wrong_line(level, mode, tolerance) if wrong and level.order == 1 else ""
        yield Verdict(path, level.order, wrong + line)
        if order > level.order and not wrong:
            yield from _verdicts(replace(following, path=f" over {path}"), order, modes, tolerance)


def _compared(level: _Level, mode: str, tolerance: Tolerance) -> tuple[_Level, str]:
    """The derivative as the next level, and what is wrong with it."""
    random = np.random.default_rng(level.order)
    direction = {n: _unit(v, random) for n, v in zip(level.labels, level.values, strict=True) if n in level.names}
    value = level.evaluate(level.values)
    slope = _difference(level, direction, tolerance.eps)
    made = _forward(level, direction) if mode == "fwd" else _reverse(level, value, random)
    return made.next, made.compare(value, slope, direction, tolerance)


def _unit(like: Any, random: np.random.Generator) -> Any:
    if isinstance(like, (list, tuple)):
        return [_unit(item, random) for item in like]
    template = Like.of(like)
    drawn = random.uniform(0.5, 1.5, template.shape) * random.choice([-1.0, 1.0], template.shape)
    return template.convert(drawn, "")


def _difference(level: _Level, direction: Mapping[str, Any], eps: float) -> Flat:
    """The slope along a direction: central differences at two steps, extrapolated."""

    def central(step: float) -> list[Any]:
        pairs = zip(level.evaluate(level.moved(direction, step)), level.evaluate(level.moved(direction, -step)), strict=True)
        return [(np.asarray(a, float) - np.asarray(b, float)) / (2.0 * step) if _is_float(a) else None for a, b in pairs]

    return [None if a is None else (4.0 * b - a) / 3.0 for a, b in zip(central(eps), central(eps / 2.0), strict=True)]


def _is_float(value: Any) -> bool:
    return np.asarray(value).dtype.kind == "f"


@record
class _Made:
    """A derivative evaluated: the value it computes, its result, how to compare it, and itself as the next level."""

    value: Flat
    result: Flat
    bars: Flat | None
    next: _Level

    def compare(self, value: Flat, slope: Flat, direction: Mapping[str, Any], tolerance: Tolerance) -> str:
        """What is wrong, in words; empty where all agrees."""
        for mine, theirs in zip(self.value, value, strict=True):
            if _is_float(theirs) and not np.allclose(
                mine, theirs, 1e-6 if tolerance.eps > 1e-3 else 1e-9, 1e-12, equal_nan=True
            ):
                return f"the value is {_short(mine)}, the function's own is {_short(theirs)}"
        if self.bars is None:
            for tangent, wanted, like in zip(self.result, slope, value, strict=True):
                if wanted is None:
                    continue
                if np.shape(tangent) != np.shape(like):
                    return f"the tangent has shape {np.shape(tangent)}, the value {np.shape(like)}"
                if not tolerance.close(tangent, wanted):
                    return f"along a direction {_short(tangent)}, differences give {_short(wanted)}"
            return ""
        values = dict(zip(self.next.labels, self.next.values, strict=True))
        total = 0.0
        for share, (name, moved) in zip(self.result, direction.items(), strict=True):
            if np.shape(share) != np.shape(values[name]) or np.asarray(share).dtype != np.asarray(values[name]).dtype:
                return f"the gradient by `{name}` is {_kind(share)}, the argument {_kind(values[name])}"
            total += float(np.vdot(np.asarray(share, float), np.asarray(moved, float)))
        wanted = sum(float(np.vdot(b, s)) for b, s in zip(self.bars, slope, strict=True) if s is not None)
        if not tolerance.close(total, wanted):
            return f"along a direction {total:.10g}, differences give {wanted:.10g}"
        return ""


def _kind(value: Any) -> str:
    return f"{np.asarray(value).dtype}{list(np.shape(value))}"


def _short(value: Any) -> str:
    return np.array2string(np.asarray(value), precision=10, threshold=6, edgeitems=2).replace("\n", "")


def _forward(level: _Level, direction: Mapping[str, Any]) -> _Made:
    p = level.program
    (code,) = codes(p.function, "forward", level.names)
    run = runner(p.function, code, p.shape)
    extra = [*level.extra, *direction.values()]
    value, tangent = run(level.values, extra)
    (derived,) = pipeline.derivative(p.function, "forward", level.names)
    program = Program(keep(derived, 1), p.shape, p.out, p.seeds)

    def evaluate(values: Flat) -> Flat:
        return list(run(values, extra)[1])

    following = _Level(program, level.names, level.values, extra, evaluate, order=level.order + 1)
    return _Made(list(value), list(tangent), None, following)


def _reverse(level: _Level, value: Flat, random: np.random.Generator) -> _Made:
    p = level.program
    (derived,) = pipeline.derivative(p.function, "reverse", level.names)
    (code,) = codes(p.function, "reverse", level.names)
    run = runner(p.function, code, p.shape)
    given = len(derived.params) > len(p.function.params)
    groups = p.active_results(level.names)
    bars = [np.zeros(np.shape(y)) for y in value]
    for group in groups:
        bars[group[0]] = _unit(value[group[0]], random) if given else Like.of(value[group[0]]).filled(1.0)
    extra = [*level.extra, *([bars[group[0]] for group in groups] if given else [])]
    results, shares = run(level.values, extra)
    program = Program(keep(derived, 1), p.shape, p.out, p.seeds)

    def evaluate(values: Flat) -> Flat:
        return list(run(values, extra)[1])

    following = _Level(program, level.names, level.values, extra, evaluate, order=level.order + 1)
    return _Made(list(results), list(shares), bars, following)


def _first_wrong_line(level: _Level, mode: str, tolerance: Tolerance) -> str:
    """The first statement of the function whose own derivative disagrees with differences, as a tail for the message."""
    f = level.program.function
    for stmt in f.body.body:
        results = tuple(t for t in stmt.targets if is_differentiable(t.type) and not isinstance(t.type, (List, Tuple)))
        if not results or stmt.origin is None:
            continue
        part = replace(f, body=replace(f.body, results=results), tree=tuple(Leaf(i) for i in range(len(results))))
        program = replace(level.program, function=part, out=tree_of(part.tree))
        cut = replace(level, program=program, evaluate=_interpreted(part, level))
        try:
            wrong = _compared(cut, mode, tolerance)[1]
        except (UnboundLocalError, TypeError, AttributeError):
            continue  # what only some of the paths bind
        if wrong:
            return f"; first wrong at {_place(stmt.origin)}"
    return ""


def _interpreted(f: Function, level: _Level) -> Callable[[Flat], Flat]:
    return lambda values: list(interpret(f, dict(zip(level.labels, values, strict=True))))


def _place(origin: Origin) -> str:
    text = origin.text or line_of(origin.file, origin.line)
    return f"{origin.file}:{origin.line}: {text.strip().splitlines()[0]}" if text else f"{origin.file}:{origin.line}"
