"""`Update`: a machine that is kept changes to the new release, on the volume that it has."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from flygate.fly.models import Machine
from flygate.manifest import Group, Manifest
from flygate.rollout.execution import Execution
from flygate.rollout.machine.halting import halt
from flygate.rollout.machine.member import Member
from flygate.rollout.machine.waking import comes_up, start
from flygate.rollout.machine.watching import watch
from flygate.rollout.state import (
    INSTANCE_KEY,
    LIVE,
    MANIFEST_KEY,
    PLACE_KEY,
    RELEASE_KEY,
    ROLE_KEY,
    Seen,
)
from flygate.rollout.steps.machine_request import (
    identity,
    machine_config,
    machine_request,
)
from flygate.rollout.steps.place import Place
from flygate.rollout.steps.step import Turn
from flygate.system import duration

_RUNNING: Final = frozenset({"started", "starting"})
_CHANGING: Final = frozenset({"replacing", "updating", "restarting", "stopping"})
# It may take as long to stop as a fly.toml can ask for.
_CHANGE_SECONDS: Final = 330.0


@dataclass(frozen=True, slots=True)
class Update:
    """Give a machine the new image, config and environment, in place.

    Attributes:
        machine: the one that fills the place.
        is_drained: another machine of its group serves meanwhile, so it gets no requests until it
            is proved.
    """

    place: Place
    machine: Seen
    is_drained: bool = False
    turn = Turn.SERVE

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"update {self.place.name}"

    async def apply(self, execution: Execution) -> str:
        """Change it, and wait until it runs or has ended; what an earlier run changed stays so."""
        seen, name = self.machine, self.place.name
        before = await execution.fly.machine(execution.app, seen.id)
        since = max((event.timestamp for event in before.events), default=0)
        member = replace(Member.of(seen), name=name, group=self.place.group, since=since)
        if self._has_it(execution):
            execution.made[name] = replace(member, since=0)
            return f"{name} is {seen.id} in {seen.region}, updated before"
        if seen.release == execution.target.former and seen.role == LIVE:
            execution.before[name] = await execution.fly.machine_config(execution.app, seen.id)
        execution.made[name] = member
        if self.is_drained:
            await self._drain(execution)
        group = execution.target.manifest.group(self.place.group)
        request = machine_request(execution, group, place=name, volume=self.machine.volume)
        if self.is_drained:
            request["skip_service_registration"] = True
        updated = await _changed(execution, seen.id, request)
        execution.made[name] = replace(member, instance=updated.instance_id)
        if before.state not in _RUNNING:  # Fly leaves one at rest that was
            await start(execution.fly, execution.app, seen.id)
        on = f" on {seen.volume}" if seen.volume else ""
        return f"{name} is {execution.target.name} now ({seen.id}{on})"

    async def undo(self, execution: Execution) -> None:
        """Give it back what it had, on the same volume; one machine after the other.

        One that was not of the former release is destroyed, and its volume stays. One that was not
        changed yet is not restarted.
        """
        if self.place.name not in execution.made:
            return
        async with execution.in_place:
            if await self._is_untouched(execution):
                await execution.fly.uncordon(execution.app, self.machine.id)
                return
            config = self._former(execution)
            if config is None:
                await execution.fly.cordon(execution.app, self.machine.id)
                await halt(execution.fly, execution.app, self.machine.id)
                await execution.fly.destroy(execution.app, self.machine.id)
                return
            if self.is_drained:
                await self._drain(execution)
            restored = await _changed(execution, self.machine.id, {"config": config})
            await comes_up(execution.fly, execution.app, self.machine.id)
            await execution.fly.uncordon(execution.app, self.machine.id)
            await execution.fly.patch_metadata(
                execution.app, self.machine.id, {INSTANCE_KEY: restored.instance_id}
            )

    async def _drain(self, execution: Execution) -> None:
        await execution.fly.cordon(execution.app, self.machine.id)
        await asyncio.sleep(duration.seconds(execution.target.manifest.gates.drain))

    async def _is_untouched(self, execution: Execution) -> bool:
        """Return whether it has the config that it had before this rollout."""
        now = await execution.fly.machine(execution.app, self.machine.id)
        return self.place.name in execution.before and now.instance_id == self.machine.instance

    def _has_it(self, execution: Execution) -> bool:
        """Return whether an earlier run of this rollout has changed it, and it runs."""
        target, seen = execution.target, self.machine
        return (
            (seen.release, seen.manifest) == (target.version, target.manifest_id)
            and seen.noted_secrets in {"", execution.secrets}
            and seen.state == "started"
        )

    def _former(self, execution: Execution) -> dict[str, Any] | None:
        """Return the config to go back to: as it was, or as the ledger has it."""
        if before := execution.before.get(self.place.name):
            return copy.deepcopy(before)
        target = execution.target
        manifest = target.former_manifest
        group = _kept_group(manifest, self.place)
        if manifest is None or group is None:
            return None
        if (group.volume is not None) != bool(self.machine.volume):
            return None  # the former release's machine of this place is another one
        name, volume = target.former_name, self.machine.volume
        metadata = {
            **identity(target, manifest, group),
            RELEASE_KEY: name,
            MANIFEST_KEY: target.former_manifest_id,
            ROLE_KEY: LIVE,
            PLACE_KEY: self.place.name,
        }
        config = machine_config(group.config, manifest.image, name, volume)
        return {**config, "metadata": metadata}


async def _changed(execution: Execution, machine_id: str, request: Mapping[str, Any]) -> Machine:
    """Update a machine, and return it once it is no longer changing."""
    fly, app = execution.fly, execution.app
    await fly.update_machine(app, machine_id, request)
    return await watch(
        fly, app, machine_id, lambda one: one.state not in _CHANGING, _CHANGE_SECONDS
    )


def _kept_group(manifest: Manifest | None, place: Place) -> Group | None:
    """Return the group of a manifest that the place belongs to."""
    groups = manifest.groups if manifest else ()
    here = (group for group in groups if group.name == place.group and group.is_kept)
    return next((g for g in here if place.region in g.regions and place.number <= g.machines), None)
