"""What runs on every way out of a block: `finally`, and what handles exceptions."""

from __future__ import annotations

import ast
import functools
import operator
from collections.abc import Callable, Sequence
from dataclasses import replace

from adtransform.failing import may_raise
from adtransform.ir import Const, Let, Var
from adtransform.own import is_builtin, is_own, stand_in, standing_for
from adtransform.read.blending import same_place
from adtransform.read.core import Handling, Opened, State
from adtransform.read.frames import DEAD, EXIT, FALSE, RETURNED, STOP, VALUE
from adtransform.read.matching import Matching
from adtransform.read.raising import Catch
from adtransform.read.refs import ClassRef, DictRef, External, ListRef, ObjectRef, Ref, Storage, Stream, TupleRef, View
from adtransform.read.scope import assigned
from adtransform.source import descend


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


def _only_leaves(stmt: ast.stmt) -> bool:
    """Whether a statement raises nothing, as it only leaves or binds what is there."""
    match stmt:
        case ast.Pass() | ast.Break() | ast.Continue() | ast.Return(value=None | ast.Constant() | ast.Name()):
            return True
        case ast.Assign(targets=[ast.Name()], value=ast.Constant() | ast.Name()):
            return True
    return False


def _bound_early(body: list[ast.stmt]) -> set[str]:
    """The names that statements may have bound when one of them raises.

    The last that may has not happened when it is an assignment: that raises before it binds.
    """
    last = next((i for i in reversed(range(len(body))) if not _only_leaves(body[i])), 0)
    return assigned(body[: last if _binds_last(body[last]) else last + 1])


def _bound_within(body: list[ast.stmt]) -> set[str]:
    """The names bound on some paths: of those that end in an exception the state behind the body does not tell."""
    return assigned([s for s in body if isinstance(s, (ast.If, ast.For, ast.While, ast.Match, ast.Try, ast.With))])


def _only_raises(body: list[ast.stmt]) -> bool:
    """Whether a handler raises at once, whatever there is."""
    only = body[0] if len(body) == 1 else None
    parts = [] if not isinstance(only, ast.Raise) else only.exc.args if isinstance(only.exc, ast.Call) else []
    return isinstance(only, ast.Raise) and all(isinstance(a, ast.Constant) for a in parts)


# What a handler is for, what it does with the flag that says that the exception was raised, and its statements.
Handler = tuple[tuple[Const, ...], Callable[[Var | None], None], list[ast.stmt]]


