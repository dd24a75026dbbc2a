"""What a name stands for while reading: values, views of storages, and the containers and functions known at read time."""

from __future__ import annotations

import ast
import enum
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from adtransform.ir import Atom, Const, Var
from adtransform.record import record
from adtransform.source import Definition

if TYPE_CHECKING:
    from adtransform.read.frames import Frame, Module


ZERO = Const(0)


Making = tuple[int, ...]  # an expression that makes a list, and the calls for which it is read

numbers = itertools.count()  # of storages, in the order they are made


@dataclass(eq=False, slots=True)
class Storage:
    """One object in memory that can be written: an array, a list, a dict, or what may be one.

    `param`: the parameter that holds it (its content is loaded at first use).  `frozen`: why it must not be written.
    `solid`: known to be C-contiguous, so that a reshape of it is a view.  `outside`: a live object, looked at when it is read.
    `factory`: what makes the missing items of a `defaultdict`.  `queue`: a `deque`.  `limit`: how many items it keeps.
    `merged`: what stands for one of several after paths have met.  `depth`: in how many loops a list was made.
    `made`: by which displays and comprehensions a list was made.  `copied`: by which expression a list of records was made of
    another one, and what could be kept instead: the places of its items there.
    """

    label: str = ""
    param: str = ""
    frozen: str = ""
    solid: bool = False
    outside: Any = None
    factory: Ref | None = None
    limit: Atom | None = None
    queue: bool = False
    merged: bool = False
    depth: int = 0
    made: tuple[Making, ...] = ()
    copied: tuple[Making, Pointer] | None = None
    number: int = field(default_factory=numbers.__next__)


@record
class Step:
    """One step of an access path: `index(a, key)`, `numpy.transpose(a)`; `flat`: the numbers of an array however it lies."""

    op: str
    args: tuple[Atom, ...] = ()
    kwargs: tuple[tuple[str, Atom], ...] = ()
    sure: bool = True  # False: it depends on a type not known whether this is a view or a copy


@record(eq=False)
class View:
    """A storage seen through an access path.  `seen` is its value when the storage's content was `base`."""

    storage: Storage
    path: tuple[Step, ...] = ()
    seen: Atom | None = None
    base: Content | None = None


@record(eq=False)
class TupleRef:
    """A tuple of references; `names` of a named tuple's fields, and its class where that is the user's."""

    items: tuple[Ref, ...]
    names: tuple[str, ...] = ()
    kind: ClassRef | None = None


@record(eq=False)
class MaybeRef:
    """None, or something else that is no number and no array: `there` says whether it is that."""

    there: Atom
    ref: Ref


@record(eq=False)
class ListRef:
    """A list: its storage holds `Items`, or a value of type List once its length is not known."""

    storage: Storage


@record
class Alike:
    """A field that is the same in all records of a list, as a name or a function.  `held`: what it is, once one was put in."""

    key: object
    held: list[Ref] = field(default_factory=list, compare=False, hash=False)


@record
class Coded:
    """A field that is one of the members of an enumeration: it is kept as the place of that one among them."""

    of: ClassRef


@record
class Pointer:
    """A field that is an item of another list of records, or a part of one: it is kept as the index.  `base`: which list."""

    made: Making
    path: tuple[Any, ...]
    schema: Schema
    base: list[RecordsRef] = field(default_factory=list, compare=False, hash=False)


@record
class Schema:
    """What the records of a list are, and what each field is: a value (None), the same in all of them, a member or a record."""

    kind: Literal["object", "dict", "tuple"]
    fields: tuple[tuple[Any, FieldKind], ...]
    of: ClassRef | None = None
    names: tuple[str, ...] = ()


FieldKind = Schema | Alike | Coded | Pointer | None


@record(eq=False)
class RecordsRef:
    """A list of records, held as a list for each field: its storage holds `Entries`, those lists by the path to the field."""

    storage: Storage
    schema: Schema | Pointer


@record(eq=False)
class DictRef:
    """A dict with known keys: its storage holds `Entries`."""

    storage: Storage


@record(eq=False)
class ClassRef:
    """A class of the user's, from its text or live; `above`: what it inherits from, in the order in which names are looked up.

    `foreign`: why its instances are not read.  `members`: those of an enumeration.  `frame`: the call that has defined it.
    """

    name: str
    module: Module
    node: ast.ClassDef | None = None
    live: type | None = None
    above: tuple[ClassRef, ...] = ()
    foreign: str = ""
    is_tuple: bool = False
    members: type[enum.Enum] | None = None
    frame: Frame | None = None

    @property
    def order(self) -> tuple[ClassRef, ...]:
        """The class and those above it."""
        return (self, *self.above)


@record(eq=False)
class ObjectRef:
    """An object of a class that is read: its storage holds `Entries`, the attributes by name."""

    storage: Storage
    kind: ClassRef


@record(eq=False)
class SuperRef:
    """`super()`: an object whose attributes are looked up in the classes above `after`."""

    owner: ObjectRef | ClassRef
    after: ClassRef


@record(eq=False)
class RangeRef:
    """`range(start, stop, step)`"""

    start: Atom
    stop: Atom
    step: Atom


@record(eq=False)
class Lazy:
    """`zip`, `enumerate`, `reversed` of other references, and generator expressions: something to be iterated once."""

    kind: str
    parts: tuple[Ref, ...] = ()
    start: Atom = ZERO
    node: ast.GeneratorExp | None = None
    frame: Frame | None = None


