"""What a machine's own events say of its life: since when it is up, and how it ended before."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from flygate.fly.models import Machine

# The platform restarts what crashes; the second crash is a pattern.
CRASHES_MAX: Final = 2
# EX_CONFIG: the service refuses its settings, and its last line of log names the wrong one.
REFUSES_SETTINGS: Final = 78


@dataclass(frozen=True, slots=True)
class Ending:
    """How a machine that was stopped has ended.

    Attributes:
        seconds: from the request to stop to the end.
        was_killed: the platform ended it.
    """

    seconds: float
    was_killed: bool


@dataclass(slots=True)
class Uptimes:
    """How long machines have been up, each since its last start.

    By our own clock, from the first look at that start: Fly's clock may be another one, so a
    machine is never taken for older than it is.
    """

    _starts: dict[str, tuple[int, float]] = field(default_factory=dict)

    def seconds(self, machine: Machine) -> float:
        """Return the uptime of a machine as it was just seen; 0 while it is not up."""
        now = time.monotonic()
        if machine.state != "started":
            self._starts.pop(machine.id, None)
            return 0.0
        started = _started_at(machine)
        if self._starts.get(machine.id, (None, 0.0))[0] != started:
            self._starts[machine.id] = (started, now)
        return now - self._starts[machine.id][1]


def sleeps(machine: Machine) -> bool:
    """Return whether Fly's proxy put it to sleep for lack of requests; it did not end by itself."""
    if machine.state == "suspended":
        return True
    newest = next((event for event in machine.events if event.type == "exit"), None)
    return machine.is_idle and newest is not None and newest.was_asked_for


def died_at(machine: Machine) -> int:
    """Return when its service last ended by itself, in milliseconds of Fly's clock, or 0."""
    return max((event.timestamp for event in machine.unasked_exits), default=0)


def ending(machine: Machine, before: Machine) -> Ending | None:
    """Return how it ended since an earlier look, by Fly's clock; None if Fly does not say it."""
    known = max((event.timestamp for event in before.events), default=0)
    new = [event for event in machine.events if event.timestamp > known]
    ended = next((event for event in new if event.type == "exit"), None)
    stopped = min((event.timestamp for event in new if event.type == "stop"), default=None)
    if ended is None or stopped is None:
        return None
    return Ending((ended.timestamp - stopped) / 1000, ended.was_killed)


def death(machine: Machine, since: int = 0) -> str:
    """Return why the machine will not come up any more, or an empty string.

    Args:
        since: earlier crashes do not count, in milliseconds of Fly's clock.
    """
    is_stopped = machine.state == "stopped" and machine.events and not sleeps(machine)
    if machine.state in {"failed", "destroyed"} or is_stopped:
        return f"the service did not stay up: the machine is {machine.state}{last_exit(machine)}"
    exits = (event for event in machine.unasked_exits if event.timestamp > since)
    crashes = sum(bool(event.exit_code) for event in exits)
    if crashes >= CRASHES_MAX:
        return f"the service crashed {crashes} times{last_exit(machine)}"
    return ""


def last_exit(machine: Machine) -> str:
    """`, exit code 3`; empty if its service never ended by itself."""
    code = machine.exit_code
    return "" if code is None else f", exit code {code}"


def _started_at(machine: Machine) -> int:
    return max((event.timestamp for event in machine.events if event.type == "start"), default=0)
