"""`/_faults`: how tests inject faults (docs/local-fly.md)."""

from dataclasses import dataclass

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from localfly.faults.active_faults import ActiveFaults
from localfly.faults.chaos import Chaos
from localfly.faults.fault import ACTIONS, Fault, Kind
from localfly.faults.machine_faults import MachineFault, MachineFaults
from localfly.timing.clock import MovableClock

Json = dict[str, object]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FaultBody(_Body):
    """A fault of the API."""

    action: str
    kind: Kind
    probability: float = Field(1.0, gt=0, le=1)
    count: int | None = Field(None, ge=1)
    seconds: float = Field(0.0, ge=0, le=600)
    status: int = Field(500, ge=400, le=599)
    error: str = "internal: a fault that was asked for"
    retry_after: int | None = Field(None, ge=0, le=600)


class ChaosBody(_Body):
    """Faults at random."""

    share: float = Field(gt=0, le=1)
    seed: int = 0


class MachineFaultBody(_Body):
    """A fault of a machine."""

    action: MachineFault
    share: float = Field(0.1, gt=0, lt=1)


class ClockBody(_Body):
    advance_seconds: float = Field(ge=0)


@dataclass(frozen=True, slots=True)
class FaultControls:
    """All faults that can be injected, and the clock."""

    faults: ActiveFaults
    machines: MachineFaults
    clock: MovableClock


def faults_router(controls: FaultControls) -> APIRouter:
    """Return the routes, for a daemon with the option `--faults`."""
    router = APIRouter(prefix="/_faults", tags=["faults"])

    @router.get("")
    async def shown() -> Json:
        return {
            "faults": [_json(fault) for fault in controls.faults.list()],
            "chaos": _chaos_json(controls.faults.chaos),
            "partitioned": sorted(controls.machines.cut_off),
            "clock_ahead_seconds": controls.clock.ahead_seconds,
            "actions": ACTIONS,
        }

    @router.post("", status_code=201)
    async def add(body: FaultBody) -> Json:
        return _json(controls.faults.add(Fault(**body.model_dump())))

    @router.post("/chaos", status_code=201)
    async def unleash(body: ChaosBody) -> Json | None:
        controls.faults.chaos = Chaos(body.share, body.seed)
        return _chaos_json(controls.faults.chaos)

    @router.delete("", status_code=204)
    async def clear() -> None:
        controls.faults.clear()
        controls.machines.clear()

    @router.delete("/{fault_id}", status_code=204)
    async def remove(fault_id: str) -> None:
        controls.faults.remove(fault_id)

    @router.post("/machines/{machine_id}")
    async def hurt(machine_id: str, body: MachineFaultBody) -> Json:
        controls.machines.apply(machine_id, body.action, body.share)
        return {"ok": True}

    @router.post("/clock")
    async def advance(body: ClockBody) -> Json:
        controls.clock.advance(body.advance_seconds)
        return {"ahead_seconds": controls.clock.ahead_seconds}

    return router


def _json(fault: Fault) -> Json:
    return {
        "id": fault.id,
        "action": fault.action,
        "kind": fault.kind,
        "probability": fault.probability,
        "count": fault.count,
        "seconds": fault.seconds,
        "status": fault.status,
        "error": fault.error,
        "retry_after": fault.retry_after,
        "hits": fault.hits,
    }


def _chaos_json(chaos: Chaos | None) -> Json | None:
    if chaos is None:
        return None
    return {
        "share": chaos.share,
        "seed": chaos.seed,
        "asked": chaos.asked,
        "hits": chaos.hits,
    }
