"""The state on disk: JSON files under one folder, each replaced in one step, so that kill -9 of the
daemon leaves the former or the new version of a file, never half of one.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.local.private import make_folder


class Store:
    """Documents by key (`machines/148ed…`); only the owner can read them.

    Nothing is synced to the device: the state must survive the daemon, not a power cut.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make_folder(folder)

    def subfolder(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def read(self, key: str) -> Any | None:
        """The document, or None if there is none."""
        try:
            return json.loads(self._path(key).read_bytes())
        except FileNotFoundError:
            return None

    def write(self, key: str, document: Any) -> None:
        path = self._path(key)
        scratch = path.with_suffix(".new")
        # The parent is not made here: after the project's folder was moved, the old daemon
        # must not bring the old place back to life.
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(document, file, separators=(",", ":"))
        scratch.replace(path)

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def documents(self, prefix: str) -> Iterator[Any]:
        """Every document under `prefix/`, in the order of their keys."""
        for path in sorted((self.folder / prefix).glob("*.json")):
            yield json.loads(path.read_bytes())

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"
