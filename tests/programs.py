"""Random programs in the input language: what a person might write, and what nobody would.

A program is a function of a float `a`, a vector `x` and a matrix `m`; it writes into its arguments, through views and aliases,
calls helpers, appends to lists, and leaves loops and the function early.  Every variable has one kind throughout.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

N = 4

HELPERS = """
import math

import numpy as np


def smooth(u, k):
    s = u * 0.5
    if k > 0.3:
        return s + np.tanh(k)
    s = s - k
    return s * s


def bump(v, k):
    w = v * k
    w[1] = w[0] + k
    w[2:] *= 0.5
    return w


def scatter(v, k):
    v[0] = v[0] + k
    v[-1] *= k
    return v[1] * k


def total(items, start=0.0):
    s = start
    for q in items:
        if s > 50.0:
            break
        s += q
    return s
"""


@dataclass
class Block:
    """A statement that holds others: `head` with its body, and perhaps an `else`."""

    head: str
    body: list[Stmt]
    orelse: list[Stmt] = field(default_factory=list)


Stmt = str | Block


def text(body: list[Stmt], indent: int = 1) -> str:
    """The source of some statements."""
    lines = []
    pad = "    " * indent
    for stmt in body:
        if isinstance(stmt, str):
            lines.append(pad + stmt + "\n")
        else:
            lines.append(f"{pad}{stmt.head}\n{text(stmt.body, indent + 1) or pad + '    pass' + chr(10)}")
            if stmt.orelse:
                lines.append(f"{pad}else:\n{text(stmt.orelse, indent + 1)}")
    return "".join(lines)


def source(body: list[Stmt]) -> str:
    """The module: the helpers and the function `f`."""
    return f"{HELPERS}\n\ndef f(x, a, m):\n{text(body)}"


def smaller(body: list[Stmt]) -> Iterator[list[Stmt]]:
    """The same program with a statement less, a block replaced by what is in it, or an expression by a simple one."""
    for i, stmt in enumerate(body):
        if i < len(body) - 1 or len(body) == 1:
            yield body[:i] + body[i + 1 :]
        if isinstance(stmt, Block):
            yield body[:i] + stmt.body + body[i + 1 :]
            for inner in smaller(stmt.body):
                yield [*body[:i], Block(stmt.head, inner, stmt.orelse), *body[i + 1 :]]
            for inner in smaller(stmt.orelse) if stmt.orelse else ():
                yield [*body[:i], Block(stmt.head, stmt.body, inner), *body[i + 1 :]]
            heads = (f"{stmt.head[: stmt.head.index(' ')]} a {sign} 0.7:" for sign in "<>" if stmt.head.startswith("if"))
            yield from (
                [*body[:i], Block(head, stmt.body, stmt.orelse), *body[i + 1 :]] for head in heads if len(head) < len(stmt.head)
            )
        else:
            yield from ([*body[:i], line, *body[i + 1 :]] for line in _plainer(stmt))


def _plainer(line: str) -> Iterator[str]:
    """A statement with a simple expression on its right side."""
    for mark in ("return ", " = ", "= "):
        left, found, right = line.partition(mark)
        if found:
            yield from (left + found + plain for plain in ("a", "x * a", "a * a") if len(plain) < len(right))
            return


class Generator:
    """One program from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.early = ""
        self.floats = ["a"]
        self.vectors = ["x"]
        self.matrices = ["m"]
        self.lists: list[str] = []
        self.indices: list[str] = []
        self.count = 0
        self.depth = 0

    def program(self) -> list[Stmt]:
        """The statements of `f`, the return included."""
        kind = self.rng.random()
        # What an early return gives back must be bound on every path.
        self.early = "return a * 2.0" if kind < 0.7 else "return x * a" if kind < 0.85 else "return a * 0.5, x * a"
        body = [s for _ in range(self.rng.randint(3, 9)) for s in self.statement()]
        if kind < 0.7:
            return [*body, f"return {self.number()}"]
        if kind < 0.85:
            return [*body, f"return {self.vector()}"]
        return [*body, f"return {self.number(1)}, {self.vector(1)}"]

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def pick(self, names: list[str]) -> str:
        # The newest are the most interesting.
        return names[-1] if self.rng.random() < 0.4 else self.rng.choice(names)

    def index(self) -> str:
        if self.indices and self.rng.random() < 0.6:
            return self.pick(self.indices)
        return self.rng.choice(["0", "1", "2", "-1"])

    def constant(self) -> str:
        return self.rng.choice(["0.5", "1.5", "-0.7", "2.0", "0.3", "2", "1"])

    def number(self, depth: int = 2) -> str:
        """An expression that is a number."""
        r = self.rng
        if depth == 0 or r.random() < 0.25:
            kind = r.random()
            if kind < 0.6:
                return self.pick(self.floats)
            if kind < 0.85:
                return f"{self.pick(self.vectors)}[{self.index()}]"
            if kind < 0.92:
                return f"{self.pick(self.matrices)}[{self.index()}, {self.index()}]"
            return self.constant()
        e, g = self.number(depth - 1), self.number(depth - 1)
        v, w = self.vector(depth - 1), self.vector(depth - 1)
        return r.choice(
            [
                f"({e} + {g})",
                f"({e} - {g})",
                f"{e} * {g}",
                f"{e} * {g}",
                f"np.sin({e})",
                f"np.tanh({e})",
                f"{e} / (2.0 + {g} ** 2)",
                f"math.exp(-({e}) ** 2)",
                f"np.sum({v})",
                f"({v}).mean()",
                f"({v} @ {w})",
                f"smooth({e}, {g})",
                f"({e} if {self.condition()} else {g})",
                f"total([{e}, {g}], {e})",
                f"scatter({v} * 1.0, {e})",
                f"scatter({self.pick(self.vectors)}, {e})",
            ]
        )

    def vector(self, depth: int = 2) -> str:
        """An expression that is a vector of length N."""
        r = self.rng
        if depth == 0 or r.random() < 0.3:
            return self.pick(self.vectors) if r.random() < 0.8 else f"{self.pick(self.matrices)}[{self.index()}]"
        v, w, e = self.vector(depth - 1), self.vector(depth - 1), self.number(depth - 1)
        return r.choice(
            [
                f"({v} + {w})",
                f"({v} - {e})",
                f"{e} * {v}",
                f"{v} * {w}",
                f"np.sin({v})",
                f"np.exp(-(({v}) ** 2))",
                f"({v})[::-1]",
                f"({v}).copy()",
                f"np.where({v} > 0.4, {w}, {e})",
                f"np.concatenate([({v})[:2], ({w})[2:]])",
                f"np.stack([{e}, {e}, ({v})[0], ({w})[1]])",
                f"{self.pick(self.matrices)} @ ({v})",
                f"np.cumsum({v}) * 0.3",
                f"bump({v}, {e})",
                f"{self.pick(self.matrices)}.sum(axis={r.choice('01')}) * 0.2",
            ]
        )

    def condition(self) -> str:
        r = self.rng
        test = f"{self.number(1)} {r.choice(['<', '>', '>='])} {self.constant()}"
        if r.random() < 0.2:
            return f"{test} {r.choice(['and', 'or'])} {self.number(0)} < {self.constant()}"
        return f"not {test}" if r.random() < 0.1 else test

    def statement(self) -> list[Stmt]:
        """One statement, or a few that belong together."""
        r = self.rng
        choices = [self.assign, self.assign, self.augment, self.write, self.write, self.alias, self.listing]
        if self.depth < 2:
            choices += [self.branch, self.branch, self.loop, self.loop, self.repeat]
        return r.choice(choices)()

    def assign(self) -> list[Stmt]:
        r = self.rng
        if r.random() < 0.5:
            value = self.number()
            name = self.pick(self.floats) if r.random() < 0.3 else self.fresh("s")
            return self.bind(self.floats, name, value)
        value = self.vector()
        name = self.pick(self.vectors) if r.random() < 0.2 else self.fresh("v")
        return self.bind(self.vectors, name, value)

    def bind(self, kind: list[str], name: str, value: str) -> list[Stmt]:
        if name not in kind:
            kind.append(name)
        return [f"{name} = {value}"]

    def augment(self) -> list[Stmt]:
        r = self.rng
        if r.random() < 0.5:
            return [f"{self.pick(self.floats)} {r.choice(['+=', '-=', '*='])} {self.number(1)}"]
        return [f"{self.pick(self.vectors)} {r.choice(['+=', '-=', '*='])} {r.choice([self.vector(1), self.number(1)])}"]

    def write(self) -> list[Stmt]:
        r = self.rng
        v = self.pick(self.vectors)
        return [
            r.choice(
                [
                    f"{v}[{self.index()}] = {self.number(1)}",
                    f"{v}[{self.index()}] {r.choice(['+=', '*='])} {self.number(1)}",
                    f"{v}[1:3] = {r.choice([self.number(1), f'({self.vector(1)})[:2]'])}",
                    f"{v}[1:] += ({self.vector(0)})[:-1]",
                    f"{v}[:] = {self.vector(1)}",
                    f"{v}[::2] *= {self.number(1)}",
                    f"{v}[[0, 2]] = {self.number(1)}",
                    f"{v}[{self.vector(0)} > 0.6] = {self.number(1)}",
                    f"{self.pick(self.matrices)}[{self.index()}] = {self.vector(1)}",
                    f"{self.pick(self.matrices)}[:, {self.index()}] += {self.vector(1)}",
                    f"{self.pick(self.matrices)}[{self.index()}, {self.index()}] = {self.number(1)}",
                    f"scatter({v}, {self.number(1)})",
                    f"{v}[0], {v}[1] = {v}[1], {v}[0]",
                ]
            )
        ]

    def alias(self) -> list[Stmt]:
        """A second name for a storage, and a write through it."""
        r = self.rng
        v, m = self.pick(self.vectors), self.pick(self.matrices)
        name = self.fresh("w")
        kind = r.random()
        if kind < 0.4:
            return [
                *self.bind(self.vectors, name, r.choice([v, f"{m}[{self.index()}]", f"{m}[:, 1]", f"{v}[::-1]", f"{m}.T[0]"]))
            ]
        if kind < 0.7:
            part = r.choice([f"{v}[1:]", f"{v}[::2]", f"{m}[1:, 0]", f"{m}.T[2, 1:]", f"{m}.ravel()[3:7]"])
            return [f"{name} = {part}", f"{name}{r.choice(['[0] =', '[0] +=', '[:] =', ' *=', '[-1] *='])} {self.number(1)}"]
        lines: list[Stmt] = [f"{name} = {v}", f"{name}[{self.index()}] = {self.number(1)}"]
        other = self.fresh("p")
        lines.insert(1, f"{other} = {name} * {self.number(1)}")
        self.vectors.append(other)
        return lines

    def listing(self) -> list[Stmt]:
        r = self.rng
        if self.lists and r.random() < 0.6:
            name = self.pick(self.lists)
            if r.random() < 0.5:
                return [f"{name}.append({self.number(1)})"]
            s = self.fresh("s")
            return self.bind(
                self.floats, s, r.choice([f"{name}[-1]", f"{name}[0] * {name}[-1]", f"total({name})", f"sum({name})"])
            )
        name = self.fresh("items")
        self.lists.append(name)
        return [f"{name} = [{self.number(1)}]", f"{name}.append({self.number(1)})"]

    def inside(self, most: int) -> list[Stmt]:
        """A block: what it binds is not used after it."""
        known = (list(self.floats), list(self.vectors), list(self.lists), list(self.indices))
        self.depth += 1
        body = [s for _ in range(self.rng.randint(1, most)) for s in self.statement()]
        self.depth -= 1
        self.floats, self.vectors, self.lists, self.indices = known
        return body

    def branch(self) -> list[Stmt]:
        r = self.rng
        head = f"if {self.condition()}:"
        if r.random() < 0.15:
            return [Block(head, [*self.inside(2), self.early])]
        orelse = self.inside(2) if r.random() < 0.6 else []
        if orelse and r.random() < 0.4:
            # The same name on both sides is used afterwards.
            name = self.fresh("s")
            both = [Block(head, [*self.inside(1), f"{name} = {self.number()}"], [*orelse, f"{name} = {self.number()}"])]
            self.floats.append(name)
            return list(both)
        return [Block(head, self.inside(2), orelse)]

    def exits(self) -> list[Stmt]:
        kind = self.rng.random()
        if kind < 0.2:
            return [Block(f"if {self.condition()}:", ["break"])]
        if kind < 0.35:
            return [Block(f"if {self.condition()}:", ["continue"])]
        if kind < 0.42:
            return [Block(f"if {self.condition()}:", [*self.inside(1), self.early])]
        return []

    def loop(self) -> list[Stmt]:
        r = self.rng
        if r.random() < 0.2:
            q = self.fresh("q")
            over = self.pick(self.lists) if self.lists and r.random() < 0.5 else self.pick(self.vectors)
            lists = list(self.lists)
            # A list that grows while it is gone through would never end.
            self.lists = [name for name in lists if name != over]
            self.floats.append(q)
            body = [*self.exits(), *self.inside(2)]
            self.floats.remove(q)
            self.lists = lists
            return [Block(f"for {q} in {over}:", body)]
        i = self.fresh("i")
        head = r.choice(
            [f"for {i} in range(3):", f"for {i} in range(1, 4):", f"for {i} in range(3, 0, -1):", f"for {i} in range(0):"]
        )
        self.indices.append(i)
        body = [*self.exits(), *self.inside(3), *self.exits()]
        self.indices.remove(i)
        return [Block(head, body)]

    def repeat(self) -> list[Stmt]:
        k = self.fresh("k")
        test = f"while {k} < 3:" if self.rng.random() < 0.6 else f"while {k} < 4 and {self.number(1)} < 1.5:"
        self.indices.append(k)
        exits = [e for e in self.exits() if not (isinstance(e, Block) and "continue" in e.body)]
        body = [*exits, *self.inside(2)]
        self.indices.remove(k)
        return [f"{k} = 0", Block(test, [*body, f"{k} += 1"])]
