"""What Fly does with volumes by itself (docs/fly-api.md 2.9): a snapshot a day, and more room.

Nothing keeps a machine from writing more than its volume's size; that it can grow is Fly's rule for
what it has written, and is the same here.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from math import ceil
from typing import Any, Final

from localfly.apps.volume import LARGEST_GB, Record
from localfly.apps.volume_store import VolumeStore
from localfly.errors import FlyError
from localfly.machines.attachments import Attachments
from localfly.timing.clock import Clock

_LOOK_SECONDS: Final = 60.0
_DAY_SECONDS: Final = 86400
_GB: Final = 1 << 30

_log = logging.getLogger("flygate.local")


class VolumeKeeper:
    """Looks at all volumes each minute.

    Args:
        apps: the names of all apps, now.
        sleep: by the clock, which may be moved on.
    """

    def __init__(
        self,
        apps: Callable[[], Collection[str]],
        volumes: VolumeStore,
        attachments: Attachments,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._apps = apps
        self._volumes = volumes
        self._attachments = attachments
        self._clock = clock
        self._sleep = sleep

    async def keep_for_ever(self) -> None:
        while True:
            await self._sleep(_LOOK_SECONDS)
            for app in list(self._apps()):
                for volume in self._volumes.of(app).values():
                    await self._keep(app, volume)

    async def _keep(self, app: str, volume: Record) -> None:
        """Do what is due; what fails is tried again with the next look."""
        try:
            await self._extend(app, volume)
            if self._is_snapshot_due(app, volume):
                still = self._attachments.stillness(volume["id"])
                await self._volumes.snapshot(app, volume["id"], still)
        except (FlyError, OSError) as exc:
            _log.warning("volume %s of %s: %s", volume["id"], app, exc)

    def _is_snapshot_due(self, app: str, volume: Record) -> bool:
        """Return whether the last one, or the volume itself, is a day old."""
        taken = [volume, *self._volumes.snapshots(app, volume["id"])]
        last = max(datetime.fromisoformat(one["created_at"]).timestamp() for one in taken)
        return bool(volume["auto_backup_enabled"]) and self._clock() - last >= _DAY_SECONDS

    async def _extend(self, app: str, volume: Record) -> None:
        holder = self._attachments.holder(volume["id"])
        if holder is None:
            return
        mount = holder.machine.config.raw["mounts"][0]
        if not mount.get("extend_threshold_percent"):
            return
        used = await asyncio.to_thread(self._volumes.stored_bytes, volume["id"])
        if (size := grown_gb(mount, volume["size_gb"], used)) > volume["size_gb"]:
            self._volumes.extend(app, volume["id"], size)
            _log.info("volume %s of %s has %d GB now", volume["id"], app, size)


def grown_gb(mount: Mapping[str, Any], size_gb: int, used: int) -> int:
    """Return the size that a volume shall have; the present one if there is room enough.

    Args:
        mount: of the machine that has it, as its config says.
        used: bytes that are stored in it.
    """
    threshold = mount.get("extend_threshold_percent") or 0
    if not threshold or used * 100 < threshold * size_gb * _GB:
        return size_gb
    share = ceil(size_gb * (mount.get("add_size_percent") or 0) / 100)
    more = mount.get("add_size_gb") or max(share, mount.get("min_add_size_gb") or 0)
    limit = mount.get("size_gb_limit") or LARGEST_GB
    return max(size_gb, min(size_gb + more, limit))
