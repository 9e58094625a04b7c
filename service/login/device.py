"""Remembers devices that have logged in: strangers cannot lock their owner out of those."""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from typing import Final

NAME: Final = "flygate_device"
_DAYS: Final = 180
_LIFETIME_SECONDS: Final = _DAYS * 86_400
_PARTS: Final = 3
_MOMENT: Final = re.compile(r"[0-9]{1,12}")


class DeviceCookies:
    """Makes and reads signed cookies. They name no account, and are worth nothing for another.

    Args:
        secret: signs them; all machines must have the same one.
        is_secure: whether browsers may send them over TLS only.
        now: seconds since the epoch.
    """

    def __init__(
        self, secret: bytes, is_secure: bool, now: Callable[[], float] = time.time
    ) -> None:
        """Nothing is stored: the signature is all that is needed."""
        self._key = hashlib.blake2b(secret, digest_size=32, person=b"flygate device").digest()
        self._is_secure = is_secure
        self._now = now

    def make(self, account: str) -> str:
        """The Set-Cookie value for a device that has just logged in."""
        device, issued = secrets.token_urlsafe(12), str(int(self._now()))
        value = f"{device}.{issued}.{self._sign(account, device, issued)}"
        attributes = f"Max-Age={_LIFETIME_SECONDS}; Path=/; HttpOnly; SameSite=Lax"
        return f"{NAME}={value}; {attributes}{'; Secure' if self._is_secure else ''}"

    def read(self, account: str, cookie: str | None) -> str | None:
        """The device's name if it has logged in to this account before; else None."""
        parts = (cookie or "").split(".")
        if len(parts) != _PARTS:
            return None
        device, issued, signature = parts
        # Whatever else a cookie has in its place was not made here.
        if not _MOMENT.fullmatch(issued) or not device.isascii() or not signature.isascii():
            return None
        expected = self._sign(account, device, issued)
        if not hmac.compare_digest(signature, expected):
            return None
        return device if self._now() < int(issued) + _LIFETIME_SECONDS else None

    def _sign(self, account: str, device: str, issued: str) -> str:
        text = f"{device}.{issued}.{account}".encode()
        return hashlib.blake2b(text, key=self._key, digest_size=18).hexdigest()
