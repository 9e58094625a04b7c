"""Clients that were refused for long, and logins that are locked: none may be freed by a change."""

import asyncio
import json
from pathlib import Path
from typing import Final

import httpx
from argon2 import PasswordHasher

from tests.support.service_fleet import ServiceFleet

# Enough that hardly any of five machines owns none.
EACH: Final = 8
PASSWORD: Final = "correct horse"
# Nothing accrues while a test lasts.
POLICY: Final = """
[[policy]]
name = "rare"
quota = "2/h"
routes = ["GET /items/{item_id}"]
"""


class Witnesses:
    """Some of each, with an address each, so that every machine owns some.

    Args:
        first: the first of them that is not yet used up.
    """

    def __init__(self, fleet: ServiceFleet, first: int = 0) -> None:
        """Ask nothing yet."""
        self._fleet = fleet
        self._addresses = [address(n) for n in range(first, first + EACH)]

    async def fall(self) -> None:
        """Use all up: from now on each is refused, and each login is locked."""
        await asyncio.gather(*map(self._fall, self._addresses))
        assert await self.freed() == []

    async def freed(self) -> list[str]:
        """The clients that are served, or logged in by the right password."""
        found = await asyncio.gather(*map(self._freed, self._addresses))
        return [what for each in found for what in each]

    async def _fall(self, address: str) -> None:
        async with self._web(address) as web:
            for _ in range(3):
                await web.get("/items/1")
                await self._log_in(web, address, "wrong")

    async def _freed(self, address: str) -> list[str]:
        async with self._web(address) as web:
            page = (await web.get("/items/1")).status_code
            login = (await self._log_in(web, address, PASSWORD)).status_code
        freed = [f"{address} gets pages ({page})"] if page != 429 else []
        return freed + ([f"{address} can log in ({login})"] if login != 401 else [])

    async def _log_in(self, web: httpx.AsyncClient, address: str, password: str) -> httpx.Response:
        body = {"username": account(address), "password": password}
        return await web.post("/auth/login", json=body)

    def _web(self, address: str) -> httpx.AsyncClient:
        url = self._fleet.fly.fly.proxy_url
        assert httpx.URL(url).host == "127.0.0.1"
        return httpx.AsyncClient(
            base_url=url,
            headers={"host": f"{self._fleet.fly.app}.localhost"},
            transport=httpx.AsyncHTTPTransport(local_address=address),
            timeout=20,
        )


def address(number: int) -> str:
    """Where one asks from."""
    return f"127.77.220.{number + 1}"


def account(address: str) -> str:
    """Whose login is tried from an address."""
    return f"{address}@example.org"


def environment(folder: Path, *policies: str, number: int = EACH) -> dict[str, str]:
    """What machines need for them, and for other policies."""
    file = folder / "policies.toml"
    file.write_text("\n".join([POLICY, *policies]), encoding="utf-8")
    hashed = PasswordHasher(time_cost=1, memory_cost=1_024, parallelism=1).hash(PASSWORD)
    users = {account(address(n)): hashed for n in range(number)}
    return {
        "RATE_LIMIT_POLICIES": str(file),
        "LOGIN_USERS": json.dumps(users),
        "LOGIN_MAX_ATTEMPTS": "2",
    }
