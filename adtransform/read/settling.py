"""Whether one reading of a loop holds for every trip, or has shown more of what the loop changes."""

from __future__ import annotations

from adtransform.ir import Const, Var
from adtransform.lattice import INT, UNKNOWN, carried, is_number
from adtransform.read.core import OpenLoop, State
from adtransform.read.frames import DEAD, FLAGS
from adtransform.read.heap import TWICE
from adtransform.read.refs import CONTAINERS, Conflict, Content, Entries, Items, MaybeRef, Ref, Row, Storage, TupleRef, View
from adtransform.read.storages import holds_objects
from adtransform.read.templates import Bad, Body, EntriesOf, ItemsOf, Meeting, RowOf, Same, form
from adtransform.read.trips import Attempt, Loop, Plan, Trips


class Settling(Trips):
    """Settling what a loop carries from trip to trip."""

    def holds_for_every_trip(self, loop: Loop, plan: Plan, entry: State, attempt: Attempt, round_: int) -> bool:
        """Whether the reading holds as it is; if not, the plan knows more afterwards."""
        end, meeting = attempt.end, attempt.meeting
        stable = True
        if DEAD in end.env:
            return not self._guessed_wrong(plan, attempt)
        plan.heap = {**plan.heap, **end.heap}  # with what earlier readings made: the plan may still name it
        self.heap_a, self.heap_b, self.heap_before = entry.heap, end.heap, entry.heap
        gone = self.is_lost(end.env)
        for name in loop.assigned:
            if not loop.at_head(name) or name in FLAGS or gone:
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
        learnt: dict[Storage, Content | None] = {}
        for storage, content in end.heap.items():
            before = attempt.head.heap.get(storage) or (self.loaded.get(storage.param) if storage.param else None)
            if content is before or (storage not in entry.heap and not storage.param):
                continue
            body = meeting.bodies.get(storage)
            if body is None or self._outgrown(body, content, entry.heap.get(storage), meeting):
                if self.keeps_apart and isinstance(content, Items):
                    self._gather_grown(loop, storage, content.refs, entry)
                learnt[storage] = content
                stable = False
        if learnt:  # in the order of what is held, whether guessed before or not
            learnt |= {s: plan.stores.pop(s) for s, wrote in plan.guessed.items() if wrote and s in plan.stores}
            plan.stores |= {s: learnt[s] for s in end.heap if s in learnt}
        stable = not self._guessed_wrong(plan, attempt) and stable
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

    def _guessed_wrong(self, plan: Plan, attempt: Attempt) -> bool:
        """Whether a trip does not write what the text of the loop had made seem written, which is then not carried."""
        heap, dead = attempt.end.heap, DEAD in attempt.end.env
        wrong = [
            s
            for s, wrote in plan.guessed.items()
            if wrote and s in attempt.meeting.bodies and (dead or heap.get(s) is attempt.head.heap.get(s))
        ]
        for storage in wrong:
            plan.guessed[storage] = False
            plan.stores.pop(storage, None)
        return bool(wrong)

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
        if all(seen.setdefault(storage, last) is last for storage, last in self.ends_of(meeting, end.env, end.heap)):
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
        out.sources.extend((storage, None, last) for storage, last in self.ends_of(meeting, end.env, end.heap))
        return out
