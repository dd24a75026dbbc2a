"""What runs on every way out of a block: `finally`, and the contexts of `with` that only say how errors are reported."""

from __future__ import annotations

import ast

from adtransform.ir import Const
from adtransform.read.frames import DEAD, EXIT, FALSE, RETURNED, STOP, VALUE
from adtransform.read.loops import BROKE
from adtransform.read.matching import Matching
from adtransform.read.refs import External, Ref

# Contexts that leave the values as they are.
_QUIET = frozenset(("numpy.errstate", "numpy.printoptions", "warnings.catch_warnings"))
_OPENED = "only np.errstate, warnings.catch_warnings and nullcontext are read; do the rest outside"


class Unwinding(Matching):
    """Reading `try` with `finally`, and `with`."""

    def try_finally(self, stmt: ast.Try) -> None:
        """`try: ... finally: ...`: the last block is read after the first, whichever way that was left."""
        frame = self.frame
        outer, live = frame.pending, frame.live
        frame.pending |= frame.scope.liveness.entry[id(stmt)]
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

    def with_block(self, stmt: ast.With) -> None:
        """`with np.errstate(...)`: the block alone, as it does not depend on how NumPy reports."""
        for item in stmt.items:
            held = self.entered(item.context_expr, stmt)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, held, stmt, isinstance(item.context_expr, ast.Name))
        self.block(stmt.body)

    def entered(self, node: ast.expr, stmt: ast.With) -> Ref:
        """What a context gives when it is entered."""
        ref = self.expression(node.func) if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Call) and isinstance(ref, External):
            if ref.op in _QUIET:
                return Const(None)
            if ref.op == "contextlib.nullcontext":
                return self.expression(node.args[0]) if node.args else Const(None)
            if ref.op == "contextlib.suppress":
                self.refuse(self.keyword(stmt), "`with suppress(...)`", "test before what may raise: if b != 0")
        self.refuse(self.keyword(stmt), "`with`", _OPENED)

    # What other parts provide.

    def assign(self, goal: ast.expr, ref: Ref, stmt: ast.stmt, from_name: bool) -> None:
        """Assign to a target of any form."""
        raise NotImplementedError

    def keyword(self, stmt: ast.stmt) -> ast.AST:
        """A node that spans just the first word of a statement."""
        raise NotImplementedError
