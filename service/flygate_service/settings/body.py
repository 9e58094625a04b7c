"""Settings of requests' bodies."""

from __future__ import annotations

from dataclasses import dataclass

from flygate_wire.variables import Variable

from .environment import MEBI, Environment


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
        # As many places as there are, each with one, must fit into the memory. And so much is what
        # Fly Proxy can bring to another machine.
        most_bytes=env.whole(Variable.SERVICE_MAX_BODY_BYTES, 1_000_000, 0, 4_096 * MEBI),
        seconds=env.whole(Variable.SERVICE_BODY_SECONDS, 30, 1, 3_600),
        bytes_per_second=env.whole(Variable.SERVICE_BODY_BYTES_PER_SECOND, 1_024, 1, 1_024 * MEBI),
    )
