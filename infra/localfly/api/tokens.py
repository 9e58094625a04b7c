"""Tokens (docs/fly-api.md 2.2, 2.11): issue one, describe the present one, check another one."""

from fastapi import APIRouter, Request
from pydantic import BaseModel

from localfly.accounts.tokens import tokens_of
from localfly.accounts.user import USER
from localfly.api.dependencies import AppDep, CloudDep, Json

router = APIRouter(prefix="/v1", tags=["tokens"])


class Expiry(BaseModel):
    expiry: str = ""


class TokenHeader(BaseModel):
    header: str


@router.post("/apps/{app_name}/deploy_token")
async def deploy_token(cloud: CloudDep, app: AppDep, body: Expiry | None = None) -> Json:
    return {"token": cloud.tokens.mint()}


@router.get("/tokens/current")
async def current_token(request: Request) -> Json:
    found = tokens_of(request.headers.get("authorization", ""))
    return {"tokens": [_document(number) for number, _ in enumerate(found)]}


@router.post("/tokens/authenticate")
async def authenticate(cloud: CloudDep, body: TokenHeader) -> Json:
    return {"ok": cloud.tokens.accepts(body.header), "user": USER.email}


@router.post("/tokens/authorize")
async def authorize(cloud: CloudDep, body: TokenHeader) -> Json:
    """Authorize any known token for everything."""
    return {"authorized": cloud.tokens.accepts(body.header)}


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
