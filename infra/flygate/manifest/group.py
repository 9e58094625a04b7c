"""`Group`: the machines of one process group of a release."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from flygate.config.web_service import is_public, web_port
from flygate.manifest.volume import Volume

# The variable by which a machine knows its group, and the group of a file without [processes].
VARIABLE: Final = "FLY_PROCESS_GROUP"
APP: Final = "app"


class Group(BaseModel):
    """Machines that run one command.

    Attributes:
        config: the machine config, without image and metadata, with the environment. Its mount
            names no volume yet: each machine has its own.
        regions: where they run.
        machines: how many in each of these.
        volume: of each machine, or None.
        in_place: its machines are never replaced beside each other.

    Defaults are left out of the JSON.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    config: dict[str, Any]
    regions: tuple[str, ...]
    machines: int
    volume: Volume | None = None
    in_place: bool = False

    @model_serializer(mode="wrap")
    def _without_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = dump(self)
        return {key: value for key, value in found.items() if value not in (None, False)}

    @property
    def count(self) -> int:
        """Machines in all regions together."""
        return self.machines * len(self.regions)

    @property
    def web_port(self) -> int | None:
        """Where its HTTP service listens in a machine; None for a worker."""
        return web_port(self.config)

    @property
    def is_public(self) -> bool:
        """Whether the app's public address leads to it."""
        return is_public(self.config)

    @property
    def is_kept(self) -> bool:
        """Whether its machines stay, and each release changes them: they can't be two at once."""
        return self.in_place or self.volume is not None
