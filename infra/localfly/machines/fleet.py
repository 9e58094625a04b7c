"""All machines: creates and finds them, starts them again after a restart, ends them with the
daemon.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from localfly.errors import NotFoundError, ValidationFailedError
from localfly.machines.config import MachineConfig
from localfly.machines.lifecycle import Lifecycle
from localfly.machines.machine import Machine
from localfly.machines.names import machine_id, machine_name
from localfly.machines.platform import Platform
from localfly.network.addresses import address_of, can_bind, free_port
from localfly.processes.orphans import end_orphans
from localfly.state.disk_space import check_disk_space

_KEPT_DESTROYED: Final = 50
_SHARED_ADDRESS: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class NewMachine:
    """The request of a client that creates a machine."""

    name: str
    region: str
    config: MachineConfig
    skip_launch: bool = False
    skip_service_registration: bool = False
    skip_secrets: bool = False


class Fleet:
    """The machines of all apps by id."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        platform.store.subfolder("machines")
        records = map(Machine.from_state, platform.store.documents("machines"))
        self._machines = {record.id: Lifecycle(record, platform) for record in records}

    def end_orphans(self, keep: set[int]) -> None:
        """End processes of this state that belong neither to a machine nor to `keep`; before
        `boot`.
        """
        known = [m.machine.process for m in self._machines.values() if m.machine.process]
        self._platform.runtime.sweep(known)
        end_orphans(self._platform.state_id, keep=keep | {process.pid for process in known})

    def boot(self) -> None:
        """Adopt the machines' processes, or start them again."""
        for lifecycle in self._machines.values():
            if lifecycle.machine.exists:
                lifecycle.boot()

    async def halt(self) -> None:
        await asyncio.gather(*(lifecycle.halt() for lifecycle in self._machines.values()))

    def create(self, app: str, new: NewMachine) -> Lifecycle:
        """Create a machine, and launch it unless the request says otherwise.

        Raises:
            ValidationFailedError: another machine of the app has that name.
            NoSpaceError: the disk is full.
        """
        if new.name and any(m.machine.name == new.name for m in self.list(app)):
            raise ValidationFailedError(
                f"already_exists: unique machine name violation, machine ID with name "
                f'"{new.name}" already exists'
            )
        check_disk_space(self._platform.store.folder)
        lifecycle = Lifecycle(self._record(app, new), self._platform)
        self._machines[lifecycle.machine.id] = lifecycle
        lifecycle.create(skip_launch=new.skip_launch)
        return lifecycle

    def get(self, app: str, identifier: str) -> Lifecycle:
        """Return the machine; a destroyed one too, while its record is kept.

        Raises:
            NotFoundError: the app has no such machine.
        """
        lifecycle = self.find(identifier)
        if lifecycle.machine.app != app:
            raise NotFoundError(f"machine not found: invalid machine ID, '{identifier}'")
        return lifecycle

    def find(self, identifier: str) -> Lifecycle:
        """Return the machine of any app.

        Raises:
            NotFoundError: there is none.
        """
        lifecycle = self._machines.get(identifier)
        if lifecycle is None:
            raise NotFoundError(f"machine not found: invalid machine ID, '{identifier}'")
        return lifecycle

    def all_machines(self) -> Iterator[Machine]:
        """Return the machines of all apps, with those whose destroyed records are kept."""
        return (lifecycle.machine for lifecycle in list(self._machines.values()))

    def running(self) -> dict[int, Lifecycle]:
        """Return the machines that have a process, by its id."""
        found = ((one.machine.process, one) for one in self._machines.values())
        return {process.pid: one for process, one in found if process}

    def list(
        self,
        app: str,
        *,
        include_deleted: bool = False,
        matches: Callable[[Machine], bool] = lambda _: True,
    ) -> list[Lifecycle]:
        """Return the app's machines, oldest first."""
        return [
            lifecycle
            for lifecycle in self._machines.values()
            if lifecycle.machine.app == app
            and (include_deleted or lifecycle.machine.exists)
            and matches(lifecycle.machine)
        ]

    async def destroy_all(self, app: str) -> None:
        """End the app's machines, and delete their records."""
        living = self.list(app)
        for lifecycle in living:
            lifecycle.destroy(force=True)
        ends = (lifecycle.wait_until(lambda m: not m.exists, 60) for lifecycle in living)
        await asyncio.gather(*ends)
        for lifecycle in self.list(app, include_deleted=True):
            self._forget(lifecycle)

    def forget_long_destroyed(self, app: str) -> None:
        """Delete the records of destroyed machines, but for the newest, which clients may still
        read.
        """
        destroyed = [m for m in self.list(app, include_deleted=True) if not m.machine.exists]
        destroyed.sort(key=lambda lifecycle: lifecycle.machine.updated_at)
        for lifecycle in destroyed[:-_KEPT_DESTROYED]:
            self._forget(lifecycle)

    def _record(self, app: str, new: NewMachine) -> Machine:
        identifier, now = machine_id(), self._platform.clock()
        taken = {lifecycle.machine.address for lifecycle in self._machines.values()}
        address, ports = _place(identifier, new.config, taken)
        return Machine(
            id=identifier,
            name=new.name or machine_name(),
            app=app,
            region=new.region,
            address=address,
            ports=ports,
            config=new.config,
            created_at=now,
            updated_at=now,
            cordoned=new.skip_service_registration,
            skip_secrets=new.skip_secrets,
        )

    def _forget(self, lifecycle: Lifecycle) -> None:
        del self._machines[lifecycle.machine.id]
        self._platform.store.delete(f"machines/{lifecycle.machine.id}")


def _place(identifier: str, config: MachineConfig, taken: set[str]) -> tuple[str, dict[int, int]]:
    """Return an address for this machine alone, or the shared one with a free port for each of its
    ports.
    """
    address = address_of(identifier, taken)
    if can_bind(address):
        return address, {}
    return _SHARED_ADDRESS, {port: free_port() for port in sorted(config.ports)}
