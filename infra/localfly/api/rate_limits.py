"""How often each action of the Machines API may be requested (docs/fly-api.md 2.1): per action and
machine, or per action and app where there is no machine yet.
"""

import re
from dataclasses import dataclass
from typing import Final

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from localfly.timing.clock import Clock

_MACHINE: Final = re.compile(
    r"/v1/apps/(?P<app>[^/]+)/machines/(?P<machine>[^/]+)(?P<action>/[^/]+)?.*"
)
_APP: Final = re.compile(r"/v1/apps/(?P<app>[^/]+)(?P<action>/[^/]+)?.*")
_SECOND: Final = 1_000_000_000  # nanoseconds: sums of whole numbers don't drift
_FORGET: Final = 120 * _SECOND
_FORGET_ABOVE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Rate:
    per_second: float
    burst: int


DEFAULT: Final = Rate(1, 3)
GET_MACHINE: Final = Rate(5, 10)
DELETE_APP: Final = Rate(100 / 60, 100)


@dataclass(frozen=True, slots=True)
class Action:
    """What is limited: an action on one machine or app."""

    name: str
    identifier: str
    rate: Rate


class RateLimits:
    """The theoretical arrival time of each action's next request (GCRA)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: dict[Action, int] = {}

    def take(self, method: str, path: str) -> bool:
        """Return whether the request may pass; only one that may is counted."""
        action = action_of(method, path)
        if action is None:
            return True
        now, interval = int(self._clock() * _SECOND), int(_SECOND / action.rate.per_second)
        due = max(now, self._due.get(action, now))
        if due - now > interval * (action.rate.burst - 1):
            return False
        self._due[action] = due + interval
        if len(self._due) > _FORGET_ABOVE:
            self._due = {one: at for one, at in self._due.items() if at > now - _FORGET}
        return True


def action_of(method: str, path: str) -> Action | None:
    """Return the action of a request to the Machines API; None for other paths."""
    if found := _MACHINE.fullmatch(path):
        name, identifier = f"{method} machine{found['action'] or ''}", found["machine"]
        return Action(name, identifier, GET_MACHINE if name == "GET machine" else DEFAULT)
    if found := _APP.fullmatch(path):
        name = f"{method} app{found['action'] or ''}"
        return Action(name, found["app"], DELETE_APP if name == "DELETE app" else DEFAULT)
    return None


class RateLimitMiddleware:
    """ASGI middleware that answers 429."""

    def __init__(self, app: ASGIApp, limits: RateLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        may_pass = scope["type"] != "http" or self._limits.take(scope["method"], scope["path"])
        await (self._app if may_pass else _TOO_OFTEN)(scope, receive, send)


_TOO_OFTEN: Final = JSONResponse({"error": "rate limit exceeded", "status": "unknown"}, 429)
