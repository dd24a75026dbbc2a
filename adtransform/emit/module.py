"""Whole functions and files: imports, the helpers that are used, and the functions."""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import io
import itertools
import linecache
import re
import textwrap
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from adtransform import runtime
from adtransform.emit.adjacent import join
from adtransform.emit.again import drop_again
from adtransform.emit.body import Line, Printer, align
from adtransform.emit.called import Globals
from adtransform.emit.fold import LIMIT, fold
from adtransform.emit.named import bound, is_local, named
from adtransform.emit.names import names
from adtransform.emit.signature import check, definition, docstring
from adtransform.emit.spell import Speller
from adtransform.ir import Const, Function, Let, Var
from adtransform.lattice import List
from adtransform.live import Text
from adtransform.place import place
from adtransform.place.program import copied, label
from adtransform.rewrite import deep_recursion, defined, statements
from adtransform.syntax import constant, flat

_ROUNDS = 10
_JUMPS = frozenset(["break", "continue", "pass"])  # they compute nothing, so nothing reverses them
_LEAST = 20  # characters of a comment, however deep it stands
_CALL = re.compile(r"(?<![\w.])(\w+)\(")  # of something that stands for itself: not `np.zeros(`


def function(
    f: Function,
    *,
    style: str = "code",
    comments: Mapping[Let, str] | None = None,
    reserved: Iterable[str] = (),
    called: Globals | None = None,
) -> str:
    """One `def` in the style `code`; in the style `listing` the flat statements of the body.

    `comments` are put behind the statements of a listing.  Names that the emitter makes up are none of the `reserved`
    ones.  Behind the mark `backward` the user's statements are quoted.  `called`: the names of
    modules and helpers, shared by the functions of a file.
    """
    if style not in ("code", "listing"):
        raise ValueError(f"style {style!r} is neither 'code' nor 'listing'")
    called = Globals(user_names(f) | set(named(f))) if called is None else called
    with deep_recursion():
        lines, used = _lines(f, style == "listing", frozenset(reserved), called)
    if style == "listing":
        return "\n".join(align(lines, comments or {})) + "\n"
    body = [text for line in _quoted(lines) for text in line.lines]
    if body and body[-1] == "    return":
        body.pop()
    called.numbers |= bound(used, shared=True)
    body = [*_numbers(used, "    ", shared=False), *body]
    spell = Speller({}, called)
    head = definition(f, called, lambda c: flat(spell.constant(c)))
    checks = [text for a in f.assumes for text in check(replace(a, test=_with_numpy(a.test, called)))]
    return "\n".join([*head, *docstring(f.doc), *checks, *(body or ([] if f.doc or checks else ["    pass"]))]) + "\n"


def _is_free(name: str, a: Const, called: Globals) -> bool:
    """Whether a name may stand for a number in the whole file: not for another one, and for nothing that helpers use."""
    return called.numbers.get(name, a) == a and name != "np" and not hasattr(builtins, name)


def _numbers(used: Mapping[str, Const], pad: str, *, shared: bool) -> list[str]:
    """The lines that bind the numbers with names."""
    return [f"{pad}{name} = {flat(constant(a.value))}" for name, a in bound(used, shared=shared).items()]


def _with_numpy(test: str, called: Globals) -> str:
    """A test with NumPy under its name in this file."""
    return re.sub(r"\bnp\.", lambda _: called("numpy") + ".", test)


def _hands_over(let: Let) -> bool:
    """Whether a statement gives lists that were saved, and so None where the path to there has made none."""
    return let.op == "unpack" or (let.op == "pop" and any(isinstance(t.type, List) for t in let.targets[1:]))


