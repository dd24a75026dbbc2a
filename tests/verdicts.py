"""What is asked of a random program, in every mode; `outcome` gives the verdict.

Differences are of fourth order at two steps; where the two disagree, or where the slopes to the left and to the right differ,
a kink is near and they say nothing.
"""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import inspect
import io
import itertools
import math
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
from programs import arguments

import adtransform as ad
from adtransform import pipeline
from adtransform.api.calls import Callee
from adtransform.api.programs import Program, Shape, nested, program_of
from adtransform.api.trees import flatten, unflatten
from adtransform.errors import DifferentiationError
from adtransform.interpret import interpret
from adtransform.live import from_function
from adtransform.optimise.prune import prune
from adtransform.optimise.tidy import tidy
from adtransform.read import separate
from adtransform.verify import verify

_serial = itertools.count()
_PRODUCT = re.compile(r"@|np\.(dot|einsum|matmul)|norm")
Values = dict[str, Any]


class NoTest(Exception):
    """The program is no test: Python itself fails, or its values are out of range."""


def apart_at(seed: int) -> bool:
    """Whether every helper of a seed's program is read by itself, however short it is."""
    return seed % 4 == 2


def outcome(text: str, seed: int, folder: Path, *, apart: bool = False) -> tuple[str, str]:
    """A verdict and its reason; `apart`: every helper is read by itself, however short it is.

    `fine`, `kink` (differences say nothing there), `unread` (its emitted text is refused), `invalid`, `refused`, `fails`.
    """
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(), printed(), helpers_apart(apart):
            warnings.simplefilter("ignore")
            return _Check(text, seed, folder).run(), ""
    except NoTest as error:
        return "invalid", str(error)
    except DifferentiationError as error:
        return "refused", str(error)
    except TimeoutError:
        raise
    except Exception as error:
        return "fails", f"{type(error).__name__}: {error}"


def module(text: str, folder: Path) -> ModuleType:
    """A fresh module from source, with a file for those who look for it."""
    name = f"random_program_{next(_serial)}"
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(made)
    except Exception as e:
        raise NoTest(str(e)) from e  # a program made smaller may not be one any more
    return made


def flat(value: Any) -> list[Any]:
    """The leaves of nested results."""
    return flatten(value)[0]


def same(a: Any, b: Any) -> bool:
    """Bit for bit, nesting, dtype and shape included."""
    x, y = [np.asarray(v) for v in flat(a)], [np.asarray(v) for v in flat(b)]
    return str(flatten(a)[1]) == str(flatten(b)[1]) and all(
        u.dtype == v.dtype and u.shape == v.shape and u.tobytes() == v.tobytes() for u, v in zip(x, y, strict=True)
    )


def dot(a: Any, b: Any) -> float:
    return float(sum(np.sum(np.multiply(u, v, dtype=float)) for u, v in zip(flat(a), flat(b), strict=True)))


def size(a: Any, b: Any) -> float:
    """How large the terms of `dot` are."""
    return float(sum(np.sum(np.abs(np.asarray(u, float) * v)) for u, v in zip(flat(a), flat(b), strict=True)))


def drawn(like: Any, rng: np.random.Generator) -> Any:
    """Random floats nested like a value."""
    if isinstance(like, dict):
        return {k: drawn(v, rng) for k, v in like.items()}
    if isinstance(like, (list, tuple)):
        return type(like)([drawn(v, rng) for v in like])
    if isinstance(like, np.ndarray):
        return np.array(rng.normal(size=like.shape), dtype=like.dtype)
    return float(rng.normal())


