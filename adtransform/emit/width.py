"""How wide an expression will be when printed, about: names are chosen only later."""

from __future__ import annotations

from adtransform.ir import Const, Var, Worked
from adtransform.ops import BINARY, COMPARE, UNARY
from adtransform.place.program import Operand, Tree
from adtransform.syntax import ATOM, COMPARISON, TERNARY

_INFIX = BINARY | {op: (symbol, COMPARISON) for op, symbol in COMPARE.items()}
_LEVELS = {op: level for op, (_, level) in (_INFIX | UNARY).items()} | dict.fromkeys(("ifexp", "and", "or"), TERNARY)


def width(a: Operand) -> int:
    """The number of characters, about; never much too small."""
    if isinstance(a, Var):
        extra = 0
        while a.of is not None:
            extra += 1 + (len(a.wrt) + 2 if a.wrt else 0)
            a = a.of
        return extra + (len(a.hint) or 3)
    if isinstance(a, Const):
        if isinstance(a.said, Worked):
            return width(Tree(a.said.op, a.said.args))
        if a.said is not None:
            return len(a.said.name)
        return len(a.value.__name__) + 3 if isinstance(a.value, type) else len(repr(a.value))
    inner = [width(x) for x in a.args]
    total = sum(inner)
    if a.op in _INFIX:
        symbol, level = _INFIX[a.op]
        left, right = a.args
        return total + len(symbol) + 2 + 2 * (_level(left) < level) + 2 * (_level(right) <= level)
    if a.op in UNARY:
        symbol, level = UNARY[a.op]
        return total + len(symbol) + 2 * (_level(a.args[0]) < level)
    match a.op:
        case "assign":
            return total
        case "index" | "update" | "accumulate_at":
            key = a.args[1]
            bare = isinstance(key, Tree) and key.op == "tuple" and len(key.args) > 1
            return total + (2 if a.op == "index" else 5 if a.op == "update" else 6) - 2 * bare
        case "exchange":
            return 2 * total + 2 * inner[0] + len("[], [] = [], []")
        case "item_in" | "put_in" | "grow_in" | "push_in":
            return total + 2 * (len(inner) - 1) + {"item_in": 0, "put_in": 1, "grow_in": 2}.get(a.op, len(".append()"))
        case "push":
            return total + len(".append()")
        case "list" | "tuple":
            return total + 2 * max(len(inner), 1)
        case "slice":
            parts = [x for x in a.args if x != Const(None)]
            plain = not any(isinstance(x, Tree) for x in parts)
            return sum(map(width, parts)) + max(len(parts) - 1, 1) * (1 if plain else 3)
        case "ifexp":
            return total + 10
        case "and" | "or":
            return total + 5
    name = a.op.removeprefix("builtins.").replace("numpy.", "np.")
    named = sum([len(k) + 3 + width(v) for k, v in a.kwargs]) if a.kwargs else 0
    return len(name) + 2 + total + 2 * max(len(inner) - 1, 0) + named


def _level(a: Operand) -> int:
    """How tightly an operand binds, about."""
    if isinstance(a, Const) and isinstance(a.said, Worked):
        return _level(Tree(a.said.op, a.said.args))
    return _LEVELS.get(a.op, ATOM) if isinstance(a, Tree) else ATOM
