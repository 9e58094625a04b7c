"""Requests of the rollout engine: signed with a key that it and the machines share."""

import hashlib
import hmac
import re
import time
from collections.abc import Callable
from typing import Final

from .asgi import Scope, header

HEADER: Final = b"flygate-signature"
# How far the two clocks may be apart; a suspended machine's lags for some seconds.
VALID_SECONDS: Final = 60

_FORM: Final = re.compile(r"t=(\d{1,12}),n=([0-9a-f]{32}),s=([0-9a-f]{64})")


class Signatures:
    """Verifies `Flygate-Signature: t=<unix time>,n=<nonce>,s=<HMAC-SHA256 in hex>`.

    Signed are the method, the path, the time and the nonce, so that a signature opens one thing
    for a minute. It need not be used once: what it opens changes nothing.
    """

    def __init__(self, key: str, clock: Callable[[], float] = time.time) -> None:
        """Believe whoever has `key`."""
        self._key = key.encode()
        self._clock = clock

    def nonce(self, scope: Scope) -> str | None:
        """The nonce of a request that is signed rightly; else None."""
        found = _FORM.fullmatch(header(scope, HEADER) or "")
        if found is None:
            return None
        signed_at, nonce, signature = found.groups()
        if abs(self._clock() - int(signed_at)) > VALID_SECONDS:
            return None
        text = "\n".join((scope["method"], scope["path"], signed_at, nonce))
        expected = hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
        return nonce if hmac.compare_digest(signature, expected) else None
