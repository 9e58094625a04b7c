"""Who is let in."""

from pathlib import Path

import pytest
from localfly.accounts.tokens import Tokens, tokens_of
from localfly.daemon.local_fly import LocalFly
from localfly.daemon.options import Options
from localfly.state.store import Store

from tests.support.localfly import Machines, clients


@pytest.mark.parametrize(
    ("header", "tokens"),
    [
        ("Bearer a", ["a"]),
        ("FlyV1 fm2_a,fm2_b", ["fm2_a", "fm2_b"]),
        ("bearer a, b", ["a", "b"]),
        ("a", ["a"]),
        ("Bearer ", []),
        ("", []),
    ],
)
def test_a_header_holds_one_scheme_and_some_tokens(header: str, tokens: list[str]) -> None:
    """As flyctl joins them."""
    assert list(tokens_of(header)) == tokens


def test_without_a_required_token_any_is_accepted(tmp_path: Path) -> None:
    """A daemon within a test; one that is typed makes a token."""
    assert Tokens(Store(tmp_path)).accepts("")
    assert Tokens(Store(tmp_path)).accepts("Bearer anything")


def test_a_token_that_was_given_out_is_accepted_later_too(tmp_path: Path) -> None:
    """By the next daemon of this state; on disk is no token."""
    token = Tokens(Store(tmp_path), ["main"]).mint()
    again = Tokens(Store(tmp_path), ["main"])
    assert again.accepts(f"FlyV1 other,{token}")
    assert not again.accepts(f"Bearer {token}x")
    assert token not in (tmp_path / "tokens.json").read_text()


@pytest.mark.integration
async def test_unknown_tokens_are_refused(tmp_path: Path) -> None:
    """With 401 and Fly's text, on every API; regions and the daemon's status need none."""
    async with (
        LocalFly(tmp_path, options=Options(tokens=("test-token",))) as fly,
        clients(fly.api_url, fly.proxy_url) as (api, _),
    ):
        assert (await api.get("/v1/apps?org_slug=personal")).status_code == 200
        for path in ("/v1/apps?org_slug=personal", "/api/v1/organizations", "/_images"):
            for header in ("Bearer wrong", "FlyV1 test-tokenx", ""):
                refused = await api.get(path, headers={"authorization": header})
                assert refused.status_code == 401, (path, header)
                assert refused.json()["error"] == "Authenticate: token validation error"
        for path in ("/v1/platform/regions", "/_status"):
            assert (await api.get(path, headers={"authorization": ""})).status_code == 200


@pytest.mark.integration
async def test_a_deploy_token_works(machines: Machines) -> None:
    """The REST way and GraphQL's; neither looks like a macaroon, which flyctl would prune."""
    made = await machines.api.post("/v1/apps/demo/deploy_token", json={"expiry": "1h"})
    query = """mutation($i: CreateLimitedAccessTokenInput!){
        createLimitedAccessToken(input: $i){limitedAccessToken{tokenHeader}}}"""
    asked = {"name": "ci", "organizationId": "org-personal", "profile": "deploy"}
    answer = await machines.api.post("/graphql", json={"query": query, "variables": {"i": asked}})
    created = answer.json()["data"]["createLimitedAccessToken"]["limitedAccessToken"]
    for token in (made.json()["token"], created["tokenHeader"].removeprefix("Bearer ")):
        assert not token.startswith("fm")
        assert Tokens(Store(machines.fly.state_dir), ["x"]).accepts(f"Bearer {token}")


@pytest.mark.integration
async def test_a_token_is_described(machines: Machines) -> None:
    """One entry for each token of the request."""
    two = {"authorization": "FlyV1 a,b"}
    found = (await machines.api.get("/v1/tokens/current", headers=two)).json()["tokens"]
    assert [token["org_slug"] for token in found] == ["personal", "personal"]
    body = {"header": "Bearer a"}
    answer = await machines.api.post("/v1/tokens/authenticate", json=body)
    assert [token["header"] for token in answer.json()] == ["a"]
    asked = {**body, "access": {"action": "rw"}}
    allowed = (await machines.api.post("/v1/tokens/authorize", json=asked)).json()
    assert (allowed["access"], allowed["verified_token"]["header"]) == ({"action": 3}, "a")
    for path in ("authenticate", "authorize"):
        refused = await machines.api.post(f"/v1/tokens/{path}", json={"header": ""})
        assert refused.status_code == 400
