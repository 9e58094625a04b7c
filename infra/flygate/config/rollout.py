"""`RolloutConfig`: how a stack's releases are rolled out and judged."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BeforeValidator,
    Field,
    StrictInt,
    ValidationInfo,
    field_validator,
    model_validator,
)

from flygate.config.hooks import HooksConfig
from flygate.config.kinds import Duration, Number, Wait, Whole
from flygate.config.section import Section

_STEP: Final = re.compile(r"[1-9]\d*|([1-9]\d?|100)%")
# The default where steps move clients.
CLIENT_STEPS: Final = ("1%", "10%", "50%", "100%")


def _step(step: Any) -> Any:
    kind = str if isinstance(step, str) and step[-1:] == "%" else int
    if type(step) is not kind or not _STEP.fullmatch(str(step)):
        raise ValueError('must be machines (from 1) or a share ("1%" to "100%")')
    return step


Step = Annotated[StrictInt | str, BeforeValidator(_step)]
Strategy = Literal["canary", "bluegreen", "rolling", "immediate"]
By = Literal["machines", "clients"]


class JudgeConfig(Section):
    """The bounds of a soak's judge; see docs/judge.md.

    Attributes:
        minimum: requests wanted of the new and of the former machines in each region.
        alpha: how likely a rollout of a good release may fail by chance.
        errors: an increase of 5xx by this many percentage points fails.
        latency: an increase of latency by this factor fails.
        ignore: measures that are reported, but do not count.
    """

    minimum: Whole = Field(default=150, ge=1, le=1_000_000_000)
    alpha: Number = Field(default=0.01, gt=0, lt=0.5)
    errors: Number = Field(default=5.0, gt=0, lt=100)
    latency: Number = Field(default=1.5, ge=1.2)
    ignore: tuple[
        Literal["restarts", "errors", "latency", "refusals", "memory", "descriptors"], ...
    ] = ()


class RolloutConfig(Section):
    """`flygate:rollout`.

    Attributes:
        wait: how long a new machine may take to start and pass its checks.
        uptime: how long it must have been up since its last start, in every strategy. As long as
            flyctl watches one for crashes.
        drain: how long a retired machine finishes its requests after the proxy stopped
            sending new ones (Fly's proxies learn of a cordon within seconds, not at once).
        strategy: in which order machines come and go.
        by: what a canary moves: new machines come step by step, or all of them come first and
            clients move to them step by step (which needs sticky sessions).
        steps: with `canary` and `rolling`, how many new machines there are in each region
            after each step: a number, or a share of them all. By clients: their share. The last
            step, "100%", is added if it is missing.
        soak: how long the new machines are compared with the former ones after each step;
            `0s` compares nothing.
        judge: by what the new machines are compared.
        standby: how long retired machines are kept for a rollback that starts them again.
        in_place: process groups whose machines are changed one after the other, and never run
            twice; those with a volume always are.
        hooks: what the programs in `hooks/` are given.
    """

    wait: Wait = "2m"
    uptime: Duration = "10s"
    drain: Duration = "10s"
    strategy: Strategy = "canary"
    by: By = "machines"
    steps: tuple[Step, ...] = (1, "25%", "50%", "100%")
    soak: Duration = "2m"
    judge: JudgeConfig = JudgeConfig()
    standby: Duration = "1h"
    in_place: tuple[str, ...] = ()
    hooks: HooksConfig = HooksConfig()

    @model_validator(mode="before")
    @classmethod
    def _default_shares(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and values.get("by") == "clients":
            return {"steps": CLIENT_STEPS, **values}
        return values

    @field_validator("by")
    @classmethod
    def _moves_clients_by_canary(cls, value: By, info: ValidationInfo) -> By:
        strategy = info.data.get("strategy", "canary")
        if value == "clients" and strategy != "canary":
            raise ValueError(
                f'must be "machines" with the strategy {strategy}; for the strategy canary, which '
                "moves clients: pulumi config set --path rollout.strategy canary"
            )
        return value

    @field_validator("steps")
    @classmethod
    def _reach_all(
        cls, value: tuple[int | str, ...], info: ValidationInfo
    ) -> tuple[int | str, ...]:
        for former, step in pairwise(value):
            if _shrinks(former, step):
                raise ValueError(
                    f"must grow from step to step, and {json.dumps(step)} is less than "
                    f"{json.dumps(former)} before it"
                )
        if info.data.get("by") == "clients" and not _are_growing_shares(value):
            raise ValueError(
                f"must be growing shares where clients move, such as {json.dumps(CLIENT_STEPS)}"
            )
        # A release ends with all machines, so `config set --path 'rollout.steps[0]' 2` suffices.
        return value if value[-1:] == ("100%",) else (*value, "100%")


def _are_growing_shares(steps: tuple[int | str, ...]) -> bool:
    percents = [int(step[:-1]) for step in steps if isinstance(step, str)]
    return len(percents) == len(steps) and percents == sorted({*percents})


def _shrinks(former: int | str, step: int | str) -> bool:
    """Whether a step is less than the one before; machines are not compared with shares."""
    if isinstance(former, int) or isinstance(step, int):
        return isinstance(former, int) and isinstance(step, int) and step < former
    return int(step[:-1]) < int(former[:-1])
