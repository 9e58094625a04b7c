"""Settings of requests' bodies."""

from __future__ import annotations

from dataclasses import dataclass

from flygate_wire.variables import Variable

from .environment import Environment


@dataclass(frozen=True, slots=True)
class BodySettings:
    """What a request's body may be, before any application sees it.

    Attributes:
        most_bytes: the largest.
        seconds: within which it must have come.
        bytes_per_second: the least rate, after the first seconds.
    """

    most_bytes: int
    seconds: int
    bytes_per_second: int


def read_body(env: Environment) -> BodySettings:
    """Read and check them.

    Raises:
        SettingError: a value is not allowed.
    """
    return BodySettings(
        most_bytes=env.whole(Variable.SERVICE_MAX_BODY_BYTES),
        seconds=env.whole(Variable.SERVICE_BODY_SECONDS),
        bytes_per_second=env.whole(Variable.SERVICE_BODY_BYTES_PER_SECOND),
    )
