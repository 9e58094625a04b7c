"""The key that signs the engine's requests to an app's machines: from the ledger, or from them."""

from __future__ import annotations

from flygate_wire.variables import Variable

from flygate.fly.client import FlyClient
from flygate.fly.errors import FlyError
from flygate.record.ledger import Ledger
from flygate.rollout.state import CANDIDATE, LIVE, State

_PRINT_KEY = f"import os; print(os.environ.get({Variable.FLYGATE_KEY.value!r}, ''), end='')"
_SECONDS = 10


async def find(ledger: Ledger, state: State, fly: FlyClient) -> str:
    """Return the app's key, or an empty text if there is none yet.

    Where the ledger was lost, and after a first rollout that was held or killed, the machines know
    it, and it can be read from them.
    """
    if ledger.key:
        return ledger.key
    roles = {CANDIDATE} if ledger.releases else {CANDIDATE, LIVE}
    for machine in state.machines:
        if machine.role in roles and machine.state == "started":
            try:
                command = ["python", "-c", _PRINT_KEY]
                answer = await fly.exec(state.app, machine.id, command, _SECONDS, repeatable=True)
            except FlyError:
                continue
            if answer.exit_code == 0 and answer.stdout:
                return answer.stdout
    return ""
