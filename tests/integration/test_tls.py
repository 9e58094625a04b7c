"""`rediss://`: the server proves who it is, or is not spoken to."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from flygate_limiter import Charge, Source, Taken, parse
from structlog.testing import capture_logs

from tests.support.redis_server import RedisServer
from tests.support.tcp_proxy import TcpProxy

from .stores import guarded_store

pytestmark = pytest.mark.integration

# A TLS handshake is several times the work of a decision, and the machine may be busy.
PATIENT = {"RATE_LIMIT_BUDGET_MILLISECONDS": "2000"}
CHARGE = Charge(("test", "a"), parse("5/h"))
PASSWORD = "canary-password"


@asynccontextmanager
async def encrypted(server: RedisServer, name: str, ca: trustme.CA) -> AsyncIterator[TcpProxy]:
    """The server behind TLS, with a certificate for `name`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert(name).configure_cert(context)
    async with TcpProxy(server.port, context) as proxy:
        yield proxy


async def taken_with(ca: trustme.CA, folder: Path, url: str) -> Taken:
    """What a store says that trusts `ca` only."""
    trusted = folder / "ca.pem"
    ca.cert_pem.write_to_path(str(trusted))
    async with guarded_store(f"{url}?ssl_ca_certs={trusted}", **PATIENT) as store:
        return await store.take([CHARGE])


async def test_the_right_authority(redis_server: RedisServer, tmp_path: Path) -> None:
    """A certificate of an authority that is trusted, for the right name, is good."""
    ca = trustme.CA()
    async with encrypted(redis_server, "127.0.0.1", ca) as proxy:
        proxy.recorded = bytearray()
        taken = await taken_with(ca, tmp_path, f"rediss://127.0.0.1:{proxy.port}/0")

    assert taken.source is Source.REDIS
    assert b"EVAL" in proxy.recorded


@pytest.mark.parametrize("mistake", ["authority", "name"])
async def test_the_wrong_certificate(
    redis_server: RedisServer, tmp_path: Path, mistake: str
) -> None:
    """An unknown authority or another's name: no command and no password, and a clear message."""
    ca = trustme.CA()
    name = "127.0.0.1" if mistake == "authority" else "other.example"
    trusted = trustme.CA() if mistake == "authority" else ca
    async with encrypted(redis_server, name, ca) as proxy:
        proxy.recorded = bytearray()
        url = f"rediss://:{PASSWORD}@127.0.0.1:{proxy.port}/0"
        with capture_logs() as logs:
            taken = await taken_with(trusted, tmp_path, url)

    assert taken.source is Source.FAIR_SHARE
    assert not proxy.recorded
    errors = [line["error"] for line in logs if line["event"] == "limiter store failed"]
    assert any("certificate" in error for error in errors)
    assert PASSWORD not in repr(logs)


async def test_the_system_decides_by_default(redis_server: RedisServer) -> None:
    """Without a file of authorities the system's are asked: an unknown one is refused."""
    async with (
        encrypted(redis_server, "127.0.0.1", trustme.CA()) as proxy,
        guarded_store(f"rediss://127.0.0.1:{proxy.port}/0", **PATIENT) as store,
    ):
        taken = await store.take([CHARGE])

    assert taken.source is Source.FAIR_SHARE
