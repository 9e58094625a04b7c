"""Buckets as bytes: what machines send each other."""

import struct
import sys
from array import array
from collections.abc import Iterator
from typing import Final

from service.limiter.store.snapshot import Snapshot

from .errors import FormatError

# Of the form below. A machine that gets another one ignores it: two forms meet for the length of
# a rollout only, and the worst is a fresh burst for a client whose bucket moves.
SCHEMA: Final = 1
# Merging so many takes some 10 ms, in which a machine does nothing else.
PAIRS: Final = 8_192

_HEAD: Final = struct.Struct("<4sHHq")  # magic, schema, pairs, seed probe
_MAGIC: Final = b"flyg"
_PAIR_BYTES: Final = 16


def pack(snapshot: Snapshot) -> Iterator[bytes]:
    """A snapshot as messages of bounded size; at least one."""
    for start in range(0, max(1, len(snapshot.owed)), PAIRS):
        part = snapshot.owed[start : start + PAIRS]
        words = array("q", [word for pair in part for word in pair])
        head = _HEAD.pack(_MAGIC, SCHEMA, len(part), snapshot.seed_probe)
        yield head + _little(words).tobytes()


def unpack(data: bytes) -> Iterator[Snapshot]:
    """The messages that follow each other in a text.

    Raises:
        FormatError: one is of another version, or cut off.
    """
    position = 0
    while position < len(data):
        pairs, probe = _head(data, position)
        begin = position + _HEAD.size
        position = begin + _PAIR_BYTES * pairs
        if position > len(data):
            raise FormatError(f"a text of {len(data)} bytes should have {position}")
        words = _little(array("q", data[begin:position]))
        yield Snapshot(probe, tuple(zip(words[::2], words[1::2], strict=True)))


def _head(data: bytes, position: int) -> tuple[int, int]:
    try:
        magic, schema, pairs, probe = _HEAD.unpack_from(data, position)
    except struct.error as error:
        raise FormatError(f"a text of {len(data)} bytes ends within a head") from error
    if (magic, schema) != (_MAGIC, SCHEMA):
        raise FormatError(f"expected {_MAGIC!r} {SCHEMA}, found {magic!r} {schema}")
    return pairs, probe


def _little(words: "array[int]") -> "array[int]":
    if sys.byteorder == "big":
        words.byteswap()
    return words
