"""The Redis of a release that a stack went back to: a way back never buys one.

A URL that the user supplied comes back with the release, like each of the user's secrets. The URL
of a Redis that Flygate made follows that Redis; if it is gone, the way back is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from flygate.config import redis
from flygate.fly.models import Redis
from flygate.program.desired_stack import DesiredStack
from flygate.record.stack_record import StackRecord
from flygate.system.errors import ConfigError


@dataclass(frozen=True, slots=True)
class PinnedRedis:
    """Attributes:
    version: of the pinned release.
    name: of the stack's Redis on Fly.
    url: by which the release knew its Redis; empty if the ledger does not have it.
    made: the URLs of each Redis that Flygate made, as far as Pulumi's state has them.
    """

    version: str
    name: str
    url: str = field(default="", repr=False)
    made: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, desired: DesiredStack, recorded: StackRecord) -> Self | None:
        """Return the one that a pinned release needs; None if it needs none that Flygate makes."""
        stack = desired.stack
        if stack.pin is None or not desired.needs_redis:
            return None
        url = recorded.values_of(stack.pin).get(redis.URL, "")
        return cls(stack.pin.version, stack.redis_name, url, recorded.redis_urls)

    def is_own(self, live: Redis | None) -> bool:
        """Whether the user supplied the URL, so that it comes back.

        Args:
            live: the stack's Redis as Fly has it; None if it is gone.
        """
        made = [*self.made, *([live.url] if live else [])]
        return bool(self.url) and not self._is_one_of(made)

    def check(self, live: Redis | None, stack: str) -> None:
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
        """Compare servers: the password may have changed since."""
        server = _server(self.url)
        return server[0] == f"fly-{self.name}.upstash.io" or server in map(_server, urls)


def _server(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or redis.PORT
