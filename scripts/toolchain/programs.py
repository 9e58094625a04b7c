"""Start other programs quietly, and keep what they said for the case that they fail."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from scripts.toolchain.errors import CommandError

_LAST_LINES = 15


def run(
    what: str,
    command: Sequence[str | Path],
    environment: Mapping[str, str] | None = None,
    timeout_seconds: float | None = None,
    folder: Path | None = None,
) -> str:
    """Run `command` and return its stdout.

    Raises:
        CommandError: it could not be started, failed, or ran out of time; `what` it was for and
            its last lines are in the message.
    """
    program = Path(command[0]).name
    try:
        status, said, errors = _run(
            command, {**os.environ, **(environment or {})}, timeout_seconds, folder
        )
    except OSError as exc:
        raise CommandError(what, program, "an error", str(exc)) from exc
    except subprocess.TimeoutExpired as exc:
        raise CommandError(what, program, f"no result after {timeout_seconds} s", "") from exc
    if status:
        last = "\n".join((said + errors).strip().splitlines()[-_LAST_LINES:])
        raise CommandError(what, program, f"status {status}", last)
    return said


def end(process: subprocess.Popen[str]) -> None:
    """End a program that leads a process group, and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _run(
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    timeout_seconds: float | None,
    folder: Path | None,
) -> tuple[int, str, str]:
    """A group of its own: an interrupt reaches us alone, and we end the whole group."""
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        cwd=folder,
        process_group=0,
    ) as process:
        try:
            said, errors = process.communicate(timeout=timeout_seconds)
        except BaseException:
            end(process)
            raise
    return process.returncode, said, errors
