"""The functions people call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from adtransform.api.calls import Callee, Wrt, has_float
from adtransform.api.core import Values
from adtransform.api.gradients import Grad, Hvp, Pull, Push, tangents_like
from adtransform.api.jacobians import Jacobian
from adtransform.live import from_given


def grad(fun: Callable[..., Any] | None = None, wrt: Wrt = 0, has_aux: bool = False, *, source: str | None = None) -> Grad:
    """The gradient of a scalar function, with the same parameters.

    `wrt` (with respect to): an index, a name, or a tuple of these, which gives a tuple of gradients.  Each gradient has
    its argument's structure, shape and dtype.  `has_aux`: `fun` returns `(output, anything)`, the result is then
    `(gradient, anything)`.  `source`: the text of a function that comes from no file; alone, the last function it defines.
    Raises at the call `DifferentiationError` for what cannot be differentiated and `TypeError`
    for an output that is not scalar or an argument that has no derivative.
    """
    return Grad(_given(fun, source), wrt, False, has_aux)


def value_and_grad(
    fun: Callable[..., Any] | None = None, wrt: Wrt = 0, has_aux: bool = False, *, source: str | None = None
) -> Grad:
    """Like `grad`, but returns `(value, gradient)`: what `scipy.optimize.minimize(..., jac=True)` takes."""
    return Grad(_given(fun, source), wrt, True, has_aux)


def _given(fun: Callable[..., Any] | None, source: str | None) -> Callable[..., Any]:
    """The function meant: one that is there, or that a text defines."""
    if source is not None:
        return from_given(source, fun)
    if fun is None:
        raise TypeError("pass a function, or the text of one: source=...")
    return fun


def hvp(fun: Callable[..., Any] | None = None, wrt: Wrt = 0, *, source: str | None = None) -> Hvp:
    """The product of the Hessian with a vector: `hvp(f)(x, p, *args)`, in the order of SciPy's `hessp`."""
    return Hvp(_given(fun, source), wrt)


def vjp(fun: Callable[..., Any], *primals: Any, wrt: Wrt | None = None, has_aux: bool = False) -> tuple[Any, ...]:
    """`(out, vjp_fn)`: the output, and the function that takes an adjoint of it to the shares of the arguments.

    `wrt=None`: every float argument.  A single argument gives a bare share, several a tuple in their order.  With `has_aux`
    `fun` returns `(out, aux)` and the result is `(out, vjp_fn, aux)`.
    """
    pull = Pull(fun, _chosen(fun, primals, wrt), has_aux)
    result: tuple[Any, ...] = pull(*primals)
    return result


def jvp(fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], *, wrt: Wrt | None = None) -> tuple[Any, Any]:
    """`(out, tangent of out)` for a tuple of tangents, one for each chosen argument (`wrt=None`: every float argument)."""
    if not isinstance(primals, (tuple, list)):
        raise TypeError("pass the primals as a tuple, one for each argument")
    push = Push(fun, _chosen(fun, tuple(primals), wrt))
    values = push.prepare(push.callee.bind(tuple(primals), {}))
    result: tuple[Any, Any] = push.specialised(values)((*values, *tangents_like(push, values, tangents)))
    return result


def _chosen(fun: Callable[..., Any], primals: Values, wrt: Wrt | None) -> Wrt:
    """The parameters meant by `wrt=None`: all whose argument is a float; bare when it is the only one."""
    if wrt is not None:
        return wrt
    callee = Callee(fun)
    values = callee.bind(primals, {})
    given = list(zip(callee.names, values, strict=True))[: len(primals)]
    names = tuple(name for name, v in given if has_float(v))
    if not names:
        names = tuple(name for name, v in given if isinstance(v, int) and not isinstance(v, bool))
    if not names:
        raise TypeError(f"no argument of `{callee.name}` is a float: name one with `wrt`")
    return names[0] if len(names) == 1 else names


def jacrev(fun: Callable[..., Any] | None = None, wrt: Wrt = 0, *, source: str | None = None) -> Jacobian:
    """The Jacobian in reverse mode, one sweep for each element of the output: shape `out.shape + in.shape`.

    A tuple for `wrt`, or outputs and arguments that are nested, give Jacobians nested likewise (outputs outside).
    """
    return Jacobian(_given(fun, source), wrt, False)


def jacfwd(fun: Callable[..., Any] | None = None, wrt: Wrt = 0, *, source: str | None = None) -> Jacobian:
    """The Jacobian in forward mode, one pass for each element of the argument: shape `out.shape + in.shape`."""
    return Jacobian(_given(fun, source), wrt, True)


jacobian = jacrev


def hessian(fun: Callable[..., Any] | None = None, wrt: Wrt = 0, *, source: str | None = None) -> Jacobian:
    """The matrix of second derivatives of a scalar function, forward over reverse: shape `in.shape + in.shape`.

    A tuple for `wrt` gives a tuple of tuples of blocks.
    """
    return jacfwd(grad(fun, wrt, source=source), wrt)
