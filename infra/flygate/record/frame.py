"""The frame of a Command's result: how the one result of an operation travels on standard output.

The plugin reads line by line and gives up at a line of 64 KiB, and a state file may be edited or
cut. So the result goes in short lines, behind a head that says its form, length and checksum:

    flygate-result 1 <characters> <first 16 hex digits of its SHA-256>
    <at most 2,000 characters>
    …
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

LINE_MAX = 2000
_HEAD = re.compile(r"^flygate-result (\d+) (\d+) ([0-9a-f]{16})\r?$", re.MULTILINE)
_FORM = 1


class FrameError(ValueError):
    """The text has no frame, or one that is damaged; the message quotes nothing of it."""


def wrap(result: str) -> str:
    """Return the lines to print.

    Args:
        result: ASCII text without line ends; JSON without indentation is.
    """
    if not result.isascii() or "\n" in result or "\r" in result:
        raise ValueError("a result is one line of ASCII text")
    head = f"flygate-result {_FORM} {len(result)} {_checksum(result)}"
    return "\n".join([head, *_lines(result)])


def is_framed(text: str) -> bool:
    """Return whether a frame begins somewhere in the text."""
    return _HEAD.search(text) is not None


def unwrap(text: str) -> str:
    """Return the result that a text carries. What stands before and after its frame is passed over.

    Raises:
        FrameError: there is none, or it is damaged.
    """
    if (head := _HEAD.search(text)) is None:
        raise FrameError("it has no frame")
    form, length, checksum = int(head[1]), int(head[2]), head[3]
    if form != _FORM:
        raise FrameError(f"its frame has form {form}, known is {_FORM}")
    result = "".join(text[head.end() :].splitlines())[:length]
    if len(result) < length:
        raise FrameError(f"it is cut off: {len(result)} of {length} characters")
    if _checksum(result) != checksum:
        raise FrameError("its checksum is wrong")
    return result


def document(text: str) -> dict[str, Any]:
    """Return the JSON object that a text carries, framed or, by Flygate 0.1, plain.

    Raises:
        ValueError: it carries none; `FrameError` if its frame is damaged.
    """
    found = json.loads(unwrap(text) if is_framed(text) else text)
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    return found


def _lines(result: str) -> Iterator[str]:
    for start in range(0, len(result), LINE_MAX):
        yield result[start : start + LINE_MAX]


def _checksum(result: str) -> str:
    return hashlib.sha256(result.encode()).hexdigest()[:16]
