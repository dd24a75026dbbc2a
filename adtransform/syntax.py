"""Python expressions and how they are laid out: precedence, spaces, and line breaks as the formatter makes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from adtransform.ops import BINARY, COMPARE, UNARY
from adtransform.record import record

LIMIT = 88

# How tightly an expression binds; operators in between have the levels of `ops`.
TERNARY, OR, AND, NOT, COMPARISON, SIGN, POWER, ATOM = 0, 1, 2, 3, 4, 11, 12, 20


@record
class Word:
    """`x`, `2.5`, `np.float64`: a name or a constant."""

    text: str
    level: int = ATOM


@record
class Infix:
    """`a + b`"""

    left: Py
    symbol: str
    right: Py
    level: int


@record
class Prefix:
    """`-a`, `not a`"""

    symbol: str
    operand: Py
    level: int


@record
class Dot:
    """`a.T`"""

    value: Py
    name: str
    level: int = ATOM


@record
class Group:
    """`f(a, b)`, `[a, b]`, `a[i, j]`, `(a, b)`: items in brackets behind a head."""

    head: Py | None
    brackets: str
    items: tuple[Py, ...]
    level: int = ATOM


@record
class Keyword:
    """`axis=0`, and `"k": v` with another sign"""

    name: str
    value: Py
    sign: str = "="
    level: int = TERNARY


@record
class Ternary:
    """`a if c else b`"""

    yes: Py
    cond: Py
    no: Py
    level: int = TERNARY


@record
class Slice:
    """`i + 1 : n : 2`"""

    parts: tuple[Py | None, Py | None, Py | None]
    level: int = TERNARY


@record
class Bare:
    """`a, b` as a statement returns it: a tuple without brackets."""

    items: tuple[Py, ...]
    level: int = TERNARY


Py = Word | Infix | Prefix | Dot | Group | Keyword | Ternary | Slice | Bare


def flat(e: Py) -> str:
    """An expression on one line."""
    if isinstance(e, Word):
        return e.text
    match e:
        case Infix(left, symbol, right, level):
            return _infix(left, symbol, right, level)
        case Prefix(symbol, operand, level):
            # The formatter brackets a negated power.
            return symbol + within(operand, ATOM if operand.level == POWER else level)
        case Dot(value, name):
            text = within(value, ATOM)
            return f"({text}).{name}" if text.isdigit() else f"{text}.{name}"
        case Group(head, brackets, items):
            inner = ", ".join([flat(i) for i in items])
            if head is None and brackets == "()" and len(items) == 1:
                inner += ","
            return ("" if head is None else within(head, ATOM)) + brackets[0] + inner + brackets[1]
        case Keyword(name, value, sign):
            return f"{name}{sign}{flat(value)}"
        case Ternary(yes, cond, no):
            return f"{within(yes, OR)} if {within(cond, OR)} else {within(no, TERNARY)}"
        case Slice(parts):
            return _slice(parts)
        case Bare(items):
            return ", ".join(flat(i) for i in items) + ("," if len(items) == 1 else "")


def within(e: Py, level: int) -> str:
    """An expression where one of at least this level is needed."""
    return flat(e) if e.level >= level else f"({flat(e)})"


def _infix(left: Py, symbol: str, right: Py, level: int) -> str:
    if symbol == "**":
        a, b = within(left, POWER + 1), within(right, SIGN)
        return f"{a}**{b}" if left.level > POWER and _is_plain(left) and _is_plain(right) else f"{a} ** {b}"
    # Comparisons chain and the others group from the left: an equal level on the right needs brackets.
    first = within(left, level + 1 if level == COMPARISON else level)
    return f"{first} {symbol} {within(right, level + 1)}"


def _is_plain(e: Py) -> bool:
    """What the formatter lets stand at a power without spaces."""
    match e:
        case Word(text):
            return not text.endswith("j")
        case Prefix(symbol, operand):
            return symbol != "not " and _is_plain(operand)
        case Infix(left, "**", right):
            return left.level > POWER and _is_plain(left) and _is_plain(right)
        case Dot(value):
            return _is_plain(value) and not (isinstance(value, Word) and value.text[0].isdigit())
    return False


def _slice(parts: tuple[Py | None, Py | None, Py | None]) -> str:
    start, stop, step = ("" if p is None else flat(p) for p in parts)
    simple = all(p is None or isinstance(p, Word) or (isinstance(p, Prefix) and isinstance(p.operand, Word)) for p in parts)
    colon = ":" if simple else " : "
    text = f"{start}{colon}{stop}" + (f"{colon}{step}" if step else "")
    return text.strip().replace(":  :", "::")


def statement(prefix: str, e: Py, indent: int, suffix: str = "") -> list[str]:
    """The lines of `prefix expression suffix`, broken at its outermost brackets where it is too long."""
    pad = " " * indent
    line = f"{pad}{prefix}{flat(e)}{suffix}"
    if len(line) <= LIMIT:
        return [line]
    match e:
        case Group(head, brackets, items) if items:
            start = "" if head is None else within(head, ATOM)
            return _broken(f"{pad}{prefix}{start}{brackets[0]}", items, f"{pad}{brackets[1]}{suffix}", indent, head is not None)
        case Bare(items):
            return _broken(f"{pad}{prefix}(", items, f"{pad}){suffix}", indent, False)
        case Infix() | Ternary():
            hugged = _hugged(e, prefix, indent, suffix) if isinstance(e, Infix) else None
            return hugged or _bracketed(e, f"{pad}{prefix}(", f"{pad}){suffix}", indent)
    return [line]


def _bracketed(e: Infix | Ternary, first: str, last: str, indent: int) -> list[str]:
    """An expression on lines of its own between two brackets."""
    inner = " " * (indent + 4)
    whole = inner + flat(e)
    return [first, *([whole] if len(whole) <= LIMIT else [inner + part for part in _operands(e)]), last]


def _hugged(e: Infix, prefix: str, indent: int, suffix: str) -> list[str] | None:
    """The lines of an expression broken in the brackets at its end or start: only where its loosest operator stands alone."""
    if len(_operands(e)) != 2:
        return None
    pad = " " * indent
    path = [e]
    while isinstance(path[-1].right, Infix) and path[-1].right.level > path[-1].level:
        path.append(path[-1].right)
    tail = path[-1].right
    text = flat(e)
    opened = _opened(tail, tail.level <= path[-1].level)
    if opened is not None:
        start, inside, close = opened
        head = f"{pad}{prefix}{text[: len(text) - len(start) - len(flat(inside)) - len(close)]}{start}"
        if len(head) <= LIMIT:
            return _within_brackets(inside, head, f"{pad}{close}{suffix}", indent)
    path = [e]
    while isinstance(path[-1].left, Infix) and path[-1].left.level >= path[-1].level:
        path.append(path[-1].left)
    lead = path[-1].left
    opened = _opened(lead, lead.level < path[-1].level)
    if opened is not None:
        start, inside, close = opened
        rest = f"{pad}{close}{text[len(start) + len(flat(inside)) + len(close) :]}{suffix}"
        if len(rest) <= LIMIT:
            return _within_brackets(inside, f"{pad}{prefix}{start}", rest, indent)
    return None


def _within_brackets(inside: Py, first: str, last: str, indent: int) -> list[str]:
    if isinstance(inside, Bare):
        return _broken(first, inside.items, last, indent, True)
    assert isinstance(inside, Infix | Ternary)
    return _bracketed(inside, first, last, indent)


def _opened(e: Py, bracketed: bool) -> tuple[str, Py, str] | None:
    """What stands before, in and behind the outermost brackets of an operand; None where it has none."""
    if bracketed and isinstance(e, Infix | Ternary):
        return "(", e, ")"
    if isinstance(e, Group) and e.items and e.head is not None:
        return within(e.head, ATOM) + e.brackets[0], Bare(e.items), e.brackets[1]
    return None


def _broken(first: str, items: tuple[Py, ...], last: str, indent: int, is_call: bool) -> list[str]:
    inner = " " * (indent + 4)
    line = inner + ", ".join(flat(i) for i in items)
    if is_call and len(line) <= LIMIT:
        return [first, line, last]
    body: list[str] = []
    for item in items:
        prefix = f"{item.name}{item.sign}" if isinstance(item, Keyword) else ""
        body += statement(prefix, item.value if isinstance(item, Keyword) else item, indent + 4, ",")
    return [first, *body, last]


def _operands(e: Infix | Ternary) -> list[str]:
    """The lines of an expression broken at its loosest operators."""
    if isinstance(e, Ternary):
        return [within(e.yes, OR), f"if {within(e.cond, OR)}", f"else {within(e.no, TERNARY)}"]
    left = _operands(e.left) if isinstance(e.left, Infix) and e.left.level == e.level else [within(e.left, e.level)]
    return [*left, f"{e.symbol} {within(e.right, e.level + 1)}"]


def constant(value: Any) -> Py:
    """A number, a string or another constant that is its own spelling."""
    if value is ...:
        return Word("...")
    if isinstance(value, str):
        return Word(quoted(value))
    text = repr(value)
    if isinstance(value, (float, complex)):
        text = text.replace("e+", "e")  # as formatters have it
    if isinstance(value, complex):
        if value.real == 0 and str(value.real) == "0.0":
            return constant_text(text)
        text = text.strip("()")
        return Group(Word("complex"), "()", (constant(value.real), constant(value.imag))) if "n" in text else Word(f"({text})")
    return constant_text(text)


def constant_text(text: str) -> Py:
    """A number by its text; the sign binds like the operator it is."""
    return Prefix("-", Word(text[1:]), SIGN) if text.startswith("-") else Word(text)


def quoted(text: str) -> str:
    """A string constant in double quotes, unless that needs more escapes."""
    single = repr(text)
    if single.startswith('"') or '"' in text:
        return single
    return '"' + single[1:-1].replace("\\'", "'") + '"'


def operation(op: str, *args: Py) -> Py:
    """An operator of `ops` applied to its operands.  Raises `KeyError` where `op` is not an operator."""
    if op in UNARY and len(args) == 1:
        symbol, level = UNARY[op]
        return Prefix(symbol, args[0], level)
    left, right = args
    if op in COMPARE:
        return Infix(left, COMPARE[op], right, COMPARISON)
    symbol, level = BINARY[op]
    return Infix(left, symbol, right, level)


def call(function: str, args: Iterable[Py], kwargs: Mapping[str, Py] | None = None) -> Py:
    """`function(a, b, k=c)`"""
    return Group(Word(function), "()", (*args, *(Keyword(k, v) for k, v in (kwargs or {}).items())))
