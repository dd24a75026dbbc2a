"""Generator functions: what one yields is collected in a list where it is called, as nothing can tell.

    def steps(x, n):                     def steps(x, n):
        for i in range(n):                   yielded = []
            x = 0.5 * x        ->            for i in range(n):
            yield x                              x = 0.5 * x
                                                 yielded.append(x)
                                             return yielded

The body of a generator runs between the trips of the loop over it.  So it is refused where it could be told: where one of the
two changes what the other reads, where the loop is left early, and where the generator is kept and might be run over twice.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from adtransform.failing import may_fail
from adtransform.ir import Atom, Const, Let, Region, Var
from adtransform.ops import effect_free
from adtransform.read.blending import same_place
from adtransform.read.endings import at
from adtransform.read.flow import is_unchanged
from adtransform.read.frames import RETURNED, Frame, Module
from adtransform.read.functions import Functions
from adtransform.read.iteration import Counted
from adtransform.read.iterators import STARTED, ask, is_read_on, rest, run_on, started
from adtransform.read.outline import unique
from adtransform.read.proving import NOT_ITERABLE
from adtransform.read.refs import (
    RUN_OVER,
    DictRef,
    Entries,
    External,
    FunctionRef,
    Items,
    Lazy,
    ListRef,
    Method,
    ObjectRef,
    Part,
    PartialRef,
    RecordsRef,
    Ref,
    Since,
    Storage,
    Stream,
    TupleRef,
    View,
)
from adtransform.read.scope import breaks, free_names, inside, is_read_first, is_read_once, targets
from adtransform.rewrite import loaded, statements
from adtransform.source import Definition, descend

_LIST = "make a list of it: list(...)"
_WRITES = "a loop over what is computed one by one by a function that changes something", "call the function in the loop"
_RAISES = "a `try` around the use of what is computed one by one and may raise", _LIST
_GIVEN = "a generator given to a function", _LIST
_BETWEEN = "a key that changes what is computed one by one, or is changed by it", "make a list of the items first: list(...)"
_KEEPING = frozenset("append appendleft insert setdefault".split())
_AT_ONCE = frozenset("list tuple sum max min sorted extend any all".split())  # these run over what they are given, to its end


class Streams(Functions):
    """Reading calls of generator functions."""

    def enter_function(self, function: FunctionRef, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """Read a user's function where it is called; of a generator the list of what it yields."""
        streams = [stream for ref in (*args, *kwargs.values()) for stream in self.streams_of(ref)]
        if streams and self.known(self.op_of(function)):
            self.refuse(node, *_GIVEN)
        before, mark = self.read_by(streams), len(self.builder.body)
        args = [self.given_on(ref, node) for ref in args]
        kwargs = {name: self.given_on(ref, node) for name, ref in kwargs.items()}
        found = self.gathered(function, args, kwargs, node)
        if self.differs(before, self.read_by(streams), mark):
            self.refuse(node, "a function that changes what a generator given to it reads", _LIST)
        return found

    def given_on(self, ref: Ref, node: ast.AST) -> Ref:
        """An argument of a user's function: of a generator the list of what it gives, which is run over once as well."""
        streams = self.streams_of(ref)
        if not streams:
            return ref
        since = self.since()
        listed = self.materialised(ref, node)
        if isinstance(listed, (ListRef, RecordsRef)) and listed is not ref:
            self.streams[listed.storage] = replace(self.listed_since(since, streams[0]), runs=True)
        elif not (isinstance(listed, Lazy) or (isinstance(listed, (ListRef, RecordsRef)) and listed.storage in self.streams)):
            self.refuse(node, *_GIVEN)
        return listed

    def gathered(self, function: FunctionRef, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """The same with arguments that can be read anywhere."""
        if not yields(function.node):
            return super().enter_function(function, args, kwargs, node)
        self.check_end(function, node)
        since = self.since()
        ref = super().enter_function(collecting(function), args, kwargs, node)
        if self.effects(since):
            self.refuse(node, f"`{function.name}`, a generator that prints, draws or checks", _LIST)
        assert isinstance(ref, (ListRef, RecordsRef))
        stream = self.listed_since(since, self.stream(function, (*args, *kwargs.values()), runs=True))
        self.streams[ref.storage] = replace(stream, writes=self.has_changed(since))
        return ref

    def stream(self, function: Ref, given: tuple[Ref, ...], *, runs: bool = False) -> Stream:
        """What a function that is called for every item, or gives them one by one, reads."""
        names = tuple(sorted(_seen(function.node))) if isinstance(function, FunctionRef) else ()
        return Stream(names, function.frame if isinstance(function, FunctionRef) else None, (function, *given), runs)

    def listed_since(self, since: Since, stream: Stream) -> Stream:
        """A generator of which a list has been made since."""
        return replace(stream, raises=any(map(may_fail, self.builder.body[since[1] :])), attempts=self.attempts)

    def since(self) -> Since:
        """What there is now, to see later what has changed."""
        return self.heap.copy(), len(self.builder.body)

    def has_changed(self, since: Since) -> bool:
        """Whether what there was has changed."""
        made = Region((), tuple(self.builder.body[since[1] :]), ())
        now = ((self.heap.get(storage), content) for storage, content in since[0].items())
        return any(a is not b and not is_unchanged(a, b, made) for a, b in now)

    def effects(self, since: Since) -> set[str]:
        """The operations since that print, draw or check something."""
        every = statements(Region((), tuple(self.builder.body[since[1] :]), ()))
        return {s.op for s in every if isinstance(s, Let) and not effect_free(s.op)}

    def passing(self, listed: Ref, function: Ref, parts: tuple[Ref, ...], since: Since, node: ast.AST) -> Ref:
        """A list in the place of what `map` or `filter` gives one by one; `since`: before it was made."""
        assert isinstance(listed, (ListRef, RecordsRef))
        if any(stream.writes for ref in parts for stream in self.streams_of(ref)):
            self.refuse(node, *_WRITES)
        writes = self.has_changed(since) or not self.effects(since) <= {"raise", "reraise", "assert"}
        self.streams[listed.storage] = replace(self.listed_since(since, self.stream(function, parts)), writes=writes)
        return listed

    @contextmanager
    def between(self, source: Ref, since: Since, node: ast.AST) -> Iterator[None]:
        """Call a function for all items of what has been listed since, as if each had been made only then.

        Refused where one of the two changes what the other reads, or both print or check something.
        """
        streams = [Stream((), None, (source,)), *self.streams_of(source)]
        said, writes = self.effects(since), self.has_changed(since) or any(stream.writes for stream in streams)
        before, now = self.read_by(streams), self.since()
        yield
        if writes or (said and self.effects(now)) or self.differs(before, self.read_by(streams), now[1]):
            self.refuse(node, *_BETWEEN)

    def differs(self, before: list[Any], after: list[Any], mark: int) -> bool:
        """Whether what generators read has changed; `mark`: how many statements there were before."""
        made = Region((), tuple(self.builder.body[mark:]), ()) if before or after else Region((), (), ())
        pairs = [(a, b) for a, b in zip(before, after, strict=False) if a is not b and not same_place(a, b)]
        new = [b for a, b in pairs if not is_unchanged(b, a, made) and not (a is None and self.is_loaded(b))]
        return len(before) != len(after) or bool(new)

    def arguments(self, node: ast.Call, function: Ref, args: list[Ref], kwargs: dict[str, Ref]) -> Ref | None:
        """Read the arguments of a call; what changes something when it is run over, at once by the function itself."""
        found = super().arguments(node, function, args, kwargs)
        given = (*args, *kwargs.values())
        if isinstance(function, External) and function.op == "functools.partial" and any(map(self.runs_once, given)):
            self.refuse(node, *_GIVEN)
        if isinstance(function, Method) and function.name in _KEEPING:
            self.keep(TupleRef(tuple(args)), node)
        streams = [stream for ref in given for stream in self.streams_of(ref)] if self.streams else []
        if any(self.is_tried(stream) for stream in streams):
            self.refuse(node, *_RAISES)
        if any(stream.writes for stream in streams):
            name = function.op.removeprefix("builtins.") if isinstance(function, External) else getattr(function, "name", "")
            if name not in _AT_ONCE or not all(isinstance(ref, (Const, FunctionRef)) for ref in given[1:]):
                self.refuse(node, *_WRITES)
        return found

    def is_tried(self, stream: Stream) -> bool:
        """Whether a `try` that was not around when a list was made of a generator is to catch what it raises."""
        return stream.raises and self.attempts > stream.attempts

    def begun(self, ref: Ref, node: ast.AST) -> ObjectRef | None:
        """An iterator over what can be run over only once: of a generator over the list of what it gives.

        None for anything else, and where that list could be told from it.
        """
        if isinstance(ref, Lazy) and ref.kind in STARTED:
            self.keep(ref, node)
            return started(self, ref)
        if isinstance(ref, Lazy) and ref.kind == "generator":
            ref = self.given_on(ref, node)
        stream = self.streams.get(ref.storage) if isinstance(ref, (ListRef, RecordsRef)) else None
        if stream is None or stream.writes or (stream.raises and self.attempts) or any(map(_may_go_on, stream.given)):
            return None
        assert isinstance(ref, (ListRef, RecordsRef))
        self.begins[ref.storage] = self.read_by([stream])
        return started(self, ref)

    def rest_of(self, ref: ObjectRef, node: ast.AST) -> Ref:
        """What is left of an iterator."""
        return rest(self, ref, node)

    def run_over(self, ref: Ref, node: ast.AST) -> None:
        """Refuse what would change something, were it run over, where nobody does."""
        if self.streams and any(stream.writes for stream in self.streams_of(ref)):
            self.refuse(node, *_WRITES)
        if self.attempts and isinstance(ref, Lazy):
            ask(self, ref, node)

    def materialised(self, ref: Ref, node: ast.AST) -> Ref:
        """An iterable that can be indexed: a generator becomes a list, which may change nothing meanwhile."""
        since = self.since()
        found = super().materialised(ref, node)
        if found is not ref and (self.has_changed(since) or self.effects(since)):
            self.refuse(node, *_WRITES)
        if found is not ref and self.attempts and any(map(may_fail, self.builder.body[since[1] :])):
            if self.catching:
                self.refuse(node, *_RAISES)
            self.raised_first = True
        return found

    def extended_by(self, storage: Storage, other: Ref, node: ast.AST) -> None:
        """Refuse to extend a list by what reads it, one by one: each item would see those before it."""
        same = {storage, *self.partners(storage)}
        seen = (ref for stream in self.streams_of(other) for ref in self.seen_by(stream))
        if any(s in same for ref in seen for s in self.storages(ref)) and not self.reads_what_stays(other, same):
            self.refuse(node, "a list extended by what reads it one by one", "append in a loop, or " + _LIST)

    def reads_what_stays(self, ref: Ref, lists: set[Storage]) -> bool:
        """Whether a generator expression reads of some lists only items counted from the front, which stay as more come."""
        if not isinstance(ref, Lazy) or ref.node is None or ref.frame is None:
            return False
        env, every = ref.frame.env, list(descend(ref.node))
        known = {n: env[n.id] for n in every if isinstance(n, ast.Name) and n.id in env}
        items = {n.value for n in every if isinstance(n, ast.Subscript) and isinstance(n.slice, ast.Constant)}
        front = {n for n in items if isinstance(n, ast.Name) and n in known}
        calls = any(isinstance(r, (FunctionRef, PartialRef, ObjectRef, Lazy)) for r in known.values())
        return not calls and all(n in front for n, r in known.items() if not lists.isdisjoint(self.storages(r)))

    def returned(self) -> Ref:
        """What a function returns; of a generator expression, which sees its names, the list of what it gives."""
        ref = super().returned()
        own = isinstance(ref, Lazy) and ref.kind == "generator" and ref.frame is self.frame
        return self.given_on(ref, ref.node) if own and isinstance(ref, Lazy) and ref.node is not None else ref

    def call_function(self, function: FunctionRef, bound: Mapping[str, Ref], args: list[Ref], node: ast.AST) -> Ref:
        """A user's function by itself, or read in a frame of its own; what can be run over once is, by it."""
        body: Any = function.node.body if isinstance(function.node.body, list) else [function.node.body]
        for name, ref in bound.items():
            if self.runs_once(ref) and not is_read_once(body, name, given=True):
                self.refuse(node, "what can be run over only once, given to a function that reads it again", _LIST)
            if self.attempts and any(stream.raises for stream in self.streams_of(ref)) and not is_read_first(body, name):
                what = "a generator that may raise, given to a function that does more before it runs over it"
                self.refuse(node, what, _LIST)
        return super().call_function(function, bound, args, node)

    def runs_once(self, ref: Ref) -> bool:
        """Whether something is, or holds, what can be run over only once."""
        seen: set[Storage] = set()
        todo: list[Ref] = [ref]
        while todo:
            match todo.pop():
                case Lazy(kind, parts):
                    if kind in RUN_OVER:
                        return True
                    todo += parts
                case ObjectRef(kind=kind) if kind is self.iterators:  # which knows how far it has been run over
                    continue
                case TupleRef(items):
                    todo += items
                case ListRef(storage) | RecordsRef(storage) if storage in self.streams:
                    return True
                case ListRef(storage) | DictRef(storage) | ObjectRef(storage) if storage not in seen:
                    seen.add(storage)
                    content = self.heap.get(storage)
                    if isinstance(content, Items):
                        todo += content.refs
                    elif isinstance(content, Entries):
                        todo += content.refs.values()
        return False

    def keep(self, ref: Ref, node: ast.AST) -> None:
        """Look at what is to be kept: in a container nothing that can be run over only once; where `reversed` began."""
        if isinstance(ref, Lazy) and ref.kind == "reversed" and isinstance(listed := ref.parts[0], ListRef):
            self.turned[id(ref)] = ref, self.heap.get(listed.storage)
        alone = isinstance(ref, Lazy) or (isinstance(ref, (ListRef, RecordsRef)) and ref.storage in self.streams)
        if not alone and self.runs_once(ref):
            self.refuse(node, "what can be run over only once, kept in a container", _LIST)

    def reads_nothing(self, stream: Stream) -> bool:
        """Whether nothing that changes can be told from what something gives one by one."""
        return not (stream.runs or stream.names or any(True for ref in stream.given for _ in self.storages(ref)))

    def function(self, node: Definition, module: Module, frame: Frame | None) -> FunctionRef:
        """A function as a value; its defaults are evaluated now, as Python does."""
        made = super().function(node, module, frame)
        given = [ref for ref in (*made.defaults, *made.keyword_defaults.values()) if ref is not None]
        if any(self.streams_of(ref) or self.runs_once(ref) for ref in given):
            self.refuse(node, *_GIVEN)
        return made

    def check_end(self, function: FunctionRef, node: ast.AST) -> None:
        """Refuse a generator whose end cannot be waited for, or that binds names of others."""
        assert isinstance(function.node, ast.FunctionDef)
        every = list(inside(function.node.body))
        ends = any(isinstance(n, (ast.Break, ast.Return, ast.Raise)) for n in every)
        forever = any(isinstance(n, ast.While) and isinstance(n.test, ast.Constant) and n.test.value for n in every)
        if forever and not ends:
            self.refuse(node, f"`{function.name}`, a generator without an end", "write the loop where it is used")
        if any(isinstance(n, (ast.Nonlocal, ast.Global)) for n in every):
            self.refuse(node, f"`{function.name}`, a generator that binds names of others", "pass them as arguments")

    def streams_of(self, ref: Ref) -> list[Stream]:
        """The generators that something to run over, or what it holds, runs over."""
        parts: tuple[Ref, ...] = ()
        match ref:
            case ListRef(storage) | RecordsRef(storage) if self.streams:
                if storage in self.streams:
                    return [self.streams[storage]]
                content = self.heap.get(storage)
                parts = content.refs if isinstance(content, Items) else ()
            case Lazy("generator", (first,)) if ref.node is not None:
                now = set(descend(ref.node.generators[0].iter))
                later = [n for n in descend(ref.node) if isinstance(n, ast.Name) and n not in now]
                names = {n.id for n in later if isinstance(n.ctx, ast.Load)}
                own = {n for clause in ref.node.generators for n in targets(clause.target)}
                return [Stream(tuple(sorted(names - own)), ref.frame, (first,))]
            case Lazy("pairwise", (View() | ListRef() as first, _)):  # which keeps what it has given as the second
                return [Stream((), None, (first,)), *self.streams_of(first)]
            case Lazy(_, items) | TupleRef(items):
                parts = items
        return [stream for part in parts for stream in self.streams_of(part)]

    def iterate(self, ref: Ref, each: Callable[[Ref], None], loop: Counted, node: ast.AST, key: ast.AST | None = None) -> Atom:
        """Run over an iterable; over a generator only where neither it nor the loop changes what the other reads."""
        ref = self.there(ref, node, NOT_ITERABLE)
        if isinstance(node, ast.For) and isinstance(ref, ObjectRef) and is_read_on(self, ref):
            return run_on(self, ref, each, node)
        ref = self.iterator(ref, node)
        self.still_there(ref, node)
        if any(s.writes for s in self.streams_of(ref)) and (isinstance(ref, Lazy) or not isinstance(node, ast.Call)):
            self.refuse(node, *_WRITES)
        in_place = isinstance(node, ast.Call) or (isinstance(ref, Lazy) and ref.kind == "generator")
        streams = [s for s in self.streams_of(ref) if s.runs or isinstance(node, ast.For) or not in_place]
        ends = any(stream.runs for stream in streams)
        if ends and isinstance(node, ast.For) and (breaks(node.body) or returns(node.body)):
            self.refuse(node, "a loop over a generator that is left early", "put the test into the generator, or " + _LIST)
        if any(self.is_tried(stream) or (stream.raises and self.catching) for stream in self.streams_of(ref)):
            self.refuse(node, *_RAISES)
        before, mark, heap = self.read_by(streams), len(self.builder.body), self.heap.copy() if self.watches else {}
        paired = self.in_pairs(ref)
        moves = [self.moves.get(s, 0) for s in paired]
        outer, self.raised_first = self.raised_first, any(stream.raises for stream in streams)
        with self.holding(self.seen_elsewhere([r for stream in streams for r in self.seen_by(stream)]), "%hstream"):
            broke = super().iterate(ref, each, loop, node, key)
        if self.raised_first:
            changed = {s for s, content in self.heap.items() if heap.get(s) is not content}
            for watch in self.watches:  # where it raises some trips have been made
                watch.early |= changed
        self.raised_first = outer
        if self.differs(before, self.read_by(streams), mark) or [self.moves.get(s, 0) for s in paired] != moves:
            self.refuse(node, "a loop that changes what the generator it runs over reads", _LIST)
        self.check_strict(ref, (broke, self.frame.flag(RETURNED)), node)
        return broke

    def in_pairs(self, ref: Ref) -> list[Storage]:
        """The lists of records of which something to run over gives each item with the one before, as that was then."""
        match ref:
            case Lazy("pairwise", (RecordsRef(storage), _)):
                part = self.heap.get(storage)
                return [storage, *([part.records.storage] if isinstance(part, Part) else [])]
            case Lazy(_, parts):
                return [storage for part in parts for storage in self.in_pairs(part)]
        return []

    def is_loaded(self, content: object) -> bool:
        """Whether it is a parameter as it is given, read for the first time."""
        return isinstance(content, Var) and bool(loaded(self.definitions.get(content)))

    def still_there(self, ref: Ref, node: ast.AST) -> None:
        """Refuse `reversed` of a list, or a generator, that was kept under a name while what it reads has changed."""
        for part in ref.parts if isinstance(ref, Lazy) else ():
            self.still_there(part, node)
        if id(ref) in self.turned and isinstance(ref, Lazy) and isinstance(listed := ref.parts[0], ListRef):
            if self.heap.get(listed.storage) is not self.turned[id(ref)][1]:
                self.refuse(node, "`reversed` of a list that has changed since", "ask for it where it is used")
        elif isinstance(ref, (ListRef, RecordsRef)) and ref.storage in self.begins:
            stream = self.streams[ref.storage]
            if self.is_tried(stream):
                self.refuse(node, *_RAISES)
            if self.differs(self.begins[ref.storage], self.read_by([stream]), len(self.builder.body)):
                self.refuse(node, "a generator, kept under a name, of which something it reads has changed", _LIST)

    def read_by(self, streams: Sequence[Stream]) -> list[Any]:
        """What the bodies of generators read: contents of storages, and values of names of the calls they are defined in."""
        found: list[Any] = []
        for stream in streams:
            refs = self.seen_by(stream)
            found += refs
            for ref in refs:
                found += [self.heap.get(storage) for storage in self.storages(ref)]
        return found

    def seen_by(self, stream: Stream) -> list[Ref]:
        """What something that gives items one by one is given, and what it and the functions it calls see of what is around."""
        frame = stream.frame
        found = [*stream.given, *(frame.env[n] for n in stream.names if frame is not None and n in frame.env)]
        seen: set[int] = set()
        for ref in found:  # which grows
            if isinstance(ref, (ListRef, RecordsRef, Lazy)):  # which may be given one by one itself
                inner = [s for s in self.streams_of(ref) if s is not stream]
                found += [r for s in inner for r in self.seen_by(s)]
            elif isinstance(ref, PartialRef):
                found += [ref.function, *ref.args, *ref.kwargs.values()]
            elif isinstance(ref, FunctionRef) and id(ref.node) not in seen and ref.frame is not None:
                seen.add(id(ref.node))
                found += [ref.frame.env[n] for n in sorted(_seen(ref.node)) if n in ref.frame.env]
        return found


def _seen(node: Definition) -> set[str]:
    """The names around a function that it reads, without those that its comprehensions bind for themselves."""
    own: set[int] = set()
    for inner in descend(node):
        if isinstance(inner, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
            bound = {n for clause in inner.generators for n in targets(clause.target)}
            own.update(id(n) for n in descend(inner) if isinstance(n, ast.Name) and n.id in bound)
    outside = {n.id for n in descend(node) if isinstance(n, ast.Name) and id(n) not in own}
    return free_names(node) & outside


def _may_go_on(ref: Ref) -> bool:
    """Whether it is a generator that may give more than is ever asked for, as only what is asked for tells."""
    node = ref.node if isinstance(ref, FunctionRef) else None
    return isinstance(node, ast.FunctionDef) and yields(node) and any(isinstance(n, ast.While) for n in inside(node.body))


def returns(stmts: list[ast.stmt]) -> bool:
    """Whether statements may return."""
    return any(isinstance(n, ast.Return) for n in inside(stmts))


def yields(node: Definition) -> bool:
    """Whether a function is a generator."""
    return isinstance(node, ast.FunctionDef) and any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in inside(node.body))


def collecting(function: FunctionRef) -> FunctionRef:
    """A generator function as one that returns the list of what it yields.  The same one each time."""
    node = function.node
    made = node.__dict__.get("_collecting")
    if made is None:
        made = copy.deepcopy(node)
        assert isinstance(made, ast.FunctionDef)
        name = unique("yielded", {n.id for n in descend(node) if isinstance(n, ast.Name)})
        made.body = [_Collecting(name).visit(s) for s in made.body]
        head = ast.Pass(lineno=node.lineno, col_offset=node.col_offset, end_lineno=node.lineno, end_col_offset=node.col_offset)
        made.body.insert(0, at(head, ast.Assign([ast.Name(name, ast.Store())], ast.List([], ast.Load()))))
        made.body.append(at(head, ast.Return(ast.Name(name, ast.Load()))))
        for n in ast.walk(made):
            for noted in ("_children", "_cells"):
                n.__dict__.pop(noted, None)
        node.__dict__["_collecting"] = made
    return replace(function, node=made)


class _Collecting(ast.NodeTransformer):
    def __init__(self, name: str) -> None:
        self.name = name

    def visit_Expr(self, node: ast.Expr) -> Any:
        if not isinstance(node.value, (ast.Yield, ast.YieldFrom)):
            return node
        method = "append" if isinstance(node.value, ast.Yield) else "extend"
        value = node.value.value or ast.Constant(None)
        call = ast.Call(ast.Attribute(ast.Name(self.name, ast.Load()), method, ast.Load()), [value], [])
        return at(node, ast.Expr(call))

    def visit_Return(self, node: ast.Return) -> Any:
        return at(node, ast.Return(ast.Name(self.name, ast.Load())))

    def visit(self, node: ast.AST) -> Any:
        """Replace what yields and returns in a node; functions inside of it have their own."""
        return node if isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)) else super().visit(node)
