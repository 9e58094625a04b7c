"""Runs a scenario to its end, and reports what did not hold."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import io
import os
import random
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import stamina
from flygate.commands import effects, recording
from flygate.commands import release as release_op
from flygate.commands.recovery import BY_MACHINES
from flygate.fly import retries, web
from flygate.record.ledger import Ledger
from flygate.record.provenance import Provenance
from flygate.rollout.gates import reach
from flygate.rollout.lock.holder import Holder
from flygate.rollout.machine import watching

from tests.simulation import byhand, clock, invariants
from tests.simulation.attempts import Attempts
from tests.simulation.clock import StandstillError, VirtualLoop
from tests.simulation.invariants import Case, Snapshot
from tests.simulation.operator import HELD, Operator, Outcome
from tests.simulation.process import CURRENT, Process, WatchedFile
from tests.simulation.scenario import Act, Scenario
from tests.simulation.spec import Spec
from tests.simulation.stack import Stack
from tests.simulation.wire import Wire, to_proxy
from tests.simulation.world import World

_BY = Provenance("2026-11-24T08:00:00+00:00", "ann@laptop", "015f0fe", "")
# Each look is a call, and none of the engine's mistakes hides between two.
_POLL_SECONDS = 1.0
# A dead process's leases have ended after this.
_LEASE_SECONDS = 20.0
_PID = 4711
# How many commands an operator may have to type until all is well.
COMMANDS_MAX = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What a scenario came to.

    Attributes:
        broken: what did not hold, the first first; nothing if all held.
        trace: a line for each thing that happened.
        codes: the exit codes of the commands; None where one died.
    """

    broken: tuple[str, ...]
    trace: tuple[str, ...]
    codes: tuple[int | None, ...]

    @property
    def kind(self) -> str:
        """The first of what did not hold, without what is another each time."""
        first = self.broken[0] if self.broken else ""
        return "".join(c for c in first.partition(":")[0] if not c.isdigit())


def run(scenario: Scenario) -> Finding:
    """Run it in virtual time."""
    with _uncollected():
        return _run(scenario)


def _run(scenario: Scenario) -> Finding:
    loop = VirtualLoop()
    with _seeded(scenario.seed), clock.installed(loop, _skew), tempfile.TemporaryDirectory() as top:
        play = _Play(scenario, World(scenario.seed, loop), Path(top))
        loop.set_exception_handler(lambda _, context: None)  # of those that were killed
        try:
            with _surroundings(play.world):
                loop.run_until_complete(play.run())
                loop.run_until_complete(_unwound())
        except StandstillError as exc:
            play.world.breaks(f"it does not end: {exc}")
        finally:
            with contextlib.suppress(StandstillError):
                loop.close()
    return Finding(tuple(play.world.broken), tuple(play.world.trace), tuple(play.codes))


class _Play:
    """The acts, one after the other, and what must hold after each."""

    def __init__(self, scenario: Scenario, world: World, top: Path) -> None:
        self.world = world
        self.codes: list[int | None] = []
        self._scenario = scenario
        self._stack = Stack()
        self._operators = [
            Operator(world, self._stack, top / name, is_local=scenario.is_local)
            for name in ("ann", "bob")
        ]
        world.look = self._look
        world.values = self._values

    async def run(self) -> None:
        """All acts, and then commands until all is well."""
        for number, act in enumerate(self._scenario.acts, start=1):
            await self._act(number, act)
            if self.world.broken:
                return
        await self._end(self._scenario.acts[-1])

    async def _act(self, number: int, act: Act) -> Outcome | None:
        world = self.world
        world.note("", f"— {number}. {act}")
        world.is_maimed = False
        if act.verb == "by hand":
            await byhand.meddle(world, act.choice)
            return None
        before, recorded = Snapshot.of(world), self._stack.recorded
        way_back = recorded.pin.manifest if recorded.pin else self._stack.trail.before
        process = self._process(f"{number} {act.verb}", act.faults)
        others = await self._rivals(number, act)
        outcome = await self._operators[act.computer].act(act, process)
        await asyncio.gather(*others)
        world.note(process.name, str(outcome))
        self.codes.append(outcome.code)
        if outcome.code is None or others:
            self._stack.trail.is_sure = False
        after = Snapshot.of(world)
        case = Case(act, before, after, outcome, process, recorded, way_back, is_alone=not others)
        for text in invariants.broken(case, self._stack, world):
            world.breaks(text)
        if outcome.code != HELD:
            await byhand.restart(world, outcome.to_restart)
        return outcome

    async def _rivals(self, number: int, act: Act) -> list[asyncio.Future[Any]]:
        """The other one is under way when this returns."""
        rival = act.rival
        if rival is None:
            return []
        process = self._process(f"{number} rival", rival.faults)
        computer = act.computer if rival.is_near else 1 - act.computer
        task = asyncio.ensure_future(self._operators[computer].lost(rival, process))
        while not task.done() and process.calls < rival.calls:  # noqa: ASYNC110 (virtual)
            await asyncio.sleep(0.05)
        return [task]

    async def _end(self, last: Act) -> None:
        """With all faults off: the command that died again, then the checkout's release."""
        self.world.calm()
        number = len(self._scenario.acts)
        calm = replace(last, faults={}, rival=None, is_unrecorded=False, waits=0.0)
        if self.codes and self.codes[-1] is None and last.verb != "by hand":
            number += 1
            await self._act(number, calm)
        good = replace(calm, spec=_without_undecided_gates(last.spec), verb="up")
        if self._operators[good.computer].is_pinned:
            good = replace(good, verb="forward")
        for _ in range(COMMANDS_MAX):
            if self.world.broken:
                return
            number += 1
            outcome = await self._act(number, good)
            if outcome and outcome.code == 0:
                break
            is_pinned = self._operators[good.computer].is_pinned
            good = replace(good, verb="forward" if is_pinned else "up")
        else:
            self.world.breaks(f"{COMMANDS_MAX} commands do not converge: {outcome}")
            return
        await self._is_stable(number + 1, replace(good, verb="up"))

    async def _is_stable(self, number: int, again: Act) -> None:
        """All is whole, and the same command once more finds nothing to do."""
        await asyncio.sleep(_LEASE_SECONDS)
        for text in invariants.whole(self._stack, self.world):
            self.world.breaks(text)
        if not self.world.broken:
            outcome = await self._act(number, again)
            if outcome is None or outcome.code or not outcome.is_idle:
                self.world.breaks(f"the same command again still finds something: {outcome}")

    def _values(self, manifest: str) -> dict[str, str]:
        """The secret values that a machine of a recorded release starts with."""
        ledger = self._stack.recorded
        # An entry rebuilt from machines has a guess for values; the operator was warned.
        recorded = (r for r in reversed(ledger.releases) if r.rebuilt != BY_MACHINES)
        known = (r for r in recorded if r.manifest_id == manifest)
        release = next((r for r in known if ledger.has_secrets_of(r)), None)
        return ledger.secrets_of(release) if release else {}

    async def _look(self) -> None:
        await self._operators[1].inspect(self._process("preview", {}))

    def _process(self, name: str, faults: Any) -> Process:
        return Process(name, faults, self.world.chance(name), self.world)


