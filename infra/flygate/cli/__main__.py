"""`flygate`: finds the verb's file, runs it, and turns errors into a line and an exit code."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any, Final

import typer

from flygate.cli.arguments.usage import MISUSED, check_words
from flygate.system import space
from flygate.system.errors import FlygateError

# Each verb is a file of `verbs/` (`op` runs inside every deployment, so no other one is imported):
# a function of the verb's name, or `commands`, where the verb has several.
VERBS: Final[Mapping[str, str]] = {
    "up": "Bring a stack up, and show that it works.",
    "init": "A new environment: its file, its stack, its secrets.",
    "doctor": "What is wrong, and how to mend it.",
    "plan": "What the next deployment would do.",
    "status": "What runs now, and from which release.",
    "history": "The releases: what, when, who, why.",
    "diff": "What differs between two releases.",
    "judge": "Judge a rollout's samples again.",
    "rollback": "Take a release back, with all that is in it.",
    "forward": "End a pin and deploy the checkout again.",
    "proceed": "Let a held rollout go on.",
    "abort": "Take a held rollout back.",
    "unlock": "End the lock of a Pulumi that died.",
    "image": "Build and push the image for Fly.io.",
    "promote": "Give prod what staging proved.",
    "ledger": "The record of releases: what it has; mend it.",
    "adopt": "Take over an app that `fly deploy` made.",
    "eject": "Let `fly deploy` go on from what runs.",
    "destroy": "Destroy a stack: app, machines, Redis; volumes if you say so.",
    "move": "Release to another app, and leave the former one.",
    "limiter": "Look into a deployed limiter, free a client, block one.",
    "redis": "Destroy the Redis of a stack that needs none any more.",
    "local": "Fly.io on this computer: no account, no Docker, no internet.",
    "op": "What Pulumi's Commands run.",
}
# Not for people.
_HIDDEN: Final = frozenset({"op"})
_HELP_WORDS: Final = frozenset({"--help"})
_PARSERS_OWN: Final = 2

_HELP: Final = """Deploy a rate-limited service on Fly.io, or on a Fly of your own on this machine.

\b
Examples:
  flygate up                      the local Fly, and the service on it
  flygate status                  what runs, and from which release
  flygate rollback local          take the last release back
  flygate history local --json    the releases, for scripts
"""


def main() -> None:
    """Run the command that was typed."""
    try:
        check_words(sys.argv[1:])
        build(sys.argv[1:] or [*_HELP_WORDS])(prog_name="flygate")
    except FlygateError as exc:
        if str(exc):
            print(f"error: {exc}", file=sys.stderr, flush=True)
        sys.exit(exc.exit_code)
    except OSError as exc:
        if (full := space.full(exc)) is None:
            raise
        print(f"error: {full}", file=sys.stderr, flush=True)
        sys.exit(full.exit_code)
    except SystemExit as exc:
        # The parser's own 2 would mean "failed, and all is as before".
        sys.exit(MISUSED if exc.code == _PARSERS_OWN else exc.code)


def build(arguments: list[str]) -> typer.Typer:
    """Return the command with the verb of the arguments, or with all of them.

    Where the arguments want no more than the list of verbs, nothing of them is imported.
    """
    app = typer.Typer(
        help=_HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # plain help keeps our line breaks
    )
    app.callback()(lambda: None)
    first = arguments[:1]
    if first and first[0] in _HELP_WORDS:
        for verb in VERBS:
            _command(app, verb)(lambda: None)
        return app
    for verb in [verb for verb in first if verb in VERBS] or VERBS:
        _add(app, verb)
    return app


def _add(app: typer.Typer, verb: str) -> None:
    module = importlib.import_module(f"flygate.cli.verbs.{verb}")
    if commands := getattr(module, "commands", None):
        app.add_typer(commands, name=verb, short_help=VERBS[verb], hidden=verb in _HIDDEN)
    else:
        _command(app, verb)(getattr(module, verb))


def _command(app: typer.Typer, verb: str) -> Any:
    return app.command(verb, short_help=VERBS[verb], hidden=verb in _HIDDEN)


if __name__ == "__main__":
    main()
