"""The helpers that emitted code may contain: every kind of value, no warnings, nothing but NumPy."""

from __future__ import annotations

import ast
import inspect
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adtransform import runtime
from adtransform.runtime import cast, contract, expand, fit, items, matmul_left, piece, recur, spread, strong, swap, zeros

HELPERS = [f for _, f in inspect.getmembers(runtime, inspect.isfunction)]
KINDS: list[Any] = [
    2.5,
    np.float64(2.5),
    np.float32(2.5),
    np.array(2.5),
    np.ones(1),
    np.ones((2, 3)),
    np.ones((2, 3), np.float32),
]


def alike(a: Any, b: Any) -> bool:
    """Same kind, shape and dtype."""
    return type(a) is type(b) and np.shape(a) == np.shape(b) and np.asarray(a).dtype == np.asarray(b).dtype


@pytest.mark.parametrize("like", KINDS, ids=repr)
def test_a_zero_is_like_its_value(like: Any) -> None:
    assert alike(zeros(like), like)
    assert not np.any(zeros(like))


def test_zeros_of_containers_and_ints() -> None:
    assert zeros([1.0, (np.ones(2), 3)])[0] == 0.0
    assert type(zeros(3)) is float
    assert type(zeros(True)) is float
    assert zeros(np.array([1, 2])).dtype == np.float64
    assert type(zeros(np.int64(3))) is np.float64
    assert type(zeros(1j)) is complex


@pytest.mark.parametrize("like", KINDS, ids=repr)
@pytest.mark.parametrize("dtype", [float, np.float32, complex])
def test_fit_gives_what_it_is_fitted_to(like: Any, dtype: Any) -> None:
    share = np.ones((4, 2, 3), dtype) if np.shape(like) in ((2, 3), ()) else np.ones((4, 1), dtype)
    found = fit(share, like)
    assert alike(found, like)
    assert np.sum(found) == share.real.sum()


def test_fit_passes_what_fits() -> None:
    a = np.ones((2, 3))
    assert fit(a, a) is a or np.shares_memory(fit(a, a), a)
    assert fit(2.0, 1.5) == 2.0
    assert type(fit(np.float64(2.0), 1.5)) is float
    assert type(fit(2.0, np.float32(1.5))) is np.float32
    assert type(fit(np.ones(3), 2)) is float
    assert type(fit(np.ones(3), 2j)) is complex


def test_fit_keeps_axes_of_extent_one() -> None:
    np.testing.assert_array_equal(fit(np.ones((2, 3)), np.ones((2, 1))), np.full((2, 1), 3.0))
    np.testing.assert_array_equal(fit(np.ones((2, 3)), np.ones((1, 3))), np.full((1, 3), 2.0))
    np.testing.assert_array_equal(fit(np.ones((0, 3)), np.ones((1, 3))), np.zeros((1, 3)))
    np.testing.assert_array_equal(fit(np.ones((0, 3)), np.ones(3)), np.zeros(3))


@pytest.mark.parametrize(
    ("share", "like"), [(1.0, np.ones(3)), (np.ones(3), np.ones((2, 3))), (np.ones((1, 3)), np.ones((2, 3)))]
)
def test_fit_does_not_widen(share: Any, like: Any) -> None:
    """A forgotten `expand` is an error, not a wrong number."""
    with pytest.raises(ValueError, match=r"reshape|axis"):
        fit(share, like)


