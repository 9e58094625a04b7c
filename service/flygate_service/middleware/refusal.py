"""Answers in place of the application: a problem, to a request or to a handshake."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from flygate_limiter import Problem

from flygate_service.asgi.messages import Receive, Scope, Send, respond

from .rate_limit import problem_headers

_TYPES: Final = "https://iana.org/assignments/http-problem-types"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal, ready to be sent."""

    problem: Problem
    headers: list[tuple[bytes, bytes]]


def refusal(status: int, title: str, detail: str, kind: str = "", **headers: str) -> Refusal:
    """Make one.

    Args:
        kind: of the registered problem types; none if the status says it all.
        headers: more header fields.
    """
    members = {
        "type": f"{_TYPES}#{kind}" if kind else "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
    }
    problem = Problem(status, json.dumps(members).encode())
    more = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Refusal(problem, [*problem_headers(problem), *more])


async def refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    """Send it, in the form that the scope allows."""
    problem = refusal.problem
    await respond(problem.status, refusal.headers, problem.body, scope, receive, send)
