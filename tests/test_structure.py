"""What belongs to the structure of an argument beside numbers and arrays: text, None, functions; empty containers."""

from __future__ import annotations

import warnings
from collections import OrderedDict, defaultdict
from typing import Any

import numpy as np
import pytest

import adtransform as ad

COUNT = 3
WEIGHTS = np.array([1.0, 2.0])


def settled(p: dict[str, Any], x: float) -> Any:
    h = p["w"] * x
    if p["bias"] is not None:
        h = h + p["bias"]
    if p["act"] == "tanh":
        h = np.tanh(h)
    return h.sum() * p["n"]["k"] * len(p["n"]["names"])


def test_text_and_none_in_what_is_differentiated() -> None:
    """They belong to the structure, and are in the gradient as they were."""
    p: dict[str, Any] = {"w": np.ones(2), "act": "tanh", "bias": None, "n": {"k": 2.0, "names": ["a", "b"]}}
    share = ad.grad(settled)(p, 0.5)
    assert (share["act"], share["bias"], share["n"]["names"]) == ("tanh", None, ["a", "b"])
    np.testing.assert_allclose(share["w"], 4.0 * 0.5 * (1 - np.tanh(0.5) ** 2), rtol=1e-14)
    plain = ad.grad(settled)(dict(p, act="none", bias=2.0), 0.5)
    assert (plain["act"], plain["bias"]) == ("none", 8.0)
    ad.check_grads(settled, (p, 0.5), order=2)


def test_ordered_dict_as_argument() -> None:
    def f(d: Any) -> Any:
        return d["a"] * d["b"] ** 2

    assert ad.grad(f)(OrderedDict(a=1.0, b=3.0)) == OrderedDict(a=9.0, b=6.0)
    with pytest.raises(TypeError, match="a defaultdict cannot be an argument"):
        ad.grad(f)(defaultdict(float, a=1.0, b=3.0))


def test_empty_containers_have_empty_gradients() -> None:
    def total(values: list[float], x: float) -> float:
        return sum(values) + x * x

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert ad.grad(total)([], 2.0) == []
        assert ad.value_and_grad(total, (0, 1))([], 2.0) == (4.0, ([], 4.0))
        assert ad.hessian(total)([], 2.0) == []


def test_what_a_function_that_is_held_captures_is_looked_at_again() -> None:
    def made() -> tuple[Any, Any]:
        k = 2.0

        def scale(t: float) -> float:
            return t * k

        def change(value: float) -> None:
            nonlocal k
            k = value

        return scale, change

    def f(x: float, functions: list[Any]) -> Any:
        return functions[0](x)

    scale, change = made()
    slope = ad.grad(f)
    assert slope(1.0, [scale]) == 2.0
    change(5.0)
    assert slope(1.0, [scale]) == 5.0
    with pytest.raises(TypeError, match="it is a function"):
        ad.grad(f, "functions")(1.0, scale)


def test_a_text_may_be_indented() -> None:
    text = """
        def f(x):
            return x ** 3
    """
    assert ad.grad(source=text)(2.0) == 12.0


def weighed(x: Any, n: int = COUNT + 1, w: Any = WEIGHTS, norm: Any = lambda v: v * 2, *, m: int = len("abc")) -> Any:
    return (x**n * w).sum() * m + norm(x)


def test_defaults_that_are_computed() -> None:
    """What is given at the call is known, whatever the text of the default is."""
    assert ad.grad(weighed)(1.5) == 3 * 4 * 1.5**3 * 3.0 + 2.0
    ad.check_grads(weighed, (1.5,), order=2)
    powers = [lambda x, k=k: x**k for k in range(1, 4)]
    assert [ad.grad(p)(2.0) for p in powers] == [1.0, 4.0, 12.0]
