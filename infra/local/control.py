"""A daemon seen from outside: is it running, start it in the background, end it and all it left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.daemon_info import DAEMON_KEY, DaemonInfo
from infra.local.errors import StartupError
from infra.local.images import remove_tree
from infra.local.lock import StateLock
from infra.local.options import DOCKER, RUNTIME_KEY, Options
from infra.local.runtime.container import remove_containers
from infra.local.runtime.identity import ProcessIdentity, identify
from infra.local.runtime.orphans import end_orphans
from infra.local.store import Store
from infra.local.version import PROJECT_ROOT, code_version

_START_SECONDS = 30.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Started:
    """What `up` did."""

    info: DaemonInfo
    is_new: bool
    reason: str = ""  # why a running daemon was replaced


class DaemonControl:
    """The daemon of one state folder."""

    def __init__(self, state_dir: Path) -> None:
        self.folder = state_dir
        self.log_path = state_dir / "daemon.log"
        self._children: list[subprocess.Popen[bytes]] = []  # to be reaped if we outlive them

    def running(self) -> DaemonInfo | None:
        """The daemon that is ready; None if there is none, or if it is only just starting."""
        pid = self._holder()
        if pid is None:
            return None
        document = self._read(DAEMON_KEY)
        info = DaemonInfo.from_state(document) if document else None
        return info if info and info.pid == pid else None

    def up(
        self,
        api_port: int | None = None,
        proxy_port: int | None = None,
        options: Options | None = None,
    ) -> Started:
        """Makes sure that a daemon of this code and this place is ready.

        Args:
            options: as it should be; None: as it is, or as usual.

        Raises:
            StartupError: it does not start; the text is the daemon's own.
        """
        info, reason = self.running(), ""
        if info and not (reason := _why_outdated(info, options)):
            return Started(info, is_new=False)
        if info:
            self.down()
        Store(self.folder)
        arguments = options.arguments() if options else info.options if info else ()
        variables = options.variables() if options else {}
        child = self._spawn([*_ports(api_port, proxy_port), *arguments], variables)
        self._children.append(child)
        return Started(self._wait_until_ready(child), is_new=True, reason=reason)

    def down(self) -> bool:
        """Ends the daemon, its machines and what a killed daemon left; False if nothing ran."""
        was_running = False
        while (pid := self._holder()) is not None:  # another `up` may just have brought a next one
            self._end_daemon(pid)
            was_running = True
        self._reap()
        return bool(self._end_leftovers()) or was_running

    def purge(self) -> None:
        """Deletes the state; nothing may run on it."""
        remove_tree(self.folder)

    def _spawn(
        self, arguments: list[str], variables: Mapping[str, str]
    ) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "infra.local", "--state", str(self.folder), *arguments]
        with self.log_path.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=PROJECT_ROOT,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _wait_until_ready(self, child: "subprocess.Popen[bytes]") -> DaemonInfo:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if info := self.running():
                if info.pid != child.pid:  # another `up` was faster; ours is about to give up
                    child.wait()
                return info
            if child.poll() is not None and self._holder() is None:  # nor another `up`'s daemon
                raise StartupError(_last_line(self.log_path))
            time.sleep(_POLL_SECONDS)
        child.kill()
        child.wait()
        raise StartupError(
            f"the local Fly is not ready after {_START_SECONDS:g}s; see {self.log_path}"
        )

    def _end_daemon(self, pid: int) -> None:
        """Politely, then not."""
        os.kill(pid, signal.SIGTERM)
        if not self._has_ended(pid):
            os.kill(pid, signal.SIGKILL)
            self._has_ended(pid)

    def _reap(self) -> None:
        for child in self._children:
            child.wait()
        self._children.clear()

    def _has_ended(self, pid: int) -> bool:
        """The process is gone, not just its lock, which it gives up a moment before."""
        deadline = time.monotonic() + _STOP_SECONDS
        while identify(pid) is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _end_leftovers(self) -> list[int]:
        identity = self._read("identity")
        if not identity:
            return []
        store = Store(self.folder)
        documents = (*store.documents("machines"), *store.documents("addons"))
        recorded = [ProcessIdentity(**one["process"]) for one in documents if one["process"]]
        if store.read(RUNTIME_KEY) == DOCKER:
            remove_containers(identity["state_id"])
        return end_orphans(identity["state_id"], recorded)

    def _holder(self) -> int | None:
        pid = StateLock(self.folder).holder()
        return pid if pid is not None and identify(pid) else None

    def _read(self, key: str) -> Any | None:
        return Store(self.folder).read(key) if self.folder.is_dir() else None


def _ports(api: int | None, proxy: int | None) -> list[str]:
    asked = {"--api-port": api, "--proxy-port": proxy}
    return [word for name, port in asked.items() if port is not None for word in (name, str(port))]


def _why_outdated(info: DaemonInfo, options: Options | None) -> str:
    """Empty if the daemon is what this checkout would start."""
    if options and info.options != tuple(options.arguments()):
        return "its options are others now"
    if info.root != str(PROJECT_ROOT):
        return f"it ran from {info.root}"
    if info.version != code_version():
        return "its code has changed"
    return ""


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    line = lines[-1] if lines else "the daemon ended without a word"
    return line.removeprefix("flygate local: ")
