"""What is passed to a function that is read by itself, as it and as its caller see it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from adtransform.ir import Atom, Const, Var
from adtransform.lattice import Dict, List, Static
from adtransform.read.frames import DEAD, Frame
from adtransform.read.objects import Objects
from adtransform.read.outline import Arguments, Fixed, Form, Given, Group, Kind, Outcome, Same, functions, settled, unique
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
    Items,
    ListRef,
    MaybeRef,
    ObjectRef,
    PartialRef,
    RangeRef,
    RecordsRef,
    Ref,
    Row,
    Schema,
    Storage,
    TupleRef,
    View,
    pointers,
)
from adtransform.read.scope import free_names
from adtransform.read.storages import mutable

Kept = ListRef | DictRef | ObjectRef | RecordsRef


class Inseparable(Exception):
    """An argument that cannot be flattened."""


class Outlining:
    """The arguments of a call, flattened."""

    def __init__(self, reader: Objects, loose: bool, *, distinct: bool = False) -> None:
        self.reader = reader
        self.loose = loose  # lists are passed as such, not item by item
        self.distinct = distinct  # what is passed twice is two arguments: a derivative is with respect to one of them
        self.given = Arguments()

    def form(self, ref: Ref, name: str) -> Form:
        """The form of an argument; its numbers and arrays are noted in `given`."""
        match ref:
            case Const(value) if isinstance(value, bool) or not isinstance(value, (int, float, complex)):
                return Fixed(ref, ref)
            case Const() | Var() | View():
                t = self.reader.type_of(self.reader.value(ref))
                if isinstance(t, Static):
                    raise Inseparable(f"`{name}`, which is neither a number nor an array")
                return self._leaf(ref, name)
            case TupleRef(items, fields, kind):
                labels = fields or tuple(str(i) for i in range(len(items)))
                return Group(self._forms(zip(labels, items, strict=True), name), TupleRef, fields, kind)
            case RangeRef(start, stop, step):
                parts = zip(("start", "stop", "step"), (start, stop, step), strict=True)
                return Group(self._forms(parts, name), RangeRef)
            case RecordsRef(storage, schema):
                if pointers(schema):
                    raise Inseparable(f"`{name}`, a list that holds items of another one")
                self.reader.columns_of(ref)  # of a slice those of its own
                return self._container(ref, storage, name)
            case ListRef(storage) | DictRef(storage) | ObjectRef(storage):
                return self._container(ref, storage, name)
            case ClassRef(frame=None):
                return Fixed(("class", id(ref)), ref)
            case FunctionRef(definition, _, frame):
                fixed = Fixed(("function", id(definition), id(frame.key) if frame is not None else 0), ref)
                held = _made_defaults(ref)
                return Group((fixed, *self._forms(held.items(), name)), FunctionRef, tuple(held)) if held else fixed
            case External(op, live):
                return Fixed(("external", op, id(live)), ref)
            case MaybeRef(there, inner):
                return Group((self._leaf(there, f"has_{name}"), self.form(inner, name)), MaybeRef)
            case EitherRef(cond, then, orelse):
                sides = self.form(then, name), self.form(orelse, name)
                return Group((self._leaf(cond, f"is_{name}"), *sides), EitherRef)
            case DerivedRef(how, inner, wrt, single):
                return Group((self.form(inner, name),), DerivedRef, (how, wrt, single))
            case PartialRef(inner, args, kwargs):
                named = {"function": inner, **{str(i): a for i, a in enumerate(args)}, **kwargs}
                return Group(self._forms(named.items(), name), PartialRef, tuple(kwargs))
        raise Inseparable(f"`{name}`, which is no number, array, list, tuple or dict")

    def _forms(self, parts: Any, name: str) -> tuple[Form, ...]:
        return tuple(self.form(ref, f"{name}_{label}") for label, ref in parts)

    def _leaf(self, ref: Ref, name: str) -> Form:
        for i, known in enumerate(() if self.distinct else self.given.refs):
            if _place(ref) is not None and _place(ref) == _place(known):
                return Given(i)
        self.given.refs.append(ref)
        self.given.names.append(unique(name if name.isidentifier() else "argument", set(self.given.names)))
        return Given(len(self.given.refs) - 1)

    def _container(self, ref: Kept, storage: Storage, name: str) -> Form:
        if isinstance(self.reader.heap.get(storage), Row):
            raise Inseparable(f"`{name}`, an item of a list of records of unknown length")
        for i, known in enumerate(self.given.containers):
            if known.storage is storage:
                return Same(i, True)
        content = self.reader.loosen(storage) if self.loose and isinstance(ref, ListRef) else self.reader.content(storage)
        if self.loose and isinstance(ref, DictRef) and isinstance(content, Entries) and self.reader.is_memory(content):
            content = self.reader.as_table(ref, Const(None), "a dict", None)
        if isinstance(content, (Var, Const)):
            return self._leaf(ref, name)
        if isinstance(ref, ObjectRef) and ref.kind.frame is not None:
            raise Inseparable(f"`{name}`, an object of a class defined in a function")
        self.given.containers.append(ref)
        place = len(self.given.containers) - 1
        if isinstance(content, Items):
            return Group(self._forms(enumerate(content.refs), name), ListRef, (), None, place)
        assert isinstance(content, Entries)
        labels = ["_".join(map(str, key)) if isinstance(ref, RecordsRef) else key for key in content.refs]
        items = self._forms(zip(labels, content.refs.values(), strict=True), name)
        return Group(items, type(ref), tuple(content.refs), _class_of(ref), place, _schema_of(ref))

    def close_over(self, function: FunctionRef) -> None:
        """What a function, and those it is given, read of the calls they are defined in is passed as well."""
        todo = [function, *functions(self.given.forms.values())]
        seen: set[tuple[int, int]] = set()
        while todo:
            one = todo.pop()
            if one.frame is None or (id(one.node), id(one.frame)) in seen:
                continue
            seen.add((id(one.node), id(one.frame)))
            around: Frame | None = one.frame
            while around is not None:
                self.given.around.setdefault(around, {})
                around = around.parent
            for name in sorted(free_names(one.node)):
                holder: Frame | None = one.frame
                while holder is not None and name not in holder.env:
                    holder = holder.parent
                if holder is None or name in self.given.around[holder]:
                    continue
                ref = holder.env[name]
                if isinstance(ref, Conflict):
                    continue  # refused where it is read
                self.given.around[holder][name] = form = self.form(ref, name)
                todo += functions([form])


class Inside:
    """The arguments as the function itself sees them, and what it gives back; `results` are the values, flat."""

    def __init__(self, reader: Objects, name: str, names: list[str], kinds: list[Kind], given: Arguments) -> None:
        self.reader, self.name, self.names, self.kinds = reader, name, names, kinds
        self.refs = [self._parameter(n, k, r) for n, k, r in zip(names, kinds, given.refs, strict=True)]
        self.frozen = [c.storage.frozen for c in given.containers]
        self.containers: dict[int, Kept] = {}
        self.results: list[Atom] = []
        self.numbers: dict[Storage, int] = {}
        self.frames: dict[Frame, Frame] = {}
        for frame in given.around:
            self._shadow(frame)
        for form in given.forms.values():
            self.ref(form)
        for frame, forms in given.around.items():
            self.frames[frame].env.update({name: self.ref(form) for name, form in forms.items()})
        self.before = {i: reader.heap[c.storage] for i, c in self.containers.items()}

    def _parameter(self, name: str, kind: Kind, outside: Ref) -> Ref:
        if isinstance(kind, Const):
            return kind
        if not mutable(self.reader.param_type(name)):
            return self.reader.load(name)
        storage = Storage(name, param=name)
        if isinstance(outside, View):
            storage.frozen = outside.storage.frozen
        if isinstance(kind, Dict):
            return DictRef(storage)
        made = ListRef(storage) if isinstance(kind, List) else View(storage)
        if isinstance(kind, List):
            self.reader.heap[storage] = self.reader.content(storage)  # who asks what is a list has to see it
        self.reader.given.append(made)
        return made

    def _shadow(self, frame: Frame) -> Frame:
        """A frame that stands for one of the caller's."""
        if frame not in self.frames:
            parent = None if frame.parent is None else self._shadow(frame.parent)
            made = self.frames[frame] = Frame(frame.scope, frame.module, parent, frame.captured, frame.name)
            made.key = frame.key
        return self.frames[frame]

    def ref(self, form: Form) -> Ref:
        """What a form of the arguments stands for inside."""
        match form:
            case Given(index):
                return self.refs[index]
            case Same(index):
                if index not in self.containers:
                    raise Inseparable("a list that is seen both as an argument and from around it")
                return self.containers[index]
            case Fixed(_, FunctionRef() as function) if function.frame is not None:
                return replace(function, frame=self._shadow(function.frame))
            case Fixed(_, ref):
                return ref  # type: ignore[no-any-return]
            case Group():
                return self._group(form, tuple(self.ref(i) for i in form.items))

    def _group(self, form: Group, refs: tuple[Ref, ...]) -> Ref:
        kind, place = form.kind, form.number
        if kind is TupleRef:
            return TupleRef(refs, form.keys, form.of)
        if kind in (MaybeRef, EitherRef):
            return made_of(self.reader, form, refs)
        if kind is DerivedRef:
            how, wrt, single = form.keys
            return DerivedRef(how, refs[0], wrt, single)
        if kind is PartialRef:
            count = len(refs) - len(form.keys)
            return PartialRef(refs[0], refs[1:count], dict(zip(form.keys, refs[count:], strict=True)))
        if kind is FunctionRef:
            return _with_defaults(refs[0], dict(zip(form.keys, refs[1:], strict=True)))
        if kind is RangeRef:
            start, stop, step = (self.reader.value(r) for r in refs)
            return RangeRef(start, stop, step)
        if place not in self.containers:
            made = made_of(self.reader, form, refs)
            assert isinstance(made, (ListRef, DictRef, ObjectRef, RecordsRef))
            made.storage.frozen = self.frozen[place]
            self.containers[place] = made
            self.reader.given.append(made)
        return self.containers[place]

    # What it gives back.

    def outcome(self, result: Ref) -> Outcome:
        """What the function gives back, and what it has changed of what it was given."""
        reader = self.reader
        ended = DEAD not in reader.frame.env
        form = self.form(result)
        writes: dict[int, int] = {}
        contents: dict[int, Form] = {}
        for i, ref in enumerate(self.refs if ended else ()):
            if isinstance(ref, (View, ListRef, DictRef)):
                now = reader.heap.get(ref.storage)
                if now is not None and now is not reader.loaded.get(ref.storage.param):
                    writes[i] = self.add(now, ref.storage)
        for i, c in self.containers.items() if ended else ():
            now = reader.heap[c.storage]
            if now is not self.before[i]:
                contents[i] = self.form_of(now, c)
        captured = {n: reader.bindings.get(n) for n in reader.params if n not in self.names}
        types = settled([reader.type_of(a) for a in self.results], self.kinds)
        moved = tuple(i for i, c in self.containers.items() if c.storage in reader.moves)
        return Outcome(form, types, writes, contents, captured, ended, moved=moved)

    def add(self, content: Content | Atom, storage: Storage | None = None) -> int:
        """A value among the results."""
        assert isinstance(content, (Var, Const)), "a container that became another"
        self.results.append(content)
        return len(self.results) - 1

    def form(self, ref: Ref) -> Form:
        """The form of a result; its numbers and arrays are noted in `results`."""
        reader = self.reader
        match ref:
            case Const(value) if isinstance(value, bool) or not isinstance(value, (int, float, complex)):
                return Fixed(ref, ref)
            case Const() | Var():
                return Given(self.add(ref))
            case View(storage, path):
                if storage.param and not path:
                    i = self.argument(storage)
                    if i is not None:
                        return Same(i)
                place = self.numbers.setdefault(storage, len(self.numbers) + 1) if not path else 0
                return Given(self.add(reader.read(ref)), place, self.near(storage))
            case TupleRef(items, fields, kind):
                return Group(tuple(self.form(i) for i in items), TupleRef, fields, kind)
            case ListRef(storage) | DictRef(storage) | ObjectRef(storage) | RecordsRef(storage):
                if isinstance(ref, RecordsRef):
                    reader.columns_of(ref)
                for i, c in self.containers.items():
                    if c.storage is storage:
                        return Same(i, True)
                pairs = {frozenset((c.storage, storage)) for c in self.containers.values()}
                if not reader.related.isdisjoint(pairs - reader.sharing):
                    what = f"`{self.name}`, which returns one of several lists, dicts or objects that it is given"
                    reader.refuse(reader.place, what, "return a copy, or nothing, and go on with what was passed")
                at = self.argument(storage)
                of = _class_of(ref)
                if of is not None and of.frame is not None:
                    what = f"`{self.name}`, which returns an object of a class defined in it"
                    reader.refuse(reader.place, what, "define the class at module level")
                return Same(at) if at is not None else self.form_of(reader.content(storage), ref, storage)
            case MaybeRef(there, inner):
                return Group((self.form(there), self.form(inner)), MaybeRef)
            case EitherRef(cond, then, orelse):
                return Group((self.form(cond), self.form(then), self.form(orelse)), EitherRef)
            case FunctionRef(frame=None) | External():
                return Fixed(("function", id(getattr(ref, "node", None)), getattr(ref, "op", "")), ref)
            case FunctionRef() | PartialRef():
                reader.refuse(reader.place, f"`{self.name}`, which returns a function", "call the function inside")
        reader.unusable(ref, None)

    def form_of(self, content: Content, ref: Kept, storage: Storage | None = None) -> Form:
        """The form of what a container holds."""
        match content:
            case Items(refs):
                return Group(tuple(self.form(r) for r in refs), type(ref))
            case Entries(refs):
                held = tuple(self.form(r) for r in refs.values())
                return Group(held, type(ref), tuple(refs), _class_of(ref), schema=_schema_of(ref))
            case _:
                return Given(self.add(content), 0, self.near(storage) if storage is not None else ())

    def argument(self, storage: Storage) -> int | None:
        """Which argument a storage is."""
        found = (i for i, r in enumerate(self.refs) if isinstance(r, (View, ListRef, DictRef)) and r.storage is storage)
        return next(found, None)

    def near(self, storage: Storage) -> tuple[int, ...]:
        """The arguments whose memory a result may share."""
        close = {storage} | {s for pair in self.reader.related if storage in pair for s in pair}
        return tuple(i for i, r in enumerate(self.refs) if isinstance(r, (View, ListRef, DictRef)) and r.storage in close)


