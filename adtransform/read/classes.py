"""Classes: what one has under a name, from its text or live; nothing of it is executed."""

from __future__ import annotations

import ast
import dataclasses
import enum
import functools
import types
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from adtransform.ir import Const
from adtransform.read.enums import from_text, is_enumeration
from adtransform.read.frames import Frame, Module
from adtransform.read.instances import is_own_class, is_plain_class, is_plain_instance
from adtransform.read.libraries import is_library
from adtransform.read.members import Member, Members, generated
from adtransform.read.refs import ClassRef, External, ObjectRef, Ref, Storage, SuperRef, TupleRef
from adtransform.record import record

# Classes that add nothing to the instances of those derived from them.
_NOTHING = frozenset(
    "builtins.object typing.Generic typing.Protocol abc.ABC "
    "contextlib.AbstractContextManager contextlib.ContextDecorator".split()
)
_METACLASSES = frozenset(("type", "ABCMeta", "_ProtocolMeta"))
# What makes attributes something else than what is stored.
_HOOKS = ("__getattr__", "__getattribute__", "__setattr__", "__delattr__", "__new__")
_DECORATORS = frozenset("dataclass final runtime_checkable".split())


class NamedTupleClass(ast.ClassDef):
    """The class that a call of `namedtuple` makes."""


@record
class Field:
    """A field of a dataclass or named tuple; `default` makes its value where it is not given.

    `kept`: an attribute, and not only an argument for `__post_init__`.  `compared`, `shown`: by what a dataclass generates.
    """

    name: str
    init: bool
    keyword: bool
    default: Callable[[], Ref] | None
    made: bool = False  # by a factory: set although it is no parameter
    kept: bool = True
    compared: bool = True
    shown: bool = True


