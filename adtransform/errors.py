"""What cannot be differentiated, said where it stands: file, line, column, a caret and a way out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NoReturn, Protocol

from adtransform.record import record


class Place(Protocol):
    """A span of a source file, such as `ir.Origin`: 1-based lines, 0-based columns in bytes, as `ast` counts."""

    @property
    def file(self) -> str:
        """The file, as it is shown."""

    @property
    def line(self) -> int:
        """Where it begins."""

    @property
    def column(self) -> int:
        """Where it begins."""

    @property
    def end_line(self) -> int:
        """Where it ends."""

    @property
    def end_column(self) -> int:
        """Where it ends."""


# The lines of every source read so far, by the name it is shown under: a caret needs the line it points at.
_LINES: dict[str, Sequence[str]] = {}


@record
class Message:
    """One refusal.  `column` is 1-based; `source_line` is empty where there is no text to point at."""

    file: str
    line: int
    column: int
    text: str
    source_line: str = ""
    width: int = 1
    help: str = ""

    def __str__(self) -> str:
        """The message as it is printed, with the source line and a caret under the construct."""
        place = self.file + (f":{self.line}:{self.column}" if self.line else "")
        shown = [f"{place}: {self.text}" if place else self.text]
        if self.source_line:
            code = self.source_line.expandtabs(1).rstrip()
            number = f"{self.line:>5}"
            width = max(1, min(self.width, len(code) - self.column + 1))
            shown += [f"{number} | {code}", f"{' ' * len(number)} | {' ' * (self.column - 1)}{'^' * width}"]
        if self.help:
            shown.append(f"  help: {self.help}")
        return "\n".join(shown)


class Refusal(Exception):
    """One construct that is refused; the reader collects these.  No message: it was reported before."""

    def __init__(self, message: Message | None = None) -> None:
        super().__init__(message)
        self.message = message


class DifferentiationError(Exception):
    """What of a function cannot be differentiated: every message, in the order of the source."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self.messages = tuple(messages)
        super().__init__(self.messages)

    def __str__(self) -> str:
        """All messages, one after the other."""
        return "\n".join(str(m) for m in self.messages)


class TargetError(DifferentiationError):
    """The function asked for cannot be read at all: no such file or function, no source, a syntax error."""


class MissingExtra(ImportError):
    """Something needs a package that comes with an extra: one line that says how to get it."""


def remember(file: str, lines: Sequence[str]) -> None:
    """Keep the lines of a source, so that a message can show them."""
    _LINES[file] = lines


def line_of(file: str, line: int) -> str:
    """A line of a remembered source; empty where it is not known."""
    lines = _LINES.get(file, ())
    return lines[line - 1] if 0 < line <= len(lines) else ""


def locate(origin: Place | None, text: str, help: str) -> Message:
    """A message at a place of the source, with the whole headline given."""
    if origin is None:
        return Message("", 0, 0, text, help=help)
    shown = line_of(origin.file, origin.line)
    # ast counts columns in UTF-8 bytes; a reader counts characters.
    start = len(shown.encode()[: origin.column].decode(errors="ignore")) if shown else origin.column
    if origin.end_line == origin.line:
        end = len(shown.encode()[: origin.end_column].decode(errors="ignore")) if shown else origin.end_column
    else:
        end = len(shown.rstrip())
    return Message(origin.file, origin.line, start + 1, text, shown, max(1, end - start), help)


def refusal(origin: Place | None, what: str, help: str) -> Refusal:
    """The refusal of a construct: ``cannot differentiate `what` ``."""
    return Refusal(locate(origin, f"cannot differentiate {what}", help))


def refuse(origin: Place | None, what: str, help: str) -> NoReturn:
    """Refuse one construct, for passes that know of no others: raises `DifferentiationError`."""
    raise DifferentiationError([locate(origin, f"cannot differentiate {what}", help)])
