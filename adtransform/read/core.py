"""What every part of the reader stands on: where it is in the text, the regions being built, and the state of the names."""

from __future__ import annotations

import ast
import enum
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from adtransform.build import Builder, type_of
from adtransform.errors import Message, Refusal, refusal
from adtransform.ir import UNDEFINED, Assume, Atom, Const, If, Let, Origin, Param, Region, Var
from adtransform.lattice import TEXT, UNKNOWN, Type
from adtransform.lattice import UNDEFINED as NOT_BOUND
from adtransform.read.frames import DEAD, TRUE, Frame, Module, Scope
from adtransform.read.raising import Catch, PartedCall, Watch
from adtransform.read.refs import ClassRef, Content, FunctionRef, Making, Pair, Pointer, Ref, Schema, Storage
from adtransform.record import record
from adtransform.source import Definition, Source

UNROLL = 64  # a loop of so many trips may be read trip by trip


@record
class State:
    """The names of the current frame, the content of every storage, and which storages may be one and the same.

    `picked`: the values of those that are one of two, with what the two held when they were chosen.
    `proven`: the values that are not None here, and the flags that hold.
    """

    env: dict[str, Ref]
    heap: dict[Storage, Content]
    related: set[Pair]
    picked: dict[Storage, tuple[Atom, tuple[Content, ...]]]
    proven: set[Var]

    def copy(self) -> State:
        """A state that can be changed without changing this one."""
        return State(self.env.copy(), self.heap.copy(), self.related.copy(), self.picked.copy(), self.proven.copy())


@record
class Opened:
    """A region that is not closed yet, and the state at its end."""

    builder: Builder
    state: State


@record
class OpenLoop:
    """A counted loop whose body is being read."""

    node: ast.AST
    bounds: tuple[Atom, Atom, Atom]
    index: Var

    @property
    def is_short(self) -> bool:
        """Whether it is known to have few trips."""
        if not all(isinstance(b, Const) for b in self.bounds):
            return False
        return len(range(*(b.value for b in self.bounds if isinstance(b, Const)))) <= UNROLL


@record
class Taken:
    """An assumption about a parameter: `test` is what emitted code checks, `kind` what the reader makes of it."""

    param: str
    kind: str
    test: str
    why: str
    origin: Origin | None


@record
class Asked:
    """`value` is updated under a name while another one sees it, which is right if it is a number."""

    value: Atom
    name: str
    other: str
    origin: Origin | None


@record
class Handling:
    """A handler being read: what it calls the exception, and the flag of the `Try` that caught it, if it is right behind."""

    frame: Frame
    name: str
    failed: Var | None


class Restart(Exception):
    """An assumption was made: the function is read again with it."""

    def __init__(self, taken: Taken) -> None:
        super().__init__(taken.test)
        self.taken = taken


class Unroll(Exception):
    """A loop that has to be read trip by trip: the function is read again so."""

    def __init__(self, node: ast.AST) -> None:
        super().__init__()
        self.node = node


class Detach(Exception):
    """A loop before which names of items of lists have to be taken off the lists: the function is read again so."""

    def __init__(self, node: ast.AST) -> None:
        super().__init__()
        self.node = node


class Gathered(Exception):
    """Lists of records of a length that is not known: the function is read again with a list for each field in their place."""

    def __init__(self, lists: Iterable[Making], schema: Schema | Pointer) -> None:
        super().__init__()
        self.found = dict.fromkeys(lists, schema)


class Live(Exception):
    """A loop over a list whose length may change meanwhile: the function is read again with that asked before each trip."""

    def __init__(self, node: ast.AST) -> None:
        super().__init__()
        self.node = node


class Unreached(Exception):
    """A call that gives nothing back, as far as is known: the function calls itself, or raises."""


class Holding:
    """While something is held: `with` it, it is the last one of a stack.  (Entered by every operator; hence no generator.)"""

    __slots__ = ("held", "stack")

    def __init__(self, stack: list[tuple[str, list[Ref]]], held: tuple[str, list[Ref]]) -> None:
        self.stack = stack
        self.held = held

    def __enter__(self) -> None:
        self.stack.append(self.held)

    def __exit__(self, *raised: object) -> None:
        self.stack.pop()


