"""`[[mounts]]`: the volume of each machine of a group, as flyctl sends and makes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from flygate.flytoml.schema import Mount
from flygate.flytoml.size import whole

# Fly's rule for the names of volumes.
_NAME: Final = re.compile(r"[a-z0-9_]{1,30}")
_GB_MAX: Final = 500
_DAYS: Final = range(1, 61)
_THRESHOLDS: Final = range(50, 100)
_INCREMENTS: Final = range(1, 101)


def mount(found: Mount) -> dict[str, Any]:
    """Return the mount of the machine config, without the id of a volume.

    Raises:
        ValueError: a value is wrong; the text begins with its key.
    """
    if not found.source or not _NAME.fullmatch(found.source):
        raise ValueError(
            f'source is "{found.source}"; a volume\'s name has up to 30 small letters, digits and '
            "underscores"
        )
    if not found.destination.startswith("/") or found.destination.strip("/") == "":
        raise ValueError(
            f'destination is "{found.destination}"; it must be a folder in the machine, as in '
            '"/data"'
        )
    config: dict[str, Any] = {"path": found.destination, "name": found.source}
    return config | _extension(found)


def volume(found: Mount) -> dict[str, Any]:
    """Return how a new volume is made: the fields of `flygate.manifest.Volume`.

    Raises:
        ValueError: see `mount`.
    """
    size = gigabytes("initial_size", found.initial_size) if found.initial_size else 1
    days = found.snapshot_retention
    if days is not None and days not in _DAYS:
        raise ValueError(f"snapshot_retention is {days}; Fly keeps snapshots for 1 to 60 days")
    return {
        "name": found.source,
        "size_gb": size,
        "snapshot_retention": days,
        "scheduled_snapshots": found.scheduled_snapshots,
    }


def grows(found: Mapping[str, Any], size_gb: int) -> bool:
    """Whether a volume of that size can become what its mount asks for.

    Args:
        found: the mount of the machine config.
    """
    return bool(found.get("size_gb_limit", size_gb + 1) > size_gb)


def gigabytes(key: str, text: str) -> int:
    """Read a size of a volume: "3", "3gb", "1500 MB" (which is 1).

    Raises:
        ValueError: it is none, or Fly has no such volumes.
    """
    size = whole(text, base=1000, unit="g")  # flyctl takes "1GiB" for a GB
    if size is None:
        raise ValueError(f'{key} is "{text}", which is no size; write one as in "3gb"')
    if not 1 <= size <= _GB_MAX:
        raise ValueError(f'{key} is "{text}"; Fly has volumes of 1 to {_GB_MAX} GB')
    return size


def _extension(found: Mount) -> dict[str, int]:
    """Return by what the volume grows when it fills."""
    threshold = found.auto_extend_size_threshold
    increment, limit = found.auto_extend_size_increment, found.auto_extend_size_limit
    if not (threshold or increment or limit):
        return {}
    if not (threshold and increment):
        raise ValueError(
            "auto_extend_size_threshold and auto_extend_size_increment go together; without both "
            "the volume does not grow"
        )
    if threshold not in _THRESHOLDS:
        raise ValueError(f"auto_extend_size_threshold is {threshold}; it must be 50 to 99 percent")
    by = gigabytes("auto_extend_size_increment", increment)
    if by not in _INCREMENTS:
        raise ValueError(f'auto_extend_size_increment is "{increment}"; it must be 1 to 100 GB')
    config = {"extend_threshold_percent": threshold, "add_size_gb": by}
    if limit:
        config["size_gb_limit"] = gigabytes("auto_extend_size_limit", limit)
    return config
