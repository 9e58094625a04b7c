"""A Docker container as the main process of a machine: the daemon watches the attached `docker
run`, and signals go through Docker.
"""

import asyncio
import re
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from localfly.processes.identity import ProcessIdentity, is_alive
from localfly.processes.process import ExitStatus, LaunchSpec, Process

_NAME: Final = re.compile(r"--name (\S+)")
_VERBS: Final = {signal.SIGSTOP: "pause", signal.SIGCONT: "unpause"}
_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class DockerAnswer:
    code: int
    stdout: str
    stderr: str


class Container(Process):
    """A container whose name is in the command that runs it."""

    def __init__(self, identity: ProcessIdentity, child: subprocess.Popen[bytes] | None) -> None:
        self.name = self.name_in(identity.command)
        super().__init__(identity, child)

    @staticmethod
    def name_in(command: str) -> str:
        """Return the name of the container that a command runs; empty if the local Fly did not
        start it.
        """
        named = _NAME.search(command)
        return named[1] if named else ""

    @classmethod
    def start(cls, spec: LaunchSpec) -> "Container":
        """Run `docker run …`.

        Raises:
            OSError: there is no docker.
        """
        started = super().start(spec)
        assert isinstance(started, cls)  # noqa: S101 (made by the constructor of this class)
        return started

    @classmethod
    def adopt(cls, identity: ProcessIdentity) -> "Container | None":
        return cls(identity, None) if is_alive(identity) else None

    def send(self, signal_number: int) -> None:
        """Signal the container's main process, or pause and resume all of its processes."""
        if self.has_ended:
            return
        verb = _VERBS.get(signal.Signals(signal_number))
        words = (verb, self.name) if verb else ("kill", "-s", str(int(signal_number)), self.name)
        self._tasks.start(ask_docker(*words))

    def send_to_group(self, signal_number: int) -> None:
        self.send(signal_number)

    async def _hold(self) -> None:
        await ask_docker("pause", self.name)

    async def _release(self) -> None:
        await ask_docker("unpause", self.name)

    async def quit(self, signal_name: str, timeout: float) -> None:
        """End the container by its stop signal, then by SIGKILL."""
        await ask_docker("unpause", self.name)  # a frozen one gets no signal
        await ask_docker("kill", "-s", signal_name, self.name)
        try:
            async with asyncio.timeout(timeout):
                await self.wait()
        except TimeoutError:
            await ask_docker("kill", self.name)
            await self.wait()

    async def _wait_for_end(self) -> ExitStatus:
        """Return how the container ended, which `docker run` does not show, and remove it."""
        await super()._wait_for_end()
        wanted = "{{.State.ExitCode}} {{.State.OOMKilled}}"
        found = await ask_docker("inspect", "--format", wanted, self.name)
        await ask_docker("rm", "--force", self.name)
        if found.code:
            return ExitStatus(-1)
        code, out_of_memory = found.stdout.split()
        number = int(code) - 128
        has_signal = 0 < number < signal.NSIG
        return ExitStatus(int(code), number if has_signal else 0, out_of_memory == "true")


async def ask_docker(*words: str, stdin: bytes = b"", seconds: float = _SECONDS) -> DockerAnswer:
    """Run a command of Docker; a failure is in the answer.

    Raises:
        TimeoutError: it did not end in time.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            "docker",
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as exc:
        return DockerAnswer(127, "", str(exc))
    try:
        async with asyncio.timeout(seconds):
            stdout, stderr = await process.communicate(stdin)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    texts = (text.decode(errors="replace") for text in (stdout, stderr))
    return DockerAnswer(process.returncode or 0, *texts)


def docker_trouble() -> str:
    """Return why Docker does not answer; empty if it does."""
    command = ["docker", "version", "--format", "{{.Server.Version}}"]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError) as exc:
        return str(exc)
    if answer.returncode == 0:
        return ""
    lines = answer.stderr.strip().splitlines()
    return lines[-1] if lines else f"`docker version` ended with {answer.returncode}"


def remove_containers(state_id: str, keep: Sequence[str] = ()) -> None:
    """Remove the containers of a state but those in `keep`; without Docker there are none."""
    label = f"label=flygate.state={state_id}"
    try:
        listed = subprocess.run(
            ["docker", "ps", "--all", "--filter", label, "--format", "{{.Names}}"],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        ).stdout.split()
        if lost := sorted(set(listed) - set(keep)):
            command = ["docker", "rm", "--force", *lost]
            subprocess.run(command, capture_output=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return
