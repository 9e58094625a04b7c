"""The environment that is examined: each fact is found out once, however many checks ask for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from flygate import config
from flygate.config import StackConfig, secrecy
from flygate.config.secrecy import Secrecy
from flygate.config.stack_file import StackFile
from flygate.doctor.errors import UnknownError
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import FLAPS_URL, Endpoints, is_loopback
from flygate.fly.errors import FlyError, UnauthorizedError, UnreachableError
from flygate.fly.greeting import Greeting, greet
from flygate.fly.models import App
from flygate.fly.retries import RetryBudget
from flygate.pulumi.errors import LOCAL_STACK
from flygate.rollout.state import State, observe
from flygate.system.errors import ConfigError, FlygateError

Fact = TypeVar("Fact")

BACKEND, CONFIGURATION, FLY, TOKEN, APP = "backend", "configuration", "fly", "token", "app"
HISTORY_MAX = "100"
# A check reports that Fly fails; it does not wait until Fly works again.
ATTEMPTS = 3
_SECRET_KEYS = (f"{config.PROJECT}:{secrecy.SECRETS}", f"{config.PROJECT}:{secrecy.REDIS}")


class PulumiStack(Protocol):
    """A stack, and Pulumi run on it; see `infra/flygate/cli/stack/stack.py`."""

    @property
    def name(self) -> str:
        """The stack's name."""

    @property
    def root(self) -> Path:
        """The checkout."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables for Pulumi and Fly."""

    def ask(self, *arguments: str) -> str:
        """What a Pulumi command on this stack prints."""


