"""Names of buckets as numbers that mean the same on all machines of an app."""

from hashlib import blake2b
from typing import Final

from service.limiter.store.base import Key
from service.limiter.store.memory import Fingerprint

_BYTES: Final = 8


def keyed_fingerprint(key: bytes) -> Fingerprint:
    """A hash of bucket names that is the same wherever the key is.

    Python's own is quicker (0.1 µs, this 0.6), and equal on two machines only if both run the same
    Python with the same seed, which has no more than 32 bits.

    Args:
        key: at most 64 bytes.
    """
    start = blake2b(key=key, digest_size=_BYTES).copy
    read = int.from_bytes

    def fingerprint(name: Key) -> int:
        hashed = start()
        hashed.update("\0".join(name).encode())
        return read(hashed.digest(), "little", signed=True) or 1  # 0 marks an empty slot

    return fingerprint


def derived(key: str, purpose: str) -> bytes:
    """A key of its own for a purpose, so that what one shows says nothing about another."""
    return blake2b(purpose.encode(), key=blake2b(key.encode()).digest(), digest_size=32).digest()
