"""The Dockerfile, built and run for real where a Docker answers."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from flygate.config.source import SERVICE
from flygate.images.build_context import BuildContext
from flygate.images.builder import BuildRequest
from flygate.images.docker import Docker
from flygate.images.revision import Revision

from tests.support.docker_images import DockerUnavailableError
from tests.support.docker_program import build_arguments, docker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[3]
AT = 1_000_000_000
NAME = f"flygate-test/service:{os.getpid()}"
# An application of a user's own, which reads all of a request before it answers.
SHOP = """\
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})
"""

Run = Callable[..., "Container"]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image of this checkout, and of a shop beside it."""
    try:
        extra = build_arguments()
    except DockerUnavailableError as exc:
        pytest.skip(str(exc))
    order = BuildRequest("shop", NAME, Revision("1f00aa112233", AT, is_dirty=False), extra=extra)
    with BuildContext(ROOT, SERVICE).laid_out() as folder:
        (folder / "shop.py").write_text(SHOP)
        Docker(os.environ).build(order, folder)
    try:
        yield NAME
    finally:
        docker("image", "rm", "--force", NAME)


class Container:
    """A machine of the image, as Fly would start it, but with fewer rights."""

    def __init__(self, image: str, *options: str) -> None:
        restricted = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
        memory = ("--memory", "256m", "--env", "FLY_VM_MEMORY_MB=256")
        published = ("--publish", "127.0.0.1::8080")
        self.id = docker("run", "--detach", *restricted, *memory, *published, *options, image)
        self.address = docker("port", self.id, "8080/tcp").partition("\n")[0]
        assert self.address.startswith("127.0.0.1:")
        self.url = f"http://{self.address}"

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=5, trust_env=False)

    def wait_until_ready(self) -> Container:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                if self.get("/readyz").status_code == 200:
                    return self
            time.sleep(0.1)
        raise AssertionError(f"never ready: {docker('logs', self.id)}")

    def wait_until_draining(self) -> None:
        deadline = time.monotonic() + 10
        with contextlib.suppress(httpx.HTTPError):
            while self.get("/readyz").status_code == 200:
                assert time.monotonic() < deadline, "the signal did not arrive"
                time.sleep(0.02)

    def ask(self, script: str) -> str:
        return docker("exec", self.id, "python", "-c", script)


@pytest.fixture
def run(image: str) -> Iterator[Run]:
    """Starts containers; none is left."""
    started: list[Container] = []

    def start(*options: str) -> Container:
        started.append(Container(image, *options))
        return started[-1].wait_until_ready()

    yield start
    for container in started:
        docker("rm", "--force", "--volumes", container.id)


def test_it_limits_as_user_without_rights_on_a_read_only_disk(run: Run) -> None:
    """With little memory; pip, which could add to it, is not among its packages."""
    container = run("--env", "RATE_LIMIT_BURST=3", "--env", "RATE_LIMIT_RPM=1")

    statuses = [container.get("/").status_code for _ in range(4)]

    assert statuses == [200, 200, 200, 429]
    assert container.ask("import os; print(os.getuid(), os.getgid())") == "10001 10001"
    assert container.ask("import importlib.util as u; print(u.find_spec('pip'))") == "None"
    used = container.ask("print(open('/proc/1/status').read().split('VmRSS:')[1].split()[0])")
    assert int(used) < 100 * 1024  # KiB
    first = container.ask("print(open('/proc/1/cmdline').read().replace(chr(0), ' '))")
    assert first.strip().endswith("python -m flygate_service")


def test_nothing_of_it_can_be_changed_by_the_service(run: Run) -> None:
    """Neither the code nor the packages, even if the disk is not read-only."""
    container = run()
    script = (
        "import os; print([p for f, d, n in os.walk('/app') for p in [f, *(f'{f}/{x}' for x in n)] "
        "if not os.path.islink(p) and (os.stat(p).st_uid or os.stat(p).st_mode & 0o022)])"
    )

    assert container.ask(script) == "[]"


def test_a_stop_finishes_what_was_begun(run: Run) -> None:
    """The signal reaches the service itself, whose application is a user's own here."""
    container = run("--env", "SERVICE_APP=shop:app", "--env", "SHUTDOWN_SECONDS=20")
    host, _, port = container.address.partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nContent-Length: 10\r\n\r\nhello"
        )
        docker("kill", "--signal", signal.SIGTERM.name, container.id)
        container.wait_until_draining()
        connection.sendall(b"world")
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"\r\n10\r\n" in answer
    assert docker("wait", container.id) == "0"


def test_no_file_has_the_time_of_its_build(image: str) -> None:
    """Nor has bytecode: so the same sources give the same layers each time."""
    ours, base = _layers(image), len(_layers(build_arguments()[-1].removeprefix("BASE=")))
    entries = [entry for layer in ours[base:] for entry in layer]
    assert {"app/code/service/flygate_service/app.py", "app/code/shop.py"} <= {
        entry.name for entry in entries
    }
    assert {entry.mtime for entry in entries} == {0, AT}
    assert {entry.mtime for entry in entries if entry.name.startswith("app/code/")} == {AT}
    described = json.loads(docker("image", "inspect", image))[0]["Config"]
    assert described["Labels"]["org.opencontainers.image.revision"] == "1f00aa112233"
    assert "Healthcheck" not in described


def _layers(image: str) -> list[list[tarfile.TarInfo]]:
    """The entries of each layer."""
    saved = subprocess.run(["docker", "save", image], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
        (manifest,) = json.loads(_read(archive, "manifest.json"))
        packed = [_read(archive, name) for name in manifest["Layers"]]
    layers = []
    for content in packed:
        with tarfile.open(fileobj=io.BytesIO(content)) as layer:
            layers.append(layer.getmembers())
    return layers


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None
    return file.read()
