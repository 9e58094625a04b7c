"""One connection to a Redis: commands go out, and replies come back in the same order.

Redis-py would do, but takes a task and a timer for each call: that is most of a call's time.
"""

import asyncio
import re
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, cast

from flygate_limiter.errors import StoreUnavailableError

from .address import RedisAddress
from .resp import ProtocolError, Reader, ReplyError, Word, pack

# What Redis answered; or why it will not, as an exception.
Reply = Any
OnReply = Callable[[Reply], None]

_INCOMPLETE: Final = object()
_RUN_ID: Final = re.compile(rb"^run_id:(\w+)", re.MULTILINE)


class Link(asyncio.Protocol):
    """Sends packed commands, and gives each its reply.

    Attributes:
        server: the server's run id, new at each of its starts; "" if it does not say.
    """

    def __init__(self) -> None:
        """Start without a connection; `connect` makes a link that has one."""
        self.server = ""
        self._transport: asyncio.WriteTransport | None = None
        self._reader = Reader(notEnoughData=_INCOMPLETE)
        self._unanswered: deque[OnReply] = deque()
        self._is_retired = False

    @property
    def is_open(self) -> bool:
        """Whether commands can be sent."""
        transport = self._transport
        return transport is not None and not self._is_retired and not transport.is_closing()

    def send(self, command: bytes, on_reply: OnReply) -> None:
        """Send a packed command; `on_reply` gets its reply, or the loss of the connection.

        Raises:
            ConnectionError: there is no connection.
        """
        if self._transport is None or not self.is_open:
            raise ConnectionError("the connection is closed")
        self._unanswered.append(on_reply)
        self._transport.write(command)

    async def call(self, *words: Word) -> Reply:
        """Send a command and wait for the reply.

        Raises:
            ReplyError: Redis refused it.
            ConnectionError: the connection was lost before the reply.
        """
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

        def hand_over(reply: Reply) -> None:
            if not answer.done():
                answer.set_result(reply)

        self.send(pack(*words), hand_over)
        reply = await answer
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def introduce(self, address: RedisAddress) -> None:
        """Log in, choose the database and learn which server it is.

        Raises:
            ReplyError: Redis refused the log-in.
            ConnectionError: the connection was lost.
        """
        if address.password is not None:
            user = () if address.user is None else (address.user,)
            await self.call("AUTH", *user, address.password)
        if address.database:
            await self.call("SELECT", address.database)
        with suppress(ReplyError):  # not every user may ask
            found = _RUN_ID.search(await self.call("INFO", "server"))
            self.server = found[1].decode() if found else ""

    def retire(self) -> None:
        """Send nothing more, and close when what was sent is answered."""
        self._is_retired = True
        self._close_if_idle()

    def abort(self) -> None:
        """Close now; what was sent fails."""
        self._is_retired = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As `asyncio.Protocol`."""
        # Not to be checked: uvloop's transports are asyncio's by behaviour only.
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """As `asyncio.Protocol`."""
        self._reader.feed(data)
        while (reply := self._next_reply()) is not _INCOMPLETE:
            if not self._unanswered:  # unasked: it says that it will hang up
                self.abort()
                return
            self._unanswered.popleft()(reply)
        if self._is_retired:
            self._close_if_idle()

    def connection_lost(self, error: Exception | None) -> None:
        """As `asyncio.Protocol`."""
        self._transport = None
        lost = ConnectionError(f"the connection was lost{f': {error}' if error else ''}")
        while self._unanswered:
            self._unanswered.popleft()(lost)

    def _next_reply(self) -> Reply:
        try:
            return self._reader.gets()
        except ProtocolError:  # what answers is no Redis
            self.abort()
            return _INCOMPLETE

    def _close_if_idle(self) -> None:
        if self._transport is not None and not self._unanswered:
            self._transport.close()


async def connect(address: RedisAddress, context: ssl.SSLContext | None) -> Link:
    """Connect, check the certificate, log in and choose the database.

    Args:
        address: where to.
        context: the address's own, made once: it takes a while.

    Raises:
        StoreUnavailableError: saying what went wrong, without the password.
    """
    loop = asyncio.get_running_loop()
    try:
        _, link = await loop.create_connection(Link, address.host, address.port, ssl=context)
    except ssl.SSLCertVerificationError as exc:
        reason = f"its certificate is not to be trusted: {exc.verify_message}"
        raise StoreUnavailableError(f"Redis at {address}: {reason}") from exc
    except OSError as exc:
        raise StoreUnavailableError(f"Redis at {address} cannot be reached: {exc}") from exc
    try:
        await link.introduce(address)
    except BaseException as exc:
        link.abort()
        if isinstance(exc, (ReplyError, ConnectionError)):
            raise StoreUnavailableError(f"Redis at {address} refused the log-in: {exc}") from exc
        raise
    return link
