"""Secret keys: used by name, never read."""

import hmac
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from localfly.apps import secret_key
from localfly.errors import InvalidArgumentError

from tests.support.localfly import Machines

BASE = "/v1/apps/demo/secretkeys"
SIGNING = ("hs256", "hs384", "hs512", "es256", "nacl_auth", "nacl_sign")


@pytest.mark.integration
async def test_a_key_is_used_by_its_name(machines: Machines) -> None:
    """Made, listed, used, deleted; each change is a version. No value leaves the local Fly."""
    api = machines.api
    made = (await api.post(f"{BASE}/box/generate", json={"type": "xaes256gcm"})).json()
    assert (made["name"], made["type"], made["version"]) == ("box", "xaes256gcm", 1)
    key = b"canary-8f31-canary-8f31-canary-8"
    body = {"type": "hs256", "value": b64encode(key).decode()}
    assert (await api.post(f"{BASE}/mac", json=body)).json()["version"] == 2
    listed = (await api.get(f"{BASE}?types=hs256,es256&min_version=2")).json()
    assert [one["name"] for one in listed["secret_keys"]] == ["mac"]
    assert "value" not in listed["secret_keys"][0]
    assert (await api.get(f"{BASE}?min_version=3")).status_code == 412
    signed = (await api.post(f"{BASE}/mac/sign", json={"plaintext": [104, 105]})).json()
    assert bytes(signed["signature"]) == hmac.digest(key, b"hi", "sha256")
    sealed = (await api.post(f"{BASE}/box/encrypt", json={"plaintext": [1, 2]})).json()
    opened = (await api.post(f"{BASE}/box/decrypt", json=sealed)).json()
    assert opened == {"plaintext": [1, 2]}
    refused = await api.post(f"{BASE}/mac/encrypt", json={"plaintext": [1]})
    assert (refused.status_code, "can't encrypt" in refused.json()["error"]) == (400, True)
    kept = (machines.fly.state_dir / "secretkeys" / "demo.json").read_bytes()
    assert b64encode(key) not in kept
    assert (await api.delete(f"{BASE}/mac")).json()["version"] == 3
    assert (await api.get(f"{BASE}/mac")).status_code == 404
    unknown = await api.post(f"{BASE}/x/generate", json={"type": "nacl_box"})
    assert "must be one of es256" in unknown.json()["error"]
    await api.delete("/v1/apps/demo")
    assert not (machines.fly.state_dir / "secretkeys" / "demo.json").exists()


@pytest.mark.parametrize("kind", SIGNING)
def test_signatures(kind: str) -> None:
    """Verified by the key that made them, for the same text."""
    key = secret_key.generate(kind)
    assert secret_key.checked(kind, key) == key
    signature = secret_key.sign(kind, key, b"text")
    secret_key.verify(kind, key, b"text", signature)
    for wrong in (signature[:-1], b"", bytes(len(signature))):
        with pytest.raises(InvalidArgumentError):
            secret_key.verify(kind, key, b"text", wrong)
    with pytest.raises(InvalidArgumentError):
        secret_key.verify(kind, key, b"other", signature)
    with pytest.raises(InvalidArgumentError):
        secret_key.verify(kind, secret_key.generate(kind), b"text", signature)


def test_others_verify_by_the_public_key() -> None:
    """That of Ed25519."""
    key = secret_key.generate("nacl_sign")
    public = secret_key.public_key("nacl_sign", key)
    assert public
    Ed25519PublicKey.from_public_bytes(public).verify(
        secret_key.sign("nacl_sign", key, b"text"), b"text"
    )


def test_encryption() -> None:
    """The same text and associated data come back, and nothing else does."""
    key = secret_key.generate("xaes256gcm")
    sealed = secret_key.encrypt("xaes256gcm", key, b"text", b"data")
    assert secret_key.decrypt("xaes256gcm", key, sealed, b"data") == b"text"
    for wrong, data in ((sealed, b""), (sealed[:-1], b"data"), (b"", b"data")):
        with pytest.raises(InvalidArgumentError):
            secret_key.decrypt("xaes256gcm", key, wrong, data)


def test_xaes_is_that_of_its_specification() -> None:
    """The first test vector of C2SP's XAES-256-GCM."""
    sealed = b"ABCDEFGHIJKLMNOPQRSTUVWX" + bytes.fromhex(
        "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"
    )
    assert secret_key.decrypt("xaes256gcm", b"\x01" * 32, sealed, b"") == b"XAES-256-GCM"


@pytest.mark.parametrize(
    ("kind", "key"),
    [("hs256", b"short"), ("es256", bytes(32)), ("nacl_sign", bytes(64)), ("rsa", bytes(32))],
)
def test_what_is_no_key(kind: str, key: bytes) -> None:
    """Refused, by the field's name."""
    with pytest.raises(InvalidArgumentError, match=r"value|type"):
        secret_key.checked(kind, key)
