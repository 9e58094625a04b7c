"""`Gates`: the conditions of a release."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from flygate.config import SmokeRequest

NO_TIME: Final = "0s"


class Gates(BaseModel):
    """The conditions of a release. Durations as in fly.toml ("2m").

    Attributes:
        uptime: how long a new machine must have been up.
        requests: further requests of the smoke check.
        restart: the first new machine is stopped and started before it serves.

    Defaults are left out of the JSON, so that releases of before these keys keep their manifest's
    id.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    wait: str = "2m"
    uptime: str = NO_TIME
    drain: str = "10s"
    limiter: bool = True
    requests: tuple[SmokeRequest, ...] = ()
    restart: bool = True

    @model_serializer(mode="wrap")
    def _without_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = dump(self)
        if found["uptime"] == NO_TIME:
            del found["uptime"]
        if not found["requests"]:
            del found["requests"]
        if found["restart"]:
            del found["restart"]
        return found
