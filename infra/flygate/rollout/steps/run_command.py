"""`RunCommand`: the release command runs in a machine of its own, before anything else is made."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from flygate.fly.models import Machine
from flygate.fly.owner import OWNER_KEY
from flygate.flytoml.release_command import GROUP
from flygate.manifest import ReleaseCommand
from flygate.redaction.redact import cut
from flygate.rollout.command_machine import COMMAND_KEY, CommandMachine, name_of
from flygate.rollout.errors import ReleaseCommandError
from flygate.rollout.execution import Execution
from flygate.rollout.lock.lease import lease
from flygate.rollout.machine.halting import halt
from flygate.rollout.machine.log_tail import log_tail
from flygate.rollout.machine.output import Output
from flygate.rollout.machine.watching import watch
from flygate.rollout.state import (
    GROUP_KEY,
    MANIFEST_KEY,
    PLATFORM_KEY,
    PLATFORM_VERSION,
    ROLLOUT_KEY,
    seen_command,
)
from flygate.rollout.steps.machine_request import machine_config, with_secrets
from flygate.rollout.steps.step import Turn
from flygate.system import duration
from flygate.system.polling import poll

_WORDS_MAX: Final = 200
# Fly's log is late by some seconds, and a command may fail at once.
_LOG_SECONDS: Final = 3.0
_LOG_POLL_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class RunCommand:
    """Run it once for a release: what an earlier run has begun is waited for, or taken as it is.

    Attributes:
        line: the command, for people.
    """

    line: str = ""
    # It never serves, so it goes at once, whatever serves.
    turn = Turn.VALUES

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"release command `{self.line}`" if self.line else "release command"

    async def apply(self, execution: Execution) -> str:
        """Run it, show what it prints, and go by its exit code.

        Raises:
            ReleaseCommandError: it has failed, or takes too long.
        """
        command = execution.target.manifest.release_command
        assert command is not None  # noqa: S101  it would not be planned otherwise
        machine = await _machine(execution, command)
        await lease(execution.fly, execution.app, machine.id)
        async with _shown(execution, machine.id):
            ended = await watch(
                execution.fly,
                execution.app,
                machine.id,
                lambda one: seen_command(one).is_over,
                duration.seconds(command.timeout),
            )
        seen = seen_command(ended)
        if not seen.has_succeeded:
            raise ReleaseCommandError(await _failure(seen, ended, command, execution))
        execution.command_has_run = True
        seconds = "" if seen.seconds is None else f" after {seen.seconds:.0f} s"
        return f"{_words(command, execution)} exited with 0{seconds}"

    async def undo(self, execution: Execution) -> None:
        """Its machine goes, also if the command runs still. What it has changed stays."""
        await _remove_own(execution)


@dataclass(frozen=True, slots=True)
class RecallCommand:
    """It has run for this release, in an earlier run that died or was held.

    Attributes:
        line: the command, for people.
    """

    line: str
    turn = Turn.VALUES

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"release command `{self.line}` has run"

    async def apply(self, execution: Execution) -> str:
        """Note it: if this run fails, what the command changed stays."""
        execution.command_has_run = True
        return f"{execution.journal.redact(self.title)}, and does not run again"

    async def undo(self, execution: Execution) -> None:
        """Its machine goes, as if it had run now."""
        await _remove_own(execution)


@dataclass(frozen=True, slots=True)
class DestroyCommand:
    """The machine of a release command that no release waits for goes, also if it runs still."""

    machine: CommandMachine
    turn = None

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"destroy {self.machine.name} (left by a rollout that died)"

    async def apply(self, execution: Execution) -> str:
        """Stop and destroy it."""
        await _remove(self.machine, execution)
        return f"{self.machine.name} is gone (left by a rollout that died)"

    async def undo(self, execution: Execution) -> None:
        """Nothing: what it changed stays in any case."""


@dataclass(frozen=True, slots=True)
class RemoveCommands:
    """The machines of release commands go once the release stands, with their exit codes."""

    title = "release command's machine"
    turn = None

    async def apply(self, execution: Execution) -> str:
        """Destroy them."""
        for machine in await _commands(execution):
            await _remove(seen_command(machine), execution)
        return "gone"

    async def undo(self, execution: Execution) -> None:
        """Nothing: it is past the point of no return."""


async def _remove_own(execution: Execution) -> None:
    """Stop and destroy the machine of this release's command, unless another rollout has it."""
    for machine in await _commands(execution):
        seen = seen_command(machine)
        is_made_now = machine.metadata.get(ROLLOUT_KEY) == execution.id
        is_held = machine.id in execution.fly.leases
        if seen.release == execution.target.name and (is_made_now or is_held):
            await _remove(seen, execution)


