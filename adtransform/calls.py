"""Calls: which parameters of the functions that are called separately carry a derivative.

    y = call('f', x, n); yield y        wrt x: f is differentiated with respect to its first parameter

One derivative serves all calls of a function: it is taken with respect to every parameter that is active in some call.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from adtransform.activity import active
from adtransform.ir import Function, Let, Var
from adtransform.record import record
from adtransform.rewrite import calls, name_of


@record
class Variant:
    """What of a function is differentiated: parameters by name and position.

    `name`: what its derivatives are called after, itself unless there are derivatives of that name already, which are taken
    with respect to other parameters.
    `groups`: for each active value that it yields, the positions of the results that are this value.
    """

    name: str
    wrt: tuple[str, ...]
    places: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]

    @property
    def ahead(self) -> str:
        """The name of the forward sweep."""
        return f"{self.name}_ahead"

    @property
    def back(self) -> str:
        """The name of the backward sweep."""
        return f"{self.name}_back"

    @property
    def forward(self) -> str:
        """The name of the function that yields values and tangents."""
        return f"{self.name}_forward"


Variants = dict[str, Variant]


def active_results(f: Function, wrt: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """For each adjoint that reverse mode takes, in order, the positions of the results it belongs to.

    Several positions where the function returns one value several times: their adjoints add up.
    """
    found = active(f, wrt)
    groups: dict[Var, list[int]] = {}
    for i, result in enumerate(f.results):
        if isinstance(result, Var) and result in found:
            groups.setdefault(result, []).append(i)
    return tuple(map(tuple, groups.values()))


def variants(f: Function, wrt: Sequence[str]) -> Variants:
    """What is differentiated of each function that `f` calls with active values, directly or not."""
    if not f.callees:
        return {}
    places: dict[str, set[int]] = {}
    todo: list[tuple[Function, tuple[str, ...]]] = [(f, tuple(wrt))]
    while todo:
        caller, names = todo.pop()
        found = active(caller, names)
        for let in calls(caller.body):
            known = places.get(name_of(let))
            new = {i for i, a in enumerate(let.args[1:]) if a in found} if is_active(let, found) else set()
            if new and (known is None or not new <= known):
                places[name_of(let)] = new | (known or set())
                callee = f.callees[name_of(let)]
                todo.append((callee, _names(callee, places[name_of(let)])))
    return {name: _variant(name, f.callees, at) for name, at in places.items()}


def _variant(name: str, callees: Mapping[str, Function], places: set[int]) -> Variant:
    f = callees[name]
    names = _names(f, places)
    wishes = itertools.chain((name,), (w for i in itertools.count(2) if (w := f"{name}_{i}") not in callees))
    made = (Variant(wish, names, tuple(sorted(places)), active_results(f, names)) for wish in wishes)
    return next(v for v in made if not {v.ahead, v.back, v.forward} & callees.keys())


def is_active(let: Let, found: set[Var]) -> bool:
    """Whether a derivative passes through a call: some result is active."""
    return any(t in found for t in let.targets)


def reached(f: Function, callees: dict[str, Function]) -> dict[str, Function]:
    """The functions that `f` calls, directly or not, those that are called before those that call them."""
    out: dict[str, Function] = {}

    def visit(caller: Function) -> None:
        for let in calls(caller.body):
            name = name_of(let)
            if name not in seen:
                seen.add(name)
                visit(callees[name])
                out[name] = callees[name]

    seen: set[str] = set()
    visit(f)
    return out


def _names(f: Function, places: set[int]) -> tuple[str, ...]:
    return tuple(f.params[i].name for i in sorted(places))
