"""Builds with the Docker of this computer: BuildKit through buildx, else the classic builder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from flygate.images.builder import BuildRequest
from flygate.images.docker_config import docker_config
from flygate.images.registry import Registry
from flygate.images.tool import ToolResult, run
from flygate.system.environment import for_others
from flygate.system.errors import ImageError

_DIGEST: Final = re.compile(r"digest: (sha256:[0-9a-f]{64})")
_NOT_ALLOWED: Final = re.compile(r"denied|unauthorized|authentication required|no basic auth", re.I)
_NO_REPOSITORY: Final = re.compile(r"404|not found|name unknown", re.I)


@dataclass
class Docker:
    """The `docker` command.

    Attributes:
        registry: where to push; None without a push.
    """

    environment: Mapping[str, str]
    registry: Registry | None = None

    @property
    def name(self) -> str:
        """Its name in messages."""
        return "docker buildx" if self.has_buildx else "docker build"

    @cached_property
    def has_buildx(self) -> bool:
        """Whether BuildKit is available. Without it an image contains the time of its build."""
        return self._ask("buildx", "version").code == 0

    def check(self) -> None:
        """Check that the engine answers."""
        answer = self._ask("version", "--format", "{{.Server.Version}}")
        if answer.code != 0:
            raise ImageError(
                f"The Docker engine does not answer: {answer.last_words}. Start it; or build "
                "on Fly with --remote, which needs flyctl."
            )

    def build(self, request: BuildRequest, folder: Path) -> None:
        """Build in this computer's engine, which keeps the image under its name."""
        ended = run(self._command(request), self._environment, folder, is_shown=True)
        if ended.code != 0:
            raise ImageError(f"The image was not built: {ended.last_words}")

    def push(self, request: BuildRequest) -> str:
        """Push with the Fly token; the user's logins are neither used nor changed."""
        assert self.registry is not None  # noqa: S101  a push has one
        with docker_config(self.registry, for_others(self.environment)) as environment:
            ended = run(["docker", "push", request.name], environment, is_shown=True)
        digest = _DIGEST.search(ended.output)
        if ended.code != 0 or digest is None:
            raise ImageError(refusal(ended, request))
        return digest[1]

    def _command(self, request: BuildRequest) -> list[str]:
        # No attestation: it contains the time of the build, which would change each digest.
        modern = ["docker", "buildx", "build", "--load", "--provenance=false", "--progress=plain"]
        return [
            *(modern if self.has_buildx else ["docker", "build"]),
            *("--platform", request.platform, "--tag", request.name),
            *request.arguments(),
            *request.extra,
            ".",
        ]

    @property
    def _environment(self) -> dict[str, str]:
        own = for_others(self.environment)
        return own if self.has_buildx else {**own, "DOCKER_BUILDKIT": "0"}

    def _ask(self, *words: str) -> ToolResult:
        try:
            return run(["docker", *words], for_others(self.environment))
        except ImageError as exc:
            raise ImageError(
                f"{exc}. Install Docker; or build on Fly with --remote, which needs flyctl."
            ) from None


def refusal(ended: ToolResult, request: BuildRequest) -> str:
    """Explain why a push failed, and what to do."""
    host, words = request.name.partition("/")[0], ended.last_words
    if _NOT_ALLOWED.search(words):
        return (
            f"{host} refused the push: {words}. The token must be allowed to deploy {request.app}: "
            f"`fly tokens create deploy --app {request.app}` makes one."
        )
    if _NO_REPOSITORY.search(words):
        return (
            f"{host} has no repository {request.app}: {words}. It has one for each app of "
            f"yours: is {request.app} an app of the organisation that the token is for?"
        )
    return f"The image was not pushed to {host}: {words}"
