"""The server of the API, in the daemon's event loop."""

import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Final

import uvicorn
from fastapi import FastAPI

from localfly.errors import StartupError
from localfly.faults.injector import AbortableProtocol
from localfly.timing.background import BackgroundTasks
from localfly.timing.polling import poll_async

_POLL_SECONDS: Final = 0.005


@contextlib.asynccontextmanager
async def serving(api: FastAPI, listener: socket.socket) -> AsyncIterator[None]:
    """Serve the API on the socket for as long as the context lasts.

    Raises:
        StartupError: it does not start.
    """
    server = _Server(
        uvicorn.Config(
            api,
            http=AbortableProtocol,
            log_config=None,
            access_log=False,
            date_header=False,  # AccessControl sends the local Fly's movable time
            lifespan="off",
            timeout_graceful_shutdown=1,
            timeout_keep_alive=60,
        )
    )
    tasks = BackgroundTasks()
    task = tasks.start(server.serve(sockets=[listener]))
    try:
        await poll_async(lambda: server.started or task.done(), pause=_POLL_SECONDS)
        if not server.started:
            task.result()
            raise StartupError("the API did not start")
        yield
    finally:
        server.should_exit = True
        await task


class _Server(uvicorn.Server):
    """Leaves signals to the daemon."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
