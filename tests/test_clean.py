"""The emitted code as a reviewer reads it: no line that a person would have struck out, nothing saved that is not read."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from adtransform import check_grads, grad, pipeline, value_and_grad, vjp
from adtransform.cli.targets import argument
from adtransform.ir import Function
from adtransform.source import from_text


def read(text: str, *known: str) -> Function:
    """The function `f` of a text."""
    return pipeline.load_function(from_text(f"import math\nimport numpy as np\n\n{text}\n"), "f", dict(map(argument, known)))


def reversed_(source: str, *known: str, wrt: str) -> str:
    """The body of the emitted reverse function of `f`, docstring and checks of the arguments left out."""
    lines = (
        pipeline.text(read(inspect.cleandoc(source), *known), "reverse", wrt.split(",")).split("def f_reverse")[1].splitlines()
    )
    start = max(i for i, line in enumerate(lines) if line.endswith('"""') or line.startswith("        raise")) + 1
    return inspect.cleandoc("\n".join(lines[start:]))


def test_an_unused_index_is_not_counted_down() -> None:
    text = reversed_(
        """
        def f(x, n):
            for _ in range(n):
                x = x * x
            return x
        """,
        "x: float",
        wrt="x",
    )
    assert "for _ in range(n):" in text.split("dx = 1.0")[1]


def test_loops_that_count_down_are_run_upwards() -> None:
    text = reversed_(
        """
        def f(x):
            n = len(x)
            for i in reversed(range(n - 1)):
                x[i] += x[i + 1] * x[i + 1]
            return np.sum(x)
        """,
        "x[N]",
        wrt="x",
    )
    assert "for i in range(t2):" in text
    assert "trips" not in text and "len(range" not in text


def test_slices_of_equal_bounds_are_equally_long() -> None:
    """A triangular solve: no share is fitted, and nothing is saved: the arrays hold what is multiplied with."""
    text = reversed_(
        """
        def f(L, x):
            for i in range(len(x)):
                x[i] = (x[i] - np.dot(L[i, :i], x[:i])) / L[i, i]
            return np.sum(x)
        """,
        "L[N,N]",
        "x[N]",
        wrt="L,x",
    )
    assert "fit(" not in text
    assert "_tape" not in text
    assert "dx[:i] -= " in text and "dL[i, :i] -= " in text


def test_equal_shares_are_added_once() -> None:
    text = reversed_("def f(x): return x @ x", "x[N]", wrt="x")
    assert text.endswith("dx = 2.0 * x\nreturn y, (dx,)")


def test_the_outer_product_of_vectors_has_plain_adjoints() -> None:
    text = reversed_("def f(A, u, v): return np.sum(A * np.outer(u, v))", "A[N,M]", "u[N]", "v[M]", wrt="u,v")
    assert "reshape" not in text and "ravel" not in text
    assert "du = A @ v" in text and "dv = u @ A" in text


def test_two_arrays_made_alike_are_two() -> None:
    text = reversed_(
        """
        def f(x, n):
            total = 0.0
            for sign in (1.0, -1.0):
                y = np.full(n, x)
                for i in range(n):
                    y += sign * x
                total += np.sum(y)
            return total
        """,
        "x: float",
        "n: int",
        wrt="x",
    )
    assert [line for line in text.splitlines() if "np.full" in line and "#" not in line] == [
        "y = np.full(n, x)",
        "y_1 = np.full(n, x)",
    ]
    assert "copy()" not in text


def test_shares_are_called_after_their_parameters() -> None:
    text = reversed_("def f(A, x): return np.sum(A @ x)", "A[N,M]", "x[M]", wrt="A,x")
    assert text.endswith("return y, (dA, dx)")


def _ragged(x: Any, n: int) -> Any:
    """Slices of different trips are of different lengths, one of which broadcasts."""
    total = 0.0
    w = x[:1]
    for i in range(1, n):
        y = x[:i] * 2.0
        if i < 3:
            total = total + np.sum(w * y)
        w = y
    return total


