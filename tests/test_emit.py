"""What is printed, line by line; that it is as the formatter and the linter want it; and that it runs."""

from __future__ import annotations

import inspect
import random
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_emit_random import Maker

from adtransform import emit, pipeline
from adtransform.build import Builder
from adtransform.errors import DifferentiationError
from adtransform.interpret import interpret
from adtransform.ir import Assume, Const, Function, Leaf, Let, Origin, Param, Region, Var
from adtransform.lattice import FLOAT, Array, Dim
from adtransform.listing import parse
from adtransform.source import from_text


def printed(text: str) -> str:
    """The body of the function that a listing describes, as code."""
    lines = emit.function(parse(text)).splitlines()
    return "\n".join(line.removeprefix("    ") for line in lines[1:])


def lines(text: str) -> str:
    return inspect.cleandoc(text)


def test_a_rank_that_was_assumed_is_checked_once() -> None:
    text = """def f(u: "anything"):
    for i in range(u.shape[0]):
        row = u[i]
        for j in range(3):
            row[1:-1] += row[2:]
    return u.sum()
"""
    f = pipeline.load_function(from_text(text), "f", {})
    made = pipeline.text(f, "forward", ["u"])
    assert made.count("raise ValueError") == 1 and "?" not in made


def test_errstate_decorates_what_is_emitted() -> None:
    text = """import numpy as np

@np.errstate(over="ignore")
def f(x: float):
    with np.errstate(divide="ignore"):
        return np.exp(1 / x)
"""
    f = pipeline.load_function(from_text(text), "f", {})
    for mode in ("forward", "reverse", "pair"):
        made = pipeline.text(f, mode, ["x"])
        assert made.count('@np.errstate(divide="ignore", over="ignore")\ndef ') == (2 if mode == "pair" else 1)
        compile(made, mode, "exec")
    again = pipeline.load_function(from_text(pipeline.text(f, "forward", ["x"])), "f_forward", {})
    assert again.ignored == ("divide", "over")


def test_the_pair_says_a_constant_key_again() -> None:
    text = "def f(x, a):\n    x[1:] = x[1:] * a\n    return x\n"
    f = pipeline.load_function(from_text(text), "f", {"x": Array("float64", (Dim("N"),)), "a": FLOAT})
    made = pipeline.text(f, "pair", ["x", "a"])
    assert "slice(" not in made and "dx[1:]" in made


def test_expressions_are_folded() -> None:
    assert printed("""
def f(x, a, b):
    t0 = load('x')
    t1 = load('a')
    t2 = operator.add(t0, t1)
    t3 = load('b')
    t4 = operator.add(t0, t3)
    t5 = operator.mul(t2, t4)
    y = assign(t5)
    yield y
""") == lines("""
y = (x + a) * (x + b)
return y
""")


def test_a_value_used_twice_keeps_its_line() -> None:
    assert printed("""
def f(x):
    t0 = load('x')
    t1 = operator.add(t0, 1)
    t2 = operator.mul(t1, t1)
    yield t2
""") == lines("""
t1 = x + 1
return t1 * t1
""")


def test_the_listing_keeps_every_line() -> None:
    f = parse("""
def f(x, a):
    t0 = load('x')
    t1 = load('a')
    t2 = operator.add(t0, t1)
    y = assign(t2)
    yield y
""")
    comments = {stmt: text for stmt, text in zip(f.body.body, ["x", "a", "x + a"], strict=False) if isinstance(stmt, Let)}
    assert (
        emit.function(f, style="listing", comments=comments)
        == lines("""
t0 = load('x')  # x
t1 = load('a')  # a
t2 = t0 + t1    # x + a
y = t2
""")
        + "\n"
    )


def test_adjoints_of_a_listing_grow() -> None:
    b = Builder()
    t0 = b.let("load", Const("x"), hint="t0")
    zero = b.let("zeros", t0, of=t0)
    y = b.let("assign", t0, hint="y")
    dy = b.let("assign", 1.0, of=y)
    share = b.let("operator.mul", dy, t0)
    grown = b.let("accumulate", zero, share, t0, of=t0)
    f = Function("f", (Param("x"),), Region((), tuple(b.body), (grown,)))
    assert (
        emit.function(f, style="listing")
        == lines("""
t0 = load('x')
dt0 = np.zeros_like(t0)
y = t0
dy = 1
dt0 += dy * t0
""")
        + "\n"
    )


