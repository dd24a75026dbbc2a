"""Make a failing program smaller: `python tests/shrink.py SEED` prints what is left of it, ready for `found.txt`.

Statements are dropped, blocks replaced by what is in them, expressions by a part of them or by something plain, as long as
the same thing goes wrong.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from programs import source
from verdicts import apart_at, outcome

_PLAIN = ("a", "x", "m", "1.0", "0.5", "True", "False")
Edit = Callable[[], None]


def shrunk(text: str, fails: Callable[[str], bool]) -> str:
    """The smallest program found for which `fails` still holds."""
    text = ast.unparse(ast.parse(text))
    before = ""
    while text != before:
        before = text
        for edits in (_blocks, _statements, _expressions):
            count = 0
            while True:
                tree = ast.parse(text)
                found = list(edits(tree))
                if count >= len(found):
                    break
                found[count]()
                made = ast.unparse(ast.fix_missing_locations(tree))
                if len(made) < len(text) and fails(made):
                    text = made  # and on from the same place: what stands there now is another thing
                else:
                    count += 1
    return text


@contextlib.contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Raise `TimeoutError` after a while: a program made smaller may run for ever."""

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _changeable(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a program, those of `scalar` left out."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(child, ast.FunctionDef) and child.name == "scalar"):
            yield from _changeable(child)


def _bodies(tree: ast.AST) -> Iterator[tuple[ast.AST, list[ast.stmt]]]:
    for node in _changeable(tree):
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if isinstance(body, list) and body:
                yield node, body


def _fixed(node: ast.stmt) -> bool:
    """What every program has."""
    return isinstance(node, (ast.Import, ast.ImportFrom)) or isinstance(node, ast.FunctionDef) and node.name in ("f", "scalar")


def _blocks(tree: ast.Module) -> Iterator[Edit]:
    """Half of the statements of a body."""
    for _, body in _bodies(tree):
        n = len(body) // 2
        if n > 1 and not any(_fixed(s) for s in body):
            yield lambda body=body, n=n: body.__delitem__(slice(n))
            yield lambda body=body, n=n: body.__delitem__(slice(n, -1))


def _statements(tree: ast.Module) -> Iterator[Edit]:
    """One statement less, or what is in it instead of it; a parameter less."""
    for node, body in _bodies(tree):
        for i, stmt in enumerate(body):
            if _fixed(stmt):
                continue
            needed = len(body) == 1 and body is getattr(node, "body", None)
            if needed:
                if not isinstance(stmt, ast.Pass) and not isinstance(node, ast.FunctionDef):
                    yield lambda body=body: body.__setitem__(0, ast.Pass())
            else:
                yield lambda body=body, i=i: body.__delitem__(i)
            if isinstance(stmt, ast.Match):
                for case in stmt.cases:
                    yield lambda body=body, i=i, case=case: body.__setitem__(slice(i, i + 1), case.body)
            if isinstance(stmt, (ast.If, ast.For, ast.While, ast.With, ast.Try)):
                yield lambda body=body, i=i, stmt=stmt: body.__setitem__(slice(i, i + 1), stmt.body)
                if getattr(stmt, "orelse", None):
                    yield lambda body=body, i=i, stmt=stmt: body.__setitem__(slice(i, i + 1), stmt.orelse)
                    yield lambda stmt=stmt: stmt.orelse.clear()
    functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
    for i in range(len(functions["f"].args.args) if {"f", "scalar"} <= set(functions) else 0):
        yield lambda i=i: _without(functions, i)


def _without(functions: dict[str, ast.FunctionDef], i: int) -> None:
    for name in ("f", "scalar"):
        del functions[name].args.args[i]
    call = functions["scalar"].body[0]
    assert isinstance(call, ast.Assign) and isinstance(call.value, ast.Call)
    del call.value.args[i]


def _expressions(tree: ast.Module) -> Iterator[Edit]:
    """A part of an expression instead of the whole, or something plain."""
    for node in _changeable(tree):
        if isinstance(node, ast.JoinedStr):
            continue  # it holds nothing but text and what is formatted
        for name, value in ast.iter_fields(node):
            places: list[tuple[object, int | str]] = []
            if isinstance(value, ast.expr):
                places.append((node, name))
            elif isinstance(value, list):
                places += [(value, i) for i, v in enumerate(value) if isinstance(v, ast.expr)]
                if len(value) > 1 and all(isinstance(v, ast.expr) for v in value):
                    for i in range(len(value)):
                        yield lambda value=value, i=i: value.__delitem__(i)
            for holder, key in places:
                old = getattr(holder, key) if isinstance(key, str) else holder[key]  # type: ignore[index]
                if isinstance(getattr(old, "ctx", None), (ast.Store, ast.Del)):
                    continue
                parts = [v for v in ast.walk(old) if isinstance(v, ast.expr) and v is not old]
                parts += [ast.parse(p, mode="eval").body for p in _PLAIN if len(p) < len(ast.unparse(old))]
                for part in parts:
                    yield lambda holder=holder, key=key, part=part: _put(holder, key, copy.deepcopy(part))


def _put(holder: object, key: int | str, part: ast.expr) -> None:
    if isinstance(key, str):
        setattr(holder, key, part)
    else:
        holder[key] = part  # type: ignore[index]


def kind(reason: str) -> str:
    """What went wrong, without names and numbers: a smaller program must fail in the same way."""
    return re.sub(r"\d\S*|\[.*|\(.*|`.*?`|'.*?'", "", reason.split("\n")[0])[:40]


def reduced(text: str, seed: int, folder: Path, reason: str, *, apart: bool = False) -> str:
    """The smallest program that goes wrong like this one."""

    def fails(candidate: str) -> bool:
        try:
            with limited(5):
                verdict, found = outcome(candidate, seed, folder, apart=apart)
        except TimeoutError:
            return False
        return verdict == "fails" and kind(found) == kind(reason)

    return shrunk(text, fails)


def main(seeds: list[str]) -> None:
    for seed in map(int, seeds):
        with tempfile.TemporaryDirectory() as folder:
            text, apart = source(seed), apart_at(seed)
            verdict, reason = outcome(text, seed, Path(folder), apart=apart)
            print(f"---- {seed}: {verdict}: {reason}", flush=True)
            if verdict == "fails":
                # What goes wrong because a long function is read by itself goes wrong in a short one that is.
                apart = apart or outcome(text, seed, Path(folder), apart=True) == (verdict, reason)
                small = reduced(text, seed, Path(folder), reason, apart=apart)
                print(small, outcome(small, seed, Path(folder), apart=apart)[1], sep="\n\n", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
