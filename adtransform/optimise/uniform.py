"""Uniform: what is taken from a list that holds one number many times is that number.

dl = items(dy, l); loop: dl, dv = pop(dl); ...        becomes        loop: dv = dy; ...
"""

from __future__ import annotations

from adtransform.build import type_of
from adtransform.ir import Atom, For, Function, If, Let, Stmt, Var, While
from adtransform.lattice import List, is_scalar
from adtransform.optimise.uses import Uses
from adtransform.rewrite import Without, statements


def uniform(f: Function) -> Function:
    """The function without the lists of one number that are only taken apart."""
    made = [
        s
        for s in statements(f.body)
        if isinstance(s, Let) and s.op == "items" and is_scalar(type_of(s.args[0])) and isinstance(s.targets[0].type, List)
    ]
    if not made:
        return f
    uses = Uses(f.body)
    gone: dict[Var, Atom] = {}
    for stmt in made:
        gone.update(_taken(stmt.targets[0], stmt.args[0], uses))
    return Without(gone).function(f) if gone else f


def _taken(first: Var, number: Atom, uses: Uses) -> dict[Var, Atom]:
    """What stands for the targets of the statements that take items from a list; nothing where it has another use."""
    gone: dict[Var, Atom] = {}
    family: dict[Atom, None] = {first: None}  # the list, as it gets shorter
    met: list[tuple[Atom, ...]] = []  # what has to be the list as well
    todo: list[Atom] = [first]
    for v in todo:  # which grows
        found: list[Var] = []
        owners: list[tuple[Stmt | None, int]] = list(uses.yielded.get(v, ()))
        for stmt in uses.read.get(v, ()):
            if isinstance(stmt, Let) and stmt.op == "pop":
                gone[stmt.targets[0]], gone[stmt.targets[1]] = v, number
                found.append(stmt.targets[0])
            elif isinstance(stmt, (For, While)) and v in stmt.inits:
                owners += [(stmt, i + 1) for i, a in enumerate(stmt.inits) if a is v]
            else:
                return {}
        for owner, i in owners:
            if isinstance(owner, If):
                found.append(owner.targets[i])
                met.append((owner.then.results[i], owner.orelse.results[i]))
            elif isinstance(owner, (For, While)) and i:
                param = owner.body.params[i - (not isinstance(owner, For))]
                found += [param, owner.targets[i - 1]]
                met.append((owner.inits[i - 1], owner.body.results[i]))
                if isinstance(owner, While) and uses.read.get(owner.cond.params[i - 1]):
                    return {}
            else:
                return {}
        new = [w for w in found if w not in family]
        family.update(dict.fromkeys(new))
        todo += new
    return gone if all(a in family for pair in met for a in pair) else {}
