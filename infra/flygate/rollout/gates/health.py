"""The gate of health: a new machine starts, its Fly checks pass, and it stays up."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from flygate.fly.errors import FlyError
from flygate.fly.models import Machine
from flygate.manifest import Manifest
from flygate.redaction.redact import Redactor, shown
from flygate.rollout.execution import Execution
from flygate.rollout.gates.gate import each_machine
from flygate.rollout.machine import life, watching
from flygate.rollout.machine.log_tail import log_tail
from flygate.rollout.machine.member import Member
from flygate.rollout.verdict import Verdict
from flygate.system.polling import poll

# Of a check's output: a page of HTML does not help.
OUTPUT_MAX: Final = 200


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
        """Return the uptime that is waited for."""
        return 0.0 if self.is_again else self.uptime_seconds

    async def judge(self, execution: Execution, machines: Sequence[Member]) -> Verdict:
        """Watch the machines until they are healthy; the first that can't be is the answer."""
        return await each_machine(machines, lambda member: self._watch(execution, member))

    async def _watch(self, execution: Execution, member: Member) -> Verdict:
        deadline = time.monotonic() + self.wait_seconds
        verdict = await poll(
            lambda: self._look(execution, member, deadline), every=watching.POLL_SECONDS
        )
        assert verdict is not None  # noqa: S101  without a limit a poll ends with what is wanted
        return verdict

    async def _look(self, execution: Execution, member: Member, deadline: float) -> Verdict | None:
        """Return the verdict, or None while there is none; wake a machine that sleeps."""
        machine = await execution.fly.machine(execution.app, member.id)
        has_checks = _has_checks(execution.target.manifest, member.group)
        up, is_well = (
            execution.uptimes.seconds(machine),
            _is_healthy(machine, has_checks=has_checks),
        )
        reason = life.death(machine, member.since)
        if life.sleeps(machine):
            with suppress(FlyError):  # it may be on its way to sleep just now
                await execution.fly.start(execution.app, member.id)
        if is_well and up >= self.uptime_seconds and not reason:
            return Verdict("pass", self.name, self._passed())
        if time.monotonic() > deadline + (self.uptime_seconds if is_well else 0):
            reason = reason or self._too_late(machine, execution, is_well=is_well)
        if reason:
            return Verdict("fail", self.name, reason + await _setting(machine, execution))
        return None

    def _passed(self) -> str:
        up = f", up for {self.uptime_seconds:g} s" if self.seconds else ""
        return f"started, checks pass{up}"

    def _too_late(self, machine: Machine, execution: Execution, *, is_well: bool) -> str:
        waited = f"after {self.wait_seconds:g} s{life.last_exit(machine)}"
        if machine.state != "started":
            return f"the machine is {machine.state} {waited}"
        if is_well:
            return f"it does not stay up for {self.uptime_seconds:g} s {waited}"
        failing = (
            "; ".join(_failing(machine, execution.journal.redact)) or "no check has answered yet"
        )
        return f"its checks do not pass {waited}: {failing}"


async def _setting(machine: Machine, execution: Execution) -> str:
    """Return the last line of log if the service refuses its settings: it names the wrong one."""
    if machine.exit_code != life.REFUSES_SETTINGS:
        return ""
    lines = await log_tail(execution.fly, execution.app, machine.id, execution.journal.redact)
    return "".join(f": {line}" for line in lines[-1:])


def _is_healthy(machine: Machine, *, has_checks: bool) -> bool:
    if machine.state != "started" or any(c.status != "passing" for c in machine.checks):
        return False
    return bool(machine.checks) or not has_checks


def _has_checks(manifest: Manifest, group: str) -> bool:
    config = manifest.group(group).config
    return bool(config.get("checks")) or any(s.get("checks") for s in config.get("services", []))


def _failing(machine: Machine, redact: Redactor) -> Iterator[str]:
    for check in machine.checks:
        if check.status != "passing":
            output = shown(" ".join(redact(check.output).split()), OUTPUT_MAX) or "no output"
            yield f"{check.name} is {check.status}: {output}"
