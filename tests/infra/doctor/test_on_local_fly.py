"""The doctor at a service that really runs, and at the same one after something was broken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from flygate.doctor.checks import examine
from flygate.doctor.facts import Facts
from flygate.doctor.finding import Finding, Severity
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.fly.pace import Pace
from flygate.fly.redis import RedisSpec
from localfly.daemon.local_fly import LocalFly
from localfly.daemon.options import Options

from tests.infra.deployment import APP, Deployment
from tests.infra.doctor.paper_stack import PaperStack

pytestmark = pytest.mark.integration

TOKEN = "the-only-token-that-is-accepted"


@pytest.fixture
async def local_fly(tmp_path: Path) -> AsyncIterator[LocalFly]:
    """One that wants a token, and misbehaves on demand."""
    async with LocalFly(tmp_path / "fly", options=Options(tokens=(TOKEN,), has_faults=True)) as fly:
        yield fly


@pytest.fixture
async def fly(local_fly: LocalFly) -> AsyncIterator[FlyClient]:
    """Its client."""
    endpoints = Endpoints(local_fly.api_url, local_fly.api_url, TOKEN)
    assert endpoints.is_local
    async with FlyClient(endpoints, pace=Pace(is_limited=False)) as client:
        yield client


@pytest.fixture
async def stack(local_fly: LocalFly, shop: Deployment) -> PaperStack:
    """The stack of a released service."""
    await shop.release()
    return PaperStack(
        root=shop.root,
        environment={
            "FLY_API_BASE_URL": local_fly.api_url,
            "FLY_FLAPS_BASE_URL": local_fly.api_url,
            "FLY_API_TOKEN": TOKEN,
            "FLYGATE_DNS": local_fly.dns,
        },
        settings={"app": APP},
        outputs={"release": "v1", "url": shop.url},
    )


async def found_in(stack: PaperStack) -> dict[str, list[Finding]]:
    """All findings by check."""
    async with Facts(stack) as facts:
        return {name: findings async for name, findings in examine(facts)}


async def broken_in(stack: PaperStack) -> dict[str, str]:
    """What is broken, by check."""
    found = await found_in(stack)
    return {
        name: each.text
        for name, findings in found.items()
        for each in findings
        if each.severity is Severity.BROKEN and name != "toolchain"
    }


async def test_a_healthy_service_is_called_so(stack: PaperStack) -> None:
    """Each check that can be made here was made."""
    found = await found_in(stack)

    assert await broken_in(stack) == {}
    said = {name: each.text for name, findings in found.items() for each in findings}
    assert said["machines"] == "v1 on 1 machine, all well"
    assert said["dns"] == "vms.shop.internal lists the machines that run (1)"
    assert said["redis"] == "phase 1 keeps its limits in memory"


async def test_a_wrong_token_is_named_and_nothing_else(stack: PaperStack) -> None:
    """What can't be known without a token is skipped."""
    stack.environment["FLY_API_TOKEN"] = "another-token"

    found = await found_in(stack)

    assert list(await broken_in(stack)) == ["token"]
    assert "401" in found["token"][0].text
    assert "another-token" not in str(found)
    assert [each.severity for each in found["machines"]] == [Severity.SKIPPED]


async def test_a_clock_that_goes_wrong_is_named(stack: PaperStack, local_fly: LocalFly) -> None:
    """By Fly's own time."""
    local_fly.clock.advance(90)

    broken = await broken_in(stack)

    assert "s behind Fly's" in broken["clock"]


async def test_what_an_operator_did_to_the_machines_is_named(
    stack: PaperStack, fly: FlyClient
) -> None:
    """Stopped by hand; then destroyed."""
    [machine] = await fly.machines(APP)
    await fly.stop(APP, machine.id)
    await fly.wait(APP, machine.id, "stopped", 10)
    assert "is stopped" in (await broken_in(stack))["machines"]

    await fly.destroy(APP, machine.id)
    assert "no machine of a release is left" in (await broken_in(stack))["machines"]


async def test_an_app_that_is_gone_differs_from_one_that_never_was(
    stack: PaperStack, fly: FlyClient
) -> None:
    """A first deployment is nothing to be alarmed about."""
    await fly.delete_app(APP)
    assert "is gone" in (await broken_in(stack))["app"]

    stack.outputs = {}
    assert await broken_in(stack) == {}