def _lines(f: Function, listing: bool, reserved: frozenset[str], called: Globals) -> tuple[list[Line], dict[str, Const]]:
    """The body, with temporaries left unfolded until every line is short enough, and the numbers it calls by their names."""
    keep: set[Var] = set()
    numbers = {} if listing else named(f)
    if numbers:
        theirs = user_names(f) | {f"d{p.name}" for p in f.params}
        numbers = {k: a for k, a in numbers.items() if k not in theirs and (is_local(a) or _is_free(k, a, called))}
        reserved |= frozenset(numbers)
    placed, memory = place(f, listing=listing)
    if not listing:
        join(placed.nodes, LIMIT - 4)
    lets = [s for s in statements(f.body) if isinstance(s, Let)]
    modules = frozenset([op.rpartition(".")[0] for op in {let.op for let in lets}])
    handed = any(map(_hands_over, lets))
    for round in itertools.count(1):
        program = copied(placed)
        eaten = fold(program, memory, listing=listing, keep=keep)
        chosen = names(program, listing=listing, reserved=reserved | _made_up(called))
        if not listing:
            drop_again(program, chosen)
        spell = Speller(chosen, called, listing=listing, modules=modules, handed=handed, numbers=numbers)
        printer = Printer(program, spell, chosen, listing)
        lines = printer.run(0 if listing else 4)
        wide = [line for line in lines if len(line.lines) > 1 or len(line.lines[0]) > LIMIT]
        inside = [[v for v in eaten.get(line.node, ()) if v not in keep] for line in wide if line.node is not None]
        more = {vs[0] for vs in inside if vs}
        if listing or round == _ROUNDS or not more:
            return lines, spell.used
        keep |= more
    raise AssertionError


_HELPERS = [name for name, helper in vars(runtime).items() if inspect.isfunction(helper)]


def _made_up(called: Globals) -> frozenset[str]:
    return frozenset(["np", "math", *dir(builtins), *_HELPERS, *called.modules.values(), *called.callees.values()])


def _quoted(lines: list[Line]) -> Iterator[Line]:
    """The lines, the forward ones led by the user's comments and the backward ones by the user's statements."""
    shown = ""
    commented: set[tuple[str, str, str]] = set()
    # What a function of a single statement did is quoted as its call, where there are several.
    callers: dict[tuple[str, int], set[str]] = {}
    for line in lines:
        if line.backward and line.origin is not None:
            callers.setdefault((line.origin.file, line.origin.line), set()).add(line.origin.via)
    for line in lines:
        origin = line.origin
        if origin is not None and line.lines:
            pad = line.lines[0][: len(line.lines[0]) - len(line.lines[0].lstrip())]
            commenting = (origin.file, origin.text, origin.comment)
            if line.backward:
                text = _on_one_line(origin.via if len(callers[origin.file, origin.line]) > 1 and origin.via else origin.text)
                # The head of a block is quoted above the block that reverses it only, and where that reads otherwise.
                if text and text not in _JUMPS and text != shown and (line.header or not text.endswith(":")):
                    shown = text
                    if text != line.lines[0].strip():
                        yield Line([f"{pad}# {_short(text, LIMIT - len(pad) - 2)}"])
            elif origin.comment and commenting not in commented and not line.early:
                commented.add(commenting)
                texts = (text.lstrip("# ") for text in origin.comment.splitlines())
                room = max(LIMIT - len(pad) - 2, _LEAST)
                yield Line([f"{pad}# {part}" for text in texts for part in textwrap.wrap(text, room) or [""]])
        yield line


def _on_one_line(text: str) -> str:
    """A statement of several lines on one; with comments in it, its first line."""
    if "\n" not in text:
        return text.strip()
    first, *more = (line.strip() for line in text.splitlines())
    if "#" in text:
        return f"{first.partition('#')[0].rstrip()} ..."
    joined = re.sub(r",? (?=[)\]}])|(?<=[(\[{]) ", "", " ".join([first, *more]))
    return joined.replace(" \\ ", " ")


def _short(text: str, room: int) -> str:
    """A text that fits where it is quoted, cut behind a word."""
    if len(text) <= room:
        return text
    return (text[: max(room, _LEAST) - 3].rpartition(" ")[0] or text.partition(" ")[0]) + " ..."


