"""Machines that sleep until a request needs them (autostart, docs/fly-api.md 6.7)."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final

from localfly.errors import FlyError
from localfly.machines.machine import Machine
from localfly.proxy.selector import Selector

# How long a woken machine may take until it serves, and how long requests wait for it.
PATIENCE_SECONDS: Final = 30.0

_ASLEEP: Final = frozenset({"stopped", "suspended"})
_FALLING_ASLEEP: Final = frozenset({"stopping", "suspending"})

Start = Callable[[str, str], None]  # app, machine


@dataclass(frozen=True, slots=True)
class Sleeper:
    """A machine that does not run, and may be started by traffic."""

    machine_id: str
    app: str
    region: str
    is_down: bool = True  # else it is stopping


class Autostart:
    """The machines that sleep, and those that were woken and do not serve yet."""

    def __init__(self) -> None:
        self._asleep: dict[str, dict[str, Sleeper]] = {}
        self._waking: dict[str, dict[str, Sleeper]] = {}
        self._start: Start = lambda _, __: None
        self._on_change: Callable[[str], None] = lambda _: None

    def start_with(self, start: Start) -> None:
        """Set how a machine is started."""
        self._start = start

    def subscribe(self, on_change: Callable[[str], None]) -> None:
        """Call `on_change` with each app whose sleeping machines have changed."""
        self._on_change = on_change

    def changed(self, machine: Machine, *, is_routed: bool) -> None:
        sleeper = sleeper_of(machine)
        if sleeper:
            self._asleep.setdefault(machine.app, {})[machine.id] = sleeper
        else:
            _drop(self._asleep, machine)
        is_on_its_way = machine.state in {"starting", "started"} and not is_routed
        if not is_on_its_way:
            _drop(self._waking, machine)
        if sleeper or is_routed:
            self._on_change(machine.app)

    def wake(
        self, app: str, selector: Selector, here: str, excluded: Collection[str]
    ) -> Sleeper | None:
        """Return a machine that wakes for such a request, started now if none was before; None if
        none can.

        Args:
            excluded: machines that were woken for this request before, and did not serve.
        """
        waking = nearest(self._waking.get(app, {}).values(), selector, here, ())
        if waking:
            return waking
        sleeper = nearest(self._asleep.get(app, {}).values(), selector, here, excluded)
        if sleeper is None:
            return None
        return sleeper if self._wake(sleeper) else None

    def is_waking(self, app: str, selector: Selector, here: str) -> bool:
        """Return whether a machine was woken, or can be once it has stopped."""
        falling = [s for s in self._asleep.get(app, {}).values() if not s.is_down]
        soon = [*self._waking.get(app, {}).values(), *falling]
        return nearest(soon, selector, here, ()) is not None

    def _wake(self, sleeper: Sleeper) -> bool:
        if not sleeper.is_down:
            return True  # it can't be started yet; `changed` is called when it can
        self._waking.setdefault(sleeper.app, {})[sleeper.machine_id] = sleeper
        try:
            self._start(sleeper.app, sleeper.machine_id)
        except FlyError:
            self._give_up(sleeper)
            return False
        asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._give_up, sleeper)
        return True

    def _give_up(self, sleeper: Sleeper) -> None:
        """Stop waiting for a machine that does not serve."""
        waking = self._waking.get(sleeper.app, {})
        if waking.get(sleeper.machine_id) is sleeper:
            del waking[sleeper.machine_id]
            self._on_change(sleeper.app)


def sleeper_of(machine: Machine) -> Sleeper | None:
    """Return the machine if traffic may wake it: not cordoned, `autostart` not off."""
    service = machine.config.http_service
    if machine.cordoned or service is None or not service.autostart:
        return None
    if machine.state not in _ASLEEP | _FALLING_ASLEEP:
        return None
    return Sleeper(machine.id, machine.app, machine.region, machine.state in _ASLEEP)


def nearest(
    sleepers: Iterable[Sleeper], selector: Selector, here: str, excluded: Collection[str]
) -> Sleeper | None:
    """Return the closest one that the selector admits; a pure choice."""
    ranked = [
        (rank, sleeper.machine_id, sleeper)
        for sleeper in sleepers
        if sleeper.machine_id not in excluded
        and selector.admits(sleeper.machine_id, sleeper.region, here)
        and (rank := selector.rank(sleeper.region, here)) is not None
    ]
    return min(ranked)[2] if ranked else None


def _drop(by_app: dict[str, dict[str, Sleeper]], machine: Machine) -> None:
    """Drop the machine, and an app without any: every request looks an app up here."""
    if found := by_app.get(machine.app):
        found.pop(machine.id, None)
        if not found:
            del by_app[machine.app]
