"""Random programs through every mode: against Python, against each other, and against differences.

`ADTRANSFORM_RANDOM=2000 pytest tests/test_random.py` tries more of them; a program that fails is made smaller and printed,
ready for `found.txt`, where those found before are kept.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import pytest
from programs import source
from shrink import reduced
from verdicts import apart_at, outcome

COUNT = int(os.environ.get("ADTRANSFORM_RANDOM", "200"))
CHUNK = 20


@pytest.mark.parametrize("start", range(0, COUNT, CHUNK))
def test_random_programs(start: int, tmp_path: Path) -> None:
    verdicts: Counter[str] = Counter()
    for seed in range(start, start + CHUNK):
        text = source(seed)
        apart = apart_at(seed)
        verdict, reason = outcome(text, seed, tmp_path, apart=apart)
        verdicts[verdict] += 1
        if verdict == "fails":
            small = reduced(text, seed, tmp_path, reason, apart=apart)
            pytest.fail(f"seed {seed}: {reason}\n\n---- {outcome(small, seed, tmp_path, apart=apart)[1]}\n{small}")
        if verdict == "refused":
            assert re.search(r"\.py:\d+:\d+: .*\n.*\n *\|.*\^.*\n  help: ", reason), (
                f"seed {seed}: refused without a place: {reason}"
            )
    assert verdicts["fine"] + verdicts["unread"] >= CHUNK // 2, f"hardly a test: {verdicts}"


def _found() -> dict[str, str]:
    text = (Path(__file__).parent / "found.txt").read_text(encoding="utf-8")
    return {title: body for part in text.split("\n---- ")[1:] for title, _, body in [part.partition("\n")]}


FOUND = _found()


@pytest.mark.parametrize("title", FOUND)
@pytest.mark.parametrize("apart", [False, True], ids=["in place", "apart"])
def test_found(title: str, apart: bool, tmp_path: Path) -> None:
    """At two seeds, which between them ask everything, with helpers read where they are called and by themselves.

    At the first one the emitted text is read again; where the title says so it must not be refused.
    """
    for seed in (0, 1):
        verdict, reason = outcome(FOUND[title], seed, tmp_path, apart=apart)
        assert verdict == "fine" or (verdict == "unread" and not title.startswith("read again")), f"{verdict}: {reason}"
