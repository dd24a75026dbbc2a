"""Comments of listings: text, algebra, annotations, invariants."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from adtransform import algebra
from adtransform.annotate import annotate, explain
from adtransform.forward import forward
from adtransform.ir import Function, Let, Region
from adtransform.listing import names, parse, show_line
from adtransform.reverse import sweep
from adtransform.syntax import Group, Py, Slice, Word, constant, flat, operation

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


def backward(f: Function, wrt: str) -> Function:
    """The reverse listing: both sweeps, one after the other, nothing simplified."""
    s = sweep(f, wrt.split(), seed=1)
    cut = Let((), "backward")
    return replace(f, body=Region((), (*s.forward, cut, *s.backward), (*s.values, *s.shares)))


def comments(f: Function, found: dict[Let, str]) -> list[str]:
    """`dt5 += : 1` for each commented line."""
    named = names(f)
    out = []
    for stmt in f.body.body:
        if stmt in found and isinstance(stmt, Let):
            target = stmt.targets[0]
            label = (
                f"d{named[target.of]} +=" if target.of and stmt.op == "accumulate" else show_line(stmt, named).split(" = ")[0]
            )
            out.append(f"{label} # {found[stmt]}")
    return out


def test_the_seeds_forward_comments() -> None:
    f = forward(parse(SEED), ["a", "b"], partials=True)
    assert comments(f, annotate(f)) == [
        "t0 # x",
        "t1 # a",
        "t2 # x + a",
        "t3 # b",
        "t4 # x + b",
        "t5 # (x + a) * (x + b)",
        "dt5_da # t2 * dt4_da + t4 * dt2_da = x + b",
        "dt5_db # t2 * dt4_db + t4 * dt2_db = x + a",
    ]


def test_the_seeds_backward_comments() -> None:
    f = backward(parse(SEED), "x a b")
    assert comments(f, annotate(f))[6:] == [
        "dt5 += # 1",
        "dt4 += # x + a",
        "dt2 += # x + b",
        "dt0 += # x + a",
        "dt3 += # x + a (dy/db)",
        "dt0 += # 2 * x + a + b (dy/dx)",
        "dt1 += # x + b (dy/da)",
    ]


def test_the_seeds_invariants() -> None:
    f = backward(parse(SEED), "x a b")
    assert comments(f, explain(f)) == [
        "dt5 += # dy = dt5",
        "dt4 += # dy = t2 * dt4 + t4 * dt2",
        "dt2 += # dy = t2 * dt4 + t4 * dt2",
        "dt0 += # dy = t2 * dt0 + t2 * dt3 + t4 * dt2",
        "dt3 += # dy = t2 * dt0 + t2 * dt3 + t4 * dt2",
        "dt0 += # dy = (t2 + t4) * dt0 + t2 * dt3 + t4 * dt1",
        "dt1 += # dy = (t2 + t4) * dt0 + t2 * dt3 + t4 * dt1",
    ]


LONGER = """\
def f(x, a):
    t0 = load('x')
    t1 = operator.mul(t0, t0)
    u = assign(t1)
    t2 = load('a')
    t3 = operator.add(u, t2)
    t4 = numpy.sin(t3)
    t5 = operator.truediv(t4, 3)
    t6 = numpy.exp(t5)
    w = assign(t6)
    t7 = operator.truediv(w, u)
    y = assign(t7)
    yield y
"""


def test_comments_speak_in_the_users_variables() -> None:
    f = backward(parse(LONGER), "x a")
    assert [line for line in comments(f, annotate(f)) if "np.cos(u + a)" not in line.split(" # ")[1:2]] == [
        "t0 # x",
        "t1 # x * x",
        "t2 # a",
        "t3 # u + a",
        "t4 # np.sin(u + a)",
        "t5 # np.sin(u + a) / 3",
        "t6 # np.exp(np.sin(u + a) / 3)",
        "dt7 += # 1",
        "dw += # 1 / u",
        "du += # -y / u",
        "dt6 += # 1 / u",
        "dt5 += # w / u",
        "dt4 += # w / (3 * u)",
        "dt3 += # w * np.cos(u + a) / (3 * u)",
        "du += # -y / u + w * np.cos(u + a) / (3 * u)",
        "dt2 += # w * np.cos(u + a) / (3 * u) (dy/da)",
        "dt1 += # -y / u + w * np.cos(u + a) / (3 * u)",
        "dt0 += # (-y / u + w * np.cos(u + a) / (3 * u)) * x",
        "dt0 += # 2 * (-y / u + w * np.cos(u + a) / (3 * u)) * x (dy/dx)",
    ]


def test_long_comments_are_left_out() -> None:
    lines = [f"    t{i + 1} = numpy.sin(t{i})\n" for i in range(30)]
    f = parse("def f(x):\n    t0 = load('x')\n" + "".join(lines) + "    yield t30\n")
    found = comments(f, annotate(f))
    assert 5 < len(found) < 12
    assert all(len(line) < 70 for line in found)
    assert comments(b := backward(f, "x"), annotate(b))[-1] == "dt0 += # (dt30/dx)"


def test_a_name_with_two_values_stands_for_neither() -> None:
    f = parse("""\
