"""Methods of arrays, lists, dicts and strings."""

from __future__ import annotations

import ast

from adtransform.infer.draws import DRAWS
from adtransform.ir import Atom, Const, Var
from adtransform.lattice import INT, TEXT, List, Scalar, Static, Type, Unknown, kind_of
from adtransform.ops import LEVELS
from adtransform.read.enums import key_ref
from adtransform.read.library import Library
from adtransform.read.refs import (
    DictRef,
    Entries,
    External,
    Items,
    Lazy,
    ListRef,
    ObjectRef,
    RecordsRef,
    Ref,
    Step,
    Storage,
    TupleRef,
    View,
)
from adtransform.read.storages import mutable
from adtransform.read.texts import text_method

# Methods of arrays that are functions of NumPy with the same arguments.
_FUNCTIONS = frozenset(
    (
        "sum mean prod std var max min argmax argmin cumsum cumprod dot ravel swapaxes squeeze clip round trace diagonal "
        "repeat take conj conjugate all any argsort nonzero searchsorted choose argpartition astype"
    ).split()
)
# What makes a list of other items.
_REMAKING = frozenset("pop insert remove reverse sort clear".split())
_OPS = {"conj": "numpy.conjugate"}


class Methods(Library):
    """Calling methods."""

    def method(self, owner: Ref, name: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """`owner.name(...)`"""
        match owner:
            case ListRef():
                return self.list_method(owner, name, args, kwargs, node)
            case DictRef():
                return self.dict_method(owner, name, args, kwargs, node)
            case TupleRef(items) if name in ("index", "count") and len(args) == 1:
                return self.search(items, owner, name, args[0], node)
            case Lazy("set"):
                self.refuse(node, f"the method `.{name}` of a set", "use a list: if k not in seen: seen.append(k)")
            case Const(value) if isinstance(value, str):
                return text_method(self, owner, name, args, kwargs, node)
        if isinstance(owner, View) and isinstance(t := self.type_of(self.value(owner, node)), List):
            return self.list_item_method(owner, t, name, args, kwargs, node)
        if isinstance(owner, (Var, View)) and self.type_of(self.value(owner, node)) == TEXT:
            return text_method(self, self.value(owner, node), name, args, kwargs, node)
        if isinstance(owner, (Var, View)) and self.type_of(self.value(owner, node)) == Static("Generator"):
            return self.draw(owner, name, args, kwargs, node)
        if isinstance(owner, (Var, View)) and self.type_of(self.value(owner, node)) == Static("Logger") and name in LEVELS:
            return self.printed(f"logging.Logger.{name}", [owner, *args], kwargs, node)
        return self.array_method(owner, name, args, kwargs, node)

    def printed(self, op: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """Something is printed or logged."""
        atoms = [self.shown(r, node) for r in args]
        named = {k: self.shown(v, node) for k, v in kwargs.items()}
        self.at(node)
        self.effect(op, *atoms, **named)
        return Const(None)

    def draw(self, owner: Ref, name: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """A draw of a generator: performed once, in order."""
        if name not in DRAWS:
            self.refuse(node, f"the method `.{name}` of a generator", "draw numbers: rng.normal(size=n)")
        if "out" in kwargs or (DRAWS[name] == 0 and len(args) > 2):
            self.refuse(node, f"`.{name}` into an array", f"assign what it gives: x[:] = rng.{name}(x.shape)")
        atoms = [self.argument(a, "", node) for a in (owner, *args)]
        named = {k: self.argument(v, k, node) for k, v in kwargs.items()}
        self.at(node)
        return self.make(self.operation(f"numpy.random.Generator.{name}", atoms, named), solid=True)

    # Arrays.

    def array_method(self, owner: Ref, name: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """A method of an array or a number."""
        self.at(node)
        if name in ("conj", "conjugate") and isinstance(owner, View) and kind_of(self.type_of(self.value(owner))) != "complex":
            return self.conjugated(owner, name, node)
        if name == "clip" and len(args) == 1 and not kwargs:
            args, kwargs = [], {"min": args[0]}
        if name in ("squeeze", "transpose", "reshape") and isinstance(self.type_of(a := self.value(owner, node)), Scalar):
            shape = self.known_items(self.packed(args)) if name == "reshape" else []
            if shape == [] and not kwargs:
                return a
        if name == "compress":
            given = dict(zip(("condition", "axis"), args, strict=False)) | kwargs
            return self.library_call("numpy.compress", [], {**given, "a": owner}, node)
        if name in _FUNCTIONS:
            return self.apply(External(_OPS.get(name, f"numpy.{name}")), [owner, *args], kwargs, node)
        match name:
            case "copy" | "flatten" | "__copy__":
                a = self.value(owner, node)
                if isinstance(self.type_of(a), Scalar):
                    return a
                order = kwargs.get("order", args[0] if args else Const("C"))
                if name == "flatten" and order not in (Const("C"), Const("F")):
                    self.refuse(node, "`.flatten` in the order of the memory", "write x.flatten(), or x.flatten('F')")
                if name == "flatten" and order == Const("F"):
                    a = self.let("numpy.transpose", a)
                copied = self.make(self.let("numpy.copy", a), solid=not args and not kwargs)
                return self.library_call("numpy.ravel", [copied], {}, node) if name == "flatten" else copied
            case "reshape":
                return self.library_call("numpy.reshape", [owner, self.packed(args)], kwargs, node)
            case "transpose":
                return self.library_call("numpy.transpose", [owner, *([self.packed(args)] if args else [])], kwargs, node)
            case "put":
                return self.library_call("numpy.put", [owner, *args], kwargs, node)
            case "view" if not args and not kwargs and isinstance(owner, View):
                return self.indexed(owner, Const(...), node)
            case "sort" | "fill" | "partition":
                return self.in_place(owner, name, args, kwargs, node)
            case "item" if not args:
                return self.plain_number(owner, node)
            case "item" if len(args) == 1 and self.rank(self.value(owner, node)) != 1:  # which counts along all axes
                flat = self.through(owner, Step("flat"), node)
                return self.plain_number(self.indexed(flat, self.key_of(args[0], node), node), node)
            case "item":
                return self.plain_number(self.indexed(owner, self.key_of(self.packed(args), node), node), node)
            case "tolist":
                return self.apply(External("numpy.ndarray.tolist"), [owner], {}, node)
            case "append" | "extend" | "pop" | "insert" if isinstance(owner, View) and not owner.path:
                self.refuse(
                    node, f"`.{name}` of something that is not known to be a list", "start from a list made here: out = []"
                )
            case "is_integer" | "hex" | "conjugate":
                return self.let(f"builtins.float.{name}", self.value(owner, node))
            case "bit_length":
                return self.let("builtins.int.bit_length", self.value(owner, node), type=INT)
        self.refuse(node, f"the method `.{name}`", "use a function of NumPy, or a plain function")

    def conjugated(self, owner: View, name: str, node: ast.AST) -> Ref:
        """`x.conj()`: of a real array the array itself, of one that is not known to be real perhaps."""
        if kind_of(self.type_of(self.value(owner))) is not None:
            return owner
        made = self.library_call(f"numpy.{name}", [owner], {}, node)
        return self.shown_again(made, [owner], f"a write to what `.{name}()` gives")

    def plain_number(self, owner: Ref, node: ast.AST) -> Ref:
        """`.item()`: the only number of an array as Python's own."""
        a = self.value(owner, node)
        kind = kind_of(self.type_of(a))
        if kind is None or self.type_of(a) == Scalar("complex", "?"):
            self.refuse(node, "`.item()` of something of unknown dtype", "annotate the array, or write float(x)")
        if not isinstance(self.type_of(a), Scalar):
            a = self.let("numpy.reshape", a, Const(()))
        return self.let(f"builtins.{kind}", a, type=Scalar(kind))

    def packed(self, args: list[Ref]) -> Ref:
        """`x.reshape(2, 3)` is `x.reshape((2, 3))`"""
        return args[0] if len(args) == 1 else TupleRef(tuple(args))

    def in_place(self, owner: Ref, name: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """`x.sort()`, `x.fill(v)`"""
        if not isinstance(owner, View):
            self.refuse(node, f"`.{name}` of something that is not an array", "use an array")
        if name == "fill":
            new = self.value(args[0], node)
            self.at(node)
            hint = self.name_of(owner)
            self.store(owner, self.let("update", self.value(owner, node), Const(...), new, hint=hint), node, hint)
            return Const(None)
        result = self.library_call(f"numpy.{name}", [owner, *args], kwargs, node)
        self.overwrite(owner, self.value(result, node), node)
        return Const(None)

    # Lists.

    def list_method(self, owner: ListRef, name: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """A method of a list."""
        storage = owner.storage
        content = self.content(storage)
        self.at(node)
        match name:
            case "append":
                self.may_write(storage, node, structural=True, appended=storage.limit is None)
                if isinstance(content, Items):
                    self.heap[storage] = Items((*content.refs, args[0]))
                else:
                    self.trip_by_trip(args[:1], storage=storage)
                    self.note_named(storage, args[0])
                    item = self.shown(args[0], node, put=True)
                    self.hold(storage, args[0])
                    self.at(node)
                    self.heap[storage] = self.let("push", self.listed(storage), item, hint=self.list_name(storage))
                if storage.limit is not None:
                    self.keep_last(owner, storage.limit, node)
                return Const(None)
            case "pop":
                return self.list_pop(storage, content, args, node)
            case "appendleft" if (limit := storage.limit) is not None:
                storage.limit = None
                self.list_method(owner, "insert", [Const(0), *args], kwargs, node)
                storage.limit = limit
                self.keep_last(owner, limit, node, left=True)
                return Const(None)
            case "insert" if storage.limit is not None:
                self.refuse(node, "`.insert` into a `deque` of limited length", "append to it item by item")
            case "insert" if isinstance(content, Items) and not content.refs:
                return self.list_method(owner, "append", args[1:], kwargs, node)
            case "extend":
                self.extend(storage, args[0], node)
                return Const(None)
            case "copy":
                made = self.as_list(owner, node)
                assert isinstance(made, ListRef)
                return self.alike(made, storage)
            case "appendleft":
                return self.list_method(owner, "insert", [Const(0), *args], kwargs, node)
            case "popleft":
                return self.list_method(owner, "pop", [Const(0)], kwargs, node)
            case "sort":
                self.may_write(storage, node, structural=True)
                sorted_items = self.apply(External("builtins.sorted"), [owner], kwargs, node)
                assert isinstance(sorted_items, ListRef)
                self.heap[storage] = self.content(sorted_items.storage)
                return Const(None)
            case "insert" if not isinstance(content, Items) or self.static(self.value(args[0], node)) is None:
                at = self.value(args[0], node)
                at = self.static(at) or at
                if isinstance(at, Const) and at.value < 0:
                    self.refuse(node, "`.insert` before the end of a list of unknown length", "insert at len(xs) - 1")
                self.may_write(storage, node, structural=True)
                if not isinstance(content, Items):
                    self.trip_by_trip(args[1:], storage=storage)
                self.splice(owner, at, at, self.new_list((args[1],)), node)
                return Const(None)
            case "reverse" if not isinstance(content, Items):
                self.may_write(storage, node, structural=True)
                self.at(node)
                backwards = self.let("slice", None, None, -1)
                self.heap[storage] = self.let("index", self.listed(storage), backwards, hint=self.list_name(storage))
                return Const(None)
            case "insert" | "clear" | "reverse" | "remove" | "rotate" | "sort" if isinstance(content, Items):
                return self.static_list_method(storage, content, name, args, node)
            case "remove" if len(args) == 1:
                self.may_write(storage, node, structural=True)
                at = self.value(self.search((), owner, name, args[0], node), node)
                self.splice(owner, at, self.let("operator.add", at, Const(1), type=INT), None, node)
                return Const(None)
            case "clear":
                self.may_write(storage, node, structural=True)
                self.heap[storage] = Items()
                return Const(None)
            case "index" | "count" if len(args) == 1:
                return self.search(content.refs if isinstance(content, Items) else (), owner, name, args[0], node)
        self.refuse(node, f"the method `.{name}` of a list of unknown length", "use append, pop and indices")

    def list_pop(self, storage: Storage, content: object, args: list[Ref], node: ast.AST) -> Ref:
        """`xs.pop()`"""
        self.may_write(storage, node, structural=True)
        if isinstance(content, Items):
            position = self.static(self.value(args[0], node)) if args else Const(-1)
            if position is not None and isinstance(position.value, int):
                said = "pop index out of range" if content.refs else "pop from empty list"
                self.within(position.value, len(content.refs), node, said)
                items = list(content.refs)
                found = items.pop(position.value)
                self.heap[storage] = Items(tuple(items))
                return found
        if args and self.static(self.value(args[0], node)) != Const(-1):
            return self.pop_at(storage, self.value(args[0], node), node)
        self.at(node)
        rest, last = self.lets("pop", (self.listed(storage),), {}, 2, (self.list_name(storage),))
        self.heap[storage] = rest
        ref = self.make(last)
        self.taken_out(ref, storage)
        return ref

    def taken_out(self, item: Ref, storage: Storage) -> None:
        """Note who may hold an item that a list does not hold any more."""
        if isinstance(item, (View, ListRef)):
            for other in self.partners(storage):
                self.relate(item.storage, other)
            if self.is_doubled(storage):
                self.relate(item.storage, storage)

    def pop_at(self, storage: Storage, place: Atom, node: ast.AST) -> Ref:
        """`xs.pop(i)`, `del xs[i]`: the item, which the list then has not any more."""
        owner = ListRef(storage)
        self.loosen(storage)
        found = self.list_item(owner, place)
        found = self.make(self.value(found, node)) if isinstance(found, View) else found
        known = self.static(place)
        if known is not None and known.value >= 0:
            first: Atom = known
        else:
            # The item was there, so this is its place from the front.
            first = self.let("operator.mod", place, self.let("builtins.len", self.listed(storage)))
        last = Const(known.value + 1) if known is not None and known.value >= 0 else self.let("operator.add", first, Const(1))
        self.splice(owner, first, last, None, node)
        self.taken_out(found, storage)
        return found

    def delete(self, owner: Ref, key: ast.expr, node: ast.AST) -> None:
        """`del owner[key]`"""
        if isinstance(owner, DictRef):
            at = self.expression(key)
            known = self.constant_key(at)
            if known is None or self.table(owner) is not None:
                self.drop_from_table(owner, at, node)
                return
            entries = self.entries(owner, node)
            if known is None or known.value not in entries:
                self.refuse(node, "`del` at this key", "use a constant key that the dict has")
            self.may_write(owner.storage, node)
            self.heap[owner.storage] = Entries({k: v for k, v in entries.items() if k != known.value})
            return
        if isinstance(owner, ObjectRef) and (method := self.special(owner, "__delitem__", node)) is not None:
            self.apply(method, [owner, self.whole_key(key)], {}, node)
            return
        if not isinstance(owner, ListRef):
            self.refuse(node, "`del` of an item", "build the value without it")
        place = self.index_key(key)
        content = self.content(owner.storage)
        self.may_write(owner.storage, node, structural=True)
        known_place = self.static_key(place) if isinstance(content, Items) else None
        if isinstance(content, Items) and known_place is not None:
            items = list(content.refs)
            if isinstance(known_place, int):
                self.within(known_place, len(items), node, "list assignment index out of range")
            del items[known_place]
            self.heap[owner.storage] = Items(tuple(items))
        elif isinstance(key, ast.Slice):
            first, last = self.cut(place, node)
            self.splice(owner, first, last, None, node)
        else:
            self.pop_at(owner.storage, place, node)

    def extend(self, storage: Storage, other: Ref, node: ast.AST) -> None:
        """`xs.extend(other)`, `xs += other`"""
        self.extended_by(storage, other, node)
        self.may_write(storage, node, structural=True, appended=storage.limit is None)
        content = self.content(storage)
        more = self.as_list(other, node)
        if isinstance(more, RecordsRef):
            self.become(storage, more.schema)
        assert isinstance(more, ListRef)
        added = self.content(more.storage)
        if isinstance(content, Items) and isinstance(added, Items):
            self.heap[storage] = Items(content.refs + added.refs)
        else:
            if isinstance(added, Items):
                self.trip_by_trip(added.refs, storage=storage)
            before = self.loosen(storage)
            after = self.listed(more.storage)
            self.at(node)
            self.takes_in(storage, more.storage, after)
            self.heap[storage] = self.let("extend", before, after, hint=self.list_name(storage))
        if storage.limit is not None:
            self.keep_last(ListRef(storage), storage.limit, node)

    def item_of(self, a: Atom) -> Type:
        """The type of a list's items."""
        t = self.type_of(a)
        return t.item if isinstance(t, List) else t

    def static_list_method(self, storage: Storage, content: Items, name: str, args: list[Ref], node: ast.AST) -> Ref:
        """A method of a list of known length."""
        self.may_write(storage, node, structural=True)
        items = list(content.refs)
        if name == "clear":
            items = []
        elif name == "reverse":
            items.reverse()
        elif name == "insert":
            at = self.static(self.value(args[0], node))
            if at is None:
                self.refuse(node, "`.insert` at a computed place", "append, or use an array")
            items.insert(at.value, args[1])
        elif name == "rotate":
            by = self.static(self.value(args[0], node)) if args else Const(1)
            if by is None:
                self.refuse(node, "`.rotate` by a computed number", "use append and popleft")
            first = -by.value % max(len(items), 1)
            items = items[first:] + items[:first]
        else:
            known = [self.static(i) if isinstance(i, (Var, Const)) else None for i in (*items, args[0])]
            values = [k.value for k in known if k is not None]
            if len(values) < len(known):
                self.loosen(storage)
                return self.list_method(ListRef(storage), name, args, {}, node)
            if values[-1] not in values[:-1]:
                self.refuse(node, f"`.{name}` of computed items", "delete by index: del xs[i]")
            del items[values.index(values[-1])]
        self.heap[storage] = Items(tuple(items))
        return Const(None)

    def list_item_method(self, owner: View, t: List, name: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """A method of a list inside of a run-time list."""
        if name == "append":
            if self.in_each(owner, lambda side: self.list_item_method(side, t, name, args, kwargs, node), node):
                return Const(None)
            before = self.value(owner, node)
            new = self.let("push", before, self.shown(args[0], node, put=True))
            self.change(owner, new, node, appended=True)
            self.hold(owner.storage, args[0])
            return Const(None)
        if name == "extend":
            if self.in_each(owner, lambda side: self.list_item_method(side, t, name, args, kwargs, node), node):
                return Const(None)
            self.extended_by(owner.storage, args[0], node)
            inner = self.sublist(self.let("assign", self.value(owner, node), type=t), owner.storage)
            assert isinstance(inner, ListRef)
            self.extend(inner.storage, args[0], node)
            self.change(owner, self.listed(inner.storage), node, appended=True)
            self.holds_as(owner.storage, inner.storage)
            return Const(None)
        if name == "copy":
            copied = self.make(self.let("assign", self.value(owner, node), type=t))
            if isinstance(copied, ListRef) and mutable(t.item):
                self.holds_as(copied.storage, owner.storage)
            return copied
        if name in _REMAKING and not mutable(t.item) and self.apart(owner, always=True) is None:
            inner = self.sublist(self.let("assign", self.value(owner, node), type=t), owner.storage)
            assert isinstance(inner, ListRef)
            given = self.list_method(inner, name, args, kwargs, node)
            self.change(owner, self.listed(inner.storage), node)
            return given
        self.refuse(node, f"the method `.{name}` of an inner list", "take the list out first")

    def search(self, items: tuple[Ref, ...], owner: Ref, name: str, wanted: Ref, node: ast.AST) -> Ref:
        """`.index` and `.count`: of constants while reading, of numbers when it runs; `.remove` asks where."""
        known = [i.value for i in items if isinstance(i, Const)]
        value = self.value(wanted, node)
        constant = self.static(value)
        if len(known) == len(items) > 0 and constant is not None and (name == "count" or constant.value in known):
            return Const(getattr(known, name)(constant.value))
        listed = self.value(self.fresh_list(items) if isinstance(owner, TupleRef) else owner, node)
        if not isinstance(self.item_of(listed), (Scalar, Unknown)) or not isinstance(self.type_of(value), (Scalar, Unknown)):
            self.refuse(node, f"`.{name}` of items that are not numbers", "use a loop")
        self.at(node)
        return self.let(f"builtins.list.{'index' if name == 'remove' else name}", listed, value)

    # Dicts and strings.

    def dict_method(self, owner: DictRef, name: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """A method of a dict."""
        if self.table(owner) is not None and not kwargs:
            return self.table_method(owner, name, args, node)
        entries = dict(self.entries(owner, node))
        match name:
            case "keys" | "values" | "items":
                return Lazy(name, (TupleRef(tuple(key_ref(k) for k in entries)), owner))
            case "copy":
                return self.alike(self.new_dict(dict(entries)), owner.storage)
            case "get" | "pop" | "setdefault":
                known = self.constant_key(args[0])
                if known is None:
                    self.trip_of_key(args[0], node)
                    return self.table_method(owner, name, args, node)
                default = args[1] if len(args) > 1 else Const(None)
                if known.value not in entries and name == "pop" and len(args) < 2:
                    what = f"the key {known.value!r}, which the dict does not have"
                    self.lacks(KeyError, known.value, node, what, "add it where the dict is made")
                found: Ref = entries.get(known.value, default)
                if name == "pop":
                    self.may_write(owner.storage, node)
                    self.heap[owner.storage] = Entries({k: v for k, v in entries.items() if k != known.value})
                elif name == "setdefault":
                    self.may_write(owner.storage, node)
                    self.heap[owner.storage] = Entries({**entries, known.value: found})
                return found
            case "update":
                for other in args:
                    more = self.content(other.storage) if isinstance(other, DictRef) else None
                    if not isinstance(more, Entries):
                        self.refuse(node, "`.update` with something that is not a dict of known keys", "write the items")
                    entries.update(more.refs)
                self.may_write(owner.storage, node)
                self.heap[owner.storage] = Entries({**entries, **kwargs})
                return Const(None)
        self.refuse(node, f"the method `.{name}` of a dict", "read and write its items")
