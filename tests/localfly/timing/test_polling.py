"""Waiting for what nothing reports."""

import asyncio
from collections.abc import Iterator

import pytest
from localfly.timing.polling import poll, poll_async


def answers(*values: int) -> Iterator[int]:
    yield from values


def test_the_first_true_answer_ends_it() -> None:
    """And is returned."""
    found = answers(0, 0, 7)

    assert poll(lambda: next(found), seconds=5, pause=0) == 7


def test_the_end_of_the_time_ends_it() -> None:
    """With the last answer; one call is always made."""
    assert poll(lambda: 0, seconds=0.02, pause=0.001) == 0
    assert poll(lambda: 3, seconds=0, pause=1) == 3


async def test_a_coroutine_may_answer() -> None:
    """As may a plain function."""
    found, awaited = answers(0, 1), answers(0, 0, 1)

    async def check() -> int:
        return next(awaited)

    await poll_async(lambda: next(found), pause=0)
    await poll_async(check, pause=0)
    with pytest.raises(StopIteration):
        next(awaited)


async def test_a_timeout_ends_it() -> None:
    """Its caller sets one."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await poll_async(lambda: False, pause=0.001)
