"""What a stack overrides of its phase, checked against Fly's rules.

A value that Fly or the proxy would refuse is an error. A value that the phase is not meant for, or
that lets clients exceed their limits, is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator

from flygate.config import redis
from flygate.config.kinds import Whole
from flygate.config.phases import Autostop, Concurrency, CpuKind, Phase, Storage
from flygate.config.redis import RedisConfig
from flygate.config.section import Section

# Source: the Machines API's own checks, as in fly-go and flyctl.
CPUS: Final = {"shared": (1, 2, 4, 6, 8), "performance": (1, 2, 4, 6, 8, 10, 12, 14, 16)}
MEMORY_MB_PER_CPU: Final = {"shared": (256, 2048), "performance": (2048, 8192)}
MEMORY_STEP_MB: Final = {"shared": 256, "performance": 1024}
# Larger ones can't be suspended (Fly's documentation of suspend).
SUSPEND_MB_MAX: Final = 2048


class Guest(Section):
    """The size of a machine (`flygate:guest`); the phase decides what is not set."""

    cpu_kind: CpuKind | None = None
    # Bounds against typing errors only; Fly's own follow from each other.
    cpus: Whole | None = Field(default=None, ge=1, le=1_000)
    memory_mb: Whole | None = Field(default=None, ge=1, le=10_000_000)


class Limits(Section):
    """How many requests one machine gets at a time (`flygate:concurrency`); see `Phase`."""

    type: Concurrency | None = None
    soft: Whole | None = Field(default=None, ge=1, le=1_000_000)
    hard: Whole | None = Field(default=None, ge=1, le=1_000_000)


class Sizing(Section):
    """The keys of the stack's configuration that stand in place of the phase's values.

    Attributes:
        sizing: which one decides on guest, concurrency and autostop: the phase, or fly.toml
            where it sets them; see `infra/flygate/flytoml/precedence.py`.
        machines: how many run in each region.
        count: other process groups of fly.toml → how many of their machines run: in each region
            those of a group with a service, in the first one those of a group without.
        redis: the Redis where limits are kept, if they are kept in one.
    """

    sizing: Literal["phase", "fly.toml"] = "phase"
    machines: Whole | None = Field(default=None, ge=1, le=50)
    count: dict[str, Annotated[Whole, Field(ge=1, le=50)]] = Field(default_factory=dict)
    minimum_running: Whole | None = Field(default=None, ge=0, le=50)
    guest: Guest = Guest()
    concurrency: Limits = Limits()
    autostop: Autostop | None = None
    affinity: bool | None = None
    storage: Storage | None = None
    redis: RedisConfig = RedisConfig()

    @field_validator("autostop", mode="before")
    @classmethod
    def _off_is_a_word(cls, value: Any) -> Any:
        return "off" if value in (False, "false") else value  # as YAML reads it

    def over(self, row: Phase) -> Phase:
        """Return the row with these values in place of its own."""
        storage = self.storage or row.storage
        overrides: dict[str, Any] = {
            "machines": self.machines,
            "cpu_kind": self.guest.cpu_kind,
            "cpus": self.guest.cpus,
            "memory_mb": self.guest.memory_mb,
            "concurrency": self.concurrency.type,
            "soft_limit": self.concurrency.soft,
            "hard_limit": self.concurrency.hard,
            "autostop": self.autostop,
            "minimum_running": self._minimum_running(row),
            "affinity": storage == "memory" if self.affinity is None else self.affinity,
        }
        known = {key: value for key, value in overrides.items() if value is not None}
        return replace(row, **known, storage=storage, redis_plan=self._redis_plan(row, storage))

    def _minimum_running(self, row: Phase) -> int:
        """A region with fewer machines than the phase keeps awake keeps all awake."""
        if self.minimum_running is not None:
            return self.minimum_running
        return min(row.minimum_running, self.machines or row.machines)

    def _redis_plan(self, row: Phase, storage: Storage) -> str | None:
        if storage != "redis" or self.redis.url:
            return None
        return self.redis.plan or row.redis_plan or redis.PLAN


def check_sizes(row: Phase) -> None:
    """Check that Fly accepts the sizes, and that they fit together.

    Args:
        row: the phase with what the stack overrides.

    Raises:
        ValueError: begins with the key that is wrong.
    """
    _check_guest(row)
    if row.soft_limit >= row.hard_limit:
        raise ValueError(
            f"concurrency.soft is {row.soft_limit}; it must be below concurrency.hard, which is "
            f"{row.hard_limit}: between them the proxy prefers other machines"
        )
    if row.minimum_running > row.machines:
        raise ValueError(
            f"minimum_running is {row.minimum_running}; it must not be more than the machines of a "
            f"region, which are {row.machines}. Set more: pulumi config set machines "
            f"{row.minimum_running}"
        )


def guest_problem(kind: str, cpus: int, memory_mb: int) -> str:
    """Say what Fly refuses of a machine's size, beginning with `cpus` or `memory_mb`; or nothing.

    Args:
        kind: shared or performance.
    """
    if cpus not in CPUS[kind]:
        return f"cpus is {cpus}; Fly has {_words(CPUS[kind])} {kind} CPUs"
    least, most = (each * cpus for each in MEMORY_MB_PER_CPU[kind])
    step = MEMORY_STEP_MB[kind]
    if not least <= memory_mb <= most or memory_mb % step:
        return (
            f"memory_mb is {memory_mb}; with {cpus} {kind} CPUs Fly takes {least} to {most} MB "
            f"in steps of {step}"
        )
    return ""


def warnings(row: Phase, regions: int) -> Iterator[str]:
    """Yield warnings for the preview."""
    total, (least, most) = row.machines * regions, row.range
    if not least <= total <= (most or total):
        yield (
            f"phase {row.number} ({row.name}) is meant for {_range(least, most)} machines in all, "
            f"and this stack has {total}: see docs/phases.md for the phase that fits"
        )
    if row.regions_max and regions > row.regions_max:
        yield (
            f"phase {row.number} ({row.name}) is meant for at most {row.regions_max} regions, and "
            f"this stack has {regions}: clients may be sent around the world to their machine"
        )
    if row.storage == "memory" and not row.affinity and total > 1:
        yield (
            f"limits are in memory and affinity is off: a client can get its limit from each of "
            f"{total} machines"
        )
    if row.storage == "memory" and row.autostop == "stop":
        yield "autostop is stop: a machine that idles forgets its limits; suspend keeps them"
    if row.autostop == "suspend" and row.memory_mb > SUSPEND_MB_MAX:
        yield f"Fly suspends no machine of more than {SUSPEND_MB_MAX} MB: it stops, and forgets"


def _check_guest(row: Phase) -> None:
    if problem := guest_problem(row.cpu_kind, row.cpus, row.memory_mb):
        raise ValueError(f"guest.{problem}")


def _range(least: int, most: int | None) -> str:
    return f"{least} to {most}" if most else f"{least} or more"


def _words(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers[:-1])) + f" or {numbers[-1]}"
