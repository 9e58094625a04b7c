"""What happens after a machine's process ended: a pure decision by what is desired and how it
ended.
"""

from dataclasses import dataclass
from typing import Final

from localfly.machines.config import RestartPolicy

_FIRST_DELAY_SECONDS: Final = 0.25
_LONGEST_DELAY_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Rest:
    """Stay down, in this state."""

    state: str


@dataclass(frozen=True, slots=True)
class Relaunch:
    """Start again after a while."""

    delay_seconds: float = 0.0


def after_exit(
    desired: str, was_requested: bool, exit_code: int, restart: RestartPolicy, restarts: int
) -> Rest | Relaunch:
    """Return the next step of a machine whose process ended.

    Args:
        desired: the state that the last request leads to.
        was_requested: the local Fly ended the process, for a stop, an update or a restart.
        restarts: how often it was restarted since the last requested start.
    """
    if desired in {"stopped", "destroyed"}:
        return Rest(desired)
    if desired == "suspended":  # its memory is lost: it starts anew when it is needed
        return Rest("stopped")
    if was_requested:
        return Relaunch()
    if restart.policy == "always":
        return Relaunch(_delay(restarts))
    if restart.policy == "no" or exit_code == 0 or restarts >= restart.max_retries:
        return Rest("stopped")
    return Relaunch(_delay(restarts))


def _delay(restarts: int) -> float:
    doubled: float = _FIRST_DELAY_SECONDS * 2 ** min(restarts, 16)
    return min(doubled, _LONGEST_DELAY_SECONDS)
