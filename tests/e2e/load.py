"""A loop of real requests through the proxy that counts what failed, while something happens."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

import httpx

from tests.e2e.project import open_web

CLIENTS = 4
# Of each client in a crowd: what is measured is no throughput.
_PAUSE_SECONDS = 0.05


class Load:
    """Requests a path until the context ends; by default `/health`, which no limit applies to.

    Attributes:
        served, failures: how many were answered with 200, and what the others were.
    """

    def __init__(
        self,
        open_web: Callable[[], httpx.Client],
        path: str = "/health",
        pause_seconds: float = 0.01,
    ) -> None:
        self._open_web = open_web
        self._path = path
        self._pause_seconds = pause_seconds
        self._stop = threading.Event()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self.served = 0
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._begun.wait(20), "the load did not begin"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(20)

    def _loop(self) -> None:
        with self._open_web() as web:
            while not self._stop.is_set():
                self._ask(web)
                self._begun.set()
                self._stop.wait(self._pause_seconds)

    def _ask(self, web: httpx.Client) -> None:
        try:
            answer = web.get(self._path)
        except httpx.HTTPError as exc:
            self.failures.append(repr(exc))
            return
        if answer.status_code == 200:
            self.served += 1
        else:
            self.failures.append(f"{answer.status_code} {answer.text[:200]}")


class Crowd:
    """Several clients who ask for items all the time, each with an address of its own.

    The judge counts their requests; `RATE_LIMIT_RPM` must allow each 1,200 a minute.

    Args:
        url: of the service.
    """

    def __init__(self, url: str, clients: int = CLIENTS) -> None:
        addresses = [f"127.0.0.{2 + number}" for number in range(clients)]
        self._loads = [
            Load(partial(open_web, url, address), "/items/1", _PAUSE_SECONDS)
            for address in addresses
        ]
        self._stack = contextlib.ExitStack()

    @property
    def served(self) -> int:
        """How many requests were answered with 200."""
        return sum(load.served for load in self._loads)

    @property
    def failures(self) -> list[str]:
        """What the others were."""
        return [failure for load in self._loads for failure in load.failures]

    def forget(self) -> None:
        """Begin to count the failures anew."""
        for load in self._loads:
            load.failures = []

    def __enter__(self) -> Self:
        for load in self._loads:
            self._stack.enter_context(load)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
