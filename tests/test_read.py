"""What a read function looks like: loads, names, comments, types, assumptions, parameters from outside."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adtransform
from adtransform.interpret import interpret
from adtransform.ir import Const, Function, Let
from adtransform.lattice import FLOAT, INT, UNKNOWN, Array, Dim, List, Scalar, Tuple, Type
from adtransform.listing import show
from adtransform.live import from_function
from adtransform.read import read
from adtransform.rewrite import statements
from adtransform.source import from_text
from adtransform.verify import verify


def of(text: str, types: dict[str, Type] | None = None, name: str = "f", **options: Any) -> Function:
    function = read(from_text(text, "a.py"), name, types or {}, **options)
    verify(function)
    return function


def lets(f: Function) -> list[Let]:
    return [s for s in statements(f.body) if isinstance(s, Let)]


def test_the_seed() -> None:
    assert show(of("def f(x, a, b):\n    y = (x + a) * (x + b)\n    return y\n")) == (
        "def f(x, a, b):\n"
        "    t0 = load('x')\n"
        "    t1 = load('a')\n"
        "    t2 = operator.add(t0, t1)\n"
        "    t3 = load('b')\n"
        "    t4 = operator.add(t0, t3)\n"
        "    t5 = operator.mul(t2, t4)\n"
        "    y = assign(t5)\n"
        "    yield y\n"
    )


def test_a_load_stands_before_the_outermost_statement() -> None:
    f = of("def f(x, n):\n    s = 0.0\n    for i in range(n):\n        if i > 1:\n            s += x\n    return s")
    assert [s.op for s in f.body.body if isinstance(s, Let)][:3] == ["assign", "load", "load"]


def test_a_returned_expression_is_named() -> None:
    assert lets(of("def f(x):\n    return x * 2"))[-1].targets[0].hint == "y"
    assert lets(of("def f(y):\n    return y * 2"))[-1].targets[0].hint == "result"


def test_comments_and_statements_are_kept() -> None:
    f = of("def f(x):\n    # first\n    # second\n    y = (x +\n         1)  # why\n    return y")
    origin = lets(f)[1].origin
    assert origin is not None
    assert origin.text == "y = (x +\n     1)"
    assert origin.comment == "# first\n# second\n# why"
    assert (origin.line, origin.column) == (4, 9)
    headed = of("def f(x):\n    if x > 0:  # sign\n        x = -x\n    return x")
    assert headed.body.body[-1].origin is not None
    assert headed.body.body[-1].origin.text == "if x > 0:"


def test_doc_and_defaults() -> None:
    f = of('def f(x, /, n=3, *, k: float = 2.0):\n    """What it does."""\n    return x * n * k')
    assert f.doc == "What it does."
    assert [(p.name, p.kind, p.default, p.annotation) for p in f.params] == [
        ("x", "POSITIONAL_ONLY", None, ""),
        ("n", "POSITIONAL_OR_KEYWORD", Const(3), ""),
        ("k", "KEYWORD_ONLY", Const(2.0), "float"),
    ]


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("float", FLOAT),
        ("'float'", FLOAT),
        ("int", INT),
        ("np.ndarray", Array()),
        ("NDArray[np.float64]", Array("float64")),
        ("np.float32", Scalar("float", "float32")),
        ("Float[np.ndarray, 'I N']", Array(None, (Dim("I"), Dim("N")))),
        ("Float32[np.ndarray, 'I 3']", Array("float32", (Dim("I"), 3))),
        ("Float64[Array, '... d']", Array("float64", None)),
        ("tuple[float, np.ndarray]", Tuple((FLOAT, Array()))),
        ("list[float]", List(FLOAT)),
        ("SomethingElse", UNKNOWN),
    ],
)
def test_annotations(annotation: str, expected: Type) -> None:
    header = "import numpy as np\nfrom numpy.typing import NDArray\nfrom jaxtyping import Float, Float32, Float64\n"
    assert of(f"{header}def f(x: {annotation}):\n    return x").params[0].type == expected


def test_given_types_win() -> None:
    assert of("def f(x: float):\n    return x", {"x": Array("float64", ())}).params[0].type == Array("float64", ())


@pytest.mark.parametrize(
    ("body", "tests"),
    [
        ("z = y\n    z *= 2\n    return y + z", ["np.isscalar(y)"]),
        ("z = y\n    z *= 2\n    return y[0] + z", ["isinstance(y, np.ndarray)"]),
        ("z = y * 1.0\n    w = z\n    w *= 2\n    return z + w", ["np.isscalar(y)"]),
        ("t = y[0]\n    y[0] = y[1]\n    y[1] = t\n    return y", ["np.ndim(y) == 1"]),
        ("t = y[0, 1]\n    y[0, 1] = 2.0\n    return y * t", ["np.ndim(y) == 2"]),
        ("row = y[0]\n    row[1:] += 1.0\n    return y", []),
        ("row = y[0]\n    y[0] = 2.0\n    return row[1] + y", ["np.ndim(y) == 2"]),
        ("z = y\n    z += 1\n    return z", []),
        ("y.reshape(-1)[0] = 1.0\n    return y", ["isinstance(y, np.ndarray) and y.flags.c_contiguous"]),
    ],
)
def test_assumptions(body: str, tests: list[str]) -> None:
    f = of(f"import numpy as np\ndef f(y):\n    {body}")
    assert [a.test for a in f.assumes] == tests
    assert all(a.why and a.origin for a in f.assumes)


def test_parameters_that_may_overlap() -> None:
    f = of("def f(x, y):\n    x[0] = 2.0\n    return x + y")
    assert [a.test for a in f.assumes] == ["not np.shares_memory(x, y)"]


def test_literal_globals_are_copied_and_others_become_parameters() -> None:
    text = "import numpy as np\nC = 2.5\nD = C * 2\nW = np.zeros(3)\ndef f(x):\n    return x * C + D + W + np.pi\n"
    f = of(text)
    assert [(p.name, p.kind) for p in f.params] == [("x", "POSITIONAL_OR_KEYWORD"), ("W", "KEYWORD_ONLY")]
    assert Const(2.5) in [a for let in lets(f) for a in let.args]
    assert Const(math.pi) in [a for let in lets(f) for a in let.args]


WEIGHTS = np.array([1.0, 2.0])
FACTOR = 3.0


def outer(c: float) -> Any:
    def inner(x: Any) -> Any:
        return x * c * FACTOR + WEIGHTS

    return inner


def test_live_captures() -> None:
    target = from_function(outer(2.5))
    f = read(target.source, target.name, {}, namespace=target.namespace, captured=target.captured)
    assert [p.name for p in f.params] == ["x", "c", "WEIGHTS"]
    assert f.bindings["c"] == 2.5
    assert f.bindings["WEIGHTS"] is WEIGHTS
    x = np.array([1.0, -1.0])
    assert np.array_equal(interpret(f, {"x": x}), outer(2.5)(x))


def test_names_resolve_by_identity_or_import() -> None:
    header = "from numpy import abs as a\nimport numpy.linalg as la\nimport math as np\n"
    text = header + "def f(x):\n    return a(x) + la.norm(x) + np.sin(1.0)"
    ops = [let.op for let in lets(of(text))]
    assert {"numpy.absolute", "numpy.linalg.norm", "math.sin"} <= set(ops)


def test_the_last_of_a_function_and_an_import_of_everything_holds() -> None:
    functions = "def sin(x):\n    return 3 * x\n\nfrom math import *\n\ndef cos(x):\n    return 5 * x\n\n"
    f = of(functions + "def f(x):\n    return sin(x) * cos(x)", {"x": FLOAT})
    assert interpret(f, {"x": 0.7}) == math.sin(0.7) * (5 * 0.7)
    shadowed = of("from numpy import *\ndef f(x):\n    return sum(sqrt(x)) + pi", {"x": UNKNOWN})
    assert interpret(shadowed, {"x": np.array([[1.0, 4.0], [9.0, 16.0]])}) == 10.0 + math.pi


def test_rules_and_intrinsics() -> None:
    text = "def g(x):\n    return x * 2\n\ndef f(x, y):\n    return g(x) + fit(x, y)\n"
    f = of(text, known=lambda op: op == "__main__.g", intrinsics={"fit": "fit"})
    assert [let.op for let in lets(f)][:4] == ["load", "__main__.g", "load", "fit"]


def test_a_helper_of_the_runtime_is_known_by_its_text() -> None:
    helpers = (Path(adtransform.__file__).parent / "runtime.py").read_text()
    text = f"{helpers}\n\ndef f(x, y):\n    return fit(x, y)\n"
    assert [let.op for let in lets(of(text))] == ["load", "load", "fit", "assign"]
    changed = text.replace("np.reshape(np.sum(share, ", "2 * np.reshape(np.sum(share, ")
    assert changed != text
    assert "fit" not in [let.op for let in lets(of(changed, {"x": FLOAT, "y": FLOAT}))]


def test_other_files_are_read_and_not_executed(tmp_path: Any) -> None:
    (tmp_path / "helpers.py").write_text("raise SystemError('executed')\ndef h(x):\n    return x * K\nK = 4.0\n")
    (tmp_path / "main.py").write_text("import helpers\nfrom helpers import h as g\ndef f(x):\n    return helpers.h(x) + g(x)\n")
    from adtransform.source import from_path

    f = read(from_path(tmp_path / "main.py"), "f", {})
    assert interpret(f, {"x": 2.0}) == 16.0


def test_the_last_of_a_function_and_an_import_of_everything_from_another_file_holds(tmp_path: Any) -> None:
    (tmp_path / "other.py").write_text("from more import *\nK = 4.0\ndef sin(x):\n    return x * K\n_k = 3.0\n")
    (tmp_path / "more.py").write_text("from other import *\ndef max(a, b):\n    return a * b\n")
    functions = "_k = 2.0\ndef sin(x):\n    return x\nfrom other import *\ndef K():\n    return 5.0\n"
    (tmp_path / "main.py").write_text(functions + "def f(x):\n    return max(sin(x), 7.0) * _k * K()\n")
    from adtransform.source import from_path

    assert interpret(read(from_path(tmp_path / "main.py"), "f", {}), {"x": 2.0}) == 2.0 * 4.0 * 7.0 * 2.0 * 5.0


AROUND = {
    "the body of a loop": "for i in v:\n        k = 2.0 * i\n",
    "a loop": "for k in v:\n        pass\n",
    "a loop, seen by a function made in it": "for k in v:\n        g = lambda x: x * k\n",
    "with": "with v as k:\n        pass\n",
    "an expression": "if (k := v) > 0:\n        pass\n",
    "a pattern": "match v:\n        case {'k': k, **rest}:\n            pass\n",
    "a function that binds it anew": "k = 1.0\n    def h():\n        nonlocal k\n        k += 1.0\n",
}


@pytest.mark.parametrize("name", AROUND)
def test_what_the_function_around_binds(name: str) -> None:
    value = "g(x)" if "lambda" in AROUND[name] else "x * k"
    text = f"k = 9.0\ndef o(v):\n    {AROUND[name]}    def f(x):\n        k2 = [k for k in (1, 2)]\n        return {value}\n"
    f = of(text, name="o.f")
    assert interpret(f, {"x": 2.0, "k": 3.0}) == 6.0


def test_methods_and_nested_functions_by_qualified_name() -> None:
    text = (
        "class A:\n    def m(self, x):\n        return x * 2\n\ndef o(k):\n    def f(x):\n        return x * k\n    return f\n"
    )
    assert interpret(of(text, name="A.m"), {"self": None, "x": 2.0}) == 4.0
    assert [p.name for p in of(text, name="o.f").params] == ["x", "k"]


def test_reading_is_linear_and_not_recursive() -> None:
    def seconds(n: int) -> float:
        lines = [f"    y{i} = y{i - 1} * 0.5 + x" for i in range(1, n)]
        text = "def f(x):\n    y0 = x\n" + "\n".join(lines) + f"\n    return y{n - 1}\n"
        start = time.perf_counter()
        of(text)
        return time.perf_counter() - start

    small, large = min(seconds(1000) for _ in range(2)), seconds(10_000)
    assert large < 40 * small + 1.0
    chain = " + ".join(["x"] * 2000)
    assert interpret(of(f"def f(x):\n    return {chain}"), {"x": 1.0}) == 2000.0


@pytest.mark.parametrize("text", [" + ".join(["x * 1.01"] * 400), "(" * 60 + "x" + " + 1)" * 60])
def test_long_and_deep_expressions(text: str) -> None:
    f = of(f"def f(x):\n    return {text}\n")
    assert interpret(f, {"x": 1.5}) == eval(text, {"x": 1.5})
