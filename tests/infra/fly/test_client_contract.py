"""The client against a Fly that answers: what each verb does there.

Both stand-ins are held to it: the local Fly, and the one in memory that simulations run on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.fly.errors import (
    ConflictError,
    InvalidRequestError,
    MachineStateError,
    NotFoundError,
    WaitTimeoutError,
)
from flygate.fly.pace import Pace
from flygate.images import packed_image

from tests.infra.deployment import APP, Deployment
from tests.simulation.fly import PaperFly
from tests.simulation.wire import Wire, to_api

pytestmark = pytest.mark.integration


@dataclass(frozen=True, slots=True)
class Place:
    """Where a Fly is, and what carries requests to it; by default httpx's own transport."""

    endpoints: Endpoints
    transport: httpx.AsyncBaseTransport | None = None

    def client(self, transport: httpx.AsyncBaseTransport | None = None) -> FlyClient:
        """A client of it."""
        pace = Pace(is_limited=False)
        return FlyClient(self.endpoints, transport=transport or self.transport, pace=pace)


@pytest.fixture(params=["local", "in memory"])
def place(request: pytest.FixtureRequest) -> Place:
    """One Fly after the other."""
    if request.param == "local":
        return Place(request.getfixturevalue("endpoints"))
    nowhere = "http://127.0.0.1:1"
    return Place(Endpoints(nowhere, nowhere, "test-token"), Wire(to_api(PaperFly())))


@pytest.fixture
async def fly(place: Place) -> AsyncIterator[FlyClient]:
    """A client of it."""
    async with place.client() as client:
        yield client


@pytest.fixture
async def other(place: Place) -> AsyncIterator[FlyClient]:
    """Another holder with the same token."""
    async with place.client() as client:
        yield client


@pytest.fixture
async def request_body(shop: Deployment) -> dict[str, Any]:
    """The creation of a machine whose image is in the registry."""
    await shop.push_image()
    wanted = shop.manifest()
    config = {**wanted.config, "image": wanted.image, "metadata": {"colour": "green"}}
    return {"name": "first", "region": "fra", "config": config, "skip_service_registration": True}


async def started(fly: FlyClient, request: dict[str, Any]) -> str:
    machine = await fly.create_machine(APP, request)
    await fly.wait(APP, machine.id, "started", 10)
    return machine.id


async def test_an_app_is_created_once_and_deleted_permanently(fly: FlyClient) -> None:
    """A name is taken until the app is gone; deleting what is gone is fine."""
    assert await fly.app(APP) is None

    await fly.create_app(APP, "acme")

    found = await fly.app(APP)
    assert found is not None
    assert (found.name, found.organization.slug) == (APP, "acme")
    with pytest.raises(InvalidRequestError, match="already been taken"):
        await fly.create_app(APP, "acme")
    await fly.delete_app(APP)
    await fly.delete_app(APP)
    assert await fly.app(APP) is None


async def test_the_public_address_is_asked_for(fly: FlyClient) -> None:
    """It is Fly that knows it, by GraphQL."""
    await fly.create_app(APP, "acme")

    assert (await fly.app_url(APP)).startswith(f"http://{APP}.localhost:")
    with pytest.raises(NotFoundError, match="Could not find App"):
        await fly.app_url("no-such-app")


async def test_addresses_are_allocated(fly: FlyClient) -> None:
    """One of each kind."""
    await fly.create_app(APP, "acme")
    assert await fly.ips(APP) == []

    await fly.allocate_ip(APP, "v6")
    await fly.allocate_ip(APP, "shared_v4")

    assert [ip.shared for ip in await fly.ips(APP)] == [False, True]


async def test_secrets_have_a_version_that_grows_and_no_value(shop: Deployment) -> None:
    """None removes one; a value can't be read back."""
    fly = shop.fly
    first = await fly.set_secrets(APP, {"A": "canary-value", "B": "2"})
    second = await fly.set_secrets(APP, {"B": None})

    assert second > first > 0
    (left,) = await fly.secrets(APP)
    assert left.name == "A"
    assert left.digest
    assert "canary-value" not in repr(left)


async def test_a_machine_is_as_it_was_asked_for(
    shop: Deployment, request_body: dict[str, Any]
) -> None:
    """Name, region, metadata; cordoned, since it was created so."""
    machine_id = await started(shop.fly, request_body)

    machine = await shop.fly.machine(APP, machine_id)
    assert (machine.name, machine.region, machine.state) == ("first", "fra", "started")
    assert machine.metadata == {"colour": "green"}
    assert machine.cordoned
    assert [m.id for m in await shop.fly.machines(APP)] == [machine_id]


async def test_metadata_is_set_one_key_at_a_time(
    shop: Deployment, request_body: dict[str, Any]
) -> None:
    """Without a new version of the machine, so without a restart."""
    machine_id = await started(shop.fly, request_body)
    before = await shop.fly.machine(APP, machine_id)

    await shop.fly.set_metadata(APP, machine_id, "flygate_role", "live")

    after = await shop.fly.machine(APP, machine_id)
    assert after.metadata == {"colour": "green", "flygate_role": "live"}
    assert after.instance_id == before.instance_id


async def test_a_machine_stops_starts_and_goes(
    shop: Deployment, request_body: dict[str, Any]
) -> None:
    """Each verb is repeated here, since the client repeats them on a fault."""
    fly, machine_id = shop.fly, await started(shop.fly, request_body)

    for _ in range(2):
        await fly.uncordon(APP, machine_id)
    assert (await fly.machine(APP, machine_id)).cordoned is False
    for _ in range(2):
        await fly.stop(APP, machine_id)
    await fly.wait(APP, machine_id, "stopped", 10)
    for _ in range(2):
        await fly.start(APP, machine_id)
    await fly.wait(APP, machine_id, "started", 10)
    for _ in range(2):
        await fly.destroy(APP, machine_id)
    assert await fly.machines(APP) == []


