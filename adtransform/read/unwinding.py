"""What runs on every way out of a block: `finally`, and the contexts of `with` that only say how errors are reported."""

from __future__ import annotations

import ast

from adtransform.build import type_of
from adtransform.ir import Const, Let, Region, Stmt, Try, Var
from adtransform.lattice import BOOL, List
from adtransform.read.core import Opened, State
from adtransform.read.frames import DEAD, EXIT, FALSE, RETURNED, STOP, VALUE
from adtransform.read.loops import BROKE
from adtransform.read.matching import Matching
from adtransform.read.merge import same_place
from adtransform.read.refs import Conflict, External, Ref, TupleRef
from adtransform.read.scope import assigned
from adtransform.rewrite import exported

# Contexts that leave the values as they are.
_QUIET = frozenset(("numpy.errstate", "numpy.printoptions", "warnings.catch_warnings"))
_OPENED = "only np.errstate, warnings.catch_warnings and nullcontext are read; do the rest outside"


def _binds_last(stmt: ast.stmt) -> bool:
    """Whether a statement computes first and then binds its names, or writes one item."""
    if any(isinstance(n, ast.NamedExpr) for n in ast.walk(stmt)):
        return False
    match stmt:
        case ast.Assign(targets=[goal]) | ast.AugAssign(target=goal) | ast.AnnAssign(target=goal):
            goals = goal.elts if isinstance(goal, (ast.Tuple, ast.List)) else [goal]
            return all(isinstance(g, ast.Name) for g in goals) or (
                len(goals) == 1 and isinstance(goal, (ast.Subscript, ast.Name))
            )
    return False


def _names(stmt: Stmt) -> bool:
    return isinstance(stmt, Let) and stmt.op == "assign"


