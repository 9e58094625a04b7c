"""The gates: what must hold for the new machines of a step before the rollout goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

import httpx

from flygate.config import SmokeRequest
from flygate.fly.errors import FlyError
from flygate.fly.models import ExecResult, Machine
from flygate.fly.patience import may_have_happened, repetitions
from flygate.fly.web import open_web
from flygate.redaction.redact import Redactor, shown
from flygate.rollout import life
from flygate.rollout.log_tail import log_tail
from flygate.rollout.order import PATH as ORDER_PATH
from flygate.rollout.signature import signed
from flygate.rollout.smoke import COMMAND_SECONDS, Expectation
from flygate.rollout.target import Target
from flygate.rollout.verdict import Verdict
from flygate.rollout.world import Member, World

# Get Machine is limited to 5 requests a second for each machine.
POLL_SECONDS = 0.25
# Fly's proxies learn of an uncordoned machine within seconds, not at once.
REACH_SECONDS = 20.0
# Of what a check said: a page of HTML does not help.
OUTPUT_MAX = 200


class Gate(Protocol):
    """A question about the new machines of a step."""

    @property
    def name(self) -> str:
        """For the journal."""
        ...

    @property
    def seconds(self) -> float:
        """How long it watches, at least; 0 if it answers when it knows."""
        ...

    async def judge(self, world: World, machines: Sequence[Member]) -> Verdict:
        """Answer it; never raises for what the machines do."""
        ...


@dataclass(frozen=True, slots=True)
class Healthy:
    """The machine starts, its Fly checks pass, and it stays up.

    One that was admitted before, in a rollout that was held or interrupted, may sleep for want of
    requests: it is woken.

    Attributes:
        wait_seconds: how long it may take until the checks pass.
        uptime_seconds: how long it must have been up since its last start.
        is_again: an earlier gate of the rollout has waited for that.
    """

    wait_seconds: float
    uptime_seconds: float = 0.0
    is_again: bool = False
    name = "health"

    @property
    def seconds(self) -> float:
        """See `Gate`."""
        return 0.0 if self.is_again else self.uptime_seconds

    async def judge(self, world: World, machines: Sequence[Member]) -> Verdict:
        """Watch the machines until they are healthy; the first that can't be is the answer."""
        return await _each(machines, lambda member: self._watch(world, member.id))

    async def _watch(self, world: World, machine_id: str) -> Verdict:
        deadline = time.monotonic() + self.wait_seconds
        while True:
            machine = await world.fly.machine(world.app, machine_id)
            up, is_well = world.uptimes.seconds(machine), _is_healthy(machine, world)
            reason = life.death(machine)
            if life.sleeps(machine):
                with suppress(FlyError):  # it may be on its way to sleep just now
                    await world.fly.start(world.app, machine_id)
            if is_well and up >= self.uptime_seconds and not reason:
                return Verdict("pass", self.name, self._passed())
            if time.monotonic() > deadline + (self.uptime_seconds if is_well else 0):
                reason = reason or self._too_late(machine, world)
            if reason:
                return Verdict("fail", self.name, reason + await _own_words(machine, world))
            await asyncio.sleep(POLL_SECONDS)

    def _passed(self) -> str:
        up = f", up for {self.uptime_seconds:g} s" if self.seconds else ""
        return f"started, checks pass{up}"

    def _too_late(self, machine: Machine, world: World) -> str:
        waited = f"after {self.wait_seconds:g} s{life.last_exit(machine)}"
        if machine.state != "started":
            return f"the machine is {machine.state} {waited}"
        if _is_healthy(machine, world):
            return f"it does not stay up for {self.uptime_seconds:g} s {waited}"
        failing = "; ".join(_failing(machine, world.journal.redact)) or "no check has answered yet"
        return f"its checks do not pass {waited}: {failing}"


@dataclass(frozen=True, slots=True)
class Smoke:
    """The service answers, and its limiter limits, asked inside the machine alone.

    Attributes:
        limiter: prove the limiter too.
        requests: what else must be answered rightly.
    """

    limiter: bool
    requests: tuple[SmokeRequest, ...] = ()
    name = "smoke"
    seconds = 0.0

    async def judge(self, world: World, machines: Sequence[Member]) -> Verdict:
        """Run the probe in each machine and read its answers."""
        return await _each(machines, lambda member: self._probe(world, member.id))

    async def _probe(self, world: World, machine_id: str) -> Verdict:
        expected = Expectation.of(
            world.target.manifest, limiter=self.limiter, requests=self.requests
        )
        try:
            # Asking twice does no harm, and one hiccup of Fly must not take a release back.
            result = await _ask_stubbornly(
                world, machine_id, lambda: expected.command(world.target.key)
            )
        except FlyError as exc:
            return Verdict("error", self.name, f"the smoke check could not run: {exc}")
        if problem := expected.problem(result, world.journal.redact):
            return Verdict("fail", self.name, problem)
        return Verdict("pass", self.name, expected.summary())