def _without_undecided_gates(spec: Spec) -> Spec:
    """A release that must stand: a judge that has nothing to go by would hold it, and be right."""
    if spec.is_good and spec.soak == "0s" and spec.by == "machines":
        return spec
    return replace(spec, fault="", soak="0s", strategy="bluegreen", by="machines")


# The engine reads the path of each address, of which there are few.
_URLS = functools.lru_cache(maxsize=1000)(httpx.URL)
# The same ledger is read by each run and by each look at it.
_LEDGERS = functools.lru_cache(maxsize=100)(Ledger.parse)


def _skew() -> float:
    process = CURRENT.get()
    return process.skew if process else 0.0


@contextlib.contextmanager
def _surroundings(world: World) -> Iterator[None]:
    """What the engine finds around it: clients of the app, its user, files, the screen."""

    def transport() -> httpx.AsyncBaseTransport:
        process = CURRENT.get()
        assert process is not None
        return Wire(process.line(to_proxy(world.fly)))

    with (
        mock.patch.object(web, "transport", transport),
        mock.patch.object(reach, "POLL_SECONDS", _POLL_SECONDS),
        mock.patch.object(watching, "POLL_SECONDS", _POLL_SECONDS),
        mock.patch.object(release_op, "HolderFile", WatchedFile),
        mock.patch.object(release_op, "Holder", functools.partial(Holder, pid=_PID)),
        mock.patch.object(Provenance, "read", return_value=_BY),
        mock.patch.object(effects, "Hooks", _NoHooks),
        mock.patch.object(recording, "now", clock.now),
        mock.patch.object(os, "fsync", return_value=None),
        mock.patch.object(httpx, "URL", _URLS),
        mock.patch.object(Ledger, "parse", _LEDGERS),
        mock.patch.object(stamina, "retry_context", Attempts),
        mock.patch.dict(os.environ, _plain(), clear=True),
        retries.reported_to(lambda text: None),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        yield


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector, which would take a fifth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Chance is the seed's, in all code that asks for it."""
    chance = random.Random(f"ids {seed}")
    former = random.getstate()
    random.seed(f"jitter {seed}")

    def token(nbytes: int = 32) -> str:
        return chance.randbytes(nbytes).hex()

    try:
        with (
            mock.patch.object(secrets, "token_hex", token),
            mock.patch.object(secrets, "token_urlsafe", token),
        ):
            yield
    finally:
        random.setstate(former)


class _NoHooks:
    """The user has none: they are programs, with threads and time of their own."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """See `Hooks`."""

    async def before_rollout(self) -> None:
        """See `Hooks`."""

    def __call__(self, event: Any) -> None:
        """See `Hooks`."""

    def close(self) -> None:
        """See `Hooks`."""


def _plain() -> dict[str, str]:
    """The environment without what would change a rollout."""
    return {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "USER"}}


async def _unwound() -> None:
    """Nothing of any process is left."""
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(tasks)