def test_the_callers_array_is_copied_before_it_is_written() -> None:
    assert printed("""
def f(x: float64[N], n: int):
    t0 = load('x')
    t1 = load('n')
    x = for i in range(0, t1, 1) with x = t0:
        x = update(x, i, 1.0)
        yield False, x
    yield x
""") == lines("""
x = x.copy()
for i in range(n):
    x[i] = 1.0
return x
""")


def test_a_view_that_is_read_after_a_write_is_copied() -> None:
    assert printed("""
def f(n: int):
    t0 = load('n')
    x = numpy.zeros(t0, dtype=numpy.float64)
    s = slice(1, 3, None)
    v = index(x, s)
    x = update(x, 2, 1.0)
    yield x, v as (0, 1)
""") == lines("""
x = np.zeros(n, dtype=np.float64)
v = x[1:3].copy()
x[2] = 1.0
return x, v
""")


def test_break_and_guard() -> None:
    assert printed("""
def f(n: int):
    t0 = load('n')
    s = for i in range(0, t0, 1) with s = 0:
        t1 = operator.gt(s, 10)
        stop, s = if t1:
            yield True, s
        else:
            s = operator.add(s, i)
            yield False, s
        yield stop, s
    yield s
""") == lines("""
s = 0
for i in range(n):
    if s > 10:
        break
    s += i
return s
""")


def test_return_from_a_loop() -> None:
    assert printed("""
def f(n: int):
    t0 = load('n')
    returned, result = for i in range(0, t0, 1) with r = False, v = undefined:
        t1 = operator.gt(i, 10)
        stop, r2, v2 = if t1:
            yield True, True, i
        else:
            yield False, False, undefined
        yield stop, r2, v2
    out = if returned:
        yield result
    else:
        yield -1
    yield out
""") == lines("""
for i in range(n):
    if i > 10:
        return i
return -1
""")


def test_a_condition_with_statements_is_a_loop_with_a_break() -> None:
    text = printed("""
def f(n: int):
    t0 = load('n')
    k = while with k = 0:
        t1 = operator.add(k, 1)
        builtins.print(t1)
        t2 = operator.lt(t1, t0)
        yield t2
    do with k:
        k = operator.add(k, 1)
        yield False, k
    yield k
""")
    assert text == lines("""
k = 0
while True:
    t1 = k + 1
    print(t1)
    if t1 >= n:
        break
    k += 1
return k
""")


def test_swap() -> None:
    assert printed("""
def f(n: int, a: float, b: float):
    t0 = load('n')
    t1 = load('a')
    t2 = load('b')
    a, b = for i in range(0, t0, 1) with a = t1, b = t2:
        yield False, b, a
    yield a, b as (0, 1)
""") == lines("""
for i in range(n):
    a, b = b, a
return a, b
""")


def test_conditional_expressions() -> None:
    assert (
        printed("""
def f(a: float, b: float):
    t1 = load('a')
    t2 = load('b')
    t3 = operator.lt(t1, t2)
    t4 = if t3:
        t5 = operator.mul(t1, 2.0)
        yield t5
    else:
        yield t2
    t6 = operator.add(t4, 1.0)
    yield t6
""")
        == "return (a * 2.0 if a < b else b) + 1.0"
    )


def test_elif() -> None:
    assert printed("""
def f(a: int):
    t1 = load('a')
    t2 = operator.lt(t1, 0)
    if t2:
        builtins.print('negative')
        yield
    else:
        t3 = operator.gt(t1, 0)
        if t3:
            builtins.print('positive')
            yield
        else:
            builtins.print('zero')
            yield
        yield
    yield t1
""") == lines("""
if a < 0:
    print("negative")
elif a > 0:
    print("positive")
else:
    print("zero")
return a
""")


