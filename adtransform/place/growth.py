"""Growth: `a[k] = a[k] op v` is `a[k] op= v` where the user wrote that, or where the types say that it is the same.

t = a[k]; v = f(t); a[k] = t + v        becomes        t = a[k]; v = f(t); a[k] += v
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from adtransform.ir import Const, Var, is_temporary
from adtransform.lattice import Array, List, Scalar, Type, is_int, kind_of, nested, rank_of, same_kind
from adtransform.ops import BINARY, DEEP
from adtransform.place.program import COPIES, Bind, Branch, Node, Operand, Tree, adds_up, blocks, times_read, type_of, walk

_AUGMENTED = re.compile(r"([\w.]+(?:\[.*?\])*)\s*(\*\*|//|<<|>>|[-+*/%@&|^])=(?!=)")
_WRITES = frozenset(("update", "put_in"))
_TAKES = COPIES | {"index", "item_in"}


def augmented(tree: Tree) -> str:
    """What the user's `a op= b` writes (`a`, `a[k]`), if that may be where an operation comes from."""
    if tree.op not in BINARY or tree.origin is None:
        return ""
    symbol = BINARY[tree.op][0]
    if f"{symbol}=" not in tree.origin.text:
        return ""
    found = _AUGMENTED.match(tree.origin.text)
    return found[1] if found and found[2] == symbol else ""


def growth(write: Tree) -> tuple[str, Tree] | None:
    """What a write of `a[k] op v` at `k` may be written as: "part" for `a[k] op= v`, or "whole" where that is all of `a`.

    With it, `a[k] op v`: of a tangent or an adjoint a sum or a product begins with either operand.
    """
    whole, value, keys, t = _written(write)
    if not isinstance(value, Tree) or value.op not in BINARY:
        return None
    derived = isinstance(whole, Var) and whole.of is not None and value.op in ("operator.add", "operator.mul")
    for grown in (value, replace(value, args=value.args[::-1])) if derived else (value,):
        first, all_of_it = grown.args[0], len(keys) == 1 and _is_whole(keys[0]) and write.op not in DEEP
        if first is whole and isinstance(whole, Var) and all_of_it:
            return ("whole", grown) if _is_same(grown, keys[-1], t) else None
        taken = "item_in" if write.op in DEEP else "index"
        if isinstance(first, Tree) and first.op == taken and first.args[0] is whole and _all_equal(first.args[1:], keys):
            return ("part", grown) if _is_same(grown, keys[-1], t) else None
    return None


def _written(write: Tree) -> tuple[Operand, Operand, tuple[Operand, ...], Type]:
    """What is written to, what is written, at which keys, and the type of what the last of them is a key of."""
    if write.op in DEEP:
        whole, value, *keys = write.args
        return whole, value, tuple(keys), nested(type_of(whole), len(keys) - 1)
    whole, key, value = write.args
    return whole, value, (key,), type_of(whole)


def _is_same(value: Tree, key: Operand, t: Type) -> bool:
    """Whether what is computed of an item of something of this type is what `op=` would leave there."""
    if isinstance(t, List) and not isinstance(t.item, Scalar):
        return False  # an array in a list would be written, and others may hold it
    if augmented(value):
        return True
    if value.op == "operator.matmul" or not isinstance(t, Array):
        return False  # what `@` gives may have another shape, and is spread
    if (rank := rank_of(value.type)) is None or rank != rank_of(type_of(value.args[0])):
        return False  # a leading 1 may be left out where a value is put, and not where an array grows by it
    return same_kind(t, value.type) or (kind_of(t) == kind_of(value.type) == "float" and adds_up(key))


def reread(nodes: list[Node]) -> None:
    """Let what is written to an item begin with that item, where it is a name for it and the item may grow so."""
    every = walk(nodes)
    binds = [node for node in every if isinstance(node, Bind)]
    values = {_written(node.tree)[1] for node in binds if node.tree.op in _WRITES}
    made = {node.targets[0]: node for node in binds if _begins(node) and node.targets[0] in values}
    if made:
        _block(nodes, {}, made, times_read(every))


def _begins(bind: Bind) -> bool:
    """Whether something is computed of a variable first."""
    return bind.tree.op in BINARY and len(bind.targets) == 1 and not bind.inplace and isinstance(bind.tree.args[0], Var)


def _block(nodes: list[Node], items: dict[Var, Tree], made: Mapping[Var, Bind], uses: Counter[Var]) -> None:
    """Go through statements; `items`: the variables that are items of something here."""
    for node in nodes:
        if isinstance(node, Bind):
            if node.tree.op in _WRITES:
                _grow(node.tree, items, made, uses)
            elif node.tree.op in _TAKES and len(node.targets) == 1 and (item := _item(node.tree, items)) is not None:
                items[node.targets[0]] = item
        for inner in blocks(node):
            _block(inner, dict(items) if isinstance(node, Branch) else {}, made, uses)


def _item(tree: Tree, items: Mapping[Var, Tree]) -> Tree | None:
    """The item that an operation takes, or copies; an item of a row as one of what that is a row of."""
    while tree.op in COPIES:
        a = tree.args[0]
        inner = items.get(a) if isinstance(a, Var) else a
        if not isinstance(inner, Tree):
            return None
        tree = inner
    if tree.op == "item_in":
        return tree
    if tree.op != "index":
        return None
    whole, key = tree.args
    row = items.get(whole) if isinstance(whole, Var) else whole
    if isinstance(row, Tree) and row.op == "index" and isinstance(type_of(row.args[0]), Array) and is_int(type_of(row.args[1])):
        keys = (row.args[1], *(key.args if isinstance(key, Tree) and key.op == "tuple" else (key,)))
        return replace(tree, args=(row.args[0], Tree("tuple", keys)))
    return tree


def _grow(write: Tree, items: Mapping[Var, Tree], made: Mapping[Var, Bind], uses: Counter[Var]) -> None:
    value = _written(write)[1]
    bind = made.get(value) if isinstance(value, Var) else None
    if bind is None or uses[bind.targets[0]] != 1 or not is_temporary(bind.targets[0]):
        return
    first, *others = bind.tree.args
    if not isinstance(first, Var) or first not in items or uses[first] == 1:
        return
    grown = replace(bind.tree, args=(items[first], *others))
    again = replace(write, args=tuple(grown if a is value else a for a in write.args))
    if growth(again) and (is_temporary(first) or augmented(grown)):
        bind.tree = grown
        uses[first] -= 1


def _is_whole(key: Operand) -> bool:
    """`...` or `:`"""
    return key == Const(...) or (isinstance(key, Tree) and key.op == "slice" and key.args == (Const(None),) * 3)


def _all_equal(some: tuple[Operand, ...], others: tuple[Operand, ...]) -> bool:
    return len(some) == len(others) and all(map(_equal, some, others))


def _equal(a: Operand, b: Operand) -> bool:
    """Whether two operands are the same expression of the same values."""
    if isinstance(a, Tree) and isinstance(b, Tree):
        return a.op == b.op and not a.kwargs and _all_equal(a.args, b.args)
    return a is b or (isinstance(a, Const) and a == b)
