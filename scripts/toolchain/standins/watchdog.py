"""Ends a command of `shell_command` when this process vanishes without a word."""

import subprocess
from contextlib import suppress

# It waits at a pipe, whose other end closes with this process. A word before that dismisses it.
_SCRIPT = 'read -r group && [ "$group" ] && { read -r _ || kill -s KILL -- "-$group"; }'


class Watchdog:
    """A process beside the command, in a session of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def watch(self, group: int) -> None:
        """From now on the process group does not outlive this process."""
        assert self._process.stdin is not None  # it is a pipe
        with suppress(BrokenPipeError):
            self._process.stdin.write(b"%d\n" % group)
            self._process.stdin.flush()

    def dismiss(self) -> None:
        """There is nothing to watch over any more."""
        with suppress(BrokenPipeError):
            self._process.communicate(b"\n")