def test_an_expression_does_not_move_past_a_write() -> None:
    assert printed("""
def f(n: int):
    t0 = load('n')
    x = numpy.zeros(t0)
    t1 = index(x, 0)
    t2 = operator.add(t1, 1.0)
    x = update(x, 0, 2.0)
    t3 = operator.mul(t2, 3.0)
    yield x, t3 as (0, 1)
""") == lines("""
x = np.zeros(n)
t2 = x[0] + 1.0
x[0] = 2.0
return x, t2 * 3.0
""")


def test_an_adjoint_grows_in_place_only_if_its_buffer_is_its_own() -> None:
    array = Array("float64", (Dim("N", True),))
    b = Builder()
    x = b.let("load", Const("x"), type=array, hint="x")
    y = b.let("operator.mul", x, 2.0, hint="y", type=array)
    dy = b.let("numpy.sin", x, of=y, type=array)
    du = b.let("assign", dy, of=x, type=array)
    grown = b.let("accumulate", du, y, x, of=x, type=array)
    f = Function("f", (Param("x", array),), Region((), tuple(b.body), (grown, dy)), (Leaf(0), Leaf(1)))
    assert "dx = dx + y" in emit.function(f)
    f = replace(f, body=replace(f.body, results=(grown, y)))
    assert "dx += y" in emit.function(f)


def test_signature() -> None:
    f = parse("""
def f(x: float64[I, 3], k: int, /, n: int = 3, *, a):
    assume x.ndim == 2  # `x` must be a matrix
    t0 = load('k')
    yield t0
""")
    assert (
        emit.function(replace(f, doc="Say k."))
        == lines('''
def f(x: np.ndarray, k: int, /, n: int = 3, *, a) -> int:
    """Say k."""
    if x.ndim != 2:
        raise ValueError("`x` must be a matrix")
    return k
''')
        + "\n"
    )


def test_names_that_mean_something_else() -> None:
    """The user's `np`, `fit`, `len` and `t7` are hers; what is printed beside them gives way."""
    f = parse("""
def f(np, fit, x, y):
    t0 = load('np')
    t1 = load('fit')
    t2 = load('x')
    t9 = load('y')
    len = numpy.sin(t0)
    t3 = builtins.len(t2)
    t4 = operator.mul(len, t3)
    t5 = accumulate(t4, t1, t2)
    t6 = operator.mul(t5, t5)
    yield t6
""")
    text = emit.module([f], reserved={"t5"})
    assert "t5" not in text
    values = {"np": 0.5, "fit": 2.0, "x": np.arange(3.0), "y": 1.0}
    values["fit"] = np.ones(3)
    assert np.allclose(emit.load(text)["f"](**values), interpret(f, values))


def test_what_is_written_several_times_is_copied_once() -> None:
    text = """import numpy as np

def f(u: "Float[np.ndarray, 'N']", n: int):
    u = u.copy()
    v = np.zeros_like(u)
    for _ in range(n):
        v[1:-1] = u[2:] * u[:-2]
        v[0] = 0.0
        v[-1] = 1.0
        if u[1] > v[1]:
            u, v = v, u
    return np.sum(u**2)
"""
    made = pipeline.text(pipeline.load_function(from_text(text), "f", {}), "forward", ["u"])
    assert made.count(" v = v.copy()") == 1 and made.count(" dv = dv.copy()") == 1, made


NAMED = """import numpy as np

RATE = -2.5
N = 4

def damp(x):
    dt = 0.02
    return x - dt * x

def f(x: float, n: int):
    # a step
    dt = 0.01
    h = 0.1
    sum = 2.0
    n = 7
    total = 0.0
    for i in range(N - 1):
        k = 3.0
        total += np.sin(RATE * x) / (2 * h) * dt * k
    if x > 0:
        gain = 0.5
        total = total * gain * sum + n
    return total + damp(x)
"""


