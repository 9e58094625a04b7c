"""The volumes of an app: disks, each for one machine at most."""

from __future__ import annotations

from typing import Any

from flygate.fly.models import Volume
from flygate.fly.retries import create_once
from flygate.fly.session import FlySession


class Volumes:
    """The volumes of the Machines API.

    Source: `superfly/fly-go` `flaps/flaps_volumes.go`. Every method raises a leaf of
    `flygate.fly.errors.FlyError`.
    """

    def __init__(self, session: FlySession) -> None:
        self._session = session

    async def list(self, app: str) -> list[Volume]:
        """All volumes of an app that are not destroyed."""
        body = await self._session.flaps("GET", f"/apps/{app}/volumes")
        found = (Volume.model_validate(one) for one in body or ())
        return [volume for volume in found if not volume.is_gone]

    async def create(
        self,
        app: str,
        *,
        name: str,
        region: str,
        size_gb: int,
        snapshot_retention: int | None = None,
        scheduled_snapshots: bool | None = None,
    ) -> Volume:
        """Make a volume once, also if Fly's answer is lost.

        Args:
            snapshot_retention: days; Fly's default if None.
            scheduled_snapshots: whether Fly takes one each day; Fly's default if None.
        """
        options = {
            "snapshot_retention": snapshot_retention,
            "auto_backup_enabled": scheduled_snapshots,
        }
        wanted: dict[str, Any] = {
            "name": name,
            "region": region,
            "size_gb": size_gb,
            "encrypted": True,
            **{key: value for key, value in options.items() if value is not None},
        }
        before = {volume.id for volume in await self.list(app)}

        async def create() -> Volume:
            body = await self._session.flaps("POST", f"/apps/{app}/volumes", json=wanted)
            return Volume.model_validate(body)

        async def made() -> Volume | None:
            new = (one for one in await self.list(app) if one.id not in before and one.is_free)
            return next((one for one in new if (one.name, one.region) == (name, region)), None)

        return await create_once(create, made)