class Core:
    """The state of one reading of one function, and the primitives to change it."""

    def __init__(
        self,
        module: Module,
        types: Mapping[str, Type],
        known: Callable[[str], bool],
        intrinsics: Mapping[str, str],
        taken: Mapping[str, list[Taken]],
        unrolled: Container[int] = (),
        detached: Container[int] = (),
        live: Container[int] = (),
        records: Mapping[Making, Schema | Pointer] | None = None,
        *,
        apart: bool = False,
    ) -> None:
        self.module = module
        self.types = types
        self.known = known
        self.intrinsics = intrinsics
        self.taken = taken
        self.unrolled_loops = unrolled  # by the identities of their nodes
        self.detached_loops = detached  # as well
        self.live_loops = live
        self.records: Mapping[Making, Schema | Pointer] = records or {}  # what the lists are of that are lists of records
        # What the named tuples are that were put into lists of unknown length.
        self.named_items: dict[Making, Schema] = {}
        self.tuple_kinds: set[ClassRef] = set()  # the classes of all tuples in these
        self.keeps_apart = apart  # whether what is one of several objects, lists or dicts stays one of those where paths meet
        self.partial: set[Storage] = set()  # what is there only where one of several paths was taken
        self.mixed = False  # whether that would make a difference
        self.open_loops: list[OpenLoop] = []
        self.heads: list[tuple[ast.AST, Frame, Mapping[str, Ref]]] = []  # of the loops being read, with the names there
        self.top = self.builder = Builder()
        self.open_regions: list[Builder] = []  # those being read into, the outermost first
        self.heap: dict[Storage, Content] = {}
        self.related: set[Pair] = set()
        self.loosened: dict[Atom, Content] = {}  # lists and dicts of known items as the run-time values that they were made
        self.joined: set[Pair] = set()  # what is known of lists that become run-time values where paths meet
        self.sharing: set[Pair] = set()  # the lists and dicts that are related as they may hold the same, and are two
        self.contained: set[tuple[Storage, Storage]] = set()  # containers, each in one whose content is a run-time value
        # By which loop a list is filled with the items of another one, and its index when it was read last.
        self.each: dict[tuple[Storage, Storage], tuple[tuple[int, ...], Content | None, Var | None]] = {}
        self.from_fronts: set[Atom] = set()  # the indices that are kept in the place of items of lists of records
        # By which loop and append a list of records is filled with items of another one, and the index when it was read last.
        self.filled: dict[Pair, tuple[tuple[Making, int] | None, Atom | None]] = {}
        # What is one of the members of an enumeration and kept as the place of that one: the place, and the members.
        self.codes: dict[Ref, tuple[Atom, tuple[enum.Enum, ...]]] = {}
        self.moves: dict[Storage, int] = {}  # how often other items have come into the places of those of a list of records
        self.picked: dict[Storage, tuple[Atom, tuple[Content, ...]]] = {}
        self.proven: set[Var] = set()
        self.denials: dict[Var, Var] = {}  # what is proven where a condition does not hold
        self.implies: dict[tuple[Var, bool], list[tuple[Atom, bool]]] = {}  # what it means that a flag holds, or does not
        self.constants_of: dict[Var, tuple[Atom, Const, Const]] = {}  # of a choice of two: the test, and the two
        self.branched: set[Var] = set()  # the flags of what only one of two branches makes, or a trip makes None again
        self.either: dict[Atom, tuple[Atom, Atom]] = {}  # what the flag of what branches make is in the one and the other
        self.most_held = 64  # with more of all this it is worth the time to look for what does not matter any more
        self.closures = False  # whether some function or generator was made that sees the names around it
        self.messages: list[Message] = []
        self.vague: set[Message] = set()  # those that other ones explain, if there are any
        self.loaded: dict[str, Var] = {}
        self.params: dict[str, Param] = {}
        self.bindings: dict[str, Any] = {}
        self.assumes: list[Assume] = []
        self.written: dict[str, Origin | None] = {}
        self.asked: list[Asked] = []
        self.constants: dict[Var, Const] = {}
        self.definitions: dict[Var, Let] = {}
        # What a carried or merged value was before the loop, or on one of the paths: of the same rank.
        self.before: dict[Var, Atom] = {}
        self.roots: dict[Var, str] = {}  # the parameter whose rank a value has, as far as it was asked for
        self.arrays: set[Var] = set()  # what is an array also where it has no axes
        self.fresh: set[Storage] = set()
        self.given: list[Ref] = []  # what a function read by itself may write, whose end its caller sees
        self.scopes: dict[int, Scope] = {}
        self.modules: dict[str, Module] = {module.name: module}
        self.frame: Frame
        self.place: Origin | None = None
        self.statement_text = ""
        self.statement_comment = ""
        self.attempts = 0  # how many `try` with handlers are around
        self.raised_first = False  # whether what the loop being read runs over may have raised before that
        self.parted = 0  # how many are around of which each part may fail by itself
        self.parted_call: PartedCall | None = None
        self.catching: Sequence[Catch] = ()  # the handlers around, where each part of a `try` is read as one that may fail
        self.watches: list[Watch] = []
        self.handling: list[Handling] = []  # the handlers being read
        self.quiet = False  # inside of a `with` that makes NumPy raise
        self.plainly = True  # not inside of one that changes how arrays are printed
        self.ignored: set[str] = set()  # what NumPy is told not to report
        self.looked_up: dict[str, Ref] = {}  # what has been read of libraries, by its dotted name
        self.loop_plans: dict[tuple[int, ...], Any] = {}
        self.unnamed: list[tuple[str, list[Ref]]] = []  # what is held without a name, and as what
        self.streams: dict[Storage, Any] = {}  # the lists of what generators yield, by the calls of those
        # What `reversed` gave of lists, kept under names, with what the lists held then.
        self.turned: dict[int, tuple[Ref, Content | None]] = {}
        self.begins: dict[Storage, list[Any]] = {}  # what generators under a name have read, by the lists of what they yield
        self.trips: tuple[int, ...] = ()  # which trips of unrolled loops are being read

    # The text.

    def scope(self, node: Definition) -> Scope:
        """What is known of a function before reading it."""
        if id(node) not in self.scopes:
            self.scopes[id(node)] = Scope(node)
        return self.scopes[id(node)]

    def nowhere(self, module: Module, name: str = "") -> Frame:
        """A frame at module level."""
        empty = ast.Lambda(ast.arguments([], [], None, [], [], None, []), ast.Constant(None))
        self.kept.append(empty)
        return Frame(self.scope(empty), module, None, {}, name)

    kept: list[ast.AST]  # whose identities are keys

    @property
    def source(self) -> Source:
        """The source of the function being read."""
        return self.frame.module.source

    def origin(self, node: ast.AST) -> Origin:
        """Where a node stands."""
        at = node.__dict__
        try:
            line, column, end, end_column = at["lineno"], at["col_offset"], at["end_lineno"], at["end_col_offset"]
        except KeyError:  # what the reader has made
            line, column, end, end_column = at.get("lineno", 1), at.get("col_offset", 0), None, None
        frame = self.frame
        return Origin(
            frame.module.source.file,
            line,
            column,
            end or line,
            end_column or column,
            self.statement_text,
            self.statement_comment,
            frame.via,
        )

    def at(self, node: ast.AST) -> None:
        """Say where the next operations come from."""
        self.place = self.origin(node)

    def refuse(self, node: ast.AST | Origin | None, what: str, help: str) -> NoReturn:
        """Refuse a construct."""
        raise self.refusal(node, what, help)

    def refusal(self, node: ast.AST | Origin | None, what: str, help: str) -> Refusal:
        """The refusal of a construct."""
        place = self.origin(node) if isinstance(node, ast.AST) else node or self.place
        return refusal(place, what, help)

    # Operations.

    def let(self, op: str, *args: Any, hint: str = "", type: Type | None = None, **kwargs: Any) -> Var:
        """Append an operation with one result."""
        return self.lets(op, args, kwargs, 1, (hint,), None if type is None else (type,))[0]

    def operation(
        self, op: str, args: Sequence[Atom], kwargs: Mapping[str, Atom], hint: str = "", type: Type | None = None
    ) -> Var:
        """The same with the arguments of a call."""
        return self.lets(op, args, kwargs, 1, (hint,), None if type is None else (type,))[0]

    def lets(
        self,
        op: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        count: int,
        hints: tuple[str, ...] = (),
        types: tuple[Type, ...] | None = None,
    ) -> tuple[Var, ...]:
        """Append an operation with `count` results."""
        builder = self.builder
        builder.origin = self.place
        found = builder.apply(op, args, kwargs, count=count, hints=hints, types=types)
        self._noted()
        return found

    def raise_where(self, cond: Atom, kind: type[Exception], text: str, *shown: Atom) -> None:
        """Raise where a condition holds, as something that is read in other words does; `shown`: what its text has `{}` for."""
        said = Builder(self.place)
        message = said.let("builtins.str.format", text, *shown, type=TEXT) if shown else Const(text)
        said.add(Let((), "raise", (Const(kind), message) if text else (Const(kind),)))
        self.builder.add(If((), cond, said.region((), ()), Region((), (), ()), self.place))
        for watch in self.watches:
            watch.see(self.builder.body[-1], self.heap)

    def effect(self, op: str, *args: Any, **kwargs: Any) -> None:
        """Append an operation that is performed for what it does."""
        named = tuple(sorted(kwargs.items()))
        self.builder.add(Let((), op, tuple(args), named, self.place))
        self._noted()

    def _noted(self) -> None:
        let = self.builder.body[-1]
        assert isinstance(let, Let)
        for target in let.targets:
            self.definitions[target] = let
        for watch in self.watches:
            watch.see(let, self.heap)

    def type_of(self, a: Atom) -> Type:
        """The type of an operand."""
        return NOT_BOUND if a is UNDEFINED else type_of(a)

    def static(self, a: Atom) -> Const | None:
        """The constant that an operand is known to be."""
        return a if isinstance(a, Const) else self.constants.get(a)

    # States and regions.

    def held(self) -> int:
        """How much there is to look at where paths meet."""
        return len(self.frame.env) + len(self.heap)

    def save(self) -> State:
        """The state now."""
        return State(self.frame.env, self.heap, self.related, self.picked, self.proven).copy()

    def restore(self, state: State) -> None:
        """Go on from a state."""
        self.frame.env, self.heap = state.env.copy(), state.heap.copy()
        self.related, self.picked, self.proven = state.related.copy(), state.picked.copy(), state.proven.copy()

    def region(self, state: State, action: Callable[[], object]) -> Opened:
        """Read into a new region, from a state."""
        return self.resume(Opened(Builder(), state), action)

    def resume(self, opened: Opened, action: Callable[[], object]) -> Opened:
        """Read on into a region that is not closed yet; what always raises ends it.

        The state is then the region's: the caller restores its own.
        """
        outer, self.builder = self.builder, opened.builder
        self.open_regions.append(opened.builder)
        self.restore(opened.state)
        try:
            try:
                action()
            except Unreached:
                self.frame.env[DEAD] = TRUE
            return Opened(opened.builder, self.save())
        finally:
            self.builder = outer
            self.open_regions.pop()

    @contextmanager
    def trip(self, *which: int) -> Iterator[None]:
        """Read on as another trip, or another reading, of the same statements: their loops and lists are others."""
        outer = self.trips
        self.trips = (*outer, *which)
        try:
            yield
        finally:
            self.trips = outer

    def holding(self, refs: list[Ref], what: str = "%operand") -> Holding:
        """Read on while these are held without a name: as operands of what is being evaluated, or by a loop."""
        return Holding(self.unnamed, (what, refs))

    # What the parts above provide to those below.

    def expression(self, node: ast.expr) -> Ref:
        """Read an expression."""
        raise NotImplementedError

    def value(self, ref: Ref, node: ast.AST | None = None) -> Atom:
        """A reference as an operand."""
        raise NotImplementedError

    def taken_apart(self, ref: Ref, node: ast.AST) -> tuple[Ref, ...] | None:
        """What a nested tuple holds that a function calling itself has returned; None: it is none."""
        raise NotImplementedError

    def block(self, stmts: list[ast.stmt]) -> None:
        """Read statements."""
        raise NotImplementedError

    def whole_body(self) -> None:
        """Read the body of the function whose frame this is."""
        raise NotImplementedError

    def called_body(self, node: ast.AST) -> None:
        """The same of a function that is called."""
        raise NotImplementedError

    def statement(self, stmt: ast.stmt) -> None:
        """Read one statement."""
        raise NotImplementedError

    def apply(self, function: Ref, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """Call something."""
        raise NotImplementedError

    def function(self, node: Definition, module: Module, frame: Frame | None) -> FunctionRef:
        """A function as a value."""
        raise NotImplementedError

    def param_type(self, name: str) -> Type:
        """The type of a parameter, with what was assumed of it."""
        return self.types.get(name, UNKNOWN)
