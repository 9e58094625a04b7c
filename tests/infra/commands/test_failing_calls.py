"""An API that fails now and then, before or after it has done what was asked.

What must not happen twice (a volume, a machine, a migration) does not, and what was asked stands in
the end.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import httpx
import pytest
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.fly.pace import Pace
from flygate.rollout.plan import is_converged
from flygate.rollout.state import LIVE

from tests.infra.commands.test_groups import disk, worker
from tests.infra.commands.test_release_command import counting, runs
from tests.infra.deployment import APP, Deployment

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


class Flaky(httpx.AsyncHTTPTransport):
    """One call of ten fails: half of them reach Fly, whose answer is lost."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._chance = random.Random(seed)
        self.failed = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it, or not."""
        if self._chance.random() > 0.1 or request.url.path.startswith("/_images"):
            return await super().handle_async_request(request)
        self.failed += 1
        if self._chance.random() < 0.5:
            await (await super().handle_async_request(request)).aread()
            raise httpx.ReadError("the answer is lost", request=request)
        return httpx.Response(503, text="not now", request=request)


@pytest.mark.parametrize("seed", range(4))
async def test_all_groups_are_released_once(
    shop: Deployment, endpoints: Endpoints, tmp_path: Path, seed: int
) -> None:
    """Kept machines with volumes, a worker and a migration."""

    def asked(number: int) -> dict[str, Any]:
        folder = tmp_path / str(number)
        folder.mkdir()
        command = counting(folder)
        group = worker(f"hello {number}")
        return {**disk(f"hello {number}"), "machines": 2, "others": (group,)} | {
            "release_command": command
        }

    flaky = Flaky(seed)
    async with FlyClient(endpoints, transport=flaky, pace=Pace(is_limited=False)) as fly:
        steady, shop.fly = shop.fly, fly
        for number in (1, 2):
            await shop.release(**asked(number))
            assert runs(tmp_path / str(number)) == 1
        shop.fly = steady

    assert flaky.failed > 5
    assert len(await shop.fly.volumes.list(APP)) == 2
    state = await shop.state()
    assert is_converged(state, 2, 3)
    assert {m.role for m in state.of(2)} == {LIVE}
    assert sorted(m.name for m in await shop.fly.machines(APP) if "command" in m.name) == []
    assert (await shop.ask())["GREETING"] == "hello 2"
