"""The printed form of messages."""

from __future__ import annotations

import pytest

from adtransform.errors import DifferentiationError, Message, locate, refuse, remember
from adtransform.ir import Origin


def test_message() -> None:
    message = Message("a.py", 12, 9, "cannot differentiate `try`", "        try:", 3, "give it a rule")
    assert str(message) == (
        "a.py:12:9: cannot differentiate `try`\n   12 |         try:\n      |         ^^^\n  help: give it a rule"
    )
    assert str(Message("a.py", 0, 0, "no such file", help="check the path")) == "a.py: no such file\n  help: check the path"


def test_columns_are_counted_in_characters() -> None:
    remember("wide.py", ["é = 'ü'; y = {x}"])
    found = locate(Origin("wide.py", 1, 15, 1, 18), "cannot differentiate a set", "use a list")
    assert (found.column, found.width) == (14, 3)


def test_several_lines() -> None:
    remember("long.py", ["y = f(x,", "      z)"])
    assert locate(Origin("long.py", 1, 4, 2, 8), "m", "h").width == 4


def test_refuse() -> None:
    with pytest.raises(DifferentiationError) as caught:
        refuse(None, "`f`", "write a rule")
    assert str(caught.value) == "cannot differentiate `f`\n  help: write a rule"


def test_all_messages() -> None:
    error = DifferentiationError([Message("a.py", 1, 1, "one"), Message("a.py", 2, 1, "two")])
    assert str(error) == "a.py:1:1: one\na.py:2:1: two"
    assert len(error.messages) == 2
