"""The last line of a failure: why, what serves now, and what to type. All of it in one line.

`flygate op` writes it for who typed `pulumi up`, and the verbs of `flygate` for who typed them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flygate.redaction.redact import cut

_CAUSE_MAX = 600
# How a sentence may end already.
_ENDS = (".", "!", "?", "…")


@dataclass(frozen=True, slots=True)
class LastWords:
    """What became of a run that failed.

    Attributes:
        cause: with the call, its status and the request's id, or the machine; redacted.
        serves: what was seen to serve, after it had failed.
        remedy: what to type.
    """

    cause: str
    serves: str
    remedy: str

    def __str__(self) -> str:
        said = _one_line([self.cause])
        parts = [said, self.serves, self.remedy]
        # Many an error says what to do, and some what serves.
        return " ".join(
            _sentence(part) for part in parts if part and (part == said or part not in said)
        )


def first_line(text: str) -> str:
    """Of an error: what follows has its details, but for a line that ends with a colon."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if not lines:
        return ""
    if lines[0].endswith(":"):
        return _one_line(lines)
    return _one_line(lines[:1])


def _one_line(lines: Iterable[str]) -> str:
    return cut(" ".join(" ".join(lines).split()), _CAUSE_MAX)


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith(_ENDS) else f"{text}."
