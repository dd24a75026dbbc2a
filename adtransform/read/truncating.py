"""Fractions written into arrays of unknown dtype: into one of integers only their whole parts would come."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator

import numpy as np

from adtransform.build import type_of
from adtransform.errors import refusal
from adtransform.infer.elementwise import outcome
from adtransform.ir import Atom, Const, Let, Region, Var
from adtransform.lattice import SHAPE, Array, List, Saved, Scalar, Type, Unknown, kind_of
from adtransform.ops import VIEWS, elementwise, resolve
from adtransform.read.core import Taken
from adtransform.read.flow import Flow
from adtransform.rewrite import loaded, statements

# When a value is one of floats: all of these hold, and each of them says that one of some parameters is.
Conditions = frozenset[frozenset[str]]
_ALWAYS: Conditions = frozenset()
_NEVER: Conditions = frozenset([frozenset()])
_AUGMENTED = re.compile(r"[^=]*?(\*\*|//|<<|>>|[-+*/%@&|^])=(?!=)")
_FEW = 4  # conditions that are followed
_COUNTING = frozenset(["numpy.searchsorted", "numpy.digitize", "numpy.lexsort"])  # they give places
_KEEPING = VIEWS | frozenset("update numpy.copy numpy.zeros_like numpy.ones_like numpy.empty_like numpy.full_like".split())


def truncating(body: Region) -> Iterator[Taken]:
    """What has to be assumed so that what is written into arrays stays what it is.

    Raises `Refusal` where an array of integers is made.
    """
    writes = [s for s in statements(body) if isinstance(s, Let) and _converted(s) is not None]
    if not writes:
        return
    flow = Flow(body)
    conditions = _conditions(flow)
    loads = (s for s in statements(body) if isinstance(s, Let) and s.op == "load")
    saved = {loaded(s) for s in loads if isinstance(s.targets[0].type, Saved)}
    for let in writes:
        pair = _converted(let)
        if pair is None or _is_whole(pair[1]) or _is_checked(let, flow):
            continue
        room, new = (conditions.get(a, _known(a)) for a in pair)
        for params in sorted(map(sorted, room - new)) if new != _NEVER else ():
            if not params:
                help = "make an array of floats, x.astype(float), or annotate the parameters"
                raise refusal(let.origin, "a write of what may be a fraction into an array of integers", help)
            if not saved.isdisjoint(params):
                continue  # what the function that saved it was given has been looked at
            test = " or ".join(f'np.asarray({p}).dtype.kind not in "biu"' for p in params)
            names = " or ".join(f"`{p}`" for p in params)
            why = f"{names} must hold floats: fractions are written"
            yield Taken(params[0], "floating", test, why, let.origin)


def _converted(let: Let) -> tuple[Atom, Atom] | None:
    """What has the dtype, unknown so far, into which a statement converts something, and what that is."""
    match let.op, let.args:
        case "update" | "accumulate_at", [room, _, new] if isinstance(type_of(room), (Array, Unknown)):
            pass
        case "numpy.full_like", [room, new] if "dtype" not in dict(let.kwargs):
            pass
        case op, _ if not let.kwargs and op != "numpy.astype":
            return None
        case _:
            dtype = _dtype(let)
            if not isinstance(dtype, Var) or not let.args:
                return None
            room, new = dtype, let.args[0]
    return (room, new) if _kind(type_of(room)) is None else None


def _dtype(let: Let) -> Atom | None:
    """The dtype that is asked for."""
    return dict(let.kwargs).get("dtype", let.args[1] if let.op == "numpy.astype" else None)


def _is_whole(a: Atom) -> bool:
    """Whether it is a number that an integer can hold."""
    return isinstance(a, Const) and isinstance(a.value, (int, float)) and float(a.value).is_integer()


def _is_checked(let: Let, flow: Flow) -> bool:
    """Whether NumPy itself refuses it for integers: `x[1:] += v`, but not `x[1] += v`."""
    augmented = let.origin is not None and _AUGMENTED.match(let.origin.text)
    return let.op == "update" and bool(augmented) and not flow.ints(let.args[1])


def _kind(t: Type) -> str | None:
    """`bool`, `int`, `float` or `complex` where it is known; an element of an array of unknown dtype may be any."""
    return None if isinstance(t, Scalar) and t.dtype == "?" else kind_of(t)


def _known(a: Atom) -> Conditions:
    """Of what has a known type: always or never; of a list as its items say, of which it may have none yet."""
    t = type_of(a)
    whole = _kind(t) in ("int", "bool") or t == SHAPE or isinstance(t, List)
    return _NEVER if whole else _ALWAYS


def _conditions(flow: Flow) -> dict[Atom, Conditions]:
    """When each value is one of floats."""
    found: dict[Atom, Conditions] = {}

    def of(a: Atom) -> Conditions:
        return found.get(a, _known(a))

    changed = True
    while changed:
        changed = False
        for v, source in flow.sources.items():
            if _kind(v.type) is None:
                new = _made(v, source, of) if isinstance(source, Let) else _met(list(map(of, source)), isinstance(v.type, List))
                if len(new) > _FEW:
                    new = frozenset(frozenset([p]) for some in new for p in some)  # more than is needed
                if new != of(v):
                    found[v] = new
                    changed = True
    return found


def _met(several: list[Conditions], listed: bool) -> Conditions:
    """When what is one of several values is one of floats: all are; an empty list is neither."""
    some = [c for c in several if not (listed and c == _NEVER)]
    return frozenset().union(*some) if some else _NEVER


def _made(v: Var, let: Let, of: Callable[[Atom], Conditions]) -> Conditions:
    """When what a statement computes is one of floats."""
    if name := loaded(let):
        return frozenset([frozenset([name])])
    args = let.args[:1] if let.op in _KEEPING else let.args
    if elementwise(let.op) and resolve(let.op) is not None:
        results = outcome(let.op, (("array", "int64"),) * len(args))
        kind = _kind(results[let.targets.index(v)]) if results else None
        if kind in ("float", "bool"):
            return _ALWAYS if kind == "float" else _NEVER
        args = args[1:] if let.op == "numpy.where" else args
    dtype = _dtype(let)
    if isinstance(dtype, Var):
        return of(dtype)
    if isinstance(dtype, Const) and dtype.value is not None:
        return _ALWAYS if np.dtype(dtype.value).kind in "fc" else _NEVER
    if let.op in _COUNTING:
        return _NEVER
    either = [of(a) for a in args if not (isinstance(a, Const) and not isinstance(a.value, (int, float, complex)))]
    none = _NEVER if let.op == "list" else _ALWAYS
    return frozenset(frozenset().union(*some) for some in itertools.product(*either)) if either else none
