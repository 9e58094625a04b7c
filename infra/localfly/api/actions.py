"""The actions of a machine (docs/fly-api.md 2.5)."""

import shlex
from dataclasses import asdict
from typing import Any, Final

from fastapi import APIRouter
from pydantic import BaseModel

from localfly.api.dependencies import OK, HeldDep, Json, LivingDep
from localfly.errors import InvalidArgumentError
from localfly.machines.config import known_signal
from localfly.timing.duration import parse_duration

router = APIRouter(prefix="/v1/apps/{app_name}/machines/{machine_id}", tags=["machines"])

_EXEC_SECONDS: Final = 60
_SIGNAL_NAMES: Final = {1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 9: "SIGKILL", 15: "SIGTERM"}


class StopBody(BaseModel):
    signal: str | None = None
    timeout: str | int | None = None


class SignalBody(BaseModel):
    signal: str | int


class ExecBody(BaseModel):
    command: list[str] = []
    cmd: str = ""
    stdin: str = ""
    timeout: int = 0


@router.post("/start")
async def start(machine: HeldDep) -> Json:
    return {"previous_state": machine.start(), "migrated": False, "new_host": ""}


@router.post("/stop")
async def stop(machine: HeldDep, body: StopBody | None = None) -> Json:
    requested = body or StopBody()
    machine.stop(_signal(requested.signal), _seconds(requested.timeout))
    return OK


@router.post("/suspend")
async def suspend(machine: HeldDep) -> Json:
    machine.suspend()
    return OK


@router.post("/restart")
async def restart(
    machine: HeldDep, force_stop: bool = False, timeout: str | None = None, signal: str = ""
) -> Json:
    machine.restart("SIGKILL" if force_stop else _signal(signal), _seconds(timeout))
    return OK


@router.post("/signal")
async def send_signal(machine: HeldDep, body: SignalBody) -> Json:
    name = _SIGNAL_NAMES.get(body.signal, "") if isinstance(body.signal, int) else body.signal
    machine.signal(known_signal(name))
    return OK


@router.post("/cordon")
async def cordon(machine: HeldDep) -> Json:
    machine.cordon(True)
    return OK


@router.post("/uncordon")
async def uncordon(machine: HeldDep) -> Json:
    machine.cordon(False)
    return OK


@router.post("/exec")
async def execute(machine: LivingDep, body: ExecBody) -> dict[str, Any]:
    command = body.command or shlex.split(body.cmd)
    if not command:
        raise InvalidArgumentError("invalid_argument: command must have at least one word")
    seconds = min(body.timeout or _EXEC_SECONDS, _EXEC_SECONDS)
    return asdict(await machine.execute(command, body.stdin, seconds))


def _signal(name: str | None) -> str | None:
    return known_signal(name) if name else None


def _seconds(timeout: str | int | None) -> float | None:
    """Read a timeout; None, and zero as flyctl sends it, mean that of the config."""
    return parse_duration(timeout, "timeout") if timeout else None
