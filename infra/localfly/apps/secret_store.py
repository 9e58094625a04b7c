"""App secrets: their values are encrypted on disk; each write raises the app's version."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from localfly.errors import FailedPreconditionError, NotFoundError
from localfly.state.cipher import Cipher
from localfly.state.store import Store
from localfly.timing.clock import Clock

# Former values of an app, which its log may still show.
_KEPT: Final = 100


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret without its value."""

    name: str
    digest: str
    created_at: float
    updated_at: float
    sealed: str


@dataclass(frozen=True, slots=True)
class SecretSet:
    """An app's secrets at one version."""

    version: int
    secrets: Mapping[str, Secret]


class SecretStore:
    """The secrets of all apps, kept in `secrets/*.json`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._cipher = Cipher.of_file(store.subfolder("secrets") / "key")

    def of(self, app: str, min_version: int | None = None) -> SecretSet:
        """Return the app's secrets.

        Raises:
        FailedPreconditionError: the caller knows of a newer version than there is.
        """
        state = self._store.read(f"secrets/{app}") or {"version": 0, "secrets": []}
        version = int(state["version"])
        if min_version is not None and min_version > version:
            raise FailedPreconditionError(
                f"failed_precondition: secrets version {min_version} is not available, "
                f"the newest is {version}"
            )
        secrets = (Secret(**secret) for secret in state["secrets"])
        return SecretSet(version, {secret.name: secret for secret in secrets})

    def update(self, app: str, values: Mapping[str, str | None]) -> SecretSet:
        """Set each value, delete where it is None; this is one new version."""
        current = self.of(app)
        former = [secret.sealed for name, secret in current.secrets.items() if name in values]
        secrets = dict(current.secrets)
        for name, value in values.items():
            if value is None:
                secrets.pop(name, None)
            else:
                secrets[name] = self._changed(app, name, value, secrets.get(name))
        changed = SecretSet(current.version + 1, secrets)
        documents = [asdict(secret) for secret in secrets.values()]
        kept = [*self._former(app), *former][-_KEPT:]
        document = {"version": changed.version, "secrets": documents, "former": kept}
        self._store.write(f"secrets/{app}", document)
        return changed

    def get(self, app: str, name: str, min_version: int | None = None) -> Secret:
        """Return one secret.

        Raises:
        NotFoundError: the app has none of that name.
        """
        secret = self.of(app, min_version).secrets.get(name)
        if secret is None:
            raise NotFoundError(f"secret {name} not found")
        return secret

    def value(self, secret: Secret) -> str:
        return self._cipher.decrypt(secret.sealed)

    def environment(self, app: str) -> dict[str, str]:
        """Return the values that a machine which boots now gets."""
        return {name: self.value(secret) for name, secret in self.of(app).secrets.items()}

    def forget(self, app: str) -> None:
        self._store.delete(f"secrets/{app}")

    def _former(self, app: str) -> list[str]:
        state = self._store.read(f"secrets/{app}") or {}
        return list(state.get("former", ()))

    def _changed(self, app: str, name: str, value: str, former: Secret | None) -> Secret:
        now, sealed = self._clock(), self._cipher.encrypt(value)
        digest = self._cipher.digest(f"{app}/{name}", value)
        if former is None:
            return Secret(name, digest, now, now, sealed)
        return replace(former, digest=digest, updated_at=now, sealed=sealed)


def values_of(state_dir: Path) -> Iterator[str]:
    """Return all values of a state folder, former ones too; no daemon need run on it."""
    key = state_dir / "secrets" / "key"
    if not key.is_file():
        return
    cipher = Cipher.of_file(key)
    for path in sorted(key.parent.glob("*.json")):
        document: dict[str, Any] = json.loads(path.read_bytes())
        yield from (cipher.decrypt(secret["sealed"]) for secret in document["secrets"])
        yield from map(cipher.decrypt, document.get("former", ()))
