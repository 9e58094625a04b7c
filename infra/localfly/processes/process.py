"""One process of a machine: starts or adopts it, waits for it, signals and ends it."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from localfly.processes.identity import ProcessIdentity, identify, is_alive
from localfly.state.files import opener
from localfly.timing.background import BackgroundTasks
from localfly.timing.polling import poll, poll_async

_POLL_SECONDS: Final = 0.2
_COMMAND_SECONDS: Final = 0.2
_COMMAND_POLL_SECONDS: Final = 0.0005


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """What to run, where, with which environment, writing to which file.

    `umask`: the permissions that its new files lack; -1: the daemon's umask.
    `prepared_by`: a command that prepares its own process, and becomes the command, which follows
    it after the number of a descriptor. It writes the reason there where it fails.
    """

    command: tuple[str, ...]
    env: Mapping[str, str]
    folder: Path
    output: Path
    umask: int = -1
    prepared_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a process ended; code -1 if that is unknown (an adopted process is no child of the
    daemon).
    """

    code: int
    signal: int = 0
    out_of_memory: bool = False

    @classmethod
    def of_returncode(cls, returncode: int) -> "ExitStatus":
        if returncode < 0:
            return cls(128 - returncode, -returncode)
        return cls(returncode)


class Process:
    """The main process of a machine, leader of its process group."""

    def __init__(self, identity: ProcessIdentity, child: subprocess.Popen[bytes] | None) -> None:
        self.identity = identity
        self._child = child
        self._tasks = BackgroundTasks()
        self._ended = self._tasks.start(self._wait_for_end())

    @classmethod
    def start(cls, spec: LaunchSpec) -> "Process":
        """Start the command.

        Raises:
            OSError: it can't be executed.
        """
        child = _prepared(spec) if spec.prepared_by else _popen(spec, spec.command)
        known = _identify_new(child.pid) or ProcessIdentity(child.pid, "", " ".join(spec.command))
        return cls(known, child)

    @classmethod
    def adopt(cls, identity: ProcessIdentity) -> "Process | None":
        """Return the process that a former daemon started; None if it is gone."""
        return cls(identity, None) if is_alive(identity) else None

    async def wait(self) -> ExitStatus:
        return await asyncio.shield(self._ended)

    @property
    def has_ended(self) -> bool:
        return self._ended.done()

    def send(self, signal_number: int) -> None:
        """Signal the main process."""
        if not self._ended.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.identity.pid, signal_number)

    def send_to_group(self, signal_number: int) -> None:
        """Signal the main process and what it started."""
        if not self._ended.done():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.identity.pid, signal_number)

    @contextlib.asynccontextmanager
    async def standing_still(self) -> AsyncIterator[None]:
        """Let the processes of the machine do nothing for as long as the context lasts."""
        await self._hold()
        try:
            yield
        finally:
            await self._release()

    async def _hold(self) -> None:
        self.send_to_group(signal.SIGSTOP)

    async def _release(self) -> None:
        self.send_to_group(signal.SIGCONT)

    async def quit(self, signal_name: str, timeout: float) -> None:
        """End the process by its stop signal, then by SIGKILL."""
        self.send(signal.Signals[signal_name])
        self.send_to_group(signal.SIGCONT)  # a frozen process can't end
        try:
            async with asyncio.timeout(timeout):
                await self.wait()
        except TimeoutError:
            self.send_to_group(signal.SIGKILL)
            await self.wait()

    async def _wait_for_end(self) -> ExitStatus:
        await _pid_ended(self.identity)
        if self._child is None:
            return ExitStatus(-1)
        # Not reaped yet, so the group's number still means this group: end what is left in it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.identity.pid, signal.SIGKILL)
        return ExitStatus.of_returncode(self._child.wait())


def _prepared(spec: LaunchSpec) -> subprocess.Popen[bytes]:
    """Start the command by the one that prepares its process; return once it runs."""
    reports, descriptor = os.pipe()
    try:
        words = (*spec.prepared_by, str(descriptor), *spec.command)
        child = _popen(spec, words, (descriptor,))
    except OSError:
        os.close(reports)
        raise
    finally:
        os.close(descriptor)
    with open(reports, "rb") as stream:
        reason = stream.read().decode(errors="replace")  # empty once the command runs
    if reason:
        child.wait()
        raise OSError(reason)
    return child


def _popen(
    spec: LaunchSpec, words: Sequence[str], kept: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    # The output goes straight to a file: a pipe would break when the daemon dies.
    with open(spec.output, "ab", opener=opener) as output:
        return subprocess.Popen(
            words,
            cwd=spec.folder,
            env=dict(spec.env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=spec.umask,
            pass_fds=kept,
        )


def _identify_new(pid: int) -> ProcessIdentity | None:
    """Identify a process that was just started: for a moment the system shows no command."""

    def is_settled() -> bool:
        known = identify(pid)
        return known is None or bool(known.command)

    poll(is_settled, seconds=_COMMAND_SECONDS, pause=_COMMAND_POLL_SECONDS)
    return identify(pid)


async def _pid_ended(identity: ProcessIdentity) -> None:
    try:
        descriptor = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return
    except (AttributeError, OSError):  # not Linux, or an old one
        await poll_async(lambda: not is_alive(identity), pause=_POLL_SECONDS)
        return
    try:
        await _readable(descriptor)
    finally:
        os.close(descriptor)


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def wake() -> None:
        loop.remove_reader(descriptor)
        if not ended.done():
            ended.set_result(None)

    loop.add_reader(descriptor, wake)
    try:
        await ended
    finally:
        loop.remove_reader(descriptor)
