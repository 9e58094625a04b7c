"""The Redis that keeps the limits, where they are kept in one: there, attached, answering."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import redis.asyncio
import redis.exceptions

from flygate.config import StackConfig
from flygate.config.redis import URL
from flygate.doctor.facts import Facts
from flygate.doctor.finding import Finding, Severity, broken, ok, skipped, warning
from flygate.doctor.paid_redis import ConfiguredRedis, find_left
from flygate.fly.endpoints import is_loopback
from flygate.fly.models import Redis

_SECONDS = 3.0


async def examine(facts: Facts) -> Sequence[Finding]:
    """What the machines rely on, and what costs money though nothing needs it."""
    found, left = await _examine(facts), await _left(facts)
    is_skipped = all(finding.severity is Severity.SKIPPED for finding in found)
    return left if left and is_skipped else [*found, *left]


async def _examine(facts: Facts) -> list[Finding]:
    stack = await facts.config()
    if stack.row.storage != "redis":
        return [skipped(f"phase {stack.phase} keeps its limits in memory")]
    if await facts.app() is None:
        return [skipped(f"{stack.app} is not deployed yet: {facts.deploy}")]
    if stack.redis.url:
        url = own_url(await facts.settings())
        return [await _attached(facts, stack), await _answers(url, is_own=True)]
    name = stack.redis_name
    found = await (await facts.fly()).redis.find(name)
    if found is None:
        return [broken(f"there is no Redis {name}", facts.deploy)]
    return [
        judge(found, stack, facts.deploy),
        await _attached(facts, stack),
        await _answers(found.url, is_own=False),
    ]


async def _left(facts: Facts) -> list[Finding]:
    """A line for each Redis that could go."""
    is_released = bool((await facts.outputs()).get("release"))
    left = await find_left(facts, await ConfiguredRedis.of_facts(facts), is_released=is_released)
    if left is None:
        return [skipped("this token may not see whether a Redis is left that costs money")]
    return [warning(one.describe(), one.removal(facts.name)) for one in left]


def judge(found: Redis, stack: StackConfig, deploy: str) -> Finding:
    """What Fly says of it."""
    if found.problem:
        return broken(f"Fly says of the Redis {found.name}: {found.problem}", "ask Upstash")
    if found.org != stack.org:
        return broken(
            f"the Redis {found.name} is in {found.org}, not in {stack.org}",
            "pulumi config set --path redis.name …",
        )
    plan = stack.row.redis_plan
    if plan and found.plan != plan:
        return warning(f"the Redis {found.name} has the plan {found.plan}, not {plan}", deploy)
    return ok(f"{found.name}: {found.plan} in {found.region}")


def own_url(settings: Mapping[str, str]) -> str:
    """The URL of the Redis that the stack brings."""
    section: dict[str, Any] = json.loads(settings.get("redis", "{}"))
    return str(section.get("url", ""))


async def _attached(facts: Facts, stack: StackConfig) -> Finding:
    names = {secret.name for secret in await (await facts.fly()).secrets(stack.app)}
    if URL in names:
        return ok(f"{URL} is attached to {stack.app}")
    return broken(f"{stack.app} has no secret {URL}", facts.deploy)


async def _answers(url: str, *, is_own: bool) -> Finding:
    """It is asked from here if it may be reached from here; its URL is never shown."""
    host = urlsplit(url).hostname or ""
    if not is_own and not is_loopback(url):
        return skipped("it answers within Fly's private network only: see the service's metrics")
    try:
        async with redis.asyncio.Redis.from_url(
            url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS
        ) as client:
            await client.ping()
    except (redis.exceptions.RedisError, OSError) as exc:
        text = f"the Redis at {host} does not answer from here ({type(exc).__name__})"
        if is_own and not is_loopback(url):
            return warning(text, "can it be reached from Fly? its firewall, its password")
        return broken(text, "make up" if is_loopback(url) else "see https://console.upstash.com")
    return ok(f"the Redis at {host} answers")
