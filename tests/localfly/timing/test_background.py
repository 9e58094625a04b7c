"""Tasks that end with their owner."""

import asyncio
import logging

import pytest
from localfly.timing.background import BackgroundTasks


async def test_tasks_end_with_their_owner() -> None:
    """All of them, and the owner waits for that."""
    ended: list[str] = []

    async def run(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(name)

    tasks = BackgroundTasks()
    for name in ("a", "b"):
        tasks.start(run(name))
    await asyncio.sleep(0)
    await tasks.end()

    assert sorted(ended) == ["a", "b"]


async def test_a_task_gives_its_result() -> None:
    """Its owner may wait for one of them."""

    async def answer() -> int:
        return 42

    assert await BackgroundTasks().start(answer()) == 42


async def test_a_failure_is_logged_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    """With its cause."""

    async def fail() -> None:
        raise ValueError("for a test")

    tasks = BackgroundTasks()
    other = tasks.start(asyncio.Event().wait())
    with caplog.at_level(logging.ERROR, "flygate.local"):
        tasks.start(fail())
        await asyncio.sleep(0.01)

    assert "a background task failed" in caplog.text
    assert "for a test" in caplog.text
    assert not other.done()
    await tasks.end()
