"""Shares: what a statement sends to the adjoints of its operands, where no row of the tables says it."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence

from adtransform.build import Builder, type_of
from adtransform.errors import refuse
from adtransform.infer.indexing import may_repeat
from adtransform.infer.structural import adjoint as adjoint_type
from adtransform.ir import Atom, Const, Let, Var
from adtransform.lattice import (
    ELLIPSIS,
    INT,
    NONE,
    WHOLE,
    Array,
    Dict,
    List,
    Saved,
    Tuple,
    Type,
    Unknown,
    dims_of,
    is_scalar,
    nested,
)
from adtransform.linear import empty, nothing, zero


class Adjoints:
    """The adjoints as they stand while a sweep goes backwards.

    `empty`: the zeros that nothing was added to; `taken`: those that are another one, under another name.
    """

    active: set[Var]
    adjoint: ChainMap[Var, Atom]  # a branch writes into a layer of its own
    empty: set[Atom]
    taken: dict[Atom, Atom]


class Contribute:
    """Adds shares to adjoints."""

    def __init__(self, sweep: Adjoints, b: Builder) -> None:
        self.sweep, self.b = sweep, b

    def __call__(self, operand: Atom, share: Atom) -> None:
        """`d_operand += share`."""
        if isinstance(operand, Var) and operand in self.sweep.active:
            old = self.sweep.adjoint[operand]
            if isinstance(operand.type, Saved):
                self.sweep.adjoint[operand] = share  # it is passed on once
                return
            if isinstance(operand.type, (List, Tuple)):
                if not isinstance(type_of(share), (List, Tuple)):
                    share = self.b.let("items", share, operand, type=adjoint_type(operand.type))
                # The share of a list is a list as long: the first one is taken over.
                known = old in self.sweep.empty
                self.sweep.adjoint[operand] = share if known else self.b.let("plus", old, share, of=operand)
                return
            bar = self.sweep.adjoint[operand] = self.b.let(
                "accumulate", old, share, operand, of=operand, type=adjoint_type(operand.type)
            )
            if old in self.sweep.empty:
                self.sweep.taken[bar] = self.sweep.taken.get(share, share)

    def whole(self, operand: Atom, share: Atom) -> None:
        """`d_operand += share` for the adjoint of the very same value under another name: there is nothing to fit."""
        if not isinstance(operand, Var) or operand not in self.sweep.active:
            return
        old = self.sweep.adjoint[operand]
        if old not in self.sweep.empty or isinstance(operand.type, List):
            self(operand, share)
        else:
            bar = self.sweep.adjoint[operand] = self.b.let("assign", share, of=operand, type=adjoint_type(operand.type))
            self.sweep.taken[bar] = self.sweep.taken.get(share, share)

    def at(self, operand: Atom, key: Atom, share: Atom) -> None:
        """`d_operand[key] += share`."""
        if key == Const(...) or type_of(key) == Tuple(()) or (type_of(key) == WHOLE and is_list(operand)):
            self(operand, share)  # all of it, which may be a number
        elif (
            isinstance(operand, Var)
            and _adds_axes(type_of(key))
            and (is_scalar(operand.type) or isinstance(operand.type, Unknown))
        ):
            self(operand, self.b.let("numpy.reshape", share, self.b.let("shape", operand)))  # as well
        elif isinstance(operand, Var) and operand in self.sweep.active:
            old = self.sweep.adjoint[operand]
            if isinstance(type_of(share), (List, Tuple)):
                grown = self.b.let("plus", self.b.let("index", old, key), share)
                self.sweep.adjoint[operand] = self.b.let("update", old, key, grown, of=operand, type=type_of(old))
                return
            self.sweep.adjoint[operand] = self.b.let(
                "accumulate_at", old, key, share, of=operand, type=adjoint_type(operand.type)
            )

    def within(self, operand: Atom, keys: tuple[Atom, ...], share: Atom) -> None:
        """`d_operand[i][k] += share`, for a list of lists or of arrays."""
        if isinstance(operand, Var) and operand in self.sweep.active:
            old = self.sweep.adjoint[operand]
            op = "grow_in"
            if isinstance(type_of(share), (List, Tuple)):
                op, share = "put_in", self.b.let("plus", self.b.let("item_in", old, *keys), share)
            self.sweep.adjoint[operand] = self.b.let(op, old, share, *keys, of=operand, type=adjoint_type(operand.type))


def _adds_axes(key: Type) -> bool:
    """Whether a key takes all there is, with more axes: `x[..., None]`."""
    parts = key.items if isinstance(key, Tuple) else (key,)
    return NONE in parts and all(p in (NONE, ELLIPSIS) for p in parts)


def joined(stmt: Let, bar: Atom | None, wanted: set[Atom], add: Contribute, b: Builder) -> None:
    """The shares of two lists that were put together."""
    assert bar is not None
    middle = b.let("builtins.len", stmt.args[0], type=INT)
    keys = b.let("slice", None, middle, None), b.let("slice", middle, None, None)
    for a, key in zip(stmt.args, keys, strict=True):
        if a in wanted:
            add(a, b.let("index", bar, key, type=type_of(bar)))


def structural(
    stmt: Let, bars: Sequence[Atom | None], wanted: set[Atom], add: Contribute, definitions: Mapping[Var, Let], b: Builder
) -> None:
    """The shares of the operands of an operation of the IR: of a view, a write, a list."""
    args, bar = stmt.args, bars[0]
    if stmt.op == "pop":
        rest, item = (bars[i] or zero(t, b) for i, t in enumerate(stmt.targets))
        add(args[0], b.let("push", rest, item, type=adjoint_type(type_of(args[0]))))
        return
    if stmt.op == "pop_in":
        rest, item = bars[0] or empty(stmt.targets[0], b), bars[1] or zero(stmt.targets[1], b)
        add(args[0], b.let("push_in", rest, item, *args[1:], type=adjoint_type(type_of(args[0]))))
        return
    if stmt.op == "claim":
        left, taken = bars[0] or empty(stmt.targets[0], b), bars[1]
        if args[0] in wanted:
            put = zero(stmt.targets[1], b) if taken is None else taken
            add(args[0], b.let("update", left, args[1], put, type=adjoint_type(type_of(args[0]))))
        if args[2] in wanted and taken is not None:
            add(args[2], taken)
        return
    if stmt.op == "unpack":
        items = [found or nothing(t, b) for found, t in zip(bars, stmt.targets, strict=True)]
        add(args[0], b.let("pack", *items, type=type_of(args[0])))
        return
    assert bar is not None
    match stmt.op:
        case "assign":
            add(args[0], bar)
        case "index":
            key = args[1].value if isinstance(args[1], Const) else None
            if args[0] in wanted and isinstance(key, str) and not isinstance(type_of(args[0]), List):
                refuse(
                    stmt.origin,
                    f"an item by its name, `[{key!r}]`, where it is not known to be of a dict",
                    "pass the dict from Python, grad(f)(params), or make its items parameters: def f(W, b, ...)",
                )
            if args[0] in wanted:
                add.at(args[0], args[1], bar)
        case "exchange":
            add(args[0], b.let("exchange", bar, *args[1:], type=type_of(bar)))
        case "item_in":
            add.within(args[0], args[1:], bar)
        case "put_in":
            if args[1] in wanted:
                add(args[1], b.let("item_in", bar, *args[2:]))
            if args[0] in wanted:
                around = nested(type_of(args[0]), len(args) - 3)
                numbers = isinstance(around, List) and is_scalar(around.item) and is_scalar(type_of(args[1]))
                plain = numbers or isinstance(around, Array)
                hole = Const(0.0) if plain else zero(b.let("item_in", args[0], *args[2:]), b)
                add(args[0], b.let("put_in", bar, hole, *args[2:], type=type_of(bar)))
        case "grow_in":
            if args[0] in wanted:
                add(args[0], bar)
            if args[1] in wanted:
                add(args[1], b.let("item_in", bar, *args[2:]))
        case "update" if args[1] == Const(...):
            # All of it is written.  The adjoint of an array that may be without axes may be a number, which has no items.
            if args[2] in wanted:
                add(args[2], bar)
        case "update" if isinstance(type_of(args[0]), Dict):
            rest, item = b.apply("claim", (bar, args[1], zero(args[2], b)), count=2)
            if args[2] in wanted:
                add(args[2], item)
            if args[0] in wanted:
                add(args[0], rest)
        case "drop":
            rest, _ = b.apply("claim", (bar, args[1], Const(0.0)), count=2)
            add(args[0], rest)
        case "lookup":
            if args[0] in wanted:
                add.at(args[0], args[1], bar)
        case "table":
            for key, a in zip(args[0].value, args[1:], strict=True):  # type: ignore[union-attr]
                if a in wanted:
                    add(a, b.let("lookup", bar, Const(key), zero(a, b)))
        case "update":
            if args[2] in wanted:
                share = b.let("index", bar, args[1])
                if not is_list(args[0]) and may_repeat(args[1], definitions):
                    share = b.let("numpy.where", b.let("last", bar, args[1]), share, 0.0)
                add(args[2], share)
            if (whole := args[0]) in wanted and isinstance(whole, Var):
                hole = _hole(args, b) if is_list(whole) else Const(0.0)
                add(whole, b.let("update", bar, args[1], hole, of=whole))
        case "push":
            rest, item = b.apply("pop", (bar,), count=2)
            if args[1] in wanted:
                add(args[1], item)
            if args[0] in wanted:
                add(args[0], rest)
        case "push_in":
            rest, item = b.apply("pop_in", (bar, *args[2:]), count=2)
            if args[1] in wanted:
                add(args[1], item)
            if args[0] in wanted:
                add(args[0], rest)
        case "extend":
            count = b.let("builtins.len", args[0])
            add(args[0], b.let("index", bar, b.let("slice", None, count, None)))
            add(args[1], b.let("index", bar, b.let("slice", count, None, None)))
        case "times":
            add(args[0], b.let("untimes", bar, args[0], args[1]))
        case "untimes":
            add(args[0], b.let("times", bar, args[2]))
        case "plus":
            add(args[0], bar)
            add(args[1], bar)
        case "list" | "tuple":
            for i, a in enumerate(args):
                if a in wanted:
                    add(a, b.let("index", bar, i))
        case "pack":
            types = tuple(adjoint_type(type_of(a)) for a in args)
            parts = b.apply("unpack", (bar,), count=len(args), types=types)
            for a, part in zip(args, parts, strict=True):
                if a in wanted:
                    add(a, part)
        case "accumulate":
            if args[0] in wanted:
                add(args[0], bar)
            if args[1] in wanted:
                add(args[1], b.let("expand", bar, args[1]))
        case "accumulate_at":
            if args[0] in wanted:
                add(args[0], bar)
            if args[2] in wanted:
                if isinstance(type_of(bar), Dict):
                    add(args[2], b.let("lookup", bar, args[1], zero(args[2], b)))
                else:
                    add(args[2], b.let("index", bar, args[1]))


def _hole(args: tuple[Atom, ...], b: Builder) -> Atom:
    """The zero that an item of a list has as adjoint before `update(list, key, item)`: in the shape of what was there."""
    items, key, new = args
    t, u = type_of(items), type_of(new)
    same = isinstance(t, List) and is_scalar(t.item) and is_scalar(u)
    if same or (isinstance(t, List) and t.item == u and isinstance(u, Array) and dims_of(u) is not None):
        return zero(new, b) if isinstance(new, Var) else Const(0.0)
    return zero(b.let("index", items, key), b)


def is_list(a: Atom) -> bool:
    """Whether it is a list."""
    return isinstance(type_of(a), List)
