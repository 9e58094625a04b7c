"""`flygate op …`: what Pulumi's Commands run. Not for people: JSON in, JSON out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from infra.errors import ConfigError, FlygateError
from infra.fly.client import FlyClient
from infra.ops import app as app_op
from infra.ops import look as look_op
from infra.ops import redis as redis_op
from infra.ops import release as release_op
from infra.ops.orders import Orders
from infra.ops.request import ReleaseRequest
from infra.ops.site import Site
from infra.redact import Redactor
from infra.rollout.ledger import Ledger

ROOT = Path(__file__).resolve().parents[2]
SECRETS = "FLYGATE_SECRETS"
# pulumi-command hands the former output over under this name.
FORMER = "PULUMI_COMMAND_STDOUT"

Request = TypeVar("Request", bound=BaseModel)
Delete = Annotated[bool, typer.Option("--delete", help="Remove it instead.")]

commands = typer.Typer(no_args_is_help=True, help="What Pulumi's Commands run.")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.add_typer(commands, name="op", hidden=True)


@commands.command()
def app(delete: Delete = False) -> None:
    """An app exists and has its addresses."""
    request = _request(app_op.AppRequest)
    if delete:
        _run(_with_fly(lambda fly: app_op.remove(request, fly)), Redactor())
    else:
        result = _run(_with_fly(lambda fly: app_op.ensure(request, fly)), Redactor())
        print(result.model_dump_json())


@commands.command()
def redis(delete: Delete = False) -> None:
    """A Redis exists and is as asked for."""
    request = _request(redis_op.RedisRequest)
    if delete:
        _run(_with_fly(lambda fly: redis_op.remove(request, fly)), Redactor())
    else:
        former = os.environ.get(FORMER, "")
        result = _run(_with_fly(lambda fly: redis_op.ensure(request, fly, former)), Redactor())
        print(result.model_dump_json())


@commands.command()
def release(delete: Delete = False) -> None:
    """A manifest runs, as the newest release."""
    secrets = _secrets()
    redact = Redactor(secrets.values())
    request = _request(ReleaseRequest)
    if delete:
        _run(_with_fly(lambda fly: release_op.remove(request, fly)), redact)
        return
    ledger = _guarded(lambda: Ledger.parse(os.environ.get(FORMER)), redact)
    redact = Redactor([*secrets.values(), *ledger.current_secrets.values(), ledger.key])
    orders = _guarded(Orders.from_env, redact)
    result = _run(
        _with_fly(
            lambda fly: release_op.release(request, secrets, ledger, Site(ROOT, fly, orders))
        ),
        redact,
    )
    print(result.dumps())


@commands.command()
def look() -> None:
    """What runs, what somebody changed, and what a release would do. Reads only."""
    request = _request(look_op.LookRequest)
    found = _run(_with_fly(lambda fly: look_op.look(request, fly)), Redactor())
    print(json.dumps(asdict(found)))


def _request(kind: type[Request]) -> Request:
    """The request on standard input."""
    try:
        return kind.model_validate_json(sys.stdin.read())
    except ValidationError as exc:
        _fail(ConfigError(f"The request is wrong: {exc.errors(include_input=False)}"), Redactor())


def _secrets() -> dict[str, str]:
    values: dict[str, str] = json.loads(os.environ.get(SECRETS) or "{}")
    return values


async def _with_fly(act: Any) -> Any:
    async with FlyClient() as fly:
        return await act(fly)


def _run(job: Coroutine[Any, Any, Any], redact: Redactor) -> Any:
    return _guarded(lambda: asyncio.run(_interruptible(job)), redact)


async def _interruptible(job: Coroutine[Any, Any, Any]) -> Any:
    """SIGINT and SIGTERM cancel the job once; what it does to restore itself is not disturbed."""
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


def _guarded(action: Any, redact: Redactor) -> Any:
    """Run; the last line that an operator sees says what became of it."""
    try:
        return action()
    except FlygateError as exc:
        _fail(exc, redact)
    except asyncio.CancelledError:
        _fail(FlygateError("Interrupted before anything was changed."), redact)


def _fail(exc: FlygateError, redact: Redactor) -> NoReturn:
    raise Redacted(redact(str(exc)), exc.exit_code) from None


class Redacted(FlygateError):
    """An error whose text has no secret any more."""

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code
