"""How operations are written in Python with NumPy."""

from __future__ import annotations

import functools
import itertools
import math
import re
import string
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from adtransform.emit.called import Globals
from adtransform.ir import UNDEFINED, Const, Var, Worked
from adtransform.lattice import (
    Array,
    Dict,
    List,
    Scalar,
    Tuple,
    Type,
    Unknown,
    dims_of,
    is_bare,
    is_numpy,
    is_scalar,
    kind_of,
    same_kind,
    same_shape,
)
from adtransform.ops import BINARY, COMPARE, ENDLESS, SPLICED, UNARY, elementwise, signature
from adtransform.own import is_own
from adtransform.place.program import Loop, Operand, Tree, type_of, variables
from adtransform.syntax import (
    AND,
    ATOM,
    COMPARISON,
    NOT,
    OR,
    Dot,
    Group,
    Infix,
    Keyword,
    Prefix,
    Py,
    Slice,
    Ternary,
    Word,
    constant,
    flat,
    within,
)

# What may stand in the braces of an f-string in all versions of Python.
_SIMPLE = re.compile(r"[^\\'\"{}#!:=]+|[^\\'\"{}#!=]+\]")
# What reads better as a method where the operand is an array.
_METHODS = frozenset(
    f"numpy.{name}"
    for name in (
        "sum mean prod max min std var cumsum cumprod argmax argmin any all ravel reshape transpose copy astype round "
        "swapaxes squeeze"
    ).split()
)
# Operators that rules write as functions of NumPy for their arithmetic; with a NumPy operand they are the same.
_OF_NUMPY = re.compile(r"\b(?:np|numpy)\.(\w+)\(")
_INFIX = {"numpy.divide": "operator.truediv", "numpy.power": "operator.pow"}
_OPPOSITE = {"==": "!=", "!=": "==", "is": "is not", "is not": "is", "in": "not in", "not in": "in"}
_LITERALS = frozenset((bool, int, str, type(None)))  # their values are written as they are
_REVERSED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