def _kept(x: Any, n: int) -> Any:
    seen = []
    for i in range(n):
        seen.append(x[: i + 1] * 1.5)
    return np.sum(seen[0] * seen[2]) + np.sum(seen[0] * seen[1] * seen[1])


def _grown(x: Any, n: int) -> Any:
    p, q = x[:1] * 1.0, x[:1] * 2.0
    for i in range(n):
        if i == 1:
            p = x * 1.0
        if i == 5:
            q = x * 3.0
    return np.sum(p * q * q)


def _left_behind(x: Any, n: int) -> Any:
    """What an inner loop leaves is as long as its last trip made it."""
    total, last = 0.0, x[:1]
    for i in range(1, n):
        for j in range(1, i + 1):
            part = x[:j] * x[0]
        if i > 1:
            total = total + np.sum(last * part)
        last = x[:i] * x[1] if i > 1 else x[:1] * 1.0
    return total


@pytest.mark.parametrize("f", [_ragged, _kept, _grown, _left_behind])
def test_extents_of_different_trips_differ(f: Any) -> None:
    check_grads(f, (np.array([1.0, 2.0, 3.0]), 3), order=2)


def test_an_axis_may_be_a_multiple() -> None:
    """Gates stacked along one axis: slices of `4*H` at multiples of H are H long."""
    text = reversed_(
        """
        def f(x, c, W):
            H = len(c)
            gates = x @ W
            c = c * gates[:H] + np.tanh(gates[H : 2 * H]) * gates[2 * H :]
            return np.sum(c)
        """,
        "x[D]",
        "c[H]",
        "W[D,3*H]",
        wrt="x,c,W",
    )
    assert "fit(" not in text and "_tape" not in text


def test_invariant_arrays_leave_the_loop() -> None:
    """The product of a coefficient and a slice is computed once, and nothing is saved for it."""
    text = reversed_(
        """
        def f(u, k, a, n):
            for _ in range(n):
                u[1:-1] += a * k[1:-1] * (u[2:] - 2.0 * u[1:-1] + u[:-2])
            return np.sum(u)
        """,
        "u[N]",
        "k[N]",
        "a: float",
        "n: int",
        wrt="u",
    )
    before, _, loop = text.partition("for _ in range(n):")
    assert "a * k[1:-1]" in before and "k[1:-1]" not in loop.split("# u[1:-1]")[0]
    assert "_tape" not in text


def test_invariant_numbers_are_computed_again() -> None:
    text = reversed_(
        """
        def f(x, a, n):
            for _ in range(n):
                x = x * math.sqrt(a)
            return x
        """,
        "x: float",
        "a: float",
        "n: int",
        wrt="x",
    )
    assert "_tape" not in text


def test_a_number_that_may_raise_stays_in_its_loop() -> None:
    """A loop that makes no trip divides by nothing."""

    def f(x: Any, y: float, n: int) -> Any:
        for _ in range(n):
            x = x * (1.0 / y)
        return np.sum(x)

    value, gradient = value_and_grad(f)(np.ones(3), 0.0, 0)
    assert value == 3.0
    np.testing.assert_array_equal(gradient, np.ones(3))


def test_an_array_written_by_a_helper_keeps_its_name() -> None:
    text = reversed_(
        """
        def scale(A):
            for i in range(len(A)):
                A[i] *= A[0]

        def f(x):
            work = x.copy()
            scale(work)
            return np.sum(work)
        """,
        "x[N]",
        wrt="x",
    )
    assert "A = " not in text and "work[i] *= " in text and "dwork[" in text


def test_pi_has_its_name() -> None:
    assert "np.pi" in reversed_("def f(x): return 2.0 * np.pi * np.sum(x)", "x[N]", wrt="x")
    assert "math.pi" in reversed_("def f(x): return math.sin(math.pi * x)", "x: float", wrt="x")


