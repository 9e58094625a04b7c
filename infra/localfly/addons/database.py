"""The server of one database: started, watched, restarted when it dies, ended with the daemon."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Final

from localfly.addons.addon import AddOn
from localfly.addons.valkey import ValkeySettings, valkey_program
from localfly.errors import FailedPreconditionError, FlyError
from localfly.processes.process import LaunchSpec, Process
from localfly.timing.background import BackgroundTasks
from localfly.timing.polling import poll_async

_START_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.01
_RESTART_SECONDS: Final = 0.5

_log = logging.getLogger("flygate.local")


class Database:
    """The server process of an add-on, as `record` describes it."""

    def __init__(
        self,
        record: AddOn,
        settings: Callable[[AddOn], ValkeySettings],
        environment: Mapping[str, str],
        save: Callable[[], None],
    ) -> None:
        self.record = record
        self._settings = settings
        self._environment = environment
        self._save = save
        self._process: Process | None = None
        self._tasks = BackgroundTasks()

    def boot(self) -> None:
        """Take the server over from a former daemon, or start it."""
        known = self.record.process
        self._process = Process.adopt(known) if known else None
        self._watch()

    async def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            FailedPreconditionError: there is no program, or it ended at once, as its log says.
        """
        self._launch()
        await self._wait_until_it_listens()
        self._watch()

    async def restart(self) -> None:
        """Start the server again with the present settings."""
        await self.halt()
        await self.start()

    async def halt(self) -> None:
        """End the server; its data is on disk."""
        await self._tasks.end()
        if self._process:
            await self._process.quit("SIGTERM", _STOP_SECONDS)
        self._process = self.record.process = None

    def _launch(self) -> None:
        settings = self._settings(self.record)
        command = (str(valkey_program()), str(settings.write()))
        output = settings.folder / "valkey.log"
        output.unlink(missing_ok=True)
        self._process = Process.start(
            LaunchSpec(command, self._environment, settings.folder, output, umask=0o077)
        )
        self.record.process = self._process.identity
        self._save()

    async def _wait_until_it_listens(self) -> None:
        assert self._process is not None  # noqa: S101 (launched before)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await poll_async(self._listens_or_has_ended, pause=_POLL_SECONDS)
            if self._process.has_ended:
                raise TimeoutError
        except TimeoutError as exc:
            log = self._settings(self.record).folder / "valkey.log"
            lines = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise FailedPreconditionError(
                f"failed_precondition: the Redis server did not start: {' '.join(lines)}"
            ) from exc

    async def _listens_or_has_ended(self) -> bool:
        assert self._process is not None  # noqa: S101 (launched before)
        return self._process.has_ended or await self._listens()

    async def _listens(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection(self.record.address, self.record.port)
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")  # NOAUTH once it serves, LOADING before
            return not (await reader.readline()).startswith(b"-LOADING")
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _watch(self) -> None:
        self._tasks.start(self._restart_for_ever())

    async def _restart_for_ever(self) -> None:
        while True:
            if self._process:
                await self._process.wait()
                await asyncio.sleep(_RESTART_SECONDS)
            try:
                self._launch()
            except (FlyError, OSError) as exc:
                _log.error("database %s could not be started: %s", self.record.name, exc)
                return
