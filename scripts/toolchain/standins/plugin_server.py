"""What both stand-ins share: serve gRPC on a free loopback port and end with the Pulumi CLI."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

# A resource operation occupies a thread as long as its command runs, and a cancellation must
# still find one. Threads are made as they are needed.
_THREADS = 256
_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
_PARENT_CHECK_SECONDS = 1.0


def serve(add_to: Callable[[Any], None], on_stop: Callable[[], None] = lambda: None) -> None:
    """Serve until a signal arrives or the CLI that started us is gone.

    Args:
        add_to: adds the servicer to the server that it is given.
        on_stop: ends what still runs; called once, before the server stops.
    """
    parent = os.getppid()
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=_UNLIMITED)
    add_to(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    _announce(port)
    while not stopping.wait(_PARENT_CHECK_SECONDS) and os.getppid() == parent:
        pass
    on_stop()
    server.stop(grace=1).wait()


def _announce(port: int) -> None:
    """Print the port for the CLI: it reads the first line, and shows all later ones to the user."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    print(port)
