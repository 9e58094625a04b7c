"""Which Redis servers tests can have: the embedded one; containers where Docker runs."""

from pathlib import Path
from typing import Final

import pytest

from .redis_server import RedisServer
from .valkey import Valkey

KINDS: Final = ("embedded", "container")


def make_server(kind: str, folder: Path) -> RedisServer:
    """A server that is not started yet; skips the test where there is no such kind."""
    if kind == Valkey.kind:
        return Valkey(folder)
    # Docker's client takes a while to import, and most tests do not need it.
    from .redis_container import DockerUnavailableError, RedisContainer, redis_image  # noqa: PLC0415

    try:
        redis_image()
    except DockerUnavailableError as exc:
        pytest.skip(str(exc))
    return RedisContainer()


def describe() -> str:
    """The kinds in one line, for the head of a test run."""
    from .redis_container import DockerUnavailableError, redis_image  # noqa: PLC0415

    try:
        return f"embedded, and in containers of {redis_image()}"
    except DockerUnavailableError as exc:
        return f"embedded only ({exc})"
