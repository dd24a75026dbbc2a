"""What storages hold, which of them may be one and the same, and under which names they can be seen."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from adtransform.ir import Atom, Const, Var
from adtransform.lattice import UNDEFINED, Dict, List, Static, Tuple
from adtransform.read.proving import Proving
from adtransform.read.refs import (
    Choice,
    Content,
    DerivedRef,
    DictRef,
    EitherRef,
    Entries,
    FunctionRef,
    Items,
    Lazy,
    ListRef,
    Making,
    MaybeRef,
    Method,
    ObjectRef,
    Pair,
    Part,
    PartialRef,
    RecordsRef,
    Ref,
    Row,
    Step,
    Storage,
    SuperRef,
    TupleRef,
    View,
    pointers,
)

LOOP = "%loop"
BESIDE = "%beside"  # what the other targets of an assignment get, what else is in hand
TWICE = Storage("twice")  # related to the containers that may hold one list twice

Place = tuple[Storage, object]  # an object, a list or a dict, and one of its attributes, items or keys


class Heap(Proving):
    """What storages hold, and who sees them."""

    def content(self, storage: Storage) -> Content:
        """What a storage holds now; a parameter is loaded at first use."""
        found = self.heap.get(storage)
        if isinstance(found, Row):
            return self.fields_of(found)
        if found is None:
            if not storage.param:
                raise self.refusal(None, "a value that only some of the paths to here have made", "bind it on every path")
            return self.load(storage.param)
        return found

    def held_now(self, storage: Storage) -> Content:
        """The same; of an item of a list of records where it is."""
        found = self.heap.get(storage)
        return found if isinstance(found, (Row, Part)) else self.content(storage)

    def fields_of(self, row: Row) -> Entries:
        """What an item of a list of records holds now, each field read where it is asked for."""
        raise NotImplementedError

    def load(self, name: str) -> Var:
        """The value of a parameter, loaded at the outermost level."""
        if name not in self.loaded:
            outer, self.builder = self.builder, self.top
            self.loaded[name] = self.let("load", Const(name), type=self.param_type(name))
            self.builder = outer
        return self.loaded[name]

    def is_list(self, storage: Storage) -> bool:
        """Whether a storage is a list's."""
        content = self.heap.get(storage)
        return isinstance(content, Items) or (isinstance(content, Var) and isinstance(content.type, List))

    def is_container(self, storage: Storage) -> bool:
        """Whether a storage is that of a list, a dict or an object."""
        return self.is_list(storage) or isinstance(self.heap.get(storage), Entries)

    def levels(self, storage: Storage) -> int | None:
        """How deep in lists the items of a list of unknown length are; None where it is not known."""
        content, levels = self.heap.get(storage), 0
        t = content.type if isinstance(content, Var) else UNDEFINED
        while isinstance(t, List):
            t, levels = t.item, levels + 1
        return None if isinstance(t, Static) else levels

    def is_table(self, storage: Storage) -> bool:
        """Whether a storage is that of a dict whose keys are not known."""
        content = self.heap.get(storage)
        return isinstance(content, Var) and isinstance(content.type, Dict)

    def is_dict(self, storage: Storage) -> bool:
        """Whether a storage is that of a dict, or of an object."""
        return self.is_table(storage) or isinstance(self.heap.get(storage), Entries)

    def reached(self, storage: Storage, but: object = None, *, beside: bool = False) -> str:
        """A name, still to be read, through which a storage can be seen, `but` one of them; empty where there is none.

        `beside`: or what is held without a name, by what is being evaluated.
        """
        frame = self.frame
        while True:
            for name, ref in frame.env.items():
                other = name != but or frame is not self.frame
                if other and frame.is_live(name) and any(s is storage for s in self.storages(ref)):
                    return LOOP if name.startswith("%h") else name.lstrip("%")
            if frame.caller is None:
                break
            frame = frame.caller
        for what, refs in self.unnamed if beside else ():
            if any(s is storage for ref in refs for s in self.storages(ref)):
                return LOOP if what.startswith("%h") else BESIDE
        # What a function read by itself is given its caller sees.
        return next((s.label for ref in self.given for s in self.storages(ref) if s is storage), "")

    def storages(self, ref: Ref, but: Place | None = None) -> Iterator[Storage]:
        """The storages that a reference leads to, `but` through an attribute of an object or an item of a list or a dict."""
        return (held.storage for held in self.holds(ref, but))

    def holds(self, ref: Ref, but: Place | None = None) -> Iterator[View | ListRef | DictRef | ObjectRef | RecordsRef]:
        """The views and containers that a reference leads to, itself included."""
        seen: set[Storage] = set()
        todo: list[Ref] = [ref]
        while todo:
            match todo.pop():
                case View(storage) as view:
                    yield view
                    content = self.heap.get(storage)
                    if isinstance(content, Choice):
                        todo.extend(content.sides)
                case TupleRef(items) | Lazy(_, items):
                    todo.extend(reversed(items))
                case (ListRef(storage) | DictRef(storage) | ObjectRef(storage) | RecordsRef(storage)) as container:
                    if storage in seen:
                        continue
                    seen.add(storage)
                    yield container
                    content = self.heap.get(storage)
                    if isinstance(content, (Items, Entries)):
                        refs = enumerate(content.refs) if isinstance(content, Items) else content.refs.items()
                        held = [r for k, r in refs if but is None or (storage, k) != but]
                        todo.extend(reversed(held))
                    elif isinstance(content, (Row, Part)):
                        todo.append(content.records)
                    if isinstance(container, RecordsRef):
                        todo.extend(base for pointer in pointers(container.schema) for base in pointer.base)
                case MaybeRef(_, inner):
                    todo.append(inner)
                case DerivedRef(_, function):
                    todo.append(function)
                case EitherRef(_, then, orelse):
                    todo.extend((orelse, then))
                case FunctionRef(defaults=defaults, keyword_defaults=named):
                    todo.extend(ref for ref in (*defaults, *named.values()) if ref is not None)
                case PartialRef(function, args, kwargs):
                    todo.extend(reversed((function, *args, *kwargs.values())))
                case Method(owner) | SuperRef(owner):
                    todo.append(owner)

    def root_name(self, storage: Storage) -> str:
        """The name of what a storage is as a whole."""
        env = self.frame.env
        return next((n for n, r in env.items() if isinstance(r, View) and r.storage is storage and not r.path), "")

    def aliases(self, view: View, but: str | Place) -> list[str]:
        """The names, still to be read, that share a view's storage, `but` itself (a name, an attribute, an item) left out."""
        place = but if isinstance(but, tuple) else None
        mine = set(self.storages(view))
        # What lists may hold parts of, what a loop carries that may be this.
        mine.update(self.partners(view.storage))
        found = []
        frame = self.frame
        while True:
            for name, ref in frame.env.items():
                same = frame is self.frame and name == but
                if not same and frame.is_live(name) and not mine.isdisjoint(self.storages(ref, place)):
                    found.append(name)
            if frame.caller is None:
                break
            frame = frame.caller
        for what, refs in self.unnamed:
            if any(not mine.isdisjoint(self.storages(ref)) for ref in refs):
                found.append(what)
        # What a function read by itself is given its caller sees.
        given = any(s in mine for ref in self.given for s in self.storages(ref))
        return [*found, "what the caller passes"] if given else found

    def partners(self, storage: Storage) -> list[Storage]:
        """The storages that may be one with another, in the order they were made."""
        return sorted({s for pair in self.related if storage in pair for s in pair - {storage, TWICE}}, key=lambda s: s.number)

    def same_as(self, storage: Storage) -> list[Storage]:
        """The containers among them that are not related only as both may hold the same."""
        return [s for s in self.partners(storage) if frozenset((s, storage)) not in self.sharing and self.is_container(s)]

    def relate(self, a: Storage, b: Storage) -> None:
        """Note that a write to one of two storages may be seen through the other."""
        if a is not b:
            self.related.add(frozenset((a, b)))

    def forget_unreached(self) -> None:
        """Between two statements of the function's own body: drop what nothing still to be read can see.

        Every branch and loop looks at all that is there before it, and every meeting of two paths makes new storages; a
        long program would drown in them.
        """
        env = self.frame.env
        for name in [n for n in env if not (n.startswith("%") or self.frame.is_live(n))]:
            del env[name]
        seen = {s for ref in (*env.values(), *self.given) for s in self.storages(ref)}
        self.heap = {s: c for s, c in self.heap.items() if s in seen or s.param or s.frozen}
        self.picked = {s: p for s, p in self.picked.items() if s in self.heap}
        self.most_held = max(64, 2 * self.held())

    def forget_pairs(self, mark: int) -> None:
        """Between two statements of a block: drop the pairs of which one was made in it and is seen by nothing any more.

        `mark`: the number of the first storage made in the block.  What was there before may be held by what is around it.
        """
        refs = [*self.frame.env.values(), *self.given]
        for storage, content in self.heap.items():
            if storage.number < mark:
                if isinstance(content, Items):
                    refs.extend(content.refs)
                elif isinstance(content, Entries):
                    refs.extend(content.refs.values())
                elif isinstance(content, Choice):
                    refs.extend(content.sides)
                elif isinstance(content, (Row, Part)):
                    refs.append(content.records)
        seen = {s for ref in refs for s in self.storages(ref)}
        self.related = {p for p in self.related if all(s.number < mark or s in seen or s.param or s.frozen for s in p)}

    def hold(self, storage: Storage, item: Ref) -> None:
        """Note that a list holds something that can be written."""
        inside = self.held_in(item)
        if any(s.limit is not None for s in inside):
            self.refuse(None, "a `deque` of limited length in a list of unknown length", "keep the last items with a slice")
        if len(set(inside)) < len(inside):
            self.doubled(storage)
        elif any(s is not storage and self.is_doubled(s, lists=True) for s in (*inside, *self.storages(item))):
            self.relate(storage, TWICE)
        rows = [(view.storage, self.puts_each(storage, view)) for view in self.rows_in(item)]
        once = {s for s, _ in rows} - {s for s, each in rows if not each}
        alike = {s: (s, *self.same_as(s)) for s in inside}
        again = {s for s, many in alike.items() if any((storage, one) in self.contained for one in many)}
        held = {*inside, *(one for many in alike.values() for one in many if one is not storage)}
        self.contained.update((storage, inner) for inner in (*held, *self.deeper({*inside, *self.storages(item)})))
        known = set(self.partners(storage))
        for inner in self.storages(item):
            if inner is storage or frozenset((storage, inner)) in self.related:
                # An item of a list that is not one itself here is a list in it.
                row = self.is_list(inner) and inner not in once
                whole = inner in again or frozenset((storage, inner)) not in self.sharing
                self.doubled(storage, lists=inner is storage or (whole if inner in inside else row))
            self.share(storage, inner)
            # A variable of a loop may be a view of something: whoever holds the one may hold the other.
            for other in [s for s in self.partners(inner) if s is not storage]:
                if frozenset((inner, other)) in self.sharing:  # another container that may hold it
                    if other in known and self.is_container(inner) and self.holds_lists(inner):
                        self.doubled(storage)
                    self.share(storage, other)
                else:
                    self.relate(storage, other)

    def rows_in(self, item: Ref) -> list[View]:
        """The items of lists that something is, or a tuple of such."""
        if isinstance(item, TupleRef):
            return [view for part in item.items for view in self.rows_in(part)]
        if isinstance(item, EitherRef):
            return [*self.rows_in(item.then), *self.rows_in(item.orelse)]
        return [item] if isinstance(item, View) and self.is_list(item.storage) else []

    def puts_each(self, storage: Storage, row: View) -> bool:
        """Whether the innermost loop puts each item of another list into this one, and nothing else has put any there."""
        loop = self.open_loops[-1] if self.open_loops else None
        if loop is None or len(row.path) != 1 or row.path[0].args != (loop.index,) or not self.is_from_front(row.path[0]):
            return False
        if [node for node, _, _ in self.heads[storage.depth :]] != [loop.node]:
            return False
        pair = storage, row.storage
        if pair not in self.each and frozenset(pair) in self.related:
            return False
        # By which loop, read for which call; and of rows that stay where they are.
        reading, content = self.read_for(loop.node), self.heap.get(row.storage)
        before, held, index = self.each.setdefault(pair, (reading, content, None))
        self.each[pair] = before, held, loop.index
        return index is not loop.index and before == reading and held is content

    def is_from_front(self, step: Step) -> bool:
        """Whether an item is named by its place from the front, where it stays when another one is appended."""
        key = step.args[0]
        known = self.static(key)
        if known is not None:
            return isinstance(known.value, int) and known.value >= 0
        for loop in self.open_loops:
            if loop.index is key:
                start, stop, by = (self.sign(a) for a in loop.bounds)
                return start >= 0 < by or (stop >= -1 and by < 0)
        return False

    def sign(self, a: Atom) -> int:
        """A number that is known; a very small one else."""
        known = self.static(a)
        return known.value if known is not None and isinstance(known.value, int) else -(10**9)

    def read_for(self, node: ast.AST) -> tuple[int, ...]:
        """A statement, the calls for which it is being read, and the trips of the loops that are read trip by trip."""
        return (*self.called_for(node), *self.trips)

    def called_for(self, node: ast.AST) -> Making:
        """A statement or an expression, and the calls for which it is being read."""
        found = [id(node)]
        frame = self.frame
        while frame.caller is not None:
            found.append(id(frame.call))
            frame = frame.caller
        return tuple(found)

    def holds_lists(self, storage: Storage) -> bool:
        """Whether the items of a list may be lists."""
        content = self.heap.get(storage)
        if isinstance(content, Items):
            held = [ref.seen if isinstance(ref, View) else ref for ref in content.refs]
            plain = all(a is None or isinstance(a, (Var, Const)) for a in held)
            return not plain or any(isinstance(a.type, (List, Tuple)) for a in held if isinstance(a, Var))
        return not isinstance(content, Var) or not isinstance(t := content.type, List) or isinstance(t.item, (List, Tuple))

    def held_in(self, item: Ref) -> list[Storage]:
        """The lists, dicts and objects that something is or holds, as often as it does."""
        found: list[Storage] = []
        todo: list[tuple[Ref, tuple[Storage, ...]]] = [(item, ())]
        while todo:
            ref, around = todo.pop()
            match ref:
                case ListRef(storage) | DictRef(storage) | ObjectRef(storage) if storage not in around:
                    found.append(storage)
                    content = self.heap.get(storage)
                    held = content.refs if isinstance(content, Items) else ()
                    held = tuple(content.refs.values()) if isinstance(content, Entries) else held
                    todo += [(r, (*around, storage)) for r in held]
                case TupleRef(items):
                    todo += [(r, around) for r in items]
                case MaybeRef(_, inner):
                    todo.append((inner, around))
                case EitherRef(_, then, orelse):
                    todo += [(then, around), (orelse, around)]
        return found

    def deeper(self, containers: set[Storage]) -> list[Storage]:
        """What is known to be in some containers."""
        return [inner for outer, inner in self.contained if outer in containers]

    def holds_as(self, new: Storage, old: Storage) -> None:
        """Note that a new container holds the items of another one."""
        self.share(new, old)
        new.made = tuple(dict.fromkeys((*new.made, *old.made)))
        self.contained.update((new, inner) for inner in self.deeper({old}))
        for other in self.partners(old):
            if other is not new:
                self.share(new, other)
        if self.is_doubled(old):
            self.doubled(new, lists=self.is_doubled(old, lists=True))

    def doubled(self, storage: Storage, *, lists: bool = True) -> None:
        """Note that a list or a dict may hold the same array twice, or the same list (not so without `lists`)."""
        self.related.add(frozenset((storage,)))
        if lists:
            self.relate(storage, TWICE)

    def is_doubled(self, storage: Storage, *, lists: bool = False) -> bool:
        """Whether it may; of the same list with `lists`."""
        return frozenset((storage, TWICE) if lists else (storage,)) in self.related

    def twice(self) -> set[Pair]:
        """What is known of containers that may hold the same twice."""
        return {pair for pair in self.related if len(pair) == 1 or TWICE in pair}

    def share(self, a: Storage, b: Storage) -> None:
        """Note that two containers, of which one was made after the other, may hold the same."""
        pair = frozenset((a, b))
        if pair not in self.related and not (a.merged and b.merged):
            self.sharing.add(pair)
        self.relate(a, b)
