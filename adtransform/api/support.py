"""What has a derivative here, and what in a function has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adtransform import ops, pipeline
from adtransform.errors import DifferentiationError, Message
from adtransform.live import from_function
from adtransform.rules.table import RULES
from adtransform.source import Source


@dataclass(frozen=True, slots=True)
class Support:
    """Whether something can be differentiated; true where it can, or where its derivative is rightly zero.

    `modes` and `keywords`: what a function of a library is supported with.  `problems`: what in a function is not supported.
    """

    name: str
    modes: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    constant: bool = False
    problems: tuple[Message, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.modes) and not self.problems

    def __str__(self) -> str:
        if self.problems:
            return "\n".join(str(p) for p in self.problems)
        if not self.modes:
            return f"{self.name}: no derivative"
        if self.constant:
            return f"{self.name}: derivative zero everywhere"
        keywords = f", with {', '.join(self.keywords)}" if self.keywords else ""
        return f"{self.name}: {' and '.join(self.modes)}{keywords}"


def support(what: str | Callable[..., Any]) -> Support:
    """What is supported of `"numpy.median"` or `np.median`, or which lines of a function of your own are not."""
    if isinstance(what, str):
        return of_operation(what.replace("np.", "numpy.", 1) if what.startswith("np.") else what)
    if (name := _names().get(id(what))) is not None:
        return of_operation(name)
    if RULES.get(name := f"{getattr(what, '__module__', '')}.{getattr(what, '__qualname__', '')}"):
        return of_operation(name)
    try:
        target = from_function(what)
    except DifferentiationError as error:
        return Support(getattr(what, "__name__", repr(what)), problems=error.messages)
    return of_function(target.source, target.name, {**(target.namespace or {}), **target.captured})


def of_operation(name: str) -> Support:
    """What is supported of a function of a library."""
    rows = RULES.get(name, [])
    if not rows:
        return Support(name)
    keywords = sorted({k for row in rows for k in row.pattern.keywords})
    return Support(name, ("forward", "reverse"), tuple(keywords), all(row.constant for row in rows))


def of_function(source: Source, name: str, namespace: Any = None) -> Support:
    """What in a function is not supported, with lines."""
    try:
        f = pipeline.load_function(source, name, {}, namespace)
        wrt = tuple(p.name for p in f.params)
        for mode in ("forward", "reverse"):
            pipeline.derivative(f, mode, wrt)
    except DifferentiationError as error:
        return Support(name, problems=error.messages)
    return Support(name, ("forward", "reverse"))


def operations() -> list[str]:
    """Every function that has a row in the tables, by name."""
    return sorted(name for name in RULES if "." in name)


def _names() -> dict[int, str]:
    return {id(target): name for name in operations() if (target := ops.resolve(name)) is not None}
