"""Code made without types fits a share to its operand only where their shapes may differ, and saves nothing to know a shape."""

from __future__ import annotations

import copy
import re
from typing import Any

import numpy as np
import pytest

from adtransform.pipeline import compile, load_function
from adtransform.source import from_text

X = np.array([0.7, 1.3, -0.4, 2.1])
M = np.array([[1.6, 2.5, 0.7], [0.3, 0.2, 0.1], [3.0, 1.0, 2.0]])
SMALL = np.array([X, X[::-1] + 0.1]).astype(np.float32)

# The text, its tapes, how often it fits a share, and calls.
PROGRAMS: dict[str, tuple[str, set[str], int, list[tuple[Any, ...]]]] = {
    "elementwise": (
        """def f(x, w):
    h = np.tanh(x * w)
    return np.sum(np.exp(h) / (1.0 + h * h))""",
        set(),
        2,
        [
            (X, 0.5),
            (0.5, X),
            (X, X),
            (M, M[0]),
            (M[0], M),
            (M[:, :1], M[:1]),
            (0.3, 0.4),
            (SMALL, np.float32(0.5)),
            (X * 1j, X),
        ],
    ),
    "neighbours": (
        """def f(x):
    return np.sum((x[1:] - x[:-1]) ** 2 * np.sin(x[1:-1]).sum() + x[1:] * x[:-1])""",
        set(),
        0,
        [(X,), (M,), (SMALL,), (X[:1],), (X[::2],)],
    ),
    "stencil": (
        """def f(u, c):
    u = np.copy(u)
    for i in range(3):
        u[1:-1] = u[1:-1] + c * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u ** 2)""",
        {"t9_tape"},
        3,
        [(X, 0.1), (X, np.array([0.1, 0.2])), (M, 0.1), (M, M[0]), (M, np.array([[0.1]])), (SMALL, 0.1)],
    ),
    "rows": (
        """def f(v, c):
    u = np.copy(v)
    for i in range(1, len(v)):
        u[i] = u[i] + c * (u[i - 1] - v[i])
    return np.sum(u * u)""",
        {"t8_tape"},
        4,
        [(X, 0.1), (M, 0.1), (M, M[0]), (SMALL, 0.1)],
    ),
    "running sum": (
        """def f(x, a):
    s = 0.0
    for i in range(len(x)):
        s = s + np.sin(x[i] * a)
    return np.sum(s)""",
        {"t4_tape"},
        3,
        [(X, 0.5), (X, X), (M, 0.5), (M, M), (X, np.array([[0.5]]))],
    ),
    "wider with every trip": (
        """def f(x, a):
    s = x
    for k in range(3):
        s = s + a[k]
    return np.sum(s * s)""",
        set(),
        2,
        [(0.5, X), (X, X), (M[0], M), (0.5, M), (M, X)],
    ),
    "real of complex": (
        """def f(x, w):
    t = x * 2.0
    z = np.exp(w * t)
    return np.sum(np.abs(z * t) ** 2)""",
        set(),
        5,
        [(X, 0.3 + 0.4j), (X, (0.3 + 0.4j) * X), (X, 0.3), (0.7, 0.3 + 0.4j)],
    ),
}


def reverse(name: str) -> tuple[str, Any]:
    """The text of the code made without types, and its function."""
    f = load_function(from_text("import numpy as np\n" + PROGRAMS[name][0]), "f", {})
    made = compile(f, "reverse", [p.name for p in f.params])
    return made.text, made.functions["f_reverse"]


@pytest.mark.parametrize(("name", "call"), [(n, i) for n, p in PROGRAMS.items() for i in range(len(p[3]))])
def test_gradient(name: str, call: int) -> None:
    """Against differences along one direction, in the shape and dtype of each argument; of real ones among complex ones too."""
    args = PROGRAMS[name][3][call]
    namespace: dict[str, Any] = {"np": np}
    exec(PROGRAMS[name][0], namespace)
    value, shares = reverse(name)[1](*copy.deepcopy(args))
    assert value == namespace["f"](*copy.deepcopy(args))
    for i, (arg, share) in enumerate(zip(args, shares, strict=True)):
        assert np.shape(share) == np.shape(arg)
        assert np.result_type(share) == np.result_type(arg)
        if np.iscomplexobj(arg):
            continue
        narrow = np.result_type(arg) == np.float32
        step = np.cos(np.arange(np.size(arg))).reshape(np.shape(arg)) * 1e-6
        wide = [np.asarray(a, complex if np.iscomplexobj(a) else float) for a in args]
        moved = ([a + h * step if k == i else a for k, a in enumerate(wide)] for h in (1, -1))
        up, down = (namespace["f"](*at) for at in moved)
        assert np.sum(share * step) == pytest.approx(np.real(up - down) / 2, rel=1e-4 if narrow else 1e-6, abs=1e-12)


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name: str) -> None:
    text, _ = reverse(name)
    body = text[text.index("def f_reverse") :]
    tapes = set(re.findall(r"(\w+_tape\w*) = \[\]", body))
    assert (tapes, body.count("fit(")) == PROGRAMS[name][1:3]
