"""Inferred types hold for what really comes out: over every sample call, with the operands known well, badly, not at all."""

from __future__ import annotations

import itertools
import timeit
import warnings
from typing import Any

import numpy as np
import pytest
from domains import CASES, Case, call

from adtransform.build import Builder
from adtransform.infer import infer
from adtransform.ir import Const, Var
from adtransform.lattice import (
    BOOL,
    COMPLEX,
    FLOAT,
    INT,
    UNKNOWN,
    Array,
    Dim,
    List,
    Scalar,
    Tuple,
    Type,
    Unknown,
    of_value,
    show,
)


def holds(t: Type, value: Any, extents: dict[str, int]) -> bool:
    """Whether a value is of a type; extents of one name are the same number."""
    if isinstance(t, Unknown):
        return True
    if isinstance(t, Tuple):
        return (
            isinstance(value, tuple) and len(value) == len(t.items) and all(map(holds, t.items, value, [extents] * len(value)))
        )
    if isinstance(t, List):
        return isinstance(value, list) and all(holds(t.item, v, extents) for v in value)
    if isinstance(t, Scalar):
        order = ("bool", "int", "float", "complex")
        actual = of_value(value)
        if not isinstance(actual, Scalar):
            return False
        if t.dtype == "?":
            return order.index(actual.kind) <= order.index(t.kind)
        return actual.kind == t.kind and actual.dtype == t.dtype
    if isinstance(t, Array):
        # Of unknown rank, an array may have come down to a scalar.
        if not isinstance(value, np.ndarray) and t.dims is not None:
            return False
        if t.dtype is not None and np.asarray(value).dtype != np.dtype(t.dtype):
            return False
        if t.dims is None:
            return True
        if len(t.dims) != np.ndim(value):
            return False
        for e, n in zip(t.dims, np.shape(value), strict=True):
            if extents.setdefault(e.name, n) != n if isinstance(e, Dim) else e != n:
                return False
            if isinstance(e, Dim) and e.many and n == 1:
                return False
        return True
    return True


def known(value: Any, extents: dict[int, Dim]) -> Type:
    """The type of an array with a symbol for each extent, the same for equal ones."""
    t = of_value(value)
    if isinstance(t, Array):
        names = {n: extents.setdefault(n, Dim(f"N{n}", True)) for n in np.shape(value) if n != 1}
        return Array(t.dtype, tuple(1 if n == 1 else names[n] for n in np.shape(value)))
    return t


def degrade(t: Type, how: str) -> Type:
    if isinstance(t, Array) and how in ("no dims", "no dtype"):
        return Array(t.dtype, None) if how == "no dims" else Array(None, t.dims)
    if isinstance(t, Scalar) and how == "no dtype" and t.kind == "float":
        return Scalar("float", "?")
    if isinstance(t, (Array, Scalar)) and how == "unknown":
        return UNKNOWN
    if isinstance(t, Array) and how == "extents":
        return Array(t.dtype, tuple(Dim(f"M{i}.{next(_NEW)}") for i, _ in enumerate(t.dims or ())))
    return t


_NEW = itertools.count()  # extents of which no two are one


def operand(value: Any, how: str, extents: dict[int, Dim], is_static: bool) -> tuple[Type, Any]:
    if is_static or not isinstance(value, (float, np.generic, np.ndarray)) or isinstance(value, np.dtype):
        c = Const(value)
        return of_value(value), c
    t = degrade(known(value, extents), how)
    return t, Var(t)


def check(op: str, case: Case, how: str) -> None:
    extents: dict[int, Dim] = {}
    pairs = [operand(a, how, extents, False) for a in case.args]
    named = {k: operand(v, how, extents, False) for k, v in case.kwargs.items()}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = call(op, case.args, case.kwargs)
    results = result if isinstance(result, tuple) else (result,)
    found = infer(
        op,
        tuple(t for t, _ in pairs),
        {k: t for k, (t, _) in named.items()},
        tuple(a for _, a in pairs),
        {k: a for k, (_, a) in named.items()},
        len(results),
    )
    assert len(found) == len(results)
    sizes = {d.name: n for n, d in extents.items()}
    for t, r in zip(found, results, strict=True):
        assert holds(t, r, sizes), f"{op}{[show(t) for t, _ in pairs]} -> {show(t)}, but is {type(r)} {of_value(r)}"


