"""Run one command of a `command:local:Command`: streams, previous output, cancellation.

`command_provider` turns properties into a `ShellCommand`; `Runner` is where it meets the system.
"""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Literal, TypeAlias

from scripts.toolchain.standins.go_words import ended, not_started, quoted
from scripts.toolchain.standins.log_reader import LogReader
from scripts.toolchain.standins.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Iterator

Stream: TypeAlias = Literal["stdout", "stderr"]
LogLine: TypeAlias = Callable[[str], None]

_GRACE_SECONDS = 3.0
_CHUNK_BYTES = 32768


class CommandError(Exception):  # it says what happened, as the plugin's message does
    """The command could not be started, returned non-zero, or was stopped."""

    def __init__(self, reason: str, command: str, output: str) -> None:
        super().__init__(f"{reason}: running {quoted(command)}:\n{output}")


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
    """What a successful command wrote, without the last line's end.

    Bytes that are no UTF-8 are surrogates in it.
    """

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
            CommandError: it did not start, failed, ran out of time or was cancelled.
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
                raise CommandError("context canceled", command.text, "")
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
        self._log = LogReader(log)
        self._stopped_because = ""
        self._finished = threading.Event()
        # Before the command, which may be done with much before another process has begun.
        self._watchdog = Watchdog()
        try:
            self._process = _start(command)
        except CommandError:
            self._watchdog.dismiss()
            raise
        self._watchdog.watch(self._process.pid)
        assert self._process.stdout is not None  # both are pipes
        assert self._process.stderr is not None
        self._threads = [
            _thread(self._capture.read, self._process.stdout, "stdout", self._logger("stdout")),
            _thread(self._capture.read, self._process.stderr, "stderr", self._logger("stderr")),
            _thread(_feed, self._process.stdin, command.stdin),
        ]

    def finish(self, timeout_seconds: float) -> Output:
        """Wait for the command, for everything that holds its streams, and for their reader."""
        timer = threading.Timer(timeout_seconds, self.stop, ("context deadline exceeded",))
        if timeout_seconds:
            timer.start()
        try:
            self._process.wait()
            for thread in self._threads:
                thread.join()
            self._log.end()
        finally:
            timer.cancel()
            self._finished.set()
            self._watchdog.dismiss()
        return self._judge()

    def stop(self, reason: str = "context canceled") -> None:
        """Terminate the command's process group; kill what is left after the grace time."""
        if self._finished.is_set():
            return
        self._stopped_because = self._stopped_because or reason
        self._log.release()
        _signal_group(self._process.pid, signal.SIGTERM)
        self._finished.wait(self._grace_seconds)
        # Also when the command itself is gone: its children may have ignored the first signal.
        _signal_group(self._process.pid, signal.SIGKILL)

    def _judge(self) -> Output:
        reason = self._stopped_because or ended(self._process.returncode)
        if reason:
            output = self._capture.captured("interleaved").decode(errors="replace")
            raise CommandError(reason, self._command.text, output)
        return Output(stdout=self._output("stdout"), stderr=self._output("stderr"))

    def _output(self, stream: Stream) -> str:
        return self._capture.captured(stream).decode(errors="surrogateescape").removesuffix("\n")

    def _logger(self, stream: Stream) -> Callable[[bytes], None]:
        return self._log.write if stream in self._command.logged else lambda _: None


class _Capture:
    """Both streams, each apart and interleaved as they arrived."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes = {"stdout": bytearray(), "stderr": bytearray(), "interleaved": bytearray()}

    def read(self, pipe: IO[bytes], stream: Stream, log: Callable[[bytes], None]) -> None:
        while chunk := os.read(pipe.fileno(), _CHUNK_BYTES):
            with self._lock:
                self._bytes[stream] += chunk
                self._bytes["interleaved"] += chunk
            log(chunk)
        pipe.close()

    def captured(self, stream: Stream | Literal["interleaved"]) -> bytearray:
        return self._bytes[stream]


def _start(command: ShellCommand) -> subprocess.Popen[bytes]:
    program = _find(command)
    environment = {**os.environ, **command.environment}
    if any("\0" in text for text in environment.values()):
        raise CommandError("exec: environment variable contains NUL", command.text, "")
    try:
        return subprocess.Popen(
            [*command.interpreter, command.text],
            executable=program,
            cwd=command.directory or None,
            env=environment,
            stdin=subprocess.PIPE if command.stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
        )
    except (OSError, ValueError) as exc:
        reason = not_started(program, command.directory, exc)
        raise CommandError(reason, command.text, "") from None


def _find(command: ShellCommand) -> str:
    """The interpreter's path. It is looked for on the plugin's own PATH, not on the command's."""
    program = command.interpreter[0]
    found = program if "/" in program else shutil.which(program, path=os.environ.get("PATH", ""))
    if not found:
        reason = f"exec: {quoted(program)}: executable file not found in $PATH"
        raise CommandError(reason, command.text, "")
    return found


def _feed(pipe: IO[bytes] | None, text: str) -> None:
    if pipe is None:
        return
    # A command need not read what it is given.
    with suppress(BrokenPipeError), pipe:
        pipe.write(text.encode())


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _thread(target: Callable[..., None], *args: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=args, daemon=True)
    thread.start()
    return thread
