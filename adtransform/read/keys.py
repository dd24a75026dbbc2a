"""Keys: what stands between the brackets of a subscript, and what it does to what it is a key of."""

from __future__ import annotations

import ast

from adtransform.ir import Atom, Const, Let, Var
from adtransform.lattice import ELLIPSIS, NONE, Array, List, Scalar, Static, Tuple, Type
from adtransform.read.enums import live_member
from adtransform.read.refs import Items, ListRef, RangeRef, Ref, TupleRef
from adtransform.read.tables import Tables
from adtransform.rewrite import loaded

# What these give is an array, or a truth that adds an axis: as an index it makes a copy.  Each of `_SEVERAL` gives several.
_MASKS = frozenset(
    "operator.lt operator.le operator.gt operator.ge operator.eq operator.ne numpy.logical_and numpy.logical_or "
    "numpy.logical_not numpy.isfinite numpy.isnan numpy.flatnonzero numpy.argwhere numpy.argsort numpy.array numpy.arange "
    "numpy.isclose numpy.isin".split()
)
_SEVERAL = frozenset(
    "numpy.nonzero numpy.ix_ numpy.triu_indices numpy.tril_indices numpy.triu_indices_from numpy.tril_indices_from "
    "numpy.diag_indices numpy.diag_indices_from numpy.meshgrid".split()
)


class Keys(Tables):
    """Reading keys."""

    def static_key(self, key: Atom) -> int | slice | None:
        """A key that is known while reading: an int, or a slice."""
        known = self.static(key)
        if known is not None:
            return known.value if isinstance(known.value, int) else None
        let = self.definitions.get(key) if isinstance(key, Var) else None
        if let is None or let.op != "slice":
            return None
        parts = [self.static(a) for a in let.args]
        if any(p is None for p in parts):
            return None
        if self.builder.body and self.builder.body[-1] is let:
            self.builder.body.pop()
        return slice(*(p.value for p in parts if p is not None))

    def constant_key(self, key: Ref) -> Const | None:
        """The constant that a key is known to be."""
        if isinstance(key, TupleRef):
            parts = [self.constant_key(item) for item in key.items]
            return Const(tuple(p.value for p in parts if p is not None)) if None not in parts else None
        if (one := live_member(key)) is not None:
            return Const(one)
        return self.static(key) if isinstance(key, (Var, Const)) else None

    def index_key(self, node: ast.expr) -> Atom:
        """A key as an operand: an int, a slice, None, `...`, an array, or a tuple of these."""
        if isinstance(node, ast.Tuple):
            parts = [self.key_part(n) for n in node.elts]
            self.at(node)
            return self.let("tuple", *parts)
        return self.key_part(node)

    def whole_key(self, node: ast.expr) -> Ref:
        """A key as an object's method takes it."""
        return self.key_part(node) if isinstance(node, ast.Slice) else self.expression(node)

    def key_part(self, node: ast.expr) -> Atom:
        """One part of a key."""
        if isinstance(node, ast.Slice):
            parts = [Const(None) if p is None else self.number(p) for p in (node.lower, node.upper, node.step)]
            self.at(node)
            return self.let("slice", *parts)
        return self.key_of(self.expression(node), node)

    def key_of(self, ref: Ref, node: ast.AST) -> Atom:
        """A reference as a key."""
        if isinstance(ref, ListRef):
            content = self.content(ref.storage)
            if isinstance(content, Items) and not content.refs:
                return self.let("numpy.zeros", Const(0), dtype=Const(int))  # of indices, which are whole
            if isinstance(content, Items):
                return self.array_of(ref, node)
            return self.let("numpy.array", content if isinstance(content, (Var, Const)) else Const(None))
        if isinstance(ref, TupleRef):
            return self.let("tuple", *(self.key_of(i, node) for i in ref.items))
        if isinstance(ref, RangeRef):
            if ref.start == Const(0) and ref.step == Const(1):
                return self.let("numpy.arange", ref.stop)
            return self.let("numpy.arange", ref.start, stop=ref.stop, step=ref.step)
        a = self.value(ref, node)
        if isinstance(a, Const) and isinstance(a.value, slice):
            return self.let("slice", *(Const(p) for p in (a.value.start, a.value.stop, a.value.step)))
        known = self.static(a)
        return known if known is not None and isinstance(known.value, (int, type(None), type(...))) else a

    def number(self, node: ast.expr) -> Atom:
        """A bound of a slice."""
        a = self.value(self.expression(node), node)
        return self.static(a) or a

    def form(self, key: Atom) -> str:
        """What a key does: `basic` (a view), `int` (an element or a view), `copy` (fancy), or `unknown`.

        `optional`: of ints of which some may be None, which adds an axis.
        """
        let = self.definitions.get(key) if isinstance(key, Var) else None
        if let is not None and let.op == "tuple":
            parts = [self.form(a) for a in let.args]
            return next((form for form in ("copy", "unknown", "basic", "optional") if form in parts), "int")
        if self.is_fancy(let):
            return "copy"
        return "int" if self.is_taken_as_int(key) else _form(self.type_of(key))

    def is_fancy(self, let: Let | None) -> bool:
        """Whether a statement gives a mask, or indices: what makes a copy as an index."""
        item = False
        while let is not None and let.op in ("assign", "index", "operator.and_", "operator.or_", "operator.invert"):
            item = item or let.op == "index"
            let = self.definitions.get(a) if isinstance(a := let.args[0], Var) else None
        if let is None:
            return False
        several = let.op in _SEVERAL or (let.op == "numpy.where" and len(let.args) == 1)
        return several or (let.op in _MASKS and not item)

    def is_taken_as_int(self, key: Atom) -> bool:
        """Whether an index is a parameter that was assumed to be a number."""
        let = self.definitions.get(key) if isinstance(key, Var) else None
        return self.has_taken(loaded(let), "number")

    # What other parts provide.

    def array_of(self, ref: Ref, node: ast.AST) -> Atom:
        """The array of a list or tuple of known length."""
        raise NotImplementedError


def _form(t: Type) -> str:
    if t in (NONE, ELLIPSIS) or isinstance(t, Static):
        return "basic"
    if isinstance(t, Scalar):
        return "copy" if t.kind != "int" else "optional" if t.maybe else "int"
    if isinstance(t, (Array, List, Tuple)):
        return "copy"
    return "unknown"
