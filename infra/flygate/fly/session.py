"""HTTP to Fly: one place for addresses, the token, timeouts, retries and errors."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import httpx

from flygate.fly import graphql, retries
from flygate.fly.endpoints import Endpoints
from flygate.fly.errors import (
    FlyApiError,
    FlyError,
    LocalFlyDownError,
    RateLimitedError,
    UnreachableError,
    error_for,
)
from flygate.fly.pace import Pace
from flygate.fly.retries import RetryBudget, attempts, may_have_happened
from flygate.redaction.redact import cut, shown

# Of an error: plain text is a page of a proxy's. It is redacted later, where the secrets are known.
TEXT_MAX = 200
DETAIL_MAX = 500
# Checks what must hold before a change; it raises if it does not.
Guard = Callable[[], Awaitable[None]]

retries.install()


class FlySession:
    """Sends requests to Fly and turns what comes back into JSON or an error of the tree.

    Args:
        endpoints: where Fly is, and the token.
        transport: for tests, another httpx transport.
        pace: how fast to ask the Machines API.

    Attributes:
        retry_budget: how much may still be repeated.
        guard: called before each change while a rollout holds its lock: see `rollout/lock/lock.py`.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        transport: httpx.AsyncBaseTransport | None = None,
        pace: Pace | None = None,
        retry_budget: RetryBudget | None = None,
    ) -> None:
        self.endpoints = endpoints
        self._pace = pace or Pace()
        self.retry_budget = retry_budget or RetryBudget()
        self.guard: Guard | None = None
        self._http = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {endpoints.token}", "User-Agent": "flygate"},
            timeout=httpx.Timeout(15.0, connect=5.0),
            transport=transport,
            trust_env=not endpoints.is_local,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def flaps(self, method: str, path: str, **options: Any) -> Any:
        """One call of the Machines API; `path` starts below `/v1`. See `_send` for options."""
        if self.guard and method != "GET" and not path.endswith("/lease"):
            await self.guard()
        await self._pace.wait(method, path)
        return await self._send(method, f"{self.endpoints.flaps_url}/v1{path}", **options)

    async def api(self, method: str, path: str, **options: Any) -> Any:
        """One call below `FLY_API_BASE_URL` (GraphQL, logs)."""
        return await self._send(method, f"{self.endpoints.api_url}{path}", **options)

    async def uiex(self, method: str, path: str, **options: Any) -> Any:
        """One call of the releases API; `path` starts below `/api/v1`."""
        return await self._send(method, f"{self.endpoints.uiex_url}/api/v1{path}", **options)

    async def query(
        self, action: str, document: str, variables: Mapping[str, Any], *, repeatable: bool
    ) -> dict[str, Any]:
        """Send a GraphQL document, and return its data.

        Args:
            action: what it requests, for an error's text.
        """
        body = {"query": document, "variables": dict(variables)}
        answer = await self.api("POST", "/graphql", json=body, repeatable=repeatable)
        return graphql.data(action, answer)

    async def registry(self, method: str, path: str, **options: Any) -> Any:
        """One call of the local Fly's registry (real Fly has none at this address)."""
        return await self._send(method, f"{self.endpoints.flaps_url}{path}", **options)

    async def _send(
        self, method: str, url: str, *, repeatable: bool | None = None, **options: Any
    ) -> Any:
        """Send, and repeat until there is an answer to keep.

        A 429 is always repeated, since it did nothing. No answer and 5xx are repeated only where a
        second run does no harm (`repeatable`, by default every method but POST); any other caller
        has to look first whether the call has done its work.

        Raises:
            FlyError: a leaf of the tree in `infra/flygate/fly/errors.py`.
        """
        if repeatable is None:
            repeatable = method != "POST"

        def when(error: Exception) -> bool | float:
            is_safe = (
                repeatable or isinstance(error, RateLimitedError) or not may_have_happened(error)
            )
            return is_safe and self.retry_budget.spend(error)

        try:
            async for attempt in attempts(when, self.retry_budget.attempts):
                with attempt:
                    answer = await self._send_once(method, url, **options)
        except FlyError as exc:
            exc.note = exc.note or self.retry_budget.problem
            raise
        self.retry_budget.note_answer()
        return answer

    async def _send_once(self, method: str, url: str, **options: Any) -> Any:
        action = f"{method} {httpx.URL(url).path}"
        try:
            answer = await self._http.request(method, url, **options)
        except httpx.HTTPError as exc:
            # A connection that was never made can't have applied anything.
            never_sent = isinstance(exc, httpx.ConnectError | httpx.ConnectTimeout)
            if isinstance(exc, httpx.ConnectError) and self.endpoints.is_local:
                raise LocalFlyDownError(action, self.endpoints.flaps_url) from None
            raise UnreachableError(
                action, type(exc).__name__, maybe_applied=not never_sent
            ) from None  # the cause carries the request, and with it the token
        if answer.is_success:
            return _json(action, answer)
        error = error_for(
            action, answer.status_code, _detail(answer), answer.headers.get("fly-request-id", "")
        )
        error.retry_after = _seconds(answer.headers.get("retry-after", ""))
        raise error


def _json(action: str, answer: httpx.Response) -> Any:
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError:
        detail = f"no JSON but {cut(answer.text, 80)!r}; is something else in between?"
        raise FlyApiError(action, answer.status_code, detail) from None


def _detail(answer: httpx.Response) -> str:
    """Return the error's text: Fly says `error`, some endpoints `message`, a proxy plain text."""
    try:
        body = answer.json()
    except ValueError:
        return shown(answer.text, TEXT_MAX)
    if isinstance(body, dict):
        return shown(str(body.get("error") or body.get("message") or body), DETAIL_MAX)
    return shown(str(body), DETAIL_MAX)


def _seconds(retry_after: str) -> float:
    """Return the header as seconds from now: it is a number of them, or a date."""
    if not retry_after:
        return 0.0
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return 0.0
