"""The runs of a text that could be base64, base32, hexadecimal or decimal numbers.

A run is read from each place where its encoding can begin: a longer encoded text may be around
what is looked for.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from flygate.redaction.readings import Place

# Programs break long lines; where a text was put onto one line, a blank is left of the break.
_LETTER = rb"[A-Za-z0-9+/_-]"
_BASE64 = re.compile(
    _LETTER + rb"{6,}(?:(?:\r?\n[ \t]*|(?<=" + _LETTER + rb"{60}) )" + _LETTER + rb"+)*"
)
_BASE32 = re.compile(rb"[A-Z2-7]{10,}")
_HEX = re.compile(rb"[0-9a-fA-F]{8,}")
_BYTES = rb"(?:0[xX])?(?:[0-9a-fA-F]{2}){1,8}"
_HEX_APART = re.compile(_BYTES + rb"(?:(?:,[ +]?|[ :;+-])" + _BYTES + rb"){2,}")
# Tried first: nearly no text has one, and the other takes long.
_IS_APART = re.compile(rb"[0-9a-fA-F]{2}(?:,[ +]?|[ :;+-])(?:0[xX])?[0-9a-fA-F]{2}")
_NUMBERS = re.compile(rb"[0-9]{1,3}(?:,[ +]?[0-9]{1,3}){3,}")
_NUMBER = re.compile(rb"[0-9]+")
_BYTE = re.compile(rb"[0-9a-fA-F]{2}")
_STANDARD = bytes.maketrans(b"-_", b"+/")


class Run:
    """One of them.

    Attributes:
        name: the same run of the same kind has it in another text, too.
        end: where it ends.
    """

    kind = ""

    def __init__(self, match: re.Match[bytes]) -> None:
        self._text = match[0]
        self._start = match.start()
        self.end = match.end()

    @property
    def name(self) -> tuple[str, bytes]:
        """See above."""
        return self.kind, self._text

    def contents(self) -> list[bytes]:
        """What it says, from each place on where its encoding can begin."""
        raise NotImplementedError

    def place(self, number: int) -> Place:
        """Where a part of one of the contents came from."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class _Unpacking:
    """Finds the way back from bytes to digits; a digit may belong to two bytes."""

    positions: Sequence[int]
    shift: int
    bits: int

    def __call__(self, start: int, end: int) -> tuple[int, int]:
        first = self.shift + start * 8 // self.bits
        last = self.shift - (-end * 8 // self.bits) - 1
        return self.positions[first], self.positions[last] + 1


class _Digits(Run):
    """Digits of a few bits each."""

    bits = 6
    period = 4

    def contents(self) -> list[bytes]:
        digits = bytes(self._text[at - self._start] for at in self._positions)
        return [self._decode(digits, shift) for shift in range(self.period)]

    def place(self, number: int) -> Place:
        return _Unpacking(self._positions, number, self.bits)

    @cached_property
    def _positions(self) -> Sequence[int]:
        """Where each digit stands."""
        return range(self._start, self.end)

    def _decode(self, digits: bytes, shift: int) -> bytes:
        """The whole bytes from a digit on."""
        count = max(0, len(digits) - shift) * self.bits // 8
        used = -(-count * 8 // self.bits)
        return self._bytes(digits[shift : shift + used])

    def _bytes(self, digits: bytes) -> bytes:
        raise NotImplementedError


class Base64(_Digits):
    """Of both alphabets, with line breaks in it or without."""

    kind = "base64"

    def contents(self) -> list[bytes]:
        letters = b"".join(self._text.split()) if self._is_broken else self._text
        digits = letters.translate(_STANDARD)
        read = [self._decode(digits, shift) for shift in range(self.period)]
        # A long value, or a line of a key, may have been broken elsewhere.
        return [*read, letters] if self._is_broken else read

    def place(self, number: int) -> Place:
        if number < self.period:
            return super().place(number)
        return _Unpacking(self._positions, 0, bits=8)

    @property
    def _is_broken(self) -> bool:
        return b"\n" in self._text or b" " in self._text

    @cached_property
    def _positions(self) -> Sequence[int]:
        if not self._is_broken:
            return range(self._start, self.end)
        return [self._start + at for at, one in enumerate(self._text) if one not in b" \t\r\n"]

    def _bytes(self, digits: bytes) -> bytes:
        return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


class Base32(_Digits):
    """In capital letters."""

    kind = "base32"
    bits = 5
    period = 8

    def _bytes(self, digits: bytes) -> bytes:
        return base64.b32decode(digits + b"=" * (-len(digits) % 8))


class Hex(_Digits):
    """Digits without anything between them."""

    kind = "hex"
    bits = 4
    period = 2

    def _bytes(self, digits: bytes) -> bytes:
        return binascii.unhexlify(digits)


class HexApart(Hex):
    """Pairs of digits, or several pairs, with something between them."""

    kind = "hex apart"
    period = 1

    @cached_property
    def _positions(self) -> Sequence[int]:
        # `0x` has no digit in it that counts.
        text = self._text.lower().replace(b"0x", b"  ")
        starts = [self._start + match.start() for match in _BYTE.finditer(text)]
        return [at for start in starts for at in (start, start + 1)]


class Numbers(Run):
    """A list of bytes as decimal numbers."""

    kind = "numbers"

    def contents(self) -> list[bytes]:
        values = [int(one) for one in _NUMBER.findall(self._text)]
        return [bytes(values)] if max(values) < 256 else []

    def place(self, number: int) -> Place:
        spans = [match.span() for match in _NUMBER.finditer(self._text)]
        return lambda start, end: (
            self._start + spans[start][0],
            self._start + spans[end - 1][1],
        )


_KINDS: tuple[tuple[re.Pattern[bytes], type[Run]], ...] = (
    (_BASE64, Base64),
    (_BASE32, Base32),
    (_HEX, Hex),
    (_HEX_APART, HexApart),
    (_NUMBERS, Numbers),
)


def runs(text: bytes) -> Iterator[Run]:
    """All runs of a text; one part of it may be in several."""
    for pattern, kind in _KINDS:
        if kind is not HexApart or _IS_APART.search(text):
            yield from map(kind, pattern.finditer(text))
