"""`rule`: the differential of a function of the user's own, or of a library that the tables do not have."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Callable
from typing import Any

from adtransform.api.core import forget
from adtransform.read.libraries import op_name
from adtransform.rules import table


def rule(pattern: str, differential: str | None = None, *, singular: bool = False) -> Callable[..., Any]:
    """Register the differential of a function, for both modes: `rule("my_f(u, k)", "cos(u) * du")`.

    `pattern`: how the function is called, by a name that is known where `rule` is called.  `u`, `v`, `w` are the
    differentiable operands, `*us` any number of them, other names (`k`) are not differentiated; `y` is the result.
    `differential`: an expression linear in `du`, `dv`, `dw`, in NumPy's functions and the caller's own.  Without it the
    result is a decorator for a function that computes it.  `singular`: a partial may be infinite where the value is finite.
    Raises `ValueError` for a pattern that is no call, `NameError` for a function not known, `TypeError` for one that a file
    could not import.
    """
    found = re.fullmatch(r"\s*(?:(?P<results>[\w\s,]+)=(?!=))?\s*(?P<name>[\w.]+)\s*\((?P<rest>.*)\)\s*", pattern, re.DOTALL)
    if found is None:
        raise ValueError(f"not a pattern: {pattern!r}; write a call, `my_f(u, k)`")
    scope = sys._getframe(1).f_globals
    op = operation(_looked_up(found["name"], scope), found["name"])
    results = f"{found['results']}= " if found["results"] else ""
    forget()
    own = {k: v for k, v in scope.items() if not k.startswith("__")}
    return table.rule(f"{results}{op}({found['rest']})", differential, singular=singular, namespace=own)


def operation(target: Any, name: str) -> str:
    """The name under which calls of a function are known.  Raises `TypeError` for a function inside of another one."""
    if not isinstance(target, types.FunctionType):
        return op_name(target, f"{getattr(target, '__module__', '')}.{getattr(target, '__qualname__', name)}")
    if "<" in target.__qualname__:
        raise TypeError(
            f"`{name}` is defined inside of a function: define it in its module, so that emitted code can import it"
        )
    return f"{target.__module__}.{target.__qualname__}"


def _looked_up(name: str, scope: dict[str, Any]) -> Any:
    first, *rest = name.split(".")
    if first not in scope:
        raise NameError(f"rule: no function `{name}` is known here")
    target = scope[first]
    for part in rest:
        target = getattr(target, part)
    return target
