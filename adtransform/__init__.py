"""Derivatives of Python and NumPy functions, as Python and NumPy source."""

from adtransform.api.checks import check_grads
from adtransform.api.decorator import differentiate
from adtransform.api.public import grad, hessian, hvp, jacfwd, jacobian, jacrev, jvp, value_and_grad, vjp
from adtransform.api.rules import rule
from adtransform.api.support import support
from adtransform.errors import DifferentiationError
from adtransform.version import __version__

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
