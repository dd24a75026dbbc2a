"""What an emitted file calls what is not its functions' own: modules, builtins, helpers, numbers, functions, classes."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from adtransform import runtime
from adtransform.ir import Const
from adtransform.own import lineage


class Globals:
    """What modules, helpers and builtins are called in a file where the user's functions use these names."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = frozenset(taken)
        self.modules: dict[str, str] = {}
        self.helpers: dict[str, str] = {}
        self.callees: dict[str, str] = {}
        self.classes: dict[type, str] = {}
        self.numbers: dict[str, Const] = {}

    def own(self, cls: type) -> str:
        """The name of a class that stands for one of the user's, which the file defines."""
        for each in lineage(cls):
            name = self.free(each.__name__)
            while each not in self.classes and name in self.classes.values():
                name += "_"
            self.classes.setdefault(each, name)
        return self.classes[cls]

    def __call__(self, op: str) -> str:
        """The name of a module (`numpy`), a builtin (`builtins.len`), a helper (`fit`) or a function called (`call f`)."""
        if op in self.modules:
            return self.modules[op]
        if op.startswith("call "):
            name = op.removeprefix("call ")
            return self.callees.get(name, name)
        if op.startswith("builtins."):
            name = op.removeprefix("builtins.")
            if name not in self.taken:
                return name
            return f"{self('builtins')}.{name}"
        if hasattr(runtime, op) and op not in sys.modules:
            return self.helpers.setdefault(op, self.free(op))
        self.modules[op] = self.free("np") if op == "numpy" else op if "." in op else self.free(op)
        return self.modules[op]

    def free(self, name: str) -> str:
        """The name, or one like it that the user's functions do not use."""
        while name in self.taken:
            name += "_"
        return name

    def imports(self, *more: tuple[str, str]) -> list[str]:
        """The import lines, the standard library's first."""
        groups: tuple[list[str], list[str]] = [], []
        for module, name in sorted({*self.modules.items(), *more}):
            line = f"import {module}" if module == name else f"import {module} as {name}"
            groups[module.partition(".")[0] not in sys.stdlib_module_names].append(line)
        return [*groups[0], *([""] if all(groups) else []), *groups[1]]

    def definitions(self) -> list[str]:
        """The classes that the file defines."""
        found = []
        for cls, name in self.classes.items():
            base = cls.__bases__[0]
            found.append(f"class {name}({self.classes.get(base) or self(f'builtins.{base.__name__}')}):\n    pass")
        return found
