"""Sample calls for every operation that has a rule: where its derivative is to be tried.

    CASES["numpy.sum"]  ->  (Case((array(3, 4),), {"axis": 1}), ...)

The operands are in the form of the IR: sequences are spliced (`numpy.stack(a, b)`), structural operations are those of
`adtransform.runtime`.  Operands that a row does not differentiate are plain values.  `smooth=False`: at this point differences
say nothing about the derivative (a kink): only the modes can be compared with one another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adtransform import runtime
from adtransform.ops import SPLICED, resolve


@dataclass(frozen=True)
class Case:
    """One call of an operation."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    smooth: bool = True


def call(op: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The value of an operation on operands in the form of the IR."""
    if "." not in op:
        return getattr(runtime, op)(*args, **kwargs)
    function = resolve(op)
    assert function is not None, op
    if op in SPLICED:
        return function(args[0] if len(args) == 1 else list(args), **kwargs)
    return function(*args, **kwargs)


def _random(shape: tuple[int, ...], low: float, high: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, shape)


def array(*shape: int, low: float = -2.0, high: float = 2.0, seed: int = 0) -> np.ndarray:
    """Reproducible random numbers."""
    return _random(shape, low, high, seed + 17 * len(shape) + sum(shape))


def square(n: int = 3, batch: tuple[int, ...] = (), seed: int = 0) -> np.ndarray:
    """A well conditioned matrix, not symmetric."""
    return array(*batch, n, n, seed=seed) + 4 * np.eye(n)


def positive(n: int = 3, batch: tuple[int, ...] = (), seed: int = 0) -> np.ndarray:
    """A symmetric positive definite matrix with separate eigenvalues, its upper triangle spoilt: it is not to be read."""
    a = array(*batch, n, n, seed=seed)
    a = a @ np.swapaxes(a, -1, -2) + np.diag(np.arange(1.0, n + 1))
    return np.tril(a) + 0.1 * np.triu(a, 1)


# -- elementwise: the interval of each operand ---------------------------------------------------------------------------

_LINE = (-2.0, 2.0)
_POSITIVE = (0.3, 3.0)
_UNIT = (-0.9, 0.9)

ONE: dict[str, tuple[float, float]] = {
    **dict.fromkeys(
        [
            "sin",
            "cos",
            "sinh",
            "cosh",
            "tanh",
            "arctan",
            "arcsinh",
            "exp",
            "exp2",
            "expm1",
            "sinc",
            "square",
            "deg2rad",
            "rad2deg",
        ],
        _LINE,
    ),
    **dict.fromkeys(["radians", "degrees", "negative", "positive", "conj", "conjugate", "real", "imag"], _LINE),
    **dict.fromkeys(["atan", "asinh"], _LINE),
    **dict.fromkeys(["arcsin", "arccos", "arctanh", "asin", "acos", "atanh"], _UNIT),
    **dict.fromkeys(["log", "log2", "log10", "sqrt", "cbrt", "reciprocal", "abs", "absolute", "fabs", "angle"], _POSITIVE),
    "log1p": (-0.5, 2.0),
    "tan": (-1.2, 1.2),
    "arccosh": (1.2, 4.0),
    "acosh": (1.2, 4.0),
}
TWO: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    **dict.fromkeys(["add", "subtract", "multiply", "arctan2", "atan2", "hypot", "logaddexp", "logaddexp2"], (_LINE, _LINE)),
    **dict.fromkeys(["divide", "true_divide"], (_LINE, _POSITIVE)),
    **dict.fromkeys(["power", "pow", "float_power"], (_POSITIVE, _LINE)),
    **dict.fromkeys(["mod", "remainder", "fmod", "divmod"], ((0.2, 0.8), (1.2, 1.8))),
    **dict.fromkeys(["maximum", "fmax"], ((0.0, 1.0), (1.5, 2.0))),
    **dict.fromkeys(["minimum", "fmin"], ((0.0, 1.0), (1.5, 2.0))),
    "copysign": (_POSITIVE, (-2.0, -1.0)),
    "heaviside": (_POSITIVE, _LINE),
}
MATH_ONE: dict[str, tuple[float, float]] = {
    **dict.fromkeys(
        ["sin", "cos", "sinh", "cosh", "tanh", "atan", "asinh", "exp", "exp2", "expm1", "erf", "erfc", "radians", "degrees"],
        _LINE,
    ),
    **dict.fromkeys(["asin", "acos", "atanh"], _UNIT),
    **dict.fromkeys(["log", "log2", "log10", "sqrt", "cbrt", "fabs", "hypot", "gamma", "lgamma"], _POSITIVE),
    "log1p": (-0.5, 2.0),
    "tan": (-1.2, 1.2),
    "acosh": (1.2, 4.0),
    "frexp": (1.1, 1.9),
    "modf": (1.1, 1.9),
}
MATH_TWO: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    **dict.fromkeys(["atan2", "hypot"], (_LINE, _LINE)),
    "pow": (_POSITIVE, _LINE),
    "log": (_POSITIVE, (1.5, 3.0)),
    "fmod": ((3.3, 3.5), (1.2, 1.25)),
    "remainder": ((3.3, 3.5), (1.2, 1.25)),
    "copysign": (_POSITIVE, (-2.0, -1.0)),
}
OPERATORS: dict[str, tuple[tuple[float, float], ...]] = {
    **dict.fromkeys(["add", "sub", "mul"], (_LINE, _LINE)),
    **dict.fromkeys(["neg", "pos"], (_LINE,)),
    "truediv": (_LINE, _POSITIVE),
    "pow": (_POSITIVE, _LINE),
    "mod": ((3.3, 3.5), (1.2, 1.25)),
}

SHAPES_ONE = ((), (3,), (2, 3), (1,), (0,), (2, 1, 3))
SHAPES_TWO = (((), ()), ((3,), ()), ((), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((1,), (3,)), ((0,), (1,)), ((2, 3), (2, 3)))


def _value(shape: tuple[int, ...] | None, interval: tuple[float, float], seed: int) -> Any:
    if shape is None:
        return float(_random((), *interval, seed))
    return _random(shape, *interval, seed) if shape else np.float64(_random((), *interval, seed))


def _elementwise(*intervals: tuple[float, float], python: bool = True, arrays: bool = True) -> tuple[Case, ...]:
    shapes: list[tuple[Any, ...]] = [(None,) * len(intervals)] if python else []
    if arrays and len(intervals) == 1:
        shapes += [(s,) for s in SHAPES_ONE]
    elif arrays and len(intervals) == 2:
        shapes += SHAPES_TWO
    elif arrays:
        shapes += [((3,),) * len(intervals), ((2, 1), (), (3,))[: len(intervals)]]
    return tuple(
        Case(tuple(_value(s, i, 10 * n + k) for k, (s, i) in enumerate(zip(combination, intervals, strict=True))))
        for n, combination in enumerate(shapes)
    )


# -- reductions: axis forms ------------------------------------------------------------------------------------------------

_METHODS = (
    "inverted_cdf averaged_inverted_cdf closest_observation interpolated_inverted_cdf hazen weibull median_unbiased "
    "normal_unbiased lower higher midpoint nearest"
).split()
_AXES: tuple[tuple[tuple[int, ...], dict[str, Any]], ...] = (
    ((), {}),
    ((3,), {}),
    ((3,), {"axis": 0}),
    ((3,), {"axis": -1, "keepdims": True}),
    ((2, 3), {}),
    ((2, 3), {"axis": 0}),
    ((2, 3), {"axis": 1}),
    ((2, 3), {"axis": -2, "keepdims": True}),
    ((2, 3), {"axis": (0, 1)}),
    ((2, 3), {"keepdims": True}),
    ((2, 1, 3), {"axis": (0, -1)}),
    ((2, 1, 3), {"axis": (2, 0), "keepdims": True}),
    ((2, 1, 3), {"axis": 1}),
    ((1,), {"axis": 0}),
)
_EMPTY: tuple[tuple[tuple[int, ...], dict[str, Any]], ...] = (((0,), {}), ((2, 0), {"axis": 1}), ((0, 3), {"axis": 1}))


def _reduced(*, empty: bool = True, low: float = -2.0, **extra: Any) -> tuple[Case, ...]:
    return tuple(Case((array(*shape, low=low),), kwargs | extra) for shape, kwargs in _AXES + (_EMPTY if empty else ()))


def _spread_out(case: Case) -> bool:
    """Whether each deviation is over more than one element, so that it is neither 0 nor undefined."""
    a, axis, ddof = case.args[0], case.kwargs.get("axis"), case.kwargs.get("ddof", 0)
    return bool(np.size(a) / np.size(np.sum(a, axis=axis)) > max(1, ddof))


def _with_nan() -> tuple[Case, ...]:
    a = array(3, 4)
    a[1, 2] = np.nan
    return Case((a,), {"axis": 1}), Case((a,)), Case((a,), {"axis": (0, 1), "keepdims": True})


def _zeros_in(*places: tuple[int, ...]) -> np.ndarray:
    a = array(3, 4)
    for place in places:
        a[place] = 0.0
    return a


_PRODUCTS = tuple(
    Case((a,), kwargs)
    for a in (_zeros_in((1, 2)), _zeros_in((1, 2), (1, 0)), _zeros_in((0, 0), (1, 0), (2, 0)))
    for kwargs in ({}, {"axis": 0}, {"axis": 1}, {"axis": -1})
)
_RUNNING = tuple(
    Case((array(*shape),), kwargs)
    for shape, kwargs in (
        ((3,), {}),
        ((3,), {"axis": 0}),
        ((2, 3), {}),
        ((2, 3), {"axis": 0}),
        ((2, 3), {"axis": -1}),
        ((2, 1, 3), {"axis": 1}),
        ((0,), {}),
        ((1,), {"axis": 0}),
    )
)

# -- products ----------------------------------------------------------------------------------------------------------------

_MATMUL = (
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 1, 2, 3), (4, 3, 2)),
    ((3,), (5, 3, 2)),
    ((5, 2, 3), (3,)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
    ((1, 1), (1, 1)),
)
_DOT = ((), ()), ((), (3,)), ((2, 3), ()), *_MATMUL[:4], ((5, 2, 3), (3,)), ((5, 2, 3), (4, 3, 2)), ((3,), (4, 3, 2))

# Of vectors of two NumPy has a product before 2.5.
CROSS_OF_TWO = np.lib.NumpyVersion(np.__version__) < "2.5.0"
_CROSS = (
    *(((3,), (3,)), ((2, 3), (2, 3)), ((3,), (2, 3)), ((4, 1, 3), (2, 3))),
    *((((2,), (2,)), ((4, 2), (3,)), ((3,), (4, 2))) if CROSS_OF_TWO else ()),
)


def _pairs(shapes: Any, **kwargs: Any) -> tuple[Case, ...]:
    return tuple(Case((array(*a), array(*b, seed=1)), kwargs) for a, b in shapes)


_EINSUM = (
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("i,i->", (3,), (3,)),
    ("i,j->ij", (3,), (2,)),
    ("ij->ji", (2, 3)),
    ("ij->j", (2, 3)),
    ("ij->", (2, 3)),
    ("ii->", (3, 3)),
    ("ii->i", (3, 3)),
    ("ii,i->i", (3, 3), (3,)),
    ("bij,bjk->bik", (4, 2, 3), (4, 3, 2)),
    ("ij,j->", (2, 3), (3,)),
    ("ij,k->k", (2, 3), (4,)),
    ("ij,ij->ij", (1, 3), (2, 3)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("i,ij,j->", (2,), (2, 3), (3,)),
    ("ij,jk,kl,lm->im", (2, 3), (3, 4), (4, 2), (2, 3)),
)
_CONTRACT = (
    ("ik,jk->ij", (2, 3), (2, 4), (3, 4)),
    ("->ii", (3, 3), ()),
    ("i->ij", (2, 3), (2,)),
    ("i,ij->iij", (2, 2, 3), (2,), (2, 3)),
    ("a,ab,bc->ca", (4, 2), (2,), (2, 3), (3, 4)),
    ("ij,jk,kl,lm->im", (2, 5), (2, 3), (3, 4), (4, 2), (2, 5)),
)

_A, _M = array(3, 4), square()
_INDICES = np.array([2, 0, 0])
_PLACES = np.array([[5, 1], [1, 0]])

CASES: dict[str, tuple[Case, ...]] = {
    **{f"numpy.{k}": _elementwise(v) for k, v in ONE.items()},
    **{f"numpy.{k}": _elementwise(*v) for k, v in TWO.items()},
    **{f"math.{k}": _elementwise(v, arrays=False) for k, v in MATH_ONE.items()},
    **{f"math.{k}": _elementwise(*v, arrays=False) for k, v in MATH_TWO.items()},
    **{f"operator.{k}": _elementwise(*v) for k, v in OPERATORS.items()},
    "math.log": (*_elementwise(_POSITIVE, arrays=False), *_elementwise(_POSITIVE, (1.5, 3.0), arrays=False)),
    "math.hypot": (Case((1.5,)), Case((1.5, -2.0)), Case((1.5, -2.0, 0.5)), Case((1.5, -2.0, 0.5, 0.7))),
    "math.dist": (Case((array(3), array(3, seed=1))),),
    "math.fsum": (Case((array(3),)),),
    **({"math.sumprod": (Case((array(3), array(3, seed=1))),)} if resolve("math.sumprod") else {}),
    "math.ldexp": (Case((1.5, -3)),),
    "math.nextafter": (Case((1.5, 2.0)),),
    **({"math.fma": (Case((1.5, -2.0, 0.5)),)} if resolve("math.fma") else {}),
    "numpy.unwrap": (Case((array(4, high=6.0),)), Case((array(3, 4, high=6.0),), {"axis": 0})),
    "numpy.nextafter": (Case((array(3), np.inf)),),
    "numpy.ldexp": (Case((array(3), np.array([1, -2, 3]))), Case((1.5, 2))),
    "numpy.frexp": _elementwise((1.1, 1.9)),
    "numpy.modf": _elementwise((1.1, 1.9)),
    "numpy.fmax": (*_elementwise(*TWO["fmax"]), Case((array(2), np.array([np.nan, 5.0])))),
    "numpy.fmin": (*_elementwise(*TWO["fmin"]), Case((array(2), np.array([np.nan, 5.0])))),
    "builtins.abs": _elementwise((-2.0, -0.2)),
    "builtins.float": (Case((1.5,)), Case((np.float64(1.5),)), Case((np.array(1.5),))),
    "builtins.pow": _elementwise(_POSITIVE, _LINE),
    "builtins.max": (Case((array(4),)), Case((1.0, 2.0)), Case((2.0, 1.0)), Case((1.0, 3.0, 2.0)), Case((1.0, 3.0, 2.0, 0.5))),
    "builtins.min": (Case((array(4),)), Case((1.0, 2.0)), Case((2.0, 1.0)), Case((1.0, 3.0, 2.0)), Case((1.0, 3.0, 2.0, 0.5))),
    "builtins.sum": (
        Case((array(4),)),
        Case((array(4),), {"start": 2.0}),
        Case((1.0, 3.0, 2.0)),
        Case((1.0, 3.0, 2.0), {"start": 0.5}),
    ),
    "builtins.divmod": (Case((7.5, 2.0)), Case((array(3, low=1.2, high=1.8), 1.0))),
    "numpy.where": (
        Case((True, 1.0, 2.0)),
        Case((array(3) > 0, array(3), array(3, seed=1))),
        Case((array(2, 1) > 0, array(3), 2.0)),
    ),
    "numpy.clip": (
        Case((array(5),), {"a_min": -0.5, "a_max": 0.5}),
        Case((array(5),), {"a_min": -0.5, "a_max": array(5, low=0.5)}),
        Case((array(5),), {"a_min": None, "a_max": 0.5}),
        Case((array(2, 5),), {"min": np.full(5, -0.5), "max": 0.5}),
        Case((1.5,), {"min": 0.0}),
        Case((1.5,), {"max": 1.0}),
    ),
    "numpy.interp": (
        Case((array(6, low=-0.9, high=3.9), np.array([0.0, 0.7, 2.0, 3.5]), array(4))),
        Case((1.1, np.array([0.0, 1.0, 2.0]), array(3))),
        *(
            Case((np.array([-0.3, 1.1, 2.7]), np.array([0.0, 1.0, 2.0]), array(3)), kwargs)
            for kwargs in ({"left": 0.3}, {"right": 0.4}, {"left": 0.3, "right": 0.4})
        ),
    ),
    "numpy.sum": (
        *_reduced(),
        Case((_A,), {"axis": 0, "initial": 0.5}),
        Case((_A,), {"dtype": np.dtype("float64")}),
        Case((_A,), {"axis": 1, "where": _A > 0, "keepdims": True}),
        Case((_A,), {"where": np.array([True, False, True, True]), "initial": 0.5}),
    ),
    "numpy.mean": (
        *_reduced(empty=False),
        Case((_A,), {"axis": 0, "dtype": np.dtype("float64")}),
        Case((_A,), {"axis": 1, "where": np.array([True, False, True, True])}),
    ),
    "numpy.var": (*_reduced(empty=False), *(c for c in _reduced(empty=False, ddof=1) if _spread_out(c))),
    "numpy.std": tuple(c for c in (*_reduced(empty=False), *_reduced(empty=False, ddof=1)) if _spread_out(c)),
    "numpy.prod": (*_reduced(), *_PRODUCTS, Case((_zeros_in((0, 1)),), {"axis": (0, 1), "keepdims": True})),
    **dict.fromkeys((f"numpy.{n}" for n in ("nanmax", "nanmin")), _reduced(empty=False)),
    **dict.fromkeys(
        ("numpy.max", "numpy.min", "numpy.amax", "numpy.amin"),
        (
            *_reduced(empty=False),
            Case((_A,), {"axis": 0, "initial": 0.1}),
            Case((_A,), {"axis": 1, "initial": 0.1, "where": _A > 0.5, "keepdims": True}),
        ),
    ),
    "numpy.nansum": (*_reduced(), *_with_nan()),
    "numpy.nanmean": (*_reduced(empty=False), *_with_nan()),
    "numpy.cumsum": (*_RUNNING, Case((_A,), {"axis": 0, "dtype": np.dtype("float64")})),
    "numpy.cumprod": (*_RUNNING, *_PRODUCTS),
    "numpy.diff": (
        Case((array(4),)),
        Case((array(3, 4),), {"axis": 0}),
        Case((array(3, 4),)),
        Case((array(1),)),
        Case((array(0),)),
    ),
    "numpy.trapezoid": (
        Case((array(4),)),
        Case((array(3, 4),)),
        Case((array(4),), {"dx": 0.5}),
        Case((array(3, 4),), {"dx": 0.5}),
        Case((array(4),), {"x": array(4, seed=1)}),
        Case((array(3, 4),), {"x": array(4, seed=1)}),
        Case((array(3, 4),), {"x": array(3, 4, seed=1)}),
        Case((array(3, 4),), {"axis": 0}),
        Case((array(3, 4),), {"axis": 0, "dx": 0.5}),
        Case((array(3, 4),), {"axis": 0, "x": array(3, seed=1)}),
    ),
    "numpy.logaddexp.reduce": (
        Case((array(4),)),
        Case((array(3, 4),)),
        Case((array(3, 4),), {"axis": 1, "keepdims": True}),
        Case((array(3, 4),), {"axis": None}),
    ),
    "builtins.complex": (Case((1.5,)), Case((1.5, -0.5))),
    "numpy.sort": (
        Case((array(4),)),
        Case((array(3, 4),), {"axis": 0}),
        Case((array(3, 4),)),
        Case((array(3, 4),), {"axis": None}),
    ),
    "operator.matmul": _pairs(_MATMUL),
    "numpy.matmul": _pairs(_MATMUL),
    "numpy.dot": _pairs(_DOT),
    "numpy.outer": _pairs([((2,), (3,)), ((), (3,)), ((2, 2), (3, 1)), ((0,), (2,))]),
    "numpy.cross": (
        *_pairs(_CROSS),
        *_pairs([((3, 2), (3, 2)), ((3,), (3, 4))], axis=0),
        *_pairs([((3, 2), (2, 3)), ((3,), (4, 3))], axisa=0, axisb=1, axisc=0),
    ),
    "numpy.linalg.cross": (*_pairs([((3,), (3,)), ((2, 3), (3,))]), *_pairs([((3, 2), (3, 2))], axis=0)),
    "numpy.vdot": _pairs([((3,), (3,)), ((2, 3), (2, 3))]),
    "numpy.inner": _pairs([((3,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 3)), ((2, 2, 3), (4, 3))]),
    "numpy.tensordot": (
        *_pairs([((2, 3), (2, 3)), ((4, 2, 3), (2, 3, 5))]),
        *_pairs([((4, 3), (3, 5))], axes=1),
        *_pairs([((2,), (3,))], axes=0),
        *_pairs([((4, 2, 3), (3, 5, 4))], axes=((0, 2), (2, 0))),
        *_pairs([((4, 2, 3), (3, 5, 4))], axes=(-1, 0)),
    ),
    "numpy.einsum": tuple(Case((s, *(array(*shape, seed=i) for i, shape in enumerate(shapes)))) for s, *shapes in _EINSUM),
    "numpy.trace": (Case((_A,)), Case((_A,), {"offset": 1}), Case((array(2, 3, 3),), {"axis1": 1, "axis2": -1})),
    "numpy.reshape": (Case((_A, (4, 3))), Case((_A, -1)), Case((2.5, (1, 1))), Case((array(0, 2), (0,)))),
    "numpy.ravel": (Case((_A,)), Case((2.5,))),
    "numpy.transpose": (
        Case((_A,)),
        Case((array(2, 3, 4),), {"axes": (1, 2, 0)}),
        Case((array(3, 3, 3),), {"axes": (1, -1, 0)}),
        Case((array(3),)),
    ),
    "numpy.permute_dims": (Case((_A,)),),
    "numpy.matrix_transpose": (Case((array(2, 3, 4),)),),
    "numpy.linalg.matrix_transpose": (Case((array(2, 3, 4),)),),
    "numpy.lib.stride_tricks.sliding_window_view": (
        Case((array(4), 2)),
        Case((array(3, 4), (2, 3))),
        Case((array(3, 4), 2), {"axis": 0}),
    ),
    "numpy.swapaxes": (Case((array(2, 3, 4), 0, -1)),),
    "numpy.moveaxis": (Case((array(2, 3, 4), 0, -1)), Case((array(2, 3, 4), (0, 1), (2, 0)))),
    "numpy.expand_dims": (Case((_A, 1)), Case((_A, (0, -1))), Case((2.5, 0))),
    "numpy.squeeze": (Case((array(2, 1, 1),)), Case((array(2, 1, 1),), {"axis": 1}), Case((array(1),))),
    "numpy.broadcast_to": (Case((array(3), (2, 3))), Case((array(2, 1), (4, 2, 3))), Case((2.5, (2,)))),
    **dict.fromkeys(
        (f"numpy.{n}" for n in ["copy", "ascontiguousarray", "atleast_1d", "atleast_2d"]),
        (Case((_A,)), Case((array(3),))),
    ),
    "numpy.astype": (Case((_A, np.dtype("float64"))),),
    "numpy.float64": (Case((1.5,)), Case((np.float64(1.5),)), Case((_A,))),
    "copy.copy": (Case((_A,)),),
    "copy.deepcopy": (Case((_A,)),),
    **dict.fromkeys(
        ("numpy.array", "numpy.asarray", "numpy.asanyarray"),
        (
            Case((1.0, 2.0)),
            Case((array(3), array(3, seed=1))),
            Case((1.0, 2.0), {"dtype": np.dtype("float64")}),
            Case((array(3),)),
            Case((2.5,)),
            Case((array(3),), {"dtype": np.dtype("float64")}),
        ),
    ),
    "numpy.concatenate": (
        Case((array(3), array(2))),
        Case((array(2, 3), array(2, 1), array(2, 0)), {"axis": 1}),
        Case((array(2, 3), array(1, 3)), {"axis": -2}),
        Case((array(2, 3), array(2)), {"axis": None}),
        Case((array(2, 3, 4),), {"axis": 1}),
    ),
    "numpy.stack": (
        Case((_A,), {"axis": 1}),
        Case((array(3), array(3, seed=1))),
        Case((_A, _A + 1), {"axis": 1}),
        Case((_A, _A + 1, _A), {"axis": -1}),
    ),
    "numpy.hstack": (Case((array(3), array(2))), Case((array(2, 3), array(2, 1))), Case((1.0, array(2)))),
    "numpy.vstack": (Case((array(3), array(3, seed=1))), Case((array(2, 3), array(3)))),
    "numpy.column_stack": (Case((array(3), array(3, seed=1))), Case((array(2, 3), array(2)))),
    "numpy.dstack": (Case((array(2, 3), array(2, 3, seed=1))), Case((array(3), array(3, seed=1)))),
    "numpy.append": (Case((array(3), array(2, 2))), Case((array(2, 3), array(1, 3)), {"axis": 0}), Case((array(3), 1.5))),
    "numpy.flip": (Case((_A,)), Case((_A,), {"axis": 1}), Case((_A,), {"axis": (0, -1)})),
    "numpy.fliplr": (Case((_A,)),),
    "numpy.flipud": (Case((_A,)),),
    "numpy.roll": (Case((_A, 2)), Case((_A, -1), {"axis": 1}), Case((_A, (1, 2)), {"axis": (0, 1)})),
    "numpy.repeat": (
        Case((_A, 2)),
        Case((_A, 2), {"axis": 0}),
        Case((array(3), np.array([0, 2, 1])), {"axis": 0}),
        Case((1.5, 3)),
    ),
    "numpy.tile": (Case((array(3), 2)), Case((_A, (2, 1, 2))), Case((1.5, (2, 2)))),
    "numpy.pad": (
        Case((array(3), 2)),
        Case((array(3), 0)),
        Case((_A, 1)),
        Case((_A, 0)),
        Case((array(2, 2, 3), 1)),
        *(Case((_A, ((1, 2), (0, 1))), {"mode": mode}) for mode in ("constant", "edge", "reflect", "symmetric", "wrap")),
        Case((array(4), (5, 7))),
        Case((array(4), (5, 7)), {"mode": "reflect"}),
        Case((array(4), (5, 7)), {"mode": "wrap"}),
        Case((_A, 1), {"constant_values": 0.5}),
        Case((_A, ((1, 2), (0, 1))), {"constant_values": array(2, 2)}),
    ),
    "numpy.bincount": (
        Case((np.array([0, 2, 0]),), {"weights": array(3)}),
        Case((np.array([0, 2, 0, 5]),), {"weights": array(4), "minlength": 8}),
    ),
    "numpy.nan_to_num": (
        Case((array(4),)),
        Case((np.array([0.5, np.nan, -1.0]),), {"nan": 0.3}, smooth=False),
    ),
    "numpy.take": (
        Case((_A, 5)),
        Case((_A, _PLACES)),
        Case((_A, _INDICES), {"axis": 0}),
        Case((_A, -1), {"axis": 1}),
        Case((_A, _PLACES % 3), {"axis": 0}),
        Case((array(3), np.array([0, 7])), {"mode": "wrap"}),
    ),
    "numpy.take_along_axis": (
        Case((_A, np.argsort(_A, axis=1)), {"axis": 1}),
        Case((_A, np.array([[0, 0, 1]]).T), {"axis": -1}),
        Case((array(4), _INDICES), {"axis": None}),
    ),
    **dict.fromkeys(("numpy.tril", "numpy.triu"), (Case((_A,)), Case((array(2, 3, 3),), {"k": -1}), Case((_A,), {"k": 1}))),
    "numpy.diag": (Case((array(3),)), Case((array(3),), {"k": -1}), Case((_A,)), Case((_A,), {"k": 1}), Case((_M,), {"k": -2})),
    "numpy.diagonal": (Case((_A,)), Case((_A,), {"offset": -1}), Case((array(2, 3, 3),), {"axis1": -2, "axis2": -1})),
    "numpy.linalg.diagonal": (Case((array(2, 3, 3),)), Case((_A,), {"offset": 1})),
    "numpy.full": (Case(((2, 3), 1.5)), Case(((2, 3), array(3)))),
    "numpy.full_like": (Case((_A, 1.5)), Case((_A, array(4)))),
    "numpy.arange": (Case((5,)), Case((0.5,), {"stop": 3.2}), Case((0.5,), {"stop": 3.2, "step": 0.4})),
    "numpy.linspace": (
        Case((0.5, 2.0)),
        Case((0.5, 2.0), {"num": 5, "endpoint": False}),
        Case((array(4), 2.0), {"num": 4}),
        Case((array(3), array(2, 1)), {"num": 1}),
        Case((array(3), array(2, 1)), {"num": 4, "axis": 1}),
        Case((0.5, array(2)), {"num": 4, "axis": -1}),
        Case((0.5, 2.0), {"num": 5, "retstep": True}),
    ),
    "numpy.linalg.inv": (Case((_M,)), Case((square(2, (4,)),)), Case((square(1),))),
    "numpy.linalg.solve": (
        Case((_M, array(3))),
        Case((_M, array(3, 2))),
        Case((square(3, (2,)), array(2, 3, 2))),
        Case((_M, array(2, 3, 2))),
        Case((square(3, (2,)), array(3, 2))),
        Case((square(3, (2,)), array(3))),
        Case((square(3, (3,)), array(3))),
    ),
    "numpy.linalg.det": (Case((_M,)), Case((square(2, (4,)),)), Case((square(1),))),
    "numpy.linalg.slogdet": (Case((_M,)), Case((square(2, (4,)),)), Case((-square(3),))),
    "numpy.linalg.norm": (
        *(Case((array(3),), {"ord": ord}) for ord in (0, 1, 2, 3, 1.5, np.inf, -np.inf)),
        *(Case((_A,), {"ord": ord}) for ord in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)),
        *(Case((_A,), {"ord": ord, "axis": 1, "keepdims": True}) for ord in (1, 2, 2.5, np.inf)),
        *(Case((_A,), {"ord": ord, "axis": (1, 0)}) for ord in ("nuc", 1)),
        Case((array(3),)),
        Case((_A,)),
        Case((_A,), {"axis": 0}),
        Case((_A,), {"axis": (0, 1)}),
        Case((_A,), {"axis": -1, "keepdims": True}),
        Case((array(2, 3, 4),), {"axis": (0, 2)}),
    ),
    "numpy.linalg.cholesky": (Case((positive(),)), Case((positive(2, (4,)),)), Case((positive(1),))),
    "numpy.linalg.eigh": (
        Case((positive(),)),
        Case((positive(2, (4,)),)),
        Case((positive(1),)),
        Case((positive(),), {"UPLO": "U"}),
    ),
    "numpy.linalg.eigvalsh": (Case((positive(),)), Case((positive(2, (4,)),)), Case((positive(),), {"UPLO": "U"})),
    "numpy.linalg.svd": (
        Case((array(4, 3),), {"full_matrices": False}),
        Case((array(3, 4),), {"full_matrices": False}),
        Case((_M,)),
        Case((array(2, 4, 3),), {"full_matrices": False}),
        Case((array(4, 3),), {"compute_uv": False}),
        Case((array(2, 3, 4),), {"full_matrices": False, "compute_uv": False}),
    ),
    "numpy.linalg.svdvals": (Case((array(4, 3),)), Case((array(3, 4),))),
    "numpy.linalg.qr": (Case((array(4, 3),), {"mode": "r"}), Case((array(4, 3),)), Case((_M,)), Case((array(2, 4, 3),))),
    "numpy.linalg.pinv": (Case((array(4, 3),)), Case((array(3, 4),)), Case((_M,))),
    # -- orderings, signals, statistics ------------------------------------------------------------------------------------
    "numpy.partition": (Case((array(5), 2)), Case((_A, 1), {"axis": 0}), Case((_A, (0, 2)))),
    "numpy.unique": (
        Case((np.array([0.5, -1.0, 2.0, 0.3]),)),
        Case((_A,), {"return_index": True}),
        Case((_A,), {"return_index": True, "return_counts": True}),
        Case((_A,), {"return_index": True, "return_inverse": True, "return_counts": True}),
    ),
    "numpy.median": _reduced(empty=False),
    "numpy.nanmedian": (*_reduced(empty=False), *_with_nan()),
    **{
        f"numpy.{nan}{name}": (
            *(Case((array(*shape), 0.3 * whole), kwargs) for shape, kwargs in _AXES if shape != (1,) and shape),
            Case((_A, np.array([0.2, 0.7]) * whole), {"axis": 1, "keepdims": True}),
            Case((array(5), np.array([[0.2], [0.7]]) * whole)),
            *(
                Case(given, {"method": method, **kwargs})
                for method in _METHODS[: None if nan == "" else 0]
                for given, kwargs in (((array(5), 0.33 * whole), {}), ((_A, np.array([0.01, 0.72]) * whole), {"axis": 1}))
            ),
        )
        for nan in ("", "nan")
        for name, whole in (("quantile", 1), ("percentile", 100))
    },
    "numpy.ptp": tuple(c for c in _reduced(empty=False) if _spread_out(c)),
    **{
        f"numpy.{name}.accumulate": (Case((array(5),)), Case((_A,)), Case((_A,), {"axis": 1}))
        for name in ("maximum", "minimum", "logaddexp")
    },
    "numpy.convolve": tuple(
        Case((array(m), array(n, seed=1)), kwargs)
        for m, n in ((5, 3), (3, 5), (5, 4), (1, 3))
        for kwargs in ({}, {"mode": "same"}, {"mode": "valid"})
    ),
    "numpy.correlate": tuple(
        Case((array(m), array(n, seed=1)), kwargs)
        for m, n in ((5, 3), (3, 5), (5, 4), (4, 5), (4, 4))
        for kwargs in ({}, {"mode": "same"}, {"mode": "full"})
    ),
    "numpy.gradient": (
        Case((array(5),)),
        Case((array(5),), {"edge_order": 2}),
        Case((_A,), {"axis": 0}),
        Case((_A,), {"axis": 1, "edge_order": 2}),
        Case((array(5), 0.3)),
        Case((_A, 0.3), {"axis": 0, "edge_order": 2}),
        Case((array(5), np.array([0.0, 0.4, 1.0, 1.7, 3.0]))),
        Case((array(5), np.array([0.0, 0.4, 1.0, 1.7, 3.0])), {"edge_order": 2}),
        Case((_A, np.array([0.0, 0.4, 1.0])), {"axis": 0}),
        Case((_A, np.array([0.0, 0.4, 1.0, 1.7])), {"axis": 1, "edge_order": 2}),
    ),
    "numpy.ediff1d": (
        Case((array(4),)),
        Case((_A,), {"to_begin": 1.5}),
        Case((array(4),), {"to_end": array(2)}),
        Case((array(4),), {"to_begin": array(2, seed=1), "to_end": 0.5}),
    ),
    "numpy.polyval": (Case((array(4), array(3))), Case((array(3), 0.7)), Case((array(1), array(3))), Case((array(4), _A))),
    "numpy.polyder": (Case((array(4),)), Case((array(1),)), Case((array(4),), {"m": 2}), Case((array(2),), {"m": 3})),
    "numpy.polyint": (
        Case((array(4),)),
        Case((array(4),), {"m": 2}),
        Case((array(3),), {"k": 0.7}),
        Case((array(3),), {"m": 3, "k": 0.7}),
        Case((array(3),), {"m": 2, "k": array(2, seed=1)}),
    ),
    **{
        f"numpy.{name}": tuple(Case((array(m), array(n, seed=1))) for m, n in ((4, 2), (1, 3), (3, 3)))
        for name in ("polyadd", "polysub", "polymul")
    },
    "numpy.roots": (Case((np.array([1.0, -3.5, 1.0]),)), Case((np.array([1.0, 0.5, -3.0, 0.3]),))),
    "numpy.vander": (Case((array(3),)), Case((array(3),), {"N": 4}), Case((array(3),), {"N": 2, "increasing": True})),
    "numpy.polyfit": (
        Case((np.array([-1.0, -0.3, 0.5, 1.2, 2.0]), array(5), 2)),
        Case((np.array([-1.0, -0.3, 0.5, 1.2]), array(4, 2), 1)),
    ),
    "numpy.average": (
        *_reduced(empty=False),
        Case((array(3),), {"weights": array(3, low=0.5)}),
        Case((_A,), {"weights": array(3, 4, low=0.5), "axis": 1, "keepdims": True}),
        Case((_A,), {"weights": array(4, low=0.5), "axis": 1}),
        Case((_A,), {"weights": array(3, low=0.5), "axis": 0, "keepdims": True}),
    ),
    "numpy.cov": (
        Case((array(4),)),
        Case((array(4),), {"bias": True}),
        Case((_A,)),
        Case((_A,), {"rowvar": False, "ddof": 0}),
        Case((array(4),), {"y": array(4, seed=1)}),
        Case((_A,), {"y": array(2, 4), "bias": True}),
    ),
    "numpy.corrcoef": (
        Case((_A,)),
        Case((_A,), {"y": array(2, 4)}),
        Case((_A,), {"rowvar": False}),
        Case((array(4),), {"y": array(4, seed=1)}),
    ),
    "numpy.histogram": (
        Case((array(6),)),
        Case((array(6),), {"bins": 3}),
        Case((array(6),), {"bins": 3, "weights": array(6, seed=1)}),
        Case((_A,), {"bins": 3, "range": np.array([-2.5, 2.5]), "weights": array(3, 4, seed=1)}),
        Case((array(6),), {"bins": np.array([-2.0, 0.0, 0.7, 3.0]), "weights": array(6, seed=1)}),
        Case((array(6),), {"bins": np.array([-2.0, 0.0, 0.7, 3.0])}),
        Case((array(6),), {"bins": 4, "range": np.array([-2.5, 2.5])}),
    ),
    **dict.fromkeys(
        (f"statistics.{n}" for n in "mean fmean variance pvariance stdev pstdev median".split()), (Case((array(4),)),)
    ),
    **dict.fromkeys((f"statistics.{n}" for n in ("geometric_mean", "harmonic_mean")), (Case((array(4, low=0.5),)),)),
    **dict.fromkeys(("numpy.nanvar", "numpy.nanstd"), (Case((_A,)), Case((_A,), {"axis": 1, "ddof": 1}), *_with_nan())),
    "numpy.nanprod": (*_reduced(), *_with_nan()),
    "numpy.nancumsum": (*_RUNNING, *_with_nan()[:2]),
    "numpy.nancumprod": (*_RUNNING, *_with_nan()[:2]),
    **({"numpy.cumulative_sum": (Case((array(3),)), Case((_A,), {"axis": 1}))} if resolve("numpy.cumulative_sum") else {}),
    **({"numpy.cumulative_prod": (Case((array(3),)), Case((_A,), {"axis": 1}))} if resolve("numpy.cumulative_prod") else {}),
    # -- picking and grids ---------------------------------------------------------------------------------------------------
    "numpy.delete": (Case((array(4), 1)), Case((_A, np.array([0, 2])), {"axis": 0}), Case((_A, 5))),
    "numpy.compress": (Case((np.array([True, False, True]), _A), {"axis": 0}), Case((np.array([False, True]), array(3)))),
    "numpy.extract": (Case((_A > 0, _A)),),
    "numpy.choose": (Case((np.array([1, 0, 1]), array(2, 3))), Case((np.array([1, 5, -1]), array(2, 3)), {"mode": "clip"})),
    "numpy.resize": (Case((array(3), 7)), Case((_A, (2, 3)))),
    "numpy.rot90": (Case((_A,)), Case((_A,), {"k": -1}), Case((array(2, 3, 4),), {"axes": (1, 2)})),
    "numpy.diagflat": (Case((array(3),)), Case((array(2, 2),), {"k": 1})),
    "numpy.atleast_3d": (Case((array(3),)), Case((_A,))),
    "numpy.asfortranarray": (Case((_A,)),),
    "numpy.real_if_close": (Case((_A,)),),
    "numpy.insert": (
        Case((array(3), 1, 0.5)),
        Case((array(3), np.array([2, 0]), array(2))),
        Case((_A, 1, array(4)), {"axis": 0}),
        Case((_A, 0, 0.5), {"axis": 1}),
    ),
    "numpy.broadcast_arrays": tuple(Case((array(3), array(2, 1), 1.5, array(2, 3), array(1))[:n]) for n in range(2, 6)),
    "numpy.meshgrid": (
        Case((array(3), array(2))),
        Case((array(3), array(2)), {"indexing": "ij"}),
        Case((array(3), array(2)), {"sparse": True}),
        Case((array(3), array(2), array(4))),
        Case((array(3), array(2), array(4)), {"indexing": "ij", "sparse": True}),
    ),
    "numpy.logspace": (
        Case((0.3, 1.2), {"num": 4}),
        Case((array(2), 0.5), {"num": 3}),
        Case((0.3, 1.2), {"num": 4, "base": 3.0}),
    ),
    "numpy.geomspace": (Case((0.3, 1.2), {"num": 4}), Case((0.3, 1.2), {"num": 4, "endpoint": False})),
    # -- products, norms, Fourier transforms -------------------------------------------------------------------------------
    "numpy.kron": _pairs([((3,), (2,)), ((2, 3), (2, 2)), ((2, 3), (2,)), ((3,), (2, 2))]),
    **{f"numpy.{m}vecdot": _pairs([((3,), (3,)), ((2, 3), (3,))]) for m in ("", "linalg.")},
    **({"numpy.matvec": _pairs([((2, 3), (3,)), ((2, 3), (4, 3))])} if resolve("numpy.matvec") else {}),
    **({"numpy.vecmat": _pairs([((2,), (2, 3)), ((4, 2), (2, 3))])} if resolve("numpy.vecmat") else {}),
    "numpy.linalg.multi_dot": (
        Case((array(2, 3), array(3, 2))),
        Case((array(2, 3), array(3, 2), array(2))),
        Case((array(2), array(2, 3), array(3, 2), array(2))),
    ),
    "numpy.linalg.matmul": _pairs([((2, 3), (3, 4))]),
    "numpy.linalg.outer": _pairs([((2,), (3,))]),
    "numpy.linalg.tensordot": _pairs([((4, 3), (3, 5))], axes=1),
    "numpy.linalg.trace": (Case((_M,)), Case((array(2, 3, 4),), {"offset": 1})),
    "numpy.linalg.vector_norm": (Case((_A,)), Case((_A,), {"axis": 1, "ord": 1}), Case((array(3),), {"ord": 3})),
    "numpy.linalg.matrix_norm": (
        Case((_A,)),
        Case((array(2, 3, 4),), {"ord": "nuc", "keepdims": True}),
        Case((_A,), {"ord": 1}),
    ),
    "numpy.linalg.eig": (Case((square(),)), Case((np.array([[1.0, 2.0], [0.5, 3.0]]),))),
    "numpy.linalg.eigvals": (Case((square(),)), Case((np.array([[1.0, 2.0], [0.5, 3.0]]),))),
    "numpy.linalg.lstsq": (
        Case((array(5, 3), array(5))),
        Case((array(5, 3), array(5, 2)), {"rcond": None}),
        Case((array(2, 3), array(2))),
    ),
    "numpy.linalg.cond": (Case((_M,)), Case((array(4, 3),))),
    "numpy.linalg.matrix_power": tuple(Case((_M, n)) for n in (0, 1, 2, 3, -1, -2)),
    **{
        f"numpy.fft.{name}": (
            Case((array(5),)),
            Case((_A,), {"axis": 0, "norm": "ortho"}),
            Case((_A,), {"n": 3}),
            Case((array(5),), {"n": 8, "norm": "forward"}),
        )
        for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
    },
    **{
        f"numpy.fft.{name}": (
            Case((_A,)),
            Case((_A,), {"axes": (1, 0), "norm": "ortho"}),
            Case((_A,), {"s": (2, 5), "axes": (0, 1)}),
            Case((_A,), {"s": (5, 2), "axes": (1, 0), "norm": "forward"}),
        )
        for name in ("fft2", "ifft2", "fftn", "ifftn", "rfft2")
    },
    "numpy.fft.rfftn": (
        Case((array(5),)),
        Case((_A,)),
        Case((array(2, 3, 4),)),
        Case((_A,), {"axes": (1, 0), "norm": "ortho"}),
        Case((_A,), {"axes": (0,)}),
        Case((_A,), {"s": (2, 5), "axes": (0, 1)}),
        Case((array(2, 3, 4),), {"s": (3, 2, 5), "axes": (0, 1, 2)}),
        Case((_A,), {"s": (2,), "axes": (0,), "norm": "ortho"}),
    ),
    "numpy.fft.irfft2": (Case((_A,)), Case((_A,), {"s": (3, 5)})),
    **{f"numpy.fft.{n}": (Case((array(5),)), Case((_A,), {"axes": 1})) for n in ("fftshift", "ifftshift")},
    **{f"numpy.fft.{n}": (Case((5,), {"d": 0.3}),) for n in ("fftfreq", "rfftfreq")},
    # -- structural --------------------------------------------------------------------------------------------------------
    "fit": (
        Case((array(2, 3), array(3))),
        Case((array(3), array(1, 3))),
        Case((array(2, 3), 1.0)),
        Case((array(2, 3), array(2, 1))),
        Case((1.5, 2.0)),
        Case((_A, _A)),
    ),
    "expand": (Case((array(3), array(2, 3))), Case((1.5, array(2))), Case((1.5, 2.0))),
    "cast": (Case((_A, _A)), Case((1.5, np.float64(2.0))), Case((np.float64(1.5), 2.0))),
    "strong": (Case((array(3), array(3, seed=1))), Case((1.5, 2.0)), Case((1.5, array(2))), Case((array(2, 1), array(3)))),
    "spread": (
        Case((1.5, _A)),
        Case((array(4), _A), {"axis": 0}),
        Case((array(3, 1), _A), {"axis": 1, "keepdims": True}),
        Case((array(3), array(2, 3, 4)), {"axis": (0, -1)}),
        Case((1.5, 2.0)),
    ),
    "scatter": (Case((array(2, 2), _PLACES, _A)), Case((1.5, _PLACES, _A)), Case((array(2, 1), _PLACES, _A))),
    "piece": (
        Case((array(5), 1, 0, array(3), array(2))),
        Case((array(2, 4), 0, 1, array(2, 3), array(2, 1))),
        Case((array(2, 3), 0, 0, array(3), array(3))),
        Case((array(8), 0, None, array(2, 3), array(2))),
    ),
    "pieces": (Case((array(2, 12), 1, array(3, 2, 4))),),
    "columns": (Case((array(2, 3), array(3))), Case((array(2, 3), _A))),
    "uncolumns": (Case((array(2, 3, 1), array(3))), Case((array(2, 3), _A))),
    "items": (Case((array(3), array(3))),),
    "undiag": (
        Case((array(3, 3), array(3))),
        Case((array(3), _A)),
        Case((array(3), _A), {"k": 1}),
        Case((array(4, 4), array(3)), {"k": -1}),
    ),
    "lanes": (Case((_A,)), Case((_A,), {"axis": 0}), Case((array(2, 3, 4),), {"axis": (0, -1)}), Case((1.5,))),
    "delay": (Case((array(3), 1.0)), Case((_A, 0.0), {"axis": 0}), Case((_A, 1.0)), Case((array(0), 1.0))),
    "recur": (
        Case((array(4), array(4, seed=1))),
        Case((_A, _A + 1), {"axis": 0}),
        Case((_A, _A + 1), {"axis": -1}),
        Case((_A, _A + 1)),
    ),
    **{
        name: tuple(
            Case((np.asarray(call(op, c.args, c.kwargs)), c.args[1 - k], c.args[k]), c.kwargs) for c in _pairs(shapes, **kwargs)
        )
        for name, op, k, shapes, kwargs in (
            ("matmul_left", "numpy.matmul", 0, _MATMUL, {}),
            ("matmul_right", "numpy.matmul", 1, _MATMUL, {}),
            ("dot_left", "numpy.dot", 0, _DOT, {}),
            ("dot_right", "numpy.dot", 1, _DOT, {}),
            ("tensordot_left", "numpy.tensordot", 0, [((4, 2, 3), (3, 5, 4))], {"axes": ((0, 2), (2, 0))}),
            ("tensordot_right", "numpy.tensordot", 1, [((4, 2, 3), (3, 5, 4))], {"axes": ((0, 2), (2, 0))}),
        )
    },
    "cofactors": tuple(Case((a, np.linalg.det(a)), smooth=False) for a in (_M, square(2, (4,)), square(1))),
    "moved_cofactors": tuple(Case((np.cos(a), a, np.linalg.det(a)), smooth=False) for a in (_M, square(2, (4,)), square(1))),
    "inverse": (Case((_M,)), Case((square(2, (4,)),))),
    "polygamma": (Case((0, 1.3)), Case((1, 0.7)), Case((2, -1.4)), Case((0, 20.5))),
    "cross_share": (
        *(Case((np.cross(*c.args), *reversed(c.args))) for c in _pairs(_CROSS)),
        *(
            Case((np.cross(*c.args, **c.kwargs), *reversed(c.args)), c.kwargs)
            for c in _pairs([((3, 2), (2, 3)), ((3,), (4, 3))], axisa=0, axisb=1, axisc=0)
        ),
    ),
    "contract": tuple(Case((s, *(array(*shape, seed=i) for i, shape in enumerate(shapes)))) for s, *shapes in _CONTRACT),
}
