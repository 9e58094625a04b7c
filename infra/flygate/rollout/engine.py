"""Runs a plan: journal, apply, gate, and on a failure the way back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

import stamina

from flygate.fly.errors import FlyError
from flygate.redaction.redact import cut
from flygate.rollout import outcome
from flygate.rollout.errors import (
    LeaseLostError,
    RestoreFailedError,
    RolloutHeldError,
    RolloutRestoredError,
)
from flygate.rollout.execution import Execution
from flygate.rollout.gates.gate import Gate
from flygate.rollout.plan import Plan, Stage
from flygate.rollout.restore.misled import report_misled
from flygate.rollout.restore.standing import seen_to_stand
from flygate.rollout.state import HELD_KEY
from flygate.rollout.steps import Step, Turn
from flygate.rollout.verdict import GateFailedError, UndecidedError, Verdict
from flygate.system.shielding import shielded

# Fly's metadata has little room.
HELD_MAX: Final = 200


async def run(plan: Plan, execution: Execution) -> None:
    """Execute a plan, or restore what was.

    Raises:
        RolloutRestoredError: it failed (or was interrupted), and all is as before.
        RolloutHeldError: a gate could not decide, or the run that an operator let go on with it was
            interrupted; old and new machines serve side by side.
        RestoreFailedError: it failed, and so did the way back.
        LeaseLostError: it stopped where it was, since another rollout may have begun.
    """
    done: list[Step] = []
    try:
        for stage in plan.stages:
            await _run_stage(stage, execution, done)
    except UndecidedError as exc:
        reason = outcome.of_gate(exc.verdict)
        raise await shielded(_hold(reason, execution, exc.verdict.numbers)) from None
    except (Exception, asyncio.CancelledError) as exc:
        if isinstance(exc, asyncio.CancelledError) and execution.target.accepted:
            raise await shielded(_hold(outcome.INTERRUPTED, execution)) from None
        raise await shielded(take_back(exc, done, execution)) from None
    # The point of no return: the new release serves all requests from here on.
    await shielded(_finish(plan.final, execution))


async def take_back(
    exc: BaseException, done: Iterable[Step], execution: Execution
) -> RolloutRestoredError:
    """Undo steps for any reason, and look what serves then.

    Raises:
        RestoreFailedError: that failed, too, or the former release does not serve as before; as
            much as possible is restored.
        LeaseLostError: see `run`.
    """
    await execution.fly.check_guard()
    execution.fly.retry_budget.renew()
    reason = await outcome.explain(exc, execution)
    execution.journal.write("failed", "rollout", reason)
    misled = await report_misled(execution)
    failures = await _undo(done, execution)
    standing = await seen_to_stand(execution)
    serves = " ".join(filter(None, [standing.sentence(), misled, outcome.of_command(execution)]))
    if failures or not standing.is_as_before:
        text = "; ".join([*failures, serves])
        execution.journal.write("restore-failed", "restore", text)
        raise RestoreFailedError(outcome.restore_failed(execution.target, reason, text))
    execution.journal.write("restored", "restore", standing.sentence().removesuffix("."))
    return RolloutRestoredError(outcome.restored(execution.target, reason, serves))


async def _run_stage(stage: Stage, execution: Execution, done: list[Step]) -> None:
    done.extend(stage.steps)  # before they begin: one that stops half-way is undone too
    await _all(_apply(stage, step, execution) for step in stage.steps)
    for gate in stage.gates:
        await _judge(gate, stage, execution)


async def _apply(stage: Stage, step: Step, execution: Execution) -> None:
    execution.journal.write("step", stage.name, step.title)
    text = await step.apply(execution)
    execution.journal.write("done", stage.name, text)


async def _judge(gate: Gate, stage: Stage, execution: Execution) -> None:
    machines = [execution.made[name] for name in stage.judged]
    verdict = await gate.judge(execution, machines)
    if verdict.outcome == "inconclusive":
        raise UndecidedError(verdict)
    if not verdict.passed:
        raise GateFailedError(verdict)
    _note(verdict, stage, execution)


def _note(verdict: Verdict, stage: Stage, execution: Execution) -> None:
    execution.verdicts[verdict.gate] = execution.journal.redact(
        f"{verdict.outcome}: {verdict.reason}"
    )
    numbers = {"step": stage.name, "outcome": verdict.outcome, **verdict.numbers}
    execution.journal.write("verdict", verdict.gate, verdict.reason, verdict.machine, numbers)


async def _hold(
    reason: str, execution: Execution, numbers: Mapping[str, Any] | None = None
) -> RolloutHeldError:
    """Take nothing back and go on with nothing; the reason is noted on the machines.

    Raises:
        LeaseLostError: see `run`.
    """
    await execution.fly.check_guard()
    reason = execution.journal.redact(reason)
    for member in execution.made.values():
        with contextlib.suppress(FlyError):  # it is held without the note, too
            await execution.fly.patch_metadata(
                execution.app, member.id, {HELD_KEY: cut(reason, HELD_MAX)}
            )
    execution.journal.write("held", "rollout", reason, data=numbers)
    return RolloutHeldError(outcome.held(execution, reason))


async def _undo(done: Iterable[Step], execution: Execution) -> list[str]:
    """Undo steps turn by turn, go on after a failure, and return all failures.

    What serves is never removed before something else serves: where no former machine does, the
    new ones stay.
    """
    failures: list[str] = []
    steps = list(done)
    for turn in Turn:
        if turn == Turn.WITHDRAW and not (await seen_to_stand(execution)).may_withdraw:
            break
        now = [step for step in reversed(steps) if step.turn == turn]
        outcomes = await asyncio.gather(
            *(_undo_one(step, execution) for step in now), return_exceptions=True
        )
        _check_lease(outcomes)
        failures += [
            f"{step.title}: {outcome}"
            for step, outcome in zip(now, outcomes, strict=True)
            if isinstance(outcome, BaseException)
        ]
    return failures


async def _undo_one(step: Step, execution: Execution) -> None:
    execution.journal.write("undo", "restore", step.title)
    await _with_retries(lambda: step.undo(execution))


async def _finish(stages: Iterable[Stage], execution: Execution) -> None:
    execution.journal.write("no-return", "rollout", f"{execution.target.name} serves")
    for stage in stages:
        await _push_forward(stage, execution)


async def _push_forward(stage: Stage, execution: Execution) -> None:
    """Apply a stage past the point of no return: the next rollout sweeps up what fails here."""
    results = await asyncio.gather(
        *(_with_retries(lambda s=step: _apply(stage, s, execution)) for step in stage.steps),  # type: ignore[misc]
        return_exceptions=True,
    )
    _check_lease(results)
    for result, step in zip(results, stage.steps, strict=True):
        if isinstance(result, BaseException):
            execution.journal.write("warning", stage.name, f"{step.title} failed: {result}")


def _check_lease(results: Iterable[object]) -> None:
    """Raise a lost lease: the rollout must do nothing more."""
    for result in results:
        if isinstance(result, LeaseLostError):
            raise result


async def _with_retries(action: Callable[[], Awaitable[None]]) -> None:
    """Repeat an action from the start: the cause of its failure may be gone."""
    async for attempt in stamina.retry_context(on=FlyError, attempts=3, timeout=60):
        with attempt:
            await action()


async def _all(jobs: Iterable[Awaitable[Any]]) -> None:
    """Run jobs side by side; all have ended when this returns or raises the first failure."""
    results = await asyncio.gather(*jobs, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
