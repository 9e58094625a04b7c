"""What the user asked for: the stack's configuration, typed and checked.

`Pulumi.<stack>.yaml` → `StackConfig`. An error names every key that is wrong, the value found
and what to do. Secret values are apart, and stay Pulumi secrets (see `infra/inputs.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    StrictInt,
    ValidationError,
    field_validator,
    model_validator,
)

from infra import duration, redis, regions
from infra.errors import ConfigError
from infra.phases import PHASES, Phase
from infra.promotion import Promotion
from infra.section import Section
from infra.sizing import Sizing, check_sizes

PROJECT = "flygate"
SOURCE = "source"
# Keys whose values are JSON when they are set on the command line.
STRUCTURED = frozenset(
    {
        "phase",
        "machines",
        "minimum_running",
        "guest",
        "concurrency",
        "affinity",
        "redis",
        "regions",
        "source",
        "env",
        "secrets",
        "rollout",
        "smoke",
        "protect",
        "pin",
        "promotion",
        "owners",
    }
)

_NAME = re.compile(r"[a-z][a-z0-9-]{0,61}[a-z0-9]")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IMAGE = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
_STEP = re.compile(r"[1-9]\d*|([1-9]\d?|100)%")
# Of the clients, where nothing else is said.
CLIENT_STEPS = ("1%", "10%", "50%", "100%")
_VERSION = re.compile(r"v[1-9]\d*")


def _duration(text: str) -> str:
    try:
        duration.seconds(text)
    except ConfigError as exc:
        raise ValueError(str(exc)) from exc
    return text


Owner = Literal["rotated", "attached"]
Duration = Annotated[str, AfterValidator(_duration)]
Strategy = Literal["canary", "bluegreen", "rolling", "immediate"]
By = Literal["machines", "clients"]


class Judge(Section):
    """What the judge of a soak goes by; see docs/rollout.md.

    Attributes:
        minimum: requests wanted of the new and of the former machines in each region.
        alpha: how likely a rollout of a good release may fail by chance.
        errors: so many percentage points more 5xx must not pass.
        latency: so many times as slow must not pass.
        ignore: what is told, but does not count.
    """

    minimum: int = Field(default=150, ge=1)
    alpha: float = Field(default=0.01, gt=0, lt=0.5)
    errors: float = Field(default=5.0, gt=0, lt=100)
    latency: float = Field(default=1.5, ge=1.2)
    ignore: tuple[Literal["restarts", "errors", "latency", "refusals", "memory"], ...] = ()


class Rollout(Section):
    """How a release is rolled out.

    Attributes:
        wait: how long a new machine may take to start and pass its checks.
        drain: how long a retired machine finishes its requests after the proxy stopped
            sending new ones (Fly's proxies learn of a cordon within seconds, not at once).
        strategy: in which order machines come and go.
        by: what a canary moves: new machines come step by step, or all of them come first and
            clients move to them step by step (which needs sticky sessions).
        steps: with `canary` and `rolling`, how many new machines there are in each region
            after each step: a number, or a share of them all. By clients: their share.
        soak: how long the new machines are compared with the former ones after each step;
            `0s` compares nothing.
        judge: by what the new machines are compared.
        standby: how long retired machines are kept for a rollback that starts them again.
    """

    wait: Duration = "2m"
    drain: Duration = "10s"
    strategy: Strategy = "canary"
    by: By = "machines"
    steps: tuple[StrictInt | str, ...] = (1, "25%", "50%", "100%")
    soak: Duration = "2m"
    judge: Judge = Judge()
    standby: Duration = "1h"

    @model_validator(mode="before")
    @classmethod
    def _default_shares(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and values.get("by") == "clients":
            return {"steps": CLIENT_STEPS, **values}
        return values

    @model_validator(mode="after")
    def _grows_by_clients(self) -> Rollout:
        if self.by == "clients":
            if self.strategy != "canary":
                raise ValueError(f'by "clients" is for the strategy canary, not {self.strategy}')
            shares = [step for step in self.steps if isinstance(step, str)]
            percents = [int(share[:-1]) for share in shares]
            if len(shares) < len(self.steps) or percents != sorted({*percents}):
                raise ValueError(
                    'by "clients" needs steps that are growing shares, such as ["1%", "10%", '
                    f'"50%", "100%"], not {json.dumps(self.steps)}'
                )
        return self

    @field_validator("steps")
    @classmethod
    def _reach_all(cls, value: tuple[int | str, ...]) -> tuple[int | str, ...]:
        if not value or value[-1] != "100%":
            raise ValueError('must end with "100%"')
        for step in value:
            if not _STEP.fullmatch(str(step)) or (isinstance(step, str) and step[-1] != "%"):
                raise ValueError(
                    f'must be machines (from 1) or shares ("1%" to "100%"), not {step!r}'
                )
        return value


class Smoke(Section):
    """What a new machine must prove before it gets traffic.

    Attributes:
        limiter: the burst is allowed and the next request refused.
    """

    limiter: bool = True


class Pin(Section):
    """The stack runs an earlier release, whatever the checkout says. `flygate forward` ends it.

    Attributes:
        version: the release whose manifest runs, as `v7`.
        manifest: that manifest's id, by which the ledger finds it for ever.
        by, at, reason: who pinned it, when (RFC 3339) and why.
        fast: where its machines have gone, all new ones come at once and are hardly judged.
        redis: it keeps its limits in Redis, which must be there.
    """

    version: str
    manifest: str
    by: str = ""
    at: str = ""
    reason: str = ""
    fast: bool = False
    redis: bool = False

    @field_validator("version")
    @classmethod
    def _is_version(cls, value: str) -> str:
        if not _VERSION.fullmatch(value):
            raise ValueError("must be a release such as v7; `flygate history` lists them")
        return value


class StackConfig(Sizing):
    """One environment. What is in place of the phase's own values is in `Sizing`.

    Attributes:
        app: the Fly app's name, global on Fly.
        org: the Fly organisation's slug.
        phase: a row of `infra/phases.py`.
        regions: Fly regions in the order of the rollout; by default `primary_region` of fly.toml.
        image: `source` (this checkout; the local Fly only) or an image by digest.
        source: with `image: source`, the folders that make the image.
        env: environment variables of the service.
        protect: Pulumi refuses to destroy the app.
        promotion: the stack runs only what another one proved; see `flygate promote`.
        owners: secrets that a rollback does not restore: `rotated` ones, whose former value is
            void, and `attached` ones, which follow a live resource (a database's URL).
    """

    app: str
    org: str = "personal"
    phase: int = 1
    regions: tuple[str, ...] = ()
    image: str = SOURCE
    source: tuple[str, ...] = ("service",)
    env: dict[str, str] = Field(default_factory=dict)
    rollout: Rollout = Rollout()
    smoke: Smoke = Smoke()
    protect: bool = False
    pin: Pin | None = None
    promotion: Promotion | None = None
    owners: dict[str, Owner] = Field(default_factory=dict)

    @property
    def row(self) -> Phase:
        """The row of the phase table, with what the stack overrides."""
        return self.over(PHASES[self.phase])

    @field_validator("app")
    @classmethod
    def _app_name(cls, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise ValueError("must be 2 to 63 lower-case letters, digits and dashes")
        return value

    @field_validator("phase")
    @classmethod
    def _known_phase(cls, value: int) -> int:
        if value not in PHASES:
            raise ValueError(f"must be one of {', '.join(map(str, PHASES))}")
        return value

    @field_validator("regions")
    @classmethod
    def _known_regions(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        regions.check(value)
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
        check_variable_names("env", self.env)
        check_variable_names("owners", self.owners)
        return self

    @model_validator(mode="after")
    def _sizes(self) -> StackConfig:
        check_sizes(self.row)
        return self


def check_variable_names(key: str, names: Mapping[str, object]) -> None:
    """The names can be environment variables of a machine.

    Raises:
        ValueError: one is no variable name, or is Fly's own.
    """
    for name in names:
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"{key}.{name}: not a name of an environment variable")
        if name.startswith(("FLY_", "FLYGATE_")):
            raise ValueError(f"{key}.{name}: names that begin with FLY_ or FLYGATE_ are reserved")


def load(raw: Mapping[str, Any]) -> StackConfig:
    """Check a stack's configuration.

    Args:
        raw: key (without the project's name) → value: text, or JSON as text. `secrets` may
            be among them and is left out, and so is the text of `redis.url`.

    Raises:
        ConfigError: names every key that is wrong.
    """
    values = {key: _parsed(key, value) for key, value in raw.items() if key != "secrets"}
    if isinstance(values.get("redis"), Mapping) and "url" in values["redis"]:
        values["redis"] = {**values["redis"], "url": True}
    try:
        return StackConfig.model_validate(values)
    except ValidationError as exc:
        lines = [_explain(dict(error), values) for error in exc.errors()]
        raise ConfigError(
            "The stack's configuration is wrong:\n" + "\n".join(f"  {line}" for line in lines)
        ) from None


def load_secrets(raw: Mapping[str, Any]) -> dict[str, str]:
    """Check the secrets of a stack: name → value.

    Raises:
        ConfigError: they are no map of texts, or a name is no variable's.
    """
    values = _parsed("secrets", raw.get("secrets", "{}"))
    if not isinstance(values, Mapping) or not all(isinstance(v, str) for v in values.values()):
        raise ConfigError(
            f"{PROJECT}:secrets must be a map of names and texts. Set one with "
            "`pulumi config set --secret --path secrets.NAME`, which asks for the value."
        )
    try:
        check_variable_names("secrets", values)
    except ValueError as exc:
        raise ConfigError(f"{PROJECT}:{exc}") from None
    return dict(values)


def load_redis_url(raw: Mapping[str, Any], *, is_secret: bool) -> str | None:
    """The URL of the Redis that the stack brings, or None.

    Args:
        is_secret: Pulumi keeps `flygate:redis` encrypted, in part at least.

    Raises:
        ConfigError: see `redis.own_url`.
    """
    return redis.own_url(_parsed("redis", raw.get("redis")), is_secret=is_secret)


def _parsed(key: str, value: Any) -> Any:
    if key not in STRUCTURED or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _explain(error: dict[str, Any], values: Mapping[str, Any]) -> str:
    """One line: the key, the value found, what is wrong, the command that sets it."""
    path = ".".join(str(part) for part in error["loc"])
    message = str(error["msg"]).removeprefix("Value error, ")
    if not path:
        return f"{PROJECT}:{message}"
    if error["type"] == "missing":
        return f"{PROJECT}:{path} is not set. Set it: pulumi config set {path} <value>"
    if error["type"] == "extra_forbidden":
        known = ", ".join(sorted([*StackConfig.model_fields, "secrets"]))
        if "." in path and path.partition(".")[0] in STRUCTURED:
            return f"{PROJECT}:{path} is no key. Meant: pulumi config set --path {path} <value>"
        return f"{PROJECT}:{path} is no key of this project. Known: {known}"
    found = json.dumps(_at(values, error["loc"]), default=str)
    return f"{PROJECT}:{path} is {found}; it {_must(message)}"


def _must(message: str) -> str:
    if message.startswith(("must", "stores")):
        return message
    return "is wrong: " + message[:1].lower() + message[1:]


def _at(values: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return None
    return values
