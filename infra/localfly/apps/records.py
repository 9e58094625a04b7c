"""Documents per app that the local Fly keeps: volumes, snapshots, certificates."""

from typing import Any

from localfly.errors import NotFoundError
from localfly.state.disk_space import check_disk_space
from localfly.state.store import Store

Record = dict[str, Any]


class AppRecords:
    """The documents of one kind, kept in `<kind>/<app>.json`."""

    def __init__(self, store: Store, kind: str) -> None:
        self._store = store
        self._kind = kind
        store.subfolder(kind)

    def of(self, app: str) -> dict[str, Record]:
        """Return the app's documents by key, oldest first."""
        return self._store.read(self._key(app)) or {}

    def get(self, app: str, key: str) -> Record:
        """Return one document.

        Raises:
        NotFoundError: there is none of that key.
        """
        found = self.of(app).get(key)
        if found is None:
            raise NotFoundError(f"{self._kind.removesuffix('s')} {key} not found")
        return found

    def put(self, app: str, key: str, record: Record) -> Record:
        """Keep a document.

        Raises:
            NoSpaceError: the disk is full.
        """
        check_disk_space(self._store.folder)
        self._store.write(self._key(app), {**self.of(app), key: record})
        return record

    def delete(self, app: str, key: str) -> Record:
        """Remove a document and return it.

        Raises:
            NotFoundError: there is none of that key.
        """
        record, records = self.get(app, key), self.of(app)
        del records[key]
        self._store.write(self._key(app), records)
        return record

    def forget(self, app: str) -> None:
        self._store.delete(self._key(app))

    def _key(self, app: str) -> str:
        return f"{self._kind}/{app}"
