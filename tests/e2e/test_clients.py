"""Canaries by clients, with the real service: a share of the clients moves, and no other does."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
from flygate.config import JudgeConfig
from flygate.config.source import SERVICE
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.fly.pace import Pace
from flygate.manifest import Course, Gates
from flygate.record.journal import Event
from flygate.rollout.errors import RolloutRestoredError
from flygate.rollout.gates import soak
from flygate_limiter import client_key
from flygate_service.cluster.keys import derived
from flygate_service.cluster.ring import Member
from flygate_service.cluster.shared_ring import ring_of
from flygate_wire.share_order import SignedShareOrders
from localfly.daemon.local_fly import LocalFly

from tests.infra.deployment import APP, TOML, Deployment
from tests.support.crowd import Client, Crowd
from tests.support.fly_tomls import config_of
from tests.support.service_fleet import REPLAY_CACHE, ROOT

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(150),
    pytest.mark.skipif(sys.platform != "linux", reason="clients need addresses of their own"),
]

PER_SECOND, BURST, PACE = 1, 5, 2
CLIENTS = 200
ENVIRONMENT = {
    "RATE_LIMIT_AFFINITY": "on",
    "RATE_LIMIT_RPM": str(60 * PER_SECOND),
    "RATE_LIMIT_BURST": str(BURST),
}
STEPS = ("1%", "10%", "50%", "100%")
# So few requests prove nothing by themselves, but that the new machines got some and stay up.
LENIENT = JudgeConfig(minimum=1, ignore=("errors", "latency", "refusals", "memory"))


class Moments:
    """When each step was under way, by the journal."""

    def __init__(self) -> None:
        self.began: dict[str, float] = {}
        self.ended: dict[str, float] = {}
        self.journal: list[Event] = []

    def __call__(self, event: Event) -> None:
        """Take note."""
        self.journal.append(event)
        moments = {"step": self.began, "done": self.ended}.get(event.kind)
        if moments is not None and event.stage.startswith("shift"):
            moments[event.text.partition(" % ")[0].removeprefix("shift ")] = time.monotonic()

    def during(self, percent: str) -> tuple[float, float]:
        """From when a step was done until the next one began."""
        later = [moment for moment in self.began.values() if moment > self.ended[percent]]
        return self.ended[percent], min(later, default=self.ended[percent] + 1)


@asynccontextmanager
async def shop(tmp_path: Path) -> AsyncIterator[tuple[Deployment, str]]:
    """An app of two machines that run this checkout's service, and the proxy's address."""
    root = tmp_path / "checkout"
    for folder in SERVICE:
        shutil.copytree(ROOT / folder, root / folder)
    async with LocalFly(tmp_path / "fly") as fly:
        endpoints = Endpoints(fly.api_url, fly.api_url, "test-token")
        async with FlyClient(endpoints, pace=Pace(is_limited=False)) as client:
            made = Deployment(client, root, SERVICE)
            await made.create_app()
            await release(made)
            yield made, fly.proxy_url


async def release(
    made: Deployment, listener: Callable[[Event], None] | None = None, **changes: Any
) -> None:
    """Release the checkout, by clients."""
    service = {**TOML["http_service"], "http_options": {"replay_cache": [REPLAY_CACHE]}}
    service["concurrency"] = {"type": "requests", "soft_limit": 200, "hard_limit": 400}
    env = {**ENVIRONMENT, **changes.pop("env", {})}
    how = {"listeners": (listener,)} if listener else None
    course = Course(strategy="canary", by="clients", steps=STEPS, soak="2s", judge=LENIENT)
    values = {
        "machines": 2,
        "rollout": course,
        "gates": Gates(wait="20s", drain="200ms"),
        "config": config_of(TOML, {"env": env, "http_service": service}),
        **changes,
    }
    await made.release(how=how, **values)


def places(key: str, addresses: list[str]) -> Callable[[int], set[str]]:
    """By which percentage each client has moved, as the service itself sees it."""
    orders, new, former = SignedShareOrders(key, APP), Member("new"), Member("former")

    def moved(percent: int) -> set[str]:
        order = orders.read(orders.write(1, percent, ["new"], ["former"]))
        ring = ring_of([new, former], order, derived(key, "ring"))
        return {address for address in addresses if ring.owner(client_key(address)) == new}

    return moved


def crowd(proxy_url: str, key: str) -> Crowd:
    """Clients one of whom moves with the first percent, at least; all ask for twice their limit."""
    for row in range(100):
        clients = Crowd(proxy_url, APP, CLIENTS, PACE, row=row)
        if places(key, [one.address for one in clients.clients])(1):
            return clients
    raise AssertionError("no client moves")


def served_by(one: Client, begin: float, end: float) -> set[str]:
    """The releases that served a client between two moments."""
    return {release for at, release in one.releases if begin < at < end}


def excess(clients: Crowd) -> float:
    """The most that a client was given too much, in bursts."""
    return max((one.admitted - one.allowance(PER_SECOND, BURST)) / BURST for one in clients.clients)


@asynccontextmanager
async def asking(clients: Crowd) -> AsyncIterator[None]:
    """All of them ask all the time."""
    end = asyncio.Event()
    task = asyncio.create_task(clients.ask_until(end))
    try:
        await asyncio.sleep(2)
        yield
    finally:
        end.set()
        await task


async def test_a_share_of_the_clients_moves_with_each_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Just those of the share, permanently, with their limits, and no request fails."""
    monkeypatch.setattr(soak, "SECONDS_BETWEEN_MIN", 0.25)
    async with shop(tmp_path) as (made, proxy_url):
        clients, moments = crowd(proxy_url, made.ledger.key), Moments()
        async with asking(clients):
            await release(made, moments, env={"GREETING": "new"})
            await asyncio.sleep(1)

    moved = places(made.ledger.key, [one.address for one in clients.clients])
    for step in STEPS:
        percent = int(step[:-1])
        window = moments.during(str(percent))
        seen = {one.address: served_by(one, *window) for one in clients.clients}
        new = {address for address, releases in seen.items() if "v2" in releases}
        asked = {address for address, releases in seen.items() if releases}
        print(f"{step}: {len(new)} of {len(asked)} clients at the new release")
        assert new == moved(percent) & asked
        assert not any(releases == {"v1", "v2"} for releases in seen.values())
        assert (
            abs(len(new) - len(asked) * percent / 100)
            <= 4 * sqrt(len(asked) * percent * (100 - percent)) / 100
        )
        assert new
    flips = sum(
        (former, later) == ("v2", "v1")
        for one in clients.clients
        for (_, former), (_, later) in pairwise(one.releases)
    )
    print(f"went back: {flips}; at most {excess(clients):.2f} bursts too much")
    print(f"statuses {dict(clients.statuses())}")
    assert flips <= CLIENTS / 100  # in the moment in which a step is taken
    assert set(clients.statuses()) == {200, 429}
    assert excess(clients) < 0.5


