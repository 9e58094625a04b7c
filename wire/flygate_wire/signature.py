"""Signs requests of the rollout engine and of machines, with the key that all machines share."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from typing import Final

HEADER: Final = "Flygate-Signature"
# The SHA-256 of the body, in hex: with it a request is authenticated before its body is read.
DIGEST_HEADER: Final = "Flygate-Digest"
# Stands in place of the method in the signature of an answer.
ANSWER: Final = "ANSWER"
# How far the two clocks may be apart; a suspended machine's lags for some seconds.
VALID_SECONDS: Final = 60

_FORM: Final = re.compile(r"t=(\d{1,12}),n=([0-9a-f]{32}),s=([0-9a-f]{64})", re.ASCII)


class Signatures:
    """Makes and verifies `Flygate-Signature: t=<unix time>,n=<nonce>,s=<HMAC-SHA256 in hex>`.

    Signed are the method, the path, the time, the nonce and the body's digest, so a signature is
    good for one thing for a minute. It may be used again: what it allows can be done twice.
    """

    def __init__(self, key: str, clock: Callable[[], float] = time.time) -> None:
        """Sign and verify with `key`; `clock` gives unix time."""
        self._key = key.encode()
        self._clock = clock

    def sign(self, method: str, path: str, body: bytes = b"") -> str:
        """Return the value of the header."""
        moment, nonce = str(int(self._clock())), secrets.token_hex(16)
        signature = self._signature(method, path, moment, nonce, digest_of(body))
        return f"t={moment},n={nonce},s={signature}"

    def fields(self, method: str, path: str, body: bytes = b"") -> dict[str, str]:
        """Return the header fields of a signed request."""
        fields = {HEADER: self.sign(method, path, body)}
        if body:
            fields[DIGEST_HEADER] = digest_of(body)
        return fields

    def verify(self, value: str | None, method: str, path: str, body: bytes = b"") -> str | None:
        """Return the nonce of a header that signs all this; else None."""
        return self.verify_digest(value, method, path, digest_of(body))

    def verify_digest(self, value: str | None, method: str, path: str, digest: str) -> str | None:
        """Return the nonce of a header that signs a body of this digest; else None."""
        found = self._timely(value)
        if found is None:
            return None
        moment, nonce, signature = found
        expected = self._signature(method, path, moment, nonce, digest)
        return nonce if hmac.compare_digest(signature, expected) else None

    def is_timely(self, value: str | None) -> bool:
        """Whether a header has the form of a signature, and a time that is valid now."""
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
        # A path may have lone surrogates: no signature is right for it.
        text = "\n".join(lines).encode(errors="replace")
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()


def digest_of(body: bytes) -> str:
    """Return what stands for a body in its signature; an empty body has no digest."""
    return hashlib.sha256(body).hexdigest() if body else ""


def new_key() -> str:
    """Return a key for an app that has none yet."""
    return secrets.token_urlsafe(32)
