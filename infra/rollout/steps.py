"""The steps of a rollout: data that a plan is made of, each able to apply and to undo itself.

Both may run twice, and an undo may follow an apply that stopped half-way: each is idempotent.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Protocol

from infra import duration
from infra.fly.errors import BadState, NotFound, WaitTimeout
from infra.rollout.observe import (
    CANDIDATE,
    COUNT_KEY,
    DRIFT_KEY,
    LIVE,
    MANIFEST_KEY,
    RELEASE_KEY,
    ROLE_KEY,
    STANDBY,
    Seen,
)
from infra.rollout.target import Target
from infra.rollout.world import Member, World

STOP_SECONDS = 60
REVIVE_SECONDS = 15
# Get Machine is limited to 5 requests a second for each machine.
POLL_SECONDS = 0.25


class Step(Protocol):
    """One change of the world."""

    @property
    def title(self) -> str:
        """What it does, for the plan and the journal."""
        ...

    async def apply(self, world: World) -> str:
        """Do it; returns what was done, for people."""
        ...

    async def undo(self, world: World) -> None:
        """Take it back, however far it came."""
        ...


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one new machine in its release; its name is the machine's name."""

    release: int
    region: str
    number: int

    @property
    def name(self) -> str:
        """`v7-iad-1`: unique within the app, so that a create can be looked up."""
        return f"v{self.release}-{self.region}-{self.number}"


@dataclass(frozen=True, slots=True)
class SetSecrets:
    """Give Fly the release's secret values; running machines keep theirs until they restart."""

    title = "secrets"

    async def apply(self, world: World) -> str:
        """Set what the release has and remove what only the former one had."""
        target = world.target
        gone = dict.fromkeys(set(target.former_secrets) - set(target.secrets))
        values: dict[str, str | None] = {**target.secrets, **gone}
        if not values:
            return "no secrets"
        world.secrets_version = await world.fly.set_secrets(world.app, values)
        return describe_secrets(target)

    async def undo(self, world: World) -> None:
        """Set the former values: a machine that restarts must not see the new ones."""
        target = world.target
        added = dict.fromkeys(set(target.secrets) - set(target.former_secrets))
        values: dict[str, str | None] = {**target.former_secrets, **added}
        if values:
            await world.fly.set_secrets(world.app, values)


@dataclass(frozen=True, slots=True)
class Launch:
    """Create a machine that gets no traffic yet."""

    slot: Slot

    @property
    def title(self) -> str:
        """See `Step`."""
        return f"launch {self.slot.name}"

    async def apply(self, world: World) -> str:
        """Create it, cordoned."""
        machine = await world.fly.create_machine(
            world.app, machine_request(world.target, self.slot, world.secrets_version)
        )
        world.made[self.slot.name] = Member(self.slot.name, machine.id, self.slot.region)
        return f"{self.slot.name} is {machine.id} in {self.slot.region}"

    async def undo(self, world: World) -> None:
        """Destroy it, also if Fly's answer to the creation was lost."""
        made = world.made.get(self.slot.name)
        if machine_id := made.id if made else await self._lost(world):
            await world.fly.destroy(world.app, machine_id)

    async def _lost(self, world: World) -> str | None:
        machines = await world.fly.machines(world.app)
        return next((m.id for m in machines if m.name == self.slot.name), None)


@dataclass(frozen=True, slots=True)
class Admit:
    """Let the proxy send requests to a new machine."""

    slot: Slot

    @property
    def title(self) -> str:
        """See `Step`."""
        return f"admit {self.slot.name}"

    async def apply(self, world: World) -> str:
        """Uncordon it."""
        await world.fly.uncordon(world.app, world.made[self.slot.name].id)
        return f"{self.slot.name} takes requests"

    async def undo(self, world: World) -> None:
        """Cordon it, so that nothing reaches it while it goes."""
        if made := world.made.get(self.slot.name):
            await world.fly.cordon(world.app, made.id)
            await asyncio.sleep(duration.seconds(world.target.manifest.gates.drain))


@dataclass(frozen=True, slots=True)
class Settle:
    """Note on a new machine that its release stands."""

    slot: Slot

    @property
    def title(self) -> str:
        """See `Step`."""
        return f"settle {self.slot.name}"

    async def apply(self, world: World) -> str:
        """Its role becomes live."""
        await world.fly.set_metadata(world.app, world.made[self.slot.name].id, ROLE_KEY, LIVE)
        return f"{self.slot.name} is live"

    async def undo(self, world: World) -> None:
        """Nothing: it is past the point of no return."""


