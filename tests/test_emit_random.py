"""Random programs of the IR, printed and run: the same results as the interpreter, and no memory shared."""

from __future__ import annotations

import copy
import random
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from adtransform import emit
from adtransform.build import Builder
from adtransform.interpret import interpret
from adtransform.ir import UNDEFINED, Atom, Const, For, Function, If, Leaf, Let, Param, Region, Var, While
from adtransform.lattice import BOOL, FLOAT, INT, UNKNOWN, Array, Dim, List, Type
from adtransform.verify import verify

ARRAY = Array("float64", (Dim("N", True),))
HALF = Array("float64", (2,))
HINTS = ["x", "y", "z", "row", "acc", "t0", "np", "fit", "", "", ""]
Scope = dict[str, list[Atom]]


class Maker:
    """Makes one random function; `typed` says whether the types of its values are known."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.typed = self.random.random() < 0.5
        self.count = 0
        self.room = 60

    def type(self, kind: str) -> Type:
        types: dict[str, Type] = {"array": ARRAY, "half": HALF, "float": FLOAT, "int": INT, "bool": BOOL}
        if kind == "list":
            return List(ARRAY if self.typed else UNKNOWN)
        return types[kind] if self.typed or kind in ("int", "bool") else UNKNOWN

    def hint(self) -> str:
        self.count += 1
        return self.random.choice([f"t{self.count}"] * 8 + HINTS)

    def let(self, b: Builder, scope: Scope, kind: str, op: str, *args: Any, hint: str | None = None, **kwargs: Any) -> Var:
        v = b.let(op, *args, hint=self.hint() if hint is None else hint, type=self.type(kind), **kwargs)
        scope[kind].append(v)
        return v

    def pick(self, scope: Scope, kind: str) -> Atom:
        found = scope[kind]
        return found[-1] if self.random.random() < 0.4 else self.random.choice(found)

    def key(self, b: Builder) -> tuple[Atom, str]:
        r = self.random
        if r.random() < 0.5:
            return Const(r.choice([0, 1, 2, 3, -1])), "float"
        start = r.choice([0, 1, 2])
        return b.let("slice", Const(start), Const(start + 2), Const(None)), "half"

    def step(self, b: Builder, scope: Scope, depth: int) -> None:
        r = self.random
        self.room -= 1
        what = r.choice(
            "arith arith view scalar update update update name push pop grow scatter print list lists branch loop".split()
        )
        match what:
            case "arith":
                kind = r.choice(["array", "half", "float"])
                op = r.choice(["operator.add", "operator.mul", "operator.sub"])
                self.let(b, scope, kind, op, self.pick(scope, kind), self.pick(scope, r.choice([kind, "float"])))
            case "view":
                a = self.pick(scope, "array")
                if r.random() < 0.5:
                    self.let(b, scope, "array", "numpy.transpose", a)
                else:
                    start = r.choice([0, 1, 2])
                    self.let(b, scope, "half", "index", a, b.let("slice", Const(start), Const(start + 2), Const(None)))
            case "scalar":
                self.let(b, scope, "float", "index", self.pick(scope, "array"), r.choice([0, 1, 2, 3, -1]))
            case "update":
                key, kind = self.key(b)
                self.let(
                    b, scope, "array", "update", self.pick(scope, "array"), key, self.pick(scope, r.choice([kind, "float"]))
                )
            case "name":
                kind = r.choice(["array", "float", "half"])
                self.let(b, scope, kind, "assign", self.pick(scope, kind), hint=r.choice(["x", "y", "z", "row", "acc"]))
            case "push":
                self.let(b, scope, "list", "push", self.pick(scope, "list"), self.pick(scope, "array"))
            case "pop":
                full = b.let("push", self.pick(scope, "list"), self.pick(scope, "array"), type=self.type("list"))
                types = (self.type("list"), self.type("array"))
                targets = (Var(types[0], self.hint()), Var(types[1], self.hint()))
                b.add(Let(targets, "pop", (full,)))
                scope["list"].append(targets[0])
                scope["array"].append(targets[1])
            case "grow":
                kind = r.choice(["array", "half", "float"])
                like = self.pick(scope, kind)
                self.let(b, scope, kind, "accumulate", self.pick(scope, kind), self.pick(scope, kind), like)
            case "scatter":
                key, kind = self.key(b)
                self.let(b, scope, "array", "accumulate_at", self.pick(scope, "array"), key, self.pick(scope, kind))
            case "print":
                b.add(Let((), "builtins.print", (self.pick(scope, "float"),)))
            case "list":
                self.let(b, scope, "list", "list", *(self.pick(scope, "array") for _ in range(r.randrange(3))))
            case "lists":
                full = self.let(b, scope, "list", "push", self.pick(scope, "list"), self.pick(scope, "array"))
                self.let(b, scope, "array", "index", full, r.choice([0, -1]))
            case "branch" if depth < 3:
                self.branch(b, scope, depth)
            case "loop" if depth < 3:
                self.loop(b, scope, depth)

    def block(
        self, scope: Scope, depth: int, kinds: list[str], params: tuple[Var, ...] = ()
    ) -> tuple[Builder, list[Atom], Scope]:
        b = Builder()
        inner = {k: list(v) for k, v in scope.items()}
        for _ in range(self.random.randrange(0, 5)):
            if self.room > 0:
                self.step(b, inner, depth + 1)
        return b, [self.pick(inner, k) for k in kinds], inner

    def condition(self, b: Builder, scope: Scope) -> Atom:
        return b.let("operator.gt", self.pick(scope, "float"), self.random.choice([0.0, 0.5, 1.5]), type=BOOL, hint=self.hint())

    def kinds(self) -> list[str]:
        return [self.random.choice(["array", "array", "float", "half", "list"]) for _ in range(self.random.randrange(1, 4))]

    def branch(self, b: Builder, scope: Scope, depth: int) -> None:
        cond = self.condition(b, scope)
        kinds = self.kinds()
        sides = [self.block(scope, depth, kinds)[:2] for _ in range(2)]
        targets = tuple(Var(self.type(k), self.hint()) for k in kinds)
        regions = [Region((), tuple(s.body), tuple(r)) for s, r in sides]
        b.add(If(targets, cond, regions[0], regions[1]))
        for k, t in zip(kinds, targets, strict=True):
            scope[k].append(t)

    def ends(self, b: Builder, scope: Scope, kinds: list[str], depth: int) -> tuple[Atom, ...]:
        """What a loop body yields: sometimes with a `break` in it."""
        r = self.random
        values = [self.pick(scope, k) for k in kinds]
        choice = r.randrange(4)
        if choice < 2:
            return (Const(False), *values)
        cond = self.condition(b, scope)
        if choice == 2:
            return (cond, *values)
        inner, more, _ = self.block(scope, depth, kinds)
        targets = (Var(BOOL, ""), *(Var(self.type(k), self.hint()) for k in kinds))
        out = Region((), (), (Const(True), *values))
        rest = Region((), tuple(inner.body), (Const(False), *more))
        b.add(If(targets, cond, *((out, rest) if r.random() < 0.7 else (rest, out))))
        return targets

    def loop(self, b: Builder, scope: Scope, depth: int) -> None:
        r = self.random
        kinds = self.kinds()
        hints = [self.hint() for _ in kinds]
        inits = tuple(self.pick(scope, k) for k in kinds)
        params = tuple(Var(self.type(k), h) for k, h in zip(kinds, hints, strict=True))
        targets = tuple(Var(self.type(k), h) for k, h in zip(kinds, hints, strict=True))
        inner = {k: list(v) for k, v in scope.items()}
        for k, p in zip(kinds, params, strict=True):
            inner[k].append(p)
        body, _, found = self.block(inner, depth, [])
        if r.random() < 0.7:
            index = Var(INT, "i")
            results = self.ends(body, found, kinds, depth)
            trips = r.randrange(0, 4)
            b.add(For(targets, inits, Const(0), Const(trips), Const(1), Region((index, *params), tuple(body.body), results)))
        else:
            count, seen, left = Var(INT, "k"), Var(INT, "k"), Var(INT, "k")
            more = body.let("operator.add", count, 1, type=INT, hint=self.hint())
            stop, *results_ = self.ends(body, found, kinds, depth)
            test = Builder()
            go = test.let("operator.lt", seen, r.randrange(0, 4), type=BOOL, hint=self.hint())
            others = tuple(Var(p.type, p.hint) for p in params)
            b.add(
                While(
                    (left, *targets),
                    (Const(0), *inits),
                    test.region((seen, *others), (go,)),
                    Region((count, *params), tuple(body.body), (stop, more, *results_)),
                )
            )
        for k, t in zip(kinds, targets, strict=True):
            scope[k].append(t)

    def function(self) -> Function:
        b = Builder()
        scope: Scope = {k: [] for k in ("array", "half", "float", "list", "int")}
        params = []
        for name, kind in (("x", "array"), ("y", "array"), ("h", "half"), ("c", "float")):
            params.append(Param(name, self.type(kind)))
            self.let(b, scope, kind, "load", Const(name), hint=f"t{self.count}")
            self.count += 1
        self.let(b, scope, "list", "list")
        for _ in range(12):
            if self.room > 0:
                self.step(b, scope, 0)
        kinds = self.kinds()
        results = tuple(self.pick(scope, k) for k in kinds)
        tree = tuple(Leaf(i) for i in range(len(results)))
        return Function("f", tuple(params), Region((), tuple(b.body), results), tree)


def arrays(value: Any) -> list[np.ndarray]:
    """The arrays in a result."""
    if isinstance(value, np.ndarray):
        return [value]
    return [a for v in value for a in arrays(v)] if isinstance(value, (list, tuple)) else []


def same(a: Any, b: Any) -> bool:
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return np.shape(a) == np.shape(b) and bool(np.array_equal(a, b, equal_nan=True))


def check(f: Function, seed: int) -> None:
    """The printed function does what the function does."""
    verify(f)
    rng = np.random.default_rng(seed)
    given = {"x": rng.normal(size=4), "y": rng.normal(size=4), "h": rng.normal(size=2), "c": float(rng.normal())}
    with np.errstate(all="ignore"):
        wanted = interpret(f, copy.deepcopy(given))
        text = emit.module([f])
        before = copy.deepcopy(given)
        got = emit.load(text)["f"](**given)
    assert same(got, wanted), f"\n{text}\n{wanted}\n{got}"
    assert same(list(given.values()), list(before.values())), f"an argument was changed by\n{text}"
    parts = [arrays(v) for v in (*got, *given.values())]
    shared = any(np.shares_memory(a, b) for p, q in combinations(parts, 2) for a in p for b in q)
    assert not shared, f"results share memory in\n{text}"
    assert UNDEFINED not in f.results


@pytest.mark.parametrize("seed", range(300))
def test_random_programs(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    check(Maker(seed).function(), seed)
