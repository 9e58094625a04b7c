"""Carries orders to machines, and their answers back: by the app's public address, or inside."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from flygate_wire.own_paths import SHARE_ORDER
from flygate_wire.share_order import ShareState, SignedShareOrders
from flygate_wire.signature import Signatures
from flygate_wire.variables import DEFAULT_PORT

from flygate.fly.errors import FlyError
from flygate.fly.web import open_web
from flygate.redaction.redact import Redactor, shown
from flygate.rollout.errors import ShareNotAcknowledgedError
from flygate.rollout.execution import Execution
from flygate.rollout.machine.member import Member

# A machine hands its clients' limits over before it answers, for 2 seconds at most.
ANSWER_SECONDS = 5
# A machine that runs and does not answer for so long is not well.
PATIENCE_SECONDS = 15.0
POLL_SECONDS = 0.1
TEXT_MAX = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """What a machine, or what is in front of it, answered; status 0 if nothing came."""

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Sides:
    """The machines of both releases."""

    new: tuple[Member, ...]
    former: tuple[Member, ...]

    @property
    def all(self) -> tuple[Member, ...]:
        """Of both."""
        return (*self.former, *self.new)


@dataclass(frozen=True, slots=True)
class Messenger:
    """Speaks to the machines of one rollout.

    Attributes:
        cordoned: the ids of machines that the proxy does not reach: they are asked inside.
    """

    world: Execution
    web: httpx.AsyncClient
    cordoned: frozenset[str] = frozenset()

    async def known(self, members: Iterable[Member]) -> dict[str, ShareState]:
        """What each machine that runs knows, by its id; those that do not run are left out."""
        return await self._all(members, "")

    async def share(
        self, percent: int, sides: Sides, known: Iterable[ShareState], *, is_back: bool = False
    ) -> int:
        """Order that the new machines own a percentage of the clients; all follow it then.

        Those are told first that lose clients: they hand the limits over before they let go.

        Args:
            known: what the machines know.
            is_back: clients go back to the former machines.

        Returns:
            The version of the order.

        Raises:
            ShareNotAcknowledgedError: a machine does not take it.
        """
        new, former = (tuple(m.id for m in side) for side in (sides.new, sides.former))
        version = 1 + max((one.version for one in known), default=0)
        orders = SignedShareOrders(self.world.target.key, self.world.app)
        text = orders.write(version, percent, new, former)
        for side in (sides.new, sides.former) if is_back else (sides.former, sides.new):
            await self._tell(side, text, version)
        return version

    async def all_know_all(self, members: Iterable[Member]) -> dict[str, ShareState]:
        """What they know, once each that runs knows of all others that do.

        Raises:
            ShareNotAcknowledgedError: one does not learn of another.
        """
        everybody = list(members)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            known = await self.known(everybody)
            gaps = [(m, known.keys() - one.members) for m, one in known.items()]
            if not any(missing for _, missing in gaps):
                return known
            if time.monotonic() > deadline:
                who, missing = next(gap for gap in gaps if gap[1])
                raise ShareNotAcknowledgedError(
                    f"machine {who} does not know {', '.join(sorted(missing))} as a member: can "
                    "the app's machines reach each other on the private network?"
                )
            await asyncio.sleep(POLL_SECONDS)

    async def _tell(self, members: Iterable[Member], text: str, version: int) -> None:
        told = await self._all(members, text)
        if lagging := [machine for machine, known in told.items() if known.version != version]:
            raise ShareNotAcknowledgedError(
                f"machine {lagging[0]} took the order {version} and knows another one"
            )

    async def _all(self, members: Iterable[Member], order: str) -> dict[str, ShareState]:
        everybody = list(members)
        answers = await asyncio.gather(*(self._stubbornly(m, order) for m in everybody))
        pairs = zip(everybody, answers, strict=True)
        return {member.id: known for member, known in pairs if known is not None}

    async def _stubbornly(self, member: Member, order: str) -> ShareState | None:
        """Until it answers, or it turns out not to run (None)."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            reply = await self._send(member, order)
            if reply.status == 200:
                return _read(member, reply)
            if 400 <= reply.status < 500:
                raise ShareNotAcknowledgedError(_refused(member, reply, self._redact))
            if not await self._runs(member):
                return None
            if time.monotonic() > deadline:
                said = _said(reply, self._redact)
                raise ShareNotAcknowledgedError(
                    f"{member.name} (machine {member.id}) can't be told: {said}"
                )
            await asyncio.sleep(POLL_SECONDS)

    async def _send(self, member: Member, order: str) -> Reply:
        method = "POST" if order else "GET"
        signatures = Signatures(self.world.target.key)
        headers = signatures.fields(method, SHARE_ORDER, order.encode())
        if member.id in self.cordoned:
            return await self._inside(member, method, order, headers)
        forced = {**headers, "fly-force-instance-id": member.id}
        try:
            answer = await self.web.request(
                method, SHARE_ORDER, content=order, headers=forced, timeout=ANSWER_SECONDS
            )
        except httpx.HTTPError as exc:
            return Reply(0, type(exc).__name__)
        return Reply(answer.status_code, answer.text)

    async def _inside(
        self, member: Member, method: str, order: str, headers: dict[str, str]
    ) -> Reply:
        script = Path(__file__).with_name("errand.py").read_text(encoding="utf-8")
        asked = {
            "port": self.world.target.manifest.web_port or DEFAULT_PORT,
            "timeout": ANSWER_SECONDS,
            "method": method,
            "path": SHARE_ORDER,
            "body": order,
            "headers": headers,
        }
        command = ["python", "-c", script, json.dumps(asked)]
        try:
            result = await self.world.fly.exec(
                self.world.app, member.id, command, 2 * ANSWER_SECONDS, repeatable=True
            )
            told = json.loads(result.stdout)
            return Reply(int(told["status"]), str(told["body"]))
        except FlyError as exc:
            return Reply(0, str(exc))
        except (ValueError, KeyError):
            said = self._redact(result.stderr or result.stdout)
            last = said.strip().splitlines()[-1:]
            return Reply(0, last[0] if last else "no output")

    @property
    def _redact(self) -> Redactor:
        return self.world.journal.redact

    async def _runs(self, member: Member) -> bool:
        try:
            machine = await self.world.fly.machine(self.world.app, member.id)
        except FlyError:
            return False
        return machine.state == "started"


@asynccontextmanager
async def messenger(world: Execution, cordoned: Iterable[Member] = ()) -> AsyncIterator[Messenger]:
    """A messenger for a while."""
    async with open_web(world.target.url) as web:
        yield Messenger(world, web, frozenset(member.id for member in cordoned))


def _read(member: Member, reply: Reply) -> ShareState:
    try:
        return ShareState.parse(reply.text)
    except ValueError as exc:
        raise ShareNotAcknowledgedError(
            f"{member.name} (machine {member.id}) answers {exc}"
        ) from None


def _said(reply: Reply, redact: Redactor) -> str:
    return shown(" ".join(redact(reply.text).split()), TEXT_MAX)


def _refused(member: Member, reply: Reply, redact: Redactor) -> str:
    who = f"{member.name} (machine {member.id})"
    if reply.status == 404:
        return (
            f"{who} knows of no shares of clients: sticky sessions are off in its release, or it "
            "is older than them. Release this once by machines: "
            "pulumi config set --path rollout.by machines"
        )
    return f"{who} refuses the order with {reply.status}: {_said(reply, redact)}"
