"""What shall be built, and under which name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from flygate.images.revision import Revision

PLATFORM = "linux/amd64"  # all that Fly has


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """An image to build.

    Attributes:
        app: the Fly app, whose repository in the registry it is for.
        name: `registry.fly.io/<app>:<tag>`.
        extra: more arguments for `docker build`, as they were typed.
    """

    app: str
    name: str
    revision: Revision
    platform: str = PLATFORM
    extra: tuple[str, ...] = ()

    @property
    def repository(self) -> str:
        """The name without the tag."""
        return self.name.rpartition(":")[0]

    def arguments(self) -> list[str]:
        """What all builders are told alike."""
        label = f"org.opencontainers.image.revision={self.revision.tag}"
        date = f"SOURCE_DATE_EPOCH={self.revision.at}"
        return ["--build-arg", date, "--label", label]


class Builder(Protocol):
    """Who builds."""

    @property
    def name(self) -> str:
        """For people."""

    def check(self) -> None:
        """It can build.

        Raises:
            ImageError: it can't; says why, and what to do.
        """

    def build(self, request: BuildRequest, folder: Path) -> None:
        """Build what is in a folder.

        Raises:
            ImageError: it failed.
        """

    def push(self, request: BuildRequest) -> str:
        """Bring what was built to the registry, and give its digest there.

        Raises:
            ImageError: it was refused.
        """
