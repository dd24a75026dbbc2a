"""Operations: how they are named, found and called, and what they do besides computing.

An operation is named by what it resolves to: `numpy.sin`, `math.sin`, `operator.mul`, `builtins.len`.
Names without a dot are structural, the IR's own:

    load('x')               the value of parameter x
    assign(a)               the user's `y = a`
    index(a, key)           a[key] of an array, a list or a tuple
    update(a, key, v)       a copy of a with a[key] = v (array or list)
    item_in(l, i, k)        l[i][k] of a list of lists or arrays; of deeper ones with more keys
    put_in(l, v, i, k)      a copy of l with l[i][k] = v; grow_in(l, share, i, k) is the same with `share` added
    push_in(l, v, i)        a copy of l with v appended to l[i]; pop_in(l, i) -> l', v takes the last item of l[i] away
    exchange(l, i, j)       a copy of a list, or of an array of numbers, with items i and j exchanged
    slice(a, b, c), tuple(...), list(...)
    table(keys, v, w, ...)              a dict of these constant keys
    lookup(d, key, default)             d.get(key, default)
    claim(d, key, default) -> d', v     the dict without a key, and what was there, if anything was
    drop(d, key)                        the dict without a key
    push(l, v)              the list with v appended
    pop(l) -> l', v         the list without its last item, and that item
    extend(l, m), times(l, n)           l + m and l * n of lists; untimes(bar, l, n) is the adjoint of the latter
    plus(a, b)              the sum of two adjoints that are lists, item by item
    shape(a), ndim(a), size(a)          attributes
    zeros(like)             a zero of the shape and dtype of `like`
    fit(share, like)        reduce a share to the shape, kind and dtype of `like`
    expand(x, like)         widen x to the shape of `like`
    accumulate(acc, share, like)        acc + fit(share, like)
    accumulate_at(acc, key, share)      a copy of acc with `share` added at `acc[key]`; repeated indices add up
    strong(bar, partial)    bar * partial, but 0 where bar is 0 (the branch that was not taken)
    ifexp(c, a, b)          `a if c else b` of numbers: where(c, a, b) is an array
    spread(bar, like, axis=, keepdims=) the adjoint of a sum over `axis`: bar repeated along it, in the shape of `like`
    matmul_left(bar, b, a), matmul_right(bar, a, b)     adjoints of a @ b for its left and right operand
    cast(x, like)           x in the dtype and kind of `like`
    scatter(bar, places, like)          a zero in the shape of `like` with bar added at flat places: the adjoint of picking
    last(x, key)            which writes to x[key] stay: of places named twice the last
    dot_left, dot_right, tensordot_left, tensordot_right, contract(subscripts, like, ...), swap(subscripts, i)
                                        adjoints of dot, tensordot and einsum
    cofactors(a, det)       those of matrices with these determinants
    moved_cofactors(da, a, det)         how they change where the matrices do by da
    inverse(a)              inv(a), infinite where there is none
    cross_share(bar, b, a, axisa=, axisb=, axisc=)      the adjoint of cross(a, b) for a
    piece(bar, i, axis, ...), pieces(bar, axis, list), items(bar, list)     adjoints of concatenate and of array(list)
    undiag(bar, like, k), lanes(x, axis), delay(x, first, axis), recur(factor, term, axis), columns(x, like), uncolumns(x, like)
                                        what diag, prod, cumprod and solve need: see `runtime`
    polygamma(order, x)     the derivatives of lgamma: polygamma(0, x) is the first
    pack(a, b, ...)                     what a later sweep needs, as one value
    unpack(saved) -> a, b, ...          the items of a tuple
    call('f', a, b, ...) -> y, z, ...   the results of a function among the callees
    perform('f', a, b, ...) -> y, ...   the same for one that does more than compute
    raise(class, ..., cause=)           raises; `cause` is the flag of the `Try` that caught what it comes from
    reraise(failed)                     raises again what the `Try` with this flag caught
    backward()              no value: here the backward sweep begins
    trips(start, stop, step)            how many trips a range makes: len(range(start, stop, step))
"""

from __future__ import annotations

import builtins
import functools
import importlib
import inspect
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adtransform.ir import Atom, Const

