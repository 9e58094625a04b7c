"""Everything behind the API and the proxy, wired in one place."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from localfly.accounts.oidc import OidcSigner
from localfly.accounts.tokens import Tokens
from localfly.addons.addon_store import AddOnStore
from localfly.apps.app import App
from localfly.apps.app_store import AppStore
from localfly.apps.builds import Builds
from localfly.apps.records import AppRecords
from localfly.apps.release_store import ReleaseStore
from localfly.apps.secret_key_store import SecretKeyStore
from localfly.apps.secret_store import SecretStore
from localfly.apps.volume_store import VolumeStore
from localfly.images.image_store import ImageStore
from localfly.logs.collector import LogCollector
from localfly.machines.attachments import Attachments
from localfly.machines.config import MachineConfig
from localfly.machines.fleet import Fleet, NewMachine
from localfly.machines.lifecycle import Lifecycle
from localfly.machines.machine import Machine
from localfly.machines.mounts import requested_mount
from localfly.machines.platform import Platform, Runtime, Traffic
from localfly.proxy.autostop import Idle
from localfly.state.store import Store
from localfly.timing.clock import Clock


@dataclass(frozen=True, slots=True)
class Cloud:
    """The apps, and all that belongs to them."""

    apps: AppStore
    fleet: Fleet
    images: ImageStore
    runtime: Runtime
    secrets: SecretStore
    secret_keys: SecretKeyStore
    logs: LogCollector
    releases: ReleaseStore
    addons: AddOnStore
    builds: Builds
    volumes: VolumeStore
    attachments: Attachments
    certificates: AppRecords
    tokens: Tokens
    oidc: OidcSigner
    clock: Clock
    state_id: str

    def organizations(self) -> list[str]:
        """Return the slugs of organizations that own something, and the user's."""
        owners = {app.organization for app in self.apps.list()}
        owners |= {addon.organization for addon in self.addons.list()}
        return sorted(owners | {"personal"})

    async def machine_config(self, raw: Mapping[str, Any]) -> MachineConfig:
        """Read a machine's config and find its image.

        Raises:
            InvalidArgumentError: the config makes no sense, or its mounts can't be had here.
            NotFoundError: the image can't be had.
        """
        config, mount = MachineConfig.parse(raw), requested_mount(raw)
        await self.runtime.check_mounts([mount] if mount else [])
        found = await self.runtime.find(config.image)
        return config.pinned(found.digest)

    def create_machine(self, app: App, new: NewMachine) -> Lifecycle:
        """Create a machine of the app.

        Raises:
            ValidationFailedError: its name is taken.
            FlyError: its volume can't be had; see `Attachments.claimed`.
        """
        config = self.attachments.claimed(app.name, new.region, new.config)
        lifecycle = self.fleet.create(app.name, replace(new, config=config))
        self.apps.mark_deployed(app)
        return lifecycle

    def wake(self, app: str, machine_id: str) -> None:
        """Start a machine because a request needs it.

        Raises:
            FlyError: it can't be started now.
        """
        lifecycle = self.fleet.get(app, machine_id)
        lifecycle.start()
        self._note(lifecycle.machine, "Starting machine")

    def stop_idle(self, idle: Idle) -> None:
        """Stop or suspend a machine that no request needs.

        Raises:
            FlyError: it is on its way to another state.
        """
        lifecycle = self.fleet.get(idle.app, idle.machine_id)
        verb = "suspending" if idle.how == "suspend" else "stopping"
        self._note(
            lifecycle.machine,
            f"App {idle.app} has excess capacity, auto{verb} machine {idle.machine_id}. "
            f"{idle.running - 1} out of {idle.running} machines left running "
            f"(region={idle.region})",
        )
        (lifecycle.suspend if idle.how == "suspend" else lifecycle.stop)()

    def _note(self, machine: Machine, message: str) -> None:
        self.logs.note(machine.app, machine.id, machine.region, message)

    async def delete_app(self, app: App) -> None:
        """Delete the app with all that belongs to it."""
        await self.fleet.destroy_all(app.name)
        self.apps.delete(app)
        self.secrets.forget(app.name)
        self.secret_keys.forget(app.name)
        self.logs.forget(app.name)
        for records in (self.releases, self.volumes, self.certificates):
            records.forget(app.name)


def build_cloud(
    store: Store,
    traffic: Traffic,
    clock: Clock,
    tokens: Tokens,
    runtime_of: Callable[[ImageStore, str], Runtime],
) -> Cloud:
    """Build the cloud of a state folder.

    Args:
        runtime_of: makes the runtime from an image store and the state's id.
    """
    state_id, images = state_id_of(store), ImageStore(store.subfolder("images"))
    platform = Platform(
        state_id=state_id,
        store=store,
        images=images,
        secrets=SecretStore(store, clock),
        logs=LogCollector(store.subfolder("logs"), clock),
        traffic=traffic,
        runtime=runtime_of(images, state_id),
        clock=clock,
    )
    volumes, fleet = VolumeStore(store, clock), Fleet(platform)
    return Cloud(
        apps=AppStore(store, clock),
        fleet=fleet,
        images=images,
        runtime=platform.runtime,
        secrets=platform.secrets,
        secret_keys=SecretKeyStore(store, clock),
        logs=platform.logs,
        releases=ReleaseStore(store, clock),
        builds=Builds(),
        addons=AddOnStore(store, clock, platform.state_id),
        volumes=volumes,
        attachments=Attachments(fleet, volumes),
        certificates=AppRecords(store, "certificates"),
        tokens=tokens,
        oidc=OidcSigner(store.subfolder("secrets") / "oidc"),
        clock=clock,
        state_id=platform.state_id,
    )


def state_id_of(store: Store) -> str:
    """Return the name of this state, which its processes carry; it stays when the folder moves."""
    known = store.read("identity")
    if known is None:
        known = {"state_id": secrets.token_hex(8)}
        store.write("identity", known)
    return str(known["state_id"])
