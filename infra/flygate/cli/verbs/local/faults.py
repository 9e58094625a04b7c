"""`flygate local faults`: make the local Fly misbehave, and well again."""

from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from localfly.daemon.control import DaemonControl
from localfly.state.env_file import authorization

from flygate.cli.verbs.local.state_folder import StateDir

faults = typer.Typer(
    name="faults",
    help="Make it misbehave (`flygate local up --faults` first).",
    invoke_without_command=True,
)


@faults.callback()
def shown(context: typer.Context, state: StateDir) -> None:
    """Show what goes wrong now."""
    if context.invoked_subcommand is None:
        _show(_call(state, "GET", ""))


@faults.command()
def add(  # noqa: PLR0913, PLR0917 (each is an option of its own)
    action: Annotated[str, typer.Argument(help="Such as create_machine, or 'POST /v1/apps'.")],
    kind: Annotated[str, typer.Argument(help="slow, fail, drop or lose.")],
    state: StateDir,
    probability: Annotated[float, typer.Option(help="That a request is hit.")] = 1.0,
    count: Annotated[int | None, typer.Option(help="How many requests at most.")] = None,
    seconds: Annotated[float, typer.Option(help="How long each waits first.")] = 0.0,
    status: Annotated[int, typer.Option(help="Of the answer, for `fail`.")] = 500,
) -> None:
    """Let requests to the API meet a fault."""
    body = {"action": action, "kind": kind, "probability": probability, "count": count}
    made = _call(state, "POST", "", {**body, "seconds": seconds, "status": status})
    typer.echo(f"{made['id']}  {made['action']}  {made['kind']}")


@faults.command()
def chaos(
    share: Annotated[float, typer.Argument(help="Of all requests, such as 0.05.")],
    state: StateDir,
    seed: Annotated[int, typer.Option(help="The same seed hits the same requests.")] = 0,
) -> None:
    """Let a share of all requests to the API meet a fault at random."""
    _call(state, "POST", "/chaos", {"share": share, "seed": seed})
    typer.echo(f"{share:.0%} of all requests meet a fault (seed {seed}).")


@faults.command()
def machine(
    machine_id: Annotated[str, typer.Argument(help="The machine.")],
    action: Annotated[str, typer.Argument(help="kill, freeze, starve, partition or heal.")],
    state: StateDir,
    share: Annotated[float, typer.Option(help="Of the CPU, for `starve`.")] = 0.1,
) -> None:
    """Hurt a machine, or heal it."""
    _call(state, "POST", f"/machines/{machine_id}", {"action": action, "share": share})


@faults.command()
def clock(seconds: Annotated[float, typer.Argument(help="How far.")], state: StateDir) -> None:
    """Move the clock on: leases, autostop and caches follow."""
    moved = _call(state, "POST", "/clock", {"advance_seconds": seconds})
    typer.echo(f"The clock is {moved['ahead_seconds']:g}s ahead.")


@faults.command()
def clear(state: StateDir) -> None:
    """End all faults, and heal all machines."""
    _call(state, "DELETE", "")


def _call(state: Path, method: str, path: str, body: Any = None) -> Any:
    daemon = DaemonControl(state).running()
    if daemon is None:
        typer.echo("The local Fly is not running; `flygate local up --faults`.", err=True)
        raise typer.Exit(3)
    url = f"{daemon.api_url}/_faults{path}"
    answer = httpx.request(method, url, json=body, headers=authorization(state), trust_env=False)
    if answer.status_code == 404 and "/_faults" in answer.text:
        typer.echo("It was started without --faults: `flygate local up --faults`.", err=True)
        raise typer.Exit(1)
    if answer.is_error:
        typer.echo(answer.json()["error"], err=True)
        raise typer.Exit(1)
    return answer.json() if answer.content else None


def _show(document: dict[str, Any]) -> None:
    for fault in document["faults"]:
        left = "" if fault["count"] is None else f" of {fault['count']}"
        typer.echo(f"{fault['id']}  {fault['action']}  {fault['kind']}  hit {fault['hits']}{left}")
    if random := document["chaos"]:
        hits = f"hit {random['hits']} of {random['asked']}"
        typer.echo(f"chaos  {random['share']:.0%} of all requests  seed {random['seed']}  {hits}")
    for machine_id in document["partitioned"]:
        typer.echo(f"{machine_id}  partitioned from the DNS")
    if document["clock_ahead_seconds"]:
        typer.echo(f"The clock is {document['clock_ahead_seconds']:g}s ahead.")
    if not any(document[one] for one in ("faults", "chaos", "partitioned", "clock_ahead_seconds")):
        typer.echo("Nothing goes wrong.")
