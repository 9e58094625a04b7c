"""A local Fly for tests: on free ports, with a tiny image whose machines start in a moment."""

import asyncio
import hashlib
import io
import json
import tarfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from localfly.daemon.local_fly import LocalFly
from localfly.daemon.options import Options
from localfly.processes.identity import identify

Json = dict[str, Any]

TOKEN = "test-token"
_SERVER = Path(__file__).with_name("tiny_server.py")


def make_image(files: Mapping[str, bytes], command: list[str]) -> bytes:
    """A deterministic tar with an image.json."""
    manifest = json.dumps({"cmd": command, "env": {"FROM_IMAGE": "image"}}).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in sorted({**files, "image.json": manifest}.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def tiny_image() -> bytes:
    """A small HTTP server on the standard library alone."""
    return make_image(
        {"tiny_server.py": _SERVER.read_bytes()}, ["python", "-S", "-E", "tiny_server.py"]
    )


async def ended(pid: int) -> bool:
    """Waits for the end of a process that may have no parent here."""
    async with asyncio.timeout(10):
        while identify(pid):  # noqa: ASYNC110 (no event exists)
            await asyncio.sleep(0.02)
    return True


def digest_of(image: bytes) -> str:
    return "sha256:" + hashlib.sha256(image).hexdigest()


@dataclass(slots=True)
class Machines:
    """Short calls for one app of a local Fly; each answer is checked."""

    fly: LocalFly
    api: httpx.AsyncClient
    proxy: httpx.AsyncClient
    app: str = "demo"
    digest: str = ""
    paths: list[str] = field(default_factory=list)

    @property
    def base(self) -> str:
        return f"/v1/apps/{self.app}/machines"

    def config(self, **overrides: Any) -> Json:
        service = {
            "protocol": "tcp",
            "internal_port": 8080,
            "ports": [{"port": 80, "handlers": ["http"]}],
            "checks": [{"type": "http", "path": "/health", "interval": "2s", "timeout": "2s"}],
            "concurrency": {"type": "requests", "soft_limit": 20, "hard_limit": 40},
        }
        image = f"registry.fly.io/{self.app}:v1@{self.digest}"
        return {"image": image, "services": [service], **overrides}

    async def setup(self) -> None:
        image = tiny_image()
        self.digest = digest_of(image)
        await self.put_image(image)
        answer = await self.api.post("/v1/apps", json={"name": self.app, "org_slug": "personal"})
        assert answer.status_code == 201, answer.text

    async def put_image(self, image: bytes) -> str:
        answer = await self.api.put(f"/_images/{digest_of(image)}", content=image)
        assert answer.status_code in {200, 201}, answer.text
        return digest_of(image)

    async def create(self, config: Json | None = None, **body: Any) -> Json:
        document = {"config": config or self.config(), **body}
        answer = await self.api.post(self.base, json=document)
        assert answer.status_code == 200, answer.text
        machine: Json = answer.json()
        return machine

    async def get(self, machine: str) -> Json:
        answer = await self.api.get(f"{self.base}/{machine}")
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def post(self, machine: str, action: str, **request: Any) -> httpx.Response:
        return await self.api.post(f"{self.base}/{machine}/{action}", **request)

    async def wait(self, machine: str, state: str, timeout: int = 20) -> Json:
        query = f"state={state}&timeout={timeout}"
        answer = await self.api.get(f"{self.base}/{machine}/wait?{query}")
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def healthy(self, machine: str) -> Json:
        """The machine, once it is started and all its checks pass."""

        def passes(found: Json) -> bool:
            checks = [check["status"] for check in found["checks"]]
            return found["state"] == "started" and bool(checks) and set(checks) == {"passing"}

        return await self.until(machine, passes)

    async def until(self, machine: str, holds: Callable[[Json], Any], seconds: float = 20) -> Json:
        async with asyncio.timeout(seconds):
            while not holds(found := await self.get(machine)):  # noqa: ASYNC110 (remote state)
                await asyncio.sleep(0.02)
        return found

    async def said(self, machine: str, message: str) -> None:
        """Returns when the machine has written this line."""
        path = f"/api/v1/apps/{self.app}/logs?instance={machine}"
        async with asyncio.timeout(20):
            while True:
                lines = (await self.api.get(path)).json()["data"]
                if message in [line["attributes"]["message"] for line in lines]:
                    return

    async def serving(self, **body: Any) -> Json:
        """A new machine that answers through the proxy."""
        return await self.healthy((await self.create(**body))["id"])

    async def ask(self, path: str = "/", **headers: str) -> httpx.Response:
        """A request through the proxy."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.proxy.get(path, headers={"host": f"{self.app}.localhost", **named})


@asynccontextmanager
async def local_machines(
    state_dir: Path,
    options: Options = Options(),  # noqa: B008 (frozen)
    *,
    expects_app: bool = False,
) -> AsyncIterator[Machines]:
    """A local Fly with one app and the tiny image; everything ends with the context."""
    async with (
        LocalFly(state_dir, options=options) as fly,
        clients(fly.api_url, fly.proxy_url) as (api, proxy),
    ):
        machines = Machines(fly, api, proxy)
        if not expects_app:
            await machines.setup()
        yield machines


@asynccontextmanager
async def clients(
    api_url: str, proxy_url: str, token: str = TOKEN
) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    for url in (api_url, proxy_url):
        assert httpx.URL(url).host == "127.0.0.1", f"tests talk to loopback only, not to {url}"
    headers = {"authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(base_url=api_url, headers=headers, timeout=70, trust_env=False) as api,
        httpx.AsyncClient(base_url=proxy_url, timeout=30, trust_env=False) as proxy,
    ):
        yield api, proxy
