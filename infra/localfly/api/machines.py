"""Machines: create, read, update, destroy (docs/fly-api.md 2.5 to 2.7)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from localfly.api.config_schema import ConfigShape
from localfly.api.dependencies import AppDep, CloudDep, HeldDep, Json, MachineDep
from localfly.api.documents import event_json, lease_summary_json, machine_json
from localfly.apps.app import App
from localfly.apps.volume import known_region
from localfly.cloud import Cloud
from localfly.errors import InvalidArgumentError, NotFoundError, StaleVersionError
from localfly.machines.fleet import NewMachine
from localfly.machines.leases import acquire, owner_of
from localfly.machines.lifecycle import Lifecycle
from localfly.machines.machine import Machine
from localfly.network.regions import HOME_REGION

router = APIRouter(prefix="/v1/apps/{app_name}/machines", tags=["machines"])

_METADATA: Final = "metadata."
_DESTROY_SECONDS: Final = 30.0


class MachineBody(BaseModel):
    """The body of a create or an update."""

    config: ConfigShape
    name: str = ""
    region: str = ""
    skip_launch: bool = False
    skip_service_registration: bool = False
    skip_secrets: bool = False
    min_secrets_version: int | None = None
    lease_ttl: int | None = Field(default=None, ge=0)
    current_version: str | None = None


class ListQuery(BaseModel):
    """The filters of a list; `metadata.<key>=<value>` is another one."""

    include_deleted: bool = False
    include_leases: bool = False
    region: str = ""
    state: str = ""  # one or several, with commas
    summary: bool = False
    limit: int = Field(default=1000, ge=1, le=1000)
    cursor: str = ""  # from an earlier answer


@router.get("")
async def list_machines(
    request: Request,
    response: Response,
    cloud: CloudDep,
    app: AppDep,
    requested: Annotated[ListQuery, Query()],
) -> list[Json]:
    found = matching(cloud, app, requested, request.query_params)
    page, cursor = page_of(found, requested.limit, requested.cursor)
    if cursor:
        response.headers["fly-next-cursor"] = cursor
    return [_with_lease(cloud, m, requested.include_leases, requested.summary) for m in page]


@router.post("")
async def create_machine(request: Request, cloud: CloudDep, app: AppDep, body: MachineBody) -> Json:
    cloud.secrets.of(app.name, body.min_secrets_version)
    new = NewMachine(
        name=body.name,
        region=known_region(body.region or HOME_REGION),
        config=await cloud.machine_config(body.config.raw),
        skip_launch=body.skip_launch,
        skip_service_registration=body.skip_service_registration,
        skip_secrets=body.skip_secrets,
    )
    lifecycle = cloud.create_machine(app, new)
    return {**machine_json(lifecycle), **_lease_for_creator(request, cloud, lifecycle, body)}


@router.get("/{machine_id}")
async def get_machine(
    cloud: CloudDep, machine: MachineDep, include_leases: bool = False, version: str = ""
) -> Json:
    document = _with_lease(cloud, machine, include_leases)
    return {**document, **_at_version(machine.machine, version)} if version else document


@router.post("/{machine_id}")
async def update_machine(cloud: CloudDep, app: AppDep, machine: HeldDep, body: MachineBody) -> Json:
    record = machine.machine
    if body.current_version not in {None, "", record.instance_id}:
        raise StaleVersionError(
            f"aborted: machine {record.id} has version {record.instance_id}, "
            f"the request is for version {body.current_version}"
        )
    cloud.secrets.of(app.name, body.min_secrets_version)
    config = await cloud.machine_config(body.config.raw)
    config = cloud.attachments.kept(record, config)
    record.skip_secrets = body.skip_secrets
    record.cordoned |= body.skip_service_registration
    machine.update(config, skip_launch=body.skip_launch)
    return machine_json(machine)


@router.delete("/{machine_id}")
async def destroy_machine(
    cloud: CloudDep, app: AppDep, machine: HeldDep, force: bool = False, kill: bool = False
) -> Json:
    machine.destroy(force=force or kill)
    await machine.wait_until(lambda record: not record.exists, _DESTROY_SECONDS)
    cloud.fleet.forget_long_destroyed(app.name)
    return {"ok": True}


@router.get("/{machine_id}/events")
async def list_events(
    machine: MachineDep, limit: Annotated[int, Query(ge=1, le=50)] = 20
) -> list[Json]:
    return [event_json(event) for event in machine.machine.events[:limit]]


@router.get("/{machine_id}/versions")
async def list_versions(machine: MachineDep) -> list[Json]:
    return machine.machine.versions


def matching(
    cloud: Cloud, app: App, requested: ListQuery, parameters: Mapping[str, str]
) -> list[Lifecycle]:
    """Return the app's machines that pass the filters, oldest first."""
    matches = _filter(requested, parameters)
    return cloud.fleet.list(app.name, include_deleted=requested.include_deleted, matches=matches)


def page_of(found: Sequence[Lifecycle], limit: int, cursor: str) -> tuple[Sequence[Lifecycle], str]:
    """Return one page, and the cursor of the next: the last machine of this one."""
    ids = [lifecycle.machine.id for lifecycle in found]
    if cursor and cursor not in ids:
        raise InvalidArgumentError("invalid_argument: cursor must be one of an earlier answer")
    first = ids.index(cursor) + 1 if cursor else 0
    page = found[first : first + limit]
    return page, page[-1].machine.id if first + limit < len(found) else ""


def _at_version(machine: Machine, version: str) -> Json:
    """Return what an earlier version of the machine was like."""
    for known in machine.versions:
        if known["version"] == version:
            return {"instance_id": version, "version": version, "config": known["user_config"]}
    raise NotFoundError(f"machine {machine.id} has no version {version}")


def _filter(requested: ListQuery, parameters: Mapping[str, str]) -> Callable[[Machine], bool]:
    states = frozenset(filter(None, requested.state.split(",")))
    metadata = {
        key.removeprefix(_METADATA): value
        for key, value in parameters.items()
        if key.startswith(_METADATA)
    }

    def matches(machine: Machine) -> bool:
        return (
            requested.region in {"", machine.region}
            and (not states or machine.state in states)
            and metadata.items() <= dict(machine.config.metadata).items()
        )

    return matches


def _with_lease(
    cloud: Cloud, machine: Lifecycle, include_leases: bool, summary: bool = False
) -> Json:
    document = machine_json(machine, summary=summary)
    lease = machine.machine.live_lease(cloud.clock()) if include_leases else None
    return {**document, "lease": lease_summary_json(lease)} if lease else document


def _lease_for_creator(
    request: Request, cloud: Cloud, machine: Lifecycle, body: MachineBody
) -> Json:
    if not body.lease_ttl:
        return {}
    owner = owner_of(request.headers.get("authorization", ""))
    lease = acquire(machine.machine, None, body.lease_ttl, owner, "", cloud.clock())
    machine.save()
    return {"nonce": lease.nonce}
