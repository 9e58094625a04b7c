"""The demo API, served when no application is wrapped: something to send requests to."""

from typing import Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from flygate_service import __version__
from flygate_service.settings import Settings

_ASSETS: Final = 20
_PAGE: Final = "<!doctype html><title>Flygate demo</title>" + "".join(
    f'<img src="/page/assets/{number}.svg" alt="" width="16">' for number in range(_ASSETS)
)
_DOT: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
    '<circle cx="8" cy="8" r="7"/></svg>'
)


def demo_api(settings: Settings) -> FastAPI:
    """Return a small API that says which release answered."""
    api = FastAPI(title="Flygate demo", version=__version__, docs_url=None, redoc_url=None)
    api.include_router(_router(settings))
    return api


def _router(settings: Settings) -> APIRouter:
    router = APIRouter()
    answered_by = {"release": settings.release, "machine": settings.machine}

    @router.get("/")
    async def describe() -> dict[str, object]:
        """What this is, and what to try."""
        return {
            "service": "flygate demo",
            "version": __version__,
            **answered_by,
            "try": ["GET /items/{id}", "GET /page", "POST /echo", "GET /health"],
        }

    @router.get("/items/{item_id}")
    async def item(item_id: int) -> dict[str, object]:
        """An item that exists because it was asked for."""
        return {"id": item_id, "name": f"item {item_id}", **answered_by}

    @router.get("/page", response_class=HTMLResponse)
    async def page() -> str:
        """A page as browsers load them: 20 assets, asked for at once."""
        return _PAGE

    @router.get("/page/assets/{number}.svg")
    async def asset(number: int) -> Response:
        """One of the page's pictures."""
        return Response(_DOT, media_type="image/svg+xml")

    @router.post("/echo")
    async def echo(request: Request) -> dict[str, object]:
        """What was sent, as it arrived."""
        body = await request.body()
        return {"bytes": len(body), "text": body[:1000].decode(errors="replace"), **answered_by}

    return router
