"""What is assumed of parameters of unknown type, so that what is read of them is right; emitted code checks it."""

from __future__ import annotations

import numpy as np

from adtransform.ir import Atom, Const, Let, Var
from adtransform.lattice import BOOL, Array, Scalar, Unknown, rank_of
from adtransform.ops import elementwise
from adtransform.read.core import Restart, Taken
from adtransform.read.flow import ints
from adtransform.read.heap import Heap
from adtransform.read.refs import Step, View
from adtransform.rewrite import loaded, operands

RESHAPES = ("numpy.reshape", "numpy.ravel")
RANK_KEEPING = frozenset(
    "assign update numpy.copy operator.neg operator.pos numpy.asarray numpy.zeros_like numpy.ones_like".split()
)


CHOICES = ("numpy.where", "numpy.select")  # which make an array without axes of numbers
NUMBERS = ("numpy.copy", "numpy.transpose")  # also methods and attributes of NumPy's numbers, which give numbers
FILLED = ("numpy.zeros", "numpy.ones", "numpy.empty", "numpy.full")


_NO_INDEX = "an index is None, which adds an axis: test it before"


def ndim(param: str, more: int) -> str:
    """How many axes a parameter has, and so many more."""
    return f"np.ndim({param}) {'+' if more > 0 else '-'} {abs(more)}" if more else f"np.ndim({param})"