async def test_a_machine_that_is_held_is_named_with_its_holder(
    stack: PaperStack, fly: FlyClient
) -> None:
    """The holder, for others can't change it."""
    [machine] = await fly.machines(APP)
    await fly.acquire_lease(APP, machine.id, 30, "flygate v2 by ann@elsewhere (process 1) since 9")

    [held] = (await found_in(stack))["machines"]

    assert held.severity is Severity.WARNING
    assert "by ann@elsewhere" in held.text


async def test_a_redis_that_is_gone_or_not_attached_is_named(
    stack: PaperStack, fly: FlyClient
) -> None:
    """And one that is there, attached and answering is not."""
    stack.settings["phase"] = "3"
    assert (await broken_in(stack))["redis"] == "there is no Redis shop-redis"

    await fly.redis.create(RedisSpec("shop-redis", "personal", "fixed_250mb", "iad"))
    assert (await broken_in(stack))["redis"] == "shop has no secret REDIS_URL"

    await fly.set_secrets(APP, {"REDIS_URL": "attached by a deployment"})
    found = (await found_in(stack))["redis"]
    assert [each.severity for each in found] == [Severity.OK] * 3
    assert found[2].text.startswith("the Redis at 127.")
    assert found[2].text.endswith(" answers")


async def test_a_redis_of_one_s_own_is_asked_itself(stack: PaperStack, fly: FlyClient) -> None:
    """Its password is never shown."""
    stack.settings |= {"phase": "3", "redis": '{"url": "redis://default:pass-word@127.0.0.1:1"}'}
    await fly.set_secrets(APP, {"REDIS_URL": "attached by a deployment"})

    broken = (await broken_in(stack))["redis"]

    assert broken == "the Redis at 127.0.0.1 does not answer from here (ConnectionError)"


async def test_a_fly_that_hiccups_is_not_taken_for_a_wrong_token(
    stack: PaperStack, local_fly: LocalFly
) -> None:
    """The check whose question failed says so."""
    async with httpx.AsyncClient(
        base_url=local_fly.api_url, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False
    ) as api:
        fault = {"action": f"GET /v1/apps/{APP}", "kind": "fail", "status": 500}
        (await api.post("/_faults", json=fault)).raise_for_status()

    assert "500" in (await broken_in(stack))["app"]


async def test_a_redis_that_costs_money_for_nothing_is_named(
    stack: PaperStack, fly: FlyClient
) -> None:
    """In a phase without one, under a name of before, and before anything was released."""
    await fly.redis.create(RedisSpec("shop-redis", "personal", "fixed_250mb", "iad"))
    await fly.redis.create(RedisSpec("shop-limits", "personal", "fixed_1gb", "iad"))
    await fly.redis.create(RedisSpec("somebodys", "personal", "fixed_1gb", "iad"))
    await fly.redis.create(RedisSpec("theirs", "acme", "fixed_1gb", "iad"))
    stack.former = [
        {"app": APP, "redis": '{"name": "shop-limits"}'},
        {"app": APP, "redis": '{"name": "theirs"}'},
        {"app": APP},
        {},
    ]

    present, former = (await found_in(stack))["redis"]

    assert [present.severity, former.severity] == [Severity.WARNING] * 2
    assert present.text == (
        "shop-redis (fixed_250mb in iad) costs $10.00 a month; the configuration keeps no limits "
        "in it"
    )
    assert present.remedy == "flygate redis destroy demo"
    assert former.text == (
        "shop-limits (fixed_1gb in iad) costs $20.00 a month; the stack had it under a former "
        "configuration"
    )
    assert former.remedy == "flygate redis destroy demo --name shop-limits"

    stack.settings["phase"], stack.outputs = "3", {}
    found = (await found_in(stack))["redis"]
    assert any(
        each.text.endswith("costs $10.00 a month; nothing that needs it was released yet")
        for each in found
    )


async def test_a_redis_beside_one_s_own_is_named(stack: PaperStack, fly: FlyClient) -> None:
    """The machines use another one; Flygate's goes on costing money."""
    stack.settings |= {"phase": "3", "redis": '{"url": "redis://default:pass-word@127.0.0.1:1"}'}
    await fly.redis.create(RedisSpec("shop-redis", "personal", "fixed_250mb", "iad"))

    found = (await found_in(stack))["redis"]

    assert found[-1].severity is Severity.WARNING
    assert found[-1].remedy == "flygate redis destroy demo"
    assert "pass-word" not in str(found)
