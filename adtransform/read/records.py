"""Lists of records of a length that is not known: a list for each field, and their items by index.

An object, dict or tuple is no value that a loop may carry, so a list of such is read as a record of lists: one for each number
or array that the records hold.  What is taken out, `b = bodies[i]`, is a reference to the fields at that index; what is put in
becomes such a reference itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NoReturn

from adtransform.ir import Atom, Const, Var
from adtransform.lattice import BOOL, INT, TEXT
from adtransform.read.core import Gathered
from adtransform.read.enums import live_member, member
from adtransform.read.frames import Frame
from adtransform.read.heap import BESIDE, LOOP
from adtransform.read.refs import (
    Alike,
    ClassRef,
    Coded,
    Conflict,
    DictRef,
    EitherRef,
    Entries,
    FieldKind,
    Items,
    ListRef,
    ObjectRef,
    Pointer,
    RecordsRef,
    Ref,
    Row,
    Schema,
    Step,
    Storage,
    TupleRef,
    itemized,
    pointers,
)
from adtransform.read.schemas import POINTED, Path, Schemas, key_of, leaves

_FIELDS = "give all of them the same fields, of one kind each: a number instead of None"


class Fields(Mapping[Any, Ref]):
    """The fields of an item of a list of records, each read where it is asked for."""

    def __init__(self, reader: Records, row: Row) -> None:
        self.reader, self.row = reader, row
        self.parts = dict(row.schema.fields)

    def __getitem__(self, name: Any) -> Ref:
        row = self.row
        return self.reader.field(row.records, row.key, (*row.path, name), self.parts[name])

    def __iter__(self) -> Iterator[Any]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)


class Records(Schemas):
    """Reading lists of records."""

    def display_of(self, node: ast.List, items: list[Ref]) -> ListRef | RecordsRef:
        """The list that a display makes, with its first items."""
        made = self.called_for(node)
        if made not in self.records:
            plain = self.new_list(tuple(items), node)
            plain.storage.made = (made,)
            return plain
        records = self.open_list(node)
        assert isinstance(records, RecordsRef)
        for item in items:
            self.append_record(records, item, node)
        return records

    # What is in them.

    def column(self, records: RecordsRef, path: Path) -> ListRef:
        """The list that a field is kept in."""
        found = self.entries_of(records.storage)[path]
        assert isinstance(found, ListRef)
        return found

    def columns_of(self, records: RecordsRef) -> list[ListRef]:
        """The lists that all fields are kept in."""
        return [self.column(records, path) for path in leaves(records.schema)]

    def first_column(self, records: RecordsRef, node: ast.AST) -> ListRef:
        """The list that stands for the length of all."""
        columns = self.columns_of(records)
        if not columns:
            self.refuse(node, "a list of records of unknown length that hold no numbers", "append to a list of numbers as well")
        return columns[0]

    def row(self, records: RecordsRef, key: Atom, path: Path, schema: Schema) -> Ref:
        """The item at an index, or one of its fields that is a record itself."""
        if schema.kind == "tuple":
            items = tuple(self.field(records, key, (*path, name), part) for name, part in schema.fields)
            return TupleRef(items, schema.names, schema.of)
        storage = Storage(records.storage.label)
        self.heap[storage] = Row(records, key, path, schema)
        return DictRef(storage) if schema.of is None else ObjectRef(storage, schema.of)

    def field(self, records: RecordsRef, key: Atom, path: Path, part: FieldKind) -> Ref:
        """A field of the item at an index, as it is now."""
        if isinstance(part, Schema):
            return self.row(records, key, path, part)
        if isinstance(part, Alike):
            return self.same_in_all(part)
        if isinstance(part, Pointer):
            return self.pointed_to(part, self.field(records, key, path, None))
        if isinstance(part, Coded):
            return self.decoded(part, self.field(records, key, path, None))
        return self.item_at(self.column(records, path), key, self.frame.statement or self.frame.scope.node)

    def same_in_all(self, part: Alike) -> Ref:
        """A field that is the same in all records of a list."""
        if not part.held:
            self.refuse(None, "an item of a list of records into which nothing was put", "put the items in first")
        return part.held[0]

    def pointed_to(self, part: Pointer, key: Ref) -> Ref:
        """The item of another list of records that is kept as an index."""
        place = self.value(key)
        if not part.base:
            self.refuse(None, *POINTED)
        if isinstance(place, Var):
            self.from_fronts.add(place)
        return self.row(part.base[0], place, part.path, part.schema)

    def decoded(self, part: Coded, code: Ref) -> Ref:
        """The member of an enumeration that is kept as its place."""
        place = self.value(code)
        first, *others = map(member, part.of.members or ())
        known = self.static(place)
        if known is not None:
            return (first, *others)[int(known.value)]
        found: Ref = first
        for i, one in reversed([*enumerate(others, 1)]):
            found = EitherRef(self.let("operator.eq", place, Const(i), type=BOOL), one, found)
        self.codes[found] = place, tuple(part.of.members or ())
        return found

    def coded(self, part: Coded, ref: Ref, path: Path, node: ast.AST) -> Ref:
        """The place of what is one of the members of an enumeration."""
        if isinstance(ref, EitherRef):
            then, orelse = (self.coded(part, side, path, node) for side in (ref.then, ref.orelse))
            return self.choose(ref.cond, lambda: then, lambda: orelse, node)
        found = next((i for i, m in enumerate(part.of.members or ()) if m is live_member(ref)), None)
        if found is None:
            self.differ(path, node)
        return Const(found)

    def fields_of(self, row: Row) -> Entries:
        """What an item of a list of records holds now, each field read where it is asked for."""
        return Entries(Fields(self, row), attributes=row.schema.kind == "object")

    def parts(self, records: RecordsRef, ref: Ref, part: FieldKind, path: Path, node: ast.AST) -> Iterator[tuple[Path, Ref]]:
        """The values of what is put in the place of a record, or of a field of one; refused where it is made otherwise."""
        if part is None:
            if self.schema_of(ref) is not None and not is_text(ref):
                self.differ(path, node)
            yield path, ref
            return
        if isinstance(part, Alike):
            self.varies(records, part, ref, path)
            if self.schema_of(ref) != part or any(key_of(one, whole=True) != key_of(ref, whole=True) for one in part.held):
                self.differ(path, node)
            part.held[:] = [ref]
            return
        if isinstance(part, Coded):
            yield path, self.coded(part, ref, path, node)
            return
        if isinstance(part, Pointer):
            row = self.row_of(ref)
            if row is None or row.path != part.path or any(b.storage is not row.records.storage for b in part.base):
                self.differ(path, node)
            part.base[:] = [row.records]
            yield path, self.from_front(row.key, row.records, node)
            return
        held: list[tuple[Any, Ref]]
        match self.as_tuple(itemized(ref)):
            case ObjectRef(storage, kind) if part.kind == "object" and kind is part.of:
                held = list(self.entries_of(storage).items())
            case DictRef(storage) if part.kind == "dict":
                held = list(self.entries_of(storage).items())
            case TupleRef(items, names, kind) if part.kind == "tuple" and kind is part.of and len(items) == len(part.fields):
                held = list(zip(names or range(len(items)), items, strict=True))
            case _:
                self.differ(path, node)
        given, wanted = [name for name, _ in held], [name for name, _ in part.fields]
        if given != wanted and (part.kind != "object" or set(given) != set(wanted)):
            self.differ(path, node)
        refs = dict(held)
        for name, inner in part.fields:
            yield from self.parts(records, refs[name], inner, (*path, name), node)

    def varies(self, records: RecordsRef, part: Alike, ref: Ref, path: Path) -> None:
        """Read the function again where a field that was the same in all records holds another member or text."""
        made = records.storage.made
        if not made or all(key_of(one, whole=True) == key_of(ref, whole=True) for one in part.held):
            return
        kind = self.class_of_member(ref)
        if kind is not None and all(self.class_of_member(one) is kind for one in part.held):
            raise Gathered(made, with_field(records.schema, path, Coded(kind)))
        if is_text(ref) and all(map(is_text, part.held)):
            raise Gathered(made, with_field(records.schema, path, None))

    def in_turn_of(self, parts: Iterable[tuple[Any, Ref]]) -> Iterator[tuple[Any, Ref]]:
        """The values of a record one by one, each as it was before those ahead of it were put into their lists."""
        found = list(parts)
        paths, rest = [path for path, _ in found], [value for _, value in found]
        for path in paths:
            value = rest.pop(0)
            with self.holding(rest):
                yield path, value

    def differ(self, path: Path, node: ast.AST) -> NoReturn:
        """Refuse a record that is made otherwise than the others of its list."""
        what = f", in the field `{'.'.join(map(str, path))}`" if path else ""
        self.refuse(node, f"a record that is made otherwise than the others of a list of unknown length{what}", _FIELDS)

    # Putting items in.

    def append_record(self, records: RecordsRef, item: Ref, node: ast.AST) -> None:
        """`records.append(item)`"""
        with self.holding([item]):
            self.grows(records, node)
        for path, value in self.in_turn_of(self.parts(records, item, records.schema, (), node)):
            self.list_method(self.column(records, path), "append", [value], {}, node)
        self.taken_in(item, records, Const(-1), (), records.schema, node)

    def put_record(self, records: RecordsRef, key: Atom, item: Ref, node: ast.AST) -> None:
        """`records[key] = item`"""
        with self.holding([item]):
            self.moved(records, node, key=key)
        for path, value in self.in_turn_of(self.parts(records, item, records.schema, (), node)):
            self.put_item(self.column(records, path), key, value, node)
        self.taken_in(item, records, key, (), records.schema, node)

    def put_in_row(self, storage: Storage, name: Any, new: Ref, node: ast.AST) -> bool:
        """`row.name = new`: gives whether it is a row."""
        row = self.heap.get(storage)
        if not isinstance(row, Row):
            return False
        fields = dict(row.schema.fields)
        if name not in fields:
            what = f"the field `{name}`, which the records of a list of unknown length do not have"
            self.refuse(node, what, "set it where they are made, before they are put into the list")
        path = (*row.path, name)
        self.may_write_row(row, node)
        if isinstance(fields[name], Schema):
            with self.holding([new]):
                self.moved(row.records, node, key=row.key, path=path)
        for where, value in self.in_turn_of(self.parts(row.records, new, fields[name], path, node)):
            self.put_item(self.column(row.records, where), row.key, value, node)
        self.taken_in(new, row.records, row.key, path, fields[name], node)
        return True

    def column_of(self, owner: Ref, name: Any) -> tuple[ListRef, Row] | None:
        """Where a number or array is kept that an item of a list of records holds: a list, and the item; None for all else."""
        row = self.row_of(owner)
        if row is None or dict(row.schema.fields).get(name, row.schema) is not None:
            return None
        return self.column(row.records, (*row.path, name)), row

    def may_write_row(self, row: Row, node: ast.AST) -> None:
        """Refuse a write to a record that something else may hold too."""
        storage = row.records.storage
        others = [other for other in self.partners(storage) if not self.is_yet_to_hold(other, row)]
        if names := {self.reached(other, beside=True) for other in others} - {""}:
            for one in (storage, *others):
                if one.copied is not None and one.copied[0] not in self.records:
                    raise Gathered([one.copied[0]], one.copied[1])
            told = {LOOP: "a loop may be running over", BESIDE: "is in hand beside it"}
            what = f"a write to a record that {told.get(min(names), f'`{min(names)}` may hold too')}"
            self.refuse(node, what, "put a copy into one of them: copy.copy(...)")
        self.held_once(storage, node)

    def is_yet_to_hold(self, other: Storage, row: Row) -> bool:
        """Whether a list gets the item of this trip of the loop behind what is being read, and has those of others only."""
        filling, index = self.filled.get(frozenset((other, row.records.storage)), (None, None))
        loop = next((loop for loop in self.open_loops if loop.index is row.key), None)
        if loop is None or filling is None or row.path or self.is_doubled(other):
            return False
        return filling[0][0] == id(loop.node) and index is not loop.index

    def taken_in(self, item: Ref, records: RecordsRef, key: Atom, path: Path, schema: FieldKind, node: ast.AST) -> None:
        """What was put into a list of records is from now on the item there."""
        if not isinstance(schema, Schema):
            return
        match item:
            case TupleRef(items):
                held = zip(items, schema.fields, strict=True)
                inner = [(ref, name, part) for ref, (name, part) in held]
            case ObjectRef(storage) | DictRef(storage):
                refs = self.entries_of(storage)
                inner = [(refs[name], name, part) for name, part in schema.fields if isinstance(part, Schema)]
            case _:
                return
        for ref, name, part in inner:
            self.taken_in(ref, records, key, (*path, name), part, node)
        if isinstance(item, TupleRef):
            return
        row = self.row_of(item)
        for other in self.partners(item.storage) if row is None else ():
            if other is records.storage:
                self.doubled(other)
            self.share(records.storage, other)
        if row is not None:
            self.shared_with(records, row, node)
        elif self.reached(item.storage, beside=True):
            self.heap[item.storage] = Row(records, key, path, schema)
        else:
            self.heap[item.storage] = _gone("an object that was put into a list of records")

    def shared_with(self, records: RecordsRef, row: Row, node: ast.AST) -> None:
        """Note that a list of records holds an item of another one too, or one of its own again."""
        mine, theirs = records.storage, row.records.storage
        pair = frozenset((mine, theirs))
        loop = self.open_loops[-1] if self.open_loops else None
        alone = not row.path and loop is not None and row.key is loop.index and len(self.heads) == mine.depth + 1
        filling = (self.read_for(loop.node), id(node)) if alone and loop is not None else None
        before, index = self.filled.get(pair, (None if pair in self.related else filling, None))
        if mine is theirs or filling is None or before != filling or index is row.key:
            self.doubled(mine)
        self.filled[pair] = filling, row.key
        self.shares_with(mine, theirs)

    def shares_with(self, storage: Storage, other: Storage) -> None:
        """Note that a list of records may hold what another one, or an object, is or holds."""
        for one in (other, *self.partners(other)):
            if one is not storage:
                self.share(storage, one)
        if self.is_doubled(other):
            self.doubled(storage)

    def moved(self, records: RecordsRef, node: ast.AST, *, key: Atom | None = None, path: Path = ()) -> None:
        """Before other items are in the places of some, or of the one at `key`: who names one of them has it by itself.

        `path`: it is only that field of theirs which is another one.
        """
        self.moves[records.storage] = self.moves.get(records.storage, 0) + 1
        if not path and (name := self.pointing(records.storage)):
            named = f"`{name}`" if name.isidentifier() else "something else"
            what = f"a list of records whose items change places while {named} holds some of them"
            self.refuse(node, what, "put copies of them into it: copy.copy(...)")
        taken: list[Storage] = []
        for storage, row in list(self.heap.items()):
            if not isinstance(row, Row) or row.records.storage is not records.storage or row.path[: len(path)] != path:
                continue
            x, y = self.static(row.key), self.static(key) if key is not None else None
            if x is not None and y is not None and x != y and (x.value < 0) == (y.value < 0):
                continue  # another item
            if not self.reached(storage, beside=True):
                self.heap[storage] = _gone("an item of a list of records that has changed since")
                continue
            values = iter([self.field(records, row.key, path, None) for path in leaves(row.schema, row.path)])
            made = self.by_themselves(row.schema, values)
            assert isinstance(made, (ObjectRef, DictRef))
            self.heap[storage] = self.content(made.storage)
            own = [r.storage for r in self.holds(made) if isinstance(r, (ObjectRef, DictRef)) and self.row_of(r) is None]
            still = (row.key is not key and (x is None or x != y)) or self.is_doubled(records.storage)
            others = [*taken, *self.partners(records.storage), *([records.storage] if still else ())]
            for one in (storage, *own):
                for other in others:  # which may be it, or hold it
                    self.relate(one, other)
            taken += [storage, *own]

    def pointing(self, storage: Storage) -> str:
        """A name, still to be read, of another list that holds items of a list; empty where there is none."""
        known = [*self.unnamed]
        frame: Frame | None = self.frame
        while frame is not None:
            known += [(name, [ref]) for name, ref in frame.env.items() if frame.is_live(name)]
            frame = frame.caller
        for name, refs in known:
            lists = [held for ref in refs for held in self.holds(ref) if isinstance(held, RecordsRef)]
            bases = [base.storage for held in lists for pointer in pointers(held.schema) for base in pointer.base]
            if any(base is storage for base in bases):
                return name
        return ""

    def grows(self, records: RecordsRef, node: ast.AST) -> None:
        """Before an item is appended: those that are known by their places from the end are known by those from the front."""
        for storage, row in list(self.heap.items()):
            if isinstance(row, Row) and row.records.storage is records.storage and not self.is_place_from_front(row.key):
                if self.reached(storage, beside=True):
                    self.heap[storage] = replace(row, key=self.from_front(row.key, records, node))
                else:
                    self.heap[storage] = _gone("an item of a list of records that has changed since")

    def named_items_of(self, records: RecordsRef) -> bool:
        """Whether something that may still be read names an item of a list."""
        rows = ((s, row) for s, row in self.heap.items() if isinstance(row, Row) and row.records.storage is records.storage)
        return any(self.reached(storage, beside=True) for storage, _ in rows)

    def from_front(self, key: Atom, records: RecordsRef, node: ast.AST) -> Atom:
        """An index as one from the front."""
        if self.is_place_from_front(key):
            return key
        size, known = self.records_length(records, node), self.static(key)
        op, *args = ("operator.mod", key, size) if known is None else ("operator.sub", size, Const(-known.value))
        place = self.let(op, *args, type=INT)
        self.from_fronts.add(place)
        return place

    def records_length(self, owner: RecordsRef, node: ast.AST) -> Atom:
        """How many records a list has."""
        raise NotImplementedError

    def by_themselves(self, part: FieldKind, values: Iterator[Ref]) -> Ref:
        """A record, or a field of one, that is not in a list."""
        if part is None:
            return next(values)
        if isinstance(part, Alike):
            return self.same_in_all(part)
        if isinstance(part, Pointer):
            return self.pointed_to(part, next(values))
        if isinstance(part, Coded):
            return self.decoded(part, next(values))
        held = {name: self.by_themselves(inner, values) for name, inner in part.fields}
        if part.kind == "tuple":
            return TupleRef(tuple(held.values()), part.names, part.of)
        return self.new_dict(held) if part.of is None else self.new_object(part.of, held)

    def is_place_from_front(self, key: Atom) -> bool:
        """Whether an index is known to count from the front."""
        return key in self.from_fronts or self.is_from_front(Step("index", (key,)))

    # What other parts provide.

    def new_object(self, cls: ClassRef, held: Mapping[str, Ref], frozen: str = "") -> ObjectRef:
        """An object with some attributes."""
        raise NotImplementedError


def is_text(ref: Ref) -> bool:
    """Whether it is a string, known or computed."""
    return (isinstance(ref, Const) and isinstance(ref.value, str)) or (isinstance(ref, Var) and ref.type == TEXT)


def with_field(part: Any, path: Path, kind: FieldKind) -> Any:
    """What the records of a list are, with another kind of field at a path."""
    if not path:
        return kind
    fields = tuple((name, with_field(inner, path[1:], kind) if name == path[0] else inner) for name, inner in part.fields)
    return replace(part, fields=fields)


def _gone(what: str) -> Items:
    """The content of what may not be read any more."""
    return Items((Conflict(what, "take what is needed of it before"),))
