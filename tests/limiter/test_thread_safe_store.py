"""The memory store asked by several threads at once."""

import sys
from collections.abc import Callable, Iterator
from threading import Barrier, Thread

import pytest
from flygate_limiter import Buckets, Charge, FakeClock, ThreadSafeMemoryStore, parse

THREADS = 4
CALLS = 3_000


@pytest.fixture(autouse=True)
def _many_switches() -> Iterator[None]:
    """Let threads come between each other as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def run_in_threads(work: Callable[[int], None]) -> None:
    """Begin at the same moment, and wait for all."""
    barrier = Barrier(THREADS)

    def begin(number: int) -> None:
        barrier.wait()
        work(number)

    threads = [Thread(target=begin, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_no_key_is_wrongly_denied_or_admitted() -> None:
    """Four threads get for each key exactly what is there (pyrate-limiter 4.5 denies wrongly)."""
    allowed = [0] * THREADS
    calls = Buckets(parse("2/d"), ThreadSafeMemoryStore(clock=FakeClock()))

    def work(number: int) -> None:
        for turn in range(CALLS):
            ask = calls.hit if turn % 2 else lambda key: calls.take(key).allowed
            allowed[number] += ask(str(turn))

    run_in_threads(work)

    assert sum(allowed) == 2 * CALLS


def test_growing_loses_no_key() -> None:
    """Keys that threads add while the table grows are all known afterwards."""
    store = ThreadSafeMemoryStore(max_keys=50_000, clock=FakeClock())
    once = parse("1/d")
    calls = Buckets(once, store)

    def work(number: int) -> None:
        for turn in range(CALLS):
            store.take_now([Charge(("default", f"{number} {turn}"), once)])
            calls.peek(f"{number} {turn - 1}")

    run_in_threads(work)

    keys = [f"{number} {turn}" for number in range(THREADS) for turn in range(CALLS)]
    assert not any(calls.test(key) for key in keys)
