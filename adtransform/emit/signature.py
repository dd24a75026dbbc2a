"""The `def` line, the docstring and the checks at entry."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable
from dataclasses import replace

from adtransform.ir import Assume, Const, Function, Leaf, Param
from adtransform.lattice import Array, Dict, List, Saved, Scalar, Tuple, Type, of_value
from adtransform.syntax import LIMIT, quoted

_WIDE = 40
_BY_PLACE = ("POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD")
_PLAIN = frozenset("bool int float complex str list tuple dict".split())


def spelled(t: Type, called: Callable[[str], str]) -> str:
    """A type as an annotation; empty where it is not known."""
    match t:
        case Scalar("complex", "?"):
            return ""  # any number
        case Scalar(kind, dtype, maybe=True):
            return f"{spelled(Scalar(kind, dtype), called)} | None"
        case Scalar(kind, dtype):
            return kind if dtype in (None, "?") else f"{called('numpy')}.{dtype}"
        case Array():
            return f"{called('numpy')}.ndarray"
        case Dict():
            return "dict"
        case List(item):
            inner = spelled(item, called)
            return f"list[{inner}]" if inner else "list"
        case Saved():
            return "tuple"
        case Tuple(items):
            text = f"tuple[{', '.join(spelled(i, called) or 'object' for i in items) or '()'}]"
            return text if len(text) <= _WIDE else "tuple"
    return ""


def definition(f: Function, called: Callable[[str], str], default: Callable[[Const], str]) -> list[str]:
    """The `def` line, broken where it is too long, and above it what NumPy is not to report."""
    above = [f"@{called('numpy')}.errstate({_settings(f.ignored)})"] if f.ignored else []
    return above + _head(f, called, default)


def _settings(ignored: tuple[str, ...]) -> str:
    return ", ".join(f'{name}="ignore"' for name in (("all",) if len(ignored) == 4 else ignored))


def _head(f: Function, called: Callable[[str], str], default: Callable[[Const], str]) -> list[str]:
    parts: list[str] = []
    kinds = [p.kind for p in f.params]
    given = max((i for i, p in enumerate(f.params) if p.default is None and p.kind in _BY_PLACE), default=0)
    for i, p in enumerate(f.params):
        if i < given and p.kind in _BY_PLACE:
            p = replace(p, default=None)  # what stands before one that has to be given
        if p.kind == "KEYWORD_ONLY" and "KEYWORD_ONLY" not in kinds[:i] and "VAR_POSITIONAL" not in kinds:
            parts.append("*")
        parts.append(_parameter(p, called, default))
        if p.kind == "POSITIONAL_ONLY" and "POSITIONAL_ONLY" not in kinds[i + 1 :]:
            parts.append("/")
    result = _result(f, called)
    arrow = f" -> {result}" if result else ""
    line = f"def {f.name}({', '.join(parts)}){arrow}:"
    if len(line) <= LIMIT or not parts:
        return [line]
    inner = f"    {', '.join(parts)}"
    if len(inner) <= LIMIT:
        return [f"def {f.name}(", inner, f"){arrow}:"]
    last = "" if parts[-1].startswith("**") else ","
    return [f"def {f.name}(", *(f"    {p}," for p in parts[:-1]), f"    {parts[-1]}{last}", f"){arrow}:"]


def _parameter(p: Param, called: Callable[[str], str], default: Callable[[Const], str]) -> str:
    star = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(p.kind, "")
    hint = "" if star else spelled(p.type, called) or (p.annotation if p.annotation in _PLAIN else "")
    text = star + p.name + (f": {hint}" if hint else "")
    if p.default is None:
        return text
    return f"{text} = {default(p.default)}" if hint else f"{text}={default(p.default)}"


def _result(f: Function, called: Callable[[str], str]) -> str:
    """The annotation of the result; empty where a part of it is not known."""
    types = [of_value(r.value) if isinstance(r, Const) else r.type for r in f.results]

    def tree(t: object) -> str:
        match t:
            case Leaf(index):
                return spelled(types[index], called)
            case tuple():
                parts = [tree(x) for x in t]
                text = f"tuple[{', '.join(parts) or '()'}]" if all(parts) else ""
                return text if t is f.tree or len(text) <= _WIDE else "tuple"
            case list():
                parts = sorted({tree(x) for x in t})
                return f"list[{parts[0]}]" if len(parts) == 1 and parts[0] else "list"
            case dict():
                return "dict"
        return ""

    text = "None" if f.internal and not f.results else tree(f.tree)
    # An annotation too long for its line says less than none.
    return text if len(text) <= LIMIT - 8 else ""


def docstring(text: str) -> list[str]:
    """The docstring's lines, indented once and wrapped to the limit."""
    if not text.strip():
        return []
    text = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    lines: list[str] = []
    for line in textwrap.dedent(text.expandtabs()).strip().splitlines():
        pad = line[: len(line) - len(line.lstrip())]
        lines += textwrap.wrap(line, LIMIT - 11, subsequent_indent=pad, break_long_words=False) or [""]
    if lines[-1].endswith('"'):
        lines[-1] += " "
    if len(lines) == 1:
        return [f'    """{lines[0]}"""']
    return [f'    """{lines[0]}', *(f"    {line}".rstrip() for line in lines[1:]), '    """']


def check(assume: Assume) -> list[str]:
    """`if x.ndim != 1: raise ValueError(...)`"""
    test = ast.parse(assume.test, mode="eval").body
    opposite = {ast.Eq: "!=", ast.NotEq: "==", ast.NotIn: "in"}
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and type(test.ops[0]) in opposite:
        symbol = opposite[type(test.ops[0])]
        text = f"{ast.unparse(test.left)} {symbol} {ast.get_source_segment(assume.test, test.comparators[0])}"
    else:
        text = f"not {ast.unparse(test)}" if isinstance(test, (ast.Name, ast.Call, ast.Attribute)) else f"not ({assume.test})"
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        text = ast.unparse(test.operand)
    head = [f"    if {text}:"]
    if len(head[0]) > LIMIT and isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        parts = [ast.get_source_segment(assume.test, value) or "" for value in test.values]
        line = " and ".join(parts)
        inner = [line] if len(line) <= LIMIT - 8 else [parts[0], *(f"and {part}" for part in parts[1:])]
        head = ["    if not (", *(f"        {part}" for part in inner), "    ):"]
    why = quoted(assume.why)
    line = f"        raise ValueError({why})"
    if len(line) <= LIMIT:
        return [*head, line]
    pieces = [quoted(piece) for piece in _pieces(assume.why, LIMIT - 16)]
    return [*head, "        raise ValueError(", *(f"            {p}" for p in pieces), "        )"]


def _pieces(text: str, limit: int) -> list[str]:
    lines = textwrap.wrap(text, limit, break_long_words=False)
    return [line + " " for line in lines[:-1]] + lines[-1:]
