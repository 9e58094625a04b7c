"""What operators may do to a running limiter; off unless a token is set. Every act is logged."""

import hmac
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from service.limiter import (
    Decision,
    Limiter,
    LimiterError,
    PolicyError,
    StoreUnavailable,
    canonical,
    client_key,
)
from service.limiter.errors import shown
from service.login import LoginGuard, account_name
from service.paths import ADMIN

Act = Callable[[Request], Awaitable[dict[str, Any]]]

_LONGEST_BLOCK_SECONDS: Final = 30 * 86_400
_WHOLE: Final = re.compile("[0-9]{1,10}")
_LONGEST_NAME: Final = 512


class AdminRoutes:
    """List policies, peek, reset, block, unlock, reload."""

    def __init__(
        self,
        token: str,
        limiter: Limiter,
        guard: LoginGuard | None,
        reload: Callable[[], None],
        log: Any,
    ) -> None:
        """Open to whoever has the token."""
        self._token = token.encode()
        self._limiter = limiter
        self._guard = guard
        self._reload = reload
        self._log = log

    def routes(self) -> list[Route]:
        """The routes."""
        table: list[tuple[str, str, Act]] = [
            ("GET", "/policies", self._policies),
            ("GET", "/bucket", self._peek),
            ("DELETE", "/bucket", self._reset),
            ("POST", "/block", self._block),
            ("POST", "/unlock", self._unlock),
            ("POST", "/reload", self._reload_policies),
        ]
        return [
            Route(f"{ADMIN}{path}", self._guarded(act), methods=[method])
            for method, path, act in table
        ]

    def _guarded(self, act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            given = request.headers.get("authorization", "").removeprefix("Bearer ").encode()
            if not hmac.compare_digest(given, self._token):
                headers = {"www-authenticate": "Bearer"}
                return JSONResponse({"error": "a valid token is needed"}, 401, headers)
            try:
                answer = await act(request)
            except (LimiterError, ValueError) as error:
                self._audit(request, act, error=str(error))
                status = 503 if isinstance(error, StoreUnavailable) else 400
                return JSONResponse({"error": str(error)}, status)
            self._audit(request, act)
            return JSONResponse(answer)

        return endpoint

    def _audit(self, request: Request, act: Act, **more: str) -> None:
        self._log.info(
            "admin",
            act=act.__name__.strip("_"),
            by=request.client.host if request.client else None,
            on={name: _masked(value) for name, value in request.query_params.items()},
            **more,
        )

    async def _policies(self, _: Request) -> dict[str, Any]:
        policies = [
            {"name": policy.name, "quota": str(policy.quota), "mode": policy.mode.value}
            for policy in self._limiter.policies.policies
        ]
        return {"version": self._limiter.version, "policies": policies}

    async def _peek(self, request: Request) -> dict[str, Any]:
        policy, key = _bucket(request)
        return _shown(policy, key, await self._limiter.peek(policy, key))

    async def _reset(self, request: Request) -> dict[str, Any]:
        policy, key = _bucket(request)
        return {"policy": policy, "key": key, "was_known": await self._limiter.reset(policy, key)}

    async def _block(self, request: Request) -> dict[str, Any]:
        policy, key = _bucket(request)
        seconds = _seconds(request.query_params.get("seconds", ""))
        await self._limiter.block(policy, key, seconds)
        return _shown(policy, key, await self._limiter.peek(policy, key))

    async def _unlock(self, request: Request) -> dict[str, Any]:
        account = account_name(request.query_params.get("account", ""))
        if self._guard is None or account is None:
            raise ValueError("unlock needs an account, and LOGIN_USERS to be set")
        address = request.query_params.get("address")
        network = client_key(address) if address else None
        return {"was_locked": await self._guard.unlock(account, network)}

    async def _reload_policies(self, _: Request) -> dict[str, Any]:
        before = self._limiter.version
        self._reload()
        if self._limiter.version == before:
            raise PolicyError("the policies have a mistake and were not reloaded; see the log")
        return {"version": self._limiter.version}


def _masked(value: str) -> str:
    """A bucket that is named after a header's value, an API key say, without that value."""
    name, equals, _ = value.partition("=")
    return f"{name}=(hidden)" if equals else value


def _seconds(text: str) -> int:
    if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= _LONGEST_BLOCK_SECONDS:
        raise ValueError(
            f"seconds: found {shown(text)}; allowed: a whole number from 1 to"
            f" {_LONGEST_BLOCK_SECONDS}"
        )
    return int(text)


def _bucket(request: Request) -> tuple[str, str]:
    policy, key = request.query_params.get("policy", ""), request.query_params.get("key", "")
    if not policy or not key:
        raise ValueError("a bucket is named by ?policy=NAME&key=KEY")
    if len(policy) > _LONGEST_NAME or len(key) > _LONGEST_NAME:
        raise ValueError(f"policy and key have at most {_LONGEST_NAME} characters each")
    return policy, client_key(key) if canonical(key) is not None else key


def _shown(policy: str, key: str, decision: Decision) -> dict[str, Any]:
    return {
        "policy": policy,
        "key": key,
        "quota": str(decision.quota),
        "remaining": decision.remaining,
        "seconds_until_full": -(-decision.owed_ns // 1_000_000_000),
    }