# Real or complex, as the values are.
BY_VALUE = ("numpy.linalg.eig", "numpy.linalg.eigvals", "numpy.roots")
EVERY = [pytest.param(op, case, id=f"{op}-{i}") for op, cases in CASES.items() for i, case in enumerate(cases)]


@pytest.mark.parametrize("how", ["known", "extents", "no dims", "no dtype", "unknown"])
@pytest.mark.parametrize(("op", "case"), EVERY)
def test_types_hold(op: str, case: Case, how: str) -> None:
    check(op, case, how)


@pytest.mark.parametrize(("op", "case"), EVERY)
def test_types_hold_in_single_precision(op: str, case: Case) -> None:
    if "." not in op:
        return
    narrow = [a.astype(np.float32) if isinstance(a, (np.ndarray, np.generic)) and a.dtype == float else a for a in case.args]
    check(op, Case(tuple(narrow), case.kwargs), "known")


@pytest.mark.parametrize(("op", "case"), EVERY)
def test_types_are_not_given_away(op: str, case: Case) -> None:
    """With everything known about the operands, kind and rank of the result are known."""
    # The rank of `numpy.cross` depends on whether its vectors have two parts or three, which an extent without a value hides.
    open_ones = ("math.nextafter", "copy.copy", "copy.deepcopy", "numpy.nextafter", "lanes", "numpy.cross", *BY_VALUE)
    asked = {"initial", "where", "range", *(["dtype"] if op in ("numpy.sum", "numpy.mean", "numpy.cumsum") else [])}
    if op in open_ones or asked & set(case.kwargs):
        return
    extents: dict[int, Dim] = {}
    pairs = [operand(a, "known", extents, False) for a in case.args]
    named = {k: operand(v, "known", extents, False) for k, v in case.kwargs.items()}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = call(op, case.args, case.kwargs)
    count = len(result) if isinstance(result, tuple) else 1
    found = infer(
        op,
        tuple(t for t, _ in pairs),
        {k: t for k, (t, _) in named.items()},
        tuple(a for _, a in pairs),
        {k: a for k, (_, a) in named.items()},
        count,
    )
    for t in found:
        assert isinstance(t, Scalar) or (isinstance(t, Array) and t.dims is not None and t.dtype is not None), show(t)


N, M = Dim("I", True), Dim("J", True)
X, A = Array("float64", (N,)), Array("float64", (N, M))


def key(b: Builder, *items: Any) -> Any:
    made = [b.let("slice", *k) if isinstance(k, tuple) else k for k in items]
    return made[0] if len(made) == 1 else b.let("tuple", *made)


