"""The server of the API, in an event loop that is somebody else's."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from fastapi import FastAPI

from localfly.errors import StartupError
from localfly.faults.injector import AbortableProtocol


@contextlib.asynccontextmanager
async def serving(api: FastAPI, listener: socket.socket) -> AsyncIterator[None]:
    """Answers on the socket for as long as the context lasts.

    Raises:
        StartupError: it does not start.
    """
    server = _Server(
        uvicorn.Config(
            api,
            http=AbortableProtocol,
            log_config=None,
            access_log=False,
            date_header=False,  # the gate tells the local Fly's own time
            lifespan="off",
            timeout_graceful_shutdown=1,
            timeout_keep_alive=60,
        )
    )
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if task.done():
                task.result()
                raise StartupError("the API did not start")
            await asyncio.sleep(0.005)
        yield
    finally:
        server.should_exit = True
        await task


class _Server(uvicorn.Server):
    """Leaves signals to the program that the server is a part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
