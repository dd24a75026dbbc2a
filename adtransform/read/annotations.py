"""Types from annotations: `float`, `NDArray[np.float64]`, `Float[np.ndarray, "I N"]`."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from adtransform.infer.extents import times
from adtransform.lattice import BOOL, COMPLEX, FLOAT, INT, TEXT, UNKNOWN, Array, Dim, Extent, List, Scalar, Tuple, Type

_PLAIN: dict[str, Type] = {"float": FLOAT, "int": INT, "bool": BOOL, "complex": COMPLEX, "str": TEXT}
_ARRAYS = frozenset("numpy.ndarray jax.Array numpy.typing.ArrayLike torch.Tensor".split())
_DTYPES = {
    "float": "float64",
    "int": "int64",
    "bool": "bool",
    "complex": "complex128",
    **{
        n: n
        for n in [
            "float16",
            "float32",
            "float64",
            "int8",
            "int16",
            "int32",
            "int64",
            "uint8",
            "uint16",
            "uint32",
            "uint64",
            "complex64",
            "complex128",
        ]
    },
    "double": "float64",
    "single": "float32",
    "bool_": "bool",
}
_JAXTYPING = {
    "Float": None,
    "Float16": "float16",
    "Float32": "float32",
    "Float64": "float64",
    "Int": None,
    "Int32": "int32",
    "Int64": "int64",
    "Bool": "bool",
    "Complex": None,
    "Complex64": "complex64",
    "Complex128": "complex128",
    "Num": None,
    "Shaped": None,
    "Inexact": None,
    "Real": None,
}


def annotation_type(node: ast.expr | None, dotted: Callable[[ast.expr], str]) -> Type:
    """What an annotation says of a value; unknown where it says nothing that is understood.

    `dotted` gives the full name of a name or attribute (`numpy.ndarray`).
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            node = ast.parse(node.value, mode="eval").body
        except SyntaxError:
            return UNKNOWN
    match node:
        case ast.Name() | ast.Attribute():
            name = dotted(node)
            short = name.removeprefix("builtins.")
            if short in _PLAIN:
                return _PLAIN[short]
            if name in _ARRAYS:
                return Array()
            if name.startswith("numpy.") and name[6:] in _DTYPES:
                return _numpy_scalar(_DTYPES[name[6:]])
        case ast.Subscript(value=head, slice=inside):
            return _subscripted(dotted(head), inside, dotted)
    return UNKNOWN


def _numpy_scalar(dtype: str) -> Type:
    kind = "bool" if dtype == "bool" else dtype.rstrip("0123456789").replace("uint", "int")
    return Scalar(kind, dtype)


def _subscripted(head: str, inside: ast.expr, dotted: Callable[[ast.expr], str]) -> Type:
    short = head.rpartition(".")[2]
    parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
    if short == "NDArray":
        return Array(_dtype(parts[0], dotted), None)
    if head == "numpy.ndarray" and len(parts) == 2:
        inner = parts[1]
        return Array(_dtype(inner.slice, dotted) if isinstance(inner, ast.Subscript) else None, None)
    if short in _JAXTYPING and len(parts) == 2 and isinstance(parts[1], ast.Constant) and isinstance(parts[1].value, str):
        dims = _dims(parts[1].value)
        if dims == ():
            return UNKNOWN
        return Array(_JAXTYPING[short], dims)
    if short in ("tuple", "Tuple"):
        if len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is ...:
            return UNKNOWN
        return Tuple(tuple(annotation_type(p, dotted) for p in parts))
    if short in ("list", "List"):
        return List(annotation_type(parts[0], dotted))
    if short in ("Annotated", "Final"):
        return annotation_type(parts[0], dotted)
    return UNKNOWN


def _dtype(node: ast.expr, dotted: Callable[[ast.expr], str]) -> str | None:
    name = dotted(node).removeprefix("numpy.").removeprefix("builtins.")
    return _DTYPES.get(name)


def _dims(text: str) -> tuple[Extent, ...] | None:
    """`"I N"`, `"I 3"`, `"4*H"`, `"batch=4 d"`; unknown where the rank is (`...`, `*batch`)."""
    dims: list[Extent] = []
    for word in text.split():
        word = word.lstrip("#").rpartition("=")[2] if "=" in word else word
        if word == "..." or word.startswith("*"):
            return None
        if word.isdigit():
            dims.append(int(word))
        elif word.isidentifier() and word != "_":
            dims.append(Dim(word))
        elif (multiple := re.fullmatch(r"(\d+)\*([A-Za-z]\w*)", word)) is not None:
            dims.append(times(int(multiple[1]), Dim(multiple[2])))
        else:
            dims.append(Dim(f"{word}{len(dims)}"))
    return tuple(dims)
