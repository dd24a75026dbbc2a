"""Programs: a function as Python will run it, with variables that are assigned more than once and real exits.

`thread` makes one of a `Function`, `copies` decides what happens in place, `emit` prints it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import chain

from adtransform.ir import Const, Function, Let, Origin, Var, numbered
from adtransform.lattice import UNKNOWN, Array, Scalar, Tuple, Type, kind_of, of_value
from adtransform.record import record


@record(eq=False)
class Tree:
    """An operation inside of an expression: `a[i + 1 :]`."""

    op: str
    args: tuple[Operand, ...] = ()
    kwargs: tuple[tuple[str, Operand], ...] = ()
    type: Type = UNKNOWN
    origin: Origin | None = None
    variables: tuple[Var, ...] = field(init=False)  # that it reads, with repetitions

    def __post_init__(self) -> None:
        found: list[Var] = []
        for a in (*self.args, *[a for _, a in self.kwargs]) if self.kwargs else self.args:
            if isinstance(a, Var):
                found.append(a)
            elif isinstance(a, Tree):
                found += a.variables
        object.__setattr__(self, "variables", tuple(found))


Operand = Var | Const | Tree


@dataclass(slots=True, eq=False)
class Bind:
    """`t2 = t0 + t1`; with `inplace`, the first target has the storage of the first operand: `a[k] = v`."""

    targets: tuple[Var, ...]
    tree: Tree
    origin: Origin | None = None
    let: Let | None = None
    inplace: bool = False


@dataclass(slots=True, eq=False)
class Copy:
    """`a, b = p, q` at the end of a path, all at once; `back` is the loop whose next trip it prepares."""

    pairs: list[tuple[Var, Operand]]
    back: Loop | None = None


@dataclass(slots=True, eq=False)
class Branch:
    """`if cond: ... else: ...`"""

    cond: Operand
    then: list[Node]
    orelse: list[Node]
    origin: Origin | None = None


@dataclass(slots=True, eq=False)
class Clause:
    """`except caught: handler`; `failed` says that it was taken.

    One that asks for the exception begins with `error = caught()`.
    """

    caught: tuple[Operand, ...]
    handler: list[Node]
    failed: Var

    @property
    def error(self) -> Var | None:
        """What it calls the exception, if it asks for it."""
        first = self.handler[0] if self.handler else None
        return first.targets[0] if isinstance(first, Bind) and first.tree.op == "caught" else None


@dataclass(slots=True, eq=False)
class Attempt:
    """`try: body except ...: ... else: orelse`"""

    body: list[Node]
    clauses: list[Clause]
    orelse: list[Node]
    origin: Origin | None = None


@dataclass(slots=True, eq=False)
class Loop:
    """`for index in range(*bounds): body` or, without bounds, `while cond: body` where `header` computes the condition.

    With `items` it is `for item in held`, with an index `enumerate`, of several `zip`, not `ahead` `reversed`.
    `phis` are the carried variables; `exits` says which variable holds each one after the loop.
    """

    index: Var | None = None
    bounds: tuple[Operand, ...] = ()
    items: tuple[tuple[Var, Operand], ...] = ()
    ahead: bool = True
    header: list[Node] = field(default_factory=list)
    cond: Operand = field(default_factory=lambda: Const(True))
    body: list[Node] = field(default_factory=list)
    phis: tuple[Var, ...] = ()
    exits: tuple[tuple[Var, Var], ...] = ()
    origin: Origin | None = None

    @property
    def ends(self) -> bool:
        """Whether it can end without a `break`."""
        return bool(self.bounds or self.items) or self.cond != Const(True)


@dataclass(slots=True, eq=False)
class Exit:
    """`break`, `continue` or `return values`"""

    kind: str
    values: tuple[Operand, ...] = ()


Node = Bind | Copy | Branch | Attempt | Loop | Exit
COPIES = frozenset(("copy", "copy_of", "numpy.copy"))  # what gives a value memory of its own
_HOLDING = frozenset((Branch, Attempt, Loop))  # statements that hold others


@dataclass(slots=True, eq=False)
class Program:
    """A function and its statements."""

    function: Function
    nodes: list[Node]


def copied(program: Program) -> Program:
    """A program of statements of its own, that may be altered while the first one is kept."""
    loops: dict[Loop, Loop] = {}

    def block(nodes: list[Node]) -> list[Node]:
        return [again(node) for node in nodes]

    def again(node: Node) -> Node:
        match node:
            case Bind():
                return Bind(node.targets, node.tree, node.origin, node.let, node.inplace)
            case Copy():
                return Copy(list(node.pairs), node.back and loops[node.back])
            case Branch():
                return replace(node, then=block(node.then), orelse=block(node.orelse))
            case Attempt():
                clauses = [replace(clause, handler=block(clause.handler)) for clause in node.clauses]
                return replace(node, body=block(node.body), clauses=clauses, orelse=block(node.orelse))
            case Loop():
                made = loops[node] = replace(node, header=block(node.header))
                made.body = block(node.body)
                return made
        return replace(node)

    return Program(program.function, block(program.nodes))


def type_of(a: Operand) -> Type:
    """The type of an operand."""
    return of_value(a.value) if isinstance(a, Const) else a.type


def variables(a: Operand) -> tuple[Var, ...]:
    """The variables an operand reads, with repetitions."""
    return a.variables if isinstance(a, Tree) else (a,) if isinstance(a, Var) else ()


def operands(node: Node) -> tuple[Operand, ...]:
    """What a statement itself reads, nested statements left out."""
    match node:
        case Bind():
            return (node.tree,)
        case Copy():
            return tuple([source for _, source in node.pairs])
        case Branch():
            return (node.cond,)
        case Attempt():
            return ()
        case Loop():
            return (*node.bounds, *(held for _, held in node.items))
        case Exit():
            return node.values


def reads(node: Node) -> tuple[Var, ...]:
    """The variables a statement itself reads."""
    if isinstance(node, Bind):
        return node.tree.variables
    return tuple([v for a in operands(node) for v in variables(a)])


def writes(node: Node) -> tuple[Var, ...]:
    """The variables a statement itself assigns."""
    if isinstance(node, Bind):
        return node.targets
    if isinstance(node, Copy):
        return tuple([target for target, _ in node.pairs])
    if isinstance(node, Loop):
        return (*(() if node.index is None else (node.index,)), *(item for item, _ in node.items))
    return ()


def blocks(node: Node) -> tuple[list[Node], ...]:
    """The statement lists inside of a statement."""
    if type(node) not in _HOLDING:
        return ()
    match node:
        case Branch():
            return (node.then, node.orelse)
        case Attempt():
            return (node.body, *(clause.handler for clause in node.clauses), node.orelse)
        case Loop():
            return (node.header, node.body)
    return ()


def walk(nodes: list[Node]) -> list[Node]:
    """Every statement, in the order they are printed."""
    if _HOLDING.isdisjoint(map(type, nodes)):
        return nodes[:]
    found: list[Node] = []
    for node in nodes:
        found.append(node)
        if type(node) in _HOLDING:
            for block in blocks(node):
                found += walk(block)
    return found


def times_read(nodes: Iterable[Node]) -> Counter[Var]:
    """How often each variable is read by statements themselves."""
    return Counter(chain.from_iterable(map(reads, nodes)))


def completes(nodes: list[Node]) -> bool:
    """Whether control can reach the end of a list of statements."""
    if not nodes:
        return True
    match nodes[-1]:
        case Exit():
            return False
        case Bind(tree=Tree(op="raise" | "reraise")):
            return False
        case Branch(then=then, orelse=orelse):
            return completes(then) or completes(orelse)
        case Attempt(body=body, clauses=clauses, orelse=orelse):
            return any(completes(clause.handler) for clause in clauses) or (completes(body) and completes(orelse))
        case Loop() as loop:
            return loop.ends or _breaks(loop.body)
    return True


def _breaks(nodes: list[Node]) -> bool:
    for node in nodes:
        if isinstance(node, Exit) and node.kind == "break":
            return True
        if isinstance(node, (Branch, Attempt)) and any(map(_breaks, blocks(node))):
            return True
    return False


def label(v: Var) -> str:
    """What the user would call it; empty for a temporary."""
    if v.of is None:
        return "" if numbered(v.hint) else v.hint
    inner = label(v.of)
    return inner and f"d{inner}" + (f"_d{v.wrt}" if v.wrt else "")


def negated(cond: Operand) -> Operand:
    """The opposite of a condition."""
    if isinstance(cond, Tree) and cond.op == "operator.not_":
        return cond.args[0]
    return Tree("operator.not_", (cond,))


def adds_up(key: Operand) -> bool:
    """Whether a key surely addresses no element twice, so that `a[key] += s` adds everything up."""
    if isinstance(key, Const):
        return key.value is None or key.value is ... or isinstance(key.value, (int, bool))
    if isinstance(key, Tree) and key.op == "slice":
        return True
    if isinstance(key, Tree) and key.op == "tuple":
        return all(adds_up(a) for a in key.args)
    t = type_of(key)
    numbers = t.items if isinstance(t, Tuple) else (t,)
    if all(isinstance(n, Scalar) and n.kind in ("int", "bool") for n in numbers):
        return True
    return isinstance(t, Array) and kind_of(t) == "bool"
