"""Statements: bindings, branches, loops and exits, in the order they are written."""

from __future__ import annotations

import ast
from collections.abc import Callable

from adtransform.errors import Refusal
from adtransform.ir import Atom, Const, Var
from adtransform.lattice import Array, Scalar, Static, Unknown
from adtransform.read.core import Opened
from adtransform.read.expressions import BINARY
from adtransform.read.frames import DEAD, EXIT, FALSE, RETURNED, STOP, TRUE, VALUE
from adtransform.read.functions import Functions
from adtransform.read.loops import BROKE, Loop
from adtransform.read.refs import Conflict, External, FunctionRef, Items, Lazy, ListRef, Ref, TupleRef, View
from adtransform.read.scope import assigned, exits, inside, targets

_GROWING = frozenset("append extend insert pop".split())
_CONTEXTS = frozenset(("numpy.errstate", "warnings.catch_warnings"))
_REFUSED: dict[str, tuple[str, str]] = {
    "Try": ("`try`", 'move the call into its own function and give it a rule("...", "...")'),
    "TryStar": ("`try`", 'move the call into its own function and give it a rule("...", "...")'),
    "With": ("`with`", "only `with np.errstate(...)` is read; do the rest outside"),
    "AsyncWith": ("`async with`", "do it outside"),
    "AsyncFor": ("`async for`", "use a plain `for`"),
    "AsyncFunctionDef": ("`async def`", "make it a plain function"),
    "ClassDef": ("a class defined here", "define it at module level"),
    "Global": ("`global`", "return the value"),
    "Nonlocal": ("`nonlocal`", "return the value"),
    "Delete": ("`del` of an item", "build the value without it"),
    "Match": ("`match`", "use `if` and `elif`"),
}


