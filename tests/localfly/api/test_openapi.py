"""Unexpected requests, generated from the API's own OpenAPI document."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from localfly.daemon.control import DaemonControl
from localfly.state.env_file import authorization, read_token
from schemathesis.core.result import Ok

from tests.support.localfly import Machines, clients

pytestmark = pytest.mark.integration

# Those that other requests could depend on, or that never end.
OWN_PATHS = r"^/(_|metrics|$)"
EXAMPLES = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True, slots=True)
class Daemon:
    url: str
    authorization: dict[str, str]
    known: dict[str, str]  # path parameters that mean something there


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """With an app and a machine."""
    state = tmp_path / "state"
    control = DaemonControl(state)
    try:
        info = control.up(0, 0).info
        assert info.api_url.startswith("http://127.0.0.1:")
        token = read_token(state)
        machine = asyncio.run(_make_machine(info.api_url, info.proxy_url, token))
        yield Daemon(
            info.api_url, authorization(state), {"app_name": "demo", "machine_id": machine}
        )
    finally:
        control.down()


async def _make_machine(api_url: str, proxy_url: str, token: str) -> str:
    async with clients(api_url, proxy_url, token) as (api, proxy):
        machines = Machines(None, api, proxy)  # type: ignore[arg-type]
        await machines.setup()
        return str((await machines.create())["id"])


def test_no_request_is_answered_with_a_server_error(daemon: Daemon) -> None:
    """Whatever comes to whatever path: an answer that is not 5xx, and errors in Fly's form. Half
    of the requests are about an app and a machine that exist.
    """
    document = schemathesis.openapi.from_url(f"{daemon.url}/_openapi", headers=daemon.authorization)
    schema = document.exclude(path_regex=OWN_PATHS)
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) > 50
    for operation in sorted(operations, key=lambda found: found.method == "delete"):
        _ask_anything(operation, daemon)


def _ask_anything(operation: Any, daemon: Daemon) -> None:
    @EXAMPLES
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        if case.path_parameters and len(repr(case.body)) % 2:
            case.path_parameters = {
                k: daemon.known.get(k, v) for k, v in case.path_parameters.items()
            }
        if operation.path.endswith("/wait"):
            case.query = {**(case.query or {}), "timeout": 0}
        answer = case.call(timeout=20, headers=daemon.authorization)
        assert answer.status_code < 500, f"{case.as_curl_command()}\n{answer.text}"
        assert answer.headers["fly-request-id"]
        if answer.status_code >= 400:
            assert set(answer.json()) == {"error", "status"}, case.as_curl_command()

    ask()
