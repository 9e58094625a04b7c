"""The mounts of a machine's config (docs/fly-api.md 3): at most one, at an absolute path."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from localfly.errors import InvalidArgumentError


@dataclass(frozen=True, slots=True)
class Mount:
    """A volume, by its id, at a path."""

    volume: str
    path: str


def known_mounts(raw: Mapping[str, Any]) -> tuple[Mount, ...]:
    """Return the mounts of a config that was checked when it came."""
    entries = [entry for entry in raw.get("mounts") or () if isinstance(entry, dict)]
    found = ((entry.get("volume"), entry.get("path")) for entry in entries)
    return tuple(Mount(v, p) for v, p in found if isinstance(v, str) and isinstance(p, str))


def requested_mount(raw: Mapping[str, Any]) -> Mount | None:
    """Return the mount that a request asks for; `volume` may be a volume's id, or its name.

    Raises:
        InvalidArgumentError: naming the key, what was found and what is allowed.
    """
    entries = raw.get("mounts") or []
    if len(entries) > 1:
        raise InvalidArgumentError(
            f"invalid_argument: config.mounts must have one entry at most, found {len(entries)}: a "
            "machine mounts one volume"
        )
    if not entries:
        return None
    volume, path = entries[0].get("volume") or entries[0].get("name"), entries[0].get("path")
    if not isinstance(volume, str):
        raise InvalidArgumentError(
            f"invalid_argument: config.mounts.volume must be the id of a volume, found {volume!r}"
        )
    if not _is_path(path):
        raise InvalidArgumentError(
            f"invalid_argument: config.mounts.path must be an absolute path below /, found {path!r}"
        )
    return Mount(volume, path)


def _is_path(path: object) -> bool:
    if not isinstance(path, str) or not path.startswith("/") or "\0" in path:
        return False
    parts = PurePosixPath(path).parts[1:]
    return bool(parts) and ".." not in parts
