"""Text: the methods of strings, and what objects and containers look like when they are printed.

What is known is computed while reading, all else where it is written.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from adtransform.ir import Atom, Const
from adtransform.lattice import TEXT
from adtransform.read.outside import is_plain
from adtransform.read.refs import DictRef, Entries, FunctionRef, Items, ListRef, ObjectRef, Ref, TupleRef, constants

if TYPE_CHECKING:
    from adtransform.read.methods import Methods
    from adtransform.read.objects import Objects
    from adtransform.read.operators import Operators

# What makes a string of strings and numbers.
_MAKING = frozenset("format join upper lower title capitalize strip lstrip rstrip ljust rjust center zfill replace".split())


def text_method(self: Methods, text: Atom, name: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref:
    """A method of a string."""
    if name == "join" and len(args) == 1 and self.known_items(args[0]) is None:
        args = [self.as_list(args[0], node)]
    if isinstance(text, Const) and (known := _known(self, text.value, name, args, kwargs, node)) is not None:
        return known
    if name not in _MAKING:
        self.refuse(node, f"the method `.{name}` of a string", "compute strings outside")
    atoms = [self.shown(a, node) for a in args]
    named = {k: self.shown(v, node) for k, v in kwargs.items()}
    self.at(node)
    return self.operation(f"builtins.str.{name}", (text, *atoms), named, type=TEXT)


def _known(self: Methods, text: str, name: str, args: list[Ref], kwargs: dict[str, Ref], node: ast.AST) -> Ref | None:
    """What a method gives where all is known; None where it is not, or where it raises."""
    items = self.known_items(args[0]) if name == "join" and args else None
    given: list[Ref] = args if items is None else [TupleRef(tuple(items))]
    found, named = constants(given), constants([*kwargs.values()])
    if found is None or named is None:
        return None
    try:
        value = getattr(text, name)(*found, **dict(zip(kwargs, named, strict=True)))
    except (TypeError, ValueError, AttributeError, LookupError):
        return None
    if isinstance(value, list):
        return self.new_list(tuple(map(Const, value)), node)
    return Const(value) if is_plain(value) else None


def is_told(self: Operators, ref: Ref) -> bool:
    """Whether something is, or holds, what is put into words where it is printed: an object, a dict, a named tuple."""
    match ref:
        case ObjectRef() | DictRef():
            return True
        case TupleRef(items, names):
            return bool(names) or any(is_told(self, item) for item in items)
        case ListRef(storage):
            content = self.content(storage)
            return isinstance(content, Items) and any(is_told(self, item) for item in content.refs)
    return False


def told(self: Objects, ref: Ref, node: ast.AST, how: str = "__str__") -> Ref:
    """What `str` or `repr` of an object or a container gives."""
    if isinstance(ref, (ObjectRef, TupleRef)):
        for name in (how, "__repr__"):
            function = self.special(ref, name, node)
            if isinstance(function, FunctionRef):
                return self.apply(function, [ref], {}, node)
    pattern, parts = _pattern(self, ref, node)
    self.at(node)
    return self.let("builtins.str.format", pattern, *parts, type=TEXT)


def _pattern(self: Objects, ref: Ref, node: ast.AST) -> tuple[str, list[Atom]]:
    """The pattern that shows something, and what it is filled with."""
    match ref:
        case ObjectRef(kind=kind):
            options = self.dataclass_options(kind) or {"repr": False}
            content = self.content(ref.storage)
            if not options["repr"] or not isinstance(content, Entries) or kind.frame is not None:
                self.refuse(node, "an object that is printed", "print its attributes, or define `__str__` in its class")
            names = [f.name for f in self.fields(kind, node) if f.shown]
            title = kind.name if kind.live is None else kind.live.__qualname__
            return _joined(self, f"{title}(", [(f"{n}=", content.refs[n]) for n in names], ")", node)
        case TupleRef(items, names, kind) if names:
            if kind is None:
                self.refuse(node, "a named tuple that is printed", "print its fields")
            return _joined(self, f"{kind.name}(", [(f"{n}=", item) for n, item in zip(names, items, strict=True)], ")", node)
        case TupleRef(items):
            return _joined(self, "(", [("", item) for item in items], ",)" if len(items) == 1 else ")", node)
        case ListRef(storage):
            content = self.content(storage)
            assert isinstance(content, Items)
            return _joined(self, "[", [("", item) for item in content.refs], "]", node)
        case DictRef(storage):
            content = self.content(storage)
            if not isinstance(content, Entries) or not all(map(is_plain, content.refs)):
                self.refuse(node, "a dict that is printed", "print its items")
            pairs = [(_plain(f"{key!r}: "), item) for key, item in content.refs.items()]
            return _joined(self, "{{", pairs, "}}", node)
    return "{!r}", [self.shown(ref, node)]


def _joined(self: Objects, head: str, items: list[tuple[str, Ref]], tail: str, node: ast.AST) -> tuple[str, list[Atom]]:
    shown: list[str] = []
    atoms: list[Atom] = []
    for label, item in items:
        if is_told(self, item):
            pattern, more = "{}", [self.value(told(self, item, node, "__repr__"), node)]
        else:
            pattern, more = _pattern(self, item, node)
        shown.append(label + pattern)
        atoms += more
    return head + ", ".join(shown) + tail, atoms


def _plain(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
