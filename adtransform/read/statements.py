"""Statements: bindings, branches, loops and exits, in the order they are written."""

from __future__ import annotations

import ast
from collections.abc import Callable

from adtransform.errors import Refusal
from adtransform.ir import Atom, Const, Var
from adtransform.lattice import SHAPE, Array, Static
from adtransform.read.contexts import Contexts
from adtransform.read.core import Handling, Unreached
from adtransform.read.endings import Enter
from adtransform.read.firsts import First
from adtransform.read.frames import BROKE, DEAD, EXIT, RETURNED, STOP, TRUE, VALUE
from adtransform.read.heap import BESIDE
from adtransform.read.iterators import endless_under_a_name, started
from adtransform.read.libraries import is_there
from adtransform.read.refs import (
    RUN_OVER,
    Conflict,
    Lazy,
    ListRef,
    MaybeRef,
    Method,
    ObjectRef,
    RecordsRef,
    Ref,
    TupleRef,
    View,
    numbers,
)
from adtransform.read.scope import assigned, exchanged, is_read, is_read_next, is_read_once

_REFUSED: dict[str, tuple[str, str]] = {
    "TryStar": ("`try`", 'move the call into its own function and give it a rule("...", "...")'),
    "AsyncWith": ("`async with`", "do it outside"),
    "AsyncFor": ("`async for`", "use a plain `for`"),
    "AsyncFunctionDef": ("`async def`", "make it a plain function"),
    "Handled": ("a context that handles exceptions of its block", "write `try` and `except` around the block"),
    "Delete": ("`del` of an item", "build the value without it"),
}


