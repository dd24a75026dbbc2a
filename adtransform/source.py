"""Source text: modules read from files and strings, and the functions found in them by name.

Nothing here executes the user's code.  `ast` gives exact spans; comments, which it drops, are found by `tokenize`.
"""

from __future__ import annotations

import ast
import difflib
import functools
import io
import os
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from adtransform.errors import Message, TargetError, remember

Definition = ast.FunctionDef | ast.Lambda
Node = ast.stmt | ast.expr

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, eq=False)
class Source:
    """A module's text: `file` is the name it is shown under, `path` where it lies (None: nowhere), `module` its dotted name."""

    file: str
    text: str
    tree: ast.Module
    path: Path | None = None
    module: str = ""

    @functools.cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines without their ends."""
        return tuple(self.text.split("\n"))

    @functools.cached_property
    def imports(self) -> tuple[ast.stmt, ...]:
        """The imports of the module: calls of a module's functions compile to other code than calls of methods."""
        found: list[ast.stmt] = []
        todo: list[ast.AST] = [self.tree]
        for node in todo:  # which grows
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                found += [node] if getattr(node, "module", "") != "__future__" else []
            elif not isinstance(node, SCOPES):
                todo += [n for n in children(node) if isinstance(n, (ast.stmt, ast.ExceptHandler, ast.match_case))]
        return tuple(found)

    @functools.cached_property
    def _waits(self) -> bool:
        return "yield" in self.text or "await" in self.text

    @functools.cached_property
    def definitions(self) -> dict[str, list[ast.stmt]]:
        """Every function and class by qualified name (`Class.method`, `outer.inner`), in the order of the text."""
        found: dict[str, list[ast.stmt]] = {}
        for name, node in named(self.tree, ""):
            found.setdefault(name, []).append(node)
        return found

    @staticmethod
    def from_text(text: str, file: str = "<string>") -> Source:
        """A module from its text."""
        return from_text(text, file)

    @staticmethod
    def from_path(path: str | Path) -> Source:
        """A module from a file."""
        return from_path(path)

    def find(self, name: str, *, generators: bool = False) -> Definition:
        """The function of this qualified name; the last one where there are several, `name@line` for another one.

        `<lambda>@line:column` names a lambda.  Raises `TargetError` where there is none, where it is not a plain function, or
        where branches of the module define it and no line is said; `generators` are some only if that is said.
        """
        plain, _, position = name.partition("@")
        if plain == "<lambda>":
            line, _, column = position.partition(":")
            for node in ast.walk(self.tree):
                if isinstance(node, ast.Lambda) and (node.lineno, node.col_offset) == (int(line), int(column)):
                    return node
            self.fail(1, 0, f"no lambda at {position}", "name a function instead")
        nodes = self.definitions.get(plain, [])
        if position:
            nodes = [n for n in nodes if n.lineno == int(position)]
        elif self.is_doubled(plain):
            lines = " or ".join(f"`{plain}@{n.lineno}`" for n in nodes)
            last = nodes[-1]
            self.fail(last.lineno, last.col_offset, f"`{plain}` is defined {len(nodes)} times", f"say which: {lines}", 3)
        if nodes:
            return self.check(nodes[-1], generators)
        lambdas = [
            node.value
            for node in self.tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda)
            if any(isinstance(t, ast.Name) and t.id == plain for t in node.targets)
        ]
        if lambdas:
            return lambdas[-1]
        functions = [n for n, found in self.definitions.items() if isinstance(found[-1], ast.FunctionDef)]
        close = difflib.get_close_matches(plain, functions, 3, 0.5)
        if close:
            hint = f"did you mean {' or '.join(f'`{n}`' for n in close)}?"
        else:
            hint = f"there is {', '.join(f'`{n}`' for n in functions[:8])}" if functions else "it defines no functions"
        raise TargetError([Message(self.file, 0, 0, f"no function `{name}`", help=hint)])

    def is_doubled(self, name: str) -> bool:
        """Whether branches of the module, of a class or of a function define a function more than once."""
        nodes, around = self.definitions.get(name, ()), self.definitions.get(name.rpartition(".")[0])
        return in_branches(nodes, getattr(around[-1], "body", []) if around else self.tree.body)

    def short(self, name: str) -> str:
        """The name by which `find` gives the same function, without its line where one is enough without."""
        plain = name.partition("@")[0]
        return plain if len(self.definitions.get(plain, ())) == 1 else name

    def check(self, node: ast.stmt, generators: bool = False) -> ast.FunctionDef:
        """A definition that is a plain function.  Raises `TargetError` for classes, coroutines and generators."""
        if isinstance(node, ast.ClassDef):
            self.fail(node.lineno, node.col_offset, f"`{node.name}` is a class", "name a function or one of its methods", 5)
        if isinstance(node, ast.AsyncFunctionDef):
            self.fail(node.lineno, node.col_offset, "cannot differentiate `async def`", "make it a plain function: `def`", 9)
        assert isinstance(node, ast.FunctionDef)
        for inner in _own(node) if self._waits else ():
            if isinstance(inner, (ast.Yield, ast.YieldFrom)) and not generators:
                what = "cannot differentiate `yield`"
                self.fail(inner.lineno, inner.col_offset, what, "collect the values in a list and return it", 5)
            if isinstance(inner, ast.Await):
                self.fail(inner.lineno, inner.col_offset, "cannot differentiate `await`", "call a plain function", 5)
        return node

    def fail(self, line: int, column: int, text: str, help: str, width: int = 1) -> NoReturn:
        """Raise a `TargetError` at a place (0-based column)."""
        shown = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        column = len(shown.encode()[:column].decode(errors="ignore"))
        raise TargetError([Message(self.file, line, column + 1, text, shown, width, help)])

    def cut(self, line: int, column: int, end_line: int, end_column: int) -> str:
        """The text of a span, dedented by the column it begins at."""
        if line == end_line:
            return self.lines[line - 1].encode()[column:end_column].decode(errors="ignore")
        first = self.lines[line - 1].encode()[column:].decode(errors="ignore")
        last = self.lines[end_line - 1].encode()[:end_column].decode(errors="ignore")
        others = (*self.lines[line : end_line - 1], last)
        rest = [text[column:] if not text[:column].strip() else text.lstrip() for text in others]
        return "\n".join([first, *rest])

    def comments(self, first: int, last: int) -> dict[int, str]:
        """The comments on lines `first` to `last` (1-based), with their `#`."""
        region = self.lines[first - 1 : last]
        if not any("#" in line for line in region):
            return {}
        found: dict[int, str] = {}
        try:
            for token in tokenize.generate_tokens(io.StringIO("\n".join(region) + "\n").readline):
                if token.type == tokenize.COMMENT:
                    found[token.start[0] + first - 1] = token.string.rstrip()
        except (tokenize.TokenError, IndentationError):
            pass  # the region ends in the middle of something: what was found until there is what there is
        return found