async def _remove(machine: CommandMachine, execution: Execution) -> None:
    if not machine.is_over:
        await halt(execution.fly, execution.app, machine.id)
    await execution.fly.destroy(execution.app, machine.id)


async def _machine(execution: Execution, command: ReleaseCommand) -> Machine:
    """Return the machine that runs it: of an earlier run of this very release, or a new one."""
    target = execution.target
    for machine in await _commands(execution):
        seen = seen_command(machine)
        is_ours = seen.is_of(target.name, target.manifest_id)
        if is_ours and (not seen.is_over or seen.has_succeeded):
            return machine
        await _remove(seen, execution)
    return await execution.fly.create_machine(execution.app, _request(execution, command))


def _request(execution: Execution, command: ReleaseCommand) -> dict[str, Any]:
    """Return the body of the machine's creation. It stays when it has ended, with its exit code."""
    target, manifest = execution.target, execution.target.manifest
    metadata = {
        PLATFORM_KEY: PLATFORM_VERSION,
        GROUP_KEY: GROUP,
        COMMAND_KEY: target.name,
        MANIFEST_KEY: target.manifest_id,
        ROLLOUT_KEY: execution.id,
        OWNER_KEY: target.owner,
    }
    config = machine_config(command.config, manifest.image, target.name)
    return {
        **with_secrets(execution, {**config, "metadata": metadata}),
        "name": name_of(target.name),
        "region": manifest.regions[0],
        "skip_service_registration": True,
    }


@asynccontextmanager
async def _shown(execution: Execution, machine_id: str) -> AsyncIterator[None]:
    """Show what the machine prints, line by line, while the body runs."""
    output = Output(execution.fly, execution.app, machine_id, execution.journal)
    showing = asyncio.create_task(output.follow())
    try:
        yield
    finally:
        showing.cancel()
        # An interruption comes through, whatever becomes of the task that shows.
        await asyncio.gather(showing, return_exceptions=True)
    await output.show(is_over=True)


async def _failure(
    seen: CommandMachine, machine: Machine, command: ReleaseCommand, execution: Execution
) -> str:
    """Say how it has ended, with its last lines of log."""
    app = execution.app
    if not seen.is_over:
        how = f"has not ended after {command.timeout} ([deploy] release_command_timeout)"
        await halt(execution.fly, app, machine.id)
    elif seen.exit_code is None:
        how = f"did not start, or was stopped: its machine is {seen.state}"
    else:
        how = f"exited with {seen.exit_code}{_of_kill(machine)}"
    text = (
        f"the release command {_words(command, execution)} {how} (machine {seen.name}, {seen.id})"
    )
    lines = await poll(
        lambda: log_tail(execution.fly, app, machine.id, execution.journal.redact),
        bool,
        every=_LOG_POLL_SECONDS,
        within=_LOG_SECONDS,
    )
    if lines:
        text += "\n  its last lines of log:\n" + "\n".join(f"    {line}" for line in lines)
    return f"{text}\nThe same command again runs it anew, once its cause is repaired."


def _of_kill(machine: Machine) -> str:
    """Return that the platform ended it, and what helps."""
    last = next(iter(machine.unasked_exits), None)
    if last and last.was_out_of_memory:
        return ": it ran out of memory, of which [deploy.release_command_vm] gives it more"
    return " (killed)" if last and last.was_killed else ""


def _words(command: ReleaseCommand, execution: Execution) -> str:
    text = execution.journal.redact(shlex.join(command.words))
    return f"`{cut(text, _WORDS_MAX)}`"


async def _commands(execution: Execution) -> list[Machine]:
    machines = await execution.fly.machines(execution.app)
    return [machine for machine in machines if COMMAND_KEY in machine.metadata]
