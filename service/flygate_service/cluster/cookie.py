"""The cookie by which Fly Proxy remembers a client's machine. It grants nothing."""

from hashlib import blake2b
from typing import Final

from flygate_wire.cookies import AFFINITY

_START: Final = f"{AFFINITY}="


class AffinityCookie:
    """A keyed hash of who the client is: the same for all its requests, and of no use elsewhere.

    Args:
        key: at most 64 bytes.
    """

    def __init__(self, key: bytes) -> None:
        """Keep the key."""
        self._key = key

    def value(self, client: str) -> str:
        """Return the value for a client's key."""
        return blake2b(client.encode(), key=self._key, digest_size=12).hexdigest()

    def make(self, client: str, is_secure: bool) -> bytes:
        """Return the value of `Set-Cookie`."""
        secure = "; Secure" if is_secure else ""
        return f"{_START}{self.value(client)}; Path=/; HttpOnly; SameSite=Lax{secure}".encode()

    def is_in(self, header: bytes, client: str) -> bool:
        """Return whether a `Cookie` header has the client's own."""
        return f"{_START}{self.value(client)}".encode() in header
