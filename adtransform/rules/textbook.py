"""A row's differential as the textbook prints it, with the names of a statement: `t2 * dt4 + t4 * dt2`."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping

import numpy as np

from adtransform.ir import Atom, Const, Let, Var
from adtransform.lattice import is_differentiable
from adtransform.rules.table import find
from adtransform.syntax import Py, Word, call, constant, operation

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "operator.add",
    ast.Sub: "operator.sub",
    ast.Mult: "operator.mul",
    ast.Div: "operator.truediv",
    ast.Pow: "operator.pow",
    ast.MatMult: "operator.matmul",
}


def differential(let: Let, name_of: Callable[[Var], str], wrt: str = "") -> Py | None:
    """The differential of a statement; terms of operands that cannot have one are left out.

    `wrt`: partials by this parameter, `dt4_da`.  None where the row is not one expression.
    """
    found = find(let)
    if found is None or found[0].constant or found[0].text.startswith("def ") or "*" in "".join(found[0].pattern.operands):
        return None
    rule, names = found
    operands = rule.operands(len(let.args))
    env: dict[str, Py | None] = {k: _text(a, name_of) for k, a in names.items()}
    for k in operands:
        a = names.get(k)
        moving = isinstance(a, Var) and is_differentiable(a.type)
        env[f"d{k}"] = Word(f"d{name_of(a)}" + (f"_d{wrt}" if wrt else "")) if moving and isinstance(a, Var) else None
    prefix = rule.module.replace("numpy", "np") + "."
    return _expression(ast.parse(rule.text, mode="eval").body, env, prefix)


def _text(a: Atom, name_of: Callable[[Var], str]) -> Py:
    return constant(a.value) if isinstance(a, Const) else Word(name_of(a))


def _expression(node: ast.expr, env: Mapping[str, Py | None], prefix: str) -> Py | None:
    """The text of an expression; None when it is zero."""
    match node:
        case ast.Name(id=k):
            return env[k] if k in env else Word(_function(k, prefix))
        case ast.Constant(value=value):
            return constant(value)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            e = _expression(inner, env, prefix)
            return None if e is None else operation("operator.neg", e)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _binary(_BINARY[type(op)], _expression(left, env, prefix), _expression(right, env, prefix))
        case ast.Call(func=ast.Name("where"), args=[ast.Compare(ops=[ast.Eq()], comparators=[ast.Constant(0)]), _, regular]):
            # A guard: the formula is the regular case.
            return _expression(regular, env, prefix)
        case ast.Call(func=ast.Name("real" | "conj"), args=[inner]):
            return _expression(inner, env, prefix)
        case ast.Call(func=ast.Name("power"), args=[base, exponent]):
            return _binary("operator.pow", _expression(base, env, prefix), _expression(exponent, env, prefix))
        case ast.Call(func=func, args=args, keywords=keywords):
            parts = [_expression(a, env, prefix) for a in args]
            given = {str(k.arg): _expression(k.value, env, prefix) for k in keywords}
            zero = Word("0")
            return call(
                _function(ast.unparse(func), prefix), [p or zero for p in parts], {k: v or zero for k, v in given.items()}
            )
    return Word(ast.unparse(node))


def _binary(op: str, a: Py | None, b: Py | None) -> Py | None:
    """An operation on two expressions, zeros and ones left out, small integers computed."""
    if a is None or b is None:
        match op:
            case "operator.add":
                return a or b
            case "operator.sub":
                return a if b is None else operation("operator.neg", b)
        return None
    match op, a, b:
        case "operator.sub", Word(m), Word(n) if m.isdigit() and n.isdigit():
            return constant(int(m) - int(n))
        case ("operator.mul", Word("1"), kept) | ("operator.mul" | "operator.pow", kept, Word("1")):
            return kept
    return operation(op, a, b)


def _function(name: str, prefix: str) -> str:
    """Where a row finds a function: in its own module, else in NumPy."""
    if prefix == "math." and hasattr(math, name):
        return f"math.{name}"
    return f"{prefix if prefix.startswith('np.') and hasattr(np.linalg, name) else 'np.'}{name}"