class Classes(Members):
    """Looking classes up."""

    known_classes: dict[object, ClassRef]
    known_objects: dict[int, ObjectRef]

    # From a live class, and from text.

    def live_class(self, cls: type) -> ClassRef:
        """A live class of the user's."""
        if cls not in self.known_classes:
            above = tuple(self.live_class(base) for base in cls.__mro__[1:] if _adds(base))
            is_tuple = issubclass(cls, tuple) and hasattr(cls, "_fields")
            foreign = ""
            if not is_tuple and not is_plain_class(cls):
                base = next((b for b in cls.__mro__ if _adds(b) and not is_own_class(b)), None)
                foreign = f"it is derived from `{base.__module__}.{base.__qualname__}`" if base else "it has `__new__`"
            elif type(cls).__name__ not in _METACLASSES:
                foreign = "it has a metaclass"
            module = self.modules.get(str(cls.__module__), self.module)
            self.known_classes[cls] = self._judged(ClassRef(cls.__name__, module, None, cls, above, foreign, is_tuple))
        return self.known_classes[cls]

    def enumeration_class(self, cls: type) -> ClassRef | None:
        """A live enumeration of the user's."""
        if not issubclass(cls, enum.Enum) or is_library(str(cls.__module__)):
            return None
        if cls not in self.known_classes:
            above = tuple(c for c in map(self.enumeration_class, cls.__mro__[1:]) if c is not None)
            module = self.modules.get(str(cls.__module__), self.module)
            self.known_classes[cls] = ClassRef(cls.__name__, module, None, cls, above, members=cls)
        return self.known_classes[cls]

    def _judged(self, cls: ClassRef) -> ClassRef:
        """A class, foreign where its attributes are something else than what is stored."""
        hook = next((h for h in _HOOKS if not cls.foreign and self.has(cls, h)), "")
        return replace(cls, foreign=f"it has `{hook}`") if hook else cls

    def text_class(self, node: ast.ClassDef, module: Module, frame: Frame | None = None) -> ClassRef:
        """A class known from its text; `frame`: the call that defines it."""
        key: object = id(node) if frame is None else (node, frame.key)
        if key in self.known_classes:
            return self.known_classes[key]
        members = self.text_enumeration(node, module, frame)
        if members is not None:
            self.known_classes[key] = self.known_classes[members] = ClassRef(
                node.name, module, node, members=members, frame=frame
            )
            return self.known_classes[key]
        orders: list[Sequence[ClassRef]] = []
        foreign = "it has a metaclass" if any(k.arg == "metaclass" and not _is_abc(k.value) for k in node.keywords) else ""
        is_tuple = isinstance(node, NamedTupleClass)
        for base in node.bases:
            match self.plain_name(base, module, frame):
                case ClassRef() as above:
                    orders.append(above.order)
                case External(op) if op in _NOTHING:
                    pass
                case External("typing.NamedTuple"):
                    is_tuple = True
                case External(op):
                    foreign = f"it is derived from `{op}`"
                case _:
                    foreign = f"it is derived from `{ast.unparse(base)}`"
        firsts = [order[0] for order in orders]
        order = tuple(_merged([*orders, firsts]))
        foreign = foreign or next((c.foreign for c in order if c.foreign), "")
        is_tuple = is_tuple or any(c.is_tuple for c in order)
        for decorator in node.decorator_list:
            head = ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator)
            if head.rpartition(".")[2] not in _DECORATORS:
                foreign = f"it is decorated by `{head}`"
        self.known_classes[key] = self._judged(ClassRef(node.name, module, node, None, order, foreign, is_tuple, frame=frame))
        return self.known_classes[key]

    def text_enumeration(self, node: ast.ClassDef, module: Module, frame: Frame | None) -> type[enum.Enum] | None:
        """The enumeration that a class is, of literals."""
        bases = [self.plain_name(base, module, frame) for base in node.bases]
        names = [base.op for base in bases if isinstance(base, External)]
        unique = all(ast.unparse(d).rpartition(".")[2] == "unique" for d in node.decorator_list)
        if not names or len(names) < len(bases) or not is_enumeration(names[-1]) or not unique:
            return None

        def literal(part: ast.expr) -> object:
            found = self.literal(part, module, 0)
            return found.value if isinstance(found, Const) else None

        return from_text(node, names, module.name, literal)

    # From live objects.

    def of_class(self, value: Any, name: str, node: ast.AST) -> Ref | None:
        """A live class of the user's, an object of one, or a method of such an object; None for anything else."""
        if isinstance(value, type):
            return self.live_class(value) if is_own_class(value) else self.enumeration_class(value)
        if isinstance(value, types.MethodType):
            owner = value.__self__
            if isinstance(owner, type) and is_own_class(owner):
                return self.bound(self.live_class(owner), value.__name__, node)
            if is_plain_instance(owner):
                return self.bound(self.live_object(owner, "self"), value.__name__, node)
            return None
        if isinstance(value, tuple) and is_own_class(type(value)) and hasattr(value, "_fields"):
            items = tuple(self.wrap(v, f"{name}_{n}", node) for n, v in zip(value._fields, value, strict=True))
            return TupleRef(items, value._fields, self.live_class(type(value)))
        return self.live_object(value, name) if is_plain_instance(value) else None

    def live_object(self, value: Any, name: str) -> ObjectRef:
        """An object from outside: its attributes are looked at where they are read, and not written."""
        if id(value) not in self.known_objects:
            storage = Storage(name, frozen=f"a write to `{name}`, which is not local", outside=value)
            self.known_objects[id(value)] = ObjectRef(storage, self.live_class(type(value)))
        return self.known_objects[id(value)]

    # What they have.

    def class_member(self, order: Sequence[ClassRef], name: str, node: ast.AST) -> Member | None:
        """What the first of some classes that has it has under a name."""
        for owner in order:
            found = self._live_member(owner, name, node) if owner.live is not None else self.text_member(owner, name, node)
            if found is not None:
                return found
        return None

    def _live_member(self, owner: ClassRef, name: str, node: ast.AST) -> Member | None:
        assert owner.live is not None
        if name not in vars(owner.live):
            return None
        value = vars(owner.live)[name]
        match value:
            case staticmethod():
                return Member("static", self._method(value.__func__, owner, node), owner)
            case classmethod() if generated(value.__func__):
                return None
            case classmethod():
                return Member("class", self._method(value.__func__, owner, node), owner)
            case property(fget=getter, fset=setter):
                write = self._method(setter, owner, node) if setter else None
                return Member("property", self._method(getter, owner, node), owner, write)
            case functools.cached_property(func=getter):
                return Member("cached", self._method(getter, owner, node), owner)
            case types.FunctionType():
                return None if generated(value) else Member("plain", self._method(value, owner, node), owner)
            case types.MemberDescriptorType() | types.GetSetDescriptorType():
                return None
        if callable(value) and isinstance(getattr(value, "__wrapped__", None), types.FunctionType):
            return Member("plain", self._method(value.__wrapped__, owner, node), owner)
        if hasattr(type(value), "__get__") and not isinstance(value, type):
            if owner.is_tuple and name in getattr(owner.live, "_fields", ()):
                return None
            self.refuse(node, f"`.{name}`, a descriptor of kind `{type(value).__name__}`", "make it a method or a property")
        return Member("value", self.wrap(value, name, node), owner)

    def _method(self, function: Any, owner: ClassRef, node: ast.AST) -> Ref:
        ref = self.wrap(function, getattr(function, "__name__", ""), node)
        return self.owned(ref, owner)

    # Dataclasses and named tuples.

    def dataclass_options(self, cls: ClassRef) -> dict[str, Any] | None:
        """The options of the decorator of a dataclass; None for a class that is none itself."""
        if cls.live is not None:
            params = vars(cls.live).get("__dataclass_params__")
            return None if params is None else {n: getattr(params, n) for n in ("init", "repr", "frozen", "eq", "order")}
        assert cls.node is not None
        for decorator in cls.node.decorator_list:
            head = decorator.func if isinstance(decorator, ast.Call) else decorator
            found = self.plain_name(head, cls.module, cls.frame)
            if isinstance(found, External) and found.op == "dataclasses.dataclass":
                given = decorator.keywords if isinstance(decorator, ast.Call) else []
                return {"init": True, "repr": True, "frozen": False, "eq": True, "order": False} | {
                    k.arg: k.value.value for k in given if k.arg and isinstance(k.value, ast.Constant)
                }
        return None

    def fields(self, cls: ClassRef, node: ast.AST) -> list[Field]:
        """The fields of a dataclass or named tuple, in the order of its constructor."""
        if cls.is_tuple:
            return self._tuple_fields(cls, node)
        if cls.live is not None:
            return [self._live_field(f, node) for f in vars(cls.live)["__dataclass_fields__"].values() if _is_field(f)]
        found: dict[str, Field] = {}
        for owner in reversed(cls.order):
            options = self.dataclass_options(owner) if owner.node is not None else None
            if options is None or owner.node is None:
                continue
            keyword = bool(options.get("kw_only", False))
            for stmt in owner.node.body:
                if isinstance(stmt, ast.AnnAssign) and isinstance(stmt.target, ast.Name):
                    annotation = ast.unparse(stmt.annotation)
                    if "KW_ONLY" in annotation:
                        keyword = True
                    elif "ClassVar" not in annotation:
                        one = self._text_field(stmt.target.id, stmt.value, keyword, owner)
                        found[one.name] = replace(one, kept="InitVar" not in annotation)
        return list(found.values())

    def _live_field(self, f: Any, node: ast.AST) -> Field:
        default: Callable[[], Ref] | None = None
        made = f.default_factory is not dataclasses.MISSING
        if made:
            factory = functools.partial(self.wrap, f.default_factory, f.name, node)
            default = functools.partial(self._made, factory, node)
        elif f.default is not dataclasses.MISSING:
            default = functools.partial(self.wrap, f.default, f.name, node)
        kept = f._field_type is not dataclasses._FIELD_INITVAR  # type: ignore[attr-defined]
        return Field(f.name, f.init, bool(f.kw_only), default, made, kept, f.compare, f.repr)

    def _made(self, factory: Callable[[], Ref], node: ast.AST) -> Ref:
        return self.apply(factory(), [], {}, node)

    def _text_field(self, name: str, value: ast.expr | None, keyword: bool, owner: ClassRef) -> Field:
        if value is None:
            return Field(name, True, keyword, None)
        if not self.is_field_call(value, owner):
            return Field(name, True, keyword, functools.partial(self.in_class, value, owner))
        assert isinstance(value, ast.Call)
        options = {k.arg: k.value for k in value.keywords}

        def flag(key: str, default: bool) -> bool:
            found = options.get(key)
            return bool(found.value) if isinstance(found, ast.Constant) else default

        factory, plain = options.get("default_factory"), options.get("default")
        default: Callable[[], Ref] | None = None
        if factory is not None:
            default = functools.partial(self._made, functools.partial(self.in_class, factory, owner), factory)
        elif plain is not None:
            default = functools.partial(self.in_class, plain, owner)
        made, compared, shown = factory is not None, flag("compare", True), flag("repr", True)
        return Field(name, flag("init", True), flag("kw_only", keyword), default, made, compared=compared, shown=shown)

    def _tuple_fields(self, cls: ClassRef, node: ast.AST) -> list[Field]:
        if cls.live is not None:
            defaults = getattr(cls.live, "_field_defaults", {})
            names: tuple[str, ...] = getattr(cls.live, "_fields", ())
            return [
                Field(n, True, False, functools.partial(self.wrap, defaults[n], n, node) if n in defaults else None)
                for n in names
            ]
        for owner in cls.order:
            stmts = [s for s in owner.node.body if isinstance(s, ast.AnnAssign)] if owner.node is not None else []
            if stmts:
                return [self._text_field(ast.unparse(s.target), s.value, False, owner) for s in stmts]
        return []

    # What other parts provide.

    def bound(self, owner: ObjectRef | ClassRef | SuperRef | TupleRef, name: str, node: ast.AST) -> Ref:
        """An attribute of an object or a class."""
        raise NotImplementedError


def _adds(base: type) -> bool:
    return f"{base.__module__}.{base.__qualname__}" not in _NOTHING and base is not tuple


def _is_abc(node: ast.expr) -> bool:
    return ast.unparse(node).rpartition(".")[2] == "ABCMeta"


def _is_field(f: Any) -> bool:
    return f._field_type is not dataclasses._FIELD_CLASSVAR  # type: ignore[attr-defined]


def _merged(orders: list[Sequence[ClassRef]]) -> list[ClassRef]:
    """The order in which names are looked up in several classes: each before those above it, as Python has it."""
    rest = [list(o) for o in orders if o]
    found: list[ClassRef] = []
    while rest:
        first = next((o[0] for o in rest if not any(o[0] in other[1:] for other in rest)), rest[0][0])
        found.append(first)
        rest = [o for o in ([c for c in o if c is not first] for o in rest) if o]
    return found
