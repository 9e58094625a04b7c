"""`Greeting`: what Fly answers without a token: its time, and its regions."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from flygate.fly.endpoints import is_loopback
from flygate.fly.errors import FlyApiError, LocalFlyDownError, UnreachableError, error_for
from flygate.redaction.redact import cut, shown

_PATH = "/v1/platform/regions"
_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Region:
    """One of Fly's regions."""

    code: str
    name: str
    is_closing: bool = False


@dataclass(frozen=True, slots=True)
class Greeting:
    """One answer.

    Attributes:
        seconds: how long it took.
        ahead_seconds: how far Fly's clock is before ours, to a second or so; None if Fly's
            answer has no time.
    """

    seconds: float
    ahead_seconds: float | None
    regions: tuple[Region, ...] = ()
    nearest: str = ""


async def greet(flaps_url: str) -> Greeting:
    """Call Fly once; a doctor does not wait for retries.

    Raises:
        FlyError: no answer, or not Fly's.
    """
    action = f"GET {flaps_url}{_PATH}"
    is_local = is_loopback(flaps_url)
    async with httpx.AsyncClient(timeout=_SECONDS, trust_env=not is_local) as http:
        sent_at, began = time.time(), time.monotonic()
        try:
            answer = await http.get(f"{flaps_url}{_PATH}", headers={"User-Agent": "flygate"})
        except httpx.HTTPError as exc:
            if is_local and isinstance(exc, httpx.ConnectError):
                raise LocalFlyDownError(action, flaps_url) from None
            raise UnreachableError(action, type(exc).__name__, maybe_applied=False) from None
        took = time.monotonic() - began
    if not answer.is_success:
        request_id = answer.headers.get("fly-request-id", "")
        raise error_for(action, answer.status_code, shown(answer.text, 200), request_id)
    content = _content(action, answer)
    return Greeting(
        seconds=took,
        ahead_seconds=_ahead(answer.headers.get("date", ""), sent_at + took / 2),
        regions=tuple(
            Region(region["code"], region.get("name", ""), bool(region.get("deprecated")))
            for region in content.get("regions") or []
        ),
        nearest=str(content.get("nearest") or ""),
    )


def _content(action: str, answer: httpx.Response) -> dict[str, Any]:
    try:
        content = answer.json()
    except ValueError:
        content = None
    if isinstance(content, dict):
        return content
    detail = f"not Fly's words: {cut(answer.text, 80)!r}; is something else in between?"
    raise FlyApiError(action, answer.status_code, detail)


def _ahead(date: str, ours: float) -> float | None:
    """Return by how much a date is ahead; with whole seconds it is half a second old on average."""
    try:
        return parsedate_to_datetime(date).timestamp() + 0.5 - ours
    except ValueError:
        return None
