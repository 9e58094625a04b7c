"""`flygate op …`: what Pulumi's Commands run. Not for people: JSON in, one framed result out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from flygate.commands import app as app_op
from flygate.commands import failure, recovery, removal
from flygate.commands import redis as redis_op
from flygate.commands import release as release_op
from flygate.commands.channel import channel
from flygate.commands.orders import MOVE, Orders
from flygate.commands.request import ReleaseRequest
from flygate.commands.workspace import Workspace
from flygate.config import Pin
from flygate.fly.client import FlyClient
from flygate.fly.owner import Owner
from flygate.program.preview_note import PreviewNote
from flygate.pulumi import checkpoint
from flygate.record.bounds import RESTORED_VARIABLE, SECRETS_VARIABLE
from flygate.redaction import tokens
from flygate.redaction.redact import Redactor
from flygate.rollout import serving
from flygate.system import project, space
from flygate.system.errors import ConfigError, FlygateError

# pulumi-command hands the former output over under this name.
FORMER = "PULUMI_COMMAND_STDOUT"
# Enough to find a fault of Flygate.
TRACE_LINES = 30

Request = TypeVar(
    "Request",
    app_op.AppRequest,
    redis_op.RedisRequest,
    ReleaseRequest,
)
Delete = Annotated[bool, typer.Option("--delete", help="Remove it instead.")]
Job = Callable[[FlyClient], Awaitable[str]]

commands = typer.Typer(no_args_is_help=True, help="What Pulumi's Commands run.")


@commands.command()
def app(delete: Delete = False) -> None:
    """Make an app exist and have its addresses."""
    with _operation() as operation:
        request = _request(app_op.AppRequest, operation)
        if delete:
            operation.run(_removed(removal.remove_app, request))
        else:
            operation.run(lambda fly: _dumped(app_op.ensure(request, fly)))


@commands.command()
def redis(delete: Delete = False) -> None:
    """Make a Redis exist as the configuration wants it."""
    with _operation() as operation:
        request = _request(redis_op.RedisRequest, operation)
        if delete:
            operation.run(_removed(removal.remove_redis, request))
        else:
            former = os.environ.get(FORMER, "")
            operation.hide([redis_op.former_url(former)])
            operation.run(
                lambda fly: _dumped(redis_op.ensure(request, fly, former), redis_op.RESULT)
            )


@commands.command()
def release(delete: Delete = False) -> None:
    """Run a manifest, as the newest release."""
    former = os.environ.get(FORMER, "")
    with _operation() as operation:
        secrets: dict[str, str] = json.loads(os.environ.get(SECRETS_VARIABLE) or "{}")
        operation.hide(secrets.values())
        request = _request(ReleaseRequest, operation)
        if delete:
            remove = partial(removal.remove_release, former=former)
            operation.run(_removed(remove, request))
            return
        root = project.root()
        space.check(space.folders(root, os.environ))  # it may have filled up since the preview
        restored: dict[str, str] = json.loads(os.environ.get(RESTORED_VARIABLE) or "{}")
        operation.hide(restored.values())

        async def act(fly: FlyClient) -> str:
            workspace = Workspace(root, fly, Orders.from_env(), checkpoint=_checkpoint)
            found = recovery.recover(former, request, workspace)
            operation.hide(found.ledger.all_values)
            if isinstance(request.content, Pin) and restored:
                ledger = found.ledger.with_values(request.content.manifest, restored)
                found = replace(found, ledger=ledger)
            return (await release_op.release(request, secrets, found, workspace)).packed()

        operation.run(act)


class Operation:
    """One run of a verb: its result, its exit code, and what must not be read in either."""

    def __init__(self) -> None:
        self._hidden = tokens.of(os.environ)
        self._redactor: Redactor | None = None
        self._app = self._stack = ""
        self.result: str | None = None

    def about(self, app: str, owner: str) -> None:
        """Note whose run it is, for its last words.

        Args:
            owner: the label of the stack that asks.
        """
        found = Owner.parse(owner)
        self._app, self._stack = app, found.stack if found else "<stack>"

    def hide(self, values: Iterable[str]) -> None:
        """Take more values out of everything that is printed from now on."""
        self._hidden += values
        self._redactor = None

    def redact(self, text: str) -> str:
        """Return a text without the values that were hidden so far."""
        if self._redactor is None:
            self._redactor = Redactor(self._hidden)
        return self._redactor(text)

    def last_words(self, error: BaseException, text: str) -> str:
        """Return why it failed, what serves now, and what to type."""
        serves = ""
        # A second interrupt ends the look, too.
        with contextlib.suppress(KeyboardInterrupt):
            serves = asyncio.run(serving.report(self._app)) if self._app else ""
        return failure.report(error, self.redact(text), self.redact(serves), self._stack)

    def run(self, job: Job) -> None:
        """Run the verb with a client of Fly. SIGINT and SIGTERM cancel it once."""
        self.result = asyncio.run(_interruptible(_with_fly(job)))


@contextlib.contextmanager
def _operation() -> Any:
    """Run a verb on the two streams of a Command; the last line says how it ended.

    Raises:
        ReportedError: it failed, and the operator has read why.
    """
    operation, last_words, code = Operation(), "", 0
    with channel(operation.redact) as streams:
        try:
            yield operation
        except asyncio.CancelledError as exc:
            last_words = operation.last_words(exc, "Interrupted before anything was changed.")
            code = 1
        except Exception as exc:
            last_words, code = _report(exc, operation)
        else:
            if operation.result is not None:
                streams.send(operation.result)
    streams.close(last_words)
    if code:
        raise ReportedError(code)


def _report(error: Exception, operation: Operation) -> tuple[str, int]:
    """The last words of a failure and its exit code; of a fault of Flygate with its traceback."""
    if known := failure.expected(error):
        return operation.last_words(known, str(known)), known.exit_code
    trace = operation.redact(traceback.format_exc()).splitlines()[-TRACE_LINES:]
    return "\n".join([*trace, operation.last_words(error, trace[-1])]), 1


class ReportedError(FlygateError):
    """An operation failed; its last words are on the screen already."""

    def __init__(self, exit_code: int) -> None:
        super().__init__("")
        self.exit_code = exit_code


def _request(kind: type[Request], operation: Operation) -> Request:
    """Read the request from standard input."""
    try:
        request = kind.model_validate_json(sys.stdin.read())
    except ValidationError as exc:
        raise ConfigError(f"The request is wrong: {exc.errors(include_input=False)}") from None
    # While a stack moves, its former app is what serves.
    operation.about(os.environ.get(MOVE) or request.app, request.owner)
    return request


async def _dumped(result: Coroutine[Any, Any, BaseModel], fields: set[str] | None = None) -> str:
    return json.dumps((await result).model_dump(mode="json", include=fields))


def _removed(remove: Any, request: Any) -> Any:
    """Return the job that removes a resource; it has no result."""

    root = project.root()

    async def act(fly: FlyClient) -> None:
        PreviewNote(root, request.app).forget()
        await remove(
            request,
            fly=fly,
            checkpoint=lambda: _checkpoint(request.owner),
            protection=removal.Protection(root, Orders.from_env().volumes),
        )

    return act


def _checkpoint(owner: str) -> checkpoint.Checkpoint:
    found = Owner.parse(owner)
    return checkpoint.export(found.names) if found else checkpoint.Checkpoint()


async def _with_fly(job: Job) -> str:
    async with FlyClient() as fly:
        return await job(fly)


async def _interruptible(job: Coroutine[Any, Any, str]) -> str:
    """Run the job; SIGINT and SIGTERM cancel it once, so that its way back is shielded."""
    task = asyncio.ensure_future(job)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _cancel_once, task)
    return await task


def _cancel_once(task: asyncio.Future[Any]) -> None:
    if not getattr(task, "flygate_cancelled", False):
        with contextlib.suppress(AttributeError):
            task.flygate_cancelled = True  # type: ignore[attr-defined]
        task.cancel()
