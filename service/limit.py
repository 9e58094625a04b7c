"""Limits inside an application: `Depends(limit("5/m"))`, messages of a WebSocket, refunds.

They work wherever the middleware is in front, also in a wrapped application.
"""

import re
from typing import Final

from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from .limiter import (
    HeaderWriter,
    KeyFunction,
    Limiter,
    Policy,
    Quota,
    Verdict,
    by_client,
    problem_for,
)
from .middleware.rate_limit import DECIDED, LIMITER, problem_headers, request_of

_POLICY_VIOLATION: Final = 1008
_NOT_A_NAME: Final = re.compile(r"[^a-z0-9_.]+")


class LimitExceeded(HTTPException):
    """A request is over a limit. Give `problem_response` to your application for problem+json."""

    def __init__(self, verdict: Verdict, headers: dict[str, str]) -> None:
        """Carry the verdict."""
        problem = problem_for(verdict)
        super().__init__(problem.status, "Too many requests", headers)
        self.problem = problem


class Limit:
    """A limit of its own beside the policies: a dependency, or asked for each message.

    Its bucket is named after the route, by template: all of a client's requests on
    `/items/{id}` share one.
    """

    def __init__(
        self, quota: Quota, key: KeyFunction = by_client, cost: int = 1, name: str | None = None
    ) -> None:
        """See `limit`."""
        self._quota = quota
        self._key = key
        self._cost = cost
        self._name = name
        self._policies: dict[str, Policy] = {}
        self._headers = HeaderWriter()

    async def __call__(self, connection: HTTPConnection) -> None:
        """Pass, or raise: the dependency's form.

        Raises:
            LimitExceeded: for a request.
            WebSocketException: for a handshake.
        """
        verdict = await self.check(connection)
        if verdict.allowed:
            return
        if connection.scope["type"] == "websocket":
            raise WebSocketException(_POLICY_VIOLATION, "Too many requests")
        fields = self._headers.render(verdict)
        raise LimitExceeded(verdict, {name.decode(): value.decode() for name, value in fields})

    async def check(self, connection: HTTPConnection) -> Verdict:
        """Take, and say what came of it: for the messages of a WebSocket."""
        limiter: Limiter = connection.scope[LIMITER]
        request = request_of(connection.scope)
        return await limiter.check_policies(request, [self._policy(connection)])

    def _policy(self, connection: HTTPConnection) -> Policy:
        name = self._name or _name_of(connection)
        known = self._policies.get(name)
        if known is None:
            known = Policy(name, self._quota, self._key, self._cost)
            self._policies[name] = known
        return known


def limit(
    quota: str, *, key: KeyFunction = by_client, cost: int = 1, name: str | None = None
) -> Limit:
    """A limit for routes: `@app.get("/search", dependencies=[Depends(limit("5/m"))])`.

    Args:
        quota: as `Quota.parse` reads it.
        key: whose bucket.
        cost: units for each request.
        name: of the bucket and the policy; the route's template by default.
    """
    return Limit(Quota.parse(quota), key, cost, name)


async def refund(connection: HTTPConnection) -> None:
    """Give back what the policies took for this request: to count failures only, say."""
    limiter: Limiter = connection.scope[LIMITER]
    await limiter.refund(*connection.scope[DECIDED])


async def problem_response(_: Request, error: Exception) -> Response:
    """An exception handler: `app.add_exception_handler(LimitExceeded, problem_response)`."""
    if not isinstance(error, LimitExceeded):
        raise error
    headers = {name.decode(): value.decode() for name, value in problem_headers(error.problem)}
    return Response(error.problem.body, error.problem.status, {**headers, **(error.headers or {})})


def _name_of(connection: HTTPConnection) -> str:
    route = connection.scope.get("route")
    path = getattr(route, "path", None) or "route"
    return _NOT_A_NAME.sub("-", f"limit.{path}".lower()).strip("-")
