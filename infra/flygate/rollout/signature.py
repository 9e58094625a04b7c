"""Signs the engine's requests to the machines, with the key that it gave them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time

# The service's own (tests/infra/rollout/test_signature.py holds the two together).
HEADER = "Flygate-Signature"
# Of a body, so that the service believes a request before it reads it.
DIGEST = "Flygate-Digest"
# The secret by which the machines know the engine. It is no release's: never rolled back, never
# part of a manifest.
KEY = "FLYGATE_KEY"


def new_key() -> str:
    """A key for an app that has none yet."""
    return secrets.token_urlsafe(32)


def signed(key: str, method: str, path: str, body: bytes = b"") -> dict[str, str]:
    """The header fields of a signed request."""
    fields = {HEADER: sign(key, method, path, body=body)}
    return {**fields, DIGEST: hashlib.sha256(body).hexdigest()} if body else fields


def sign(key: str, method: str, path: str, at: float | None = None, body: bytes = b"") -> str:
    """The value of the header: good for this method, path and body, for a minute.

    Args:
        at: unix time; now by default.
    """
    moment = str(int(time.time() if at is None else at))
    nonce = secrets.token_hex(16)
    lines = [method, path, moment, nonce]
    if body:
        lines.append(hashlib.sha256(body).hexdigest())
    signature = hmac.new(key.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()
    return f"t={moment},n={nonce},s={signature}"
