"""From the source of a function to the text of its derivatives, and to functions that run it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from adtransform import emit, modes
from adtransform.annotate import annotate
from adtransform.annotate import explain as explanation
from adtransform.contracts import contracts
from adtransform.forward import forward as push_forward
from adtransform.ir import Const, Function, Let, Try
from adtransform.lattice import Array, Type
from adtransform.live import Target
from adtransform.optimise.steady import steady
from adtransform.own import is_own, lineage
from adtransform.read import read
from adtransform.record import record
from adtransform.rewrite import deep_recursion, statements
from adtransform.rules.table import known
from adtransform.source import Source
from adtransform.verify import verify


@record
class Compiled:
    """Emitted text and its functions by name, in the order of the mode (`ahead` before `back`)."""

    functions: dict[str, Callable[..., Any]]
    text: str


@contextmanager
def unhindered() -> Iterator[None]:
    """What long programs need: a deep stack, and no garbage collector.

    It would walk through all of the program again and again and free next to nothing.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        with deep_recursion():
            yield
    finally:
        if enabled:
            gc.enable()


def load_target(target: Target, types: Mapping[str, Type]) -> Function:
    """A live function, read for arguments of these types.  Raises `DifferentiationError` for what is not supported."""
    around = {**(target.namespace or {}), **target.captured}
    return load_function(target.source, target.name, types, around, decorated=target.decorated)


@unhindered()
def load_function(
    source: Source,
    name: str,
    types: Mapping[str, Type],
    namespace: Mapping[str, Any] | None = None,
    *,
    decorated: bool = True,
) -> Function:
    """A function of a source, read for arguments of these types.  Raises `DifferentiationError` for what is not supported.

    `decorated`: the function as the decorators over it leave it.
    """
    f = read(source, name, types, namespace=namespace, known=known, derive=modes.derive, decorated=decorated)
    f = modes.calling(f, dict(f.callees))
    for g in (f, *f.callees.values()):
        verify(g, f.callees)
    # Real arguments need no checks: they chose the types.
    return (
        f
        if namespace is not None
        else replace(f, assumes=(*contracts(p for p in f.params if p.name in types or p.annotation), *f.assumes))
    )


@unhindered()
def derivative(f: Function, mode: str, wrt: Sequence[str]) -> tuple[Function, ...]:
    """The functions of a mode: `forward`, `reverse`, or the `pair` of `ahead` and `back`."""
    if mode == "pair":
        return modes.pair(f, wrt)
    return ({"forward": modes.forward, "reverse": modes.reverse}[mode](f, wrt),)


def listing_text(f: Function) -> str:
    """The listing of the primal, then of the functions that it calls, each under its head."""
    parts: list[str] = []
    for g in map(steady, (f, *f.callees.values())):
        head = f"# {g.name}({', '.join(p.name for p in g.params)})\n" if parts else ""
        parts.append(head + emit.function(g, style="listing", comments=annotate(g)))
    return "\n".join(parts)


def symbolic_text(f: Function, wrt: Sequence[str]) -> str:
    """Total differential and partials."""
    from adtransform.symbolic import symbolic  # needs sympy

    return symbolic(f, wrt)


@unhindered()
def text(f: Function, mode: str, wrt: Sequence[str], *, style: str = "code", explain: bool = False, header: str = "") -> str:
    """The source of a derivative: a file that stands alone, or with `style="listing"` the statements one by one."""
    if style == "listing":
        listed = _listing(f, mode, wrt)
        comments = annotate(listed)
        if explain:
            for stmt, note in explanation(listed).items():
                comments[stmt] = f"{comments[stmt]}; {note}" if stmt in comments else note
        body = emit.function(listed, style="listing", comments=comments)
        return f"{header}\n{body}" if header else body
    return emit.module(derivative(f, mode, wrt), header=header)


@unhindered()
def compile(f: Function, mode: str, wrt: Sequence[str]) -> Compiled:
    """The functions of a mode, compiled."""
    made = derivative(f, mode, wrt)
    source = emit.module(made)
    loaded = emit.load(source)
    around = next(iter(loaded.values())).__globals__
    around.update({c.__name__: c.of for g in made for c in _raised(g) if c.of is not None and c.__name__ in around})
    return Compiled({g.name: _bound(loaded[g.name], g) for g in made}, source)


def _raised(f: Function) -> Iterator[Any]:
    """The classes that stand for exceptions of the user's, as what a function raises or catches."""
    for stmt in (s for g in (f, *f.callees.values()) for s in statements(g.body)):
        atoms = stmt.caught if isinstance(stmt, Try) else stmt.args[:1] if isinstance(stmt, Let) and stmt.op == "raise" else ()
        yield from (c for a in atoms if isinstance(a, Const) and is_own(a.value) for c in lineage(a.value))


def _bound(code: Callable[..., Any], f: Function) -> Callable[..., Any]:
    """Emitted code with the values that its function captured."""
    values = {p.name: f.bindings[p.name] for p in f.params if p.name in f.bindings}
    return partial(code, **values) if values else code


def _listing(f: Function, mode: str, wrt: Sequence[str]) -> Function:
    if mode == "reverse":
        return modes.backward_listing(f, wrt)
    arrays = any(isinstance(p.type, Array) for p in f.params if p.name in wrt)
    return push_forward(f, wrt) if arrays else modes.partials(f, wrt)
