"""How wide an expression will be when printed, about: names are chosen only later."""

from __future__ import annotations

from adtransform.ir import Const, Var
from adtransform.ops import BINARY, COMPARE, UNARY
from adtransform.place.program import Operand, Tree


def width(a: Operand) -> int:
    """The number of characters, about; never much too small."""
    if isinstance(a, Var):
        if a.of is not None:
            return 1 + width(a.of) + (len(a.wrt) + 2 if a.wrt else 0)
        return len(a.hint) or 3
    if isinstance(a, Const):
        return len(a.value.__name__) + 3 if isinstance(a.value, type) else len(repr(a.value))
    inner = [width(x) for x in a.args]
    total = sum(inner)
    if a.op in BINARY or a.op in COMPARE:
        symbol = BINARY[a.op][0] if a.op in BINARY else COMPARE[a.op]
        brackets = sum(2 for x in a.args if isinstance(x, Tree) and (x.op in BINARY or x.op == "ifexp"))
        return total + len(symbol) + 2 + brackets
    if a.op in UNARY:
        return total + len(UNARY[a.op][0]) + 2
    match a.op:
        case "assign":
            return total
        case "index" | "list" | "tuple":
            return total + 2 + 2 * len(inner)
        case "slice":
            return sum(n for n, x in zip(inner, a.args, strict=True) if x != Const(None)) + 4
        case "ifexp":
            return total + 10
        case "and" | "or":
            return total + 5
    name = a.op.removeprefix("builtins.").replace("numpy.", "np.")
    return len(name) + 2 + total + 2 * len(inner) + sum(len(k) + 3 + width(v) for k, v in a.kwargs)
