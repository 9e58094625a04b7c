"""The Redis of a release that a stack went back to: a way back never buys one.

A URL of the user's own comes back with the release, like each of the user's secrets. One of a Redis
that Flygate made follows that Redis, and where it is gone nothing can be gone back to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from flygate.config import redis
from flygate.config.redis import LiveRedis
from flygate.system.errors import ConfigError


@dataclass(frozen=True, slots=True)
class PinnedRedis:
    """Attributes:
    version: of the pinned release.
    name: of the stack's Redis on Fly.
    url: by which the release knew its Redis; empty if the ledger does not have it.
    made: the URLs of what Flygate made, as far as Pulumi's state has them.
    """

    version: str
    name: str
    url: str = field(default="", repr=False)
    made: tuple[str, ...] = field(default=(), repr=False)

    def is_own(self, live: LiveRedis | None) -> bool:
        """The URL is the user's, so it comes back.

        Args:
            live: the stack's Redis as it is on Fly; None if it is not there.
        """
        ours = [*self.made, *([live.url] if live else [])]
        return bool(self.url) and not self._is_one_of(ours)

    def check(self, live: LiveRedis | None, stack: str) -> None:
        """Refuse to go back where that would buy a Redis.

        Raises:
            ConfigError: what is gone, and what to type.
        """
        if live or self.is_own(live):
            return
        what = f"the Redis {self.name}, which is gone" if self.url else "a Redis that is not known"
        raise ConfigError(
            f"{self.version} keeps its limits in {what}, and a way back buys nothing. Nothing was "
            "changed. Bring a Redis: `pulumi config set --secret --path redis.url --stack "
            f"{stack}` asks for its URL. Or go forward: `flygate forward {stack}`, which makes one "
            "if the configuration's phase needs it."
        )

    def _is_one_of(self, urls: Iterable[str]) -> bool:
        """By its server: the password may be another one meanwhile."""
        server = _server(self.url)
        return server[0] == f"fly-{self.name}.upstash.io" or server in map(_server, urls)


def _server(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or redis.PORT
