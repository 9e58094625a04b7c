"""What an operator reads when a machine does not do what `flygate limiter` asks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from flygate.fly.admin import Act, AdminClient

TOKEN = "canary-token-of-an-operator"
PEEK = Act("GET", "/bucket", {"policy": "default", "key": "192.0.2.1"})


@dataclass
class Machine:
    """A machine on loopback that answers as a test sets it."""

    url: str = ""
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def machine() -> Iterator[Machine]:
    """It listens until the test ends."""
    reported = Machine()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(reported.status)
            for name, value in reported.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(reported.body)))
            self.end_headers()
            self.wfile.write(reported.body)

        def log_message(self, *args: object) -> None:
            """Nothing on the screen."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    reported.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield reported
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, b'{"error": "there is no policy"}', "there is no policy"),
        (401, b"{}", "has another one. Deploy: pulumi up"),
        (403, b"", "refuses this computer's address"),
        (404, b"Not Found", "runs without ADMIN_TOKEN. Deploy: pulumi up"),
        (429, b"{}", "try again in 7 seconds"),
        (500, b"oops", "answered 500"),
        (503, b'{"error": "draining"}', "answered 503: draining"),
        (200, b"<html>", "answered 200"),
    ],
)
async def test_each_answer_says_what_to_do(
    machine: Machine, status: int, body: bytes, words: str
) -> None:
    """The machine is named, and its answer is shown in the operator's terms."""
    machine.status, machine.body, machine.headers = status, body, {"retry-after": "7"}
    [answer] = await AdminClient(machine.url, TOKEN).ask(["m1"], PEEK)
    assert answer.machine == "m1"
    assert words in answer.problem


async def test_a_machine_that_repeats_the_token_does_not_get_it_printed(machine: Machine) -> None:
    """Whatever comes back, the token is masked in it."""
    machine.status, machine.body = 500, f'{{"error": "bad {TOKEN}"}}'.encode()
    [answer] = await AdminClient(machine.url, TOKEN).ask(["m1"], PEEK)
    assert "canary" not in answer.problem


async def test_no_listener_differs_from_a_refusal(machine: Machine) -> None:
    """A machine that can't be reached does not keep the others from answering."""
    gone = "http://127.0.0.1:1"
    [answer] = await AdminClient(gone, TOKEN).ask(["m1"], PEEK)
    assert answer.problem.startswith("no answer (ConnectError")
    assert "flygate status" in answer.problem