class Statements(Contexts):
    """Reading statements."""

    def block(self, stmts: list[ast.stmt]) -> None:
        """Read statements; what follows an exit that may have been taken runs under its flag."""
        mark = next(numbers)
        most = 64  # with more pairs it is worth the time to look for those that do not matter any more behind this block
        firsts = self.frame.scope.liveness.firsts
        for i, stmt in enumerate(stmts):
            if firsts and id(stmt) in firsts:
                called, made = firsts[id(stmt)]
                if getattr(self.lookup(called, stmt), "op", "") == f"builtins.{called}":
                    self.block([*made, *stmts[i + 1 :]])
                    return
            self.frame.live = self.frame.scope.liveness.after[id(stmt)]
            if count := exchanged(stmts[i : i + 3]):
                self.frame.exchange = stmts[i + count // 2], stmts[i + count - 1]
            done = False
            if isinstance(stmt, (ast.If, ast.Match)) or (isinstance(stmt, ast.Try) and not stmt.finalbody):
                read = self.branch if isinstance(stmt, ast.If) else self.attempt if isinstance(stmt, ast.Try) else self.match
                done = self.guard(stmt, lambda s=stmt, rest=stmts[i + 1 :], read=read: read(s, rest))  # type: ignore[misc]
            else:
                self.guard(stmt, lambda s=stmt: self.one_part(s))  # type: ignore[misc]
            if not self.closures:
                if len(self.related) > most:
                    self.forget_pairs(mark)
                    most = max(64, 2 * len(self.related))
                if stmts is self.frame.scope.body and self.frame.caller is None and self.held() > self.most_held:
                    self.frame.live = self.frame.scope.liveness.after[id(stmt)]
                    self.forget_unreached()
            if done:
                return
            flag = self.frame.flag(EXIT)
            if DEAD in self.frame.env or flag == TRUE:
                return
            if isinstance(flag, Var):
                self.rest(flag, stmts[i + 1 :])
                return

    def rest(self, flag: Var, stmts: list[ast.stmt]) -> None:
        """The rest of a block that may have been left."""
        if stmts:
            self.frame.live = self.frame.scope.liveness.after[id(stmts[-1])]
            self.guarded(flag, lambda: self.block(stmts))

    def guard(self, stmt: ast.stmt, action: Callable[[], object]) -> bool:
        """Read a statement; where it is refused, go on with the others, so that all refusals are found."""
        self.describe(stmt)
        self.fresh = set()
        frame, around = self.frame, self.frame.statement
        frame.statement = stmt
        try:
            return bool(action())
        except Refusal as refusal:
            message = refusal.message
            if message is None:  # it needs what something else that was refused has not given
                message = self.refusal(
                    stmt, "what is not known here", "bind it on every path, or write it in smaller steps"
                ).message
                assert message is not None
                self.vague.add(message)
            if message not in self.messages:
                self.messages.append(message)
            for name in assigned([stmt]):
                self.frame.env[name] = Conflict()
            return False
        except Unreached:
            self.frame.env[DEAD] = TRUE
            return False
        finally:
            frame.statement = around

    def describe(self, stmt: ast.stmt) -> None:
        """Note the text and the comments of a statement for what comes from it."""
        source = self.source
        body = None if isinstance(stmt, First) else getattr(stmt, "body", None)
        end, end_column = stmt.end_lineno or stmt.lineno, stmt.end_col_offset or 0
        if isinstance(stmt, ast.FunctionDef):
            end, end_column = stmt.lineno, len(source.lines[stmt.lineno - 1].encode())
        elif body and isinstance(body, list):
            heads = {"If": "test", "While": "test", "For": "iter", "Match": "subject"}
            head = getattr(stmt, heads.get(type(stmt).__name__, ""), None)
            if isinstance(stmt, ast.With):
                head = stmt.items[-1].optional_vars or stmt.items[-1].context_expr
            if head is not None:
                end, end_column = head.end_lineno, head.end_col_offset
            else:
                end, end_column = stmt.lineno, len(source.lines[stmt.lineno - 1].encode())
        text = source.cut(stmt.lineno, stmt.col_offset, end, end_column)
        if body and isinstance(body, list) and not text.endswith(":"):
            text += ":"
        self.statement_text = text
        self.statement_comment = self.comment(stmt.lineno, end)
        self.place = self.origin(stmt)

    def comment(self, first: int, last: int) -> str:
        """The full lines of comment before a statement, each with its line end, and the trailing one."""
        found = self.frame.comments
        before: list[str] = []
        line = first - 1
        while line in found and not self.source.lines[line - 1].split("#")[0].strip():
            before.append(found[line] + "\n")
            line -= 1
        trailing = [found[n] for n in range(first, last + 1) if n in found]
        return "".join(reversed(before)) + " ".join(trailing)

    def statement(self, stmt: ast.stmt) -> None:
        """Read one statement."""
        match stmt:
            case ast.Assign(targets=goals, value=value):
                ref = self.expression(value)
                first, last = self.frame.exchange
                if stmt is first:
                    self.frame.twice = self.twice()
                for goal in goals:
                    self.assign(goal, ref, stmt)
                if stmt is last:  # a list holds nothing twice that it did not hold twice before
                    self.related -= self.twice() - self.frame.twice
            case ast.AnnAssign(target=goal, value=value):
                if value is not None:
                    self.assign(goal, self.expression(value), stmt)
            case ast.AugAssign():
                self.augment(stmt)
            case ast.Return(value=value):
                self.leave(value, stmt)
            case ast.For():
                self.for_loop(stmt)
            case ast.While():
                self.while_loop(stmt)
            case ast.Expr(value=ast.Constant()) | ast.Pass() | ast.Import() | ast.ImportFrom():
                if isinstance(stmt, (ast.Import, ast.ImportFrom)):
                    if self.attempts and not is_there(stmt):
                        self.refuse(stmt, "an import in a `try`, which may fail", "import it at the top of the module")
                    for name in assigned([stmt]):
                        self.frame.env[name] = self.from_text(name, [stmt], self.frame.module, stmt)
            case ast.Expr(value=value):
                self.perform(value, stmt)
            case ast.Break():
                self.frame.env[STOP] = self.frame.env[EXIT] = TRUE
                if self.frame.tells_break:
                    self.frame.env[BROKE] = TRUE
            case ast.Continue():
                self.frame.env[EXIT] = TRUE
            case ast.FunctionDef(name=name):
                made = self.function(stmt, self.frame.module, self.frame)
                self.frame.env[name] = self.decorated(made, self.expression)
            case ast.ClassDef():
                self.class_here(stmt)
            case ast.Nonlocal(names=names) | ast.Global(names=names):
                self.outer_names(stmt, names)
            case ast.Assert(test=test, msg=message):
                self.check(test, message, stmt)
            case ast.Raise():
                self.fail(stmt)
            case ast.With():
                self.with_block(stmt)
            case Enter():
                self.enter(stmt)
            case ast.Try():
                self.try_finally(stmt)
            case ast.Delete(targets=goals) if all(isinstance(g, (ast.Name, ast.Subscript)) for g in goals):
                for goal in goals:
                    if isinstance(goal, ast.Name):
                        self.frame.env.pop(goal.id, None)
                    elif isinstance(goal, ast.Subscript):
                        self.delete(self.expression(goal.value), goal.slice, stmt)
            case _:
                kind = type(stmt).__name__
                what, help = _REFUSED.get(kind, (f"this statement ({kind})", "write it with loops and `if`"))
                self.refuse(self.keyword(stmt), what, help)

    def perform(self, node: ast.expr, stmt: ast.stmt) -> None:
        """An expression by itself; `(a if c else b).append(v)` is the method of the one or the other, in two branches."""
        match node:
            case ast.Call(func=ast.Attribute(value=ast.IfExp() as picked, attr=attr, ctx=ctx) as method):

                def side(owner: ast.expr) -> Callable[[], None]:
                    own = ast.copy_location(ast.Attribute(owner, attr, ctx), method)
                    return lambda: self.perform(ast.copy_location(ast.Call(own, node.args, node.keywords), node), stmt)

                self.fork(self.tested(picked.test), side(picked.body), side(picked.orelse), [], stmt)
            case _:
                self.run_over(self.expression(node), node)

    def outer_names(self, stmt: ast.Nonlocal | ast.Global, names: list[str]) -> None:
        """`nonlocal` and `global`: without effect on what is only read."""
        written = assigned(self.frame.scope.body) & set(names)
        if written:
            word = "nonlocal" if isinstance(stmt, ast.Nonlocal) else "global"
            name = min(written)
            help = f"return `{name}`, and pass it as an argument to what reads it"
            self.refuse(stmt, f"`{word}` of a name that is written", help)

    def keyword(self, stmt: ast.stmt) -> ast.AST:
        """A node that spans just the first word of a statement."""
        word = self.source.lines[stmt.lineno - 1][stmt.col_offset :].split("(")[0].split(":")[0].split()[0]
        line, column = stmt.lineno, stmt.col_offset
        return ast.Pass(lineno=line, col_offset=column, end_lineno=line, end_col_offset=column + len(word))

    # Binding.

    def assign(self, goal: ast.expr, ref: Ref, stmt: ast.stmt) -> None:
        """Assign to a target of any form."""
        match goal:
            case ast.Name(id=name):
                self.bind(name, ref, stmt)
            case ast.Tuple(elts=goals) | ast.List(elts=goals):
                items = self.spread(goals, ref, goal)
                if any(isinstance(g, ast.Subscript) for g in goals):
                    items = self.off_their_lists(items)
                rest = items[::-1]
                with self.holding(rest, BESIDE):
                    for inner in goals:
                        self.assign(inner, rest.pop(), stmt)
            case ast.Starred(value=inner):
                self.assign(inner, ref, stmt)
            case ast.Subscript(value=owner, slice=key):
                given = [ref]
                with self.holding(given):
                    base = self.expression(owner)
                ref = given[0]
                self.place = self.origin(stmt)
                self.keep(TupleRef((ref,)), stmt)
                self.assign_item(base, key, ref, stmt, owner.id if isinstance(owner, ast.Name) else "")
            case ast.Attribute(value=owner, attr=attr):
                held, attr = self.expression(owner), self.spelled(attr)
                ref = self.begun(ref, stmt) or ref
                self.keep(TupleRef((ref,)), stmt)
                called = isinstance(held, ObjectRef) and self.row_of(held) is None  # else it is the item of a list
                self.set_attribute(held, attr, self.named(attr, ref, stmt) if called else ref, goal)

    def check_count(self, ref: Ref, wanted: int, node: ast.AST) -> None:
        """An unpacking raises where there are more items than names, or fewer."""
        t = None if isinstance(ref, RecordsRef) else self.type_of(self.value(ref, node))
        if t == SHAPE or (isinstance(t, Array) and t.dims and t.dims[0] == wanted):
            return
        self.at(node)
        differs = self.let("operator.ne", self.length(ref, node), Const(wanted))
        self.raise_where(differs, ValueError, f"too many values to unpack (expected {wanted})")

    def cut_at(self, ref: Ref, before: int, after: int, node: ast.AST) -> list[Ref]:
        """The items for the targets of an unpacking of something of unknown length, with a starred one among them."""
        count, least = self.length(ref, node), before + after
        few = self.let("operator.lt", count, Const(least))
        text = f"not enough values to unpack (expected at least {least}, got {{}})"
        self.raise_where(few, ValueError, text, count)
        middle = self.let("slice", Const(before), Const(-after or None), Const(None))
        rest = self.indexed(ref, middle, node)
        return [
            *(self.indexed(ref, Const(i), node) for i in range(before)),
            rest if isinstance(rest, (ListRef, RecordsRef)) else self.as_list(rest, node),
            *(self.indexed(ref, Const(-i), node) for i in range(after, 0, -1)),
        ]

    def spread(self, goals: list[ast.expr], ref: Ref, node: ast.AST) -> list[Ref]:
        """The items for the targets of an unpacking."""
        self.at(node)
        ref = self.iterator(self.there(ref, node, "cannot unpack non-iterable NoneType object"), node)
        items = self.known_items(ref)
        if items is None and (parts := self.taken_apart(ref, node)) is not None:
            items = list(parts)
        starred = [i for i, g in enumerate(goals) if isinstance(g, ast.Starred)]
        if items is None and isinstance(ref, Lazy):
            ref = self.as_list(ref, node)
            items = self.known_items(ref)
        if items is None:
            if not isinstance(ref, (Var, View, ListRef, RecordsRef)):
                self.unusable(ref, node)
            if starred:
                return self.cut_at(ref, starred[0], len(goals) - starred[0] - 1, node)
            self.check_count(ref, len(goals), node)
            each = self.item if isinstance(ref, RecordsRef) else self.indexed  # as many as there are
            return [each(ref, Const(i), node) for i in range(len(goals))]
        n, wanted = len(items), len(goals)
        if (n != wanted and not starred) or n < wanted - len(starred):
            self.refuse(node, f"{n} values unpacked into {wanted} names", "unpack as many as there are")
        if starred:
            first = starred[0]
            last = n - (wanted - first - 1)
            return [*items[:first], self.new_list(tuple(items[first:last])), *items[last:]]
        return items

    def bind(self, name: str, ref: Ref, node: ast.AST) -> None:
        """Bind a name."""
        self.frame.env[name] = self.named(name, ref, node)

    def named(self, name: str, ref: Ref, node: ast.AST) -> Ref:
        """What a name is bound to: values get the name as their hint."""
        self.place = self.origin(node)
        if endless_under_a_name(ref):
            return started(self, ref)
        once = isinstance(ref, Lazy) and ref.kind in RUN_OVER
        streams = [] if once else self.streams_of(ref)
        body, stmt = self.frame.scope.body, self.frame.statement
        safe = all(map(self.reads_nothing, streams)) or (stmt is not None and is_read_next(body, stmt, name))
        again = bool(once or streams) and not is_read_once(body, name)
        if (again or (streams and not safe)) and (begun := self.begun(ref, node)) is not None:
            return begun
        if streams and (again or not safe):
            self.refuse(node, "a generator under a name", "loop over the call itself, or make a list of it: list(...)")
        self.keep(ref, node)
        if isinstance(ref, Lazy) and once and again:
            help = "use it where it is made, or make a list of it: list(...)"
            self.refuse(node, f"what `{ref.kind}` gives, which can be run over only once, under a name", help)
        if once and not is_read(body, name):
            self.run_over(ref, node)
        if isinstance(ref, Const) and isinstance(node, (ast.Assign, ast.AnnAssign)) and name in self.frame.scope.constants:
            ref = self.titled(ref, name, node.lineno)
        match ref:
            case Const(value) if isinstance(value, (float, complex)):
                var = self.let("assign", ref, hint=name)
                self.constants[var] = ref
                return var
            case Var():
                var = self.let("assign", ref, hint=name, type=ref.type)
                if ref in self.constants:
                    self.constants[var] = self.constants[ref]
                if isinstance(ref.type, Static) and ref in self.definitions:
                    self.definitions[var] = self.definitions[ref]
                return var
            case View(storage, path):
                before = self.read(ref)
                value = self.let("assign", before, hint=name, type=self.type_of(before))
                if storage in self.fresh and not path:
                    self.heap[storage] = value
                return View(storage, path, value, self.content(storage))
            case ListRef(storage) if storage in self.fresh and isinstance(made := self.heap[storage], Var) and not made.hint:
                self.heap[storage] = self.let("assign", made, hint=name, type=made.type)
        return ref

    def unpack_target(self, target: ast.expr, ref: Ref) -> None:
        """Bind the target of a loop."""
        if isinstance(target, ast.Name):
            if isinstance(ref, Var) and ref.hint == target.id:
                self.frame.env[target.id] = ref
            else:
                self.bind(target.id, ref, target)
            return
        fake = ast.copy_location(ast.Pass(), target)
        self.assign(target, ref, fake)

    # Exits.

    def leave(self, value: ast.expr | None, stmt: ast.stmt) -> None:
        """`return value`"""
        ref: Ref = Const(None) if value is None else self.packing(self.expression(value), stmt)
        if isinstance(ref, MaybeRef) and self.frame.caller is None and not self.registry.open:
            self.refuse(stmt, "a result that may be None", "return numbers or arrays on every path")
        if isinstance(ref, Method) and self.frame.caller is None and not self.messages:
            self.unusable(ref, value)
        if isinstance(value, (ast.Name, ast.Tuple, ast.List, ast.Dict)) or self.frame.caller is not None:
            named = ref
        elif isinstance(ref, (Var, View)):
            self.place = self.origin(stmt)
            a = self.value(ref, stmt)
            result = self.let("assign", a, hint=self.result_name, type=self.type_of(a))
            if isinstance(ref, View):
                named = View(ref.storage, ref.path, result, self.content(ref.storage))
            else:
                named = result
        else:
            named = ref
        self.frame.env[VALUE] = named
        for flag in (EXIT, STOP, RETURNED):
            self.frame.env[flag] = TRUE

    def check(self, test: ast.expr, message: ast.expr | None, stmt: ast.stmt) -> None:
        """`assert test, message`: performed where it stands."""
        cond = self.tested(test)
        if isinstance(cond, Const) and cond.value:
            return
        parts = [] if message is None else [self.shown(self.expression(message), message)]
        self.place = self.origin(stmt)
        self.effect("assert", cond, *parts)

    def fail(self, stmt: ast.Raise) -> None:
        """`raise Error(...)`: performed; nothing comes after it."""
        inner = self.handling[-1] if self.handling and self.handling[-1].frame is self.frame else None
        if stmt.exc is None:
            self.effect("reraise", self.caught_by(inner, stmt, "a bare `raise`"))
            self.frame.env[DEAD] = TRUE
            return
        call = stmt.exc if isinstance(stmt.exc, ast.Call) else ast.copy_location(ast.Call(stmt.exc, [], []), stmt.exc)
        ref = self.expression(call.func)
        error = self.exception(ref)
        if error is None:
            self.refuse(stmt, "`raise` of something that is no plain exception class", "raise ValueError(...)")
        args = [self.shown(self.expression(a), a) for a in call.args]
        cause: dict[str, Atom] = {}
        if isinstance(stmt.cause, ast.Constant):
            cause["cause"] = Const(None)
        elif isinstance(stmt.cause, ast.Name) and inner is not None and stmt.cause.id == inner.name:
            cause["cause"] = self.caught_by(inner, stmt, "`raise ... from`")
        elif stmt.cause is not None:
            self.refuse(stmt.cause, "`raise ... from` something that is not the exception caught", "raise ... from err")
        self.place = self.origin(stmt)
        self.effect("raise", Const(error), *args, **cause)
        self.frame.env[DEAD] = TRUE

    def caught_by(self, inner: Handling | None, stmt: ast.stmt, what: str) -> Var:
        """The flag that stands for the exception that is being handled."""
        if inner is None:
            self.refuse(stmt, f"{what} outside of a handler", "name the exception")
        if inner.failed is None:
            self.refuse(stmt, f"{what} where the handler needs what the `try` has done before", "name the exception")
        self.place = self.origin(stmt)
        return inner.failed
