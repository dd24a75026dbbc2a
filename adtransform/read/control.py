"""Control flow: branches, loops, and what follows an exit that may have been taken."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace

from adtransform.errors import Refusal
from adtransform.ir import Atom, Const, Let, Var
from adtransform.ops import EXTERNAL
from adtransform.read.catching import Catching
from adtransform.read.core import Unreached
from adtransform.read.frames import DEAD, EXIT, FALSE, RETURNED, STOP, TRUE, Frame
from adtransform.read.inlined import asks_for_it, inlined
from adtransform.read.proving import NOT_ITERABLE
from adtransform.read.refs import DictRef, FunctionRef, Lazy, ListRef, PartialRef, Ref, View
from adtransform.read.scope import asks_break, assigned, breaks, free_names, inside, parameters, targets
from adtransform.read.streams import yields
from adtransform.read.trips import Loop
from adtransform.rewrite import regions, statements
from adtransform.source import descend

_GROWING = frozenset("append extend insert pop remove appendleft popleft".split())


def _either(node: ast.expr) -> list[ast.expr]:
    """What an expression is one of: `a`, `b` and `c` of `a if p else b if q else c`."""
    return [*_either(node.body), *_either(node.orelse)] if isinstance(node, ast.IfExp) else [node]


class Control(Catching):
    """Reading control flow."""

    def branch(self, stmt: ast.If, rest: list[ast.stmt]) -> bool:
        """`if`; gives whether the rest of the block was read into one of the branches."""
        cond = self.protected(lambda: self.tested(stmt.test), stmt.test, assigned([stmt.test]), stmt)
        sides = (lambda: self.block(stmt.body)), (lambda: self.block(stmt.orelse))
        return self.where_reached(lambda rest: self.fork(cond, *sides, rest, stmt), rest)

    # Loops.

    def for_loop(self, stmt: ast.For) -> None:
        """`for`"""

        if self.generated_in_place(stmt):
            return

        def run_over() -> Ref:
            ref = self.there(self.expression(stmt.iter), stmt.iter, NOT_ITERABLE)
            if self.attempts:  # else the count of its items raises
                self.there_value(ref, stmt.iter, NOT_ITERABLE)
            return ref

        ref = self.protected(run_over, stmt.iter, assigned([stmt.iter]), stmt)
        self.where_reached(lambda _: self.repeated(stmt, ref), [])

    def generated_in_place(self, stmt: ast.For) -> bool:
        """A `for` over a generator function, read as the body of that where it can be told when that runs."""
        call = stmt.iter
        counted = isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "enumerate"
        if counted and isinstance(call, ast.Call) and len(call.args) == 1 and not call.keywords:
            counted = getattr(self.lookup("enumerate", call), "op", "") == "builtins.enumerate"
            call = call.args[0] if counted else call
        if not isinstance(call, ast.Call) or not isinstance(call.func, (ast.Name, ast.Attribute)) or self.attempts:
            return False
        function = self.expression(call.func)
        given: list[Ref] = []
        if isinstance(function, PartialRef) and not function.kwargs:  # a method
            given += function.args
            function = function.function
        if not isinstance(function, FunctionRef) or not yields(function.node) or not self.sees_the_same(function):
            return False
        generator = function.node
        assert isinstance(generator, ast.FunctionDef)
        if not asks_for_it(stmt, generator):
            return False
        made = stmt.__dict__.setdefault("_inlined", {})
        if generator not in made:
            node = self.frame.scope.node
            taken = {n.id for n in descend(node) if isinstance(n, ast.Name)} | {p.arg for p in parameters(node)}
            made[generator] = inlined(stmt, generator, taken, counted=counted)
        if made[generator] is None:
            return False
        stmts, names = made[generator]
        kwargs: dict[str, Ref] = {}
        if self.arguments(call, function, given, kwargs) is not None:
            return False
        bound = self.bind_arguments(function, given, kwargs, call)
        if any(map(self.runs_once, bound.values())):
            return False
        self.frame.env.update({names[name]: ref for name, ref in bound.items()})
        self.frame.scope.liveness.also(stmts, names.values(), stmt)
        self.block(stmts)
        return True

    def sees_the_same(self, function: FunctionRef) -> bool:
        """Whether the names that a function does not bind are the same ones where it is called."""
        if function.module.source is not self.frame.module.source or function.captured or self.known(self.op_of(function)):
            return False
        free = free_names(function.node)
        frame: Frame | None = self.frame
        while frame is not None and frame is not function.frame:
            if not free.isdisjoint(frame.scope.locals | frame.env.keys() | frame.captured.keys()):
                return False
            frame = frame.parent
        return frame is function.frame

    def repeated(self, stmt: ast.For, ref: Ref) -> None:
        """A `for` over what is known by now."""
        self.place = self.origin(stmt)

        def each(item: Ref) -> None:
            self.protected(lambda: self.unpack_target(stmt.target, item), stmt.target, (), stmt)
            self.unless_left(stmt.body)

        trip: Callable[[Ref], None] = each
        bound: frozenset[str] = frozenset()
        while isinstance(ref, Lazy) and ref.kind == "generator":
            ref, trip, more = self.without(ref, trip, stmt)
            bound |= more

        def counted(bounds: tuple[Atom, Atom, Atom], body: Callable[[Var | None], None]) -> Atom:
            loop = self.described(stmt, bounds, self.index_name(stmt.target, ref), lambda: TRUE, body)
            return self.loop(replace(loop, assigned={*loop.assigned, *bound}, rebound=loop.rebound | bound))

        broke = self.within_loop(stmt, lambda: self.iterate(ref, trip, counted, stmt))
        self.otherwise(stmt, broke)

    def asking(
        self, node: ast.For, there: Callable[[], Atom], trip: Callable[[Var | None], None], *, told: bool = False
    ) -> Atom:
        """A `for` that asks before each trip whether there is another one; `told`: whether it was left matters."""
        self.frame.tells_break = self.frame.tells_break or told
        loop = self.described(node, None, "", there, trip)
        return self.loop(replace(loop, with_else=loop.with_else or told))

    def within_loop(self, stmt: ast.For | ast.While, action: Callable[[], Atom]) -> Atom:
        """Read a loop: what is live where its exits go counts as live inside."""
        frame = self.frame
        live, leaving, outside, tells = frame.live, frame.leaving, frame.leaving_outside, frame.tells_break
        frame.tells_break = asks_break(stmt)
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
        changed = [n.target for n in inside(stmt.body) if isinstance(n, ast.AugAssign)]
        augmented = {t.id for t in changed if isinstance(t, ast.Name)}
        plain: set[str] = set()
        grown: set[str] = set()
        written: set[str] = set(augmented)
        for node in inside(stmt.body):
            match node:
                case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()):
                    written.add(name)
                case ast.Assign(targets=goals):
                    plain.update(n for g in goals for n in targets(g))
                case ast.AnnAssign(target=goal) | ast.NamedExpr(target=goal) | ast.For(target=goal):
                    plain.update(targets(goal))
                case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                    plain.add(name)
                case ast.Call(func=ast.Attribute(value=owner, attr=attr)) if attr in _GROWING:
                    grown.update(side.id for side in _either(owner) if isinstance(side, ast.Name))
        env = self.frame.env
        grown |= {n for n in augmented if isinstance(env.get(n), ListRef)}
        scalars = {n for n in augmented if not isinstance(env.get(n), (View, ListRef, DictRef))}
        bits = self.frame.scope.liveness.bits
        # What a handler or a `finally` around reads it may read behind any trip, or in the middle of one.
        pending = self.frame.pending
        head, out = self.frame.scope.liveness.head[id(stmt)] | pending, self.frame.live | self.frame.leaving_outside | pending
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
            asks_break(stmt),
            written - plain,
        )

    def while_loop(self, stmt: ast.While) -> None:
        """`while`"""
        forever = isinstance(stmt.test, ast.Constant) and bool(stmt.test.value)
        doing = (ast.NamedExpr, ast.Call, ast.ListComp, ast.GeneratorExp, ast.Attribute)  # an attribute may be a property
        plain = not any(isinstance(n, doing) for n in descend(stmt.test))
        stmts = stmt.body

        def cond() -> Atom:
            if forever or not simple:
                return TRUE
            return self.tested(stmt.test)

        def body(index: Var | None) -> None:
            if forever or simple:
                self.block(stmts)
                return
            test = self.protected(lambda: self.tested(stmt.test), stmt.test, assigned([stmt.test]))
            self.where_reached(lambda _: self.stop_unless(test, stmt), [])

        simple = not self.catching and (plain or self.is_pure(stmt.test))
        broke = self.within_loop(stmt, lambda: self.loop(self.described(stmt, None, "", cond, body)))
        if forever and not breaks(stmts):
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
        pure = not any(isinstance(n, (ast.NamedExpr,)) for n in descend(node))
        mark = len(self.builder.body)
        if pure:
            try:
                self.tested(node)
            except (Refusal, Unreached):
                pure = False
            added = self.builder.body[mark:]
            every = [t for s in added for t in (s, *(x for r in regions(s) for x in statements(r)))]
            pure = pure and not any(isinstance(s, Let) and s.op in EXTERNAL for s in every)
            pure = pure and all(entry.heap.get(s) is c for s, c in self.heap.items() if s in entry.heap or s.param)
            loads = [s for s in added if isinstance(s, Let) and s.op == "load"]
            self.builder.body[mark:] = loads
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

        a = self.region(entry, self.supposing(test, True, lambda: self.block(stmt.body)))
        b = self.region(entry, stop)
        self.restore(entry)
        self.place = place
        self.meet(test, a, b, entry)
