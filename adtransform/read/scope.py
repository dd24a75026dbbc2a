"""Names before reading: which are local to a function, and after which statements each is still going to be read."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator

from adtransform.read.endings import Ending, apart, ending
from adtransform.read.firsts import asks_first, called, first, names_for
from adtransform.source import Definition, children, descend

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_OWN_SCOPE = (*_FUNCTIONS, ast.ClassDef)
_PLAIN = (ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.BinOp, ast.UnaryOp)  # the same when written again
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def title(decorator: ast.expr) -> str:
    """The name of what decorates: `grad` of `@ad.grad(wrt=0)`."""
    head = decorator.func if isinstance(decorator, ast.Call) else decorator
    return head.attr if isinstance(head, ast.Attribute) else head.id if isinstance(head, ast.Name) else ""


def inside(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Nodes and what they contain, nested functions and classes left out (but given themselves)."""
    todo = list(nodes)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, _OWN_SCOPE):
            todo += children(node)


def own_nodes(function: Definition) -> tuple[ast.AST, ...]:
    """The nodes in the body of a function, those of functions inside left out; noted at the function."""
    noted: tuple[ast.AST, ...] | None = function.__dict__.get("_own_nodes")
    if noted is None:
        body: list[ast.AST] = [*function.body] if isinstance(function, ast.FunctionDef) else [function.body]
        noted = function.__dict__["_own_nodes"] = tuple(inside(body))
    return noted


def names_in(function: Definition) -> frozenset[str]:
    """The names in a function and the functions inside; noted at the function."""
    noted: frozenset[str] | None = function.__dict__.get("_names_in")
    if noted is None:
        found = frozenset([n.id for n in descend(function) if isinstance(n, ast.Name)])
        noted = function.__dict__["_names_in"] = found
    return noted


def bound_once(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """The names that one statement among the nodes of a function binds, and no loop."""
    seen: set[str] = set()
    again: set[str] = set()
    for node in nodes:
        if isinstance(node, (ast.For, ast.While)):
            again |= assigned([node])
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            (again if node.id in seen else seen).add(node.id)
    return frozenset(seen - again)


def is_read(body: Iterable[ast.AST], name: str) -> bool:
    """Whether a name is read anywhere, in functions inside too."""
    reads = (n for node in body for n in descend(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))
    return any(n.id == name for n in reads)


def is_read_once(body: Iterable[ast.AST], name: str, *, given: bool = False) -> bool:
    """Whether a name is read in one place only, or nowhere, and in all loops that bind it in the very trip that binds it.

    `given`: it is bound before all of this.
    """
    read: list[list[ast.AST]] = []
    bound: list[list[ast.AST]] = [[]] if given else []

    def visit(node: ast.AST, loops: list[ast.AST]) -> None:
        if isinstance(node, ast.Name) and node.id == name:
            (read if isinstance(node.ctx, ast.Load) else bound).append(loops)
        around = [*loops, node] if isinstance(node, (ast.For, ast.While, *_COMPREHENSIONS, *_FUNCTIONS)) else loops
        head = node.generators[0] if isinstance(node, _COMPREHENSIONS) else node
        first = head.iter if isinstance(head, (ast.For, ast.comprehension)) else None
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.comprehension):
                for inner in ast.iter_child_nodes(child):
                    visit(inner, loops if inner is first else around)
            else:
                visit(child, loops if child is first else around)

    for node in body:
        visit(node, [])
    return not read or len(read) == 1 and all(loops[: len(read[0])] == read[0] for loops in bound)


def is_read_next(body: list[ast.stmt], stmt: ast.stmt, name: str) -> bool:
    """Whether what follows a statement reads a name before anything else: runs over it, or gives it to a function.

    Names that are bound to constants in between do not count.
    """
    inner = (getattr(node, part, []) for node in inside(body) for part in ("body", "orelse", "finalbody"))
    block = next((b for b in (body, *inner) if isinstance(b, list) and stmt in b), [])
    return is_read_first(block[block.index(stmt) + 1 :] if block else [], name)


def is_read_first(body: Iterable[ast.AST], name: str) -> bool:
    """The same of what these statements, or an expression, do."""
    for node in body:
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Assign(targets=[ast.Name(), *_], value=ast.Constant()):
                continue
        return _reads_first(node, name)
    return False


