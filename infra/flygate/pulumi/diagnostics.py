"""What Pulumi printed, read for the reason of a failure that is in no journal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from flygate.redaction.first_line import first_line

_ERROR = "error: "
# It says no more than the exit code does.
_EMPTY = re.compile(r"(update|preview|destroy|refresh) (failed|canceled)")
_LAYER = "an unhandled error occurred: "
# A Command's failure begins so: the last error in it is the operation's own.
_COMMAND = re.compile(r"exit status (\d+): running")
# One that was killed says no more.
_KILLED = re.compile(r"(signal: [\w ]+): running \"exec \./(flygate op \w+)\":")
# A resource's name, and the next message of the same resource.
_NEXT = re.compile(r"  \S+ \(.*\):|\s*(info|warning): .*")
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def cause(printed: Iterable[str]) -> str:
    """Return the last error that names a cause, in one line; empty if there is none."""
    lines = [_in_one_line(text.removeprefix(_LAYER)) for text in _errors(printed)]
    found = [
        text for text in lines if text and not (_EMPTY.fullmatch(text) or _COMMAND.match(text))
    ]
    return found[-1] if found else ""


def exit_code(printed: Iterable[str]) -> int | None:
    """Return the exit code of the last operation that failed; None if none did."""
    found = [match for line in printed if (match := _COMMAND.search(line))]
    return int(found[-1][1]) if found else None


def _says_nothing(text: str) -> bool:
    return bool(_EMPTY.fullmatch(text) or _COMMAND.match(text))


def _in_one_line(text: str) -> str:
    killed = _KILLED.match(text)
    return f"`{killed[2]}` ended by {killed[1]}" if killed else first_line(text)


def _errors(printed: Iterable[str]) -> Iterator[str]:
    """Yield each error, with the lines that belong to it."""
    block: list[str] = []
    for line in (_COLOURS.sub("", line).rstrip() for line in printed):
        is_error = line.lstrip().startswith(_ERROR)
        if is_error or not line or _NEXT.fullmatch(line):
            yield "\n".join(block)
            block = [line.lstrip().removeprefix(_ERROR)] if is_error else []
        elif block:
            block.append(line)
    yield "\n".join(block)
