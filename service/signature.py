"""Requests of the rollout engine and of other machines, signed with a key that all share."""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from typing import Final

from .asgi import Scope, header

HEADER: Final = b"flygate-signature"
# How far the two clocks may be apart; a suspended machine's lags for some seconds.
VALID_SECONDS: Final = 60

_FORM: Final = re.compile(r"t=(\d{1,12}),n=([0-9a-f]{32}),s=([0-9a-f]{64})")


class Signatures:
    """Makes and verifies `Flygate-Signature: t=<unix time>,n=<nonce>,s=<HMAC-SHA256 in hex>`.

    Signed are the method, the path, the time, the nonce and the body, so that a signature opens
    one thing for a minute. It need not be used once: what it opens can be done twice.
    """

    def __init__(self, key: str, clock: Callable[[], float] = time.time) -> None:
        """Believe whoever has `key`."""
        self._key = key.encode()
        self._clock = clock

    def sign(self, method: str, path: str, body: bytes = b"") -> str:
        """The value of the header."""
        moment, nonce = str(int(self._clock())), secrets.token_hex(16)
        return f"t={moment},n={nonce},s={self._signature(method, path, moment, nonce, body)}"

    def nonce(self, scope: Scope, body: bytes = b"") -> str | None:
        """The nonce of a request that is signed rightly; else None."""
        return self.verify(header(scope, HEADER), scope["method"], scope["path"], body)

    def verify(self, value: str | None, method: str, path: str, body: bytes = b"") -> str | None:
        """The nonce of a header that signs all this; else None."""
        found = _FORM.fullmatch(value or "")
        if found is None:
            return None
        moment, nonce, signature = found.groups()
        if abs(self._clock() - int(moment)) > VALID_SECONDS:
            return None
        expected = self._signature(method, path, moment, nonce, body)
        return nonce if hmac.compare_digest(signature, expected) else None

    def _signature(self, method: str, path: str, moment: str, nonce: str, body: bytes) -> str:
        lines = [method, path, moment, nonce]
        if body:
            lines.append(hashlib.sha256(body).hexdigest())
        return hmac.new(self._key, "\n".join(lines).encode(), hashlib.sha256).hexdigest()
