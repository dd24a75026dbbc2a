"""A row's differential as the textbook prints it, with the names of a statement: `t2 * dt4 + t4 * dt2`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from adtransform.ir import Atom, Const, Let, Var
from adtransform.lattice import is_differentiable
from adtransform.rules.table import find
from adtransform.text import Expr, call, constant, operation

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "operator.add",
    ast.Sub: "operator.sub",
    ast.Mult: "operator.mul",
    ast.Div: "operator.truediv",
    ast.Pow: "operator.pow",
    ast.MatMult: "operator.matmul",
}


def differential(let: Let, name_of: Callable[[Var], str], wrt: str = "") -> Expr | None:
    """The differential of a statement; terms of operands that cannot have one are left out.

    `wrt`: partials by this parameter, `dt4_da`.  None where the row is not one expression.
    """
    found = find(let)
    if found is None or found[0].constant or found[0].text.startswith("def ") or "*" in "".join(found[0].pattern.operands):
        return None
    rule, names = found
    operands = rule.operands(len(let.args))
    env: dict[str, Expr | None] = {k: _text(a, name_of) for k, a in names.items()}
    for k in operands:
        a = names.get(k)
        moving = isinstance(a, Var) and is_differentiable(a.type)
        env[f"d{k}"] = Expr(f"d{name_of(a)}" + (f"_d{wrt}" if wrt else "")) if moving and isinstance(a, Var) else None
    prefix = {"numpy": "np.", "numpy.linalg": "np.linalg.", "": ""}.get(rule.module, f"{rule.module}.")
    return _expression(ast.parse(rule.text, mode="eval").body, env, prefix)


def _text(a: Atom, name_of: Callable[[Var], str]) -> Expr:
    return constant(a.value) if isinstance(a, Const) else Expr(name_of(a))


def _expression(node: ast.expr, env: Mapping[str, Expr | None], prefix: str) -> Expr | None:
    """The text of an expression; None when it is zero."""
    match node:
        case ast.Name(id=k):
            return env.get(k, Expr(prefix + k))
        case ast.Constant(value=value):
            return constant(value)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            e = _expression(inner, env, prefix)
            return None if e is None else operation("operator.neg", e)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            a, b = _expression(left, env, prefix), _expression(right, env, prefix)
            if a is not None and b is not None:
                return operation(_BINARY[type(op)], a, b)
            if isinstance(op, ast.Add):
                return a or b
            if isinstance(op, ast.Sub):
                return a if b is None else operation("operator.neg", b)
            return None
        case ast.Call(func=func, args=args, keywords=keywords):
            parts = [_expression(a, env, prefix) for a in args]
            given = {str(k.arg): _expression(k.value, env, prefix) for k in keywords}
            zero = Expr("0")
            return call(prefix + ast.unparse(func), [p or zero for p in parts], {k: v or zero for k, v in given.items()})
    return Expr(ast.unparse(node))
