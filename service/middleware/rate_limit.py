"""May it pass: asks the limiter, and answers those who may not."""

from collections.abc import Awaitable
from functools import partial

from service.asgi import App, Message, Receive, Scope, Send, header
from service.limiter import HeaderWriter, Limiter, Request, Verdict, client_key, problem_for
from service.limiter.problem import CONTENT_TYPE


class RateLimitMiddleware:
    """Refuses what is over a limit, and tells the others where they stand."""

    def __init__(self, app: App, limiter: Limiter) -> None:
        """Wrap `app`."""
        self._app = app
        self._limiter = limiter
        self._headers = HeaderWriter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let pass with the RateLimit fields, or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        verdict = await self._limiter.check(_request(scope))
        if not verdict.allowed:
            await self._refuse(verdict, send)
        elif not verdict.results:
            await self._app(scope, receive, send)
        else:
            await self._app(scope, receive, self._with_fields(verdict, send))

    def _with_fields(self, verdict: Verdict, send: Send) -> Send:
        fields = self._headers.render(verdict)

        # Not a coroutine itself: it hands on the one of `send`, which saves a frame for each
        # message of a streamed answer.
        def send_with_fields(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *fields]
            return send(message)

        return send_with_fields

    async def _refuse(self, verdict: Verdict, send: Send) -> None:
        problem = problem_for(verdict)
        headers = [
            (b"content-type", CONTENT_TYPE),
            (b"content-length", b"%d" % len(problem.body)),
            (b"cache-control", b"no-store"),
            *self._headers.render(verdict),
        ]
        start = {"type": "http.response.start", "status": problem.status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": problem.body})


def _request(scope: Scope) -> Request:
    client = scope["client"]
    address = client[0] if client else ""
    look_up = partial(_header, scope)
    return Request(client_key(address), scope["method"], scope["path"], address, look_up)


def _header(scope: Scope, name: str) -> str | None:
    return header(scope, name.encode("latin-1"))