def test_what_was_written_is_not_read_back() -> None:
    text = reversed_(
        """
        def f(x):
            for i in range(1, len(x)):
                x[i] /= x[i - 1]
                x[0] += x[i] * x[i]
            return np.sum(x)
        """,
        "x[N]",
        wrt="x",
    )
    assert text.count("_tape = []") == 1 and "t5 = x[i] / t4" in text


def test_a_sum_of_products_makes_no_array() -> None:
    text = reversed_("def f(a, x, y): return np.sum(a * x * y)", "a: float", "x[N]", "y[N]", wrt="a")
    assert "da = y @ x" in text or "da = x @ y" in text


def test_zeros_stand_where_they_are_read() -> None:
    text = reversed_(
        """
        def f(x, y):
            a = x[2:] * 3.0
            return np.sum(np.sin(a) * y)
        """,
        "x[N]",
        "y[M]",
        wrt="x,y",
    )
    lines = text.splitlines()
    assert lines.index("dx = np.zeros_like(x)") + 2 >= next(i for i, line in enumerate(lines) if line.startswith("dx[2:] ="))


def test_the_zeros_of_a_list_are_a_list() -> None:
    text = reversed_(
        """
        def f(x, n):
            seen = []
            for i in range(n):
                x = np.sin(x)
                seen.append(x)
            return np.sum(seen[-1] * seen[0])
        """,
        "x[N]",
        "n: int",
        wrt="x",
    )
    assert "dseen = [np.zeros_like(v) for v in seen]" in text


def test_a_compound_condition_breaks_by_itself() -> None:
    text = reversed_(
        """
        def f(x, y):
            k = 0
            while True:
                x = x - 0.5 * (x - y / x)
                k += 1
                if abs(x * x - y) < 1e-9 or k == 20:
                    break
            return x
        """,
        "x: float",
        "y: float",
        wrt="y",
    )
    assert "if abs(x * x - y) < 1e-09 or k == 20:\n        break" in text


def test_an_adjoint_grows_in_place() -> None:
    text = reversed_(
        """
        def f(x, v, n):
            for _ in range(n):
                x = x + 0.1 * v
                v = v - 0.1 * x
            return np.sum(x * v)
        """,
        "x[N]",
        "v[N]",
        "n: int",
        wrt="x,v",
    )
    assert "dx -= " in text and "dv += " in text
    assert text.count("# for _ in range(n):") == 0


def test_what_is_saved_is_not_computed_again() -> None:
    """The sine is saved for the slope by `a`, and so serves the slope of the cosine as well."""
    text = reversed_(
        """
        def f(x, a, n):
            for _ in range(n):
                x = a * math.sin(x) + math.cos(x)
            return x
        """,
        "x: float",
        "a: float",
        "n: int",
        wrt="x,a",
    )
    assert text.count("math.sin(") == 2  # the second is in a comment


def test_zeros_of_the_first_sweep_stay_in_it() -> None:
    """The gradient by a parameter that is not used is a zero that only the result reads."""

    def f(x: Any, m: Any) -> Any:
        return np.sum(x * x)

    gradient = grad(f, wrt=(0, 1))
    value, back = vjp(gradient, np.ones(3), np.eye(2))
    np.testing.assert_array_equal(value[0], 2.0 * np.ones(3))
    np.testing.assert_array_equal(value[1], np.zeros((2, 2)))
    np.testing.assert_array_equal(back((np.ones(3), np.ones((2, 2))))[0], 2.0 * np.ones(3))


def test_an_element_of_a_row_is_written_where_it_is() -> None:
    source = """
    def f(u):
        for i in range(u.shape[0]):
            row = u[i]
            if row[0] > row[-1]:
                row[0] *= 0.5
        return np.sum(u * u)
    """
    text = reversed_(source, "u[R,P]", wrt="u")
    forward, backward = text.split("# ", 1)
    assert "row = u[i]\n" in forward and "u[i, 0] *= 0.5" in forward
    assert "du[i, 0] *= 0.5" in backward and text.count("copy(") == 1


