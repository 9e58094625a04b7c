"""A machine of the Fly in memory: its states, its process, its checks, its lease."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.guest import Guest, Nature

Json = dict[str, Any]

RESTARTS_MAX = 10
_RESTING = frozenset({"created", "stopped", "failed", "suspended"})


@dataclass(frozen=True, slots=True)
class Temper:
    """How long things take, in seconds.

    Attributes:
        start, stop: of a machine's process.
        check: from a process's start until its checks are known.
    """

    start: float = 0.5
    stop: float = 0.2
    check: float = 0.5


class Witness:
    """Sees each change of a machine that may end or begin what clients get."""

    def before(self) -> bool:
        """Return whether it serves."""
        return False

    def after(self, *, served: bool, is_accident: bool = False) -> None:
        """The change is done; `served` is what `before` said."""

    def accident(self, machine: PaperMachine) -> None:
        """A machine dies by itself."""

    def admitted(self, machine: PaperMachine) -> None:
        """The proxy may send it requests."""


@dataclass(slots=True)
class Lease:
    """Who may change a machine, until `expires_at` (unix seconds)."""

    nonce: str
    expires_at: int
    owner: str
    description: str


@dataclass(slots=True)
class PaperMachine:
    """One machine; the time is the event loop's.

    Attributes:
        variables: what a process that starts now gets.
        temper: how long things take here.
        new_id: makes ids that are never the same.
    """

    id: str
    name: str
    region: str
    config: Json
    variables: Callable[[], Mapping[str, str]]
    temper: Temper
    new_id: Callable[[], str]
    witness: Witness
    cordoned: bool = False
    state: str = "created"
    desired: str = "started"
    instance_id: str = ""
    lease: Lease | None = None
    guest: Guest | None = None
    events: list[Json] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    restarts: int = 0
    starts: int = 0
    made_at: float = 0.0
    _life: int = 0
    _changed: list[asyncio.Future[None]] = field(default_factory=list)

    @property
    def exists(self) -> bool:
        """It was not destroyed."""
        return self.state != "destroyed"

    @property
    def metadata(self) -> dict[str, str]:
        """What is noted on it."""
        found: dict[str, str] = self.config.setdefault("metadata", {})
        return found

    @property
    def serves(self) -> bool:
        """The proxy sends it requests, and it answers them."""
        return self.is_routed and self.guest is not None and self.guest.listens(_now())

    @property
    def is_routed(self) -> bool:
        """The proxy sends it requests."""
        return self.answers and not self.cordoned and self.health in {"", "passing"}

    @property
    def answers(self) -> bool:
        """It runs."""
        return self.state == "started" and self.guest is not None

    def route(self, *, is_in: bool) -> None:
        """Let the proxy send it requests, or no more."""
        served = self.witness.before()
        self.cordoned = not is_in
        self.witness.after(served=served)
        if is_in:
            self.witness.admitted(self)

    def launch(self) -> None:
        """Begin to start."""
        self._enter("starting", "start")
        self._later(self.temper.start, self._is_up)

    def start(self) -> None:
        """See `launch`; one that runs already goes on."""
        if self.state not in {"started", "starting"}:
            self.desired, self.restarts = "started", 0
            self.launch()

    def stop(self) -> None:
        """Begin to stop; one that is down stays as it is."""
        if self.state not in {"created", "stopped", "failed"}:
            self.desired = "stopped"
            self._enter("stopping", "stop")
            self._later(self.temper.stop, lambda: self._is_down("stopped"))

    def restart(self) -> None:
        """Stop and start it, as it is."""
        self._enter("restarting", "restart")
        self._later(self.temper.stop, self.launch)

    def destroy(self) -> None:
        """Begin to be destroyed."""
        if self.state != "destroying":
            self.desired = "destroyed"
            self._enter("destroying", "destroy")
            self._later(self.temper.stop, lambda: self._is_down("destroyed"))

    def update(self, config: Json) -> None:
        """Replace the config: a new version, and a restart."""
        self.config, self.instance_id = config, self.new_id()
        self._enter("replacing", "update")
        self._later(self.temper.stop, self.launch)

    def die(self, code: int = 137) -> None:
        """Its process ends by itself; Fly starts it again, for a while."""
        if self.state != "started":
            return
        self.witness.accident(self)
        self.log.append(f"killed, with {dict(self.guest.env) if self.guest else {}}")
        served = self.witness.before()
        self._exits(code, was_asked_for=False)
        self.witness.after(served=served, is_accident=True)
        policy = self.config.get("restart", {}).get("policy", "on-failure")
        if policy == "no" or self.restarts >= RESTARTS_MAX:
            self._enter("stopped")
            return
        self.restarts += 1
        self._enter("starting", "start")
        self._later(0.25 * 2**self.restarts, self._is_up)

    @property
    def health(self) -> str:
        """How its check stands; empty if it has none, or does not run."""
        if self.guest is None or not _has_checks(self.config):
            return ""
        now = _now()
        if now < self.guest.began + self.temper.check:
            return "warning"
        return "passing" if self.guest.is_ready(now) else "critical"

    def checks(self) -> list[Json]:
        """How its checks stand, as Fly shows it."""
        if not (status := self.health) or self.guest is None:
            return []
        said = "ok" if status == "passing" else f"it says {dict(self.guest.env)}"
        return [{"name": "servicecheck-00-http-8080", "status": status, "output": said}]

    def live_lease(self, now: float) -> Lease | None:
        """The lease, unless it has expired."""
        return self.lease if self.lease and self.lease.expires_at > now else None

    async def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait for a state; False if it was not reached in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not holds():
            if (left := deadline - loop.time()) <= 0:
                return False
            waiter: asyncio.Future[None] = loop.create_future()
            self._changed.append(waiter)
            timer = loop.call_later(left, _wake, waiter)
            try:
                await waiter
            finally:
                timer.cancel()
        return True

    def _is_up(self) -> None:
        variables = {**self.variables(), "FLY_MACHINE_ID": self.id}
        env = {**self.config.get("env", {}), **variables}
        self.guest = Guest(env, _now(), self.new_id())
        self.log.append(f"release {env.get('FLYGATE_RELEASE')} begins")
        self._enter("started")
        self.starts += 1
        if (lifetime := Nature.of(env).lifetime(self.starts)) is not None:
            if not lifetime:
                self.log.append("cannot open the database")
            self._later(lifetime, lambda: self.die(3))

    def _is_down(self, state: str) -> None:
        if self.guest:
            self._exits(0, was_asked_for=True)
        self._enter(state)

    def _exits(self, code: int, *, was_asked_for: bool) -> None:
        self.guest = None
        exit_event = {"exit_code": code, "requested_stop": was_asked_for}
        self._record("exit", "stopped", {"exit_event": exit_event})

    def _enter(self, state: str, event: str = "") -> None:
        served = self.witness.before()
        self._life += 1
        self.state = state
        self.witness.after(served=served)
        if event:
            self._record(event, state)
        waiters, self._changed = self._changed, []
        for waiter in waiters:
            _wake(waiter)

    def _record(self, kind: str, status: str, request: Json | None = None) -> None:
        stamp = int(_now() * 1000)
        event = {"type": kind, "status": status, "source": "user", "timestamp": stamp}
        self.events.insert(0, {**event, "request": request} if request else event)

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        """Unless it comes otherwise meanwhile."""
        life = self._life
        asyncio.get_running_loop().call_later(seconds, self._if_still, life, action)

    def _if_still(self, life: int, action: Callable[[], None]) -> None:
        if life == self._life:
            action()


def is_resting(state: str) -> bool:
    """A machine in this state can be started."""
    return state in _RESTING


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _has_checks(config: Mapping[str, Any]) -> bool:
    return bool(config.get("checks")) or any(s.get("checks") for s in config.get("services", []))
