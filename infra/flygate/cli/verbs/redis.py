"""`flygate redis`: the Redis of a stack; nothing else ever destroys one that is used."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import typer

from flygate.cli.arguments.stack_name import StackName
from flygate.cli.stack.stack import Stack
from flygate.config import redis, stack_file
from flygate.doctor import redis_users
from flygate.doctor.facts import Facts
from flygate.doctor.paid_redis import ConfiguredRedis, PaidRedis, Place, find
from flygate.doctor.redis_users import Surroundings
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.pulumi import lock as pulumi_lock
from flygate.pulumi.checkpoint import Checkpoint
from flygate.pulumi.errors import StackLockedError
from flygate.record import frame
from flygate.record.stack_record import StackRecord
from flygate.system.errors import ConfigError, FlygateError

HELP = """The Redis where a stack keeps its limits.

A Redis that phase 3 made stays, and costs money, when the stack goes back to a phase without, when
its first release failed, and when the stack got another one.

\b
Example:
  flygate redis destroy staging
"""

commands = typer.Typer(name="redis", help=HELP, no_args_is_help=True, rich_markup_mode=None)
# With one command only, typer would leave its name out.
commands.callback()(lambda: None)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a stack's Redis databases.

    Attributes:
        place: where the stack's Redis is by its present configuration.
        found: those that are on Fly.
        recorded: the name of the one that Pulumi's state has, or empty.
    """

    place: Place
    found: list[PaidRedis]
    recorded: str
    around: Surroundings


@commands.command()
def destroy(
    environment: StackName,
    name: Annotated[
        str, typer.Option(help="A former Redis of the stack; by default its present one.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask for its name.")] = False,
) -> None:
    """Destroy a Redis of a stack with all that is in it, for ever.

    It is the Redis of the name that the stack's configuration gives it, if Fly has one; with --name
    it is one that a former configuration of the stack gave it. It is refused while a machine of any
    app of the organisation keeps its limits there, as far as Fly shows.

    \b
    Examples:
      flygate redis destroy staging
      flygate redis destroy staging --name shop-limits

    Exit codes: 0 it is gone, 1 it was refused and is as before, 3 the stack is being changed.
    """
    stack = Stack(environment)
    _check_unlocked(stack)
    known = asyncio.run(_look(stack))
    chosen = _chosen(stack, known, name)
    _check_unused(stack, chosen, known.around)
    _confirm(chosen, known, yes=yes)
    asyncio.run(_delete(stack, chosen.redis.name))
    if chosen.redis.name == known.recorded:
        _unprotect(stack)
    print(_outcome(stack, chosen, known))


def _check_unlocked(stack: Stack) -> None:
    """Refuse to go on beside a deployment that may use it.

    Raises:
        StackLockedError: one runs.
    """
    lock = pulumi_lock.find(stack.environment, stack.name)
    if lock and not lock.is_dead:
        raise StackLockedError(
            f"{stack.name} is being changed: {lock}. Nothing was destroyed. Run this again when "
            "that has ended."
        )


async def _look(stack: Stack) -> Known:
    """Read Fly's databases and Pulumi's record.

    Raises:
        FlygateError: one of them can't be read.
    """
    exported = asyncio.to_thread(stack.ask, "stack", "export", "--show-secrets")
    async with Facts(stack) as facts:
        document, config, outputs = await asyncio.gather(exported, facts.config(), facts.outputs())
        checkpoint = Checkpoint.exported(document)
        around = await redis_users.look(
            await facts.fly(),
            config.org,
            config.app,
            url=StackRecord.of(checkpoint).ledger.current_secrets.get(redis.URL, ""),
            named=_named(stack),
        )
        configured = await ConfiguredRedis.of_facts(facts)
        found = await find(facts, configured, is_released=bool(outputs.get("release")))
    return Known(configured.place, found, _recorded(checkpoint), around)


def _named(stack: Stack) -> Mapping[str, str]:
    """Return the Redis of other stacks' apps, where their files name one."""
    sections = {
        str(other.values.get("app", "")): other.values.get("redis")
        for other in stack_file.others(stack.root, stack.name)
    }
    return {
        app: str(section["name"])
        for app, section in sections.items()
        if app and isinstance(section, Mapping) and section.get("name")
    }


