"""The gate of a stop and a start: the first new machine ends by its kill signal, and comes back.

A service that ignores its kill signal is killed at its kill timeout: each stop of it, and so each
way back, waits that long, and it hands no limits on. The first one to find out should be no outage.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Self

from flygate.fly.errors import WaitTimeoutError
from flygate.fly.models import Machine
from flygate.flytoml.stop_config import KILL_SECONDS, KILL_SIGNAL, kill_seconds, kill_signal
from flygate.manifest import Manifest
from flygate.rollout.execution import Execution
from flygate.rollout.gates.health import Healthy
from flygate.rollout.machine import life
from flygate.rollout.machine.life import Ending
from flygate.rollout.machine.member import Member
from flygate.rollout.machine.waking import start
from flygate.rollout.machine.watching import watch
from flygate.rollout.verdict import Verdict

# After its kill timeout Fly has to notice that the machine is down.
NOTICE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class StopLimit:
    """How a machine is stopped, and how long it has.

    Attributes:
        signal: that it gets.
        seconds: until it is killed.
    """

    signal: str = KILL_SIGNAL
    seconds: float = KILL_SECONDS

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        """Read it from the machine config."""
        return cls(kill_signal(manifest.config), kill_seconds(manifest.config))

    def is_over(self, ending: Ending) -> bool:
        """Return whether it did not end by itself, as Fly says it or by its clock."""
        was_killed = ending.was_killed and self.signal != "SIGKILL"
        return was_killed or ending.seconds >= self.seconds


@dataclass(frozen=True, slots=True)
class Restarts:
    """The first of the new machines stops by itself, and is well again after a start.

    It is judged before the machine has clients, and before its uptime is counted.

    Attributes:
        wait_seconds: how long it may take until its checks pass, each time.
        limit: how long it may take to end.
    """

    wait_seconds: float
    limit: StopLimit = StopLimit()
    name = "restart"
    seconds = 0.0

    async def judge(self, execution: Execution, machines: Sequence[Member]) -> Verdict:
        """Stop it and start it, and say how long that took."""
        member = machines[0]
        if not (verdict := await self._is_well(execution, member)).passed:
            return verdict  # its health's: nothing was done to it yet
        began = time.monotonic()
        ending = await self._stop(execution, member.id)
        if ending is None or self.limit.is_over(ending):
            stays = self._stays(ending)
            return Verdict("fail", self.name, stays, machine=member.id, name=member.name)
        with suppress(WaitTimeoutError):  # what comes of it, its health says
            await start(execution.fly, execution.app, member.id)
        if not (verdict := await self._is_well(execution, member)).passed:
            return replace(verdict, reason=f"after a stop and a start: {verdict.reason}")
        took, end = time.monotonic() - began, ending.seconds
        return Verdict(
            "pass",
            self.name,
            f"{member.name}: stop and start ✓ {took:.1f} s ({end:.1f} s to its end)",
            numbers={"seconds": round(took, 3), "stop_seconds": round(end, 3)},
        )

    def cost(self, names: Sequence[str]) -> str:
        """Return what it costs, for the plan."""
        return (
            f"restart stops and starts {names[0]} before it serves: a few seconds, and up to "
            f"{self.limit.seconds:g} s more if it does not end by {self.limit.signal}"
        )

    async def _is_well(self, execution: Execution, member: Member) -> Verdict:
        return await Healthy(self.wait_seconds).judge(execution, [member])

    async def _stop(self, execution: Execution, machine_id: str) -> Ending | None:
        """Stop it; return how it ended, None if it did not."""
        before = await execution.fly.machine(execution.app, machine_id)
        began = time.monotonic()
        await execution.fly.stop(execution.app, machine_id)
        within = self.limit.seconds + NOTICE_SECONDS
        machine = await watch(execution.fly, execution.app, machine_id, _is_down, within)
        if not _is_down(machine):
            return None
        waited = time.monotonic() - began
        return life.ending(machine, before) or Ending(waited, was_killed=False)

    def _stays(self, ending: Ending | None) -> str:
        signal, seconds = self.limit.signal, self.limit.seconds
        after = "" if ending is None else f" It was killed after {ending.seconds:.1f} s."
        return (
            f"it does not end by {signal} within its kill timeout of {seconds:g} s.{after} Each "
            "stop and each way back would wait that long, and its clients' limits would be lost. "
            f"Let the service end by {signal}, or give it more time (kill_signal and kill_timeout "
            "in fly.toml). If it is meant: pulumi config set --path smoke.restart false"
        )


def _is_down(machine: Machine) -> bool:
    return machine.state in {"stopped", "failed", "destroyed"}
