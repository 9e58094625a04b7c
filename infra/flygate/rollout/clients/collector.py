"""Reads the statistics of machines: through the app's public address, each by its id."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import httpx
from flygate_wire.own_paths import STATISTICS
from flygate_wire.signature import Signatures

from flygate.rollout.judge.snapshot import missed

# A machine that needs longer than this for a few counters is not well.
SECONDS: Final = 5.0


async def collect(web: httpx.AsyncClient, machines: Iterable[str], key: str) -> dict[str, Any]:
    """Return what each machine reports now, as plain JSON: its counters, or why there are none."""
    ids = list(machines)
    answers = await asyncio.gather(*(_ask(web, machine, key) for machine in ids))
    return dict(zip(ids, answers, strict=True))


async def _ask(web: httpx.AsyncClient, machine: str, key: str) -> dict[str, Any]:
    headers = {**Signatures(key).fields("GET", STATISTICS), "fly-force-instance-id": machine}
    try:
        answer = await web.get(STATISTICS, headers=headers, timeout=SECONDS)
        if answer.status_code == 200:
            counters = answer.json()
            if isinstance(counters, dict):
                return counters
            raise ValueError("no object")
    except httpx.HTTPError as exc:
        return missed(f"does not answer ({type(exc).__name__})", is_silent=True)
    except (ValueError, RecursionError):
        return missed("reports something else than statistics", is_silent=False)
    if answer.status_code >= 500:
        return missed(f"answers {answer.status_code}", is_silent=True)
    return missed(f"reports no statistics (it answers {answer.status_code})", is_silent=False)