def _recorded(checkpoint: Checkpoint) -> str:
    for text in checkpoint.results("Redis"):
        try:
            return str(frame.document(text).get("name", ""))
        except ValueError:
            continue
    return ""


def _chosen(stack: Stack, known: Known, name: str) -> PaidRedis:
    """Return the one to destroy.

    Raises:
        ConfigError: it is not there, or is not known to be the stack's.
    """
    for one in known.found:
        if one.redis.name == name or (one.is_present and not name):
            return one
    wanted, org = name or known.place.name, known.place.org
    if name and name != known.place.name:
        what = (
            f"Nothing says that {stack.name} ever had a Redis {name}: no configuration that was "
            f"deployed named it, or there is none of that name in {org}."
        )
    else:
        what = f"{stack.name} has no Redis {wanted} on Fly: there is none of that name in {org}."
    others = [f"  {one.describe()}: `{one.removal(stack.name)}`" for one in known.found]
    if others:
        raise ConfigError("\n".join([f"{what} Nothing was destroyed. It has:", *others]))
    hint = f" `fly redis destroy {name}` destroys any." if name else ""
    raise ConfigError(f"{what} Nothing was destroyed.{hint}")


def _check_unused(stack: Stack, chosen: PaidRedis, around: Surroundings) -> None:
    name, users = chosen.redis.name, around.users(chosen.redis)
    if not users:
        return
    text = (
        f"{', '.join(users)} keep their limits in the Redis {name}, or may, as far as Fly shows; "
        "nothing was destroyed."
    )
    if any(user.endswith(f" of {around.own.name}") for user in users):
        text += (
            f" First go back to a phase without it: `pulumi config set phase 2 --stack "
            f"{stack.name}`, then `pulumi up --stack {stack.name}`."
        )
    else:
        text += f" If you know that they do not, `fly redis destroy {name}` destroys it."
    raise ConfigError(text)


def _confirm(chosen: PaidRedis, known: Known, *, yes: bool) -> None:
    """Ask for the name: a yes is typed too quickly."""
    name, unknown = chosen.redis.name, known.around.unknown()
    if unknown:
        print(
            f"Fly does not show which Redis the secret {redis.URL} of {', '.join(unknown)} means. "
            f"If it is {name}, they lose it.",
            file=sys.stderr,
            flush=True,
        )
    if yes:
        return
    prompt = f"This destroys the Redis {name} with all that is in it. Type its name to go on"
    try:
        typed = typer.prompt(prompt)
    except typer.Abort:
        typed = ""
    if typed != name:
        raise FlygateError("That is not its name; nothing was destroyed. `--yes` does not ask.")


async def _delete(stack: Stack, name: str) -> None:
    async with FlyClient(Endpoints.from_env(stack.environment)) as fly:
        await fly.redis.delete(name)


def _unprotect(stack: Stack) -> None:
    """Let the next deployment forget it: Pulumi keeps what is protected, also if it is gone."""
    state = json.loads(stack.ask("stack", "export"))
    for resource in state["deployment"].get("resources", []):
        if "flygate:fly:Redis" in resource["urn"] and resource.get("protect"):
            stack.ask("state", "unprotect", resource["urn"], "--yes")


def _outcome(stack: Stack, chosen: PaidRedis, known: Known) -> str:
    """Say what was destroyed, and what follows."""
    lines = [f"The Redis {chosen.redis.name} is gone."]
    up = f"`pulumi up --stack {stack.name}`"
    if chosen.is_needed:
        lines.append(
            f"The configuration asks for limits in it, so the next {up} makes a new one, unless "
            f"you go back before: `pulumi config set phase 2 --stack {stack.name}`."
        )
    elif chosen.is_present and redis.URL in known.around.own.secrets:
        lines.append(f"The machines still know its URL: {up} takes it away.")
    for one in known.found:
        if one is not chosen and one.is_left:
            lines.append(f"{one.describe()}: `{one.removal(stack.name)}` destroys it, too.")
    return " ".join(lines)
