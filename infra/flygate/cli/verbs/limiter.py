"""`flygate limiter`: look into a deployed limiter, free a client, block one."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import typer

from flygate.cli.arguments.stack_name import StackName
from flygate.cli.arguments.usage import UsageError
from flygate.cli.output import screen
from flygate.cli.stack.stack import Stack
from flygate.fly.admin import TOKEN, Act, AdminClient, Answer, check_token
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.manifest import Manifest
from flygate.record.running import Running
from flygate.rollout.state import LIVE, Seen, observe
from flygate.system import duration
from flygate.system.errors import ConfigError

HELP = f"""Look into a deployed limiter, free a client, block one.

Each machine that serves is asked, through the app's public address, with the stack's own secret
{TOKEN}; of an app with process groups, those of the group that serves the clients. With limits in
memory each has buckets of its own. Each act is logged by the service.

\b
Examples:
  flygate limiter policies local
  flygate limiter peek prod 203.0.113.7
  flygate limiter reset prod 203.0.113.7 --policy search
  flygate limiter block prod 203.0.113.7 --for 1h
  flygate limiter unlock prod ada@example.org

Exit codes: 0 all machines did it, 1 one of them did not.
"""

commands = typer.Typer(name="limiter", help=HELP, no_args_is_help=True, rich_markup_mode=None)

Key = Annotated[
    str,
    typer.Argument(
        metavar="KEY",
        help="Whose bucket: an address, x-api-key=VALUE, everyone; - reads it from standard input.",
    ),
]
PolicyName = Annotated[str, typer.Option("--policy", help="The policy's name.")]
AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]


@commands.command()
def policies(environment: StackName, as_json: AsJson = False) -> None:
    """The policies in force, and their version.

    \b
    Example:
      flygate limiter policies prod
    """
    _act(environment, Act("GET", "/policies"), as_json)


@commands.command()
def peek(
    environment: StackName, key: Key, policy: PolicyName = "default", as_json: AsJson = False
) -> None:
    """What is left for a client; takes nothing.

    \b
    Examples:
      flygate limiter peek prod 203.0.113.7
      flygate limiter peek prod everyone --policy search --json
    """
    _act(environment, Act("GET", "/bucket", _bucket(policy, key)), as_json)


@commands.command()
def reset(
    environment: StackName, key: Key, policy: PolicyName = "default", as_json: AsJson = False
) -> None:
    """Fill a client's bucket; ends a block, too.

    \b
    Example:
      flygate limiter reset prod 203.0.113.7
    """
    _act(environment, Act("DELETE", "/bucket", _bucket(policy, key)), as_json)


@commands.command()
def block(
    environment: StackName,
    key: Key,
    length: Annotated[str, typer.Option("--for", help="How long: 90s, 10m, 24h.")] = "10m",
    policy: PolicyName = "default",
    as_json: AsJson = False,
) -> None:
    """Refuse a client for some time; `reset` ends it earlier.

    \b
    Example:
      flygate limiter block prod 203.0.113.7 --for 1h
    """
    seconds = str(round(duration.seconds(length)))
    _act(environment, Act("POST", "/block", {**_bucket(policy, key), "seconds": seconds}), as_json)


@commands.command()
def unlock(
    environment: StackName,
    account: Annotated[
        str, typer.Argument(metavar="ACCOUNT", help="Its name; - reads standard input.")
    ],
    address: Annotated[
        str, typer.Option(help="Where the person comes from: ends what holds this address, too.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Forget the failed logins of an account and of its known devices.

    The answer says what held the account, and what still does. An address that failed too often
    stays locked until you name it.

    \b
    Examples:
      flygate limiter unlock prod ada@example.org
      flygate limiter unlock prod ada@example.org --address 203.0.113.7
    """
    values = {"account": _read(account)} | ({"address": address} if address else {})
    _act(environment, Act("POST", "/unlock", values), as_json)


def _bucket(policy: str, key: str) -> dict[str, str]:
    return {"policy": policy, "key": _read(key)}


