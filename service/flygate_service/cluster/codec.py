"""Buckets, and the quotas that filled them, as bytes: what machines send each other."""

import json
import struct
import sys
from array import array
from collections.abc import Iterator, Sequence
from typing import Final

from flygate_limiter import QuotaError
from flygate_limiter.policies.policy import NAME
from flygate_limiter.quota import Quota
from flygate_limiter.store.quota_board import QuotaNotice
from flygate_limiter.store.snapshot import Snapshot

from .errors import FormatError

# Of the form below. A machine that gets another one ignores it: two forms meet for the length of
# a rollout only, and the worst is a fresh burst for a client whose bucket moves.
SCHEMA: Final = 1
# Merging a message of this size takes some 10 ms, in which a machine does nothing else.
PAIRS: Final = 8_192

_HEAD: Final = struct.Struct("<4sHHq")  # magic, schema, pairs, seed probe
_MAGIC: Final = b"flyg"
_PAIR_BYTES: Final = 16
# Of quotas: schema, how many, the bytes of JSON that follow.
_QUOTAS_MAGIC: Final = b"flyq"
_QUOTAS: Final = 256

Message = Snapshot | tuple[QuotaNotice, ...]


def pack(snapshot: Snapshot) -> Iterator[bytes]:
    """Return a snapshot as messages of bounded size; at least one."""
    for start in range(0, max(1, len(snapshot.owed)), PAIRS):
        part = snapshot.owed[start : start + PAIRS]
        words = array("q", [word for pair in part for word in pair])
        head = _HEAD.pack(_MAGIC, SCHEMA, len(part), snapshot.seed_probe)
        yield head + _little(words).tobytes()


def pack_quotas(notices: Sequence[QuotaNotice]) -> Iterator[bytes]:
    """Quotas as messages of bounded size; none if there are none.

    They come last: a machine of a version that does not know them ignores what follows.
    """
    for start in range(0, len(notices), _QUOTAS):
        part = notices[start : start + _QUOTAS]
        rows = [[one.policy, *_numbers(one.quota), one.birth, one.left_ns] for one in part]
        body = json.dumps(rows).encode()
        yield _HEAD.pack(_QUOTAS_MAGIC, SCHEMA, len(part), len(body)) + body


def unpack(data: bytes) -> Iterator[Message]:
    """Return the messages that follow each other in a text.

    Raises:
        FormatError: one is of another version, or cut off.
    """
    position = 0
    while position < len(data):
        magic, pairs, probe = _head(data, position)
        begin = position + _HEAD.size
        if magic == _QUOTAS_MAGIC:
            position = begin + max(0, probe)
            yield _quotas(data[begin:position], pairs)
            continue
        position = begin + _PAIR_BYTES * pairs
        if position > len(data):
            raise FormatError(f"a text of {len(data)} bytes should have {position}")
        words = _little(array("q", data[begin:position]))
        yield Snapshot(probe, tuple(zip(words[::2], words[1::2], strict=True)))


def _quotas(body: bytes, count: int) -> tuple[QuotaNotice, ...]:
    try:
        found = tuple(
            QuotaNotice(
                _name(policy), Quota(int(units), int(period), int(burst)), str(birth), int(left)
            )
            for policy, units, period, burst, birth, left in json.loads(body)
        )
    except (ValueError, TypeError, RecursionError, OverflowError, QuotaError) as exc:
        raise FormatError(f"quotas that are not understood: {exc!r}") from exc
    if len(found) != count:
        raise FormatError(f"expected {count} quotas, found {len(found)}")
    return found


def _name(policy: object) -> str:
    name = str(policy)
    if not NAME.fullmatch(name):
        raise ValueError(f"no policy has the name {name!r}")
    return name


def _numbers(quota: Quota) -> tuple[int, int, int]:
    return quota.units, quota.period_ns, quota.burst


def _head(data: bytes, position: int) -> tuple[bytes, int, int]:
    try:
        magic, schema, pairs, probe = _HEAD.unpack_from(data, position)
    except struct.error as exc:
        raise FormatError(f"a text of {len(data)} bytes ends within a head") from exc
    if magic not in (_MAGIC, _QUOTAS_MAGIC) or schema != SCHEMA:
        raise FormatError(f"expected {_MAGIC!r} {SCHEMA}, found {magic!r} {schema}")
    return magic, pairs, probe


def _little(words: "array[int]") -> "array[int]":
    if sys.byteorder == "big":
        words.byteswap()
    return words
