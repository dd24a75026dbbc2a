"""Storages: reading through access paths, writing through them, and who else would see the write."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NoReturn

from adtransform.errors import Refusal
from adtransform.infer.indexing import SHAPE
from adtransform.ir import Atom, Const, Var
from adtransform.lattice import Array, Dict, List, Saved, Scalar, Tuple, Type, Unknown, is_number, kind_of, rank_of
from adtransform.read.core import Core, OpenLoop, Restart, Taken, Unroll
from adtransform.read.refs import (
    Choice,
    ClassRef,
    Conflict,
    Content,
    DerivedRef,
    DictRef,
    EitherRef,
    Entries,
    External,
    FunctionRef,
    Items,
    Lazy,
    ListRef,
    MaybeRef,
    Method,
    ObjectRef,
    PartialRef,
    PullRef,
    RangeRef,
    Ref,
    Step,
    Storage,
    SuperRef,
    TupleRef,
    View,
)

# Functions whose result, if it is an array at all, has the shape that its operands have together.
LOOP = "%loop"
_RESHAPES = ("numpy.reshape", "numpy.ravel")
_RANK_KEEPING = frozenset(
    "assign update numpy.copy operator.neg operator.pos numpy.asarray numpy.zeros_like numpy.ones_like".split()
)


Place = tuple[Storage, object]  # an object, a list or a dict, and one of its attributes, items or keys


def mutable(t: Type) -> bool:
    """Whether a value of this type may be something that can be written."""
    return isinstance(t, (Array, Unknown, List, Saved)) or (isinstance(t, Tuple) and any(mutable(i) for i in t.items))


class Storages(Core):
    """Reading and writing storages."""

    # From operands to references and back.

    def make(self, a: Atom, *, solid: bool = False, frozen: str = "", label: str = "") -> Ref:
        """A reference to a new value: a storage of its own if it can be written."""
        if isinstance(a, Const) or not mutable(a.type):
            return a
        storage = Storage(label, frozen=frozen, solid=solid)
        self.heap[storage] = a
        self.fresh.add(storage)
        if isinstance(a.type, List):
            return DictRef(storage) if isinstance(a.type, Dict) else ListRef(storage)
        return View(storage, (), a, a)

    def content(self, storage: Storage) -> Content:
        """What a storage holds now; a parameter is loaded at first use."""
        found = self.heap.get(storage)
        if found is None:
            if not storage.param:
                raise self.refusal(None, "a value that only some of the paths to here have made", "bind it on every path")
            return self.load(storage.param)
        return found

    def load(self, name: str) -> Var:
        """The value of a parameter, loaded at the outermost level."""
        if name not in self.loaded:
            outer, self.builder = self.builder, self.top
            self.loaded[name] = self.let("load", Const(name), type=self.param_type(name))
            self.builder = outer
        return self.loaded[name]

    def value(self, ref: Ref, node: ast.AST | None = None) -> Atom:
        """A reference as an operand.  Static containers become constants or arrays only where a call asks for that."""
        match ref:
            case Var() | Const():
                return ref
            case View():
                return self.read(ref)
            case ListRef(storage):
                return self.listed(storage)
            case DictRef(storage) if isinstance(content := self.content(storage), Var):
                return content
            case External(live=live) if live is not None:
                return Const(live)
            case TupleRef(items):
                found = [self.value(i, node) for i in items]
                if all(isinstance(a, Const) for a in found):
                    return Const(tuple(a.value for a in found if isinstance(a, Const)))
                return self.let("tuple", *found)
        self.unusable(ref, node)

    def sure(self, ref: Ref, node: ast.AST | None) -> None:
        """Refuse to ask of a nested tuple what is not known of it, as whether it is None."""
        if isinstance(ref, View) and isinstance(self.type_of(self.read(ref)), Saved):
            self.refuse(node, "a nested tuple that a function calling itself has returned", "only take it apart, or pass it on")

    def unusable(self, ref: Ref, node: ast.AST | None) -> NoReturn:
        """Refuse a reference that is not a value."""
        match ref:
            case Conflict("", _):
                raise Refusal(None)
            case Conflict(what, help):
                for loop in self.open_loops[-1:]:  # trip by trip it may be known
                    self.unroll(loop)
                self.refuse(node, what, help)
            case MaybeRef():
                self.refuse(node, "what may be None, used as a value", "test it first: if x is not None")
            case DictRef():
                self.refuse(node, "a dict used as a value", "read its items: d['name']")
            case ObjectRef(kind=kind):
                self.refuse(node, f"an object of `{kind.name}` used as a value", "use its attributes")
            case ClassRef(name) | SuperRef(after=ClassRef(name)):
                self.refuse(node, f"the class `{name}` used as a value", "make an object of it: call it")
            case RangeRef() | Lazy():
                self.refuse(node, "an iterator used as a value", "make a list of it, or loop over it")
            case Method(_, name):
                what = f"the attribute `.{name}` of a value that is not known to be an object"
                self.refuse(node, what, "read attributes of objects that are made here or passed to the derivative")
            case FunctionRef() | PartialRef() | DerivedRef() | PullRef() | EitherRef():
                self.refuse(node, "a function used as a value", "call it, or pass it to a function that is read too")
            case External(op):
                self.refuse(node, f"`{op}` used as a value", "pass numbers, arrays, tuples or lists")
        self.refuse(node, "this value", "pass numbers, arrays, tuples or lists")

    # Loops that cannot be read as loops.

    def unroll(self, loop: OpenLoop) -> None:
        """Read the function again with a short loop read trip by trip."""
        if loop.is_short and id(loop.node) not in self.unrolled_loops:
            raise Unroll(loop.node)

    def trip_by_trip(self, held: Iterable[Ref], key: Atom | None = None) -> None:
        """Where objects would have to be values of a loop: read the innermost one trip by trip, or the one that makes `key`."""
        if not any(isinstance(ref, (ObjectRef, DictRef, FunctionRef, PartialRef)) for ref in held):
            return
        behind = None if key is None else self.indices_behind(key)
        for loop in reversed(self.open_loops):
            if behind is None or loop.index in behind:
                self.unroll(loop)
                if behind is None:
                    break
        what = "a list of objects, dicts or functions whose length or index is not known"
        self.refuse(None, what, "loop over the list itself, or keep one array for each attribute")

    def indices_behind(self, key: Atom) -> set[Var]:
        """The indices of open loops from which a value is computed, and those that bound such loops."""
        found: set[Var] = set()
        todo: list[Atom] = [key]
        loops = {loop.index: loop for loop in self.open_loops}
        while todo:
            a = todo.pop()
            if not isinstance(a, Var) or a in found:
                continue
            found.add(a)
            if a in loops:
                todo.extend(loops[a].bounds)
            elif a in self.definitions:
                todo.extend(self.definitions[a].args)
        return found

    # Reading.

    def read(self, view: View, name: str = "") -> Atom:
        """The value a view has now."""
        content = self.content(view.storage)
        if view.seen is not None and view.base is content:
            return view.seen
        if not view.path:
            assert isinstance(content, (Var, Const))
            return content
        if view.seen is not None:
            self.settle(view, name)
        return self.follow(view)[-1]

    def follow(self, view: View) -> list[Atom]:
        """The content of a view's storage, and what it is after each step of its path."""
        content = self.content(view.storage)
        assert isinstance(content, (Var, Const))
        found: list[Atom] = [content]
        for step in view.path:
            found.append(self.step(step, found[-1]))
        return found

    def step(self, step: Step, a: Atom) -> Var:
        """One step of an access path."""
        return self.operation("numpy.ravel" if step.op == "flat" else step.op, (a, *step.args), dict(step.kwargs))

    def settle(self, view: View, name: str) -> None:
        """Make sure that what was a view when it was taken is one: another path has written the storage since."""
        for i, step in enumerate(view.path):
            if step.op in _RESHAPES:
                self.assume_contiguous(view, i)
            if not step.sure:
                self.assume_rank(view, name)

    def assume_contiguous(self, view: View, position: int) -> None:
        """A reshape is a view of a contiguous array, and a copy of others."""
        param, whole = view.storage.param, all(self.stays_contiguous(s) for s in view.path[:position])
        if whole and view.storage.solid:
            return
        if not whole or not param:
            self.refuse(
                None, "a write that a reshaped array may or may not see", "make the array with np.zeros, or use .copy()"
            )
        self.take(param, "contiguous", f"{param}.flags.c_contiguous", "a reshape of it is written or read after a write")

    def stays_contiguous(self, step: Step) -> bool:
        """Whether a step shows a contiguous part of a contiguous array."""
        if step.op != "index":
            return step.op in _RESHAPES
        let = self.definitions.get(step.args[0]) if isinstance(step.args[0], Var) else None
        if let is not None and let.op == "slice":
            return let.args[2] in (Const(None), Const(1))
        return self.ints(step.args[0]) > 0

    def assume_rank(self, view: View, name: str) -> None:
        """`t = x[i]` is a number or a row: decided by how `t` is used elsewhere."""
        content = self.content(view.storage)
        param = self.root(content) if isinstance(content, Var) else ""
        count = self.ints(view.path[0].args[0]) if len(view.path) == 1 and view.path[0].op == "index" else 0
        if not param or not count:
            self.refuse(None, "an element that may be a number or a view", "annotate the array, or write .copy()")
        if name and name in self.frame.scope.used_as_array:
            self.take(param, f"rank {count + 1}", f"np.ndim({param}) == {count + 1}", f"`{name}` is taken as a view of a row")
        else:
            why = f"`{name or 'an element'}` is taken as a number, not as a view"
            self.take(param, f"rank {count}", f"np.ndim({param}) == {count}", why)
        self.refuse(None, "an element that may be a number or a view", "annotate the array, or write .copy()")

    def ints(self, key: Atom) -> int:
        """How many ints a key consists of; 0 where it has other parts."""
        let = self.definitions.get(key) if isinstance(key, Var) else None
        if let is not None and let.op == "tuple":
            return len(let.args) if all(self.ints(a) == 1 for a in let.args) else 0
        t = self.type_of(key)
        return int(isinstance(t, Unknown) or (isinstance(t, Scalar) and t.kind == "int"))

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
            if let.op == "load":
                found = str(self.static(let.args[0]).value)  # type: ignore[union-attr]
                break
            if let.op not in _RANK_KEEPING:
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

    # Writing.

    def write(self, view: View, new: Atom, node: ast.AST | None, hint: str = "") -> None:
        """Make `new` the value of a view: its storage is updated along the path."""
        self.may_write(view.storage, node)
        if view.path:
            before = self.follow(View(view.storage, view.path[:-1]))
            for i in reversed(range(len(view.path))):
                name = hint if i == 0 else ""
                new = self.put_back(view, i, before[i], new, node, name)
        self.heap[view.storage] = new

    def put_back(self, view: View, position: int, parent: Atom, new: Atom, node: ast.AST | None, hint: str) -> Atom:
        """The value that `parent` has when what the step gives from it becomes `new`."""
        step = view.path[position]
        match step.op:
            case "index":
                return self.let("update", parent, step.args[0], new, hint=hint)
            case "numpy.transpose" if not step.kwargs:
                return self.let("numpy.transpose", new, hint=hint)
            case "numpy.transpose" if isinstance(axes := dict(step.kwargs).get("axes"), Const):
                inverse = sorted(range(len(axes.value)), key=[n % len(axes.value) for n in axes.value].__getitem__)
                return self.let("numpy.transpose", new, hint=hint, axes=Const(tuple(inverse)))
            case "numpy.swapaxes" | "numpy.flip" | "numpy.matrix_transpose" | "numpy.fliplr" | "numpy.flipud":
                return self.operation(step.op, (new, *step.args), dict(step.kwargs), hint)
            case "numpy.moveaxis":
                return self.let(step.op, new, *reversed(step.args), hint=hint)
            case "numpy.expand_dims" | "numpy.squeeze" | "flat":
                return self.let("numpy.reshape", new, self.let("shape", parent), hint=hint)
            case "numpy.reshape" | "numpy.ravel":
                self.assume_contiguous(view, position)
                return self.let("numpy.reshape", new, self.let("shape", parent), hint=hint)
            case "numpy.asarray" | "numpy.asanyarray":
                return new
            case "numpy.real" if kind_of(self.type_of(parent)) in ("float", "int"):
                return new
            case "numpy.real" | "numpy.imag" if kind_of(self.type_of(parent)) == "complex":
                real = new if step.op == "numpy.real" else self.let("numpy.real", parent)
                imag = self.let("numpy.imag", parent) if step.op == "numpy.real" else new
                return self.let("operator.add", real, self.let("operator.mul", Const(1j), imag), hint=hint)
        self.refuse(node, f"a write through `{step.op.rpartition('.')[2]}`", "write into the array itself")

    def may_write(self, storage: Storage, node: ast.AST | None, *, structural: bool = False, appended: bool = False) -> None:
        """Refuse a write that something else would see in a way that is not followed.

        `structural`: the write changes which items a list has, and not the items: who holds an item does not see it;
        `appended`: an item is added at the end.
        """
        if storage.frozen:
            self.refuse(node, storage.frozen, "pass it as an argument, or work on a copy")
        partners = [other for pair in self.related if storage in pair for other in pair - {storage}]
        # What is one of several, of which this is one, is chosen again when it is read.
        partners = [other for other in partners if storage not in self.storages(View(other))]
        table = self.is_table(storage)
        alike = [other for other in partners if self.is_list(other) and self.is_table(other) == table]
        alike = [other for other in alike if frozenset((storage, other)) not in self.sharing]
        names = {self.reached(other) for other in (alike if structural else partners)} - {""}
        if LOOP in names:
            self.refuse(node, "a write to what a loop may be running over", "loop over a copy: for v in x.copy()")
        if names:
            name, is_held = min(names), isinstance(self.heap.get(storage), Entries)
            help = f"copy where `{name}` is bound: .copy() (for a list: append u.copy())"
            self.refuse(
                node,
                f"a write to {'what' if is_held else 'an array that'} `{name}` may share",
                f"copy where `{name}` is bound: copy.copy(...)" if is_held else help,
            )
        if structural:
            self.detach(storage, appended=appended)
        elif self.is_doubled(storage):
            help = "put copies into it: .copy()"
            self.refuse(node, "a write to an item of a list or dict that may hold it twice", help)
        if storage.param:
            self.written.setdefault(storage.param, self.origin(node) if node is not None else self.place)

    def detach(self, storage: Storage, *, appended: bool = False) -> None:
        """Before a list changes which items it has: what names one of them is from now on seen by itself."""
        raise NotImplementedError

    def is_list(self, storage: Storage) -> bool:
        """Whether a storage is a list's."""
        content = self.heap.get(storage)
        return isinstance(content, Items) or (isinstance(content, Var) and isinstance(content.type, List))

    def is_table(self, storage: Storage) -> bool:
        """Whether a storage is that of a dict whose keys are not known."""
        content = self.heap.get(storage)
        return isinstance(content, Var) and isinstance(content.type, Dict)

    def reached(self, storage: Storage, but: object = None) -> str:
        """A name, still to be read, through which a storage can be seen, `but` one of them; empty where there is none."""
        frame = self.frame
        while True:
            for name, ref in frame.env.items():
                other = name != but or frame is not self.frame
                if other and frame.is_live(name) and any(s is storage for s in self.storages(ref)):
                    return LOOP if name.startswith("%h") else name.lstrip("%")
            if frame.caller is None:
                break
            frame = frame.caller
        # What a function read by itself is given its caller sees.
        return next((s.label for ref in self.given for s in self.storages(ref) if s is storage), "")

    def storages(self, ref: Ref, but: Place | None = None) -> Iterator[Storage]:
        """The storages that a reference leads to, `but` through an attribute of an object or an item of a list or a dict."""
        seen: set[Storage] = set()
        todo: list[Ref] = [ref]
        while todo:
            match todo.pop():
                case View(storage):
                    yield storage
                    content = self.heap.get(storage)
                    if isinstance(content, Choice):
                        todo.extend(content.sides)
                case TupleRef(items) | Lazy(_, items):
                    todo.extend(reversed(items))
                case ListRef(storage) | DictRef(storage) | ObjectRef(storage):
                    if storage in seen:
                        continue
                    seen.add(storage)
                    yield storage
                    content = self.heap.get(storage)
                    if isinstance(content, (Items, Entries)):
                        refs = enumerate(content.refs) if isinstance(content, Items) else content.refs.items()
                        held = [r for k, r in refs if but is None or (storage, k) != but]
                        todo.extend(reversed(held))
                case MaybeRef(_, inner):
                    todo.append(inner)
                case DerivedRef(_, function):
                    todo.append(function)
                case PartialRef(function, args, kwargs):
                    todo.extend(reversed((function, *args, *kwargs.values())))
                case Method(owner) | SuperRef(owner):
                    todo.append(owner)

    def root_name(self, storage: Storage) -> str:
        """The name of what a storage is as a whole."""
        env = self.frame.env
        return next((n for n, r in env.items() if isinstance(r, View) and r.storage is storage and not r.path), "")

    def aliases(self, view: View, but: str | Place) -> list[str]:
        """The names, still to be read, that share a view's storage, `but` itself (a name, an attribute, an item) left out."""
        place = but if isinstance(but, tuple) else None
        mine = set(self.storages(view))
        if view.storage.param:  # parts of which lists may hold
            mine |= {s for pair in self.related if view.storage in pair for s in pair}
        found = []
        frame = self.frame
        while True:
            for name, ref in frame.env.items():
                same = frame is self.frame and name == but
                if not same and frame.is_live(name) and not mine.isdisjoint(self.storages(ref, place)):
                    found.append(name)
            if frame.caller is None:
                break
            frame = frame.caller
        # What a function read by itself is given its caller sees.
        given = any(s in mine for ref in self.given for s in self.storages(ref))
        return [*found, "what the caller passes"] if given else found

    def relate(self, a: Storage, b: Storage) -> None:
        """Note that a write to one of two storages may be seen through the other."""
        if a is not b:
            self.related.add(frozenset((a, b)))

    def forget_unreached(self) -> None:
        """Between two statements of the function's own body: drop what nothing still to be read can see.

        Every branch and loop looks at all that is there before it, and every meeting of two paths makes new storages; a
        long program would drown in them.
        """
        env = self.frame.env
        for name in [n for n in env if not (n.startswith("%") or self.frame.is_live(n))]:
            del env[name]
        seen = {s for ref in (*env.values(), *self.given) for s in self.storages(ref)}
        self.heap = {s: c for s, c in self.heap.items() if s in seen or s.param or s.frozen}
        self.picked = {s: p for s, p in self.picked.items() if s in self.heap}
        self.most_held = max(64, 2 * self.held())

    def forget_pairs(self, mark: int) -> None:
        """Between two statements of a block: drop the pairs of which one was made in it and is seen by nothing any more.

        `mark`: the number of the first storage made in the block.  What was there before may be held by what is around it.
        """
        refs = [*self.frame.env.values(), *self.given]
        for storage, content in self.heap.items():
            if storage.number < mark:
                if isinstance(content, Items):
                    refs.extend(content.refs)
                elif isinstance(content, Entries):
                    refs.extend(content.refs.values())
                elif isinstance(content, Choice):
                    refs.extend(content.sides)
        seen = {s for ref in refs for s in self.storages(ref)}
        self.related = {p for p in self.related if all(s.number < mark or s in seen or s.param or s.frozen for s in p)}
        self.most_related = max(64, 2 * len(self.related))

    # Lists of a length that is not known.

    def listed(self, storage: Storage, key: Atom | None = None) -> Atom:
        """A list as a run-time value, read or written at `key`; nothing is changed in the storage."""
        content = self.content(storage)
        if isinstance(content, Items):
            self.trip_by_trip(content.refs, key)
            return self.let("list", *(self.value(item) for item in content.refs))
        assert isinstance(content, (Var, Const))
        return content

    def tabled(self, storage: Storage, content: Entries, hint: str = "") -> Atom:
        """A dict of known items as a run-time value; writes to what it holds are watched."""
        for item in content.refs.values():
            self.hold(storage, item)
        return self.let("table", Const(tuple(content.refs)), *map(self.value, content.refs.values()), hint=hint)

    def is_plain(self, content: Entries) -> bool:
        """Whether what a dict holds are numbers and arrays."""
        found = [ref.seen if isinstance(ref, View) else ref for ref in content.refs.values()]
        return not content.attributes and all(
            a is None or isinstance(a, (Var, Const)) and is_number(self.type_of(a)) for a in found
        )

    def loosen(self, storage: Storage, key: Atom | None = None) -> Atom:
        """Make a list one whose length is not known: its items lose their identity, so writes to them are watched."""
        content = self.content(storage)
        if isinstance(content, Items):
            new = self.listed(storage, key)
            for item in content.refs:
                self.hold(storage, item)
            self.heap[storage] = new
            return new
        assert isinstance(content, (Var, Const))
        return content

    def hold(self, storage: Storage, item: Ref) -> None:
        """Note that a list holds something that can be written."""
        for inner in self.storages(item):
            if inner is storage or frozenset((storage, inner)) in self.related:
                self.doubled(storage)
            self.share(storage, inner)
            # A variable of a loop may be a view of something: whoever holds the one may hold the other.
            for other in [s for pair in self.related if inner in pair for s in pair - {inner, storage}]:
                self.relate(storage, other)

    def doubled(self, storage: Storage) -> None:
        """Note that a list or a dict may hold the same array twice."""
        self.related.add(frozenset((storage,)))

    def is_doubled(self, storage: Storage) -> bool:
        """Whether it may."""
        return frozenset((storage,)) in self.related

    def share(self, a: Storage, b: Storage) -> None:
        """Note that two containers, of which one was made after the other, may hold the same."""
        pair = frozenset((a, b))
        if pair not in self.related and not (a.merged and b.merged):
            self.sharing.add(pair)
        self.relate(a, b)

    # Views.

    def through(self, owner: Ref, step: Step, node: ast.AST | None = None) -> Ref:
        """What a step of an access path gives: a view, or a value if nothing of it can be written."""
        before = self.value(owner, node)
        after = self.step(step, before)
        if not mutable(after.type) or (isinstance(owner, (Var, Const)) and self.type_of(before) == SHAPE):
            return after
        if isinstance(owner, ListRef):
            return self.seen(owner.storage, (step,), after)
        if isinstance(owner, View) and step.op in _RESHAPES and self.is_last(owner.storage, node):
            return self.successor(owner.storage, after)
        if isinstance(owner, View):
            return self.seen(owner.storage, (*owner.path, step), after)
        return self.make(after)

    def is_last(self, storage: Storage, node: ast.AST | None) -> bool:
        """Whether nothing but what `node` gives still leads to a storage that is made here."""
        if storage.param or storage.frozen or node is None:
            return False
        live = self.frame.live
        self.frame.live |= self.frame.read_around(node)
        seen = self.reached(storage)
        self.frame.live = live
        return not seen

    def successor(self, before: Storage, value: Var) -> Ref:
        """What stands for all of a storage that nothing else leads to: whether it is a copy does not matter."""
        made = self.make(value)
        assert isinstance(made, View)
        for pair in [pair for pair in self.related if before in pair]:
            for other in pair - {before}:
                self.relate(made.storage, other)
        return made

    def seen(self, storage: Storage, path: tuple[Step, ...], value: Var) -> Ref:
        """A view with the value it has now."""
        return View(storage, path, value, self.content(storage))

    def rank(self, a: Atom) -> int | None:
        """The rank of an operand where it is known."""
        return rank_of(self.type_of(a))