def _read(text: str) -> str:
    """Return a key, from standard input for `-`: the process list would show an API key.

    Raises:
        UsageError: nothing comes on standard input.
    """
    if text != "-":
        return text
    line = sys.stdin.readline().rstrip("\n")
    if not line.strip():
        raise UsageError(
            "Standard input is empty: is a variable of the shell not set? Nothing was done."
        )
    return line


def _act(environment: str, act: Act, as_json: bool) -> None:
    stack = Stack(environment)
    token = token_of(stack)
    outputs = stack.outputs()
    if not outputs.get("release"):
        raise ConfigError(
            f"Nothing was released to {environment} yet. Deploy: pulumi up --stack {environment}"
        )
    client = AdminClient(outputs["url"], token, stack.secret_texts())
    asked, left_out = asyncio.run(_serving(stack, outputs["app"], _leading(outputs)))
    answers = asyncio.run(client.ask(asked, act))
    if as_json:
        print(json.dumps([_document(answer) for answer in answers], indent=2))
    else:
        _show(answers)
    if left_out:
        print(f"Not asked, as they serve none of these clients: {left_out}.", file=sys.stderr)
    if any(answer.problem for answer in answers):
        raise typer.Exit(1)


def token_of(stack: Stack) -> str:
    """Return the admin token in a stack's secrets.

    Raises:
        ConfigError: there is none, or one that no service takes; says how to set one.
        PulumiError: Pulumi can't read the configuration.
    """
    if token := stack.config(f"secrets.{TOKEN}"):
        return check_token(token)
    raise ConfigError(
        f"The stack {stack.name} has no {TOKEN}, so its service has no admin API. Set one, and "
        "deploy:\n"
        '  python -c "import secrets; print(secrets.token_urlsafe(32))" |\n'
        f"    pulumi config set --stack {stack.name} --secret --path secrets.{TOKEN}\n"
        f"  pulumi up --stack {stack.name}"
    )


def _leading(outputs: Mapping[str, Any]) -> str:
    """Return the process group that serves the clients; "" where no deployment has noted it."""
    content = Running.parse(outputs.get("running")).content
    return Manifest.model_validate(content).leading.name if content else ""


async def _serving(stack: Stack, app: str, leading: str) -> tuple[list[str], str]:
    """Return the machines to ask, and in words those of other groups."""
    async with FlyClient(Endpoints.from_env(stack.environment)) as fly:
        seen = (await observe(fly, app)).machines
    return chosen(seen, app, stack.name, leading)


def chosen(seen: Iterable[Seen], app: str, stack: str, leading: str) -> tuple[list[str], str]:
    """Return the ids of the machines to ask, region by region, and in words those left out.

    Args:
        leading: the group that serves the clients; all that serve are asked where none has it.

    Raises:
        ConfigError: none serves.
    """
    serving = sorted(
        (m for m in seen if m.serves and m.role == LIVE), key=lambda m: (m.region, m.id)
    )
    if not serving:
        raise ConfigError(f"No machine of {app} serves; `flygate status {stack}` says more.")
    asked = [m for m in serving if m.group == leading] or serving
    others = Counter(m.group for m in serving if m not in asked)
    return [m.id for m in asked], ", ".join(
        f"{n} of {group}" for group, n in sorted(others.items())
    )


def _document(answer: Answer) -> dict[str, Any]:
    if answer.problem:
        return {"machine": answer.machine, "error": answer.problem}
    return {"machine": answer.machine, **answer.content}


def _show(answers: list[Answer]) -> None:
    done = [row for answer in answers if not answer.problem for row in _rows(answer)]
    if done:
        table = screen.table("machine", *(name.replace("_", " ") for name in done[0][1]))
        for machine, row in done:
            table.add_row(machine, *(_word(value) for value in row.values()))
        screen.console().print(table, markup=False)
    for answer in answers:
        if answer.problem:
            print(f"{answer.machine}  {answer.problem}", file=sys.stderr)


def _rows(answer: Answer) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the answer as one row, or a row for each policy in it."""
    content = dict(answer.content)
    listed = content.pop("policies", None)
    for more in [{}] if listed is None else listed:
        yield answer.machine, {**content, **more}


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(map(str, value)) or "nothing"
    return str(value)
