"""All checks at the same time, each for itself: one that fails or hangs hides no other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from flygate.doctor import (
    app,
    backend,
    clock,
    configuration,
    disk,
    dns,
    fly,
    machines,
    redis,
    token,
    toolchain,
    volumes,
)
from flygate.doctor.errors import UnknownError
from flygate.doctor.facts import Facts
from flygate.doctor.finding import Finding, broken, skipped
from flygate.redaction.redact import Redactor
from flygate.system.errors import FlygateError

Check = Callable[[Facts], Awaitable[Sequence[Finding]]]

CHECKS: Mapping[str, Check] = {
    "toolchain": toolchain.examine,
    "disk": disk.examine,
    "backend": backend.examine,
    "configuration": configuration.examine,
    "fly": fly.examine,
    "token": token.examine,
    "clock": clock.examine,
    "app": app.examine,
    "dns": dns.examine,
    "machines": machines.examine,
    "volumes": volumes.examine,
    "redis": redis.examine,
}
SECONDS_MAX = 20.0
SHORTEST_TOKEN = 8


async def examine(
    facts: Facts, checks: Mapping[str, Check] = CHECKS
) -> AsyncIterator[tuple[str, list[Finding]]]:
    """Yield what each check finds, in their order, as soon as it is known."""
    running = {
        name: asyncio.create_task(_run(name, check, facts)) for name, check in checks.items()
    }
    try:
        for name, task in running.items():
            yield name, await task
    finally:
        for task in running.values():
            task.cancel()
        await asyncio.gather(*running.values(), return_exceptions=True)


async def _run(name: str, check: Check, facts: Facts) -> list[Finding]:
    try:
        async with asyncio.timeout(SECONDS_MAX):
            found = list(await check(facts))
    except UnknownError as exc:
        found = [_unknown(name, exc)]
    except TimeoutError:
        found = [broken(f"no answer within {SECONDS_MAX:g} s", "run it again; is Fly well?")]
    except FlygateError as exc:
        found = [broken(str(exc), "")]
    redact = await _redactor(facts)
    return [
        replace(each, check=name, text=redact(each.text), remedy=redact(each.remedy))
        for each in found
    ]


def _unknown(name: str, error: UnknownError) -> Finding:
    if error.check == name:
        return broken(str(error), error.remedy)
    return skipped(f"can't be known before `{error.check}` is mended")


async def _redactor(facts: Facts) -> Redactor:
    """Return what takes the secrets out of each finding: an error text may quote one."""
    tokens = [facts.environment.get(name, "") for name in ("FLY_API_TOKEN", "FLY_ACCESS_TOKEN")]
    # The local Fly takes a common word, too, which is no secret.
    values = [token for token in tokens if len(token) >= SHORTEST_TOKEN]
    with contextlib.suppress(UnknownError, FlygateError, TimeoutError):
        async with asyncio.timeout(SECONDS_MAX):
            values += await facts.secret_texts()
    return Redactor(values)
