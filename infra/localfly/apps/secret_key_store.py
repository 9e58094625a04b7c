"""The secret keys of apps, encrypted on disk; each write raises the app's version of them."""

from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass
from typing import Any, Final

from localfly.apps.secret_key import checked, generate
from localfly.errors import FailedPreconditionError, NotFoundError
from localfly.state.cipher import Cipher
from localfly.state.store import Store
from localfly.timing.clock import Clock

_FOLDER: Final = "secretkeys"


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key with its sealed value."""

    name: str
    kind: str
    created_at: float
    updated_at: float
    sealed: str


class SecretKeyStore:
    """The keys of all apps, kept in `secretkeys/*.json`, by the key of the secrets."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._cipher = Cipher.of_file(store.subfolder("secrets") / "key")
        store.subfolder(_FOLDER)

    def of(self, app: str, min_version: int = 0) -> dict[str, SecretKey]:
        """Return the app's keys by name.

        Raises:
            FailedPreconditionError: the caller knows of a newer version than there is.
        """
        version = self.version(app)
        if min_version > version:
            raise FailedPreconditionError(
                f"failed_precondition: secret keys version {min_version} is not available, the "
                f"newest is {version}"
            )
        keys = (SecretKey(**one) for one in self._state(app)["keys"])
        return {one.name: one for one in keys}

    def version(self, app: str) -> int:
        return int(self._state(app)["version"])

    def get(self, app: str, name: str, min_version: int = 0) -> SecretKey:
        """Return one key.

        Raises:
            NotFoundError: the app has none of that name.
        """
        found = self.of(app, min_version).get(name)
        if found is None:
            raise NotFoundError(f"secret key {name} not found")
        return found

    def value(self, key: SecretKey) -> bytes:
        return b64decode(self._cipher.decrypt(key.sealed))

    def put(self, app: str, name: str, kind: str, value: bytes | None) -> SecretKey:
        """Keep a key in place of a former one; None: a new one.

        Raises:
            InvalidArgumentError: there is no such kind here, or the value is none of it.
        """
        plain = generate(kind) if value is None else checked(kind, value)
        keys, now = self.of(app), self._clock()
        created_at = keys[name].created_at if name in keys else now
        sealed = self._cipher.encrypt(b64encode(plain).decode())
        keys[name] = SecretKey(name, kind, created_at, now, sealed)
        self._write(app, keys)
        return keys[name]

    def delete(self, app: str, name: str) -> None:
        """Forget a key.

        Raises:
            NotFoundError: the app has none of that name.
        """
        self.get(app, name)
        self._write(app, {key: one for key, one in self.of(app).items() if key != name})

    def forget(self, app: str) -> None:
        self._store.delete(f"{_FOLDER}/{app}")

    def _write(self, app: str, keys: dict[str, SecretKey]) -> None:
        document = {"version": self.version(app) + 1, "keys": [asdict(k) for k in keys.values()]}
        self._store.write(f"{_FOLDER}/{app}", document)

    def _state(self, app: str) -> dict[str, Any]:
        return self._store.read(f"{_FOLDER}/{app}") or {"version": 0, "keys": []}
