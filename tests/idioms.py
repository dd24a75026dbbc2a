"""The longer statements of random programs, by what they are about: the forms of `idioms.txt`."""

from __future__ import annotations

from pathlib import Path


def _read() -> dict[str, list[str]]:
    text = (Path(__file__).parent / "idioms.txt").read_text(encoding="utf-8")
    parts = (part.partition("\n") for part in text.split("\n---- ")[1:])
    found = {
        name: [form.strip("\n").replace("\n", ";;") for form in body.split("\n\n") if form.strip("\n")]
        for name, _, body in parts
    }
    records = found.pop("records")
    found["objects"] += records
    found["dataclasses"] += [form.replace("{S}", "{K}") for form in records]
    found["dicts"] += [form.replace("{S}", "{Q}").replace(".k", '["k"]').replace(".w", '["w"]') for form in records]
    return found


IDIOMS = _read()
