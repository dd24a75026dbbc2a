"""Every row of the tables against differences, and every transpose against the inner product: without the engine.

Forward, reverse and second order through the engine are tested over the same sample calls in `test_rules.py`.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from typing import Any

import numpy as np
import pytest
from domains import CASES, CROSS_OF_TWO, Case, call, positive

import adtransform
from adtransform import runtime
from adtransform.ir import Atom, Const, Let, Var
from adtransform.lattice import Array
from adtransform.live import from_given
from adtransform.ops import STRUCTURAL, resolve
from adtransform.rules.table import OPERANDS, RULES, TRANSPOSES, Rule, Transpose, find

HELPERS = {n: getattr(runtime, n) for n in STRUCTURAL if hasattr(runtime, n)}
HELPERS |= {"shape": np.shape, "size": np.size, "ndim": np.ndim}


class _Arithmetic(ast.NodeTransformer):
    """`/` and `**` in rows are NumPy's."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        name = {ast.Div: "divide", ast.Pow: "power"}.get(type(node.op))
        if name is None:
            return node
        return ast.Call(ast.Name(name, ast.Load()), [node.left, node.right], [])


def evaluate(text: str, module: str, names: dict[str, Any], *, python: bool = False) -> Any:
    """The value of a row's text."""
    own = vars(math) if module == "math" else vars(np.fft) if module == "numpy.fft" else {}
    space = {**vars(np.linalg), **vars(np), **own, **HELPERS}
    head = f"def row({', '.join(names)}):"
    text = head + text[text.index("\n") :] if text.startswith("def ") else f"{head}\n    return {text}\n"
    tree = ast.parse(text)
    if not python:
        tree = ast.fix_missing_locations(_Arithmetic().visit(tree))
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    inner: dict[str, Any] = {}
    exec(compile(tree, "<row>", "exec"), space, inner)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return inner["row"](**names)


def bind(op: str, case: Case) -> tuple[Rule, dict[str, Any]]:
    """The row that covers a sample call, and the values of its names."""
    values = [Const(a) for a in case.args]
    result = call(op, case.args, case.kwargs)
    results = result if isinstance(result, tuple) else (result,)
    let = Let(tuple(Var() for _ in results), op, tuple(values), tuple(sorted((k, Const(v)) for k, v in case.kwargs.items())))
    found = find(let)
    assert found is not None, f"no row covers {op}{case}"
    targets = dict(zip(let.targets, results, strict=True))
    return found[0], {k: a.value if isinstance(a, Const) else targets[a] for k, a in found[1].items()}


def differential(rule: Rule, names: dict[str, Any], tangents: dict[str, Any]) -> tuple[Any, ...]:
    """The tangents of the results by the row."""
    text = rule.text
    for stem in (n[1:] for n in rule.pattern.operands if n.startswith("*")):
        each = sorted((n for n in names if re.fullmatch(rf"{stem}\d+", n)), key=lambda n: int(n[len(stem) :]))
        text = re.sub(rf"\*d{stem}\b", ", ".join(f"d{n}" for n in each), text)
        text = re.sub(rf"\*{stem}\b", ", ".join(each), text)
    still = {f"d{n}": 0.0 for n in names if n in OPERANDS}
    found = evaluate(
        text, rule.module, names | still | {f"d{k}": v for k, v in tangents.items()}, python=rule.op.startswith("operator.")
    )
    return found if isinstance(found, tuple) else (found,)


def moving(rule: Rule, names: dict[str, Any], count: int) -> list[str]:
    """The operands to differentiate that are there."""
    return [n for n in rule.operands(count) if names.get(n) is not None and not isinstance(names[n], int)]


def tangent(x: Any, seed: int) -> Any:
    d = np.random.default_rng(seed).standard_normal(np.shape(x))
    return d if isinstance(x, np.ndarray) else type(x)(d) if isinstance(x, (float, np.generic)) else float(d)


