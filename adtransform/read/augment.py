"""Augmented assignment: a number is rebound, an array is written, a list is extended."""

from __future__ import annotations

import ast
from collections.abc import Callable

from adtransform.ir import Var
from adtransform.lattice import Array, List, Scalar, Unknown
from adtransform.read.core import Asked
from adtransform.read.frames import Frame
from adtransform.read.heap import Place
from adtransform.read.inplace import InPlace, shown_as
from adtransform.read.operators import BINARY
from adtransform.read.proving import NOT_ITERABLE
from adtransform.read.refs import (
    DictRef,
    EitherRef,
    Entries,
    Items,
    ListRef,
    Method,
    ObjectRef,
    RecordsRef,
    Ref,
    Row,
    Step,
    Storage,
    View,
)

_KEY = "%key"
_PLACE = "%place"


class Augment(InPlace):
    """Reading `x += v`."""

    def augment(self, stmt: ast.AugAssign) -> None:
        """`x += v`: a number is rebound, an array is written, a list is extended."""
        op = BINARY[type(stmt.op)]
        goal = stmt.target
        match goal:
            case ast.Name(id=name):
                read = ast.copy_location(ast.Name(name, ast.Load()), goal)
                before = self.expression(read)
                value, before = self.added([before], lambda: self.expression(read), stmt)
                self.place = self.origin(stmt)
                self.augment_name(name, before, op, value, stmt)
            case ast.Subscript(value=owner, slice=key):
                base = self.expression(owner)
                self.augment_item(base, key, op, stmt)
            case ast.Attribute(value=owner):
                self.augment_attribute(self.expression(owner), goal, op, stmt)

    def added(self, held: list[Ref], again: Callable[[], Ref], stmt: ast.AugAssign) -> tuple[Ref, ...]:
        """The right side, read after what is updated, as Python does, and what was held then, as it is now.

        Refused where it binds or writes what is updated itself, the first of `held`.
        """
        before = held[0]
        content = self.content(before.storage) if isinstance(before, View) else None
        with self.holding(held):
            value = self.expression(stmt.value)
        if held[0] is not before:
            before = held[0]
            content = self.content(before.storage) if isinstance(before, View) else None
        calls = any(isinstance(n, (ast.Call, ast.NamedExpr, ast.Attribute, ast.BinOp)) for n in ast.walk(stmt.value))
        if calls and isinstance(before, (View, ListRef)):
            now = again()
            t = self.type_of(self.value(before)) if isinstance(before, View) else None
            bound = not isinstance(now, (View, ListRef)) or now.storage is not before.storage
            written = isinstance(before, View) and before.path and self.content(before.storage) is not content
            if isinstance(t, Unknown) and bound and isinstance(before, View):
                bound = self.is_array(ast.unparse(stmt.target), before, stmt)
            if (bound and not isinstance(t, Scalar)) or written:
                what = "an update whose right side binds or writes what is updated"
                self.refuse(stmt, what, "give the right side a name first: v = ...")
        return value, *held

    def augment_attribute(self, owner: Ref, goal: ast.Attribute, op: str, stmt: ast.AugAssign) -> None:
        """`owner.name += v`"""
        owner = self.there(owner, goal, f"'NoneType' object has no attribute '{goal.attr}'", AttributeError)
        attr = self.spelled(goal.attr)
        if (kept := self.column_of(owner, attr)) is not None:
            self.augment_field(*kept, op, stmt)
            return
        before = self.attribute(owner, attr, goal)
        # Nothing of the user's is run to look again: no property.
        content = self.heap.get(owner.storage) if isinstance(owner, ObjectRef) else None
        held = isinstance(content, Entries) and attr in content.refs
        value, before = self.added([before], lambda: self.attribute(owner, attr, goal) if held else before, stmt)
        self.place = self.origin(stmt)
        if not isinstance(owner, ObjectRef):
            # Of a part of a complex array; refused, in its words, for anything else.
            self.set_attribute(owner, attr, self.binary(op, before, value, stmt) if isinstance(owner, View) else before, goal)
            return

        def rebind(ref: Ref) -> None:
            self.set_attribute(owner, attr, self.named(attr, ref, stmt), goal)

        bound = self.augment_name(attr, before, op, value, stmt, rebind, (owner.storage, attr))
        member = self.class_member(owner.kind.order, attr, goal)
        if not bound and member is not None and member.kind == "property":
            rebind(before)  # what was written in place is set as well

    def augment_field(self, column: ListRef, row: Row, op: str, stmt: ast.AugAssign) -> None:
        """The same of a field of an item of a list of records, which is an item of a list."""
        self.frame.env[_PLACE] = row.key
        self.augment_item(column, ast.copy_location(ast.Name(_PLACE, ast.Load()), stmt.target), op, stmt)
        self.frame.env.pop(_PLACE, None)
        self.may_write_row(row, stmt)

    def augment_name(
        self,
        name: str,
        before: Ref,
        op: str,
        value: Ref,
        stmt: ast.AugAssign,
        rebind: Callable[[Ref], None] | None = None,
        place: Place | None = None,
    ) -> bool:
        """`name += value`: whether the name was bound anew; `rebind` does it, `place` is an attribute instead of the name."""
        rebind = rebind or (lambda ref: self.bind(name, ref, stmt))
        if isinstance(before, ListRef) and op in ("add", "mul") and self.in_list(before.storage, op, value, stmt):
            return False
        if isinstance(before, RecordsRef) and op == "add":
            self.extend_records(before, value, stmt)
            return False
        if self.in_dict(before, op, value, stmt):
            return False
        if (updated := self.by_method(before, op, value, stmt)) is not None:
            rebind(updated)
            return True
        if not isinstance(before, View):
            rebind(self.binary(op, before, value, stmt))
            return True
        if self.inner_list(before, op, value, stmt):
            return False
        a = self.value(before, stmt)
        if isinstance(self.type_of(a), Unknown) and not self.is_array(name, before, stmt, place):
            written = before.storage.param in self.written
            self.may_be_passed_twice(before, stmt)
            self.may_be_outside(before, stmt)
            if op in ("add", "mul") and written:
                self.assume_no_list(a, "`{}` is updated as a whole")  # a list would have more items
            rebind(self.binary(op, before, value, stmt))
            return True
        self.has_axes(name, before, stmt, place)
        new = self.value(self.binary(op, before, value, stmt), stmt)
        self.place = self.origin(stmt)
        t, u = self.type_of(a), self.type_of(new)
        if t != u or not isinstance(t, Array) or self.loose(a):
            self.overwrite(before, new, stmt, name)
        else:
            named = self.let("assign", new, hint=name, type=u)
            self.store(before, named, stmt, name)
        return False

    def item_of_many(self, item: View, stmt: ast.AugAssign) -> None:
        """An item at an index not known yet is bound anew, where nobody else reads what may be that array."""
        value = self.value(item)
        twice = "another item" if self.is_doubled(item.storage) else ""
        if (name := self.named_item(item) or self.other_list(item.storage) or twice) and isinstance(value, Var):
            self.asked.append(Asked(value, ast.unparse(stmt.target), shown_as(name), self.origin(stmt)))
        for storage in self.partners(item.storage):
            name = self.reached(storage, beside=True)
            if name and not self.is_list(storage) and isinstance(self.type_of(self.value(View(storage))), (Array, Unknown)):
                what = f"an item updated in place, which may be {shown_as(name)}"
                self.refuse(stmt, what, "put a copy into the list: l.append(x.copy())")
        self.may_be_passed_twice(item, stmt)

    def inner_list(self, item: View, op: str, value: Ref, stmt: ast.AugAssign) -> bool:
        """`+=` of a list in a list, which changes that list."""
        t = self.type_of(self.value(item))
        if not isinstance(t, List):
            return False
        a = self.value(value, stmt) if isinstance(value, (View, Var)) else None
        if op != "add" or (a is not None and not isinstance(self.type_of(a), List)):
            self.refuse(stmt, "this update of a list in a list", "bind a new one: rows[i] = rows[i] + more")
        self.list_item_method(item, t, "extend", [value], {}, stmt)
        return True

    def other_list(self, storage: Storage) -> str:
        """A name of another list that may hold what a list holds; empty where there is none."""
        return next((n for s in self.partners(storage) if self.is_list(s) and (n := self.reached(s))), "")

    def named_item(self, item: View) -> str:
        """What holds an item of a list as deep in it as this one, a name still to be read or none; empty where nothing does."""
        holders = [*self.unnamed]
        frame: Frame | None = self.frame
        while frame is not None:
            holders += [(n, [r]) for n, r in frame.env.items() if frame.is_live(n)]
            frame = frame.caller

        def holds(ref: Ref) -> bool:
            views = (r for r in self.holds(ref) if isinstance(r, View))
            return any(v.storage is item.storage and len(v.path) >= len(item.path) for v in views)

        return next((what for what, refs in holders if any(map(holds, refs))), "")

    def in_list(self, storage: Storage, op: str, value: Ref, stmt: ast.AugAssign) -> bool:
        """`l += more`, `l *= count` in the list itself; False for an array, to which the list is added."""
        if op == "add":
            a = self.value(value, stmt) if isinstance(value, (View, Var)) else None
            if a is not None and isinstance(self.type_of(a), Array):
                return False
            if a is not None and isinstance(self.type_of(a), Unknown):
                param = self.root(a)
                if not param:
                    self.refuse(stmt, "a list to which what may be an array is added", "write l.extend(v), or annotate")
                self.take(param, "list", f"isinstance({param}, (list, tuple))", f"a list is extended by `{param}`")
            self.extend(storage, self.there(value, stmt, NOT_ITERABLE), stmt)
            return True
        count, content = self.static(self.value(value, stmt)), self.content(storage)
        if count is None or not isinstance(count.value, int) or count.value > 64 or not isinstance(content, Items):
            self.refuse(stmt, "a list that is repeated in place, of unknown length or how often", "bind a new one: l = l * n")
        self.may_write(storage, stmt, structural=True)
        self.heap[storage] = Items(content.refs * count.value)
        if storage.limit is not None:
            self.keep_last(ListRef(storage), storage.limit, stmt)
        return True

    def by_method(self, before: Ref, op: str, value: Ref, stmt: ast.AugAssign) -> Ref | None:
        """What the method of an object for its update gives; None where there is none."""
        method = self.special(before, f"__i{op.rstrip('_')}__", stmt) if isinstance(before, ObjectRef) else None
        return None if method is None else self.apply(method, [before, value], {}, stmt)

    def in_dict(self, before: Ref, op: str, value: Ref, stmt: ast.AugAssign) -> bool:
        """`d |= other`: the dict itself is written, whoever else sees it; gives whether it is one."""
        if op != "or_" or not isinstance(before, DictRef):
            return False
        self.dict_method(before, "update", [value], {}, stmt)
        return True

    def once(self, key: ast.expr, name: str = _KEY) -> ast.expr:
        """A key that is read more than once and evaluated only here, before what may change what it reads."""
        if isinstance(key, ast.Slice) or not any(isinstance(n, ast.Name) for n in ast.walk(key)):
            return key
        self.frame.env[name] = self.expression(key)
        return ast.copy_location(ast.Name(name, ast.Load()), key)

    def set_again(self, base: Ref, key: ast.expr, item: Ref, stmt: ast.AugAssign) -> None:
        """What was written in place becomes the item, which only an object of the user's can tell, or part of a list."""
        if isinstance(base, ObjectRef) or (isinstance(base, ListRef) and isinstance(key, ast.Slice)):
            self.assign_item(base, key, item, stmt)

    def place_of(self, base: Ref, key: ast.expr) -> Place | None:
        """The item of a list or a dict at a key that is known."""
        if not isinstance(base, (ListRef, DictRef)) or not isinstance(key, (ast.Constant, ast.UnaryOp, ast.Name)):
            return None
        dict_key = isinstance(base, DictRef)
        known = self.constant_key(self.expression(key)) if dict_key else self.static(self.index_key(key))
        if known is None:
            return None
        content = self.content(base.storage)
        at = known.value
        return base.storage, at % len(content.refs) if isinstance(content, Items) and content.refs else at

    def augment_item(self, base: Ref, key: ast.expr, op: str, stmt: ast.AugAssign) -> None:
        """`x[k] += v`"""
        base = self.there(base, stmt)
        if (
            isinstance(base, DictRef)
            and isinstance(key, ast.Constant)
            and (kept := self.column_of(base, key.value)) is not None
        ):
            self.augment_field(*kept, op, stmt)
            return
        if isinstance(base, Method) and base.name == "flat":
            base = self.through(base.owner, Step("flat"), stmt)
        if not isinstance(base, View):
            key = self.once(key)
            grown = self.grown_item(base, self.expression(key), stmt) if isinstance(base, DictRef) else None
            before = self.subscript(base, key, stmt) if grown is None else grown
            own = isinstance(base, ObjectRef) or (isinstance(base, ListRef) and isinstance(key, ast.Slice))
            value, before = self.added([before], lambda: before if own else self.subscript(base, key, stmt), stmt)
            if isinstance(before, EitherRef):
                what = "an update of an item that is one of several objects, lists or dicts"
                self.refuse(stmt, what, "give it a name first: v = d[k], then v += ...")
            if isinstance(before, View) and isinstance(self.type_of(self.value(before)), Array):
                if isinstance(base, (ListRef, DictRef)):
                    self.has_axes(ast.unparse(stmt.target), before, stmt, self.place_of(base, key))
                new = self.value(self.binary(op, before, value, stmt), stmt)
                self.overwrite(before, new, stmt)
                self.set_again(base, key, before, stmt)
                return
            if isinstance(before, View) and self.inner_list(before, op, value, stmt):
                self.set_again(base, key, before, stmt)
                return
            if isinstance(before, ListRef) and op in ("add", "mul") and self.in_list(before.storage, op, value, stmt):
                self.set_again(base, key, before, stmt)
                return
            if self.in_dict(before, op, value, stmt):
                self.set_again(base, key, before, stmt)
                return
            if (updated := self.by_method(before, op, value, stmt)) is not None:
                itself = isinstance(updated, ObjectRef) and isinstance(before, ObjectRef) and updated.storage is before.storage
                if not (itself and isinstance(base, RecordsRef)):
                    self.assign_item(base, key, updated, stmt)
                return
            known = isinstance(base, (ListRef, DictRef)) and isinstance(self.content(base.storage), (Items, Entries))
            if known and isinstance(before, View) and isinstance(self.type_of(self.value(before)), Unknown):
                name = ast.unparse(stmt.target)
                if self.is_array(name, before, stmt, self.place_of(base, key)):
                    self.overwrite(before, self.value(self.binary(op, before, value, stmt), stmt), stmt)
                    return
                self.may_be_passed_twice(before, stmt)
                self.may_be_outside(before, stmt)
            elif isinstance(before, View) and isinstance(self.type_of(self.value(before)), Unknown):
                self.item_of_many(before, stmt)
            self.assign_item(base, key, self.binary(op, before, value, stmt), stmt)
            return
        base, at = self.at_key(base, key)
        before = self.indexed(base, at, stmt)
        value, before, base = self.added([before, base], lambda: before, stmt)
        if isinstance(before, View) and isinstance(self.type_of(self.value(base)), List):
            inner = self.type_of(self.value(before))
            if isinstance(inner, Array):
                self.overwrite(before, self.value(self.binary(op, before, value, stmt), stmt), stmt)
                return
            if isinstance(inner, Unknown):
                self.item_of_many(before, stmt)
        new_ref = self.binary(op, before, value, stmt)
        self.place = self.origin(stmt)
        hint = (
            stmt.target.value.id if isinstance(stmt.target, ast.Subscript) and isinstance(stmt.target.value, ast.Name) else ""
        )
        self.assign_array_item(base, at, new_ref, stmt, hint)
