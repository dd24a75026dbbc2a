"""Equations of arithmetic: factors of one, signs, constants."""

from __future__ import annotations

import math
from dataclasses import replace

from adtransform.build import Builder, type_of
from adtransform.ir import Atom, Const, Let, Var
from adtransform.lattice import (
    INT,
    Array,
    Scalar,
    dims_of,
    is_numpy,
    is_scalar,
    kind_of,
    rank_of,
    same_kind,
    same_shape,
)
from adtransform.ops import elementwise
from adtransform.optimise.simplify.engine import Simplifier, is_derived, is_floating, is_number, is_number_list, row
from adtransform.rewrite import operands

# What the parts of a product, or of a sum, are where an equation may hold.
_FACTORS = frozenset("operator.mul operator.truediv numpy.divide operator.neg".split())
_TERMS = frozenset("zeros operator.neg operator.add operator.sub operator.matmul numpy.dot".split())


@row("operator.mul", "numpy.multiply")
def _mul(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    x, y = let.args
    if isinstance(x, Var) and isinstance(y, Var) and s.op(x) not in _FACTORS and s.op(y) not in _FACTORS:
        return None
    found = _logistic(s, x, y, b)
    if found is not None:
        return found
    constants = _constants(s, let, b) or _cancelled(s, let, b)
    if constants is not None:
        return constants
    for one, other in ((x, y), (y, x)):
        if is_number(one, 1) and (is_floating(other) or isinstance(one, Const) and type(one.value) is int):
            return other
        if is_number(one, -1) and is_floating(other):
            return b.let("operator.neg", other)
    for ratio, other in ((x, y), (y, x)):
        # (1.0 / n) * a reads a / n, and an array divided by 0 is no exception.
        parts = s.source(ratio, "numpy.divide") or s.source(ratio, "operator.truediv")
        if (
            parts is not None
            and not parts.targets[0].hint
            and (is_number(parts.args[0], 1) or is_number(parts.args[0], -1))
            and isinstance(type_of(other), Array)
        ):
            quotient = b.let("operator.truediv", other, parts.args[1])
            return quotient if is_number(parts.args[0], 1) else b.let("operator.neg", quotient)
    for left, right, flip in ((x, y, False), (y, x, True)):
        negated = s.source(left, "operator.neg")
        if negated is not None:
            inner = negated.args[0]
            return b.let("operator.neg", b.let(let.op, *((right, inner) if flip else (inner, right))))
    return None


def _logistic(s: Simplifier, x: Atom, e: Atom, b: Builder) -> Atom | None:
    """Where `y = 1 / t` and `t = 1 + e` with `e = exp(...)`: `a / t * y * e` is `a * y * (1 - y)`, which needs but `y`.

    As with the slope of `tanh`; and where `e` overflows, it is 0.
    """
    product = s.source(x, "operator.mul")
    if product is None or product.targets[0].hint or not (s.source(e, "numpy.exp") or s.source(e, "math.exp")):
        return None
    for share, y in (product.args, product.args[::-1]):
        ratio, inverse = s.source(share, "operator.truediv"), s.source(y, "operator.truediv")
        if ratio is None or inverse is None or not is_number(inverse.args[0], 1) or (share != y and ratio.targets[0].hint):
            continue
        total = s.source(inverse.args[1], "operator.add")
        if total is None or ratio.args[1] != inverse.args[1]:
            continue
        one, other = total.args if total.args[1] == e else total.args[::-1]
        if other == e and is_number(one, 1):
            slope = b.let("operator.mul", y, b.let("operator.sub", Const(1), y), type=type_of(y))
            return slope if share == y else b.let("operator.mul", ratio.args[0], slope)
    return None


def _constants(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    """`-0.5 * (2 * z)`, `0.5 * u * (2 * v)`: the constants of a derivative's factors that cancel."""
    if let.targets[0].hint or let.op != "operator.mul":
        return None
    factors = [_factor(s, a) for a in let.args]
    if None in factors or all(rest is None for _, rest in filter(None, factors)):
        return None
    product: float = 1
    rests: list[Atom] = []
    for constant, rest in filter(None, factors):
        product *= constant
        rests += [rest] if rest is not None else []
    t = let.targets[0].type
    if product not in (1, -1) or not (kind_of(t) in ("float", "complex") and all(map(is_floating, rests))):
        return None
    rest = rests[0] if len(rests) == 1 else b.let("operator.mul", *rests, type=t)
    return rest if product == 1 else b.let("operator.neg", rest, type=t)


def _factor(s: Simplifier, a: Atom) -> tuple[float, Atom | None] | None:
    """A constant, or the constant factor of a derivative's product and what it is multiplied with."""
    if isinstance(a, Const):
        return (a.value, None) if type(a.value) in (int, float) and a.said is None else None
    inner = s.source(a, "operator.mul")
    if inner is not None and not inner.targets[0].hint:
        for one, other in (inner.args, inner.args[::-1]):
            if isinstance(one, Const) and type(one.value) in (int, float) and one.said is None:
                return one.value, other
    return None


def _cancelled(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    """`bar / (k * u) * k`, and `k * du / (k * u)`, as the logarithm of a multiple has them: the constant `k` goes."""
    found: list[tuple[Atom, Atom, Let]] = []
    if let.op == "operator.mul":
        for k, share in (let.args, let.args[::-1]):
            ratio = s.source(share, "operator.truediv") or s.source(share, "numpy.divide")
            if ratio is not None and not ratio.targets[0].hint:
                found.append((k, ratio.args[0], ratio))
    elif (product := s.source(let.args[0], "operator.mul")) is not None and not product.targets[0].hint:
        found += [(k, other, let) for k, other in (product.args, product.args[::-1])]
    for k, other, ratio in found:
        whole = s.source(ratio.args[1], "operator.mul")
        if whole is not None and k in whole.args and _value(s, k):
            rest = whole.args[1] if whole.args[0] == k else whole.args[0]
            if kind_of(type_of(rest)) is not None:  # no list, which would be repeated
                return b.let(ratio.op, other, rest, type=let.targets[0].type)
    return None


def _value(s: Simplifier, a: Atom, depth: int = 3) -> float:
    """The number that a constant, or a product of a few constants, is; 0 where it is none."""
    if isinstance(a, Const):
        return a.value if type(a.value) in (int, float) and math.isfinite(a.value) else 0
    product = s.source(a, "operator.mul") if depth else None
    found = math.prod(_value(s, x, depth - 1) for x in product.args) if product is not None else 0
    return found if math.isfinite(found) else 0


@row("operator.truediv", "numpy.divide")
def _div(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    x, y = let.args
    if is_number(y, 1) and is_floating(x):
        return x
    negated = s.source(x, "operator.neg")
    if negated is not None:
        return b.let("operator.neg", b.let(let.op, negated.args[0], y))
    if (cancelled := _cancelled(s, let, b)) is not None:
        return cancelled
    if let.op == "numpy.divide" and (_is_nonzero(s, y) or any(is_numpy(type_of(a)) for a in (x, y))):
        return b.let("operator.truediv", x, y)
    found = _share_of_mean(s, x, y, b)
    if found is not None:
        return found
    # (1.0 / n) / a reads 1.0 / (n * a), and an array divided by 0 is no exception.
    ratio = s.source(x, "numpy.divide")
    if ratio is not None and not ratio.targets[0].hint and isinstance(type_of(y), Array):
        one, n = ratio.args
        if (is_number(one, 1) or is_number(one, -1)) and is_scalar(type_of(n)) and is_floating(y):
            return b.let("operator.truediv", one, b.let("operator.mul", n, y), type=let.targets[0].type)
    return None


def _is_nonzero(s: Simplifier, a: Atom) -> bool:
    """Whether a number is known not to be 0: a constant, more than a square, infinite where it would be, or a multiple.

    What Python has divided by is none either.
    """
    if isinstance(a, Const):
        return type(a.value) in (int, float) and a.value != 0
    if a in s.divisors:
        return True
    chosen = s.source(a, "ifexp")
    if chosen is not None and chosen.args[1] == Const(math.inf):
        test = s.source(chosen.args[0], "operator.eq")
        return test is not None and test.args == (chosen.args[2], Const(0))
    product = s.source(a, "operator.mul")
    if product is not None and any(_is_multiple(x) and _is_nonzero(s, y) for x, y in (product.args, reversed(product.args))):
        return True
    total = s.source(a, "operator.add")
    return total is not None and any(
        isinstance(x, Const) and type(x.value) in (int, float) and x.value > 0 and _is_square(s, y)
        for x, y in (total.args, reversed(total.args))
    )


def _is_multiple(a: Atom) -> bool:
    """Whether it is a number that makes no other one smaller, and so no 0."""
    return isinstance(a, Const) and type(a.value) in (int, float) and abs(a.value) >= 1


def _is_square(s: Simplifier, a: Atom) -> bool:
    product, power = s.source(a, "operator.mul"), s.source(a, "operator.pow")
    square = product is not None and product.args[0] == product.args[1]
    square = square or (power is not None and power.args[1] == Const(2))
    return square and kind_of(type_of(a)) != "complex"


def _share_of_mean(s: Simplifier, x: Atom, y: Atom, b: Builder) -> Atom | None:
    """`a * bar.size / u.size` is `a / u.shape[0]`, where `bar` has all the other axes of `u`."""
    product, whole = s.source(x, "operator.mul"), s.source(y, "size")
    part = s.source(product.args[1], "size") if product is not None else None
    if product is None or whole is None or part is None or not isinstance(type_of(product.args[0]), Array):
        return None
    rest, dims = [d for d in dims_of(type_of(part.args[0])) or () if d != 1], dims_of(type_of(whole.args[0]))
    left = [i for i, d in enumerate(dims or ()) if d != 1 and not (rest and rest[0] == d and rest.pop(0))]
    if rest or len(left) != 1:
        return None
    extent = b.let("index", b.let("shape", whole.args[0]), left[0])
    return b.let("operator.truediv", product.args[0], extent)


@row("numpy.power", "operator.pow")
def _pow(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    x, y = let.args
    if is_number(y, 1) and isinstance(y, Const):
        return x if type(y.value) is int or is_floating(x) else None
    if let.op == "numpy.power" and isinstance(y, Const) and type(y.value) is int and y.value >= 2:
        return b.let("operator.pow", x, y)
    return None


@row("operator.matmul")
def _matmul(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    x, y = let.args
    for negated, args in ((s.source(x, "operator.neg"), lambda a: (a, y)), (s.source(y, "operator.neg"), lambda a: (x, a))):
        if negated is not None and not negated.targets[0].hint:
            return b.let("operator.neg", b.let(let.op, *args(negated.args[0]), type=let.targets[0].type))
    return None


@row("operator.neg")
def _neg(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    negated = s.source(let.args[0], "operator.neg")
    return negated.args[0] if negated is not None else None


@row("numpy.negative")
def _negative(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    """How far is rolled back: a Python int."""
    (x,) = let.args
    if let.kwargs or not isinstance(t := type_of(x), Scalar) or (t.kind, t.dtype) != ("int", None):
        return None
    less = s.source(x, "operator.sub")
    if less is not None and not less.targets[0].hint:
        return b.let("operator.sub", *reversed(less.args), type=INT)
    return b.let("operator.neg", x, type=INT)


@row("operator.add")
def _add(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    x, y = let.args
    if x == y and isinstance(x, Var):
        return b.let("operator.mul", 2.0, _unnamed(s, x, let.targets[0], b))
    if isinstance(x, Var) and isinstance(y, Var) and s.op(x) not in _TERMS and s.op(y) not in _TERMS:
        return None
    if is_number(x, 0) and is_floating(y):
        return y
    if is_number(y, 0) and is_floating(x):
        return x
    for zero, other in ((x, y), (y, x)):
        made = s.source(zero, "zeros")
        if made is not None and is_derived(made) and same_shape(type_of(x), type_of(y)) and same_kind(type_of(x), type_of(y)):
            return other
    if (negated := s.source(y, "operator.neg")) is not None and not negated.targets[0].hint:
        return b.let("operator.sub", x, negated.args[0])
    if (negated := s.source(x, "operator.neg")) is not None and not negated.targets[0].hint:
        return b.let("operator.sub", y, negated.args[0])
    return _counted(s, x, y, 1, b) or _twice(s, let, b) or _both_ways(s, x, y, b)


def _both_ways(s: Simplifier, x: Atom, y: Atom, b: Builder) -> Atom | None:
    """`u @ v + v @ u` of vectors is `2.0 * (u @ v)`."""
    for op in ("operator.matmul", "numpy.dot"):
        one, other = s.source(x, op), s.source(y, op)
        if one is not None and other is not None and one.args == other.args[::-1] and not one.targets[0].hint:
            if all(rank_of(type_of(a)) == 1 and kind_of(type_of(a)) == "float" for a in one.args):
                return b.let("operator.mul", 2.0, x)
    return None


def _unnamed(s: Simplifier, x: Var, whole: Var, b: Builder) -> Var:
    """A part of an adjoint without the adjoint's name, where it was computed right before: what is made of it has the name."""
    last = b.body[-1] if b.body else None
    if x.of is None or x.of is not whole.of or not isinstance(last, Let) or last.targets != (x,):
        return x
    made = Var(x.type)
    b.body[-1] = last = replace(last, targets=(made,))
    s.note(last)
    s.env[x] = made
    return made


@row("operator.sub")
def _sub(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    x, y = let.args
    if is_number(y, 0) and is_floating(x):
        return x
    if (negated := s.source(y, "operator.neg")) is not None and not negated.targets[0].hint:
        return b.let("operator.add", x, negated.args[0])
    return _counted(s, x, y, -1, b) or _twice(s, let, b)


def _counted(s: Simplifier, x: Atom, y: Atom, sign: int, b: Builder) -> Atom | None:
    """Index arithmetic: `(n - 1) + 1` is n, `(n - 1) - 1` is `n - 2`."""
    if not isinstance(y, Const) or type(y.value) is not int or kind_of(type_of(x)) != "int":
        return None
    offset = sign * y.value
    inner = s.source(x, "operator.add") or s.source(x, "operator.sub")
    if inner is None:
        return x if offset == 0 else None
    base, other = inner.args
    if not isinstance(other, Const) or type(other.value) is not int or kind_of(type_of(base)) != "int":
        return None
    offset += other.value if inner.op == "operator.add" else -other.value
    if offset == 0:
        return base
    return b.let("operator.add", base, offset) if offset > 0 else b.let("operator.sub", base, -offset)


def _twice(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    """`(a + s) + s` is `a + 2 * s`, and so with minus."""
    x, y = let.args
    inner = s.source(x, let.op)
    if inner is None or not isinstance(y, Var) or inner.args[1] is not y or not is_floating(y) or inner.targets[0].hint:
        return None
    return b.let(let.op, inner.args[0], b.let("operator.mul", 2.0, y), type=let.targets[0].type)


@row("numpy.sum")
def _sum(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    x, target = let.args[0], let.targets[0]
    if let.kwargs == (("axis", Const(0)),) and rank_of(type_of(x)) == 1:
        return b.let("numpy.sum", x)
    listed = s.source(x, "numpy.asarray")
    if listed is not None and not let.kwargs and len(listed.args) == 1 and is_number_list(type_of(listed.args[0])):
        return b.let("builtins.sum", listed.args[0])
    if (negated := s.source(x, "operator.neg")) is not None and not negated.targets[0].hint:
        return b.let("operator.neg", b.apply("numpy.sum", negated.args, dict(let.kwargs), types=(target.type,))[0])
    product = s.source(x, "operator.mul")
    if product is None or product.targets[0].hint or let.kwargs:
        return None
    u, v = (type_of(a) for a in product.args)
    if not (isinstance(u, Array) and isinstance(v, Array) and same_shape(u, v) and u.dtype == v.dtype == "float64"):
        return None
    # A product of vectors needs no array for the products of their elements.
    return b.let("operator.matmul" if rank_of(u) == 1 else "numpy.vdot", *product.args, type=target.type)


@row("numpy.where", "ifexp")
def _where(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    if len(let.args) != 3:
        return None
    cond, x, y = let.args
    inner = s.source(x, let.op)
    if inner is not None and len(inner.args) == 3 and isinstance(inner.args[1], Const) and _excludes(s, cond, inner.args[0]):
        return b.let(let.op, cond, inner.args[2], y, type=let.targets[0].type)
    if (both := s.source(cond, "operator.and_")) is not None and Const(False) in both.args:
        # `(u == 0) & False`: nowhere, in the shape of `u`.
        return y if all(_spans(s, y, a) for a in both.args) else None
    equal = s.source(cond, "operator.eq")
    if isinstance(cond, Const) and type(cond.value) is bool:
        found = x if cond.value else y
    elif equal is not None and equal.args[1] == Const(None) and isinstance(type_of(equal.args[0]), (Array, Scalar)):
        found = y  # no number is None
    elif x == y and isinstance(x, Const):
        found = x
    else:
        return None
    # The other operands may have given the result its shape.
    return found if same_shape(type_of(found), let.targets[0].type) else None


def _spans(s: Simplifier, a: Atom, part: Atom, depth: int = 3) -> bool:
    """Whether `a` is computed element by element from all that `part` is, so that its shape covers that of `part`."""
    if a == part or isinstance(part, Const) or is_scalar(type_of(part)):
        return True
    if depth == 0:
        return False
    let, inner = (s.lets.get(v) if isinstance(v, Var) else None for v in (a, part))
    if let is not None and elementwise(let.op) and any(_spans(s, o, part, depth - 1) for o in let.args):
        return True
    return inner is not None and elementwise(inner.op) and all(_spans(s, a, o, depth - 1) for o in operands(inner))


def _excludes(s: Simplifier, cond: Atom, other: Atom) -> bool:
    """Whether nowhere both hold: `u > v` and `u == v`."""
    first = next((let for op in ("operator.gt", "operator.lt") if (let := s.source(cond, op))), None)
    equal = s.source(other, "operator.eq")
    return first is not None and equal is not None and first.args == equal.args


@row("strong")
def _strong(s: Simplifier, let: Let, b: Builder) -> Atom | None:
    bar, partial = let.args
    ratio = s.source(partial, "operator.truediv")
    finite = (
        ratio is not None
        and is_number(ratio.args[0], 1)
        and ratio.args[1] in s.divisors
        and kind_of(type_of(ratio.args[1])) == "int"
    )
    if finite or isinstance(bar, Const) and bar.value != 0 or isinstance(partial, Const):
        return b.let("operator.mul", bar, partial)
    return None
