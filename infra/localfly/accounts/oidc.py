"""OpenID Connect tokens of machines: JWTs, signed by a key of this state (RS256, as Fly's are)."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from localfly.state.files import opener

LIFE_SECONDS: Final = 600
_BITS: Final = 2048
_KEY_ID: Final = "local-fly"


class OidcSigner:
    """Signs claims by the key in a file, which is made when the first token is asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def token(self, claims: Mapping[str, Any]) -> str:
        """Return the JWT."""
        header = {"alg": "RS256", "typ": "JWT", "kid": _KEY_ID}
        text = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
        signature = self._key.sign(text.encode(), PKCS1v15(), SHA256())
        return f"{text}.{_encoded(signature)}"

    def public_keys(self) -> dict[str, Any]:
        """Return the set of keys (JWKS) that tokens can be checked by."""
        numbers = self._key.public_key().public_numbers()
        n, e = (
            _encoded(one.to_bytes((one.bit_length() + 7) // 8)) for one in (numbers.n, numbers.e)
        )
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": _KEY_ID, "n": n, "e": e}
        return {"keys": [key]}

    @cached_property
    def _key(self) -> RSAPrivateKey:
        if not self._path.exists():
            made = generate_private_key(65537, _BITS)
            scratch = self._path.with_name(f"{self._path.name}.new")
            with open(scratch, "wb", opener=opener) as file:
                file.write(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            scratch.replace(self._path)
        found = load_pem_private_key(self._path.read_bytes(), None)
        assert isinstance(found, RSAPrivateKey)  # noqa: S101 (it was made here)
        return found


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
