"""The command line: `adtransform VERB TARGET`.

Text and data go to standard output, notes to standard error.  Exit codes: 0 yes; 1 a negative answer; 2 a command that cannot
be carried out as it stands, or input that cannot be read; 3 an error of the tool itself.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

from adtransform.cli import checking, verbs
from adtransform.cli.targets import UsageError
from adtransform.errors import DifferentiationError, MissingExtra, TargetError
from adtransform.version import __version__

NEGATIVE, USAGE, INTERNAL = 1, 2, 3

_TARGET = "path/to/file.py:function, package.module:function, or - for standard input"
_ARG = "what is known of a parameter: 'U[I,N]', 'U: float32[I,3]', 'x: float' (may be repeated)"


def parser() -> argparse.ArgumentParser:
    """The grammar of the command line."""
    top = argparse.ArgumentParser(prog="adtransform", description="Derivatives of Python functions, as Python source.")
    top.add_argument("--version", action="version", version=f"adtransform {__version__}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("-v", "--verbose", action="store_true", help="show a traceback when the tool itself fails")
    common.add_argument("--color", choices=["auto", "always", "never"], default="auto", help="colour of messages")
    found = top.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, run: object, help: str) -> argparse.ArgumentParser:
        added = found.add_parser(
            name, help=help, description=f"{help[0].upper()}{help[1:]}.", parents=[common], allow_abbrev=False
        )
        added.set_defaults(run=run)
        return added

    for name, run, help in (
        ("listing", verbs.listing, "the function as a list of single operations t0 ... tn"),
        ("symbolic", verbs.symbolic, "total differential and partials of a straight-line function"),
        ("forward", verbs.derivative, "source of the forward derivative: values with their tangents"),
        ("reverse", verbs.derivative, "source of the reverse derivative: value and gradient"),
    ):
        one = verb(name, run, help)
        one.add_argument("target", metavar="TARGET", help=_TARGET)
        one.add_argument("--arg", action="append", default=[], metavar="TYPE", help=_ARG)
        one.add_argument("-o", "--output", metavar="FILE", help="write to a file instead of standard output")
        one.add_argument("--force", action="store_true", help="replace a file that this tool did not write")
        if name != "listing":
            one.add_argument("--wrt", metavar="A,B", help="the parameters to differentiate by (default: all that matter)")
        if name in ("forward", "reverse"):
            one.add_argument("--style", choices=["code", "listing"], default="code", help="code, or one operation a line")
            one.add_argument("--explain", action="store_true", help="the invariant beside each backward line of the listing")
    one = verb("check", checking.check, "compare the derivatives with differences at a point; runs the function")
    one.add_argument("target", metavar="TARGET", help=_TARGET)
    one.add_argument("--wrt", metavar="A,B", help="the parameters to differentiate by (default: all that are floats)")
    one.add_argument(
        "--at", action="append", default=[], metavar="X=VALUE", help="an argument, e.g. 'x=np.ones(3)' (may be repeated)"
    )
    one.add_argument("--order", type=int, choices=[1, 2], default=1, help="also check second derivatives")
    one = verb("support", checking.support, "which functions have a derivative here; what in a file has none")
    one.add_argument(
        "target", metavar="WHAT", nargs="?", help="numpy.name, math.name, or a TARGET; without it everything is listed"
    )
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    # argparse takes `-:f` for an option; `-` alone it knows.
    args = parser().parse_args([f"./{w}" if w.startswith("-:") else w for w in words])
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except UsageError as error:
        return _fail(args, f"adtransform {args.verb}: {error}", USAGE)
    except TargetError as error:
        return _fail(args, str(error), USAGE)
    except DifferentiationError as error:
        return _fail(args, str(error), NEGATIVE)
    except MissingExtra as error:
        return _fail(args, f"adtransform {args.verb}: {error}", USAGE)
    except BrokenPipeError:
        # The reader has had enough; Python would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NEGATIVE
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        return _fail(args, f"adtransform {args.verb}: {_reason(error)}", USAGE)
    except Exception as error:
        if args.verbose:
            traceback.print_exc()
        return _fail(args, f"internal error: {type(error).__name__}: {error} (-v shows where)", INTERNAL)
    return code


def _reason(error: OSError) -> str:
    return f"{error.filename}: {error.strerror.lower()}" if error.filename and error.strerror else str(error)


def _fail(args: argparse.Namespace, text: str, code: int) -> int:
    print(paint(text, "31", args.color, sys.stderr), file=sys.stderr)
    return code


def paint(text: str, colour: str, when: str, stream: object) -> str:
    """The text in an ANSI colour where that is wanted; `NO_COLOR` and streams that are no terminal mean no."""
    terminal = getattr(stream, "isatty", lambda: False)() and not os.environ.get("NO_COLOR")
    return f"\x1b[{colour}m{text}\x1b[0m" if when == "always" or (when == "auto" and terminal) else text
