"""Runs a plan: journal, apply, gate, and on a failure the way back in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import stamina

from infra.fly.errors import FlyError
from infra.rollout.errors import RestoreFailed, RolloutHeld, RolloutRestored
from infra.rollout.gates import Gate
from infra.rollout.journal import Kind
from infra.rollout.plan import Plan, Stage
from infra.rollout.steps import Step
from infra.rollout.undisturbed import undisturbed
from infra.rollout.verdict import GateFailed, Undecided, Verdict
from infra.rollout.world import World

LOG_LINES = 15


async def run(plan: Plan, world: World) -> None:
    """Bring a plan about, or restore what was.

    Raises:
        RolloutRestored: it failed (or was interrupted), and all is as before.
        RestoreFailed: it failed, and so did the way back.
    """
    done: list[Step] = []
    try:
        for stage in plan.stages:
            await _run_stage(stage, world, done)
    except Undecided as exc:
        raise _held(exc.verdict, world) from None
    except (Exception, asyncio.CancelledError) as exc:
        reason = await undisturbed(_take_back(exc, done, world))
        raise RolloutRestored(_restored_text(world, reason)) from None
    # The point of no return: the new release serves all requests from here on.
    await undisturbed(_finish(plan.final, world))


async def _run_stage(stage: Stage, world: World, done: list[Step]) -> None:
    done.extend(stage.steps)  # before they begin: one that stops half-way is undone too
    await _all(_apply(stage, step, world) for step in stage.steps)
    for gate in stage.gates:
        await _judge(gate, stage, world)


async def _apply(stage: Stage, step: Step, world: World) -> None:
    world.journal.write("step", stage.name, step.title)
    text = await step.apply(world)
    world.journal.write("done", stage.name, text)


async def _judge(gate: Gate, stage: Stage, world: World) -> None:
    machines = [world.made[name] for name in stage.judged]
    verdict = await gate.judge(world, machines)
    if verdict.outcome == "inconclusive" and (longer := gate.extended()):
        _note("extended", verdict, stage, world)
        verdict = await longer.judge(world, machines)
    if verdict.outcome == "inconclusive":
        raise Undecided(verdict)
    if not verdict.passed:
        raise GateFailed(verdict)
    _note("verdict", verdict, stage, world)


def _note(kind: Kind, verdict: Verdict, stage: Stage, world: World) -> None:
    numbers = {"step": stage.name, "outcome": verdict.outcome, **verdict.numbers}
    world.journal.write(kind, verdict.gate, verdict.reason, verdict.machine, numbers)


def _held(verdict: Verdict, world: World) -> RolloutHeld:
    """Nothing is taken back and nothing goes on: old and new machines serve side by side."""
    reason = f"{verdict.gate} check of {verdict.subject}: {verdict.reason}"
    world.journal.write("held", "rollout", reason, data=verdict.numbers)
    return RolloutHeld(
        f"{world.target.name} is held: {reason}\n"
        f"{world.target.former_name} and the new machines serve side by side."
    )


async def _take_back(exc: BaseException, done: list[Step], world: World) -> str:
    reason = await _explain(exc, world)
    world.journal.write("failed", "rollout", reason)
    await _restore(done, world, reason)
    return reason


async def _restore(done: list[Step], world: World, reason: str) -> None:
    """Undo in reverse; go on after a failure, so that as much as possible is restored."""
    failures: list[str] = []
    for step in reversed(done):
        world.journal.write("undo", "restore", step.title)
        try:
            await _stubbornly(lambda step=step: step.undo(world))  # type: ignore[misc]
        except Exception as exc:
            failures.append(f"{step.title}: {exc}")
    if failures:
        text = "; ".join(failures)
        world.journal.write("restore-failed", "restore", text)
        raise RestoreFailed(
            f"{world.target.name} was not released: {reason}\n"
            f"Taking it back failed as well: {text}\n"
            "Run the same command again: it begins by repairing what it finds. "
            "`flygate status` shows the machines."
        )
    serving = f"{world.target.former_name} serves as before"
    world.journal.write(
        "restored", "restore", serving if world.target.former else "nothing is left of it"
    )


async def _finish(stages: Iterable[Stage], world: World) -> None:
    world.journal.write("no-return", "rollout", f"{world.target.name} serves")
    for stage in stages:
        await _push_forward(stage, world)


async def _push_forward(stage: Stage, world: World) -> None:
    """What fails here is left over, not wrong: the next rollout sweeps it up."""
    for outcome, step in zip(
        await asyncio.gather(
            *(_stubbornly(lambda s=step: _apply(stage, s, world)) for step in stage.steps),  # type: ignore[misc]
            return_exceptions=True,
        ),
        stage.steps,
        strict=True,
    ):
        if isinstance(outcome, BaseException):
            world.journal.write("warning", stage.name, f"{step.title} failed: {outcome}")


async def _stubbornly(action: Callable[[], Awaitable[None]]) -> None:
    async for attempt in stamina.retry_context(on=FlyError, attempts=3, timeout=60):
        with attempt:
            await action()


async def _all(jobs: Iterable[Awaitable[Any]]) -> None:
    """Run side by side; all have ended when this returns or raises the first failure."""
    results = await asyncio.gather(*jobs, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def _explain(exc: BaseException, world: World) -> str:
    """What failed, on which machine, with its last lines of log."""
    if isinstance(exc, asyncio.CancelledError):
        return "interrupted"
    if not isinstance(exc, GateFailed):
        return str(exc) or type(exc).__name__
    verdict = exc.verdict
    text = f"{verdict.gate} check of {verdict.subject}: {verdict.reason}"
    lines = await _last_lines(world, verdict.machine) if verdict.machine else []
    if lines:
        text += "\n  its last lines of log:\n" + "\n".join(f"    {line}" for line in lines)
    return text


async def _last_lines(world: World, machine_id: str) -> list[str]:
    try:
        lines = await world.fly.logs(world.app, machine_id)
    except (FlyError, KeyError):
        return []
    return [line.message.rstrip() for line in lines if line.message.strip()][-LOG_LINES:]


def _restored_text(world: World, reason: str) -> str:
    target = world.target
    after = (
        f"{target.former_name} serves as before."
        if target.former
        else "There was no former release to go back to; nothing is left running."
    )
    return f"{target.name} was not released: {reason}\nAll was taken back. {after}"
