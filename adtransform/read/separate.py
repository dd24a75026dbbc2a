"""Functions read by themselves: those that call themselves, and those too long to be read where they are called.

What such a function is given and gives back is flattened: numbers and arrays become parameters and results, the containers
around them are known while reading.  An array or list that it writes is one more result, written back where it is called.
A function that calls itself is read again and again, until what is known of its parameters and results stays the same.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from adtransform.build import type_of
from adtransform.errors import Refusal
from adtransform.ir import UNDEFINED, Assume, Atom, Const, Function, Leaf, Let, Param, Region, Var
from adtransform.lattice import List, Saved, Static, Type, join
from adtransform.ops import effect_free
from adtransform.read.asked import answers
from adtransform.read.core import Restart, Taken, Unreached
from adtransform.read.finish import number
from adtransform.read.frames import DEAD, Frame
from adtransform.read.objects import Objects
from adtransform.read.outline import Arguments, Kind, Outcome, canonical, joined, optional, returned, settled, unique
from adtransform.read.passing import Inseparable, Inside, Outlining, Outside
from adtransform.read.refs import (
    DictRef,
    FunctionRef,
    ListRef,
    ObjectRef,
    RecordsRef,
    Ref,
    Row,
    Schema,
    Storage,
    TupleRef,
    View,
)
from adtransform.read.scope import names_in, own_nodes
from adtransform.read.storages import mutable
from adtransform.read.truncating import truncating
from adtransform.rewrite import statements
from adtransform.source import Definition

Groups = tuple[tuple[int, ...], ...]
Derive = Callable[[Function, str, Sequence[str]], tuple[Function, Groups]]
_ROUNDS = 40
_GROWING = 5  # readings, each of which finds more in what is given back than the one before
_DEPTH = 60
LARGE = 25  # statements; what has fewer is read where it is called


class Recursive(Exception):
    """A function that is being read where it was called calls itself: it has to be read by itself.

    `grows`: it does so with ever longer lists, whose items then are not told apart.
    """

    def __init__(self, node: Definition, *, grows: bool = False) -> None:
        super().__init__()
        self.node = node
        self.grows = grows


class _Widened(Exception):
    """A function calls itself with arguments of other types than it was given."""

    def __init__(self, opening: Opening) -> None:
        super().__init__()
        self.opening = opening


@dataclass
class Opening:
    """A function read by itself: what it is given, and what is known of it so far."""

    name: str
    node: Definition
    key: object
    kinds: list[Kind]
    names: list[str]
    outcome: Outcome | None = None
    recursive: bool = False
    unfinished: bool = False  # it has called a function that is still being read

    def passed(self, atoms: list[Atom]) -> list[Atom]:
        """The arguments that are parameters: a whole number that is always the same is none."""
        return [a for a, k in zip(atoms, self.kinds, strict=True) if not isinstance(k, Const)]


@dataclass
class Registry:
    """The functions read by themselves, for all that is read together.

    `alone`: the definitions that have to be, with whether they are given lists of a length that is not known.
    `derive(function, how, wrt)` makes derivatives; `derived`: those made, with the body that was differentiated;
    `adapters`: functions that call what has no text.
    `packed`: what the nested tuples hold that functions calling themselves return.
    """

    alone: dict[int, bool] = field(default_factory=dict)
    names: dict[object, str] = field(default_factory=dict)
    made: dict[object, Opening] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    derive: Derive | None = None
    derived: dict[object, tuple[object, tuple[Function, Groups]]] = field(default_factory=dict)
    adapters: dict[object, ast.Lambda] = field(default_factory=dict)
    packed: dict[str, list[Type]] = field(default_factory=dict)
    open: list[Opening] = field(default_factory=list)

    def name(self, key: object, wish: str) -> str:
        """A name of its own for a function and what it is given."""
        if key not in self.names:
            self.names[key] = unique(wish, set(self.names.values()))
        return self.names[key]


def nests(node: Definition) -> bool:
    """Whether a function says that the last it returns is a tuple, without saying what is in that."""
    match getattr(node, "returns", None):
        case ast.Subscript(ast.Name("tuple"), ast.Tuple([*_, ast.Name("tuple")])):
            return True
    return False


def is_large(node: Definition) -> bool:
    """Whether a function is too long to be read where it is called."""
    return isinstance(node, ast.FunctionDef) and sum(isinstance(n, ast.stmt) for n in own_nodes(node)) > LARGE


class Separate(Objects):
    """Calling functions that are read by themselves."""

    registry: Registry

    def separate(self, function: FunctionRef, bound: Mapping[str, Ref], node: ast.AST) -> Ref | None:
        """A call of a function read by itself; None where its arguments cannot be flattened and it may be read in place."""
        outlining = Outlining(self, self.registry.alone.get(id(function.node), False))
        given = outlining.given
        try:
            for name, ref in bound.items():
                given.forms[name] = outlining.form(ref, name)
            outlining.close_over(function)
        except Inseparable as problem:
            if id(function.node) in self.registry.alone:
                help = "pass it numbers, arrays and lists, or write it as a loop"
                self.refuse(node, f"`{function.name}`, which calls itself with {problem}", help)
            return None
        atoms = [self.value(ref, node) for ref in given.refs]
        try:
            opening = self.opened(function, given, atoms, node)
        except Inseparable as problem:
            self.refuse(node, f"`{function.name}`, which calls itself with {problem}", "pass it as an argument only")
        return self._called(opening, given, atoms, node)

    # Reading it.

    def opened(self, function: FunctionRef, given: Arguments, atoms: list[Atom], node: ast.AST) -> Opening:
        """The function read for these arguments, or being read."""
        frame = id(function.frame.key) if function.frame is not None else 0
        static = (id(function.node), frame, given.key())
        kinds = canonical([self._kind(a) for a in atoms], given.names)
        for i, opening in enumerate(self.registry.open):
            if opening.key == static:
                opening.recursive = True
                for later in self.registry.open[i + 1 :]:
                    later.unfinished = True
                self._widen(opening, kinds, node)
                return opening
        key = (static, tuple(kinds))
        if key in self.registry.made:
            return self.registry.made[key]
        if any(o.node is function.node and len(o.names) < len(given.names) for o in self.registry.open):
            if not self.registry.alone.get(id(function.node), True):
                raise Recursive(function.node, grows=True)
        if len(self.registry.open) > _DEPTH:
            self.refuse(node, f"`{function.name}`, which calls itself with ever new arguments", "write it as a loop")
        wish = function.name if function.name.isidentifier() else "function"
        opening = Opening(self.registry.name(key, wish), function.node, static, kinds, list(given.names))
        self.registry.open.append(opening)
        try:
            self._read(opening, function, given, node)
        finally:
            self.registry.open.pop()
        if not opening.unfinished:
            self.registry.made[key] = opening
        return opening

    def _kind(self, a: Atom) -> Kind:
        """What is known of an argument: a whole number is known, until another one is passed."""
        known = self.static(a)
        return known if known is not None and type(known.value) is int else type_of(a)

    def _widen(self, opening: Opening, kinds: list[Kind], node: ast.AST) -> None:
        """Go on with what holds for the arguments of all calls."""
        both = canonical([joined(a, b) for a, b in zip(opening.kinds, kinds, strict=True)], opening.names)
        if both != opening.kinds:
            if any(isinstance(t, Static) for t in both):
                self.refuse(node, f"`{opening.name}`, which calls itself with arguments of other kinds", "write it as a loop")
            opening.kinds = both
            raise _Widened(opening)

    def _read(self, opening: Opening, function: FunctionRef, given: Arguments, node: ast.AST) -> None:
        """Read a function until what is known of it stays the same."""
        taken: dict[str, list[Taken]] = {}
        known: list[Type] = []
        sizes: list[int] = []
        for _ in range(_ROUNDS):
            reader = self._reader(function, opening, taken)
            try:
                found = reader.alone(function, opening, given)
            except Restart as restart:
                taken.setdefault(restart.taken.param, []).append(restart.taken)
                continue
            except _Widened as widened:
                if widened.opening is not opening:
                    raise
                opening.outcome = None
                continue
            if reader.messages:
                self.messages.extend(m for m in reader.messages if m not in self.messages)
                self.vague |= reader.vague
                raise Refusal(None)
            sizes.append(len(found.types))
            if len(sizes) > _GROWING and all(a < b for a, b in itertools.pairwise(sizes[-_GROWING:])):
                help = "keep the nodes in a list, and their indices in the place of nodes"
                self.refuse(node, f"`{opening.name}`, which gives objects in objects without end", help)
            before, opening.outcome = opening.outcome, found
            packed, known = known, list(self.registry.packed.get(opening.name, ()))
            if before is not None and before.shape() == found.shape():
                found.types = [join(a, b) for a, b in zip(before.types, found.types, strict=True)]
            if not opening.recursive or (
                before is not None and before.shape() == found.shape() and before.types == found.types and packed == known
            ):
                if not found.ended and opening.recursive:
                    self.refuse(node, f"`{opening.name}`, which never returns", "return a value on some path")
                return
        self.refuse(node, f"`{opening.name}`, whose values change in kind from call to call", "write it as a loop")

    def _reader(self, function: FunctionRef, opening: Opening, taken: Mapping[str, list[Taken]]) -> Separate:
        types = {n: k for n, k in zip(opening.names, opening.kinds, strict=True) if not isinstance(k, Const)}
        for name, assumed in taken.items():
            types[name] = self.assumed(name, types[name], assumed)
        loops = self.unrolled_loops, self.detached_loops, self.live_loops
        reader = type(self)(function.module, types, self.known, {}, taken, *loops, self.records, apart=self.keeps_apart)
        reader.registry, reader.modules = self.registry, self.modules
        reader.known_classes, reader.known_objects, reader.owners = self.known_classes, {}, self.owners
        reader.bodies = self.bodies
        reader.kept, reader.captured_storages = [], {}
        return reader

    def assumed(self, name: str, t: Type, taken: Sequence[Taken]) -> Type:
        """A parameter's type with what was assumed of it."""
        raise NotImplementedError

    def alone(self, function: FunctionRef, opening: Opening, given: Arguments) -> Outcome:
        """Read the body in this reader; the function is then among those of the registry."""
        for name, kind in zip(opening.names, opening.kinds, strict=True):
            if not isinstance(kind, Const):
                self.params[name] = Param(name, self.types[name])
        node = function.node
        inside_ = Inside(self, opening.name, opening.names, opening.kinds, given)
        self.statement_text = function.module.source.lines[node.lineno - 1].strip()
        parent = inside_.frames.get(function.frame) if function.frame is not None else None
        self.frame = Frame(self.scope(node), function.module, parent, function.captured, function.name)
        self.place = self.origin(node)
        self.frame.env.update({name: inside_.ref(form) for name, form in given.forms.items()})
        self.result_name = self.free_result_name(node)
        self.whole_body()
        outcome = inside_.outcome(Const(None) if DEAD in self.frame.env else self.returned())
        body = self.top.region((), tuple(inside_.results))
        assumes = tuple(self.assumed_numbers(body))
        # What checks its arguments is called whether its result is used or not.
        outcome.checks = bool(assumes)
        outcome.effects = bool(assumes) or any(isinstance(s, Let) and not effect_free(s.op) for s in statements(body))
        number(body)
        count = len(inside_.results)
        self.registry.functions[opening.name] = Function(
            opening.name,
            tuple(replace(p, kind="POSITIONAL_OR_KEYWORD", default=None) for p in self.params.values()),
            body,
            Leaf(0) if count == 1 else tuple(Leaf(i) for i in range(count)),
            ast.get_docstring(node) or "" if isinstance(node, ast.FunctionDef) else "",
            self.origin(node),
            assumes,
            internal=True,
            ignored=tuple(sorted(self.ignored)),
        )
        return outcome

    def assumed_numbers(self, body: Region) -> Iterator[Assume]:
        """What was assumed of the parameters, and what has to be so that values updated in place are numbers."""
        taken = [t for many in self.taken.values() for t in many]
        if self.asked:
            taken += answers(body, self.asked, self.frame.scope.used_as_array)
        taken += truncating(body)
        yield from {t.test: Assume(t.test, t.why, t.origin) for t in reversed(taken)}.values()

    result_name: str
    captured_storages: dict[str, Storage]

    def free_result_name(self, node: Definition) -> str:
        """A name for what is returned that the function does not use."""
        used = {*names_in(node), *self.frame.scope.locals}
        return "y" if "y" not in used else unique("result", used)

    def returned(self) -> Ref:
        """The value of the frame being left."""
        raise NotImplementedError

    # A tuple in what a function calling itself returns may hold another such tuple, and so on: it is one value.

    def packing(self, ref: Ref, node: ast.AST) -> Ref:
        """What a function returns, with the last item one value where its annotation says `tuple[..., tuple]`."""
        opening = self.registry.open[-1] if self.registry.open and self.frame.caller is None else None
        if opening is None or not isinstance(ref, TupleRef) or not ref.items or not isinstance(ref.items[-1], TupleRef):
            return ref
        if not nests(opening.node) or not self.frame.module.calls_itself(opening.node):
            return ref
        held = ref.items[-1].items
        atoms = [UNDEFINED if item == Const(None) else self.value(item, node) for item in held]
        types = settled([self.type_of(a) for a in atoms], ())
        before = self.registry.packed.setdefault(opening.name, types)
        if len(before) != len(types):
            self.refuse(node, "a tuple of different lengths on the paths that meet here", "make them equally long")
        self.registry.packed[opening.name] = [join(a, b) for a, b in zip(before, types, strict=True)]
        packed = self.make(self.let("pack", *atoms, type=Saved(opening.name)))
        for item in held:
            for storage in self.storages(item):
                for mine in self.storages(packed):
                    self.relate(mine, storage)
        return replace(ref, items=(*ref.items[:-1], packed))

    def taken_apart(self, ref: Ref, node: ast.AST) -> tuple[Ref, ...] | None:
        """What such a tuple holds; None: it is none."""
        t = self.type_of(self.value(ref, node)) if isinstance(ref, (Var, View)) else None
        if not isinstance(t, Saved):
            return None
        if t.of not in self.registry.packed:
            raise Unreached
        types = tuple(returned(self.registry.packed[t.of], (), ()))
        made = self.lets("unpack", (self.value(ref, node),), {}, len(types), types=types)
        return tuple(self.make(v, frozen="a write to what a nested tuple holds") for v in made)

    # The call.

    def _called(self, opening: Opening, given: Arguments, atoms: list[Atom], node: ast.AST) -> Ref:
        """Append the call, write back what it has written, and say what it gives."""
        outcome = opening.outcome
        if outcome is None:
            raise Unreached
        if outcome.checks and (self.attempts or self.catching):
            what = "a call, in a `try`, of a function that checks what is assumed of its arguments"
            self.refuse(node, what, "annotate its parameters, or call it before the `try`")
        self.check_overlap(outcome, given, node)
        self.check_records(outcome, given, node)
        captured = self.captured_by(outcome, node)
        types = tuple(returned(outcome.types, opening.kinds, [type_of(a) for a in atoms]))
        op = "perform" if outcome.effects else "call"
        self.place = self.origin(node)
        places = tuple(optional(outcome.form))
        told = {"unbound": Const(places)} if places else {}
        made = self.lets(op, (Const(opening.name), *opening.passed(atoms), *captured), told, len(types), types=types)
        if not outcome.ended:
            seen = given.containers or any(isinstance(ref, (View, ListRef, DictRef)) for ref in given.refs)
            if seen and (self.attempts or self.catching):  # what it has written is not known
                what = "a call, in a `try`, of a function that always raises"
                self.refuse(node, what, "raise in the `try` itself, or pass it nothing that it may write")
            raise Unreached
        outside = Outside(self, given, made)
        written = [given.refs[i] for i in outcome.writes] + [given.containers[i] for i in outcome.contents]
        for watch in self.watches:  # what it raises it may raise behind its writes
            watch.early.update(ref.storage for ref in written if isinstance(ref, (View, ListRef, DictRef, ObjectRef)))
        for i, j in outcome.writes.items():
            ref = given.refs[i]
            if isinstance(ref, View):
                self.write(ref, made[j], node, self.name_of(ref))
            elif isinstance(ref, (ListRef, DictRef)):
                self.may_write(ref.storage, node, structural=True)
                if isinstance(t := self.type_of(made[j]), List) and mutable(t.item):
                    self.may_write(ref.storage, node)  # what it holds may have been written too
                self.heap[ref.storage] = made[j]
        for i, form in outcome.contents.items():
            storage = given.containers[i].storage
            self.may_write(storage, node, structural=True)
            self.heap[storage] = outside.content(form, storage)
        found = outside.ref(outcome.form)
        if id(opening.node) in self.registry.alone:
            self.held_by_calls(found)
        return found

    def held_by_calls(self, found: Ref) -> None:
        """A list of lists that a recursion gives may hold any of those it sees, and more than once."""
        seen = [s for s in self.heap if self.is_container(s)]
        for storage in self.storages(found):
            content = self.heap.get(storage)
            if isinstance(content, Var) and isinstance(content.type, List) and self.holds_lists(storage):
                self.doubled(storage)
                for other in seen:
                    if other is not storage:
                        self.share(storage, other)
                        self.contained.add((storage, other))

    def captured_by(self, outcome: Outcome, node: ast.AST) -> list[Atom]:
        """The values from outside that the function reads: further arguments."""
        return [self.value(self.capture(n, v, node, bound=v is not None), node) for n, v in outcome.captured.items()]

    def check_records(self, outcome: Outcome, given: Arguments, node: ast.AST) -> None:
        """Refuse a call that changes records which something else names by their places, or holds too."""
        written = {s for i in outcome.writes for s in self.storages(given.refs[i])}
        for i, records in enumerate(given.containers):
            if not isinstance(records, RecordsRef) or not isinstance(records.schema, Schema):
                continue
            if written.isdisjoint(c.storage for c in self.columns_of(records)):
                continue
            self.may_write_row(Row(records, Const(0), (), records.schema), node)
            self.grows(records, node)
            if i in outcome.moved and self.named_items_of(records):
                what = "a call that changes the places of records of which something names one"
                self.refuse(node, what, "take what is needed of it before, or look it up again behind the call")
            if i in outcome.moved:
                self.moved(records, node)

    def check_overlap(self, outcome: Outcome, given: Arguments, node: ast.AST) -> None:
        """Refuse a write that another argument would see."""
        for i in outcome.contents:
            near = set(self.partners(given.containers[i].storage))
            if any(other.storage in near for other in given.containers):
                what = "a call that changes a list, dict or object that is given, which may be another one of those given"
                self.refuse(node, what, "call it in a branch for each that it may be: if ...: f(a, b), else: f(b, b)")
        for i in outcome.writes:
            mine = set(self.storages(given.refs[i]))
            near = mine | {s for pair in self.related if pair & mine for s in pair}
            for j, other in enumerate(given.refs):
                if j != i and near & set(self.storages(other)):
                    what = f"a call that writes `{given.names[i]}`, which may share memory with `{given.names[j]}`"
                    self.refuse(node, what, "pass a copy of one of them")