def _class_of(ref: Kept) -> ClassRef | None:
    """The class of an object."""
    return ref.kind if isinstance(ref, ObjectRef) else None


def _schema_of(ref: Kept) -> Schema | None:
    """What the records of a list are."""
    return ref.schema if isinstance(ref, RecordsRef) and isinstance(ref.schema, Schema) else None


def _place(ref: Ref) -> tuple[Any, ...] | None:
    """Where an argument that may be written lives."""
    match ref:
        case View(storage, path):
            return id(storage), path
        case ListRef(storage) | DictRef(storage):
            return (id(storage),)
    return None


def _made_defaults(function: FunctionRef) -> dict[int | str, Ref]:
    """The defaults of a function that were made where it was defined, by place or by name."""
    every: dict[int | str, Ref | None] = dict(enumerate(function.defaults))
    every.update(function.keyword_defaults)
    return {key: ref for key, ref in every.items() if ref is not None and not isinstance(ref, Const)}


def _with_defaults(function: Ref, held: dict[int | str, Ref]) -> Ref:
    """A function with other defaults in the place of some."""
    assert isinstance(function, FunctionRef)
    placed = tuple(held.get(i, ref) for i, ref in enumerate(function.defaults))
    named = {name: held.get(name, ref) for name, ref in function.keyword_defaults.items()}
    return replace(function, defaults=placed, keyword_defaults=named)


