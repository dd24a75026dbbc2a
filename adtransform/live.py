"""Live functions: where the text of each stands, lambdas told apart by position, and functions made of text alone."""

from __future__ import annotations

import ast
import bisect
import functools
import itertools
import linecache
import sys
import textwrap
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adtransform.errors import Message, TargetError
from adtransform.source import Definition, Source, display, from_text


@dataclass(frozen=True, eq=False)
class Target:
    """A function to transform: where its text is, its name there, and for a live one what its names stand for.

    `decorated`: it is what the decorators over the text make of it, not the function itself.
    """

    source: Source
    name: str
    namespace: Mapping[str, Any] | None = None
    captured: Mapping[str, Any] = field(default_factory=dict)
    function: Callable[..., Any] | None = None
    decorated: bool = True


def from_function(function: Callable[..., Any]) -> Target:
    """The source of a live function; lambdas are told apart by position.

    Objects that wrap a function (`lru_cache`) are looked through; a function that wraps another one is read itself.

    Raises `TargetError` for what has no source (builtins), is not a function (classes), or was edited since it was imported.
    """
    live: Any = function
    while not isinstance(live, types.FunctionType) and hasattr(live, "__wrapped__"):
        live = live.__wrapped__
    if isinstance(live, types.MethodType):
        live = live.__func__
    shown = getattr(live, "__qualname__", repr(live))
    if isinstance(live, type):
        raise TargetError([Message("", 0, 0, f"`{shown}` is a class, not a function", help="name a function or a method")])
    if not isinstance(live, types.FunctionType):
        kind = "has no Python source" if callable(live) else "is not a function"
        help = 'give it a rule: rule("name(u)", "...")' if callable(live) else "pass a function"
        raise TargetError([Message("", 0, 0, f"`{shown}` {kind}", help=help)])
    code = live.__code__
    lines = _lines(live)
    file = display(code.co_filename)
    what = "lambda" if live.__name__ == "<lambda>" else f"function `{shown}`"
    help = "define it in a file, or give its text: source=..."
    missing = TargetError([Message(file, code.co_firstlineno, 1, f"no source for this {what}", help=help)])
    if not lines:
        raise missing
    try:
        source = _module(file, "".join(lines), code.co_filename, live.__module__ or "")
        name = _locate(source, code)
    except (TargetError, SyntaxError):
        if code.co_filename != "<string>" or live.__code__ in _GIVEN:
            raise
        raise missing from None  # Python keeps the text of `python -c` under this name, and of others none
    captured = {}
    for free, cell in zip(code.co_freevars, live.__closure__ or (), strict=True):
        try:
            captured[free] = cell.cell_contents
        except ValueError:  # not bound yet
            continue
    return Target(source, name, live.__globals__, captured, live, decorated=live is not getattr(function, "__func__", function))


class Text:
    """The text of a live `def`; where it ends is looked for when it is first asked for.  Raises `OSError` if there is none."""

    def __init__(self, function: Callable[..., Any]) -> None:
        code = function.__code__
        self._lines = linecache.getlines(code.co_filename, function.__globals__)[code.co_firstlineno - 1 :]
        if not self._lines:
            raise OSError(f"the source of `{function.__name__}` is not available")

    @functools.cached_property
    def plain(self) -> str:
        """The `def` without its decorators and its indentation."""
        return "\n".join(self._parsed[0][self.node.lineno - 1 : self.node.end_lineno])

    @property
    def node(self) -> ast.FunctionDef:
        """The `def` as it was parsed, lines counted from its first decorator."""
        return self._parsed[1]

    @functools.cached_property
    def _parsed(self) -> tuple[list[str], ast.FunctionDef]:
        # It ends before a line that stands no deeper, unless that is within brackets or a string: then this does not parse.
        first = self._lines[0]
        margin = first[: len(first) - len(first.lstrip())]
        inside = f"{margin} ", f"{margin}\t", f"{margin}#"
        ends = (i for i, line in enumerate(self._lines) if i and line.strip() and not line.startswith(inside))
        for end in itertools.chain(ends, [len(self._lines)]):
            text = textwrap.dedent("".join(self._lines[:end]))
            try:
                (node,) = ast.parse(text).body
            except SyntaxError:
                continue
            if isinstance(node, ast.FunctionDef):
                return text.splitlines(), node
        raise OSError("the source is not that of a function")


_GIVEN: dict[types.CodeType, str] = {}  # texts of functions that come from no file, by their code


def _lines(live: types.FunctionType) -> list[str]:
    given = _GIVEN.get(live.__code__)
    if given is not None:
        return given.splitlines(keepends=True)
    file = live.__code__.co_filename
    linecache.checkcache(file)
    return linecache.getlines(file, live.__globals__)


