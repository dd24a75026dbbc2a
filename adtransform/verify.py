"""Check that a function is well formed: what every pass may take for granted, and must hand on.

Every value is defined once and used only after its definition, in the same region or in one inside it; regions have the
parameters and results their statement asks for; a parameter is loaded at most once, outside of every region.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adtransform import lattice
from adtransform.build import type_of
from adtransform.ir import UNDEFINED, Atom, Const, For, Function, If, Let, Region, Stmt, Try, Var, While, leaf_places
from adtransform.lattice import Array, Scalar, Unknown
from adtransform.listing import names, show_line
from adtransform.ops import CALLS, EXTERNAL, STRUCTURAL


class IRError(AssertionError):
    """A pass has built something that is not a function; the message names the statement."""


# Operands and results of the structural operations.
_ARITY: dict[str, tuple[int, int]] = {
    **dict.fromkeys(["load", "assign", "shape", "ndim", "size", "zeros"], (1, 1)),
    **dict.fromkeys(["index", "push", "drop", "fit", "expand", "strong", "spread", "cast", "last"], (2, 1)),
    **dict.fromkeys(
        ["ifexp", "update", "slice", "lookup", "exchange", "accumulate", "accumulate_at", "matmul_left", "matmul_right"], (3, 1)
    ),
    "trips": (3, 1),
    "pop": (1, 2),
    "claim": (3, 2),
    "backward": (0, 0),
}


def verify(f: Function, callees: Mapping[str, Function] | None = None) -> None:
    """Raise `IRError` where the function is not well formed; `callees`: the functions that it may call (its own)."""
    _Checker(f, f.callees if callees is None else callees).function()


class _Checker:
    def __init__(self, f: Function, callees: Mapping[str, Function]) -> None:
        self.f = f
        self.callees = callees
        self.params = {p.name for p in f.params}
        self.loaded: set[str] = set()
        self.defined: set[Var] = set()
        self.visible: set[Var] = set()
        self.stmt: Stmt | None = None

    def fail(self, message: str) -> None:
        where = "" if self.stmt is None else f" in `{show_line(self.stmt, names(self.f)).strip()}`"
        raise IRError(f"{self.f.name}: {message}{where}")

    def expect(self, holds: bool, message: str | Callable[[], str]) -> None:
        if not holds:
            self.fail(message if isinstance(message, str) else message())

    def function(self) -> None:
        self.expect(len(self.params) == len(self.f.params), "a parameter's name occurs twice")
        self.expect(not self.f.body.params, "the outermost region has parameters")
        self.region(self.f.body, top=True)
        for index in leaf_places(self.f.tree):
            self.expect(0 <= index < len(self.f.results), f"the tree names result {index} of {len(self.f.results)}")

    def region(self, region: Region, *, top: bool = False) -> None:
        """Check a region; what it defines is out of sight afterwards."""
        outer = self.stmt
        new: list[Var] = list(region.params)
        self.define(region.params)
        for stmt in region.body:
            self.stmt = stmt
            match stmt:
                case Let():
                    self.let(stmt, top)
                case If():
                    self.branch(stmt)
                case Try():
                    self.attempt(stmt)
                case For():
                    self.loop(stmt)
                case While():
                    self.repeat(stmt)
                case _:
                    self.fail(f"not a statement: {stmt!r}")
            self.stmt = stmt
            self.define(stmt.targets)
            new += stmt.targets
        self.stmt = outer
        for result in region.results:
            self.use(result)
        self.visible.difference_update(new)

    def define(self, targets: tuple[Var, ...]) -> None:
        for var in targets:
            self.expect(isinstance(var, Var), lambda: f"not a value: {var!r}")  # noqa: B023
            self.expect(var not in self.defined, lambda: f"{self.name(var)} is defined twice")  # noqa: B023
            self.defined.add(var)
            self.visible.add(var)

    def use(self, a: Atom) -> None:
        if isinstance(a, Var):
            if a not in self.visible:
                self.fail(
                    f"{self.name(a)} is used out of its region" if a in self.defined else f"{self.name(a)} is not defined"
                )
        elif not isinstance(a, Const):
            self.fail(f"not an operand: {a!r}")

    def name(self, var: Var) -> str:
        return names(self.f).get(var) or var.hint or (f"d{var.of.hint}" if var.of else "a value without a name")

    def let(self, let: Let, top: bool) -> None:
        for a in let.args:
            self.use(a)
        for _, a in let.kwargs:
            self.use(a)
        if let.op in _ARITY:
            operands, results = _ARITY[let.op]
            self.expect(operands == len(let.args), f"{let.op} takes {operands} operands, not {len(let.args)}")
            self.expect(len(let.targets) == results, f"{let.op} has {results} results, not {len(let.targets)}")
        elif "." not in let.op:
            self.expect(let.op in STRUCTURAL or let.op in EXTERNAL, f"no such operation: {let.op}")
        if let.op == "load":
            self.load(let, top)
        if let.op in CALLS:
            self.call(let)

    def load(self, let: Let, top: bool) -> None:
        name = let.args[0].value if isinstance(let.args[0], Const) else None
        self.expect(name in self.params, "load does not name a parameter")
        self.expect(top, "load inside a region")
        self.expect(name not in self.loaded, "a parameter is loaded twice")
        self.loaded.add(str(name))

    def call(self, let: Let) -> None:
        name = let.args[0].value if let.args and isinstance(let.args[0], Const) else None
        callee = self.callees.get(str(name))
        if callee is None:
            self.fail(f"a call of {name}, which is not among the callees")
            return
        self.count("operands", let.args[1:], len(callee.params))
        self.count("results", let.targets, len(callee.results))

    def branch(self, stmt: If) -> None:
        self.use(stmt.cond)
        for what, region in (("then", stmt.then), ("else", stmt.orelse)):
            self.expect(not region.params, f"the {what} region has parameters")
            self.count(f"results of the {what} region", region.results, len(stmt.targets))
            self.region(region)

    def attempt(self, stmt: Try) -> None:
        self.expect(not stmt.body.params, "the body has parameters")
        self.count("results of the body", stmt.body.results, len(stmt.targets))
        self.expect(stmt.body.results[:1] == (Const(False),), "the first result of the body is not False")
        self.region(stmt.body)

    def loop(self, stmt: For) -> None:
        for a in (stmt.start, stmt.stop, stmt.step, *stmt.inits):
            self.use(a)
        self.count("initial values", stmt.inits, len(stmt.targets))
        self.count("parameters of the body", stmt.body.params, 1 + len(stmt.targets))
        self.count("results of the body", stmt.body.results, 1 + len(stmt.targets))
        self.boolish("the body's first result", stmt.body.results[0])
        self.region(stmt.body)

    def repeat(self, stmt: While) -> None:
        for a in stmt.inits:
            self.use(a)
        self.count("initial values", stmt.inits, len(stmt.targets))
        self.count("parameters of the condition", stmt.cond.params, len(stmt.targets))
        self.count("parameters of the body", stmt.body.params, len(stmt.targets))
        self.count("results of the condition", stmt.cond.results, 1)
        self.count("results of the body", stmt.body.results, 1 + len(stmt.targets))
        self.boolish("the body's first result", stmt.body.results[0])
        self.region(stmt.cond)
        self.region(stmt.body)

    def count(self, what: str, found: tuple[Any, ...], wanted: int) -> None:
        self.expect(len(found) == wanted, f"{len(found)} {what}, not {wanted}")

    def boolish(self, what: str, a: Atom) -> None:
        t = type_of(a)
        ok = isinstance(t, Unknown) or (isinstance(t, (Scalar, Array)) and lattice.kind_of(t) in ("bool", None))
        self.expect(ok and a != UNDEFINED, lambda: f"{what} says whether to stop, but is {lattice.show(t)}")
