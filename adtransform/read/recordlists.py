"""What is done with lists of records: indices and slices, methods, comparisons of their items."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace

from adtransform.ir import Atom, Const, Var
from adtransform.lattice import BOOL, INT, Static
from adtransform.read.records import Records
from adtransform.read.refs import (
    DictRef,
    Entries,
    External,
    Items,
    ListRef,
    Making,
    ObjectRef,
    Part,
    Pointer,
    RangeRef,
    RecordsRef,
    Ref,
    Schema,
    Storage,
)
from adtransform.read.schemas import Path, leaves

_NONE = Const(None)
_COPY = 0  # marks what an expression makes of another list


class RecordLists(Records):
    """Operations on lists of records."""

    # Reading.

    def indexed(self, owner: Ref, key: Atom, node: ast.AST) -> Ref:
        """An element, a view or a copy of part of a value."""
        if not isinstance(owner, RecordsRef):
            return super().indexed(owner, key, node)
        self.at(node)
        if isinstance(self.type_of(key), Static):
            return self.cut_records(owner, key, node)
        first = self.first_column(owner, node)
        if self.attempts:  # else its fields raise where they are read
            self.item_at(first, key, node)
        return self.field(owner, key, (), owner.schema)

    def item_of_part(self, part: Part, i: Atom) -> Ref:
        """The item of a slice of a list of records at an index that there is."""
        place = self.plus(part.start, i)
        if all(map(self.is_counted, (part.start, i))):
            self.from_fronts.add(place)
        return self.field(part.records, place, (), part.records.schema)

    def cut_records(self, owner: RecordsRef, key: Atom, node: ast.AST) -> RecordsRef:
        """A slice of a list of records: as long as that keeps its items in their places, a part of it."""
        let = self.definitions.get(key) if isinstance(key, Var) else None
        first, last, step = let.args if let is not None else (_NONE, _NONE, _NONE)
        size = self.records_length(owner, node)
        start, stop = self.edge(first, Const(0), size), self.edge(last, size, size)
        whole = let is not None and step in (_NONE, Const(1)) and start is not None and stop is not None
        if not whole or start is None or stop is None or self.pointing_to(owner, node) is not None:
            return self.of_columns(owner, lambda column: self.item_at(column, key, node), node)
        storage = Storage(owner.storage.label, depth=len(self.heads), copied=self.copied_by(owner, node))
        outer = self.heap.get(owner.storage)
        if isinstance(outer, Part):
            owner, start, stop = outer.records, self.plus(outer.start, start), self.plus(outer.start, stop)
        self.heap[storage] = Part(owner, start, stop)
        return RecordsRef(storage, owner.schema)

    def edge(self, a: Atom, default: Atom, size: Atom) -> Atom | None:
        """Where a slice begins or ends, from the front; None where that is not known."""
        known = self.static(a)
        if a == _NONE:
            return default
        if known is not None and isinstance(size, Const):
            return Const(slice(known.value, None).indices(size.value)[0])
        if known is not None and known.value < 0:
            return self.let("builtins.max", Const(0), self.let("operator.add", size, known), type=INT)
        if default is not size and (known is not None or self.is_counted(a)):
            return known or a
        return self.let("builtins.min", known or a, size, type=INT) if known is not None or self.is_counted(a) else None

    def is_counted(self, a: Atom) -> bool:
        """Whether a number is known to be a place from the front."""
        let = self.definitions.get(a) if isinstance(a, Var) else None
        if let is not None and let.op == "operator.add":
            return all(map(self.is_counted, let.args))
        if let is not None and let.op == "assign":
            return self.is_counted(let.args[0])
        return (let is not None and let.op == "builtins.len") or self.is_place_from_front(a)

    def plus(self, a: Atom, b: Atom) -> Atom:
        """The sum of two places."""
        x, y = self.static(a), self.static(b)
        if x is not None and y is not None:
            return Const(x.value + y.value)
        return b if x == Const(0) else a if y == Const(0) else self.let("operator.add", a, b, type=INT)

    def records_length(self, owner: RecordsRef, node: ast.AST) -> Atom:
        """How many records a list has."""
        part = self.heap.get(owner.storage)
        if isinstance(part, Part):
            x, y = self.static(part.start), self.static(part.stop)
            if x is not None and y is not None:
                return Const(max(0, y.value - x.value))
            size = part.stop if x == Const(0) else self.let("operator.sub", part.stop, part.start, type=INT)
            return self.let("builtins.max", Const(0), size, type=INT)
        column = self.first_column(owner, node)
        content = self.content(column.storage)
        return Const(len(content.refs)) if isinstance(content, Items) else self.let("builtins.len", self.value(column))

    def truth(self, ref: Ref, node: ast.AST) -> Atom:
        """A condition: a constant where it is known while reading."""
        if not isinstance(ref, RecordsRef):
            return super().truth(ref, node)
        self.at(node)
        size = self.records_length(ref, node)
        return Const(bool(size.value)) if isinstance(size, Const) else self.let("operator.gt", size, Const(0))

    def compared(self, op: str, left: Ref, right: Ref, node: ast.AST) -> Ref:
        """One comparison; two items of one list of records are one where their indices are."""
        if op in ("operator.is_", "operator.is_not"):
            a, b = self.row_of(left), self.row_of(right)
            if a is not None and b is not None and a.records.storage is b.records.storage and a.path == b.path:
                if self.is_doubled(a.records.storage):
                    what = "`is` of items of a list that may hold one of them twice"
                    self.refuse(node, what, "compare what they hold, or their indices")
                self.at(node)
                places = [self.from_front(row.key, a.records, node) for row in (a, b)]
                return self.let("operator.eq" if op == "operator.is_" else "operator.ne", *places, type=BOOL)
        return super().compared(op, left, right, node)

    def identical(self, left: Ref, right: Ref) -> bool | None:
        """`a is b` where it is known: with `None`, and between containers."""
        rows = [row for row in (self.row_of(left), self.row_of(right)) if row is not None]
        found = super().identical(left, right)
        if found is False and rows and isinstance(left, (ObjectRef, DictRef)) and isinstance(right, (ObjectRef, DictRef)):
            around = [row.records.storage for row in rows] + [r.storage for r in (left, right)]
            if any(frozenset((s, t)) in self.related for s in around for t in around if s is not t):
                return None
        return found

    # Making others of them.

    def of_columns(self, owner: RecordsRef, each: Callable[[ListRef], Ref], node: ast.AST) -> RecordsRef:
        """A new list of items of another one, of the lists that `each` makes of those of its fields."""
        if (pointing := self.pointing_to(owner, node)) is not None:
            start, stop = self.bounds_of(owner, node)
            places = self.as_list(RangeRef(start, stop, Const(1)), node)
            assert isinstance(places, ListRef)
            return self.by_places(pointing, each(places))
        columns: dict[object, Ref] = {}
        for path, column in [(path, self.column(owner, path)) for path in leaves(owner.schema)]:
            made = each(column)
            assert isinstance(made, ListRef)
            made.storage.label = column.storage.label
            columns[path] = made
        storage = Storage(owner.storage.label, depth=len(self.heads), copied=self.copied_by(owner, node))
        self.heap[storage] = Entries(columns)
        if frozenset((storage, owner.storage)) in self.related:
            self.doubled(storage)
        self.shares_with(storage, owner.storage)
        return RecordsRef(storage, owner.schema)

    def copied_by(self, owner: RecordsRef, node: ast.AST) -> tuple[Making, Pointer] | None:
        """By which expression a list is made of the items of another one, and what they are as places there."""
        if not isinstance(owner.schema, Schema) or len(owner.storage.made) > 1:
            return None
        return (_COPY, *self.called_for(node)), Pointer(owner.storage.made[0] if owner.storage.made else (), (), owner.schema)

    def pointing_to(self, owner: RecordsRef, node: ast.AST) -> Pointer | None:
        """What the items of a list made of another one are, where they are to be kept as their places there."""
        found = self.records.get((_COPY, *self.called_for(node)))
        if not isinstance(found, Pointer) or not isinstance(owner.schema, Schema):
            return None
        part = self.heap.get(owner.storage)
        return replace(found, schema=owner.schema, base=[part.records if isinstance(part, Part) else owner])

    def bounds_of(self, owner: RecordsRef, node: ast.AST) -> tuple[Atom, Atom]:
        """The places of the items of a list in the one that they are in."""
        part = self.heap.get(owner.storage)
        return (part.start, part.stop) if isinstance(part, Part) else (Const(0), self.records_length(owner, node))

    def by_places(self, pointing: Pointer, places: Ref) -> RecordsRef:
        """A list of items of another one, kept as their places there."""
        storage = Storage(pointing.base[0].storage.label, depth=len(self.heads))
        self.heap[storage] = Entries({(): places})
        return RecordsRef(storage, pointing)

    def column(self, records: RecordsRef, path: Path) -> ListRef:
        """The list that a field is kept in; a slice gets lists of its own, of the same items."""
        part = self.heap.get(records.storage)
        if isinstance(part, Part):
            cut = self.let("slice", part.start, self.let("builtins.max", part.start, part.stop, type=INT), _NONE)
            node = self.frame.statement or self.frame.scope.node
            made = self.of_columns(part.records, lambda column: self.item_at(column, cut, node), node)
            self.heap[records.storage] = self.heap[made.storage]
            self.shares_with(records.storage, part.records.storage)
        return super().column(records, path)

    def moved(self, records: RecordsRef, node: ast.AST, *, key: Atom | None = None, path: Path = ()) -> None:
        """Before other items are in the places of some, or of the one at `key`: slices get lists of their own."""
        for storage, part in list(self.heap.items()) if not path else ():
            if isinstance(part, Part) and part.records.storage is records.storage:
                self.columns_of(RecordsRef(storage, records.schema))
        super().moved(records, node, key=key, path=path)

    def put_together(self, op: str, left: Ref, right: Ref, node: ast.AST) -> Ref | None:
        """`+` and `*` of tuples and lists, `|` of dicts."""
        records = next((r for r in (left, right) if isinstance(r, RecordsRef)), None)
        if records is None:
            return super().put_together(op, left, right, node)
        if op == "mul":
            self.refuse(node, "a list of records that is repeated", "make each of them: [Body() for _ in range(n)]")
        if op != "add" or not all(isinstance(r, (RecordsRef, ListRef)) for r in (left, right)):
            return None
        made = self.new_records(records.schema, records.storage.label)
        for other in (left, right):
            self.extend_records(made, other, node)
        return made

    def in_order(self, owner: RecordsRef, order: Ref, node: ast.AST) -> Ref:
        """The items of a list of records in the order that a list of indices says, each of which is there once."""
        if (pointing := self.pointing_to(owner, node)) is not None:
            start, _ = self.bounds_of(owner, node)
            plain = start == Const(0)
            return self.by_places(
                pointing, self.collected(order, lambda i: i if plain else self.plus(self.value(i), start), node)
            )
        made = self.new_records(owner.schema, owner.storage.label)
        made.storage.copied = self.copied_by(owner, node)
        names = [self.hide(made), self.hide(owner)]

        def push(i: Ref) -> None:
            new, old = (self.frame.env[name] for name in names)
            assert isinstance(new, RecordsRef) and isinstance(old, RecordsRef)
            for path in leaves(old.schema):
                item = self.item_at(self.column(old, path), i, node)
                self.list_method(self.column(new, path), "append", [item], {}, node)

        self.over(order, push, frozenset(names[:1]), node)
        self.shares_with(made.storage, owner.storage)
        self.unhide(names[1])
        return self.unhide(names[0])

    # Writing.

    def assign_item(self, owner: Ref, key: ast.expr, new: Ref, node: ast.AST, hint: str = "") -> None:
        """`owner[key] = new`"""
        if not isinstance(owner, RecordsRef):
            super().assign_item(owner, key, new, node, hint)
            return
        if isinstance(key, ast.Slice):
            self.put_slice(owner, key, new, node)
            return
        _, at, new = self.at_key(owner, key, new)
        self.put_record(owner, self.static(at) or at, new, node)

    def put_slice(self, owner: RecordsRef, key: ast.Slice, new: Ref, node: ast.AST) -> None:
        """`owner[a:b] = new`"""
        first, last = self.cut(self.index_key(key), node)
        middle = self.new_records(owner.schema, owner.storage.label)
        self.extend_records(middle, new, node)
        self.moved(owner, node)
        for path in leaves(owner.schema):
            column = self.column(owner, path)
            self.may_write(column.storage, node, structural=True)
            self.splice(column, first, last, self.column(middle, path), node)
        if frozenset((owner.storage, middle.storage)) in self.related:
            self.doubled(owner.storage)
        self.shares_with(owner.storage, middle.storage)

    def put_entry(self, owner: DictRef, key: Ref, new: Ref, node: ast.AST) -> None:
        """`d[key] = new`, for a key that is read already."""
        row = self.row_of(owner)
        if row is None:
            super().put_entry(owner, key, new, node)
            return
        known = self.constant_key(key)
        if known is None:
            self.refuse(node, "a computed key of a dict in a list of records", "use constant keys")
        self.put_in_row(owner.storage, known.value, new, node)

    def delete(self, owner: Ref, key: ast.expr, node: ast.AST) -> None:
        """`del owner[key]`"""
        if isinstance(owner, DictRef) and self.row_of(owner) is not None:
            self.refuse(node, "`del` of a key of a dict in a list of records of unknown length", "make a dict without it")
        if not isinstance(owner, RecordsRef):
            super().delete(owner, key, node)
            return
        place = self.index_key(key)
        if not isinstance(key, ast.Slice):
            self.popped(owner, [self.static(place) or place], node)
            return
        first, last = self.cut(place, node)
        self.moved(owner, node)
        for column in self.columns_of(owner):
            self.may_write(column.storage, node, structural=True)
            self.splice(column, first, last, None, node)

    # Methods.

    def method(self, owner: Ref, name: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """`owner.name(...)`"""
        if isinstance(owner, RecordsRef):
            self.at(node)
            return self.records_method(owner, name, args, kwargs, node)
        return super().method(owner, name, args, kwargs, node)

    def dict_method(self, owner: DictRef, name: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """A method of a dict; one in a list of records keeps its keys."""
        row = self.row_of(owner)
        if row is not None and name == "update":
            for other in args:
                if not isinstance(other, DictRef):
                    self.refuse(node, "`.update` with something that is not a dict of known keys", "write the items")
                kwargs = {**self.entries(other, node), **kwargs}
            for key, new in self.in_turn_of(kwargs.items()):
                self.put_in_row(owner.storage, key, new, node)
            return _NONE
        computed = bool(args) and self.constant_key(args[0]) is None
        if row is not None and (computed or name not in ("get", "keys", "values", "items", "copy")):
            help = "read and write its items, at constant keys"
            self.refuse(node, f"this use of `.{name}` of a dict in a list of records of unknown length", help)
        return super().dict_method(owner, name, args, kwargs, node)

    def records_method(self, owner: RecordsRef, name: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """A method of a list of records."""
        match name:
            case "append" if len(args) == 1:
                self.append_record(owner, args[0], node)
                return _NONE
            case "extend" if len(args) == 1:
                self.extend_records(owner, args[0], node)
                return _NONE
            case "pop" if len(args) <= 1:
                return self.popped(owner, args, node)
            case "popleft" if owner.storage.queue:
                return self.popped(owner, [Const(0)], node)
            case "appendleft" if owner.storage.queue and len(args) == 1:
                self.insert_record(owner, Const(0), args[0], node)
                return _NONE
            case "insert" if len(args) == 2:
                self.insert_record(owner, self.value(args[0], node), args[1], node)
                return _NONE
            case "copy":
                return self.as_list(owner, node)
            case "reverse" | "clear":
                self.moved(owner, node)
                for column in self.columns_of(owner):
                    self.list_method(column, name, [], {}, node)
                return _NONE
            case "remove" if len(args) == 1:
                self.popped(owner, [self.search_records(owner, name, args[0], node)], node)
                return _NONE
            case "index" | "count" if len(args) == 1:
                return self.search_records(owner, name, args[0], node)
            case "sort":
                ordered = self.apply(External("builtins.sorted"), [owner], kwargs, node)
                assert isinstance(ordered, RecordsRef)
                self.moved(owner, node)
                for mine, new in zip(self.columns_of(owner), self.columns_of(ordered), strict=True):
                    self.may_write(mine.storage, node, structural=True)
                    self.heap[mine.storage] = self.content(new.storage)
                return _NONE
        self.refuse(node, f"the method `.{name}` of a list of records of unknown length", "use append, pop, indices and loops")

    def search_records(self, owner: RecordsRef, name: str, item: Ref, node: ast.AST) -> Atom:
        """Where the first item of a list is that equals something, for `.index` and `.remove`; for `.count` how many do."""
        row = self.row_of(item)
        by_fields = isinstance(item, ObjectRef) and any((self.dataclass_options(c) or {}).get("eq") for c in item.kind.order)
        if not isinstance(item, ObjectRef) or by_fields or self.special(item, "__eq__", node) is not None:
            kept = self.hide(item)

            def each(one: Ref) -> Ref:
                return self.compared("operator.eq", one, self.frame.env[kept], node)

            found = self.search((), self.collected(owner, each, node), name, Const(True), node)
            self.unhide(kept)
            return self.value(found, node)
        if row is None or row.path or self.is_doubled(owner.storage):
            help = "use `del` at an index" if name == "remove" else "use a loop"
            self.refuse(node, f"`.{name}` of what may be in a list of records several times, or not", help)
        if isinstance(owner.schema, Pointer) and all(base.storage is row.records.storage for base in owner.schema.base):
            return self.value(self.search((), self.column(owner, ()), name, row.key, node), node)
        if row.records.storage is not owner.storage:
            self.refuse(node, f"`.{name}` of an item of another list", "look for it in the list itself")
        if name == "count":
            return Const(1)
        return self.from_front(row.key, owner, node)

    def extend_records(self, owner: RecordsRef, other: Ref, node: ast.AST) -> None:
        """`owner.extend(other)`"""
        self.extended_by(owner.storage, other, node)
        if not isinstance(other, (ListRef, RecordsRef)):
            other = self.as_list(other, node)
        items = self.known_items(other)
        if items is not None:
            for item in items:
                self.append_record(owner, item, node)
            return
        if not isinstance(other, RecordsRef):
            assert isinstance(other, ListRef)
            self.become(other.storage, owner.schema)
        if other.schema != owner.schema:
            self.differ((), node)
        self.grows(owner, node)
        for path in leaves(owner.schema):
            self.extend(self.column(owner, path).storage, self.column(other, path), node)
        mine, theirs = owner.storage, other.storage
        if mine is theirs or any(
            frozenset((mine, one)) in self.related for one in (theirs, *self.partners(theirs)) if one is not mine
        ):
            self.doubled(mine)
        self.shares_with(mine, theirs)

    def popped(self, owner: RecordsRef, args: list[Ref], node: ast.AST) -> Ref:
        """`owner.pop()`, `owner.pop(i)`: the item by itself, which the list then has not any more."""
        self.moved(owner, node)
        values = iter([self.list_method(column, "pop", args, {}, node) for column in self.columns_of(owner)])
        made = self.by_themselves(owner.schema, values)
        if isinstance(owner.schema, Pointer):
            return made
        others = [*self.partners(owner.storage), *([owner.storage] if self.is_doubled(owner.storage) else [])]
        for storage in self.storages(made):
            if self.is_container(storage) and not self.is_list(storage):
                for other in others:
                    self.relate(storage, other)
        return made

    def insert_record(self, owner: RecordsRef, at: Atom, item: Ref, node: ast.AST) -> None:
        """`owner.insert(at, item)`"""
        with self.holding([item]):
            self.moved(owner, node)
        place = self.static(at) or at
        for path, value in self.in_turn_of(self.parts(owner, item, owner.schema, (), node)):
            self.list_method(self.column(owner, path), "insert", [place, value], {}, node)
        if place != Const(0) and any(self.reached(s, beside=True) for s in self.storages(item) if self.is_dict(s)):
            self.refuse(node, "a record put into the middle of a list while it has a name", "append it, or insert it at 0")
        self.taken_in(item, owner, place, (), owner.schema, node)

    # What other parts provide.

    def hide(self, ref: Ref) -> str:
        """Keep a reference under a name no program has."""
        raise NotImplementedError

    def unhide(self, name: str) -> Ref:
        """What was kept, and forget the name."""
        raise NotImplementedError

    def collected(self, ref: Ref, each: Callable[[Ref], Ref], node: ast.AST) -> Ref:
        """The list of what a function gives for every item."""
        raise NotImplementedError

    def over(self, ref: Ref, each: Callable[[Ref], None], changed: frozenset[str], node: ast.AST) -> None:
        """Run over an iterable outside of any statement."""
        raise NotImplementedError
