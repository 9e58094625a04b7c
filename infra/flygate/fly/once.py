"""A call that must not be made twice: its effect is looked for before it is repeated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from flygate.fly.errors import ConflictError, InvalidRequestError
from flygate.fly.patience import may_have_happened, repetitions

Made = TypeVar("Made")


async def once(
    make: Callable[[], Awaitable[Made]], find: Callable[[], Awaitable[Made | None]]
) -> Made:
    """What `make` makes, once: after an answer that was lost it is looked for first.

    Args:
        find: what an earlier call made, or None.

    Raises:
        FlyError: as `make`; a refusal since the first call was heard after all is none.
    """
    async for attempt in repetitions(may_have_happened):
        with attempt:
            if attempt.num > 1 and (made := await find()) is not None:
                return made
            try:
                return await make()
            except (ConflictError, InvalidRequestError):
                if attempt.num > 1 and (made := await find()) is not None:
                    return made
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")
