"""A key function is an application's code: what it does wrong takes no request down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from flygate_limiter import Limiter, MemoryStore, PolicyError, Request, Source, Store
from flygate_limiter.redis.store import RedisStore
from flygate_service.app import build_app
from flygate_service.limits import limit
from flygate_service.settings import SettingError, Settings
from flygate_service.wiring.policy_loader import load_policies
from structlog.testing import CapturingLogger

from tests.support.valkey import Valkey

CODE = """
def by_user(request):
    kind = request.header("x-kind")
    if kind == "raises":
        raise KeyError("no session")
    return {"none": None, "number": 7, "empty": "", "bytes": b"ann"}.get(kind, "ann")

async def by_task(request):
    return "ann"

def by_nothing():
    return "ann"

def by_two(request, database):
    return "ann"

class ByTask:
    async def __call__(self, request):
        return "ann"

by_object = ByTask()
"""
POLICY = """
[[policy]]
name = "users"
quota = "3/h"
key = "function:{module}:{name}"
failure = "{failure}"
"""
KINDS = ["raises", "none", "number", "empty", "bytes"]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An application's module."""
    name = "shop_keys"
    (tmp_path / f"{name}.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    return name


def settings(folder: Path, module: str, name: str, failure: str = "fair_share") -> Settings:
    """Of a service with one policy."""
    path = folder / "policies.toml"
    path.write_text(POLICY.format(module=module, name=name, failure=failure))
    return Settings.from_environment({"RATE_LIMIT_POLICIES": str(path)})


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """A store of each kind."""
    if request.param == "memory":
        yield MemoryStore()
        return
    server = Valkey(tmp_path)
    await server.start()
    redis = RedisStore(server.url, b"secret", 5)
    yield redis
    await redis.aclose()
    await server.kill()


def asked(kind: str = "", client: str = "192.0.2.1") -> Request:
    """What a client sends for which the function does that."""
    return Request(client, header={"x-kind": kind}.get)


@pytest.mark.parametrize("kind", KINDS)
async def test_its_failure_has_the_mode_of_its_policy(
    store: Store, tmp_path: Path, module: str, kind: str
) -> None:
    """By address, not at all, or refused: whatever the store, and whatever the function does."""
    let_through = {}
    for failure in ("fair_share", "open", "closed"):
        policies = load_policies(settings(tmp_path, module, "by_user", failure).limiter)
        limiter = Limiter(policies, store)
        verdicts = [await limiter.check(asked(kind)) for _ in range(5)]
        await limiter.refund(asked(kind), verdicts[0])
        let_through[failure] = [verdict.allowed for verdict in verdicts]
        if failure == "closed":
            assert verdicts[0].source is Source.FAILED_CLOSED
        elif failure == "fair_share":
            assert (await limiter.check(asked(kind, "192.0.2.2"))).allowed
            assert (await limiter.check(asked())).allowed

    assert let_through == {
        "fair_share": [True] * 3 + [False] * 2,
        "open": [True] * 5,
        "closed": [False] * 5,
    }


@pytest.mark.parametrize(
    ("failure", "statuses"),
    [
        ("fair_share", [204, 204, 204, 429]),
        ("open", [204] * 4),
        ("closed", [503] * 4),
    ],
)
async def test_no_client_gets_an_error_and_it_is_counted(
    tmp_path: Path, module: str, failure: str, statuses: list[int]
) -> None:
    """The client reads a refusal or an answer; the operator sees a metric and a line."""
    log = CapturingLogger()
    service = build_app(settings(tmp_path, module, "by_user", failure), log)
    transport = httpx.ASGITransport(service, client=("192.0.2.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        path, headers = "/_flygate/probe", {"x-kind": "raises"}
        answers = [await client.get(path, headers=headers) for _ in range(4)]

    assert [answer.status_code for answer in answers] == statuses
    value = service.telemetry.registry.get_sample_value
    assert value("flygate_limiter_key_failures_total", {"policy": "users"}) == 4
    [line, *_] = [call.kwargs for call in log.calls if call.args == ("key function failed",)]
    assert line["policy"] == "users"
    assert "KeyError" in line["error"]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("by_task", "is async"),
        ("by_object", "is async"),
        ("by_nothing", "called with one Request"),
        ("by_two", "called with one Request"),
    ],
)
def test_one_that_can_never_answer_stops_the_start(
    tmp_path: Path, module: str, name: str, complaint: str
) -> None:
    """It is refused where it is set, and not at each request."""
    with pytest.raises(SettingError, match=complaint):
        load_policies(settings(tmp_path, module, name).limiter)


def test_so_is_one_of_a_limit_in_an_application() -> None:
    """Where the limit is made."""

    async def by_task(_: Request) -> str:
        return "ann"

    with pytest.raises(PolicyError, match="is async"):
        limit("3/h", key=by_task)  # type: ignore[arg-type]
