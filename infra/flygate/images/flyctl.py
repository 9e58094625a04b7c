"""Builds on Fly, with flyctl: for a computer without Docker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flygate.images.builder import PLATFORM, BuildRequest
from flygate.images.registry import Registry
from flygate.images.tool import run
from flygate.system.environment import for_others
from flygate.system.errors import ImageError


@dataclass(frozen=True)
class Flyctl:
    """The `fly` command, and a builder machine that it starts in your organisation."""

    environment: Mapping[str, str]
    registry: Registry

    @property
    def name(self) -> str:
        """Its name in messages."""
        return "flyctl, on Fly"

    def check(self) -> None:
        """Check that it is installed."""
        try:
            run(["fly", "version"], self._environment)
        except ImageError as exc:
            raise ImageError(
                f"{exc}. Install flyctl (https://fly.io/docs/flyctl/install); or build with this "
                "computer's Docker, without --remote."
            ) from None

    def build(self, request: BuildRequest, folder: Path) -> None:
        """Build and push in one step, and deploy nothing.

        Raises:
            ImageError: it failed, or the platform is not Fly's.
        """
        if request.platform != PLATFORM:
            raise ImageError(f"Fly builds for {PLATFORM} only. Leave --platform or --remote out.")
        # flyctl needs no more; without it, it would fetch the app's own from Fly.
        (folder / "fly.toml").write_text(f'app = "{request.app}"\n', encoding="utf-8")
        ended = run(self._command(request), self._environment, folder, is_shown=True)
        if ended.code != 0:
            raise ImageError(
                f"flyctl did not build the image: {ended.last_words}. It can be built with this "
                "computer's Docker, too: without --remote."
            )

    def push(self, request: BuildRequest) -> str:
        """Ask the registry for the digest: `build` has pushed it already."""
        return self.registry.digest(request.app, request.revision.tag)

    @property
    def _environment(self) -> dict[str, str]:
        return for_others(self.environment, named=("FLY_API_TOKEN", "FLY_ACCESS_TOKEN"))

    def _command(self, request: BuildRequest) -> list[str]:
        return [
            *("fly", "deploy", "--build-only", "--push", "--remote-only", "--app", request.app),
            *("--dockerfile", "Dockerfile", "--image-label", request.revision.tag),
            *request.arguments(),
            *request.extra,
        ]
