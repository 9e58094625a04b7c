"""`Endpoints`: where Fly is. The local Fly and the real one differ in these and the token only."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from flygate.system.errors import ConfigError

API_URL = "https://api.fly.io"
FLAPS_URL = "https://api.machines.dev"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The base URLs and the token.

    Attributes:
        api_url: GraphQL and logs (`FLY_API_BASE_URL`).
        flaps_url: the Machines API (`FLY_FLAPS_BASE_URL`).
        token: `FLY_API_TOKEN`; never printed.
        uiex_url: the releases API (`FLY_UIEX_BASE_URL`), by default below `api_url`:
            another `FLY_API_BASE_URL` means another Fly as a whole.
    """

    api_url: str = API_URL
    flaps_url: str = FLAPS_URL
    token: str = field(default="", repr=False)
    uiex_url: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "uiex_url", self.uiex_url or self.api_url)

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Endpoints:
        """Read flyctl's own variables.

        Raises:
            ConfigError: no token is set.
        """
        env = os.environ if env is None else env
        token = env.get("FLY_ACCESS_TOKEN") or env.get("FLY_API_TOKEN") or ""
        if not token:
            raise ConfigError(
                "No Fly token: FLY_API_TOKEN is not set. For the local Fly run `make up` and then "
                "`. .flygate/env`; for Fly.io run `export FLY_API_TOKEN=$(fly tokens create org)`."
            )
        return cls(
            api_url=env.get("FLY_API_BASE_URL", API_URL).rstrip("/"),
            flaps_url=env.get("FLY_FLAPS_BASE_URL", FLAPS_URL).rstrip("/"),
            token=token,
            uiex_url=env.get("FLY_UIEX_BASE_URL", "").rstrip("/"),
        )

    @property
    def is_local(self) -> bool:
        """The Machines API is on this machine: the local Fly, which has a registry of its own."""
        return is_loopback(self.flaps_url)


def is_loopback(url: str) -> bool:
    """The URL's host is this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name, and 127.0.0.1.example.com is one, too
