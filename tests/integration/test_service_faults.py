"""The service over HTTP while its Redis fails: no request waits, none gets in, nothing grows."""

import asyncio
import json
import statistics
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher

from tests.support.http_load import send_requests
from tests.support.service_process import ServiceProcess, StartService

from .faults import FAULTS, Fault, Link
from .stores import BUDGET, BUDGET_SECONDS, LONGEST_SECONDS

pytestmark = pytest.mark.integration

_HASHER = PasswordHasher(time_cost=1, memory_cost=1_024, parallelism=1)
_ACCOUNTS = ("ada@example.org", "bob@example.org")
USERS = json.dumps({name: _HASHER.hash("correct horse") for name in _ACCOUNTS})
ATTEMPTS = 2
MEBIBYTE = 1024 * 1024


async def start(start_service: StartService, link: Link) -> ServiceProcess:
    """A service on Fly with accounts, and Redis behind the link."""
    return await start_service(
        FLY_APP_NAME="demo",
        RATE_LIMIT_STORAGE="redis",
        REDIS_URL=link.url,
        RATE_LIMIT_RPM="1",
        RATE_LIMIT_BURST="50",
        **BUDGET,
        LOGIN_USERS=USERS,
        LOGIN_MAX_ATTEMPTS=str(ATTEMPTS),
        DRAIN_MILLISECONDS="0",
    )


async def log_in(service: ServiceProcess, account: str, password: str) -> httpx.Response:
    """One attempt; each account has a network of its own."""
    address = "192.0.2.1" if account.startswith("ada") else "192.0.2.2"
    return await service.client.post(
        "/auth/login",
        json={"username": account, "password": password},
        headers={"Fly-Client-IP": address},
    )


async def lock(service: ServiceProcess, account: str) -> None:
    """Guess until the account is locked for this guesser."""
    for _ in range(ATTEMPTS):
        assert (await log_in(service, account, "guess")).status_code == 401
    assert (await log_in(service, account, "correct horse")).status_code == 401


async def until_degraded(service: ServiceProcess, expected: bool) -> None:
    """Wait until the service says that it goes on without Redis, or with it."""
    async with asyncio.timeout(20):
        while (await health(service))["degraded"] is not expected:
            await service.client.get("/", headers={"Fly-Client-IP": "198.51.100.1"})
            await asyncio.sleep(0.05)


async def health(service: ServiceProcess) -> dict[str, object]:
    """What the service says of its limiter."""
    answer = await service.client.get("/health")
    assert answer.status_code == 200
    found: dict[str, object] = answer.json()
    return found


def resident_bytes(service: ServiceProcess) -> int:
    """The memory that the process occupies."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_a_fault(start_service: StartService, link: Link, fault: Fault) -> None:
    """Requests are served in time; login is closed, then as locked as before; memory is flat."""
    service = await start(start_service, link)
    await lock(service, "ada@example.org")
    await send_requests(service.port, 200)
    memory = resident_bytes(service)

    await fault.strike(link)
    served = await send_requests(service.port, 2_000)
    logins = [await log_in(service, name, "correct horse") for name in _ACCOUNTS for _ in range(3)]
    degraded = (await health(service))["degraded"]
    ready = await service.client.get("/readyz")
    grown = resident_bytes(service) - memory
    await fault.mend(link)
    await until_degraded(service, False)
    locked = await log_in(service, "ada@example.org", "correct horse")
    unlocked = await log_in(service, "bob@example.org", "correct horse")

    assert set(served.statuses) == {200}
    assert max(served.seconds) < LONGEST_SECONDS
    assert statistics.median(served.seconds) < BUDGET_SECONDS
    assert {answer.status_code for answer in logins} == {503}
    assert max(answer.elapsed.total_seconds() for answer in logins) < LONGEST_SECONDS
    assert degraded is True
    assert ready.status_code == 200
    assert grown < 16 * MEBIBYTE
    assert link.proxy.most_open <= 8
    assert unlocked.status_code == 200
    assert locked.status_code == 401


@pytest.mark.parametrize(
    ("failures", "password", "expected"),
    [(0, "guess", 401), (0, "correct horse", 200), (1, "guess", 503), (1, "correct horse", 503)],
    ids=["wrong", "right", "last wrong", "last right"],
)
async def test_redis_goes_while_a_password_is_checked(
    start_service: StartService, link: Link, failures: int, password: str, expected: int
) -> None:
    """Once admitted the password decides; the last attempt is refused if its lock can't be kept."""
    service = await start(start_service, link)
    assert (await log_in(service, "bob@example.org", "correct horse")).status_code == 200
    for _ in range(failures):
        await log_in(service, "ada@example.org", "guess")
    # One answer for the request, one for the lock, one for the attempt; none to what follows.
    link.proxy.pieces_left = 3
    during = await log_in(service, "ada@example.org", password)
    after = [await log_in(service, "ada@example.org", "correct horse") for _ in range(4)]

    assert during.status_code == expected
    assert {answer.status_code for answer in after} == {503}
    assert max(answer.elapsed.total_seconds() for answer in [during, *after]) < LONGEST_SECONDS


async def test_policies_change_while_redis_is_away(
    start_service: StartService, link: Link, tmp_path: Path
) -> None:
    """A reload during an outage costs no client an answer."""
    policies = tmp_path / "policies.toml"
    policies.write_text('[[policy]]\nname = "default"\nquota = "60/m burst 5"\n')
    service = await start_service(
        FLY_APP_NAME="demo",
        RATE_LIMIT_STORAGE="redis",
        REDIS_URL=link.url,
        RATE_LIMIT_POLICIES=str(policies),
        ADMIN_TOKEN="an admin token for tests",
        DRAIN_MILLISECONDS="0",
    )
    await send_requests(service.port, 20)
    await link.server.kill()
    await send_requests(service.port, 100)
    policies.write_text('[[policy]]\nname = "default"\nquota = "30/m burst 3"\n')
    reload = await service.client.post(
        "/_flygate/admin/reload", headers={"Authorization": "Bearer an admin token for tests"}
    )
    served = await send_requests(service.port, 100)

    assert reload.status_code < 300
    assert set(served.statuses) <= {200, 429}
    assert max(served.seconds) < LONGEST_SECONDS


async def test_operators_see_it(start_service: StartService, link: Link) -> None:
    """What an operator asks of a Redis that is away is answered 503, in words."""
    service = await start_service(
        RATE_LIMIT_STORAGE="redis",
        REDIS_URL=link.url,
        ADMIN_TOKEN="an admin token for tests",
        DRAIN_MILLISECONDS="0",
    )
    await link.server.kill()
    headers = {"Authorization": "Bearer an admin token for tests"}
    bucket = "/_flygate/admin/bucket?policy=default&key=192.0.2.1"
    block = "/_flygate/admin/block?policy=default&key=192.0.2.1&seconds=60"
    answers = [
        await service.client.get(bucket, headers=headers),
        await service.client.delete(bucket, headers=headers),
        await service.client.post(block, headers=headers),
    ]

    assert [answer.status_code for answer in answers] == [503] * 3
    assert all("Redis" in answer.json()["error"] for answer in answers)
