"""`flygate ledger`: the record of releases in Pulumi's state: what it has, and how to mend it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer

from flygate.cli.arguments.stack_name import StackName
from flygate.cli.output import screen
from flygate.cli.stack.stack import Stack
from flygate.commands import app_key, decision, recovery
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.fly.owner import Owner
from flygate.program.desired_stack import DesiredStack
from flygate.pulumi.checkpoint import SIGNATURE, Checkpoint
from flygate.record.ledger import BYTES_MAX, Ledger, Release
from flygate.record.stack_record import COPY, StackRecord
from flygate.rollout.desired import DesiredRelease
from flygate.rollout.state import LIVE, State, observe
from flygate.system.errors import FlygateError

HELP = """The ledger: the releases of a stack with their manifests and secret values.

It is the result of the release resource, encrypted in Pulumi's state.

\b
Examples:
  flygate ledger show prod
  flygate ledger repair prod
"""
# The value beside the signature that marks a secret in Pulumi's JSON.
_MARK: Final = "1b47061264138c4ac30d75fd1eb44270"

_RELEASE_COMMAND: Final = "flygate:fly:Release$command:local:Command"

commands = typer.Typer(name="ledger", help=HELP, no_args_is_help=True, rich_markup_mode=None)
AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]


@dataclass(frozen=True, slots=True)
class Known:
    """A stack's ledger beside what runs.

    Attributes:
        document: the exported state.
        unrecorded: the version that serves and that the ledger lacks, or 0.
    """

    document: dict[str, Any]
    recorded: StackRecord
    state: State
    unrecorded: int

    @property
    def problems(self) -> list[str]:
        """What is wrong, a line each."""
        found = [self.recorded.problem] if self.recorded.problem else []
        if self.unrecorded:
            newest = self.recorded.ledger.next_version - 1
            ends = f"ends at v{newest}" if newest else "is empty"
            found.append(f"v{self.unrecorded} serves, and the ledger {ends}")
        return found


@commands.command()
def show(environment: StackName, as_json: AsJson = False) -> None:
    """The releases that the ledger has, where their secret values are, and what is wrong with it.

    No value is shown.

    \b
    Example:
      flygate ledger show local

    Exit codes: 0 it is well, 1 something is wrong.
    """
    stack = Stack(environment)
    known = _known(stack)
    if as_json:
        print(json.dumps(_document(known), indent=2))
    else:
        _print(stack, known)
    if known.problems:
        raise typer.Exit(1)


@commands.command()
def repair(
    environment: StackName,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Make the ledger readable and complete again. Nothing on Fly is changed.

    What can be read in Pulumi's state is joined: the resource's result and the stack's own copy. A
    release that serves and is in neither gets an entry from what its machines say, with the secret
    values that the stack's configuration has now; `flygate history` marks it. The next `pulumi up`
    does the same by itself.

    \b
    Example:
      flygate ledger repair local

    Exit codes: 0 it is well, 1 it can't be repaired: the message says why.
    """
    stack = Stack(environment)
    known = _known(stack)
    if not known.problems:
        print(f"The ledger of {environment} is well: there is nothing to repair.")
        return
    repaired, notes = asyncio.run(_repaired(stack, known))
    for line in [*known.problems, *notes]:
        print(line)
    print("It will have: " + (", ".join(map(_described, repaired.releases)) or "no release"))
    stack.check_unlocked()
    if not yes and not typer.confirm("Write it into Pulumi's state?"):
        raise FlygateError("Nothing was changed.")
    stack.ask("stack", "import", given=json.dumps(_with(known.document, repaired)))
    print(f"The ledger of {environment} is repaired. `flygate history {environment}` shows it.")


def _known(stack: Stack) -> Known:
    text = stack.ask("stack", "export", "--show-secrets")
    recorded = StackRecord.of(Checkpoint.exported(text))
    app = recorded.app or stack.config("app") or ""
    state = asyncio.run(_state(stack, app))
    unrecorded = decision.unrecorded(state, recorded.ledger.next_version - 1)
    return Known(json.loads(text), recorded, state, unrecorded)


async def _state(stack: Stack, app: str) -> State:
    async with FlyClient(Endpoints.from_env(stack.environment)) as fly:
        return await observe(fly, app) if app and await fly.app(app) else State(app)


