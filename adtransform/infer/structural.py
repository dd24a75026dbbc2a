"""The IR's own operations: lists, writes, and what adjoints are made of."""

from __future__ import annotations

import functools

from adtransform.infer.elementwise import elementwise
from adtransform.infer.extents import along, array, as_array, count, integer
from adtransform.infer.row import Args, Kwargs, Named, Row, Types
from adtransform.ir import Const
from adtransform.lattice import (
    BOOL,
    FLOAT,
    INT,
    SHAPE,
    TEXT,
    UNDEFINED,
    UNKNOWN,
    Array,
    Dict,
    List,
    Parts,
    Scalar,
    Static,
    Tuple,
    Type,
    Unknown,
    dims_of,
    holding,
    item_of,
    join,
    kind_of,
    of_value,
    parts,
    rank_of,
    result_dtype,
)


def tangent(t: Type) -> Type:
    """The type of a tangent or an adjoint of a value: the value's own, with float for int and bool."""
    match t:
        case Scalar(kind, dtype) if kind in ("bool", "int"):
            return FLOAT if dtype is None else Scalar("float", "?" if dtype == "?" else "float64")
        case Array(str(), dims) if kind_of(t) in ("bool", "int"):
            return Array("float64", dims)
        case Parts(_, items):
            return parts(map(tangent, items))
        case List(item):
            return holding(t, tangent(item))
        case Tuple(items):
            return Tuple(tuple(tangent(i) for i in items))
    return t


def adjoint(t: Type) -> Type:
    """The type of an adjoint: that of a tangent, but a list for a tuple, whose items could not be written."""
    match t:
        case Parts(_, items) | Tuple(items):
            return parts(map(adjoint, items))
        case List(item):
            return holding(t, adjoint(item))
    return tangent(t)


def like(position: int) -> Row:
    """A result that is a tangent of the operand at this position."""
    return lambda types, named, args, kwargs: tangent(types[position])


