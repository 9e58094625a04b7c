"""ULIDs: identifiers that sort by time, for versions, events and requests."""

import secrets
import time
from random import Random
from typing import Final

_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS: Final = tuple(
    a + b for a in _CROCKFORD for b in _CROCKFORD
)  # ten bits at a time: half the steps


def ulid() -> str:
    """Return 26 characters that sort by time: a machine's version, an event's id."""
    return _encode((time.time_ns() // 1_000_000 << 80) | secrets.randbits(80))


class RequestIds:
    """Request ids of one edge: `<ULID>-<region>`. Unique, not secret: a fast generator serves."""

    __slots__ = ("_bits", "_suffix")

    def __init__(self, region: str) -> None:
        self._bits = Random(secrets.randbits(128)).getrandbits  # noqa: S311 (see the docstring)
        self._suffix = f"-{region}"

    def next(self) -> str:
        return _encode((time.time_ns() // 1_000_000 << 80) | self._bits(80)) + self._suffix


def _encode(number: int) -> str:
    pairs = _PAIRS
    return "".join([pairs[number >> shift & 1023] for shift in range(120, -1, -10)])
