"""The Docker engine: the one that answers, or one that is started here and stopped again."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scripts.toolchain.checkout import Checkout
from scripts.toolchain.console import Console
from scripts.toolchain.docker.deadline import Deadline
from scripts.toolchain.errors import CommandError, DockerMissingError
from scripts.toolchain.programs import run

# Short: the path of a socket below it must fit into 107 characters.
_RUN = Path("/run/flygate-docker")
_PID_FILE = _RUN / "dockerd.pid"
_APT = {"DEBIAN_FRONTEND": "noninteractive"}


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that answers."""

    version: str


def ensure(checkout: Checkout, console: Console, deadline: Deadline) -> Engine:
    """Find an engine that answers, or start one.

    Raises:
        DockerMissingError: none answers, and none can be started here; says why.
        CommandError: installing or starting it failed.
    """
    found = _answering(deadline)
    if found is not None:
        return found
    _check_startable()
    if shutil.which("dockerd") is None:
        _install(console, deadline)
    with console.step("Start the Docker engine"):
        return _start(checkout.cache / "docker", deadline)


def stop(console: Console) -> None:
    """End the engine that `ensure` started, with its containers; no other is touched."""
    pid = _started_pid()
    if pid is None:
        return
    with console.step("Stop the Docker engine"):
        _end(pid)


def _answering(deadline: Deadline) -> Engine | None:
    try:
        format_ = "{{.Server.Version}}"
        version = run(
            "Asking Docker", ["docker", "version", "--format", format_], None, deadline.left(20)
        )
    except CommandError:
        return None
    return Engine(version.strip())


def _check_startable() -> None:
    if configured := os.environ.get("DOCKER_HOST"):
        raise DockerMissingError(f"nothing answers at DOCKER_HOST={configured}")
    if os.geteuid() != 0:
        raise DockerMissingError("no engine answers, and only root can start one")
    if shutil.which("dockerd") is None and shutil.which("apt-get") is None:
        raise DockerMissingError(
            "no engine answers, dockerd is not installed, and there is no apt-get"
        )


def _install(console: Console, deadline: Deadline) -> None:
    install = ["apt-get", "install", "--yes", "--no-install-recommends", "docker.io"]
    with console.step("Install docker.io"):
        run("Updating the list of packages", ["apt-get", "update"], _APT, deadline.left(60))
        run("Installing docker.io", install, _APT, deadline.left())


def _start(data: Path, deadline: Deadline) -> Engine:
    """An engine of our own."""
    for folder in (data, _RUN):
        folder.mkdir(parents=True, exist_ok=True)
    log = data / "dockerd.log"
    command = ["dockerd", f"--storage-driver={_driver(data)}", f"--data-root={data / 'data'}"]
    command += [f"--exec-root={_RUN}", f"--pidfile={_PID_FILE}"]
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # it outlives us, and an interrupt of our terminal
        )
    while (found := _answering(deadline)) is None:
        if process.poll() is not None or deadline.is_over:
            _end(process.pid)
            last = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
            raise CommandError("Starting the Docker engine", "dockerd", process.returncode, last)
        time.sleep(0.1)
    return found


def _driver(data: Path) -> str:
    """Overlays where they can be had: copies work within a container too, but take long."""
    with tempfile.TemporaryDirectory(prefix="overlay-", dir=data) as temporary:
        folder = Path(temporary)
        lower, upper, work, merged = (folder / name for name in ("l", "u", "w", "m"))
        for part in (lower, upper, work, merged):
            part.mkdir()
        options = f"lowerdir={lower},upperdir={upper},workdir={work}"
        try:
            run("Trying", ["mount", "-t", "overlay", "-o", options, "overlay", merged])
        except CommandError:
            return "vfs"
        run("Ending the trial", ["umount", merged])
    return "overlay2"


def _started_pid() -> int | None:
    try:
        pid = int(_PID_FILE.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    # A number may have been given to another process since.
    return pid if f"--pidfile={_PID_FILE}".encode() in command else None


def _end(pid: int) -> None:
    """It stops its containers and its containerd before it goes."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        for _ in range(150):
            if _has_ended(pid):
                return
            time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)


def _has_ended(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"
