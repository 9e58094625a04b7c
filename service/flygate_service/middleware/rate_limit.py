"""May it pass: asks the limiter, and answers those who may not."""

from collections.abc import Awaitable
from functools import partial
from typing import Final

from flygate_limiter import (
    HeaderWriter,
    Limiter,
    Policy,
    Problem,
    Request,
    Verdict,
    client_key,
    problem_for,
)
from flygate_limiter.headers import Fields
from flygate_limiter.problem import CONTENT_TYPE

from flygate_service.asgi.messages import (
    App,
    Headers,
    Message,
    Receive,
    Scope,
    Send,
    first_value,
    respond,
)
from flygate_service.asgi.scope_keys import CHECK, DECIDED, LIMITER, SHARE

from .cors import is_preflight

_LIMITED: Final = frozenset({"http", "websocket"})
_HEADS: Final = frozenset({"http.response.start", "websocket.accept"})


class RateLimitMiddleware:
    """Refuses what is over a limit, and adds the RateLimit fields to the other answers.

    Requests and WebSocket handshakes alike; what is sent over an open WebSocket is for the
    application to limit (`flygate_service.limits`).

    Args:
        app: what comes next.
        limiter: decides.
        preflights: what CORS preflights are charged to, and to nothing else; None if they are
            requests like others. A browser sends them on its own account, before the page's
            requests; but they must not be a way round the limits.
    """

    def __init__(self, app: App, limiter: Limiter, preflights: Policy | None = None) -> None:
        """Wrap `app`."""
        self._app = app
        self._limiter = limiter
        self._preflights = preflights
        self._render = HeaderWriter().render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let pass with the RateLimit fields, or refuse."""
        if scope["type"] not in _LIMITED:
            await self._app(scope, receive, send)
            return
        limiter, request = self._limiter, request_of(scope)
        if request.method == "OPTIONS" and is_preflight(scope["headers"]):
            policy = self._preflight_policy(request)
            if policy is not None:
                await self._let_ask(policy, request, scope, receive, send)
                return
        if CHECK in scope:
            verdict = await scope[CHECK](limiter, request)
        else:
            # What need not wait costs no coroutine.
            instant = limiter.is_instant
            verdict = limiter.check_now(request) if instant else await limiter.check(request)
        if not verdict.allowed:
            await self._refuse(verdict, scope, receive, send)
            return
        scope[LIMITER] = limiter
        scope[DECIDED] = (request, verdict)
        if verdict.results:
            send = _with_fields(self._render(verdict), send)
        await self._app(scope, receive, send)

    def _preflight_policy(self, request: Request) -> Policy | None:
        """Return what a preflight is charged to; None if it is a request like others, or exempt."""
        policies = self._limiter.policies
        if policies.denies(request):
            return None
        matched = policies.match(request)
        # A policy that names the method means preflights, too.
        named = any(route.method == "OPTIONS" for policy in matched for route in policy.routes)
        return self._preflights if matched and not named else None

    async def _let_ask(
        self, policy: Policy, request: Request, scope: Scope, receive: Receive, send: Send
    ) -> None:
        verdict = await self._limiter.check_policies(request, [policy])
        if not verdict.allowed:
            await self._refuse(verdict, scope, receive, send)
            return
        scope[LIMITER] = self._limiter
        scope[DECIDED] = (request, verdict)
        await self._app(scope, receive, send)

    async def _refuse(self, verdict: Verdict, scope: Scope, receive: Receive, send: Send) -> None:
        problem = problem_for(verdict)
        headers = [*problem_headers(problem), *self._render(verdict)]
        await respond(problem.status, headers, problem.body, scope, receive, send)


def _with_fields(fields: Fields, send: Send) -> Send:
    # Not a coroutine itself: it hands on the one of `send`, which saves a frame for each message
    # of a streamed answer.
    def send_with_fields(message: Message) -> Awaitable[None]:
        if message["type"] in _HEADS:
            message["headers"] = [*message.get("headers", ()), *fields]
        return send(message)

    return send_with_fields


def problem_headers(problem: Problem) -> Fields:
    """Return the header fields of a refusal, without the limiter's own."""
    return [
        (b"content-type", CONTENT_TYPE),
        (b"content-length", b"%d" % len(problem.body)),
        (b"cache-control", b"no-store"),
    ]


def request_of(scope: Scope) -> Request:
    """Return what the limiter knows of a request or a handshake."""
    client = scope["client"]
    address = client[0] if client else ""
    method = scope.get("method", "GET")  # a handshake is one, and does not say so
    # Not the scope itself: it will hold the request, and a ring of references is left to the
    # garbage collector, which costs several times what the limiter does.
    look_up = partial(_header, scope["headers"])
    share = scope.get(SHARE, 1)
    return Request(client_key(address), method, scope["path"], address, look_up, share)


def _header(headers: Headers, name: str) -> str | None:
    return first_value(headers, name.encode("latin-1"))
