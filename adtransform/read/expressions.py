"""Expressions: operators, comparisons, conditions, attributes and displays."""

from __future__ import annotations

import ast
import functools
import types
from collections.abc import Mapping

import numpy as np

from adtransform.ir import Atom, Const, Var
from adtransform.lattice import NONE, SHAPE, TEXT, Array, Dict, List, Scalar, Static, Tuple, Type, Unknown
from adtransform.read.byname import class_of, class_of_number, name_of
from adtransform.read.core import Unreached
from adtransform.read.enums import members_in
from adtransform.read.frames import mangled
from adtransform.read.libraries import is_library
from adtransform.read.operators import Operators
from adtransform.read.refs import (
    ClassRef,
    Conflict,
    DictRef,
    EitherRef,
    Entries,
    External,
    FunctionRef,
    ListRef,
    Method,
    ObjectRef,
    PartialRef,
    RangeRef,
    Ref,
    Step,
    SuperRef,
    TupleRef,
    View,
)
from adtransform.read.texts import is_told

# Attributes that are functions of NumPy.
_VIEWS = {"T": "numpy.transpose", "mT": "numpy.matrix_transpose"}


class Expressions(Operators):
    """Reading expressions."""

    def expression(self, node: ast.expr) -> Ref:
        """Read an expression: what it refers to.  Raises `Refusal`."""
        match node:
            case ast.Name(id=name):
                return self.name(name, node)
            case ast.Constant(value=value):
                return Const(value)
            case ast.BinOp():
                return self.chain(node)
            case ast.Call():
                return self.call(node)
            case ast.Subscript(value=owner, slice=key):
                return self.narrowed(self.subscript(self.expression(owner), key, node))
            case ast.Attribute(value=owner, attr=attr):
                return self.narrowed(self.attribute(self.expression(owner), self.spelled(attr), node))
            case ast.UnaryOp(op=op, operand=operand):
                return self.unary(type(op), self.expression(operand), node)
            case ast.Compare():
                return self.compare(node)
            case ast.BoolOp(op=op, values=values):
                return self.boolean(isinstance(op, ast.And), values, 0, node)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                cond = self.tested(test)
                return self.choose(cond, lambda: self.expression(body), lambda: self.expression(orelse), node)
            case ast.Tuple(elts=elements):
                return self.tuple_display(elements, node)
            case ast.List():
                return self.display(node)
            case ast.Set(elts=elements):
                return self.new_set(self.elements(elements), node)
            case ast.Dict(keys=keys, values=values):
                return self.dictionary(keys, values)
            case ast.NamedExpr(target=target, value=value):
                ref = self.expression(value)
                self.bind(target.id, ref, node)
                return self.name(target.id, node)
            case ast.Lambda():
                return self.function(node, self.frame.module, self.frame)
            case ast.ListComp() | ast.GeneratorExp() | ast.DictComp():
                return self.comprehension(node)
            case ast.JoinedStr():
                return self.text(node)
            case ast.Starred():
                self.refuse(node, "`*` here", "write the items one by one")
        what = {"SetComp": "a set comprehension", "Set": "a set", "Await": "`await`", "Yield": "`yield`"}
        kind = type(node).__name__
        return self.refuse(node, what.get(kind, f"this expression ({kind})"), "use numbers, arrays, tuples, lists and dicts")

    def atom(self, node: ast.expr) -> Atom:
        """Read an expression as an operand."""
        return self.value(self.expression(node), node)

    def name(self, name: str, node: ast.AST) -> Ref:
        """Read a name; a view that was overtaken by a write is read again."""
        self.at(node)
        ref = self.narrowed(self.lookup(name, node))
        if isinstance(ref, Conflict):
            self.unusable(ref, node)
        if isinstance(ref, View) and not ref.path and self.is_stale(ref.storage):
            return View(ref.storage)  # chosen again where it is used, as a whole or a part of it
        if isinstance(ref, View):
            value = self.read(ref, name)
            if ref.seen is value and ref.base is self.heap.get(ref.storage):
                return self.make_known(ref, value)
            fresh = self.make_known(View(ref.storage, ref.path, value, self.content(ref.storage)), value)
            if ref.seen is not value and self.frame.env.get(name) is ref:
                self.frame.env[name] = fresh
            return fresh
        return ref

    def make_known(self, view: View, value: Atom) -> Ref:
        """A view, or its value where that turned out to be no array."""
        if isinstance(value, Var) and isinstance(value.type, List) and not view.path:
            return DictRef(view.storage) if isinstance(value.type, Dict) else ListRef(view.storage)
        if view.storage.param and self.has_taken(view.storage.param, "number") and not view.path:
            return value
        if isinstance(value, Const) or isinstance(value.type, (Scalar, Static)):
            return value
        return view

    # Attributes.

    def spelled(self, attr: str) -> str:
        """The name of an attribute that is written `attr` in the function being read."""
        if not attr.startswith("__"):
            return attr
        return mangled(attr, self.frame.module.around.get(id(self.frame.scope.node), ""))

    def attribute(self, owner: Ref, attr: str, node: ast.AST) -> Ref:
        """`x.attr`"""
        self.at(node)
        lacks = f"'NoneType' object has no attribute '{attr}'"
        owner = self.there(owner, node, lacks, AttributeError)
        if self.attempts:
            self.looked_for(owner, attr, node)
        else:
            self.there_value(owner, node, lacks, AttributeError)
        if owner == Const(None) or (isinstance(owner, Var) and owner.type == NONE):
            self.effect("raise", Const(AttributeError), Const(lacks))
            raise Unreached
        match owner:
            case External() | EitherRef() if members_in(owner):
                return self.of_member(owner, attr, node)
            case External(op, live):
                return self.of_external(op, live, attr, node)
            case TupleRef(items, names) if attr in names:
                return items[names.index(attr)]
            case ObjectRef() | ClassRef() | SuperRef() | TupleRef(kind=ClassRef()):
                return self.bound(owner, attr, node)
            case FunctionRef() if attr == "__name__":
                return self.function_name(owner, node)
            case TupleRef() | DictRef() | ListRef() | FunctionRef() | PartialRef() | Const(str()):
                return Method(owner, attr)
            case Const(np.dtype() as dtype) if attr in ("kind", "name", "itemsize"):
                return Const(getattr(dtype, attr))
            case Var(type=Static("dtype")) if attr == "kind":
                return self.let("builtins.getattr", owner, attr, type=TEXT)
            case RangeRef(start, stop, step) if attr in ("start", "stop", "step"):
                return {"start": start, "stop": stop, "step": step}[attr]
        if attr in _VIEWS:
            a = self.value(owner, node)
            if isinstance(self.type_of(a), Scalar):
                return a if attr == "T" else self.make(self.let(_VIEWS[attr], a))
            return self.through(owner, Step(_VIEWS[attr]), node)
        if attr in ("shape", "ndim", "size"):
            a = self.value(owner, node)
            known = self.type_of(a)
            var = self.let(attr, a)
            if attr == "ndim" and self.rank(a) is not None and isinstance(known, (Array, Scalar)):
                self.constants[var] = Const(self.rank(a))
            return var
        if attr in ("real", "imag"):
            return self.through(owner, Step(f"numpy.{attr}"), node)
        if attr == "dtype":
            return self.dtype(self.value(owner, node))
        if attr == "flat":
            if isinstance(owner, View):
                return Method(owner, "flat")
            self.refuse(node, "`.flat` of a number", "use the number")
        if attr == "flags" and isinstance(owner, View):
            return Method(owner, attr)
        if isinstance(owner, Method) and owner.name == "flags":
            view = owner.owner
            asked = isinstance(view, View) and not view.path and (view.storage.solid or view.storage.param)
            if attr == "c_contiguous" and isinstance(view, View) and asked:
                self.assume_contiguous(view, 0)
                return Const(True)
            self.refuse(node, f"`.flags.{attr}`, how an array lies in memory", "use its shape or its dtype")
        if attr == "strides":
            help = "windows of it are np.lib.stride_tricks.sliding_window_view(x, shape)"
            self.refuse(node, "`.strides`, how an array lies in memory", help)
        if attr in ("base", "nbytes", "itemsize", "data", "ctypes", "device"):
            self.refuse(node, f"`.{attr}`, how an array lies in memory", "use its shape or its dtype")
        return Method(owner, attr)

    def looked_for(self, owner: Ref, attr: str, node: ast.AST) -> None:
        """Look for an attribute where it is seen that there is none: NumPy's numbers have more of them than Python's."""
        plain = isinstance(owner, (Const, ListRef, DictRef)) or (isinstance(owner, TupleRef) and not owner.names)
        kind = class_of(owner) if plain else None
        if isinstance(owner, (Var, View)):
            a = self.value(owner, node)
            kind = class_of_number(t := self.type_of(a))
            if kind is None and isinstance(t, (Scalar, Unknown)):
                self.let("builtins.getattr", a, attr)
                self.known_there(a)
        if kind is not None and not hasattr(kind, attr):
            self.effect("raise", Const(AttributeError), Const(f"'{name_of(kind)}' object has no attribute '{attr}'"))
            raise Unreached

    def dtype(self, a: Atom) -> Ref:
        """The dtype of an operand: a constant where it is known."""
        t: Type = self.type_of(a)
        name = t.dtype if isinstance(t, (Array, Scalar)) else None
        if name not in (None, "?"):
            return Const(np.dtype(str(name)))
        return self.let("numpy.result_type", a, type=Static("dtype"))

    def of_external(self, op: str, live: object, attr: str, node: ast.AST) -> Ref:
        """An attribute of a module, or of something in it."""
        if isinstance(live, types.ModuleType):
            if is_library(op):
                return self.library(f"{op}.{attr}")
            if not hasattr(live, attr):
                self.refuse(node, f"`{op}.{attr}`, which does not exist", "check its name")
            return self.wrap(getattr(live, attr), attr, node)
        if live is None:
            return self.member(op, attr, node)
        if isinstance(live, type) or callable(live):
            found = getattr(live, attr, None)
            return Const(found) if isinstance(found, str) else External(f"{op}.{attr}", found)
        return self.refuse(node, f"`.{attr}` of an object from outside", "pass the value as an argument")

    def function_name(self, function: FunctionRef, node: ast.AST) -> Ref:
        """The name of a function with source."""
        called = [d.func for d in getattr(function.node, "decorator_list", []) if isinstance(d, ast.Call)]
        if any("wraps" in ast.unparse(d) for d in called):
            self.refuse(node, "`.__name__` of a function under `wraps`", "write the text")
        return Const("<lambda>" if isinstance(function.node, ast.Lambda) else function.node.name)

    # Displays.

    def elements(self, nodes: list[ast.expr]) -> list[Ref]:
        """The items of a display, `*` expanded."""
        found: list[Ref] = []
        with self.holding(found):
            for node in nodes:
                if isinstance(node, ast.Starred):
                    found.extend(self.unpacked(self.expression(node.value), node))
                else:
                    found.append(self.expression(node))
        return found

    def tuple_display(self, nodes: list[ast.expr], node: ast.AST) -> Ref:
        """`(3, *x.shape)`: where it is not known how many axes there are, the sum of its parts."""
        if not any(isinstance(e, ast.Starred) and isinstance(e.value, (ast.Name, ast.Attribute, ast.Subscript)) for e in nodes):
            return TupleRef(tuple(self.elements(nodes)))
        parts: list[Ref] = []
        found: list[Ref] = []
        with self.holding(parts), self.holding(found):
            for each in nodes:
                ref = self.expression(each.value if isinstance(each, ast.Starred) else each)
                if not isinstance(each, ast.Starred):
                    found.append(ref)
                elif (
                    isinstance(ref, (Var, View)) and self.type_of(self.value(ref, each)) == SHAPE and not self.known_items(ref)
                ):
                    parts += [TupleRef(tuple(found)), ref] if found else [ref]
                    found.clear()
                else:
                    found.extend(self.unpacked(ref, each))
        if found or not parts:
            parts.append(TupleRef(tuple(found)))
        return functools.reduce(lambda left, right: self.binary("add", left, right, node), parts)

    def dictionary(self, keys: list[ast.expr | None], values: list[ast.expr]) -> Ref:
        """`{'a': x, **rest}`"""
        names: list[object] = []
        items: list[Ref] = []
        with self.holding(items):
            for key, value in zip(keys, values, strict=True):
                if key is None:
                    spread = self.spread_dict(value, "items")
                    names += spread
                    items += spread.values()
                else:
                    names.append(self.key(key))
                    items.append(self.expression(value))
        return self.new_dict(dict(zip(names, items, strict=True)))

    def spread_dict(self, node: ast.expr, what: str) -> Mapping[object, Ref]:
        """What `**rest` gives, by key."""
        ref = self.made_whole(self.expression(node))
        content = self.content(ref.storage) if isinstance(ref, DictRef) else None
        if not isinstance(content, Entries):
            self.refuse(node, "`**` of something that is not a dict of known keys", f"write the {what} one by one")
        return content.refs

    def key(self, node: ast.expr) -> object:
        """A dict's key: it has to be known while reading."""
        ref = self.expression(node)
        known = self.constant_key(ref)
        if known is None:
            self.computed_key("a dict whose keys are computed", ref, node)
        return known.value

    def text(self, node: ast.JoinedStr) -> Ref:
        """An f-string: performed as it is written, for what is printed."""
        parts: list[str] = []
        args: list[Atom] = []
        for piece in node.values:
            if isinstance(piece, ast.Constant):
                parts.append(str(piece.value).replace("{", "{{").replace("}", "}}"))
            elif isinstance(piece, ast.FormattedValue):
                spec = ""
                if piece.format_spec is not None:
                    found = self.expression(piece.format_spec)
                    if not isinstance(found, Const):
                        self.refuse(piece, "a computed format", "write the format as a constant")
                    spec = f":{found.value}"
                conversion = f"!{chr(piece.conversion)}" if piece.conversion != -1 else ""
                shown = self.expression(piece.value)
                if conversion and members_in(shown):
                    self.refuse(piece, "`!r` of a member", "write its name: {kind.name}")
                if is_told(self, shown):
                    if spec or (isinstance(shown, ObjectRef) and self.special(shown, "__format__", piece) is not None):
                        self.refuse(piece, "the format of an object", "format its attributes")
                    shown, conversion = self.in_words(shown, piece, "__repr__" if conversion == "!r" else "__str__"), ""
                args.append(self.shown(shown, piece))
                parts.append("{" + conversion + spec + "}")
        if not args:
            return Const("".join(parts).replace("{{", "{").replace("}}", "}"))
        pattern = Const("".join(parts))
        known = [self.static(a) for a in args]
        if all(k is not None and isinstance(k.value, (int, str)) for k in known):
            return Const(pattern.value.format(*(k.value for k in known if k is not None)))
        self.at(node)
        return self.let("builtins.str.format", pattern, *args, type=TEXT)

    def shown(self, ref: Ref, node: ast.AST, *, put: bool = False) -> Atom:
        """Something as an operand of `print` or a format, or `put` into a list."""
        if members_in(ref):
            return self.shown_member(ref, node)
        if isinstance(ref, TupleRef) and any(map(members_in, ref.items)):
            self.refuse(node, "a tuple of members that is printed", "print them one by one")
        if not put and is_told(self, ref):
            return self.value(self.in_words(ref, node), node)
        lost = self.tuple_kinds and isinstance(ref, (Var, View)) and isinstance(self.type_of(self.value(ref)), Tuple)
        if not put and lost:
            self.refuse(node, "a named tuple that is printed", "print its fields")
        if isinstance(ref, TupleRef):
            return self.let("tuple", *(self.shown(i, node, put=put) for i in ref.items))
        if isinstance(ref, Const) and isinstance(ref.value, np.dtype):
            return Const(str(ref.value))
        a = self.value(ref, node)
        if not self.plainly and isinstance(a, Var) and not isinstance(self.type_of(a), (Scalar, Static)):
            self.refuse(
                node, "an array that is printed inside of `np.printoptions`", "print it as text: np.array2string(x, ...)"
            )
        return a

    # What other parts provide.

    def special(self, ref: Ref, name: str, node: ast.AST) -> Ref | None:
        """The method of an object by which it takes part in an operation; None where its class has none."""
        raise NotImplementedError

    def in_words(self, ref: Ref, node: ast.AST, how: str = "__str__") -> Ref:
        """What `str` or `repr` of an object or a container gives."""
        raise NotImplementedError

    def display(self, node: ast.List) -> Ref:
        """`[a, *more]`"""
        raise NotImplementedError

    def bound(self, owner: ObjectRef | ClassRef | SuperRef | TupleRef, name: str, node: ast.AST) -> Ref:
        """An attribute of an object or a class."""
        raise NotImplementedError

    def call(self, node: ast.Call) -> Ref:
        """A call."""
        raise NotImplementedError

    def comprehension(self, node: ast.ListComp | ast.GeneratorExp | ast.DictComp) -> Ref:
        """A comprehension."""
        raise NotImplementedError

    def bind(self, name: str, ref: Ref, node: ast.AST) -> None:
        """Bind a name."""
        raise NotImplementedError

    def named(self, name: str, ref: Ref, node: ast.AST) -> Ref:
        """What a name is bound to."""
        raise NotImplementedError

    def unpacked(self, ref: Ref, node: ast.AST) -> list[Ref]:
        """The items of something whose length is known."""
        raise NotImplementedError
