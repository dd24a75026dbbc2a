"""How many items `*row` has among the arguments of a call, where only the call says it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from adtransform.ir import Const, Var
from adtransform.lattice import BOOL
from adtransform.read.refs import ClassRef, FunctionRef, ListRef, PartialRef, Ref, View

if TYPE_CHECKING:
    from adtransform.read.functions import Functions


def spread_over(self: Functions, function: Ref, call: ast.Call, given: ast.Starred, ref: Ref) -> list[Ref] | None:
    """The items of a row of unknown length that fills the parameters left by other arguments; None where it may not."""
    several = sum(isinstance(a, ast.Starred) for a in call.args) > 1 or any(k.arg is None for k in call.keywords)
    if several or not isinstance(ref, (Var, View, ListRef)):
        return None
    taken = _taken(self, function, given)
    if taken is None:
        return None
    names = {k.arg for k in call.keywords}
    left = [name for name in taken if name not in names]
    count = len(left) - len(call.args) + 1
    if count < 0 or any(optional for name, optional in taken.items() if name not in names):
        return None
    self.at(given)
    differs = self.let("operator.ne", self.length(ref, given), Const(count), type=BOOL)
    self.raise_where(differs, TypeError, f"`*` of something that has not {count} items, for as many parameters")
    return [self.indexed(ref, Const(i), given) for i in range(count)]


def _taken(self: Functions, function: Ref, node: ast.AST) -> dict[str, bool] | None:
    """The parameters that a call fills by position, and whether they may be left out."""
    match function:
        case FunctionRef(node=definition):
            a = definition.args
            names = [p.arg for p in (*a.posonlyargs, *a.args)]
            needed = len(names) - len(a.defaults)
            return None if a.vararg else {name: i >= needed for i, name in enumerate(names)}
        case PartialRef(inner, first, named):
            taken = _taken(self, inner, node)
            return None if taken is None or named else dict(list(taken.items())[len(first) :])
        case ClassRef(members=None):
            return _of_class(self, function, node)
    return None


def _of_class(self: Functions, cls: ClassRef, node: ast.AST) -> dict[str, bool] | None:
    for owner in () if cls.is_tuple else cls.order:
        init = self.class_member((owner,), "__init__", node)
        if init is not None:
            taken = _taken(self, init.ref, node)
            return None if taken is None else dict(list(taken.items())[1:])
        if self.dataclass_options(owner) is not None:
            cls = owner
            break
    else:
        if not cls.is_tuple:
            return None
    fields = [f for f in self.fields(cls, node) if f.init and not f.keyword]
    return {f.name: f.default is not None for f in fields}
