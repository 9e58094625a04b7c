"""The service on a machine of phase 1: 256 MB, which the local Fly holds it to."""

import asyncio
import json
import sys
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher

from tests.support.phase_fleet import PhaseFleet, phase_fleet

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="clients need addresses of their own"),
]

FLOOD = 24


async def test_a_flood_of_logins_fits(tmp_path: Path) -> None:
    """Checks of 64 MiB each: some are done, the others asked to come again, the machine lives."""
    users = json.dumps({"ada@example.org": PasswordHasher().hash("correct horse")})
    async with phase_fleet(1, tmp_path, env={"LOGIN_USERS": users}) as fleet:
        machine = fleet.ids[0]
        pid = await fleet.pid(machine)
        flood = [asyncio.create_task(log_in(fleet, n)) for n in range(FLOOD)]
        pages = [(await fleet.ask()).status_code for _ in range(5)]
        answers = [await answer for answer in flood]

        assert await fleet.pid(machine) == pid
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {401, 503}
    assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 503)
    assert pages == [200] * 5


async def log_in(fleet: PhaseFleet, number: int) -> httpx.Response:
    """An attempt of a client of its own."""
    async with fleet.client(f"127.77.243.{number + 1}") as web:
        body = {"username": f"user{number}@example.org", "password": "guess"}
        return await web.post("/auth/login", json=body)
