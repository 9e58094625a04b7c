"""What must hold before an environment is written, tried on a local Fly that wants a token."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgpack
import pytest
from flygate.doctor.checks import examine
from flygate.doctor.facts import Facts
from flygate.doctor.finding import Finding, Severity
from flygate.fly.greeting import Region
from flygate.fly.models import App, Organization
from flygate.pulumi.errors import NoSuchStackError
from flygate.setup.premises import PREMISES, judge_name, judge_regions
from localfly.daemon.local_fly import LocalFly
from localfly.daemon.options import Options

from tests.infra.doctor.paper_stack import PaperStack

pytestmark = pytest.mark.integration

CHOICES = {"app": "shop", "org": "acme", "regions": '["fra"]', "phase": "1"}
NO_STACK = NoSuchStackError.of("demo")


def macaroon(*caveats: Any) -> str:
    """A token in Fly's form."""
    content = msgpack.packb([[b"k", b"r"], "https://api.fly.io/v1", list(caveats), b""])
    return "fm2_" + base64.b64encode(content).decode()


FOR_ONE_APP = macaroon(3, [{1: 0x1F}])
FOR_THE_ORG = macaroon(0, [7, 0x1F])


@pytest.fixture(scope="module")
def tokens() -> tuple[str, ...]:
    """Those that the local Fly accepts."""
    return (FOR_ONE_APP, FOR_THE_ORG, "plain-token")


@pytest.fixture
async def local_fly(tmp_path: Path, tokens: tuple[str, ...]) -> AsyncIterator[LocalFly]:
    """One that wants a token, and misbehaves on demand."""
    async with LocalFly(tmp_path / "fly", options=Options(tokens=tokens, has_faults=True)) as fly:
        yield fly


@pytest.fixture
def stack(local_fly: LocalFly) -> PaperStack:
    """A stack that there is not yet."""
    return PaperStack(
        environment={
            "FLY_API_BASE_URL": local_fly.api_url,
            "FLY_FLAPS_BASE_URL": local_fly.api_url,
            "FLY_API_TOKEN": FOR_THE_ORG,
            "PULUMI_BACKEND_URL": "file:///somewhere",
            "PULUMI_CONFIG_PASSPHRASE": "a phrase",
        },
        failure=NO_STACK,
    )


async def broken_in(stack: PaperStack, **choices: str) -> dict[str, Finding]:
    """What does not hold, by check."""
    checks = {name: check for name, check in PREMISES.items() if name != "toolchain"}
    async with Facts(stack, assumed=CHOICES | choices) as facts:
        found = [each async for _, findings in examine(facts, checks) for each in findings]
    return {each.check: each for each in found if each.severity is Severity.BROKEN}


async def make_app(stack: PaperStack, name: str, org: str) -> None:
    """Make an app."""
    headers = {"Authorization": f"Bearer {stack.environment['FLY_API_TOKEN']}"}
    url = f"{stack.environment['FLY_FLAPS_BASE_URL']}/v1/apps"
    async with httpx.AsyncClient(headers=headers, trust_env=False) as api:
        (await api.post(url, json={"name": name, "org_slug": org})).raise_for_status()