def made_of(reader: Objects, form: Group, refs: tuple[Ref, ...]) -> Ref:
    """A tuple, list, dict or object of some items, or what is one of several."""
    if form.kind is TupleRef:
        return TupleRef(refs, form.keys, form.of)
    if form.kind is MaybeRef:
        return MaybeRef(reader.value(refs[0]), refs[1])
    if form.kind is EitherRef:
        return EitherRef(reader.value(refs[0]), refs[1], refs[2])
    if form.kind is ListRef:
        return reader.new_list(refs)
    held = dict(zip(form.keys, refs, strict=True))
    if form.schema is not None:
        storage = Storage("records")
        reader.heap[storage] = Entries(held)
        return RecordsRef(storage, form.schema)
    return reader.new_dict(held) if form.of is None else reader.new_object(form.of, held)


class Outside:
    """What a call gives, where it is called."""

    def __init__(self, reader: Objects, given: Arguments, made: tuple[Var, ...]) -> None:
        self.reader, self.given, self.made = reader, given, made
        self.stored: dict[int, Ref] = {}

    def ref(self, form: Form) -> Ref:
        """What a form of the results stands for."""
        match form:
            case Given(index, place, near):
                return self.value(index, place, near)
            case Same(index, container):
                return self.given.containers[index] if container else self.given.refs[index]
            case Fixed(_, ref):
                return ref  # type: ignore[no-any-return]
            case Group():
                return made_of(self.reader, form, tuple(self.ref(i) for i in form.items))

    def content(self, form: Form, storage: Storage) -> Content:
        """The same for what a container holds."""
        if isinstance(form, Group):
            refs = tuple(self.ref(i) for i in form.items)
            if form.kind is ListRef:
                return Items(refs)
            return Entries(dict(zip(form.keys, refs, strict=True)), attributes=form.kind is ObjectRef)
        assert isinstance(form, Given)
        return self.made[form.index]

    def value(self, index: int, place: int, near: tuple[int, ...]) -> Ref:
        """A result as a reference: one storage for one object."""
        if place in self.stored:
            return self.stored[place]
        ref = self.reader.make(self.made[index])
        if place:
            self.stored[place] = ref
        if isinstance(ref, (View, ListRef, DictRef)):
            for i in near:
                for storage in self.reader.storages(self.given.refs[i]):
                    self.reader.relate(ref.storage, storage)
        return ref