def _reads_first(node: ast.AST | None, name: str) -> bool:
    """Whether a name is the first thing that a statement or an expression reads, the name of a function left out."""
    match node:
        case ast.Name(id=found):
            return found == name
        case ast.For(iter=first) | ast.BinOp(left=first) | ast.Call(func=ast.Name(), args=[first, *_]):
            return _reads_first(first, name)
        case ast.Return(value=first) | ast.Expr(value=first) | ast.Assign(targets=[ast.Name()], value=first):
            return _reads_first(first, name)
    return False


def is_exchange(targets: list[ast.expr], values: list[ast.expr]) -> bool:
    """Whether assignments put items in the places of one another: `a[i], a[j] = a[j], a[i]`."""
    places = [t for t in targets if isinstance(t, ast.Subscript)]
    plain = all(isinstance(n, _PLAIN) for t in places for n in _parts(t))
    where, what = (sorted(ast.unparse(e) for e in side) for side in (targets, values))
    return plain and len(places) == len(targets) == len(set(where)) > 1 and where == what


def exchanged(stmts: list[ast.stmt]) -> int:
    """How many of these statements, from the first one on, exchange items: one with tuples, or three through a name."""
    match stmts:
        case [ast.Assign(targets=[ast.Tuple(elts=goals)], value=ast.Tuple(elts=values)), *_]:
            return int(is_exchange(goals, values))
        case [
            ast.Assign(targets=[ast.Name(id=kept)], value=first),
            ast.Assign(targets=[one], value=second),
            ast.Assign(targets=[other], value=ast.Name(id=given)),
            *_,
        ] if kept == given and not any(isinstance(n, ast.Name) and n.id == kept for t in (one, other) for n in descend(t)):
            return 3 * is_exchange([one, other], [first, second])
    return 0


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    """The expressions in an expression."""
    return (n for n in descend(node) if isinstance(n, ast.expr))


def targets(target: ast.expr) -> Iterator[str]:
    """The names that an assignment to `target` binds."""
    match target:
        case ast.Name(id=name):
            yield name
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from targets(part)
        case ast.Starred(value=part):
            yield from targets(part)


def assigned(nodes: Iterable[ast.AST]) -> set[str]:
    """The names bound anywhere in these statements, in their own scope."""
    nodes = list(nodes)
    return _bound(list(inside(nodes)), nodes)


def _bound(every: Iterable[ast.AST], nodes: list[ast.AST]) -> set[str]:
    """The names bound by some nodes and what is inside of them (`every`)."""
    found: set[str] = set()
    local: set[str] = set()
    for node in every:
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                found.add(node.id)
            continue
        if isinstance(node, ast.expr) and not isinstance(node, _COMPREHENSIONS):
            continue
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                found.update((a.asname or a.name).split(".")[0] for a in aliases)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                found.add(name)
            case ast.MatchMapping(rest=str(name)):
                found.add(name)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                local.update(n for g in node.generators for n in targets(g.target))
    if local:
        # The targets of a comprehension are its own, unless the name is bound outside of one as well.
        found -= local - _outside(nodes)
    return found


def _outside(nodes: Iterable[ast.AST]) -> set[str]:
    found: set[str] = set()
    todo = list(nodes)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.NamedExpr):
            found.update(targets(node.target))
        if isinstance(node, _COMPREHENSIONS):
            todo.extend(n for n in descend(node) if isinstance(n, ast.NamedExpr))
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        if not isinstance(node, _OWN_SCOPE):
            todo += children(node)
    return found


def breaks(stmts: Iterable[ast.stmt]) -> bool:
    """Whether a loop with this body may be left by `break`."""
    todo: list[ast.AST] = list(stmts)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Break):
            return True
        if isinstance(node, (ast.For, ast.While)):
            todo.extend(node.orelse)
        elif not isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            todo.extend(children(node))
    return False


def parameters(node: Definition) -> list[ast.arg]:
    """All parameters in the order of the signature."""
    a = node.args
    return [*a.posonlyargs, *a.args, *([a.vararg] if a.vararg else []), *a.kwonlyargs, *([a.kwarg] if a.kwarg else [])]


def body_of(node: Definition) -> list[ast.stmt]:
    """The statements of a function; a lambda returns its body.

    One that returns something on some paths and falls off its end on others says `return None` there.
    """
    if not isinstance(node, ast.FunctionDef):
        return [ast.copy_location(ast.Return(node.body), node.body)]
    last = node.body[-1]
    if isinstance(last, (ast.If, ast.For, ast.While, ast.Try, ast.Match)):
        if any(isinstance(n, ast.Return) and n.value is not None for n in own_nodes(node)):
            return [*node.body, ast.copy_location(ast.Return(None), last)]
    return node.body


