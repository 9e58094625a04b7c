"""What the proxy itself answers, with the codes of Fly Proxy's errors (docs/fly-api.md 6.6)."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from localfly.proxy.head import SERVER, VIA, RequestHead


@dataclass(frozen=True, slots=True)
class ProxyError:
    """An answer in place of a machine's."""

    status: int
    code: str
    text: str
    replay_failure: str = ""  # the reason in `fly-replay-failed`


NO_HEALTHY_INSTANCE: Final = ProxyError(
    503,
    "PR01",
    "no known healthy instances found for leg. is your app running and passing checks?",
    "no_candidate",
)
ALL_AT_HARD_LIMIT: Final = ProxyError(
    503, "PR01", "all instances have reached their hard limit", "no_candidate"
)
RETRIES_EXHAUSTED: Final = ProxyError(
    502, "PR03", "could not find a good candidate within all attempts", "retries_exhausted"
)
CONNECTION_REFUSED: Final = ProxyError(
    502,
    "PC01",
    "instance refused connection. is your app listening on its internal_port?",
    "retries_exhausted",
)
CONNECTION_FAILED: Final = ProxyError(
    502, "PC02", "the instance closed the connection before answering"
)
WAKE_TIMEOUT: Final = ProxyError(
    503, "PM03", "the machine that was woken did not start serving in time", "no_candidate"
)
REPLAY_TIMEOUT: Final = ProxyError(
    504, "PR03", "the replay's target did not answer within its timeout", "timeout"
)
BODY_TOO_LARGE_TO_REPLAY: Final = ProxyError(
    502, "PA01", "the request is larger than 1 MB and can't be replayed"
)
TOO_MANY_REPLAYS: Final = ProxyError(502, "PA02", "the request was replayed 10 times")
INVALID_REPLAY: Final = ProxyError(502, "PA03", "invalid fly-replay")
UNKNOWN_REPLAY_APP: Final = ProxyError(502, "PA04", "no app has the name that fly-replay gives")
FOREIGN_APP: Final = ProxyError(
    502, "PA05", "fly-replay names an app of another organization or private network"
)
UNKNOWN_HOST: Final = ProxyError(
    404, "PR00", "no app has this host name. apps are at <app>.localhost"
)
BAD_REQUEST: Final = ProxyError(400, "PE01", "not an HTTP/1.1 request")
HEAD_TOO_LARGE: Final = ProxyError(431, "PE02", "the request's headers are too large")


def error_answer(
    error: ProxyError, request_id: bytes, *, is_head: bool, keeps_alive: bool
) -> bytes:
    """Return the bytes of the answer."""
    body = f"[{error.code}] {error.text}\n".encode()
    phrase = HTTPStatus(error.status).phrase
    connection = "keep-alive" if keeps_alive else "close"
    head = (
        f"HTTP/1.1 {error.status} {phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
        f"content-length: {len(body)}\r\nconnection: {connection}\r\nfly-error: {error.code}\r\n"
    ).encode()
    ours = b"server: %b\r\nvia: %b\r\nfly-request-id: %b\r\n\r\n" % (SERVER, VIA, request_id)
    return head + ours + (b"" if is_head else body)


def redirect_answer(head: RequestHead, request_id: bytes) -> bytes:
    """Return the redirect of `force_https`: the same URL, by TLS."""
    host = head.value(b"host").partition(b":")[0]
    keeps_alive = head.keeps_alive and not (head.content_length or head.is_chunked)
    return b"".join(
        [
            b"HTTP/1.1 301 Moved Permanently\r\n",
            b"location: https://%b%b\r\ncontent-length: 0\r\n" % (host, head.target),
            b"" if keeps_alive else b"connection: close\r\n",
            b"server: %b\r\nvia: %b\r\nfly-request-id: %b\r\n\r\n" % (SERVER, VIA, request_id),
        ]
    )
