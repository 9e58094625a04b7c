"""Waiting for a machine's state (docs/fly-api.md 2.7)."""

from typing import Annotated, Final

from fastapi import APIRouter, Query

from localfly.api.dependencies import Json, MachineDep
from localfly.errors import DeadlineExceededError, InvalidArgumentError, NotFoundError
from localfly.machines.machine import SETTLED, Machine

router = APIRouter(prefix="/v1/apps/{app_name}/machines/{machine_id}", tags=["machines"])

_WAITABLE: Final = frozenset({"started", "stopped", "suspended", "destroyed", "failed", "settled"})
_MAX_SECONDS: Final = 60


@router.get("/wait")
async def wait(
    machine: MachineDep,
    state: Annotated[list[str] | None, Query()] = None,
    timeout: Annotated[int, Query(ge=0)] = _MAX_SECONDS,
    version: str = "",
    instance_id: str = "",
    from_event_id: str = "",
) -> Json:
    wanted = _states(state or ["started"])
    pinned = version or instance_id

    def has_arrived(record: Machine) -> bool:
        return (
            (record.state in wanted or ("settled" in wanted and record.state in SETTLED))
            and pinned in {"", record.instance_id}
            and _is_after(record, from_event_id)
        )

    def is_decided(record: Machine) -> bool:
        return has_arrived(record) or not record.exists

    await machine.wait_until(is_decided, min(timeout, _MAX_SECONDS))
    return _answer(machine.machine, has_arrived(machine.machine), sorted(wanted))


def _states(requested: list[str]) -> frozenset[str]:
    states = frozenset(state for text in requested for state in text.split(",") if state)
    if unknown := states - _WAITABLE:
        raise InvalidArgumentError(
            f"invalid_argument: state must be one of {', '.join(sorted(_WAITABLE))}, "
            f"found {', '.join(sorted(unknown))}"
        )
    return states


def _answer(record: Machine, has_arrived: bool, wanted: list[str]) -> Json:
    if has_arrived:
        event_id = record.events[0].id if record.events else ""
        return {
            "ok": True,
            "state": record.state,
            "version": record.instance_id,
            "event_id": event_id,
        }
    if not record.exists:  # it will never reach another state
        raise NotFoundError(f"machine not found: machine {record.id} is destroyed")
    raise DeadlineExceededError(
        "deadline_exceeded: machine failed to reach desired state, "
        f"{','.join(wanted)}, currently {record.state}"
    )


def _is_after(record: Machine, event_id: str) -> bool:
    """Return whether something has happened since the event."""
    return not event_id or (bool(record.events) and record.events[0].id != event_id)
