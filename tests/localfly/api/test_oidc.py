"""OpenID Connect tokens: a machine proves who it is."""

import json
from base64 import urlsafe_b64decode
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from tests.support.localfly import Machines

pytestmark = pytest.mark.integration

PATH = "/v1/tokens/oidc"


async def test_a_machine_gets_a_token_that_others_can_check(machines: Machines) -> None:
    """By the keys that the issuer's configuration names."""
    machine = await machines.create(name="one")
    transport = httpx.AsyncHTTPTransport(local_address=machine["private_ip"])
    url, headers = machines.api.base_url, machines.api.headers
    async with httpx.AsyncClient(base_url=url, headers=headers, transport=transport) as inside:
        token = (await inside.post(PATH, json={"aud": "vault"})).text
    text, _, signature = token.rpartition(".")
    claims: dict[str, Any] = json.loads(decoded(text.partition(".")[2]))
    assert (claims["aud"], claims["sub"]) == ("vault", "personal:demo:one")
    assert claims["exp"] - claims["iat"] == 600
    assert claims["machine_id"] == machine["id"]
    assert claims["image_digest"] == machines.digest
    issuer = await machines.api.get(f"{claims['iss']}/.well-known/openid-configuration")
    assert issuer.json()["issuer"] == claims["iss"]
    [key] = (await machines.api.get(issuer.json()["jwks_uri"])).json()["keys"]
    e, n = (int.from_bytes(decoded(key[part])) for part in ("e", "n"))
    public = RSAPublicNumbers(e, n).public_key()
    public.verify(decoded(signature), text.encode(), PKCS1v15(), SHA256())


async def test_only_a_machine_gets_one(machines: Machines) -> None:
    """Anyone else is refused; nor are there claims for AWS, or tokens for a KMS."""
    refused = await machines.api.post(PATH)
    assert (refused.status_code, "is a machine's" in refused.json()["error"]) == (403, True)
    tagged = await machines.api.post(PATH, json={"aws_principal_tags": True})
    assert (tagged.status_code, "AWS" in tagged.json()["error"]) == (403, True)
    kms = await machines.api.post("/v1/tokens/kms")
    assert (kms.status_code, "no KMS" in kms.json()["error"]) == (403, True)


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
