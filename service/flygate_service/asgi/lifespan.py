"""The service's start and end, and with them those of the application it wraps."""

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from .messages import App, Message, Receive, Scope, Send
from .readiness import Readiness


class Lifespan:
    """The outermost ASGI application: ready as soon as the one inside says so.

    An application that does not know the lifespan protocol is ready at once. `resources` are
    entered before the application starts, and left after it has shut down.
    """

    def __init__(
        self,
        app: App,
        readiness: Readiness,
        resources: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        """Wrap `app`."""
        self._app = app
        self._readiness = readiness
        self._resources = resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run a lifespan; hand everything else on."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        run = _LifespanRun(self._app, self._readiness, receive, send)
        async with self._resources():
            await run.run(scope)
        await run.end()


class _LifespanRun:
    """One run, from startup to shutdown."""

    def __init__(self, app: App, readiness: Readiness, receive: Receive, send: Send) -> None:
        self._app = app
        self._readiness = readiness
        self._outer_receive = receive
        self._outer_send = send
        self._was_asked = False
        self._has_answered = False
        self._last_word: Message | None = None

    async def run(self, scope: Scope) -> None:
        try:
            await self._app(scope, self._receive, self._send)
        except Exception as exc:
            if self._has_answered:
                raise
            logging.getLogger("flygate_service").info("the application has no lifespan: %r", exc)
        if not self._has_answered:
            await self._run_alone()

    async def end(self) -> None:
        """Say that all is shut down; the server ends the process when it hears that."""
        if self._last_word is not None:
            await self._outer_send(self._last_word)

    async def _receive(self) -> Message:
        message = await self._outer_receive()
        self._was_asked = True
        return message

    async def _send(self, message: Message) -> None:
        self._has_answered = True
        if message["type"] == "lifespan.startup.complete":
            self._readiness.started = True
        if message["type"].startswith("lifespan.shutdown."):
            self._last_word = message  # the resources are in use still
        else:
            await self._outer_send(message)

    async def _run_alone(self) -> None:
        if not self._was_asked:
            await self._outer_receive()
        await self._send({"type": "lifespan.startup.complete"})
        await self._outer_receive()
        await self._send({"type": "lifespan.shutdown.complete"})