async def test_all_holds_for_a_new_environment(stack: PaperStack, local_fly: LocalFly) -> None:
    """And nothing was made by asking."""
    assert await broken_in(stack) == {}

    headers = {"Authorization": f"Bearer {FOR_THE_ORG}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as api:
        answer = await api.get(f"{local_fly.api_url}/v1/apps", params={"org_slug": "acme"})
    assert answer.json()["apps"] == []


@pytest.mark.parametrize(
    ("variable", "value", "check"),
    [
        ("FLY_API_TOKEN", "wrong-token", "token"),
        ("FLY_API_TOKEN", macaroon(4, [0, int(time.time()) - 60]), "token"),
        ("FLY_API_TOKEN", FOR_ONE_APP, "rights"),
        ("PULUMI_CONFIG_PASSPHRASE", "", "backend"),
        ("FLY_FLAPS_BASE_URL", "http://127.0.0.1:1", "fly"),
    ],
    ids=["wrong", "expired", "of one app", "no passphrase", "no Fly"],
)
async def test_a_lacking_premise_is_named(
    stack: PaperStack, variable: str, value: str, check: str
) -> None:
    """Alone, with what to do."""
    stack.environment[variable] = value

    [(name, finding)] = (await broken_in(stack)).items()

    assert name == check
    assert finding.remedy


@pytest.mark.parametrize(
    ("variables", "severity"),
    [
        ({}, Severity.BROKEN),
        ({"PULUMI_CONFIG_PASSPHRASE": "of its own"}, Severity.OK),
        ({"PULUMI_BACKEND_URL": "https://api.pulumi.com"}, Severity.OK),
    ],
)
async def test_secrets_for_fly_are_not_encrypted_with_the_local_stack_s_passphrase(
    tmp_path: Path, variables: dict[str, str], severity: Severity
) -> None:
    """`make clean` would take the key to them along."""
    borrowed = {
        "PULUMI_BACKEND_URL": "s3://bucket",
        "PULUMI_CONFIG_PASSPHRASE_FILE": f"{tmp_path}/.flygate/passphrase",
    }
    stack = PaperStack(root=tmp_path, environment=borrowed | variables, failure=NO_STACK)

    async with Facts(stack, assumed=CHOICES) as facts:
        [found] = await PREMISES["backend"](facts)

    assert found.severity is severity


async def test_a_token_for_an_app_suffices_once_there_is_one(stack: PaperStack) -> None:
    """Another app's does not."""
    await make_app(stack, "shop", "acme")
    await make_app(stack, "cafe", "acme")
    stack.environment["FLY_API_TOKEN"] = FOR_ONE_APP

    assert await broken_in(stack) == {}
    assert list(await broken_in(stack, app="cafe")) == ["token"]


async def test_a_name_that_is_taken_is_reported(stack: PaperStack) -> None:
    """By another organisation of the user's; a stranger's is not even shown."""
    await make_app(stack, "shop", "umbrella")

    assert "is an app of umbrella" in (await broken_in(stack))["app"].text


async def test_an_organisation_or_an_app_that_is_not_ours_is_reported(
    stack: PaperStack, local_fly: LocalFly
) -> None:
    """As Fly does, with 403."""
    headers = {"Authorization": f"Bearer {FOR_THE_ORG}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as api:
        for action in ("GET /v1/apps", "GET /v1/apps/*"):
            fault = {"action": action, "kind": "fail", "status": 403}
            (await api.post(f"{local_fly.api_url}/_faults", json=fault)).raise_for_status()

    broken = await broken_in(stack)

    assert "does not see an organisation acme" in broken["organisation"].text
    assert "another organisation's" in broken["app"].text


def test_regions_are_those_that_fly_has_today() -> None:
    """One that it closes is not to be begun with."""
    today = (Region("fra", "Frankfurt"), Region("iad", "Ashburn", is_closing=True))

    assert judge_regions(today, ["fra"]).severity is Severity.OK
    assert judge_regions(today, ["fra", "iad"]).severity is Severity.WARNING
    gone = judge_regions(today, ["fra", "ams"])
    assert gone.severity is Severity.BROKEN
    assert "no region ams" in gone.text
    assert "fra" in gone.remedy


@pytest.mark.parametrize(
    ("owner", "severity"),
    [(None, Severity.OK), ("acme", Severity.WARNING), ("else", Severity.BROKEN)],
)
def test_an_app_that_is_there_is_taken_over_only_if_it_is_ours(
    owner: str | None, severity: Severity
) -> None:
    """And it says so."""
    app = App(name="shop", organization=Organization(slug=owner)) if owner else None

    assert judge_name(app, "shop", "acme").severity is severity
