"""What a poll promises, in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from flygate.system.polling import Clock, poll


@dataclass(slots=True)
class VirtualTime:
    """A clock that jumps.

    Attributes:
        slept: how long each sleep was.
    """

    seconds: float = 100.0
    slept: list[float] = field(default_factory=list)

    @property
    def clock(self) -> Clock:
        """Return it as a poll takes it."""
        return Clock(lambda: self.seconds, self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


@pytest.fixture
def virtual() -> VirtualTime:
    """A clock of its own for each test."""
    return VirtualTime()


def _one_by_one(*values: int | None) -> Callable[[], Awaitable[int | None]]:
    """Return a look that finds one value after the other, and the last one from then on."""
    left = list(values)

    async def look() -> int | None:
        return left.pop(0) if len(left) > 1 else left[0]

    return look


async def test_a_wanted_value_is_returned_at_once(virtual: VirtualTime) -> None:
    """What is there already costs no waiting."""
    assert await poll(_one_by_one(7), every=1, within=10, clock=virtual.clock) == 7
    assert virtual.slept == []


async def test_it_looks_until_the_value_is_wanted(virtual: VirtualTime) -> None:
    """Between two looks lies the interval."""
    look = _one_by_one(1, 2, 3, 4)
    found = await poll(look, lambda n: n == 3, every=0.5, within=10, clock=virtual.clock)
    assert found == 3
    assert virtual.slept == [0.5, 0.5]


async def test_none_means_to_look_again(virtual: VirtualTime) -> None:
    """Without a condition any value but None is wanted, also 0."""
    assert await poll(_one_by_one(None, None, 0), every=1, clock=virtual.clock) == 0
    assert len(virtual.slept) == 2


async def test_the_last_value_is_returned_when_the_time_is_up(virtual: VirtualTime) -> None:
    """The caller sees what it was instead; the last look is made after the deadline."""
    look = _one_by_one(1, 2, 3, 4, 5, 6)
    found = await poll(look, lambda n: n == 9, every=1, within=2, clock=virtual.clock)
    assert found == 4
    assert virtual.seconds == 103


async def test_it_looks_once_even_if_there_is_no_time(virtual: VirtualTime) -> None:
    """A deadline that has passed leaves one look."""
    assert await poll(_one_by_one(None, 1), every=1, within=-5, clock=virtual.clock) is None
    assert virtual.slept == []


async def test_without_a_limit_it_goes_on(virtual: VirtualTime) -> None:
    """A poll without `within` ends by its value only."""
    look = _one_by_one(*[None] * 5000, 1)
    assert await poll(look, every=60, clock=virtual.clock) == 1
    assert virtual.seconds == 100 + 5000 * 60


async def test_what_a_look_raises_ends_it(virtual: VirtualTime) -> None:
    """An error is the caller's business."""

    async def look() -> int:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await poll(look, every=1, within=10, clock=virtual.clock)
    assert virtual.slept == []


async def test_the_real_clock_is_the_default() -> None:
    """Without a clock of its own it waits for real, and stops in time."""
    assert await poll(_one_by_one(None), every=0.001, within=0.01) is None