async def _repaired(stack: Stack, known: Known) -> tuple[Ledger, tuple[str, ...]]:
    """Return the best ledger that can be made, and what was done for it."""
    if not known.recorded.has_result:
        raise FlygateError(
            f"Pulumi's state of {stack.name} has no release resource yet. The next `pulumi up "
            f"--stack {stack.name}` makes it, and takes over what runs."
        )
    desired = _desired(stack)
    async with FlyClient(Endpoints.from_env(stack.environment)) as fly:
        former = known.recorded.ledger
        key = await app_key.find(former, known.state, fly)
        ledger = former.model_copy(update={"key": key, **_identity(known)})
        like = desired.manifest or (ledger.current.manifest if ledger.current else None)
        if like is None:
            raise FlygateError(
                f"{stack.name} is pinned to a release of which nothing is left. End the pin first: "
                f"`pulumi config rm pin --stack {stack.name}`."
            )
        secret_set = ledger.secret_set_for(desired.secrets)
        release = DesiredRelease(like, secret_set, desired.secrets)
        return await recovery.reconcile(
            ledger, known.state, release, desired.secrets, fly, resumes=False
        )


def _identity(known: Known) -> dict[str, str]:
    """Return whose the ledger is, by the machines that serve."""
    live = next((m for m in known.state.machines if m.role == LIVE and m.holder), None)
    owner = Owner.parse(live.owner) if live else None
    former = known.recorded.ledger
    return {
        "app": known.state.app,
        "state": owner.id if owner else former.state,
        "tenure": live.holder if live else former.tenure,
    }


def _desired(stack: Stack) -> DesiredStack:
    """Read the desired state of the stack, secret values too."""
    listed = json.loads(stack.ask("config", "--json", "--show-secrets"))
    raw = {key.partition(":")[2]: value["value"] for key, value in listed.items()}
    is_secret = bool(listed.get("flygate:redis", {}).get("secret"))
    return DesiredStack.read(raw, is_redis_secret=is_secret, root=stack.root)


def _with(document: dict[str, Any], ledger: Ledger) -> dict[str, Any]:
    """Return the exported state with a repaired ledger in place of the result and of its copies."""
    ledger = ledger.fitted()
    for resource in document["deployment"]["resources"]:
        if resource["type"] == "pulumi:pulumi:Stack":
            outputs = resource.setdefault("outputs", {})
            outputs[COPY] = _secret(ledger.content())
            outputs["running"] = _secret(json.dumps(ledger.running()))
            outputs["history"] = _secret(ledger.history())
        elif resource["urn"].rpartition("::")[0].endswith(_RELEASE_COMMAND):
            resource["outputs"]["stdout"] = _secret(ledger.dumps())
    return document


def _secret(value: Any) -> dict[str, str]:
    """Return a value in the form that Pulumi's import encrypts."""
    return {SIGNATURE: _MARK, "plaintext": json.dumps(value)}


def _described(release: Release) -> str:
    return f"{release.name} (rebuilt)" if release.rebuilt else release.name


def _document(known: Known) -> dict[str, Any]:
    ledger = known.recorded.ledger
    return {
        "app": known.recorded.app,
        "owner": str(known.recorded.owner or ""),
        "bytes": len(ledger.fitted().dumps()),
        "bytes_max": BYTES_MAX,
        "problems": known.problems,
        "releases": [
            {
                "version": release.name,
                "manifest": release.manifest_id,
                "at": release.at,
                "by": release.by,
                "secrets": sorted(release.manifest.secrets),
                "values": ledger.has_secrets_of(release),
                "rebuilt": release.rebuilt,
            }
            for release in reversed(ledger.releases)
        ],
    }


def _print(stack: Stack, known: Known) -> None:
    document = _document(known)
    share = 100 * document["bytes"] // BYTES_MAX
    print(f"{document['app'] or 'no app yet'}, of {document['owner'] or 'a state of Flygate 0.1'}")
    print(f"{document['bytes']:,} of {BYTES_MAX:,} bytes ({share} %) go to the next run")
    table = screen.table("release", "manifest", "when", "who", "secrets", "values", "entry")
    for one in document["releases"]:
        table.add_row(
            one["version"],
            one["manifest"],
            one["at"].replace("T", " ").removesuffix("+00:00"),
            one["by"],
            str(len(one["secrets"])),
            "kept" if one["values"] else "dropped",
            f"rebuilt from {one['rebuilt']}" if one["rebuilt"] else "as recorded",
        )
    screen.console().print(table)
    for line in known.problems:
        print(f"problem: {line}")
    if known.problems:
        print(
            f"The next `pulumi up --stack {stack.name}` puts it right by itself; "
            f"`flygate ledger repair {stack.name}` does it without a deployment."
        )
