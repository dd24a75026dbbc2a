"""The plan of a merge: which values the regions have to yield, and what is made of them where the paths have met."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field

from adtransform.ir import Atom, Const
from adtransform.read.refs import (
    DerivedRef,
    DictRef,
    EitherRef,
    External,
    FunctionRef,
    ListRef,
    Method,
    ObjectRef,
    PartialRef,
    RecordsRef,
    Ref,
    Row,
    Storage,
    TupleRef,
)
from adtransform.record import record


@record
class Same:
    """Nothing to yield: the reference holds on every path."""

    ref: Ref


@dataclass(slots=True)
class Leaf:
    """One value to yield; `storage` is where it lives afterwards if it can be written.

    `packed`: a nested tuple or None, and nobody asks which.
    """

    storage: Storage
    hint: str
    listed: bool = False
    packed: bool = False


@dataclass(slots=True)
class Group:
    """A tuple."""

    items: list[Template]
    like: TupleRef


@dataclass(slots=True)
class Perhaps:
    """What may be None: whether it is there, and what it is then."""

    there: Leaf
    ref: Template


@dataclass(slots=True)
class Picked:
    """One of several functions: for each but the last, whether it is that one."""

    flags: list[Leaf]
    functions: list[Ref]


@dataclass(slots=True)
class ItemsOf:
    """The content of a list of known length."""

    items: list[Template]


@dataclass(slots=True)
class EntriesOf:
    """The content of a dict, or of an object."""

    items: dict[object, Template]
    attributes: bool = False


@record
class RowOf:
    """The content of an item of a list of records, at one index or another: only the index is yielded.

    `front`: it counts from the front on all paths, and stays when the list grows, even where the item is not bound yet.
    """

    row: Row
    key: Leaf
    front: bool


@record
class Bad:
    """Something that differs too much."""

    what: str
    help: str


Template = Same | Leaf | Group | Perhaps | Picked | Bad
Body = Leaf | ItemsOf | EntriesOf | RowOf | Bad


@dataclass(slots=True)
class Meeting:
    """The plan of a merge: names, storages, and which storage stands for which pair."""

    names: dict[str, Template] = field(default_factory=dict)
    bodies: dict[Storage, Body] = field(default_factory=dict)
    pairs: dict[tuple[Storage | None, Storage | None], Storage] = field(default_factory=dict)
    sources: list[tuple[Storage, Storage | None, Storage | None]] = field(default_factory=list)
    wanted: list[Storage] = field(default_factory=list)
    parts: set[Storage] = field(default_factory=set)  # what may be chosen, and is there on one path only
    pool: dict[tuple[str, int], Storage] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    cond: Atom | None = None  # of two paths: what says which was taken
    made: Set[Atom] = frozenset()  # the values that those paths have made
    again: bool = False  # of a loop: a container that a trip makes is another one in each

    def storage(self, hint: str) -> Storage:
        """A storage for what is merged; the same one every time a loop is read again."""
        n = self.counts[hint] = self.counts.get(hint, 0) + 1
        return self.pool.setdefault((hint, n), Storage(hint, merged=True))


def function_key(ref: Ref) -> object:
    """What is equal for two references to one function."""
    match ref:
        case FunctionRef(node, _, frame):
            return id(node), id(frame)
        case External(op):
            return op
        case DerivedRef(how, function, wrt, single):
            return how, wrt, single, function_key(function)
        case ListRef(storage) | DictRef(storage) | ObjectRef(storage):
            return id(storage)
        case Method(owner, name):
            return name, function_key(owner)
        case PartialRef(function, args, kwargs) if not kwargs:
            return function_key(function), *map(function_key, args)
    return id(ref)


def tests_in(ref: Ref) -> Iterator[Atom]:
    """The tests that say which of several things a reference is."""
    if isinstance(ref, EitherRef):
        yield ref.cond
        yield from tests_in(ref.then)
        yield from tests_in(ref.orelse)


def hints(template: Template | Body) -> Iterator[str]:
    """The names wished for the values of a template, in order."""
    match template:
        case Leaf(_, hint):
            yield "result" if hint == "value" else hint
        case Group(items) | ItemsOf(items):
            for item in items:
                yield from hints(item)
        case Perhaps(there, inner):
            yield from hints(there)
            yield from hints(inner)
        case Picked(flags):
            for flag in flags:
                yield from hints(flag)
        case EntriesOf(entries):
            for item in entries.values():
                yield from hints(item)
        case RowOf(_, key, _):
            yield key.hint


def plan_storages(meeting: Meeting) -> list[Storage]:
    """The storages that a merge makes."""
    out: list[Storage] = []

    def visit(template: Template | Body) -> None:
        match template:
            case Leaf(storage, _, False):
                out.append(storage)
            case Group(items) | ItemsOf(items):
                for item in items:
                    visit(item)
            case Perhaps(_, inner):
                visit(inner)
            case EntriesOf(entries):
                for item in entries.values():
                    visit(item)

    for template in meeting.names.values():
        visit(template)
    for body in meeting.bodies.values():
        if isinstance(body, (ItemsOf, EntriesOf)):
            visit(body)
    return out


def form(template: Template | Body, meeting: Meeting, around: tuple[Storage, ...] = ()) -> object:
    """What a template carries, comparable between two readings: containers that a trip makes anew with what they hold."""
    match template:
        case Leaf():
            return "leaf"
        case Group(items) | ItemsOf(items):
            return tuple(form(t, meeting, around) for t in items)
        case Perhaps(_, inner):
            return ("perhaps", form(inner, meeting, around))
        case Picked(_, functions):
            return ("picked", *map(function_key, functions))
        case EntriesOf(entries):
            return {k: form(t, meeting, around) for k, t in entries.items()}
        case Same(ListRef(storage) | DictRef(storage) | ObjectRef(storage) | RecordsRef(storage)):
            made = storage not in around and any(p is storage for p in meeting.pairs.values())
            return ("made", form(meeting.bodies[storage], meeting, (*around, storage))) if made else "same"
        case Same(ref):
            return ("same", ref.value) if isinstance(ref, Const) else "same"
        case RowOf(front=front):
            return "row", front
        case Bad():
            return "bad"
