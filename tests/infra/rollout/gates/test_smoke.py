"""The smoke check's head: which answers of a new machine are good enough."""

from __future__ import annotations

import contextlib
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from flygate.config import SmokeRequest
from flygate.fly.models import ExecResult
from flygate.rollout.gates import probe
from flygate.rollout.gates.expectation import Expectation
from flygate_wire import own_paths
from flygate_wire.variables import DEFAULT_BURST, DEFAULT_PORT, DEFAULT_REQUESTS_PER_MINUTE

from tests.infra.builders import manifest

EXPECTED = Expectation(port=8080, limiter=True, burst=10, per_second=1.0)
GOOD = {
    "health": 200,
    "body": "ok",
    "admitted": 10,
    "last": 429,
    "retry_after": "1",
    "seconds": 0.1,
}


def problem(expected: Expectation = EXPECTED, **changes: Any) -> str:
    return expected.problem(ExecResult(stdout=json.dumps({**GOOD, **changes})))


@pytest.mark.parametrize("admitted", [10, 11, 12])
def test_a_burst_and_then_a_refusal_is_what_was_promised(admitted: int) -> None:
    """A little is refilled while it asks, so a few more may pass."""
    assert problem(admitted=admitted) == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"health": 503, "body": "warming up"}, "GET /health answered 503: warming up"),
        ({"last": 204, "admitted": 13}, "does not limit: 13 requests of one client"),
        ({"last": 204, "admitted": 13}, "smoke.limiter false"),
        ({"last": 404}, "GET /_flygate/probe answered 404"),
        ({"last": 500}, "GET /_flygate/probe answered 500"),
        ({"admitted": 9}, "refused after 9 requests, before the burst (burst 10, 60 a minute)"),
        ({"admitted": 0}, "refused after 0 requests"),
        ({"retry_after": ""}, "carries no Retry-After"),
        (
            {"store": {"degraded": True, "problem": "refused"}, "admitted": 3},
            "can't be used: refused",
        ),
        ({"store": {"degraded": True}}, "can't be used: it does not answer"),
    ],
)
def test_each_fault_is_reported_in_words(changes: dict[str, Any], said: str) -> None:
    """The operator reads what the machine did, and what to look at."""
    assert said in problem(**changes)


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (ExecResult(exit_code=1, stderr="Traceback\nConnectionRefusedError: no"), "Refused"),
        (ExecResult(exit_code=1, stdout="only here"), "only here"),
        (ExecResult(exit_code=127), "no output"),
        (ExecResult(stdout="hello"), "can't be read"),
        (ExecResult(stdout=""), "can't be read"),
    ],
)
def test_a_probe_that_could_not_ask_is_a_problem(result: ExecResult, said: str) -> None:
    """No answer is never a good answer."""
    assert said in EXPECTED.problem(result)


def test_a_service_with_policies_of_its_own_is_held_to_what_it_declares() -> None:
    """RATE_LIMIT_POLICIES replaces the two variables, so the answer's own field decides."""
    own = Expectation.of(manifest(config={"env": {"RATE_LIMIT_POLICIES": "x"}}), limiter=True)

    assert problem(own, declared=[3.0, 0.05], admitted=3) == ""
    assert "refused after 2 requests" in problem(own, declared=[3.0, 0.05], admitted=2)


def test_a_declared_quota_that_is_not_the_manifest_s_is_reported() -> None:
    """The service runs with another limit than the one that was asked for."""
    said = problem(declared=[50.0, 5.0], admitted=50)

    assert said == "the service declares a quota of 50, where RATE_LIMIT_BURST asks for 10"


def test_a_quota_that_refills_within_a_second_is_not_judged_by_its_rounded_window() -> None:
    """100 in a quarter of a second is declared as 100 in a second: more than that may pass."""
    quick = Expectation(port=8080, limiter=True, burst=100, per_second=400.0)

    assert problem(quick, declared=[100.0, 100.0], admitted=140) == ""
    assert "24000 a minute" in problem(quick, declared=[100.0, 100.0], admitted=90)


@pytest.mark.parametrize(
    ("field", "quota"),
    [
        ('"default";q=10;w=10', [10.0, 1.0]),
        ('"day";q=1000;w=86400, "burst";q=5;w=10', [5.0, 0.5]),
        ("", []),
    ],
)
def test_the_tightest_quota_is_found(field: str, quota: list[float]) -> None:
    """The policy that refuses first is the one that the burst can prove."""
    assert probe.tightest(field) == quota


