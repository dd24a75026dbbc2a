"""Operators, ufuncs and `math`: the result's kind is found by calling the function on samples, the shape by broadcasting."""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from adtransform.infer.extents import Count, array, count, shift, times
from adtransform.infer.row import Args, Kwargs, Named, Row, Types
from adtransform.ir import Const
from adtransform.lattice import (
    BOOL,
    FLOAT,
    INT,
    SHAPE,
    TEXT,
    UNKNOWN,
    Array,
    Dim,
    List,
    Scalar,
    Static,
    Tuple,
    Type,
    Unknown,
    broadcast_dims,
    dims_of,
    is_shape,
    item_of,
    join,
    meet,
    of_value,
)
from adtransform.ops import resolve

Key = tuple[str, str]

_KINDS = {"bool": ("bool",), "int": ("int32", "int64"), "float": ("float32", "float64"), "complex": ("complex64", "complex128")}
_ANY = ("bool", "int64", "float32", "float64", "complex128")
_TRIES: tuple[dict[str, Any], ...] = (
    {"bool": True, "int": 1, "float": 0.5, "complex": 0.5 + 0j},
    {"bool": True, "int": 2, "float": 1.5, "complex": 1.5 + 0j},
)


def _key(t: Type) -> Key | None:
    if isinstance(t, Scalar):
        return ("python", t.kind) if t.dtype is None else ("either", t.kind) if t.dtype == "?" else ("scalar", t.dtype)
    if isinstance(t, Array):
        return "point" if t.dims == () else "array", t.dtype or "?"
    return ("array", "?") if isinstance(t, Unknown) else None


@functools.cache
def _samples(key: Key) -> tuple[tuple[Any, ...], ...]:
    """Values of every type that the key may stand for, in turn for each of the tries."""
    form, name = key
    if form == "python":
        return (tuple(values[name] for values in _TRIES),)
    if form == "either":
        return (*_samples(("python", name)), *(s for d in _KINDS[name] for s in _samples(("scalar", d))))
    found = []
    for dtype in map(np.dtype, _ANY if name == "?" else (name,)):
        kind = {"b": "bool", "i": "int", "u": "int", "f": "float", "c": "complex"}[dtype.kind]
        ones = [dtype.type(values[kind]) for values in _TRIES]
        found.append(tuple(ones if form == "scalar" else [np.full(() if form == "point" else (1,), one) for one in ones]))
    return tuple(found)


@functools.cache
def outcome(op: str, keys: tuple[Key, ...], named: tuple[tuple[str, Any], ...] = ()) -> Types | None:
    """The types of the results on operands such as these; None where the function refuses them all."""
    function = resolve(op)
    assert function is not None
    given = {k: v.value if isinstance(v, Const) else v for k, v in named}
    found: Types | None = None
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for operands in itertools.product(*map(_samples, keys)):
            result = _call(function, operands, given)
            if result is not None:
                found = result if found is None else tuple(join(a, b) for a, b in zip(found, result, strict=True))
    return found


def _call(function: Callable[..., Any], operands: tuple[tuple[Any, ...], ...], named: dict[str, Any]) -> Types | None:
    results = (result_types(function, [tries[which] for tries in operands], named) for which in range(len(_TRIES)))
    return next((found for found in results if found is not None), None)


def result_types(function: Callable[..., Any], operands: Iterable[Any], named: Mapping[str, Any]) -> Types | None:
    """The types of what a function gives; None where it refuses its operands."""
    try:
        result = function(*operands, **named)
    except (TypeError, ValueError, ArithmeticError, IndexError, AttributeError):
        return None
    return tuple(map(of_value, result)) if isinstance(result, tuple) else (of_value(result),)


def _with_dims(t: Type, dims: tuple[Any, ...] | None) -> Type:
    if isinstance(t, Array):
        return Array(t.dtype, dims)
    # Samples that were all scalars, in a place where the rank is not known.
    return UNKNOWN


