"""Creates, finds and deletes apps, kept in `apps/*.json`."""

import ipaddress
import re
import secrets
from collections.abc import KeysView
from typing import Final

from localfly.apps.app import App, IpAssignment
from localfly.errors import (
    InvalidArgumentError,
    NameTakenError,
    NotFoundError,
    ValidationFailedError,
)
from localfly.state.disk_space import check_disk_space
from localfly.state.store import Store
from localfly.timing.clock import Clock

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_EGRESS_KINDS: Final = frozenset({"egress_v4", "egress_v6"})
_KINDS: Final = frozenset({"v4", "v6", "shared_v4", "private_v6"}) | _EGRESS_KINDS
# The networks of documentation: no address of them is on the internet.
_V4_NETWORK: Final = ipaddress.ip_network("198.51.100.0/24")
_V6_NETWORK: Final = ipaddress.ip_network("2001:db8::/48")
_PRIVATE_NETWORK: Final = ipaddress.ip_network("fdaa::/48")


class AppStore:
    """The apps by name."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        store.subfolder("apps")
        self._apps = {app.name: app for app in map(App.from_state, store.documents("apps"))}

    def create(
        self, name: str, organization: str, network: str, idempotency_key: str | None
    ) -> App:
        """Create an app; the same idempotency key returns the same app.

        Raises:
            ValidationFailedError: Fly refuses such a name.
            NameTakenError: the app exists.
            NoSpaceError: the disk is full.
        """
        if not _NAME.fullmatch(name):
            raise ValidationFailedError(
                "Validation failed: Name may only contain numbers, lowercase letters and dashes"
            )
        existing = self._apps.get(name)
        if existing and idempotency_key and existing.idempotency_key == idempotency_key:
            return existing
        if existing:
            raise NameTakenError("Validation failed: Name has already been taken")
        check_disk_space(self._store.folder)
        app = App(
            id=secrets.token_hex(8),
            name=name,
            number=max((app.number for app in self._apps.values()), default=0) + 1,
            organization=organization,
            network=network or "default",
            created_at=self._clock(),
            idempotency_key=idempotency_key,
        )
        self._apps[name] = app
        self._save(app)
        return app

    def get(self, name: str) -> App:
        """Return the app.

        Raises:
        NotFoundError: there is none of that name.
        """
        app = self._apps.get(name)
        if app is None:
            raise NotFoundError("app not found")
        return app

    def names(self) -> KeysView[str]:
        return self._apps.keys()

    def network_of(self, name: str) -> tuple[str, str] | None:
        """Return the organization and private network of the app; None if there is no such app."""
        app = self._apps.get(name)
        return (app.organization, app.network) if app else None

    def list(self, organization: str | None = None) -> list[App]:
        return [a for a in self._apps.values() if organization in {None, "", a.organization}]

    def delete(self, app: App) -> None:
        del self._apps[app.name]
        self._store.delete(f"apps/{app.name}")

    def mark_deployed(self, app: App) -> None:
        if not app.has_been_deployed:
            app.has_been_deployed = True
            self._save(app)

    def assign_ip(self, app: App, kind: str, region: str, service_name: str) -> IpAssignment:
        """Give the app one more address of the given kind.

        Raises:
            InvalidArgumentError: Fly knows no such kind.
        """
        if kind not in _KINDS:
            raise InvalidArgumentError(
                f"invalid_argument: type must be one of {', '.join(sorted(_KINDS))}, found {kind!r}"
            )
        ip = IpAssignment(
            ip=self._free_ip(kind),
            kind=kind,
            region=region or "global",
            shared=kind == "shared_v4",
            egress=kind in _EGRESS_KINDS,
            created_at=self._clock(),
            service_name=service_name,
        )
        app.ips.append(ip)
        self._save(app)
        return ip

    def release_ip(self, app: App, ip: str) -> None:
        """Take an address away.

        Raises:
            NotFoundError: the app does not have it.
        """
        remaining = [assigned for assigned in app.ips if assigned.ip != ip]
        if len(remaining) == len(app.ips):
            raise NotFoundError(f"ip address {ip} not found")
        app.ips = remaining
        self._save(app)

    def _free_ip(self, kind: str) -> str:
        if kind == "shared_v4":
            return str(_V4_NETWORK[1])
        network = _PRIVATE_NETWORK if kind == "private_v6" else _V6_NETWORK
        if kind.endswith("v4"):
            network = _V4_NETWORK
        taken = {ip.ip for app in self._apps.values() for ip in app.ips}
        numbers = range(2, min(network.num_addresses, 65536))
        return next(ip for number in numbers if (ip := str(network[number])) not in taken)

    def _save(self, app: App) -> None:
        self._store.write(f"apps/{app.name}", app.to_state())
