"""Storages: reading through access paths, writing through them, and who else would see the write."""

from __future__ import annotations

import ast
import types
from collections.abc import Callable, Iterable, Iterator
from typing import NoReturn

from adtransform.errors import Refusal
from adtransform.ir import Atom, Const, Var
from adtransform.lattice import SHAPE, Array, Dict, List, Saved, Static, Tuple, Type, Unknown, is_number, kind_of
from adtransform.read.assuming import RESHAPES, Assuming
from adtransform.read.core import OpenLoop, Unroll
from adtransform.read.enums import members_in
from adtransform.read.heap import BESIDE, LOOP
from adtransform.read.refs import (
    ClassRef,
    Conflict,
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
    Pointer,
    PullRef,
    RangeRef,
    RecordsRef,
    Ref,
    Schema,
    Step,
    Storage,
    SuperRef,
    TupleRef,
    View,
)

_AS_ARRAY = frozenset(["numpy.asarray", "numpy.asanyarray"])


_INSTEAD = {
    "mgrid": "np.meshgrid(..., indexing='ij')",
    "ogrid": "np.meshgrid(..., indexing='ij', sparse=True)",
    "s_": "write the slice where it is used",
    "index_exp": "write the slice where it is used",
}


def mutable(t: Type) -> bool:
    """Whether a value of this type may be something that can be written."""
    return isinstance(t, (Array, Unknown, List, Saved)) or (isinstance(t, Tuple) and any(mutable(i) for i in t.items))


def is_limited(ref: Ref) -> bool:
    """Whether it is a `deque` of limited length, which a list of unknown length would not know of its items."""
    return isinstance(ref, ListRef) and ref.storage.limit is not None


def holds_objects(ref: Ref) -> bool:
    """Whether it is an object, a dict or a function, or a tuple of such or of members, which is no value of a list."""
    if isinstance(ref, TupleRef):
        members = (m.live for item in ref.items for m in members_in(item))
        return any(map(holds_objects, ref.items)) or any(not isinstance(m, (int, float, str)) for m in members)
    return isinstance(ref, (ObjectRef, DictRef, FunctionRef, PartialRef))


