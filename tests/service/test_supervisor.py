"""Work in the background goes on, whatever it raises."""

import asyncio
from typing import Any

import pytest
from flygate_service.asgi.supervisor import Supervisor
from flygate_service.metrics.statistics import Statistics
from flygate_service.metrics.telemetry import Telemetry
from structlog.testing import CapturingLogger


class Work:
    """Fails as often as is asked for, then goes on for ever."""

    def __init__(self, failures: int, error: type[Exception] = RuntimeError) -> None:
        self.failures = failures
        self.error = error
        self.is_well = asyncio.Event()

    async def __call__(self) -> None:
        """One try."""
        if self.failures:
            self.failures -= 1
            raise self.error("no")
        self.is_well.set()
        await asyncio.Event().wait()


async def test_what_fails_begins_again_and_is_reported() -> None:
    """Each failure is counted and logged by the work's name; then it works."""
    log: Any = CapturingLogger()
    telemetry = Telemetry(log, Statistics())
    work = Work(failures=3)

    supervisor = Supervisor(telemetry.on_task_failure, 0.001)
    async with supervisor.running(), supervisor.background("copying", work):
        await asyncio.wait_for(work.is_well.wait(), 5)

    counted = telemetry.registry.get_sample_value
    assert counted("flygate_task_failures_total", {"task": "copying"}) == 3
    assert {call.kwargs["task"] for call in log.calls} == {"copying"}


async def test_what_ends_by_itself_is_waited_for_and_what_never_does_is_given_up() -> None:
    """A stop takes so long, and no longer."""
    failed: list[str] = []
    supervisor = Supervisor(lambda name, _: failed.append(name), 0.001)
    done: list[int] = []

    async def quick() -> None:
        await asyncio.sleep(0)
        done.append(1)

    async with supervisor.running():
        supervisor.spawn("quick", quick)
        supervisor.spawn("never", Work(failures=10**9))
        await supervisor.finish(0.05)

    assert done == [1]
    assert set(failed) == {"never"}


async def test_what_still_runs_at_the_end_is_cancelled() -> None:
    """Nothing is left behind, and nothing begins afterwards."""
    supervisor, work = Supervisor(), Work(failures=0)

    async with supervisor.running():
        supervisor.spawn("never", work)
        await work.is_well.wait()
    supervisor.spawn("too late", Work(failures=0))

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_error_passes_as_it_is() -> None:
    """It is the application's, say, and not wrapped into a group."""
    supervisor = Supervisor()

    async def fail() -> None:
        async with supervisor.running():
            supervisor.spawn("never", Work(failures=0))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()


async def test_work_without_an_end_needs_a_running_supervisor() -> None:
    """It would never begin."""
    with pytest.raises(RuntimeError, match="not running"):
        async with Supervisor().background("copying", Work(failures=0)):
            pass
