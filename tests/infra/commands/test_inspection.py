"""What a preview says of a new app before anything is made."""

from __future__ import annotations

import json

import httpx
import pytest
from flygate.commands.inspection import InspectionRequest, inspect
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.system.errors import ConfigError

FLY = Endpoints("https://machines.fly.example", "https://api.fly.example", "test-token")
NODES = [{"slug": "personal", "rawSlug": "ann-123"}, {"slug": "acme", "rawSlug": "acme"}]


def client(answer: httpx.Response) -> FlyClient:
    """Of a Fly without the app."""

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/graphql"):
            assert "organizations" in json.loads(request.content)["query"]
            return answer
        return httpx.Response(404, json={"error": "not found"})

    return FlyClient(FLY, transport=httpx.MockTransport(respond))


def listed(*nodes: dict[str, str]) -> httpx.Response:
    """Organisations, as Fly lists them."""
    return httpx.Response(200, json={"data": {"organizations": {"nodes": list(nodes)}}})


async def test_a_new_app_needs_an_organisation_that_there_is() -> None:
    """A slug with a slip is found by the plan, which names those that there are."""
    async with client(listed(*NODES)) as fly:
        with pytest.raises(ConfigError) as refused:
            await inspect(InspectionRequest(app="shop", org="acmee"), fly)

    assert "flygate:org is acmee" in str(refused.value)
    assert "It sees acme, ann-123, personal." in str(refused.value)
    assert "`pulumi config set org <slug>`" in str(refused.value)


@pytest.mark.parametrize(
    ("org", "answer"),
    [
        ("acme", listed(*NODES)),
        ("personal", listed(*NODES)),
        ("ann-123", listed(*NODES)),
        ("acmee", listed()),
        ("acmee", httpx.Response(200, json={"errors": [{"message": "Not authorized"}]})),
        ("acmee", httpx.Response(401, json={"error": "no"})),
    ],
)
async def test_what_may_be_is_no_refusal(org: str, answer: httpx.Response) -> None:
    """A token that may not list them says nothing; Fly itself will."""
    async with client(answer) as fly:
        found = await inspect(InspectionRequest(app="shop", org=org), fly)

    assert found.live.machines == ()