async def test_clients_come_back_from_a_bad_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only its own share sees the errors, for seconds; no client is freed of a limit on the way."""
    monkeypatch.setattr(soak, "SECONDS_BETWEEN_MIN", 0.25)
    async with shop(tmp_path) as (made, proxy_url):
        before, moments = await made.fingerprint(), Moments()
        clients = crowd(proxy_url, made.ledger.key)
        break_the_service(made.root)
        course = Course(strategy="canary", by="clients", steps=("25%", "100%"), soak="20s")
        async with asking(clients):
            with pytest.raises(RolloutRestoredError, match=r"judge check .* 5xx"):
                await release(made, moments, rollout=course)
            back = time.monotonic()
            await asyncio.sleep(2)
        assert await made.fingerprint() == before

    failed = {one.address for one in clients.clients if one.statuses[500]}
    print(f"{len(failed)} clients got an error; at most {excess(clients):.2f} bursts too much")
    print(f"{back - moments.began['25']:.1f} s from the first share to the way back's end")
    moved = places(made.ledger.key, [one.address for one in clients.clients])(25)
    assert failed <= moved
    assert len(failed) > len(moved) / 4
    assert set(clients.statuses()) == {200, 429, 500}
    assert excess(clients) < 0.5
    assert {r for one in clients.clients for at, r in one.releases if at > back} == {"v1"}


def break_the_service(root: Path) -> None:
    """Its demo fails for each client."""
    path = root / "service" / "flygate_service" / "routes" / "api.py"
    text = path.read_text(encoding="utf-8")
    broken = text.replace('"service": "flygate demo",', '"service": 1 // 0,')
    assert broken != text
    path.write_text(broken, encoding="utf-8")


async def kill_machine(made: Deployment, machine: str) -> None:
    """End its process; it is the rollout's own client that may, since it holds the lease."""
    path = f"/apps/{APP}/machines/{machine}/signal"
    lease = made.fly._lease(machine)
    await made.fly._session.flaps("POST", path, json={"signal": "SIGKILL"}, headers=lease)


async def test_a_killed_machine_sends_no_client_to_another_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of the former ones, at ten percent; when it is back it knows who is whose.

    Until the others know that it is gone, a request of its client is served where it arrives.
    """
    monkeypatch.setattr(soak, "SECONDS_BETWEEN_MIN", 0.25)
    async with shop(tmp_path) as (made, proxy_url):
        clients, moments = crowd(proxy_url, made.ledger.key), Moments()
        victim = (await made.state()).of(1)[0].id
        killing: list[asyncio.Task[Any]] = []

        def kill(event: Event) -> None:
            moments(event)
            if event.kind == "done" and event.text.startswith("10 %"):
                killing.append(asyncio.ensure_future(kill_machine(made, victim)))

        course = Course(
            strategy="canary", by="clients", steps=("10%", "100%"), soak="4s", judge=LENIENT
        )
        async with asking(clients):
            await release(made, kill, env={"GREETING": "new"}, rollout=course)
            await asyncio.gather(*killing)
        exits = [e for e in (await made.fly.machine(APP, victim)).events if e.type == "exit"]
        assert not all(one.was_asked_for for one in exits)

    moved = places(made.ledger.key, [one.address for one in clients.clients])(10)
    begin, end = moments.during("10")
    for one in clients.clients:
        expected = "v2" if one.address in moved else "v1"
        strays = [at for at, release in one.releases if begin < at < end and release != expected]
        assert len(strays) <= (0 if one.address in moved else 1)
    statuses = clients.statuses()
    in_flight = sum(number for status, number in statuses.items() if status not in {200, 429})
    print(f"{in_flight} requests were under way on it; {excess(clients):.2f} bursts too much")
    assert in_flight <= CLIENTS / 4
    assert excess(clients) <= 1