def rebuilt(rule: Rule, case: Case, names: dict[str, Any], moved: dict[str, Any]) -> Case:
    """The call with some of its operands replaced."""
    operands: list[Any] = []
    for n in rule.pattern.operands:
        if n.startswith("*"):
            stem = n[1:]
            count = len(case.args) - len(operands)
            operands += [moved.get(f"{stem}{i}", names[f"{stem}{i}"]) for i in range(count)]
        else:
            operands.append(moved.get(n, names[n]))
    kwargs = dict(case.kwargs)
    for k, meaning in rule.pattern.keywords.items():
        if isinstance(meaning, str) and meaning in moved:
            kwargs[k] = moved[meaning]
    return Case(tuple(operands), kwargs)


def differences(op: str, rule: Rule, case: Case, names: dict[str, Any], tangents: dict[str, Any]) -> list[Any]:
    """Directional derivatives of the results, by central differences of fourth order."""

    def at(h: float) -> list[Any]:
        moved = {k: names[k] + h * d for k, d in tangents.items()}
        there = rebuilt(rule, case, names, moved)
        result = call(op, there.args, there.kwargs)
        return [np.asarray(r) for r in (result if isinstance(result, tuple) else (result,))]

    h = 1e-3
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        steps = zip(at(2 * h), at(h), at(-h), at(-2 * h), strict=True)
    return [(8 * (b - c) - (a - d)) / (12 * h) for a, b, c, d in steps]


EVERY = [pytest.param(op, case, id=f"{op}-{i}") for op, cases in CASES.items() for i, case in enumerate(cases)]


@pytest.mark.parametrize(("op", "case"), EVERY)
def test_differential_agrees_with_differences(op: str, case: Case) -> None:
    rule, names = bind(op, case)
    if rule.constant or op in ("cofactors", "moved_cofactors"):  # whose determinants move with the matrices
        return
    each = moving(rule, names, len(case.args))
    for active in [*([n] for n in each), each]:
        tangents = {n: tangent(names[n], i) if n in active else np.zeros(np.shape(names[n])) for i, n in enumerate(each)}
        found = differential(rule, names, tangents)
        expected = differences(op, rule, case, names, {n: tangents[n] for n in active})
        for f, e in zip(found, expected, strict=True):
            np.testing.assert_allclose(
                np.broadcast_to(f, e.shape), e, rtol=1e-7, atol=1e-8, equal_nan=op.startswith("numpy.nan")
            )


@pytest.mark.parametrize(("op", "case"), EVERY)
def test_differential_keeps_the_precision(op: str, case: Case) -> None:
    """float32 operands have float32 tangents, except where the primal is wider."""
    rule, names = bind(op, case)
    if rule.constant or not op.startswith(("numpy.", "operator.")):
        return
    each = moving(rule, names, len(case.args))
    if not each or not all(isinstance(names[n], (np.ndarray, np.generic)) for n in each):
        return
    narrow = {n: names[n].astype(np.float32) for n in each}
    call_ = rebuilt(rule, case, names, narrow)
    rule, names = bind(op, call_)
    found = differential(rule, names, {n: tangent(names[n], 1).astype(np.float32) for n in each})
    result = call(op, call_.args, call_.kwargs)
    for f, r in zip(found, result if isinstance(result, tuple) else (result,), strict=True):
        if np.asarray(r).dtype == np.float32 and not isinstance(f, float):
            assert np.asarray(f).dtype == np.float32


# -- transposes ---------------------------------------------------------------------------------------------------------


def linear_calls() -> list[Any]:
    out = []
    for op, rows in TRANSPOSES.items():
        for r, row in enumerate(rows):
            out += [
                pytest.param(op, row, case, id=f"{op}-{r}-{i}")
                for i, case in enumerate(CASES[op])
                if first(rows, op, case, row)
            ]
    return out


def first(rows: list[Transpose], op: str, case: Case, row: Transpose) -> bool:
    """Whether a call is covered by this row, and by no earlier one for the same operand."""
    covering = [r for r in rows if bound(r, op, case) is not None]
    same = [r for r in covering if "*a" in (r.operand, row.operand) or place(r) == place(row)]
    return bool(same) and same[0] is row and row in covering


