"""What is known to be there on the path being read, of what may be None; where it is not known, None raises as it does."""

from __future__ import annotations

import ast
from collections.abc import Callable, Container
from dataclasses import replace
from typing import Any

from adtransform.build import atom
from adtransform.infer import infer
from adtransform.ir import Atom, Const, Var
from adtransform.lattice import BOOL, Scalar, Type, Unknown
from adtransform.read.core import Core
from adtransform.read.frames import FALSE, TRUE
from adtransform.read.refs import MaybeRef, Ref, View, present

NO_ITEMS = "'NoneType' object is not subscriptable"
NO_WRITE = "'NoneType' object does not support item assignment"
NOT_ITERABLE = "'NoneType' object is not iterable"
_ASKS = {"operator.is_": False, "operator.eq": False, "operator.is_not": True, "operator.ne": True}


class Proving(Core):
    """Knowing what is not None."""

    def implied(self, cond: Atom, holds: bool) -> set[Var]:
        """What is there, and which flags hold, where a condition holds or does not."""
        found: set[Var] = set()
        todo = [(cond, holds)]
        seen: set[tuple[Var, bool]] = set()
        while todo:
            a, holds = todo.pop()
            if not isinstance(a, Var) or (a, holds) in seen:
                continue
            seen.add((a, holds))
            todo += self.implies.get((a, holds), ())
            let = self.definitions.get(a)
            if let is not None and let.op == "operator.not_":
                todo.append((let.args[0], not holds))
            elif let is not None and _ASKS.get(let.op) == holds and Const(None) in let.args:
                found |= {self.origin_of(b) for b in let.args if isinstance(b, Var)}
            elif holds:
                found.add(self.origin_of(a))
            elif self.keeps_apart:
                found.add(self.denials.setdefault(self.origin_of(a), Var(BOOL)))
        return found

    def holding_now(self, cond: Atom) -> bool | None:
        """Whether a condition is known to hold, or not to, on the path being read."""
        a = self.origin_of(cond) if isinstance(cond, Var) else None
        if a is None or a in self.proven:
            return True if a is not None else bool(cond.value) if isinstance(cond, Const) else None
        return False if a in self.denials and self.denials[a] in self.proven else None

    def supposing(self, cond: Atom, holds: bool, action: Callable[[], None]) -> Callable[[], None]:
        """An action where a condition holds, or where it does not."""

        def supposed() -> None:
            self.proven |= self.implied(cond, holds)
            action()

        return supposed

    def origin_of(self, a: Var) -> Var:
        """The value that a name was given."""
        let = self.definitions.get(a)
        while let is not None and let.op == "assign" and isinstance(let.args[0], Var):
            a = let.args[0]
            let = self.definitions.get(a)
        return a

    def there(self, ref: Ref, node: ast.AST, text: str = NO_ITEMS, kind: type[Exception] = TypeError) -> Ref:
        """A reference where something is done with it that None does not know, which raises if it is None."""
        flag = ref.there if isinstance(ref, MaybeRef) else None
        if isinstance(flag, Var) and self.origin_of(flag) not in self.proven and self.is_seen(flag):
            self.at_none(self.let("operator.not_", flag, type=BOOL), flag, node, kind, text)
        return present(ref)

    def narrowed(self, ref: Ref) -> Ref:
        """A reference that is read, where it is known not to be None as what it is."""
        flag = ref.there if isinstance(ref, MaybeRef) else None
        return present(ref) if isinstance(flag, Var) and self.origin_of(flag) in self.proven else ref

    def there_value(self, ref: Ref, node: ast.AST, text: str, kind: type[Exception] = TypeError) -> None:
        """The same of what may be an array or a number, for what NumPy does with None as well."""
        if not isinstance(ref, Var) and not (isinstance(ref, View) and not ref.path):
            return
        a = self.value(ref, node)
        if isinstance(a, Var) and self.may_be_none(a, kind):
            self.place = self.origin(node)
            self.at_none(self.let("operator.is_", a, None, type=BOOL), a, node, kind, text)

    def at_none(self, gone: Var, value: Var, node: ast.AST, kind: type[Exception], text: str) -> None:
        """Raise where something is not there; behind it, it is."""
        self.place = self.origin(node)
        self.raise_where(gone, kind, text)
        self.known_there(value)

    def known_there(self, a: Atom) -> None:
        """Note that a value is not None from here on."""
        if isinstance(a, Var):
            self.proven.add(self.origin_of(a))

    def may_be_none(self, a: Var, kind: type[Exception] = TypeError) -> bool:
        """Whether a value may be None, as far as is known, and NumPy would not raise the same (`kind`) of it."""
        if not isinstance(a.type, (Scalar, Unknown)) or self.origin_of(a) in self.proven:
            return False
        seen = bool(self.attempts) or kind is not TypeError
        return a.type.maybe or (seen and isinstance(a.type, Unknown) and self.is_left_out(a))

    def is_left_out(self, a: Var) -> bool:
        """Whether a value is that of a parameter that is None by default."""
        let = self.definitions.get(self.origin_of(a))
        name = let.args[0] if let is not None and let.op == "load" else None
        return isinstance(name, Const) and self.params[str(name.value)].default == Const(None)

    def is_seen(self, flag: Var) -> bool:
        """Whether anybody sees that something is not there: what no trip of a loop has made raises where it is read."""
        return bool(self.attempts) or flag in self.branched

    def stays(self, flag: Atom, before: Var) -> bool:
        """Whether a flag holds at the end of a trip where it has held `before`."""
        return flag in (TRUE, before) or (flag in self.either and all(self.stays(f, before) for f in self.either[flag]))

    def note_branched(self, flag: Var, cond: Atom, x: Atom, y: Atom) -> None:
        """Note what a flag says of the condition of the branches in which it was set, `x` in the one and `y` in the other."""
        if flag.hint.startswith("has_"):
            self.branched.add(flag)
        if isinstance(x, Const) and isinstance(y, Const) and isinstance(x.value, (str, int)):
            self.constants_of[flag] = cond, x, y
            self.either[flag] = x, y
        for value, outcome in ((x, True), (y, False)):
            if value in (TRUE, FALSE) and (x, y) in ((TRUE, FALSE), (FALSE, TRUE)):
                self.implies[flag, value == TRUE] = [(cond, outcome)]

    def let(self, op: str, *args: Any, hint: str = "", type: Type | None = None, **kwargs: Any) -> Var:
        """Append an operation with one result; what is known to be there is a number to it."""
        if type is None and self.proven and any(isinstance(a, Var) and self.type_of(a) is not a.type for a in args):
            atoms = tuple(map(atom, args))
            named = {k: atom(a) for k, a in kwargs.items()}
            (type,) = infer(
                op, tuple(map(self.type_of, atoms)), {k: self.type_of(a) for k, a in named.items()}, atoms, named, 1
            )
        return super().let(op, *args, hint=hint, type=type, **kwargs)

    def type_of(self, a: Atom) -> Type:
        """The type of an operand, which on the path being read may be known not to be None."""
        return self.type_in(a, self.proven) if self.proven else super().type_of(a)

    def type_in(self, a: Atom, proven: Container[Var]) -> Type:
        """The type of a value at the end of a path, where it may be known that it is not None."""
        t = super().type_of(a)
        if isinstance(t, (Scalar, Unknown)) and t.maybe and isinstance(a, Var) and self.origin_of(a) in proven:
            return replace(t, maybe=False)
        return t
