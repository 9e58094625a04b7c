"""What operators may do to a running limiter; off unless a token is set. Every act is logged."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from flygate_limiter import (
    Limiter,
    LimiterError,
    Mode,
    Policy,
    PolicyError,
    StoreError,
    canonical,
    client_key,
    subject_of,
)
from flygate_limiter import Request as Asked
from flygate_limiter.errors import shown
from flygate_wire.own_paths import ADMIN, LOGIN
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flygate_service.asgi.bearer import bears
from flygate_service.login import Unlock, account_name

Act = Callable[[Request], Awaitable[dict[str, Any]]]

_LONGEST_BLOCK_SECONDS: Final = 30 * 86_400
_WHOLE: Final = re.compile("[0-9]{1,10}")
_LONGEST_NAME: Final = 512
# What is written to the log as it was given.
_SHOWN: Final = ("policy", "seconds", "address")
_ELSEWHERE: Final = "an address that failed too often at this account: name it with address="


class AdminRoutes:
    """List policies, peek, reset, block, unlock, reload."""

    def __init__(
        self,
        token: str,
        limiter: Limiter,
        unlock: Unlock | None,
        reload: Callable[[], None],
        log: Any,
    ) -> None:
        """Open to holders of the token."""
        self._token = token
        self._limiter = limiter
        self._unlocks = unlock
        self._reload = reload
        self._log = log

    def routes(self) -> list[Route]:
        """Return the routes, for operators with the token."""
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
            if not bears(request.headers.get("authorization", ""), self._token):
                headers = {"www-authenticate": "Bearer"}
                return JSONResponse({"error": "a valid token is needed"}, 401, headers)
            try:
                answer = await act(request)
            except (LimiterError, ValueError) as exc:
                status = 503 if isinstance(exc, StoreError) else 400
                # What was wrong the answer says: it may hold a name, or a key.
                self._audit(request, act, status=status)
                return JSONResponse({"error": str(exc)}, status)
            self._audit(request, act)
            return JSONResponse(answer)

        return endpoint

    def _audit(self, request: Request, act: Act, **more: int) -> None:
        self._log.info(
            "admin",
            act=act.__name__.strip("_"),
            by=request.client.host if request.client else None,
            on=_on(request),
            **more,
        )

    async def _policies(self, _: Request) -> dict[str, Any]:
        policies = [
            {"name": policy.name, "quota": str(policy.quota), "mode": policy.mode.value}
            for policy in self._limiter.policies.policies
        ]
        return {"version": self._limiter.version, "policies": policies}

    async def _peek(self, request: Request) -> dict[str, Any]:
        return await self._shown(*self._bucket(request))

    async def _reset(self, request: Request) -> dict[str, Any]:
        policy, key = self._bucket(request)
        was_known = await self._limiter.reset(policy.name, key)
        return {**await self._shown(policy, key), "was_known": was_known}

    async def _block(self, request: Request) -> dict[str, Any]:
        policy, key = self._bucket(request)
        seconds = _seconds(request.query_params.get("seconds", ""))
        self._check_refuses(policy, key)
        await self._limiter.block(policy.name, key, seconds)
        return await self._shown(policy, key)

    async def _unlock(self, request: Request) -> dict[str, Any]:
        account = account_name(request.query_params.get("account", ""))
        if self._unlocks is None or account is None:
            raise ValueError("unlock needs an account, and LOGIN_USERS to be set")
        address = request.query_params.get("address")
        if address is None:
            done, still = await self._unlocks(account), [_ELSEWHERE]
        elif canonical(address) is None:
            raise ValueError(f"address: found {shown(address)}; allowed: an IP address")
        else:
            done = await self._unlocks(account, client_key(address))
            still = await self._held_by_policies(address)
        return {
            "was_locked": bool(done.held),
            "held_by": list(done.held),
            "still_held_by": [*done.still, *still],
        }

    async def _held_by_policies(self, address: str) -> list[str]:
        """Return what refuses a login from an address, besides what counts failed ones."""
        policies = self._limiter.policies
        login = Asked(client_key(address), "POST", LOGIN, address)
        if policies.denies(login):
            return ["deny"]
        held = []
        for policy in policies.match(login):
            if policy.mode is not Mode.ENFORCE:
                continue
            with suppress(PolicyError):  # whose bucket it is, only the request says
                decision = await self._limiter.peek(policy.name, subject_of(policy, address))
                if decision.remaining < policy.cost:
                    held.append(f"policy {policy.name}")
        return held

    async def _reload_policies(self, _: Request) -> dict[str, Any]:
        before = self._limiter.version
        self._reload()
        if self._limiter.version == before:
            raise PolicyError("the policies have a mistake and were not reloaded; see the log")
        return {"version": self._limiter.version}

    def _bucket(self, request: Request) -> tuple[Policy, str]:
        """Return the policy, and the key of the client that the operator means."""
        name, key = (request.query_params.get(word, "") for word in ("policy", "key"))
        if not name or not key:
            raise ValueError("a bucket is named by ?policy=NAME&key=KEY")
        if len(name) > _LONGEST_NAME or len(key) > _LONGEST_NAME:
            raise ValueError(f"policy and key have at most {_LONGEST_NAME} characters each")
        policy = self._limiter.policies.find(name)
        return policy, subject_of(policy, key)

    def _check_refuses(self, policy: Policy, key: str) -> None:
        """Refuse a block that would have no effect."""
        if policy.mode is not Mode.ENFORCE:
            raise ValueError(
                f"policy {policy.name!r} is in mode {policy.mode.value} and refuses no request;"
                " block by a policy that is enforced"
            )
        address = key.partition("/")[0]
        for name, networks in (("allow", self._limiter.policies.allow), ("exempt", policy.exempt)):
            if address in networks:
                raise ValueError(f"{key} is in {name}, so it is never refused; remove it there")

    async def _shown(self, policy: Policy, key: str) -> dict[str, Any]:
        decision = await self._limiter.peek(policy.name, key)
        return {
            "policy": policy.name,
            "key": key,
            "quota": str(decision.quota),
            "remaining": decision.remaining,
            "seconds_until_full": -(-decision.owed_ns // 1_000_000_000),
        }


def _on(request: Request) -> dict[str, str]:
    """Return what an act is about, without names: they can be recognised, and not be read."""
    named = request.query_params
    found = {name: named[name][:_LONGEST_NAME] for name in _SHOWN if name in named}
    if "key" in named:
        found["key"] = _masked(named["key"])
    if account := account_name(named.get("account", "")):
        found["account_sha256"] = _digest(account)
    return found


def _masked(key: str) -> str:
    """An address as it is; of a header's value, an API key say, the name; of others a digest."""
    if key == "everyone" or canonical(key.partition("/")[0]) is not None:
        return key
    name, equals, _ = key.partition("=")
    return f"{name[:_LONGEST_NAME]}=(hidden)" if equals else f"sha256:{_digest(key)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _seconds(text: str) -> int:
    if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= _LONGEST_BLOCK_SECONDS:
        raise ValueError(
            f"seconds: found {shown(text)}; allowed: a whole number from 1 to"
            f" {_LONGEST_BLOCK_SECONDS}"
        )
    return int(text)