class Unwinding(Matching):
    """Reading `try` and `with`."""

    def try_finally(self, stmt: ast.Try, failing: Sequence[ast.stmt] = ()) -> None:
        """`try: ... finally: ...`: the last block is read after the first, whichever way that was left.

        `failing`: what is done instead where an exception leaves it.
        """
        frame = self.frame
        outer, live = frame.pending, frame.live
        read = frame.scope.liveness.entry[id(stmt)]
        frame.pending |= read
        done = f"%h.raised.{self.parted}.last"
        passing = Catch((Const(BaseException),), done, read, tuple(failing or stmt.finalbody), self.catching)
        frame.env[done] = FALSE
        if self.catching:
            self.before_last(stmt, passing)
        else:
            entry, said = self.save(), len(self.messages)
            body, early = self.watched(entry, lambda: self.tested_block(stmt))
            self.restore(body.state)
            self.place = self.origin(stmt)
            if not any(map(may_raise, body.builder.body)) or not self.performs(passing.last, self.save(), entry):
                self.builder.body += body.builder.body
            else:
                self.restore(entry)
                if not self.at_last(stmt, entry, body, early, passing):
                    del self.messages[said:]
                    frame.live = live
                    self.before_last(stmt, passing)
        frame.pending, frame.live = outer, live
        flag = frame.flag(done)
        frame.env.pop(done, None)
        if isinstance(flag, Var):
            self.fork(flag, lambda: None, lambda: self.last(stmt, failing), [], stmt)
        elif not flag.value:
            self.last(stmt, failing)

    def last(self, stmt: ast.Try, failing: Sequence[ast.stmt]) -> None:
        """What stands in a `finally`; where it does not leave itself, things go on as they were going before it."""
        frame = self.frame
        if DEAD in frame.env:
            return
        raised = [frame.flag(c.flag) for c in self.catching if not c.last] if failing else []
        left = self.left_aside()
        self.ended(stmt, failing, raised)
        again = frame.flag(EXIT)
        if isinstance(again, Var):
            self.fork(again, lambda: None, lambda: frame.env.update(left), [], stmt)
        elif not again.value:
            frame.env.update(left)

    def ended(self, stmt: ast.Try, failing: Sequence[ast.stmt], raised: Sequence[Const | Var]) -> None:
        """The statements of a `finally`, or those for an exception where one of the flags says that there was one."""
        flag, *others = raised or (FALSE,)
        if isinstance(flag, Var):
            one, other = lambda: self.block(list(failing)), lambda: self.ended(stmt, failing, others)
            self.fork(flag, one, other, [], stmt)
        elif flag.value or not raised:
            self.block(list(failing) if flag.value else stmt.finalbody)
        else:
            self.ended(stmt, failing, others)

    def tested_block(self, stmt: ast.Try) -> None:
        """What stands before a `finally`."""
        if stmt.handlers:
            self.attempt(stmt, [])
        else:
            self.block(stmt.body)

    def before_last(self, stmt: ast.Try, passing: Catch) -> None:
        """The same where each part may fail by itself: what is caught further out leaves it as `return` does."""
        catches = self.catching
        handlers = [replace(c, live=c.live | passing.live) for c in catches if not c.last]
        every = any(issubclass(Exception, c.value) for catch in handlers for c in catch.classes)
        self.catching = handlers if every else [*handlers, passing]
        self.parted += 1
        self.tested_block(stmt)
        self.parted -= 1
        self.catching = catches

    def at_last(self, stmt: ast.Try, entry: State, body: Opened, early: set[Storage], passing: Catch) -> bool:
        """Let an exception that passes a `finally` make it run; False where that needs what each part had done by then."""
        env, live = self.frame.env, self.frame.live
        names = {n.id for s in passing.last for n in descend(s) if isinstance(n, ast.Name)}
        handled = assigned(s for h in stmt.handlers for s in h.body)
        before = assigned([*stmt.body, *stmt.orelse]) if stmt.handlers or stmt.orelse else _bound_early(stmt.body)
        changed, lost = before | handled, _bound_within([*stmt.body, *stmt.orelse]) | handled
        if any(n in lost or not same_place(entry.env.get(n), body.state.env.get(n)) for n in names & changed):
            return False
        read = [env[n] for n in sorted(names) if n in env]
        seen = {s for ref in self.seen_by(Stream((), None, tuple(read))) for s in self.storages(ref)} if early else set()
        if early and (seen & early or any(isinstance(ref, (View, ListRef, DictRef, ObjectRef)) for ref in read)):
            return False
        failed, after = self.tried(entry, body, [passing.classes], self.origin(stmt))
        caught = self.unbound(entry, body.state, changed)
        leaves = isinstance(passing.last[-1], (ast.Return, ast.Break, ast.Continue))  # and so the exception is gone
        self.frame.live = live
        action = (lambda: None) if leaves else functools.partial(self.left, passing, failed[0])
        self.settled(failed, [action], (caught, after), lambda: None, [])
        return True

    def attempt(self, stmt: ast.Try, rest: list[ast.stmt]) -> bool:
        """`try` with `except`; gives whether the rest of the block was read into one of the branches behind it."""
        handlers = [(self.caught(h), functools.partial(self.handle, h), h.body) for h in stmt.handlers]
        return self.attempted(stmt, handlers, stmt.orelse, rest)

    def attempted(
        self, stmt: ast.Try | ast.With, handlers: Sequence[Handler], orelse: list[ast.stmt], rest: list[ast.stmt]
    ) -> bool:
        """Statements with handlers around, and what is done where none was needed."""
        frame, live, catches = self.frame, self.frame.live, self.catching
        if self.quiet:
            self.refuse(self.keyword(stmt), "`try` inside of a `with` that makes NumPy raise", "test before what may fail")
        entry, said = self.save(), len(self.messages)
        self.catching = ()
        self.attempts += 1
        leaving = frame.leaving
        frame.leaving |= frame.scope.liveness.caught[id(stmt)]  # a handler may read it
        opened, early = self.watched(entry, lambda: self.block(stmt.body))
        frame.leaving = leaving
        self.attempts -= 1
        self.catching = catches
        self.restore(entry)
        frame.live = live
        names = _bound_early(stmt.body)
        read = functools.reduce(operator.or_, (c.live for c in catches), frame.scope.liveness.caught[id(stmt)])
        bits = frame.scope.liveness.bits
        lost = _bound_within(stmt.body)
        changed = [n for n in names if n in lost or not same_place(entry.env.get(n), opened.state.env.get(n))]
        needed = [n for n in changed if bits.get(n, 0) & read]
        if needed or (early and not (all(_only_raises(h) for *_, h in handlers) and not catches)):
            del self.messages[said:]
            return self.in_parts(stmt, handlers, orelse, rest)
        self.place = self.origin(stmt)
        if not any(map(may_raise, opened.builder.body)):
            self.builder.body += opened.builder.body
            self.restore(opened.state)
            self.unless_left(orelse)
            return False
        if self.at_once(opened, handlers):
            return False
        caught = self.unbound(entry, opened.state, names)
        catches = self.stopping(catches, caught)
        classes = [*(each for each, *_ in handlers), *(c.classes for c in catches)]
        failed, after = self.tried(entry, opened, classes, self.place)
        actions = [functools.partial(action, flag) for (_, action, _), flag in zip(handlers, failed, strict=False)]
        actions += [functools.partial(self.left, c, flag) for c, flag in zip(catches, failed[len(handlers) :], strict=True)]
        return self.settled(failed, actions, (caught, after), lambda: self.unless_left(orelse), rest)

    def at_once(self, opened: Opened, handlers: Sequence[Handler]) -> bool:
        """Go on with the handler for what a body surely raises at its end; False where that is not known."""
        *before, last = opened.builder.body
        if not isinstance(last, Let) or last.op != "raise" or any(map(may_raise, before)):
            return False
        error = last.args[0].value if isinstance(last.args[0], Const) else None
        for classes, action, body in handlers:
            if isinstance(error, type) and issubclass(error, tuple(c.value for c in classes)):
                if any(isinstance(n, ast.Raise) for s in body for n in descend(s)):  # it may raise the same again, or name it
                    return False
                self.restore(opened.state)
                self.frame.env.pop(DEAD, None)
                self.builder.body += before
                action(None)
                return True
        return False

    def in_parts(
        self, stmt: ast.Try | ast.With, handlers: Sequence[Handler], orelse: list[ast.stmt], rest: list[ast.stmt]
    ) -> bool:
        """The same where a handler needs what was done before the exception: each part may fail by itself."""
        frame, live, outer, pending = self.frame, self.frame.live, self.catching, self.frame.pending
        names = [f"%h.raised.{self.parted}.{k}" for k in range(len(handlers))]
        self.parted += 1
        frame.env.update(dict.fromkeys(names, FALSE))
        read = frame.scope.liveness.caught[id(stmt)]
        frame.pending |= read
        self.catching = (*(Catch(each, name, read) for (each, *_), name in zip(handlers, names, strict=True)), *outer)
        self.attempts += 1
        self.block(stmt.body)
        self.attempts -= 1
        self.catching = outer
        frame.live = live
        if orelse:
            self.unless_left(orelse)
        frame.live, frame.pending = live, pending
        self.parted -= 1
        flags = [frame.flag(name) for name in names]
        for name in names:
            frame.env.pop(name, None)
        return self.handled(stmt, [(flag, action) for flag, (_, action, _) in zip(flags, handlers, strict=True)], rest)

    def handled(
        self, stmt: ast.stmt, todo: list[tuple[Const | Var, Callable[[Var | None], None]]], rest: list[ast.stmt]
    ) -> bool:
        """What the handlers do whose flags are set."""
        frame, live = self.frame, self.frame.live
        while todo and (todo[-1][0] == FALSE or DEAD in frame.env):
            todo = todo[:-1]
        if not todo:
            return False
        flag, action = todo[-1]

        def caught() -> None:
            frame.env.update(dict.fromkeys((EXIT, STOP, RETURNED), FALSE))
            frame.env.pop(VALUE, None)
            action(None)

        def fine() -> None:
            for name in (EXIT, STOP, RETURNED):
                if frame.env.get(name) is flag:
                    frame.env[name] = FALSE
            self.handled(stmt, todo[:-1], [])

        if isinstance(flag, Const):
            caught()
            return False
        self.place = self.origin(stmt)
        entry = self.save()
        a = self.region(entry, caught)
        frame.live = live
        b = self.region(entry, fine)
        self.place = self.origin(stmt)
        return self.forked(flag, a, b, rest, entry, live)

    def handle(self, handler: ast.ExceptHandler, failed: Var | None) -> None:
        """What a handler does."""
        self.handling.append(Handling(self.frame, handler.name or "", failed))
        self.block(handler.body)
        self.handling.pop()

    def one_part(self, stmt: ast.stmt) -> None:
        """Read one statement; where each part of a `try` may fail by itself, it is one, or has some."""
        whole = isinstance(stmt, (ast.For, ast.While, ast.With, ast.Try, ast.FunctionDef))
        if whole or not self.catching:
            self.statement(stmt)
        else:
            self.protected(lambda: self.statement(stmt), stmt, _bound_early([stmt]))

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
        return self.classes(ref, handler)

    def classes(self, ref: Ref, node: ast.AST) -> tuple[Const, ...]:
        """Exception classes, one or a tuple of them."""
        found: list[Const] = []
        for each in ref.items if isinstance(ref, TupleRef) else (ref,):
            error = self.exception(each)
            if error is None:
                self.refuse(node, "`except` of something that is no plain exception class", "except ValueError:")
            found.append(Const(error))
        return tuple(found)

    def exception(self, ref: Ref) -> type | None:
        """An exception class, or what stands for one of the user's; None for anything else."""
        if isinstance(ref, External):
            live = ref.live
            return standing_for(live) if isinstance(live, type) and issubclass(live, BaseException) else None
        if not isinstance(ref, ClassRef) or ref.live is not None or ref.node is None:
            live = ref.live if isinstance(ref, ClassRef) else None
            return standing_for(live) if live is not None and issubclass(live, BaseException) else None
        node = ref.node
        plain = all(
            isinstance(s, ast.Pass) or (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant)) for s in node.body
        )
        found: type | None = node.__dict__.get("_exception")
        if found is None and plain and len(node.bases) == 1 and not node.keywords and not node.decorator_list:
            base = self.exception(self.in_module(node.bases[0], ref.module, ref.frame))
            if base is not None and (is_own(base) or is_builtin(base)):
                found = node.__dict__["_exception"] = stand_in(node.name, base)
        return found

    # What other parts provide.

    def assign(self, goal: ast.expr, ref: Ref, stmt: ast.stmt) -> None:
        """Assign to a target of any form."""
        raise NotImplementedError

    def statement(self, stmt: ast.stmt) -> None:
        """Read one statement."""
        raise NotImplementedError

    def keyword(self, stmt: ast.stmt) -> ast.AST:
        """A node that spans just the first word of a statement."""
        raise NotImplementedError
