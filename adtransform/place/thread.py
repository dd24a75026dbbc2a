"""From regions that yield flags back to exits: `break`, `continue`, early `return`.

stop, x2 = if c: (yield True, x1) else: (... yield False, x1)         if c:
yield stop, x2                                              becomes       break
                                                                      ...
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from adtransform.ir import UNDEFINED, Atom, Const, For, Function, If, Let, Region, Stmt, Try, Var, While, is_temporary
from adtransform.ops import DEEP
from adtransform.place.gather import flattened, gather
from adtransform.place.paths import After, Fall, Jump, Leave, Next, Return, leaves, leaving, says_return, through, yielded
from adtransform.place.program import (
    Attempt,
    Bind,
    Branch,
    Clause,
    Copy,
    Exit,
    Loop,
    Node,
    Operand,
    Program,
    Tree,
    completes,
    label,
    negated,
)
from adtransform.rewrite import statements, used

_TRUE, _FALSE = Const(True), Const(False)
_FLAGS = frozenset("returned broke exit stop".split())  # the reader's names for them


def thread(f: Function, *, listing: bool = False) -> Program:
    """The statements of `f` with its exits.

    Outside of a `listing`, parameters are bound at entry and a temporary that only gets a name is called by that name.
    """
    return Program(f, _Threader(f, listing).run())


class _Env:
    """What stands for a variable here; scopes are chained, the innermost first."""

    __slots__ = ("own", "up")

    def __init__(self, up: _Env | None = None, own: dict[Var, Operand] | None = None) -> None:
        self.up = up
        self.own = {} if own is None else own

    def __call__(self, a: Atom) -> Operand:
        found: Operand = a
        while isinstance(found, Var):
            scope: _Env | None = self
            while scope is not None and found not in scope.own:
                scope = scope.up
            if scope is None:
                return found
            found = scope.own[found]
        return found


class _Threader:
    def __init__(self, f: Function, listing: bool) -> None:
        self.f = f
        self.listing = listing
        self.entry: list[Node] = []
        self.used: Counter[Var] = Counter()
        self.flags = _flags(f)
        # What the exception is called that a `raise` comes from, by the flag of the `Try` that caught it.
        raised = (s for s in statements(f.body) if isinstance(s, Let) and s.op == "raise")
        causes = dict.fromkeys(self.flag(a) for s in raised for _, a in s.kwargs if isinstance(a, Var))
        self.errors: dict[Atom, Var] = {flag: Var(hint="error") for flag in causes}
        self.used.update(used(f.body))

    def flag(self, a: Atom) -> Atom:
        """The flag that a `Try` itself sets, of one that hands it out."""
        while a in self.flags:
            a = self.flags[a]
        return a

    def run(self) -> list[Node]:
        if self.listing:
            # No path returns there: the results are bound to variables.
            env = _Env()
            nodes = self.block(self.f.body.body, (), Fall(()), env)
            return [*nodes, Exit("return", tuple(env(r) for r in self.f.results))]
        body, results = list(self.f.body.body), self.f.results
        packs: dict[Atom, tuple[Atom, ...]] = {}
        while body:
            last = body[-1]
            if not (isinstance(last, Let) and last.op == "pack" and last.args):
                break
            packs[last.targets[0]] = last.args
            body.pop()
        flat = tuple(a for r in results for a in packs.get(r, (r,)))
        after = Return(tuple(len(packs.get(r, ())) for r in results))
        nodes = self.block(body, flat, after, _Env())
        gather(nodes)
        return self.entry + nodes

    def block(self, body: Sequence[Stmt], results: tuple[Atom, ...], after: After, env: _Env) -> list[Node]:
        nodes: list[Node] = []
        end = len(body)
        flagged = self._flagged(body, results, after)
        if flagged:
            end -= 2
        elif body and isinstance(body[-1], If) and self._pushes(body, results, after):
            end -= 1
        for stmt in body[:end]:
            self.stmt(stmt, env, nodes)
        if flagged:
            self.thread(body[end], body[end + 1], results, after, env, nodes)  # type: ignore[arg-type]
        elif end < len(body):
            self.split(body[end], results, after, env, nodes)  # type: ignore[arg-type]
        elif completes(nodes):
            nodes += self.leaf(results, after, env)
        return nodes

    def leaf(self, results: tuple[Atom, ...], after: After, env: _Env) -> list[Node]:
        """The end of a path."""
        values = tuple(env(r) for r in results)
        match after:
            case Return():
                return [Exit("return", after.values(values))]
            case Fall(targets):
                return self.copies(zip(targets, values, strict=True))
            case Jump(targets, flag, sides):
                leave = sides[bool(results[flag].value)]  # type: ignore[union-attr]
                if leave is not None:
                    return self.leave(leave, values, env)
                return self.copies((t, v) for i, (t, v) in enumerate(zip(targets, values, strict=True)) if i != flag)
            case Next():
                return self.next(values, after, env)

    def next(self, values: tuple[Operand, ...], after: Next, env: _Env) -> list[Node]:
        stop, loop = values[0], after.loop
        if stop == _TRUE and after.flag is not None and values[after.flag] == _TRUE:
            assert after.leave is not None
            return self.leave(after.leave, values[1:], env)
        carried = [(i, v) for i, v in enumerate(values[1:]) if i + 1 != after.flag]
        if stop == _TRUE:
            targets = {p: q for q, p in loop.exits}
            return [*self.copies((targets[loop.phis[i]], v) for i, v in carried), Exit("break")]
        nodes = self.copies(((loop.phis[i], v) for i, v in carried), loop)
        if stop != _FALSE:
            # Where the carried variables take these values over, both copies vanish and the test can come first.
            simple = not self.listing and all(isinstance(v, Var) and label(v) in ("", label(loop.phis[i])) for i, v in carried)
            ends = [(loop.exits[i][0], v if simple else loop.phis[i]) for i, v in carried]
            test = Branch(stop, [*self.copies(ends), Exit("break")], [])
            nodes = [test, *nodes] if simple else [*nodes, test]
        if after.explicit:
            nodes.append(Exit("continue"))
        return nodes

    def leave(self, leave: Leave, values: tuple[Operand, ...], env: _Env) -> list[Node]:
        scope = _Env(env, dict(zip(leave.targets, values, strict=True)))
        return self.block(leave.region.body, leave.region.results, leave.after, scope)

    def copies(self, pairs: Iterable[tuple[Var, Operand]], back: Loop | None = None) -> list[Node]:
        kept = [(t, v) for t, v in pairs if t is not v and self.used[t]]
        return [Copy(kept, back)] if kept else []

    def split(self, stmt: If, results: tuple[Atom, ...], after: After, env: _Env, nodes: list[Node]) -> None:
        """An `if` at the end of a block, with what follows moved to the ends of its branches."""
        sides = [self.block(side.body, through(stmt, side, results), after, _Env(env)) for side in (stmt.then, stmt.orelse)]
        branch(env(stmt.cond), sides[0], sides[1], stmt, nodes)

    def stmt(self, stmt: Stmt, env: _Env, nodes: list[Node]) -> None:
        match stmt:
            case Let():
                self.let(stmt, env, nodes)
            case If():
                after = Fall(stmt.targets)
                sides = [self.block(side.body, side.results, after, _Env(env)) for side in (stmt.then, stmt.orelse)]
                branch(env(stmt.cond), sides[0], sides[1], stmt, nodes)
            case Try():
                body = self.block(stmt.body.body, stmt.body.results, Fall(stmt.targets), _Env(env))
                failed = stmt.targets[0]
                caught = self.copies([(failed, _TRUE), *((t, UNDEFINED) for t in stmt.targets[1:])])
                if failed in self.errors:
                    caught.insert(0, Bind((self.errors[failed],), Tree("caught"), stmt.origin))
                nodes.append(flattened(Attempt(body, [Clause(stmt.caught, caught, failed)], [], stmt.origin)))
            case For() | While():
                self.loop(stmt, env, nodes)

    def let(self, stmt: Let, env: _Env, nodes: list[Node]) -> None:
        tree = Tree(
            stmt.op,
            tuple([env(a) for a in stmt.args]),
            tuple([(k, env(a)) for k, a in stmt.kwargs]) if stmt.kwargs else (),
            stmt.targets[0].type if stmt.targets else Var().type,
            stmt.origin,
        )
        if stmt.op == "raise":
            tree = replace(tree, kwargs=tuple((k, self.errors.get(self.flag(a), a)) for k, a in stmt.kwargs))
        elif stmt.op == "reraise":
            tree = replace(tree, args=(Const(self.flag(stmt.args[0])),))
        bind = Bind(stmt.targets, tree, stmt.origin, stmt)
        if stmt.op == "load" and not self.listing:
            self.entry.append(bind)
        elif stmt.op in ("zeros", "assign") and tree.args[0] == UNDEFINED:
            env.own[stmt.targets[0]] = UNDEFINED
        elif stmt.op in ("slice", "tuple") or self._is_literal(stmt):
            env.own[stmt.targets[0]] = tree
        elif self._names(bind, nodes):
            last = nodes[-1]
            assert isinstance(last, Bind) and isinstance(tree.args[0], Var)
            env.own[tree.args[0]] = stmt.targets[0]
            last.targets = stmt.targets
            last.origin = stmt.origin or last.origin
        else:
            nodes.append(bind)

    def _is_literal(self, stmt: Let) -> bool:
        negative = stmt.op == "operator.neg" and isinstance(stmt.args[0], Const)
        return negative and is_temporary(stmt.targets[0]) and not self.listing

    def _names(self, bind: Bind, nodes: list[Node]) -> bool:
        """Whether an assignment only names the temporary computed right before it."""
        if self.listing or bind.tree.op != "assign" or not nodes:
            return False
        last, value = nodes[-1], bind.tree.args[0]
        return (
            isinstance(last, Bind)
            and len(last.targets) == 1
            and last.targets[0] is value
            and is_temporary(last.targets[0])
            and last.tree.op not in ("load", "update", "push", "exchange", "accumulate", "accumulate_at", *DEEP)
        )

    def loop(
        self, stmt: For | While, env: _Env, nodes: list[Node], flag: int | None = None, leave: Leave | None = None
    ) -> None:
        inner = _Env(env)
        loop = Loop(origin=stmt.origin)
        if isinstance(stmt, For):
            loop.index, *phis = stmt.body.params
            loop.bounds = tuple(env(a) for a in (stmt.start, stmt.stop, stmt.step))
        else:
            phis = list(stmt.body.params)
            inner.own.update(zip(stmt.cond.params, stmt.body.params, strict=True))
            for own, shared in zip(stmt.cond.params, stmt.body.params, strict=True):
                self.used[shared] += self.used[own]
        loop.phis = tuple(phis)
        loop.exits = tuple(zip(stmt.targets, phis, strict=True))
        for q, p in loop.exits:
            if self.used[q]:
                self.used[p] += 1
        live = [(p, env(a)) for i, (p, a) in enumerate(zip(phis, stmt.inits, strict=True)) if i != flag and self.used[p]]
        nodes += [Copy(live)] if live else []
        if flag is not None:
            inner.own[phis[flag]] = _FALSE
        if isinstance(stmt, While):
            for s in stmt.cond.body:
                self.stmt(s, inner, loop.header)
            loop.cond = inner(stmt.cond.results[0])
        position = None if flag is None else flag + 1
        loop.body = self.block(stmt.body.body, stmt.body.results, Next(loop, position, leave), inner)
        nodes.append(loop)

    def thread(
        self, first: If | For | While, second: If, results: tuple[Atom, ...], after: After, env: _Env, nodes: list[Node]
    ) -> None:
        """A statement that yields a flag, and the `if` that asks for it."""
        flag = first.targets.index(second.cond)
        yes, no = (
            Leave(Region((), side.body, through(second, side, results)), first.targets, after)
            for side in (second.then, second.orelse)
        )
        if not isinstance(first, If):
            self.loop(first, env, nodes, flag, yes)
            env.own[first.targets[flag]] = _FALSE
            nodes += self.block(no.region.body, no.region.results, after, env)
            return
        moved = self._moved(first, second, flag, results, after)
        sides: tuple[Leave | None, Leave | None] = (no, yes)
        if moved is not None:
            out = replace(yes if moved else no, after=replace(after, explicit=True) if isinstance(after, Next) else after)
            sides = (None, out) if moved else (out, None)
        rest = None if moved is None else no if moved else yes
        then, orelse = (
            self.block(side.body, side.results, Jump(first.targets, flag, sides), _Env(env))
            for side in (first.then, first.orelse)
        )
        branch(env(first.cond), then, orelse, first, nodes)
        if rest is not None:
            env.own[first.targets[flag]] = Const(rest is yes)
            nodes += self.block(rest.region.body, rest.region.results, after, env)

    def _flagged(self, body: Sequence[Stmt], results: tuple[Atom, ...], after: After) -> bool:
        """Whether a block ends in a statement that yields a flag and the `if` that asks for it."""
        if len(body) < 2 or not isinstance(body[-1], If) or isinstance(body[-2], (Let, Try)):
            return False
        first, second = body[-2], body[-1]
        if second.cond not in first.targets:
            return False
        flag = first.targets.index(second.cond)
        if not is_temporary(first.targets[flag]) and first.targets[flag].hint not in _FLAGS:
            return False
        if not isinstance(first, If):
            return self._returns(first, flag, second, results, after)
        flags = yielded(first, flag)
        if not all(f in (_TRUE, _FALSE) for f in flags):
            return False
        if isinstance(after, Fall):
            return flags.count(_TRUE) == flags.count(_FALSE) == 1
        return self._moved(first, second, flag, results, after) is not None

    def _moved(self, first: If, second: If, flag: int, results: tuple[Atom, ...], after: After) -> bool | None:
        """Which side of the second `if`, the one of a true or of a false flag, moves into the branches of the first.

        It has to end in an exit, for the other one is printed after the first `if`.  None: both move.
        """
        flags = yielded(first, flag)
        if not isinstance(after, Fall):
            for side, value in ((second.then, _TRUE), (second.orelse, _FALSE)):
                once = flags.count(value) == 1
                ends, plain = leaving(through(second, side, results), after)
                if isinstance(after, Next) or (ends and (plain or once)):
                    if not side.body or once:
                        return value == _TRUE
        return None

    def _returns(self, loop: For | While, flag: int, second: If, results: tuple[Atom, ...], after: After) -> bool:
        """Whether a loop sets the flag only to leave the function."""
        ends, plain = leaving(through(second, second.then, results), after)
        if not ends or loop.inits[flag] != _FALSE:
            return False
        param = loop.body.params[flag + (1 if isinstance(loop, For) else 0)]
        paths = list(leaves(loop.body))
        out = [leaf for leaf in paths if leaf[flag + 1] == _TRUE]
        return (
            all(leaf[0] == _TRUE for leaf in out)
            and all(leaf[flag + 1] in (_TRUE, _FALSE) or leaf[flag + 1] is param for leaf in paths)
            and (len(out) == 1 or (plain and not second.then.body))
        )

    def _pushes(self, body: Sequence[Stmt], results: tuple[Atom, ...], after: After) -> bool:
        """Whether what follows the last `if` of a block moves to the ends of its branches."""
        last = body[-1]
        assert isinstance(last, If)
        if not any(r in last.targets for r in results):
            return False
        match after:
            case Fall():
                return False
            case Jump(flag=flag):
                return results[flag] in last.targets
            case Next():
                return any(leaf[0] != _FALSE for leaf in leaves(Region((), tuple(body), results)))
            case Return():
                return self._is_early(last, results)

    def _is_early(self, last: If, results: tuple[Atom, ...]) -> bool:
        """Whether the branches of an `if` return values of their own, rather than versions of one variable."""
        if any(says_return(side) for side in (last.then, last.orelse)):
            return True
        for i, target in enumerate(last.targets):
            if target in results:
                ends = [leaf[i] for side in (last.then, last.orelse) for leaf in leaves(side)]
                names = {label(v) for v in ends if isinstance(v, Var)}
                if names - {label(target)} and not (len(names) == 1 and not label(target)):
                    return True
        return False


def _flags(f: Function) -> dict[Atom, Atom]:
    """What each target of a `Try` is inside of it, but for its own flag."""
    tries = (s for s in statements(f.body) if isinstance(s, Try))
    return {t: r for s in tries for t, r in zip(s.targets[1:], s.body.results[1:], strict=True) if isinstance(r, Var)}


def branch(cond: Operand, then: list[Node], orelse: list[Node], stmt: If, nodes: list[Node]) -> None:
    """Append an `if`; what follows a branch that never ends is not nested."""
    if not then and not orelse:
        return
    if orelse and not completes(then):
        nodes.append(Branch(cond, then, [], stmt.origin))
        nodes += orelse
    elif then and not completes(orelse):
        nodes.append(Branch(negated(cond), orelse, [], stmt.origin))
        nodes += then
    else:
        nodes.append(Branch(cond, then, orelse, stmt.origin))