class Speller:
    """Turns operands into expressions, and notes which modules and helpers they need.

    `names`: the variables; `called`: what a module or a helper is called here (`numpy` -> `np`); `modules`: those whose
    functions the program calls.
    """

    def __init__(
        self,
        names: Mapping[Var, str],
        called: Globals,
        *,
        listing: bool = False,
        modules: frozenset[str] = frozenset(),
        handed: bool = False,
        numbers: Mapping[str, Const] | None = None,
    ) -> None:
        self.names = names
        self.given: dict[Var, Py] = {}  # the variables that are printed as what they are, for nothing binds them
        self.numbers = numbers or {}  # those that have names
        self.used: dict[str, Const] = {}  # and of these the ones printed
        self.called = called
        self.handed = handed  # values are handed over by another function: None where its path has not bound them
        self.unbound: frozenset[str] = frozenset()  # the names that some path leaves None
        self.listing = listing
        self.modules = modules

    def __call__(self, a: Operand) -> Py:
        """An operand as an expression."""
        if isinstance(a, Var):
            return self.given.get(a) or Word(self.names[a])
        if isinstance(a, Const):
            return self.constant(a)
        return self.tree(a)

    def all(self, many: Iterable[Operand]) -> tuple[Py, ...]:
        """Several operands."""
        return tuple([self(a) for a in many])

    def constant(self, a: Const) -> Py:
        """A constant: a literal, or the name of a type, a dtype or a function."""
        if a.said is not None and (said := self.said(a)) is not None:
            return said
        value: Any = a.value
        if type(value) in _LITERALS or (type(value) is float and math.isfinite(value) and abs(value) != math.pi):
            return constant(value)
        if a is UNDEFINED or a == UNDEFINED:
            return Word("None")
        if isinstance(value, np.dtype):
            return Dot(Word(self.called("numpy")), value.name) if value.name != "bool" else Word(self.called("builtins.bool"))
        if isinstance(value, np.generic):
            return Group(Dot(Word(self.called("numpy")), type(value).__name__), "()", (constant(value.item()),))
        if isinstance(value, float) and (value != value or value in (np.inf, -np.inf)):
            word = Dot(Word(self.called("numpy")), "nan" if value != value else "inf")
            return Prefix("-", word, 11) if value < 0 else word
        if isinstance(value, float) and abs(value) == np.pi:
            word = Dot(Word(self.called("math" if "math" in self.modules else "numpy")), "pi")
            return Prefix("-", word, 11) if value < 0 else word
        if isinstance(value, (tuple, list)):
            items = tuple(self.constant(Const(v)) for v in value)
            return Group(None, "()" if isinstance(value, tuple) else "[]", items)
        if is_own(value):
            return Word(self.called.own(value))
        if isinstance(value, type) or callable(value):
            module = getattr(value, "__module__", None) or "builtins"
            top = module.startswith("numpy.") and hasattr(np, value.__name__)
            return self.function(f"{'numpy' if top else module}.{value.__name__}")
        return constant(value)

    def said(self, a: Const) -> Py | None:
        """A number under its name, or as it was computed of one; None where the name stands for something else here."""
        if isinstance(a.said, Worked):
            parts = (p for p in a.said.args if p.said is not None)
            return self.tree(Tree(a.said.op, a.said.args)) if all(map(self.said, parts)) else None
        name = a.said.name if a.said is not None else ""
        if self.numbers.get(name) != a:  # another number is called so, or a variable
            return None
        self.used[name] = self.numbers[name]
        return Word(name)

    def function(self, op: str) -> Py:
        """The function an operation names."""
        module, _, name = op.rpartition(".")
        if module in ("", "builtins"):
            return Word(self.called(op))
        root, _, rest = module.partition(".")
        word: Py = Word(self.called(root if root == "numpy" else module))
        if root == "numpy":
            for part in rest.split(".") if rest else ():
                word = Dot(word, part)
        return Dot(word, name)

    def tree(self, t: Tree) -> Py:
        """An operation applied to its operands."""
        op = t.op
        for i, a in enumerate(t.args):
            # An operation element by element makes a number of an array without axes itself.
            if isinstance(a, Tree) and a.op == "operator.pos" and isinstance(a.args[0], Tree):
                if elementwise(op) and op != "operator.pos":
                    t = replace(t, args=(*t.args[:i], a.args[0], *t.args[i + 1 :]))
        if op in _INFIX and len(t.args) == 2 and not t.kwargs and any(is_numpy(type_of(a)) for a in t.args):
            op = _INFIX[op]
        if op in BINARY and len(t.args) == 2:
            symbol, level = BINARY[op]
            return Infix(self(t.args[0]), symbol, self(t.args[1]), level)
        if op in COMPARE:
            return Infix(self(t.args[0]), COMPARE[op], self(t.args[1]), COMPARISON)
        if op == "operator.not_":
            return self.negation(t.args[0])
        if op == "builtins.str.format" and (written := self.f_string(t.args)) is not None:
            return written
        if op.startswith(("numpy.random.Generator.", "logging.Logger.", "builtins.list.", "builtins.str.")):
            return self.call(Dot(self(t.args[0]), op.rpartition(".")[2]), t.args[1:], t.kwargs)
        if op == "builtins.getattr" and isinstance(name := t.args[1], Const):
            return Dot(self(t.args[0]), name.value)
        if op in UNARY:
            symbol, level = UNARY[op]
            return Prefix(symbol, self(t.args[0]), level)
        found = getattr(self, f"_{op}", None) if "." not in op else None
        if found is not None:
            return found(t)  # type: ignore[no-any-return]
        if op in SPLICED:
            return self.spliced(t)
        if op in _METHODS and self.is_method(t):
            return self.method(t)
        named: Iterable[tuple[str, Operand]] = t.kwargs
        if len(t.kwargs) > 1 and (found := signature(op)) is not None:
            order = list(found.parameters)
            named = sorted(t.kwargs, key=lambda kw: order.index(kw[0])) if {k for k, _ in t.kwargs} <= set(order) else t.kwargs
        return self.call(self.function(op), t.args, named)

    def call(self, head: Py, args: Iterable[Operand], kwargs: Iterable[tuple[str, Operand]] = ()) -> Py:
        """`head(args, key=value)`"""
        return Group(head, "()", self.all(args) + tuple([Keyword(k, self(v)) for k, v in kwargs]))

    def f_string(self, args: tuple[Operand, ...]) -> Py | None:
        """`f"step {k}: {loss:.3f}"`; None where an operand has signs that cannot stand inside of one."""
        pattern, *shown = args
        assert isinstance(pattern, Const)
        texts = iter([flat(self(a)) for a in shown])
        said = ""
        for plain, field, spec, conversion in string.Formatter().parse(pattern.value):
            said += plain.replace("{", "{{").replace("}", "}}")
            if field is not None:
                text = next(texts, "") if field == "" else ""
                if not _SIMPLE.fullmatch(text):
                    return None
                said += f"{{{text}{'!' + conversion if conversion else ''}{':' + spec if spec else ''}}}"
        return Word(f"f{flat(constant(said))}")

    def negation(self, a: Operand) -> Py:
        """The opposite of a condition, without `not` where a comparison has an opposite."""
        if isinstance(a, Tree) and a.op == "operator.not_":
            return self(a.args[0])
        if isinstance(a, Tree) and a.op in COMPARE:
            symbol = COMPARE[a.op]
            whole = all(kind_of(type_of(x)) in ("int", "bool") and is_scalar(type_of(x)) for x in a.args)
            one = all(is_scalar(type_of(x)) or not isinstance(type_of(x), (Array, Unknown)) for x in a.args)
            other = _OPPOSITE.get(symbol) if one or symbol not in ("==", "!=") else None
            other = other or (_REVERSED.get(symbol) if whole else None)
            if other:
                return Infix(self(a.args[0]), other, self(a.args[1]), COMPARISON)
        return Prefix("not ", self(a), NOT)

    def is_method(self, t: Tree) -> bool:
        """Whether an operation is written as a method of its first operand."""
        if not t.args or not isinstance(type_of(t.args[0]), Array):
            return False
        if isinstance(a := t.args[0], Var) and a.of is not None and is_bare(a.type):
            return False  # the tangent of an array without axes may be a number
        name = t.op.rpartition(".")[2]
        text = "" if t.origin is None else t.origin.text
        if t.op == "numpy.transpose":
            return True
        if f".{name}(" in text:
            return name not in _OF_NUMPY.findall(text)
        # `np.copy(x)` keeps the layout of x, which `x.copy()` does not.
        return t.op != "numpy.copy" and self(t.args[0]).level == ATOM

    def method(self, t: Tree) -> Py:
        """`x.sum(axis=0)`, `x.T`"""
        x, name = self(t.args[0]), t.op.rpartition(".")[2]
        if t.op == "numpy.transpose" and not t.kwargs and len(t.args) == 1:
            return Dot(x, "T")
        kwargs = t.kwargs
        args = t.args[1:]
        if t.op == "numpy.transpose":
            args, kwargs = tuple(v for k, v in kwargs if k == "axes"), ()
        if t.op == "numpy.reshape":
            args += tuple(v for k, v in kwargs if k == "shape")
            kwargs = tuple((k, v) for k, v in kwargs if k != "shape")
        return self.call(Dot(x, name), args, kwargs)

    def spliced(self, t: Tree) -> Py:
        """`np.concatenate([a, b], axis=1)`"""
        if len(t.args) == 1:
            items = self(t.args[0])
        else:
            nested = t.op in ("numpy.array", "numpy.asarray")
            items = Group(None, "[]", tuple(self.nested(a) if nested else self(a) for a in t.args))
        keys = tuple(Keyword(k, self(v)) for k, v in t.kwargs)
        return Group(self.function(t.op), "()", (items, *keys))

    def nested(self, a: Operand) -> Py:
        """A row of a nested list."""
        if isinstance(a, Tree) and a.op == "numpy.array" and not a.kwargs:
            if len(a.args) == 1:  # the row itself
                return self(a.args[0])
            return Group(None, "[]", tuple(self.nested(x) for x in a.args))
        return self(a)

    def helper(self, t: Tree) -> Py:
        """A call of one of the functions printed into the file."""
        return self.call(Word(self.called(t.op)), t.args, t.kwargs)

    def _load(self, t: Tree) -> Py:
        name = t.args[0]
        assert isinstance(name, Const)
        return Word(f"load({name.value!r})") if self.listing else Word(str(name.value))

    def _assign(self, t: Tree) -> Py:
        return self(t.args[0])

    def _call(self, t: Tree) -> Py:
        name = t.args[0]
        assert isinstance(name, Const)
        return self.call(Word(self.called(f"call {name.value}")), t.args[1:])

    _perform = _call

    def _pack(self, t: Tree) -> Py:
        return Group(None, "()", self.all(t.args))

    def _unpack(self, t: Tree) -> Py:
        return self(t.args[0])

    def _index(self, t: Tree) -> Py:
        return Group(self(t.args[0]), "[]", self.key(t.args[1]))

    def _item_in(self, t: Tree) -> Py:
        made = self(t.args[0])
        for key in t.args[1:]:
            made = Group(made, "[]", self.key(key))
        return made

    def key(self, key: Operand) -> tuple[Py, ...]:
        """What stands in the brackets of a subscript."""
        if isinstance(key, Tree) and key.op == "tuple" and key.args:
            parts = tuple(self.part(a) for a in key.args)
            return parts if len(parts) > 1 else (Group(None, "()", parts),)
        if isinstance(key, Const) and isinstance(key.value, tuple) and len(key.value) > 1:
            return tuple(self.constant(Const(v)) for v in key.value)
        return (self.part(key),)

    def part(self, a: Operand) -> Py:
        """One part of a subscript."""
        if not (isinstance(a, Tree) and a.op == "slice"):
            return self(a)
        start, stop, step = (None if x == Const(None) else self(x) for x in a.args)
        return Slice((start, stop, step))

    def _slice(self, t: Tree) -> Py:
        args = list(t.args)
        if args[2:] == [Const(None)]:
            args.pop()
        if args[0] == Const(None) and len(args) == 2:
            args.pop(0)
        return self.call(Word(self.called("builtins.slice")), args)

    def _tuple(self, t: Tree) -> Py:
        return Group(None, "()", self.all(t.args))

    def _list(self, t: Tree) -> Py:
        return Group(None, "[]", self.all(t.args))

    def _table(self, t: Tree) -> Py:
        keys = t.args[0].value if isinstance(t.args[0], Const) else ()
        parts = [Keyword(flat(self.constant(Const(k))), self(a), ": ") for k, a in zip(keys, t.args[1:], strict=True)]
        return Group(None, "{}", tuple(parts))

    def _lookup(self, t: Tree) -> Py:
        return self.call(Dot(self(t.args[0]), "get"), t.args[1:])

    def _extend(self, t: Tree) -> Py:
        return Infix(self(t.args[0]), "+", self(t.args[1]), 9)

    def _times(self, t: Tree) -> Py:
        return Infix(self(t.args[0]), "*", self(t.args[1]), 10)

    def _attribute(self, t: Tree) -> Py:
        if isinstance(type_of(t.args[0]), Array):
            return Dot(self(t.args[0]), t.op)
        return self.call(Dot(Word(self.called("numpy")), t.op), t.args)

    _shape = _ndim = _size = _attribute

    def _trips(self, t: Tree) -> Py:
        inner = self.range(t.args)
        return Group(Word(self.called("builtins.len")), "()", (inner,))

    def range(self, bounds: tuple[Operand, ...]) -> Py:
        """`range(start, stop, step)` without what is the default."""
        start, stop, step = bounds
        if stop == ENDLESS:
            given = bounds[:1] if step == Const(1) else (start, step)
            return self.call(Dot(Word(self.called("itertools")), "count"), () if given == (Const(0),) else given)
        args: tuple[Operand, ...] = bounds if step != Const(1) else (start, stop) if start != Const(0) else (stop,)
        return self.call(Word(self.called("builtins.range")), args)

    def items(self, loop: Loop) -> Py:
        """What a loop through items goes through."""
        held = tuple(a for _, a in loop.items)
        e = self(held[0]) if len(held) == 1 else self.call(Word(self.called("builtins.zip")), held)
        if loop.index is not None:
            e = Group(Word(self.called("builtins.enumerate")), "()", (e,))
        return e if loop.ahead else Group(Word(self.called("builtins.reversed")), "()", (e,))

    def _zeros(self, t: Tree) -> Py:
        like: Type = t.type if not isinstance(t.type, Unknown) else type_of(t.args[0])
        if self.listing and isinstance(type_of(t.args[0]), List) and not isinstance(type_of(t.args[0]), Dict):
            return Infix(
                Group(None, "[]", (Word("0"),)), "*", Group(Word(self.called("builtins.len")), "()", (self(t.args[0]),)), 10
            )
        if isinstance(like, Dict):
            if like.item == Scalar("float"):
                return Word(f"{{k: 0.0 for k in {within(self(t.args[0]), OR)}}}")
            return Word(f"{{k: {self.called('zeros')}(v) for k, v in {within(self(t.args[0]), OR)}.items()}}")
        missing = any(self.names.get(v) in self.unbound for v in variables(t))
        if isinstance(like, List) and _is_plain(like.item) and not missing and not self.handed:
            return self.listed(like.item, self(t.args[0]))
        if self.listing and not is_scalar(like):
            return Group(Dot(Word(self.called("numpy")), "zeros_like"), "()", (self(t.args[0]),))
        if isinstance(like, Scalar) and like.dtype is None:
            return Word({"complex": "0j", "float": "0.0"}.get(like.kind, "0"))
        if isinstance(like, Scalar) and like.dtype != "?":
            return Group(Dot(Word(self.called("numpy")), str(like.dtype)), "()", (Word("0"),))
        if isinstance(like, Array) and like.dtype is not None and not missing:
            whole = kind_of(type_of(t.args[0])) in ("int", "bool")
            dtype: tuple[Py, ...] = (Keyword("dtype", Word(self.called("builtins.float"))),) if whole else ()
            return Group(Dot(Word(self.called("numpy")), "zeros_like"), "()", (*self.all(t.args), *dtype))
        return self.helper(t)

    def listed(self, item: Type, items: Py) -> Py:
        """A zero for each item of a list."""
        if isinstance(item, List):
            v = self.fresh(flat(items))
            return Word(f"[{flat(self.listed(item.item, Word(v)))} for {v} in {within(items, OR)}]")
        if isinstance(item, Array):
            dtype = ", dtype=float" if kind_of(item) in ("int", "bool") else ""
            v = self.fresh(flat(items))
            return Word(f"[{self.called('numpy')}.zeros_like({v}{dtype}) for {v} in {within(items, OR)}]")
        zero = flat(self._zeros(Tree("zeros", (), (), item)))
        return Infix(Group(None, "[]", (Word(zero),)), "*", Group(Word(self.called("builtins.len")), "()", (items,)), 10)

    def fresh(self, *taken: str) -> str:
        """A name for the items of a list that no variable has."""
        names = itertools.chain(("v", "w"), (f"item_{k}" for k in itertools.count()))
        return next(n for n in names if n not in self.variables and n not in taken)

    @functools.cached_property
    def variables(self) -> frozenset[str]:
        """What the variables are called."""
        return frozenset((*self.names.values(), *self.numbers))

    def _expand(self, t: Tree) -> Py:
        if self.listing or not dims_of(type_of(t.args[1])):
            return self.helper(t)
        shape = Dot(self(t.args[1]), "shape")
        return Group(Dot(Word(self.called("numpy")), "broadcast_to"), "()", (self(t.args[0]), shape))

    def _cast(self, t: Tree) -> Py:
        have, want = map(type_of, t.args)
        known = isinstance(have, Array) and isinstance(want, Array) and bool(have.dims) and want.dtype == "float64"
        if self.listing or not known or kind_of(have) != "bool":
            return self.helper(t)
        return Group(Dot(self(t.args[0]), "astype"), "()", (Word(self.called("builtins.float")),))

    def _copy(self, t: Tree) -> Py:
        return Group(Dot(self(t.args[0]), "copy"), "()", ())

    def _items(self, t: Tree) -> Py:
        share, like = map(type_of, t.args)
        if not isinstance(like, List) or not is_scalar(share):
            return self.helper(t)
        size = Group(Word(self.called("builtins.len")), "()", (self(t.args[1]),))
        return Infix(Group(None, "[]", (self(t.args[0]),)), "*", size, 10)

    def _copy_items(self, t: Tree) -> Py:
        item = t.type.item if isinstance(t.type, List) else t.type
        unsure, held, v = dict(t.kwargs), within(self(t.args[0]), OR), self.fresh()
        if isinstance(t.type, Dict):
            items = Word(f"{{k: {self.called('copy_of')}(v) for k, v in {held}.items()}}")
        elif isinstance(item, Tuple):
            items = Word(f"[{self.parted(v)} for {v} in {held}]")
        else:
            items = Word(f"[{self.copied(item, 'holes' in unsure, v)} for {v} in {held}]")
        # A list that some path leaves unbound is None there.
        return Infix(self(t.args[0]), "and", items, AND) if "loose" in unsure else items

    def copied(self, t: Type, holes: bool, v: str) -> str:
        """A copy of an item `v` of a list, which is None where a path left it unbound: there may be `holes`."""
        if type(t) is List and not holes and isinstance(t.item, (Array, List)):
            w = self.fresh(v)
            return f"[{self.copied(t.item, holes, w)} for {w} in {v}]"
        plain = isinstance(t, Array) or type(t) is List and isinstance(t.item, Scalar)
        return f"{v}.copy()" if plain and not holes else f"{self.called('copy_of')}({v})"

    def _copy_of(self, t: Tree) -> Py:
        if not isinstance(t.type, Tuple):
            return self.helper(t)
        made = Word(self.parted(flat(self(t.args[0]))))
        return Infix(self(t.args[0]), "and", made, AND) if "loose" in dict(t.kwargs) else made

    def parted(self, items: str) -> str:
        """A tuple with copies of what it holds."""
        return f"tuple({self.called('copy_of')}(item) for item in {items})"

    def _plus(self, t: Tree) -> Py:
        if not isinstance(t.type, Dict):
            return self.helper(t)
        a, b = (within(self(x), ATOM) for x in t.args)
        listed = self.called("builtins.list")
        return Word(f"{{k: {a}.get(k, 0.0) + {b}.get(k, 0.0) for k in {listed}({a}) + {listed}({b})}}")

    def _accumulate(self, t: Tree) -> Py:
        return Infix(self(t.args[0]), "+", self.share(t), 9)

    def share(self, t: Tree) -> Py:
        """What an adjoint grows by, in its shape."""
        _, share, like = t.args
        a, b = type_of(share), type_of(like)
        if self.listing or (same_shape(a, b) and same_kind(a, b)):
            return self(share)
        return self.call(Word(self.called("fit")), (share, like))

    def _ifexp(self, t: Tree) -> Py:
        cond, yes, no = t.args
        return Ternary(self(yes), self(cond), self(no))

    def _and(self, t: Tree) -> Py:
        return Infix(self(t.args[0]), "and", self(t.args[1]), AND)

    def _or(self, t: Tree) -> Py:
        return Infix(self(t.args[0]), "or", self(t.args[1]), OR)


def _is_plain(t: Type) -> bool:
    """Whether a zero of this type is written without asking what it is a zero for."""
    if type(t) is List:
        return _is_plain(t.item)
    return isinstance(t, (Array, Scalar)) and t.dtype not in ("?", None)
