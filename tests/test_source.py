"""Sources: files, texts, live functions, and every kind of bad target."""

from __future__ import annotations

import functools
import linecache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adtransform.errors import TargetError
from adtransform.live import from_function
from adtransform.source import display, from_path, from_text


def deco(f: Any) -> Any:
    @functools.wraps(f)
    def wrapped(*args: Any) -> Any:
        return f(*args)

    return wrapped


@deco
def decorated(x: float) -> float:
    return x + 1


first, second = (lambda x: x * 2), (lambda x: x * 3)


def make(c: float) -> Any:
    def inner(x: float) -> float:
        return x * c

    return inner


class Thing:
    def method(self, x: float) -> float:
        return x


def body(function: Any) -> str:
    target = from_function(function)
    node = target.source.find(target.name)
    return target.source.cut(node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0)


def test_live_functions() -> None:
    assert body(decorated).startswith("def wrapped")
    assert body(first) == "lambda x: x * 2"
    assert body(second) == "lambda x: x * 3"
    assert body(make(3.0)).startswith("def inner")
    assert from_function(make(3.0)).captured == {"c": 3.0}
    assert body(Thing.method).startswith("def method")
    assert body(Thing().method).startswith("def method")


def test_a_function_defined_twice() -> None:
    namespace = executed("def f(x):\n    return x\n\ng = f\n\ndef f(x):\n    return x * 2\n")
    assert body(namespace["g"]) == "def f(x):\n    return x"
    assert body(namespace["f"]) == "def f(x):\n    return x * 2"


def test_a_function_that_branches_define() -> None:
    source = from_text("if ANY:\n    def f(x):\n        return x\nelse:\n    def f(x):\n        return x * 2\n", "file.py")
    with pytest.raises(TargetError) as caught:
        source.find("f")
    found = caught.value.messages[0]
    assert (found.line, found.column, found.text, found.help) == (5, 5, "`f` is defined 2 times", "say which: `f@2` or `f@5`")
    assert source.find("f@2").lineno == 2
    inner = "class C:\n    if ANY:\n        def f(self):\n            pass\n    else:\n        def f(self):\n            pass\n"
    with pytest.raises(TargetError, match=r"`C.f` is defined 2 times"):
        from_text(inner).find("C.f")
    assert from_text("try:\n    from a import f\nexcept ImportError:\n    def f(x):\n        return x\n").find("f").lineno == 4


def executed(text: str, file: str = "<cell>") -> dict[str, Any]:
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    namespace: dict[str, Any] = {}
    exec(compile(text, file, "exec"), namespace)
    return namespace


def test_stale_source(tmp_path: Path) -> None:
    namespace = executed("def f(x):\n    return x * 2.0\n")
    executed("\n\ndef f(x):\n    return x * 2.0\n")  # moved only: still the same function
    assert body(namespace["f"]).startswith("def f")
    executed("def f(x):\n    return x * 3.0\n")
    with pytest.raises(TargetError, match="the source of `f` changed since import"):
        from_function(namespace["f"])


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (len, "`len` has no Python source"),
        (np.sin, "has no Python source"),
        (int, "`int` is a class"),
        (3, "is not a function"),
    ],
)
def test_live_targets_that_are_refused(what: Any, message: str) -> None:
    with pytest.raises(TargetError, match=message) as caught:
        from_function(what)
    assert caught.value.messages[0].help


def test_no_source() -> None:
    namespace: dict[str, Any] = {}
    exec("def f(x):\n    return x\ng = lambda x: x", namespace)
    with pytest.raises(TargetError, match="no source for this function `f`"):
        from_function(namespace["f"])
    with pytest.raises(TargetError, match="no source for this lambda"):
        from_function(namespace["g"])


FILE = """class C:
    def m(self, x):
        return x

async def a(x):
    return x

def g(x):
    yield x

def function(x):
    def inner(y):
        return y
    return inner(x)

h = lambda x: x
"""


def test_finding() -> None:
    source = from_text(FILE, "file.py")
    for name in ("C.m", "function", "function.inner", "h"):
        assert source.find(name) is not None


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("C", 1, "`C` is a class"),
        ("a", 4 + 1, "cannot differentiate `async def`"),
        ("g", 9, "cannot differentiate `yield`"),
        ("functoin", 0, "no function `functoin`"),
    ],
)
def test_targets_that_are_refused(name: str, line: int, message: str) -> None:
    with pytest.raises(TargetError) as caught:
        from_text(FILE, "file.py").find(name)
    found = caught.value.messages[0]
    assert (found.file, found.line, found.text) == ("file.py", line, found.text)
    assert message in found.text
    assert found.help
    if name == "functoin":
        assert found.help == "did you mean `function` or `function.inner`?"


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.py").write_text("def f(x):\r\n    return x\r\n")
    (tmp_path / "bad.py").write_text("def f(x):\n    return (x\n")
    (tmp_path / "binary.py").write_bytes(b"\x00\xff\x00")
    (tmp_path / "latin.py").write_bytes("# -*- coding: latin-1 -*-\ns = '\xe9'\n".encode("latin-1"))
    assert from_path("good.py").find("f").lineno == 1
    assert from_path("latin.py").lines[1] == "s = 'é'"
    for path, message in [
        ("goood.py", "goood.py: no such file\n  help: did you mean good.py?"),
        (".", ".: is a directory\n  help: name a file in it: module.py:function"),
        ("binary.py", "binary.py: is not text\n  help: name a Python source file"),
    ]:
        with pytest.raises(TargetError) as caught:
            from_path(path)
        assert str(caught.value) == message
    with pytest.raises(TargetError) as caught:
        from_path("bad.py")
    assert str(caught.value).startswith(
        "bad.py:2:12: syntax error: '(' was never closed\n    2 |     return (x\n      |            ^"
    )


def test_display(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert display(str(tmp_path / "a.py")) == "a.py"
    assert display("a.py") == "a.py"
    assert display("/somewhere/else.py") == "/somewhere/else.py"


def test_cut_and_comments() -> None:
    source = from_text("def f(x):\n    y = (x +  # one\n         1)  # '#two'\n    s = '# none'\n    return y\n")
    assert source.cut(2, 4, 3, 11) == "y = (x +  # one\n     1)"
    assert source.comments(1, 5) == {2: "# one", 3: "# '#two'"}
