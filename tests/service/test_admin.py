"""The admin API: for whoever has the token, and for nobody else."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import CapturingLogger

from service.main import build_app
from service.settings import SettingError, Settings

TOKEN = "a token for the tests only"
ADMIN = "/_flygate/admin"


class Log(CapturingLogger):
    """A log whose lines can be read."""

    def of(self, event: str) -> list[dict[str, Any]]:
        """The fields of each line of an event."""
        return [call.kwargs for call in self.calls if call.args == (event,)]


def operator(log: Log | None = None, **environment: str) -> httpx.AsyncClient:
    """An operator's client of a service."""
    settings = Settings.from_environment(
        {"ADMIN_TOKEN": TOKEN, "RATE_LIMIT_RPM": "60", "RATE_LIMIT_BURST": "50", **environment}
    )
    transport = httpx.ASGITransport(build_app(settings, log or Log()), client=("192.0.2.1", 1))
    return httpx.AsyncClient(
        transport=transport, base_url="http://test", headers={"authorization": f"Bearer {TOKEN}"}
    )


async def test_needs_the_token() -> None:
    """No token or a wrong one gives 401; without a token in the settings there is no such path."""
    async with operator() as client:
        right = await client.get(f"{ADMIN}/policies")
        wrong = await client.get(f"{ADMIN}/policies", headers={"authorization": "Bearer x"})
        none = await client.get(f"{ADMIN}/policies", headers={"authorization": ""})
    async with operator(ADMIN_TOKEN="") as client:
        off = await client.get(f"{ADMIN}/policies")

    assert [right.status_code, wrong.status_code, none.status_code] == [200, 401, 401]
    assert off.status_code == 404
    assert right.json()["policies"][0]["name"] == "default"


async def test_peek_block_reset() -> None:
    """An operator sees a client's bucket, blocks it, and frees it; each act is in the log."""
    log = Log()
    bucket = {"policy": "default", "key": "192.0.2.1"}
    async with operator(log) as client:
        peeked = await client.get(f"{ADMIN}/bucket", params=bucket)
        blocked = await client.post(f"{ADMIN}/block", params={**bucket, "seconds": 600})
        refused = await client.get("/")
        other = httpx.ASGITransport(client._transport.app, client=("192.0.2.2", 1))  # type: ignore[attr-defined]
        async with httpx.AsyncClient(
            transport=other, base_url="http://test", headers=client.headers
        ) as elsewhere:
            reset = await elsewhere.request("DELETE", f"{ADMIN}/bucket", params=bucket)
        allowed = await client.get("/")

    assert peeked.json()["remaining"] == 49
    assert blocked.json()["remaining"] == 0
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "600"
    assert reset.json()["was_known"] is True
    assert allowed.status_code == 200
    acts = [(line["act"], line["by"]) for line in log.of("admin")]
    assert acts == [("peek", "192.0.2.1"), ("block", "192.0.2.1"), ("reset", "192.0.2.2")]


@pytest.mark.parametrize(
    ("method", "path", "params"),
    [
        ("GET", "/bucket", {}),
        ("GET", "/bucket", {"policy": "none", "key": "x"}),
        ("POST", "/block", {"policy": "default", "key": "x", "seconds": "soon"}),
        ("POST", "/block", {"policy": "default", "key": "x", "seconds": "99999999"}),
        ("POST", "/block", {"policy": "default", "key": "x", "seconds": "0000012000000"}),
        ("POST", "/block", {"policy": "default", "key": "x", "seconds": "9" * 5000}),
        ("POST", "/block", {"policy": "default", "key": "x", "seconds": "0" * 4999 + "1"}),
        ("POST", "/block", {"policy": "default", "key": "x", "seconds": "1e999"}),
        ("POST", "/block", {"policy": "default", "key": "x", "seconds": "\u0661"}),
        ("GET", "/bucket", {"policy": "default", "key": "x" * 5000}),
        ("GET", "/bucket", {"policy": "[" * 3000, "key": "x"}),
        ("POST", "/unlock", {"account": "ada"}),
    ],
)
async def test_mistakes(method: str, path: str, params: dict[str, str]) -> None:
    """A mistake is answered 400 with what is wrong."""
    async with operator() as client:
        answer = await client.request(method, f"{ADMIN}{path}", params=params)

    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_reload(tmp_path: Path) -> None:
    """The policies' file is read again; a mistake in it is told."""
    file = tmp_path / "limits.toml"
    file.write_text("[[policy]]\nname = 'default'\nquota = '50/m'\n")
    async with operator(RATE_LIMIT_POLICIES=str(file)) as client:
        file.write_text("[[policy]]\nname = 'default'\nquota = '70/m'\n")
        good = await client.post(f"{ADMIN}/reload")
        policies = await client.get(f"{ADMIN}/policies")
        file.write_text("[[policy]]\n")
        bad = await client.post(f"{ADMIN}/reload")

    assert good.json() == {"version": 2}
    assert policies.json()["policies"][0]["quota"] == "70/m burst 70"
    assert bad.status_code == 400


def test_a_short_token_is_refused() -> None:
    """A token that can be guessed stops the start, and is not shown."""
    with pytest.raises(SettingError, match="ADMIN_TOKEN") as refused:
        Settings.from_environment({"ADMIN_TOKEN": "canary"})

    assert "canary" not in str(refused.value)


async def test_the_audit_line_hides_api_keys() -> None:
    """A bucket named after a key's value is logged by the header's name alone."""
    log = Log()
    async with operator(log) as client:
        await client.get(
            f"{ADMIN}/bucket", params={"policy": "default", "key": "x-api-key=canary-value"}
        )
    [line] = log.of("admin")
    assert line["on"]["key"] == "x-api-key=(hidden)"