class Unwinding(Matching):
    """Reading `try` and `with`."""

    def try_finally(self, stmt: ast.Try) -> None:
        """`try: ... finally: ...`: the last block is read after the first, whichever way that was left."""
        frame = self.frame
        outer, live = frame.pending, frame.live
        frame.pending |= frame.scope.liveness.entry[id(stmt)]
        if stmt.handlers:
            self.attempt(stmt, [])
        else:
            self.block(stmt.body)
        frame.pending, frame.live = outer, live
        if DEAD in frame.env:
            return
        names = (EXIT, STOP, RETURNED, BROKE, VALUE)
        left = {name: frame.env[name] for name in names if name in frame.env}
        frame.env.update({name: FALSE for name in left if name != VALUE})
        self.block(stmt.finalbody)
        again = frame.flag(EXIT)
        if isinstance(again, Const) and not again.value:
            frame.env.update(left)
        elif not isinstance(again, Const):
            self.refuse(stmt.finalbody[0], "a `finally` that sometimes leaves", "leave behind the `try`")

    def attempt(self, stmt: ast.Try, rest: list[ast.stmt]) -> bool:
        """`try` with `except`; gives whether the rest of the block was read into one of the branches behind it."""
        frame, live, place = self.frame, self.frame.live, self.origin(stmt)
        classes = [self.caught(handler) for handler in stmt.handlers]
        entry = self.save()
        self.attempts += 1
        if self.quiet:
            self.refuse(self.keyword(stmt), "`try` inside of a `with`", "test before what may fail")
        body = self.region(entry, lambda: self.block(stmt.body))
        self.attempts -= 1
        self.restore(entry)
        failed: list[Var] = []
        stmts: tuple[Stmt, ...] = tuple(body.builder.body)
        for each in classes:
            failed.append(Var(BOOL, "failed"))
            stmts = (exported(Try((failed[-1],), Region((), stmts, (FALSE,)), each, place)),)
        for made in stmts:
            self.builder.add(made)
        after, caught = body.state, self.abandoned(stmt, entry, body)

        def behind(k: int, rest: list[ast.stmt]) -> bool:
            """Handle the first `k` of the exceptions, in the state that the body has left."""
            if k == 0:
                self.unless_left(stmt.orelse)
                return False
            a = self.region(caught, lambda: self.block(stmt.handlers[k - 1].body))
            b = self.region(after, lambda: void(k - 1))
            base = after.copy()
            base.env.pop(DEAD, None)
            self.place = place
            return self.forked(failed[k - 1], a, b, rest, base, live)

        def void(k: int) -> None:
            behind(k, [])

        frame.live = live
        return behind(len(failed), rest)

    def unless_left(self, stmts: list[ast.stmt]) -> None:
        """Read statements where the block before them has not been left."""
        flag = self.frame.flag(EXIT)
        if isinstance(flag, Var):
            self.guarded(flag, lambda: self.block(stmts))
        elif not flag.value and DEAD not in self.frame.env:
            self.block(stmts)

    def caught(self, handler: ast.ExceptHandler) -> tuple[Const, ...]:
        """The classes that a handler is for."""
        if handler.name and any(
            isinstance(n, ast.Name) and n.id == handler.name
            for s in handler.body
            for part in ([s.exc] if isinstance(s, ast.Raise) and s.exc else [] if isinstance(s, ast.Raise) else [s])
            for n in ast.walk(part)
        ):
            self.refuse(handler, f"the exception `{handler.name}` as a value", "say what is wrong without it")
        ref = External("builtins.BaseException", BaseException) if handler.type is None else self.expression(handler.type)
        found: list[Const] = []
        for each in ref.items if isinstance(ref, TupleRef) else (ref,):
            live = each.live if isinstance(each, External) else None
            named = isinstance(live, type) and issubclass(live, BaseException)
            if not named or live.__module__.partition(".")[0] not in ("builtins", "numpy"):
                self.refuse(handler, "`except` of something that is no exception of Python's or NumPy's", "except ValueError:")
            found.append(Const(live))
        return tuple(found)

    def abandoned(self, stmt: ast.Try, entry: State, body: Opened) -> State:
        """The state where the body has raised: what it may have bound by then is not to be read.

        Its last statement has not happened when it is an assignment: that raises before it binds.
        """
        single = _binds_last(stmt.body[-1])
        early = assigned(stmt.body[:-1] if single else stmt.body)
        stmts = body.builder.body
        end = next((i for i in reversed(range(len(stmts))) if not _names(stmts[i])), 0)
        latest = {t for made in stmts[end:] for t in made.targets}
        known = {s: entry.heap.get(s) or self.loaded.get(s.param) for s in body.state.heap if s in entry.heap or s.param}
        changed = [body.state.heap[s] for s, content in known.items() if body.state.heap[s] is not content]
        if changed and (not single or any(c not in latest or isinstance(type_of(c), List) for c in changed)):
            what = "a `try` that changes an array, a list or an object before something that may raise"
            self.refuse(self.keyword(stmt), what, "make the new values in the `try`, and write them in its `else`")
        caught = entry.copy()
        for name in early:
            if not same_place(caught.env.get(name), body.state.env.get(name)):
                what = f"`{name}`, which the `try` has bound or not"
                caught.env[name] = Conflict(what, "bind it in the handler, or before the `try` under another name")
        return caught

    def with_block(self, stmt: ast.With) -> None:
        """`with np.errstate(...)`: the block alone, as it does not depend on how NumPy reports."""
        for item in stmt.items:
            held = self.entered(item.context_expr, stmt)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, held, stmt, isinstance(item.context_expr, ast.Name))
        quiet, self.quiet = self.quiet, True
        self.block(stmt.body)
        self.quiet = quiet

    def entered(self, node: ast.expr, stmt: ast.With) -> Ref:
        """What a context gives when it is entered."""
        ref = self.expression(node.func) if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Call) and isinstance(ref, External):
            if ref.op in _QUIET:
                if self.attempts and ref.op != "numpy.printoptions":
                    self.refuse(self.keyword(stmt), f"`{ref.op}` inside of a `try`", "test before what may fail")
                return Const(None)
            if ref.op == "contextlib.nullcontext":
                return self.expression(node.args[0]) if node.args else Const(None)
            if ref.op == "contextlib.suppress":
                self.refuse(self.keyword(stmt), "`with suppress(...)`", "try: ... except ...: pass")
        self.refuse(self.keyword(stmt), "`with`", _OPENED)

    # What other parts provide.

    def assign(self, goal: ast.expr, ref: Ref, stmt: ast.stmt, from_name: bool) -> None:
        """Assign to a target of any form."""
        raise NotImplementedError

    def keyword(self, stmt: ast.stmt) -> ast.AST:
        """A node that spans just the first word of a statement."""
        raise NotImplementedError
