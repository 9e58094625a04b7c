"""Limits inside an application: `Depends(limit("5/m"))`, messages of a WebSocket, refunds.

They work wherever the middleware is in front, also in a wrapped application.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from flygate_limiter import (
    HeaderWriter,
    KeyFunction,
    Limiter,
    Policy,
    PolicyError,
    Quota,
    UserKeyFunction,
    Verdict,
    by_client,
    problem_for,
    window,
)
from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from .asgi.messages import POLICY_VIOLATION
from .asgi.route_name import route_name
from .asgi.scope_keys import DECIDED, LIMITER
from .middleware.rate_limit import problem_headers, request_of

# Where the limits that a request has met so far are, by the name of their route.
_MET: Final = "flygate.limits"


# While a service is built that counts so: a limit that it can't count is refused where it is made.
_COUNTS_BY_WINDOWS: Final[ContextVar[bool]] = ContextVar("counts_by_windows", default=False)


@contextmanager
def counted_by_windows(is_window: bool) -> Iterator[None]:
    """Let the limits that are made meanwhile be those of sliding windows, or of buckets."""
    token = _COUNTS_BY_WINDOWS.set(is_window)
    try:
        yield
    finally:
        _COUNTS_BY_WINDOWS.reset(token)


class LimitExceeded(HTTPException):
    """A request is over a limit. Give `problem_response` to your application for problem+json."""

    def __init__(self, verdict: Verdict, headers: dict[str, str]) -> None:
        """Carry the verdict."""
        problem = problem_for(verdict)
        super().__init__(problem.status, "Too many requests", headers)
        self.problem = problem


class Limit:
    """A limit of its own beside the policies: a dependency, or asked for each message.

    Its bucket is named after the route: its methods, the mounts that lead to it, and its template.
    So all of a client's requests on `/items/{id}` share one, and those on another route do not.
    """

    def __init__(
        self, quota: Quota, key: KeyFunction = by_client, cost: int = 1, name: str | None = None
    ) -> None:
        """Check the arguments, which are those of `limit`."""
        if _COUNTS_BY_WINDOWS.get():
            window.check(quota, cost)
        elif cost > quota.burst:
            raise PolicyError(f"no request can pass; it costs {cost}, and '{quota}' never has that")
        key = key if key is by_client else UserKeyFunction(key)
        Policy(
            name or "limit", quota, key, cost
        )  # a mistake is raised here, not at a client's request
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
            raise WebSocketException(POLICY_VIOLATION, "Too many requests")
        fields = self._headers.render(verdict)
        raise LimitExceeded(verdict, {name.decode(): value.decode() for name, value in fields})

    async def check(self, connection: HTTPConnection) -> Verdict:
        """Take, and say what came of it: for the messages of a WebSocket."""
        limiter: Limiter = connection.scope[LIMITER]
        request = request_of(connection.scope)
        if limiter.policies.allows(request):
            return Verdict(True, ())
        return await limiter.check_policies(request, [self._policy(connection, limiter)])

    def _policy(self, connection: HTTPConnection, limiter: Limiter) -> Policy:
        name = self._name or self._name_on(connection)
        known = self._policies.get(name)
        if known is None:
            known = Policy(name, self._quota, self._key, self._cost)
            limiter.use(known)
            self._policies[name] = known
        return known

    def _name_on(self, connection: HTTPConnection) -> str:
        """After the route; with a number, if it is not the first limit that the route has."""
        name = f"limit.{route_name(connection.scope)}"
        met = connection.scope.setdefault(_MET, {}).setdefault(name, [])
        if self not in met:
            met.append(self)
        place = met.index(self)
        return f"{name}.{place + 1}" if place else name


def limit(
    quota: str, *, key: KeyFunction = by_client, cost: int = 1, name: str | None = None
) -> Limit:
    """Return a limit for routes: `@app.get("/search", dependencies=[Depends(limit("5/m"))])`.

    Args:
        quota: as `Quota.parse` reads it.
        key: whose bucket.
        cost: units for each request.
        name: of the bucket and the policy; the route's by default. Limits that are given the same
            name share their buckets.

    Raises:
        LimiterError: one of them makes no sense.
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
