"""What the reader refuses: where, in which words, and that everything is said at once."""

from __future__ import annotations

import pytest

from adtransform.errors import DifferentiationError
from adtransform.lattice import FLOAT, INT, Array, Dim, List, Type
from adtransform.read import read
from adtransform.source import from_text

VECTOR = Array("float64", (Dim("n"),))
MATRIX = Array("float64", (Dim("n"), Dim("m")))

# Source, types of the parameters, and for each refusal (line, column, headline).
CASES: dict[str, tuple[str, dict[str, Type], list[tuple[int, int, str]]]] = {
    "a function that branches of the module define": (
        "if ANY:\n    def g(x):\n        return x\nelse:\n    def g(x):\n        return x * x\n\ndef f(x):\n    return g(x)",
        {"x": FLOAT},
        [(9, 12, "`g`, of which the module defines several")],
    ),
    "a function that another one replaces": (
        "g = lambda x: x\ndef reset(x):\n    global g\n    g = lambda x: 3 * x\ndef f(x):\n    return g(x)",
        {"x": FLOAT},
        [(6, 12, "`g`, which `reset` binds anew")],
    ),
    "a function that stands in for an import": (
        "try:\n    from fast import g\nexcept ImportError:\n    def g(x):\n        return x * x\n\ndef f(x):\n    return g(x)",
        {"x": FLOAT},
        [(8, 12, "`g`, of which the module defines several")],
    ),
    "what a context yields": (
        "from contextlib import contextmanager\n@contextmanager\ndef scaled(v, k):\n    v *= k\n    yield v.frobnicate(k)\n\n"
        "def f(x):\n    w = x * 1.0\n    with scaled(w, w[::-1][1]):\n        w[0] += 1.0\n    return w",
        {},
        [(5, 11, "the method `.frobnicate`")],
    ),
    "an import or a function": (
        "if ANY:\n    from math import sin as g\nelse:\n    def g(x):\n        return x\n\ndef f(x):\n    return g(x)",
        {"x": FLOAT},
        [(8, 12, "`g`, of which the module defines several")],
    ),
    "None or an import": (
        "m = None\ntry:\n    import missing as m\nexcept ImportError:\n    pass\n\ndef f(x):\n    return -x if m else x",
        {"x": FLOAT},
        [(8, 18, "`m`, of which the module defines several")],
    ),
    "a method that branches define": (
        "class C:\n    def m(self, x):\n        return x\n    if ANY:\n        def m(self, x):\n            return -x\n\n"
        "def f(x):\n    return C().m(x)",
        {"x": FLOAT},
        [(9, 12, "`.m`, which branches in the class `C` define")],
    ),
    "an attribute that a class binds in a loop": (
        "class C:\n    def m(self):\n        return 2.0\n    for m in (3.0,):\n        pass\n\ndef f(x):\n    return x * C().m",
        {"x": FLOAT},
        [(8, 16, "`.m`, as the class `C` binds it")],
    ),
    "a setter under another name": (
        "class C:\n    @property\n    def a(self):\n        return 1.0\n    @a.setter\n    def b(self, v):\n        pass\n\n"
        "def f(x):\n    return x * C().b",
        {"x": FLOAT},
        [(10, 16, "`.b`, a property made of `a`")],
    ),
    "a function made anew of itself": (
        "import numpy as np\ndef g(x):\n    return x\ng = np.vectorize(g)\ndef f(x):\n    return g(x)",
        {"x": FLOAT},
        [(6, 12, "`g`, which the module makes anew of itself")],
    ),
    "an import that a try watches": (
        "def f(x):\n    try:\n        import missing\n    except ImportError:\n        return x\n    return -x",
        {"x": FLOAT},
        [(3, 9, "an import in a `try`, which may fail")],
    ),
    "a parameter that is called": (
        "def f(x, g):\n    return g(x)",
        {"x": FLOAT},
        [(2, 12, "a call of `g`, which is not known to be a function")],
    ),
    "a name made anew of itself": (
        "G = make()\nG = G.moved(a=3.0)\ndef f(x):\n    return x * G.a",
        {"x": FLOAT},
        [(4, 12, "the attribute `.a` of a value that is not known to be an object")],
    ),
    "a value that a failed try may have bound": (
        "def f(x):\n    try:\n        z = (y := x) / 2\n    except ValueError:\n        return y\n    return x",
        {"x": FLOAT},
        [(5, 16, "`y`, which the `try` has bound or not")],
    ),
    "all at once": (
        "def f(x):\n    global z\n    z = y = {x, 2}\n    with open('a') as h:\n        y = x\n    return y",
        {},
        [(2, 5, "`global` of a name that is written"), (3, 13, "a set of computed items"), (4, 10, "`open`")],
    ),
    "yield as a value": (
        "def g(x):\n    y = yield x\n    yield y\n\ndef f(x):\n    return sum(g(x))",
        {},
        [(2, 9, "`yield`")],
    ),
    "recursion without an end": ("def f(x):\n    return 2.0 * f(x - 1)", {}, [(1, 1, "`f`, which never returns")]),
    "attribute assigned": ("def f(p):\n    p.x = 2.0\n    return p.x", {}, [(2, 5, "an assignment to the attribute `.x`")]),
    "global written": (
        "import numpy as np\nW = np.zeros(3)\ndef f(x):\n    W[0] = x\n    return x",
        {},
        [(4, 5, "a write to `W`, which is not local")],
    ),
    "history of one array in a loop": (
        "def f(x):\n    u = x * 1.0\n    h = []\n    for i in range(3):\n        u *= 2\n        h.append(u)\n    return h[0]",
        {"x": VECTOR},
        [(5, 9, "a write to an array that `h` may share")],
    ),
    "a dict that a loop may have made anew": (
        "def f(x, n):\n    d = {'a': x}\n    e = d\n    for i in range(n):\n        d = {'a': d['a'] * x}\n"
        "    d['a'] = d['a'] * 2\n    return d['a'] + e['a']",
        {},
        [(6, 5, "a write to what `e` may share")],
    ),
    "may alias": (
        "def f(x, n):\n  y = x * 1.0\n  z = y\n  for i in range(n):\n    z[0] = 5.0\n    z = x * 2\n  return y + z",
        {"x": VECTOR, "n": INT},
        [(5, 5, "a write to an array that `y` may share")],
    ),
    "reshape of a result that may be strided": (
        "def f(x):\n    y = x.T * 2\n    y.reshape(-1)[0] = 5.0\n    return y",
        {"x": MATRIX},
        [(3, 5, "a write that a reshaped array may or may not see")],
    ),
    "rows that are given, in another list in each trip": (
        "def f(b, A, B):\n    s = 0.0\n    for i in range(3):\n        A[0][1] = b * i\n        s += B[0][1]\n"
        "        B = [A[0], A[1]]\n    return s",
        {"b": FLOAT, "A": List(List(FLOAT)), "B": List(List(FLOAT))},
        [(4, 9, "a change of a list in a list that `B` may hold")],
    ),
    "rows that are given, one twice": (
        "def f(b, A):\n    if b > 0:\n        A = [A[1], A[0], A[1]]\n    A[0][0] = b\n    return A[2][0]",
        {"b": FLOAT, "A": List(List(FLOAT))},
        [(4, 5, "a change of a list in a list that may be held twice")],
    ),
    "None or a list, as a number": (
        "def f(x, c):\n    y = None\n    if c > 0:\n        y = [x, x]\n    return x * y",
        {"x": FLOAT, "c": FLOAT},
        [(5, 12, "what may be None, used as a value")],
    ),
    "unknown name": ("def f(x):\n    return x * missing", {}, [(2, 16, "`missing`, which is not defined")]),
    "unbound": ("def f(x):\n    y = z\n    z = x\n    return y", {}, [(2, 9, "`z`, which is not bound here")]),
    "wrong call": (
        "def g(a, b):\n    return a\n\ndef f(x):\n    return g(x)",
        {},
        [(5, 12, "this call of `g`")],
    ),
    "python's own words": (
        "import numpy as np\ndef f(x):\n    return np.sum(x, foo=1)",
        {},
        [(3, 12, "this call of `numpy.sum`")],
    ),
    "set": ("def f(x):\n    return {x}", {}, [(2, 12, "a set of computed items")]),
    "class": (
        "def f(x):\n    class A:\n        for i in range(2):\n            pass\n    return x",
        {},
        [(3, 9, "this statement (For) in a class defined in a function")],
    ),
    "wide characters": ("def f(x):\n    é = 'ü'; y = {x}\n    return y", {}, [(2, 18, "a set of computed items")]),
    "loop over what is rebound": (
        "import numpy as np\ndef f(x):\n    for v in x:\n        x[0] = v\n        x = np.cumsum(x)\n    return x",
        {"x": VECTOR},
        [(4, 9, "a write to what a loop may be running over")],
    ),
    "tuple item": ("def f(x):\n    t = (x, 1.0)\n    t[0] = 2.0\n    return t", {}, [(3, 5, "a write to an item of a tuple")]),
    "missing key": (
        "def f(x):\n    d = {'a': x}\n    return d['b']",
        {},
        [(3, 12, "the key 'b', which the dict does not have")],
    ),
    "index out of range": ("def f(x):\n    t = [x]\n    return t[1]", {}, [(3, 12, "item 1 of 1, which does not exist")]),
    "method": ("def f(x):\n    return x.frobnicate()", {}, [(2, 12, "the method `.frobnicate`")]),
}


