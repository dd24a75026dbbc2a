"""`@differentiate`: a function that offers its derivatives."""

from __future__ import annotations

import functools
import html
import inspect
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, overload

from adtransform import pipeline
from adtransform.api.calls import Callee, Wrt
from adtransform.api.checks import check_grads
from adtransform.api.core import codes
from adtransform.api.gradients import Grad, Hvp
from adtransform.api.jacobians import Jacobian
from adtransform.api.programs import Shape, program_of
from adtransform.api.public import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from adtransform.files import header, relative, write
from adtransform.ir import Function
from adtransform.live import from_function


class Derived:
    """One derivative as text."""

    def __init__(self, source: str) -> None:
        self.source = source

    def __repr__(self) -> str:
        return self.source


class Differentiable:
    """The function itself when called; its derivatives as attributes, made when they are first used."""

    def __init__(self, fun: Callable[..., Any], wrt: Wrt | None) -> None:
        functools.update_wrapper(self, fun)
        self._callee = Callee(fun)
        self._chosen = wrt
        self._wrt: Wrt = 0 if wrt is None else wrt
        self._callee.resolve(self._wrt)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function itself."""
        return self._callee.fun(*args, **kwargs)

    def __set_name__(self, owner: type, name: str) -> None:
        # A method: its first parameter is the object.
        if self._chosen is None and len(self._callee.names) > 1 and not isinstance(self._callee.fun, staticmethod):
            self._wrt = 1

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else DifferentiableMethod(self, instance)

    def __reduce__(self) -> str:
        return str(self._callee.fun.__qualname__)

    def __repr__(self) -> str:
        return f"<differentiable {self._callee.name}>"

    @functools.cached_property
    def grad(self) -> Grad:
        """The gradient, as `grad(f, wrt)`."""
        return grad(self, self._wrt)

    @functools.cached_property
    def value_and_grad(self) -> Grad:
        """Value and gradient, as `value_and_grad(f, wrt)`."""
        return value_and_grad(self, self._wrt)

    @functools.cached_property
    def jacobian(self) -> Jacobian:
        """The Jacobian, as `jacobian(f, wrt)`."""
        return jacobian(self, self._wrt)

    @functools.cached_property
    def hessian(self) -> Jacobian:
        """The Hessian, as `hessian(f, wrt)`."""
        return hessian(self, self._wrt)

    @functools.cached_property
    def hvp(self) -> Hvp:
        """The product of the Hessian with a vector, as `hvp(f, wrt)`."""
        return hvp(self, self._wrt)

    def vjp(self, *primals: Any) -> tuple[Any, ...]:
        """`(out, vjp_fn)`, as `vjp(f, *primals)`."""
        return vjp(self, *primals, wrt=self._wrt)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        """`(out, tangent)`, as `jvp(f, primals, tangents)`."""
        return jvp(self, primals, tangents, wrt=self._wrt)

    def check(self, *args: Any, order: int = 1) -> None:
        """Compare with differences at these arguments; raises `AssertionError` where they disagree."""
        check_grads(self, args, order)

    @functools.cached_property
    def _function(self) -> Function:
        target = from_function(self._callee.fun)
        return pipeline.load_target(target, {})

    def _labels(self) -> tuple[str, ...]:
        return tuple(self._callee.names[i] for i in self._callee.resolve(self._wrt)[0])

    @functools.cached_property
    def listing(self) -> str:
        """The steps of the function, one operation a line."""
        return pipeline.listing_text(self._function)

    @functools.cached_property
    def forward(self) -> Derived:
        """The forward derivative; its `source` is what the command line prints."""
        return Derived(pipeline.text(self._function, "forward", self._labels()))

    @functools.cached_property
    def reverse(self) -> Derived:
        """The reverse derivative; its `source` is what the command line prints."""
        return Derived(pipeline.text(self._function, "reverse", self._labels()))

    @property
    def source(self) -> str:
        """The whole emitted module, which `save` writes."""
        return self.reverse.source

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write `source` under a header to a file that needs nothing but NumPy.

        Raises `FileExistsError` where it would replace a file that was not written by this tool (unless `force`).
        """
        target = from_function(self._callee.fun)
        source, name = target.source, target.source.short(target.name)
        place = relative(source.path or source.file)
        wrt = self._labels()
        again = ["adtransform", "reverse", f"{place}:{name}", "--wrt", ",".join(wrt), "-o", relative(path)]
        top = header(place, source.text, name, wrt, again)
        write(Path(path), pipeline.text(self._function, "reverse", wrt, header=top), force=force, source=source.path)

    def specialise(self, *args: Any) -> Callable[..., Any]:
        """The emitted function for arguments like these, without any dispatch: `f_reverse(*args) -> (value, gradients)`."""
        places, _ = self._callee.resolve(self._wrt)
        shape = Shape.of(self._callee.names, grad(self, self._wrt).prepare(self._callee.bind(args, {})))
        (code,) = codes(program_of(self._callee, shape).function, "reverse", shape.labels(places))
        return code

    def _repr_html_(self) -> str:
        """The listing and the reverse derivative, side by side."""
        cells = "".join(
            f'<td style="text-align:left;vertical-align:top"><pre>{html.escape(text)}</pre></td>'
            for text in (self.listing, self.reverse.source)
        )
        return f"<table><tr>{cells}</tr></table>"


class DifferentiableMethod:
    """A differentiable function bound to an object, which is an argument of the derivatives like any other."""

    def __init__(self, method: Differentiable, instance: Any) -> None:
        self.__func__, self.__self__ = method, instance
        functools.update_wrapper(self, method, updated=())
        del self.__wrapped__  # its first parameter is bound
        self.__signature__ = inspect.signature(types.MethodType(method, instance))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The method itself."""
        return self.__func__(self.__self__, *args, **kwargs)

    def __repr__(self) -> str:
        return f"<{self.__func__!r} of {self.__self__!r}>"

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.__func__, name)
        return functools.partial(found, self.__self__) if callable(found) else found

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        """`(out, tangent)`, as `jvp(f, primals, tangents)`."""
        return self.__func__.jvp((self.__self__, *primals), tangents)


@overload
def differentiate(fun: Callable[..., Any], /) -> Differentiable: ...
@overload
def differentiate(*, wrt: Wrt | None = None) -> Callable[[Callable[..., Any]], Differentiable]: ...
def differentiate(fun: Callable[..., Any] | None = None, /, *, wrt: Wrt | None = None) -> Any:
    """Make a function offer its derivatives: `@differentiate`, or with options `@differentiate(wrt="a")`.

    Without `wrt` the first parameter is differentiated.
    """
    if fun is None:
        return lambda f: Differentiable(f, wrt)
    return Differentiable(fun, wrt)
