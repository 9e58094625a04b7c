"""What Redis gets to know: no name, no address, and nothing for longer than it is needed."""

import pytest
from flygate_limiter import Charge, parse

from tests.support.http_load import send_requests
from tests.support.redis_server import RedisServer
from tests.support.service_process import StartService

from .faults import Link
from .stores import guarded_store
from .test_service_faults import log_in, start
from .waiting import until

pytestmark = pytest.mark.integration

MINUTE_MS = 60_000


async def contents(server: RedisServer) -> list[str]:
    """Every key and its value."""
    keys = await server.command("KEYS", "*")
    return [*keys, *[str(await server.command("GET", key)) for key in keys]]


async def test_no_client_can_be_read(start_service: StartService, link: Link) -> None:
    """Neither in what Redis keeps nor on the way to it is there an account or an address."""
    service = await start(start_service, link)
    link.proxy.recorded = bytearray()
    await send_requests(service.port, 20)
    await log_in(service, "ada@example.org", "guess")
    await log_in(service, "bob@example.org", "correct horse")
    await log_in(service, "stranger@example.org", "guess")
    kept = await contents(link.server)
    sent = bytes(link.proxy.recorded).lower()
    found = [word for word in (b"example", b"ada@", b"bob@", b"stranger") if word in sent]

    assert len(kept) >= 2 * 20
    assert not [text for text in kept if "example" in text or "192.0.2" in text or "10.0" in text]
    assert not found
    assert b"192.0.2" not in sent
    assert b"10.0.0" not in sent


async def test_every_key_expires(start_service: StartService, link: Link) -> None:
    """Nothing is without an end, and none is later than the longest lock or the fullest bucket."""
    service = await start(start_service, link)
    await send_requests(service.port, 20)
    for _ in range(3):
        await log_in(service, "ada@example.org", "guess")
    keys = await link.server.command("KEYS", "*")
    lives = [await link.server.command("PTTL", key) for key in keys]

    # Locked for 15 minutes: the bucket refills its two attempts in 15 more. What the quotas are is
    # kept for as long as a bucket of theirs may take to fill, 50 minutes.
    longest = {key: 51 if key.endswith(":quotas") else 31 for key in keys}
    assert all(0 < life <= longest[key] * MINUTE_MS for key, life in zip(keys, lives, strict=True))


async def test_nothing_stays(redis_server: RedisServer) -> None:
    """When the last bucket is full again Redis is empty."""
    quotas = [parse("20/s"), parse("50/s burst 10"), parse("2/s")]
    async with guarded_store(redis_server.url) as store:
        for number in range(200):
            await store.take(
                [Charge((f"p{n}", str(number)), quota) for n, quota in enumerate(quotas)]
            )
        lives = [
            await redis_server.command("PTTL", key)
            for key in await redis_server.command("KEYS", "*")
        ]

    async def is_empty() -> bool:
        return bool(await redis_server.command("DBSIZE") == 0)

    assert lives
    assert max(lives) <= 1_001
    await until(is_empty, seconds=5)
