"""A program that runs inside a new machine, on its Python, and prints what the service answers.

It is sent as text (`python -c`), so it stands alone, uses the standard library only, and does
not depend on the code that it checks. It judges nothing. A cordoned machine can't be reached
through Fly's proxy, but a command can run inside it.
"""

import http.client
import json
import os
import re
import secrets
import socket
import sys
import time
from typing import Any

HEALTH = "/health"
PROBE = "/_flygate/probe"
LISTEN_SECONDS = 10
BODY_MAX = 2000
# Of an answer to a request of the stack's own.
ANSWER_MAX = 1_000_000
# After this many failed calls the limiter knows that its store is away.
STORE_FAILURES = 3
STORE_SECONDS = 3


def main(arguments: str) -> None:
    """Print one line of JSON: the health answer, a burst's statuses, how the limits' store is."""
    options = json.loads(arguments)
    host = os.environ.get("HOST") or "127.0.0.1"
    port = int(os.environ.get("PORT") or options["port"])
    wait_until_listening(host, port)
    connection = http.client.HTTPConnection(host, port, timeout=options["timeout"])
    health, _, body = get(connection, HEALTH, options["insider"])
    seen = {"health": health, "body": shortened(body)}
    identity = {"Fly-Client-IP": client_address(), **options["identity"]}
    if options["limiter"]:
        seen |= burst(connection, options, identity)
    if options["store"] or limiter_of(body).get("storage") == "redis":
        seen["store"] = settled(connection, identity, options["insider"])
    seen["answers"] = answers(host, port, options)
    print(json.dumps(seen))


def shortened(body: str) -> str:
    """Cut a body with a mark, which says that there was more: a secret may have been cut."""
    return body if len(body) <= BODY_MAX else body[:BODY_MAX] + "…"


def wait_until_listening(host: str, port: int) -> None:
    """Where Fly has no checks to go by, a machine counts as started before its service listens."""
    deadline = time.monotonic() + LISTEN_SECONDS
    while True:
        try:
            socket.create_connection((host, port), timeout=1).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def client_address() -> str:
    """Return an address of the documentation prefix, in a new /64 each time.

    The engine's signature makes its requests a client; a service that is older than signatures goes
    by the address.
    """
    return f"2001:db8:{secrets.randbelow(65536):x}:{secrets.randbelow(65536):x}::1"


def limiter_of(body: str) -> dict[str, Any]:
    """Return what the service's health says of its limiter; empty where it says nothing.

    To the engine it says more than whether it is degraded.
    """
    try:
        health: dict[str, Any] = json.loads(body)
        public = {name: health[name] for name in ("degraded",) if name in health}
        return {**public, **health.get("limiter", {})}
    except (ValueError, AttributeError, TypeError, RecursionError):
        return {}


def settled(
    connection: http.client.HTTPConnection, identity: dict[str, str], insider: dict[str, str]
) -> dict[str, Any]:
    """Return what the limiter says once it has called its store, which it does for requests only.

    The first calls of a new connection may be late, so a store is given some time to answer.
    """
    for _ in range(STORE_FAILURES):
        get(connection, PROBE, identity)
    deadline = time.monotonic() + STORE_SECONDS
    while True:
        found = limiter_of(get(connection, HEALTH, insider)[2])
        if not found.get("degraded") or time.monotonic() > deadline:
            return {name: found[name] for name in ("degraded", "problem") if name in found}
        get(connection, PROBE, identity)
        time.sleep(0.25)


def burst(
    connection: http.client.HTTPConnection, options: dict[str, Any], identity: dict[str, str]
) -> dict[str, Any]:
    """Ask until refused, and a little further than any right limiter would go."""
    size, per_second = options["burst"], options["per_second"]
    began = time.monotonic()
    admitted = 0
    declared: list[float] = []
    while True:
        status, headers, _ = get(connection, PROBE, identity)
        declared = declared or tightest(headers.get("ratelimit-policy", ""))
        # Its window is in whole seconds: what the options say of the same quota is more exact.
        if declared and declared[0] != size:
            size, per_second = int(declared[0]), declared[1]
        if status >= 300 or admitted > size + per_second * (time.monotonic() - began) + 1:
            break
        admitted += 1
    return {
        "declared": declared,
        "admitted": admitted,
        "last": status,
        "retry_after": headers.get("retry-after", ""),
        "seconds": time.monotonic() - began,
    }


def tightest(field: str) -> list[float]:
    """Return the smallest quota of a RateLimit-Policy field: its size and its refill a second."""
    found = re.findall(r";q=(\d+);w=(\d+)", field)
    quotas = [[float(size), float(size) / float(window)] for size, window in found if int(window)]
    return min(quotas, default=[])


def get(
    connection: http.client.HTTPConnection, path: str, headers: dict[str, str]
) -> tuple[int, dict[str, str], str]:
    """One request: status, headers, body."""
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode("utf-8", "replace")
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


def answers(host: str, port: int, options: dict[str, Any]) -> list[dict[str, str]]:
    """Of each request of the stack's own: what is wrong with its answer, up to the first fault."""
    found: list[dict[str, str]] = []
    for request in options["requests"]:
        found.append(answered(host, port, options["timeout"], request))
        if found[-1]["fault"]:
            break
    return found


def answered(host: str, port: int, timeout: float, request: dict[str, Any]) -> dict[str, str]:
    """Return what is wrong with one answer, and its body; wait once after a refusal (429)."""
    for attempt in range(2):
        try:
            status, headers, body = ask(host, port, timeout, request)
        except (OSError, http.client.HTTPException) as exc:
            return {"fault": f"was not answered ({type(exc).__name__})", "body": ""}
        wait = headers.get("retry-after", "")
        if attempt or status != 429 or request["status"] == 429 or wait not in tuple("12345"):
            break
        time.sleep(int(wait))
    return {"fault": fault(request, status, body), "body": shortened(body)}


def ask(
    host: str, port: int, timeout: float, request: dict[str, Any]
) -> tuple[int, dict[str, str], str]:
    """One request of the stack's own: as a client that asks for this very machine, so that it is
    answered here, and is none of the requests that the release is judged by.
    """
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    headers = {
        "Fly-Client-IP": client_address(),
        "fly-force-instance-id": os.environ.get("FLY_MACHINE_ID", ""),
    }
    try:
        connection.request(request["method"], request["path"], headers=headers)
        answer = connection.getresponse()
        body = answer.read(ANSWER_MAX).decode("utf-8", "replace")
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, found, body
    finally:
        connection.close()


def fault(request: dict[str, Any], status: int, body: str) -> str:
    """Return what an answer is not, or an empty string."""
    if status != request["status"]:
        return f"answered {status}, where {request['status']} was expected"
    if request["member"] and not has_member(body, request["member"]):
        return f"answered {status} without the JSON member {request['member']}"
    if request["text"] not in body:
        return f"answered {status} without the text {request['text']!r}"
    return ""


def has_member(body: str, path: str) -> bool:
    """Return whether JSON has a value at a place such as `items.0.id`."""
    try:
        found = json.loads(body)
        for name in path.split("."):
            found = found[int(name)] if isinstance(found, list) else found[name]
    except (ValueError, LookupError, TypeError, RecursionError):
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1])
