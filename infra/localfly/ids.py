"""The identifiers that Fly gives out: machine ids, ULIDs, request ids, lease nonces, names."""

import secrets
import time
from random import Random

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(a + b for a in _CROCKFORD for b in _CROCKFORD)  # ten bits at a time: half the steps

_ADJECTIVES = ("aged", "bold", "calm", "dark", "empty", "frosty", "green", "holy", "icy", "long")
_NOUNS = ("bird", "cloud", "dawn", "field", "fire", "lake", "moon", "river", "snow", "tree")


def machine_id() -> str:
    """14 hexadecimal digits, as Fly's."""
    return secrets.token_hex(7)


def machine_name() -> str:
    """A name for a machine that was created without one."""
    adjective, noun = secrets.choice(_ADJECTIVES), secrets.choice(_NOUNS)
    return f"{adjective}-{noun}-{secrets.randbelow(10_000):04d}"


def lease_nonce() -> str:
    return secrets.token_hex(8)


def ulid() -> str:
    """26 characters that sort by time; a machine's version, an event's id."""
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
