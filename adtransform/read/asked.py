"""Whether what is updated in place while something else sees it is a number: answered when all that flows into it is known.

s = 0.0
for i in range(n):
    s += x[i]          x[i] is a number: np.ndim(x) == 1
    if s > best:
        best = s       as an array it would go on growing
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from adtransform.build import type_of
from adtransform.errors import Refusal, refusal
from adtransform.ir import Atom, Let, Region, Var
from adtransform.lattice import Array, List, Scalar, Unknown
from adtransform.ops import elementwise
from adtransform.read.assuming import CHOICES
from adtransform.read.core import Asked, Taken
from adtransform.read.flow import Flow
from adtransform.rewrite import loaded, operands

_RANK_KEEPING = frozenset("assign update numpy.copy operator.neg operator.pos numpy.zeros_like numpy.ones_like".split())


def answers(body: Region, asked: Sequence[Asked], arrays: Collection[str]) -> Iterator[Taken]:
    """What has to be assumed for all that was asked to be numbers.

    `arrays`: the parameters that are used as arrays.  Raises `Refusal` where no assumption about parameters would do.
    """
    flow = Flow(body)
    for one in asked:
        if one.value not in flow.sources:
            continue  # of a loop that was read again
        for param, rank in _numbers(flow, one).items():
            why = f"`{one.name}` is updated while {one.other} is read"
            if rank:
                yield Taken(param, f"rank {rank}", f"np.ndim({param}) == {rank}", why, one.origin)
            elif param not in arrays:
                yield Taken(param, "number", f"np.isscalar({param})", why, one.origin)
            else:
                raise _refused(one)


def _refused(one: Asked) -> Refusal:
    what = f"`{one.name}` updated in place, seen as {one.other} too"
    return refusal(one.origin, what, "annotate the parameters, or copy")


def _numbers(flow: Flow, one: Asked) -> dict[str, int]:
    """The parameters that have to be numbers for a value to be one: 0, or of how many axes an element of them is."""
    found: dict[str, int] = {}
    seen: set[tuple[Atom, bool]] = set()
    todo = [(one.value, True)]  # `False`: arithmetic makes a number of it, if it is an array without axes
    while todo:
        a, itself = todo.pop()
        if not isinstance(a, Var) or (a, itself) in seen or isinstance(a.type, Scalar):
            continue
        seen.add((a, itself))
        met, let = flow.met(a), flow.let(a)
        if isinstance(a.type, Array) and a.type.dims == () and not itself:
            continue
        if itself and let is not None and let.op in CHOICES:  # which make arrays without axes of numbers
            raise _refused(one)
        if met or (let is not None and let.op == "assign"):
            todo += [(b, itself) for b in (met if let is None else let.args)]
            continue
        if let is not None and let.op in ("builtins.float", "builtins.int", "builtins.len"):
            continue
        if let is not None and let.op in ("builtins.max", "builtins.min") and len(let.args) > 1:
            todo += [(b, itself) for b in let.args]
            continue
        if let is not None and (
            elementwise(let.op) or let.op.startswith("math.") or let.op in ("builtins.abs", "builtins.round")
        ):
            todo += [(b, False) for b in operands(let)]
            continue
        held = (
            _held(flow, let.args[0]) if let is not None and let.op == "index" and isinstance(type_of(let.args[0]), List) else []
        )
        if held:
            todo += [(b, itself) for b in held]
            continue
        roots = _roots(flow, a, let)
        if let is None or not roots:
            raise _refused(one)
        rank = flow.ints(let.args[1]) if let.op == "index" else 0
        for root in roots:
            name = loaded(root)
            if not isinstance(root.targets[0].type, Unknown) or found.setdefault(name, rank) != rank:
                raise _refused(one)
    return found


def _held(flow: Flow, a: Atom) -> list[Atom]:
    """The items that a list may hold; none where they are not all known."""
    found: list[Atom] = []
    seen: set[Atom] = set()
    todo = [a]
    while todo:
        v = todo.pop()
        if v in seen:
            continue
        seen.add(v)
        let = flow.let(v)
        if let is None and (met := flow.met(v)):
            todo += met
        elif let is not None and let.op in ("push", "update"):
            found.append(let.args[-1])
            todo.append(let.args[0])
        elif let is not None and let.op == "list":
            found += let.args
        elif let is not None and (
            let.op in ("extend", "assign", "times") or (let.op == "index" and not flow.ints(let.args[1]))
        ):
            todo += [o for o in let.args if isinstance(type_of(o), List)]
        else:
            return []
    return found


def _roots(flow: Flow, a: Atom, let: Let | None) -> list[Let]:
    """The loads of the parameters that a value is, or is an element of; none where it may be something else."""
    if let is None or let.op not in ("load", "index") or (let.op == "index" and not flow.ints(let.args[1])):
        return []
    found: list[Let] = []
    seen: set[Atom] = set()
    todo = [a if let.op == "load" else let.args[0]]
    while todo:
        v = todo.pop()
        if v in seen:
            continue
        seen.add(v)
        let = flow.let(v)
        if let is not None and let.op == "load":
            found.append(let)
        elif let is not None and let.op in _RANK_KEEPING:
            todo.append(let.args[0])
        elif met := flow.met(v):
            todo += met
        else:
            return []
    return found
