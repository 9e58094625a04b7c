"""Tokens that are made for somebody else (`fly tokens create deploy`)."""

from localfly.graphql.organizations import user_document
from localfly.graphql.world import Info, Json, World
from localfly.times import rfc3339

_YEAR_SECONDS = 365 * 86_400


def mutations(world: World) -> Json:
    def create(_: Info, input: Json) -> Json:  # noqa: A002 (the argument's name)
        """Here every token may do everything, and none expires."""
        now, token = world.cloud.clock(), world.cloud.tokens.mint()
        made = {
            "id": f"token-{token[-8:]}",
            "name": input["name"],
            "profile": input["profile"],
            "token": token,
            "tokenHeader": f"Bearer {token}",
            "createdAt": rfc3339(now),
            "expiresAt": rfc3339(now + _YEAR_SECONDS),
            "user": user_document(),
        }
        return {"limitedAccessToken": made}

    return {"createLimitedAccessToken": create}
