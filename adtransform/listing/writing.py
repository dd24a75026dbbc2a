"""Function -> text."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from adtransform import lattice
from adtransform.ir import UNDEFINED, Atom, For, Function, If, Leaf, Let, Param, Region, Stmt, Try, Var, While
from adtransform.lattice import UNKNOWN
from adtransform.rewrite import defined

# Names that are constants in the text, and their values.
WORDS = {"True": True, "False": False, "None": None, "Ellipsis": ..., "nan": float("nan"), "inf": float("inf")}


def names(f: Function) -> dict[Var, str]:
    """A name for every value: its hint where that is free, `y_2` where `y` is taken, `t7` for what has no hint."""
    out: dict[Var, str] = {}
    values = list(dict.fromkeys(defined(f.body)))
    taken = {"undefined", *WORDS}
    reserved = {v.hint for v in values}
    counter = 0
    for var in values:
        name = _wish(var, out)
        while not name:
            name, counter = f"t{counter}", counter + 1
            if name in taken or name in reserved:
                name = ""
        unique, suffix = name, 2
        while unique in taken:
            unique, suffix = f"{name}_{suffix}", suffix + 1
        out[var] = unique
        taken.add(unique)
    return out


def _wish(var: Var, known: Mapping[Var, str]) -> str:
    if var.of is None or var.hint:
        return var.hint
    base = known.get(var.of) or var.of.hint or "t"
    return f"d{base}_d{var.wrt}" if var.wrt else f"d{base}"


def show(f: Function, *, types: bool = False) -> str:
    """The function as text; `types` adds the type of every value: `t2: float = operator.add(t0, t1)`."""
    printer = _Printer(names(f), types)
    lines = [f"def {f.name}({_signature(f.params)}):"]
    lines += [f"    assume {a.test}" + (f"  # {a.why}" if a.why else "") for a in f.assumes]
    lines += printer.region(f.body, "    ")
    if f.tree != Leaf(0):
        lines[-1] += f" as {_tree_text(f.tree)}"
    return "\n".join(lines) + "\n"


def show_line(stmt: Stmt, name_of: Mapping[Var, str] | None = None) -> str:
    """The first line of a statement: for messages."""
    return next(iter(_Printer(name_of or {}, False).statement(stmt, "")))


def constant(value: Any) -> str:
    """A constant as text: Python's own where there is one, a dotted name for types and functions."""
    if value is UNDEFINED.value:
        return "undefined"
    if isinstance(value, type) or inspect.isroutine(value):
        return f"{getattr(value, '__module__', None) or 'builtins'}.{value.__qualname__}"
    return "Ellipsis" if value is ... else " ".join(repr(value).split("\n"))


class _Printer:
    def __init__(self, name_of: Mapping[Var, str], types: bool) -> None:
        self.name_of = name_of
        self.types = types

    def atom(self, a: Atom) -> str:
        return self.name_of.get(a, a.hint or "?") if isinstance(a, Var) else constant(a.value)

    def bind(self, var: Var) -> str:
        name = self.atom(var)
        return f"{name}: {lattice.show(var.type)}" if self.types and var.type != UNKNOWN else name

    def targets(self, targets: tuple[Var, ...]) -> str:
        return ", ".join(map(self.bind, targets)) + " = " if targets else ""

    def carried(self, params: tuple[Var, ...], inits: tuple[Atom, ...]) -> str:
        if not params:
            return ""
        return " with " + ", ".join(f"{self.bind(p)} = {self.atom(i)}" for p, i in zip(params, inits, strict=False))

    def region(self, region: Region, indent: str) -> list[str]:
        lines = [line for stmt in region.body for line in self.statement(stmt, indent)]
        return [*lines, f"{indent}yield {', '.join(map(self.atom, region.results))}".rstrip()]

    def statement(self, stmt: Stmt, indent: str) -> Iterator[str]:
        inner = indent + "    "
        targets = indent + self.targets(stmt.targets)
        match stmt:
            case Let():
                operands = [*map(self.atom, stmt.args), *(f"{k}={self.atom(v)}" for k, v in stmt.kwargs)]
                yield f"{targets}{stmt.op}({', '.join(operands)})"
            case If():
                yield f"{targets}if {self.atom(stmt.cond)}:"
                yield from self.region(stmt.then, inner)
                yield f"{indent}else:"
                yield from self.region(stmt.orelse, inner)
            case Try():
                yield f"{targets}try:"
                yield from self.region(stmt.body, inner)
                yield f"{indent}except ({', '.join(map(self.atom, stmt.caught))})"
            case For():
                bounds = ", ".join(map(self.atom, (stmt.start, stmt.stop, stmt.step)))
                index = ", ".join(map(self.bind, stmt.body.params[:1]))
                yield f"{targets}for {index} in range({bounds}){self.carried(stmt.body.params[1:], stmt.inits)}:"
                yield from self.region(stmt.body, inner)
            case While():
                yield f"{targets}while{self.carried(stmt.cond.params, stmt.inits)}:"
                yield from self.region(stmt.cond, inner)
                params = ", ".join(map(self.bind, stmt.body.params))
                yield f"{indent}do with {params}:" if params else f"{indent}do:"
                yield from self.region(stmt.body, inner)


def _signature(params: tuple[Param, ...]) -> str:
    parts: list[str] = []
    previous = ""
    for p in params:
        if previous == "POSITIONAL_ONLY" != p.kind:
            parts.append("/")
        if p.kind == "KEYWORD_ONLY" and previous not in ("KEYWORD_ONLY", "VAR_POSITIONAL"):
            parts.append("*")
        stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(p.kind, "")
        note = "" if p.type == UNKNOWN else f": {lattice.show(p.type)}"
        default = "" if p.default is None else f" = {constant(p.default.value)}"
        parts.append(stars + p.name + note + default)
        previous = p.kind
    return ", ".join([*parts, "/"] if previous == "POSITIONAL_ONLY" else parts)


def _tree_text(tree: Any) -> str:
    return repr(map_tree(tree, lambda leaf: leaf.index if isinstance(leaf, Leaf) else leaf))


def map_tree(tree: Any, change: Callable[[Any], Any]) -> Any:
    """The tree with every leaf changed."""
    if isinstance(tree, tuple):
        return tuple(map_tree(t, change) for t in tree)
    if isinstance(tree, list):
        return [map_tree(t, change) for t in tree]
    if isinstance(tree, dict):
        return {k: map_tree(t, change) for k, t in tree.items()}
    return change(tree)
