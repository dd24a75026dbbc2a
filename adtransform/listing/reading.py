"""Text -> Function."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

from adtransform import lattice
from adtransform.build import type_of
from adtransform.infer import infer
from adtransform.ir import UNDEFINED, Assume, Atom, Const, For, Function, If, Leaf, Let, Param, Region, Stmt, Try, Var, While
from adtransform.lattice import UNKNOWN, Type, meet
from adtransform.listing.writing import WORDS, map_tree
from adtransform.ops import resolve


def parse(text: str) -> Function:
    """Read what `show` prints; types that are not written are inferred.  Raises `ValueError` naming the line."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    head = re.fullmatch(r"def (\w+)\((.*)\):", lines[0])
    if head is None:
        raise ValueError(f"not the head of a function: {lines[0]!r}")
    reader = _Reader(lines, _params(head[2]))
    position, assumes = 1, []
    while lines[position].startswith("    assume "):
        test, _, why = lines[position].removeprefix("    assume ").partition("  # ")
        assumes.append(Assume(test, why))
        position += 1
    results, tree = lines[-1], Leaf(0)
    yields = _split(results.strip().removeprefix("yield"), " as ")
    if len(yields) == 2:
        tree = map_tree(ast.literal_eval(yields[1].strip()), Leaf)
        lines[-1] = f"    yield {yields[0].strip()}"
    body, end = reader.region(position, 4, (), {})
    if end != len(lines):
        raise ValueError(f"line after the last yield: {lines[end]!r}")
    return Function(head[1], reader.params, body, tree, assumes=tuple(assumes))