def from_given(text: str, function: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """A function that comes from no file; the text that it was made from is known from now on, also for those it calls.

    Without `function` the text is executed: the last function that it defines.  Raises `TargetError` for a text that does not
    define the function, `SyntaxError` for what is no Python.
    """
    text = textwrap.dedent(text) if function is None else text
    body = ast.parse(text).body
    if function is not None:
        code = getattr(function, "__code__", None)
        inside = set(_compiled(body, code)) if isinstance(code, types.CodeType) else set()
        if code not in inside:
            what = f"the text is not that of `{getattr(function, '__qualname__', function)}`"
            raise TargetError([Message("<source>", 1, 1, what, help="give the whole text that was executed")])
        _GIVEN.update(dict.fromkeys(inside, text))
        return function
    namespace: dict[str, Any] = {"__name__": "__source__"}
    exec(compile(text, "<source>", "exec", dont_inherit=True), namespace)
    made = [v for v in namespace.values() if isinstance(v, types.FunctionType) and v.__globals__ is namespace]
    if not made:
        raise TargetError([Message("<source>", 1, 1, "a text that defines no function", help='write source="def f(x): ..."')])
    return from_given(text, made[-1])


@functools.lru_cache(32)
def _module(file: str, text: str, path: str, module: str) -> Source:
    return from_text(text, file, path=Path(path) if Path(path).exists() else None, module=module)


def _locate(source: Source, code: types.CodeType) -> str:
    """The name under which `Source.find` gives the function with this code."""
    found = _candidates(source, code)
    qualified = code.co_qualname if sys.version_info >= (3, 11) else code.co_name
    plain = qualified.replace(".<locals>", "")
    for top, node, name in sorted(found, key=lambda item: abs(_first_line(item[1]) - code.co_firstlineno)):
        for fresh in _compiled([*source.imports, top], code):
            if fresh.co_name != code.co_name or fresh.co_firstlineno != _first_line(node):
                continue
            if isinstance(node, ast.Lambda) and not _is_lambda(node, fresh, code):
                continue
            if _rewritten(code) or _same(fresh, code):
                return name
    line = min(code.co_firstlineno, len(source.lines))
    width = len(source.lines[line - 1])
    return source.fail(line, 0, f"the source of `{plain}` changed since import", "import the module again", width)


def _candidates(source: Source, code: types.CodeType) -> list[tuple[ast.stmt, Definition, str]]:
    """The functions that may have this code, each with the statement of the module in which it is and its name for `find`."""
    tops = source.tree.body
    if code.co_name == "<lambda>":
        lambdas = ((top, n) for top in tops for n in ast.walk(top) if isinstance(n, ast.Lambda))
        return [(top, n, f"<lambda>@{n.lineno}:{n.col_offset}") for top, n in lambdas]
    wanted = code.co_qualname.replace(".<locals>", "")
    starts = [top.lineno for top in tops]
    nodes = [n for n in source.definitions.get(wanted, ()) if isinstance(n, ast.FunctionDef)]
    return [(tops[bisect.bisect_right(starts, n.lineno) - 1], n, f"{wanted}@{n.lineno}") for n in nodes]


def _first_line(node: Definition) -> int:
    decorators = getattr(node, "decorator_list", [])
    return decorators[0].lineno if decorators else node.lineno


def _compiled(body: list[ast.stmt], like: types.CodeType) -> Iterator[types.CodeType]:
    """The code objects of some top-level statements, compiled as the module was."""
    flags = like.co_flags & functools.reduce(lambda a, b: a | b, (f.compiler_flag for f in _features()))
    try:
        todo = [compile(ast.Module(body, []), like.co_filename, "exec", flags, dont_inherit=True)]
    except (SyntaxError, ValueError):
        return
    while todo:
        code = todo.pop()
        yield code
        todo.extend(c for c in code.co_consts if isinstance(c, types.CodeType))


def _features() -> list[Any]:
    import __future__

    return [getattr(__future__, name) for name in __future__.all_feature_names]


def _is_lambda(node: ast.Lambda, fresh: types.CodeType, live: types.CodeType) -> bool:
    """Whether both codes are this lambda's: their instructions come from the places that its body spans."""
    places = _places(fresh)
    body = ((node.body.lineno, node.body.col_offset), (node.body.end_lineno, node.body.end_col_offset))
    if (min(p[0] for p in places), max(p[1] for p in places)) != body:
        return False
    return not _places(live) or _places(live) == places


def _places(code: types.CodeType) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where the instructions come from: empty when Python runs without positions."""
    found = [p for p in code.co_positions() if None not in p]
    return [((a, c), (b, d)) for a, b, c, d in found if (c, d) != (0, 0)]  # type: ignore[misc]


def _rewritten(code: types.CodeType) -> bool:
    """Whether pytest has rewritten the assertions of this function: then its code says nothing of its source."""
    return any(name.startswith("@py") for name in (*code.co_names, *code.co_varnames))


def _same(a: types.CodeType, b: types.CodeType) -> bool:
    """Whether two code objects do the same: instructions, names and constants, nested functions included."""
    if (a.co_code, a.co_names, a.co_varnames, a.co_freevars) != (b.co_code, b.co_names, b.co_varnames, b.co_freevars):
        return False
    return len(a.co_consts) == len(b.co_consts) and all(
        _same(x, y)
        if isinstance(x, types.CodeType) and isinstance(y, types.CodeType)
        else type(x) is type(y) and repr(x) == repr(y)
        for x, y in zip(a.co_consts, b.co_consts, strict=True)
    )
