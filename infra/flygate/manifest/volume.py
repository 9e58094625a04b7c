"""`Volume`: the disk that each machine of a process group has."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer


class Volume(BaseModel):
    """How a volume is made. Only new ones are made so: a release changes none that is there.

    Attributes:
        name: by which one that no machine has is found and used again.
        size_gb: at first; Fly makes it 1 by default.
        snapshot_retention: days that a snapshot is kept; Fly's default is 5.
        scheduled_snapshots: Fly takes one each day; it does by default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    size_gb: int = 1
    snapshot_retention: int | None = None
    scheduled_snapshots: bool | None = None

    @model_serializer(mode="wrap")
    def _without_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = dump(self)
        return {key: value for key, value in found.items() if value is not None}
