"""Names of buckets as numbers that mean the same on all machines of an app, and in its Redis."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Final

from .charge import Key

_BYTES: Final = 8

# A seeded hash of a bucket's name, of 64 bits with a sign.
Fingerprint = Callable[[Key], int]


def keyed_fingerprint(secret: bytes) -> Fingerprint:
    """Return a hash of bucket names that is the same wherever the secret is, and hides the names.

    Python's own is quicker (0.1 µs, this 0.6), and equal on two machines only if both run the same
    Python with the same seed, which has no more than 32 bits.
    """
    start = blake2b(key=blake2b(secret).digest(), digest_size=_BYTES).copy
    read = int.from_bytes

    def fingerprint(name: Key) -> int:
        hashed = start()
        # A name that a client made up may hold what is no text at all.
        hashed.update("\0".join(name).encode("utf-8", "surrogatepass"))
        return read(hashed.digest(), "little", signed=True) or 1  # 0 marks an empty slot

    return fingerprint
