"""The verbs of an operator, from a computer of their own, with a small model of Pulumi around."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flygate.commands import recovery
from flygate.commands import redis as redis_op
from flygate.commands import release as release_op
from flygate.commands.decision import Newest
from flygate.commands.inspection import InspectionRequest, inspect
from flygate.commands.orders import Back, Orders
from flygate.commands.request import ReleaseRequest
from flygate.commands.unrecorded import UnrecordedRequest, find
from flygate.commands.workspace import Workspace
from flygate.config import Pin
from flygate.config.redis import URL
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.fly.leases import Leases
from flygate.fly.pace import Pace
from flygate.fly.redis import RedisSpec
from flygate.fly.retries import RetryBudget
from flygate.program.way_back import WayBack
from flygate.record import pinning
from flygate.record.journal import Event
from flygate.record.ledger import Ledger
from flygate.rollout.errors import NothingHeldError, RolloutHeldError, RolloutRestoredError
from flygate.rollout.state import CANDIDATE, observe
from flygate.system.errors import FlygateError

from tests.simulation.clock import now
from tests.simulation.process import CrashedError, Process
from tests.simulation.scenario import Act, Rival
from tests.simulation.spec import APP, Spec
from tests.simulation.stack import OWNER, Stack, StackFile
from tests.simulation.wire import ShortWire, Wire, to_api
from tests.simulation.world import CANARY, World

_LOCAL = Endpoints("http://127.0.0.1:1", "http://127.0.0.1:1", "token")
_REMOTE = Endpoints("https://api.fly.test", "https://api.machines.test", "token")
HELD = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command.

    Attributes:
        code: its exit code; None if it died.
        text: its last words.
        is_idle: nothing was to be done, so nothing was run.
        warnings: that it reported on its way.
        to_restart: the ids of the machines that an operator was reported to start anew.
        bug: an error that is not a FlygateError.
    """

    code: int | None
    text: str = ""
    is_idle: bool = False
    warnings: tuple[str, ...] = ()
    bug: str = ""
    to_restart: frozenset[str] = frozenset()

    def __str__(self) -> str:
        code = "dies" if self.code is None else f"exit {self.code}"
        return f"{code}{' (nothing to do)' if self.is_idle else ''} {self.text or self.bug}".strip()


class Operator:
    """A person at a computer.

    Args:
        root: the checkout; its journal and its lock are there.
    """

    def __init__(self, world: World, stack: Stack, root: Path, *, is_local: bool) -> None:
        self._world = world
        self._stack = stack
        self._root = root
        self._endpoints = _LOCAL if is_local else _REMOTE
        self._file = StackFile()

    @property
    def is_pinned(self) -> bool:
        """By the file here, or for all checkouts."""
        return self._file.pin is not None or self._stack.recorded.pin is not None

    async def act(self, act: Act, process: Process) -> Outcome:
        """Type a command, and read what becomes of it."""
        return await self._run(act, process)

    async def lost(self, rival: Rival, process: Process) -> Outcome:
        """A release whose result is not kept: its Pulumi was killed."""
        return await self._run(Act("up", rival.spec, is_unrecorded=True), process)

    async def inspect(self, process: Process) -> None:
        """A preview, which changes nothing."""
        fly = _client(self._endpoints, process, self._world)
        request = InspectionRequest(
            app=APP, owner=OWNER, known=self._stack.recorded.next_version - 1
        )
        try:
            await process.run(inspect(request, fly))
        except FlygateError as exc:
            self._world.note(process.name, f"preview: {exc}")
        except Exception as exc:  # whatever it is, it is worth telling
            self._world.breaks(f"preview: {exc!r}")

    async def _run(self, act: Act, process: Process) -> Outcome:
        world, stack = self._world, self._stack
        fly = _client(self._endpoints, process, world)
        run = _Run(world, stack, process, act, file=self._file, root=self._root, fly=fly)
        outcome = await _reported(process, run.command, run.warnings)
        return replace(outcome, to_restart=_to_restart([*run.reported, *run.warnings]))


