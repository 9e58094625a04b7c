"""All that the user asks for: the configuration, the secrets, and the manifest that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from flygate import config, manifest
from flygate.config import StackConfig, redis
from flygate.config.phases import Phase
from flygate.config.redis import LiveRedis, RedisPlan
from flygate.flytoml import FlyToml, agreement, contradictions
from flygate.flytoml.document import read as read_document
from flygate.images import image
from flygate.images.sources import Sources
from flygate.manifest import Manifest
from flygate.system.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asks for.

    Attributes:
        secrets: the stack's own, name → value.
        redis_url: of the Redis that the stack brings, or None.
        regions: the first one first.
        manifest: what shall run; None while the stack is pinned.
        notes: what the operator should know of the files that are packed, and of fly.toml.
        sized: the stack's row, with the sizes of fly.toml where it decides; None with a pin.
    """

    stack: StackConfig
    secrets: Mapping[str, str] = field(repr=False)
    redis_url: str | None = field(repr=False)
    regions: tuple[str, ...]
    manifest: Manifest | None
    notes: tuple[str, ...] = ()
    sized: Phase | None = None

    @classmethod
    def read(cls, raw: Mapping[str, Any], *, is_redis_secret: bool, root: Path) -> Self:
        """Read and check it.

        Args:
            raw: the stack's configuration.
            is_redis_secret: Pulumi keeps `flygate:redis` encrypted, in part at least.
            root: the checkout.

        Raises:
            ConfigError: something is wrong with it.
        """
        stack, secrets = config.load(raw), config.load_secrets(raw)
        url = config.load_redis_url(raw, is_secret=is_redis_secret)
        _check_one_redis(stack, secrets)
        _check_url(secrets)
        if stack.pin:
            return cls(stack, secrets, url, _pinned_regions(stack, root), None)
        file = FlyToml.read(root / "fly.toml")
        regions = manifest.regions(stack, file)
        wanted = _manifest(stack, file, secrets, root)
        told = (*_notes(stack, root), *notes_of(stack, file, wanted))
        return cls(stack, secrets, url, regions, wanted, told, agreement.row(stack, file))

    @property
    def row(self) -> Phase:
        """What the machines are like."""
        return self.sized or self.stack.row

    @property
    def brings_redis(self) -> bool:
        """None of ours is made."""
        return self.redis_url is not None or redis.URL in self.secrets

    @property
    def needs_redis(self) -> bool:
        """What shall run keeps its limits in a Redis of ours."""
        pin = self.stack.pin
        needs = pin.redis if pin else self.stack.row.storage == "redis"
        return needs and not self.brings_redis

    @property
    def source(self) -> list[str]:
        """The folders that make the image, if it is made here."""
        return list(self.stack.source) if self.stack.image == config.SOURCE else []

    @property
    def kept_secrets(self) -> dict[str, str]:
        """What the release gets of the stack's secrets: with a pin what a rollback leaves as is."""
        if not self.stack.pin:
            return dict(self.secrets)
        return {name: value for name, value in self.secrets.items() if name in self.stack.owners}

    def redis_plan(self, live: LiveRedis | None) -> RedisPlan | None:
        """What becomes of the stack's Redis: one that is there stays, needed or not.

        Args:
            live: the one that is there.
        """
        is_made = self.needs_redis and not self.stack.pin  # a way back never buys one
        if self.brings_redis or not (is_made or live):
            return None
        wish, row = self.stack.redis, self.stack.row
        return RedisPlan(
            name=redis.name_of(wish, self.stack.app),
            plan=wish.plan or row.redis_plan or (live.plan if live else redis.PLAN),
            region=self.regions[0],
            read_regions=wish.regions,
            live=live,
            is_needed=self.needs_redis,
        )


def _check_one_redis(stack: StackConfig, secrets: Mapping[str, str]) -> None:
    if redis.URL in secrets and stack.row.storage == "redis":
        raise ConfigError(
            f"flygate:secrets.{redis.URL} is set, and phase {stack.phase} has a Redis of its own. "
            "To use yours, move it: `pulumi config set --secret --path redis.url` asks for it, and "
            f"`pulumi config rm --path secrets.{redis.URL}` removes the other."
        )


def _check_url(secrets: Mapping[str, str]) -> None:
    if redis.URL in secrets and (problem := redis.problem_of(secrets[redis.URL])):
        raise ConfigError(
            f"flygate:secrets.{redis.URL} {problem}; the service takes "
            "rediss://[user:PASSWORD@]host[:port][/database]. Set it again: "
            f"`pulumi config set --secret --path secrets.{redis.URL}` asks for it."
        )


def notes_of(stack: StackConfig, file: FlyToml, wanted: Manifest) -> list[str]:
    """What the operator should know of fly.toml: what wins over it, and what may surprise."""
    return [
        *contradictions.notes(file, stack, wanted.config),
        *agreement.notes(stack, file),
    ]


def _pinned_regions(stack: StackConfig, root: Path) -> tuple[str, ...]:
    """The checkout is not deployed, so its fly.toml may be as it likes."""
    if stack.regions:
        return stack.regions
    if primary := read_document(root / "fly.toml").get("primary_region"):
        return (str(primary),)
    raise ConfigError(manifest.NO_REGION)


def _manifest(
    stack: StackConfig, file: FlyToml, secrets: Mapping[str, str], root: Path
) -> Manifest:
    reference = stack.image
    if reference == config.SOURCE:
        reference = image.pack(root, list(stack.source)).reference(stack.app)
    return manifest.build(stack, file, reference, secrets)


def _notes(stack: StackConfig, root: Path) -> tuple[str, ...]:
    """Of an image that is packed here."""
    if stack.image != config.SOURCE:
        return ()
    return tuple(Sources.read(root, stack.source).notes())
