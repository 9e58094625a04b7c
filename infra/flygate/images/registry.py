"""The registry that images are pushed to: Fly's, or the one in FLY_REGISTRY_HOST."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx

from flygate.fly.endpoints import Endpoints, is_loopback
from flygate.system.errors import ConfigError, ImageError

FLY: Final = "registry.fly.io"
# Fly's registry checks the password only.
USER: Final = "x"
_MANIFESTS: Final = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.manifest.v1",
        "oci.image.index.v1",
        "docker.distribution.manifest.v2",
        "docker.distribution.manifest.list.v2",
    )
)


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry, and the password for it.

    Attributes:
        host: with its port, if it has one.
        password: the Fly token, without its scheme; never printed.
    """

    host: str
    password: str = field(repr=False)

    @classmethod
    def of(cls, endpoints: Endpoints, environment: Mapping[str, str]) -> Registry:
        """Return the registry of an API.

        Raises:
            ConfigError: it is the local Fly's, and no registry is named.
        """
        host = environment.get("FLY_REGISTRY_HOST") or FLY
        if endpoints.is_local and host == FLY:
            raise ConfigError(
                "This stack is on the local Fly, which runs the checkout and has no registry of "
                "container images. Leave --push out; or run a registry of your own and name it: "
                "FLY_REGISTRY_HOST=127.0.0.1:5000"
            )
        return cls(host, bare(endpoints.token))

    def digest(self, app: str, tag: str) -> str:
        """Return the digest of a tag.

        Raises:
            ImageError: there is no such tag, or no answer.
        """
        scheme = "http" if is_loopback(f"//{self.host}") else "https"
        try:
            answer = httpx.head(
                f"{scheme}://{self.host}/v2/{app}/manifests/{tag}",
                auth=(USER, self.password),
                headers={"Accept": _MANIFESTS},
                timeout=30,
                trust_env=scheme == "https",
            )
        except httpx.HTTPError as exc:
            raise ImageError(
                f"{self.host} does not say what {app}:{tag} is: {type(exc).__name__}"
            ) from None  # the cause carries the request, and with it the token
        digest = str(answer.headers.get("docker-content-digest", ""))
        if not answer.is_success or not digest:
            raise ImageError(
                f"{self.host} does not say what {app}:{tag} is: it answered {answer.status_code}"
            )
        return digest


def bare(token: str) -> str:
    """Return a token as a registry accepts it: no scheme, and only its macaroons if it has any."""
    text = token.strip()
    while text.partition(" ")[0].lower() in {"bearer", "flyv1"}:
        text = text.partition(" ")[2].strip()
    parts = [part.strip() for part in text.split(",")]
    macaroons = [part for part in parts if part.startswith(("fm1r_", "fm1a_", "fm2_"))]
    return ",".join(macaroons or parts)
