"""The IR's printer, parser, checker and interpreter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from adtransform import lattice
from adtransform.interpret import interpret
from adtransform.ir import UNDEFINED, Const, For, Function, If, Leaf, Let, Param, Region, Var, While
from adtransform.listing import names, parse, parse_type, show
from adtransform.verify import IRError, verify

EVERYTHING = """\
def f(x: float64[I, 3], k: int, /, n: int = 3, *, a):
    assume x.ndim == 1  # why
    t0 = load('x')
    t1 = load('n')
    t2 = operator.gt(t1, 2)
    y, z = if t2:
        t3 = numpy.sin(t0)
        yield t3, undefined
    else:
        yield t0, -inf
    u2 = for i in range(0, t1, 1) with u1 = y:
        t4 = operator.mul(u1, t0)
        yield False, t4
    items = list()
    items_2 = while with items_3 = items:
        t5 = builtins.len(items_3)
        t6 = operator.lt(t5, 3)
        yield t6
    do with items_4:
        items_5 = push(items_4, u2)
        yield False, items_5
    rest, last = pop(items_2)
    s = slice(None, -1, None)
    key = tuple(Ellipsis, s)
    part = index(last, key)
    w = numpy.stack(part, part, axis=-1, dtype=numpy.float64)
    yield t2, w, rest as (0, {'all': 1}, [2])
"""


def test_the_text_round_trips() -> None:
    f = parse(EVERYTHING)
    verify(f)
    assert show(f) == EVERYTHING
    typed = show(f, types=True)
    assert show(parse(typed), types=True) == typed


def test_what_python_says_the_interpreter_says() -> None:
    x = np.arange(6.0).reshape(2, 3)
    flag, parts, rest = interpret(parse(EVERYTHING), {"x": x, "k": 0, "a": None})
    y = np.sin(x)
    for _ in range(3):
        y = y * x
    assert flag is True
    np.testing.assert_array_equal(parts["all"], np.stack([y[..., :-1], y[..., :-1]], axis=-1))
    assert len(rest[0]) == 2


TYPES = "?; float; int|numpy; float32(); float64[I, 3]; ?[...]; float64[]; [float64[N]]; (float,); (float, [int]); str"


@pytest.mark.parametrize("t", TYPES.split("; "))
def test_types_round_trip(t: str) -> None:
    assert lattice.show(parse_type(t)) == t


def test_names_are_unique_and_deterministic() -> None:
    a, b, c = Var(hint="y"), Var(hint="y"), Var()
    d = Var(of=a)
    e = Var(of=b, wrt="x")
    lets = tuple(Let((v,), "assign", (Const(1.0),)) for v in (a, b, c, d, e))
    f = Function("f", (), Region((), lets, (e,)))
    assert list(names(f).values()) == ["y", "y_2", "t0", "dy", "dy_2_dx"]


def program(*body: object, results: tuple[object, ...] = (), params: tuple[Param, ...] = (Param("x"),)) -> Function:
    return Function("f", params, Region((), body, results))  # type: ignore[arg-type]


A, B, I = Var(hint="a"), Var(hint="b"), Var(lattice.INT, hint="i")
ONE, NO = Const(1.0), Const(False)
EMPTY = Region((), (), ())
DEFINE = Let((A,), "assign", (ONE,))


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (program(Let((B,), "operator.neg", (A,))), "a is not defined in `b = operator.neg(a)`"),
        (program(results=(A,)), "a is not defined"),
        (program(DEFINE, Let((A,), "assign", (ONE,))), "a is defined twice in `a = assign(1.0)`"),
        (
            program(If((), Const(True), Region((), (DEFINE,), ()), EMPTY), results=(A,)),
            "a is used out of its region",
        ),
        (program(Let((A,), "index", (ONE,))), "index takes 2 operands, not 1"),
        (program(Let((A,), "pop", (ONE,))), "pop has 2 results, not 1"),
        (program(Let((A,), "frobnicate", ())), "no such operation: frobnicate"),
        (program(Let((A,), "load", (Const("z"),))), "load does not name a parameter"),
        (program(Let((A,), "load", (Const("x"),)), Let((B,), "load", (Const("x"),))), "a parameter is loaded twice in `b ="),
        (
            program(If((), Const(True), Region((), (Let((A,), "load", (Const("x"),)),), ()), EMPTY)),
            "load inside a region",
        ),
        (program(If((A,), Const(True), Region((), (), (ONE,)), EMPTY)), "0 results of the else region, not 1"),
        (program(For((), (), Const(0), Const(3), Const(1), Region((), (), (NO,)))), "0 parameters of the body, not 1"),
        (program(For((), (), Const(0), Const(3), Const(1), Region((I,), (), (ONE,)))), "whether to stop, but is float"),
        (program(While((), (), EMPTY, Region((), (), (NO,)))), "0 results of the condition, not 1"),
        (replace(program(DEFINE, results=(A,)), tree=(Leaf(0), Leaf(1))), "the tree names result 1 of 1"),
        (program(params=(Param("x"), Param("x"))), "a parameter's name occurs twice"),
    ],
)
def test_the_checker_names_the_statement(f: Function, message: str) -> None:
    with pytest.raises(IRError) as error:
        verify(f)
    assert message in str(error.value)


def run(text: str, **arguments: object) -> object:
    f = parse(text)
    verify(f)
    return interpret(f, arguments)


def test_writes_make_copies() -> None:
    x = np.zeros(3)
    a, b = run("def f(x):\n    t0 = load('x')\n    a = update(t0, 1, 5.0)\n    yield t0, a as (0, 1)\n", x=x)  # type: ignore[misc]
    assert a is x
    assert b.tolist() == [0.0, 5.0, 0.0]
    assert x.tolist() == [0.0, 0.0, 0.0]


def test_a_loop_stops_with_what_it_carries() -> None:
    text = """\
