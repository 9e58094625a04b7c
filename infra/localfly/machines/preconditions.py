"""When a machine's state forbids what a client asks, in Fly's own words (docs/fly-api.md 2.1)."""

from localfly.errors import FailedPreconditionError

_RESTING = frozenset({"created", "stopped", "suspended", "failed"})
_START_REFUSALS = {
    "stopping": "machine still active, refusing to start",
    "suspending": "machine still active, refusing to start",
    "replacing": "machine getting replaced, refusing to start",
    "updating": "machine getting replaced, refusing to start",
    "created": "unable to start machine from current state: 'created'",
    "destroying": "unable to start machine from current state: 'destroying'",
    "destroyed": "unable to start machine from current state: 'destroyed'",
}


def check_startable(state: str) -> None:
    """Raises FailedPreconditionError where a start has to wait, or can't be."""
    if refusal := _START_REFUSALS.get(state):
        raise FailedPreconditionError(f"failed_precondition: {refusal}")


def check_destroyable(state: str) -> None:
    """Raises FailedPreconditionError for a machine that is not at rest."""
    if state not in _RESTING:
        raise FailedPreconditionError(
            "failed_precondition: unable to destroy machine, not currently stopped, suspended, "
            f"or failed: machine is {state}"
        )


def not_running(action: str, state: str) -> FailedPreconditionError:
    """What a machine that is not running answers to a verb that needs it to."""
    if action == "exec":
        return FailedPreconditionError("failed_precondition: machine not running")
    return FailedPreconditionError(
        f"failed_precondition: unable to {action} machine from current state: '{state}'"
    )
