"""Evaluates the health checks of one running machine, one task per check."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from localfly.machines.checks.probe import Outcome, probe
from localfly.machines.checks.spec import CheckSpec
from localfly.timing.background import BackgroundTasks
from localfly.timing.clock import Clock

# A check is evaluated this often until it first passes, so that a start shows at once.
_EAGER_SECONDS: Final = 0.15


@dataclass(frozen=True, slots=True)
class CheckStatus:
    """A check as the API shows it."""

    name: str
    status: str  # passing | warning (not known yet) | critical
    output: str
    updated_at: float  # of the last change of `status`
    routes: bool


def judge(current: CheckStatus, outcome: Outcome, in_grace: bool, now: float) -> CheckStatus:
    """Return the status after an evaluation: within the grace period a failure does not count."""
    status = "passing" if outcome.passed else "critical"
    if in_grace and not outcome.passed and current.status == "warning":
        status = "warning"
    updated_at = current.updated_at if status == current.status else now
    return replace(current, status=status, output=outcome.output, updated_at=updated_at)


class CheckMonitor:
    """Evaluates a machine's checks from `start` to `stop`, and reports each changed status."""

    def __init__(self, specs: tuple[CheckSpec, ...], clock: Clock) -> None:
        self._specs = specs
        self._clock = clock
        self._tasks = BackgroundTasks()
        self._statuses: dict[str, CheckStatus] = {}

    @property
    def statuses(self) -> list[CheckStatus]:
        return list(self._statuses.values())

    @property
    def lets_traffic_through(self) -> bool:
        return all(check.status == "passing" for check in self.statuses if check.routes)

    def start(self, host: str, port_of: Callable[[int], int], changed: Callable[[], None]) -> None:
        """Begin with all checks unknown: the machine has just been started or resumed."""
        self.stop()
        self._statuses = {spec.name: self._unknown(spec) for spec in self._specs}
        for spec in self._specs:
            self._tasks.start(self._watch(spec, host, port_of(spec.port), changed))

    def stop(self) -> None:
        """End the evaluation; a machine that does not run has no checks."""
        self._tasks.cancel()
        self._statuses = {}

    def _unknown(self, spec: CheckSpec) -> CheckStatus:
        waiting = "waiting for status update"
        return CheckStatus(spec.name, "warning", waiting, self._clock(), spec.routes)

    async def _watch(
        self, spec: CheckSpec, host: str, port: int, changed: Callable[[], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        grace_until = loop.time() + spec.grace_seconds
        has_passed = False
        while True:
            outcome = await probe(spec, host, port)
            has_passed |= outcome.passed
            former = self._statuses[spec.name]
            in_grace = loop.time() < grace_until
            self._statuses[spec.name] = judge(former, outcome, in_grace, self._clock())
            if self._statuses[spec.name].status != former.status:
                changed()
            await asyncio.sleep(spec.interval_seconds if has_passed else _EAGER_SECONDS)