STRUCTURAL = frozenset(
    "load assign index update slice tuple list push pop shape ndim size zeros fit expand accumulate accumulate_at strong "
    "spread matmul_left matmul_right cast trips piece unpack backward scatter undiag lanes delay recur contract swap "
    "ifexp cofactors moved_cofactors inverse cross_share polygamma "
    "dot_left dot_right tensordot_left tensordot_right items pieces columns uncolumns last "
    "extend times untimes plus pack call perform table lookup claim drop item_in put_in grow_in push_in pop_in "
    "exchange".split()
)

# Their operands are spliced: `np.stack([a, b])` is `numpy.stack(a, b)`; a single run-time list is the sequence itself.
SPLICED = frozenset(
    "builtins.sum numpy.array numpy.asarray numpy.asanyarray numpy.concatenate numpy.stack numpy.hstack numpy.vstack "
    "numpy.column_stack numpy.dstack numpy.linalg.multi_dot".split()
)

# The bound of a range without an end, `itertools.count`.
ENDLESS = Const(sys.maxsize)

# What a reader knows as an operator, and how it is printed: symbol and precedence (higher binds tighter).
BINARY: dict[str, tuple[str, int]] = {
    "operator.or_": ("|", 5),
    "operator.xor": ("^", 6),
    "operator.and_": ("&", 7),
    "operator.lshift": ("<<", 8),
    "operator.rshift": (">>", 8),
    "operator.add": ("+", 9),
    "operator.sub": ("-", 9),
    "operator.mul": ("*", 10),
    "operator.matmul": ("@", 10),
    "operator.truediv": ("/", 10),
    "operator.floordiv": ("//", 10),
    "operator.mod": ("%", 10),
    "operator.pow": ("**", 12),
}
COMPARE: dict[str, str] = {
    "operator.lt": "<",
    "operator.le": "<=",
    "operator.eq": "==",
    "operator.ne": "!=",
    "operator.gt": ">",
    "operator.ge": ">=",
    "operator.is_": "is",
    "operator.is_not": "is not",
    "builtins.contains": "in",  # (item, container), in the order it is written
    "builtins.not_contains": "not in",
}
UNARY: dict[str, tuple[str, int]] = {
    "operator.neg": ("-", 11),
    "operator.pos": ("+", 11),
    "operator.invert": ("~", 11),
    "operator.not_": ("not ", 3),
}

# Views: the result may share memory with the first operand.
VIEWS = frozenset(
    "assign index item_in numpy.transpose numpy.reshape numpy.ravel numpy.swapaxes numpy.moveaxis numpy.expand_dims "
    "numpy.squeeze numpy.broadcast_to numpy.real numpy.imag numpy.diagonal numpy.asarray numpy.ascontiguousarray "
    "numpy.atleast_1d numpy.atleast_2d numpy.rollaxis numpy.matrix_transpose numpy.permute_dims expand spread fit cast "
    "numpy.flip numpy.rot90 numpy.fliplr numpy.flipud numpy.asanyarray numpy.linalg.diagonal numpy.linalg.matrix_transpose "
    "numpy.lib.stride_tricks.sliding_window_view".split()
)

# How severe a message of `logging` is.
LEVELS = ("debug", "info", "warning", "error", "critical")
LOGGING = frozenset(f"{where}.{level}" for where in ("logging", "logging.Logger") for level in LEVELS)

# Performed once, in order, never removed, shared or repeated.
EXTERNAL = LOGGING | frozenset("builtins.print builtins.input raise reraise assert warnings.warn backward perform".split())


CALLS = frozenset(("call", "perform"))

# What writes something that a list holds, and leaves the list as it is.
DEEP = frozenset(("put_in", "grow_in", "push_in", "pop_in"))

# The operands of which only shape and dtype are read.
LIKE = {"shape": 0, "ndim": 0, "size": 0, "zeros": 0, "fit": 1, "cast": 1, "expand": 1, "spread": 1, "accumulate": 2}
LIKE |= {"matmul_left": 2, "matmul_right": 2, "scatter": 2, "numpy.zeros_like": 0, "numpy.ones_like": 0, "numpy.empty_like": 0}

_PURE_MODULES = frozenset("numpy numpy.linalg numpy.fft math operator builtins builtins.str cmath".split())


