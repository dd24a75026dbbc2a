"""`try` with `except`: derivatives on both ways, effects, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adtransform as ad
from adtransform.errors import DifferentiationError
from adtransform.listing import parse, show
from adtransform.live import from_function
from adtransform.read import read
from adtransform.verify import verify


def log_det(A: Any) -> Any:
    try:
        L = np.linalg.cholesky(A)
        return 2 * np.sum(np.log(np.diag(L)))
    except np.linalg.LinAlgError:
        return np.inf


def ratio(a: float, b: float) -> Any:
    try:
        r = a / b
    except ZeroDivisionError:
        r = 0.0
    return r * a


def logs(x: Any) -> Any:
    s = 0.0
    for i in range(len(x)):
        try:
            s += math.log(x[i])
        except ValueError:
            continue
        s = s * 1.5
    return s


def keep(x: float) -> Any:
    try:
        y = math.sqrt(x) * x
    except (ValueError, ArithmeticError):
        y = x
    return y * y


def strict(A: Any) -> Any:
    try:
        L = np.linalg.cholesky(A)
    except np.linalg.LinAlgError as err:
        raise ValueError("not positive definite") from err
    return np.sum(L)


def helper(x: Any) -> Any:
    try:
        return math.log(x)
    except ValueError:
        return 0.5 * x


def inlined(x: float) -> Any:
    return helper(x) * helper(x - 1.0)


def nested(x: float) -> Any:
    try:
        try:
            y = math.log(x)
        except ZeroDivisionError:
            y = 3.0
        z = y / x
    except ValueError:
        z = -x
    else:
        z = z * 2
    finally:
        w = x * x
    return z * w


def loop_inside(x: Any) -> Any:
    try:
        s = 0.0
        for i in range(len(x)):
            s = s + math.sqrt(x[i]) * s + x[i]
    except ValueError:
        s = x[0] * 3
    return s * 2


def two_handlers(x: float) -> Any:
    try:
        y = math.log(x) / (x - 2.0)
    except ValueError:
        y = x
    except ZeroDivisionError:
        y = 2 * x
    return y


def raised(x: float) -> Any:
    try:
        if x < 0:
            raise ValueError("neg")
        y = math.log(x) * x
    except ValueError:
        y = x * x
    return y


def written(x: Any) -> Any:
    out = np.zeros(3)
    for i in range(len(x)):
        try:
            out[i] = math.log(x[i]) * x[0]
        except ValueError:
            out[i] = x[i]
    return np.sum(out * out)


def unused(x: float) -> Any:
    try:
        np.linalg.cholesky(np.array([[x, 0.0], [0.0, 1.0]]))
    except np.linalg.LinAlgError:
        return x * 3
    return x * x


def leaves_loop(x: Any) -> Any:
    s = 1.0
    while s < 10:
        try:
            t = math.sqrt(x[0] - s)
        except ValueError:
            break
        s = s + t * x[1]
    else:
        s = s * 2
    return s


def anything(x: float) -> Any:
    try:
        y = math.log(x)
    except BaseException:
        y = 0.25 * x
    try:
        z = math.log(y)
    except ValueError:
        z = y * 3
    return y * z


def replaced(A: Any) -> Any:
    try:
        L = np.linalg.cholesky(A)
    except np.linalg.LinAlgError:
        L = A @ A
    return np.sum(L * L * L)


def attempts(x: float) -> Any:
    for k in range(3):
        try:
            return math.log(x + k) * x
        except ValueError:
            print("again", k)
    return x


def deep(x: Any) -> Any:
    s = 0.0
    for i in range(len(x)):
        try:
            t = x[i] * x[i]
            if x[i] > 2.2:
                t = math.sqrt(t) * t
            for k in range(2):
                t = t * math.log(x[i]) + t * k
        except ValueError:
            t = x[i] * 0.5
        s = s + t * s + t
    return s


def nested_in_loop(x: Any) -> Any:
    s = 1.0
    for i in range(len(x)):
        try:
            try:
                t = math.log(x[i]) * s
            except ValueError:
                t = math.sqrt(x[i] + 3.0) * s
            t = t * t
        except (ValueError, OverflowError):
            t = x[i] * s
        s = s + t
    return s


def bound_or_not(x: float) -> Any:
    y = x
    try:
        y = x * 2
        z = math.log(x)
    except ValueError:
        z = y
    return z


def written_or_not(x: Any) -> Any:
    x = x.copy()
    try:
        x[0] = 3 * x[1]
        z = math.log(x[1])
    except ValueError:
        z = x[0]
    return z


SPD = np.array([[2.0, 0.3], [0.3, 1.0]])


def changes(x: Any) -> Any:
    x[0] = 2 * x[1]
    return math.log(x[1])


def written_in_a_helper(x: Any) -> Any:
    x = x * 1
    try:
        z = changes(x)
    except ValueError:
        z = x[0]
    return z


WRITING = logs, loop_inside, written, written_or_not, written_in_a_helper, deep, nested_in_loop
GOOD, MIXED, BAD = np.array([2.0, 3.0, 1.5]), np.array([2.0, -1.0, 1.5]), np.array([-4.0, -3.5, 2.5])
CASES: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (log_det, (SPD,)),
    (ratio, (2.0, 3.0)),
    *((f, (x,)) for f in WRITING for x in (GOOD, MIXED, BAD)),
    *((f, (x,)) for f in (keep, bound_or_not, nested, inlined, raised, anything) for x in (2.5, 1.5, -2.0)),
    *((two_handlers, (x,)) for x in (3.0, -1.0)),
    *((unused, (x,)) for x in (2.0, -2.0)),
    *((replaced, (a,)) for a in (SPD, -SPD)),
    *((attempts, (x,)) for x in (2.0, -0.5, -1.5, -5.0)),
    *((leaves_loop, (x,)) for x in (np.array([2.0, 3.0]), np.array([200.0, 0.3]), np.array([0.5, 1.0]))),
    (strict, (SPD,)),
]


@pytest.mark.parametrize(("f", "args"), CASES)
def test_derivatives(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    ad.check_grads(f, args, order=2)
    assert ad.value_and_grad(f)(*args)[0] == f(*args)


def test_the_way_of_the_exception() -> None:
    assert ad.value_and_grad(log_det)(-SPD)[0] == np.inf
    assert not ad.value_and_grad(log_det)(-SPD)[1].any()
    assert ad.value_and_grad(ratio)(2.0, 0.0) == (0.0, 0.0)
    assert ad.jvp(ratio, (2.0, 0.0), (1.0, 1.0)) == (0.0, 0.0)
    with pytest.raises(ValueError, match="not positive definite"):
        ad.grad(strict)(-SPD)


def test_what_it_comes_from() -> None:
    for call in (ad.grad(strict), lambda a: ad.jvp(strict, (a,), (a,))):
        with pytest.raises(ValueError, match="not positive definite") as caught:
            call(-SPD)
        assert isinstance(caught.value.__cause__, np.linalg.LinAlgError)


def test_which_exception_comes_first() -> None:
    def f(x: float) -> Any:
        try:
            t = 1.0 / x
            y = math.log(x) + t * t
        except ZeroDivisionError:
            y = 2 * x
        except ValueError:
            y = 3 * x
        try:
            z = math.log(x) + 1.0 / x
        except ZeroDivisionError:
            z = 5 * x
        except ValueError:
            z = 7 * x
        return y + z

    for x, slope in ((0.0, 9.0), (-1.0, 10.0)):
        assert ad.grad(f)(x) == slope
        assert ad.jvp(f, (x,), (1.0,)) == (f(x), slope)


def test_the_listing_is_read_again() -> None:
    for f, _ in CASES:
        target = from_function(f)
        text = show(read(target.source, target.name, {}, namespace=target.namespace))
        again = parse(text)
        verify(again)
        assert show(again) == text


def test_clauses_of_one_statement() -> None:
    text = ad.differentiate(two_handlers).reverse.source
    assert text.count("try:") == 1
    assert text.count("except ") == 2


def test_what_the_derivative_raises_is_not_caught() -> None:
    # At 0 the value is fine and the partial of the root is not.
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert ad.jvp(guarded_root, (0.0,), (1.0,))[0] == 0.0


def guarded_root(x: float) -> Any:
    try:
        y = math.sqrt(x)
    except (ValueError, ZeroDivisionError):
        y = 7.0
    return y


def test_effects_happen_once(capsys: pytest.CaptureFixture[str]) -> None:
    def f(x: float) -> Any:
        try:
            print("first")
            for _ in range(2):
                x = math.log(x) * x
            y = x
        except ValueError:
            print("second")
            y = 3.0
        return y

    for point, said in ((5.0, "first\n"), (0.5, "first\nsecond\n")):
        for run in (lambda p: ad.grad(f)(p), lambda p: ad.jvp(f, (p,), (1.0,))):
            run(point)
            assert capsys.readouterr().out == said


def test_draws_are_not_repeated() -> None:
    def f(x: float) -> Any:
        rng = np.random.default_rng(3)
        try:
            s = x
            for _ in range(2):
                s = s * rng.normal() + math.log(x)
        except ValueError:
            s = x
        return s * rng.normal()

    ad.check_grads(f, (2.0,), modes=("rev",))
    assert ad.value_and_grad(f)(2.0)[0] == f(2.0)
    with pytest.raises(DifferentiationError, match="a `try` with loops or branches that draws numbers"):
        ad.jvp(f, (2.0,), (1.0,))


def written_within(x: Any) -> Any:
    x = x * 1
    try:
        z = 1.0 + changes(x)
    except ValueError:
        z = x[0]
    return z


def reported(x: float) -> Any:
    with np.errstate(all="raise"):
        try:
            z = np.log(x)
        except FloatingPointError:
            z = 0.0
    return z * x


@pytest.mark.parametrize(
    ("f", "x", "what"),
    [
        (written_within, GOOD, "a `try` that changes an array"),
        (reported, 2.0, "`np.errstate` that reports by way of `raise`"),
    ],
)
def test_refused(f: Callable[..., Any], x: Any, what: str) -> None:
    with pytest.raises(DifferentiationError, match=what):
        ad.grad(f)(x)