@pytest.mark.parametrize("name", CASES)
def test_refusals(name: str) -> None:
    text, types, wanted = CASES[name]
    with pytest.raises(DifferentiationError) as caught:
        read(from_text(text, "a.py"), "f", types)
    messages = caught.value.messages
    assert [(m.line, m.column, m.text.removeprefix("cannot differentiate ")) for m in messages] == wanted
    assert all(m.file == "a.py" and m.help and m.source_line for m in messages)


AROUND = {
    "branches": "    if ANY:\n        def g(x):\n            return x\n    else:\n        g = None\n",
    "a parameter": "    if ANY:\n        def g(x):\n            return x\n",
    "an assignment": "    def g(x):\n        return x\n    g = ANY\n",
}


@pytest.mark.parametrize("name", AROUND)
def test_a_function_of_which_the_one_around_defines_several(name: str) -> None:
    source = from_text(f"def make(g):\n{AROUND[name]}    def f(x):\n        return g(x)\n    return f", "a.py")
    with pytest.raises(DifferentiationError, match="`g`, of which the function around defines several"):
        read(source, "make.f", {"x": FLOAT})


def test_the_printed_form() -> None:
    with pytest.raises(DifferentiationError) as caught:
        read(from_text("def f(x):\n    try:\n        return x\n    except* ValueError:\n        pass", "samples/a.py"), "f", {})
    assert str(caught.value) == (
        "samples/a.py:2:5: cannot differentiate `try`\n"
        "    2 |     try:\n"
        "      |     ^^^\n"
        '  help: move the call into its own function and give it a rule("...", "...")'
    )
