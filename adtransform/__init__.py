"""Derivatives of Python and NumPy functions, as Python and NumPy source.

Importing the package costs nothing: what it offers is imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from adtransform.version import __version__

if TYPE_CHECKING:
    from adtransform.api.checks import check_grads
    from adtransform.api.decorator import differentiate
    from adtransform.api.public import grad, hessian, hvp, jacfwd, jacobian, jacrev, jvp, value_and_grad, vjp
    from adtransform.api.rules import rule
    from adtransform.api.support import support
    from adtransform.errors import DifferentiationError

__all__ = [
    "DifferentiationError",
    "__version__",
    "check_grads",
    "differentiate",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "rule",
    "support",
    "value_and_grad",
    "vjp",
]

_HOME = {
    "DifferentiationError": "errors",
    "check_grads": "api.checks",
    "differentiate": "api.decorator",
    "rule": "api.rules",
    "support": "api.support",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME.get(name, 'api.public')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
