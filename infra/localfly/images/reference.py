"""An image's reference, as container tools read it: registry, repository, tag, digest."""

import re
from dataclasses import dataclass, replace
from typing import Final

from localfly.errors import InvalidArgumentError

_REFERENCE: Final = re.compile(
    r"(?P<name>(?:[a-zA-Z0-9.-]+(?::\d+)?/)?[a-z0-9][a-z0-9._/-]*)"
    r"(?::(?P<tag>[\w][\w.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_DEFAULT_REGISTRY: Final = "docker.io"
_DEFAULT_TAG: Final = "latest"


@dataclass(frozen=True, slots=True)
class ImageRef:
    """`registry.fly.io/app:tag@sha256:…`, split; `nginx` is `docker.io/library/nginx:latest`."""

    registry: str
    repository: str
    tag: str
    digest: str = ""

    @classmethod
    def parse(cls, text: object) -> "ImageRef":
        """Parse the reference of a config.

        Raises:
            InvalidArgumentError: it is no reference; the message says what is one.
        """
        match = _REFERENCE.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise InvalidArgumentError(
                "invalid_argument: config.image must name an image by tag or digest "
                f"(registry.fly.io/<app>@sha256:<64 hex digits>, nginx:1.25), found {text!r}"
            )
        registry, repository = _split(match["name"])
        digest = match["digest"] or ""
        return cls(registry, repository, match["tag"] or ("" if digest else _DEFAULT_TAG), digest)

    @property
    def tagged_name(self) -> str:
        """The reference without its digest: the key of a tag."""
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.registry}/{self.repository}{tag}"

    def pinned(self, digest: str) -> "ImageRef":
        return replace(self, digest=digest)

    def __str__(self) -> str:
        return f"{self.tagged_name}@{self.digest}" if self.digest else self.tagged_name


def _split(name: str) -> tuple[str, str]:
    """Split at the registry: a first part with a dot, a port or the name
    localhost (Docker's rule).
    """
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return _DEFAULT_REGISTRY, name if slash else f"library/{name}"
