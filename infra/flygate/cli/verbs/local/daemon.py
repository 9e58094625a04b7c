"""`flygate local`: the local Fly in the background; start it, look at it, read its logs, end it."""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from localfly.apps.secret_store import values_of
from localfly.daemon.control import DaemonControl, Started
from localfly.daemon.options import option_names, parse_options
from localfly.errors import ForeignFolderError, OptionError, StartupError
from localfly.logs.app_log import LogLine
from localfly.logs.reader import LogReader
from localfly.network.ports import HIGHEST
from localfly.state.env_file import ENVIRONMENT
from localfly.state.folder import StateFolder
from localfly.timing.timestamp import rfc3339
from rich.console import Console
from rich.table import Table

from flygate.cli.arguments.usage import UsageError
from flygate.cli.verbs.local.faults import faults
from flygate.cli.verbs.local.state_folder import StateDir
from flygate.redaction.redact import Redactor
from flygate.redaction.visible import visible
from flygate.system import private

commands = typer.Typer(
    name="local",
    help="Fly.io on this computer: no account, no Docker, no internet.",
    no_args_is_help=True,
)
commands.add_typer(faults)

_FOLLOW_SECONDS = 0.2
_LINES_BEFORE = 100


@commands.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog="Further options: " + ", ".join(option_names()) + "; `python -m localfly --help`"
    " explains them. Without any, a running daemon stays as it is.",
)
def up(
    further: typer.Context,
    state: StateDir,
    api_port: Annotated[
        int | None, typer.Option(min=0, max=HIGHEST, help="As before, or 4280; 0: a free one.")
    ] = None,
    proxy_port: Annotated[
        int | None, typer.Option(min=0, max=HIGHEST, help="As before, or 4290.")
    ] = None,
) -> None:
    """Start the local Fly in the background, unless it is running already.

    Other ports or options than those that it runs with restart it, and its machines with it. What
    can't be (a port in use, a value that there isn't) is refused before anything is stopped.

    Exit codes: 0 it is ready, 1 it did not start or was left as it was, 64 wrong usage.
    """
    began = time.monotonic()
    noted = state / ENVIRONMENT
    before = _text(noted)
    try:
        started = DaemonControl(state).up(api_port, proxy_port, parse_options(further.args))
    except (ForeignFolderError, OptionError) as exc:
        raise UsageError(f"The local Fly did not start: {exc}") from exc
    except StartupError as exc:
        typer.echo(f"The local Fly did not start: {exc}", err=True)
        raise typer.Exit(1) from exc
    private.folder(state)
    typer.echo(_up_text(started, time.monotonic() - began))
    if before and _text(noted) != before:
        typer.echo(
            f"{noted} has another address or token now. A shell that has read it before needs to "
            "again: `. .flygate/env`."
        )


