"""The line of an error text that says what is wrong; the lines after it have the details."""

from __future__ import annotations

from collections.abc import Iterable

from flygate.redaction.redact import cut

_LENGTH_MAX = 600


def first_line(text: str) -> str:
    """Return the first line of an error, or all lines where the first one ends with a colon."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if not lines:
        return ""
    if lines[0].endswith(":"):
        return one_line(lines)
    return one_line(lines[:1])


def one_line(lines: Iterable[str]) -> str:
    """Return the lines as one, cut to a length that fits a terminal's few lines."""
    return cut(" ".join(" ".join(lines).split()), _LENGTH_MAX)
