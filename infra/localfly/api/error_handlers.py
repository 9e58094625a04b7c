"""Errors in the form that Fly gives them: `{"error": …, "status": …}` (docs/fly-api.md 2.1)."""

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from localfly.errors import FlyError, NoSpaceError
from localfly.state.disk_space import is_disk_full

_log = logging.getLogger("flygate.local")


def install_failure_handlers(api: FastAPI) -> None:
    api.add_exception_handler(FlyError, _fly_error)
    api.add_exception_handler(RequestValidationError, _bad_request)
    api.add_exception_handler(HTTPException, _http_error)
    api.add_exception_handler(OSError, _os_error)
    api.add_exception_handler(Exception, _bug)


async def _fly_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, FlyError)  # noqa: S101 (registered for this class)
    document = {"error": str(error), "status": error.reason}
    return JSONResponse(document, error.http_status)


async def _bad_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    problems = "; ".join(
        f"{'.'.join(str(part) for part in found['loc'][1:])}: {found['msg']}"
        for found in error.errors()
    )
    return JSONResponse({"error": f"invalid_argument: {problems}", "status": "unknown"}, 400)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    text = f"{error.detail}: {request.method} {request.url.path}"
    return JSONResponse({"error": text, "status": "unknown"}, error.status_code)


async def _os_error(request: Request, error: Exception) -> JSONResponse:
    """Name a disk that is full; any other error is a bug of the local Fly."""
    _log.error("%s %s", request.method, request.url.path, exc_info=error)
    if is_disk_full(error):
        return await _fly_error(request, NoSpaceError(f"no space left on device: {error}"))
    return await _bug(request, error)


async def _bug(_: Request, error: Exception) -> JSONResponse:
    """Answer without the traceback, which is in the daemon's log."""
    return JSONResponse({"error": f"internal: {type(error).__name__}", "status": "unknown"}, 500)
