"""What a `try` around protects: a part of its body that may raise is a statement of its own.

Mostly the body of a `try` is read as one such statement (`read/unwinding.py`).  Where a handler needs what the body has
bound or changed before it raised, every part of the body is one, and what it raises leaves the body by a flag, as `return`
leaves a function.
"""

from __future__ import annotations

import ast
import copy
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from adtransform.failing import may_fail, may_raise
from adtransform.ir import Const, Let, Origin, Region, Try, Var
from adtransform.lattice import BOOL
from adtransform.ops import CALLS, EXTERNAL
from adtransform.read.blending import same_place
from adtransform.read.branches import Branches, void
from adtransform.read.core import Opened, State, Unreached
from adtransform.read.frames import BROKE, DEAD, EXIT, FALSE, RETURNED, STOP, TRUE, VALUE
from adtransform.read.raising import Catch, PartedCall, Watch
from adtransform.read.refs import Conflict, Content, Ref, Storage
from adtransform.rewrite import exported, statements
from adtransform.source import descend

T = TypeVar("T")


class Catching(Branches):
    """Reading what is protected."""

    def protected(self, action: Callable[[], T], node: ast.AST, binds: Iterable[str] = (), around: ast.stmt | None = None) -> T:
        """Perform an action; what it raises goes to the handlers around.  What it gives is used where it has not raised.

        `binds`: the names that it may have bound when it raises; `around`: the statement of which it is the beginning.
        """
        catches = self.catching
        if not catches:
            return action()
        entry = self.save()
        given: list[T] = []
        self.catching = ()
        try:
            body, early = self.watched(entry, lambda: self.alive(lambda: given.append(action())))
        finally:
            self.catching = catches
        stmts = body.builder.body
        raised = stmts[-1] if stmts and not any(map(may_raise, stmts[:-1])) else None
        if not any(map(may_raise, stmts)):
            self.builder.body += stmts
            self.restore(body.state)
        elif isinstance(raised, Let) and raised.op == "raise":
            self.restore(body.state)
            self.builder.body += stmts[:-1]
            self.raised(raised, catches)
        else:
            self.restore(entry)
            if early and self.call_in_parts(node, catches):
                return Const(None)  # type: ignore[return-value]
            if early:
                what = "a statement in a `try` that changes an array, a list or an object before it may raise"
                self.refuse(node, what, "make the new values first, and write them in a statement of its own")
            live = self.frame.live
            self.frame.live |= self.frame.scope.liveness.uses(around)
            self.place = self.origin(node)
            caught = self.unbound(entry, body.state, binds)
            catches = self.stopping(catches, caught)
            if catches:
                failed, after = self.tried(entry, body, [c.classes for c in catches], self.place)
                actions = [functools.partial(self.left, catch, flag) for catch, flag in zip(catches, failed, strict=True)]
                self.settled(failed, actions, (caught, after), lambda: None, [])
            else:
                self.builder.body += stmts
                self.restore(body.state)
            self.frame.live = live
        return given[0] if given else Const(None)  # type: ignore[return-value]

    def call_in_parts(self, stmt: ast.AST, catches: Sequence[Catch]) -> bool:
        """Read a statement that is a call which changes something before it may raise: each part of that may fail by itself.

        False where it is none, or has to be read otherwise.
        """
        if not isinstance(stmt, (ast.Expr, ast.Assign, ast.AugAssign, ast.Return)) or not isinstance(stmt.value, ast.Call):
            return False
        if any(c.last for c in catches):
            return False
        given, call, rest = _apart(stmt)
        entry, mark, said = self.save(), len(self.builder.body), len(self.messages)
        parted = PartedCall(call, catches)
        for name, arg in given.items():
            ref = self.protected(functools.partial(self.expression, arg), arg)
            self.frame.env[name] = ref
        self.where_reached(lambda _: self.read_parts(parted, stmt, rest), [])
        for name in (*given, _CALLED):
            self.frame.env.pop(name, None)
        if parted.flags and parted.bodies == 1:
            return True
        del self.builder.body[mark:], self.messages[said:]
        self.restore(entry)
        return False

    def read_parts(self, parted: PartedCall, stmt: ast.stmt, rest: ast.stmt | None) -> None:
        """Read such a call, and where it raises nothing the rest of its statement."""
        around, self.parted_call, self.catching = self.parted_call, parted, ()
        parted.builder, parted.mark = self.builder, len(self.builder.body)
        try:
            self.frame.env[_CALLED] = self.expression(parted.call)
        finally:
            self.parted_call, self.catching = around, parted.catches

        def behind(k: int) -> None:
            flag = parted.flags[k] if k < len(parted.flags) else None
            if isinstance(flag, Var):
                self.fork(flag, lambda: self.left(parted.catches[k], flag), lambda: behind(k + 1), [], stmt)
            elif flag is not None and flag.value:
                self.left(parted.catches[k], None)
            elif flag is not None:
                behind(k + 1)
            elif rest is not None:
                self.statement(rest)

        behind(0)

    def called_body(self, node: ast.AST) -> None:
        """The body of a function that is called, part by part where that was asked for, and where only that may raise."""
        parted = self.parted_call
        if parted is None or parted.call is not node:
            self.whole_body()
            return
        parted.bodies += 1
        if parted.builder is not self.builder or any(map(may_raise, self.builder.body[parted.mark :])):
            self.whole_body()
            return
        names = [f"%h.raised.{self.parted}.{k}" for k in range(len(parted.catches))]
        self.frame.env.update(dict.fromkeys(names, FALSE))
        self.catching = tuple(Catch(c.classes, name, 0) for c, name in zip(parted.catches, names, strict=True))
        self.parted += 1
        self.whole_body()
        self.parted -= 1
        self.catching = ()
        parted.flags = [self.frame.flag(name) for name in names]

    def raised(self, stmt: Let, catches: Sequence[Catch]) -> None:
        """Leave for the handler that is for what a statement raises; where there is none it is performed."""
        error = stmt.args[0].value if isinstance(stmt.args[0], Const) else None
        for catch in catches:
            if isinstance(error, type) and issubclass(error, tuple(c.value for c in catch.classes)):
                self.frame.env.pop(DEAD, None)
                self.left(catch, stmt)
                return
        self.builder.add(stmt)

    def alive(self, action: Callable[[], None]) -> None:
        """Perform an action that may turn out to end in an exception on every path."""
        try:
            action()
        except Unreached:
            self.frame.env[DEAD] = TRUE

    def watched(self, entry: State, action: Callable[[], object]) -> tuple[Opened, set[Storage]]:
        """Read a region; with it the storages of before that had changed where something in it may raise."""
        self.watches.append(Watch(entry.heap))
        try:
            body = self.region(entry, lambda: void(action()))
        finally:
            watch = self.watches.pop()
        if DEAD in body.state.env:  # its end does not tell what had changed
            return body, {s for s in watch.early if s in entry.heap or s.param}
        return body, watch.early & self.changes(entry, body.state).keys()

    def tried(
        self, entry: State, body: Opened, classes: Sequence[tuple[Const, ...]], place: Origin
    ) -> tuple[list[Var], Opened]:
        """Append a region as a statement that may fail; the flags of the handlers, and the region behind it.

        That begins with what the region did after the last thing that may raise, if a storage of before changed there.
        """
        stmts = body.builder.body
        cut = next((i + 1 for i in reversed(range(len(stmts))) if may_raise(stmts[i])), 0)
        changed = self.changes(entry, body.state).values()
        if not {t for s in stmts[cut:] for t in s.targets}.intersection(c for c in changed if isinstance(c, Var)):
            cut = len(stmts)
        made, failed = tuple(stmts[:cut]), []
        for each in classes:
            failed.append(Var(BOOL, "failed"))
            made = (exported(Try((failed[-1],), Region((), made, (FALSE,)), each, place)),)
        for stmt in made:
            self.builder.add(stmt)
        behind = Opened(type(self.builder)(), body.state)
        behind.builder.body.extend(stmts[cut:])
        return failed, behind

    def settled(
        self,
        failed: list[Var],
        actions: Sequence[Callable[[], None]],
        states: tuple[State, Opened],
        otherwise: Callable[[], None],
        rest: list[ast.stmt],
    ) -> bool:
        """Go on behind what may have failed; gives whether the rest of the block was read into one of the branches.

        `actions`: what is done about each failure, in the first of the `states`; `otherwise`: what is done behind the second.
        """
        caught, after = states
        place, live = self.place, self.frame.live
        # What the statements behind it bind is not there before the branches.
        before = caught if after.builder.body else after.state

        def behind(k: int, rest: list[ast.stmt]) -> bool:
            a = self.region(caught, actions[k])
            self.frame.live = live
            b = self.region(after.state, lambda: void(behind(k - 1, []))) if k else self.resume(after, otherwise)
            base = before.copy()
            base.env.pop(DEAD, None)
            self.place = place
            return self.forked(failed[k], a, b, rest, base, live)

        return behind(len(failed) - 1, rest)

    def left(self, catch: Catch, error: Var | Let | None) -> None:
        """Leave the block for a handler further out, or, where there is none, by way of `finally`.

        `error`: the flag of what has been caught, or the statement that raises.
        """
        if not catch.last:
            self.frame.env.update(dict.fromkeys((catch.flag, EXIT, STOP, RETURNED), TRUE))
            return
        catches, self.catching = self.catching, catch.around
        self.block(list(catch.last))
        self.catching = catches
        self.frame.env[catch.flag] = TRUE
        self.where_reached(lambda _: self.passed(catch, error), [])

    def passed(self, catch: Catch, error: Var | Let | None) -> None:
        """Go on with an exception that nobody catches, behind a `finally`."""
        assert error is not None
        if catch.around and catch.around[-1].last:
            self.left(catch.around[-1], error)
        elif isinstance(error, Let):
            self.builder.add(error)
            self.frame.env[DEAD] = TRUE
        else:
            self.effect("reraise", error)
            self.frame.env[DEAD] = TRUE

    def stopping(self, catches: Sequence[Catch], caught: State) -> Sequence[Catch]:
        """The handlers around, and a `finally` only where it does more than compute: else what passes it goes on as it is."""
        catch = catches[-1] if catches else None
        while catch and catch.last:
            if self.performs(catch.last, caught):
                return catches
            catch = catch.around[-1] if catch.around else None
        return [c for c in catches if not c.last]

    def performs(self, stmts: Sequence[ast.stmt], state: State, before: State | None = None) -> bool:
        """Whether a `finally` does more than compute, or may raise, so that an exception that passes has to make it run.

        `before`: what it may find then at least.
        """
        entry, said, catches, live = self.save(), len(self.messages), self.catching, self.frame.live

        def scratch() -> None:
            self.frame.env.pop(DEAD, None)
            self.left_aside()
            self.block(list(stmts))

        self.catching = ()
        opened = self.region(state, scratch)
        self.restore(entry)
        self.catching, self.frame.live = catches, live
        refused = len(self.messages) > said
        del self.messages[said:]
        body, env = opened.builder.body, opened.state.env
        every = statements(Region((), tuple(body), ()))
        if refused or env.get(EXIT) != FALSE or DEAD in env:
            return True
        if any(isinstance(s, Let) and s.op in EXTERNAL | CALLS for s in every):
            return True
        named = {n.id for s in stmts for n in descend(s) if isinstance(n, ast.Name)}
        found = before is None or not named & (state.env.keys() - before.env.keys())
        if (found or self.attempts or self.registry.open) and any(map(may_fail, body)):
            return True
        # Whoever catches the exception sees what it has written; those of `catching` come by here.
        written = {s for s, content in entry.heap.items() if opened.state.heap.get(s) is not content}
        for watch in self.watches:
            watch.early |= written
        return bool(self.attempts and self.watches and written)

    def left_aside(self) -> dict[str, Ref]:
        """How a block was left; the names go on as if it had not been."""
        env = self.frame.env
        flags = (EXIT, STOP, RETURNED, BROKE, *(c.flag for c in self.catching))
        left = {name: env[name] for name in (*flags, VALUE) if name in env}
        env.update({name: FALSE for name in flags if name in env})
        env.pop(VALUE, None)
        return left

    def unbound(self, entry: State, end: State, names: Iterable[str]) -> State:
        """The state where something has raised that may have bound these names by then."""
        caught = entry.copy()
        for name in names:
            if not same_place(caught.env.get(name), end.env.get(name)):
                what = f"`{name}`, which the `try` has bound or not"
                caught.env[name] = Conflict(what, "bind it in the handler, or before the `try` under another name")
        return caught

    def changes(self, entry: State, end: State) -> dict[Storage, Content]:
        """What the storages that were there before a region hold after it, where that is something else."""
        found: dict[Storage, Content] = {}
        for storage, content in end.heap.items():
            before = entry.heap.get(storage) or (self.loaded.get(storage.param) if storage.param else None)
            same = content is before or (isinstance(content, Var) and self.loosened.get(content) is before)
            if before is not None and not same:
                found[storage] = content
        return found


