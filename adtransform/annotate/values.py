"""What an operation computes, as text and as a sum of terms."""

from __future__ import annotations

from collections.abc import Callable

from adtransform import algebra
from adtransform.algebra import Sum
from adtransform.build import type_of
from adtransform.ir import Atom, Const, Let, Stmt
from adtransform.lattice import dims_of
from adtransform.ops import BINARY, COMPARE, EXTERNAL, STRUCTURAL, UNARY
from adtransform.syntax import Bare, Dot, Group, Infix, Py, Slice, Ternary, Word, call, constant, flat, operation

_SPELT = frozenset({"ifexp", "load", "index", "slice", "tuple", "shape", "ndim", "size"})
_ARITHMETIC = {
    "operator.add": "+",
    "numpy.add": "+",
    "operator.sub": "-",
    "numpy.subtract": "-",
    "operator.mul": "*",
    "numpy.multiply": "*",
    "strong": "*",
    "operator.truediv": "/",
    "numpy.divide": "/",
    "operator.neg": "neg",
    "numpy.negative": "neg",
    "operator.pow": "**",
    "numpy.power": "**",
}

Texts = Callable[[Atom], Py | None]
Sums = Callable[[Atom], Sum | None]


def evaluate(let: Let, sums: Sums, *, derived: bool = False) -> Sum | None:
    """The value of an arithmetic operation as a sum; None where it is not one.

    `derived`: it is part of a derivative, where values are real and `where(u == 0, 1, u)` guards a division: it is `u`.
    """
    args = [sums(a) for a in let.args]
    kind = _ARITHMETIC.get(let.op, let.op)
    match kind, args:
        case "zeros", _:
            return algebra.ZERO
        case "assign" | "expand" | "cast", [a, *_]:
            return a
        case "fit", [a, *_]:
            return a if _fits(let.args[0], let.args[1]) else None
        case "accumulate", [a, b, _] if a is not None and b is not None:
            return algebra.add(a, b) if _fits(let.args[1], let.args[2]) else None
        case "spread", [a, *_] if a is not None:
            return a if algebra.value_of(a) is not None else None
        case "+", [a, b] if a is not None and b is not None:
            return algebra.add(a, b)
        case "-", [a, b] if a is not None and b is not None:
            return algebra.add(a, b, -1)
        case "*", [a, b] if a is not None and b is not None:
            return algebra.multiply(a, b)
        case "/", [a, b] if a is not None and b is not None:
            return algebra.divide(a, b)
        case "numpy.where" | "ifexp", [c, a, b] if derived and c is not None and a is not None:
            return b if _is_guard(c) and algebra.value_of(a) is not None else None
        case "numpy.real" | "numpy.conjugate" | "numpy.conj", [a] if derived:
            return a
        case "neg", [a] if a is not None:
            return algebra.scale(a, -1)
        case "**", [a, b] if a is not None and b is not None:
            exponent = algebra.value_of(b)
            return algebra.power(a, exponent) if isinstance(exponent, int) and abs(exponent) < 10 else None
    return None


def _is_guard(cond: Sum) -> bool:
    """Whether it is `u == 0`, which is true of a single point."""
    match list(cond):
        case [((Infix(_, "==", Word("0")), 1),)]:
            return True
    return False


def spell(let: Let, texts: Texts) -> Py | None:
    """An operation as it is written in Python; None where an operand has no text, or the operation no spelling."""
    args = [texts(a) for a in let.args]
    kwargs = {k: texts(a) for k, a in let.kwargs}
    given = [a for a in args if a is not None]
    named = {k: a for k, a in kwargs.items() if a is not None}
    if len(given) < len(args) or len(named) < len(kwargs) or let.op in EXTERNAL or let.op in STRUCTURAL - _SPELT:
        return None
    if let.op in BINARY or let.op in COMPARE or let.op in UNARY:
        return operation(let.op, *given)
    match let.op:
        case "index":
            whole, key = given
            keys = key.items if isinstance(key, Bare) and len(key.items) > 1 else (key,)
            return Group(whole, "[]", keys)
        case "slice":
            start, stop, step = (None if flat(e) == "None" else e for e in given)
            return Slice((start, stop, step))
        case "tuple":
            return Bare(tuple(given))
        case "ifexp":
            cond, yes, no = given
            return Ternary(yes, cond, no)
        case "shape" | "ndim" | "size":
            return Dot(given[0], let.op)
    return call(function_name(let.op), given, named)


def function_name(op: str) -> str:
    """How an operation is usually called: `np.sin`, `abs`."""
    return op.removeprefix("builtins.") if op.startswith("builtins.") else op.replace("numpy.", "np.", 1)


def constant_sum(a: Const) -> Sum | None:
    """A constant as a sum; text where it is not a number."""
    found = algebra.number(a.value)
    return found if found is not None else algebra.symbol(constant(a.value))


def _fits(share: Atom, like: Atom) -> bool:
    """Whether a share has the shape it is wanted in, as far as is known."""
    a, b = dims_of(type_of(share)), dims_of(type_of(like))
    return a is None or b is None or a == b


def is_seed(stmt: Stmt) -> bool:
    """Whether it starts the backward sweep: `dy = 1`."""
    if not isinstance(stmt, Let) or stmt.op not in ("assign", "load") or stmt.args[0] in (Const(0), Const(0.0)):
        return False
    return stmt.targets[0].of is not None and not stmt.targets[0].wrt
