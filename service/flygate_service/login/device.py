"""Remembers devices that have logged in: strangers cannot lock their owner out of those."""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

NAME: Final = "flygate_device"
# How many people may share a browser; the one whose login is the oldest is forgotten.
MOST_ACCOUNTS: Final = 8
_DAYS: Final = 180
_LIFETIME_SECONDS: Final = _DAYS * 86_400
# A name, when it was made, a signature: of what else a cookie has nothing was made here.
_MARK: Final = re.compile(r"([A-Za-z0-9_-]{16})\.([0-9]{1,12})\.([0-9a-f]{36})")
_BETWEEN: Final = "~"
_LONGEST: Final = 1_024


class _Mark(NamedTuple):
    """What an account that has logged in leaves in a cookie."""

    device: str
    issued: str
    signature: str


class DeviceCookies:
    """Makes and reads signed cookies: a mark for each account that has logged in on the device.

    They name no account, and a mark is worth nothing for another one.

    Args:
        secret: signs them; all machines must have the same one.
        is_secure: whether browsers may send them over TLS only.
        now: seconds since the epoch.
    """

    def __init__(
        self, secret: bytes, is_secure: bool, now: Callable[[], float] = time.time
    ) -> None:
        """Derive the key; no mark is stored, as its signature is enough."""
        self._key = hashlib.blake2b(secret, digest_size=32, person=b"flygate device").digest()
        self._is_secure = is_secure
        self._now = now

    def make(self, account: str, before: str | None = None) -> str:
        """Return the Set-Cookie value for a device that has just logged in.

        Args:
            account: who has.
            before: the device's cookie so far, whose marks of other accounts it keeps.
        """
        device, issued = secrets.token_urlsafe(12), str(int(self._now()))
        new = _Mark(device, issued, self._sign(account, device, issued))
        # Whose they are can't be seen, so they are kept unread: a forged one is worth nothing.
        others = [mark for mark in self._read(before) if not self._is_of(account, mark)]
        value = _BETWEEN.join(".".join(mark) for mark in [new, *others][:MOST_ACCOUNTS])
        attributes = f"Max-Age={_LIFETIME_SECONDS}; Path=/; HttpOnly; SameSite=Lax"
        return f"{NAME}={value}; {attributes}{'; Secure' if self._is_secure else ''}"

    def read(self, account: str, cookie: str | None) -> str | None:
        """Return the device's name if it has logged in to this account before; else None."""
        own = (mark.device for mark in self._read(cookie) if self._is_of(account, mark))
        return next(own, None)

    def _read(self, cookie: str | None) -> Iterator[_Mark]:
        """Return the marks that have not ended, as many as this class puts into a cookie."""
        if cookie is None or len(cookie) > _LONGEST:
            return
        for text in cookie.split(_BETWEEN)[:MOST_ACCOUNTS]:
            found = _MARK.fullmatch(text)
            if found and self._now() < int(found[2]) + _LIFETIME_SECONDS:
                yield _Mark(*found.groups())

    def _is_of(self, account: str, mark: _Mark) -> bool:
        expected = self._sign(account, mark.device, mark.issued)
        return hmac.compare_digest(mark.signature, expected)

    def _sign(self, account: str, device: str, issued: str) -> str:
        text = f"{device}.{issued}.{account}".encode()
        return hashlib.blake2b(text, key=self._key, digest_size=18).hexdigest()
