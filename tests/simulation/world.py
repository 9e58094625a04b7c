"""All that is outside the operators: Fly, its clients, chance, and what was noted of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from flygate.rollout.state import LIVE, MANIFEST_KEY, ROLE_KEY, STANDBY

from tests.simulation.call import Call, Reply
from tests.simulation.clock import EPOCH, VirtualLoop
from tests.simulation.fault import Fault
from tests.simulation.fly import PaperApp, PaperFly
from tests.simulation.machine import PaperMachine, Temper, Witness
from tests.simulation.process import CURRENT, Process
from tests.simulation.spec import APP

CANARY = "canary-"
# A look may be as old as this, and a machine that has died meanwhile is in it still.
LOOKS_BACK = 10.0


class World(Witness):
    """One scenario's world.

    Attributes:
        trace: a line for each thing that happened.
        broken: what must never be and was, the first first.
        is_maimed: since the last act began, a machine has died or was changed by hand.
        was_maimed: at any time.
        has_foreign_values: secrets were set by hand.
        died_at: when a machine last died.
        look: begins a colleague's preview.
        values: of the secrets that a machine must have started with, by the id of its manifest.
    """

    def __init__(self, seed: int, loop: VirtualLoop) -> None:
        self.seed = seed
        self.trace: list[str] = []
        self.broken: list[str] = []
        self.is_maimed = False
        self.was_maimed = False
        self.has_foreign_values = False
        self.died_at = -LOOKS_BACK
        self.look: Callable[[], Coroutine[Any, Any, None]] | None = None
        self.values: Callable[[str], Mapping[str, str]] = lambda manifest: {}
        self.tasks: list[asyncio.Future[Any]] = []
        self._loop = loop
        self._down_until = 0.0
        self._alone_since: float | None = None
        self._holder = ""
        self._holders: set[str] = set()
        self._has_lost_leases = False
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

    @property
    def now(self) -> float:
        """Virtual seconds."""
        return self._loop.time()

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
                self._has_lost_leases = True
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
        serving = self.app.serving
        if len(serving) != 1:
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = self._loop.time()
        return bool(serving)

    def after(self, *, served: bool, is_accident: bool = False) -> None:
        """See `Witness`."""
        alone_since = self._alone_since
        serves = self.before()
        if not served or serves or not self._is_released or is_accident:
            return
        if not self.is_maimed:
            self.breaks("nothing serves")
        elif self._is_known(alone_since) and CURRENT.get():
            self.breaks("the only machine that serves is taken out")

    def admitted(self, machine: PaperMachine) -> None:
        """See `Witness`: it has the values of its release, unless Fly has started it again."""
        if machine.guest is None or machine.restarts or self.has_foreign_values:
            return
        wanted = self.values(machine.metadata.get(MANIFEST_KEY, ""))
        wrong = sorted(n for n, value in wanted.items() if machine.guest.env.get(n) != value)
        if wrong:
            self.breaks(f"a machine is let in with values of another release: {wrong}")

    def done(self, process: Process, call: Call, reply: Reply) -> None:
        """See `Outside`: who had the lock and has lost it to another one changes nothing more."""
        if reply.status >= 300 or call.method == "GET" or not call.path.startswith("/v1/"):
            return
        if call.path.endswith("/lease"):
            if call.method == "POST":
                self._holder = process.name
                self._holders.add(process.name)
            return
        is_former = process.name in self._holders - {self._holder}
        if is_former and not self._has_lost_leases and not call.path.endswith("/exec"):
            self.breaks(f"two change something: {process.name} and {self._holder}")

    def _is_known(self, since: float | None) -> bool:
        """Note that a look has seen it."""
        return since is not None and self._loop.time() > since + LOOKS_BACK

    @property
    def _is_released(self) -> bool:
        """A first release that is taken back leaves nothing that serves."""
        roles = (m.metadata.get(ROLE_KEY) for m in self.app.living)
        return any(role in {LIVE, STANDBY} for role in roles)

    def calm(self) -> None:
        """From here on all goes well."""
        self._down_until = 0.0

    def accident(self, machine: PaperMachine) -> None:
        """See `Witness`."""
        self.is_maimed = self.was_maimed = True
        self.died_at = self._loop.time()
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
