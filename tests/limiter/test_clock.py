"""The clock of a machine that is suspended."""

from flygate_limiter import Buckets, MemoryStore, SuspendableClock, parse
from flygate_limiter.quota import NANOS


class Machine:
    """Two clocks that tests set: how long it ran, and what it takes for the world's time."""

    def __init__(self) -> None:
        self.ran = 50 * NANOS
        self.world = 1_700_000_000 * NANOS
        self.clock = SuspendableClock(lambda: self.ran, lambda: self.world)

    def run(self, seconds: float) -> None:
        """Let time pass on both."""
        self.ran += round(seconds * NANOS)
        self.world += round(seconds * NANOS)

    def notice(self, seconds: float) -> None:
        """Put the wall clock right by so much."""
        self.world += round(seconds * NANOS)


def test_time_of_a_suspension_counts() -> None:
    """A client that had to wait a minute is served after an hour's suspension, not a minute on."""
    machine = Machine()
    calls = Buckets(parse("1/m"), MemoryStore(clock=machine.clock))
    calls.hit("client")
    before = calls.hit("client")

    machine.run(3)  # resumed: the wall clock still lags
    while_it_lags = calls.hit("client")
    machine.notice(3600)
    machine.run(1)

    assert (before, while_it_lags) == (False, False)
    assert calls.hit("client")


def test_small_corrections_do_not_count_twice() -> None:
    """A wall clock that is kept right in small steps gains what it gained, and no more."""
    machine = Machine()
    began = machine.clock.now()
    for _ in range(30):
        machine.run(2)
        machine.notice(0.1)
        machine.clock.now()

    assert 60 * NANOS <= machine.clock.now() - began <= 63 * NANOS


def test_never_runs_backwards() -> None:
    """A wall clock that is put back, and then right again, frees and bans no client."""
    machine = Machine()
    began = machine.clock.now()
    for correction in (-7200, 7200, -10, 10):
        machine.run(2)
        machine.notice(correction)
        machine.clock.now()

    assert machine.clock.now() - began == 8 * NANOS
