"""The names a random program has bound, and forms filled with them."""

from __future__ import annotations

import random

from forms import ELEMENTS, LOOSE, MATRICES, NUMBERS, ROWS, TESTS, VECTORS, N

_NAMED = {"N": "number", "V": "vector", "W": "vector", "M": "matrix", "F": "function", "I": "items", "R": "rows", "D": "table"}
_NAMED |= {"P": "pair", "B": "body", "C": "setting", "T": "point", "E": "nest", "L": "loose"}
_NAMED |= {"S": "cells", "K": "knots", "Q": "maps", "Y": "pairs", "A": "named"}


class _Blanks(dict[str, str]):
    """Fills the blanks of one form when they are met."""

    def __init__(self, wording: Wording, depth: int) -> None:
        self.wording, self.depth = wording, depth

    def __missing__(self, blank: str) -> str:
        found = self[blank] = self.wording.blank(blank, self.depth)
        return found


class Wording:
    """The names a program has bound so far, by kind, and expressions over them."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.names: dict[str, list[str]] = {kind: [] for kind in (*_NAMED.values(), "index")}
        self.count = 0

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def chance(self, p: float) -> bool:
        return self.rng.random() < p

    def name(self, kind: str) -> str:
        """A variable of a kind; the newest are the most interesting."""
        names = self.names[kind]
        return names[-1] if self.chance(0.35) else self.rng.choice(names)

    def bind(self, kind: str, name: str) -> str:
        if name not in self.names[kind]:
            self.names[kind].append(name)
        return name

    def form(self, table: str | list[str]) -> str:
        """A form of a table all of whose variables there are."""
        forms = table.split("\n") if isinstance(table, str) else table
        while True:
            found = self.rng.choice(forms)
            if found and all(self.names[kind] for letter, kind in _NAMED.items() if f"{{{letter}}}" in found):
                return found

    def filled(self, form: str, depth: int = 1, **given: str) -> str:
        """A form with its blanks filled by expressions of some depth."""
        blanks = _Blanks(self, depth)
        blanks.update(given)
        return form.format_map(blanks)

    def lines(self, form: str, **given: str) -> list[str]:
        """The lines of a statement."""
        return self.filled(form, **given).split(";;")

    def blank(self, blank: str, depth: int) -> str:
        """What fills a blank."""
        match blank:
            case "e" | "f" | "g":
                return self.number(depth)
            case "v" | "w":
                return self.vector(depth)
            case "h" | "b":
                return self.loose(depth)
            case "m":
                return self.matrix()
            case "x":
                # NumPy itself goes wrong where a view is assigned to one that it overlaps in another direction.
                return self.number(depth) if self.chance(0.5) else f"1.0 * ({self.vector(depth)})"
            case "a":
                return self.filled(self.form(ELEMENTS), 0)
            case "c":
                return self.condition()
            case "k":
                return self.rng.choice(["0.5", "1.5", "-0.7", "2.0", "0.3", "2", "1"])
            case "i" | "j":
                return self.index()
            case "o":
                return self.rng.choice(["=", "+=", "-=", "*="])
        return self.name(_NAMED[blank]) if blank in _NAMED else self.fresh(blank)

    def index(self) -> str:
        """An int that is a place in a vector."""
        if self.names["index"] and self.chance(0.6):
            i = self.name("index")
            return self.rng.choice([i, i, i, f"{i} - 1", f"({i} + 1) % {N}", f"-{i} - 1", f"{i} // 2"])
        return self.rng.choice(["0", "1", "2", "3", "-1", "-2"])

    def number(self, depth: int = 2) -> str:
        """An expression that is a number."""
        if depth > 0 and not self.chance(0.25):
            return self.filled(self.form(NUMBERS), depth - 1)
        kind = self.rng.random()
        return self.name("number") if kind < 0.55 else self.blank("a" if kind < 0.92 else "k", 0)

    def vector(self, depth: int = 2) -> str:
        """An expression that is a vector of length N."""
        if depth > 0 and not self.chance(0.3):
            return self.filled(self.form(VECTORS), depth - 1)
        return self.filled(self.form(ROWS), 0)

    def loose(self, depth: int = 2) -> str:
        """An expression that is an array of one element or of N."""
        return self.filled(self.form(LOOSE), depth - 1) if depth > 0 else self.name("vector") + self.rng.choice(["", "[:1]"])

    def matrix(self) -> str:
        """An expression that is a matrix of N rows and columns."""
        return self.filled(self.form(MATRICES), 0)

    def condition(self) -> str:
        """A test."""
        return self.filled(self.form(TESTS), 1)
