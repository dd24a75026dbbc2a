"""Comprehensions, generators, and what folds over an iterable."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from adtransform.ir import Atom, Const, Var
from adtransform.lattice import List, Tuple
from adtransform.read.frames import FALSE
from adtransform.read.inlined import Renamed
from adtransform.read.iteration import Iteration
from adtransform.read.outline import unique
from adtransform.read.refs import DictRef, Lazy, ListRef, RangeRef, RecordsRef, Ref, Since, Stream, TupleRef, View
from adtransform.read.scope import assigned, inside, targets
from adtransform.read.storages import mutable
from adtransform.read.trips import Loop
from adtransform.source import descend, forget

T = TypeVar("T")

_FOLDING = frozenset("sum min max any all list tuple set sorted".split())


class Folds(Iteration):
    """Reading comprehensions and folds."""

    def comprehension(self, node: ast.ListComp | ast.GeneratorExp | ast.DictComp) -> Ref:
        """A comprehension: items one by one where the length is known, pushed to a list otherwise."""
        if isinstance(node, ast.GeneratorExp):
            self.closures = True
            first = self.expression(node.generators[0].iter)  # now; all else when it is run
            return Lazy("generator", (first,), node=node, frame=self.frame)
        if isinstance(node, ast.DictComp):
            return self.dict_comprehension(node)
        target = self.open_list(node)
        element = node.elt

        def push() -> None:
            self.method(self.frame.env[name], "append", [self.expression(element)], {}, node)

        name = self.hide(target)
        self.clauses(node, 0, push)
        return self.unhide(name)

    def dict_comprehension(self, node: ast.DictComp) -> Ref:
        """`{k: v for ...}`"""
        name = self.hide(self.new_dict({}))

        def add() -> None:
            key, target = self.expression(node.key), self.frame.env[name]
            assert isinstance(target, DictRef)
            self.put_entry(target, key, self.expression(node.value), node)

        self.clauses(node, 0, add)
        return self.unhide(name)

    def generated(self, ref: Ref, each: Callable[[Ref], None], place: ast.AST) -> Atom:
        """Run over a generator expression in place of making a list of it."""
        assert isinstance(ref, Lazy) and ref.node is not None
        if ref.frame is not self.frame:
            self.refuse(place, "a generator used in another function", "pass a list: [...]")
        # Where nothing of the user's is evaluated meanwhile its names are nobody else's.
        alone = isinstance(place, ast.Call) and isinstance(place.func, ast.Name) and place.func.id in _FOLDING
        node = ref.node if alone and not place.keywords else self.of_its_own(ref.node)  # type: ignore[attr-defined]
        self.clauses(node, 0, lambda: each(self.expression(node.elt)), ref.parts[0])
        return FALSE

    def without(
        self, ref: Lazy, each: Callable[[Ref], None], stmt: ast.For
    ) -> tuple[Ref, Callable[[Ref], None], frozenset[str]]:
        """A loop over a generator expression as one over what that runs over; and the names that it binds for it."""
        assert ref.node is not None
        if ref.frame is not self.frame:
            self.refuse(stmt, "a generator used in another function", "pass a list: [...]")
        if len(ref.node.generators) > 1:
            listed = self.materialised(ref, stmt)
            assert isinstance(listed, (ListRef, RecordsRef))
            self.streams[listed.storage] = self.streams_of(ref)[0]
            return listed, each, frozenset()
        node = self.of_its_own(ref.node)
        clause = node.generators[0]

        def body(item: Ref) -> None:
            self.unpack_target(clause.target, item)
            self.conditions(clause.ifs, 0, give, stmt)

        def give() -> None:
            value = self.protected(lambda: self.expression(node.elt), node.elt)
            self.where_reached(lambda _: each(value), [])

        return ref.parts[0], body, frozenset(targets(clause.target)) | assigned([node.elt, *clause.ifs])

    def of_its_own(self, node: ast.GeneratorExp) -> ast.GeneratorExp:
        """A generator expression whose own names are no names of the function around."""
        found: ast.GeneratorExp | None = node.__dict__.get("own")
        if found is None:
            inner = {n for n in descend(node) if isinstance(n, ast.Name)}
            outer = {n.id for n in inside(self.frame.scope.body) if isinstance(n, ast.Name) and n not in inner}
            own = dict.fromkeys(n for clause in node.generators for n in targets(clause.target))
            given: set[str] = self.frame.scope.node.__dict__.setdefault("_given", set())  # to others, for the same reason
            clash = {n: unique(n, outer | given) for n in own if n in outer}
            given.update(clash.values())
            found = node
            if clash:
                found = Renamed(clash).visit(copy.deepcopy(node))
                forget(found)
            node.__dict__["own"] = found  # the same one in every reading: what is noted of nodes goes by identity
        return found

    def clauses(
        self,
        node: ast.ListComp | ast.GeneratorExp | ast.DictComp,
        position: int,
        innermost: Callable[[], None],
        run_over: Ref | None = None,
    ) -> None:
        """The `for` and `if` clauses of a comprehension from `position` on; `run_over`: what the first one is for, if known."""
        if position == len(node.generators):
            innermost()
            return
        clause = node.generators[position]
        if clause.is_async:
            self.refuse(node, "`async for`", "use a plain `for`")
        names = list(targets(clause.target))
        saved = {n: self.frame.env[n] for n in names if n in self.frame.env}
        hiddens = frozenset(n for n in self.frame.env if n.startswith("%h"))
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        changed = frozenset(assigned([clause.target, *clause.ifs, *results]))

        def each(item: Ref) -> None:
            self.unpack_target(clause.target, item)

            def inner() -> None:
                self.clauses(node, position + 1, innermost)

            self.conditions(clause.ifs, 0, inner, node)

        def loop(bounds: tuple[Atom, Atom, Atom], body: Callable[[Var | None], None]) -> Atom:
            inner = frozenset(n for g in node.generators[position:] for n in targets(g.target)) | changed
            lists = frozenset(n for n in hiddens if isinstance(self.frame.env.get(n), (ListRef, RecordsRef)))
            alive = self.frame.is_live
            return self.loop(
                Loop(
                    clause,
                    bounds,
                    self.index_name(clause.target, ref),
                    inner | hiddens,
                    inner,
                    lists,
                    lambda: Const(True),
                    body,
                    lambda n: n in hiddens or alive(n),
                    lambda n: n in hiddens or alive(n),
                )
            )

        ref = self.expression(clause.iter) if run_over is None else run_over
        self.check_end_of(ref, node)
        frame = self.frame
        frame.clauses.append(clause)
        try:
            self.iterate(ref, each, loop, node, clause)
        finally:
            frame.clauses.pop()
        for n in names:
            self.frame.env.pop(n, None)
        self.frame.env.update(saved)

    def conditions(self, tests: list[ast.expr], position: int, inner: Callable[[], None], node: ast.AST) -> None:
        """The `if` clauses of a comprehension."""
        if position == len(tests):
            inner()
            return
        cond = self.protected(lambda: self.tested(tests[position]), tests[position])

        def chosen(_: object) -> None:
            if isinstance(cond, Const):
                if cond.value:
                    self.conditions(tests, position + 1, inner, node)
                return
            entry, place = self.save(), self.place
            a = self.region(entry, lambda: self.conditions(tests, position + 1, inner, node))
            b = self.region(entry, lambda: None)
            self.restore(entry)
            self.place = place
            self.meet(cond, a, b, entry, everything=True)

        self.where_reached(chosen, [])

    def display(self, node: ast.List) -> Ref:
        """`[a, *more]`"""
        items: list[Ref] = []
        name = ""  # of the list, once its length is not known
        for part in node.elts:
            several = isinstance(part, ast.Starred)
            with self.holding(items):
                ref = self.expression(part.value if isinstance(part, ast.Starred) else part)
            if several and not name and (self.known_length(ref) is not None or isinstance(ref, (Var, View))):
                items += self.unpacked(ref, part)
                continue
            if several and not name:
                name = self.hide(self.display_of(node, items))
            if name:
                self.method(self.frame.env[name], "extend" if several else "append", [ref], {}, part)
            else:
                items.append(ref)
        return self.unhide(name) if name else self.display_of(node, items)

    def accumulated(self, ref: Ref, start: Ref, step: Callable[[Ref, Ref], Ref], node: ast.AST) -> Ref:
        """A fold: `total = step(total, item)` for every item."""
        name = self.hide(start)

        def each(item: Ref) -> None:
            self.frame.env[name] = step(self.frame.env[name], item)

        self.over(ref, each, frozenset((name,)), node)
        return self.unhide(name)

    def collected(self, ref: Ref, each: Callable[[Ref], Ref], node: ast.AST) -> Ref:
        """The list of what a function gives for every item."""
        name = self.hide(self.open_list(node))

        def push(item: Ref) -> None:
            self.method(self.frame.env[name], "append", [each(item)], {}, node)

        self.over(ref, push, frozenset((name,)), node)
        return self.unhide(name)

    def columns(self, ref: Ref, node: ast.AST) -> Ref | None:
        """`zip(*rows)` of a list of unknown length: the list of the first items, of the second ones, ..."""
        t = self.type_of(self.value(ref, node)) if isinstance(ref, ListRef) and self.known_items(ref) is None else None
        if not isinstance(t, List) or not isinstance(t.item, Tuple):
            return None
        rows = RangeRef(Const(0), self.length(ref, node), Const(1))

        def column(i: int) -> Ref:
            return self.collected(rows, lambda k: self.indexed(self.item_at(ref, k, node), Const(i), node), node)

        return TupleRef(tuple(map(column, range(len(t.item.items)))))

    def filtered(self, ref: Ref, test: Callable[[Ref], Ref], node: ast.AST, changed: frozenset[str] = frozenset()) -> Ref:
        """The list of the items for which a test holds; `changed`: the hidden names that the test binds."""
        name = self.hide(self.open_list(node))

        def push(item: Ref) -> None:
            cond = self.truth(test(item), node)
            if isinstance(cond, Const):
                if cond.value:
                    self.method(self.frame.env[name], "append", [item], {}, node)
                return

            def keep() -> None:
                self.method(self.frame.env[name], "append", [item], {}, node)

            entry, place = self.save(), self.place
            a = self.region(entry, keep)
            b = self.region(entry, lambda: None)
            self.restore(entry)
            self.place = place
            self.meet(cond, a, b, entry, everything=True)

        self.over(ref, push, changed | {name}, node)
        return self.unhide(name)

    def check_end_of(self, ref: Ref, node: ast.AST) -> None:
        """Refuse to run over what has no end where nothing leaves the loop."""
        if self.is_endless(ref):
            self.refuse(node, "what has no end, run over to its end", "write a loop, or take a part: itertools.islice(...)")

    def over(self, ref: Ref, each: Callable[[Ref], None], changed: frozenset[str], node: ast.AST) -> None:
        """Run over an iterable outside of any statement."""
        self.check_end_of(ref, node)
        hiddens = frozenset(n for n in self.frame.env if n.startswith("%h"))

        def live(name: str) -> bool:
            return name in hiddens or self.frame.is_live(name)

        def loop(bounds: tuple[Atom, Atom, Atom], body: Callable[[Var | None], None]) -> Atom:
            lists = frozenset(n for n in hiddens if isinstance(self.frame.env.get(n), (ListRef, RecordsRef)))
            return self.loop(Loop(node, bounds, "", hiddens | changed, changed, lists, lambda: Const(True), body, live, live))

        self.iterate(ref, each, loop, node)

    def extreme_of(self, name: str, ref: Ref, default: Ref | None, node: ast.AST) -> Ref:
        """`min` and `max` of an iterable of unknown length."""
        listed = self.as_list(ref, node) if isinstance(ref, (Lazy, RangeRef)) else ref
        if default is not None:
            if not isinstance(listed, ListRef):
                self.refuse(node, f"`{name}` with a default", "test the length first")
            there = self.truth(listed, node)
            return self.choose(there, lambda: self.extreme_of(name, listed, None, node), lambda: default, node)
        a = self.value(listed, node)
        t = self.type_of(a)
        if isinstance(t, List) and isinstance(t.item, (Tuple, List)):
            self.refuse(node, f"`{name}` of tuples or lists with computed items", "give a key: key=lambda p: p[0]")
        self.at(node)
        return self.make(self.let(f"builtins.{name}", a))

    def protected(self, action: Callable[[], T], node: ast.AST) -> T:
        """Perform an action; what it raises goes to the handlers around."""
        raise NotImplementedError

    def where_reached(self, action: Callable[[list[ast.stmt]], object], rest: list[ast.stmt]) -> bool:
        """Perform an action where the block has not been left."""
        raise NotImplementedError

    def streams_of(self, ref: Ref) -> list[Stream]:
        """The generators that something to run over, or what it holds, runs over."""
        raise NotImplementedError

    def runs_once(self, ref: Ref) -> bool:
        """Whether something is, or holds, what can be run over only once."""
        raise NotImplementedError

    def keep(self, ref: Ref, node: ast.AST) -> None:
        """Look at what is to be kept: in a container nothing that can be run over only once; where `reversed` began."""
        raise NotImplementedError

    def reads_nothing(self, stream: Stream) -> bool:
        """Whether nothing that changes can be told from what something gives one by one."""
        raise NotImplementedError

    def since(self) -> Since:
        """What there is now, to see later what has changed."""
        raise NotImplementedError

    def effects(self, since: Since) -> set[str]:
        """The operations since that print, draw or check something."""
        raise NotImplementedError

    def has_changed(self, since: Since) -> bool:
        """Whether what there was has changed."""
        raise NotImplementedError

    def between(self, source: Ref, since: Since, node: ast.AST) -> AbstractContextManager[None]:
        """Call a function for all items of what has been listed since, as if each had been made only then."""
        raise NotImplementedError

    def passing(self, listed: Ref, function: Ref, parts: tuple[Ref, ...], since: Since, node: ast.AST) -> Ref:
        """A list in the place of what `map` or `filter` gives one by one; `since`: before it was made."""
        raise NotImplementedError

    def as_list(self, ref: Ref, node: ast.AST) -> Ref:
        """The list of what an iterable gives: always a new one."""
        ref = self.iterator(ref, node)
        items = self.known_items(ref)
        if items is not None:
            return self.new_list(tuple(items))
        if isinstance(ref, RecordsRef):
            return self.of_columns(ref, lambda column: self.as_list(column, node), node)
        if isinstance(ref, ListRef):
            new = self.make(self.listed(ref.storage))
            assert isinstance(new, ListRef)
            if mutable(self.item_of(self.listed(ref.storage))):
                self.holds_as(new.storage, ref.storage)
            return new
        return self.collected(ref, lambda item: item, node)
