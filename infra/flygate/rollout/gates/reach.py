"""The gate of reach: the app's public address leads to each new machine."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import httpx
from flygate_wire.own_paths import SHARE_ORDER
from flygate_wire.signature import Signatures

from flygate.fly.web import open_web
from flygate.rollout.execution import Execution
from flygate.rollout.gates.gate import each_machine
from flygate.rollout.machine.member import Member
from flygate.rollout.target import Target
from flygate.rollout.verdict import Verdict
from flygate.system.polling import poll

# Fly's proxies learn of an uncordoned machine within seconds, not at once.
REACH_SECONDS: Final = 20.0
POLL_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class Reachable:
    """The app's public address leads to the machine, and it takes its part of the clients."""

    name = "reach"
    seconds = 0.0

    async def judge(self, execution: Execution, machines: Sequence[Member]) -> Verdict:
        """Ask for `/health` of each very machine through the proxy, until it answers."""
        async with open_web(execution.target.url) as web:
            return await each_machine(
                machines, lambda member: self._ask(web, execution.target, member.id)
            )

    async def _ask(self, web: httpx.AsyncClient, target: Target, machine_id: str) -> Verdict:
        status = await poll(
            lambda: _status(web, machine_id),
            lambda status: status == "200",
            every=POLL_SECONDS,
            within=REACH_SECONDS,
        )
        if status != "200":
            return Verdict("fail", self.name, f"{target.url}/health answers {status} for it")
        await _let_in(web, target.key, machine_id)
        return Verdict("pass", self.name, "answers through the proxy")


async def _status(web: httpx.AsyncClient, machine_id: str) -> str:
    """Return the status of its answer, or the name of the error."""
    try:
        answer = await web.get("/health", headers={"fly-force-instance-id": machine_id})
    except httpx.HTTPError as exc:
        return type(exc).__name__
    return str(answer.status_code)


async def _let_in(web: httpx.AsyncClient, key: str, machine_id: str) -> None:
    """Make a machine a member of the cluster at once, by a signed request through the proxy.

    Without it that is a client's first request, whenever it comes. A service of another kind, or
    one without sticky sessions, answers something else, and that is fine.
    """
    if key:
        signed = Signatures(key).fields("GET", SHARE_ORDER)
        headers = {**signed, "fly-force-instance-id": machine_id}
        with suppress(httpx.HTTPError):
            await web.get(SHARE_ORDER, headers=headers)
