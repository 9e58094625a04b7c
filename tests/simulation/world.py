"""All that is outside the operators: Fly, its clients, chance, and what was noted of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

from infra.rollout.observe import LIVE, ROLE_KEY, STANDBY
from tests.simulation.clock import EPOCH, VirtualLoop
from tests.simulation.fault import Fault
from tests.simulation.fly import PaperApp, PaperFly
from tests.simulation.machine import PaperMachine, Temper, Witness
from tests.simulation.process import Process
from tests.simulation.spec import APP

CANARY = "canary-"


class World(Witness):
    """One scenario's world.

    Attributes:
        trace: a line for each thing that happened.
        broken: what must never be and was, the first first.
        is_maimed: since the last act began, a machine has died or somebody was at it by hand.
        was_maimed: at any time.
        look: begins a colleague's preview.
    """

    def __init__(self, seed: int, loop: VirtualLoop) -> None:
        self.seed = seed
        self.trace: list[str] = []
        self.broken: list[str] = []
        self.is_maimed = False
        self.was_maimed = False
        self.look: Callable[[], Coroutine[Any, Any, None]] | None = None
        self.tasks: list[asyncio.Future[Any]] = []
        self._loop = loop
        self._down_until = 0.0
        self._tempers = random.Random(f"tempers {seed}")
        self.fly = PaperFly(lambda: EPOCH + loop.time(), self._temper, self)
        self.fly.has_all_images = True
        self.fly.create_app(APP, "personal").ips = [{"ip": "2a09::1"}, {"ip": "66.241.0.1"}]

    @property
    def app(self) -> PaperApp:
        """The app that all is about."""
        return self.fly.apps[APP]

    @property
    def is_down(self) -> bool:
        """See `Outside`."""
        return self._loop.time() < self._down_until

    def chance(self, what: str) -> random.Random:
        """Chance for one part of it: what the others draw changes nothing here."""
        return random.Random(f"{what} {self.seed}")

    def note(self, who: str, text: str) -> None:
        """Add a line to the trace."""
        self.trace.append(f"{self._loop.time():9.2f} {who:<12} {text}")

    def breaks(self, text: str) -> None:
        """What must never be."""
        self.note("!", text)
        self.broken.append(text)

    def strike(self, process: Process, fault: Fault) -> None:
        """See `Outside`."""
        match fault.kind:
            case "leases":
                for machine in self.app.living:
                    machine.lease = None
            case "kill":
                self._kill(int(fault.number))
            case "down":
                self._down_until = self._loop.time() + fault.number
            case "clock":
                process.skew += fault.number
            case "sleep":
                process.sleep(fault.number)
            case "look" if self.look:
                self.tasks.append(asyncio.ensure_future(self.look()))

    def before(self) -> bool:
        """See `Witness`."""
        return bool(self.app.serving)

    def after(self, *, served: bool) -> None:
        """See `Witness`."""
        if served and not self.is_maimed and not self.app.serving and self._is_released:
            self.breaks("nobody serves")

    @property
    def _is_released(self) -> bool:
        """A first release that is taken back leaves nobody."""
        roles = (m.metadata.get(ROLE_KEY) for m in self.app.living)
        return any(role in {LIVE, STANDBY} for role in roles)

    def calm(self) -> None:
        """From here on all goes well."""
        self._down_until = 0.0

    def accident(self, machine: PaperMachine) -> None:
        """See `Witness`."""
        self.is_maimed = self.was_maimed = True
        self.note("fly", f"{machine.name} dies")

    def _kill(self, number: int) -> None:
        running = [m for m in self.app.living if m.state == "started"]
        if running:
            running[number % len(running)].die()

    def _temper(self) -> Temper:
        draw = self._tempers
        return Temper(
            start=draw.choice((0.2, 0.5, 1.5)),
            stop=draw.choice((0.1, 0.3, 1.0)),
            check=draw.choice((0.3, 1.0)),
        )
