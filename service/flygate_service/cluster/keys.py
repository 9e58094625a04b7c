"""Keys of their own for each purpose, made of the one that all machines of an app have."""

from hashlib import blake2b


def derived(key: str, purpose: str) -> bytes:
    """Return a key for a purpose, so that what it shows says nothing about another."""
    return blake2b(purpose.encode(), key=blake2b(key.encode()).digest(), digest_size=32).digest()
