"""The health gate: a machine starts, its checks pass, and it stays up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flygate.fly.errors import MachineStateError
from flygate.fly.models import Machine
from flygate.record.journal import Journal
from flygate.redaction.redact import Redactor
from flygate.rollout.desired import DesiredRelease
from flygate.rollout.execution import Execution
from flygate.rollout.gates.health import Healthy
from flygate.rollout.machine.member import Member
from flygate.rollout.target import Target

from tests.infra.builders import manifest


class Sleeper:
    """Fly, with a machine that its proxy has just put to sleep.

    Attributes:
        refusals: how often Fly does not start it yet: it is on its way to sleep.
    """

    def __init__(self, state: str, services: list[dict[str, Any]], refusals: int) -> None:
        self._state = state
        self._config = {"services": services}
        self.refusals = refusals

    async def machine(self, app: str, machine_id: str) -> Machine:
        """As it is now."""
        check = {"name": "http", "status": "passing" if self._state == "started" else "warning"}
        ended = {"exit_event": {"exit_code": 0, "requested_stop": True}}
        return Machine.model_validate(
            {
                "id": machine_id,
                "state": self._state,
                "config": self._config,
                "checks": [check],
                "events": [{"type": "exit", "request": ended}],
            }
        )

    async def start(self, app: str, machine_id: str) -> None:
        """Wake it."""
        if self.refusals:
            self.refusals -= 1
            raise MachineStateError(
                f"POST /apps/{app}/machines/{machine_id}/start", 412, "suspending"
            )
        self._state = "started"


@pytest.mark.parametrize("state", ["suspended", "stopped"])
@pytest.mark.parametrize("refusals", [0, 2])
async def test_a_machine_that_fell_asleep_is_woken(
    state: str, refusals: int, tmp_path: Path
) -> None:
    """An idle one is as good as before; its release is not taken back for want of requests."""
    services = [{"autostop": "stop", "autostart": True}]
    fly: Any = Sleeper(state, services, refusals)
    target = Target(2, DesiredRelease(manifest()), "http://demo.localhost", key="key")
    execution = Execution(fly, target, Journal(tmp_path / "journal.jsonl", "v2", Redactor(())))

    verdict = await Healthy(5.0).judge(execution, [Member("one", "148e1", "iad")])

    assert verdict.passed, verdict
