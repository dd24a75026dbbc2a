"""Python's own functions: done while reading where they can be, operations otherwise."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable

import numpy as np

from adtransform.ir import Const, Var
from adtransform.lattice import BOOL, SHAPE, TEXT, Array, Scalar, Tuple
from adtransform.ops import LEVELS, resolve
from adtransform.read.byname import by_name, class_of, name_of
from adtransform.read.core import Unroll
from adtransform.read.enums import key_ref
from adtransform.read.frames import FALSE, STOP, TRUE
from adtransform.read.iterators import following, made, taken_in_turn
from adtransform.read.objects import Objects
from adtransform.read.ordering import best, of_nothing, tuple_length
from adtransform.read.refs import (
    ClassRef,
    Conflict,
    DictRef,
    External,
    Lazy,
    ListRef,
    MaybeRef,
    ObjectRef,
    PartialRef,
    RangeRef,
    RecordsRef,
    Ref,
    TupleRef,
    View,
)
from adtransform.read.scope import assigned
from adtransform.read.spelled import SPELLED
from adtransform.read.texts import is_told
from adtransform.read.tools import TOOLS
from adtransform.read.totals import product, total

MANAGER, CONTEXT = "contextlib.contextmanager()", "contextlib._GeneratorContextManager"
NULL, CLOSING = "contextlib.nullcontext", "contextlib.closing"

Handler = Callable[[Objects, list[Ref], dict[str, Ref], ast.AST], Ref | None]


def _range(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    atoms = [self.static(a) or a for a in (self.value(r, node) for r in args)]
    for a in atoms:
        if isinstance(a, Const) and not hasattr(a.value, "__index__"):
            said = f"'{name_of(type(a.value))}' object cannot be interpreted as an integer"
            self.lacks(TypeError, said, node, "a range of what is no integer", "write int(...)")
    if len(atoms) == 1:
        return RangeRef(Const(0), atoms[0], Const(1))
    if atoms[2:] == [Const(0)]:
        self.lacks(ValueError, "range() arg 3 must not be zero", node, "a range with steps of zero", "count in steps of 1")
    return RangeRef(atoms[0], atoms[1], atoms[2] if len(atoms) > 2 else Const(1))


def _len(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    ref = self.there(args[0], node, "object of type 'NoneType' has no len()")
    counted = self.unary_of("__len__", ref, node) if isinstance(ref, ObjectRef) else None
    if counted is not None:
        return counted
    size = self.known_length(ref)
    if size is not None:
        return Const(size)
    if isinstance(ref, (RangeRef, RecordsRef)):
        return self.length(ref, node)
    a = self.table(ref) or self.value(ref, node)
    self.at(node)
    definition = self.definitions.get(a) if isinstance(a, Var) else None
    if definition is not None and definition.op == "shape":
        return self.let("ndim", definition.args[0])
    return self.let("builtins.len", a)


def _printed(op: str) -> Handler:
    def handler(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        return self.printed(op, args, kwargs, node)

    return handler


def _convert(name: str) -> Handler:
    def handler(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
        if not args:
            return Const(getattr(builtins, name)())
        if name == "bool":
            cond = self.truth(args[0], node)
            return cond if isinstance(cond, Const) else self.let("builtins.bool", cond, type=BOOL)
        if is_told(self, args[0]) and (name == "str" or isinstance(args[0], ObjectRef)):
            return self.in_words(args[0], node) if name == "str" else self.unary_of(f"__{name}__", args[0], node)
        a = self.value(args[0], node)
        known = self.static(a)
        more = [self.static(self.value(r, node)) for r in (*args[1:], *kwargs.values())]
        if known is not None and isinstance(known.value, (bool, int, float, str)) and None not in more:
            given = [k.value for k in more if k is not None]
            named = dict(zip(kwargs, given[len(args) - 1 :], strict=True))
            try:
                return Const(getattr(builtins, name)(known.value, *given[: len(args) - 1], **named))
            except (ValueError, OverflowError):
                return None
        made = self.definitions.get(a) if isinstance(a, Var) else None
        if known is None and made is not None and (made.op in ("builtins.str", "builtins.repr") or self.type_of(a) == TEXT):
            if made.op == "load":
                return None
            self.refuse(node, f"`{name}` of a text that is made of computed numbers", "use the numbers themselves")
        if name == "str" and len(args) == 1 and not kwargs:
            return self.let("builtins.str", self.shown(args[0], node))
        if name == "complex" and not kwargs:
            return self.let("builtins.complex", *(self.value(r, node) for r in args))
        return None

    return handler


def _repr(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    if is_told(self, args[0]):
        return self.in_words(args[0], node, "__repr__")
    a = self.shown(args[0], node)
    self.at(node)
    return Const(repr(a.value)) if isinstance(a, Const) else self.let("builtins.repr", a)


_FEW = 4  # of so many arguments on that may be no numbers, `max` is that of the list of them


def _extreme(name: str) -> Handler:
    def handler(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
        if len(args) == 1 and isinstance(args[0], ObjectRef):
            args = [self.iterator(args[0], node)]
        key = kwargs.pop("key", None)
        default = kwargs.pop("default", None)
        if key is not None and key != Const(None):
            if default is None or len(args) > 1:
                return best(self, name, args, key, node)
            source = args[0] if isinstance(args[0], (ListRef, RecordsRef)) else self.as_list(args[0], node)
            some = self.truth(source, node)
            return self.choose(some, lambda: best(self, name, [source], key, node), lambda: default, node)
        if len(args) == 1:
            items = self.known_items(args[0])
            if items is None:
                listed = self.as_list(args[0], node) if isinstance(args[0], (Lazy, RangeRef)) else args[0]
                if default is None and tuple_length(self, listed, None):
                    return best(self, name, [listed], None, node)
                return self.extreme_of(name, listed, default, node)
            if not items and default is not None:
                return default
            if not items:
                of_nothing(self, name, node)
            args[:] = items
        if len(args) == 1:
            return args[0]
        if any(isinstance(r, ObjectRef) for r in args):
            return extreme_object(self, name, args, node)
        if any(isinstance(r, (TupleRef, ListRef)) for r in args):  # compared item by item
            return best(self, name, args, None, node)
        atoms = [self.value(r, node) for r in args]
        known = [self.static(a) for a in atoms]
        if all(k is not None and isinstance(k.value, int) for k in known):
            return Const(getattr(builtins, name)(*(k.value for k in known if k is not None)))
        self.at(node)
        if len(atoms) >= _FEW and not all(isinstance(self.type_of(a), Scalar) for a in atoms):
            atoms = [self.let("list", *atoms)]
        return self.make(self.let(f"builtins.{name}", *atoms))

    return handler


def extreme_object(self: Objects, name: str, args: list[Ref], node: ast.AST) -> Ref:
    """The largest of objects, or the smallest, as they compare themselves: the first one of several."""
    op = "operator.gt" if name == "max" else "operator.lt"
    first, *rest = args
    for other in rest:
        better = self.truth(self.compared(op, other, first, node), node)
        first = self.choose(better, lambda other=other: other, lambda first=first: first, node)  # type: ignore[misc]
    return first


def _all(name: str) -> Handler:
    def handler(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        conjunction = name == "all"
        source, loops = args[0].node if isinstance(args[0], Lazy) else None, len(self.open_loops)

        def step(total: Ref, item: Ref) -> Ref:
            cond = self.truth(total, node)
            test = self.truth(item, node)
            if isinstance(test, Var):
                test = self.let("builtins.bool", test, type=BOOL)
            looped = len(self.open_loops) > loops or self.attempts
            if looped and source is not None and len(source.generators) == 1:  # what decides is the last that is computed
                stop: Ref = Const(bool(test.value) != conjunction) if isinstance(test, Const) else test
                if conjunction and isinstance(test, Var):
                    stop = self.let("operator.not_", test, type=BOOL)
                self.frame.env[STOP] = stop
                return test
            if conjunction:
                return self.choose(cond, lambda: test, lambda: Const(False), node)
            return self.choose(cond, lambda: Const(True), lambda: test, node)

        since = self.since()
        writes = any(stream.writes for stream in self.streams_of(args[0]))
        found = self.accumulated(args[0], Const(conjunction), step, node)
        if isinstance(args[0], Lazy) and isinstance(source := args[0].node, ast.GeneratorExp):
            for bound in assigned([source.elt, *(test for clause in source.generators for test in clause.ifs)]):
                what = f"`{bound}`, which the last item binds that `{name}` looks at"
                self.frame.env[bound] = Conflict(what, f"bind what `{name}` gives to a name first")
        if writes or self.effects(since) or any(self.heap.get(s) is not content for s, content in since[0].items()):
            self.refuse(node, f"`{name}` of what changes something, which stops at the first", "write a loop with `break`")
        return found

    return handler


def _list(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    return self.as_list(args[0], node) if args else self.open_list(node)


def _tuple(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    if not args:
        return TupleRef(())
    if isinstance(args[0], Var) and self.type_of(args[0]) == SHAPE:
        return args[0]
    source = self.iterator(args[0], node)
    items = self.known_items(source)
    if items is None and isinstance(source, Lazy):
        items = self.known_items(self.as_list(source, node))
        clauses = source.node.generators if source.node is not None and items is None else []
        for clause in clauses:
            if id(clause) not in self.unrolled_loops:
                raise Unroll(clause)
    if items is None:
        self.refuse(node, "a tuple of unknown length", "use a list or an array")
    return TupleRef(tuple(items))


def _dict(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    name = self.hide(self.new_dict({}))

    def put(pair: Ref) -> None:
        parts, made = self.known_items(pair), self.frame.env[name]
        if parts is None or len(parts) != 2:
            self.refuse(node, "a dict of what is not known to be pairs", "write d[key] = value in a loop")
        assert isinstance(made, DictRef)
        self.put_entry(made, parts[0], parts[1], node)

    for arg in args:
        if isinstance(arg, DictRef) and self.table(arg) is not None:
            if len(args) > 1 or kwargs:
                self.refuse(node, "a dict made of one whose keys are computed", "copy it, then write the items")
            self.frame.env[name] = self.copied_table(arg)
            continue
        given = self.entries(arg, node).items() if isinstance(arg, DictRef) else ()
        items = [TupleRef((key_ref(k), v)) for k, v in given] if isinstance(arg, DictRef) else self.known_items(arg)
        if items is None:
            self.over(arg, put, frozenset((name,)), node)
        for pair in items or ():
            put(pair)
    for key, value in kwargs.items():
        put(TupleRef((Const(key), value)))
    return self.unhide(name)


def _lazy(kind: str) -> Handler:
    def handler(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        args = taken_in_turn(self, args, node) if kind == "zip" and not kwargs else args
        args = [self.iterator(a, node) if isinstance(a, ObjectRef) else a for a in args]
        args = [TupleRef(tuple(self.known_items(a) or ())) if isinstance(a, DictRef) and not self.table(a) else a for a in args]
        if kind == "enumerate":
            start = kwargs.get("start") or (args[1] if len(args) > 1 else Const(0))
            at = self.value(start, node)
            return Lazy(kind, (args[0],), self.static(at) or at)
        strict = kind == "zip" and kwargs.get("strict", Const(False)) != Const(False)
        return Lazy(kind, tuple(args), Const(True)) if strict else Lazy(kind, tuple(args))

    return handler


def _isinstance(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    ref, kinds = args
    self.sure(ref, node)
    if isinstance(ref, MaybeRef):
        there, gone = (_isinstance(self, [r, kinds], {}, node) for r in (ref.ref, Const(None)))
        assert there is not None and gone is not None
        return ref.there if (there, gone) == (TRUE, FALSE) else self.choose(ref.there, lambda: there, lambda: gone, node)
    wanted = kinds.items if isinstance(kinds, TupleRef) else (kinds,)
    if isinstance(own := ref.kind if isinstance(ref, ObjectRef) else self.class_of_member(ref), ClassRef):
        above = own.members.__mro__ if own.members is not None else (object,)
        return Const(any(k in own.order or (isinstance(k, External) and k.live in above) for k in wanted))
    if any(isinstance(k, ClassRef) for k in wanted):
        if isinstance(ref, TupleRef) and ref.kind is not None and any(k in ref.kind.order for k in wanted):
            return Const(True)
        self.sort_out(ref, wanted, node)
        wanted = tuple(k for k in wanted if not isinstance(k, ClassRef))
        if not wanted:
            return Const(False)
    found = [k.live or resolve(k.op) if k.op.startswith("collections.") else k.live for k in wanted if isinstance(k, External)]
    classes = tuple(k for k in found if isinstance(k, type))
    if len(classes) != len(wanted):
        self.refuse(node, "this `isinstance`", "test against builtin classes and np.ndarray")
    sample: object = None
    kind = class_of(ref)
    if kind is not None:
        return Const(issubclass(kind, classes))
    a = self.value(ref, node)
    t = self.type_of(a)
    if isinstance(a, Const):
        return Const(isinstance(a.value, classes))
    let = self.definitions.get(a) if isinstance(a, Var) else None
    one_of = let is None or let.op in ("builtins.max", "builtins.min")  # of the class of either
    if isinstance(t, Scalar) and t.dtype != "?" and not t.maybe and not one_of:
        sample = {"bool": True, "int": 1, "float": 1.0, "complex": 1j}[t.kind] if t.dtype is None else np.dtype(t.dtype).type(0)
        return Const(isinstance(sample, classes))
    if isinstance(t, Array) and t.dims != ():
        return Const(isinstance(np.zeros(1), classes))
    if isinstance(t, Tuple):
        return Const(isinstance((), classes))
    self.at(node)
    return self.let("builtins.isinstance", a, Const(classes if len(classes) > 1 else classes[0]), type=BOOL)


def _map(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    function, *parts = args
    source = parts[0] if len(parts) == 1 else Lazy("zip", tuple(parts))

    def each(item: Ref) -> Ref:
        inner = self.known_items(item) if len(parts) > 1 else [item]
        return self.apply(function, list(inner or ()), {}, node)

    since = self.since()
    return self.passing(self.collected(source, each, node), function, tuple(parts), since, node)


def _reduce(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    function, source = args[:2]
    start = args[2] if len(args) > 2 else None
    if start is None:
        items = self.known_items(source)
        if items is None and isinstance(source, (View, ListRef)):
            rest = self.let("slice", Const(1), Const(None), Const(None))
            start, source = self.indexed(source, Const(0), node), self.indexed(source, rest, node)
        elif items:
            start, source = items[0], TupleRef(tuple(items[1:]))
        else:
            self.refuse(node, "`reduce` of unknown length without a start", "pass the start as third argument")
    return self.accumulated(source, start, lambda total, item: self.apply(function, [total, item], {}, node), node)


def _partial(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    return PartialRef(args[0], tuple(args[1:]), kwargs)


def _abs(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    if isinstance(args[0], ObjectRef):
        return self.unary_of("__abs__", args[0], node)
    a = self.value(args[0], node)
    if isinstance(a, Const) and isinstance(a.value, (int, float)):
        return Const(abs(a.value))
    return self.make(self.let("builtins.abs", a))


def _pow(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    return self.binary("pow", args[0], args[1], node) if len(args) == 2 and not kwargs else None


def _slice(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    parts = [self.static(a) or a for a in (self.value(r, node) for r in args)]
    three = [Const(None), parts[0], Const(None)] if len(parts) == 1 else [*parts, *[Const(None)] * (3 - len(parts))]
    return self.let("slice", *three)


def _copy(deep: bool) -> Handler:
    def handler(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
        return self.copied(args[0], deep, node)

    return handler


def _super(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    return self.super_of(args, node)


def _type(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    if len(args) != 1:
        return None
    ref = args[0]
    own = ref.kind if isinstance(ref, (ObjectRef, TupleRef)) else self.class_of_member(ref)
    if own is not None:
        return own
    kind = class_of(ref)
    return None if kind is None else External(f"{kind.__module__}.{kind.__name__}", kind)


def _replace(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    if not args or not isinstance(args[0], ObjectRef):
        self.refuse(node, "this `replace`", "call it with a dataclass that is made here or passed as argument")
    fields = [f.name for f in self.fields(args[0].kind, node) if f.init and f.name not in kwargs]
    kept = {name: self.bound(args[0], name, node) for name in fields}
    return self.construct(args[0].kind, [], {**kept, **kwargs}, node)


def _put(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    owner, key, new = args
    if not isinstance(owner, ObjectRef) or not isinstance(key, Const):
        self.refuse(node, "`object.__setattr__`", "assign to the attribute")
    self.put(owner, str(key.value), self.named(str(key.value), new, node), node)
    return Const(None)


def _context(op: str) -> Handler:
    """A context that is not entered yet."""

    def handler(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        return PartialRef(External(op), tuple(args), kwargs)

    return handler


def _refused(name: str, help: str) -> Handler:
    def handler(self: Objects, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        self.refuse(node, f"`{name}`", help)

    return handler


BUILTINS: dict[str, Handler] = {
    **TOOLS,
    **SPELLED,
    "builtins.range": _range,
    "builtins.len": _len,
    **{op: _printed(op) for op in ("builtins.print", *(f"logging.{level}" for level in LEVELS))},
    **{f"builtins.{n}": _convert(n) for n in ("float", "int", "bool", "str", "complex")},
    **{f"builtins.{n}": _extreme(n) for n in ("min", "max")},
    **{f"builtins.{n}": _all(n) for n in ("all", "any")},
    **{f"builtins.{n}": _lazy(n) for n in ("zip", "enumerate", "reversed")},
    "builtins.sum": total,
    "math.prod": product,
    "builtins.list": _list,
    "builtins.tuple": _tuple,
    "builtins.dict": _dict,
    "builtins.isinstance": _isinstance,
    "builtins.map": _map,
    "builtins.abs": _abs,
    "builtins.pow": _pow,
    "builtins.slice": _slice,
    "functools.partial": _partial,
    "collections.namedtuple": Objects.named_tuple,
    "contextlib.contextmanager": _context(MANAGER),
    MANAGER: _context(CONTEXT),
    NULL: _context(NULL),
    CLOSING: _context(CLOSING),
    "functools.reduce": _reduce,
    "_functools.reduce": _reduce,
    "copy.copy": _copy(False),
    "copy.deepcopy": _copy(True),
    "builtins.super": _super,
    "builtins.type": _type,
    "builtins.repr": _repr,
    "dataclasses.replace": _replace,
    "builtins.object.__setattr__": _put,
    **{f"builtins.{n}": by_name(n) for n in ("getattr", "setattr", "hasattr")},
    "builtins.eval": _refused("eval", "write the expression"),
    "builtins.exec": _refused("exec", "write the statements"),
    "builtins.open": _refused("open", "read files outside of the function"),
    "builtins.input": _refused("input", "pass the value as an argument"),
    "builtins.iter": made,
    "builtins.next": following,
}
