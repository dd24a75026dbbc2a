"""The intermediate representation: structured SSA.

A `Function` is a region of statements.  A statement binds fresh values; `If`, `Try`, `For` and `While` hold regions of
their own.  Every region ends by yielding its results, and nothing ever leaves one sideways: a loop body's first result says
whether to stop, so `break`, `continue` and early `return` are data here and become exits again when printed.
Every operation is pure: a write to an array is `a1 = update(a0, key, v)`, an appended list `l1 = push(l0, v)`, a growing
adjoint `dt = accumulate(dt, share, like)`.  Which of them happen in place is decided late, by `place`.
The docstring of each class is its printed line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any

from adtransform.lattice import UNKNOWN, Type
from adtransform.record import record


@record
class Origin:
    """Where something came from: file, position (1-based line, 0-based column), and the user's statement as text.

    `via`: the statement that called the function around, where that function is a single statement.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    text: str = ""
    comment: str = ""
    via: str = ""


@record(eq=False)
class Var:
    """`t4`, `y`, `dt4`, `dt4_da`: a value.  Compared by identity; the name is presentation.

    `hint`: the name wished for (`y` the user's, `t4` a numbered temporary, empty: not numbered yet).
    `of`: for a tangent or an adjoint, the value it belongs to: named `d` + its name (+ `_d` + `wrt` for a partial).
    """

    type: Type = UNKNOWN
    hint: str = ""
    of: Var | None = None
    wrt: str = ""


@record
class Named:
    """`dt`: what a function of the source calls a number, and in which line; in none it is its module that does."""

    name: str
    line: int = 0


@record(eq=False)
class Worked:
    """`0.5 * dt`: an operation on numbers of which one has a name."""

    op: str
    args: tuple[Const, ...]


@record(eq=False)
class Const:
    """`2.5`, `None`, `'ij,jk->ik'`: a constant of the program.  Equal when type and value are.

    `said`: how the number is printed where its name, or those in it, are bound.
    """

    value: Any
    said: Named | Worked | None = None

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Const) or type(self.value) is not type(other.value):
            return False
        return self.value is other.value or bool(self.value == other.value and repr(self.value) == repr(other.value))

    def __hash__(self) -> int:
        try:
            return hash(self.value)
        except TypeError:  # a list, an array
            return hash(repr(self.value))


class _Undefined:
    """The value of a variable on a path that never bound it."""

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED = Const(_Undefined())


def called(a: Const, name: str, line: int) -> Const:
    """A number under a name; anything else, and what has a name of its own, as it is."""
    value = a.value
    if a.said is not None or type(value) not in (int, float) or value != value or abs(value) in (math.inf, math.pi):
        return a
    return Const(value, Named(name, line))


def worked(value: Any, op: str, args: Iterable[Atom]) -> Const:
    """The value of an operation on constants, which is printed as the operation where they have names and that is short."""
    made, parts = Const(value), tuple(a for a in args if isinstance(a, Const))
    if type(value) not in (int, float) or value in (0, 1) or all(a.said is None for a in parts):
        return made
    kept = parts[0] if len(parts) == 2 and (op, parts[1].value) in _NEUTRAL else None  # `dt * 1.0`
    kept = parts[1] if len(parts) == 2 and op in _EITHER and (op, parts[0].value) in _NEUTRAL else kept
    if kept is not None or sum(map(_length, parts)) > _LONGEST:
        return kept if kept == made else made
    return Const(value, Worked({"numpy.divide": "operator.truediv"}.get(op, op), parts))


_LONGEST = 3
_EITHER = frozenset(("operator.add", "operator.mul"))  # the same the other way round
_NEUTRAL = frozenset(
    (("operator.add", 0), ("operator.sub", 0), ("operator.mul", 1), ("operator.truediv", 1), ("operator.pow", 1))
)


def _length(a: Const) -> int:
    """The numbers that an operation on constants is printed with."""
    return sum(map(_length, a.said.args)) if isinstance(a.said, Worked) else 1


Atom = Var | Const


def numbered(hint: str) -> bool:
    """Whether it is the hint of a value that the user gave no name: `t4`."""
    return hint[:1] == "t" and hint[1:].isdecimal()


def is_temporary(v: Var) -> bool:
    """Whether the user gave it no name: `t4`, `dt4` and what has no hint at all."""
    while v.of is not None:
        v = v.of
    return not v.hint or numbered(v.hint)


@record(eq=False)
class Let:
    """`t2 = operator.add(t0, t1)`, `u, s, v = numpy.linalg.svd(a)`, `t3 = numpy.sum(x, axis=0)`"""

    targets: tuple[Var, ...]
    op: str
    args: tuple[Atom, ...] = ()
    kwargs: tuple[tuple[str, Atom], ...] = ()
    origin: Origin | None = None


