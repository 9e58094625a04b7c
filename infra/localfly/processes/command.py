"""Runs one command inside a machine (`fly machine exec`) and returns its output."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localfly.errors import DeadlineExceededError


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, its standard input, and its longest time in seconds."""

    words: tuple[str, ...]
    stdin: str = ""
    timeout: float = 60.0


@dataclass(frozen=True, slots=True)
class CommandResult:
    exit_code: int
    exit_signal: int
    stdout: str
    stderr: str


async def run_command(command: Command, env: Mapping[str, str], folder: Path) -> CommandResult:
    """Run `command` to its end.

    Raises:
        DeadlineExceededError: it did not end in time; it was killed, with all it started.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command.words,
            env=dict(env),
            cwd=folder,
            # No pipe without input: uvloop fails if the command ends before the pipe is closed.
            stdin=asyncio.subprocess.PIPE if command.stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as exc:
        return CommandResult(127, 0, "", f"{command.words[0]}: {exc.strerror}\n")
    try:
        async with asyncio.timeout(command.timeout):
            stdout, stderr = await process.communicate(command.stdin.encode() or None)
    except TimeoutError as exc:
        raise DeadlineExceededError(
            f"deadline_exceeded: command did not end within {command.timeout:g}s"
        ) from exc
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    code = process.returncode or 0
    return CommandResult(
        exit_code=max(code, 0),
        exit_signal=max(-code, 0),
        stdout=stdout.decode(errors="replace"),
        stderr=stderr.decode(errors="replace"),
    )
