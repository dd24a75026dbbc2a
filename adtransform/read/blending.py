"""What stands for two things where paths meet: for two values, objects, lists, or what they hold."""

from __future__ import annotations

from dataclasses import replace

from adtransform.ir import Atom, Const, Var
from adtransform.lattice import TEXT, Saved
from adtransform.read.core import Gathered
from adtransform.read.enums import members_in
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
    ObjectRef,
    Pointer,
    RecordsRef,
    Ref,
    Row,
    Storage,
    TupleRef,
    View,
    fields_alike,
    pointers,
)
from adtransform.read.templates import (
    Bad,
    Body,
    EntriesOf,
    Group,
    ItemsOf,
    Leaf,
    Meeting,
    Perhaps,
    Picked,
    RowOf,
    Same,
    Template,
    function_key,
    tests_in,
)
from adtransform.read.values import DIFFER, Templating, is_plain_function, same_function, told, where_there

Kept = Held | RecordsRef
VARIABLES = "variables"  # the label of what holds the names that nested functions bind


class Blending(Templating):
    """Blending what two paths have made of a name or a storage."""

    def blend(self, a: Ref | None, b: Ref | None, meeting: Meeting, hint: str) -> Template:
        """What stands for `a` on one path and `b` on the other; None: never bound there."""
        a, b = (None if isinstance(r, Conflict) and not r.what else r for r in (a, b))
        if a is b and a is not None:
            self._want(a, meeting)
            return Same(a)
        if self.keeps_apart and (found := self._either(a, b, meeting, hint)) is not None:
            return found
        match a, b:
            case (None, None):
                return Bad("", "")
            case (Const(), Const()) if a == b:
                return Same(a)
            case (Const() as one, None) | (None, Const() as one):
                return Same(one)
            case (Const(None), View() as held) if self.is_packed(held):
                return replace(self.leaf_of(None, held, meeting, hint), packed=True)
            case (View() as held, Const(None)) if self.is_packed(held):
                return replace(self.leaf_of(held, None, meeting, hint), packed=True)
            case (View(s, p), View()) if same_place(a, b):
                return Same(View(s, p))
            case (None, View(s, ())) | (View(s, ()), None) if s.param or s in self.heap_before:
                return Same(View(s))  # the other path does not come here with it
            case (MaybeRef(), _) | (_, MaybeRef()):
                return self._perhaps(a, b, meeting, hint)
            case (Const(None), (Var() | TupleRef() | ListRef() | DictRef() | ObjectRef() | Const(str())) as one) | (
                (Var() | TupleRef() | ListRef() | DictRef() | ObjectRef() | Const(str())) as one,
                Const(None),
            ) if not isinstance(one, Var) or one.type == TEXT:
                return self._perhaps(a, b, meeting, hint)
            case (Const(None), one) | (one, Const(None)) if one is not None and members_in(one):
                return self._perhaps(a, b, meeting, hint)
            case (Var() | Const() | View() | None, Var() | Const() | View() | None):
                return self.leaf_of(a, b, meeting, hint)
            case (TupleRef() | None, TupleRef() | None):
                return self._tuple(a, b, meeting, hint)
            case (ListRef() | None, ListRef() | None) | (DictRef() | None, DictRef() | None):
                return self._container(a, b, meeting, hint)  # type: ignore[arg-type]
            case (RecordsRef() | None, RecordsRef() | None) if a is None or b is None or of_one_kind(a, b):
                return self._container(a, b, meeting, hint)
            case (ObjectRef() | None, ObjectRef() | None):
                return self._object(a, b, meeting, hint)
            case (FunctionRef() | External(), FunctionRef() | External()) if same_function(a, b):
                return Same(a)
            case (DerivedRef(m), DerivedRef(n)) if (m, a.wrt, a.single) == (n, b.wrt, b.single):
                inner = self.blend(a.function, b.function, meeting, hint)
                return Same(a) if isinstance(inner, Same) else inner
            case (_, _) if meeting.cond is not None and is_plain_function(a) and is_plain_function(b):
                return Same(EitherRef(meeting.cond, a, b))  # type: ignore[arg-type]
            case (EitherRef() | FunctionRef() | External() | DerivedRef(), _) | (_, EitherRef()) if found := self._picked(
                a, b, hint
            ):
                return found
            case (Conflict(what, help), _) | (_, Conflict(what, help)):
                return Bad(what, help)
            case (None, (FunctionRef() | External() | ClassRef()) as one) | (
                (FunctionRef() | External() | ClassRef()) as one,
                None,
            ):
                return Same(one)
        self.mixed = True
        return Bad(f"{told(hint)}{DIFFER}", "bind values of one kind on every path")

    def is_packed(self, view: View) -> bool:
        """Whether it is a nested tuple, which nobody may ask whether it is None."""
        held = view.seen or self.heap_a.get(view.storage) or self.heap_b.get(view.storage)
        return isinstance(held, Var) and isinstance(held.type, Saved)

    def _want(self, ref: Ref, meeting: Meeting) -> None:
        meeting.wanted.extend(self.storages(ref))

    def _pair(self, a: Storage | None, b: Storage | None, meeting: Meeting, hint: str) -> Storage:
        found = meeting.pairs.get((a, b))
        if found is None:
            frozen = (a.frozen if a else "") or (b.frozen if b else "")
            found = meeting.storage(hint)
            found.factory = (a.factory if a else None) or (b.factory if b else None)
            found.limit = (a.limit if a else None) or (b.limit if b else None)
            found.made = tuple(dict.fromkeys(made for s in (a, b) if s for made in s.made))
            found.queue = bool((a or b).queue) if (a or b) else False  # type: ignore[union-attr]
            found.frozen, found.solid = frozen, (a is None or a.solid) and (b is None or b.solid)
            meeting.pairs[a, b] = found
            meeting.sources.append((found, a, b))
        return found

    def leaf_of(self, a: Ref | None, b: Ref | None, meeting: Meeting, hint: str) -> Leaf:
        """One value, in a storage of its own."""
        s, t = (r.storage if isinstance(r, View) else None for r in (a, b))
        plain = all(not (isinstance(r, View) and r.path) for r in (a, b))
        if (s is None and t is None) or not plain:
            storage = meeting.storage(hint)
            meeting.sources.append((storage, s, t))
        else:
            storage = self._pair(s, t, meeting, hint)
        return Leaf(storage, hint)

    def _either(self, a: Ref | None, b: Ref | None, meeting: Meeting, hint: str) -> Template | None:
        """One of several objects, lists or dicts that are kept apart; None where it is something else."""
        then, orelse = self.ones_in(a), self.ones_in(b)
        if then is None or orelse is None or all(is_plain_function(f) for f in then + orelse):
            return None
        if len({*map(function_key, then + orelse)}) < 2 or (a in self.whole_of and b in self.whole_of):
            return None
        every = (s for f in then + orelse for s in self.storages(f))
        made = [s for s in every if s not in self.heap_before and not s.param and s.outside is None]
        if made and meeting.again:
            return None  # another one in each trip
        if isinstance(a, Held) and isinstance(b, Held) and a.storage in made and b.storage in made and _is_like(a, b):
            rows = self.content_a(a.storage), self.content_b(b.storage)
            if not all(isinstance(row, Row) and row.key not in meeting.made for row in rows):
                return None
        meeting.wanted.extend(made)
        meeting.parts.update(made)
        if meeting.cond is None or a is None or b is None or not meeting.made.isdisjoint((*tests_in(a), *tests_in(b))):
            return self._picked(a, b, hint)
        return Same(EitherRef(meeting.cond, a, b))

    whole_of: tuple[Ref, ...] = ()  # which become one that is neither of them, to be read only

    def _picked(self, a: Ref | None, b: Ref | None, hint: str) -> Picked | None:
        """One of several functions; None where there are not several, or others than plain ones."""
        then, orelse = self.ones_in(a), self.ones_in(b)
        if then is None or orelse is None:
            return None
        every = then + orelse
        several = [f for i, f in enumerate(every) if not any(same_function(f, g) for g in every[:i])]
        names = [self.title_of(f) for f in several[:-1]]
        flags = [Leaf(Storage(), f"is_{n if n.isidentifier() else hint.lstrip('%')}") for n in names]
        return Picked(flags, several) if len(several) > 1 else None

    def title_of(self, ref: Ref) -> str:
        """What a function, an object, a list or a dict goes by."""
        if isinstance(ref, Held):
            named = (n for n, r in self.frame.env.items() if isinstance(r, Held) and r.storage is ref.storage)
            return next((n for n in named if n.isidentifier()), ref.storage.label)
        return getattr(ref, "name", "") or getattr(ref, "op", "").rpartition(".")[2]

    def _perhaps(self, a: Ref | None, b: Ref | None, meeting: Meeting, hint: str) -> Template:
        inner = self.blend(where_there(a), where_there(b), meeting, hint)
        return inner if isinstance(inner, Bad) else Perhaps(Leaf(Storage(), f"has_{hint}"), inner)

    def _tuple(self, a: TupleRef | None, b: TupleRef | None, meeting: Meeting, hint: str) -> Template:
        one = a or b
        assert one is not None
        left = a.items if a else (None,) * len(one.items)
        right = b.items if b else (None,) * len(one.items)
        if len(left) != len(right):
            return Bad(f"{told(hint)}a tuple of different lengths on the paths that meet here", "make them equally long")
        if a and b and a.kind is not b.kind:
            return Bad(f"{told(hint)}{DIFFER}", "make it of one class on every path")
        return Group([self.blend(x, y, meeting, hint) for x, y in zip(left, right, strict=True)], one)

    def _object(self, a: ObjectRef | None, b: ObjectRef | None, meeting: Meeting, hint: str) -> Template:
        self.mixed = self.mixed or bool(a and b and a.storage is not b.storage)
        if a and b and a.kind is not b.kind:
            return Bad(f"{told(hint)}an object of different classes on the paths that meet here", "make it of one class")
        if a and b and a.storage is not b.storage and (a.storage.outside or b.storage.outside):
            return Bad(f"{told(hint)}one of several objects of which some are from outside", "pass them as arguments")
        return self._container(a, b, meeting, hint)

    def _container(self, a: Kept | None, b: Kept | None, meeting: Meeting, hint: str) -> Template:
        if (b is None or a is None and not meeting.again) or (a is not None and a.storage is b.storage):
            one = a or b
            assert one is not None
            self._want(one, meeting)
            return Same(one)
        before = None if a is None else a.storage
        self.mixed = True
        if before is not None and not _same_kind(before, b.storage):
            what = f"{told(hint)}which is a dict or deque of one kind on one path, and of another on another"
            return Bad(what, "make both of them alike: with the same factory, or of the same maxlen")
        known = (before, b.storage) in meeting.pairs
        storage = self._pair(before, b.storage, meeting, hint)
        if not known:
            contents = None if before is None else self.content_a(before), self.content_b(b.storage)
            apart, self.keeps_apart = self.keeps_apart, self.keeps_apart and not isinstance(b, RecordsRef)
            meeting.bodies[storage] = self.blend_content(*contents, meeting, storage, hint)
            self.keeps_apart = apart
        return Same(replace(b, storage=storage))

    # The heaps of the two states while they are blended, and of the one before them.
    heap_a: dict[Storage, Content]

    heap_b: dict[Storage, Content]

    heap_before: dict[Storage, Content]

    def content_a(self, s: Storage) -> Content | None:
        """What a storage holds at the end of the first path."""
        return self.heap_a.get(s) or (self.load(s.param) if s.param else None)

    def content_b(self, s: Storage) -> Content | None:
        """What a storage holds at the end of the second path."""
        return self.heap_b.get(s) or (self.load(s.param) if s.param else None)

    def blend_content(self, a: Content | None, b: Content | None, meeting: Meeting, storage: Storage, hint: str) -> Body:
        """The same for what a storage holds."""
        match a, b:
            case (Items() | None, Items() | None):
                left, right = a.refs if a else None, b.refs if b else None
                n = len(left if left is not None else right or ())
                if left is not None and right is not None and len(left) != len(right):
                    return Leaf(storage, hint, listed=True)
                pairs = zip(left or (None,) * n, right or (None,) * n, strict=True)
                return ItemsOf([self.blend(x, y, meeting, hint) for x, y in pairs])
            case (Entries() | None, Entries() | None):
                first, second = a.refs if a else None, b.refs if b else None
                keys = list(dict.fromkeys([*(first or ()), *(second or ())]))
                attributes = bool((a and a.attributes) or (b and b.attributes))
                # Attributes have no order that anybody sees.
                if a and b and not attributes and list(a.refs) != list(b.refs):
                    if self.is_plain(a) and self.is_plain(b):
                        return Leaf(storage, hint, listed=True)
                    if set(a.refs) == set(b.refs):
                        what = f"{told(hint)}a dict whose keys come in another order on the paths that meet here"
                        return Bad(what, "give it its keys in one order")
                items: dict[object, Template] = {}
                for k in keys:
                    x = first.get(k) if first is not None else None
                    y = second.get(k) if second is not None else None
                    if a and b and (x is None) != (y is None):
                        if not attributes:
                            what = f"{told(hint)}a dict with different keys on the paths that meet here"
                            return Bad(what, "give it every key first")
                        what, help = (
                            f"the attribute `.{k}`, which only some of the paths to here have set",
                            "set it in `__init__`",
                        )
                        if storage.label == VARIABLES:
                            what, help = f"`{k}`, which only some of the paths to here have bound", "bind it first"
                        items[k] = Bad(what, help)
                        continue
                    items[k] = self.blend(x, y, meeting, k if isinstance(k, str) and k.isidentifier() else hint)
                return EntriesOf(items, attributes)
            case (Row() as one, None) | (None, Row() as one):
                return RowOf(one, Leaf(storage, hint), self.is_from_either_end(one.key, meeting))
            case (Row(), Row()) if a.records.storage is b.records.storage and a.path == b.path:
                return RowOf(a, Leaf(storage, hint), all(self.is_from_either_end(key, meeting) for key in (a.key, b.key)))
            case (Row(), Entries()) | (Entries(), Row()):
                what = f"{told(hint)}an object that is in a list of records on some of the paths that meet here"
                return Bad(what, "make it where it is put into the list, or put in a copy: copy.copy(...)")
            case (Entries() as one, Var()) | (Var(), Entries() as one) if self.is_plain(one):
                return Leaf(storage, hint, listed=True)
            case (Items() | Var() | Const() | None, Items() | Var() | Const() | None):
                return Leaf(storage, hint, listed=isinstance(a, Items) or isinstance(b, Items))
        return Bad(f"{told(hint)}{DIFFER}", "bind values of one kind on every path")

    def is_from_either_end(self, key: Atom, meeting: Meeting) -> bool:
        """Whether the index of a record can be kept as one from the front: in a loop, where the list may grow, the last is."""
        return self.is_place_from_front(key) or ((meeting.again or bool(self.open_loops)) and self.static(key) is not None)


