"""Branches, and what follows an exit that may have been taken."""

from __future__ import annotations

import ast
from collections.abc import Callable

from adtransform.ir import Atom, Const, Var
from adtransform.read.core import Opened, State
from adtransform.read.frames import BROKE, DEAD, EXIT, FALSE, RETURNED, STOP, TRUE, VALUE
from adtransform.read.streams import Streams


class Branches(Streams):
    """Reading branches."""

    def fork(
        self, cond: Atom, then: Callable[[], None], orelse: Callable[[], None], rest: list[ast.stmt], stmt: ast.stmt
    ) -> bool:
        """Two branches; gives whether the rest of the block was read into one of them."""
        live = self.frame.live
        if isinstance(cond, Const):
            (then if cond.value else orelse)()
            self.frame.live = live
            return False
        place = self.place = self.origin(stmt)
        entry = self.save()
        a = self.region(entry, self.supposing(cond, True, then))
        self.frame.live = live  # and not what the last statement there has left
        b = self.region(entry, self.supposing(cond, False, orelse))
        self.place = place
        return self.forked(cond, a, b, rest, entry, live)

    def forked(self, cond: Atom, a: Opened, b: Opened, rest: list[ast.stmt], entry: State, live: int) -> bool:
        """Close two branches, after the rest of the block was read into one of them if the other has left it."""
        place = self.place
        consumed = False
        out_a, out_b = (o.state.env.get(EXIT) == TRUE or DEAD in o.state.env for o in (a, b))
        real_a, real_b = (o.state.env.get(EXIT) == TRUE for o in (a, b))
        if rest and out_a != out_b and (real_a or real_b):
            consumed = True
            live = self.frame.live = self.frame.scope.liveness.after[id(rest[-1])]
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

        a = self.region(entry, self.supposing(flag, True, left))
        b = self.region(entry, self.supposing(flag, False, stayed))
        self.restore(entry)
        self.place, self.frame.live = place, live
        self.meet(flag, a, b, entry)

    def unless_left(self, stmts: list[ast.stmt]) -> None:
        """Read statements where the block before them has not been left."""
        self.where_reached(lambda _: self.block(stmts), [])

    def where_reached(self, action: Callable[[list[ast.stmt]], object], rest: list[ast.stmt]) -> bool:
        """Perform an action where the block has not been left; it may read the `rest` of that, and says whether it has."""
        flag = self.frame.flag(EXIT)
        if isinstance(flag, Var):
            self.guarded(flag, lambda: void(action([])))
            return False
        return not flag.value and DEAD not in self.frame.env and bool(action(rest))


def void(_: object) -> None:
    """Nothing, whatever is given."""
