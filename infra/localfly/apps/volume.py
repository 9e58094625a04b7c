"""A volume as clients ask for it, and as the state keeps it (docs/fly-api.md 2.9)."""

import secrets
from dataclasses import dataclass
from typing import Any, Final

from localfly.errors import InvalidArgumentError
from localfly.network.regions import HOME_REGION, REGIONS

Record = dict[str, Any]

LARGEST_GB: Final = 500
LONGEST_RETENTION_DAYS: Final = 60
_USUAL_GB: Final = 3
_USUAL_RETENTION_DAYS: Final = 5
_DAY_SECONDS: Final = 86400
_ZONE_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class NewVolume:
    """The request of a client that creates a volume; None: as usual, or as its source."""

    name: str
    region: str | None = None
    size_gb: int | None = None
    encrypted: bool | None = None
    fstype: str | None = None
    snapshot_retention: int | None = None
    auto_backup_enabled: bool | None = None
    snapshot_id: str | None = None
    source_volume_id: str | None = None


def volume_record(new: NewVolume, least_gb: int, now: str) -> Record:
    """Return the record of a new volume that holds what needs `least_gb` (0: it is empty).

    Raises:
        InvalidArgumentError: it can't be made; the message names the field.
    """
    identifier = f"vol_{secrets.token_hex(8)}"
    return {
        "id": identifier,
        "name": new.name,
        "state": "created",
        "size_gb": _size(new.size_gb, least_gb),
        "region": known_region(new.region or HOME_REGION),
        "zone": identifier[-_ZONE_DIGITS:],
        "encrypted": new.encrypted is not False,
        "attached_machine_id": None,
        "attached_alloc_id": None,
        "created_at": now,
        "updated_at": now,
        "host_status": "ok",
        "fstype": _fstype(new.fstype or "ext4"),
        "snapshot_retention": retention(new.snapshot_retention or _USUAL_RETENTION_DAYS),
        "auto_backup_enabled": new.auto_backup_enabled is not False,
    }


def snapshot_record(volume: Record, stored_bytes: int, now: float, created_at: str) -> Record:
    """Return the record of a snapshot; `now`: in seconds."""
    days = volume["snapshot_retention"]
    return {
        "id": f"vs_{secrets.token_hex(8)}",
        "status": "created",
        "size": stored_bytes,
        "volume_size": volume["size_gb"] << 30,
        "digest": secrets.token_hex(32),
        "created_at": created_at,
        "retention_days": days,
        "volume_id": volume["id"],
        "ends_at": now + days * _DAY_SECONDS,
    }


def known_region(code: str) -> str:
    """Return the region.

    Raises:
        InvalidArgumentError: there is none of that code.
    """
    codes = [region.code for region in REGIONS]
    if code not in codes:
        raise InvalidArgumentError(
            f"invalid_argument: region {code!r} not found; there are {', '.join(codes)}"
        )
    return code


def retention(days: int) -> int:
    """Return the days that snapshots are kept.

    Raises:
        InvalidArgumentError: too few or too many.
    """
    if 1 <= days <= LONGEST_RETENTION_DAYS:
        return days
    raise InvalidArgumentError(
        f"invalid_argument: snapshot_retention must be 1 to {LONGEST_RETENTION_DAYS} days, "
        f"found {days}"
    )


def _size(requested: int | None, least_gb: int) -> int:
    size = requested or max(least_gb, 1 if least_gb else _USUAL_GB)
    if size < least_gb:
        raise InvalidArgumentError(
            f"invalid_argument: size_gb must be at least {least_gb}, the size of what the volume "
            f"is made from, found {size}"
        )
    return size


def _fstype(requested: str) -> str:
    if requested == "ext4":
        return requested
    why = "a volume here is a folder, no block device" if requested == "raw" else "Fly has no other"
    raise InvalidArgumentError(
        f"invalid_argument: fstype must be 'ext4', found {requested!r}: {why}"
    )
