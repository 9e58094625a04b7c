"""Tokens (docs/fly-api.md 2.2, 2.11): issue one, describe the present one, check another one."""

from typing import Final

from fastapi import APIRouter, Request
from pydantic import BaseModel

from localfly.accounts.tokens import tokens_of
from localfly.accounts.user import USER
from localfly.api.dependencies import AppDep, CloudDep, Json
from localfly.cloud import Cloud
from localfly.errors import InvalidArgumentError

router = APIRouter(prefix="/v1", tags=["tokens"])

_ACTIONS: Final = {"r": 1, "w": 2, "c": 4, "d": 8, "C": 16}


class Expiry(BaseModel):
    expiry: str = ""


class TokenHeader(BaseModel):
    header: str


class Access(BaseModel):
    action: str = ""


class AccessBody(TokenHeader):
    access: Access = Access()


@router.post("/apps/{app_name}/deploy_token")
async def deploy_token(cloud: CloudDep, app: AppDep, body: Expiry | None = None) -> Json:
    return {"token": cloud.tokens.mint()}


@router.get("/tokens/current")
async def current_token(request: Request) -> Json:
    found = tokens_of(request.headers.get("authorization", ""))
    return {"tokens": [_document(number) for number, _ in enumerate(found)]}


@router.post("/tokens/authenticate")
async def authenticate(cloud: CloudDep, body: TokenHeader) -> list[Json]:
    return _verified(cloud, body.header)


@router.post("/tokens/authorize")
async def authorize(cloud: CloudDep, body: AccessBody) -> Json:
    """Authorize any known token for everything."""
    token = _verified(cloud, body.header)[0]
    action = sum(_ACTIONS.get(letter, 0) for letter in set(body.access.action))
    return {"access": {"action": action}, "verified_token": token}


def _verified(cloud: Cloud, header: str) -> list[Json]:
    """Return the tokens of a header, as macaroons without caveats.

    Raises:
        InvalidArgumentError: none of them is known.
    """
    found = list(tokens_of(header))
    if not found or not cloud.tokens.accepts(header):
        raise InvalidArgumentError("invalid_argument: token validation error: no known token")
    nonce: Json = {"kid": [], "rnd": [], "proof": False}
    return [
        {"header": token, "caveats": {"caveats": []}, "nonce": nonce, "permission_token": []}
        for token in found
    ]


def _document(number: int) -> Json:
    """Describe a token, which may do everything here."""
    return {
        "token_id": f"token-{number}",
        "organization": "personal",
        "org_slug": "personal",
        "apps": ["*"],
        "user": USER.email,
        "restricted_to_machine": "",
        "source_machine_id": "",
    }
