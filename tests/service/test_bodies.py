"""Bodies as they come, in any pieces: whole, or refused."""

import asyncio
from collections.abc import Sequence
from typing import Any

from flygate_service.asgi.authenticator import Authenticator
from flygate_service.asgi.messages import Message, Receive, Scope, Send
from flygate_service.asgi.scope_keys import CUT_OFF
from flygate_service.middleware.bodies import BodyMiddleware
from flygate_service.settings import BodySettings
from flygate_wire.own_paths import EXEMPT_PATHS, OWN_PATHS
from flygate_wire.signature import Signatures
from hypothesis import given
from hypothesis import strategies as st

MOST = 10


class Reader:
    """An application that reads all, then answers 200; it notes what it saw."""

    def __init__(self, *, answers_first: bool = False) -> None:
        self.seen: list[Message] = []
        self._answers_first = answers_first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read."""
        if self._answers_first:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        while not self.seen or self.seen[-1].get("more_body"):
            self.seen.append(await receive())
        if not self._answers_first:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    @property
    def body(self) -> bytes:
        """What came."""
        return b"".join(message.get("body", b"") for message in self.seen)


async def sent(
    app: Reader, parts: Sequence[bytes], headers: list[tuple[bytes, bytes]]
) -> tuple[list[Message], Scope]:
    """What a client gets that sends these parts."""
    waiting = list(parts)
    got: list[Message] = []
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/", "headers": headers}

    async def receive() -> Message:
        part = waiting.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    async def send(message: Message) -> None:
        got.append(message)

    bounds = BodySettings(MOST, seconds=30, bytes_per_second=1)
    await BodyMiddleware(app, bounds, 2, lambda _: None)(scope, receive, send)
    return got, scope


@given(
    parts=st.lists(st.binary(max_size=7), min_size=1, max_size=5),
    is_announced=st.booleans(),
    answers_first=st.booleans(),
)
def test_a_body_comes_whole_or_not_at_all(
    parts: list[bytes], is_announced: bool, answers_first: bool
) -> None:
    """In whatever pieces, announced or not; and the client gets one answer."""
    size = len(b"".join(parts))
    length = (b"content-length", b"%d" % size)
    headers = [length if is_announced else (b"transfer-encoding", b"chunked")]
    app = Reader(answers_first=answers_first)

    got, scope = asyncio.run(sent(app, parts, headers))

    statuses = [message["status"] for message in got if "status" in message]
    if size <= MOST:
        assert (statuses, app.body) == ([200], b"".join(parts))
        return
    is_asked = not is_announced
    assert statuses == ([200] if is_asked and answers_first else [413])
    assert bool(app.seen) == is_asked
    assert len(app.body) <= MOST
    assert (CUT_OFF in scope) == (is_asked and not answers_first)


@given(st.lists(st.sampled_from(["begin", "turn", "come"]), max_size=30))
def test_no_order_of_slow_bodies_harms_another(steps: list[str]) -> None:
    """Each is answered once, with 200 or 408, and of those that are waited for there are few."""
    statuses = asyncio.run(many_sent(steps))

    assert len(statuses) == steps.count("begin")
    assert set(statuses) <= {200, 408}


async def many_sent(steps: Sequence[str]) -> list[int]:
    """The answers to bodies that begin, and come or do not come, in an order."""
    statuses: list[int] = []
    bodies = BodyMiddleware(answer_all, BodySettings(MOST, 30, 1), 2, lambda _: None)
    slow: list[tuple[asyncio.Event, asyncio.Task[None]]] = []
    for step in steps:
        if step == "begin":
            has_come = asyncio.Event()
            sending = asyncio.create_task(send_slowly(bodies, has_come, statuses))
            slow.append((has_come, sending))
        elif step == "turn":
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert len(bodies._awaited) <= 2
        elif slow:
            slow[-1][0].set()
    for has_come, sending in slow:
        has_come.set()
        await sending
    return statuses


async def answer_all(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that reads all, then answers 200."""
    await Reader()(scope, receive, send)


async def send_slowly(app: BodyMiddleware, has_come: asyncio.Event, statuses: list[int]) -> None:
    """A request whose body comes when it is said."""

    async def receive() -> Message:
        await has_come.wait()
        return {"type": "http.request", "body": b"x", "more_body": False}

    async def send(message: Message) -> None:
        if "status" in message:
            statuses.append(message["status"])

    scope: dict[str, Any] = {"type": "http", "headers": [(b"content-length", b"1")]}
    await app(scope, receive, send)


WORDS = st.sampled_from(
    ["", "0", "-1", "1_0", "+1", "\u0661", "9" * 5_000, "1e999", "10", "chunked", "t=1,n=,s="]
) | st.text(st.characters(max_codepoint=255), max_size=20)


@given(
    path=st.sampled_from(sorted(EXEMPT_PATHS)),
    method=st.sampled_from(["GET", "POST", "HEAD"]),
    fields=st.dictionaries(
        st.sampled_from(
            ["flygate-signature", "flygate-digest", "content-length", "transfer-encoding"]
        ),
        WORDS,
    ),
)
def test_no_head_opens_a_signed_path_by_chance(
    path: str, method: str, fields: dict[str, str]
) -> None:
    """Nor is any an error."""
    headers = [
        (name.encode(), value.encode("latin-1", "replace")) for name, value in fields.items()
    ]
    proxied = [*headers, (b"fly-client-ip", b"192.0.2.1")]
    scope = {"type": "http", "method": method, "path": path, "headers": proxied}

    assert not (
        OWN_PATHS[path].is_signed
        and Authenticator(Signatures("a key")).accepts(OWN_PATHS[path], scope)
    )
