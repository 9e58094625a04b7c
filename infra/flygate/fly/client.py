"""The verbs of Fly that a deployment needs, as typed coroutines."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from flygate.fly import graphql
from flygate.fly.endpoints import Endpoints
from flygate.fly.errors import ConflictError, MachineStateError, NotFoundError
from flygate.fly.leases import Leases
from flygate.fly.models import App, ExecResult, IpAssignment, Lease, LogLine, Machine, Secret
from flygate.fly.pace import Pace
from flygate.fly.records import Records
from flygate.fly.redis import RedisDatabases
from flygate.fly.retries import RetryBudget, create_once
from flygate.fly.session import FlySession, Guard
from flygate.fly.volumes import Volumes

LEASE_HEADER = "fly-machine-lease-nonce"
# Fly answers a wait within a minute at the most; longer waits are loops of these.
WAIT_SECONDS_MAX = 60


class FlyClient:
    """Fly's API. Use it as an async context manager.

    Args:
        endpoints: where Fly is; by default from flyctl's environment variables.
        transport: for tests, another httpx transport.
        pace: how fast to ask; by default as fast as Fly allows.
        retry_budget: how much may be repeated; by default what a rollout may.

    Attributes:
        leases: those that are held; calls on a machine carry its nonce.
        records: the entries of `fly releases`.
        redis: the Redis databases.
        volumes: the disks of apps.

    Every method raises a leaf of `flygate.fly.errors.FlyError`.
    """

    def __init__(
        self,
        endpoints: Endpoints | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        pace: Pace | None = None,
        retry_budget: RetryBudget | None = None,
    ) -> None:
        found = endpoints or Endpoints.from_env()
        self._session = FlySession(found, transport, pace, retry_budget)
        self.leases = Leases()
        self.records = Records(self._session)
        self.redis = RedisDatabases(self._session)
        self.volumes = Volumes(self._session)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.__aexit__(kind, error, trace)

    @property
    def retry_budget(self) -> RetryBudget:
        """How much may still be repeated."""
        return self._session.retry_budget

    def guard_changes(self, guard: Guard | None) -> None:
        """Call a guard before each change from now on, or with None no more."""
        self._session.guard = guard

    async def check_guard(self) -> None:
        """Raise what a change would raise now, if it is guarded."""
        if self._session.guard:
            await self._session.guard()

    @property
    def is_local(self) -> bool:
        """This is the local Fly."""
        return self._session.endpoints.is_local

    # Apps

    async def app(self, name: str) -> App | None:
        """The app, or None if there is none of that name."""
        try:
            return App.model_validate(await self._session.flaps("GET", f"/apps/{name}"))
        except NotFoundError:
            return None

    async def apps(self, org: str) -> list[App]:
        """The apps of an organisation, by its slug."""
        body = await self._session.flaps("GET", "/apps", params={"org_slug": org})
        return [App.model_validate(app) for app in body.get("apps") or []]

    async def organizations(self) -> frozenset[str]:
        """The slugs of the organisations that the token may see; the personal one has two."""
        found = await self._session.query(
            "query organizations", graphql.ORGANIZATIONS, {"admin": False}, repeatable=True
        )
        nodes = (found.get("organizations") or {}).get("nodes") or []
        slugs = {node.get(key) for node in nodes for key in ("slug", "rawSlug")}
        return frozenset(filter(None, slugs))

    async def create_app(self, name: str, org: str) -> None:
        """Create an app. Its name is global on Fly: `InvalidRequestError` if it is taken."""
        body = {"name": name, "org_slug": org}
        await create_once(
            lambda: self._session.flaps("POST", "/apps", json=body),
            lambda: self.app(name),
        )

    async def delete_app(self, name: str) -> None:
        """Delete an app and all of its machines; one that is gone is fine."""
        try:
            await self._session.flaps("DELETE", f"/apps/{name}", params={"force": "true"})
        except NotFoundError:
            return

    async def app_url(self, name: str) -> str:
        """The public address of an app, without a trailing slash."""
        found = await self._session.query(
            f"query app {name}", graphql.APP_URL, {"name": name}, repeatable=True
        )
        return graphql.app_url(name, found)

    async def ips(self, app: str) -> list[IpAssignment]:
        """The addresses of an app."""
        body = await self._session.flaps("GET", f"/apps/{app}/ip_assignments")
        return [IpAssignment.model_validate(ip) for ip in body.get("ips") or []]

    async def allocate_ip(self, app: str, kind: str) -> None:
        """Give an app that has none its address of a kind: `v6` or `shared_v4`."""
        sign = ":" if kind == "v6" else "."

        async def allocated() -> bool | None:
            return any(sign in address.ip for address in await self.ips(app)) or None

        body = {"type": kind}
        await create_once(
            lambda: self._session.flaps("POST", f"/apps/{app}/ip_assignments", json=body),
            allocated,
        )

    # Secrets

    async def secrets(self, app: str) -> list[Secret]:
        """Names and digests of an app's secrets."""
        body = await self._session.flaps("GET", f"/apps/{app}/secrets")
        return [Secret.model_validate(s) for s in body.get("secrets") or []]

    async def set_secrets(self, app: str, values: Mapping[str, str | None]) -> int:
        """Set secrets (None removes one) without touching a running machine.

        Returns:
            The version of the app's secrets, for `min_secrets_version`.
        """
        body = await self._session.flaps(
            "POST", f"/apps/{app}/secrets", json={"values": dict(values)}, repeatable=True
        )
        return int(body.get("version") or body.get("Version") or 0)

    # Machines

    async def machines(self, app: str) -> list[Machine]:
        """All machines of an app that are not destroyed."""
        body = await self._session.flaps("GET", f"/apps/{app}/machines")
        return [Machine.model_validate(m) for m in body or []]

    async def machine_documents(self, app: str) -> list[dict[str, Any]]:
        """All machines of an app that are not destroyed, whole, as Fly has them."""
        return list(await self._session.flaps("GET", f"/apps/{app}/machines") or [])

    async def certificates(self, app: str) -> list[str]:
        """The host names that an app has certificates for."""
        body = await self._session.flaps("GET", f"/apps/{app}/certificates")
        return [str(one.get("hostname", "")) for one in (body or {}).get("certificates") or ()]

    async def machine(self, app: str, machine_id: str) -> Machine:
        """One machine."""
        return Machine.model_validate(await self._session.flaps("GET", _path(app, machine_id)))

    async def machine_document(self, app: str, machine_id: str) -> dict[str, Any]:
        """One machine, whole, as Fly has it."""
        return dict(await self._session.flaps("GET", _path(app, machine_id)))

    async def machine_config(self, app: str, machine_id: str) -> dict[str, Any]:
        """A machine's config, whole, as Fly has it."""
        return dict((await self.machine_document(app, machine_id)).get("config") or {})

    async def create_machine(self, app: str, request: Mapping[str, Any]) -> Machine:
        """Create a machine once, also if Fly's answer is lost.

        The request must carry a `name`: names are unique within an app, so after an answer
        that was lost the machine is looked up by it, and by the request's own metadata
        (a machine of that name may be another stack's), instead of being made twice.
        """

        async def create() -> Machine:
            body = await self._session.flaps("POST", f"/apps/{app}/machines", json=dict(request))
            return Machine.model_validate(body)

        return await create_once(create, lambda: self._made(app, request))

    async def update_machine(
        self, app: str, machine_id: str, request: Mapping[str, Any]
    ) -> Machine:
        """Replace a machine's whole config, once: a machine that runs restarts.

        After an answer that was lost the machine is looked at: it has the request's metadata then.
        """

        async def update() -> Machine:
            body = await self._session.flaps(
                "POST", _path(app, machine_id), json=dict(request), headers=self._lease(machine_id)
            )
            return Machine.model_validate(body)

        async def updated() -> Machine | None:
            found = await self.machine(app, machine_id)
            return found if request["config"].get("metadata", {}) == found.metadata else None

        return await create_once(update, updated)

    async def start(self, app: str, machine_id: str) -> None:
        """Start a stopped or suspended machine; one that runs is fine."""
        await self._bring(app, machine_id, "start", {"started", "starting"})

    async def stop(self, app: str, machine_id: str) -> None:
        """Ask a machine to stop, by its own kill signal and timeout; does not wait.

        One that does not run is fine.
        """
        await self._bring(app, machine_id, "stop", {"stopped", "stopping"}, json={})

    async def cordon(self, app: str, machine_id: str) -> None:
        """Take a machine out of the proxy's routing."""
        await self._act(app, machine_id, "cordon")

    async def uncordon(self, app: str, machine_id: str) -> None:
        """Put a machine into the proxy's routing."""
        await self._act(app, machine_id, "uncordon")

    async def destroy(self, app: str, machine_id: str) -> None:
        """Destroy a machine in whatever state; one that is gone is fine."""
        try:
            await self._session.flaps(
                "DELETE",
                _path(app, machine_id),
                params={"force": "true"},
                headers=self._lease(machine_id),
            )
        except NotFoundError:
            return
        finally:
            self.leases.pop(machine_id, None)

    async def wait(self, app: str, machine_id: str, state: str, seconds: float) -> None:
        """Wait until a machine is in a state (one call: a minute at the most).

        Raises:
            WaitTimeoutError: it is not after `seconds`.
        """
        seconds = max(1, min(WAIT_SECONDS_MAX, int(seconds)))
        await self._session.flaps(
            "GET",
            _path(app, machine_id, "wait"),
            params={"state": state, "timeout": str(seconds)},
            timeout=seconds + 10,
        )

    async def exec(
        self,
        app: str,
        machine_id: str,
        command: list[str],
        seconds: int,
        *,
        repeatable: bool = False,
    ) -> ExecResult:
        """Run a command inside a started machine, cordoned or not.

        Args:
            repeatable: it may run twice.
        """
        body = await self._session.flaps(
            "POST",
            _path(app, machine_id, "exec"),
            json={"command": command, "timeout": seconds},
            timeout=seconds + 10,
            repeatable=repeatable,
        )
        return ExecResult.model_validate(body)

    async def set_metadata(self, app: str, machine_id: str, key: str, value: str) -> None:
        """Set one metadata key: no new version, no restart."""
        await self._session.flaps(
            "POST",
            _path(app, machine_id, f"metadata/{key}"),
            json={"value": value},
            repeatable=True,
        )

    async def patch_metadata(
        self, app: str, machine_id: str, changes: Mapping[str, str | None]
    ) -> None:
        """Set (or with None remove) several metadata keys in one call, as `set_metadata` does."""
        await self._session.flaps(
            "PATCH", _path(app, machine_id, "metadata"), json={"metadata": dict(changes)}
        )

    async def logs(self, app: str, machine_id: str) -> list[LogLine]:
        """The latest lines that a machine printed, oldest first."""
        body = await self._session.api(
            "GET", f"/api/v1/apps/{app}/logs", params={"instance": machine_id, "next_token": ""}
        )
        return [LogLine.model_validate(line.get("attributes") or {}) for line in body["data"]]

    # Leases

    async def acquire_lease(
        self, app: str, machine_id: str, ttl_seconds: int, description: str
    ) -> Lease:
        """Take or renew the lease of a machine; later calls on it carry the nonce.

        Args:
            description: of no other holder: by it a lease is known whose answer was lost.

        Raises:
            ConflictError: another holder has it.
            NotFoundError: there is no such machine, or the lease to be renewed has ended.
        """
        nonce, since = self.leases.get(machine_id), self.leases.now()

        async def acquire() -> Lease:
            body = await self._session.flaps(
                "POST",
                _path(app, machine_id, "lease"),
                json={"ttl": ttl_seconds, "description": description},
                headers=self._lease(machine_id),
                repeatable=nonce is not None,
            )
            return Lease.model_validate(body["data"])

        async def acquired() -> Lease | None:
            found = await self.lease(app, machine_id)
            is_ours = found and found.nonce and description and found.description == description
            return found if is_ours else None

        lease = await (acquire() if nonce else create_once(acquire, acquired))
        self.leases.hold(machine_id, lease.nonce, since, ttl_seconds)
        return lease

    async def lease(self, app: str, machine_id: str) -> Lease | None:
        """Return the lease of a machine, or None."""
        try:
            body = await self._session.flaps("GET", _path(app, machine_id, "lease"))
        except NotFoundError:
            return None
        return Lease.model_validate(body["data"])

    async def release_lease(self, app: str, machine_id: str) -> None:
        """Give a lease back; one that has expired or whose machine is gone is fine."""
        try:
            await self._session.flaps(
                "DELETE", _path(app, machine_id, "lease"), headers=self._lease(machine_id)
            )
        except (NotFoundError, ConflictError):
            return
        finally:
            self.leases.pop(machine_id, None)

    # Images (the local Fly's registry)

    async def has_image(self, reference: str) -> bool:
        """The local Fly can run an image, named by its digest."""
        name, _, digest = reference.rpartition("@")
        try:
            await self._session.registry("HEAD", f"/_images/{digest}", params={"name": name})
        except NotFoundError:
            return False
        return True

    async def push_image(self, digest: str, archive: bytes) -> None:
        """Put an image into the local registry, which checks its digest."""
        await self._session.registry("PUT", f"/_images/{digest}", content=archive)

    async def _act(self, app: str, machine_id: str, verb: str, **options: Any) -> None:
        """Call a verb that may be repeated without harm, under the lease if one is held."""
        await self._session.flaps(
            "POST",
            _path(app, machine_id, verb),
            headers=self._lease(machine_id),
            repeatable=True,
            **options,
        )

    async def _bring(
        self, app: str, machine_id: str, verb: str, states: set[str], **options: Any
    ) -> None:
        """Act on a machine; a refusal is fine if an earlier call has succeeded already."""
        try:
            await self._act(app, machine_id, verb, **options)
        except MachineStateError:
            if (await self.machine(app, machine_id)).state not in states:
                raise

    def _lease(self, machine_id: str) -> dict[str, str]:
        nonce = self.leases.get(machine_id)
        return {LEASE_HEADER: nonce} if nonce else {}

    async def _made(self, app: str, request: Mapping[str, Any]) -> Machine | None:
        """Find the machine that an earlier request made."""
        noted = request["config"].get("metadata", {}).items()
        for machine in await self.machines(app):
            if machine.name == request["name"] and noted <= machine.metadata.items():
                return machine
        return None


def _path(app: str, machine_id: str, rest: str = "") -> str:
    return f"/apps/{app}/machines/{machine_id}" + (f"/{rest}" if rest else "")
