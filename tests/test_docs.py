"""The documentation builds offline without a warning, and what it shows is true."""

from __future__ import annotations

import doctest
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from adtransform.cli import main

PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])
_CONSOLE = re.compile(r"```console\n\$ (.*?)```", re.DOTALL)


def test_docs_build(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", str(tmp_path / "trees")]
    done = subprocess.run([*command, str(ROOT / "docs"), str(tmp_path / "html")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "log1p" in (tmp_path / "html" / "rules.html").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every `>>>` of a page, in the order of the page."""
    monkeypatch.chdir(ROOT)
    text = page.read_text(encoding="utf-8").replace("```", "\n")
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    runner = doctest.DocTestRunner(optionflags=flags)
    runner.run(test)
    assert runner.failures == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands(page: Path, golden: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Every `$ adtransform ...` of a page prints what the page shows."""
    monkeypatch.chdir(ROOT)

    def run(block: re.Match[str]) -> str:
        command, _, _ = block[1].partition("\n")
        if not command.startswith("adtransform "):
            return block[0]
        assert main(shlex.split(command)[1:]) == 0
        return f"```console\n$ {command}\n{capsys.readouterr().out.strip()}\n```"

    golden(page, _CONSOLE.sub(run, page.read_text(encoding="utf-8")))