class Statements(Functions):
    """Reading statements."""

    def block(self, stmts: list[ast.stmt]) -> None:
        """Read statements; what follows an exit that may have been taken runs under its flag."""
        for i, stmt in enumerate(stmts):
            self.frame.live = self.frame.scope.liveness.after[id(stmt)]
            if isinstance(stmt, ast.If):
                if self.guard(stmt, lambda s=stmt, rest=stmts[i + 1 :]: self.branch(s, rest)):  # type: ignore[misc]
                    return
            else:
                self.guard(stmt, lambda s=stmt: self.statement(s))  # type: ignore[misc]
            flag = self.frame.flag(EXIT)
            if DEAD in self.frame.env or flag == TRUE:
                return
            if isinstance(flag, Var):
                rest = stmts[i + 1 :]
                if rest:
                    self.frame.live = self.frame.scope.liveness.after[id(rest[-1])]
                    self.guarded(flag, lambda: self.block(rest))
                return

    def guard(self, stmt: ast.stmt, action: Callable[[], object]) -> bool:
        """Read a statement; where it is refused, go on with the others, so that all refusals are found."""
        self.describe(stmt)
        self.fresh = set()
        try:
            return bool(action())
        except Refusal as refusal:
            if refusal.message is not None and refusal.message not in self.messages:
                self.messages.append(refusal.message)
            for name in assigned([stmt]):
                self.frame.env[name] = Conflict()
            return False

    def describe(self, stmt: ast.stmt) -> None:
        """Note the text and the comments of a statement for what comes from it."""
        source = self.source
        body = getattr(stmt, "body", None)
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
                for goal in goals:
                    self.assign(goal, ref, stmt, isinstance(value, ast.Name))
            case ast.AnnAssign(target=goal, value=value):
                if value is not None:
                    self.assign(goal, self.expression(value), stmt, isinstance(value, ast.Name))
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
                    for name in assigned([stmt]):
                        self.frame.env[name] = self.from_text(name, [stmt], self.frame.module, stmt)
            case ast.Expr(value=value):
                self.expression(value)
            case ast.Break():
                self.frame.env[STOP] = self.frame.env[EXIT] = TRUE
                if self.frame.tells_break:
                    self.frame.env[BROKE] = TRUE
            case ast.Continue():
                self.frame.env[EXIT] = TRUE
            case ast.FunctionDef(name=name):
                if stmt.decorator_list:
                    self.refuse(stmt.decorator_list[0], "a decorator here", "define the function at module level")
                self.frame.env[name] = self.function(stmt, self.frame.module, self.frame)
            case ast.Assert(test=test, msg=message):
                self.check(test, message, stmt)
            case ast.Raise():
                self.fail(stmt)
            case ast.With() if self.is_harmless(stmt):
                self.block(stmt.body)
            case ast.Delete(targets=goals) if all(isinstance(g, ast.Name) for g in goals):
                for goal in goals:
                    self.frame.env.pop(goal.id, None)  # type: ignore[attr-defined]
            case _:
                what, help = _REFUSED.get(type(stmt).__name__, (f"this statement ({type(stmt).__name__})", "write it with loops and `if`"))
                self.refuse(self.keyword(stmt), what, help)

    def keyword(self, stmt: ast.stmt) -> ast.AST:
        """A node that spans just the first word of a statement."""
        word = self.source.lines[stmt.lineno - 1][stmt.col_offset :].split("(")[0].split(":")[0].split()[0]
        return ast.Pass(lineno=stmt.lineno, col_offset=stmt.col_offset, end_lineno=stmt.lineno, end_col_offset=stmt.col_offset + len(word))

    def is_harmless(self, stmt: ast.With) -> bool:
        """`with np.errstate(...)`: says only how NumPy reports, which is left as it is."""
        for item in stmt.items:
            call = item.context_expr
            if not isinstance(call, ast.Call) or item.optional_vars is not None:
                return False
            ref = self.expression(call.func)
            if not isinstance(ref, External) or ref.op not in _CONTEXTS:
                return False
        return True

    # Binding.

    def assign(self, goal: ast.expr, ref: Ref, stmt: ast.stmt, from_name: bool) -> None:
        """Assign to a target of any form."""
        match goal:
            case ast.Name(id=name):
                self.bind(name, ref, stmt)
            case ast.Tuple(elts=goals) | ast.List(elts=goals):
                for inner, item in zip(goals, self.spread(goals, ref, goal), strict=True):
                    self.assign(inner, item, stmt, True)
            case ast.Starred(value=inner):
                self.assign(inner, ref, stmt, True)
            case ast.Subscript(value=owner, slice=key):
                base = self.expression(owner)
                self.place = self.origin(stmt)
                self.assign_item(base, key, ref, stmt, owner.id if isinstance(owner, ast.Name) else "")
            case ast.Attribute(attr=attr):
                self.refuse(goal, f"an assignment to the attribute `.{attr}`", "keep the value in a local name")

    def spread(self, goals: list[ast.expr], ref: Ref, node: ast.AST) -> list[Ref]:
        """The items for the targets of an unpacking."""
        self.at(node)
        items = self.known_items(ref)
        starred = [i for i, g in enumerate(goals) if isinstance(g, ast.Starred)]
        if items is None and isinstance(ref, Lazy):
            ref = self.as_list(ref, node)
            items = self.known_items(ref)
        if items is None:
            if starred:
                self.refuse(node, "a starred unpacking of something of unknown length", "use slices: x[1:]")
            if not isinstance(ref, (Var, View, ListRef)):
                self.unusable(ref, node)
            return [self.indexed(ref, Const(i), node) for i in range(len(goals))]
        n, wanted = len(items), len(goals)
        if (n != wanted and not starred) or n < wanted - len(starred):
            self.refuse(node, f"{n} values unpacked into {wanted} names", "unpack as many as there are")
        if starred:
            first = starred[0]
            last = n - (wanted - first - 1)
            return [*items[:first], self.new_list(tuple(items[first:last])), *items[last:]]
        return items

    def bind(self, name: str, ref: Ref, node: ast.AST) -> None:
        """Bind a name: values get the name as their hint."""
        if name in self.frame.scope.locals or name in self.frame.env or not name:
            pass
        self.place = self.origin(node)
        match ref:
            case Const(value) if not isinstance(value, (float, complex)):
                self.frame.env[name] = ref
            case Const():
                var = self.let("assign", ref, hint=name)
                self.constants[var] = ref
                self.frame.env[name] = var
            case Var():
                var = self.let("assign", ref, hint=name, type=ref.type)
                if ref in self.constants:
                    self.constants[var] = self.constants[ref]
                if isinstance(ref.type, Static) and ref in self.definitions:
                    self.definitions[var] = self.definitions[ref]
                self.frame.env[name] = var
            case View(storage, path):
                before = self.read(ref)
                value = self.let("assign", before, hint=name, type=self.type_of(before))
                if storage in self.fresh and not path:
                    self.heap[storage] = value
                self.frame.env[name] = View(storage, path, value, self.content(storage))
            case _:
                self.frame.env[name] = ref

    def unpack_target(self, target: ast.expr, ref: Ref) -> None:
        """Bind the target of a loop."""
        if isinstance(target, ast.Name):
            if isinstance(ref, Var) and ref.hint == target.id:
                self.frame.env[target.id] = ref
            else:
                self.bind(target.id, ref, target)
            return
        fake = ast.copy_location(ast.Pass(), target)
        self.assign(target, ref, fake, True)

    def augment(self, stmt: ast.AugAssign) -> None:
        """`x += v`: a number is rebound, an array is written, a list is extended."""
        op = BINARY[type(stmt.op)]
        goal = stmt.target
        match goal:
            case ast.Name(id=name):
                before = self.expression(ast.copy_location(ast.Name(name, ast.Load()), goal))
                value = self.expression(stmt.value)
                self.place = self.origin(stmt)
                self.augment_name(name, before, op, value, stmt)
            case ast.Subscript(value=owner, slice=key):
                base = self.expression(owner)
                self.augment_item(base, key, op, stmt)
            case _:
                self.refuse(goal, "an assignment to an attribute", "keep the value in a local name")

    def augment_name(self, name: str, before: Ref, op: str, value: Ref, stmt: ast.AugAssign) -> None:
        """`name += value`"""
        if isinstance(before, ListRef):
            if op == "add":
                self.extend(before.storage, value, stmt)
                return
            self.bind(name, self.binary(op, before, value, stmt), stmt)
            return
        if not isinstance(before, View):
            self.bind(name, self.binary(op, before, value, stmt), stmt)
            return
        a = self.value(before, stmt)
        if isinstance(self.type_of(a), Unknown) and not self.is_array(name, before, stmt):
            self.bind(name, self.binary(op, before, value, stmt), stmt)
            return
        new = self.value(self.binary(op, before, value, stmt), stmt)
        self.place = self.origin(stmt)
        t, u = self.type_of(a), self.type_of(new)
        if t != u or not isinstance(t, Array) or self.loose(a):
            self.overwrite(before, new, stmt, name)
        else:
            named = self.let("assign", new, hint=name, type=u)
            self.store(before, named, stmt, name)

    def is_array(self, name: str, view: View, stmt: ast.AugAssign) -> bool:
        """Whether an unknown value that is augmented is an array that others see: settled by an assumption if it matters."""
        others = self.aliases(view, name)
        if not others and not (view.storage.frozen and False):
            return False
        content = self.content(view.storage)
        param = self.root(content) if isinstance(content, Var) else ""
        if view.path and param:
            if name in self.frame.scope.used_as_array or any(s.op != "index" for s in view.path):
                self.take(param, "deep", f"np.ndim({param}) > 1", f"`{name}` is taken as a view of `{param}`")
                return True
            if all(s.sure for s in view.path):
                return True
            count = self.ints(view.path[0].args[0]) if len(view.path) == 1 and view.path[0].op == "index" else 0
            if not count:
                self.refuse(stmt, f"`{name}`, which may be a number or a view", "annotate the parameters, or copy")
            why = f"`{name}` is taken as a number, not as a view of `{param}`"
            self.take(param, f"rank {count}", f"np.ndim({param}) == {count}", why)
            return False
        if not param:
            sources = self.sources_of(content)
            if not sources:
                self.refuse(stmt, f"`{name}` updated in place, seen as `{others[0]}` too", "annotate the parameters, or copy")
            for source in sources:
                self.take(source, "number", f"not isinstance({source}, np.ndarray)", f"`{name}` is updated while `{others[0]}` is read")
            return False
        used = self.frame.scope.used_as_array
        if any(n in used for n in (name, param, *others)) or self.has_taken(param, "array"):
            self.take(param, "array", f"isinstance({param}, np.ndarray)", f"`{name}` and `{others[0]}` are one array")
            return True
        self.take(param, "number", f"not isinstance({param}, np.ndarray)", f"`{name}` is updated while `{others[0]}` is read")
        return False

    def sources_of(self, a: object) -> list[str]:
        """The parameters of unknown type from which elementwise operations make a value."""
        found: dict[str, None] = {}
        todo = [a]
        while todo:
            one = todo.pop()
            if not isinstance(one, Var):
                continue
            let = self.definitions.get(one)
            if let is None:
                return []
            if let.op == "load":
                found[str(self.static(let.args[0]).value)] = None  # type: ignore[union-attr]
            elif let.op == "assign" or let.op.startswith(("operator.", "math.")) or self.is_ufunc(let.op):
                todo.extend(let.args)
            elif not isinstance(one.type, Scalar):
                return []
        return [p for p in found if isinstance(self.param_type(p), Unknown)]

    def augment_item(self, base: Ref, key: ast.expr, op: str, stmt: ast.AugAssign) -> None:
        """`x[k] += v`"""
        if not isinstance(base, View):
            before = self.subscript(base, key, stmt)
            value = self.expression(stmt.value)
            if isinstance(before, View) and isinstance(self.type_of(self.value(before)), Array):
                new = self.value(self.binary(op, before, value, stmt), stmt)
                self.overwrite(before, new, stmt)
                return
            if isinstance(before, ListRef) and op == "add":
                self.extend(before.storage, value, stmt)
                return
            self.assign_item(base, key, self.binary(op, before, value, stmt), stmt)
            return
        at = self.index_key(key)
        before = self.indexed(base, at, stmt)
        value = self.expression(stmt.value)
        new_ref = self.binary(op, before, value, stmt)
        self.place = self.origin(stmt)
        hint = stmt.target.value.id if isinstance(stmt.target, ast.Subscript) and isinstance(stmt.target.value, ast.Name) else ""
        self.assign_array_item(base, at, new_ref, stmt, hint)

    # Exits.

    def leave(self, value: ast.expr | None, stmt: ast.stmt) -> None:
        """`return value`"""
        ref: Ref = Const(None) if value is None else self.expression(value)
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

    result_name = "y"

    def check(self, test: ast.expr, message: ast.expr | None, stmt: ast.stmt) -> None:
        """`assert test, message`: performed where it stands."""
        cond = self.truth(self.expression(test), test)
        if isinstance(cond, Const) and cond.value:
            return
        parts = [] if message is None else [self.shown(self.expression(message), message)]
        self.place = self.origin(stmt)
        self.effect("assert", cond, *parts)

    def fail(self, stmt: ast.Raise) -> None:
        """`raise Error(...)`: performed; nothing comes after it."""
        if stmt.exc is None:
            self.refuse(stmt, "a bare `raise`", "name the exception")
        call = stmt.exc if isinstance(stmt.exc, ast.Call) else ast.copy_location(ast.Call(stmt.exc, [], []), stmt.exc)
        ref = self.expression(call.func)
        if not isinstance(ref, External) or not isinstance(ref.live, type) or not issubclass(ref.live, BaseException):
            self.refuse(stmt, "`raise` of something that is not a builtin exception", "raise ValueError(...)")
        args = [self.shown(self.expression(a), a) for a in call.args]
        self.place = self.origin(stmt)
        self.effect("raise", Const(ref.live), *args)
        self.frame.env[DEAD] = TRUE

    # Branches.

    def branch(self, stmt: ast.If, rest: list[ast.stmt]) -> bool:
        """`if`; gives whether the rest of the block was read into one of the branches."""
        cond = self.truth(self.expression(stmt.test), stmt.test)
        if isinstance(cond, Const):
            self.block(stmt.body if cond.value else stmt.orelse)
            return False
        place = self.place = self.origin(stmt)
        entry = self.save()
        live = self.frame.live
        a = self.region(entry, lambda: self.block(stmt.body))
        b = self.region(entry, lambda: self.block(stmt.orelse))
        consumed = False
        out_a, out_b = (o.state.env.get(EXIT) == TRUE or DEAD in o.state.env for o in (a, b))
        real_a, real_b = (o.state.env.get(EXIT) == TRUE for o in (a, b))
        if rest and out_a != out_b and (real_a or real_b):
            consumed = True
            live = self.frame.scope.liveness.after[id(rest[-1])]
            if out_a:
                b = self.on(b, rest)
            else:
                a = self.on(a, rest)
        self.frame.live = live
        self.restore(entry)
        self.place = place
        self.meet(cond, a, b, entry)
        return consumed

    def on(self, opened: Opened, rest: list[ast.stmt]) -> Opened:
        """Read the rest of a block at the end of a branch."""

        def action() -> None:
            flag = self.frame.flag(EXIT)
            if isinstance(flag, Var):
                self.guarded(flag, lambda: self.block(rest))
            elif flag == FALSE:
                self.block(rest)

        return self.resume(opened, action)

    def guarded(self, flag: Var, rest: Callable[[], None]) -> None:
        """Read on where a block has not been left."""
        entry = self.save()
        place, live = self.place, self.frame.live

        def left() -> None:
            for name in (EXIT, STOP, RETURNED, BROKE):
                if self.frame.env.get(name) is flag:
                    self.frame.env[name] = TRUE

        def stayed() -> None:
            for name in (EXIT, STOP, RETURNED, BROKE):
                self.frame.env[name] = FALSE
            self.frame.env.pop(VALUE, None)
            rest()

        a = self.region(entry, left)
        b = self.region(entry, stayed)
        self.restore(entry)
        self.place, self.frame.live = place, live
        self.meet(flag, a, b, entry)

    # Loops.

    def for_loop(self, stmt: ast.For) -> None:
        """`for`"""
        ref = self.expression(stmt.iter)
        self.place = self.origin(stmt)

        def each(item: Ref) -> None:
            self.unpack_target(stmt.target, item)
            self.block(stmt.body)

        def counted(bounds: tuple[Atom, Atom, Atom], body: Callable[[Var | None], None]) -> Atom:
            hint = stmt.target.id if isinstance(stmt.target, ast.Name) and isinstance(ref, (Lazy, type(ref))) and self.is_index(ref) else ""
            return self.loop(self.described(stmt, bounds, hint, lambda: TRUE, body))

        broke = self.within_loop(stmt, lambda: self.iterate(ref, each, counted, stmt))
        self.otherwise(stmt, broke)

    def is_index(self, ref: Ref) -> bool:
        """Whether the loop's index is the target itself."""
        from adtransform.read.refs import RangeRef

        return isinstance(ref, RangeRef) or (
            isinstance(ref, Lazy) and ref.kind == "reversed" and isinstance(ref.parts[0], RangeRef) and ref.parts[0].step == Const(1)
        )

    def within_loop(self, stmt: ast.For | ast.While, action: Callable[[], Atom]) -> Atom:
        """Read a loop: what is live where its exits go counts as live inside."""
        frame = self.frame
        live, leaving, outside, tells = frame.live, frame.leaving, frame.leaving_outside, frame.tells_break
        frame.tells_break = bool(stmt.orelse)
        frame.leaving_outside = leaving
        frame.leaving |= live | frame.scope.liveness.head[id(stmt)]
        try:
            return action()
        finally:
            frame.live, frame.leaving, frame.leaving_outside, frame.tells_break = live, leaving, outside, tells

    def otherwise(self, stmt: ast.For | ast.While, broke: Atom) -> None:
        """The `else` of a loop, and what an early `return` leaves out."""
        if not stmt.orelse:
            return
        returned = self.frame.flag(RETURNED)
        if isinstance(broke, Const) and not isinstance(returned, Var):
            if broke == FALSE and returned == FALSE:
                self.block(stmt.orelse)
            return

        def both() -> None:
            if isinstance(broke, Var):
                self.guarded(broke, lambda: self.block(stmt.orelse))
            elif broke == FALSE:
                self.block(stmt.orelse)

        if isinstance(returned, Var):
            self.guarded(returned, both)
        else:
            both()

    def described(
        self,
        stmt: ast.For | ast.While,
        bounds: tuple[Atom, Atom, Atom] | None,
        hint: str,
        cond: Callable[[], Atom],
        body: Callable[[Var | None], None],
    ) -> Loop:
        """What the reader of loops wants to know of a statement."""
        names = assigned([stmt.target, *stmt.body] if isinstance(stmt, ast.For) else [stmt.test, *stmt.body])
        augmented = {n.target.id for s in stmt.body for n in inside([s]) if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)}
        plain: set[str] = set()
        grown: set[str] = set()
        for node in inside(stmt.body):
            match node:
                case ast.Assign(targets=goals):
                    plain.update(n for g in goals for n in targets(g))
                case ast.AnnAssign(target=goal) | ast.NamedExpr(target=goal) | ast.For(target=goal):
                    plain.update(targets(goal))
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)) if attr in _GROWING:
                    grown.add(name)
        env = self.frame.env
        grown |= {n for n in augmented if isinstance(env.get(n), ListRef)}
        scalars = {n for n in augmented if not isinstance(env.get(n), (View, ListRef))}
        bits = self.frame.scope.liveness.bits
        head, out = self.frame.scope.liveness.head[id(stmt)], self.frame.live | self.frame.leaving_outside
        hidden = frozenset(n for n in env if n.startswith("%h"))
        return Loop(
            stmt,
            bounds,
            hint,
            frozenset(names) | hidden,
            frozenset(plain | scalars),
            frozenset(grown),
            cond,
            body,
            lambda n: n in hidden or bool(bits.get(n, 0) & head),
            lambda n: n in hidden or bool(bits.get(n, 0) & out),
            bool(stmt.orelse),
        )

    def while_loop(self, stmt: ast.While) -> None:
        """`while`"""
        forever = isinstance(stmt.test, ast.Constant) and bool(stmt.test.value)
        plain = not any(isinstance(n, (ast.NamedExpr, ast.Call, ast.ListComp, ast.GeneratorExp)) for n in ast.walk(stmt.test))
        stmts = stmt.body

        def cond() -> Atom:
            if forever or not simple:
                return TRUE
            return self.truth(self.expression(stmt.test), stmt.test)

        def body(index: Var | None) -> None:
            if forever or simple:
                self.block(stmts)
                return
            test = self.truth(self.expression(stmt.test), stmt.test)
            self.stop_unless(test, stmt)

        simple = plain or self.is_pure(stmt.test)
        broke = self.within_loop(stmt, lambda: self.loop(self.described(stmt, None, "", cond, body)))
        if forever and not _breaks(stmts):
            returned = self.frame.flag(RETURNED)
            if returned != FALSE:
                for flag in (EXIT, STOP, RETURNED):
                    self.frame.env[flag] = TRUE
            else:
                self.frame.env[DEAD] = TRUE
            return
        self.otherwise(stmt, broke)

    def is_pure(self, node: ast.expr) -> bool:
        """Whether a condition only computes: no names bound, nothing written, nothing performed."""
        entry = self.save()
        said = len(self.messages)
        pure = not any(isinstance(n, (ast.NamedExpr,)) for n in ast.walk(node))
        body = list(self.builder.body)
        if pure:
            try:
                self.truth(self.expression(node), node)
            except Refusal:
                pure = False
            added = self.builder.body[len(body) :]
            from adtransform.ops import EXTERNAL
            from adtransform.rewrite import regions, statements
            from adtransform.ir import Let

            every = [t for s in added for t in (s, *(x for r in regions(s) for x in statements(r)))]
            pure = pure and not any(isinstance(s, Let) and s.op in EXTERNAL for s in every)
            pure = pure and all(self.heap.get(s) is c for s, c in entry.heap.items())
            loads = [s for s in added if isinstance(s, Let) and s.op == "load"]
            self.builder.body[:] = [*body, *loads]
        self.restore(entry)
        del self.messages[said:]
        return pure

    def stop_unless(self, test: Atom, stmt: ast.While) -> None:
        """The condition of a loop as its first statement: `if not test: break`."""
        if isinstance(test, Const):
            if test.value:
                self.block(stmt.body)
            else:
                self.frame.env[STOP] = self.frame.env[EXIT] = TRUE
            return
        entry = self.save()
        place = self.place

        def stop() -> None:
            self.frame.env[STOP] = self.frame.env[EXIT] = TRUE

        a = self.region(entry, lambda: self.block(stmt.body))
        b = self.region(entry, stop)
        self.restore(entry)
        self.place = place
        self.meet(test, a, b, entry)


def _breaks(stmts: list[ast.stmt]) -> bool:
    todo: list[ast.AST] = list(stmts)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Break):
            return True
        if isinstance(node, (ast.For, ast.While)):
            todo.extend(node.orelse)
        elif not isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            todo.extend(ast.iter_child_nodes(node))
    return False


__all__ = ["FunctionRef", "Items", "Statements", "TupleRef", "exits"]