@pytest.mark.parametrize(
    ("t", "items", "expected"),
    [
        (X, (0,), "float64()"),
        (X, ((1, None, None),), "float64[I-1]"),
        (X, ((None, -1, None),), "float64[I-1]"),
        (X, ((1, -1, None),), "float64[I-2]"),
        (X, ((2, None, None),), "float64[I-2]"),
        (X, ((None, None, -1),), "float64[I]"),
        (X, ((None, 3, None),), "float64[I[:3:]]"),
        (X, ((None, None, None), None), "float64[I, 1]"),
        (X, (None,), "float64[1, I]"),
        (X, (Ellipsis,), "float64[I]"),
        (X, (Ellipsis, 0), "float64[]"),
        (A, (0,), "float64[J]"),
        (A, ((None, None, None), 0), "float64[I]"),
        (A, ((1, None, None), (None, -1, None)), "float64[I-1, J-1]"),
        (A, (Ellipsis, None), "float64[I, J, 1]"),
        (A, (1, 2), "float64()"),
        (A, (Var(Array("int64", (Dim("K"),))),), "float64[K, J]"),
        (A, ((None, None, None), Var(Array("int64", (Dim("K"),)))), "float64[I, K]"),
        (A, (Var(Array("int64", (Dim("K"),))), 0), "float64[K]"),
        (A, (Var(Array("int64", (Dim("K"),))), Var(Array("int64", (Dim("L"), 1)))), "float64[L, K]"),
        (Array("float64", (2, 3, 4)), (0, (None, None, None), Var(Array("int64", (Dim("K"),)))), "float64[K, 3]"),
        (Array("float64", (2, 3, 4)), ((None, None, None), 0, Var(Array("int64", (Dim("K"),)))), "float64[2, K]"),
        (Array("float64", (5,)), ((1, -1, 2),), "float64[2]"),
        (Array("float64", None), ((1, None, None),), "float64[...]"),
        (Array("float64", None), (0,), "?"),
        (X, (Var(UNKNOWN),), "?"),
    ],
)
def test_indexing(t: Type, items: tuple[Any, ...], expected: str) -> None:
    b = Builder()
    assert show(b.let("index", Var(t), key(b, *items)).type) == expected


def test_a_mask_has_an_extent_of_its_own() -> None:
    b = Builder()
    first = b.let("index", Var(X), Var(Array("bool", (N,)))).type
    second = b.let("index", Var(X), Var(Array("bool", (N,)))).type
    assert isinstance(first, Array) and isinstance(second, Array) and first.dims != second.dims


@pytest.mark.parametrize("n", range(7))
def test_names_of_computed_extents_are_lengths(n: int) -> None:
    """Slices whose types have the same name have the same length, also for short axes."""
    sizes: dict[str, int] = {"I": n}
    bounds = [None, 0, 1, 2, 3, -1, -2, -3]
    t = Array("float64", (Dim("I"),))
    for start in bounds:
        for stop in bounds:
            for step in (None, 2, -1):
                b = Builder()
                once = b.let("index", Var(t), b.let("slice", start, stop, step))
                a = np.zeros(n)[start:stop:step]
                assert holds(once.type, a, sizes)
                assert holds(b.let("index", once, b.let("slice", 1, None, None)).type, a[1:], sizes)
                assert holds(b.let("index", once, b.let("slice", None, -2, None)).type, a[:-2], sizes)


def test_lengths_make_shapes() -> None:
    b = Builder()
    n = b.let("builtins.len", Var(X))
    assert show(b.let("numpy.zeros", n).type) == "float64[I]"
    assert show(b.let("numpy.zeros", b.let("operator.sub", n, 1)).type) == "float64[I-1]"
    assert show(b.let("numpy.zeros", b.let("tuple", n, 3)).type) == "float64[I, 3]"
    assert show(b.let("numpy.empty", b.let("shape", Var(A))).type) == "float64[I, J]"
    assert show(b.let("numpy.zeros", b.let("index", b.let("shape", Var(A)), 1)).type) == "float64[J]"
    assert show(b.let("numpy.arange", n).type) == "int64[I]"
    assert show(b.let("numpy.zeros_like", Var(A)).type) == "float64[I, J]"
    assert show(b.let("numpy.zeros", n, dtype=np.float32).type) == "float32[I]"
    assert show(b.let("numpy.full", n, 0.5).type) == "float64[I]"
    assert show(b.let("numpy.linspace", 0.0, 1.0, num=n).type) == "float64[I]"
    assert show(b.let("numpy.eye", 3).type) == "float64[3, 3]"