async def test_a_wait_ends_with_an_error_of_its_own(
    shop: Deployment, request_body: dict[str, Any]
) -> None:
    """Not reached in time is something else than no answer."""
    machine_id = await started(shop.fly, request_body)

    with pytest.raises(WaitTimeoutError):
        await shop.fly.wait(APP, machine_id, "stopped", 1)


async def test_a_command_runs_inside_a_cordoned_machine(
    shop: Deployment, request_body: dict[str, Any]
) -> None:
    """So the smoke check reaches what the proxy does not."""
    fly, machine_id = shop.fly, await started(shop.fly, request_body)

    result = await fly.exec(
        APP, machine_id, ["python", "-c", "import os; print(os.environ['FLY_MACHINE_ID'])"], 10
    )

    assert (result.exit_code, result.stdout.strip()) == (0, machine_id)
    await fly.stop(APP, machine_id)
    await fly.wait(APP, machine_id, "stopped", 10)
    with pytest.raises(MachineStateError):
        await fly.exec(APP, machine_id, ["python", "-V"], 10)


async def test_what_a_machine_printed_can_be_read(
    shop: Deployment, request_body: dict[str, Any]
) -> None:
    """Its own lines alone, oldest first."""
    request_body["config"]["env"] = {"FAULT": "crash"}
    request_body["config"]["restart"] = {"policy": "no"}
    machine = await shop.fly.create_machine(APP, request_body)
    await shop.fly.wait(APP, machine.id, "stopped", 10)

    lines = [line.message for line in await shop.fly.logs(APP, machine.id)]

    assert any("cannot open the database" in line for line in lines)
    (exited,) = [e for e in (await shop.fly.machine(APP, machine.id)).events if e.type == "exit"]
    assert exited.exit_code == 3


async def test_a_lease_keeps_others_out(
    shop: Deployment, other: FlyClient, request_body: dict[str, Any]
) -> None:
    """The holder's calls carry its nonce; another client reads who it is."""
    fly, machine_id = shop.fly, await started(shop.fly, request_body)
    held = await fly.acquire_lease(APP, machine_id, 30, "rollout of v2 by ann")

    again = await fly.acquire_lease(APP, machine_id, 60, "rollout of v2 by ann")
    assert again.nonce == held.nonce
    await fly.cordon(APP, machine_id)
    with pytest.raises(ConflictError):
        await other.acquire_lease(APP, machine_id, 30, "rollout of v3 by bob")
    with pytest.raises(ConflictError):
        await other.stop(APP, machine_id)
    with pytest.raises(ConflictError):
        await other.destroy(APP, machine_id)
    seen = await other.lease(APP, machine_id)
    assert seen is not None
    assert seen.description == "rollout of v2 by ann"


async def test_a_lease_is_given_back(
    shop: Deployment, other: FlyClient, request_body: dict[str, Any]
) -> None:
    """Twice is fine, and the next one gets it."""
    fly, machine_id = shop.fly, await started(shop.fly, request_body)
    await fly.acquire_lease(APP, machine_id, 30, "first")

    await fly.release_lease(APP, machine_id)
    await fly.release_lease(APP, machine_id)

    assert fly.leases == {}
    assert await fly.lease(APP, machine_id) is None
    await other.acquire_lease(APP, machine_id, 30, "second")


async def test_an_image_is_taken_once_and_only_under_its_own_name(
    fly: FlyClient, checkout: Path
) -> None:
    """The registry checks the digest."""
    packed = packed_image.pack(checkout, ["service"])
    assert not await fly.has_image(packed.reference(APP))

    await fly.push_image(packed.digest, packed.archive)
    await fly.push_image(packed.digest, packed.archive)

    assert await fly.has_image(packed.reference(APP))
    with pytest.raises(InvalidRequestError):
        await fly.push_image("sha256:" + "0" * 64, packed.archive)


async def test_what_is_unknown_is_not_found(shop: Deployment) -> None:
    """With the id of the request, by which Fly's support finds it."""
    with pytest.raises(NotFoundError, match=r"GET /v1/apps/shop/machines/nope.*\(request .+\)"):
        await shop.fly.machine(APP, "nope")
    assert await shop.fly.lease(APP, "nope") is None


class LosesAnswers(httpx.AsyncBaseTransport):
    """Brings each request to Fly; the answers to the first creations get lost."""

    def __init__(self, lost: int, inner: httpx.AsyncBaseTransport | None) -> None:
        self._inner = inner or httpx.AsyncHTTPTransport()
        self._left = lost

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Forward, and perhaps forget."""
        answer = await self._inner.handle_async_request(request)
        if request.method == "POST" and request.url.path.endswith("/machines") and self._left:
            self._left -= 1
            await answer.aread()
            await answer.aclose()
            raise httpx.ReadError("connection reset by peer")
        return answer

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


async def test_a_lost_answer_makes_one_machine(
    place: Place, shop: Deployment, request_body: dict[str, Any]
) -> None:
    """The name finds the machine that the first request made."""
    async with place.client(LosesAnswers(1, place.transport)) as fly:
        made = await fly.create_machine(APP, request_body)

    assert [m.id for m in await shop.fly.machines(APP)] == [made.id]


async def test_a_name_can_be_used_once(shop: Deployment, request_body: dict[str, Any]) -> None:
    """That is what makes a creation safe to look up."""
    await started(shop.fly, request_body)

    with pytest.raises((InvalidRequestError, ConflictError), match="already exists"):
        await shop.fly.create_machine(APP, request_body)
