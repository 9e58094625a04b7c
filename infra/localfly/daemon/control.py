"""Controls the daemon of a state folder from outside: find it, start it, end it and all it left."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from localfly.accounts.tokens import digest_of
from localfly.daemon.info import DAEMON_KEY, DaemonInfo
from localfly.daemon.launch import Launch
from localfly.daemon.options import DOCKER, RUNTIME_KEY, Options
from localfly.daemon.version import PROJECT_ROOT
from localfly.errors import StartupError
from localfly.processes.identity import ProcessIdentity, identify
from localfly.processes.orphans import end_orphans
from localfly.runtime.container import remove_containers
from localfly.state.files import opener
from localfly.state.folder import Contents, StateFolder
from localfly.state.lock import StateLock
from localfly.state.store import Store
from localfly.timing.polling import poll

_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Started:
    """The result of `up`."""

    info: DaemonInfo
    is_new: bool
    reason: str = ""  # why a running daemon was replaced


class DaemonControl:
    """The daemon of one state folder."""

    def __init__(self, state_dir: Path) -> None:
        self.folder = state_dir
        self._folder = StateFolder(state_dir)
        self.log_path = state_dir / "daemon.log"
        self._children: list[
            subprocess.Popen[bytes]
        ] = []  # to be reaped if this process outlives them

    def running(self) -> DaemonInfo | None:
        """Return the daemon that is ready; None if there is none, or if it is still starting."""
        pid = self._holder() if self._folder.is_ours else None
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
        """Make sure that a daemon of this code and this folder is ready.

        A daemon that runs is ended only if it must be replaced and the checks show that another
        one can start. If that fails nevertheless, the former one is started again as it was.

        Args:
            options: of the daemon; None: the present ones, or the defaults.

        Raises:
            StartupError: it does not start; the message is the daemon's.
        """
        self._folder.claim()
        wanted, info = Launch(api_port, proxy_port, options), self.running()
        if info is None:
            wanted.check()
            return Started(self._start(wanted), is_new=True)
        reason = wanted.differs(info, self._token_digest(options))
        if not reason:
            return Started(info, is_new=False)
        launch = self._checked(wanted, info, reason)
        self.down()
        try:
            return Started(self._start(launch), is_new=True, reason=reason)
        except StartupError as exc:
            raise self._restored(info, exc) from exc

    def down(self) -> bool:
        """End the daemon, its machines and what a killed daemon left; return False if nothing ran.

        Raises:
            ForeignFolderError: the folder is no local Fly's.
        """
        self._folder.check()
        was_running = False
        while (pid := self._holder()) is not None:  # another `up` may just have started one
            self._end_daemon(pid)
            was_running = True
        self._reap()
        return bool(self._end_leftovers()) or was_running

    def contents(self) -> Contents:
        """Return what a purge deletes.

        Raises:
            ForeignFolderError: the folder is no local Fly's.
        """
        self._folder.check()
        return self._folder.contents()

    def purge(self) -> list[Path]:
        """Delete the state, on which nothing may run. Return what stays: the local Fly did not
        write it.

        Raises:
            ForeignFolderError: the folder is no local Fly's.
            StartupError: a daemon runs on it.
        """
        return self._folder.purge()

    def _checked(self, wanted: Launch, info: DaemonInfo, reason: str) -> Launch:
        """Return the daemon that takes a running one's place, checked.

        Raises:
            StartupError: it can't; the daemon runs on.
        """
        stays = "The local Fly that runs was left as it is."
        try:
            launch = wanted.after(info)
            launch.check(info)
        except StartupError as exc:
            raise type(exc)(f"{str(exc).rstrip('.')}. {stays}") from exc
        token = self._token_digest(launch.options)
        if wanted.options is None and info.token_digest not in {"", token}:
            raise StartupError(
                f"it must be restarted, because {reason}, and it was started with a token that "
                "FLY_API_TOKEN does not hold here. Set it to that token and run this again, or end "
                f"the local Fly with `flygate local down` first. {stays}"
            )
        return launch

    def _start(self, launch: Launch) -> DaemonInfo:
        child = self._spawn(launch.arguments(), launch.variables())
        self._children.append(child)
        return self._wait_until_ready(child)

    def _restored(self, info: DaemonInfo, error: StartupError) -> StartupError:
        """Start the former daemon again, and return the error to raise."""
        message = str(error).rstrip(".")
        try:
            self._start(Launch.of(info))
        except StartupError:
            return StartupError(
                f"{message}. The former one was ended, and could not be started again either."
            )
        return StartupError(f"{message}. The former one was started again, as it was.")

    def _token_digest(self, options: Options | None) -> str:
        return digest_of(self.folder, options.tokens if options else ())

    def _spawn(
        self, arguments: list[str], variables: Mapping[str, str]
    ) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "localfly", "--state", str(self.folder), *arguments]
        with open(self.log_path, "ab", opener=opener) as log:
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
        info = poll(
            lambda: self._running_or_failed(child), seconds=_START_SECONDS, pause=_POLL_SECONDS
        )
        if info is None:
            child.kill()
            child.wait()
            raise StartupError(
                f"the local Fly is not ready after {_START_SECONDS:g}s; see {self.log_path}"
            )
        if info.pid != child.pid:  # another `up` was faster; this child is about to give up
            child.wait()
        return info

    def _running_or_failed(self, child: "subprocess.Popen[bytes]") -> DaemonInfo | None:
        info = self.running()
        # The lock's holder may be the daemon of another `up`.
        if info is None and child.poll() is not None and self._holder() is None:
            raise StartupError(_last_line(self.log_path))
        return info

    def _end_daemon(self, pid: int) -> None:
        """SIGTERM, then SIGKILL."""
        os.kill(pid, signal.SIGTERM)
        if not self._has_ended(pid):
            os.kill(pid, signal.SIGKILL)
            self._has_ended(pid)

    def _reap(self) -> None:
        for child in self._children:
            child.wait()
        self._children.clear()

    def _has_ended(self, pid: int) -> bool:
        """Wait for the end of the process; it gives its lock up a moment before."""
        return poll(lambda: identify(pid) is None, seconds=_STOP_SECONDS, pause=_POLL_SECONDS)

    def _end_leftovers(self) -> list[int]:
        identity = self._read("identity")
        if not identity:
            return []
        store = Store(self.folder)
        documents = (*store.documents("machines"), *store.documents("addons"))
        recorded = [
            ProcessIdentity.from_state(one["process"]) for one in documents if one["process"]
        ]
        if store.read(RUNTIME_KEY) == DOCKER:
            remove_containers(identity["state_id"])
        return end_orphans(identity["state_id"], recorded)

    def _holder(self) -> int | None:
        pid = StateLock(self.folder).holder()
        return pid if pid is not None and identify(pid) else None

    def _read(self, key: str) -> Any | None:
        return Store(self.folder).read(key) if self._folder.is_ours else None


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    line = lines[-1] if lines else "the daemon ended and wrote nothing"
    return line.removeprefix("flygate local: ")
