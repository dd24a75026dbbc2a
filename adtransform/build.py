"""Building regions: append statements, with every type inferred on the spot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from adtransform.infer import infer
from adtransform.ir import Atom, Const, Let, Origin, Region, Stmt, Var
from adtransform.lattice import Type, of_value


def atom(value: Any) -> Atom:
    """A value of the program as an operand: a `Var` or `Const` stays, anything else becomes a constant."""
    return value if isinstance(value, (Var, Const)) else Const(value)


def type_of(a: Atom) -> Type:
    """The type of an operand."""
    return a.type if isinstance(a, Var) else of_value(a.value)


def free_name(name: str, taken: set[str]) -> str:
    """A name that is not taken, which it is from now on."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name


class Builder:
    """The region being built; `origin` is attached to everything appended until it is set anew."""

    def __init__(self, origin: Origin | None = None) -> None:
        self.body: list[Stmt] = []
        self.origin = origin

    def add(self, stmt: Stmt) -> None:
        """Append a statement that is already built."""
        self.body.append(stmt)

    def let(
        self, op: str, *args: Any, hint: str = "", of: Var | None = None, wrt: str = "", type: Type | None = None, **kwargs: Any
    ) -> Var:
        """Append `target = op(*args, **kwargs)` and return its target."""
        return self.apply(op, args, kwargs, hints=(hint,), of=of, wrt=wrt, types=None if type is None else (type,))[0]

    def apply(
        self,
        op: str,
        args: Iterable[Any],
        kwargs: Mapping[str, Any] | None = None,
        *,
        count: int = 1,
        hints: Sequence[str] = (),
        of: Var | None = None,
        wrt: str = "",
        types: tuple[Type, ...] | None = None,
    ) -> tuple[Var, ...]:
        """Append an operation with `count` results and return them; `types` only where inference would know less."""
        atoms = tuple([a if isinstance(a, (Var, Const)) else Const(a) for a in args])
        named = tuple([(k, atom(kwargs[k])) for k in sorted(kwargs)]) if kwargs else ()
        if types is None:
            operands = tuple([a.type if isinstance(a, Var) else of_value(a.value) for a in atoms])
            types = infer(op, operands, {k: type_of(v) for k, v in named}, atoms, dict(named), count)
        if len(types) == 1:
            targets: tuple[Var, ...] = (Var(types[0], hints[0] if hints else "", of, wrt),)
        else:
            targets = tuple([Var(t, hints[i] if i < len(hints) else "", of, wrt) for i, t in enumerate(types)])
        self.body.append(Let(targets, op, atoms, named, self.origin))
        return targets

    def region(self, params: tuple[Var, ...], results: tuple[Atom, ...]) -> Region:
        """Close the region."""
        return Region(params, tuple(self.body), results)
