"""Names that are one of two arrays: `t = v if c else w`.

Such a name has no content of its own.  A write through it is one to `v` where `c` holds and one to `w` where it does not;
a read after a write to one of them chooses again.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from adtransform.ir import Atom, Const, If, Region, Var
from adtransform.lattice import meet
from adtransform.read.blending import same_place
from adtransform.read.core import Opened, State
from adtransform.read.merge import Merging, hint_of
from adtransform.read.refs import Choice, Content, Entries, Items, Ref, Step, Storage, TupleRef, View

_REMADE = frozenset(("tuple", "slice"))  # parts of keys that may be computed again behind the branch


Place = tuple[Any, ...]  # a name, or a storage and one of its keys, then places in tuples


class Chosen(Merging):
    """Reading and writing what is one of two storages."""

    def meet(self, cond: Atom, a: Opened, b: Opened, entry: State, everything: bool = False) -> None:
        """Close two branches with an `If`; what is one storage on one path and another on the other is a choice then."""
        lost = any(self.is_lost(o.state.env) for o in (a, b))
        found = () if lost else self.differing(a.state, b.state, everything)
        wanted = [(place, x, y) for place, x, y in found if self.is_choice(place, (x, a), (y, b), entry)]
        hidden: dict[Storage, str] = {}
        for place, x, y in wanted:
            hint = hint_of(str(place[0])) if len(place) == 1 else ""
            self.hide_made(x, a, entry, hidden, hint)
            self.hide_made(y, b, entry, hidden, hint)
        super().meet(cond, a, b, entry, everything)
        made = {storage: self.frame.env.pop(name) for storage, name in hidden.items() if name in self.frame.env}
        for place, x, y in wanted:
            ref = self.at_place(place)
            then, orelse = self.behind(x, a, made), self.behind(y, b, made)
            if isinstance(ref, View) and not self.is_from(entry, ref.storage) and then and orelse:
                self.note_choice(ref.storage, Choice(cond, then, orelse))

    def differing(self, a: State, b: State, everything: bool) -> list[tuple[Place, View, View]]:
        """The places that hold one view on one path and another on the other: names, attributes, items, parts of tuples."""
        names = [n for n in a.env if everything or n[:1] == "%" or self.frame.is_live(n)]
        todo: list[tuple[Place, Ref | None, Ref | None]] = [((n,), a.env[n], b.env.get(n)) for n in names]
        for storage, content in a.heap.items():
            other = b.heap.get(storage)
            if other is not content and isinstance(content, Entries) and isinstance(other, Entries):
                todo.extend(((storage, k), ref, other.refs.get(k)) for k, ref in content.refs.items())
            elif other is not content and isinstance(content, Items) and isinstance(other, Items):
                both = zip(content.refs, other.refs, strict=False)
                todo.extend(((storage, k), x, y) for k, (x, y) in enumerate(both))
        found: list[tuple[Place, View, View]] = []
        for place, x, y in todo:
            if isinstance(x, TupleRef) and isinstance(y, TupleRef) and x is not y:
                parts = enumerate(zip(x.items, y.items, strict=False))
                todo.extend(((*place, k), one, other) for k, (one, other) in parts)
            elif isinstance(x, View) and isinstance(y, View) and not same_place(x, y):
                found.append((place, x, y))
        return found

    def at_place(self, place: Place) -> Ref | None:
        """What a place holds now."""
        first, *rest = place
        ref: Any = self.frame.env.get(first) if isinstance(first, str) else self.heap.get(first)
        for key in rest:
            held = ref.items if isinstance(ref, TupleRef) else ref.refs if isinstance(ref, (Items, Entries)) else ()
            known = key in held if isinstance(held, Mapping) else isinstance(key, int) and key < len(held)
            ref = held[key] if known else None
        return ref  # type: ignore[no-any-return]

    def is_choice(self, place: Place, x: tuple[View, Opened], y: tuple[View, Opened], entry: State) -> bool:
        """Whether a place has a storage from before on one path, and others see that too."""
        found = False
        for _, opened in (x, y):
            self.restore(opened.state)
            old = [s for view, _ in (x, y) for s in self.storages(view) if self.is_from(entry, s)]
            found = found or any(self.reached(s, but=place[0]) for s in old)
        self.restore(entry)
        return found

    def is_from(self, entry: State, storage: Storage) -> bool:
        """Whether a storage was there in a state."""
        return storage in entry.heap or bool(storage.param)

    def hide_made(self, view: View, opened: Opened, entry: State, hidden: dict[Storage, str], hint: str) -> None:
        """Have a branch hand on what it has made itself and what leads to a view: an array, or the test of a choice."""
        if self.is_from(entry, view.storage) or view.storage in hidden:
            return
        content = opened.state.heap.get(view.storage)
        name = hidden[view.storage] = f"%h.{'' if isinstance(content, Choice) else hint}.made{len(hidden)}"
        opened.state.env[name] = content.cond if isinstance(content, Choice) else View(view.storage)
        for side in content.sides if isinstance(content, Choice) else ():
            self.hide_made(side, opened, entry, hidden, hint)

    def behind(self, view: View, opened: Opened, made: Mapping[Storage, Ref]) -> View | None:
        """A view as the statements behind a branch may spell it; `made`: what the branch has handed on."""
        inside = {t for s in opened.builder.body for t in s.targets} if view.path else set()
        path: list[Step] = []
        for step in view.path:
            args = [self.remade(a, inside) for a in step.args]
            if None in args or any(a in inside for _, a in step.kwargs):
                return None
            path.append(replace(step, args=tuple(a for a in args if a is not None)))
        root = made.get(view.storage, View(view.storage))
        content = opened.state.heap.get(view.storage)
        if isinstance(content, Choice) and view.storage in made:
            cond = self.read(root) if isinstance(root, View) else root
            assert isinstance(cond, (Var, Const))
            then, orelse = (self.behind(side, opened, made) for side in content.sides)
            if then is None or orelse is None:
                return None
            storage = Storage(view.storage.label)
            self.heap[storage] = Choice(cond, then, orelse)
            return View(storage, tuple(path))
        return View(root.storage, tuple(path)) if isinstance(root, View) else None

    def note_choice(self, storage: Storage, choice: Choice) -> None:
        """Note that a storage is one of two: its value now is theirs."""
        now = self.heap.get(storage)
        if isinstance(now, (Var, Const)):
            self.heap[storage] = choice
            self.picked[storage] = now, self.bases(choice)

    def remade(self, a: Atom, inside: set[Var]) -> Atom | None:
        """An operand behind the branch that made it; None where it is not a part of a key."""
        if not isinstance(a, Var) or a not in inside:
            return a
        let = self.definitions.get(a)
        args = [self.remade(b, inside) for b in let.args] if let is not None and let.op in _REMADE else [None]
        return None if let is None or None in args else self.let(let.op, *args)

    # Reading.

    def content(self, storage: Storage) -> Content:
        """What a storage holds now; one of two is chosen again where they have changed since."""
        choice = self.heap.get(storage)
        if not isinstance(choice, Choice):
            return super().content(storage)
        if self.is_stale(storage):
            value = self.select(choice, self.root_name(storage))
            self.picked[storage] = value, self.bases(choice)
        return self.picked[storage][0]

    def read(self, view: View, name: str = "") -> Atom:
        """The value a view has now: a part of one of two is a part of each."""
        choice = self.apart(view) if view.path else None
        if choice is None:
            return super().read(view, name)
        return self.select(choice, name)

    def select(self, choice: Choice, hint: str) -> Atom:
        """One of two values, chosen again: what was a view when it was taken has to be one (`seen`: it was taken)."""
        entry, found = self.save(), list[Atom]()

        def side(view: View) -> Region:
            body = self.region(
                entry, lambda: found.append(self.read(replace(view, seen=choice.cond, base=None), hint))
            ).builder.body
            return Region((), tuple(body), (found[-1],))

        then, orelse = side(choice.then), side(choice.orelse)
        self.restore(entry)
        if found[0] is found[1]:
            return found[0]
        target = Var(meet(*map(self.type_of, found)), hint)
        self.before[target] = found[0]
        self.builder.add(If((target,), choice.cond, then, orelse, self.place))
        return target

    def bases(self, choice: Choice) -> tuple[Content, ...]:
        """What the storages hold from which one is chosen in the end."""
        found: list[Content] = []
        for storage in (view.storage for view in choice.sides):
            inner = self.heap.get(storage)
            found.extend(self.bases(inner) if isinstance(inner, Choice) else [self.content(storage)])
        return tuple(found)

    def is_stale(self, storage: Storage) -> bool:
        """Whether one of two storages has changed since one was chosen."""
        choice = self.heap.get(storage)
        if not isinstance(choice, Choice):
            return False
        _, bases = self.picked.get(storage, (None, ()))
        return not bases or any(x is not y for x, y in zip(bases, self.bases(choice), strict=True))

    def apart(self, ref: Ref, *, always: bool = False) -> Choice | None:
        """The two views that a view of a choice is one of; None where its value is there, unless they are wanted `always`."""
        choice = self.heap.get(ref.storage) if isinstance(ref, View) else None
        if not isinstance(choice, Choice) or not isinstance(ref, View) or not (always or self.is_stale(ref.storage)):
            return None
        return Choice(choice.cond, *(View(view.storage, (*view.path, *ref.path)) for view in choice.sides))

    # Writing.

    def write(self, view: View, new: Atom, node: ast.AST | None, hint: str = "") -> None:
        """Make `new` the value of a view; of one of two storages under the test that says which."""
        if not self.in_each(view, lambda side: self.write(side, new, node, self.root_name(side.storage)), node):
            super().write(view, new, node, hint)

    def in_each(self, view: Ref, action: Callable[[View], object], node: ast.AST | None) -> bool:
        """Perform a write through a choice on the one or the other, under its test; gives whether it is one."""
        choice = self.apart(view, always=True)
        if choice is None:
            return False
        place = self.place if node is None else self.origin(node)
        entry = self.save()
        a, b = (self.region(entry, lambda side=side: action(side)) for side in choice.sides)  # type: ignore[misc]
        self.restore(entry)
        self.place = place
        self.meet(choice.cond, a, b, entry, everything=True)
        return True
