"""Split a command into words as flyctl does, which differs from a shell and from `shlex`.

Within double quotes a backslash takes any letter as it is, and # begins a comment where a word
could begin, but not within one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_SPACE: Final = frozenset(" \t\r\n")


def split(command: str) -> list[str]:
    """Return the words of a command.

    Raises:
        ValueError: a quote or a backslash is left open.
    """
    words: list[str] = []
    letters = iter(command)
    word: str | None = None
    for letter in letters:
        if letter in _SPACE:
            words += [] if word is None else [word]
            word = None
        elif letter == "#" and word is None:
            _skip_comment(letters)
        else:
            word = (word or "") + _taken(letter, letters)
    return words if word is None else [*words, word]


def _taken(letter: str, letters: Iterator[str]) -> str:
    """Return what a letter stands for: itself, the one after a backslash, or a quoted text."""
    if letter == "\\":
        return _next(letters, "ends with a backslash")
    return _quoted(letters, letter) if letter in {"'", '"'} else letter


def _quoted(letters: Iterator[str], quote: str) -> str:
    taken = ""
    while (letter := _next(letters, f"has a {quote} that is never closed")) != quote:
        if letter == "\\" and quote == '"':
            letter = _next(letters, f"has a {quote} that is never closed")
        taken += letter
    return taken


def _next(letters: Iterator[str], complaint: str) -> str:
    letter = next(letters, None)
    if letter is None:
        raise ValueError(complaint)
    return letter


def _skip_comment(letters: Iterator[str]) -> None:
    for letter in letters:
        if letter == "\n":
            return