RUN_OVER = ("zip", "pairwise", "enumerate", "reversed", "generator", "product", "rest")  # once, but not before it is asked for


@record
class Stream:
    """Something run over before the loop over it begins: what it reads of what is around, and whether it may do more.

    `writes`: it has changed or printed something, which whoever runs over it may tell from when it did.
    `raises`: it may have raised something, in so many `attempts` around.
    """

    names: tuple[str, ...]
    frame: Frame | None
    given: tuple[Ref, ...]
    runs: bool = False
    writes: bool = False
    raises: bool = False
    attempts: int = 0


@record(eq=False)
class FunctionRef:
    """A function with source: a `def` or a lambda, the module it is in, and the frame it closes over.

    `within`: the clauses of the comprehensions around that bind names it reads, which it sees at their last values.
    """

    node: Definition
    module: Module
    frame: Frame | None = None
    name: str = ""
    defaults: tuple[Ref | None, ...] = ()
    keyword_defaults: Mapping[str, Ref] = field(default_factory=dict)
    captured: Mapping[str, Any] = field(default_factory=dict)
    within: tuple[ast.comprehension, ...] = ()


@record(eq=False)
class PartialRef:
    """`functools.partial(f, ...)`, and a method bound to its object."""

    function: Ref
    args: tuple[Ref, ...] = ()
    kwargs: Mapping[str, Ref] = field(default_factory=dict)


@record(eq=False)
class DerivedRef:
    """A derivative that is not called yet: `grad(f, wrt)`; `single`: with respect to one argument, given bare."""

    how: str
    function: Ref
    wrt: tuple[int | str, ...]
    single: bool


@record(eq=False)
class PullRef:
    """What takes an adjoint back to the arguments: `vjp(f, x)[1]`; `values`: what `f` has returned at the point."""

    point: Any
    values: tuple[Atom, ...]


@record(eq=False)
class EitherRef:
    """One of two functions, by a test: `f if c else g`; of two objects, lists or dicts, where those are kept apart."""

    cond: Atom
    then: Ref
    orelse: Ref


@record(eq=False)
class External:
    """Something outside of the text: a module, a function or a class, by its dotted name."""

    op: str
    live: Any = None


@record(eq=False)
class Method:
    """`x.sum`, not called yet."""

    owner: Ref
    name: str


@record(eq=False)
class Conflict:
    """A name whose value cannot be described; reading it is refused.  No reason: that was said before."""

    what: str = ""
    help: str = ""


def pointers(part: FieldKind) -> list[Pointer]:
    """The fields of a record that are items of other lists of records."""
    if isinstance(part, Schema):
        return [found for _, inner in part.fields for found in pointers(inner)]
    return [part] if isinstance(part, Pointer) else []


def fields_alike(part: FieldKind) -> list[Alike]:
    """The fields of a record that are the same in all records of its list."""
    if isinstance(part, Schema):
        return [found for _, inner in part.fields for found in fields_alike(inner)]
    return [part] if isinstance(part, Alike) else []


def present(ref: Ref) -> Ref:
    """A reference where something is done with it that None does not know."""
    return ref.ref if isinstance(ref, MaybeRef) else ref


Ref = (
    Var
    | Const
    | View
    | TupleRef
    | MaybeRef
    | ListRef
    | DictRef
    | RecordsRef
    | ClassRef
    | ObjectRef
    | SuperRef
    | RangeRef
    | Lazy
    | FunctionRef
    | PartialRef
    | DerivedRef
    | EitherRef
    | PullRef
    | External
    | Method
    | Conflict
)


@record(eq=False)
class Items:
    """The content of a list whose length is known."""

    refs: tuple[Ref, ...] = ()


@record(eq=False)
class Entries:
    """The content of a dict or of an object: what is where each key or attribute is."""

    refs: Mapping[Any, Ref] = field(default_factory=dict)
    attributes: bool = False


@record(eq=False)
class Choice:
    """The content of what is one of two storages: the view of one where `cond` holds, of the other where it does not."""

    cond: Atom
    then: View
    orelse: View

    @property
    def sides(self) -> tuple[View, View]:
        """Both."""
        return self.then, self.orelse


@record(eq=False)
class Row:
    """The content of an object or a dict that is an item of a list of records, or a field of one: it is in those lists."""

    records: RecordsRef
    key: Atom
    path: tuple[Any, ...]
    schema: Schema


@record(eq=False)
class Part:
    """The content of a slice of a list of records, as long as that keeps its items in their places."""

    records: RecordsRef
    start: Atom
    stop: Atom


Content = Var | Const | Items | Entries | Choice | Row | Part

CONTAINERS = (ListRef, DictRef, ObjectRef, RecordsRef)

Since = tuple[Mapping[Storage, Content], int]  # what storages held at some time, and how many statements there were
Pair = frozenset[Storage]


Held = ListRef | DictRef | ObjectRef


def itemized(ref: Ref) -> Ref:
    """A constant tuple as one of its items."""
    if isinstance(ref, Const) and isinstance(ref.value, tuple):
        return TupleRef(tuple(map(Const, ref.value)))
    return ref


def constants(refs: list[Ref]) -> list[Any] | None:
    """The values of items that are all constants, tuples of them included."""
    found: list[Any] = []
    for ref in refs:
        inner = constants(list(ref.items)) if isinstance(ref, TupleRef) else None
        if isinstance(ref, Const):
            found.append(ref.value)
        elif inner is not None:
            found.append(tuple(inner))
        else:
            return None
    return found
