"""Programs of any length and depth: the work grows with the length, and nothing recurses along it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from adtransform.errors import DifferentiationError
from adtransform.ir import Function
from adtransform.lattice import FLOAT, Array, Dim, Type
from adtransform.modes import gradient
from adtransform.pipeline import compile, load_function
from adtransform.source import from_text

VECTOR = Array("float64", (Dim("I", True),))


def straight(n: int) -> str:
    lines = [
        line
        for i in range(n // 5)
        for line in (
            f"v{i} = np.sin(u) * a + {i % 7}.5",
            f"u[{i % 3}] = v{i}[{(i + 1) % 3}] * 0.9",
            f"s += np.sum(v{i} * u)",
            f"w{i} = s / (1.0 + s * s)",
            f"a = a * 0.99 + w{i} * 0.01",
        )
    ]
    return _function(lines)


def numbers(n: int) -> str:
    lines = [
        line
        for i in range(n // 4)
        for line in (
            f"p{i} = s * a + 0.5",
            f"q{i} = np.sin(p{i}) - 0.3 * s",
            f"r{i} = q{i} / (1.0 + p{i} * p{i})",
            f"s = np.exp(-r{i} * q{i}) * 0.1",
        )
    ]
    return _function(lines)


def blocks(n: int) -> str:
    lines = [
        line
        for i in range(n // 10)
        for line in (
            "for i in range(3):",
            "    u[i] = u[i] * 0.9 + a",
            "    s += u[i] * 0.01",
            f"if s > {i}.5:",
            "    s = s * 0.5",
            "    u[0] = s",
            "else:",
            "    a = a * 0.99",
            f"v{i} = np.tanh(u)",
            f"s += np.sum(v{i} * v{i})",
        )
    ]
    return _function(lines)


def one_loop(n: int, make: Callable[[int], str] = straight) -> str:
    body = make(n).split("    s = 0.0\n")[1].split("\n    return")[0].splitlines()
    return _function(["for k in range(2):", *(f"    {line.strip()}" for line in body)])


def numbers_in_loop(n: int) -> str:
    return one_loop(n, numbers)


def branches_in_loop(n: int) -> str:
    lines = [line for i in range(n // 4) for line in (f"if s > {i}.5:", "    s = s * a", "else:", f"    u[{i % 3}] = s * a")]
    return _function(["for k in range(2):", *(f"    {line}" for line in lines)])


def whiles(n: int) -> str:
    return _function([line for i in range(n // 3) for line in (f"while s < {i}.5:", "    s = s * a + 1.0", "    u[0] *= 0.5")])


def writes(n: int) -> str:
    lines = [
        line
        for i in range(n // 4)
        for line in (f"j = int(s) % {1 + i % 3}", f"u[j] = u[{i % 3}] * a", f"u[{(i + 1) % 3}] += s * 0.1", "s = s * a + u[j]")
    ]
    return _function(lines)


def appends(n: int) -> str:
    return _function(["q = []", *(line for i in range(n // 2) for line in (f"s = s * 0.9 + a * u[{i % 3}]", "q.append(s)"))])


def handlers(n: int) -> str:
    lines = [
        line
        for i in range(n // 4)
        for line in ("try:", f"    s = s / a + {i}.0", "except ZeroDivisionError:", "    s = s + 1.0")
    ]
    return _function(lines)


def additions(n: int) -> str:
    return _function([f"s += x[{i % 3}] * {i}.5" for i in range(n)])


def helpers(n: int) -> str:
    defined = "".join(f"def g{i}(v, k):\n    return v * k + {i}.0\n\n" for i in range(n))
    return _function([f"s = g{i}(s, a)" for i in range(n)], defined)


def array_of(n: int) -> str:
    return _function([f"c = np.array([{', '.join(f'a * {i}.5' for i in range(n))}])", "s = np.sum(c)"])


def sum_of(n: int) -> str:
    return _function([f"c = [{', '.join(f'a * {i}.5' for i in range(n))}]", "s = sum(c)"])


def _function(lines: list[str], defined: str = "") -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f"import numpy as np\n\n{defined}def f(x, a):\n    u = x.copy()\n    s = 0.0\n{body}\n    return s + np.sum(u)\n"


def read(text: str, types: dict[str, Type]) -> Function:
    return load_function(from_text(text), "f", types)


def calls(work: Callable[[], Any]) -> int:
    """How many functions are called, built in ones too: what the work is, whatever else the machine does."""
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("mode", ["forward", "reverse", "pair"])
@pytest.mark.parametrize("types", [{"x": VECTOR, "a": FLOAT}, {}], ids=["typed", "untyped"])
@pytest.mark.parametrize(
    "make",
    [straight, numbers, blocks, one_loop, branches_in_loop, writes, appends, handlers, additions, helpers, array_of, sum_of],
)
def test_twice_the_statements_are_twice_the_work(make: Callable[[int], str], types: dict[str, Type], mode: str) -> None:
    small, large = (calls(lambda n=n: compile(read(make(n), types), mode, ["x", "a"])) for n in (80, 160))
    assert large < 2.6 * small


def test_whether_an_adjoint_is_idle_is_asked_once() -> None:
    types = {"x": VECTOR, "a": FLOAT}
    small, large = (calls(lambda n=n: compile(read(additions(n), types), "reverse", ["x", "a"])) for n in (400, 800))
    assert large < 2.1 * small


@pytest.mark.parametrize("mode", ["forward", "reverse", "pair"])
def test_counted_trips_are_found_at_once(mode: str) -> None:
    small, large = (calls(lambda n=n: compile(read(whiles(n), {"x": VECTOR, "a": FLOAT}), mode, ["x", "a"])) for n in (80, 160))
    assert large < 2.6 * small


def test_what_may_share_memory_is_forgotten_behind_each_loop() -> None:
    small, large = (calls(lambda n=n: read(whiles(n), {})) for n in (150, 300))
    assert large < 2.6 * small


@pytest.mark.parametrize("types", [{"x": VECTOR, "a": FLOAT}, {}], ids=["typed", "untyped"])
@pytest.mark.parametrize("make", [straight, blocks])
def test_second_order_too(make: Callable[[int], str], types: dict[str, Type]) -> None:
    def second(n: int) -> int:
        return calls(lambda: compile(gradient(read(make(n), types), ["x", "a"], single=False), "forward", ["x", "a"]))

    assert second(80) < 2.6 * second(40)


@pytest.mark.parametrize("mode", ["forward", "reverse", "pair"])
def test_two_thousand_statements(mode: str) -> None:
    made = compile(read(straight(2000), {"x": VECTOR, "a": FLOAT}), mode, ["x", "a"])
    assert len(made.functions) == 1 + (mode == "pair")


def returns(n: int) -> str:
    lines = [f"    if x > {1000 - i}.0:\n        return x * {i}.0 + a" for i in range(n)]
    return "def f(x, a):\n" + "\n".join(lines) + "\n    return a * x\n"


@pytest.mark.parametrize("make", [returns, lambda n: chain(n)], ids=["returns", "elifs"])
def test_no_more_blocks_than_python_takes(make: Callable[[int], str]) -> None:
    x, a = 950.5, 0.8
    for n, types in ((96, {}), (130, {"x": FLOAT, "a": FLOAT})):
        _, (dx, da) = compile(read(make(n), types), "reverse", ["x", "a"]).functions["f_reverse"](x, a)
        assert da == (1.0 if make is returns else x) and dx == pytest.approx(50.0 if make is returns else 2 * x * 50.0 + a)
    with pytest.raises(DifferentiationError, match="Python indents no deeper"):
        compile(read(make(130), {}), "reverse", ["x", "a"])


@pytest.mark.parametrize("types", [{"x": FLOAT, "a": FLOAT}, {}], ids=["typed", "untyped"])
def test_early_returns_are_no_recursion(types: dict[str, Type]) -> None:
    """Each begins a region in the one before; where no path comes back from, nothing is nested in what is printed."""
    made = compile(read(returns(300), types), "forward", ["x", "a"]).functions["f_forward"]
    namespace: dict[str, Any] = {}
    exec(returns(300), namespace)
    for x in (2.5, 150.5, -1.0):
        y, dy = made(x, 1.5, 1.0, 0.5)
        assert y == namespace["f"](x, 1.5)
        assert dy == pytest.approx((namespace["f"](x + 1e-6, 1.5 + 5e-7) - namespace["f"](x - 1e-6, 1.5 - 5e-7)) / 2e-6)


def chain(n: int) -> str:
    arms = [f"    elif x > {1000 - i}.0:\n        y = x * {i}.0 + a" for i in range(n)]
    return (
        "def f(x, a):\n    if x > 2000.0:\n        y = x\n"
        + "\n".join(arms)
        + "\n    else:\n        y = a * x\n    return y * x\n"
    )


def nested_ifs(n: int) -> str:
    down = [f"{'    ' * (i + 1)}if a > {0.01 * i}:\n{'    ' * (i + 2)}s = s * a + {i}.0" for i in range(n)]
    up = [f"{'    ' * (i + 1)}else:\n{'    ' * (i + 2)}s = s - a * {i}.0" for i in reversed(range(n))]
    return "def f(x, a):\n    s = x\n" + "\n".join([*down, *up]) + "\n    return s * x\n"


def nested_loops(n: int) -> str:
    down = [f"{'    ' * (i + 1)}for i{i} in range(2):\n{'    ' * (i + 2)}s = s * 0.9 + a" for i in range(n)]
    return "def f(x, a):\n    s = x\n" + "\n".join(down) + "\n    return s * x\n"


def guards(n: int) -> str:
    exits = ["break", "continue", "return s"]
    lines = [f"        if s > {i + 100}.0:\n            {exits[i % 3]}\n        s = s * a + x" for i in range(n)]
    return "def f(x, a):\n    s = x\n    for i in range(2):\n" + "\n".join(lines) + "\n    return s\n"


SHAPES = {
    "a sum of 400 terms": "def f(x, a):\n    return " + " + ".join(f"x * {i}.0" if i % 2 else "a" for i in range(400)) + "\n",
    "a product of 400": "def f(x, a):\n    return " + " * ".join(["x", "a", "1.5", "0.9"] * 100) + "\n",
    "powers of powers": "def f(x, a):\n    return " + " ** ".join(["x", "a"] * 40) + "\n",
    "nested to the right": "def f(x, a):\n    return " + "x + (a * " * 90 + "x" + ")" * 90 + "\n",
    "nested calls": "import math\ndef f(x, a):\n    return " + "math.sin(" * 150 + "x * a" + ")" * 150 + "\n",
    "deep parentheses": "def f(x, a):\n    return " + "(" * 150 + "x * a" + ")" * 150 + "\n",
    "a stack of 400": "import numpy as np\ndef f(x, a):\n    return np.sum(np.stack(["
    + ", ".join(["x * 2.0", "a * x"] * 200)
    + "]))\n",
    "60 elifs": chain(60),
    "15 nested ifs": nested_ifs(15),
    "8 nested loops": nested_loops(8),
    "60 early returns": returns(60),
    "60 guards in a loop": guards(60),
    "a list of 2000": "import numpy as np\ndef f(x, a):\n    return np.sum(np.array(["
    + ", ".join(f"{i}.5" for i in range(2000))
    + "])) * x * a\n",
    "400 calls of a helper": "def g(u, k):\n    return u * k + 1.0\n\ndef f(x, a):\n    s = x\n"
    + "    s = g(s, a)\n" * 400
    + "    return s\n",
}


@pytest.mark.parametrize("types", [{"x": FLOAT, "a": FLOAT}, {}], ids=["typed", "untyped"])
@pytest.mark.parametrize("name", SHAPES)
def test_deep_and_wide_programs(name: str, types: dict[str, Type]) -> None:
    f = read(SHAPES[name], types)
    x, a = 0.7, 0.8
    _, dy = compile(f, "forward", ["x", "a"]).functions["f_forward"](x, a, 1.0, 2.0)
    _, (dx, da) = compile(f, "reverse", ["x", "a"]).functions["f_reverse"](x, a)
    assert dx + 2.0 * da == pytest.approx(dy, rel=1e-12)


def test_two_hundred_parameters() -> None:
    names = [f"p{i}" for i in range(200)]
    text = (
        f"def f({', '.join(names)}):\n    s = 0.0\n"
        + "".join(f"    s = s * 0.5 + {p} * {p}\n" for p in names)
        + "    return s\n"
    )
    namespace: dict[str, Any] = {}
    exec(text, namespace)
    for types in ({}, dict.fromkeys(names, FLOAT)):
        _, shares = compile(read(text, types), "reverse", names).functions["f_reverse"](*[1.0] * 200)
        assert shares[-1] == 2.0 and shares[-3] == 0.5 and len(shares) == 200


def test_what_a_closure_holds_is_not_forgotten() -> None:
    """A long program drops what nothing can see any more; a function made by a helper can see more than its name says."""
    long = "".join(f"    w{i} = np.array([x, a * {i}.0])\n    s += w{i}[0]\n" for i in range(80))
    made = "def holding(v):\n    return lambda k: v[k] * 2.0\n\n"
    sums = "    later = (v * 3.0 for v in w1)\n"
    text = f"import numpy as np\n\n{made}def f(x, a):\n    s = 0.0\n    w = np.array([x, x * a])\n    g = holding(w)\n"
    text += "    w1 = np.array([a, x])\n" + sums + "    w1 = 0.0\n    w = 0.0\n" + long + "    return s + g(1) + sum(later)\n"
    _, shares = compile(read(text, {"x": FLOAT, "a": FLOAT}), "reverse", ["x", "a"]).functions["f_reverse"](0.7, 0.8)
    assert shares == pytest.approx((80.0 + 1.6 + 3.0, 1.4 + 3.0))
