"""Subscripts: what is read through a key."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NoReturn

from adtransform.errors import Refusal
from adtransform.ir import Atom, Const, Var
from adtransform.lattice import BOOL, INT, SHAPE, TEXT, List, Saved, Scalar, Static, Tuple, Unknown, kind_of
from adtransform.read.core import Unreached
from adtransform.read.enums import members_in
from adtransform.read.keys import Keys
from adtransform.read.refs import (
    ClassRef,
    Conflict,
    DictRef,
    EitherRef,
    Entries,
    Held,
    Items,
    ListRef,
    Method,
    ObjectRef,
    Ref,
    Step,
    Storage,
    TupleRef,
    View,
    itemized,
)
from adtransform.read.storages import mutable
from adtransform.read.values import same_function

COMPARED = 16  # a key known at run time only is compared with so many


class Indexing(Keys):
    """Reading subscripts."""

    def subscript(self, owner: Ref, key: ast.expr, node: ast.AST) -> Ref:
        """`owner[key]`"""
        owner = self.there(owner, node)
        if isinstance(owner, DictRef):
            return self.entry(owner, key, node)
        if isinstance(owner, ClassRef) and owner.members is not None:
            name = self.constant_key(self.expression(key))
            one = None if name is None else self.of_enumeration(owner, name.value)
            return one or self.refuse(node, f"this member of `{owner.name}`", f"name it: {owner.name}.NAME")
        if isinstance(owner, ClassRef) and not self.has(owner, "__class_getitem__"):  # `Box[float]`
            return owner
        if isinstance(key, ast.Slice):
            owner = itemized(owner)
        method = self.special(owner, "__getitem__", node)
        if method is not None:
            return self.apply(method, [owner, self.whole_key(key)], {}, node)
        if isinstance(owner, Method) and owner.name == "flat":
            self.at(node)
            return self.indexed(self.through(owner.owner, Step("flat"), node), self.index_key(key), node)
        owner, at = self.at_key(owner, key)
        if isinstance(owner, (TupleRef, ListRef)):
            found = self.static_item(owner, at, node)
            if found is not None:
                return found
        if isinstance(owner, TupleRef):
            owner = self.fresh_list(owner.items)
        return self.indexed(owner, at, node)

    def at_key(self, owner: Ref, key: ast.expr, *others: Ref) -> tuple[Any, ...]:
        """What a key is read of, and the key: the one as it is when the other is evaluated; `others` are held as well."""
        held = [owner, *others]
        with self.holding(held):
            at = self.index_key(key)
        return held[0], at, *held[1:]

    def indexed(self, owner: Ref, key: Atom, node: ast.AST) -> Ref:
        """An element, a view or a copy of part of a value."""
        self.at(node)
        choice = self.apart(owner)
        if choice is not None:
            a, b = choice.sides
            return self.choose(choice.cond, lambda: self.indexed(a, key, node), lambda: self.indexed(b, key, node), node)
        content = self.content(owner.storage) if isinstance(owner, ListRef) else None
        if isinstance(content, Items) and (one := self.one_of(content.refs, key, node)) is not None:
            return one
        if isinstance(content, Items) and not content.refs and kind_of(self.type_of(key)) == "int":
            self.within(0, 0, node)
        before = self.listed(owner.storage, key) if isinstance(owner, ListRef) else self.value(owner, node)
        t = self.type_of(before)
        if isinstance(t, Saved):
            parts, place = self.taken_apart(owner, node), self.static(key)
            if parts is None or place is None or not isinstance(place.value, int):
                self.refuse(node, "this key of a nested tuple", "take it apart: a, b = t")
            return parts[place.value]
        if isinstance(before, Const):
            known = self.static(key)
            if known is not None:
                return self.constant_item(before, known, node)
        if t == SHAPE or (isinstance(before, Var) and before.type == SHAPE):
            integer = kind_of(self.type_of(key)) == "int"
            return self.let("index", before, key, type=INT) if integer else self.let("index", before, key)
        if isinstance(t, Tuple) and isinstance(self.type_of(key), Static):
            every, cut = self.as_tuple(owner), self.static_key(key)
            if not isinstance(every, TupleRef) or not isinstance(cut, slice):
                self.refuse(node, "a part of a tuple whose bounds are computed", "use a list")
            return TupleRef(every.items[cut])
        if isinstance(owner, ListRef):
            return self.list_item(owner, key)
        form = self.form(key)
        if form == "optional":  # a view of an array either way, unless ints may leave no axis
            whole = self.type_of(key)
            taken = len(whole.items) if isinstance(whole, Tuple) else 1
            form = "basic" if taken < (self.rank(before) or 0) else "unknown"
        if form in ("unknown", "int") and self.rank(before) is not None and self.rank(before) == self.ints(key):
            form = "copy"  # numbers or a fancy index: either way not a view
        if form == "copy" or not isinstance(owner, View):
            result = self.let("index", before, key)
            return self.make(result, solid=False)
        if isinstance(t, List) and isinstance(self.type_of(key), Static):
            return self.sublist(self.let("index", before, key), owner.storage)
        sure = form == "basic" or (form == "int" and not isinstance(t, Unknown) and self.rank(before) is not None)
        if isinstance(t, (Tuple, List)):
            sure = True
        deep = form != "unknown" and bool(owner.storage.param or isinstance(before, Var)) and self.is_deep(before, key)
        return self.through(owner, Step("index", (key,), sure=sure or deep), node)

    def one_of(self, items: tuple[Ref, ...], key: Atom, node: ast.AST) -> Ref | None:
        """One of several objects, dicts or functions of one kind at a computed index; None for anything else.

        What it holds is chosen where it is read: each attribute is an item of the list of theirs.
        """
        if not items or kind_of(self.type_of(key)) not in ("int", None) or isinstance(self.type_of(key), Static):
            return None
        if all(map(self.ones_in, items)) and not (self.keeps_apart and len(items) > COMPARED):
            if isinstance(key, Var) and key in self.constants_of:
                cond, *places = self.constants_of[key]
                if all(-len(items) <= place.value < len(items) for place in places):
                    return EitherRef(cond, *(items[place.value] for place in places))
            self.trip_of_key(key, node)
            if all(same_function(item, items[0]) for item in items):
                self.check_index(key, len(items))
                return items[0]
            found = items[-1]
            for item, test in reversed(list(zip(items[:-1], self.places(key, len(items)), strict=False))):
                found = EitherRef(test, item, found)
            return found
        one = items[0]
        self.mixed = self.mixed or isinstance(one, Held)
        if isinstance(one, TupleRef) and one.kind is not None:
            if not all(isinstance(r, TupleRef) and r.kind is one.kind and len(r.items) == len(one.items) for r in items):
                return None
            self.trip_of_key(key, node)
            columns = zip(*(r.items for r in items if isinstance(r, TupleRef)), strict=True)
            return replace(one, items=tuple(self.one_value(column, key, node) for column in columns))
        if not isinstance(one, (ObjectRef, DictRef)) or not all(type(r) is type(one) for r in items):
            return None
        every = [r for r in items if isinstance(r, (ObjectRef, DictRef)) and not r.storage.outside]
        held = [c for c in (self.content(r.storage) for r in every) if isinstance(c, Entries)]
        alike = all(set(c.refs) == set(held[0].refs) and c.attributes == held[0].attributes for c in held)
        kinds = {id(r.kind) for r in every if isinstance(r, ObjectRef)}
        if len(held) < len(items) or not alike or len(kinds) > 1:
            return None
        self.trip_of_key(key, node)
        if all(r.storage is one.storage for r in every):
            self.check_index(key, len(items))
            return one
        storage = Storage(one.storage.label)
        values = {name: self.one_value(tuple(c.refs[name] for c in held), key, node) for name in held[0].refs}
        self.heap[storage] = replace(held[0], refs=values)
        for other in [s for r in every for s in (r.storage, *self.partners(r.storage))]:
            self.relate(storage, other)
        return replace(one, storage=storage)

    def places(self, key: Atom, count: int) -> list[Var]:
        """For each of so many places, whether a computed index is that; raises where it is none of them."""
        place = self.let("index", self.let("list", *map(Const, range(count))), key, type=INT)
        return [self.let("operator.eq", place, Const(i), type=BOOL) for i in range(count)]

    def check_index(self, key: Atom, count: int) -> None:
        """Raise where a list or tuple has no item at a computed index, of which nothing else is read."""
        low, high = self.let("operator.lt", key, Const(-count)), self.let("operator.ge", key, Const(count))
        self.raise_where(self.let("operator.or_", low, high, type=BOOL), IndexError, "list index out of range")

    def one_value(self, values: tuple[Ref, ...], key: Atom, node: ast.AST) -> Ref:
        """The one of several values at a computed index."""
        one = values[0]
        if all(v is one or (isinstance(v, Const) and v == one) for v in values):
            return one
        try:
            return self.indexed(self.fresh_list(values), key, node)
        except Refusal:
            return Conflict("what is one of several things, of different kinds", "choose with `if`")

    def as_tuple(self, ref: Ref) -> Ref:
        """A tuple that is known when it runs, as one of its items; anything else as it is."""
        seen = ref.seen if isinstance(ref, View) else ref
        if not isinstance(seen, Var) or not isinstance(seen.type, Tuple):
            return ref
        return TupleRef(tuple(self.known_items(ref) or ()))

    def constant_item(self, owner: Const, key: Const, node: ast.AST) -> Const:
        """The item of a constant."""
        try:
            return Const(owner.value[key.value])
        except (TypeError, IndexError, KeyError) as error:
            self.lacks(type(error), str(error), node, "an item of this", f"Python says: {error}")

    def is_deep(self, a: Atom, key: Atom) -> bool:
        """Whether a value was assumed to have more axes than an index takes."""
        param = self.root(a)
        kinds = [t.kind.split() for t in self.taken.get(param, ())]
        return any(kind[0] == "deep" and int(kind[1]) >= self.ints(key) for kind in kinds)

    def list_item(self, owner: ListRef, key: Atom) -> Ref:
        """An item of a run-time list."""
        before = self.listed(owner.storage, key)
        if not isinstance(self.content(owner.storage), (Var, Const)):
            self.mixed = True
            self.loosen(owner.storage)
            before = self.listed(owner.storage)
        result = self.let("index", before, key)
        if not mutable(result.type):
            return result
        if isinstance(result.type, List) and isinstance(self.type_of(key), Static):
            return self.sublist(result, owner.storage)
        return View(owner.storage, (Step("index", (key,)),), result, self.content(owner.storage))

    def sublist(self, result: Var, source: Storage) -> Ref:
        """What a slice of a list, or of a list in one, gives: a new list, of the same items."""
        made = self.make(result)
        if isinstance(made, ListRef) and isinstance(result.type, List) and not isinstance(result.type.item, Scalar):
            self.holds_as(made.storage, source)
        return made

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

    def within(self, index: int, length: int, node: ast.AST, said: str = "list index out of range") -> None:
        """Refuse an index that is out of range."""
        if not -length <= index < length:
            self.lacks(IndexError, said, node, f"item {index} of {length}, which does not exist", "check the index")

    def lacks(self, kind: type[Exception], said: object, node: ast.AST, what: str, help: str) -> NoReturn:
        """Refuse what always raises; on a path that need not be taken it is what that path does.  `said`: `...` for nothing."""
        if self.messages:
            raise Refusal(None)  # what is behind something refused
        if self.builder is self.top:
            self.refuse(node, what, help)
        self.place = self.origin(node)
        self.effect("raise", Const(kind), *([] if said is ... else [Const(said)]))
        raise Unreached

    def entry(self, owner: DictRef, key: ast.expr, node: ast.AST) -> Ref:
        """An item of a dict."""
        return self.entry_at(owner, self.expression(key), node)

    def entry_at(self, owner: DictRef, key: Ref, node: ast.AST) -> Ref:
        """The item of a dict at a key that is read already."""
        if isinstance(key, EitherRef) and members_in(key):
            then, orelse = key.then, key.orelse
            return self.choose(
                key.cond, lambda: self.entry_at(owner, then, node), lambda: self.entry_at(owner, orelse, node), node
            )
        known = self.constant_key(key)
        if self.table(owner) is not None:
            return self.table_item(owner, key, node)
        entries = self.entries(owner, node)
        if isinstance(key, Var) and key in self.constants_of:
            cond, one, other = self.constants_of[key]
            if one.value in entries and other.value in entries:
                return self.choose(cond, lambda: entries[one.value], lambda: entries[other.value], node)
        if known is None and isinstance(key, Var) and self.may_compare(key, entries) and owner.storage.factory is None:
            return self.entry_where(key, list(entries.items()), node)
        if known is None:
            self.trip_of_key(key, node)
            return self.table_item(owner, key, node)
        if known.value not in entries and owner.storage.factory is not None:
            if self.is_counter(owner.storage):
                return Const(0)
            made = self.apply(owner.storage.factory, [], {}, node)
            self.may_write(owner.storage, node)
            self.heap[owner.storage] = Entries({**entries, known.value: made})
            return made
        if known.value not in entries:
            what = f"the key {known.value!r}, which the dict does not have"
            self.lacks(KeyError, known.value, node, what, "add it where the dict is made")
        return entries[known.value]

    def may_compare(self, key: Var, entries: Mapping[Any, Ref]) -> bool:
        """Whether a key that is known at run time only may be compared with those of a dict, one after the other."""
        kind = {"str": str, "int": int}.get("str" if key.type == TEXT else getattr(key.type, "kind", ""))
        looped = any(loop.is_short and loop.index in self.indices_behind(key) for loop in self.open_loops)
        return kind is not None and not looped and 0 < len(entries) <= COMPARED and all(type(k) is kind for k in entries)

    def entry_where(self, key: Var, entries: list[tuple[Any, Ref]], node: ast.AST) -> Ref:
        """The item of a dict at the one of its keys that `key` is."""
        if not entries:
            self.effect("raise", Const(KeyError), key)
            raise Unreached
        (first, ref), rest = entries[0], entries[1:]
        self.at(node)
        cond = self.let("operator.eq", key, Const(first))
        return self.choose(cond, lambda: ref, lambda: self.entry_where(key, rest, node), node)

    def choose(self, cond: Atom, then: Callable[[], Ref], orelse: Callable[[], Ref], node: ast.AST) -> Ref:
        """One of two expressions."""
        raise NotImplementedError

    def computed_key(self, what: str, key: Ref, node: ast.AST | None) -> NoReturn:
        """Read the loop that makes a key trip by trip, so that the key is known; refuse where there is none."""
        self.trip_of_key(key, node)
        self.refuse(node, what, "use constant keys, or a list")

    def trip_of_key(self, key: Ref, node: ast.AST | None) -> None:
        """Read a short loop that makes a key trip by trip."""
        behind = self.indices_behind(self.value(key, node)) if isinstance(key, (Var, TupleRef)) else set()
        for loop in reversed(self.open_loops):
            if loop.index in behind:
                self.unroll(loop)

    def item_at(self, owner: Ref, key: Ref, node: ast.AST) -> Ref:
        """`owner[key]` for a key that is read already."""
        owner = self.there(owner, node)
        if isinstance(owner, DictRef):
            return self.entry_at(owner, key, node)
        at = self.key_of(key, node)
        if isinstance(owner, (TupleRef, ListRef)):
            found = self.static_item(owner, at, node)
            if found is not None:
                return found
        return self.indexed(self.fresh_list(owner.items) if isinstance(owner, TupleRef) else owner, at, node)

    def entries(self, owner: DictRef, node: ast.AST) -> Mapping[Any, Ref]:
        """What a dict holds, by key."""
        content = self.content(owner.storage)
        if isinstance(content, (Var, Const)):
            self.refuse(node, "a dict whose keys are only known when it runs", "loop over d.items()")
        if isinstance(content, Items):  # on the paths to here it has different keys
            self.unusable(content.refs[0], node)
        assert isinstance(content, Entries)
        return content.refs

    # Keys.

    # What other parts provide.

    def known_items(self, ref: Ref, limit: int = 0) -> list[Ref] | None:
        """The items of an iterable, where it is known how many there are."""
        raise NotImplementedError

    def as_list(self, ref: Ref, node: ast.AST) -> Ref:
        """The list of what an iterable gives."""
        raise NotImplementedError

    def special(self, ref: Ref, name: str, node: ast.AST) -> Ref | None:
        """The method of an object by which it takes part in an operation; None where there is none."""
        raise NotImplementedError

    def array_like(self, ref: Ref, node: ast.AST) -> Atom:
        """An operand where NumPy takes an array: a list or tuple is made one."""
        raise NotImplementedError

    def fresh_list(self, items: tuple[Ref, ...]) -> ListRef:
        """A list of known items."""
        raise NotImplementedError
