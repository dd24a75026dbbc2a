"""What can be looped over: as many items as are known while reading, or a length and an item at an index."""

from __future__ import annotations

import ast
from collections.abc import Callable

from adtransform.ir import Atom, Const, Var
from adtransform.lattice import INT, Array, Scalar, Static, Tuple, kind_of
from adtransform.read.frames import EXIT, FALSE, STOP, Frame
from adtransform.read.loops import BROKE, Loop, Loops
from adtransform.read.refs import Conflict, DictRef, Entries, Items, Lazy, ListRef, RangeRef, Ref, TupleRef, View
from adtransform.read.scope import assigned, targets

_UNROLL = 64


class Iteration(Loops):
    """Looping over things."""

    # What is known of an iterable.

    def known_items(self, ref: Ref, limit: int = 10**9) -> list[Ref] | None:
        """The items of an iterable, where it is known how many there are without running anything."""
        match ref:
            case TupleRef(items):
                return list(items)
            case ListRef(storage):
                content = self.content(storage)
                return list(content.refs) if isinstance(content, Items) else None
            case DictRef(storage):
                content = self.content(storage)
                return [Const(k) for k in content.refs] if isinstance(content, Entries) else None
            case RangeRef(Const(a), Const(b), Const(c)) if c != 0 and len(range(a, b, c)) <= min(limit, _UNROLL):
                return [Const(i) for i in range(a, b, c)]
            case Const(value) if isinstance(value, (tuple, str)):
                return [Const(v) for v in value]
            case Lazy("zip", parts):
                columns = [self.known_items(p, limit) for p in parts]
                if any(c is not None for c in columns) and all(c is not None for c in columns):
                    rows = zip(*(c for c in columns if c is not None), strict=False)
                    return [TupleRef(row) for row in rows]
                return None
            case Lazy("enumerate", parts, Const(start)):
                inner = self.known_items(parts[0], limit)
                return None if inner is None else [TupleRef((Const(start + i), r)) for i, r in enumerate(inner)]
            case Lazy("reversed", parts):
                inner = self.known_items(parts[0], limit)
                return None if inner is None else inner[::-1]
            case Var() | View():
                a = self.value(ref)
                t = self.type_of(a)
                if isinstance(t, Tuple):
                    return [self.indexed(ref, Const(i), ast.Pass()) if False else self.part(ref, i) for i in range(len(t.items))]
        return None

    def part(self, ref: Ref, i: int) -> Ref:
        """Item `i` of a value of tuple type."""
        assert self.place is not None
        a = self.value(ref)
        if isinstance(ref, View):
            from adtransform.read.refs import Step

            return self.through(ref, Step("index", (Const(i),)))
        return self.make(self.let("index", a, Const(i)))

    def known_length(self, ref: Ref) -> int | None:
        """How many items there are, where that is known."""
        match ref:
            case TupleRef(items):
                return len(items)
            case ListRef(storage) | DictRef(storage):
                content = self.content(storage)
                return len(content.refs) if isinstance(content, (Items, Entries)) else None
            case RangeRef(Const(a), Const(b), Const(c)) if c != 0:
                return len(range(a, b, c))
            case Const(value) if isinstance(value, (tuple, str)):
                return len(value)
        if isinstance(ref, (Var, View)):
            t = self.type_of(self.value(ref))
            if isinstance(t, Tuple):
                return len(t.items)
        return None

    def unpacked(self, ref: Ref, node: ast.AST) -> list[Ref]:
        """The items of something whose length is known."""
        items = self.known_items(ref)
        if items is None and isinstance(ref, (Lazy, RangeRef)):
            listed = self.as_list(ref, node)
            items = self.known_items(listed)
        if items is None and isinstance(ref, (Var, View)):
            t = self.type_of(self.value(ref, node))
            if isinstance(t, Array) and t.dims and isinstance(t.dims[0], int):
                return [self.indexed(ref, Const(i), node) for i in range(t.dims[0])]
        if items is None:
            self.refuse(node, "`*` of something of unknown length", "write the items one by one")
        return items

    def check_strict(self, args: list[Ref], node: ast.AST) -> None:
        """`zip(..., strict=True)`"""
        sizes = [self.length(a, node) for a in args]
        for size in sizes[1:]:
            if isinstance(size, Const) and size == sizes[0]:
                continue
            self.effect("assert", self.let("operator.eq", sizes[0], size), Const("zip() arguments have different lengths"))

    def length(self, ref: Ref, node: ast.AST) -> Atom:
        """The number of items as an operand."""
        known = self.known_length(ref)
        if known is not None:
            return Const(known)
        match ref:
            case RangeRef(Const(0), stop, Const(1)):
                return self.not_negative(stop)
            case RangeRef(start, stop, Const(1)):
                return self.not_negative(self.let("operator.sub", stop, start))
            case RangeRef(start, stop, step):
                # len(range(a, b, c)) == max(0, -((a - b) // c)) for either sign of c
                gap = self.let("operator.floordiv", self.let("operator.sub", start, stop), step)
                return self.not_negative(self.let("operator.neg", gap))
            case Lazy("zip", parts):
                sizes = [self.length(p, node) for p in parts]
                same = all(self.same_size(sizes[0], s) for s in sizes[1:])
                return sizes[0] if same else self.let("builtins.min", *sizes, type=INT)
            case Lazy("enumerate" | "reversed", parts):
                return self.length(parts[0], node)
        a = self.value(ref, node)
        if isinstance(a, Const):
            self.refuse(node, "a loop over a number", "loop over a range")
        return self.let("builtins.len", a)

    def same_size(self, a: Atom, b: Atom) -> bool:
        """Whether two lengths are known to be equal."""
        x, y = self.type_of(a), self.type_of(b)
        return a == b or (x == y and type(x) is not Scalar and kind_of(x) == "int")

    def not_negative(self, a: Atom) -> Atom:
        """`max(0, a)`, which a length is anyway."""
        known = self.static(a)
        if known is not None:
            return Const(max(0, known.value))
        let = self.definitions.get(a) if isinstance(a, Var) else None
        if let is not None and let.op in ("builtins.len", "size", "ndim"):
            return a
        if let is not None and let.op == "index" and isinstance(inner := let.args[0], Var):
            source = self.definitions.get(inner)
            if source is not None and source.op == "shape":
                return a
        return self.let("builtins.max", Const(0), a, type=INT)

    def item(self, ref: Ref, i: Atom, node: ast.AST) -> Ref:
        """The item at an index."""
        self.at(node)
        match ref:
            case RangeRef(start, stop, step):
                scaled = i if step == Const(1) else self.let("operator.mul", i, step)
                return scaled if start == Const(0) else self.let("operator.add", start, scaled)
            case Lazy("zip", parts):
                return TupleRef(tuple(self.item(p, i, node) for p in parts))
            case Lazy("enumerate", parts, start):
                count: Ref = i if start == Const(0) else self.let("operator.add", i, start)
                return TupleRef((count, self.item(parts[0], i, node)))
            case Lazy("reversed", parts):
                last = self.let("operator.sub", self.let("operator.sub", self.length(parts[0], node), Const(1)), i)
                return self.item(parts[0], last, node)
            case TupleRef(items):
                return self.indexed(self.fresh_list(items), i, node)
        return self.indexed(ref, i, node)

    def fresh_list(self, items: tuple[Ref, ...]) -> ListRef:
        """A list of known items."""
        return self.new_list(items)

    # Running over it.

    def iterate(self, ref: Ref, each: Callable[[Ref], None], loop: Callable[[tuple[Atom, Atom, Atom], Callable[[Var | None], None]], Atom], node: ast.AST) -> Atom:
        """Run over an iterable: item by item where they are known, as a counted loop otherwise; gives whether it was left."""
        items = self.known_items(ref, 8 if isinstance(ref, RangeRef) and not self.unrolls else 10**9)
        if items is not None and not (isinstance(ref, (RangeRef, Lazy)) and not self.must_unroll(ref)):
            return self.unrolled(items, each)
        match ref:
            case RangeRef(start, stop, step):
                return loop((start, stop, step), lambda i: each(self.index_ref(i)))
            case Lazy("reversed", (RangeRef(start, stop, Const(1)),)):
                self.at(node)
                last = self.less_one(stop)
                low = self.less_one(start)
                return loop((last, low, Const(-1)), lambda i: each(self.index_ref(i)))
            case Lazy("reversed", (inner,)):
                self.at(node)
                inner = self.materialised(inner, node)
                last = self.less_one(self.length(inner, node))
                return loop((last, Const(-1), Const(-1)), lambda i: each(self.item(inner, self.index_ref(i), node)))
            case Lazy("generator"):
                return self.generated(ref, each, node)
        ref = self.materialised(ref, node)
        self.at(node)
        count = self.length(ref, node)
        name = self.hide(ref)
        try:
            return loop((Const(0), count, Const(1)), lambda i: each(self.item(ref, self.index_ref(i), node)))
        finally:
            self.frame.env.pop(name, None)

    unrolls = False

    def must_unroll(self, ref: Ref) -> bool:
        """Whether what is iterated has items of different kinds, so that no counted loop can run over it."""
        match ref:
            case Lazy("zip" | "enumerate" | "reversed", parts):
                return any(self.must_unroll(p) for p in parts)
            case TupleRef() | DictRef():
                return True
            case ListRef(storage):
                return isinstance(self.content(storage), Items)
            case Const():
                return True
            case Var() | View():
                return isinstance(self.type_of(self.value(ref)), Tuple)
        return False

    def index_ref(self, i: Var | None) -> Var:
        """The loop's index."""
        assert i is not None
        return i

    def less_one(self, a: Atom) -> Atom:
        """`a - 1`"""
        known = self.static(a)
        return Const(known.value - 1) if known is not None else self.let("operator.sub", a, Const(1))

    def materialised(self, ref: Ref, node: ast.AST) -> Ref:
        """An iterable that can be indexed: a generator becomes a list."""
        match ref:
            case Lazy("generator"):
                return self.as_list(ref, node)
            case Lazy(kind, parts, start):
                return Lazy(kind, tuple(self.materialised(p, node) for p in parts), start)
            case Conflict():
                self.unusable(ref, node)
        return ref

    def unrolled(self, items: list[Ref], each: Callable[[Ref], None]) -> Atom:
        """One item after the other; what a `break` leaves out runs under its flag."""
        if not items:
            return FALSE
        outer = {f: self.frame.env.get(f, FALSE) for f in (EXIT, STOP, BROKE)}
        env = self.frame.env
        env[EXIT], env[STOP], env[BROKE] = FALSE, FALSE, FALSE
        self.trips = (*self.trips, len(items))
        each(items[0])
        self.trips = self.trips[:-1]
        env = self.frame.env
        stop = self.frame.flag(STOP)
        env[EXIT] = FALSE  # a `continue` ends here
        if stop == FALSE:
            broke = self.unrolled(items[1:], each)
        elif isinstance(stop, Const):
            broke = self.frame.flag(BROKE)
        else:
            found: list[Atom] = []

            def rest() -> None:
                self.frame.env[BROKE] = FALSE
                self.frame.env[BROKE] = self.unrolled(items[1:], each)  # type: ignore[assignment]

            self.guarded(stop, rest)
            broke = self.frame.flag(BROKE)
            found.clear()
        env = self.frame.env
        returned = self.frame.flag("%returned")
        env[BROKE] = outer[BROKE]
        env[EXIT], env[STOP] = (returned, returned) if returned != FALSE else (outer[EXIT], outer[STOP])
        return broke

    def guarded(self, flag: Var, rest: Callable[[], None]) -> None:
        """Read on where a block has not been left."""
        raise NotImplementedError

    def generated(self, ref: Ref, each: Callable[[Ref], None], node: ast.AST) -> Atom:
        """Run over a generator expression in place of making a list of it."""
        assert isinstance(ref, Lazy) and ref.node is not None
        if ref.frame is not self.frame:
            self.refuse(node, "a generator used in another function", "pass a list: [...]")
        element = ref.node.elt
        self.clauses(ref.node, 0, lambda: each(self.expression(element)))
        return FALSE

    # Comprehensions, and what folds over an iterable.

    def comprehension(self, node: ast.ListComp | ast.GeneratorExp | ast.DictComp) -> Ref:
        """A comprehension: items one by one where the length is known, pushed to a list otherwise."""
        if isinstance(node, ast.GeneratorExp):
            return Lazy("generator", node=node, frame=self.frame)
        if isinstance(node, ast.DictComp):
            return self.dict_comprehension(node)
        target = self.new_list(())
        element = node.elt

        def push() -> None:
            self.list_method(self.hidden(name), "append", [self.expression(element)], {}, node)

        name = self.hide(target)
        self.clauses(node, 0, push)
        return self.unhide(name)

    def dict_comprehension(self, node: ast.DictComp) -> Ref:
        """`{k: v for ...}` with known keys."""
        entries: dict[object, Ref] = {}

        def add() -> None:
            entries[self.key(node.key)] = self.expression(node.value)

        if len(node.generators) != 1 or node.generators[0].ifs or self.known_items(self.expression(node.generators[0].iter)) is None:
            self.refuse(node, "a dict whose keys are computed", "use constant keys, or a list")
        self.clauses(node, 0, add)
        return self.new_dict(entries)

    def hide(self, ref: Ref) -> str:
        """Keep a reference under a name no program has."""
        name = f"%{sum(k.startswith('%h') for k in self.frame.env)}"
        name = "%h" + name[1:]
        self.frame.env[name] = ref
        return name

    def hidden(self, name: str) -> ListRef:
        """The list kept under a hidden name."""
        ref = self.frame.env[name]
        assert isinstance(ref, ListRef)
        return ref

    def unhide(self, name: str) -> Ref:
        """What was kept, and forget the name."""
        return self.frame.env.pop(name)

    def clauses(self, node: ast.ListComp | ast.GeneratorExp | ast.DictComp, position: int, innermost: Callable[[], None]) -> None:
        """The `for` and `if` clauses of a comprehension from `position` on."""
        if position == len(node.generators):
            innermost()
            return
        clause = node.generators[position]
        if clause.is_async:
            self.refuse(node, "`async for`", "use a plain `for`")
        names = list(targets(clause.target))
        saved = {n: self.frame.env[n] for n in names if n in self.frame.env}
        hiddens = frozenset(n for n in self.frame.env if n.startswith("%h"))
        changed = frozenset(assigned([clause.target, *clause.ifs, *([node.elt] if not isinstance(node, ast.DictComp) else [])]))

        def each(item: Ref) -> None:
            self.unpack_target(clause.target, item)

            def inner() -> None:
                self.clauses(node, position + 1, innermost)

            self.conditions(clause.ifs, 0, inner, node)

        def loop(bounds: tuple[Atom, Atom, Atom], body: Callable[[Var | None], None]) -> Atom:
            inner = frozenset(n for g in node.generators[position:] for n in targets(g.target)) | changed
            hint = clause.target.id if isinstance(clause.target, ast.Name) else ""
            lists = frozenset(n for n in hiddens if isinstance(self.frame.env.get(n), ListRef))
            alive = self.frame.is_live
            return self.loop(
                Loop(
                    clause,
                    bounds,
                    hint,
                    inner | hiddens,
                    inner,
                    lists,
                    lambda: Const(True),
                    body,
                    lambda n: n in hiddens or alive(n),
                    lambda n: n in hiddens or alive(n),
                )
            )

        self.iterate(self.expression(clause.iter), each, loop, node)
        for n in names:
            self.frame.env.pop(n, None)
        self.frame.env.update(saved)

    def conditions(self, tests: list[ast.expr], position: int, inner: Callable[[], None], node: ast.AST) -> None:
        """The `if` clauses of a comprehension."""
        if position == len(tests):
            inner()
            return
        cond = self.truth(self.expression(tests[position]), node)
        if isinstance(cond, Const):
            if cond.value:
                self.conditions(tests, position + 1, inner, node)
            return
        entry = self.save()
        place = self.place
        a = self.region(entry, lambda: self.conditions(tests, position + 1, inner, node))
        b = self.region(entry, lambda: None)
        self.restore(entry)
        self.place = place
        self.meet(cond, a, b, entry, everything=True)

    def accumulated(self, ref: Ref, start: Ref, step: Callable[[Ref, Ref], Ref], node: ast.AST) -> Ref:
        """A fold: `total = step(total, item)` for every item."""
        name = self.hide(start)

        def each(item: Ref) -> None:
            self.frame.env[name] = step(self.frame.env[name], item)

        self.over(ref, each, frozenset((name,)), node)
        return self.unhide(name)

    def collected(self, ref: Ref, each: Callable[[Ref], Ref], node: ast.AST) -> Ref:
        """The list of what a function gives for every item."""
        name = self.hide(self.new_list(()))

        def push(item: Ref) -> None:
            self.list_method(self.hidden(name), "append", [each(item)], {}, node)

        self.over(ref, push, frozenset((name,)), node)
        return self.unhide(name)

    def over(self, ref: Ref, each: Callable[[Ref], None], changed: frozenset[str], node: ast.AST) -> None:
        """Run over an iterable outside of any statement."""
        hiddens = frozenset(n for n in self.frame.env if n.startswith("%h"))
        alive = self.frame.is_live

        def loop(bounds: tuple[Atom, Atom, Atom], body: Callable[[Var | None], None]) -> Atom:
            lists = frozenset(n for n in hiddens if isinstance(self.frame.env.get(n), ListRef))
            live = lambda n: n in hiddens or alive(n)  # noqa: E731
            return self.loop(
                Loop(node, bounds, "", hiddens | changed, changed | hiddens, lists, lambda: Const(True), body, live, live)
            )

        self.iterate(ref, each, loop, node)

    def extreme_of(self, name: str, ref: Ref, default: Ref | None, node: ast.AST) -> Ref:
        """`min` and `max` of an iterable of unknown length."""
        if default is not None:
            self.refuse(node, f"`{name}` with a default", "test the length first")
        listed = self.as_list(ref, node) if isinstance(ref, (Lazy, RangeRef)) else ref
        a = self.value(listed, node)
        self.at(node)
        return self.make(self.let(f"builtins.{name}", a))

    def as_list(self, ref: Ref, node: ast.AST) -> Ref:
        """The list of what an iterable gives: always a new one."""
        items = self.known_items(ref)
        if items is not None:
            return self.new_list(tuple(items))
        if isinstance(ref, ListRef):
            new = self.make(self.listed(ref.storage))
            assert isinstance(new, ListRef)
            self.relate(new.storage, ref.storage)
            return new
        return self.collected(ref, lambda item: item, node)

    # What statements provide.

    def unpack_target(self, target: ast.expr, ref: Ref) -> None:
        """Bind the target of a loop."""
        raise NotImplementedError


__all__ = ["Frame", "Iteration", "Static"]