def _same(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    return types[0]


def _shape(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    dims = dims_of(types[0])
    return SHAPE if dims is None else Tuple(tuple(count(e) for e in dims))


def _ndim(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    rank = rank_of(types[0])
    return INT if rank is None else count(rank)


def _len(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    if isinstance(types[0], Tuple):
        return count(len(types[0].items))
    dims = types[0].dims if isinstance(types[0], Array) else None
    return count(dims[0]) if dims else INT


def _list(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    start: Type = UNDEFINED
    return List(functools.reduce(join, types, start))


def _table(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """`table(keys, item, ...)`"""
    start: Type = UNDEFINED
    keys = args[0].value if isinstance(args[0], Const) else ()
    return Dict(functools.reduce(join, types[1:], start), functools.reduce(join, map(of_value, keys), start))


def _lookup(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """`lookup(items, key, default)`"""
    return join(item_of(types[0]), types[2]) if isinstance(types[0], List) else UNKNOWN


def _claim(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    return (types[0], _lookup(types, named, args, kwargs))  # type: ignore[return-value]


def _push(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    if types[0] == UNDEFINED:
        return List(types[1])
    return List(join(types[0].item, types[1])) if isinstance(types[0], List) else UNKNOWN


def _pop(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    return (types[0], item_of(types[0])) if isinstance(types[0], List) else (types[0], UNKNOWN)


def _extend(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    left, right = types
    return List(join(left.item, right.item)) if isinstance(left, List) and isinstance(right, List) else UNKNOWN


def _update(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a, key, value = types
    if isinstance(a, Parts) or not isinstance(a, List):
        return a
    if isinstance(a, Dict):
        return Dict(join(a.item, value), join(a.key, key))
    if isinstance(key, (Scalar, Unknown)):
        return List(join(a.item, value))
    return List(join(a.item, value.item)) if isinstance(value, List) else a


def _put_in(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a, value, *keys = types
    if not isinstance(a, List):
        return a
    if len(keys) == 1:
        return _update((a, keys[0], value), named, args, kwargs)
    inner = _put_in((a.item, value, *keys[1:]), named, args, kwargs)
    return _update((a, keys[0], inner), named, args, kwargs)  # type: ignore[arg-type]


def _push_in(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a, value, *keys = types
    if not isinstance(a, List):
        return a
    if not keys:
        return _push((a, value), named, args, kwargs)
    inner = _push_in((a.item, value, *keys[1:]), named, args, kwargs)
    return _update((a, keys[0], inner), named, args, kwargs)  # type: ignore[arg-type]


def _pop_in(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    inner = types[0]
    for _ in types:
        inner = item_of(inner) if isinstance(inner, List) else UNKNOWN
    return types[0], inner


def _expand(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """`expand(x, like)`: the values of x in the shape of `like`."""
    dims = dims_of(types[1])
    if dims is None:
        return Array(as_array(types[0]).dtype, None) if isinstance(types[1], Array) else UNKNOWN
    return types[0] if dims == () else Array(as_array(types[0]).dtype, dims)


def _strong(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    return elementwise("operator.mul", types)


def _shaped(position: int, *operands: int) -> Row:
    """An array in the shape of the operand at `position`, of the dtype that the `operands` have together."""

    def row(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
        dtype = result_dtype([as_array(types[i]) for i in operands])[1]
        return Array(None if dtype == "?" else dtype, dims_of(types[position]))

    return row


def _dot_share(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """`dot_left(bar, b, a)`, `dot_right(bar, a, b)`: in the shape of the last, or fitted to it where one is a scalar."""
    found = _shaped(2, 0, 1)(types, named, args, kwargs)
    assert isinstance(found, Array)
    if found.dims == ():
        return tangent(types[2])
    fitted = tangent(types[2])
    return found if isinstance(fitted, Array) and fitted.dtype == found.dtype else Array(None, found.dims)


def _flat_or_same(*operands: int) -> Row:
    """`delay(x, first, axis)`, `recur(factor, term, axis)`: flat where `axis` is None."""

    def row(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
        dtype = result_dtype([as_array(types[i]) for i in operands])[1]
        return Array(None if dtype == "?" else dtype, along(as_array(types[0]), named, kwargs))

    return row


def _columns(more: bool) -> Row:
    """`columns(x, like)`, `uncolumns(x, like)`: an axis more or less where `like` is a vector."""

    def row(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
        a, rank = as_array(types[0]), rank_of(types[1])
        if rank is None or a.dims is None:
            return Array(a.dtype, None) if more else UNKNOWN
        if rank != 1:
            return types[0]
        return Array(a.dtype, (*a.dims, 1)) if more else array(a.dtype, a.dims[:-1])

    return row


def _lanes(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    a = as_array(types[0])
    return Array(a.dtype, along(a, named, kwargs) if kwargs.get("axis", Const(None)) == Const(None) else None)


def _unpack(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    return types[0].items if isinstance(types[0], Tuple) else UNKNOWN


def _cast(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """`cast(x, like)`: the shape of x, the dtype and kind of `like`."""
    x, target = types[0], tangent(types[1])
    dims, dtype = dims_of(x), target.dtype if isinstance(target, Array) else None
    if isinstance(target, Scalar):
        dtype = as_array(target).dtype
    if dims is None:
        return Array(dtype, None) if isinstance(x, Array) else UNKNOWN
    if dims == ():
        return target if isinstance(target, Scalar) else array(dtype, ())
    return Array(dtype, dims)


def _piece(types: Types, named: Named, args: Args, kwargs: Kwargs) -> Types | Type:
    """`piece(bar, i, axis, *operands)`: in the shape of operand `i`."""
    i = integer(types[1], args[1])
    if i is None or i + 3 >= len(types):
        return UNKNOWN
    return Array(as_array(types[0]).dtype, dims_of(types[i + 3]))


ROWS: dict[str, Row] = {
    **dict.fromkeys(["assign", "copy.copy", "copy.deepcopy"], _same),
    "shape": _shape,
    "ndim": _ndim,
    "size": lambda types, named, args, kwargs: INT,
    "builtins.len": _len,
    "builtins.range": lambda types, named, args, kwargs: UNKNOWN,
    "list": _list,
    "table": _table,
    "lookup": _lookup,
    "claim": _claim,
    "drop": _same,
    "builtins.list": lambda types, named, args, kwargs: List(types[0].key) if isinstance(types[0], Dict) else UNKNOWN,
    "push": _push,
    "pop": _pop,
    "extend": _extend,
    "times": _same,
    "untimes": _same,
    "plus": _same,
    "update": _update,
    "exchange": _same,
    "put_in": _put_in,
    "grow_in": _same,
    "push_in": _push_in,
    "pop_in": _pop_in,
    "zeros": like(0),
    "fit": like(1),
    "accumulate": like(2),
    "accumulate_at": _same,
    "expand": _expand,
    "spread": _expand,
    "strong": _strong,
    "ifexp": lambda types, named, args, kwargs: join(types[1], types[2]),
    "matmul_left": like(2),
    "matmul_right": like(2),
    "cofactors": like(0),
    "moved_cofactors": like(0),
    "inverse": like(0),
    "polygamma": lambda types, named, args, kwargs: FLOAT,
    "cross_share": like(2),
    "dot_left": _dot_share,
    "dot_right": _dot_share,
    "tensordot_left": _shaped(2, 0, 1),
    "tensordot_right": _shaped(2, 0, 1),
    "contract": like(1),
    "swap": lambda types, named, args, kwargs: TEXT,
    "scatter": _shaped(2, 0),
    "undiag": _shaped(1, 0),
    "items": like(1),
    "pieces": like(2),
    "columns": _columns(True),
    "uncolumns": _columns(False),
    "lanes": _lanes,
    "delay": _flat_or_same(0),
    "recur": _flat_or_same(0, 1),
    "trips": lambda types, named, args, kwargs: INT,
    "unpack": _unpack,
    "cast": _cast,
    "piece": _piece,
    "logging.getLogger": lambda types, named, args, kwargs: Static("Logger"),
    "numpy.random.default_rng": lambda types, named, args, kwargs: Static("Generator"),
    "numpy.shares_memory": lambda types, named, args, kwargs: BOOL,
}
