"""A service that starts in no time, and misbehaves as its environment says: the engine's prey.

It is packed into images as text, so it stands alone and uses the standard library only.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BURST = int(os.environ.get("RATE_LIMIT_BURST", "20"))
# crash: does not stay up; fleeting: dies soon after it is well; refuses: its settings; slow:
# starts late; stubborn: ignores SIGTERM; sick: its check fails; unwell: /health fails; unlimited:
# never refuses; erring: counts a tenth of requests as errors; mute: is older than statistics, and
# than orders
ORDER = "/_flygate/cluster/order"
FAULT = os.environ.get("FAULT", "")


class Handler(BaseHTTPRequestHandler):
    """Health, readiness, a limited probe, and who it is for everything else."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: the second would wait 40 ms
    clients: dict[str, int] = {}  # noqa: RUF012
    lock = threading.Lock()
    served = 0
    order: dict[str, Any] = {"version": 0, "new": [], "former": []}  # noqa: RUF012

    def do_GET(self) -> None:
        """Answer."""
        answers = {
            ORDER: self.obey,
            "/_flygate/probe": self.probe,
            "/_flygate/statistics": self.statistics,
            "/die": lambda: os._exit(9),
            "/readyz": self.ready,
            "/health": lambda: self.answer(500 if FAULT == "unwell" else 200, {"fault": FAULT}),
            "/rows": self.rows,
        }
        answers.get(self.path.partition("?")[0], self.introduce)()

    def ready(self) -> None:
        """Say whether it takes requests."""
        if FAULT == "fleeting":
            threading.Timer(0.3, os._exit, [7]).start()
        self.answer(503 if FAULT == "sick" else 200, {"ready": FAULT != "sick"})

    def introduce(self) -> None:
        """Say who answers."""
        names = ("FLYGATE_RELEASE", "FLY_MACHINE_ID", "GREETING", "KEY")
        self.answer(200, {name: os.environ.get(name, "") for name in names})

    def do_POST(self) -> None:
        """Take an order of the engine, whose signature it can't check."""
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        Handler.order = json.loads(text.partition(" ")[2])
        self.obey()

    def obey(self) -> None:
        """Say which order it follows; it believes that all machines of it are there."""
        members = [*self.order["new"], *self.order["former"]]
        known = {"version": self.order["version"], "members": members}
        self.answer(404 if FAULT == "mute" else 200, known)

    def rows(self) -> None:
        """Add the row of the query, if there is one, to those of its disk, and return all."""
        row = self.path.partition("?")[2]
        with self.lock, open(f"{os.environ['DATA']}/rows", "a+", encoding="utf-8") as file:
            if row:
                file.write(f"{row}\n")
            file.seek(0)
            found = file.read().split()
        self.answer(200, {"rows": found})

    def probe(self) -> None:
        """A burst for each client, then refusals."""
        client = self.headers.get("Fly-Client-IP", "")
        with self.lock:
            self.clients[client] = self.clients.get(client, 0) + 1
            is_refused = self.clients[client] > BURST and FAULT != "unlimited"
        if is_refused:
            self.answer(429, {}, {"Retry-After": "1"})
        else:
            self.answer(204, None)

    def statistics(self) -> None:
        """As if hundreds had come since the last time that it was asked."""
        if FAULT == "mute":
            self.answer(404, {})
            return
        with self.lock:
            Handler.served += 400
        errors = self.served // 10 if FAULT == "erring" else 0
        latency = {"first_ns": 16384, "per_octave": 16, "counts": [[150, self.served - errors]]}
        memory = {"rss_bytes": 50_000_000, "limiter_bytes": 0, "limit_bytes": 256_000_000}
        counted = {"served": self.served, "errors": errors, "refused": 0}
        report = {"schema": 1, "boot": str(os.getpid()), "limits": "", **counted}
        self.answer(200, {**report, "latency": latency, "memory": memory})

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        """Send JSON, or nothing."""
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Requests are not worth a line."""


class Server(ThreadingHTTPServer):
    """On the machine's own address."""

    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    """Serve until killed."""
    print(f"release {os.environ.get('FLYGATE_RELEASE')} begins", flush=True)
    if FAULT == "crash":
        print("cannot open the database", flush=True)
        sys.exit(3)
    if FAULT == "refuses":
        print("service: RATE_LIMIT_RPM: found 'many'; allowed: a whole number", flush=True)
        sys.exit(78)
    if FAULT == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if FAULT == "slow":
        time.sleep(float(os.environ.get("SLOW_SECONDS", "1")))
    address = (os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8080")))
    Server(address, Handler).serve_forever()


if __name__ == "__main__":
    main()
