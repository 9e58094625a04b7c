"""The manifest: one immutable description of what runs.

Its public half is here, as plain JSON. The secret half is a separate map that never meets it;
the two are tied together by the id of the secret set, which says nothing about the values.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from flygate_wire.variables import SLIDING_WINDOW, Variable
from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from flygate.config import (
    By,
    JudgeConfig,
    RolloutConfig,
    SmokeRequest,
    StackConfig,
    Strategy,
    redis,
)
from flygate.config.phases import Phase
from flygate.config.regions import check as check_regions
from flygate.config.web_service import is_public, web_port
from flygate.flytoml import FlyToml, conflicts, machine_config, precedence
from flygate.flytoml.notices import Notice
from flygate.system.errors import ConfigError

NO_TIME = "0s"
NO_REGION = (
    "No region: set primary_region in fly.toml, or `pulumi config set --path 'regions[0]' iad`."
)


class Gates(BaseModel):
    """The conditions of a release. Durations as in fly.toml ("2m").

    Attributes:
        uptime: how long a new machine must have been up.
        requests: further requests of the smoke check.
        restart: the first new machine is stopped and started before it serves.

    Defaults are left out of the JSON, so that releases of before these keys keep their manifest's
    id.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    wait: str = "2m"
    uptime: str = NO_TIME
    drain: str = "10s"
    limiter: bool = True
    requests: tuple[SmokeRequest, ...] = ()
    restart: bool = True

    @model_serializer(mode="wrap")
    def _without_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = dump(self)
        if found["uptime"] == NO_TIME:
            del found["uptime"]
        if not found["requests"]:
            del found["requests"]
        if found["restart"]:
            del found["restart"]
        return found


class Course(BaseModel):
    """How the release is rolled out; see `RolloutConfig` in `infra/flygate/config/rollout.py`.

    The defaults are those of releases that were made before there was a choice.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    strategy: Strategy = "bluegreen"
    by: By = "machines"
    steps: tuple[int | str, ...] = ("100%",)
    soak: str = "0s"
    judge: JudgeConfig = JudgeConfig()
    standby: str = "1h"

    @classmethod
    def of(cls, rollout: RolloutConfig, strategy: Strategy) -> Course:
        """Return what of a stack's configuration is part of the manifest.

        Args:
            strategy: as the configuration and fly.toml agree on it.
        """
        shared = {name: getattr(rollout, name) for name in cls.model_fields}
        return cls(**{**shared, "strategy": strategy})


class Manifest(BaseModel):
    """The public half.

    Attributes:
        image: by digest.
        config: the machine config, without image and metadata, with the environment.
        machines: how many in each region.
        secrets: the names of the secrets; the values are in the ledger's secret sets.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    app: str
    image: str
    config: dict[str, Any]
    phase: int
    regions: tuple[str, ...]
    machines: int
    secrets: tuple[str, ...] = ()
    gates: Gates = Gates()
    rollout: Course = Course()

    @property
    def env(self) -> dict[str, str]:
        """The environment of the machines, without secrets."""
        env: dict[str, str] = self.config.get("env", {})
        return env

    @property
    def web_port(self) -> int | None:
        """Where the HTTP service listens in its machine; None for a worker."""
        return web_port(self.config)

    @property
    def is_public(self) -> bool:
        """Whether the app's public address leads to it."""
        return is_public(self.config)

    @property
    def count(self) -> int:
        """Machines in all regions together."""
        return self.machines * len(self.regions)

    def with_secrets(self, names: Iterable[str]) -> Manifest:
        """Return the manifest with more secrets."""
        return self.model_copy(update={"secrets": tuple(sorted({*self.secrets, *names}))})

    def id(self, secret_set: str) -> str:
        """Return the manifest's id: 12 hex digits over its public half and its secret set's id."""
        text = canonical(self.model_dump(mode="json")) + secret_set
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def build(stack: StackConfig, file: FlyToml, image: str, secret_names: Iterable[str]) -> Manifest:
    """Make the manifest of a stack's configuration, its phase and fly.toml.

    Raises:
        ConfigError: fly.toml and the configuration leave something open, or contradict each other.
    """
    where = regions(stack, file)
    row = _workable(stack, file)
    config = row.over(machine_config(file), len(where), keeps_sizing=stack.sizing == "fly.toml")
    # Fly keeps machines awake there.
    config["env"] = {**config["env"], **stack.env, "PRIMARY_REGION": where[0]}
    names = tuple(sorted(secret_names))
    _check_overlap(stack.env, names)
    _check_affinity(stack.rollout.by, config)
    conflicts.check(file, stack, config, {*names, redis.URL})
    return Manifest(
        app=stack.app,
        image=image,
        config=config,
        phase=stack.phase,
        regions=where,
        machines=row.machines,
        secrets=names,
        gates=Gates(
            wait=precedence.wait(stack, file),
            uptime=stack.rollout.uptime,
            drain=stack.rollout.drain,
            limiter=stack.smoke.limiter,
            requests=stack.smoke.requests,
            restart=stack.smoke.restart,
        ),
        rollout=Course.of(stack.rollout, precedence.strategy(stack, file)),
    )


def regions(stack: StackConfig, file: FlyToml) -> tuple[str, ...]:
    """Return where the stack runs, the first region first.

    Raises:
        ConfigError: neither the stack nor fly.toml says it.
    """
    if stack.regions:
        return stack.regions
    primary = file.values.primary_region
    if not primary:
        raise ConfigError(NO_REGION)
    try:
        check_regions([primary])
    except ValueError as exc:
        line = file.line("primary_region")
        raise ConfigError(str(Notice(line, f"primary_region {exc}."))) from None
    return (primary,)


def canonical(value: Any) -> str:
    """Write JSON that is the same text for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _workable(stack: StackConfig, file: FlyToml) -> Phase:
    """Return the stack's row, without affinity for sliding windows, which can't move."""
    row = precedence.row(stack, file)
    algorithm = {**file.values.env, **stack.env}.get(Variable.RATE_LIMIT_ALGORITHM)
    if algorithm != SLIDING_WINDOW or not row.affinity:
        return row
    if stack.affinity:
        raise ConfigError(
            "flygate:affinity is true, and RATE_LIMIT_ALGORITHM is sliding_window, whose counts "
            "can't be handed from one machine to another. Remove one: `pulumi config rm affinity`."
        )
    return replace(row, affinity=False)


def _check_affinity(by: By, config: Mapping[str, Any]) -> None:
    if by == "clients" and web_port(config) is None:
        raise ConfigError(
            'flygate:rollout.by is "clients", and no service of fly.toml speaks HTTP: there are '
            "none. Move machines instead: `pulumi config set --path rollout.by machines`."
        )
    if by == "clients" and config["env"].get(Variable.RATE_LIMIT_AFFINITY) != "on":
        raise ConfigError(
            'flygate:rollout.by is "clients"; it needs sticky sessions, and they are off '
            "(RATE_LIMIT_AFFINITY). Turn them on: `pulumi config set affinity true`. Or move "
            "machines instead: `pulumi config set --path rollout.by machines`."
        )


def _check_overlap(env: Mapping[str, str], secrets: tuple[str, ...]) -> None:
    both = sorted(set(env) & set(secrets))
    if both:
        raise ConfigError(
            f"{', '.join(both)}: set under both flygate:env and flygate:secrets. A secret wins "
            "over a variable of the same name on Fly, so one would never be seen; remove one."
        )
