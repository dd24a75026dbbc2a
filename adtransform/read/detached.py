"""Items of lists of unknown length under names: `u = us[-1]` names the item, whatever is put in its place later.

As long as the list keeps its items such a name is a view of the list, so that a write through it is one to the list's item.
Before the list loses or moves its items, or where one is appended (`us[-1]` is another one then), the name gets a storage of
its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace

from adtransform.ir import Var
from adtransform.read.blending import same_place
from adtransform.read.chosen import Chosen
from adtransform.read.core import Detach
from adtransform.read.frames import Frame
from adtransform.read.refs import (
    Choice,
    Content,
    Entries,
    FunctionRef,
    Items,
    Lazy,
    MaybeRef,
    Method,
    PartialRef,
    Ref,
    Step,
    Storage,
    TupleRef,
    View,
)


class Detached(Chosen):
    """Taking names off the lists whose items they are."""

    def detach(self, storage: Storage, *, depth: int = 0, appended: bool = False) -> None:
        """Before a list changes which items it has: what names one of them is from now on seen by itself.

        `depth`: it is a list in that list, or in one of those.
        """
        if not isinstance(self.heap.get(storage), Var):
            return
        made: dict[tuple[Step, ...], Storage] = {}

        def goes(view: View) -> bool:
            known = view.storage is storage and len(view.path) > depth
            return known and not (appended and self.is_from_front(view.path[depth]))

        def apart(ref: Ref) -> Ref:
            match ref:
                case View() if goes(ref):
                    return self.by_itself(ref, made, depth)
                case TupleRef(items) if (moved := all_apart(items)) is not items:
                    return replace(ref, items=moved)
                case Lazy(_, parts) if (moved := all_apart(parts)) is not parts:
                    return replace(ref, parts=moved)
                case MaybeRef(_, inner):
                    found = apart(inner)
                    return ref if found is inner else replace(ref, ref=found)
                case Method(owner) if (found := apart(owner)) is not owner:
                    return replace(ref, owner=found)
                case PartialRef(_, args, kwargs):
                    moved, named = all_apart(args), named_apart(kwargs)
                    return ref if moved is args and named is kwargs else replace(ref, args=moved, kwargs=named)
                case FunctionRef(defaults=defaults, keyword_defaults=others):
                    given, named = tuple(d and apart(d) for d in defaults), named_apart(others)
                    same = named is others and all(x is y for x, y in zip(given, defaults, strict=True))
                    return ref if same else replace(ref, defaults=given, keyword_defaults=named)
            return ref

        def all_apart(refs: tuple[Ref, ...]) -> tuple[Ref, ...]:
            moved = tuple(map(apart, refs))
            return moved if any(x is not y for x, y in zip(moved, refs, strict=True)) else refs

        def named_apart(refs: Mapping[str, Ref]) -> Mapping[str, Ref]:
            moved = {k: apart(v) for k, v in refs.items()}
            return moved if any(moved[k] is not v for k, v in refs.items()) else refs

        for frame in self.visible():
            for name, ref in list(frame.env.items()):
                if frame.is_live(name) and (moved := apart(ref)) is not ref:
                    self.not_carried(frame, name, ref)
                    frame.env[name] = moved
        for _, refs in self.unnamed:
            refs[:] = map(apart, refs)
        for held, content in [(s, c) for s, c in self.heap.items() if not isinstance(c, Var)]:
            if isinstance(content, Choice):
                found = self.as_it_is(held, content) if any(map(goes, self.leaves(content))) else content
            else:
                found = self.content_apart(content, apart)
            if found is not content:
                for node, _, _ in self.heads:  # what was held before a loop is not held so in the next trip
                    if id(node) not in self.detached_loops:
                        raise Detach(node)
                self.heap[held] = found
        self.as_held(made.values(), storage)

    def as_held(self, items: Collection[Storage], storage: Storage) -> None:
        """Note what may be one with items that were taken off a list."""
        others = (storage, *self.partners(storage), *items)
        for one in items:
            for other in others:
                if self.is_list(other) and not self.is_container(one):
                    self.share(one, other)  # which holds it, and is not it
                else:
                    self.relate(one, other)

    def off_their_lists(self, refs: list[Ref]) -> list[Ref]:
        """Items of lists as they are now, whatever is put in their places."""
        made: dict[Storage, dict[tuple[Step, ...], Storage]] = {}
        found: list[Ref] = []
        for ref in refs:
            if isinstance(ref, View) and ref.path and self.is_list(ref.storage):
                ref = self.by_itself(ref, made.setdefault(ref.storage, {}))
            found.append(ref)
        for storage, items in made.items():
            self.as_held(items.values(), storage)
        return found

    def by_itself(self, view: View, made: dict[tuple[Step, ...], Storage], depth: int = 0) -> View:
        """A part of an item of a list, or of a list in a list, as one of that item."""
        first, rest = view.path[: depth + 1], view.path[depth + 1 :]
        seen = self.read(view)
        if first not in made:
            made[first] = Storage(view.storage.label)
            self.heap[made[first]] = self.read(View(view.storage, first)) if rest else seen
        return View(made[first], rest, seen, self.heap[made[first]])

    def content_apart(self, content: Content, apart: Callable[[Ref], Ref]) -> Content:
        """The same for what a container holds."""
        match content:
            case Items(refs):
                moved = tuple(map(apart, refs))
                return Items(moved) if any(x is not y for x, y in zip(moved, refs, strict=True)) else content
            case Entries(held):
                named: Mapping[object, Ref] = {k: apart(v) for k, v in held.items()}
                return replace(content, refs=named) if any(named[k] is not v for k, v in held.items()) else content
        return content

    def as_it_is(self, held: Storage, choice: Choice) -> Content:
        """What is one of two, by itself: the one is only there where it was chosen, and so is not read anywhere else."""
        around = [c for c in self.heap.values() if isinstance(c, Choice) and any(side.storage is held for side in c.sides)]
        if around and not any(isinstance(r, View) and r.storage is held for f in self.visible() for r in f.env.values()):
            return choice  # a part of another choice, which is chosen as a whole
        for view in self.leaves(choice):
            self.relate(held, view.storage)
        return self.select(choice, held.label)

    def leaves(self, choice: Choice) -> list[View]:
        """The views that one is chosen from in the end."""
        found: list[View] = []
        for side in choice.sides:
            inner = self.heap.get(side.storage)
            found += self.leaves(inner) if isinstance(inner, Choice) else [side]
        return found

    def visible(self) -> Iterator[Frame]:
        """The calls being read, and those around the functions that are called."""
        seen: set[int] = set()
        todo: list[Frame | None] = [self.frame]
        while todo:
            frame = todo.pop()
            if frame is not None and id(frame) not in seen:
                seen.add(id(frame))
                yield frame
                todo += [frame.caller, frame.parent]

    def not_carried(self, frame: Frame, name: str, ref: Ref) -> None:
        """What a name was before a loop it is not in the next trip, so it is taken off before the loop."""
        for node, around, env in self.heads:
            if around is frame and name in env and (env[name] is ref or same_place(env[name], ref)):
                raise Detach(node)

    def detach_all(self) -> None:
        """Before a loop in which lists change."""
        for storage in [s for s, c in self.heap.items() if isinstance(c, Var)]:
            if self.is_list(storage):
                self.detach(storage)
