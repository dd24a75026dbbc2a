"""What types make of the structural operations: where shapes are known, a helper becomes a sum, a product or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from adtransform.build import Builder, type_of
from adtransform.infer.extents import apart, count
from adtransform.infer.structural import tangent as tangent_type
from adtransform.ir import Atom, Const, Let, Var, is_temporary
from adtransform.lattice import (
    NONE,
    WHOLE,
    Array,
    Extent,
    List,
    Scalar,
    Tuple,
    Type,
    dims_of,
    is_many,
    is_numpy,
    is_scalar,
    kind_of,
    rank_of,
    same_kind,
    same_shape,
)
from adtransform.ops import elementwise, helper
from adtransform.optimise.fill import is_basic
from adtransform.optimise.simplify.engine import Simplifier, is_derived, is_floating, is_number, is_number_list, row

_FOLLOWED = 12  # writes to one adjoint


@row("assign")
def _assign(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    # A user's name for a value, and a tangent's, stay in the listing; `code` lets the value take the name (see `naming`).
    return let.args[0] if not let.targets[0].hint else None


@row("accumulate")
def _accumulate(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    acc, part, like = let.args
    lowered = reduced_to(s, part, like, b) or b.let("fit", part, like, type=tangent_type(type_of(like)))
    if s.source(acc, "zeros") is not None or is_number(acc, 0):
        return lowered
    if s.source(part, "zeros") is not None:
        return acc
    # A scalar's kind is what the sum gives (a Python float and a NumPy one make a NumPy one); the last cast settles it.
    kind = None if is_scalar(let.targets[0].type) else let.targets[0].type
    if (negated := s.source(lowered, "operator.neg")) is not None:
        return b.let("operator.sub", acc, negated.args[0], type=kind)
    return b.let("operator.add", acc, lowered, type=kind)


@row("fit")
def _fit(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    part, like = let.args
    return reduced_to(s, part, like, b)


@row("items")
def _items(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    """One number for each item of a list of numbers."""
    wide, like = s.source(let.args[0], "spread") or s.source(let.args[0], "expand"), type_of(let.args[1])
    if wide is None or not isinstance(like, List) or not is_number_list(like) or not is_scalar(type_of(wide.args[0])):
        return None
    number, dtype = wide.args[0], like.item.dtype if isinstance(like.item, Scalar) else None
    given = s.source(let.args[1], "load") is not None  # whose gradient is of the same kind
    if given and dtype != "?" and not same_kind(type_of(number), like.item):
        number = b.let("builtins.float" if dtype is None else f"numpy.{dtype}", number)
    return b.let("items", number, let.args[1])


@row("numpy.moveaxis")
def _moveaxis(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    part, source, destination = let.args
    return part if source == destination else None


def reduced_to(s: Simplifier, part: Atom, like: Atom, b: Builder) -> Atom | None:
    """A share reduced to the shape of `like` without the helper, where the types say how."""
    have, want = type_of(part), tangent_type(type_of(like))
    if have is want and isinstance(have, Array) and have.dims and have.dtype not in (None, "?"):
        return part
    inner = s.source(part, "fit")
    if inner is not None and inner.args[1] == like:
        return part
    if is_scalar(want) and is_scalar(have):
        if not _compatible(have, want):
            return None
        if isinstance(have, Scalar) or isinstance(want, Array):
            return part
        # An array without axes can be written, and then whoever shares it sees that: a number is made of it.
        return b.let("builtins.float", part) if _dtype(want) in (None, "float64") else None
    if is_scalar(want) and isinstance(have, Array) and kind_of(want) == kind_of(have) == "float" and _dtype(have) == "float64":
        total = b.let("numpy.sum", part)
        return total if _dtype(want) in (None, "?", "float64") else b.let("cast", total, like)
    to, from_ = dims_of(want), dims_of(have)
    if to is None or from_ is None or len(from_) < len(to) or not _compatible(have, want):
        return None
    lead = len(from_) - len(to)
    along: list[int] = []
    for axis, (e, g) in enumerate(zip(to, from_[lead:], strict=True)):
        if e == g or is_many(e):
            continue
        if e != 1:
            return None
        along.append(lead + axis)
    result = part
    if along:
        result = b.let("numpy.sum", result, axis=_axes(along), keepdims=True)
    if lead:
        result = b.let("numpy.sum", result, axis=_axes(range(lead))) if to else b.let("numpy.sum", result)
    return result


def _axes(axes: Iterable[int]) -> int | tuple[int, ...]:
    found = tuple(axes)
    return found[0] if len(found) == 1 else found


def _compatible(have: Type, want: Type) -> bool:
    """Whether a share needs no cast: the same dtype, or floats of which one is not known (the result is cast in the end).

    What is known to be narrower than others takes no share of an unknown dtype: what it is added to would be wider.
    """
    arrays = isinstance(have, Array) and isinstance(want, Array)
    if "?" in (found := (_dtype(have), _dtype(want))) or (None in found and arrays and found[1] in (None, "float64")):
        return kind_of(have) in ("float", None) and kind_of(want) in ("float", None)
    if is_scalar(have) and is_scalar(want):
        wide = {None, "float64", "?"}
        return kind_of(have) == kind_of(want) == "float" and (same_kind(have, want) or {_dtype(have), _dtype(want)} <= wide)
    if _dtype(have) is None and isinstance(have, Scalar):
        return kind_of(have) == "float"
    return _dtype(have) is not None and _dtype(have) == _dtype(want) and _dtype(have) != "?"


def _dtype(t: Type) -> str | None:
    return t.dtype if isinstance(t, (Array, Scalar)) else None


@row("expand")
def _expand(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    x, like = let.args
    if is_scalar(type_of(like)) and is_scalar(type_of(x)) or same_shape(type_of(x), type_of(like)):
        return x
    again = s.source(x, "expand")
    return b.let("expand", again.args[0], like) if again is not None else None


@row("cast")
def _cast(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    x, like = let.args
    have, want = type_of(x), tangent_type(type_of(like))
    if same_kind(have, want):
        return x
    if want == Scalar("float") and is_scalar(have):
        return b.let("builtins.float", x)
    if not isinstance(want, (Array, Scalar)) and s.fitted(x, like):
        return x
    return None


@row("zeros")
def _zeros(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    if isinstance(type_of(let.args[0]), Scalar):
        return Const(0.0)
    made = s.source(let.args[0], "table")
    if made is not None and len(made.args) == 1:
        return b.let("table", Const(()), type=let.targets[0].type)
    like = s.source(let.args[0], "list")
    return b.let("list", type=let.targets[0].type) if like is not None and not like.args else None


@row("size", "shape")
def _extent(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    if let.op == "size" and is_scalar(type_of(let.args[0])):
        return Const(1)
    asked = let.args[0]
    source = s.lets.get(asked) if isinstance(asked, Var) else None
    if source is None or not elementwise(source.op) or let.targets[0].hint:
        return None
    if let.op == "size" and isinstance(asked, Var) and not is_temporary(asked) and dims_of(asked.type) is not None:
        return None  # the user's name will do
    same = [a for a in source.args if isinstance(a, Var) and s.shaped(a, let.args[0])]
    return b.let(let.op, same[0]) if same else None


@row("spread")
def _spread(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    bar, like = let.args
    given = dict(let.kwargs)
    axis, keep = given.get("axis", Const(None)), given.get("keepdims", Const(False))
    rank = rank_of(type_of(like))
    if not isinstance(axis, Const) or not isinstance(keep, Const):
        return None
    if is_scalar(type_of(like)):
        return bar
    if axis.value is None and (keep.value or is_scalar(type_of(bar))):
        return b.let("expand", bar, like)
    if rank is None or axis.value is None:
        return None
    if keep.value:
        return b.let("expand", bar, like)
    axes = {a % rank for a in (axis.value if isinstance(axis.value, tuple) else (axis.value,))}
    if axes == set(range(len(axes))):
        return b.let("expand", bar, like)
    whole = b.let("slice", None, None, None) if len(axes) < rank else None
    key = [None if i in axes else whole for i in range(max(axes) + 1)]
    return b.let("expand", b.let("index", bar, b.let("tuple", *key)), like)


@row("matmul_left")
def _matmul_left(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    bar, right, left = let.args
    match rank_of(type_of(left)), rank_of(type_of(right)):
        case 2, 2:
            return _shaped(b.let("operator.matmul", bar, b.let("numpy.transpose", right)), left, b)
        case 2, 1:
            return _shaped(b.let("numpy.outer", bar, right), left, b)
        case 1, 2:
            return _shaped(b.let("operator.matmul", right, bar), left, b)
        case 1, 1:
            return _shaped(b.let("operator.mul", bar, right), left, b)
    return None


def _shaped(share: Var, like: Atom, b: Builder) -> Var:
    """The share that was just built, known to have the shape of its operand: products do not broadcast their own axes."""
    last, have, dims = b.body[-1], share.type, dims_of(type_of(like))
    if not isinstance(have, Array) or not isinstance(last, Let) or have.dims == dims:
        return share
    shaped = Var(Array(have.dtype, dims), share.hint, share.of, share.wrt)
    b.body[-1] = replace(last, targets=(shaped,))
    return shaped


@row("matmul_right")
def _matmul_right(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    bar, left, right = let.args
    match rank_of(type_of(left)), rank_of(type_of(right)):
        case (2, 2) | (2, 1):
            return _shaped(b.let("operator.matmul", b.let("numpy.transpose", left), bar), right, b)
        case 1, 2:
            return _shaped(b.let("numpy.outer", left, bar), right, b)
        case 1, 1:
            return _shaped(b.let("operator.mul", bar, left), right, b)
    return None


@row("update")
def _update(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    array, key, value = let.args
    number = s.source(value, "operator.pos")
    return array if key == Const(...) and number is not None and number.args[0] == array else None


@row("accumulate_at")
def _accumulate_at(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    acc, key, part = let.args
    wide = s.source(part, "expand")
    if wide is not None and is_scalar(type_of(wide.args[0])) and isinstance(type_of(acc), Array) and not _is_all(type_of(key)):
        thin = replace(let, args=(acc, key, wide.args[0]))  # as NumPy repeats it
        found = _added(s, thin, b)
        return b.let(thin.op, *thin.args, type=type_of(acc)) if found is None else found
    return _added(s, let, b)


def _is_all(key: Type) -> bool:
    """Whether a key is of whole axes and new ones only."""
    return all(k in (WHOLE, NONE) for k in (key.items if isinstance(key, Tuple) else (key,)))


def _added(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    acc, key, part = let.args
    before = s.source(acc, "accumulate_at") or s.source(acc, "update")
    if before is not None and before.args[1:] == (key, part) and is_basic(type_of(key)) and isinstance(part, Var):
        around = type_of(acc)
        if is_floating(part) and (not isinstance(around, List) or around.item == part.type):
            return b.let(before.op, before.args[0], key, b.let("operator.mul", 2.0, part), type=type_of(acc))
    empty = s.source(acc, "zeros")
    if isinstance(type_of(acc), List):
        return None
    if empty is None:
        whole = _unfolded(s, key, part, acc, b) if is_derived(let) and isinstance(type_of(acc), Array) else None
        if whole is not None:
            return b.let("operator.add", acc, whole, type=type_of(acc))
        alone = is_derived(let) and is_basic(type_of(key)) and _is_empty(s, acc, key)
        return b.let("update", acc, key, part, type=type_of(acc)) if alone else None
    whole = _unfolded(s, key, part, empty.args[0], b)
    if whole is not None:
        return whole
    if is_basic(type_of(key)):
        return b.let("update", acc, key, part, type=acc.type if isinstance(acc, Var) else None)
    return None


def _is_empty(s: Simplifier, acc: Atom, key: Atom) -> bool:
    """Whether an adjoint has got shares since it was zero, but none where this one is to be added."""
    for _ in range(_FOLLOWED):
        before = s.source(acc, "accumulate_at") or s.source(acc, "update")
        if before is None:
            return s.source(acc, "zeros") is not None or s.source(acc, "numpy.zeros") is not None
        if not apart(_counted(before.args[1]), _counted(key)):
            return False
        acc = before.args[0]
    return False


def _counted(key: Atom) -> Type:
    """The type of a key; that of a constant says which it is."""
    return count(key.value) if isinstance(key, Const) and type(key.value) is int else type_of(key)


def _unfolded(s: Simplifier, key: Atom, part: Atom, like: Atom, b: Builder) -> Atom | None:
    """For a key of whole axes and new axes only (`b[:, None]`): the share with the new axes taken away again."""
    t = type_of(key)
    kinds = t.items if isinstance(t, Tuple) else (t,)
    rank, width = rank_of(type_of(like)), rank_of(type_of(part))
    if not _is_all(t) or rank is None or width != rank + kinds.count(NONE):
        return None
    if not _compatible(type_of(part), tangent_type(type_of(like))):
        return None
    if kinds.count(NONE) == 0:
        return part
    new = [i for i, k in enumerate(kinds) if k == NONE]
    summed = s.source(part, "numpy.sum")
    if summed is not None and dict(summed.kwargs) == {"axis": Const(_axes(new)), "keepdims": Const(True)}:
        return b.let("numpy.sum", summed.args[0], axis=_axes(new))
    whole = b.let("slice", None, None, None)
    last = max(new) + 1
    return b.let("index", part, b.let("tuple", *(0 if i in new else whole for i in range(last))))


@row("dot_left")
def _dot_left(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    return _matmul_left(s, let, b) if all(rank_of(type_of(a)) in (1, 2) for a in let.args[1:]) else None


@row("dot_right")
def _dot_right(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    return _matmul_right(s, let, b) if all(rank_of(type_of(a)) in (1, 2) for a in let.args[1:]) else None


@row("numpy.ravel")
def _ravel(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    return let.args[0] if isinstance(type_of(let.args[0]), Array) and rank_of(type_of(let.args[0])) == 1 else None


@row("numpy.reshape")
def _reshape(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    wanted = s.source(let.args[1], "shape") if len(let.args) == 2 and not let.kwargs else None
    return let.args[0] if wanted is not None and same_shape(type_of(let.args[0]), type_of(wanted.args[0])) else None


@row("numpy.transpose")
def _transpose(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    inner = s.source(let.args[0], "numpy.transpose")
    if inner is not None and not inner.kwargs and not let.kwargs:
        return inner.args[0]
    return None if let.kwargs else _turned(s, let.args[0], b)


def _turned(s: Simplifier, a: Atom, b: Builder) -> Atom | None:
    """`(u.T @ v).T` is `v.T @ u`, and an outer product is turned by exchanging the vectors."""
    if rank_of(type_of(a)) != 2:
        return None
    outer = s.source(a, "numpy.outer")
    if outer is not None and is_derived(outer):
        return b.let("numpy.outer", *reversed(outer.args))
    product = s.source(a, "operator.matmul")
    if product is None or not is_derived(product) or any(rank_of(type_of(x)) != 2 for x in product.args):
        return None
    u, v = product.args
    left = s.source(u, "numpy.transpose")
    if left is None or left.kwargs:
        return None
    right = s.source(v, "numpy.transpose")
    turned = right.args[0] if right is not None and not right.kwargs else b.let("numpy.transpose", v)
    return b.let("operator.matmul", turned, left.args[0])


@row("numpy.argsort")
def _argsort(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    """The order that undoes one of axes that are known."""
    wrapped = s.source(let.args[0], "numpy.remainder")
    axes = wrapped.args[0] if wrapped is not None and not let.kwargs else None
    if not isinstance(axes, Const) or not isinstance(axes.value, tuple):
        return None
    return Const(tuple(sorted(range(len(axes.value)), key=[a % len(axes.value) for a in axes.value].__getitem__)))


@row("numpy.swapaxes")
def _swapaxes(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    """Of a matrix, its transpose."""
    axes = [a.value for a in (*let.args[1:], *(v for _, v in let.kwargs)) if isinstance(a, Const)]
    if rank_of(type_of(let.args[0])) != 2 or len(axes) != 2 or {a % 2 for a in axes} != {0, 1}:
        return None
    made = replace(let, op="numpy.transpose", args=let.args[:1], kwargs=())
    return _transpose(s, made, b) or b.let("numpy.transpose", let.args[0])


@row("numpy.outer")
def _outer(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    """A sign stands before the product."""
    u, v = let.args
    for k, a in enumerate((u, v)):
        negated = s.source(a, "operator.neg")
        if negated is not None and is_derived(negated):
            return b.let("operator.neg", b.let("numpy.outer", *((negated.args[0], v) if k == 0 else (u, negated.args[0]))))
    return None


@row("numpy.conjugate", "numpy.real")
def _real_part(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    """Of a real number, itself (of a Python float `np.conjugate` makes a NumPy scalar)."""
    t = type_of(let.args[0])
    if isinstance(let.args[0], Const) and let.op == "numpy.real" and type(let.args[0].value) is float:
        return let.args[0]
    safe = isinstance(t, Array) or is_numpy(t) or (let.op == "numpy.real" and isinstance(t, Scalar))
    return let.args[0] if kind_of(t) == "float" and safe and not let.kwargs else None


@row("swap")
def _swap(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    if not all(isinstance(a, Const) for a in let.args):
        return None
    return Const(helper("swap")(*(a.value for a in let.args if isinstance(a, Const))))


@row("contract")
def _contract(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    """An `einsum`, where each label of the output occurs once in it and in the operands, and nothing was broadcast."""
    subscripts, like, *operands = let.args
    if not isinstance(subscripts, Const):
        return None
    if "..." in subscripts.value:
        ranks = [rank for a in (*operands, like) if (rank := rank_of(type_of(a))) is not None]
        if len(ranks) <= len(operands):
            return None
        subscripts = Const(helper("spelled")(subscripts.value, *ranks))
    terms, _, out = subscripts.value.partition("->")
    if len(set(out)) < len(out) or not set(out) <= set(terms):
        return None
    extents: dict[str, set[Extent]] = {}
    for labels, a in zip((*terms.split(","), out), (*operands, like), strict=True):
        dims = dims_of(type_of(a))
        if dims is None or len(dims) != len(labels):
            return None
        for label, extent in zip(labels, dims, strict=True):
            extents.setdefault(label, set()).add(extent)
    if not all(len(e) == 1 or all(map(is_many, e)) for e in extents.values()):
        return None if subscripts is let.args[0] else b.let("contract", subscripts, like, *operands)
    return b.let("fit", b.let("numpy.einsum", subscripts, *operands), like)
