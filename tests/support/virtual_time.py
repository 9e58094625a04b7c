"""An event loop whose clock jumps to what is due next: minutes of waiting pass in a moment."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import TypeVar

_T = TypeVar("_T")


class _Selector(selectors.DefaultSelector):
    """Does not wait: it says how long it would have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.waited = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready; nothing but time that passes can make anything ready here."""
        ready = super().select(0)
        assert ready or timeout is not None, "all wait for each other, and nothing is due"
        self.waited += 0 if ready else max(0.0, timeout or 0.0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop without real connections, threads or time."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Seconds since the loop began."""
        return self._virtual.waited


def run(main: Callable[[], Awaitable[_T]]) -> _T:
    """The outcome of a coroutine function, however long it takes in virtual time."""

    async def awaited() -> _T:
        return await main()

    with asyncio.Runner(loop_factory=VirtualLoop, debug=False) as runner:
        return runner.run(awaited())
