"""Start other programs quietly, and keep what they said for the case that they fail."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.toolchain.errors import CommandFailed

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
        CommandFailed: it could not be started, failed, or ran out of time; `what` it was for and
            its last lines are in the message.
    """
    program = Path(command[0]).name
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_seconds,
            cwd=folder,
            check=False,
        )
    except OSError as error:
        raise CommandFailed(what, program, "an error", str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(what, program, f"no result after {timeout_seconds} s", "") from error
    if done.returncode:
        raise CommandFailed(what, program, f"status {done.returncode}", _last(done))
    return done.stdout


def _last(done: subprocess.CompletedProcess[str]) -> str:
    return "\n".join((done.stdout + done.stderr).strip().splitlines()[-_LAST_LINES:])
