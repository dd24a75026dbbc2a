"""Random programs in the input language: what a person might write, and what nobody would.

A program is a function `f` of a float `a`, a vector `x`, a matrix `m` and perhaps more; it writes into its arguments, through
views and aliases, calls helpers, grows containers, and leaves loops and itself early.  `scalar` makes one number of its
results.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from definitions import CLASSES, HELPERS, IMPORTS
from forms import BOUND, CALLS, CONTAINERS, EFFECTS, FUNCTIONS, LOOPS, LOOSELY, MADE, PARTS, VIEWS, WRITES, N
from idioms import IDIOMS
from wording import Wording

Lines = list[str]
_STEMS = {"table": "d", "function": "fn"}
# What the statements of `IDIOMS` are about, where it has to be there.
_HOLDERS = {"objects": "cells", "dataclasses": "knots", "dicts": "maps", "tuples": "pairs", "dictionaries": "named"}
_EXTRAS = {"n": "index", "b": "number", "items0": "items", "pair0": "pair", "table0": "table", "y": "vector"}
_EXTRAS |= {"h": "", "c": "", "k": ""}


def arguments(names: list[str], seed: int) -> dict[str, Any]:
    """The arguments of a program, by the names of its parameters."""
    r = np.random.default_rng(seed)
    makers: dict[str, Callable[[], Any]] = {
        "x": lambda: r.uniform(0.2, 1.2, N),
        "a": lambda: float(r.uniform(0.2, 1.2)),
        "m": lambda: r.uniform(-0.6, 0.8, (N, N)),
        "n": lambda: int(r.integers(1, 3)),
        "b": lambda: np.float64(r.uniform(0.2, 1.2)),
        "y": lambda: r.uniform(0.2, 1.2, N),
        "h": lambda: r.uniform(0.2, 1.2, N).astype(np.float32),
        "c": lambda: np.array(r.uniform(0.2, 1.2)),
        "k": lambda: float(r.uniform(0.2, 1.2)) if r.random() < 0.5 else None,
        "items0": lambda: [float(v) for v in r.uniform(0.2, 1.2, 3)],
        "pair0": lambda: (float(r.uniform(0.2, 1.2)), r.uniform(0.2, 1.2, N)),
        "table0": lambda: {"k": float(r.uniform(0.2, 1.2)), "v": r.uniform(0.2, 1.2, N)},
    }
    return {name: makers[name]() for name in names}


def source(seed: int) -> str:
    """The module of a seed."""
    return Generator(seed).module()


def needed(text: str) -> Lines:
    """The helpers and classes that a text names, and those that these name, in the order of their table."""
    tables = {**CLASSES, **HELPERS}
    found: set[str] = set()
    while more := {n for n in tables if n not in found and re.search(rf"\b{n}\b", text)}:
        found |= more
        text = "\n".join([text, *(tables[n] for n in more)])
    return [code for name, code in tables.items() if name in found]


def indented(lines: Lines) -> Lines:
    return ["    " + line for line in lines or ["pass"]]


class Generator(Wording):
    """One program from one seed."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.early = ""
        self.depth = 0
        self.params = ["x", "a", "m"]
        self.names["number"], self.names["vector"], self.names["matrix"] = ["a"], ["x"], ["m"]
        for name, kind in _EXTRAS.items():
            if self.chance(0.12):
                self.params.append(name)
                if kind:
                    self.bind(kind, name)

    def module(self) -> str:
        """The text: the helpers in use, `f`, and `scalar`."""
        body = self.program()
        text = "\n".join(body)
        used = needed(text)
        imports = [line for word, line in IMPORTS.items() if any(word in code for code in (*used, text))]
        params = ", ".join(self.params)
        f = "\n".join([f"def f({params.replace(', k', ', k=None')}):", *indented(body)])
        scalar = "\n".join([f"def scalar({params}):", f"    r = f({params})", f"    return {self.one}"])
        return "\n".join(["import math", *imports, "", "import numpy as np", "", *used, "", f, "", "", scalar, ""])

    def program(self) -> Lines:
        """The statements of `f`, the return included."""
        kind = self.rng.random()
        # What an early return gives back must be bound on every path.
        if kind < 0.6:
            self.early, self.one = "return a * 2.0", "r"
        elif kind < 0.75:
            self.early, self.one = "return x * a", "np.sum(np.sin(r))"
        elif kind < 0.9:
            self.early, self.one = "return a * 0.5, x * a", "r[0] + np.sum(np.sin(r[1]))"
        else:
            self.early, self.one = 'return {"p": a, "q": [x * a, a]}', 'r["p"] * np.sum(r["q"][0]) + r["q"][1]'
        body = []
        if "k" in self.params:
            body = self.lines("if k is None:;;    k = {e}")
            self.bind("number", "k")
        body += [s for _ in range(self.rng.randint(3, 9)) for s in self.statement()]
        if kind < 0.6:
            return [*body, f"return {self.number()}"]
        if kind < 0.75:
            return [*body, f"return {self.vector()}"]
        if kind < 0.9:
            return [*body, f"return {self.number(1)}, {self.vector(1)}"]
        return [*body, f'return {{"p": {self.number(1)}, "q": [{self.vector(1)}, {self.number(0)}]}}']

    def statement(self) -> Lines:
        """One statement, or a few that belong together."""
        choices = [self.assign, self.assign, self.several, self.write, self.write, self.write, self.alias, self.alias]
        choices += [self.call, self.call, self.make, self.contain, self.contain, self.effect, self.broadcast, self.broadcast]
        choices += [self.idiom] * 7
        if self.depth < 2:
            choices += [self.branch, self.branch, self.loop, self.loop, self.loop, self.repeat]
        return self.rng.choice(choices)()

    # -- simple statements --------------------------------------------------------------------------------------------

    def assign(self) -> Lines:
        kind = self.rng.choice(["number", "number", "vector", "vector", "matrix", "loose"])
        value = self.of(kind)
        name = self.name(kind) if self.chance(0.25) and self.names[kind] else self.fresh(kind[0])
        self.bind(kind, name)
        return [f"{name} = {value}"]

    def of(self, kind: str) -> str:
        return {"number": self.number, "vector": self.vector, "matrix": self.matrix, "loose": self.loose}[kind]()

    def several(self) -> Lines:
        """New numbers, some out of containers."""
        form = self.form(BOUND)
        p, q = self.fresh("s"), self.fresh("s")
        lines = self.lines(form, p=p, q=q)
        self.bind("number", p)
        if form.startswith(("{p}, {q} =", "({p}, {q}) =", "{p} = {q}")) and "{P}" not in form:
            self.bind("number", q)
        return lines

    def write(self) -> Lines:
        return self.lines(self.form(WRITES))

    def broadcast(self) -> Lines:
        """Something with an array of one element or of N."""
        if self.names["loose"] and self.chance(0.7):
            return self.lines(self.form(LOOSELY))
        name, value = self.fresh("l"), self.loose()
        self.bind("loose", name)
        return [f"{name} = 1.0 * {value}"]

    def alias(self) -> Lines:
        """A second name for a storage, perhaps written through or read after the storage was written."""
        name, kind = self.fresh("w"), self.rng.random()
        if kind < 0.4:
            lines = [f"{name} = {self.filled(self.form(VIEWS), 0)}"]
            self.bind("vector", name)
            return lines
        if kind < 0.75:
            return self.lines(
                f"{name} = {self.form(PARTS)};;{name}{self.rng.choice(['[0]', '[:]', '[-1]', '[...]'])} {{o}} {{e}}"
            )
        other = self.fresh("p")
        lines = self.lines(f"{name} = {self.form(VIEWS)};;{other} = {name} * {{e}};;{name}[{{i}}] = {{f}}")
        self.bind("vector", other)
        return lines

    def call(self) -> Lines:
        return self.lines(self.form(CALLS))

    def make(self, kind: str = "") -> Lines:
        """A container or a function."""
        kind = kind or self.rng.choice([*MADE, "items"])
        name = self.fresh(_STEMS.get(kind, kind))
        u = self.fresh("u")
        if kind == "function" and self.chance(0.6):
            lines = [f"def {name}({u}):", *indented(self.lines(self.form(FUNCTIONS), u=u))]
        else:
            lines = [f"{name} = {self.filled(self.form(MADE[kind]), u=u)}"]
        self.bind(kind, name)
        return lines

    def contain(self) -> Lines:
        """A container changed, where there is one."""
        if not any(self.names[kind] for kind in MADE if kind not in ("function", *_HOLDERS.values())):
            return self.make("items")
        return self.lines(self.form(CONTAINERS))

    def effect(self) -> Lines:
        return self.lines(self.form(EFFECTS))

    def idiom(self) -> Lines:
        """A longer statement of one of the kinds there are, and what it needs."""
        kind = self.rng.choice(list(IDIOMS))
        before = self.make(_HOLDERS[kind]) if kind in _HOLDERS and not self.names[_HOLDERS[kind]] else []
        form = self.form(IDIOMS[kind])
        s = self.fresh("s")
        lines = [*before, *self.lines(form, s=s)]
        if "{s}" in form:
            self.bind("number", s)
        return lines

    # -- blocks -------------------------------------------------------------------------------------------------------

    def inside(self, most: int) -> Lines:
        """A block: what it binds is not used after it."""
        known = {k: list(v) for k, v in self.names.items()}
        self.depth += 1
        body = [s for _ in range(self.rng.randint(1, most)) for s in self.statement()]
        self.depth -= 1
        self.names = known
        return body

    def branch(self) -> Lines:
        r = self.rng
        head = f"if {self.condition()}:"
        if self.chance(0.2):
            return [head, *indented([*self.inside(2), self.early])]
        lines = [head, *indented(self.inside(2))]
        if self.chance(0.25):
            lines += [f"elif {self.condition()}:", *indented(self.inside(2))]
        if self.chance(0.5):
            if self.chance(0.5):
                # The same name on both sides is used afterwards.
                kind = r.choice(["number", "vector", "loose"])
                name = self.fresh(kind[0])
                lines = [head, *indented([*self.inside(1), f"{name} = {self.of(kind)}"])]
                lines += ["else:", *indented([*self.inside(2), f"{name} = {self.of(kind)}"])]
                self.bind(kind, name)
                return lines
            lines += ["else:", *indented(self.inside(2))]
        return lines

    def exits(self, *, again: bool = True) -> Lines:
        kind = self.rng.random()
        if kind < 0.18:
            return [f"if {self.condition()}:", *indented([*(self.inside(1) if self.chance(0.4) else []), "break"])]
        if kind < 0.32 and again:
            return [f"if {self.condition()}:", "    continue"]
        if kind < 0.4:
            return [f"if {self.condition()}:", *indented([*self.inside(1), self.early])]
        return []

    def loop(self) -> Lines:
        r = self.rng
        head, kinds, grown = self.header()
        known = {k: list(v) for k, v in self.names.items()}
        # A list that grows while it is gone through would never end.
        self.names["items"] = [n for n in self.names["items"] if n != grown]
        self.names["rows"] = [n for n in self.names["rows"] if n != grown]
        for kind, name in kinds:
            self.bind(kind, name)
        body = [*self.exits(), *self.inside(3), *self.exits()]
        self.names = known
        lines = [head, *indented(body)]
        if self.chance(0.15):
            lines += ["else:", *indented(self.inside(1))]
        if self.chance(0.15):
            s = self.fresh("s")
            lines = [
                f"{s} = {r.choice(['0', '0.0', '1.0'])}",
                *lines[: 1 + len(body)],
                f"    {s} += {self.number(0)}",
                *lines[1 + len(body) :],
            ]
            self.bind("number", s)
        return lines

    def header(self) -> tuple[str, list[tuple[str, str]], str]:
        """The head of a `for`, what it binds, and the list it goes through."""
        form = self.form(LOOPS)
        if "n" not in self.params:
            form = form.replace("{n}", "2")
        over = self.name("rows" if "{R}" in form else "items") if "{R}" in form or "{I}" in form else ""
        bound = {letter: self.fresh(letter) for letter in "lpqz" if f"{{{letter}}}" in form}
        kinds = [({"l": "index", "z": "vector"}.get(letter, "number"), name) for letter, name in bound.items()]
        return self.filled(form, 1, n="n", **bound, R=over, I=over), kinds, over

    def repeat(self) -> Lines:
        k = self.fresh("k")
        head = self.rng.choice(
            [f"while {k} < 3:", f"while {k} < 4 and ({self.condition()}):", "while True:", f"while not {k} >= 2:"]
        )
        self.bind("index", k)
        body = [*self.exits(again=False), *self.inside(2)]
        self.names["index"].remove(k)
        end = [f"if {k} >= 3:", f"    {self.rng.choice(['break', 'break', self.early])}"] if "True" in head else []
        lines = [f"{k} = 0", head, *indented([*body, f"{k} += 1", *end])]
        if self.chance(0.2) and "True" not in head:
            lines += ["else:", *indented(self.inside(1))]
        return lines
