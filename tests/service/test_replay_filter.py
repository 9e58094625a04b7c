"""An application's answers give Fly Proxy no orders, unless the operator lets them."""

import httpx
import pytest
import structlog
from flygate_service.app import Service, build_app
from flygate_service.settings import SettingError, Settings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from structlog.testing import capture_logs

from tests.support.asgi_socket import connect

ORDER = "application/vnd.fly.replay+json"


def copying() -> Starlette:
    """An application that puts into its answers what a user gave it."""

    async def answer(request: Request) -> Response:
        headers = {
            "Fly-Replay": "app=victim",
            "fly-replay-cache": "shop.example/*",
            "fly-replay-cache-ttl-secs": "600",
            "x-other": "stays",
        }
        return Response('{"app":"victim"}', headers=headers, media_type=request.query_params["t"])

    async def shake(socket: WebSocket) -> None:
        await socket.accept(headers=[(b"fly-replay", b"app=victim"), (b"x-other", b"stays")])

    return Starlette(routes=[Route("/", answer), WebSocketRoute("/ws", shake)])


def service(**environment: str) -> Service:
    """The service around it."""
    values = {"SERVICE_APP": "tests.service.test_replay_filter:copying()", **environment}
    return build_app(Settings.from_environment(values), structlog.get_logger())


async def ask(app: Service, kind: str) -> httpx.Headers:
    """The fields of an answer."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://test"
    ) as client:
        return (await client.get("/", params={"t": kind})).headers


@pytest.mark.parametrize("kind", [ORDER, f" {ORDER.upper()}; charset=utf-8"])
async def test_orders_are_dropped(kind: str) -> None:
    """No field and no content type of an order is left; others are, and the log says it once."""
    with capture_logs() as logs:
        app = service()
        found = [await ask(app, kind) for _ in range(2)]

    for headers in found:
        assert not [name for name in headers if name.startswith("fly-replay")]
        assert "vnd.fly.replay" not in headers.get("content-type", "").lower()
        assert headers["x-other"] == "stays"
    assert [log["path"] for log in logs if log["event"] == "replay dropped"] == ["/"]


async def test_other_content_types_stay() -> None:
    """An answer keeps its own type."""
    assert (await ask(service(), "application/json"))["content-type"] == "application/json"


async def test_a_handshake_gives_no_orders() -> None:
    """A WebSocket's answer is cleared as well."""
    async with connect(service(), "/ws") as socket:
        accepted = await socket.next()

    assert (b"x-other", b"stays") in accepted["headers"]
    assert b"fly-replay" not in dict(accepted["headers"])


async def test_the_operator_may_let_them() -> None:
    """SERVICE_ALLOW_REPLAY=1 is for an application that replays on purpose; nothing else is."""
    headers = await ask(service(SERVICE_ALLOW_REPLAY="1"), ORDER)

    assert headers["fly-replay"] == "app=victim"
    assert headers["content-type"] == ORDER
    with pytest.raises(SettingError, match="SERVICE_ALLOW_REPLAY: found 'yes'; allowed: 0, 1"):
        service(SERVICE_ALLOW_REPLAY="yes")