def f(n):
    t0 = load('n')
    a = for i in range(t0, -10, -3) with b = 0:
        c = operator.add(b, i)
        d = operator.lt(c, 20)
        e = operator.not_(d)
        yield e, c
    yield a
"""
    assert run(text, n=10) == 10 + 7 + 4
    assert run(text, n=-10) == 0


def test_repeated_indices_add_up() -> None:
    text = "def f(x, k):\n    a = load('x')\n    k = load('k')\n    b = accumulate_at(a, k, 1.0)\n    yield b\n"
    assert run(text, x=np.zeros(3), k=np.array([0, 0, 2])).tolist() == [2.0, 0.0, 1.0]  # type: ignore[attr-defined]
    assert run(text, x=[1.0, 2.0], k=1) == [1.0, 3.0]


def test_effects_and_errors_are_the_users(capsys: pytest.CaptureFixture[str]) -> None:
    text = "def f(x):\n    a = load('x')\n    builtins.print('x is', a)\n    b = operator.truediv(1, a)\n    yield b\n"
    with pytest.raises(ZeroDivisionError):
        run(text, x=0)
    assert capsys.readouterr().out == "x is 0\n"


def test_reading_what_was_never_bound() -> None:
    with pytest.raises(UnboundLocalError):
        run("def f():\n    a = assign(undefined)\n    b = operator.neg(a)\n    yield b\n")
    assert UNDEFINED == UNDEFINED


def test_arguments() -> None:
    text = "def f(x, y = 2.0):\n    a = load('x')\n    b = load('y')\n    c = operator.mul(a, b)\n    yield c\n".replace(
        "y=2", "y = 2"
    )
    assert run(text, x=3.0) == 6.0
    with pytest.raises(TypeError, match="takes x, y"):
        run(text)
    with pytest.raises(TypeError):
        run(text, x=1.0, z=1.0)


@pytest.mark.parametrize("op", ["numpy.array", "numpy.stack"])
def test_sequences_are_spliced_or_one_list(op: str) -> None:
    text = f"def f(x):\n    a = load('x')\n    b = {op}(a, a)\n    l = list(a, a)\n    c = {op}(l)\n    yield b, c as (0, 1)\n"
    b, c = run(text, x=np.arange(2.0))  # type: ignore[misc]
    np.testing.assert_array_equal(b, c)
    assert b.shape == (2, 2)


def test_a_long_function_needs_no_recursion() -> None:
    lines = [
        "def f(x):",
        "    v0 = load('x')",
        *(f"    v{i + 1} = operator.add(v{i}, 1.0)" for i in range(5000)),
        "    yield v5000",
    ]
    assert run("\n".join(lines), x=1.0) == 5001.0


@pytest.mark.parametrize(
    "text",
    [
        "f(x)",
        "def f(x):\n    a = b\n    yield a\n",
        "def f(x):\n    a = operator.neg(b)\n    yield a\n",
        "def f(x):\n    a = if True:\n        yield 1\n    yield a\n",
        "def f(x):\n    a = load('x')\n",
    ],
)
def test_text_that_is_no_function(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(text)