def moved(value: Any, direction: Any, h: float) -> Any:
    """A nested value moved along a direction."""
    if isinstance(value, dict):
        return {k: moved(v, direction[k], h) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([moved(v, d, h) for v, d in zip(value, direction, strict=True)])
    # In double precision: the differences of a program in single precision would be noise.
    out = np.asarray(value, float) + h * np.asarray(direction)
    return out if isinstance(value, np.ndarray) else type(value)(out)


@contextlib.contextmanager
def printed() -> Iterator[io.StringIO]:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        yield out


@contextlib.contextmanager
def helpers_apart(apart: bool) -> Iterator[None]:
    """Every helper is read by itself, as long ones are."""
    before = separate.LARGE
    separate.LARGE = 0 if apart else before
    try:
        yield
    finally:
        separate.LARGE = before


class _Check:
    """One program at one point."""

    def __init__(self, text: str, seed: int, folder: Path) -> None:
        self.text, self.seed, self.folder = text, seed, folder
        made = module(text, folder)
        self.f, self.scalar = made.f, made.scalar
        code = self.f.__code__
        self.given = arguments(list(code.co_varnames[: code.co_argcount]), seed)
        self.rng = np.random.default_rng(seed + 1)
        self.wrt = tuple(k for k, v in self.given.items() if v is not None and not isinstance(v, int))
        self.narrow = "float32" in text or "h" in self.given
        self.kinks = 0

    def run(self) -> str:
        """Everything; raises `AssertionError` where something disagrees."""
        before = copy.deepcopy(self.given)
        self.primal()
        self.first_order()
        if self.seed % 5 == 0:
            self.generic()
        if self.seed % 5 == 1:
            self.second_order()
        unread = self.seed % 7 == 0 and not self.read_again()
        assert same(self.given, before), "an argument was changed"
        return "kink" if self.kinks else "unread" if unread else "fine"

    def agrees(self, value: Any, wanted: Any = None) -> bool:
        """Whether a value is Python's, bit for bit; products of arrays add up in an order that the memory layout decides."""
        wanted = self.value if wanted is None else wanted
        if same(value, wanted) or not _PRODUCT.search(self.text):
            return same(value, wanted)
        pairs = list(zip(flat(value), flat(wanted), strict=True))
        return all(np.shape(a) == np.shape(b) and np.allclose(a, b, 1e-13, 1e-15) for a, b in pairs)

    def labels(self, program: Program) -> list[str]:
        return [label for a in program.shape.arguments for label in a.leaves]

    def python(self, values: Values, f: Callable[..., Any] | None = None) -> Any:
        return (f or self.f)(**copy.deepcopy(values))

    def primal(self) -> None:
        """What is read is what Python runs, before and after the passes that keep every bit."""
        try:
            # What overflows on the way has derivatives of 0 * inf, whatever the result.
            with printed() as out, np.errstate(over="raise"), mock.patch("math.sqrt", _root):
                self.value = copy.deepcopy(self.python(self.given))
            self.output = out.getvalue()
            leaves = [np.asarray(v) for v in flat(self.value)]
        except TimeoutError:
            raise
        except Exception as error:
            raise NoTest(str(error)) from error
        if not all(v.dtype.kind == "f" and np.isfinite(v).all() and np.abs(v).max(initial=0) < 1e4 for v in leaves):
            raise NoTest("out of range")
        program = program_of(*self.shape(self.f))
        function, values = program.function, dict(zip(self.labels(program), flat(tuple(self.given.values())), strict=True))
        for step in (lambda g: g, tidy, prune):
            function = step(function)
            verify(function)
            with printed() as out:
                found = nested(program.out, interpret(function, copy.deepcopy(values)))
            name = getattr(step, "__name__", "read")
            assert self.agrees(found), f"after {name}, the interpreter says otherwise: {found}, not {self.value}"
            assert out.getvalue() == self.output, f"after {name}, the interpreter prints otherwise"

    def first_order(self) -> None:
        """Reverse is the transpose of forward, forward is what differences say."""
        values = tuple(self.given.values())
        direction = tuple(drawn(self.given[k], self.rng) for k in self.wrt)
        with printed() as out:
            value, back = ad.vjp(self.f, *values)
        assert self.agrees(value), f"vjp computes {value}, Python {self.value}"
        assert out.getvalue() == self.output, "vjp prints otherwise"
        bar, other = drawn(self.value, self.rng), drawn(self.value, self.rng)
        first = back(bar)
        kept = copy.deepcopy(first)
        back(other)
        assert same(back(bar), kept), "a later call of vjp_fn differs"
        assert same(first, kept), "a later call of vjp_fn changed what the first returned"
        assert all(np.isfinite(v).all() for v in flat(first)), f"reverse is not finite: {first}"
        self.alone([first, value])
        with printed() as out:
            value, tangent = ad.jvp(self.f, values, direction)
        assert self.agrees(value), f"jvp computes {value}, Python {self.value}"
        assert out.getvalue() == self.output, "jvp prints otherwise"
        shares = first if len(self.wrt) > 1 else (first,)
        forward, reverse = dot(bar, tangent), dot(shares, direction)
        scale = max(1.0, size(shares, direction), size(bar, tangent))
        tolerance = 1e-3 if self.narrow else 1e-12
        assert abs(forward - reverse) <= tolerance * scale, f"forward {forward}, reverse {reverse}"
        self.against(lambda v: dot(bar, self.python(v)), direction, forward, scale)
        if not isinstance(self.value, (dict, tuple, list)) and np.ndim(self.value) == 0:
            with printed():
                value, shares = ad.value_and_grad(self.f, wrt=self.wrt)(*values)
            assert self.agrees(value), f"value_and_grad computes {value}, Python {self.value}"
            close(dot(shares, direction) * float(bar), reverse, scale, tolerance, "the fused sweeps against the pair")

    def alone(self, results: list[Any]) -> None:
        """No result shares memory with an argument."""
        mine = [v for v in flat(self.given) if isinstance(v, np.ndarray)]
        for r in flat(results):
            assert not any(np.shares_memory(r, v) for v in mine if isinstance(r, np.ndarray)), (
                "a result is an argument's memory"
            )

    def against(self, g: Callable[[Values], float], direction: Any, slope: float, scale: float) -> None:
        """A slope against differences."""

        def along(h: float) -> float:
            with printed():
                return g({**self.given, **{k: moved(self.given[k], d, h) for k, d in zip(self.wrt, direction, strict=True)}})

        try:
            coarse, fine = (_central(along, h) for h in (4e-4, 2e-4))
        except Exception:  # beside the point the program itself fails
            self.kinks += 1
            return
        tolerance = 1e-4 if self.narrow else 1e-7
        if abs(coarse - fine) > 0.1 * tolerance * scale:
            self.kinks += 1
        elif not abs(slope - fine) <= tolerance * scale:
            left, right = (_sided(along, h) for h in (-1e-4, 1e-4))
            if abs(left - right) > 1e-5 * scale and min(abs(left - slope), abs(right - slope)) < 1e-4 * scale:
                self.kinks += 1  # at a kink: the derivative is that of one of the sides
                return
            raise AssertionError(f"the derivative is {slope}, differences give {fine}")

    def generic(self) -> None:
        """The code made without types agrees with the other."""
        target = from_function(self.f)
        try:
            function = pipeline.load_function(target.source, target.name, {})
            made = pipeline.compile(function, "reverse", self.wrt)
            pushed = pipeline.compile(function, "forward", self.wrt)
        except DifferentiationError:
            return  # assumptions that do not hold, or cannot be made
        run, push = (next(iter(c.functions.values())) for c in (made, pushed))
        bars = [drawn(v, self.rng) for v in self.value] if isinstance(self.value, tuple) else [drawn(self.value, self.rng)]
        if isinstance(self.value, dict) or any(isinstance(v, (list, tuple, dict)) for v in self.given.values()):
            return
        try:
            with printed() as out:
                value, shares = run(**copy.deepcopy(self.given), **dict(zip(_seeds(run, self.given), bars, strict=False)))
        except ValueError as error:
            if str(error) in {a.why for a in function.assumes} or " is updated while what the caller passes " in str(error):
                return  # what was assumed, perhaps by a helper, does not hold
            raise
        assert self.agrees(value), f"generic code computes {value}, Python {self.value}"
        assert out.getvalue() == self.output, "generic code prints otherwise"
        _, back = ad.vjp(self.f, *self.given.values())
        wanted = back(tuple(bars) if isinstance(self.value, tuple) else bars[0])
        wanted = wanted if len(self.wrt) > 1 else (wanted,)
        direction = tuple(drawn(self.given[k], self.rng) for k in self.wrt)
        scale = max(1.0, size(wanted, direction))
        tolerance = 1e-3 if self.narrow else 1e-11
        if len(_seeds(run, self.given)) == len(bars):
            close(dot(shares, direction), dot(wanted, direction), scale, tolerance, "generic against typed code")
            for got, share in zip(flat(shares), flat(wanted), strict=True):
                assert np.shape(got) == np.shape(share), "generic code gives a gradient of another shape"
        tangents = {f"d{k}": d for k, d in zip(self.wrt, direction, strict=True)}
        with printed():
            value, tangent = push(**copy.deepcopy(self.given), **_renamed(push, self.given, tangents))
        assert self.agrees(value), f"generic forward code computes {value}, Python {self.value}"
        bar = tuple(bars) if isinstance(self.value, tuple) else bars[0]
        close(dot(bar, tangent), dot(wanted, direction), scale, tolerance, "generic forward against typed code")

    def second_order(self) -> None:
        """Derivatives of the gradient in each mode, against differences of it."""
        values = tuple(self.given.values())
        with printed():
            try:
                gradient = ad.grad(self.scalar, wrt=self.wrt)
                shares = gradient(*values)
                p, q = (tuple(drawn(self.given[k], self.rng) for k in self.wrt) for _ in range(2))
                tangent = ad.jvp(gradient, values, p, wrt=self.wrt)[1]
                again = ad.vjp(gradient, *values, wrt=self.wrt)[1](tuple(q))
                product = ad.hvp(self.scalar, wrt=self.wrt)
                place = 1 + max(list(self.given).index(k) for k in self.wrt)
                by_product = product(*values[:place], p, *values[place:])
            except TypeError as error:
                if "scalar" in str(error):
                    return
                raise
        curvature = dot(q, tangent)
        scale = max(1.0, size(q, tangent), size(again, p), size(shares, p))
        tolerance = 1e-2 if self.narrow else 1e-10
        assert np.isfinite(curvature), f"second order is not finite: {tangent}"
        close(dot(again, p), curvature, scale, tolerance, "reverse over reverse against forward over reverse")
        close(dot(by_product, q), curvature, scale, tolerance, "hvp against forward over reverse")
        self.against(lambda v: dot(q, gradient(*v.values())), p, curvature, scale)

    def read_again(self) -> bool:
        """The emitted reverse function, read as input: its derivative is that of the gradient.  False where it is refused."""
        function = program_of(*self.shape(self.scalar)).function
        labels = tuple(p.name for p in function.params if p.name != "n" and self.given.get(p.name, 0.0) is not None)
        made = pipeline.compile(function, "reverse", labels)
        reverse = made.functions[f"{function.name}_reverse"]
        values = dict(zip((p.name for p in function.params), flat(tuple(self.given.values())), strict=True))
        if _seeds(reverse, values):
            return True
        direction = tuple(drawn(values[k], self.rng) for k in labels)
        gradient = ad.grad(self.scalar, wrt=self.wrt)
        wanted = ad.jvp(gradient, tuple(self.given.values()), self.nested(direction), wrt=self.wrt)[1]
        try:
            (value, shares), (slope, tangent) = ad.jvp(reverse, tuple(values.values()), direction, wrt=labels)
        except DifferentiationError:
            return False
        assert self.agrees(flat(value), flat(self.python(self.given, self.scalar))), (
            "the derivative of emitted text computes another value"
        )
        q = tuple(drawn(values[k], self.rng) for k in labels)
        scale = max(1.0, size(q, wanted), size(shares, direction))
        tolerance = 1e-2 if self.narrow else 1e-10
        close(flat(slope)[0], dot(shares, direction), scale, tolerance, "the tangent of emitted text against its gradient")
        close(dot(q, tangent), dot(q, wanted), scale, tolerance, "the derivative of emitted text")
        return True

    def shape(self, f: Callable[..., Any]) -> tuple[Callee, Shape]:
        callee = Callee(f)
        return callee, Shape.of(callee.names, list(self.given.values()))

    def nested(self, leaves: tuple[Any, ...]) -> tuple[Any, ...]:
        """Flat values for the differentiated arguments, nested like these."""
        rest = iter(leaves)
        trees = [flatten(self.given[k]) for k in self.wrt]
        return tuple(unflatten(tree, [next(rest) for _ in found]) for found, tree in trees)


def _root(x: float, sqrt: Callable[[float], float] = math.sqrt) -> float:
    if x == 0:
        raise NoTest("the slope of a root at 0 is infinite")
    return sqrt(x)


def close(a: float, b: float, scale: float, tolerance: float, what: str) -> None:
    assert abs(a - b) <= tolerance * scale, f"{what}: {a}, not {b}"


def _seeds(f: Callable[..., Any], given: Values) -> list[str]:
    """The parameters of an emitted function that are not the primal's."""
    return [n for n in inspect.signature(f).parameters if n not in given]


def _renamed(f: Callable[..., Any], given: Values, tangents: Values) -> Values:
    return dict(zip(_seeds(f, given), tangents.values(), strict=True))


def _central(f: Callable[[float], float], h: float) -> float:
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


def _sided(f: Callable[[float], float], h: float) -> float:
    return (-25 * f(0) + 48 * f(h) - 36 * f(2 * h) + 16 * f(3 * h) - 3 * f(4 * h)) / (12 * h)