@pytest.mark.parametrize(
    ("op", "args", "expected"),
    [
        ("operator.add", (1, 2), INT),
        ("operator.truediv", (1, 2), FLOAT),
        ("operator.pow", (Var(INT), 2), INT),
        ("operator.pow", (Var(INT), -1), FLOAT),
        ("operator.pow", (Var(INT), Var(INT)), FLOAT),
        ("operator.pow", (2.0, 1j), COMPLEX),
        ("operator.lt", (1.0, 2.0), BOOL),
        ("operator.not_", (Var(UNKNOWN),), BOOL),
        ("math.sin", (Var(UNKNOWN),), FLOAT),
        ("math.floor", (Var(UNKNOWN),), INT),
        ("math.sqrt", (Var(Scalar("float", "float32")),), FLOAT),
        ("numpy.sin", (1.0,), Scalar("float", "float64")),
        ("numpy.sin", (Var(Scalar("float", "float32")),), Scalar("float", "float32")),
        ("numpy.sin", (Var(UNKNOWN),), UNKNOWN),
        ("numpy.isnan", (Var(Array(None, (N,))),), Array("bool", (N,))),
        ("operator.mul", (Var(X), 2), X),
        ("operator.mul", (Var(Array("float32", (N,))), 2.5), Array("float32", (N,))),
        ("operator.mul", (Var(Array("float32", (N,))), np.float64(2.5)), X),
        ("operator.mul", (Var(Array("int64", (N,))), 2.5), X),
        ("operator.mul", (Var(X), Var(UNKNOWN)), Array(None, None)),
        ("operator.lt", (Var(X), Var(UNKNOWN)), Array("bool", None)),
        ("operator.matmul", (Var(A), Var(Array("float64", (M,)))), X),
        ("operator.matmul", (Var(X), Var(X)), Scalar("float", "float64")),
        ("numpy.sum", (Var(A),), Scalar("float", "float64")),
        ("numpy.sum", (Var(UNKNOWN),), Scalar("complex", "?")),
        ("numpy.sum", (Var(Array("bool", (N,))),), Scalar("int", "int64")),
        ("numpy.mean", (Var(Array("int64", (N,))),), Scalar("float", "float64")),
        ("numpy.argmax", (Var(X),), Scalar("int", "int64")),
        ("numpy.where", (True, 1.0, 2.0), Array("float64", ())),
        ("builtins.abs", (1.5,), FLOAT),
        ("builtins.round", (1.5,), INT),
        ("builtins.float", (Var(UNKNOWN),), FLOAT),
        ("builtins.max", (Var(FLOAT), Var(INT)), FLOAT),
        ("fit", (Var(UNKNOWN), Var(X)), X),
        ("fit", (Var(X), Var(INT)), FLOAT),
        ("zeros", (Var(Array("int64", (N,))),), X),
        ("list", (), List(of_value(None).__class__("undefined"))),
        ("push", (Var(List(of_value(None).__class__("undefined"))), 1.0), List(FLOAT)),
    ],
)
def test_results(op: str, args: tuple[Any, ...], expected: Type) -> None:
    assert Builder().let(op, *args).type == expected


def test_lists() -> None:
    b = Builder()
    items = b.let("list", 1, 2.0)
    assert items.type == List(FLOAT)
    rest, last = b.apply("pop", (items,), count=2)
    assert (rest.type, last.type) == (List(FLOAT), FLOAT)
    assert b.let("index", items, 0).type == FLOAT
    assert b.let("update", items, 0, 1j).type == List(COMPLEX)
    assert show(b.let("numpy.array", b.let("list", 1.0)).type).startswith("float64[?")


def test_nothing_is_known_of_a_foreign_function() -> None:
    assert Builder().let("numpy.no_such_function", 1.0).type == UNKNOWN
    assert [v.type for v in Builder().apply("mine.two", (1.0,), count=2)] == [UNKNOWN, UNKNOWN]


def test_it_is_fast() -> None:
    b = Builder()
    x, k = Var(A), b.let("slice", 1, -1, None)
    seconds = min(timeit.repeat(lambda: (b.let("operator.mul", x, 2.0), b.let("index", x, k)), number=500, repeat=3)) / 1000
    assert seconds < 200e-6