def of_one_kind(a: RecordsRef, b: RecordsRef) -> bool:
    """Whether two lists of records hold the same kind of items, those that are of other lists of the same ones.

    Where only the one holds items of another list, it has to hold records of its own.
    """
    for one, other in ((a, b), (b, a)):
        if isinstance(one.schema, Pointer) and one.schema.schema == other.schema and one.storage.made:
            raise Gathered(one.storage.made, other.schema)
    if a.schema != b.schema:
        return False
    for first, second in zip(pointers(a.schema), pointers(b.schema), strict=True):
        known = first.base or second.base
        if any(base.storage is not known[0].storage for base in (*first.base, *second.base)):
            return False
        first.base[:] = second.base[:] = known
    for one_field, other_field in zip(fields_alike(a.schema), fields_alike(b.schema), strict=True):
        refs = [*one_field.held, *other_field.held]
        if any(function_key(ref) != function_key(refs[0]) for ref in refs if not isinstance(ref, (Const, ClassRef))):
            return False
        one_field.held[:] = other_field.held[:] = refs[:1]
    return True


def same_place(a: Ref | None, b: Ref | None) -> bool:
    """Whether two references are one, or views of the same place: what may be a number is one only if taken at one time."""
    if isinstance(a, View) and isinstance(b, View):
        return a.storage is b.storage and a.path == b.path and (a.seen is b.seen or all(step.sure for step in a.path))
    return a is b


def _is_like(a: Held, b: Held) -> bool:
    """Whether two objects are of one class, two lists or dicts of one kind."""
    return type(a) is type(b) and getattr(a, "kind", None) is getattr(b, "kind", None) and _same_kind(a.storage, b.storage)


def _same_kind(a: Storage, b: Storage) -> bool:
    """Whether two lists or dicts make missing items alike, and keep as many."""
    one, other = a.factory, b.factory
    made = one is other or (one is not None and other is not None and same_function(one, other))
    return made and a.limit == b.limit and a.queue == b.queue
