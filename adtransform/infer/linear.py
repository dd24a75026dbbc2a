"""Products and linear algebra."""

from __future__ import annotations

import functools

import numpy as np

from adtransform.infer.arrays import common
from adtransform.infer.extents import array, as_array, axes, integer, product, shift
from adtransform.infer.row import Args, Kwargs, Named, Row, Types
from adtransform.ir import Atom, Const
from adtransform.lattice import (
    UNKNOWN,
    Array,
    Dim,
    Extent,
    Type,
    broadcast_dims,
    fresh_dim,
    rank_of,
)
from adtransform.ops import helper, resolve

Dims = tuple[Extent, ...]


def _matmul(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a, b = as_array(types[0]), as_array(types[1])
    dtype = common(types)
    if kwargs:
        return UNKNOWN
    if a.dims is None or b.dims is None:
        # A matrix on one side leaves an axis of it, whatever the other side is.
        return Array(dtype, None) if len(a.dims or ()) > 1 or len(b.dims or ()) > 1 else UNKNOWN
    if not a.dims or not b.dims:
        return UNKNOWN
    batch = broadcast_dims([a.dims[:-2], b.dims[:-2]]) or ()
    rows = a.dims[-2:-1] if len(a.dims) > 1 else ()
    columns = b.dims[-1:] if len(b.dims) > 1 else ()
    return array(dtype, (*batch, *rows, *columns))


def _dot(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a, b = as_array(types[0]), as_array(types[1])
    dtype = common(types)
    if kwargs or a.dims is None or b.dims is None:
        return UNKNOWN
    if not a.dims or not b.dims:
        return array(dtype, a.dims + b.dims)
    inner = b.dims[:-2] + b.dims[-1:] if len(b.dims) > 1 else ()
    return array(dtype, a.dims[:-1] + inner)


def _inner(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a, b = as_array(types[0]), as_array(types[1])
    if a.dims is None or b.dims is None:
        return UNKNOWN
    return array(common(types), a.dims + b.dims if not a.dims or not b.dims else a.dims[:-1] + b.dims[:-1])


def _outer(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a, b = as_array(types[0]), as_array(types[1])
    dims = tuple(fresh_dim() if x.dims is None else product(x.dims) for x in (a, b))
    return UNKNOWN if kwargs else Array(common(types), dims)


def _cross(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """Of vectors of three along the last axes; those of two are deprecated in NumPy."""
    dims = broadcast_dims([as_array(t).dims for t in types])
    return Array(common(types), dims if dims and dims[-1] == 3 and not kwargs else None)


def _cross_of_three(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """The same of vectors of three alone, along any axis."""
    every = [as_array(t).dims for t in types]
    aligned = not kwargs or len({d if d is None else len(d) for d in every}) == 1
    return Array(common(types), broadcast_dims(every) if aligned else None)


def _tensordot(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a, b = as_array(types[0]), as_array(types[1])
    if a.dims is None or b.dims is None:
        return Array(common(types), None)
    pair = _contracted(kwargs.get("axes", Const(2)), len(a.dims), len(b.dims))
    if pair is None:
        return Array(common(types), None)
    # tensordot gives a 0-d array where nothing is left.
    left = tuple(e for i, e in enumerate(a.dims) if i not in pair[0])
    return Array(common(types), left + tuple(e for i, e in enumerate(b.dims) if i not in pair[1]))


def _contracted(given: Atom, m: int, n: int) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The axes of both operands over which `tensordot` sums."""
    if not isinstance(given, Const):
        return None
    if isinstance(given.value, int):
        k = given.value
        return (tuple(range(m - k, m)), tuple(range(k))) if k <= min(m, n) else None
    first, second = ((x,) if isinstance(x, int) else tuple(x) for x in given.value)
    pair = axes(first, m), axes(second, n)
    return None if pair[0] is None or pair[1] is None else (pair[0], pair[1])


def _einsum(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    text = args[0].value if args and isinstance(args[0], Const) else None
    if not isinstance(text, str) or set(kwargs) - {"optimize"}:
        return UNKNOWN
    left, arrow, right = text.replace(" ", "").partition("->")
    if not arrow:
        right = "".join(sorted(c for c in set(left) - {",", "."} if left.count(c) == 1))
        right = "..." + right if "..." in left else right
    if "..." in left:
        ranks = [rank for t in types[1:] if (rank := rank_of(as_array(t))) is not None]
        if len(ranks) < len(types) - 1:
            return UNKNOWN
        wide = [rank - len(s.replace("...", "")) for s, rank in zip(left.split(","), ranks, strict=True) if "..." in s]
        count = len(right.replace("...", "")) + ("..." in right) * max(wide)
        left, _, right = helper("spelled")(f"{left}->{right}", *ranks, count).partition("->")
    extents: dict[str, Extent] = {}
    for labels, t in zip(left.split(","), types[1:], strict=False):
        dims = as_array(t).dims
        for place, label in enumerate(labels):
            found: Extent = fresh_dim() if dims is None or len(dims) != len(labels) else dims[place]
            known = extents.get(label, 1)
            extents[label] = found if known == 1 or (isinstance(known, Dim) and known.name.startswith("?")) else known
    return array(common(types[1:]), tuple(extents.get(c, 1) for c in right))


def _trace(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a = as_array(types[0])
    pair = [kwargs.get("axis1", Const(0)), kwargs.get("axis2", Const(1))]
    if a.dims is None or "dtype" in kwargs or "out" in kwargs or not all(isinstance(p, Const) for p in pair):
        return UNKNOWN
    gone = axes(tuple(p.value for p in pair if isinstance(p, Const)), len(a.dims))
    if gone is None:
        return UNKNOWN
    dtype = a.dtype if a.dtype is None else str(np.trace(np.ones((1, 1), a.dtype)).dtype)
    return array(dtype, tuple(e for i, e in enumerate(a.dims) if i not in gone))


@functools.cache
def _linalg_dtypes(op: str, dtype: str | None) -> tuple[str | None, ...] | None:
    function = resolve(op)
    assert function is not None
    if dtype is None:
        found = [_linalg_dtypes(op, d) for d in ("float32", "float64", "complex64", "complex128")]
        first = found[0]
        return None if first is None else (None,) * len(first)
    try:
        operands = (np.eye(2, dtype=dtype),) * (2 if op.endswith(("solve", "lstsq")) else 1)
        result = function(*operands)
    except (TypeError, ValueError, np.linalg.LinAlgError):
        return None
    return tuple(np.asarray(r).dtype.name for r in (result if isinstance(result, tuple) else (result,)))


def _square(op: str) -> Row:
    """`inv`, `cholesky`, ...: the shape of the operand."""

    def row(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
        a = as_array(types[0])
        dtypes = _linalg_dtypes(op, a.dtype)
        return Array(dtypes[0] if dtypes else None, a.dims)

    return row


def _solve(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a, b = as_array(types[0]), as_array(types[1])
    dtype = common(types)
    dtypes = None if dtype is None else _linalg_dtypes("numpy.linalg.solve", dtype)
    dims: Dims | None = None
    if a.dims is not None and b.dims is not None and len(a.dims) > 1 and b.dims:
        # NumPy 2: the right side is a vector only where it has one axis.
        batch = broadcast_dims([a.dims[:-2], b.dims[:-2]]) or ()
        dims = (*batch, a.dims[-1], *b.dims[-1:]) if len(b.dims) > 1 else (*a.dims[:-2], a.dims[-1])
    return Array(dtypes[0] if dtypes else None, dims)


def _det(op: str) -> Row:
    """`det`, `slogdet`: a number for each matrix."""

    def row(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
        a = as_array(types[0])
        dtypes = _linalg_dtypes(op, a.dtype)
        if dtypes is None or a.dims is None or len(a.dims) < 2:
            return (UNKNOWN,) * (1 if op.endswith(".det") else 2)
        return tuple(array(d, a.dims[:-2]) for d in dtypes)

    return row


def _eigh(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a = as_array(types[0])
    dtypes = _linalg_dtypes("numpy.linalg.eigh", a.dtype) or (None, None)
    return Array(dtypes[0], None if a.dims is None else a.dims[:-1]), Array(dtypes[1], a.dims)


def _eigvalsh(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a = as_array(types[0])
    dtypes = _linalg_dtypes("numpy.linalg.eigvalsh", a.dtype) or (None,)
    return Array(dtypes[0], None if a.dims is None else a.dims[:-1])


def _least(m: Extent, n: Extent) -> Extent:
    if isinstance(m, int) and isinstance(n, int):
        return min(m, n)
    return m if m == n else Dim("min({},{})".format(*sorted(e.name if isinstance(e, Dim) else str(e) for e in (m, n))))


def _flag(kwargs: Kwargs, name: str, default: bool) -> bool | None:
    given = kwargs.get(name, Const(default))
    return bool(given.value) if isinstance(given, Const) else None


def _svd(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a = as_array(types[0])
    vectors, full = _flag(kwargs, "compute_uv", True), _flag(kwargs, "full_matrices", True)
    u, s, v = _linalg_dtypes("numpy.linalg.svd", a.dtype) or (None, None, None)
    if vectors is None or full is None or a.dims is None or len(a.dims) < 2:
        return Array(s, None) if vectors is False else (Array(u, None), Array(s, None), Array(v, None))
    *batch, m, n = a.dims
    k = _least(m, n)
    if not vectors:
        return Array(s, (*batch, k))
    left, right = (m, n) if full else (k, k)
    return Array(u, (*batch, m, left)), Array(s, (*batch, k)), Array(v, (*batch, right, n))


def _qr(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a = as_array(types[0])
    dtypes = _linalg_dtypes("numpy.linalg.qr", a.dtype) or (None, None)
    if kwargs or a.dims is None or len(a.dims) < 2:
        return tuple(Array(d, None) for d in dtypes)
    *batch, m, n = a.dims
    k = _least(m, n)
    return Array(dtypes[0], (*batch, m, k)), Array(dtypes[1], (*batch, k, n))


def _pinv(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a = as_array(types[0])
    dtypes = _linalg_dtypes("numpy.linalg.pinv", a.dtype) or (None,)
    dims = None if a.dims is None or len(a.dims) < 2 else (*a.dims[:-2], a.dims[-1], a.dims[-2])
    return Array(dtypes[0], dims)


def _diag(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """`diag(v)`: a matrix of a vector, the diagonal of a matrix."""
    a = as_array(types[0])
    k = integer(named["k"], kwargs["k"]) if "k" in kwargs else 0
    if a.dims is None or k is None:
        return Array(a.dtype, None)
    if len(a.dims) == 1:
        side = shift(a.dims[0], abs(k))
        return Array(a.dtype, (side, side))
    return Array(a.dtype, (_along(*a.dims, k),)) if len(a.dims) == 2 else UNKNOWN


def _diagonal(first: int, second: int) -> Row:
    def row(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
        a = as_array(types[0])
        given = (kwargs.get("axis1", Const(first)), kwargs.get("axis2", Const(second)))
        if a.dims is None or not all(isinstance(g, Const) for g in given):
            return Array(a.dtype, None)
        pair = axes(tuple(g.value for g in given if isinstance(g, Const)), len(a.dims))
        if pair is None:
            return UNKNOWN
        offset = kwargs.get("offset", Const(0))
        extent = _along(a.dims[pair[0]], a.dims[pair[1]], offset.value if isinstance(offset, Const) else None)
        return Array(a.dtype, (*(e for i, e in enumerate(a.dims) if i not in pair), extent))

    return row


def _along(m: Extent, n: Extent, offset: int | None) -> Extent:
    """The length of a diagonal."""
    if offset is None:
        return fresh_dim()
    return _least(shift(m, min(0, offset)), shift(n, -max(0, offset)))


def _vdot(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    return array(common(types), ())


def _same(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a = as_array(types[0])
    return Array(a.dtype, a.dims if a.dims is None or len(a.dims) > 1 else None)


ROWS: dict[str, Row] = {
    **dict.fromkeys(("operator.matmul", "numpy.matmul"), _matmul),
    **{f"numpy.linalg.{n}": _square(f"numpy.linalg.{n}") for n in ("inv", "cholesky")},
    **{f"numpy.linalg.{n}": _det(f"numpy.linalg.{n}") for n in ("det", "slogdet")},
    **dict.fromkeys(("numpy.tril", "numpy.triu"), _same),
    "numpy.dot": _dot,
    "numpy.inner": _inner,
    "numpy.outer": _outer,
    "numpy.cross": _cross,
    "numpy.linalg.cross": _cross_of_three,
    "numpy.tensordot": _tensordot,
    "numpy.vdot": _vdot,
    "numpy.einsum": _einsum,
    "numpy.trace": _trace,
    "numpy.diag": _diag,
    "numpy.diagonal": _diagonal(0, 1),
    "numpy.linalg.diagonal": _diagonal(-2, -1),
    "numpy.linalg.svdvals": lambda types, named, args, kwargs: _svd(types, named, args, {"compute_uv": Const(False)}),
    "numpy.linalg.solve": _solve,
    "numpy.linalg.eigh": _eigh,
    "numpy.linalg.eigvalsh": _eigvalsh,
    "numpy.linalg.svd": _svd,
    "numpy.linalg.qr": _qr,
    "numpy.linalg.pinv": _pinv,
}
