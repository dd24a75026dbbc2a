"""Loops: what a trip changes is carried from trip to trip, found by reading the body until nothing new turns up."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import replace
from typing import NoReturn

from adtransform.build import Builder
from adtransform.ir import Atom, Const, For, Let, Origin, Region, Var, While
from adtransform.lattice import INT, carried
from adtransform.read.core import OpenLoop, State
from adtransform.read.frames import BROKE, DEAD, EXIT, FALSE, FLAGS, RETURNED, STOP, TRUE, VALUE
from adtransform.read.refs import Entries, Items, ListRef, RecordsRef, Ref, Storage, View
from adtransform.read.settling import Settling
from adtransform.read.templates import Leaf, Meeting, hints, plan_storages
from adtransform.read.trips import Attempt, Loop, Plan


class Loops(Settling):
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
            attempt = self.attempt_at(loop, plan, entry)
            if self.holds_for_every_trip(loop, plan, entry, attempt, round_):
                break
            sizes.append(len(attempt.keys))
            if len(sizes) > 4 and all(b > 2 * a > 0 for a, b in itertools.pairwise(sizes[-4:])):
                self._cannot(
                    loop, "a loop that puts objects into objects without end", "keep them in a list, and name one by its index"
                )
            self.builder.body[mark:] = [s for s in self.builder.body[mark:] if isinstance(s, Let) and s.op == "load"]
            del self.messages[said:]
            self.restore(entry)
            self.place = place
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
        arrays = {ref.storage for name in loop.written if isinstance(ref := env.get(name), View) and not ref.path}
        for storage, now in self.heap.items() if arrays else ():
            if storage in arrays and isinstance(now, Var) and storage not in plan.stores and plan.guessed.get(storage, True):
                plan.stores[storage] = None
                plan.guessed[storage] = True
        return plan

    # One reading.

    # Whether the reading holds for every trip.

    # After the loop.

    def _finish(self, loop: Loop, plan: Plan, entry: State, attempt: Attempt, place: Origin | None, outer_broke: Ref) -> Atom:
        end = attempt.end
        late = self._late(loop, entry, attempt)
        inits, _ = self.inits_of(late, entry)
        nexts: list[Atom] = []

        def collect() -> None:
            for name, template in late.names.items():
                self.hand_on(name, template, nexts)
            ends = {storage: last for (_, last), storage in late.pairs.items()}
            for storage, body in late.bodies.items():
                self.flatten_content(self.held_at(ends.get(storage) or storage), body, storage, nexts)

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
        self.heap_a, self.heap_b, self.heap_before = entry.heap, end.heap, entry.heap
        for name in loop.assigned:
            if name in attempt.meeting.names or name in FLAGS or loop.at_head(name) or not loop.after(name):
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
            if changed and name not in attempt.meeting.names and name not in late.names and name not in FLAGS:
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
