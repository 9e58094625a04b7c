"""The state on disk: JSON files under one folder, each replaced in one step, so that kill -9 of the
daemon leaves the former or the new version of a file, never half of one. While the disk is full,
documents are in memory, and are written once there is space.
"""

import asyncio
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from localfly.state.disk_space import is_disk_full
from localfly.state.files import make_folder

_SETTLE_SECONDS: Final = 1.0

_log = logging.getLogger("flygate.local")


class Store:
    """Documents by key (`machines/148ed…`); only the owner can read them.

    Nothing is synced to the device: the state survives the daemon, not a power cut.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._owed: dict[str, str] = {}
        make_folder(folder)

    def subfolder(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def read(self, key: str) -> Any | None:
        """Return the document, or None if there is none."""
        if key in self._owed:
            return json.loads(self._owed[key])
        try:
            return json.loads(self._path(key).read_bytes())
        except FileNotFoundError:
            return None

    def write(self, key: str, document: Any) -> None:
        """Keep a document, in memory only while the disk is full.

        Raises:
            OSError: it can't be written for another reason.
        """
        text = json.dumps(document, separators=(",", ":"))
        try:
            self._put(key, text)
            self._owed.pop(key, None)
        except OSError as exc:
            if not is_disk_full(exc):
                raise
            self._owed[key] = text
            _log.error("%s is kept in memory until the disk has space: %s", key, exc)

    def delete(self, key: str) -> None:
        self._owed.pop(key, None)
        self._path(key).unlink(missing_ok=True)

    async def settle_for_ever(self) -> None:
        """Write what is only in memory, once there is space."""
        while True:
            await asyncio.sleep(_SETTLE_SECONDS)
            self.settle()

    def settle(self) -> None:
        """Write what is only in memory, as far as there is space now."""
        for key, text in list(self._owed.items()):
            try:
                self._put(key, text)
            except OSError:
                return
            del self._owed[key]

    def documents(self, prefix: str) -> Iterator[Any]:
        """Read all documents under `prefix/`, in the order of their keys."""
        for path in sorted((self.folder / prefix).glob("*.json")):
            yield json.loads(path.read_bytes())

    def _put(self, key: str, text: str) -> None:
        path = self._path(key)
        scratch = path.with_suffix(".new")
        try:
            # The parent is not made here: after the project's folder was moved, the old daemon
            # must not make a folder at the old place.
            descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
            scratch.replace(path)
        except OSError:
            scratch.unlink(missing_ok=True)
            raise

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"
