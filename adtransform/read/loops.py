"""Loops: what a trip changes is carried from trip to trip, found by reading the body until nothing new turns up."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import NoReturn

from adtransform.build import Builder
from adtransform.infer.extents import count
from adtransform.ir import Atom, Const, For, Let, Origin, Region, Var, While
from adtransform.lattice import INT, UNKNOWN, Dim, Type, carried, is_number
from adtransform.read.core import OpenLoop, State
from adtransform.read.frames import DEAD, EXIT, FALSE, RETURNED, STOP, TRUE, VALUE
from adtransform.read.heap import TWICE
from adtransform.read.recordlists import RecordLists
from adtransform.read.refs import (
    CONTAINERS,
    Conflict,
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
from adtransform.read.storages import holds_objects
from adtransform.read.templates import (
    Bad,
    Body,
    EntriesOf,
    Group,
    ItemsOf,
    Leaf,
    Meeting,
    Perhaps,
    RowOf,
    Same,
    Template,
    form,
    hints,
    plan_storages,
)

BROKE = "%broke"
_FLAGS = (EXIT, STOP, RETURNED, VALUE, BROKE, DEAD)

# A carried value: what it is a part of and in which form, which of its parts, and how many there are (another reading may find
# more of them).
Key = tuple[object, int, int]


@dataclass
class Plan:
    """What is known of a loop so far: the names and storages it changes, and their types."""

    names: dict[str, Ref | None] = field(default_factory=dict)  # what each was at the end of the last reading
    stores: dict[Storage, Content | None] = field(default_factory=dict)
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


class Loops(RecordLists):
    """Reading loops."""

    def loop(self, loop: Loop) -> Atom:
        """Read a loop and go on after it; gives the flag whether it was left early."""
        loop = replace(loop, assigned=self._ordered(loop.assigned), grown=self._ordered(loop.grown))
        outer_broke = self.frame.env.setdefault(BROKE, FALSE)
        self.frame.env[BROKE] = FALSE
        if id(loop.node) in self.detached_loops:
            with self.frame.during(loop.node):
                self.detach_all()
        entry = self.save()
        place = self.place
        plan = self._plan_of(loop)
        mark, said = len(self.builder.body), len(self.messages)
        sizes: list[int] = []
        for round_ in range(16):
            attempt = self._attempt(loop, plan, entry)
            if self._settled(loop, plan, entry, attempt, round_):
                break
            sizes.append(len(attempt.keys))
            if len(sizes) > 4 and all(b > 2 * a > 0 for a, b in itertools.pairwise(sizes[-4:])):
                self._cannot(
                    loop, "a loop that puts objects into objects without end", "keep them in a list, and name one by its index"
                )
            self.builder.body[mark:] = [s for s in self.builder.body[mark:] if isinstance(s, Let) and s.op == "load"]
            del self.messages[said:]
            self.restore(entry)
        else:
            self._cannot(loop, "a loop whose values change in kind from trip to trip", "give them one kind before the loop")
        return self._finish(loop, plan, entry, attempt, place, outer_broke)

    def _cannot(self, loop: Loop, what: str, help: str) -> NoReturn:
        """Read a short loop trip by trip; refuse any other one."""
        if loop.bounds is not None:
            self.unroll(OpenLoop(loop.node, loop.bounds, Var(INT)))
        self.refuse(loop.node, what, help)

    def _ordered(self, names: Collection[str]) -> list[str]:
        """Names in the order in which they were first bound: what is printed must not depend on the order of a set."""
        order = {name: i for i, name in enumerate(self.frame.env)}
        return sorted(names, key=lambda name: (order.get(name, len(order)), name))

    def _plan_of(self, loop: Loop) -> Plan:
        key = self.read_for(loop.node)
        if key not in self.loop_plans:
            self.loop_plans[key] = Plan()
        plan: Plan = self.loop_plans[key]
        env = self.frame.env
        for name in loop.grown:
            ref = env.get(name)
            now = self.heap.get(ref.storage) if isinstance(ref, ListRef) else None
            if self.keeps_apart and isinstance(now, Items) and not now.refs:
                continue  # what the loop puts into it is seen before what it takes out
            content = self.heap.get(ref.storage) if isinstance(ref, RecordsRef) else None
            for grown in content.refs.values() if isinstance(content, Entries) else [ref]:
                if isinstance(grown, ListRef):
                    plan.stores.setdefault(grown.storage, None)
        return plan

    # One reading.

    def _attempt(self, loop: Loop, plan: Plan, entry: State) -> Attempt:
        meeting = Meeting(pool=plan.pool, again=True)
        self._heap_a, self._heap_b, self._heap_before = entry.heap, plan.heap or entry.heap, entry.heap
        for name in loop.assigned:
            if not loop.at_head(name) or name in plan.settled or name in _FLAGS:
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
        inits, keys = self._inits(meeting, entry)
        types = [plan.types[k] if k in plan.types else self.type_of(a) for k, a in zip(keys, inits, strict=True)]
        names = [h for t in (*meeting.names.values(), *meeting.bodies.values()) for h in hints(t)]
        self.related = self.relations([self.related, set()], meeting) | plan.related
        before = self.save()
        cond = None
        given: set[Var] = set()
        if loop.bounds is None:
            params = [Var(t, h) for t, h in zip(types, names, strict=True)]
            self.before.update(zip(params, inits, strict=True))
            self._enter(meeting, params, before, loop)
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
        self._enter(meeting, params, before, loop)
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
                storage: end for storage, end in self._ends(meeting, self.frame.env, self.heap) if storage in meeting.bodies
            }
            for storage, body in meeting.bodies.items():
                self.flatten_content(self._held_at(ends.get(storage, storage)), body, storage, nexts)

        opened = self.resume(opened, close)
        return Attempt(meeting, keys, inits, params, head, opened.state, nexts, opened.builder, cond, index)

    def _held_at(self, storage: Storage) -> Content | None:
        return self.held_now(storage) if storage in self.heap or storage.param else None

    def _ends(self, meeting: Meeting, env: dict[str, Ref], heap: dict[Storage, Content]) -> Iterator[tuple[Storage, Storage]]:
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
                return self._leaf(ref, ref, meeting, hint)
            case Var() | View():
                return self._leaf(ref, ref, meeting, hint)
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

    def _inits(self, meeting: Meeting, entry: State) -> tuple[list[Atom], list[Key]]:
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

    def _enter(self, meeting: Meeting, params: list[Var], before: State, loop: Loop) -> None:
        values = iter(params)
        env = self.frame.env
        for name in loop.assigned:
            if name not in meeting.names and name not in _FLAGS and not loop.at_head(name):
                env.pop(name, None)
        for flag in (EXIT, STOP, RETURNED, BROKE):
            env[flag] = FALSE
        env.pop(VALUE, None)
        for storage in plan_storages(meeting):
            self.heap.pop(storage, None)
        env.update({name: self.unflatten(template, values) for name, template in meeting.names.items()})
        for storage, body in meeting.bodies.items():
            self.heap[storage] = self.unflatten_content(body, values)

    # Whether the reading holds for every trip.

    def _settled(self, loop: Loop, plan: Plan, entry: State, attempt: Attempt, round_: int) -> bool:
        end, meeting = attempt.end, attempt.meeting
        stable = True
        if DEAD in end.env:
            return True
        plan.heap = {**plan.heap, **end.heap}  # with what earlier readings made: the plan may still name it
        self._heap_a, self._heap_b, self._heap_before = entry.heap, end.heap, entry.heap
        gone = self.is_lost(end.env)
        for name in loop.assigned:
            if not loop.at_head(name) or name in _FLAGS or gone:
                continue
            ref, head = end.env.get(name), attempt.head.env.get(name)
            if isinstance(ref, Conflict) and not ref.what:
                ref = None
            same = self._unchanged(head, ref, attempt)
            if name in meeting.names:
                if same and not isinstance(meeting.names[name], Bad):
                    if name not in plan.names:
                        plan.settled.add(name)
                        stable = False
                    continue
                fresh = Meeting(again=True)
                template = self.blend(entry.env.get(name), ref, fresh, name)
                if form(template, fresh) != form(meeting.names[name], meeting):
                    plan.names[name] = ref
                    stable = False
            elif not same and ref is not None:
                plan.settled.discard(name)
                plan.names[name] = ref
                stable = False
        stable = self._groups(plan, meeting, end) and stable
        for storage, content in end.heap.items():
            before = attempt.head.heap.get(storage) or (self.loaded.get(storage.param) if storage.param else None)
            if content is before or (storage not in entry.heap and not storage.param):
                continue
            body = meeting.bodies.get(storage)
            if body is None or self._outgrown(body, content, entry.heap.get(storage), meeting):
                if self.keeps_apart and isinstance(content, Items):
                    self._gather_grown(loop, storage, content.refs, entry)
                plan.stores[storage] = content
                stable = False
        for n, (key, param, init, new) in enumerate(
            zip(attempt.keys, attempt.params, attempt.inits, attempt.nexts, strict=True)
        ):
            t = carried(param.type, self.type_of(init), self.type_of(new), f"{plan.name}.{n}")
            if t != param.type:
                plan.types[key] = UNKNOWN if round_ > 6 and is_number(t) else t
                stable = False
            if param.hint.startswith("has_") and param not in self.branched and not self.stays(new, param):
                plan.fading.add(key)
                stable = False
        known = {*entry.heap, *plan.pool.values(), TWICE}
        back = {
            pair
            for pair in self.relations([set(), end.related], self._back(meeting, end))
            if all(s in known or s.param for s in pair)
        }
        if not back <= attempt.head.related:
            plan.related |= back
            stable = False
        return stable

    def _gather_grown(self, loop: Loop, storage: Storage, items: tuple[Ref, ...], entry: State) -> None:
        """Read a list as one of records as soon as a trip has put some into it: before, nothing is known of what it holds."""
        before = entry.heap.get(storage)
        if isinstance(before, Items) and len(items) > len(before.refs) and any(map(holds_objects, items)):
            if loop.bounds is not None:
                self.unroll(OpenLoop(loop.node, loop.bounds, Var(INT)))
            self.gather(storage, list(items))

    def _outgrown(self, body: Body, content: Content, now: Content | None, meeting: Meeting) -> bool:
        """Whether a trip changes more of what a storage holds than is carried."""
        fresh = Meeting(again=True)
        match body, content, now:
            case ItemsOf(items), Items(ends), Items(refs) if len(ends) == len(refs):
                rows = list(zip(items, refs, ends, strict=True))
            case EntriesOf(entries, attributes), Entries(last), Entries(first) if {*last, *first} <= set(entries):
                if not attributes and list(last) != list(first):
                    return True
                rows = [(t, first[k], last[k]) for k, t in entries.items() if k in last and k in first]
            case (RowOf(row), Row(records), _):
                return row.records.storage is not records.storage or row.path != content.path
            case ((ItemsOf() | EntriesOf() | RowOf()), _, _):
                return True
            case _:
                return False
        again = [(t, self.blend(x, y, fresh, "") if x is not y else Same(x)) for t, x, y in rows]
        # An item may be what it was at the start although the plan allows for a change.
        differ = [(t, a) for t, a in again if form(a, fresh) != form(t, meeting)]
        return any(isinstance(t, Same) or not isinstance(a, Same) for t, a in differ)

    def _unchanged(self, head: Ref | None, end: Ref | None, attempt: Attempt) -> bool:
        if head is end:
            return (
                not isinstance(head, View)
                or attempt.end.heap.get(head.storage) is attempt.head.heap.get(head.storage)
                or (not self._is_phi(head.storage, attempt))
            )
        if isinstance(head, View) and isinstance(end, View) and head.storage is end.storage and head.path == end.path:
            same = attempt.end.heap.get(head.storage) is attempt.head.heap.get(head.storage)
            return same or not self._is_phi(head.storage, attempt)
        if isinstance(head, TupleRef) and isinstance(end, TupleRef) and len(head.items) == len(end.items):
            return all(self._unchanged(a, b, attempt) for a, b in zip(head.items, end.items, strict=True))
        if isinstance(head, MaybeRef) and isinstance(end, MaybeRef):
            return head.there is end.there and self._unchanged(head.ref, end.ref, attempt)
        if isinstance(head, CONTAINERS) and isinstance(end, CONTAINERS):
            return head.storage is end.storage
        return isinstance(head, Const) and isinstance(end, Const) and head == end

    def _is_phi(self, storage: Storage, attempt: Attempt) -> bool:
        return any(s is storage for s in attempt.meeting.pool.values())

    def _groups(self, plan: Plan, meeting: Meeting, end: State) -> bool:
        """Names that share a storage at the head have to share one at the end of the body."""
        seen: dict[Storage, Storage] = {}
        if all(seen.setdefault(storage, last) is last for storage, last in self._ends(meeting, end.env, end.heap)):
            return True
        stable = True
        for name in meeting.names:
            ref = end.env.get(name)
            if isinstance(ref, (View, *CONTAINERS, TupleRef, MaybeRef)) and plan.names.get(name) is not ref:
                stable = stable and name in plan.names
                plan.names[name] = ref
        return stable

    def _back(self, meeting: Meeting, end: State) -> Meeting:
        """The sources of the head's storages on the edge from the end of the body."""
        out = Meeting()
        out.sources.extend((storage, None, last) for storage, last in self._ends(meeting, end.env, end.heap))
        return out

    # After the loop.

    def _finish(self, loop: Loop, plan: Plan, entry: State, attempt: Attempt, place: Origin | None, outer_broke: Ref) -> Atom:
        end = attempt.end
        late = self._late(loop, entry, attempt)
        inits, _ = self._inits(late, entry)
        nexts: list[Atom] = []

        def collect() -> None:
            for name, template in late.names.items():
                self.hand_on(name, template, nexts)
            ends = {storage: last for (_, last), storage in late.pairs.items()}
            for storage, body in late.bodies.items():
                self.flatten_content(self._held_at(ends.get(storage) or storage), body, storage, nexts)

        region = Builder()
        region.body = attempt.body.body
        outer, self.builder = self.builder, region
        self.restore(end)
        collect()
        stop = self.frame.flag(STOP) if DEAD not in end.env else TRUE
        related = self.relations([entry.related, self.related], late)
        self.builder = outer
        self.restore(entry)
        self.related = related | attempt.head.related
        all_inits = (*attempt.inits, *inits)
        extra = [h for t in (*late.names.values(), *late.bodies.values()) for h in hints(t)]
        pairs = [(self.type_of(a), self.type_of(b)) for a, b in zip(inits, nexts, strict=True)]
        types = [carried(first, first, last, f"{plan.name}.late{n}") for n, (first, last) in enumerate(pairs)]
        extras = [Var(t, h) for t, h in zip(types, extra, strict=True)]
        targets = [Var(p.type, p.hint) for p in (*attempt.params, *extras)]
        self.before.update(zip(targets, all_inits, strict=True))
        for target, param in zip(targets, attempt.params, strict=False):
            if param in self.branched:
                self.branched.add(target)
        for target, init, new in zip(targets[len(attempt.params) :], inits, nexts, strict=True):
            if target.hint.startswith("has_") and (init, new) != (FALSE, TRUE):
                self.branched.add(target)
        results = (stop, *attempt.nexts, *nexts)
        if loop.bounds is not None:
            assert attempt.index is not None
            body = Region((attempt.index, *attempt.params, *extras), tuple(region.body), results)
            self.builder.add(For(tuple(targets), all_inits, *loop.bounds, body, place))
        else:
            assert attempt.cond is not None
            builder, params, test = attempt.cond
            more = [Var(t, h) for t, h in zip(types, extra, strict=True)]
            cond = Region((*params, *more), tuple(builder.body), (test,))
            body = Region((*attempt.params, *extras), tuple(region.body), results)
            self.builder.add(While(tuple(targets), all_inits, cond, body, place))
        return self._go_after(loop, entry, attempt, late, targets, outer_broke)

    def _late(self, loop: Loop, entry: State, attempt: Attempt) -> Meeting:
        """Names that no trip reads from the one before, but that are read after the loop."""
        late = Meeting()
        end = attempt.end
        self._heap_a, self._heap_b, self._heap_before = entry.heap, end.heap, entry.heap
        for name in loop.assigned:
            if name in attempt.meeting.names or name in _FLAGS or loop.at_head(name) or not loop.after(name):
                continue
            a, b = entry.env.get(name), None if self.is_lost(end.env) else end.env.get(name)
            if (a is None and b is None) or (self.is_lost(end.env) and a is not None):
                continue
            late.names[name] = self.blend(a, b, late, name)
        if end.env.get(RETURNED, FALSE) != FALSE and DEAD not in end.env:
            late.names[RETURNED] = Leaf(Storage(), "returned")
            late.names[VALUE] = self.blend(None, end.env.get(VALUE), late, "value")
        broke = end.env.get(BROKE, FALSE)
        if loop.with_else and broke != FALSE and DEAD not in end.env:
            late.names[BROKE] = Leaf(Storage(), "broke")
        carried = {
            *plan_storages(attempt.meeting),
            *attempt.meeting.bodies,
        }  # which are behind the loop what the next trip would find
        for storage in late.wanted:
            if storage not in entry.heap and not storage.param and storage not in late.bodies and storage not in carried:
                content = end.heap.get(storage)
                late.bodies[storage] = self.blend_content(None, content, late, storage, storage.label)
        return late

    def _go_after(
        self, loop: Loop, entry: State, attempt: Attempt, late: Meeting, targets: list[Var], outer_broke: Ref
    ) -> Atom:
        env = self.frame.env
        values = iter(targets)
        flags = {f: env[f] for f in (EXIT, STOP, RETURNED) if f in env}
        for name in loop.assigned:
            head, last = attempt.head.env.get(name), attempt.end.env.get(name)
            changed = last is not head and not (isinstance(last, Const) and last == head)
            if changed and name not in attempt.meeting.names and name not in late.names and name not in _FLAGS:
                if not (isinstance(env.get(name), (View, ListRef)) and name in entry.env and name in attempt.head.env):
                    env.pop(name, None)
        for storage in (*plan_storages(attempt.meeting), *plan_storages(late)):
            self.heap.pop(storage, None)
        env.update({name: self.unflatten(t, values) for name, t in attempt.meeting.names.items()})
        for storage, body in attempt.meeting.bodies.items():
            self.heap[storage] = self.unflatten_content(body, values)
        env.update({name: self.unflatten(t, values) for name, t in late.names.items()})
        for storage, body in late.bodies.items():
            self.heap[storage] = self.unflatten_content(body, values)
        self.partial |= late.parts
        env.update({f: v for f, v in flags.items() if f not in late.names})
        broke = env.pop(BROKE, FALSE) if BROKE in late.names else FALSE
        env[BROKE] = outer_broke
        if RETURNED in late.names:
            env[EXIT] = env[STOP] = env[RETURNED]
        assert isinstance(broke, (Var, Const))
        return broke
