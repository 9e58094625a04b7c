"""OpenID Connect tokens (docs/fly-api.md 2.11), and what they are checked by. The issuer is the
local Fly, so no other service trusts them without being set up for it.
"""

import uuid
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from localfly.accounts.oidc import LIFE_SECONDS
from localfly.accounts.organization import Organization
from localfly.api.dependencies import CloudDep, Json
from localfly.cloud import Cloud
from localfly.errors import ForbiddenError
from localfly.machines.machine import Machine

router = APIRouter(tags=["tokens"])

_ISSUER: Final = "/_oidc/{slug}"
_KEYS: Final = "/_oidc/keys"


class OidcBody(BaseModel):
    aud: str | None = None
    aws_principal_tags: bool | None = None


@router.post("/v1/tokens/oidc", response_class=PlainTextResponse)
async def request_token(request: Request, cloud: CloudDep, body: OidcBody | None = None) -> str:
    """Return the token of the machine that asks, which is known by its address."""
    requested, address = body or OidcBody(), request.client.host if request.client else ""
    if requested.aws_principal_tags:
        raise ForbiddenError("aws_principal_tags: the local Fly makes no claims for AWS")
    for machine in cloud.fleet.all_machines():
        if machine.exists and machine.address == address:
            return cloud.oidc.token(_claims(request, cloud, machine, requested.aud))
    raise ForbiddenError(
        f"an OIDC token is a machine's: no machine has the address {address}; ask from inside "
        "one, from the address that its variable HOST names"
    )


@router.post("/v1/tokens/kms")
async def request_kms_token() -> Json:
    raise ForbiddenError(
        "the local Fly has no KMS and gives no tokens for it; use the secret keys of the app"
    )


@router.get(_ISSUER + "/.well-known/openid-configuration")
async def configuration(request: Request, slug: str) -> Json:
    return {
        "issuer": _url(request, _ISSUER.format(slug=slug)),
        "jwks_uri": _url(request, _KEYS),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


@router.get(_KEYS)
async def keys(cloud: CloudDep) -> Json:
    return cloud.oidc.public_keys()


def _claims(request: Request, cloud: Cloud, machine: Machine, audience: str | None) -> Json:
    app, now = cloud.apps.get(machine.app), int(cloud.clock())
    organization = Organization(app.organization)
    image = machine.config.image
    return {
        "app_id": str(app.number),
        "app_name": app.name,
        "aud": audience or f"https://fly.io/{organization.slug}",
        "exp": now + LIFE_SECONDS,
        "iat": now,
        "image": image.tagged_name,
        "image_digest": image.digest,
        "iss": _url(request, _ISSUER.format(slug=organization.slug)),
        "jti": str(uuid.uuid4()),
        "machine_id": machine.id,
        "machine_name": machine.name,
        "machine_version": machine.instance_id,
        "nbf": now,
        "org_id": str(organization.number),
        "org_name": organization.slug,
        "region": machine.region,
        "sub": f"{organization.slug}:{app.name}:{machine.name}",
    }


def _url(request: Request, path: str) -> str:
    return str(request.base_url).rstrip("/") + path
