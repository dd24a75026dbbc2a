"""Contexts: those of the user's own are entered, and left on every way out of their block; others leave the values alone."""

from __future__ import annotations

import ast
import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from adtransform.errors import Refusal
from adtransform.ir import Const
from adtransform.read.endings import Ending, Enter
from adtransform.read.frames import TRUE, Module
from adtransform.read.managers import parted
from adtransform.read.natives import CLOSING, CONTEXT, NULL
from adtransform.read.refs import (
    Conflict,
    External,
    FunctionRef,
    MaybeRef,
    ObjectRef,
    PartialRef,
    Ref,
    Stream,
    TupleRef,
)
from adtransform.read.scope import assigned, parameters
from adtransform.read.unwinding import Unwinding
from adtransform.source import descend, from_text

# Contexts that leave the values as they are.
_QUIET = frozenset(("numpy.errstate", "numpy.printoptions", "warnings.catch_warnings"))
_OPENED = "contexts of your own are read, np.errstate, catch_warnings, suppress, closing and nullcontext; do the rest outside"
_HELPERS = """
def closing(thing):
    try:
        yield thing
    finally:
        thing.close()

def nothing():
    pass
"""
_NONE = Const(None)
_ERROR = MaybeRef(
    TRUE, Conflict("what a context does with the exception that leaves its block", "do the same without looking at it")
)


class Entered(NamedTuple):
    """What a context gives when it is entered, and what is called when it is left; by an exception, `fail` if that differs."""

    value: Ref
    leave: Ref | None = None
    fail: Ref = _NONE


def _says_how(node: ast.Call) -> bool:
    """Whether a context only says how errors are reported, and makes none an exception."""
    said = [*node.args, *(k.value for k in node.keywords)]
    return all(
        isinstance(a, ast.Constant) and a.value in ("ignore", "warn", "print", "once", "always", "default") for a in said
    )


