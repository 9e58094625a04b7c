"""Gates that ask over HTTP: what they send to the app's public address, and how they read it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from flygate.record.journal import Journal
from flygate.redaction.redact import Redactor
from flygate.rollout.desired import DesiredRelease
from flygate.rollout.execution import Execution
from flygate.rollout.gates import reach
from flygate.rollout.gates.reach import Reachable
from flygate.rollout.machine.member import Member
from flygate.rollout.target import Target
from flygate.rollout.verdict import Verdict
from flygate_wire.own_paths import SHARE_ORDER
from flygate_wire.signature import HEADER, Signatures

from tests.infra.builders import manifest

KEY = "a key that only the tests have"
MACHINES = [Member("one", "148e1", "iad"), Member("two", "148e2", "iad")]


class App(ThreadingHTTPServer):
    """What stands at the app's address, and what it was asked: path, machine, signature."""

    daemon_threads = True

    def __init__(self, statuses: dict[str, int]) -> None:
        self.statuses = statuses
        self.asked: list[tuple[str, str, str]] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: App

    def do_GET(self) -> None:
        """Answer by the path alone; 0 is a connection that ends without an answer."""
        machine = self.headers.get("fly-force-instance-id", "")
        self.server.asked.append((self.path, machine, self.headers.get(HEADER, "")))
        status = self.server.statuses.get(self.path, 404)
        if status:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Requests are not worth a line."""


@contextmanager
def app(**statuses: int) -> Iterator[App]:
    server = App({"/health": 200, SHARE_ORDER: 200, **statuses})
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def judged(server: App, folder: Path, key: str = KEY) -> Verdict:
    url = f"http://demo.localhost:{server.server_port}"
    target = Target(2, DesiredRelease(manifest()), url, key=key)
    # The gate asks the proxy only, never Fly.
    execution = Execution(None, target, Journal(folder / "journal.jsonl", "v2", Redactor(())))  # type: ignore[arg-type]
    return await Reachable().judge(execution, MACHINES)


async def test_a_machine_that_answers_is_let_in(tmp_path: Path) -> None:
    """Each is asked by the proxy, with a signature that the service believes."""
    with app() as server:
        verdict = await judged(server, tmp_path)

    assert verdict.passed
    let_in = {machine: sign for path, machine, sign in server.asked if path == SHARE_ORDER}
    assert let_in.keys() == {"148e1", "148e2"}
    for signature in let_in.values():
        assert Signatures(KEY).verify(signature, "GET", SHARE_ORDER)
    assert not any(sign for path, _, sign in server.asked if path == "/health")


@pytest.mark.parametrize("status", [401, 404, 405, 500, 0])
async def test_who_knows_no_members_passes_nevertheless(tmp_path: Path, status: int) -> None:
    """Another service than ours, or one without sticky sessions; or the connection just ends."""
    with app(**{SHARE_ORDER: status}) as server:
        verdict = await judged(server, tmp_path)

    assert verdict.passed
    assert {machine for path, machine, _ in server.asked if path == SHARE_ORDER} == {
        "148e1",
        "148e2",
    }


async def test_without_a_key_no_machine_is_let_in(tmp_path: Path) -> None:
    """There is no signature that could be believed."""
    with app() as server:
        assert (await judged(server, tmp_path, key="")).passed

    assert {path for path, _, _ in server.asked} == {"/health"}


async def test_who_is_not_reached_is_not_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the answer says what it found."""
    monkeypatch.setattr(reach, "REACH_SECONDS", 0.0)
    with app(**{"/health": 503}) as server:
        verdict = await judged(server, tmp_path)

    assert not verdict.passed
    assert "/health answers 503" in verdict.reason
    assert SHARE_ORDER not in {path for path, _, _ in server.asked}