def _rows(u: Any, n: int) -> Any:
    for i in range(n):
        row = u[i]
        row[1] = row[1] * row[1] + u[i - 1, 0, 0]
        second = u[i + 1]
        second[1:] = second[1:] * np.sum(row) * row[0, 0]
        third = u[-1]
        third[-1, :2] *= u[i, 0, :2]
        fourth = u[i]
        fourth[..., 0] += fourth[0, 1] * fourth[..., 2]
        fifth = u[0]
        fifth[None, 0] = fifth[None, 1] * fifth[None, 0]
    return np.sum(u * u)


def test_writing_in_rows_has_the_derivative_of_writing_in_arrays() -> None:
    check_grads(_rows, (np.linspace(-0.7, 0.9, 36).reshape(3, 3, 4), 2))


def test_the_slope_of_the_logistic_function_takes_its_value_only() -> None:
    text = reversed_(
        """
        def f(x, n):
            for _ in range(n):
                x = 1 / (np.exp(-x) + 1)
            return np.sum(x)
        """,
        "x[N]",
        "n: int",
        wrt="x",
    )
    assert text.count("_tape = []") == 1
    assert "dx *= x * (1 - x)" in text or "dx = dx * (x * (1 - x))" in text


def test_the_logistic_function_is_flat_where_its_exponential_overflows() -> None:
    with np.errstate(over="ignore"):
        found = grad(lambda x: np.sum(1.0 / (1.0 + np.exp(-x))))(np.array([-800.0, 0.0, 3.0]))
    np.testing.assert_allclose(found, [0.0, 0.25, np.exp(-3.0) / (1.0 + np.exp(-3.0)) ** 2], rtol=1e-14)


def test_the_adjoint_of_a_maximum_asks_once_for_each_side() -> None:
    text = reversed_("def f(x): return np.sum(np.maximum(x, 0.0))", "x[N]", wrt="x")
    assert "np.where(x > 0.0, np.where" not in text


def test_loops_left_early_are_counted_by_their_index() -> None:
    text = reversed_(
        """
        def f(x, n):
            for i in range(n):
                while x * i > 1.0:
                    x = x * x / 4.0
                if x > 100.0:
                    break
                x = x * x
            return x
        """,
        "x: float",
        "n: int",
        wrt="x",
    )
    assert "trips_i += 1" in text and "trips += 1" in text and "trips_1" not in text


def test_shares_are_converted_where_they_are_returned() -> None:
    text = reversed_(
        """
        def f(first_angle, first_speed, pendulum_length, damping, m):
            for k in range(len(m)):
                first_angle += first_speed * m[k] * pendulum_length
                first_speed -= damping * m[k] * first_angle
            return first_angle * first_speed
        """,
        "m[T]",
        "first_angle: float",
        "first_speed: float",
        "pendulum_length: float",
        "damping: float",
        wrt="first_angle,first_speed,pendulum_length,damping",
    )
    assert " = float(" not in text and "float(dfirst_angle)" in text


def test_differences_are_added_where_they_came_from() -> None:
    text = reversed_("def f(x): return np.sum(np.diff(x) ** 3) + np.sum(x**2)", "x[N]", wrt="x")
    assert "dx[1:] += " in text and "dx[:-1] -= " in text and "zeros" not in text
    text = reversed_("def f(x): return np.sum(np.diff(x, axis=1) ** 3)", "x[N,M]", wrt="x")
    assert "dx[:, 1:] = " in text and "dx[:, :-1] -= " in text


def test_a_number_that_was_repeated_is_a_number_where_its_shape_is_there_already() -> None:
    terms = "def f(x, k, h): return np.sum(0.5 * k * x**2 + 0.25 * h * x**4)"
    assert "broadcast_to" not in reversed_(terms, "x[N]", "k: float", "h: float", wrt="x")
    rows = "def f(x, y): return np.mean(np.sum(x * y, axis=1))"
    assert "broadcast_to" not in reversed_(rows, "x[N,M]", "y[N,M]", wrt="x,y")


