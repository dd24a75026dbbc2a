"""What a function returns: how numbers, arrays and lists of such are nested in it."""

from __future__ import annotations

import ast
from typing import Any

from adtransform.ir import Atom, Record, Var
from adtransform.lattice import Tuple
from adtransform.read.refs import (
    ClassRef,
    DictRef,
    FieldKind,
    Items,
    Lazy,
    ListRef,
    ObjectRef,
    Part,
    Pointer,
    RangeRef,
    RecordsRef,
    Ref,
    Schema,
    Storage,
    TupleRef,
)
from adtransform.read.schemas import Path
from adtransform.read.statements import Statements


class Results(Statements):
    """Taking apart what a function returns."""

    def tree_of(self, ref: Ref, node: ast.AST, around: tuple[Storage, ...] = ()) -> Any:
        """A result as a tree of its values."""
        self.sure(ref, node)
        ref = self.made_whole(ref)
        if isinstance(ref, (ListRef, DictRef, ObjectRef)):
            if ref.storage in around:
                self.refuse(node, "a result that holds itself", "return its parts")
            around = (*around, ref.storage)
        kind = getattr(ref, "kind", None)
        if isinstance(kind, ClassRef) and kind.frame is not None and self.module.live is not None:
            self.refuse(node, f"a result that is an object of `{kind.name}`, a class defined in it", "return what it holds")
        match ref:
            case TupleRef(items, names, ClassRef(title, live=live)):
                return Record.of((self.tree_of(i, node, around) for i in items), names, title, live)
            case TupleRef(items):
                return tuple(self.tree_of(i, node, around) for i in items)
            case ObjectRef(_, ClassRef(title, live=live)):
                held = self.every_attribute(ref, node)
                return Record.of((self.tree_of(i, node, around) for i in held.values()), tuple(held), title, live)
            case ListRef(storage):
                content = self.content(storage)
                if isinstance(content, Items):
                    return [self.tree_of(i, node, around) for i in content.refs]
                self.keep_names(storage)
                return self.value(ref, node)
            case RecordsRef():
                return self.many(ref, node)
            case DictRef():
                return {k: self.tree_of(v, node, around) for k, v in self.entries(ref, node).items()}
            case RangeRef() | Lazy():
                return self.tree_of(self.as_list(ref, node), node)
        value = self.value(ref, node)
        if isinstance(value, Var) and isinstance(t := value.type, Tuple):
            return tuple(self.tree_of(self.part(ref, i), node, around) for i in range(len(t.items)))
        return value

    def many(self, records: RecordsRef, node: ast.AST) -> Record:
        """A list of records of unknown length: one record of the lists of what is in each."""
        top = records.schema
        direct = isinstance(top, Schema) and not isinstance(self.heap.get(records.storage), Part)

        def form(part: FieldKind, path: Path, *, kept: bool) -> Any:
            if isinstance(part, Pointer):
                return form(part.schema, path, kept=False)
            if not isinstance(part, Schema):
                return listed(path) if not kept or part is not None else self.value(self.column(records, path), node)
            names = tuple(name for name, _ in part.fields)
            parts = [form(inner, (*path, name), kept=kept) for name, inner in part.fields]
            if part.of is not None:
                return Record.of(parts, names, part.of.name, part.of.live)
            return dict(zip(names, parts, strict=True)) if part.kind == "dict" else tuple(parts)

        def listed(path: Path) -> Atom:
            return self.value(self.collected(records, lambda item: self.at_path(item, path, node), node), node)

        tree = form(top, (), kept=direct)
        if isinstance(tree, Record):
            return Record.of(tree, tree.names, tree.title, tree.kind, many=True)
        names = tuple(tree) if isinstance(tree, dict) else tuple(map(str, range(len(tree))))
        parts = tree.values() if isinstance(tree, dict) else tree
        return Record.of(parts, names, type(tree).__name__, type(tree), many=True)

    def at_path(self, ref: Ref, path: Path, node: ast.AST) -> Ref:
        """What is at a path in a record."""
        for name in path:
            match ref:
                case TupleRef(items, names):
                    ref = items[names.index(name) if names else name]
                case ObjectRef():
                    ref = self.attributes_of(ref)[name]
                case DictRef():
                    ref = self.entries(ref, node)[name]
        return ref
