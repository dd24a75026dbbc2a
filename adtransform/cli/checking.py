"""`check`, the one verb that runs the user's code, and `support`."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from adtransform.api.calls import Callee
from adtransform.api.checks import verdicts
from adtransform.api.support import of_function, of_operation, operations
from adtransform.cli.targets import UsageError, functions_of, read, resolve
from adtransform.source import Source

YES, NO = 0, 1


def check(args: argparse.Namespace) -> int:
    """Each derivative against differences at a point."""
    source, name = resolve(args.target, sys.stdin.read)
    fun = _live(source, name)
    point = [_argument(text) for text in args.at]
    values = dict(point)
    if len(values) < len(point):
        raise UsageError("--at: a parameter is given twice")
    callee = Callee(fun)
    unknown = [n for n in values if n not in callee.names]
    if unknown:
        raise UsageError(f"--at: `{name}` has no parameter `{unknown[0]}`; it has {', '.join(callee.names) or 'none'}")
    try:
        bound = callee.bind((), values)
    except TypeError as error:
        missing = [n for n in callee.names if n not in values]
        raise UsageError(f"{error}: give it with --at '{missing[0]}=...'" if missing else str(error)) from None
    try:
        wrt = None if args.wrt is None else tuple(n.strip() for n in args.wrt.split(","))
        if wrt is not None:
            callee.resolve(wrt)
        found = list(verdicts(fun, bound, args.order, wrt=wrt))
    except (TypeError, ValueError) as error:
        raise UsageError(str(error)) from None
    for verdict in found:
        print(verdict)
    return NO if any(v.wrong for v in found) else YES


def _argument(text: str) -> tuple[str, Any]:
    """`x=np.ones(3)`"""
    name, separator, expression = text.partition("=")
    if not separator or not name.strip().isidentifier():
        raise UsageError(f"--at {text!r}: write `x=1.5` or `x=np.ones(3)`")
    try:
        return name.strip(), eval(expression, {"np": np, "numpy": np})
    except Exception as error:
        raise UsageError(f"--at {text!r}: {type(error).__name__}: {error}") from None


def _live(source: Source, name: str) -> Callable[..., Any]:
    """The function itself: its module is executed."""
    module = _run(source)
    found: Any = module
    plain, _, line = name.partition("@")
    if line:
        raise UsageError(f"`check` runs the `{plain}` that the module defines: name it without a line")
    for part in plain.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        source.find(name)
        raise UsageError(f"`{name}` is made when another function runs: name a function of the module")
    function: Callable[..., Any] = found
    return function


def _run(source: Source) -> ModuleType:
    if source.path is None:
        raise UsageError("`check` runs the function: name a file, not standard input")
    path = source.path.resolve()
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{source.file}: cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.parent))
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"{source.file}: importing it failed: {type(error).__name__}: {error}") from None
    finally:
        sys.dont_write_bytecode = before
    return module


def support(args: argparse.Namespace) -> int:
    """One function of a library, every function of a file, or all that is supported."""
    what: str | None = args.target
    if what is None:
        print("\n".join(str(of_operation(name)) for name in operations()))
        return YES
    if _is_operation(what):
        found = of_operation(what.replace("np.", "numpy.", 1) if what.startswith("np.") else what)
        print(found)
        return YES if found else NO
    if ":" in what or what == "-":
        source, name = resolve(what, sys.stdin.read)
        names = [name]
    else:
        source = read(what, sys.stdin.read)
        names = functions_of(source)
        if not names:
            raise UsageError(f"{source.file}: it defines no functions")
    code = YES
    for name in names:
        found = of_function(source, name)
        print(f"{name}: supported" if found else found)
        code = code if found else NO
    return code


def _is_operation(what: str) -> bool:
    head = what.partition(".")[0]
    return head in ("np", "numpy", "math", "operator", "builtins") and ":" not in what and not Path(what).exists()
