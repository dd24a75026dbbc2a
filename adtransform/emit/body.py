"""The statements of a program as lines of Python."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from adtransform.emit.fold import LIMIT
from adtransform.emit.spell import Speller
from adtransform.emit.unbound import unbound
from adtransform.errors import refuse
from adtransform.ir import UNDEFINED, Const, Leaf, Let, Origin, Var, is_temporary
from adtransform.lattice import Dict, List, Scalar, Type, nested
from adtransform.ops import BINARY, CALLS, DEEP
from adtransform.place.growth import augmented, growth
from adtransform.place.program import (
    Attempt,
    Bind,
    Branch,
    Clause,
    Copy,
    Exit,
    Loop,
    Node,
    Operand,
    Program,
    Tree,
    adds_up,
    negated,
    times_read,
    type_of,
    variables,
    walk,
)
from adtransform.syntax import Bare, Dot, Group, Infix, Keyword, Py, Word, constant, flat, statement

_COMPUTES = frozenset("assign index update accumulate accumulate_at put_in grow_in push fit cast strong".split())
_COLUMN = 40  # where the comments of a listing begin, at most
_DEEPEST = 4 * 98  # columns: Python's tokenizer takes no more than 98 blocks inside of one another


@dataclass(slots=True)
class Line:
    """A printed statement (or several lines of one) and where it came from."""

    lines: list[str]
    let: Let | None = None
    origin: Origin | None = None
    node: Node | None = None
    backward: bool = False
    early: bool = False  # printed before the statement it comes from
    header: bool = False  # the first line of an `if`, `for` or `while`


@dataclass(slots=True)
class Printer:
    """Prints statements; behind the mark `backward` they are led by the user's own."""

    program: Program
    spell: Speller
    names: Mapping[Var, str]
    listing: bool = False
    out: list[Line] = field(default_factory=list)
    unbound: frozenset[Var] = frozenset()
    quoting: bool = False
    silent: dict[Node, bool] = field(default_factory=dict)
    handling: list[Clause] = field(default_factory=list)  # the handlers around
    times: Counter[Var] = field(default_factory=Counter)  # how often each variable is read
    nobody: str = "_"  # what nobody reads is called so; no value that is read may be

    def run(self, indent: int) -> list[Line]:
        """The lines of the whole program."""
        self.unbound = unbound(self.program, self.names)
        self.spell.unbound = frozenset(self.names[v] for v in self.unbound if v in self.names)
        nodes = walk(self.program.nodes)
        self.times = times_read(nodes)
        self.times.update(v for node in nodes if isinstance(node, Loop) for v in variables(node.cond))
        taken = {self.names.get(v) for v in self.times}
        self.nobody = next(name for n in itertools.count(1) if (name := "_" * n) not in taken)
        self.block(self.program.nodes, indent, "")
        return self.out

    def put(self, lines: list[str], node: Node | None = None, *, header: bool = False) -> None:
        """Print lines of a statement."""
        let = node.let if isinstance(node, Bind) else None
        origin = getattr(node, "origin", None)
        self.out.append(Line(lines, let, origin, node, self.quoting, let is not None and let.op == "list", header))

    def write(self, prefix: str, e: Py, indent: int, node: Node, suffix: str = "") -> None:
        """Print `prefix expression suffix`."""
        self.put(statement(prefix, e, indent, suffix), node, header=suffix == ":")

    def block(self, nodes: list[Node], indent: int, tail: str) -> int:
        """Print statements; `tail` is the exit that falling off their end amounts to.  The number of lines printed."""
        before = len(self.out)
        if indent > _DEEPEST and nodes:
            origin = next(
                (n.origin for n in nodes if not isinstance(n, (Copy, Exit)) and n.origin), self.program.function.origin
            )
            refuse(origin, "so many tests after one another: Python indents no deeper", "move some of them into a function")
        done: Node | None = None
        for i, node in enumerate(nodes):
            if node is done:
                continue
            if isinstance(node, Bind) and node.tree.op == "backward":
                self.quoting = True
                continue
            if isinstance(node, Bind) and i + 1 < len(nodes) and self.at_once(node, nodes[i + 1], indent):
                done = nodes[i + 1]
                continue
            last = i == len(nodes) - 1
            match node:
                case Bind():
                    self.bind(node, indent)
                case Copy():
                    self.copy(node, indent)
                case Branch():
                    self.branch(node, indent, tail if last else "")
                case Attempt():
                    self.attempt(node, indent, tail if last else "")
                case Loop():
                    self.loop(node, indent)
                case Exit():
                    self.exit(node, indent, tail)
        return len(self.out) - before

    def at_once(self, node: Bind, then: Node, indent: int) -> bool:
        """Print the statement that alone reads what is taken off a list right before it: `d += tape.pop()`, if that fits."""
        if node.tree.op not in ("pop", "pop_in") or not isinstance(then, Bind) or self.listing:
            return False
        (grown, value), old = node.targets, node.tree.args[0]
        if self.times[value] != 1 or value in self.unbound or not _reads_once(then.tree, value) or grown in then.tree.variables:
            return False
        if not isinstance(old, Var) or self.names[old] != self.names[grown] or (then.inplace and then.tree.args[0] is value):
            return False
        at = len(self.out)
        row = self.row(Word(self.names[grown]), node.tree.args[1:])
        self.spell.given[value] = taken = Group(Dot(row, "pop"), "()", ())
        self.bind(then, indent)
        (text, *more) = [text for line in self.out[at:] for text in line.lines]
        if not more and len(text) <= LIMIT and text.count(flat(taken)) == 1:  # a key may be printed twice
            return True
        del self.out[at:], self.spell.given[value]
        return False

    def exit(self, node: Exit, indent: int, tail: str) -> None:
        """Print an exit, unless the end of the block amounts to it."""
        if node.kind == "return":
            if self.listing:
                return
            value = _nested(self.program.function.tree, [self.spell(v) for v in node.values])
            if isinstance(value, Group) and value.head is None and value.brackets == "()" and len(value.items) > 1:
                value = Bare(value.items)
            nothing = self.program.function.internal and not node.values  # a procedure of the user's
            if nothing or value == Word("None"):
                self.put([" " * indent + "return"])
            else:
                self.put(statement("return ", value, indent), node)
        elif node.kind != tail:
            self.put([" " * indent + node.kind])

    def bind(self, node: Bind, indent: int) -> None:
        """Print an operation."""
        tree = node.tree
        match tree.op:
            case "load" if not self.listing:
                return
            case (
                "update"
                | "push"
                | "pop"
                | "accumulate_at"
                | "claim"
                | "drop"
                | "exchange"
                | "put_in"
                | "grow_in"
                | "push_in"
                | "pop_in"
            ):
                self.inplace(node, indent)
                return
            case "caught":
                return
            case "raise":
                self.write("raise ", self.error(tree), indent, node, self.cause(node))
                return
            case "reraise":
                self.reraise(node, indent)
                return
            case "assert":
                parts = self.spell.all(tree.args)
                self.write("assert ", Bare(parts) if len(parts) > 1 else parts[0], indent, node)
                return
        # An attribute that is only looked for, to see whether it is there, gets no name.
        asked = tree.op == "builtins.getattr" and not self.listing and self.times.keys().isdisjoint(node.targets)
        if asked or not node.targets:
            self.write("", self.spell(tree), indent, node)
            return
        # What a call gives besides, and nobody reads, gets no name.
        spare = tree.op in CALLS and len(node.targets) > 1 and not self.listing
        left = ", ".join(self.nobody if spare and t not in self.times else self.names[t] for t in node.targets)
        if not self.grow(node, left, indent):
            value = self.value(node)
            if not isinstance(value, Word) or value.text != left:
                self.write(f"{left} = ", value, indent, node)

    def value(self, node: Bind) -> Py:
        """The right side; in a listing seeds are written as the whole numbers they are."""
        tree = node.tree
        if tree.op == "unpack" and len(node.targets) == 1:
            return Group(self.spell(tree), "[]", (Word("0"),))
        if self.listing and tree.op == "assign" and node.targets[0].of is not None:
            a = tree.args[0]
            if isinstance(a, Const) and isinstance(a.value, float) and a.value.is_integer():
                return Word(str(int(a.value)))
        return self.spell(tree)

    def error(self, tree: Tree) -> Py:
        """What is raised."""
        head = self.spell(tree.args[0])
        return Group(head, "()", self.spell.all(tree.args[1:])) if len(tree.args) > 1 else head

    def cause(self, node: Bind) -> str:
        """The `from` of what is raised."""
        for _, a in node.tree.kwargs:
            if isinstance(a, Var) and not any(clause.error is a for clause in self.handling):
                refuse(node.origin, "a `raise ... from` that is not done right behind its `try`", "leave the `from` out")
            return f" from {flat(self.spell(a))}"
        return ""

    def reraise(self, node: Bind, indent: int) -> None:
        """A bare `raise`, which means the exception of the clause around."""
        if node.tree.args[0] != Const(self.handling[-1].failed if self.handling else None):
            refuse(node.origin, "a bare `raise` that is not done right behind its `try`", "name the exception")
        self.put([" " * indent + "raise"], node)

    def grow(self, node: Bind, left: str, indent: int) -> bool:
        """`a += b`, where that is what the user wrote or what grows an adjoint."""
        tree = node.tree
        if len(tree.args) < 2 or not isinstance(tree.args[0], Var) or self.names[tree.args[0]] != left:
            return False
        if tree.op == "accumulate":
            if not (node.inplace or isinstance(tree.args[0].type, Scalar) or self.listing):
                return False
            self.write(f"{left} += ", self.spell.share(tree), indent, node)
            return True
        if self.listing and tree.op == "operator.add" and node.targets[0].of is not None:
            self.write(f"{left} += ", self.spell(tree.args[1]), indent, node)
            return True
        if tree.op not in BINARY or self.listing:
            return False
        own = node.targets[0]
        generated = tree.origin is None or not tree.origin.text or own.of is not None or is_temporary(own)
        immutable = isinstance(tree.type, Scalar) and isinstance(tree.args[0].type, Scalar)
        if node.inplace or (immutable and (generated or augmented(tree) == left)):
            self.write(f"{left} {BINARY[tree.op][0]}= ", self.spell(tree.args[1]), indent, node)
            return True
        return False

    def inplace(self, node: Bind, indent: int) -> None:
        """The writes: the variable has the written value's name, or takes it first."""
        tree, target = node.tree, node.targets[0]
        old = tree.args[0]
        name = self.names[target]
        if not isinstance(old, Var) or self.names[old] != name:
            self.write(f"{name} = ", self.spell(old), indent, node)
        word = Word(name)
        match tree.op:
            case "push" | "push_in":
                row = self.row(word, tree.args[2:])
                self.write("", Group(Dot(row, "append"), "()", (self.spell(tree.args[1]),)), indent, node)
            case "pop" | "pop_in":
                taken = self.names.get(node.targets[1])
                row = self.row(word, tree.args[1:])
                self.write(f"{taken} = " if taken else "", Group(Dot(row, "pop"), "()", ()), indent, node)
            case "claim":
                taken = self.names.get(node.targets[1])
                call = Group(Word(f"{name}.pop"), "()", self.spell.all(tree.args[1:]))
                self.write(f"{taken} = " if taken and node.targets[1] in self.times else "", call, indent, node)
            case "drop":
                self.write("del ", Group(word, "[]", self.spell.key(tree.args[1])), indent, node)
            case "exchange":
                left, right = (Group(word, "[]", self.spell.key(key)) for key in tree.args[1:])
                self.write(f"{flat(left)}, {flat(right)} = ", Bare((right, left)), indent, node)
            case "update" | "put_in":
                self.update(node, word, indent)
            case _:
                self.scatter(node, word, indent)

    def update(self, node: Bind, word: Word, indent: int) -> None:
        """`a[k] = v`, `a[k] += v`"""
        whole, key, value, _ = self.around(node, word)
        place = Group(whole, "[]", self.spell.key(key))
        if (grown := growth(node.tree)) is not None:
            left = flat(whole if grown[0] == "whole" else place)
            self.write(f"{left} {BINARY[grown[1].op][0]}= ", self.spell(grown[1].args[1]), indent, node)
        else:
            self.write(f"{flat(place)} = ", self.spell(value), indent, node)

    def around(self, node: Bind, word: Word) -> tuple[Py, Operand, Operand, Type]:
        """What an item is written of (`l[i]` in `l[i][k] = v`), at which key, what is written; and the type of the first."""
        tree, whole = node.tree, type_of(node.tree.args[0])
        if tree.op not in DEEP:
            return word, tree.args[1], tree.args[2], whole
        _, value, *keys, last = tree.args
        return self.row(word, keys), last, value, nested(whole, len(keys))

    def row(self, word: Py, keys: Iterable[Operand]) -> Py:
        """What keys lead to in a list: `l[i][k]`"""
        for key in keys:
            word = Group(word, "[]", self.spell.key(key))
        return word

    def scatter(self, node: Bind, word: Word, indent: int) -> None:
        """`acc[k] += s`, or `np.add.at` where an index may repeat."""
        whole, key, share, t = self.around(node, word)
        place = Group(whole, "[]", self.spell.key(key))
        sign = "+"
        if isinstance(share, Tree) and share.op == "operator.neg" and (isinstance(t, List) or adds_up(key)):
            sign, share = "-", share.args[0]
        if isinstance(t, Dict):
            before = Group(Dot(whole, "get"), "()", (self.spell(key), Word("0.0")))
            self.write(f"{flat(place)} = ", Infix(before, sign, self.spell(share), 9), indent, node)
        elif isinstance(t, List) and not isinstance(t.item, Scalar):
            self.write(f"{flat(place)} = ", Infix(place, sign, self.spell(share), 9), indent, node)
        elif isinstance(t, List) or adds_up(key):
            self.write(f"{flat(place)} {sign}= ", self.spell(share), indent, node)
        else:
            numpy = self.spell.called("numpy")
            self.write("", Group(Word(f"{numpy}.add.at"), "()", (whole, self.spell(key), self.spell(share))), indent, node)

    def copy(self, node: Copy, indent: int) -> None:
        """A parallel assignment, in an order that needs no temporaries; what is left over swaps."""
        todo: list[tuple[str, str, Py]] = []
        for target, source in node.pairs:
            if source == UNDEFINED and target not in self.unbound:
                continue
            value = self.spell(source)
            if flat(value) != self.names[target]:
                todo.append((self.names[target], flat(value), value))
        todo = list({name: (name, text, value) for name, text, value in todo}.values())
        needed = Counter(text for _, text, _ in todo)
        while todo:
            ready = next((item for item in todo if not needed[item[0]]), None)
            if ready is None:
                left = ", ".join(name for name, _, _ in todo)
                self.put(statement(f"{left} = ", Bare(tuple(value for _, _, value in todo)), indent))
                return
            self.put(statement(f"{ready[0]} = ", ready[2], indent), node)
            todo.remove(ready)
            needed[ready[1]] -= 1

    def branch(self, node: Branch, indent: int, tail: str, word: str = "if") -> None:
        """Print an `if`: without empty branches, and with `elif`."""
        cond, then, orelse = node.cond, node.then, node.orelse
        at = len(self.out)
        self.write(f"{word} ", self.spell(cond), indent, node, ":")
        printed = self.block(then, indent + 4, tail)
        if not printed:
            del self.out[at:]
            if not self.has_lines(orelse):
                return
            if word == "elif":
                self.put([" " * indent + "else:"])
                self.branch(Branch(negated(cond), orelse, [], node.origin), indent + 4, tail)
                return
            self.branch(Branch(negated(cond), orelse, [], node.origin), indent, tail)
            return
        if not orelse:
            return
        mark = len(self.out)
        only = [n for n in orelse if not isinstance(n, (Copy, Bind)) or not self.is_silent(n)]
        if len(only) == 1 and isinstance(only[0], Branch) and self.has_lines(only[0].then):
            self.branch(only[0], indent, tail, "elif")
            return
        self.put([" " * indent + "else:"])
        if not self.block(orelse, indent + 4, tail):
            del self.out[mark:]

    def attempt(self, node: Attempt, indent: int, tail: str) -> None:
        """Print a `try`."""
        at = len(self.out)
        self.put([" " * indent + "try:"], node, header=True)
        if not self.block(node.body, indent + 4, ""):
            del self.out[at:]
            self.block(node.orelse, indent, tail)
            return
        for clause in node.clauses:
            self.clause(clause, node, indent, tail)
        mark = len(self.out)
        self.put([" " * indent + "else:"])
        if not self.block(node.orelse, indent + 4, tail):
            del self.out[mark:]

    def clause(self, clause: Clause, node: Attempt, indent: int, tail: str) -> None:
        """Print an `except`."""
        classes = self.spell.all(clause.caught)
        named = "" if clause.error is None else f" as {self.names[clause.error]}"
        self.write("except ", classes[0] if len(classes) == 1 else Group(None, "()", classes), indent, node, f"{named}:")
        self.handling.append(clause)
        if not self.block(clause.handler, indent + 4, tail):
            self.put([" " * (indent + 4) + "pass"])
        self.handling.pop()

    def has_lines(self, nodes: list[Node]) -> bool:
        """Whether statements print anything."""
        return any(not self.is_silent(node) for node in nodes)

    def is_silent(self, node: Node) -> bool:
        """Whether a statement prints nothing.  Each is tried once: blocks are nested, and asked for at every level."""
        if node not in self.silent:
            self.silent[node] = not self._prints(node)
        return self.silent[node]

    def _prints(self, node: Node) -> bool:
        if isinstance(node, Branch):
            return self.has_lines(node.then) or self.has_lines(node.orelse)
        if isinstance(node, Loop):
            return True
        kept, self.out = self.out, []
        quoting = self.quoting
        try:
            return self.block([node], 0, "") > 0
        finally:
            self.out, self.quoting = kept, quoting

    def loop(self, node: Loop, indent: int) -> None:
        """Print a loop; a condition that takes statements becomes a `break`."""
        if node.items:
            self.write(f"for {self.each(node)} in ", self.spell.items(node), indent, node, ":")
        elif node.index is not None:
            e = self.spell.range(node.bounds)
            self.write(f"for {self.names[node.index]} in ", e, indent, node, ":")
        elif self.has_lines(node.header):
            self.put([" " * indent + "while True:"], node, header=True)
            self.block(node.header, indent + 4, "")
            self.write("if ", self.spell(negated(node.cond)), indent + 4, node, ":")
            self.put([" " * (indent + 8) + "break"])
        else:
            self.write("while ", self.spell(node.cond), indent, node, ":")
        if not self.block(node.body, indent + 4, "continue"):
            self.put([" " * (indent + 4) + "pass"])

    def each(self, node: Loop) -> str:
        """What a loop through items binds in every trip."""
        bound = ", ".join(self.names[v] for v, _ in node.items)
        if node.index is None:
            return bound
        return f"{self.names[node.index]}, {f'({bound})' if len(node.items) > 1 else bound}"