@dataclass(frozen=True, slots=True)
class Reachable:
    """The app's public address leads to the machine, and it takes its part of the clients."""

    name = "reach"
    seconds = 0.0

    async def judge(self, world: World, machines: Sequence[Member]) -> Verdict:
        """Ask for `/health` of each very machine through the proxy, until it answers."""
        async with open_web(world.target.url) as web:
            return await _each(machines, lambda member: self._ask(web, world.target, member.id))

    async def _ask(self, web: httpx.AsyncClient, target: Target, machine_id: str) -> Verdict:
        deadline = time.monotonic() + REACH_SECONDS
        url = target.url
        while True:
            found = await _status(web, {"fly-force-instance-id": machine_id})
            if found == "200":
                await self._let_in(web, target.key, machine_id)
                return Verdict("pass", self.name, "answers through the proxy")
            if time.monotonic() > deadline:
                return Verdict("fail", self.name, f"{url}/health answers {found} for it")
            await asyncio.sleep(POLL_SECONDS)

    async def _let_in(self, web: httpx.AsyncClient, key: str, machine_id: str) -> None:
        """A signed question through the proxy makes a machine a member of the cluster at once.

        Without it that is a client's first request, whenever it comes. Another service than ours,
        or one without sticky sessions, answers something else, and that is fine.
        """
        if key:
            headers = {**signed(key, "GET", ORDER_PATH), "fly-force-instance-id": machine_id}
            with suppress(httpx.HTTPError):
                await web.get(ORDER_PATH, headers=headers)


async def _each(machines: Sequence[Member], ask: Callable[[Member], Awaitable[Verdict]]) -> Verdict:
    """Ask about all side by side: the first that is no pass ends the others, and is the answer."""
    tasks = [asyncio.ensure_future(_about(member, ask)) for member in machines]
    try:
        for next_done in asyncio.as_completed(tasks):
            verdict = await next_done
            if not verdict.passed:
                return verdict
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    names = ", ".join(member.name for member in machines)
    return replace(verdict, reason=f"{names}: {verdict.reason}", machine="", name="")


async def _about(member: Member, ask: Callable[[Member], Awaitable[Verdict]]) -> Verdict:
    return replace(await ask(member), machine=member.id, name=member.name)


async def _ask_stubbornly(
    world: World, machine_id: str, command: Callable[[], list[str]]
) -> ExecResult:
    """Each time as another client: the one before may have used its burst up."""
    async for attempt in repetitions(may_have_happened):
        with attempt:
            return await world.fly.exec(world.app, machine_id, command(), COMMAND_SECONDS)
    raise AssertionError("unreachable: the last attempt returns or raises")


async def _own_words(machine: Machine, world: World) -> str:
    """What a service that refuses its settings says of it: the name of the wrong one."""
    if life.exit_code(machine) != life.REFUSES_SETTINGS:
        return ""
    return "".join(f": {line}" for line in (await log_tail(world, machine.id))[-1:])


def _is_healthy(machine: Machine, world: World) -> bool:
    if machine.state != "started" or any(c.status != "passing" for c in machine.checks):
        return False
    return bool(machine.checks) or not _has_checks(world)


def _has_checks(world: World) -> bool:
    config = world.target.manifest.config
    return bool(config.get("checks")) or any(s.get("checks") for s in config.get("services", []))


def _failing(machine: Machine, redact: Redactor) -> Iterator[str]:
    for check in machine.checks:
        if check.status != "passing":
            output = shown(" ".join(redact(check.output).split()), OUTPUT_MAX) or "no output"
            yield f"{check.name} is {check.status}: {output}"


async def _status(web: httpx.AsyncClient, headers: dict[str, str]) -> str:
    try:
        return str((await web.get("/health", headers=headers)).status_code)
    except httpx.HTTPError as exc:
        return type(exc).__name__
