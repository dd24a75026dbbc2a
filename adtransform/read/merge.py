"""Where two branches meet: which values they have to yield for what each name and storage is afterwards."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping

from adtransform.ir import UNDEFINED, Atom, Const, If, Region, Var
from adtransform.lattice import meet
from adtransform.read.blending import Blending, same_place
from adtransform.read.core import Opened, State
from adtransform.read.frames import DEAD, EXIT, FALSE, RETURNED, STOP, TRUE
from adtransform.read.refs import Content, Items, Pair, Ref, Storage, View
from adtransform.read.templates import ItemsOf, Leaf, Meeting, Template, hints

_CONDITIONS = frozenset("exit stop returned broke raised failed".split())  # what the reader's own conditions are called


class Merging(Blending):
    """Closing branches."""

    def meet(self, cond: Atom, a: Opened, b: Opened, entry: State, everything: bool = False) -> None:
        """Close two branches with an `If`, and go on from where they meet."""
        place = self.place
        if all(DEAD in o.state.env for o in (a, b)):
            self.restore(a.state)
            self.builder.add(If((), cond, _close(a, []), _close(b, []), place))
            return
        meeting = Meeting(cond=cond)
        if self.keeps_apart:
            meeting.made = {t for o in (a, b) for s in o.builder.body for t in s.targets}
        self._plan(meeting, a.state, b.state, entry, everything)
        values: list[list[Atom]] = []
        states: list[State] = []
        for side, opened in enumerate((a, b)):
            found: list[Atom] = []
            states.append(self.resume(opened, functools.partial(self._collect, meeting, side, found)).state)
            values.append(found)
        self.restore(entry)
        self.proven = set.intersection(*(s.proven for s in states if DEAD not in s.env))
        self.related = self.relations([s.related for s in states], meeting)
        targets: list[Var] = []
        results: list[list[Atom]] = [[], []]
        merged: list[Atom] = []
        known: dict[tuple[Atom, Atom], Var] = {}
        for (x, y), hint in zip(zip(*values, strict=True), self._hints(meeting), strict=True):
            if hint.startswith("has_"):
                x, y = (TRUE if v in s.proven else v for v, s in zip((x, y), states, strict=True))
            if x is y or (isinstance(x, Const) and x == y):
                merged.append(x)
                continue
            if (x, y) == (TRUE, FALSE) and isinstance(cond, Var) and cond.hint in _CONDITIONS:
                merged.append(cond)
                continue
            if (x, y) in known:
                merged.append(known[x, y])
                continue
            target = known[x, y] = Var(meet(*(self.type_in(v, s.proven) for v, s in zip((x, y), states, strict=True))), hint)
            self.note_branched(target, cond, x, y)
            self.before[target] = x
            targets.append(target)
            merged.append(target)
            results[0].append(x)
            results[1].append(y)
        self.builder.add(If(tuple(targets), cond, _close(a, results[0]), _close(b, results[1]), place))
        self._go_on(meeting, merged, a.state, b.state)

    def _collect(self, meeting: Meeting, side: int, found: list[Atom]) -> None:
        dead = DEAD in self.frame.env
        for name, template in meeting.names.items():
            self.hand_on(name, template, found)
        for storage, body in meeting.bodies.items():
            self.flatten_content(None if dead else self._held(storage, meeting, side == 0), body, storage, found)

    def hand_on(self, name: str, template: Template, found: list[Atom]) -> None:
        """The values of a name at the end of a path; a part of something is not read where the path has returned before."""
        env, flag = self.frame.env, name.startswith("%")
        gone = DEAD in env or (self.is_lost(env) and not flag)
        ref, returned = None if gone else env.get(name), self.frame.flag(RETURNED)
        if flag or self.frame.pending or not isinstance(returned, Var) or not (isinstance(ref, View) and ref.path):
            self.flatten(ref, template, found)
            return
        values: list[Atom] = []
        body = self.region(self.save(), lambda: self.flatten(ref, template, values)).builder.body
        made = [v for v in dict.fromkeys(values) if isinstance(v, Var) and any(v in s.targets for s in body)]
        targets = {v: Var(v.type, v.hint) for v in made}
        if body:
            unread = Region((), (), (UNDEFINED,) * len(made))
            self.builder.add(If(tuple(targets.values()), returned, unread, Region((), tuple(body), tuple(made)), self.place))
            self.before.update({t: v for v, t in targets.items()})
        found += [targets.get(v, v) if isinstance(v, Var) else v for v in values]

    def is_lost(self, env: Mapping[str, Ref]) -> bool:
        """Whether the names of a path do not matter any more: it raises, or returns and no `finally` is still to run."""
        return DEAD in env or (env.get(RETURNED) == TRUE and not self.frame.pending)

    def _held(self, storage: Storage, meeting: Meeting, first: bool) -> Content | None:
        for (s, t), p in meeting.pairs.items():
            if p is storage:
                own = s if first else t
                return None if own is None else self.held_now(own)
        return self.heap.get(storage) or (self.load(storage.param) if storage.param else None)

    def _plan(self, meeting: Meeting, a: State, b: State, entry: State, everything: bool) -> None:
        self.heap_a, self.heap_b, self.heap_before = a.heap, b.heap, entry.heap
        gone = [self.is_lost(s.env) for s in (a, b)]
        dead = [DEAD in s.env for s in (a, b)]
        for name in {**a.env, **b.env}:
            flag = name.startswith("%")
            if name == DEAD or not (everything or flag or self.frame.is_live(name)):
                continue
            lost = dead if flag else gone
            x, y = (None if g else s.env.get(name) for s, g in zip((a, b), lost, strict=True))
            before = entry.env.get(name)
            if (x is None and y is None) or (lost[0] and same_place(y, before)) or (lost[1] and same_place(x, before)):
                continue
            meeting.names[name] = self.blend(x, y, meeting, hint_of(name))
        for storage in dict.fromkeys([*a.heap, *b.heap]):
            known = storage in entry.heap or storage.param
            if known and a.heap.get(storage) is not b.heap.get(storage):
                self._body(storage, meeting)
        for storage in meeting.wanted:
            if storage not in meeting.bodies and storage not in entry.heap and not storage.param:
                self._body(storage, meeting)
                self._settle_early(storage, meeting)

    def _body(self, storage: Storage, meeting: Meeting) -> None:
        x, y = self.content_a(storage), self.content_b(storage)
        hint = next((c.hint for c in (x, y) if isinstance(c, Var) and c.hint), storage.label)
        meeting.bodies[storage] = Leaf(storage, hint)  # in case it holds itself
        meeting.bodies[storage] = self.blend_content(x, y, meeting, storage, hint)

    def _settle_early(self, storage: Storage, meeting: Meeting) -> None:
        """Make a list that only one of the paths has made a value: where it is not there nobody could do that later."""
        body = meeting.bodies[storage]
        held = self.content_a(storage) or self.content_b(storage)
        if storage in meeting.parts and isinstance(body, ItemsOf) and isinstance(held, Items):
            if held.refs and all(isinstance(ref, Atom) for ref in held.refs):
                meeting.bodies[storage] = Leaf(storage, storage.label, listed=True)

    def _hints(self, meeting: Meeting) -> list[str]:
        found: list[str] = []
        for template in (*meeting.names.values(), *meeting.bodies.values()):
            found.extend(hints(template))
        return found

    def _go_on(self, meeting: Meeting, merged: list[Atom], a: State, b: State) -> None:
        values = iter(merged)
        env = self.frame.env
        for name in list(env):
            changed = any(not same_place(s.env.get(name), env[name]) for s in (a, b) if not self.is_lost(s.env))
            if changed and name not in meeting.names and not name.startswith("%"):
                del env[name]  # not read any more, and not what it was
        names = {name: self.unflatten(template, values) for name, template in meeting.names.items()}
        env.update(names)
        for storage, body in meeting.bodies.items():
            self.heap[storage] = self.unflatten_content(body, values)
        self.partial |= meeting.parts
        for flag in (EXIT, STOP, RETURNED):
            env.setdefault(flag, FALSE)

    def relations(self, sides: list[set[Pair]], meeting: Meeting) -> set[Pair]:
        """Which storages may be one and the same after two paths have met."""
        made = {storage for storage, *_ in meeting.sources}  # of a loop: what they were before is gone
        out = {pair for related in sides for pair in related if made.isdisjoint(pair)}
        every: dict[Storage, set[Storage]] = {}
        for side, related in enumerate(sides):
            images: dict[Storage, dict[Storage, None]] = {}
            for storage, *parts in meeting.sources:
                source = parts[side]
                if source is not None:
                    images.setdefault(source, {} if source in made else {source: None})[storage] = None
            for source, many in images.items():
                every.setdefault(source, set()).update(many)
            if images:
                held = [(images.get(outer, (outer,)), images.get(inner, (inner,))) for outer, inner in self.contained]
                self.contained.update((p, q) for outers, inners in held for p in outers for q in inners)
            one_and_the_same: set[Pair] = set()  # which is more than that they may hold the same
            for many in images.values():
                one_and_the_same.update(frozenset((p, q)) for p in many for q in many if p is not q)
            for pair in related:
                if len(pair) == 1:
                    out.update(frozenset((p,)) for s in pair for p in images.get(s, ()))
                if len(pair) == 2 and any(s in images for s in pair):
                    one, other = pair
                    first, second = (images.get(s, {} if s in made else {s: None}) for s in (one, other))
                    found = {frozenset((p, q)) for p in first for q in second if p is not q}
                    (out if pair in self.sharing else one_and_the_same).update(found)
            out |= one_and_the_same
            self.sharing -= one_and_the_same
        for pair in self.joined:
            a, *rest = pair
            ends = [{s} | every.get(s, set()) for s in (a, *(rest or [a]))]
            out.update(frozenset((p, q)) for p, q in itertools.product(*ends) if p is not q or not rest)
        self.joined = set()
        return out


def hint_of(name: str) -> str:
    """What the value of a name is called: that of a hidden one by the word after its mark."""
    return "" if name == "%choice" else name.removeprefix("%h.").lstrip("%").partition(".")[0]


def _close(opened: Opened, results: list[Atom]) -> Region:
    return Region((), tuple(opened.builder.body), tuple(results))