class _Reader:
    """`region` and `statement` return what they read and the position after it; a scope is a dict from names to values."""

    def __init__(self, lines: list[str], params: tuple[Param, ...]) -> None:
        self.lines = lines
        self.params = params

    def region(self, at: int, indent: int, params: tuple[Var, ...], outer: dict[str, Var]) -> tuple[Region, int]:
        scope = {**outer, **{p.hint: p for p in params}}
        body: list[Stmt] = []
        while at < len(self.lines):
            line = self.lines[at]
            if len(line) - len(line.lstrip()) != indent:
                raise ValueError(f"unexpected indent: {line!r}")
            if line.strip() == "yield" or line.lstrip().startswith("yield "):
                results = tuple(_atom(part, scope) for part in _split(line.strip().removeprefix("yield"), ",") if part.strip())
                return Region(params, tuple(body), results), at + 1
            stmt, at = self.statement(at, indent, scope)
            body.append(stmt)
            scope.update((v.hint, v) for v in stmt.targets)
        raise ValueError("a region must end in a yield")

    def statement(self, at: int, indent: int, scope: dict[str, Var]) -> tuple[Stmt, int]:
        line = self.lines[at].strip()
        left, right = _assignment(line)
        binders = [_binder(part) for part in _split(left, ",")] if left else []
        if right.startswith("if "):
            return self._if(at, indent, scope, binders, right)
        if right == "try:":
            return self._try(at, indent, scope, binders)
        if right.startswith("for "):
            return self._for(at, indent, scope, binders, right)
        if right.startswith(("while ", "while:")):
            return self._while(at, indent, scope, binders, right)
        return self._let(scope, binders, right), at + 1

    def _let(self, scope: dict[str, Var], binders: list[_Binder], right: str) -> Let:
        match = re.fullmatch(r"([^\s(]+)\((.*)\)", right)
        if match is None:
            raise ValueError(f"not a statement: {right!r}")
        call = ast.parse(f"_({match[2]})", mode="eval").body
        assert isinstance(call, ast.Call)
        args = tuple(_value(a, scope) for a in call.args)
        kwargs = tuple((str(k.arg), _value(k.value, scope)) for k in call.keywords)
        if match[1] == "load" and args and isinstance(args[0], Const):
            types: tuple[Type, ...] = tuple(p.type for p in self.params if p.name == args[0].value) or (UNKNOWN,)
        else:
            named = {k: type_of(v) for k, v in kwargs}
            types = infer(match[1], tuple(map(type_of, args)), named, args, dict(kwargs), len(binders))
        types += (UNKNOWN,) * (len(binders) - len(types))
        return Let(_vars(binders, types), match[1], args, kwargs)

    def _if(self, at: int, indent: int, scope: dict[str, Var], binders: list[_Binder], right: str) -> tuple[Stmt, int]:
        cond = _atom(right.removeprefix("if ").removesuffix(":"), scope)
        then, at = self.region(at + 1, indent + 4, (), scope)
        if at >= len(self.lines) or self.lines[at] != " " * indent + "else:":
            raise ValueError(f"an if without an else: {right!r}")
        orelse, at = self.region(at + 1, indent + 4, (), scope)
        types = tuple(meet(type_of(a), type_of(b)) for a, b in zip(then.results, orelse.results, strict=False))
        return If(_vars(binders, types), cond, then, orelse), at

    def _try(self, at: int, indent: int, scope: dict[str, Var], binders: list[_Binder]) -> tuple[Stmt, int]:
        body, at = self.region(at + 1, indent + 4, (), scope)
        match = re.fullmatch(r"except \((.*)\)", self.lines[at].strip()) if at < len(self.lines) else None
        if match is None:
            raise ValueError("a try without an except")
        caught = tuple(_atom(name, {}) for name in _split(match[1], ","))
        return Try(
            _vars(binders, tuple(map(type_of, body.results))), body, tuple(c for c in caught if isinstance(c, Const))
        ), at + 1

    def _for(self, at: int, indent: int, scope: dict[str, Var], binders: list[_Binder], right: str) -> tuple[Stmt, int]:
        match = re.fullmatch(r"for (.+?) in range\((.*?)\)( with .*)?:", right)
        if match is None:
            raise ValueError(f"not a for: {right!r}")
        index = Var(lattice.INT, match[1].partition(":")[0])
        start, stop, step = (_atom(a, scope) for a in _split(match[2], ","))
        carried, inits = _carried(match[3], scope)
        types = tuple(map(type_of, inits))
        while True:
            body, end = self.region(at + 1, indent + 4, (index, *_vars(carried, types)), scope)
            settled = _settled(types, inits, body.results[1:], at)
            if settled == types:
                return For(_vars(binders, types), inits, start, stop, step, body), end
            types = settled

    def _while(self, at: int, indent: int, scope: dict[str, Var], binders: list[_Binder], right: str) -> tuple[Stmt, int]:
        carried, inits = _carried(right.removeprefix("while").removesuffix(":"), scope)
        types = tuple(map(type_of, inits))
        while True:
            cond, middle = self.region(at + 1, indent + 4, _vars(carried, types), scope)
            do = re.fullmatch(r"do(?: with (.*))?:", self.lines[middle].strip())
            if do is None:
                raise ValueError(f"a while without its do: {right!r}")
            second = [_binder(part) for part in _split(do[1] or "", ",") if part.strip()]
            body, end = self.region(middle + 1, indent + 4, _vars(second, types), scope)
            settled = _settled(types, inits, body.results[1:], at)
            if settled == types:
                return While(_vars(binders, types), inits, cond, body), end
            types = settled


_Binder = tuple[str, Type | None]


def _binder(text: str) -> _Binder:
    name, colon, note = text.strip().partition(":")
    return name.strip(), parse_type(note) if colon else None


def _vars(binders: list[_Binder], types: tuple[Type, ...]) -> tuple[Var, ...]:
    if len(binders) != len(types):
        raise ValueError(f"{len(binders)} names for {len(types)} values: {', '.join(name for name, _ in binders)}")
    return tuple(Var(t if note is None else note, name) for (name, note), t in zip(binders, types, strict=True))


def _settled(types: tuple[Type, ...], inits: Sequence[Atom], nexts: Sequence[Atom], at: int) -> tuple[Type, ...]:
    """The types of what a loop carries, of what they were before a trip and of what it makes of them."""
    rows = enumerate(zip(types, inits, nexts, strict=True))
    return tuple(lattice.carried(t, type_of(init), type_of(new), f"{at}.{n}") for n, (t, init, new) in rows)


def _carried(text: str | None, scope: dict[str, Var]) -> tuple[list[_Binder], tuple[Atom, ...]]:
    parts = [_assignment(p.strip()) for p in _split((text or "").strip().removeprefix("with "), ",") if p.strip()]
    return [_binder(left) for left, _ in parts], tuple(_atom(right, scope) for _, right in parts)


