"""The release records of all apps, kept in `releases/*.json`. Each app has versions from 1 up."""

import itertools
from collections.abc import Mapping
from typing import Any, Final

from localfly.apps.release import Release
from localfly.errors import NotFoundError, ValidationFailedError
from localfly.state.store import Store
from localfly.timing.clock import Clock
from localfly.timing.ulid import ulid

STRATEGIES: Final = frozenset(
    {"BLUEGREEN", "CANARY", "IMMEDIATE", "ROLLING", "ROLLING_ONE", "SIMPLE"}
)
_STATUSES: Final = frozenset(
    {"pending", "running", "complete", "failed", "interrupted", "succeeded"}
)
_KEPT: Final = 200


class ReleaseStore:
    """The releases by app, newest first."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        store.subfolder("releases")
        kept = ([Release(**one) for one in many] for many in store.documents("releases"))
        self._releases: dict[str, list[Release]] = {many[0].app: many for many in kept if many}

    def create(
        self, app: str, *, strategy: str, image_ref: str, definition: Mapping[str, Any], user: str
    ) -> Release:
        """Add the app's next release, pending.

        Raises:
            ValidationFailedError: Fly knows no such strategy.
        """
        strategy = strategy.upper() or "ROLLING"
        if strategy not in STRATEGIES:
            raise ValidationFailedError(f"Validation failed: unknown strategy {strategy!r}")
        earlier, now = self.of(app), self._clock()
        release = Release(
            id=ulid().lower(),
            app=app,
            version=earlier[0].version + 1 if earlier else 1,
            status="pending",
            strategy=strategy,
            image_ref=image_ref,
            definition=dict(definition),
            user=user,
            created_at=now,
            updated_at=now,
        )
        self._releases[app] = [release, *earlier][:_KEPT]
        self._save(app)
        return release

    def update(self, release: Release, status: str | None, metadata: Any) -> None:
        """Record a release's status and metadata.

        Raises:
            ValidationFailedError: Fly knows no such status.
        """
        if status is not None and status not in _STATUSES:
            raise ValidationFailedError(f"Validation failed: unknown status {status!r}")
        release.status = status or release.status
        release.metadata = release.metadata if metadata is None else metadata
        release.updated_at = self._clock()
        self._save(release.app)

    def of(self, app: str) -> list[Release]:
        return self._releases.get(app, [])

    def current(self, app: str) -> Release | None:
        """Return the newest release, whatever its status."""
        return next(iter(self.of(app)), None)

    def get(self, identifier: str) -> Release:
        """Return a release by its id.

        Raises:
            NotFoundError: there is none.
        """
        for release in itertools.chain.from_iterable(self._releases.values()):
            if release.id == identifier:
                return release
        raise NotFoundError(f"release {identifier} not found")

    def forget(self, app: str) -> None:
        self._releases.pop(app, None)
        self._store.delete(f"releases/{app}")

    def _save(self, app: str) -> None:
        self._store.write(f"releases/{app}", [one.to_state() for one in self.of(app)])
