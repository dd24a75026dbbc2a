"""Items put into arrays, lists and dicts: `a[k] = v`, `l[i:j] = [...]`, `d[k] = v`."""

from __future__ import annotations

import ast

from adtransform.ir import Atom, Const, Var
from adtransform.lattice import INT, NONE, List, Static, Tuple
from adtransform.read.byname import class_of_number, name_of
from adtransform.read.core import Unreached
from adtransform.read.enums import members_in
from adtransform.read.indexing import COMPARED, Indexing
from adtransform.read.proving import NO_WRITE
from adtransform.read.refs import (
    DictRef,
    EitherRef,
    Entries,
    Items,
    ListRef,
    Method,
    Ref,
    Step,
    Storage,
    TupleRef,
    View,
)
from adtransform.read.storages import mutable


class Putting(Indexing):
    """Writing items."""

    def assign_item(self, owner: Ref, key: ast.expr, new: Ref, node: ast.AST, hint: str = "") -> None:
        """`owner[key] = new`"""
        owner = self.there(owner, node, NO_WRITE)
        if self.attempts:  # else the write itself raises
            self.there_value(owner, node, NO_WRITE)
        if owner == Const(None) or (isinstance(owner, Var) and owner.type == NONE):
            self.place = self.origin(node)
            self.effect("raise", Const(TypeError), Const(NO_WRITE))
            raise Unreached
        if isinstance(owner, DictRef):
            self.put_entry(owner, self.expression(key), new, node)
            return
        method = self.special(owner, "__setitem__", node)
        if method is not None:
            self.apply(method, [owner, self.whole_key(key), new], {}, node)
            return
        if isinstance(owner, TupleRef):
            self.refuse(node, "a write to an item of a tuple", "use a list")
        if isinstance(owner, Method) and owner.name == "flat":
            if not set(self.storages(owner.owner)).isdisjoint(self.storages(new)):  # which NumPy does not look for here
                self.refuse(node, "a write to `.flat` of what shares its memory", "write a copy: x.copy()")
            owner = self.through(owner.owner, Step("flat"), node)
        if isinstance(owner, ListRef):
            self.assign_list_item(owner, key, new, node)
            return
        owner, at, new = self.at_key(owner, key, new)
        self.assign_array_item(owner, at, new, node, hint)

    def put_entry(self, owner: DictRef, key: Ref, new: Ref, node: ast.AST) -> None:
        """`d[key] = new`, for a key that is read already."""
        if isinstance(key, EitherRef) and members_in(key):
            self.in_either(key, lambda one: self.put_entry(owner, one, new, node), node)
            return
        known = self.constant_key(key)
        if known is None:
            self.trip_of_key(key, node)
        if known is None or self.table(owner) is not None:
            self.put_in_table(owner, key, new, node)
            return
        self.may_write(owner.storage, node)
        self.heap[owner.storage] = Entries({**self.entries(owner, node), known.value: new})

    def assign_array_item(self, owner: Ref, key: Atom, new: Ref, node: ast.AST, hint: str = "") -> None:
        """Write part of an array."""
        seen = owner.seen if isinstance(owner, View) else None
        listed = isinstance(seen, Var) and isinstance(seen.type, List)  # what is put into a list in a list is no array
        value = new if listed else self.array_like(new, node)
        if isinstance(new, (ListRef, TupleRef)) and isinstance(owner, View):
            self.assume_no_list(self.value(owner, node))
            if not {owner.storage, *self.partners(owner.storage)}.isdisjoint(self.storages(new)):
                what = "a write of parts of an array into itself, one by one"
                self.refuse(node, what, "make an array of them first: np.array([...])")
        self.at(node)
        if not isinstance(owner, View):
            kind = class_of_number(self.type_of(self.value(owner, node)))
            if kind is None:
                self.refuse(node, "a write to an item of a number", "make an array first")
            said = f"'{name_of(kind)}' object does not support item assignment"
            self.lacks(TypeError, said, node, "a write to an item of a number", "make an array first")
        if self.in_each(owner, lambda side: self.assign_array_item(side, key, value, node, self.root_name(side.storage)), node):
            return
        self.certain(owner, node)
        before = self.value(owner, node)
        if isinstance(self.type_of(before), Tuple):
            self.refuse(node, "a write to an item of a tuple", "use a list")
        if isinstance(self.type_of(before), List):  # an inner list has other items now
            self.assign_inner_item(owner, before, key, new, node)
            return
        whole = self.type_of(key) == Tuple(())  # `x[()]` is `x[...]` where it is written
        a = self.array_like(value, node)
        self.store(owner, self.let("update", before, Const(...) if whole else key, a, hint=hint), node, hint)

    def assign_inner_item(self, owner: View, before: Atom, key: Atom, new: Ref, node: ast.AST) -> None:
        """Write an item of a list in a list, or some of its items."""
        if not isinstance(self.type_of(key), Static):
            self.change(owner, self.let("update", before, key, self.value(new, node)), node)
            self.hold(owner.storage, new)
            return
        inner = self.sublist(self.let("assign", before, type=self.type_of(before)), owner.storage)
        assert isinstance(inner, ListRef)
        self.assign_list_slice(inner, key, None, new, node)
        self.change(owner, self.listed(inner.storage), node)
        self.holds_as(owner.storage, inner.storage)

    def certain(self, view: View, node: ast.AST) -> None:
        """Writing into what an index gave: an array then, and it has to be a view."""
        for step in view.path:
            form = "int" if step.sure else self.form(step.args[0])
            if form in ("unknown", "optional"):
                check = "check that the index is not None, or" if form == "optional" else "annotate the index: `i: int`, or"
                help = f"{check} write x[i, j] = ..."
                self.refuse(node, "a write through an index that may be a copy", help)

    def store(self, view: View, new: Atom, node: ast.AST, hint: str) -> None:
        """Write a view, and let the name it was written through see its new value at once."""
        self.write(view, new, node, self.root_name(view.storage) if view.path else hint)
        ref = self.frame.env.get(hint)
        # Elsewhere the strides differ from the view's, and with them the last bits of sums and products.
        rows = all(s.op == "index" and self.ints(s.args[0]) for s in view.path)
        if rows and isinstance(ref, View) and ref.storage is view.storage and ref.path == view.path:
            self.frame.env[hint] = View(view.storage, view.path, new, self.content(view.storage))

    def assign_list_item(self, owner: ListRef, key: ast.expr, new: Ref, node: ast.AST) -> None:
        """Write an item of a list."""
        _, at, new = self.at_key(owner, key, new)
        if isinstance(key, ast.Slice):
            known = self.static_key(at) if isinstance(self.content(owner.storage), Items) else None
            self.may_write(owner.storage, node, structural=True)
            self.assign_list_slice(owner, at, known, new, node)
            return
        self.put_item(owner, at, new, node)

    def put_item(self, owner: ListRef, at: Atom, new: Ref, node: ast.AST) -> None:
        """Write an item of a list at an index that is read already."""
        content = self.content(owner.storage)
        known = self.static_key(at) if isinstance(content, Items) else None
        self.may_write(owner.storage, node, structural=True)
        if isinstance(content, Items) and isinstance(known, int):
            self.within(known, len(content.refs), node, "list assignment index out of range")
            items = list(content.refs)
            items[known] = new
            self.heap[owner.storage] = Items(tuple(items))
            return
        if isinstance(content, Items) and self.keeps_apart and len(content.refs) <= COMPARED and self.ones_in(new):
            self.trip_of_key(at, node)
            self.at(node)
            tests = self.places(at, len(content.refs))
            self.heap[owner.storage] = Items(tuple(EitherRef(t, new, r) for t, r in zip(tests, content.refs, strict=True)))
            return
        before = self.loosen(owner.storage, at)
        self.trip_by_trip((new,), at, owner.storage)
        self.note_named(owner.storage, new)
        value = self.value(new, node)
        self.at(node)
        self.hold(owner.storage, new)
        self.heap[owner.storage] = self.let("update", before, at, value)

    def assign_list_slice(self, owner: ListRef, at: Atom, known: slice | int | None, new: Ref, node: ast.AST) -> None:
        """`xs[a:b] = items`"""
        content = self.content(owner.storage)
        added = self.known_items(new)
        if isinstance(content, Items) and isinstance(known, slice) and added is not None:
            items = list(content.refs)
            try:
                items[known] = added
            except ValueError as error:
                self.refuse(node, "a write to a slice of a list", f"Python says: {error}")
            self.heap[owner.storage] = Items(tuple(items))
            return
        if isinstance(known, slice):
            at = self.let("slice", *(Const(p) for p in (known.start, known.stop, known.step)))
        first, last = self.cut(at, node)
        self.splice(owner, first, last, self.as_list(new, node), node)

    def cut(self, at: Atom, node: ast.AST) -> tuple[Atom, Atom]:
        """Where a slice of a list begins and ends, for one that surely does not end before it begins."""
        let = self.definitions.get(at) if isinstance(at, Var) else None
        assert let is not None
        first, last, step = let.args
        known = [self.static(a) for a in (first, last)]
        values = [k.value if k is not None else None for k in known]
        starts = first == Const(None) or (isinstance(values[0], int) and values[0] >= 0)
        ends = last == Const(None) or (isinstance(values[0], int) and isinstance(values[1], int) and values[1] >= values[0])
        if step not in (Const(None), Const(1)) or not (starts and (ends or first == Const(None))):
            self.refuse(node, "a write to this slice of a list", "use constant bounds in order: xs[1:3]")
        return first, last

    def splice(self, owner: ListRef, first: Atom, last: Atom, middle: Ref | None, node: ast.AST) -> None:
        """Put other items in place of some of a list of unknown length."""
        before = self.loosen(owner.storage)
        self.at(node)
        none = Const(None)
        parts: list[Atom] = []
        if first not in (none, Const(0)):
            parts.append(self.let("index", before, self.let("slice", none, first, none)))
        if isinstance(middle, ListRef):
            added = self.listed(middle.storage)
            self.takes_in(owner.storage, middle.storage, added)
            parts.append(added)
        if last != none:
            parts.append(self.let("index", before, self.let("slice", last, none, none)))
        new = parts[0] if parts else self.let("list")
        for part in parts[1:]:
            new = self.let("extend", new, part)
        self.heap[owner.storage] = self.let("assign", new)

    def alike(self, made: ListRef | DictRef, storage: Storage) -> ListRef | DictRef:
        """What is made of a `deque` or `defaultdict`, with its limit or factory."""
        made.storage.factory, made.storage.limit, made.storage.queue = storage.factory, storage.limit, storage.queue
        return made

    def keep_last(self, owner: ListRef, limit: Atom, node: ast.AST, *, left: bool = False) -> None:
        """A `deque` of limited length to which items were added: without its first ones where it is too long.

        `left`: they were added on the left, and the last ones go.
        """
        content, size = self.content(owner.storage), self.static(limit)
        if isinstance(content, Items) and size is not None:
            kept = slice(0, size.value) if left else slice(max(0, len(content.refs) - size.value), None)
            self.heap[owner.storage] = Items(content.refs[kept])
            return
        before = self.loosen(owner.storage)
        self.at(node)
        first: Atom = Const(None)
        if not left:
            over = self.let("operator.sub", self.let("builtins.len", before), limit)
            first = self.let("builtins.max", Const(0), over, type=INT)
        rest = self.let("slice", first, limit if left else Const(None), Const(None))
        self.heap[owner.storage] = self.let("index", before, rest, hint=self.list_name(owner.storage))

    def list_name(self, storage: Storage) -> str:
        """The name that a list goes by."""
        for name, ref in self.frame.env.items():
            if isinstance(ref, ListRef) and ref.storage is storage and not name.startswith("%"):
                return name
        return ""

    def takes_in(self, storage: Storage, more: Storage, value: Atom) -> None:
        """Note that a list gets the items of another one too, of which `value` is the content."""
        content = self.content(more)
        for partner in self.partners(more):
            (self.share if frozenset((more, partner)) in self.sharing else self.relate)(storage, partner)
        t = self.type_of(value)
        if isinstance(t, List) and mutable(t.item):
            mine, theirs = self.deeper({storage}), self.deeper({more})
            if frozenset((storage, more)) in self.related or not set(mine).isdisjoint(theirs):
                self.doubled(storage)
            elif self.is_doubled(more):
                self.doubled(storage, lists=self.is_doubled(more, lists=True))
            self.contained.update((storage, inner) for inner in theirs)
            self.relate(storage, more)
        for item in content.refs if isinstance(content, Items) else ():
            self.hold(storage, item)
