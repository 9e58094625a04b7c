"""A signed request is proved once, by its head, and its body by the digest of it."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from flygate_service.app import Service, build_app
from flygate_service.asgi.scope_keys import PRIVATE
from flygate_service.settings import Settings
from flygate_wire.own_paths import HEALTH, SHARE_ORDER, STATISTICS
from flygate_wire.signature import Signatures
from structlog.testing import CapturingLogger

KEY = "a key that only the tests have"
MACHINE = {
    "FLYGATE_KEY": KEY,
    "FLY_APP_NAME": "demo",
    "FLY_MACHINE_ID": "me",
    "FLYGATE_DNS": "127.0.0.1:9",
    "RATE_LIMIT_AFFINITY": "on",
}
BODY = b"no order"


@pytest.fixture
def proofs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths for which a signature was computed to be compared."""
    asked: list[str] = []
    verify = Signatures.verify_digest

    def counted(self: Signatures, value: str | None, method: str, path: str, digest: str) -> Any:
        asked.append(path)
        return verify(self, value, method, path, digest)

    monkeypatch.setattr(Signatures, "verify_digest", counted)
    return asked


def service() -> Service:
    return build_app(Settings.from_environment(MACHINE), CapturingLogger())


def client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


def signed(method: str, path: str, body: bytes = b"") -> dict[str, str]:
    return Signatures(KEY).fields(method, path, body)


def other(method: str, path: str, body: bytes = b"") -> dict[str, str]:
    return Signatures("another key").fields(method, path, body)


@pytest.mark.parametrize(
    ("sign", "method", "path", "body", "status"),
    [
        (signed, "GET", STATISTICS, b"", 200),
        (signed, "POST", SHARE_ORDER, BODY, 400),  # believed, and no order
        (other, "GET", STATISTICS, b"", 401),
        (other, "POST", SHARE_ORDER, BODY, 401),
        (signed, "GET", HEALTH, b"", 200),
    ],
    ids=["statistics", "order", "forged", "forged with a body", "health"],
)
async def test_a_request_is_proved_once(
    sign: Callable[..., dict[str, str]],
    method: str,
    path: str,
    body: bytes,
    status: int,
    proofs: list[str],
) -> None:
    """At the door, or where there is none before the answer; who forges makes no more work."""
    async with client(service()) as web:
        answer = await web.request(method, path, content=body, headers=sign(method, path, body))

    assert answer.status_code == status
    assert proofs == [path]


async def test_the_private_listener_proves_it_too(proofs: list[str]) -> None:
    """It has no door."""
    async with client(service().private) as web:
        good = await web.get(STATISTICS, headers=signed("GET", STATISTICS))
        bad = await web.get(STATISTICS)

    assert (good.status_code, bad.status_code) == (200, 401)
    assert proofs == [STATISTICS, STATISTICS]


async def test_a_body_that_is_not_the_signed_one_is_refused() -> None:
    """The head is believed; it says which body may follow."""
    async with client(service()) as web:
        answer = await web.post(
            SHARE_ORDER, content=b"an order", headers=signed("POST", SHARE_ORDER, BODY)
        )

    assert answer.status_code == 401


async def test_a_client_cannot_say_that_it_was_believed() -> None:
    """What is handed on is in the scope, where no header comes."""
    headers = {"flygate.head": "1", "flygate-head": "1", PRIVATE: "1"}
    async with client(service()) as web:
        assert (await web.get(STATISTICS, headers=headers)).status_code == 401
        assert "limiter" not in (await web.get(HEALTH, headers=headers)).json()