def test_a_loop_over_items_is_one_in_both_sweeps() -> None:
    text = reversed_(
        """
        def f(xs, ys, w):
            s = 0.0
            for i, x in enumerate(xs):
                s += x ** i * w
            for x, y in zip(xs, ys):
                s += x * math.sin(y * w)
            for x in reversed(xs):
                s += x * s * w
            return s + sum(y * y for y in ys) * w
        """,
        "xs[N]",
        "ys[N]",
        "w: float",
        wrt="w",
    )
    heads = [line.strip() for line in text.splitlines() if line.lstrip().startswith("for ")]
    assert heads[:4] == ["for i, x in enumerate(xs):", "for x, y in zip(xs, ys):", "for x in reversed(xs):", "for y in ys:"]
    assert "for x in xs:" in heads[4:], "the third loop backward"


def test_a_loop_over_what_it_writes_stays_one_over_indices() -> None:
    def f(u: Any, w: float) -> Any:
        for row in u:
            row *= w * np.sum(u)
        return np.sum(u * u)

    check_grads(f, (np.array([[0.2, 0.5], [0.7, 0.3]]), 0.4), order=2)


def test_numbers_of_the_backward_sweep_are_computed_before_its_loops() -> None:
    text = reversed_(
        """
        def f(x, dt, n):
            for _ in range(n):
                k = dt / 6.0
                x += k * (x + 2.0 * x * x) + k
            return x
        """,
        "x: float",
        "dt: float",
        "n: int",
        wrt="x",
    )
    forward, backward = text.split("dx = 1.0")
    assert "    k = dt / 6.0\n" in forward, "the user's own line stays where it is"
    assert forward.rstrip().endswith("\nk = dt / 6.0") and " = dt / 6.0\n" not in backward


@pytest.mark.parametrize("index", ["1, len(x)", "1, len(x) - 1"])
@pytest.mark.parametrize("write", ["x[i] = x[i - 1] * a + x[i]", "x[i] += a * (x[i - 1] * x[-i] - x[i])"])
def test_without_types_no_array_is_saved_for_its_shape(index: str, write: str) -> None:
    source = f"def f(x, a):\n    for i in range({index}):\n        {write}\n    return np.sum(x * x)"
    text = pipeline.text(read(source), "reverse", ["x", "a"])
    assert "(x.copy())" not in text and "x_tape" not in text

    typed = pipeline.compile(read(source, "x[N]", "a: float"), "reverse", ["x", "a"]).functions["f_reverse"]
    untyped = pipeline.compile(read(source), "reverse", ["x", "a"]).functions["f_reverse"]
    x = np.array([0.3, 0.8, 0.5, 0.9, 0.4])
    (value, (dx, da)), (other, (dx2, da2)) = typed(x, 0.7), untyped(x, 0.7)
    assert value == other
    np.testing.assert_allclose(dx2, dx, rtol=1e-13)
    assert da2 == pytest.approx(da, rel=1e-13)


def test_a_retry_loop_is_left_where_it_succeeds() -> None:
    text = reversed_(
        """
        def f(x):
            for _ in range(5):
                try:
                    y = math.log(x)
                    break
                except ValueError:
                    x = x * -0.5
            return y * x
        """,
        "x: float",
        wrt="x",
    )
    forward, backward = text.split("dx = y")
    assert "failed = " not in forward and "exit" not in forward and forward.count("break") == 1
    assert backward.count("if failed:") == 1 and "if not failed:" not in backward


def test_saves_at_the_end_of_a_loop_make_no_flag_of_its_exit() -> None:
    source = """def f(x, n):
    for i in range(n):
        if np.sum(x) > 9.0:
            x = x * 0.5
            break
        x = x * x + 1.0
    return np.sum(x) * x"""
    text = pipeline.text(read(source), "reverse", ["x"])
    forward, _ = text.split("    # return")
    assert "break" in forward and "exit" not in forward and "stop" not in forward
    made = pipeline.compile(read(source), "reverse", ["x"]).functions["f_reverse"]
    value, (dx,) = made(np.array([1.0, 2.0]), 5)
    typed = pipeline.compile(read(source, "x[N]", "n: int"), "reverse", ["x"]).functions["f_reverse"]
    np.testing.assert_array_equal(value, typed(np.array([1.0, 2.0]), 5)[0])
    np.testing.assert_allclose(dx, typed(np.array([1.0, 2.0]), 5)[1][0], rtol=1e-14)