def f(x, a):
    t0 = load('x')
    t1 = load('a')
    t2 = operator.mul(t0, t1)
    x = assign(t2)
    t3 = operator.mul(x, t1)
    y = assign(t3)
    yield y
""")
    b = backward(f, "a")
    assert comments(b, annotate(b))[-1] == "dt1 += # (dy/da)"


def test_nothing_is_claimed_about_loops_and_reductions() -> None:
    f = parse("""\
def f(x: float64[I, N], b: float64[N]):
    t0 = load('x')
    t1 = load('b')
    t2: float64[I, N] = operator.add(t0, t1)
    t3: float64() = numpy.sum(t2)
    y = assign(t3)
    yield y
""")
    g = backward(f, "x b")
    assert comments(g, annotate(g))[-2:] == ["dt0 += # 1 (dy/dx)", "dt1 += # (dy/db)"]
    loop = parse("""\
def f(x):
    t0 = load('x')
    y = for i in range(0, 3, 1) with s = t0:
        t1 = operator.mul(s, t0)
        yield False, t1
    yield y
""")
    assert explain(backward(loop, "x")) == {}
    annotate(backward(loop, "x"))


X, A, B = (algebra.symbol(Word(k)) for k in "xab")
TWO = {(): 2}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (algebra.add(algebra.add(X, A), algebra.add(X, B)), "2 * x + a + b"),
        (algebra.add(X, X, -1), "0"),
        (algebra.scale(X, -1), "-x"),
        (algebra.add(A, algebra.scale(X, -2)), "a - 2 * x"),
        (algebra.multiply(algebra.add(X, A), algebra.add(X, B)), "(x + a) * (x + b)"),
        (algebra.multiply(X, algebra.multiply(A, X)), "x**2 * a"),
        (algebra.divide(X, algebra.multiply(A, B)), "x / (a * b)"),
        (algebra.divide(algebra.ONE, X), "1 / x"),
        (algebra.divide(X, X), "1"),
        (algebra.divide(X, algebra.number(3)), "x / 3"),
        (algebra.scale(X, Fraction(-2, 3)), "-2 * x / 3"),
        (algebra.scale(X, 0.5), "0.5 * x"),
        (algebra.power(algebra.add(X, A), 2), "(x + a) ** 2"),
        (algebra.power(algebra.scale(X, -1), 2), "x**2"),
        (algebra.power(TWO, -1), "1 / 2"),
        (algebra.add(TWO, X), "2 + x"),
    ],
)
def test_sums(value: algebra.Sum, text: str) -> None:
    assert flat(algebra.write(value)) == text


def test_no_division_by_zero() -> None:
    assert algebra.divide(X, algebra.ZERO) is None
    assert algebra.number(True) is None
    assert algebra.number(float("nan")) is None


x, y, z = Word("x"), Word("y"), Word("z")


@pytest.mark.parametrize(
    ("e", "text"),
    [
        (operation("operator.sub", x, operation("operator.sub", y, z)), "x - (y - z)"),
        (operation("operator.sub", operation("operator.sub", x, y), z), "x - y - z"),
        (operation("operator.add", x, operation("operator.add", y, z)), "x + (y + z)"),
        (operation("operator.pow", operation("operator.neg", x), y), "(-x) ** y"),
        (operation("operator.neg", operation("operator.pow", x, y)), "-(x**y)"),
        (operation("operator.pow", x, operation("operator.pow", y, z)), "x**y**z"),
        (operation("operator.pow", operation("operator.pow", x, y), z), "(x**y) ** z"),
        (operation("operator.pow", x, constant(-2)), "x**-2"),
        (operation("operator.pow", constant(-2), x), "(-2) ** x"),
        (operation("operator.lt", operation("operator.lt", x, y), z), "(x < y) < z"),
        (operation("operator.not_", operation("operator.lt", x, y)), "not x < y"),
        (operation("operator.eq", operation("operator.not_", x), y), "(not x) == y"),
        (operation("operator.and_", operation("operator.gt", x, y), z), "(x > y) & z"),
        (operation("operator.matmul", x, operation("operator.mul", y, z)), "x @ (y * z)"),
        (Group(operation("operator.add", x, y), "[]", (Slice((None, z, None)),)), "(x + y)[:z]"),
        (Group(x, "[]", (Slice((constant(1), None, constant(-1))),)), "x[1::-1]"),
    ],
)
def test_brackets_only_where_python_needs_them(e: Py, text: str) -> None:
    assert flat(e) == text
