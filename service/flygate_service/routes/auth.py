"""`POST /auth/login`: a demo of a login from which guessers learn nothing."""

import json
from collections.abc import Callable
from typing import Any, Final, TypeGuard

from flygate_limiter import client_key
from flygate_wire.own_paths import LOGIN
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flygate_service.asgi.scope_keys import SHARE
from flygate_service.login import Attempt, DeviceCookies, LoginGuard, Outcome, account_name
from flygate_service.login.device import NAME
from flygate_service.login.line import Line, QueueFullError
from flygate_service.login.passwords import Passwords

_LARGEST_BODY: Final = 4_096
_LONGEST_PASSWORD: Final = 1_024
# One answer for unknown, wrong and locked. It says what an owner can do.
_REFUSAL: Final = {
    "title": "Not logged in",
    "status": 401,
    "detail": "The name or the password is wrong, or there were too many attempts. "
    "Try again later, or reset the password.",
}


class LoginRoute:
    """Answers attempts; reports each outcome to `on_outcome`."""

    def __init__(
        self,
        guard: LoginGuard,
        passwords: Passwords,
        devices: DeviceCookies,
        on_outcome: Callable[[str, Attempt], None],
    ) -> None:
        """Wire the parts."""
        self._guard = guard
        self._passwords = passwords
        self._devices = devices
        self._on_outcome = on_outcome
        self._line = Line(passwords.at_once)

    def route(self) -> Route:
        """Return the route, to be put in front of the application."""
        return Route(LOGIN, self.log_in, methods=["POST"])

    async def log_in(self, request: Request) -> Response:
        """Check a name and a password.

        A foreign page can send a form or a plain text without a preflight, and so guess from its
        readers' addresses; JSON it can't.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            detail = "Send the name and the password as application/json."
            return _problem({"title": "Unsupported media type", "status": 415, "detail": detail})
        submitted = await _submitted(request)
        if submitted is None:
            detail = "Send a JSON object with a username and a password."
            return _problem({"title": "Bad request", "status": 400, "detail": detail})
        account, password = submitted
        network = client_key(request.client.host if request.client else "")
        cookie = request.cookies.get(NAME)
        device = self._devices.read(account, cookie)
        try:
            # Before anything is counted: who can't be served has made no attempt.
            async with self._line.turn(is_known=device is not None):
                share = request.scope.get(SHARE, 1)
                attempt = await self._guard.admit(account, network, device, share)
                return await self._check(attempt, password, cookie)
        except QueueFullError as full:
            wait = full.wait_seconds
            return self._too_much(
                Attempt(Outcome.BUSY, account, network, (), retry_after_seconds=wait)
            )

    async def _check(self, attempt: Attempt, password: str, cookie: str | None) -> Response:
        if attempt.outcome is Outcome.ADDRESS or attempt.outcome is Outcome.UNAVAILABLE:
            return self._too_much(attempt)
        is_welcome = attempt.outcome is Outcome.ADMITTED
        if not await self._passwords.verify(attempt.account, password, is_welcome):
            self._on_outcome("wrong" if is_welcome else "locked", attempt)
            return _problem(_REFUSAL)
        await self._guard.succeeded(attempt)
        self._on_outcome("succeeded", attempt)
        answer = JSONResponse({"status": "logged in"}, headers={"cache-control": "no-store"})
        answer.headers["set-cookie"] = self._devices.make(attempt.account, cookie)
        return answer

    def _too_much(self, attempt: Attempt) -> Response:
        """It says nothing of the account, so it may differ from a wrong password, and be quick."""
        self._on_outcome(attempt.outcome.value, attempt)
        status = 429 if attempt.outcome is Outcome.ADDRESS else 503
        detail = f"Try again in {attempt.retry_after_seconds} seconds."
        answer = _problem({"title": "Too many attempts", "status": status, "detail": detail})
        answer.headers["retry-after"] = str(attempt.retry_after_seconds)
        return answer


async def _submitted(request: Request) -> tuple[str, str] | None:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST_BODY:
            return None
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    name, password = found.get("username"), found.get("password")
    if not _is_text(name) or not _is_text(password):
        return None
    account = account_name(name)
    if account is None or not 0 < len(password) <= _LONGEST_PASSWORD:
        return None
    return account, password


def _is_text(value: object) -> TypeGuard[str]:
    """Return whether it can be written down: JSON may have halves of characters, which can't."""
    try:
        return isinstance(value, str) and bool(value.encode())
    except UnicodeEncodeError:
        return False


def _problem(members: dict[str, Any]) -> Response:
    return JSONResponse(
        {"type": "about:blank", **members},
        members["status"],
        headers={"cache-control": "no-store"},
        media_type="application/problem+json",
    )