_PLAIN = (ast.Name, ast.Constant, ast.Starred, ast.Lambda, ast.GeneratorExp)
_CALLED = "%hcalled"  # what a call gives that is read part by part


def _apart(stmt: Any) -> tuple[dict[str, ast.expr], ast.Call, ast.stmt | None]:
    """The arguments of a call by hidden names, the call with those, and the statement it stands in with what it gives."""
    found: tuple[dict[str, ast.expr], ast.Call, ast.stmt | None] | None = stmt.__dict__.get("_apart")
    if found is None:
        call, rest = copy.copy(stmt.value), None if isinstance(stmt, ast.Expr) else copy.copy(stmt)
        every = [*call.args, *(k.value for k in call.keywords if k.arg is not None)]
        given = {f"%harg{i}": a for i, a in enumerate(every) if not isinstance(a, _PLAIN)}
        names = {id(a): ast.copy_location(ast.Name(name, ast.Load()), a) for name, a in given.items()}
        call.args = [names.get(id(a), a) for a in call.args]
        call.keywords = [ast.keyword(k.arg, names.get(id(k.value), k.value)) for k in call.keywords]
        if rest is not None:
            rest.value = ast.copy_location(ast.Name(_CALLED, ast.Load()), call)
        found = stmt.__dict__["_apart"] = given, call, rest
    return found
