"""What a command names: the function, and what is known of its arguments."""

from __future__ import annotations

import ast
import importlib.machinery
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from adtransform.errors import Message, TargetError
from adtransform.infer.extents import times
from adtransform.lattice import BOOL, FLOAT, INT, UNKNOWN, Array, Dim, Extent, List, Scalar, Tuple, Type, Unknown
from adtransform.read.annotations import annotation_type
from adtransform.source import Source, from_path, from_text


class UsageError(Exception):
    """A command line that cannot be carried out as it stands."""


def resolve(target: str, read_stdin: Callable[[], str]) -> tuple[Source, str]:
    """The source and the function's name of `file.py:function`, `file.py::function`, `package.module:function` or `-`.

    Nothing is imported.  Without `:function` the only function of the source is meant.  Raises `TargetError` for what cannot
    be read, `UsageError` where the name is missing.
    """
    place, separator, name = target.rpartition("::") if "::" in target else target.rpartition(":")
    if not separator:
        place, name = target, ""
    if not place:
        raise UsageError(f"{target!r}: name a file or module before the colon")
    source = read(place, read_stdin)
    return source, name or _only_function(source)


def read(place: str, read_stdin: Callable[[], str]) -> Source:
    """The source at a path, of a dotted module, or from standard input (`-`).  Raises `TargetError` for what cannot be read."""
    return from_text(read_stdin(), "<stdin>") if place in ("-", "./-") else from_path(_path(place))


def _path(place: str) -> str | Path:
    """A path is taken as it is; a dotted module is searched for as Python would, without importing it."""
    if place.endswith(".py") or "/" in place or "\\" in place or Path(place).exists() or not _is_dotted(place):
        return place
    search: Sequence[str] | None = [str(Path.cwd()), *(p for p in sys.path if p)]
    found, spec = "", None
    for part in place.split("."):
        found = f"{found}.{part}".lstrip(".")
        spec = importlib.machinery.PathFinder.find_spec(found, search)
        if spec is None:
            raise TargetError([Message(place, 0, 0, f"no module `{found}`", help="name the file: path/to/file.py:function")])
        search = spec.submodule_search_locations
        if found != place and search is None:
            raise TargetError(
                [Message(place, 0, 0, f"`{found}` is not a package", help=f"name a function in it: {found}:function")]
            )
    if spec is None or spec.origin is None or not spec.has_location or not spec.origin.endswith(".py"):
        raise TargetError([Message(place, 0, 0, "has no Python source", help="name a module written in Python")])
    origin = Path(spec.origin)
    return origin.relative_to(Path.cwd()) if origin.is_relative_to(Path.cwd()) else origin


def _is_dotted(place: str) -> bool:
    return all(part.isidentifier() for part in place.split("."))


def functions_of(source: Source) -> list[str]:
    """The names of the functions in a source without methods and inner ones; with lines where branches define several."""
    found: list[str] = []
    for name, nodes in source.definitions.items():
        if "." not in name and type(nodes[-1]).__name__ == "FunctionDef":
            found += [f"{name}@{n.lineno}" for n in nodes] if source.is_doubled(name) else [name]
    return found


def _only_function(source: Source) -> str:
    names = functions_of(source)
    if len(names) == 1:
        return names[0]
    listed = ", ".join(f"`{source.file}:{n}`" for n in names[:8])
    raise UsageError(f"{source.file}: name a function: {listed}" if names else f"{source.file}: it defines no functions")


_ARRAY = re.compile(r"\s*(?P<name>\w+)\s*(?::\s*(?P<dtype>\w+)\s*)?\[(?P<dims>[^\[\]]*)\]\s*")
_NESTED = re.compile(r"\s*(?P<name>\w+)\s*:\s*(?P<type>(?:list|tuple)\b.*)")
_SCALAR = re.compile(r"\s*(?P<name>\w+)\s*:\s*(?P<dtype>\w+)\s*")
_PYTHON = {"float": FLOAT, "int": INT, "bool": BOOL}


def argument(text: str) -> tuple[str, Type]:
    """`U[I,N]`, `U: float32[I, 3]`, `x: float`, `x: float32` (a NumPy scalar), `l: list[float]`: a parameter and its type.

    Axes of one name have one extent, `4*H` is four times that of `H`; a number is the extent itself.  Raises `UsageError` for
    anything else.
    """
    if found := _NESTED.fullmatch(text):
        return found["name"], _nested(found["type"], text)
    if found := _ARRAY.fullmatch(text):
        dims = [d.strip() for d in found["dims"].split(",")] if found["dims"].strip() else []
        dtype = found["dtype"] or "float64"
        return found["name"], Array(
            _dtype("float64" if dtype == "float" else dtype, text).name, tuple(_extent(d, text) for d in dims)
        )
    if found := _SCALAR.fullmatch(text):
        if found["dtype"] in _PYTHON:
            return found["name"], _PYTHON[found["dtype"]]
        dtype = _dtype(found["dtype"], text)
        kind = {"f": "float", "i": "int", "u": "int", "b": "bool"}[dtype.kind]
        return found["name"], Scalar(kind, dtype.name)
    raise UsageError(f"--arg {text!r}: write an array as `U[I,N]` or `U: float32[I,N]`, a scalar as `x: float`")


def _dotted(node: ast.expr) -> str:
    """The full name of what an annotation names."""
    return re.sub(r"^np\b", "numpy", ast.unparse(node))


def _is_open(t: Type) -> bool:
    """Whether a type leaves something unknown."""
    inner = (t.item,) if isinstance(t, List) else t.items if isinstance(t, Tuple) else ()
    return isinstance(t, Unknown) or any(map(_is_open, inner))


def _nested(annotation: str, text: str) -> Type:
    """The type of a list or a tuple, as an annotation would say it."""
    try:
        found = annotation_type(ast.parse(annotation.strip(), mode="eval").body, _dotted)
    except SyntaxError:
        found = UNKNOWN
    if _is_open(found):
        raise UsageError(f"--arg {text!r}: write a list as `l: list[float]`, a tuple as `t: tuple[float, float]`")
    return found


def _dtype(name: str, text: str) -> np.dtype[np.generic]:
    try:
        dtype = np.dtype(name)
    except TypeError:
        raise UsageError(f"--arg {text!r}: `{name}` is no type; write float, int, bool, float32, ...") from None
    if dtype.kind not in "fiub":
        raise UsageError(f"--arg {text!r}: `{name}` is not supported; write float, int, bool, float32, ...")
    return dtype


def _extent(text: str, whole: str) -> Extent:
    if text.isdecimal():
        return int(text)
    number, star, name = (part.strip() for part in text.rpartition("*"))
    if name.isidentifier() and (not star or number.isdecimal()):
        return times(int(number), Dim(name)) if star else Dim(name)
    raise UsageError(f"--arg {whole!r}: an axis is a name, a number or `4*H`, not {text!r}")