def test_lines_before_the_answer_are_ignored() -> None:
    """An interpreter may print a warning first."""
    assert EXPECTED.problem(ExecResult(stdout="warning: x\n" + json.dumps(GOOD) + "\n")) == ""


def test_without_the_limiter_only_health_counts() -> None:
    """`smoke.limiter: false` is for a service that is not to limit."""
    expected = Expectation(port=8080, limiter=False, burst=10, per_second=1.0)

    assert expected.problem(ExecResult(stdout='{"health": 200, "body": ""}')) == ""
    assert "503" in expected.problem(ExecResult(stdout='{"health": 503, "body": ""}'))
    assert "burst" in EXPECTED.summary()
    assert "burst" not in expected.summary()


def test_the_manifest_says_what_to_expect() -> None:
    """The quota and the port are those of the machine's own configuration."""
    wanted = manifest(
        config={
            "env": {"RATE_LIMIT_BURST": "3", "RATE_LIMIT_RPM": "120"},
            "services": [{"internal_port": 3000, "ports": [{"handlers": ["http"]}]}],
        }
    )

    assert Expectation.of(wanted, limiter=True) == Expectation(3000, True, 3, 2.0)


@pytest.mark.parametrize("env", [{}, {"RATE_LIMIT_BURST": "", "RATE_LIMIT_RPM": " "}])
def test_without_a_quota_the_service_s_own_defaults_are_expected(env: dict[str, str]) -> None:
    """Those that the service has, too."""
    expected = Expectation.of(manifest(config={"env": env}), limiter=True)

    assert expected.burst == DEFAULT_BURST
    assert expected.per_second == DEFAULT_REQUESTS_PER_MINUTE / 60
    assert expected.port == DEFAULT_PORT


def test_the_probe_asks_for_the_service_s_own_paths() -> None:
    """It runs inside a machine, where it imports nothing, so it has them once more."""
    assert (probe.PROBE, probe.HEALTH) == (own_paths.PROBE, own_paths.HEALTH)


PAGES = {
    "/items/1": (200, '{"items": [{"id": 1}], "of": null}'),
    "/empty": (200, ""),
    "/page": (200, "<h1>Welcome</h1>"),
    "/deep": (200, "[" * 100_000),
    "/gone": (410, "no more"),
}


class Shop(BaseHTTPRequestHandler):
    """An application; its health is good, and what else it has is in `PAGES`."""

    def do_GET(self) -> None:
        status, text = PAGES.get(self.path, (200, "{}"))
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def shop_port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def asked(port: int, *requests: dict[str, Any]) -> str:
    """What the check says of an application, asked as in a machine."""
    wanted = tuple(SmokeRequest(**one) for one in requests)
    expected = Expectation(port, False, 10, 1.0, requests=wanted)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        probe.main(expected.command("k")[-1])
    return expected.problem(ExecResult(stdout=out.getvalue()))


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"path": "/items/1", "member": "items.0.id"}, ""),
        ({"path": "/items/1", "member": "of"}, ""),
        ({"path": "/items/1", "text": '"id": 1'}, ""),
        ({"path": "/page", "text": "Welcome"}, ""),
        ({"path": "/gone", "status": 410}, ""),
        ({"path": "/gone"}, "GET /gone answered 410, where 200 was expected; the answer: no more"),
        ({"path": "/empty", "text": "x"}, "answered 200 without the text 'x'; the answer: nothing"),
        ({"path": "/empty", "member": "id"}, "answered 200 without the JSON member id"),
        ({"path": "/page", "member": "id"}, "without the JSON member id"),
        ({"path": "/deep", "member": "0"}, "without the JSON member 0"),
        ({"path": "/items/1", "member": "items.1.id"}, "without the JSON member items.1.id"),
        ({"path": "/items/1", "member": "items.id"}, "without the JSON member items.id"),
        ({"path": "/page", "method": "POST"}, "POST /page answered 501"),
    ],
    ids=str,
)
def test_the_application_is_asked_what_the_stack_wants(
    shop_port: int, request_: dict[str, Any], said: str
) -> None:
    """An answer of 200 with nothing in it is no good answer."""
    found = asked(shop_port, {"path": "/"}, request_)

    assert said in found
    assert bool(found) == bool(said)


def test_the_command_stands_alone() -> None:
    """It is the probe's text and its arguments, so it needs nothing inside the machine."""
    python, flag, script, arguments = EXPECTED.command("the key of the app")

    assert (python, flag) == ("python", "-c")
    compile(script, "probe", "exec")
    assert "import infra" not in script
    assert json.loads(arguments)["burst"] == 10
    assert "the key of the app" not in script + arguments
