"""A question of the Pulumi program to Fly, asked before it declares anything. Reads only.

The program runs on Pulumi's event loop, so a question has a thread and a loop of its own. It is not
a process of its own, as operations are: that would cost a second in each preview and each update.
"""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pulumi

from flygate.commands import failure
from flygate.commands.failure import Failure
from flygate.fly import retries
from flygate.fly.client import FlyClient
from flygate.redaction import tokens
from flygate.redaction.redact import Redactor
from flygate.rollout import serving
from flygate.system.errors import FlygateError

Answer = TypeVar("Answer")
Job = Callable[[FlyClient], Coroutine[Any, Any, Answer]]


def ask(job: Job[Answer], app: str) -> Answer:
    """Return Fly's answer. Calls that were repeated are logged as warnings.

    Args:
        app: a failure says what serves there.

    Raises:
        FlygateError: why there is no answer, what serves, and what to type.
    """
    redact = Redactor(tokens.of(os.environ))
    repeated: list[str] = []
    try:
        with retries.reported_to(repeated.append):
            return _in_thread(_answer(job))
    except Exception as exc:
        pulumi.log.debug(redact(traceback.format_exc()))
        error = failure.expected(exc) or exc
        serves = _in_thread(serving.report(app))
        text = redact(str(error))
        summary = Failure.of(error, text, redact(serves), pulumi.get_stack())
        raise FlygateError(str(summary)) from None
    finally:
        for line in repeated:
            pulumi.log.warn(redact(line))


async def _answer(job: Job[Answer]) -> Answer:
    async with FlyClient() as fly:
        return await job(fly)


def _in_thread(work: Coroutine[Any, Any, Answer]) -> Answer:
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work).result()