class _Run:
    """One command."""

    def __init__(
        self,
        world: World,
        stack: Stack,
        process: Process,
        act: Act,
        *,
        file: StackFile,
        root: Path,
        fly: FlyClient,
    ) -> None:
        self.warnings: list[str] = []
        self.reported: list[str] = []
        self._world = world
        self._stack = stack
        self._file = file
        self._process = process
        self._act = act
        self._fly = fly
        self._root = root

    async def command(self) -> bool:
        """The command of the act; False if there was nothing to do."""
        waits = self._act.waits
        match self._act.verb:
            case "rollback":
                order = Back(by="ann@laptop", at=now())
                chosen = await self._chosen(order)
                return await self._pinned(chosen.pin, Orders(back=order, wait_seconds=waits))
            case "forward":
                orders = Orders(forward=True, wait_seconds=waits)
                is_pinned = self._file.pin or self._stack.recorded.pin
                return bool(is_pinned) and await self._pinned(None, orders)
            case "proceed":
                await self._check_held()
                return await self._up(Orders(accept="good enough"), self._file.pin)
            case "abort":
                await self._check_held()
                return await self._abort()
        pin = pinning.holding(self._file.pin, self._stack.recorded, "simulated")
        return await self._up(Orders(wait_seconds=waits), pin)

    async def _chosen(self, order: Back) -> WayBack:
        """As the Pulumi program chooses it."""
        ledger = self._stack.recorded
        asked = UnrecordedRequest(app=APP, known=ledger.next_version - 1)
        seen = await find(asked, self._fly)
        return WayBack.of(order, ledger, Newest(seen.version, seen.manifest))

    async def _pinned(self, pin: Pin | None, orders: Orders) -> bool:
        """As `flygate/cli/stack/pin.py` does it: the file says what became of it, or is held."""
        try:
            done = await self._up(orders, pin)
        except RolloutHeldError:
            self._file.pin = pin
            raise
        self._file.pin = pin
        return done

    async def _abort(self) -> bool:
        """As `flygate/cli/verbs/abort.py` does it: a held rollback has written down its pin."""
        try:
            return await self._up(Orders(abort="odd"), self._file.pin)
        except RolloutRestoredError:
            self._file.pin = self._stack.recorded.pin
            raise

    async def _check_held(self) -> None:
        state = await observe(self._fly, APP)
        if not any(m.role == CANDIDATE for m in state.machines):
            raise NothingHeldError("there is nothing to decide")

    async def _up(self, orders: Orders, pin: Pin | None) -> bool:
        """`pulumi up`: the program looks, then the Commands run whose inputs are other ones."""
        stack, spec = self._stack, self._act.spec
        attached = await self._attached(spec, pin)
        values = {} if pin else spec.secrets()
        secrets = {**values, **attached}
        known = stack.recorded.next_version - 1
        asked = InspectionRequest(app=APP, org="personal", owner=OWNER, known=known)
        seen = await inspect(asked, self._fly)
        self.reported += seen.found
        request = ReleaseRequest(
            app=APP,
            content=pin or spec.manifest(tuple(secrets)),
            drift=seen.drift,
            attached=(URL,) if attached else (),
            owner=OWNER,
        )
        inputs = f"{request.model_dump_json()} {sorted(secrets.items())}"
        if inputs == stack.inputs:
            return False
        workspace = Workspace(self._root, self._fly, orders, listeners=(self._hears(),))
        found = recovery.recover(stack.result, request, workspace)
        ledger = await release_op.release(request, secrets, found, workspace)
        self._keep(ledger, inputs)
        return True

    def _keep(self, ledger: Ledger, inputs: str) -> None:
        """Pulumi writes the result down, unless it has ended meanwhile."""
        if self._process.is_dead or self._act.is_unrecorded:
            raise CrashedError(self._process.name)
        self._stack.keep(ledger, inputs, self._act.verb)

    async def _attached(self, spec: Spec, pin: Pin | None) -> dict[str, str]:
        """The database is made where the phase needs one, and stays from then on."""
        if spec.needs_redis and not pin and not self._stack.redis_url:
            wish = RedisSpec(f"{APP}-redis", "personal", "fixed_250mb", "iad")
            request = redis_op.RedisRequest(app=APP, wish=wish, owner=OWNER)
            self._stack.redis_url = (await redis_op.ensure(request, self._fly)).url
        return {URL: self._stack.redis_url} if self._stack.redis_url else {}

    def _hears(self) -> Callable[[Event], None]:
        """What a run that was lost had set, and no record knows, nothing can mask."""
        process, world = self._process, self._world
        values = [*self._act.spec.secrets(self._stack.redis_url).values()]
        values += [value for value in self._stack.ledger.all_values if value]

        def hear(event: Event) -> None:
            if process.is_dead:
                return
            text = f"{event.kind} {event.stage}: {event.text}"
            if event.kind == "warning" and event.stage != "fly":  # that is a call repeated
                self.warnings.append(event.text)
            if event.kind != "sample":
                world.note(process.name, text)
            shown = f"{text} {event.data if event.kind != 'sample' else ''}"
            if CANARY in shown and any(value in shown for value in values):
                world.breaks("a secret in the journal")

        return hear


async def _reported(
    process: Process, command: Callable[[], Coroutine[Any, Any, bool]], warnings: list[str]
) -> Outcome:
    """Run a command as `flygate/cli/verbs/op.py` does: an error's class has the exit code."""
    try:
        is_done = await process.run(command())
    except CrashedError:
        return Outcome(None, warnings=tuple(warnings))
    except asyncio.CancelledError:
        return Outcome(1, "interrupted before anything was changed", warnings=tuple(warnings))
    except FlygateError as exc:
        return Outcome(exc.exit_code, str(exc), warnings=tuple(warnings))
    except Exception as exc:  # whatever it is, it is worth telling
        return Outcome(1, warnings=tuple(warnings), bug=repr(exc))
    return Outcome(0, is_idle=not is_done, warnings=tuple(warnings))


def _to_restart(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(re.findall(r"`fly machine restart (\w+)", " ".join(texts)))


def _client(endpoints: Endpoints, process: Process, world: World) -> FlyClient:
    loop = asyncio.get_running_loop()
    wire = process.line(to_api(world.fly))
    # Their own clocks are those of before virtual time began.
    pace, budget = Pace(clock=loop.time), RetryBudget(clock=loop.time)
    client = FlyClient(endpoints, transport=Wire(wire), pace=pace, retry_budget=budget)
    client.leases = Leases((time.monotonic, time.time))
    client._session._http = ShortWire(wire)  # type: ignore[assignment]
    return client
