"""One evaluation of a health check: a connection; for HTTP also a request, without redirects."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Final

from localfly.machines.checks.spec import CheckSpec

_OUTPUT_BYTES: Final = 400


@dataclass(frozen=True, slots=True)
class Outcome:
    passed: bool
    output: str


async def probe(spec: CheckSpec, host: str, port: int) -> Outcome:
    """Evaluate `spec` against `host:port` within its timeout."""
    try:
        async with asyncio.timeout(spec.timeout_seconds):
            return await (_http(spec, host, port) if spec.kind == "http" else _tcp(host, port))
    except TimeoutError:
        return Outcome(False, f"{_target(spec, port)}: no answer within {spec.timeout_seconds:g}s")
    except OSError as exc:
        reason = "connection refused" if isinstance(exc, ConnectionRefusedError) else str(exc)
        return Outcome(False, f"{_target(spec, port)}: {reason}")
    except ValueError as exc:
        return Outcome(False, f"{_target(spec, port)}: not an HTTP answer: {exc}")


async def _tcp(host: str, port: int) -> Outcome:
    _, writer = await asyncio.open_connection(host, port)
    await _close(writer)
    return Outcome(True, "Success")


async def _http(spec: CheckSpec, host: str, port: int) -> Outcome:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(_request(spec, host, port))
        status_line = await reader.readline()
        answer = await _first_bytes(reader)
    finally:
        await _close(writer)
    status = status_line.decode("latin-1").strip().partition(" ")[2]
    if not status:
        return Outcome(False, f"{_target(spec, port)}: not an HTTP answer: {status_line!r}")
    return Outcome(status.startswith("2"), f"{status}: {answer}" if answer else status)


def _request(spec: CheckSpec, host: str, port: int) -> bytes:
    given = {name.lower() for name, _ in spec.headers}
    defaults = [("Host", f"{host}:{port}"), ("User-Agent", "Consul Health Check")]
    headers = [pair for pair in defaults if pair[0].lower() not in given]
    lines = [f"{spec.method} {spec.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in (*headers, *spec.headers)]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")


async def _first_bytes(reader: asyncio.StreamReader) -> str:
    """Read the start of the body, for people. The server may keep the connection open although the
    request says `Connection: close`.
    """
    wanted = _OUTPUT_BYTES
    while (header := await reader.readline()).strip():
        name, _, value = header.decode("latin-1").partition(":")
        if name.lower() == "content-length":
            wanted = min(wanted, int(value))
    body = await reader.read(wanted) if wanted else b""
    return body.decode("utf-8", "replace").strip()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def _target(spec: CheckSpec, port: int) -> str:
    return f"{spec.method} {spec.path} on port {port}" if spec.kind == "http" else f"port {port}"
