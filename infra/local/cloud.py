"""The local cloud: everything behind the API and the proxy, wired in one place."""

import secrets
from dataclasses import dataclass

from infra.local.app import App
from infra.local.apps import Apps
from infra.local.environment import Inherited
from infra.local.fleet import Fleet, NewMachine
from infra.local.host import Host, Traffic
from infra.local.images import ImageStore
from infra.local.logs import Logs
from infra.local.machines import Lifecycle
from infra.local.secrets import Secrets
from infra.local.store import Store
from infra.local.times import Clock

HOME_REGION = "iad"


@dataclass(frozen=True, slots=True)
class Cloud:
    """Apps and what belongs to them."""

    apps: Apps
    fleet: Fleet
    images: ImageStore
    secrets: Secrets
    logs: Logs
    clock: Clock
    state_id: str

    def create_machine(self, app: App, new: NewMachine) -> Lifecycle:
        """A machine of the app.

        Raises:
            NotFoundError: its image was never put into the registry.
            ValidationFailedError: its name is taken.
        """
        self.images.get(new.config.image.digest)
        lifecycle = self.fleet.create(app.name, new)
        self.apps.mark_deployed(app)
        return lifecycle

    async def delete_app(self, app: App) -> None:
        """The app with all that belongs to it."""
        await self.fleet.destroy_all(app.name)
        self.apps.delete(app)
        self.secrets.forget(app.name)
        self.logs.forget(app.name)


def build_cloud(store: Store, traffic: Traffic, inherited: Inherited, clock: Clock) -> Cloud:
    host = Host(
        state_id=state_id_of(store),
        store=store,
        images=ImageStore(store.subfolder("images")),
        secrets=Secrets(store, clock),
        logs=Logs(store.subfolder("logs"), clock),
        traffic=traffic,
        inherited=inherited,
        clock=clock,
    )
    return Cloud(
        apps=Apps(store, clock),
        fleet=Fleet(host),
        images=host.images,
        secrets=host.secrets,
        logs=host.logs,
        clock=clock,
        state_id=host.state_id,
    )


def state_id_of(store: Store) -> str:
    """The name of this state, which its processes carry; it stays when the folder moves."""
    known = store.read("identity")
    if known is None:
        known = {"state_id": secrets.token_hex(8)}
        store.write("identity", known)
    return str(known["state_id"])
