"""The command line: streams, exit codes, targets, and files it must not harm."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from adtransform.cli import main
from adtransform.cli.targets import UsageError, argument
from adtransform.lattice import FLOAT, INT, Array, Dim, Scalar

SOURCE = """import numpy as np


def f(x, a, b):
    y = (x + a) * (x + b)
    return y


def g(x):
    return np.sum(x * x)


async def later(x):
    return x


def each(x):
    yield x


class Thing:
    pass


square = lambda x: x * x
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.py").write_text(SOURCE)
    return tmp_path


def run(*words: str) -> int:
    """The exit code, also where argparse itself leaves."""
    try:
        return main(words)
    except SystemExit as leaving:
        assert isinstance(leaving.code, int)
        return leaving.code


def test_text_on_stdout_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("listing", "f.py:f") == 0
    out, err = capsys.readouterr()
    assert out.startswith("t0 = load('x')  # x\n")
    assert err == ""


@pytest.mark.parametrize("target", ["f.py:f", "f.py::f", "./f.py:f", "f:f"])
def test_targets(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("listing", target) == 0
    assert "t5 = t2 * t4" in capsys.readouterr().out


def test_package_target(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dotted module is found by path and never imported."""
    (folder / "pack" / "inner").mkdir(parents=True)
    for init in ("pack/__init__.py", "pack/inner/__init__.py"):
        (folder / init).write_text("raise SystemExit('imported')\n")
    (folder / "pack" / "inner" / "mod.py").write_text("raise SystemExit('imported')\n" + SOURCE)
    assert run("listing", "pack.inner.mod:f") == 0
    assert "t5 = t2 * t4" in capsys.readouterr().out


def test_stdin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("def h(x):\n    return x * x\n"))
    assert run("listing", "-") == 0
    assert "t0 * t0" in capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", io.StringIO(SOURCE))
    assert run("listing", "-:f") == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO(SOURCE))
    assert run("listing", "-") == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["listing", "none.py:f"], "no such file"),
        (["listing", "f.py:h"], "no function `h`"),
        (["listing", "f.py"], "name a function"),
        (["listing", ".:f"], "is a directory"),
        (["listing", "binary.py:f"], "is not text"),
        (["listing", "broken.py:f"], "broken.py:2:"),
        (["listing", "f.py:later"], "async def"),
        (["listing", "f.py:each"], "yield"),
        (["listing", "f.py:Thing"], "is a class"),
        (["listing", "no.such.module:f"], "no module `no`"),
        (["listing", "math:sin"], "has no Python source"),
        (["listing", ":f"], "name a file"),
        (["reverse", "f.py:f", "--wrt", "q"], "no parameter `q`"),
        (["reverse", "f.py:f", "--wrt", "x,x"], "twice"),
        (["reverse", "f.py:f", "--wrt", ""], "no parameter"),
        (["reverse", "f.py:f", "--arg", "q: float"], "no parameter `q`"),
        (["reverse", "f.py:f", "--arg", "x: flat"], "`flat` is no type"),
        (["reverse", "f.py:f", "--arg", "x[I"], "--arg"),
        (["reverse", "f.py:f", "--arg", "x: list"], "`l: list[float]`"),
        (["reverse", "f.py:f", "--arg", "x[I]", "--arg", "x: float"], "twice"),
        (["reverse", "f.py:f", "--explain"], "--explain"),
        (["reverse", "f.py:f", "--style", "prose"], "invalid choice"),
        (["reverse", "f.py:f", "--output"], "expected one argument"),
        (["check", "f.py:f"], "--at 'x=...'"),
        (["check", "f.py:f", "--at", "x=1.0", "--at", "q=2"], "no parameter `q`"),
        (["check", "f.py:f", "--at", "x=nonsense"], "NameError"),
        (["check", "f.py:g", "--at", "x=np.arange(3)"], "astype(float)"),
        (["check", "-:f", "--at", "x=1.0"], "name a file"),
        (["unknown", "f.py:f"], "invalid choice"),
        ([], "required"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_commands(
    words: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: object
) -> None:
    (folder / "binary.py").write_bytes(b"\x00\x01\xff")
    (folder / "broken.py").write_text("def f(x):\n    return (x\n")
    before = sorted(folder.iterdir())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.StringIO(SOURCE))
        assert run(*words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "Traceback" not in err
    assert sorted(folder.iterdir()) == before


def test_unsupported_construct(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.py").write_text("def f(x):\n    try:\n        y = x\n    except* ValueError:\n        y = 2\n    return y\n")
    assert run("reverse", "bad.py:f", "-o", "out.py") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "bad.py:2:5" in err and "^^^" in err and "help:" in err
    assert not (folder / "out.py").exists()
    assert run("support", "bad.py:f") == 1
    assert "bad.py:2:5" in capsys.readouterr().out


def test_output_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("reverse", "f.py:f", "--arg", "x: float", "-o", "out.py")
    assert run(*words) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "wrote out.py" in err
    first = (folder / "out.py").read_text()
    head = first.splitlines()[:3]
    assert head[0].startswith("# Generated by adtransform ") and " from f.py:f (sha256 " in head[0]
    assert head[2] == "#     adtransform reverse f.py:f --wrt x,a,b --arg 'x: float' -o out.py"
    assert str(folder) not in first
    assert run(*words) == 0, "a file of the tool's own is replaced"
    assert (folder / "out.py").read_text() == first
    assert [p.name for p in folder.iterdir() if "part" in p.name] == []


def test_the_command_of_a_header_can_be_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "m.py").write_text(
        "class C:\n    def m(self, x):\n        return x * x\n"
        "if ANY:\n    def g(x):\n        return x\nelse:\n    def g(x):\n        return x * x\n"
    )
    for name in ("C.m", "g@5", "g@8"):
        assert run("reverse", f"m.py:{name}", "--wrt", "x", "-o", "out.py") == 0
        first = (folder / "out.py").read_text()
        assert f" from m.py:{name} (sha256 " in first
        assert run(*shlex.split(first.splitlines()[2])[2:]) == 0
        assert (folder / "out.py").read_text() == first
    capsys.readouterr()
    assert run("reverse", "m.py:g") == 2
    assert "`g` is defined 2 times" in capsys.readouterr().err
    assert run("support", "m.py") == 0
    assert capsys.readouterr().out == "g@5: supported\ng@8: supported\n"
    assert run("check", "m.py:g@8", "--at", "x=1.0") == 2


def test_never_harms_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mine.py").write_text("precious = 1\n")
    assert run("reverse", "f.py:f", "-o", "mine.py") == 2
    assert (folder / "mine.py").read_text() == "precious = 1\n"
    assert run("reverse", "f.py:f", "-o", "mine.py", "--force") == 0
    assert (folder / "mine.py").read_text().startswith("# Generated by adtransform")
    assert run("reverse", "f.py:f", "-o", "f.py", "--force") == 2
    assert (folder / "f.py").read_text() == SOURCE
    assert run("reverse", "f.py:f", "-o", "no/such/out.py") == 2
    assert run("reverse", "f.py:f", "-o", str(folder)) == 2


def test_unwritable_folder(folder: Path) -> None:
    locked = folder / "locked"
    locked.mkdir()
    locked.chmod(0o500)
    if os.access(locked, os.W_OK):  # root may write anywhere
        return
    assert run("reverse", "f.py:f", "-o", "locked/out.py") == 2


def test_note_says_what_would_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("reverse", "f.py:f") == 0
    out, err = capsys.readouterr()
    assert "note:" not in out
    assert '--arg "x: float"' in err
    assert run("reverse", "f.py:f", *(w for n in "xab" for w in ("--arg", f"{n}: float"))) == 0
    assert capsys.readouterr().err == ""


def test_check(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "f.py:f", "--at", "x=2.0", "--at", "a=3.0", "--at", "b=5.0", "--order", "2") == 0
    out = capsys.readouterr().out
    assert "forward: agrees" in out and "reverse: agrees" in out and "forward over reverse" in out
    # A derivative that differences do not confirm: a jump that the program hides from its derivative.
    (folder / "jump.py").write_text("import numpy as np\n\n\ndef f(x):\n    y = x * x\n    return y + np.floor(x * 1e6)\n")
    assert run("check", "jump.py:f", "--at", "x=2.0") == 1
    assert "jump.py:6" in capsys.readouterr().out


def test_support(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("support", "numpy.sin") == 0
    assert capsys.readouterr().out == "numpy.sin: forward and reverse\n"
    assert run("support", "np.nonsense") == 1
    assert run("support", "f.py:f") == 0
    capsys.readouterr()
    assert run("support") == 0
    assert "numpy.sin:" in capsys.readouterr().out


def test_arguments() -> None:
    assert argument("U[I,N]") == ("U", Array("float64", (Dim("I"), Dim("N"))))
    assert argument(" U : float32 [ I , 3 ] ") == ("U", Array("float32", (Dim("I"), 3)))
    assert argument("x[]") == ("x", Array("float64", ()))
    assert argument("x: float") == ("x", FLOAT)
    assert argument("n: int") == ("n", INT)
    assert argument("x: float32") == ("x", Scalar("float", "float32"))
    for wrong in ("x", "x:", "U[I,]", "U[-1]", "x: complex128", "x: str", "1x: float["):
        with pytest.raises(UsageError):
            argument(wrong)


def test_internal_errors(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*_: object) -> str:
        raise RuntimeError("boom")

    monkeypatch.setattr("adtransform.pipeline.listing_text", broken)
    assert run("listing", "f.py:f") == 3
    err = capsys.readouterr().err
    assert "boom" in err and "Traceback" not in err
    assert run("listing", "f.py:f", "-v") == 3
    assert "Traceback" in capsys.readouterr().err


def test_colour(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run("listing", "none.py:f", "--color", "always")
    assert "\x1b[" in capsys.readouterr().err
    run("listing", "none.py:f")
    assert "\x1b[" not in capsys.readouterr().err


def test_installed_command() -> None:
    """`python -m adtransform` and the version."""
    done = subprocess.run([sys.executable, "-m", "adtransform", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("adtransform 0.")


def test_closed_pipe() -> None:
    """A reader that goes away is no error of the tool."""
    command = [sys.executable, "-m", "adtransform", "support"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.wait()
    process.stderr.close()


def test_import_is_quick(tmp_path: Path) -> None:
    """The package takes about as long as NumPy's own import, of which the tenth of a second allowed is one measure.

    What else the machine does slows down both.  `benchmarks/transform.py` says how long it takes.
    """
    script = (
        "from time import perf_counter as now\nstart = now()\nimport numpy\nmiddle = now()\nimport adtransform\n"
        "print((now() - middle) / (middle - start))"
    )
    written = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}
    ratios = [
        float(subprocess.run([sys.executable, "-c", script], env=written, capture_output=True, check=True).stdout)
        for _ in range(6)
    ]
    assert min(ratios[1:]) < 2


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    """Without SymPy `symbolic` says in one line what to install; nothing is wrong inside."""
    (tmp_path / "sympy.py").write_text("raise ImportError('not here')\n", encoding="utf-8")
    (tmp_path / "f.py").write_text("def f(x):\n    return x * x\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "adtransform", "symbolic", str(tmp_path / "f.py") + ":f"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "pip install 'adtransform[symbolic]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


TABLE = """import numpy as np

D = np.array([1.0, 2.0])


def h(x):
    return x * np.sum(D)


def k():
    return np.sum(D)
"""


def test_what_is_captured_is_not_differentiated_by(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "h.py").write_text(TABLE)
    assert run("reverse", "h.py:h", "--arg", "x: float") == 0
    assert "def h_reverse(x: float, dy=1.0, *, D):" in capsys.readouterr().out
    assert run("reverse", "h.py:h", "--arg", "x: float", "--wrt", "D") == 0
    assert "gradient with respect to D." in capsys.readouterr().out
    assert run("reverse", "h.py:k") == 0
    assert "gradient with respect to D." in capsys.readouterr().out
