"""The key by which an app's machines know the engine: the ledger's, or a new one."""

from __future__ import annotations

from infra.fly.client import FlyClient
from infra.fly.errors import FlyError
from infra.rollout.ledger import Ledger
from infra.rollout.observe import CANDIDATE, State
from infra.rollout.signature import KEY, new_key

_TELL = f"import os; print(os.environ.get({KEY!r}, ''), end='')"
_SECONDS = 10


async def find(ledger: Ledger, state: State, fly: FlyClient) -> str:
    """The app's key.

    A first rollout with a key that was held or killed has no ledger to tell it, but its machines
    know it, and may be taken over: so they are asked.
    """
    if ledger.key:
        return ledger.key
    for machine in state.machines:
        if machine.role == CANDIDATE and machine.state == "started":
            try:
                told = await fly.exec(state.app, machine.id, ["python", "-c", _TELL], _SECONDS)
            except FlyError:
                continue
            if told.exit_code == 0 and told.stdout:
                return told.stdout
    return new_key()
