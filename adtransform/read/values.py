"""Templates, values in and values out: what the regions of a branch or a loop yield, and the references made of that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from adtransform.ir import UNDEFINED, Atom, Const, If, Region, Var
from adtransform.lattice import BOOL, Static
from adtransform.read.frames import FALSE, TRUE
from adtransform.read.refs import (
    ClassRef,
    Conflict,
    Content,
    DerivedRef,
    DictRef,
    EitherRef,
    Entries,
    External,
    FunctionRef,
    Held,
    Items,
    ListRef,
    MaybeRef,
    Method,
    ObjectRef,
    PartialRef,
    RecordsRef,
    Ref,
    Row,
    Storage,
    TupleRef,
    View,
)
from adtransform.read.storages import Storages, mutable
from adtransform.read.templates import (
    Bad,
    Body,
    EntriesOf,
    Group,
    ItemsOf,
    Leaf,
    Perhaps,
    Picked,
    RowOf,
    Same,
    Template,
    function_key,
)

DIFFER = "which differs in kind between the paths that meet here"


def told(hint: str) -> str:
    """What a message begins with: a name, where there is one."""
    return f"`{hint}`, " if hint else ""


def is_plain_function(ref: Ref | None) -> bool:
    """Whether it is a function that means the same behind the branch that has bound it."""
    if isinstance(ref, DerivedRef):
        return is_plain_function(ref.function)
    return isinstance(ref, External) or (
        isinstance(ref, FunctionRef) and not ref.keyword_defaults and not any(d is not None for d in ref.defaults)
    )


def same_function(a: Ref, b: Ref) -> bool:
    """Whether two references are one function."""
    return function_key(a) == function_key(b)


def picked(flags: Sequence[Atom], functions: Sequence[Ref]) -> Ref:
    """The function that the first true flag tells, or the last one."""
    if not flags or flags[0] == TRUE:
        return functions[0]
    rest = picked(flags[1:], functions[1:])
    return rest if isinstance(flags[0], Const) else EitherRef(flags[0], functions[0], rest)


def where_there(ref: Ref | None) -> Ref | None:
    """What something that may be None is where it is not."""
    return ref.ref if isinstance(ref, MaybeRef) else None if ref == Const(None) else ref


class Templating(Storages):
    """References as values, and back."""

    def is_one(self, ref: Ref) -> bool:
        """Whether it means the same behind the branch that has bound it: a function, or what is kept apart, or its method."""
        match ref:
            case ListRef() | RecordsRef() | DictRef() | ObjectRef() | ClassRef():
                return self.keeps_apart
            case Method(owner):
                return self.keeps_apart and isinstance(owner, Held)
            case PartialRef(function, args, kwargs) if self.keeps_apart and not kwargs:
                return is_plain_function(function) and all(isinstance(a, (Held, ClassRef)) for a in args)
        return is_plain_function(ref)

    def ones_in(self, ref: Ref | None) -> list[Ref] | None:
        """What a reference may be, where each of that means the same behind the branch that has bound it."""
        if isinstance(ref, EitherRef):
            then, orelse = self.ones_in(ref.then), self.ones_in(ref.orelse)
            return None if then is None or orelse is None else then + orelse
        return [] if ref is None else [ref] if self.is_one(ref) else None

    def is_function(self, ref: Ref, function: Ref) -> Atom:
        """Whether one of several functions is a certain one."""
        if not isinstance(ref, EitherRef):
            return Const(same_function(ref, function))
        then, orelse = self.is_function(ref.then, function), self.is_function(ref.orelse, function)
        if then == orelse or (then, orelse) == (TRUE, FALSE):
            return then if then == orelse else ref.cond
        if (then, orelse) == (FALSE, TRUE):
            return self.let("operator.not_", ref.cond, type=BOOL)
        target = Var(BOOL)
        self.builder.add(If((target,), ref.cond, Region((), (), (then,)), Region((), (), (orelse,)), self.place))
        return target

    def flatten(self, ref: Ref | None, template: Template, out: list[Atom]) -> None:
        """The values of a reference that a template asks for, in order."""
        match template:
            case Leaf():
                if ref is None or isinstance(ref, Conflict) or (template.packed and ref == Const(None)):
                    out.append(UNDEFINED)
                else:
                    out.append(self.value(ref))
            case Group(items):
                refs = ref.items if isinstance(ref, TupleRef) else (None,) * len(items)
                if len(refs) != len(items):
                    self.refuse(None, "a tuple that grows in a loop", "use a list: items.append(v)")
                for r, t in zip(refs, items, strict=True):
                    self.flatten(r, t, out)
            case Perhaps(_, inner):
                there = ref.there if isinstance(ref, MaybeRef) else Const(ref != Const(None))
                out.append(UNDEFINED if ref is None or isinstance(ref, Conflict) else there)
                self.flatten(where_there(ref), inner, out)
            case Picked(flags, functions):
                gone = ref is None or isinstance(ref, Conflict)
                for f in functions[: len(flags)]:
                    out.append(UNDEFINED if gone or ref is None else self.is_function(ref, f))

    def flatten_content(self, content: Content | None, body: Body, storage: Storage, out: list[Atom]) -> None:
        """The same for what a storage holds."""
        match body:
            case Leaf():
                if storage in self.partial and isinstance(content, (Items, Entries)) and content.refs:
                    what = "a list or dict that one path has made, and that has other items or keys on another"
                    self.refuse(None, what, "make it before the branch")
                if isinstance(content, Items):
                    self.trip_by_trip(content.refs, storage=storage)
                    for item in content.refs:
                        self.note_named(storage, item)
                        self.hold(storage, item)
                    out.append(self.let("list", *(self.value(item) for item in content.refs)))
                    self.joined.update(pair for pair in self.related if storage in pair)
                elif isinstance(content, Entries):
                    out.append(self.tabled(storage, content))
                    self.joined.update(pair for pair in self.related if storage in pair)
                else:
                    out.append(content if isinstance(content, (Var, Const)) else UNDEFINED)
            case RowOf(front=front):
                key = content.key if isinstance(content, Row) else UNDEFINED
                node = self.frame.statement or self.frame.scope.node
                out.append(self.from_front(key, content.records, node) if front and isinstance(content, Row) else key)
            case ItemsOf(items):
                refs = content.refs if isinstance(content, Items) else (None,) * len(items)
                if len(refs) != len(items):
                    self.refuse(None, "a list whose length changes from trip to trip", "fill it with append in one place")
                for r, t in zip(refs, items, strict=True):
                    self.flatten(r, t, out)
            case EntriesOf(entries):
                for k, t in entries.items():
                    self.flatten(content.refs.get(k) if isinstance(content, Entries) else None, t, out)

    def unflatten(self, template: Template, values: Iterator[Atom]) -> Ref:
        """The reference that a template describes, from its values."""
        match template:
            case Same(ref):
                return ref
            case Leaf(storage, hint):
                a = next(values)
                if isinstance(a, Const):
                    return a
                if a.type == Static("mixed"):
                    return Conflict(f"{told(hint)}{DIFFER}", "bind values of one kind on every path: a number instead of None")
                if not mutable(a.type):
                    return a
                if storage not in self.heap:
                    self.heap[storage] = a
                return View(storage, (), a, self.heap[storage])
            case Group(items, like):
                return TupleRef(tuple(self.unflatten(t, values) for t in items), like.names, like.kind)
            case Perhaps(_, inner):
                there = next(values)
                held = self.unflatten(inner, values)
                return Const(None) if there == FALSE else held if isinstance(there, Const) else MaybeRef(there, held)
            case Picked(flags, functions):
                return picked([next(values) for _ in flags], functions)
            case Bad(what, help):
                return Conflict(what, help)

    def unflatten_content(self, body: Body, values: Iterator[Atom]) -> Content:
        """The content that a body describes, from its values."""
        match body:
            case Leaf():
                a = next(values)
                assert isinstance(a, (Var, Const))
                return a
            case ItemsOf(items):
                return Items(tuple(self.unflatten(t, values) for t in items))
            case EntriesOf(entries, attributes):
                return Entries({k: self.unflatten(t, values) for k, t in entries.items()}, attributes)
            case RowOf(row, _, front):
                key = next(values)
                if front:
                    self.from_fronts.add(key)
                return replace(row, key=key)
            case Bad(what, help):
                return Items((Conflict(what, help),))