class Storages(Assuming):
    """Reading and writing storages."""

    # From operands to references and back.

    def make(self, a: Atom, *, solid: bool = False, frozen: str = "") -> Ref:
        """A reference to a new value: a storage of its own if it can be written."""
        if isinstance(a, Const) or not mutable(a.type):
            return a
        storage = Storage(frozen=frozen, solid=solid)
        self.heap[storage] = a
        self.fresh.add(storage)
        if isinstance(a.type, List):
            return DictRef(storage) if isinstance(a.type, Dict) else ListRef(storage)
        return View(storage, (), a, a)

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
            case External() | EitherRef() if members_in(ref):
                return self.member_value(ref, node)
            case External(op, live) if live is not None:
                if not callable(live) and not isinstance(live, types.ModuleType):
                    name = op.rpartition(".")[2]
                    help = _INSTEAD.get(name, "pass what it holds as an argument")
                    self.refuse(node, f"`{name}`, an object of another module", help)
                return Const(live)
            case TupleRef(items):
                found = [self.value(i, node) for i in items]
                if all(isinstance(a, Const) for a in found):
                    return Const(tuple(a.value for a in found if isinstance(a, Const)))
                return self.let("tuple", *found)
            case EitherRef():
                return self.value_of_either(ref, node)
            case Method(View() as owner, "flat"):
                return self.let("numpy.ravel", self.read(owner))
        self.unusable(ref, node)

    def value_of_either(self, ref: EitherRef, node: ast.AST | None) -> Atom:
        """One of two things as an operand."""
        raise NotImplementedError

    def in_either(self, ref: EitherRef, action: Callable[[Ref], Ref | None], node: ast.AST) -> Ref:
        """What is done with one of two, under the test that says which."""
        raise NotImplementedError

    def made_whole(self, ref: Ref) -> Ref:
        """One of two objects, lists or dicts as a third one that holds what the one or the other holds."""
        raise NotImplementedError

    def member_value(self, ref: Ref, node: ast.AST | None) -> Atom:
        """The number or text that a member of an enumeration is."""
        raise NotImplementedError

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
            case RecordsRef():
                self.refuse(
                    node, "a list of records of unknown length used as a value", "loop over it, and use what its items hold"
                )
            case RangeRef() | Lazy():
                self.refuse(node, "an iterator used as a value", "make a list of it, or loop over it")
            case Method(_, name):
                self.mixed = True
                what = f"the attribute `.{name}` of a value that is not known to be an object"
                self.refuse(node, what, "make the object here, or pass it to the derivative in Python: grad(f)(p)")
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

    def trip_by_trip(self, held: Iterable[Ref], key: Atom | None = None, storage: Storage | None = None) -> None:
        """Where objects would have to be values of a loop: read the innermost one trip by trip, or the one that makes `key`.

        Where that cannot be, `storage`, in which they are, is read as a list of records.
        """
        held = list(held)
        if not any(holds_objects(ref) or isinstance(ref, EitherRef) or is_limited(ref) for ref in held):
            return
        self.mixed = True
        behind = None if key is None else self.indices_behind(key)
        for loop in reversed(self.open_loops):
            if behind is None or loop.index in behind:
                self.unroll(loop)
                if behind is None:
                    break
        if storage is not None and any(map(holds_objects, held)):
            self.gather(storage, held)
        what = "a list of objects, dicts or functions whose length or index is not known"
        if not any(holds_objects(ref) or isinstance(ref, EitherRef) for ref in held):
            what = "a list of deques of limited length, whose own length or index is not known"
        self.refuse(None, what, "loop over the list itself, or keep one array for each attribute")

    def from_front(self, key: Atom, records: RecordsRef, node: ast.AST) -> Atom:
        """The index of a record as one from the front."""
        raise NotImplementedError

    def is_place_from_front(self, key: Atom) -> bool:
        """Whether the index of a record is known to count from the front."""
        raise NotImplementedError

    def gather(self, storage: Storage, items: list[Ref]) -> None:
        """Read the function again with a list of records in the place of a list; nothing where that cannot be."""
        raise NotImplementedError

    def become(self, storage: Storage, schema: Schema | Pointer) -> NoReturn:
        """Read the function again with a list of such records in the place of a list; refused where that cannot be."""
        raise NotImplementedError

    def note_named(self, storage: Storage, item: Ref) -> None:
        """Note which named tuples are in a list of unknown length, where the names of their fields are lost."""
        raise NotImplementedError

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
            if not isinstance(content, (Var, Const)):
                what = "one of two arrays, of which one was an item of a list that has changed"
                self.refuse(None, what, "copy the item where it is taken: rows[i].copy()")
            return content
        if view.seen is not None and self.settle(view, name):
            if view.base is None:  # of one of several, which is not what was seen
                self.refuse(None, "an element that may be a number or a view", "annotate the array, or write .copy()")
            return view.seen
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

    def settle(self, view: View, name: str) -> bool:
        """Make sure that what was a view when it was taken is one: another path has written the storage since.

        Gives whether it was a number, which it still is.
        """
        number = False
        for i, step in enumerate(view.path):
            if step.op in RESHAPES:
                self.assume_contiguous(view, i)
            if step.op in _AS_ARRAY:
                self.assume_array(view, i, self.follow(view)[i])
            if not step.sure:
                number = self.assume_rank(view, name)
        return number

    # Writing.

    def write(self, view: View, new: Atom, node: ast.AST | None, hint: str = "") -> None:
        """Make `new` the value of a view: its storage is updated along the path."""
        self.may_write(view.storage, node)
        if self.is_part(view) or any(self.is_part(ref) for ref in self.views_of(view.storage)):
            whole = self.value(View(view.storage))
            self.assume_no_list(whole, "a slice of `{}` is written, or read after a write")  # of a list it is a copy
        self.update(view, new, node, hint)

    def views_of(self, storage: Storage) -> Iterator[View]:
        """The names, still to be read, of a storage and its parts."""
        frame = self.frame
        return (r for n, r in frame.env.items() if isinstance(r, View) and r.storage is storage and frame.is_live(n))

    def is_part(self, view: View) -> bool:
        """Whether it is seen through a slice."""
        return any(s.op == "index" and isinstance(self.type_of(s.args[0]), Static) for s in view.path)

    def change(self, view: View, new: Atom, node: ast.AST | None, *, appended: bool = False) -> None:
        """The same of a list in a list, which has other items then; who holds an item does not see that."""
        self.may_change(view, node, appended=appended)
        self.update(view, new, node, "")

    def update(self, view: View, new: Atom, node: ast.AST | None, hint: str) -> None:
        """Put a value in the place of a view."""
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
            case "index" if isinstance(t := self.type_of(parent), Tuple):
                known = self.static(step.args[0])
                if known is None or not isinstance(known.value, int):
                    self.refuse(node, "a write to an array in a tuple, at a computed index", "unpack the tuple")
                items: list[Atom] = [self.let("index", parent, Const(k)) for k in range(len(t.items))]
                items[known.value] = new
                return self.let("tuple", *items, hint=hint)
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
                self.assume_array(view, position, parent)
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
        partners = self.partners(storage)
        # What is one of several, of which this is one, is chosen again when it is read.
        partners = [other for other in partners if storage not in self.storages(View(other))]
        table = self.is_table(storage)
        alike = [other for other in partners if self.is_container(other) and self.is_dict(other) == table]
        levels = self.levels(storage)  # what it holds itself does not see which items it has
        alike = [other for other in alike if levels is None or (self.levels(other) or levels) >= levels]
        sharing = {other for other in alike if frozenset((storage, other)) in self.sharing}
        alike = [other for other in alike if other not in sharing or (other, storage) in self.contained]
        names = {self.reached(other, beside=True) for other in (alike if structural else partners)} - {""}
        if BESIDE in names:
            self.refuse(node, "a write to what is in hand beside it", "write a statement of its own, or copy: .copy()")
        if LOOP in names:
            self.refuse(node, "a write to what a loop may be running over", "loop over a copy: for v in x.copy()")
        if names:
            name, is_held = min(names), isinstance(self.heap.get(storage), Entries)
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Subscript(value=ast.Name(id=owner), slice=key))) if (
                    owner == name and not isinstance(key, ast.Constant) and isinstance(self.frame.env.get(name), DictRef)
                ):
                    what = f"a change of what `{name}` holds at a key that is computed"
                    self.refuse(node, what, f"branch on the key: if ...: {name}['a'].append(v), else: {name}['b'].append(v)")
            what = (
                "a dict that"
                if structural and table
                else "what"
                if is_held
                else "a list that"
                if structural
                else "an array that"
            )
            help = f"copy where `{name}` is bound: .copy() (for a list: append u.copy())"
            if self.is_container(storage) and (storage.merged or is_held or any(s.merged for s in alike)):
                help = "write to each of them in a branch of its own: if ...: a.x = v, else: b.x = v"
            for loop in self.open_loops if storage.merged or any(s.merged for s in partners) else ():
                self.unroll(loop)  # trip by trip it may be known which is which
            self.refuse(node, f"a write to {what} `{name}` may share", help)
        if structural:
            self.detach(storage, appended=appended)
        else:
            self.held_once(storage, node)
        for one in (storage, *(() if structural else self.partners(storage))):
            if one.param:
                self.written.setdefault(one.param, self.origin(node) if node is not None else self.place)

    def held_once(self, storage: Storage, node: ast.AST | None) -> None:
        """Refuse a write to an item of what may hold it twice."""
        if self.is_doubled(storage):
            help = "put copies into it: .copy()"
            self.refuse(node, "a write to an item of a list or dict that may hold it twice", help)

    def may_change(self, view: View, node: ast.AST | None, *, appended: bool = False) -> None:
        """Refuse to change which items a list in a list has where something else holds that list."""
        partners = [s for s in self.partners(view.storage) if self.is_list(s)]
        # A copy of a list of numbers holds none of its lists; a list that it holds is one.
        alike = [s for s in partners if frozenset((s, view.storage)) not in self.sharing or self.holds_lists(s)]
        partners = [s for s in partners if s in alike or (view.storage, s) in self.contained]
        twice = self.is_doubled(view.storage, lists=True)
        if twice or (name := next((n for s in partners if (n := self.reached(s, beside=True))), "")):
            told = {LOOP: "a loop runs over", BESIDE: "is in hand beside it"}
            what = "may be held twice" if twice else told.get(name, f"`{name}` may hold")
            self.refuse(node, f"a change of a list in a list that {what}", "copy the inner lists: [list(r) for r in rows]")
        self.detach(view.storage, depth=len(view.path), appended=appended)

    def detach(self, storage: Storage, *, depth: int = 0, appended: bool = False) -> None:
        """Before a list changes which items it has: what names one of them is from now on seen by itself."""
        raise NotImplementedError

    # Lists of a length that is not known.

    def listed(self, storage: Storage, key: Atom | None = None) -> Atom:
        """A list as a run-time value, read or written at `key`; nothing is changed in the storage."""
        content = self.content(storage)
        if isinstance(content, Items):
            self.trip_by_trip(content.refs, key, storage)
            for item in content.refs:
                self.note_named(storage, item)
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
            self.loosened[new] = content
            return new
        assert isinstance(content, (Var, Const))
        return content

    # Views.

    def through(self, owner: Ref, step: Step, node: ast.AST | None = None) -> Ref:
        """What a step of an access path gives: a view, or a value if nothing of it can be written."""
        before = self.value(owner, node)
        after = self.step(step, before)
        if not mutable(after.type) or (isinstance(owner, (Var, Const)) and self.type_of(before) == SHAPE):
            return after
        if isinstance(owner, ListRef):
            return self.seen(owner.storage, (step,), after)
        if isinstance(owner, View) and step.op in RESHAPES and self.is_last(owner.storage, node):
            return self.successor(owner.storage, after)
        if isinstance(owner, View):
            return self.seen(owner.storage, (*owner.path, step), after)
        return self.make(after)

    def is_last(self, storage: Storage, node: ast.AST | None) -> bool:
        """Whether nothing but what `node` gives still leads to a storage that is made here."""
        if storage.param or storage.frozen or node is None:
            return False
        with self.frame.during(node):
            return not self.reached(storage)

    def successor(self, before: Storage, value: Var) -> Ref:
        """What stands for all of a storage that nothing else leads to: whether it is a copy does not matter."""
        made = self.make(value)
        if not isinstance(made, View):
            return made
        for pair in [pair for pair in self.related if before in pair]:
            for other in pair - {before}:
                self.relate(made.storage, other)
        return made

    def seen(self, storage: Storage, path: tuple[Step, ...], value: Var) -> Ref:
        """A view with the value it has now."""
        return View(storage, path, value, self.content(storage))
