"""Objects: made by their class's `__init__` as it is written, read and written by attribute, operated on by their methods."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from adtransform.ir import Atom, Const, Var
from adtransform.lattice import List, Scalar, Tuple, Unknown
from adtransform.read.blending import VARIABLES
from adtransform.read.classes import Field
from adtransform.read.enums import member
from adtransform.read.folds import Folds
from adtransform.read.frames import Frame
from adtransform.read.instances import attributes
from adtransform.read.members import Member
from adtransform.read.refs import (
    CONTAINERS,
    ClassRef,
    Conflict,
    DictRef,
    Entries,
    External,
    Held,
    Items,
    ListRef,
    MaybeRef,
    Method,
    ObjectRef,
    PartialRef,
    RecordsRef,
    Ref,
    Step,
    Storage,
    SuperRef,
    TupleRef,
    View,
    pointers,
    present,
)
from adtransform.read.storages import mutable
from adtransform.read.texts import told
from adtransform.read.values import DIFFER
from adtransform.record import record
from adtransform.source import Definition

_TURNED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}


@record
class Remake:
    """Called with attributes by name, makes an object of a class that has them, without running its constructor.

    `again`: the object stands in several places of the arguments, so that a write in one of them would be missed in others.
    """

    kind: type
    again: bool = False


Copies = dict[tuple[Storage, tuple[Step, ...]], Ref]


class Objects(Folds):
    """Reading objects."""

    # Making them.

    def new_object(self, cls: ClassRef, held: Mapping[str, Ref], frozen: str = "") -> ObjectRef:
        """An object with some attributes; `frozen`: why it must not be written."""
        storage = Storage(cls.name.lower(), frozen=frozen)
        self.heap[storage] = Entries(held, attributes=True)
        return ObjectRef(storage, cls)

    def construct(self, cls: ClassRef, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """`Class(...)`"""
        self.check_class(cls, node)
        if cls.members is not None:
            return self.with_value(cls, args, node)
        if cls.is_tuple:
            values = self.field_values(cls, self.fields(cls, node), args, kwargs, node)
            return TupleRef(tuple(values.values()), tuple(values), cls)
        made = self.new_object(cls, {})
        self.initialise(made, cls.order, args, kwargs, node)
        return made

    def check_class(self, cls: ClassRef, node: ast.AST) -> None:
        """Refuse classes whose objects are more than their attributes."""
        if cls.foreign:
            self.refuse(node, f"an object of `{cls.name}`: {cls.foreign}", "use a plain class or a dataclass")

    def initialise(
        self, made: ObjectRef, order: Sequence[ClassRef], args: list[Ref], kwargs: dict[str, Ref], node: ast.AST
    ) -> None:
        """Run the first `__init__` of some classes, or the one that a dataclass has."""
        for owner in order:
            init = self.class_member((owner,), "__init__", node)
            if init is not None:
                self.apply(init.ref, [made, *args], kwargs, node)
                return
            options = self.dataclass_options(owner)
            if options is not None and options["init"]:
                self.fill(made, owner, args, kwargs, node)
                return
        if args or kwargs:
            self.refuse(node, f"this call of `{made.kind.name}`", "it takes no arguments")

    def fill(self, made: ObjectRef, owner: ClassRef, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> None:
        """What the `__init__` of a dataclass does."""
        fields = self.fields(owner, node)
        given = self.field_values(owner, fields, args, kwargs, node)
        if self.row_of(made) is not None:
            self.refuse(node, "an object in a list of records that is made again", "put a new one into the list")
        held = dict(self.attributes_of(made))
        for f in fields:
            if f.name in given and f.kept:
                held[f.name] = given[f.name]
            elif f.made and f.kept and f.default is not None:
                held[f.name] = f.default()
        self.heap[made.storage] = Entries(held, attributes=True)
        after = self.class_member(made.kind.order, "__post_init__", node)
        if after is not None:
            self.apply(after.ref, [made, *(given[f.name] for f in fields if not f.kept)], {}, node)

    def field_values(
        self, cls: ClassRef, fields: list[Field], args: list[Ref], kwargs: dict[str, Ref], node: ast.AST
    ) -> dict[str, Ref]:
        """The values of the fields that a constructor takes, by name."""
        positional = [f.name for f in fields if f.init and not f.keyword]
        named = {f.name for f in fields if f.init}
        if len(args) > len(positional):
            self.refuse(node, f"this call of `{cls.name}`", f"it takes {len(positional)} arguments, not {len(args)}")
        given = dict(zip(positional, args, strict=False))
        for key, ref in kwargs.items():
            if key not in named or key in given:
                wrong = f"`{key}` is given twice" if key in given else f"it has no field `{key}`"
                self.refuse(node, f"this call of `{cls.name}`", wrong)
            given[key] = ref
        values: dict[str, Ref] = {}
        for f in fields:
            if not f.init:
                continue
            if f.name in given:
                values[f.name] = given[f.name]
            elif f.default is not None:
                values[f.name] = f.default()
            else:
                self.refuse(node, f"this call of `{cls.name}`", f"`{f.name}` is missing")
        return values

    # Attributes.

    def attributes_of(self, owner: ObjectRef) -> Mapping[str, Ref]:
        """What an object that is not from outside holds, by name."""
        content = self.content(owner.storage)
        if not isinstance(content, Entries):
            found = content.refs[0] if isinstance(content, Items) and content.refs else None
            if isinstance(found, Conflict) and not found.what.endswith(DIFFER):
                self.unusable(found, None)
            self.refuse(None, f"objects of `{owner.kind.name}` that change places in a loop", "exchange what they hold")
        return content.refs

    def every_attribute(self, owner: ObjectRef, node: ast.AST) -> Mapping[str, Ref]:
        """What an object holds, by name."""
        outside = owner.storage.outside
        if outside is None:
            return self.attributes_of(owner)
        return {name: self.bound(owner, name, node) for name in attributes(outside)}

    def bound(self, owner: ObjectRef | ClassRef | SuperRef | TupleRef, name: str, node: ast.AST) -> Ref:
        """An attribute of an object or a class, as Python looks it up."""
        if isinstance(owner, TupleRef) and name in owner.names:
            return owner.items[owner.names.index(name)]
        if isinstance(owner, ObjectRef):
            self.check_class(owner.kind, node)
        elif isinstance(owner, ClassRef) and owner.node is not None:
            self.check_class(owner, node)  # of an enumeration, whose members are more than what is written
        if name == "__init__":
            return Method(owner, name)
        if isinstance(owner, ClassRef) and (one := self.of_enumeration(owner, name)) is not None:
            return one
        held, order = self._places(owner)
        member = self.class_member(order, name, node)
        if isinstance(owner, ClassRef):
            return self._of_class(owner, member, name, node)
        instance: Ref = owner.owner if isinstance(owner, SuperRef) else owner
        if member is not None and member.kind == "property":
            return self.apply(member.ref, [instance], {}, node)
        if held is not None and held.storage.outside is not None:
            known = attributes(held.storage.outside)
            if name in known:
                value = known[name]
                return self.wrap(value, f"{held.storage.label}_{name}", node, captured=isinstance(value, float))
        elif held is not None and name in (refs := self.attributes_of(held)):
            found = refs[name]
            if isinstance(found, Conflict) and member is not None and member.kind == "cached":
                what = f"the attribute `.{name}`, which only some of the paths to here have computed"
                self.refuse(node, what, "read it before the branch or the loop")
            if isinstance(found, Conflict):
                self.unusable(found, node)
            return found
        if member is None:
            return self._special(instance, name, node)
        if member.kind in ("value", "static"):
            return member.ref
        if member.kind == "class":
            return PartialRef(member.ref, (self.kind_of_object(instance),))
        if member.kind == "cached":
            value = self.apply(member.ref, [instance], {}, node)
            if isinstance(instance, ObjectRef) and instance.storage.outside is None:
                self.put(instance, name, value, node)
            return value
        return PartialRef(member.ref, (instance,))

    def _places(self, owner: Ref) -> tuple[ObjectRef | None, Sequence[ClassRef]]:
        """The object whose own attributes count, and the classes to look in."""
        match owner:
            case ObjectRef(_, kind):
                return owner, kind.order
            case ClassRef():
                return None, owner.order
            case TupleRef(kind=ClassRef() as kind):
                return None, kind.order
            case SuperRef(held, after):
                order = held.order if isinstance(held, ClassRef) else held.kind.order
                return None, order[order.index(after) + 1 :]
        return None, ()

    def kind_of_object(self, ref: Ref) -> ClassRef:
        """The class of an object."""
        kind = ref if isinstance(ref, ClassRef) else getattr(ref, "kind", None)
        assert isinstance(kind, ClassRef)
        return kind

    def _of_class(self, owner: ClassRef, member: Member | None, name: str, node: ast.AST) -> Ref:
        if member is None:
            if name in ("__name__", "__qualname__"):
                return Const(owner.name)
            self.refuse(node, f"`{owner.name}.{name}`, which is not found in the text of the class", "check its name")
        if member.kind == "class":
            return PartialRef(member.ref, (owner,))
        return member.ref

    def _special(self, instance: Ref, name: str, node: ast.AST) -> Ref:
        """Attributes that every object has."""
        kind = self.kind_of_object(instance)
        if name == "__class__":
            return kind
        if isinstance(instance, TupleRef):
            return Method(instance, name)
        if kind.name == VARIABLES:
            self.refuse(node, f"`{name}`, which is not bound here", "assign to it first")
        self.refuse(node, f"the attribute `.{name}`, which this object of `{kind.name}` does not have", "set it in `__init__`")

    def method(self, owner: Ref, name: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
        """`owner.name(...)`"""
        match owner:
            case ClassRef() | ObjectRef() | SuperRef():
                held, *rest = args if isinstance(owner, ClassRef) and args else [getattr(owner, "owner", owner), *args]
                if not isinstance(held, ObjectRef):
                    self.refuse(node, f"this call of `{name}`", "call it with an object that is made here")
                self.initialise(held, self._places(owner)[1], rest, kwargs, node)
                return Const(None)
            case TupleRef(items, names, ClassRef()) if name == "_replace" and set(kwargs) <= set(names):
                return TupleRef(tuple(kwargs.get(n, i) for n, i in zip(names, items, strict=True)), names, owner.kind)
            case TupleRef(items, names, ClassRef()) if name == "_asdict":
                return self.new_dict(dict(zip(names, items, strict=True)))
        return super().method(owner, name, args, kwargs, node)

    def has_attribute(self, owner: ObjectRef | TupleRef, name: str, node: ast.AST) -> bool:
        """`hasattr(owner, name)`"""
        held, order = self._places(owner)
        if held is None:
            return name in getattr(owner, "names", ()) or self.class_member(order, name, node) is not None
        outside = held.storage.outside
        own = {} if outside is not None else self.attributes_of(held)
        if isinstance(own.get(name), Conflict):
            self.unusable(own[name], node)
        return name in (own if outside is None else attributes(outside)) or self.class_member(order, name, node) is not None

    def set_attribute(self, owner: Ref, name: str, new: Ref, node: ast.AST) -> None:
        """`owner.name = new`"""
        owner = self.there(owner, node, f"'NoneType' object has no attribute '{name}'", AttributeError)
        match owner:
            case ObjectRef(kind=kind):
                self.check_class(kind, node)
                member = self.class_member(kind.order, name, node)
                if member is not None and member.kind == "property":
                    if member.setter is None:
                        self.refuse(node, f"an assignment to the property `.{name}`", "give it a setter, or set what it reads")
                    self.apply(member.setter, [owner, new], {}, node)
                    return
                if any((self.dataclass_options(c) or {}).get("frozen") for c in kind.order):
                    self.refuse(node, f"an assignment to `.{name}` of the frozen `{kind.name}`", "use dataclasses.replace(...)")
                self.put(owner, name, new, node)
            case TupleRef(kind=ClassRef(class_name)):
                self.refuse(node, f"an assignment to `.{name}` of the named tuple `{class_name}`", "use `._replace(...)`")
            case ClassRef(class_name):
                self.refuse(node, f"an assignment to `{class_name}.{name}`", "keep the value in an object")
            case View() if name in ("real", "imag"):
                part = self.through(owner, Step(f"numpy.{name}"), node)
                self.assign_array_item(part, Const(...), new, node)
            case _:
                self.refuse(node, f"an assignment to the attribute `.{name}`", "keep the value in a local name")

    def put(self, owner: ObjectRef, name: str, new: Ref, node: ast.AST) -> None:
        """Set what an object itself has under a name: `object.__setattr__(owner, name, new)`."""
        if not self.put_in_row(owner.storage, name, new, node):
            self.may_write(owner.storage, node)
            self.heap[owner.storage] = Entries({**self.attributes_of(owner), name: new}, attributes=True)

    # `super()`

    def super_of(self, args: list[Ref], node: ast.AST) -> Ref:
        """`super()` and `super(Class, self)`."""
        definition: Definition | None = None
        if not args:
            frame = self.frame
            while id(frame.scope.node) not in self.owners and frame.parent is not None:
                frame = frame.parent
            definition = frame.scope.node
            first = [*definition.args.posonlyargs, *definition.args.args][:1]
            owner = frame.env.get(first[0].arg) if first else None
            after: Ref | None = self.owners.get(id(definition))
        else:
            after, owner = (*args, None)[:2]
        if isinstance(owner, (ObjectRef, ClassRef)) and isinstance(after, ClassRef):
            if after in (owner.order if isinstance(owner, ClassRef) else owner.kind.order):
                return SuperRef(owner, after)
        self.refuse(node, "this `super`", "call it in a method: super().method(...)")

    # Operators.

    def special(self, ref: Ref, name: str, node: ast.AST) -> Ref | None:
        """The method of an object by which it takes part in an operation; None where its class has none."""
        member = self.class_member(self._places(ref)[1], name, node) if isinstance(ref, (ObjectRef, TupleRef)) else None
        if member is None or (member.kind == "value" and isinstance(member.ref, Const)):
            return None
        return member.ref

    def operated(self, op: str, left: Ref, right: Ref, node: ast.AST) -> Ref | None:
        """A binary operator between objects, by their methods; None where neither is an object that has one."""
        a, b = (isinstance(r, ObjectRef) or (isinstance(r, TupleRef) and r.kind is not None) for r in (left, right))
        if not (a or b):
            return None
        name = op.rstrip("_")
        ways = [(left, f"__{name}__", right), (right, f"__r{name}__", left)]
        if op in _TURNED:
            ways = [(left, f"__{name}__", right), (right, f"__{_TURNED[op]}__", left)]
        if a and b and self._is_below(right, left):
            ways.reverse()
        if not a and not self._defers(left, right, node):
            help = "put the object first, or say `__array_ufunc__ = None` in its class"
            self.refuse(node, "an operator between a value of NumPy and an object, which NumPy takes apart", help)
        for owner, method, other in ways:
            function = self.special(owner, method, node)
            unequal = function is None and name == "ne"  # the opposite of what `__eq__` says
            function = self.special(owner, "__eq__", node) if unequal else function
            if function is None:
                continue
            found = self.apply(function, [owner, other], {}, node)
            if not (isinstance(found, External) and found.live is NotImplemented):
                return self.unary(ast.Not, found, node) if unequal else found
        if op in _TURNED and (by_fields := self.compared_by_fields(name, left, right, node)) is not None:
            return by_fields
        if isinstance(left, ObjectRef) or isinstance(right, ObjectRef):
            kind = self.kind_of_object(left if isinstance(left, ObjectRef) else right)
            self.refuse(node, f"the operator `{name}` with an object of `{kind.name}`", f"give the class `__{name}__`")
        return None

    def compared_by_fields(self, name: str, left: Ref, right: Ref, node: ast.AST) -> Ref | None:
        """A comparison as a dataclass generates it, `==` of plain objects, which is `is`; None where there is none."""
        equality = name in ("eq", "ne")
        if isinstance(left, ObjectRef) and isinstance(right, ObjectRef) and left.kind is right.kind:
            own = next(
                (c for c in left.kind.order if (self.dataclass_options(c) or {}).get("eq" if equality else "order")), None
            )
            if own is not None:
                fields = [f.name for f in self.fields(own, node) if f.compared and f.kept]
                a, b = (TupleRef(tuple(self.bound(side, n, node) for n in fields)) for side in (left, right))
                return self.compared(f"operator.{name}", a, b, node)
        if not equality or not all(isinstance(r, (Held, Const)) for r in (left, right)):
            return None
        same = self.identical(left, right) if isinstance(left, Held) and isinstance(right, Held) else False
        return None if same is None else Const(same == (name == "eq"))

    def _defers(self, left: Ref, right: Ref, node: ast.AST) -> bool:
        """Whether what is left of an operator leaves the operation to the object on its right."""
        if not isinstance(left, (Const, Var, View)):
            return True
        t = self.type_of(self.value(left, node))
        order = self.kind_of_object(right).order
        deferring = self.class_member(order, "__array_ufunc__", node)
        if isinstance(t, Scalar) and t.dtype is None or (deferring is not None and deferring.ref == Const(None)):
            return True
        return isinstance(t, Scalar) and isinstance(right, ObjectRef) and self.special(right, "__len__", node) is None

    def another(self, args: list[Ref], frame: Frame) -> bool:
        """Whether a method is called that is being read, but of another object: then it does not call itself."""
        first = [*frame.scope.node.args.posonlyargs, *frame.scope.node.args.args][:1]
        own = frame.env.get(first[0].arg) if first else None
        given = args[0] if args else None
        return isinstance(own, ObjectRef) and isinstance(given, ObjectRef) and own.storage is not given.storage

    def _is_below(self, a: Ref, b: Ref) -> bool:
        first, second = self.kind_of_object(a), self.kind_of_object(b)
        return first is not second and second in first.above

    def unary_of(self, name: str, ref: Ref, node: ast.AST) -> Ref | None:
        """What the special method of an object gives; None for what is no object, or has none."""
        function = self.special(ref, name, node)
        if function is None:
            if isinstance(ref, ObjectRef):
                self.refuse(node, f"`{name}` of an object of `{ref.kind.name}`", "define it in the class")
            return None
        return self.apply(function, [ref], {}, node)

    def in_words(self, ref: Ref, node: ast.AST, how: str = "__str__") -> Ref:
        """What `str` or `repr` of an object or a container gives."""
        return told(self, ref, node, how)

    def object_truth(self, ref: ObjectRef, node: ast.AST) -> Atom:
        """An object as a condition."""
        for name in ("__bool__", "__len__"):
            function = self.special(ref, name, node)
            if function is not None:
                return self.truth(self.apply(function, [ref], {}, node), node)
        return Const(True)

    def iterator(self, ref: Ref, node: ast.AST) -> Ref:
        """What is run over: for an object what its `__iter__` gives."""
        ref = present(ref)
        if isinstance(ref, ObjectRef) and ref.kind is self.iterators:
            return self.rest_of(ref, node)
        if isinstance(ref, DictRef) and self.table(ref) is not None:
            return self.keys_of(ref, node)
        if isinstance(ref, ClassRef) and ref.members is not None:
            return TupleRef(tuple(map(member, ref.members)))
        return (self.unary_of("__iter__", ref, node) or ref) if isinstance(ref, ObjectRef) else ref

    @property
    def iterators(self) -> ClassRef:
        """The class of iterators under a name: one for all functions read together."""
        if "iterator" not in self.known_classes:
            node = ast.ClassDef("iterator", [], [], [ast.Pass()], [])
            self.known_classes["iterator"] = ClassRef("iterator", self.module, node)
        return self.known_classes["iterator"]

    def begun(self, ref: Ref, node: ast.AST) -> ObjectRef | None:
        """An iterator over what a generator gives."""
        raise NotImplementedError

    def still_there(self, ref: Ref, node: ast.AST) -> None:
        """Refuse to run on over what has changed."""
        raise NotImplementedError

    def rest_of(self, ref: ObjectRef, node: ast.AST) -> Ref:
        """What is left of an iterator."""
        raise NotImplementedError

    # Copies.

    def copied(self, ref: Ref, deep: bool, node: ast.AST, seen: Copies | None = None) -> Ref:
        """`copy.copy(ref)`, or `copy.deepcopy(ref)`; `seen`: what a deep copy has copied already, once."""
        if isinstance(ref, MaybeRef):
            if seen is not None:
                self.refuse(node, "a deep copy of what holds what may be None", "copy its parts")
            return self.choose(ref.there, lambda: self.copied(ref.ref, deep, node), lambda: Const(None), node)
        seen = {} if seen is None else seen
        path = ref.path if isinstance(ref, View) else ()

        def inner(item: Ref) -> Ref:
            return self.copied(item, True, node, seen) if deep else item

        def each(item: Ref) -> Ref:
            return self.copied(item, True, node)

        if deep and isinstance(ref, (View, *CONTAINERS)):
            if (made := self.copied_before(ref.storage, path, seen, node)) is not None:
                return made
        match ref:
            case View():
                t = self.type_of(self.value(ref))
                if isinstance(t, Tuple):
                    self.refuse(node, "a copy of a tuple in a list of unknown length", "copy what it holds")
                if isinstance(t, Unknown):  # a number, or an array
                    made = seen[ref.storage, path] = self.make(self.let("assign", self.value(ref)))
                    return made
                whole = deep and isinstance(t, List) and mutable(t.item)
                made = self.collected(ref, each, node) if whole else self.method(ref, "copy", [], {}, node)
                seen[ref.storage, path] = made
                return made
            case RecordsRef(storage):
                if deep and self.is_doubled(storage):
                    self.refuse(node, "a deep copy of a list that may hold something twice", "copy its items")
                if not deep:
                    return self.as_list(ref, node)
                if pointers(ref.schema):
                    self.refuse(node, "a deep copy of a list that holds items of another one", "copy both, item by item")
                copy = self.new_records(ref.schema, storage.label)
                for mine, column in zip(self.columns_of(copy), self.columns_of(ref), strict=True):
                    made = self.copied(column, True, node, seen)
                    assert isinstance(made, ListRef)
                    self.heap[mine.storage] = self.content(made.storage)
                seen[storage, ()] = copy
                return copy
            case TupleRef(items) if deep:
                return TupleRef(tuple(map(inner, items)), ref.names, ref.kind)
            case ListRef(storage):
                content = self.content(storage)
                if not isinstance(content, Items):
                    if deep and self.is_doubled(storage):
                        self.refuse(node, "a deep copy of a list that may hold something twice", "copy its items")
                    made = self.collected(ref, each, node) if deep else self.as_list(ref, node)
                    assert isinstance(made, ListRef)
                    seen[storage, ()] = self.alike(made, storage)
                    return made
                made = self.new_list(())
                self.alike(made, storage)
                seen[storage, ()] = made
                self.heap[made.storage] = Items(tuple(map(inner, content.refs)))
                return made
            case DictRef(storage) | ObjectRef(storage):
                if isinstance(ref, DictRef) and self.table(ref) is not None:
                    if deep:
                        self.refuse(node, "a deep copy of a dict whose keys are computed", "copy its items")
                    return self.copied_table(ref)
                if isinstance(ref, ObjectRef):
                    held: dict[Any, Ref] = dict(self.every_attribute(ref, node))
                else:
                    entries = self.content(storage)
                    held = dict(entries.refs) if isinstance(entries, Entries) else {}
                new = self.new_object(ref.kind, {}) if isinstance(ref, ObjectRef) else self.alike(self.new_dict({}), storage)
                seen[storage, ()] = new
                self.heap[new.storage] = Entries({k: inner(v) for k, v in held.items()}, isinstance(ref, ObjectRef))
                return new
        return ref

    def copied_before(self, storage: Storage, path: tuple[Step, ...], seen: Copies, node: ast.AST) -> Ref | None:
        """The copy that a deep copy has made already; refused where what lists hold may be that, or not."""
        for (other, steps), made in seen.items():
            if other is storage and steps == path:
                return made
            near = other is storage or frozenset((other, storage)) in self.related
            if near and (self.is_list(other) or self.is_list(storage)):
                self.refuse(node, "a deep copy of what may hold something twice", "copy its items")
        return None
