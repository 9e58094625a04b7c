"""Run one command of a `command:local:Command`: streams, previous output, cancellation.

`command_provider` turns properties into a `ShellCommand`; `Runner` is where it meets the system.
"""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Stream: TypeAlias = Literal["stdout", "stderr"]
LogLine: TypeAlias = Callable[[str], None]

_GRACE_SECONDS = 3.0
_CHUNK_BYTES = 65536
# Ends the group when the provider vanishes without a word: its end of the pipe closes then.
_WATCHDOG = 'read -r _ || kill -s KILL -- "-$1"'


class CommandFailed(Exception):  # it says what happened, as the plugin's message does
    """The command could not be started, returned non-zero, or was stopped."""

    def __init__(self, reason: str, command: str, output: str) -> None:
        quoted = json.dumps(command, ensure_ascii=False)
        super().__init__(f"{reason}: running {quoted}:\n{output}")


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """What to run, as the resource's inputs describe it."""

    text: str
    interpreter: tuple[str, ...] = ("/bin/sh", "-c")
    directory: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    stdin: str = ""
    logged: frozenset[Stream] = frozenset({"stdout", "stderr"})


@dataclass(frozen=True, slots=True)
class Output:
    """What a successful command wrote, without the last line's end."""

    stdout: str = ""
    stderr: str = ""


class Runner:
    """Runs commands, each in a process group of its own, and can stop all of them."""

    def __init__(self, grace_seconds: float = _GRACE_SECONDS) -> None:
        self._grace_seconds = grace_seconds
        self._lock = threading.Lock()
        self._children: set[Child] = set()
        self._cancelled = False

    def run(
        self,
        command: ShellCommand,
        log: LogLine,
        timeout_seconds: float = 0,
        on_start: Callable[["Child"], None] | None = None,
    ) -> Output:
        """Run `command` to its end.

        Args:
            command: what to run.
            log: called with each line of the logged streams while the command runs.
            timeout_seconds: stop the command after so long; 0 is without limit.
            on_start: given the running child, so that a caller can stop it.

        Raises:
            CommandFailed: it did not start, failed, ran out of time or was cancelled.
        """
        with self._child(command, log) as child:
            if on_start:
                on_start(child)
            return child.finish(timeout_seconds)

    def cancel(self) -> None:
        """Stop what runs, and refuse what comes later. Returns when all groups are gone."""
        with self._lock:
            self._cancelled = True
            children = list(self._children)
        stoppers = [threading.Thread(target=child.stop) for child in children]
        for stopper in stoppers:
            stopper.start()
        for stopper in stoppers:
            stopper.join()

    @contextmanager
    def _child(self, command: ShellCommand, log: LogLine) -> "Iterator[Child]":
        with self._lock:
            if self._cancelled:
                raise CommandFailed("context canceled", command.text, "")
            child = Child(command, log, self._grace_seconds)
            self._children.add(child)
        try:
            yield child
        finally:
            with self._lock:
                self._children.discard(child)


class Child:
    """A command that runs."""

    def __init__(self, command: ShellCommand, log: LogLine, grace_seconds: float) -> None:
        self._command = command
        self._grace_seconds = grace_seconds
        self._capture = _Capture()
        self._stopped_because = ""
        self._finished = threading.Event()
        self._process = _start(command)
        self._watchdog = _watch_over(self._process.pid)
        assert self._process.stdout is not None  # both are pipes
        assert self._process.stderr is not None
        self._threads = [
            _thread(
                self._capture.read, self._process.stdout, "stdout", self._logger("stdout", log)
            ),
            _thread(
                self._capture.read, self._process.stderr, "stderr", self._logger("stderr", log)
            ),
            _thread(_feed, self._process.stdin, command.stdin),
        ]

    def finish(self, timeout_seconds: float) -> Output:
        """Wait for the command and for everything that holds its streams."""
        timer = threading.Timer(timeout_seconds, self.stop, ("context deadline exceeded",))
        if timeout_seconds:
            timer.start()
        try:
            self._process.wait()
            for thread in self._threads:
                thread.join()
        finally:
            timer.cancel()
            self._finished.set()
            _dismiss(self._watchdog)
        return self._judge()

    def stop(self, reason: str = "context canceled") -> None:
        """Terminate the command's process group; kill what is left after the grace time."""
        if self._finished.is_set():
            return
        self._stopped_because = self._stopped_because or reason
        _signal_group(self._process.pid, signal.SIGTERM)
        self._finished.wait(self._grace_seconds)
        # Also when the command itself is gone: its children may have ignored the first signal.
        _signal_group(self._process.pid, signal.SIGKILL)

    def _judge(self) -> Output:
        reason = self._stopped_because or _failure(self._process.returncode)
        if reason:
            raise CommandFailed(reason, self._command.text, self._capture.text("interleaved"))
        return Output(
            stdout=self._capture.text("stdout").removesuffix("\n"),
            stderr=self._capture.text("stderr").removesuffix("\n"),
        )

    def _logger(self, stream: Stream, log: LogLine) -> LogLine | None:
        return log if stream in self._command.logged else None


class _Capture:
    """Both streams, each apart and interleaved as they arrived."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes = {"stdout": bytearray(), "stderr": bytearray(), "interleaved": bytearray()}

    def read(self, pipe: IO[bytes], stream: Stream, log: LogLine | None) -> None:
        unfinished = b""
        while chunk := os.read(pipe.fileno(), _CHUNK_BYTES):
            with self._lock:
                self._bytes[stream] += chunk
                self._bytes["interleaved"] += chunk
            if log:
                *lines, unfinished = (unfinished + chunk).split(b"\n")
                _log_lines(log, lines)
        if log and unfinished:
            _log_lines(log, [unfinished])
        pipe.close()

    def text(self, stream: Stream | Literal["interleaved"]) -> str:
        return self._bytes[stream].decode(errors="replace")


def _start(command: ShellCommand) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [*command.interpreter, command.text],
            cwd=command.directory,
            env={**os.environ, **command.environment},
            stdin=subprocess.PIPE if command.stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
        )
    except OSError as error:
        # Only the system's words: an OSError's own text may hold a path from a secret input.
        reason = f"cannot start the command: {(error.strerror or 'error').lower()}"
        raise CommandFailed(reason, command.text, "") from None


def _watch_over(group: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["/bin/sh", "-c", _WATCHDOG, "watchdog", str(group)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _dismiss(watchdog: subprocess.Popen[bytes]) -> None:
    with suppress(BrokenPipeError):
        watchdog.communicate(b"done\n")


def _feed(pipe: IO[bytes] | None, text: str) -> None:
    if pipe is None:
        return
    # A command need not read what it is given.
    with suppress(BrokenPipeError), pipe:
        pipe.write(text.encode())


def _log_lines(log: LogLine, lines: list[bytes]) -> None:
    for line in lines:
        log(line.decode(errors="replace").removesuffix("\r"))


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _failure(status: int) -> str:
    """The words of Go's os/exec for a process state that is not success."""
    if status < 0:
        return f"signal: {(signal.strsignal(-status) or str(-status)).lower()}"
    return f"exit status {status}" if status else ""


def _thread(target: Callable[..., None], *args: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=args, daemon=True)
    thread.start()
    return thread