@pytest.mark.parametrize("partial", [np.inf, -np.inf, np.nan, 3.0])
def test_strong_keeps_zeros(partial: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert strong(0.0, partial) == 0.0
        assert strong(np.float64(0.0), np.float64(partial)) == 0.0
        np.testing.assert_array_equal(strong(np.zeros(2), np.full(2, partial)), 0.0)
        np.testing.assert_array_equal(strong(np.zeros((2, 1)), np.full(3, partial)), np.zeros((2, 3)))
        np.testing.assert_array_equal(strong(0.0, np.full(3, partial)), np.zeros(3))
        np.testing.assert_array_equal(strong(np.zeros(3), partial), np.zeros(3))
        np.testing.assert_array_equal(strong(2.0, partial), 2.0 * partial)


def test_strong_keeps_kinds() -> None:
    assert type(strong(2.0, 3.0)) is float
    assert type(strong(0.0, 3.0)) is float
    assert strong(np.ones(2, np.float32), 2.0).dtype == np.float32
    assert strong(np.ones(2, np.float32), np.ones(2, np.float32)).dtype == np.float32
    assert strong(np.ones(2, complex), np.ones(2)).dtype == complex
    assert np.isnan(strong(np.nan, 2.0))


def test_expand_and_spread_are_views() -> None:
    assert expand(2.0, 1.5) == 2.0
    assert expand(np.ones(3), np.ones((2, 3))).shape == (2, 3)
    assert spread(np.ones(3), np.ones((2, 3)), axis=0).base is not None
    assert spread(np.ones((2, 4)), np.ones((2, 3, 4)), axis=-2).shape == (2, 3, 4)
    assert spread(1.0, np.ones((0, 3))).shape == (0, 3)


def test_cast() -> None:
    assert cast(np.ones(2), np.float32(1)).dtype == np.float32
    assert type(cast(np.float32(1.5), 2.0)) is float
    assert cast(np.ones(2) + 1j, np.ones(1)).dtype == np.float64
    assert cast(np.array([True, False]), np.ones(1, np.float32)).dtype == np.float32
    assert cast(np.array([1, 2]), 1.0).dtype == np.float64


def test_swap_and_contract() -> None:
    assert swap("ij,jk->ik", 0) == "ik,jk->ij"
    assert swap("ij,jk", 1) == "ij,ik->jk"
    assert swap("i, i -> ", 0) == ",i->i"
    a = np.arange(3.0)
    np.testing.assert_array_equal(contract("i->ii", np.ones((3, 3)), a), np.diag(a))
    np.testing.assert_array_equal(contract("i->ij", np.ones((3, 2)), a), np.repeat(a[:, None], 2, 1))


def test_piece_of_empty_operands() -> None:
    assert piece(np.zeros((2, 0)), 1, 1, np.zeros((2, 0)), np.zeros((2, 0))).shape == (2, 0)
    assert piece(np.ones((2, 3)), 0, 1, np.zeros((2, 0)), np.zeros((2, 3))).shape == (2, 0)
    assert piece(np.ones((0, 3)), 1, 1, np.zeros((0, 1)), np.zeros((0, 2))).shape == (0, 2)


def test_items_of_a_list() -> None:
    assert items(np.array([1.0, 2.0]), [0.5, 0.5]) == [1.0, 2.0]
    assert type(items(np.array([1.0]), [0.5])[0]) is float
    assert items(np.ones((2, 3)), [np.ones(3), np.ones(3)])[1].shape == (3,)
    assert items(np.ones((2, 3)), np.ones((2, 3))).shape == (2, 3)


def test_recur() -> None:
    np.testing.assert_array_equal(recur(np.array([9.0, 2.0, 3.0]), np.array([1.0, 1.0, 1.0])), [1.0, 3.0, 10.0])
    assert recur(np.zeros((0, 2)), np.zeros((0, 2)), axis=0).shape == (0, 2)


def test_matmul_shares_are_fitted() -> None:
    assert matmul_left(np.ones((5, 2, 4), np.float64), np.ones((5, 3, 4)), np.ones((2, 3), np.float32)).dtype == np.float32


# -- what they look like ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("helper", HELPERS, ids=lambda f: f.__name__)
def test_helpers_are_short_and_documented(helper: Any) -> None:
    source = inspect.getsource(helper)
    assert len(source.splitlines()) <= 16
    assert helper.__doc__ and helper.__doc__.splitlines()[0].endswith((".", ":"))


def test_the_module_imports_numpy_only() -> None:
    tree = ast.parse(Path(runtime.__file__).read_text(encoding="utf-8"))
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert names == {"numpy", "typing", "__future__"}
