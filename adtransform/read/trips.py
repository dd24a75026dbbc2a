"""One reading of a loop: what a trip begins with, what its body makes of that, and what it hands on to the next."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from adtransform.build import Builder
from adtransform.infer.extents import count
from adtransform.ir import Atom, Const, Var
from adtransform.lattice import Dim, Type
from adtransform.read.core import OpenLoop, State
from adtransform.read.frames import BROKE, EXIT, FALSE, FLAGS, RETURNED, STOP, TRUE, VALUE
from adtransform.read.recordlists import RecordLists
from adtransform.read.refs import (
    Content,
    DictRef,
    Entries,
    Items,
    ListRef,
    MaybeRef,
    ObjectRef,
    Pair,
    Part,
    RecordsRef,
    Ref,
    Row,
    Storage,
    TupleRef,
    View,
    present,
)
from adtransform.read.templates import (
    Body,
    EntriesOf,
    Group,
    ItemsOf,
    Leaf,
    Meeting,
    Perhaps,
    Same,
    Template,
    hints,
    plan_storages,
)

# A carried value: what it is a part of and in which form, which of its parts, and how many there are (another reading may find
# more of them).
Key = tuple[object, int, int]


@dataclass
class Plan:
    """What is known of a loop so far: the names and storages it changes, and their types."""

    names: dict[str, Ref | None] = field(default_factory=dict)  # what each was at the end of the last reading
    stores: dict[Storage, Content | None] = field(default_factory=dict)
    guessed: dict[Storage, bool] = field(default_factory=dict)  # arrays that the text writes, and whether a trip does
    types: dict[Key, Type] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)  # names that turned out not to change
    fading: set[Key] = field(default_factory=set)  # what some trip makes None again
    related: set[Pair] = field(default_factory=set)
    heap: dict[Storage, Content] = field(default_factory=dict)  # what storages held at the end of a reading
    pool: dict[tuple[str, int], Storage] = field(default_factory=dict)
    name: int = field(default_factory=itertools.count().__next__)  # of the extents that are those of one trip


@dataclass(frozen=True)
class Loop:
    """A loop to be read: its header, what it may assign, and how to read its condition and its body."""

    node: ast.AST
    bounds: tuple[Atom, Atom, Atom] | None  # None: a while loop
    hint: str
    assigned: Collection[str]
    rebound: frozenset[str]  # assigned other than in place
    grown: Collection[str]  # lists that are appended to
    cond: Callable[[], Atom]
    body: Callable[[Var | None], None]
    at_head: Callable[[str], bool]
    after: Callable[[str], bool]
    with_else: bool = False
    written: Collection[str] = ()  # arrays that are written in place


@dataclass
class Attempt:
    """One reading of a loop."""

    meeting: Meeting
    keys: list[Key]
    inits: list[Atom]
    params: list[Var]
    head: State
    end: State
    nexts: list[Atom]
    body: Builder
    cond: tuple[Builder, list[Var], Atom] | None
    index: Var | None


class Trips(RecordLists):
    """Reading a trip of a loop, with what is known so far of what the loop changes."""

    def attempt_at(self, loop: Loop, plan: Plan, entry: State) -> Attempt:
        """Read the condition and the body once."""
        meeting = Meeting(pool=plan.pool, again=True)
        self.heap_a, self.heap_b, self.heap_before = entry.heap, plan.heap or entry.heap, entry.heap
        for name in loop.assigned:
            if not loop.at_head(name) or name in plan.settled or name in FLAGS:
                continue
            ref = entry.env.get(name)
            if name in plan.names:
                last = plan.names[name]
                meeting.names[name] = self.blend(ref, last, meeting, name)
            elif ref is not None and name in loop.rebound:
                meeting.names[name] = self._forced(ref, meeting, name)
        for storage, last_content in plan.stores.items():
            now = entry.heap.get(storage) or (self.load(storage.param) if storage.param else None)
            if now is None or storage in meeting.bodies:
                continue
            hint = now.hint if isinstance(now, Var) and now.hint else storage.label
            if last_content is None and isinstance(now, Items):
                meeting.bodies[storage] = Leaf(storage, self.list_name(storage) or hint, listed=True)
            else:
                meeting.bodies[storage] = self._again(now, last_content, meeting, storage, hint)
        inits, keys = self.inits_of(meeting, entry)
        types = [plan.types[k] if k in plan.types else self.type_of(a) for k, a in zip(keys, inits, strict=True)]
        names = [h for t in (*meeting.names.values(), *meeting.bodies.values()) for h in hints(t)]
        self.related = self.relations([self.related, set()], meeting) | plan.related
        before = self.save()
        cond = None
        given: set[Var] = set()
        if loop.bounds is None:
            params = [Var(t, h) for t, h in zip(types, names, strict=True)]
            self.before.update(zip(params, inits, strict=True))
            self._enter(meeting, params, loop)
            test: list[Atom] = []
            opened = self.region(self.save(), lambda: test.append(loop.cond()))
            asked = test[0] if test else TRUE  # where asking raises nothing comes of it
            cond = (opened.builder, params, asked)
            given = self.implied(asked, True)
        params = [Var(t, h) for t, h in zip(types, names, strict=True)]
        self.before.update(zip(params, inits, strict=True))
        for key, param, init in zip(keys, params, inits, strict=True):
            if key in plan.fading or (param.hint.startswith("has_") and init != FALSE):
                self.branched.add(param)
        self.restore(before)
        self._enter(meeting, params, loop)
        self.proven |= {b for a, b in zip(cond[1], params, strict=True) if a in given} if cond else set()
        index = None if loop.bounds is None else Var(count(Dim(f"#{plan.name}")), loop.hint)
        head = self.save()
        nexts: list[Atom] = []

        def read() -> None:
            self.heads.append((loop.node, self.frame, head.env))
            if loop.bounds is not None and index is not None:
                self.open_loops.append(OpenLoop(loop.node, loop.bounds, index))
            try:
                loop.body(index)
            finally:
                self.heads.pop()
                if index is not None:
                    self.open_loops.pop()

        opened = self.region(head, read)

        def close() -> None:
            for name, template in meeting.names.items():
                self.hand_on(name, template, nexts)
            ends = {
                storage: end for storage, end in self.ends_of(meeting, self.frame.env, self.heap) if storage in meeting.bodies
            }
            for storage, body in meeting.bodies.items():
                self.flatten_content(self.held_at(ends.get(storage, storage)), body, storage, nexts)

        opened = self.resume(opened, close)
        return Attempt(meeting, keys, inits, params, head, opened.state, nexts, opened.builder, cond, index)

    def held_at(self, storage: Storage) -> Content | None:
        """What a storage holds now; None where it is not there."""
        return self.held_now(storage) if storage in self.heap or storage.param else None

    def ends_of(self, meeting: Meeting, env: dict[str, Ref], heap: dict[Storage, Content]) -> Iterator[tuple[Storage, Storage]]:
        """The storages of a loop's head, and those that stand in their places at the end of the body."""
        seen: set[tuple[Storage, Storage]] = set()

        def visit(template: Template, ref: Ref | None) -> Iterator[tuple[Storage, Storage]]:
            match template, ref:
                case (Leaf(storage, _), View(end)):
                    yield storage, end
                case (
                    Same(ListRef(storage) | DictRef(storage) | ObjectRef(storage) | RecordsRef(storage)),
                    ListRef(end) | DictRef(end) | ObjectRef(end) | RecordsRef(end),
                ):
                    if (storage, end) not in seen:
                        seen.add((storage, end))
                        yield storage, end
                        yield from inside(meeting.bodies.get(storage), heap.get(end))
                case (Perhaps(_, inner), _) if ref is not None:
                    yield from visit(inner, present(ref))
                case (Group(items), TupleRef()):
                    for t, r in zip(items, ref.items, strict=False):
                        yield from visit(t, r)

        def inside(body: Body | None, content: Content | None) -> Iterator[tuple[Storage, Storage]]:
            match body, content:
                case (ItemsOf(items), Items(refs)):
                    for t, r in zip(items, refs, strict=False):
                        yield from visit(t, r)
                case (EntriesOf(entries), Entries(named)):
                    for key, t in entries.items():
                        yield from visit(t, named.get(key))

        for name, template in meeting.names.items():
            yield from visit(template, env.get(name))
        made = set(meeting.pairs.values())
        for storage, body in meeting.bodies.items():
            if storage not in made:
                yield from inside(body, heap.get(storage))

    def _forced(self, ref: Ref, meeting: Meeting, hint: str) -> Template:
        """The plan for a name before it is known what the body makes of it."""
        match ref:
            case Const(value) if isinstance(value, (bool, int, float, complex)):
                return self.leaf_of(ref, ref, meeting, hint)
            case Var() | View():
                return self.leaf_of(ref, ref, meeting, hint)
            case TupleRef(items):
                return Group([self._forced(i, meeting, hint) for i in items], ref)
            case MaybeRef(_, inner):
                return Perhaps(Leaf(Storage(), f"has_{hint}"), self._forced(inner, meeting, hint))
        return Same(ref)

    def _again(self, now: Content, last: Content | None, meeting: Meeting, storage: Storage, hint: str) -> Body:
        if isinstance(now, Items) and (last is None or isinstance(last, Items)) and len(now.refs) == len((last or now).refs):
            refs = last.refs if last else now.refs
            items: list[Template] = []
            for x, y in zip(now.refs, refs, strict=True):
                items.append(self._forced(x, meeting, hint) if x is y else self.blend(x, y, meeting, hint))
            return ItemsOf(items)
        if isinstance(now, Items):
            return Leaf(storage, self.list_name(storage) or hint, listed=True)
        if isinstance(now, (Entries, Row, Part)):
            return self.blend_content(now, last or now, meeting, storage, self.dict_name(storage) or hint)
        return Leaf(storage, hint)

    def inits_of(self, meeting: Meeting, entry: State) -> tuple[list[Atom], list[Key]]:
        """What a loop begins with: the values that it carries, and what each is a part of."""
        inits: list[Atom] = []
        keys: list[Key] = []
        for name, template in meeting.names.items():
            start = len(inits)
            self.flatten(entry.env.get(name), template, inits)
            keys += [((name, type(template)), i, len(inits) - start) for i in range(len(inits) - start)]
        for storage, body in meeting.bodies.items():
            start = len(inits)
            own = next((s for (s, _), p in meeting.pairs.items() if p is storage), storage)
            content = entry.heap.get(own) if own is not None else None
            if content is None and own is not None and own.param:
                content = self.load(own.param)
            self.flatten_content(content, body, storage, inits)
            keys += [((storage, type(body)), i, len(inits) - start) for i in range(len(inits) - start)]
        return inits, keys

    def _enter(self, meeting: Meeting, params: list[Var], loop: Loop) -> None:
        values = iter(params)
        env = self.frame.env
        for name in loop.assigned:
            if name not in meeting.names and name not in FLAGS and not loop.at_head(name):
                env.pop(name, None)
        for flag in (EXIT, STOP, RETURNED, BROKE):
            env[flag] = FALSE
        env.pop(VALUE, None)
        for storage in plan_storages(meeting):
            self.heap.pop(storage, None)
        env.update({name: self.unflatten(template, values) for name, template in meeting.names.items()})
        for storage, body in meeting.bodies.items():
            self.heap[storage] = self.unflatten_content(body, values)
