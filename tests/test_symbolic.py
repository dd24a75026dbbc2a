"""Total differentials and partials by SymPy."""

from __future__ import annotations

import builtins
import math
import sys
from typing import Any

import numpy as np
import pytest

from adtransform.errors import DifferentiationError
from adtransform.interpret import interpret
from adtransform.listing import parse
from adtransform.ops import resolve
from adtransform.symbolic import formulas, symbolic

pytest.importorskip("sympy")


SEED = """\
def f(x, a, b):
    t0 = load('x')
    t1 = load('a')
    t2 = operator.add(t0, t1)
    t3 = load('b')
    t4 = operator.add(t0, t3)
    t5 = operator.mul(t2, t4)
    y = assign(t5)
    yield y
"""


def test_the_seed() -> None:
    assert symbolic(parse(SEED), ["a", "b"]) == "df = (x + b)*da + (x + a)*db\ndf/da = x + b\ndf/db = x + a\n"
    assert symbolic(parse(SEED)).splitlines()[:2] == [
        "df = (2*x + a + b)*dx + (x + b)*da + (x + a)*db",
        "df/dx = 2*x + a + b",
    ]


def program(lines: str, params: str = "x, a") -> str:
    body = "".join(f"    {line.strip()}\n" for line in lines.strip().splitlines())
    return f"def f({params}):\n    x = load('x')\n    a = load('a')\n{body}"


@pytest.mark.parametrize(
    ("op", "partial"),
    [
        ("numpy.sin(x)", "cos(x)"),
        ("math.sqrt(x)", "1/(2*sqrt(x))"),
        ("operator.pow(x, 3)", "3*x**2"),
        ("operator.truediv(a, x)", "-a/x**2"),
        ("operator.mul(0.5, x)", "1/2"),
        ("operator.mul(0.123456, x)", "0.123456"),
        ("operator.mul(3.141592653589793, x)", "pi"),
        ("builtins.abs(x)", "sign(x)"),
        ("numpy.log1p(x)", "1/(x + 1)"),
        ("math.erf(x)", "2*exp(-x**2)/sqrt(pi)"),
        ("operator.floordiv(x, a)", "0"),
        ("operator.sub(a, x)", "-1"),
        ("numpy.maximum(x, a)", "(1 if x >= a else 0)"),
        ("operator.mod(x, a)", "1"),
        ("numpy.clip(x, 0, a)", "(1 if x >= 0 and x <= a else 0)"),
        ("math.exp(1.0)", "0"),
        ("operator.pow(2.718281828459045, x)", "exp(x)"),
    ],
)
def test_partials(op: str, partial: str) -> None:
    f = parse(program(f"y = {op}\nyield y"))
    assert symbolic(f, ["x"]).splitlines()[1] == f"df/dx = {partial}"


@pytest.mark.parametrize("name", ["E", "I", "S", "N", "pi", "Symbol", "exp", "p0001", "beta", "O", "Q"])
def test_names_that_sympy_uses(name: str) -> None:
    f = parse(f"""\
def f({name}, x):
    u = load('{name}')
    v = load('x')
    w = operator.mul(u, v)
    z = operator.mul(w, 3.141592653589793)
    yield z
""")
    constant = "math.pi" if name == "pi" else "pi"
    assert symbolic(f, ["x"]).splitlines()[1] == f"df/dx = {constant}*{name}"


def test_conditionals_and_where() -> None:
    f = parse(
        program("""\
        c = operator.gt(x, 0)
        t = operator.mul(x, x)
        y = numpy.where(c, t, a)
        yield y
        """)
    )
    assert symbolic(f) == (
        "df = (2*x if x > 0 else 0)*dx + (0 if x > 0 else 1)*da\ndf/dx = (2*x if x > 0 else 0)\ndf/da = (0 if x > 0 else 1)\n"
    )
    g = parse(
        program("""\
        c = operator.eq(x, a)
        y = if c:
            t = operator.neg(x)
            yield t
        else:
            yield a
        yield y
        """)
        .replace("    t = op", "        t = op")
        .replace("    yield t", "        yield t")
        .replace("    yield a\n", "        yield a\n")
    )
    assert symbolic(g).splitlines()[1:] == ["df/dx = (-1 if x == a else 0)", "df/da = (0 if x == a else 1)"]


