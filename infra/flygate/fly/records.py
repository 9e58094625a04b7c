"""The release records of an app: what `fly releases` lists. They are advisory."""

from __future__ import annotations

from typing import Any

from flygate.fly.models import ReleaseRecord
from flygate.fly.session import FlySession


class Records:
    """The releases API, in the order of a deployment: begin, then end.

    Source: `superfly/flyctl` `internal/uiex`. Every method raises a leaf of
    `flygate.fly.errors.FlyError`.
    """

    def __init__(self, session: FlySession) -> None:
        self._session = session

    async def begin(
        self, app: str, image: str, strategy: str, definition: dict[str, Any]
    ) -> ReleaseRecord:
        """The app's next record, running.

        Args:
            definition: what `fly config show` prints while this release is the current one.
        """
        body = {
            "app_name": app,
            "build_id": 0,
            "definition": definition,
            "image": image,
            "strategy": strategy.upper(),
        }
        answer = await self._session.uiex("POST", "/releases", json=body)
        record = ReleaseRecord.model_validate(answer["release"])
        await self._note(record, "running", None)
        return record

    async def end(self, record: ReleaseRecord, status: str, error: str = "") -> None:
        """What became of it: `complete`, `failed` or `interrupted`."""
        info = {"flyctl_version": "flygate", "error": error}
        await self._note(record, status, {"post_deployment_info": info})

    async def _note(
        self, record: ReleaseRecord, status: str, metadata: dict[str, Any] | None
    ) -> None:
        body = {"status": status, "metadata": metadata}
        await self._session.uiex("PATCH", f"/releases/{record.id}", json=body)
