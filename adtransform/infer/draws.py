"""What a generator of random numbers draws."""

from __future__ import annotations

from adtransform.infer.extents import lengths
from adtransform.infer.row import Args, Kwargs, Named, Row, Types
from adtransform.ir import Const
from adtransform.lattice import UNKNOWN, Array, Scalar, Type

# The methods that draw, with how many parameters stand before the size.
DRAWS = {
    **dict.fromkeys("random standard_normal standard_exponential".split(), 0),
    **dict.fromkeys("exponential chisquare choice poisson geometric rayleigh standard_t standard_gamma weibull".split(), 1),
    **dict.fromkeys("normal uniform gamma beta lognormal laplace logistic gumbel".split(), 2),
    **dict.fromkeys("integers binomial multivariate_normal".split(), 2),
    "triangular": 3,
    "permutation": 2,  # it has no size
}
_OF_ANY_TYPE = ("multivariate_normal", "poisson", "geometric", "binomial")


def _drawn(name: str) -> Row:
    before = DRAWS[name]

    def row(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
        if name in _OF_ANY_TYPE or "dtype" in kwargs or len(args) > before + 2:  # the first operand is the generator
            return UNKNOWN
        if len(args) == before + 2:
            size, t = args[-1], types[-1]
        else:
            size, t = kwargs.get("size", Const(None)), named.get("size", UNKNOWN)
        parameters = (*types[1 : before + 1], *(t for k, t in named.items() if k != "size"))
        alone = all(isinstance(t, Scalar) for t in parameters)
        first = types[1] if len(types) > 1 else UNKNOWN
        if name in ("choice", "permutation") and not isinstance(first, Scalar):
            return UNKNOWN
        if name == "permutation":
            return Array("int64", lengths(first, args[1]))
        if size == Const(None):
            number = {"choice": Scalar("int"), "integers": Scalar("int", "int64")}.get(name, Scalar("float"))
            return number if alone or name == "choice" else UNKNOWN
        dims = lengths(t, size)
        return UNKNOWN if dims is None else Array("int64" if name in ("choice", "integers") else "float64", dims)

    return row


ROWS: dict[str, Row] = {f"numpy.random.Generator.{name}": _drawn(name) for name in DRAWS}
