"""`flygate init`: a new environment, chosen, checked, and then written at once."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from flygate.cli.arguments.stack_name import StackName
from flygate.cli.stack.stack import Stack
from flygate.cli.verbs.doctor import show_progress
from flygate.config import stack_file
from flygate.config.stack_file import NO_IMAGE, StackFile
from flygate.doctor.facts import Facts
from flygate.doctor.finding import Finding, Severity
from flygate.flytoml import toml_reader
from flygate.pulumi.errors import LOCAL_STACK
from flygate.setup.choices import Choices, Flags, choose
from flygate.setup.draft import Written, write
from flygate.setup.premises import PREMISES
from flygate.system.errors import ConfigError

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")


def init(  # noqa: PLR0913, PLR0917 (each is an option of its own)
    environment: StackName,
    app: Annotated[str, typer.Option(help="The app's name, global on Fly.io.")] = "",
    org: Annotated[str, typer.Option(help="The organisation's slug.")] = "",
    region: Annotated[
        list[str] | None, typer.Option(help="Where machines run; several times for several.")
    ] = None,
    phase: Annotated[str, typer.Option(help="1, 2 or 3: see docs/phases.md.")] = "",
    image: Annotated[str, typer.Option(help="What runs, by digest; else it is built later.")] = "",
    source: Annotated[
        str, typer.Option("--from", help="It runs what this other stack proved.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
    no_input: Annotated[bool, typer.Option("--no-input", help="Never ask: flags only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts; never asks.")] = False,
) -> None:
    """Make an environment: Pulumi.<name>.yaml, the Pulumi stack, and the generated secrets.

    All is chosen and checked first; then it is written, or nothing is. Run again it completes what
    is missing, and never changes a value or a secret that is there. Nothing on Fly is changed.

    \b
    Examples:
      flygate init staging
      flygate init prod --app shop --org acme --region iad --region fra --from staging
      flygate init demo --app shop-demo --no-input

    Exit codes: 0 it is complete, 1 something is wrong and nothing was written.
    """
    stack = Stack(_checked(environment))
    asks = not (no_input or as_json) and sys.stdin.isatty()
    file = StackFile.read(stack.root, environment)
    flags = Flags(app, org, tuple(region or ()), phase, image, source)
    facts = Facts(stack)
    interview = _Terminal() if asks else _Defaults()
    choices = choose(file, flags, _defaults(stack), interview, is_local=facts.is_on_local_fly)
    _check_app_is_ours(stack.root, environment, choices.app)
    findings = asyncio.run(_examined(stack, choices, quiet=as_json))
    _check_premises(findings, as_json=as_json)
    if asks and not yes:
        typer.confirm(f"\nWrite Pulumi.{environment}.yaml?", default=True, abort=True)
    written = _written(stack, file, choices)
    _show(environment, choices, written, as_json=as_json)


def _checked(name: str) -> str:
    if name == LOCAL_STACK:
        raise ConfigError("The stack `local` is made by `make up`, which needs no choices.")
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} can't be an environment's name: lower-case letters, digits, - and _ only."
        )
    return name


def _defaults(stack: Stack) -> Flags:
    """Return the proposals: the folder's name, and the region where `fly.toml` has its home."""
    folder = re.sub(r"[^a-z0-9]+", "-", stack.root.name.lower()).strip("-")
    home = str(toml_reader.read(stack.root / "fly.toml").get("primary_region") or "iad")
    org = stack.environment.get("FLY_ORG", "personal")
    return Flags(f"{folder}-{stack.name}", org, (home,), "1")


def _check_app_is_ours(root: Path, environment: str, app: str) -> None:
    """Refuse an app of another environment: the two would replace each other's machines."""
    for other in stack_file.others(root, environment):
        if other.values.get("app") == app and not other.is_template:
            raise ConfigError(
                f"{app} is the app of the environment {other.stack} (Pulumi.{other.stack}.yaml). "
                "Nothing was written. Choose another name: --app"
            )


async def _examined(stack: Stack, choices: Choices, *, quiet: bool) -> list[Finding]:
    values = {k: v if isinstance(v, str) else json.dumps(v) for k, v in choices.values().items()}
    async with Facts(stack, assumed=values) as facts:
        return await show_progress(facts, PREMISES, quiet=quiet)


def _check_premises(findings: list[Finding], *, as_json: bool) -> None:
    broken = [finding for finding in findings if finding.severity is Severity.BROKEN]
    if not broken:
        return
    if as_json:
        print(
            json.dumps({"written": False, "findings": [f.document() for f in findings]}, indent=2)
        )
    else:
        print("\nNothing was written. Mend what is broken, and run this again.", file=sys.stderr)
    raise typer.Exit(1)


def _written(stack: Stack, file: StackFile, choices: Choices) -> Written:
    try:
        return write(stack, file, choices)
    except KeyboardInterrupt:
        print("\nNothing was written.", file=sys.stderr)
        raise


def _show(environment: str, choices: Choices, written: Written, *, as_json: bool) -> None:
    follow = next_commands(environment, choices)
    token = f"pulumi config get --stack {environment} --path secrets.ADMIN_TOKEN"
    if as_json:
        document: dict[str, Any] = {"written": written.is_changed, "environment": environment}
        document |= {"choices": choices.values(), **asdict(written)}
        print(json.dumps({**document, "next": follow, "admin_token": token}, indent=2))
        return
    print(f"\n{_summary(environment, written)}\n\nWhat follows:")
    for command in follow:
        print(f"  {command}")
    print(f"\nThe admin token, for `flygate limiter`:\n  {token}")


def _summary(environment: str, written: Written) -> str:
    name = f"Pulumi.{environment}.yaml"
    if not (written.is_changed or written.made_stack):
        return f"{name} is complete; nothing was changed."
    parts = [f"stack {environment} made"] if written.made_stack else []
    parts += [f"{', '.join(written.keys)} set"] if written.keys else []
    parts += [f"{', '.join(written.secrets)} generated"] if written.secrets else []
    return f"{name} is complete: {'; '.join(parts)}. Commit it: its secrets are encrypted."


def next_commands(environment: str, choices: Choices) -> list[str]:
    """Return the commands that deploy it and show it."""
    if choices.source:
        return [f"flygate promote {environment}", f"flygate status {environment}"]
    first = (
        [f"flygate image build --push --create-app {environment}"]
        if NO_IMAGE in choices.image
        else []
    )
    return [*first, f"pulumi up --stack {environment}", f"flygate status {environment}"]


@dataclass(frozen=True, slots=True)
class _Terminal:
    """A person who answers."""

    def ask(self, what: str, flag: str, default: str, check: Callable[[str], object]) -> str:
        while True:
            answer = str(typer.prompt(f"{what} ({flag})", default=default)).strip()
            try:
                check(answer)
            except ConfigError as exc:
                print(str(exc).splitlines()[-1].strip(), file=sys.stderr)
            else:
                return answer


@dataclass(frozen=True, slots=True)
class _Defaults:
    """Answers with the proposal; an app's name must be chosen."""

    def ask(self, what: str, flag: str, default: str, check: Callable[[str], object]) -> str:
        if flag == "--app":
            raise ConfigError(
                f"An app's name must be chosen, and no terminal is there to ask: {flag} <name>"
            )
        check(default)
        return default
