"""The client of a deployed service's admin API: one act on each machine, by its name.

Requests go through the app's public address. The proxy hands each to the machine that it names.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from flygate_wire.own_paths import ADMIN
from flygate_wire.variables import ADMIN_TOKEN_LENGTH_MIN, Variable

from flygate.fly.endpoints import is_loopback
from flygate.fly.web import open_web
from flygate.redaction.redact import Redactor
from flygate.system.errors import ConfigError

TOKEN = Variable.ADMIN_TOKEN.value

_VISIBLE = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Act:
    """What to ask of a machine.

    Attributes:
        parameters: of the query.
    """

    method: str
    path: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one machine answered.

    Attributes:
        content: its answer, empty if there was a problem.
        problem: why it did not do it, and what to do; empty if it did.
    """

    machine: str
    content: dict[str, Any] = field(default_factory=dict)
    problem: str = ""


def check_token(token: str) -> str:
    """The token, if a service takes such a one and a header can carry it.

    Raises:
        ConfigError: it is too short, or has blanks or other letters than ASCII.
    """
    if len(token) >= ADMIN_TOKEN_LENGTH_MIN and _VISIBLE.fullmatch(token):
        return token
    raise ConfigError(
        f"The secret {TOKEN} must have {ADMIN_TOKEN_LENGTH_MIN} ASCII characters or more and no "
        "blanks."
    )


class AdminClient:
    """Asks the machines of an app.

    Args:
        url: the app's public address.
        token: the admin token; never printed, and sent over HTTPS or to this computer only.
        hidden: what else must not be read in an answer.

    Raises:
        ConfigError: the address would send the token unencrypted over a network.
    """

    def __init__(self, url: str, token: str, hidden: Iterable[str] = ()) -> None:
        if not url.startswith("https://") and not is_loopback(url):
            raise ConfigError(f"{url} is not encrypted; the admin token is sent over HTTPS only.")
        self._url = url
        self._token = token
        self._redact = Redactor([token, *hidden])

    async def ask(self, machines: Sequence[str], act: Act) -> list[Answer]:
        """Send an act to all machines at the same time; return their answers in their order."""
        async with open_web(self._url) as web:
            return list(await asyncio.gather(*(self._ask(web, id_, act) for id_ in machines)))

    async def _ask(self, web: httpx.AsyncClient, machine: str, act: Act) -> Answer:
        try:
            answer = await web.request(
                act.method,
                f"{ADMIN}{act.path}",
                params=dict(act.parameters),
                headers={
                    "Authorization": f"Bearer {self._token}",
                    "fly-force-instance-id": machine,
                },
            )
        except httpx.HTTPError as exc:
            reason = self._redact(f"{type(exc).__name__} {exc}".strip())
            return Answer(machine, problem=f"no answer ({reason}); see `flygate status`")
        return self._read(machine, answer)

    def _read(self, machine: str, answer: httpx.Response) -> Answer:
        body = _object(answer)
        if answer.status_code == 200 and body is not None:
            return Answer(machine, content=self._redact.data(body))
        return Answer(machine, problem=self._redact(_problem(answer, body or {})))


def _problem(answer: httpx.Response, body: Mapping[str, Any]) -> str:
    """Say why a machine did not do it, and what to do."""
    reason = str(body.get("error") or answer.reason_phrase or "no reason given")
    return {
        400: reason,
        401: f"does not take the stack's {TOKEN}; its release has another one. Deploy: pulumi up",
        403: "refuses this computer's address; see `deny` in its policies",
        404: f"has no admin API; its release runs without {TOKEN}. Deploy: pulumi up",
        429: "this computer is over its own limit there; try again in "
        f"{answer.headers.get('retry-after', 'some')} seconds",
    }.get(answer.status_code, f"answered {answer.status_code}: {reason}")


def _object(answer: httpx.Response) -> dict[str, Any] | None:
    try:
        body = answer.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
