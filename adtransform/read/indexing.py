"""Subscripts: keys, what is read through them, and what is written."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from adtransform.infer.indexing import SHAPE
from adtransform.ir import Atom, Const, Var
from adtransform.lattice import ELLIPSIS, INT, NONE, Array, List, Scalar, Static, Tuple, Type, Unknown, kind_of
from adtransform.read.classes import Classes
from adtransform.read.refs import DictRef, Entries, Items, ListRef, Method, Ref, Step, TupleRef, View
from adtransform.read.storages import mutable


class Indexing(Classes):
    """Reading and writing subscripts."""

    def subscript(self, owner: Ref, key: ast.expr, node: ast.AST) -> Ref:
        """`owner[key]`"""
        if isinstance(owner, DictRef):
            return self.entry(owner, key, node)
        method = self.special(owner, "__getitem__", node)
        if method is not None:
            return self.apply(method, [owner, self.whole_key(key)], {}, node)
        if isinstance(owner, Method) and owner.name == "flat":
            self.at_node(node)
            return self.indexed(self.through(owner.owner, Step("numpy.ravel"), node), self.index_key(key), node)
        at = self.index_key(key)
        if isinstance(owner, (TupleRef, ListRef)):
            found = self.static_item(owner, at, node)
            if found is not None:
                return found
        if isinstance(owner, TupleRef):
            owner = self.fresh_list(owner.items)
        return self.indexed(owner, at, node)

    def at_node(self, node: ast.AST) -> None:
        """Say where the next operations come from."""
        self.place = self.origin(node)

    def indexed(self, owner: Ref, key: Atom, node: ast.AST) -> Ref:
        """An element, a view or a copy of part of a value."""
        self.at_node(node)
        before = self.listed(owner.storage, key) if isinstance(owner, ListRef) else self.value(owner, node)
        t = self.type_of(before)
        if isinstance(before, Const):
            known = self.static(key)
            if known is not None:
                return Const(before.value[known.value])
        if t == SHAPE or (isinstance(before, Var) and before.type == Static("shape")):
            integer = kind_of(self.type_of(key)) == "int"
            return self.let("index", before, key, type=INT) if integer else self.let("index", before, key)
        if isinstance(owner, ListRef):
            return self.list_item(owner, key)
        form = self.form(key)
        if form == "unknown" and self.rank(before) is not None and self.rank(before) == self.ints(key):
            form = "copy"  # numbers or a fancy index: either way not a view
        if form == "copy" or not isinstance(owner, View):
            result = self.let("index", before, key)
            return self.make(result, solid=False)
        sure = form == "basic" or (form == "int" and not isinstance(t, Unknown) and self.rank(before) is not None)
        if isinstance(t, (Tuple, List)):
            sure = True
        deep = bool(owner.storage.param or isinstance(before, Var)) and self.is_deep(before)
        return self.through(owner, Step("index", (key,), sure=sure or deep), node)

    def is_deep(self, a: Atom) -> bool:
        """Whether a value was assumed to have more than one axis."""
        param = self.root(a)
        return bool(param) and self.has_taken(param, "deep")

    def list_item(self, owner: ListRef, key: Atom) -> Ref:
        """An item of a run-time list."""
        before = self.listed(owner.storage, key)
        if not isinstance(self.content(owner.storage), (Var, Const)):
            self.loosen(owner.storage)
            before = self.listed(owner.storage)
        result = self.let("index", before, key)
        if not mutable(result.type):
            return result
        if isinstance(result.type, List) and isinstance(self.type_of(key), Static):
            made = self.make(result)
            assert isinstance(made, ListRef)
            self.relate(made.storage, owner.storage)
            return made
        return View(owner.storage, (Step("index", (key,)),), result, self.content(owner.storage))

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

    def static_item(self, owner: TupleRef | ListRef, key: Atom, node: ast.AST) -> Ref | None:
        """An item, or a slice, of a container whose items are known; None where the key is not."""
        content = self.content(owner.storage) if isinstance(owner, ListRef) else Items(owner.items)
        known = self.static_key(key) if isinstance(content, Items) else None
        if known is None or not isinstance(content, Items):
            return None
        items = content.refs
        if isinstance(known, slice):
            return TupleRef(items[known]) if isinstance(owner, TupleRef) else self.fresh_list(items[known])
        self.within(known, len(items), node)
        return items[known]

    def within(self, index: int, length: int, node: ast.AST) -> None:
        """Refuse an index that is out of range."""
        if not -length <= index < length:
            self.refuse(node, f"item {index} of {length}, which does not exist", "check the index")

    def entry(self, owner: DictRef, key: ast.expr, node: ast.AST) -> Ref:
        """An item of a dict."""
        known = self.static(self.value(self.expression(key), key))
        entries = self.entries(owner, node)
        if known is None:
            self.refuse(node, "a dict read at a computed key", "use constant keys, or a list")
        if known.value not in entries:
            self.refuse(node, f"the key {known.value!r}, which the dict does not have", "add it where the dict is made")
        return entries[known.value]

    def entries(self, owner: DictRef, node: ast.AST) -> Mapping[Any, Ref]:
        """What a dict holds, by key."""
        content = self.content(owner.storage)
        if isinstance(content, Items):  # on the paths to here it has different keys
            self.unusable(content.refs[0], node)
        assert isinstance(content, Entries)
        return content.refs

    # Keys.

    def index_key(self, node: ast.expr) -> Atom:
        """A key as an operand: an int, a slice, None, `...`, an array, or a tuple of these."""
        if isinstance(node, ast.Tuple):
            parts = [self.key_part(n) for n in node.elts]
            self.at_node(node)
            return self.let("tuple", *parts)
        return self.key_part(node)

    def whole_key(self, node: ast.expr) -> Ref:
        """A key as an object's method takes it."""
        return self.key_part(node) if isinstance(node, ast.Slice) else self.expression(node)

    def key_part(self, node: ast.expr) -> Atom:
        """One part of a key."""
        if isinstance(node, ast.Slice):
            parts = [Const(None) if p is None else self.number(p) for p in (node.lower, node.upper, node.step)]
            self.at_node(node)
            return self.let("slice", *parts)
        return self.key_of(self.expression(node), node)

    def key_of(self, ref: Ref, node: ast.AST) -> Atom:
        """A reference as a key."""
        if isinstance(ref, ListRef):
            content = self.content(ref.storage)
            if isinstance(content, Items):
                return self.array_of(ref, node)
            return self.let("numpy.array", content if isinstance(content, (Var, Const)) else Const(None))
        if isinstance(ref, TupleRef):
            return self.let("tuple", *(self.key_of(i, node) for i in ref.items))
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
        """What a key does: `basic` (a view), `int` (an element or a view), `copy` (fancy), or `unknown`."""
        let = self.definitions.get(key) if isinstance(key, Var) else None
        if let is not None and let.op == "tuple":
            parts = [self.form(a) for a in let.args]
            if "copy" in parts:
                return "copy"
            if "unknown" in parts:
                return "unknown"
            return "basic" if "basic" in parts else "int"
        t = self.type_of(key)
        return _form(t)

    # Writing.

    def assign_item(self, owner: Ref, key: ast.expr, new: Ref, node: ast.AST, hint: str = "") -> None:
        """`owner[key] = new`"""
        if isinstance(owner, DictRef):
            known = self.static(self.value(self.expression(key), key))
            entries = self.entries(owner, node)
            if known is None:
                self.refuse(node, "a dict written at a computed key", "use constant keys, or a list")
            self.may_write(owner.storage, node)
            self.heap[owner.storage] = Entries({**entries, known.value: new})
            return
        method = self.special(owner, "__setitem__", node)
        if method is not None:
            self.apply(method, [owner, self.whole_key(key), new], {}, node)
            return
        if isinstance(owner, TupleRef):
            self.refuse(node, "a write to an item of a tuple", "use a list")
        if isinstance(owner, Method) and owner.name == "flat":
            owner = self.through(owner.owner, Step("numpy.ravel"), node)
        if isinstance(owner, ListRef):
            self.assign_list_item(owner, key, new, node)
            return
        self.assign_array_item(owner, self.index_key(key), new, node, hint)

    def assign_array_item(self, owner: Ref, key: Atom, new: Ref, node: ast.AST, hint: str = "") -> None:
        """Write part of an array."""
        a = self.array_like(new, node)
        self.at_node(node)
        if not isinstance(owner, View):
            self.refuse(node, "a write to an item of a number", "make an array first")
        self.certain(owner, node)
        before = self.value(owner, node)
        self.store(owner, self.let("update", before, key, a, hint=hint), node, hint)

    def certain(self, view: View, node: ast.AST) -> None:
        """Writing into what an index gave: an array then, and it has to be a view."""
        for step in view.path:
            if not step.sure and self.form(step.args[0]) == "unknown":
                help = "annotate the index: `i: int`, or write x[i, j] = ..."
                self.refuse(node, "a write through an index that may be a copy", help)

    def store(self, view: View, new: Atom, node: ast.AST, hint: str) -> None:
        """Write a view, and let the name it was written through see its new value at once."""
        env = self.frame.env
        root = next((n for n, r in env.items() if isinstance(r, View) and r.storage is view.storage and not r.path), "")
        self.write(view, new, node, root if view.path else hint)
        ref = self.frame.env.get(hint)
        # Elsewhere the strides differ from the view's, and with them the last bits of sums and products.
        rows = all(s.op == "index" and self.ints(s.args[0]) for s in view.path)
        if rows and isinstance(ref, View) and ref.storage is view.storage and ref.path == view.path:
            self.frame.env[hint] = View(view.storage, view.path, new, self.content(view.storage))

    def assign_list_item(self, owner: ListRef, key: ast.expr, new: Ref, node: ast.AST) -> None:
        """Write an item of a list."""
        content = self.content(owner.storage)
        at = self.index_key(key)
        known = self.static_key(at) if isinstance(content, Items) else None
        self.may_write(owner.storage, node, structural=True)
        if isinstance(content, Items) and isinstance(known, int):
            self.within(known, len(content.refs), node)
            items = list(content.refs)
            items[known] = new
            self.heap[owner.storage] = Items(tuple(items))
            return
        if known is not None or isinstance(key, ast.Slice):
            self.refuse(node, "a write to a slice of a list", "write the items one by one, or use an array")
        before = self.loosen(owner.storage, at)
        self.trip_by_trip((new,), at)
        value = self.value(new, node)
        self.at_node(node)
        self.hold(owner.storage, new)
        self.heap[owner.storage] = self.let("update", before, at, value)

    # What other parts provide.

    def special(self, ref: Ref, name: str, node: ast.AST) -> Ref | None:
        """The method of an object by which it takes part in an operation; None where there is none."""
        raise NotImplementedError

    def array_like(self, ref: Ref, node: ast.AST) -> Atom:
        """An operand where NumPy takes an array: a list or tuple is made one."""
        raise NotImplementedError

    def array_of(self, ref: Ref, node: ast.AST) -> Atom:
        """The array of a list or tuple of known length."""
        raise NotImplementedError

    def fresh_list(self, items: tuple[Ref, ...]) -> ListRef:
        """A list of known items."""
        raise NotImplementedError


def _form(t: Type) -> str:
    if t in (NONE, ELLIPSIS) or isinstance(t, Static):
        return "basic"
    if isinstance(t, Scalar):
        return "int" if t.kind == "int" else "copy"
    if isinstance(t, (Array, List, Tuple)):
        return "copy"
    return "unknown"
