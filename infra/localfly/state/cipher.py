"""Encrypts secret values before they reach the disk, as Fly's vault does, so that neither a backup
of the state without its key nor a search of its files shows one.
"""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from localfly.state.files import opener

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
# Another form would begin differently; the former one, plain base64, can't contain a colon.
_FORM: Final = "aesgcm:"


class Cipher:
    """AES-256-GCM with a key of this state folder.

    The key is in a separate file beside the state (0600). This keeps secrets out of copies,
    searches and screens, but not from a user who may read the whole folder.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(hashlib.blake2b(key, person=b"seal", digest_size=32).digest())
        self._former = _FormerCipher(key)
        self._tag_key = hashlib.blake2b(key, person=b"tag").digest()

    @classmethod
    def of_file(cls, path: Path) -> "Cipher":
        """Return the cipher whose key is in `path`; make the key if the file is missing."""
        if not path.exists():
            scratch = path.with_name(f"{path.name}.new")
            with open(scratch, "wb", opener=opener) as file:
                file.write(secrets.token_bytes(_KEY_BYTES))
            scratch.rename(path)
        return cls(path.read_bytes())

    def encrypt(self, plain: str) -> str:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        body = self._cipher.encrypt(nonce, plain.encode(), None)
        return _FORM + b64encode(nonce + body).decode()

    def decrypt(self, sealed: str) -> str:
        """The plain text.

        Raises:
            ValueError: the text was not encrypted by this key, or was altered.
        """
        if not sealed.startswith(_FORM):
            return self._former.decrypt(sealed)
        raw = b64decode(sealed.removeprefix(_FORM), validate=True)
        try:
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], None).decode()
        except InvalidTag:
            raise ValueError(_FOREIGN) from None

    def digest(self, name: str, plain: str) -> str:
        """Return a short digest of a value. It is keyed, so it can't be found by trying values."""
        return hmac.digest(self._tag_key, f"{name}\0{plain}".encode(), "sha256").hex()[:16]


_FOREIGN: Final = "the encrypted value does not belong to this state's key"


class _FormerCipher:
    """Reads what a former version encrypted: a keyed BLAKE2b stream, then HMAC-SHA-256."""

    _NONCE_BYTES = 16
    _TAG_BYTES = 32

    def __init__(self, key: bytes) -> None:
        self._stream_key = hashlib.blake2b(key, person=b"stream").digest()
        self._tag_key = hashlib.blake2b(key, person=b"tag").digest()

    def decrypt(self, sealed: str) -> str:
        raw = b64decode(sealed)
        message, tag = raw[: -self._TAG_BYTES], raw[-self._TAG_BYTES :]
        if not hmac.compare_digest(tag, hmac.digest(self._tag_key, message, "sha256")):
            raise ValueError(_FOREIGN)
        nonce, body = message[: self._NONCE_BYTES], message[self._NONCE_BYTES :]
        return self._mask(nonce, body).decode()

    def _mask(self, nonce: bytes, text: bytes) -> bytes:
        blocks = range(0, len(text), 64)
        stream = b"".join(
            hashlib.blake2b(nonce + block.to_bytes(8), key=self._stream_key).digest()
            for block in blocks
        )
        return bytes(a ^ b for a, b in zip(text, stream, strict=False))
