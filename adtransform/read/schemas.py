"""What the records of a list of unknown length are: read off one that is put into it, before the function is read again."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from adtransform.ir import Const, Var
from adtransform.lattice import Tuple
from adtransform.read.core import Gathered
from adtransform.read.frames import Frame
from adtransform.read.methods import Methods
from adtransform.read.refs import (
    Alike,
    ClassRef,
    Coded,
    Conflict,
    DictRef,
    EitherRef,
    Entries,
    External,
    FieldKind,
    FunctionRef,
    Items,
    ListRef,
    Method,
    ObjectRef,
    Pointer,
    RecordsRef,
    Ref,
    Row,
    Schema,
    Storage,
    TupleRef,
    View,
    itemized,
)
from adtransform.read.scope import inside
from adtransform.read.storages import holds_objects
from adtransform.read.templates import function_key

Path = tuple[Any, ...]

POINTED = "an item of a list that is made elsewhere, in a list of records of unknown length", "make that list first, by `[...]`"


class Schemas(Methods):
    """Finding out what the records of lists are."""

    # Making them.

    def open_list(self, node: ast.AST) -> ListRef | RecordsRef:
        """The list that an expression makes, still without items."""
        made = self.called_for(node)
        if made not in self.records:
            plain = self.new_list((), node)
            plain.storage.made = (made,)
            return plain
        records = self.new_records(self.known_here(self.records[made]), self.goal(node) or "items")
        records.storage.made = (made,)
        return records

    def new_records(self, schema: Schema | Pointer, label: str) -> RecordsRef:
        """An empty list of records."""
        storage = Storage(label, depth=len(self.heads))
        columns: dict[object, Ref] = {}
        for path in leaves(schema):
            column = self.new_list(())
            column.storage.label = "_".join([label, *map(_word, path)])
            columns[path] = column
        self.heap[storage] = Entries(columns)
        return RecordsRef(storage, schema)

    def known_here(self, part: Any) -> Any:
        """What a list was found to hold in another reading, with the classes as they are known in this one."""
        if isinstance(part, Pointer):
            return replace(part, schema=self.known_here(part.schema), base=[])
        if isinstance(part, Coded):
            return Coded(self.class_again(part.of))
        if isinstance(part, Alike):
            return replace(
                part,
                held=[
                    self.class_again(ref) if isinstance(ref, ClassRef) else ref
                    for ref in part.held
                    if not isinstance(ref, FunctionRef)
                ],
            )
        if not isinstance(part, Schema):
            return part
        fields = tuple((name, self.known_here(inner)) for name, inner in part.fields)
        return Schema(part.kind, fields, None if part.of is None else self.class_again(part.of), part.names)

    def class_again(self, cls: ClassRef) -> ClassRef:
        """A class as this reading knows it."""
        if cls.live is not None:
            return self.known_classes.get(cls.live) or self.enumeration_class(cls.live) or self.live_class(cls.live)
        assert cls.node is not None
        if cls.frame is None:
            return self.text_class(cls.node, cls.module)
        if id(cls.node) in self.known_classes:
            return self.known_classes[id(cls.node)]
        if cls.node not in inside(self.frame.scope.body):
            what = f"a list of objects of `{cls.name}`, which each call of a function defines anew"
            self.refuse(None, what, "define the class at module level, and keep what it reads in attributes")
        return self.text_class(cls.node, cls.module, self.frame)

    def gather(self, storage: Storage, items: list[Ref]) -> None:
        """Read the function again with a list of records in the place of a list; nothing where that cannot be."""
        if any(made not in self.records for made in storage.made):
            schema = self.schema_of(items[0])
            if isinstance(schema, (Schema, Pointer)):
                self.become(storage, schema)

    def become(self, storage: Storage, schema: Schema | Pointer) -> NoReturn:
        """Read the function again with a list of such records in the place of a list; refused where that cannot be."""
        lists = [made for made in storage.made if made not in self.records]
        if not lists:
            self.refuse(None, "a list of records of unknown length, made here of something else", "append in a loop")
        raise Gathered(lists, schema)

    def note_named(self, storage: Storage, item: Ref) -> None:
        """Note which named tuples are in a list of unknown length, where the names of their fields are lost."""
        todo = [item]
        for part in todo:  # which grows
            if isinstance(part, TupleRef):
                todo += part.items
                self.tuple_kinds.update([] if part.kind is None else [part.kind])
        if storage.made and any(isinstance(part, TupleRef) and part.names for part in todo):
            schema = self.schema_of(item)
            assert isinstance(schema, Schema)
            self.named_items.update(dict.fromkeys(storage.made, schema))

    def keep_names(self, storage: Storage) -> None:
        """Read the function again with a list of records in the place of a list of tuples whose names are asked for."""
        lost = {made: self.named_items[made] for made in storage.made if made in self.named_items and made not in self.records}
        for schema in lost.values():
            raise Gathered([*lost], schema)

    def sort_out(self, ref: Ref, kinds: Sequence[Ref], node: ast.AST) -> None:
        """See to it that a tuple's class is known where it matters: in a list of unknown length it is lost."""
        if not self.tuple_kinds or not isinstance(ref, (Var, View)) or not isinstance(self.type_of(self.value(ref)), Tuple):
            return
        for made, schema in self.named_items.items():
            if schema.of is not None and made not in self.records and any(k in schema.of.order for k in kinds):
                raise Gathered([made], schema)
        if any(k in cls.order for cls in self.tuple_kinds for k in kinds):
            self.refuse(node, "the class of a tuple that is in a list of unknown length", "keep a list of such tuples alone")

    def attribute(self, owner: Ref, attr: str, node: ast.AST) -> Ref:
        """`x.attr`; of a named tuple in a list of unknown length, once that is a list of records."""
        if self.named_items and isinstance(owner, (Var, View)) and isinstance(self.type_of(self.value(owner)), Tuple):
            for made, schema in self.named_items.items():
                has = schema.of is not None and self.class_member(schema.of.order, attr, node) is not None
                if (has or attr in schema.names) and made not in self.records:
                    raise Gathered([made], schema)
        return super().attribute(owner, attr, node)

    def schema_of(self, ref: Ref, name: str = "") -> FieldKind:
        """What a record of a list is, or one of its fields."""
        row = self.row_of(ref)
        if row is not None and not name and not self.is_kept(row.records.storage):
            return row.schema
        if row is not None:
            if len(made := row.records.storage.made) != 1:
                self.refuse(None, *POINTED)
            return Pointer(made[0], row.path, row.schema)
        match ref:
            case ObjectRef(storage, kind) if storage.outside is None:
                return Schema("object", self.schemas(self.entries_of(storage).items(), name), kind)
            case DictRef(storage) if storage.factory is not None:
                self.refuse(None, "a `defaultdict` in a list of unknown length", "use dicts that are made with all their keys")
            case DictRef(storage) if self.table(ref) is None:
                return Schema("dict", self.schemas(self.entries_of(storage).items(), name))
            case TupleRef(items, names, kind):
                return Schema("tuple", self.schemas(zip(names or range(len(items)), items, strict=True), name), kind, names)
            case Const(tuple()):
                return self.schema_of(itemized(ref), name)
            case Const(value) if not isinstance(value, (bool, int, float, complex)):
                return Alike(("constant", type(value), value), [ref])
            case EitherRef() if (kind := self.class_of_member(ref)) is not None:
                return Coded(kind)
            case External() | ClassRef() | FunctionRef(defaults=(), keyword_defaults={}):
                return Alike(key_of(ref), [ref])
            case Conflict() | Method():
                self.unusable(ref, None)
            case ListRef(storage) if isinstance(content := self.content(storage), Items):
                if not any(map(holds_objects, content.refs)):
                    return None
            case Var() | Const() | View() | ListRef():
                return None
        field = f"the field `{name}`" if name else "an item"
        what = f"{field} of a list of records of unknown length, which is no number, array or list of such"
        self.refuse(None, what, "keep a list of its own for it")

    def is_kept(self, storage: Storage) -> bool:
        """Whether a list can still be seen behind the statement being read, other than by what is bound there."""
        but, goal = None, ""
        match self.frame.statement:
            case ast.Assign(targets=[ast.Name(id=goal)]):
                pass
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=name), attr=attr)]):
                owner = self.frame.env.get(name)
                but = (owner.storage, attr) if isinstance(owner, ObjectRef) else None
        frame: Frame | None = self.frame
        while frame is not None:
            for name, ref in frame.env.items():
                bound = name.startswith("%h") or (name == goal and frame is self.frame) or self.row_of(ref) is not None
                if not bound and frame.is_live(name) and any(s is storage for s in self.storages(ref, but)):
                    return True
            frame = frame.caller
        return False

    def schemas(self, fields: Any, name: str) -> tuple[tuple[Any, FieldKind], ...]:
        """The same of each of some fields."""
        return tuple((key, self.schema_of(ref, f"{name}.{key}" if name else str(key))) for key, ref in fields)

    def entries_of(self, storage: Storage) -> Mapping[Any, Ref]:
        """What an object or a dict holds."""
        content = self.content(storage)
        if isinstance(content, Items):
            self.unusable(content.refs[0], None)
        assert isinstance(content, Entries)
        return content.refs

    def row_of(self, ref: Ref) -> Row | None:
        """The row that an object or a dict is; None where it is none."""
        found = self.heap.get(ref.storage) if isinstance(ref, (ObjectRef, DictRef)) else None
        return found if isinstance(found, Row) else None


def leaves(part: FieldKind, path: Path = ()) -> list[Path]:
    """The paths to the values of a record."""
    if isinstance(part, Schema):
        return [leaf for name, inner in part.fields for leaf in leaves(inner, (*path, name))]
    return [] if isinstance(part, Alike) else [path]


def key_of(ref: Ref, *, whole: bool = False) -> object:
    """What is equal for two references to one function or class, or to one constant; `whole`: made by one call."""
    match ref:
        case Const(value):
            return value
        case ClassRef():
            return "class", id(ref.live or ref.node)
        case FunctionRef(node) if not whole:
            return "function", id(node)
    return function_key(ref)


def _word(name: object) -> str:
    """A key of a dict as part of a name."""
    return "".join(c if c.isalnum() else "_" for c in str(name))