def views_taken(body: str) -> int:
    """How often the emitted forward derivative of these statements takes the view `r`; it is checked on the way."""
    lines = [*body.splitlines(), "return np.sum(u * u) + np.sum(r * r)"]
    text = "def f(x, n):\n    u = x.copy()\n    r = u[0]\n" + "\n".join(f"    {line}" for line in lines)
    compiled = pipeline.compile(read(text, "x[I,J]", "n: int"), "forward", ["x"])
    x, dx, h = np.arange(1.0, 10.0).reshape(3, 3) / 7, np.cos(np.arange(9.0)).reshape(3, 3), 1e-6
    space: dict[str, Any] = {"np": np}
    exec(text, space)
    for n in (0, 1, 2, 3):
        value, tangent = compiled.functions["f_forward"](x, n, dx)
        assert value == space["f"](x, n)
        assert tangent == pytest.approx((space["f"](x + h * dx, n) - space["f"](x - h * dx, n)) / (2 * h), rel=1e-6)
    return compiled.text.count("    r = u[")


@pytest.mark.parametrize(
    "body",
    [
        "r[1] *= 2.0",
        "r[1:] = u[1, 1:] * r[0]\nu[0, 0] = 3.0 * r[2]",
        "for i in range(n):\n    r[i] = r[i] * u[1, i]",
        "for i in range(n):\n    if r[i] > 0.5:\n        continue\n    r[i] = u[2, i] * 2.0\nr[0] *= r[1]",
        "if n > 1:\n    r[0] = 5.0\nelse:\n    r[1] = r[1] * r[2]\nr[2] = r[0]",
    ],
)
def test_a_view_that_is_written_is_not_taken_again(body: str) -> None:
    assert views_taken(body) <= 1


@pytest.mark.parametrize(
    "body",
    [
        "r[1] *= 2.0\nu = u * 2.0\nr = u[0]\nr[0] = 1.0",
        "r[1] *= 2.0\nr = r * 2.0\nr = u[0]\nr[0] = 1.0",
        "for i in range(n):\n    r = u[i]\n    r[0] *= u[1, 1]\nr = u[0]",
        "i = 0\nfor k in range(n):\n    r = u[i]\n    r[0] *= u[1, 1]\n    i = k\nr = u[i]",
        "for i in range(n):\n    r = u[0]\n    if i == 1:\n        u = u * 2.0\n        continue\n    r[0] = u[1, i]\nr = u[0]",
        "j = 0\nfor i in range(n):\n    r = u[j]\n    r[0] = 2.0 * r[1]\n    if i:\n        j = 1\n        break\nr = u[j]",
    ],
)
def test_a_view_is_taken_again_where_the_variable_may_be_something_else(body: str) -> None:
    views_taken(body)


def test_shares_of_new_places_are_written() -> None:
    text = reversed_(
        """
        def f(p, x, W):
            H = len(p) // 2
            a, b = p[:2]
            n = W.shape[0]
            g = x @ W
            u = np.tanh(g[:n]) * np.sin(g[n : 2 * n]) * g[2 * n :]
            return a * np.sum(p[2:]) * b * np.sum(u) * p[-1] * p[0]
        """,
        "p[P]",
        "x[N]",
        "W[N,3*N]",
        wrt="p,x",
    )
    assert text.count("dg[") == 3 and "dg[" in text and "+= " not in "".join(s for s in text.splitlines() if "dg[" in s)
    assert "dp[2:] += " in text and "dp[:2] += " in text, "p[-1] may be one of them"