def user_names(f: Function) -> set[str]:
    """The names the user's function binds."""
    every = defined(f.body)
    return {*map(label, every), *[v.hint for v in every if v.of is None], *[p.name for p in f.params]} - {""}


def module(functions: Sequence[Function], *, header: str = "", style: str = "code", **options: Any) -> str:
    """A file that stands alone: imports, helpers, functions.  `options` are those of `function`, for all of them."""
    callees = {name: g for f in functions for name, g in f.callees.items()}
    every = (*functions, *callees.values())
    called = Globals({name for f in every for name in (*user_names(f), *named(f))} | {f.name for f in functions})
    for name in callees:
        called.callees[name] = name if name not in called.taken else called.free(f"{name}_inner")
        called.taken |= {called.callees[name]}
    called.numbers |= {f.name: Const(None) for f in functions}  # these names stand for no numbers
    # In the helpers `np` is NumPy whatever the user's functions call `np` inside.
    own = "np" if "np" not in {*(f.name for f in functions), *called.callees.values()} else called.free("np")
    every = (*(replace(g, name=called.callees[name]) for name, g in callees.items()), *functions)
    texts = [function(f, style=style, called=called, **options) for f in every]
    if any("np." in a.test for f in every for a in f.assumes):
        called("numpy")
    classes = called.definitions()
    helpers = _helpers(called, own)
    parts = [header.strip()] if header.strip() else []
    if imports := called.imports(*([("numpy", own)] if any(f"{own}." in h for h in helpers) else [])):
        parts.append("\n".join(imports))
    if numbers := _numbers(called.numbers, "", shared=True):
        parts.append("\n".join(numbers))
    start = "\n\n".join(parts)
    return "\n\n\n".join([p for p in (start, *classes, *helpers, *(t.strip("\n") for t in texts)) if p]) + "\n"


@functools.cache
def _helper(name: str) -> str:
    """A helper as it is written in `runtime`."""
    text = Text(getattr(runtime, name))
    first = text.node.body[0]
    # Without the annotations that would need an import, and no wider than other emitted code.
    head, *rest = text.plain.splitlines()
    head = head.replace(": Any = ", "=").replace(": Any", "").replace(" -> Any", "")
    return "\n".join(
        [head, *docstring(ast.get_docstring(text.node) or ""), *rest[(first.end_lineno or 0) - text.node.lineno :]]
    )


def _helpers(called: Globals, numpy: str) -> list[str]:
    """The helpers used and those they use, in the order of `runtime`, under the names they have in this file."""
    todo = list(called.helpers)
    while todo:
        for word in set(_CALL.findall(_helper(todo.pop()))):
            if word in _HELPERS and word not in called.helpers:
                called(word)
                todo.append(word)
    return [_renamed(_helper(name), {**called.helpers, "np": numpy}) for name in _HELPERS if name in called.helpers]


def _renamed(text: str, names_here: Mapping[str, str]) -> str:
    changed = {old: new for old, new in names_here.items() if old != new}
    if not changed:
        return text
    lines = text.splitlines(keepends=True)
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    for before, token in reversed(list(zip([None, *tokens], tokens, strict=False))):
        if token.type == tokenize.NAME and token.string in changed and (before is None or before.string != "."):
            row, column = token.start
            line = lines[row - 1]
            lines[row - 1] = line[:column] + changed[token.string] + line[column + len(token.string) :]
    return "".join(lines)


_count = itertools.count()


def load(text: str, filename: str = "") -> dict[str, Callable[..., Any]]:
    """Execute emitted text; its functions by name.  Tracebacks and `inspect.getsource` show the text."""
    filename = filename or f"<adtransform {next(_count)}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"__name__": filename, "__file__": filename}
    exec(compile(text, filename, "exec"), namespace)
    return {k: v for k, v in namespace.items() if inspect.isfunction(v) and v.__module__ == filename}


__all__ = ["Const", "Globals", "function", "load", "module"]
