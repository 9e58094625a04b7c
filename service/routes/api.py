"""The demo API, served when no application is wrapped: something to send requests to."""

from fastapi import APIRouter, FastAPI, Request

from service import __version__
from service.settings import Settings


def demo_api(settings: Settings) -> FastAPI:
    """A small API that says which release answered."""
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
            "try": ["GET /items/{id}", "POST /echo", "GET /health"],
        }

    @router.get("/items/{item_id}")
    async def item(item_id: int) -> dict[str, object]:
        """An item that exists because it was asked for."""
        return {"id": item_id, "name": f"item {item_id}", **answered_by}

    @router.post("/echo")
    async def echo(request: Request) -> dict[str, object]:
        """What was sent, as it arrived."""
        body = await request.body()
        return {"bytes": len(body), "text": body[:1000].decode(errors="replace"), **answered_by}

    return router