def test_shares_of_one_statement_are_added_at_once() -> None:
    text = reversed_(
        """
        def f(u, k, n):
            for _ in range(n):
                v = u.copy()
                for i in range(1, len(u) - 1):
                    v[i] = u[i] - k * u[i] * (u[i] - u[i - 1]) + 0.1 * (u[i + 1] - 2.0 * u[i] + u[i - 1])
                u = v
            return np.sum(u**2)
        """,
        "u[N]",
        "k: float",
        "n: int",
        wrt="u,k",
    )
    assert all(text.count(f"[{key}] += ") == 1 for key in ("i", "i - 1", "i + 1"))
    assert "u_1" not in text.replace("du_1", ""), "the zeros are made like the array that is there"


def test_an_extent_is_not_saved() -> None:
    text = reversed_(
        """
        def f(u, n):
            for _ in range(n):
                for i in range(1, len(u)):
                    u[i] *= u[i - 1]
            return np.sum(u)
        """,
        "u[N]",
        "n: int",
        wrt="u",
    )
    assert "len(u)" in text and ".append(t" in text and text.count("_tape = []") == 2


def test_what_is_only_asked_for_its_shape_is_not_saved() -> None:
    text = reversed_(
        """
        def f(m, k, n):
            s = 0.0
            for i in range(n):
                s += np.sum(m[i : i + 3] * k)
            return s
        """,
        "m[N]",
        "k[K]",
        "n: int",
        wrt="m,k",
    )
    assert "_tape" not in text


def test_products_are_turned_where_they_are_made() -> None:
    text = reversed_("def f(A, B): return np.sum(np.sin(A @ B.T))", "A[N,M]", "B[K,M]", wrt="A,B")
    assert ".T).T" not in text and "swapaxes" not in text and "dB = " in text
    text = reversed_("def f(A, b): return np.sum(np.linalg.solve(A.T, b))", "A[N,N]", "b[N]", wrt="A,b")
    assert "swapaxes" not in text and ".T.T" not in text


def test_a_mean_along_an_axis_is_divided_by_its_extent() -> None:
    text = reversed_("def f(x): return np.sum((x - x.mean(axis=1, keepdims=True)) ** 3)", "x[N,M]", wrt="x")
    assert "/ x.shape[1]" in text and ".size" not in text


def test_a_comparison_counted_needs_no_helper() -> None:
    text = reversed_("def f(x): return np.sum(x.max(axis=1) ** 2)", "x[N,M]", wrt="x")
    assert "cast(" not in text and ".astype(float)" in text


def test_indices_without_a_name_are_called_i() -> None:
    text = reversed_("def f(x): return sum(a * b for a, b in zip(x, x[1:]))", "x[N]", wrt="x")
    assert "for i in range(" in text and "y += " in text


def test_nothing_stands_behind_a_raise() -> None:
    source = """def f(x):
    log = []
    try:
        y = math.log(x)
    finally:
        log.append(1)
        print("done", len(log))
    return y * x + len(log)"""
    text = pipeline.text(read(source), "reverse", ["x"])
    lines = [line.removeprefix("    ") for line in text[text.index("def f_reverse") :].splitlines()]
    clause = lines[lines.index("except BaseException:") + 1 : lines.index("    raise") + 2]
    assert clause[:2] == ['    print("done", 1)', "    raise"] and not clause[2].startswith("    ")


def test_an_array_one_step_from_a_saved_one_is_computed_again() -> None:
    text = reversed_(
        """
        def f(A, x, n):
            for _ in range(n):
                y = A @ x
                x = y / np.linalg.norm(y)
            return np.sum(x**3)
        """,
        "A[N,N]",
        "x[N]",
        "n: int",
        wrt="A,x",
    )
    assert text.count("_tape = []") == 3, "x, A @ x and its norm"


def test_a_transposed_matrix_is_written_where_it_is_read() -> None:
    text = reversed_(
        """
        def f(A, x, n):
            for _ in range(n):
                x = x - A.T @ np.sin(A @ x)
            return np.sum(A @ x)
        """,
        "A[N,M]",
        "x[M]",
        "n: int",
        wrt="x",
    )
    assert " = A.T" not in text.replace(" = A.T @", "")
