"""What one check found, in a line, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line.

    Attributes:
        text: what was found; of a skipped check, why.
        remedy: how to mend it; empty where nothing is to be mended.
        check: the name of the check that found it.
    """

    severity: Severity
    text: str
    remedy: str = ""
    check: str = ""

    def document(self) -> dict[str, str]:
        """Return it for scripts; `verdict` is what the field was called at first, and stays."""
        return {
            "verdict": self.severity,
            "text": self.text,
            "remedy": self.remedy,
            "check": self.check,
        }


def ok(text: str) -> Finding:
    """Return: all is well."""
    return Finding(Severity.OK, text)


def warning(text: str, remedy: str = "") -> Finding:
    """Return: it works, and may not for ever."""
    return Finding(Severity.WARNING, text, remedy)


def broken(text: str, remedy: str) -> Finding:
    """Return: something does not work."""
    return Finding(Severity.BROKEN, text, remedy)


def skipped(why: str) -> Finding:
    """Return: it was not checked."""
    return Finding(Severity.SKIPPED, why)
