"""The actions that a machine's state forbids, in Fly's words (docs/fly-api.md 2.1)."""

from typing import Final

from localfly.errors import FailedPreconditionError

_RESTING: Final = frozenset({"created", "stopped", "suspended", "failed"})
_START_REFUSALS: Final = {
    "stopping": "machine still active, refusing to start",
    "suspending": "machine still active, refusing to start",
    "replacing": "machine getting replaced, refusing to start",
    "updating": "machine getting replaced, refusing to start",
    "created": "unable to start machine from current state: 'created'",
    "destroying": "unable to start machine from current state: 'destroying'",
    "destroyed": "unable to start machine from current state: 'destroyed'",
}


def check_startable(state: str) -> None:
    """Raise FailedPreconditionError in a state from which no start is possible."""
    if refusal := _START_REFUSALS.get(state):
        raise FailedPreconditionError(f"failed_precondition: {refusal}")


def check_destroyable(state: str) -> None:
    """Raise FailedPreconditionError for a machine that is not at rest."""
    if state not in _RESTING:
        raise FailedPreconditionError(
            "failed_precondition: unable to destroy machine, not currently stopped, suspended, "
            f"or failed: machine is {state}"
        )


def not_running(action: str, state: str) -> FailedPreconditionError:
    """Return the error of an action on a machine that does not run."""
    if action == "exec":
        return FailedPreconditionError("failed_precondition: machine not running")
    return FailedPreconditionError(
        f"failed_precondition: unable to {action} machine from current state: '{state}'"
    )