def local_names(node: Definition) -> frozenset[str]:
    """The names local to a function."""
    body: list[ast.AST] = [*node.body] if isinstance(node, ast.FunctionDef) else [node.body]
    every = own_nodes(node)
    outer = {n for s in every if isinstance(s, (ast.Global, ast.Nonlocal)) for n in s.names}
    return frozenset({a.arg for a in parameters(node)} | _bound(every, body)) - outer


def free_names(node: Definition) -> set[str]:
    """The names that a function, or one defined in it, reads when it is called and does not bind."""
    body = node.body if isinstance(node, ast.FunctionDef) else [node.body]
    return {n.id for part in body for n in descend(part) if isinstance(n, ast.Name)} - local_names(node)


def exits(nodes: Iterable[ast.AST]) -> bool:
    """Whether control may leave these statements: a `return`, or a `break` or `continue` of a loop around them."""
    for node in nodes:
        match node:
            case ast.Return() | ast.Break() | ast.Continue():
                return True
            case ast.For() | ast.While():
                if any(isinstance(n, ast.Return) for n in inside(node.body)) or exits(node.orelse):
                    return True
            case ast.stmt() | ast.ExceptHandler() | ast.match_case() if not isinstance(node, _OWN_SCOPE):
                if exits(c for c in children(node) if not isinstance(c, ast.expr)):
                    return True
    return False


Mask = int


