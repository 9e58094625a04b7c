"""Heads on their way through the proxy: whatever a client or a machine says of this hop, the next
one finds the end of each message where this one found it.
"""

import httptools
from hypothesis import given, settings
from hypothesis import strategies as st
from localfly.proxy.head import Edge, Headers, RequestHead, forwarded_request, returned_response

EDGE = Edge(b"127.0.0.1", b"4290", b"127.0.0.1", "iad")
# What `Connection` may name: what frames a message, what routes it, and what it may well take away.
WORDS = st.sampled_from(
    [
        *("content-length", "Content-Length", "host", "transfer-encoding", "upgrade", "close"),
        *("keep-alive", "te", "x-hop", "via", "connection", "", " ", "fly-client-ip", "cookie"),
    ]
)
LINES = st.lists(st.lists(WORDS, max_size=4).map(", ".join), max_size=3)
BODIES = st.binary(max_size=30)


class Seen:
    """What the next hop reads: each message's headers and body."""

    def __init__(self) -> None:
        self.messages: list[tuple[dict[bytes, list[bytes]], bytes]] = []

    def on_message_begin(self) -> None:
        self.messages.append(({}, b""))

    def on_header(self, name: bytes, value: bytes) -> None:
        self.messages[-1][0].setdefault(name.lower(), []).append(value)

    def on_body(self, body: bytes) -> None:
        headers, former = self.messages[-1]
        self.messages[-1] = (headers, former + body)


def said(lines: list[str], body: bytes) -> Headers:
    connection = [(b"connection", line.encode()) for line in lines]
    return [
        *connection[:1],
        (b"host", b"demo.localhost"),
        (b"content-length", b"%d" % len(body)),
        (b"x-hop", b"1"),
        *connection[1:],
    ]


@given(LINES, BODIES)
@settings(max_examples=60)
def test_a_request_s_end_stays_where_it_is(lines: list[str], body: bytes) -> None:
    """The machine gets the host, and the next request is no part of the body."""
    head = RequestHead(b"POST", b"/", headers=said(lines, body), content_length=len(body))
    forwarded = forwarded_request(head, EDGE, b"id") + body
    seen = Seen()

    httptools.HttpRequestParser(seen).feed_data(forwarded + forwarded)

    for headers, found in seen.messages:
        assert found == body
        assert headers[b"host"] == [b"demo.localhost"]
        assert headers[b"content-length"] == [b"%d" % len(body)]
        named = {word.strip().lower() for line in lines for word in line.split(",")}
        assert (b"x-hop" in headers) is ("x-hop" not in named)
    assert len(seen.messages) == 2


@given(LINES, BODIES, st.booleans())
@settings(max_examples=60)
def test_an_answer_s_end_stays_where_it_is(lines: list[str], body: bytes, is_plain: bool) -> None:
    """Or the client would take the beginning of the next answer for the end of this one."""
    status = b"HTTP/1.1 200 OK\r\n"
    answer = returned_response(status, said(lines, body), b"", [], is_plain) + body
    seen = Seen()

    httptools.HttpResponseParser(seen).feed_data(answer + answer)

    assert [found for _, found in seen.messages] == [body, body]
