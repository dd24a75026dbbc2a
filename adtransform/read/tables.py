"""Dicts whose keys are only known when they run: `memo[n] = value`.

Where a key is computed, a dict of known items becomes one value of the program, as a list does whose length is not known.
Its items are numbers or arrays.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from adtransform.ir import Atom, Const, Var
from adtransform.lattice import UNDEFINED as NOT_BOUND
from adtransform.lattice import Dict, List, is_number
from adtransform.read.enumerated import Enumerated
from adtransform.read.refs import DictRef, Entries, External, Lazy, Ref, Step, Storage, View
from adtransform.read.storages import mutable

COUNTER = "collections.Counter"  # has 0 for every key, and does not put it there
_ZEROS = {"builtins.float": 0.0, "builtins.int": 0, "builtins.complex": 0j, COUNTER: 0}


class Tables(Enumerated):
    """Reading and writing dicts of unknown keys."""

    def table(self, ref: Ref) -> Atom | None:
        """The value of a dict whose keys are not known; None for one of known keys, and for anything else."""
        if not isinstance(ref, DictRef):
            return None
        content = self.content(ref.storage)
        return content if isinstance(content, (Var, Const)) else None

    def as_table(self, owner: DictRef, key: Ref, what: str, node: ast.AST | None) -> Atom:
        """The value of a dict that is read or written at a computed key."""
        known = self.table(owner)
        if known is not None:
            return known
        content = self.content(owner.storage)
        if not isinstance(content, Entries) or not self.is_plain(content):
            self.computed_key(what, key, node)
        self.heap[owner.storage] = made = self.tabled(owner.storage, content, self.dict_name(owner.storage))
        self.loosened[made] = content
        return made

    def is_memory(self, content: Entries) -> bool:
        """Whether a dict looks like one that computed keys are added to: empty, or with numbers and tuples as keys."""
        return self.is_plain(content) and all(isinstance(k, (int, tuple)) for k in content.refs)

    def dict_name(self, storage: Storage) -> str:
        """The name that a dict goes by."""
        for name, ref in self.frame.env.items():
            if isinstance(ref, DictRef) and ref.storage is storage and not name.startswith("%"):
                return name
        return ""

    # Items.

    def table_item(self, owner: DictRef, key: Ref, node: ast.AST) -> Ref:
        """`d[key]`"""
        before = self.as_table(owner, key, "a dict read at a computed key", node)
        at = self.value(key, node)
        self.at(node)
        if owner.storage.factory is not None:
            return self.made_item(owner, before, at, node)
        return self.held_item(owner, at)

    def made_item(self, owner: DictRef, before: Atom, at: Atom, node: ast.AST) -> Ref:
        """`d[key]` of a `defaultdict`: what is missing is put there."""
        found = self.let("lookup", before, at, self.made_default(owner.storage, node))
        if self.is_counter(owner.storage):
            return self.make_held(found, owner)
        self.may_write(owner.storage, node, structural=True)
        self.heap[owner.storage] = self.let("update", before, at, found, hint=self.dict_name(owner.storage))
        return self.make(found)

    def is_counter(self, storage: Storage) -> bool:
        """Whether it is that of a `Counter`."""
        return isinstance(storage.factory, External) and storage.factory.op == COUNTER

    def made_default(self, storage: Storage, node: ast.AST) -> Const:
        """What is missing in a `defaultdict`."""
        factory = storage.factory
        if not isinstance(factory, External) or factory.op not in _ZEROS:
            self.refuse(node, "a `defaultdict` read at a computed key, unless it is of numbers", "test for the key first")
        return Const(_ZEROS[factory.op])

    def put_in_table(self, owner: DictRef, key: Ref, new: Ref, node: ast.AST) -> None:
        """`d[key] = new`"""
        before = self.as_table(owner, key, "a dict written at a computed key", node)
        value, at = self.value(new, node), self.value(key, node)
        if not is_number(t := self.type_of(value)) and t != NOT_BOUND:
            self.refuse(node, "a dict of computed keys that holds something else than numbers and arrays", "use lists")
        self.may_write(owner.storage, node, structural=True)
        self.hold(owner.storage, new)
        self.at(node)
        before = self.table(owner) or before
        self.heap[owner.storage] = self.let("update", before, at, value, hint=self.dict_name(owner.storage))

    def drop_from_table(self, owner: DictRef, key: Ref, node: ast.AST) -> None:
        """`del d[key]`"""
        at = self.value(key, node)
        self.may_write(owner.storage, node, structural=True)
        before = self.as_table(owner, key, "`del` at a computed key", node)
        self.at(node)
        self.heap[owner.storage] = self.let("drop", before, at, hint=self.dict_name(owner.storage))

    def grown_item(self, owner: DictRef, key: Ref, node: ast.AST) -> Ref | None:
        """What `d[key]` is in `d[key] += v`: of a `defaultdict` it need not be put there first.  None for other dicts."""
        if owner.storage.factory is None or self.table(owner) is None and self.constant_key(key) is not None:
            return None
        before = self.as_table(owner, key, "a dict read at a computed key", node)
        default = self.made_default(owner.storage, node)
        return self.make(self.let("lookup", before, self.value(key, node), default))

    # Methods.

    def table_method(self, owner: DictRef, name: str, args: list[Ref], node: ast.AST) -> Ref:
        """A method of a dict whose keys are not known, or at a key that is not."""
        match name, args:
            case "keys", []:
                return self.keys_of(owner, node)
            case "values", []:
                return Lazy("values", (self.keys_of(owner, node), owner))
            case "items", []:
                return Lazy("items", (self.keys_of(owner, node), owner))
            case "copy", []:
                return self.copied_table(owner)
            case "clear", []:
                self.may_write(owner.storage, node, structural=True)
                self.heap[owner.storage] = Entries({})
                return Const(None)
            case (("get" | "setdefault" | "pop"), [key, *rest]) if len(rest) < 2:
                return self.got(owner, name, key, rest, node)
            case "update", [DictRef() as other] if self.table(other) is None:
                for k, v in self.entries(other, node).items():
                    self.put_in_table(owner, Const(k), v, node)
                return Const(None)
        self.refuse(node, f"the method `.{name}` of a dict whose keys are computed", "read and write its items")

    def got(self, owner: DictRef, name: str, key: Ref, rest: list[Ref], node: ast.AST) -> Ref:
        """`d.get(key, default)`, `d.setdefault(key, default)`, `d.pop(key, default)`"""
        before = self.as_table(owner, key, f"`.{name}` at a computed key", node)
        at = self.value(key, node)
        default: Ref = rest[0] if rest else Const(None)
        if name == "pop" and not rest:
            found = self.let("index", before, at)
            self.drop_from_table(owner, key, node)
            return self.make_held(found, owner)
        number = isinstance(default, Const) and isinstance(default.value, (int, float, complex))
        self.at(node)
        if name == "get" and number:
            return self.make_held(self.let("lookup", before, at, default), owner)
        if name == "pop" and number:
            self.may_write(owner.storage, node, structural=True)
            rest_of, found = self.lets("claim", (before, at, self.value(default)), {}, 2, (self.dict_name(owner.storage),))
            self.heap[owner.storage] = rest_of
            return self.make_held(found, owner)
        there = self.let("builtins.contains", at, before)

        def missing() -> Ref:
            if name == "setdefault":
                self.put_in_table(owner, key, default, node)
            return default

        def present() -> Ref:
            held = self.make_held(self.let("index", before, at), owner) if name == "pop" else self.held_item(owner, at)
            if name == "pop":
                self.drop_from_table(owner, key, node)
            return held

        return self.choose(there, present, missing, node)

    def held_item(self, owner: DictRef, at: Atom) -> Ref:
        """The item at a key that the dict has."""
        before = self.table(owner)
        assert before is not None
        result = self.let("index", before, at)
        if not mutable(result.type):
            return result
        return View(owner.storage, (Step("index", (at,)),), result, self.content(owner.storage))

    def make_held(self, found: Var, owner: DictRef) -> Ref:
        """A value that may be an item of a dict."""
        ref = self.make(found)
        if isinstance(ref, View):
            self.relate(ref.storage, owner.storage)
            for other in self.partners(owner.storage):
                self.relate(ref.storage, other)
        return ref

    def keys_of(self, owner: DictRef, node: ast.AST) -> Ref:
        """The keys of a dict as a list."""
        before = self.table(owner)
        assert before is not None
        self.at(node)
        keys = self.let("builtins.list", before, hint="keys")
        ref = self.make(keys)
        if isinstance(keys.type, List) and not isinstance(keys.type, Dict):
            return ref
        self.refuse(node, "the keys of a dict of which nothing is known", "keep them in a list")

    def copied_table(self, owner: DictRef) -> DictRef:
        """A dict with the items of one whose keys are not known."""
        value = self.table(owner)
        assert isinstance(value, Var)
        made = Storage(owner.storage.label, factory=owner.storage.factory)
        self.heap[made] = value
        if isinstance(value.type, List) and mutable(value.type.item):
            self.share(made, owner.storage)
            if self.is_doubled(owner.storage):
                self.doubled(made, lists=self.is_doubled(owner.storage, lists=True))
        return DictRef(made)

    # What other parts provide.

    def computed_key(self, what: str, key: Ref, node: ast.AST | None) -> NoReturn:
        """Read the loop that makes a key trip by trip, so that the key is known; refuse where there is none."""
        raise NotImplementedError

    def constant_key(self, key: Ref) -> Const | None:
        """The constant that a key is known to be."""
        raise NotImplementedError

    def entries(self, owner: DictRef, node: ast.AST) -> Mapping[Any, Ref]:
        """What a dict holds, by key."""
        raise NotImplementedError

    def choose(self, cond: Atom, then: Callable[[], Ref], orelse: Callable[[], Ref], node: ast.AST) -> Ref:
        """One of two expressions."""
        raise NotImplementedError