class Contexts(Unwinding):
    """Reading `with`."""

    def with_block(self, stmt: ast.With) -> None:
        """`with`: one of several contexts is read as one inside of the other."""
        stmt = self.frame.scope.liveness.apart.get(id(stmt), stmt)
        self.with_context(stmt, stmt.items[0].context_expr)

    def with_context(self, stmt: ast.With, node: ast.expr) -> None:
        """A block in a context; in one of two contexts, it is in two branches."""
        if isinstance(node, ast.IfExp):
            cond = self.protected(lambda: self.tested(node.test), node.test, assigned([node.test]), stmt)
            one, other = (functools.partial(self.with_context, stmt, side) for side in (node.body, node.orelse))
            self.where_reached(lambda rest: self.fork(cond, one, other, rest, stmt), [])
        elif suppressed := self.suppressed(node):
            self.attempted(stmt, [(suppressed, lambda _: None, [])], [], [])
        else:
            quiet, plainly = self.quiet, self.plainly
            entered = self.protected(lambda: self.entered(node, stmt), node, assigned([stmt.items[0]]), stmt)
            self.where_reached(lambda _: self.context_block(stmt, entered), [])
            self.quiet, self.plainly = quiet, plainly

    def context_block(self, stmt: ast.With, entered: Entered) -> None:
        """The block in a context that has been entered."""
        end = self.frame.scope.liveness.ends[id(stmt)]
        if entered.leave is not None:
            self.frame.env.update(self.called_at(end, entered))
        self.target_of(stmt.items[0], entered, stmt)
        if entered.leave is None:
            self.block(stmt.body)
            return
        self.try_finally(end.block, end.failing if entered.fail != _NONE else ())
        for name in (end.leave, end.fail, end.held):
            self.frame.env.pop(name, None)

    def called_at(self, end: Ending, entered: Entered) -> dict[str, Ref]:
        """The hidden names of what is called at the end of a context, and of what that sees."""
        leave = entered.leave or self.nothing
        held = self.seen_by(Stream((), None, (leave, entered.fail)))
        return {end.leave: leave, end.fail: leave if entered.fail == _NONE else entered.fail, end.held: TupleRef(tuple(held))}

    def target_of(self, item: ast.withitem, entered: Entered, stmt: ast.stmt) -> None:
        """Bind the target of a context."""
        if item.optional_vars is not None:
            self.assign(item.optional_vars, entered.value, stmt)

    def enter(self, stmt: Enter) -> None:
        """Enter the context in which a function under `contextmanager` yields."""
        entered = self.entered(stmt.item.context_expr, stmt)
        self.frame.env.update(self.called_at(stmt.end, entered))
        self.target_of(stmt.item, entered, stmt)

    def suppressed(self, node: ast.expr) -> tuple[Const, ...]:
        """The classes of `suppress(...)`; none: it is something else."""
        if not isinstance(node, ast.Call) or node.keywords or self.library_name(node.func) != "contextlib.suppress":
            return ()
        return tuple(each for a in node.args for each in self.classes(self.expression(a), a))

    def library_name(self, node: ast.expr) -> str:
        """What a dotted name stands for, if it is something of a library."""
        root = node
        while isinstance(root, ast.Attribute):
            root = root.value
        found = self.expression(node) if isinstance(root, ast.Name) and isinstance(self.expression(root), External) else None
        return found.op if isinstance(found, External) else ""

    def entered(self, node: ast.expr, stmt: ast.With | Enter) -> Entered:
        """Enter a context."""
        op = self.library_name(node.func) if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and op in _QUIET:
            if op == "numpy.errstate":
                self.hush(node)
            self.plainly = self.plainly and op != "numpy.printoptions"
            if op != "numpy.printoptions" and not _says_how(node):
                self.quiet = True
                if self.attempts:
                    what = f"`{op}` that makes NumPy raise inside of a `try`"
                    self.refuse(self.keyword(stmt), what, "test before what may fail")
            return Entered(_NONE)
        match self.expression(node):
            case PartialRef(External(op), given) if op == CLOSING:
                return self.by_function(self.closing, given, {}, node)
            case PartialRef(External(op), given) if op == NULL:
                return Entered(given[0] if given else _NONE)
            case PartialRef(External(op), (FunctionRef() as function, *given), named) if op == CONTEXT:
                if not isinstance(node, ast.Call):
                    what = "a context of a function under a name, which can be entered only once"
                    self.refuse(node, what, "call the function in the `with`")
                return self.by_function(function, given, named, node)
            case ObjectRef() as owner:
                enter, leave = (self.special(owner, name, node) for name in ("__enter__", "__exit__"))
                if enter is not None and leave is not None:
                    fine, failed = (PartialRef(leave, (owner, *3 * [error])) for error in (_NONE, _ERROR))
                    value = self.apply(enter, [owner], {}, node)
                    return Entered(value, fine, _NONE if _is_blind(leave) else failed)
        self.refuse(self.keyword(stmt), "`with`", _OPENED)

    def by_function(self, function: FunctionRef, args: Sequence[Ref], kwargs: Mapping[str, Ref], node: ast.AST) -> Entered:
        """Enter the context that a function under `contextmanager` makes."""
        made = parted(function.node) if isinstance(function.node, ast.FunctionDef) else None
        if made is None:
            what = f"`{function.name}`, a context that does more than yield once"
            self.refuse(node, what, "let it yield in one place, outside of branches and loops")
        sides = self.apply(replace(function, node=made), [*args], {**kwargs}, node)
        if not isinstance(sides, TupleRef):
            raise Refusal(None)  # what it yields was refused
        return Entered(*sides.items)

    @property
    def closing(self) -> FunctionRef:
        """What `contextlib.closing` does."""
        return self.function(self.helpers.functions["closing"], self.helpers, None)

    @property
    def nothing(self) -> FunctionRef:
        """A function that does nothing."""
        return self.function(self.helpers.functions["nothing"], self.helpers, None)

    @functools.cached_property
    def helpers(self) -> Module:
        """Functions of ours."""
        return Module(from_text(_HELPERS, "<contexts>"))


def _is_blind(leave: Ref) -> bool:
    """Whether an `__exit__` does not look at the exception, and lets it pass."""
    if not isinstance(leave, FunctionRef) or not isinstance(leave.node, ast.FunctionDef):
        return False
    given = {a.arg for a in parameters(leave.node)[1:]}
    every = list(descend(leave.node))
    results = [n.value for n in every if isinstance(n, ast.Return) and n.value is not None]
    looks = any(isinstance(n, ast.Name) and n.id in given and isinstance(n.ctx, ast.Load) for n in every)
    return not looks and all(isinstance(r, ast.Constant) and not r.value for r in results)
