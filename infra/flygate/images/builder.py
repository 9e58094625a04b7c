"""`Builder` builds and pushes what a `BuildRequest` describes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from flygate.images.revision import Revision

PLATFORM: Final = "linux/amd64"  # the only one of Fly


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
        """Return the arguments that all builders get."""
        label = f"org.opencontainers.image.revision={self.revision.tag}"
        date = f"SOURCE_DATE_EPOCH={self.revision.at}"
        return ["--build-arg", date, "--label", label]


class Builder(Protocol):
    """Builds images."""

    @property
    def name(self) -> str:
        """Its name in messages."""

    def check(self) -> None:
        """Check that it can build.

        Raises:
            ImageError: it can't; the text says why, and what to do.
        """

    def build(self, request: BuildRequest, folder: Path) -> None:
        """Build what is in a folder.

        Raises:
            ImageError: it failed.
        """

    def push(self, request: BuildRequest) -> str:
        """Push what was built, and return its digest in the registry.

        Raises:
            ImageError: it was refused.
        """
