"""Where the values of a function that has been read come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from adtransform.build import type_of
from adtransform.ir import Atom, For, If, Let, Region, Try, Var, While
from adtransform.lattice import List, Type, Unknown, is_int
from adtransform.read.refs import Items
from adtransform.rewrite import statements


class Flow:
    """For each variable the statement that computes it, or the values that meet there: of paths, and of a loop's trips."""

    def __init__(self, body: Region) -> None:
        self.sources: dict[Var, Let | list[Atom]] = {}
        for stmt in statements(body):
            match stmt:
                case Let():
                    self.sources.update(dict.fromkeys(stmt.targets, stmt))
                case If():
                    self._meet(stmt.targets, stmt.then.results, stmt.orelse.results)
                case Try():
                    self._meet(stmt.targets[1:], stmt.body.results[1:])
                case For():
                    for targets in (stmt.body.params[1:], stmt.targets):
                        self._meet(targets, stmt.inits, stmt.body.results[1:])
                case While():
                    for targets in (stmt.cond.params, stmt.body.params, stmt.targets):
                        self._meet(targets, stmt.inits, stmt.body.results[1:])

    def _meet(self, targets: Iterable[Var], *sources: Iterable[Atom]) -> None:
        for t, *found in zip(targets, *sources, strict=True):
            self.sources[t] = found

    def let(self, a: Atom) -> Let | None:
        """The statement that computes a value."""
        found = self.sources.get(a) if isinstance(a, Var) else None
        return found if isinstance(found, Let) else None

    def met(self, a: Atom) -> list[Atom]:
        """The values that meet in one."""
        found = self.sources.get(a) if isinstance(a, Var) else None
        return found if isinstance(found, list) else []

    def ints(self, key: Atom) -> int:
        """How many ints a key consists of; 0 where it has other parts."""
        return ints(key, self.let)


def is_unchanged(now: object, before: object, body: Region) -> bool:
    """Whether what something holds now is surely what it held before, be it carried by loops and branches of `body`."""
    return is_as_long(now, before, body, written=False)


def is_as_long(now: object, before: object, body: Region, *, inside: bool = False, written: bool = True) -> bool:
    """Whether what a list holds now is surely of the length it had before, where `body` made the one of the other.

    `inside`: the same of all lists that it holds.  `written`: items may have been written.
    """
    flow = Flow(body)
    seen: set[object] = set()
    todo = [now]
    while todo:
        a = todo.pop()
        if a is before or a in seen:
            continue
        seen.add(a)
        let, met = (flow.let(a), flow.met(a)) if isinstance(a, Var) else (None, [])
        if let is not None and let.op == "list" and isinstance(before, Items) and len(let.args) == len(before.refs):
            continue
        update = let is not None and let.op == "update" and written
        if let is not None and (let.op == "assign" or (update and not (inside and _is_other(flow, let.args[2])))):
            todo.append(let.args[0])
        elif met:
            todo += met
        else:
            return False
    return True


def _is_other(flow: Flow, item: Atom) -> bool:
    """Whether a list that is put into a list may be of another length than the one that was there."""
    while isinstance(item.type if isinstance(item, Var) else None, List):
        let = flow.let(item)
        if let is None or let.op not in ("update", "assign"):
            return let is None or let.op != "index" or not flow.ints(let.args[1])
        item = let.args[0]
    return False


def ints(key: Atom, definition: Callable[[Var], Let | None], typed: Callable[[Atom], Type] = type_of) -> int:
    """How many ints a key consists of; 0 where it has other parts.  `definition`: what computes a value."""
    let = definition(key) if isinstance(key, Var) else None
    if let is not None and let.op == "tuple":
        return len(let.args) if all(ints(a, definition, typed) == 1 for a in let.args) else 0
    t = typed(key)
    return int(isinstance(t, Unknown) or is_int(t))
