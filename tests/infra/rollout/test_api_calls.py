"""What a rollout asks of Fly, against Fly's own limits: nothing is refused, and little is asked."""

from __future__ import annotations

import time
from collections import Counter, defaultdict

import httpx
import pytest
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.fly.pace import GET_MACHINE, PER_ACTION, Rate, action_of
from flygate.manifest import Course

from tests.infra.deployment import Deployment

pytestmark = pytest.mark.integration

MACHINES = 4


class Recorder(httpx.AsyncHTTPTransport):
    """Sends requests, and notes when each action was asked of whom."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[tuple[str, str], list[float]] = defaultdict(list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Note the calls of the Machines API."""
        if request.url.path.startswith("/v1/"):
            action = action_of(request.method, request.url.path.removeprefix("/v1"))
            self.calls[action].append(time.monotonic())
        return await super().handle_async_request(request)

    @property
    def per_action(self) -> dict[str, int]:
        """How often each action was asked for."""
        counts: Counter[str] = Counter()
        for (action, _), times in self.calls.items():
            counts[action] += len(times)
        return dict(counts)


def excess(times: list[float], rate: Rate) -> float:
    """By how many requests a bucket of that rate would have overflowed, at its worst."""
    level, last, worst = 0.0, times[0], 0.0
    for now in times:
        level = max(0.0, level - (now - last) * rate.per_second) + 1
        worst, last = max(worst, level - rate.burst), now
    return worst


async def test_no_action_is_asked_for_faster_than_fly_allows(
    shop: Deployment, endpoints: Endpoints
) -> None:
    """A canary of four machines over four: one a second each, with a burst of three."""
    course = Course(strategy="canary", steps=(1, "100%"))
    await shop.release(machines=MACHINES, env={"GREETING": "old"}, rollout=course)
    recorder = Recorder()

    async with FlyClient(endpoints, transport=recorder) as fly:
        shop.fly = fly
        await shop.release(machines=MACHINES, env={"GREETING": "new"}, rollout=course)

    for (action, owner), times in recorder.calls.items():
        rate = GET_MACHINE if action == "GET machine" else PER_ACTION
        # A request leaves a moment after its turn: late is fine, and makes the next look early.
        assert excess(times, rate) < 0.3, f"{action} of {owner}"
    counts = recorder.per_action
    assert counts.pop("POST machines") == MACHINES
    assert counts.pop("GET machine") < 12 * MACHINES
    assert counts.pop("POST exec") == MACHINES
    assert counts.pop("POST lease") + counts.pop("DELETE lease") <= 10 * MACHINES
    for action in ("POST uncordon", "POST cordon"):
        assert counts.pop(action) == MACHINES
    # The first new machine is stopped and started.
    for action in ("POST stop", "GET wait"):
        assert counts.pop(action) == MACHINES + 1
    assert counts.pop("POST start") == 1
    assert counts.pop("PATCH metadata") == 2 * MACHINES
    assert sum(counts.values()) < 12, counts
