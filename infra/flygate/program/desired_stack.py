"""`DesiredStack`: the configuration, the secrets, and the manifest that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from flygate import config, manifest
from flygate.config import StackConfig, redis
from flygate.config.phases import Phase
from flygate.fly.models import Redis
from flygate.fly.redis import RedisSpec
from flygate.flytoml import FlyToml, precedence, surprises
from flygate.flytoml.toml_reader import read as read_document
from flygate.images import packed_image
from flygate.images.source_files import SourceFiles
from flygate.manifest import Manifest
from flygate.manifest.notes import notes as group_notes
from flygate.program import contradictions
from flygate.system.errors import ConfigError


@dataclass(frozen=True, slots=True)
class DesiredStack:
    """The desired state.

    Attributes:
        secrets: the stack's own, name → value.
        redis_url: of the Redis that the user supplies, or None.
        regions: the first one first.
        manifest: the one to release; None while the stack is pinned.
        notes: warnings about the files that are packed, and about fly.toml.
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
        """Read and check a stack's configuration.

        Args:
            raw: the stack's configuration.
            is_redis_secret: Pulumi keeps `flygate:redis` encrypted, in part at least.
            root: the checkout.

        Raises:
            ConfigError: the configuration, or fly.toml, is wrong.
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
        contradictions.check(stack, secrets, wanted.env)
        notes = (*_source_notes(stack, root), *_file_notes(stack, file, wanted))
        return cls(stack, secrets, url, regions, wanted, notes, precedence.row(stack, file))

    @property
    def row(self) -> Phase:
        """The size of the machines."""
        return self.sized or self.stack.row

    @property
    def brings_redis(self) -> bool:
        """Whether the user supplies the Redis."""
        return self.stack.brings_redis(self.secrets)

    @property
    def needs_redis(self) -> bool:
        """Whether the release keeps its limits in a Redis that Flygate makes."""
        return self.stack.needs_redis(self.secrets)

    @property
    def source(self) -> list[str]:
        """The folders that the image is packed from; empty with an image by digest."""
        return list(self.stack.source) if self.stack.image == config.SOURCE else []

    @property
    def kept_secrets(self) -> dict[str, str]:
        """The secrets that the release gets: with a pin, those that a rollback does not restore."""
        if not self.stack.pin:
            return dict(self.secrets)
        return {name: value for name, value in self.secrets.items() if name in self.stack.owners}

    def redis_spec(self, live: Redis | None) -> RedisSpec | None:
        """Return what the stack's Redis shall be: one that exists stays, needed or not.

        Args:
            live: the Redis as Fly has it.
        """
        is_made = self.needs_redis and not self.stack.pin  # a way back never buys one
        if self.brings_redis or not (is_made or live):
            return None
        section, row = self.stack.redis, self.stack.row
        return RedisSpec(
            name=self.stack.redis_name,
            org=self.stack.org,
            plan=section.plan or row.redis_plan or (live.plan if live else redis.PLAN),
            region=self.regions[0],
            read_regions=section.regions,
            evicts=section.eviction,
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


def _file_notes(stack: StackConfig, file: FlyToml, wanted: Manifest) -> list[str]:
    """What wins over fly.toml, and what may surprise."""
    return [
        *surprises.notes(file, stack, wanted.config),
        *precedence.notes(stack, file),
        *group_notes(stack, file, wanted.groups),
    ]


def _pinned_regions(stack: StackConfig, root: Path) -> tuple[str, ...]:
    """Read no more of fly.toml than the region: the checkout is not deployed."""
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
        reference = packed_image.pack(root, list(stack.source)).reference(stack.app)
    return manifest.build(stack, file, reference, secrets)


def _source_notes(stack: StackConfig, root: Path) -> tuple[str, ...]:
    if stack.image != config.SOURCE:
        return ()
    return tuple(SourceFiles.read(root, stack.source).notes())
