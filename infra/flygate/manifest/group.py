"""`Group`: the machines of one process group of a release."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from flygate.config.web_service import is_public, web_port
from flygate.flytoml import groups
from flygate.manifest.volume import Volume

# The variable by which a machine knows its group, and the group of a file without [processes].
VARIABLE: Final = "FLY_PROCESS_GROUP"
APP: Final = groups.APP
# What Fly adds to a mount, of the one volume that a machine has.
_OF_THE_VOLUME: Final = frozenset({"volume", "size_gb", "encrypted"})


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

    @classmethod
    def of_machines(
        cls,
        name: str,
        config: Mapping[str, Any],
        regions: Iterable[str],
        machines: int,
        *,
        is_kept: bool = False,
    ) -> Self:
        """Return the group that machines say they are of.

        Args:
            config: of one of them, whole, as Fly has it.
            is_kept: releases change them in place.
        """
        own = {key: one for key, one in config.items() if key not in {"image", "metadata"}}
        env = {key: one for key, one in own.get("env", {}).items() if key != "FLYGATE_RELEASE"}
        mounts = [
            {key: one for key, one in mount.items() if key not in _OF_THE_VOLUME}
            for mount in own.pop("mounts", None) or ()
        ]
        own = {**own, "env": env, **({"mounts": mounts} if mounts else {})}
        return cls(
            name=name,
            config=own,
            regions=tuple(regions),
            machines=machines,
            volume=Volume(name=str(mounts[0].get("name", ""))) if mounts else None,
            in_place=is_kept and not mounts,
        )

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
