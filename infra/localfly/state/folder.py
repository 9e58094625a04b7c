"""The folder that keeps everything. It carries a mark, and a folder without one is left alone.

Only what the local Fly wrote is deleted: any other file stays.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from localfly.errors import ForeignFolderError, StartupError
from localfly.state.env_file import BEGINS, ENVIRONMENT
from localfly.state.files import make_folder, opener, remove_tree
from localfly.state.lock import NAME as LOCK
from localfly.state.lock import StateLock

MARK: Final = "local-fly.json"

_FORMAT: Final = "flygate-local-fly"
_ABOUT: Final = "The state of Flygate's local Fly; `flygate local down --purge` deletes it."
_STATE_ID: Final = re.compile(r"[0-9a-f]{16}")
_DOCUMENT: Final = re.compile(r"[a-z0-9][a-z0-9-]*\.(json|new)")
_SHOWN: Final = 3
_GONE: Final = "destroyed"  # a machine whose record is kept for some time
_USUAL: Final = ".flygate/local"  # below a checkout

# The names of files at the top, and below each subfolder. All others are not the local Fly's.
_FILES: Final = re.compile(
    rf"{re.escape(MARK)}|env\.new|daemon\.(json|new|lock|log)|(identity|ports|runtime|tokens)\.(json|new)"
)
_FOLDERS: Final = {
    "addons": re.compile(rf"key(\.new)?|[0-9a-f]{{16}}|{_DOCUMENT.pattern}"),
    "apps": _DOCUMENT,
    "certificates": _DOCUMENT,
    "images": re.compile(r"[0-9a-f]{64}|\.tags\.json(\.new)?|\.unpack-\w+"),
    "logs": re.compile(r"[0-9a-f]+\.out|[a-z0-9][a-z0-9-]*\.jsonl(\.1)?"),
    "machines": _DOCUMENT,
    "python": re.compile(r"bin|lib|lib64|include|\.?pyvenv\.cfg(\.new)?"),
    "releases": _DOCUMENT,
    "secretkeys": _DOCUMENT,
    "secrets": re.compile(rf"(key|oidc)(\.new)?|{_DOCUMENT.pattern}"),
    "snapshots": _DOCUMENT,
    "volumes": re.compile(rf"(vol|vs)_[0-9a-f]{{16}}|\.spare|\.copy-\w+|{_DOCUMENT.pattern}"),
}
# Written before the mark, or while another process writes it.
_FIRST: Final = {MARK, LOCK, "daemon.log"}


@dataclass(frozen=True, slots=True)
class Contents:
    """The number of things of each kind, for the question whether to delete them."""

    apps: int
    machines: int
    databases: int
    images: int
    volumes: int = 0

    def __str__(self) -> str:
        counted = (
            (self.apps, "app", "apps"),
            (self.machines, "machine", "machines"),
            (self.databases, "Redis", "Redis"),
            (self.images, "image", "images"),
            *([(self.volumes, "volume", "volumes")] if self.volumes else []),
        )
        return ", ".join(
            f"{number} {one if number == 1 else more}" for number, one, more in counted
        )


class StateFolder:
    """A folder that was named with `--state`; it may be another one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        """Whether something has that name, even a broken link."""
        return self.path.is_symlink() or self.path.exists()

    @property
    def is_ours(self) -> bool:
        """Whether a local Fly made it: it is marked, or clearly of a version without marks."""
        return self.path.is_dir() and (self._is_marked() or self._is_of_former_version())

    def claim(self) -> None:
        """Make the folder, or take an empty one or one of a former version, and mark it.

        Raises:
            ForeignFolderError: there are other things in it, or it is not a folder.
            StartupError: the system refuses.
        """
        try:
            self._claim()
        except OSError as exc:
            raise StartupError(f"the state folder {self.path} can't be made: {exc}") from exc

    def check(self) -> None:
        """Check that it is a local Fly's folder, or does not exist.

        Raises:
            ForeignFolderError: it is something else.
        """
        self._check_place()
        if self.exists and not self.is_ours:
            raise ForeignFolderError(self._strange())

    def contents(self) -> Contents:
        """Return what a purge would delete."""
        apps, addons = (len(list((self.path / name).glob("*.json"))) for name in ("apps", "addons"))
        machines = [
            self._read(f"machines/{p.name}") for p in (self.path / "machines").glob("*.json")
        ]
        alive = [one for one in machines if isinstance(one, dict) and one.get("state") != _GONE]
        images = sum(1 for path in self._owned() if path.parent.name == "images" and path.is_dir())
        volumes = sum(1 for path in self.volumes() if path.name.startswith("vol_"))
        return Contents(apps, len(alive), addons, images, volumes)

    def volumes(self) -> list[Path]:
        """Return the folders of volumes and snapshots, where machines set the permissions."""
        return [path for path in (self.path / "volumes").glob("v*_*") if path.is_dir()]

    def purge(self) -> list[Path]:
        """Delete what the local Fly wrote, and the folder if nothing else is in it.

        Returns:
            What stays, as the local Fly did not write it. The folder itself stays if its name is a
            link.

        Raises:
            ForeignFolderError: it is no local Fly's folder.
            StartupError: a daemon runs on it.
        """
        self.check()
        if not self.exists:
            return []
        lock = StateLock(self.path)
        if not lock.acquire():
            raise StartupError(f"a local Fly (process {lock.holder()}) runs in {self.path} again")
        try:
            self._delete()
        finally:
            lock.release()
        if stuck := list(self._owned()):
            raise StartupError(f"{stuck[0]} can't be deleted; check who owns it and its folder")
        if not any(self.path.iterdir()) and not self.path.is_symlink():
            self.path.resolve().rmdir()
            return []
        return sorted(self.path.iterdir())

    def _check_place(self) -> None:
        """Check that there can be a folder of that name."""
        for parent in self.path.absolute().parents:
            if parent.is_dir():
                return
            if parent.exists():
                raise ForeignFolderError(
                    f"{parent} is not a folder, so {self.path} can't be in it. Name a folder with "
                    "--state."
                )

    def _claim(self) -> None:
        self._check_place()
        if not self.exists:
            make_folder(self.path)
        if not self.path.is_dir():
            raise ForeignFolderError(self._strange())
        if not self._is_marked():
            others = {path.name for path in self.path.iterdir()} - _FIRST
            if others and not self._is_of_former_version():
                raise ForeignFolderError(self._strange())
            mark = {"kind": _FORMAT, "version": 1, "about": _ABOUT}
            with open(self.path / MARK, "w", encoding="utf-8", opener=opener) as file:
                file.write(json.dumps(mark) + "\n")
        self.path.chmod(0o700)

    def _is_marked(self) -> bool:
        mark = self._read(MARK)
        return isinstance(mark, dict) and mark.get("kind") == _FORMAT

    def _is_of_former_version(self) -> bool:
        """Return whether a version without marks ran here, or only began to."""
        identity = self._read("identity.json")
        known = identity.get("state_id") if isinstance(identity, dict) else None
        if isinstance(known, str) and _STATE_ID.fullmatch(known):
            return self._is_file(LOCK) and isinstance(self._read("ports.json"), dict)
        names = {path.name for path in self.path.iterdir()}
        return LOCK in names and names <= _FIRST

    def _read(self, name: str) -> object:
        try:
            return json.loads((self.path / name).read_bytes()) if self._is_file(name) else None
        except (OSError, ValueError):
            return None

    def _is_file(self, name: str) -> bool:
        path = self.path / name
        return path.is_file() and not path.is_symlink()

    def _strange(self) -> str:
        """Return the message that says what the folder has, and what to do."""
        name = self.path.absolute()
        if not self.path.exists():
            return f"{name} is a link that leads nowhere. Name another folder with --state."
        if not self.path.is_dir():
            return f"{name} is not a folder. Name a folder with --state."
        found = sorted(path.name for path in self.path.iterdir())
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        has = f"it has {', '.join(found[:_SHOWN])}{more}" if found else "it is empty"
        inner = [one for one in (*found, _USUAL) if StateFolder(self.path / one).is_ours]
        hint = f"Did you mean --state {self.path / inner[0]}?" if inner else "Name another folder."
        return (
            f"{name} is not a folder of the local Fly: {has}, and not the file {MARK} that a local "
            f"Fly puts into its folder. Nothing was done. {hint}"
        )

    def _delete(self) -> None:
        """Delete the mark and the lock last, so that an interrupted purge can be repeated."""
        last = [self.path / MARK, self.path / LOCK]
        for path in [*(path for path in self._owned() if path not in last), *last]:
            if path.is_dir() and not path.is_symlink():
                remove_tree(path)
            else:
                path.unlink(missing_ok=True)
        for name in _FOLDERS:
            folder = self.path / name
            if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
                folder.rmdir()

    def _owned(self) -> Iterator[Path]:
        """Yield all that the local Fly wrote, without the subfolders."""
        for path in list(self.path.iterdir()):
            if path.name in _FOLDERS and path.is_dir() and not path.is_symlink():
                yield from self._owned_below(path)
            elif self._is_own_file(path):
                yield path

    def _is_own_file(self, path: Path) -> bool:
        if path.name == ENVIRONMENT:
            written = self._is_file(ENVIRONMENT) and path.read_text(errors="replace")
            return bool(written) and str(written).startswith(BEGINS)
        return _FILES.fullmatch(path.name) is not None and path.is_file()

    def _owned_below(self, folder: Path) -> Iterator[Path]:
        if folder.name == "python" and not (folder / "pyvenv.cfg").is_file():
            return  # no virtual environment, so not the one that machines run
        for path in list(folder.iterdir()):
            if _FOLDERS[folder.name].fullmatch(path.name):
                yield path