def test_numbers_keep_their_names() -> None:
    f = pipeline.load_function(from_text(NAMED), "f", {})
    text = pipeline.text(f, "reverse", ["x"])
    assert text.startswith("import numpy as np\n\nN = 4\nRATE = -2.5\n\n\ndef f_reverse(")
    for line in (
        "    dt = 0.01\n    h = 0.1\n    sum = 2.0\n    gain = 0.5\n    total = 0.0\n",
        "    for i in range(N - 1):\n        total += np.sin(RATE * x) / (2 * h) * dt * 3.0\n",
        "        total = total * gain * sum + 7\n",  # a parameter has that name
        "    for _ in range(N - 1):\n",
    ):
        assert line in text, text
    assert emit.load(text)["f_reverse"](0.5, 1)[1][0] == pytest.approx(0.98 - 3 * 0.15 * 2.5 * np.cos(-1.25))


def test_functions_of_a_file_and_numbers_with_their_names() -> None:
    text = """f_reverse = 3.0
strong = 0.5
dx = 2.0

def f(x: float):
    return f_reverse * x**2 * strong * dx
"""
    made = pipeline.text(pipeline.load_function(from_text(text), "f", {}), "reverse", ["x"])
    assert "strong = 0.5" in made and "f_reverse = 3.0" not in made and "dx = 2.0" not in made, made
    assert emit.load(made)["f_reverse"](1.5) == (3.0 * 1.5**2 * 0.5 * 2.0, (9.0,))


def test_numbers_with_the_names_of_what_helpers_use() -> None:
    text = """import numpy
np = 2.0
float = 3.0
N = 4
M = 2

def f(x):
    for i in range(N - M):
        x = x * np * (i + N // M)
    return numpy.sin(x) * float * M
"""
    made = pipeline.text(pipeline.load_function(from_text(text), "f", {}), "reverse", ["x"])
    assert "np = 2.0" not in made and "float = 3.0" not in made and "range(N - M)" in made and "N // M" in made, made
    value, (slope,) = emit.load(made)["f_reverse"](0.1)
    assert value == pytest.approx(np.sin(2.4) * 6) and slope == pytest.approx(np.cos(2.4) * 144)


def test_quoted_statements() -> None:
    origin = Origin("f.py", 2, 4, 2, 20, "y = x * x", "# the square")
    b = Builder(origin)
    x = b.let("load", Const("x"), hint="t0", type=FLOAT)
    y = b.let("operator.mul", x, x, hint="y", type=FLOAT)
    b.add(Let((), "backward"))
    dx = b.let("operator.mul", 2.0, x, of=x, type=FLOAT)
    dz = b.let("operator.mul", dx, dx, of=y, type=FLOAT)
    f = Function("f", (Param("x", FLOAT),), Region((), tuple(b.body), (y, dx, dz)), (Leaf(0), Leaf(1), Leaf(2)))
    text = emit.function(f)
    assert (
        text
        == lines("""
def f(x: float) -> tuple[float, float, float]:
    # the square
    y = x * x
    # y = x * x
    dx = 2.0 * x
    dy = dx * dx
    return y, dx, dy
""")
        + "\n"
    )


def _reversed(text: str, *wrt: str) -> str:
    return pipeline.text(pipeline.load_function(from_text(inspect.cleandoc(text)), "f", {}), "reverse", wrt)


def test_a_short_helper_called_often_is_quoted_as_its_call() -> None:
    text = """
    def slope(x: float, k: float):
        return k * x * x

    def f(x: float, k: float):
        a = slope(x, k)
        b = slope(x + a, k)
        return a * b
    """
    made = _reversed(text, "x", "k")
    assert "# a = slope(x, k)" in made and "# b = slope(x + a, k)" in made and "# return k * x * x" not in made
    once = _reversed(text.replace("slope(x + a, k)", "x + a"), "x", "k")
    assert "# return k * x * x" in once and "# a = " not in once


