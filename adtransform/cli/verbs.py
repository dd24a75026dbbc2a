"""What each verb does: text for standard output, notes for standard error, an exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from adtransform import pipeline
from adtransform.activity import active
from adtransform.cli.targets import UsageError, argument, resolve
from adtransform.files import header, relative, write
from adtransform.ir import Function, Var
from adtransform.lattice import Type, Unknown
from adtransform.source import Source

YES, NO = 0, 1


def note(text: str) -> None:
    """Something to know, on standard error."""
    print(f"note: {text}", file=sys.stderr)


def _load(args: argparse.Namespace) -> tuple[Source, str, Function]:
    source, name = resolve(args.target, sys.stdin.read)
    types = _types(args.arg)
    definition = source.find(name)
    parameters = [a.arg for a in (*definition.args.posonlyargs, *definition.args.args, *definition.args.kwonlyargs)]
    for given in types:
        if given not in parameters:
            raise UsageError(f"--arg: `{name}` has no parameter `{given}`; it has {', '.join(parameters) or 'none'}")
    f = pipeline.load_function(source, name, types)
    for assume in f.assumes:
        if assume.origin is not None:  # the others were said by the user: annotations and --arg
            note(f"assumes {assume.test}: {assume.why}")
    return source, source.short(name), f


def _types(given: Sequence[str]) -> dict[str, Type]:
    types: dict[str, Type] = {}
    for text in given:
        name, t = argument(text)
        if name in types:
            raise UsageError(f"--arg: `{name}` is given twice")
        types[name] = t
    return types


def _wrt(args: argparse.Namespace, f: Function) -> tuple[str, ...]:
    """The parameters chosen; without `--wrt` every one of the function's own that the result depends on."""
    names = [p.name for p in f.params]
    if args.wrt is None:
        matter = [p for p in f.params if active(f, [p.name]) & {r for r in f.results if isinstance(r, Var)}]
        chosen = [p.name for p in matter if not p.captured] or [p.name for p in matter]
        if not chosen:
            raise UsageError(f"the result of `{f.name}` depends on no parameter: there is nothing to differentiate")
        return tuple(chosen)
    wanted = tuple(name.strip() for name in args.wrt.split(","))
    for name in wanted:
        if name not in names:
            raise UsageError(f"--wrt: `{f.name}` has no parameter `{name}`; it has {', '.join(names) or 'none'}")
    if len(set(wanted)) < len(wanted):
        raise UsageError(f"--wrt: a parameter is named twice: {args.wrt}")
    independent = [n for n in wanted if not active(f, [n]) & {r for r in f.results if isinstance(r, Var)}]
    if independent:
        note(f"the result of `{f.name}` does not depend on {', '.join(independent)}: zero")
    return wanted


def _put(args: argparse.Namespace, source: Source, text: str) -> None:
    if args.output in (None, "-"):
        sys.stdout.write(text)
        return
    write(Path(args.output), text, force=args.force, source=source.path)
    print(f"wrote {args.output}", file=sys.stderr)


def _command(args: argparse.Namespace, source: Source, name: str, wrt: Sequence[str]) -> list[str]:
    """The command that writes the same file again."""
    place = "-" if source.path is None else relative(source.path)
    command = ["adtransform", args.verb, f"{place}:{name}", "--wrt", ",".join(wrt)]
    for given in args.arg:
        command += ["--arg", given]
    if args.style != "code":
        command += ["--style", args.style]
    if args.explain:
        command += ["--explain"]
    return [*command, "-o", relative(args.output)]


def listing(args: argparse.Namespace) -> int:
    """The steps of the function, one operation a line."""
    source, _, f = _load(args)
    _put(args, source, pipeline.listing_text(f))
    return YES


def symbolic(args: argparse.Namespace) -> int:
    """The total differential and the partials."""
    source, _, f = _load(args)
    _put(args, source, pipeline.symbolic_text(f, _wrt(args, f)))
    return YES


def derivative(args: argparse.Namespace) -> int:
    """The source of the derivative, forward or reverse."""
    if args.explain and (args.verb, args.style) != ("reverse", "listing"):
        raise UsageError("--explain goes with `reverse --style listing`: it shows the invariant beside each backward line")
    source, name, f = _load(args)
    wrt = _wrt(args, f)
    top = ""
    if args.output not in (None, "-"):
        place = source.file if source.path is None else relative(source.path)
        top = header(place, source.text, name, wrt, _command(args, source, name, wrt))
    text = pipeline.text(f, args.verb, wrt, style=args.style, explain=args.explain, header=top)
    unknown = [p.name for p in f.params if isinstance(p.type, Unknown) and p.name in wrt]
    if args.style == "code" and unknown and "fit(" in text:
        one = unknown[0]
        note(f'nothing is known of {", ".join(unknown)}: --arg "{one}: float" or --arg "{one}[I,N]" makes the code simpler')
    _put(args, source, text)
    return YES