# The fields of each kind of node that may hold nodes, found when they are first asked for.
_inner: dict[type[ast.AST], tuple[str, ...]] = {ast.Name: (), ast.Constant: ()}


def children(node: ast.AST) -> tuple[ast.AST, ...]:
    """The nodes right inside of a node, operators and contexts left out; noted at the node, for it is asked many times."""
    noted: tuple[ast.AST, ...] | None = node.__dict__.get("_children")
    if noted is not None:
        return noted
    fields = _inner.get(node.__class__)
    if fields is None:
        fields = tuple(f for f in node._fields if f not in ("ctx", "op", "ops", "id", "attr", "arg", "level", "type_comment"))
        _inner[node.__class__] = fields
    found: list[ast.AST] = []
    for name in fields:
        value = getattr(node, name, None)
        if isinstance(value, ast.AST):
            found.append(value)
        elif isinstance(value, list):
            found += [item for item in value if isinstance(item, ast.AST)]
    noted = node.__dict__["_children"] = tuple(found)
    return noted


_NOTED = ("_children", "_own_nodes", "_names_in", "_cells")


def forget(tree: ast.AST) -> None:
    """Forget what was noted at the nodes of a copy, which come to have others inside."""
    for node in ast.walk(tree):
        for noted in _NOTED:
            node.__dict__.pop(noted, None)


def in_branches(stmts: Sequence[ast.stmt], body: Sequence[ast.stmt]) -> bool:
    """Whether it is for branches of a body to say which of the statements that bind a name is the last."""
    return len(stmts) > 1 and stmts[-1] not in body


def descend(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all nodes inside of it, operators and contexts left out."""
    todo = [node]
    while todo:
        node = todo.pop()
        yield node
        todo += children(node)


def named(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.stmt]]:
    """The functions and classes inside of a node, with their dotted names."""
    for child in children(node):
        if isinstance(child, SCOPES):
            yield prefix + child.name, child
            yield from named(child, f"{prefix}{child.name}.")
        elif isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            yield from named(child, prefix)


def _own(node: ast.AST) -> Iterator[Node]:
    """The nodes of a function that are not inside of another one."""
    todo = [*children(node)]
    for child in todo:  # which grows
        if isinstance(child, (*SCOPES, ast.Lambda)):
            continue
        if isinstance(child, (ast.stmt, ast.expr)):
            yield child
        todo += children(child)


def from_text(text: str, file: str = "<string>", *, path: Path | None = None, module: str = "") -> Source:
    """A module from its text.  Raises `TargetError` at a syntax error."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = tuple(text.split("\n"))
    remember(file, lines)
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        line, column = error.lineno or 1, error.offset or 1
        shown = lines[line - 1] if line <= len(lines) else ""
        message = Message(file, line, column, f"syntax error: {error.msg}", shown, 1, "Python itself cannot read this line")
        raise TargetError([message]) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise TargetError([Message(file, 0, 0, f"not Python source: {error}", help="name a Python file")]) from None
    return Source(file, text, tree, path, module)


def from_path(path: str | Path, *, module: str = "") -> Source:
    """A module from a file, shown under the path as it was given.  Raises `TargetError` where it cannot be read."""
    shown = str(path)
    place = Path(path)
    if place.is_dir():
        raise TargetError([Message(shown, 0, 0, "is a directory", help=f"name a file in it: {place / 'module.py'}:function")])
    try:
        data = place.read_bytes()
    except FileNotFoundError:
        near = sorted(p.name for p in place.parent.glob("*.py")) if place.parent.is_dir() else []
        close = difflib.get_close_matches(place.name, near, 1)
        help = f"did you mean {place.parent / close[0]}?" if close else "check the path"
        raise TargetError([Message(shown, 0, 0, "no such file", help=help)]) from None
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise TargetError([Message(shown, 0, 0, reason, help="check the path and its permissions")]) from None
    try:
        if b"\0" in data:
            raise ValueError
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = io.TextIOWrapper(io.BytesIO(data), encoding).read()
    except (ValueError, SyntaxError, LookupError):
        raise TargetError([Message(shown, 0, 0, "is not text", help="name a Python source file")]) from None
    return from_text(text, shown, path=place, module=module or place.stem)


def display(path: str) -> str:
    """A path as it is shown: relative to the working directory where it lies in it."""
    if not Path(path).is_absolute():
        return path
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return path
    return path if relative.startswith("..") else relative