def test_quoted_statements_are_cut_behind_a_word() -> None:
    names = ", ".join(f"long_name_{i}: float" for i in range(9))
    total = " + ".join(f"long_name_{i} * long_name_{i}" for i in range(9))
    broken = "(\n            " + total.replace(" + ", "\n            + ") + "\n        )"
    for value in (total, broken):
        made = _reversed(f"""
    def f({names}):
        # {"all of them " * 12}
        y = {value} * 2.0
        return y * y
    """, "long_name_0")  # fmt: skip
        quoted = [line for line in made.splitlines() if line.lstrip().startswith("# y = ")]
        assert len(quoted) == 1 and len(quoted[0]) <= 88 and quoted[0].endswith((" + ...", " * ..."))
        words = {*total.split(), "#", "y", "=", "..."}
        assert {word.strip("()") for word in quoted[0].split()} <= words
        assert made.count("them") == 12, "the user's comments are not cut"


def test_source_of_loaded_functions() -> None:
    text = "def f(x):\n    return x + 1\n"
    f = emit.load(text)["f"]
    assert f(1) == 2
    assert inspect.getsource(f) == text


def test_long_lines_are_broken_as_the_formatter_breaks_them(tmp_path: Path) -> None:
    """Programs with long names and many operands, as they come out."""
    texts = [emit.module([long_function(seed)]) for seed in range(40)]
    texts += [emit.module([Maker(seed).function()]) for seed in range(60)]
    for i, text in enumerate(texts):
        (tmp_path / f"f{i}.py").write_text(text, encoding="utf-8")
    run = [sys.executable, "-m", "ruff"]
    shown = subprocess.run([*run, "format", "--isolated", "--diff", tmp_path], capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stdout[:4000]
    # E741: the user may call a variable `l`; F841: a program may be read before what it does not need is pruned.
    rules = ["--extend-select", "E501,W", "--ignore", "E741,F841,F811,PLR0124"]
    shown = subprocess.run([*run, "check", "--isolated", *rules, tmp_path], capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stdout[:4000]


def long_function(seed: int) -> Function:
    """A function of long names in every construct that is ever broken over lines."""
    r = random.Random(seed)
    b = Builder()
    words = ["temperature", "pressure", "a", "concentration_of_salt", "velocity_in_the_boundary_layer", "k"]
    names = [f"{r.choice(words)}_{i}" for i in range(r.randrange(2, 9))]
    array = Array("float64", (Dim("N", True),))
    vs = [b.let("load", Const(n), hint=f"t{i}", type=array) for i, n in enumerate(names)]
    out: list[Any] = []
    for i in range(r.randrange(1, 6)):
        hint = f"{r.choice(words)}_{i}" if r.random() < 0.5 else f"t{20 + i}"
        op = r.choice(["operator.add", "operator.mul", "numpy.stack", "numpy.where", "numpy.linalg.norm", "list", "user.mix"])
        if op in ("numpy.stack", "list", "user.mix"):
            v = b.let(op, *(r.choice(vs) for _ in range(r.randrange(1, 7))), hint=hint, type=array)
        elif op == "numpy.where":
            cond = b.let("operator.gt", r.choice(vs), r.choice(vs), hint=f"t{40 + i}")
            v = b.let(op, cond, r.choice(vs), r.choice(vs), hint=hint, type=array)
        elif op == "numpy.linalg.norm":
            v = b.let(op, r.choice(vs), axis=0, keepdims=True, hint=hint, type=array)
        else:
            v = b.let(op, r.choice(vs), r.choice(vs), hint=hint, type=array)
        if op != "list":
            vs.append(v)
        out.append(v)
    assumes = (Assume(f"{names[0]}.ndim == 1", " ".join(["`row = u[i]` is a number or a view"] * r.randrange(1, 4))),)
    tree: Any = tuple(Leaf(i) for i in range(len(out)))
    if len(out) > 2:
        tree = (Leaf(0), tuple(Leaf(i) for i in range(1, len(out))))
    params = tuple(Param(n, array if r.random() < 0.5 else Var().type) for n in names)
    return Function("f", params, Region((), tuple(b.body), tuple(out)), tree, "A docstring. " * r.randrange(9), None, assumes)


@pytest.mark.parametrize("style", ["code", "listing"])
def test_the_same_bytes_twice(style: str) -> None:
    assert emit.function(Maker(5).function(), style=style) == emit.function(Maker(5).function(), style=style)


def test_a_long_program_is_printed_in_time() -> None:
    b = Builder()
    v = b.let("load", Const("x"), hint="t0", type=FLOAT)
    for i in range(40_000):
        v = b.let("operator.add", v, v, hint=f"t{i + 1}", type=FLOAT)
    f = Function("f", (Param("x", FLOAT),), Region((), tuple(b.body), (v,)))
    assert len(emit.function(f).splitlines()) == 40_001


@pytest.mark.parametrize(("x", "n"), [(3.0, 0), (3.0, 2)])
def test_a_listing_binds_what_any_path_returns(x: float, n: int) -> None:
    """No path returns in a listing, so each binds the result."""
    source = "def f(x, n):\n    if n == 0:\n        return 1.0\n    return x * n\n"
    text = pipeline.listing_text(pipeline.load_function(from_text(source), "f", {}))
    scope: dict[str, Any] = {"load": {"x": x, "n": n}.__getitem__}
    exec(text, scope)
    assert scope["result"] == (x * n if n else 1.0)


def test_what_is_given_is_copied_once() -> None:
    """However often it is written."""
    text = "def f(x):\n    x[1:] = 2.0 * x[:-1]\n    x[0] = 3.0 * x[1]\n    x[1:] = 2.0 * x[:-1]\n    return x\n"
    f = pipeline.load_function(from_text(text), "f", {"x": Array("float64", (Dim("I", True),))})
    forward, reverse = (pipeline.text(f, mode, ["x"]) for mode in ("forward", "reverse"))
    assert re.findall(r"^    (d?x) = d?x\.copy\(\)", forward, re.MULTILINE) == ["dx", "x"]
    assert re.findall(r"^    (d?x) = d?x\.copy\(\)", reverse, re.MULTILINE) == ["x"]


def test_an_item_by_name_of_something_unknown_has_no_adjoint() -> None:
    """Nobody knows that it is one of a dict: the emitted code could not make the zero that its share is added to."""
    text = "def f(p, x):\n    return p['a'] * x\n"
    f = pipeline.load_function(from_text(text), "f", {})
    assert "dp['a']" not in pipeline.text(f, "reverse", ["x"])
    with pytest.raises(DifferentiationError, match=r"2:12: .* an item by its name, `\['a'\]`"):
        pipeline.text(f, "reverse", ["p"])


def emitted(source: str, mode: str = "reverse", wrt: str = "u") -> str:
    """The text of the derivative of `f`."""
    return pipeline.text(pipeline.load_function(from_text(source), "f", {}), mode, [wrt])


STEPS = """import numpy as np

def f(u: "Float64[np.ndarray, 'N']", n: int):
    u = u.copy()
    v = u * 2.0
    for _ in range(n):
        v[1:-1] = u[1:-1] + 0.1 * (u[2:] - u[:-2] * u[1:-1])
        u, v = v, u
    return np.sum(u * v)
"""


def test_arrays_that_change_places_are_not_copied_in_each_trip() -> None:
    for mode in ("forward", "reverse"):
        text = emitted(STEPS, mode)
        inside = [line for line in text.splitlines() if line.startswith(" " * 8) and "copy()" in line]
        assert not [line for line in inside if "_tape" not in line and "[" not in line], text


def test_an_item_that_is_read_elsewhere_grows_as_written() -> None:
    source = """import numpy as np

def f(u: "Float64[np.ndarray, 'N']", n: int):
    u = u.copy()
    for k in range(n):
        u[k] += np.sin(u[k]) * 0.5
    return np.sum(u)
"""
    text = emitted(source, "forward")
    assert "        u[k] += np.sin(t3) * 0.5\n" in text, text


def test_what_an_array_holds_at_the_end_is_not_saved() -> None:
    source = """import numpy as np

def f(u: "Float64[np.ndarray, 'N']", n: int):
    x = np.zeros((n + 1, 3))
    x[0] = u[:3]
    for k in range(n):
        x[k + 1] = x[k] * x[k]
    return np.sum(x)
"""
    assert "_tape" not in emitted(source)
    again = source.replace("    return", "    for k in range(n):\n        x[k] = x[k + 1] * x[k]\n    return")
    assert "_tape" in emitted(again)
