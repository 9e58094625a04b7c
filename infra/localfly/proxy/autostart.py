"""Machines that sleep until a request needs them (autostart, docs/fly-api.md 6.7)."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from localfly.errors import FlyError
from localfly.machines.machine import Machine
from localfly.proxy.selector import Selector

# How long a woken machine may take until it serves; requests wait for it so long, and no longer.
PATIENCE_SECONDS = 30.0

_ASLEEP = frozenset({"stopped", "suspended"})
_FALLING_ASLEEP = frozenset({"stopping", "suspending"})

Start = Callable[[str, str], None]  # app, machine


@dataclass(frozen=True, slots=True)
class Sleeper:
    """A machine that does not run, and may be started by traffic."""

    machine_id: str
    app: str
    region: str
    is_down: bool = True  # else it is still on its way there


class Autostart:
    """Who sleeps, and who was woken but does not serve yet."""

    def __init__(self) -> None:
        self._asleep: dict[str, dict[str, Sleeper]] = {}
        self._waking: dict[str, dict[str, Sleeper]] = {}
        self._start: Start = lambda _, __: None
        self._on_change: Callable[[str], None] = lambda _: None

    def start_with(self, start: Start) -> None:
        """How a machine is started."""
        self._start = start

    def subscribe(self, on_change: Callable[[str], None]) -> None:
        """The proxy wants to know of each app whose autostart have changed."""
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
        """A machine that wakes for such a request, started now if none was; None if none can.

        Args:
            excluded: machines that were woken for this request before, in vain.
        """
        waking = nearest(self._waking.get(app, {}).values(), selector, here, ())
        if waking:
            return waking
        sleeper = nearest(self._asleep.get(app, {}).values(), selector, here, excluded)
        if sleeper is None:
            return None
        return sleeper if self._wake(sleeper) else None

    def is_waking(self, app: str, selector: Selector, here: str) -> bool:
        """Whether a machine that was woken, or falls asleep just now, is worth waiting for."""
        falling = [s for s in self._asleep.get(app, {}).values() if not s.is_down]
        soon = [*self._waking.get(app, {}).values(), *falling]
        return nearest(soon, selector, here, ()) is not None

    def _wake(self, sleeper: Sleeper) -> bool:
        if not sleeper.is_down:
            return True  # it can't be started yet; we hear of it when it can
        self._waking.setdefault(sleeper.app, {})[sleeper.machine_id] = sleeper
        try:
            self._start(sleeper.app, sleeper.machine_id)
        except FlyError:
            self._give_up(sleeper)
            return False
        asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._give_up, sleeper)
        return True

    def _give_up(self, sleeper: Sleeper) -> None:
        """It does not serve, and perhaps never will: nobody waits for it any more."""
        waking = self._waking.get(sleeper.app, {})
        if waking.get(sleeper.machine_id) is sleeper:
            del waking[sleeper.machine_id]
            self._on_change(sleeper.app)


def sleeper_of(machine: Machine) -> Sleeper | None:
    """The machine, if traffic may wake it: not cordoned, `autostart` not off."""
    service = machine.config.http_service
    if machine.cordoned or service is None or not service.autostart:
        return None
    if machine.state not in _ASLEEP | _FALLING_ASLEEP:
        return None
    return Sleeper(machine.id, machine.app, machine.region, machine.state in _ASLEEP)


def nearest(
    autostart: Iterable[Sleeper], selector: Selector, here: str, excluded: Collection[str]
) -> Sleeper | None:
    """The closest one that the selector admits; a pure choice."""
    ranked = [
        (rank, sleeper.machine_id, sleeper)
        for sleeper in autostart
        if sleeper.machine_id not in excluded
        and selector.admits(sleeper.machine_id, sleeper.region, here)
        and (rank := selector.rank(sleeper.region, here)) is not None
    ]
    return min(ranked)[2] if ranked else None


def _drop(by_app: dict[str, dict[str, Sleeper]], machine: Machine) -> None:
    """Empties leave nothing behind: whether anybody sleeps is asked for every request."""
    if found := by_app.get(machine.app):
        found.pop(machine.id, None)
        if not found:
            del by_app[machine.app]