@functools.cache
def effect_free(op: str) -> bool:
    """Whether an operation only computes: it may be shared, moved and dropped.  User code, random draws and output may not."""
    return "." not in op and op not in EXTERNAL or op.rpartition(".")[0] in _PURE_MODULES and op not in EXTERNAL


@functools.cache
def resolve(op: str) -> Callable[..., Any] | None:
    """The Python object an operation names, or None for a structural one or an unknown name."""
    if "." not in op:
        return None
    module, _, name = op.rpartition(".")
    if module == "builtins":
        return getattr(builtins, name, None)
    try:
        found: Callable[..., Any] | None = getattr(importlib.import_module(module), name, None)
        return found
    except ImportError:
        parts = op.split(".")
        try:
            target: Any = functools.reduce(getattr, parts[1:], importlib.import_module(parts[0]))
            return target if callable(target) else None
        except (ImportError, AttributeError):
            return None


def helper(name: str) -> Callable[..., Any]:
    """A helper of emitted code, to compute now what it would compute of constants."""
    found: Callable[..., Any] = getattr(importlib.import_module("adtransform.runtime"), name)
    return found


_ELEMENTWISE = frozenset("numpy.where numpy.clip numpy.sinc numpy.nan_to_num strong ifexp cast numpy.real numpy.imag".split())


@functools.cache
def elementwise(op: str) -> bool:
    """Whether an operation works element by element and broadcasts its operands."""
    if op.startswith("operator."):
        return op != "operator.matmul"
    if op in _ELEMENTWISE:
        return True
    target = resolve(op)
    return op.startswith("math.") or (isinstance(target, np.ufunc) and target.signature is None)


@functools.cache
def signature(op: str) -> inspect.Signature | None:
    """The call signature of an operation where Python knows it."""
    target = resolve(op)
    if target is None:
        return None
    try:
        return _written(target) or inspect.signature(target)
    except (TypeError, ValueError):
        return None


def _written(target: Callable[..., Any]) -> inspect.Signature | None:
    """The signature that C code gives as text, where that is plain Python; `inspect` would load a tokenizer to read it."""
    target = inspect.unwrap(target)
    text = getattr(target, "__text_signature__", None)
    if not isinstance(target, types.BuiltinFunctionType) or not isinstance(text, str):
        return None
    try:
        return inspect.signature(eval(f"(lambda {text[1:-1].removeprefix('$module, ')}: None)", {}))
    except (SyntaxError, NameError):
        return None


@functools.cache
def _wanted(op: str) -> int | None:
    """How many arguments an operation has to be given, all of them by position or -1; None where it takes any number."""
    spec = signature(op)
    parameters = [] if spec is None else list(spec.parameters.values())
    if spec is None or any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    wanted = [p for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    return -1 if any(p.kind is p.KEYWORD_ONLY for p in wanted) else len(wanted)


# What NumPy takes for an argument that is not given, where its signature only says "no value".
_UNSAID = {"keepdims": False}

Arguments = tuple[tuple[Atom, ...], tuple[tuple[str, Atom], ...]]


def canonical(op: str, args: Sequence[Atom], kwargs: dict[str, Atom]) -> Arguments:
    """Arguments in the one form that rules and passes see: required ones by position, the others by keyword.

    `np.sum(x, 0)` and `np.sum(x, axis=0)` become the same.  An argument that repeats its default is dropped.
    Raises `TypeError` with Python's own words where the call does not fit the signature.
    """
    wanted = _wanted(op)
    if wanted is None:
        return tuple(args), tuple(sorted(kwargs.items()))
    if not kwargs and len(args) == wanted:
        return tuple(args), ()
    spec = signature(op)
    assert spec is not None
    bound = spec.bind(*args, **kwargs).arguments
    positional: list[Atom] = []
    keyword: dict[str, Atom] = {}
    for name, param in spec.parameters.items():
        if name not in bound:
            continue
        if param.kind is param.VAR_KEYWORD:
            keyword.update(bound[name])
        elif param.default is param.empty or param.kind is param.POSITIONAL_ONLY:
            positional.append(bound[name])
        elif bound[name] not in (Const(param.default), Const(_UNSAID.get(name, param.default))):
            keyword[name] = bound[name]
    return tuple(positional), tuple(sorted(keyword.items()))
