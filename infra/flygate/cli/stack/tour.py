"""The end of `flygate up`: real requests that show the limiter, and what to try next."""

from __future__ import annotations

import secrets
import sys

import httpx

from flygate.cli.stack.pin import recorded
from flygate.cli.stack.stack import Stack
from flygate.fly.web import address
from flygate.record import pinning
from flygate.redaction.redact import Redactor

REQUESTS_MAX = 50
HEADERS = ("retry-after", "ratelimit", "ratelimit-policy")


def show(stack: Stack) -> None:
    """Send requests through the proxy, and print the answers."""
    outputs = stack.outputs()
    url = str(outputs["url"])
    count = sum(len(ids) for ids in outputs["machines"].values())
    among = f" (of {count} machines)" if count > 1 else ""
    print(f"{url}\n\n  One client asks until it is refused{among}:")
    redact = Redactor(stack.secret_texts())
    with _one_client(url) as web:
        for number in range(1, REQUESTS_MAX + 1):
            answer = web.get("/")
            print(f"  {number:>4}  {redact(_line(answer))}")
            if answer.status_code == 429:
                problem = answer.json()
                print(redact(f"             {problem['title']}: {problem['detail']}"))
                break
    print(_NEXT.format(url=url))
    if pin := recorded(outputs):
        print(f"\n  {pinning.described(stack.name, pin)} The checkout is not deployed.")
        print(f"  `./flygate forward {stack.name}` ends that.")


def _one_client(url: str) -> httpx.Client:
    """Return a client with a new address, so that a second tour finds a full bucket again."""
    base, headers = address(url)
    source = (
        f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(256)}.{secrets.randbelow(254) + 1}"
    )
    # Only Linux lets a program choose any address of the loopback network.
    transport = httpx.HTTPTransport(local_address=source if sys.platform == "linux" else None)
    return httpx.Client(base_url=base, headers=headers, transport=transport, timeout=10)


def _line(answer: httpx.Response) -> str:
    fields = [f"{name}: {answer.headers[name]}" for name in HEADERS if name in answer.headers]
    return f"{answer.status_code}  {'   '.join(fields)}"


_NEXT = """
What to try next:
  curl -i {url}/
  ./flygate status                what runs, from which release
  edit service/flygate_service/routes/api.py, then `make up` again: a staged rollout
  ./flygate rollback local        and back: image, config, env and secrets
  . .flygate/env; pulumi up       Pulumi by hand, in this shell
  make down                       stop it all; `make up` brings it back"""
