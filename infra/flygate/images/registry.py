"""The registry that images are pushed to: Fly's, or what FLY_REGISTRY_HOST names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from flygate.fly.endpoints import Endpoints, is_loopback
from flygate.system.errors import ConfigError, ImageError

FLY = "registry.fly.io"
# Fly's registry looks at the password only.
USER = "x"
_MANIFESTS = ", ".join(
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
        """The registry that goes with an API.

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
        """What the registry has under a tag.

        Raises:
            ImageError: nothing, or it does not say.
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
    """A token as a registry wants it: no scheme, and macaroons alone where there are some."""
    text = token.strip()
    while text.partition(" ")[0].lower() in {"bearer", "flyv1"}:
        text = text.partition(" ")[2].strip()
    parts = [part.strip() for part in text.split(",")]
    macaroons = [part for part in parts if part.startswith(("fm1r_", "fm1a_", "fm2_"))]
    return ",".join(macaroons or parts)
