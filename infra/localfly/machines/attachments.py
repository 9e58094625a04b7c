"""Which machine has which volume: each has one at most, in its region, for as long as it exists."""

from contextlib import nullcontext
from dataclasses import replace

from localfly.apps.volume import Record
from localfly.apps.volume_store import Stillness, VolumeStore
from localfly.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from localfly.machines.config import MachineConfig
from localfly.machines.fleet import Fleet
from localfly.machines.lifecycle import Lifecycle
from localfly.machines.machine import Machine
from localfly.machines.mounts import Mount, requested_mount


class Attachments:
    """Reads from the machines' configs who has a volume."""

    def __init__(self, fleet: Fleet, volumes: VolumeStore) -> None:
        self._fleet = fleet
        self._volumes = volumes

    def holder(self, volume_id: str) -> Lifecycle | None:
        """Return the machine that has the volume."""
        for machine in self._fleet.all_machines():
            if machine.exists and volume_id in [mount.volume for mount in machine.config.mounts]:
                return self._fleet.find(machine.id)
        return None

    def stillness(self, volume_id: str) -> Stillness:
        """Return the context in which the machine that has the volume writes nothing."""
        holder = self.holder(volume_id)
        return holder.standing_still() if holder else nullcontext()

    def shown(self, volume: Record) -> Record:
        """Return a volume's record with the machine that has it."""
        holder = self.holder(volume["id"])
        return {**volume, "attached_machine_id": holder and holder.machine.id}

    def check_free(self, volume_id: str) -> None:
        """Check that no machine has the volume.

        Raises:
            FailedPreconditionError: naming the machine.
        """
        if holder := self.holder(volume_id):
            raise FailedPreconditionError(
                f"failed_precondition: volume {volume_id} is currently bound to machine "
                f"{holder.machine.id}; destroy the machine first"
            )

    def claimed(self, app: str, region: str, config: MachineConfig) -> MachineConfig:
        """Return the config of a new machine with the volume that it takes.

        Raises:
            InvalidArgumentError: the mount makes no sense, or the volume is in another region.
            NotFoundError: there is no such volume.
            FailedPreconditionError: another machine has it.
        """
        wanted = requested_mount(config.raw)
        if wanted is None:
            return config
        volume = self._volume(app, region, wanted)
        self._check_region(volume, region)
        self.check_free(volume["id"])
        return _with_volume(config, volume)

    def kept(self, machine: Machine, config: MachineConfig) -> MachineConfig:
        """Return the next config of a machine, which keeps its volume; it may get a first one.

        Raises:
            InvalidArgumentError: it would lose its volume, or get another one.
        """
        former = [mount.volume for mount in machine.config.mounts]
        wanted = requested_mount(config.raw)
        if not former:
            return self.claimed(machine.app, machine.region, config)
        volume = self._volumes.get(machine.app, former[0])
        if wanted is None or wanted.volume not in {volume["id"], volume["name"]}:
            found = wanted.volume if wanted else "none"
            raise InvalidArgumentError(
                f"invalid_argument: machine {machine.id} has volume {volume['id']}, which an "
                f"update can't change, found {found} in config.mounts; destroy the machine and "
                "create one with the other volume"
            )
        return _with_volume(config, volume)

    def _volume(self, app: str, region: str, wanted: Mount) -> Record:
        """Return the volume of that id, or a free one of that name."""
        volumes = self._volumes.of(app)
        if wanted.volume in volumes:
            return volumes[wanted.volume]
        named = [one for one in volumes.values() if one["name"] == wanted.volume]
        for volume in named:
            if volume["region"] == region and self.holder(volume["id"]) is None:
                return volume
        why = f"; none of the {len(named)} of that name is free in {region}" if named else ""
        raise NotFoundError(f"volume {wanted.volume} not found in app {app}{why}")

    def _check_region(self, volume: Record, region: str) -> None:
        if volume["region"] != region:
            raise InvalidArgumentError(
                f"invalid_argument: volume {volume['id']} is in region {volume['region']}, the "
                f"machine in {region}; create the machine there, or fork the volume"
            )


def _with_volume(config: MachineConfig, volume: Record) -> MachineConfig:
    """Return the config as Fly gives it back: with the volume's id, name and size."""
    known = {
        "volume": volume["id"],
        "name": volume["name"],
        "size_gb": volume["size_gb"],
        "encrypted": volume["encrypted"],
    }
    mount = {**config.raw["mounts"][0], **known}
    return replace(config, raw={**config.raw, "mounts": [mount]})
