"""Requests of the rollout engine and of other machines, signed with a key that all share."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from typing import Final

from .messages import Scope, header

HEADER: Final = b"flygate-signature"
# The SHA-256 of the body, in hex: with it a request is believed before its body is read.
DIGEST: Final = b"flygate-digest"
# How far the two clocks may be apart; a suspended machine's lags for some seconds.
VALID_SECONDS: Final = 60

_FORM: Final = re.compile(r"t=(\d{1,12}),n=([0-9a-f]{32}),s=([0-9a-f]{64})", re.ASCII)


class Signatures:
    """Makes and verifies `Flygate-Signature: t=<unix time>,n=<nonce>,s=<HMAC-SHA256 in hex>`.

    Signed are the method, the path, the time, the nonce and the body's digest, so that a signature
    opens one thing for a minute. It need not be used once: what it opens can be done twice.
    """

    def __init__(self, key: str, clock: Callable[[], float] = time.time) -> None:
        """Believe whoever has `key`."""
        self._key = key.encode()
        self._clock = clock

    def sign(self, method: str, path: str, body: bytes = b"") -> str:
        """The value of the header."""
        moment, nonce = str(int(self._clock())), secrets.token_hex(16)
        signature = self._signature(method, path, moment, nonce, digest_of(body))
        return f"t={moment},n={nonce},s={signature}"

    def fields(self, method: str, path: str, body: bytes = b"") -> dict[str, str]:
        """The header fields of a signed request."""
        fields = {HEADER.decode(): self.sign(method, path, body)}
        if body:
            fields[DIGEST.decode()] = digest_of(body)
        return fields

    def nonce(self, scope: Scope, body: bytes = b"") -> str | None:
        """The nonce of a request that is signed rightly; else None."""
        return self.verify(header(scope, HEADER), scope["method"], scope["path"], body)

    def verify(self, value: str | None, method: str, path: str, body: bytes = b"") -> str | None:
        """The nonce of a header that signs all this; else None."""
        return self.verify_head(value, method, path, digest_of(body))

    def verify_head(self, value: str | None, method: str, path: str, digest: str) -> str | None:
        """The nonce of a header that signs a body of this digest; else None."""
        found = self._timely(value)
        if found is None:
            return None
        moment, nonce, signature = found
        expected = self._signature(method, path, moment, nonce, digest)
        return nonce if hmac.compare_digest(signature, expected) else None

    def is_timely(self, value: str | None) -> bool:
        """Whether a header has the form of a signature, and the time of one that may be right."""
        return self._timely(value) is not None

    def _timely(self, value: str | None) -> tuple[str, str, str] | None:
        found = _FORM.fullmatch(value or "")
        if found is None or abs(self._clock() - int(found[1])) > VALID_SECONDS:
            return None
        return found[1], found[2], found[3]

    def _signature(self, method: str, path: str, moment: str, nonce: str, digest: str) -> str:
        lines = [method, path, moment, nonce]
        if digest:
            lines.append(digest)
        # A path may have halves of characters: no signature is right for it.
        text = "\n".join(lines).encode(errors="replace")
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()


def digest_of(body: bytes) -> str:
    """What stands for a body in its signature; nothing for none."""
    return hashlib.sha256(body).hexdigest() if body else ""
