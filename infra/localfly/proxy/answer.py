"""A machine's answer on its way to the client: its head rewritten, its body framed anew."""

from http import HTTPStatus

from localfly.proxy.backend import Backend
from localfly.proxy.head import SERVER, VIA, Headers, RequestHead, returned_response


class Answer:
    """The answer to one request; `take` gives the bytes that the client gets next."""

    def __init__(self, request: RequestHead, request_id: bytes) -> None:
        self.has_begun = False
        self._request = request
        self._request_id = request_id
        self._is_chunked = False
        self._out: list[bytes] = []

    def begin(self, status: int, reason: bytes, headers: Headers, backend: Backend | None) -> bool:
        """Prepare the head; return True if the machine's body ends with its connection."""
        names = {name for name, _ in headers}
        has_body = not (self._request.method == b"HEAD" or status in {101, 204, 304})
        is_unmeasured = has_body and b"content-length" not in names
        self.has_begun = True
        self._is_chunked = is_unmeasured and self._request.version == "1.1"
        if is_unmeasured and not self._is_chunked:
            self._request.keeps_alive = False
        status_line = b"HTTP/1.1 %d %b\r\n" % (status, reason or _phrase(status))
        is_pristine = backend is not None and backend.service.pristine
        added = [b"%b: %b\r\n" % pair for pair in (backend.response_headers if backend else ())]
        if not is_pristine:
            added.append(_platform_headers(self._request_id))
        framing = self._framing(status)
        self._out.append(returned_response(status_line, headers, framing, added, is_pristine))
        return is_unmeasured and b"transfer-encoding" not in names

    def add(self, data: bytes) -> None:
        self._out.append(b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data)

    def complete(self) -> None:
        if self._is_chunked:
            self._out.append(b"0\r\n\r\n")

    def take(self) -> bytes:
        ready = b"".join(self._out)
        self._out.clear()
        return ready

    def _framing(self, status: int) -> bytes:
        request = self._request
        if status == 101:
            return b"connection: upgrade\r\nupgrade: %b\r\n" % request.upgrade
        framing = b"transfer-encoding: chunked\r\n" if self._is_chunked else b""
        if not request.keeps_alive or request.upgrade:
            return framing + b"connection: close\r\n"
        if request.version == "1.0":
            return framing + b"connection: keep-alive\r\n"
        return framing


def _platform_headers(request_id: bytes) -> bytes:
    return b"server: %b\r\nvia: %b\r\nfly-request-id: %b\r\n" % (SERVER, VIA, request_id)


def _phrase(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""
