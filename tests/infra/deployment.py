"""The verbs of a deployment, for tests: what an operator does, and what a user of the app sees."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from flygate.commands import app as app_op
from flygate.commands import release as release_op
from flygate.commands.orders import Orders
from flygate.commands.recovery import Recovered
from flygate.commands.request import ReleaseRequest
from flygate.commands.workspace import Workspace
from flygate.config import Pin
from flygate.fly.client import FlyClient
from flygate.fly.models import Check
from flygate.fly.web import open_web
from flygate.images import packed_image
from flygate.manifest import Gates, Manifest
from flygate.record.ledger import Ledger
from flygate.rollout.state import State, observe

from tests.support.fly_tomls import config_of

APP = "shop"
TOML: dict[str, Any] = {
    "primary_region": "iad",
    "kill_signal": "SIGTERM",
    "kill_timeout": 2,
    "http_service": {
        "internal_port": 8080,
        "checks": [{"path": "/readyz", "interval": "1s", "timeout": "2s", "grace_period": "5s"}],
    },
}


@dataclass
class Traffic:
    """What a user got who asked all the time."""

    answers: list[dict[str, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    progress: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def releases(self) -> list[str]:
        """The releases that answered, in the order in which they were first seen."""
        return list(dict.fromkeys(answer["FLYGATE_RELEASE"] for answer in self.answers))

    async def more(self, count: int = 5) -> None:
        """Wait for some more requests."""
        enough = len(self.answers) + len(self.failures) + count
        async with self.progress:
            await self.progress.wait_for(lambda: len(self.answers) + len(self.failures) >= enough)


class Deployment:
    """One app of a test.

    Attributes:
        ledger: of the last release that stood.
        owner: the label of the stack that releases; empty as in Flygate 0.1.
    """

    def __init__(self, fly: FlyClient, root: Path, source: tuple[str, ...] = ("service",)) -> None:
        self.source = source
        self.fly = fly
        self.root = root
        self.ledger = Ledger()
        self.url = ""
        self.owner = ""
        self.pins = 0

    async def create_app(self) -> None:
        """The app, as `flygate op app` makes it."""
        made = await app_op.ensure(app_op.AppRequest(app=APP, org="personal"), self.fly)
        self.url = made.url

    def manifest(self, secrets: tuple[str, ...] = (), **changes: Any) -> Manifest:
        """What the checkout asks for; `env` is laid over the machine config's."""
        env = changes.pop("env", {})
        values: dict[str, Any] = {
            "app": APP,
            "image": packed_image.pack(self.root, self.source).reference(APP),
            "config": config_of(TOML, {"env": env}),
            "phase": 1,
            "regions": ("iad",),
            "machines": 1,
            "secrets": secrets,
            "gates": Gates(wait="10s", drain="0s"),
        }
        return Manifest(**{**values, **changes})

    async def release(
        self,
        secrets: dict[str, str] | None = None,
        drift: str = "",
        how: dict[str, Any] | None = None,
        **changes: Any,
    ) -> Ledger:
        """Run `flygate op release`; the ledger is kept only if it worked, as Pulumi does.

        Args:
            how: fields of the `Workspace`.
            changes: to the manifest.
        """
        request, values = self.request(secrets=secrets, drift=drift, **changes)
        # A release after a rollback goes forward.
        site = self.site({"orders": Orders(forward=self.ledger.pin is not None), **(how or {})})
        self.ledger = await release_op.release(request, values, Recovered(self.ledger), site)
        return self.ledger

    async def pin(
        self,
        version: int,
        how: dict[str, Any] | None = None,
        kept: dict[str, str] | None = None,
        attached: tuple[str, ...] = (),
        **fields: Any,
    ) -> Ledger:
        """Run `flygate op release` with a pin, as `flygate rollback` makes it.

        Args:
            kept: present values of secrets that are not restored.
            attached: those of them that the release gets if it had none, too.
        """
        request, _ = self.request(version, **fields)
        request = request.model_copy(update={"attached": attached})
        site = self.site(how)
        self.ledger = await release_op.release(request, kept or {}, Recovered(self.ledger), site)
        return self.ledger

    def request(
        self,
        pin: int = 0,
        secrets: dict[str, str] | None = None,
        drift: str = "",
        **fields: Any,
    ) -> tuple[ReleaseRequest, dict[str, str]]:
        """What Pulumi would hand over: a request and its secrets.

        Args:
            pin: the version to pin to, or none for the checkout.
            fields: of the pin, or changes to the manifest.
        """
        if pin:
            pinned = next(r for r in self.ledger.releases if r.version == pin)
            former = self.ledger.pin
            if former is None or former.manifest != pinned.manifest_id:
                self.pins += 1  # each one is later than those before it
            at = f"2026-11-29T10:{self.pins:02}:00+00:00"
            made = Pin(**{"version": f"v{pin}", "manifest": pinned.manifest_id, "at": at, **fields})
            return ReleaseRequest(app=APP, content=made), {}
        values = secrets or {}
        manifest = self.manifest(tuple(sorted(values)), **fields)
        asked = ReleaseRequest(
            app=APP, content=manifest, source=self.source, drift=drift, owner=self.owner
        )
        return asked, values

    def running(self, greeting: str) -> int:
        """The newest release that the ledger has with this greeting."""
        found = [r for r in self.ledger.releases if r.manifest.env.get("GREETING") == greeting]
        return found[-1].version

    def site(self, how: dict[str, Any] | None = None) -> Workspace:
        """Where its releases are made."""
        return Workspace(self.root, self.fly, **(how or {}))

    async def push_image(self) -> None:
        """The checkout's image is in the registry."""
        packed = packed_image.pack(self.root, self.source)
        await self.fly.push_image(packed.digest, packed.archive)

    async def machine(self, name: str) -> str:
        """A machine that belongs to no release."""
        await self.push_image()
        wanted = self.manifest()
        request = {"name": name, "config": {**wanted.config, "image": wanted.image}}
        return (await self.fly.create_machine(APP, request)).id

    async def state(self) -> State:
        """What runs."""
        return await observe(self.fly, APP)

    async def fingerprint(self) -> dict[str, Any]:
        """All of the app that a failed release must leave as it was."""
        machines = await self.fly.machines(APP)
        return {
            "machines": {
                m.name: (m.id, m.instance_id, m.state, m.cordoned, m.metadata) for m in machines
            },
            "secrets": {s.name: s.digest for s in await self.fly.secrets(APP)},
            "leases": [m.id for m in machines if await self.fly.lease(APP, m.id)],
        }

    async def by_hand(self, method: str, path: str, body: Any = None) -> Any:
        """Change the app by hand, without Flygate."""
        options = {} if body is None else {"json": body}
        return await self.fly._session.flaps(method, f"/apps/{APP}{path}", **options)

    async def edit(self, machine_id: str, **env: str) -> None:
        """Give a machine other environment variables, as `fly machine update --env` does."""
        config = (await self.by_hand("GET", f"/machines/{machine_id}"))["config"]
        config["env"] = {**config["env"], **env}
        await self.by_hand("POST", f"/machines/{machine_id}", {"config": config})
        await self.fly.wait(APP, machine_id, "started", 10)

    async def restart(self, machine_id: str) -> None:
        """Stop and start a machine; it serves again when this returns."""
        await self.fly.stop(APP, machine_id)
        await self.fly.wait(APP, machine_id, "stopped", 10)
        await self.fly.start(APP, machine_id)
        while not all(c.status == "passing" for c in await self._checks(machine_id)):  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    async def _checks(self, machine_id: str) -> list[Check]:
        return (await self.fly.machine(APP, machine_id)).checks

    async def release_address(self, sign: str) -> None:
        """Release the addresses that have a sign: `:` or `.`."""
        for address in await self.fly.ips(APP):
            if sign in address.ip:
                await self.by_hand("DELETE", f"/ip_assignments/{address.ip}")

    async def ask(self, **headers: str) -> dict[str, str]:
        """One request through the proxy: which release and machine answered, with which values."""
        async with open_web(self.url) as web:
            answer = await web.get("/", headers=headers)
        answer.raise_for_status()
        found: dict[str, str] = answer.json()
        return found

    @contextlib.asynccontextmanager
    async def traffic(self) -> AsyncIterator[Traffic]:
        """Ask all the time while the body runs."""
        seen = Traffic()
        asking = asyncio.create_task(self._ask_for_ever(seen))
        try:
            await seen.more(1)
            yield seen
            await seen.more(1)
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _ask_for_ever(self, seen: Traffic) -> None:
        async with open_web(self.url) as web:
            while True:
                try:
                    answer = await web.get("/")
                    if answer.status_code == 200:
                        seen.answers.append(answer.json())
                    else:
                        seen.failures.append(f"{answer.status_code} {answer.text[:200]}")
                except httpx.HTTPError as exc:
                    seen.failures.append(repr(exc))
                async with seen.progress:
                    seen.progress.notify_all()
                await asyncio.sleep(0.02)  # leave the machine some room
