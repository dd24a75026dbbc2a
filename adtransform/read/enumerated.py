"""Reading members of enumerations: their attributes and methods, which one something is, and what they are as numbers."""

from __future__ import annotations

import ast
import contextlib
import enum
import operator
from collections.abc import Callable, Mapping, Sequence

from adtransform.ir import Atom, Const, Var
from adtransform.lattice import BOOL, Array
from adtransform.read.enums import NUMBER, TURNED, defines, live_member, member, members_in
from adtransform.read.nested import Nested
from adtransform.read.refs import ClassRef, EitherRef, External, Lazy, ObjectRef, PartialRef, Ref, View

_SAME = ("operator.is_", "operator.is_not", "operator.eq", "operator.ne")
_BITS: dict[str, Callable[[enum.Flag, enum.Flag], enum.Flag]] = {
    "and_": operator.and_,
    "or_": operator.or_,
    "xor": operator.xor,
}


class Enumerated(Nested):
    """Reading members."""

    def of_member(self, ref: Ref, name: str, node: ast.AST) -> Ref:
        """An attribute of a member, or of one of several."""
        if isinstance(ref, EitherRef):
            then, orelse = self.of_member(ref.then, name, node), self.of_member(ref.orelse, name, node)
            if isinstance(then, PartialRef) or (members_in(then) and members_in(orelse)):
                return EitherRef(ref.cond, then, orelse)
            return self.choose(ref.cond, lambda: then, lambda: orelse, node)
        value = live_member(ref)
        assert value is not None
        cls = type(value)
        if name in ("value", "_value_"):
            return self.wrap(value._value_, f"{cls.__name__}_{value._name_}", node)
        if name in ("name", "_name_"):
            return Const(value._name_)
        kind = self.enumeration(cls)
        if name == "__class__" and kind is not None:
            return kind
        if kind is not None and kind.live is not None and name in vars(value):
            return self.wrap(vars(value)[name], name, node)
        found = self.class_member(kind.order, name, node) if kind is not None else None
        if found is None and kind is not None and kind.live is None:
            return self.made_member(kind, value, name, node)
        if found is None or kind is None:
            self.refuse(node, f"the attribute `.{name}` of a member of `{cls.__name__}`", "use its `.value`")
        if found.kind == "property":
            return self.apply(found.ref, [ref], {}, node)
        if found.kind in ("value", "static"):
            return found.ref
        return PartialRef(found.ref, (kind if found.kind == "class" else ref,))

    def made_member(self, kind: ClassRef, value: enum.Enum, name: str, node: ast.AST) -> Ref:
        """An attribute that the `__init__` of a class known from its text gives a member."""
        made = self.new_object(kind, {})
        given = value._value_ if isinstance(value._value_, tuple) else (value._value_,)
        self.initialise(made, kind.order, [self.wrap(v, name, node) for v in given], {}, node)
        return self.bound(made, name, node)

    def enumeration(self, cls: type) -> ClassRef | None:
        """The class of a member."""
        return self.known_classes.get(cls) or self.enumeration_class(cls)

    def class_of_member(self, ref: Ref) -> ClassRef | None:
        """The class of what is a member of an enumeration of the user's."""
        kinds = {self.enumeration(type(m.live)) for m in members_in(ref)}
        return kinds.pop() if len(kinds) == 1 else None

    def of_enumeration(self, cls: ClassRef, name: object) -> External | None:
        """A member by its name."""
        found = cls.members.__members__.get(str(name)) if cls.members is not None else None
        return None if found is None else member(found)

    def with_value(self, cls: ClassRef, args: list[Ref], node: ast.AST) -> Ref:
        """`Kind(value)`"""
        assert cls.members is not None
        wanted = self.constant_key(args[0]) if len(args) == 1 else None
        if wanted is None and args:
            self.trip_of_key(args[0], node)
        found = None if wanted is None else next((m for m in cls.members if wanted.value in (m, m.value)), None)
        if wanted is not None and issubclass(cls.members, enum.Flag) and not defines(cls.members, "_missing_"):
            with contextlib.suppress(ValueError, TypeError):
                return member(cls.members(wanted.value))  # which may be of several, or none
        if wanted is None and len(args) == 1 and (one := self.one_with_value(cls, args[0], node)) is not None:
            return one
        if found is None:
            self.refuse(node, f"this call of `{cls.name}`", f"name the member: {cls.name}.{next(iter(cls.members)).name}")
        return member(found)

    def one_with_value(self, cls: ClassRef, given: Ref, node: ast.AST) -> Ref | None:
        """The member that has a computed value; None where that is not looked for among what each of them is."""
        assert cls.members is not None
        members = list(cls.members)
        plain = all(isinstance(m.value, (int, float, str)) and not isinstance(m, enum.Flag) for m in members)
        if isinstance(given, View) and not isinstance(self.type_of(self.value(given)), Array):
            given = self.value(given)
        if not isinstance(given, Var) or not plain or not members or defines(type(members[0]), "_missing_", "__eq__"):
            return None
        tests = [self.truth(self.compared("operator.eq", given, Const(m.value), node), node) for m in members]
        none = tests[0]
        for test in tests[1:]:
            none = self.let("operator.or_", none, test, type=BOOL)
        none = self.let("operator.not_", none, type=BOOL)
        self.raise_where(none, ValueError, f"{{!r}} is not a valid {cls.members.__qualname__}", given)
        found: Ref = member(members[-1])
        for test, one in reversed(list(zip(tests, members[:-1], strict=False))):
            found = EitherRef(test, member(one), found)
        return found

    def compared_members(self, op: str, left: Ref, right: Ref, node: ast.AST) -> Ref | None:
        """Whether two members are the same; None where nothing is said of members."""
        one, other = members_in(left), members_in(right)
        if op in ("builtins.contains", "builtins.not_contains") and one:
            return self.member_in(op, left, right, node)
        if op not in _SAME or not (one or other):
            return self.by_member(op.removeprefix("operator."), left, right, node)
        if any(defines(type(m.live), "__eq__", "__ne__") for m in (*one, *other)) and op.endswith(("eq", "ne")):
            self.refuse(node, "`==` of members of an enumeration that defines it", "compare by `is`")
        if not (one and other):
            return self.compared_otherwise(op, *((left, right) if one else (right, left)), node)
        differs = op in ("operator.is_not", "operator.ne")
        if isinstance(left, EitherRef) and isinstance(right, EitherRef):
            then, orelse = right.then, right.orelse
            return self.choose(
                right.cond,
                lambda: self.compared_members(op, left, then, node) or Const(False),
                lambda: self.compared_members(op, left, orelse, node) or Const(False),
                node,
            )
        either, single = (left, right) if isinstance(right, External) else (right, left)
        alike: Atom = self.is_same(either, single, op.startswith("operator.is"))
        if isinstance(alike, Const):
            return Const(bool(alike.value) != differs)
        return self.let("operator.not_", alike) if differs else alike

    def member_in(self, op: str, item: Ref, container: Ref, node: ast.AST) -> Ref | None:
        """Whether a member is among some items, or a flag among others."""
        differs = op == "builtins.not_contains"
        a, b = live_member(item), live_member(container)
        if isinstance(a, enum.Flag) and isinstance(b, enum.Flag) and type(a) is type(b):
            return Const((a in b) != differs)
        held = container.parts if isinstance(container, Lazy) and container.kind == "set" else self.known_items(container)
        if held is None:
            return None
        asked = self.asked_among(item, list(held), node)
        return self.unary(ast.Not, asked, node) if differs else asked

    def is_same(self, ref: Ref, wanted: Ref, identical: bool) -> Atom:
        """Whether one of several members is a certain one."""
        if isinstance(ref, EitherRef):
            code, members = self.codes.get(ref, (None, ()))
            place = next((i for i, m in enumerate(members) if m is live_member(wanted)), None)
            if code is not None and place is not None:
                return self.let("operator.eq", code, Const(place), type=BOOL)
            return self.is_function(ref, wanted)
        a, b = live_member(ref), live_member(wanted)
        return Const(a is b if identical else bool(a == b))

    def compared_otherwise(self, op: str, one: Ref, other: Ref, node: ast.AST) -> Ref | None:
        """A member compared with something that is none."""
        value = live_member(one)
        if isinstance(value, (int, str, float)) and not op.startswith("operator.is"):
            return None  # as the number or text that it is
        if isinstance(other, Const):
            return Const(op in ("operator.is_not", "operator.ne"))
        if isinstance(other, Var) or not isinstance(other, (External, ClassRef)):
            name = type(members_in(one)[0].live).__name__
            help = "pass the member itself to the derivative in Python: grad(f)(x, kind)"
            self.refuse(node, f"a member of `{name}` compared with what may be none", help)
        return None

    def combined(self, op: str, left: Ref, right: Ref, node: ast.AST) -> Ref | None:
        """Flags taken together, and what the class of a member says of an operator; None for anything else."""
        a, b = live_member(left), live_member(right)
        if isinstance(a, enum.Flag) and isinstance(b, enum.Flag) and op in _BITS and type(a) is type(b):
            if not defines(type(a), "__and__", "__or__", "__xor__"):
                return member(_BITS[op](a, b))
        return self.by_member(op, left, right, node)

    def by_member(self, op: str, left: Ref, right: Ref, node: ast.AST) -> Ref | None:
        """A binary operator that the class of a member defines."""
        name = op.rstrip("_")
        turned = TURNED.get(name, f"r{name}")
        for owner, method, other in ((left, f"__{name}__", right), (right, f"__{turned}__", left)):
            known = [m.live for m in members_in(owner) if defines(type(m.live), method)]
            if known and owner is right and isinstance(known[0], (int, float, str)):
                what = f"an operator that `{type(known[0]).__name__}` defines for what stands on the left of its members"
                self.refuse(node, what, "use its `.value`")  # what stands there may know numbers itself
            if known:
                return self.apply(self.of_member(owner, method, node), [other], {}, node)
        return None

    def of_one_member(self, op: str, ref: Ref, node: ast.AST) -> Ref | None:
        """`-x`, `+x`, `~x` of a member; None where it is the number that it is."""
        value = live_member(ref)
        if any(defines(type(m.live), f"__{op}__") for m in members_in(ref)):
            return self.apply(self.of_member(ref, f"__{op}__", node), [], {}, node)
        return member(~value) if op == "invert" and isinstance(value, enum.Flag) else None

    def member_value(self, ref: Ref, node: ast.AST | None) -> Atom:
        """The number or text that a member is."""
        if isinstance(ref, EitherRef):
            then, orelse = self.member_value(ref.then, node), self.member_value(ref.orelse, node)
            place = node or self.frame.statement or ast.Pass()
            return self.value(self.choose(ref.cond, lambda: then, lambda: orelse, place), node)
        value = live_member(ref)
        if defines(type(value), *NUMBER):
            self.refuse(node, f"a member of `{type(value).__name__}`, which says itself what number it is", "use its `.value`")
        for kind in (int, float, str):
            if isinstance(value, kind):
                return Const(kind.__str__(value) if kind is str else kind(value))
        cls = type(value)
        self.refuse(node, f"a member of `{cls.__name__}` used as a value", "use its `.value`")

    def truth_of_member(self, ref: Ref, node: ast.AST) -> Atom:
        """Whether a member counts as true."""
        if isinstance(ref, EitherRef):
            then, orelse = self.truth_of_member(ref.then, node), self.truth_of_member(ref.orelse, node)
            return self.value(self.choose(ref.cond, lambda: then, lambda: orelse, node), node)
        value = live_member(ref)
        for name in ("__bool__", "__len__"):
            if defines(type(value), name):
                return self.truth(self.apply(self.of_member(ref, name, node), [], {}, node), node)
        return Const(bool(value))

    def shown_member(self, ref: Ref, node: ast.AST) -> Atom:
        """How a member is printed."""
        if isinstance(ref, EitherRef):
            then, orelse = self.shown_member(ref.then, node), self.shown_member(ref.orelse, node)
            return self.value(self.choose(ref.cond, lambda: then, lambda: orelse, node), node)
        value = live_member(ref)
        mixed = isinstance(value, (int, float, str)) and not isinstance(value, enum.ReprEnum)
        if mixed or defines(type(value), "__str__", "__format__"):
            self.refuse(node, f"a member of `{type(value).__name__}` that is printed", "print its name or its value")
        return Const(format(value))

    # What other parts provide.

    def truth(self, ref: Ref, node: ast.AST) -> Atom:
        """A condition."""
        raise NotImplementedError

    def asked_among(self, item: Ref, items: list[Ref], node: ast.AST) -> Ref:
        """Whether something is one of several things, or equal to one."""
        raise NotImplementedError

    def unary(self, op: type[ast.unaryop], operand: Ref, node: ast.AST) -> Ref:
        """`-x`, `+x`, `~x`, `not x`"""
        raise NotImplementedError

    def compared(self, op: str, left: Ref, right: Ref, node: ast.AST) -> Ref:
        """One comparison."""
        raise NotImplementedError

    def known_items(self, ref: Ref, limit: int = 10**9) -> list[Ref] | None:
        """The items of an iterable, where it is known how many there are."""
        raise NotImplementedError

    def new_object(self, cls: ClassRef, held: Mapping[str, Ref], frozen: str = "") -> ObjectRef:
        """An object with some attributes."""
        raise NotImplementedError

    def initialise(
        self, made: ObjectRef, order: Sequence[ClassRef], args: list[Ref], kwargs: dict[str, Ref], node: ast.AST
    ) -> None:
        """Run the first `__init__` of some classes."""
        raise NotImplementedError

    def choose(self, cond: Atom, then: Callable[[], Ref], orelse: Callable[[], Ref], node: ast.AST) -> Ref:
        """One of two expressions."""
        raise NotImplementedError

    def trip_of_key(self, key: Ref, node: ast.AST | None) -> None:
        """Read a short loop that makes a key trip by trip."""
        raise NotImplementedError

    def constant_key(self, key: Ref) -> Const | None:
        """The constant that a key is known to be."""
        raise NotImplementedError
