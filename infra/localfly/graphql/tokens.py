"""Tokens for others (`fly tokens create deploy`)."""

from typing import Final

from localfly.accounts.user import USER
from localfly.graphql.context import Info, Json
from localfly.graphql.resolvers import ResolverMap
from localfly.timing.timestamp import rfc3339

_YEAR_SECONDS: Final = 365 * 86_400


def _create(_: None, info: Info, input: Json) -> Json:  # noqa: A002 (the argument's name)
    """Make a token; here every token may do everything, and none expires."""
    cloud = info.context.cloud
    now, token = cloud.clock(), cloud.tokens.mint()
    made = {
        "id": f"token-{token[-8:]}",
        "name": input["name"],
        "profile": input["profile"],
        "token": token,
        "tokenHeader": f"Bearer {token}",
        "createdAt": rfc3339(now),
        "expiresAt": rfc3339(now + _YEAR_SECONDS),
        "user": USER,
    }
    return {"limitedAccessToken": made}


RESOLVERS: Final[ResolverMap] = {"Mutations": {"createLimitedAccessToken": _create}}