def _params(text: str) -> tuple[Param, ...]:
    out: list[Param] = []
    kind = "POSITIONAL_OR_KEYWORD"
    for part in _split(text, ","):
        word = part.strip()
        if word == "/":
            out = [Param(p.name, p.type, "POSITIONAL_ONLY", p.default) for p in out]
        elif word == "*":
            kind = "KEYWORD_ONLY"
        elif word:
            left, right = _assignment(word)
            name, note = _binder(left or right)
            default = _atom(right, {}) if left else None
            own = {0: kind, 1: "VAR_POSITIONAL", 2: "VAR_KEYWORD"}[len(name) - len(name.lstrip("*"))]
            assert default is None or isinstance(default, Const)
            out.append(Param(name.lstrip("*"), note or UNKNOWN, own, default))
            kind = "KEYWORD_ONLY" if own == "VAR_POSITIONAL" else kind
    return tuple(out)


def _atom(text: str, scope: Mapping[str, Var]) -> Atom:
    return _value(ast.parse(text.strip(), mode="eval").body, scope)


def _value(node: ast.expr, scope: Mapping[str, Var]) -> Atom:
    if isinstance(node, ast.Name):
        if node.id == "undefined":
            return UNDEFINED
        if node.id in WORDS:
            return Const(WORDS[node.id])
        if node.id not in scope:
            raise ValueError(f"{node.id!r} is not defined here")
        return scope[node.id]
    if isinstance(node, ast.UnaryOp) and ast.unparse(node) == "-inf":
        return Const(-WORDS["inf"])  # type: ignore[operator]
    if isinstance(node, ast.Attribute) and (target := resolve(ast.unparse(node))) is not None:
        return Const(target)
    return Const(ast.literal_eval(node))


def _assignment(text: str) -> tuple[str, str]:
    """`left = right` at the first `=` outside brackets and strings; without one the left side is empty."""
    parts = _split(text, " = ", 1)
    if len(parts) == 1 or parts[0].startswith(("for ", "while ", "if ")):
        return "", text
    return parts[0].strip(), parts[1].strip()


def _split(text: str, separator: str, most: int = -1) -> list[str]:
    """`str.split`, but not inside brackets and strings."""
    parts: list[str] = []
    depth, quote, start, i = 0, "", 0, 0
    while i < len(text):
        c = text[i]
        if quote:
            i += c == "\\"
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        elif depth == 0 and text.startswith(separator, i) and len(parts) != most:
            parts.append(text[start:i])
            start = i = i + len(separator)
            continue
        else:
            depth += (c in "([{") - (c in ")]}")
        i += 1
    return [*parts, text[start:]]


def parse_type(text: str) -> Type:
    """Read what `lattice.show` prints: `float`, `float64()`, `float64[I, 3]`, `?[...]`, `[float]`, `(float, int)`."""
    text = text.strip()
    if text == "?":
        return UNKNOWN
    if text in ("bool", "int", "float", "complex"):
        return lattice.Scalar(text)
    if text.endswith("|None"):
        return lattice.join(lattice.NONE, parse_type(text.removesuffix("|None")))
    if text.endswith("|numpy"):
        return lattice.Scalar(text.removesuffix("|numpy"), "?")
    if text.endswith("()"):
        kind = lattice.kind_of(lattice.Array(text[:-2]))
        return lattice.Scalar(kind or "float", text[:-2])
    if text.startswith("{"):
        key, _, item = text[1:-1].partition(": ")
        return lattice.Dict(parse_type(item), parse_type(key))
    if text.startswith("["):
        return lattice.List(parse_type(text[1:-1]))
    if text.startswith("("):
        return lattice.Tuple(tuple(parse_type(item) for item in _split(text[1:-1], ",") if item.strip()))
    if match := re.fullmatch(r"(\w+|\?)\[(.*)\]", text):
        extents = [e.strip() for e in match[2].split(",") if e.strip()]
        dims = None if extents == ["..."] else tuple(int(e) if e.isdigit() else lattice.Dim(e) for e in extents)
        return lattice.Array(None if match[1] == "?" else match[1], dims)
    return lattice.Static(text)
