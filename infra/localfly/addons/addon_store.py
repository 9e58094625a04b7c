"""Creates, changes and deletes databases; each is one server process."""

import asyncio
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from localfly.addons.addon import PAY_AS_YOU_GO, PLANS, PORT, AddOn
from localfly.addons.database import Database
from localfly.addons.valkey import ValkeySettings
from localfly.errors import NameTakenError, NotFoundError, ValidationFailedError
from localfly.network.addresses import address_of, can_bind, free_port
from localfly.network.regions import REGIONS
from localfly.processes.identity import MARKER
from localfly.state.cipher import Cipher
from localfly.state.disk_space import check_disk_space
from localfly.state.files import remove_tree
from localfly.state.store import Store
from localfly.timing.clock import Clock

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SHARED_ADDRESS: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class NewAddOn:
    """The request of a client that creates a database."""

    name: str
    organization: str
    plan_id: str = PAY_AS_YOU_GO
    primary_region: str = ""
    read_regions: tuple[str, ...] = ()
    options: Mapping[str, Any] | None = None
    app: str = ""


class AddOnStore:
    """The databases by name, kept in `addons/*.json`; their data is beside these files."""

    def __init__(self, store: Store, clock: Clock, state_id: str) -> None:
        self._store = store
        self._clock = clock
        self._environment = {MARKER: state_id}
        self._folder = store.subfolder("addons")
        self._cipher = Cipher.of_file(self._folder / "key")
        records = map(AddOn.from_state, store.documents("addons"))
        self._databases = {record.name: self._database(record) for record in records}

    @property
    def pids(self) -> set[int]:
        """The process ids of the servers that ran when the state was written."""
        identities = (database.record.process for database in self._databases.values())
        return {process.pid for process in identities if process}

    def boot(self) -> None:
        """Adopt the servers that a former daemon left, start the others."""
        for database in self._databases.values():
            database.boot()

    async def halt(self) -> None:
        await asyncio.gather(*(database.halt() for database in self._databases.values()))

    async def create(self, new: NewAddOn) -> AddOn:
        """Start a database, and return it once it answers.

        Raises:
            NameTakenError: another one has that name.
            ValidationFailedError: its name, plan or region is unknown.
            FailedPreconditionError: there is no server program on this computer.
            NoSpaceError: the disk is full.
        """
        name = new.name or f"redis-{secrets.token_hex(4)}"
        if not _NAME.fullmatch(name):
            raise ValidationFailedError(
                "Validation failed: Name may only contain numbers, lowercase letters and dashes"
            )
        if name in self._databases:
            raise NameTakenError("Validation failed: Name has already been taken")
        _check(new.plan_id or PAY_AS_YOU_GO, (new.primary_region, *new.read_regions))
        check_disk_space(self._store.folder)
        database = self._database(self._record(name, new))
        self._databases[name] = database
        self._save(database.record)
        try:
            await database.start()
        except BaseException:
            await self.delete(name)
            raise
        return database.record

    def list(self, organization: str | None = None) -> list[AddOn]:
        records = [database.record for database in self._databases.values()]
        return [one for one in records if organization in {None, one.organization}]

    def get(self, identifier: str) -> AddOn:
        """Return a database by its name or id.

        Raises:
            NotFoundError: there is none.
        """
        for record in self.list():
            if identifier in {record.id, record.name}:
                return record
        raise NotFoundError("Could not find AddOn")

    async def update(self, record: AddOn, changes: Mapping[str, Any]) -> None:
        """Change plan, read regions, options or metadata; the data stays.

        Raises:
            ValidationFailedError: the plan or a region is unknown.
        """
        _check(changes.get("plan_id", record.plan_id), changes.get("read_regions", ()))
        for name in ("plan_id", "read_regions", "options", "metadata"):
            setattr(record, name, changes.get(name, getattr(record, name)))
        await self._apply(record)

    async def reset_password(self, record: AddOn) -> None:
        """Set a new password; the server refuses the old one at once."""
        record.sealed_password = self._cipher.encrypt(_password())
        await self._apply(record)

    async def delete(self, identifier: str) -> AddOn:
        """Delete the database with its data.

        Raises:
            NotFoundError: there is none.
        """
        record = self.get(identifier)
        await self._databases.pop(record.name).halt()
        self._store.delete(f"addons/{record.id}")
        await asyncio.to_thread(remove_tree, self._folder / record.id)
        return record

    def password(self, record: AddOn) -> str:
        return self._cipher.decrypt(record.sealed_password)

    def url(self, record: AddOn) -> str:
        """Return the database's URL; on Fly its name resolves in the private network only."""
        return f"redis://default:{self.password(record)}@{record.address}:{record.port}"

    async def _apply(self, record: AddOn) -> None:
        record.updated_at = self._clock()
        self._save(record)
        await self._databases[record.name].restart()

    def _record(self, name: str, new: NewAddOn) -> AddOn:
        identifier, now = secrets.token_hex(8), self._clock()
        address = address_of(identifier, {record.address for record in self.list()})
        has_own = can_bind(address)
        return AddOn(
            id=identifier,
            name=name,
            organization=new.organization,
            plan_id=new.plan_id or PAY_AS_YOU_GO,
            primary_region=new.primary_region,
            address=address if has_own else _SHARED_ADDRESS,
            port=PORT if has_own else free_port(),
            sealed_password=self._cipher.encrypt(_password()),
            created_at=now,
            updated_at=now,
            read_regions=list(new.read_regions),
            options=dict(new.options or {}),
            app=new.app,
        )

    def _database(self, record: AddOn) -> Database:
        return Database(record, self._settings, self._environment, lambda: self._save(record))

    def _settings(self, record: AddOn) -> ValkeySettings:
        return ValkeySettings(
            folder=self._store.subfolder(f"addons/{record.id}"),
            address=record.address,
            port=record.port,
            password=self.password(record),
            max_bytes=record.plan.max_bytes,
            evicts=record.evicts,
        )

    def _save(self, record: AddOn) -> None:
        self._store.write(f"addons/{record.id}", record.to_state())


def _check(plan_id: str, regions: tuple[str, ...]) -> None:
    if plan_id not in PLANS:
        raise ValidationFailedError(f"Validation failed: there is no plan {plan_id!r}")
    known = {region.code for region in REGIONS} | {""}
    if unknown := set(regions) - known:
        raise ValidationFailedError(f"Validation failed: unknown region {min(unknown)!r}")


def _password() -> str:
    return secrets.token_hex(32)
