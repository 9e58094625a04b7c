"""A TCP proxy on a loopback port: it delays, goes silent, moves to another target, ends TLS."""

import asyncio
import ssl
from asyncio import StreamReader, StreamWriter
from types import TracebackType
from typing import Self


class TcpProxy:
    """Between a client and a server; what it does to them can be changed at any time.

    Attributes:
        target_port: where new connections go, on 127.0.0.1.
        delay_seconds: how late each piece arrives, there and back again.
        pieces_left: how many more answers pass before it goes silent; None: all.
        most_open: the largest number of connections that were open at a time.
        recorded: what clients have sent so far, if this is a bytearray.
    """

    def __init__(self, target_port: int, tls: ssl.SSLContext | None = None) -> None:
        """Speak TLS with clients, if a context is given; never with the server."""
        self.target_port = target_port
        self.delay_seconds = 0.0
        self.pieces_left: int | None = None
        self.port = 0
        self.most_open = 0
        self.recorded: bytearray | None = None
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], StreamWriter] = {}

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Cut everything."""
        if self._server is not None:
            self._server.close()
        await self.cut()

    @property
    def open_connections(self) -> int:
        """The connections that are open now."""
        return len(self._open)

    async def cut(self) -> None:
        """End all connections, as a failover does."""
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        self.most_open = max(self.most_open, len(self._open))
        try:
            await self._join(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # either side went away, or `cut`
        finally:
            del self._open[task]
            writer.transport.abort()

    async def _join(self, reader: StreamReader, writer: StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        there = asyncio.create_task(self._pump(reader, far_writer, is_answer=False))
        back = asyncio.create_task(self._pump(far_reader, writer, is_answer=True))
        try:
            await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
        finally:
            far_writer.transport.abort()
            there.cancel()
            back.cancel()
            await asyncio.gather(there, back, return_exceptions=True)

    async def _pump(self, source: StreamReader, sink: StreamWriter, *, is_answer: bool) -> None:
        while piece := await source.read(65_536):
            if self.delay_seconds:
                await asyncio.sleep(self.delay_seconds)
            if self.recorded is not None and not is_answer:
                self.recorded += piece
            if is_answer and self.pieces_left is not None:
                if self.pieces_left <= 0:
                    continue
                self.pieces_left -= 1
            sink.write(piece)
            await sink.drain()