def elementwise(op: str, operands: Types, named: tuple[tuple[str, Any], ...] = ()) -> Types:
    """The results of a function that works element by element over broadcast operands."""
    dims = broadcast_dims([dims_of(t) for t in operands])
    if dims is None and not any(isinstance(t, Array) and t.dims for t in operands):
        return (UNKNOWN,)  # may be a number or an array
    keys = tuple([k for t in operands if (k := _key(t)) is not None])
    found = outcome(op, keys, named) if len(keys) == len(operands) else None
    if found is None:
        return (UNKNOWN,)
    return found if dims == () else tuple([_with_dims(t, dims) for t in found])


def _row(op: str) -> Row:
    def row(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
        if not kwargs:
            return elementwise(op, types)
        if all(isinstance(v, Const) for v in kwargs.values()):
            return elementwise(op, types, tuple(kwargs.items()))
        return UNKNOWN

    return row


def _math(op: str) -> Row:
    def row(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
        choices = [(t.kind,) if isinstance(t, Scalar) else ("int", "float") for t in types]
        found: Types | None = None
        for kinds in itertools.product(*choices):
            one = outcome(op, tuple(("python", k) for k in kinds))
            if one is not None:
                found = one if found is None else tuple(join(a, b) for a, b in zip(found, one, strict=True))
        return UNKNOWN if found is None else found

    return row


def row(op: str) -> Row:
    """The row of an operation that no table names: a ufunc, a function of `math`, or unknown."""
    function = resolve(op)
    if isinstance(function, np.ufunc) and function.signature is None:
        return _row(op)
    if op.startswith("math."):
        return _math(op)
    return lambda types, named, args, kwargs: UNKNOWN


def _power(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    base, exponent = types
    if isinstance(base, Scalar) and isinstance(exponent, Scalar) and base.dtype is None and exponent.dtype is None:
        if base.kind in ("bool", "int") and exponent.kind in ("bool", "int"):
            known = args[1].value if isinstance(args[1], Const) else None
            return FLOAT if known is None or known < 0 else INT
        return Scalar("complex") if "complex" in (base.kind, exponent.kind) else FLOAT
    return elementwise("operator.pow", types)


def _add(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    left, right = types
    if isinstance(left, Count) or isinstance(right, Count):
        extent, other = (left, args[1]) if isinstance(left, Count) else (right, args[0])
        if isinstance(extent, Count) and isinstance(other, Const) and type(other.value) is int:
            return count(shift(extent.extent, other.value)) if other.value > 0 else INT
    if isinstance(left, Tuple) and isinstance(right, Tuple):
        return Tuple(left.items + right.items)
    if SHAPE in types and all(map(is_shape, types)):
        return SHAPE
    if isinstance(left, List) and isinstance(right, List):
        return List(join(left.item, right.item))
    if left == TEXT and right == TEXT:
        return TEXT
    return elementwise("operator.add", types)


def _sub(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    left, other = types[0], args[1]
    if isinstance(left, Count) and isinstance(other, Const) and type(other.value) is int and other.value > 0:
        return INT if isinstance(left.extent, int) else count(shift(left.extent, -other.value))
    return elementwise("operator.sub", types)


def _mul(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    for extent, other in ((types[0], args[1]), (types[1], args[0])):
        if (
            isinstance(extent, Count)
            and isinstance(extent.extent, Dim)
            and isinstance(other, Const)
            and type(other.value) is int
        ):
            return count(times(other.value, extent.extent)) if other.value > 0 else INT
    if SHAPE in types and any(isinstance(t, Scalar) and t.kind in ("int", "bool") for t in types):
        return SHAPE
    return elementwise("operator.mul", types)


def _compare(op: str) -> Row:
    def row(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
        if not any(isinstance(t, (Static, Tuple, List)) for t in types):
            return elementwise(op, types)
        # An array is compared with them item by item.
        wide = next((t for t in types if isinstance(t, Array) and t.dims != ()), None)
        return BOOL if wide is None else Array("bool", wide.dims if any(isinstance(t, Static) for t in types) else None)

    return row


def _clip(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    bounds = [
        named[k] for k in ("a_min", "a_max", "min", "max") if k in named and isinstance(named[k], (Scalar, Array, Unknown))
    ]
    operands = (*types, *bounds)
    if set(kwargs) - {"a_min", "a_max", "min", "max"}:
        return UNKNOWN
    t = operands[0]
    for other in operands[1:]:
        t = elementwise("numpy.maximum", (t, other))[0]
    return t


def _extreme(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """`min(a, b)`, `max(a, b)` give back one of their operands."""
    if len(types) > 1:
        return meet(*types)
    if isinstance(types[0], List):
        return item_of(types[0])
    if isinstance(types[0], Tuple) and types[0].items:
        return meet(*types[0].items)
    if isinstance(types[0], Array) and types[0].dims is not None and len(types[0].dims) == 1 and types[0].dtype:
        return of_value(np.dtype(types[0].dtype).type(0))
    return UNKNOWN


def _sum(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """`sum([a, b])`, `sum(items)`, from a start on."""
    total: Type = named.get("start", INT)
    whole = types[0] if len(types) == 1 else None
    items = types
    if isinstance(whole, List):
        items = (whole.item,)
    elif isinstance(whole, Array):
        known = whole.dims and (len(whole.dims) > 1 or whole.dtype)
        items = (array(whole.dtype, whole.dims[1:]) if known and whole.dims else UNKNOWN,)
    for t in items:
        found = _add((total, t), {}, (), {})
        more = found if isinstance(found, Type) else found[0]
        total = more if items is types else join(total, more)  # there may be no item
    return total


def _fixed(t: Type | Types) -> Row:
    return lambda types, named, args, kwargs: t


def _prod(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    item = types[0].item if isinstance(types[0], List) else None
    return join(item, INT) if isinstance(item, Scalar) else UNKNOWN


_FUNCTIONS = [
    "numpy.real",
    "numpy.imag",
    "numpy.angle",
    "numpy.sinc",
    "numpy.i0",
    "numpy.fix",
    "numpy.round",
    "numpy.around",
    "numpy.isclose",
    "numpy.real_if_close",
    "numpy.iscomplex",
    "numpy.isreal",
    "numpy.isposinf",
    "numpy.isneginf",
    "numpy.where",
    "builtins.abs",
    "builtins.round",
]
_OPERATORS = [
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "and_",
    "or_",
    "xor",
    "lshift",
    "rshift",
    "neg",
    "pos",
    "invert",
    "abs",
]

ROWS: dict[str, Row] = {
    **{f"operator.{name}": _row(f"operator.{name}") for name in _OPERATORS},
    **{f"operator.{name}": _compare(f"operator.{name}") for name in ["lt", "le", "eq", "ne", "gt", "ge"]},
    **{name: _row(name) for name in _FUNCTIONS},
    **dict.fromkeys(
        ["operator.is_", "operator.is_not", "operator.not_", "builtins.contains", "builtins.not_contains"], _fixed(BOOL)
    ),
    **dict.fromkeys(("builtins.bool", "builtins.isinstance", "builtins.callable"), _fixed(BOOL)),
    **dict.fromkeys(("builtins.list.index", "builtins.list.count", "bisect.bisect_left", "bisect.bisect_right"), _fixed(INT)),
    **dict.fromkeys(("builtins.str", "builtins.repr"), _fixed(TEXT)),
    **dict.fromkeys(("math.fsum", "math.dist", "builtins.float"), _fixed(FLOAT)),
    "numpy.nan_to_num": lambda types, named, args, kwargs: elementwise("numpy.nan_to_num", types),
    "operator.add": _add,
    "operator.sub": _sub,
    "operator.mul": _mul,
    "operator.pow": _power,
    "builtins.int": lambda types, named, args, kwargs: types[0] if types and isinstance(types[0], Count) else INT,
    "builtins.complex": _fixed(Scalar("complex")),
    "builtins.pow": lambda types, named, args, kwargs: _power(types, named, args, kwargs) if len(types) == 2 else INT,
    "builtins.min": _extreme,
    "builtins.max": _extreme,
    "builtins.divmod": lambda types, named, args, kwargs: (
        elementwise("operator.floordiv", types)[0],
        elementwise("operator.mod", types)[0],
    ),
    "math.frexp": _fixed((FLOAT, INT)),
    "math.modf": _fixed((FLOAT, FLOAT)),
    "math.prod": _prod,
    "builtins.sum": _sum,
    "numpy.clip": _clip,
}