def test_several_results() -> None:
    f = parse(program("s = operator.add(x, a)\np = operator.mul(x, a)\nyield s, p as (0, {'p': 1})"))
    assert symbolic(f) == (
        "df[0] = dx + da\ndf[0]/dx = 1\ndf[0]/da = 1\ndf[1]['p'] = a*dx + x*da\ndf[1]['p']/dx = a\ndf[1]['p']/da = x\n"
    )


def test_refusals() -> None:
    for lines, message in (
        ("y = numpy.sum(x)\nyield y", "cannot differentiate `sum` symbolically"),
        ("y = index(x, 0)\nyield y", "cannot differentiate `index` symbolically"),
        ("y = operator.gt(x, 0)\nyield y", "cannot differentiate a truth value (`f`)"),
        ("y = assign(undefined)\nz = operator.neg(y)\nyield z", "cannot differentiate `neg` symbolically"),
    ):
        with pytest.raises(DifferentiationError) as error:
            symbolic(parse(program(lines)))
        assert str(error.value).startswith(message)
    loop = "y = for i in range(0, 3, 1) with s = x:\n        yield False, s\n"
    with pytest.raises(DifferentiationError, match="a loop symbolically"):
        symbolic(parse("def f(x):\n    x = load('x')\n    " + loop + "    yield y\n"))
    with pytest.raises(ValueError, match="f has no parameter 'q'; it has x, a, b"):
        symbolic(parse(SEED), ["q"])


def test_without_sympy_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def hide(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "sympy":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "sympy")
    monkeypatch.setattr(builtins, "__import__", hide)
    with pytest.raises(ImportError, match=r"adtransform\[symbolic\]"):
        symbolic(parse(SEED))


STEPS = (
    "floor",
    "ceil",
    "trunc",
    "rint",
    "sign",
    "heaviside",
    "copysign",
    "logical",
    "invert",
    "_",
    "equal",
    "less",
    "greater",
    "clip",
)


def _numeric(op: str) -> bool:
    name = op.rpartition(".")[2]
    return (
        resolve(op) is not None
        and not op.startswith(("operator.", "builtins."))
        and not any(s in name for s in STEPS)
        and name != "where"
    )


@pytest.mark.parametrize("op", [op for op in formulas() if _numeric(op)])
def test_formulas_agree_with_differences(op: str) -> None:
    name = op.rpartition(".")[2]
    function = resolve(op)
    assert function is not None
    for count in (1, 2, 3):
        values = [1.3, 0.4, 2.1][:count] if "acosh" in name or "arccosh" in name else [0.3, 0.7, 2.1][:count]
        try:
            function(*values)
        except TypeError:
            continue
        params = [f"v{i}" for i in range(count)]
        body = "".join(f"    {p} = load('{p}')\n" for p in params)
        f = parse(f"def f({', '.join(params)}):\n{body}    y = {op}({', '.join(params)})\n    yield y\n")
        for i, line in enumerate(symbolic(f).splitlines()[1:]):
            up, down = list(values), list(values)
            up[i] += 1e-6
            down[i] -= 1e-6
            expected = (
                interpret(f, dict(zip(params, up, strict=True))) - interpret(f, dict(zip(params, down, strict=True)))
            ) / 2e-6
            found = eval(line.split(" = ")[1], {**vars(math), **_more()}, dict(zip(params, values, strict=True)))
            assert math.isclose(found, expected, rel_tol=1e-6, abs_tol=1e-8), line
        return


def _more() -> dict[str, Any]:
    def polygamma(n: int, x: float) -> float:
        assert n == 0
        return (math.lgamma(x + 1e-5) - math.lgamma(x - 1e-5)) / 2e-5

    return {"polygamma": polygamma, "sign": np.sign, "abs": abs}