class Liveness:
    """Sets of names as bit masks: `after[stmt]`, `head[loop]` where a loop's next trip begins, and `leave[loop]` after it."""

    def __init__(self, node: Definition, text: Definition, names: Iterable[str], body: list[ast.stmt]) -> None:
        """`text`: the function as it is read, `body` its statements."""
        self.bits = {name: 1 << i for i, name in enumerate(sorted(names))}
        self.node = node
        self.after: dict[int, Mask] = {}
        self.head: dict[int, Mask] = {}
        self.entry: dict[int, Mask] = {}  # before the `finally` of a `try`
        self.apart: dict[int, ast.With] = {}  # those of several contexts, one inside of the other
        self.ends: dict[int, Ending] = {}
        self.firsts: dict[int, tuple[str, list[ast.stmt]]] = {}  # what is called first, and what stands for the statement
        self.caught: dict[int, Mask] = {}  # before its handlers, or behind a `with` that may suppress an exception
        self.pinned = 0
        self._loops: list[tuple[Mask, Mask]] = []  # live at break, live at continue
        self._uses: dict[int, Mask] = {}
        for inner in own_nodes(text):
            kept = isinstance(inner, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and isinstance(inner.value, ast.GeneratorExp)
            if kept or isinstance(inner, _OWN_SCOPE):
                self.pinned |= self.mask(n.id for n in descend(inner) if isinstance(n, ast.Name))
        self.block(body, self.pinned)

    @functools.cached_property
    def taken(self) -> set[str]:
        """The names in the function."""
        return set(names_in(self.node))

    def mask(self, names: Iterable[str]) -> Mask:
        """Names as a mask."""
        found = 0
        for name in names:
            found |= self.bits.get(name, 0)
        return found

    def uses(self, *nodes: ast.AST | None) -> Mask:
        """The names that expressions read."""
        found = 0
        for node in nodes:
            if node is None:
                continue
            if id(node) not in self._uses:
                self._uses[id(node)] = self.mask([n.id for n in descend(node) if isinstance(n, ast.Name) and not _stored(n)])
            found |= self._uses[id(node)]
        return found

    def block(self, stmts: list[ast.stmt], out: Mask) -> Mask:
        """What is live before these statements when `out` is after them."""
        for stmt in reversed(stmts):
            self.after[id(stmt)] = self.after.get(id(stmt), 0) | out
            out = self.before(stmt, out) | self.pinned
        return out

    def also(self, stmts: list[ast.stmt], names: Iterable[str], stmt: ast.stmt) -> None:
        """Find the same for statements that are read in the place of one, with more names."""
        if id(stmts[0]) not in self.after:
            for name in names:
                self.bits.setdefault(name, 1 << len(self.bits))
            self._uses.clear()
            self.block(stmts, self.after[id(stmt)])

    def before(self, stmt: ast.stmt, out: Mask) -> Mask:
        """What is live before a statement."""
        match stmt:
            case ast.Raise():
                return self.uses(stmt.exc, stmt.cause)
            case ast.Break() | ast.Continue():
                return self._loops[-1][isinstance(stmt, ast.Continue)] if self._loops else out
            case ast.If() | ast.Assign() | ast.Return() if (call := asks_first(stmt)) is not None:
                if id(stmt) not in self.firsts:
                    names = names_for(call, self.taken)
                    self.taken.update(names)
                    self.bits.update({name: 1 << len(self.bits) + i for i, name in enumerate(names)})
                    self.firsts[id(stmt)] = called(call), first(stmt, call, *names)
                asked = self.uses(stmt.test) if isinstance(stmt, ast.If) else self.plainly(stmt, out)
                return self.block(self.firsts[id(stmt)][1], out) | asked
            case ast.If(test=test):
                return self.uses(test) | self.block(stmt.body, out) | self.block(stmt.orelse, out)
            case ast.For() | ast.While():
                return self.loop(stmt, out)
            case ast.Try():
                late = self.block(stmt.finalbody, out)
                self.entry[id(stmt)] = late
                caught = functools.reduce(lambda m, h: m | self.block(h.body, late), stmt.handlers, 0)
                self.caught[id(stmt)] = caught | self.pinned
                caught |= late if stmt.finalbody else 0
                return self.block(stmt.body, self.block(stmt.orelse, late) | caught) | caught
            case ast.With(items=[_, _, *_]):
                if id(stmt) not in self.apart:
                    self.apart[id(stmt)] = apart(stmt)
                return self.before(self.apart[id(stmt)], out)
            case ast.With(items=[item]):
                if id(stmt) not in self.ends:
                    self.ends[id(stmt)] = ending(stmt)
                end = self.ends[id(stmt)]
                kills = self.mask(targets(item.optional_vars) if item.optional_vars else ())
                self.caught[id(stmt)] = out | self.pinned  # in case it suppresses an exception
                inner = out | self.before(end.block, out) | self.block(end.failing, out)
                return self.uses(item.context_expr) | (inner & ~kills)
            case ast.Match(subject=subject, cases=cases):
                inner = out
                for case in cases:
                    kills = self.mask(assigned([case.pattern]))
                    inner |= self.uses(case.guard, case.pattern) | (self.block(case.body, out) & ~kills)
                return self.uses(subject) | inner
            case _:
                return self.plainly(stmt, out)

    def plainly(self, stmt: ast.stmt, out: Mask) -> Mask:
        """The same for a statement that is read as it stands."""
        match stmt:
            case ast.Return(value=value):
                return self.uses(value)
            case ast.Assign(targets=goals, value=value):
                kills = self.mask(n for t in goals for n in targets(t))
                return (out & ~kills) | self.uses(value) | self.uses(*goals)
            case ast.AnnAssign(target=goal, value=value) if value is not None:
                return (out & ~self.mask(targets(goal))) | self.uses(value, goal)
            case ast.AugAssign(target=goal, value=value):
                return out | self.uses(value, goal) | self.mask(targets(goal))
            case ast.FunctionDef() | ast.ClassDef():
                return out
        return out | self.uses(stmt)

    def loop(self, stmt: ast.For | ast.While, out: Mask) -> Mask:
        """A loop: its body runs before itself, so it is passed again until nothing new is live where a trip begins.

        What an earlier visit found is where the next one begins: inside of other loops one pass will mostly do.
        """
        done = self.block(stmt.orelse, out)
        test = self.uses(stmt.test) if isinstance(stmt, ast.While) else 0
        kills = self.mask(targets(stmt.target)) if isinstance(stmt, ast.For) else 0
        head, before = self.head.get(id(stmt), 0) | done | test, None
        while head != before:
            before = head
            self._loops.append((out, head))
            head |= self.block(stmt.body, head) & ~kills
            self._loops.pop()
        self.head[id(stmt)] = head
        return head | (self.uses(stmt.iter, stmt.target) if isinstance(stmt, ast.For) else 0)


def _stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def asks_break(stmt: ast.For | ast.While) -> bool:
    """Whether it matters if a loop is left by `break`: for its `else`, or as `zip(..., strict=True)` raises at its end."""
    head = ast.walk(stmt.iter) if isinstance(stmt, ast.For) else ()
    return bool(stmt.orelse) or any(isinstance(n, ast.keyword) and n.arg == "strict" for n in head)
