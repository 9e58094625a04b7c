"""Carries orders to machines, and their answers back: by the app's public address, or inside."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from flygate_wire.own_paths import SHARE_ORDER
from flygate_wire.share_order import ShareState
from flygate_wire.signature import Signatures
from flygate_wire.variables import DEFAULT_PORT

from flygate.fly.errors import FlyError
from flygate.fly.web import open_web
from flygate.redaction.redact import Redactor, shown
from flygate.rollout.errors import ShareNotAcknowledgedError
from flygate.rollout.execution import Execution
from flygate.rollout.machine.member import Member
from flygate.system.polling import poll

# A machine hands its clients' limits over before it answers, for 2 seconds at most.
ANSWER_SECONDS: Final = 5
# A machine that runs and does not answer for this long is not well.
PATIENCE_SECONDS: Final = 15.0
POLL_SECONDS: Final = 0.1
TEXT_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """What a machine, or what is in front of it, answered; status 0 if nothing came."""

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Messenger:
    """Speaks to the machines of one rollout.

    Attributes:
        cordoned: the ids of machines that the proxy does not reach: an errand runs inside them.
    """

    execution: Execution
    web: httpx.AsyncClient
    cordoned: frozenset[str] = frozenset()

    async def ask(self, members: Iterable[Member], order: str = "") -> dict[str, ShareState]:
        """Return what each machine that runs knows, by its id, once it has taken an order.

        Args:
            order: as it is signed; empty to ask only.

        Raises:
            ShareNotAcknowledgedError: a machine that runs refuses it, or does not answer.
        """
        receivers = list(members)
        answers = await asyncio.gather(*(self._with_retries(m, order) for m in receivers))
        pairs = zip(receivers, answers, strict=True)
        return {member.id: known for member, known in pairs if known is not None}

    async def _with_retries(self, member: Member, order: str) -> ShareState | None:
        """Ask until the machine answers; return None if it turns out not to run."""
        answer = await poll(
            lambda: self._attempt(member, order),
            lambda answer: not isinstance(answer, Reply),
            every=POLL_SECONDS,
            within=PATIENCE_SECONDS,
        )
        if isinstance(answer, Reply):
            text = _shown(answer, self._redact)
            raise ShareNotAcknowledgedError(
                f"{member.name} (machine {member.id}) does not answer: {text}"
            )
        return answer

    async def _attempt(self, member: Member, order: str) -> ShareState | Reply | None:
        """Return what the machine knows, None if it does not run, or the reply to ask again for."""
        reply = await self._send(member, order)
        if reply.status == 200:
            return _read(member, reply)
        if 400 <= reply.status < 500:
            raise ShareNotAcknowledgedError(_refused(member, reply, self._redact))
        return reply if await self._runs(member) else None

    async def _send(self, member: Member, order: str) -> Reply:
        method = "POST" if order else "GET"
        key = self.execution.target.key
        headers = Signatures(key).fields(method, SHARE_ORDER, order.encode())
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
        arguments = {
            "port": self.execution.target.manifest.web_port or DEFAULT_PORT,
            "timeout": ANSWER_SECONDS,
            "method": method,
            "path": SHARE_ORDER,
            "body": order,
            "headers": headers,
        }
        command = ["python", "-c", script, json.dumps(arguments)]
        try:
            result = await self.execution.fly.exec(
                self.execution.app, member.id, command, 2 * ANSWER_SECONDS, repeatable=True
            )
            answer = json.loads(result.stdout)
            return Reply(int(answer["status"]), str(answer["body"]))
        except FlyError as exc:
            return Reply(0, str(exc))
        except (ValueError, KeyError):
            output = self._redact(result.stderr or result.stdout)
            last = output.strip().splitlines()[-1:]
            return Reply(0, last[0] if last else "no output")

    @property
    def _redact(self) -> Redactor:
        return self.execution.journal.redact

    async def _runs(self, member: Member) -> bool:
        try:
            machine = await self.execution.fly.machine(self.execution.app, member.id)
        except FlyError:
            return False
        return machine.state == "started"


@asynccontextmanager
async def messenger(
    execution: Execution, cordoned: Iterable[Member] = ()
) -> AsyncIterator[Messenger]:
    """Give a messenger while the body runs."""
    async with open_web(execution.target.url) as web:
        yield Messenger(execution, web, frozenset(member.id for member in cordoned))


def _read(member: Member, reply: Reply) -> ShareState:
    try:
        return ShareState.parse(reply.text)
    except ValueError as exc:
        raise ShareNotAcknowledgedError(
            f"{member.name} (machine {member.id}) answers {exc}"
        ) from None


def _shown(reply: Reply, redact: Redactor) -> str:
    return shown(" ".join(redact(reply.text).split()), TEXT_MAX)


def _refused(member: Member, reply: Reply, redact: Redactor) -> str:
    who = f"{member.name} (machine {member.id})"
    if reply.status == 404:
        return (
            f"{who} knows of no shares of clients: sticky sessions are off in its release, or it "
            "is older than them. Release this once by machines: "
            "pulumi config set --path rollout.by machines"
        )
    return f"{who} refuses the order with {reply.status}: {_shown(reply, redact)}"
