"""`Needles`: many texts found in one at once: by their first four bytes, then by the rest."""

from __future__ import annotations

import re
import struct
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flygate.redaction.parts import Part

HEAD = 4
# Up to this length a word or a number is part of many others. These are taken whole: the rest of
# one would show what was taken out.
SHORT = 5
CUT = "…".encode()
# A beginning is masked where a text was cut; where it only ends, it must be less of a chance.
CUT_MIN = 4
END_MIN = 8

_LONGEST_WORD = 64
_TWO_BYTES = ("utf-16-le", "utf-16-be")
_WORD = re.compile(rb"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_LETTERS = re.compile(rb"[A-Za-z\x80-\xff]*")
_DIGITS = re.compile(rb"[0-9]*")


@dataclass(frozen=True, slots=True)
class Needle:
    """What is looked for.

    Attributes:
        is_word: it is short, and a word or a number.
        has_beginning: its beginning counts too, where the text is cut.
    """

    content: bytes
    is_word: bool
    has_beginning: bool


class Needles:
    """A set of needles.

    Args:
        parts: texts; those shorter than four bytes are left out.
    """

    def __init__(self, parts: Iterable[Part]) -> None:
        found: dict[bytes, Needle] = {}
        for part in parts:
            for content in _contents(part.text) if len(part.text.strip()) >= HEAD else ():
                if len(content) >= HEAD:
                    known = found.get(content)
                    begins = part.is_whole or (known is not None and known.has_beginning)
                    found[content] = Needle(content, _is_word(content), begins)
        self._by_head: dict[int, list[Needle]] = {}
        # Longest first: a secret may contain another one.
        for needle in sorted(found.values(), key=lambda one: len(one.content), reverse=True):
            (head,) = struct.unpack_from("=I", needle.content)
            self._by_head.setdefault(head, []).append(needle)
        self._heads = frozenset(self._by_head)
        self.has_quotes = any(b'"' in one or b"'" in one for one in found)

    def __bool__(self) -> bool:
        return bool(self._heads)

    def find(self, text: bytes, end_min: int) -> Iterator[tuple[int, int]]:
        """Yield where they are, from and to.

        Args:
            end_min: how many bytes of a needle count at the end of the text; 0: only all of it.
        """
        for at in self._candidates(text):
            (head,) = struct.unpack_from("=I", text, at)
            for needle in self._by_head[head]:
                if end := _end(needle, text, at, end_min):
                    yield _whole_word(text, at, end) if needle.is_word else (at, end)
                    break

    def may_be_in(self, text: bytes) -> bool:
        """Return False if none is in it; this is fast."""
        return not all(self._heads.isdisjoint(words) for _, words in _words(text))

    def _candidates(self, text: bytes) -> Iterator[int]:
        """Yield where one could begin: nearly always nowhere."""
        for shift, words in _words(text):
            if not self._heads.isdisjoint(words):
                yield from (
                    shift + HEAD * number
                    for number, word in enumerate(words)
                    if word in self._heads
                )


def _words(text: bytes) -> Iterator[tuple[int, memoryview[int]]]:
    """The text as numbers of four bytes, from each of the first four bytes on."""
    view = memoryview(text)
    for shift in range(HEAD):
        length = (len(text) - shift) // HEAD * HEAD
        if length > 0:
            yield shift, view[shift : shift + length].cast("I")


def _end(needle: Needle, text: bytes, at: int, end_min: int) -> int:
    """Return where a needle that begins at a place ends; 0 if none does."""
    content = needle.content
    if text.startswith(content, at):
        return at + len(content)
    return _cut_end(content, text, at, end_min) if needle.has_beginning else 0


def _cut_end(content: bytes, text: bytes, at: int, end_min: int) -> int:
    """Return where its beginning ends, if the text was cut there."""
    length = _common(content, text, at)
    end = at + length
    if text.startswith((CUT, b" " + CUT), end):
        return end if length >= CUT_MIN else 0
    if end == len(text):
        return end if 0 < end_min <= length else 0
    is_end = text.startswith((b"\n", b"\r", b"...", b"\\n"), end)
    return end if is_end and length >= END_MIN else 0


def _common(content: bytes, text: bytes, at: int) -> int:
    """Count the bytes that are the same, by halving, since a key can be long."""
    low, high = HEAD, min(len(content), len(text) - at)
    while low < high:
        middle = (low + high + 1) // 2
        if text.startswith(content[:middle], at):
            low = middle
        else:
            high = middle - 1
    return low


def _whole_word(text: bytes, start: int, end: int) -> tuple[int, int]:
    kind = _DIGITS if text[start : start + 1].isdigit() else _LETTERS
    before = kind.match(text[max(0, start - _LONGEST_WORD) : start][::-1])
    after = kind.match(text, end, end + _LONGEST_WORD)
    return start - (before.end() if before else 0), after.end() if after else end


def _is_word(content: bytes) -> bool:
    return len(content) <= SHORT and bool(_WORD.fullmatch(content))


def _contents(text: str) -> Iterator[bytes]:
    """A text as bytes: in each spelling that it may have."""
    for spelling in _spellings(text):
        yield spelling.encode("utf-8", "surrogatepass")
        if not spelling.isascii():  # else a reading without the second bytes is enough
            yield from (spelling.encode(name, "surrogatepass") for name in _TWO_BYTES)


def _spellings(text: str) -> Iterator[str]:
    """A text, as a form of a web page writes its blanks, and with its accents apart or not."""
    yield text
    if " " in text:
        yield text.replace(" ", "+")
    if not text.isascii():
        yield from (unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text))
