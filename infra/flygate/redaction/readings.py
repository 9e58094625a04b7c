"""The ways to read a text with escapes: what it says without them, and from where that came.

A reading is never the whole truth: it is looked through beside the text itself, and beside all
other readings. So it may be wrong about what is no escape at all.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from flygate.redaction.needles import CUT

_END = rb"(?=$|" + CUT + rb")"
_ESCAPES = re.compile(
    rb"(?:\\u[0-9a-fA-F]{4})+|\\u\{[0-9a-fA-F]{1,6}\}|\\U[0-9a-fA-F]{8}"
    rb"|\\x[0-9a-fA-F]{2}|\\[0-7]{3}|\\(?:u[0-9a-fA-F]{0,3}|x[0-9a-fA-F]?)?" + _END + rb"|\\.",
    re.DOTALL,
)
_SHELL = re.compile(rb"'\"'\"'|'\\''")
_PERCENT = re.compile(
    rb"%u[0-9a-fA-F]{4}|%[0-9a-fA-F]{2}|%(?:[0-9a-fA-F]|u[0-9a-fA-F]{0,3})?" + _END
)
_ENTITY = re.compile(
    rb"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});|&[#A-Za-z0-9]{0,6}" + _END
)
# As in mails.
_PRINTABLE = re.compile(rb"=[0-9A-F]{2}|=\r?\n")
_DOUBLED = (re.compile(rb"''"), re.compile(rb'""'))
_CONTROL = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"v": b"\v"}
_CONTROL |= {b"a": b"\a", b"e": b"\x1b", b"0": b"\0", b"\n": b""}

# What chance seldom makes of decoded words: without it there is nothing more to read in a text.
_HINT = re.compile(
    rb"\\[\x20-\x7e]|%[0-9a-fA-Fu]|=[0-9A-F]{2}|&[#A-Za-z]|'[\\'\"]|\"\"|\0[^\0]\0|[\\%&](?:\0|$)"
    rb"|[A-Za-z0-9+/_-]{6}|[0-9a-fA-F]{2}(?:,[ +]?|[ :;+-])[0-9a-fA-F]|[0-9],[ +]?[0-9]"
)

Place = Callable[[int, int], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Reading:
    """One of them.

    Attributes:
        text: what it says.
        place: from where a part of it came: from and to, in the text that was read.
    """

    text: bytes
    place: Place


def unescaped(text: bytes, *, has_quotes: bool) -> Iterator[Reading]:
    """Without the escapes of JSON, Python, shells, URLs, mails, HTML: each kind for itself.

    Args:
        has_quotes: quotes matter, which some formats write twice.
    """
    for sign, pattern, new in _KINDS:
        if sign in text:
            yield from _replaced(text, pattern, new)
    for pattern in _DOUBLED if has_quotes else ():
        yield from _replaced(text, pattern, lambda token: token[:1])
    if b"\0" in text:
        yield from _two_bytes(text)


def says_more(text: bytes) -> bool:
    """It may have to be unescaped or decoded again."""
    return _HINT.search(text) is not None


def as_bytes(text: str) -> Reading:
    """A text as its bytes."""
    content = text.encode("utf-8", "surrogatepass")
    if len(content) == len(text):
        return Reading(content, lambda start, end: (start, end))
    letters = [number for number, one in enumerate(text) for _ in range(_width(one))]
    return Reading(content, lambda start, end: (letters[start], letters[end - 1] + 1))


def _two_bytes(text: bytes) -> Iterator[Reading]:
    """As UTF-16 of both orders, from the first and from the second byte on."""
    for start in (0, 1):
        body = text[start : len(text) - (len(text) - start) % 2]
        for order in ("utf-16-le", "utf-16-be"):
            decoded = body.decode(order, "replace")
            begins = [start]
            for letter in decoded:
                begins.append(begins[-1] + (4 if ord(letter) > 0xFFFF else 2))
            reading = as_bytes(decoded)
            yield Reading(reading.text, _Letters(reading.place, begins))


@dataclass(frozen=True, slots=True)
class _Letters:
    """Finds the way back from UTF-8 to letters, and from these to where each began."""

    letters: Place
    begins: Sequence[int]

    def __call__(self, start: int, end: int) -> tuple[int, int]:
        first, last = self.letters(start, end)
        return self.begins[first], self.begins[last]


def _width(letter: str) -> int:
    return len(letter.encode("utf-8", "surrogatepass"))


def _replaced(
    text: bytes, pattern: re.Pattern[bytes], new: Callable[[bytes], bytes]
) -> Iterator[Reading]:
    """A text with another word for each token in it."""
    words, spans, at, length = list[bytes](), list[tuple[int, int, int]](), 0, 0
    for match in pattern.finditer(text):
        before, word = text[at : match.start()], new(match[0])
        words += [before, word]
        length += len(before)
        spans.append((length, match.start(), len(word)))
        length, at = length + len(word), match.end()
        spans.append((length, match.end(), 0))
    if spans:
        yield Reading(b"".join([*words, text[at:]]), _Replacement(spans))


@dataclass(frozen=True, slots=True)
class _Replacement:
    """Finds the way back from a text with replaced tokens.

    Attributes:
        spans: where a token or what follows it begins: in the new text, in the former one, and how
            many bytes of the new text belong to the token together.
    """

    spans: Sequence[tuple[int, int, int]]

    def __call__(self, start: int, end: int) -> tuple[int, int]:
        return self._former(start)[0], self._former(end - 1)[1]

    def _former(self, at: int) -> tuple[int, int]:
        """From where one byte came."""
        number = bisect_right(self.spans, at, key=lambda span: span[0]) - 1
        if number < 0:
            return at, at + 1
        new, former, width = self.spans[number]
        if at < new + width:
            return former, self.spans[number + 1][1]
        return former + at - new - width, former + at - new - width + 1


def _escape(token: bytes) -> bytes:
    kind = token[1:2]
    if kind in {b"u", b"U"} and (len(token) in {6, 10} or len(token) % 6 == 0 or b"{" in token):
        return _letters(token)
    if len(token) == 4 and kind == b"x":
        return bytes([int(token[2:], 16)])
    if len(token) == 4 and kind.isdigit():
        return bytes([int(token[1:], 8) & 0xFF])
    if len(token) != 2 or kind in {b"u", b"x"}:
        return b""  # cut in the middle
    return _CONTROL.get(kind, kind)


def _escape_as_letter(token: bytes) -> bytes:
    if token.startswith(b"\\x") and len(token) == 4:
        return chr(int(token[2:], 16)).encode()
    return _escape(token)


def _letters(token: bytes) -> bytes:
    return _joined([int(one, 16) for one in re.findall(rb"[0-9a-fA-F]+", token)], token)


def _joined(numbers: list[int], token: bytes) -> bytes:
    try:
        text = "".join(map(chr, numbers))
        # Two halves of one letter come as two numbers.
        whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    except (ValueError, OverflowError):
        return token
    return whole.encode("utf-8", "surrogatepass")


def _percent(token: bytes) -> bytes:
    if len(token) == 6:
        return _letters(token[1:])
    return bytes([int(token[1:], 16)]) if len(token) == 3 else b""


def _entity(token: bytes) -> bytes:
    if not token.endswith(b";"):
        return b""
    if token.startswith(b"&#"):
        is_hex = token[2:3] in {b"x", b"X"}
        return _joined([int(token[3:-1], 16) if is_hex else int(token[2:-1])], token)
    return html.unescape(token.decode()).encode()


def _printable(token: bytes) -> bytes:
    return _percent(token) if token[1:].isalnum() else b""


# Each with a sign without which it is not there.
_KINDS: tuple[tuple[bytes, re.Pattern[bytes], Callable[[bytes], bytes]], ...] = (
    (b"'", _SHELL, lambda _: b"'"),
    (b"\\", _ESCAPES, _escape),
    # What stands for a byte in the words of one program is a letter in another's.
    (b"\\x", _ESCAPES, _escape_as_letter),
    (b"%", _PERCENT, _percent),
    (b"=", _PRINTABLE, _printable),
    (b"&", _ENTITY, _entity),
    # Two bytes for each letter.
    (b"\0", re.compile(rb"\0"), lambda _: b""),
)
