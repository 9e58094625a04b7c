"""The line before the password check."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from flygate_service.login import line
from flygate_service.login.line import Line, QueueFullError


async def crowd(queue: Line, number: int, end: asyncio.Event, *, is_known: bool) -> list[str]:
    """That number come at once, and keep their turn until the end; what became of each."""

    async def one() -> str:
        try:
            async with queue.turn(is_known=is_known):
                await end.wait()
        except QueueFullError:
            return "refused"
        return "served"

    return list(await asyncio.gather(*(one() for _ in range(number))))


async def test_strangers_leave_room_for_known_devices() -> None:
    """However many strangers come, known devices find places; those are bounded too."""
    queue, end = Line(2), asyncio.Event()
    strangers = asyncio.create_task(crowd(queue, 100, end, is_known=False))
    await asyncio.sleep(0)
    known = asyncio.create_task(crowd(queue, 100, end, is_known=True))
    await asyncio.sleep(0)
    end.set()

    assert (await strangers).count("served") == 12
    assert (await known).count("served") == 4


async def test_a_place_is_given_back() -> None:
    """However the check ends; and who was not let in took none."""
    queue = Line(2)
    for _ in range(30):
        with pytest.raises(ZeroDivisionError):
            async with queue.turn(is_known=False):
                _ = 1 / 0
    end = asyncio.Event()
    end.set()

    assert await crowd(queue, 12, end, is_known=False) == ["served"] * 12


async def test_no_attempt_waits_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose turn does not come leaves; a known device stays longer, and then has its turn."""
    monkeypatch.setattr(line, "_STRANGERS", (12, 0.05))
    monkeypatch.setattr(line, "_KNOWN", (16, 5))
    queue, end = Line(1), asyncio.Event()
    async with AsyncExitStack() as held:
        await held.enter_async_context(queue.turn(is_known=False))
        known = asyncio.create_task(crowd(queue, 1, end, is_known=True))
        strangers = await crowd(queue, 5, end, is_known=False)
        end.set()

    assert strangers == ["refused"] * 5
    assert await known == ["served"]
