"""`StackConfig`: one environment, as its `Pulumi.<stack>.yaml` describes it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from flygate.config import redis
from flygate.config.kinds import Whole
from flygate.config.phases import PHASES, Phase
from flygate.config.pin import Pin
from flygate.config.promotion import Promotion
from flygate.config.regions import Regions
from flygate.config.rollout import RolloutConfig
from flygate.config.sizing import Sizing, check_sizes
from flygate.config.smoke import SmokeConfig
from flygate.config.source import SERVICE, completed
from flygate.config.variables import check_variables
from flygate.fly.owner import Owner as Label

SOURCE: Final = "source"

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,61}[a-z0-9]")

_ORG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_IMAGE: Final = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")


Owner = Literal["rotated", "attached"]


class StackConfig(Sizing):
    """One environment. The overrides of the phase's values are in `Sizing`.

    Attributes:
        app: the Fly app's name, global on Fly.
        org: the Fly organisation's slug.
        phase: a row of `infra/flygate/config/phases.py`.
        regions: Fly regions in the order of the rollout; by default `primary_region` of fly.toml.
        image: `source` (this checkout; the local Fly only) or an image by digest.
        source: with `image: source`, the folders that make the image.
        env: environment variables of the service.
        protect: Pulumi refuses to destroy the app.
        takeover: the stack from which this one takes its app over, as the refusal names it.
        promotion: the stack runs only what another one proved; see `flygate promote`.
        owners: secrets that a rollback does not restore: `rotated` ones, whose former value is
            void, and `attached` ones, which follow a live resource (a database's URL).
    """

    app: str
    org: str = "personal"
    phase: Whole = 1
    regions: Regions = ()
    image: str = SOURCE
    source: tuple[str, ...] = SERVICE
    env: dict[str, str] = Field(default_factory=dict)
    rollout: RolloutConfig = RolloutConfig()
    smoke: SmokeConfig = SmokeConfig()
    protect: bool = False
    takeover: str = ""
    pin: Pin | None = None
    promotion: Promotion | None = None
    owners: dict[str, Owner] = Field(default_factory=dict)

    @property
    def row(self) -> Phase:
        """The row of the phase table, with what the stack overrides."""
        return self.over(PHASES[self.phase])

    @property
    def redis_name(self) -> str:
        """The name of the stack's Redis on Fly."""
        return self.redis.name or redis.default_name(self.app)

    def brings_redis(self, secrets: Collection[str]) -> bool:
        """Whether the user supplies the Redis.

        Args:
            secrets: the names of the stack's secrets.
        """
        return self.redis.url or redis.URL in secrets

    def needs_redis(self, secrets: Collection[str]) -> bool:
        """Whether the release keeps its limits in a Redis that Flygate makes.

        Args:
            secrets: the names of the stack's secrets.
        """
        needs = self.pin.redis if self.pin else self.row.storage == "redis"
        return needs and not self.brings_redis(secrets)

    @field_validator("app")
    @classmethod
    def _app_name(cls, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise ValueError("must be 2 to 63 lower-case letters, digits and dashes")
        return value

    @field_validator("org")
    @classmethod
    def _slug(cls, value: str) -> str:
        if not _ORG.fullmatch(value):
            raise ValueError("must be the slug of an organisation; `flyctl orgs list` shows them")
        return value

    @field_validator("takeover")
    @classmethod
    def _label(cls, value: str) -> str:
        if value and Label.parse(value) is None:
            raise ValueError(
                "must be the label of a stack, as the refusal names it: "
                "organisation/project/stack#1f2e3d4c"
            )
        return value

    @field_validator("phase")
    @classmethod
    def _known_phase(cls, value: int) -> int:
        if value not in PHASES:
            raise ValueError(f"must be one of {', '.join(map(str, PHASES))}")
        return value

    @field_validator("image")
    @classmethod
    def _image_by_digest(cls, value: str) -> str:
        if value != SOURCE and not _IMAGE.fullmatch(value):
            raise ValueError(
                f'must be "{SOURCE}" or an image by digest, as in '
                "registry.fly.io/app@sha256:<64 hex digits>: a tag may change behind your back"
            )
        return value

    @field_validator("source")
    @classmethod
    def _whole_service(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError(
                'must name a folder at least: the image is made of them. "." is the whole checkout'
            )
        if not all(folder.strip() for folder in value):
            raise ValueError('must have no empty name; "." is the whole checkout')
        return completed(value)

    @field_validator("env", mode="before")
    @classmethod
    def _plain_values(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {
            k: json.dumps(v) if isinstance(v, bool | int | float) else v for k, v in value.items()
        }

    @model_validator(mode="after")
    def _variable_names(self) -> StackConfig:
        check_variables("env", self.env)
        check_variables("owners", self.owners)
        return self

    @model_validator(mode="after")
    def _sizes(self) -> StackConfig:
        check_sizes(self.row)
        return self
