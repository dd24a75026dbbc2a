"""What a function read by itself is given and gives back, flattened: forms, and the types of the values in them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from adtransform.ir import Const
from adtransform.lattice import Array, Dim, Extent, List, Scalar, Tuple, Type, fresh_dim, holding, join, of_value, told_apart
from adtransform.read.frames import Frame
from adtransform.read.refs import ClassRef, FunctionRef, MaybeRef, Ref, Schema
from adtransform.record import record


@record
class Given:
    """The value at a place among the arguments or the results.

    For a result, `storage` numbers the memory it lives in, and `near` says which arguments' memory that may be.
    """

    index: int
    storage: int = 0
    near: tuple[int, ...] = ()


@record
class Same:
    """A result that is an argument itself; with `container`, a list or dict by its number."""

    index: int
    container: bool = False


@record
class Group:
    """What a tuple, list, dict, range or object (`kind`) holds; `keys`: of the dict, or the names of what it holds.

    `of`: the class of an object or a named tuple; `number`: that of the container among the arguments.  `schema`: what the
    records of a list of such are.
    """

    items: tuple[Form, ...]
    kind: type
    keys: tuple[Any, ...] = ()
    of: ClassRef | None = None
    number: int = -1
    schema: Schema | None = None


@record
class Fixed:
    """Something that is no number and known while reading: `key` tells it from others."""

    key: Any
    ref: Any = field(compare=False)


Form = Given | Same | Group | Fixed
Kind = Const | Type  # a whole number that is known, or what is known of a value


@dataclass
class Arguments:
    """The arguments of a call: a form each, the values in order, the containers by number.

    `around`: what the function reads of the calls that it is defined in.
    """

    forms: dict[str, Form] = field(default_factory=dict)
    refs: list[Ref] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    containers: list[Any] = field(default_factory=list)
    around: dict[Frame, dict[str, Form]] = field(default_factory=dict)

    def key(self) -> object:
        """What tells apart calls that need functions of their own."""
        return tuple(self.forms.items()), tuple((id(f.key), tuple(forms.items())) for f, forms in self.around.items())


@dataclass
class Outcome:
    """What is known of what a function gives back.

    `writes`: for each argument that is written, the result that is its new value; `contents`: for each container that is
    changed, what it holds now; `ended`: whether it returns at all; `effects`: whether it does more than
    compute; `checks`: whether it checks what was assumed of its arguments; `moved`: the lists of records, among the containers,
    in which items have changed places.
    """

    form: Form
    types: list[Type]
    writes: dict[int, int]
    contents: dict[int, Form]
    captured: dict[str, Any]
    ended: bool = True
    effects: bool = False
    checks: bool = False
    moved: tuple[int, ...] = ()

    def shape(self) -> object:
        """What has to be found twice for the reading to be done, the types left out."""
        return self.form, self.writes, self.contents, list(self.captured), self.ended, self.effects, self.checks, self.moved


def functions(forms: Iterable[Form]) -> Iterator[FunctionRef]:
    """The functions in some forms."""
    for form in forms:
        if isinstance(form, Fixed) and isinstance(form.ref, FunctionRef):
            yield form.ref
        elif isinstance(form, Group):
            yield from functions(form.items)


def optional(form: Form, maybe: bool = False) -> Iterator[int]:
    """The values of a result that are not there where it is None."""
    match form:
        case Given(index) if maybe:
            yield index
        case Group(items, kind):
            for i, item in enumerate(items):
                yield from optional(item, maybe or (kind is MaybeRef and i > 0))


def canonical(kinds: Iterable[Kind], names: Iterable[str]) -> list[Kind]:
    """Types that name their extents after the values: what the calls of one function have in common."""
    known: dict[Dim, Dim] = {}
    return [k if isinstance(k, Const) else _named(k, name, known) for k, name in zip(kinds, names, strict=True)]


def settled(types: Iterable[Type], keep: Iterable[Kind]) -> list[Type]:
    """The same for results: extents that are none of the arguments' are named by place."""
    known = {e: e for k in keep if not isinstance(k, Const) for e in extents(k)}
    return [_named(t, f"result_{i}", known) for i, t in enumerate(types)]


def returned(types: Iterable[Type], inner: Iterable[Kind], outer: Iterable[Type]) -> list[Type]:
    """The types of results where a function is called: extents of its arguments are those of what was passed."""
    known: dict[Dim, Extent] = {}
    for k, t in zip(inner, outer, strict=True):
        if isinstance(k, Array) and isinstance(t, (Array, Scalar)):
            dims = t.dims if isinstance(t, Array) else ()
            for e, actual in zip(k.dims or (), dims or (), strict=False):
                if isinstance(e, Dim):
                    known.setdefault(e, actual)

    def back(e: Dim, where: str) -> Extent:
        if e not in known:
            known[e] = Dim(fresh_dim().name, e.many)
        return known[e]

    return [_mapped(t, "", back) for t in types]


def joined(a: Kind, b: Kind) -> Kind:
    """What holds for both of two arguments."""
    if a == b:
        return a
    x, y = (of_value(k.value) if isinstance(k, Const) else k for k in (a, b))
    return join(x, y)


def extents(t: Type) -> Iterator[Dim]:
    """The named extents in a type."""
    match t:
        case Array(_, dims):
            yield from (e for e in dims or () if isinstance(e, Dim))
        case Tuple(items):
            for item in items:
                yield from extents(item)
        case List(item):
            yield from extents(item)


def _named(t: Type, name: str, known: dict[Dim, Dim]) -> Type:
    def new(e: Dim, where: str) -> Extent:
        return known.setdefault(e, Dim(where, e.many))

    return _mapped(t, name, new)


def _mapped(t: Type, name: str, change: Callable[[Dim, str], Extent], held: bool = False) -> Type:
    """`held`: of the items of a list, which may differ in extents."""
    match t:
        case Array(dtype, dims) if dims is not None:
            found = []
            for i, e in enumerate(dims):
                one = told_apart(e)
                found.append(change(one, f"{name}.{i}") if isinstance(one, Dim) and not (held and one != e) else e)
            return Array(dtype, tuple(found))
        case Tuple(items):
            return Tuple(tuple(_mapped(item, f"{name}.{i}", change, held) for i, item in enumerate(items)))
        case List(item):
            return holding(t, _mapped(item, f"{name}.", change, True))
        case Scalar(kind, dtype):
            return Scalar(kind, dtype, maybe=t.maybe)  # what else is known of a count does not hold for every call
    return t


def unique(wish: str, taken: set[str]) -> str:
    """The name, or one like it that is not taken."""
    return next(n for n in itertools.chain((wish,), (f"{wish}_{i}" for i in itertools.count(2))) if n not in taken)
