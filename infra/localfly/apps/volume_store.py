"""Volumes: a record and a folder each, and snapshots, which are copies of the folder.

Only the deletion of a volume, or of its app, removes a folder. Snapshots outlive their volume, as
on Fly, until their days are over.
"""

import asyncio
import stat
import subprocess
import tempfile
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any, Final

from localfly.apps.records import AppRecords
from localfly.apps.volume import NewVolume, Record, retention, snapshot_record, volume_record
from localfly.errors import InvalidArgumentError, NotFoundError
from localfly.state.disk_space import check_disk_space
from localfly.state.files import remove_tree
from localfly.state.store import Store
from localfly.timing.clock import Clock
from localfly.timing.timestamp import rfc3339

SPARE: Final = ".spare"  # an empty folder, which the mounts of machines need

_GB: Final = 1 << 30
_SECRET: Final = frozenset({"volume_id", "ends_at"})  # of a snapshot's record; not Fly's
Stillness = AbstractAsyncContextManager[None]


class VolumeStore:
    """The volumes of all apps, below one folder."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._records = AppRecords(store, "volumes")
        self._snapshots = AppRecords(store, "snapshots")
        self._store = store
        self._clock = clock
        self.folder = store.subfolder("volumes").resolve()
        store.subfolder(f"volumes/{SPARE}")
        for document in store.documents("volumes"):  # a former version made no folders
            for identifier in document:
                store.subfolder(f"volumes/{identifier}")

    def of(self, app: str) -> dict[str, Record]:
        """Return the app's volumes by id, oldest first."""
        return self._records.of(app)

    def get(self, app: str, volume_id: str) -> Record:
        """Return one volume.

        Raises:
            NotFoundError: the app has none of that id.
        """
        return self._records.get(app, volume_id)

    async def create(self, app: str, new: NewVolume, still: Stillness | None = None) -> Record:
        """Make a volume: empty, or with what a snapshot or another volume holds.

        Args:
            still: keeps the source as it is while it is copied.

        Raises:
            InvalidArgumentError: the message names the field.
            NotFoundError: the app has no such snapshot or volume.
            NoSpaceError: the disk is full.
        """
        source, least_gb = self._source(app, new)
        record = volume_record(new, least_gb, rfc3339(self._clock()))
        check_disk_space(self._store.folder)
        if source is None:
            self._store.subfolder(f"volumes/{record['id']}")
        else:
            await self._copy(source, record["id"], still)
        return self._records.put(app, record["id"], record)

    def update(self, app: str, volume_id: str, changes: Record) -> Record:
        """Change `snapshot_retention` or `auto_backup_enabled`.

        Raises:
            InvalidArgumentError: a value is out of bounds.
        """
        record = self.get(app, volume_id)
        if "snapshot_retention" in changes:
            retention(changes["snapshot_retention"])
        return self._put(app, {**record, **changes})

    def extend(self, app: str, volume_id: str, size_gb: int) -> Record:
        """Let the volume be larger.

        Raises:
            InvalidArgumentError: it would be smaller.
        """
        record = self.get(app, volume_id)
        if size_gb < record["size_gb"]:
            raise InvalidArgumentError(
                f"invalid_argument: volume {volume_id} has {record['size_gb']} GB and can't be "
                f"made smaller, found size_gb {size_gb}"
            )
        return self._put(app, {**record, "size_gb": size_gb})

    def delete(self, app: str, volume_id: str) -> Record:
        """Delete the volume and its data; its snapshots stay."""
        record = self._records.delete(app, volume_id)
        remove_tree(self.folder / volume_id)
        return record

    def stored_bytes(self, volume_id: str) -> int:
        """Return how much the files of a volume hold."""
        return _size_of(self.folder / volume_id)

    async def snapshot(self, app: str, volume_id: str, still: Stillness | None = None) -> Record:
        """Copy the volume's folder, and return the snapshot."""
        volume = self.get(app, volume_id)
        source, now = self.folder / volume_id, self._clock()
        stored = await asyncio.to_thread(_size_of, source)
        record = snapshot_record(volume, stored, now, rfc3339(now))
        await self._copy(source, record["id"], still)
        return _shown(self._snapshots.put(app, record["id"], record))

    def snapshots(self, app: str, volume_id: str) -> list[Record]:
        """Return the volume's snapshots, oldest first; it may be deleted.

        Raises:
            NotFoundError: there is no such volume, and no snapshot of one.
        """
        self._forget_old_snapshots(app)
        found = [one for one in self._snapshots.of(app).values() if one["volume_id"] == volume_id]
        if not found:
            self.get(app, volume_id)
        return [_shown(one) for one in found]

    def forget(self, app: str) -> None:
        """Delete the app's volumes and snapshots with their data."""
        for identifier in [*self.of(app), *self._snapshots.of(app)]:
            remove_tree(self.folder / identifier)
        self._records.forget(app)
        self._snapshots.forget(app)

    def _source(self, app: str, new: NewVolume) -> tuple[Path | None, int]:
        """Return the folder that a new volume is a copy of, and its size in GB."""
        if new.snapshot_id and new.source_volume_id:
            raise InvalidArgumentError(
                "invalid_argument: snapshot_id and source_volume_id can't both be the source"
            )
        if new.source_volume_id:
            size = self.get(app, new.source_volume_id)["size_gb"]
            return self.folder / new.source_volume_id, size
        if new.snapshot_id:
            self._forget_old_snapshots(app)
            record = self._snapshots.of(app).get(new.snapshot_id)
            if record is None:
                raise NotFoundError(f"snapshot {new.snapshot_id} not found")
            return self.folder / new.snapshot_id, record["volume_size"] // _GB
        return None, 0

    async def _copy(self, source: Path, name: str, still: Stillness | None) -> None:
        """Copy a folder beside its place first, so that a folder of that name is complete."""
        check_disk_space(self._store.folder, await asyncio.to_thread(_size_of, source))
        scratch = Path(tempfile.mkdtemp(prefix=".copy-", dir=self.folder))
        try:
            async with still or nullcontext():
                await asyncio.to_thread(_copy_tree, source, scratch)
            await asyncio.to_thread(scratch.rename, self.folder / name)
        except BaseException:
            remove_tree(scratch)
            raise

    def _put(self, app: str, record: Record) -> Record:
        changed = {**record, "updated_at": rfc3339(self._clock())}
        return self._records.put(app, record["id"], changed)

    def _forget_old_snapshots(self, app: str) -> None:
        now = self._clock()
        for identifier, record in self._snapshots.of(app).items():
            if record["ends_at"] <= now:
                self._snapshots.delete(app, identifier)
                remove_tree(self.folder / identifier)


def _copy_tree(source: Path, target: Path) -> None:
    """Copy owners, times, links and sockets too, which Python's own copy does not."""
    command = ["cp", "-a", f"{source}/.", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{source} could not be copied: {done.stderr.strip()}")


def _size_of(folder: Path) -> int:
    """Return the bytes of the files of a folder that may change meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        try:
            found = path.lstat()
        except OSError:
            continue
        total += found.st_size if stat.S_ISREG(found.st_mode) else 0
    return total


def _shown(snapshot: Record) -> dict[str, Any]:
    return {key: value for key, value in snapshot.items() if key not in _SECRET}
