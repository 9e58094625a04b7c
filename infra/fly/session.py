"""HTTP to Fly: one place for addresses, the token, timeouts, retries and errors."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx
import stamina

from infra.fly import graphql, retries
from infra.fly.endpoints import Endpoints
from infra.fly.errors import (
    FlyApiError,
    LocalFlyDown,
    RateLimited,
    ServerError,
    Unreachable,
    error_for,
)
from infra.fly.pace import Pace
from infra.redact import cut

# Fly limits each action to one request per second and machine or app (burst 3): a shorter wait
# than a second after a 429 only burns the next token.
RATE_LIMIT_WAIT_SECONDS = 1.0
ATTEMPTS = 6
# Of an error: plain text is a page of a proxy's. It is redacted later, where the secrets are known.
TEXT_MAX = 200
DETAIL_MAX = 500
RETRIED_STATUSES = frozenset({502, 503, 504})

retries.install()


class FlySession:
    """Sends requests to Fly and turns what comes back into JSON or an error of the tree.

    Args:
        endpoints: where Fly is, and the token.
        transport: for tests, another httpx transport.
        pace: how fast to ask the Machines API.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        transport: httpx.AsyncBaseTransport | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.endpoints = endpoints
        self._pace = pace or Pace()
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
        """What a GraphQL document asks for.

        Args:
            action: what that is, for an error's text.
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
        """Send until an answer stands.

        A 429 is always repeated, since it did nothing. No answer and 502 to 504 are repeated
        only where a second run does no harm (`repeatable`, by default every method but POST).

        Raises:
            FlyError: a leaf of the tree in `infra/fly/errors.py`.
        """
        if repeatable is None:
            repeatable = method != "POST"
        retry = stamina.retry_context(
            on=lambda error: _should_retry(error, repeatable=repeatable),
            attempts=ATTEMPTS,
            timeout=None,
            wait_initial=0.2,
            wait_max=3.0,
            wait_jitter=0.3,
        )
        async for attempt in retry:
            with attempt:
                return await self._send_once(method, url, **options)
        raise AssertionError("unreachable: stamina returns or raises")

    async def _send_once(self, method: str, url: str, **options: Any) -> Any:
        action = f"{method} {httpx.URL(url).path}"
        try:
            answer = await self._http.request(method, url, **options)
        except httpx.HTTPError as exc:
            # A connection that was never made can't have applied anything.
            never_sent = isinstance(exc, httpx.ConnectError | httpx.ConnectTimeout)
            if isinstance(exc, httpx.ConnectError) and self.endpoints.is_local:
                raise LocalFlyDown(action, self.endpoints.flaps_url) from None
            raise Unreachable(
                action, type(exc).__name__, maybe_applied=not never_sent
            ) from None  # the cause carries the request, and with it the token
        if answer.is_success:
            return _json(action, answer)
        raise error_for(
            action, answer.status_code, _detail(answer), answer.headers.get("fly-request-id", "")
        )


def _should_retry(error: Exception, *, repeatable: bool) -> bool | float:
    if isinstance(error, RateLimited):
        return RATE_LIMIT_WAIT_SECONDS
    if isinstance(error, LocalFlyDown):
        return False
    if isinstance(error, Unreachable):
        return repeatable or not error.maybe_applied
    if isinstance(error, ServerError):
        return repeatable and error.status in RETRIED_STATUSES
    return False


def _json(action: str, answer: httpx.Response) -> Any:
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError:
        detail = f"no JSON but {cut(answer.text, 80)!r}; is something else in between?"
        raise FlyApiError(action, answer.status_code, detail) from None


def _detail(answer: httpx.Response) -> str:
    """The error's text: Fly says `error`, some endpoints `message`, a proxy plain text."""
    try:
        body = answer.json()
    except ValueError:
        return cut(answer.text, TEXT_MAX)
    if isinstance(body, dict):
        return cut(str(body.get("error") or body.get("message") or body), DETAIL_MAX)
    return cut(str(body), DETAIL_MAX)