@dataclass(frozen=True, slots=True)
class Revive:
    """Put a machine of the running release back to work that a rollout or a person stopped."""

    machine: Seen

    @property
    def title(self) -> str:
        """See `Step`."""
        return f"revive {self.machine.name}"

    async def apply(self, world: World) -> str:
        """Start it, wait for its checks, uncordon it.

        One that does not come up is told and left: a broken release must not stand in the way
        of the one that replaces it.
        """
        comes_up = await self._comes_up(world)
        await world.fly.uncordon(world.app, self.machine.id)
        await world.fly.set_metadata(world.app, self.machine.id, ROLE_KEY, LIVE)
        return f"{self.machine.name} " + ("serves again" if comes_up else "does not come up")

    async def _comes_up(self, world: World) -> bool:
        app, machine_id = world.app, self.machine.id
        if self.machine.state == "suspended":
            return True  # a request wakes it
        try:
            if self.machine.state == "stopping":
                await world.fly.wait(app, machine_id, "stopped", STOP_SECONDS)
            await world.fly.start(app, machine_id)
            await world.fly.wait(app, machine_id, "started", REVIVE_SECONDS)
        except (BadState, WaitTimeout):
            return False
        return await _checks_pass(world, machine_id)

    async def undo(self, world: World) -> None:
        """Nothing: that the running release runs is no change to take back."""


@dataclass(frozen=True, slots=True)
class Retire:
    """Take a machine of the former release out of service: cordoned, drained, stopped, kept."""

    machine: Seen

    @property
    def title(self) -> str:
        """See `Step`."""
        return f"retire {self.machine.name}"

    async def apply(self, world: World) -> str:
        """Cordon it, let it finish its requests, stop it."""
        app, machine_id = world.app, self.machine.id
        await world.fly.set_metadata(app, machine_id, ROLE_KEY, STANDBY)
        await world.fly.cordon(app, machine_id)
        await asyncio.sleep(duration.seconds(world.target.manifest.gates.drain))
        await world.fly.stop(app, machine_id)
        await world.fly.wait(app, machine_id, "stopped", STOP_SECONDS)
        return f"{self.machine.name} is stopped and kept as standby"

    async def undo(self, world: World) -> None:
        """Bring it back."""
        await Revive(self.machine).apply(world)


@dataclass(frozen=True, slots=True)
class Destroy:
    """Remove a machine that no longer serves: an old standby, or what a dead rollout left."""

    machine: Seen
    why: str

    @property
    def title(self) -> str:
        """See `Step`."""
        return f"destroy {self.machine.name} ({self.why})"

    async def apply(self, world: World) -> str:
        """Destroy it; gone already is fine."""
        try:
            await world.fly.cordon(world.app, self.machine.id)
        except NotFound:
            return f"{self.machine.name} is gone"
        await world.fly.destroy(world.app, self.machine.id)
        return f"{self.machine.name} is gone ({self.why})"

    async def undo(self, world: World) -> None:
        """Nothing: what did not serve is not missed."""


async def _checks_pass(world: World, machine_id: str) -> bool:
    """Wait until a started machine is well; what is retired next may be all that serves."""
    deadline = time.monotonic() + REVIVE_SECONDS
    while time.monotonic() < deadline:
        machine = await world.fly.machine(world.app, machine_id)
        if machine.state not in {"started", "starting"}:
            return False
        if machine.state == "started" and all(c.status == "passing" for c in machine.checks):
            return True
        await asyncio.sleep(POLL_SECONDS)
    return False


def machine_request(target: Target, slot: Slot, secrets_version: int) -> dict[str, Any]:
    """The body of the machine's creation."""
    manifest = target.manifest
    config = {
        **manifest.config,
        "image": manifest.image,
        "env": {**manifest.env, "FLYGATE_RELEASE": target.name},
        "metadata": {
            "fly_platform_version": "v2",
            "fly_process_group": "app",
            RELEASE_KEY: target.name,
            MANIFEST_KEY: target.manifest_id,
            ROLE_KEY: CANDIDATE,
            COUNT_KEY: str(manifest.count),
            DRIFT_KEY: target.drift,
        },
    }
    request: dict[str, Any] = {
        "name": slot.name,
        "region": slot.region,
        "config": config,
        "skip_service_registration": True,
    }
    if secrets_version:
        request["min_secrets_version"] = secrets_version
    return request


def describe_secrets(target: Target) -> str:
    """Names that are new (+), gone (-) or changed (~), never values."""
    new, old = target.secrets, target.former_secrets
    marks = [f"+{name}" for name in sorted(set(new) - set(old))]
    marks += [f"-{name}" for name in sorted(set(old) - set(new))]
    marks += [f"~{name}" for name in sorted(set(old) & set(new)) if old[name] != new[name]]
    return " ".join(marks) or "unchanged"


__all__ = [
    "Admit",
    "Destroy",
    "Launch",
    "Retire",
    "Revive",
    "SetSecrets",
    "Settle",
    "Slot",
    "Step",
    "describe_secrets",
    "machine_request",
]