@commands.command()
def status(
    state: StateDir,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show the daemon, its apps and their machines; exit code 3 if it is not running."""
    info = DaemonControl(state).running()
    document: dict[str, Any] = {"running": info is not None}
    if info:
        document |= {"api_url": info.api_url, "proxy_url": info.proxy_url, "pid": info.pid}
        document |= {"dns": info.dns}
        document |= {"root": info.root, "started_at": info.started_at, "version": info.version}
        document |= httpx.get(f"{info.api_url}/_status", trust_env=False).json()
    if as_json:
        typer.echo(json.dumps(document, indent=2))
    else:
        _show(document)
    if not info:
        raise typer.Exit(3)


@commands.command()
def logs(
    state: StateDir,
    machine: Annotated[str, typer.Argument(help="A machine's id, or its beginning.")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("-n", help="How many lines at first.")] = 100,
) -> None:
    """Print what machines wrote, without the secrets that the local Fly has or had."""
    try:
        StateFolder(state).check()
    except ForeignFolderError as exc:
        raise UsageError(str(exc)) from exc
    reader = LogReader(state, machine)
    found = reader.new_lines()
    if machine and not found and not follow:
        typer.echo(f"No machine whose id begins with {machine!r} wrote anything.", err=True)
        raise typer.Exit(1)
    # A secret may begin some lines before those that are shown.
    _print_lines(_redacted(found[-lines - _LINES_BEFORE :], state)[-lines:])
    while follow:
        time.sleep(_FOLLOW_SECONDS)
        if found := reader.new_lines():
            _print_lines(_redacted(found, state))


@commands.command()
def down(
    state: StateDir,
    purge: Annotated[
        bool, typer.Option("--purge", help="Delete apps, machines, secrets, images too.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Purge without asking.")] = False,
) -> None:
    """End the local Fly and every machine of it. The next `up` brings them back.

    With --purge there is nothing to bring back. Only a folder that a local Fly made is deleted, and
    of it what the local Fly wrote.

    \b
    Examples:
      flygate local down
      flygate local down --purge --yes     in a script, which can't be asked

    Exit codes: 0 done, 1 not done, 64 the folder is something else, or no terminal is there to ask.
    """
    control, is_there = DaemonControl(state), StateFolder(state).exists
    try:
        if purge and is_there:
            _ask(f"{control.contents()} of the local Fly in {state.absolute()}", yes=yes)
        typer.echo(
            "The local Fly has ended." if control.down() else "The local Fly was not running."
        )
        if purge:
            left = control.purge()
            typer.echo(_purged(state, left) if is_there else f"There is no {state}.")
    except ForeignFolderError as exc:
        raise UsageError(str(exc)) from exc
    except StartupError as exc:
        typer.echo(f"Not all was deleted: {exc}.", err=True)
        raise typer.Exit(1) from exc


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _ask(what: str, *, yes: bool) -> None:
    """Ask whether to delete it.

    Raises:
        UsageError: there is no terminal.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            f"--purge deletes {what}, and there is no terminal to ask whether you mean it. Nothing "
            "was ended or deleted. `--yes` does not ask."
        )
    if not typer.confirm(f"This deletes {what}, for ever. Go on?"):
        typer.echo("Nothing was ended or deleted.", err=True)
        raise typer.Exit(1)


def _purged(state: Path, left: list[Path]) -> str:
    if left:
        names = ", ".join(path.name for path in left)
        return (
            f"Deleted what the local Fly wrote into {state}. What it did not write stays: {names}"
        )
    if state.is_symlink():
        return f"Deleted all in {state}. It is a link, so it stays, and so does the empty folder."
    return f"Deleted {state}."


def _up_text(started: Started, seconds: float) -> str:
    info = started.info
    if not started.is_new:
        what = "runs already"
    else:
        reason = f", restarted because {started.reason}" if started.reason else ""
        what = f"is ready after {seconds:.1f}s{reason}"
    return (
        f"The local Fly {what}.\n"
        f"  API    {info.api_url}   (FLY_API_BASE_URL, FLY_FLAPS_BASE_URL)\n"
        f"  proxy  {info.proxy_url}   (apps at {_app_url(info.proxy_url)})\n"
        f"  page   {info.api_url}/   (what runs, live)"
    )


def _app_url(proxy_url: str) -> str:
    return proxy_url.replace("127.0.0.1", "<app>.localhost")


def _show(document: dict[str, Any]) -> None:
    if not document["running"]:
        typer.echo("The local Fly is not running; `flygate local up` starts it.")
        return
    typer.echo(f"API {document['api_url']}, proxy {document['proxy_url']}, pid {document['pid']}")
    for fly_app in document["apps"]:
        typer.echo(f"\n{fly_app['name']}  {fly_app['url']}")
        Console().print(_machine_table(fly_app["machines"]))


def _machine_table(machines: list[dict[str, Any]]) -> Table:
    table = Table("machine", "release", "region", "state", "checks", "address", box=None)
    for machine in machines:
        state = machine["state"] + (" (cordoned)" if machine["cordoned"] else "")
        checks = ", ".join(machine["checks"].values())
        address = machine["address"]
        table.add_row(machine["id"], machine["release"], machine["region"], state, checks, address)
    return table


def _redacted(lines: list[LogLine], state: Path) -> list[LogLine]:
    """Without secrets, which a machine may have written over several of its lines."""
    redact, shown = Redactor(values_of(state)), dict[LogLine, LogLine]()
    for machine in {line.instance for line in lines}:
        own = [line for line in lines if line.instance == machine]
        texts = redact.lines([line.message for line in own])
        shown |= {line: replace(line, message=text) for line, text in zip(own, texts, strict=True)}
    return [shown[line] for line in lines]


def _print_lines(lines: list[LogLine]) -> None:
    for line in lines:
        message = visible(line.message)
        typer.echo(f"{rfc3339(line.timestamp)} {line.region} {line.instance}  {message}")