def _reads_once(tree: Tree, v: Var) -> bool:
    """Whether an expression takes a value whenever it is computed, and once."""
    plain = "." in tree.op or tree.op in _COMPUTES
    found = [a for a in (*tree.args, *(a for _, a in tree.kwargs)) if v in variables(a)]
    return plain and len(found) == 1 and (found[0] is v or (isinstance(found[0], Tree) and _reads_once(found[0], v)))


def _nested(tree: object, values: list[Py]) -> Py:
    match tree:
        case Leaf(index):
            return values[index]
        case tuple():
            return Group(None, "()", tuple(_nested(t, values) for t in tree))
        case list():
            return Group(None, "[]", tuple(_nested(t, values) for t in tree))
        case dict():
            parts = tuple(Keyword(flat(constant(k)), _nested(t, values), ": ") for k, t in tree.items())
            return Group(None, "{}", parts)
    return Word(repr(tree))


def align(lines: list[Line], comments: Mapping[Let, str]) -> list[str]:
    """The lines of a listing with their comments in one column per block."""
    out: list[str] = []
    block: list[tuple[str, str]] = []

    def flush() -> None:
        column = max((len(text) for text, comment in block if comment and len(text) <= _COLUMN), default=0)
        out.extend(f"{text:<{column}}  # {comment}" if comment else text for text, comment in block)
        block.clear()

    gap = 0
    for line in lines:
        comment = comments.get(line.let, "") if line.let is not None else ""
        gap = 0 if comment else gap + 1
        if gap == 2:
            flush()
        for i, text in enumerate(line.lines):
            block.append((text, comment if i == 0 else ""))
    flush()
    return out
