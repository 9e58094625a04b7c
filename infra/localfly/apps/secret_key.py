"""The kinds of secret keys (docs/fly-api.md 2.4), and what each does: sign or encrypt, with a key
that no client reads.

Bytes in, bytes out. `nacl_box` and `nacl_secretbox` are refused: the cipher of theirs, XSalsa20, is
in no library that the local Fly has.
"""

import hmac
import secrets
from typing import Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from localfly.errors import InvalidArgumentError

# The hash of each kind of HMAC, and how many bytes of its result are the signature.
_HMACS: Final = {
    "hs256": ("sha256", 32),
    "hs384": ("sha384", 48),
    "hs512": ("sha512", 64),
    "nacl_auth": ("sha512", 32),
}
_LENGTHS: Final = {
    "hs256": 32,
    "hs384": 48,
    "hs512": 64,
    "nacl_auth": 32,
    "xaes256gcm": 32,
    "es256": 32,
    "nacl_sign": 64,
}
_HALF: Final = 32  # of an ES256 signature, and of an Ed25519 key with its public half
_NONCE: Final = 24
_GCM_NONCE: Final = 12


def generate(kind: str) -> bytes:
    """Return a new key.

    Raises:
        InvalidArgumentError: there is no such kind here.
    """
    length = _length(kind)
    if kind == "es256":
        number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
        return number.to_bytes(length)
    if kind == "nacl_sign":
        private = ed25519.Ed25519PrivateKey.generate()
        return private.private_bytes_raw() + private.public_key().public_bytes_raw()
    return secrets.token_bytes(length)


def checked(kind: str, key: bytes) -> bytes:
    """Return a client's key.

    Raises:
        InvalidArgumentError: it is none of that kind.
    """
    if len(key) != _length(kind):
        raise InvalidArgumentError(
            f"invalid_argument: value must be {_length(kind)} bytes for {kind}, found {len(key)}"
        )
    try:
        if kind == "nacl_sign" and public_key(kind, key) != key[_HALF:]:
            raise ValueError("its second half is not the public key of the first one")
        public_key(kind, key)
    except ValueError as exc:
        raise InvalidArgumentError(f"invalid_argument: value is no {kind} key: {exc}") from exc
    return key


def public_key(kind: str, key: bytes) -> bytes | None:
    """Return the half that may be known: an uncompressed point, or 32 bytes; None without one."""
    if kind == "es256":
        point = _es256(key).public_key()
        return point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    if kind == "nacl_sign":
        return _ed25519(key).public_key().public_bytes_raw()
    return None


def sign(kind: str, key: bytes, plain: bytes) -> bytes:
    """Return the signature.

    Raises:
        InvalidArgumentError: keys of that kind don't sign.
    """
    if kind in _HMACS:
        name, length = _HMACS[kind]
        return hmac.digest(key, plain, name)[:length]
    if kind == "nacl_sign":
        return _ed25519(key).sign(plain)
    if kind == "es256":
        r, s = decode_dss_signature(_es256(key).sign(plain, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(_HALF) + s.to_bytes(_HALF)
    raise _unable(kind, "sign")


def verify(kind: str, key: bytes, plain: bytes, signature: bytes) -> None:
    """Check a signature.

    Raises:
        InvalidArgumentError: it is not this key's, or keys of that kind don't sign.
    """
    try:
        if kind == "es256":
            r, s = int.from_bytes(signature[:_HALF]), int.from_bytes(signature[_HALF:])
            public = _es256(key).public_key()
            public.verify(encode_dss_signature(r, s), plain, ec.ECDSA(hashes.SHA256()))
        elif not hmac.compare_digest(sign(kind, key, plain), signature):
            raise InvalidSignature
    except InvalidSignature as exc:
        raise InvalidArgumentError(
            "invalid_argument: the signature does not belong to this key and plaintext"
        ) from exc


def encrypt(kind: str, key: bytes, plain: bytes, associated: bytes) -> bytes:
    """Return a nonce of 24 bytes, and the text encrypted by XAES-256-GCM.

    Raises:
        InvalidArgumentError: keys of that kind don't encrypt.
    """
    _check_encrypts(kind, "encrypt")
    nonce = secrets.token_bytes(_NONCE)
    return nonce + _xaes(key, nonce).encrypt(nonce[_GCM_NONCE:], plain, associated)


def decrypt(kind: str, key: bytes, sealed: bytes, associated: bytes) -> bytes:
    """Return the text.

    Raises:
        InvalidArgumentError: it was not encrypted by this key with this associated data.
    """
    _check_encrypts(kind, "decrypt")
    try:
        nonce = sealed[:_NONCE].ljust(_NONCE, b"\0")
        return _xaes(key, nonce).decrypt(nonce[_GCM_NONCE:], sealed[_NONCE:], associated)
    except InvalidTag as exc:
        raise InvalidArgumentError(
            "invalid_argument: the ciphertext does not belong to this key and associated_data"
        ) from exc


def _length(kind: str) -> int:
    """Return the bytes of a key."""
    if kind in _LENGTHS:
        return _LENGTHS[kind]
    raise InvalidArgumentError(
        f"invalid_argument: type must be one of {', '.join(sorted(_LENGTHS))} on the local Fly, "
        f"found {kind!r}"
    )


def _check_encrypts(kind: str, verb: str) -> None:
    if kind != "xaes256gcm":
        raise _unable(kind, verb)


def _unable(kind: str, verb: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"invalid_argument: a key of type {kind} can't {verb}")


def _es256(key: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(key), ec.SECP256R1())


def _ed25519(key: bytes) -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.from_private_bytes(key[:_HALF])


def _xaes(key: bytes, nonce: bytes) -> AESGCM:
    """Derive the key of one message (C2SP XAES-256-GCM: CMAC of the nonce's first half)."""
    derived = b""
    for counter in (1, 2):
        mac = CMAC(AES(key))
        mac.update(bytes([0, counter, ord("X"), 0]) + nonce[:_GCM_NONCE])
        derived += mac.finalize()
    return AESGCM(derived)