class Assuming(Heap):
    """What is assumed of parameters."""

    def assume_contiguous(self, view: View, position: int) -> None:
        """A reshape is a view of a contiguous array, and a copy of others."""
        param, whole = view.storage.param, all(self.stays_contiguous(s) for s in view.path[:position])
        if whole and view.storage.solid:
            return
        if not whole or not param:
            self.refuse(
                None, "a write that a reshaped array may or may not see", "make the array with np.zeros, or use .copy()"
            )
        test = f"isinstance({param}, np.ndarray) and {param}.flags.c_contiguous"
        self.take(param, "contiguous", test, f"a reshape of `{param}` is written, or read after a write")

    def assume_no_list(self, a: Atom, why: str = "a list meets `{}`") -> None:
        """What meets a list, added to it or filled with it, is taken for an array, as is that of which slices are written."""
        param = self.root(a)
        if param and isinstance(self.type_of(a), Unknown) and not self.taken.get(param):
            why = f"{why.format(param)}: annotate it where it is a list"
            self.take(param, "unlisted", f"not isinstance({param}, (list, tuple))", why)

    def assume_array(self, view: View, position: int, parent: Atom) -> None:
        """`np.asarray` of an array, of the dtype asked for, is that array; of anything else it is a new one."""
        step, t = view.path[position], self.type_of(parent)
        asked = dict(step.kwargs).get("dtype", Const(None)) if not step.args else step.args[0]
        wanted = None if asked == Const(None) else self.dtype_named(asked)
        if isinstance(t, Array) and (wanted is None or t.dtype == wanted):
            return
        param = view.storage.param
        why = f"`np.asarray({param})` is written, or read after a write"
        if position or not param:
            self.refuse(None, "a write that `asarray` may or may not pass on", "use np.array(...) for an array of its own")
        if wanted is None:
            self.take(param, "array", f"isinstance({param}, np.ndarray)", why)
        self.take(param, f"dtype {wanted}", f'np.asarray({param}, "{wanted}") is {param}', why)

    def dtype_named(self, dtype: Atom) -> str:
        """The name of a dtype that is written out."""
        if not isinstance(dtype, Const) or not isinstance(dtype.value, (type, str, np.dtype)):
            self.refuse(None, "a write that `asarray` may or may not pass on", "use np.array(...) for an array of its own")
        return str(np.dtype(dtype.value))

    def stays_contiguous(self, step: Step) -> bool:
        """Whether a step shows a contiguous part of a contiguous array."""
        if step.op != "index":
            return step.op in RESHAPES
        let = self.definitions.get(step.args[0]) if isinstance(step.args[0], Var) else None
        if let is not None and let.op == "slice":
            return let.args[2] in (Const(None), Const(1))
        return self.ints(step.args[0]) > 0

    def assume_rank(self, view: View, name: str) -> bool:
        """`t = x[i]` is a number or a row: decided by how `t` is used elsewhere; gives whether it is a number."""
        content = self.content(view.storage)
        param = self.root(content) if isinstance(content, Var) else ""
        self.check_index_there(view)
        count = self.ints(view.path[0].args[0]) if len(view.path) == 1 and view.path[0].op == "index" else 0
        row = int(bool(name) and name in self.frame.scope.used_as_array)
        why = f"`{name or 'an element'}` is taken as a {'view of a row' if row else 'number, not as a view'}"
        found = self.axes(content) if count and not param else None
        if count and isinstance(content, Var) and self.rank(content) == count:
            return True
        if count:
            self.assume_ints(view.path[0].args[0])
        if count and param:
            self.take(param, f"rank {count + row}", f"np.ndim({param}) == {count + row}", why)
        elif found is not None and (test := self.rank_test(found, count + row)) is not None:
            self.take(test[0], f"axes {test[1]}", test[1], why)
            return not row
        elif found is not None and found.get("", 0) > count:
            return False
        self.refuse(None, "an element that may be a number or a view", "annotate the array, or write .copy()")

    def check_index_there(self, view: View) -> None:
        """Raise where an index is None, of which it has to be known here whether it takes a number or makes a view."""
        for step in view.path:
            let = self.definitions.get(step.args[0]) if step.op == "index" and isinstance(step.args[0], Var) else None
            for key in let.args if let is not None and let.op == "tuple" else step.args[: step.op == "index"]:
                if isinstance(key, Var) and isinstance(t := self.type_of(key), Scalar) and t.maybe:
                    self.raise_where(self.let("operator.is_", key, None, type=BOOL), TypeError, _NO_INDEX)
                    self.known_there(key)

    def is_computed(self, key: Atom) -> bool:
        """Whether a part of a key of unknown type is computed: it may be a mask, or indices."""
        let = self.definitions.get(key) if isinstance(key, Var) else None
        if let is not None and let.op == "tuple":
            return any(map(self.is_computed, let.args))
        return let is not None and let.op != "load" and isinstance(self.type_of(key), Unknown)

    def rank_test(self, found: dict[str, int], count: int) -> tuple[str, str] | None:
        """A parameter, and the test that what is made of it and others has so many axes; None where nothing has to be asked.

        `found`: how many axes it has more than each parameter, under no name how many at least.
        """
        known = found.get("", 0)
        params = {p: more for p, more in found.items() if p}
        if known > count or not params:
            return None
        terms = [*(ndim(p, more) for p, more in params.items()), *([str(known)] if known else [])]
        (param, more), *rest = params.items()
        return param, f"max({', '.join(terms)}) == {count}" if rest or known else f"np.ndim({param}) == {count - more}"

    def axes(self, a: object) -> dict[str, int] | None:
        """How many axes a value has more than each parameter it is made of; under no name how many at least."""
        if not isinstance(a, Var):
            return {"": 0} if isinstance(a, Const) else None
        if (rank := self.rank(a)) is not None:
            return {"": rank}
        let = self.first_let(a)
        if let is None:
            return None
        if name := loaded(let):
            return {"": 0} if self.has_taken(name, "number") else {name: 0} if isinstance(a.type, (Unknown, Array)) else None
        row = let.op == "numpy.array" and not let.kwargs
        if let.op in FILLED and isinstance(let.args[0], Var):
            made = self.definitions.get(let.args[0])
            return self.axes(made.args[0]) if made is not None and made.op == "shape" else None
        if let.op == "index" and let.args[1] == Const(Ellipsis):
            return self.axes(let.args[0])
        if let.op == "index" and self.is_computed(let.args[1]):
            return None
        if let.op == "index" and (count := self.ints(let.args[1])):
            whole = self.axes(let.args[0])
            return whole and {name: more - count for name, more in whole.items()}
        same = let.op in RANK_KEEPING or let.op in NUMBERS
        if not (row or same or elementwise(let.op) or let.op.startswith("math.")):
            return None
        found: dict[str, int] = {}
        for part in let.args[:1] if same else operands(let):
            inner = self.axes(part)
            if inner is None:
                return None
            for name, more in inner.items():
                found[name] = max(found.get(name, more + row), more + row)
        return found

    def first_let(self, a: object) -> Let | None:
        """The statement that computes a value, or what it is before a loop or a branch."""
        while isinstance(a, Var) and a not in self.definitions and a in self.before:
            a = self.before[a]
        return self.definitions.get(a) if isinstance(a, Var) else None

    def assume_ints(self, key: Atom) -> None:
        """Assume that the parameters of which an index consists are numbers, neither masks nor slices."""
        let = self.definitions.get(key) if isinstance(key, Var) else None
        if let is not None and let.op == "tuple":
            for a in let.args:
                self.assume_ints(a)
        elif (name := loaded(let)) and isinstance(self.type_of(key), Unknown):
            self.take(name, "number", f"np.isscalar({name})", f"`{name}` is taken as the index of an element or a row")

    def ints(self, key: Atom) -> int:
        """How many ints a key consists of; 0 where it has other parts."""
        return ints(key, self.definitions.get, self.type_of)

    def root(self, var: Atom) -> str:
        """The parameter whose rank a value has; empty where it cannot be told."""
        start, roots = var, self.roots
        found = ""
        while isinstance(var, Var):
            if var in roots:
                found = roots[var]
                break
            let = self.definitions.get(var)
            if let is None:
                var = self.before.get(var, Const(None))
                continue
            if found := loaded(let):
                break
            if let.op not in RANK_KEEPING:
                break
            var = let.args[0]
        if isinstance(start, Var):
            roots[start] = found
        return found

    def take(self, param: str, kind: str, test: str, why: str) -> None:
        """Assume something of a parameter, and read the function again with it."""
        if any(t.kind == kind for t in self.taken.get(param, ())):
            return
        raise Restart(Taken(param, kind, test, why, self.place))

    def has_taken(self, param: str, kind: str) -> bool:
        """Whether something was assumed of a parameter."""
        return any(t.kind == kind for t in self.taken.get(param, ()))

    def rank(self, a: Atom) -> int | None:
        """The rank of an operand where it is known."""
        return rank_of(self.type_of(a))