def place(row: Transpose) -> int | str:
    """Where the operand `a` of a row stands in a call: its position, or its keyword."""
    keywords = (k for k, meaning in row.pattern.keywords.items() if meaning == "a")
    return row.pattern.operands.index("a") if "a" in row.pattern.operands else next(keywords)


def bound(row: Transpose, op: str, case: Case) -> dict[str, Any] | None:
    let = Let((Var(),), op, tuple(map(Const, case.args)), tuple((k, Const(v)) for k, v in case.kwargs.items()))
    found = row.pattern.bind(let)
    if row.rank is not None and np.ndim(case.args[place(row)]) != row.rank:  # type: ignore[index]
        return None
    if found is not None and row.when is not None and not row.when({k: known_extents(a) for k, a in found.items()}):
        return None
    return None if found is None else {k: a.value for k, a in found.items() if isinstance(a, Const)}


def known_extents(a: Atom) -> Atom:
    """An operand as one whose extents are known while transforming."""
    value = a.value if isinstance(a, Const) else None
    return Var(Array(str(value.dtype), value.shape)) if isinstance(value, np.ndarray) else a


def inner(a: Any, b: Any) -> float:
    return float(np.sum(np.asarray(a) * np.asarray(b)).real)


@pytest.mark.parametrize(("op", "row", "case"), linear_calls())
def test_transpose_is_the_adjoint(op: str, row: Transpose, case: Case) -> None:
    if op == "numpy.linalg.solve" and np.ndim(case.args[0]) > 2 and np.ndim(case.args[1]) == 1:
        pytest.skip("the row for vectors writes their columns out")
    names = bound(row, op, case)
    assert names is not None
    module = op.rpartition(".")[0]
    result = np.asarray(call(op, case.args, case.kwargs))
    bar = tangent(result, 5)
    if row.operand != "*a" and isinstance(key := place(row), str):
        x = tangent(case.kwargs[key], 7)
        share = evaluate(row.text, module, names | {"bar": bar})
        moved = call(op, case.args, case.kwargs | {key: x})
        assert inner(bar, moved) == pytest.approx(inner(share, x), rel=1e-12, abs=1e-12)
        return
    if row.operand == "*a":
        lead = len(row.pattern.operands) - 1
        positions = range(lead, len(case.args))
    else:
        positions = range(place(row), place(row) + 1)  # type: ignore[arg-type, operator]
    for position in positions:
        x = tangent(case.args[position], 7)
        args = list(case.args)
        args[position] = x
        text, values = row.text, dict(names)
        if row.operand == "*a":
            for i, other in enumerate(case.args):
                # The other operands do not move: an affine map loses its constant by subtraction.
                args[i] = x if i == position else np.zeros(np.shape(other)) if i >= lead else other
            each = [f"a{i}" for i in range(len(case.args) - lead)]
            text = re.sub(r"\*a\b", ", ".join(each), text)
            text = re.sub(r"\ba\b", f"a{position - lead}", text)
            text = re.sub(r"\bi\b", str(position - lead), text)
        for stem in (n[1:] for n in row.pattern.operands if n.startswith("*") and n != "*a"):
            each = [n for n in values if re.fullmatch(rf"{stem}\d+", n)]
            text = re.sub(rf"\*{stem}\b", ", ".join(each), text)
        if op == "delay":
            args[1] = 0.0
        if op in ("numpy.append", "numpy.insert"):
            other = 0 if position else len(args) - 1
            args[other] = np.zeros(np.shape(args[other]))
        share = evaluate(text, module, values | {"bar": bar})
        if op in ("strong", "numpy.linalg.solve", "numpy.cross"):
            # Their shares may be wider than the operand; the engine fits them where they arrive.
            share = runtime.fit(share, x)
        if row.operand != "*a":
            assert np.shape(share) == np.shape(x)
        assert inner(bar, call(op, tuple(args), case.kwargs)) == pytest.approx(inner(share, x), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", ["regular", "one too few", "two too few", "nothing", "some of a batch", "an element"])
def test_determinants_of_matrices_without_an_inverse(name: str) -> None:
    regular = np.random.default_rng(0).normal(size=(3, 3))
    a = {
        "regular": regular,
        "one too few": np.arange(9.0).reshape(3, 3),
        "two too few": np.outer([1.0, 2.0, 3.0], [4.0, 5.0, -6.0]),
        "nothing": np.zeros((3, 3)),
        "some of a batch": np.stack([regular, np.diag([0.0, 2.0, 3.0]), np.zeros((3, 3))]),
        "an element": np.zeros((1, 1)),
    }[name]
    if "some" not in name:
        a = a[None]
    f = from_given("import numpy as np\ndef f(a):\n    return np.sum(np.sin(np.linalg.det(a)) + np.linalg.det(a))")
    tangent = np.random.default_rng(1).normal(size=a.shape)
    cofactors = np.empty_like(a)
    for at in np.ndindex(a.shape):
        less = np.delete(np.delete(a[at[0]], at[1], 0), at[2], 1)
        cofactors[at] = (-1) ** (at[1] + at[2]) * np.linalg.det(less)
    wanted = (np.cos(np.linalg.det(a)) + 1)[:, None, None] * cofactors
    np.testing.assert_allclose(adtransform.grad(f)(a), wanted, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(adtransform.jvp(f, (a,), (tangent,))[1], np.sum(wanted * tangent), rtol=1e-12, atol=1e-12)
    slope = adtransform.grad(f)
    curved = (slope(a + 1e-5 * tangent) - slope(a - 1e-5 * tangent)) / 2e-5
    np.testing.assert_allclose(adtransform.hvp(f)(a, tangent), curved, rtol=1e-6, atol=1e-6)
    hessian = adtransform.hessian(f)(a).reshape(a.size, a.size)
    np.testing.assert_allclose(hessian @ tangent.ravel(), curved.ravel(), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(adtransform.jacobian(slope)(a).reshape(a.size, a.size), hessian, rtol=1e-10, atol=1e-10)


def test_third_derivative_of_a_determinant() -> None:
    f = from_given("import numpy as np\ndef f(a):\n    return np.sum(np.linalg.det(a))")
    a, u = np.random.default_rng(0).normal(size=(2, 3, 3))
    curved = adtransform.hvp(f)
    wanted = (curved(a + 1e-4 * u, u) - curved(a - 1e-4 * u, u)) / 2e-4
    third = adtransform.jvp(lambda m: adtransform.hvp(f)(m, u), (a,), (u,))[1]
    np.testing.assert_allclose(third, wanted, rtol=1e-6, atol=1e-6)


def test_logarithm_of_a_determinant_of_a_matrix_without_an_inverse() -> None:
    f = from_given("import numpy as np\ndef f(a):\n    return np.sum(np.linalg.slogdet(a)[1])")
    a = np.stack([np.array([[1.0, 2.0], [2.0, 4.0]]), np.array([[1.0, 2.0], [3.0, 4.0]])])
    slope = adtransform.grad(f)(a)
    assert np.all(np.isinf(slope[0]))
    np.testing.assert_allclose(slope[1], np.linalg.inv(a[1]).T)
    assert np.all(np.isnan(adtransform.grad(f)(np.zeros((2, 2)))))


@pytest.mark.parametrize(
    ("shapes", "axes"),
    [
        (((2,), (2,)), {}),
        (((4, 2), (3,)), {}),
        (((3,), (4, 2)), {}),
        (((5, 1, 2), (4, 2)), {}),
        (((2, 4), (3, 4)), {"axis": 0}),
        (((2, 4), (2, 4)), {"axis": 0}),
        (((2, 4), (4, 3)), {"axisa": 0, "axisb": 1, "axisc": 0}),
        (((4, 2), (2,)), {"axis": -1}),
    ],
)
@pytest.mark.skipif(not CROSS_OF_TWO, reason="NumPy refuses them")
def test_cross_products_of_vectors_of_two(shapes: Any, axes: dict[str, int]) -> None:
    random = np.random.default_rng(0)
    args = [random.normal(size=shape) for shape in shapes]
    text = ", ".join(f"{k}={v}" for k, v in axes.items())
    source = f"import numpy as np\ndef f(x, y):\n    return np.sum(np.sin(np.cross(x, y, {text})))"
    adtransform.check_grads(from_given(source), args, order=2)


# -- kinks --------------------------------------------------------------------------------------------------------------

KINKS: list[tuple[str, tuple[Any, ...], dict[str, Any], list[float]]] = [
    ("numpy.absolute", (0.0,), {}, [0.0]),
    ("builtins.abs", (0.0,), {}, [0.0]),
    ("math.fabs", (0.0,), {}, [0.0]),
    ("numpy.maximum", (1.0, 1.0), {}, [0.5, 0.5]),
    ("numpy.minimum", (1.0, 1.0), {}, [0.5, 0.5]),
    ("numpy.fmax", (1.0, 1.0), {}, [0.5, 0.5]),
    ("builtins.max", (1.0, 1.0), {}, [0.5, 0.5]),
    ("builtins.min", (1.0, 2.0, 1.0), {}, [0.5, 0.0, 0.5]),
    ("numpy.clip", (1.0,), {"a_min": 0.0, "a_max": 1.0}, [1.0, 0.0, 0.0]),
    ("numpy.clip", (0.0,), {"a_min": 0.0, "a_max": 1.0}, [1.0, 0.0, 0.0]),
    ("numpy.clip", (2.0,), {"a_min": 0.0, "a_max": 1.0}, [0.0, 0.0, 1.0]),
    ("numpy.arctan2", (0.0, 0.0), {}, [0.0, 0.0]),
    ("math.atan2", (0.0, 0.0), {}, [0.0, 0.0]),
    ("numpy.hypot", (0.0, 0.0), {}, [0.0, 0.0]),
    ("math.hypot", (0.0, 0.0), {}, [0.0, 0.0]),
    ("numpy.sinc", (0.0,), {}, [0.0]),
    ("numpy.sqrt", (0.0,), {}, [np.inf]),
    ("math.sqrt", (0.0,), {}, [np.inf]),
    ("numpy.cbrt", (0.0,), {}, [np.inf]),
    ("operator.pow", (0.0, 2), {}, [0.0, 0.0]),
    ("operator.pow", (0.0, 1), {}, [1.0, 0.0]),
    ("operator.pow", (0.0, 0), {}, [0.0, 0.0]),
    ("operator.pow", (3.0, 0), {}, [0.0, math.log(3.0)]),
    ("operator.pow", (0.0, 0.5), {}, [np.inf, 0.0]),
    ("math.pow", (0.0, 2.0), {}, [0.0, 0.0]),
    ("numpy.power", (-2.0, 3.0), {}, [12.0, np.nan]),
    ("operator.pow", (-2.0, 2), {}, [-4.0, np.nan]),
]


@pytest.mark.parametrize(("op", "args", "kwargs", "slopes"), KINKS)
def test_kinks(op: str, args: tuple[Any, ...], kwargs: dict[str, Any], slopes: list[float]) -> None:
    rule, names = bind(op, Case(args, kwargs))
    each = rule.operands(len(args))
    for active, slope in zip(each, slopes, strict=True):
        text = _only(rule.text, f"d{active}", [f"d{n}" for n in each]) if not rule.text.startswith("def ") else rule.text
        (found,) = differential(Rule(rule.op, rule.pattern, text, rule.module), names, {n: float(n == active) for n in each})
        np.testing.assert_equal(float(found) + 0.0, slope)


def _only(text: str, keep: str, every: list[str]) -> str:
    """The row without the terms of the other differentials, as the engine uses it (0 * inf is not computed)."""

    class Drop(ast.NodeTransformer):
        def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
            self.generic_visit(node)
            if isinstance(node.op, (ast.Add, ast.Sub)):
                gone = [
                    any(isinstance(n, ast.Name) and n.id in every and n.id != keep for n in ast.walk(s))
                    for s in (node.left, node.right)
                ]
                has = [any(isinstance(n, ast.Name) and n.id == keep for n in ast.walk(s)) for s in (node.left, node.right)]
                if gone[1] and not has[1] and has[0]:
                    return node.left
                if gone[0] and not has[0] and has[1]:
                    return node.right if isinstance(node.op, ast.Add) else ast.UnaryOp(ast.USub(), node.right)
            return node

    return ast.unparse(Drop().visit(ast.parse(text, mode="eval")))


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("op", ["numpy.max", "numpy.min"])
def test_ties_of_reductions_are_split_evenly(op: str, axis: int | None) -> None:
    rule, names = bind(op, Case((np.ones((2, 4)),), {} if axis is None else {"axis": axis}))
    du = np.zeros((2, 4))
    du[0, 0] = 1.0
    (found,) = differential(rule, names, {"u": du})
    assert np.max(found) == {None: 1 / 8, 0: 1 / 2, 1: 1 / 4}[axis]


def test_norm_at_zero() -> None:
    rule, names = bind("numpy.linalg.norm", Case((np.zeros(3),)))
    assert differential(rule, names, {"u": np.ones(3)})[0] == 0.0


@pytest.mark.parametrize("x", [1e-9, 1e-4, 0.01, 0.0954, 0.0956, 0.5])
def test_sinc_keeps_its_digits_near_zero(x: float) -> None:
    rule, names = bind("numpy.sinc", Case((x,)))
    t = math.pi * x
    expected = math.pi * sum((-1) ** k * 2 * k * t ** (2 * k - 1) / math.factorial(2 * k + 1) for k in range(1, 20))
    assert float(differential(rule, names, {"u": 1.0})[0]) == pytest.approx(expected, rel=1e-12)


# -- the tables -----------------------------------------------------------------------------------------------------------


def test_every_rule_has_sample_calls() -> None:
    missing = [op for op, rows in RULES.items() if not rows[0].constant and op not in CASES and resolve(op)]
    assert missing == []


def test_every_row_is_reached() -> None:
    reached = {(op, id(bind(op, case)[0])) for op, cases in CASES.items() for case in cases}
    assert [
        (op, str(r.pattern))
        for op, rows in RULES.items()
        for r in rows
        if not r.constant and op in CASES and (op, id(r)) not in reached
    ] == []


# Transposed by the engine itself.
_BUILT_IN = {"where", "divide", "multiply"}


def uses(text: str) -> list[tuple[str, bool, int, list[str]]]:
    """The calls of a row: function, whether a differential flows through it, how many operands, its keywords."""
    tree = ast.parse(text)
    linear: set[str] = set()
    found: list[tuple[str, bool, int, list[str]]] = []

    def flows(node: ast.AST) -> bool:
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("shape", "size", "ndim"):
            return False
        if isinstance(node, ast.Name):
            return node.id in linear or bool(re.fullmatch(r"d[uvwq]|dus|bar", node.id))
        return any(map(flows, ast.iter_child_nodes(node)))

    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            pairs = (
                zip(node.targets[0].elts, node.value.elts, strict=True)
                if isinstance(node.value, ast.Tuple)
                else [(node.targets[0], node.value)]
            )
            linear |= {n.id for target, value in pairs if flows(value) for n in ast.walk(target) if isinstance(n, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) != "isinstance":  # said while reading
            through = any(flows(a) for a in [*node.args, *(k.value for k in node.keywords)])
            found.append((ast.unparse(node.func), through, len(node.args), [str(k.arg) for k in node.keywords]))
    return found


def operation(name: str, module: str) -> str:
    """What a function's name in a row resolves to."""
    if name in STRUCTURAL:
        return name
    for prefix in ([module] if module in ("math", "numpy.fft") else []) + ["numpy", "numpy.linalg", "builtins"]:
        if resolve(f"{prefix}.{name}") is not None:
            return f"{prefix}.{name}"
    raise AssertionError(f"no function {name}")


ROWS = [pytest.param(row, id=f"{op}-{i}") for op, rows in RULES.items() for i, row in enumerate(rows) if not row.constant]


@pytest.mark.parametrize("row", ROWS)
def test_what_a_row_uses_can_be_differentiated_again(row: Rule) -> None:
    for name, through, _, keywords in uses(row.text):
        op = operation(name, row.module)
        if op not in ("shape", "size", "ndim"):
            assert op in RULES, f"{op} has no rule"
        if through and op not in ("shape", "size", "ndim") and name not in _BUILT_IN:
            assert op in TRANSPOSES, f"{op} has no transpose"
            assert any(set(keywords) <= set(t.pattern.keywords) for t in TRANSPOSES[op]), f"{op} with {keywords}"


TRANSPOSED = [pytest.param(op, row, id=f"{op}-{i}") for op, rows in TRANSPOSES.items() for i, row in enumerate(rows)]


@pytest.mark.parametrize(("op", "row"), TRANSPOSED)
def test_what_a_transpose_uses_can_be_transposed_again(op: str, row: Transpose) -> None:
    for name, through, _, keywords in uses(row.text):
        used = operation(name, op.rpartition(".")[0])
        if used in ("shape", "size", "ndim"):
            continue
        assert used in RULES, f"{used} has no rule"
        if through and name not in _BUILT_IN:
            assert used in TRANSPOSES, f"{used} has no transpose"
            assert any(set(keywords) <= set(t.pattern.keywords) for t in TRANSPOSES[used]), f"{used} with {keywords}"


def test_every_transpose_is_tried() -> None:
    tried = {id(p.values[1]) for p in linear_calls()}
    known = (op for op in TRANSPOSES if CROSS_OF_TWO or op != "numpy.cross")
    assert [(op, row.pattern) for op in known for row in TRANSPOSES[op] if id(row) not in tried] == []


def _values_only(u: Any) -> Any:
    w, _ = np.linalg.eigh(u)
    return np.sum(w**3)


def _vectors_only(u: Any) -> Any:
    _, V = np.linalg.eigh(u)
    return np.sum(V[:, 0] ** 4)


@pytest.mark.parametrize("f", [_values_only, _vectors_only])
def test_one_of_several_results_alone(f: Any) -> None:
    """Through the engine: a result that is not used must not keep back the shares of the others."""
    u, h = positive(), 1e-3
    du = np.random.default_rng(3).standard_normal(u.shape)
    expected = (8 * (f(u + h * du) - f(u - h * du)) - (f(u + 2 * h * du) - f(u - 2 * h * du))) / (12 * h)
    assert inner(adtransform.grad(f)(u), du) == pytest.approx(expected, rel=1e-7)


def _array_of_numbers(x: Any) -> Any:
    items = []
    for i in range(3):
        items.append(x[0] * i)
    return np.sum(np.array(items) ** 2)


def _array_of_rows(x: Any) -> Any:
    items = []
    for i in range(3):
        items.append(x * i)
    return np.sum(np.array(items) ** 2)


def _stacked(x: Any) -> Any:
    items = []
    for i in range(3):
        items.append(x * i)
    return np.sum(np.stack(items, axis=1) ** 2)


def _joined(x: Any) -> Any:
    items = []
    for i in range(3):
        items.append(x * i)
    return np.sum(np.concatenate(items) ** 2)


@pytest.mark.parametrize("f", [_array_of_numbers, _array_of_rows, _stacked, _joined])
def test_arrays_of_lists_that_grew(f: Any) -> None:
    """Through the engine: the share of a list is a list."""
    adtransform.check_grads(f, (np.arange(1.0, 4.0),), order=2)