class Facts:
    """What is known of an environment, a stack. Use it as an async context manager.

    Every fact is a coroutine that raises `UnknownError` where the fact can't be had.

    Args:
        assumed: the settings of a stack that there is not yet.
    """

    def __init__(self, stack: PulumiStack, assumed: Mapping[str, str] | None = None) -> None:
        self.name = stack.name
        self.root = stack.root
        self.environment = stack.environment
        self._stack = stack
        self._assumed = assumed
        self._facts: dict[str, asyncio.Task[Any]] = {}
        self._client: FlyClient | None = None
        # The keys of the configuration in which something is encrypted.
        self._sealed: set[str] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._facts.values():
            task.cancel()
        await asyncio.gather(*self._facts.values(), return_exceptions=True)
        if self._client:
            await self._client.__aexit__(None, None, None)

    @property
    def flaps_url(self) -> str:
        """Where the Machines API is."""
        return self.environment.get("FLY_FLAPS_BASE_URL", FLAPS_URL).rstrip("/")

    @property
    def is_on_local_fly(self) -> bool:
        """Its Fly is on this computer."""
        return self.name == LOCAL_STACK or is_loopback(self.flaps_url)

    @property
    def deploy(self) -> str:
        """The command that deploys it."""
        return "make up" if self.name == LOCAL_STACK else f"pulumi up --stack {self.name}"

    async def settings(self) -> Mapping[str, str]:
        """Return the stack's configuration as text, its secrets in clear."""
        if self._assumed is not None:
            return self._assumed
        return await self._once("settings", self._settings)

    async def secret_texts(self) -> list[str]:
        """Return all that is secret in it; nothing of it may be shown."""
        settings = await self.settings()
        return list(self._secrecy(settings).texts())

    async def backend_error(self) -> FlygateError | None:
        """Return why Pulumi can't read the stack's configuration; None if it can."""
        try:
            await self._once("settings", self._settings)
        except UnknownError as exc:
            return exc.cause or exc
        return None

    async def config(self) -> StackConfig:
        """Return the configuration, typed and checked."""
        return await self._once("config", self._config)

    async def secrets(self) -> dict[str, str]:
        """Return the stack's secrets for the service."""
        try:
            return config.load_secrets(await self.settings())
        except ConfigError as exc:
            raise UnknownError(CONFIGURATION, str(exc), "pulumi config") from None

    async def outputs(self) -> dict[str, Any]:
        """Return what the last deployment left; nothing before the first."""
        return await self._once("outputs", self._outputs)

    async def history(self) -> list[dict[str, Any]]:
        """Return Pulumi's updates of the stack, newest first, with the configuration of each."""
        return await self._once("history", self._history)

    async def greeting(self) -> Greeting:
        """Return what Fly answers without a token."""
        return await self._once("greeting", self._greeting)

    async def endpoints(self) -> Endpoints:
        """Return where Fly is, and the token."""
        try:
            return Endpoints.from_env(self.environment)
        except ConfigError as exc:
            reason = str(exc).split(". ", maxsplit=1)[0]
            raise UnknownError(TOKEN, reason, "") from None

    async def fly(self) -> FlyClient:
        """Return a client of a Fly that answers."""
        endpoints = await self.endpoints()
        await self.greeting()
        self._client = self._client or FlyClient(endpoints, retry_budget=RetryBudget(ATTEMPTS))
        return self._client

    async def app(self) -> App | None:
        """Return the app; None if there is none of that name."""
        return await self._once("app", self._app)

    async def state(self) -> State:
        """Return the machines that Flygate made."""
        return await self._once("state", self._state)

    async def _once(self, name: str, find: Callable[[], Coroutine[Any, Any, Fact]]) -> Fact:
        """Find a fact once; a check that is out of time must not cancel it for the others."""
        if name not in self._facts:
            self._facts[name] = asyncio.create_task(find())
        found: Fact = await asyncio.shield(self._facts[name])
        return found

    async def _settings(self) -> dict[str, str]:
        text = await self._ask("config", "--json", "--show-secrets")
        prefix = f"{config.PROJECT}:"
        found = {k: entry for k, entry in json.loads(text).items() if k.startswith(prefix)}
        sealed = {k for k, e in found.items() if e.get("secret", k in _SECRET_KEYS)}
        self._sealed = {key.removeprefix(prefix) for key in sealed}
        return {k.removeprefix(prefix): str(e.get("value", "")) for k, e in found.items()}

    def _secrecy(self, settings: Mapping[str, str]) -> Secrecy:
        written = StackFile.read(self.root, self.name).values if self._assumed is None else {}
        return secrecy.read(settings, self._sealed, written)

    async def _config(self) -> StackConfig:
        settings = await self.settings()
        try:
            self._secrecy(settings).check()
            return config.load(settings)
        except ConfigError as exc:
            raise UnknownError(CONFIGURATION, str(exc), "") from None

    async def _outputs(self) -> dict[str, Any]:
        outputs: dict[str, Any] = json.loads(await self._ask("stack", "output", "--json"))
        return outputs

    async def _history(self) -> list[dict[str, Any]]:
        # A section with a secret in it is hidden as a whole without --show-secrets.
        words = ("stack", "history", "--json", "--show-secrets", "--page-size", HISTORY_MAX)
        updates: list[dict[str, Any]] = json.loads(await self._ask(*words) or "[]")
        return updates

    async def _ask(self, *arguments: str) -> str:
        try:
            return await asyncio.to_thread(self._stack.ask, *arguments)
        except FlygateError as exc:
            raise UnknownError(BACKEND, str(exc), "", exc) from None

    async def _greeting(self) -> Greeting:
        if self.is_on_local_fly and not is_loopback(self.flaps_url):
            raise UnknownError(FLY, "the local Fly was never started here", "make up")
        try:
            return await greet(self.flaps_url)
        except FlyError as exc:
            raise UnknownError(FLY, str(exc), "") from None

    async def _app(self) -> App | None:
        desired, fly = await self.config(), await self.fly()
        return await _answer(fly.app(desired.app), APP)

    async def _state(self) -> State:
        if await self.app() is None:
            raise UnknownError(APP, "there is no app yet", self.deploy)
        desired, fly = await self.config(), await self.fly()
        return await _answer(observe(fly, desired.app), APP)


async def _answer(answer: Coroutine[Any, Any, Fact], check: str) -> Fact:
    """Return what Fly answers, or raise the error of the check that reports its failure."""
    try:
        return await answer
    except UnreachableError as exc:
        raise UnknownError(FLY, str(exc), "") from None
    except UnauthorizedError as exc:
        raise UnknownError(TOKEN if exc.status == 401 else check, str(exc), "") from None
    except FlyError as exc:
        raise UnknownError(check, str(exc), "") from None