@record(eq=False)
class Region:
    """`(i, u): ... yield False, u1`: parameters, statements, results."""

    params: tuple[Var, ...]
    body: tuple[Stmt, ...]
    results: tuple[Atom, ...]


@record(eq=False)
class If:
    """`y, z = if c: ... yield a, b else: ... yield p, q`

    `tag` identifies a statement of the forward sweep, `mirror` in the backward sweep the one it reverses (until `tape`).
    """

    targets: tuple[Var, ...]
    cond: Atom
    then: Region
    orelse: Region
    origin: Origin | None = None
    tag: object = None
    mirror: object = None


@record(eq=False)
class Try:
    """`failed, y = try: ... yield False, a except (builtins.ValueError)`

    The first target says whether the body raised one of the `caught` classes; then the others are undefined.  What is done
    about it is an `If` on that target behind the statement, so that the body alone is protected.
    """

    targets: tuple[Var, ...]
    body: Region
    caught: tuple[Const, ...]
    origin: Origin | None = None
    tag: object = None


@record(eq=False)
class For:
    """`u2 = for i in range(start, stop, step) with u1 = u0: ... yield stop?, u`

    The body's parameters are the index and the carried values; its results are a bool, whether to stop now, and the carried
    values' next.  The targets are the carried values after the last trip (`inits` where there was none).
    """

    targets: tuple[Var, ...]
    inits: tuple[Atom, ...]
    start: Atom
    stop: Atom
    step: Atom
    body: Region
    origin: Origin | None = None
    tag: object = None
    mirror: object = None


@record(eq=False)
class While:
    """`x2 = while with x1 = x0: (cond) ... yield c: (body) ... yield stop?, x`

    Both regions have the carried values as parameters; `cond` yields one bool and only computes it.
    """

    targets: tuple[Var, ...]
    inits: tuple[Atom, ...]
    cond: Region
    body: Region
    origin: Origin | None = None
    tag: object = None


Stmt = Let | If | Try | For | While


@record
class Param:
    """`x: float = 1.0`: a parameter.  Its value is what `load('x')` yields.  `kind` is one of inspect's (`/`, `*` are kept).

    `captured`: a name from around the function, which emitted code is given by keyword.
    """

    name: str
    type: Type = UNKNOWN
    kind: str = "POSITIONAL_OR_KEYWORD"
    default: Const | None = None
    annotation: str = ""
    captured: bool = False


@record
class Assume:
    """`assume x.ndim == 1`: what the reader had to take for granted; checked at the entry of the emitted code."""

    test: str
    why: str
    origin: Origin | None = None


@record
class Leaf:
    """The place of one value in a nested result."""

    index: int


class Record(tuple[Any, ...]):
    """An object or a named tuple in a nested result, as the tuple of what it holds.

    `names`: its attributes in that order; `title`: its class's name; `kind`: the class, where it is there.
    `many`: it is a list of such, of unknown length, and holds the list of what each of them holds.
    """

    names: tuple[str, ...]
    title: str
    kind: type | None
    many: bool

    @staticmethod
    def of(items: Iterable[Any], names: tuple[str, ...], title: str, kind: type | None, *, many: bool = False) -> Record:
        """The record of these items."""
        made = Record(items)
        made.names, made.title, made.kind, made.many = names, title, kind, many
        return made

    def holding(self, items: Iterable[Any]) -> Record:
        """The same with other items."""
        return Record.of(items, self.names, self.title, self.kind, many=self.many)


def leaf_places(tree: Any) -> list[int]:
    """Which results stand in a tree, in its order."""
    if isinstance(tree, Leaf):
        return [tree.index]
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, (tuple, list)) else ()
    return [i for part in parts for i in leaf_places(part)]


@record(eq=False)
class Function:
    """`def f(x, a, b): ... yield y`

    `tree` says how the results are nested: a `Leaf`, or a tuple, record, list or dict of trees.
    `doc`: the docstring; `bindings`: values of captured names (closure cells, globals) that became keyword-only parameters.
    `callees`: the functions that are called, by name, those that they call themselves included; they have none of their own.
    `internal`: only called from here, so that its results may share memory with its arguments and with one another.
    `watched`: called in a `try`, so that what may raise in it stays, be its value needed or not.
    `ignored`: what it wants NumPy not to report, by the names that `np.errstate` has for it.
    """

    name: str
    params: tuple[Param, ...]
    body: Region
    tree: Any = Leaf(0)
    doc: str = ""
    origin: Origin | None = None
    assumes: tuple[Assume, ...] = ()
    bindings: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Callable[..., Any]] = field(default_factory=dict)
    callees: Mapping[str, Function] = field(default_factory=dict)
    internal: bool = False
    watched: bool = False
    ignored: tuple[str, ...] = ()

    @property
    def results(self) -> tuple[Atom, ...]:
        """What the function yields, flat."""
        return self.body.results
