"""The gate of smoke: the service answers rightly, and its limiter limits, before it has clients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flygate.config import SmokeRequest
from flygate.fly.errors import FlyError
from flygate.fly.models import ExecResult
from flygate.fly.retries import attempts, may_have_happened
from flygate.rollout.execution import Execution
from flygate.rollout.gates.expectation import COMMAND_SECONDS, Expectation
from flygate.rollout.gates.gate import each_machine
from flygate.rollout.machine.member import Member
from flygate.rollout.verdict import Verdict


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

    async def judge(self, execution: Execution, machines: Sequence[Member]) -> Verdict:
        """Run the probe in each machine and read its answers."""
        return await each_machine(machines, lambda member: self._probe(execution, member.id))

    async def _probe(self, execution: Execution, machine_id: str) -> Verdict:
        expected = Expectation.of(
            execution.target.manifest, limiter=self.limiter, requests=self.requests
        )
        try:
            # Asking twice does no harm, and one hiccup of Fly must not take a release back.
            result = await _with_retries(
                execution, machine_id, lambda: expected.command(execution.target.key)
            )
        except FlyError as exc:
            return Verdict("error", self.name, f"the smoke check could not run: {exc}")
        if problem := expected.problem(result, execution.journal.redact):
            return Verdict("fail", self.name, problem)
        return Verdict("pass", self.name, expected.summary())


async def _with_retries(
    execution: Execution, machine_id: str, command: Callable[[], list[str]]
) -> ExecResult:
    """Run it, each time as another client: the one before may have used its burst up."""
    async for attempt in attempts(may_have_happened):
        with attempt:
            return await execution.fly.exec(execution.app, machine_id, command(), COMMAND_SECONDS)
    raise AssertionError("unreachable: the last attempt returns or raises")
